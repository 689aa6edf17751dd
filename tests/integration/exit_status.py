#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the exit status of each command says, as proximo-client(1) and docs/errors.md promise it: a
table, one row a case, that has every status and every command."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Tap, World  # noqa: E402

SRC = os.environ.get("top_srcdir", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
VMID = 210  # a stopped VM
w = World()
made = {}
used = set()


def power(action):
    code, p, text = w.plan("pve_guest_power", vmid=VMID, action=action)
    if code != 0:
        raise RuntimeError(text)
    return p["plan_id"]


def spent():
    p = power("start")
    if w.run("apply", p)[0] != 0:
        raise RuntimeError(p)
    made["op"] = w.run("ops")[1]["operations"][0]["op_id"]
    return ("apply", p)


def drifted():
    w.sim.call("POST", f"/nodes/{node_of(VMID)}/qemu/{VMID}/status/stop")
    code, p, text = w.plan("pve_guest_config_set", vmid=VMID, set={"cores": 3})
    if code != 0:
        raise RuntimeError(text)
    w.sim.call("PUT", f"/nodes/{node_of(VMID)}/qemu/{VMID}/config", cores=2)
    return ("apply", p["plan_id"])


def needs(who):
    """A plan that needs that yes, without a terminal to give it on."""
    row = ("pve_storage_delete", dict(storage="local-zfs")) if who == "operator" else \
        ("pve_guest_power", dict(vmid=VMID, action="stop"))
    p = w.plan(row[0], **row[1])[1]
    if p["plan"]["approval"]["required"] != who:
        raise RuntimeError(p["plan"]["approval"])
    return ("apply", p["plan_id"])


def node_of(vmid):
    return next(g["node"] for g in w.sim.call("GET", "/cluster/resources", type="vm")
                if g["vmid"] == vmid)


def policy(text):
    w.policy = text
    w.write_config()


def read_only():
    p = power("start")
    policy("read-only = yes")
    return ("apply", p)


def narrow():
    """A token that may see one guest."""
    w.sim.call("POST", "/access/users", userid="narrow@pve")
    secret = w.sim.call("POST", "/access/users/narrow@pve/token/t", privsep=0)["value"]
    w.sim.call("PUT", "/access/acl", path=f"/vms/{VMID}", users="narrow@pve", roles="PVEVMUser")
    path = os.path.join(w.dir, "narrow.token")
    with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as f:
        f.write(f"narrow@pve!t={secret}\n")
    return path


def with_narrow(*args):
    if "narrow" not in made:
        made["narrow"] = narrow()
    w.write_config(token=made["narrow"])
    return args


def foreign():
    w.sim.call("POST", f"/nodes/{node_of(VMID)}/qemu/{VMID}/status/start")
    w.sim.call("POST", f"/nodes/{node_of(VMID)}/qemu/{VMID}/status/stop")
    return ("ledger", "foreign")


def nothing_open(*args):
    """The simulator gone: what is asked of the API has no answer."""
    w.sim.stop()
    return args


def damaged(*args):
    if "damaged" not in made:
        made["damaged"] = True
        with open(os.path.join(w.ledger, "entries", "000000"), "r+b") as f:
            f.seek(40)
            byte = f.read(1)
            f.seek(40)
            f.write(bytes([byte[0] ^ 1]))
    return args


def always(*args):
    return lambda: args


# What it exits with, how it is set up, why. A case that ends with the words of an error has its code.
TABLE = (
    (0, always("--help"), "help was asked for"),
    (0, always("--version"), "so was the version"),
    (0, always("plan", "pve_storage_delete", "storage=local-zfs"), "a plan of high risk is recorded"),
    (0, always("read", "pve_list_guests"), "read whole"),
    (0, always("tools"), "a list"),
    (0, always("ops"), "a list"),
    (0, always("node", "list"), "an empty list is one"),
    (0, always("freeze", "off"), "it was off"),
    (0, always("operator", "list"), "an empty list is one"),
    (0, always("doctor"), "nothing is wrong"),
    (0, always("ledger", "verify"), "it is sound"),
    (0, always("ledger", "foreign"), "all lists were read, and nothing is foreign"),
    (0, lambda: ("capture", os.path.join(w.dir, "all.json")), "all of it was read"),
    (1, always("read", "pve_guest_status", "vmid:=999999"), "no_such_guest"),
    (1, always("show", "P-" + "a" * 26), "no_such_plan"),
    (1, always("undo", "O-" + "a" * 26), "no_such_op"),
    (1, always("job", "O-" + "a" * 26), "no_such_op"),
    (1, always("node", "trust", "pve9"), "node_unknown"),
    (1, always("op", "close", "O-" + "a" * 26, "--note", "/nonexistent"), "no such file"),
    (1, always("join", "proximo1.nonsense", "--name", "x"), "invitation_bad"),
    (1, always("rotate", "tls"), "not_enrolled"),
    (2, always("aply"), "no such command"),
    (2, always(), "no command at all"),
    (2, always("read", "pve_storage_delete"), "unknown_tool"),
    (2, always("plan", "pve_storage_delete", "nonsense=1"), "bad_argument"),
    (2, always("--cluster", "nowhere", "ops"), "no_such_cluster"),
    (5, spent, "plan_spent"),
    (0, lambda: ("job", made["op"]), "it ended well"),
    (4, lambda: needs("host"), "approval_needed"),
    (4, lambda: needs("operator"), "approval_needed"),
    (4, lambda: ("undo", made["op"]), "its plan waits for a yes, and there is no terminal"),
    (5, drifted, "plan_drifted"),
    (3, read_only, "read_only"),
    (3, lambda: with_narrow("read", "pve_node_status", "node=pve1"),
     "pve_denied"),
    (6, lambda: with_narrow("read", "pve_list_guests"), "the token may not see all guests"),
    (6, lambda: with_narrow("capture", os.path.join(w.dir, "part.json")), "not all could be read"),
    (1, foreign, "somebody else used the token: a finding"),
    (6, lambda: nothing_open("doctor"), "what cannot be asked is no finding"),
    (1, lambda: nothing_open("read", "pve_version"), "pve_unreachable"),
    (7, lambda: damaged("ledger", "verify"), "it is not what its checkpoint says"),
    (1, lambda: damaged("doctor"), "a damaged ledger is a finding, whatever else cannot be asked"),
    (7, lambda: damaged("ledger", "show", "0"), "ledger_damaged"),
)


def test_table(t):
    for want, make, why in TABLE:
        args = make()
        used.update(args[:1])
        code, v, text = w.run(*args)
        ok = code == want
        if re.fullmatch("[a-z]+_[a-z_]+", why):
            ok = ok and (v or {}).get("error", {}).get("code") == why
        t.ok(ok, f"{want}: {' '.join(args[:2])}: {why}", f"{code} {text[-1500:]}")
        policy("")


def commands():
    _, out, _ = w.text("--help")
    return re.findall(r"^  ([a-z]+) +\S", out, re.M)


def test_usage(t):
    for name in commands():
        code, out, err = w.text(name, "--nonsense")
        t.ok(code == 2 and f"usage: proximo-client {name}" in err, f"2: {name} --nonsense", out + err)
        code, out, err = w.text(name, "--help")
        t.ok(code == 0 and f"usage: proximo-client {name}" in out, f"0: {name} --help", out + err)


def test_pages(t):
    """The table has each status that the pages list; the pages and the help list the same."""
    with open(os.path.join(SRC, "docs/proximo-client.1"), encoding="utf-8") as f:
        page = f.read().split(".Sh EXIT STATUS")[1].split("\n.Sh ")[0]
    with open(os.path.join(SRC, "docs/errors.md"), encoding="utf-8") as f:
        errors = " ".join(f.read().split("Exit statuses of")[1].split("\n\n")[0].split())
    _, out, _ = w.text("--help")
    shown = {int(n): " ".join(s.split()) for n, s in re.findall(r"(\d) ([^,]*(?:, (?!\d)[^,]*)*)",
                                                              out.split("exit:")[1])}
    listed = {int(n) for n in re.findall(r"^\.It (\d)$", page, re.M)}
    t.ok(listed == set(shown) == {row[0] for row in TABLE} and len(listed) == 8,
         "each status of the page is in the table and in the help", f"{listed} {shown}")
    for n, words in shown.items():
        t.ok(f"{n} {words.rstrip('.')}" in errors, f"errors.md says the same of {n}", errors)
    t.ok(set(commands()) - used <= {"approve", "confirm", "mcp"},
         "each command is in the table but those that need a terminal, a node or a host",
         set(commands()) - used)


if __name__ == "__main__":
    try:
        sys.exit(Tap().run(test_usage, test_table, test_pages))
    finally:
        w.close()
