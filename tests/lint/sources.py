#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Every file says its licence, every .c file says what it is for, every .c file is built, nothing
# names the machine it was written on, and what grows too long is listed.
import re

from lint import PRODUCT, Tap, check, code, files

SPDX = "SPDX-License-Identifier: Apache-2.0"
WHERE = PRODUCT + ("tests", "docs", ".ci", "debian", "quickstart", "configure.ac", "Makefile.am")
KINDS = ("*.c", "*.h", "*.py", "*.sh", "*.mjs", "*.ts", "*.mk", "*.1", "*.5", "*.7", "*.8",
         "quickstart", "run", "nightly", "*.ac", "*.am")
MACHINE = re.compile(r"(?<![\w.])/(?:work|home|root)/[a-z]|/tmp/(?:wt|p)/|/tmp/b-[a-z]+/"
                     r"|registry\.[a-z]+js\.org|\bdeb\.debian\.org|snapshot\.debian\.org"
                     r"|\b(?:pypi|files\.pythonhosted)\.org")


def spdx(root):
    for path in files(root, *KINDS, below=WHERE):
        lines = path.read_text(errors="replace").splitlines()[:2]
        first = lines[1:2] if lines and lines[0].startswith("#!") else lines[:1]
        if not first or SPDX not in first[0]:
            yield f"{path.relative_to(root)}: the first line is not {SPDX}"


def purpose(root):
    for path in files(root, "*.c", "*.h"):
        lines = path.read_text(errors="replace").splitlines()
        if len(lines) < 2 or not lines[1].startswith("/* "):
            yield f"{path.relative_to(root)}: no comment on top that says what it is for"


def built(root):
    text = "".join(p.read_text() for p in files(root, "*.mk", "Makefile.am",
                                                below=PRODUCT + ("tests", "Makefile.am")))
    for path in files(root, "*.c", below=PRODUCT + ("tests",)):
        name = str(path.relative_to(root))
        if name not in text and not re.search(rf"{re.escape(name[:-2])}(?![\w.-])", text):
            yield f"{name}: no local.mk names it"


def machine(root):
    for path in files(root, "*", below=WHERE + ("README.md",)):
        if "corpus" in path.parts or path.name == "sources.py":
            continue
        for i, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if MACHINE.search(line):
                yield f"{path.relative_to(root)}:{i}: names a machine's path or a registry host"


def functions(text):
    """(name, lines) of each function of clang-formatted text: closed by a brace in column 0."""
    start = name = None
    for i, line in enumerate(text.splitlines()):
        m = re.match(r"^(?:[A-Za-z_][\w \*]*[ \*])?(\w+)\(.*", line)
        if start is None and m and not line.rstrip().endswith(";"):
            name, start = m.group(1), i
        elif line.startswith("}") and start is not None:
            yield name, i - start + 1
            start = None
        elif line.rstrip().endswith(";") and not line.startswith((" ", "\t")):
            start = None


FILE_MAX, FUNCTION_MAX = 1000, 200


def long(root, file_max=FILE_MAX, function_max=FUNCTION_MAX):
    for path in files(root, "*.c", "*.h"):
        text = path.read_text(errors="replace")
        n = text.count("\n")
        if n > file_max:
            yield f"{path.relative_to(root)}: {n} lines"
        for name, m in functions(code(text)):
            if m > function_max:
                yield f"{path.relative_to(root)}: {name} has {m} lines"


head = f"/* {SPDX} */\n"
tap = Tap()
check(tap, "licence", spdx, {"common/a.c": "int x;\n", "tests/a.sh": "#!/bin/bash\n\n# " + SPDX,
                             "docs/a.1": ".Dd x\n", "configure.ac": ""})
check(tap, "purpose", purpose, {"common/a.c": head + "int x;\n", "common/b.h": head})
check(tap, "built", built, {"common/a.c": head, "tests/unit/t.c": {
    "tests/unit/t.c": head, "tests/unit/local.mk": "tests/unit/u.c"}})
check(tap, "machine", machine, {
    "README.md": "see /wo" + "rk/x\n", "tests/a.json": '"https://registry.npm' + 'js.org/x"',
    "docs/a.md": "cd /tm" + "p/wt/x\n"})
check(tap, "length", long, {"common/a.c": head + "\n" * 1001, "common/b.c":
                            "int f(void) {\n" + "    g();\n" * 210 + "}\n"})
from lint import ROOT  # noqa: E402
for what in long(ROOT, 500, 60):
    tap.note(f"worth a look: {what}")
tap.end()
