#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An API that answers a change with OK, or with a task that ends in OK, and did nothing. The promise: what
was asked for is looked at afterwards; where it is not so, that is said and the exit status is 1; where it
cannot be looked at it is 6. An answer that does not tell whether the change was done is neither called a
failure nor done: no task where one carries it out, another's task, an old one. And what is no list is not told
as an empty one."""

import json
import os
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Tap, skip_all  # noqa: E402
from fault_lib import FaultWorld, Proxy, need_openssl, render  # noqa: E402

need_openssl(skip_all)


class Liar(Proxy):
    """Answers changes with `lie` while there is one; the cluster sees nothing of them. A lie of the form
    (type, id) is a task of now, of the node asked, that says it has ended in OK."""
    lie = None
    told = None

    def forward(self, method, path, headers, body):
        if self.lie and method != "GET":
            return 200, "OK", json.dumps({"data": self.answer(path)}).encode()
        if self.told and self.told in urllib.parse.unquote(path) and path.endswith("/status"):
            node, kind, of = (self.told.split(":")[i] for i in (1, 5, 6))
            return 200, "OK", json.dumps({"data": {"upid": self.told, "node": node, "type": kind, "id": of,
                                                   "status": "stopped", "exitstatus": "OK"}}).encode()
        return super().forward(method, path, headers, body)

    def answer(self, path):
        if not isinstance(self.lie[0], tuple):
            return self.lie[0]
        node = path.split("/nodes/")[1].split("/")[0]
        self.told = f"UPID:{node}:0000ABCD:00F00000:{int(time.time()) + 5:08X}:{':'.join(self.lie[0])}:root@pam!t:"
        return self.told


w = FaultWorld("--task-ms", "20")
w.proxy.close()
w.proxy = Liar(w.mkdir("liar"), w.sim.info["url"])
w.write_config()
w.operator()

# A task of ours that ended in OK, of another guest and another time.
OTHER = w.sim_call("POST", "/nodes/pve3/qemu/214/status/start")
w.sim.end_of(OTHER)
w.sim.call("POST", "/nodes/pve3/qemu/214/status/stop")

# The same guest's, of before: the very kind that a start answers with.
OLD = w.sim_call("POST", "/nodes/pve3/qemu/214/status/start")
w.sim.end_of(OLD)
w.sim.call("POST", "/nodes/pve3/qemu/214/status/stop")

# A task that ended in OK, and nothing was done; or no task where PVE makes none.
CASES = (
    ("pve_guest_power", {"vmid": 214, "action": "start"}, ("qmstart", "214"), "guest 214 is stopped"),
    ("pve_snapshot_create", {"vmid": 104, "snapname": "never"}, ("qmsnapshot", "104"), "never is not in the list"),
    ("pve_snapshot_delete", {"vmid": 105, "snapname": "before_upgrade"}, ("qmdelsnapshot", "105"), "before_upgrade"),
    ("pve_guest_migrate", {"vmid": 214, "target": "pve2"}, ("qmigrate", "214"), "guest 214 is still on pve3"),
    ("pve_disk_resize", {"vmid": 105, "disk": "scsi0", "size": "+1G"}, ("resize", "105"),
     "scsi0 has 32G, before it had 32G"),
    ("pve_disk_resize", {"vmid": 101, "disk": "rootfs", "size": "9G"}, ("resize", "101"), "rootfs has 8G"),
    ("pve_guest_config_set", {"vmid": 105, "set": {"memory": "2048"}}, None, "memory"),
    ("pve_storage_delete", {"storage": "nfs-vm"}, None, "still defined"),
    ("pve_pool_update", {"poolid": "prod", "comment": "other"}, None, "comment"),
    ("pve_delete_guest", {"vmid": 303}, ("vzdestroy", "303"), "still there"),
)

NO_TASK = "no task"
BACKUP = ("pve_backup", {"vmid": 105, "storage": "backup"})
START = ("pve_guest_power", {"vmid": 214, "action": "start"})
# (row, args), the answer, why that says nothing of what was asked
UNFIT = (
    (*BACKUP, None, NO_TASK), (*BACKUP, "OK", NO_TASK), (*BACKUP, "", NO_TASK), (*BACKUP, 7, NO_TASK),
    (*BACKUP, {"upid": OLD}, NO_TASK), (*BACKUP, "UPID:pve1:0000:vzdump:105:root@pam:", NO_TASK),
    (*BACKUP, OTHER, "not vzdump"), (*BACKUP, "UPID:pve9:00000001:00000002:75000000:vzdump:105:root@pam:", "node pve9"),
    (*START, None, NO_TASK), (*START, OLD, "was there before the request"),
    (*START, OLD.replace(":214:", ":213:"), "about '213'"),
    (*START, "UPID:pve3:00000001:00000002:60000000:qmstart:214:root@pam:", "began before the request"),
    ("pve_disk_resize", {"vmid": 105, "disk": "scsi0", "size": "+1G"}, OLD, "not resize"),
    ("pve_snapshot_create", {"vmid": 104, "snapname": "never"}, OTHER, "not qmsnapshot"),
    ("pve_delete_guest", {"vmid": 303}, None, NO_TASK),
)


def planned(row, args):
    code, p, text = w.plan(row, **args)
    if code != 0:
        raise RuntimeError(f"{row}: {text}")
    return p


def test_nothing_done(t):
    for row, args, lie, words in CASES:
        p = planned(row, args)
        w.proxy.lie = (lie,)
        code, op, text = w.carry_out(p)
        w.proxy.lie = None
        check = (op or {}).get("post_check") or {}
        t.ok(code == 1 and check.get("status") == "finding" and words in check["text"],
             f"{row} that did nothing, answered {'a task of its own' if lie else 'nothing'}: said, and 1", f"{code} {text}")


def test_unfit(t):
    """What is no task of this request says nothing about it: unknown, and why; never done."""
    for row, args, lie, words in UNFIT:
        p = planned(row, args)
        w.proxy.lie = (lie,)
        code, op, text = w.carry_out(p)
        w.proxy.lie = None
        t.ok(code == 1 and op["outcome"] == "unknown" and op["code"] == "pve_unknown" and words in op["error"],
             f"{row} answered {json.dumps(lie)}: unknown", f"{code} {text}")


def test_done(t):
    w.sim_call("DELETE", "/cluster/ha/rules/dns-near-core")  # else HA brings it back
    for row, args in (("pve_disk_resize", {"vmid": 105, "disk": "scsi0", "size": "+1G"}),
                      ("pve_disk_resize", {"vmid": 101, "disk": "rootfs", "size": "9G"}),
                      ("pve_guest_migrate", {"vmid": 214, "target": "pve2"}),
                      ("pve_guest_migrate", {"vmid": 302, "target": "pve1", "restart": True})):
        code, op, text = w.carry_out(planned(row, args))
        t.ok(code == 0 and op["post_check"]["status"] == "ok", f"{row} {args['vmid']} that did it: 0", text)


def test_not_looked_at(t):
    p = planned("pve_snapshot_create", {"vmid": 105, "snapname": "seen"})
    w.proxy.add("GET", "/qemu/105/snapshot$", lambda *_: render(500, "no", b'{"data":null}'), once_changed=True)
    code, op, text = w.carry_out(p)
    w.proxy.clear()
    t.ok(code == 6 and op["outcome"] == "done" and op["post_check"]["status"] == "failed",
         "a task that ended well and cannot be looked at: 6", f"{code} {text}")


NO_ANSWER = (
    ("a page", 200, b"<html>log in</html>"), ("nothing", 200, b""), ("cut JSON", 200, b'{"data":"UPID:'),
    ("no data", 200, b"{}"), ("two of it", 200, b'{"data":null,"data":null}'),
    ("502 of a proxy", 502, b"<html>bad gateway</html>"), ("504 of a proxy", 504, b""),
    ("596", 596, b'{"data":null}'), ("599", 599, b""))


def test_not_told(t):
    """The cluster did it; the answer was lost behind a proxy. The ledger must not say that it failed."""
    for i, (what, status, body) in enumerate(NO_ANSWER):
        p = planned("pve_snapshot_create", {"vmid": 105, "snapname": f"told{i}"})
        w.proxy.add("POST", "/qemu/105/snapshot$", lambda *_, s=status, b=body: render(s, "so", b))
        code, op, text = w.carry_out(p)
        w.proxy.clear()
        t.ok(code == 1 and op["outcome"] == "unknown" and op["code"] == "pve_unknown",
             f"a change answered with {what}: unknown", f"{code} {text}")
        w.sim.settle()
    results = [h["result"][0] for k, h in w.entries() if k == "outcome"]
    t.ok(results[-len(NO_ANSWER):] == ["unknown"] * len(NO_ANSWER), "and the ledger says so", results)


LISTS = (("pve_list_guests", {}, "/cluster/resources"), ("pve_cluster_resources", {}, "/cluster/resources"),
         ("pve_node_list", {}, "/nodes$"), ("pve_cluster_status", {}, "/cluster/status"),
         ("pve_snapshot_list", {"vmid": 105}, "/snapshot$"), ("pve_storage_list", {}, "/storage$"),
         ("pve_storage_content", {"node": "pve1", "storage": "backup"}, "/content"),
         ("pve_tasks_list", {}, "/cluster/tasks"), ("pve_tasks_list", {"node": "pve1"}, "/nodes/pve1/tasks"),
         ("pve_overbroad_grants", {}, "/access/acl"), ("pve_acme_plugins_list", {}, "/acme/plugins"))


def test_no_list(t):
    for row, args, path in LISTS:
        for data in (b'{"data":"none"}', b'{"data":{}}', b'{"data":[1]}', b'{"data":[null]}', b'{"data":[[]]}',
                     b'{"list":[]}'):
            w.proxy.add("GET", path, lambda *_, d=data: render(200, "OK", d))
            code, v, text = w.read(row, **args)
            w.proxy.clear()
            if code != 1 or v["error"]["code"] != "pve_bad_answer":
                t.ok(False, f"{row} answered {data}", f"{code} {text}")
                break
        else:
            t.ok(True, f"{row}: what is no list of things is not told as one")
        code, _, text = w.read(row, **args)
        t.ok(code == 0, f"{row}: but a list is", text)


def test_afterwards(t):
    w.sound(t, "in the end")


try:
    sys.exit(Tap().run(test_nothing_done, test_unfit, test_done, test_not_looked_at, test_not_told, test_no_list, test_afterwards))
finally:
    w.close()
