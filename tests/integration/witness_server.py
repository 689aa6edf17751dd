# SPDX-License-Identifier: Apache-2.0
"""A small C2SP tlog-witness for tests, written from the protocol's text and sharing no code with the
programs: HTTPS, add-checkpoint, one log. What it must not sign it does not sign."""
import base64
import hashlib
import http.server
import os
import re
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time

SRC = os.environ.get("top_srcdir", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
sys.path.insert(0, os.path.join(SRC, "tests/verify"))
import ed25519  # noqa: E402


def sha(data):
    return hashlib.sha256(data).digest()


def consistent(old, new, proof, old_root, new_root):
    """RFC 9162, 2.1.4.2."""
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof
    if not proof:
        return False
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = sha(b"\1" + c + fr), sha(b"\1" + c + sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = sha(b"\1" + sr + c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == old_root and sr == new_root


def run(*argv, data=None):
    return subprocess.run(argv, input=data, check=True, capture_output=True).stdout


class Witness:
    """`hook(witness)` is called for each request before it is answered."""

    def __init__(self, name):
        self.name = name
        self.dir = tempfile.mkdtemp(prefix="witness-")
        self.log = None  # verifier key of the log that it knows
        self.size, self.root = 0, sha(b"")
        self.asked = self.conflicts = self.refused = 0
        self.hook = None
        self.says_409 = False  # of another root of the same size, else 422: there are both
        self.seed = os.path.join(self.dir, "seed.pem")
        run("openssl", "genpkey", "-algorithm", "ed25519", "-out", self.seed)
        public = run("openssl", "pkey", "-in", self.seed, "-pubout", "-outform", "DER")[-32:]
        raw = b"\x04" + public
        self.id = sha(name.encode() + b"\n" + raw)[:4]
        self.key = f"{name}+{self.id.hex()}+{base64.b64encode(raw).decode()}"
        self.ca = os.path.join(self.dir, "cert.pem")
        run("openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "2", "-subj",
            "/CN=witness", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
            os.path.join(self.dir, "key.pem"), "-out", self.ca)
        self.start()

    def start(self, port=0):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca, os.path.join(self.dir, "key.pem"))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), self.handler())
        self.server.daemon_threads = True
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def section(self, **override):
        conf = {"key": self.key, "url": f"https://127.0.0.1:{self.port}/submit/", "ca": self.ca}
        conf.update(override)
        return f"[witness {self.name.replace('/', '-')}]\n" + "".join(
            f"{k} = {v}\n" for k, v in conf.items() if v)

    def handler(self):
        witness = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                witness.asked += 1
                if witness.hook:
                    witness.hook(witness)
                status, text = (404, "") if self.path != "/submit/add-checkpoint" else \
                    witness.answer(body)
                witness.refused += status not in (200, 409)
                self.send_response(status)
                self.send_header("Content-Type",
                                 "text/x.tlog.size" if status == 409 else "text/plain")
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        return Handler

    def is_signed(self, text, signatures):
        name, ident, key = self.log.split("+", 2)
        for line in signatures:
            match = re.fullmatch("\u2014 (\\S+) (\\S+)", line)
            blob = base64.b64decode(match.group(2)) if match else b""
            if match and match.group(1) == name and blob[:4].hex() == ident:
                return ed25519.verify(base64.b64decode(key)[1:], text.encode(), blob[4:])
        return False

    def answer(self, body):
        head, _, note = body.decode().partition("\n\n")
        text, _, signatures = note.rpartition("\n\n")
        text += "\n"
        rows = text.split("\n")
        old = re.fullmatch("old (0|[1-9][0-9]*)", head.split("\n")[0])
        proof = [base64.b64decode(line, validate=True) for line in head.split("\n")[1:]]
        if not old or len(rows) < 4:
            return 400, ""
        if not self.log or rows[0] != self.log.split("+")[0]:
            return 404, ""
        if not self.is_signed(text, signatures.split("\n")):
            return 403, ""
        old, size, root = int(old.group(1)), int(rows[1]), base64.b64decode(rows[2])
        if old > size:
            return 400, ""
        if old != self.size:
            self.conflicts += 1
            return 409, f"{self.size}\n"
        if old == size and root != self.root:
            return (409, f"{self.size}\n") if self.says_409 else (422, "")
        if not consistent(old, size, proof, self.root, root):
            return 422, ""
        self.size, self.root = size, root
        return 200, self.cosign(text)

    def cosign(self, text):
        when = int(time.time())
        path = os.path.join(self.dir, f"message.{threading.get_ident()}")
        with open(path, "wb") as f:
            f.write(b"cosignature/v1\ntime %d\n" % when + text.encode())
        signature = run("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.seed, "-in", path)
        blob = self.id + struct.pack(">Q", when) + signature
        return f"\u2014 {self.name} {base64.b64encode(blob).decode()}\n"
