#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Interfaces of a node and the software-defined network through the program and a simulated cluster: staged with their consequences,
seen as a difference, applied by an operator only, and never on another state than was looked at."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Tap, World  # noqa: E402

w = World("--task-ms", "1", "--seed", "9")
NET = "/nodes/pve1/network"


def affected(plan):
    return {(a["resource"], a["effect"], a.get("via", "")) for a in plan["plan"]["affected"]}


def staged(t):
    code, read, text = w.run("read", "pve_network_staged", "node=pve1")
    t.ok(code == 0 and read["staged"] is False and "changes" not in read, "nothing is staged at first", text)
    code, plan, text = w.plan("pve_network_iface_update", node="pve1", iface="vmbr0", mtu=1400)
    form = plan["plan"]["requests"][0]["form"] if code == 0 else {}
    t.ok(code == 0 and form.get("cidr") == "192.0.2.11/24" and form.get("type") == "bridge",
         "a change repeats the address, or the API would drop it", form or text)
    t.ok(plan["plan"]["risk_reasons"] and any("once applied" in a["why"] for a in plan["plan"]["affected"]) and
         ("ct/101", "degraded", "net0") in affected(plan), "the guests of the bridge are named", affected(plan))
    code, op, text = w.carry_out(plan)
    t.ok(code == 0 and op["outcome"] == "done", "it is staged", text)
    code, read, text = w.run("read", "pve_network_staged", "node=pve1")
    t.ok(code == 0 and read["staged"] and "+\tmtu 1400\n" in read["changes"], "the difference is shown", text)
    code, _, text = w.plan("pve_network_iface_update", node="pve1", iface="vmbr0", bridge_vlan_aware=False)
    t.ok(code == 2 and "bridge_vlan_aware" in text, "what the API takes for its opposite is refused", text)
    code, _, text = w.plan("pve_network_iface_delete", node="pve1", iface="vmbr7")
    t.ok(code == 1 and "no_such_object" in text, "what is not there is not deleted", text)


def applied(t):
    w.sim.call("PUT", NET + "/vmbr0", type="bridge", bridge_ports="", cidr="192.0.2.11/24")
    code, plan, text = w.plan("pve_network_apply", node="pve1")
    hit = affected(plan) if code == 0 else set()
    t.ok(code == 0 and {("node/pve1", "lockout", "vmbr0"), ("node/pve1", "unreachable", "vmbr0"),
                        ("ct/101", "unreachable", "net0")} <= hit, "who is cut off, ourselves too", hit or text)
    t.ok(plan["plan"]["approval"]["required"] == "operator" and plan["plan"]["risk"] == "high",
         "only an operator may", plan["plan"]["approval"])
    code, _, text = w.run("apply", plan["plan_id"])
    t.ok(code == 4 and "approval_needed" in text, "not without a yes", text)
    w.sim.call("POST", NET, iface="vmbr8", type="bridge")
    w.approve(plan["plan_id"])
    code, _, text = w.run("apply", plan["plan_id"])
    t.ok(code == 5 and "plan_drifted" in text, "nor when something else is staged by now", text)
    w.sim.call("DELETE", NET)
    code, _, text = w.plan("pve_network_apply", node="pve1")
    t.ok(code == 1 and "no_change" in text, "nothing staged, nothing to apply", text)


def pending(t):
    sdn = "/cluster/sdn"
    w.sim.call("POST", sdn + "/zones", zone="z1", type="vlan", bridge="vmbr0")
    w.sim.call("POST", sdn + "/vnets", vnet="v1", zone="z1", tag=5)
    w.sim.end_of(w.sim.call("PUT", sdn))
    w.sim.call("PUT", "/nodes/pve1/lxc/303/config", net0="name=eth0,bridge=v1,hwaddr=BC:24:11:00:03:03")
    code, plan, text = w.plan("pve_sdn_vnet_delete", vnet="v1")
    t.ok(code == 0 and ("ct/303", "wont-boot", "net0") in affected(plan), "who is on a vnet that goes",
         plan and affected(plan) or text)
    code, plan, text = w.plan("pve_sdn_vnet_update", vnet="v1", tag=6)
    t.ok(code == 0 and ("ct/303", "exposed", "net0") in affected(plan) and
         all("once applied" in a["why"] for a in plan["plan"]["affected"]), "a change is only pending",
         plan and affected(plan) or text)
    code, op, text = w.carry_out(plan)
    t.ok(code == 0 and op["outcome"] == "done", "it is made", text)
    code, plan, text = w.plan("pve_sdn_apply")
    t.ok(code == 0 and ("ct/303", "exposed", "net0") in affected(plan) and
         plan["plan"]["approval"]["required"] == "operator", "applied, it is another network: an operator's",
         plan and affected(plan) or text)
    code, op, text = w.carry_out(plan)
    t.ok(code == 0 and op["outcome"] == "done", "which is then so", text)


def unread(t):
    w.sim.call("POST", "/sim/fault", spec="status=500 GET /cluster/config/nodes x9")
    code, plan, text = w.plan("pve_network_iface_create", node="pve1", iface="vmbr8", type="bridge")
    t.ok(code == 0 and plan["plan"]["complete"] is False and plan["plan"]["risk"] == "high" and
         any("corosync" in u["what"] for u in plan["plan"]["unread"]), "what is not read is said",
         plan and plan["plan"]["unread"] or text)


try:
    w.operator()
    sys.exit(Tap().run(staged, applied, pending, unread))
finally:
    w.close()
