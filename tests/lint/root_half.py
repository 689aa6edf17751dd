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
# more than PROMISED (architecture): small enough to be read in an afternoon. It has more: a known defect,
# shown as such (TODO) in every run. Both may only shrink; the messages between the two (order.[ch]) are
# counted with what acts.
PROMISED = 4000
MOST = {"pveagentd/priv": 4150, "pveagentd/act": 1982}
# Folder: whose files of common/ are counted with it, when nobody else uses them: a part does not get
# smaller by moving its files out of its folder. What the two share is read with what decides.
WITH = {"pveagentd/priv": {"pveagentd/priv", "pveagentd/act"}, "pveagentd/act": {"pveagentd/act"}}
PROGRAMS = ("pveagentd-priv", "pveagentd-act", "pveagentctl")
ALLOWED = re.compile(r"^(libc\.so\.6|libcrypto\.so\.3|ld-linux-.*)$")
# A sanitizer build adds its run-time, which no package ships.
SANITIZER = re.compile(r"^lib(asan|ubsan|m|dl|rt|pthread|gcc_s|stdc\+\+)\.so")


def lines_of_code(path):
    return sum(1 for line in code(path.read_text(errors="replace"), True).splitlines()
               if line.strip())


INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"(common/[^"]+)"', re.M)
# What a .c file gives to others: the names that it defines at the left margin and not as static.
GIVES = re.compile(r"^(?!static\b|typedef\b|extern\b)[A-Za-z_][\w \t*]*?\b(\w+)"
                   r"(?:\(|(?:\[[^]\n]*\])*[ \t]*[;=])", re.M)
# What it keeps for itself: the same name in two files is no use of the one by the other.
STATIC = re.compile(r"^static\b[\w \t*]*?\b(\w+)\(", re.M)


def users(texts):
    """Each file of common/: the folders with a file that needs it, directly or through others of
    common/. A .c file is needed by who names what it gives (one header may tell of several), a header
    by who includes it."""
    gives = {p: set(GIVES.findall(code(t))) for p, t in texts.items()
             if p.startswith("common/") and p.endswith(".c")}
    named = {p: set(re.findall(r"\w+", code(t))) - set(STATIC.findall(code(t)))
             for p, t in texts.items() if p.endswith(".c") or not p.startswith("common/")}
    needs = {p: {h for h in INCLUDE.findall(t) if h in texts} |
             {c for c in gives if c != p and gives[c] & named.get(p, set())}
             for p, t in texts.items()}
    ret = {p: set() for p in texts if p.startswith("common/")}
    work = [(p, str(pathlib.PurePath(p).parent)) for p in texts if p not in ret]
    while work:
        path, folder = work.pop()
        for p in needs[path]:
            if folder not in ret[p]:
                ret[p].add(folder)
                work.append((p, folder))
    return ret


def counted(texts, folder):
    """The files that are counted for the folder: its own, and those of common/ that are only its."""
    return sorted([p for p in texts if p.startswith(folder + "/")] +
                  [p for p, u in users(texts).items() if folder in u and u <= WITH[folder]])


def total(root, folder):
    texts = {str(p.relative_to(root)): p.read_text(errors="replace")
             for p in files(root, "*.c", "*.h")}
    return sum(lines_of_code(root / p) for p in counted(texts, folder))


def small(root):
    for folder, most in MOST.items():
        n = total(root, folder)
        if n > most:
            yield f"{folder} has {n} lines of code, more than {most}"


def needed(binary):
    out = subprocess.run(["readelf", "-dW", str(binary)], capture_output=True, text=True,
                         check=True).stdout
    return re.findall(r"\(NEEDED\).*\[([^]]+)\]", out)


def foreign(names):
    sanitized = any(n.startswith("libasan") for n in names)
    return [n for n in names if not ALLOWED.match(n) and not (sanitized and SANITIZER.match(n))]


# A folder that is just full, and beside it a file of its own in common/.
def full(folder, **more):
    text = '#include "common/z.h"\nint x;\n' + "z();\n" * (MOST[folder] - 2)
    return {f"{folder}/a.c": text, "common/z.h": "void z(void);\n",
            "common/z.c": '#include "common/z.h"\nvoid z(void) {\n}\n', **more}


PRIV, ACT = "pveagentd/priv", "pveagentd/act"
USE = '#include "common/z.h"\nint f(void) {\nreturn z();\n}\n'
Z = ["common/z.c", "common/z.h"]
tap = Tap()
check(tap, "size", small, {
    **{f"{folder}/a.c": "x;\n" * (most + 1) for folder, most in MOST.items()},
    **{f"common/, for {folder} alone": full(folder) for folder in MOST},
    "common/, for what decides and what acts": full(PRIV, **{f"{ACT}/a.c": USE}),
    "common/, for another of common/ that is only for what decides": {
        **full(PRIV), f"{PRIV}/a.c": '#include "common/y.h"\n' + "y();\n" * (MOST[PRIV] - 6),
        "common/y.h": "void y(void);\n",
        "common/y.c": '#include "common/z.h"\nvoid y(void) {\nz();\n}\n'},
})
tap.todo(total(ROOT, PRIV) <= PROMISED, f"what decides has at most {PROMISED} lines of code",
         f"it has {total(ROOT, PRIV)}")
for why, tree, folder, want in (
        ("another program's as well", {f"{PRIV}/a.c": USE, "proximo-client/b.c": USE}, PRIV, False),
        ("the network half's as well", {f"{PRIV}/a.c": USE, "pveagentd/b.c": USE}, PRIV, False),
        ("not of what acts: what decides has it", {f"{PRIV}/a.c": USE, f"{ACT}/a.c": USE}, ACT, False),
        ("nobody's", {f"{PRIV}/a.c": "int a;\n"}, PRIV, False),
        ("a static name of another program's is another",
         {f"{PRIV}/a.c": USE, "proximo-client/b.c": "static int z(void) {\nreturn z();\n}\n"}, PRIV,
         True),
        ("named in a comment and a string elsewhere",
         {f"{PRIV}/a.c": USE, "proximo-client/b.c": '/* z() */\nconst char *s = "z";\n'}, PRIV, True)):
    got = counted({**full(PRIV), **tree}, folder)
    tap.ok(([p for p in got if p in Z] == Z) == want, f"size: common/, {why}", got)
# One header may tell of two files with different users.
got = counted({f"{PRIV}/a.c": '#include "common/z.h"\nint a = q();\n', "proximo-client/b.c": USE,
               "common/z.h": "int z(void);\nint q(void);\n", "common/z.c": "int z(void) {\n}\n",
               "common/q.c": "int q(void) {\n}\n"}, PRIV)
tap.ok(got == ["common/q.c", f"{PRIV}/a.c"], "size: common/, a file under another's header", got)
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
