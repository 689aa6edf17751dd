#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ACL entries of what is gone, against plain sets; with lists that the token sees only in part or not
at all, of which nothing may be called gone. The seed is printed. TAP."""
from guest_lib import compare, done

ALL = {"VM.Audit": 1, "Datastore.Audit": 1, "Sys.Audit": 1, "User.Modify": 1, "Pool.Audit": 1}


def one_case(rng, driver):
    have = {"vms": {100, 101} if rng.random() < 0.9 else set(), "storage": {"aa", "bb"},
            "pool": {"p", "p/q"}, "nodes": {"c1", "c2"}, "realm": {"pam", "pve"},
            "user": {"root@pam", "a@pve"}, "group": {"g"}, "token": {"a@pve!t"}, "role": {"See"}}
    hidden = {k for k in ("VM.Audit", "Pool.Audit", "Datastore.Audit") if rng.random() < 0.15}
    blind = {k for k in ("user", "group", "role", "realm") if rng.random() < 0.1}
    sees = {k: v for k, v in ALL.items() if k not in hidden}
    whole = {"vms": "VM.Audit" not in hidden, "pool": "Pool.Audit" not in hidden,
             "storage": "Datastore.Audit" not in hidden, "nodes": True, "realm": "realm" not in blind,
             "user": "user" not in blind, "group": "group" not in blind, "role": "role" not in blind}
    acl = []
    for i in range(rng.randrange(8)):
        path = rng.choice(["/", "/vms", "/vms/100", "/vms/102", "/storage/aa", "/storage/cc", "/pool/p",
                           "/pool/p/q", "/pool/x", "/nodes/c1", "/nodes/c7", "/access/realm/pve",
                           "/access/realm/ld", "/sdn/zones/z", "/vms/102/x", "/mapping/pci/y"])
        kind, who = rng.choice([("user", "a@pve"), ("user", "b@pve"), ("group", "g"), ("group", "h"),
                                ("token", "a@pve!t"), ("token", "a@pve!u"), ("token", "b@pve!t")])
        acl.append({"path": path, "type": kind, "ugid": who, "propagate": i % 2,
                    "roleid": rng.choice(["See", "See", "See", "Old"])})
    world = {"/access/permissions": {"/": sees}, "/access/acl": acl,
             "/cluster/resources?type=vm": [{"type": "qemu", "vmid": v, "node": "c1"} for v in have["vms"]],
             "/cluster/resources?type=node": [{"node": n, "status": "online"} for n in have["nodes"]],
             "/storage": [{"storage": s, "type": "dir"} for s in have["storage"]],
             "/pools": [{"poolid": p} for p in have["pool"]],
             "/access/domains": [{"realm": r} for r in have["realm"]],
             "/access/users?full=1": [{"userid": "root@pam"},
                                      {"userid": "a@pve", "tokens": [{"tokenid": "t"}]}],
             "/access/groups": [{"groupid": "g"}], "/access/roles": [{"roleid": "See"}]}
    for kind, path in (("user", "/access/users?full=1"), ("group", "/access/groups"),
                       ("role", "/access/roles"), ("realm", "/access/domains")):
        if kind in blind:
            world[path] = {"!": 403}
    want, unsure = [], False
    for e in acl:
        gone = False
        questions = [("role", e["roleid"])]
        questions.append(("user" if e["type"] == "token" else e["type"], e["ugid"]))
        top, _, rest = e["path"][1:].partition("/")
        if top in ("vms", "storage", "nodes") and rest and "/" not in rest:
            questions.append((top, int(rest) if top == "vms" else rest))
        elif top == "pool" and rest:
            questions.append((top, rest))
        elif e["path"].startswith("/access/realm/"):
            questions.append(("realm", e["path"][14:]))
        for kind, name in questions:
            there = name in have["token"] if "!" in str(name) else name in have[kind]
            if kind in blind:
                there = False
            if not there and whole[kind]:
                gone = True
            unsure |= not there and not whole[kind]
        if gone:
            want.append(e)
    answer = driver.ask({"call": "dangling", "world": world})
    got = [{k: e[k] for k in ("path", "type", "ugid", "propagate", "roleid")} for e in answer["entries"]]
    said = any(s.startswith("unread whether") for s in answer["says"])
    if got != want or said != unsure:
        return f"{acl}\nhidden {hidden} blind {blind}\nwant {want} {unsure}\ngot  {got} {said}\n{answer}"
    return None


compare("ACL entries of what is gone", one_case)
done()
