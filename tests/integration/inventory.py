#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The inventory of a node: what the reader gives out and keeps back, and plans made from it. The plan
from the inventory and the one from the API must be the same; an inventory that is broken, lies or
cannot be had must not be believed, and the plan must say so. TAP."""
import gzip
import hashlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests/testbed"))
from lab import Lab  # noqa: E402
from world import Tap, last_json, skip_all  # noqa: E402

NODE = "n01"
SECRET = "canary-8d1f2c"
COMPARED = ("requests", "affected", "risk", "risk_reasons", "complete", "unread", "undo", "coverage",
            "preconditions")
MAGIC = b"proximo-inventory/v1\n"


def ask_reader(path, question=b"inventory -\n", rcvbuf=None):
    s = socket.socket(socket.AF_UNIX)
    if rcvbuf:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    s.connect(str(path))
    s.sendall(question)
    return s


def rest(s):
    data = b""
    while more := s.recv(1 << 16):
        data += more
    return data


def parse(data):
    """{path: bytes}, {path: why}; what the last pass says."""
    assert data.startswith(MAGIC), data[:80]
    at, files, unread = len(MAGIC), {}, {}
    begin = None
    while at < len(data):
        end = data.index(b"\n", at)
        kind, _, more = data[at:end].partition(b" ")
        if kind == b"node":
            begin = end + 1
        elif kind == b"file":
            name, length = more.decode().split(" ")
            files[name] = data[end + 1:end + 1 + int(length)]
            end += 1 + int(length)
            assert data[end:end + 1] == b"\n"
        elif kind == b"unread":
            name, _, why = more.decode().partition(" ")
            unread[name] = why
        elif kind == b"again":
            files, unread, begin = {}, {}, end + 1
        elif kind == b"end":
            n, m, digest = more.decode().split(" ")
            assert (int(n), int(m)) == (len(files), len(unread))
            assert digest == "sha256:" + hashlib.sha256(data[begin:at]).hexdigest()
            assert end + 1 == len(data)
            return files, unread
        else:
            raise AssertionError(data[at:end])
        at = end + 1
    raise AssertionError("no end")


def build(files, node=NODE, digest=None):
    body = b"".join(b"file %s %d\n%s\n" % (k.encode(), len(v), v) for k, v in sorted(files.items()))
    digest = digest or "sha256:" + hashlib.sha256(body).hexdigest()
    return (b"ok sha256:" + b"0" * 64 + b"\n" + MAGIC + b"node %s\n" % node.encode() + body +
            b"end %d 0 %s\n" % (len(files), digest.encode()))


class FakeReader:
    """In the place of the real one: the network half and the client are what is tested."""

    def __init__(self, path, answer):
        self.path, self.answer, self.asked = str(path), answer, 0
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(self.path)
        os.chmod(self.path, 0o666)
        self.sock.listen(8)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                c, _ = self.sock.accept()
            except OSError:
                return
            with c:
                try:
                    c.recv(200)
                    self.asked += 1
                    for piece in (self.answer() if callable(self.answer) else [self.answer]):
                        c.sendall(piece)
                except OSError:
                    pass

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        os.unlink(self.path)


class World:
    def __init__(self):
        self.lab = Lab(os.environ.get("top_builddir", "."))
        lab = self.lab
        lab.generate(3, 60)
        lab.start_sim_with_tree("--auth-delay-ms", "0")
        lab.configure()
        lab.operator()
        self.by_api = self.plan()
        lab.start_node("[node]\nclock = any\n", node=NODE)
        lab.join(name="lab", node=NODE)
        self.socket = lab.dir / "run" / "reader.sock"

    def plan(self, row="pve_storage_delete", *args):
        status, out = self.lab.client_json("plan", row, *(args or ("storage=local-zfs",)))
        assert status == 0, out
        return {**out["plan"], "plan_id": out["plan_id"]}

    def apply(self, plan):
        self.lab.approve(plan["plan_id"])
        status, out, errors = self.lab.client("--json", "apply", plan["plan_id"])
        return status, last_json(out + errors)

    def read(self, uid=Lab.NETWORK_UID, question=b"inventory -\n"):
        """As the network half would: from a child of that user."""
        back, give = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(back)
                os.setgroups([])
                os.setgid(uid)
                os.setuid(uid)
                data = rest(ask_reader(self.socket, question))
                with os.fdopen(give, "wb") as f:
                    f.write(data)
            finally:
                os._exit(0)
        os.close(give)
        with os.fdopen(back, "rb") as f:
            data = f.read()
        os.waitpid(pid, 0)
        return data

    def call(self, method, path, /, **form):
        info = self.lab.sim_info
        body = urllib.parse.urlencode(form).encode() if form else None
        request = urllib.request.Request(
            info["url"].rstrip("/") + "/api2/json" + path, method=method, data=body,
            headers={"Authorization": "PVEAPIToken=" + open(info["token-file"]).read().strip()})
        with urllib.request.urlopen(request, context=ssl._create_unverified_context()) as a:
            return json.load(a)["data"]


w = None


def source(plan):
    return " ".join(plan.get("sources", []))


def same(t, a, b, name):
    for key in COMPARED:
        x, y = a.get(key), b.get(key)
        if isinstance(x, list) and isinstance(y, list):  # what differs is enough to see
            x, y = ([i for i in one if i not in two] for one, two in ((x, y), (y, x)))
        t.ok(a.get(key) == b.get(key), f"{name}: {key} the same",
             f"{json.dumps(x)[:700]}\n{json.dumps(y)[:700]}")


def test_what_leaves(t):
    tree = w.lab.tree
    guest = next((tree / "nodes").glob("*/qemu-server/*.conf"))
    link = guest.with_name("999999.conf")
    planted = {"priv/token.cfg": SECRET, "priv/shadow.cfg": SECRET, "pve-www.key": SECRET,
               f"nodes/{NODE}/pve-ssl.key": SECRET, "authkey.pub": "x", "firewall/odd name.fw": "x",
               "domains.cfg": f"openid: o\n\tissuer-url https://x\n\tclient-key {SECRET}\n",
               "sdn/ipams.cfg": f"netbox: n\n\turl https://x\n\ttoken {SECRET}\n",
               "sdn/dns.cfg": f"powerdns: d\n\tkey {SECRET}\n\turl https://key.example\n"}
    before, users = guest.read_text(), (tree / "user.cfg").read_text()
    for name, text in planted.items():
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_text(text)
    guest.write_text(f"{before}cipassword: {SECRET}\n\n[s9]\ncipassword: {SECRET}\n")
    (tree / "user.cfg").write_text(users + f"user:old@pam:1:0::::note:{SECRET}:\n")
    link.symlink_to("/etc/hostname")
    try:
        data = w.read()
        files, unread = parse(data.split(b"\n", 1)[1])
    finally:
        guest.write_text(before)
        (tree / "user.cfg").write_text(users)
        for name in planted:
            (tree / name).unlink()
        link.unlink()
    name = str(guest.relative_to(tree))
    t.ok(SECRET.encode() not in data, "no secret leaves the reader")
    t.ok(files[name].count(b"cipassword: **********\n") == 2, "a set password is masked, in snapshots too",
         files[name])
    t.ok(b"user:old@pam:1:0::::note:x:\n" in files["user.cfg"], "an old second factor's secret is masked")
    t.ok(b"\tkey **********\n\turl https://key.example\n" in files["sdn/dns.cfg"],
         "only values of secret keys are", files["sdn/dns.cfg"])
    t.ok(not [f for f in files if f.startswith(("priv", "local", "pve-", "auth")) or "ssl" in f
              or "odd" in f or "999999" in f], "nothing that is not on the list, and no link is followed",
         sorted(files))
    t.ok(not unread and "storage.cfg" in files and f"etc/network/interfaces@{NODE}" in files and
         len([f for f in files if f.startswith("nodes/") and f.endswith(".conf")]) == 60, "all that is on it", sorted(files))
    t.ok(w.read(uid=1) == b"" and w.read(uid=0) == b"", "nobody but the network half is answered")
    version = w.read().split(b"\n", 1)[0].split()[1]
    t.ok(w.read(question=b"inventory %s\n" % version) == b"same %s\n" % version,
         "who has that version is told so")
    guest.write_text(before + "tags: x\n")
    t.ok(w.read().split(b"\n", 1)[0].split()[1] != version, "a changed file is another version")
    guest.write_text(before)
    t.ok(w.read(question=b"GET / HTTP/1.1\r\n\r\n") == b"", "another question has no answer")


def as_network(f, *args, **more):
    os.setegid(w.lab.NETWORK_UID)
    os.seteuid(w.lab.NETWORK_UID)
    try:
        return f(*args, **more)
    finally:
        os.seteuid(0)
        os.setegid(0)


def test_changes_while_read(t):
    """The reader waits when nobody reads: what is changed then changes in the middle of its pass."""
    folder = w.lab.tree / "nodes" / NODE / "lxc"
    big = [folder / f"{n}.conf" for n in range(900000, 900040)]

    def change(path):
        path.write_text("hostname: changed\n")

    def replace(path):
        (folder / "new").write_text("hostname: changed\n")
        (folder / "new").rename(path)

    def move(path):
        """The folder under the reader is another from here on."""
        shutil.copytree(folder, w.lab.dir / "lxc")
        change(w.lab.dir / "lxc" / path.name)
        folder.rename(w.lab.dir / "gone")
        (w.lab.dir / "lxc").rename(folder)
        shutil.rmtree(w.lab.dir / "gone")
    for what, path, how in (("not read yet", big[-1], change), ("read already", big[0], change),
                            ("half read", big[1], replace), ("read already", big[0], Path.unlink),
                            ("not read yet, with its folder", big[-1], move)):
        for one in big:
            one.write_text("hostname: x\n" + "# " + "y" * 200000 + "\n")
        s = as_network(ask_reader, w.socket, rcvbuf=4096)
        try:
            head = s.recv(4096)
            while b"900001.conf" not in head:
                head += s.recv(4096)
            how(path)
            data = head + rest(s)
            files, _ = parse(data.split(b"\n", 1)[1])
            name = f"nodes/{NODE}/lxc/{path.name}"
            t.ok(data.count(b"\nagain\n") == 1, f"{what}: a file that changes makes the pass begin anew",
                 data.count(b"\nagain\n"))
            t.ok(files.get(name) == (None if how == Path.unlink else b"hostname: changed\n"),
                 f"{what}: with what it is now", files.get(name, b"")[:50])
        finally:
            s.close()
    for path in big:
        path.unlink(missing_ok=True)


def test_unreadable(t):
    """What is there and may not be read is named, a folder once; the plan gets it from the API."""
    tree = w.lab.dir / "closed"
    shutil.copytree(w.lab.tree, tree, symlinks=True)
    conf = sorted((tree / "nodes" / NODE / "lxc").glob("*.conf"))[0]
    conf.chmod(0)
    (tree / "nodes" / "n02" / "qemu-server").chmod(0)
    (tree / "nodes" / "n03").chmod(0o600)
    (tree / "firewall").chmod(0)
    for path in (tree, *tree.rglob("*")):
        os.chown(path, w.lab.NETWORK_UID, w.lab.NETWORK_UID, follow_symlinks=False)
    path = w.lab.dir / "run" / "closed"
    path.mkdir()
    os.chown(path, w.lab.NETWORK_UID, w.lab.NETWORK_UID)
    binary = w.lab.dir / "run" / "pveagentd-reader"
    shutil.copy(w.lab.program("pveagentd-reader"), binary)
    proc = subprocess.Popen([binary, "--socket", path / "s", "--cluster-fs", tree, "--node", NODE,
                             "--interfaces", "/nonexistent", "--peer-uid", "0"], env=w.lab.env,
                            stdin=subprocess.DEVNULL, **w.lab.AS_NOBODY)
    w.lab.procs.append(proc)
    w.lab.wait_for(lambda: w.lab.answers(path / "s"), "the reader's socket", proc)
    data = rest(ask_reader(path / "s"))
    files, unread = parse(data.split(b"\n", 1)[1])
    t.ok(set(unread) == {str(conf.relative_to(tree)), "nodes/n02/qemu-server/", "nodes/n03/lxc/",
                         "nodes/n03/qemu-server/", "nodes/n03/host.fw", "nodes/n03/lrm_status",
                         "firewall/"} - ({"firewall/"} if not (tree / "firewall").is_dir() else set()),
         "what may not be read is named", json.dumps(unread))
    t.ok("storage.cfg" in files and not [f for f in files if f.startswith("nodes/n03/")],
         "the rest is there", sorted(files))
    w.lab.stop(proc)
    w.fresh = w.plan()
    w.lab.stop(w.lab.reader)
    reader = FakeReader(w.socket, data)
    plan = w.plan()
    t.ok(reader.asked > 0 and source(plan).startswith("API; no inventory: "),
         "an inventory that does not even say which guests there are is not used", source(plan))
    same(t, w.fresh, plan, "folders unread")
    reader.close()
    name = str(conf.relative_to(tree))
    w.lab.start_reader(NODE)
    good, _ = parse(w.read().split(b"\n", 1)[1])
    w.lab.stop(w.lab.reader)
    body = b"".join(b"unread %s Permission denied\n" % k.encode() if k == name else
                    b"file %s %d\n%s\n" % (k.encode(), len(v), v) for k, v in sorted(good.items()))
    head, _, _ = build(good).partition(b"file ")
    reader = FakeReader(w.socket, head + body + b"end %d 1 sha256:%s\n" % (
        len(good) - 1, hashlib.sha256(body).hexdigest().encode()))
    plan = w.plan()
    t.ok("inventory of" in source(plan) and "1 unread" in source(plan),
         "one guest unread: the inventory is used", source(plan))
    same(t, w.fresh, plan, "and the API asked for that one")
    reader.close()
    w.lab.start_reader(NODE)


def test_equal(t):
    w.lab.terminal("node", "distrust", NODE)
    untrusted = w.plan()
    t.ok(source(untrusted) == "API", "a node that nobody trusts is not asked", source(untrusted))
    w.lab.trust(NODE)
    by_node = w.plan()
    t.ok(source(w.by_api) == "API", "without a node the plan rests on the API", source(w.by_api))
    t.ok(f"inventory of node {NODE} (sha256:" in source(by_node), "with one on its inventory",
         source(by_node))
    t.ok(len(by_node["preconditions"]) > 120 and by_node["affected"], "and it says something")
    same(t, w.by_api, by_node, "storage delete")
    code, out, _ = w.lab.client("plan", "pve_storage_delete", "storage=local-zfs")
    t.ok(code == 0 and f"read from" in out and f"inventory of node {NODE}" in out,
         "the text of a plan says it too", out)


def both(t, row, *args):
    """The plan from the inventory, then with the reader gone from the API."""
    by_node = w.plan(row, *args)
    w.lab.stop(w.lab.reader)
    by_api = w.plan(row, *args)
    w.lab.start_reader(NODE)
    t.ok("inventory of" in source(by_node) and source(by_api).startswith("API; no inventory: "),
         f"{row} {args}: two sources", f"{source(by_node)} | {source(by_api)}")
    same(t, by_api, by_node, f"{row} {args}")


def test_more_plans(t):
    guests = w.call("GET", "/cluster/resources?type=vm")
    vm = next(g for g in guests if g["type"] == "qemu")
    at = f"/nodes/{vm['node']}/qemu/{vm['vmid']}"
    w.call("PUT", at + "/config", cipassword=SECRET, ide2="local-zfs:cloudinit")
    w.call("PUT", at + "/config", description="ümlaut: 100% = a\nsecond line")
    w.call("PUT", at + "/firewall/options", enable=1)
    w.call("POST", at + "/firewall/rules", type="in", action="ACCEPT", dport="22", proto="tcp",
           enable=1)
    both(t, "pve_storage_delete", "storage=local-zfs")
    both(t, "pve_storage_update", "storage=ceph-vm", 'set:={"disable":1}')
    both(t, "pve_firewall_options_set", "enable=1")


def test_privileges(t):
    """What the token may not see stays unseen, whatever the node could tell."""
    w.call("POST", "/access/users", userid="narrow@pve")
    w.call("POST", "/access/roles", roleid="Few", privs="Datastore.Audit,Datastore.Allocate")
    token = w.call("POST", "/access/users/narrow@pve/token/t", privsep=0)
    w.call("PUT", "/access/acl", path="/storage", roles="Few", users="narrow@pve")
    path = w.lab.dir / "config" / "proximo" / f"{w.lab.CLUSTER}.token"
    old = path.read_text()
    path.write_text(f"{token['full-tokenid']}={token['value']}\n")
    try:
        plan = w.plan()
    finally:
        path.write_text(old)
    t.ok(plan["complete"] is False and plan["risk"] == "high", "a token that sees few guests: incomplete",
         json.dumps(plan["unread"])[:500])
    t.ok(any(u.get("privilege", "").startswith("VM.Audit") for u in plan["unread"]),
         "and it names the privilege", json.dumps(plan["unread"])[:500])
    t.ok(not [a for a in plan["affected"] if a["resource"].startswith(("vm/", "ct/"))],
         "guests that the token may not see are not told by way of the node",
         json.dumps(plan["affected"])[:500])


def refused(t, reader, want, name):
    plan = w.plan()
    t.ok(reader.asked > 0, f"{name}: the reader was asked")
    t.ok(source(plan).startswith("API; no inventory: ") and want in source(plan),
         f"{name}: not believed, and the plan says why", source(plan))
    same(t, w.fresh, plan, name)
    reader.close()


def test_lies(t):
    good, _ = parse(w.read().split(b"\n", 1)[1])
    w.fresh = w.plan()
    w.lab.stop(w.lab.reader)
    body = build(good)
    guest = next(k for k in good if "/lxc/" in k)
    cases = [
        (body[:len(body) // 2], "inventory_invalid", "cut off"),
        (build(good, digest="sha256:" + "0" * 64), "inventory_invalid", "a wrong sum"),
        (build(good, node="n02"), "inventory_invalid", "another node's"),
        (build({**good, "nodes/../priv/shadow.cfg": b"x"}), "inventory_invalid", "a path that climbs"),
        (build({**good, "/etc/passwd": b"x"}), "inventory_invalid", "an absolute path"),
        (build({**good, "priv/token.cfg": b"x"}), "inventory_invalid", "a path that is not on the list"),
        (body.replace(b"\nend ", b"\nodd line\nend "), "inventory_invalid", "an unknown line"),
        (body + b"more\n", "inventory_invalid", "bytes behind the end"),
        (body.replace(MAGIC, MAGIC + b"x" * 5000), "inventory_invalid", "a line without end"),
        (build(good).replace(b"file storage.cfg ", b"file storage.cfg 9"), "inventory_invalid",
         "a length that is not true"),
        (body.replace(b"proximo-inventory/v1", b"proximo-inventory/v9"), "inventory_invalid",
         "a later version"),
        (b"error the cluster file system cannot be opened\n", "inventory_unavailable", "no tree"),
        (b"error busy\n", "busy", "a busy reader"),
        (b"nonsense\n", "inventory_unavailable", "nonsense"),
        (b"", "inventory_unavailable", "no answer"),
        (build({k: v for k, v in good.items() if k != guest}), "do not agree", "a guest left out"),
        (build({**good, "nodes/n02/lxc/999000.conf": b"hostname: x\n"}), "guests, the API lists",
         "a guest too many"),
        ((MAGIC and b"ok sha256:" + b"0" * 64 + b"\n" + MAGIC + b"node n01\n" + b"again\n" * 9),
         "inventory_invalid", "again and again"),
        (b"ok sha256:" + b"0" * 64 + b"\n" + MAGIC + b"node n01\nfail it moves\n", "it moves",
         "a tree that does not hold still"),
    ]
    for answer, want, name in cases:
        refused(t, FakeReader(w.socket, answer), want, name)

    def endless():
        yield b"ok sha256:" + b"0" * 64 + b"\n" + MAGIC + b"node n01\n"
        for n in range(100, 1000):
            yield b"file nodes/n01/lxc/%d.conf 1000000\n" % n + b"\0" * 1000000 + b"\n"
    refused(t, FakeReader(w.socket, endless), "larger than", "one that packs small and never ends")
    w.lab.start_reader(NODE)


class FakeFront:
    """A network half that was taken over: the node's own key, any answer."""

    def __init__(self, lab, head, body):
        self.asked = 0
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(lab.dir / "agent" / "tls.crt", lab.dir / "agent" / "tls.key")
        host, port = lab.node_address.rsplit(":", 1)
        self.sock = socket.create_server((host, int(port)))
        self.answer = (b"HTTP/1.1 " + head + b"\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" %
                       len(body) + body)
        threading.Thread(target=self.serve, args=(context,), daemon=True).start()

    def serve(self, context):
        while True:
            try:
                raw, _ = self.sock.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(raw, server_side=True) as c:
                    if c.recv(4096).startswith(b"GET /v1/inventory "):
                        self.asked += 1
                    c.sendall(self.answer)
            except OSError:
                pass

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


def test_taken_over(t):
    good, _ = parse(w.read().split(b"\n", 1)[1])
    w.fresh = w.plan()
    w.lab.stop(w.lab.front)
    body = build(good).split(b"\n", 1)[1]
    packed = gzip.compress(body)
    as_gzip = b"200 OK\r\nContent-Encoding: gzip"
    for head, answer, want, name in (
            (as_gzip, body, "cannot be unpacked", "not gzip at all"),
            (as_gzip, packed[:-200], "inventory_invalid", "gzip that is cut off"),
            (as_gzip, packed[:300] + b"\xff" * 50 + packed[350:], "node_refused", "spoiled gzip"),
            (as_gzip, gzip.compress(b"\0" * 300000000), "inventory_invalid", "a bomb"),
            (b"200 OK", b"", "inventory_invalid", "nothing"),
            (b"500 Oops", b"<html>", "node_refused", "an error that is not ours"),
            (b"302 Found\r\nLocation: https://example.invalid/", b"", "node_refused", "a redirect")):
        refused(t, FakeFront(w.lab, head, answer), want, name)
    w.lab.start_front(w.lab.node_address)
    w.lab.wait_for(w.lab.listening, "the network half's port", w.lab.front)


def test_drift(t):
    """A lie of good form makes a plan; the API is asked before it runs."""
    good, _ = parse(w.read().split(b"\n", 1)[1])
    w.lab.stop(w.lab.reader)
    hit = next(k for k, v in sorted(good.items()) if k.startswith("nodes/") and b"local-zfs:" in v)
    vmid = hit.rsplit("/", 1)[1][:-5]
    reader = FakeReader(w.socket, build({**good, hit: good[hit].replace(b"local-zfs:", b"ceph-vm:")}))
    lied = w.plan()
    reader.close()
    t.ok("inventory of" in source(lied) and
         not [a for a in lied["affected"] if a["resource"].endswith("/" + vmid)],
         "a lie that nobody can see makes a plan without that guest")
    status, out = w.apply(lied)
    t.ok(status == 5 and out["error"]["code"] == "plan_drifted" and f"/{vmid}/config" in
         out["error"]["message"], "and is refused when the API is asked before it runs", out)
    w.lab.start_reader(NODE)
    plan = w.plan()
    w.call("PUT", "/nodes/%s/%s/%s/config" % (hit.split("/")[1],
                                              "lxc" if "/lxc/" in hit else "qemu", vmid), tags="seen")
    status, out = w.apply(plan)
    t.ok("inventory of" in source(plan) and status == 5 and out["error"]["code"] == "plan_drifted" and
         f"/{vmid}/config" in out["error"]["message"],
         "a guest changed after the plan: it has drifted, whatever it was read from", out)
    plan = w.plan()
    status, out = w.apply(plan)
    t.ok("inventory of" in source(plan) and status == 0, "what is true is applied", out)


def test_meanwhile(t):
    """The inventory is under way while the API's lists are waited for, and waits for none of them."""
    good, _ = parse(w.read().split(b"\n", 1)[1])
    w.lab.stop(w.lab.reader)
    w.lab.stop(w.lab.sim)
    w.lab.start_sim_with_tree("--auth-delay-ms", "0", "--fault", "latency=4000 GET /cluster/resources*")
    w.lab.configure()
    asked = []

    def answer():
        asked.append(time.monotonic())
        yield build(good)
    reader = FakeReader(w.socket, answer)
    plan = w.plan("pve_storage_delete", "storage=ceph-vm")
    before = time.monotonic() - asked[0]
    t.ok("inventory of" in source(plan) and len(asked) == 1, "one inventory was asked for, and used",
         f"{source(plan)} {len(asked)}")
    t.ok(before > 3, "it was asked for before the list of guests was answered", before)
    reader.close()
    w.lab.start_reader(NODE)


def run(*tests):
    global w
    if os.geteuid() != 0:
        skip_all("root is needed: three processes of different users")
    t = Tap()
    w = World()
    try:
        t.run_some(*tests)
    finally:
        w.lab.close()
    sys.exit(t.end())


if __name__ == "__main__":
    run(test_what_leaves, test_changes_while_read, test_equal, test_more_plans, test_privileges,
        test_unreadable, test_lies, test_taken_over, test_drift, test_meanwhile)
