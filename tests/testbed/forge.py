# SPDX-License-Identifier: Apache-2.0
"""What a client that was taken over would try: its own key and connection, a well-formed request,
and an intent that is in no ledger. Only the standard library and openssl(1); no code of the product."""
import base64
import hashlib
import http.client
import json
import secrets
import ssl
import subprocess
import time


def b64(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


class Forger:
    def __init__(self, key, address, workdir):
        """key: the client's key file; a self-signed certificate is made around it."""
        self.host, port = address.rsplit(":", 1)
        self.port = int(port)
        cert = f"{workdir}/forger.crt"
        subprocess.run(["openssl", "req", "-new", "-x509", "-key", key, "-subj", "/CN=x", "-days",
                        "1", "-out", cert], check=True, capture_output=True,
                       stdin=subprocess.DEVNULL)
        self.ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # Who the node is does not matter here: the question is what it accepts.
        self.ctx.check_hostname = False
        self.ctx.verify_mode = ssl.CERT_NONE
        self.ctx.load_cert_chain(cert, key)

    def send(self, method, path, body=None):
        conn = http.client.HTTPSConnection(self.host, self.port, context=self.ctx, timeout=60)
        try:
            conn.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            answer = conn.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            conn.close()

    def post(self, path, body):
        status, text = self.send("POST", path, json.dumps(body))
        try:
            return status, json.loads(text)
        except ValueError:
            return status, {"raw": text}

    def head(self, origin):
        """The log's head as this node last cosigned it: a checkpoint the node cannot refuse."""
        status, text = self.send("GET", "/v1/checkpoint/" + hashlib.sha256(origin.encode()).hexdigest())
        if status != 200:
            raise OSError(f"no head from the node: HTTP {status}: {text[:200]}")
        return text

    def act_without_plan(self, request, checkpoint, approvals=()):
        """`request` was really planned once; here it gets another nonce, and an intent entry that
        was made up for it and claims a place in the real tree."""
        lines = [f"nonce {secrets.token_hex(16)}" if line.startswith("nonce ") else line
                 for line in request.splitlines()]
        text = "\n".join(lines) + "\n"
        node = next(line.split()[1] for line in lines if line.startswith("node "))
        now = int(time.time())
        intent = "\n".join([
            "proximo-entry/v1", "kind intent", f"time {now}", "actor mcp:forger",
            f"nonce {secrets.token_hex(16)}",
            "plan sha256:" + hashlib.sha256(b"no such plan").hexdigest(), "approval none",
            f"expires {now + 600}", "taint no",
            f"request {node} sha256:" + hashlib.sha256(text.encode()).hexdigest(), "", "{}"])
        size = int(checkpoint.splitlines()[1])
        return self.post("/v1/act", {
            "request": b64(text), "intent": b64(intent), "index": size - 1, "inclusion": [],
            "checkpoint": checkpoint, "old": size, "consistency": [], "approvals": list(approvals)})
