# SPDX-License-Identifier: Apache-2.0
"""Plans and approvals that must not count: twice at the same moment, out of time, against another
world, edited, approved for something else. The promise: each is refused with its own code, nothing
is sent, and the ledger verifies."""

import functools
import json
import os
import sys
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Tap, skip_all  # noqa: E402
from fault_lib import FaultWorld, need_openssl  # noqa: E402

need_openssl(skip_all)
w = FaultWorld("--task-ms", "20")
w.operator()
HOUR = 3600


def planned(t, row, **args):
    code, plan, text = w.plan(row, **args)
    t.ok(code == 0, f"{row} is planned", text)
    return plan


def refused(t, plan, tag, what, status=None, **env):
    """An apply that is refused with that code and sends nothing."""
    sent = len(w.proxy.changes)
    code, v, text = w.run("apply", plan["plan_id"], **env)
    good = code != 0 and v and v["error"]["code"] == tag and (status is None or code == status)
    t.ok(good, f"{what}: {tag}", f"{code} {text}")
    t.ok(len(w.proxy.changes) == sent, f"{what}: nothing was sent")
    return v


def snapshot_guest():
    _, v, text = w.read("pve_list_guests", limit=1000)
    for g in v["items"]:
        if "local-zfs" not in str(w.read("pve_guest_config_get", vmid=g["vmid"])) and \
                w.plan("pve_snapshot_create", vmid=g["vmid"], snapname="x1")[0] == 0:
            return g
    raise RuntimeError(text)


GUEST = snapshot_guest()


def snapshot(t, name):
    return planned(t, "pve_snapshot_create", vmid=GUEST["vmid"], snapname=name)


def approved(t, what):
    """An approved plan that can always be made: the restriction of a storage to its nodes."""
    plan = planned(t, "pve_storage_delete", storage="local-zfs")
    code, seen = w.approve(plan["plan_id"])
    t.ok(code == 0, f"{what}: it is approved", seen)
    return plan


def test_the_same_moment(t):
    """Both have passed the approval; the one that was held up comes too late."""
    plan = snapshot(t, "race1")
    fault = w.proxy.add("GET", r"/snapshot$", "late")
    first = w.popen("--json", "apply", plan["plan_id"])
    fault.wait(first)
    code, v, text = w.run("apply", plan["plan_id"])
    t.ok(code == 0 and v["outcome"] == "done", "the second process carries it out", text)
    fault.release()
    code, v, text = w.finish(first)
    t.ok(code == 5 and v["error"]["code"] == "plan_spent", "the first is told: plan_spent", text)
    plan = snapshot(t, "race2")
    many = [w.popen("--json", "apply", plan["plan_id"]) for _ in range(4)]
    ends = [w.finish(p) for p in many]
    codes = sorted(e[0] for e in ends)
    tags = {e[1]["error"]["code"] for e in ends if e[0]}
    t.ok(codes == [0, 5, 5, 5] and tags == {"plan_spent"}, "of four at once one carries it out", ends)


def test_busy(t):
    import fcntl
    plan = snapshot(t, "busy1")
    with open(os.path.join(w.ledger, "lock"), "r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        v = refused(t, plan, "ledger_busy", "while another process holds the ledger")
        t.ok("process" in v["error"]["message"], "the holder is named", v)
    code, text = w.carried_out(plan)
    t.ok(code == 0, "afterwards the same plan runs", text)


def test_out_of_time(t):
    plan = snapshot(t, "late1")
    refused(t, plan, "plan_expired", "20 minutes later", 5, **w.shim(FAULT_CLOCK=20 * 60))
    plan = approved(t, "an operator's plan")
    refused(t, plan, "plan_expired", "25 hours later", 5, **w.shim(FAULT_CLOCK=25 * HOUR))


def test_clock_set_back(t):
    plan = snapshot(t, "back1")
    v = refused(t, plan, "clock_suspect", "an hour before the plan was made",
                **w.shim(FAULT_CLOCK=-HOUR))
    t.ok("clock" in v["error"]["hint"], "and the hint says what to do", v)
    code, text = w.carried_out(plan)
    t.ok(code == 0, "with the right time it runs", text)
    # A plan that had expired does not come to life again when the clock is set back.
    plan = snapshot(t, "back2")
    code, v, text = w.run("read", "pve_version", **w.shim(FAULT_CLOCK=HOUR))
    t.ok(code == 0, "an hour later something is read, which the ledger records", text)
    refused(t, plan, "clock_suspect", "set back to before the expiry")
    plan = snapshot(t, "back3")
    code, text = w.carried_out(plan)
    t.ok(code == 0, "a plan made with the present time runs: a wrong clock does not bar for ever",
         text)
    plan = approved(t, "clock back")
    refused(t, plan, "clock_suspect", "an approved plan, the day before",
            **w.shim(FAULT_CLOCK=-24 * HOUR))


def test_other_world(t):
    stopped = [g["vmid"] for g in w.read("pve_list_guests", limit=1000)[1]["items"]
               if g["status"] == "stopped" and g["kind"] == "lxc" and not g.get("template")][0]
    plan = planned(t, "pve_guest_config_set", vmid=stopped, set={"memory": 640})
    node = plan["plan"]["target"]["node"]
    w.sim_call("PUT", f"/nodes/{node}/lxc/{stopped}/config", memory=1234)
    sent = len(w.proxy.changes)
    code, text = w.carried_out(plan)
    t.ok(code == 5 and "plan_drifted" in text, "the guest was changed by somebody else: plan_drifted",
         text)
    t.ok(len(w.proxy.changes) == sent, "and nothing was sent")
    w.sim_call("POST", "/storage", storage="passing", type="dir", path="/srv/passing", content="iso")
    plan = planned(t, "pve_storage_update", storage="passing", set={"disable": True})
    w.sim_call("DELETE", "/storage/passing")
    sent = len(w.proxy.changes)
    code, text = w.carried_out(plan)
    t.ok(code == 5 and "plan_drifted" in text, "what the plan is about is gone: plan_drifted", text)
    t.ok(len(w.proxy.changes) == sent, "and nothing was sent")
    vmid = GUEST["vmid"]
    code, text = w.carried_out(snapshot(t, "base"))
    t.ok(code == 0, "a snapshot to roll back to", text)
    plan = planned(t, "pve_rollback", vmid=vmid, snapname="base")
    w.approve(plan["plan_id"])
    fault = w.proxy.add("POST", r"/snapshot$", "pause")
    p = w.popen("--json", "apply", plan["plan_id"])
    fault.wait(p)
    node = plan["plan"]["target"]["node"]
    kind = "qemu" if GUEST["kind"] == "qemu" else "lxc"
    w.sim_call("PUT", f"/nodes/{node}/{kind}/{vmid}/config", description="somebody+was+here")
    fault.release()
    code, v, text = w.finish(p)
    t.ok(v and v.get("outcome") == "not-started" and v["code"] == "plan_drifted",
         "changed while the way back was made: stopped before the change", text)
    t.ok(not any(c[1].endswith("/rollback") for c in w.proxy.changes), "no rollback was sent")
    t.ok(v.get("left_over") or v.get("tasks"), "what the preparation left is named", text)


def test_edited(t):
    plan = snapshot(t, "edited1")
    digest = w.digest(plan).removeprefix("sha256:")
    path = os.path.join(w.ledger, "bodies", digest[:2], digest)
    raw = open(path, "rb").read()
    head = raw[:raw.index(b"\n") + 1]
    text = zlib.decompress(raw[len(head):]).replace(b"edited1", b"edited2")
    with open(path, "wb") as f:
        f.write(head + zlib.compress(text))
    refused(t, plan, "ledger_damaged", "the plan's body was edited", 7)
    code, report, said = w.verify()
    t.ok(code == 7 and not report["ok"], "verify finds it too", said)
    with open(path, "wb") as f:
        f.write(raw)
    body = json.loads(zlib.decompress(raw[len(head):]))
    t.ok(body["requests"][0]["form"]["snapname"] == "edited1", "(the body was the plan's)")
    code, said = w.carried_out(plan)
    t.ok(code == 0, "put back as it was it runs", said)


def exported(t, plan):
    """The note that approves a plan, in a file and not in the ledger."""
    out = os.path.join(w.dir, "note-out")
    code, seen = w.on_tty(["approve", plan["plan_id"], "--operator", "alice", "--out", out],
                          [("passphrase of alice", "correct horse")])
    t.ok(code == 0, "a note is made for another machine's ledger", seen)
    return out


def imports(t, plan, note, tag, what):
    code, v, text = w.run("approve", plan["plan_id"], "--note", note)
    t.ok(code != 0 and v and v["error"]["code"] == tag, f"{what}: {tag}", f"{code} {text}")
    refused(t, plan, "approval_needed", f"{what}, so the plan is as it was", 4)


def test_approvals(t):
    one = planned(t, "pve_storage_delete", storage="local-zfs")
    two = planned(t, "pve_storage_delete", storage="local-zfs")
    t.ok(one["plan_id"] != two["plan_id"], "the same change planned twice is two plans")
    note = exported(t, one)
    imports(t, two, note, "approval_invalid", "an approval for another plan")
    text = open(note, encoding="utf-8").read().split("\n\n")[0] + "\n"
    moved = text.replace(w.digest(one), w.digest(two))
    with open(note, encoding="utf-8") as f:
        signature = f.read().split("\n\n")[1]
    forged = os.path.join(w.dir, "forged")
    with open(forged, "w", encoding="utf-8") as f:
        f.write(moved + "\n" + signature)
    imports(t, two, forged, "approval_invalid", "its text changed to this plan")
    other = "\n".join("log proximo/demo/0123456789abcdef" if x.startswith("log ") else x
                      for x in text.split("\n"))
    imports(t, one, w.note(other), "approval_invalid", "signed for another ledger")
    keep = w.operators
    code, seen = w.on_tty(["operator", "new", "mallory"], [("new passphrase", "correct horse"),
                                                          ("once more", "correct horse")])
    w.operator_keys["mallory"] = [x for x in seen.splitlines()
                                  if x.startswith("key = ")][0].strip()[len("key = "):]
    t.ok(code == 0 and w.operators == keep, "a key that the configuration does not name", seen)
    imports(t, one, w.note(text, "mallory"), "approval_invalid", "signed by nobody we know")
    past = "\n".join(f"not-after {int(one['plan']['made']) - 10}" if x.startswith("not-after")
                     else x for x in text.split("\n"))
    code, v, said = w.run("approve", one["plan_id"], "--note", w.note(past))
    refused(t, one, "approval_expired" if code == 0 else "approval_needed",
            "an approval whose time is over", 4)
    code, v, said = w.run("approve", one["plan_id"], "--note", note)
    t.ok(code == 0, "the right note is taken", said)
    w.operators = ""
    w.write_config()
    refused(t, one, "approval_invalid", "its operator was struck from the configuration")
    w.operators = keep
    w.write_config()
    code, text = w.carried_out({**one, "plan": {"approval": {"required": "none"}}})
    t.ok(code == 0, "with its operator it runs, once", text)
    refused(t, one, "plan_spent", "the approval used again", 5)
    code, v, said = w.run("approve", one["plan_id"], "--note", note)
    refused(t, one, "plan_spent", "the approval recorded again and used again", 5)
    refused(t, two, "approval_needed", "the same change planned again is not approved by it", 4)


def test_afterwards(t):
    w.sound(t, "in the end")
    w.no_unrecorded(t, "in the end")
    w.no_secret(t, "in the end")


def with_secret(t, what):
    """A plan that holds a secret of its own; nothing of it has been used."""
    secret = w.plant("secret " + what.replace(" ", "-"))
    plan = planned(t, "pve_guest_config_set", vmid=214, cipassword=secret)
    t.ok(plan["plan_id"] in w.secrets(), f"{what}: the value waits in a file of its plan")
    return plan


def is_anywhere(what):
    """Whether that canary is in any file of the client's."""
    value = w.canaries["secret " + what.replace(" ", "-")].encode()
    return any(value in open(os.path.join(folder, name), "rb").read()
               for folder, _, files in os.walk(w.state) for name in files)


def test_secrets_of_dead_plans(t):
    """A value that no plan can use any more does not stay on the disk."""
    later = w.shim(FAULT_CLOCK=26 * HOUR)
    plan = with_secret(t, "expired")
    w.run("doctor")
    t.ok(plan["plan_id"] in w.secrets(), "doctor leaves the value of a plan that can be applied")
    code, v, text = w.run("doctor", **later)
    said = [c["text"] for c in v["clusters"][0]["checks"] if c["check"] == "secrets"]
    t.ok(plan["plan_id"] not in w.secrets() and said and said[0].startswith("1 "),
         "expired: doctor removes it and says so", text)
    t.ok(not is_anywhere("expired"), "and it is in no other file")
    other = with_secret(t, "forgotten")
    fresh = planned(t, "pve_guest_config_set", vmid=214, set={"ciuser": "x"})
    t.ok(other["plan_id"] in w.secrets(), "the next plan leaves what can still be applied")
    code, v, text = w.run("plan", "pve_guest_config_set", "vmid=214", 'set:={"ciuser":"y"}', **later)
    t.ok(other["plan_id"] not in w.secrets() and not is_anywhere("forgotten"),
         "expired: the next plan removes it", text)
    other = with_secret(t, "left")
    refused(t, fresh, "plan_expired", "the other plan", 5, **later)
    t.ok(other["plan_id"] not in w.secrets(), "expired: the next apply removes it")


def test_secret_without_a_plan(t):
    """A process that dies between writing the value and recording its plan."""
    path = os.path.join(w.ledger, "secrets", "P-" + "a" * 26)
    for age, stays in ((60, True), (2 * HOUR, False)):
        with open(path, "w", encoding="utf-8") as f:
            f.write("{}")
        os.chmod(path, 0o600)
        now = os.stat(path).st_mtime
        os.utime(path, (now - age, now - age))
        w.run("doctor")
        t.ok(os.path.exists(path) == stays, f"after {age} s it {'stays' if stays else 'is gone'}")


def stopped_at_the_put(t, what):
    """A process that carries such a plan out and has come to its request: (plan, how to end it)."""
    plan = with_secret(t, what)
    need = plan["plan"]["approval"]["required"]
    fault = w.proxy.add("PUT", r"/config", "late")
    if need == "host":
        pid, fd = w.start_on_tty(["apply", plan["plan_id"]], "[y/N]", "y")
        fault.wait()
        kill = functools.partial(w.kill_on_tty, pid, fd)
        finish = functools.partial(w.finish_on_tty, pid, fd)
    else:
        w.approve(plan["plan_id"])
        p = w.popen("--json", "apply", plan["plan_id"])
        fault.wait(p)
        kill, finish = functools.partial(w.kill, p), functools.partial(w.finish, p)
    return plan, fault, kill, finish


def test_secret_in_use(t):
    """The value of a plan that a live process carries out stays until its outcome, however late."""
    later = w.shim(FAULT_CLOCK=26 * HOUR)
    plan, fault, _, finish = stopped_at_the_put(t, "in use")
    w.run("doctor", **later)
    t.ok(plan["plan_id"] in w.secrets(), "while it is being carried out it stays")
    fault.release()
    finish()
    t.ok(plan["plan_id"] not in w.secrets() and not is_anywhere("in use"), "used: it is gone")
    plan, fault, kill, _ = stopped_at_the_put(t, "killed")
    kill()
    fault.release()
    t.ok(plan["plan_id"] in w.secrets(), "a killed process leaves it behind")
    w.run("doctor")
    t.ok(plan["plan_id"] not in w.secrets() and not is_anywhere("killed"),
         "its plan is spent: doctor removes it")
    w.proxy.clear()


try:
    sys.exit(Tap().run(test_the_same_moment, test_busy, test_out_of_time, test_clock_set_back,
                       test_other_world, test_edited, test_approvals,
                       test_secrets_of_dead_plans, test_secret_without_a_plan, test_secret_in_use,
                       test_afterwards))
finally:
    w.close()
