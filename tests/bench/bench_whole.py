#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The whole way of one command in a container, as an agent goes it over MCP: plan (the node is asked,
the plan recorded) and apply (intent, cosignature, gate, the command, receipt, outcome). Beside the time
of bench_exec, which is the node's part alone."""
import os
import shutil
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests/testbed"))
from lab import Lab, LabError  # noqa: E402

VMID, ROUNDS = 901, 40


def figures(name, ms):
    ms = sorted(ms)
    print(f"{name}_p50 {statistics.median(ms):.1f} ms")
    print(f"{name}_p99 {ms[int(len(ms) * 0.99) - 1]:.1f} ms")


def main():
    if os.geteuid() != 0 or not shutil.which("lxc-start"):
        print("needs root and LXC", file=sys.stderr)
        sys.exit(77)
    with Lab(os.environ.get("top_builddir", ".")) as lab:
        lab.start_sim()
        lab.make_container(VMID)
        lab.back_guest(VMID)
        lab.configure([("exec", "yes"), ("ct-allow", str(VMID))])
        lab.operator()
        lab.start_node(f"[node]\nclock = any\n\n[rule true]\nclient = lab\nct = {VMID}\n"
                       "run = /bin/true\n")
        lab.join()
        mcp = lab.mcp()
        plans, applies = [], []
        for _ in range(ROUNDS):
            at = time.monotonic()
            plan = mcp.call("ct_exec", vmid=VMID, argv=["/bin/true"])
            if plan.error:
                raise LabError(plan.text)
            plans.append((time.monotonic() - at) * 1000)
            lab.approve(plan.data["plan_id"])  # a person's time, not ours
            at = time.monotonic()
            done = mcp.call("proximo_apply_high", plan_id=plan.data["plan_id"])
            if done.error or done.data.get("outcome") != "done":
                raise LabError(done.text)
            applies.append((time.monotonic() - at) * 1000)
        figures("exec_whole_plan", plans)
        figures("exec_whole_apply", applies)
        figures("exec_whole_plan_and_apply", [a + b for a, b in zip(plans, applies)])


main()
