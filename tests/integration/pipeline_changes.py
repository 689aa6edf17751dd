# SPDX-License-Identifier: Apache-2.0
"""The way of one change, against a simulated cluster and the real client: plan, refusal, approval,
apply, undo, drift, single use, two processes at once, canaries."""

import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Tap, World  # noqa: E402

w = World()
CANARY = open(w.sim.info["token-file"], encoding="utf-8").read().strip().split("=", 1)[1]
printed = []


def run(*args, **kw):
    code, value, text = w.run(*args, **kw)
    printed.append(text)
    return code, value, text


def storage(name):
    return w.read("pve_storage_config_get", storage=name)


def test_reads(t):
    code, v, text = w.read("pve_version")
    t.ok(code == 0 and "version" in str(v), "the version is read", text)
    code, v, text = w.read("pve_list_guests")
    t.ok(code == 0 and v.get("total", 0) >= 3, "guests are listed with a total", text)
    code, v, text = w.read("pve_guest_status", vmid=99)
    t.ok(code == 2 and v["error"]["code"] == "bad_argument", "vmid 99 is refused", text)
    code, v, text = w.read("pve_guest_status", vmid=987654)
    t.ok(code != 0 and v["error"]["code"] == "no_such_guest", "an unknown guest is named", text)
    t.ok(v["error"]["who"] == "client", "by the client itself", text)
    code, v, text = storage("nowhere")
    t.ok(code != 0 and v["error"]["who"] == "pve" and v["error"]["http_status"] >= 400,
         "what the API refuses is the API's refusal", text)


def test_storage_delete(t):
    before = storage("local-zfs")[1]
    code, plan, text = w.plan("pve_storage_delete", storage="local-zfs")
    t.ok(code == 0, "a storage delete is planned", text)
    hit = {a["resource"]: a for a in plan["plan"]["affected"]}
    t.ok(hit.get("vm/104", {}).get("effect") == "wont-boot", "vm/104 will not boot", text)
    t.ok(hit.get("vm/210", {}).get("effect") == "wont-boot" and hit["vm/210"]["only_copy"],
         "vm/210 loses its only copy", text)
    t.ok(hit.get("ct/301", {}).get("effect") == "degraded", "ct/301 is degraded", text)
    t.ok(plan["plan"]["risk"] == "high" and plan["plan"]["complete"], "risk is high, complete", text)
    pid = plan["plan_id"]
    for how in ("apply",):
        code, v, text = run(how, pid)
        t.ok(code == 4 and v["error"]["code"] == "approval_needed", "apply wants an operator", text)
        t.ok(v["error"]["who"] == "client" and v["error"]["step"], "which the client says", text)
    t.ok(storage("local-zfs")[0] == 0, "the storage is still there")
    w.operator()
    code, seen = w.approve(pid, passphrase="wrong one")
    t.ok(code != 0 and "wrong_passphrase" in seen, "a wrong passphrase approves nothing", seen)
    code, seen = w.approve(pid)
    t.ok(code == 0 and "computed by the planner, not verified here" in seen,
         "the operator approves, requests first", seen)
    code, op, text = run("apply", pid)
    t.ok(code == 4 or code == 0, "apply after approval", text)
    t.ok(code == 0 and op["outcome"] == "done", "the storage is deleted as planned", text)
    t.ok(storage("local-zfs")[0] != 0, "the definition is gone")
    code, v, text = run("apply", pid)
    t.ok(code == 5 and v["error"]["code"] == "plan_spent", "a plan is used once", text)
    code, v, text = run("undo", op["op_id"])
    if code == 4:
        code, seen = w.approve(v["plan_id"])
        t.ok(code == 0, "the undo plan is approved", seen)
        code, v, text = run("apply", v["plan_id"])
    t.ok(code == 0 and v["outcome"] == "done", "the undo runs", text)
    after = storage("local-zfs")[1]
    strip = lambda o: {k: v for k, v in (o or {}).items() if k != "digest"}  # noqa: E731
    t.ok(strip(before) == strip(after), "the definition is as it was", f"{before}\n{after}")
    code, v, text = run("undo", op["op_id"])
    t.ok(code == 5 and v["error"]["code"] == "already_undone", "an undo is done once", text)


def guest(status, kind=None):
    _, v, _ = w.read("pve_list_guests", limit=1000)
    for g in v["items"]:
        if g["status"] == status and not g.get("template") and (not kind or g["kind"] == kind):
            return g["vmid"]
    raise RuntimeError(f"no {status} guest")


def carry_out(plan):
    code, _, text = w.carry_out(plan)
    printed.append(text)
    return code, text


def test_power(t):
    vmid = guest("stopped", "lxc")
    code, plan, text = w.plan("pve_guest_power", vmid=vmid, action="start")
    t.ok(code == 0, "a start is planned", text)
    code, seen = carry_out(plan)
    t.ok(code == 0, "the guest is started", seen)
    _, v, text = w.read("pve_guest_status", vmid=vmid)
    t.ok(v["status"] == "running", "it runs", text)
    code, v, text = w.plan("pve_guest_power", vmid=vmid, action="start")
    t.ok(code != 0 and v["error"]["code"] == "no_change", "a no-op is said, not planned", text)
    _, ops, _ = run("ops")
    code, v, text = run("undo", ops["operations"][0]["op_id"])
    if code == 4:
        code, text = carry_out(v)
    t.ok(code == 0, "the start is undone", text)
    _, v, text = w.read("pve_guest_status", vmid=vmid)
    t.ok(v["status"] == "stopped", "it is stopped again", text)


def test_config_and_drift(t):
    vmid = guest("stopped", "lxc")
    _, before, _ = w.read("pve_guest_config_get", vmid=vmid)
    code, first, text = w.plan("pve_guest_config_set", vmid=vmid, set={"memory": 777})
    t.ok(code == 0, "a config change is planned", text)
    code, second, text = w.plan("pve_guest_config_set", vmid=vmid, set={"memory": 888})
    t.ok(code == 0 and first["plan_id"] != second["plan_id"], "and another one", text)
    code, seen = carry_out(first)
    t.ok(code == 0, "the first is applied", seen)
    need = second["plan"]["approval"]["required"]
    if need == "operator":
        w.approve(second["plan_id"])
    code, v, text = run("apply", second["plan_id"]) if need != "host" else (5, None, "")
    if need == "host":
        code, text = w.on_tty(["apply", second["plan_id"]], [("[y/N]", "y")])
    t.ok(code == 5 and "plan_drifted" in text, "the second is refused: the config changed", text)
    _, now, _ = w.read("pve_guest_config_get", vmid=vmid)
    t.ok("777" in str(now), "what the first wrote stands", now)
    _, ops, _ = run("ops")
    code, v, text = run("undo", ops["operations"][0]["op_id"])
    if code == 4:
        code, text = carry_out(v)
    _, after, _ = w.read("pve_guest_config_get", vmid=vmid)
    clean = lambda o: {k: x for k, x in (o or {}).items() if k != "digest"}  # noqa: E731
    t.ok(code == 0 and clean(before) == clean(after), "undo restores every key",
         f"{text}\n{before}\n{after}")


def test_two_at_once(t):
    for vmid in (104, 105, 210, 213, 214, 101):
        code, plan, text = w.plan("pve_snapshot_create", vmid=vmid, snapname="race1")
        if code == 0:
            break
    t.ok(code == 0 and plan["plan"]["approval"]["required"] == "none", "a snapshot needs no approval",
         text)
    both = [w.popen("--json", "apply", plan["plan_id"]) for _ in range(2)]
    ends = [(p.communicate(timeout=60)[0], p.returncode) for p in both]
    codes = sorted(code for _, code in ends)
    t.ok(codes == [0, 5], "of two processes one carries it out", ends)
    intents = [h for k, h in w.entries() if k == "intent"]
    t.ok(len({h["plan"][0] for h in intents}) == len(intents), "no plan has two intents")


def test_bad_input(t):
    for args, want in (
            (("plan", "pve_storage_delete", "storage=../x"), "bad_argument"),
            (("plan", "pve_guest_power", "vmid=0", "action=start"), "bad_argument"),
            (("plan", "pve_guest_power", "vmid=105", "action=explode"), "bad_argument"),
            (("plan", "pve_guest_power", "vmid=105", "action=start", "nonsense=1"), "bad_argument"),
            (("plan", "pve_version"), "unknown_tool"),
            (("read", "pve_storage_delete", "storage=local"), "unknown_tool"),
            (("apply", "P-" + "a" * 26), "no_such_plan"),
            (("apply", "../../etc/passwd"), "bad_argument"),
            (("undo", "O-" + "a" * 26), "no_such_op")):
        code, v, text = run(*args)
        t.ok(code != 0 and v and v["error"]["code"] == want, f"{' '.join(args)}: {want}", text)


def test_credentials(t):
    token = w.sim.info["token-file"]
    os.chmod(token, 0o644)
    code, v, text = run("read", "pve_version")
    os.chmod(token, 0o600)
    t.ok(code != 0 and v["error"]["code"] == "token_unreadable", "a token others can read is refused",
         text)
    w.write_config(fingerprint=":".join(["00"] * 32))
    code, v, text = run("read", "pve_version")
    w.write_config()
    t.ok(code != 0 and v["error"]["code"] == "pve_tls", "another certificate is refused", text)


def test_ledger(t):
    code, report, text = w.verify()
    t.ok(code == 0 and report["ok"], "the ledger verifies offline", text)
    code, v, text = run("ledger", "verify")
    t.ok(code == 0 and v["ok"], "and through the client", text)
    copy = os.path.join(w.dir, "copy")
    shutil.copytree(w.ledger, copy)
    seg = os.path.join(copy, "entries", sorted(os.listdir(os.path.join(copy, "entries")))[0])
    with open(seg, "r+b") as f:
        f.seek(os.path.getsize(seg) // 2)
        byte = f.read(1)
        f.seek(-1, 1)
        f.write(bytes([byte[0] ^ 1]))
    code, report, text = w.verify(copy)
    t.ok(code == 7 and report and report["defects"] and "entry" in report["defects"][0],
         "one flipped byte is named by its entry", text)


def test_canary(t):
    found = subprocess.run(["grep", "-rlF", CANARY, w.state], capture_output=True, text=True,
                           check=False).stdout
    t.ok(found == "", "the token's secret is nowhere in ledger or state", found)
    t.ok(not any(CANARY in p for p in printed), "nor in anything that was printed")


try:
    sys.exit(Tap().run(test_reads, test_storage_delete, test_power, test_config_and_drift,
                       test_two_at_once, test_bad_input, test_credentials, test_ledger, test_canary))
finally:
    w.close()
