#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The demonstration behind `./quickstart demo`: one real conversation with the MCP server, on a
simulated cluster and, as root, in a real container. Every step says what it does and what came back,
and checks it: when something is not as it should be, the demonstration fails."""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from forge import Forger  # noqa: E402
from lab import Lab, LabError  # noqa: E402

VMID = 901
BOLD, DIM, END = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "", "")


class Show:
    def __init__(self):
        self.n = 0
        self.left_out = []

    def step(self, title):
        self.n += 1
        print(f"\n{BOLD}{self.n}. {title}{END}", flush=True)

    def say(self, text, prefix="   "):
        for line in str(text).rstrip().splitlines():
            print(f"{prefix}{line}", flush=True)

    def call(self, tool, args):
        words = ", ".join(f"{k}={v!r}" for k, v in args.items())
        self.say(f"{DIM}agent calls {tool}({words}){END}")

    def expect(self, good, what, seen=""):
        if not good:
            raise LabError(f"step {self.n}: not so: {what}\n{seen}")
        self.say(f"[as it should be] {what}")


def plan_text(lab, plan_id):
    """The plan as a person sees it, without the full requests (they are in the plan)."""
    _, out, _ = lab.client("show", plan_id)
    return "\n".join(line[:150] for line in out.splitlines()
                     if not re.match(r"\s+\||\s+\d+ (prepare|execute|undo) ", line))


class Demo:
    def __init__(self, lab, show):
        self.lab = lab
        self.show = show
        self.mcp = None

    def call(self, tool, **args):
        self.show.call(tool, args)
        return self.mcp.call(tool, **args)

    # -- set up -----------------------------------------------------------------------------

    def cluster(self):
        show, lab = self.show, self.lab
        show.step("A simulated cluster (pvesim): three nodes behind the real REST interface")
        lab.start_sim()
        show.say(f"url          {lab.sim_info['url']}")
        show.say(f"fingerprint  {lab.sim_info['fingerprint'][:47]}…")

    def container(self):
        show, lab = self.show, self.lab
        show.step(f"A real container as guest {VMID} of node pve1, on a btrfs volume")
        _, _, root = lab.make_container(VMID)
        (root / "etc/banner").write_text("welcome\n")
        (root / "etc/banner.new").write_text("maintenance tonight\n")
        lab.back_guest(VMID)
        show.say("busybox in LXC, its power belongs to the simulated cluster now")
        show.say(f"/etc/banner says: {lab.in_container('/bin/cat', '/etc/banner').strip()}")

    def client(self, with_container):
        show, lab = self.show, self.lab
        show.step("The client: token, pinned certificate, and an operator's approval key")
        lab.configure([("exec", "yes"), ("ct-allow", str(VMID))] if with_container else ())
        self.operator = lab.operator()
        show.say(self.operator)

    def node(self):
        show, lab = self.show, self.lab
        show.step("The node daemon: two halves, armed by root; the client enrols by one line")
        policy = ("[node]\n# a laptop without a time daemon will do here\nclock = any\n\n"
                  f"{self.operator}\n"
                  f"[rule banner]\nclient = lab\nct = {VMID}\n"
                  "run = /bin/cp {path /etc} {path /etc}\nundo = required\napprove = alice\n\n"
                  f"[rule back]\nclient = lab\nct = {VMID}\ndo = rollback\napprove = alice\n")
        show.say("policy on the node, root's file:")
        show.say(policy, "     | ")
        lab.start_node(policy)
        line, out = lab.join()
        show.say(f"invitation: {line[:40]}…")
        show.say(out)

    # -- the conversation -------------------------------------------------------------------

    def connect(self):
        self.show.step("An agent connects to `proximo-client mcp`")
        self.mcp = self.lab.mcp()
        tools = self.mcp.tools()
        self.show.say(f"{len(tools)} tools; none of the planning ones can execute anything")

    def storage_delete(self):
        show = self.show
        show.step("Plan: delete a storage. Who would be hit?")
        r = self.call("pve_storage_delete", storage="local-zfs")
        show.expect(not r.error, "the answer is a plan, nothing has happened", r.text)
        plan = r.data["plan_id"]
        show.say(plan_text(self.lab, plan))
        hit = {a["resource"]: a["effect"] for a in r.data["plan"]["affected"]}
        show.expect(hit.get("vm/104") == "wont-boot" and hit.get("ct/301") == "degraded",
                    "vm/104 would not boot, ct/301 would lose a data volume", hit)

        show.step("The agent tries to apply it without approval")
        for tool in ("proximo_apply", "proximo_apply_high"):
            r = self.call(tool, plan_id=plan)
            show.say(r.text.split("{", 1)[0])
            show.expect(r.error and r.code == "approval_needed", "refused: approval_needed", r.text)
        r = self.call("pve_storage_list")
        show.expect("local-zfs" in r.text, "the storage is still there", r.text)

    def exec_and_undo(self):
        show, lab = self.show, self.lab
        show.step("Plan: a command in the container. The operator approves it, the agent applies it")
        r = self.call("ct_exec", vmid=VMID, argv=["/bin/cp", "/etc/banner.new", "/etc/banner"])
        show.expect(not r.error, "planned; the node was asked whether it would allow it", r.text)
        plan = r.data["plan_id"]
        show.expect(r.data["plan"]["complete"], "the plan is complete: nothing could not be read",
                    r.data["plan"].get("unread"))
        self.request = next(q["request"] for q in r.data["plan"]["requests"]
                            if q["phase"] == "execute")
        show.say(plan_text(lab, plan))
        show.say(f"{DIM}alice, at a terminal: proximo-client approve {plan}{END}")
        lab.approve(plan)
        r = self.call("proximo_apply_high", plan_id=plan)
        show.expect(not r.error and r.data.get("outcome") == "done", "done", r.text)
        op = r.data["op_id"]
        receipt = r.data["receipts"][0]
        show.say(f"operation {op}, ledger entry {r.data['ledger_index']}, "
                 f"snapshot taken before: {receipt.get('undo')}")
        show.say("the node's signed receipt:")
        show.say(receipt["receipt"], "     | ")
        now = lab.in_container("/bin/cat", "/etc/banner").strip()
        show.say(f"/etc/banner says: {now}")
        show.expect(now == "maintenance tonight", "the file in the container has changed", now)

        show.step("Undo: one call; the node stops the container, rolls back, starts it")
        r = self.call("proximo_undo", op_id=op)
        show.expect(not r.error and r.data.get("outcome") == "done",
                    "done, covered by the approval of the operation", r.text)
        show.say(f"{len(r.data.get('receipts', ()))} more receipts from the node")
        now = lab.in_container("/bin/cat", "/etc/banner").strip()
        show.say(f"/etc/banner says: {now}")
        show.expect(now == "welcome", "the file is back", now)

    def refusals(self):
        show, lab = self.show, self.lab
        show.step("A command that the node's policy does not allow")
        r = self.call("ct_exec", vmid=VMID, argv=["/bin/sh", "-c", "rm -rf /"])
        show.say(r.text.split("{", 1)[0])
        show.expect(r.error and r.code == "policy_denied", "refused before it is even a plan", r.text)

        show.step("Acting without a recorded plan, past the client: its own key, a made-up intent")
        if not shutil.which("openssl"):
            show.left_out.append("acting past the client (openssl is not installed)")
            return
        key = lab.dir / "config" / "proximo" / f"{lab.CLUSTER}.key"
        forger = Forger(key, lab.node_address, lab.dir)
        origin = (lab.ledger_dir() / "checkpoint").read_text().splitlines()[0]
        status, answer = forger.act_without_plan(self.request, forger.head(origin))
        show.say(f"POST https://{lab.node_address}/v1/act: HTTP {status}: {answer}"[:400])
        show.expect(status >= 400 and "intent" in str(answer.get("code", "")),
                    "the node's root half refuses: that intent is in no ledger", answer)
        now = lab.in_container("/bin/cat", "/etc/banner").strip()
        show.expect(now == "welcome", "nothing ran", now)

    def made_up_plan(self):
        self.show.step("Applying a plan that was never recorded")
        r = self.call("proximo_apply", plan_id="P-" + "a" * 26)
        self.show.say(r.text.split("{", 1)[0])
        self.show.expect(r.error and r.code == "no_such_plan", "refused: no_such_plan", r.text)

    def api_change_and_undo(self):
        """What can be shown without a container: an approved change through the API, and its undo."""
        show, lab = self.show, self.lab
        show.step("The operator approves the storage deletion after all, the agent applies it, "
                  "then undoes it")
        r = self.call("pve_storage_delete", storage="local-zfs")
        plan = r.data["plan_id"]
        lab.approve(plan)
        r = self.call("proximo_apply_high", plan_id=plan)
        show.expect(not r.error and r.data.get("outcome") == "done", "done", r.text)
        op = r.data["op_id"]
        r = self.call("pve_storage_list")
        show.expect("local-zfs" not in r.text, "the definition is gone", r.text)
        r = self.call("proximo_undo", op_id=op)
        show.expect(not r.error and r.data.get("outcome") == "done", "undone", r.text)
        r = self.call("pve_storage_list")
        show.expect("local-zfs" in r.text, "the definition is back", r.text)

    def ledger(self):
        show, lab = self.show, self.lab
        show.step("The ledger: verify it")
        r = self.call("ledger_verify")
        show.expect(not r.error and r.data.get("ok") is True, "sound", r.text)
        witness = r.data["witness"]
        show.say(f"{r.data['entries']} entries, {r.data['intents']} intents, "
                 f"{r.data['outcomes']} outcomes, {r.data['receipts']} receipts; "
                 f"{witness['verdict']}")
        self.mcp.close()

        show.step("One byte of a copy of the ledger is changed")
        copy = lab.dir / "copy"
        shutil.copytree(lab.ledger_dir(), copy, ignore=shutil.ignore_patterns("key"))
        segment = sorted((copy / "entries").iterdir())[0]
        data = bytearray(segment.read_bytes())
        at, entry = 0, 0
        while entry < 2:  # the third entry's body, somewhere in its middle
            at += 4 + int.from_bytes(data[at : at + 4], "big")
            entry += 1
        middle = at + 4 + int.from_bytes(data[at : at + 4], "big") // 2
        data[middle] ^= 1
        segment.write_bytes(data)
        out = subprocess.run([lab.program("proximo-verify"), str(copy)], env=lab.env, text=True,
                             capture_output=True, stdin=subprocess.DEVNULL, check=False)
        show.say(f"{DIM}proximo-verify {copy}{END}")
        show.say(out.stdout + out.stderr)
        show.expect(out.returncode == 7 and f"entry {entry}" in out.stdout + out.stderr,
                    f"exit status 7, and it names entry {entry}", out.returncode)

    def run(self, with_container):
        self.cluster()
        if with_container:
            self.container()
        self.client(with_container)
        if with_container:
            self.node()
        self.connect()
        self.storage_delete()
        if with_container:
            self.exec_and_undo()
            self.refusals()
        else:
            self.api_change_and_undo()
        self.made_up_plan()
        self.ledger()


def main():
    p = argparse.ArgumentParser(description="One real conversation with the MCP server.")
    p.add_argument("--build", default="build", help="the build directory")
    p.add_argument("--no-container", action="store_true", help="the API part only")
    p.add_argument("--keep", action="store_true", help="keep the directory with state and logs")
    a = p.parse_args()
    show = Show()
    why = "" if not a.no_container else "--no-container was given"
    with Lab(a.build, a.keep) as lab:
        if not why:
            try:
                lab.ct("ct_possible")
            except LabError as e:
                why = str(e).split(": ", 1)[1]
        if why:
            show.left_out.append(f"the container, the node daemon and everything that runs in them "
                                 f"({why})")
        try:
            Demo(lab, show).run(not why)
        except (LabError, OSError, KeyError, EOFError, TimeoutError) as e:
            print(f"\nThe demonstration failed: {e}", file=sys.stderr)
            for name in ("pveagentd-priv", "pveagentd", "pvesim"):
                if lab.log(name):
                    print(f"-- the last lines of {name}:\n{lab.log(name)[-1500:]}", file=sys.stderr)
            return 1
    print(f"\n{BOLD}Everything was as it should be.{END}")
    for text in show.left_out:
        print(f"Left out: {text}.")
    if os.geteuid() != 0 and why:
        print("Run it as root to see that part too.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
