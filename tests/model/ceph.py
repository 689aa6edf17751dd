#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ceph, a second time: hosts with OSDs as sets, a copy of everything on as many of them as the pool
asks for, and of those the ones that are away. Which storages and guests lie in a pool, who is told
what when OSDs, daemons, pools or flags go. The seed is printed. TAP."""
import re

from guest_lib import compare, done

NODES = ["c1", "c2", "c3", "c4"]
GB = 1 << 30


class Cluster:
    def __init__(self, rng):
        self.rng = rng
        self.osds = []
        for n in NODES[:rng.randrange(0, 5)]:
            for _ in range(rng.randrange(1, 3)):
                self.osds.append({"id": len(self.osds), "host": n, "up": rng.random() < 0.85,
                                  "in": rng.random() < 0.9, "used": rng.randrange(0, 95) * GB})
        self.pools = [{"pool_name": p, "size": rng.choice([1, 2, 3, 3]), "min_size": rng.choice([1, 2, 2]),
                       "type": rng.choice(["replicated"] * 4 + ["erasure"]), "pg_num": 32,
                       "bytes_used": rng.randrange(0, 200) * GB,
                       "crush_rule_name": rng.choice(["replicated_rule"] * 5 + ["ssd"])}
                      for p in rng.sample(["rbd", "fast", "meta", "data", "ec"], rng.randrange(1, 5))]
        self.mons = [{"name": n, "host": n, "state": rng.choice(["running"] * 5 + ["stopped"])}
                     for n in NODES if rng.random() < 0.7]
        for m in self.mons:
            if m["state"] == "running" and rng.random() < 0.5:
                m["quorum"] = 1
        self.mgrs = [{"name": n, "host": n, "state": s} for n, s in zip(
            rng.sample(NODES, rng.randrange(4)), ["active", "standby", "unknown"])]
        self.mdss = [{"name": n, "host": n, "state": rng.choice(["up:active", "up:standby", "up:standby",
                                                                 "up:standby-replay", "down"])}
                     for n in NODES if rng.random() < 0.5]
        self.fss = [{"name": "cephfs", "metadata_pool": "meta", "data_pool": "data",
                     "data_pools": ["data"]}] if rng.random() < 0.7 else []
        self.stores = [{"storage": "aa", "type": "rbd"}, {"storage": "bb", "type": "rbd", "pool": "fast"},
                       {"storage": "xx", "type": "rbd", "pool": "rbd", "monhost": "10.0.0.9"},
                       {"storage": "ee", "type": "rbd", "pool": "fast", "data-pool": "ec"},
                       {"storage": "ff", "type": "cephfs"}, {"storage": "ll", "type": "lvm"}]
        if rng.random() < 0.3:
            self.stores[4]["fs-name"] = rng.choice(["cephfs", "other"])
        self.guests = {}
        for v in range(100, 100 + rng.randrange(5)):
            cfg = {"scsi0": self.volume(v)}
            if rng.random() < 0.4:
                cfg["unused0"] = self.volume(v)
            if rng.random() < 0.2:
                cfg["ide2"] = "ff:iso/x.iso,media=cdrom"
            self.guests[v] = {"cfg": cfg, "node": rng.choice(NODES),
                              "snap": {"scsi0": self.volume(v)} if rng.random() < 0.3 else None}

    def volume(self, v):
        return f"{self.rng.choice(['aa', 'bb', 'xx', 'ee', 'll'])}:vm-{v}-disk-{self.rng.randrange(9)}"

    def world(self):
        hosts = sorted({o["host"] for o in self.osds})
        tree = {"root": {"children": [{"type": "root", "children": [
            {"type": "host", "name": h, "children": [
                {"type": "osd", "id": o["id"], "status": "up" if o["up"] else "down", "in": int(o["in"]),
                 "total_space": 100 * GB, "bytes_used": o["used"]}
                for o in self.osds if o["host"] == h]} for h in hosts]}]}}
        w = {"/cluster/resources?type=node": [{"node": n, "status": "online"} for n in NODES],
             "/cluster/resources?type=vm": [{"type": "qemu", "vmid": v, "node": g["node"]}
                                            for v, g in self.guests.items()],
             "/storage": [{**s, "content": "images"} for s in self.stores]}
        for k, v in (("osd", tree), ("pool", self.pools), ("mon", self.mons), ("mgr", self.mgrs),
                     ("mds", self.mdss), ("fs", self.fss)):
            w[f"/nodes/c1/ceph/{k}"] = v
        for v, g in self.guests.items():
            base = f"/nodes/{g['node']}/qemu/{v}"
            w[base + "/config"] = g["cfg"]
            w[base + "/snapshot"] = ([{"name": "s1", "snaptime": 1}] if g["snap"] else []) + [{"name": "current"}]
            if g["snap"]:
                w[base + "/snapshot/s1/config"] = g["snap"]
        return w

    # --- who lies where ---
    def own(self):
        return [s for s in self.stores if s["type"] in ("rbd", "cephfs") and "monhost" not in s]

    def of_pool(self, pool):
        out = set()
        for s in self.own():
            if s["type"] == "rbd":
                pools = {s.get("pool", "rbd"), s.get("data-pool")}
            else:
                mine = [f for f in self.fss if f["name"] == s.get("fs-name", f["name"])]
                name = s.get("fs-name", "cephfs")
                pools = {"meta", "data"} if mine else {p["pool_name"] for p in self.pools
                                                       if p["pool_name"].startswith(name)}
            if pool in pools:
                out.add(s["storage"])
        return out

    def users(self, stores, everything=False):
        out = set()
        for v, g in self.guests.items():
            cfgs = [g["cfg"]] + ([g["snap"]] if everything and g["snap"] else [])
            if any(val.split(":")[0] in stores for c in cfgs for k, val in c.items()
                   if everything or not k.startswith("unused")):
                out.add(f"vm/{v}")
        return out


def hosts(osds):
    return {o["host"] for o in osds}


def pools_away(c, goes, short):
    out = set()
    inn = [o for o in c.osds if o["in"]]
    away = hosts(o for o in inn if not o["up"] or o["id"] in goes)
    for p in c.pools:
        name = p["pool_name"]
        left = max(0, min(p["size"], len(hosts(inn))) - len(away))
        users = c.users(c.of_pool(name))
        bad = 2 if short else 3
        if left < p["min_size"]:
            out |= {("ceph-pool/" + name, "unreachable", bad, "")} | {(u, "unreachable", bad, "") for u in users}
        else:
            out.add(("ceph-pool/" + name, "degraded", 2, ""))
            if left == 1 and p["type"] != "erasure":
                out |= {(u, "degraded", bad, "only") for u in users}
        if p["crush_rule_name"] != "replicated_rule":
            out.add(("unread", name))
    return out


def osds_away(c, goes, short):
    if not goes:
        return set()
    if not any(o["up"] for o in c.osds if o["id"] in goes):
        return {("ceph", "changed", 1, "")}
    return {("ceph", "degraded", 2, "")} | pools_away(c, goes, short)


def osd_out(c, oid):
    mine = [o for o in c.osds if o["id"] == oid]
    if not mine:
        return {("unread", "osd")}
    if not mine[0]["in"]:
        return {("ceph", "changed", 1, "")}
    out = {("ceph", "changed", 2, "")}
    rest = [o for o in c.osds if o["in"] and o["up"] and o["id"] != oid]
    for p in c.pools:
        if len(hosts(rest)) < p["size"]:
            bad = len(hosts(rest)) < p["min_size"]
            out.add(("ceph-pool/" + p["pool_name"], "unreachable" if bad else "degraded", 3 if bad else 2, ""))
        if p["crush_rule_name"] != "replicated_rule":
            out.add(("unread", p["pool_name"]))
    used, room = sum(o["used"] for o in c.osds if o["in"]), len(rest) * 100 * GB
    if room and used > room * 95 // 100:
        out |= {("ceph", "full", 3, "")} | {(u, "unreachable", 3, "") for u in c.users({s["storage"] for s in c.own()})}
    elif room and used > room * 85 // 100:
        out.add(("ceph", "full", 2, ""))
    return out


def mons_away(c, mine, how):
    rest = [m for m in c.mons if m not in mine]
    if not mine:
        return set()
    all_ = len(rest) if how == "gone" else len(c.mons)
    left = len([m for m in rest if m["state"] == "running" or m.get("quorum")])
    if not all_:
        return {"refused"}
    bad = 2 if how == "short" else 3
    if 2 * left <= all_:
        return {("ceph", "unreachable", bad, ""), "cut"} | {
            (u, "unreachable", bad, "") for u in c.users({s["storage"] for s in c.own()})}
    return {("ceph", "degraded", 2 if 2 * (left - 1) <= all_ else 1, "")}


def mgrs_away(c, mine, how):
    if not mine:
        return set()
    left = [m for m in c.mgrs if m not in mine and m["state"] in ("active", "standby")]
    return {("ceph", "changed", 1, "")} if left or how == "short" else {("ceph", "degraded", 2, "")}


def mds_away(c, mine, how):
    if not mine:
        return set()
    active = [m for m in mine if m["state"] == "up:active"]
    standby = [m for m in c.mdss if m not in mine and m["state"].startswith("up:standby")]
    if not active:
        return {("ceph", "changed", 1, "")}
    if len(standby) >= len(active):
        return {("ceph", "degraded", 1, "")}
    bad = 2 if how == "short" else 3
    return {("ceph", "unreachable", bad, "")} | {(u, "degraded", bad, "") for u in c.users({"ff"})}


def service(c, name, how):
    kind, _, which = name.removesuffix(".target").partition(".")
    out = set()
    for k, rows, f in (("mon", c.mons, mons_away), ("mgr", c.mgrs, mgrs_away), ("mds", c.mdss, mds_away)):
        if kind in (k, "ceph"):
            out |= f(c, [r for r in rows if r["name"] == (which or "c1")], how)
    if kind in ("osd", "ceph"):
        goes = {o["id"] for o in c.osds if (str(o["id"]) == which if which else o["host"] == "c1")}
        more = osds_away(c, goes, how == "short")
        if which and not goes:
            more = {("unread", "osd")}
        if "cut" in out:  # its guests were told already, as of everything in Ceph
            more = {m for m in more if not m[0].startswith("vm/")}
        out |= more
    if "cut" in out and kind == "ceph":
        out -= {x for x in out if x[0].startswith("vm/") and x[1] == "degraded"}
    return out - {"cut"}


def update(c, pool, form):
    p = next((p for p in c.pools if p["pool_name"] == pool), None)
    if not p:
        return {("unread", "pool")}
    label, users = "ceph-pool/" + pool, c.users(c.of_pool(pool))
    size, least = form.get("size", p["size"]), form.get("min_size", p["min_size"])
    up = [o for o in c.osds if o["in"] and o["up"]]
    out = {("unread", pool)} if p["crush_rule_name"] != "replicated_rule" else set()
    if size < p["size"]:
        out.add((label, "degraded", 3 if size == 1 else 2, ""))
        if size == 1:
            out |= {(u, "degraded", 3, "only") for u in users}
    if size > p["size"]:
        out.add((label, "changed", 2, ""))
        more, room = p["bytes_used"] // p["size"] * (size - p["size"]), sum(100 * GB - o["used"] for o in up)
        if 0 < room < more:
            out.add(("ceph", "full", 3, ""))
    if least > p["min_size"] and c.osds and len(hosts(up)) < least:
        out |= {(label, "unreachable", 3, "")} | {(u, "unreachable", 3, "") for u in users}
    if size == 1 != p["size"] or (least == 1 != p["min_size"] and size > 1):
        out.add((label, "exposed", 3, ""))
    if least > size:
        out.add("refused")
    if form.get("crush_rule", p["crush_rule_name"]) != p["crush_rule_name"]:
        out |= {(label, "changed", 2, ""), ("unread", "rule")}
    if form.get("pg_num", 32) != 32:
        out.add((label, "changed", 1, ""))
    return out


def create(c, form):
    label, out = "ceph-pool/" + form["name"], set()
    if form["name"] in {p["pool_name"] for p in c.pools}:
        out.add("refused")
    out.add((label, "changed", 1, ""))
    if "erasure-coding" in form:
        return out
    size, least = form.get("size", 3), form.get("min_size", 2)
    up = hosts(o for o in c.osds if o["in"] and o["up"])
    if size == 1 or least == 1:
        out.add((label, "exposed", 3, ""))
    if least > size:
        out.add("refused")
    if c.osds and len(up) < size:
        out.add((label, "unreachable" if len(up) < least else "degraded", 2, ""))
    return out


def delete(c, pool, form):
    if pool not in {p["pool_name"] for p in c.pools}:
        return {("unread", "pool")}
    if c.fss and pool in ("meta", "data"):
        return {"refused"}
    stores = c.of_pool(pool)
    out = {("ceph-pool/" + pool, "destroyed", 3, "")}
    if c.users(stores) and not form.get("force"):
        out.add("refused")
    out |= {("storage/" + s, "destroyed" if form.get("remove_storages") else "unreachable", 2, "") for s in stores}
    return out | {(u, "destroyed", 3, "only") for u in c.users(stores, True)}


def flag(c, name, on):
    if not on:
        return {("ceph", "changed", 1, "")}
    if name == "pause":
        return {("ceph", "unreachable", 3, "")} | {
            (u, "unreachable", 3, "") for u in c.users({s["storage"] for s in c.own()})}
    return {("ceph", "degraded", 2, "")} if name != "sortbitwise" else {("unread", "flag")}


def one_case(rng, driver):
    c = Cluster(rng)
    pool = rng.choice(["rbd", "fast", "meta", "data", "ec", "none"])
    node = "/nodes/c1/ceph/"
    what = rng.choice(["out", "stop", "stop", "restart", "mon", "mgr", "mds", "new", "update", "update",
                       "create", "delete", "flag"])
    method, form = "POST", {}
    if what == "out":
        oid = rng.randrange(9)
        path, want = node + f"osd/{oid}/out", osd_out(c, oid)
    elif what in ("stop", "restart"):
        name = rng.choice(["ceph", "ceph.target", "mon", "mon.c2", "mgr.c1", "mgr", "mds", "mds.c3", "osd",
                           "osd.0", "osd.2", "osd.99"])
        form = {"service": name}
        path, want = node + what, service(c, name, "short" if what == "restart" else "stop")
    elif what in ("mon", "mgr", "mds"):
        method, name = "DELETE", rng.choice(NODES)
        rows, f = {"mon": (c.mons, mons_away), "mgr": (c.mgrs, mgrs_away), "mds": (c.mdss, mds_away)}[what]
        path, want = node + f"{what}/{name}", f(c, [r for r in rows if r["name"] == name], "gone") - {"cut"}
    elif what == "new":
        kind = rng.choice(["mon", "mgr", "mds"])
        up = len([m for m in c.mons if m["state"] == "running" or m.get("quorum")])
        weak = kind == "mon" and c.mons and 2 * up <= len(c.mons) + 1
        path, want = node + kind + "/n", {("ceph", "changed", 2 if weak else 1, "")}
    elif what == "update":
        method = "PUT"
        form = {k: rng.choice(v) for k, v in (("size", [1, 2, 3, 4]), ("min_size", [1, 2, 3]), (
            "crush_rule", ["ssd", "replicated_rule"]), ("pg_num", [32, 64])) if rng.random() < 0.5}
        path, want = node + "pool/" + pool, update(c, pool, form)
    elif what == "create":
        form = {"name": pool, **{k: rng.choice(v) for k, v in (
            ("size", [1, 2, 3]), ("min_size", [1, 2, 3])) if rng.random() < 0.5}}
        if rng.random() < 0.2:
            form["erasure-coding"] = "k=2,m=1"
        path, want = node + "pool", create(c, form)
    elif what == "delete":
        method = "DELETE"
        form = {k: rng.choice([0, 1]) for k in ("force", "remove_storages") if rng.random() < 0.6}
        path, want = node + "pool/" + pool, delete(c, pool, form)
    else:
        method, name = "PUT", rng.choice(["pause", "noout", "nodown", "noup", "sortbitwise"])
        form = {"value": rng.choice([0, 1])}
        path, want = "/cluster/ceph/flags/" + name, flag(c, name, form["value"])
    answer = driver.ask({"call": "ceph", "world": c.world(), "node": "c1", "nodes": "c1", "requests": [
        {"method": method, "path": path, "form": form}]})
    got = set()
    for line in answer["affects"]:
        words = line.split(" ")
        got.add((words[0], words[1], int(words[2]), "only" if words[-1] == "only" else ""))
    if what in ("stop", "restart"):  # what comes back by itself is said to, and nothing else is
        for line in answer["says"]:
            if re.search(r"monitors are left, which|no standby takes over|OSDs are away|copies are left", line) and \
                    bool(re.search(r"until (it runs|they run) again", line)) != (what == "restart"):
                return f"how long: {line} {form}"
    for line in answer["says"]:
        m = re.match(r"unread where Ceph pool (\S+) keeps", line)
        for pattern, mark in ((r"risk 3 (PVE|Ceph) will refuse", "refused"), (r"unread the OSD", ("unread", "osd")),
                              (r"unread the pool ", ("unread", "pool")), (r"unread what the new rule", ("unread", "rule")),
                              (r"unread what the flag", ("unread", "flag"))):
            if re.match(pattern, line):
                got.add(mark)
        if m:
            got.add(("unread", m[1]))
        elif line.startswith("unread") and not re.match(r"unread (the OSD|the pool|what the (new|flag))", line):
            got.add(line)
    if want != got:
        return (f"{method} {path} {form}\nmissing {want - got}\ntoo much {got - want}\nosds {c.osds}\npools {c.pools}\n"
                f"mons {c.mons}\nmgrs {c.mgrs}\nmds {c.mdss}\nfs {c.fss}\n{c.stores}\n{c.guests}\n{answer}")
    return None


compare("Ceph's OSDs, daemons, pools and flags", one_case)
done()
