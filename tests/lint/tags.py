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


def mentioned(root):
    """Codes reach err_tag also through tables: any string literal of that name counts."""
    seen = set()
    for path in files(root, "*.c", "*.h"):
        text = code(path.read_text(errors="replace"), keep_strings=True)
        seen |= set(re.findall(r'"([a-z][a-z0-9_]{2,30})"', text))
    return seen


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
for tag in sorted(set(documented(ROOT)) - mentioned(ROOT)):
    tap.note(f"documented, given nowhere in this tree yet: {tag}")
tap.end()
