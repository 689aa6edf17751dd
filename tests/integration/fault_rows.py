#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every row that changes something over the API, with an API that fails at its first request: an
error, a node that cannot be reached, a connection that breaks. The rows and what the world is made
to be before are those of undo_cases.py. After each: the outcome says that it was not done or is not
known, the cluster is as it was, and no planted secret shows; in the end the ledger verifies, which
wants exactly one outcome of each intent. A case gets one of the faults in turn, and with FAULTS=all
each of them."""

import copy
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from undo_cases import CASES, VOLATILE, clean_up, difference  # noqa: E402
from world import Tap, skip_all  # noqa: E402
from fault_lib import FaultWorld, need_openssl  # noqa: E402

need_openssl(skip_all)
w = FaultWorld("--task-ms", "1", "--seed", "7")
w.operator()

# what is ordered of pvesim, and what may become of the operation
FAULTS = [
    ("status=500:got+no+cheese", {"failed", "not-started"}),
    ("status=596:Broken+pipe", {"unknown", "not-started"}),
    ("drop-before", {"unknown", "not-started"}),
]


def plant(value):
    """The arguments, with a canary in the place of each secret."""
    if isinstance(value, dict):
        return {k: plant(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plant(v) for v in value]
    if isinstance(value, str) and value.startswith("s3cret-"):
        return w.plant(f"secret{len(w.canaries)}")
    return value


def one(t, number, row, args, more):
    name = f"{row} {args}"
    for method, path, form in more.get("before", ()):
        w.sim.call(method, path, **form)
    for i, (fault, outcomes) in enumerate(FAULTS):
        if os.environ.get("FAULTS") != "all" and i != number % len(FAULTS):
            continue
        code, plan, text = w.plan(row, **plant(copy.deepcopy(args)))
        if not t.ok(code == 0, f"{name}: planned", text):
            break
        first = [q for q in plan["plan"]["requests"] if q["phase"] != "undo"]
        first = ([q for q in first if q["phase"] == "prepare"] or first)[0]
        before = w.sim.now()
        w.sim_fault(f"{fault} {first['method']} * x1")
        code, v, text = w.carry_out(plan)
        good = v and v.get("outcome") in outcomes and v.get("error")
        t.ok(good, f"{name}, {fault}: {v and v.get('outcome')}", text)
        left = difference(before, w.sim.now(), [*VOLATILE, "faults", "faults/*"])
        t.ok(not left, f"{name}, {fault}: the cluster is as it was", left)
    clean_up(w.sim, more.get("after", ()))


def cases(t):
    for number, case in enumerate(CASES):
        try:
            one(t, number, *copy.deepcopy(case))
        except Exception as e:  # noqa: BLE001 - the cases after it count too
            t.ok(False, f"{case[0]} {case[1]}", repr(e))


def afterwards(t):
    w.sound(t, "in the end")
    w.no_unrecorded(t, "in the end")
    w.no_secret(t, "in the end")
    t.ok(not w.secrets(), "no plan's secret is left", w.secrets())


try:
    sys.exit(Tap().run(cases, afterwards))
finally:
    w.close()
