#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Realms: who logs in by one, what settings expose, what a sync may take away, counted a second time
from plain lists. Random realms, users, settings and requests; the seed is printed. TAP."""
import re

from guest_lib import compare, done

NOW = 1000
LOGIN = {"server1", "server2", "port", "mode", "secure", "verify", "base_dn", "bind_dn", "user_attr",
         "issuer-url", "client-id", "password", "case-sensitive"}


def settings(rng, kind):
    pool = {"server1": ["a", "b"], "base_dn": ["x", "y"], "mode": ["ldap", "ldaps", "ldap+starttls"],
            "secure": [0, 1], "verify": [0, 1], "tfa": ["type=oath", "type=yubico"],
            "comment": ["c", "d"], "port": [389, 636], "default": [1],
            "sync-defaults-options": ["scope=users", "scope=both,remove-vanished=entry",
                                      "remove-vanished=acl", "scope=groups,remove-vanished=acl;entry",
                                      "enable-new=0,scope=users"]}
    if kind == "openid":
        pool = {"issuer-url": ["u", "v"], "client-id": ["1", "2"], "autocreate": [0, 1],
                "groups-overwrite": [0, 1], "groups-claim": ["g", "h"], "comment": ["c"], "default": [1]}
    return {k: rng.choice(v) for k, v in pool.items() if rng.random() < 0.4}


def sealed(o):
    return o.get("mode", "ldaps" if o.get("secure") else "ldap") != "ldap"


def options(o, form):
    d = dict(x.split("=", 1) for x in o.get("sync-defaults-options", "").split(",") if x)
    d.update({k: str(v) for k, v in form.items()})
    gone = set(d.get("remove-vanished", "none").split(";"))
    return d.get("scope"), "entry" in gone, "acl" in gone, d.get("enable-new", "1") != "0"


class World:
    def __init__(self, rng):
        self.rng = rng
        self.users = {"root@pam": {"enable": 1}}
        for i in range(rng.randrange(6)):
            self.users[f"u{i}@{rng.choice(['ld', 'ld', 'pve', 'oi'])}"] = {
                "enable": rng.choice([1, 1, 1, 0]), "expire": rng.choice([0, 0, 500, 1500])}
        self.groups = rng.sample(["dev-ld", "ops-ld", "x", "dev-oi", "-ld"], rng.randrange(4))
        self.acl = [{"path": "/", "type": "user", "ugid": u, "roleid": "Administrator", "propagate": 1}
                    for u in self.users if rng.random() < 0.3]
        self.acl += [{"path": "/vms", "type": "group", "ugid": g, "roleid": "See", "propagate": 1}
                     for g in self.groups if rng.random() < 0.5]

    def api(self):
        return {"/access/permissions": {"/": {k: 1 for k in ("VM.Audit", "Sys.Audit", "Pool.Audit",
                                                             "User.Modify")}},
                "/access/roles": [{"roleid": "Administrator", "privs": "Permissions.Modify,VM.Audit"},
                                  {"roleid": "See", "privs": "VM.Audit"}],
                "/access/domains": [{"realm": r} for r in ("pam", "pve", "ld", "oi")],
                "/access/users?full=1": [{"userid": u, **v} for u, v in self.users.items()],
                "/access/groups": [{"groupid": g, "users": ""} for g in self.groups],
                "/access/acl": self.acl}

    def people(self, realm):
        able = [u for u, v in self.users.items()
                if v["enable"] and not 0 < v.get("expire", 0) <= NOW]
        admins = {e["ugid"] for e in self.acl if e["roleid"] == "Administrator"} & set(able)
        admins.discard("root@pam")
        mine = {u for u in able if u.endswith("@" + realm)}
        return len(mine), bool(admins & mine) and not admins - mine


def vanished(w, realm, scope, entry, acl, old=(False, False)):
    users = len([u for u in w.users if u.endswith("@" + realm)]) if scope != "groups" else 0
    groups = [g for g in w.groups if g.endswith("-" + realm)] if scope != "users" else []
    out = set()
    if entry and not old[0]:
        out.add(("go", users, len(groups)))
        if users and w.people(realm)[1]:
            out.add("admins")
    if acl and not old[1]:
        n = len([e for e in w.acl if (e["type"] == "user" and e["ugid"].endswith("@" + realm)
                                      and scope != "groups") or
                 (e["type"] == "group" and e["ugid"] in groups)])
        out.add(("acl", n))
    return out


def expect(w, realm, before, method, form):
    if method == "SYNC":
        scope, entry, acl, enable = options(before, form)
        if before["type"] not in ("ldap", "ad") or not scope:
            return {"refused"}
        if form.get("dry-run"):
            return {"dry"}
        return {"unread", ("made", enable and scope != "groups")} | vanished(w, realm, scope, entry, acl)
    b = before or {}
    gone = [k for k in str(form.get("delete", "")).split(",") if k]
    a = {k: v for k, v in b.items() if k not in gone}
    a.update({k: v for k, v in form.items() if k != "delete"})
    n, last = w.people(realm)
    out = set()
    touched = {k for k in LOGIN if str(a.get(k)) != str(b.get(k)) or k == "password" and k in form}
    if before is not None and touched:
        out.add(("login", n) if n else "nobody")
        if n and last:
            out.add("admins")
    ldap = a["type"] in ("ldap", "ad")
    if ldap and not sealed(a) and (before is None or sealed(b)):
        out.add("clear")
    if ldap and sealed(a) and not a.get("verify") and (before is None or b.get("verify")):
        out.add("unchecked")
    if a.get("autocreate") and not b.get("autocreate"):
        out.add("anyone")
    if (a.get("groups-overwrite") and not b.get("groups-overwrite")) or \
            a.get("groups-claim") != b.get("groups-claim"):
        out.add("groups")
    if a.get("tfa") != b.get("tfa"):
        out.add(("factor", n, bool(a.get("tfa"))))
    if a.get("default") and not b.get("default"):
        out.add("first")
    scope, entry, acl, _ = options(a, {})
    _, old_entry, old_acl, _ = options(b, {})
    return out | vanished(w, realm, scope or "both", entry, acl, (old_entry, old_acl))


LINES = [
    (r"why \S+ (\d+) users log in by it", lambda m: ("login", int(m[1]))),
    (r"why \S+ nobody who can log in", lambda m: "nobody"),
    (r"risk 3 every administrator but", lambda m: "admins"),
    (r"why \S+ passwords travel", lambda m: "clear"), (r"why \S+ the server's cert", lambda m: "unchecked"),
    (r"why \S+ whoever the provider", lambda m: "anyone"), (r"why \S+ the provider decides", lambda m: "groups"),
    (r"why \S+ (\d+) users need this", lambda m: ("factor", int(m[1]), True)),
    (r"why \S+ (\d+) users need no", lambda m: ("factor", int(m[1]), False)),
    (r"why \S+ it is offered first", lambda m: "first"),
    (r"why \S+ .*up to (\d+) users, (\d+) groups", lambda m: ("go", int(m[1]), int(m[2]))),
    (r"why \S+ .*ACL entries of what.*up to (\d+)", lambda m: ("acl", int(m[1]))),
    (r"risk 3 PVE will refuse", lambda m: "refused"), (r"why \S+ it only shows", lambda m: "dry"),
    (r"unread what the directory", lambda m: "unread"),
    (r"why \S+ new .* are made(.*)", lambda m: ("made", bool(m[1])))]


def one_case(rng, driver):
    w = World(rng)
    realm, kind = rng.choice([("ld", "ldap"), ("ld", "ad"), ("oi", "openid"), ("pve", "pve")])
    before = {"type": kind, **settings(rng, kind)}
    path = "/access/domains/" + realm
    method = rng.choice(["PUT", "PUT", "SYNC"] + (["POST"] if kind != "pve" else []))
    if method == "SYNC":
        path += "/sync"
        form = {k: rng.choice(v) for k, v in (
            ("scope", ["users", "groups", "both"]), ("dry-run", [0, 1]), ("enable-new", [0, 1]),
            ("remove-vanished", ["none", "entry", "acl;entry", "properties"])) if rng.random() < 0.5}
    elif method == "POST":
        realm, before = "n", None
        form = {"realm": "n", "type": kind, **settings(rng, kind)}
        path = "/access/domains"
    else:
        form = settings(rng, kind)
        if rng.random() < 0.4:
            form["delete"] = ",".join(rng.sample(sorted(before), min(2, len(before))))
            form = {k: v for k, v in form.items() if k not in form["delete"].split(",")}
            form["delete"] = form.get("delete", "").replace("type", "comment")
    want = expect(w, realm, before, method, form)
    answer = driver.ask({"call": "realm", "world": w.api(), "before": before, "now": NOW, "requests": [
        {"method": "POST" if method == "SYNC" else method, "path": path, "form": form}]})
    got = set()
    for line in answer["says"]:
        for pattern, make in LINES:
            m = re.match(pattern, line)
            if m:
                got.add(make(m))
                break
    if want != got:
        return f"{method} {path} {form}\nbefore {before}\nwant {want}\ngot  {got}\n{answer}\n{w.users} {w.acl} {w.groups}"
    return None


compare("realms", one_case)
done()
