#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Commands in a real container through the whole product: standard input, shown and secret; what a
network half that was taken over can change and what then happens; an undo after the container's
configuration was changed."""

import base64
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "../testbed"))
from lab import Lab, LabError  # noqa: E402
from middle import Middle  # noqa: E402
from world import Tap, skip_all  # noqa: E402

VMID = 906
CANARY = "correct-horse-battery-staple-6143"
POLICY = """[node]
clock = any

{operator}
[rule script]
client = lab
ct = {vmid}
run = /bin/sh
stdin = yes

[rule write]
client = lab
ct = {vmid}
run = /bin/cp {{path /etc}} {{path /etc}}
undo = required
approve = alice

[rule back]
client = lab
ct = {vmid}
do = rollback
approve = alice
"""

lab = Lab(os.environ.get("top_builddir", "."))


def node_file(name):
    return lab.in_container("/bin/cat", name)


def plan(**args):
    return lab.client_json("plan", "ct_exec", f"vmid:={VMID}",
                           *[f"{k}:={json.dumps(v)}" for k, v in args.items()])


def apply(p, approve=True):
    if approve and p["plan"]["approval"]["required"] == "operator":
        lab.approve(p["plan_id"])
    return lab.client_json("apply", p["plan_id"])


def execute_request(p):
    return next(q for q in p["plan"]["requests"] if q["phase"] == "execute")


def secret_file(p):
    return lab.ledger_dir() / "secrets" / p["plan_id"]


def alarms():
    found, index = [], 0
    while True:
        status, e = lab.client_json("ledger", "show", str(index))
        if status != 0:
            return found
        if e["kind"] == "alarm":
            found += [line for line in e["header"] if line.startswith("code ")]
        index += 1


def test_stdin(t):
    script = "cat /etc/hostname > /dev/null\necho seen > /etc/mark\necho out\n"
    status, p = plan(argv=["/bin/sh"], stdin=script)
    t.ok(status == 0, "a script on standard input is planned", p)
    line = [x for x in execute_request(p)["request"].splitlines() if x.startswith("stdin ")][0]
    t.ok(line.startswith(f"stdin {len(script)} sha256:"), "its request names length and hash", line)
    t.ok(f"{len(script)} bytes of standard input" in p["plan"]["change"], "the plan says so", p)
    need = p["plan"]["approval"]["required"]
    t.ok(need == "operator", "and needs an operator", need)
    text = lab.approve(p["plan_id"])
    t.ok("< echo seen > /etc/mark" in text, "who approves reads the script itself", text)
    status, o = apply(p, approve=False)
    t.ok(status == 0 and o["outcome"] == "done" and o["output"]["stdout"] == "out\n", "it runs", o)
    t.ok(o["output"]["attested"] is True, "its output is what the receipt attests", o)
    t.ok(node_file("/etc/mark") == "seen\n", "and did what it said")
    status, e = plan(argv=["/bin/id"])
    t.ok(status != 0 and e["error"]["who"] == "node", "what the node refuses is its refusal", e)
    status, e = plan(argv=["/bin/sh"], stdin="a", stdin_secret="b")
    t.ok(status == 2 and e["error"]["code"] == "bad_argument", "one of the two, not both", e)
    status, e = plan(argv=["/bin/sh"], stdin="x" * 65537)
    t.ok(status == 2 and e["error"]["code"] == "bad_argument", "64 KiB and no more", e)
    status, p = plan(argv=["/bin/sh"], stdin="#" * 65535 + "\n", undo="none")
    t.ok(status == 0, "64 KiB are planned", p)
    status, o = apply(p)
    t.ok(status == 0 and o["outcome"] == "done", "and arrive", str(o)[:2000])


def test_secret(t):
    script = f"echo {CANARY} > /etc/secret\n"
    status, p = plan(argv=["/bin/sh"], stdin_secret=script, undo="none")
    t.ok(status == 0, "a secret script is planned", p)
    q = execute_request(p)
    t.ok(f"stdin {len(script)} hmac-sha256:" in q["request"], "its request has a commitment", q)
    t.ok(set(q["stdin"]) == {"secret"} and set(p["plan"]["args"]["stdin_secret"]) == {"secret"},
         "and so has the plan", p)
    kept = secret_file(p)
    t.ok(kept.exists() and kept.stat().st_mode & 0o777 == 0o600, "the value is kept aside, 0600")
    text = lab.approve(p["plan_id"])
    t.ok("secret standard input" in text, "who approves is told that it is secret", text)
    status, o = apply(p, approve=False)
    t.ok(status == 0 and o["outcome"] == "done", "it runs", o)
    t.ok(node_file("/etc/secret") == CANARY + "\n", "with the value")
    t.ok(not kept.exists(), "which is gone from the client afterwards")
    found = subprocess.run(["grep", "-rlF", CANARY, str(lab.dir / "state"), str(lab.dir / "log")],
                           capture_output=True, text=True, check=False).stdout
    b64 = base64.b64encode(script.encode()).decode()
    t.ok(found == "" and CANARY not in json.dumps([p, o]) + text and
         b64 not in json.dumps([p, o]), "and stands in no ledger, log or answer", found)


def test_secret_tampered(t):
    status, p = plan(argv=["/bin/sh"], stdin_secret="echo good > /etc/which\n")
    lab.approve(p["plan_id"])
    kept = secret_file(p)
    o = json.loads(kept.read_text())
    for key, value in o["values"].items():
        try:
            raw = base64.b64decode(value, validate=True)
        except ValueError:
            continue
        o["values"][key] = base64.b64encode(raw.replace(b"good", b"evil")).decode()
    kept.write_text(json.dumps(o))
    status, o = apply(p, approve=False)
    t.ok(status != 0 and o["code"] == "secret_mismatch" and o["outcome"] == "not-started",
         "a changed secret file is refused", o)
    t.ok(node_file("/etc/which") == "", "nothing ran")


def test_ct_allow(t):
    """The client's own list, which the node knows nothing of."""
    ini = lab.dir / "config/proximo/proximo.ini"
    before = ini.read_text()
    p = plan(argv=["/bin/sh"], stdin="echo listed\n", undo="none")[1]
    for allow in ("", f"ct-allow = {VMID + 1}"):
        ini.write_text(before.replace(f"ct-allow = {VMID}", allow))
        status, o = apply(p)
        t.ok(status == 3 and "policy_denied" in json.dumps(o),
             f"with {allow or 'no ct-allow'} the command does not run", o)
    ini.write_text(before)
    status, o = apply(p, approve=False)
    t.ok(status == 0 and o["output"]["stdout"] == "listed\n", "listed again it does", o)


def test_middle(t, middle):
    good = base64.b64encode(b"echo good > /etc/which\n")
    evil = base64.b64encode(b"echo evil > /etc/which\n")
    changed = []

    def alter(old, new):
        def f(data):
            changed.extend([1] * data.count(old))
            return data.replace(old, new)
        return f

    middle.up = alter(good, evil)
    status, p = plan(argv=["/bin/sh"], stdin="echo good > /etc/which\n")
    status, o = apply(p)
    middle.up = lambda data: data
    t.ok(changed, "the network half hands on another script")
    t.ok(status != 0 and o["outcome"] == "not-started" and o["code"] == "stdin_mismatch",
         "the root half refuses it", o)
    t.ok(node_file("/etc/which") == "", "nothing ran")

    status, p = plan(argv=["/bin/sh"], stdin="echo all is well; echo oh >&2\n", undo="none")
    changed.clear()
    middle.down = alter(b"all is well", b"all is LOST")
    before = len(alarms())
    status, o = apply(p)
    middle.down = lambda data: data
    t.ok(changed, "the network half changes the output")
    t.ok(status != 0 and o["code"] == "output_mismatch" and o["outcome"] == "warnings",
         "which is its own outcome", o)
    t.ok("LOST" not in json.dumps(o) and o["output"]["attested"] is False,
         "what the node did not attest is shown to nobody", o)
    t.ok(o["receipts"][0]["how"] == "exited" and o["receipts"][0]["value"] == 0,
         "how it ended is as the receipt says", o)
    t.ok(alarms()[before:] == ["code output_mismatch"], "and the ledger has an alarm")
    status, p = plan(argv=["/bin/sh"], stdin="echo all is well; exit 3\n", undo="none")
    status, o = apply(p)
    t.ok(o["code"] == "command_failed" and o["output"]["attested"] is True,
         "left alone, the output is attested, also of a command that fails", o)


def changed_banner():
    (lab.root / "etc/banner").write_text("welcome\n")
    (lab.root / "etc/banner.new").write_text("maintenance tonight\n")
    return apply(plan(argv=["/bin/cp", "/etc/banner.new", "/etc/banner"])[1])[1]


def test_undo_since(t):
    """The operation's own approval covers its undo only while nothing else was done: the node would
    take the request either way."""
    o = changed_banner()
    status, u = lab.client_json("undo", o["op_id"])
    t.ok(status == 0 and u["outcome"] == "done" and node_file("/etc/banner") == "welcome\n",
         "with nothing since, what approved the operation approves its undo", u)
    t.ok(u["post_check"]["status"] == "ok", "and the undo says that it is as before", u)
    o = changed_banner()
    more = apply(plan(argv=["/bin/sh"], stdin="echo more\n", undo="none")[1])[1]
    status, u = lab.client_json("undo", o["op_id"])
    t.ok(status == 4 and u["plan"]["approval"].get("anew") is True,
         "with another command since, a person is asked anew", u)
    hit = [a for a in u["plan"]["affected"] if a.get("via") == more["op_id"]]
    t.ok(len(hit) == 1 and hit[0]["effect"] == "loses-data", "and reads which one is lost", u)
    status, e = lab.client_json("apply", u["plan_id"])
    t.ok(status == 4 and node_file("/etc/banner") == "maintenance tonight\n",
         "without that nothing runs", e)
    status, o = apply(u)
    t.ok(status == 0 and o["outcome"] == "done" and node_file("/etc/banner") == "welcome\n",
         "approved anew, it runs", o)


def test_undo_after_config(t):
    (lab.root / "etc/banner").write_text("welcome\n")
    (lab.root / "etc/banner.new").write_text("maintenance tonight\n")
    status, p = plan(argv=["/bin/cp", "/etc/banner.new", "/etc/banner"])
    status, o = apply(p)
    t.ok(status == 0 and node_file("/etc/banner") == "maintenance tonight\n", "a file is changed", o)
    status, c = lab.client_json("plan", "pve_guest_config_set", f"vmid:={VMID}",
                                'set:={"description":"changed since"}')
    t.ok(status == 0, "the configuration is changed", c)
    if c["plan"]["approval"]["required"] == "host":
        lab.terminal("apply", c["plan_id"], answers=[("[y/N]", "y")])
    else:
        apply(c)
    status, u = lab.client_json("undo", o["op_id"])
    t.ok(status == 4 and u.get("plan"), "the undo is a plan that the old approval does not cover", u)
    planned = {q["digest"] for q in p["plan"]["requests"] if q["phase"] == "undo"}
    asked = [q["digest"] for q in u["plan"]["requests"] if q["phase"] == "execute"]
    t.ok(len(asked) == 3 and not planned & set(asked), "its requests are new", asked)
    hit = [a for a in u["plan"]["affected"] if a.get("via") == "configuration"]
    t.ok(len(hit) == 1 and "volumes" in hit[0]["why"], "it says what it does not bring back", u)
    status, o = apply(u)
    t.ok(status == 1 and o["outcome"] == "done", "approved anew, it runs", o)
    t.ok(node_file("/etc/banner") == "welcome\n", "the file is back")
    t.ok(o["post_check"]["status"] == "finding" and "ct/" in o["post_check"]["text"],
         "and the undo's check says that the configuration is not as before", o["post_check"])
    _, g = lab.client_json("read", "pve_guest_notes", f"vmid:={VMID}")
    t.ok("changed since" in str(g), "the configuration is as it was left", g)


def test_ledger(t):
    status, out, errors = lab.client("ledger", "verify")
    t.ok(status == 0, "the ledger verifies", out + errors)


def test_armed_again(t):
    """Root arms the node anew, which makes a new receipt key: nothing of the old one counts for what
    runs, and everything it signed stays good."""
    _, o = apply(plan(argv=["/bin/sh"], stdin="echo before\n", undo="none")[1])
    t.ok(o["outcome"] == "done", "a command under the first key", o)
    waits = plan(argv=["/bin/sh"], stdin="echo waits\n", undo="none")[1]
    lab.ctl("arm")
    status, o = apply(waits)
    t.ok(status != 0 and "node_key_changed" in json.dumps(o), "what was planned before is refused", o)
    status, e = plan(argv=["/bin/sh"], stdin="echo after\n", undo="none")
    t.ok(status != 0 and "node_key_changed" in json.dumps(e) and "join" in json.dumps(e),
         "and so is a plan, which says what to do", e)
    lab.join()
    status, o = apply(plan(argv=["/bin/sh"], stdin="echo after\n", undo="none")[1])
    t.ok(status == 0 and o["output"]["stdout"] == "after\n" and o["output"]["attested"] is True,
         "joined again it runs", o)
    status, v = lab.client_json("ledger", "verify")
    t.ok(status == 0 and v["ok"] and v["receipts_unchecked"] == 0,
         "receipts of both keys are checked, and are one chain", v)
    status, v = lab.client_json("ledger", "query", "kind=node", "limit=5")
    t.ok("rotated" in json.dumps(v), "the ledger says that the key changed", v)
    lab.join()
    status, v = lab.client_json("ledger", "query", "kind=node", "limit=1")
    t.ok("rotated" not in json.dumps(v), "joining with the same key is no change of it", v)


def main():
    try:
        lab.ct("ct_possible")
    except LabError as e:
        skip_all(str(e))
    lab.start_sim()
    _, _, lab.root = lab.make_container(VMID)
    lab.back_guest(VMID)
    lab.configure([("exec", "yes"), ("ct-allow", str(VMID))])
    lab.start_node(POLICY.format(operator=lab.operator(), vmid=VMID))
    lab.join()
    t = Tap()
    address = lab.node_address
    t.run_some(test_stdin, test_ct_allow, test_secret, test_secret_tampered, test_undo_since,
               test_undo_after_config,
               test_armed_again)
    lab.stop(lab.front)
    lab.start_front()  # elsewhere; the client still goes to the old address
    lab.wait_for(lab.listening, "the network half's port", lab.front)
    middle = Middle(address, lab.node_address, lab.dir / "agent",
                    lab.dir / "config/proximo" / f"{lab.CLUSTER}.key", lab.dir)
    t.run_some(lambda t: test_middle(t, middle), test_ledger)
    middle.close()
    return t.end()


try:
    sys.exit(main())
finally:
    lab.close()
