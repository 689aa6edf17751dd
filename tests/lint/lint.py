# SPDX-License-Identifier: Apache-2.0
"""What the lint tests share: TAP output, the product's files, C text without comments.

A lint is a function that takes the root of a tree and yields complaints. Every script first shows
it a small tree with planted violations, one a complaint, and then the real tree: a lint that
cannot find what it is there for fails before it can pass.
"""
import os
import pathlib
import re
import shutil
import sys
import tempfile

ROOT = pathlib.Path(os.environ.get("top_srcdir") or pathlib.Path(__file__).resolve().parents[2])
PRODUCT = ("common", "proximo-client", "pveagentd")


class Tap:
    def __init__(self):
        self.n = 0
        self.bad = 0

    def ok(self, good, name, detail=()):
        self.n += 1
        self.bad += not good
        print(f"{'ok' if good else 'not ok'} {self.n} - {name}")
        if not good:
            for line in detail:
                print(f"# {line}")

    def skip(self, name, why):
        if os.environ.get("MUST_RUN") == "1":
            self.ok(False, name, [why])
            return
        self.n += 1
        print(f"ok {self.n} - {name} # SKIP {why}")

    def todo(self, good, name, why):
        """A promise that is known not to be kept: in every run's output until it is."""
        if good:
            self.ok(True, name)
            return
        self.n += 1
        print(f"not ok {self.n} - {name} # TODO {why}")

    def note(self, text):
        print(f"# {text}")

    def end(self):
        print(f"1..{self.n}")
        sys.exit(1 if self.bad else 0)


def files(root, *patterns, below=PRODUCT):
    """Files of the tree, sorted; build directories and caches are nobody's source."""
    for top in below:
        base = root / top
        if base.is_file():
            yield base
            continue
        for path in sorted(base.rglob("*")):
            parts = path.relative_to(root).parts
            if any(p in ("node_modules", "__pycache__", ".deps") for p in parts):
                continue
            if path.is_file() and any(path.match(p) for p in patterns):
                yield path


_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def code(text, keep_strings=False):
    """C text with comments (and, unless kept, the insides of strings) blanked; lines stay."""

    def blank(m):
        t = m.group(0)
        if t[0] == "/" or not keep_strings and t[0] == '"':
            lines = "\n" * t.count("\n")
            return (" " if t[0] == "/" else '""') + lines
        return t if keep_strings else "0"

    return _TOKEN.sub(blank, text)


def line_of(text, pos):
    return text.count("\n", 0, pos) + 1


def calls(text, names):
    """(name, argument text, line) of each call of one of the names in code() text."""
    pattern = re.compile(r"(?<![A-Za-z0-9_>.])(" + "|".join(map(re.escape, names)) + r")\s*\(")
    for m in pattern.finditer(text):
        depth, i = 1, m.end()
        while i < len(text) and depth:
            depth += {"(": 1, ")": -1}.get(text[i], 0)
            i += 1
        yield m.group(1), text[m.end() : i - 1], line_of(text, m.start())


def check(tap, name, lint, planted):
    """planted: {path: text} -> each path must be complained about, and then none of the real."""
    for path, text in planted.items():
        tmp = pathlib.Path(tempfile.mkdtemp(prefix="lint"))
        try:
            for p, t in {path: text}.items() if isinstance(text, str) else text.items():
                f = tmp / p
                f.parent.mkdir(parents=True, exist_ok=True)
                f.write_text(t)
            found = list(lint(tmp))
            tap.ok(len(found) > 0, f"{name}: finds the one planted in {path}")
        finally:
            shutil.rmtree(tmp)
    found = list(lint(ROOT))
    tap.ok(not found, f"{name}: the tree is clean", found)
