# SPDX-License-Identifier: Apache-2.0
"""What the models of guests and backups share: the C side as a process that answers line by line,
TAP, and seeds."""
import json
import os
import random
import re
import subprocess
import sys

BUILD = os.environ.get("top_builddir", ".")
RUNS = int(os.environ.get("MODEL_RUNS", "0"))  # 0: what the test itself thinks enough
FIRST = int(os.environ.get("MODEL_FIRST", "0"))
SEED = int(os.environ.get("MODEL_SEED", random.randrange(1 << 32)))
count = 0
failed = 0


class Driver:
    program = "guest_driver"

    def __init__(self):
        self.p = subprocess.Popen([os.path.join(BUILD, "tests/model", self.program)],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, case):
        self.p.stdin.write(json.dumps(case) + "\n")
        self.p.stdin.flush()
        line = self.p.stdout.readline()
        if not line:
            print("Bail out! the C side ended at", json.dumps(case)[:2000])
            sys.exit(1)
        return json.loads(line)

    def close(self):
        self.p.stdin.close()
        return self.p.wait() == 0


def parts(value):
    """(volume or path, {option: value})"""
    what, options = None, {}
    for piece in str(value).split(","):
        k, eq, v = piece.partition("=")
        if eq and re.fullmatch(r"[a-z0-9_-]+", k):
            if k in ("file", "volume"):
                what = v
            else:
                options[k] = v
        elif what is None:
            what = piece
    return what, options


def ok(good, what, detail=""):
    global count, failed
    count += 1
    failed += not good
    print("ok" if good else "not ok", count, "-", what)
    if not good:
        print("#", str(detail).replace("\n", "\n# "))


def cases(enough=300):
    """The numbers of the cases to try. A case depends on the seed and its number alone, so a range can
    be cut into parts (many.py), and one case be tried again."""
    return range(FIRST, FIRST + (RUNS or enough))


def again(i):
    return f"MODEL_SEED={SEED} MODEL_FIRST={i} MODEL_RUNS=1 shows it again"


def compare(name, one_case, enough=300):
    """one_case(rng, driver) -> None or a text that tells the difference. Stops at the first."""
    driver = Driver()
    for i in cases(enough):
        bad = one_case(random.Random(f"{SEED} {name} {i}"), driver)
        if bad:
            ok(False, f"{name}: {again(i)}", bad)
            driver.close()
            return
    ok(driver.close(), f"{name}: {len(cases(enough))} random cases, MODEL_SEED={SEED}")


def done():
    print(f"1..{count}")
    sys.exit(failed > 0)
