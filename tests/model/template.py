#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A guest, or one disk of it, becomes a template: what PVE refuses, which disks stay writable, who
will try to start or replicate it. The seed is printed. TAP."""
import re

from guest_lib import compare, done

# storages that know base volumes, by PVE's documentation of linked clones
BASES = {"zz": True, "thin": True, "ss": True, "rbd": True, "lv": False}
STORES = [{"storage": "zz", "type": "zfspool"}, {"storage": "thin", "type": "lvmthin"},
          {"storage": "ss", "type": "nfs"}, {"storage": "rbd", "type": "rbd"}, {"storage": "lv", "type": "lvm"}]


def volume(rng, vmid, n, stem="vm"):
    s = rng.choice(sorted(BASES))
    return s, f"{s}:{vmid}/{stem}-{vmid}-disk-{n}.qcow2" if s == "ss" else f"{s}:{stem}-{vmid}-disk-{n}"


def one_case(rng, driver):
    kind = rng.choice(["qemu", "qemu", "lxc"])
    ct, running, done_before = kind == "lxc", rng.random() < 0.2, rng.random() < 0.15
    cfg, on = {}, {}
    for n, key in enumerate(["rootfs", "mp0", "mp1"] if ct else rng.sample(["scsi0", "virtio1", "efidisk0", "sata2"], 2)):
        if key == "mp1" and rng.random() < 0.6:
            continue
        s, value = volume(rng, 100, n)
        if ct and s == "ss":
            value = f"ss:100/vm-100-disk-{n}.raw"
        if key == "mp1" and rng.random() < 0.5:
            s, value = None, "/srv/x"
        cfg[key] = value + (",mp=/m" if key.startswith("mp") else "")
        on[key] = s
    if rng.random() < 0.3:
        cfg["unused0"] = "lv:vm-100-disk-9"
    if not ct and rng.random() < 0.4:
        cfg["ide2"] = rng.choice(["ss:iso/x.iso,media=cdrom", "none,media=cdrom", "lv:vm-100-cloudinit,media=cdrom"])
    disk = rng.choice(sorted(on)) if not ct and rng.random() < 0.25 else None
    snaps = rng.randrange(1, 3) if rng.random() < 0.2 else 0
    ha = rng.choice([None, None, "started", "ignored"])
    job = rng.choice([None, None, {"disable": 1}, {}])
    res = ("ct" if ct else "vm") + "/100"
    base = f"/nodes/c1/{kind}/100"
    w = {"/storage": [{**s, "content": "images,rootdir"} for s in STORES], base + "/config": cfg,
         base + "/snapshot": [{"name": f"s{i}x", "snaptime": i + 1} for i in range(snaps)] + [{"name": "current"}],
         "/cluster/resources?type=vm": [{"type": kind, "vmid": 100, "node": "c1", "template": int(done_before),
                                         "status": "running" if running else "stopped"}],
         "/cluster/ha/resources": [{"sid": res.replace("/", ":"), "state": ha}] if ha else [],
         "/cluster/replication": [] if job is None else [{"id": "100-0", "guest": 100, "target": "c2", **job}]}
    want = {(res, "wont-boot", disk or "-")}
    no = {"template"} if done_before and not disk else set()
    no |= ({"runs"} if running else set()) | ({"snapshots"} if snaps else set())
    for key, s in on.items():
        if disk not in (None, key):
            continue
        if ct and s is None:
            no.add("path " + key)
        elif ct and not BASES[s]:
            no.add("base " + key)
        elif not ct and not BASES[s]:
            want.add((res, "degraded", key))
    if ha == "started":
        want.add((res, "degraded", "HA"))
    if job is not None:
        want.add((res, "degraded", "replication"))
    answer = driver.ask({"call": "template", "vmid": 100, "ask_vmid": 100, "world": w,
                         "form": {"disk": disk} if disk else {}})
    got, said = set(), set()
    for line in answer["affects"]:
        words = line.split(" ")
        got.add((words[0], words[1], words[3]))
    for line in answer["says"]:
        for pattern, mark in ((r".*refused: .* is a template already", "template"), (r".*refused: .* runs$", "runs"),
                              (r".*refused: .* has \d+ snapshot", "snapshots"),
                              (r".*refused: (\S+) is a path", "path "), (r".*refused: (\S+) is on .* no base", "base ")):
            m = re.match(pattern, line)
            if m:
                said.add(mark + (m[1] if m.groups() else ""))
        if line.startswith("unread"):
            said.add(line)
    if want != got or no != said:
        return f"{kind} {cfg} disk {disk} ha {ha} job {job}\nmissing {want - got} too much {got - want}\nrefused {no} said {said}"
    return None


compare("a guest becomes a template", one_case)
done()
