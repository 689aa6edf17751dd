#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Backups on a backup server that a prune, a deletion or a job takes, and the jobs that hang on a remote, by
a model of its own, written from what proxmox-backup's source says: an unfinished snapshot is only kept as
the newest of its group, a protected one stays and counts for no rule, each rule goes from the newest on and
takes one of each of its periods that none before it has taken. Random stores; the seed is printed. TAP."""
import datetime
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from guest_lib import Driver, compare, done  # noqa: E402

Driver.program = "pbs_driver"
NOW = 1_790_000_000
KEEPS = ["keep-last", "keep-hourly", "keep-daily", "keep-weekly", "keep-monthly", "keep-yearly"]


def utc(at):
    return datetime.datetime.fromtimestamp(at, datetime.timezone.utc)


def period(rule, at):
    d = utc(at)
    return {"keep-last": at, "keep-hourly": (d.date(), d.hour), "keep-daily": d.date(),
            "keep-weekly": d.isocalendar()[:2], "keep-monthly": (d.year, d.month), "keep-yearly": d.year}[rule]


def kept(group, rules):
    """The times that stay of one group: {time: snapshot}."""
    newest = max(group)
    stays = {at for at, s in group.items() if s["protected"]}
    chosen = set()
    if not s_finished(group[newest]):
        stays.add(newest)
    for rule in KEEPS:
        if rule not in rules:
            continue
        have = {period(rule, at) for at in chosen}
        left = rules[rule]
        for at in sorted(group, reverse=True):
            if at in chosen or group[at]["protected"] or not s_finished(group[at]):
                continue
            p = period(rule, at)
            if p in have:
                continue
            if not left:
                break
            have.add(p)
            chosen.add(at)
            left -= 1
    return stays | chosen


def s_finished(s):
    return s["finished"]


def day(at):
    return utc(at).strftime("%Y-%m-%d %H:%M UTC")


def told_of(store, groups, gone, via):
    """(affects, whys, risks): groups {(ns, type, id): {time: snapshot}}, gone likewise sets of times."""
    affects, says, lost, last, hit = [], [], 0, 0, 0
    for key in sorted(groups):
        group, away = groups[key], gone.get(key, set())
        if not away:
            continue
        hit += 1
        lost += len(away)
        left = [at for at in group if at not in away]
        newest = max((at for at in left if s_finished(group[at])), default=None)
        last += newest is None
        why = f"{len(away)} of {len(group)} snapshots go, the newest of {day(max(away))}; "
        if newest is None:
            why += "no finished backup of it stays in this namespace"
        else:
            why += f"the newest that stays is of {day(newest)}"
            why += ", and its verification failed" if group[newest]["state"] == "failed" else ""
        if any(group[at]["state"] == "ok" for at in away) and not any(group[at]["state"] == "ok" for at in left):
            why += "; none that stays was verified"
        ns, kind, name = key
        resource = f"backup/{store}:{ns}{'/' if ns else ''}{kind}/{name}"
        affects.append(f"{resource} loses-backup 3 {via}{' only' if newest is None else ''}")
        says.append(f"why {resource} {why}")
    if lost:
        says.append(f"risk 3 {lost} snapshots of {hit} groups go for good")
    return affects, says, last


def sync_said(view):
    out = []
    for job in view["sync"]:
        if "remote" not in job and job["remote-store"] == view["store"]:
            out.append(f"risk 3 sync job {job['id']} removes what vanished here from {job['store']}, too"
                       if job.get("remove-vanished") else
                       f"risk 1 sync job {job['id']} leaves the copies on {job['store']} as they are")
        elif job["store"] == view["store"]:
            out.append(f"risk 1 sync job {job['id']} pulls into {job['store']} and may bring some back")
    return out


def verdict(view, groups, gone, via):
    affects, says, last = told_of(view["store"], groups, gone, via)
    if any(gone.values()):
        says += sync_said(view)
    if last:
        says.append(f"risk 3 {last} groups lose their last backup here")
    return affects, says


# ---- random stores ----

def snapshots(rng):
    group = {}
    for _ in range(rng.randint(1, 9)):
        at = NOW - rng.randrange(rng.choice([7200, 86400, 20 * 86400, 800 * 86400]))
        group[at] = {"finished": rng.random() > 0.15, "protected": rng.random() < 0.12,
                     "state": rng.choice([None, None, "ok", "failed"])}
    return group


def row(key, at, s):
    o = {"backup-type": key[1], "backup-id": key[2], "backup-time": at,
         "files": [{"filename": "root.pxar.didx"}] + ([{"filename": "index.json.blob"}] if s["finished"] else [])}
    if s["protected"]:
        o["protected"] = True
    if s["state"]:
        o["verification"] = {"state": s["state"]}
    return o


def store(rng):
    groups = {}
    for ns in rng.sample(["", "lab", "lab/deep"], rng.randint(1, 3)):
        for _ in range(rng.randint(0, 3)):
            groups[ns, rng.choice(["vm", "ct", "host"]), rng.choice(["104", "g", "files"])] = snapshots(rng)
    spaces = {}
    for key, group in groups.items():
        spaces.setdefault(key[0], []).extend(row(key, at, s) for at, s in group.items())
    for rows in spaces.values():
        rng.shuffle(rows)
    sync = [{"id": f"j{i}", "store": rng.choice(["tank", "vault"]), "remote-store": rng.choice(["tank", "main"]),
             **({"remote": "offsite"} if rng.random() < 0.5 else {}),
             **({"remove-vanished": rng.random() < 0.5} if rng.random() < 0.6 else {})}
            for i in range(rng.randint(0, 3))]
    view = {"store": "tank", "utc": True, "sync": sync,
            "spaces": [{"ns": ns, "snapshots": rows} for ns, rows in spaces.items()]}
    return view, groups


def rules_of(rng):
    return {k: rng.randint(1, 4) for k in rng.sample(KEEPS, rng.randint(0, 3))}


def pick_group(rng, groups):
    names = [f"{k[1]}/{k[2]}" for k in groups] + ["vm/none"]
    return rng.choice(names) if rng.random() < 0.4 else None


def of_group(groups, group):
    return {k: g for k, g in groups.items() if group in (None, f"{k[1]}/{k[2]}")}


def pruned(groups, rules):
    return {k: set(g) - kept(g, rules) for k, g in groups.items()} if rules else {}


def differ(case, answer, affects, says):
    if sorted(answer["affects"]) == sorted(affects) and sorted(answer["says"]) == sorted(says):
        return None
    return "\n".join([f"told {sorted(set(answer['affects'] + answer['says']) - set(affects + says))}",
                      f"should be {sorted(set(affects + says) - set(answer['affects'] + answer['says']))}", str(case)])


def prune(rng, driver):
    view, groups = store(rng)
    rules, group = rules_of(rng), pick_group(rng, groups)
    case = {"what": "prune", "view": view, "rules": rules, "now": NOW, **({"group": group} if group else {})}
    affects, says = verdict(view, of_group(groups, group), pruned(of_group(groups, group), rules), "prune")
    if not rules:
        says = ["risk 0 without a keep- rule everything is kept: nothing goes"]
    elif not affects:
        says.append("risk 0 no snapshot is outside the rules: nothing goes")
    return differ(case, driver.ask(case), affects, says)


def delete(rng, driver):
    view, groups = store(rng)
    group, time = pick_group(rng, groups), 0
    meant = of_group(groups, group)
    if group and meant and rng.random() < 0.6:
        time = rng.choice([*meant[rng.choice(sorted(meant))], 5])
    case = {"what": "delete", "view": view, "now": NOW, **({"group": group} if group else {}),
            **({"time": time} if time else {})}
    hit = {(k, at) for k, g in meant.items() for at in g if time in (0, at)}
    if time and any(meant[k][at]["protected"] for k, at in hit):
        return differ(case, driver.ask(case), [], ["risk 3 will be refused: the snapshot is protected"])
    if group and not hit:
        return differ(case, driver.ask(case), [], ["risk 3 will be refused: there is no such snapshot or group"])
    gone = {k: {at for at in g if (k, at) in hit and not g[at]["protected"]} for k, g in meant.items()}
    affects, says = verdict(view, meant, gone, "deletion")
    if not time and any(s["protected"] for g in meant.values() for s in g.values()):
        says.append("risk 3 protected snapshots stay: the server removes the others and then answers with an error")
    return differ(case, driver.ask(case), affects, says)


def random_job(rng, kind):
    job = {"store": rng.choice(["tank", "tank", "vault"])}
    if kind == "prune":
        job.update(rules_of(rng))
    if kind == "sync":
        job.update({"remote-store": "main", **({"remove-vanished": rng.random() < 0.5} if rng.random() < 0.5 else {})})
    if rng.random() < 0.7:
        job["schedule"] = "daily"
    if rng.random() < 0.3:
        job["disable"] = rng.random() < 0.7
    return job


def prune_job(view, groups, before, after):
    on, was_on = (bool(j) and not j.get("disable") for j in (after, before))
    if not on:
        return [], ["risk 2 nothing prunes by this job any more: the datastore fills up" if was_on else
                    "risk 1 the job is disabled and takes nothing"]
    rules, old = ({k: v for k, v in (j or {}).items() if k.startswith("keep-")} for j in (after, before))
    if not rules:
        return [], ["risk 1 the job has no keep- rule and takes nothing"]
    gone = pruned(groups, rules)
    if was_on and old and before["store"] == after["store"]:
        anyway = pruned(groups, old)
        gone = {k: g - anyway[k] for k, g in gone.items()}
    affects, says = verdict(view, groups, gone, "prune job")
    if not affects:
        says.append("risk 1 of what is there now the next run takes nothing more than before")
    return affects, says


def job(rng, driver):
    view, groups = store(rng)
    kind = rng.choice(["prune", "prune", "verify", "sync"])
    before, after = (random_job(rng, kind) if rng.random() < 0.75 else None for _ in range(2))
    if not before and not after:
        after = random_job(rng, kind)
    case = {"what": "job", "kind": kind, "view": view, "now": NOW, "before": before, "after": after}
    affects, says = [], []
    if before and "schedule" in before and "schedule" not in (after or {}):
        says.append("risk 2 it does not run by itself any more")
    if kind == "prune":
        affects, more = prune_job(view, groups, before, after)
        says += more
    elif kind == "sync" and not after:
        says.append(f"risk 2 no new copies are pulled from {before['remote-store']}; those here stay")
    elif kind == "sync" and after.get("remove-vanished"):
        says.append("risk 3 remove-vanished: what is gone at the source goes here at the next run, and what that "
                    "is was not looked at")
    elif kind == "verify" and not after:
        says.append("risk 2 damage in the backups is not found by this job any more")
    else:
        says.append("risk 1 only when and how it runs changes")
    return differ(case, driver.ask(case), affects, says)


def remote(rng, driver):
    jobs = [{"id": f"j{i}", "store": rng.choice(["tank", "vault"]),
             **({"remote": rng.choice(["offsite", "other"])} if rng.random() < 0.8 else {})}
            for i in range(rng.randint(0, 4))]
    full = {"host": "192.0.2.1", "port": 8007, "auth-id": "a@pbs!t", "fingerprint": "aa", "comment": "x"}
    before = {k: v for k, v in full.items() if rng.random() < 0.8}
    after = None if rng.random() < 0.3 else dict(before)
    if after is not None and rng.random() < 0.7:
        key = rng.choice(list(full))
        after[key] = rng.choice([full[key], 9 if key == "port" else "other"])
    if after is not None and rng.random() < 0.2:
        after["password"] = {"secret": "x"}
    case = {"what": "remote", "jobs": jobs, "remote": "offsite", "before": before, "after": after}
    moved = after is None or "password" in after or any(
        str(before.get(k, "")) != str(after.get(k, "")) for k in ("host", "port", "auth-id", "fingerprint"))
    hit = [j for j in jobs if j.get("remote") == "offsite" and moved]
    effect, severity = ("changed", 2) if after is not None else ("degraded", 3)
    affects = [f"job/{j['id']} {effect} {severity} remote" for j in hit]
    why = ("what it copies to {} comes from there, or as that user, from now on" if after is not None else
           "it copies to {} and pulls from it: the server refuses to remove it")
    says = [f"why job/{j['id']} " + why.format(j["store"]) for j in hit]
    says.append(f"risk {severity} {effect}: {len(hit)} (0 running)" if hit else "risk 1 no sync job fares otherwise by it")
    return differ(case, driver.ask(case), affects, says)


compare("prune of a backup server", prune)
compare("deletion on a backup server", delete)
compare("jobs of a backup server", job)
compare("remotes of a backup server", remote)
done()
