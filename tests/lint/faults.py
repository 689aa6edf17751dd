#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# docs/faults.md: every promised fault has a row, every row names a test that is there and runs, and the
# table says of which properties.
import pathlib
import re

from lint import ROOT, Tap, check

PROMISED = """malformed JSON-RPC; 11 MiB lines; duplicate keys; unknown fields; wrong types; unknown tools; vmid 0;
`..`; a plan applied twice; expired; after drift; with another digest; by a second process at the same moment;
an approved plan with another request; the same approved plan under a second intent; token file readable by others;
certificate wrong; certificate expired; certificate revoked; certificate not enrolled; priv messages short; long;
with wrong descriptors; any line of the request flipped; policy with an unknown key; a long line; half written;
disk full at each write of ledger; and journal; clock set back; two clients appending 10,000 entries each;
kill -9 of client; network half; root half; and its child; at each stage of a change"""
ROW = re.compile(r"^\| (.*?) ?\| (\S+) \| (.+?) \| ([cvnls-]+) \|$", re.M)


def lint(root):
    path = root / "docs/faults.md"
    text = path.read_text() if path.is_file() else ""
    rows = ROW.findall(text)
    lines = [x for x in text.splitlines() if x.startswith("|") and not re.match(r"\|(-|--)|\| fault ", x)]
    if len(lines) != len(rows):
        yield f"docs/faults.md: {len(lines) - len(rows)} lines are no rows"
    named = [r[0] for r in rows if r[0]]
    for phrase in re.sub(r"\s+", " ", PROMISED).split("; "):
        if phrase not in named:
            yield f"docs/faults.md: no row for \"{phrase}\""
    for fault, file, case, seen in rows:
        if not (root / file).is_file():
            yield f"docs/faults.md: {file} is not there"
        elif case not in (root / file).read_text():
            yield f"docs/faults.md: {file} has no case \"{case}\""
        if not re.fullmatch(r"[c-][v-]?[n-]?[l-]?[s-]?", seen):
            yield f"docs/faults.md: {file}, {case}: \"{seen}\" are no properties in order"


def runs(root):
    built = "".join(p.read_text() for p in [*root.glob("tests/**/local.mk"), *root.glob(".ci/*"),
                                            *root.glob("tests/integration/*.sh")] if p.is_file())
    text = (root / "docs/faults.md").read_text() if (root / "docs/faults.md").is_file() else ""
    for file in sorted({r[1] for r in ROW.findall(text)}):
        if pathlib.Path(file).stem not in built:
            yield f"docs/faults.md: nothing runs {file}"


tap = Tap()
whole = (ROOT / "docs/faults.md").read_text()
files = {r[1]: (ROOT / r[1]).read_text() for r in ROW.findall(whole) if (ROOT / r[1]).is_file()}
tree = {"docs/faults.md": whole, **files}

check(tap, "faults", lint, {
    "a promise without a row": {**tree, "docs/faults.md": re.sub(r"\| vmid 0 .*\n", "", whole)},
    "a case that is gone": {**tree, "tests/integration/fault_mcp.py": ""},
    "a line that is no row": {**tree, "docs/faults.md": whole + "| x | y |\n"},
    "properties in no order": {**tree, "docs/faults.md": whole.replace("| cvn-s |", "| nvc |", 1)},
})
check(tap, "run", runs, {"a test that nothing runs": tree})
tap.end()
