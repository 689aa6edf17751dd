#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Retention, archive by archive: the C side against sets of calendar names, as the documentation of
the rules puts it ("keep backups for the last N weeks; of several in one week only the latest; the
next rule does not take care of what is covered already"). TAP."""
import datetime

from guest_lib import compare, done, ok, Driver
from guest_retention_rules import mark, model, random_keep, random_rows

def one(rng, driver):
    rows, keep = random_rows(rng), random_keep(rng)
    text = ",".join(f"keep-{r}={n}" for r, n in keep.items())
    rules = text if rng.random() < 0.5 else {f"keep-{r}": str(n) for r, n in keep.items()}
    want = model(rows, keep)
    have = driver.ask({"call": "retention", "rules": rules, "archives": rows})
    if want != have:
        diff = {k: (want.get(k), have.get(k)) for k in want.keys() | have.keys()
                if want.get(k) != have.get(k)}
        return f"rules {rules}\n" + "\n".join(sorted(r["volid"] for r in rows)) + \
            "\nmodel, C: " + str(diff)
    return None


def server(rng, driver):
    """A backup server's own time zone is not known: a mark is sure only if every zone gives it."""
    rows, keep, when = [], random_keep(rng), datetime.datetime(2026, 3, 1, 12)
    for _ in range(rng.randrange(0, 15)):
        when += datetime.timedelta(hours=rng.randrange(1, 60))
        rows.append({"volid": f"s:backup/vm/100/{when:%Y-%m-%dT%H:%M:%SZ}", "content": "backup",
                     "vmid": 100, "ctime": 0})
    have = driver.ask({"call": "retention", "archives": rows,
                       "rules": ",".join(f"keep-{r}={n}" for r, n in keep.items())})
    zones = []
    for hours in range(-12, 15):
        group = [(datetime.datetime.strptime(r["volid"][-20:], "%Y-%m-%dT%H:%M:%SZ") +
                  datetime.timedelta(hours=hours), r["volid"], False) for r in rows]
        zones.append(mark(group, keep))
    want = {r["volid"]: mark([(datetime.datetime.strptime(x["volid"][-20:], "%Y-%m-%dT%H:%M:%SZ"),
                               x["volid"], False) for x in rows], keep)[r["volid"]] +
            ("?" if len({z[r["volid"]] for z in zones}) > 1 else "") for r in rows}
    return None if want == have else f"{keep}\nmodel {want}\nC     {have}"


def plain():
    d = Driver()
    rows = [{"volid": "s:backup/vzdump-lxc-311-2026_11_23-20_43_55.tar.zst", "content": "backup",
             "vmid": 311, "ctime": 1795466635},
            {"volid": "s:backup/vzdump-lxc-311-2026_11_23-21_13_46.tar.zst", "content": "backup",
             "vmid": 311, "ctime": 1795468426}]
    ok(list(d.ask({"call": "retention", "rules": "keep-last=1", "archives": rows}).values()) ==
       ["keep", "remove"], "what a real node answered for keep-last=1")
    for bad in ["keep-last=-1", "keep-last", "keep-often=1", "keep-all=1,keep-last=2", "keep-last=x",
                "keep-all=2", "keep-last=99999999999"]:
        ok(d.ask({"call": "retention", "rules": bad, "archives": rows}) == {"refused": True},
           f"refused: {bad}")
    d.close()


plain()
compare("retention", one)
compare("retention on a backup server", server)
done()
