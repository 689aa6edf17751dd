#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who may do what on a backup server, before and after requests, by a model of its own, written from what
proxmox-backup's source says: of a path the deepest place at or above it where something is said of a user
or token decides alone; what does not propagate is said of its own path only; NoAccess there is all that
counts; a token has what is said of it and its user has, too; root@pam has all; who is disabled or expired
has nothing. Random servers and requests; the seed is printed. TAP."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from guest_lib import Driver, compare, done  # noqa: E402

Driver.program = "pbs_driver"
NOW = 1_790_000_000
ALWAYS = ["/", "/access", "/datastore", "/remote", "/system"]
PATHS = ["/", "/datastore", "/datastore/tank", "/datastore/tank/lab", "/datastore/vault", "/remote",
         "/remote/offsite", "/system", "/system/network", "/access", "/access/users"]
ROLES = {"Admin": ["Sys.Audit", "Datastore.Audit", "Datastore.Modify", "Permissions.Modify"],
         "Audit": ["Sys.Audit", "Datastore.Audit"], "DatastoreReader": ["Datastore.Read", "Datastore.Audit"],
         "DatastorePrune": ["Datastore.Prune"], "NoAccess": [], "RemoteAudit": ["Remote.Audit"]}
USERS = ["a@pbs", "b@pbs", "c@pam", "root@pam"]


# ---- the model: a server as sets ----

class Server:
    def __init__(self, world):
        self.roles = {r["roleid"]: set(r["privs"]) for r in world["roles"]}
        self.users, self.tokens = {}, {}
        for u in world["users"]:
            self.users[u["userid"]] = dict(u)
            self.tokens.update({t["tokenid"]: dict(t) for t in u.get("tokens", [])})
        self.acl = [dict(e) for e in world["acl"]]

    def alive(self, o):
        return o is not None and o.get("enable", True) and not 0 < o.get("expire", 0) <= NOW

    def active(self, who):
        user = who.split("!")[0]
        if not self.alive(self.users.get(user)):
            return False
        return "!" not in who or self.alive(self.tokens.get(who))

    def said(self, who, path):
        """From the path itself upwards: the first place where something counts."""
        at = path
        while True:
            here = [e for e in self.acl if e["path"] == at and e["ugid"] == who and
                    e.get("ugid_type", "user") == "user" and (at == path or e.get("propagate", True))]
            if here:
                if any(e["roleid"] == "NoAccess" for e in here):
                    return set()
                return set().union(*(self.roles.get(e["roleid"], set()) for e in here))
            if at == "/":
                return set()
            at = at.rsplit("/", 1)[0] or "/"

    def privs(self, who, path):
        if not self.active(who):
            return set()
        if who == "root@pam":
            return set().union(*self.roles.values())
        mine = self.said(who, path)
        return mine & self.privs(who.split("!")[0], path) if "!" in who else mine

    def names(self):
        out = []
        for u, o in self.users.items():
            out.append(u)
            out += [t for t in self.tokens if t.startswith(u + "!")]
        return out

    def request(self, q):
        """False: it names what is not there."""
        part, form = q["path"].split("/")[2:], dict(q["form"])
        gone = q["method"] == "DELETE"
        if part[0] == "acl":
            key = (form["path"], form["auth-id"], form["role"])
            self.acl = [e for e in self.acl if (e["path"], e["ugid"], e["roleid"]) != key]
            if not form.get("delete"):
                self.acl.append({"path": key[0], "ugid": key[1], "roleid": key[2],
                                 "propagate": form.get("propagate", True)})
            return True
        if len(part) == 4:
            if part[1] not in self.users:
                return False
            table, name = self.tokens, f"{part[1]}!{part[3]}"
        else:
            table, name = self.users, part[1] if len(part) > 1 else form["userid"]
        if gone:
            table.pop(name, None)
            if table is self.users:
                self.tokens = {t: o for t, o in self.tokens.items() if not t.startswith(name + "!")}
            return True
        o = table.setdefault(name, {})
        for key in form.pop("delete", []):
            o.pop(key, None)
        o.update(form)
        return True


def paths_of(*servers):
    return list(dict.fromkeys(ALWAYS + [e["path"] for s in servers for e in s.acl]))


def expected(case):
    before, after = Server(case["world"]), Server(case["world"])
    for q in case["requests"]:
        if not after.request(q):
            return None
    out = {}
    for who in dict.fromkeys(before.names() + after.names()):
        for loses in (False, True):
            changed = []
            for path in paths_of(before, after):
                was, now = before.privs(who, path), after.privs(who, path)
                diff = was - now if loses else now - was
                if diff:
                    changed.append((path, diff))
            if not changed:
                continue
            own = loses and case["own"] == who
            effect = "gains-access" if not loses else "lockout" if own and not after.active(who) else "loses-access"
            out[("token/" if "!" in who else "user/") + who, effect] = (
                3 if own else 2, changed[0][0], frozenset(changed[0][1]), len(changed) > 1)
    return out


# ---- random servers ----

def random_alive(rng):
    o = {}
    if rng.random() < 0.3:
        o["enable"] = rng.random() < 0.5
    if rng.random() < 0.3:
        o["expire"] = rng.choice([0, NOW - 5, NOW, NOW + 1, NOW + 1000])
    return o


def world(rng):
    users = []
    for u in rng.sample(USERS, rng.randint(2, 4)):
        o = {"userid": u, **random_alive(rng)}
        if rng.random() < 0.7:
            o["tokens"] = [{"tokenid": f"{u}!t{i}", **random_alive(rng)} for i in range(rng.randint(1, 2))]
        users.append(o)
    names = [u["userid"] for u in users] + [t["tokenid"] for u in users for t in u.get("tokens", [])] + ["x@pbs"]
    acl = [{"path": rng.choice(PATHS), "ugid": rng.choice(names), "roleid": rng.choice(list(ROLES)),
            **({"ugid_type": rng.choice(["user", "user", "group"])} if rng.random() < 0.4 else {}),
            **({"propagate": rng.random() < 0.5} if rng.random() < 0.5 else {})}
           for _ in range(rng.randint(0, 10))]
    acl = list({(e["path"], e["ugid"], e["roleid"]): e for e in acl}.values())
    return {"roles": [{"roleid": r, "privs": p} for r, p in ROLES.items()], "users": users, "acl": acl}, names


def request(rng, w, names):
    users = [u["userid"] for u in w["users"]]
    what = rng.choice(["acl", "acl", "acl", "user", "token"])
    if what == "acl":
        form = {"path": rng.choice(PATHS), "auth-id": rng.choice(names), "role": rng.choice(list(ROLES))}
        if w["acl"] and rng.random() < 0.5:
            e = rng.choice(w["acl"])
            form = {"path": e["path"], "auth-id": e["ugid"], "role": e["roleid"]}
        if rng.random() < 0.4:
            form["delete"] = True
        elif rng.random() < 0.5:
            form["propagate"] = rng.random() < 0.5
        return {"method": "PUT", "path": "/access/acl", "form": form}
    user = rng.choice(users)
    form = random_alive(rng)
    if what == "user":
        if rng.random() < 0.3:
            return {"method": "DELETE", "path": f"/access/users/{user}", "form": {}}
        if rng.random() < 0.3:
            return {"method": "POST", "path": "/access/users", "form": {"userid": "x@pbs", **form}}
        if rng.random() < 0.3:
            form["delete"] = ["expire"]
        return {"method": "PUT", "path": f"/access/users/{user}", "form": form}
    user = rng.choice(users + ["nobody@pbs"]) if rng.random() < 0.3 else user
    at = f"/access/users/{user}/token/{rng.choice(['t0', 't1', 'new'])}"
    return {"method": rng.choice(["PUT", "POST", "DELETE"]), "path": at, "form": form}


WHY = re.compile(r"why (\S+) (gains|loses) (.*) on (/\S*?)(, and more on other paths)?$")


def told(answer):
    """What the analyser says, as expected() puts it."""
    whys = {}
    for line in answer["says"]:
        m = WHY.match(line)
        if m:
            whys[m[1], m[2]] = (m[4], frozenset(m[3].split(", ")), m[5] is not None)
    out = {}
    for line in answer["affects"]:
        who, effect, severity, via = line.split(" ")
        out[who, effect] = (int(severity), *whys.get((who, "gains" if effect[0] == "g" else "loses"), (None,)))
        if via != "access":
            out[who, effect] = line
    return out


def one_case(rng, driver):
    w, names = world(rng)
    case = {"what": "access", "world": w, "now": NOW, "own": rng.choice(names + [None]),
            "requests": [request(rng, w, names) for _ in range(rng.randint(1, 3))]}
    users = {u["userid"] for u in w["users"]}
    for q in case["requests"]:  # a request on who is gone by then is refused by the server
        part = q["path"].split("/")
        if len(part) == 4 and q["method"] == "PUT" and part[3] not in users:
            return None
        if len(part) == 4 and q["method"] == "DELETE":
            users.discard(part[3])
        if q["method"] == "POST" and len(part) == 3 and q["form"]["userid"] in users:
            return None
        if q["method"] == "POST" and len(part) == 3:
            users.add(q["form"]["userid"])
    answer, want = driver.ask(case), expected(case)
    if want is None:
        good = not answer["affects"] and any("what the change does" in x for x in answer["says"])
        return None if good else f"a request on nobody: {answer}\n{case}"
    have = told(answer)
    quiet = any("nobody may do more or less" in x for x in answer["says"])
    risk = max([v[0] for v in want.values()] or [1])
    if have == want and quiet == (not want) and answer["risk"] == risk:
        return None
    keys = [k for k in {*have, *want} if have.get(k) != want.get(k)]
    return "\n".join([f"{k}: told {have.get(k)}, should be {want.get(k)}" for k in keys] +
                     [f"risk {answer['risk']}, should be {risk}; quiet {quiet}", str(case)])


compare("access of a backup server", one_case)
done()
