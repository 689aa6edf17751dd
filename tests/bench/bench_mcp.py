#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From the start of `proximo-client mcp` to its tools/list answer, beside an empty program with the
same libraries in the same run; memory after it; and calls a second through a warm worker. Prints
`name value unit` lines. Times are the whole of spawn, dynamic linking, request and answer."""
import json, os, subprocess, sys, time

BUILD = os.environ.get("top_builddir", ".")
RUNS = int(os.environ.get("BENCH_RUNS", "200"))
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {}}


def request(rid, method, **params):
    return json.dumps({"jsonrpc": "2.0", "id": rid, "method": method,
                       "params": {"_meta": META, **params}}).encode() + b"\n"


LIST = request(1, "tools/list")


def start(cmd):
    return subprocess.Popen(cmd, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL)


def end(p):
    p.stdin.close()
    p.stdout.close()
    p.wait()


def first_answer_ms(cmd):
    begin = time.perf_counter()
    p = start(cmd)
    p.stdin.write(LIST)
    p.stdin.flush()
    line = p.stdout.readline()
    took = (time.perf_counter() - begin) * 1000
    end(p)
    assert line.endswith(b"\n"), cmd
    return took, line


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * q))]


def memory(pid):
    rollup = {x.split(":")[0]: int(x.split()[1]) for x in open(f"/proc/{pid}/smaps_rollup")
              if x.split(":")[0] in ("Pss", "Rss", "Private_Dirty")}
    return rollup


def bench(name, cmd, call):
    empty = [os.path.join(BUILD, "tests/bench/empty_program")]
    ours, theirs = [], []
    for _ in range(RUNS):  # by turns, so that a busy machine hits both
        took, line = first_answer_ms(cmd)
        assert len(json.loads(line)["result"]["tools"]) > 0
        ours.append(took)
        theirs.append(first_answer_ms(empty)[0])
    print(f"{name}_tools_list_p50 {quantile(ours, .5):.2f} ms")
    print(f"{name}_tools_list_p99 {quantile(ours, .99):.2f} ms")
    print(f"{name}_empty_program_p50 {quantile(theirs, .5):.2f} ms")
    print(f"{name}_empty_program_p99 {quantile(theirs, .99):.2f} ms")
    if not call:  # the fixture links fewer libraries: its difference would say nothing
        print(f"{name}_above_empty_p50 {quantile(ours, .5) - quantile(theirs, .5):.2f} ms")
    print(f"{name}_tools_list_bytes {len(line)} bytes")
    p = start(cmd)
    p.stdin.write(LIST)
    p.stdin.flush()
    p.stdout.readline()
    time.sleep(0.2)  # the answer is read before the process has put its tree away
    m = memory(p.pid)
    print(f"{name}_pss_after_list {m['Pss']} KiB")
    print(f"{name}_rss_after_list {m['Rss']} KiB")
    print(f"{name}_private_dirty_after_list {m['Private_Dirty']} KiB")
    if call:
        tool, args = call
        times = []
        for i in range(1000):
            begin = time.perf_counter()
            p.stdin.write(request(i, "tools/call", name=tool, arguments=args))
            p.stdin.flush()
            answer = json.loads(p.stdout.readline())
            times.append((time.perf_counter() - begin) * 1000)
            assert answer["id"] == i and "result" in answer, answer
        print(f"{name}_call_warm_worker_p50 {quantile(times, .5):.3f} ms")
        print(f"{name}_call_warm_worker_p99 {quantile(times, .99):.3f} ms")
    end(p)


def main():
    product = os.environ.get("PROXIMO_CLIENT",
                             os.path.join(BUILD, "proximo-client/proximo-client"))
    if os.path.isfile(product):
        bench("mcp", [product, "mcp"], None)
    else:
        print(f"# {product} is not built", file=sys.stderr)
    bench("mcp_core", [os.path.join(BUILD, "tests/integration/mcp_fixture")], ("echo", {}))


if __name__ == "__main__":
    main()
