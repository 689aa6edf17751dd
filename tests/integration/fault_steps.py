# SPDX-License-Identifier: Apache-2.0
"""Between the steps of one plan: somebody else changes what a later step counts on, or the client dies.
The promise: what the plan's own steps do is expected, anything else stops the rest; what was done by
then is known and can be taken back; nothing is sent twice."""

import json
import os
import sys
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Tap, skip_all  # noqa: E402
from fault_lib import FaultWorld, need_openssl, render  # noqa: E402

need_openssl(skip_all)
w = FaultWorld("--task-ms", "20", policy="approve-low = operator\napprove-medium = operator")
w.operator()
VM = 7001
AT = f"/nodes/pve1/qemu/{VM}"
CHAIN = [{"row": "pve_create_vm", "args": {"node": "pve1", "vmid": VM, "set": {
              "name": "new", "memory": "512", "scsi0": "local-zfs:4", "net0": "virtio,bridge=vmbr0"}}},
         {"row": "pve_guest_config_set", "args": {"vmid": VM, "set": {"memory": 1024}}},
         {"row": "pve_guest_power", "args": {"vmid": VM, "action": "start"}}]


def planned(t, steps):
    code, p, text = w.run("plan", "proximo_plan_steps", "steps:=" + json.dumps(steps))
    t.ok(code == 0, "planned", text)
    code, seen = w.approve(p["plan_id"])
    t.ok(code == 0, "approved", seen)
    del w.proxy.changes[:]
    return p


def sent():
    return [(m, p.split("?")[0].replace("/api2/json", "")) for m, p, _, on in w.proxy.changes if on]


def meanwhile(plan, do, pattern, skip=0):
    """Applies; when the client comes to that read, somebody does something first."""
    f = w.proxy.add("GET", pattern, "pause", once_changed=True, skip=skip)
    p = w.popen("--json", "apply", plan["plan_id"])
    f.wait(p)
    do()
    f.release()
    code, v, text = w.finish(p)
    w.proxy.clear()
    return code, v, text


def gone():
    w.sim.call("DELETE", AT)


def test_nobody(t):
    plan = planned(t, CHAIN)
    code, v, text = meanwhile(plan, lambda: None, AT + "/config$")
    t.ok(code == 0 and v["outcome"] == "done", "what the plan's own steps do is expected", text)
    w.sim.call("POST", AT + "/status/stop")
    gone()


def stopped_at(t, name, do, pattern, steps_done, skip=0):
    plan = planned(t, CHAIN)
    code, v, text = meanwhile(plan, do, pattern, skip)
    t.ok(code != 0 and v["outcome"] == "failed" and v["code"] == "plan_drifted", name, text)
    t.ok(len(sent()) == steps_done, f"{name}: the steps after it are not begun", sent())
    return v


def test_stranger(t):
    v = stopped_at(t, "a key that no step touches", lambda: w.sim.call("PUT", AT + "/config", onboot=1),
                   AT + "/config$", 1)
    t.ok("before step 2" in v["error"], "it is said which step was not begun", v)
    gone()
    stopped_at(t, "the value that the step will set", lambda: w.sim.call("PUT", AT + "/config", memory=1024),
               AT + "/config$", 1)
    gone()
    stopped_at(t, "another bridge under the name that PVE completes",
               lambda: w.sim.call("PUT", AT + "/config", net0="virtio,bridge=vmbr1"), AT + "/config$", 1)
    gone()
    v = stopped_at(t, "before the third step", lambda: w.sim.call("PUT", AT + "/config", memory=2048),
                   AT + "/config$", 2, skip=1)
    code, u, text = w.run("undo", v["op_id"])
    t.ok(code == 4 and [s["row"] for s in u["plan"]["steps"]] == ["pve_guest_config_set"],
         "the done step is offered to be taken back", text)
    t.ok(any(a["effect"] == "loses-data" and a.get("via") == "memory" for a in u["plan"]["affected"]),
         "with the stranger's change named as lost by it", text)
    gone()


def test_killed(t):
    plan = planned(t, CHAIN)
    w.apply_killed(plan, "GET", AT + "/config$", "before", once_changed=True)
    t.ok(sent() == [("POST", "/nodes/pve1/qemu")], "killed when the first step was done", sent())
    v = w.ops()
    mine = [o for o in v["operations"] if o.get("plan_id") == plan["plan_id"]]
    why = [u["why"] for u in v["unresolved"] if u["op_id"] == mine[0]["op_id"]]
    t.ok(len(mine) == 1 and mine[0]["result"] == "open" and why,
         "it is reported as open: nobody guesses how far it came", v)
    code, a, text = w.run("apply", plan["plan_id"])
    t.ok(code == 5 and a["error"]["code"] == "plan_spent" and len(sent()) == 1,
         "the plan does not run a second time", text)
    w.sound(t, "killed between two steps")
    gone()


BACKUP = [{"row": "pve_backup", "args": {"vmid": 210, "storage": "backup", "mode": "stop"}},
          {"row": "pve_restore_vm", "args": {"node": "pve2", "vmid": {"next": "vmid"}, "storage": "nfs-vm",
                                             "archive": {"step": 1, "value": "archive"}, "unique": True}}]


def lying(change):
    """An answer of the cluster, altered on its way."""
    return lambda status, reason, body: render(status, reason, change(body.decode()).encode())


def test_late_value(t):
    """What takes the place of a late value must be of its type, and what the step's own task made."""
    both = [r"/storage/backup/content\?content=backup&vmid=", r"/tasks/[^/]*/log"]
    for name, change, where in (
            ("of another guest", lambda x: x.replace("-210-", "-211-"), both),
            ("on another storage", lambda x: x.replace("backup:backup/", "local:backup/"), both),
            ("of another kind", lambda x: x.replace("vzdump-qemu-", "vzdump-lxc-"), both),
            ("that is no backup", lambda x: x.replace(":backup/vzdump-", ":iso/dump-"), both),
            ("with more than a name in it", lambda x: x.replace(".vma.zst", ".vma.zst,storage=x"), both),
            ("that its task did not make", lambda x: x.replace(".vma.zst", ".vma.gz"), both[:1]),
            ("that the storage has not", lambda x: '{"data":[]}', both[:1]),
            ("of two that the task names", lambda x: x.replace('"data":[', '"data":[{"n":0,"t":"creating vzdump '
                                                               'archive \'backup:backup/x\'"},'), both[1:])):
        plan = planned(t, BACKUP)
        for pattern in where:
            w.proxy.add("GET", pattern, lying(change), once_changed=True, count=99)
        code, v, text = w.run("apply", plan["plan_id"])
        w.proxy.clear()
        t.ok(code != 0 and v["outcome"] == "failed" and v["code"] == "late_value", f"an archive {name}", text)
        t.ok(sent() == [("POST", "/nodes/pve2/vzdump")], f"an archive {name}: nothing more is sent", sent())
        w.sound(t, name)
    plan = planned(t, BACKUP)
    code, v, text = w.run("apply", plan["plan_id"])
    t.ok(code == 0 and v["outcome"] == "done", "the true one", text)
    said = [x for x in w.proxy.changes if x[1].endswith("/pve2/qemu")][-1][2]
    t.ok(urllib.parse.quote(v["late"][0]["value"], safe="") in said, "is what was sent", said)
    folder = os.path.join(w.ledger, "entries")
    raw = b"".join(open(os.path.join(folder, f), "rb").read() for f in sorted(os.listdir(folder)))
    t.ok(json.dumps({"late": v["late"][0]}, separators=(",", ":"))[1:-1].encode() in raw,
         "and stands in the ledger", v["late"])


try:
    sys.exit(Tap().run(test_nobody, test_stranger, test_killed, test_late_value))
finally:
    w.close()
