# SPDX-License-Identifier: Apache-2.0
"""Plans over guests, disks and backups through the built client: whom each verdict names, how risky it
is, what takes it back, what it is watched by; what was not read makes it incomplete."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from blast_lib import limited, take_down  # noqa: E402
from verdicts import play  # noqa: E402
from world import Tap, World  # noqa: E402

ARCHIVE = "backup:backup/vzdump-lxc-101-2026_11_20-02_30_05.tar.zst"
VM_ARCHIVE = "backup:backup/vzdump-qemu-105-2026_11_20-02_30_05.vma.zst"
ACL = ("PUT", "/access/acl", {"path": "/vms/303", "roles": "PVEVMUser", "users": "ann@pve"})

DESTROY = [
    ("destroying names the volumes that go, the ones that stay and the missing backup",
     "pve_delete_guest", {"vmid": 303},
     dict(hit=[("ct/303", "destroyed", "no backup of it is seen"),
               ("ct/303", "loses-data", "nfs-vm:303/vm-303-disk-0.raw"),
               ("ct/303", "none", "is not the guest's own and stays")],
          only={"ct/303"}, risk="high",
          watched=["/nodes/pve1/lxc/303/config", "/nodes/pve1/lxc/303/snapshot", "/storage",
                   "/cluster/ha/resources", "/cluster/backup", "/cluster/replication", "/access/acl",
                   "/nodes/pve1/storage/nfs-vm/content?vmid=303"],
          unwatched=["/nodes/pve1/lxc/101", "/cluster/resources", "/access/permissions",
                     "/cluster/tasks"])),
    ("purge takes the job's entry, the replication job and the pool's member",
     "pve_delete_guest", {"vmid": 101, "purge": True},
     dict(hit=[("ct/101", "destroyed", "1 snapshot with it; the newest of 1 backup"),
               ("replication/101-0", "destroyed"), ("job/nightly-prod", "changed"),
               ("pool/prod", "changed")],
          risk="high", reasons=["will be refused: ct/101 runs"])),
    ("without purge an HA resource refuses it",
     "pve_delete_guest", {"vmid": 302},
     dict(hit=[("ct/302", "destroyed")], reasons=["ct/302 is an HA resource, and purge is not set"])),
    ("a template's linked clone loses its data, and is watched",
     "pve_delete_guest", {"vmid": 213},
     dict(hit=[("vm/214", "loses-data", "linked clone of scsi0 of vm/213")],
          reasons=["is the base of 1 linked clone"],
          watched=["/nodes/pve3/qemu/214/config"])),
    ("protection is named", "pve_delete_guest", {"vmid": 210},
     dict(hit=[("vm/210", "destroyed")], reasons=["vm/210 is protected"])),
    ("so is a grant that goes with the guest", "pve_delete_guest", {"vmid": 303},
     dict(hit=[("user/ann@pve", "loses-access", "PVEVMUser")],
          before=[("POST", "/access/users", {"userid": "ann@pve"}), ACL],
          after=[("DELETE", "/access/users/ann@pve", {})])),
    ("nobody loses by the end of an entry that closed it", "pve_delete_guest", {"vmid": 303},
     dict(hit=[("user/ann@pve", "changed", "nobody loses by it")], no_effect=["loses-access"],
          before=[("POST", "/access/users", {"userid": "ann@pve"}),
                  ("PUT", "/access/acl", {"path": "/vms/303", "roles": "NoAccess", "users": "ann@pve"})],
          after=[("DELETE", "/access/users/ann@pve", {})])),
]

MIGRATE = [
    ("a running VM on shared storage moves with a pause, and can be moved back",
     "pve_guest_migrate", {"vmid": 105, "target": "pve1", "online": True},
     dict(hit=[("vm/105", "interrupted", "short pause"), ("vm/105", "changed", "from pve2 to pve1")],
          only={"vm/105"}, risk="low", undo="inverse",
          watched=["/nodes/pve1/network", "/nodes/pve2/qemu/105/config", "/cluster/ha/rules"],
          unwatched=["/nodes/pve1/status", "/nodes/pve1/storage", "/nodes/pve3", "/access"])),
    ("a container with a directory of its node does not move",
     "pve_guest_migrate", {"vmid": 303, "target": "pve2"},
     dict(hit=[("ct/303", "stranded", "/mnt/host-data of pve1")], risk="high", undo="inverse",
          reasons=["ct/303 will not move: 1 thing in the way"])),
    ("a running VM with a local disk needs with-local-disks",
     "pve_guest_migrate", {"vmid": 104, "target": "pve2", "online": True},
     dict(hit=[("vm/104", "stranded", "with-local-disks")], risk="high", undo="inverse")),
    ("with it the disk is copied",
     "pve_guest_migrate", {"vmid": 104, "target": "pve2", "online": True, "with-local-disks": True},
     dict(hit=[("vm/104", "changed", "is copied from pve1 to local-zfs at pve2")],
          undo="inverse")),
    ("a running VM does not move without online",
     "pve_guest_migrate", {"vmid": 105, "target": "pve3"},
     dict(hit=[("vm/105", "stranded", "online is not set")], risk="high", undo="inverse")),
    ("volumes that go to a storage which nodes share have no way back by a migration",
     "pve_guest_migrate", {"vmid": 104, "target": "pve2", "online": True, "with-local-disks": True,
                           "targetstorage": ["local-zfs:nfs-vm"]},
     dict(hit=[("vm/104", "changed", "nfs-vm")])),
    ("HA is told that a move is a wish",
     "pve_guest_migrate", {"vmid": 302, "target": "pve1", "restart": True},
     dict(hit=[("ct/302", "changed", "managed by HA")], risk="medium", undo="inverse")),
    ("a node that does not exist is nowhere to go",
     "pve_guest_migrate", {"vmid": 105, "target": "pve9", "online": True},
     dict(hit=[("vm/105", "stranded", "there is no node pve9")], risk="high", undo="inverse")),
    ("a bridge that the target lacks is named",
     "pve_guest_migrate", {"vmid": 214, "target": "pve1"},
     dict(hit=[("vm/214", "wont-boot", "no bridge vmbr7 at pve1")], risk="high", undo="inverse",
          before=[("PUT", "/nodes/pve3/qemu/214/config", {"net0": "virtio=BC:24:11:00:02:14,bridge=vmbr7"})],
          after=[("PUT", "/nodes/pve3/qemu/214/config", {"delete": "net0"})])),
]

DISKS = [
    ("growing is for good, and snapshots keep the old size",
     "pve_disk_resize", {"vmid": 105, "disk": "scsi0", "size": "+8G"},
     dict(hit=[("vm/105", "changed", "from 32768 to 40960 MiB"), ("vm/105", "none", "old size")],
          only={"vm/105"}, risk="medium",
          watched=["/nodes/pve2/qemu/105/snapshot/nightly/config"],
          unwatched=["/nodes/pve1", "/nodes/pve2/storage", "/cluster/resources"])),
    ("a replica's node is asked for room", "pve_disk_resize",
     {"vmid": 101, "disk": "rootfs", "size": "+900G"},
     dict(hit=[("ct/101", "degraded", "its replica at pve2 does not fit any more")], risk="high")),
    ("a fixed size stays", "pve_disk_resize", {"vmid": 214, "disk": "ide2", "size": "+1G"},
     dict(reasons=["will be refused: ide2"], risk="high")),
    ("moving leaves snapshots behind and ties the guest to its node",
     "pve_disk_move", {"vmid": 105, "disk": "scsi0", "storage": "local-zfs"},
     dict(hit=[("vm/105", "loses-undo", "the snapshot stays behind"),
               ("vm/105", "stranded", "it is tied to pve2")], risk="medium")),
    ("with delete the snapshots refuse it",
     "pve_disk_move", {"vmid": 105, "disk": "scsi0", "storage": "local-zfs", "delete": True},
     dict(risk="high", reasons=["will be refused"])),
    ("a storage that takes no disks refuses it", "pve_disk_move",
     {"vmid": 105, "disk": "scsi0", "storage": "backup"},
     dict(risk="high", reasons=["storage backup does not take images"])),
    ("a disk given away is lost to its guest, and both are watched",
     "pve_disk_move", {"vmid": 105, "disk": "scsi0", "target-vmid": 210, "target-disk": "scsi1"},
     dict(hit=[("vm/105", "wont-boot", "loses the disk to guest 210"), ("vm/210", "changed")],
          risk="high", watched=["/nodes/pve2/qemu/210/config", "/nodes/pve2/qemu/105/config"])),
    ("a running container's volumes stay", "pve_ct_volume_move",
     {"vmid": 301, "volume": "mp1", "storage": "nfs-vm"},
     dict(risk="high", reasons=["volumes of a running container cannot be moved"])),
    ("a stopped one's go", "pve_ct_volume_move", {"vmid": 303, "volume": "rootfs", "storage": "local-zfs"},
     dict(hit=[("ct/303", "stranded", "tied to pve1")], risk="medium")),
]

BACKUP = [
    ("a new job says whom it stops and which archive its retention takes",
     "pve_backup_job_create", {"id": "fresh", "schedule": "sun 03:00", "storage": "backup",
                               "vmid": ["101"], "mode": "stop", "prune-backups": "keep-last=1"},
     dict(hit=[("ct/101", "interrupted", "mode stop"), (f"backup/{ARCHIVE}", "loses-backup")],
          risk="medium", undo="inverse", watched=["/cluster/backup", "/storage", "/pools"],
          unwatched=["/nodes/pve1/storage/backup/content"])),
    ("guests that fall out of every schedule are named",
     "pve_backup_job_update", {"id": "nightly-prod", "vmid": ["101", "104"]},
     dict(hit=[("vm/105", "loses-backup", "every backup schedule"), ("ct/301", "loses-backup")],
          only={"vm/105", "ct/301"}, risk="high", undo="restore-object")),
    ("asked for all but one, it leaves that one out and drops its list",
     "pve_backup_job_update", {"id": "nightly-prod", "all": True, "exclude": ["104"]},
     dict(hit=[("vm/104", "loses-backup")], not_hit=["ct/101", "vm/105", "ct/301"], risk="high",
          undo="restore-object")),
    ("a job that is switched off loses all of them",
     "pve_backup_job_update", {"id": "nightly-prod", "enabled": False},
     dict(only={"ct/101", "vm/104", "vm/105", "ct/301"}, risk="high", undo="restore-object")),
    ("a schedule at another time hits nobody",
     "pve_backup_job_update", {"id": "nightly-prod", "schedule": "04:00"},
     dict(only=set(), risk="none", undo="restore-object")),
    ("deleting a job, too", "pve_backup_job_delete", {"id": "nightly-prod"},
     dict(only={"ct/101", "vm/104", "vm/105", "ct/301"}, risk="high", undo="restore-object")),
    ("another job that has them makes it mild", "pve_backup_job_delete", {"id": "nightly-prod"},
     dict(hit=[("ct/101", "changed", "job weekly still has it")], risk="low", undo="restore-object",
          before=[("POST", "/cluster/backup", {"id": "weekly", "schedule": "sun 01:00", "all": 1,
                                               "storage": "backup"})],
          after=[("DELETE", "/cluster/backup/weekly", {})])),
    ("another job saves nobody whose node cannot reach its storage", "pve_backup_job_delete", {"id": "nightly-prod"},
     dict(hit=[("ct/101", "loses-backup", "job weekly has it and cannot save it: far is not available at pve1"),
               ("vm/105", "changed", "job weekly still has it")], risk="high", undo="restore-object",
          before=[("POST", "/storage", {"storage": "far", "type": "dir", "path": "/far", "content": "backup",
                                        "nodes": "pve2"}),
                  ("POST", "/cluster/backup", {"id": "weekly", "schedule": "sun 01:00", "all": 1,
                                               "storage": "far"})],
          after=[("DELETE", "/cluster/backup/weekly", {}), ("DELETE", "/storage/far", {})])),
    ("a storage's end takes what may use it, and its place in pools", "pve_storage_delete", {"storage": "backup"},
     dict(hit=[("user/auditor@pve", "loses-access", "Datastore.AllocateSpace"),
               ("pool/prod", "changed", "leaves the pool")], risk="high", undo="restore-object",
          before=[("PUT", "/access/acl", {"path": "/storage/backup", "roles": "PVEDatastoreUser",
                                          "users": "auditor@pve"}),
                  ("PUT", "/pools", {"poolid": "prod", "storage": "backup"})],
          after=[("PUT", "/access/acl", {"path": "/storage/backup", "roles": "PVEDatastoreUser",
                                         "users": "auditor@pve", "delete": 1}),
                 ("PUT", "/pools", {"poolid": "prod", "storage": "backup", "delete": 1})])),
    ("a backup in mode stop interrupts a running guest",
     "pve_backup", {"vmid": 101, "storage": "backup", "mode": "stop"},
     dict(hit=[("ct/101", "interrupted", "mode stop")], only={"ct/101"}, risk="medium",
          watched=["/nodes/pve1/lxc/101/status/current"], unwatched=["/cluster/resources"])),
    ("to a storage that takes none it is lost",
     "pve_backup", {"vmid": 303, "storage": "nfs-vm"},
     dict(hit=[("ct/303", "loses-backup", "does not take backups")], risk="high")),
    ("its pruning is worked out",
     "pve_backup", {"vmid": 101, "storage": "backup", "remove": True, "prune-backups": "keep-last=1"},
     dict(hit=[(f"backup/{ARCHIVE}", "loses-backup")], risk="medium")),
    ("a restore over a guest takes its disks, and its identity is that of the one backed up",
     "pve_restore_ct", {"node": "pve1", "vmid": 303, "archive": ARCHIVE, "force": True},
     dict(hit=[("ct/303", "loses-data", "made anew"), ("ct/303", "reverted"),
               ("ct/101", "degraded", "the same MAC address")], risk="high", undo="none",
          watched=["/nodes/pve1/lxc/303/config", "/nodes/pve1/lxc/101/config", "/storage"],
          unwatched=["/nodes/pve2"])),
    ("without force it is refused",
     "pve_restore_ct", {"node": "pve1", "vmid": 303, "archive": ARCHIVE},
     dict(reasons=["ct/303 exists, and force is not set"], risk="high", undo="none")),
    ("as a new one with new addresses it disturbs nobody",
     "pve_restore_vm", {"node": "pve2", "vmid": 999, "archive": VM_ARCHIVE, "unique": True,
                        "storage": "nfs-vm"},
     dict(hit=[("vm/999", "changed", "a new guest is made")], only={"vm/999"}, risk="low")),
    ("a storage that is not there is named",
     "pve_restore_vm", {"node": "pve2", "vmid": 999, "archive": VM_ARCHIVE, "storage": "backup"},
     dict(reasons=["storage backup does not take images"], risk="high")),
    ("an archive of the other kind is refused",
     "pve_restore_vm", {"node": "pve1", "vmid": 999, "archive": ARCHIVE},
     dict(reasons=["the backup is of another kind"], risk="high")),
]

TEMPLATE = "local:vztmpl/x.tar.zst"
MAKE = [
    ("a new container with nesting and an address that another one has",
     "pve_create_container", {"node": "pve1", "vmid": 400, "ostemplate": TEMPLATE, "set": {
         "rootfs": "local-zfs:8", "unprivileged": 1, "features": "nesting=1",
         "net0": "name=eth0,bridge=vmbr0,ip=192.0.2.53/24"}},
     dict(hit=[("ct/400", "exposed", "nesting=1"), ("ct/302", "degraded", "the same IP address")],
          risk="high", watched=["/cluster/resources?type=vm", "/storage", "/access/acl",
                                "/nodes/pve1/network", "/nodes/pve2/lxc/302/config"],
          unwatched=["/nodes/pve1/lxc/101", "/nodes/pve1/status"])),
    ("a storage that takes no volumes of containers",
     "pve_create_container", {"node": "pve1", "vmid": 400, "ostemplate": TEMPLATE,
                              "set": {"unprivileged": 1, "rootfs": "local:8"}},
     dict(reasons=["storage local does not take rootdir"], risk="high")),
    ("a plain VM is medium: taking it back is destroying it",
     "pve_create_vm", {"node": "pve2", "vmid": 400, "set": {"scsi0": "nfs-vm:32",
                                                            "net0": "virtio,bridge=vmbr0"}},
     dict(only={"vm/400"}, risk="medium", reasons=["taking it back is destroying it"])),
    ("a VM that the node cannot run",
     "pve_create_vm", {"node": "pve2", "vmid": 400, "set": {
         "memory": 200000, "scsi0": "local-zfs:9000", "net0": "virtio,bridge=vmbr9"}},
     dict(hit=[("vm/400", "wont-boot", "no bridge vmbr9"), ("vm/400", "wont-boot", "less memory")],
          reasons=["local-zfs has"], risk="high")),
    ("a number that is taken is refused at once", "pve_create_vm", {"node": "pve2", "vmid": 101},
     dict(refused="already_exists")),
    ("a grant of the pool holds for the new guest", "pve_create_vm",
     {"node": "pve2", "vmid": 400, "pool": "prod"},
     dict(hit=[("user/ann@pve", "gains-access", "the pool's grant")],
          before=[("POST", "/access/users", {"userid": "ann@pve"}),
                  ("PUT", "/access/acl", {"path": "/pool/prod", "roles": "PVEVMUser",
                                          "users": "ann@pve"})],
          after=[("DELETE", "/access/users/ann@pve", {})])),
    ("a linked copy binds its template", "pve_clone", {"vmid": 213, "newid": 410},
     dict(hit=[("vm/410", "changed", "a linked copy"), ("vm/213", "changed", "cannot be destroyed")],
          risk="medium", watched=["/nodes/pve3/qemu/213/config"])),
    ("a number that is taken, in a copy", "pve_clone", {"vmid": 213, "newid": 105},
     dict(reasons=["number 105 is taken by vm/105"], risk="high", undo="none")),
    ("a container with a directory of the host is not copied", "pve_clone",
     {"vmid": 303, "newid": 410},
     dict(reasons=["mp0 is a path of the host"], risk="high")),
    ("a snapshot on zfs is not copied", "pve_clone", {"vmid": 104, "newid": 410, "snapname": "now"},
     dict(reasons=["scsi0 is on local-zfs, which knows no full copies of a snapshot"], risk="high",
          before=[("POST", "/nodes/pve1/qemu/104/snapshot", {"snapname": "now"})],
          after=[("DELETE", "/nodes/pve1/qemu/104/snapshot/now", {})])),
    ("what is no template is not copied linked", "pve_clone", {"vmid": 105, "newid": 410, "full": False},
     dict(reasons=["which knows no linked copies of what is no template"], risk="high")),
    ("a container with a directory of the host is no template", "pve_ct_template", {"vmid": 303},
     dict(reasons=["mp0 is a path of the host"], risk="high")),
    ("a template never starts again", "pve_vm_template", {"vmid": 214},
     dict(hit=[("vm/214", "wont-boot", "never be started again")], only={"vm/214"}, risk="high")),
    ("HA would go on starting it", "pve_ct_template", {"vmid": 302},
     dict(hit=[("ct/302", "degraded", "HA")], reasons=["ct/302 runs"], risk="high")),
]


DENIED = [
    ("destroying, with lists cut by privilege", "pve_delete_guest", {"vmid": 303},
     dict(hit=[("ct/303", "destroyed")], complete=False, unread=["the list of guests"])),
    ("migrating, with the target's state denied", "pve_guest_migrate", {"vmid": 303, "target": "pve2"},
     dict(complete=False, undo="inverse", unread=["state of"])),
    ("growing, with the storage's room denied", "pve_disk_resize",
     {"vmid": 303, "disk": "rootfs", "size": "+1G"},
     dict(complete=False, unread=["storage definitions"])),
    ("a backup, with archives that may be pruned denied", "pve_backup",
     {"vmid": 303, "storage": "backup"},
     dict(complete=False, unread=["storage definitions"])),
    ("a copy, with the node's state and storages denied", "pve_clone", {"vmid": 303, "newid": 410},
     dict(complete=False, unread=["the list of guests", "state of", "storages of"])),
    ("a template, with storages denied", "pve_ct_template", {"vmid": 303},
     dict(complete=False, unread=["storage definitions"])),
]

OFFLINE = [
    ("migrating to a node that is down", "pve_guest_migrate", {"vmid": 303, "target": "pve3"},
     dict(hit=[("ct/303", "stranded", "node pve3 is offline")], undo="inverse", complete=False)),
    ("a new guest on a node that is down", "pve_create_vm",
     {"node": "pve3", "vmid": 400, "set": {"scsi0": "nfs-vm:8"}},
     dict(complete=False, unread=["state of"])),
    ("growing a replicated disk, with the replica's node down", "pve_disk_resize",
     {"vmid": 101, "disk": "rootfs", "size": "+1G"},
     dict(complete=False, unread=["room at the replica's node"],
          before=[("DELETE", "/cluster/replication/101-0", {"force": 1}),
                  ("POST", "/cluster/replication", {"id": "101-1", "type": "local",
                                                    "target": "pve3"})])),
    ("destroying, with guests whose configuration cannot be read", "pve_delete_guest", {"vmid": 303},
     dict(hit=[("ct/303", "destroyed")], complete=False, unread=["configurations of"])),
]


def drift(t, w):
    """What the verdict rests on stops the plan when it changes, what it does not rest on does not."""
    code, p, text = w.plan("pve_delete_guest", vmid=303)
    w.sim.call("PUT", "/nodes/pve2/qemu/210/config", cores=2)
    w.sim.call("POST", "/nodes/pve3/qemu/214/status/start")
    code, q, text = w.plan("pve_delete_guest", vmid=213)
    w.sim.call("PUT", "/nodes/pve3/qemu/214/config", description="new")
    code, v, text = w.carry_out(q)
    t.ok(code == 5 and v["error"]["code"] == "plan_drifted", "a named clone that changed stops it", text)
    code, v, text = w.carry_out(p)
    t.ok(code == 0 and v["outcome"] == "done", "other guests' changes do not", text)


def test_tables(t):
    w = World()
    try:
        play(t, w, DESTROY + MIGRATE + DISKS + BACKUP + MAKE)
        w.operator()
        drift(t, w)
    finally:
        w.close()


def test_denied(t):
    w = World()
    try:
        limited(w, [("/vms/303", "PVEVMAdmin")])
        play(t, w, DENIED)
    finally:
        w.close()


def test_offline(t):
    w = World()
    try:
        take_down(w, "pve3")
        play(t, w, OFFLINE)
    finally:
        w.close()


sys.exit(Tap().run(test_tables, test_denied, test_offline))
