#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the HA manager does next, against a manager of its own: names and sets instead of bits and
rings, rules asked anew for every decision. Random clusters, random changes; the seed is printed. TAP."""
import re

from guest_lib import compare, done
from ha_rules import Rules, words


class Manager:
    def __init__(self, world, guests, stores, jobs):
        self.w, self.guests, self.stores, self.jobs = world, guests, stores, jobs
        self.nodes = world["nodes"]
        self.res = {r["sid"]: r for r in world["resources"]}
        self.rules = Rules(world, self.res, list(self.nodes))
        self.at, self.to, self.stuck = {}, {}, set()
        for sid in self.res:
            self.at[sid] = guests[sid]["node"]

    def state(self, sid):
        s = self.res[sid].get("state", "started") if sid in self.res else "ignored"
        return "started" if s == "enabled" else s

    def failback(self, sid):
        for g in self.w["groups"]:
            if g["group"] == self.res[sid].get("group"):
                return not g.get("nofailback")
        return bool(self.res[sid].get("failback", 1))

    def counts(self, sid):
        return self.state(sid) == "started" and self.at.get(sid) is not None

    def select(self, sid, up, keep):
        prio = self.rules.priorities(sid, up)
        if not prio:
            return set()
        top = max(prio.values())
        best = {n for n in prio if prio[n] == top}
        near = [self.at[s] for s in self.rules.friends(sid) if self.counts(s)]
        away = {self.at[s] for s in self.rules.foes(sid) if self.counts(s)}
        here = self.at[sid] if keep else None
        if here in prio and not self.failback(sid) and (here in near or here not in away):
            return {here}
        best -= away
        near = [n for n in near if n in best]
        if near:
            best = {sorted(near, key=lambda n: (-near.count(n), n))[0]}
        return {here} if here in best else best

    def run(self):
        up = [n for n, s in self.nodes.items() if s == "online"]
        for _ in range(64):
            moved = False
            for sid in sorted(self.res):
                state = self.state(sid)
                lost = self.nodes[self.at[sid]] != "online"
                self.stuck.discard(sid)
                if state in ("ignored", "disabled") or (state == "stopped" and not lost):
                    continue
                choice = self.select(sid, up, not lost)
                if not choice:
                    self.stuck.add(sid)
                elif self.at[sid] not in choice:
                    load = {n: sum(1 for s in self.res if self.counts(s) and self.at[s] == n)
                            for n in choice}
                    self.at[sid] = min(sorted(choice), key=lambda n: load[n])
                    self.to[sid] = choice
                    moved = True
            if not moved:
                return True
        return False

    def runs_there(self, sid, node):
        vmid = int(sid[3:])
        for sto in self.guests[sid]["stores"]:
            s = self.stores.get(sto)
            if not s or node not in words(s.get("nodes", ",".join(self.nodes))):
                return False
            if not s.get("shared") and (self.guests[sid]["alone"] or not any(
                    j["guest"] == vmid and j["target"] == node for j in self.jobs)):
                return False
        return True

    def refuge(self, sid):
        lost = self.at[sid]
        saved = dict(self.at)
        self.at = {s: (None if n == lost else n) for s, n in self.at.items()}
        up = [n for n, s in self.nodes.items() if s == "online" and n != lost]
        out = {n for n in self.select(sid, up, False) if self.runs_there(sid, n)}
        self.at = saved
        return out


def resource(sid):
    return sid.replace(":", "/")


def expect(b, a, guests):
    """{(resource, what): detail}"""
    out = {}
    for sid in sorted(set(b.res) | set(a.res)):
        was, now = b.state(sid), a.state(sid)
        r = resource(sid)
        if now == "ignored":
            if was != "ignored":
                out[r, "left"] = ""
            continue
        new = was == "ignored"
        run_b = guests[sid]["running"] if new else was == "started"
        if (now == "started") != run_b:
            out[r, "starts" if now == "started" else "stops"] = ""
        home = guests[sid]["node"]
        other = home if new else b.at[sid]
        if a.at[sid] != other:
            if a.at[sid] == home:
                out[r, "stays"] = ""
            else:
                out[r, "moves"] = ",".join(sorted(a.to[sid]))
        if sid in a.stuck and sid not in b.stuck:
            out[r, "stuck"] = ""
        if sid in b.stuck and sid not in a.stuck:
            out[r, "freed"] = ""
        if now == "disabled" or sid in a.stuck:
            continue
        fresh = new or was == "disabled"
        old = set() if fresh else b.refuge(sid)
        ref = a.refuge(sid)
        if not ref and (old or fresh):
            out[r, "nowhere"] = ""
        elif not fresh and old != ref:
            out[r, "refuge"] = ",".join(sorted(ref))
    return out


LINES = [
    (r"the manager starts it on", "starts", False), (r"the manager stops it", "stops", False),
    (r"the manager moves it from \S+ to ([a-z0-9, ]+?)(?: \(one|, while|: it is|$)", "moves", True),
    (r"it stays on \S+; without", "stays", False), (r"no node that is online may", "stuck", False),
    (r"there is a node again", "freed", False), (r"if \S+ fails it cannot be recovered", "nowhere", False),
    (r"if its node fails it is recovered on ([a-z0-9, ]+?) \(before", "refuge", True),
    (r"HA leaves it alone", "left", False)]


def told(answer):
    out = {}
    for line in answer["says"]:
        m = re.match(r"why (\S+) (.*)", line)
        for pattern, what, detail in LINES if m else []:
            hit = re.match(pattern, m[2])
            if hit:
                out[m[1], what] = ",".join(sorted(words(hit[1]))) if detail else ""
    return out


def refusals(answer):
    return any("PVE will refuse" in s for s in answer["says"])


class World:
    def __init__(self, rng):
        self.rng = rng
        names = ["c1", "c2", "c3", "c4"][:rng.randrange(1, 5)]
        self.nodes = {n: rng.choice(["online"] * 8 + ["offline"]) for n in names}
        self.stores = {
            "ss": {"storage": "ss", "type": "nfs", "shared": 1, "content": "images,rootdir"},
            "zz": {"storage": "zz", "type": "zfspool", "content": "images,rootdir"},
            "half": {"storage": "half", "type": "nfs", "shared": 1, "content": "images,rootdir",
                     "nodes": ",".join(rng.sample(names, rng.randrange(1, len(names) + 1)))}}
        self.guests = {}
        for vmid in range(100, 100 + rng.randrange(1, 8)):
            kind = rng.choice(["vm", "vm", "ct"])
            self.guests[f"{kind}:{vmid}"] = {
                "node": rng.choice(names), "running": rng.random() < 0.6,
                "alone": rng.random() < 0.3,  # its disks are left out of replication
                "stores": rng.sample(["ss", "zz", "half"], rng.choice([0, 1, 1, 2])) if
                rng.random() < 0.6 else ["ss"]}
        self.jobs = [{"id": f"{s[3:]}-0", "guest": int(s[3:]), "target": rng.choice(names)}
                     for s in self.guests if rng.random() < 0.2]
        self.eight = rng.random() < 0.15
        self.groups = []
        if self.eight:
            self.groups = [self.group(g) for g in rng.sample(["g1", "g2"], rng.randrange(1, 3))]
        self.resources = [self.resource(s) for s in sorted(self.guests) if rng.random() < 0.75]
        self.rules = [] if self.eight else [
            r for r in (self.rule(f"r{i}") for i in range(rng.randrange(0, 4))) if r]

    def group(self, name):
        rng = self.rng
        g = {"group": name, "nodes": self.node_list()}
        for k in ("restricted", "nofailback"):
            if rng.random() < 0.4:
                g[k] = 1
        return g

    def node_list(self):
        rng = self.rng
        names = rng.sample(sorted(self.nodes), rng.randrange(1, len(self.nodes) + 1))
        return ",".join(n + rng.choice(["", "", f":{rng.randrange(1, 4)}"]) for n in names)

    def resource(self, sid):
        rng = self.rng
        r = {"sid": sid}
        if rng.random() < 0.4:
            r["state"] = rng.choice(["started", "stopped", "disabled", "ignored", "enabled"])
        if rng.random() < 0.3:
            r["failback"] = rng.choice([0, 1])
        if self.groups and rng.random() < 0.7:
            r["group"] = rng.choice(["g1", "g2"])
        return r

    def rule(self, name, have=None):
        rng = self.rng
        have = have if have is not None else [r["sid"] for r in self.resources]
        if not have:
            return None
        least = 2 if len(have) > 1 and rng.random() < 0.85 else 1
        members = rng.sample(have, rng.randrange(least, min(len(have), 4) + 1))
        r = {"rule": name, "resources": ",".join(members)}
        if rng.random() < 0.4:
            r.update(type="node-affinity", nodes=self.node_list())
            if rng.random() < 0.5:
                r["strict"] = 1
        else:
            r.update(type="resource-affinity", affinity=rng.choice(["positive", "negative"]))
        if rng.random() < 0.1:
            r["disable"] = 1
        return r

    def change(self):
        """(request, function on the lists)"""
        rng = self.rng
        have = [r["sid"] for r in self.resources]
        free = [s for s in self.guests if s not in have]
        kinds = (["add"] if free else []) + (["set", "set", "remove"] if have else [])
        if not self.eight:
            kinds += (["rule", "rule", "rule"] if have else []) + (["ruleset", "unrule"] if self.rules else [])
        elif self.groups:
            kinds += ["group", "group"]
        if not kinds:
            return None
        kind = rng.choice(kinds)
        return getattr(self, "do_" + kind)(have, free)

    def do_add(self, have, free):
        r = self.resource(self.rng.choice(free))
        return ("POST", "/cluster/ha/resources", r), lambda w: w["resources"].append(dict(r))

    def edit(self, row, form, part, key):
        def run(w):
            for r in w[part]:
                if r[key] == row[key]:
                    for k in words(form.get("delete", "")):
                        r.pop(k, None)
                    r.update({k: v for k, v in form.items() if k != "delete"})
        return run

    def do_set(self, have, free):
        rng = self.rng
        row = rng.choice(self.resources)
        form = {k: v for k, v in self.resource(row["sid"]).items() if k != "sid"}
        if rng.random() < 0.3 or not form:
            gone = rng.choice(["state", "failback", "group"])
            form.pop(gone, None)
            form["delete"] = gone
        sid = row["sid"].replace(":", rng.choice([":", "%3A"]))
        return ("PUT", "/cluster/ha/resources/" + sid, form), self.edit(row, form, "resources", "sid")

    def do_remove(self, have, free):
        sid = self.rng.choice(have)
        form = self.rng.choice([{"purge": 0}, {"purge": 1}, {}])

        def run(w):
            w["resources"] = [r for r in w["resources"] if r["sid"] != sid]
            if form.get("purge", 1):
                for r in w["rules"]:
                    r["resources"] = ",".join(s for s in words(r["resources"]) if s != sid)
                w["rules"] = [r for r in w["rules"] if r["resources"]]
        return ("DELETE", "/cluster/ha/resources/" + sid, form), run

    def do_rule(self, have, free):
        r = self.rule("new")
        return ("POST", "/cluster/ha/rules", r), lambda w: w["rules"].append(dict(r))

    def do_ruleset(self, have, free):
        row = self.rng.choice(self.rules)
        new = self.rule(row["rule"], have)
        form = {"type": row["type"], "resources": new["resources"]} if new else {"type": row["type"]}
        if new and new["type"] == row["type"]:
            form = {k: v for k, v in new.items() if k != "rule"}
        if self.rng.random() < 0.3:
            form["disable"] = self.rng.choice([0, 1])
        if "disable" not in form and self.rng.random() < 0.3:
            form["delete"] = "disable"
        return ("PUT", "/cluster/ha/rules/" + row["rule"], form), self.edit(row, form, "rules", "rule")

    def do_unrule(self, have, free):
        rid = self.rng.choice(self.rules)["rule"]

        def run(w):
            w["rules"] = [r for r in w["rules"] if r["rule"] != rid]
        return ("DELETE", "/cluster/ha/rules/" + rid, {}), run

    def do_group(self, have, free):
        row = self.rng.choice(self.groups)
        form = {k: v for k, v in self.group(row["group"]).items() if k != "group"}
        if "nofailback" not in form and self.rng.random() < 0.5:
            form["delete"] = "nofailback"
        return ("PUT", "/cluster/ha/groups/" + row["group"], form), self.edit(row, form, "groups", "group")

    def lists(self):
        return {"nodes": self.nodes, "resources": [dict(r) for r in self.resources],
                "rules": [dict(r) for r in self.rules], "groups": [dict(g) for g in self.groups]}

    def api(self):
        w = {"/cluster/resources?type=node": [{"node": n, "status": s} for n, s in self.nodes.items()],
             "/cluster/resources?type=vm": [
                 {"type": "lxc" if s[:2] == "ct" else "qemu", "vmid": int(s[3:]), "node": g["node"],
                  "status": "running" if g["running"] else "stopped"} for s, g in self.guests.items()],
             "/storage": list(self.stores.values()), "/cluster/replication": self.jobs,
             "/cluster/ha/resources": self.resources,
             "/cluster/ha/rules": {"!": 501} if self.eight else self.rules,
             "/cluster/ha/groups": self.groups if self.eight else {"!": 500}}
        for s, g in self.guests.items():
            kind = "lxc" if s[:2] == "ct" else "qemu"
            cfg = {}
            for i, sto in enumerate(g["stores"]):
                key = ("rootfs" if i == 0 else f"mp{i}") if kind == "lxc" else f"scsi{i}"
                cfg[key] = f"{sto}:vm-{s[3:]}-disk-{i}" + (",replicate=0" if g["alone"] else "")
            w[f"/nodes/{g['node']}/{kind}/{s[3:]}/config"] = cfg
        return w


def manager_case(rng, driver):
    world = World(rng)
    change = world.change()
    if not change:
        return None
    (method, path, form), run = change
    before, after = world.lists(), world.lists()
    run(after)
    b = Manager(before, world.guests, world.stores, world.jobs)
    a = Manager(after, world.guests, world.stores, world.jobs)
    fine = b.run() & a.run()
    sid = form.get("sid", "")
    answer = driver.ask({"call": "ha", "world": world.api(), "ask_vmid": int(sid[3:]) if sid else 0,
                         "requests": [{"method": method, "path": path, "form": form}]})
    if not fine:
        return None if any("never stop moving" in s for s in answer["says"]) else "it never rests"
    touched = path.rsplit("/", 1)[-1] if method == "PUT" else form.get("rule", "")
    bad = method != "DELETE" and "/rules" in path and touched in a.rules.bad | set()
    unmanaged = method != "DELETE" and "/rules" in path and "resources" in form and any(
        s not in a.res for s in words(form["resources"]))
    want, got = expect(b, a, world.guests), told(answer)
    if want != got:
        return (f"{method} {path} {form}\nwant {sorted(want.items())}\ngot  {sorted(got.items())}\n"
                f"{answer}\n{world.lists()}\n{world.guests}")
    if bool(bad or unmanaged) != refusals(answer):
        return f"{method} {path} {form}\nrefused: want {bad or unmanaged}\n{answer}\n{world.lists()}"
    if any(s.startswith("unread") for s in answer["says"]):
        return f"unread: {answer}"
    return None


compare("what the HA manager does next", manager_case)
done()
