# SPDX-License-Identifier: Apache-2.0
"""Random chains of changes of one plane, each a row with its arguments and the request that it sends: what
later steps see is held against what a simulated cluster answers (then_planes.py), and what is planned on
it against what is planned when it is done (tests/integration/steps_verdicts.py). A chain knows what it has
made so far, but not everything that PVE refuses: whoever runs it leaves out what is refused."""
from urllib.parse import quote

NODES = ["pve1", "pve2", "pve3"]
GUESTS = [("pve1", "lxc", 101), ("pve1", "qemu", 104), ("pve2", "qemu", 105), ("pve2", "qemu", 210),
          ("pve3", "qemu", 213), ("pve3", "lxc", 301), ("pve2", "lxc", 302), ("pve1", "lxc", 303)]


def sent(key, value):
    """As it goes into a form: a list is one text, but where PVE takes the parameter several times."""
    if isinstance(value, list) and key != "dhcp-range":
        return ",".join(value)
    return int(value) if isinstance(value, bool) else value


class Op:
    """args: of the row. form: as it is sent; what of the arguments stands in the path (ids) is not in it."""

    def __init__(self, row, method, path, ids=None, form=None):
        self.row, self.method, self.path = row, method, path
        self.args = {**(ids or {}), **(form or {})}
        self.form = {k: sent(k, v) for k, v in (form or {}).items()}

    def request(self):
        return {"method": self.method, "path": self.path, "form": self.form}

    def step(self):
        return {"row": self.row, "args": self.args}

    def __repr__(self):
        return f"{self.method} {self.path} {self.form}"


def rule_of(rng, groups, sets, aliases):
    """A rule; one of several may name what the chain has made."""
    if groups and rng.random() < 0.3:
        return {"type": "group", "action": rng.choice(groups), "enable": 1}
    form = {"type": rng.choice(["in", "in", "out"]), "action": rng.choice(["ACCEPT", "DROP", "REJECT"])}
    if rng.random() < 0.8:
        form["enable"] = rng.randrange(2)
    if rng.random() < 0.5:
        form["source"] = rng.choice(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", *["+" + s for s in sets], *aliases])
    if rng.random() < 0.5:
        form.update(proto=rng.choice(["tcp", "udp"]), dport=rng.choice(["22", "8006", "80:90", "443"]))
    if rng.random() < 0.3:
        form["comment"] = rng.choice(["a", "two words"])
    return form


class Firewall:
    """Of the cluster, a node or a guest; names are the cluster's and one guest's."""
    plane = "firewall"

    def __init__(self, rng):
        self.rng = rng
        node, kind, vmid = rng.choice(GUESTS)
        other = rng.choice(NODES)
        self.scopes = {"pve_firewall": ("/cluster/firewall", {}),
                       "pve_node_firewall": (f"/nodes/{other}/firewall", {"node": other}),
                       "pve_guest_firewall": (f"/nodes/{node}/{kind}/{vmid}/firewall", {"vmid": vmid})}
        self.groups, self.sets, self.aliases = [], {}, {}
        self.rules = {}
        self.names = []

    def places(self):
        """Where rules may stand: (row's beginning, list, ids)."""
        out = [(p, at + "/rules", ids) for p, (at, ids) in self.scopes.items()]
        return out + [("pve_security_group", f"/cluster/firewall/groups/{g}", {"group": g}) for g in self.groups]

    def rule(self):
        rng = self.rng
        prefix, at, ids = rng.choice(self.places())
        have = self.rules.setdefault(at, 0)
        if have and rng.random() < 0.4:
            pos = rng.randrange(have)
            what = rng.choice(["update", "move", "remove"])
            if what == "remove":
                self.rules[at] -= 1
                return Op(f"{prefix}_rule_remove", "DELETE", f"{at}/{pos}", {**ids, "pos": pos})
            if what == "move":
                return Op(f"{prefix}_rule_move", "PUT", f"{at}/{pos}", {**ids, "pos": pos},
                          {"moveto": rng.randrange(have + 1)})
            form = rng.choice([{"enable": 1}, {"enable": 0}, {"comment": "changed"}, {"action": "DROP"},
                               {"source": "10.1.0.0/16"}])
            return Op(f"{prefix}_rule_update", "PUT", f"{at}/{pos}", {**ids, "pos": pos}, form)
        self.rules[at] += 1
        groups = [] if prefix == "pve_security_group" else self.groups
        return Op(f"{prefix}_rule_add", "POST", at, ids, rule_of(rng, groups, list(self.sets), list(self.aliases)))

    def option(self):
        rng = self.rng
        prefix, (at, ids) = rng.choice(list(self.scopes.items()))
        forms = {"pve_firewall": [{"enable": 1}, {"enable": 0}, {"policy_in": "ACCEPT"}, {"policy_in": "DROP"},
                                  {"policy_out": "REJECT"}],
                 "pve_node_firewall": [{"enable": True}, {"enable": False}, {"nosmurfs": False}, {"log_level_in": "info"}],
                 "pve_guest_firewall": [{"enable": True}, {"enable": False}, {"policy_in": "ACCEPT"}, {"dhcp": False}]}
        return Op(f"{prefix}_options_set", "PUT", at + "/options", ids, rng.choice(forms[prefix]))

    def group(self):
        rng = self.rng
        base = "/cluster/firewall/groups"
        if self.groups and rng.random() < 0.4:
            old = rng.choice(self.groups)
            if rng.random() < 0.5:
                self.groups.remove(old)
                return Op("pve_security_group_delete", "DELETE", f"{base}/{old}", {"group": old})
            new = f"g{len(self.names)}new"
            self.names.append(new)
            self.groups[self.groups.index(old)] = new
            self.rules[f"{base}/{new}"] = self.rules.get(f"{base}/{old}", 0)
            return Op("pve_security_group_rename", "POST", base, form={"group": new, "rename": old})
        name = f"g{len(self.names)}"
        self.names.append(name)
        self.groups.append(name)
        return Op("pve_security_group_create", "POST", base, form={"group": name, "comment": "made here"})

    def entry(self):
        rng = self.rng
        base = "/cluster/firewall/ipset"
        if not self.sets or rng.random() < 0.3:
            name = f"s{len(self.names)}"
            self.names.append(name)
            self.sets[name] = []
            return Op("pve_ipset_create", "POST", base, form={"name": name})
        name = rng.choice(list(self.sets))
        have = self.sets[name]
        if have and rng.random() < 0.4:
            cidr = rng.choice(have)
            at = f"{base}/{name}/{quote(cidr, safe='')}"
            if rng.random() < 0.5:
                have.remove(cidr)
                return Op("pve_ipset_entry_remove", "DELETE", at, {"name": name, "cidr": cidr})
            return Op("pve_ipset_entry_update", "PUT", at, {"name": name, "cidr": cidr},
                      {"nomatch": rng.random() < 0.5, "comment": "x"})
        if not have and rng.random() < 0.2:
            del self.sets[name]
            return Op("pve_ipset_delete", "DELETE", f"{base}/{name}", {"name": name})
        given, kept = rng.choice([("10.0.0.0/8", "10.0.0.0/8"), ("10.1.2.3/16", "10.1.0.0/16"),
                                  ("192.0.2.9/32", "192.0.2.9"), ("2001:db8::1", "2001:db8::1")])
        if kept not in have:
            have.append(kept)
        return Op("pve_ipset_entry_add", "POST", f"{base}/{name}", {"name": name}, {"cidr": given})

    def alias(self):
        rng = self.rng
        base = "/cluster/firewall/aliases"
        if self.aliases and rng.random() < 0.5:
            name = rng.choice(list(self.aliases))
            if rng.random() < 0.4:
                del self.aliases[name]
                return Op("pve_alias_delete", "DELETE", f"{base}/{name}", {"name": name})
            return Op("pve_alias_update", "PUT", f"{base}/{name}", {"name": name},
                      {"cidr": rng.choice(["10.9.0.0/16", "192.0.2.0/24"]), "comment": "now"})
        name = f"a{len(self.names)}"
        self.names.append(name)
        self.aliases[name] = True
        return Op("pve_alias_create", "POST", base, form={"name": name, "cidr": rng.choice(["10.2.3.4/16", "192.0.2.1"])})

    def next(self):
        return self.rng.choice([self.rule, self.rule, self.rule, self.option, self.group, self.entry, self.alias])()

    def reads(self):
        out = {}
        for at, _ in self.scopes.values():
            out.update({at + "/options": "whole", at + "/rules": "whole"})
            out.update({f"{at}/rules/{i}": "whole" for i in range(3)})
            if "/nodes/" not in at or "/lxc/" in at or "/qemu/" in at:
                out.update({at + "/aliases": "whole", at + "/ipset": "whole"})
        base = "/cluster/firewall"
        out[base + "/groups"] = "whole"
        for n in self.names:
            out.update({f"{base}/groups/{n}": "whole"} if n[0] == "g" else
                       {f"{base}/ipset/{n}": "whole", f"{base}/ipset/{n}/10.0.0.0%2F8": "whole"} if n[0] == "s" else
                       {f"{base}/aliases/{n}": "whole"})
            if n[0] == "g":
                out.update({f"{base}/groups/{n}/{i}": "whole" for i in range(2)})
        return out


class Ha:
    plane = "ha"

    def __init__(self, rng):
        self.rng = rng
        self.resources = {"ct:302": "started"}
        self.rules = ["dns-near-core"]
        self.names = ["dns-near-core"]

    def sid(self):
        names = [f"{'ct' if kind == 'lxc' else 'vm'}:{vmid}" for _, kind, vmid in GUESTS]
        return self.rng.choice([n for n in names if n not in self.resources])

    def resource(self):
        rng = self.rng
        base = "/cluster/ha/resources"
        if self.resources and rng.random() < 0.5:
            sid = rng.choice(list(self.resources))
            at = f"{base}/{quote(sid, safe='')}"
            if rng.random() < 0.4:
                del self.resources[sid]
                return Op("pve_ha_resource_remove", "DELETE", at, {"sid": sid}, {})
            return Op("pve_ha_resource_update", "PUT", at, {"sid": sid},
                      rng.choice([{"max_restart": 3}, {"comment": "c"}, {"state": "ignored"}, {"state": "enabled"},
                                  {"failback": False}]))
        sid = self.sid()
        self.resources[sid] = True
        form = {"sid": sid}
        if rng.random() < 0.7:
            form["state"] = rng.choice(["started", "enabled", "ignored", "stopped", "disabled"])
        if rng.random() < 0.4:
            form["max_relocate"] = rng.randrange(4)
        return Op("pve_ha_resource_add", "POST", base, form=form)

    def rule(self):
        rng = self.rng
        base = "/cluster/ha/rules"
        if self.rules and rng.random() < 0.45:
            name = rng.choice(self.rules)
            if rng.random() < 0.5:
                self.rules.remove(name)
                return Op("pve_ha_rule_delete", "DELETE", f"{base}/{name}", {"rule": name})
            kind = "resource-affinity" if name.startswith("r") else "node-affinity"
            return Op("pve_ha_rule_update", "PUT", f"{base}/{name}", {"rule": name},
                      {"type": kind, **rng.choice([{"disable": True}, {"comment": "c"}, {"disable": False}])})
        name = f"{rng.choice('rn')}{len(self.names)}"
        self.names.append(name)
        self.rules.append(name)
        many = min(len(self.resources), 1 + (name[0] == "r"))
        names = rng.sample(sorted(self.resources), many) or ["ct:302"]
        if name[0] == "r":
            return Op("pve_ha_rule_create", "POST", base, form={
                "rule": name, "type": "resource-affinity", "resources": names,
                "affinity": rng.choice(["positive", "negative"])})
        return Op("pve_ha_rule_create", "POST", base, form={
            "rule": name, "type": "node-affinity", "resources": names,
            "nodes": rng.choice([["pve1", "pve2"], ["pve2:2", "pve1:1"], ["pve1", "pve2", "pve3"]]), "strict": rng.random() < 0.5})

    def next(self):
        return self.rng.choice([self.resource, self.rule])()

    def reads(self):
        base = "/cluster/ha"
        out = {base + "/resources": "whole", base + "/rules": "whole"}
        for _, kind, vmid in GUESTS:
            out[f"{base}/resources/{'ct' if kind == 'lxc' else 'vm'}%3A{vmid}"] = "whole"
        out.update({f"{base}/rules/{n}": "whole" for n in self.names})
        return out


class Sdn:
    plane = "sdn"

    def __init__(self, rng):
        self.rng = rng
        self.zones, self.vnets, self.subnets, self.controllers = {}, {}, {}, []
        self.n = 0
        self.known = {"zones": [], "vnets": [], "controllers": []}

    def name(self, kind, letter):
        self.n += 1
        name = f"{letter}{self.n}"
        self.known[kind].append(name)
        return name

    def zone(self):
        rng = self.rng
        base = "/cluster/sdn/zones"
        if self.zones and rng.random() < 0.4:
            name = rng.choice(list(self.zones))
            if rng.random() < 0.4 and not any(z == name for z, _ in self.vnets.values()):
                del self.zones[name]
                return Op("pve_sdn_zone_delete", "DELETE", f"{base}/{name}", {"zone": name})
            return Op("pve_sdn_zone_update", "PUT", f"{base}/{name}", {"zone": name},
                      rng.choice([{"mtu": 1450}, {"mtu": 1400}, {"nodes": ["pve1", "pve2"]}, {"ipam": "pve"}]))
        name = self.name("zones", "z")
        self.zones[name] = rng.choice(["simple", "vlan"])
        form = {"zone": name, "type": self.zones[name]}
        if form["type"] == "vlan":
            form["bridge"] = "vmbr0"
        return Op("pve_sdn_zone_create", "POST", base, form=form)

    def vnet(self):
        rng = self.rng
        base = "/cluster/sdn/vnets"
        if not self.zones:
            return self.zone()
        if self.vnets and rng.random() < 0.4:
            name = rng.choice(list(self.vnets))
            if rng.random() < 0.4 and not any(v == name for v in self.subnets.values()):
                del self.vnets[name]
                return Op("pve_sdn_vnet_delete", "DELETE", f"{base}/{name}", {"vnet": name})
            return Op("pve_sdn_vnet_update", "PUT", f"{base}/{name}", {"vnet": name},
                      rng.choice([{"alias": "office"}, {"alias": "lab"}, {"isolate-ports": True}]))
        name = self.name("vnets", "v")
        zone = rng.choice(list(self.zones))
        self.vnets[name] = (zone, name)
        form = {"vnet": name, "zone": zone}
        if self.zones[zone] == "vlan":
            form["tag"] = 100 + self.n
        return Op("pve_sdn_vnet_create", "POST", base, form=form)

    def subnet(self):
        rng = self.rng
        if not self.vnets:
            return self.vnet()
        if self.subnets and rng.random() < 0.5:
            sid = rng.choice(list(self.subnets))
            vnet = self.subnets[sid]
            at = f"/cluster/sdn/vnets/{vnet}/subnets/{sid}"
            ids = {"vnet": vnet, "subnet": sid}
            if rng.random() < 0.5:
                del self.subnets[sid]
                return Op("pve_sdn_subnet_delete", "DELETE", at, ids)
            net = sid.split("-")[1].rsplit(".", 1)[0]
            return Op("pve_sdn_subnet_update", "PUT", at, ids,
                      rng.choice([{"gateway": net + ".1"}, {"snat": True}, {"gateway": net + ".2"}]))
        vnet = rng.choice(list(self.vnets))
        self.n += 1
        net = f"10.{self.n}.0"
        self.subnets[f"{self.vnets[vnet][0]}-{net}.0-24"] = vnet
        form = {"subnet": f"{net}.0/24", "type": "subnet"}
        if rng.random() < 0.6:
            form["gateway"] = net + ".1"
        if rng.random() < 0.4:
            form["dhcp-range"] = [f"start-address={net}.10,end-address={net}.20"]
        op = Op("pve_sdn_subnet_create", "POST", f"/cluster/sdn/vnets/{vnet}/subnets", {"vnet": vnet}, form)
        op.args.pop("type", None)
        return op

    def whole(self):
        if self.rng.random() < 0.7:
            return Op("pve_sdn_apply", "PUT", "/cluster/sdn")
        return Op("pve_sdn_rollback", "POST", "/cluster/sdn/rollback")

    def next(self):
        return self.rng.choice([self.zone, self.vnet, self.vnet, self.subnet, self.whole])()

    def reads(self):
        base = "/cluster/sdn"
        paths = [f"{base}/{kind}" for kind in self.known]
        paths += [f"{base}/{kind}/{n}" for kind, names in self.known.items() for n in names]
        paths += [f"{base}/vnets/{v}/subnets" for v in self.known["vnets"]]
        out = {p + q: "whole" for p in paths for q in ("", "?pending=1", "?running=1")}
        for v in self.known["vnets"]:
            out.update({f"{base}/vnets/{v}/firewall/{x}": "whole" for x in ("options", "rules")})
        return out


class Network:
    plane = "network"

    def __init__(self, rng):
        self.rng = rng
        self.node = rng.choice(NODES)
        self.made = {}
        self.names = ["vmbr0", "eno1"]
        self.staged = False

    def form(self, kind, name):
        rng = self.rng
        form = {"type": kind}
        if kind == "bridge":
            form["bridge_ports"] = rng.choice([[], ["eno1.7"], ["eno1.8", "eno1.7"]])
            if rng.random() < 0.3:
                form["bridge_vlan_aware"] = True
            form["autostart"] = True
        if rng.random() < 0.5:
            form["cidr"] = f"10.{int(''.join(c for c in name if c.isdigit()) or 0) % 200}.7.1/24"
        if rng.random() < 0.3:
            form["comments"] = "said here"
        if rng.random() < 0.3:
            form["mtu"] = 1500
        return {k: v for k, v in form.items() if v != []}

    def iface(self):
        rng = self.rng
        base = f"/nodes/{self.node}/network"
        self.staged = True
        ids = {"node": self.node}
        if self.made and rng.random() < 0.5:
            name = rng.choice(list(self.made))
            if rng.random() < 0.4:
                del self.made[name]
                return Op("pve_network_iface_delete", "DELETE", f"{base}/{name}", {**ids, "iface": name})
            return Op("pve_network_iface_update", "PUT", f"{base}/{name}", {**ids, "iface": name},
                      self.form(self.made[name], name))
        kind = rng.choice(["bridge", "vlan"])
        name = f"vmbr{len(self.names)}" if kind == "bridge" else f"eno1.{20 + len(self.names)}"
        self.names.append(name)
        self.made[name] = kind
        return Op("pve_network_iface_create", "POST", base, ids, {"iface": name, **self.form(kind, name)})

    def whole(self):
        base, ids = f"/nodes/{self.node}/network", {"node": self.node}
        if not self.staged:
            return self.iface()
        self.staged = False
        if self.rng.random() < 0.7:
            return Op("pve_network_apply", "PUT", base, ids)
        return Op("pve_network_revert", "DELETE", base, ids)

    def next(self):
        return self.rng.choice([self.iface, self.iface, self.iface, self.whole])()

    def reads(self):
        out = {}
        for node in NODES:
            out.update({f"/nodes/{node}/network": "whole", f"/nodes/{node}/network#changes": "whole"})
        out.update({f"/nodes/{self.node}/network/{n}": "whole" for n in self.names})
        return out


class Jobs:
    plane = "backup"

    def __init__(self, rng):
        self.rng = rng
        self.jobs = ["nightly-prod"]
        self.known = ["nightly-prod"]
        self.pools = ["prod"]

    def job(self):
        rng = self.rng
        base = "/cluster/backup"
        if rng.random() < 0.5 and self.jobs:
            name = rng.choice(self.jobs)
            if rng.random() < 0.4:
                self.jobs.remove(name)
                return Op("pve_backup_job_delete", "DELETE", f"{base}/{name}", {"id": name})
            return Op("pve_backup_job_update", "PUT", f"{base}/{name}", {"id": name},
                      rng.choice([{"enabled": False}, {"enabled": True}, {"prune-backups": "keep-last=2,keep-daily=3"},
                                  {"comment": "c"}, {"schedule": "sat 03:00"}, {"mode": "stop"}, {"all": True},
                                  {"pool": rng.choice(self.pools)}, {"vmid": ["101", "303"]},
                                  {"all": True, "exclude": ["105"]}, {"exclude": ["210"]}]))
        name = f"job-{len(self.known)}"
        self.known.append(name)
        self.jobs.append(name)
        form = {"id": name, "schedule": "sun 01:00", "storage": "backup"}
        form.update(rng.choice([{"pool": rng.choice(self.pools)}, {"vmid": ["104", "210"]}, {"all": True}]))
        if rng.random() < 0.4:
            form["prune-backups"] = "keep-last=3"
        if rng.random() < 0.3:
            form["enabled"] = rng.random() < 0.5
        return Op("pve_backup_job_create", "POST", base, form=form)

    def pool(self):
        rng = self.rng
        if len(self.pools) > 1 and rng.random() < 0.6:
            name = rng.choice(self.pools[1:])
            vmid = rng.choice(GUESTS)[2]
            return Op("pve_pool_members_add", "PUT", "/pools", {}, {"poolid": name, "vms": [str(vmid)]})
        name = f"p{len(self.pools)}"
        self.pools.append(name)
        return Op("pve_pool_create", "POST", "/pools", form={"poolid": name})

    def next(self):
        return self.rng.choice([self.job, self.job, self.pool])()

    def reads(self):
        out = {"/cluster/backup": "whole", "/pools": "whole"}
        out.update({f"/cluster/backup/{n}": "whole" for n in self.known})
        out.update({f"/pools?poolid={p}": "members" for p in self.pools})
        return out


PLANES = [Firewall, Ha, Sdn, Network, Jobs]


def chain(rng, plane, length):
    made = plane(rng)
    return made, [made.next() for _ in range(length)]
