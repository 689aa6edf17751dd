# SPDX-License-Identifier: Apache-2.0
"""What plans of high availability, replication, realms, pools and storage settings say, through the
whole client against a simulated cluster; and where the simulator shows the consequence, that it is so."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Tap, World  # noqa: E402

w = World()


def told(plan):
    return {(a["resource"], a["effect"]) for a in plan["plan"]["affected"]}


def whole(t, plan, name):
    t.ok(plan["plan"]["complete"], f"{name}: the verdict is complete", plan["plan"])


def guest(vmid):
    return next(g for g in w.sim.call("GET", "/cluster/resources") if g.get("vmid") == vmid)


def test_ha_resource(t):
    w.operator()
    w.sim.call("POST", "/cluster/ha/resources", sid="ct:303", state="stopped")
    code, plan, text = w.plan("pve_ha_resource_update", sid="ct:303", state="started")
    t.ok(code == 0 and ("ct/303", "started") in told(plan), "HA will start a stopped guest", text)
    whole(t, plan, "HA state")
    before = guest(303)["status"]
    code, op, text = w.carry_out(plan)
    w.sim.settle()
    t.ok(code == 0 and op["outcome"] == "done" and before == "stopped"
         and guest(303)["status"] == "running", "and does", text)
    code, plan, text = w.plan("pve_ha_resource_remove", sid="ct:303")
    t.ok(("ct/303", "degraded") in told(plan), "out of HA nobody watches it", text)
    whole(t, plan, "out of HA")
    w.sim.call("DELETE", "/cluster/ha/resources/ct:303")


def test_ha_drift(t):
    """Where a guest is decides what the manager does: a plan made before it moved is not applied."""
    def move(there):
        w.sim.end_of(w.sim.call("POST", f"/nodes/{guest(104)['node']}/qemu/104/migrate", target=there,
                                **{"online": 1, "with-local-disks": 1}))

    home = guest(104)["node"]
    w.sim.call("POST", "/cluster/ha/resources", sid="vm:104", state="ignored")
    code, plan, text = w.plan("pve_ha_resource_update", sid="vm:104", state="stopped")
    t.ok(code == 0, "a state is planned", text)
    move("pve2")
    t.ok(guest(104)["node"] == "pve2", "the guest moves")
    code, op, text = w.carry_out(plan)
    t.ok(code == 5 and "plan_drifted" in text, "and the plan is refused", text)
    w.sim.call("DELETE", "/cluster/ha/resources/vm:104")
    move(home)


def test_ha_rule(t):
    code, plan, text = w.plan("pve_ha_rule_create", rule="alone", type="resource-affinity",
                              affinity="negative", resources=["ct:302"])
    t.ok(code == 0 and any("PVE will refuse" in r for r in plan["plan"]["risk_reasons"])
         and plan["plan"]["risk"] == "high", "a rule of one resource will be refused", text)
    code, op, text = w.carry_out(plan)
    t.ok(code != 0 and "less than two" in text, "and is", text)
    code, plan, text = w.plan("pve_ha_rule_update", rule="dns-near-core", type="node-affinity",
                              nodes=["pve3"], strict=True)
    t.ok(code == 0 and any(e in ("changed", "interrupted") for r, e in told(plan) if r == "ct/302")
         and ("ct/302", "degraded") in told(plan), "a strict rule moves it and leaves no way out", text)
    code, plan, text = w.plan("pve_ha_resource_migrate", sid="ct:302", node="pve3")
    t.ok(code == 0 and "moves it on to" in text, "moved against its rule it does not stay", text)


def test_ha_migrate(t):
    """What a move of an HA guest says of its rule, and what the manager then does."""
    w.sim.settle()
    t.ok(guest(302)["node"] == "pve2", "it is where its rule wants it", guest(302))
    code, plan, text = w.plan("pve_guest_migrate", vmid=302, target="pve1", restart=True)
    t.ok(code == 0 and "the manager moves it back" in text, "a move to a lower place will be undone", text)
    code, op, text = w.carry_out(plan)
    w.sim.settle()
    t.ok(code == 1 and op["post_check"]["status"] == "finding" and guest(302)["node"] == "pve2"
         and guest(302)["status"] == "running", "and is, which is found", text)
    w.sim.call("PUT", "/cluster/ha/rules/dns-near-core", type="node-affinity", nodes="pve1,pve2")
    code, plan, text = w.plan("pve_ha_resource_migrate", sid="ct:302", node="pve1")
    t.ok(code == 0 and "moves it on to" not in text, "where it may stay it is moved", text)
    code, op, text = w.carry_out(plan)
    w.sim.settle()
    t.ok(code == 0 and guest(302)["node"] == "pve1" and guest(302)["status"] == "running", "and stays", text)
    w.sim.call("PUT", "/cluster/ha/rules/dns-near-core", type="node-affinity", nodes="pve1:1,pve2:2")
    w.sim.settle()


def test_ha_purge(t):
    for sid in ("ct:303", "ct:301"):
        w.sim.call("POST", "/cluster/ha/resources", sid=sid, state="ignored")
    w.sim.call("POST", "/cluster/ha/rules", rule="pair", type="resource-affinity",
               affinity="positive", resources="ct:301,ct:303")
    w.sim.call("DELETE", "/cluster/ha/resources/ct:303")
    rule = w.sim.call("GET", "/cluster/ha/rules/pair")
    t.ok(rule["resources"] == "ct:301", "what leaves HA leaves its rules", rule)
    w.sim.call("DELETE", "/cluster/ha/resources/ct:301")
    left = [r["rule"] for r in w.sim.call("GET", "/cluster/ha/rules")]
    t.ok("pair" not in left, "and a rule of nobody goes", left)


def test_replication(t):
    home = guest(303)["node"]
    other = next(n for n in ("pve1", "pve2") if n != home)
    code, plan, text = w.plan("pve_replication_create", id="303-4", target=home)
    t.ok(code == 0 and "on the target already" in text, "to where it is it will be refused", text)
    code, op, text = w.carry_out(plan)
    t.ok(code != 0 and "identical" in text, "and is", text)
    code, plan, text = w.plan("pve_replication_create", id="303-4", target=other)
    t.ok(code == 0 and plan["plan"]["complete"], "the verdict of a new job is complete", text)
    code, plan, text = w.plan("pve_replication_delete", id="101-0")
    t.ok(code == 0 and ("ct/101", "loses-backup") in told(plan), "a job that goes takes its copy", text)
    whole(t, plan, "replication")


def test_realm(t):
    w.sim.call("POST", "/access/users", userid="ada@pve", enable=1)
    w.sim.call("PUT", "/access/acl", path="/", roles="Administrator", users="ada@pve")
    code, plan, text = w.plan("pve_realm_update", realm="pve", tfa="type=oath")
    t.ok(code == 0 and ("realm/pve", "degraded") in told(plan) and "second factor" in text
         and plan["plan"]["complete"], "who logs in by a realm is told when its rules change", text)
    code, plan, text = w.plan("pve_realm_delete", realm="pve")
    t.ok(code == 0 and told(plan) == {("realm/pve", "changed")}, "what is built in stays", text)
    w.sim.call("POST", "/access/domains", realm="corp", type="ldap", server1="a", base_dn="b",
               user_attr="uid", mode="ldaps", verify=1)
    w.sim.call("POST", "/access/users", userid="eve@corp", enable=1)
    code, plan, text = w.plan("pve_realm_update", realm="corp", mode="ldap")
    t.ok(code == 0 and {("realm/corp", "degraded"), ("realm/corp", "exposed")} <= told(plan),
         "encryption that goes is told, and who logs in by it", text)
    code, op, text = w.carry_out(plan)
    t.ok(code == 0 and w.sim.call("GET", "/access/domains/corp")["mode"] == "ldap", "and goes", text)
    code, plan, text = w.plan("pve_realm_sync", realm="pve", scope="users")
    t.ok(code == 0 and "cannot be synced" in text, "and has nothing to be synced with", text)


def test_storage_settings(t):
    code, plan, text = w.plan("pve_storage_update", storage="local-zfs", set={"content": "rootdir"})
    t.ok(code == 0 and ("vm/104", "wont-boot") in told(plan) and "refuses to start" in text,
         "VMs on a storage that takes no images any more are told", text)
    whole(t, plan, "content")
    code, plan, text = w.plan("pve_storage_update", storage="backup",
                              set={"prune-backups": "keep-last=1"})
    t.ok(code == 0 and plan["plan"]["complete"], "fewer backups are counted archive by archive", text)


def test_pool(t):
    w.sim.call("POST", "/cluster/backup", id="by-pool", schedule="sun 03:00", storage="backup",
               pool="prod")
    w.sim.call("PUT", "/cluster/backup/nightly-prod", enabled=0)
    code, plan, text = w.plan("pve_pool_members_remove", poolid="prod", vms=["104"])
    t.ok(code == 0 and ("vm/104", "loses-backup") in told(plan),
         "a guest that leaves a pool may leave its backups", text)
    whole(t, plan, "pool")
    w.sim.call("PUT", "/cluster/backup/nightly-prod", enabled=1)
    w.sim.call("DELETE", "/cluster/backup/by-pool")


def test_acl_prune(t):
    code, plan, text = w.plan("pve_acl_prune")
    t.ok(code != 0 and plan["error"]["code"] == "no_change", "nothing is gone: nothing to remove", text)
    w.sim.call("PUT", "/access/acl", path="/storage/gone", roles="PVEAuditor", users="ada@pve")
    code, plan, text = w.plan("pve_acl_prune")
    t.ok(code == 0 and [e["path"] for e in plan["plan"]["current"]["entries"]] == ["/storage/gone"]
         and plan["plan"]["approval"]["required"] == "operator", "the exact list is in the plan", text)
    whole(t, plan, "prune")
    code, op, text = w.carry_out(plan)
    left = [e["path"] for e in w.sim.call("GET", "/access/acl")]
    t.ok(code == 0 and op["outcome"] == "done" and "/storage/gone" not in left, "and goes", text)
    t.ok("/" in left, "what names something that is there stays", left)


def test_freshness(t):
    code, v, text = w.read("pve_backup_freshness")
    states = {i["vmid"]: i["state"] for i in v["items"]} if code == 0 else {}
    t.ok(states.get(101) == "fresh" and states.get(303) == "never", "what has a backup and what has none",
         text)
    one = next(i for i in v["items"] if i["vmid"] == 101)
    t.ok(one["covered"] == "yes" and one["jobs"] == ["nightly-prod"], "and the schedule that takes it", one)
    w.sim.call("POST", "/access/users", userid="blind@pve", enable=1)
    w.sim.call("PUT", "/access/acl", path="/vms", roles="PVEAuditor", users="blind@pve")
    secret = w.sim.call("POST", "/access/users/blind@pve/token/t", privsep=0)
    file = os.path.join(w.dir, "blind.token")
    with open(file, "w", encoding="utf-8") as f:
        f.write(f"blind@pve!t={secret['value']}\n")
    os.chmod(file, 0o600)
    w.write_config(token=file)
    code, v, text = w.read("pve_backup_freshness")
    t.ok(code == 0 and v["items"] and {i["state"] for i in v["items"]} == {"unknown"}
         and {i["covered"] for i in v["items"]} == {"unknown"},
         "a token that sees no backups knows nothing: unknown, never \"never\"", text)


try:
    sys.exit(Tap().run(test_ha_resource, test_ha_drift, test_ha_rule, test_ha_migrate, test_ha_purge, test_replication,
                       test_realm, test_storage_settings, test_pool, test_acl_prune,
                       test_freshness))
finally:
    w.close()
