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
                                      "enable-new=0,scope=users", "purge=1,scope=users"]}
    if kind == "openid":
        pool = {"issuer-url": ["u", "v"], "client-id": ["1", "2"], "autocreate": [0, 1],
                "groups-overwrite": [0, 1], "groups-claim": ["g", "h"], "comment": ["c"], "default": [1]}
    return {k: rng.choice(v) for k, v in pool.items() if rng.random() < 0.4}


def sealed(o):
    return o.get("mode", "ldaps" if o.get("secure") else "ldap") != "ldap"


def options(o, form):
    d = dict(x.split("=", 1) for x in (o or {}).get("sync-defaults-options", "").split(",") if x)
    d.update({k: str(v) for k, v in form.items()})
    gone = set(d.get("remove-vanished", "none").split(";"))
    return d.get("scope"), "entry" in gone, "acl" in gone, d.get("enable-new", "1") != "0", gone


class World:
    def __init__(self, rng):
        self.rng = rng
        self.users = {"root@pam": {"enable": 1}}
        for i in range(rng.randrange(6)):
            self.users[f"u{i}@{rng.choice(['ld', 'ld', 'pve', 'oi'])}"] = {
                "enable": rng.choice([1, 1, 1, 0]), "expire": rng.choice([0, 0, 500, 1500])}
        self.groups = {g: [u for u in self.users if u != "root@pam" and rng.random() < 0.4]
                       for g in rng.sample(["dev-ld", "ops-ld", "x", "dev-oi", "-ld"], rng.randrange(4))}
        self.acl = [{"path": "/", "type": "user", "ugid": u, "roleid": "Administrator", "propagate": 1}
                    for u in self.users if rng.random() < 0.3]
        self.acl += [{"path": "/vms", "type": "user", "ugid": u, "roleid": rng.choice(["See", "NoAccess"]),
                      "propagate": 1} for u in self.users if rng.random() < 0.2]
        self.acl += [{"path": rng.choice(["/", "/vms", "/vms"]), "type": "group", "ugid": g,
                      "roleid": rng.choice(["See", "See", "Administrator"]), "propagate": 1}
                     for g in self.groups if rng.random() < 0.5]

    def api(self):
        return {"/access/permissions": {"/": {k: 1 for k in ("VM.Audit", "Sys.Audit", "Pool.Audit",
                                                             "User.Modify")}},
                "/access/roles": [{"roleid": "Administrator", "privs": "Permissions.Modify,VM.Audit"},
                                  {"roleid": "See", "privs": "VM.Audit"}, {"roleid": "NoAccess", "privs": ""}],
                "/access/domains": [{"realm": r} for r in ("pam", "pve", "ld", "oi")],
                "/access/users?full=1": [{"userid": u, **v} for u, v in self.users.items()],
                "/access/groups": [{"groupid": g, "users": ",".join(m)} for g, m in self.groups.items()],
                "/access/acl": self.acl}

    def able(self, user):
        v = self.users.get(user)
        return bool(v and v["enable"] and not 0 < v.get("expire", 0) <= NOW)

    def said(self, user, path):
        """Roles on exactly this path: the user's own entries, or else those of its groups."""
        mine = [e["roleid"] for e in self.acl if e["path"] == path and e["type"] == "user" and e["ugid"] == user]
        return mine or [e["roleid"] for e in self.acl if e["path"] == path and e["type"] == "group" and
                        user in self.groups.get(e["ugid"], ())]

    def can(self, user, path):
        if not self.able(user):
            return set()
        if user == "root@pam":
            return {"PM", "VA"}
        roles = (self.said(user, "/vms") if path == "/vms" else []) or self.said(user, "/")
        if "NoAccess" in roles:
            return set()
        return set().union(*[{"Administrator": {"PM", "VA"}, "See": {"VA"}}[r] for r in roles])

    def people(self, realm):
        able = [u for u in self.users if self.able(u)]
        admins = {u for u in able if "PM" in self.can(u, "/")} - {"root@pam"}
        mine = {u for u in able if u.endswith("@" + realm)}
        return len(mine), bool(admins & mine) and not admins - mine

    def without(self, realm, scope, entry, acl):
        """As if the directory listed nobody."""
        user = lambda u: scope != "groups" and u.endswith("@" + realm)
        group = lambda g: scope != "users" and g.endswith("-" + realm) and len(g) > len(realm) + 1 or \
            scope != "users" and g == "-" + realm
        w = object.__new__(World)
        w.users, w.groups, w.acl = self.users, self.groups, self.acl
        if entry:
            w.users = {u: v for u, v in self.users.items() if not user(u)}
            w.groups = {g: m for g, m in self.groups.items() if not group(g)}
        if acl:
            w.acl = [e for e in self.acl if not (user(e["ugid"]) if e["type"] == "user" else group(e["ugid"]))]
        return w


def fates(a, b):
    out = set()
    for u in a.users:
        was = {(p, x) for p in ("/", "/vms") for x in a.can(u, p)}
        now = {(p, x) for p in ("/", "/vms") for x in b.can(u, p)}
        if was - now:
            out.add(("fate", u, "loses-access" if now else "lockout"))
        if now - was:
            out.add(("fate", u, "gains-access"))
    return out


def vanished(w, realm, scope, entry, acl, old=(False, False)):
    users = len([u for u in w.users if u.endswith("@" + realm)]) if scope != "groups" else 0
    groups = [g for g in w.groups if g.endswith("-" + realm)] if scope != "users" else []
    out = set()
    entry, acl = entry and not old[0], acl and not old[1]
    if entry:
        out.add(("go", users, len(groups)))
        if users and w.people(realm)[1]:
            out.add("admins")
    if acl:
        n = len([e for e in w.acl if (e["type"] == "user" and e["ugid"].endswith("@" + realm)
                                      and scope != "groups") or
                 (e["type"] == "group" and e["ugid"] in groups)])
        out.add(("acl", n))
    return out | fates(w, w.without(realm, scope, entry, acl))


def comes(w, realm, scope, gone, enable):
    """What a sync does to whom the directory lists."""
    out = {"unread", ("made", {"both": "users and groups"}.get(scope, scope), enable and scope != "groups")}
    late = [u for u, v in w.users.items() if u.endswith("@" + realm) and v["enable"] and 0 < v["expire"] <= NOW]
    if "properties" in gone and scope != "groups" and late:
        out.add(("again", len(late)))
    groups = [g for g in w.groups if g.endswith("-" + realm)]
    if scope != "users" and groups:
        out.add(("members", len(groups)))
    return out


def expect(w, realm, before, method, form):
    if method == "SYNC":
        scope, entry, acl, enable, gone = options(before, form)
        if before["type"] not in ("ldap", "ad") or not scope:
            return {"refused"}
        if form.get("dry-run"):
            return {"dry"}
        return comes(w, realm, scope, gone, enable) | vanished(w, realm, scope, entry, acl)
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
    scope, entry, acl = options(a, {})[:3]
    _, old_entry, old_acl = options(b, {})[:3]
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
    (r"why \S+ .* new (.*) are made(.*)", lambda m: ("made", m[1], bool(m[2]))),
    (r"unread the realm's settings", lambda m: "nosettings"), (r"unread users", lambda m: "blind"),
    (r"why \S+ .*up to (\d+) that have expired", lambda m: ("again", int(m[1]))),
    (r"why \S+ .*of (\d+) groups all members", lambda m: ("members", int(m[1]))),
    (r"why \S+ the job does not run", lambda m: "stops"), (r"why \S+ it runs on", lambda m: "moved")]


def heard(answer):
    got = set()
    for line in answer["says"]:
        for pattern, make in LINES:
            m = re.match(pattern, line)
            if m:
                got.add(make(m))
                break
    for line in answer["affects"]:
        if line.startswith("user/"):
            got.add(("fate", *line[5:].split(" ")[:2]))
    return got


def expect_job(w, settings, before, after):
    runs = lambda j: bool(j and j.get("enabled", 1))
    realm = (before or after)["realm"]
    if not runs(after):
        return {"stops"} if runs(before) else set()
    scope, entry, acl, enable, gone = new = options(settings, after)
    if settings and settings["type"] not in ("ldap", "ad") or not scope:
        return {"refused"}
    out = {"moved"} if runs(before) and before["schedule"] != after["schedule"] else set()
    old = options(settings, before or {})
    if runs(before) and old[:4] == new[:4] and ("properties" in old[4]) == ("properties" in gone):
        return out
    return out | comes(w, realm, scope, gone, enable) | vanished(w, realm, scope, entry, acl)


def random_job(rng, realm):
    job = {"realm": realm, "schedule": rng.choice(["daily", "hourly"])}
    for k, v in (("scope", ["users", "groups", "both"]), ("enabled", [0, 1]), ("enable-new", [0, 1]),
                 ("remove-vanished", ["none", "entry", "acl", "acl;entry", "properties", "acl;properties"]),
                 ("comment", ["a", "b"])):
        if rng.random() < 0.6:
            job[k] = rng.choice(v)
    return job


def job_case(rng, driver):
    w = World(rng)
    realm, kind = rng.choice([("ld", "ldap"), ("ld", "ldap"), ("ld", "ad"), ("oi", "openid")])
    settings_ = {"type": kind, **settings(rng, kind)} if rng.random() < 0.9 else None
    before = random_job(rng, realm) if rng.random() < 0.7 else None
    after = random_job(rng, realm)
    if before and rng.random() < 0.5:
        after = {**before, **{k: v for k, v in after.items() if rng.random() < 0.3}}
    want = expect_job(w, settings_, before, after) | (set() if settings_ else {"nosettings"})
    answer = driver.ask({"call": "realm-job", "world": w.api(), "settings": settings_, "before": before,
                         "after": after, "now": NOW})
    got = heard(answer)
    if want != got:
        return (f"{settings_}\n{before} ->\n{after}\nmissing {want - got}\ntoo much {got - want}\n"
                f"{answer}\n{w.users} {w.acl} {w.groups}")
    return None


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
            ("remove-vanished", ["none", "entry", "acl", "acl;entry", "properties"])) if rng.random() < 0.5}
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
    got = heard(answer)
    if want != got:
        return f"{method} {path} {form}\nbefore {before}\nwant {want}\ngot  {got}\n{answer}\n{w.users} {w.acl} {w.groups}"
    return None


compare("realms", one_case)
compare("jobs that sync realms", job_case)
done()
