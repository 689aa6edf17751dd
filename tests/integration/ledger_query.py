#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Questions to the ledger: by kind, plan, operation, guest and time; by the command line, which is
the tool."""
import hashlib
import json
import os
import sys
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Tap, World  # noqa: E402


def query(w, **keys):
    code, v, text = w.run("ledger", "query", *[f"{k}={v}" for k, v in keys.items()])
    return code, v or {}, text


def kinds(v):
    return [e["kind"] for e in v.get("entries", [])]


def body(w, digest):
    """A body of the ledger, as it lies there."""
    name = digest.partition(":")[2]
    with open(os.path.join(w.ledger, "bodies", name[:2], name), "rb") as f:
        data = f.read()
    return zlib.decompress(data[data.index(b"\n") + 1:])


def policies(t, w, vmid):
    """Before the first plan under another policy there is an entry that says it, and no other."""
    def plan(**env):
        code, p, text = w.run("plan", "pve_guest_power", f"vmid:={vmid}", "action=stop", **env)
        if code != 0:
            raise RuntimeError(text)
        return p

    def recorded():
        return query(w, kind="policy")[1]["entries"]

    plan()
    t.ok(recorded() == [], "a policy that the genesis names is not recorded again", recorded())
    was = w.policy
    w.policy = was + "\nplan-minutes = 5"
    w.write_config()
    made = [plan(), plan()]
    seen = recorded()
    t.ok(len(seen) == 1 and seen[0]["index"] == made[0]["ledger_index"] - 1
         and {p["plan"]["policy"] for p in made} == {seen[0]["digest"]},
         "one plan under another policy, and the next: one entry, right before the first", seen)
    raw = body(w, seen[0]["digest"])
    t.ok("sha256:" + hashlib.sha256(raw).hexdigest() == seen[0]["digest"]
         and json.loads(raw)["ttl_s"] == 300, "its body is the policy", raw)
    other = plan(PROXIMO_ENABLE_EXEC="1")
    t.ok([e["index"] for e in recorded()] == [other["ledger_index"] - 1, seen[0]["index"]]
         and json.loads(body(w, other["plan"]["policy"]))["exec"],
         "the environment's opinion is part of it", recorded())
    w.policy = was
    w.operator()
    w.write_config()
    back = plan()
    alice = [line[6:] for line in w.operators.splitlines() if line.startswith("key = ")]
    t.ok(recorded()[0]["digest"] == back["plan"]["policy"] and len(recorded()) == 3
         and json.loads(body(w, back["plan"]["policy"]))["operators"] == alice,
         "so are the operators who may approve", recorded())
    code, v, text = w.verify()
    t.ok(code == 0 and v["policy"] == {"digest": back["plan"]["policy"], "recorded": 4,
                                       "entry": back["ledger_index"] - 1},
         "verify says which counts and since when", text)
    code, seen, _ = w.text("ledger", "query", "kind=policy")
    t.ok(code == 0 and "policy" in seen and back["plan"]["policy"] in seen, "in words, too", seen)


def main():
    w = World(policy="approve-medium = none")
    t = Tap()
    try:
        listed = w.read("pve_list_guests", limit=1000)[1]["items"]
        off = next(g["vmid"] for g in listed if g["status"] == "stopped" and g["kind"] == "lxc")
        on = next(g["vmid"] for g in listed if g["status"] == "running")
        code, plan, text = w.plan("pve_guest_power", vmid=off, action="start")
        t.ok(code == 0, "a plan for one guest", text)
        code, op, text = w.run("apply", plan["plan_id"])
        t.ok(code == 0, "is applied", text)
        w.plan("pve_guest_config_set", vmid=on, set={"description": "x"})

        code, v, text = query(w)
        t.ok(code == 0 and v["entries"][0]["index"] > v["entries"][-1]["index"] == 0,
             "without a key: all, the newest first", text)
        everything = v
        code, v, text = query(w, kind="plan")
        t.ok(code == 0 and kinds(v) == ["plan", "plan"] and all("summary" in e for e in v["entries"]),
             "by kind", text)
        code, v, text = query(w, vmid=off)
        t.ok({"plan", "intent", "outcome"} <= set(kinds(v))
             and all(e["plan_id"] == plan["plan_id"] for e in v["entries"]),
             "by guest: its plan and all that followed", text)
        code, by_op, text = query(w, op_id=op["op_id"])
        t.ok(kinds(by_op) == kinds(v), "by operation: the same", text)
        code, by_plan, text = query(w, plan_id=plan["plan_id"], kind="outcome")
        t.ok(kinds(by_plan) == ["outcome"] and by_plan["entries"][0]["result"] == "done",
             "by plan and kind", text)
        code, v, text = query(w, vmid=999999)
        t.ok(code == 0 and v["returned"] == 0, "nothing about a guest that nobody touched", text)
        newest = everything["entries"][0]["time"]
        code, v, text = query(w, since=newest + 1000)
        t.ok(code == 0 and v["returned"] == 0, "nothing after the newest", text)
        code, v, text = query(w, until=newest)
        t.ok(v["returned"] == everything["returned"], "all until then", text)
        seen, before = [], {}
        while True:
            code, v, text = query(w, limit=2, **before)
            seen += [e["index"] for e in v.get("entries", [])]
            if "next_before" not in v or len(seen) > 100:
                break
            before = {"before": v["next_before"]}
        t.ok(seen == [e["index"] for e in everything["entries"]], "page by page, all of them once", seen)
        policies(t, w, off)
        code, v, text = query(w, kind="nonsense")
        t.ok(code == 2 and v["error"]["code"] == "bad_argument", "an unknown kind is refused", text)
        code, v, text = query(w, op_id=op["op_id"], plan_id="P-" + "a" * 26)
        t.ok(code != 0 and "error" in v, "a plan that is not recorded is said", text)
    finally:
        w.close()
    return t.run()


if __name__ == "__main__":
    sys.exit(main())
