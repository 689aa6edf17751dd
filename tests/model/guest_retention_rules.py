# SPDX-License-Identifier: Apache-2.0
"""The rules of retention as the documentation puts them, by sets of calendar names; random archives."""
import datetime
import re

RULES = ["last", "hourly", "daily", "weekly", "monthly", "yearly"]
FORMATS = {"hourly": "%Y-%m-%d %H", "daily": "%Y-%m-%d", "weekly": "%G-W%V", "monthly": "%Y-%m",
           "yearly": "%Y"}
NAME = re.compile(r"vzdump-(qemu|lxc|openvz)-([1-9]\d{2,8})-(\d{4}_\d\d_\d\d-\d\d_\d\d_\d\d)"
                  r"\.(tgz|(tar|vma)(\.(gz|lzo|zst|bz2))?)$")


def period(rule, when):
    return when.isoformat() if rule == "last" else when.strftime(FORMATS[rule])


def mark(group, keep):
    """group: [(when, volid, protected)], any order -> {volid: mark}"""
    order = sorted(group, key=lambda a: a[0], reverse=True)
    marks = {v: "protected" for _, v, p in order if p}
    rules = [(r, keep.get(r, 0)) for r in RULES]
    if not any(n for _, n in rules):
        for _, v, _ in order:
            marks.setdefault(v, "keep")
        return marks
    for rule, n in rules:
        if not n:
            continue
        covered = {period(rule, w) for w, v, _ in order if marks.get(v) == "keep"}
        taken = set()
        for when, volid, _ in order:
            name = period(rule, when)
            if volid in marks or name in covered:
                continue
            if name in taken:
                marks[volid] = "remove"
            elif len(taken) < n:
                taken.add(name)
                marks[volid] = "keep"
            else:
                break
    for _, v, _ in order:
        marks.setdefault(v, "remove")
    return marks


def model(rows, keep, zone=0):
    groups, marks = {}, {}
    for r in rows:
        name = r["volid"].split("/")[-1]
        m = NAME.match(name)
        if m:
            try:
                when = datetime.datetime.strptime(m[3], "%Y_%m_%d-%H_%M_%S")
            except ValueError:
                m = None
        if m:
            groups.setdefault((m[1], r["vmid"]), []).append((when, r["volid"], r.get("protected")))
        else:
            marks[r["volid"]] = "protected" if r.get("protected") else "renamed"
    for g in groups.values():
        marks.update(mark(g, keep))
    return marks


def random_rows(rng, store="s"):
    start = datetime.datetime(rng.choice([2019, 2020, 2024, 2026]), rng.choice([1, 2, 12]),
                              rng.choice([1, 28]), rng.randrange(24))
    spread = rng.choice([3, 40, 400, 1500]) * 24 * 3600
    rows, seen = [], set()
    for _ in range(rng.randrange(0, 40)):
        when = start + datetime.timedelta(seconds=rng.randrange(spread))
        if rng.random() < 0.3:
            when = when.replace(hour=rng.choice([0, 23]), minute=rng.choice([0, 59]), second=0)
        vmid = rng.choice([100, 101])
        kind = rng.choice(["qemu", "qemu", "lxc"])
        text = when.strftime("%Y_%m_%d-%H_%M_%S")
        end = {"qemu": [".vma.zst", ".vma"], "lxc": [".tar.zst", ".tgz"]}[kind]
        name = f"vzdump-{kind}-{vmid}-{text}{rng.choice(end)}"
        odd = rng.random()
        if odd < 0.03:
            name = name.replace("vzdump-", "vzdump-", 1).replace(f"-{vmid}-", f"-{vmid}-old-")
        elif odd < 0.05:
            name = name.replace("_", "-")
        elif odd < 0.06:
            name = re.sub(r"\d{4}_\d\d_\d\d", "2023_02_30", name)
        volid = f"{store}:backup/{name}"
        if volid in seen:
            continue
        seen.add(volid)
        row = {"volid": volid, "content": "backup", "vmid": vmid, "size": 1,
               "ctime": int(when.replace(tzinfo=datetime.timezone.utc).timestamp())}
        if rng.random() < 0.1:
            row["protected"] = 1
        rows.append(row)
    rng.shuffle(rows)
    return rows


def random_keep(rng):
    keep = {}
    for rule in RULES:
        if rng.random() < 0.4:
            keep[rule] = rng.choice([0, 1, 1, 2, 3, 7, 60])
    return keep
