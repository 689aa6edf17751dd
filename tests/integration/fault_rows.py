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
from undo_cases import CASES, VOLATILE, clean_up  # noqa: E402
from world import Tap, skip_all  # noqa: E402
from fault_lib import FaultWorld, need_openssl  # noqa: E402
from fault_walk import walk  # noqa: E402

need_openssl(skip_all)
w = FaultWorld("--task-ms", "1", "--seed", "7")
w.operator()

def cases(t):
    for number, case in enumerate(CASES):
        try:
            walk(t, w, number, *copy.deepcopy(case), state=w.sim.now, left_out=[*VOLATILE, "faults", "faults/*"])
            clean_up(w.sim, case[2].get("after", ()))
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
