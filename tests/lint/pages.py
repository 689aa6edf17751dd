#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# What the source takes is what the pages explain, in both directions: options, keys of configuration
# files, environment variables, paths of the node's interface, exit statuses; and the pages have one date,
# the release's. (manual.py holds --help against the pages; it needs the built programs.)
import re

from lint import Tap, check, code, files

OPTION = re.compile(r'\{\s*"([a-z][a-z-]+)",\s*(required_argument|no_argument|[01]),\s*NULL')
GETOPT = {  # page: the source that holds its options
    "proximo-verify.1": "proximo-client/ledger/verify_main.c",
    "pvesim.1": "proximo-client/sim/main.c",
    "pveagentd.8": "pveagentd/main.c",
    "pveagentd-priv.8": "pveagentd/priv/serve.c",
    "pveagentd-reader.8": "pveagentd/reader/main.c",
    "pveagentctl.8": "pveagentd/ctl/main.c",
}
CONF = {"proximo.ini.5": "proximo-client/config.c", "pveagentd-policy.5": "pveagentd/priv/policy.c"}
ENV = {  # pages, and where the programs they are about read the environment
    ("proximo-client.1", "proximo.ini.5"): ("proximo-client/cli", "proximo-client/main.c",
                                            "proximo-client/config.c"),
    ("pvesim.1",): ("proximo-client/sim",),
    ("pveagentctl.8",): ("pveagentd/ctl",),
    ("pveagentd.8",): ("common/systemd.c",),
}
HOMELESS = {"HOME"}  # environ(7) explains it
MONTHS = ("January February March April May June July August September October November "
          "December").split()


def text_of(root, name):
    path = root / name
    return path.read_text(errors="replace") if path.is_file() else ""


def differ(where, what, source, page):
    for x in sorted(source - page):
        yield f"{where}: the source takes {what} {x}, the page does not explain it"
    for x in sorted(page - source):
        yield f"{where}: the page explains {what} {x}, the source does not take it"


def explained_options(page):
    """Options with an entry of their own, and whether they are said to take a value."""
    found = {}
    for line in re.findall(r"^\.It (?:Ic|Cm|Fl) .*$", page.replace("\\-", "-"), re.M):
        for name, after in re.findall(r"Fl -([a-z][a-z-]*)((?: Ar| Cm)?)", line):
            found[name] = found.get(name, False) or after.strip() in ("Ar", "Cm")
    return found


def options(root):
    shared = dict(OPTION.findall(re.sub(r"\\\n\s*", "", text_of(root, "pveagentd/priv/priv.h"))))
    client = "".join(text_of(root, p.relative_to(root)) for p in
                     files(root, "*.c", below=("proximo-client/cli", "proximo-client/main.c")))
    takes = {"proximo-client.1": {n: call != "cli_flag" for call, n in re.findall(
        r'(cli_flag|cli_option|add_number)\(c, "--([a-z-]+)"', client)}}
    if re.search(r'argv\[0\], "--version"', client):
        takes["proximo-client.1"]["version"] = False
    for name, source in GETOPT.items():
        text = text_of(root, source)
        own = {**dict(OPTION.findall(text)), **(shared if "PRIV_OPTIONS" in text else {})}
        takes[name] = {n: a in ("required_argument", "1") for n, a in own.items()}
    for name, own in takes.items():
        page = explained_options(text_of(root, f"docs/{name}"))
        yield from differ(name, "option", {f"--{n}" for n in own if n != "help"},
                          {f"--{n}" for n in page if n != "help"})  # manual.py runs that one
        for n in sorted(own.keys() & page.keys()):
            if own[n] != page[n]:
                yield f"{name}: --{n} takes {'a' if own[n] else 'no'} value, the page says otherwise"


def keys_of_page(page):
    """[(section kind, key)]: the .Cm items below each `.Ss [kind NAME]`."""
    for kind, body in re.findall(r"^\.Ss \[([a-z-]+)[^\n]*\]\n((?:(?!^\.S[hs] ).*\n)*)", page, re.M):
        for item in re.findall(r"^\.It (?:Cm|Ic) (.*)$", body, re.M):
            for key in re.findall(r"[a-z][a-z-]+", item.split(" No =")[0]):
                yield kind, key


def keys(root):
    for name, source in CONF.items():
        takes = {(kind, key) for kind, row in re.findall(
            r'\{"([a-z-]+)", (?:true|false), "([a-z -]+)",', text_of(root, source))
            for key in row.split()}
        page = text_of(root, f"docs/{name}")
        explains = set(keys_of_page(page))
        if name == "proximo.ini.5":  # [pbs] explains what differs from [cluster] and says so
            takes = {t for t in takes if t[0] != "pbs" or t in explains}
            also = dict(re.findall(r"(\[pbs NAME\])((?:.*\n)*?)\.Ss", page))
            for key in {k for kind, k in keys_of_page(page) if kind == "cluster"}:
                if f'{{"pbs", true, "{key}"' not in text_of(root, source) and \
                        f".Cm {key}" not in "".join(also.values()):
                    yield f"{name}: [pbs] has no key {key}, and its section does not say so"
        yield from differ(name, "key", {f"[{k}] {v}" for k, v in takes},
                          {f"[{k}] {v}" for k, v in explains})


def variables(root):
    for pages, below in ENV.items():
        text = "".join(code(p.read_text(errors="replace"), True)
                       for p in files(root, "*.c", below=below))
        takes = set(re.findall(r'(?:getenv|xdg|of_us)\((?:"[A-Z_]+", )?"([A-Z_]+)"', text))
        takes |= set(re.findall(r'of_us\("([A-Z_]+)"', text))
        page = "".join(text_of(root, f"docs/{p}") for p in pages)
        section = "".join(re.findall(r"^\.Sh ENVIRONMENT\n((?:(?!^\.Sh ).*\n)*)", page, re.M))
        said = set(re.findall(r"[A-Z][A-Z_]+", " ".join(re.findall(r"^\.It Ev (.*)$", section, re.M))))
        yield from differ(" and ".join(pages), "variable", takes - HOMELESS, said - HOMELESS)


def routes(root):
    takes = set(re.findall(r'\{"(GET|POST)", "(/v1/[a-z-]+)', text_of(root, "pveagentd/route.c")))
    page = text_of(root, "docs/pveagentd.8")
    said = {tuple(m) for item in re.findall(r"^\.It (Ic .*)$", page, re.M)
            for m in re.findall(r"Ic (GET|POST) (/v1/[a-z-]+)", item)}
    yield from differ("pveagentd.8", "request", {" ".join(t) for t in takes},
                      {" ".join(t) for t in said})


def answers(root):
    """The members of what a node says of itself and of a request."""
    source = text_of(root, "pveagentd/answer.c")
    page = text_of(root, "docs/pveagentd.8")
    for name in ("status", "explain"):
        table = re.search(rf"{name}_members\[\] = \{{(.*?)\}};", source, re.S)
        item = re.search(rf"^\.It Ic \S+ /v1/{name} .*\n((?:(?!^\.It ).*\n)*)", page, re.M)
        said = set(re.findall(r"[a-z_]+", item.group(1))) if item else set()
        for own, member in re.findall(r'\{"[a-z-]+", (NULL|"[a-z]+"), "([a-z_]+)",',
                                      table.group(1) if table else ""):
            if member not in said or own != "NULL" and own.strip('"') not in said:
                yield f"pveagentd.8: the answer of {name} has {member}, the page does not say so"


def statuses(root):
    """Every program's page has its exit statuses; the client's are those of its own enum."""
    for path in files(root, "*.1", "*.8", below=("docs",)):
        section = re.search(r"^\.Sh EXIT STATUS\n((?:(?!^\.Sh ).*\n)*)", path.read_text(), re.M)
        said = set(re.findall(r"^\.It (\d)$", section.group(1), re.M)) if section else set()
        if not said:
            yield f"{path.name}: its exit statuses are not listed"
        if path.name == "proximo-client.1":
            yield from differ(path.name, "exit status", set(re.findall(
                r"\bEXIT_[A-Z]+ = (\d)", text_of(root, "proximo-client/cli/cli.h"))), said)
        if path.name == "proximo-verify.1":
            yield from differ(path.name, "exit status", set(re.findall(
                r"\bEXIT_[A-Z]+ = (\d)", text_of(root, GETOPT[path.name]))), said)


def dates(root):
    """The pages describe one release: their date is that of the newest entry of debian/changelog."""
    m = re.search(r"^ -- .*, +(\d+) ([A-Z][a-z]{2}) (\d{4}) ", text_of(root, "debian/changelog"), re.M)
    if not m:
        yield "debian/changelog has no date"
        return
    month = next((x for x in MONTHS if x.startswith(m.group(2))), "?")
    want = f"{month} {int(m.group(1))}, {m.group(3)}"
    pages = list(files(root, "*.1", "*.5", "*.7", "*.8", below=("docs",)))
    for path in [*pages, root / "proximo-client/tools/manual.c"]:
        found = re.findall(r"\.Dd ([A-Za-z0-9, ]+?)(?:\\n|$)", text_of(root, path.relative_to(root)), re.M)
        if found != [want] and (found or path in pages):
            yield f"{path.name}: its date is {found or 'missing'}, the release's {want}"


tap = Tap()
page = ".It Fl -aa Ar x\n.It Fl -bb\n"
table = '{"aa", required_argument, NULL, 1}, {"bb", no_argument, NULL, 2},'
check(tap, "options", options, {
    "the source only": {"docs/pvesim.1": page, "proximo-client/sim/main.c":
                        table + '{"cc", no_argument, NULL, 3}'},
    "the page only": {"docs/pvesim.1": page + ".It Fl -cc\n", "proximo-client/sim/main.c": table},
    "a value": {"docs/pvesim.1": page, "proximo-client/sim/main.c":
                table.replace("no_argument", "required_argument")},
    "the client": {"docs/proximo-client.1": page, "proximo-client/cli/a.c": 'cli_flag(c, "--bb")'},
})
ini = ".Ss [node]\n.It Cm max\n.Ss x\n"
check(tap, "keys", keys, {
    "the source only": {"docs/pveagentd-policy.5": ini, "pveagentd/priv/policy.c":
                        '{"node", false, "max", 0}, {"node", false, "min", 0},'},
    "the source only, in a row of several": {
        "docs/pveagentd-policy.5": ini, "pveagentd/priv/policy.c": '{"node", false, "max min", 0},'},
    "the page only": {"docs/pveagentd-policy.5": ini, "pveagentd/priv/policy.c": ""},
    "a key that pbs lacks": {
        "docs/proximo.ini.5": ".Ss [cluster NAME]\n.It Cm url\n.Ss [pbs NAME]\nAs above.\n.Ss x\n",
        "proximo-client/config.c": '{"cluster", true, "url", 0}, {"pbs", true, "ca", 0},'},
})
check(tap, "environment", variables, {
    "the source only": {"pveagentd/ctl/a.c": 'getenv("EDITOR");'},
    "the page only": {"docs/pveagentctl.8": ".Sh ENVIRONMENT\n.It Ev EDITOR\n"},
})
check(tap, "interface", routes, {
    "the source only": {"pveagentd/route.c": '{"GET", "/v1/x", 0}'},
    "the page only": {"docs/pveagentd.8": ".It Ic GET /v1/x Pq any\n"},
})
check(tap, "answers", answers, {
    "a member": {"pveagentd/answer.c": 's status_members[] = {{"join-open", NULL, "join_open", F},};',
                 "docs/pveagentd.8": ".It Ic GET /v1/status Pq any\n.Li {node}\n.It x\n"},
})
check(tap, "exit statuses", statuses, {
    "none": {"docs/pveagentd.8": ".Sh NAME\n"},
    "one missing": {"docs/proximo-client.1": ".Sh EXIT STATUS\n.It 0\n", "proximo-client/cli/cli.h":
                    "EXIT_DONE = 0, EXIT_FAILED = 1"},
})
log = " -- A <a@b>  Mon, 30 Nov 2026 18:00:00 +0000\n"
check(tap, "dates", dates, {
    "another": {"debian/changelog": log, "docs/a.1": ".Dd November 25, 2026\n"},
    "no date": {"debian/changelog": log, "docs/a.1": ".Dt A 1\n"},
    "the made page": {"debian/changelog": log, "proximo-client/tools/manual.c":
                      '".Dd November 25, 2026\\n.Dt X 7"'},
    "no release": {"docs/a.1": ".Dd November 30, 2026\n"},
})
tap.end()
