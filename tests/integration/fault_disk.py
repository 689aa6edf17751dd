# SPDX-License-Identifier: Apache-2.0
"""A full disk under the ledger. The promise: a change that could not be recorded to its end is not
begun (ledger_space), one that runs has its outcome recorded from the reserve, reads go on, and the
ledger verifies; with space again everything goes on."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Tap, skip_all  # noqa: E402
from fault_lib import FaultWorld, need_openssl  # noqa: E402

NAME = "PROXIMO_TEST_MOUNTS"  # set: this process has a mount name space of its own
if os.geteuid() == 0 and not os.environ.get(NAME):
    os.environ[NAME] = "yes" if subprocess.run(["unshare", "--mount", "true"], check=False,
                                               capture_output=True).returncode == 0 else "no"
    if os.environ[NAME] == "yes":
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable,
                              *sys.argv])
SMALL = os.environ.get(NAME) == "yes"

need_openssl(skip_all)
w = FaultWorld("--task-ms", "20")


def vmid():
    _, v, text = w.read("pve_list_guests", limit=1000)
    for g in v["items"]:
        if w.plan("pve_snapshot_create", vmid=g["vmid"], snapname="x1")[0] == 0:
            return g["vmid"]
    raise RuntimeError(text)


GUEST = vmid()


def snapshot(t, name):
    code, plan, text = w.plan("pve_snapshot_create", vmid=GUEST, snapname=name)
    if code != 0:
        t.ok(False, f"{name} is planned", text)
    return plan


def tag_of(v):
    """A refusal's code, or the outcome of what was begun."""
    v = v or {}
    return v["error"]["code"] if isinstance(v.get("error"), dict) else v.get("outcome")


def test_full_at_every_call(t):
    """From the nth call that needs space on there is none, and the reserve does not help either."""
    counter = os.path.join(w.dir, "count")
    seen, ended, at = set(), False, 0
    while not ended and at < 200:
        at += 1
        plan = snapshot(t, f"f{at}")
        sent = len(w.proxy.changes)
        intents = sum(k == "intent" for k, _ in w.entries())
        code, v, text = w.run("apply", plan["plan_id"],
                              **w.shim(FAULT_FULL_AT=at, FAULT_COUNT=counter))
        ended = int(open(counter, encoding="ascii").read()) < at
        sent = len(w.proxy.changes) - sent
        began = sum(k == "intent" for k, _ in w.entries()) - intents
        tag = tag_of(v)
        seen.add(tag)
        good = tag in ("ledger_space", "ledger_failed", "done") and (tag != "done" or code == 0)
        checked, report, said = w.verify()
        if not good or (sent and not began) or checked != 0 or not report["ok"]:
            t.ok(False, f"no space from call {at} on", f"{code} {text}\n{said}")
            return
    t.ok(ended and at > 5, f"no space from each of {at - 1} calls on: a code, a sound ledger, nothing "
         "sent without an intent", at)
    t.ok({"ledger_space", "done"} <= seen, "ledger_space is said; untouched it goes through", seen)


def fill(leave):
    """All but so many bytes of the state's file system."""
    path = os.path.join(w.state, "filler")
    st = os.statvfs(w.state)
    n = st.f_bavail * st.f_frsize - leave
    with open(path, "ab") as f:
        while n > 0:
            try:
                f.write(b"\0" * min(n, 65536))
                f.flush()
            except OSError:
                break
            n -= 65536


def free():
    try:
        os.unlink(os.path.join(w.state, "filler"))
    except FileNotFoundError:
        pass


def small_disk(t):
    if not SMALL:
        if os.environ.get("MUST_RUN") == "1":
            t.ok(False, "a small file system can be mounted (MUST_RUN)")
        else:
            t.ok(True, "a small disk # SKIP mounting one needs root")
        return False
    return True


def test_small_disk(t):
    if not small_disk(t):
        return
    w.state = w.mkdir("small")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m,mode=700", "tmpfs", w.state], check=True)
    fill(0)
    code, v, text = w.plan("pve_snapshot_create", vmid=GUEST, snapname="first")
    t.ok(code != 0 and tag_of(v) == "ledger_space", "no room even for a new ledger: ledger_space",
         text)
    free()
    plan = snapshot(t, "d0")
    t.ok(plan is not None, "with room the ledger is made")
    for i, leave in enumerate((0, 4096, 8192, 12288, 16384, 24576, 32768, 65536, 262144, 2097152)):
        plan = snapshot(t, f"d{i + 1}")
        fill(leave)
        sent = len(w.proxy.changes)
        code, v, text = w.run("apply", plan["plan_id"])
        sent = len(w.proxy.changes) - sent
        tag = tag_of(v)
        good = (code == 0 and tag == "done") or (tag == "ledger_space" and not sent)
        t.ok(good, f"{leave} bytes left: {tag}, {sent} requests sent", f"{code} {text}")
        code, v, text = w.read("pve_version")
        t.ok(code == 0 and "version" in v, f"{leave} bytes left: reads go on", text)
        code, v, text = w.plan("pve_snapshot_create", vmid=GUEST, snapname="another")
        t.ok(code == 0 or tag_of(v) == "ledger_space", f"{leave} bytes left: a plan, or ledger_space",
             text)
        w.sound(t, f"{leave} bytes left")
        free()
    plan = snapshot(t, "after")
    code, v, text = w.run("apply", plan["plan_id"])
    t.ok(code == 0 and v["outcome"] == "done", "with space again a change runs", text)


def test_full_while_it_runs(t):
    if not small_disk(t):
        return
    for where in ("before the answer", "before the outcome"):
        plan = snapshot(t, "r" + where[11:14])
        fault = w.proxy.add(*(("POST", r"/snapshot$") if "answer" in where
                              else ("GET", r"/tasks/[^/]*/status")), "pause", once_changed=
                            "outcome" in where)
        p = w.popen("--json", "apply", plan["plan_id"])
        fault.wait(p)
        fill(0)
        fault.release()
        code, v, text = w.finish(p)
        t.ok(code == 0 and v["outcome"] == "done" and not v.get("left_over"),
             f"the disk ran full {where}: the outcome is recorded all the same", text)
        w.sound(t, f"full {where}")
        free()
    v = w.ops()
    t.ok(v["operations"][0]["result"] == "done" and not v["unresolved"], "nothing is left open", v)


def test_afterwards(t):
    w.sound(t, "in the end")
    w.no_secret(t, "in the end")


try:
    sys.exit(Tap().run(test_full_at_every_call, test_small_disk, test_full_while_it_runs,
                       test_afterwards))
finally:
    if SMALL and w.state.endswith("/small"):
        subprocess.run(["umount", w.state], check=False)
    w.close()
