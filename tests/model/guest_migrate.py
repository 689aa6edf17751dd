#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A move between nodes against a model per disk, device, bridge and processor, and backup jobs'
coverage guest by guest. TAP."""
import re

from guest_lib import cases, compare, done, ok, parts
from guest_world import Cluster, NODES
from ha_rules import Rules

seen = {"along": 0, "HA": 0}
VOLUME = re.compile(r"^(scsi|virtio|ide|sata|efidisk|tpmstate|unused|mp)\d+$|^(rootfs|vmstate)$")
SHARED_TYPES = {"nfs", "rbd"}
LEVEL = {"x86-64-v2": {"sse4_2", "popcnt"}, "x86-64-v2-AES": {"sse4_2", "popcnt", "aes"},
         "x86-64-v3": {"sse4_2", "popcnt", "aes", "avx2"}}
ALL = "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3 aes avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"
SOME = "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3"


class Move:
    def __init__(self, c, vmid, target, form):
        self.c, self.vmid, self.target, self.form = c, vmid, target, form
        self.g = c.guests[vmid]
        self.ct = self.g["row"]["type"] == "lxc"
        self.running = self.g["row"]["status"] == "running"
        self.live = self.running and not self.ct and form.get("online", 0)
        self.stores = {s["storage"]: s for s in c.world["/storage"]}
        self.jobs = [j for j in c.world["/cluster/replication"] if j["guest"] == vmid]
        self.to_replica = any(j["target"] == target for j in self.jobs)
        self.blocked, self.copied, self.wont, self.along = set(), set(), set(), set()

    def sid(self, vmid):
        return ("ct:" if self.c.guests[vmid]["row"]["type"] == "lxc" else "vm:") + str(vmid)

    def there(self, sid, node):
        s = self.stores.get(sid)
        return s and not s.get("disable") and node in s.get("nodes", ",".join(NODES)).split(",")

    def mapped(self, sid):
        entries, default = {}, None
        for e in filter(None, self.form.get("targetstorage", "").split(",")):
            if e == "1":
                continue
            a, colon, b = e.partition(":")
            if colon:
                entries[a] = b
            else:
                default = a
        return entries.get(sid, default or sid)

    def volume(self, via, key, value, snap):
        what, opt = parts(value)
        cdrom = opt.get("media") == "cdrom"
        if what == "none":
            return None
        if what == "cdrom":
            return "cd"
        if what.startswith("/"):
            return None if opt.get("shared") == "1" else "path"
        sid, name = what.split(":", 1)
        s = self.stores.get(sid)
        if not s or not self.there(sid, self.g["row"]["node"]):
            return "source"
        shared = s.get("shared") or s["type"] in SHARED_TYPES
        to = sid if shared else self.mapped(sid)
        cloudinit = cdrom and "cloudinit" in name
        kind = "rootdir" if self.ct else "iso" if cdrom and not cloudinit else "images"
        if not self.there(to, self.target) or kind not in self.stores[to]["content"].split(","):
            return "target"
        if shared:
            return None
        if cdrom and not cloudinit:
            return "iso"
        qcow = name.endswith(".qcow2")
        live = self.live and not snap and not key.startswith(("unused", "tpmstate", "vmstate"))
        if not cloudinit:
            owner = re.search(r"(?:^|/)(?:vm|base)-(\d+)-[^/]*$", name)
            if not owner or int(owner[1]) != self.vmid:
                return "owner"
            replicated = self.to_replica and s["type"] == "zfspool" and opt.get("replicate") != "0"
            held = snap or any(parts(v)[0] == what for n, cfg in self.c.sections(self.vmid) if n
                               for k, v in cfg.items() if VOLUME.match(k))
            if held and key != "vmstate":
                if self.live and not replicated:
                    return "snapshots"
                if not (s["type"] == "zfspool" or (qcow and not self.ct)):
                    return "snapshots"
            if self.g["row"].get("template") and self.cloned(what):
                return "base"
        bad = None
        if live and not cloudinit and not self.form.get("with-local-disks"):
            bad = "flag"
        if s["type"] not in ("dir", "btrfs", "zfspool", "lvmthin", "lvm"):
            return "type"
        if re.search(r"(?:^|/)base-\d+-[^/]*/", name):
            return "clone"
        if to != sid and not (live and not cloudinit):
            t = self.stores[to]["type"]
            if (s["type"] == "zfspool") != (t == "zfspool") or (
                    qcow and t not in ("dir", "nfs", "cifs")):
                return "stream"
        self.copied.add(via)
        return bad

    def cloned(self, what):
        bare = re.compile(re.escape(what) + "/")
        return any(bare.match(parts(v)[0] or "") for vmid in self.c.guests
                   for _, cfg in self.c.sections(vmid) for k, v in cfg.items() if VOLUME.match(k))

    def run(self):
        node = self.g["row"]["node"]
        cfg = self.g["cfg"]
        if self.running and not self.live and not (self.ct and self.form.get("restart")):
            self.blocked.add("restart" if self.ct else "online")
        for snap, section in self.c.sections(self.vmid):
            for key, value in section.items():
                if not VOLUME.match(key):
                    continue
                if snap and any(parts(v)[0] == parts(value)[0] for k, v in cfg.items()
                                if VOLUME.match(k)):
                    continue
                via = f"snapshot {snap} {key}" if snap else key
                if self.volume(via, key, value, snap):
                    self.blocked.add(via)
        for key, value in cfg.items():
            value = str(value)
            if self.ct:
                if re.match(r"dev\d", key):
                    self.wont.add(key)
                continue
            if re.match(r"hostpci\d|usb\d", key):
                m = re.search(r"mapping=([^,]*)", value)
                if m:
                    where, able = self.c.mappings[m[1]]
                    if self.target not in where or (self.live and not able):
                        self.blocked.add(key)
                elif "spice" not in value:
                    self.blocked.add(key)
            if re.match(r"serial\d|parallel\d", key) and value != "socket":
                self.blocked.add(key)
        for key, value in cfg.items():
            m = re.match(r"net\d+$", key) and re.search(r"bridge=([^,]*)", str(value))
            if m and m[1] not in self.c.bridges[self.target]:
                (self.blocked if self.live else self.wont).add(key)
        if not self.ct:
            need = LEVEL.get(cfg.get("cpu"), set())
            if not need <= set(self.c.flags[self.target].split()):
                (self.blocked if self.live else self.wont).add("cpu")
            if int(cfg["cores"]) > self.c.cpus[self.target]:
                (self.blocked if self.live else self.wont).add("cores")
        if self.live and self.jobs and not self.to_replica and not self.form.get("force"):
            self.blocked.add("replication")
        resources = {r["sid"]: r for r in self.c.world["/cluster/ha/resources"]}
        managed = {sid for sid, r in resources.items() if r["state"] != "ignored"}
        rules = Rules({"rules": self.c.world["/cluster/ha/rules"], "groups": []}, resources, NODES)
        sid = self.sid(self.vmid)
        at = {self.sid(v): g["row"]["node"] for v, g in self.c.guests.items()}
        if sid in managed:
            if self.target not in rules.priorities(sid, NODES) or \
                    any(at.get(s) == self.target for s in rules.foes(sid) & managed):
                self.blocked.add("HA")
            self.along = {s for s in rules.friends(sid) & managed & set(at) if at[s] != self.target}
        return node


def dress(c, rng):
    c.mappings = {"gpu": ({"c1", "c2", "c3"}, True), "one": ({"c1"}, True), "old": ({"c1", "c2", "c3"}, False)}
    for kind in ("pci", "usb"):
        c.world[f"/cluster/mapping/{kind}"] = [
            {"id": i, "map": [f"id=1:2,node={n},path=0" for n in sorted(w)],
             "live-migration-capable": int(able)} for i, (w, able) in c.mappings.items()]
    c.flags = {n: rng.choice([ALL, ALL, SOME]) for n in NODES}
    c.cpus = {n: rng.choice([1, 4, 16]) for n in NODES}
    c.bridges = {n: {"vmbr0"} | ({"vmbr1"} if rng.random() < 0.5 else set()) for n in NODES}
    for n in NODES:
        c.world[f"/nodes/{n}/status"] = {"cpuinfo": {"flags": c.flags[n], "cpus": c.cpus[n]},
                                         "memory": {"total": 1 << 40, "available": 1 << 40}}
        c.world[f"/nodes/{n}/network"] = [{"iface": b, "type": "bridge"} for b in c.bridges[n]]
        c.world[f"/nodes/{n}/storage"] = [{"storage": s["storage"], "avail": 1 << 50}
                                          for s in c.world["/storage"]]
    for g in c.guests.values():
        cfg = g["cfg"]
        if rng.random() < 0.5:
            cfg["net0"] = f"virtio=AA,bridge={rng.choice(['vmbr0', 'vmbr1'])}"
        if g["row"]["type"] == "lxc":
            if rng.random() < 0.1:
                cfg["dev0"] = "/dev/kvm"
            continue
        if rng.random() < 0.5:
            cfg["cpu"] = rng.choice(list(LEVEL) + ["kvm64"])
        if rng.random() < 0.15:
            cfg["hostpci0"] = rng.choice(["0000:01:00", "mapping=gpu", "mapping=one,pcie=1", "mapping=old"])
        if rng.random() < 0.1:
            cfg["usb1"] = rng.choice(["spice", "host=1:2", "mapping=gpu", "spice,usb3=1"])
        if rng.random() < 0.1:
            cfg["serial0"] = rng.choice(["socket", "/dev/ttyS0"])
    sids = [("ct:" if g["row"]["type"] == "lxc" else "vm:") + str(v) for v, g in c.guests.items() if rng.random() < 0.7]
    c.world["/cluster/ha/resources"] = [
        {"sid": s, "state": rng.choice(["started", "started", "stopped", "ignored"])} for s in sids]
    c.world["/cluster/ha/rules"] = [one_rule(rng, i, sids) for i in range(rng.randrange(4))] if sids else []


def one_rule(rng, i, sids):
    rule = {"rule": f"r{i}", "resources": ",".join(rng.sample(sids, rng.randint(1, min(2, len(sids)))))}
    if rng.random() < 0.5:
        return {**rule, "type": "resource-affinity", "affinity": rng.choice(["positive", "negative"])}
    return {**rule, "type": "node-affinity", "strict": rng.randrange(2), "disable": int(rng.random() < 0.1),
            "nodes": ",".join(n + rng.choice(["", ":2"]) for n in rng.sample(NODES, rng.randrange(1, 4)))}


def migrate(rng, driver):
    c = Cluster(rng)
    dress(c, rng)
    vmid = rng.choice(list(c.guests))
    source = c.guests[vmid]["row"]["node"]
    target = rng.choice([n for n in NODES if n != source])
    form = {k: 1 for k in ["online", "restart", "with-local-disks", "force"] if rng.random() < 0.5}
    if rng.random() < 0.3:
        form["targetstorage"] = rng.choice(["1", "ss", "thin", "zz:thin,here:ss", "here:zz", "zz:here"])
    answer = driver.ask({"call": "migrate", "vmid": vmid, "target": target, "form": form,
                         "world": c.world})
    who = c.resource(vmid)
    have, along = {}, set()
    for line in answer["affects"]:
        m = re.match(r"(\S+) (\S+) \d (.*?)( running)?( only)?$", line)
        if m[3] == "HA" and m[1] != who:
            along.add(m[1].replace("/", ":"))
        if m[1] == who:
            have.setdefault(m[2], set()).add(m[3])
    model = Move(c, vmid, target, form)
    model.run()
    seen["along"] += bool(model.along)
    seen["HA"] += "HA" in model.blocked
    copied = {v for v in have.get("changed", set()) if VOLUME.match(v.split()[-1])}
    bad = [f"{n}: model {sorted(a)} C {sorted(b)}" for n, a, b in (
        ("blocked", model.blocked, have.get("stranded", set())), ("copied", model.copied, copied),
        ("along", model.along, along), ("wont boot", model.wont, have.get("wont-boot", set()))) if a != b]
    moves = "node" in have.get("changed", set())
    if moves != (not model.blocked):
        bad.append(f"moves: {moves}")
    return "\n".join(bad + [f"{who} {source} -> {target} {form}", str(c.guests[vmid]),
                            str(answer), str({k: v for k, v in c.world.items() if "/cluster/" in k})]) \
        if bad else None


# ---- which guests a backup job has ---------------------------------------------------------------
def random_job(rng, ident, vmids):
    j = {"id": ident, "storage": "here2"}
    kind = rng.random()
    if kind < 0.4:
        j["all"] = 1
        if rng.random() < 0.5:
            j["exclude"] = ",".join(map(str, rng.sample(vmids, 1)))
    elif kind < 0.6:
        j["pool"] = rng.choice(["prod", "none"])
    else:
        j["vmid"] = ",".join(map(str, rng.sample(vmids, rng.randrange(1, len(vmids) + 1))))
    if rng.random() < 0.2:
        j["enabled"] = 0
    if rng.random() < 0.2:
        j["node"] = rng.choice(NODES)
    return j


def covered(j, g, pools):
    if not j or j.get("enabled", 1) == 0 or j.get("node", g["row"]["node"]) != g["row"]["node"]:
        return False
    vmid = str(g["row"]["vmid"])
    if j.get("all"):
        return vmid not in str(j.get("exclude", "")).split(",")
    if "pool" in j:
        return int(vmid) in pools.get(j["pool"], [])
    return vmid in str(j.get("vmid", "")).split(",")


def job(rng, driver):
    c = Cluster(rng)
    vmids = list(c.guests)
    pools = {"prod": rng.sample(vmids, rng.randrange(len(vmids) + 1)), "none": []}
    jobs = [random_job(rng, f"j{i}", vmids) for i in range(rng.randrange(1, 4))]
    w = dict(c.world, **{"/cluster/backup": jobs, "/pools": [{"poolid": p} for p in pools]})
    w["/storage"] = [{"storage": "here2", "type": "nfs", "content": "backup", "shared": 1}]
    for p, members in pools.items():
        w[f"/pools?poolid={p}"] = [{"poolid": p, "members": [{"vmid": v} for v in members]}]
    target = rng.choice(jobs)
    case, after = {"call": "job", "id": target["id"], "world": w, "now": 1795500000}, dict(target)
    if rng.random() < 0.3:
        case["gone"], after = True, None
    else:
        change = random_job(rng, target["id"], vmids)
        change.setdefault("enabled", 1)
        delete = [k for k in ("all", "exclude", "pool", "vmid", "node") if k in target and k not in change]
        case.update(set={k: v for k, v in change.items() if k != "id"}, delete=",".join(delete))
        after = change
    want = set()
    for v, g in c.guests.items():
        was, now = covered(target, g, pools), covered(after, g, pools)
        others = [j for j in jobs if j["id"] != target["id"] and covered(j, g, pools)]
        if was and not now:
            want.add((c.resource(v), "changed" if others else "loses-backup"))
        elif now and not was:
            want.add((c.resource(v), "changed"))
    answer = driver.ask(case)
    have = {tuple(line.split()[:2]) for line in answer["affects"]}
    return None if want == have else f"model {want}\nC {have}\n{case}\n{answer}"


compare("moves", migrate)
ok(len(cases()) < 2000 or all(seen.values()), f"HA's rules had a say: {seen}")
compare("backup jobs", job)
done()
