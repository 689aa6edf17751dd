#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Deleting a volume and destroying a guest against plain search: whatever value anywhere in any
configuration holds the volume's text refers to it. TAP."""
import re

from guest_lib import compare, done
from guest_world import Cluster, NODES

LIMIT = re.compile(r"^(scsi|virtio|ide|sata|efidisk|tpmstate|unused|mp)\d+$|^(rootfs|vmstate|hookscript)$")


def search(cluster, volid):
    """{(vmid, snapshot, key): 'same' | 'clone'}"""
    found = {}
    for vmid in cluster.guests:
        for snap, cfg in cluster.sections(vmid):
            for key, value in cfg.items():
                for piece in re.split(r"[,=]", str(value)):
                    # a linked clone is the same image with and without its base in front
                    bare = re.sub(r":(\d+/)?base-[^/]*/", ":", piece)
                    if volid in (piece, bare):
                        found[vmid, snap, key] = "same"
                    elif piece.startswith(volid + "/"):
                        found[vmid, snap, key] = "clone"
    return found


def all_volumes(cluster):
    seen = set()
    for vmid in cluster.guests:
        for _, cfg in cluster.sections(vmid):
            for key, value in cfg.items():
                if LIMIT.match(key):
                    for piece in re.split(r"[,=]", str(value)):
                        if ":" in piece and not piece.startswith("/"):
                            seen.add(piece)
                            base = re.match(r"(.*:(?:\d+/)?base-[^/]*)/", piece)
                            seen |= {base[1]} if base else set()
    return sorted(seen)


def lines_of(answer):
    """{(resource, via): (effect, only)} - later lines of one key win, as there is one per key"""
    out = {}
    for line in answer["affects"]:
        m = re.match(r"(\S+) (\S+) \d (.*?)( running)?( only)?$", line)
        out.setdefault((m[1], m[3]), set()).add(m[2])
    return out


def starts_from(cfg, kind):
    """Keys without which the guest cannot start: the booted disk, firmware; None = cannot tell."""
    if kind == "lxc":
        return {"rootfs"}
    disks = [k for k in cfg if re.match(r"(scsi|virtio|ide|sata)\d+$", k)
             and "media=cdrom" not in str(cfg[k])]
    vital = {k for k in cfg if k.startswith(("efidisk", "tpmstate"))}
    m = re.search(r"order=([^,]*)", str(cfg.get("boot", "")))
    if m:
        named = [k for k in m[1].split(";") if k in disks]
        return vital | set(named[:1])
    if cfg.get("bootdisk") in disks:
        return vital | {cfg["bootdisk"]}
    return vital | set(disks)  # the only one, or any of several


def volume(rng, driver):
    c = Cluster(rng)
    volumes = all_volumes(c)
    volid = rng.choice(volumes) if rng.random() < 0.95 else "ss:999/vm-999-disk-0.raw"
    store = volid.split(":")[0]
    if store == "gone":
        return None
    shared = store in ("ss", "half", "off", "isos", "rbd")
    node = rng.choice(NODES)
    rows = [{"volid": v, "content": "images", "size": 1} for v in volumes
            if v.startswith(store + ":") and "/base-" not in v.split(":")[1][3:]]
    case = {"call": "volume", "volid": volid, "storage": store, "node": node, "now": 0,
            "world": dict(c.world, **{f"/nodes/{node}/storage/{store}/content": rows})}
    want = {}
    for (vmid, snap, key), how in search(c, volid).items():
        g = c.guests[vmid]
        who = c.resource(vmid)
        cfg = g["cfg"]
        elsewhere = not shared and g["row"]["node"] != node
        if how == "clone":
            if snap is None:
                want.setdefault((who, key), set()).add("wont-boot")
        elif elsewhere:
            replica = any(j["guest"] == vmid and j["target"] == node and not j.get("disable")
                          for j in c.world["/cluster/replication"])
            want["copy", who] = {"degraded"} if replica else {"none"}
        elif snap is not None:
            want.setdefault((who, f"snapshot {snap} {key}"), set()).add("loses-undo")
        elif "cloudinit" in cfg[key]:
            want.setdefault((who, key), set()).add("changed")
        elif "media=cdrom" in cfg[key] or key == "hookscript":
            want.setdefault((who, key), set()).add("degraded")
        elif key in starts_from(cfg, g["row"]["type"]) and not g["row"].get("template"):
            want.setdefault((who, key), set()).add("wont-boot")
        else:
            want.setdefault((who, key), set()).add("loses-data")
    answer = driver.ask(case)
    have = lines_of(answer)
    copies = {k for k in want if k[0] == "copy"}
    for _, who in copies:
        # told once for each guest, by whichever entry comes first
        at = [k for k in have if k[0] == who and have[k] == want["copy", who] and k not in want]
        if len(at) != 1:
            return f"{volid} at {node}: want one copy line of {who}\n{answer}\n{c.world}"
        del have[at[0]]
        del want["copy", who]
    if not want and have:
        have = {k: v for k, v in have.items() if v != {"loses-data"}}  # an orphan's line
    return None if want == have else f"{volid} at {node}\nmodel {want}\nC {have}\n{answer}\n{c.guests}"


def destroy(rng, driver):
    c = Cluster(rng)
    vmid = rng.choice(list(c.guests))
    g, who = c.guests[vmid], c.resource(vmid)
    form = {k: 1 for k in ["purge", "force", "destroy-unreferenced-disks"] if rng.random() < 0.4}
    answer = driver.ask({"call": "destroy", "vmid": vmid, "form": form, "now": 0, "world": c.world})
    refused = {line.split("will be refused: ")[1] for line in answer["says"] if "refused" in line}
    ct = g["row"]["type"] == "lxc"
    want = set()
    if g["cfg"].get("protection"):
        want.add("protected")
    if g["row"]["status"] == "running" and not (ct and form.get("force")):
        want.add("runs")
    if not form.get("purge"):
        if any(r["sid"].endswith(f":{vmid}") for r in c.world["/cluster/ha/resources"]):
            want.add("HA resource")
        if any(j["guest"] == vmid for j in c.world["/cluster/replication"]):
            want.add("replication job")
    reach = {s["storage"] for s in c.world["/storage"] if not s.get("disable") and
             g["row"]["node"] in s.get("nodes", ",".join(NODES)).split(",")}
    gone, stays, others = set(), set(), set()
    for snap, cfg in c.sections(vmid):
        for key, value in cfg.items():
            if not LIMIT.match(key) or key == "hookscript":
                continue
            volid = [p for p in re.split(r"[,=]", value) if ":" in p or p.startswith("/")]
            if not volid or ("media=cdrom" in value and "cloudinit" not in value):
                continue
            store, _, name = volid[0].partition(":")
            own = re.search(rf"(^|/)vm-{vmid}-[^/]*$", name) is not None
            if snap is None:
                (gone if own and store in reach else stays).add(key)
                if own and store in reach:
                    found = search(c, volid[0])
                    others |= {(c.resource(v), k) for (v, s, k) in found if v != vmid and s is None}
                    if any(how == "clone" and v != vmid and s is None
                           for (v, s, k), how in found.items()):
                        want.add("base of")
            elif own and "cloudinit" not in value and not any(
                    volid[0] in re.split(r"[,=]", str(v)) for k, v in g["cfg"].items()
                    if LIMIT.match(k)):
                gone.add(f"snapshot {snap} {key}")
    have = lines_of(answer)
    got = {via for (w, via), e in have.items() if w == who and "loses-data" in e}
    kept = {via for (w, via), e in have.items() if w == who and "none" in e}
    used = {k for k, e in have.items() if k[0] != who and "loses-data" in e}
    bad = [f"{n}: model {sorted(a)} C {sorted(b)}" for n, a, b in
           (("gone", gone, got), ("stays", stays, kept), ("others", others, used)) if a != b]
    for reason in ["protected", "runs", "HA resource", "replication job", "base of"]:
        if (reason in want) != any(reason in r for r in refused):
            bad.append(f"refusal {reason}: model {reason in want} C {refused}")
    return "\n".join(bad + [str(form), str(c.guests), str(answer)]) if bad else None


compare("references of a volume", volume)
compare("a guest is destroyed", destroy)
done()
