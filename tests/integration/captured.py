#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A network half that was taken over, against what nodes say of themselves: roster, rotated keys, revert
timers, revocation. It can withhold and replay what the root half once signed. The promise: it can deny and
delay; it cannot make the client take another key, think a timer armed that is not, or think that something
was reverted or confirmed; what the client then says is what it knows."""

import json
import os
import pathlib
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from revert_lib import AFTER, BEFORE, RevertLab  # noqa: E402
from middle import Middle  # noqa: E402
from world import Tap  # noqa: E402

POLICY = """[node]
clock = any

[rule way-back]
client = lab
do = revert
set = network
"""
lab = RevertLab()
interfaces, timers, carry_out, api = lab.interfaces, lab.armed, lab.carry_out, lab.api
noticed, run_out = lab.noticed, lab.run_out
middle = None
mtu = 1400


class Tape:
    """What the node answered to requests of one path: recorded, or played again in place of an answer."""

    def __init__(self, path):
        self.path = path.encode()
        self.taken = b""
        self.on = False
        self.n = 0

    def up(self, data):
        if re.match(rb"(GET|POST) ", data):
            self.on = self.path in data.split(b"\r\n", 1)[0]
            self.n += self.on
        return data

    def record(self):
        def up(data):
            self.up(data)
            if self.on and re.match(rb"(GET|POST) ", data):
                self.taken = b""  # the last one: after a conflict it is asked again
            return data

        def down(data):
            self.taken += data if self.on else b""
            return data
        middle.up, middle.down = up, down
        return self

    def play(self, change=lambda data: data):
        left = [change(self.taken)]

        def up(data):
            self.up(data)
            if self.on and re.match(rb"(GET|POST) ", data):
                left[:] = [change(self.taken)]
            return data

        def down(data):
            if not self.on:
                return data
            return left.pop() if left else b""
        middle.up, middle.down = up, down
        return self


def swallow(path, before=False):
    """The connection ends instead of the node's answer; before: and the node gets no request."""
    tape = Tape(path)

    def up(data):
        tape.up(data)
        if before and tape.on:
            raise OSError("cut")
        return data

    def down(data):
        if tape.on:
            raise OSError("cut")
        return data
    middle.up, middle.down = up, down


def honest():
    middle.up = middle.down = lambda data: data


def apply_network():
    """A plan for an apply that needs a timer: not carried out."""
    global mtu
    mtu += 1
    lab.stage(mtu)
    return lab.client_json("plan", "pve_network_apply", "node=pve1", "revert:=600")[1]


def sent():
    """Applies that reached the cluster."""
    return sum(p.read_text().count("srvreload") for p in (pathlib.Path(lab.sim_info["state"]),
               pathlib.Path(lab.sim_info["state"] + ".journal")) if p.exists())


def told(op):
    """What the list of operations says of that one's timer."""
    return [o.get("revert_timer") for o in lab.client_json("ops")[1]["operations"] if o["op_id"] == op["op_id"]][0]


def node():
    return lab.client_json("node", "list")[1]["nodes"][0]


def known():
    """The receipt key that the client holds for the node."""
    text = (lab.dir / "state/proximo/nodes" / f"{lab.CLUSTER}.ini").read_text()
    return re.search(r"^receipt = (\S+)$", text, re.M).group(1)


def refresh():
    status, out, errors = lab.client("node", "refresh")
    return status, out + errors


def test_roster(t):
    tape = Tape("/v1/roster").record()
    first = known()
    refresh()
    honest()
    lab.ctl("rotate", "receipt")
    tape.play()
    status, said = refresh()
    t.ok(tape.n and known() == first, "an old roster played again, before the client knows better, teaches nothing",
         said)
    _, p = lab.client_json("plan", "pve_network_apply", "node=pve1")
    t.ok("revert-timer" != p.get("plan", {}).get("undo", {}).get("kind"),
         "and nothing is armed under the former key", p)
    honest()
    status, said = refresh()
    second = known()
    t.ok(status == 0 and second != first, "asked honestly it learns the next key", said)
    tape.play()
    status, said = refresh()
    t.ok(status != 0 and "did not sign" in said and known() == second,
         "played again afterwards it is refused, with the reason", said)
    honest()
    tape = Tape("/v1/roster").record()
    refresh()
    for what, change in (("a changed byte", lambda d: d.replace(b"8643", b"8644").replace(b"127.0.0.1", b"127.0.0.2")),
                         ("nothing but its beginning", lambda d: d[:len(d) // 2]),
                         ("no entry", lambda d: re.sub(rb'"entries":\[[^\]]*\]', b'"entries":[]', d))):
        tape.play(change)
        address = node_address()
        status, said = refresh()
        t.ok(known() == second and node_address() == address, f"a roster with {what}: nothing of it is taken", said)
    honest()
    status, said = refresh()
    t.ok(status == 0, "honest again, it answers", said)


def node_address():
    text = (lab.dir / "state/proximo/nodes" / f"{lab.CLUSTER}.ini").read_text()
    return re.search(r"^address = (\S+)$", text, re.M).group(1)


def test_arming(t):
    interfaces().write_text(BEFORE)
    tape = Tape("/v1/act").record()
    op = carry_out(apply_network())
    honest()
    t.ok(op.get("outcome") == "done" and len(timers()) == 1 and tape.taken, "armed honestly, and recorded", op)
    status, said = lab.client_json("confirm", op["op_id"])
    t.ok(not timers(), "and confirmed", said)
    before = sent()
    p = apply_network()
    tape.play()
    op = carry_out(p)
    honest()
    t.ok(op.get("outcome") != "done" and sent() == before,
         f"the answer to an earlier arming is not taken for this one: {op.get('outcome')} ({op.get('code')}), "
         "and nothing was applied", op)
    for path in timers():  # the root half did arm: the client was told nothing it could believe
        run_out(path)
    p = apply_network()
    swallow("/v1/act")
    op = carry_out(p)
    honest()
    t.ok(op.get("outcome") in ("not-started", "unknown") and sent() == before,
         f"an arming that is swallowed: {op.get('outcome')} ({op.get('code')}), and nothing was applied", op)
    for path in timers():
        run_out(path)


def test_early_stop(t):
    """Between arming and the change somebody else stages something: nothing is sent, and the client ends the timer
    itself, or the node would take back what the other one does next. (Nobody lies here: the middle only knows when
    the node has armed.)"""
    interfaces().write_text(BEFORE)
    before = sent()
    p = apply_network()
    tape, did = Tape("/v1/act"), []

    def up(data):
        tape.up(data)
        return data

    def down(data):
        if tape.on and timers() and not did:
            did.append(api("POST", "/nodes/pve1/network", iface="vmbr7", type="bridge", autostart=1) or True)
        return data
    middle.up, middle.down = up, down
    op = carry_out(p)
    honest()
    t.ok(did and op.get("outcome") == "not-started" and op.get("code") == "plan_drifted" and sent() == before,
         "armed, then the world has changed: not-started, and nothing was applied", op)
    t.ok(not timers() and not op.get("left_over"), "the client has ended the timer, and leaves nothing", op)


def test_timer(t):
    interfaces().write_text(BEFORE)
    op = carry_out(apply_network())
    t.ok(op.get("outcome") == "done" and len(timers()) == 1, "a timer runs", op)
    interfaces().write_text(AFTER)
    path = timers()[0]
    noticed(path)
    middle.down = lambda data: re.sub(rb'"timers":\[[^\]]*\]', lambda m: b'"timers":[' + b" " *
                                      (len(m.group(0)) - 11) + b"]", data)
    o = told(op)
    t.ok(o == "ended", "hidden, it has ended for the client, which does not say how", o)
    swallow("/v1/act", before=True)
    status, said = lab.client_json("confirm", op["op_id"])
    honest()
    t.ok(said.get("outcome") != "done", f"a confirmation that is swallowed is not called done: {said.get('outcome')}",
         said)
    middle.up, middle.down = (lambda data: data), lambda data: data.replace(b"reverted", b"exited  ")
    run_out(path)
    t.ok(interfaces().read_text() == BEFORE, "the node reverts")
    o = told(op)
    t.ok(o == "ended", "a receipt that was changed on the way is not taken", o)
    honest()
    o = told(op)
    t.ok(o == "reverted", "left alone, it tells that it has reverted", o)


def test_revoked(t):
    tape = Tape("/v1/status").record()
    t.ok(node()["reachable"], "the node answers")
    honest()
    lab.ctl("revoke", "lab")
    n = node()
    t.ok(not n["reachable"] and "client_" in n["error"], "revoked, the client is told", n)
    tape.play()
    n = node()
    t.ok(n["reachable"], "an old status can be played again: status is not signed", n)
    p = apply_network()
    t.ok("no_timer" in json.dumps(p), "but nothing can be planned on it", p)
    honest()


def test_ledger(t):
    status, said, _ = lab.client("ledger", "verify")
    t.ok(status == 0, "the ledger verifies", said)


def main():
    global middle
    lab.begin(POLICY)
    lab.ctl("announce", "--address", lab.node_address)
    address = lab.node_address
    lab.stop(lab.front)
    lab.start_front()  # elsewhere; the client still goes to the old address
    lab.wait_for(lab.listening, "the network half's port", lab.front)
    middle = Middle(address, lab.node_address, lab.dir / "agent",
                    lab.dir / "config/proximo" / f"{lab.CLUSTER}.key", lab.dir)
    t = Tap()
    t.run_some(test_roster, test_arming, test_early_stop, test_timer, test_revoked, test_ledger)
    middle.close()
    return t.end()


try:
    sys.exit(main())
finally:
    lab.close()
