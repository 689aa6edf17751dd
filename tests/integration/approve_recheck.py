#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""approve --recheck: the blast radius computed again by who signs. What got worse is shown and asked
about on the terminal; what got better, or stayed, is signed; on another account with a token of its
own too, from an exported plan."""

import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Tap, World  # noqa: E402

w = World("--task-ms", "1")
ASK = "sign all the same?"
PASS = ("passphrase of alice", "correct horse")
CONFIG = "/nodes/pve1/lxc/303/config"


def recheck(plan, *answers, options=()):
    return w.on_tty(["approve", plan["plan_id"], "--operator", "alice", "--recheck", *options], answers)


def approved(plan):
    code, v, _ = w.run("apply", plan["plan_id"])
    return not (code == 4 and v["error"]["code"] == "approval_needed")


def plan_delete():
    code, plan, text = w.plan("pve_storage_delete", storage="backup")
    if code != 0:
        raise RuntimeError(text)
    return plan


def test_same(t):
    code, seen = recheck(plan_delete(), PASS)
    t.ok(code == 0 and "as planned" in seen and ASK not in seen, "nothing differs: signed", seen)
    code, plan, text = w.plan("pve_guest_config_set", vmid=214, set={"ciuser": "x"},
                              cipassword="s3cret-44871")
    code, seen = recheck(plan, PASS)
    t.ok(code == 0 and "as planned" in seen, "a secret does not disturb it", seen)
    code, plan, text = w.plan("pve_rollback", vmid=105, snapname="nightly")
    code, seen = recheck(plan, PASS)
    t.ok(code == 0 and "as planned" in seen, "nor the name of the plan's own undo point", seen)


def test_worse(t):
    plan = plan_delete()
    w.sim.call("PUT", CONFIG, mp1="backup:303/vm-303-disk-7.raw,mp=/more,size=1G")
    code, seen = recheck(plan, (ASK, "n"))
    t.ok(code == 3 and "recheck_worse" in seen, "worse, and not confirmed: refused", seen)
    t.ok("+ affected" in seen and "ct/303" in seen, "the guest that is hit now is named", seen)
    t.ok("passphrase" not in seen, "nobody was asked to sign", seen)
    code, v, text = w.run("approve", plan["plan_id"], "--operator", "alice", "--recheck")
    t.ok(code != 0 and "no_terminal" in text, "without a terminal nothing is signed", text)
    t.ok(not approved(plan), "so it is not approved")
    code, seen = recheck(plan, (ASK, "y"), PASS)
    t.ok(code == 0, "confirmed, it is signed", seen)


def test_better(t):
    plan = plan_delete()
    w.sim.call("PUT", CONFIG, delete="mp1")
    w.sim.call("PUT", CONFIG, delete="unused0")
    code, seen = recheck(plan, PASS)
    t.ok(code == 0 and "- affected" in seen and ASK not in seen, "what is better is shown and signed",
         seen)


def test_gone(t):
    w.sim.call("POST", "/storage", storage="brief", type="dir", path="/srv/brief", content="iso")
    code, plan, text = w.plan("pve_storage_delete", storage="brief")
    w.sim.call("DELETE", "/storage/brief")
    code, seen = recheck(plan, (ASK, "n"))
    t.ok(code == 3 and "not done" in seen and "could not be computed again" in seen,
         "what cannot be computed is not signed by mistake", seen)


def test_undo(t):
    code, plan, text = w.plan("pve_storage_update", storage="backup", set={"disable": 1})
    code, op, text = w.carry_out(plan)
    t.ok(code == 0, "a change to be undone", text)
    w.sim.call("PUT", "/storage/backup", disable=0)
    w.sim.call("PUT", "/storage/backup", disable=1)
    code, v, text = w.run("undo", op["op_id"])
    if code == 0:
        t.ok(v["outcome"] == "done", "undone at once", text)
        return
    code, seen = recheck(v, PASS)
    t.ok(code == 0 and "as planned" in seen, "an undo's plan is computed again too", seen)


def test_elsewhere(t):
    """Another account: its own token, no ledger, the plan as a file."""
    plan = plan_delete()
    out = os.path.join(w.dir, "plan.json")
    code, _, text = w.run("show", plan["plan_id"], "--out", out)
    t.ok(code == 0, "the plan is exported", text)
    other = World(sim=False)
    try:
        shutil.copytree(os.path.join(w.config, "operators"), os.path.join(other.config, "operators"))
        other.sim, other.operators = w.sim, w.operators
        other.write_config()
        note = os.path.join(w.dir, "note")
        args = ["approve", plan["plan_id"], "--file", out, "--out", note, "--operator", "alice",
                "--recheck"]
        code, seen = other.on_tty(args, [PASS])
        t.ok(code == 0 and "as planned" in seen, "another account sees the same", seen)
        code, v, text = w.run("approve", plan["plan_id"], "--note", note)
        t.ok(code == 0, "its note is good", text)
        other.write_config(token=w.sim.info["audit-token-file"])
        code, seen = other.on_tty(args, [(ASK, "n")])
        t.ok(code == 3 and "Datastore.Allocate" in seen, "one who may see less is told so", seen)
        code, plan, text = w.plan("pve_guest_config_set", vmid=303, set={"memory": 600})
        w.run("show", plan["plan_id"], "--out", out)
        args[1] = plan["plan_id"]
        code, seen = other.on_tty(args, [PASS])
        t.ok(code == 0, "what an auditor can see is enough for a guest", seen)
        other.sim = None
    finally:
        other.close()


def test_ledger(t):
    code, report, text = w.verify()
    t.ok(code == 0 and report["ok"], "the ledger verifies", text)


try:
    w.operator()
    sys.exit(Tap().run(test_same, test_worse, test_better, test_gone, test_undo, test_elsewhere,
                       test_ledger))
finally:
    w.close()
