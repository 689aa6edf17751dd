#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where the guests of an emptied node go: one after the other by number, each to the node that may
take it, with the fewest wishes hurt, then what HA's rule prefers, then the most memory left after those
before. Who is kept together goes together, at the turn of the first. The seed is printed. TAP."""
from guest_lib import cases, compare, done, ok
from ha_rules import Rules

GB = 1 << 30
NODES = ["c1", "c2", "c3", "c4"]
seen = {"along": 0, "left out": 0}


def one_rule(rng, i, sids):
    rule = {"rule": f"r{i}", "resources": ",".join(rng.sample(sids, rng.randint(1, min(3, len(sids)))))}
    if rng.random() < 0.1:
        rule["disable"] = 1
    if rng.random() < 0.5:
        rule.update(type="resource-affinity", affinity=rng.choice(["positive", "positive", "negative"]))
        return rule
    nodes = rng.sample(NODES, rng.randrange(1, 4))
    if rng.random() < 0.5:
        nodes = [f"{n}:{rng.randrange(3)}" for n in nodes]
    return {**rule, "type": "node-affinity", "nodes": ",".join(nodes), **({"strict": 1} if rng.random() < 0.3 else {})}


class Ha:
    """What HA's rules say of guests by number; of those that it does not manage nothing."""

    def __init__(self, resources, rules, guests):
        self.res = {r["sid"]: r for r in resources if r["state"] != "ignored"}
        self.rules = Rules({"rules": rules, "groups": []}, {r["sid"]: r for r in resources}, NODES)
        self.sid = {v: g["sid"] for v, g in guests.items()}
        self.number = {g["sid"]: v for v, g in guests.items() if g["sid"] in self.res}

    def among(self, v, sids):
        return {self.number[s] for s in sids if s in self.number} if self.sid[v] in self.res else set()

    def friends(self, v):
        return self.among(v, self.rules.friends(self.sid[v]))

    def forbids(self, v, n, at):
        return self.sid[v] in self.res and (n not in self.rules.priorities(self.sid[v], NODES) or any(
            at[f] == n for f in self.among(v, self.rules.foes(self.sid[v]))))

    def priority(self, v, n):
        return self.rules.priorities(self.sid[v], NODES).get(n, -1) if self.sid[v] in self.res else 0

    def against(self, v, n, at, online):
        """What the manager would do to it afterwards, and who is taken along from elsewhere."""
        if self.sid[v] not in self.res:
            return 0
        back = self.res[self.sid[v]].get("failback", 1) and any(
            up and self.priority(v, o) > self.priority(v, n) for o, up in online.items())
        return bool(back) + sum(at[f] != n for f in self.friends(v))


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
    guests, resources = {}, []
    for vmid in range(100, 100 + rng.randrange(2, 10)):
        kind = rng.choice(["qemu", "lxc"])
        g = guests[vmid] = {"kind": kind, "node": rng.choice(["c1", "c1", "c1", "c2"]), "mem": rng.choice([1, 2, 8, 16]),
                            "running": rng.random() < 0.7, "store": rng.choice(["nfs"] * 4 + ["part", "part", "zfs"]),
                            "pci": kind == "qemu" and rng.random() < 0.08}
        cfg = {"memory": g["mem"] * 1024, "cores": 1}
        disk = f"{g['store']}:" + ("" if g["store"] == "zfs" else f"{vmid}/") + f"vm-{vmid}-disk-0" + \
            ("" if g["store"] == "zfs" else ".raw") + ",size=8G"
        cfg["scsi0" if kind == "qemu" else "rootfs"] = disk
        if g["pci"]:
            cfg["hostpci0"] = "0000:01:00"
        w[f"/nodes/{g['node']}/{kind}/{vmid}/config"] = cfg
        sid = ("ct" if kind == "lxc" else "vm") + f":{vmid}"
        g["sid"] = ("ct" if kind == "lxc" else "vm") + f":{vmid}"
        if rng.random() < 0.8:
            resources.append({"sid": g["sid"], "state": rng.choice(["started"] * 4 + ["stopped", "ignored"]),
                              **({"failback": 0} if rng.random() < 0.3 else {})})
    rules = [one_rule(rng, i, [r["sid"] for r in resources]) for i in range(rng.randrange(4))] if resources else []
    w["/cluster/resources?type=vm"] = [{"type": g["kind"], "vmid": v, "node": g["node"],
                                        "status": "running" if g["running"] else "stopped"}
                                       for v, g in guests.items()]
    w["/cluster/ha/resources"], w["/cluster/ha/rules"] = resources, rules
    targets = rng.sample(NODES, rng.randrange(1, 4)) if rng.random() < 0.4 else None
    exclude = {str(v): True for v in guests if rng.random() < 0.15}
    restart = rng.random() < 0.8
    online_too = rng.random() < 0.8
    def can_run(g, n):
        # PVE copies local disks of what does not run (a container never runs meanwhile)
        here = {"nfs": True, "part": n in stores[1]["nodes"].split(","),
                "zfs": g["kind"] == "lxc" or not g["running"]}[g["store"]]
        return here and not g["pci"] and (not g["running"] or (restart if g["kind"] == "lxc" else online_too))

    ha = Ha(resources, rules, guests)
    moves, stuck, along = {}, set(), {}
    for v in guests:
        if guests[v]["node"] != "c1" or str(v) in exclude or str(v) in moves or str(v) in stuck:
            continue
        unit = sorted({v} | {f for f in ha.friends(v) if guests[f]["node"] == "c1"})
        best = None
        for n in NODES[1:]:
            if not online[n] or (targets is not None and n not in targets) or \
                    not all(can_run(guests[u], n) for u in unit):
                continue
            after = {**{x: moves.get(str(x), guests[x]["node"]) for x in guests}, **{u: n for u in unit}}
            if any(ha.forbids(u, n, after) for u in unit):
                continue
            key = (sum(ha.against(u, n, after, online) for u in unit), -ha.priority(v, n), -left[n])
            if best is None or key < best[0]:
                best = (key, n)
        if best and not any(str(u) in exclude for u in unit):
            for u in unit:
                moves[str(u)] = best[1]
                left[best[1]] -= guests[u]["mem"] * GB if guests[u]["running"] else 0
            along.update({str(u): str(unit[0]) for u in unit[1:]})
        else:
            stuck |= {str(u) for u in unit if str(u) not in exclude}
    case = {"call": "place", "world": w, "node": "c1", "exclude": exclude,
            "form": {**({"restart": 1} if restart else {}), **({"online": 1} if online_too else {})}}
    if targets is not None:
        case["targets"] = targets
    answer = driver.ask(case)
    seen["along"] += bool(along)
    seen["left out"] += bool(ha.rules.bad)
    if answer["moves"] != moves or answer["with"] != along or set(answer["stuck"]) != stuck:
        return f"want {moves} {along} {stuck}\ngot {answer}\n{guests}\ntargets {targets} online {online} restart {restart}\n{w}"
    if not all(answer["stuck"].values()):
        return f"stuck without a reason {answer}"
    return None


compare("where the guests of a node go", one_case, 600)
ok(len(cases(600)) < 600 or all(seen.values()), f"guests go along with others, and rules do not count: {seen}")
done()
