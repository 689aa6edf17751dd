#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How fresh backups are, guest by guest, from plain lists; storages that are off, refused or seen in
part make it unknown and never "never". The seed is printed. TAP."""
from guest_lib import compare, done

NOW, MAX = 1000000, 5000


def one_case(rng, driver):
    blind = rng.random() < 0.15
    perms = {"VM.Audit": 1, "Sys.Audit": 1, "Pool.Audit": 1, "Datastore.Audit": 1}
    if not blind:
        perms["Datastore.Allocate"] = 1
    if rng.random() < 0.1:
        del perms["Datastore.Audit"]
    nodes = {n: rng.choice(["online", "online", "online", "offline"]) for n in ("c1", "c2")}
    guests = {v: rng.choice(sorted(nodes)) for v in range(100, 100 + rng.randrange(1, 5))}
    kinds = {v: rng.choice(["qemu", "lxc"]) for v in guests}
    templates = {v for v in guests if rng.random() < 0.3}
    stores, world = [], {}
    seen, doubt = {v: [] for v in guests}, "Datastore.Audit" not in perms
    for i in range(rng.randrange(4)):
        sid = f"s{i}"
        s = {"storage": sid, "type": rng.choice(["nfs", "dir"]),
             "content": rng.choice(["backup", "backup,iso", "iso"])}
        if rng.random() < 0.15:
            s["disable"] = 1
        if rng.random() < 0.3:
            s["nodes"] = rng.choice(["c1", "c2"])
        stores.append(s)
        if "backup" not in s["content"]:
            continue
        at = [n for n in s.get("nodes", "c1,c2").split(",") if n in nodes]
        if s.get("disable"):
            doubt = True
            continue
        if s["type"] == "nfs":
            at = [n for n in at if nodes[n] == "online"][:1]
            doubt |= not at
        rows = None
        for n in at:
            if nodes[n] == "offline":
                doubt = True
                continue
            path = f"/nodes/{n}/storage/{sid}/content?content=backup"
            if rng.random() < 0.1:
                world[path] = {"!": rng.choice([403, 500])}
                doubt = True
                continue
            doubt |= blind
            rows = [{"volid": f"{sid}:backup/vzdump-{kinds[v]}-{v}-2020_01_0{k}-00_00_0{i}.vma",
                     "content": "backup", "vmid": v, "ctime": NOW - rng.randrange(2 * MAX)}
                    for v in guests for k in range(1, 1 + rng.randrange(3)) if rng.random() < 0.5]
            world[path] = rows
            for r in rows:
                seen[r["vmid"]].append(r["ctime"])
    pools = {p: rng.sample(sorted(guests), rng.randrange(len(guests) + 1)) for p in ("p", "q")}
    hidden = {p for p in pools if rng.random() < 0.2}
    jobs = []
    for i in range(rng.randrange(4)):
        j = {"id": f"j{i}", **rng.choice([{"all": 1}, {"all": 1, "exclude": "100"}, {"vmid": "100,102"},
                                          {"pool": "p"}, {"pool": "q"}])}
        if rng.random() < 0.2:
            j["enabled"] = 0
        if rng.random() < 0.2:
            j["node"] = rng.choice(sorted(nodes))
        jobs.append(j)
    refused = rng.random() < 0.1
    world.update({
        "/access/permissions": {"/": perms}, "/storage": stores,
        "/cluster/resources?type=node": [{"node": n, "status": s} for n, s in nodes.items()],
        "/cluster/resources?type=vm": [
            {"type": kinds[v], "vmid": v, "node": n, **({"template": 1} if v in templates else {})}
            for v, n in rng.sample(sorted(guests.items()), len(guests))],
        "/cluster/backup": {"!": 403} if refused else jobs, "/pools": [{"poolid": p} for p in pools]})
    for p, members in pools.items():
        world[f"/pools?poolid={p}"] = {"!": 403} if p in hidden else [
            {"poolid": p, "members": [{"vmid": v} for v in members]}]
    want = {}
    for v, node in guests.items():
        last = max(seen[v], default=None)
        state = ("unknown" if doubt else "never") if last is None else \
            "fresh" if NOW - last <= MAX else "unknown" if doubt else "old"
        mine, unsure = [], refused
        for j in [] if refused else jobs:
            if not j.get("enabled", 1):
                continue
            here = j.get("node", node) == node
            if "pool" in j and j["pool"] in hidden:
                unsure = True
            elif here and (("all" in j and str(v) not in j.get("exclude", "").split(",")) or
                           ("vmid" in j and str(v) in j["vmid"].split(",")) or
                           ("pool" in j and v in pools[j["pool"]])):
                mine.append(j["id"])
        want[v] = (state, last, mine, "yes" if mine else "unknown" if unsure else "no", kinds[v],
                   v in templates, bool(doubt), len(seen[v]) or None)
    answer = driver.ask({"call": "freshness", "world": world, "now": NOW, "max_age": MAX})
    got = {o["vmid"]: (o["state"], o.get("last"), o["jobs"], o["covered"], o["kind"],
                        o.get("template", False), "newer_unseen" in o, o.get("backups"))
           for o in answer["items"]}
    order = [o["vmid"] for o in answer["items"]]
    if order != sorted(order, key=lambda v: (["never", "unknown", "old", "fresh"].index(want[v][0]), v)):
        return f"order {order} of {want}"
    if got != want:
        return f"want {want}\ngot  {got}\n{world}"
    return None


compare("how fresh backups are", one_case)
done()
