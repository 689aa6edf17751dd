# SPDX-License-Identifier: Apache-2.0
"""Plans whose later steps rest on what earlier ones make, a plane each: planned, carried out with what the
recheck before every step asks, and taken back; and somebody else's change between two steps stops them.
That their verdicts are right is steps_verdicts.py's. TAP."""
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Tap, World  # noqa: E402

w = World("--task-ms", "1", policy="approve-low = operator\napprove-medium = operator")
w.operator()

CHAINS = {
    "a security group with a rule, bound to a guest": (
        ["/cluster/firewall/groups", "/nodes/pve1/qemu/104/firewall/rules"],
        [("pve_security_group_create", {"group": "web"}),
         ("pve_security_group_rule_add", {"group": "web", "type": "in", "action": "ACCEPT", "proto": "tcp",
                                          "dport": "443", "enable": 1}),
         ("pve_guest_firewall_rule_add", {"vmid": 104, "type": "group", "action": "web", "enable": 1}),
         ("pve_guest_firewall_rule_update", {"vmid": 104, "pos": 0, "comment": "bound"}),
         ("pve_guest_firewall_options_set", {"vmid": 104, "enable": True})]),
    "an IP set and a rule that names it": (
        ["/cluster/firewall/ipset", "/cluster/firewall/aliases", "/cluster/firewall/rules"],
        [("pve_ipset_create", {"name": "office"}),
         ("pve_ipset_entry_add", {"name": "office", "cidr": "198.51.100.0/24"}),
         ("pve_alias_create", {"name": "desk", "cidr": "198.51.100.7"}),
         ("pve_firewall_rule_add", {"type": "in", "action": "ACCEPT", "source": "+office", "enable": 1}),
         ("pve_firewall_rule_update", {"pos": 0, "comment": "said"})]),
    "a guest under HA with a rule": (
        ["/cluster/ha/resources", "/cluster/ha/rules"],
        [("pve_ha_resource_add", {"sid": "vm:104", "state": "started"}),
         ("pve_ha_rule_create", {"rule": "db", "type": "node-affinity", "resources": ["vm:104"],
                                 "nodes": ["pve1", "pve2"]}),
         ("pve_ha_rule_update", {"rule": "db", "type": "node-affinity", "comment": "said"}),
         ("pve_ha_resource_update", {"sid": "vm:104", "max_restart": 3})]),
    "a zone, a vnet in it, a subnet, applied": (
        ["/cluster/sdn/zones?pending=1", "/cluster/sdn/vnets?pending=1"],
        [("pve_sdn_zone_create", {"zone": "z1", "type": "simple"}),
         ("pve_sdn_vnet_create", {"vnet": "v1", "zone": "z1"}),
         ("pve_sdn_subnet_create", {"vnet": "v1", "subnet": "10.44.0.0/24", "gateway": "10.44.0.1"}),
         ("pve_sdn_apply", {}),
         ("pve_sdn_vnet_update", {"vnet": "v1", "alias": "lab"}),
         ("pve_sdn_apply", {})]),
    "an interface, changed, applied": (
        ["/nodes/pve2/network", "/nodes/pve2/network#changes"],
        [("pve_network_iface_create", {"node": "pve2", "iface": "vmbr7", "type": "bridge", "autostart": True}),
         ("pve_network_iface_update", {"node": "pve2", "iface": "vmbr7", "type": "bridge",
                                       "cidr": "10.7.7.1/24", "autostart": True}),
         ("pve_network_apply", {"node": "pve2"})]),
    "a pool with a guest, and a backup job for it": (
        ["/pools", "/cluster/backup"],
        [("pve_pool_create", {"poolid": "nightly"}),
         ("pve_pool_members_add", {"poolid": "nightly", "vms": ["210"]}),
         ("pve_backup_job_create", {"id": "for-nightly", "pool": "nightly", "storage": "backup",
                                    "schedule": "sat 02:00", "prune-backups": "keep-last=2"}),
         ("pve_backup_job_update", {"id": "for-nightly", "mode": "stop"})]),
}


def plan(steps):
    return w.run("plan", "proximo_plan_steps",
                 "steps:=" + json.dumps([{"row": row, "args": args} for row, args in steps]))


def state(paths):
    out = {}
    for p in paths:
        data = w.sim.call("GET", p)
        for row in data if isinstance(data, list) else []:
            for volatile in ("digest", "active", "priority", "next-run"):
                row.pop(volatile, None)
        out[p] = json.dumps(sorted(data, key=json.dumps) if isinstance(data, list) else data, sort_keys=True)
    return out


def carry_out(v):
    code, op, text = w.carry_out(v)
    w.sim.settle()
    return code, op, text


def test_chains(t):
    for name, (paths, steps) in CHAINS.items():
        was = state(paths)
        code, v, text = plan(steps)
        if not t.ok(code == 0 and v["plan"]["complete"], f"{name}: planned, and nothing is missing", text):
            continue
        later = [o for o in v["plan"]["preconditions"] if o.get("then") and o["reduce"] != "any"]
        t.ok(later, f"{name}: what the steps before make is looked for before the next", v["plan"]["preconditions"])
        code, op, text = carry_out(v)
        t.ok(code == 0 and op["outcome"] == "done", f"{name}: carried out", text)
        now = state(paths)
        t.ok(now != was, f"{name}: it is done", now)
        code, u, text = w.run("undo", op["op_id"])
        if code == 4:
            code, u, text = carry_out(u)
        t.ok(code == 0 and u["outcome"] == "done", f"{name}: taken back", text)
        left = state(paths)
        t.ok(left == was, f"{name}: everything is as it was", f"{was}\n{left}")


FOREIGN = (
    ("firewall", CHAINS["a security group with a rule, bound to a guest"][1],
     ("POST", "/nodes/pve1/qemu/104/firewall/rules", {"type": "out", "action": "DROP"})),
    ("network", CHAINS["an interface, changed, applied"][1],
     ("POST", "/nodes/pve2/network", {"iface": "vmbr8", "type": "bridge"})),
    ("backup", CHAINS["a pool with a guest, and a backup job for it"][1],
     ("POST", "/cluster/backup", {"id": "other", "all": 1, "storage": "backup", "schedule": "mon"})))


def test_others_before(t):
    """What a later step was computed on has changed before anything runs."""
    for name, steps, foreign in FOREIGN:
        code, v, text = plan(steps)
        if not t.ok(code == 0, f"{name}: planned", text):
            continue
        w.sim.call(foreign[0], foreign[1], **foreign[2])
        code, op, text = carry_out(v)
        t.ok(code != 0 and "plan_drifted" in text, f"{name}: what somebody else did is noticed", text)


def test_others_between(t):
    """Somebody else's rule while a step in the middle takes its time: what the last one counts on is not so."""
    slow = World("--task-ms", "4000", policy="approve-low = operator\napprove-medium = operator")
    try:
        slow.operator()
        rule = {"type": "in", "action": "DROP", "comment": "of the plan"}
        steps = [("pve_firewall_rule_add", rule),
                 ("pve_network_iface_create", {"node": "pve2", "iface": "vmbr7", "type": "bridge"}),
                 ("pve_network_apply", {"node": "pve2"}),
                 ("pve_firewall_rule_add", {**rule, "comment": "never"})]
        code, v, text = slow.run("plan", "proximo_plan_steps",
                                 "steps:=" + json.dumps([{"row": row, "args": args} for row, args in steps]))
        t.ok(code == 0, "planned", text)
        code, seen = slow.approve(v["plan_id"])
        t.ok(code == 0, "approved", seen)
        p = slow.popen("--json", "apply", v["plan_id"])
        while p.poll() is None and not any(x["type"] == "srvreload" and not x.get("endtime")
                                           for x in slow.sim.call("GET", "/nodes/pve2/tasks?source=active")):
            time.sleep(0.02)
        slow.sim.call("POST", "/cluster/firewall/rules", type="out", action="ACCEPT", comment="of another")
        out, err = p.communicate(timeout=120)
        said = [r.get("comment") for r in slow.sim.call("GET", "/cluster/firewall/rules")]
        t.ok(p.returncode != 0 and "plan_drifted" in out + err and "before step 4" in out + err,
             "the steps after it are not begun", out + err)
        t.ok(sorted(said) == ["of another", "of the plan"], "and the steps before it are done", said)
    finally:
        slow.close()


try:
    sys.exit(Tap().run(test_chains, test_others_before, test_others_between))
finally:
    w.close()
