#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A workstation restored from an old backup, with the real client and a real node that has seen more:
no change runs, recovery from an export, a mirror that lies, a restart that the node's root allows."""
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from agent_node import Node, possible  # noqa: E402
from world import Tap, World, skip_all  # noqa: E402

POLICY = "[node]\nclock = any\n"


class Care:
    def __init__(self, node):
        self.node = node
        self.w = World()
        self.mirror = os.path.join(self.w.dir, "mirror")
        self.w.write_config(mirror=self.mirror)

    def join(self):
        self.node.ctl("arm")
        made = self.node.ctl("invite", "laptop", "--address", f"127.0.0.1:{self.node.port}",
                             "--rights", "witness")
        self.node.wait_open()
        return self.w.run("join", made.stdout.strip(), "--name", "laptop")

    def plan(self):
        return self.w.plan("pve_storage_delete", storage="local-zfs")

    def backup(self, name):
        to = os.path.join(self.w.dir, name)
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(self.w.ledger, to)
        return to

    def restore(self, backup):
        shutil.rmtree(self.w.ledger)
        shutil.copytree(backup, self.w.ledger)

    def size(self):
        return self.w.verify()[1]["entries"]

    def kept(self):
        parent, name = os.path.split(self.w.ledger)
        return [n for n in os.listdir(parent) if n.startswith(name + ".before-")]


def test_behind(t, c):
    w = c.w
    code, _, text = c.join()
    t.ok(code == 0, "the client is enrolled with a real node", text)
    t.ok(w.run("node", "list")[0] == 0, "the node is listed")
    code, seen = w.on_tty(["node", "trust", "pve1"], [("[y/N]", "y")])
    t.ok(code == 0, "and trusted", seen)
    c.plan()
    old = c.backup("old")
    for _ in range(3):
        c.plan()
    code, v, text = w.run("ledger", "verify")
    t.ok(code == 0 and v["witness"]["verdict"] == "witnessed (single)", "the node witnesses", text)
    code, v, text = w.run("ledger", "export")
    t.ok(code == 0 and v["entries"] == c.size() and v["directory"] == c.mirror,
         "the ledger is exported to the configured mirror", text)
    t.ok(w.verify(c.mirror)[0] == 0, "proximo-verify accepts the export")
    full = c.backup("full")
    size = c.size()

    c.restore(old)
    before = c.size()
    code, v, text = c.plan()
    t.ok(code == 7 and v["error"]["code"] == "ledger_behind" and "recover" in v["error"]["hint"],
         "after a restore no plan is recorded", text)
    t.ok(c.size() == before, "and nothing was signed", str(c.size()))
    c.node.stop_front()
    code, v, text = c.plan()
    t.ok(code == 7 and v["error"]["code"] == "ledger_behind", "nor when the node is away now", text)
    code, v, text = w.run("ledger", "recover", "--reason", "x")
    t.ok(code != 0 and v["error"]["code"] == "node_unreachable",
         "nothing is recovered unless a node answers", text)
    c.node.start_front()
    c.node.wait_open()
    code, v, text = w.run("ledger", "verify")
    t.ok(code == 7 and any(d["code"] == "truncated" for d in v["defects"]),
         "verify says that entries are missing", text)
    code, v, text = w.run("read", "pve_version")
    t.ok(code == 0, "reads go on", text)
    return old, full, size


def test_lying_mirror(t, c):
    w = c.w
    liar = os.path.join(w.dir, "liar")
    shutil.copytree(c.mirror, liar)
    directory = os.path.join(liar, "tile/entries/000.p")
    bundle = os.path.join(directory, max(os.listdir(directory), key=int))
    with open(bundle, "r+b") as f:
        data = f.read()
        f.seek(data.rfind(b"actor"))
        f.write(b"ACTOR")
    code, v, text = w.run("ledger", "recover", "--mirror", liar, "--reason", "x")
    t.ok(code == 7 and v["error"]["code"] == "mirror_bad", "an edited mirror is refused", text)
    code, v, text = w.run("ledger", "recover", "--mirror", w.dir, "--reason", "x")
    t.ok(code == 7 and v["error"]["code"] == "mirror_bad", "so is a directory that is none", text)
    t.ok(c.kept() == [], "and nothing is left beside the ledger", str(c.kept()))


def test_recover(t, c, size):
    w = c.w
    code, v, text = w.run("ledger", "recover")
    t.ok(code != 0 and v["error"]["code"] == "no_terminal" and "--reason" in v["error"]["hint"],
         "without a terminal a reason is wanted", text)
    code, seen = w.on_tty(["ledger", "recover"], [("[y/N]", "n")])
    t.ok(code == 4 and "nothing was changed" in seen, "a person may say no", seen)
    code, seen = w.on_tty(["--json", "ledger", "recover"], [("[y/N]", "y")])
    t.ok(code == 0 and '"witnessed":1' in seen and len(c.kept()) == 1,
         "a person says yes: recovered, witnessed, the old one kept", seen)
    t.ok(c.size() == size + 1, "every entry is back, and the recovery is one of them", str(c.size()))
    code, v, text = w.run("ledger", "verify")
    t.ok(code == 0 and v["recoveries"] == 1, "verify accepts it", text)
    code, _, text = c.plan()
    t.ok(code == 0, "plans are recorded again", text)
    w.run("ledger", "verify")
    code, v, text = w.run("ledger", "export")
    t.ok(code == 0 and v["added"] > 0 and w.verify(c.mirror)[0] == 0, "and exported", text)
    code, v, text = w.run("ledger", "recover", "--reason", "x")
    t.ok(code == 0 and "kept" not in v, "a sound ledger is left alone", text)
    code, v, text = w.run("ledger", "restart", "--reason", "x")
    t.ok(code != 0 and v["error"]["code"] == "ledger_sound", "and is not restarted", text)


def test_forked(t, c, old):
    """Restored and used while the node was away: what was signed then can never be taken back."""
    w = c.w
    c.restore(old)
    c.node.stop_front()
    code, _, text = c.plan()
    t.ok(code == 0, "with no node to ask, a plan is recorded", text)
    c.node.start_front()
    c.node.wait_open()
    code, v, text = c.plan()
    t.ok(code == 7 and v["error"]["code"] == "ledger_behind", "the node's head stops it", text)
    code, v, text = w.run("ledger", "recover", "--reason", "x")
    t.ok(code == 7 and v["error"]["code"] == "ledger_forked" and "restart" in v["error"]["hint"],
         "it cannot be recovered", text)


def test_restart(t, c):
    w = c.w
    code, v, text = w.run("ledger", "restart", "--reason", "restored and used: lost the rest")
    t.ok(code == 0 and len(v["commands"]) == 1, "it can be restarted", text)
    command = v["commands"][0]["run"].split(" ")
    seen = next(h["size"] for h in v["heads"] if h["node"] == "pve1")
    code, _, text = c.plan()
    t.ok(code == 0, "plans are recorded in the new log", text)
    code, v, text = w.run("ledger", "verify")
    t.ok(v["restarted"][0]["size"] == seen and v["restarted"][0]["nodes"] == ["pve1"]
         and v["restarted"][0]["confirmed"] == [] and v["witness"]["k"] == 0,
         "history ends where the node says, and no root has confirmed", text)
    out = c.node.ctl(*command[1:])
    t.ok(out.returncode == 0 and "from now" in out.stdout, "the node's root confirms", str(out))
    code, v, text = w.run("ledger", "verify")
    t.ok(code == 0 and v["restarted"][0]["confirmed"] == ["pve1"]
         and v["witness"]["verdict"] == "witnessed (single)", "verify says so, for ever", text)
    code, out, _ = w.text("ledger", "verify")
    t.ok("restarted" in out, "in words as well", out)
    t.ok(all("ledger_rec" not in x["name"] and "ledger_rest" not in x["name"]
             for x in w.run("tools", "--all")[1]), "no tool leads to any of this")


def key_of(w):
    with open(os.path.join(w.ledger, "key"), "rb") as f:
        return f.read()


def test_new_key(t, c):
    """The log's own key is changed by ending the log: nothing else makes another one believed."""
    w = c.w
    was, origin = key_of(w), w.verify()[1]["origin"]
    code, v, text = w.run("ledger", "restart", "--new-key", "--reason", "key rotation")
    t.ok(code == 0 and key_of(w) != was and w.verify()[1]["origin"] != origin,
         "a restart with a new key has another key and another origin", text)
    command = v["commands"][0]["run"].split(" ")
    code, _, text = c.plan()
    t.ok(code == 0, "plans are recorded under it", text)
    code, v, text = w.run("ledger", "verify")
    t.ok(v["witness"]["k"] == 0 and v["restarted"][-1]["origin"] == origin and
         v["restarted"][-1]["confirmed"] == [],
         "no node cosigns the new key before its root has said so", text)
    out = c.node.ctl(*command[1:])
    t.ok(out.returncode == 0, "the node's root takes the new key", str(out))
    code, v, text = w.run("ledger", "verify")
    t.ok(code == 0 and v["witness"]["k"] == 1 and v["restarted"][-1]["confirmed"] == ["pve1"],
         "then the node cosigns it, and the end of the former log stays visible", text)


def main():
    why = possible() if os.geteuid() == 0 else "needs root"
    if why:
        skip_all(why)
    t = Tap()
    with Node(POLICY) as node:
        c = Care(node)
        try:
            old, _, size = test_behind(t, c)
            test_lying_mirror(t, c)
            test_recover(t, c, size)
            test_forked(t, c, old)
            test_restart(t, c)
            test_new_key(t, c)
        finally:
            c.w.close()
    return t.run()


if __name__ == "__main__":
    sys.exit(main())
