#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A guest that is made new or copied: whether its number, its storages and its room are there, who
gets it by older grants, which schedule takes it, and what a copy of its kind PVE refuses. The seed is
printed. TAP."""
import re

from guest_lib import compare, done

GB = 1 << 30
STORES = [{"storage": "zz", "type": "zfspool"}, {"storage": "thin", "type": "lvmthin"}, {"storage": "lv", "type": "lvm"},
          {"storage": "ss", "type": "nfs"}, {"storage": "rbd", "type": "rbd"},
          {"storage": "half", "type": "nfs", "nodes": "c1"}, {"storage": "off", "type": "nfs", "disable": 1},
          {"storage": "isos", "type": "nfs", "content": "iso,vztmpl"}]
SHARED = {"ss", "rbd", "half", "off", "isos"}
# plain LVM allocates the whole of a volume, ZFS reserves it for a VM's; a container's is only limited
FULL_AT_ONCE = {("lv", "images"), ("lv", "rootdir"), ("zz", "images")}


def around(rng, vmid, pool):
    """Lists that speak of a number before there is a guest; and what they mean."""
    jobs, acl, want = [], [], set()
    res = None
    for i in range(rng.randrange(4)):
        j = {"id": f"j{i}", **rng.choice([{"all": 1}, {"all": 1, "exclude": str(vmid)}, {"vmid": f"7,{vmid}"},
                                          {"vmid": "100"}, {"pool": "p"}])}
        if rng.random() < 0.3:
            j["enabled"] = 0
        if rng.random() < 0.2:
            j["node"] = rng.choice(["c1", "c2"])
        jobs.append(j)
    for _ in range(rng.randrange(4)):
        acl.append({"path": rng.choice([f"/vms/{vmid}", "/vms", "/pool/p", "/vms/100", f"/vms/{vmid}0"]),
                    "type": rng.choice(["user", "group"]), "ugid": rng.choice(["a@pve", "g"]), "roleid": "R"})
    for a in acl:
        if a["path"] == f"/vms/{vmid}":
            want.add((f"{a['type']}/{a['ugid']}", "gains-access", 2))
        elif pool and a["path"] == "/pool/" + pool:
            want.add((f"{a['type']}/{a['ugid']}", "gains-access", 1))
    return jobs, acl, want


def is_taken(jobs, vmid, node, pool):
    for j in jobs:
        if not j.get("enabled", 1):
            continue
        if "pool" in j:
            hit = j["pool"] == pool  # on whatever node: it was put there by name
        else:
            hit = j.get("node", node) == node and (
                str(vmid) in j["vmid"].split(",") if "vmid" in j else str(vmid) not in j.get("exclude", "").split(","))
        if hit:
            return True
    return False


class Room:
    def __init__(self, rng):
        self.avail = {(n, s["storage"]): rng.choice([10, 40, 200]) * GB for n in ("c1", "c2") for s in STORES}
        self.used = {}

    def answers(self):
        return {f"/nodes/{n}/storage": [{"storage": s, "avail": v, "total": 500 * GB, "used": 0, "active": 1}
                                        for (m, s), v in self.avail.items() if m == n] for n in ("c1", "c2")}

    def take(self, node, store, size, content):
        """What is said when so much more goes there."""
        key = (node, store)
        self.used[key] = self.used.get(key, 0) + size
        if self.used[key] > self.avail[key]:
            return "no room" if (store, content) in FULL_AT_ONCE else "may run full"
        return "nearly" if self.avail[key] - self.used[key] < self.avail[key] // 10 else None


def volume(room, node, store, content, size):
    s = next((s for s in STORES if s["storage"] == store), None)
    if not s or s.get("disable") or node not in s.get("nodes", "c1,c2"):
        return "nowhere"
    if content not in s.get("content", "images,rootdir").split(","):
        return "content"
    return room.take(node, store, size, content) if size else None


SAYS = [(r"risk 3 will be refused: number \d+ is taken", "taken"), (r"risk 3 will be refused: storage \S+ for \S+ is not", "nowhere"),
        (r"risk 3 will be refused: storage \S+ does not take", "content"), (r"risk 3 will be refused: \S+ does not fit", "no room"),
        (r"risk 3 \S+ has \d+ MiB left and may", "may run full"), (r"risk 2 \S+ will be nearly full", "nearly"),
        (r"risk 3 will be refused: a linked copy stays", "linked stays"),
        (r"risk 3 will be refused: a running container", "runs"), (r"risk 3 will be refused: \S+ is a path", "path"),
        (r"risk 3 will be refused: \S+ is on local storage", "local"),
        (r"risk 3 will be refused: \S+ is on \S+, which knows no", "feature"), (r"unread", "unread"),
        (r"risk 3 will be refused", "other")]


def compared(answer, want, said, what):
    got = {(a[0], a[1], int(a[2])) for a in (line.split(" ") for line in answer["affects"])}
    heard = set()
    for line in answer["says"]:
        mark = next((m for p, m in SAYS if re.match(p, line)), None)
        if mark:
            heard.add(mark)
    if want != got or said != heard:
        return f"{what}\nmissing {want - got}\ntoo much {got - want}\nsays {said}\nheard {heard}\n{answer}"
    return None


def base_world(room, guests, jobs, acl):
    return {"/storage": [{"content": "images,rootdir", **s} for s in STORES],
            "/cluster/resources?type=node": [{"node": n, "status": "online"} for n in ("c1", "c2")],
            "/cluster/resources?type=vm": guests, "/cluster/backup": jobs, "/access/acl": acl, **room.answers(),
            **{f"/nodes/{n}/status": {"memory": {"total": 500 * GB, "available": 400 * GB}, "cpuinfo": {"cpus": 64}}
               for n in ("c1", "c2")}}


def clone_case(rng, driver):
    kind = rng.choice(["qemu", "qemu", "lxc"])
    ct, template, running = kind == "lxc", rng.random() < 0.5, rng.random() < 0.3
    running = running and not template
    stem = "base" if template else "vm"
    if ct and not template:
        stem = "vm"
    cfg, disks = {"memory": 512, "cores": 1}, []
    for n, key in enumerate((["rootfs", "mp0"] if ct else ["scsi0", "virtio3"])[:rng.randrange(1, 3)]):
        store, size = rng.choice(["zz", "thin", "lv", "ss", "rbd", "half"]), rng.choice([4, 8, 30])
        name = f"{stem}-100-disk-{n}"
        if store in ("ss", "half"):
            name = f"100/{name}.qcow2" if not ct else f"100/{name}.raw"
        if ct and store == "zz":
            name = name.replace("base-", "basevol-").replace("vm-", "subvol-")
        cfg[key] = f"{store}:{name},size={size}G" + (",mp=/m" if key == "mp0" else "")
        disks.append((key, store, size * GB))
    bind = ct and rng.random() < 0.15
    if bind:
        cfg["mp5"] = "/srv/x,mp=/x"
    newid = rng.choice([200, 200, 200, 101])
    form = {"newid": newid}
    if rng.random() < 0.5:
        form["full"] = rng.choice([0, 1])
    if rng.random() < 0.3:
        form["storage"] = rng.choice(["ss", "lv", "isos", "off", "nope"])
    if rng.random() < 0.3:
        form["target"] = rng.choice(["c1", "c2"])
    if rng.random() < 0.3:
        form["pool"] = rng.choice(["p", "q"])
    node, linked = form.get("target", "c1"), not form.get("full", not template)
    room = Room(rng)
    jobs, acl, want = around(rng, newid, form.get("pool"))
    src, new = ("ct" if ct else "vm") + "/100", ("ct" if ct else "vm") + f"/{newid}"
    said = {"taken"} if newid == 101 else set()
    want |= {(new, "changed", 1)}
    if not is_taken(jobs, newid, node, form.get("pool")):
        want.add((new, "none", 1))
    if linked and "storage" in form:
        said.add("linked stays")
    if ct and running:
        said.add("runs")
    if bind:
        said.add("path")
        want.add((new, "exposed", 3))
    binds = False
    for key, store, size in disks:
        if node != "c1" and store not in SHARED:
            said.add("local")
            continue
        if linked:
            # plain LVM knows no clones at all; of the others only what is a base can be linked to, and of
            # a file the link is a qcow2 one, which containers cannot use
            if store == "lv" or not template or ct and store in ("ss", "half"):
                said.add("feature")
            else:
                binds |= store != "thin"  # a thin snapshot stands by itself
        to = form["storage"] if "storage" in form and not linked else store
        said.add(volume(room, node, to, "rootdir" if ct else "images", 0 if linked else size))
    if binds:
        want.add((src, "changed", 1))
    elif running and not linked:
        want.add((src, "none", 1))
    w = base_world(room, [{"type": kind, "vmid": 100, "node": "c1", "template": int(template),
                           "status": "running" if running else "stopped"},
                          {"type": "qemu", "vmid": 101, "node": "c2", "status": "stopped"}], jobs, acl)
    w[f"/nodes/c1/{kind}/100/config"] = cfg
    answer = driver.ask({"call": "clone", "world": w, "vmid": 100, "ask_vmid": 100, "nodes": node, "form": form})
    return compared(answer, want, said - {None}, f"clone {kind} template {template} running {running} {cfg} {form} {jobs} {acl}")


def create_case(rng, driver):
    kind = rng.choice(["qemu", "lxc"])
    ct, newid, node = kind == "lxc", rng.choice([200, 200, 200, 101]), rng.choice(["c1", "c2"])
    form, room = {"vmid": newid, "memory": 512, "cores": 1}, Room(rng)
    if rng.random() < 0.3:
        form["pool"] = rng.choice(["p", "q"])
    jobs, acl, want = around(rng, newid, form.get("pool"))
    new = ("ct" if ct else "vm") + f"/{newid}"
    want.add((new, "changed", 1))
    if not is_taken(jobs, newid, node, form.get("pool")):
        want.add((new, "none", 1))
    said = {"taken"} if newid == 101 else set()
    if ct:
        store = rng.choice(["isos", "ss", "nope"])
        form["ostemplate"] = f"{store}:vztmpl/d.tar.zst"
        form["unprivileged"] = 1
        said.add(volume(room, node, store, "vztmpl", 0))
    keys = ["rootfs", "mp0"] if ct else ["scsi0", "virtio3"]
    for key in keys[:rng.randrange(1, 3)]:
        store, size = rng.choice(["zz", "thin", "lv", "ss", "half", "off", "isos", "nope"]), rng.choice([4, 8, 30])
        form[key] = f"{store}:{size}" + (",mp=/m" if key == "mp0" else "")
    for key in [k for k in form if k in keys]:
        store, size = re.match(r"(\w+):(\d+)", form[key]).groups()
        said.add(volume(room, node, store, "rootdir" if ct else "images", int(size) * GB))
    w = base_world(room, [{"type": "qemu", "vmid": 101, "node": "c2", "status": "stopped"}], jobs, acl)
    answer = driver.ask({"call": "create", "world": w, "kind": kind, "node": node, "nodes": node, "form": form})
    return compared(answer, want, said - {None}, f"create {kind} at {node} {form} {jobs} {acl}")


compare("a guest is made", create_case)
compare("a guest is copied", clone_case)
done()
