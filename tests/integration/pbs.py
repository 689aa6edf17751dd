#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A simulated backup server over the command line: every read row, plan -> approve -> apply for what
deletes backups, and for what can be taken back state -> apply -> undo -> equal. Prune is held against
a model written from the public source of proxmox-backup, apart from the planner's and the simulator's:
what the plan names, what the server removes and what the model says are the same."""

import datetime
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from pbs_cases import G, MOVES, scene, undo_cases  # noqa: E402
from world import Tap, World  # noqa: E402

os.environ["TZ"] = "UTC"
w = World("--pbs", "--task-ms", "1", "--seed", "3", "--clock", "1790000000")


def state(left=()):
    """What counts; left: datastores whose directory stays on the disk by design."""
    now = {k: v for k, v in w.sim.now().items() if k not in MOVES}
    now["content"] = {k: v for k, v in now["content"].items() if k not in left}
    now["left"] = {k: v for k, v in now.get("left", {}).items() if v not in left}
    return now


def snapshots(store="tank", ns=""):
    return {g: sorted(map(int, v["snapshots"])) for g, v in
            w.sim.now()["content"][store]["/" + ns].items()}


def do(t, row, want="done", **args):
    code, plan, text = w.plan(row, **args)
    if not t.ok(code == 0, f"{row}: planned", text):
        return None, None
    code, op, text = w.carry_out(plan)
    t.ok((code == 0) == (want == "done") and op and op["outcome"] == want, f"{row}: {want}", text)
    return plan["plan"], op


READS = [("pbs_datastores_list", {}), ("pbs_datastore_get", {"store": "tank"}),
         ("pbs_datastore_status", {"store": "tank", "verbose": True}), ("pbs_datastores_usage", {}),
         ("pbs_gc_status", {"store": "tank"}), ("pbs_namespaces_list", {"store": "tank"}),
         ("pbs_groups_list", {"store": "tank"}), ("pbs_group_notes", G), ("pbs_remotes_list", {}),
         ("pbs_snapshots_list", {"store": "tank", "ns": "lab"}), ("pbs_tasks_list", {}),
         ("pbs_remote_get", {"name": "offsite"}), ("pbs_traffic_control_list", {}),
         ("pbs_node_status", {}), ("pbs_users_list", {"include_tokens": True}),
         ("pbs_tokens_list", {"userid": "root@pam"}), ("pbs_acl_list", {}), ("pbs_permissions", {})]
READS += [(r, {"kind": k, **a}) for k, i in (("prune", "tank-daily"), ("verify", "tank-verify"),
                                            ("sync", "to-vault"))
          for r, a in (("pbs_jobs_list", {}), ("pbs_job_get", {"id": i}))]


def reads(t):
    newest = {**G, "backup-time": snapshots()["vm/104"][-1]}
    rows = READS + [(r, newest) for r in ("pbs_snapshot_files", "pbs_snapshot_notes",
                                          "pbs_snapshot_protected")]
    for row, args in rows:
        code, v, text = w.read(row, **args)
        t.ok(code == 0 and isinstance(v, dict), f"{row} {args}", text)
    known = {x["name"] for x in w.run("tools", "--all")[1]
             if x["name"].startswith("pbs_") and x["effect"] == "read"}
    t.ok(known - {r for r, _ in rows} == {"pbs_task_status", "pbs_task_log", "pbs_task_wait"},
         "no read row is left out", known - {r for r, _ in rows})
    code, _, text = w.read("pve_list_guests")
    t.ok(code != 0 and "not_configured" in text, "a row of a cluster finds none", text)
    code, _, text = w.read("pve_list_guests", cluster="demo")
    t.ok(code == 2 and "wrong_target" in text, "a row of a cluster refuses a backup server", text)
    code, _, text = w.read("pbs_datastore_get", store="nope")
    t.ok(code != 0 and "no such datastore 'nope'" in text, "the server's own words are told", text)


def undos(t):
    scene(w.sim)
    for row, args in undo_cases(snapshots()["vm/104"][-1]):
        before = state()
        _, op = do(t, row, **args)
        t.ok(state() != before, f"{row}: the state is different then")
        if not op:
            continue
        code, v, text = w.run("undo", op["op_id"])
        if code == 4 and v and v.get("plan"):
            code, v, text = w.carry_out(v)
        t.ok(code == 0 and v and v["outcome"] == "done", f"{row}: undone", text)
        now = state(["third"] if row == "pbs_datastore_create" else ())
        t.ok(now == before, f"{row}: everything is as it was",
             [(k, before[k], now[k]) for k in before if before[k] != now.get(k)])
    rows = {x["name"] for x in w.run("tools", "--all")[1] if x["name"].startswith("pbs_") and
            x["effect"] == "change" and x["undo"] != "none"}
    cases = {r for r, _ in undo_cases(0)}
    t.ok(rows == cases, "every row with a way back has a case",
         rows ^ cases)


# ---- prune, by a model of its own ----

PERIODS = [("keep-last", "%s"), ("keep-hourly", "%Y/%m/%d/%H"), ("keep-daily", "%Y/%m/%d"),
           ("keep-weekly", "%G/%V"), ("keep-monthly", "%Y/%m"), ("keep-yearly", "%Y")]


def period(form, at):
    return str(at) if form == "%s" else \
        datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime(form)


def model(group, rules):
    """Times that go: {time: {protected?, files}} -> sorted list."""
    times = sorted(map(int, group), reverse=True)
    mark = {}
    first = True
    for at in times:  # unfinished: only the newest of all is left
        if "index.json.blob" not in group[str(at)]["files"]:
            mark[at] = "partial" if first else "remove"
        first = False
    for name, form in PERIODS:
        if name not in rules:
            continue
        covered = {period(form, at) for at in times if mark.get(at) == "keep"}
        taken = set()
        for at in times:
            if at in mark:
                continue
            if group[str(at)].get("protected"):
                mark[at] = "protected"
                continue
            p = period(form, at)
            if p in covered:
                continue
            if p in taken:
                mark[at] = "remove"
            elif len(taken) >= rules[name]:
                break
            else:
                taken.add(p)
                mark[at] = "keep"
    if not rules:
        return []
    return sorted(at for at in times if not group[str(at)].get("protected") and
                  mark.get(at, "remove") == "remove")


def fill(rnd):
    """Groups over namespaces, written into a fresh state for the next start."""
    root = w.sim.now()
    for ns in ("/", "/lab", "/lab/deep", "/empty"):
        space = root["content"]["tank"].setdefault(ns, {})
        for i in range(3):
            snaps = {}
            for _ in range(rnd.randrange(1, 14)):
                at = 1790000000 - rnd.randrange(rnd.choice((86400, 40 * 86400, 900 * 86400)))
                files = ["root.pxar.didx"] + (["index.json.blob"] if rnd.random() > .15 else [])
                snaps[str(at)] = {"files": files, "size": 10,
                                  **({"protected": True} if rnd.random() < .15 else {})}
            space[f"{rnd.choice(('vm', 'ct', 'host'))}/g{i}"] = {"owner": "root@pam",
                                                                 "snapshots": snaps}
    root["sync"] = {}
    return root


def prunes(t):
    import json
    for seed in range(12):
        rnd = random.Random(seed)
        root = fill(rnd)
        w.sim.stop()
        with open(w.sim.state, "w", encoding="utf-8") as f:
            json.dump(root, f)
        open(w.sim.state + ".journal", "w", encoding="utf-8").close()
        w.sim.start()
        w.write_config()
        rules = {k: rnd.randrange(1, 5) for k, _ in rnd.sample(PERIODS, rnd.randrange(1, 4))}
        top, depth = rnd.choice((("", None), ("", 0), ("", 1), ("lab", None), ("lab", 0)))
        args = {"store": "tank", **rules, **({"ns": top} if top else {}),
                **({"max-depth": depth} if depth is not None else {})}
        gone = {}
        for key, space in root["content"]["tank"].items():
            ns = key[1:]
            below = ns == top or not top or ns.startswith(top + "/")
            levels = 0 if ns == top else (ns[len(top):].strip("/").count("/") + 1)
            if below and (depth is None or levels <= depth):
                for name, g in space.items():
                    times = model(g["snapshots"], rules)
                    if times:
                        gone[(ns, name)] = times
        plan, _ = do(t, "pbs_prune", **args)
        if not plan:
            continue
        told = {a["resource"]: a for a in plan["affected"]}
        want = {f"backup/tank:{ns}{'/' if ns else ''}{name}": times
                for (ns, name), times in gone.items()}
        t.ok(set(told) == set(want), f"prune {seed}: the plan names the groups that lose",
             (args, set(told) ^ set(want)))
        t.ok(all(f"{len(v)} of " in told[k]["why"] for k, v in want.items() if k in told),
             f"prune {seed}: and how many snapshots")
        after = w.sim.now()["content"]["tank"]
        real = {(key[1:], name): sorted(map(int, set(g["snapshots"]) -
                                            set(after[key][name]["snapshots"])))
                for key, space in root["content"]["tank"].items() for name, g in space.items()}
        t.ok({k: v for k, v in real.items() if v} == gone, f"prune {seed}: the server removes them")


def deletions(t):
    first = snapshots()["host/files"][0]
    plan, _ = do(t, "pbs_snapshot_delete", store="tank", **{
        "backup-type": "host", "backup-id": "files", "backup-time": first})
    t.ok(plan["undo"]["kind"] == "none" and plan["risk"] == "high" and
         not plan["affected"][0]["only_copy"], "a snapshot: high, no way back, another stays", plan)
    t.ok(first not in snapshots()["host/files"], "it is gone")
    plan, _ = do(t, "pbs_group_delete", store="tank", **{"backup-type": "vm", "backup-id": "210"})
    t.ok(plan["affected"][0]["only_copy"], "a group: its last backup goes", plan["affected"])
    t.ok("vm/210" not in snapshots(), "it is gone")
    last = {**G, "backup-time": snapshots()["vm/104"][-1]}
    do(t, "pbs_snapshot_protect", protected=True, **last)
    code, plan, text = w.plan("pbs_snapshot_delete", **last)
    t.ok(code == 0 and "protected" in str(plan["plan"]), "protected: the plan says refused",
         text)
    code, plan, text = w.plan("pbs_group_delete", **G)
    t.ok("protected snapshots stay" in str(plan["plan"]), "a group with one: says so", text)
    code, op, text = w.carry_out(plan)
    t.ok(code != 0 and "partially" in text and snapshots()["vm/104"] == [last["backup-time"]],
         "the rest goes, and the call fails, as planned", text)
    code, plan, text = w.plan("pbs_namespace_delete", store="tank", ns="lab")
    t.ok(code == 0 and "holds groups" in str(plan["plan"]), "a namespace that is not empty",
         text)
    code, _, text = w.plan("pbs_namespace_create", store="tank", name="lab")
    t.ok(code != 0 and "already_exists" in text, "a namespace that is there is not made", text)
    do(t, "pbs_namespace_create", store="tank", name="new", parent="lab")
    t.ok("/lab/new" in w.sim.now()["content"]["tank"], "a namespace is made")
    plan, _ = do(t, "pbs_namespace_delete", store="tank", ns="lab", **{"delete-groups": True})
    t.ok(plan["affected"][0]["resource"] == "backup/tank:lab/vm/104", "it names what it holds", plan)
    t.ok(plan["undo"]["kind"] == "none" and "backups are gone" in plan["undo"]["guarantee"],
         "with backups it has no way back, and says so", plan["undo"])
    t.ok("/lab" not in w.sim.now()["content"]["tank"], "it is gone")


def others(t):
    """What sync jobs make of a remote that changes, and why one that is removed does not come back."""
    w.sim.call("POST", "/config/sync", **{"id": "pull", "store": "vault", "remote": "offsite",
                                          "remote-store": "main"})
    code, plan, text = w.plan("pbs_remote_update", name="offsite", host="192.0.2.80")
    t.ok(code == 0 and [a["resource"] for a in plan["plan"]["affected"]] == ["job/pull"],
         "another address: the job that pulls from there is named", text)
    code, plan, text = w.plan("pbs_remote_update", name="offsite", comment="only words")
    t.ok(code == 0 and not plan["plan"]["affected"], "a comment: nobody", text)
    plan, _ = do(t, "pbs_remote_update", name="offsite", password="s3cret-51115")
    t.ok(w.sim.now()["remotes"]["offsite"]["password"] == "s3cret-51115", "a password is set")
    t.ok("password" in str(plan["undo"]), "the one before is not brought back, and that is said",
         plan["undo"])
    code, plan, text = w.plan("pbs_remote_delete", name="offsite")
    t.ok(code == 0 and plan["plan"]["risk"] == "high" and "refuses" in str(plan["plan"]["affected"]),
         "a remote in use: the server refuses, as the plan says", text)
    code, op, text = w.carry_out(plan)
    t.ok(code != 0 and "is used by sync job" in text, "it does", text)
    w.sim.call("DELETE", "/config/sync/pull")
    plan, _ = do(t, "pbs_remote_delete", name="offsite")
    t.ok(plan["undo"]["kind"] == "none" and "offsite" not in w.sim.now()["remotes"], "then it goes",
         plan["undo"])


def says(plan):
    return {(a["resource"], a["effect"]): a["why"] for a in plan["plan"]["affected"]}


def access(t):
    """Who gains and who loses, by the server's own roles and its source's rules."""
    full = "pve@pbs!t1"
    code, plan, text = w.plan("pbs_acl_modify", path="/datastore/tank", **{
        "auth-id": "pve@pbs", "role": "DatastoreAudit"})
    t.ok(code == 0 and plan["plan"]["complete"] and list(says(plan)) == [("user/pve@pbs", "gains-access")] and
         "Datastore.Audit on /datastore/tank" in says(plan)["user/pve@pbs", "gains-access"] and
         plan["plan"]["approval"]["required"] == "operator",
         "a role more: its user gains, its token, which has no entry, does not", text)
    code, plan, text = w.plan("pbs_acl_modify", path="/datastore/tank/lab", **{
        "auth-id": "pve@pbs", "role": "NoAccess"})
    t.ok(code == 0 and list(says(plan)) == [("user/pve@pbs", "loses-access")], "nothing below", text)
    do(t, "pbs_acl_modify", path="/datastore", **{"auth-id": full, "role": "DatastoreAdmin"})
    code, plan, text = w.plan("pbs_acl_modify", path="/datastore/tank", **{
        "auth-id": "pve@pbs", "role": "DatastorePowerUser", "delete": True})
    t.ok(code == 0 and set(says(plan)) == {("user/pve@pbs", "loses-access"), (f"token/{full}", "loses-access")} and
         "Datastore.Backup" in says(plan)[f"token/{full}", "loses-access"],
         "a token has what its user has, too, and loses with it", text)
    code, plan, text = w.plan("pbs_user_update", userid="pve@pbs", enable=False)
    t.ok(code == 0 and len(says(plan)) == 2, "a user is disabled: its token with it", text)
    code, plan, text = w.plan("pbs_user_update", userid="pve@pbs", expire=1000000000)
    t.ok(code == 0 and len(says(plan)) == 2, "or has expired", text)
    code, plan, text = w.plan("pbs_user_update", userid="pve@pbs", comment="only words")
    t.ok(code == 0 and not says(plan), "a comment changes nobody", text)
    code, plan, text = w.plan("pbs_acl_modify", path="/datastore/tank", **{
        "auth-id": "pve@pbs", "role": "DatastorePowerUser"})
    t.ok(code != 0 and "no_change" in text, "an entry that is there", text)
    own = open(w.sim.info["token-file"], encoding="utf-8").read().split(":")[0]
    user, name = own.split("!")
    code, plan, text = w.plan("pbs_token_delete", userid=user, **{"token-name": name})
    t.ok(code == 0 and (f"token/{own}", "lockout") in says(plan), "our own token: a lockout", text)
    plan, op = do(t, "pbs_token_create", userid="pve@pbs", **{"token-name": "t9"})
    with open(op["secret_file"], encoding="utf-8") as f:
        line = f.read()
    t.ok(line.startswith("pve@pbs!t9:") and len(line) > 40 and os.stat(op["secret_file"]).st_mode & 0o77 == 0,
         "a new token's secret is in a file of ours, as a token file is written", op)
    t.ok(line.strip().split(":")[1] not in str(op) + str(plan), "and nowhere else")
    plan, _ = do(t, "pbs_token_delete", userid="pve@pbs", **{"token-name": "t9"})
    t.ok(plan["undo"]["kind"] == "none", "a token that is revoked does not come back", plan["undo"])
    do(t, "pbs_token_delete", userid="pve@pbs", **{"token-name": "t1"})
    w.sim.call("PUT", "/access/acl", path="/datastore", role="DatastoreAdmin", delete=1, **{"auth-id": full})


def work(t):
    plan, op = do(t, "pbs_gc_start", store="tank")
    t.ok(w.sim.now()["gc"]["tank"]["removed-bytes"] > 0, "garbage of what was deleted is collected")
    do(t, "pbs_verify_start", store="tank")
    t.ok(all("verification" in s for g in w.sim.now()["content"]["tank"]["/"].values()
             for s in g["snapshots"].values()), "every snapshot is verified")
    do(t, "pbs_prune_group", **{"store": "tank", "backup-type": "ct", "backup-id": "301",
                                "keep-last": 1})
    t.ok(len(snapshots()["ct/301"]) == 1, "one group is pruned")
    do(t, "pbs_verify_job_run", id="tank-verify")
    do(t, "pbs_sync_job_run", id="to-vault")
    t.ok("ct/301" in snapshots("vault"), "a sync job of one server copies")
    do(t, "pbs_prune_job_run", id="tank-daily")
    code, v, text = w.read("pbs_tasks_list", limit=2)
    t.ok(code == 0 and v["returned"] == 2 and v["truncated"], "tasks come in pages", text)
    upid = v["items"][0]["upid"]
    t.ok(upid.count(":") == 9, "a task's id is of a backup server's form", upid)
    code, v, text = w.read("pbs_task_status", upid=upid)
    t.ok(code == 0 and v["succeeded"], "a task's end", text)
    code, v, text = w.read("pbs_task_log", upid=upid, limit=1)
    t.ok(code == 0 and v["lines"] == ["TASK OK"], "the last line of its log is the last", text)
    _, op = do(t, "pbs_datastore_create", want="failed", store="third", path="/mnt/third")
    t.ok("EEXIST" in str(op), "a directory that was a datastore is none again", op)
    plan, _ = do(t, "pbs_datastore_delete", store="vault", **{"destroy-data": True})
    t.ok(plan["approval"]["required"] == "operator", "a datastore needs an operator", plan)
    t.ok("vault" not in w.sim.now()["datastores"], "it is gone")


def less(t):
    """A token that may only see its own says so, in lists and plans."""
    w.write_config(token=w.sim.info["audit-token-file"])
    code, v, text = w.read("pbs_snapshots_list", store="tank")
    t.ok(code == 0 and "partial" not in v, "an auditor sees all", text)
    code, plan, text = w.plan("pbs_prune", store="tank", **{"keep-last": 1})
    t.ok(code == 0, "and may plan", text)
    code, op, text = w.carry_out(plan)
    t.ok(code != 0 and "Datastore.Prune" in text and "/datastore/tank" in text,
         "what it may not do is refused with the privilege", text)
    w.write_config()


def ledger(t):
    code, report, text = w.verify()
    t.ok(code == 0 and report["ok"], "the ledger verifies", text)


try:
    w.operator()
    sys.exit(Tap().run(reads, undos, deletions, others, access, work, less, prunes, ledger))
finally:
    w.close()
