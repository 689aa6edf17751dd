#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Settings of a storage that leave it where it is (content, shared, how it is reached), volume by
volume, and what another prune-backups takes, archive by archive. The seed is printed. TAP."""
import re

from guest_lib import compare, done
from guest_retention_rules import model, random_keep, random_rows
from guest_world import Cluster

DISK = re.compile(r"^(scsi|virtio|ide|sata|efidisk|tpmstate)\d+$|^(rootfs)$|^mp\d+$")
SHARED = {"nfs", "rbd"}
PLACES = {"server", "subdir", "pool", "namespace", "port"}
KEYS = {"options", "username", "fingerprint", "krbd"}


def uses(c, vmid, store):
    """{type of content: keys} of what the present configuration has on the storage."""
    g = c.guests[vmid]
    ct = g["row"]["type"] == "lxc"
    out = {}
    for key, value in g["cfg"].items():
        if key == "hookscript" and str(value).startswith(store + ":"):
            out.setdefault("snippets", set()).add(key)
        if not DISK.match(key):
            continue
        what = next((p[5:] for p in str(value).split(",") if p.startswith("file=")),
                    str(value).split(",")[0])
        if not what.startswith(store + ":"):
            continue
        cd = "media=cdrom" in str(value) and "cloudinit" not in what
        out.setdefault("rootdir" if ct else "iso" if cd else "images", set()).add(key)
    return out


def one_case(rng, driver):
    c = Cluster(rng)
    w = c.world
    w["/storage"] = [dict(s) for s in w["/storage"]]
    store = rng.choice([s for s in w["/storage"] if not s.get("disable")])
    sid = store["storage"]
    for k in ("server", "options"):
        if rng.random() < 0.4:
            store[k] = "old"
    jobs = w["/cluster/backup"] = [
        {"id": f"j{i}", "storage": rng.choice(["here", "ss", "isos"]), "all": 1,
         **({"enabled": 0} if rng.random() < 0.3 else {})} for i in range(rng.randrange(3))]
    form, gone = {}, []
    kinds = store["content"].split(",")
    if rng.random() < 0.6:
        form["content"] = ",".join(rng.sample(kinds, rng.randrange(1, len(kinds) + 1)) +
                                   rng.choice([[], ["vztmpl"]]))
    if rng.random() < 0.4:
        form["shared"] = rng.choice([0, 1])
    for k in sorted(PLACES | KEYS):
        if rng.random() < 0.15:
            form[k] = rng.choice(["old", "new"])
    for k in ("server", "options", "shared"):
        if k not in form and rng.random() < 0.2:
            gone.append(k)
    want = set()
    lost = set(kinds) - set(form["content"].split(",")) if "content" in form else set()
    was = bool(store.get("shared"))
    now = bool(form["shared"]) if "shared" in form else was and "shared" not in gone
    touched = [k for k in form if k in PLACES | KEYS and store.get(k) != form[k]] + \
              [k for k in gone if k in store]
    for vmid, g in c.guests.items():
        r, used = c.resource(vmid), uses(c, vmid, sid)
        for t in lost & set(used):
            start = t in ("iso", "images") and not g["row"].get("template")
            want.add((r, "wont-boot" if start else "degraded", t))
        if not used:
            continue
        ha = next((h for h in w["/cluster/ha/resources"] if h["sid"].endswith(f":{vmid}")), None)
        if now and not was and store["type"] not in SHARED:
            want.add((r, "degraded", "shared"))
        if was and not now and ha and ha["state"] != "ignored":
            want.add((r, "degraded", "shared"))
        for k in touched:
            if k in PLACES | KEYS:
                want.add((r, "unreachable", k))
    if "backup" in lost:
        want |= {(f"job/{j['id']}", "loses-backup", "backup") for j in jobs if j["storage"] == sid}
    answer = driver.ask({"call": "storage", "world": w, "storage": sid, "set": form, "delete": gone})
    got = {(p[0], p[1], p[3]) for p in (line.split(" ") for line in answer["affects"])}
    if want != got:
        return (f"{sid} {store} set {form} delete {gone}\nmissing {want - got}\ntoo much {got - want}\n"
                f"{ {v: g['cfg'] for v, g in c.guests.items()} }")
    return None


def keep_case(rng, driver):
    rows = random_rows(rng, "bk")
    old = random_keep(rng) if rng.random() < 0.7 else None
    new = random_keep(rng)
    text = lambda k: ",".join(f"keep-{r}={n}" for r, n in k.items())
    if not new:
        return None
    store = {"storage": "bk", "type": "nfs", "content": "backup"}
    if old:
        store["prune-backups"] = text(old)
    world = {"/storage": [store], "/nodes/c1/storage/bk/content": rows,
             "/nodes/c2/storage/bk/content": rows, "/nodes/c3/storage/bk/content": rows,
             "/cluster/resources?type=vm": [{"type": "qemu", "vmid": v, "node": "c1"} for v in (100, 101)]}
    before = model(rows, old) if old else {}
    after = model(rows, new)
    want = {v for v, m in after.items() if m == "remove" and before.get(v) != "remove"}
    answer = driver.ask({"call": "keep", "world": world, "storage": "bk", "now": 1 << 31,
                         "set": {"prune-backups": text(new)}})
    got = {line.split(" ")[0][len("backup/"):] for line in answer["affects"]}
    if want != got:
        return f"{old} -> {new}\nmissing {want - got}\ntoo much {got - want}"
    return None


compare("settings of a storage", one_case)
compare("fewer backups kept", keep_case)
done()
