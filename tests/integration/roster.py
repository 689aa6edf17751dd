#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A cluster of three nodes that share one cluster file system: one join leads to all of them, by
way of a person; what is forged is not believed; every key is rotated, also interrupted, and the
ledger verifies afterwards; a revocation on one node is one on all."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "../testbed"))
from agent_lib import Client, free_port  # noqa: E402
from lab import Lab, LabError  # noqa: E402
from world import Tap, skip_all  # noqa: E402

VMID = 907
POLICY = f"""[node]
clock = any

[rule any]
client = lab
ct = {VMID}
run = ANY
approve = none
timeout = 300
"""

lab = Lab(os.environ.get("top_builddir", "."))


class Daemon:
    """Both halves of one node, below a directory of its own."""

    def __init__(self, name):
        self.name = name
        self.dir = lab.dir / name
        self.run, self.agent = self.dir / "run", self.dir / "agent"
        self.dir.mkdir(mode=0o711)
        self.run.mkdir(mode=0o711)
        self.agent.mkdir(mode=0o700)
        os.chown(self.agent, lab.NETWORK_UID, lab.NETWORK_UID)
        self.binary = lab.dir / "pveagentd"
        if not self.binary.exists():
            shutil.copy(lab.program("pveagentd"), self.binary)
            self.binary.chmod(0o755)
        self.address = f"127.0.0.1:{free_port()}"
        self.options = ["--state", self.dir / "priv", "--cluster-fs", lab.tree, "--policy",
                        lab.policy, "--node", name, "--lxc-path", lab.container[0], "--act", lab.act]
        subprocess.run([self.binary, "--init", "--state", self.agent], check=True, env=lab.env,
                       stdin=subprocess.DEVNULL, capture_output=True, **lab.AS_NOBODY)
        self.start_root()
        self.front = None

    def start_root(self):
        self.priv = lab.start("pveagentd-priv", "--socket", self.run / "priv.sock", *self.options,
                              "--peer-uid", lab.NETWORK_UID, stdout=subprocess.DEVNULL)
        lab.wait_for(lambda: (self.run / "priv.sock").exists(), "the root half", self.priv)

    def start_front(self):
        with open(lab.dir / "log" / f"front-{self.name}", "ab") as log:
            self.front = subprocess.Popen(
                [self.binary, "--listen", self.address, "--priv-socket", self.run / "priv.sock",
                 "--reader-socket", self.run / "reader.sock", "--state", self.agent], env=lab.env,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, **lab.AS_NOBODY)
        lab.procs.append(self.front)

    def stop_front(self):
        lab.stop(self.front)

    def listening(self):
        lab.node_address = self.address
        return lab.listening()

    def wait_open(self):
        lab.wait_for(self.listening, f"the port of {self.name}", self.front)

    def ctl(self, *args, ok=True):
        out = subprocess.run(
            [lab.program("pveagentctl"), *map(str, self.options), "--tls-cert",
             str(self.agent / "tls.crt"), "--daemon", str(self.binary), *args], env=lab.env,
            text=True, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=120)
        if ok and out.returncode != 0:
            raise LabError(f"pveagentctl {args}: {out.stdout} {out.stderr}")
        return out.stdout if ok else out


def entry(name):
    return lab.tree / "pveagentd/roster" / name


def nodes():
    _, o = lab.client_json("node", "list")
    return {n["node"]: n for n in o["nodes"]}


def run(script):
    status, p = lab.client_json("plan", "ct_exec", f"vmid:={VMID}",
                                f"argv:={json.dumps(['/bin/sh', '-c', script])}")
    if status != 0:
        return status, p
    if p["plan"]["approval"]["required"] == "operator":
        lab.approve(p["plan_id"])
    return lab.client_json("apply", p["plan_id"])


def works(t, what):
    status, o = run("echo here")
    t.ok(status == 0 and o["output"]["stdout"] == "here\n" and o["output"]["attested"] is True,
         f"a command by way of pve2: {what}", o)


def verdict():
    status, v = lab.client_json("ledger", "verify")
    return status, v


def rotated(what):
    _, v = lab.client_json("ledger", "query", "kind=node", "limit=50")
    return json.dumps(v).count(what)


def forge(name, where):
    """An entry for that name which is sound in itself, made by somebody who has other keys."""
    other = lab.dir / f"forger-{name}-{where}"
    (other / "fs").mkdir(parents=True)
    for command in ["arm"] + 10 * ["announce"]:  # so that its serial is the greater one
        subprocess.run([lab.program("pveagentctl"), "--state", other / "priv", "--cluster-fs",
                        other / "fs", "--node", name, "--tls-cert", cluster[0].agent / "tls.crt",
                        command, "--address", where], check=True, capture_output=True, env=lab.env)
    return (other / "fs/pveagentd/roster" / name).read_bytes()


def test_one_join(t):
    t.ok(not cluster[1].listening() and not cluster[2].listening(),
         "no port is open while nobody is enrolled")
    line = cluster[0].ctl("invite", "lab").strip()
    cluster[0].wait_open()
    # what somebody else left there
    entry("pve7").write_bytes(entry("pve2").read_bytes())
    entry("pve8").symlink_to(entry("pve3"))
    entry("pve9").write_bytes(entry("pve3").read_bytes().replace(b"node pve3", b"node pve9"))
    stranger = forge("pve6", "192.0.2.6:8643")
    entry("pve6").write_bytes(stranger)
    os.chown(entry("pve6"), lab.NETWORK_UID, lab.NETWORK_UID)
    entry("pve5").write_bytes(b"x" * 100000)
    status, out, errors = lab.client("join", line, "--name", "lab")
    t.ok(status == 0, "joined with one node", out + errors)
    have = nodes()
    t.ok(sorted(have) == ["pve1", "pve2", "pve3"],
         "which tells of the others, and of none that was forged", sorted(have))
    t.ok(have["pve1"]["trusted"] and not have["pve2"]["trusted"] and
         have["pve2"]["learnt_from"] == "pve1", "those are strangers", have)
    for name in ("pve5", "pve6", "pve7", "pve8", "pve9"):
        entry(name).unlink()
    _, v = verdict()
    t.ok(v["witness"]["n"] == 1, "they are no witnesses", v["witness"])
    status, o = run("true")
    t.ok(status != 0 and "node_untrusted" in json.dumps(o), "and nothing is sent to them", o)
    status, d = lab.client_json("doctor")
    t.ok("learnt from another node" in json.dumps(d), "doctor says so", d)


def test_trust(t):
    for d in cluster[1:]:
        lab.wait_for(d.listening, f"{d.name} opens its port: a client of the cluster is enrolled",
                     d.front)
        text = lab.trust(d.name)
        own = [x.split()[-1] for x in d.ctl("roster").splitlines() if x.startswith(d.name)][0]
        t.ok("told of by node pve1" in text and own in text,
             f"who is asked about {d.name} sees whose word it is, and the digest that root sees",
             text)
    have = nodes()
    t.ok(all(n["trusted"] and n["reachable"] for n in have.values()), "all three are reached", have)
    works(t, "it never saw an invitation")
    _, v = verdict()
    t.ok(v["ok"] and v["witness"]["k"] == 3 and v["witness"]["n"] == 3, "witnessed 3/3", v)
    rights = {d.name: "rights evidence witness" in d.ctl("list") for d in cluster}
    t.ok(all(rights.values()), "each node knows the client with the rights it was given", rights)


def test_forged_name(t):
    forged = forge("pve3", "192.0.2.3:8643")
    before = entry("pve3").read_bytes()
    cluster[2].stop_front()
    lab.stop(cluster[2].priv)
    entry("pve3").write_bytes(forged)
    status, o = lab.client_json("node", "refresh")
    t.ok("not taken" in json.dumps(o), "other keys in pve3's name are refused", o)
    t.ok(nodes()["pve3"]["address"] == cluster[2].address, "and it stays where it was")
    (cluster[2].run / "priv.sock").unlink()
    cluster[2].start_root()
    cluster[2].start_front()
    lab.wait_for(lambda: entry("pve3").read_bytes() == before, "pve3 puts right what it said",
                 cluster[2].priv)
    t.ok(True, "the node itself puts it right")
    cluster[2].wait_open()
    shared = lab.tree / "priv/pveagentd/clients/eve"
    text = (shared.parent / "lab").read_text().replace("name lab", "name eve")
    shared.write_text(text)
    shared.chmod(0o644)
    t.ok("eve" not in cluster[1].ctl("list"), "a client's file that others can read is refused")
    shared.chmod(0o600)
    t.ok("eve" not in cluster[1].ctl("list"), "and one that gives lab's key another name")
    shared.unlink()


def test_rotate_node(t):
    cluster[1].ctl("rotate", "witness")
    status, o, errors = lab.client("node", "refresh")
    t.ok("another witness key" in o, "another witness key of pve2 is taken", str(o) + errors)
    works(t, "cosigned by the new witness key")
    cluster[1].ctl("rotate", "receipt")
    status, p = run("true")
    t.ok(status != 0 and "node_key_changed" in json.dumps(p),
         "a request for the former receipt key is refused", p)
    status, o, errors = lab.client("node", "refresh")
    t.ok("another receipt key" in o, "another receipt key, which the former one vouches for", o)
    works(t, "receipts by the new key")
    cluster[1].ctl("rotate", "receipt")
    cluster[1].ctl("rotate", "receipt")
    lab.client("node", "refresh")
    works(t, "two rotations were missed")
    _, v = verdict()
    t.ok(v["ok"] and v["receipts_unchecked"] == 0 and v["witness"]["k"] == 3,
         "every receipt is checked under the key that signed it", v)


def test_rotate_tls(t):
    d = cluster[2]
    out = d.ctl("rotate", "tls", "--switch", ok=False)
    t.ok(out.returncode != 0 and "announced" in out.stderr, "nothing is switched unannounced", out)
    d.ctl("rotate", "tls")
    again = d.ctl("rotate", "tls")
    t.ok("announced" in again and len(list(d.agent.glob("*.next"))) == 2,
         "announcing twice is announcing once")
    t.ok(nodes()["pve3"]["reachable"], "the key in use is the old one")
    lab.client("node", "refresh")
    d.ctl("rotate", "tls", "--switch")
    lab.wait_for(lambda: nodes()["pve3"]["reachable"], "pve3 with its new key", d.front)
    t.ok(True, "a client that had heard goes on without a word")
    status, o, _ = lab.client("node", "refresh")
    t.ok("another TLS key" in o, "and makes it the pin", o)
    d.ctl("rotate", "tls")
    d.stop_front()  # switched by half: root was interrupted between two files
    (d.agent / "tls.key.next").rename(d.agent / "tls.key")
    d.start_front()
    d.wait_open()
    t.ok("another key" in nodes()["pve3"].get("error", ""),
         "it serves with the key that is there, which a client that has not heard refuses", nodes())
    d.ctl("rotate", "tls", "--switch")
    status, o, errors = lab.client("node", "refresh")
    t.ok(nodes()["pve3"]["reachable"], "a client that had not heard learns it from the others",
         str(o) + errors)
    d.stop_front()
    status, o = lab.client_json("node", "refresh")
    t.ok(status == 6 and not o["complete"] and
         [n["node"] for n in o["nodes"] if "why" in n] == ["pve3"],
         "a node that cannot be asked is named, and the answer is not complete", o)
    d.start_front()
    d.wait_open()
    status, o = lab.client_json("node", "refresh")
    t.ok(status == 0 and o["complete"], "with all of them it is", o)
    t.ok(rotated("another TLS key") == 2, "both are in the ledger", rotated("another TLS key"))


def test_rotate_client(t):
    key = lab.dir / "config/proximo" / f"{lab.CLUSTER}.key"
    before = key.read_bytes()
    cluster[2].stop_front()
    status, out, errors = lab.client("rotate", "tls")
    t.ok(status != 0 and "has not heard" in out + errors, "with a node away it is not complete",
         out + errors)
    t.ok(key.read_bytes() == before, "and the key stays")
    works(t, "both keys are good meanwhile")
    cluster[2].start_front()
    cluster[2].wait_open()
    status, out, errors = lab.client("rotate", "tls")
    t.ok(status == 0 and key.read_bytes() != before, "run again, it is", out + errors)
    works(t, "with the new key")
    have = nodes()
    t.ok(all(n["reachable"] for n in have.values()), "all nodes take it", have)
    new = key.read_bytes()
    key.write_bytes(before)
    have = nodes()
    t.ok(not any(n["reachable"] for n in have.values()), "and none the old one any more", have)
    key.write_bytes(new)


def expired(key, crt, owner=None):
    """A certificate around that key whose day is over."""
    request = lab.dir / "request.pem"
    for step in (["req", "-new", "-key", key, "-subj", "/CN=x", "-out", request],
                 ["x509", "-req", "-in", request, "-signkey", key, "-days", "0", "-out", crt]):
        subprocess.run(["openssl", *map(str, step)], check=True, capture_output=True)
    if owner is not None:
        os.chown(crt, owner, owner)
    lab.wait_for(lambda: subprocess.run(["openssl", "x509", "-in", str(crt), "-noout", "-checkend",
                                         "0"], capture_output=True, check=False).returncode == 1,
                 "the end of a certificate")


def test_expiry(t):
    d = cluster[0]
    d.stop_front()
    expired(d.agent / "tls.key", d.agent / "tls.crt", lab.NETWORK_UID)
    d.start_front()
    d.wait_open()
    t.ok(nodes()["pve1"]["reachable"], "a node's expired certificate around the right key is good")
    key, crt = lab.dir / "config/proximo" / f"{lab.CLUSTER}.key", lab.dir / "expired.pem"
    expired(key, crt)
    code, o = Client(int(d.address.rsplit(":", 1)[1]), (str(key), str(crt))).call(
        "GET", "/v1/status")
    t.ok(code == 200 and o["client"] == "lab", "and so is a client's", str(o))
    _, v = lab.client_json("doctor")
    said = [c for c in v["clusters"][0]["checks"] if c["check"] == "node pve1"]
    t.ok(len(said) == 1 and said[0]["status"] == "ok" and "certificate" not in json.dumps(said),
         "doctor finds the node well and says nothing of a date", v)


def keys_of(*names):
    text = (lab.dir / "state/proximo/nodes" / f"{lab.CLUSTER}.ini").read_text()
    found = []
    for name in names:
        part = text.split(f"[node {name}]")[1].split("[node")[0]
        get = {k: re.findall(rf"^{k} = (.*)$", part, re.M)
               for k in ("witness", "receipt", "former", "former-witness")}
        found.append((name, get["witness"] + get["former-witness"],
                      get["receipt"] + get["former"]))
    return found


def test_verifiers(t):
    works(t, "before the ledger is looked at from outside")
    _, v = verdict()
    t.ok(v["ok"] and v["witness"]["k"] == 3, "the newest head is cosigned by all", v)
    options, plain = [], []
    for name, witness, receipt in keys_of("pve1", "pve2", "pve3"):
        for i in range(max(len(witness), len(receipt))):
            w = witness[i] if i < len(witness) else ""
            r = receipt[i] if i < len(receipt) else ""
            options += ["--node", f"{name}:{w}:{r}"]
        for r in receipt:
            plain += ["--receipt", r]
        for w in witness:
            plain += ["--witness", w]
    out = subprocess.run([lab.program("proximo-verify"), *options, str(lab.ledger_dir())],
                         capture_output=True, text=True, env=lab.env, check=False)
    t.ok(out.returncode == 0, "proximo-verify agrees", out.stdout + out.stderr)
    t.ok("3/3" in out.stdout or "proved" in out.stdout, "with three witnesses", out.stdout)
    verify = pathlib.Path(HERE) / "../verify/verify.py"
    out = subprocess.run([sys.executable, str(verify), *plain, str(lab.ledger_dir())], capture_output=True,
                         text=True, env=lab.env, check=False)
    t.ok(out.returncode == 0, "and so does the other verifier", out.stdout + out.stderr)


def sleeps():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() == b"/bin/sleep\x00250\x00" and \
                    os.path.samefile(f"/proc/{pid}/root", lab.root):
                return True
        except OSError:
            continue
    return False


def test_revoke(t):
    _, p = lab.client_json("plan", "ct_exec", f"vmid:={VMID}", 'argv:=["/bin/sleep", "250"]')
    if p["plan"]["approval"]["required"] == "operator":
        lab.approve(p["plan_id"])
    busy = lab.start("proximo-client", "--json", "apply", p["plan_id"])
    lab.wait_for(sleeps, "a command in the container")
    out = cluster[0].ctl("revoke", "lab", ok=False)
    t.ok(out.returncode == 0 and "confirmed pve2" in out.stdout and "confirmed pve3" in out.stdout,
         "revoked on pve1, both others say that they refuse", out)
    lab.wait_for(lambda: not sleeps(), "the command on pve2 is ended")
    t.ok(True, "what the client ran on pve2 is ended")
    lab.stop(busy)
    have = nodes()
    t.ok(not any(n["reachable"] for n in have.values()), "all three refuse it", have)
    t.ok(all("lab" not in d.ctl("list") for d in cluster), "and no longer list it")
    shutil.rmtree(lab.tree / "pveagentd/revoked")
    have = nodes()
    t.ok(not any(n["reachable"] for n in have.values()),
         "also without the cluster file system's list", have)


def main():
    global cluster
    try:
        lab.ct("ct_possible")
    except LabError as e:
        skip_all(str(e))
    lab.start_sim()
    _, _, lab.root = lab.make_container(VMID)
    lab.back_guest(VMID, node="pve2")
    lab.configure([("exec", "yes"), ("ct-allow", str(VMID))])
    lab.dir.chmod(0o711)
    lab.operator()
    lab.policy = lab.dir / "policy.ini"
    lab.policy.write_text(POLICY)
    lab.policy.chmod(0o600)
    cluster = [Daemon(f"pve{i}") for i in (1, 2, 3)]
    for d in cluster:
        d.ctl("arm", "--address", d.address)
        d.start_front()
    t = Tap()
    t.run_some(test_one_join, test_trust, test_forged_name, test_rotate_node, test_rotate_tls,
               test_rotate_client, test_expiry, test_verifiers, test_revoke)
    return t.end()


try:
    sys.exit(main())
finally:
    lab.close()
