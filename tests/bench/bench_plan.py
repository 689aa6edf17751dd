#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The plan of a storage delete on simulated clusters of 500 guests and of 32 nodes with 10,000, one
snapshot on every fifth guest, four storages, 5 ms on each answer, eight connections: by the API, over
eight nodes' addresses where there are so many, and (as root, for the node daemon's halves) from a
node's inventory. Wall times are those of the whole
command, start of the program and ledger entry included; processor time and peak memory are the
client's own. Prints `name value unit` lines. PLAN_SIZES="3x500 32x10000" and PLAN_RUNS=n choose."""
import os
import subprocess
import sys
import time

BUILD = os.environ.get("top_builddir", ".")
SRC = os.environ.get("top_srcdir", os.path.join(os.path.dirname(__file__), "../.."))
sys.path.insert(0, os.path.join(SRC, "tests/testbed"))
from lab import Lab  # noqa: E402

SIZES = os.environ.get("PLAN_SIZES", "3x500 32x10000")
RUNS = int(os.environ.get("PLAN_RUNS", "5"))
NODE = "n01"
ADDRESSES = 8


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * q))]


def once(lab):
    """(wall ms, processor ms, peak KiB, what the plan rests on)."""
    out = lab.dir / "plan.json"
    begin = time.perf_counter()
    with open(out, "wb") as f:
        proc = subprocess.Popen([lab.program("proximo-client"), "--json", "plan", "pve_storage_delete",
                                 "storage=local-zfs"], env=lab.env, stdin=subprocess.DEVNULL, stdout=f)
        _, status, used = os.wait4(proc.pid, 0)
    wall = (time.perf_counter() - begin) * 1000
    proc.returncode = os.waitstatus_to_exitcode(status)
    text = out.read_text()
    if proc.returncode or '"complete":true' not in text:
        raise SystemExit(f"the plan failed or is not complete: {text[:500]}")
    return (wall, (used.ru_utime + used.ru_stime) * 1000, used.ru_maxrss,
            "inventory" if '"sources":["inventory of' in text else "api")


def figures(name, lab, source, runs):
    got = [once(lab) for _ in range(runs)]
    wrong = [g[3] for g in got if g[3] != source]
    if wrong:
        raise SystemExit(f"{name}: the plan rests on {wrong[0]}")
    for q in (50, 99):
        print(f"{name}_{source}_p{q} {quantile([g[0] for g in got], q / 100):.0f} ms")
    print(f"{name}_{source}_processor_p50 {quantile([g[1] for g in got], .5):.0f} ms")
    print(f"{name}_{source}_peak {max(g[2] for g in got) / 1024:.0f} MiB", flush=True)


def over_more(nodes, guests, name):
    """The same with the addresses of more nodes."""
    with Lab(BUILD) as lab:
        lab.generate(nodes, guests)
        lab.start_sim("--latency-ms", "5",
                      *[o for i in range(2, ADDRESSES + 1) for o in ("--also", f"n{i:02}=127.0.0.1:0")])
        lab.configure()
        figures(f"{name}_{ADDRESSES}_addresses", lab, "api", max(1, RUNS // 2))


def bench(nodes, guests):
    name = f"plan_storage_delete_{guests}_guests"
    with Lab(BUILD) as lab:
        lab.generate(nodes, guests)
        lab.start_sim_with_tree("--latency-ms", "5")
        lab.configure()
        figures(name, lab, "api", RUNS if guests < 5000 else max(1, RUNS // 3))
        if os.geteuid() != 0:
            print("# the node daemon's halves run as different users: no inventory without root")
        else:
            lab.start_node("[node]\nclock = any\n", node=NODE)
            lab.join(name="lab", node=NODE)
            figures(name, lab, "inventory", RUNS)
    if nodes >= ADDRESSES:
        over_more(nodes, guests, name)


def main():
    for size in SIZES.split():
        nodes, guests = size.split("x")
        bench(int(nodes), int(guests))


main()
