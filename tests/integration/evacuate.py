# SPDX-License-Identifier: Apache-2.0
"""A node is emptied by one plan: each guest by number with the node it goes to, refused while one can go
nowhere and is not left out by name, stopped at the first failure, taken back by one undo."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from blast_lib import limited, take_down  # noqa: E402
from verdicts import play  # noqa: E402
from world import Tap, World  # noqa: E402

EVACUATE = "pve_node_evacuate"
CASES = [
    ("running containers need restart", EVACUATE, {"node": "pve2"}, dict(refused="cannot_move")),
    ("so does a directory of the node", EVACUATE,
     {"node": "pve1", "restart": True, "with-local-disks": True}, dict(refused="cannot_move")),
    ("targets are nodes", EVACUATE, {"node": "pve2", "targets": ["pve9"]},
     dict(refused="no_such_node")),
    ("so is the node itself", EVACUATE, {"node": "pve9"}, dict(refused="no_such_node")),
    ("who is excluded is a guest's number", EVACUATE, {"node": "pve2", "exclude": ["x"]},
     dict(refused="bad_argument")),
    ("nobody left to be moved is no change", EVACUATE,
     {"node": "pve2", "exclude": ["105", "210", "302"]}, dict(refused="no_change")),
    ("whom HA prefers to have there it brings back", EVACUATE, {"node": "pve2", "restart": True},
     dict(only={"vm/105", "vm/210", "ct/302"}, undo="steps",
          hit=[("ct/302", "changed", "the manager moves it back")])),
    ("every guest has its line; HA's preference decides where 302 goes", EVACUATE,
     {"node": "pve2", "restart": True},
     dict(only={"vm/105", "vm/210", "ct/302"}, risk="medium", undo="steps",
          hit=[("vm/105", "interrupted"), ("vm/210", "changed", "is copied from pve2 to local-zfs"),
               ("ct/302", "interrupted", "shut down, moved and started"),
               ("ct/302", "changed", "from pve2 to pve1")],
          before=[("PUT", "/cluster/ha/rules/dns-near-core",
                   {"type": "node-affinity", "nodes": "pve1,pve2"})],
          after=[("PUT", "/cluster/ha/rules/dns-near-core",
                  {"type": "node-affinity", "nodes": "pve1:1,pve2:2"})],
          watched=["/cluster/resources?type=vm", "/cluster/resources?type=node",
                   "/nodes/pve1/network", "/nodes/pve2/lxc/302/config",
                   "/nodes/pve2/qemu/105/status/current"],
          unwatched=["/nodes/pve3/lxc", "/nodes/pve1/lxc", "/nodes/pve1/status"])),
    ("who is left out is named as going down with the node", EVACUATE,
     {"node": "pve1", "restart": True, "with-local-disks": True, "exclude": ["303"],
      "targets": ["pve3"]},
     dict(hit=[("ct/303", "stranded", "no move is planned"), ("vm/104", "changed", "to pve3"),
               ("ct/101", "changed", "to pve3")], risk="high", undo="steps",
          reasons=["1 guest is left on pve1"])),
]
DENIED = [
    ("what the token may not see makes it incomplete", EVACUATE, {"node": "pve1", "restart": True},
     dict(complete=False, undo="steps", unread=["the list of guests"],
          hit=[("ct/101", "changed")])),
]
OFFLINE = [
    ("a node that is down takes nobody, and what lies there is not read", EVACUATE,
     {"node": "pve2", "restart": True},
     dict(complete=False, undo="steps", unread=["state of", "configurations of"],
          hit=[("ct/302", "changed", "to pve1"), ("vm/105", "changed", "to pve1")])),
    ("nor does a cluster in which no other is up", EVACUATE,
     {"node": "pve2", "restart": True, "targets": ["pve3"]}, dict(refused="cannot_move")),
]


def places(w):
    _, v, _ = w.read("pve_list_guests", limit=1000)
    return {g["vmid"]: (g["node"], g["status"]) for g in v["items"]}


def finish(w, code, v, text):
    """An undo to its end, whatever approval it needs."""
    return w.carry_out(v) if code == 4 else (code, v, text)


def test_tables(t):
    w = World()
    try:
        play(t, w, CASES)
    finally:
        w.close()
    w = World()
    try:
        limited(w, [("/vms/101", "PVEVMAdmin"), ("/storage", "PVEDatastoreAdmin"),
                    ("/nodes", "PVEAuditor")])
        play(t, w, DENIED)
    finally:
        w.close()
    w = World()
    try:
        take_down(w, "pve3")
        play(t, w, OFFLINE)
    finally:
        w.close()


def test_there_and_back(t):
    w = World()
    try:
        w.operator()
        # as preferred as pve2, or the manager would move it back at once
        w.sim.call("PUT", "/cluster/ha/rules/dns-near-core", type="node-affinity", nodes="pve1,pve2")
        before = places(w)
        code, p, text = w.plan(EVACUATE, node="pve2", restart=True)
        steps = p["plan"]["steps"]
        t.ok([s["args"]["vmid"] for s in steps] == [105, 210, 302]
             and all(s["row"] == "pve_guest_migrate" and s["undo"]["kind"] == "inverse"
                     for s in steps), "a step a guest, in the order of their numbers", text)
        code, op, text = w.carry_out(p)
        t.ok(code == 0 and op["outcome"] == "done", "one approval carries it out", text)
        w.sim.settle()
        now = places(w)
        t.ok(not [v for v, (node, _) in now.items() if node == "pve2"]
             and {v: s for v, (_, s) in now.items()} == {v: s for v, (_, s) in before.items()},
             "the node is empty, and what ran runs", now)
        code, v, text = finish(w, *w.run("undo", op["op_id"]))
        w.sim.settle()
        t.ok(code == 0 and places(w) == before, "one undo brings all of them back", text)
        t.ok(w.run("ledger", "verify")[0] == 0, "the ledger verifies")
    finally:
        w.close()


def test_kept_together(t):
    w = World()
    try:
        w.operator()
        w.sim.call("PUT", "/cluster/ha/rules/dns-near-core", type="node-affinity", nodes="pve1,pve2,pve3")
        w.sim.call("POST", "/cluster/ha/resources", sid="vm:105", state="started")
        w.sim.call("POST", "/cluster/ha/rules", rule="pair", type="resource-affinity", affinity="positive",
                   resources="vm:105,ct:302")
        w.sim.settle()
        before = places(w)
        code, v, text = w.plan(EVACUATE, node="pve2", restart=True, exclude=["302"])
        t.ok(code != 0 and v["error"]["code"] == "cannot_move" and "302, which is excluded" in text,
             "one of two that HA keeps together cannot be left out", text)
        code, p, text = w.plan(EVACUATE, node="pve2", restart=True)
        t.ok([s["args"]["vmid"] for s in p["plan"]["steps"]] == [105, 210]
             and "1 of them taken along by HA" in text, "who is taken along has no request of its own", text)
        code, op, text = w.carry_out(p)
        w.sim.settle()
        now = places(w)
        t.ok(code == 0 and not [v for v, (node, _) in now.items() if node == "pve2"]
             and now[105][0] == now[302][0] and now[302][1] == "running",
             "both are at one node, and the other is empty", f"{text} {now}")
        code, v, text = finish(w, *w.run("undo", op["op_id"]))
        w.sim.settle()
        t.ok(code == 0 and places(w) == before, "one undo brings both back", f"{text} {places(w)}")
    finally:
        w.close()


def test_failure(t):
    w = World("--fault", "task-fail=no+luck POST /nodes/*/qemu/210/migrate x1")
    try:
        w.operator()
        before = places(w)
        code, p, text = w.plan(EVACUATE, node="pve2", restart=True)
        code, op, text = w.carry_out(p)
        now = places(w)
        t.ok(code == 1 and op["outcome"] == "failed", "the second move fails", text)
        t.ok(now[105][0] != "pve2" and now[210] == before[210] and now[302] == before[302],
             "the first is done, the third was not begun", now)
        code, v, text = finish(w, *w.run("undo", op["op_id"]))
        t.ok(code == 0 and places(w) == before, "the undo brings back the one that went", text)
    finally:
        w.close()


def test_drift(t):
    w = World()
    try:
        w.operator()
        code, p, text = w.plan(EVACUATE, node="pve2", restart=True)
        w.sim.call("PUT", "/nodes/pve1/lxc/101/config", description="not its business")
        w.sim.call("PUT", "/nodes/pve2/qemu/105/config", description="of one that moves")
        code, v, text = w.carry_out(p)
        t.ok(code == 5 and v["error"]["code"] == "plan_drifted", "a moving guest's change stops it",
             text)
        code, p, text = w.plan(EVACUATE, node="pve2", restart=True)
        w.sim.call("POST", "/nodes/pve2/qemu", vmid=700)
        code, v, text = w.carry_out(p)
        t.ok(code == 5 and v["error"]["code"] == "plan_drifted", "so does a guest that came", text)
        code, p, text = w.plan(EVACUATE, node="pve2", restart=True)
        w.sim.call("PUT", "/nodes/pve1/lxc/101/config", description="still not")
        code, v, text = w.carry_out(p)
        t.ok(v["outcome"] == "done", "others' changes do not", text)
        t.ok(code == 1 and v["post_check"]["status"] == "finding" and "1 guests" in v["post_check"]["text"],
             "and that HA has brought back the one whose rule wants it there is found", text)
    finally:
        w.close()


sys.exit(Tap().run(test_tables, test_there_and_back, test_kept_together, test_failure, test_drift))
