#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two verifiers that share no code must say the same of every ledger, sound or tampered with:
proximo-verify and verify.py. TAP."""
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

SRC = os.environ.get("top_srcdir", os.path.join(os.path.dirname(__file__), "../.."))
BUILD = os.environ.get("top_builddir", ".")
MAKE = os.path.join(BUILD, "tests/verify/make_ledger")
OURS = os.path.join(BUILD, "proximo-verify")
THEIRS = os.path.join(SRC, "tests/verify/verify.py")
count = 0
failed = 0


def ok(good, what, detail=""):
    global count, failed
    count += 1
    failed += not good
    print(("ok" if good else "not ok"), count, "-", what)
    if not good:
        print("#", detail.replace("\n", "\n# "))


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def make(*args):
    code, out = run(MAKE, *map(str, args))
    if code:
        print("Bail out! make_ledger:", out)
        sys.exit(1)
    return dict(line.split(" ", 1) for line in out.splitlines())


def both(directory, keys, heads=()):
    """Exit codes and first named entries of both; each head is a file."""
    extra = [part for head in heads for part in ("--head", head)]
    a, a_out = run(OURS, "--json", "--log", keys["log"], "--node",
                   f"pve1:{keys['witness']}:{keys['receipt']}", "--node", f"pve1::{keys['former']}",
                   *extra, directory)
    b, b_out = run(sys.executable, THEIRS, "--log", keys["log"], "--witness", keys["witness"],
                   "--receipt", "pve1=" + keys["receipt"], "--receipt",
                   "pve1=" + keys["former"], *extra, directory)
    return a, a_out, b, b_out


def first_entries(a_out, b_out):
    defects = json.loads(a_out)["defects"]
    ours = next((d["entry"] for d in defects if d["entry"] is not None), None)
    lines = [line.split(" ") for line in b_out.splitlines() if line.startswith("defect ")]
    theirs = next((int(f[1]) for f in lines if f[1] != "-"), None)
    return ours, theirs


def rejected(directory, keys, what, heads=(), entry=None):
    a, a_out, b, b_out = both(directory, keys, heads)
    good = a == 7 and b == 7
    if good and entry is not None:
        good = first_entries(a_out, b_out) == (entry, entry)
    ok(good, "both reject: " + what, f"{a} {b}\n{a_out}\n{b_out}")


def entries(directory):
    with open(os.path.join(directory, "entries/000000"), "rb") as file:
        data = file.read()
    out, at = [], 0
    while at < len(data):
        length = struct.unpack(">I", data[at:at + 4])[0]
        out.append(data[at:at + 4 + length])
        at += 4 + length
    return out


def write_entries(directory, parts):
    with open(os.path.join(directory, "entries/000000"), "wb") as file:
        file.write(b"".join(parts))


def tile(directory, level, number):
    """The newest file of a small tile or bundle: the widest partial one, or the full one."""
    full = os.path.join(directory, "tile", level, f"{number:03d}")
    if os.path.exists(full):
        return full
    return os.path.join(full + ".p", max(os.listdir(full + ".p"), key=int))


def patch(path, at, data):
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(data)


def seen_upto(a_out, b_out):
    """Up to which size the one witness has seen it, by both."""
    ours = json.loads(a_out)["witness"]["size"]
    theirs = [line.rsplit(" size ", 1) for line in b_out.splitlines()
              if line.startswith("witness ") and " size " in line]
    return ours, int(theirs[0][1]) if theirs else 0


def earlier_witnessing(top, log, keys, size):
    """What was cosigned earlier is not forgotten when the log goes on unseen, nor in an export."""
    make("--alone", log, 4)
    a, a_out, b, b_out = both(log, keys)
    ok(a == 0 and b == 0 and seen_upto(a_out, b_out) == (size, size)
       and json.loads(a_out)["witness"]["since"] == json.loads(a_out)["entries"] - size > 0
       and f"up to size {size}," in json.loads(a_out)["witness"]["verdict"],
       "both see up to which size it is witnessed", a_out + b_out)
    code, out = run(OURS, "--node", f"pve1:{keys['witness']}:{keys['receipt']}", log)
    ok(f"witnessed (single) up to size {size}, " in out and "one witness shows" in out,
       "and it is said in words", out)
    code, out = run(OURS, "--node", f"pve1:{keys['stranger']}:{keys['receipt']}", log)
    ok("witnessed 0/1" in out and "one witness shows" not in out,
       "a witness that signed nothing is said to show nothing", out)
    exported = os.path.join(top, "seen-export")
    make("--export", log, exported)
    a, a_out, b, b_out = both(exported, keys)
    ok(a == 0 and b == 0 and seen_upto(a_out, b_out) == (size, size),
       "and of an export likewise", a_out + b_out)
    copy = os.path.join(top, "seen-copy")
    shutil.copytree(log, copy)
    with open(os.path.join(copy, "witnessed"), "r+b") as file:
        data = file.read().replace(b"%%0A%d%%0A" % size, b"%%0A%d%%0A" % (size - 1))
        file.seek(0)
        file.write(data)
    rejected(copy, keys, "a kept checkpoint that the log did not sign")
    shutil.rmtree(copy)
    shutil.copytree(log, copy)
    with open(os.path.join(copy, "witnessed"), "ab") as file:
        file.write(b"note\n")
    rejected(copy, keys, "a file of kept checkpoints that is none")
    older = os.path.join(top, "seen-older")  # restored, but what was witnessed since is still here
    shutil.copytree(log, older)
    make("--more", log, 1)
    shutil.copy(os.path.join(log, "witnessed"), os.path.join(older, "witnessed"))
    rejected(older, keys, "a log that is shorter than what was witnessed of it")
    make("--alone", older, 9)
    rejected(older, keys, "another history than the one that was witnessed")


def exports(top, log, keys):
    """Both verifiers over exports, whole, incremental and tampered with."""
    out, copy = os.path.join(top, "export"), os.path.join(top, "export-copy")
    make("--export", log, out)
    size = int(open(os.path.join(log, "checkpoint"), encoding="utf-8").read().split("\n")[1])
    a, a_out, b, b_out = both(out, keys)
    ok(a == 0 and b == 0 and json.loads(a_out)["entries"] == size
       and json.loads(a_out)["layout"] == "export", "both accept an export", a_out + b_out)
    ok(sorted(os.listdir(out)) == ["checkpoint", "origin", "tile", "witnessed"],
       "no key and no secret in it", " ".join(os.listdir(out)))
    for more in (1, 700):
        make("--more", log, more)
        make("--export", log, out)
        a, a_out, b, b_out = both(out, keys)
        ok(a == 0 and b == 0 and json.loads(a_out)["entries"] > size,
           "both accept it when the export went on", a_out + b_out)
        size = json.loads(a_out)["entries"]

    def fresh():
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(out, copy)

    bundle = open(tile(out, "entries", 1), "rb").read()
    first = struct.unpack(">H", bundle[:2])[0] + 2
    second = struct.unpack(">H", bundle[first:first + 2])[0] + 2
    fresh()
    patch(tile(copy, "entries", 1), first - 9, b"~")
    rejected(copy, keys, "an export with one byte of entry 256 changed", entry=256)
    fresh()
    patch(tile(copy, "entries", 1), 0,
          bundle[first:first + second] + bundle[:first] + bundle[first + second:])
    rejected(copy, keys, "an export with two entries swapped", entry=256)
    fresh()
    os.truncate(tile(copy, "entries", 1), len(bundle) - 3)
    rejected(copy, keys, "an export whose bundle is cut", entry=511)
    fresh()
    patch(tile(copy, "0", 0), 32 * 9, b"\0\0")
    rejected(copy, keys, "an export with a hash changed", entry=9)
    fresh()
    patch(tile(copy, "1", 0), 32, b"\0\0")
    rejected(copy, keys, "an export with a hash of a subtree changed", entry=511)
    fresh()
    os.unlink(tile(copy, "entries", 2))
    rejected(copy, keys, "an export without its last bundle")
    older = os.path.join(top, "older-head")
    shutil.copy(os.path.join(out, "checkpoint"), older)
    make("--more", log, 3)
    fresh()
    shutil.copy(os.path.join(log, "checkpoint"), os.path.join(copy, "checkpoint"))
    rejected(copy, keys, "an older export under a newer checkpoint")
    make("--export", log, out)
    a, a_out, b, b_out = both(out, keys, [older])
    ok(a == 0 and b == 0, "both accept it against an older head", a_out + b_out)


def main():
    top = tempfile.mkdtemp(prefix="verifiers-")
    chance = random.Random(7)
    try:
        log = os.path.join(top, "log")
        keys = make(log, 6, 20)
        a, a_out, b, b_out = both(log, keys)
        ok(a == 0 and b == 0, "both accept a history of operations", a_out + b_out)
        report = json.loads(a_out)
        ok(f"sound {report['entries']} {report['root'][7:]}" in b_out, "same size, same root",
           a_out + b_out)
        ok(report["witness"]["verdict"] == "witnessed (single)" and "witness pve1/witness 1" in b_out,
           "both see the cosignature", a_out + b_out)

        policy = report["policy"]
        ok(policy["recorded"] == 2 and policy["digest"] == "sha256:0901" + "00" * 30
           and "policy 2 %d %s" % (policy["entry"], policy["digest"]) in b_out
           and b"\nkind policy\n" in entries(log)[policy["entry"]],
           "both see which policy counts, and from which entry on", a_out + b_out)

        seen = os.path.join(top, "seen")
        seen_keys = make(seen, 2, 5)
        size = int(open(os.path.join(seen, "checkpoint"), encoding="utf-8").read().split("\n")[1])
        earlier_witnessing(top, seen, seen_keys, size)

        exported = os.path.join(top, "exported")
        exports(top, exported, make(exported, 5, 40))

        big = os.path.join(top, "big")
        big_keys = make(big, 3, 9000)
        a, a_out, b, b_out = both(big, big_keys)
        ok(a == 0 and b == 0, "both accept several segments", a_out + b_out)

        copy = os.path.join(top, "copy")
        parts = entries(log)

        def fresh(keep_hashes=True):
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(log, copy)
            if not keep_hashes:
                shutil.rmtree(os.path.join(copy, "level"))

        for index in chance.sample(range(len(parts)), 12):
            edited = bytearray(parts[index])
            edited[chance.randrange(4, len(edited))] ^= 1 << chance.randrange(8)
            fresh()
            write_entries(copy, parts[:index] + [bytes(edited)] + parts[index + 1:])
            rejected(copy, keys, f"one bit of entry {index}", entry=index)
        fresh(keep_hashes=False)
        edited = parts[9].replace(b"mcp:test", b"mcp:tesu")
        write_entries(copy, parts[:9] + [edited] + parts[10:])
        rejected(copy, keys, "an edited entry, the stored hashes removed")
        fresh(keep_hashes=False)
        at = policy["entry"]
        write_entries(copy, parts[:at] + [parts[at].replace(b"sha256:0901", b"sha256:0902")]
                      + parts[at + 1:])
        rejected(copy, keys, "another policy than the one that was recorded")
        for index in (0, 5, len(parts) - 1):
            fresh()
            write_entries(copy, parts[:index] + parts[index + 1:])
            rejected(copy, keys, f"entry {index} dropped", entry=index)
        fresh()
        write_entries(copy, parts[:7] + [parts[8], parts[7]] + parts[9:])
        rejected(copy, keys, "two entries swapped", entry=7)
        fresh(keep_hashes=False)
        write_entries(copy, parts[:7] + [parts[8], parts[7]] + parts[9:])
        rejected(copy, keys, "two entries swapped, the stored hashes removed")
        fresh()
        write_entries(copy, parts[:4] + [parts[3]] + parts[4:])
        rejected(copy, keys, "an entry doubled", entry=4)
        fresh()
        with open(os.path.join(copy, "entries/000000"), "r+b") as file:
            file.truncate(len(b"".join(parts)) - 5)
        rejected(copy, keys, "cut within the last entry", entry=len(parts) - 1)
        fresh()
        with open(os.path.join(copy, "level/0"), "r+b") as file:
            file.seek(32 * 6)
            file.write(b"\0")
        rejected(copy, keys, "a stored hash changed", entry=6)
        fresh()
        with open(os.path.join(copy, "checkpoint"), "r+b") as file:
            data = file.read().replace(b"\n%d\n" % len(parts), b"\n%d\n" % (len(parts) - 1))
            file.seek(0)
            file.write(data)
        rejected(copy, keys, "a checkpoint that was edited")
        other = make(os.path.join(top, "other"), 0, 1)
        wrong = dict(keys, receipt=other["witness"].replace("witness", "receipt"))
        code, out = run(OURS, "--log", keys["log"], "--node",
                        f"pve1:{keys['witness']}:{wrong['receipt']}", log)
        ok(code == 2, "a key that is none is refused", out)

        head = os.path.join(top, "head")  # as a node kept it
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(log, copy)
        make("--more", log, 3)
        shutil.copy(os.path.join(log, "checkpoint"), head)
        a, a_out, b, b_out = both(copy, keys)
        ok(a == 0 and b == 0, "an older copy is sound in itself", a_out + b_out)
        rejected(copy, keys, "the older copy against the newer head (truncated)", heads=[head])
        make("--more", copy, 8)  # same key, another history from there on
        a, a_out, b, b_out = both(copy, keys)
        ok(a == 0 and b == 0, "a fork is sound in itself", a_out + b_out)
        rejected(copy, keys, "the fork against the head of the other branch", heads=[head])
        a, a_out, b, b_out = both(log, keys, [head])
        ok(a == 0 and b == 0, "both accept the log that the head is of", a_out + b_out)
    finally:
        shutil.rmtree(top, ignore_errors=True)
    print(f"1..{count}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
