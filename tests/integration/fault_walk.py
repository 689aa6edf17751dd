# SPDX-License-Identifier: Apache-2.0
"""One row that changes something, with an API that fails at its first request: what fault_rows.py does with
the rows of a cluster, and fault_pbs.py with those of a backup server."""

import copy
import os

from undo_cases import difference

# what is ordered of pvesim, or of the proxy in front of a simulated server that takes no orders, and what may
# become of the operation
FAULTS = [
    ("status=500:got+no+cheese", ("answer", 500, "got no cheese"), {"failed", "not-started"}),
    ("status=596:Broken+pipe", ("answer", 596, "Broken pipe"), {"unknown", "not-started"}),
    ("drop-before", "drop-before", {"unknown", "not-started"}),
]


def plant(w, value):
    """The arguments, with a canary in the place of each secret."""
    if isinstance(value, dict):
        return {k: plant(w, v) for k, v in value.items()}
    if isinstance(value, list):
        return [plant(w, v) for v in value]
    if isinstance(value, str) and value.startswith("s3cret-"):
        return w.plant(f"secret{len(w.canaries)}")
    return value


def walk(t, w, number, row, args, more, state, left_out, by_proxy=False):
    """state(): what must be as it was, but for what fits left_out. A case gets one of the faults in turn, and
    with FAULTS=all each of them."""
    name = f"{row} {args}"
    for method, path, form in more.get("before", ()):
        w.sim.call(method, path, **form)
    for i, (fault, spoils, outcomes) in enumerate(FAULTS):
        if os.environ.get("FAULTS") != "all" and i != number % len(FAULTS):
            continue
        code, plan, text = w.plan(row, **plant(w, copy.deepcopy(args)))
        if not t.ok(code == 0, f"{name}: planned", text):
            break
        first = [q for q in plan["plan"]["requests"] if q["phase"] != "undo"]
        first = ([q for q in first if q["phase"] == "prepare"] or first)[0]
        before = state()
        if by_proxy:
            w.proxy.add(first["method"], "", spoils)
        else:
            w.sim_fault(f"{fault} {first['method']} * x1")
        code, v, text = w.carry_out(plan)
        w.proxy.clear()
        good = v and v.get("outcome") in outcomes and v.get("error")
        t.ok(good, f"{name}, {fault}: {v and v.get('outcome')}", text)
        left = difference(before, state(), left_out)
        t.ok(not left, f"{name}, {fault}: everything is as it was", left)
