# SPDX-License-Identifier: Apache-2.0
"""An API that answers a read with nonsense, errors or nothing, and credentials that must not be used.
The promise: a clear error with its code; nothing is sent to a peer that is not the right one; no
planted secret shows up, not even one that the API sends back in its refusal."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Tap, skip_all  # noqa: E402
from fault_lib import FaultWorld, Proxy, make_certificate, need_openssl, render  # noqa: E402

need_openssl(skip_all)
w = FaultWorld("--task-ms", "20")
KNOWN = {"pve_bad_answer", "pve_error", "pve_unreachable", "pve_unknown", "pve_not_found",
         "pve_bad_request", "answer_too_large", "no_such_guest"}


def data(value):
    return lambda status, reason, body: render(200, "OK", json.dumps({"data": value}).encode())


def fixed(body, status=200, reason="OK"):
    return lambda *_: render(status, reason, body)


def cut(status, reason, body):
    return render(status, reason, body[:len(body) // 2], length=len(body))


def cut_json(status, reason, body):
    return render(status, reason, body[:len(body) // 2])


SPOILED = {
    "garbage": fixed(bytes(range(256)) * 8),
    "HTML": fixed(b"<html><body>It works!</body></html>"),
    "an empty body": fixed(b""),
    "truncated JSON": cut_json,
    "a cut body": cut,
    "not HTTP": lambda *_: b"SSH-2.0-OpenSSH_9.2p1\r\n",
    "deep nesting": fixed(b'{"data":' + b"[" * 5000 + b"]" * 5000 + b"}"),
    "a repeated key": fixed(b'{"data":1,"data":2}'),
    "data null": data(None),
    "data a number": data(7),
    "data a text": data("x" * 1000),
    "data a list of lists": data([[], [[]], None, 5]),
    "data an object": data({"data": {"vmid": {}, "status": []}}),
    "status 500": fixed(b'{"data":null,"message":"got no cheese"}', 500, "got no cheese"),
    "status 596": fixed(b"", 596, "Broken pipe"),
    "status 302": lambda *_: b"HTTP/1.1 302 Found\r\nlocation: https://127.0.0.1:1/\r\n"
                             b"content-length: 0\r\n\r\n",
    "dropped before": "drop-before",
    "dropped after": "drop-after",
}


def huge(*_):
    return render(200, "OK", b'{"data":"' + b"x" * (66 << 20) + b'"}')


def guest():
    _, v, text = w.read("pve_list_guests", limit=1000)
    for g in v["items"]:
        if g["kind"] == "qemu" and not g.get("template"):
            return g["vmid"]
    raise RuntimeError(text)


GUEST = guest()


def code_of(v):
    return (v or {}).get("error", {}).get("code") if isinstance((v or {}).get("error"), dict) \
        else (v or {}).get("code")


def test_reads(t):
    for what, how in [*SPOILED.items(), ("66 MiB", huge)]:
        w.proxy.add("GET", r"/version", how)
        code, v, text = w.run("read", "pve_version")
        w.proxy.clear()
        good = code in (0, 1) and v and (code == 0 or code_of(v) in KNOWN)
        t.ok(good and len(text) < 4000, f"a read answered with {what}: {code_of(v) or 'no error'}",
             f"{code} {text[:2000]}")
    t.ok(code == 1, "an answer without end is refused", text[:500])


def test_echo(t):
    """An API that sends a secret parameter back in its refusal."""
    for n, length in enumerate((12, 60, 200)):
        secret = w.plant(f"password{n}", ("CANARY" + os.urandom(length).hex())[:length])
        args = ["plan", "pve_guest_config_set", f"vmid={GUEST}", f"cipassword={secret}"]
        code, plan, text = w.run(*args)
        t.ok(code == 0 and "CANARY" not in text, "a password is planned by its commitment", text)
        message = f"cipassword: value '{secret}' does not look like a password"

        def echo(status, reason, body):
            return render(400, message, json.dumps({
                "data": None, "message": message, "errors": {"cipassword": message}}).encode())
        w.proxy.add("POST", r"/config$", echo)
        w.proxy.add("PUT", r"/config$", echo)
        code, text = w.carried_out(plan)
        w.proxy.clear()
        t.ok("failed" in text or code != 0, "the API's refusal is reported", text)
        w.canaries[f"half of password{n}"] = secret[:len(secret) // 2]
        t.ok(not w.secrets(), "the plan's secret file is gone", w.secrets())
    w.no_secret(t, "after an echo")


def test_certificates(t):
    def refused(what, proxy, **conf):
        w.write_config(**conf)
        code, v, text = w.run("read", "pve_version")
        t.ok(code == 1 and code_of(v) == "pve_tls", f"{what}: pve_tls", text)
        t.ok(proxy.requests == 0, f"{what}: nothing was sent", proxy.requests)
        w.write_config()

    folder = w.mkdir("certs")
    ca, _ = make_certificate(folder)
    target = w.sim.info["url"]
    good, old, alien = (Proxy(folder, target, ca=ca), Proxy(folder, target, ca=ca, expired=True),
                        Proxy(folder, target))
    refused("another certificate than the pinned one", good, url=good.url,
            fingerprint=w.proxy.fingerprint)
    only_ca = {"fingerprint": None, "ca": ca + ".crt"}
    refused("an expired certificate", old, url=old.url, **only_ca)
    refused("a certificate of another authority", alien, url=alien.url, **only_ca)
    for p in (good, old, alien):
        p.close()


def test_token_file(t):
    token = os.path.join(w.dir, "token")
    secret = w.plant("tokenfile")
    line = f"root@pam!x={secret}\n".encode()

    def refused(what, content, mode=0o600):
        before = w.proxy.requests
        with open(token, "wb") as f:
            f.write(content)
        os.chmod(token, mode)
        code, v, text = w.run("read", "pve_version")
        t.ok(code == 1 and code_of(v) == "token_unreadable", f"{what}: token_unreadable", text)
        t.ok(w.proxy.requests == before, f"{what}: nothing was sent")

    w.write_config(token=token)
    for mode in (0o644, 0o640, 0o602, 0o660):
        refused(f"a token file of mode {mode:o}", line, mode)
    refused("an empty token file", b"")
    refused("two lines", line + line)
    refused("no token in it", secret.encode())
    refused("a control byte in it", line[:-2] + b"\x07\n")
    refused("a header smuggled in", line[:-1] + b"\r\nX-Other: 1\n")
    refused("64 KiB of it", b"root@pam!x=" + secret.encode() * 3000)
    os.unlink(token)
    os.symlink(w.sim.info["token-file"], token)
    code, v, text = w.run("read", "pve_version")
    t.ok(code == 1 and code_of(v) == "token_unreadable", "a link: token_unreadable", text)
    w.write_config()
    os.unlink(token)


def test_afterwards(t):
    w.sound(t, "in the end")
    w.no_unrecorded(t, "in the end")
    w.no_secret(t, "in the end")
    log = open(os.path.join(w.sim.dir, "pvesim.log"), encoding="utf-8", errors="replace").read()
    t.ok(not any(c in log for c in w.canaries.values()), "nor in the simulator's log")
    found = subprocess.run(["grep", "-rlE", "CANARY", w.state], capture_output=True, text=True,
                           check=False).stdout
    t.ok(not found, "no trace of a planted secret in the state", found)


try:
    sys.exit(Tap().run(test_reads, test_echo, test_certificates,
                       test_token_file, test_afterwards))
finally:
    w.close()
