#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Every fuzz target replays a corpus in `make check`, and every corpus belongs to a target.
import re

from lint import Tap, check, files


def lint(root):
    made = "".join(p.read_text() for p in files(root, "local.mk", below=("tests/fuzz",)))
    targets = set()
    for path in files(root, "fuzz_*.c", below=("tests/fuzz",)):
        program = str(path.relative_to(root))[:-2]
        targets.add(path.stem)
        corpus = root / "tests/fuzz/corpus" / path.stem
        if not corpus.is_dir() or not any(f.is_file() for f in corpus.iterdir()):
            yield f"{program}: no seed in tests/fuzz/corpus/{path.stem}/"
        for variable in ("check_PROGRAMS", "TESTS"):
            joined = re.sub(r"\\\n", " ", made)
            if not re.search(rf"^{variable}\s*\+=.*\b{re.escape(program)}\b|^{variable}\s*\+="
                             rf".*\$\((\w+)\)", joined, re.M):
                yield f"{program}: not in {variable}"
    corpora = root / "tests/fuzz/corpus"
    for d in sorted(corpora.iterdir()) if corpora.is_dir() else ():
        if d.is_dir() and d.name not in targets:
            yield f"tests/fuzz/corpus/{d.name}/ belongs to no target"


mk = "check_PROGRAMS += tests/fuzz/x/fuzz_a\n"
tap = Tap()
check(tap, "fuzz", lint, {
    "target without a corpus": {"tests/fuzz/x/fuzz_a.c": "", "tests/fuzz/local.mk":
                                mk + mk.replace("check_PROGRAMS", "TESTS")},
    "target that is not a test": {"tests/fuzz/x/fuzz_a.c": "", "tests/fuzz/local.mk": mk,
                                  "tests/fuzz/corpus/fuzz_a/1": "x"},
    "corpus without a target": {"tests/fuzz/corpus/fuzz_b/1": "x"},
})
tap.end()
