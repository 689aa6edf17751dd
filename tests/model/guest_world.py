# SPDX-License-Identifier: Apache-2.0
"""Random clusters for the models of guests and backups: answers of the API by path, and nothing that
knows what an analyser makes of them."""

NODES = ["c1", "c2", "c3"]
STORES = [
    {"storage": "zz", "type": "zfspool", "content": "images,rootdir"},
    {"storage": "thin", "type": "lvmthin", "content": "images,rootdir", "nodes": "c1,c2"},
    {"storage": "here", "type": "dir", "content": "images,rootdir,iso,backup,snippets", "path": "/d"},
    {"storage": "ss", "type": "nfs", "content": "images,rootdir,iso,backup,snippets", "shared": 1},
    {"storage": "half", "type": "nfs", "content": "images,rootdir", "shared": 1, "nodes": "c1,c3"},
    {"storage": "off", "type": "nfs", "content": "images,rootdir", "shared": 1, "disable": 1},
    {"storage": "isos", "type": "nfs", "content": "iso", "shared": 1},
    {"storage": "rbd", "type": "rbd", "content": "images,rootdir"},
]


def volume_name(store, vmid, n, stem="vm"):
    if store in ("zz", "thin", "rbd"):
        return f"{stem}-{vmid}-disk-{n}"
    return f"{vmid}/{stem}-{vmid}-disk-{n}." + ("raw" if n % 2 else "qcow2")


class Cluster:
    def __init__(self, rng):
        self.rng = rng
        self.guests = {}
        self.world = {"/storage": [dict(s) for s in STORES]}
        for vmid in range(100, 100 + rng.randrange(1, 7)):
            self.guest(vmid)
        self.lists()

    def disk(self, vmid, n):
        """A value: mostly the guest's own, sometimes somebody else's or a linked clone."""
        rng = self.rng
        store = rng.choice(["zz", "thin", "here", "ss", "ss", "half", "off", "rbd", "gone"])
        owner = vmid if rng.random() < 0.85 else rng.choice([vmid + 1, 100, 999])
        name = volume_name(store, owner, n)
        if rng.random() < 0.12:
            base = rng.choice([100, 101, 102])
            name = volume_name(store, base, rng.randrange(2), "base") + "/" + name
        return f"{store}:{name}"

    def options(self, value):
        rng = self.rng
        more = [o for o in ["size=8G", "ssd=1", "backup=0", "replicate=0", "iothread=1"]
                if rng.random() < 0.25]
        if rng.random() < 0.1:
            return ",".join(more + ["file=" + value])
        return ",".join([value] + more)

    def vm(self, vmid):
        rng = self.rng
        cfg = {"cores": rng.choice([1, 2, 4]), "memory": rng.choice([512, 2048, 4096])}
        keys = rng.sample(["scsi0", "scsi1", "scsi10", "virtio0", "sata3", "ide0"], rng.randrange(1, 4))
        for n, key in enumerate(keys):
            cfg[key] = self.options(self.disk(vmid, n))
        if rng.random() < 0.2:
            cfg["efidisk0"] = self.disk(vmid, 7) + ",efitype=4m"
        if rng.random() < 0.1:
            cfg["tpmstate0"] = self.disk(vmid, 8)
        if rng.random() < 0.2:
            cfg["unused0"] = self.disk(vmid, 9)
        drive = rng.random()
        if drive < 0.15:
            cfg["ide2"] = rng.choice(["isos:iso/x.iso", "here:iso/x.iso"]) + ",media=cdrom"
        elif drive < 0.3:
            store = rng.choice(["zz", "ss", "thin"])
            name = f"vm-{vmid}-cloudinit" if store != "ss" else f"{vmid}/vm-{vmid}-cloudinit.qcow2"
            cfg["ide2"] = f"{store}:{name},media=cdrom"
        elif drive < 0.4:
            cfg["ide2"] = rng.choice(["none,media=cdrom", "cdrom,media=cdrom"])
        if rng.random() < 0.1:
            cfg["hookscript"] = "here:snippets/h.pl"
        boot = rng.random()
        if boot < 0.6:
            cfg["boot"] = "order=" + ";".join(rng.sample(keys + ["net0"], rng.randrange(1, len(keys) + 2)))
        elif boot < 0.7:
            cfg["bootdisk"] = rng.choice(keys)
        return cfg

    def ct(self, vmid):
        rng = self.rng
        cfg = {"rootfs": self.options(self.disk(vmid, 0)), "cores": 1, "memory": 512}
        for n in range(rng.randrange(3)):
            kind = rng.random()
            value = self.disk(vmid, n + 1) if kind < 0.7 else rng.choice(["/srv/x", "/dev/sdb1"])
            cfg[f"mp{n}"] = value + f",mp=/m{n}" + rng.choice(["", ",backup=1", ",shared=1"])
        if rng.random() < 0.15:
            cfg["unused0"] = self.disk(vmid, 9)
        return cfg

    def guest(self, vmid):
        rng = self.rng
        kind = rng.choice(["qemu", "qemu", "lxc"])
        make = self.vm if kind == "qemu" else self.ct
        cfg = make(vmid)
        if rng.random() < 0.1:
            cfg["protection"] = 1
        snaps = {}
        for name in rng.sample(["s1", "s2"], rng.choice([0, 0, 1, 2])):
            snap = dict(cfg) if rng.random() < 0.6 else make(vmid)
            if kind == "qemu" and rng.random() < 0.3:
                snap["vmstate"] = f"ss:{vmid}/vm-{vmid}-state-{name}.raw"
            snaps[name] = snap
        row = {"type": kind, "vmid": vmid, "node": rng.choice(NODES), "name": f"g{vmid}",
               "status": rng.choice(["running", "stopped"])}
        if rng.random() < 0.15:
            row.update(template=1, status="stopped")
        self.guests[vmid] = {"row": row, "cfg": cfg, "snaps": snaps}

    def lists(self):
        rng, w = self.rng, self.world
        w["/cluster/resources?type=vm"] = [g["row"] for g in self.guests.values()]
        w["/cluster/ha/resources"] = [
            {"sid": ("ct:" if g["row"]["type"] == "lxc" else "vm:") + str(v),
             "state": rng.choice(["started", "ignored"])}
            for v, g in self.guests.items() if rng.random() < 0.2]
        w["/cluster/replication"] = [
            dict({"id": f"{v}-0", "guest": v, "target": rng.choice(
                [n for n in NODES if n != g["row"]["node"]])},
                 **({"disable": 1} if rng.random() < 0.3 else {}))
            for v, g in self.guests.items() if rng.random() < 0.2]
        for v, g in self.guests.items():
            base = f"/nodes/{g['row']['node']}/{g['row']['type']}/{v}"
            w[base + "/config"] = g["cfg"]
            w[base + "/snapshot"] = [{"name": n, "snaptime": i + 1}
                                     for i, n in enumerate(g["snaps"])] + [{"name": "current"}]
            for n, cfg in g["snaps"].items():
                w[f"{base}/snapshot/{n}/config"] = cfg

    def resource(self, vmid):
        return ("ct/" if self.guests[vmid]["row"]["type"] == "lxc" else "vm/") + str(vmid)

    def sections(self, vmid):
        """(name of the snapshot or None, configuration)"""
        g = self.guests[vmid]
        return [(None, g["cfg"])] + list(g["snaps"].items())
