#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A node that reboots or is switched off, against a model of what PVE documents: guests start with
their node when onboot is set; HA follows the shutdown policy and starts a guest where all its volumes
are and its strict rules allow; a cluster acts with more than half of all votes; Ceph serves data with
min_size copies and a majority of monitors. TAP."""
from guest_lib import compare, done

NODES = ["c1", "c2", "c3", "c4", "c5"]
SHARED = {"nfs", "cephfs", "rbd"}


def world(rng):
    """Random, with only what a node's absence can touch."""
    names = NODES[:rng.choice([1, 2, 3, 3, 4, 5])]
    online = {n: n == "c1" or rng.random() < 0.8 for n in names}
    w = {"/cluster/resources?type=node":
         [{"node": n, "status": "online" if online[n] else "offline"} for n in names]}
    w["/cluster/config/nodes"] = [] if len(names) == 1 else [
        {"name": n, "node": n, "quorum_votes": str(rng.choice([1, 1, 1, 2])),
         "ring0_addr": f"10.0.0.{i + 1}"} for i, n in enumerate(names)]
    w["/cluster/config/qdevice"] = {}
    policy = rng.choice([None, None, "conditional", "freeze", "failover", "failover", "migrate"])
    ha = rng.choice([{"shutdown_policy": policy}, f"shutdown_policy={policy}"]) if policy else None
    w["/cluster/options"] = {"ha": ha} if ha else {}
    stores = [{"storage": "lvm", "type": "lvm"}, {"storage": "zfs", "type": "zfspool"},
              {"storage": "nas", "type": "nfs", "server": "10.9.9.9"},
              {"storage": "own", "type": "nfs", "server": rng.choice(["10.0.0.1", "10.0.0.11", "c1"])},
              {"storage": "rbd", "type": "rbd"}]
    for s in stores:
        s["content"] = "images,rootdir"
        if rng.random() < 0.1:
            s["nodes"] = ",".join(rng.sample(names, rng.randint(1, len(names))))
        if rng.random() < 0.05:
            s["disable"] = 1
    w["/storage"] = stores
    rows, res, rules, jobs = [], [], [], []
    for vmid in range(100, 100 + rng.randint(0, 12)):
        kind = rng.choice(["lxc", "qemu"])
        node = rng.choice(["c1"] * 4 + names)
        running = online[node] and rng.random() < 0.7
        rows.append({"type": kind, "vmid": vmid, "node": node, "name": f"g{vmid}",
                     "status": "running" if running else "stopped",
                     "template": int(not running and rng.random() < 0.1)})
        cfg = {"onboot": 1} if rng.random() < 0.5 else {}
        keys = ["rootfs", "mp0"] if kind == "lxc" else ["scsi0", "unused0"]
        for key in keys[:rng.randint(0, 2)]:
            sid = rng.choice([*stores, *stores[1:3]])["storage"]
            cfg[key] = f"{sid}:vm-{vmid}-disk-{key[-1] if key[-1].isdigit() else 9}"
            if key == "mp0":
                cfg[key] += ",mp=/data"
            if sid == "zfs" and rng.random() < 0.2:
                cfg[key] += ",replicate=0"
        w[f"/nodes/{node}/{kind}/{vmid}/config"] = cfg
        sid = ("ct" if kind == "lxc" else "vm") + f":{vmid}"
        if rng.random() < 0.6:
            res.append({"sid": sid, "state": rng.choice(
                ["started"] * 6 + ["stopped", "ignored", "disabled"])})
            if rng.random() < 0.4:
                rules.append({"rule": f"r{vmid}", "type": "node-affinity", "resources": sid,
                              "nodes": ",".join(n + rng.choice(["", ":2"])
                                                for n in rng.sample(names, rng.randint(1, len(names)))),
                              **({"strict": 1} if rng.random() < 0.6 else {}),
                              **({"disable": 1} if rng.random() < 0.2 else {})})
        others = [n for n in names if n != node]
        if others and rng.random() < 0.5:
            jobs.append({"id": f"{vmid}-0", "guest": vmid, "target": rng.choice(others),
                         **({"disable": 1} if rng.random() < 0.2 else {})})
    w["/cluster/resources?type=vm"] = rows
    w["/cluster/ha/resources"], w["/cluster/ha/rules"], w["/cluster/replication"] = res, rules, jobs
    ceph = rng.random() < 0.5
    w["/nodes/c1/ceph/mon"] = [{"name": n, "host": n} for n in names if ceph and rng.random() < 0.7]
    hosts = [n for n in names if ceph and rng.random() < 0.7]
    w["/nodes/c1/ceph/osd"] = {"root": {"children": [{"type": "root", "children": [
        {"type": "host", "name": n, "children": [{"type": "osd"}]} for n in hosts]}]}}
    w["/nodes/c1/ceph/pool"] = [{"pool_name": f"p{i}", "size": rng.choice([2, 3]),
                                 "min_size": rng.choice([1, 2])} for i in range(rng.randint(0, 2))] \
        if ceph else []
    return w, names, online, hosts


def label(row):
    return ("ct" if row["type"] == "lxc" else "vm") + f"/{row['vmid']}"


class Model:
    def __init__(self, w, names, online, hosts, reboot):
        self.w, self.names, self.online, self.hosts, self.reboot = w, names, online, hosts, reboot
        self.ha = {r["sid"]: r["state"] for r in w["/cluster/ha/resources"]}
        self.stores = {s["storage"]: s for s in w["/storage"]}
        self.jobs = w["/cluster/replication"]
        self.said = set()

    def sid(self, row):
        return label(row).replace("/", ":")

    def cfg(self, row):
        return self.w[f"/nodes/{row['node']}/{row['type']}/{row['vmid']}/config"]

    def disks(self, row):
        for key, value in self.cfg(row).items():
            if key != "onboot" and not key.startswith("unused"):
                sid = value.split(":")[0]
                yield key, sid, "replicate=0" not in value

    def managed(self, row):
        return self.ha.get(self.sid(row)) == "started"

    def here(self, sid, node):
        s = self.stores[sid]
        return not s.get("disable") and node in s.get("nodes", ",".join(self.names)).split(",")

    def can(self, row, node):
        job = [j for j in self.jobs if j["guest"] == row["vmid"] and not j.get("disable")]
        replica = bool(job) and job[0]["target"] == node
        for _, sid, replicated in self.disks(row):
            kind = self.stores[sid]["type"]
            if not self.here(sid, node):
                return False
            if kind not in SHARED and not (replica and replicated and kind == "zfspool"):
                return False
        for r in self.w["/cluster/ha/rules"]:
            if r["resources"] == self.sid(row) and r.get("strict") and not r.get("disable"):
                if node not in [n.split(":")[0] for n in r["nodes"].split(",")]:
                    return False
        return True

    def quorum(self):
        votes = {n["name"]: int(n["quorum_votes"]) for n in self.w["/cluster/config/nodes"]}
        if not votes:
            return True
        left = sum(v for n, v in votes.items() if self.online[n] and n != "c1")
        return left * 2 > sum(votes.values())

    def policy(self):
        ha = self.w["/cluster/options"].get("ha", "")
        p = ha["shutdown_policy"] if isinstance(ha, dict) else ha.partition("=")[2] or "conditional"
        return {"conditional": "freeze" if self.reboot else "failover"}.get(p, p)

    def guest(self, row, quorum):
        if row["template"]:
            return None
        if row["status"] != "running":
            if self.managed(row):
                return None
            return "stranded" if not self.reboot else "started" if self.cfg(row).get("onboot") else None
        if not self.managed(row):
            return "interrupted" if self.reboot and self.cfg(row).get("onboot") else "halted"
        if self.policy() == "freeze":
            return "interrupted" if self.reboot else "halted"
        if not quorum or not any(self.can(row, n) for n in self.names
                                 if n != "c1" and self.online[n]):
            return "halted"
        return "moved" if self.policy() == "migrate" else "interrupted"

    def users(self, sids):
        for row in self.w["/cluster/resources?type=vm"]:
            if row["node"] != "c1" and any(sid in sids for _, sid, _ in self.disks(row)):
                self.said.add((label(row), "unreachable"))

    def ceph(self):
        mons = [m["host"] for m in self.w["/nodes/c1/ceph/mon"]]
        if "c1" in mons:
            ok = (len(mons) - 1) * 2 > len(mons)
            self.said.add(("ceph", "degraded" if ok else "unreachable"))
            if not ok:
                self.users([s for s, d in self.stores.items()
                            if d["type"] == "rbd" and not d.get("disable")])
        if "c1" in self.hosts:
            self.said.add(("ceph", "degraded"))
            for p in self.w["/nodes/c1/ceph/pool"]:
                if p["size"] <= p["min_size"] or len(self.hosts) - 1 < p["min_size"]:
                    self.said.add(("ceph-pool/" + p["pool_name"], "unreachable"))

    def run(self):
        rows = self.w["/cluster/resources?type=vm"]
        quorum = self.quorum()
        self.said.add(("node/c1", "interrupted" if self.reboot else "halted"))
        if not quorum:
            self.said.add(("cluster", "no-quorum"))
        for row in rows:
            if row["node"] == "c1":
                effect = self.guest(row, quorum)
                if effect:
                    self.said.add((label(row), effect))
            elif not quorum and row["status"] == "running" and self.managed(row):
                self.said.add((label(row), "halted"))
        own = self.stores["own"]
        # a node by itself has no list of addresses, but its name
        if not own.get("disable") and (own["server"] == "c1" or (
                own["server"] == "10.0.0.1" and self.w["/cluster/config/nodes"])):
            self.said.add(("storage/own", "unreachable"))
            self.users(["own"])
        for j in self.jobs:
            if j["target"] == "c1" and not j.get("disable"):
                self.said.add((f"job/{j['id']}", "degraded"))
        self.ceph()
        return self.said


def one_case(rng, driver):
    w, names, online, hosts = world(rng)
    reboot = rng.random() < 0.3
    want = Model(w, names, online, hosts, reboot).run()
    got = driver.ask({"call": "node", "world": w, "node": "c1", "nodes": "c1", "reboot": reboot})
    have = {tuple(line.split(" ")[:2]) for line in got["affects"]}
    unread = [line for line in got["says"] if line.startswith("unread")]
    if have != want or unread:
        return f"reboot={reboot}\nmissing {sorted(want - have)}\ntoo much {sorted(have - want)}\n" \
               f"{unread}\n{w}"
    return None


compare("node", one_case, 3000)  # rare combinations count, and a case takes 2 ms
done()
