# SPDX-License-Identifier: Apache-2.0
"""The rules of the HA manager as the models know them: which of them count, who is kept together or
apart by them, and what priority each node has."""
import re


def words(text):
    return [w for w in re.split(r"[,; ]+", str(text)) if w]


class Rules:
    """The rules that count, and why the others do not (nobody compares the words)."""

    def __init__(self, world, resources, nodes):
        self.node, self.pos, self.neg, self.bad = {}, {}, {}, set()
        for r in world["rules"]:
            if r.get("disable"):
                continue
            members = frozenset(words(r["resources"]))
            if r["type"] == "node-affinity":
                prio = {}
                for w in words(r["nodes"]):
                    n, _, p = w.partition(":")
                    if n in nodes:
                        prio[n] = int(p or 0)
                self.node[r["rule"]] = (members, prio, bool(r.get("strict")))
            else:
                (self.pos if r["affinity"] == "positive" else self.neg)[r["rule"]] = members
        for g in world["groups"]:
            members = frozenset(s for s, d in resources.items() if d.get("group") == g["group"])
            if members:
                prio = {}
                for w in words(g["nodes"]):
                    n, _, p = w.partition(":")
                    if n in nodes:
                        prio[n] = int(p or 0)
                self.node[g["group"]] = (members, prio, bool(g.get("restricted")))
        self.check(nodes)
        for table in (self.node, self.pos, self.neg):
            for rid in list(table):
                if rid in self.bad:
                    del table[rid]

    def clusters(self):
        """Positive rules joined by common members: [(members, rule ids)]"""
        out = []
        for rid, members in self.pos.items():
            mine, ids = set(members), {rid}
            rest = []
            for m, i in out:
                if m & mine:
                    mine |= m
                    ids |= i
                else:
                    rest.append((m, i))
            out = rest + [(mine, ids)]
        return out

    def check(self, nodes):
        for a, (ma, _, _) in self.node.items():
            if any(b != a and ma & mb for b, (mb, _, _) in self.node.items()):
                self.bad.add(a)
        for rid, m in list(self.pos.items()) + list(self.neg.items()):
            if len(m) < 2:
                self.bad.add(rid)
            paired = [n for n, (mn, _, _) in self.node.items() if mn & m]
            if any(len(set(self.node[n][1].values())) > 1 for n in paired):
                self.bad |= {rid, *paired}
        for rid, m in self.neg.items():
            if len(m) > len(nodes):
                self.bad.add(rid)
            paired = [n for n, (mn, _, _) in self.node.items() if mn & m]
            located = set().union(*[self.node[n][0] & m for n in paired]) if paired else set()
            places = set().union(*[set(self.node[n][1]) for n in paired]) if paired else set()
            if len(places) < len(located):
                self.bad |= {rid, *paired}
        for members, ids in self.clusters():
            for rid, m in self.neg.items():
                if len(m & members) > 1:
                    self.bad |= {rid, *ids}
            paired = [n for n, (mn, _, _) in self.node.items() if mn & members]
            if len(paired) > 1:
                self.bad |= {*ids, *paired}

    def friends(self, sid):
        for members, _ in self.clusters():
            if sid in members:
                return members - {sid}
        return set()

    def foes(self, sid):
        mine = self.friends(sid) | {sid}
        out = set()
        for m in self.neg.values():
            if m & mine:
                out |= m - mine if sid not in m else m - {sid}
            if sid in m:
                for other in m - {sid}:
                    out |= self.friends(other) | {other}
        return out - {sid}

    def priorities(self, sid, nodes):
        """{node: priority} of the nodes it may have"""
        family = self.friends(sid) | {sid}
        for members, prio, strict in self.node.values():
            if members & family:
                return {n: prio.get(n, -1) for n in nodes if n in prio or not strict}
        return {n: 0 for n in nodes}
