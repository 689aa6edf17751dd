#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where the guests of an emptied node go: one after the other by number, each to the node that may
take it, with the fewest wishes hurt and then the most memory left after those before. The seed is
printed. TAP."""
from guest_lib import compare, done

GB = 1 << 30
NODES = ["c1", "c2", "c3", "c4"]


def one_case(rng, driver):
    online = {n: n == "c1" or rng.random() < 0.85 for n in NODES}
    left = {n: rng.randrange(200, 400) * GB for n in NODES}
    stores = [{"storage": "nfs", "type": "nfs", "content": "images,rootdir"},
              {"storage": "part", "type": "nfs", "content": "images,rootdir",
               "nodes": ",".join(["c1"] + rng.sample(NODES[1:], rng.randrange(1, 3)))},
              {"storage": "zfs", "type": "zfspool", "content": "images,rootdir"}]
    w = {"/storage": stores,
         "/cluster/resources?type=node": [{"node": n, "status": "online" if up else "offline"}
                                          for n, up in online.items()]}
    for n in NODES:
        w[f"/nodes/{n}/status"] = {"memory": {"total": 500 * GB, "available": left[n]}, "cpuinfo": {"cpus": 64}}
    guests, resources, rules = {}, [], []
    for vmid in range(100, 100 + rng.randrange(9)):
        kind = rng.choice(["qemu", "lxc"])
        g = guests[vmid] = {"kind": kind, "node": rng.choice(["c1", "c1", "c1", "c2"]), "mem": rng.choice([1, 2, 8, 16]),
                            "running": rng.random() < 0.7, "store": rng.choice(["nfs"] * 4 + ["part", "part", "zfs"]),
                            "pci": kind == "qemu" and rng.random() < 0.08, "rule": None}
        cfg = {"memory": g["mem"] * 1024, "cores": 1}
        disk = f"{g['store']}:" + ("" if g["store"] == "zfs" else f"{vmid}/") + f"vm-{vmid}-disk-0" + \
            ("" if g["store"] == "zfs" else ".raw") + ",size=8G"
        cfg["scsi0" if kind == "qemu" else "rootfs"] = disk
        if g["pci"]:
            cfg["hostpci0"] = "0000:01:00"
        w[f"/nodes/{g['node']}/{kind}/{vmid}/config"] = cfg
        sid = ("ct" if kind == "lxc" else "vm") + f":{vmid}"
        if rng.random() < 0.35:
            resources.append({"sid": sid, "state": "started"})
            if rng.random() < 0.7:
                g["rule"] = (set(rng.sample(NODES, rng.randrange(1, 3))), rng.random() < 0.5)
                rules.append({"rule": f"r{vmid}", "type": "node-affinity", "resources": sid,
                              "nodes": ",".join(sorted(g["rule"][0])), **({"strict": 1} if g["rule"][1] else {})})
    w["/cluster/resources?type=vm"] = [{"type": g["kind"], "vmid": v, "node": g["node"],
                                        "status": "running" if g["running"] else "stopped"}
                                       for v, g in guests.items()]
    w["/cluster/ha/resources"], w["/cluster/ha/rules"] = resources, rules
    targets = rng.sample(NODES, rng.randrange(1, 4)) if rng.random() < 0.4 else None
    exclude = {str(v): True for v in guests if rng.random() < 0.15}
    restart = rng.random() < 0.8
    online_too = rng.random() < 0.8
    moves, stuck = {}, set()
    for v, g in guests.items():
        if g["node"] != "c1" or str(v) in exclude:
            continue
        best = None
        for n in NODES[1:]:
            if not online[n] or (targets is not None and n not in targets):
                continue
            # PVE copies local disks of what does not run (a container never runs meanwhile)
            here = {"nfs": True, "part": n in stores[1]["nodes"].split(","),
                    "zfs": g["kind"] == "lxc" or not g["running"]}[g["store"]]
            if not here or g["pci"] or g["running"] and not (restart if g["kind"] == "lxc" else online_too):
                continue
            kept_away = g["rule"] and n not in g["rule"][0]
            if kept_away and g["rule"][1]:
                continue
            key = (bool(kept_away), -left[n])
            if best is None or key < best[0]:
                best = (key, n)
        if best:
            moves[str(v)] = best[1]
            left[best[1]] -= g["mem"] * GB if g["running"] else 0
        else:
            stuck.add(str(v))
    case = {"call": "place", "world": w, "node": "c1", "exclude": exclude,
            "form": {**({"restart": 1} if restart else {}), **({"online": 1} if online_too else {})}}
    if targets is not None:
        case["targets"] = targets
    answer = driver.ask(case)
    if answer["moves"] != moves or set(answer["stuck"]) != stuck:
        return f"want {moves} {stuck}\ngot {answer}\n{guests}\ntargets {targets} online {online} restart {restart}\n{w}"
    if not all(answer["stuck"].values()):
        return f"stuck without a reason {answer}"
    return None


compare("where the guests of a node go", one_case)
done()
