# SPDX-License-Identifier: Apache-2.0
"""Several changes as one plan: resolved to an exact list, one approval, stopped at the first failure, the
done steps taken back by one undo."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Tap, World  # noqa: E402

w = World("--fault", "task-fail=no+luck POST /nodes/*/status/start x1",
          policy="approve-low = operator\napprove-medium = operator")
w.operator()


def guests(status=None):
    _, v, _ = w.read("pve_list_guests", limit=1000)
    return {g["vmid"]: g for g in v["items"] if not status or g["status"] == status}


def usable(status):
    return sorted(v for v, g in guests(status).items() if not g.get("template"))


def config(vmid):
    _, v, _ = w.read("pve_guest_config_get", vmid=vmid)
    return {k: x for k, x in v.get("config", v).items() if k != "digest"}


def plan(steps):
    return w.run("plan", "proximo_plan_steps", "steps:=" + json.dumps(steps))


def apply(plan_id):
    code, v, text = w.run("apply", plan_id)
    if code == 4:
        code, seen = w.approve(plan_id)
        assert code == 0, seen
        code, v, text = w.run("apply", plan_id)
    return code, v, text


def undo(op_id):
    code, v, text = w.run("undo", op_id)
    return apply(v["plan_id"]) if code == 4 else (code, v, text)


def sent(op):
    """The execute requests of a plan that was carried out."""
    _, v, _ = w.run("show", op["plan_id"])
    return [q for q in v.get("plan", v)["requests"] if q["phase"] == "execute"]


def tag(vmid, text):
    return {"row": "pve_guest_config_set", "args": {"vmid": vmid, "set": {"tags": text}}}


def test_one_plan_one_undo(t):
    a, b = usable("running")[:2]
    off = usable("stopped")[0]
    before = {v: config(v) for v in (a, b)}
    code, p, text = plan([tag(a, "first"), tag(b, "second"),
                          {"row": "pve_guest_power", "args": {"vmid": off, "action": "start"}}])
    t.ok(code == 0, "three changes are one plan", text)
    steps = p["plan"]["steps"]
    t.ok([s["row"] for s in steps] == ["pve_guest_config_set"] * 2 + ["pve_guest_power"]
         and all(s["change"] and s["undo"] and s["target"] for s in steps),
         "each step says what it changes and how it is undone", text)
    t.ok({q["step"] for q in p["plan"]["requests"]} == {1, 2, 3}, "requests belong to steps", text)
    t.ok(p["plan"]["undo"]["kind"] == "steps", "the undo is one", text)
    code, op, text = apply(p["plan_id"])
    t.ok(code == 0 and op["outcome"] == "done", "carried out in one go", text)
    t.ok(config(a).get("tags") == "first"
         and config(b).get("tags") == "second"
         and guests()[off]["status"] == "running", "all three are done")
    code, v, text = undo(op["op_id"])
    t.ok(code == 0 and v["outcome"] == "done", "one undo", text)
    t.ok({v: config(v) for v in (a, b)} == before and guests()[off]["status"] == "stopped",
         "everything is as it was", text)
    code, v2, text = undo(v["op_id"])
    t.ok(code == 0 and config(a).get("tags") == "first",
         "and the undo itself can be undone", text)
    undo(v2["op_id"])


def test_failure_stops(t):
    a, b = usable("running")[:2]
    off = usable("stopped")[0]
    before = {v: config(v) for v in (a, b)}
    code, p, text = plan([tag(a, "done"),
                          {"row": "pve_guest_power", "args": {"vmid": off, "action": "start"}},
                          tag(b, "never")])
    t.ok(code == 0, "planned", text)
    code, op, text = apply(p["plan_id"])
    t.ok(code == 1 and op["outcome"] == "failed", "the second step fails", text)
    t.ok(config(a).get("tags") == "done" and config(b) == before[b],
         "the first is done, the third was not begun", text)
    code, u, text = w.run("undo", op["op_id"])
    t.ok(len(u["plan"]["steps"]) == 1 and any("step 2 did not end" in r for r in
                                              u["plan"]["risk_reasons"]) if code == 4
         else u["outcome"] == "done", "the undo holds the done step and names the failed one", text)
    if code == 4:
        code, u, text = apply(u["plan_id"])
    t.ok(code == 0 and config(a) == before[a], "the done step is taken back", text)
    t.ok(w.run("ledger", "verify")[0] == 0, "the ledger verifies")


def test_selectors(t):
    running = usable("running")
    kinds = {v: g["kind"] for v, g in guests().items()}
    lxc = [v for v in running if kinds[v] == "lxc"]
    step = {"row": "pve_guest_config_set", "args": {"set": {"tags": "x"}},
            "select": {"kind": "lxc", "status": "running"}}
    code, p, text = plan([step])
    t.ok(code == 0 and [s["args"]["vmid"] for s in p["plan"]["steps"]] == lxc,
         "a selector becomes the exact list", text)
    t.ok("select" not in json.dumps(p["plan"]["steps"]), "no selector is left in the steps")
    step["select"] = {"vmids": f"{lxc[0]}-{lxc[1]}", "kind": "lxc"}
    code, p, text = plan([step])
    t.ok(code == 0 and {s["args"]["vmid"] for s in p["plan"]["steps"]} >= set(lxc[:2])
         and all(lxc[0] <= s["args"]["vmid"] <= lxc[1] for s in p["plan"]["steps"]),
         "ranges and kind together", text)
    step["select"] = {"node": "pve1", "status": "running"}
    code, p, text = plan([step])
    t.ok(code == 0 and all(s["target"]["node"] == "pve1" for s in p["plan"]["steps"]),
         "a node's guests", text)


def refused(t, steps, code, name):
    _, v, text = plan(steps)
    t.ok(v and v.get("error", {}).get("code") == code, name, text)


def test_bad(t):
    a = usable("running")[0]
    off = usable("stopped")[0]
    move = {"row": "pve_disk_move", "args": {"vmid": off, "disk": "scsi0", "storage": "local-zfs"}}
    refused(t, [move, move], "steps_conflict", "a step on what cannot be computed before it is done")
    refused(t, [move, tag(off, "x")], "steps_conflict", "another row on it, too")
    refused(t, [{"row": "proximo_plan_steps", "args": {"steps": [tag(a, "x")]}}],
            "bad_argument", "steps in steps")
    refused(t, [{"row": "pve_list_guests"}], "bad_argument", "a row that reads")
    refused(t, [{"row": "pve_guest_power", "args": {"vmid": a}}], "bad_argument",
            "a step that lacks an argument")
    refused(t, [{"row": "pve_guest_power", "arg": {}}], "bad_argument", "an unknown member")
    refused(t, [], "bad_argument", "no steps")
    refused(t, [tag(a, "x")] * 101, "bad_argument", "more than a hundred")
    for select in ({}, {"vmids": "1-5"}, {"vmids": "a"}, {"tags": "x"}, {"tag": ""}):
        refused(t, [{"row": "pve_guest_config_set", "args": {"set": {"tags": "x"}},
                     "select": select}], "bad_argument", f"select {select}")
    refused(t, [{"row": "pve_guest_config_set", "args": {"set": {"tags": "x"}},
                 "select": {"tag": "nobody-has-this"}}], "nothing_selected", "nothing is selected")


def test_secret(t):
    code, p, text = plan([{"row": "pve_storage_create", "args": {
        "storage": "cifs1", "type": "cifs", "password": "CANARY-in-a-step",
        "set": {"server": "s", "share": "x", "username": "u", "content": "backup"}}}])
    t.ok(code == 0, "a step with a secret is planned", text)
    found = subprocess.run(["grep", "-rlF", "CANARY-in-a-step", w.state], capture_output=True,
                           text=True, check=False).stdout.split()
    t.ok(all("/secrets/" in f for f in found) and "CANARY" not in text,
         "its value is in the plan's secret file and nowhere else", found)


def notes(vmid):
    """Of the cluster itself: the client shows a guest's text only where it is asked for."""
    kind = next(g for g in w.sim.call("GET", "/cluster/resources") if g.get("vmid") == vmid)
    return w.sim.call("GET", f"/nodes/{kind['node']}/{kind['type']}/{vmid}/config").get("description", "")


NEW = 7001
MADE = {"row": "pve_create_vm", "args": {"node": "pve1", "vmid": NEW, "set": {
    "name": "new", "memory": "512", "scsi0": "local-zfs:4", "net0": "virtio,bridge=vmbr0"}}}


def chain():
    """A guest is made, set up and started."""
    return [MADE, {"row": "pve_guest_config_set", "args": {"vmid": NEW, "set": {"memory": 1024, "tags": "b;a"}}},
            {"row": "pve_guest_config_set", "args": {"vmid": NEW, "set": {"cores": 2}, "delete": ["tags"]}},
            {"row": "pve_guest_power", "args": {"vmid": NEW, "action": "start"}}]


def at_once(path):
    return f"/nodes/pve1/qemu/{NEW}{path}"


def test_steps_on_steps(t):
    code, p, text = plan(chain())
    t.ok(code == 0 and p["plan"]["complete"] and len(p["plan"]["steps"]) == 4,
         "steps on a guest that the first one makes are planned", text)
    back = [q for q in p["plan"]["requests"] if q["phase"] == "undo"]
    t.ok([q["form"].get("tags") for q in back if q["step"] == 3] == ["b;a"]
         and [q["form"].get("memory") for q in back if q["step"] == 2] == ["512"],
         "each way back leads to where the step before had come", back)
    later = [o for o in p["plan"]["preconditions"] if o.get("then")]
    t.ok({tuple(o["steps"]) for o in later} == {(2,), (3,), (4,)}
         and all(o["reduce"].endswith("-then") for o in later),
         "what the plan itself changes is to be so before the step that counts on it", later)
    t.ok(guests().get(NEW) is None, "nothing is there yet")
    code, op, text = apply(p["plan_id"])
    t.ok(code == 0 and op["outcome"] == "done" and guests()[NEW]["status"] == "running"
         and {k: str(w.sim.call("GET", at_once("/config")).get(k)) for k in ("memory", "cores", "tags")}
         == {"memory": "1024", "cores": "2", "tags": "None"}, "one approval carries all of it out", text)
    code, v, text = undo(op["op_id"])
    t.ok(code == 0 and v["outcome"] == "done" and v["post_check"]["status"] == "ok", "one undo", text)
    t.ok(NEW not in guests() and [(q["method"], q["path"]) for q in sent(v)] == [
        ("POST", at_once("/status/shutdown")), ("DELETE", at_once(""))],
         "the guest is stopped and destroyed; what was set in it goes with it", sent(v))


def test_made_and_started(t):
    """PVE starts what it has made by a task of its own, which no answer names."""
    code, p, text = plan([{"row": "pve_create_container", "args": {
        "node": "pve1", "vmid": NEW + 1, "ostemplate": "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst",
        "storage": "local-zfs", "set": {"rootfs": "local-zfs:2", "hostname": "c3"}, "start": True}},
        {"row": "pve_guest_power", "args": {"vmid": NEW + 1, "action": "stop"}}])
    t.ok(code == 0, "a step counts on a guest that the step before makes and starts", text)
    code, op, text = apply(p["plan_id"])
    t.ok(code == 0 and op["outcome"] == "done" and guests()[NEW + 1]["status"] == "stopped",
         "it is waited for until it runs", text)
    w.sim.call("DELETE", f"/nodes/pve1/lxc/{NEW + 1}")


def test_references(t):
    """Later steps name what earlier ones make; the exact requests stand in the plan."""
    made = {**MADE, "args": {**MADE["args"], "vmid": {"next": "vmid"}}}
    ref = {"step": 1, "value": "vmid"}
    code, p, text = plan([made, {"row": "pve_guest_config_set", "args": {"vmid": ref, "set": {"tags": "t"}}},
                          {**made, "args": {**made["args"], "set": {"name": {"step": 2, "value": "set"}}}}])
    t.ok(code == 2, "a value that is no text, number or boolean is none", text)
    code, p, text = plan([made, {"row": "pve_guest_config_set", "args": {"vmid": ref, "set": {"tags": "t"}}},
                          made, {"row": "pve_guest_power", "args": {"vmid": ref, "action": "start"}}])
    t.ok(code == 0, "steps on what has no number yet", text)
    sent = [q for q in p["plan"]["requests"] if q["phase"] == "execute"]
    one, two = sent[0]["form"]["vmid"], sent[2]["form"]["vmid"]
    free = int(w.sim.call("GET", "/cluster/nextid"))
    t.ok(one == free and two > one and two not in guests(), "the next free numbers are chosen, each once", sent)
    t.ok([q["path"].split("/")[4] for q in (sent[1], sent[3])] == [str(one)] * 2
         and "step" not in json.dumps([q["form"] for q in sent]), "and stand in the requests", sent)
    code, op, text = apply(p["plan_id"])
    t.ok(code == 0 and guests()[one]["status"] == "running" and guests()[two]["status"] == "stopped"
         and "4 of 4" not in text and op["post_check"]["status"] == "ok", "carried out", text)
    w.sim.call("POST", f"/nodes/pve1/qemu/{one}/status/stop")
    for v in (one, two):
        w.sim.call("DELETE", f"/nodes/pve1/qemu/{v}")
    for args, why in (({"vmid": {"step": 2, "value": "vmid"}}, "a later step"),
                      ({"vmid": {"step": 1, "value": "nothing"}}, "a value it has not"),
                      ({"vmid": {"next": "storage"}}, "another sort of next"),
                      ({"vmid": {"step": 1, "value": "archive"}}, "an archive of what makes none")):
        refused(t, [MADE, {"row": "pve_guest_power", "args": {"action": "start", **args}}], "bad_argument", why)
    refused(t, [{**tag(1, "x"), "args": {"set": {"tags": "x"}}, "select": {"status": "stopped", "kind": "qemu"}},
                {"row": "pve_guest_power", "args": {"vmid": ref, "action": "start"}}], "bad_argument",
            "a step that was several")


def test_backup_restored(t):
    """The name of an archive is known when it is there: until then it has a type."""
    steps = [MADE, {"row": "pve_backup", "args": {"vmid": NEW, "storage": "backup", "mode": "stop"}},
             {"row": "pve_restore_vm", "args": {"node": "pve1", "vmid": {"next": "vmid"}, "storage": "nfs-vm",
                                                "archive": {"step": 2, "value": "archive"}, "unique": True}},
             {"row": "pve_guest_config_set", "args": {"vmid": {"step": 3, "value": "vmid"},
                                                      "set": {"name": "twin"}}}]
    code, p, text = plan(steps)
    t.ok(code == 0 and p["plan"]["complete"], "a backup and what is restored from it are one plan", text)
    restore = [q for q in p["plan"]["requests"] if q["step"] == 3][0]["form"]
    t.ok(restore["archive"] == {"late": "archive", "step": 2, "storage": "backup", "kind": "qemu", "vmid": NEW},
         "the archive is a late value: which step, which storage, which guest", restore)
    t.ok(p["plan"]["steps"][2]["change"].endswith("the archive of step 2") and "-step2-" not in text,
         "and is said in words", p["plan"]["steps"][2])
    code, op, text = apply(p["plan_id"])
    twin = restore["vmid"]
    t.ok(code == 0 and guests()[twin]["name"] == "twin", "carried out", text)
    late = op["late"]
    there = [v["volid"] for v in w.sim.call("GET", "/nodes/pve1/storage/backup/content") if v.get("vmid") == NEW]
    t.ok(late == [{"step": 2, "type": "archive", "value": there[0]}], "what took its place is told", op)
    t.ok(w.run("ledger", "verify")[0] == 0, "the ledger verifies")
    code, v, text = undo(op["op_id"])
    t.ok(code == 0 and not {NEW, twin} & set(guests()), "one undo takes both guests away", text)
    t.ok(there == [v["volid"] for v in w.sim.call("GET", "/nodes/pve1/storage/backup/content")
                   if v.get("vmid") == NEW], "and leaves the backup, which no undo deletes", there)


def test_text_is_text(t):
    a = usable("running")[0]
    was = notes(a)
    code, p, text = plan([{"row": "pve_guest_config_set",
                           "args": {"vmid": a, "set": {"description": "@fresh"}}}])
    form = p["plan"]["requests"][0]["form"]
    t.ok(code == 0 and form["description"] == "@fresh" and form["digest"] == {"late": "digest"},
         "what is known only later has a type of its own in the plan", text)
    code, op, text = apply(p["plan_id"])
    t.ok(op["outcome"] == "done" and notes(a).strip() == "@fresh",
         "a text that looks like a placeholder is sent as it is", text)
    t.ok(op["post_check"]["status"] == "ok", "and looking again finds the notes as asked", text)
    code, v, text = undo(op["op_id"])
    t.ok(code == 0 and notes(a) == was, "and taken back", text)


try:
    sys.exit(Tap().run(test_failure_stops, test_one_plan_one_undo, test_selectors, test_steps_on_steps, test_made_and_started,
                       test_references, test_backup_restored, test_text_is_text, test_bad, test_secret))
finally:
    w.close()
