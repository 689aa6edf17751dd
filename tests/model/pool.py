#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Guests that enter and leave pools, and the backup schedules they gain and lose by it: counted by
asking every job before and after. The seed is printed. TAP."""
import re

from guest_lib import compare, done


def taken(jobs, pools, vmid, node):
    out = set()
    for j in jobs:
        if not j.get("enabled", 1) or j.get("node", node) != node:
            continue
        if j.get("all"):
            hit = str(vmid) not in j.get("exclude", "").split(",")
        elif "pool" in j:
            hit = vmid in pools.get(j["pool"], ())
        else:
            hit = str(vmid) in j.get("vmid", "").split(",")
        if hit:
            out.add(j["id"])
    return out


def one_case(rng, driver):
    guests = {v: rng.choice(["c1", "c2"]) for v in (100, 101, 102)}
    pools = {"p": set(), "q": set(), "p/r": set()}
    for v in guests:
        if rng.random() < 0.7:
            pools[rng.choice(sorted(pools))].add(v)
    jobs = []
    for i in range(rng.randrange(5)):
        j = {"id": f"j{i}", **rng.choice([{"pool": "p"}, {"pool": "p"}, {"pool": "q"}, {"vmid": "100"},
                                          {"all": 1, "exclude": "101"}, {"all": 1, "pool": "p"}])}
        if rng.random() < 0.3:
            j["enabled"] = rng.choice([0, 1])
        if rng.random() < 0.3:
            j["node"] = rng.choice(["c1", "c2"])
        jobs.append(j)
    pool = rng.choice(sorted(pools))
    world = {"/access/permissions": {"/": {k: 1 for k in ("VM.Audit", "Sys.Audit", "Pool.Audit",
                                                         "User.Modify")}},
             "/access/roles": [], "/access/groups": [], "/access/acl": [],
             "/access/users?full=1": [{"userid": "root@pam", "enable": 1}],
             "/access/domains": [{"realm": "pam"}], "/cluster/backup": jobs,
             "/cluster/resources?type=vm": [{"type": "qemu", "vmid": v, "node": n} for v, n in guests.items()],
             "/pools": [{"poolid": p} for p in pools]}
    for p, members in pools.items():
        world[f"/pools?poolid={p}"] = [{"poolid": p, "members": [{"vmid": v} for v in sorted(members)]}]
    want, refused = {}, False
    if rng.random() < 0.2:
        method, form = "DELETE", {"poolid": pool}
        refused = bool(pools[pool]) or any(p.startswith(pool + "/") for p in pools)
        for j in jobs:
            if j.get("pool") == pool and not j.get("all"):
                want["job/" + j["id"]] = "loses-backup"
    else:
        method, leaves = "PUT", rng.random() < 0.6
        vms = rng.sample(sorted(guests), rng.randrange(1, 3))
        form = {"poolid": pool, "vms": ",".join(map(str, vms))}
        if leaves:
            form["delete"] = 1
        for v in vms:
            if leaves and v not in pools[pool] or not leaves and any(v in m for m in pools.values()):
                refused = True
                continue
            then = {p: (m - {v} if leaves else m | {v}) if p == pool else m for p, m in pools.items()}
            a, b = taken(jobs, pools, v, guests[v]), taken(jobs, then, v, guests[v])
            if a - b:
                want[f"vm/{v}"] = "changed" if b else "loses-backup"
            if b - a:
                want[f"vm/{v}"] = "changed"
    answer = driver.ask({"call": "pool", "world": world, "requests": [
        {"method": method, "path": "/pools", "form": form}]})
    got = dict(line.split(" ")[:2] for line in answer["affects"])
    said = any("PVE will refuse" in s for s in answer["says"])
    if got != want or said != refused or any(re.match("unread", s) for s in answer["says"]):
        return f"{method} {form}\npools {pools} jobs {jobs}\nwant {want} {refused}\ngot {got} {said}\n{answer}"
    return None


compare("pools and the schedules that hang on them", one_case)
done()
