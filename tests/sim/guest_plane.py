#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The guest plane of pvesim: what refuses a destroy, where disks and guests may go, backups made,
# restored and pruned (the prune against the model of tests/model). TAP.
import json, os, random, shutil, sys, tempfile

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, os.path.join(here, "../model")]
import guest_retention_rules as retention  # noqa: E402
from sim_client import Sim, check, done  # noqa: E402


def quote(volid):
    return volid.replace("/", "%2F")


def refused(sim, method, url, words, name, /, **form):
    status, reason, body = sim.call(method, url, **form)
    check(status >= 400 and words in reason + str(body), name, f"{status} {reason} {body}")


def task(sim, method, url, want, name, /, **form):
    """The task's end; want: its exit status, or words that stand in it or in its log."""
    status, reason, body = sim.call(method, url, **form)
    if status != 200:
        check(False, name, f"{status} {reason} {body}")
        return ""
    upid = body["data"]
    node = upid.split(":")[1]
    end = sim.end_of(node, upid)
    log = json.dumps(sim.call("GET", f"/nodes/{node}/tasks/{upid}/log")[2]["data"])
    check(want in end or want in log, name, f"{end}\n{log}")
    return log


def config(sim, node, kind, vmid):
    return sim.call("GET", f"/nodes/{node}/{kind}/{vmid}/config")[2].get("data")


def content(sim, node, store):
    return {v["volid"]: v for v in sim.call("GET", f"/nodes/{node}/storage/{store}/content")[2]["data"]}


def destroys(sim):
    refused(sim, "DELETE", "/nodes/pve2/qemu/210", "protection mode enabled", "a protected guest stays")
    refused(sim, "DELETE", "/nodes/pve1/lxc/101", "replication job", "a replicated guest stays")
    refused(sim, "DELETE", "/nodes/pve2/lxc/302", "used in HA resources", "an HA resource stays")
    task(sim, "DELETE", "/nodes/pve3/qemu/213", "still in use by linked clone", "a base with clones stays")
    before = content(sim, "pve3", "nfs-vm")
    task(sim, "DELETE", "/nodes/pve3/qemu/214", "OK", "a clone goes")
    after = content(sim, "pve3", "nfs-vm")
    check(any("vm-214-disk-0" in v for v in before) and not any("vm-214-disk" in v for v in after),
          "its disk goes with it", f"{after}")
    task(sim, "DELETE", "/nodes/pve3/qemu/213", "OK", "then the base goes")


def volumes(sim):
    url = "/nodes/pve1/storage/backup/content/"
    mine = [v for v in content(sim, "pve1", "backup") if "-104-" in v][0]
    check(sim.call("PUT", url + quote(mine), protected=1)[0] == 200, "a backup is protected")
    task(sim, "DELETE", url + quote(mine), "protected", "a protected backup stays")
    check(sim.call("PUT", url + quote(mine), protected=0)[0] == 200, "and is not any more")
    base = [v for v in content(sim, "pve3", "nfs-vm") if "base-213" in v and "vm-214" not in v][0]
    task(sim, "DELETE", "/nodes/pve3/storage/nfs-vm/content/" + quote(base), "in use",
         "a base volume with clones stays")


def disks(sim):
    refused(sim, "POST", "/nodes/pve2/qemu/105/move_disk", "same storage with same format",
            "a disk that is there already", disk="scsi0", storage="nfs-vm")
    refused(sim, "POST", "/nodes/pve2/qemu/105/move_disk", "with snapshots and delete the source",
            "a disk with snapshots is not deleted", disk="scsi0", storage="local-zfs", delete=1)
    refused(sim, "POST", "/nodes/pve1/lxc/101/move_volume", "running container",
            "a running container's volume stays", volume="rootfs", storage="nfs-vm")
    task(sim, "POST", "/nodes/pve2/qemu/105/move_disk", "OK", "a disk moves", disk="scsi0",
         storage="local-zfs")
    cfg = config(sim, "pve2", "qemu", 105)
    check(cfg["scsi0"].startswith("local-zfs:vm-105-disk-") and cfg["scsi0"].endswith("size=32G") and
          "nfs-vm:105/vm-105-disk-0.qcow2" in cfg.values(), "the old one stays as an unused disk", cfg)
    task(sim, "PUT", "/nodes/pve2/qemu/105/resize", "OK", "a disk grows", disk="scsi0", size="+8G")
    check("size=40G" in config(sim, "pve2", "qemu", 105)["scsi0"], "the configuration says so")
    task(sim, "PUT", "/nodes/pve2/qemu/105/resize", "shrinking disks is not supported",
         "a disk does not shrink", disk="scsi0", size="1G")


def moves(sim):
    refused(sim, "POST", "/nodes/pve1/qemu/104/migrate", "no such cluster node", "an unknown target",
            target="nosuch")
    refused(sim, "POST", "/nodes/pve1/qemu/104/migrate", "target is local node", "its own node",
            target="pve1")
    refused(sim, "POST", "/nodes/pve1/qemu/104/migrate", "without --online", "running, not online",
            target="pve2")
    task(sim, "POST", "/nodes/pve1/qemu/104/migrate", "without with-local-disks", "a local disk",
         target="pve2", online=1)
    task(sim, "POST", "/nodes/pve1/lxc/303/migrate", "local bind mount point 'mp0'", "a bind mount",
         target="pve2")
    task(sim, "POST", "/nodes/pve1/qemu/104/migrate", "OK", "with its disk", target="pve2", online=1,
         **{"with-local-disks": 1})
    check(config(sim, "pve2", "qemu", 104) is not None, "it is there")
    check("local-zfs:vm-104-disk-0" in content(sim, "pve2", "local-zfs"), "with its volume")


def backups(sim):
    task(sim, "POST", "/nodes/pve2/vzdump", "OK", "a guest is backed up", vmid="105", storage="backup",
         **{"prune-backups": "keep-last=1"})
    have = [v for v in content(sim, "pve2", "backup") if "-105-" in v]
    check(len(have) == 1, "the run prunes what its rules do not keep", have)
    status, _, body = sim.call("GET", "/nodes/pve2/vzdump/extractconfig", volume=have[0])
    check(status == 200 and "name: app-01" in body["data"], "the archive tells its configuration", body)
    task(sim, "POST", "/nodes/pve2/vzdump", "does not support backups", "a storage without backups",
         vmid="105", storage="local-zfs")
    refused(sim, "POST", "/nodes/pve2/qemu", "already exists", "a restore over a guest without force",
            vmid=105, archive=have[0])
    refused(sim, "POST", "/nodes/pve2/qemu", "running", "a restore over a running guest", vmid=105,
            archive=have[0], force=1)
    task(sim, "POST", "/nodes/pve2/qemu", "OK", "a restore as a new guest", vmid=600, archive=have[0],
         unique=1)
    old, new = config(sim, "pve2", "qemu", 105), config(sim, "pve2", "qemu", 600)
    check(new["name"] == old["name"] and new["net0"] != old["net0"] and
          "vm-600-disk-" in new["scsi0"], "its own disks, and its own address", new)
    task(sim, "POST", "/nodes/pve2/qemu", "OK", "a restore over the new guest", vmid=600,
         archive=have[0], force=1)
    check("net0" in config(sim, "pve2", "qemu", 600), "it is there")


def ask(sim, url, **form):
    return sim.call("GET", url, **form)[2]["data"]


def set_aside(sim):
    """A guest is backed up, destroyed with purge and restored under its number."""
    vm, fw = "/nodes/pve1/qemu/104", {"type": "in", "action": "ACCEPT", "macro": "SSH", "enable": 1}
    sim.call("PUT", f"{vm}/config", scsi1="local-zfs:4,backup=0")
    sim.call("POST", f"{vm}/firewall/rules", **fw)
    sim.call("POST", "/cluster/backup", id="alone", schedule="sun 01:00", vmid="104", storage="backup")
    sim.call("POST", "/cluster/backup", id="both", schedule="sun 01:00", vmid="104,210", storage="backup")
    task(sim, "POST", f"{vm}/status/stop", "OK", "the VM is stopped")
    was = config(sim, "pve1", "qemu", 104)
    sim.call("POST", "/sim/fault", prefix="", spec="task-warn POST /nodes/*/vzdump x1")
    log = task(sim, "POST", "/nodes/pve1/vzdump", "WARNINGS: 1", "a task that warns has done its work",
               vmid="104", storage="backup", protected=1, **{"notes-template": "mark of {{vmid}}"})
    check("include disk 'scsi0'" in log and "exclude disk 'scsi1'" in log, "the log tells the disks", log)
    have = [v for v in ask(sim, "/nodes/pve1/storage/backup/content", vmid=104)
            if v.get("notes") == "mark of 104"]
    check(len(have) == 1 and have[0]["protected"] == 1 and "archived-firewall" not in have[0],
          "the archive has its notes and is protected", have)
    text = ask(sim, "/nodes/pve1/vzdump/extractconfig", volume=have[0]["volid"])
    check("#qmdump#map:scsi0:drive-scsi0:local-zfs:raw:" in text and "map:scsi1" not in text,
          "its configuration tells which disks are in it", text)
    task(sim, "DELETE", vm, "OK", "it is destroyed", purge=1)
    jobs = {j["id"]: j.get("vmid") for j in ask(sim, "/cluster/backup")}
    check("alone" not in jobs and jobs["both"] == "210", "purge takes it out of jobs, and its own job away",
          jobs)
    task(sim, "POST", "/nodes/pve1/qemu", "OK", "and restored", vmid=104, archive=have[0]["volid"])
    now = config(sim, "pve1", "qemu", 104)
    moved = {k for k in {*was, *now} if was.get(k) != now.get(k)} - {"digest"}
    check(moved == {"scsi1", "description", "vmgenid"} and "scsi1: local-zfs:" in now["description"],
          "as it was, but for the disk outside of the backup and what says that it went back", moved)
    check([r["macro"] for r in ask(sim, f"{vm}/firewall/rules")] == ["SSH"], "its rules come back, too")
    full = dict(vmid="210", storage="backup")
    sim.call("POST", "/sim/fault", prefix="", spec="task-fail=job+errors POST /nodes/*/vzdump x1")
    task(sim, "POST", "/nodes/pve2/vzdump", "job errors", "a backup can fail", **full)


def restored_volumes(sim):
    """A container's volumes are made as asked: on the storage and in the size that is given."""
    task(sim, "POST", "/nodes/pve3/lxc/301/status/stop", "OK", "the container is stopped")
    log = task(sim, "POST", "/nodes/pve3/vzdump", "OK", "and backed up", vmid="301", storage="backup")
    check("including mount point rootfs (" in log and "including mount point mp1 (" in log,
          "the log tells the volumes", log)
    archive = [v["volid"] for v in ask(sim, "/nodes/pve3/storage/backup/content", vmid=301)][-1]
    task(sim, "POST", "/nodes/pve3/lxc", "OK", "restored with volumes of its own", vmid=700, restore=1,
         ostemplate=archive, rootfs="nfs-vm:8", mp0="local-zfs:0.5,mp=/x")
    now = config(sim, "pve3", "lxc", 700)
    check(now["rootfs"].startswith("nfs-vm:") and now["rootfs"].endswith(",size=8G")
          and now["mp0"].endswith(",mp=/x,size=512M") and "mp1" not in now, "and those alone", now)


def prunes(directory):
    """A prune of pvesim, dry and done, against the model."""
    sim = Sim(directory)
    sim.stop()
    state = os.path.join(directory, "state.json")
    doc = json.load(open(state))
    rng = random.Random(int(os.environ.get("MODEL_SEED", random.randrange(1 << 32))))
    rows = retention.random_rows(rng, "backup") + retention.random_rows(rng, "backup")
    rows = list({r["volid"]: r for r in rows}.values())
    doc["volumes"] = {r["volid"]: {k: v for k, v in dict(
        r, subtype="lxc" if "-lxc-" in r["volid"] else "qemu", format="x").items() if k != "volid"}
        for r in rows}
    json.dump(doc, open(state, "w"))
    sim = Sim(directory)
    bad = ""
    for _ in range(40):
        keep = retention.random_keep(rng)
        rules = ",".join(f"keep-{r}={n}" for r, n in keep.items()) or "keep-last=0"
        got = sim.call("GET", "/nodes/pve1/storage/backup/prunebackups", **{"prune-backups": rules})[2]
        have = {e["volid"]: e["mark"] for e in got["data"]}
        want = retention.model(rows, keep)
        if have != want:
            bad = f"{rules}: " + str({k: (want.get(k), have.get(k)) for k in want if want.get(k) != have.get(k)})
            break
    check(not bad, "40 dry prunes are as the model says", bad)
    want = retention.model(rows, {"last": 2, "weekly": 3})
    task(sim, "DELETE", "/nodes/pve1/storage/backup/prunebackups", "OK", "a prune is done",
         **{"prune-backups": "keep-last=2,keep-weekly=3"})
    left = set(content(sim, "pve1", "backup"))
    check(left == {v for v, m in want.items() if m != "remove"}, "what is left is what was marked")
    sim.stop()


def clones(sim):
    """Copies in full: what is the copy's own, what PVE refuses, at once and by the task."""
    at = "/nodes/pve2/qemu/105/clone"
    old = config(sim, "pve2", "qemu", 105)
    refused(sim, "POST", at, "config file already exists", "a number of a VM there", newid=210)
    task(sim, "POST", at, "File exists", "a number of a guest elsewhere", newid=104)
    refused(sim, "POST", at, "snapshot 'nosuch' does not exist", "an unknown snapshot", newid=600,
            snapname="nosuch")
    refused(sim, "POST", at, "pool 'nosuch' does not exist", "an unknown pool", newid=600, pool="nosuch")
    refused(sim, "POST", at, "no such cluster node", "an unknown node", newid=600, target="pve9")
    refused(sim, "POST", at, "Linked clone feature is not supported for 'nfs-vm:105/vm-105-disk-0.qcow2'",
            "no linked copy of what is no template", newid=600, full=0)
    refused(sim, "POST", at, "not allowed for linked clones", "nor elsewhere", newid=600, full=0,
            storage="local-zfs")
    refused(sim, "POST", at, "does not support vm images", "a storage without images", newid=600,
            storage="backup")
    refused(sim, "POST", at, "can't clone to non-shared storage", "a node's own storage elsewhere",
            newid=600, storage="local-zfs", target="pve1")
    refused(sim, "POST", "/nodes/pve1/qemu/104/clone", "VM uses local storage", "a local disk elsewhere",
            newid=600, target="pve2")
    refused(sim, "POST", "/nodes/pve1/lxc/101/clone", "only possible from a snapshot",
            "a running container as it is", newid=600)
    refused(sim, "POST", "/nodes/pve1/lxc/101/clone", "VM 104 already exists on node 'pve1'",
            "a taken number", newid=104)
    refused(sim, "POST", "/nodes/pve1/lxc/303/clone", "unable to clone mountpoint 'mp0'", "a bind mount",
            newid=600)
    sim.call("PUT", "/nodes/pve2/qemu/105/firewall/options", enable=1)
    sim.call("POST", "/sim/fault", spec="task-hang POST /nodes/pve2/qemu/105/clone x1")
    upid = sim.call("POST", at, newid=600)[2]["data"]
    check(config(sim, "pve2", "qemu", 600)["lock"] == "clone", "the number is taken and locked")
    refused(sim, "PUT", "/nodes/pve2/qemu/600/config", "VM is locked (clone)", "and not to be changed",
            memory=512)
    task(sim, "DELETE", "/nodes/pve2/qemu/600", "VM is locked (clone)", "nor destroyed")
    sim.call("DELETE", f"/nodes/pve2/tasks/{upid}")
    check("interrupt" in sim.end_of("pve2", upid) and config(sim, "pve2", "qemu", 600) is None,
          "a task that is stopped gives it back")
    task(sim, "POST", at, "OK", "a copy is made", newid=600, name="copy", pool="prod", target="pve3",
         storage="nfs-vm", description="for a try")
    new = config(sim, "pve3", "qemu", 600)
    check(new["name"] == "copy" and new["description"] == "for a try" and "lock" not in new and
          not {"unused0", "parent", "snaptime", "template"} & set(new), "without what is not its own", new)
    check(new["scsi0"] == "nfs-vm:600/vm-600-disk-0.qcow2,size=32G" and
          "nfs-vm:600/vm-600-disk-0.qcow2" in content(sim, "pve3", "nfs-vm"), "with a disk of its own", new)
    check(new["memory"] == old["memory"] and new["boot"] == old["boot"] and
          all(new[k] != old[k] for k in ("net0", "smbios1", "vmgenid")) and
          new["net0"].endswith(",bridge=vmbr0"), "and its own addresses", new)
    check(600 in [m["vmid"] for m in sim.call("GET", "/pools/prod")[2]["data"]["members"]], "in the pool")
    check(sim.call("GET", "/nodes/pve3/qemu/600/firewall/options")[2]["data"].get("enable") == 1,
          "with the same firewall")
    task(sim, "POST", at, "OK", "a snapshot is copied", newid=601, snapname="before_upgrade")
    new = config(sim, "pve2", "qemu", 601)
    check(new["memory"] == "2048" and new["name"] == "Copy-of-VM-app-01" and "vmgenid" not in new and
          "scsi1" in new and "snaptime" not in new, "with what it held", new)
    task(sim, "POST", "/nodes/pve1/qemu/104/snapshot", "OK", "a snapshot on zfs", snapname="now")
    refused(sim, "POST", "/nodes/pve1/qemu/104/clone",
            "Full clone feature is not supported for a snapshot of 'local-zfs:vm-104-disk-0' (scsi0)",
            "which cannot be copied", newid=602, snapname="now")
    task(sim, "POST", "/nodes/pve1/lxc/101/clone", "OK", "a container's snapshot", newid=603,
         snapname="before-tls", hostname="web-02")
    new = config(sim, "pve1", "lxc", 603)
    check(new["rootfs"] == "local-zfs:subvol-603-disk-0,size=8G" and new["hostname"] == "web-02" and
          "BC:24:11:00:01:01" not in new["net0"] and "lock" not in config(sim, "pve1", "lxc", 101),
          "its own file system and address", new)
    sim.call("POST", "/sim/fault", spec="task-fail=disk+full POST /nodes/pve1/lxc/101/clone x1")
    task(sim, "POST", "/nodes/pve1/lxc/101/clone", "disk full", "a copy that fails", newid=604,
         snapname="before-tls")
    check(config(sim, "pve1", "lxc", 604) is None and "lock" not in config(sim, "pve1", "lxc", 101),
          "leaves no guest and no lock")
    sim.call("POST", "/access/users", userid="ada@pve")
    sim.call("PUT", "/access/acl", path="/vms/105", users="ada@pve", roles="PVEVMAdmin")
    secret = sim.call("POST", "/access/users/ada@pve/token/t", privsep=0)[2]["data"]["value"]
    status, reason, _ = sim.call("POST", at, token="ada@pve!t=" + secret, newid=605)
    check(status == 403 and "/vms/605, VM.Allocate" in reason, "the new number is a privilege", reason)


def templates(sim):
    """A template's volumes are bases; copies of it are linked and hold it fast."""
    refused(sim, "POST", "/nodes/pve2/qemu/105/template", "VM contains snapshots", "with snapshots")
    refused(sim, "POST", "/nodes/pve1/qemu/104/template", "if VM is running", "running")
    refused(sim, "POST", "/nodes/pve3/qemu/213/template", "convert a template to a template", "again")
    task(sim, "POST", "/nodes/pve2/qemu/210/template", "OK", "a VM becomes a template")
    new = config(sim, "pve2", "qemu", 210)
    check(new["template"] == 1 and new["scsi0"] == "local-zfs:base-210-disk-0,size=120G" and
          "local-zfs:base-210-disk-0" in content(sim, "pve2", "local-zfs") and
          "local-zfs:vm-210-disk-0" not in content(sim, "pve2", "local-zfs"), "its disk a base", new)
    refused(sim, "POST", "/nodes/pve2/qemu/210/status/start", "template", "and never starts")
    task(sim, "POST", "/nodes/pve2/qemu/210/snapshot", "if it's a template", "nor has snapshots",
         snapname="late")
    task(sim, "POST", "/nodes/pve2/qemu/210/clone", "create linked clone of drive scsi0", "a linked copy",
         newid=610)
    linked = "local-zfs:base-210-disk-0/vm-610-disk-0"
    check(config(sim, "pve2", "qemu", 610)["scsi0"] == linked + ",size=120G" and
          content(sim, "pve2", "local-zfs")[linked]["parent"] == "base-210-disk-0@__base__",
          "is linked", content(sim, "pve2", "local-zfs"))
    sim.call("PUT", "/nodes/pve2/qemu/210/config", protection=0)
    task(sim, "DELETE", "/nodes/pve2/qemu/210", "still in use by linked clone", "and holds it")
    task(sim, "POST", "/nodes/pve2/qemu/610/migrate", "as it's a clone", "and stays with it",
         target="pve1")
    task(sim, "POST", "/nodes/pve2/qemu/210/clone", "OK", "a copy in full", newid=611, full=1)
    check(config(sim, "pve2", "qemu", 611)["scsi0"] == "local-zfs:vm-611-disk-0,size=120G", "is not linked")
    task(sim, "POST", "/nodes/pve3/qemu/214/template", "OK", "a linked copy becomes a template")
    base = "nfs-vm:213/base-213-disk-0.qcow2/214/base-214-disk-0.qcow2"
    check(config(sim, "pve3", "qemu", 214)["scsi0"] == base + ",size=8G", "still linked",
          config(sim, "pve3", "qemu", 214))
    task(sim, "POST", "/nodes/pve3/qemu/214/clone", "OK", "and is copied", newid=612, name="third",
         target="pve1")
    new = config(sim, "pve1", "qemu", 612)
    check(new["scsi0"] == "nfs-vm:214/base-214-disk-0.qcow2/612/vm-612-disk-0.qcow2,size=8G" and
          new["ide2"] == "nfs-vm:612/vm-612-cloudinit.qcow2,media=cdrom,size=4M" and "template" not in new,
          "a copy of a copy", new)
    task(sim, "DELETE", "/nodes/pve3/qemu/214", "still in use by linked clone", "and holds it, too")
    task(sim, "DELETE", "/nodes/pve1/qemu/612", "OK", "once it is gone")
    task(sim, "DELETE", "/nodes/pve3/qemu/214", "OK", "the middle can go")
    status, _, body = sim.call("POST", "/nodes/pve1/lxc/303/template")
    check(status == 200 and body["data"] is None, "of a container the answer names no task", body)
    last = [t for t in sim.call("GET", "/nodes/pve1/tasks", source="all")[2]["data"]
            if t["type"] == "vztemplate"][0]
    check("Template feature is not available for '/mnt/host-data'" in sim.end_of("pve1", last["upid"]) and
          "template" not in config(sim, "pve1", "lxc", 303), "and its task may fail")
    sim.end_of("pve1", sim.call("POST", "/nodes/pve1/lxc/101/status/stop")[2]["data"])
    refused(sim, "POST", "/nodes/pve1/lxc/101/template", "CT contains snapshots", "a container with snapshots")
    task(sim, "DELETE", "/nodes/pve1/lxc/101/snapshot/before-tls", "OK", "which go")
    sim.call("POST", "/nodes/pve1/lxc/101/template")
    last = [t for t in sim.call("GET", "/nodes/pve1/tasks", source="all")[2]["data"]
            if t["type"] == "vztemplate"][0]
    check(sim.end_of("pve1", last["upid"]) == "OK" and config(sim, "pve1", "lxc", 101)["rootfs"] ==
          "local-zfs:basevol-101-disk-0,size=8G", "then it becomes a template",
          config(sim, "pve1", "lxc", 101))
    task(sim, "POST", "/nodes/pve1/lxc/101/clone", "create linked clone of mount point rootfs", "copied linked",
         newid=613)
    check(config(sim, "pve1", "lxc", 613)["rootfs"] ==
          "local-zfs:basevol-101-disk-0/subvol-613-disk-0,size=8G", "to its base",
          config(sim, "pve1", "lxc", 613))
    check(sim.call("GET", "/nodes/pve1/lxc/613/feature", feature="snapshot")[2]["data"]["hasFeature"] == 1,
          "and is no base itself")


def boots(sim):
    """Whoever has onboot starts with the node, off before or not; HA decides about its own."""
    for vmid, onboot in ((621, 1), (622, 0)):
        task(sim, "POST", "/nodes/pve1/lxc", "OK", f"{vmid} is made", vmid=vmid, ostemplate="local:vztmpl/x.tar.zst",
             rootfs="local-zfs:1", onboot=onboot)
    sim.call("POST", "/nodes/pve1/status", command="reboot")
    state = {v: sim.call("GET", f"/nodes/pve1/lxc/{v}/status/current")[2]["data"]["status"] for v in (621, 622)}
    check(state == {621: "running", 622: "stopped"}, "a reboot starts what has onboot and nothing else", state)


def goes_back(sim):
    """PVE's rollback: unused volumes stay but those that are used again, and the guest is told by a new vmgenid."""
    at = "/nodes/pve2/qemu/105"
    task(sim, "POST", at + "/snapshot", "OK", "a snapshot", snapname="here")
    was = config(sim, "pve2", "qemu", 105)
    sim.call("POST", at + "/status/stop")
    sim.call("PUT", at + "/config", delete="scsi0")
    mid = config(sim, "pve2", "qemu", 105)
    volume = was["scsi0"].split(",")[0]
    check(volume in [v for k, v in mid.items() if k.startswith("unused")], "a disk that is taken out is unused", mid)
    task(sim, "POST", at + "/snapshot/here/rollback", "OK", "it goes back")
    now = config(sim, "pve2", "qemu", 105)
    check(now["scsi0"] == was["scsi0"] and volume not in [v for k, v in now.items() if k.startswith("unused")],
          "and then it is used and not unused", now)
    check({k: v for k, v in now.items() if k.startswith("unused")} ==
          {k: v for k, v in was.items() if k.startswith("unused")}, "other unused ones stay", now)
    check(now["vmgenid"] != was["vmgenid"], "with a new vmgenid", now["vmgenid"])


os.environ["TZ"] = "UTC"  # the names of the archives below are in it
where = tempfile.mkdtemp(prefix="pvesim-guests-")
try:
    for part in (volumes, destroys, disks, moves, backups, set_aside, restored_volumes, clones, templates, boots,
                 goes_back):
        at = os.path.join(where, part.__name__)
        os.mkdir(at)
        one = Sim(at, "--clock", "1795500000")
        part(one)
        one.stop()
    os.mkdir(os.path.join(where, "prunes"))
    prunes(os.path.join(where, "prunes"))
finally:
    shutil.rmtree(where, ignore_errors=True)
done()
