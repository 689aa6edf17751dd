#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Input that is no request, or a wrong one, to the product itself with a cluster and a ledger behind it.
The promise: each has a clear error with its code, the cluster is not even asked, nothing is planned, the
ledger verifies, and a secret that such input held is in no answer, log or file."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import CLIENT, Tap, skip_all  # noqa: E402
from fault_lib import FaultWorld, need_openssl  # noqa: E402

need_openssl(skip_all)
w = FaultWorld("--task-ms", "20")
CANARY = w.plant("argument")
MIB = 1024 * 1024


class Server:
    def __init__(self):
        self.p = subprocess.Popen([CLIENT, "mcp", "--toolsets", "all"], env=w.env(), stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.n = 0
        self.ask("initialize", {"protocolVersion": "2025-06-18", "capabilities": {},
                                "clientInfo": {"name": "t", "version": "1"}})
        self.raw(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')

    def raw(self, line):
        self.p.stdin.write(line + b"\n")
        self.p.stdin.flush()

    def line(self):
        while True:
            text = self.p.stdout.readline().decode()
            w.printed.append(text)
            m = json.loads(text)
            if "method" not in m:
                return m

    def ask(self, method, params):
        self.n += 1
        self.raw(json.dumps({"jsonrpc": "2.0", "id": self.n, "method": method, "params": params}).encode())
        return self.line()

    def call(self, name, args):
        return self.ask("tools/call", {"name": name, "arguments": args})

    def end(self):
        self.p.stdin.close()
        rest = self.p.stdout.read() + self.p.stderr.read()
        w.printed.append(rest.decode(errors="replace"))
        return self.p.wait(60)


def quiet(t, before, what):
    asked, plans = before
    t.ok(len(w.proxy.asked) == asked and not w.proxy.changes, f"{what}: the cluster was not asked",
         w.proxy.asked[asked:])
    t.ok(sum(k == "plan" for k, _ in w.entries()) == plans, f"{what}: nothing was planned")


def now():
    return len(w.proxy.asked), sum(k == "plan" for k, _ in w.entries())


def test_lines(t):
    code, v, text = w.read("pve_version")
    t.ok(code == 0, "the world is there", text)
    s = Server()
    before = now()
    call = b'{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"proximo_plan","arguments":{"x":"%s"' \
        % CANARY.encode()
    for what, line, want in (
            ("cut JSON", call, -32700),
            ("no JSON", CANARY.encode(), -32700),
            ("a duplicate key", call + b',"x":1}}}', -32700),
            ("a duplicate method", call + b'}},"method":"ping"}', -32700),
            ("invalid UTF-8", call + b'\xff"}}}', -32700),
            ("an 11 MiB line", call + b',"y":"' + b"y" * (11 * MIB) + b'"}}}', -32700),
            ("a fractional id", b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600),
            ("a method that is a number", b'{"jsonrpc":"2.0","id":4,"method":7}', -32600),
            ("an unknown method", b'{"jsonrpc":"2.0","id":5,"method":"tools/run"}', -32601),
            ("an unknown tool", b'{"jsonrpc":"2.0","id":6,"method":"tools/call","params":{"name":"pve_no_such",'
             b'"arguments":{}}}', -32602)):
        s.raw(line)
        m = s.line()
        t.ok(m.get("error", {}).get("code") == want, f"{what}: {want}", m)
    quiet(t, before, "lines that are no request")
    m = s.call("pve_version", {})
    t.ok(m["result"]["isError"] is False, "and the next request is answered", m)
    t.ok(s.end() == 0, "it ends in order")


def test_arguments(t):
    s = Server()
    before = now()
    for what, tool, args in (
            ("an unknown field", "pve_guest_status", {"vmid": 101, "nonsense": CANARY}),
            ("vmid 0", "pve_guest_status", {"vmid": 0}),
            ("a negative vmid", "pve_guest_status", {"vmid": -1}),
            ("a vmid that is a text", "pve_guest_status", {"vmid": CANARY}),
            ("a vmid that is a list", "pve_guest_status", {"vmid": [101]}),
            ("no vmid", "pve_guest_status", {}),
            ("node ..", "pve_node_status", {"node": ".."}),
            ("a node with a slash", "pve_node_status", {"node": "pve1/../pve2"}),
            ("storage ..", "pve_storage_config_get", {"storage": ".."}),
            ("a snapshot name ..", "proximo_plan", {"row": "pve_snapshot_create",
                                                    "args": {"vmid": 101, "snapname": ".."}}),
            ("a row that does not exist", "proximo_plan", {"row": "pve_no_such", "args": {}}),
            ("a change with a wrong type", "proximo_plan", {"row": "pve_guest_config_set",
                                                            "args": {"vmid": 101, "set": CANARY}}),
            ("a secret of a wrong type", "proximo_plan", {"row": "pve_guest_config_set",
                                                          "args": {"vmid": 105, "cipassword": [CANARY]}}),
            ("no plan id", "proximo_apply", {"plan_id": CANARY})):
        m = s.call(tool, args)
        text = m.get("result", {}).get("content", [{"text": ""}])[0]["text"]
        t.ok(m.get("result", {}).get("isError") and text.split(":")[0] in ("bad_argument", "unknown_tool"),
             f"{what}: {text.split(':')[0]}", m)
    quiet(t, before, "wrong arguments")
    t.ok(s.end() == 0, "it ends in order")


def test_afterwards(t):
    w.sound(t, "in the end")
    w.no_unrecorded(t, "in the end")
    w.no_secret(t, "in the end")


try:
    sys.exit(Tap().run(test_lines, test_arguments, test_afterwards))
finally:
    w.close()
