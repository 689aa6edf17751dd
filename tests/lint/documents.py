#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# What README and docs/ name is there: files, make targets, rows of the table of operations, commands of
# the programs with their options, members of the structures that adding-a-row.md fills in; and the
# lines of signed texts and entries in formats.md are those that the source reads, in their order.
import re

from lint import Tap, check, files

FILE = re.compile(r"(?<![\w./-])((?:tests|docs|common|proximo-client|pveagentd|debian|\.ci)/[\w.{},/*-]*\w)")
ROW = re.compile(r"(?<![\w.])((?:pve|pbs|proximo|ct|vm)_[a-z][a-z_0-9]+)(?![\w(*.])")


def documents(root):
    for path in [root / "README.md", *files(root, "*.md", "*.1", "*.5", "*.7", "*.8", below=("docs",))]:
        if path.is_file():
            text = path.read_text()
            if path.suffix != ".md":  # mdoc: one line an element, words without their macros
                text = re.sub(r"\\-", "-", text).replace("\\&", "")
            yield path, text


def source(root, *below):
    return "".join(p.read_text(errors="replace") for p in files(root, "*.c", "*.h", below=below))


def paths(root):
    for doc, text in documents(root):
        figures = re.sub(r"<!-- figures.*?end of figures -->", "", text, flags=re.S)
        for name in sorted(set(FILE.findall(figures))):
            if name.endswith("/v1") or name.startswith(("docs/proximo-tools", "pveagentd/roster",
                                                        "pveagentd/clients", "pveagentd/policy.ini")):
                continue  # a format's name, made by the build, or below the cluster file system
            if not (any(root.glob(name)) or "{" in name or any(root.glob(name + "*"))):
                yield f"{doc.name}: {name} is not there"


def targets(root):
    make = "".join(p.read_text() for p in [*root.glob("Makefile.am"), *root.glob("**/local.mk")])
    for doc, text in documents(root):
        for name in re.findall(r"`(?:\.?/?)make ([a-z-]+)`", text):
            if not re.search(rf"^(?:\S+ )*{name}:", make, re.M) and name not in ("check", "dist"):
                yield f"{doc.name}: make {name} is no target"


def rows(root):
    table = source(root, "proximo-client/tools")
    errors = root / "docs" / "errors.md"
    codes = set(re.findall(r"^\| `([a-z0-9_]+)`", errors.read_text() if errors.is_file() else "", re.M))
    for doc, text in documents(root):
        for name in sorted(set(ROW.findall(text))):
            if name not in codes and f'"{name}"' not in table:
                yield f"{doc.name}: there is no row {name}"


def spans(text):
    """What a reader may type: `code`, lines of code blocks, mdoc's .Ic/.Ql and literal lines."""
    yield from re.findall(r"`([^`\n]+)`", text)
    for block in re.findall(r"```\w*\n(.*?)```|^\.Bd -literal.*?\n(.*?)^\.Ed", text, re.S | re.M):
        yield from "".join(block).splitlines()
    yield from re.findall(r"^\.(?:Ic|Ql) (.*)$", text, re.M)


def commands(root):
    client, ctl = source(root, "proximo-client/cli"), source(root, "pveagentd/ctl")
    known = {
        "proximo-client": (set(re.findall(r'struct command cmd_\w+ = \{\s*"([a-z]+)"', client)),
                           set(re.findall(r'"(--[a-z-]+)"', client)) |
                           {"--json", "--cluster", "--quiet", "--help", "--version"}),
        "pveagentctl": (set(re.findall(r'\{"([a-z]+)", (?:cmd|ctl)_', ctl)),
                        {f"--{o}" for o in re.findall(r'\{?\s*"([a-z-]+)", [01], NULL', ctl + source(
                            root, "pveagentd/priv/priv.h"))}),
    }
    for doc, text in documents(root):
        for span in spans(text):
            for program, (words, options) in known.items():
                m = re.search(rf"(?:^|[\s#$]){program} ((?:--\w+ )*)([a-z]+)\b(.*)", span)
                if not m or not words or m.group(2) not in words and m.group(2) in ("and", "is", "or"):
                    continue
                if m.group(2) not in words:
                    yield f"{doc.name}: {program} has no command {m.group(2)}"
                for o in re.findall(r"(?<!\S)(--[a-z-]+)", m.group(1) + m.group(3).split(" #")[0]):
                    if o not in options:
                        yield f"{doc.name}: {program} {m.group(2)} takes no {o}"


def members(root):
    """adding-a-row.md: the fields, constants and files it tells one to use."""
    page = root / "docs" / "adding-a-row.md"
    text = page.read_text() if page.is_file() else ""
    heads = source(root, "proximo-client/tools")
    for name in sorted(set(re.findall(r"(?:^|[\s{`(])\.([a-z_]+)(?= ?=|`)", text)) |
                       set(re.findall(r"\b((?:SEND|EFFECT|ROW|FIELDS|F)_[A-Z]+)\b", text))):
        if not re.search(rf"\b{name}\b", heads):
            yield f"adding-a-row.md: tools/ has no {name}"
    for name in sorted(set(re.findall(r"`((?:tools|undo|blast)/[\w*]+\.[ch])`", text))):
        if not any((root / "proximo-client").glob(name)):
            yield f"adding-a-row.md: {name} is not there"


def packaged(root):
    """The package brings the pages that README and manual pages send its reader to."""
    listed = root / "debian" / "proximo-client.docs"
    have = set(listed.read_text().split()) if listed.is_file() else set()
    for doc, text in documents(root):
        if doc.name == "README.md" or doc.suffix != ".md":
            names = re.findall(r"(?:docs/|/doc/proximo-client/)([a-z-]+\.md)", text)
            for name in sorted(set(names)):
                if f"docs/{name}" not in have:
                    yield f"{doc.name}: names {name}, which debian/proximo-client.docs leaves out"


LINES = {"approval": "common/approval.c", "request": "common/request.c", "receipt": "common/receipt.c",
         "node": "common/roster.c", "closing": "proximo-client/ledger/closing.c"}


def keys_of(table):
    """[(key, whether it may repeat)] of a C table of line keys."""
    return [(a or b, many == "MANY" or flag == "true") for many, a, b, flag in re.findall(
        r'(ONE|MANY)\("([a-z-]+)"\)|\{"([a-z-]+)", (true|false),', table)]


def formats(root):
    page = root / "docs" / "formats.md"
    text = page.read_text() if page.is_file() else ""
    for name, file in LINES.items():
        code = (root / file).read_text() if (root / file).is_file() else ""
        table = re.search(r"struct line_key (?:entry_)?keys\[\] = \{(.*?)\};", code, re.S)
        block = re.search(rf"^proximo-{name}/v1\n(.*?)^```", text, re.M | re.S)
        if not table and not block:
            continue
        built = keys_of(table.group(1)) if table else []
        said = [(line.split()[0], bool(re.search(r" \*(?:  |$)", line)))
                for line in (block.group(1).splitlines() if block else [])]
        if built != said:
            yield f"formats.md: proximo-{name}/v1 has the lines {built}, the page says {said}"
    entry = (root / "common/entry.c").read_text() if (root / "common/entry.c").is_file() else ""
    built = {k: keys_of(t) for k, t in re.findall(
        r'\[ENTRY_[A-Z]+\] = \{"([a-z]+)",\s*\d+,\s*\{COMMON_KEYS,(.*?)\},', entry, re.S)}
    table = text.split("| kind | keys |")[-1].split("\n\n")[0] if "| kind | keys |" in text else ""
    said = {}
    for kind, cell in re.findall(r"^\| ([a-z]+) \| (.*) \|$", table, re.M):
        plain = re.sub(r" \([^)]*\)", "", cell.split(";")[0])
        said[kind] = [(k, star == "*") for k, star in re.findall(r"`([a-z-]+)`(\*?)", plain)]
    for kind in sorted(built.keys() | said.keys()):
        if built.get(kind) != said.get(kind):
            yield f"formats.md: an entry {kind} has {built.get(kind)}, the page says {said.get(kind)}"


tap = Tap()
check(tap, "paths", paths, {"a file that is not there": {"README.md": "`tests/integration/none.py`\n"}})
check(tap, "targets", targets, {"a target": {"README.md": "`make nothing`\n", "Makefile.am": "all:\n"}})
check(tap, "rows", rows, {"a row": {"docs/a.md": "`pve_none_such`\n"}})
cli = 'const struct command cmd_a = {"ops", 0}; cli_option(c, "--limit");'
check(tap, "commands", commands, {
    "a command": {"docs/a.md": "`proximo-client nothing`\n", "proximo-client/cli/a.c": cli},
    "an option": {"docs/a.md": "`proximo-client ops --none`\n", "proximo-client/cli/a.c": cli},
    "a line of a page": {"docs/a.1": ".Ic proximo-client nothing\n", "proximo-client/cli/a.c": cli},
})
check(tap, "members", members, {
    "a field": {"docs/adding-a-row.md": "- `.none`: x\n"},
    "a constant": {"docs/adding-a-row.md": "`SEND_NOTHING`\n"},
    "a file": {"docs/adding-a-row.md": "`tools/none.h`\n"},
})
check(tap, "packaged", packaged, {
    "a page that stays behind": {"README.md": "[x](docs/a.md)\n", "debian/proximo-client.docs": "README.md\n"},
})
signed = '#define H "proximo-receipt/v1"\nstruct line_key keys[] = {ONE("node"), ONE("log"),};\n'
kinds = '[ENTRY_UNDO] = {"undo", 6, {COMMON_KEYS, ONE("of"), MANY("plan")}, {x}},'
check(tap, "formats", formats, {
    "another order": {"common/receipt.c": signed, "docs/formats.md":
                      "```\nproximo-receipt/v1\nlog x\nnode x\n```\n"},
    "a format of the source": {"common/receipt.c": signed},
    "a key that may repeat": {"common/entry.c": kinds, "docs/formats.md":
                              "| kind | keys |\n|---|---|\n| undo | `of` `plan` |\n\n"},
    "a kind of the page": {"docs/formats.md": "| kind | keys |\n|---|---|\n| undo | `of` |\n\n"},
})
tap.end()
