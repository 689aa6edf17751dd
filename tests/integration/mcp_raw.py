#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The MCP core over raw pipes, where client libraries never go: broken JSON, long lines, both eras in
one process, cancellation, crashes, and what happens to a running call when its host leaves."""
import json, os, select, signal, subprocess, sys, tempfile, time

BUILD = os.environ.get("top_builddir", ".")
FIXTURE = os.path.join(BUILD, "tests/integration/mcp_fixture")
WAIT = 60  # seconds after which something that should come counts as lost
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "raw test!", "version": "1"}}
MIB = 1024 * 1024
count = 0
failed = 0


def ok(cond, name, seen=None):
    global count, failed
    count += 1
    print(f"{'ok' if cond else 'not ok'} {count} - {name}", flush=True)
    if not cond:
        failed += 1
        if seen is not None:
            print(f"# seen: {str(seen)[:600]}")


class Server:
    def __init__(self, *args, cmd=(FIXTURE,), env=None, stdout=subprocess.PIPE):
        self.p = subprocess.Popen([*cmd, *args], stdin=subprocess.PIPE, stdout=stdout,
                                  stderr=subprocess.PIPE, env=env)
        self.buf = b""

    def raw(self, data):
        self.p.stdin.write(data)
        self.p.stdin.flush()

    def send(self, *messages):
        self.raw(b"".join(json.dumps(m).encode() + b"\n" for m in messages))

    def line(self, wait=WAIT):
        """The next message, None at end of file."""
        end = time.monotonic() + wait
        while b"\n" not in self.buf:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.p.stdout], [], [], left)[0]:
                raise TimeoutError("no message")
            more = os.read(self.p.stdout.fileno(), 1 << 20)
            if not more:
                if self.buf:
                    raise ValueError("end of file inside a message")
                return None
            self.buf += more
        text, self.buf = self.buf.split(b"\n", 1)
        message = json.loads(text.decode("utf-8"))  # strict: invalid UTF-8 raises
        assert isinstance(message, list) or message["jsonrpc"] == "2.0"
        return message

    def answer(self, rid, notes=None):
        """The answer to rid; progress notes are kept in notes, other answers must not come."""
        while True:
            m = self.line()
            if m is None:
                raise EOFError(f"no answer to {rid}")
            if "method" in m:
                if notes is not None:
                    notes.append(m)
                continue
            if m.get("id") != rid or type(m.get("id")) is not type(rid):
                raise ValueError(f"expected an answer to {rid!r}, got {m}")
            return m

    def ask(self, rid, method, params=None, notes=None):
        m = {"jsonrpc": "2.0", "id": rid, "method": method}
        if params is not None:
            m["params"] = params
        self.send(m)
        return self.answer(rid, notes)

    def end(self):
        """End of input; the rest of the output and the exit status."""
        self.p.stdin.close()
        out = self.buf + self.p.stdout.read()
        self.p.wait(WAIT)
        self.stderr = self.p.stderr.read()
        self.p.stdout.close()
        self.p.stderr.close()
        return [json.loads(x) for x in out.splitlines()], self.p.returncode


def modern(**params):
    return {"_meta": dict(META), **params}


def call(name, args=None, token=None, era="legacy"):
    params = modern(name=name) if era == "modern" else {"name": name}
    if args is not None:
        params["arguments"] = args
    if token is not None:
        params.setdefault("_meta", {})["progressToken"] = token
    return params


def shake(s, version="2025-11-25"):
    r = s.ask("shake", "initialize", {"protocolVersion": version, "capabilities": {},
                                      "clientInfo": {"name": "old host", "version": "1"}})
    s.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
    return r


def code(m):
    return m.get("error", {}).get("code")


def pause_until(what, name):
    end = time.monotonic() + WAIT
    while not what():
        if time.monotonic() > end:
            ok(False, name)
            return False
        time.sleep(0.01)
    return True


# ---- input that is no request ----

def bad_input():
    s = Server()
    shake(s)
    for text, want, name in (
            (b'{"jsonrpc":"2.0","id":1,', -32700, "cut JSON"),
            (b"hello", -32700, "no JSON at all"),
            (b"{'jsonrpc':'2.0','id':1,'method':'ping'}", -32700, "single quotes"),
            (b'{"jsonrpc":"2.0","id":1,"method":"ping","id":2}', -32700, "duplicate id"),
            (b'{"jsonrpc":"2.0","id":1,"method":"ping","method":"x"}', -32700, "duplicate method"),
            (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":1,"a":2}}', -32700,
             "duplicate key inside"),
            (b'{"jsonrpc":"2.0","id":1,"method":"\xff"}', -32700, "invalid UTF-8"),
            (b'{"jsonrpc":"2.0","id":18446744073709551616,"method":"ping"}', -32700, "huge id"),
            (b"[" * 5000, -32700, "deep nesting"),
            (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600, "array without 2025-03-26"),
            (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600, "null id"),
            (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600, "fractional id"),
            (b'{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600, "object as id"),
            (b"42", -32600, "a number"), (b"null", -32600, "null"), (b'"x"', -32600, "a string")):
        s.raw(text + b"\n")
        m = s.line()
        ok(code(m) == want and "id" not in m, f"{name}: {want} without an id", m)
    for text, rid, name in (
            (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', 1, "wrong jsonrpc"),
            (b'{"id":"a","method":"ping"}', "a", "missing jsonrpc"),
            (b'{"jsonrpc":"2.0","id":2}', 2, "no method"),
            (b'{"jsonrpc":"2.0","id":3,"method":7}', 3, "method not a string")):
        s.raw(text + b"\n")
        m = s.line()
        ok(code(m) == -32600 and m.get("id") == rid, f"{name}: -32600 with the id", m)
    # Notifications, good and bad, and answers to nothing: silence. The ping after them proves it.
    s.raw(b'{"jsonrpc":"2.0","method":"tools/call","params":{"name":"crash"}}\n'
          b'{"jsonrpc":"2.0","method":"nonsense/thing","params":7}\n'
          b'{"jsonrpc":"1.0","method":"x"}\n'
          b'{"jsonrpc":"2.0","id":9,"result":{}}\n{"jsonrpc":"2.0","id":9,"error":{}}\n'
          b"\n   \n\r\n"
          b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":12345}}\n'
          b'{"jsonrpc":"2.0","method":"notifications/cancelled"}\n'
          b'{"jsonrpc":"2.0","id":"p","method":"ping"}\r\n')
    m = s.line()
    ok(m == {"jsonrpc": "2.0", "id": "p", "result": {}}, "nothing is said to notifications; CRLF", m)
    ids = [7, "7", 0, -1, "", "ä\u2028", 2 ** 53 + 1]
    s.send(*({"jsonrpc": "2.0", "id": i, "method": "ping"} for i in ids))
    got = [s.line()["id"] for _ in ids]
    ok(got == ids and [type(x) for x in got] == [type(x) for x in ids], "ids keep value and type",
       got)
    rest, rc = s.end()
    ok(rest == [] and rc == 0, "exit 0 at end of input", (rest, rc))


def long_lines():
    s = Server()
    shake(s)
    pad = "x" * (9 * MIB)
    m = s.ask(1, "ping", {"pad": pad})
    ok(m["result"] == {}, "a 9 MiB line is read")
    body = json.dumps({"jsonrpc": "2.0", "id": 2, "method": "ping",
                       "params": {"pad": "y" * (11 * MIB)}}).encode()
    s.raw(body + b"\n")
    m = s.line()
    ok(code(m) == -32700 and "id" not in m, "an 11 MiB line is refused", m)
    ok(s.ask(3, "ping")["result"] == {}, "and the next line is read")
    s.raw(b"z" * (25 * MIB) + b"\n" + b'{"jsonrpc":"2.0","id":4,"method":"ping"}\n')
    ok(code(s.line()) == -32700, "25 MiB: one error")
    ok(s.answer(4)["result"] == {}, "and only one")
    line = b'{"jsonrpc":"2.0","id":5,"method":"ping"}\n'
    for i in range(len(line)):
        s.raw(line[i:i + 1])
    ok(s.answer(5)["result"] == {}, "a line in single bytes")
    m = s.ask(6, "tools/call", call("echo", {"pad": pad}))
    ok(len(m["result"].get("structuredContent", {}).get("arguments", {}).get("pad", "")) == len(pad)
       or m["result"]["isError"], "9 MiB of arguments reach a worker and end in an answer")
    s.raw(b'{"jsonrpc":"2.0","id":7,"method":"ping"}')  # no newline: not a message
    rest, rc = s.end()
    ok(rest == [] and rc == 0, "a last line without its end is no message", rest)


# ---- eras ----

def eras():
    s = Server()
    m = s.ask(1, "tools/list")
    ok(code(m) == -32602 and "protocolVersion" in m["error"]["message"], "no era: -32602", m)
    m = s.ask(2, "ping")
    ok(m["result"] == {}, "ping needs no era")
    m = s.ask("d", "server/discover", modern())
    r = m["result"]
    ok(r["resultType"] == "complete" and r["supportedVersions"] == ["2026-07-28"]
       and r["capabilities"] == {"tools": {"listChanged": False}} and r["cacheScope"] == "private"
       and r["ttlMs"] >= 0 and r["instructions"] == "Tools for tests."
       and r["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "mcp-fixture",
       "server/discover", m)
    m = s.ask(3, "tools/list", modern())
    ok(m["result"]["resultType"] == "complete" and m["result"]["cacheScope"] == "private"
       and "ttlMs" in m["result"] and "nextCursor" not in m["result"]
       and len(m["result"]["tools"]) > 10, "tools/list, modern", m)
    bad = modern()
    bad["_meta"]["io.modelcontextprotocol/protocolVersion"] = "1900-01-01"
    m = s.ask(4, "tools/list", bad)
    ok(code(m) == -32022 and m["error"]["data"] == {"supported": ["2026-07-28"],
                                                    "requested": "1900-01-01"}, "wrong version", m)
    bad = modern()
    del bad["_meta"]["io.modelcontextprotocol/clientCapabilities"]
    ok(code(s.ask(5, "tools/list", bad)) == -32602, "clientCapabilities missing")
    bad = modern()
    bad["_meta"]["io.modelcontextprotocol/protocolVersion"] = 7
    ok(code(s.ask(6, "tools/list", bad)) == -32602, "version not a string")
    ok(code(s.ask(7, "nothing/such", modern())) == -32601, "unknown method, modern")
    for i, name in enumerate(("initialize", "ping", "logging/setLevel", "resources/subscribe",
                              "resources/unsubscribe")):
        ok(code(s.ask(10 + i, name, modern())) == -32601, f"{name} does not exist in modern")
    ok(code(s.ask(20, "tools/list", modern(cursor="abc"))) == -32602, "a cursor we never gave")
    m = s.ask(21, "tools/call", call("echo", era="modern"))
    ok(m["result"]["resultType"] == "complete" and m["result"]["isError"] is False
       and m["result"]["structuredContent"]["actor"] == "mcp:raw_test_"
       and m["result"]["structuredContent"]["arguments"] == {}
       and json.loads(m["result"]["content"][0]["text"]) == m["result"]["structuredContent"],
       "tools/call, modern, without arguments", m)
    noname = call("echo", era="modern")
    del noname["_meta"]["io.modelcontextprotocol/clientInfo"]
    m = s.ask(22, "tools/call", noname)
    ok(m["result"]["structuredContent"]["actor"] == "mcp:unknown", "clientInfo is optional", m)
    # Legacy after modern, in the same process.
    m = shake(s, "2025-06-18")
    ok(m["result"]["protocolVersion"] == "2025-06-18" and m["result"]["serverInfo"]["version"]
       == "1.2.3" and "resultType" not in m["result"], "initialize after server/discover", m)
    m = s.ask(30, "tools/list")
    ok(not {"resultType", "ttlMs", "cacheScope", "_meta"} & set(m["result"]), "tools/list, legacy")
    ok(m["result"]["tools"] == s.ask(31, "tools/list", modern())["result"]["tools"],
       "modern requests still work, with the same list")
    ok(code(s.ask(32, "server/discover")) == -32601, "server/discover does not exist in legacy")
    ok(code(s.ask(33, "nothing/such")) == -32601, "unknown method, legacy")
    ok(code(s.ask(34, "resources/list")) == -32601, "resources were not advertised")
    ok(s.ask(35, "logging/setLevel", {"level": "info"})["result"] == {}, "setLevel is accepted")
    ok(code(s.ask(36, "logging/setLevel", {"level": "loud"})) == -32602, "bad level")
    ok(code(s.ask(37, "tools/list", [])) == -32602, "params as array")
    m = s.ask(38, "tools/call", call("echo", {"a": [1, "x"]}))
    ok(m["result"]["structuredContent"]["arguments"] == {"a": [1, "x"]}
       and m["result"]["structuredContent"]["actor"] == "mcp:old_host"
       and "resultType" not in m["result"], "tools/call, legacy", m)
    s.end()
    for asked, want in (("2025-11-25", "2025-11-25"), ("2025-03-26", "2025-03-26"),
                        ("2024-11-05", "2024-11-05"), ("2026-07-28", "2025-11-25"),
                        ("1.0", "2025-11-25")):
        s = Server()
        m = shake(s, asked)
        ok(m["result"]["protocolVersion"] == want, f"initialize {asked} is answered {want}", m)
        s.end()
    s = Server()
    ok(code(s.ask(1, "initialize", {})) == -32602, "initialize without a version")
    ok(code(s.ask(2, "tools/list")) == -32602, "and no handshake is done by it")
    s.end()


def batches():
    s = Server()
    shake(s, "2025-03-26")
    ping = {"jsonrpc": "2.0", "method": "ping"}
    s.raw(json.dumps([{**ping, "id": 1}, {"jsonrpc": "2.0", "id": "c", "method": "tools/call",
                                         "params": call("slow", {"ms": 100})},
                      {"jsonrpc": "2.0", "method": "notifications/x"}, 5,
                      {**ping, "id": 2, "method": "initialize"},
                      {**ping, "id": 3}]).encode() + b"\n")
    m = s.line()
    by = {x.get("id"): x for x in m}
    ok(isinstance(m, list) and len(m) == 5 and by[1]["result"] == {} and by[3]["result"] == {}
       and by["c"]["result"]["isError"] is False and code(by[None]) == -32600
       and code(by[2]) == -32600, "a batch is answered by a batch, notification left out", m)
    s.raw(b"[]\n")
    ok(code(s.line()) == -32600, "empty batch")
    s.raw(json.dumps([ping] * 101).encode() + b"\n")
    ok(code(s.line()) == -32600, "batch of 101")
    s.raw(json.dumps([ping, ping]).encode() + b"\n")
    ok(s.ask(9, "ping")["result"] == {}, "a batch of notifications is not answered")
    s.end()


# ---- calls ----

def calls():
    s = Server()
    shake(s)
    m = s.ask(1, "tools/call", call("no_such"))
    ok(code(m) == -32602 and "no_such" in m["error"]["message"], "unknown tool: protocol error", m)
    ok(code(s.ask(2, "tools/call", {})) == -32602, "no name")
    ok(code(s.ask(3, "tools/call", {"name": 5})) == -32602, "name not a string")
    ok(code(s.ask(4, "tools/call", {"name": "echo", "arguments": [1]})) == -32602,
       "arguments not an object")
    ok(code(s.ask(5, "tools/call", {"name": "echo", "arguments": None})) == -32602,
       "arguments null")
    m = s.ask(6, "tools/call", call("refuse"))["result"]
    ok(m["isError"] is True and m["content"][0]["text"]
       == "plan_drifted: the world has moved\nlook at the new plan"
       and m["structuredContent"]["code"] == "plan_drifted"
       and m["structuredContent"]["hint"] == "look at the new plan"
       and m["structuredContent"]["result"] == {"plan_id": "P-new"}, "a tool's refusal", m)
    m = s.ask(7, "tools/call", call("refuse_with_schema"))["result"]
    ok(m["isError"] is True and "structuredContent" not in m
       and json.loads(m["content"][1]["text"])["code"] == "plan_drifted",
       "with an output schema the refusal's shape is in a text block", m)
    m = s.ask(8, "tools/call", call("crash"))
    ok(code(m) == -32603, "a crash is -32603 for that call", m)
    m = s.ask(9, "tools/call", call("nonsense"))
    ok(code(m) == -32603, "so is a worker that writes nonsense", m)
    m = s.ask("9b", "tools/call", call("nonsense", {"forged": True}))
    ok(code(m) == -32603, "and one that answers another call", m)
    first = s.ask(10, "tools/call", call("echo"))["result"]["structuredContent"]["pid"]
    again = s.ask(11, "tools/call", call("echo"))["result"]["structuredContent"]["pid"]
    ok(first == again and first != s.p.pid, "the next call gets a worker, and the same one again",
       (first, again))
    m = s.ask(12, "tools/call", call("prints"))
    ok(m["result"]["isError"] is False, "a printing tool does not reach the protocol", m)
    m = s.ask(13, "tools/call", call("dirty"))["result"]["structuredContent"]["text"]
    ok(m.startswith("a\ufffd\ufffd b\u2028 c\x1b[31m\n d"), "dirty bytes come out as UTF-8", m)
    m = s.ask(14, "tools/call", call("descriptors"))["result"]["structuredContent"]["open"]
    pipes = [x for x in m if x.startswith("pipe:")]
    ours = [os.readlink(f"/proc/{s.p.pid}/fd/{x}") for x in ("0",)]
    ok(ours[0] not in m and m.count(m[0]) == 1 and len([x for x in m if x.startswith("socket:")])
       == 1 and len(pipes) == 2, "a worker holds its socket and stderr, nothing else", m)
    m = s.ask(15, "tools/call", call("big", {"bytes": 1900 * 1000}))["result"]
    ok(m["isError"] is True and m["content"][0]["text"].startswith("result_too_large"),
       "an oversized result is an error, not a flood", m)
    rest, rc = s.end()
    ok(rc == 0 and b"must not reach" in s.stderr, "what the tool printed went to stderr", s.stderr)


def progress():
    s = Server("--heartbeat-ms", "50")
    shake(s)
    notes = []
    m = s.ask(1, "tools/call", call("test_tool_with_progress", token="t1"), notes)
    values = [n["params"]["progress"] for n in notes]
    ok(values[0] == 0 and 50 in values and values[-1] == 100, "progress at once, then as it goes",
       values)
    ok(all(a < b for a, b in zip(values, values[1:])), "it rises", values)
    ok(all(n["method"] == "notifications/progress" and n["params"]["progressToken"] == "t1"
           for n in notes) and notes[-1]["params"]["total"] == 100, "shape of the notes", notes)
    notes = []
    m = s.ask(2, "tools/call", call("slow", {"ms": 600}, token=77), notes)
    values = [n["params"]["progress"] for n in notes]
    ok(len(values) >= 3 and all(a < b for a, b in zip(values, values[1:]))
       and all(n["params"]["progressToken"] == 77 for n in notes),
       "a silent tool shows signs of life, rising", values)
    notes = []
    s.ask(3, "tools/call", call("slow", {"ms": 100, "note_ms": 1}, token="x"), notes)
    ok(len(notes) >= 2 and all("\x07" not in n["params"].get("message", "") for n in notes),
       "messages carry no control characters", notes[:3])
    notes = []
    s.ask(4, "tools/call", call("slow", {"ms": 200, "note_ms": 10}), notes)
    ok(notes == [], "nobody asked, nobody told", notes)
    s.ask(5, "ping", notes=notes)
    ok(notes == [], "nothing after the answer", notes)
    s.end()


def interleaved():
    s = Server("--workers", "4")
    shake(s)
    s.send({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": call("slow", {"ms": 700})},
           {"jsonrpc": "2.0", "id": "7", "method": "tools/call", "params": call("echo", {"n": 1})},
           {"jsonrpc": "2.0", "id": 8, "method": "ping"})
    got = [s.line() for _ in range(3)]
    ok([m["id"] for m in got][-1] == 7 and {repr(m["id"]) for m in got} == {"7", "'7'", "8"},
       "7 and \"7\" are two requests; the slow one is last", got)
    s.send({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call("slow", {"ms": 300})},
           {"jsonrpc": "2.0", "id": 1, "method": "ping"})
    m = s.line()
    ok(code(m) == -32600 and "id" not in m, "an id still open is refused without it", m)
    ok(s.answer(1)["result"]["isError"] is False, "and the first request is answered")
    n = 12
    s.send(*({"jsonrpc": "2.0", "id": i, "method": "tools/call",
              "params": call("slow", {"ms": 30})} for i in range(n)))
    got = [s.line() for _ in range(n)]
    pids = {m["result"]["structuredContent"]["pid"] for m in got}
    ok({m["id"] for m in got} == set(range(n)) and len(pids) == 4, "12 calls on 4 workers", pids)
    s.end()
    s = Server("--workers", "1", "--queue", "2")
    shake(s)
    s.send(*({"jsonrpc": "2.0", "id": i, "method": "tools/call",
              "params": call("slow", {"ms": 200})} for i in range(5)))
    got = {m["id"]: m for m in (s.line() for _ in range(5))}
    full = [i for i, m in got.items() if code(m) == -32603]
    ok(full == [3, 4], "one runs, two wait, the others are refused", got)
    s.end()
    s = Server("--idle-ms", "50")
    shake(s)
    pid = s.ask(1, "tools/call", call("echo"))["result"]["structuredContent"]["pid"]
    gone = pause_until(lambda: not os.path.exists(f"/proc/{pid}"), "an idle worker ends")
    ok(gone, "an idle worker ends and is reaped")
    ok(s.ask(2, "tools/call", call("echo"))["result"]["structuredContent"]["pid"] != pid,
       "and a new one comes when needed")
    s.end()


def cancellation(tmp):
    s = Server("--workers", "1")
    shake(s)
    mark = os.path.join(tmp, "cancelled")
    s.send({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": call("slow", {"ms": 60000, "cancel_file": mark}, token="c")})
    ok(s.line().get("method") == "notifications/progress", "a call runs")
    s.send({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call("echo")},
           {"jsonrpc": "2.0", "id": "1", "method": "ping"},
           {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "1"}},
           {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}},
           {"jsonrpc": "2.0", "method": "notifications/cancelled",
            "params": {"requestId": 1, "reason": "user stop"}},
           {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": call("echo", {"n": 3})})
    ok(s.answer("1")["result"] == {}, "a cancel with the other type of id hits nothing")
    m = s.answer(3)
    ok(m["result"]["structuredContent"]["arguments"] == {"n": 3},
       "the worker is free again; nothing was said for the cancelled ids", m)
    ok(pause_until(lambda: os.path.exists(mark), "tool saw it"), "the tool saw the cancellation")
    s.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 3}})
    ok(s.ask(4, "tools/call", call("echo"))["result"]["isError"] is False,
       "a cancel after the answer hurts nobody")
    rest, rc = s.end()
    ok(rest == [] and rc == 0, "and nothing is left over", rest)


# ---- the end ----

def leaving(tmp):
    s = Server()
    shake(s)
    s.send({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call("slow", {"ms": 200})},
           {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call("echo")})
    rest, rc = s.end()
    ok({m["id"] for m in rest} == {1, 2} and rc == 0, "end of input: running calls are answered",
       rest)

    for how in ("eof", "term", "kill", "group", "unit"):
        path = os.path.join(tmp, how)
        s = Server("--drain-eof-ms", "50", "--drain-term-ms", "50")
        shake(s)
        s.send({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                "params": call("outlive", {"path": path, "ms": 1500})})
        pause_until(lambda: os.path.exists(path + ".started"), how)
        if how == "eof":
            s.p.stdin.close()
        elif how == "term":
            s.p.send_signal(signal.SIGTERM)
        elif how == "kill":
            s.p.kill()
        elif how == "group":
            # A host that kills the process group it made for us.
            for pid in family(s.p.pid, same_group=True):
                os.kill(pid, signal.SIGKILL)
        else:
            # systemd stopping a unit: SIGTERM to every process of it.
            for pid in family(s.p.pid, same_group=False):
                os.kill(pid, signal.SIGTERM)
        s.p.wait(WAIT)
        early = not os.path.exists(path)
        done = pause_until(lambda: os.path.exists(path), f"{how}: outcome")
        ok(early and done, f"{how}: the server ends, the running call writes its outcome")
        if how == "term":
            ok(s.p.returncode == 0, "SIGTERM: exit 0", s.p.returncode)
        if not s.p.stdin.closed:
            s.p.stdin.close()
        s.p.stdout.close()
        s.p.stderr.close()

    s = Server("--workers", "1", "--drain-term-ms", "2000")
    shake(s)
    s.send({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": call("slow", {"ms": 300}, token="t")})
    s.line()
    s.send({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call("echo")},
           {"jsonrpc": "2.0", "id": 3, "method": "ping"})
    s.answer(3)
    s.p.send_signal(signal.SIGTERM)
    m = s.line()
    ok(m.get("id") == 2 and code(m) == -32603 and "not started" in m["error"]["message"],
       "SIGTERM: a queued call is refused as not started", m)
    ok(s.answer(1)["result"]["isError"] is False, "and the running one is answered in time")
    rest, rc = s.end()
    ok(rc == 0, "exit 0", rc)

    r, w = os.pipe()
    s = Server(stdout=w)
    os.close(w)
    os.close(r)  # a host whose read end is gone
    try:
        s.send({"jsonrpc": "2.0", "id": 1, "method": "ping"})
    except BrokenPipeError:
        pass
    s.p.wait(WAIT)
    ok(s.p.returncode == 0, "nobody reads: the server ends by itself", s.p.returncode)
    s.p.stdin.close()
    s.p.stderr.close()


def family(pid, same_group):
    """The server and its children, or those of them in its process group: only what we started."""
    group = os.getpgid(pid)
    found = [pid]
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = open(f"/proc/{name}/stat").read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid and (int(fields[2]) == group or not same_group):
            found.append(int(name))
    return found


def files(tmp):
    """stdin and stdout as plain files, /dev/null, and a reader that does not read."""
    req = os.path.join(tmp, "requests")
    with open(req, "w") as f:
        for i in range(3):
            f.write(json.dumps({"jsonrpc": "2.0", "id": i, "method": "tools/call",
                                "params": call("echo", era="modern")}) + "\n")
    with open(req) as i, open(os.path.join(tmp, "answers"), "w+") as o:
        rc = subprocess.run([FIXTURE], stdin=i, stdout=o, stderr=subprocess.DEVNULL,
                            timeout=WAIT).returncode
        o.seek(0)
        got = sorted(json.loads(x)["id"] for x in o)
    ok(rc == 0 and got == [0, 1, 2], "plain files as stdin and stdout", got)
    rc = subprocess.run([FIXTURE], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                        timeout=WAIT).returncode
    ok(rc == 0, "/dev/null")
    rc = subprocess.run(["bash", "-c", '"$1" >&- </dev/null 2>/dev/null', "x", FIXTURE],
                        timeout=WAIT).returncode
    ok(rc == 1, "closed stdout is an error", rc)
    # A host that reads nothing while it sends: the server stops reading instead of growing.
    s = Server()
    shake(s)
    n = 15000  # 45 MB of answers: more than the queue's ceiling
    sent = 0
    os.set_blocking(s.p.stdin.fileno(), False)
    lines = b"".join(json.dumps({"jsonrpc": "2.0", "id": i, "method": "tools/list"}).encode()
                     + b"\n" for i in range(n))
    got = b""
    while sent < len(lines) and select.select([], [s.p.stdin], [], 1)[1]:
        try:
            sent += os.write(s.p.stdin.fileno(), lines[sent:sent + 65536])
        except BlockingIOError:
            pass
    ok(sent < len(lines), "a host that does not read is not read from", (sent, len(lines)))
    seen = 0
    while seen < n:
        ready = select.select([s.p.stdout], [s.p.stdin] if sent < len(lines) else [], [], WAIT)
        if ready[1]:
            try:
                sent += os.write(s.p.stdin.fileno(), lines[sent:sent + 65536])
            except BlockingIOError:
                pass
        if ready[0]:
            got = os.read(s.p.stdout.fileno(), 1 << 20)
            seen += got.count(b"\n")
        if not ready[0] and not ready[1]:
            break
    # A queue that grew past its ceiling instead would have ended the server before the last answer.
    ok(seen == n, "and all its requests are answered once it does", seen)
    s.end()


def main():
    if not os.access(FIXTURE, os.X_OK):
        print(f"Bail out! {FIXTURE} is not built")
        return 1
    with tempfile.TemporaryDirectory(prefix="mcp-raw-") as tmp:
        for part in (bad_input, long_lines, eras, batches, calls, progress, interleaved):
            part()
        cancellation(tmp)
        leaving(tmp)
        files(tmp)
    print(f"1..{count}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
