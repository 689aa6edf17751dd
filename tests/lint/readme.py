#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The README's figures come from scripts: a measured number stands only between the marks that
# tests/bench/run.sh --write fills, and the commands and pages that it names exist.
import re

from lint import Tap, check

BEGIN, END = "<!-- figures: written by tests/bench/run.sh --write -->", "<!-- end of figures -->"
FIGURE = re.compile(r"\b\d[\d.,]*\s?(?:ms|µs|us|MiB|KiB|GiB|MB|kB|%|entries/s|tests\b|x faster"
                    r"|lines of code)")


def outside(text):
    """The text without its figure blocks."""
    return re.sub(re.escape(BEGIN) + r".*?" + re.escape(END), "", text, flags=re.S)


def lint(root):
    path = root / "README.md"
    text = path.read_text() if path.is_file() else ""
    if not text.strip():
        yield "README.md is empty"
        return
    if text.count(BEGIN) != text.count(END):
        yield "README.md: a figure block is not closed"
    for m in FIGURE.finditer(outside(text)):
        yield f"README.md: \"{m.group(0)}\" is a measured number outside the figure block"
    first = re.search(r"```(?:sh|console)?\n(.*?)```", text, re.S)
    if not first or first.group(1).split() != ["./quickstart", "demo", "./quickstart", "test"]:
        yield "README.md: the first block is not the two commands"
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        if not (root / link).exists():
            yield f"README.md: links to {link}, which is not here"


good = "# x\n```sh\n./quickstart demo\n./quickstart test\n```\n"
tap = Tap()
tap.ok(outside(f"a{BEGIN}12 ms{END}b") == "ab", "figures may stand in their block")
check(tap, "readme", lint, {
    "a number by hand": {"README.md": good + "It takes 12 ms.\n"},
    "another first block": {"README.md": "# x\n```sh\nmake\n```\n"},
    "a dead link": {"README.md": good + "[x](docs/none.md)\n"},
    "an open block": {"README.md": good + BEGIN},
    "nothing": {"README.md": ""},
})
tap.end()
