#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plans of several requests of which a later one fails, whatever row made them; also plans that take
something back. What undo_cases.py has of those is tried: each request after the first, with an error,
with a node that cannot be reached, with a connection that breaks before and after the cluster has seen
it. After each: exactly the requests up to that one were sent, in order; the outcome is not `done`; what
was done before is named in the answer; an undo brings the cluster back to where it was, or says what
it cannot; no planted secret shows; in the end the ledger verifies. A case gets one of the faults in turn, and with
FAULTS=all each of them."""

import copy
import json
import os
import sys
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from undo_cases import CASES, VOLATILE, clean_up, difference  # noqa: E402
from world import Tap, skip_all  # noqa: E402
from fault_lib import FaultWorld, need_openssl  # noqa: E402

need_openssl(skip_all)
w = FaultWorld("--task-ms", "1", "--seed", "7")
w.operator()

FAULTS = [
    ("status 500", ("answer", 500, "got no cheese"), {"failed"}),
    ("status 596", ("answer", 596, "Broken pipe"), {"unknown"}),
    ("dropped before", "drop-before", {"unknown"}),
    ("dropped after", "drop-after", {"unknown"}),
]
ROWS = ["pve_rollback", "pve_node_evacuate", "proximo_plan_steps"]  # of several requests themselves
turn = 0


def reset(state):
    """The simulated cluster as it was, at its address."""
    w.sim.stop()
    with open(w.sim.state, "w", encoding="utf-8") as f:
        json.dump(state, f)
    with open(w.sim.state + ".journal", "w", encoding="utf-8"):
        pass
    w.sim.start(w.sim.info["listen"])


def requests(plan):
    return [(q["phase"], q["method"], q["path"]) for q in plan["plan"]["requests"] if q["phase"] != "undo"]


def sent(since):
    return [(m, urllib.parse.unquote(p.split("?")[0].removeprefix("/api2/json")), ok)
            for m, p, _, ok in w.proxy.changes[since:]]


def faults(n):
    """(request from 1, what happens to it, what is made of it, outcomes) of n requests: the next, or all."""
    global turn
    if os.environ.get("FAULTS") == "all":
        return [(at, *f) for at in range(1, n) for f in FAULTS]
    turn += 1
    return [(1 + turn % (n - 1), *FAULTS[turn % len(FAULTS)])] if n > 1 else []


def plain(path):
    return urllib.parse.unquote(path.split("?")[0])


def broken(t, name, plan, at, how, want):
    """Carries a plan out whose request number `at` (from 0) goes wrong; returns the answer."""
    planned = requests(plan)
    since = len(w.proxy.changes)
    w.proxy.add("change", ".", how, skip=at)
    code, v, text = w.carry_out(plan)
    w.proxy.clear()
    gone = sent(since)
    t.ok([g[:2] for g in gone] == [(m, plain(p)) for _, m, p in planned[:at + 1]],
         f"{name}: what was sent is the plan's beginning", f"{gone}\n{planned}")
    prepared = [p for p in planned if p[0] == "prepare"]
    if planned[at][0] == "prepare" or at == len(prepared):
        want = want | {"not-started"}  # the change itself had not begun
    t.ok(code != 0 and v and v.get("outcome") in want and v.get("error") and v.get("code"),
         f"{name}: {v and v.get('outcome')} ({v and v.get('code')})", text)
    told = str((v or {}).get("left_over")) + str((v or {}).get("tasks"))
    done = [p for p in planned[:at] if p[0] == "execute"]
    t.ok(all(f"{m} {p}" in told for _, m, p in done) and (not prepared or v["tasks"]),
         f"{name}: what was done before is named", told)
    return v


def taken_back(t, name, before, v, leaves):
    """Undoes what was done, by whatever approval; the cluster is as it was, or it is said what is not."""
    code, u, text = w.run("undo", v["op_id"])
    u = u or {}
    plan = w.body(w.digest(u)) if u.get("plan_id") else {}
    if u and u.get("plan"):
        code, u, text = w.carry_out(u)
    left = difference(before, w.sim.now(), [*VOLATILE, "starts", *leaves])
    named = "did not end as done" in str(plan.get("risk_reasons"))
    if left and named and u.get("outcome") == "done":
        return t.ok(v["outcome"] == "unknown" and code == 1 and u["post_check"]["status"] == "finding",
                    f"{name}: taken back but for the step that failed, which is named before and found after", text)
    if left and code != 0:
        error = (u or {}).get("error")
        good = isinstance(error, dict) and error.get("hint") or error and u.get("code")
        return t.ok(good, f"{name}: it is not undone, and it is said why", f"{text}\n{left}")
    return t.ok(not left, f"{name}: taken back, the cluster is as it was", f"{left}\n{text}")


def forward(t, name, row, args, more):
    """The row's own plan."""
    code, plan, text = w.plan(row, **copy.deepcopy(args))
    if not t.ok(code == 0 and len(requests(plan)) > 1, f"{name} is a plan of several requests", text):
        return
    start = w.sim.now()
    for at, what, how, want in faults(len(requests(plan))):
        code, plan, text = w.plan(row, **copy.deepcopy(args))
        if not t.ok(code == 0, f"{name}: planned", text):
            return
        label = f"{name}, request {at + 1}, {what}"
        v = broken(t, label, plan, at, how, want)
        taken_back(t, label, start, v, [p.format(**args) for p in more.get("leaves", ())] +
                   ["guests/*/snapshots/pxundo_*", "guests/*/config/parent", "guests/*/parent"])
        reset(start)


def backward(t, name, row, args):
    """The plan that takes it back: its later requests fail, then it is asked for again."""
    code, plan, text = w.plan(row, **copy.deepcopy(args))
    undo = [q for q in plan["plan"]["requests"] if q["phase"] == "undo"] if code == 0 else []
    start = w.sim.now()
    for at, what, how, want in faults(len(undo)):
        code, plan, text = w.plan(row, **copy.deepcopy(args))
        code, done, text = w.carry_out(plan) if code == 0 else (code, None, text)
        if not t.ok(code == 0 and done, f"{name}: carried out", text):
            return
        label = f"undo of {name}, request {at + 1}, {what}"
        since = len(w.proxy.changes)
        w.proxy.add("change", ".", how, skip=at)
        code, u, text = w.run("undo", done["op_id"])
        if u and u.get("plan"):
            code, u, text = w.carry_out(u)
        w.proxy.clear()
        gone = sent(since)
        if not t.ok(code != 0 and len(gone) == at + 1 and u and u.get("outcome") in want,
                    f"{label}: {u and u.get('outcome')}", f"{gone} {text}"):
            return
        told = str(u.get("left_over")) + str(u.get("tasks"))
        t.ok(all(f"{m} {p}" in urllib.parse.unquote(told) for m, p, _ in gone[:at]),
             f"{label}: what was done before is named", told)
        taken_back(t, label + ", asked for again", start, done, [])
        reset(start)


def cases(t):
    for row, args, more in CASES:
        name = f"{row} {args}"
        origin = w.sim.now()
        try:
            for method, path, form in more.get("before", ()):
                w.sim.call(method, path, **form)
            if row in ROWS:
                forward(t, name, row, args, more)
            else:
                backward(t, name, row, args)
            clean_up(w.sim, more.get("after", ()))
        except Exception as e:  # noqa: BLE001 - the cases after it count too
            t.ok(False, name, repr(e))
            reset(origin)


def afterwards(t):
    w.sound(t, "in the end")
    w.no_secret(t, "in the end")
    spent = {h["plan"][0] for k, h in w.entries() if k == "intent"}
    left = [p for p in w.secrets() if w.digest({"plan_id": p}) in spent]
    t.ok(not left, "the secret of no plan that was carried out is left", left)


try:
    sys.exit(Tap().run(cases, afterwards))
finally:
    w.close()
