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


def refused(sim, method, url, words, name, **form):
    status, reason, body = sim.call(method, url, **form)
    check(status >= 400 and words in reason + str(body), name, f"{status} {reason} {body}")


def task(sim, method, url, want, name, **form):
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


os.environ["TZ"] = "UTC"  # the names of the archives below are in it
where = tempfile.mkdtemp(prefix="pvesim-guests-")
try:
    for part in (volumes, destroys, disks, moves, backups):
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
