#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every row that changes something on a backup server, with a server that fails at its first request, as
fault_rows.py does it with a cluster. The rows are those of pbs_cases.py; none may be left out."""

import copy
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fault_lib import FaultWorld, need_openssl  # noqa: E402
from fault_walk import walk  # noqa: E402
from pbs_cases import MOVES, lasting_cases, scene, undo_cases  # noqa: E402
from world import Tap, skip_all  # noqa: E402

need_openssl(skip_all)
w = FaultWorld("--pbs", "--task-ms", "1", "--seed", "3", "--clock", "1790000000")
w.operator()

# A running task is what it stops: fault_later.py's, of a cluster; there is none here to stop.
NOT_HERE = {"pbs_task_stop"}


def state():
    return {k: v for k, v in w.sim.now().items() if k not in MOVES}


def cases(t):
    scene(w.sim)
    newest = max(map(int, w.sim.now()["content"]["tank"]["/"]["vm/104"]["snapshots"]))
    all_cases = undo_cases(newest) + lasting_cases(newest)
    for number, (row, args) in enumerate(all_cases):
        try:
            walk(t, w, number, row, copy.deepcopy(args), {}, state=state, by_proxy=True,
                 left_out=["next_*", "serial", "upid_*"])
        except Exception as e:  # noqa: BLE001 - the cases after it count too
            t.ok(False, f"{row} {args}", repr(e))
    rows = {x["name"] for x in w.run("tools", "--all")[1]
            if x["name"].startswith("pbs_") and x["effect"] == "change"}
    t.ok(rows - NOT_HERE == {r for r, _ in all_cases}, "no row is left out", rows ^ {r for r, _ in all_cases})


def afterwards(t):
    w.sound(t, "in the end")
    w.no_secret(t, "in the end")
    t.ok(not w.secrets(), "no plan's secret is left", w.secrets())


try:
    sys.exit(Tap().run(cases, afterwards))
finally:
    w.close()
