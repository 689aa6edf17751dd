#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who may do what, a second time: written from the documentation of users, pools and permissions
(pveum), sharing nothing with the C side. Random clusters and random requests; effective privileges
on random paths before and after, and who gains, loses or is locked out."""
import json

import guest_lib as lib
from guest_lib import compare, done, ok

lib.Driver.program = "access_driver"

PRIVS = ["VM.Audit", "VM.PowerMgmt", "VM.Console", "Sys.Audit", "Sys.Modify", "Permissions.Modify",
         "Datastore.Audit", "Pool.Audit", "User.Modify"]
TOPS = ["/", "/access", "/access/groups", "/access/realm", "/mapping", "/nodes", "/pool", "/sdn",
        "/storage", "/vms"]


class Cluster:
    def __init__(self, rng):
        self.realms = {"pve", "pam"} if rng.random() < 0.8 else {"pam"}
        self.users, self.tokens = {}, {}
        for name in ["root@pam", "a@pve", "b@pve", "c@pve", "d@pam"][:rng.randint(2, 5)]:
            self.users[name] = {"enable": int(name == "root@pam" or rng.random() < 0.85),
                                "expire": rng.choice([0, 0, 0, 500, 1500])}
            for t in ("t", "u")[:rng.choice([0, 1, 2])]:
                self.tokens[name, t] = {"privsep": rng.choice([0, 1, 1]),
                                        "expire": rng.choice([0, 0, 500, 1500])}
        self.groups = {g: {u for u in self.users if u != "root@pam" and rng.random() < 0.5}
                       for g in ("g", "h", "i")[:rng.randint(0, 3)]}
        self.roles = {"NoAccess": set(), "Administrator": set(PRIVS)}
        for r in ("R", "S", "T"):
            self.roles[r] = set(rng.sample(PRIVS, rng.randint(0, 4)))
        self.pools = {}
        taken = set()
        for p in ("p", "p/q", "r")[:rng.randint(0, 3)]:
            vms = {v for v in (100, 101, 102) if v not in taken and rng.random() < 0.5}
            taken |= vms
            self.pools[p] = {"vms": vms, "storage": {s for s in ("st", "su") if rng.random() < 0.4}}
        self.acl = {}  # (path, who) -> {role: propagate}; who: ("user"|"group"|"token", name)
        for _ in range(rng.randint(0, 9)):
            self.acl.setdefault((rng.choice(self.paths()), rng.choice(self.who())), {})[
                rng.choice(list(self.roles))] = int(rng.random() < 0.7)

    def paths(self):
        return ["/", "/vms", "/vms/100", "/vms/101", "/vms/102", "/storage", "/storage/st",
                "/storage/su", "/access", "/pool"] + ["/pool/" + p for p in self.pools]

    def who(self):
        return ([("user", u) for u in self.users] + [("group", g) for g in self.groups] +
                [("token", f"{u}!{t}") for u, t in self.tokens])

    def principals(self):
        return list(self.users) + [f"{u}!{t}" for u, t in self.tokens]

    # --- the rules ---
    def roles_on(self, name, path):
        """{role: propagates} by the walk from the top, without pools."""
        found = {}
        steps = ["/"] + ["/" + "/".join(path.strip("/").split("/")[:i + 1])
                         for i in range(len(path.strip("/").split("/")) if path != "/" else 0)]
        kind = "token" if "!" in name else "user"
        for step in steps:
            def counted(who):
                return {r: p for r, p in self.acl.get((step, who), {}).items()
                        if r in self.roles and (p or step == path)}
            said = counted((kind, name))
            if not said and kind == "user":
                for g, members in self.groups.items():
                    if name in members:
                        for r, p in counted(("group", g)).items():
                            said[r] = max(said.get(r, 0), p)
            if said:
                found = said
        return {"NoAccess": 0} if "NoAccess" in found else found

    def own(self, name, path):
        roles = dict(self.roles_on(name, path))
        inherited = {}
        for p, pool in self.pools.items():
            if path in [f"/vms/{v}" for v in pool["vms"]] + [f"/storage/{s}" for s in pool["storage"]]:
                inherited.update(dict.fromkeys(self.roles_on(name, "/pool/" + p), 0))
        if "NoAccess" in roles or "NoAccess" in inherited:
            return {}
        for r in inherited:
            roles.setdefault(r, 0)
        privs = {}
        for r, p in roles.items():
            for x in self.roles[r]:
                privs[x] = max(privs.get(x, 0), p)
        return privs

    def privs(self, name, path):
        if "!" not in name:
            if name not in self.users:
                return {}
            return dict.fromkeys(PRIVS, 1) if name == "root@pam" else self.own(name, path)
        user, token = name.split("!")
        if (user, token) not in self.tokens:
            return {}
        above = self.privs(user, path)
        if not self.tokens[user, token]["privsep"]:
            return above
        return {x: p and above[x] for x, p in self.own(name, path).items() if x in above}

    def usable(self, name, now):
        user = name.split("!")[0]
        if user not in self.users:
            return False
        good = self.users[user]["enable"] and not 0 < self.users[user]["expire"] <= now
        if "!" in name:
            t = self.tokens.get(tuple(name.split("!")))
            return bool(good and t and not 0 < t["expire"] <= now)
        return bool(good and user.split("@")[1] in self.realms)

    def can(self, name, path, now):
        return self.privs(name, path) if self.usable(name, now) else {}

    # --- as the API shows it ---
    def world(self):
        return {
            "users": [{"userid": u, **v, "tokens": [{"tokenid": t, **i} for (o, t), i in
                                                    self.tokens.items() if o == u]}
                      for u, v in self.users.items()],
            "groups": [{"groupid": g, "users": ",".join(m)} for g, m in self.groups.items()],
            "roles": [{"roleid": r, "privs": ",".join(sorted(p))} for r, p in self.roles.items()],
            "acl": [{"path": path, "type": who[0], "ugid": who[1], "roleid": r, "propagate": p}
                    for (path, who), roles in self.acl.items() for r, p in roles.items()],
            "domains": [{"realm": r} for r in self.realms],
            "pools": [{"poolid": p, "members": [{"vmid": v, "type": "qemu"} for v in m["vms"]] +
                       [{"storage": s, "type": "storage"} for s in m["storage"]]}
                      for p, m in self.pools.items()]}


def request(rng, c):
    """Carries out one random request; (method, path, form)."""
    what = rng.choice(["acl", "acl", "user", "del user", "group", "del group", "role", "del role",
                       "token", "del token", "pool", "realm", "new user"])
    user = rng.choice(list(c.users))
    if what == "acl":
        path, who = rng.choice(c.paths()), rng.choice(c.who())
        role, delete, below = rng.choice(list(c.roles)), rng.random() < 0.5, rng.randint(0, 1)
        have = c.acl.setdefault((path, who), {})
        if delete:
            have.pop(role, None)
        else:
            have[role] = below
        form = {"path": path, "roles": role, who[0] + "s": who[1], "propagate": below}
        return "PUT", "/access/acl", {**form, **({"delete": 1} if delete else {})}
    if what == "user":
        form = {"enable": rng.randint(0, 1)}
        c.users[user]["enable"] = form["enable"]
        if c.groups and rng.random() < 0.6:
            groups = rng.sample(list(c.groups), rng.randint(1, len(c.groups)))
            form["groups"] = ",".join(groups)
            if rng.random() < 0.5:
                form["append"] = 1
            for g, m in c.groups.items():
                if g in groups:
                    m.add(user)
                elif "append" not in form:
                    m.discard(user)
        return "PUT", f"/access/users/{user}", form
    if what == "new user":
        c.users["n@pve"] = {"enable": 1, "expire": 0}
        groups = list(c.groups)[:1]
        for g in groups:
            c.groups[g].add("n@pve")
        return "POST", "/access/users", {"userid": "n@pve", "groups": ",".join(groups)}
    if what == "del user" and user != "root@pam":
        del c.users[user]
        c.tokens = {k: v for k, v in c.tokens.items() if k[0] != user}
        for m in c.groups.values():
            m.discard(user)
        return "DELETE", f"/access/users/{user}", {}
    if what == "del group" and c.groups:
        g = rng.choice(list(c.groups))
        del c.groups[g]
        c.acl = {k: v for k, v in c.acl.items() if k[1] != ("group", g)}
        return "DELETE", f"/access/groups/{g}", {}
    if what == "role":
        r, privs = rng.choice("RST"), rng.sample(PRIVS, rng.randint(0, 3))
        more = rng.random() < 0.4
        c.roles[r] = (c.roles[r] if more else set()) | set(privs)
        return "PUT", f"/access/roles/{r}", {"privs": ",".join(privs), **({"append": 1} if more else {})}
    if what == "del role":
        r = rng.choice("RST")
        del c.roles[r]
        return "DELETE", f"/access/roles/{r}", {}
    if what == "token" and c.tokens:
        key = rng.choice(list(c.tokens))
        form = {"privsep": rng.randint(0, 1), "expire": rng.choice([0, 500, 1500])}
        c.tokens[key].update(form)
        return "PUT", f"/access/users/{key[0]}/token/{key[1]}", form
    if what == "del token" and c.tokens:
        key = rng.choice(list(c.tokens))
        del c.tokens[key]
        return "DELETE", f"/access/users/{key[0]}/token/{key[1]}", {}
    if what == "pool" and c.pools:
        p, vm = rng.choice(list(c.pools)), rng.choice([100, 101, 102])
        form = {"poolid": p, "vms": str(vm), "storage": "st"}
        for pool in c.pools.values():
            pool["vms"].discard(vm)
        if rng.random() < 0.4:
            form["delete"] = 1
            c.pools[p]["storage"].discard("st")
        else:
            c.pools[p]["vms"].add(vm)
            c.pools[p]["storage"].add("st")
        return "PUT", "/pools", form
    if what == "realm":
        r = rng.choice(sorted(c.realms))
        c.realms.discard(r)
        return "DELETE", f"/access/domains/{r}", {}
    return "PUT", "/access/groups/g", {"comment": "x"}


def copy(c):
    new = object.__new__(Cluster)
    new.realms = set(c.realms)
    new.users = {k: dict(v) for k, v in c.users.items()}
    new.tokens = {k: dict(v) for k, v in c.tokens.items()}
    new.groups = {k: set(v) for k, v in c.groups.items()}
    new.roles = {k: set(v) for k, v in c.roles.items()}
    new.pools = {k: {"vms": set(v["vms"]), "storage": set(v["storage"])} for k, v in c.pools.items()}
    new.acl = {k: dict(v) for k, v in c.acl.items()}
    return new


def verdicts(old, new, now):
    """{principal: {effect}} over every path that says something, and a child of each."""
    paths = set(TOPS) | {p for c in (old, new) for p, _ in c.acl}
    for c in (old, new):
        for pool in c.pools.values():
            paths |= {f"/vms/{v}" for v in pool["vms"]} | {f"/storage/{s}" for s in pool["storage"]}
    paths |= {p.rstrip("/") + "/zz" for p in paths}
    out = {}
    for name in set(old.principals()) | set(new.principals()):
        lost = gained = kept = False
        for p in paths:
            a, b = set(old.can(name, p, now)), set(new.can(name, p, now))
            lost |= bool(a - b)
            gained |= bool(b - a)
            kept |= bool(b)
        effects = set()
        if lost:
            effects.add("loses-access" if kept else "lockout")
        if gained:
            effects.add("gains-access")
        if effects:
            out[("token/" if "!" in name else "user/") + name] = effects
    return out


def one_case(rng, driver):
    old = Cluster(rng)
    new = copy(old)
    now = 1000
    method, path, form = request(rng, new)
    names = sorted(set(old.principals()) | set(new.principals()))
    paths = old.paths() + ["/vms/999", "/nodes/n", "/storage/st/x"]
    ask = [[n, p] for n in names for p in rng.sample(paths, 4)]
    own = rng.choice(names)
    case = {"world": old.world(), "ask": ask, "now": now, "own": own,
            "request": {"method": method, "path": path, "form": form}}
    got = driver.ask(case)

    def differ(what, mine, theirs):
        return f"{what}\nmodel {mine}\nC     {theirs}\ncase {json.dumps(case)}"

    for side, c in (("before", old), ("after", new)):
        if side not in got:
            return differ("the request was not understood", "-", got)
        for (name, p), theirs in zip(ask, got[side]):
            mine = c.privs(name, p)
            if mine != theirs:
                return differ(f"{side}: {name} on {p}", mine, theirs)
    mine = {n: int(old.usable(n, now)) for n in old.principals()}
    if mine != got["usable"]:
        return differ("usable", mine, got["usable"])
    mine, theirs = verdicts(old, new, now), {}
    for line in got["affects"]:
        resource, effect = line.split(" ")[:2]
        theirs.setdefault(resource, set()).add(effect)
    if mine != theirs:
        return differ("verdicts", mine, theirs)
    key = ("token/" if "!" in own else "user/") + own
    took = bool(mine.get(key, set()) & {"loses-access", "lockout"})
    if took != any("this client itself uses" in s for s in got["says"]):
        return differ("our own token", took, got["says"])

    def admins(c):
        return [u for u in c.users if u != "root@pam" and c.can(u, "/zz", now).get(
            "Permissions.Modify")]

    last = bool(admins(old) and not admins(new))
    if last != any("last administrator" in s or "nobody is left" in s for s in got["says"]) and \
            new.usable("root@pam", now):
        return differ("last administrator", last, got["says"])
    return None


compare("effective privileges and who gains or loses", one_case)
done()
