#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What Proxmox VE refuses to take away because something still needs it: the plan says so, and why, and the
simulated cluster refuses it in the same cases. With what needed it gone, neither does."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Tap, World  # noqa: E402

w = World("--task-ms", "1", "--seed", "11")
w.operator()
NOTIFY = "/cluster/notifications"
FW = "/cluster/firewall"
LUN = {"storage": "lun", "type": "iscsi", "portal": "192.0.2.9", "target": "iqn.2026-01.x:a", "content": "none"}
VG = {"storage": "onlun", "type": "lvm", "vgname": "vg9", "base": "lun:0.0.0.scsi-1", "content": "images"}

# (row, arguments, scene, what is in the way, how it goes)
CASES = (
    ("pve_sdn_zone_delete", {"zone": "z9"},
     [("POST", "/cluster/sdn/zones", {"zone": "z9", "type": "simple"}),
      ("POST", "/cluster/sdn/vnets", {"vnet": "v9", "zone": "z9"})],
     "vnet v9", [("DELETE", "/cluster/sdn/vnets/v9", {})]),
    ("pve_sdn_vnet_delete", {"vnet": "v8"},
     [("POST", "/cluster/sdn/zones", {"zone": "z8", "type": "simple"}),
      ("POST", "/cluster/sdn/vnets", {"vnet": "v8", "zone": "z8"}),
      ("POST", "/cluster/sdn/vnets/v8/subnets", {"subnet": "10.8.0.0/24", "type": "subnet"})],
     "subnet z8-10.8.0.0-24", [("DELETE", "/cluster/sdn/vnets/v8/subnets/z8-10.8.0.0-24", {})]),
    ("pve_sdn_controller_delete", {"controller": "ctl9"},
     [("POST", "/cluster/sdn/controllers", {"controller": "ctl9", "type": "evpn", "asn": 65000, "peers": "192.0.2.1"}),
      ("POST", "/cluster/sdn/zones", {"zone": "z7", "type": "evpn", "controller": "ctl9", "vrf-vxlan": 7})],
     "zone z7", [("DELETE", "/cluster/sdn/zones/z7", {})]),
    ("pve_notification_gotify_delete", {"name": "g9"},
     [("POST", f"{NOTIFY}/endpoints/gotify", {"name": "g9", "server": "https://g.example", "token": "t"}),
      ("POST", f"{NOTIFY}/matchers", {"name": "m9", "target": "g9"})],
     "matcher m9", [("DELETE", f"{NOTIFY}/matchers/m9", {})]),
    ("pve_pool_delete", {"poolid": "p9"},
     [("POST", "/pools", {"poolid": "p9"}), ("PUT", "/pools", {"poolid": "p9", "vms": "303"})],
     "not empty", [("PUT", "/pools", {"poolid": "p9", "vms": "303", "delete": 1})]),
    ("pve_storage_delete", {"storage": "lun"}, [("POST", "/storage", LUN), ("POST", "/storage", VG)],
     "storage onlun has it as its base", [("DELETE", "/storage/onlun", {})]),
)


def test_needed(t):
    for row, args, scene, why, _ in CASES:
        for method, path, form in scene:
            w.sim.call(method, path, **form)
        name = f"{row} {' '.join(args.values())}"
        code, p, text = w.plan(row, **args)
        reasons = p["plan"]["risk_reasons"] if code == 0 else []
        t.ok(any(r.startswith("PVE will refuse it: ") and why in r for r in reasons) and p["plan"]["risk"] == "high",
             f"{name}: the plan says that it will be refused", text)
        code, op, text = w.carry_out(p)
        t.ok(code == 1 and op["outcome"] == "failed", f"{name}: and so it is", text)


def test_free(t):
    for row, args, _, _, gone in CASES:
        for method, path, form in gone:
            w.sim.call(method, path, **form)
        name = f"{row} {' '.join(args.values())}"
        code, p, text = w.plan(row, **args)
        t.ok(code == 0 and not any("PVE will refuse" in r for r in p["plan"]["risk_reasons"]),
             f"{name}: with that gone nothing stands in its way", text)
        code, op, text = w.carry_out(p)
        t.ok(code == 0 and op["outcome"] == "done", f"{name}: it goes", text)


def test_roles(t):
    for row, more in (("pve_role_delete", {}), ("pve_role_update", {"privs": ["VM.Audit"]})):
        code, v, text = w.plan(row, roleid="PVEAdmin", **more)
        t.ok(code == 1 and v["error"]["code"] == "built_in", f"{row} of PVE's own role: no plan", text)
    w.sim.call("POST", "/access/roles", roleid="Mine", privs="VM.Audit")
    code, p, text = w.plan("pve_role_delete", roleid="Mine")
    t.ok(code == 0, "of one's own role there is one", text)


def test_undo_words(t):
    """An undo that is another row's request says what it takes back."""
    for row, word, back in (("pve_pool_members_add", "303", "taken back by: take out of pool prod: guests 303"),
                            ("pve_pool_members_remove", "101", "taken back by: add to pool prod: guests 101")):
        code, p, text = w.plan(row, poolid="prod", vms=[word])
        said = p["plan"]["undo"]["guarantee"] if code == 0 else ""
        t.ok(said.startswith(back), f"the undo of {row} names the pool and the guest", said or text)


try:
    sys.exit(Tap().run(test_needed, test_free, test_roles, test_undo_words))
finally:
    w.close()
