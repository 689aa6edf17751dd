#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A new storage definition among others: paths as lists of names, places as tuples. Who shares a
place with it, whom its mount hides, where it is not, what PVE refuses. The seed is printed. TAP."""
import re

from guest_lib import compare, done

FILES = {"images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import", "none"}
HOLDS = {"dir": FILES, "btrfs": FILES, "nfs": FILES, "cifs": FILES, "cephfs": FILES - {"images", "rootdir"},
         "pbs": {"backup", "none"}, "iscsi": {"images", "none"},
         **{t: {"images", "rootdir", "none"} for t in ("zfspool", "lvm", "lvmthin", "rbd")}}
WHERE = {"nfs": ("server", "export"), "cifs": ("server", "share", "subdir"), "zfspool": ("pool",),
         "lvm": ("vgname",), "lvmthin": ("vgname", "thinpool"), "rbd": ("monhost", "pool", "namespace"),
         "pbs": ("server", "datastore", "namespace"), "iscsi": ("portal", "target"),
         "cephfs": ("monhost", "fs-name", "subdir")}
MOUNTS, LOCAL = {"nfs", "cifs", "cephfs"}, {"dir", "btrfs", "zfspool", "lvm", "lvmthin"}
SYSTEM = ["/bin", "/boot", "/dev", "/etc", "/lib", "/proc", "/root", "/run", "/sbin", "/sys", "/usr",
          "/var/lib/pve", "/var/lib/pve-cluster", "/var/log", "/var/lib/ceph"]
PATHS = ["/d", "/d/", "/d/e", "/de", "/mnt/pve/n1", "/mnt/pve/aa", "/mnt", "/", "/etc/x", "/var/lib/vz"]


def steps(path):
    return [x for x in path.split("/") if x]


def below(path, top):
    return bool(steps(top)) and steps(path)[:len(steps(top))] == steps(top)


def definition(rng, sid):
    t = rng.choice(["dir", "dir", "dir", "nfs", "nfs", "cifs", "zfspool", "lvm", "lvmthin", "rbd", "pbs",
                    "btrfs", "cephfs", "iscsi", "odd"])
    d = {"storage": sid, "type": t}
    for k in WHERE.get(t, ()):
        if rng.random() < 0.8:
            d[k] = rng.choice(["x", "x", "y"])
    if t in ("dir", "btrfs") or (t in MOUNTS and rng.random() < 0.3):
        d["path"] = rng.choice(PATHS)
    if rng.random() < 0.8:
        d["content"] = ",".join(rng.sample(sorted(HOLDS.get(t, FILES)), rng.randrange(1, 3)))
    if rng.random() < 0.3:
        d["nodes"] = ",".join(rng.sample(["c1", "c2", "c3", "c8", "c9"], rng.randrange(1, 4)))
    if rng.random() < 0.2:
        d["shared"] = rng.choice([0, 1])
    if rng.random() < 0.1:
        d["disable"] = 1
    return d


def one_case(rng, driver):
    nodes = ["c1", "c2", "c3"][:rng.choice([1, 3, 3])]
    others = [definition(rng, s) for s in rng.sample(["aa", "bb", "cc", "n1"], rng.randrange(4))]
    for o in others:
        if o["type"] in MOUNTS and "path" not in o:
            o["path"] = "/mnt/pve/" + o["storage"]  # as the API answers it
    form = definition(rng, "n2" if any(o["storage"] == "n1" for o in others) else "n1")
    if rng.random() < 0.2 and "content" in form:
        form["content"] += "," + rng.choice(sorted(FILES))
    me, t = "storage/" + form["storage"], form["type"]
    path = form.get("path", "/mnt/pve/" + form["storage"] if t in MOUNTS else "")
    want, refused = {(me, "changed", 1, "-")}, set()
    if t not in HOLDS:
        refused.add("unknown")
    elif set(form.get("content", "none").split(",")) - HOLDS[t]:
        refused.add("content")
    if path and (not steps(path) or any(below(path, s) for s in SYSTEM)):
        want.add((me, "exposed", 3, "path"))
    mine = set(form["nodes"].split(",")) if "nodes" in form else set(nodes)
    if mine - set(nodes):
        refused.add("node " + next(x for x in form["nodes"].split(",") if x not in nodes))
        want.add((me, "unreachable", 2 if mine & set(nodes) else 3, "nodes"))
    if "nodes" not in form and len(nodes) > 1 and t in LOCAL:
        want.add((me, "degraded", 2, "nodes"))
    if form.get("shared") and t in ("zfspool", "lvmthin"):
        refused.add("shared")
    elif form.get("shared") and t in LOCAL:
        want.add((me, "degraded", 3, "shared"))
    for o in others:
        there = set(o["nodes"].split(",")) if "nodes" in o else set(nodes)
        if o.get("disable") or not mine & there & set(nodes):
            continue
        r, op = "storage/" + o["storage"], o.get("path", "")
        place = [form.get(k, "") for k in WHERE.get(t, ())]
        both = "backup" in form.get("content", "").split(",") and "backup" in o.get("content", "").split(",")
        if t in MOUNTS and op and below(op, path):
            want.add((r, "unreachable", 3, "path"))
        elif path and op and steps(path) == steps(op) and steps(path):
            want.add((r, "degraded", 3 if both else 2, "path"))
        elif o["type"] == t and any(place) and place == [o.get(k, "") for k in WHERE[t]]:
            want.add((r, "degraded", 3 if both else 2, "place"))
        elif path and op and (below(path, op) or below(op, path)):
            want.add((r, "degraded", 2, "path"))
    answer = driver.ask({"call": "storage-create", "form": form, "world": {
        "/storage": others, "/cluster/resources?type=node": [{"node": n, "status": "online"} for n in nodes]}})
    got = {(a[0], a[1], int(a[2]), a[3]) for a in (line.split(" ") for line in answer["affects"])}
    said = set()
    for line in answer["says"]:
        for pattern, mark in ((r"risk 3 PVE will refuse.*holds no", "content"), (r"risk 3 PVE will refuse.*shared", "shared"),
                              (r"unread what the storage holds", "unknown"),
                              (r"why \S+ (\S+) is no node", "node")):
            m = re.match(pattern, line)
            if m:
                said.add(" ".join([mark, *m.groups()]))
        if line.startswith("unread") and "what the storage holds" not in line:
            said.add(line)
    if want != got or said != refused:
        return f"{form}\namong {others}\nmissing {want - got}\ntoo much {got - want}\nrefused {refused} said {said}"
    return None


compare("a new storage", one_case)
done()
