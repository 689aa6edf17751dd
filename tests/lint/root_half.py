#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# What runs as root links libc and libcrypto only, checked on the built binaries, not on the
# Makefile; and its size is watched.
import os
import pathlib
import re
import subprocess

from lint import ROOT, Tap, check, code, files

# Folder: how many lines of code it may have. What decides (keys, policy, journal) is promised to be no
# more than this (architecture): small enough to be read in an afternoon. What acts has what it has, and
# may only shrink; the messages between the two (order.[ch]) are counted there.
MOST = {"pveagentd/priv": 4000, "pveagentd/act": 1963}
PROGRAMS = ("pveagentd-priv", "pveagentd-act", "pveagentctl")
ALLOWED = re.compile(r"^(libc\.so\.6|libcrypto\.so\.3|ld-linux-.*)$")
# A sanitizer build adds its run-time, which no package ships.
SANITIZER = re.compile(r"^lib(asan|ubsan|m|dl|rt|pthread|gcc_s|stdc\+\+)\.so")


def lines_of_code(path):
    return sum(1 for line in code(path.read_text(errors="replace"), True).splitlines()
               if line.strip())


def small(root):
    for folder, most in MOST.items():
        total = sum(lines_of_code(p) for p in files(root, "*.c", "*.h", below=(folder,)))
        if total > most:
            yield f"{folder} has {total} lines of code, more than {most}"


def needed(binary):
    out = subprocess.run(["readelf", "-dW", str(binary)], capture_output=True, text=True,
                         check=True).stdout
    return re.findall(r"\(NEEDED\).*\[([^]]+)\]", out)


def foreign(names):
    sanitized = any(n.startswith("libasan") for n in names)
    return [n for n in names if not ALLOWED.match(n) and not (sanitized and SANITIZER.match(n))]


tap = Tap()
check(tap, "size", small, {f"{folder}/a.c": "x;\n" * (most + 1) for folder, most in MOST.items()})
tap.ok(foreign(["libc.so.6", "libssl.so.3"]) == ["libssl.so.3"], "links: finds a foreign library")
build = pathlib.Path(os.environ.get("top_builddir", "."))
for program in PROGRAMS:
    found = sorted(build.glob(f"**/{program}"))
    found = [f for f in found if f.is_file() and not f.match("*/_inst/*")]
    if not (ROOT / "pveagentd/priv/main.c").is_file() and not found:
        tap.note(f"{program} is not in this tree yet")
        continue
    tap.ok(bool(found), f"{program} is built")
    for binary in found:
        bad = foreign(needed(binary))
        tap.ok(not bad, f"{program} links libc and libcrypto only", bad)
tap.end()
