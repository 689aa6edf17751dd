#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every change is shown to the witnesses, and its answer says who has cosigned it: external witnesses
over HTTPS (a small one in another language), none, one that is away, one that lies, and a real node
where root is at hand."""
import fcntl
import os
import shutil
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from agent_node import Node, possible  # noqa: E402
from witness_server import Witness  # noqa: E402
from world import VERIFY, World, Tap, last_json  # noqa: E402

POLICY = "[node]\nclock = any\n"
VMID = 210  # of the simulated cluster, stopped
NOBODY = {"k": 0, "n": 0, "verdict": "no witness: nobody was asked", "missing": []}


def vkey(w):
    with open(os.path.join(w.ledger, "origin"), encoding="utf-8") as f:
        return [line.split(" ")[1].strip() for line in f if line.startswith("vkey ")][0]


def audit(w, *witnesses):
    keys = [part for x in witnesses for part in ("--witness", x.key)]
    p = subprocess.run([VERIFY, "--json", *keys, w.ledger], capture_output=True, text=True,
                       check=False)
    return last_json(p.stdout)


def configure(w, *witnesses, **override):
    w.operators = "".join(x.section(**override) for x in witnesses)
    w.write_config()


def verdict(v):
    return v["witness"]["verdict"], [m["witness"] for m in v["witness"]["missing"]]


def start_a_guest(w):
    """A change that needs nobody's yes, done and taken back: (plan, apply, undo) answers."""
    code, plan, text = w.plan("pve_guest_power", vmid=VMID, action="start")
    if code != 0:
        raise RuntimeError(text)
    code, done, text = w.carry_out(plan)
    if code != 0:
        raise RuntimeError(text)
    code, seen = w.on_tty(["--json", "undo", done["op_id"]], [("[y/N]", "y")], timeout=60)
    back = last_json(seen)
    return plan, done, back


def stop_first(w):
    for g in w.sim.call("GET", "/cluster/resources", type="vm"):
        if g["vmid"] == VMID and g["status"] == "running":
            w.sim.call("POST", f"/nodes/{g['node']}/qemu/{VMID}/status/stop")


def test_none(t, w):
    stop_first(w)
    plan, done, back = start_a_guest(w)
    for name, v in (("plan", plan), ("apply", done), ("undo", back)):
        t.ok(v["witness"] == NOBODY and v["checkpoint"] > v["ledger_index"],
             f"{name}: without a witness nobody is asked, and that is said", v)
    t.ok(plan["checkpoint"] < done["checkpoint"] < back["checkpoint"] == w.verify()[1]["entries"],
         "each answer names the size that it left", back)


def test_external(t, w, a, b):
    configure(w, a, b)
    stop_first(w)
    plan = w.plan("pve_guest_power", vmid=VMID, action="start")[1]
    t.ok(verdict(plan) == ("witnessed 0/2", ["a", "b"])
         and "does not know this ledger" in plan["witness"]["missing"][0]["why"],
         "a witness that does not know the log is named, with what to do", plan["witness"])
    a.log = b.log = vkey(w)
    plan, done, back = start_a_guest(w)
    for name, v in (("plan", plan), ("apply", done), ("undo", back)):
        t.ok(verdict(v) == ("witnessed 2/2", []), f"{name}: both have cosigned it", v["witness"])
    t.ok(a.size == back["checkpoint"] and a.refused + b.refused == 4,  # before it was signed, and after
        
         "up to the outcome itself", f"{a.size} {back}")
    v = audit(w, a, b)
    t.ok(v["ok"] and v["witness"]["verdict"] == "proved" and v["witness"]["since"] == 0,
         "proximo-verify sees it without network", v)
    code, v, text = w.run("ledger", "verify")
    t.ok(code == 0 and v["witness"]["verdict"] == "proved" and v["witness"]["missing"] == [],
         "so does ledger verify", text)


def test_at_once(t, w, a, b):
    """Each answers only when the other was asked, too; and nobody holds the ledger meanwhile."""
    gate = threading.Barrier(2, timeout=20)
    free = []

    def hook(_):
        with open(os.path.join(w.ledger, "lock"), "rb") as f:
            try:
                fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
                free.append(True)
            except OSError:
                free.append(False)
        try:
            gate.wait(2)
        except threading.BrokenBarrierError:
            pass

    code, _, text = w.run("ledger", "verify")  # now the next request is no conflict
    a.hook = b.hook = hook
    stop_first(w)
    code, plan, text = w.plan("pve_guest_power", vmid=VMID, action="start")
    a.hook = b.hook = None
    t.ok(code == 0 and not gate.broken and verdict(plan)[0] == "witnessed 2/2",
         "both are asked at once", text)
    t.ok(free and all(free), "while they are asked nobody holds the ledger's lock", str(free))


def test_away(t, w, a, b):
    b.stop()
    stop_first(w)
    plan, done, _ = start_a_guest(w)
    t.ok(verdict(done) == ("witnessed 1/2", ["b"]) and done["outcome"] == "done",
         "a change is done whoever is away, and who was away is named", done["witness"])
    v = audit(w, a, b)
    t.ok(v["ok"] and v["witness"]["verdict"].startswith("proved up to size ")
         and v["witness"]["since"] > 0 and v["witness"]["k"] == 2,
         "what both had seen before is not forgotten", v["witness"])
    code, v, text = w.run("ledger", "verify")
    t.ok(code == 0 and verdict(v)[1] == ["b"] and "https" not in v["witness"]["verdict"]
         and f"127.0.0.1:{b.port}" in v["witness"]["missing"][0]["why"],
         "ledger verify says who could not be asked, and why", text)
    code, seen, _ = w.text("apply", w.plan("pve_guest_power", vmid=VMID, action="start")[1]["plan_id"])
    t.ok("witnessed 1/2" in seen and "missing" in seen, "a person reads the same", seen)
    b.start(b.port)


def test_liars(t, w, a, b):
    good = b.cosign
    b.cosign = lambda text: good("x" + text)
    plan = w.plan("pve_storage_delete", storage="local-zfs")[1]
    t.ok(verdict(plan) == ("witnessed 1/2", ["b"]) and "did not make"
         in plan["witness"]["missing"][0]["why"], "a wrong cosignature is none", plan["witness"])
    b.cosign = good
    b.size += 1000
    head = checkpoint(w)
    code, plan, text = w.plan("pve_storage_delete", storage="local-zfs")
    t.ok(code == 7 and plan["error"]["code"] == "ledger_behind" and checkpoint(w) == head
         and "witness b has witnessed" in text and "proximo.ini" in plan["error"]["hint"],
         "while one says to have seen more nothing is signed, and the owner is told", text)
    b.size -= 1000
    configure(w, a, b, ca=None)
    plan = w.plan("pve_storage_delete", storage="local-zfs")[1]
    t.ok(verdict(plan) == ("witnessed 0/2", ["a", "b"]), "a certificate that nobody vouches for",
         plan["witness"])
    for wrong, why in ((dict(url="http://127.0.0.1/"), "https"), (dict(url=None), "url"),
                       (dict(key=vkey(w)), "cosignature key")):
        configure(w, a, **wrong)
        code, v, text = w.run("ledger", "verify")
        t.ok(code != 0 and v["error"]["code"] == "bad_config" and why in text,
             f"a witness that could never count is refused ({why})", text)


def checkpoint(w):
    with open(os.path.join(w.ledger, "checkpoint"), encoding="utf-8") as f:
        return f.read().split("\n")[1]


def put_back(w, copy):
    shutil.rmtree(w.ledger)
    shutil.copytree(copy, w.ledger, symlinks=True)


def test_rolled_back(t, w, a, b):
    """A ledger that was put back from an older copy signs nothing while a witness can be asked."""
    stop_first(w)
    configure(w, a, b)
    w.operator()
    both = w.operators
    old, new = os.path.join(w.dir, "old"), os.path.join(w.dir, "new")
    plan = w.plan("pve_storage_delete", storage="local-zfs")[1]["plan_id"]
    easy = w.plan("pve_guest_config_set", vmid=VMID, set={"cores": 3})[1]
    shutil.copytree(w.ledger, old)
    w.approve(plan)
    shutil.copytree(w.ledger, new)
    put_back(w, old)
    head = checkpoint(w)
    for name, (code, seen) in (
            ("plan", w.run("plan", "pve_guest_power", f"vmid:={VMID}", "action=start")[::2]),
            ("apply", w.run("apply", easy["plan_id"])[::2]),
            ("approve", w.approve(plan))):
        t.ok(code == 7 and "ledger_behind" in seen and "has witnessed" in seen
             and checkpoint(w) == head, f"{name} of a ledger put back is refused, unsigned", seen)
    t.ok(w.read("pve_version")[0] == 0, "reads go on")
    a.stop()
    code, v, text = w.plan("pve_guest_power", vmid=VMID, action="start")
    t.ok(code == 7 and checkpoint(w) == head, "one witness that can be asked is enough", text)
    b.stop()
    code, v, text = w.plan("pve_guest_power", vmid=VMID, action="start")
    t.ok(code == 0 and v["witness"]["unmet"] == ["a", "b"] and verdict(v)[0] == "witnessed 0/2",
         "with none the answer says that it is not known", text)
    code, seen, _ = w.text("plan", "pve_guest_power", f"vmid:={VMID}", "action=start")
    t.ok(code == 0 and seen.count("whether it has seen more of this ledger is not known") == 2,
         "in words, too", seen)
    a.start(a.port)
    b.start(b.port)
    put_back(w, old)
    a.says_409 = b.says_409 = True
    sizes = set()
    while int(checkpoint(w)) <= a.size + 1:  # smaller, as large, larger: another history each time
        sizes.add((int(checkpoint(w)) > a.size) - (int(checkpoint(w)) < a.size))
        at = checkpoint(w)
        code, v, text = w.plan("pve_guest_power", vmid=VMID, action="start")
        t.ok(code == 7 and v["error"]["code"] == "ledger_behind" and checkpoint(w) == at,
             f"a second history of size {at} is not led on ({a.size} was witnessed)", text)
        w.operators = both.removeprefix(a.section() + b.section())
        w.write_config()
        w.plan("pve_guest_config_set", vmid=VMID, set={"cores": 3})
        w.operators = both
        w.write_config()
    t.ok(sizes == {-1, 0, 1}, "smaller, as large and larger were among them", sizes)
    put_back(w, new)
    plan = w.plan("pve_guest_power", vmid=VMID, action="start")[1]
    t.ok(verdict(plan) == ("witnessed 2/2", []) and "unmet" not in plan["witness"],
         "the ledger that they saw goes on", plan)


def test_approval(t, w, a, b):
    plan = w.plan("pve_storage_delete", storage="local-zfs")[1]
    code, seen = w.approve(plan["plan_id"])
    t.ok(code == 0 and "approved: " in seen and ", witnessed 2/2" in seen,
         "an approval is witnessed, too", seen)


def test_node(t):
    with Node(POLICY) as node:
        w = World()
        try:
            node.ctl("arm")
            made = node.ctl("invite", "laptop", "--address", f"127.0.0.1:{node.port}", "--rights",
                            "witness")
            node.wait_open()
            w.run("join", made.stdout.strip(), "--name", "laptop")
            w.on_tty(["node", "trust", "pve1"], [("[y/N]", "y")])
            stop_first(w)
            plan, done, back = start_a_guest(w)
            for name, v in (("plan", plan), ("apply", done), ("undo", back)):
                t.ok(verdict(v) == ("witnessed 1/1", []), f"{name}: the node has cosigned it", v)
            code, v, text = w.run("ledger", "verify")
            t.ok(code == 0 and v["witness"]["verdict"] == "witnessed (single)"
                 and v["witness"]["missing"] == [], "and verify has nothing to add", text)
            node.stop_front()
            stop_first(w)
            plan, done, back = start_a_guest(w)
            t.ok(verdict(done) == ("witnessed 0/1", ["pve1"]) and done["outcome"] == "done"
                 and back["outcome"] == "done", "a node that is down stops nothing and is named",
                 done["witness"])
            code, v, text = w.run("ledger", "verify")
            t.ok(code == 0 and verdict(v)[1] == ["pve1"]
                 and f"127.0.0.1:{node.port}" in v["witness"]["missing"][0]["why"]
                 and "witnessed (single) up to size" in v["witness"]["verdict"],
                 "ledger verify names it and why, and up to where it had seen", text)
            node.start_front()
            node.wait_open()
            node.ctl("revoke", "laptop")
            code, v, text = w.run("ledger", "verify")
            t.ok(code == 0 and verdict(v)[1] == ["pve1"] and "client_" in text,
                 "a revoked client is told so", text)
        finally:
            w.close()


def main():
    t = Tap()
    w = World()
    a, b = Witness("a"), Witness("b")
    try:
        t.run_some(lambda t: test_none(t, w))
        for test in (test_external, test_at_once, test_away, test_liars, test_rolled_back, test_approval):
            t.run_some(lambda t, f=test: f(t, w, a, b))
    finally:
        a.stop()
        b.stop()
        shutil.rmtree(a.dir)
        shutil.rmtree(b.dir)
        w.close()
    if os.geteuid() == 0 and not possible():
        t.run_some(test_node)
    elif os.environ.get("MUST_RUN") == "1":
        t.ok(False, "needs root and containers (MUST_RUN)")
    return t.end()


if __name__ == "__main__":
    sys.exit(main())
