# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the client at each stage of a change. The promise: afterwards the ledger verifies, what
the dead process began is found at the next start and resolved from the cluster's task log or
reported as open - never guessed -, nothing ran that is not recorded, and no plan runs twice."""

import os
import sys
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Tap, skip_all  # noqa: E402
from fault_lib import FaultWorld, need_openssl  # noqa: E402

need_openssl(skip_all)
w = FaultWorld("--task-ms", "20")
w.operator()


def guest():
    """One that can have snapshots, and more than the newest of them (not on ZFS)."""
    _, v, text = w.read("pve_list_guests", limit=1000)
    for g in v["items"]:
        if "local-zfs" not in str(w.read("pve_guest_config_get", vmid=g["vmid"])) and \
                w.plan("pve_snapshot_create", vmid=g["vmid"], snapname="x1")[0] == 0:
            return g["vmid"]
    raise RuntimeError(text)


GUEST = guest()


def planned(t, row, **args):
    code, plan, text = w.plan(row, **args)
    t.ok(code == 0, f"{row} is planned", text)
    need = plan["plan"]["approval"]["required"]
    if need == "operator":
        code, seen = w.approve(plan["plan_id"])
        t.ok(code == 0, "and approved", seen)
    return plan


def op_of(plan):
    """(operation as `ops` lists it, why it is unresolved or None)"""
    v = w.ops()
    mine = [o for o in v["operations"] if o.get("plan_id") == plan["plan_id"]]
    if len(mine) != 1:
        raise RuntimeError(f"{len(mine)} operations of {plan['plan_id']}: {v}")
    why = [u["why"] for u in v["unresolved"] if u["op_id"] == mine[0]["op_id"]]
    return mine[0], why[0] if why else None


def is_open(t, plan, stage):
    op, why = op_of(plan)
    t.ok(op["result"] == "open" and why, f"{stage}: the operation is reported as open, with why",
         f"{op} {why}")
    spent(t, plan, stage)


def is_resolved(t, plan, result, stage):
    op, why = op_of(plan)
    t.ok(op["result"] == result and not why, f"{stage}: resolved as {result} from the task log",
         f"{op} {why}")
    spent(t, plan, stage)
    return op


def spent(t, plan, stage):
    before = len(w.proxy.changes)
    code, v, text = w.run("apply", plan["plan_id"])
    t.ok(code == 5 and v["error"]["code"] == "plan_spent", f"{stage}: the plan is spent", text)
    t.ok(len(w.proxy.changes) == before, f"{stage}: and nothing was sent again")
    w.sound(t, stage)


def snapshots(vmid):
    """Past the client: what a guest wrote of its snapshots would raise the approval of what follows."""
    where = {g["vmid"]: f"/nodes/{g['node']}/{g['type']}" for g in w.sim.call("GET", "/cluster/resources?type=vm")}
    return {s["name"] for s in w.sim.call("GET", f"{where[vmid]}/{vmid}/snapshot")} - {"current"}


def test_while_planning(t):
    before = len([1 for k, _ in w.entries() if k == "plan"])
    w.spoiled(w.proxy.add("GET", r"/config", "before"), "--json", "plan", "pve_snapshot_create",
              f"vmid={GUEST}", "snapname=never")
    w.proxy.clear()
    w.sound(t, "while planning")
    t.ok(len([1 for k, _ in w.entries() if k == "plan"]) == before, "no half plan is recorded")
    t.ok(not w.proxy.changes, "and nothing was sent")


def test_at_the_passphrase(t):
    code, plan, text = w.plan("pve_storage_delete", storage="local-zfs")
    t.ok(code == 0 and plan["plan"]["approval"]["required"] == "operator", "a plan for an operator",
         text)
    pid, fd = w.start_on_tty(["approve", plan["plan_id"], "--operator", "alice"],
                             "passphrase of alice", None)
    w.kill_on_tty(pid, fd)
    t.ok(not any(k == "approval" and h["plan"][0] == w.digest(plan) for k, h in w.entries()),
         "killed at the passphrase: no approval is recorded")
    code, v, text = w.run("apply", plan["plan_id"])
    t.ok(code == 4 and v["error"]["code"] == "approval_needed", "the plan still wants one", text)
    code, seen = w.approve(plan["plan_id"])
    t.ok(code == 0, "and can have it", seen)
    w.sound(t, "at the passphrase")
    return plan


def test_intent_recorded(t):
    plan = planned(t, "pve_snapshot_create", vmid=GUEST, snapname="stage1")
    w.apply_killed(plan, "POST", r"/snapshot$", "before")
    t.ok("stage1" not in snapshots(GUEST), "killed before the cluster saw it: nothing ran")
    is_open(t, plan, "intent recorded")


def test_request_sent(t):
    plan = planned(t, "pve_snapshot_create", vmid=GUEST, snapname="stage2")
    w.apply_killed(plan, "POST", r"/snapshot$", "after")
    is_open(t, plan, "request sent, no answer")
    t.ok("stage2" in snapshots(GUEST), "the cluster did it: only the cluster knows, so it is not guessed")


def test_task_known(t):
    plan = planned(t, "pve_snapshot_create", vmid=GUEST, snapname="stage3")
    w.apply_killed(plan, "GET", r"/tasks/[^/]*/status", "before", once_changed=True)
    op = is_resolved(t, plan, "done", "UPID returned")
    code, v, text = w.run("undo", op["op_id"])
    if code == 4 or (v and v.get("status") == "awaiting_approval"):
        w.approve(v["plan_id"])
        code, v, text = w.run("apply", v["plan_id"])
    t.ok(code == 0 and v["outcome"] == "done" and "stage3" not in snapshots(GUEST),
         "what was resolved can be undone", text)


def test_task_failed(t):
    plan = planned(t, "pve_snapshot_create", vmid=GUEST, snapname="stage4")
    w.sim_fault("task-fail=no+luck POST */snapshot x1")
    w.apply_killed(plan, "GET", r"/tasks/[^/]*/status", "before", once_changed=True)
    is_resolved(t, plan, "failed", "a task that failed meanwhile")


def test_task_runs_on(t):
    plan = planned(t, "pve_snapshot_create", vmid=GUEST, snapname="stage5")
    w.sim_fault("task-hang POST */snapshot x1")
    w.apply_killed(plan, "GET", r"/tasks/[^/]*/status", "before", once_changed=True)
    is_open(t, plan, "a task that still runs")
    upid = [h["task"][0].split()[1] for k, h in w.entries() if k == "progress"][-1]
    w.sim_call("DELETE", f"/nodes/{upid.split(':')[1]}/tasks/{upid}")  # somebody ends it
    is_resolved(t, plan, "failed", "the same task, ended since")


def test_wait_for_one(t):
    """Waiting for one operation asks the cluster about that one, however many are open."""
    upids = []
    for name in ("waits1", "waits2"):
        plan = planned(t, "pve_snapshot_create", vmid=GUEST, snapname=name)
        w.sim_fault("task-hang POST */snapshot x1")
        w.apply_killed(plan, "GET", r"/tasks/[^/]*/status", "before", once_changed=True)
        upids.append([h["task"][0].split()[1] for k, h in w.entries() if k == "progress"][-1])
    op, _ = op_of(plan)
    del w.proxy.asked[:]
    code, v, text = w.run("job", op["op_id"], "--wait", "3")
    asked = [urllib.parse.unquote(p) for p in w.proxy.asked]
    t.ok(code == 0 and v["state"] == "unfollowed", "it is waited for", text)
    t.ok(any(upids[1] in p for p in asked), "its task is asked about", asked)
    t.ok(not any(upids[0] in p for p in asked), "that of the other open one is not", asked)
    for upid in upids:
        w.sim_call("DELETE", f"/nodes/{upid.split(':')[1]}/tasks/{upid}")
    is_resolved(t, plan, "failed", "waited for, ended since")


def test_task_ended(t):
    plan = planned(t, "pve_snapshot_create", vmid=GUEST, snapname="stage6")
    w.apply_killed(plan, "GET", r"/snapshot$", "before", once_changed=True)
    op, _ = op_of(plan)
    is_resolved(t, plan, "done", "before the outcome")


def rollback_plan(t, name):
    code, plan, text = w.plan("pve_rollback", vmid=GUEST, snapname=name)
    t.ok(code == 0, "a rollback is planned", text)
    code, seen = w.approve(plan["plan_id"])
    t.ok(code == 0, "and approved", seen)
    kinds = [r["phase"] for r in plan["plan"]["requests"] if r["phase"] != "undo"]
    t.ok(kinds == ["prepare", "execute"], "its way back is prepared first", kinds)
    return plan


def rollbacks():
    return [c for c in w.proxy.changes if c[1].endswith("/rollback")]


def test_preparing(t):
    plan = planned(t, "pve_snapshot_create", vmid=GUEST, snapname="base")
    code, _, text = w.run("apply", plan["plan_id"])
    t.ok(code == 0, "a snapshot to go back to", text)
    plan = rollback_plan(t, "base")
    w.apply_killed(plan, "POST", r"/snapshot$", "after")
    is_open(t, plan, "prepare request sent")
    plan = rollback_plan(t, "base")
    w.apply_killed(plan, "GET", r"/tasks/[^/]*/status", "before", once_changed=True)
    is_open(t, plan, "prepared, nothing executed")
    t.ok(not rollbacks(), "and no rollback was sent")
    w.sim_fault("task-fail=no+luck POST */snapshot x1")
    plan = rollback_plan(t, "base")
    w.apply_killed(plan, "GET", r"/tasks/[^/]*/status", "before", once_changed=True)
    is_resolved(t, plan, "not-started", "the way back failed")
    t.ok(not rollbacks(), "so no rollback was sent")
    plan = rollback_plan(t, "base")
    w.apply_killed(plan, "POST", r"/rollback$", "before")
    is_open(t, plan, "prepared, execute request on its way")
    plan = rollback_plan(t, "base")
    w.apply_killed(plan, "GET", r"/tasks/[^/]*rollback[^/]*/status", "before", once_changed=True)
    is_resolved(t, plan, "done", "executed after a preparation")


def test_no_task(t):
    """A change that the cluster makes without a task leaves nothing to resolve from."""
    code, plan, text = w.plan("pve_storage_delete", storage="local-zfs")
    t.ok(code == 0, "a storage delete is planned", text)
    code, seen = w.approve(plan["plan_id"])
    w.apply_killed(plan, "DELETE", r"/storage/", "after")
    is_open(t, plan, "deleted, no answer")
    code, _, text = w.read("pve_storage_config_get", storage="local-zfs")
    t.ok(code != 0, "the storage is gone, the operation is open and not called done", text)


def test_every_write(t):
    """Killed instead of each single call that changes a file, one after the other."""
    at = 0
    ended = False
    codes = set()
    counter = os.path.join(w.dir, "count")
    while not ended and at < 300:
        at += 1
        name = f"w{at}"
        code, plan, text = w.plan("pve_snapshot_create", vmid=GUEST, snapname=name)
        if code != 0:
            t.ok(False, f"plan {name}", text)
            return
        p = w.popen("--json", "apply", plan["plan_id"],
                    **w.shim(FAULT_KILL_AT=at, FAULT_COUNT=counter))
        code, v, text = w.finish(p)
        ended = code != -9
        intents = [h["plan"][0] for k, h in w.entries() if k == "intent"]
        digest = w.digest(plan)
        code, v, text = w.run("apply", plan["plan_id"])
        verified, report, said = w.verify()
        good = verified == 0 and report["ok"] and intents.count(digest) <= 1
        if digest in intents:
            good = good and code == 5 and v["error"]["code"] == "plan_spent"
            codes.add("spent")
        else:
            good = good and code == 0 and v["outcome"] == "done"
            codes.add("runs")
        if not good:
            t.ok(False, f"killed at call {at}", f"{text}\n{said}\n{digest in intents}")
            return
    t.ok(ended and at > 15, f"killed at each of {at - 1} calls: the ledger is sound, the plan runs "
         "once", at)
    t.ok(codes == {"spent", "runs"}, "both kinds were met: no intent yet, and an intent", codes)


def test_afterwards(t):
    w.sound(t, "in the end")
    w.no_unrecorded(t, "in the end")
    w.no_secret(t, "in the end")


try:
    sys.exit(Tap().run(test_while_planning, test_at_the_passphrase, test_intent_recorded,
                       test_request_sent, test_task_known, test_task_failed, test_task_runs_on, test_wait_for_one,
                       test_task_ended, test_preparing, test_no_task, test_every_write,
                       test_afterwards))
finally:
    w.close()
