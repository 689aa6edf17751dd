#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Commands, files and passwords in a VM through its guest agent, with the built client against a
simulated cluster: what this client's own switch and rules let through and what they do not, also
between plan and apply; what a command's end tells; what stays of secrets."""

import base64
import json
import os
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../testbed")]
from mcp_client import Mcp  # noqa: E402
from world import CLIENT, Tap, World  # noqa: E402

VMID = 104
CANARY = "correct-horse-battery-6143"
LONG = "x" * 300000
RULES = """
[agent-rule logs]
cluster = demo
vm = 104
run = /usr/bin/journalctl -u {unit} -n {int 1-2000}

[agent-rule tools]
cluster = demo
vm = 100-199
run = /bin/cat
stdin = yes

[agent-rule slow]
cluster = demo
vm = 104
run = /usr/bin/try {one-of slow|fail|killed|long|umlaut|gone}

[agent-rule motd]
cluster = demo
vm = 104
write = {path /etc/motd.d}

[agent-rule users]
cluster = demo
vm = 104
password = web deploy
"""
EXEC = [
    {"argv": ["/usr/bin/journalctl", "-u", "nginx.service", "-n", "20"], "out": "a log line\n"},
    {"argv": ["/bin/cat"], "cat": 1},
    {"argv": ["/bin/sh"], "cat": 1},
    {"argv": ["/usr/bin/try", "slow"], "out": "slept\n", "after": 3000},
    {"argv": ["/usr/bin/try", "fail"], "out": "tried\n", "err": "no\n", "exit": 3},
    {"argv": ["/usr/bin/try", "killed"], "signal": 9},
    {"argv": ["/usr/bin/try", "long"], "out": LONG},
    {"argv": ["/usr/bin/try", "umlaut"], "out": "Grüße – €\n"},
    {"argv": ["/usr/bin/try", "gone"], "out": "never seen\n"},
]


class AgentWorld(World):
    """A world whose VM has an agent, and a client with rules for it."""

    switch = "yes"
    rules = RULES

    def write_config(self, **override):
        super().write_config(**override)
        path = os.path.join(self.config, "proximo.ini")
        with open(path, encoding="utf-8") as f:
            text = f.read()
        if self.switch:
            text = text.replace("[cluster demo]\n", f"[cluster demo]\nagent-exec = {self.switch}\n")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text + self.rules)

    def configure(self, switch="yes", rules=RULES):
        self.switch, self.rules = switch, rules
        self.write_config()

    def change_state(self, change):
        """Writes the simulated cluster's state while it does not run."""
        root = self.sim.now()
        self.sim.stop()
        change(root)
        with open(self.sim.state, "w", encoding="utf-8") as f:
            json.dump(root, f)
        with open(self.sim.state + ".journal", "w", encoding="utf-8"):
            pass
        self.sim.start(self.sim.info["listen"])

    def guest(self, **members):
        self.change_state(lambda root: root["guests"][str(VMID)].update(members))

    def agent(self):
        return self.sim.now()["guests"][str(VMID)]["agent"]

    def exec(self, *argv, **args):
        return self.plan("pve_agent_exec", vmid=VMID, argv=list(argv), **args)


w = AgentWorld(limits="job-after = 1")
w.operator()
w.guest(agent={"exec": EXEC, "files": {}})


def code_of(answer):
    return answer["error"]["code"]


def refused(t, got, code, name):
    status, v, text = got
    return t.ok(status != 0 and code_of(v) == code, name, text)


def reasons(plan):
    return " ".join(plan["plan"]["risk_reasons"])


LOGS = ("/usr/bin/journalctl", "-u", "nginx.service", "-n", "20")


def test_allowed(t):
    status, p, text = w.exec(*LOGS)
    t.ok(status == 0, "a command that a rule allows is planned", text)
    t.ok(p["plan"]["risk"] == "high" and p["plan"]["approval"]["required"] == "operator",
         "high, and for an operator", text)
    t.ok("enforced by the client only" in reasons(p), "who enforces it is said", reasons(p))
    t.ok("rule logs of this client" in reasons(p), "and which rule allows it", reasons(p))
    request = p["plan"]["requests"][-1]
    t.ok(request["rule"] == "logs" and request["form"] == {"command": list(LOGS)} and
         request["path"] == f"/nodes/pve1/qemu/{VMID}/agent/exec",
         "the request stands in the plan with its rule", request)
    t.ok(p["plan"]["undo"]["kind"] == "none" and "asked for" in p["plan"]["undo"]["guarantee"],
         "no way back unless one is asked for", p["plan"]["undo"])
    status, shown = w.approve(p["plan_id"])
    t.ok("rule logs" in shown and "nginx.service" in shown, "who approves reads both", shown)
    status, o, text = w.run("apply", p["plan_id"])
    t.ok(status == 0 and o["outcome"] == "done" and o["output"]["stdout"] == "a log line\n" and
         o["output"]["how"] == "exited" and o["output"]["value"] == 0, "it runs to its end", text)
    t.ok(o["output"]["attested"] is False, "its output is nobody's word but the guest's", text)
    status, v, text = w.run("job", o["op_id"])
    t.ok(v.get("output", {}).get("stdout") == "a log line\n", "the ledger keeps what it wrote", text)
    intent = [e for kind, e in w.entries() if kind == "intent"][-1]
    t.ok(len(intent.get("api", [])) == 1, "the intent names the one request", intent)
    status, p, text = w.plan("pve_storage_update", storage="local", set={"disable": False})
    taint = [e for kind, e in w.entries() if kind == "plan"][-1]["taint"]
    t.ok(taint == ["yes"], "plans after the guest's text are tainted", taint)


def test_not_allowed(t):
    for argv, why in ((LOGS[:-1] + ("2001",), "an argument beyond its range"),
                      (LOGS + ("--all",), "one argument more"), (LOGS[:-2], "fewer arguments"),
                      (("/bin/sh",), "another program")):
        refused(t, w.exec(*argv), "policy_denied", f"{why} is not allowed")
    refused(t, w.exec(*LOGS, stdin="x"), "policy_denied", "nor standard input that no rule allows")
    refused(t, w.plan("pve_agent_exec", vmid=105, argv=list(LOGS)), "bad_state",
            "a VM without an agent is said to have none")
    refused(t, w.plan("pve_agent_exec", vmid=101, argv=list(LOGS)), "bad_argument",
            "a container has none")
    status, v, text = w.plan("pve_api_plan", method="POST",
                             path=f"/nodes/pve1/qemu/{VMID}/agent/exec", params={"command": "/bin/id"})
    t.ok(status == 3 and code_of(v) == "api_refused", "the generic row calls no agent", text)
    status, v, text = w.plan("pve_api_plan", method="POST",
                             path=f"/nodes/pve1/qemu/{VMID}/%61gent/exec", params={"command": "/bin/id"})
    t.ok(status != 0, "however its path is spelled", text)
    status, v, text = w.exec(*LOGS[:2], "a;b", *LOGS[3:])
    t.ok(status == 3 and "nothing" not in text, "a refusal by policy has its exit code", text)


def test_switch(t):
    status, p, text = w.exec(*LOGS)
    w.approve(p["plan_id"])
    w.configure(switch=None)
    refused(t, w.run("apply", p["plan_id"]), "exec_disabled",
            "a plan is not carried out once the switch is gone")
    refused(t, w.exec(*LOGS), "exec_disabled", "off by default: nothing is planned")
    w.configure(switch="no")
    refused(t, w.exec(*LOGS), "exec_disabled", "nor with a no")
    w.configure(rules=RULES.replace("{int 1-2000}", "{int 1-10}"))
    refused(t, w.run("apply", p["plan_id"]), "policy_denied", "nor after its rule was narrowed")
    w.configure(rules=RULES.replace("[agent-rule logs]", "[agent-rule other]"))
    refused(t, w.run("apply", p["plan_id"]), "policy_denied",
            "nor when another rule than the one that was approved allows it")
    w.configure()
    status, o, text = w.run("apply", p["plan_id"])
    t.ok(status == 0 and o["outcome"] == "done", "with its own rule back it is", text)
    t.ok(not w.agent().get("processes"), "and nothing had been begun before", w.agent())


def test_near_root(t):
    w.configure(rules=RULES + "[agent-rule all]\ncluster = demo\nvm = 104\nrun = ANY\nstdin = yes\n")
    status, p, text = w.exec("/bin/sh", stdin="id\n")
    t.ok(status == 0 and "near-root" in reasons(p), "a rule with ANY is said to be near-root", text)
    status, p, text = w.exec(*LOGS)
    t.ok("near-root" not in reasons(p), "not where a narrow one allows it too", reasons(p))
    w.configure()


def test_ends(t):
    for program, want in (("fail", ("exited", 3)), ("killed", ("signalled", 9))):
        _, p, _ = w.exec("/usr/bin/try", program)
        status, o, text = w.carry_out(p)
        t.ok(status == 1 and o["outcome"] == "failed" and o["code"] == "command_failed" and
             (o["output"]["how"], o["output"]["value"]) == want, f"{program}: how it ended", text)
    _, p, _ = w.exec("/usr/bin/try", "long")
    status, o, text = w.carry_out(p)
    out = o["output"]
    t.ok(status == 0 and out["truncated"] and out["stdout_bytes"] == len(LONG) and
         len(out["stdout"]) == 256 * 1024, "more than is kept is said to be cut", text[:500])
    _, p, _ = w.exec("/usr/bin/try", "umlaut")
    status, o, text = w.carry_out(p)
    t.ok(o["output"]["stdout"] == "Grüße – €\n", "text arrives as the command wrote it", text)
    rules = RULES.replace("|gone}", "|gone|nothing}")
    w.configure(rules=rules)
    _, p, _ = w.exec("/usr/bin/try", "nothing")
    status, o, text = w.carry_out(p)
    t.ok(status == 1 and o["outcome"] == "failed" and "Guest agent command failed" in o["error"],
         "what the agent cannot start has failed", text)
    t.ok(o.get("guest_text") is True, "its error is the guest's text too", text)
    w.configure()


def test_lost(t):
    w.sim.call("POST", "/sim/fault", spec=f"drop-after GET /nodes/pve1/qemu/{VMID}/agent/exec-status* x1")
    _, p, _ = w.exec("/usr/bin/try", "gone")
    status, o, text = w.carry_out(p)
    t.ok(o["outcome"] == "unknown" and o["code"] == "agent_lost",
         "an end that was told and lost is unknown, not guessed", text)


def test_agent_states(t):
    w.guest(agent={"exec": EXEC, "files": {}, "disabled": "guest-exec"})
    status, v, text = w.exec(*LOGS)
    t.ok(code_of(v) == "bad_state" and "guest-exec" in text, "an agent that refuses commands", text)
    w.guest(agent={"exec": EXEC, "files": {}})
    status, p, text = w.exec(*LOGS)
    w.approve(p["plan_id"])
    w.guest(agent=0)
    status, v, text = w.run("apply", p["plan_id"])
    t.ok(status != 0 and "guest agent is not running" in text,
         "an agent that stopped since the plan stops it", text)
    refused(t, w.exec(*LOGS), "bad_state", "an agent that does not run")
    w.guest(agent={"exec": EXEC, "files": {}}, running=0)
    refused(t, w.run("apply", p["plan_id"]), "plan_drifted", "so does a VM that was stopped")
    refused(t, w.exec(*LOGS), "bad_state", "a VM that does not run")
    w.guest(running=1)
    w.sim.call("PUT", f"/nodes/pve1/qemu/{VMID}/config", description="changed")
    refused(t, w.run("apply", p["plan_id"]), "plan_drifted", "and a configuration that changed")


def test_job(t):
    m = Mcp([CLIENT, "mcp"], env=w.env())
    plan = m.call("proximo_plan", row="pve_agent_exec",
                  args={"vmid": VMID, "argv": ["/usr/bin/try", "slow"]})
    w.approve(plan.data["plan_id"])
    got = m.call("proximo_apply_high", plan_id=plan.data["plan_id"])
    t.ok(not got.error and got.data["outcome"] == "running", "a long command becomes a job", got.text)
    op = got.data["op_id"]
    told = m.call("proximo_job_cancel", op_id=op)
    t.ok(told.error and "no_running_task" in told.text, "PVE cannot stop it, and that is said", told.text)
    end = m.call("proximo_job", op_id=op, wait=30)
    t.ok(end.data["state"] == "ended" and end.data["outcome"] == "done" and
         end.data["output"]["stdout"] == "slept\n", "waiting for it gives end and output", end.text)
    m.close()


def worker_of(op):
    """The process that holds the operation's lock."""
    inode = os.stat(os.path.join(w.ledger, "running", op)).st_ino
    for line in open("/proc/locks", encoding="utf-8"):
        words = line.split()
        if "FLOCK" in words and words[-3].endswith(f":{inode}"):
            return int(words[-4])
    return None


def test_killed_follower(t):
    m = Mcp([CLIENT, "mcp"], env=w.env())
    plan = m.call("proximo_plan", row="pve_agent_exec",
                  args={"vmid": VMID, "argv": ["/usr/bin/try", "slow"]})
    w.approve(plan.data["plan_id"])
    op = m.call("proximo_apply_high", plan_id=plan.data["plan_id"]).data["op_id"]
    os.kill(worker_of(op), signal.SIGKILL)
    m.close()
    status, v, text = w.run("job", op, "--wait", "5")
    t.ok(v["state"] == "unfollowed" and "output" not in v,
         "when its follower dies the end is not known, and not guessed", text)
    status, v, text = w.run("op", "close", op, "--failed", "--reason", "looked into the VM")
    t.ok(status != 0, "closing it wants an operator on a terminal", text)


def test_secrets(t):
    _, p, text = w.exec("/bin/cat", stdin_secret=CANARY + "\nmore\n")
    t.ok(p["plan"]["requests"][-1]["form"]["input-data"].keys() == {"secret"},
         "secret input is a commitment in the plan", text)
    status, o, said = w.carry_out(p)
    t.ok(o["outcome"] == "done" and "*" * len(CANARY) in o["output"]["stdout"],
         "what a command repeats of it is hidden", said)
    t.ok(CANARY not in text + said, "it stands in no answer", said)
    _, p, text = w.plan("pve_agent_file_write", vmid=VMID, file="/etc/motd.d/key",
                        content_secret=CANARY)
    status, o, said = w.carry_out(p)
    t.ok(o["outcome"] == "done" and
         base64.b64decode(w.agent()["files"]["/etc/motd.d/key"]).decode() == CANARY,
         "a secret file is written whole", said)
    t.ok(CANARY not in text + said, "and stands in no answer", said)
    _, p, text = w.plan("pve_agent_password", vmid=VMID, username="deploy", password=CANARY)
    status, o, said = w.carry_out(p)
    t.ok(o["outcome"] == "done" and CANARY not in text + said, "a password likewise", said)
    refused(t, w.plan("pve_agent_password", vmid=VMID, username="root", password=CANARY),
            "policy_denied", "of users that a rule names, only")
    found = subprocess.run(["grep", "-rlF", CANARY, w.state], capture_output=True, text=True,
                           check=False).stdout
    t.ok(found == "", "nothing of it is left in ledger, log or state", found)


def test_files(t):
    text = "Grüße\n"
    _, p, said = w.plan("pve_agent_file_write", vmid=VMID, file="/etc/motd.d/10-web", content=text)
    t.ok(p and p["plan"]["requests"][-1]["form"].get("encode") is False,
         "text beyond ASCII goes in base64", said)
    status, o, said = w.carry_out(p)
    t.ok(o["outcome"] == "done" and o["post_check"]["status"] == "ok", "it is written and read back",
         said)
    status, v, said = w.read("pve_agent_file_read", vmid=VMID, file="/etc/motd.d/10-web")
    t.ok(status == 0 and v["content"] == text and not v["truncated"], "and can be read", said)
    status, v, said = w.read("pve_agent_file_read", vmid=VMID, file="/etc/motd.d/10-web", count=3)
    t.ok(v["truncated"] and v["base64"] == base64.b64encode(text.encode()[:3]).decode() if
         "base64" in v else v["truncated"], "in part", said)
    status, p, said = w.plan("pve_agent_file_write", vmid=VMID, file="/etc/motd.d/plain", content="a\n")
    t.ok(p["plan"]["requests"][-1]["form"]["content"] == "a\n", "ASCII stands in the plan as it is", said)
    for path in ("/etc/shadow", "/etc/motd.d/../shadow", "/etc/motd.dx"):
        refused(t, w.plan("pve_agent_file_write", vmid=VMID, file=path, content="x"),
                "policy_denied", f"{path} is not below what the rule names")


def test_undo(t):
    for _, p, text in (w.exec(*LOGS, undo="snapshot"),
                       w.plan("pve_agent_file_write", vmid=VMID, file="/etc/motd.d/u", content="u",
                              undo="snapshot")):
        row = p["plan"]["tool"]
        t.ok(p["plan"]["undo"]["kind"] == "guest-snapshot" and
             p["plan"]["requests"][0]["phase"] == "prepare",
             f"{row}: a snapshot comes first if asked for", text)
        status, o, text = w.carry_out(p)
        t.ok(status == 0 and o["outcome"] == "done", "it is taken, then the agent acts", text)
        name = p["plan"]["requests"][0]["form"]["snapname"]
        status, v, text = w.run("undo", o["op_id"])
        if status == 4:
            status, v, text = w.carry_out(v)
        t.ok(status == 0 and v["outcome"] == "done", "one call rolls back to it", text)
        t.ok(w.sim.now()["guests"][str(VMID)].get("parent", name) == name and
             w.sim.call("GET", f"/nodes/pve1/qemu/{VMID}/status/current")["status"] == "running",
             "there the VM stands, and runs again", w.sim.now()["guests"][str(VMID)])


def test_steps(t):
    def second_vm(root):
        root["guests"]["105"]["agent"] = {"exec": EXEC, "files": {}}
        root["guests"]["105"]["config"]["agent"] = "1"

    w.change_state(second_vm)
    _, p, text = w.plan("proximo_plan_steps", steps=[
        {"row": "pve_agent_exec", "args": {"vmid": VMID, "argv": ["/usr/bin/try", "long"]}},
        {"row": "pve_agent_exec", "args": {"vmid": 105, "argv": ["/bin/cat"], "stdin": "second\n"}}])
    t.ok([q.get("rule") for q in p["plan"]["requests"]] == ["slow", "tools"],
         "each step's request has its own rule", text)
    status, o, text = w.carry_out(p)
    out = o["output"]
    t.ok(status == 0 and out["stdout"] == "second\n" and out["step"] == 2 and
         out["before"][0]["step"] == 1, "what each step wrote is told", text[:600])
    first = out["before"][0]
    t.ok(len(first["stdout"]) == 16384 and first["truncated"] and
         os.path.exists(os.path.join(w.ledger, "bodies", first["body"][7:9])),
         "an earlier one in part, and the ledger has it whole", sorted(first))
    status, v, text = w.run("job", o["op_id"])
    t.ok(v["output"] == out, "both are kept", text[:600])


def test_file_systems(t):
    before = w.sim.now()["guests"][str(VMID)]
    before["agent"].setdefault("frozen", 0)
    _, p, text = w.plan("pve_agent_freeze", vmid=VMID)
    t.ok(p and p["plan"]["risk"] == "high" and p["plan"]["undo"]["kind"] == "inverse",
         "freezing is high risk and has a way back", text)
    status, o, text = w.carry_out(p)
    t.ok(o["outcome"] == "done" and w.agent()["frozen"] == 1, "they are frozen", text)
    refused(t, w.exec(*LOGS), "bad_state", "a frozen VM takes no commands")
    status, v, text = w.run("undo", o["op_id"])
    if status == 4:
        status, v, text = w.carry_out(v)
    t.ok(status == 0 and w.sim.now()["guests"][str(VMID)] == before,
         "and thawed again: all is as it was", text)
    _, p, text = w.plan("pve_agent_fstrim", vmid=VMID)
    status, o, text = w.carry_out(p)
    t.ok(status == 0 and o["outcome"] == "done", "trimming needs no rule", text)


def test_ledger(t):
    code, v, text = w.verify()
    t.ok(code == 0, "the ledger verifies", text)


try:
    sys.exit(Tap().run(test_allowed, test_not_allowed, test_switch, test_near_root, test_ends,
                       test_lost, test_agent_states, test_job, test_killed_follower, test_secrets, test_files,
                       test_steps, test_file_systems, test_undo, test_ledger))
finally:
    w.close()
