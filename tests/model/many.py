#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the models for a night: many random cases a class, cut into parts that run side by side, within
a given time. One line a class says how many cases were compared; a class that time did not suffice
for is no success, and the line says how far it came. `make check-models-many` calls it.

  many.py [--runs N] [--seed N] [--parts N] [--jobs N] [--seconds N] MODEL.py...
"""
import argparse
import concurrent.futures
import os
import random
import re
import subprocess
import sys
import time

LINE = re.compile(r"ok \d+ - ([^:]+): (\d+) random cases, MODEL_SEED=")


class Class:
    """One model: what its parts have said so far."""

    def __init__(self, path):
        self.path = path
        self.name = os.path.basename(path)[:-len(".py")]
        self.compared, self.wrong, self.late, self.seconds = {}, [], 0, 0.0

    def part(self, o, number, deadline):
        first, last = (o.runs * n // o.parts for n in (number, number + 1))
        env = dict(os.environ, MODEL_SEED=str(o.seed), MODEL_FIRST=str(first), MODEL_RUNS=str(last - first))
        begun = time.monotonic()
        if begun >= deadline:
            self.late += 1
            return
        try:
            r = subprocess.run([sys.executable, self.path], env=env, stdin=subprocess.DEVNULL, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               timeout=deadline - begun, check=False)
        except subprocess.TimeoutExpired:
            self.late += 1
            return
        finally:
            self.seconds += time.monotonic() - begun
        for line in r.stdout.splitlines():
            m = LINE.match(line)
            if m:
                self.compared[m[1]] = self.compared.get(m[1], 0) + int(m[2])
        if r.returncode or "\n1.." not in r.stdout:
            said = [x for x in r.stdout.splitlines() if not x.startswith("ok ")]
            self.wrong.append(f"{self.name}, part {number} of {o.parts}: exit {r.returncode}\n" + "\n".join(said))

    def good(self):
        return not self.wrong and not self.late

    def line(self, o):
        said = ", ".join(f"{k}: {n}" for k, n in self.compared.items()) or "a table of cases"
        how = "ok" if self.good() else "DIFFERS" if self.wrong else f"OUT OF TIME, {self.late} parts not finished"
        return f"{self.name:18} {how}; {said} of {o.runs}; seed {o.seed}; {self.seconds:.0f} s"


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--runs", type=int, default=int(os.environ.get("MODEL_RUNS") or 10000))
    p.add_argument("--seed", type=int, default=int(os.environ.get("MODEL_SEED") or random.randrange(1 << 32)))
    p.add_argument("--parts", type=int, default=0)
    p.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    p.add_argument("--seconds", type=float, default=3600)
    p.add_argument("models", nargs="+")
    o = p.parse_args()
    o.parts = max(1, min(o.parts or o.runs // 2500, o.runs))  # what is rare is looked for in each part
    deadline = time.monotonic() + o.seconds
    classes = [Class(m) for m in o.models]
    with concurrent.futures.ThreadPoolExecutor(o.jobs) as pool:
        # What says nothing of random cases in its first part is a table, for which one part is all.
        list(pool.map(lambda c: c.part(o, 0, deadline), classes))
        rest = [(c, n) for n in range(1, o.parts) for c in classes if c.compared or c.late]
        list(pool.map(lambda x: x[0].part(o, x[1], deadline), rest))
    for c in classes:
        for text in c.wrong:
            print("# " + text.replace("\n", "\n# "))
    for c in classes:
        print(c.line(o))
    return 0 if all(c.good() for c in classes) else 1


if __name__ == "__main__":
    sys.exit(main())
