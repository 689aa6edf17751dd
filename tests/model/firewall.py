#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The firewall, packet by packet, against a model of its own: this builds tables of chains with jumps,
# gotos and marks as PVE builds them for the kernel and walks them; the analyser asks rules in order.
# Neither shares a line or a table with the other. Random clusters, random changes; the seed is
# printed (see guest_lib.py).
import functools
import ipaddress
import json
import os
import random
import subprocess
import sys

from firewall_gen import Generator
from guest_lib import SEED, again, cases

BUILD = os.environ.get("top_builddir", ".")

# What the generator uses of the macros: (IP version or 0, protocol, destination, source).
MACROS = {
    "SSH": [(0, "tcp", "22", "")], "HTTP": [(0, "tcp", "80", "")], "HTTPS": [(0, "tcp", "443", "")],
    "Web": [(0, "tcp", "80", ""), (0, "tcp", "443", "")],
    "Ping": [(4, "icmp", "echo-request", ""), (6, "icmpv6", "echo-request", "")],
    "DNS": [(0, "udp", "53", ""), (0, "tcp", "53", "")],
    "SMB": [(0, "udp", "135,445", ""), (0, "udp", "137:139", ""),
            (0, "udp", "1024:65535", "137"), (0, "tcp", "135,139,445", "")],
    "Ceph": [(0, "tcp", "6789", ""), (0, "tcp", "3300", ""), (0, "tcp", "6800:7300", "")],
    "VNC": [(0, "tcp", "5900:5999", "")], "PMG": [(0, "tcp", "8006", "")],
    "DHCPv6": [(0, "udp", "546:547", "546:547")], "GRE": [(0, "47", "", "")],
    "PPtP": [(0, "47", "", ""), (0, "tcp", "1723", "")],
    "NeighborDiscovery": [(6, "icmpv6", t, "") for t in (
        "router-solicitation", "router-advertisement", "neighbor-solicitation",
        "neighbor-advertisement")],
    "IPsec": [(0, "udp", "500", "500"), (0, "50", "", "")],
}
NUMBERS = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58, "ipv6-icmp": 58, "sctp": 132, "igmp": 2,
           "esp": 50, "gre": 47}
TYPES = {4: {"echo-request": (8, None), "echo-reply": (0, None), "any": None,
             "destination-unreachable": (3, None), "fragmentation-needed": (3, 4),
             "host-unreachable": (3, 1), "router-advertisement": (9, None), "time-exceeded": (11, None)},
         6: {"echo-request": (128, None), "echo-reply": (129, None), "packet-too-big": (2, None),
             "destination-unreachable": (1, None), "time-exceeded": (3, None),
             "router-solicitation": (133, None), "router-advertisement": (134, None),
             "neighbor-solicitation": (135, None), "neighbor-advertisement": (136, None)}}
SERVICES = {"ssh": 22, "http": 80, "https": 443, "domain": 53}
WITH_PORTS = {6, 17, 132}


class Bad(Exception):
    """PVE leaves such a rule out."""


@functools.lru_cache(maxsize=1 << 14)
def network(text):
    return ipaddress.ip_network(text, strict=False)


addr = functools.lru_cache(maxsize=1 << 14)(ipaddress.ip_address)


def is_alias(text):
    bare = text.split("/", 1)[1] if text.startswith(("dc/", "guest/")) else text
    return bare[:1].isalpha() and ":" not in bare and "," not in bare


def alias(cluster, guest, text):
    scope, _, bare = text.rpartition("/") if text.startswith(("dc/", "guest/")) else ("", "", text)
    places = ([guest] if guest and scope != "dc" else []) + ([cluster] if scope != "guest" else [])
    for place in places:
        for a in place.get("aliases", []):
            if a["name"].lower() == bare.lower():
                return network(a["cidr"])
    raise Bad("alias " + text)


def members(cluster, guest, entries):
    """{network: nomatch}; later entries for the same network replace earlier ones."""
    out = {}
    for e in entries:
        try:
            n = alias(cluster, guest, e["cidr"]) if is_alias(e["cidr"]) else network(e["cidr"])
        except Bad:
            continue
        if n.prefixlen:
            out[n] = bool(int(e.get("nomatch", 0)))
    return out


def in_set(table, nft, address):
    hits = sorted((n for n in table if n.version == address.version and address in n),
                  key=lambda n: -n.prefixlen)
    if nft:
        return any(not table[n] for n in hits) and not any(table[n] for n in hits)
    return bool(hits) and not table[hits[0]]


class World:
    """One configuration: what a node makes of it."""

    def __init__(self, model):
        self.m = model
        self.cluster = model["cluster"]
        self.options = self.cluster.get("options", {})
        self.on = bool(int(self.options.get("enable", 0)))
        self.made = {}  # a place's tables do not depend on the packet

    def local_network(self, node):
        for a in self.cluster.get("aliases", []):
            if a["name"] == "local_network":
                return network(a["cidr"])
        n = self.m["nodes"][node]
        ip = addr(n["ip"])
        fits = [network(i[k]) for i in n["network"] for k in ("cidr", "cidr6") if i.get(k)]
        fits = [f for f in fits if f.version == ip.version and ip in f]
        return max(fits, key=lambda f: f.prefixlen) if fits else None

    def set_table(self, node, guest, name):
        scope, _, bare = name.rpartition("/")
        if guest and scope in ("", "guest") and bare in guest.get("ipset", {}):
            return members(self.cluster, guest, guest["ipset"][bare])
        if scope in ("", "dc") and bare in self.cluster.get("ipset", {}):
            t = members(self.cluster, None, self.cluster["ipset"][bare])
            local = self.local_network(node) if bare == "management" and node else None
            if local:
                t[local] = False
            return t
        raise Bad("set " + name)

    # ---- one rule -> conditions ----

    def end(self, node, guest, nft, text):
        """(version or None, test of an address)"""
        if text.startswith("+"):
            table = self.set_table(node, guest, text[1:])
            return None, lambda a: in_set(table, nft, a)
        if is_alias(text):
            n = alias(self.cluster, guest, text)
            return n.version, lambda a: a.version == n.version and a in n
        parts = []
        for one in text.split(","):
            lo, _, hi = one.partition("-")
            if hi:
                parts.append((addr(lo), addr(hi)))
            else:
                parts.append((network(one)[0], network(one)[-1]))
        if len({p[0].version for p in parts}) > 1:
            raise Bad("mixed")
        v = parts[0][0].version
        return v, lambda a: a.version == v and any(lo <= a <= hi for lo, hi in parts)

    @staticmethod
    def ports(text):
        out = []
        for one in text.split(","):
            lo, _, hi = one.partition(":")
            lo = SERVICES.get(lo, lo)
            if not (str(lo).isdigit() and (hi or "0").isdigit()):
                raise Bad("ports")  # a name that is no service, such as an ICMP type of a rule that is TCP now
            out.append((int(lo), int(hi or lo)))
            if out[-1][0] > out[-1][1] or out[-1][1] > 65535:
                raise Bad("ports")
        return lambda p: any(a <= p <= b for a, b in out)

    def layer4(self, v, proto, dport, sport, icmp):
        """Test of a packet of version v, or None when the rule cannot be of that version."""
        tests = []
        if not proto:
            if dport or sport:
                raise Bad("port without protocol")
            return lambda p: True
        number = NUMBERS[proto] if proto in NUMBERS else int(proto)
        tests.append(lambda p: p["proto"] == number)
        if proto in ("icmp", "icmpv6", "ipv6-icmp"):
            own = 4 if proto == "icmp" else 6
            if sport or (dport and proto == "ipv6-icmp"):
                raise Bad("icmp with ports")
            for name in filter(None, (dport, icmp)):  # both: a macro's and the rule's own
                if name.isdigit():
                    if name != dport or int(name) > 255:
                        raise Bad("icmp number")
                    want = (int(name), None)
                elif name not in TYPES[own]:
                    raise Bad("icmp type")
                else:
                    want = TYPES[own][name]
                if want:
                    tests.append(lambda p, w=want: p["type"] == w[0] and w[1] in (None, p["code"]))
            if v != own:
                return None
        else:
            if icmp:
                raise Bad("icmp type without icmp")
            if (dport or sport) and number not in WITH_PORTS:
                raise Bad("no ports")
            if dport:
                tests.append(lambda p, t=self.ports(dport): t(p["dport"]))
            if sport:
                tests.append(lambda p, t=self.ports(sport): t(p["sport"]))
        return lambda p: all(t(p) for t in tests)

    def conditions(self, rule, env, node, guest, nft, v):
        """Tests, one a line of the macro; [] when the rule is not for version v."""
        get = lambda k: str(rule.get(k, ""))
        kinds = {"cluster": "in out forward group", "node": "in out forward group",
                 "guest": "in out group", "group": "in out forward", "vnet": "forward group"}
        if rule["type"] not in kinds[env].split():
            raise Bad("type")
        if rule["action"] not in ("ACCEPT", "DROP", "REJECT"):
            raise Bad("action")
        if rule["type"] == "forward" and rule["action"] == "REJECT":
            raise Bad("reject forward")
        if get("iface") and env in ("group", "vnet"):
            raise Bad("iface")
        if get("iface") and env == "guest" and not (
                get("iface").startswith("net") and get("iface")[3:].isdigit()):
            raise Bad("iface")
        versions, ends = set(), []
        proto = get("proto")
        if proto in ("icmp", "icmpv6", "ipv6-icmp"):
            versions.add(4 if proto == "icmp" else 6)
            if get("icmp-type") and get("icmp-type") not in TYPES[4 if proto == "icmp" else 6]:
                raise Bad("icmp type")
        elif get("icmp-type"):  # of a macro's protocol no more than of none
            raise Bad("icmp type without icmp")
        if get("icmp-type") and get("dport"):
            raise Bad("icmp type twice")
        for key in ("source", "dest"):
            if get(key):
                version, test = self.end(node, guest, nft, get(key))
                if version:
                    versions.add(version)
                ends.append((key, test))
        if len(versions) > 1:
            raise Bad("mixed")
        lines = [(0, proto, get("dport"), get("sport"))]
        if get("macro"):
            by_name = {k.lower(): k for k in MACROS}
            if get("macro").lower() not in by_name:
                raise Bad("macro")
            all_lines = MACROS[by_name[get("macro").lower()]]
            checked = next(iter(versions), None)
            for phase in ({checked} if checked else {None}) | {v}:
                lines = [x for x in all_lines if x[0] in (0, phase or 4)]
                if phase is None and not lines:
                    lines = all_lines
                for mv, mp, md, ms in lines:
                    for own, macro in ((proto, mp), (get("dport"), md), (get("sport"), ms)):
                        if own and macro and own != macro:
                            if phase == v and phase != checked:
                                return []
                            raise Bad("contradicts macro")
            lines = [(mv, mp, md or get("dport"), ms or get("sport"))
                     for mv, mp, md, ms in all_lines if mv in (0, v)]
        out = []
        for _, p, d, s in lines:
            l4 = self.layer4(v, p, d, s, get("icmp-type"))
            if l4:
                out.append(lambda pk, l4=l4: l4(pk) and all(
                    t(pk["src"] if k == "source" else pk["dst"]) for k, t in ends))
        if versions and v not in versions:
            return []
        return out

    # ---- tables ----

    def rules(self, tables, chain, rules, env, node, guest, nft, v, direction, accept, nic=None):
        for rule in rules:
            if not int(rule.get("enable", 0)):
                continue
            iface = rule.get("iface", "")
            try:
                if rule["type"] == "group":
                    if env == "guest" and iface and not (
                            iface.startswith("net") and iface[3:].isdigit()):
                        continue
                    if iface and env in ("vnet",):
                        continue
                    if nic is not None and iface and iface != nic:
                        continue
                    group = f"GROUP-{rule['action']}-{direction}"
                    self.group(tables, group, rule["action"], node, nft, v, direction)
                    here = [(lambda p, i=iface: nic is not None or not i or p["iface"] == i)]
                    tables[chain].append((here[0], ("jump", group)))
                    tables[chain].append((lambda p: p["mark"], accept))
                    continue
                if rule["type"] != direction:
                    self.conditions(rule, env, node, guest, nft, v)
                    continue
                tests = self.conditions(rule, env, node, guest, nft, v)
            except Bad:
                continue
            for test in tests:
                if nic is not None:
                    if iface and iface != nic:
                        continue
                    both = test
                else:
                    both = lambda p, t=test, i=iface: (not i or p["iface"] == i) and t(p)
                target = accept if rule["action"] == "ACCEPT" else rule["action"]
                tables[chain].append((both, target))

    def group(self, tables, chain, name, node, nft, v, direction):
        if chain in tables:
            return
        tables[chain] = [(lambda p: True, ("mark", False))]
        for rule in self.cluster.get("groups", {}).get(name, []):
            if rule["type"] != direction or not int(rule.get("enable", 0)):
                continue
            try:
                tests = self.conditions(rule, "group", node, None, nft, v)
            except Bad:
                continue
            for t in tests:
                target = ("goto", "SET-MARK") if rule["action"] == "ACCEPT" else rule["action"]
                tables[chain].append((t, target))

    @staticmethod
    def policy(tables, chain, policy, accept, v, nft):
        rows = tables[chain]
        if policy in ("DROP", "REJECT"):
            if not nft:
                types = {4: [(3, 4), (11, None)], 6: [(1, None), (3, None), (2, None)]}[v]
                rows.append((lambda p: p["proto"] == (1 if v == 4 else 58) and any(
                    p["type"] == t and c in (None, p["code"]) for t, c in types), "ACCEPT"))
            rows.append((lambda p: True, policy))
        else:
            rows.append((lambda p: True, accept))

    @staticmethod
    def ports_in(p, proto, *ranges):
        return p["proto"] == proto and any(a <= p["dport"] <= b for a, b in ranges)

    def ndp(self, types, accept=True):
        return (lambda p: p["v"] == 6 and p["proto"] == 58 and p["type"] in types,
                "ACCEPT" if accept else "DROP")

    def peers(self, node, direction):
        mine = self.m.get("corosync", {}).get(node, {})
        out = []
        for other, links in self.m.get("corosync", {}).items():
            for key, address in links.items():
                if other != node and key in mine:
                    a, b = addr(mine[key]), addr(address)
                    src, dst = (b, a) if direction == "in" else (a, b)
                    out.append((lambda p, s=src, d=dst: p["src"] == s and p["dst"] == d and
                                self.ports_in(p, 17, (5404, 5405)), "ACCEPT"))
        return out

    def host(self, node, direction, v):
        n = self.m["nodes"][node]
        o = n.get("options", {})
        nft = bool(int(o.get("nftables", 0)))
        t = {"SET-MARK": [(lambda p: True, ("mark", True))], "main": []}
        main = t["main"]
        if not self.on or not int(o.get("enable", 1)):
            main.append((lambda p: True, "ACCEPT"))
            return t
        if direction == "forward":
            if nft:
                self.rules(t, "main", n["rules"], "node", node, None, nft, v, direction, "ACCEPT")
                self.rules(t, "main", self.cluster["rules"], "cluster", node, None, nft, v,
                           direction, "ACCEPT")
                self.policy(t, "main", self.options.get("policy_forward", "ACCEPT"), "ACCEPT", v,
                            True)
            else:
                main.append((lambda p: True, "ACCEPT"))
            return t
        ndp = int(o.get("ndp", 1))
        local = self.local_network(node)
        mgmt = self.cluster.get("ipset", {}).get("management", [])
        table = members(self.cluster, None, mgmt)
        if local:
            table[local] = False
        admin = ((22, 22), (8006, 8006), (3128, 3128), (5900, 5999))
        if nft:
            errors = {4: (3, 4, 11), 6: (1, 2, 3, 4)}[v]
            main.append((lambda p: p["proto"] == (1 if v == 4 else 58) and p["type"] in errors,
                         "ACCEPT"))
            if direction == "in":
                main.append((lambda p: p["proto"] == 2, "ACCEPT"))
                main.append((lambda p: self.ports_in(p, 6, *admin) and
                             in_set(table, True, p["src"]), "ACCEPT"))
                main.append((lambda p: self.ports_in(p, 17, (5405, 5412)), "ACCEPT"))
                main.append((lambda p: self.ports_in(p, 17, (135, 135), (137, 139), (445, 445)) or
                             self.ports_in(p, 6, (135, 135), (139, 139), (445, 445)) or
                             (self.ports_in(p, 17, (1024, 65535)) and p["sport"] == 137),
                             "REJECT"))
                main.append((lambda p: self.ports_in(p, 17, (1900, 1900)) or
                             (p["proto"] == 17 and p["sport"] == 53), "DROP"))
            main.append(self.ndp((133, 134, 135, 136, 137) if direction == "in"
                                 else (133, 135, 136), ndp))
        else:
            if ndp:
                main.append(self.ndp((133, 134, 135, 136) if direction == "in"
                                     else (133, 135, 136)))
            if direction == "in" and "blacklist" in self.cluster.get("ipset", {}):
                black = members(self.cluster, None, self.cluster["ipset"]["blacklist"])
                main.append((lambda p: in_set(black, False, p["src"]), "DROP"))
            main.append((lambda p: p["proto"] == 2, "ACCEPT"))
        self.rules(t, "main", n["rules"], "node", node, None, nft, v, direction, "ACCEPT")
        self.rules(t, "main", self.cluster["rules"], "cluster", node, None, nft, v, direction,
                   "ACCEPT")
        if not nft:
            if direction == "in":
                main.append((lambda p: self.ports_in(p, 6, *admin, (60000, 60050)) and
                             in_set(table, False, p["src"]), "ACCEPT"))
            elif local:
                main.append((lambda p: p["dst"].version == local.version and p["dst"] in local and
                             self.ports_in(p, 6, *admin), "ACCEPT"))
            main.extend(self.peers(node, direction))
        standard = {"in": "DROP", "out": "ACCEPT"}[direction]
        self.policy(t, "main", self.options.get("policy_" + direction, standard), "ACCEPT", v, nft)
        return t

    def guest(self, vmid, nic, direction, v):
        g = self.m["guests"][str(vmid)]
        o = g.get("options", {})
        node = g["node"]
        nft = bool(int(self.m["nodes"].get(node, {}).get("options", {}).get("nftables", 0)))
        t = {"SET-MARK": [(lambda p: True, ("mark", True))], "main": []}
        main = t["main"]
        settings = dict(x.split("=", 1) for x in g["config"].get(nic, "").split(",") if "=" in x)
        if not self.on or not int(o.get("enable", 0)) or settings.get("firewall") != "1":
            main.append((lambda p: True, "ACCEPT"))
            return t
        if nft:
            errors = {4: (3, 4, 11), 6: (1, 2, 3, 4)}[v]
            main.append((lambda p: p["proto"] == (1 if v == 4 else 58) and p["type"] in errors,
                         "ACCEPT"))
        elif direction == "in" and "blacklist" in self.cluster.get("ipset", {}):
            black = members(self.cluster, None, self.cluster["ipset"]["blacklist"])
            main.append((lambda p: in_set(black, False, p["src"]), "DROP"))
        allowed = self.allowed(g, nic, settings, nft) if direction == "out" else None
        spoofed = (lambda p: not in_set(allowed, nft, p["src"]), "DROP")
        if allowed is not None and nft:
            main.append(spoofed)
        client, server = {4: (68, 67), 6: (546, 547)}[v]
        s, d = (server, client) if direction == "in" else (client, server)
        dhcp = int(o.get("dhcp", 1))
        if dhcp or nft:
            main.append((lambda p: p["proto"] == 17 and p["sport"] == s and p["dport"] == d,
                         "ACCEPT" if dhcp else "DROP"))
        ndp, radv = int(o.get("ndp", 1)), int(o.get("radv", 0))
        if nft:
            main.append(self.ndp((133, 134, 135, 136, 137) if direction == "in"
                                 else (133, 135, 136), ndp))
            if direction == "out":
                main.append(self.ndp((134, 137), radv))
        elif direction == "out" and not radv:
            main.append(self.ndp((134,), False))
        if allowed is not None and not nft:
            main.append(spoofed)
        if ndp and not nft:
            main.append(self.ndp((133, 134, 135, 136)))
        self.rules(t, "main", g["rules"], "guest", node, g, nft, v, direction, "ACCEPT", nic)
        standard = {"in": "DROP", "out": "ACCEPT"}[direction]
        self.policy(t, "main", o.get("policy_" + direction, standard), "ACCEPT", v, nft)
        return t

    def allowed(self, g, nic, settings, nft):
        name = "ipfilter-" + nic
        own = g.get("ipset", {}).get(name)
        if not int(g.get("options", {}).get("ipfilter", 0)) and (own is None or nft):
            return None
        table = members(self.cluster, g, own or [])
        if own is not None and nft:
            table[network("fe80::/10")] = True
            return table
        mac = next(x for k, x in settings.items() if k in ("virtio", "hwaddr")).split(":")
        b = bytes.fromhex("".join(mac))
        eui = bytes([b[0] ^ 2, b[1], b[2], 0xFF, 0xFE, b[3], b[4], b[5]])
        table[network("fe80::/10")] = True
        table[network(addr(bytes.fromhex("fe80000000000000") + eui))] = False
        for key in ("ip", "ip6"):
            if g["kind"] == "lxc" and settings.get(key, "")[:1].isdigit():
                table[network(settings[key].split("/")[0])] = False
        return table

    def vnet(self, name, v):
        n = self.m["vnets"][name]
        t = {"SET-MARK": [(lambda p: True, ("mark", True))], "main": []}
        if not self.on or not int(n["options"].get("enable", 0)):
            t["main"].append((lambda p: True, "ACCEPT"))
            return t
        self.rules(t, "main", n["rules"], "vnet", None, None, True, v, "forward", "ACCEPT")
        self.policy(t, "main", n["options"].get("policy_forward", "ACCEPT"), "ACCEPT", v, True)
        return t

    def tables(self, place, direction, v):
        key = (place.get("node"), place.get("vnet"), place.get("guest"), place.get("nic"), direction, v)
        if key not in self.made:
            self.made[key] = self.make(place, direction, v)
        return self.made[key]

    def make(self, place, direction, v):
        if "node" in place:
            return self.host(place["node"], direction, v)
        if "vnet" in place:
            return self.vnet(place["vnet"], v)
        return self.guest(place["guest"], place["nic"], direction, v)

    def verdict(self, place, direction, packet):
        p = dict(packet, src=addr(packet["src"]), mark=False,
                 dst=addr(packet["dst"]))
        return walk(self.tables(place, direction, p["v"]), "main", p)


def walk(tables, chain, p):
    for test, target in tables[chain]:
        if not test(p):
            continue
        if isinstance(target, str):
            return target
        if target[0] == "mark":
            p["mark"] = target[1]
        elif target[0] == "goto":
            return walk(tables, target[1], p)
        else:
            verdict = walk(tables, target[1], p)
            if verdict:
                return verdict
    return None


# ---- the comparison ----

def covers(diff, place, direction, p):
    if diff["place"] != place or diff["dir"] != direction or diff["v"] != p["v"]:
        return False
    far = addr(p["dst"] if direction == "out" else p["src"])
    near = p["src"] if direction == "out" else p["dst"]
    if not addr(diff["lo"]) <= far <= addr(diff["hi"]):
        return False
    if addr(near) != addr(diff["local"]):
        return False
    port = p["type"] if p["proto"] in (1, 58) else p["dport"]
    return diff["proto"] == p["proto"] and diff["port_lo"] <= port <= diff["port_hi"]


def check(case, answer):
    """Everything that is wrong, as lines."""
    from firewall_gen import applied
    before = World(case["model"])
    changed = applied(case["model"], case["change"])
    after = World(changed if changed is not None else case["model"])
    if (changed is None) != (answer["refused"] is not None):
        yield f"refused: model {changed is None}, analyser {answer['refused']!r}"
        return
    moved = 0
    for p, (b, a) in zip(case["packets"], answer["verdicts"]):
        want = (before.verdict(p["place"], p["dir"], p), after.verdict(p["place"], p["dir"], p))
        if want != (b, a):
            yield f"packet {json.dumps(p)}: model {want}, analyser {(b, a)}"
        moved += want[0] != want[1]
        place = dict(p["place"], dir=p["dir"])
        if want[0] != want[1] and p.get("exact") and not any(
                covers(d, place, p["dir"], p) and (d["before"], d["after"]) == want
                for d in answer["diffs"] if isinstance(d, dict)):
            yield f"packet {json.dumps(p)} changes {want} and no difference says so"
    for d in answer["diffs"]:
        if d == "too many":
            yield "the analyser gave up"
            continue
        got = (before.verdict(d["place"], d["dir"], d), after.verdict(d["place"], d["dir"], d))
        if got != (d["before"], d["after"]):
            yield f"difference {json.dumps(d)}: model {got}"
    case["moved"] = moved


def main():
    program = os.path.join(BUILD, "tests", "model", "firewall_case")
    proc = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    packets = moved = differences = 0
    runs = cases(200)
    print(f"# MODEL_SEED={SEED}")
    for run in runs:
        case = Generator(random.Random(SEED * 1000003 + run)).case()
        proc.stdin.write(json.dumps(case) + "\n")
        proc.stdin.flush()
        line = proc.stdout.readline()
        answer = json.loads(line) if line else None
        wrong = list(check(case, answer)) if answer else ["the analyser died"]
        if wrong:
            print(f"not ok 1 - firewall: {again(run)}")
            print("# change", json.dumps(case["change"]))
            for text in wrong[:5]:
                print("#", text[:1500])
            path = os.environ.get("MODEL_KEEP")
            if path:
                json.dump(case, open(path, "w"), indent=1)
            print("1..1")
            sys.exit(1)
        packets += len(case["packets"])
        moved += case["moved"]
        differences += len(answer["diffs"])
    proc.stdin.close()
    proc.wait()
    print(f"ok 1 - firewall: {len(runs)} random cases, MODEL_SEED={SEED}: {packets} packets, "
          f"{moved} with another fate, {differences} differences replayed")
    print(("ok" if proc.returncode == 0 else "not ok"), "2 - the analyser ended well")
    ok = moved > len(runs) // 20
    print(("ok" if ok else "not ok"), "3 - the changes change something")
    print("1..3")
    sys.exit(0 if ok and proc.returncode == 0 else 1)


if __name__ == "__main__":
    main()
