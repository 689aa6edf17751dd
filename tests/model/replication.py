#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Replication jobs against a model volume by volume, written from what PVE's own code refuses and
does. Random guests, jobs and requests; the seed is printed. TAP."""
import re

from guest_lib import compare, done, parts
from guest_world import Cluster, NODES

VOLUME = re.compile(r"^(scsi|virtio|ide|sata|efidisk|tpmstate|unused|mp)\d+$|^(rootfs|vmstate)$")
SHARED = {"nfs", "rbd", "cifs"}


class Job:
    """What a guest's volumes mean to a job to `target`."""

    def __init__(self, c, vmid, target):
        self.copied, self.excluded, self.bad, self.away = set(), set(), set(), set()
        stores = {s["storage"]: s for s in c.world["/storage"]}
        ct = c.guests[vmid]["row"]["type"] == "lxc"
        for _, cfg in c.sections(vmid):
            for key, value in cfg.items():
                if not VOLUME.match(key):
                    continue
                what, opt = parts(value)
                if what == "none" or (not ct and opt.get("media") == "cdrom"):
                    continue
                path = what.startswith("/")
                sid, _, name = what.partition(":")
                s = None if path else stores.get(sid)
                m = re.search(r"(?:^|/)(?:vm|base|subvol|basevol)-(\d+)-[^/]*$", name)
                own = bool(m) and int(m[1]) == vmid
                shared = bool(s) and bool(s.get("shared") or s["type"] in SHARED)
                if opt.get("replicate") == "0":
                    if not s or (not shared and own):
                        self.excluded.add(key)
                elif path or not s:
                    self.bad.add(key)
                elif shared or not own:
                    continue
                elif s["type"] != "zfspool":
                    self.bad.add(key)
                else:
                    self.copied.add(key)
                    if s.get("disable") or target not in s.get("nodes", target).split(","):
                        self.away.add(sid)


def expect(c, vmid, request, jobs, nodes):
    """(set of kinds of sentences, refused)"""
    (method, path, form), row = request, c.guests[vmid]["row"]
    jid = form.get("id") or path.rsplit("/", 1)[-1]
    old = next((j for j in jobs if j["id"] == jid), None)
    target = form.get("target") or old["target"]
    job = Job(c, vmid, target)
    ha = next((r for r in c.world["/cluster/ha/resources"] if r["sid"].endswith(f":{vmid}")), None)
    recovers = bool(ha) and ha["state"] not in ("ignored", "disabled")
    others = [j["target"] for j in jobs if j["guest"] == vmid and j["id"] != jid]
    alive = [j["target"] for j in jobs if j["guest"] == vmid and j["id"] != jid
             and not j.get("disable") and nodes.get(j["target"]) == "online"
             and j["target"] != row["node"]]
    out = set()

    def runs():
        if job.away:
            out.add("not there")
        if nodes.get(target) == "offline":
            out.add("offline")
        if job.excluded:
            out.add(("left out", recovers))

    def loss():
        if recovers and job.copied:
            out.add(("no recovery", bool(alive)))
        if job.copied:
            out.add("whole")

    if method == "POST":
        refused = bool(job.bad or not job.copied or target not in nodes or target == row["node"]
                       or target in others)
        if not form.get("disable") and job.copied and not job.bad:
            out.add("copied")
            runs()
        return out, refused
    if method == "DELETE":
        if form.get("keep") and form.get("force"):
            return out, True
        if form.get("force"):
            out.add("by hand")
        elif form.get("keep"):
            out.add("orphans")
        else:
            out.add("removed")
            if nodes.get(target) == "offline":
                out.add("marked")
        loss()
        return out, False
    new = {k: v for k, v in old.items() if k not in form.get("delete", "").split(",")}
    new.update({k: v for k, v in form.items() if k != "delete"})
    if str(new.get("schedule", "*/15")) != str(old.get("schedule", "*/15")):
        out.add("schedule")
    if new.get("rate") != old.get("rate"):
        out.add("rate")
    if new.get("disable") and not old.get("disable"):
        out.add("older")
        loss()
    if old.get("disable") and not new.get("disable"):
        out.add("next run")
        if job.bad:
            out.add("cannot")
        runs()
    return out, False


LINES = [(r"copied to", "copied"), (r"every run fails: storage", "not there"),
         (r"every run fails: \S+ cannot", "cannot"), (r"\S+ is offline: no run", "offline"),
         (r"left out of it.*HA recovers", ("left out", True)), (r"left out of it", ("left out", False)),
         (r"HA cannot recover.*a copy is on", ("no recovery", True)),
         (r"HA cannot recover", ("no recovery", False)), (r"a move to \S+ has to copy", "whole"),
         (r"only the entry goes", "by hand"), (r"its volumes on \S+ stay", "orphans"),
         (r"the copy on \S+ is removed", "removed"), (r"\S+ is offline: the job stays", "marked"),
         (r"schedule:", "schedule"), (r"limit in", "rate"), (r"the copy on \S+ is not renewed", "older"),
         (r"the next run sends", "next run")]


def one_case(rng, driver):
    c = Cluster(rng)
    w = c.world
    nodes = {n: rng.choice(["online", "online", "online", "offline"]) for n in NODES}
    w["/cluster/resources?type=node"] = [{"node": n, "status": s} for n, s in nodes.items()]
    for v, g in c.guests.items():  # mostly on ZFS, or nothing would ever be replicated
        if rng.random() < 0.7:
            for _, cfg in c.sections(v):
                for k in list(cfg):
                    if VOLUME.match(k) and not k.startswith(("ide2", "mp")):
                        cfg[k] = f"zz:vm-{v}-disk-{sum(map(ord, k)) % 10}" + rng.choice(
                            ["", "", ",replicate=0", ",size=1G"])
    vmid = rng.choice(list(c.guests))
    row = c.guests[vmid]["row"]
    jobs = w["/cluster/replication"] = [
        dict({"id": f"{v}-{n}", "guest": v, "target": t},
             **({"disable": 1} if rng.random() < 0.3 else {}),
             **({"schedule": "22:00"} if rng.random() < 0.3 else {}))
        for v, g in c.guests.items()
        for n, t in enumerate(rng.sample([x for x in NODES if x != g["row"]["node"]], rng.randrange(3)))]
    mine = [j for j in jobs if j["guest"] == vmid]
    kind = rng.choice(["POST", "POST", "PUT", "DELETE"] if mine else ["POST"])
    if kind == "POST":
        form = {"id": f"{vmid}-7", "type": "local", "target": rng.choice(NODES + ["c9"])}
        if rng.random() < 0.2:
            form["disable"] = 1
        request = (kind, "/cluster/replication", form)
    else:
        path = "/cluster/replication/" + rng.choice(mine)["id"]
        if kind == "DELETE":
            form = {k: 1 for k in ("keep", "force") if rng.random() < 0.3}
        else:
            form = rng.choice([{"disable": 1}, {"disable": 0}, {"delete": "disable"},
                               {"delete": "disable,schedule"}, {"rate": 10}, {"schedule": "22:00"}])
        request = (kind, path, form)
    want, refused = expect(c, vmid, request, jobs, nodes)
    answer = driver.ask({"call": "replication", "world": w, "ask_vmid": vmid, "requests": [
        {"method": request[0], "path": request[1], "form": request[2]}]})
    got = set()
    for line in answer["says"]:
        m = re.match(r"why \S+ (.*)", line)
        hit = m and next((what for p, what in LINES if re.match(p, m[1])), None)
        if m and not hit:
            return f"not known: {line}"
        if m:
            got.add(hit)
    said = any("PVE will refuse" in s for s in answer["says"])
    if want != got or said != refused:
        return (f"{request} of {row}\nwant {want} refused {refused}\ngot  {got} refused {said}\n"
                f"{answer}\n{c.guests[vmid]}\n{jobs} {nodes}\n{w['/cluster/ha/resources']}")
    return None


compare("replication jobs", one_case)
done()
