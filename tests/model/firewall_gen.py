# SPDX-License-Identifier: Apache-2.0
# Random firewall configurations, changes and packets for firewall.py, and what a change does to a
# configuration, said once more than the analyser says it. Names, networks and ports come from short
# lists, so that rules meet packets and each other.
import copy
import ipaddress
import re
import urllib.parse

V4 = ["10.0.0.0/24", "10.0.0.0/8", "10.0.0.5", "192.168.7.0/24", "203.0.113.9", "198.51.100.0/24",
      "0.0.0.0/0", "10.0.0.4-10.0.0.9", "10.0.0.77/25", "192.168.7.1,203.0.113.9"]
V6 = ["2001:db8::/32", "2001:db8::5", "fd00::/8", "fe80::/10", "2001:db8::1-2001:db8::9", "::/0"]
PLAIN4 = [n for n in V4 if "," not in n and "-" not in n]
PLAIN6 = [n for n in V6 if "-" not in n]
PORTS = ["22", "8006", "80", "443", "5900:5999", "8006,22", "1:1023", "5404:5405", "60000:60050",
         "6789", "ssh", "3128", "53", "137", "2000:1000"]
NAMES = ["web", "adm", "office", "nowhere"]
MACS = ["BC:24:11:00:00:%02X" % i for i in range(16)]


def applied(model, change):
    """The model after the change, or None when PVE refuses it."""
    m = copy.deepcopy(model)
    seg = [urllib.parse.unquote(s) for s in change["path"].strip("/").split("/")]
    form = change.get("form") or {}
    at = seg.index("firewall")
    if seg[0] == "nodes":
        scope = m["nodes"][seg[1]] if at == 2 else m["guests"][seg[3]]
    else:
        scope = m["cluster"] if at == 1 else m["vnets"][seg[3]]
    rest, verb = seg[at + 1:], change["method"]

    def update(o):
        for k, x in form.items():
            if k in ("delete", "moveto", "rename", "digest", "force"):
                continue
            if x in ("", "-"):
                o.pop(k, None)
            else:
                o[k] = x
        for k in re.split("[,; ]+", form.get("delete", "")):
            o.pop(k, None)

    def rules(rows, rest):
        if not rest:
            new = {}
            update(new)
            new.setdefault("enable", 0)
            rows.insert(0, new)
            return m
        pos = int(rest[0])
        if pos >= len(rows):
            return None
        if verb == "DELETE":
            del rows[pos]
        elif int(form.get("moveto", pos)) != pos:
            to = int(form["moveto"])
            row = rows.pop(pos)
            rows.insert(to if to < pos else min(to, len(rows) + 1) - 1, row)
        else:
            update(rows[pos])
        return m

    def named(table, field):
        new, old = form[field], form.get("rename")
        if old is None:
            if new in table:
                return None
            table[new] = []
        else:
            if old not in table or (new in table and new != old):
                return None
            if new != old:
                table[new] = table.pop(old)
                if field == "group":
                    lists = [m["cluster"]["rules"]]
                    lists += [n["rules"] for n in m["nodes"].values()]
                    lists += [g["rules"] for g in m["guests"].values()]
                    for r in (r for rows in lists for r in rows):
                        if r["type"] == "group" and r["action"] == old:
                            r["action"] = new
        return m

    kind, rest = rest[0], rest[1:]
    if kind == "options":
        update(scope.setdefault("options", {}))
        return m
    if kind == "rules":
        return rules(scope["rules"], rest)
    if kind == "aliases":
        rows = scope.setdefault("aliases", [])
        found = [a for a in rows if rest and a["name"] == rest[0]]
        if not rest:
            if any(a["name"] == form["name"] for a in rows):
                return None
            rows.append(dict(form))
        elif verb == "DELETE":
            rows[:] = [a for a in rows if a["name"] != rest[0]]
        elif not found:
            return None
        else:
            update(found[0])
            found[0]["name"] = form.get("rename", found[0]["name"])
        return m
    table = scope.setdefault("groups" if kind == "groups" else "ipset", {})
    if not rest:
        return named(table, "group" if kind == "groups" else "name")
    if rest[0] not in table:
        return None
    rows = table[rest[0]]
    if verb == "DELETE" and len(rest) == 1:
        if rows and not int(form.get("force", 0)):
            return None
        del table[rest[0]]
        return m
    if kind == "groups":
        return rules(rows, rest[1:])
    cidr = rest[1] if len(rest) > 1 else form["cidr"]
    found = [e for e in rows if e["cidr"] == cidr]
    if len(rest) == 1:
        if found:
            return None
        rows.insert(0, dict(form))
    elif not found:
        return None
    elif verb == "DELETE":
        rows.remove(found[0])
    else:
        found[0].pop("nomatch", None)
        update(found[0])
    return m


class Generator:
    def __init__(self, r):
        self.r = r

    def some(self, chance):
        return self.r.random() < chance

    def rule(self, env):
        r = self.r
        kinds = {"cluster": ["in"] * 6 + ["out", "out", "group", "group", "forward"],
                 "node": ["in"] * 6 + ["out", "out", "group", "forward"],
                 "guest": ["in"] * 4 + ["out", "out", "group", "group", "forward"],
                 "group": ["in"] * 4 + ["out", "out", "forward", "group"],
                 "vnet": ["forward"] * 6 + ["group", "in"]}[env]
        rule = {"type": r.choice(kinds), "action": r.choice(["ACCEPT", "ACCEPT", "DROP", "REJECT"]),
                "enable": int(self.some(0.85))}
        if self.some(0.15):
            rule["iface"] = r.choice(["vmbr0", "vmbr1", "eno1"] if env != "guest"
                                     else ["net0", "net1", "vmbr0"])
        if rule["type"] == "group":
            rule["action"] = r.choice(NAMES)
            return rule
        for key in ("source", "dest"):
            if self.some(0.5 if key == "source" else 0.2):
                rule[key] = r.choice(V4 + V6 + ["+adm", "+dc/adm", "+guest/adm", "+nowhere", "+management",
                                                "office", "dc/office", "guest/office", "nowhere",
                                                "Office", "10.0.0.1,2001:db8::1"])
        if self.some(0.3):
            rule["macro"] = r.choice(["SSH", "Web", "ping", "Ping", "DNS", "SMB", "Ceph", "VNC", "PMG",
                                      "DHCPv6", "GRE", "PPtP", "NeighborDiscovery", "IPsec", "Nonsense"])
            if self.some(0.2):
                rule["proto"] = r.choice(["tcp", "udp", "icmp", "icmpv6", "ipv6-icmp"])
                if "icmp" in rule["proto"] and self.some(0.8):
                    rule["macro"] = r.choice(["Ping", "ping", "NeighborDiscovery"])
            if self.some(0.5 if "icmp" in rule.get("proto", "") else 0.05):  # with a protocol of its own it may stand, without it the rule is left out
                rule["icmp-type"] = r.choice(["echo-request", "packet-too-big", "8", "any"])
            return rule
        if self.some(0.75):
            rule["proto"] = r.choice(["tcp"] * 6 + ["udp"] * 3 + ["icmp", "icmpv6", "ipv6-icmp", "sctp",
                                                                 "igmp", "50"])
        if self.some(0.6):
            icmp = rule.get("proto") in ("icmp", "icmpv6", "ipv6-icmp")
            if icmp and self.some(0.9):
                rule[r.choice(["dport", "icmp-type"])] = r.choice(
                    ["echo-request", "destination-unreachable", "fragmentation-needed", "any",
                     "packet-too-big", "8", "router-advertisement", "time-exceeded"])
            else:
                rule["dport"] = r.choice(PORTS)
        if self.some(0.07):
            rule["sport"] = r.choice(["53", "68", "1024:65535", "137"])
        return rule

    def rules(self, env, most):
        return [self.rule(env) for _ in range(self.r.randrange(most + 1))]

    def entries(self):
        r = self.r
        names = r.sample(PLAIN4 + PLAIN6 + ["office", "guest/office", "nowhere"], r.randrange(4))
        return [dict(cidr=c, **({"nomatch": 1} if self.some(0.3) else {})) for c in names]

    def aliases(self):
        r = self.r
        rows = []
        for name in ("office", "remote"):
            if self.some(0.6):
                rows.append({"name": name, "cidr": r.choice(PLAIN4 + PLAIN6)})
        return rows

    def options(self, *choices):
        return {k: self.r.choice(v) for k, v in choices if self.some(0.4)}

    def node(self, i):
        return {"ip": f"10.0.0.{i}",
                "options": self.options(("enable", [0, 1, 1]), ("ndp", [0, 1]),
                                        ("nftables", [0, 0, 1])),
                "rules": self.rules("node", 4),
                "network": [
                    {"iface": "vmbr0", "type": "bridge", "address": f"10.0.0.{i}",
                     "cidr": f"10.0.0.{i}/24", "address6": f"2001:db8::{i}",
                     "cidr6": f"2001:db8::{i}/64"},
                    {"iface": "vmbr1", "type": "bridge", "address": f"192.168.7.{i}",
                     "cidr": f"192.168.7.{i}/24"}, {"iface": "eno1", "type": "eth"}]}

    def guest(self, i, nodes):
        r = self.r
        kind = r.choice(["qemu", "lxc"])
        sets = {}
        if self.some(0.4):
            sets["adm"] = self.entries()
        if self.some(0.25):
            sets["ipfilter-net0"] = [e for e in self.entries()]
        config = {}
        for nic in range(r.randrange(1, 3)):
            mac = MACS[i * 2 + nic]
            text = f"virtio={mac}" if kind == "qemu" else f"name=eth{nic},hwaddr={mac}"
            text += f",bridge=vmbr0,firewall={int(self.some(0.9))}"
            if kind == "lxc":
                text += f",ip=10.0.0.{20 + i * 2 + nic}/24,ip6=2001:db8::{20 + i * 2 + nic}/64"
            config[f"net{nic}"] = text
        return {"kind": kind, "node": r.choice(nodes), "aliases": self.aliases(), "ipset": sets,
                "options": dict(self.options(("policy_in", ["ACCEPT", "DROP", "REJECT"]),
                                             ("policy_out", ["ACCEPT", "DROP", "REJECT"]),
                                             ("dhcp", [0, 1]), ("ndp", [0, 1]), ("radv", [0, 1]),
                                             ("ipfilter", [0, 1])), enable=int(self.some(0.85))),
                "rules": self.rules("guest", 5), "config": config}

    def model(self):
        r = self.r
        nodes = ["c1", "c2"]
        sets = {n: self.entries() for n in ("adm", "management", "blacklist") if self.some(0.4)}
        aliases = self.aliases()
        if self.some(0.15):
            aliases.append({"name": "local_network", "cidr": "192.168.7.0/24"})
        return {
            "cluster": {"options": dict(self.options(
                            ("policy_in", ["ACCEPT", "DROP", "REJECT"]),
                            ("policy_out", ["ACCEPT", "DROP", "REJECT"]),
                            ("policy_forward", ["ACCEPT", "DROP"])), enable=int(self.some(0.9))),
                        "rules": self.rules("cluster", 5),
                        "groups": {n: self.rules("group", 3) for n in ("web", "adm")
                                   if self.some(0.7)},
                        "aliases": aliases, "ipset": sets},
            "nodes": {n: self.node(i + 1) for i, n in enumerate(nodes)},
            "guests": {str(101 + i): self.guest(i, nodes) for i in range(r.randrange(1, 4))},
            "vnets": {"v1": {"options": dict(self.options(("policy_forward", ["ACCEPT", "DROP"])),
                                             enable=int(self.some(0.8))),
                             "rules": self.rules("vnet", 3)}},
            "corosync": {n: {"ring0_addr": f"10.0.0.{i + 1}", "ring1_addr": f"192.168.7.{i + 1}"}
                         for i, n in enumerate(nodes)}}

    # ---- changes ----

    def change(self, m):
        r = self.r
        scopes = [("/cluster/firewall", m["cluster"], "cluster")] * 4
        scopes += [(f"/nodes/{n}/firewall", o, "node") for n, o in m["nodes"].items()]
        scopes += [(f"/nodes/{g['node']}/{g['kind']}/{v}/firewall", g, "guest")
                   for v, g in m["guests"].items()]
        scopes += [(f"/cluster/sdn/vnets/{n}/firewall", o, "vnet") for n, o in m["vnets"].items()]
        path, scope, env = r.choice(scopes)
        parts = ["rules"] * 4 + ["options"] * 2
        parts += ["ipset", "aliases"] * 2 if env in ("cluster", "guest") else []
        parts += ["groups"] * 2 if env == "cluster" else []
        part = r.choice(parts)
        return getattr(self, "change_" + part)(path, scope, env)

    def change_options(self, path, scope, env):
        keys = {"cluster": [("enable", [0, 1]), ("policy_in", ["ACCEPT", "DROP", "REJECT"]),
                            ("policy_out", ["ACCEPT", "DROP"]), ("policy_forward", ["ACCEPT", "DROP"])],
                "node": [("enable", [0, 1]), ("ndp", [0, 1]), ("nftables", [0, 1])],
                "guest": [("enable", [0, 1]), ("policy_in", ["ACCEPT", "DROP"]), ("dhcp", [0, 1]),
                          ("policy_out", ["DROP", "REJECT"]), ("ipfilter", [0, 1]), ("radv", [0, 1])],
                "vnet": [("enable", [0, 1]), ("policy_forward", ["ACCEPT", "DROP"])]}[env]
        form = self.options(*keys)
        if self.some(0.3):
            form["delete"] = ",".join(k for k, _ in self.r.sample(keys, 2) if k not in form)
        return {"method": "PUT", "path": path + "/options", "form": form}

    def rule_change(self, path, rows, env):
        r = self.r
        what = r.choice(["create", "update", "move", "delete"])
        pos = r.randrange(max(1, len(rows)) + int(self.some(0.1)))
        if what == "create":
            return {"method": "POST", "path": path, "form": self.rule(env)}
        if what == "delete":
            return {"method": "DELETE", "path": f"{path}/{pos}", "form": {}}
        if what == "move":
            return {"method": "PUT", "path": f"{path}/{pos}",
                    "form": {"moveto": r.randrange(len(rows) + 2)}}
        form = self.rule(env)
        form = {k: form[k] for k in form if self.some(0.5)}
        if self.some(0.3):
            form["delete"] = r.choice(["source", "dport,proto", "macro", "iface"])
            for k in form["delete"].split(","):
                form.pop(k, None)
        return {"method": "PUT", "path": f"{path}/{pos}", "form": form}

    def change_rules(self, path, scope, env):
        return self.rule_change(path + "/rules", scope["rules"], env)

    def change_groups(self, path, scope, env):
        r = self.r
        name = r.choice(["web", "adm"])
        rows = scope["groups"].get(name)
        if self.some(0.2):
            return {"method": "POST", "path": path + "/groups",
                    "form": dict(group="fresh", **({"rename": name} if self.some(0.6) else {}))}
        if self.some(0.15):
            return {"method": "DELETE", "path": f"{path}/groups/{name}", "form": {}}
        return self.rule_change(f"{path}/groups/{name}", rows or [], "group")

    def change_aliases(self, path, scope, env):
        r = self.r
        name = r.choice(["office", "remote", "fresh"])
        cidr = r.choice(PLAIN4 + PLAIN6)
        what = r.choice(["create", "update", "delete"])
        if what == "create":
            return {"method": "POST", "path": path + "/aliases", "form": {"name": name, "cidr": cidr}}
        if what == "delete":
            return {"method": "DELETE", "path": f"{path}/aliases/{name}", "form": {}}
        form = {"cidr": cidr}
        if self.some(0.3):
            form["rename"] = "fresh2"
        return {"method": "PUT", "path": f"{path}/aliases/{name}", "form": form}

    def change_ipset(self, path, scope, env):
        r = self.r
        name = r.choice(["adm", "adm", "management", "blacklist"] if env == "cluster"
                        else ["adm", "ipfilter-net0"])
        rows = scope["ipset"].get(name, [])
        if self.some(0.2):
            return {"method": "POST", "path": path + "/ipset",
                    "form": dict(name=r.choice(["fresh", name]),
                                 **({"rename": name} if self.some(0.5) else {}))}
        if self.some(0.2):
            return {"method": "DELETE", "path": f"{path}/ipset/{name}",
                    "form": {"force": 1} if self.some(0.6) else {}}
        if rows and self.some(0.6):
            cidr = urllib.parse.quote(r.choice(rows)["cidr"], safe="")
            if self.some(0.5):
                return {"method": "DELETE", "path": f"{path}/ipset/{name}/{cidr}", "form": {}}
            return {"method": "PUT", "path": f"{path}/ipset/{name}/{cidr}",
                    "form": {"nomatch": int(self.some(0.5))}}
        form = {"cidr": r.choice(PLAIN4 + PLAIN6 + ["office"])}
        if self.some(0.3):
            form["nomatch"] = 1
        return {"method": "POST", "path": f"{path}/ipset/{name}", "form": form}

    # ---- packets ----

    def address(self, v, edge=True):
        r = self.r
        pool = PLAIN4 if v == 4 else PLAIN6
        n = ipaddress.ip_network(r.choice(pool), strict=False)
        lo, hi = int(n[0]), int(n[-1])
        value = r.choice([lo, hi, lo - 1, hi + 1, r.randint(lo, hi), lo + 3]) if edge else lo
        top = 0xDFFFFFFF if v == 4 else (0xFF << 120) - 1
        value = min(max(value, 1), top)
        return str(ipaddress.IPv4Address(value) if v == 4 else ipaddress.IPv6Address(value))

    def places(self, m):
        out = []
        for n in m["nodes"]:
            out += [({"node": n}, d) for d in ("in", "in", "out", "forward")]
        for vmid, g in m["guests"].items():
            for nic in g["config"]:
                out += [({"guest": int(vmid), "nic": nic}, d) for d in ("in", "in", "out")]
        return out + [({"vnet": v}, "forward") for v in m["vnets"]]

    def packet(self, m, place, direction):
        r = self.r
        v = r.choice([4, 4, 6])
        p = {"place": place, "dir": direction, "v": v, "src": self.address(v),
             "dst": self.address(v), "iface": "", "sport": r.choice([50000, 53, 68, 67, 137, 2000]),
             "dport": 0, "type": 0, "code": 0}
        near = "src" if direction == "out" else "dst"
        if "node" in place and direction != "forward":
            i = list(m["nodes"]).index(place["node"]) + 1
            if v == 4:
                p[near], p["iface"] = r.choice([(f"10.0.0.{i}", "vmbr0"),
                                                (f"192.168.7.{i}", "vmbr1")])
            else:
                p[near], p["iface"] = f"2001:db8::{i}", "vmbr0"
            p["exact"] = True
        elif "guest" in place:
            g = m["guests"][str(place["guest"])]
            if g["kind"] == "lxc" and self.some(0.8):
                own = dict(x.split("=", 1) for x in g["config"][place["nic"]].split(","))
                p[near] = own["ip" if v == 4 else "ip6"].split("/")[0]
                p["exact"] = own["firewall"] == "1"
        p["proto"] = r.choice([6] * 6 + [17] * 3 + [1 if v == 4 else 58] * 2 + [132, 2, 47, 50])
        if p["proto"] in (6, 17, 132):
            p["dport"] = r.choice([22, 8006, 80, 443, 5900, 5999, 6000, 3128, 53, 137, 445, 60000,
                                   60051, 5404, 5405, 5410, 6789, 1, 1900, 68, 67, 546, 547, 40000,
                                   r.randrange(1, 65536)])
        elif p["proto"] in (1, 58):
            p["type"], p["code"] = r.choice([(8, 0), (3, 4), (3, 1), (11, 0), (128, 0), (1, 0), (2, 0),
                                             (134, 0), (136, 0), (137, 0), (0, 0)])
        # of ICMP types and of protocols the analyser tries examples only
        p["exact"] = p.get("exact", False) and p["proto"] in (6, 17)
        return p

    def case(self):
        m = self.model()
        all_places = self.places(m)
        packets = [self.packet(m, *self.r.choice(all_places)) for _ in range(60)]
        places = []
        for place, d in all_places:
            one = dict(place, dir=d)
            if one not in places:
                places.append(one)
        return {"model": m, "change": self.change(m), "packets": packets, "places": places}
