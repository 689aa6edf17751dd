# SPDX-License-Identifier: Apache-2.0
"""What the fault tests share: a proxy between client and simulated cluster that can stop, spoil or
drop any one exchange at a known point, a world that remembers everything that was printed, and the
search for planted secrets."""

import base64
import http.client
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import threading
import time
import urllib.parse
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import BUILD, CLIENT, World, skip_all  # noqa: E402

SHIM = os.path.join(BUILD, "tests/integration/fault_shim.so")
PATIENCE = 120  # seconds until a step that never comes is a failure, whatever the machine's load


def make_certificate(directory, name="127.0.0.1", ca=None, expired=False):
    """A key and a certificate for that address, in one PEM file; returns (file, fingerprint)."""
    base = os.path.join(directory, "cert-" + os.urandom(4).hex())
    new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
           "-keyout", base + ".key", "-subj", f"/CN={name}", "-out", base + ".csr"]
    subprocess.run(new, check=True, capture_output=True)
    conf = base + ".cnf"
    with open(conf, "w", encoding="utf-8") as f:
        f.write(f"[x]\nsubjectAltName=IP:{name}\n[a]\ndatabase={base}.db\nserial={base}.srl\n"
                "policy=p\nnew_certs_dir=" + directory + "\n[p]\ncommonName=supplied\n")
    open(base + ".db", "w", encoding="utf-8").close()
    with open(base + ".srl", "w", encoding="utf-8") as f:
        f.write(os.urandom(8).hex() + "\n")
    signer = ["-cert", ca + ".crt", "-keyfile", ca + ".key"] if ca else ["-selfsign", "-keyfile",
                                                                           base + ".key"]
    end = "20200101000000Z" if expired else "20401231000000Z"
    subprocess.run(["openssl", "ca", "-batch", "-config", conf, "-name", "a", "-extensions", "x",
                    "-md", "sha256", "-notext", "-startdate", "20190101000000Z", "-enddate", end,
                    "-in", base + ".csr", "-out", base + ".crt", *signer], check=True,
                   capture_output=True)
    pem = open(base + ".crt", encoding="ascii").read()
    with open(base + ".pem", "w", encoding="ascii") as f:
        f.write(pem + open(base + ".key", encoding="ascii").read())
    der = ssl.PEM_cert_to_DER_cert(pem)
    import hashlib
    digest = hashlib.sha256(der).hexdigest().upper()
    return base, ":".join(digest[i:i + 2] for i in range(0, 64, 2))


class Fault:
    """One exchange, the nth that matches, and what happens to it:
    `before`: stopped before the cluster sees it; `after`: stopped when the cluster has answered;
    both until release(), which then cuts the connection. `pause`: stopped before the cluster sees
    it, and passed on after release(); `late`: the answer waits for release(). `drop-before`, `drop-after`: cut at once.
    Or a function of (status, reason, body) that gives what is sent in the answer's place.
    Or ("answer", status, reason): that, and the cluster sees nothing.
    method `*` is any, `change` any but GET; once_changed: only what comes after the next changing request counts."""

    def __init__(self, method, pattern, what, once_changed=False, skip=0, count=1):
        self.method = method
        self.pattern = re.compile(pattern)
        self.what = what
        self.once_changed = once_changed
        self.skip = skip
        self.left = count
        self.reached = threading.Event()
        self.released = threading.Event()

    def wait(self, proc=None):
        """Until somebody is there; proc: who must come, and has not ended instead."""
        deadline = time.monotonic() + PATIENCE
        while not self.reached.wait(0.1):
            if time.monotonic() > deadline or (proc and proc.poll() is not None):
                raise RuntimeError(f"nobody came to {self.method} {self.pattern.pattern}")

    def release(self):
        self.released.set()


class Proxy:
    """Speaks TLS with a certificate of its own and passes each request on to the real address."""

    def __init__(self, directory, target, ca=None, expired=False):
        self.target = urllib.parse.urlsplit(target)
        base, self.fingerprint = make_certificate(directory, ca=ca, expired=expired)
        self.faults = []
        self.changes = []  # (method, path, body, passed on to the cluster)
        self.asked = []  # paths of all requests
        self.lock = threading.Lock()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(base + ".pem")
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = "https://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.requests = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def add(self, *args, **kw):
        fault = Fault(*args, **kw)
        with self.lock:
            fault.seen = len(self.changes)
            self.faults.append(fault)
        return fault

    def clear(self):
        with self.lock:
            for f in self.faults:
                f.release()
            self.faults = []

    def close(self):
        self.clear()
        self.listener.shutdown(socket.SHUT_RDWR)  # else accept() goes on, for who gets its number next
        self.listener.close()

    def accept(self):
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(raw,), daemon=True).start()

    def take(self, method, path):
        with self.lock:
            self.requests += 1
            self.asked.append(path)
            for f in self.faults:
                if f.left and (f.method in ("*", method) or f.method == "change" and method != "GET") and \
                        f.pattern.search(path):
                    if f.once_changed and len(self.changes) == f.seen:
                        continue
                    if f.skip:
                        f.skip -= 1
                        continue
                    f.left -= 1
                    return f
        return None

    def serve(self, raw):
        try:
            with self.context.wrap_socket(raw, server_side=True) as s:
                f = s.makefile("rb")
                while self.one(s, f):
                    pass
        except (OSError, ValueError, http.client.HTTPException):
            pass  # the other side is gone, or refused our certificate: both are the test's doing
        finally:
            raw.close()

    def one(self, s, f):
        line = f.readline().split()
        if len(line) != 3:
            return False
        method, path = line[0].decode(), line[1].decode()
        headers = {}
        while True:
            h = f.readline().strip()
            if not h:
                break
            key, _, value = h.decode().partition(":")
            headers[key.strip().lower()] = value.strip()
        body = f.read(int(headers.get("content-length", 0)))
        fault = self.take(method, path)
        what = fault.what if fault else None
        kept_off = what in ("before", "drop-before") or isinstance(what, tuple)
        record = [method, path, body.decode(), not kept_off]
        if method != "GET":
            self.changes.append(record)
        if isinstance(what, tuple):
            fault.reached.set()
            s.sendall(render(what[1], what[2], b'{"data":null}'))
            return False
        if what in ("before", "drop-before"):
            fault.reached.set()
            if what == "before":
                fault.released.wait(PATIENCE)
            return False
        if what == "pause":
            fault.reached.set()
            fault.released.wait(PATIENCE)
            what = None
        answer = self.forward(method, path, headers, body)
        if what == "late":
            fault.reached.set()
            fault.released.wait(PATIENCE)
            what = None
        if what in ("after", "drop-after"):
            fault.reached.set()
            if what == "after":
                fault.released.wait(PATIENCE)
            return False
        if what:
            out = what(*answer)
            fault.reached.set()
            s.sendall(out)
            return False
        s.sendall(render(*answer))
        return True

    def forward(self, method, path, headers, body):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        c = http.client.HTTPSConnection(self.target.hostname, self.target.port, context=context,
                                        timeout=PATIENCE)
        headers = {k: v for k, v in headers.items()
                   if k in ("authorization", "content-type")}
        c.request(method, path, body or None, headers)
        r = c.getresponse()
        data = r.read()
        c.close()
        return r.status, r.reason, data


def render(status, reason, body, length=None):
    return (f"HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body) if length is None else length}\r\n\r\n").encode() + body


class FaultWorld(World):
    """A world behind a proxy, with planted secrets. Everything that a client prints is kept."""

    def __init__(self, *sim_options, **kw):
        self.printed = []
        self.canaries = {}
        self.operator_keys = {}
        self.proxy = None
        super().__init__(*sim_options, **kw)
        self.proxy = Proxy(self.mkdir("proxy"), self.sim.info["url"])
        self.write_config()
        token = open(self.sim.info["token-file"], encoding="utf-8").read().strip()
        self.plant("token", re.split("[=:]", token, maxsplit=1)[1])  # of a cluster, of a backup server

    def plant(self, what, value=None):
        value = value or f"CANARY{what}" + os.urandom(6).hex()
        self.canaries[what] = value
        return value

    def write_config(self, **override):
        if self.proxy:
            override = {"url": self.proxy.url, "fingerprint": self.proxy.fingerprint, **override}
        super().write_config(**override)

    def text(self, *args, **kw):
        code, out, err = super().text(*args, **kw)
        self.printed.append(out + err)
        return code, out, err

    def on_tty(self, args, answers, timeout=PATIENCE):
        code, seen = super().on_tty(args, answers, timeout)
        self.printed.append(seen)
        return code, seen

    def finish(self, p):
        """The end of a process started with popen: (exit code, parsed or None, all output)."""
        out, err = p.communicate(timeout=PATIENCE)
        self.printed.append(out + err)
        line = out.strip().splitlines()[-1] if out.strip() else ""
        try:
            return p.returncode, json.loads(line) if line else None, out + err
        except json.JSONDecodeError:
            return p.returncode, None, out + err

    def kill(self, p):
        """kill -9, and what it had printed until then."""
        p.kill()
        out, err = p.communicate(timeout=PATIENCE)
        self.printed.append(out + err)
        return out + err

    def spoiled(self, fault, *args, **kw):
        """Runs a client up to the fault's point, kills it there, lets the cluster's side go on."""
        p = self.popen(*args, **kw)
        try:
            fault.wait(p)
        finally:
            text = self.kill(p)
            fault.release()
        return text

    def apply_killed(self, plan, *fault, **kw):
        """Applies up to the fault's point and kills the client there."""
        f = self.proxy.add(*fault, **kw)
        if plan["plan"]["approval"]["required"] == "host":
            pid, fd = self.start_on_tty(["apply", plan["plan_id"]], "[y/N]", "y")
            f.wait()
            self.kill_on_tty(pid, fd)
            f.release()
        else:
            self.spoiled(f, "--json", "apply", plan["plan_id"])
        self.proxy.clear()

    def start_on_tty(self, args, wait_for, answer):
        """A client on a terminal of its own that has asked its question and got its answer (None:
        it gets none)."""
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(CLIENT, [CLIENT, *args], self.env())
        seen = b""
        deadline = time.monotonic() + PATIENCE
        while wait_for.encode() not in seen:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([fd], [], [], left)[0]:
                raise RuntimeError(f"{args}: it never asked {wait_for}: {seen!r}")
            seen += os.read(fd, 65536)
        if answer is not None:
            os.write(fd, answer.encode() + b"\n")
        self.printed.append(seen.decode(errors="replace"))
        return pid, fd

    def kill_on_tty(self, pid, fd):
        os.kill(pid, signal.SIGKILL)
        self.finish_on_tty(pid, fd)

    def finish_on_tty(self, pid, fd):
        """The end of a process on a terminal of its own, and all that it had printed."""
        try:
            while more := os.read(fd, 65536):
                self.printed.append(more.decode(errors="replace"))
        except OSError:
            pass  # the end of a terminal
        os.waitpid(pid, 0)
        os.close(fd)

    def sim_call(self, method, path, /, **form):
        """A call of somebody else, past client and proxy."""
        token = open(self.sim.info["token-file"], encoding="utf-8").read().strip()
        url = urllib.parse.urlsplit(self.sim.info["url"])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        c = http.client.HTTPSConnection(url.hostname, url.port, context=context, timeout=PATIENCE)
        c.request(method, "/api2/json" + path, urllib.parse.urlencode(form) or None,
                  {"Authorization": self.sim.scheme + token,
                   "Content-Type": "application/x-www-form-urlencoded"})
        r = c.getresponse()
        data = r.read()
        c.close()
        if r.status != 200:
            raise RuntimeError(f"{method} {path}: {r.status} {r.reason} {data[:300]}")
        return json.loads(data)["data"]

    def sim_fault(self, spec):
        self.sim_call("POST", "/sim/fault", spec=spec)

    def shim(self, **settings):
        """Environment that puts the test's own clock or disk under the client."""
        asan = os.environ.get("ASAN_OPTIONS", "")
        return {"LD_PRELOAD": SHIM, "ASAN_OPTIONS": f"{asan}:verify_asan_link_order=0",
                **{k: str(v) for k, v in settings.items()}}

    def carried_out(self, plan, **env):
        """Applies a plan with whatever approval it needs: (exit code, all output)."""
        need = plan["plan"]["approval"]["required"]
        if need == "operator":
            self.approve(plan["plan_id"])
        if need == "host":
            return self.on_tty(["apply", plan["plan_id"]], [("[y/N]", "y")])
        code, _, text = self.run("apply", plan["plan_id"], **env)
        return code, text

    def note(self, text, name="alice", passphrase="correct horse"):
        """A note over that text, signed with an operator's own key but without the product."""
        source = os.path.join(self.dir, "note-text")
        with open(source, "w", encoding="utf-8") as f:
            f.write(text)
        pem = os.path.join(self.config, "operators", name + ".pem")
        sig = subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", pem, "-passin",
                              "pass:" + passphrase, "-in", source], check=True,
                             capture_output=True).stdout
        key_name, key_id, _ = self.operator_keys[name].split("+", 2)
        path = os.path.join(self.dir, "note-" + os.urandom(4).hex())
        with open(path, "w", encoding="utf-8") as f:
            blob = base64.b64encode(bytes.fromhex(key_id) + sig).decode()
            f.write(f"{text}\n\u2014 {key_name} {blob}\n")
        return path

    def operator(self, name="alice", passphrase="correct horse"):
        self.operator_keys[name] = super().operator(name, passphrase)
        return self.operator_keys[name]

    # -- what must hold after every fault ------------------------------------------------------

    def sound(self, t, when):
        code, report, text = self.verify()
        t.ok(code == 0 and report and report["ok"], f"{when}: the ledger verifies", text)

    def no_secret(self, t, when):
        found = self.leaks()
        t.ok(not found, f"{when}: no planted secret outside its own 0600 file", "\n".join(found))

    def no_unrecorded(self, t, when):
        """Each change that left the client is a request of a plan whose intent is in the ledger."""
        allowed = []
        for kind, head in self.entries():
            if kind == "intent":
                plan = self.body(head["plan"][0])
                allowed += [(r["method"], urllib.parse.unquote(r["path"])) for r in plan["requests"]
                            if r.get("method") and r["phase"] != "undo"]
        left = list(allowed)
        stray = []
        for method, path, _, _ in self.proxy.changes:
            bare = urllib.parse.unquote(path.split("?")[0].removeprefix("/api2/json"))
            if (method, bare) in left:
                left.remove((method, bare))  # twice would be one too many
            else:
                stray.append(f"{method} {path}")
        t.ok(not stray, f"{when}: nothing was sent that is not in the ledger, nothing twice",
             "\n".join(stray) + f"\nallowed: {allowed}")

    def entries(self):
        """All entries as (kind, {key: [values]}), read without the product: one process a call
        would make the long sweeps last minutes."""
        out = []
        folder = os.path.join(self.ledger, "entries")
        for name in sorted(os.listdir(folder)):
            data = open(os.path.join(folder, name), "rb").read()
            while len(data) >= 4:
                n = int.from_bytes(data[:4], "big")
                lines = data[4:4 + n].partition(b"\n\n")[0].decode().splitlines()
                head = {}
                for line in lines[1:]:
                    key, _, value = line.partition(" ")
                    head.setdefault(key, []).append(value)
                out.append((head["kind"][0], head))
                data = data[4 + n:]
        return out

    def body(self, digest):
        """A body of the ledger by its hash, read without the product."""
        digest = digest.removeprefix("sha256:")
        raw = open(os.path.join(self.ledger, "bodies", digest[:2], digest), "rb").read()
        return json.loads(zlib.decompress(raw[raw.index(b"\n") + 1:]))

    def digest(self, plan):
        """The digest of a plan of ours: the plan_id is its first characters in base32."""
        for kind, head in self.entries():
            if kind == "plan":
                raw = bytes.fromhex(head["plan"][0].removeprefix("sha256:"))
                if base64.b32encode(raw).decode().lower().startswith(plan["plan_id"][2:]):
                    return head["plan"][0]
        raise RuntimeError(f"{plan['plan_id']} is not in the ledger")

    def leaks(self):
        out = []
        forms = {}
        for what, value in self.canaries.items():
            raw = value.encode()
            forms[what] = {raw, base64.b64encode(raw)[:-4], raw.hex().encode(),
                           urllib.parse.quote(value, safe="").encode()}
        for text in self.printed:
            out += [f"{what}: in output: {text[:300]}" for what, f in forms.items()
                    if any(x in text.encode() for x in f)]
        for top in (self.state, self.config):
            for folder, _, files in os.walk(top):
                for name in files:
                    path = os.path.join(folder, name)
                    data = open(path, "rb").read()
                    data += unpacked(data)
                    hit = [what for what, f in forms.items() if any(x in data for x in f)]
                    mode = stat.S_IMODE(os.stat(path).st_mode)
                    if hit and ("/secrets/" not in path or mode != 0o600):
                        out.append(f"{', '.join(hit)}: in {path} (mode {mode:o})")
        return out

    def secrets(self):
        """Names of the secret files that are there."""
        try:
            return sorted(os.listdir(os.path.join(self.ledger, "secrets")))
        except FileNotFoundError:
            return []

    def ops(self):
        code, v, text = self.run("ops")
        if code != 0 or not v:
            raise RuntimeError(text)
        return v

    def close(self):
        if self.proxy:
            self.proxy.close()
        super().close()


def unpacked(data):
    """What a body or a closed segment holds, when it is one."""
    out = b""
    for m in re.finditer(rb"x[\x01\x5e\x9c\xda]", data[:4096]):
        try:
            out += zlib.decompressobj().decompress(data[m.start():])
        except zlib.error:
            continue
    return out


def need_openssl(skip_all):
    if not shutil.which("openssl"):
        skip_all("openssl is not installed")
    if not os.path.exists(CLIENT):
        skip_all("proximo-client is not built")


def node_with_container(lab, vmid, policy):
    """A lab with a real container and a node that its client trusts, for tests that kill by the shim.
    The container's root directory."""
    from lab import LabError  # the testbed's, which only labs need

    try:
        lab.ct("ct_possible")
    except LabError as e:
        skip_all(str(e))
    if not os.path.exists(SHIM):
        skip_all("the shim is not built")
    lab.start_sim()
    _, _, root = lab.make_container(vmid)
    lab.back_guest(vmid)
    lab.configure([("exec", "yes"), ("ct-allow", str(vmid))])
    lab.operator()
    lab.start_node(policy)
    lab.join()
    lab.trust()
    return root
