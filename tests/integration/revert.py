#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Revert timers through the whole product: a plan that can lock us out is preceded by the arming, the
node puts the files back unless the change is confirmed over a new connection, and what a crash, an
undo and another hand do to that. The simulated cluster keeps the firewall's files; the node's
interfaces are a file that this test writes where the cluster would."""

import json
import os
import re
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from revert_lib import AFTER, BEFORE, LabError, RevertLab  # noqa: E402
from world import Tap  # noqa: E402

POLICY = """[node]
clock = any
{rule}"""
RULE = """
[rule way-back]
client = lab
do = revert
set = network firewall-cluster firewall-node

[rule way-back-of-a-guest]
client = lab
do = revert
set = firewall-guest
ct = 101
"""
lab = RevertLab()
interfaces, armed, timer_line = lab.interfaces, lab.armed, lab.timer_line
noticed, pass_deadline, run_out, ended = lab.noticed, lab.pass_deadline, lab.run_out, lab.ended
carry_out, stage, api = lab.carry_out, lab.stage, lab.api


def ran():
    path = lab.dir / "ran"
    return path.read_text().splitlines() if path.exists() else []


def receipts():
    """How many of the node's receipts the ledger holds."""
    _, v = lab.client_json("ledger", "query", "kind=receipt", "limit=200")
    return v["returned"] if "returned" in v else len(v["entries"])


def arming(p):
    return [q for q in p["plan"]["requests"] if q["phase"] == "prepare" and "\nop arm\n" in q.get("request", "")]


def apply_network(t, **args):
    """A network apply with its timer: (operation, timer)."""
    _, p = lab.client_json("plan", "pve_network_apply", "node=pve1", *[f"{k}:={v}" for k, v in args.items()])
    t.ok(len(arming(p)) == 1 and p["plan"]["undo"]["kind"] == "revert-timer", "the plan arms first", p["plan"]["undo"])
    op = carry_out(p)
    timers = armed()
    t.ok(op.get("outcome") == "done" and len(timers) == 1 and op["op_id"] in op.get("confirm_with", ""),
         "it is carried out, with a timer running", op)
    return op, timers[0]


def without_a_rule(t):
    stage(1401)
    _, p = lab.client_json("plan", "pve_network_apply", "node=pve1")
    t.ok(not arming(p) and p["plan"]["approval"]["required"] == "operator" and
         "no timer reverts it" in p["plan"]["approval"]["why"] and p["plan"]["undo"]["kind"] == "inverse",
         "where no rule allows a timer, an operator decides", p["plan"]["approval"])
    status, said, errors = lab.client("plan", "pve_network_apply", "node=pve1", "revert:=120")
    t.ok(status == 1 and "no_timer" in said + errors, "a timer that is asked for is not left out silently", said + errors)
    lab.policy.write_text(POLICY.format(rule=RULE))


def lost_contact(t):
    op, timer = apply_network(t, revert=600)
    request = timer_line(timer, "deadline"), timer_line(timer, "armed")
    t.ok(int(request[0]) - int(request[1]) == 600, "the deadline is the one of the plan", request)
    interfaces().write_text(AFTER)
    noticed(timer)
    _, said = lab.client_json("doctor")
    t.ok("1 revert timers run" in json.dumps(said), "doctor tells of it", said)
    _, said = lab.client_json("ops", "--limit", "1")
    t.ok(said["operations"][0].get("revert_timer") == "runs", "and so do the operations", said)
    t.ok("reverts in" in lab.ctl("status"), "and pveagentctl", lab.ctl("status"))
    lab.stop(lab.front)
    run_out(timer)
    before = receipts()
    t.ok(interfaces().read_text() == BEFORE, "nobody came back: the file is as it was", interfaces().read_text())
    t.ok(ran() == ["/usr/bin/systemctl start pveagentd-ifreload.service"], "and it was loaded", ran())
    lab.start_front(lab.node_address)
    lab.wait_for(lab.listening, "the network half's port", lab.front)
    _, said = lab.client_json("ops", "--limit", "1")
    t.ok(said["operations"][0].get("revert_timer") == "reverted", "who is back is told that it has reverted", said)
    t.ok(receipts() == before + 1, "and the node's receipt of that is in the ledger", receipts())
    lab.client_json("ops", "--limit", "1")
    t.ok(receipts() == before + 1, "once", receipts())
    status, said, errors = lab.client("confirm", op["op_id"])
    t.ok(status != 0 and "timer_missing" in said + errors, "too late to confirm", said + errors)
    status, said, errors = lab.client("undo", op["op_id"])
    t.ok(status != 0 and "reverted it by itself" in said + errors, "there is nothing left to undo", said + errors)


def confirmed(t):
    stage(1402)
    op, timer = apply_network(t)
    t.ok(int(timer_line(timer, "deadline")) - int(timer_line(timer, "armed")) == 90, "90 s unless said otherwise")
    interfaces().write_text(AFTER)
    noticed(timer)
    _, said = lab.client_json("confirm", op["op_id"])
    t.ok(said.get("outcome") == "done" and not armed(), "confirmed over a new connection", said)
    t.ok(interfaces().read_text() == AFTER, "the change stays")
    status, said, errors = lab.client("confirm", op["op_id"])
    t.ok(status != 0 and "timer_missing" in said + errors, "once", said + errors)
    interfaces().write_text(BEFORE)


def undone(t):
    stage(1403)
    before = len(ran())
    op, timer = apply_network(t)
    interfaces().write_text(AFTER)
    noticed(timer)
    status, said = lab.client_json("undo", op["op_id"])
    t.ok(status == 0 and said.get("outcome") == "done" and not armed(), "undo while it runs: the node reverts now", said)
    t.ok(interfaces().read_text() == BEFORE and len(ran()) == before + 1, "at once", ran())
    status, said, errors = lab.client("undo", op["op_id"])
    t.ok(status != 0 and "already_undone" in said + errors, "once", said + errors)


def killed(t):
    stage(1404)
    _, timer = apply_network(t)
    interfaces().write_text(AFTER)
    noticed(timer)
    lab.priv.send_signal(signal.SIGKILL)
    lab.priv.wait()
    pass_deadline(timer)
    lab.start_root()
    ended(timer)
    t.ok(interfaces().read_text() == BEFORE, "killed while armed: it reverts at the next start")


def another_hand(t):
    stage(1405)
    _, timer = apply_network(t)
    interfaces().write_text(AFTER)
    noticed(timer)
    interfaces().write_text(AFTER + "# mine\n")
    run_out(timer)
    t.ok(interfaces().read_text() == AFTER + "# mine\n", "what another hand wrote stays")
    kept = lab.reverts() / (timer.name + ".interfaces")
    t.ok(kept.read_text() == BEFORE and str(kept) in lab.ctl("status"), "the copy is kept, and named", lab.ctl("status"))
    t.ok("another hand changed it" in lab.log("pveagentd-priv"), "with an alarm")
    interfaces().write_text(BEFORE)


def firewall(t):
    rules = lab.tree / "firewall" / "cluster.fw"
    _, p = lab.client_json("plan", "pve_firewall_options_set", "enable:=1", "policy_in=ACCEPT")
    carry_out(p)
    as_it_was = rules.read_text()
    _, p = lab.client_json("plan", "pve_firewall_rule_add", "type=in", "action=ACCEPT", "proto=tcp", "dport=9999",
                           "enable:=1")
    t.ok(not arming(p) and p["plan"]["undo"]["kind"] == "inverse", "what locks nobody out has no timer", p["plan"]["undo"])
    status, said, errors = lab.client("plan", "pve_firewall_rule_add", "type=in", "action=ACCEPT", "proto=tcp",
                                      "dport=9999", "enable:=1", "revert:=60")
    t.ok(status == 2 and "leave revert out" in said + errors, "not even when asked for", said + errors)
    _, p = lab.client_json("plan", "pve_firewall_rule_add", "type=in", "action=DROP", "enable:=1")
    t.ok(any(a["effect"] == "lockout" for a in p["plan"]["affected"]) and len(arming(p)) == 1 and
         "firewall-cluster" in arming(p)[0]["request"], "a rule that locks us out has one", p["plan"]["undo"])
    op = carry_out(p)
    timers = armed()
    t.ok(op.get("outcome") == "done" and len(timers) == 1 and rules.read_text() != as_it_was,
         "the rule is there, the timer runs", op)
    noticed(timers[0])
    run_out(timers[0])
    t.ok(rules.read_text() == as_it_was, "the node put the cluster's rules back", rules.read_text())
    api("DELETE", "/cluster/firewall/rules/0")


def planned(t, row, *args, sets=None):
    """A plan, which arms a timer over those sets, or none."""
    _, p = lab.client_json("plan", row, *args)
    asked = [re.findall("^arg (.*)$", q["request"], re.M) for q in arming(p)] if "plan" in p else p
    t.ok(asked == ([sets] if sets else []), f"{row} {' '.join(args)}: {sets or 'no timer'}", f"{asked} {p}")
    return p


def put_back(t, p, path, what, *back):
    """Carries it out and lets the deadline pass. back: what makes the simulated cluster follow, (method, path, form)."""
    as_it_was = path.read_text() if path.exists() else None
    op = carry_out(p)
    timers = armed()
    if not t.ok(op.get("outcome") == "done" and len(timers) == 1, f"{what}: carried out, with a timer", op):
        return
    noticed(timers[0])
    run_out(timers[0])
    t.ok((path.read_text() if path.exists() else None) == as_it_was, f"{what}: the node put it back",
         f"{as_it_was}\n{path.exists() and path.read_text()}")
    api(back[0], back[1], **(back[2] if len(back) > 2 else {}))


def set_up(row, *args):
    """A change that locks nobody out."""
    _, p = lab.client_json("plan", row, *args)
    op = carry_out(p)
    if op.get("outcome") != "done":
        raise LabError(f"{row}: {op}")


def firewall_names(t):
    """Rows whose change of a name, or removal, locks out: each says that it can be given seconds."""
    rules = lab.tree / "firewall" / "cluster.fw"
    drop = ("type=in", "action=DROP", "enable:=1")
    set_up("pve_ipset_create", "name=shut")
    set_up("pve_firewall_rule_add", *drop, "source=+shut")
    p = planned(t, "pve_ipset_entry_add", "name=shut", "cidr=127.0.0.0/8", "revert:=45", sets=["firewall-cluster"])
    t.ok("\ntimeout 45\n" in arming(p)[0]["request"], "with the seconds that were asked for")
    put_back(t, p, rules, "our address in a set that is dropped", "DELETE",
             "/cluster/firewall/ipset/shut/127.0.0.0%2F8")
    set_up("pve_alias_create", "name=office", "cidr=10.9.9.9")
    set_up("pve_firewall_rule_add", *drop, "source=office")
    put_back(t, planned(t, "pve_alias_update", "name=office", "cidr=127.0.0.1", "comment=", "revert:=60",
                       sets=["firewall-cluster"]), rules, "our address under a name that is dropped",
             "PUT", "/cluster/firewall/aliases/office", {"cidr": "10.9.9.9"})
    set_up("pve_security_group_create", "group=closed")
    set_up("pve_firewall_rule_add", "type=group", "action=closed", "enable:=1")
    put_back(t, planned(t, "pve_security_group_rule_add", "group=closed", *drop, "revert:=60",
                       sets=["firewall-cluster"]), rules, "a group that drops", "DELETE",
             "/cluster/firewall/groups/closed/0")
    set_up("pve_firewall_rule_add", "type=in", "action=ACCEPT", "enable:=1")
    set_up("pve_firewall_rule_update", "pos:=1", "enable:=0")
    set_up("pve_firewall_rule_add", "type=in", "action=DROP", "enable:=0")
    set_up("pve_firewall_rule_move", "pos:=0", "moveto:=2")
    set_up("pve_firewall_rule_update", "pos:=1", "enable:=1")
    put_back(t, planned(t, "pve_firewall_rule_remove", "pos:=0", "revert:=60", sets=["firewall-cluster"]), rules,
             "the rule that let us in", "POST", "/cluster/firewall/rules", {"type": "in", "action": "ACCEPT",
                                                                          "enable": 1})


def firewall_node(t):
    rules = lab.tree / "nodes" / "pve1" / "host.fw"
    p = planned(t, "pve_node_firewall_rule_add", "node=pve1", "type=in", "action=DROP", "enable:=1",
                sets=["firewall-node"])
    put_back(t, p, rules, "a rule of the node", "DELETE", "/nodes/pve1/firewall/rules/0")
    p = planned(t, "pve_node_firewall_rule_add", "node=pve1", "type=in", "action=DROP", "enable:=1",
                sets=["firewall-node"])
    op = carry_out(p)
    noticed(armed()[0])
    changed = rules.read_text()
    _, said = lab.client_json("confirm", op["op_id"])
    t.ok(said.get("outcome") == "done" and not armed() and rules.read_text() == changed, "confirmed, it stays", said)
    _, said = lab.client_json("undo", op["op_id"])
    said = carry_out(said) if said.get("plan") else said
    _, left = lab.client_json("read", "pve_node_firewall_rules_list", "node=pve1")
    t.ok(said.get("outcome") == "done" and left["total"] == 0, "and can be undone as any other", f"{said} {left}")


def firewall_guest(t):
    rules = lab.tree / "firewall" / "101.fw"
    set_up("pve_guest_config_set", "vmid:=101", 'set:={"net0":"name=eth0,bridge=vmbr0,firewall=1,ip=192.0.2.101/24"}')
    set_up("pve_guest_firewall_options_set", "vmid:=101", "enable:=true", "policy_in=ACCEPT")
    shut = ("pve_guest_firewall_rule_add", "vmid:=101", "type=in", "action=DROP", "proto=tcp", "dport=443",
            "enable:=1")
    planned(t, *shut)
    p = planned(t, *shut, "revert:=60", sets=["firewall-guest"])
    t.ok("\nct 101\n" in arming(p)[0]["request"], "the guest is named in the request")
    put_back(t, p, rules, "what cuts others off a guest, with a timer that was asked for", "DELETE",
             "/nodes/pve1/lxc/101/firewall/rules/0")
    status, said, errors = lab.client("plan", "pve_guest_firewall_rule_add", "vmid:=302", "type=in", "action=DROP",
                                      "enable:=1", "revert:=60")
    t.ok(status != 0 and ("no_timer" in said + errors or "bad_argument" in said + errors),
         "for a guest that no rule names there is none", said + errors)


def halves_restarted(t):
    """Either half may be restarted, in order or not, while a timer runs: it runs on, and is confirmed."""
    stage(1406)
    op, timer = apply_network(t)
    interfaces().write_text(AFTER)
    noticed(timer)
    lab.front.send_signal(signal.SIGKILL)
    lab.front.wait()
    lab.start_front(lab.node_address)
    lab.wait_for(lab.listening, "the network half's port", lab.front)
    deadline = timer_line(timer, "deadline")
    lab.stop(lab.priv)
    lab.start_root()
    t.ok(timer.exists() and timer_line(timer, "deadline") == deadline, "restarted, the timer runs with its deadline")
    lab.wait_for(lambda: lab.client_json("node", "list")[1]["nodes"][0]["reachable"], "the node", lab.front)
    _, said = lab.client_json("confirm", op["op_id"])
    t.ok(said.get("outcome") == "done" and not armed(), "and is confirmed", said)
    t.ok(interfaces().read_text() == AFTER, "the change stays")
    interfaces().write_text(BEFORE)
    stage(1407)
    op, timer = apply_network(t)
    interfaces().write_text(AFTER)
    noticed(timer)
    lab.stop(lab.priv)
    lab.start_root()
    run_out(timer)
    t.ok(interfaces().read_text() == BEFORE, "not confirmed, it reverts after the restart")


def verifies(t):
    status, said, _ = lab.client("ledger", "verify")
    t.ok(status == 0, "the ledger, with the receipts of arming and confirming, verifies", said)


try:
    lab.begin(POLICY.format(rule=""))
    sys.exit(Tap().run(without_a_rule, lost_contact, confirmed, undone, killed, another_hand, firewall,
                       firewall_names, firewall_node, firewall_guest, halves_restarted, verifies))
finally:
    lab.close()
