#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Steps on the cluster as the steps before leave it: answers are computed, then the requests are sent to
a simulated cluster and it is asked again. What is said to be known must be what is answered; what is
said to be untouched must be as it was. TAP."""
import json
import os
import subprocess
import sys
import time
import urllib.error

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../integration"))
from world import Tap, World  # noqa: E402

BUILD = os.environ.get("top_builddir", ".")
NODES = ["pve1", "pve2", "pve3"]
w = World()
case = subprocess.Popen([os.path.join(BUILD, "tests/model/then_case")], stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE, text=True)


def get(path):
    try:
        return w.sim.call("GET", path)
    except urllib.error.HTTPError:
        return None  # there is none


def asked(extra=()):
    """Everything that rows and analysers read, with its reducer."""
    reads = {"/cluster/resources?type=vm": "guests", "/cluster/resources?type=node": "nodes",
             "/storage": "whole", "/access/users?full=1": "whole", "/access/groups": "whole",
             "/access/roles": "whole", "/access/acl": "whole", "/access/domains": "whole",
             "/pools": "whole", "/cluster/backup": "whole", "/cluster/replication": "whole",
             "/cluster/ha/resources": "whole", "/cluster/ha/rules": "whole",
             "/cluster/firewall/rules": "whole", "/cluster/firewall/options": "whole"}
    for p in w.sim.call("GET", "/pools"):
        reads[f"/pools?poolid={p['poolid']}"] = "members"
    guests = [(g["node"], g["type"], g["vmid"]) for g in w.sim.call("GET", "/cluster/resources?type=vm")]
    for node, kind, vmid in dict.fromkeys(guests + list(extra)):
        at = f"/nodes/{node}/{kind}/{vmid}"
        reads.update({at + "/config": "config", at + "/status/current": "power",
                      at + "/snapshot": "snapshots", at + "/firewall/options": "whole",
                      at + "/firewall/rules": "whole"})
    for s in w.sim.call("GET", "/storage"):
        reads[f"/storage/{s['storage']}"] = "storage"
        for node in NODES:
            reads[f"/nodes/{node}/storage/{s['storage']}/content"] = "whole"
    for node in NODES:
        reads[f"/nodes/{node}/network"] = "whole"
    return reads


def step(method, path, /, **form):
    return {"method": method, "path": path, "form": form}


def run(t, name, steps, known=(), more=(), extra=(), unknown=()):
    """known: reads that must be computed, not only allowed to differ; extra: guests to come."""
    reads = asked(extra)
    reads.update(dict(more))
    now = {p: get(p) for p in reads}
    for s in steps:
        w.sim.call(s["method"], s["path"], **{k.replace("_", "-") if k == "ssh_public_keys" else k:
                                              int(v) if isinstance(v, bool) else v
                                              for k, v in s["form"].items()})
    while any("endtime" not in x for x in w.sim.call("GET", "/cluster/tasks")):
        time.sleep(0.02)  # what is made is started by a task of its own, which no answer names
    ask = []
    for p, r in reads.items():
        after = get(p)
        ask.append({"path": p, "reduce": r, **({"after": after} if after is not None else {})})
    case.stdin.write(json.dumps({"requests": steps, "now": {p: d for p, d in now.items() if d is not None},
                                 "ask": ask}) + "\n")
    case.stdin.flush()
    out = {a["path"]: a for a in json.loads(case.stdout.readline())}
    wrong = [a for a in out.values() if a["is"] in ("same", "known") and not a["equal"]]
    t.ok(not wrong, name, "\n".join(f"{a['path']} is {a['is']}: {differ(a['mine'], a['real'])}" for a in wrong))
    lacks = [p for p in known if out[p]["is"] != "known"]
    t.ok(not lacks, f"{name}: what must be known is", [(p, out[p]["is"]) for p in lacks])
    loud = [p for p in unknown if out[p]["is"] != "unknown"]
    t.ok(not loud, f"{name}: what cannot be known is said to be so", [(p, out[p]["is"]) for p in loud])
    return out


def differ(mine, real):
    """What one has and the other has not."""
    items = [{json.dumps(x, sort_keys=True) for x in (v if isinstance(v, list) else v.items() if v else [])}
             for v in (mine, real)]
    return f"computed {sorted(items[0] - items[1])}, answered {sorted(items[1] - items[0])}"


LIST = "/cluster/resources?type=vm"


def guest(node, kind, vmid):
    return f"/nodes/{node}/{kind}/{vmid}"


def test_vm(t):
    vm = guest("pve1", "qemu", 7001)
    new = [("pve1", "qemu", 7001)]
    own = [vm + "/config", vm + "/status/current", vm + "/snapshot", vm + "/firewall/options"]
    run(t, "a VM is made",
        [step("POST", "/nodes/pve1/qemu", vmid=7001, name="new", memory="512", scsi0="local-zfs:4",
              net0="virtio,bridge=vmbr0", tags="b;a", ide2="local:iso/debian-12.iso,media=cdrom")],
        known=[LIST, *own], extra=new, unknown=["/nodes/pve1/storage/local-zfs/content"])
    run(t, "it is configured and started",
        [step("PUT", vm + "/config", memory=1024, description="two\nlines", net1="e1000,bridge=vmbr0",
              scsi1="local-zfs:1", delete="tags"),
         step("POST", vm + "/status/start")], known=[LIST, *own[:2]])
    run(t, "it is renamed and stopped",
        [step("PUT", vm + "/config", name="other"), step("POST", vm + "/status/stop")], known=[LIST, *own[:2]])
    run(t, "a disk is taken out", [step("PUT", vm + "/config", delete="scsi1")], known=own[:1])
    run(t, "it is destroyed", [step("DELETE", vm)], known=[LIST, *own])
    run(t, "made, configured and started in one plan",
        [step("POST", "/nodes/pve2/qemu", vmid=7002, memory="512"),
         step("PUT", guest("pve2", "qemu", 7002) + "/config", name="later", cores=2),
         step("POST", guest("pve2", "qemu", 7002) + "/status/start")],
        known=[LIST, guest("pve2", "qemu", 7002) + "/config", guest("pve2", "qemu", 7002) + "/status/current"],
        extra=[("pve2", "qemu", 7002)])
    run(t, "shut down and destroyed in one plan",
        [step("POST", guest("pve2", "qemu", 7002) + "/status/shutdown", forceStop=True),
         step("DELETE", guest("pve2", "qemu", 7002), purge=True)], known=[LIST])


def test_container(t):
    ct = guest("pve1", "lxc", 7003)
    new = [("pve1", "lxc", 7003)]
    w.sim.call("POST", "/pools", poolid="team")
    template = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
    run(t, "a container is made in a pool and started",
        [step("POST", "/nodes/pve1/lxc", vmid=7003, ostemplate=template, storage="local-zfs",
              rootfs="local-zfs:2", hostname="c3", pool="team", net0="name=eth0,bridge=vmbr0,ip=dhcp",
              start=True)],
        known=[LIST, ct + "/config", ct + "/status/current", "/pools?poolid=team"], extra=new)
    run(t, "it gets a mount point and another name, which waits for its next start",
        [step("PUT", ct + "/config", hostname="c4", memory=256, mp0="local-zfs:1,mp=/data", tags="x,a x")],
        known=[ct + "/config"])
    run(t, "it is stopped and destroyed",
        [step("POST", ct + "/status/stop"), step("DELETE", ct)], known=[LIST, ct + "/config", "/pools?poolid=team"])
    bare = guest("pve3", "lxc", 7004)
    run(t, "a container with nothing said",
        [step("POST", "/nodes/pve3/lxc", vmid=7004, ostemplate=template, rootfs="local-zfs:1")],
        known=[LIST, bare + "/config"], extra=[("pve3", "lxc", 7004)])


def test_copies(t):
    full, linked, ct = (guest("pve3", "qemu", 7010), guest("pve3", "qemu", 7011), guest("pve3", "lxc", 7012))
    run(t, "a full copy, configured",
        [step("POST", guest("pve3", "qemu", 213) + "/clone", newid=7010, full=True, name="copy"),
         step("PUT", full + "/config", memory=2048)],
        known=[LIST, full + "/config", full + "/status/current"], extra=[("pve3", "qemu", 7010)])
    run(t, "a linked copy with the name that PVE gives",
        [step("POST", guest("pve3", "qemu", 213) + "/clone", newid=7011)],
        known=[LIST, linked + "/config"], extra=[("pve3", "qemu", 7011)])
    run(t, "a copy of a container",
        [step("POST", guest("pve3", "lxc", 7004) + "/clone", newid=7012, full=True, hostname="twin",
              description="d")], known=[LIST, ct + "/config"], extra=[("pve3", "lxc", 7012)])
    run(t, "a copy of a copy, destroyed",
        [step("POST", full + "/clone", newid=7013, full=True),
         step("DELETE", full)], known=[LIST, full + "/config", guest("pve3", "qemu", 7013) + "/config"],
        extra=[("pve3", "qemu", 7013)])


def test_backup(t):
    vm, ct = guest("pve1", "qemu", 7030), guest("pve3", "lxc", 7031)
    made = run(t, "a guest is made and backed up",
               [step("POST", "/nodes/pve1/qemu", vmid=7030, name="b", memory="256", scsi0="local-zfs:1",
                     net0="virtio,bridge=vmbr0"),
                step("POST", "/nodes/pve1/vzdump", vmid=7030, storage="backup", mode="snapshot")],
               known=[LIST, vm + "/config"], extra=[("pve1", "qemu", 7030)])
    t.ok(made["/nodes/pve1/storage/backup/content"]["is"] == "unwatched", "an archive will be there")
    volid = [v["volid"] for v in get("/nodes/pve1/storage/backup/content") if v.get("vmid") == 7030][0]
    twin = guest("pve1", "qemu", 7032)
    run(t, "it is restored beside, under another number, set up and started",
        [step("POST", "/nodes/pve1/qemu", vmid=7032, archive=volid, storage="nfs-vm", unique=True),
         step("PUT", twin + "/config", memory=300, name="twin"), step("POST", twin + "/status/start")],
        known=[LIST, twin + "/config", twin + "/status/current"], extra=[("pve1", "qemu", 7032)],
        more={f"/nodes/pve1/vzdump/extractconfig?volume={volid}": "whole"})
    w.sim.call("PUT", vm + "/config", memory=999, onboot=1)
    run(t, "it is restored over what it has become", [step("POST", "/nodes/pve1/qemu", vmid=7030, archive=volid,
                                                           force=True)],
        known=[LIST, vm + "/config"], more={f"/nodes/pve1/vzdump/extractconfig?volume={volid}": "whole"})
    w.sim.call("POST", "/nodes/pve3/vzdump", vmid=7004, storage="backup", mode="stop")
    volid = [v["volid"] for v in get("/nodes/pve3/storage/backup/content") if v.get("vmid") == 7004][0]
    run(t, "a container is restored",
        [step("POST", "/nodes/pve3/lxc", vmid=7031, ostemplate=volid, restore=True, storage="nfs-vm")],
        known=[LIST, ct + "/config"], extra=[("pve3", "lxc", 7031)],
        more={f"/nodes/pve3/vzdump/extractconfig?volume={volid}": "whole"})


def test_migrate(t):
    out = run(t, "a move", [step("POST", guest("pve3", "lxc", 7012) + "/migrate", target="pve1")], known=[LIST],
              unknown=[guest("pve3", "lxc", 7012) + "/config"])
    t.ok(out[LIST]["step"] == 1, "and it is known who did it")


def test_storage(t):
    run(t, "a storage is made, changed",
        [step("POST", "/storage", storage="extra", type="dir", path="/srv/extra", content="iso"),
         step("PUT", "/storage/extra", content="iso,backup", disable=True)],
        known=["/storage", "/storage/extra"], more={"/storage/extra": "storage"})
    run(t, "it is changed back and deleted",
        [step("PUT", "/storage/extra", delete="disable"), step("DELETE", "/storage/extra")],
        known=["/storage", "/storage/extra"])


def test_access(t):
    run(t, "a user, its token, its entry",
        [step("POST", "/access/users", userid="n@pve", comment="c"),
         step("POST", "/access/users/n%40pve/token/t", privsep=True),
         step("PUT", "/access/acl", path="/vms/101", roles="PVEVMUser", users="n@pve", propagate=True),
         step("PUT", "/access/acl", path="/", roles="PVEAuditor", tokens="n@pve!t")],
        known=["/access/acl"])
    run(t, "a group and a role",
        [step("POST", "/access/groups", groupid="g"), step("POST", "/access/roles", roleid="R", privs="VM.Audit"),
         step("PUT", "/access/acl", path="/pool/team", roles="R", groups="g", propagate=False)],
        known=["/access/acl"], more={"/access/roles/R": "whole"})
    run(t, "an entry goes", [step("PUT", "/access/acl", path="/vms/101", roles="PVEVMUser", users="n@pve",
                                  delete=True)], known=["/access/acl"])
    run(t, "a user goes with its entries", [step("DELETE", "/access/users/n%40pve")], known=["/access/acl"])
    run(t, "a pool gets members",
        [step("POST", "/pools", poolid="p2"), step("PUT", "/pools", poolid="p2", vms="7011,7013")],
        more={"/pools?poolid=p2": "members"})
    run(t, "a pool is emptied and deleted",
        [step("PUT", "/pools", poolid="p2", vms="7011,7013", delete=True), step("DELETE", "/pools", poolid="p2")])


def test_snapshots(t):
    vm, ct = guest("pve1", "qemu", 7040), guest("pve1", "lxc", 7041)
    run(t, "a guest with a snapshot, configured and started",
        [step("POST", "/nodes/pve1/qemu", vmid=7040, name="s", memory="256", scsi0="local-zfs:1"),
         step("POST", vm + "/snapshot", snapname="one", description="d"),
         step("PUT", vm + "/config", memory=300, tags="x"), step("POST", vm + "/status/start")],
        known=[LIST, vm + "/config", vm + "/status/current"], extra=[("pve1", "qemu", 7040)])
    run(t, "stopped and gone back", [step("POST", vm + "/status/stop"), step("POST", vm + "/snapshot/one/rollback")],
        known=[vm + "/config"], more={vm + "/snapshot/one/config": "config"})
    run(t, "a container with a snapshot that it goes back to, configured again",
        [step("POST", "/nodes/pve1/lxc", vmid=7041, ostemplate="local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst",
              rootfs="local-zfs:1", hostname="s", memory=256),
         step("POST", ct + "/snapshot", snapname="two"), step("PUT", ct + "/config", memory=300, cores=2),
         step("POST", ct + "/snapshot/two/rollback"), step("PUT", ct + "/config", memory=301)],
        known=[ct + "/config"], extra=[("pve1", "lxc", 7041)])
    run(t, "a snapshot goes", [step("DELETE", ct + "/snapshot/two"), step("PUT", ct + "/config", onboot=1)],
        known=[ct + "/config"])
    run(t, "a disk grows", [step("PUT", vm + "/resize", disk="scsi0", size="+1G"),
                            step("PUT", vm + "/config", memory=400)], known=[vm + "/config"],
        unknown=["/nodes/pve1/storage/local-zfs/content"])


def test_unknown(t):
    vm = guest("pve3", "qemu", 7011)
    run(t, "a template is nothing that is computed", [step("POST", guest("pve3", "qemu", 7013) + "/template")],
        unknown=[guest("pve3", "qemu", 7013) + "/config", guest("pve3", "qemu", 7013) + "/snapshot"])
    run(t, "many guests are started at once", [step("POST", "/nodes/pve3/startall", vms="7011")],
        unknown=[guest("pve3", "qemu", 7011) + "/status/current"])


try:
    sys.exit(Tap().run(test_vm, test_container, test_copies, test_backup, test_migrate, test_storage, test_access,
                       test_snapshots, test_unknown))
finally:
    case.stdin.close()
    case.wait(20)
    w.close()
