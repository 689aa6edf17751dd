# SPDX-License-Identifier: Apache-2.0
"""Guests copied and made templates through the whole client: the plan, what it did, and what is in the
way afterwards. The simulated cluster refuses what PVE refuses, so what a plan says is held to."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Tap, World  # noqa: E402

w = World()


def config(node, kind, vmid):
    return w.sim.call("GET", f"/nodes/{node}/{kind}/{vmid}/config")


def told(plan):
    return {(a["resource"], a["effect"]) for a in plan["plan"]["affected"]}


def done(t, plan, name):
    code, op, text = w.carry_out(plan)
    return t.ok(code == 0 and op["outcome"] == "done" and op["post_check"]["status"] == "ok", name, text)


def fails(t, plan, words, name):
    code, op, text = w.carry_out(plan)
    t.ok(code != 0 and words in text, name, text)


def test_full(t):
    code, plan, text = w.plan("pve_clone", vmid=105, newid=600, name="copy", target="pve3", pool="prod")
    t.ok(code == 0 and plan["plan"]["complete"] and ("vm/600", "changed") in told(plan)
         and "a full copy of vm/105" in text, "a copy in full is planned", text)
    old = config("pve2", "qemu", 105)
    done(t, plan, "and made")
    new = config("pve3", "qemu", 600)
    t.ok(new["name"] == "copy" and new["memory"] == old["memory"] and new["net0"] != old["net0"]
         and new["smbios1"] != old["smbios1"], "with addresses of its own, as the plan says", new)
    t.ok(plan["plan"]["undo"]["kind"] == "inverse", "and a way back")
    code, plan, text = w.plan("pve_delete_guest", vmid=600)
    done(t, plan, "which destroys the copy")
    left = [g["vmid"] for g in w.sim.call("GET", "/cluster/resources", type="vm")]
    t.ok(600 not in left and config("pve2", "qemu", 105) == old, "and nothing of the source", left)


def test_refused(t):
    code, plan, text = w.plan("pve_clone", vmid=105, newid=600, full=False)
    t.ok(any("no linked copies" in r for r in plan["plan"]["risk_reasons"]),
         "a linked copy of what is no template will be refused", text)
    fails(t, plan, "Linked clone feature is not supported", "and is")
    code, plan, text = w.plan("pve_clone", vmid=303, newid=600)
    t.ok(any("mp0 is a path of the host" in r for r in plan["plan"]["risk_reasons"]),
         "a directory of the host is in the way", text)
    fails(t, plan, "unable to clone mountpoint 'mp0'", "and is")
    w.sim.call("POST", "/nodes/pve1/qemu/104/snapshot", snapname="now")
    code, plan, text = w.plan("pve_clone", vmid=104, newid=600, snapname="now")
    t.ok(any("no full copies of a snapshot" in r for r in plan["plan"]["risk_reasons"]),
         "a snapshot on zfs is in the way", text)
    fails(t, plan, "Full clone feature is not supported for a snapshot", "and is")
    code, plan, text = w.plan("pve_clone", vmid=101, newid=600, snapname="before-tls", hostname="web-02")
    t.ok(code == 0 and ("ct/101", "degraded") in told(plan), "the same IP address twice is told", text)
    done(t, plan, "a container's snapshot is copied")
    t.ok("ip=192.0.2.101/24" in config("pve1", "lxc", 600)["net0"], "and has it")


def test_template(t):
    code, plan, text = w.plan("pve_vm_template", vmid=105)
    t.ok(any("2 snapshots" in r for r in plan["plan"]["risk_reasons"]), "snapshots are in the way", text)
    fails(t, plan, "VM contains snapshots", "and are")
    code, plan, text = w.plan("pve_vm_template", vmid=210)
    t.ok(code == 0 and ("vm/210", "wont-boot") in told(plan), "a template never starts again", text)
    done(t, plan, "a VM becomes a template")
    t.ok(config("pve2", "qemu", 210)["scsi0"].startswith("local-zfs:base-210-disk-0"), "on a base volume")
    code, plan, text = w.plan("pve_clone", vmid=210, newid=610)
    t.ok(code == 0 and ("vm/210", "changed") in told(plan) and "cannot be destroyed" in text,
         "a linked copy will hold it", text)
    done(t, plan, "and is made")
    w.sim.call("PUT", "/nodes/pve2/qemu/210/config", protection=0)
    code, plan, text = w.plan("pve_delete_guest", vmid=210)
    t.ok(code == 0 and any(r == "vm/610" for r, _ in told(plan)), "destroying the template names the copy",
         text)
    fails(t, plan, "still in use by linked clone", "and is refused")
    code, plan, text = w.plan("pve_guest_migrate", vmid=610, target="pve1")
    t.ok(("vm/610", "stranded") in told(plan), "the copy cannot move away from its base", text)
    fails(t, plan, "migration aborted", "and does not")


def test_ct_template(t):
    """The API's answer names no task: it is looked for, and followed."""
    code, plan, text = w.plan("pve_ct_template", vmid=303)
    t.ok(any("mp0 is a path of the host" in r for r in plan["plan"]["risk_reasons"]),
         "a container with a directory of the host will be refused", text)
    code, op, text = w.carry_out(plan)
    t.ok(code == 1 and op["outcome"] == "failed" and "Template feature" in op["error"] and
         any(":vztemplate:303:" in x["upid"] for x in op["tasks"]), "and is, which the answer did not tell", text)
    w.sim.call("PUT", "/nodes/pve1/lxc/303/config", delete="mp0")
    code, plan, text = w.plan("pve_ct_template", vmid=303)
    t.ok(code == 0 and not any("refused" in r for r in plan["plan"]["risk_reasons"]), "without it it may",
         text)
    done(t, plan, "and is made")
    t.ok(config("pve1", "lxc", 303)["template"] == 1, "a template")
    code, plan, text = w.plan("pve_clone", vmid=303, newid=611)
    t.ok(any("no linked copies of containers" in r for r in plan["plan"]["risk_reasons"]),
         "on a storage of files there are no linked copies of containers", text)
    fails(t, plan, "Linked clone feature for", "indeed")
    code, plan, text = w.plan("pve_clone", vmid=303, newid=611, full=True)
    done(t, plan, "a copy in full there is")


try:
    w.operator()
    sys.exit(Tap().run(test_full, test_refused, test_template, test_ct_template))
finally:
    w.close()
