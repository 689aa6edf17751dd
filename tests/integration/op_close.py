# SPDX-License-Identifier: Apache-2.0
"""Closing an operation that nothing tells the end of. The promise: only an operator's key closes it,
after the live state was shown; who decided and why stays in the ledger; nobody else's word counts,
and a death in the middle leaves either an open operation or a whole decision."""

import base64
import hashlib
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Tap, skip_all  # noqa: E402
from fault_lib import FaultWorld, need_openssl  # noqa: E402

need_openssl(skip_all)
w = FaultWorld("--task-ms", "20")
w.operator()
PASS = ("passphrase of alice", "correct horse")
REASON = "the storage list says so"


def left_open(t, row, *fault, **args):
    """An operation without a task whose client was killed at that point: its op_id."""
    code, plan, text = w.plan(row, **args)
    t.ok(code == 0, f"{row} is planned", text)
    w.approve(plan["plan_id"])
    w.apply_killed(plan, *fault)
    return next(o["op_id"] for o in w.ops()["operations"] if o["plan_id"] == plan["plan_id"])


def close(op, *options, answers=(PASS,)):
    return w.on_tty(["op", "close", op, *options], answers)


def state(op):
    v = w.ops()
    o = next(o for o in v["operations"] if o["op_id"] == op)
    return o, op in [u["op_id"] for u in v["unresolved"]]


def closings():
    return [h for k, h in w.entries() if k == "closing"]


def intents():
    """op_id -> (leaf hash, plan digest) of every intent, read without the product: a process of ours
    would resolve what can be."""
    out = {}
    folder = os.path.join(w.ledger, "entries")
    for name in sorted(os.listdir(folder)):
        data = open(os.path.join(folder, name), "rb").read()
        while len(data) >= 4:
            n = int.from_bytes(data[:4], "big")
            entry, data = data[4:4 + n], data[4 + n:]
            if entry.startswith(b"proximo-entry/v1\nkind intent\n"):
                leaf = hashlib.sha256(b"\0" + entry).digest()
                op = "O-" + base64.b32encode(leaf).decode().lower()[:26]
                out[op] = ("sha256:" + leaf.hex(),
                           re.search(rb"^plan (.*)$", entry, re.M).group(1).decode())
    return out


def origin():
    with open(os.path.join(w.ledger, "origin"), encoding="utf-8") as f:
        return re.search(r"^origin (.*)$", f.read(), re.M).group(1)


def note_of(op, done=True, reason=REASON, signer="alice", **change):
    """A note of somebody's own making, signed with openssl."""
    leaf, plan = intents()[op]
    head = {"log": origin(), "intent": leaf, "plan": plan, "as": "done" if done else "not-done",
            "reason": reason, "time": "1764000000"}
    head.update(change)
    return w.note("proximo-closing/v1\n" + "".join(f"{k} {x}\n" for k, x in head.items()), signer)


def test_closed_as_done(t):
    op = left_open(t, "pve_storage_delete", "DELETE", r"/storage/", "after", storage="local-zfs")
    o, is_open = state(op)
    t.ok(is_open and o["result"] == "open", "an operation is left open", o)
    code, v, text = w.run("op", "close", op, "--as", "done", "--reason", REASON)
    t.ok(code != 0 and "no_terminal" in text, "without a terminal nobody signs", text)
    code, seen = close(op, "--as", "done", "--reason", REASON,
                       answers=[("go on all the same?", "y"), (PASS[0], "wrong horse")])
    t.ok(code != 0 and "wrong_passphrase" in seen, "a wrong passphrase does not", seen)
    t.ok("DELETE /storage/local-zfs" in seen and "NOT READ" in seen and
         "'local-zfs'" in seen.split("NOT READ", 1)[1].split("passphrase")[0],
         "the request and what the cluster says now are shown before", seen)
    code, seen = close(op, "--as", "done", "--reason", REASON, answers=[("go on", "n")])
    t.ok(code != 0 and "cancelled" in seen and "passphrase" not in seen,
         "what cannot be read is asked about", seen)
    t.ok(not closings() and state(op)[1], "nothing was recorded by any of them")
    code, seen = close(op, "--as", "done", "--reason", REASON, answers=[("go on", "y"), PASS])
    last = seen.split("passphrase", 1)[1]
    t.ok(code == 0 and f"by alice: {REASON}" in last and "delete storage local-zfs" in last,
         "with the operator's key it is closed", seen)
    number = [k for k, _ in w.entries()].index("closing")
    t.ok(f"ledger    #{number}" in last, "and its entry is named", last)
    o, is_open = state(op)
    t.ok(o["result"] == "done" and not is_open and o["closed"] == {"by": "alice", "reason": REASON},
         "done, with who decided and why", o)
    code, report, text = w.verify()
    t.ok(code == 0 and report["ok"] and report["closed"] == [op], "verify names it", text)
    code, seen = close(op, "--as", "not-done", "--reason", "x")
    t.ok(code != 0 and "outcome_recorded" in seen and len(closings()) == 1,
         "what has ended is not decided again", seen)
    code, v, text = w.run("undo", op)
    if code == 4 or (v and v.get("status") == "awaiting_approval"):
        w.approve(v["plan_id"])
        code, v, text = w.run("apply", v["plan_id"])
    t.ok(code == 0 and w.read("pve_storage_config_get", storage="local-zfs")[0] == 0,
         "and can be taken back", text)


def test_closed_as_not_done(t):
    op = left_open(t, "pve_storage_delete", "DELETE", r"/storage/", "before", storage="nfs-vm")
    code, seen = close(op, "--as", "not-done", "--reason", "it is\nstill there")
    t.ok(code == 0 and "as before" in seen and "NOT READ" not in seen,
         "all of it can be read, and is as before", seen)
    t.ok(state(op)[0]["result"] == "failed", "it has failed", state(op))
    t.ok(w.read("pve_storage_config_get", storage="nfs-vm")[0] == 0, "nothing was sent")


def test_not_by_others(t):
    op = left_open(t, "pve_storage_delete", "DELETE", r"/storage/", "before", storage="nfs-vm")
    known = w.operators
    w.operator("mallory")
    mallory = note_of(op, signer="mallory")
    w.operators = known
    w.write_config()
    for what, note in (("a key that is not an operator's", mallory),
                       ("another operation", note_of(op, intent="sha256:" + "0" * 64)),
                       ("another plan", note_of(op, plan="sha256:" + "0" * 64)),
                       ("another log", note_of(op, log="proximo/demo/0123456789abcdef")),
                       ("no verdict", note_of(op, **{"as": "maybe"})),
                       ("an approval's text", w.note("proximo-approval/v1\n"))):
        code, v, text = w.run("op", "close", op, "--note", note)
        t.ok(code == 3 and v["error"]["code"] == "approval_invalid", f"{what}: refused", text)
    text = open(note_of(op), encoding="utf-8").read()
    forged = os.path.join(w.dir, "forged")
    with open(forged, "w", encoding="utf-8") as f:
        f.write(text.replace("as done", "as not-done"))
    code, v, said = w.run("op", "close", op, "--note", forged)
    t.ok(code == 3 and v["error"]["code"] == "approval_invalid", "changed after signing: refused", said)
    t.ok(state(op)[1], "it is open as before")
    code, v, said = w.run("op", "close", op, "--note", note_of(op, done=False))
    t.ok(code == 0 and v["outcome"] == "failed" and v["closed_by"] == "alice",
         "an operator's note that was made elsewhere is good", said)


def test_usage(t):
    op = "O-" + "a" * 26
    for args in (["close", op], ["close", op, "--as", "done"], ["close", op, "--reason", "x"],
                 ["close", op, "--as", "maybe", "--reason", "x"], ["open", op],
                 ["close", op, "--note", "f", "--as", "done"]):
        t.ok(w.run("op", *args)[0] == 2, " ".join(args))
    code, seen = close(op, "--as", "done", "--reason", "x", answers=[])
    t.ok(code != 0 and "no_such_op" in seen, "an operation that is not there", seen)
    op = left_open(t, "pve_storage_delete", "DELETE", r"/storage/", "before", storage="nfs-vm")
    for reason in ("", "x" * 401):
        code, seen = close(op, "--as", "done", "--reason", reason, answers=[])
        t.ok(code == 2 and "bad_argument" in seen, f"a reason of {len(reason)} bytes", seen)
    return op


def test_resolved_meanwhile(t):
    """What the cluster tells by now needs nobody's word."""
    _, v, _ = w.read("pve_list_guests", limit=1000)
    guest = next(g for g in v["items"] if g["vmid"] == 101)
    code, plan, text = w.plan("pve_snapshot_create", vmid=guest["vmid"], snapname="meanwhile")
    t.ok(code == 0, "a snapshot is planned", text)
    w.apply_killed(plan, "GET", r"/tasks/[^/]*/status", "before", once_changed=True)
    op = list(intents())[-1]
    counterfeit = os.path.join(w.dir, "empty")
    open(counterfeit, "w", encoding="utf-8").close()
    code, v, text = w.run("op", "close", op, "--note", counterfeit)
    t.ok(code != 0 and v["error"]["code"] == "outcome_recorded", "it has come out as done", text)
    t.ok(state(op)[0]["result"] == "done", "from the task log")


def test_killed(t):
    """Killed instead of each call that changes a file: open or whole, never half."""
    counter = os.path.join(w.dir, "count")
    halves = 0
    at, ended = 0, False
    op = left_open(t, "pve_storage_delete", "DELETE", r"/storage/", "before", storage="nfs-vm")
    while not ended and at < 60:
        at += 1
        before = len(closings())
        note = note_of(op, done=False)
        p = w.popen("--json", "op", "close", op, "--note", note,
                    **w.shim(FAULT_KILL_AT=at, FAULT_COUNT=counter))
        code, v, text = w.finish(p)
        ended = code != -9
        decided = len(closings()) > before
        outcomes = [h for k, h in w.entries() if k == "outcome" and h["intent"][0] == intents()[op][0]]
        halves += decided and not outcomes
        o, is_open = state(op)  # the next process
        verified, report, said = w.verify()
        if is_open == decided or (decided and o["result"] != "failed") or verified or \
                (decided and op not in report["closed"]):
            t.ok(False, f"killed at call {at}", f"{o} {text} {said}")
            return
        if decided and not ended:
            op = left_open(t, "pve_storage_delete", "DELETE", r"/storage/", "before",
                           storage="nfs-vm")
    t.ok(ended and at > 5, f"killed at each of {at - 1} calls: open, or decided and resolved")
    t.ok(halves > 0, "a death between decision and outcome was among them", halves)


def test_afterwards(t):
    w.sound(t, "in the end")
    w.no_unrecorded(t, "in the end")
    w.no_secret(t, "in the end")


try:
    sys.exit(Tap().run(test_closed_as_done, test_closed_as_not_done, test_not_by_others, test_usage,
                       test_resolved_meanwhile, test_killed, test_afterwards))
finally:
    w.close()
