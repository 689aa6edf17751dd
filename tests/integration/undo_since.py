#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An undo looks at what happened since: a rollback lists what it takes along and then asks a person
anew, the undo's own check says whether it is as before; and tasks of our token that nobody recorded
are found in the cluster's own log."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fault_lib import FaultWorld  # noqa: E402
from world import Tap  # noqa: E402

VMID = 105  # of the simulated cluster: on shared storage, where snapshots do not bar each other
PATH = f"/nodes/pve2/qemu/{VMID}"
HOUR = 3600
w = None


def next_second():
    """Task lists know whole seconds: what is set up past the client is not of the operation's own."""
    time.sleep(1.1)


def rolled_back():
    """An operation whose way back is a snapshot."""
    return w.done("pve_rollback", vmid=VMID, snapname="base")


def planned_undo(op, **env):
    """The undo as a plan; text of guests makes no difference here."""
    code, v, text = w.run("undo", op["op_id"], **env)
    if code != 4:
        raise RuntimeError(f"{code} {text}")
    return v["plan"]


def lost(plan):
    return {a["via"]: a["why"] for a in plan["affected"]
            if a["effect"] == "loses-data" and "taken back with it" in a["why"]}


def age(plan):
    return [a["why"] for a in plan["affected"] if a["effect"] == "reverted"
            and "everything written since the snapshot" in a["why"]]


def anew(plan):
    return plan["approval"].get("anew", False), plan["approval"]["required"]


def test_nothing_since(t):
    w.sim.call("POST", PATH + "/status/stop")
    w.sim.call("POST", PATH + "/snapshot", snapname="base")
    next_second()
    p = planned_undo(rolled_back())
    t.ok(not lost(p) and anew(p)[0] is False, "fresh and alone: nothing else is lost", p)
    t.ok(len(age(p)) == 1 and " s ago" in age(p)[0], "its age is said", p)


def test_own_operation(t):
    op = rolled_back()
    one = w.done("pve_guest_config_set", vmid=VMID, set={"description": "since"})
    w.done("pve_guest_config_set", vmid=104, set={"description": "of another guest"})
    p = planned_undo(op)
    t.ok(list(lost(p)) == [one["op_id"]] and one["change"] in lost(p)[one["op_id"]],
         "an operation on that guest since is named, one on another is not", p["affected"])
    t.ok(anew(p) == (True, "operator") and "1 other operations" in p["approval"]["why"],
         "and an operator says yes anew", p["approval"])


def test_others(t):
    op = rolled_back()
    upid = w.sim.call("POST", PATH + "/status/start")
    p = planned_undo(op)
    t.ok(list(lost(p)) == [upid] and "task qmstart by root@pam!proximo" in lost(p)[upid],
         "a task of somebody else since is named with who did it", p["affected"])
    t.ok(anew(p) == (True, "operator"), "and an operator says yes anew", p["approval"])
    t.ok(any("task log of node pve2" in s and "only" not in s for s in p["sources"]),
         "where that was read is said", p)
    w.sim.call("POST", PATH + "/status/stop")
    next_second()


def test_old(t):
    op = rolled_back()
    p = planned_undo(op, **w.shim(FAULT_CLOCK=HOUR + 60))
    t.ok(anew(p) == (True, "operator") and "61 min old" in p["approval"]["why"] and not lost(p),
         "over an hour later an operator says yes anew", p["approval"])
    p = planned_undo(op, **w.shim(FAULT_CLOCK=HOUR - 300))
    t.ok(anew(p)[0] is False, "within the hour not", p["approval"])


def test_check(t):
    op = w.done("pve_guest_config_set", vmid=VMID, set={"memory": 3072})
    code, plan, text = w.run("undo", op["op_id"])
    code, v, text = w.carry_out(plan) if code == 4 else (code, plan, text)
    t.ok(code == 0 and v["post_check"]["status"] == "ok", "an undo says that it is as before", text)
    op = w.done("pve_guest_config_set", vmid=VMID, set={"memory": 5120})
    w.sim.call("PUT", PATH + "/config", description="by somebody else")
    code, plan, text = w.run("undo", op["op_id"])
    code, v, text = w.carry_out(plan) if code == 4 else (code, plan, text)
    t.ok(v["outcome"] == "done" and v["post_check"]["status"] == "finding"
         and PATH + "/config" in v["post_check"]["text"],
         "what is not as before is named", text)


def test_foreign(t):
    """Our own token, used past the client."""
    code, v, text = w.run("ledger", "foreign")
    before = {f["upid"] for f in v["foreign"]}
    known = v["known"]
    upid = w.sim.call("POST", PATH + "/status/start")
    op = w.done("pve_guest_power", vmid=VMID, action="stop")
    code, v, text = w.run("ledger", "foreign")
    found = {f["upid"]: f for f in v["foreign"]}
    t.ok(code == 1 and set(found) - before == {upid} and found[upid]["type"] == "qmstart"
         and found[upid]["node"] == "pve2" and found[upid]["id"] == str(VMID),
         "a task of our token that nobody recorded is found", text)
    t.ok(v["known"] > known and not any(x["upid"] in found for x in op["tasks"]),
         "what the ledger names is not", text)
    t.ok(v["complete"] and len(v["nodes"]) == 3 and any("without a task" in x for x in v["limits"]),
         "every node was asked, and what cannot be found is said", text)


def test_foreign_clean(t):
    other = FaultWorld()
    try:
        other.plan("pve_storage_delete", storage="local-zfs")
        code, v, text = other.run("ledger", "foreign")
        t.ok(code == 0 and v["foreign"] == [] and v["complete"], "nothing foreign is no finding", text)
        other.sim_call("POST", "/sim/node", node="pve3", state="down")
        code, v, text = other.run("ledger", "foreign")
        t.ok(code == 6 and not v["complete"] and [n["node"] for n in v["nodes"] if "why" in n] ==
             ["pve3"], "a node that cannot be asked makes it incomplete", text)
    finally:
        other.close()


def main():
    global w
    w = FaultWorld("--task-ms", "1")
    try:
        w.operator()
        return Tap().run(test_nothing_since, test_own_operation, test_others, test_old, test_check,
                         test_foreign, test_foreign_clean)
    finally:
        w.close()


if __name__ == "__main__":
    sys.exit(main())
