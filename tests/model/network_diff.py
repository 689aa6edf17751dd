#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What runs on a node, from what is staged and the difference that the API shows beside it: random
pairs of files whose difference Python makes must give the running one back, member by member, or be
said not to be certain. TAP."""
import guest_lib
from guest_lib import compare, done, ok
from network_world import Net, changes, edited, finish, ordered

guest_lib.Driver.program = "network_driver"

# What says how an interface is to be; the others follow from these, or from the order of the file.
COUNTS = ("autostart", "cidr", "cidr6", "gateway", "gateway6", "mtu", "bridge_ports", "slaves",
          "bond_mode", "bridge_vlan_aware", "bridge_vids", "vlan-raw-device", "vlan-id", "comments")
doubtful = certain = 0


def reduced(interfaces):
    out = {}
    for i in interfaces:
        c = {k: str(i[k]) for k in COUNTS if i.get(k)}
        c["comments"] = sorted(c.get("comments", "").splitlines())
        c["type"] = i["type"]
        if "." in i["iface"]:  # its name says it
            c.pop("vlan-id", None), c.pop("vlan-raw-device", None)
        out[i["iface"]] = c
    return out


def one(rng, driver):
    global doubtful, certain
    running = Net(rng).make()
    staged = edited(rng, running)
    text = changes(running, staged) or ""
    have = driver.ask({"call": "running", "staged": staged, "changes": text})
    if have["doubts"]:
        doubtful += 1
        return None
    certain += 1
    if reduced(have["list"]) != reduced(running):
        want, got = reduced(running), reduced(have["list"])
        diff = {k: (want.get(k), got.get(k)) for k in {*want, *got} if want.get(k) != got.get(k)}
        return f"{text}\nwant/got {diff}"
    return None


def alike(name, more):
    """Two bridges that are alike, of which the second goes: the difference is cut between them, and what
    follows it unseen belongs to the one in one file and to the other in the other."""
    aware = {"type": "bridge", "autostart": 1, "bridge_vlan_aware": 1, "bridge_vids": "2-4094", **more}
    first = finish(dict(aware, iface="vmbr0", cidr="10.0.0.2/24"))
    running = ordered([first, finish(dict(aware, iface="vmbr1"))])
    staged = ordered([finish(dict(first, bridge_ports="eno7"))])
    driver = guest_lib.Driver()
    have = driver.ask({"call": "running", "staged": staged, "changes": changes(running, staged)})
    ok(not have["doubts"] and reduced(have["list"]) == reduced(running), name,
       f"{changes(running, staged)}\n{have}")
    driver.close()


alike("a difference that is cut between two bridges", {})
alike("with more below it", {"mtu": "1400", "comments": "a\n"})
compare("what runs", one, 3000)
ok(certain >= 20 * doubtful - 20, f"{doubtful} of {certain + doubtful} are not certain and say so")
done()
