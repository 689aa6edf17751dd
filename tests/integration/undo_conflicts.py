#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an operation made is taken away only while it is what was made. Between the operation and its
undo somebody changes it, begins to use it, or puts another in its place: the undo is refused with what
was and what is, nothing is sent, and what is there stays. So it is when nobody knows how it was left, and
when what has the name was never made by the operation. An undo that failed half way can be asked for
again."""

import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fault_lib import FaultWorld, need_openssl  # noqa: E402
from undo_cases import VOLATILE, archive, difference  # noqa: E402
from world import Tap, skip_all  # noqa: E402

need_openssl(skip_all)

CT = "/nodes/pve1/lxc/310"
VM = "/nodes/pve2/qemu/311"
NEW_CT = {"node": "pve1", "vmid": 310, "ostemplate": "local:vztmpl/x.tar.zst",
          "set": {"hostname": "new", "memory": 256, "rootfs": "local-zfs:1"}}
NEW_VM = {"node": "pve2", "vmid": 311, "set": {"name": "new", "memory": 512, "scsi0": "nfs-vm:4"}}


def world():
    w = FaultWorld("--task-ms", "1", "--seed", "7", policy="approve-medium = operator")
    w.operator()
    w.sim.call("PUT", "/nodes/pve2/qemu/210/config", delete="protection")
    return w


def refused(t, w, name, op, *words, code="undo_conflict"):
    """The undo is refused, says it in these words, and changes nothing."""
    before = w.sim.now()
    sent = len(w.proxy.changes)
    rc, v, text = w.run("undo", op["op_id"])
    error = (v or {}).get("error") or {}
    message = error.get("message", "") if isinstance(error, dict) else str(error)
    t.ok(rc not in (0, 4) and isinstance(error, dict) and error.get("code") == code
         and all(x in message for x in words), f"{name}: refused, {', '.join(words)}", text)
    t.ok(len(w.proxy.changes) == sent and not difference(before, w.sim.now(), VOLATILE),
         f"{name}: nothing is sent, nothing changes", w.proxy.changes[sent:])


def undone(t, w, name, op):
    code, v, text = w.run("undo", op["op_id"])
    if code == 4 and v and v.get("plan"):
        code, v, text = w.carry_out(v)
    return t.ok(code == 0 and v["outcome"] == "done" and v["post_check"]["status"] == "ok",
                f"{name}: taken back", text)


def lives(w, vmid):
    return vmid in [g["vmid"] for g in w.sim.call("GET", "/cluster/resources", type="vm")]


def test_guest_changed(t, w):
    op = w.done("pve_create_container", **NEW_CT)
    code, v, text = w.run("undo", op["op_id"])
    plan = v["plan"]
    t.ok(code == 4 and plan["approval"] == {"required": "operator", "anew": True, "why": plan["approval"]["why"]}
         and plan["risk"] == "high" and any("which the operation made, is destroyed" in r
                                            for r in plan["risk_reasons"]),
         "destroying what was made is a plan of high risk that an operator approves itself", text)
    w.sim.call("PUT", CT + "/config", memory=1024, description="mine")
    refused(t, w, "changed", op, "guest 310", "memory was 256, is 1024", "description was not there, is mine")
    w.sim.call("PUT", CT + "/config", memory=256, delete="description")
    # changed after the undo was planned
    w.approve(v["plan_id"])
    w.sim.call("PUT", CT + "/config", onboot=1)
    code, v, text = w.run("apply", v["plan_id"])
    t.ok(code != 0 and lives(w, 310) and "plan_drifted" in text, "changed after the undo was planned: it stays", text)
    w.sim.call("PUT", CT + "/config", delete="onboot")
    undone(t, w, "and put back", op)
    refused(t, w, "once more", op, code="already_undone")


def test_guest_used(t, w):
    op = w.done("pve_create_container", **NEW_CT)
    w.sim.call("POST", CT + "/snapshot", snapname="s1")
    refused(t, w, "a snapshot of it", op, "310")
    w.sim.call("DELETE", CT + "/snapshot/s1")
    refused(t, w, "a snapshot that is gone again", op, "began a task vz", "root@pam!proximo")


def test_snapshot_unseen(t, w):
    """Where the task log shows nothing the snapshot itself does."""
    op = w.done("pve_create_container", **NEW_CT)
    w.sim.call("POST", CT + "/snapshot", snapname="s1")
    w.proxy.add("GET", "/tasks\\?", lambda status, reason, body: _list(status, reason), count=99)
    refused(t, w, "a snapshot", op, "snapshot s1 was not there, is there")
    w.proxy.clear()


def _list(status, reason):
    from fault_lib import render
    return render(status, reason, b'{"data":[]}')


def test_guest_started(t, w):
    op = w.done("pve_create_vm", **NEW_VM)
    w.sim.call("POST", VM + "/status/start")
    refused(t, w, "started", op, "it was stopped, is running")
    w.sim.call("POST", VM + "/status/stop")
    refused(t, w, "started and stopped", op, "began a task qmst", "root@pam!proximo")


def test_guest_ours(t, w):
    op = w.done("pve_create_vm", **NEW_VM)
    other = w.done("pve_guest_config_set", vmid=311, set={"cores": 3})
    refused(t, w, "another operation changed it", op, "cores was not there, is 3")
    undone(t, w, "that operation", other)
    refused(t, w, "another operation was done to it, and taken back", op, f"operation {other['op_id']} was done to it")


def test_guest_replaced(t, w):
    op = w.done("pve_create_container", **NEW_CT)
    w.sim.call("DELETE", CT)
    refused(t, w, "gone", op, "is already gone", code="no_change")
    w.sim.call("POST", "/nodes/pve1/lxc", vmid=310, ostemplate="local:vztmpl/x.tar.zst", hostname="new",
               memory=256, rootfs="local-zfs:1")
    refused(t, w, "another with the same number and the same configuration", op, "began a task vz")
    w.sim.call("DELETE", CT)
    w.sim.call("POST", "/nodes/pve2/qemu", vmid=310, memory=256)
    refused(t, w, "another kind at another node", op, "it was a lxc at pve1, is a qemu at pve2")


def test_guest_moved(t, w):
    op = w.done("pve_create_vm", **NEW_VM)
    w.sim.call("POST", VM + "/migrate", target="pve1")
    refused(t, w, "moved", op, "it was a qemu at pve2, is a qemu at pve1")


def test_guest_cloned(t, w):
    op = w.done("pve_create_vm", **NEW_VM)
    w.sim.call("POST", VM + "/clone", newid=319, full=1)
    refused(t, w, "copied", op, "began a task qmclone on it")
    w.sim.call("DELETE", "/nodes/pve2/qemu/319")


def test_guest_runs(t, w):
    """One that the operation itself started goes, but the plan says what that may lose."""
    op = w.done("pve_create_container", **NEW_CT, start=True)
    while w.sim.call("GET", CT + "/status/current")["status"] != "running":
        time.sleep(0.02)  # PVE starts it by a task that the operation does not wait for
    code, v, text = w.run("undo", op["op_id"])
    t.ok(code == 4 and any("what was written inside since is lost" in a["why"] for a in v["plan"]["affected"]
                           if a["effect"] == "loses-data"), "what was written inside is said to be lost", text)
    sent = [(q["method"], q["path"]) for q in v["plan"]["requests"] if q["phase"] == "execute"]
    t.ok(sent == [("POST", CT + "/status/stop"), ("DELETE", CT)], "it is stopped, then destroyed", sent)
    w.sim.call("POST", CT + "/status/stop")
    refused(t, w, "somebody stopped it", op, "guest 310")
    w.sim.call("POST", CT + "/status/start")
    refused(t, w, "and started it again", op, "began a task vz")


def test_guest_unseen(t, w):
    """A token that sees its own tasks only cannot know what others did: the plan says so."""
    op = w.done("pve_create_container", **NEW_CT)
    from fault_lib import render
    w.proxy.add("GET", "/access/permissions\\?path=%2Fnodes", lambda status, reason, body: render(
        status, reason, b'{"data":{"/nodes/pve1":{"Sys.Console":1}}}'), count=99)
    code, v, text = w.run("undo", op["op_id"])
    w.proxy.clear()
    t.ok(code == 4 and not v["plan"]["complete"] and any("Sys.Audit" in str(u) for u in v["plan"]["unread"]),
         "without Sys.Audit it is incomplete", text)


def test_never_made(t, w):
    """The number was taken by somebody else meanwhile: the operation failed, and theirs is not ours."""
    code, plan, text = w.plan("pve_clone", vmid=210, newid=311, full=True)
    w.approve(plan["plan_id"])
    f = w.proxy.add("POST", "/clone", "pause")
    p = w.popen("--json", "apply", plan["plan_id"])
    f.wait(p)
    w.sim_call("POST", "/nodes/pve2/qemu", vmid=311, memory=512)
    f.release()
    code, op, text = w.finish(p)
    t.ok(code != 0 and op["outcome"] == "failed" and lives(w, 311), "somebody took the number: it failed", text)
    refused(t, w, "theirs", op, "how the operation left guest 311 is not recorded")


def test_found_later(t, w):
    code, plan, text = w.plan("pve_create_container", **NEW_CT)
    if plan["plan"]["approval"]["required"] == "operator":
        w.approve(plan["plan_id"])
    w.apply_killed(plan, "POST", "/nodes/pve1/lxc", "after")
    w.sim.settle()
    mine = [o for o in w.ops()["operations"] if o.get("plan_id") == plan["plan_id"]][0]
    if mine["result"] == "open":
        return t.ok(True, "its end is open, which has no undo")
    return refused(t, w, "the client died", mine, "is not recorded")


def test_restored(t, w):
    op = w.done("pve_restore_vm", node="pve2", vmid=315, archive=archive("qemu", 104), unique=True)
    w.sim.call("PUT", "/nodes/pve2/qemu/315/config", cores=1)
    refused(t, w, "restored, then changed", op, "cores was 4, is 1")


def test_disk(t, w):
    op = w.done("pve_disk_move", vmid=210, disk="scsi0", storage="nfs-vm", format="qcow2", delete=True)
    w.sim.call("PUT", "/nodes/pve2/qemu/210/config", delete="scsi0")
    refused(t, w, "detached", op, "scsi0 of guest 210", "scsi0 was nfs-vm:210/vm-210-disk-0.qcow2,size=120G, is not there")
    w.sim.call("PUT", "/nodes/pve2/qemu/210/config", scsi0="local-zfs:1")
    refused(t, w, "another in its place", op, "was nfs-vm:210/vm-210-disk-0.qcow2,size=120G, is local-zfs:1")
    code, plan, text = w.plan("pve_disk_move", vmid=104, disk="scsi0", storage="nfs-vm")
    t.ok(code == 0 and "stays behind as an unused disk" in plan["plan"]["undo"]["limits"],
         "that the original is kept, and stays, is said", text)


def test_disk_given(t, w):
    w.sim.call("POST", "/nodes/pve1/qemu", vmid=320, scsi1="local-zfs:1")
    w.sim.call("POST", "/nodes/pve1/qemu", vmid=321)
    op = w.done("pve_disk_move", vmid=320, disk="scsi1", **{"target-vmid": 321, "target-disk": "scsi3"})
    w.sim.call("PUT", "/nodes/pve1/qemu/320/config", scsi1="local-zfs:2")
    refused(t, w, "its old place is taken", op, "guest 320", "scsi1 was not there, is local-zfs:2")


def test_volume(t, w):
    volid = "nfs-vm:104/vm-104-disk-7.raw"
    op = w.done("pve_volume_alloc", node="pve1", storage="nfs-vm", vmid=104, filename="vm-104-disk-7.raw", size="2G")
    w.sim.call("PUT", "/nodes/pve1/qemu/104/config", scsi5=volid + ",size=2G")
    refused(t, w, "attached", op, volid, "nothing used it, vm/104 (scsi5) does")
    w.sim.call("POST", "/nodes/pve1/qemu/104/status/stop")
    w.sim.call("PUT", "/nodes/pve1/qemu/104/resize", disk="scsi5", size="3G")
    refused(t, w, "grown", op, "size was 2147483648, is 3221225472")


def test_iso(t, w):
    op = w.done("pve_storage_download", node="pve2", storage="nfs-vm", content="iso", filename="a.iso",
              url="https://example.org/a.iso")
    w.sim.call("PUT", "/nodes/pve2/qemu/210/config", ide2="nfs-vm:iso/a.iso,media=cdrom")
    refused(t, w, "in a drive", op, "nothing used it, vm/210 (ide2) does")
    w.sim.call("PUT", "/nodes/pve2/qemu/210/config", delete="ide2")
    w.sim.call("DELETE", "/nodes/pve2/storage/nfs-vm/content/nfs-vm:iso%2Fa.iso")
    refused(t, w, "gone", op, "is already gone", code="no_change")
    time.sleep(1.1)  # times are whole seconds
    w.sim.call("POST", "/nodes/pve2/storage/nfs-vm/download-url", content="iso", filename="a.iso", url="https://x.example/")
    refused(t, w, "another of that name", op, "ctime was ")


STEPS = [{"row": "pve_create_vm", "args": NEW_VM},
         {"row": "pve_guest_config_set", "args": {"vmid": 311, "set": {"memory": 1024}}},
         {"row": "pve_guest_power", "args": {"vmid": 311, "action": "start"}}]


def test_steps(t, w):
    op = w.done("proximo_plan_steps", steps=STEPS)
    w.sim.call("PUT", VM + "/config", tags="mine")
    refused(t, w, "a chain", op, "step 1 (pve_create_vm)", "tags was not there, is mine")
    w.sim.call("PUT", VM + "/config", delete="tags")
    w.sim_fault("status=500:no DELETE * x1")
    code, v, text = w.run("undo", op["op_id"])
    code, v, text = w.carry_out(v)
    t.ok(code == 1 and v["outcome"] == "failed" and lives(w, 311)
         and any("/status/shutdown" in x for x in v["left_over"]), "the undo fails at its last request", text)
    undone(t, w, "asked for again, it goes on", op)
    t.ok(not lives(w, 311), "and the guest is gone")
    code, plan, text = w.plan("proximo_plan_steps", steps=STEPS)
    w.sim_fault("task-fail=no+luck POST /nodes/*/status/start x1")
    code, op, text = w.carry_out(plan)
    t.ok(code == 1 and lives(w, 311), "a chain that stops at its last step", text)
    code, v, text = w.run("undo", op["op_id"])
    code, v, text = w.carry_out(v)
    t.ok(code == 0 and not lives(w, 311), "what it made goes, too", text)


TESTS = [v for k, v in list(globals().items()) if k.startswith("test_")]
only = sys.argv[1:]


def in_world(test):
    def run(t):
        w = world()
        try:
            test(t, w)
            w.sound(t, test.__name__)
            w.no_unrecorded(t, test.__name__)
        finally:
            w.close()
    run.__name__ = test.__name__
    return run


if __name__ == "__main__":
    sys.exit(Tap().run(*[in_world(x) for x in TESTS if not only or x.__name__ in only]))
