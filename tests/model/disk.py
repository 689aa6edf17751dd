#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Disks of a node that are written over, and what was made of disks destroyed, against a model that
keeps a plain list: this disk, that pool, those storages, these guests. TAP."""
from guest_lib import compare, done


class World:
    def __init__(self, rng):
        self.entries, self.groups, self.pools, self.boot, self.osds = [], {}, {}, {}, {}
        self.on = {}  # disk: what it holds, as model words
        self.named = {}  # disk: what the node's list tells of its other names
        disks = [f"/dev/sd{c}" for c in "abcdefgh"[:rng.randint(1, 8)]]
        for i, disk in enumerate(disks):
            self.named[disk] = rng.choice([{}, {"by_id_link": f"/dev/disk/by-id/ata-M_{'9' * (i + 1)}"},
                                           {"by_id_link": "unknown", "wwn": f"0x5{'0' * i}"},
                                           {"wwn": f"eui.5{'0' * i}"}])
            parts = [disk] if rng.random() < 0.5 else [
                f"{disk}{i}" for i in range(1, rng.randint(2, 4))]
            if parts != [disk]:
                self.entries.append({"devpath": disk, "used": "partitions", **self.named[disk]})
            self.on[disk] = []
            for part in parts:
                self.part(rng, disk, part)
        stores = []
        for name in self.groups:
            if rng.random() < 0.7:
                stores.append({"storage": f"s-{name}", "type": "lvm", "vgname": name})
            if rng.random() < 0.5:
                stores.append({"storage": f"t-{name}", "type": "lvmthin", "vgname": name,
                               "thinpool": "data"})
        for name in self.pools:
            if rng.random() < 0.7:
                stores.append({"storage": f"z-{name}", "type": "zfspool",
                               "pool": name + rng.choice(["", "/vm", "x"])})
        stores.append({"storage": "bak", "type": "dir", "path": rng.choice(
            ["/mnt/pve/bak", "/mnt/pve/bak/sub", "/mnt/pve/bakery", "/tank0/dir", "/tank01/dir"])})
        for s in stores:
            if rng.random() < 0.2:
                s["nodes"] = rng.choice(["c1", "c2"])
        self.stores = stores
        self.guests = {}
        for vmid in range(100, 100 + rng.randint(0, 5)):
            cfg = {f"scsi{i}": f"{rng.choice(stores)['storage']}:vm-{vmid}-disk-{i}"
                   for i in range(rng.randint(0, 3))}
            self.guests[vmid] = (rng.choice(["c1", "c1", "c2"]), cfg)
        self.disks = disks

    def part(self, rng, disk, part):
        entry = {"devpath": part, **({"parent": disk} if part != disk else self.named[disk])}
        what = rng.choice(["", "LVM", "LVM", "ZFS", "ZFS", "EFI", "ext4", "osd"])
        if what == "LVM":
            name = rng.choice(["pve", "vg1"])
            self.groups.setdefault(name, []).append(part)
            self.on[disk].append(("lvm", name, part))
        elif what == "ZFS":
            name = rng.choice(["tank0", "tank1", "tank2"])
            pool = self.pools.setdefault(
                name, {"kind": rng.choice(["", "mirror-0", "raidz1-0"]), "of": []})
            pool["of"].append(rng.choice(self.names(disk, part)))
            self.on[disk].append(("zfs", name, part))
        elif what == "osd":
            entry["osdid"] = 10 + len(self.osds)
            self.osds[part] = entry["osdid"]
            self.on[disk].append(("osd", entry["osdid"], part))
            what = ""
        elif what:
            self.on[disk].append((what, "", part))
        entry["used"] = what
        self.entries.append(entry)

    def names(self, disk, part):
        """What a pool may call it."""
        by_id = self.named[disk].get("by_id_link", "unknown")
        wwn = self.named[disk].get("wwn")
        number = f"-part{part[len(disk):]}" if part != disk else ""
        return [part, part[5:], *([by_id + number, by_id.split("/")[-1] + number] if by_id != "unknown" else []),
                *([("nvme-" if wwn.startswith("eui.") else "wwn-") + wwn + number] if wwn else [])]

    def answers(self):
        w = {"/nodes/c1/disks/list?include-partitions=1": self.entries,
             "/nodes/c1/disks/lvm": {"children": [
                 {"name": n, "children": [{"name": d} for d in of]} for n, of in self.groups.items()]},
             "/nodes/c1/disks/zfs": [{"name": n} for n in self.pools], "/storage": self.stores}
        for n, pool in self.pools.items():
            leaves = [{"name": d} for d in pool["of"]]
            inner = [{"name": pool["kind"], "children": leaves}] if pool["kind"] else leaves
            w[f"/nodes/c1/disks/zfs/{n}"] = {"name": n, "children": [{"name": n, "children": inner}]}
        w["/cluster/resources?type=vm"] = [
            {"type": "qemu", "vmid": v, "node": node, "name": f"g{v}", "status": "stopped"}
            for v, (node, _) in self.guests.items()]
        for v, (node, cfg) in self.guests.items():
            w[f"/nodes/{node}/qemu/{v}/config"] = cfg
        return w

    def stands(self, s, kind, name, group):
        if "c1" not in s.get("nodes", "c1"):
            return False
        if kind == "lvm":
            return s.get("vgname") == name
        if kind == "lvmthin":
            return s.get("vgname") == group and s.get("thinpool") == name
        below = "/" + name if kind == "zfs" else "/mnt/pve/" + name
        if kind == "zfs" and s.get("pool", "").split("/")[0] == name:
            return True
        return (s.get("path", "") + "/").startswith(below + "/")

    def lose(self, said, kind, name, effect="destroyed", group=""):
        said.add((f"{kind}/{name}", effect))
        for s in self.stores:
            if self.stands(s, kind, name, group):
                said.add((f"storage/{s['storage']}", effect))
                for vmid, (node, cfg) in self.guests.items():
                    if node == "c1" and any(v.startswith(s["storage"] + ":") for v in cfg.values()):
                        said.add((f"vm/{vmid}", effect))

    def wipe(self, chosen):
        said = set()
        for disk in chosen:
            if not self.on[disk]:
                said.add((f"disk/c1:{disk}", "destroyed"))
            for kind, name, _ in self.on[disk]:
                if kind == "lvm":
                    self.lose(said, "lvm", name)
                elif kind == "zfs":
                    spare = self.pools[name]["kind"] and len(chosen) == 1
                    self.lose(said, "zfs", name, "degraded" if spare else "destroyed")
                elif kind == "osd":
                    said.add((f"osd/{name}", "destroyed"))
                else:
                    said.add(("node/c1", "wont-boot" if kind == "EFI" else "destroyed"))
        return said


def same(got, want, w):
    have = {tuple(line.split(" ")[:2]) for line in got["affects"]}
    unread = [line for line in got["says"] if line.startswith("unread")]
    if have != want or unread:
        return f"missing {sorted(want - have)}\ntoo much {sorted(have - want)}\n{unread}\n{w}"
    return None


def wiped(rng, driver):
    w = World(rng)
    chosen = rng.sample(w.disks, rng.randint(1, min(3, len(w.disks))))
    got = driver.ask({"call": "disk", "world": w.answers(), "node": "c1", "nodes": "c1",
                      "devices": ",".join(chosen)})
    return same(got, w.wipe(chosen), w.answers())


def destroyed(rng, driver):
    w = World(rng)
    kind, name, group = rng.choice([("lvm", "pve", ""), ("lvmthin", "data", "pve"), ("zfs", "tank0", ""),
                                    ("lvmthin", "data", "vg1"), ("directory", "bak", "")])
    said = set()
    w.lose(said, kind, name, group=group)
    got = driver.ask({"call": "disk-pool", "world": w.answers(), "node": "c1", "nodes": "c1",
                      "kind": kind, "name": name, "in": group})
    return same(got, said, w.answers())


compare("wiped", wiped, 2000)
compare("destroyed", destroyed, 2000)
done()
