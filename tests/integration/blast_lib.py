# SPDX-License-Identifier: Apache-2.0
"""Clusters of which not everything can be read: by privilege, or because a node is down."""

import json
import os


def limited(w, roles):
    """A configuration whose token has these roles and no more: [(path, role)]."""
    w.sim.call("POST", "/access/users", userid="few@pve")
    token = w.sim.call("POST", "/access/users/few@pve/token/t", privsep=0)
    for path, role in roles:
        w.sim.call("PUT", "/access/acl", path=path, roles=role, users="few@pve")
    file = os.path.join(w.dir, "few.token")
    with open(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as f:
        f.write(f"{token['full-tokenid']}={token['value']}\n")
    w.write_config(token=file)


def take_down(w, node):
    """The node is offline from now on."""
    w.sim.stop()
    with open(w.sim.state, encoding="utf-8") as f:
        root = json.load(f)
    root["nodes"][node]["online"] = 0
    with open(w.sim.state, "w", encoding="utf-8") as f:
        json.dump(root, f)
    w.sim.start()
    w.write_config()
