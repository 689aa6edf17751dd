# SPDX-License-Identifier: Apache-2.0
"""A lab whose node runs revert timers, with a root half whose reload is a recorder; and its timers."""

import fcntl
import json
import os
import re
import ssl
import subprocess
import sys
import time
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "../testbed"))
from lab import Lab, LabError  # noqa: E402
from world import skip_all  # noqa: E402

BEFORE = "auto lo\niface lo inet loopback\n\nauto vmbr0\n"
AFTER = BEFORE + "\tmtu 1400\n"


class RevertLab(Lab):
    def __init__(self):
        super().__init__(os.environ.get("top_builddir", "."))

    def begin(self, policy):
        """A simulated cluster with its files, a client with an operator, and a node that both halves serve and
        that the client has joined and trusts."""
        if os.geteuid() != 0:
            skip_all("both halves of the node daemon need root")
        try:
            self.start_sim_with_tree("--task-ms", "1", "--seed", "11")
            (self.dir / "network").mkdir()
            self.interfaces().write_text(BEFORE)
            self.act_with("act_recorder", RAN=self.dir / "ran")
            self.configure()
            self.operator()
            self.start_node(policy)
            self.join(rights="evidence witness")  # the reader's interfaces are not the simulator's
            self.trust()
        except (LabError, subprocess.SubprocessError) as e:
            skip_all(str(e))

    def interfaces(self):
        return self.dir / "network" / "interfaces"

    def reverts(self):
        return self.dir / "priv" / "revert"

    def armed(self):
        """The timers that run."""
        return [p for p in self.reverts().iterdir() if re.fullmatch("[0-9a-f]{64}", p.name)]

    def timer_line(self, path, key, value=None):
        """A line of a timer's file; replaced, when a value is given, under the daemon's own lock."""
        with open(self.reverts() / "lock", "r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            text = path.read_text()
            found = re.search(f"^{key} (.*)$", text, re.M)
            if value is not None:
                new = path.with_name("new")
                new.write_text(text[:found.start(1)] + str(value) + text[found.end(1):])
                new.chmod(0o600)
                new.rename(path)
        return found.group(1)

    def noticed(self, path):
        """Waits until the node has seen what the change left of one of the files."""
        self.wait_for(lambda: any(not f.endswith(" ?") for f in re.findall("^file .*$", path.read_text(), re.M)),
                      "the node's notice of the change")

    def pass_deadline(self, path):
        self.timer_line(path, "deadline", int(time.time()) - 1)

    def run_out(self, path):
        """Its deadline passes, and the timer ends."""
        self.pass_deadline(path)
        self.ended(path)

    def ended(self, path):
        self.wait_for(lambda: not path.exists(), "the end of the timer")

    def carry_out(self, p):
        """The plan with the approval that it needs: the operation."""
        need = p["plan"]["approval"]["required"]
        if need == "operator":
            self.approve(p["plan_id"])
        if need == "host":
            status, text = self.terminal("--json", "apply", p["plan_id"], answers=[("[y/N]", "y")])
            return json.loads(text[text.index("{"):]) if "{" in text else {"error": text, "status": status}
        return self.client_json("apply", p["plan_id"])[1]

    def stage(self, mtu):
        """Something to apply: staged by the program itself."""
        _, p = self.client_json("plan", "pve_network_iface_update", "node=pve1", "iface=vmbr0", f"mtu:={mtu}")
        return self.carry_out(p)

    def api(self, method, path, **form):
        """A call to the simulated cluster past the client: of somebody else, or to let its state follow its
        files, which the node has put back."""
        text = urllib.parse.urlencode(form)
        url = self.sim_info["url"].split()[0] + "/api2/json" + path
        with open(self.sim_info["token-file"], encoding="utf-8") as f:
            token = f.read().strip()
        by_url = method == "DELETE"
        r = urllib.request.Request(url + ("?" + text if by_url and text else ""), method=method,
                                   data=None if by_url else text.encode(),
                                   headers={"Authorization": "PVEAPIToken=" + token})
        urllib.request.urlopen(r, context=ssl._create_unverified_context(), timeout=60).close()
