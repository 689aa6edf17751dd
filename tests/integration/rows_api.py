# SPDX-License-Identifier: Apache-2.0
"""The generic rows against a simulated cluster: its own description of the API is fetched, kept by
version and obeyed; a generic change is planned, approved, applied and undone like any other."""

import glob
import os
import stat
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Tap, World  # noqa: E402

w = World()


def kept():
    return glob.glob(os.path.join(w.state, "proximo/schema/demo/schema-*.json"))


def test_read(t):
    code, v, text = w.read("pve_api_get", path="/cluster/resources", params={"type": "node"})
    t.ok(code == 0 and v["total"] >= 1, "a path of the cluster's own description is read", text)
    files = kept()
    t.ok(len(files) == 1, "the description is kept by version", files)
    t.ok(stat.S_IMODE(os.stat(files[0]).st_mode) == 0o600, "closed to others")
    code, v, text = w.read("pve_api_get", path="/cluster/resources", params={"kind": "node"})
    t.ok(code == 2 and v["error"]["code"] == "bad_argument", "an unknown parameter is named", text)
    code, v, text = w.read("pve_api_get", path="/nodes/nowhere/status")
    t.ok(code != 0 and v["error"]["code"] == "no_such_node", "so is an unknown node", text)
    code, v, text = w.read("pve_api_get", path="/cluster/nothing/here")
    t.ok(code == 2 and v["error"]["code"] == "bad_argument", "and an unknown path", text)


def test_refused(t):
    for path in ("/access/ticket", "/nodes/pve1/termproxy", "/nodes/pve1/execute"):
        code, v, text = w.read("pve_api_get", path=path)
        t.ok(code == 3 and v["error"]["code"] == "api_refused", f"{path} is refused", text)
    code, v, text = w.plan("pve_api_plan", method="PUT", path="/access/acl",
                           params={"path": "/", "roles": "Administrator", "users": "a@pve"})
    t.ok(code == 3 and v["error"]["code"] == "api_refused", "ACL entries have rows of their own", text)


def test_change(t):
    w.operator()
    path = "/storage/local-zfs"
    before = w.read("pve_api_get", path=path)[1]["value"]
    code, plan, text = w.plan("pve_api_plan", method="PUT", path=path, params={"nodes": "pve1"})
    t.ok(code == 0, "a generic change is planned", text)
    t.ok(plan["plan"]["risk"] == "high" and not plan["plan"]["complete"],
         "high and incomplete: nobody knows what it does", text)
    code, v, text = w.run("apply", plan["plan_id"])
    t.ok(code == 4, "an operator must approve", text)
    w.approve(plan["plan_id"])
    code, op, text = w.run("apply", plan["plan_id"])
    t.ok(code == 0 and op["outcome"] == "done", "it is applied", text)
    t.ok(w.read("pve_api_get", path=path)[1]["value"].get("nodes") == "pve1", "it took effect")
    code, v, text = w.run("undo", op["op_id"])
    if code == 4:
        w.approve(v["plan_id"])
        code, v, text = w.run("apply", v["plan_id"])
    t.ok(code == 0 and v["outcome"] == "done", "it is undone", text)
    after = w.read("pve_api_get", path=path)[1]["value"]
    before.pop("digest"), after.pop("digest")
    t.ok(before == after, "and all is as before", f"{before}\n{after}")


def test_token_secret(t):
    w.sim.call("POST", "/access/users", userid="bot@pve")
    code, plan, text = w.plan("pve_token_create", userid="bot@pve", tokenid="t1")
    t.ok(code == 0 and plan["plan"]["undo"]["kind"] == "inverse", "a new token is planned", text)
    code, op, text = w.carry_out(plan)
    t.ok(code == 0 and op["outcome"] == "done", "and made", text)
    file = op.get("secret_file", "")
    t.ok(file and stat.S_IMODE(os.stat(file).st_mode) == 0o600, "its secret is in a file of ours", text)
    name, _, secret = open(file, encoding="utf-8").read().strip().partition("=")
    t.ok(name == "bot@pve!t1" and len(secret) >= 30, "which can be used as a token file", name)
    t.ok(secret not in text, "and not in the answer")
    found = [os.path.join(d, f) for d, _, files in os.walk(w.state) for f in files
             if secret.encode() in open(os.path.join(d, f), "rb").read()]
    t.ok(found == [file], "nor anywhere else", found)


def test_damaged_copy(t):
    with open(kept()[0], "w", encoding="utf-8") as f:
        f.write('{"v":1,"paths":{"/x":')
    code, v, text = w.read("pve_api_get", path="/version")
    t.ok(code == 0, "a damaged copy is fetched again", text)


try:
    sys.exit(Tap().run(test_read, test_refused, test_change, test_token_secret, test_damaged_copy))
finally:
    w.close()
