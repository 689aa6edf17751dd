# SPDX-License-Identifier: Apache-2.0
"""A small MCP client over stdio, standard library only: enough for a conversation from a test."""
import json
import os
import select
import subprocess
import time


class McpError(Exception):
    """A JSON-RPC error: the call was not understood. Refusals are results, not errors."""

    def __init__(self, error):
        super().__init__(f"{error.get('code')}: {error.get('message')}")
        self.error = error


class Result:
    """A tool's answer: `data` is its structured content, `error` says whether it is a refusal."""

    def __init__(self, result):
        self.raw = result
        self.error = bool(result.get("isError"))
        self.data = result.get("structuredContent") or {}
        self.text = "\n".join(c.get("text", "") for c in result.get("content", ())
                              if c.get("type") == "text")

    @property
    def code(self):
        """The refusal's code; tools with an output schema carry the error in the text instead."""
        if "code" in self.data:
            return self.data["code"]
        return self.text.split(":", 1)[0].strip() if self.error else None


class Mcp:
    """One server process, legacy era (the handshake most hosts still do)."""

    VERSION = "2025-06-18"

    def __init__(self, command, env=None, name="testbed", wait=90):
        self.wait = wait
        self.next_id = 0
        self.buffer = b""
        self.notes = []
        self.proc = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)
        try:
            answer = self.request("initialize", protocolVersion=self.VERSION, capabilities={},
                                  clientInfo={"name": name, "version": "1"})
            self.server = answer["serverInfo"]
            self.instructions = answer.get("instructions", "")
            self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        except BaseException:
            self.close()
            raise

    def _send(self, message):
        self.proc.stdin.write(json.dumps(message).encode() + b"\n")
        self.proc.stdin.flush()

    def _message(self, deadline):
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.proc.stdout], [], [], left)[0]:
                raise TimeoutError(f"no answer within {self.wait} s")
            more = os.read(self.proc.stdout.fileno(), 1 << 20)
            if not more:
                raise EOFError("the server ended")
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def request(self, method, **params):
        self.next_id += 1
        self._send({"jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params})
        deadline = time.monotonic() + self.wait
        while True:
            message = self._message(deadline)
            if message.get("id") == self.next_id and "method" not in message:
                if "error" in message:
                    raise McpError(message["error"])
                return message["result"]
            self.notes.append(message)

    def tools(self):
        return self.request("tools/list")["tools"]

    def call(self, tool, **arguments):
        return Result(self.request("tools/call", name=tool, arguments=arguments))

    def close(self):
        """End of input; the server ends by itself, and is ended if it does not."""
        if self.proc.stdin and not self.proc.stdin.closed:
            self.proc.stdin.close()
        try:
            self.proc.wait(40)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
        self.proc.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
