# SPDX-License-Identifier: Apache-2.0
"""The command line as a person or a script meets it: the owner's freeze, who may have written the
configuration, a question asked after the plan is shown, JSON from every command, hints that name
commands which exist."""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Tap, World, last_json  # noqa: E402

w = World()
INI = os.path.join(w.config, "proximo.ini")


def snapshot_plan(name):
    code, plan, text = w.plan("pve_snapshot_create", vmid=101, snapname=name)
    if code != 0:
        raise RuntimeError(text)
    return plan["plan_id"]


def test_freeze(t):
    pid = snapshot_plan("cold1")
    elsewhere = w.mkdir("elsewhere")
    here = os.getcwd()
    os.chdir(elsewhere)
    code, v, text = w.run("freeze", "on", "--reason", "I am away")
    os.chdir(here)
    t.ok(code == 0 and v == {"frozen": True}, "the owner freezes", text)
    t.ok(os.listdir(elsewhere) == [], "nothing is written where the command was run",
         os.listdir(elsewhere))
    code, v, text = w.run("apply", pid)
    t.ok(code == 3 and v["error"]["code"] == "frozen" and "I am away" in v["error"]["message"],
         "then nothing is applied, and the reason is said", text)
    code, v, text = w.run("doctor")
    t.ok("I am away" in v["frozen"], "doctor shows it", text)
    code, v, text = w.plan("pve_snapshot_create", vmid=101, snapname="cold2")
    t.ok(code == 0, "planning goes on", text)
    with open(INI, encoding="utf-8") as f:
        good = f.read()
    with open(INI, "a", encoding="utf-8") as f:
        f.write("not a configuration\n")
    code, v, text = w.run("freeze", "off")
    code2, v2, text2 = w.run("freeze", "on")
    with open(INI, "w", encoding="utf-8") as f:
        f.write(good)
    t.ok(code == 0 and code2 == 0, "also when the configuration cannot be read", text + text2)
    code, v, text = w.run("apply", pid)
    t.ok(code == 3 and v["error"]["code"] == "frozen", "and that freeze counts", text)
    w.run("freeze", "off")
    code, v, text = w.run("apply", pid)
    t.ok(code == 0 and v["outcome"] == "done", "after it the plan is applied", text)


def test_configuration_of_others(t):
    for mode in (0o666, 0o620):
        os.chmod(INI, mode)
        code, v, text = w.read("pve_version")
        t.ok(code == 1 and v["error"]["code"] == "file_not_private" and "chmod" in v["error"]["hint"],
             f"a configuration of mode {mode:o} is refused", text)
    os.chmod(INI, 0o644)
    code, v, text = w.read("pve_version")
    t.ok(code == 0, "one that others can only read is not", text)


def test_token_beside(t):
    token = w.sim.info["token-file"]
    with open(token, encoding="utf-8") as f, \
            open(os.path.join(w.config, "home.token"), "w", encoding="utf-8",
                 opener=lambda p, fl: os.open(p, fl, 0o600)) as to:
        to.write(f.read())
    w.write_config(token="home.token")
    code, v, text = w.read("pve_version")
    t.ok(code == 0, "a token file without a path is beside the configuration", text)
    w.write_config(token="nowhere.token")
    code, v, text = w.read("pve_version")
    t.ok(v["error"]["code"] == "token_unreadable" and "write the token" in v["error"]["hint"],
         "a missing one is called missing", text)
    w.write_config()


def test_undo_shows_first(t):
    _, v, _ = w.read("pve_list_guests", limit=1000)
    vmid = next(g["vmid"] for g in v["items"]
                if g["status"] == "stopped" and g["kind"] == "lxc" and not g.get("template"))
    code, plan, text = w.plan("pve_guest_power", vmid=vmid, action="start")
    code, op, text = w.carry_out(plan)
    t.ok(code == 0 and op["outcome"] == "done", "a change is made", text)
    code, seen = w.on_tty(["undo", op["op_id"]], [("[y/N]", "n")])
    at = seen.find("[y/N]")
    t.ok(0 <= seen.find("/status/") < at,
         "the undo's plan is on the screen before the question", seen)
    t.ok(code == 4 and "nothing was done" in seen, "no means no", seen)
    code, seen = w.on_tty(["undo", op["op_id"]], [("[y/N]", "Yes")])
    t.ok(code == 0, "yes means yes", seen)


def test_json_everywhere(t):
    key = w.operator()
    out = os.path.join(w.dir, "plan.bytes")
    pid = snapshot_plan("cold3")
    for args, member in ((("operator", "list"), "operators"),
                         (("operator", "show", "alice"), "key"),
                         (("freeze", "off"), "frozen"),
                         (("show", pid, "--out", out), "file"),
                         (("tools", "pve_storage_delete"), "arguments"),
                         (("ops",), "operations"),
                         (("node", "list"), "nodes"),
                         (("ledger", "verify"), "ok"),
                         (("doctor",), "clusters")):
        code, text, err = w.text("--json", *args)
        v = last_json(text)
        t.ok(code in (0, 1) and len(text.strip().splitlines()) == 1 and member in (v or {}),
             f"--json {' '.join(args[:2])}: one line with {member}", text + err)
    code, v, text = w.run("tools", "--size")
    t.ok(code == 0 and {"toolset", "bytes", "tokens"} <= set(v[0]), "--json tools --size", text)
    code, v, text = w.run("operator", "show", "alice")
    t.ok(v["key"] == key, "the key is the one that was made", text)
    for args in (("apply",), ("freeze", "perhaps"), ("apply", "--nonsense"), ("node", "what"),
                 ("rotate", "all"), ("ledger", "what")):
        code, text, err = w.text("--json", *args)
        v = last_json(text)
        t.ok(code == 2 and v and v["error"]["code"] == "bad_argument" and
             v["error"]["hint"].startswith("usage: proximo-client"),
             f"--json {' '.join(args)}: a usage error is JSON too", text + err)
    code, text, err = w.text("aply", "x")
    t.ok(code == 2 and "no command aply" in err, "an unknown command is named", err)


def test_doctor_names_everything(t):
    w.limits = "job-after = 30"
    w.write_config()
    _, v, text = w.run("doctor")
    one = v["clusters"][0]
    t.ok(one["timeout_s"] == 30 and one["connections"] == 8 and
         one["defaults"] == ["timeout", "connections"], "defaults are called so", text)
    t.ok(v["job_after_s"] == 30 and v["job_after_origin"] == INI, "a limit with its file", text)
    t.ok(v["operators"][0]["operator"] == "alice" and v["operators"][0]["origin"] == INI,
         "operators with their file", text)
    w.limits = ""
    w.write_config()


def test_refused_now(t):
    w.policy = "read-only = yes"
    w.write_config()
    code, plan, text = w.plan("pve_storage_delete", storage="local-zfs")
    t.ok(code == 0 and plan["refused_now"]["code"] == "read_only" and "read_only" in plan["next"],
         "a plan says that this client would not carry it out", text)
    code, v, text = w.run("show", plan["plan_id"])
    t.ok(v["refused_now"]["code"] == "read_only", "also when it is shown again", text)
    code, seen = w.on_tty(["approve", plan["plan_id"]], [("passphrase of alice", "correct horse")])
    t.ok("would refuse it now" in seen, "and the operator is told before signing", seen)
    w.policy = ""
    w.write_config()
    code, v, text = w.run("show", plan["plan_id"])
    t.ok(code == 0 and "refused_now" not in v, "with the switch gone the plan is as any other", text)


def test_hints_lead_somewhere(t):
    code, v, text = w.run("plan", "pve_storage_delete", "nonsense=1")
    hint = v["error"]["hint"]
    t.ok("proximo-client tools pve_storage_delete" in hint, "a wrong argument names a command", text)
    code, v, text = w.run(*hint[hint.index("tools"):].split()[:2])
    t.ok(code == 0 and "storage" in v["arguments"]["properties"], "which shows the arguments", text)
    code, v, text = w.run("plan", "pve_storage_delete", "storage=local-zfs")
    t.ok("proximo-client approve" in v["next"] and f"proximo-client apply {v['plan_id']}" in v["next"],
         "a plan says how to go on in a shell", json.dumps(v.get("next")))
    w.operators = ""
    w.write_config()
    code, seen = w.on_tty(["approve", v["plan_id"]], [])
    t.ok(code == 2 and "operator new" in seen, "without an operator the way to one is said", seen)


try:
    sys.exit(Tap().run(test_freeze, test_configuration_of_others, test_token_beside,
                       test_undo_shows_first, test_json_everywhere, test_doctor_names_everything, test_refused_now,
                       test_hints_lead_somewhere))
finally:
    w.close()
