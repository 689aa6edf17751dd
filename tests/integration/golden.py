#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The classic accident as a golden plan: deleting the definition of local-zfs in the built-in cluster
names vm/104 (will not boot), vm/210 (only copy) and ct/301 (degraded), and all the rest that hangs on
it. The whole verdict is compared; a difference is a question for who reviews the change. TAP.
GOLDEN_UPDATE=1 writes what is computed now."""
import json
import os
import sys

from world import Tap, World

SRC = os.environ.get("top_srcdir", os.path.join(os.path.dirname(__file__), "../.."))
WHERE = os.path.join(SRC, "tests/integration/golden/storage_delete.json")
KEPT = ["change", "target", "requests", "affected", "risk", "risk_reasons", "complete", "undo",
        "approval"]
w = World("--clock", "1795500000")


def test_golden(t):
    code, plan, text = w.plan("pve_storage_delete", storage="local-zfs")
    t.ok(code == 0, "the delete is planned", text)
    have = {k: plan["plan"][k] for k in KEPT if k in plan["plan"]}
    if os.environ.get("GOLDEN_UPDATE") == "1":
        os.makedirs(os.path.dirname(WHERE), exist_ok=True)
        with open(WHERE, "w") as f:
            json.dump(have, f, indent=1, sort_keys=True)
            f.write("\n")
    with open(WHERE) as f:
        want = json.load(f)
    for key in KEPT:
        t.ok(have.get(key) == want.get(key), f"{key} as it should be",
             f"want {json.dumps(want.get(key), indent=1)}\nhave {json.dumps(have.get(key), indent=1)}")
    hit = {a["resource"]: a for a in have["affected"] if a["effect"] in ("wont-boot", "degraded")}
    t.ok(hit["vm/104"]["effect"] == "wont-boot" and hit["vm/210"].get("only_copy") and
         hit["ct/301"]["effect"] == "degraded", "and it names the three", json.dumps(hit))


try:
    code = Tap().run(test_golden)
finally:
    w.close()
sys.exit(code)
