#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cases of the guest and backup analysers: each is a cluster in which only one thing matters. The
whole list of what is hit is compared, so a thing too much fails as well as a thing too little. TAP."""
from guest_lib import done, ok, Driver

NOW = 1795500000
DAY = 86400
LOCAL = {"storage": "zz", "type": "zfspool", "content": "images,rootdir"}
SHARED = {"storage": "ss", "type": "nfs", "content": "images,rootdir,iso,backup,snippets,vztmpl",
          "shared": 1, "path": "/mnt/pve/ss"}
OTHER = {"storage": "bk", "type": "nfs", "content": "backup", "shared": 1}


def vm(vmid, cfg, node="c1", status="stopped", kind="qemu", **more):
    return {"row": dict({"type": kind, "vmid": vmid, "node": node, "status": status,
                         "name": f"g{vmid}"}, **more), "cfg": cfg}


def ct(vmid, cfg, **more):
    return vm(vmid, cfg, kind="lxc", **more)


def world(*guests, stores=(LOCAL, SHARED, OTHER), **answers):
    w = {"/storage": list(stores), "/cluster/resources?type=vm": [g["row"] for g in guests]}
    for g in guests:
        r = g["row"]
        base = f"/nodes/{r['node']}/{r['type']}/{r['vmid']}"
        w[base + "/config"] = g["cfg"]
        snaps = g.get("snaps", {})
        w[base + "/snapshot"] = [{"name": n, "snaptime": i + 1} for i, n in enumerate(snaps)] + \
            [{"name": "current"}]
        for n, cfg in snaps.items():
            w[f"{base}/snapshot/{n}/config"] = cfg
    w.update(answers.pop("more", {}))
    return w


def with_snaps(g, **snaps):
    return dict(g, snaps=snaps)


def content(store, *rows, node="c1", only="content"):
    return {f"/nodes/{node}/storage/{store}/{only}": list(rows)}


def disk(volid, vmid, **more):
    return dict({"volid": volid, "content": "images", "vmid": vmid, "size": 1}, **more)


def backup(store, vmid, days, kind="qemu", **more):
    import time
    t = time.gmtime(NOW - days * DAY)
    name = time.strftime("%Y_%m_%d-%H_%M_%S", t)
    end = "vma.zst" if kind == "qemu" else "tar.zst"
    return dict({"volid": f"{store}:backup/vzdump-{kind}-{vmid}-{name}.{end}", "content": "backup",
                 "vmid": vmid, "ctime": NOW - days * DAY, "subtype": kind}, **more)


def check(name, case, affects, says=(), risk=None, complete=True):
    have = driver.ask(dict({"now": NOW, "node": "c1"}, **case))
    text = "\n".join(have.get("affects", [str(have)])) + "\n--\n" + "\n".join(have.get("says", []))
    good = have.get("affects") == list(affects)
    for s in [says] if isinstance(says, str) else says:
        good = good and any(s in line for line in have["says"])
    if risk is not None:
        good = good and have["risk"] == risk
    if complete is not None:
        good = good and complete == (not any(s.startswith("unread") for s in have["says"]))
    ok(good, name, f"want {affects} {says} risk {risk}\n{text}\nrisk {have.get('risk')}")


driver = Driver()
BOOT = {"boot": "order=scsi0", "scsi0": "zz:vm-100-disk-0,size=8G"}


# ---- a volume goes -------------------------------------------------------------------------------
def gone(volid, *guests, node="c1", more=None, rows=None, **kw):
    store = volid.split(":")[0]
    w = world(*guests, **kw)
    w.update(content(store, *([disk(volid, 100)] if rows is None else rows), node=node))
    w.update(more or {})
    return {"call": "volume", "volid": volid, "storage": store, "node": node, "world": w}


check("the boot disk, without any backup", gone("zz:vm-100-disk-0", vm(100, BOOT)),
      ["vm/100 wont-boot 3 scsi0 only"], "no backup of it is seen", 3)
check("the boot disk of a running guest with a backup",
      gone("zz:vm-100-disk-0", vm(100, BOOT, status="running"),
           more=content("bk", backup("bk", 100, 3), only="content?content=backup")),
      ["vm/100 wont-boot 3 scsi0 running"], ["runs now", "the newest of 1 backup (on bk) is 3 days"])
check("a data disk", gone("zz:vm-100-disk-1", vm(100, dict(BOOT, scsi1="zz:vm-100-disk-1")),
                          rows=[disk("zz:vm-100-disk-1", 100)]),
      ["vm/100 loses-data 3 scsi1 only"])
check("a detached disk", gone("zz:vm-100-disk-1", vm(100, dict(BOOT, unused0="zz:vm-100-disk-1")),
                              rows=[disk("zz:vm-100-disk-1", 100)]),
      ["vm/100 loses-data 3 unused0 only"], "its detached disk")
check("a disk that another guest uses", gone("zz:vm-100-disk-0", vm(100, BOOT),
                                             vm(101, {"scsi1": "zz:vm-100-disk-0"})),
      ["vm/100 wont-boot 3 scsi0 only", "vm/101 wont-boot 3 scsi1 only"])
check("a snapshot's own disk", gone("zz:vm-100-disk-1", with_snaps(vm(100, BOOT), s1={
    "scsi1": "zz:vm-100-disk-1"}), rows=[disk("zz:vm-100-disk-1", 100)]),
      ["vm/100 loses-undo 3 snapshot s1 scsi1"])
check("a snapshot's memory", gone("zz:vm-100-state-s1", with_snaps(vm(100, BOOT), s1={
    "scsi0": "zz:vm-100-disk-0", "vmstate": "zz:vm-100-state-s1"}),
    rows=[disk("zz:vm-100-state-s1", 100)]), ["vm/100 loses-undo 3 snapshot s1 vmstate"])
check("a template's base with a linked clone",
      gone("ss:213/base-213-disk-0.qcow2",
           vm(213, {"scsi0": "ss:213/base-213-disk-0.qcow2"}, template=1),
           vm(214, {"scsi0": "ss:213/base-213-disk-0.qcow2/214/vm-214-disk-0.qcow2"}),
           rows=[disk("ss:213/base-213-disk-0.qcow2", 213)]),
      ["vm/213 loses-data 3 scsi0 only", "vm/214 wont-boot 3 scsi0 only"],
      "will be refused while a linked clone")
check("a base whose clone no configuration names",
      gone("ss:213/base-213-disk-0.qcow2", rows=[
          disk("ss:213/base-213-disk-0.qcow2", 213),
          disk("ss:214/vm-214-disk-0.qcow2", 214, parent="../213/base-213-disk-0.qcow2")]),
      [], "vm-214-disk-0.qcow2 stands on it", 3)
check("a zfs base whose clone no configuration names",
      gone("zz:base-213-disk-0", rows=[
          disk("zz:base-213-disk-0", 213),
          disk("zz:base-213-disk-0/vm-214-disk-0", 214, parent="base-213-disk-0@__base__")]),
      [], "will be refused", 3)
check("an ISO", gone("ss:iso/x.iso", vm(100, dict(BOOT, ide2="ss:iso/x.iso,media=cdrom")),
                     rows=[{"volid": "ss:iso/x.iso", "content": "iso"}]),
      ["vm/100 degraded 2 ide2"], "cannot start until ide2")
check("a hookscript", gone("ss:snippets/h.pl", vm(100, dict(BOOT, hookscript="ss:snippets/h.pl")),
                           rows=[{"volid": "ss:snippets/h.pl", "content": "snippets"}]),
      ["vm/100 degraded 2 hookscript"])
check("cicustom", gone("ss:snippets/u", vm(100, dict(BOOT, cicustom="user=ss:snippets/u")),
                       rows=[{"volid": "ss:snippets/u", "content": "snippets"}]),
      ["vm/100 degraded 2 cicustom"])
check("a template archive nothing refers to",
      gone("ss:vztmpl/d.tar.zst", rows=[{"volid": "ss:vztmpl/d.tar.zst", "content": "vztmpl"}]), [],
      risk=0)
check("cloud-init", gone("zz:vm-100-cloudinit", vm(100, dict(
    BOOT, ide2="zz:vm-100-cloudinit,media=cdrom")), rows=[disk("zz:vm-100-cloudinit", 100)]),
      ["vm/100 changed 1 ide2"], "made anew", 1)
check("the replica at another node", gone(
    "zz:vm-100-disk-0", vm(100, BOOT), node="c2", more={"/cluster/replication": [
        {"id": "100-0", "guest": 100, "target": "c2"}]}),
      ["vm/100 degraded 3 scsi0"], "the replica at c2")
check("a stale copy at another node", gone("zz:vm-100-disk-0", vm(100, BOOT), node="c2"),
      ["vm/100 none 1 scsi0"], "does not use", 1)
check("a copy that two guests name", gone("zz:vm-100-disk-0", vm(100, BOOT),
                                          vm(101, {"scsi1": "zz:vm-100-disk-0"}), node="c2"),
      ["vm/100 none 1 scsi0", "vm/101 none 1 scsi1"])
check("the guest's own disk while a replica is elsewhere", gone(
    "zz:vm-100-disk-0", vm(100, BOOT), more={"/cluster/replication": [
        {"id": "100-0", "guest": 100, "target": "c2"}]}),
      ["vm/100 wont-boot 3 scsi0"], "a replica is on c2")
check("owned by name, named by nobody", gone(
    "zz:subvol-301-disk-3", ct(301, {"rootfs": "ss:301/r.raw"}),
    rows=[disk("zz:subvol-301-disk-3", 301)]), ["ct/301 loses-data 2 zz:subvol-301-disk-3"])
check("an owner that is not there", gone("zz:vm-999-disk-0", rows=[disk("zz:vm-999-disk-0", 999)]),
      ["zz:vm-999-disk-0 loses-data 2 -"], "guest 999, which is not")
check("not there at all", gone("zz:vm-100-disk-9", vm(100, BOOT), rows=[]), [], "nothing to delete")
check("the content was refused", {"call": "volume", "volid": "zz:vm-100-disk-0", "storage": "zz",
                                  "world": dict(world(vm(100, BOOT)), **{
                                      "/nodes/c1/storage/zz/content": {"!": 403}})},
      ["vm/100 wont-boot 3 scsi0 only"], "unread volumes on zz at node c1", 3, complete=False)
check("another node is down, which does not matter here",
      gone("zz:vm-100-disk-1", vm(100, dict(BOOT, scsi1="zz:vm-100-disk-1")),
           rows=[disk("zz:vm-100-disk-1", 100)],
           more={"/nodes/c2/storage/zz/content": {"!": 595}}),
      ["vm/100 loses-data 3 scsi1 only"])
check("one backup of several", gone("bk:x", vm(100, BOOT), rows=[
    backup("bk", 100, 1), dict(backup("bk", 100, 9), volid="bk:x")]),
      ["vm/100 loses-backup 2 bk:x"], "1 left, the newest 24 hours old", 2)
check("the last backup", gone("bk:x", vm(100, BOOT), rows=[dict(backup("bk", 100, 9), volid="bk:x")]),
      ["vm/100 loses-backup 3 bk:x only"], "its last backup goes", 3)
check("the last backup here, one elsewhere", gone(
    "bk:x", vm(100, BOOT), rows=[dict(backup("bk", 100, 9), volid="bk:x")],
    more=content("ss", backup("ss", 100, 40), only="content?content=backup")),
      ["vm/100 loses-backup 2 bk:x"], "the newest 40 days old on ss", 2)
check("the last backup of a guest that is gone", gone(
    "bk:x", rows=[dict(backup("bk", 777, 9), volid="bk:x")]),
      ["guest/777 loses-backup 3 bk:x only"], "the guest is gone", 3)
check("a protected backup", gone("bk:x", vm(100, BOOT), rows=[
    backup("bk", 100, 1), dict(backup("bk", 100, 9), volid="bk:x", protected=1)]),
      ["vm/100 loses-backup 2 bk:x"], "will be refused: the backup is protected", 3)


# ---- a prune -------------------------------------------------------------------------------------
def prune(rules, rows, *guests, store="bk", **kw):
    w = world(*guests, **kw)
    w.update(content(store, *rows))
    return {"call": "prune", "storage": store, "world": w,
            "form": {"prune-backups": rules} if rules else {}}


TWO = [backup("bk", 100, 1), backup("bk", 100, 9)]
check("keep-last=1 of two", prune("keep-last=1", TWO, vm(100, BOOT)),
      [f"backup/{TWO[1]['volid']} loses-backup 2 prune"],
      ["1 of its 2 backups on bk go; one is left, 24 hours old", "9 days old"], 2)
check("nothing outside the rules", prune("keep-last=2", TWO, vm(100, BOOT)), [], "nothing goes", 0)
check("keep-all", prune("keep-all=1", TWO, vm(100, BOOT)), [], "nothing goes", 0)
check("of a guest that is gone", prune("keep-last=1", TWO),
      [f"backup/{TWO[1]['volid']} loses-backup 3 prune"], "all there is of it", 3)
check("protected stays", prune("keep-last=1", [TWO[0], dict(TWO[1], protected=1)], vm(100, BOOT)),
      [], "nothing goes", 0)
check("renamed stays", prune("keep-last=1", [TWO[0], dict(TWO[1], volid="bk:backup/vzdump-qemu-x.vma")],
                             vm(100, BOOT)), [], "nothing goes", 0)
check("the storage's own rules", prune(None, TWO, vm(100, BOOT),
                                       stores=(LOCAL, SHARED, dict(OTHER, **{"prune-backups": "keep-last=1"}))),
      [f"backup/{TWO[1]['volid']} loses-backup 2 prune"])
check("no rules at all", prune(None, TWO, vm(100, BOOT)), [], "neither the request nor", 3)
check("invalid rules", prune("keep-last=no", TWO, vm(100, BOOT)), [], "not valid", 3)
check("by kind: a container's and a VM's of one vmid", prune(
    "keep-last=1", [TWO[0], backup("bk", 100, 5, kind="lxc")], vm(100, BOOT)), [], "nothing goes", 0)
check("only one guest's", dict(prune("keep-last=1", TWO + [backup("bk", 101, 2), backup("bk", 101, 3)],
                                     vm(100, BOOT), vm(101, {})),
                               form={"prune-backups": "keep-last=1", "vmid": 101}),
      [f"backup/{backup('bk', 101, 3)['volid']} loses-backup 2 prune"])


# ---- a guest is destroyed ------------------------------------------------------------------------
def destroy(*guests, more=None, vmid=100, **form):
    w = world(*guests)
    w.update(more or {})
    return {"call": "destroy", "vmid": vmid, "world": w,
            "form": {k.replace("_", "-"): v for k, v in form.items()}}


CFG = {"boot": "order=scsi0", "scsi0": "zz:vm-100-disk-0,size=8G"}
DEAD = "vm/100 destroyed 3 - only"
GOES = [DEAD, "vm/100 loses-data 3 scsi0"]
HA = {"/cluster/ha/resources": [{"sid": "vm:100", "state": "started"}]}
REPL = {"/cluster/replication": [{"id": "100-0", "guest": 100, "target": "c2"}]}
check("a stopped guest without backup", destroy(vm(100, CFG)), GOES, "no backup of it is seen", 3)
check("with a backup", destroy(vm(100, CFG), more=content(
    "bk", backup("bk", 100, 3), only="content?content=backup")),
      ["vm/100 destroyed 3 -", "vm/100 loses-data 3 scsi0"], "the newest of 1 backup (bk) is 3 days")
check("backups could not be read", destroy(vm(100, CFG), more={
    "/nodes/c1/storage/bk/content?content=backup": {"!": 403}}), GOES,
      "unread backups of the guest", 3, complete=False)
check("protected", destroy(vm(100, dict(CFG, protection=1))), GOES, "will be refused: vm/100 is protected")
check("running", destroy(vm(100, CFG, status="running")),
      [x.replace(" -", " - running").replace("scsi0", "scsi0 running") for x in GOES],
      "will be refused: vm/100 runs")
check("a running container, by force", destroy(ct(100, {"rootfs": "zz:subvol-100-disk-0"},
                                                  status="running"), force=1),
      ["ct/100 destroyed 3 - running only", "ct/100 loses-data 3 rootfs running"])
check("an HA resource without purge", destroy(vm(100, CFG), more=HA), GOES,
      "is an HA resource, and purge is not set")
check("an HA resource with purge", destroy(vm(100, CFG), more=dict(HA, **{"/cluster/ha/rules": [
    {"rule": "keep", "type": "node-affinity", "resources": "vm:100,vm:101", "nodes": "c1"}]}), purge=1),
      GOES + ["ha/vm:100 destroyed 2 purge", "ha-rule/keep changed 2 purge"])
check("replicated without purge", destroy(vm(100, CFG), more=REPL), GOES,
      "replication job 100-0 names vm/100")
check("replicated, the job disabled", destroy(vm(100, CFG), more={"/cluster/replication": [
    {"id": "100-0", "guest": 100, "target": "c2", "disable": 1}]}), GOES, "replication job 100-0")
check("replicated with purge", destroy(vm(100, CFG), more=REPL, purge=1),
      GOES + ["replication/100-0 destroyed 2 purge"], "its replica at c2 may stay behind")
check("a template with a linked clone", destroy(
    vm(100, {"scsi0": "zz:base-100-disk-0"}, template=1),
    vm(101, {"scsi0": "zz:base-100-disk-0/vm-101-disk-0"})),
      ["vm/100 destroyed 3 - only", "vm/100 loses-data 3 scsi0", "vm/101 loses-data 3 scsi0"],
      "will be refused: scsi0 is the base of 1 linked clone")
check("another guest uses its disk", destroy(vm(100, CFG), vm(101, {"scsi1": "zz:vm-100-disk-0"})),
      GOES + ["vm/101 loses-data 3 scsi1"], "the same volume as scsi0 of vm/100")
check("a disk of another guest's name stays", destroy(vm(100, dict(CFG, scsi1="zz:vm-101-disk-0"))),
      GOES + ["vm/100 none 1 scsi1"], "not the guest's own and stays")
check("a bind mount stays", destroy(ct(100, {"rootfs": "zz:subvol-100-disk-0",
                                             "mp0": "/srv/x,mp=/x"})),
      ["ct/100 destroyed 3 - only", "ct/100 loses-data 3 rootfs", "ct/100 none 1 mp0"])
check("a disk that backups leave out", destroy(vm(100, dict(CFG, scsi1="zz:vm-100-disk-1,backup=0")),
                                               more=content("bk", backup("bk", 100, 3),
                                                            only="content?content=backup")),
      ["vm/100 destroyed 3 -", "vm/100 loses-data 3 scsi0", "vm/100 loses-data 3 scsi1"],
      "leaves it out of every backup")
check("a mount point is left out unless it says so", destroy(ct(100, {
    "rootfs": "zz:subvol-100-disk-0", "mp0": "zz:subvol-100-disk-1,mp=/x",
    "mp1": "zz:subvol-100-disk-2,mp=/y,backup=1"})),
      ["ct/100 destroyed 3 - only", "ct/100 loses-data 3 rootfs", "ct/100 loses-data 3 mp0",
       "ct/100 loses-data 3 mp1"], "mp0 (zz:subvol-100-disk-1) is deleted with its data; its conf")
check("a snapshot's own disk", destroy(with_snaps(vm(100, CFG), s1={
    "scsi0": "zz:vm-100-disk-0", "scsi1": "zz:vm-100-disk-9", "vmstate": "zz:vm-100-state-s1"})),
      GOES + ["vm/100 loses-data 3 snapshot s1 scsi1", "vm/100 loses-data 3 snapshot s1 vmstate"],
      "1 snapshot with it")
check("a storage that its node cannot reach", destroy(vm(100, {"scsi0": "xx:vm-100-disk-0"})),
      [DEAD, "vm/100 none 1 scsi0"], "stays behind as an orphan")
JOBS = {"/cluster/backup": [{"id": "a", "vmid": "100", "schedule": "sun"},
                            {"id": "b", "vmid": "99,100", "schedule": "mon"},
                            {"id": "c", "all": 1, "exclude": "100,7"},
                            {"id": "d", "all": 1}]}
check("backup jobs with purge", destroy(vm(100, CFG), more=JOBS, purge=1),
      GOES + ["job/a destroyed 2 purge", "job/b changed 1 purge", "job/c changed 1 purge"])
check("backup jobs without purge", destroy(vm(100, CFG), more=JOBS),
      GOES + ["job/a none 1 sun", "job/b none 1 mon", "job/c none 1 -"], "inherits the entry")
check("its pool", destroy(vm(100, CFG), more={"/pools": [{"poolid": "prod"}], "/pools?poolid=prod": [
    {"poolid": "prod", "members": [{"type": "qemu", "vmid": 100}]}]}),
      GOES + ["pool/prod changed 1 -"])
check("grants on its path", destroy(vm(100, CFG), more={"/access/acl": [
    {"path": "/vms/100", "type": "user", "ugid": "bob@pve", "roleid": "PVEVMUser"},
    {"path": "/vms/1000", "type": "user", "ugid": "eve@pve", "roleid": "PVEVMUser"}]}),
      GOES + ["user/bob@pve loses-access 2 /vms/100"])
check("the access list refused", destroy(vm(100, CFG), more={"/access/acl": {"!": 403}}), GOES,
      "unread access lists", 3, complete=False)
OWNED = {"/nodes/c1/storage/zz/content?vmid=100": [disk("zz:vm-100-disk-0", 100),
                                                   disk("zz:vm-100-disk-7", 100),
                                                   disk("zz:vm-101-disk-0", 101)]}
check("unreferenced disks stay", destroy(vm(100, CFG), more=OWNED),
      GOES + ["vm/100 none 1 zz:vm-100-disk-7"])
check("unreferenced disks go", destroy(vm(100, CFG), more=OWNED, destroy_unreferenced_disks=1),
      GOES + ["vm/100 loses-data 3 zz:vm-100-disk-7"])
check("it serves a storage", destroy(vm(100, dict(CFG, ipconfig0="ip=10.0.0.5/24")),
                                     vm(101, {"scsi0": "nas:101/d.raw"}), more={"/storage": [
                                         LOCAL, {"storage": "nas", "type": "nfs", "content": "images",
                                                 "server": "10.0.0.5"}]}),
      GOES + ["vm/101 unreachable 3 scsi0"], "storage nas is served by vm/100")
check("no such guest", destroy(vm(101, {})), [], "unread the guest", 3, complete=False)


# ---- a guest moves -------------------------------------------------------------------------------
GIB = 1 << 30
FLAGS = "fpu sse sse2 pni ssse3 cx16 sse4_1 sse4_2 popcnt aes lahf_lm avx"


def node_state(node, flags=FLAGS, cpus=8, avail=16 * GIB, total=32 * GIB, bridges=("vmbr0",),
               room=100 * GIB):
    return {f"/nodes/{node}/status": {"cpuinfo": {"flags": flags, "cpus": cpus},
                                      "memory": {"total": total, "available": avail}},
            f"/nodes/{node}/network": [{"iface": b, "type": "bridge"} for b in bridges],
            f"/nodes/{node}/storage": [{"storage": s, "avail": room, "total": 2 * room, "active": 1}
                                       for s in ("zz", "ss", "bk", "aa", "thin")]}


def migrate(guest, *others, target="c2", more=None, there=None, stores=(LOCAL, SHARED, OTHER), call=None,
            **form):
    w = world(guest, *others, stores=stores)
    for n in ("c1", "c2", "c3"):
        w.update(node_state(n))
    w.update(node_state(target, **(there or {})))
    w.update(more or {})
    return dict({"call": "migrate", "vmid": 100, "target": target, "world": w, "nodes": f"c1,{target}",
                 "form": {k.replace("_", "-"): v for k, v in form.items()}}, **(call or {}))


ON = {"boot": "order=scsi0", "scsi0": "ss:100/vm-100-disk-0.qcow2,size=8G", "memory": "2048"}
GO = "vm/100 changed 1 node"
LIVE = ["vm/100 interrupted 1 online running", "vm/100 changed 1 node running"]
HERE = {"scsi0": "zz:vm-100-disk-0,size=8G", "memory": "2048"}
check("stopped, on shared storage", migrate(vm(100, ON)), [GO], risk=1)
check("running, not online", migrate(vm(100, ON, status="running")),
      ["vm/100 stranded 3 online running"], "will not move: 1 thing in the way", 3)
check("running, online", migrate(vm(100, ON, status="running"), online=1), LIVE, risk=1)
check("a running container", migrate(ct(100, {"rootfs": "ss:100/vm-100-disk-0.raw"},
                                        status="running"), online=1),
      ["ct/100 stranded 3 restart running"], "containers cannot move live")
check("a running container, with restart", migrate(ct(100, {"rootfs": "ss:100/vm-100-disk-0.raw"},
                                                      status="running"), restart=1),
      ["ct/100 interrupted 2 restart running", "ct/100 changed 1 node running"])
check("there already", migrate(vm(100, ON), target="c1"), ["vm/100 none 0 -"], risk=0)
check("no such node", migrate(vm(100, ON), target="c9"), ["vm/100 stranded 3 target"])
check("an offline node", migrate(vm(100, ON), more={"/cluster/resources?type=node": [
    {"node": "c1", "status": "online"}, {"node": "c2", "status": "offline"}]}),
      ["vm/100 stranded 3 target"])
check("a local disk is copied", migrate(vm(100, HERE)), ["vm/100 changed 1 scsi0", GO],
      "is copied from c1 to zz at c2")
check("a local disk of a running guest", migrate(vm(100, HERE, status="running"), online=1),
      ["vm/100 interrupted 1 online running", "vm/100 stranded 3 scsi0 running",
       "vm/100 changed 1 scsi0 running"], "with-local-disks")
check("with-local-disks", migrate(vm(100, HERE, status="running"), online=1, with_local_disks=1),
      ["vm/100 interrupted 1 online running", "vm/100 changed 1 scsi0 running",
       "vm/100 changed 1 node running"])
check("no room", migrate(vm(100, HERE), there={"room": 4 * GIB}),
      ["vm/100 changed 1 scsi0", "vm/100 stranded 3 scsi0"], "8192 MiB go to zz at c2, 4096 MiB")
check("hardly room", migrate(vm(100, HERE), there={"room": 8 * GIB + 1000}),
      ["vm/100 changed 1 scsi0", GO], "nearly full", 2)
check("room unknown", migrate(vm(100, HERE), more={"/nodes/c2/storage": {"!": 500}}),
      ["vm/100 changed 1 scsi0", GO], "unread", 3, complete=False)
check("the storage is not there", migrate(vm(100, HERE), stores=(dict(LOCAL, nodes="c1"),)),
      ["vm/100 stranded 3 scsi0"], "its storage zz is not available at c2")
check("shared, but not there", migrate(vm(100, ON), stores=(dict(SHARED, nodes="c1"),)),
      ["vm/100 stranded 3 scsi0"])
AA = {"storage": "aa", "type": "zfspool", "content": "images", "nodes": "c2"}
THIN = {"storage": "thin", "type": "lvmthin", "content": "images"}
check("mapped to another storage", migrate(vm(100, HERE), stores=(dict(LOCAL, nodes="c1"), AA),
                                           targetstorage="aa"),
      ["vm/100 changed 1 scsi0", GO], "to aa at c2")
check("mapped one by one", migrate(vm(100, HERE), stores=(dict(LOCAL, nodes="c1"), AA),
                                   targetstorage="zz:aa"), ["vm/100 changed 1 scsi0", GO])
check("mapped to a type that takes no such stream", migrate(vm(100, HERE), stores=(LOCAL, THIN),
                                                            targetstorage="thin"),
      ["vm/100 stranded 3 scsi0"], "cannot be copied from zfspool to lvmthin")
check("the same while running goes by mirror", migrate(vm(100, HERE, status="running"), online=1,
                                                       stores=(LOCAL, THIN), targetstorage="thin",
                                                       with_local_disks=1),
      ["vm/100 interrupted 1 online running", "vm/100 changed 1 scsi0 running",
       "vm/100 changed 1 node running"])
check("a target that takes no images", migrate(vm(100, HERE), stores=(dict(LOCAL, content="rootdir"),)),
      ["vm/100 stranded 3 scsi0"], "does not take images")
check("a linked clone on local storage", migrate(vm(100, {"scsi0": "zz:base-900-disk-0/vm-100-disk-0"})),
      ["vm/100 stranded 3 scsi0"], "linked clone of 900")
check("a template with local clones", migrate(
    vm(100, {"scsi0": "zz:base-100-disk-0"}, template=1),
    vm(101, {"scsi0": "zz:base-100-disk-0/vm-101-disk-0"})), ["vm/100 stranded 3 scsi0"],
      "base of linked clones")
check("somebody else's disk", migrate(vm(100, {"scsi0": "zz:vm-101-disk-0"})),
      ["vm/100 stranded 3 scsi0"], "belongs by its name to guest 101")
check("snapshots on zfs", migrate(with_snaps(vm(100, HERE), s1=HERE)), ["vm/100 changed 1 scsi0", GO])
check("snapshots on zfs while running", migrate(with_snaps(vm(100, HERE, status="running"), s1=HERE),
                                                online=1, with_local_disks=1),
      ["vm/100 interrupted 1 online running", "vm/100 stranded 3 scsi0 running"],
      "cannot be copied while running")
check("snapshots on thin lvm", migrate(with_snaps(vm(100, {"scsi0": "thin:vm-100-disk-0,size=1G"}), s1={
    "scsi0": "thin:vm-100-disk-0"}), stores=(THIN,)), ["vm/100 stranded 3 scsi0"],
      "snapshots that lvmthin storage cannot send")
check("a snapshot's own disk", migrate(with_snaps(vm(100, ON), s1={"scsi1": "zz:vm-100-disk-1,size=1G"})),
      ["vm/100 changed 1 snapshot s1 scsi1", GO])
check("an ISO on local storage", migrate(vm(100, dict(ON, ide2="here:iso/x.iso,media=cdrom")), stores=(
    SHARED, {"storage": "here", "type": "dir", "content": "iso,images"})),
      ["vm/100 stranded 3 ide2"], "take it out first")
check("the host's CD drive", migrate(vm(100, dict(ON, ide2="cdrom,media=cdrom"))),
      ["vm/100 stranded 3 ide2"], "the CD drive of c1")
check("a cloud-init drive is local", migrate(vm(100, dict(ON, ide2="zz:vm-100-cloudinit,media=cdrom"))),
      ["vm/100 changed 1 ide2", GO])
check("a raw device", migrate(vm(100, dict(ON, scsi1="/dev/sdb"))), ["vm/100 stranded 3 scsi1"],
      "is the path /dev/sdb of c1")
check("a raw device said to be shared", migrate(vm(100, dict(ON, scsi1="/dev/sdb,shared=1"))), [GO])
check("a bind mount", migrate(ct(100, {"rootfs": "ss:100/vm-100-disk-0.raw", "mp2": "/srv,mp=/srv"})),
      ["ct/100 stranded 3 mp2"])
check("passthrough", migrate(vm(100, dict(ON, hostpci0="0000:01:00.0", usb0="host=1234:5678"))),
      ["vm/100 stranded 3 hostpci0", "vm/100 stranded 3 usb0"])
check("spice and a socket are no devices", migrate(vm(100, dict(ON, usb0="spice", usb1="host=spice",
                                                                serial0="socket"))), [GO])
PCI = {"/cluster/mapping/pci": [{"id": "gpu", "map": ["id=1:2,node=c1,path=1", "id=1:2,node=c2,path=1"]},
                                {"id": "one", "map": ["id=1:2,node=c1,path=1"]}]}
check("a mapped device", migrate(vm(100, dict(ON, hostpci0="mapping=gpu")), more=PCI), [GO])
check("a mapped device of a running guest", migrate(vm(100, dict(ON, hostpci0="mapping=gpu"),
                                                       status="running"), more=PCI, online=1),
      ["vm/100 interrupted 1 online running", "vm/100 stranded 3 hostpci0 running"])
check("a mapping without the target", migrate(vm(100, dict(ON, hostpci0="mapping=one")), more=PCI),
      ["vm/100 stranded 3 hostpci0"], "no device at c2")
check("mappings refused", migrate(vm(100, dict(ON, hostpci0="mapping=one")),
                                  more={"/cluster/mapping/pci": {"!": 403}}), [GO],
      "unread mapped devices", 3, complete=False)
check("a container's device", migrate(ct(100, {"rootfs": "ss:100/vm-100-disk-0.raw", "dev0": "/dev/kvm"})),
      ["ct/100 wont-boot 3 dev0", "ct/100 changed 1 node"])
check("a bridge that is not there", migrate(vm(100, dict(ON, net0="virtio=AA,bridge=vmbr7"))),
      ["vm/100 wont-boot 3 net0", GO], "no bridge vmbr7 at c2")
check("the same while running", migrate(vm(100, dict(ON, net0="virtio=AA,bridge=vmbr7"),
                                           status="running"), online=1),
      ["vm/100 interrupted 1 online running", "vm/100 stranded 3 net0 running"])
VNET = {"/cluster/sdn/vnets": [{"vnet": "vn1", "zone": "z"}, {"vnet": "vn2", "zone": "y"}],
        "/cluster/sdn/zones": [{"zone": "z"}, {"zone": "y", "nodes": "c1"}]}
check("a virtual network", migrate(vm(100, dict(ON, net0="virtio=AA,bridge=vn1")), more=VNET), [GO])
check("one whose zone leaves the target out", migrate(vm(100, dict(ON, net0="virtio=AA,bridge=vn2")),
                                                      more=VNET), ["vm/100 wont-boot 3 net0", GO])
check("CPU level", migrate(vm(100, dict(ON, cpu="x86-64-v3"))), ["vm/100 wont-boot 3 cpu", GO],
      "lacks avx2, which CPU type x86-64-v3")
check("CPU level that is there", migrate(vm(100, dict(ON, cpu="x86-64-v2-AES"))), [GO])
check("CPU flag", migrate(vm(100, dict(ON, cpu="kvm64,flags=+pcid;-aes"))),
      ["vm/100 wont-boot 3 cpu", GO], "c2 lacks pcid")
check("CPU host to a lesser one, running", migrate(vm(100, dict(ON, cpu="host"), status="running"),
                                                   there={"flags": "fpu sse sse2"}, online=1),
      ["vm/100 interrupted 1 online running", "vm/100 degraded 3 cpu running",
       "vm/100 changed 1 node running"], "may crash there")
check("CPU host, stopped", migrate(vm(100, dict(ON, cpu="host")), there={"flags": "fpu"}), [GO])
check("a named CPU of unknown needs", migrate(vm(100, dict(ON, cpu="cputype=EPYC")), there={"flags": "fpu"}),
      ["vm/100 degraded 2 cpu", GO], "cannot be told")
check("too many cores", migrate(vm(100, dict(ON, cores=4, sockets=4))), ["vm/100 wont-boot 3 cores", GO],
      "c2 has 8 processors, the guest wants 16")
check("too much memory for the node", migrate(vm(100, dict(ON, memory="65536"))),
      ["vm/100 wont-boot 3 memory", GO])
check("too much memory now", migrate(vm(100, dict(ON, memory="current=20480"), status="running"), online=1),
      ["vm/100 interrupted 1 online running", "vm/100 degraded 3 memory running",
       "vm/100 changed 1 node running"], "20480 MiB go to c2, where 16384")
check("the target's state refused", migrate(vm(100, ON), more={"/nodes/c2/status": {"!": 403}}), [GO],
      "unread state of 1 (node c2)", 3, complete=False)
MANAGED = {"/cluster/ha/resources": [{"sid": "vm:100", "state": "started"},
                                     {"sid": "vm:101", "state": "started"}]}


def rules(*list_):
    return dict(MANAGED, **{"/cluster/ha/rules": list(list_)})


check("HA", migrate(vm(100, ON), more={"/cluster/ha/resources": [{"sid": "vm:100", "state": "started"}]}),
      ["vm/100 changed 2 HA", GO], "filed as a wish", 2)
check("a strict rule", migrate(vm(100, ON), vm(101, {}), more=rules(
    {"rule": "k", "type": "node-affinity", "resources": "vm:100", "nodes": "c1:2,c3", "strict": 1})),
      ["vm/100 changed 2 HA", "vm/100 stranded 3 HA"], "keeps it away from c2")
check("a preference", migrate(vm(100, ON), vm(101, {}), more=rules(
    {"rule": "k", "type": "node-affinity", "resources": "vm:100", "nodes": "c1"})),
      ["vm/100 changed 2 HA", "vm/100 changed 2 HA", GO], "the manager moves it back")
check("a lower place in it", migrate(vm(100, ON), vm(101, {}), more=rules(
    {"rule": "k", "type": "node-affinity", "resources": "vm:100", "nodes": "c1:2,c2:1", "strict": 1})),
      ["vm/100 changed 2 HA", "vm/100 changed 2 HA", GO], "the manager moves it back")
check("a higher one", migrate(vm(100, ON), vm(101, {}), more=rules(
    {"rule": "k", "type": "node-affinity", "resources": "vm:100", "nodes": "c1,c2:1"})),
      ["vm/100 changed 2 HA", GO])
check("a preference, and no failback", migrate(vm(100, ON), more={
    "/cluster/ha/resources": [{"sid": "vm:100", "state": "started", "failback": 0}],
    "/cluster/ha/rules": [{"rule": "k", "type": "node-affinity", "resources": "vm:100", "nodes": "c1"}]}),
      ["vm/100 changed 2 HA", GO])
check("kept apart", migrate(vm(100, ON), vm(101, {}, node="c2"), more=rules(
    {"rule": "k", "type": "resource-affinity", "affinity": "negative", "resources": "vm:100,vm:101"})),
      ["vm/100 changed 2 HA", "vm/100 stranded 3 HA"], "keeps it away from vm/101")
check("kept together", migrate(vm(100, ON), vm(101, {}), more=rules(
    {"rule": "k", "type": "resource-affinity", "affinity": "positive", "resources": "vm:100,vm:101"})),
      ["vm/100 changed 2 HA", "vm/101 changed 2 HA", GO], "it is moved to c2, too")
check("a disabled rule", migrate(vm(100, ON), vm(101, {}), more=rules(
    {"rule": "k", "type": "node-affinity", "resources": "vm:100", "nodes": "c1", "strict": 1, "disable": 1})),
      ["vm/100 changed 2 HA", GO])
check("to its replica", migrate(vm(100, HERE), more=REPL),
      ["vm/100 changed 1 scsi0", "vm/100 changed 1 replication", GO], "only the difference is sent")
check("away from its replica", migrate(vm(100, HERE), target="c3", more=REPL),
      ["vm/100 changed 1 scsi0", "vm/100 degraded 2 replication", GO], "has to start anew")
check("away from its replica, running", migrate(vm(100, HERE, status="running"), target="c3", more=REPL,
                                                online=1, with_local_disks=1),
      ["vm/100 interrupted 1 online running", "vm/100 changed 1 scsi0 running",
       "vm/100 stranded 3 replication running"], "unless forced")
check("an evacuation", migrate(vm(100, dict(ON, memory="10240"), status="running"),
                               vm(101, {"memory": "10240"}, status="running"), vm(102, {}),
                               vm(103, {}, node="c3"), online=1,
                               call={"call": "evacuate", "moves": {"100": "c2", "101": "c2"}}),
      LIVE[:1] + ["vm/100 changed 1 node running", "vm/101 interrupted 1 online running",
                  "vm/101 degraded 3 memory running", "vm/101 changed 1 node running",
                  "vm/102 stranded 2 node"], ["20480 MiB go to c2", "1 guest is left on c1"], 3)


# ---- a disk moves or grows -----------------------------------------------------------------------
def disk_call(call, guest, *others, more=None, stores=(LOCAL, SHARED, OTHER, AA, THIN), room=100 * GIB,
              nodes="c1", **form):
    w = world(guest, *others, stores=stores)
    for n in ("c1", "c2"):
        w.update(node_state(n, room=room))
    w["/nodes/c1/disks/lvmthin"] = [{"vg": "pve", "lv": "data", "metadata_size": 1000,
                                     "metadata_used": 100, "lv_size": 1, "used": 1}]
    w.update(more or {})
    return {"call": call, "vmid": 100, "world": w, "nodes": nodes,
            "form": {k.replace("_", "-"): v for k, v in form.items()}}


def move(guest, *others, **kw):
    return disk_call("move", guest, *others, **kw)


POOL = dict(THIN, vgname="pve", thinpool="data", content="images,rootdir")
check("to shared storage", move(vm(100, HERE), disk="scsi0", storage="ss"), ["vm/100 changed 1 scsi0"],
      "the old volume stays as an unused disk", 1)
check("and the old one is deleted", move(vm(100, HERE), disk="scsi0", storage="ss", delete=1),
      ["vm/100 changed 1 scsi0"], "is deleted when the copy is done")
check("no such disk", move(vm(100, HERE), disk="scsi7", storage="ss"), [], "has no disk scsi7", 3)
check("an ISO drive", move(vm(100, dict(HERE, ide2="ss:iso/x.iso,media=cdrom")), disk="ide2",
                           storage="ss"), [], "has no disk ide2", 3)
check("the same place", move(vm(100, HERE), disk="scsi0", storage="zz"), [], "in the same format", 3)
check("the same place in another format", move(vm(100, ON), disk="scsi0", storage="ss", format="raw"),
      ["vm/100 changed 1 scsi0"], risk=1)
check("a storage that takes no images", move(vm(100, HERE), disk="scsi0", storage="bk"),
      ["vm/100 changed 1 scsi0"], "does not take images", 3)
check("a storage that is elsewhere", move(vm(100, HERE), disk="scsi0", storage="aa"), [],
      "aa is not available at c1", 3)
check("with snapshots", move(with_snaps(vm(100, HERE), s1=HERE), disk="scsi0", storage="ss"),
      ["vm/100 loses-undo 2 snapshot s1 scsi0", "vm/100 changed 1 scsi0"], "stays behind")
check("with snapshots, deleting the source", move(with_snaps(vm(100, HERE), s1=HERE), disk="scsi0",
                                                  storage="ss", delete=1),
      ["vm/100 loses-undo 2 snapshot s1 scsi0", "vm/100 changed 1 scsi0"], "will be refused: a disk with",
      3)
check("it does not fit on thick storage", move(vm(100, ON), disk="scsi0", storage="zz", room=GIB),
      ["vm/100 stranded 2 scsi0", "vm/100 changed 1 scsi0"], "will be refused: 8192 MiB do not fit", 3)
check("it does not fit on storage that promises more", move(vm(100, HERE), vm(101, {"scsi0": "ss:101/d.raw"}),
                                                            disk="scsi0", storage="ss", room=GIB),
      ["vm/100 changed 1 scsi0"], "1 guests there stand still", 3)
check("hardly fits", move(vm(100, HERE), disk="scsi0", storage="ss", room=8 * GIB + 1),
      ["vm/100 changed 1 scsi0"], "nearly full", 2)
check("size unknown", move(vm(100, {"scsi0": "zz:vm-100-disk-0"}), disk="scsi0", storage="ss"),
      ["vm/100 changed 1 scsi0"], "unread the size of the disk", 3, complete=False)
check("a thin pool's metadata", move(vm(100, HERE), disk="scsi0", storage="thin", stores=(LOCAL, POOL),
                                     more={"/nodes/c1/disks/lvmthin": [{
                                         "vg": "pve", "lv": "data", "metadata_size": 1000,
                                         "metadata_used": 900}]}),
      ["vm/100 changed 1 scsi0"], "90 % of its metadata", 3)
check("a thin pool with room", move(vm(100, HERE), disk="scsi0", storage="thin", stores=(LOCAL, POOL)),
      ["vm/100 changed 1 scsi0"], risk=1)
check("a thin pool that cannot be looked into", move(vm(100, HERE), disk="scsi0", storage="thin",
                                                     stores=(LOCAL, POOL), more={
                                                         "/nodes/c1/disks/lvmthin": {"!": 403}}),
      ["vm/100 changed 1 scsi0"], "unread metadata of the thin pool", 3, complete=False)
check("a linked clone", move(vm(100, {"scsi0": "zz:base-900-disk-0/vm-100-disk-0,size=1G"}), disk="scsi0",
                             storage="ss"), ["vm/100 changed 1 scsi0", "vm/100 changed 1 scsi0"],
      "becomes a full copy")
check("from shared to local", move(vm(100, ON), disk="scsi0", storage="zz"),
      ["vm/100 stranded 2 scsi0", "vm/100 changed 1 scsi0"], "tied to c1", 2)
check("from shared to local under HA", move(vm(100, ON), disk="scsi0", storage="zz", more=HA),
      ["vm/100 stranded 3 scsi0", "vm/100 changed 1 scsi0"], "HA cannot start it anywhere else", 3)
check("to shared storage on fewer nodes", move(vm(100, ON), disk="scsi0", storage="few", stores=(
    SHARED, {"storage": "few", "type": "nfs", "content": "images", "nodes": "c1,c2"}), more={
        "/nodes/c1/storage": [{"storage": "few", "avail": 100 * GIB}]}),
      ["vm/100 stranded 2 scsi0", "vm/100 changed 1 scsi0"], "few is not available at c3")
check("replicated, to storage that cannot be", move(vm(100, HERE), disk="scsi0", storage="thin", more=REPL,
                                                    stores=(LOCAL, POOL)),
      ["vm/100 degraded 3 replication", "vm/100 changed 1 scsi0"], "cannot be replicated")
check("a running container", move(ct(100, {"rootfs": "zz:subvol-100-disk-0,size=1G"}, status="running"),
                                  volume="rootfs", storage="ss"),
      ["ct/100 changed 1 rootfs running"], "running container cannot be moved", 3)
check("TPM state while running", move(vm(100, dict(ON, tpmstate0="zz:vm-100-disk-1,size=4M"), status="running"),
                                      disk="tpmstate0", storage="ss"),
      ["vm/100 changed 1 tpmstate0 running"], "TPM state of a running VM", 3)
check("to another guest", move(vm(100, dict(HERE, scsi1="zz:vm-100-disk-1,size=1G", boot="order=scsi0")),
                               vm(101, {}), disk="scsi1", target_vmid=101, target_disk="scsi3"),
      ["vm/101 changed 2 scsi3", "vm/100 degraded 3 scsi1"], "it loses the disk to guest 101")
check("to a guest that has such a disk", move(vm(100, dict(HERE, scsi1="zz:vm-100-disk-1,size=1G",
                                                           boot="order=scsi0")), vm(101, {"scsi1": "ss:x"}),
                                              disk="scsi1", target_vmid=101),
      ["vm/101 changed 2 scsi1", "vm/100 degraded 3 scsi1"], "will be refused: vm/101 has a scsi1", 3)
check("to a guest elsewhere", move(vm(100, HERE), vm(101, {}, node="c2"), disk="scsi0", target_vmid=101),
      ["vm/101 changed 2 scsi0", "vm/100 wont-boot 3 scsi0"], "is at c2, not at c1")
check("a disk that a snapshot names, to another guest", move(
    with_snaps(vm(100, HERE), s1=HERE), vm(101, {}), disk="scsi0", target_vmid=101),
      ["vm/100 loses-undo 2 snapshot s1 scsi0", "vm/101 changed 2 scsi0", "vm/100 wont-boot 3 scsi0"],
      "a disk that a snapshot names")


def resize(guest, size, *others, disk="scsi0", **kw):
    return disk_call("resize", guest, *others, disk=disk, size=size, **kw)


check("grows by", resize(vm(100, HERE), "+2G"), ["vm/100 changed 2 scsi0"], "from 8192 to 10240 MiB", 2)
check("grows to", resize(vm(100, HERE), "8.5G"), ["vm/100 changed 2 scsi0"], "to 8704 MiB")
check("a container's file system grows with it", resize(
    ct(100, {"rootfs": "zz:subvol-100-disk-0,size=1G"}), "+1G", disk="rootfs"),
      ["ct/100 changed 2 rootfs"], "grows with it")
check("shrinks", resize(vm(100, HERE), "4G"), [], "disks cannot shrink", 3)
check("has that size", resize(vm(100, HERE), "8192M"), ["vm/100 none 0 scsi0"], risk=0)
check("no size", resize(vm(100, HERE), "big"), [], "is no size", 3)
check("no size, either", resize(vm(100, HERE), "1GB"), [], "is no size", 3)
check("firmware", resize(vm(100, dict(HERE, efidisk0="zz:vm-100-disk-1,size=4M")), "+1G", disk="efidisk0"),
      [], "has a fixed size", 3)
check("grows past the storage", resize(vm(100, HERE), "+200G"), ["vm/100 changed 2 scsi0"],
      "will be refused: 204800 MiB do not fit on zz", 3)
check("grows with snapshots", resize(with_snaps(vm(100, HERE), s1=HERE), "+1G"),
      ["vm/100 changed 2 scsi0", "vm/100 none 1 snapshot s1 scsi0"], "takes the growth back")
check("grows past its replica's node", resize(vm(100, HERE), "+50G", nodes="c1,c2", more=dict(
    REPL, **{"/nodes/c2/storage": [{"storage": "zz", "avail": GIB}]})),
      ["vm/100 changed 2 scsi0", "vm/100 degraded 3 replication"], "its replica at c2 does not fit")


# ---- backup jobs ---------------------------------------------------------------------------------
def job(*guests, jobs=(), more=None, **call):
    w = world(*guests)
    w["/cluster/backup"] = list(jobs)
    w.update(more or {})
    return dict({"call": "job", "world": w}, **call)


ALL = {"id": "all", "all": 1, "storage": "bk", "schedule": "sun", "enabled": 1}
ONE = {"id": "one", "vmid": "100", "storage": "bk", "schedule": "mon", "enabled": 1}
A, B = vm(100, {}), vm(101, {})
check("the only job goes", job(A, B, jobs=[ALL], id="all", gone=True),
      ["vm/100 loses-backup 3 job all", "vm/101 loses-backup 3 job all"], "falls out of every", 3)
check("one of two jobs goes", job(A, B, jobs=[ALL, ONE], id="all", gone=True),
      ["vm/100 changed 1 job all", "vm/101 loses-backup 3 job all"], "job one still has it")
check("the other job is disabled", job(A, jobs=[ALL, dict(ONE, enabled=0)], id="all", gone=True),
      ["vm/100 loses-backup 3 job all"])
check("disabled", job(A, jobs=[ALL], id="all", set={"enabled": 0}), ["vm/100 loses-backup 3 job all"])
check("a guest is excluded", job(A, B, jobs=[ALL], id="all", set={"exclude": "101"}),
      ["vm/101 loses-backup 3 job all"])
check("a guest leaves the list", job(A, B, jobs=[dict(ONE, vmid="100,101")], id="one", set={"vmid": "100"}),
      ["vm/101 loses-backup 3 job one"])
check("tied to another node", job(A, jobs=[ALL], id="all", set={"node": "c2"}),
      ["vm/100 loses-backup 3 job all"])
PROD = {"/pools": [{"poolid": "prod"}], "/pools?poolid=prod": [
    {"poolid": "prod", "members": [{"type": "qemu", "vmid": 100}]}]}
check("a pool's job goes", job(A, B, jobs=[{"id": "p", "pool": "prod", "storage": "bk"}], id="p", gone=True,
                               more=PROD), ["vm/100 loses-backup 3 job p"])
check("a pool that was refused", job(A, id=None, set={"pool": "prod", "storage": "bk"}, more=dict(
    PROD, **{"/pools?poolid=prod": {"!": 403}})), [], "unread members of", 3, complete=False)
check("a new job", job(A, set={"vmid": "100", "storage": "bk"}), ["vm/100 changed 1 job (new)"], risk=1)
check("a new job to no storage", job(A, set={"vmid": "100", "storage": "xx"}),
      ["vm/100 changed 1 job (new)", "vm/100 loses-backup 3 job (new)"], "there is no storage xx", 3)
check("a new job to storage without backups", job(A, set={"vmid": "100", "storage": "zz"}),
      ["vm/100 changed 1 job (new)", "vm/100 loses-backup 3 job (new)"], "zz does not take backups")
check("mode stop", job(vm(100, {}, status="running"), B, jobs=[ALL], id="all", set={"mode": "stop"}),
      ["vm/100 interrupted 2 job all running"], "it is shut down for each backup")
OLD = [backup("bk", 100, d) for d in (1, 2, 3)]
ARCH = content("bk", *OLD, only="content?content=backup")
check("rules that take archives", job(A, jobs=[ONE], id="one", set={"prune-backups": "keep-last=2"}, more=ARCH),
      [f"backup/{x['volid']} loses-backup 2 job one" for x in OLD[1:]], "2 of its 4 backups on bk go")
check("rules that took as many before", job(A, jobs=[dict(ONE, **{"prune-backups": {"keep-last": "2"}})],
                                            id="one", set={"prune-backups": "keep-last=1"}, more=ARCH),
      [f"backup/{OLD[0]['volid']} loses-backup 2 job one"])
check("remove=0", job(A, jobs=[ONE], id="one", set={"prune-backups": "keep-last=1", "remove": 0}, more=ARCH), [])
check("invalid rules", job(A, jobs=[ONE], id="one", set={"prune-backups": "keep-x=1"}), [], "not valid", 3)
check("archives refused", job(A, jobs=[ONE], id="one", set={"prune-backups": "keep-last=1"}, more={
    "/nodes/c1/storage/bk/content?content=backup": {"!": 403}}), [], "unread archives", 3, complete=False)
check("no such job", job(A, id="x", gone=True), [], "unread the backup job", 3, complete=False)
check("one backup now", job(A, B, call="backup", form={"vmid": "100", "storage": "bk"}, more=ARCH), [], risk=0)
check("one backup now, pruning", job(A, B, call="backup", form={
    "vmid": "100", "storage": "bk", "prune-backups": "keep-last=3"}, more=ARCH),
      [f"backup/{OLD[2]['volid']} loses-backup 2 this backup"])
check("one backup now by the storage's rules", dict(job(A, call="backup", form={
    "vmid": "100", "storage": "bk"}, more=dict(ARCH, **{"/storage": [
        dict(OTHER, **{"prune-backups": "keep-last=1"})]}))),
      [f"backup/{x['volid']} loses-backup 2 this backup" for x in OLD])
check("one backup now in mode stop", job(vm(100, {}, status="running"), call="backup", form={
    "vmid": "100", "storage": "bk", "mode": "stop"}), ["vm/100 interrupted 2 this backup running"])


# ---- a restore -----------------------------------------------------------------------------------
SAVED = backup("bk", 100, 2)
TEXT = "#note\nname: web\nnet0: virtio=BC:24:11:00:00:01,bridge=vmbr0\nscsi0: zz:vm-100-disk-0,size=8G\n" \
    "smbios1: uuid=11111111-1111-1111-1111-111111111111\n\n[s1]\nscsi9: zz:x\n"
MINE = {"scsi0": "zz:vm-100-disk-0,size=8G", "net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0",
        "smbios1": "uuid=11111111-1111-1111-1111-111111111111"}


def restore(*guests, vmid=100, kind="qemu", text=TEXT, saved=SAVED, more=None, room=100 * GIB, **form):
    w = world(*guests)
    w.update(content("bk", saved))
    w.update(node_state("c1", room=room))
    path = "/nodes/c1/vzdump/extractconfig?volume=" + saved["volid"]
    w[path] = text if isinstance(text, str) else {"!": text}
    w.update(more or {})
    return {"call": "restore", "kind": kind, "storage": "bk", "archive": saved["volid"], "nodes": "c1",
            "world": w, "form": dict({"vmid": vmid, "archive": saved["volid"]}, **form)}


OVER = ["vm/100 reverted 3 -", "vm/100 loses-data 3 scsi0"]
check("over the guest itself", restore(vm(100, MINE), force=1), OVER, "state of 2 days ago", 3)
check("over it without force", restore(vm(100, MINE)), OVER, "force is not set")
check("over a running one", restore(vm(100, MINE, status="running"), force=1),
      ["vm/100 reverted 3 - running", "vm/100 loses-data 3 scsi0 running"], "will be refused: vm/100 runs")
check("over a protected one", restore(vm(100, dict(MINE, protection=1)), force=1), OVER, "is protected")
check("over one elsewhere", restore(vm(100, MINE, node="c2"), force=1), OVER, "vm/100 is at c2")
check("a disk that the backup does not have", restore(vm(100, dict(MINE, scsi1="zz:vm-100-disk-1")), force=1),
      OVER + ["vm/100 degraded 2 scsi1"], "stays as an unused disk")
check("snapshots go", restore(with_snaps(vm(100, MINE), s1=MINE), force=1),
      OVER + ["vm/100 loses-undo 3 snapshot s1"])
check("a template with clones", restore(vm(100, {"scsi0": "zz:base-100-disk-0"}, template=1),
                                        vm(101, {"scsi0": "zz:base-100-disk-0/vm-101-disk-0"}), force=1),
      OVER, "the base of 1 linked clone", 3)
check("replicated", restore(vm(100, MINE), force=1, more=REPL), OVER + ["vm/100 changed 1 replication"])
check("as a new guest beside the old one", restore(vm(100, MINE), vmid=200),
      ["vm/200 changed 1 -", "vm/100 degraded 3 identity"], "MAC address, SMBIOS UUID", 3)
check("as a new guest, unique", restore(vm(100, MINE), vmid=200, unique=1), ["vm/200 changed 1 -"], risk=1)
check("as a new guest with a fixed address", restore(
    vm(100, {"ipconfig0": "ip=10.0.0.9/24"}), vmid=200, unique=1, text=TEXT.replace(
        "name: web", "ipconfig0: gw=10.0.0.1,ip=10.0.0.9/24")),
      ["vm/200 changed 1 -", "vm/100 degraded 3 identity"], "same IP address")
check("the old guest is gone", restore(vmid=200), ["vm/200 changed 1 -"], risk=1)
check("and started", restore(vmid=200, start=1), ["vm/200 changed 1 -", "vm/200 started 2 start"])
check("its configuration was refused", restore(vm(100, MINE), vmid=200, text=403),
      ["vm/200 changed 1 -", "vm/100 degraded 3 identity"],
      ["unless they were changed since", "unread the configuration inside the backup"], 3, complete=False)
check("no such backup", restore(vmid=200, more=content("bk")), ["vm/200 changed 1 -"],
      "there is no backup bk:", 3)
check("of another kind", restore(vmid=200, kind="lxc", unprivileged=1), ["ct/200 changed 1 -"],
      "of another kind (qemu)", 3)
check("a storage that is not here", restore(vmid=200, text=TEXT.replace("zz:vm", "old:vm")),
      ["vm/200 changed 1 -"], "storage old for scsi0 is not at c1", 3)
check("another storage instead", restore(vmid=200, storage="ss", text=TEXT.replace("zz:vm", "old:vm")),
      ["vm/200 changed 1 -"], risk=1)
check("it does not fit", restore(vmid=200, storage="ss", room=GIB), ["vm/200 changed 1 -"],
      "may not fit: 8192 MiB", 3)
CTSAVED = backup("bk", 100, 2, kind="lxc")
CTTEXT = "rootfs: zz:subvol-100-disk-0,size=1G\nunprivileged: 1\n"
check("a container", restore(kind="lxc", saved=CTSAVED, text=CTTEXT, vmid=200, storage="zz"),
      ["ct/200 changed 1 -"], risk=1)
check("a container, each volume where it was", restore(
    kind="lxc", saved=CTSAVED, text=CTTEXT, vmid=200, rootfs="zz:1"), ["ct/200 changed 1 -"], risk=1)
check("a container goes to local where nothing is said", restore(
    kind="lxc", saved=CTSAVED, text=CTTEXT, vmid=200), ["ct/200 changed 1 -"],
      "will be refused: storage local for rootfs", 3)
check("a privileged container", restore(kind="lxc", saved=CTSAVED, text=CTTEXT.replace("1\n", "0\n"), vmid=200,
                                        storage="zz"),
      ["ct/200 changed 1 -", "ct/200 exposed 3 unprivileged"], "root on the node", 3)


# ---- a storage goes: what the tables in C do not have -------------------------------------------
def storage(*guests, store="ss", stores=(LOCAL, SHARED, OTHER), more=None):
    w = world(*guests, stores=stores)
    w.update(more or {})
    return {"call": "storage", "storage": store, "gone": True, "world": w}


check("a storage below its mount", storage(vm(100, {"scsi0": "sub:100/d.raw"}), stores=(SHARED, {
    "storage": "sub", "type": "dir", "content": "images", "path": "/mnt/pve/ss/sub"})),
      ["storage/sub unreachable 3 path", "vm/100 unreachable 3 scsi0"])
check("a volume group on its LUN", storage(vm(100, {"scsi0": "lvm1:vm-100-disk-0"}), store="san", stores=(
    {"storage": "san", "type": "iscsi", "content": "none"},
    {"storage": "lvm1", "type": "lvm", "content": "images", "base": "san:0.0.1.scsi-3", "shared": 1})),
      ["storage/lvm1 unreachable 3 base", "vm/100 unreachable 3 scsi0"])
check("memory is saved there", storage(vm(100, {"scsi0": "zz:vm-100-disk-0", "vmstatestorage": "ss"})),
      ["vm/100 degraded 1 vmstatestorage"])
check("backups buffer there", storage(more={"/cluster/backup": [
    {"id": "j", "all": 1, "storage": "bk", "fleecing": {"enabled": "1", "storage": "ss"}},
    {"id": "k", "all": 1, "storage": "bk", "fleecing": "enabled=1,storage=ss"},
    {"id": "off", "all": 1, "storage": "bk", "enabled": 0, "fleecing": "storage=ss"}]}),
      ["job/j loses-backup 3 fleecing", "job/k loses-backup 3 fleecing"])
check("a VM's file below its mount", storage(vm(100, {"scsi1": "/mnt/pve/ss/x.img"})),
      ["vm/100 degraded 2 scsi1"])
check("a linked clone on it", storage(
    vm(213, {"scsi0": "ss:213/base-213-disk-0.qcow2"}, template=1),
    vm(214, {"boot": "order=scsi0", "scsi0": "ss:213/base-213-disk-0.qcow2/214/vm-214-disk-0.qcow2"})),
      ["vm/213 degraded 3 scsi0 only", "vm/214 wont-boot 3 scsi0 only"], "linked clone of template 213")


# ---- a configuration changes: crossings to the host ----------------------------------------------
def config(guest, delete=None, **keys):
    return {"call": "config", "vmid": 100, "ask_vmid": 100, "set": keys, "delete": delete,
            "world": world(guest)}


def exposes(name, guest, key, value, *more):
    have = driver.ask({"call": "config", "vmid": 100, "ask_vmid": 100, "set": {key: value},
                       "world": world(guest), "now": NOW})
    ok(any(f"exposed 3 {key}" in a for a in have["affects"]) and have["risk"] == 3,
       f"reaches the host: {name}", have)


VM, CT = vm(100, {}), ct(100, {"rootfs": "zz:subvol-100-disk-0"})
for key, value in {"args": "-device x", "hostpci0": "0000:01:00", "usb0": "host=1:2", "serial0": "/dev/ttyS0",
                   "parallel0": "/dev/parport0", "virtiofs0": "share", "ivshmem": "size=16,name=x",
                   "hookscript": "ss:snippets/h.pl", "cicustom": "user=ss:snippets/u", "scsi1": "/dev/sdb",
                   "virtio1": "file=/etc/shadow", "sata1": "zz:0,import-from=/srv/x.raw",
                   "net0": "virtio,bridge=vmbr0"}.items():
    exposes(f"VM {key}", VM, key, value)
for key, value in {"mp0": "/srv,mp=/srv", "dev0": "/dev/kvm", "features": "nesting=1", "hookscript": "ss:snippets/h",
                   "unprivileged": "0", "lxc.apparmor.profile": "unconfined"}.items():
    exposes(f"container {key}", CT, key, value)
check("a serial socket reaches nothing", config(VM, serial0="socket"), ["vm/100 changed 1 serial0"])
check("a fixed address changes", config(ct(100, {"net0": "name=eth0,bridge=b,firewall=1,ip=10.0.0.5/24"}),
                                        net0="name=eth0,bridge=b,firewall=1,ip=10.0.0.6/24"),
      ["ct/100 changed 1 net0", "ct/100 unreachable 2 net0"], "10.0.0.5/24 -> 10.0.0.6/24")
check("cloud-init's address changes", config(vm(100, {"ipconfig0": "ip=10.0.0.5/24"}), ipconfig0="ip=dhcp"),
      ["vm/100 changed 1 ipconfig0", "vm/100 unreachable 2 ipconfig0"])
check("a mount is loosened", config(ct(100, {"mp0": "zz:subvol-100-disk-1,mp=/x,mountoptions=nosuid;nodev"}),
                                    mp0="zz:subvol-100-disk-1,mp=/x,mountoptions=nodev"),
      ["ct/100 changed 1 mp0", "ct/100 exposed 2 mp0"], "without nosuid")

driver.close()
done()
