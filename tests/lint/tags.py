#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The error codes are a closed, documented list: every code that the source can give is in
# docs/errors.md, and every code there is given somewhere.
import re

from lint import ROOT, Tap, calls, check, code, files

ROW = re.compile(r"^\| `([a-z0-9_]+)` \|", re.M)
TAG = re.compile(r"^[a-z][a-z0-9_]{2,30}$")
# The third argument of err_tag(e, code, tag, …); a variable there comes from a table of tags.
CALLS = ("err_tag",)


def split_args(text):
    depth, start, out, quoted = 0, 0, [], False
    for i, c in enumerate(text):
        if c == '"' and text[i - 1 : i] != "\\":
            quoted = not quoted
        if quoted:
            continue
        depth += {"(": 1, ")": -1, "[": 1, "]": -1, "{": 1, "}": -1}.get(c, 0)
        if c == "," and depth == 0:
            out.append(text[start:i])
            start = i + 1
    return out + [text[start:]]


def documented(root):
    doc = root / "docs" / "errors.md"
    return ROW.findall(doc.read_text()) if doc.is_file() else []


def used(root):
    for path in files(root, "*.c", "*.h"):
        text = code(path.read_text(errors="replace"), keep_strings=True)
        for _, args, line in calls(text, CALLS):
            parts = split_args(args)
            third = parts[2] if len(parts) > 3 else ""
            # A tag that a node sent passes through; only what it falls back to is written here.
            third = re.sub(r'js_str_or\(([^,]*,)\s*"[^"]*"', r"js_str_or(\1", third)
            for tag in re.findall(r'"([^"]*)"', third):
                yield tag, f"{path.relative_to(root)}:{line}"


def exits(root):
    """The command line's own table of exit statuses by code, as documented and as built."""
    doc = root / "docs" / "errors.md"
    rows = re.findall(r"^\| `([a-z0-9_]+)` \|.*\| (\d) \|$", doc.read_text(), re.M) \
        if doc.is_file() else []
    cli = root / "proximo-client" / "cli"
    text = "".join(code(p.read_text(), True) for p in files(root, "*.c", "*.h",
                                                          below=("proximo-client/cli",)))
    number = dict(re.findall(r"\b(EXIT_[A-Z]+) = (\d)", text))
    built = {t: number.get(n, "?") for t, n in re.findall(r'\{"([a-z0-9_]+)", (EXIT_[A-Z]+)\}',
                                                          text)}
    if not built and cli.is_dir():
        return
    for tag, status in rows:
        if built.get(tag, "1") != status:
            yield f"{tag}: documented to exit {status}, the command line exits {built.get(tag, '1')}"
    for tag in built:
        if tag not in dict(rows):
            yield f"{tag}: the command line knows its exit status, docs/errors.md does not list it"


def lint(root):
    doc = documented(root)
    for tag in {t for t in doc if doc.count(t) > 1}:
        yield f"docs/errors.md lists {tag} twice"
    for tag, where in used(root):
        if not TAG.match(tag):
            yield f"{where}: \"{tag}\" is not a code ([a-z0-9_], 3 to 31 characters)"
        elif tag not in doc:
            yield f"{where}: {tag} is not in docs/errors.md"


# Tables that give a code its status: a code that stands only there is given by nobody.
STATUS_ROW = re.compile(r'\{"([a-z0-9_]+)", (?:EXIT_[A-Z]+|\d{3}),?')


def given(root):
    """Every code of the list is given by a part of those that it names. Codes reach err_tag also
    through tables: any string literal of that name counts, but for the tables of statuses."""
    seen = {}
    for path in files(root, "*.c", "*.h"):
        text = STATUS_ROW.sub("", code(path.read_text(errors="replace"), keep_strings=True))
        for tag in re.findall(r'"([a-z][a-z0-9_]{2,30})"', text):
            seen.setdefault(tag, set()).add(path.relative_to(root).parts[0])
    doc = root / "docs" / "errors.md"
    for tag, who in re.findall(r"^\| `([a-z0-9_]+)` \| ([a-z, ]+?) \|",
                               doc.read_text() if doc.is_file() else "", re.M):
        for party in who.split(", "):
            own = {"common", "pveagentd" if party == "node" else "proximo-client"}
            if not own & seen.get(tag, set()):
                yield f"docs/errors.md: {tag} is given by no {party}"


def fallbacks(root):
    """What stands for an error without a code is a code, too."""
    doc = documented(root)
    for path in files(root, "*.c"):
        text = code(path.read_text(errors="replace"), keep_strings=True)
        for tag in re.findall(r'e?->tag(?:\[0\])? \? [a-z]+->tag : "([a-z_0-9]+)"', text):
            if tag not in doc and tag not in ("ok", "error"):  # a read that went well; a word for people
                yield f"{path.relative_to(root)}: {tag}, for errors without a code, is not listed"


def shape(root):
    """The members that errors.md says an error has are those that the client gives it."""
    doc = root / "docs" / "errors.md"
    m = re.search(r"^\{(code, [^}]*)\}$", doc.read_text(), re.M) if doc.is_file() else None
    said = set(re.findall(r"[a-z_]+", m.group(1))) if m else set()
    source = root / "proximo-client" / "pipeline" / "service.c"
    body = re.search(r"^js \*service_error\(.*?^\}", source.read_text(), re.M | re.S) \
        if source.is_file() else None
    built = set(re.findall(r'js_add\(o, "([a-z_]+)"', body.group(0))) if body else set()
    for name in sorted(said ^ built):
        yield f"docs/errors.md: an error's {name} is only in the {'page' if name in said else 'source'}"


def status_rows(root):
    """Codes that have an HTTP status on a node and are on no list: nobody gives them."""
    route = root / "pveagentd" / "route.c"
    text = code(route.read_text(), keep_strings=True) if route.is_file() else ""
    return sorted(set(STATUS_ROW.findall(text)) - set(documented(root)))


doc = "| `a_code` | x |\n"
tap = Tap()
check(tap, "tags", lint, {
    "undocumented": {"docs/errors.md": doc, "common/a.c": 'f(err_tag(e, -EIO, "b_code", "x"));'},
    "malformed": {"docs/errors.md": doc, "common/a.c": 'err_tag(e,\n -EIO, "B code", "x");'},
    "listed twice": {"docs/errors.md": doc + doc, "common/a.c": ""},
    "no list": {"common/a.c": 'err_tag(e, -1, "a_code", "x");'},
})
check(tap, "exits", exits, {
    "another status": {"docs/errors.md": "| `a_code` | x | y | 3 |\n", "proximo-client/cli/a.c":
                       'EXIT_USAGE = 2, {"a_code", EXIT_USAGE}'},
    "not listed": {"docs/errors.md": "", "proximo-client/cli/a.c":
                   'EXIT_USAGE = 2, {"a_code", EXIT_USAGE}'},
})
check(tap, "given", given, {
    "given by nobody": {"docs/errors.md": "| `a_code` | client | y | 3 |\n", "proximo-client/a.c":
                        'x[] = {{"a_code", EXIT_USAGE}};'},
    "given by the other half": {"docs/errors.md": "| `a_code` | client, node | y | 3 |\n",
                                "proximo-client/a.c": 'f("a_code");'},
})
check(tap, "fallbacks", fallbacks, {
    "not listed": {"docs/errors.md": "", "common/a.c": 's = e->tag[0] ? e->tag : "bad";'},
})
check(tap, "shape", shape, {
    "a member that is not given": {"docs/errors.md": "{code, pve_errors?}\n", "proximo-client/pipeline/service.c":
                                   'js *service_error(x) {\n    js_add(o, "code", y);\n}\n'},
})
tap.todo(not status_rows(ROOT), "every code with a status on a node is listed",
         "no one gives " + ", ".join(status_rows(ROOT)))
tap.end()
