#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`proximo-client mcp` itself, without any cluster: what it lists, how big that is, that starting opens
and writes nothing, and what a call says when nothing is configured."""
import os, re, sys, tempfile

import mcp_raw
from mcp_raw import Server, call, code, modern, ok, shake

CLIENT = os.environ.get("PROXIMO_CLIENT",
                        os.path.join(mcp_raw.BUILD, "proximo-client/proximo-client"))
HINTS = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")
EXECUTE = {"proximo_apply", "proximo_apply_high", "proximo_undo", "proximo_confirm",
           "proximo_job_cancel"}


def home(tmp, name):
    """An environment whose configuration and state are below tmp/name, empty."""
    base = os.path.join(tmp, name)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PROXIMO_", "XDG_"))}
    env.update(HOME=base, XDG_CONFIG_HOME=os.path.join(base, "config"),
               XDG_STATE_HOME=os.path.join(base, "state"))
    os.makedirs(env["XDG_CONFIG_HOME"])
    return env


def files_below(path):
    return [os.path.join(d, f) for d, _, fs in os.walk(path) for f in fs]


def listing(tmp):
    s = Server("mcp", cmd=(CLIENT,), env=home(tmp, "listing"))
    s.send({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": modern()})
    tools = s.answer(1)["result"]["tools"]
    size = len(mcp_raw.json.dumps(tools, separators=(",", ":")))
    ok(size <= 32 * 1024, "the default list is at most 32 KiB (8,000 tokens)", size)
    print(f"# {len(tools)} tools, {size} bytes")
    names = [t["name"] for t in tools]
    ok(all(re.fullmatch(r"[a-z][a-z0-9_]{0,39}", n) for n in names)
       and len(set(names)) == len(names), "names", names)
    ok(all(type(t["annotations"].get(h)) is bool for t in tools for h in HINTS),
       "every tool carries all four hints")
    ok({t["name"] for t in tools if not t["annotations"]["readOnlyHint"]} == EXECUTE,
       "exactly the four tools that execute are not read-only")
    ok(all(t["inputSchema"]["type"] == "object" and t["description"]
           and len(t["description"]) <= 300 for t in tools), "schemas and descriptions")
    text = mcp_raw.json.dumps(tools)
    ok("$schema" not in text and "$ref" not in text and '"type": [' not in text,
       "schemas stay in the portable subset")
    again = s.ask(2, "tools/list", modern())["result"]["tools"]
    ok(again == tools, "the list does not change")
    ok(len(s.ask(3, "server/discover", modern())["result"]["instructions"]) <= 2048,
       "instructions are at most 2 KB")
    s.end()

    s = Server("mcp", "--read-only", cmd=(CLIENT,), env=home(tmp, "read-only"))
    shake(s)
    got = {t["name"] for t in s.ask(1, "tools/list")["result"]["tools"]}
    ok(got == set(names) - EXECUTE, "--read-only leaves out what executes", got)
    ok(all(code(s.ask(10, "tools/call", call(n))) == -32602 for n in sorted(EXECUTE)),
       "and refuses it by name")
    s.end()
    s = Server("mcp", "--toolsets", "all", cmd=(CLIENT,), env=home(tmp, "all"))
    shake(s)
    every = {t["name"] for t in s.ask(1, "tools/list")["result"]["tools"]}
    ok(every >= set(names), "--toolsets all holds the default list", set(names) - every)
    s.end()


def start_is_free(tmp):
    env = home(tmp, "start")
    # A configuration that cannot be read: whoever opens it at start would fail here.
    os.makedirs(os.path.join(env["XDG_CONFIG_HOME"], "proximo"))
    with open(os.path.join(env["XDG_CONFIG_HOME"], "proximo", "proximo.ini"), "w") as f:
        f.write("[no such section\n")
    before = files_below(env["HOME"])
    s = Server("mcp", cmd=(CLIENT,), env=env)
    ok("tools" in s.ask(1, "tools/list", modern())["result"],
       "tools are listed whatever the configuration is")
    ok(not os.path.exists(f"/proc/{s.p.pid}/task/{s.p.pid}/children")
       or open(f"/proc/{s.p.pid}/task/{s.p.pid}/children").read() == "",
       "no worker before the first call")
    held = [os.readlink(f"/proc/{s.p.pid}/fd/{n}") for n in os.listdir(f"/proc/{s.p.pid}/fd")]
    ok(not [x for x in held if x.startswith("/") and x != "/dev/null"], "no file is held open",
       held)
    m = s.ask(2, "tools/call", call("pve_node_list", era="modern"))
    ok(m["result"]["isError"] is True, "a call says that the configuration cannot be read", m)
    s.end()
    ok(files_below(env["HOME"]) == before, "and nothing was written", files_below(env["HOME"]))

    s = Server("mcp", cmd=(CLIENT,), env=home(tmp, "none"))
    m = s.ask(1, "tools/call", call("pve_node_list", era="modern"))["result"]
    ok(m["isError"] and m["content"][0]["text"].startswith("not_configured: "),
       "without configuration: not_configured, and what to do", m)
    m = s.ask(2, "tools/call", call("pve_guest_status", {"vmid": 0}, era="modern"))["result"]
    ok(m["isError"] and m["content"][0]["text"].startswith("bad_argument: "),
       "vmid 0 is an argument the model can mend", m)
    m = s.ask(3, "tools/call", call("pve_node_status", {"node": ".."}, era="modern"))["result"]
    ok(m["isError"] and m["content"][0]["text"].startswith("bad_argument: "), "node ..", m)
    m = s.ask(4, "tools/call", call("pve_node_list", {"nonsense": 1}, era="modern"))["result"]
    ok(m["isError"] and m["content"][0]["text"].startswith("bad_argument: "), "unknown field", m)
    m = s.ask(5, "tools/call", call("proximo_apply", {"plan_id": "P-x"}, era="modern"))["result"]
    ok(m["isError"] and m["content"][0]["text"].startswith("bad_argument: "), "no plan id", m)
    m = s.ask(6, "tools/call", call("pve_guest_destroy_all", era="modern"))
    ok(code(m) == -32602, "a tool that is not listed is a protocol error", m)
    s.end()


def main():
    if not os.path.isfile(CLIENT):
        if os.environ.get("MUST_RUN") == "1":
            print(f"1..1\nnot ok 1 - {CLIENT} is not built, and MUST_RUN=1")
            return 1
        print(f"1..0 # SKIP {CLIENT} is not built")
        return 0
    with tempfile.TemporaryDirectory(prefix="mcp-product-") as tmp:
        listing(tmp)
        start_is_free(tmp)
    print(f"1..{mcp_raw.count}")
    return 1 if mcp_raw.failed else 0


if __name__ == "__main__":
    sys.exit(main())
