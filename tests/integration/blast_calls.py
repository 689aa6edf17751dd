# SPDX-License-Identifier: Apache-2.0
"""What plans of snapshots and of stopping a task say: one case a table row, through the whole client against
a simulated cluster."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from verdicts import play  # noqa: E402
from world import Tap, World  # noqa: E402

MAKE, DROP, STOP = "pve_snapshot_create", "pve_snapshot_delete", "pve_task_stop"
SNAPSHOTS = [
    ("a new snapshot is taken back by deleting it", MAKE, {"vmid": 101, "snapname": "fresh"},
     dict(undo="inverse", risk="low", watched=["/nodes/pve1/lxc/101/config", "/nodes/pve1/lxc/101/snapshot"])),
    ("a name that is taken", MAKE, {"vmid": 101, "snapname": "before-tls"}, dict(refused="already_exists")),
    ("a container has no state to save", MAKE, {"vmid": 101, "snapname": "fresh", "vmstate": True},
     dict(refused="bad_argument")),
    ("a guest that is not there", MAKE, {"vmid": 999, "snapname": "fresh"}, dict(refused="no_such_guest")),
    ("a deleted one does not come back", DROP, {"vmid": 101, "snapname": "before-tls"},
     dict(undo="none", reasons=["the state saved with this snapshot is gone"],
          watched=["/nodes/pve1/lxc/101/snapshot"])),
    ("one that is not there", DROP, {"vmid": 101, "snapname": "nosuch"}, dict(refused="no_such_snapshot")),
]


def test_snapshots(t):
    w = World()
    try:
        play(t, w, SNAPSHOTS)
    finally:
        w.close()


def running(w, method, path, **form):
    """A task that does not end by itself."""
    return w.sim.send(method, path, **form)


def test_tasks(t):
    w = World("--fault", "task-hang POST /nodes/*/vzdump x1", "--fault", "task-hang POST /nodes/*/lxc/101/snapshot x1",
              "--fault", "task-hang POST /nodes/*/startall x1")
    try:
        dump = running(w, "POST", "/nodes/pve1/vzdump", vmid=104, storage="backup", mode="snapshot")
        snap = running(w, "POST", "/nodes/pve1/lxc/101/snapshot", snapname="slow")
        every = running(w, "POST", "/nodes/pve1/startall")
        done = w.sim.send("POST", "/nodes/pve2/qemu/105/snapshot", snapname="quick")
        w.sim.end_of(done)
        play(t, w, [
            ("a backup removes what it had half made", STOP, {"upid": dump},
             dict(only={"vm/104"}, hit=[("vm/104", "interrupted", "killed half-way")], risk="medium",
                  reasons=["removes what it had half made"], watched=["/nodes/pve1/tasks/"])),
            ("a snapshot stays half done", STOP, {"upid": snap},
             dict(only={"ct/101"}, hit=[("ct/101", "interrupted")], risk="medium", reasons=["stays half done"])),
            ("a task of no guest", STOP, {"upid": every},
             dict(only={"task"}, hit=[("task", "interrupted")], risk="medium")),
            ("one that has ended", STOP, {"upid": done}, dict(refused="no_change")),
            ("no task at all", STOP, {"upid": "UPID:pve1:x"}, dict(refused="bad_argument")),
        ])
    finally:
        w.close()


sys.exit(Tap().run(test_snapshots, test_tasks))
