#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An API that answers a change with OK, or with a task that ends in OK, and did nothing. The promise: what
was asked for is looked at afterwards; where it is not so, that is said and the exit status is 1; where it
cannot be looked at it is 6. An answer that does not tell whether the change was done is not called a failure,
and what is no list is not told as an empty one."""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Tap, skip_all  # noqa: E402
from fault_lib import FaultWorld, Proxy, need_openssl, render  # noqa: E402

need_openssl(skip_all)


class Liar(Proxy):
    """Answers changes with `lie` while there is one; the cluster sees nothing of them."""
    lie = None

    def forward(self, method, path, headers, body):
        if self.lie and method != "GET":
            return 200, "OK", json.dumps({"data": self.lie[0]}).encode()
        return super().forward(method, path, headers, body)


w = FaultWorld("--task-ms", "20")
w.proxy.close()
w.proxy = Liar(w.mkdir("liar"), w.sim.info["url"])
w.write_config()
w.operator()

# A task of ours that ended in OK, of another guest and another time.
OTHER = w.sim_call("POST", "/nodes/pve3/qemu/214/status/start")
w.sim.end_of(OTHER)
w.sim.call("POST", "/nodes/pve3/qemu/214/status/stop")

CASES = (
    ("pve_guest_power", {"vmid": 214, "action": "start"}, OTHER, "guest 214 is stopped"),
    ("pve_guest_power", {"vmid": 214, "action": "start"}, None, "guest 214 is stopped"),
    ("pve_snapshot_create", {"vmid": 104, "snapname": "never"}, OTHER, "never is not in the list"),
    ("pve_snapshot_delete", {"vmid": 105, "snapname": "before_upgrade"}, OTHER, "before_upgrade"),
    ("pve_guest_migrate", {"vmid": 214, "target": "pve2"}, OTHER, "guest 214 is still on pve3"),
    ("pve_disk_resize", {"vmid": 105, "disk": "scsi0", "size": "+1G"}, OTHER, "scsi0 has 32G, before it had 32G"),
    ("pve_disk_resize", {"vmid": 101, "disk": "rootfs", "size": "9G"}, OTHER, "rootfs has 8G"),
    ("pve_guest_config_set", {"vmid": 105, "set": {"memory": "2048"}}, None, "memory"),
    ("pve_storage_delete", {"storage": "nfs-vm"}, None, "still defined"),
    ("pve_pool_update", {"poolid": "prod", "comment": "other"}, None, "comment"),
    ("pve_delete_guest", {"vmid": 303}, OTHER, "still there"),
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
             f"{row} that did nothing, answered {'a task' if lie else 'nothing'}: said, and 1", f"{code} {text}")


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
    sys.exit(Tap().run(test_nothing_done, test_done, test_not_looked_at, test_not_told, test_no_list, test_afterwards))
finally:
    w.close()
