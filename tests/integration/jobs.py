# SPDX-License-Identifier: Apache-2.0
"""Work that outlasts its caller: handed back as a job, followed by its own process, found again by
another, stopped by a plan of its own."""

import os
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../testbed")]
from mcp_client import Mcp  # noqa: E402
from world import CLIENT, Tap, World  # noqa: E402

w = World("--task-ms", "6000", limits="job-after = 1")


w.operator()  # before the server starts: it reads its configuration once


def a_guest(status):
    _, v, _ = w.read("pve_list_guests", limit=1000)
    return next(g["vmid"] for g in v["items"]
                if g["status"] == status and not g.get("template"))


def server():
    return Mcp([CLIENT, "mcp"], env=w.env())


def start_job(m, action="start"):
    vmid = a_guest("stopped" if action == "start" else "running")
    plan = m.call("pve_guest_power", vmid=vmid, action=action)
    assert not plan.error, plan.text
    began = time.monotonic()
    got = m.call("proximo_apply_high", plan_id=plan.data["plan_id"])
    return got, time.monotonic() - began


def outcomes(op_id):
    code, v, text = w.run("ops")
    return [o["result"] for o in v["operations"] if o["op_id"] == op_id]


def test_handed_over(t):
    m = server()
    got, took = start_job(m)
    t.ok(not got.error and got.data["outcome"] == "running", "a long task becomes a job", got.text)
    t.ok(took < 5, "the answer does not wait for the task's end", took)
    op = got.data["op_id"]
    seen = m.call("proximo_job", op_id=op)
    t.ok(seen.data["state"] == "running" and seen.data["tasks"][0]["status"] == "running",
         "the job runs, and so does its task", seen.text)
    t.ok(not m.call("pve_list_guests").error, "the server answers other calls meanwhile")
    code, v, text = w.run("job", op)
    t.ok(code == 0 and v["state"] == "running", "another process sees the same", text)
    end = m.call("proximo_job", op_id=op, wait=30)
    t.ok(end.data["state"] == "ended" and end.data["outcome"] == "done", "it ends as done", end.text)
    t.ok(end.data["checkpoint"] > end.data["ledger_index"] and
         end.data["witness"]["verdict"] == "no witness: nobody was asked",
         "and says what the ledger and its witnesses hold of it", end.text)
    t.ok(end.data["tasks"][0]["exitstatus"] == "OK", "with its task's exit status")
    m.close()
    t.ok(outcomes(op) == ["done"], "its own process recorded the outcome")


def test_survives_the_server(t):
    m = server()
    got, _ = start_job(m)
    op = got.data["op_id"]
    m.proc.send_signal(signal.SIGKILL)
    m.close()
    code, v, text = w.run("job", op)
    t.ok(v["state"] == "running", "a job outlives the server that began it", text)
    code, v, text = w.run("job", op, "--wait", "30")
    t.ok(code == 0 and v["outcome"] == "done", "and is followed to its end", text)


def worker_of(op):
    """The process that holds the operation's lock."""
    for root, _, files in os.walk(w.state):
        if os.path.basename(root) == "running" and op in files:
            inode = os.stat(os.path.join(root, op)).st_ino
            for line in open("/proc/locks", encoding="utf-8"):
                words = line.split()
                if "FLOCK" in words and words[-3].endswith(f":{inode}"):
                    return int(words[-4])
    return None


def test_killed_follower(t):
    m = server()
    got, _ = start_job(m)
    op = got.data["op_id"]
    pid = worker_of(op)
    t.ok(pid and pid != m.proc.pid, "the follower holds the operation's lock", pid)
    os.kill(pid, signal.SIGKILL)
    code, v, text = w.run("job", op)
    t.ok(code == 0 and v["state"] == "unfollowed" and v["tasks"][0]["status"] == "running",
         "a killed follower: said to be unfollowed, its task is found in the ledger", text)
    code, v, text = w.run("job", op, "--wait", "30")
    t.ok(v["state"] == "ended" and v["outcome"] == "done",
         "its outcome is recorded from the cluster's tasks", text)
    t.ok(w.run("ledger", "verify")[0] == 0, "the ledger verifies")
    m.close()


def test_cancel(t):
    m = server()
    got, _ = start_job(m, "stop")
    op = got.data["op_id"]
    answer = m.call("proximo_job_cancel", op_id=op)
    if answer.data.get("status") == "awaiting_approval":
        t.ok(answer.data["plan"]["approval"]["required"] == "operator",
             "stopping what leaves a guest half made is an operator's", answer.text)
        code, seen = w.approve(answer.data["plan_id"])
        t.ok(code == 0, "the stop is approved", seen)
        answer = m.call("proximo_apply_high", plan_id=answer.data["plan_id"])
    t.ok(not answer.error and answer.data.get("outcome") == "done", "the task is stopped",
         answer.text)
    end = m.call("proximo_job", op_id=op, wait=30, log=5)
    t.ok(end.data["state"] == "ended" and end.data["outcome"] == "failed",
         "the operation has failed", end.text)
    t.ok(end.data["tasks"][0]["log"], "its task's log is shown", end.text)
    again = m.call("proximo_job_cancel", op_id=op)
    t.ok(again.error and again.code == "no_running_task", "what has ended cannot be stopped",
         again.text)
    m.close()


def test_bad(t):
    code, v, text = w.run("job", "O-" + "a" * 26)
    t.ok(code != 0 and v["error"]["code"] == "no_such_op", "an unknown operation", text)
    t.ok(w.run("job", "x")[0] == 2, "not an operation id")
    t.ok(w.run("job", "O-" + "a" * 26, "--wait", "99")[0] == 2, "too long a wait")
    t.ok(w.run("job")[0] == 2, "no operation named")


try:
    sys.exit(Tap().run(test_handed_over, test_survives_the_server, test_killed_follower, test_cancel,
                       test_bad))
finally:
    w.close()
