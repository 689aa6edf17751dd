#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs inside a systemd node container: a client in a network name space of its own reaches the node
over a veth pair that ifupdown2 configures. A change of the node's interfaces is applied that takes the
node's address away, so that client, API and daemon are cut off from each other for real; the node's
daemon puts the interfaces back. What the simulated cluster does not do itself, this test does in its
place: moving the file and running ifreload, as the cluster's own task would. TAP. Called by
tests/integration/network_cut.sh."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from lab import Lab, LabError, lines_until, with_terminal  # noqa: E402
from node_inside import active, eventually, ok, run  # noqa: E402
import node_inside  # noqa: E402

NODE, DESK = "10.77.0.1", "10.77.0.2"
FILE = pathlib.Path("/etc/network/interfaces")
HOOK, SEEN = pathlib.Path("/opt/testbed/hook"), pathlib.Path("/run/hook")
PLAIN = """auto lo
iface lo inet loopback

auto uplink
iface uplink inet static
\taddress {address}/24
{more}"""
BEFORE = PLAIN.format(address=NODE, more=f"\tpost-up {HOOK}\n")
CUT = PLAIN.format(address="10.99.0.1", more=f"\tpost-up {HOOK}\n")
SLOW = PLAIN.format(address="10.99.0.1", more="\tpre-up sleep 45\n")
MORE = BEFORE + "\taddress 10.78.0.1/24\n"
INSIDE = ["/usr/bin/nsenter", "--net=/run/netns/desk"]
POLICY = "\n[node]\nclock = any\n\n[rule way-back]\nclient = lab\ndo = revert\nset = network\n"


class Desk(Lab):
    """The client runs where the operator sits: on the other end of the wire."""

    def client(self, *args, wait=300):
        out = subprocess.run([*INSIDE, self.program("proximo-client"), *args], env=self.env, text=True,
                             stdin=subprocess.DEVNULL, capture_output=True, timeout=wait,
                             start_new_session=True, check=False)
        return out.returncode, out.stdout, out.stderr

    def terminal(self, *args, answers=()):
        return with_terminal([*INSIDE, self.program("proximo-client"), *args], self.env, answers)

    def start_sim(self, *options):
        self.sim = self.start("pvesim", "--listen", f"{NODE}:8006", "--dir", self.dir / "sim", *options)
        self.sim_info = lines_until(self.sim, "ready", 300)
        return self.sim_info


def reaches(port, address=NODE):
    """Whether a new connection from the desk gets through."""
    code = f"import socket; socket.create_connection(('{address}', {port}), 5)"
    return run(*INSIDE, sys.executable, "-c", code)[0] == 0


def wire():
    for command in ("netns add desk", "link add uplink type veth peer name eth0 netns desk",
                    "-n desk link set lo up", f"-n desk addr add {DESK}/24 dev eth0",
                    "-n desk link set eth0 up"):
        status, out = run("ip", *command.split())
        if status != 0:
            raise LabError(f"ip {command}: {out}")
    HOOK.write_text("#!/bin/sh\ncat /proc/self/cgroup >>" + str(SEEN) + f"\n{sys.executable} -c \"import socket; "
                    f"socket.create_connection(('{DESK}', 7777), 5)\" && echo reached >>{SEEN}\nexit 0\n")
    HOOK.chmod(0o755)
    FILE.write_text(BEFORE)
    status, out = run("ifreload", "-a")
    return status == 0, out


def listen_on_the_desk():
    code = ("import socket; s = socket.create_server(('" + DESK + "', 7777)); print('up', flush=True)\n"
            "while True: s.accept()[0].close()")
    p = subprocess.Popen([*INSIDE, sys.executable, "-c", code], stdout=subprocess.PIPE)
    p.stdout.readline()
    return p


def reloads(lab):
    """How many applies the API has accepted."""
    state = pathlib.Path(lab.sim_info["state"])
    return sum(p.read_text().count("srvreload") for p in (state, pathlib.Path(f"{state}.journal")) if p.exists())


def worker(lab, text, done):
    """The cluster's task: once the API has accepted the apply, file and ifreload."""
    before = reloads(lab)

    def go():
        if eventually(lambda: reloads(lab) > before, 120):
            FILE.write_text(text)
            done.append((*run("ifreload", "-a"), reaches(8643), reaches(8006)))
    thread = threading.Thread(target=go, daemon=True)
    thread.start()
    return thread


def apply(lab, text, name):
    """Plans an apply, carries it out while the worker writes that text: (answer, output of ifreload)."""
    _, p = lab.client_json("plan", "pve_network_iface_update", "node=pve1", "iface=vmbr0",
                           f"mtu:={1400 + apply.n}")
    apply.n += 1
    carry_out(lab, p)
    _, p = lab.client_json("plan", "pve_network_apply", "node=pve1", "revert:=30")
    if not ok(p.get("plan", {}).get("undo", {}).get("kind") == "revert-timer", f"{name}: planned, with a timer", p):
        return {}, []
    done = []
    thread = worker(lab, text, done)
    answer = carry_out(lab, p)
    thread.join(200)
    return answer, done


apply.n = 1


def carry_out(lab, p):
    need = p["plan"]["approval"]["required"]
    if need == "operator":
        lab.approve(p["plan_id"])
    if need == "host":
        _, text = lab.terminal("--json", "apply", p["plan_id"], answers=[("[y/N]", "y")])
        return json.loads(text[text.index("{"):])
    return lab.client_json("apply", p["plan_id"])[1]


def cut_off(lab):
    SEEN.unlink(missing_ok=True)
    answer, done = apply(lab, CUT, "an apply that takes the node's address away")
    ok(answer.get("outcome") in ("unknown", "done") or answer.get("status") == "running" or answer.get("job"),
       f"the client says what it knows: {answer.get('outcome') or answer.get('status')}", answer)
    ok(done and not done[0][2] and not done[0][3], "daemon and API were cut off from the desk", done)
    op = answer.get("op_id", "")
    status, out, errors = lab.client("confirm", op)
    ok(status != 0, "and it cannot be confirmed", out + errors)
    back = eventually(lambda: reaches(8643), 240)
    ok(back, "the node puts it back by itself", run("journalctl", "-u", "pveagentd*", "-n", "40")[1] + run("ip", "addr")[1])
    ok(FILE.read_text() == BEFORE, "the file is as it was", FILE.read_text())
    ok(eventually(lambda: "reverted" in str(lab.client("--json", "ops")[1]), 60),
       "who is back is told that it has reverted", lab.client("--json", "ops"))
    seen = SEEN.read_text() if SEEN.exists() else ""
    ok("pveagentd-ifreload.service" in seen and "reached" in seen,
       "what ifreload started ran in a unit of its own, and reached the network",
       seen + run("journalctl", "-u", "pveagentd-ifreload", "-n", "30")[1])
    ok("pveagentd-priv.service" not in seen, "none of it in the root half's", seen)
    return op


def cut_slowly(lab):
    """The change's own ifreload still hangs at the deadline, holds ifupdown2's lock, and goes on with what it has
    read before the file was put back."""
    answer, done = apply(lab, SLOW, "an apply whose reload hangs past the deadline")
    ok(answer.get("op_id"), "it is on its way", answer)
    ok(eventually(lambda: FILE.read_text() == BEFORE and reaches(8643) and not busy(), 240),
       "the node waits for it and loads what it has put back", run("ip", "addr")[1] + log_of_reload())
    addresses = run("ip", "-4", "addr", "show", "dev", "uplink")[1]
    ok(NODE in addresses and "10.99.0.1" not in addresses, "the address is the old one", addresses)


def log_of_reload():
    return run("journalctl", "-u", "pveagentd-ifreload", "-n", "40")[1]


def busy():
    return run("systemctl", "is-active", "pveagentd-ifreload.service")[1].strip() == "activating"


def confirmed(lab):
    answer, done = apply(lab, MORE, "an apply that cuts nobody off")
    ok(answer.get("outcome") == "done", "it is done", f"{answer} {done}")
    _, said = lab.client_json("confirm", answer.get("op_id", ""))
    ok(said.get("outcome") == "done", "and confirmed over a new connection", said)
    ok("timers" not in run("pveagentctl", "status")[1] or "reverts in" not in run("pveagentctl", "status")[1],
       "no timer runs any more", run("pveagentctl", "status")[1])
    ok(FILE.read_text() == MORE, "the change stays")


def set_up(lab):
    os.makedirs("/etc/pve", exist_ok=True)
    lab.start_sim("--tree", "/etc/pve", "--task-ms", "3000")
    lab.configure()
    section = lab.operator()
    with open("/etc/pveagentd/policy.ini", "a", encoding="utf-8") as f:
        f.write(POLICY + "\n" + section)
    run("systemctl", "restart", "pveagentd-priv.service")  # it learns of /etc/pve
    for command in (["pveagentctl", "check"], ["pveagentctl", "arm"]):
        status, out = run(*command)
        ok(status == 0, " ".join(command), out)
    status, out = run("pveagentctl", "invite", "lab", "--address", f"{NODE}:8643", "--rights", "witness")
    line = next((w for w in out.split() if w.startswith("proximo1.")), "")
    ok(status == 0 and line, "root invites the desk", out)
    ok(eventually(lambda: reaches(8643)), "the port is open over the wire", run("ss", "-ltn")[1])
    status, out, errors = lab.client("join", line, "--name", "lab")
    ok(status == 0, "the desk joins", out + errors)
    status, text = lab.terminal("node", "trust", "pve1", answers=[("[y/N]", "y")])
    ok(status == 0, "and trusts the node", text)


def main(debs):
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    good, out = wire()
    ok(good and eventually(lambda: run("ip", "-4", "addr", "show", "dev", "uplink")[1].count(NODE)),
       "ifupdown2 configures the node's end of the wire", out)
    status, out = run("apt-get", "-y", "-o", "Dpkg::Use-Pty=0", "install", *debs, env=env)
    ok(status == 0 and eventually(lambda: active("pveagentd.service")), "the packages are installed", out)
    desk = listen_on_the_desk()
    with Desk("/usr") as lab:
        try:
            set_up(lab)
            cut_off(lab)
            confirmed(lab)
            FILE.write_text(BEFORE)
            run("ifreload", "-a")
            cut_slowly(lab)
            status, out, errors = lab.client("ledger", "verify")
            ok(status == 0, "the ledger verifies", out + errors)
        except (LabError, OSError, subprocess.SubprocessError) as e:
            ok(False, "no step fails", repr(e))
    desk.send_signal(signal.SIGKILL)
    desk.wait()
    print(f"1..{node_inside.count}")
    return 1 if node_inside.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
