#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the root half's child, and of the root half with it, instead of each single call of a request that
changes a file. The promise: a command runs once or not at all; its operation ends as the node's receipt says, and
where nobody can know, as unknown; the journal carries on; the ledger verifies; nothing else is left."""

import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "../testbed"))
from fault_lib import SHIM, node_with_container  # noqa: E402
from lab import Lab, LabError  # noqa: E402
from world import Tap  # noqa: E402

VMID = 909
ORDER_EXEC = 0x100  # pveagentd/act/order.h
CANARY = "CANARY" + os.urandom(6).hex()
POLICY = f"""[node]
clock = any

[rule script]
client = lab
ct = {VMID}
run = /bin/sh
stdin = yes
"""

lab = Lab(os.environ.get("top_builddir", "."))


def root_half(**shim):
    """The root half anew, under the shim or not."""
    if lab.priv.poll() is None:
        lab.priv.kill()
    lab.priv.wait()
    if lab.priv in lab.procs:
        lab.procs.remove(lab.priv)
    plain = dict(lab.env)
    if shim:
        asan = os.environ.get("ASAN_OPTIONS", "")
        lab.env.update({k: str(v) for k, v in shim.items()}, LD_PRELOAD=SHIM,
                       ASAN_OPTIONS=f"{asan}:verify_asan_link_order=0")
    try:
        lab.start_root()
    finally:
        lab.env.clear()
        lab.env.update(plain)


def ran(n):
    path = lab.root / f"etc/ran{n}"
    return len(path.read_text().splitlines()) if path.exists() else 0


def ready():
    lab.wait_for(lambda: lab.client_json("node", "list")[1]["nodes"][0]["reachable"], "the node", lab.front)


def prepared(n):
    """An approved plan of a command that leaves a line behind, and whose input is secret."""
    _, p = lab.client_json("plan", "ct_exec", f"vmid:={VMID}", 'argv:=["/bin/sh"]', "undo=none",
                           "stdin_secret:=" + json.dumps(f"echo {CANARY} >> /etc/ran{n}\n"))
    if "plan" not in p:
        raise LabError(json.dumps(p))
    lab.approve(p["plan_id"])
    return p


def outcome_of(p):
    """Of that plan's operation, resolved: (result, why it is open)."""
    _, v = lab.client_json("ops")
    mine = [o for o in v["operations"] if o.get("plan_id") == p["plan_id"]]
    if not mine:
        return "none", None
    why = [u["why"] for u in v["unresolved"] if u["op_id"] == mine[0]["op_id"]]
    return mine[0]["result"], why[0] if why else None


def one(t, n, what, **shim):
    """Killed at call n of a child: true when it still had that many."""
    root_half()
    ready()
    name = f"{len(shim)}-{n}"
    p = prepared(name)
    root_half(FAULT_KILL_CHILD=n, **shim)
    lab.client("--json", "apply", p["plan_id"])
    root_half()
    ready()
    return judged(t, f"{what} killed at call {n}", p, name)


def judged(t, what, p, name):
    """What was killed was that plan's: (its operation's result, how often it ran). Complains when the
    two do not go together."""
    result, why = outcome_of(p)
    done = ran(name)
    code, v = lab.client_json("ledger", "verify")
    good = {"none": done == 0, "not-started": done == 0, "failed": done == 0, "done": done == 1, "warnings": done == 1,
            "unknown": done <= 1, "open": done <= 1 and why}[result]
    again, said = lab.client_json("apply", p["plan_id"])
    good = good and (ran(name) == done or (result == "none" and ran(name) == 1))
    if not good or code != 0 or not v.get("ok"):
        t.ok(False, f"{what}: {result}, ran {done} times, then {ran(name)}", f"{why} {v} {said}")
    return result, done


def sweep(t, what, **shim):
    seen, n = [], 0
    while n < 60 and seen[-3:] != [("done", 1)] * 3:
        n += 1
        seen.append(one(t, n, what, **shim))
    kinds = sorted({r for r, _ in seen})
    t.ok(seen[-3:] == [("done", 1)] * 3 and n > 5, f"{what} killed at each of {n - 3} calls: once or not at all, and the "
         f"operation says which ({', '.join(kinds)})", seen)
    t.ok(any(d == 0 for _, d in seen[:-3]) and any(d == 1 for _, d in seen[:-3]), f"{what}: before and after the command",
         seen)


def test_child(t):
    sweep(t, "the child")


def test_both(t):
    # from the journal on: before it a child may be another one's, and nothing has been recorded there
    sweep(t, "the child and the root half", FAULT_KILL_PARENT=1, FAULT_FROM="/journal/")


def test_actor(t):
    """The program that acts, killed instead of taking its order, instead of answering, and not at all."""
    seen = []
    for n in (1, 2, 3):
        root_half()
        ready()
        p = prepared(f"act-{n}")
        lab.act_with(LD_PRELOAD=SHIM, FAULT_KILL_AT=n, FAULT_TALK=ORDER_EXEC, ASAN_OPTIONS="verify_asan_link_order=0")
        lab.client("--json", "apply", p["plan_id"])
        lab.act_with()
        lab.wait_for(lambda: outcome_of(p)[0] != "open", "the receipt", lab.priv)
        seen.append(judged(t, f"the program that acts killed at call {n}", p, f"act-{n}"))
    t.ok(seen == [("unknown", 0), ("unknown", 1), ("done", 1)],
         "the program that acts killed before and after the command: unknown, and not run again", seen)


def test_afterwards(t):
    root_half()
    ready()
    p = prepared("last")
    _, o = lab.client_json("apply", p["plan_id"])
    t.ok(o.get("outcome") == "done" and ran("last") == 1, "in the end a command runs as ever", o)
    code, v = lab.client_json("ledger", "verify")
    t.ok(code == 0 and v["ok"] and v["receipts_unchecked"] == 0, "the ledger verifies", v)
    found = [str(f) for top in ("state", "log", "priv", "agent", "run") for f in (lab.dir / top).rglob("*")
             if f.is_file() and CANARY.encode() in f.read_bytes()]
    t.ok(not found, "no planted secret in the ledger, the node's state or a log", found)


def main():
    lab.act_with()
    lab.root = node_with_container(lab, VMID, POLICY)
    return Tap().run(test_child, test_both, test_actor, test_afterwards)


try:
    sys.exit(main())
finally:
    lab.close()
