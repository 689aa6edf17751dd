#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tests/model/many.py on models that are planted: what agrees is counted whole, and none of a
difference, a model that dies, one that stops half way and one that takes too long is a success. TAP."""
import os
import subprocess
import sys
import tempfile

MANY = os.path.join(os.environ.get("top_srcdir", "."), "tests", "model", "many.py")
HEAD = "import os\nn, first, seed = (os.environ['MODEL_' + k] for k in ('RUNS', 'FIRST', 'SEED'))\n"
AGREES = HEAD + "print(f'ok 1 - it: {n} random cases, MODEL_SEED={seed}')\nprint('1..1')\n"
MODELS = {
    "agrees": AGREES,
    "table": "print('ok 1 - a row')\nprint('1..1')\n",
    "differs": HEAD + "bad = int(first) <= 7 < int(first) + int(n)\n"
               "print('not ok 1 - it: case 7' if bad else f'ok 1 - it: {n} random cases, MODEL_SEED={seed}')\n"
               "print('1..1')\nraise SystemExit(bad)\n",
    "dies": HEAD + "print(f'ok 1 - it: {n} random cases, MODEL_SEED={seed}')\nraise SystemExit(3)\n",
    "stops": HEAD + "print(f'ok 1 - it: {n} random cases, MODEL_SEED={seed}')\n",
    "slow": "import time\ntime.sleep(3600)\n",
}
WANT = {  # what its line begins with, and the exit status
    "agrees": ("ok; it: 10 of 10; seed 9; ", 0), "table": ("ok; a table of cases of 10; seed 9; ", 0),
    "differs": ("DIFFERS; it: 6 of 10; seed 9; ", 1), "dies": ("DIFFERS; it: 10 of 10; ", 1),
    "stops": ("DIFFERS; it: 10 of 10; ", 1), "slow": ("OUT OF TIME, 3 parts not finished; ", 1)}


def main():
    bad = 0
    with tempfile.TemporaryDirectory() as d:
        for number, (name, text) in enumerate(MODELS.items(), 1):
            path = os.path.join(d, name + ".py")
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
            # Time is only given out where it is what runs out: nothing else depends on a clock.
            r = subprocess.run([sys.executable, MANY, "--runs", "10", "--seed", "9", "--parts", "3", "--jobs", "2",
                                "--seconds", "1" if name == "slow" else "3600", path],
                               stdout=subprocess.PIPE, text=True, check=False)
            last = r.stdout.splitlines()[-1] if r.stdout else ""
            good = last[:len(name)] == name and last[19:].startswith(WANT[name][0]) and r.returncode == WANT[name][1]
            bad += not good
            print(f"{'ok' if good else 'not ok'} {number} - many.py, a model: {name}")
            if not good:
                print("#", r.returncode, r.stdout.replace("\n", "\n# "))
    print(f"1..{len(MODELS)}")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
