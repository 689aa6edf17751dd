#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs inside a systemd container that knows nothing of this project: installs the packages with
apt, looks at what they did, sends one command through the installed daemon into a container, and
purges. TAP. Called by tests/integration/node_packages.sh."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from lab import Lab  # noqa: E402

VMID = 901
count = failures = 0


def ok(good, name, seen=""):
    global count, failures
    count += 1
    failures += not good
    print(f"{'ok' if good else 'not ok'} {count} - {name}", flush=True)
    if not good:
        for line in str(seen).splitlines()[-30:]:
            print(f"# {line}", flush=True)
    return good


def run(*command, **more):
    out = subprocess.run(command, text=True, capture_output=True, check=False,
                         stdin=subprocess.DEVNULL, **more)
    return out.returncode, out.stdout + out.stderr


def active(unit):
    return run("systemctl", "is-active", unit)[1].strip() == "active"


def listening():
    return run("ss", "-Hltn", "sport = :8643")[1].strip()


def eventually(true, wait=30):
    end = time.monotonic() + wait
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.2)
    return False


EXAMPLES = "/usr/share/doc/proximo-client/examples"
HELLO = {"protocolVersion": "2025-06-18", "capabilities": {},
         "clientInfo": {"name": "test", "version": "1"}}


def as_agent(*command, **more):
    return run("runuser", "-u", "agent", "--", "sudo", "-n", "-u", "proximo", *command, **more)


def separated(lab):
    """The account that an agent has, and the account that keys and ledger belong to."""
    home = pathlib.Path("/var/lib/proximo")
    run("useradd", "--system", "--user-group", "--home-dir", str(home), "--shell",
        "/usr/sbin/nologin", "proximo")
    run("useradd", "agent")
    run("useradd", "alice")
    config = home / ".config/proximo"
    config.mkdir(parents=True)
    shutil.copy(f"{EXAMPLES}/proximo.sudoers", "/etc/sudoers.d/proximo")
    os.chmod("/etc/sudoers.d/proximo", 0o440)
    status, out = run("visudo", "-c", "-f", "/etc/sudoers.d/proximo")
    ok(status == 0, "the example for sudo parses", out)
    (config / "proximo.ini").write_text(
        f"[cluster home]\nurl = {lab.sim_info['url']}\nfingerprint = {lab.sim_info['fingerprint']}\n"
        "token = home.token\n")
    shutil.copy(lab.sim_info["token-file"], config / "home.token")
    run("chown", "-R", "proximo:proximo", str(home))
    run("chmod", "-R", "go=", str(home))

    evil = {**os.environ, "XDG_CONFIG_HOME": "/tmp/evil", "HOME": "/tmp/evil",
            "PROXIMO_API_BASE_URL": "https://127.0.0.1:1", "PROXIMO_TOKEN_PATH": "/tmp/evil/token"}
    server = subprocess.Popen(
        ["runuser", "-u", "agent", "--", "sudo", "-n", "-u", "proximo", "/usr/bin/proximo-client",
         "mcp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=evil)

    def ask(number, method, params):
        server.stdin.write(json.dumps({"jsonrpc": "2.0", "id": number, "method": method,
                                       "params": params}) + "\n")
        server.stdin.flush()
        return json.loads(server.stdout.readline())

    hello = ask(1, "initialize", HELLO)
    ok("serverInfo" in hello.get("result", {}), "an agent's account starts the server", hello)
    doctor = ask(2, "tools/call", {"name": "proximo_doctor", "arguments": {}})
    seen = doctor["result"]["structuredContent"]
    ok(seen["config_dir"] == str(config) and [c["cluster"] for c in seen["clusters"]] == ["home"],
       "which takes nothing from its environment", doctor)
    plan = ask(3, "tools/call", {"name": "pve_snapshot_create", "arguments": {
        "vmid": 105, "snapname": "apart"}})
    ok(plan["result"]["structuredContent"].get("plan_id", "").startswith("P-"), "and plans", plan)
    server.stdin.close()
    server.wait(30)
    ok(run("runuser", "-u", "agent", "--", "ls", str(home))[0] != 0 and
       (home / ".local/state/proximo/ledger/home").is_dir(),
       "the agent's account reads neither keys nor ledger")
    for command in (("/usr/bin/proximo-client", "approve", "P-x"), ("/usr/bin/proximo-client", "freeze",
                    "off"), ("/usr/bin/proximo-client", "mcp", "--toolsets", "all"), ("/bin/sh",)):
        status, out = as_agent(*command)
        ok(status != 0 and "sudo:" in out, f"sudo refuses it {' '.join(command)}", out)
    for user in ("agent", "alice", "proximo"):
        run("userdel", user)
    os.unlink("/etc/sudoers.d/proximo")
    shutil.rmtree(home)


def main(debs):
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    status, out = run("apt-get", "-y", "-o", "Dpkg::Use-Pty=0", "install", *debs, env=env)
    ok(status == 0, "both packages install with apt", out)
    units = ("pveagentd-priv.service", "pveagentd-reader.service", "pveagentd.service")
    for unit in units:
        ok(eventually(lambda u=unit: active(u)), f"{unit} is active after installation",
           run("systemctl", "status", unit)[1] + run("journalctl", "-u", unit, "-n", "20")[1])
    ok(not listening(), "no port is open", listening())
    status, out = run("pveagentctl", "status")
    ok(status == 0 and "armed     no" in out, "the node is not armed", out)
    ok(run("pveagentctl", "list")[1].strip() in ("", "no clients"), "no client is enrolled")
    pid = run("systemctl", "show", "-P", "MainPID", "pveagentd.service")[1].strip()
    caps = pathlib.Path(f"/proc/{pid}/status").read_text()
    ok("CapEff:\t0000000000000000" in caps and "CapBnd:\t0000000000000000" in caps,
       "the network half has no capability", caps)
    ok("NoNewPrivs:\t1" in caps and "Seccomp:\t2" in caps, "and cannot gain any, under a filter",
       caps)
    uid = run("id", "-u", "pveagentd")[1].strip()
    ok(f"Uid:\t{uid}\t" in caps, "and is a user of its own", caps)

    with Lab("/usr") as lab:
        # The cluster file system of this node is the simulator's tree. /etc/pve was not there when
        # the root half started, so its mount name space learns of it by a restart.
        os.makedirs("/etc/pve", exist_ok=True)
        lab.start_sim()
        lab.ct("ct_make", "/var/lib/lxc", VMID, f"/var/lib/lxc-roots/{VMID}")
        lab.ct("ct_start", "/var/lib/lxc", VMID)

        def change(state):
            state["guests"][str(VMID)] = {
                "type": "lxc", "node": "pve1", "running": 1, "snapshots": {},
                "backing": {"lxc": str(VMID)},
                "config": {"arch": "amd64", "hostname": "lab", "memory": "128", "swap": "0",
                           "ostype": "unmanaged", "rootfs": f"local:{VMID}/x.raw,size=1G"},
            }

        lab.edit_state(change)
        lab.start_sim("--tree", "/etc/pve")
        lab.configure([("exec", "yes"), ("ct-allow", str(VMID))])
        policy = pathlib.Path("/etc/pveagentd/policy.ini")
        section = lab.operator()
        with open(policy, "a", encoding="utf-8") as f:
            f.write("\n[node]\nclock = any\n\n" + section + f"\n[rule id]\nclient = lab\n"
                    f"ct = {VMID}\nrun = /bin/id -u\napprove = alice\n")
        run("systemctl", "restart", "pveagentd-priv.service")
        status, out = run("pveagentctl", "check")
        ok(status == 0, "the changed policy parses", out)
        status, out = run("pveagentctl", "arm")
        ok(status == 0, "root arms the node", out)
        status, out = run("pveagentctl", "invite", "lab", "--address", "127.0.0.1:8643", "--rights",
                          "witness")
        line = next((w for w in out.split() if w.startswith("proximo1.")), "")
        ok(status == 0 and line, "root invites a client", out)
        ok(eventually(lambda: bool(listening())), "now the port opens", run(
            "journalctl", "-u", "pveagentd", "-n", "20")[1])
        status, out, errors = lab.client("join", line, "--name", "lab")
        ok(status == 0, "the client joins by that line", out + errors)
        status, plan = lab.client_json("plan", "ct_exec", f"vmid:={VMID}", 'argv:=["/bin/id","-u"]')
        if ok(status == 0, "a command is planned", plan):
            lab.approve(plan["plan_id"])
            status, done = lab.client_json("apply", plan["plan_id"])
            ok(status == 0 and done.get("outcome") == "done" and
               done.get("output", {}).get("stdout") == "0\n",
               "it ran through both units, in the container", f"{done}\n" + run(
                   "journalctl", "-u", "pveagentd*", "-n", "30")[1])
            ok("how exited 0" in done["receipts"][0].get("receipt", ""), "with a signed receipt",
               done)
        status, out, errors = lab.client("ledger", "verify")
        ok(status == 0, "the ledger verifies", out + errors)
        for unit in units:
            ok(active(unit), f"{unit} is still active", run("systemctl", "status", unit)[1])
        lab.ct("ct_remove", "/var/lib/lxc", VMID)
        separated(lab)

    status, out = run("apt-get", "-y", "-o", "Dpkg::Use-Pty=0", "purge", "pveagentd", env=env)
    ok(status == 0, "pveagentd is purged", out)
    left = [p for p in ("/var/lib/pveagentd", "/var/lib/pveagentd-priv", "/etc/pveagentd",
                        "/run/pveagentd", "/run/pveagentd-reader", "/usr/sbin/pveagentd") if os.path.lexists(p)]
    ok(not left, "nothing of it is left", left)
    ok(run("id", "pveagentd")[0] != 0 and run("id", "pveagentd-reader")[0] != 0,
       "its users are gone")
    ok(not listening(), "no port is open")
    shutil.rmtree("/etc/pve", ignore_errors=True)
    print(f"1..{count}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
