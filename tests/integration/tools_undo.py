#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every row that changes something over the API, taken back: state, plan, approve, apply, undo, and
the state is equal, field by field, in the simulated cluster's own document. The registry is walked:
a new row without a case fails here (undo_cases.py)."""

import copy
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from undo_cases import CASES, ELSEWHERE, UNREAD, VOLATILE, clean_up, difference  # noqa: E402
from world import Tap, World  # noqa: E402

w = World("--task-ms", "1", "--seed", "7")


def take_back(op):
    code, v, text = w.run("undo", op)
    if code == 4 and v and v.get("plan"):
        code, v, text = w.carry_out(v)
    return code, v, text


def one(t, row, args, more):
    name = f"{row} {args}"
    for method, path, form in more.get("before", ()):
        w.sim.call(method, path, **form)
    w.sim.settle()
    before = w.sim.now()
    code, plan, text = w.plan(row, **args)
    if not t.ok(code == 0, f"{name}: planned", text):
        return
    kind = plan["plan"]["undo"]["kind"]
    want = more.get("undo", ROWS[row]["undo"])
    t.ok(kind == want, f"{name}: undo is {want}", plan["plan"]["undo"])
    code, op, text = w.carry_out(plan)
    if not t.ok(code == 0 and op and op["outcome"] == "done", f"{name}: done", text):
        return
    w.sim.settle()
    did = difference(before, w.sim.now(), VOLATILE)
    t.ok(bool(did) != more.get("same", False), f"{name}: the state is different then", did)
    if kind == "none":
        t.ok(plan["plan"]["undo"]["guarantee"], f"{name}: says why there is no way back")
        return
    code, v, text = take_back(op["op_id"])
    check = more.get("check", "not-applicable" if row in UNREAD else "ok")
    t.ok(code == (check == "finding") and v and v["outcome"] == "done", f"{name}: undone", text)
    t.ok(v and v.get("post_check", {}).get("status") == check,
         f"{name}: the undo's check", v and v.get("post_check"))
    w.sim.settle()
    leaves = [p.format(**args) for p in more.get("leaves", ())]
    wrong = difference(before, w.sim.now(), VOLATILE + leaves)
    t.ok(not wrong, f"{name}: everything is as it was",
         "\n".join(f"{p}: {a!r} -> {b!r}" for p, (a, b) in wrong.items()))
    clean_up(w.sim, more.get("after", ()))


def walk(t):
    for name, row in ROWS.items():
        if name in ELSEWHERE:
            t.ok(os.path.exists(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                             ELSEWHERE[name])), f"{name}: see {ELSEWHERE[name]}")
        elif any(case[0] == name for case in CASES):
            t.ok(True, f"{name}: has a case")
        else:
            t.ok(row["undo"] == "none" and row["undo_none"], f"{name}: no case, for it has no undo: "
                 f"{row['undo_none']}", f"undo is {row['undo']}: add a case to undo_cases.py")
    unknown = {case[0] for case in CASES} | set(ELSEWHERE)
    t.ok(unknown <= set(ROWS), "no case is for a row that is gone", unknown - set(ROWS))


def cases(t):
    only = sys.argv[1:]
    for case in CASES:
        if only and case[0] not in only:
            continue
        try:
            one(t, *copy.deepcopy(case))
        except Exception as e:  # noqa: BLE001 - the cases after it count too
            t.ok(False, f"{case[0]} {case[1]}", repr(e))


def ledger(t):
    code, report, text = w.verify()
    t.ok(code == 0 and report["ok"], "the ledger verifies", text)


try:
    w.operator()
    ROWS = {x["name"]: x for x in w.run("tools", "--all")[1] if x["effect"] == "change"}
    sys.exit(Tap().run(walk, cases, ledger))
finally:
    w.close()
