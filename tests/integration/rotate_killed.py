#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`pveagentctl rotate receipt` killed (SIGKILL) instead of each single call that changes a file, one after
the other. The promise: afterwards the node has one receipt key and acts under it, its roster entry names
that key, whoever knew the former one is led to it, everything that former keys signed is checked, and run
again the rotation is carried to its end."""

import json
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "../testbed"))
from fault_lib import SHIM, node_with_container  # noqa: E402
from lab import Lab  # noqa: E402
from world import Tap  # noqa: E402

VMID = 908
POLICY = f"""[node]
clock = any

[rule true]
client = lab
ct = {VMID}
run = /bin/true
"""

lab = Lab(os.environ.get("top_builddir", "."))
keys = set()  # all receipt keys that were ever announced


def rotate(at):
    """Its exit status, killed at that call (0: not)."""
    asan = os.environ.get("ASAN_OPTIONS", "")
    env = {**lab.env, "LD_PRELOAD": SHIM, "FAULT_KILL_AT": str(at),
           "ASAN_OPTIONS": f"{asan}:verify_asan_link_order=0"}
    out = subprocess.run([lab.program("pveagentctl"), *map(str, lab.node_options), "--tls-cert",
                          str(lab.dir / "agent/tls.crt"), "rotate", "receipt"], env=env, text=True,
                         stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=120)
    return out.returncode


def runs():
    """A command on the node: (the key that signed its receipt, None), or (None, what was said)."""
    _, p = lab.client_json("plan", "ct_exec", f"vmid:={VMID}", 'argv:=["/bin/true"]')
    if "plan" not in p:
        return None, p
    if p["plan"]["approval"]["required"] == "operator":
        lab.approve(p["plan_id"])
    _, o = lab.client_json("apply", p["plan_id"])
    if o.get("outcome") != "done":
        return None, o
    return re.search(r"^node pve1 ([0-9a-f]{8})$", o["receipts"][0]["receipt"], re.M).group(1), None


def runs_soon():
    """The same. The network half asks the root half every few seconds, which is when a roster entry is renewed that
    a killed rotation left behind."""
    for _ in range(30):
        lab.client("node", "refresh")
        key, said = runs()
        if key and announced() == [key]:
            break
        time.sleep(1)
    return key, said


def announced():
    """Key ids of the receipt keys that the node's shared entry names."""
    text = (lab.tree / "pveagentd/roster/pve1").read_text()
    keys.update(re.findall(r"^receipt-key (\S+)$", text, re.M))
    return re.findall(r"^receipt-key [^+]*\+([0-9a-f]{8})\+", text, re.M)


def own():
    """The keys that lie in the root half's state."""
    return sorted(p.name for p in (lab.dir / "priv").iterdir() if p.name.startswith("receipt."))


def verdict():
    _, v = lab.client_json("ledger", "verify")
    return v.get("ok") and v.get("receipts_unchecked") == 0, v


def test_killed(t):
    first, said = runs()
    t.ok(first and announced() == [first], "before: one key, in the roster", said)
    seen, at, rc = [first], 0, -9
    while rc == -9 and at < 120:
        at += 1
        rc = rotate(at)
        key, said = runs_soon()
        good = key and announced() == [key] and (key == seen[-1] or key not in seen)
        again = rotate(0)
        lab.client("node", "refresh")
        now = announced()
        left = own()
        if not t.ok(good and again == 0 and now != [key] and left == ["receipt.key"],
                    f"killed at call {at}: the node acts under {'the former' if key == seen[-1] else 'the next'} key; "
                    "run again, another one is announced", f"{rc} {key} {said} {announced()} {again} {left} {seen}"):
            break
        seen += [k for k in (key, *now) if k not in seen]
        if at in (8, 16):  # a client keeps the sixteen keys before the present one
            good, v = verdict()
            t.ok(good, f"after {at} rotations every receipt is checked under the key that signed it", v)
    t.ok(rc == 0 and at > 8, f"killed at each of {at - 1} calls", f"{rc} {at}")
    key, said = runs_soon()
    t.ok(key and announced() == [key], "in the end: one key, in the roster", said)
    options = [x for k in sorted(keys) for x in ("--receipt", k)]
    out = subprocess.run([sys.executable, os.path.join(HERE, "../verify/verify.py"), *options, str(lab.ledger_dir())],
                         text=True, capture_output=True, env=lab.env, check=False)
    t.ok(out.returncode == 0 and len(keys) > at, f"whoever has all {len(keys)} keys finds every receipt good",
         out.stdout + out.stderr)


def main():
    node_with_container(lab, VMID, POLICY)
    lab.ctl("announce", "--address", lab.node_address)
    lab.client("node", "refresh")
    return Tap().run(test_killed)


try:
    sys.exit(main())
finally:
    lab.close()
