#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# pvesim's interfaces of nodes and its software-defined network: what is staged, shown with its
# difference, applied and forgotten, and what is refused, in the words of the captured answers. TAP.
import os, re, sys, tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sim_client import Sim, check, done  # noqa: E402

N = "/nodes/pve1/network"


def shown(sim, node="pve1"):
    body = sim.call("GET", f"/nodes/{node}/network")[2]
    return {i["iface"]: i for i in body["data"]}, body.get("changes", "")


def refused(sim, method, url, param, words, **form):
    status, reason, body = sim.call(method, url, **form)
    said = (body.get("errors") or {}).get(param, "") if param else reason
    check(status == (400 if param else 500) and words in said, f"{words}: refused",
          f"{status} {reason} {body}")


def task(sim, method, url, kind):
    status, reason, body = sim.call(method, url)
    check(status == 200 and f":{kind}:" in body["data"], f"{method} {url} is a task {kind}",
          f"{status} {reason} {body}")
    upid = body["data"]
    check(sim.end_of(upid.split(":")[1], upid) == "OK", "it ends well")


def staging(sim):
    before, changes = shown(sim)
    check(not changes, "nothing is staged at first", changes)
    status = sim.call("POST", N, iface="vmbr77", type="bridge", autostart=1, cidr="192.0.2.129/25",
                      bridge_ports="")[0]
    after, changes = shown(sim)
    check(status == 200 and set(after) - set(before) == {"vmbr77"}, "a new bridge is staged")
    want = {"address": "192.0.2.129", "autostart": 1, "bridge_fd": "0", "bridge_ports": "",
            "bridge_stp": "off", "cidr": "192.0.2.129/25", "families": ["inet"], "iface": "vmbr77",
            "method": "static", "method6": "manual", "netmask": "25", "priority": 5, "type": "bridge"}
    check(after["vmbr77"] == want, "it reads back as the captured one did", after["vmbr77"])
    head = r"--- /etc/network/interfaces\t\d{4}-[^\n]* \+0000\n\+\+\+ /etc/network/interfaces.new\t[^\n]*\n"
    body = ("+auto vmbr77\n+iface vmbr77 inet static\n+\taddress 192.0.2.129/25\n+\tbridge-ports none\n"
            "+\tbridge-stp off\n+\tbridge-fd 0\n+\n source /etc/network/interfaces.d/*\n")
    check(re.match(head + r"@@ -\d+,4 \+\d+,11 @@\n", changes) and changes.endswith(body),
          "the difference is the captured one's", changes)
    check(sim.call("DELETE", N + "/vmbr77")[0] == 200 and shown(sim) == (before, ""),
          "deleted again, nothing is staged", shown(sim))


def merging(sim):
    before, _ = shown(sim)
    sim.call("PUT", N + "/vmbr0", type="bridge", mtu=1400, comments="uplink", cidr=before["vmbr0"]["cidr"])
    now, changes = shown(sim)
    check(now["vmbr0"]["bridge_ports"] == "eno1" and now["vmbr0"]["mtu"] == "1400" and
          now["vmbr0"]["comments"] == "uplink\n", "a change leaves what it does not name", now["vmbr0"])
    check("+\tmtu 1400\n" in changes and "+#uplink\n" in changes, "and it is in the difference", changes)
    sim.call("PUT", N + "/vmbr0", type="bridge", delete="mtu")
    now, changes = shown(sim)
    check("address" not in now["vmbr0"] and now["vmbr0"]["method"] == "manual" and
          "mtu" not in now["vmbr0"], "but an address that is not repeated is gone", now["vmbr0"])
    sim.call("PUT", N + "/vmbr0", type="bridge", bridge_vlan_aware=0, cidr=before["vmbr0"]["cidr"])
    check(shown(sim)[0]["vmbr0"].get("bridge_vlan_aware") == 1, "0 for VLAN awareness counts as on")
    check(sim.call("DELETE", N)[0] == 200 and shown(sim) == (before, ""), "all of it is forgotten")


def applying(sim):
    before, _ = shown(sim)
    sim.call("POST", N, iface="eno1.7", type="vlan", autostart=1)
    check(shown(sim)[0]["eno1.7"]["vlan-raw-device"] == "eno1" and
          shown(sim)[0]["eno1.7"]["vlan-id"] == "7" and "active" not in shown(sim)[0]["eno1.7"],
          "a VLAN is what its name says")
    task(sim, "PUT", N, "srvreload")
    now, changes = shown(sim)
    check(now["eno1.7"].get("active") == 1 and not changes, "it runs after the reload", now)
    sim.call("DELETE", N + "/eno1.7")
    task(sim, "PUT", N, "srvreload")
    check(shown(sim) == (before, ""), "and is gone after another")


def refusals(sim):
    refused(sim, "POST", N, "iface", "interface already exists", iface="vmbr0", type="bridge")
    refused(sim, "PUT", N + "/vmbr9", "iface", "interface does not exist", type="bridge")
    refused(sim, "GET", N + "/vmbr9", "iface", "interface does not exist")
    refused(sim, "DELETE", N + "/vmbr9", "iface", "interface does not exist")
    refused(sim, "PUT", N + "/vmbr0", "type", "property is missing and it is not optional", comments="x")
    refused(sim, "POST", N, "gateway", "Default gateway already exists on interface 'vmbr0'.",
            iface="vmbr1", type="bridge", gateway="192.0.2.1", cidr="192.0.2.77/24")
    refused(sim, "POST", N, "bridge_ports", "eno1 is already used on interface 'vmbr0'.",
            iface="vmbr1", type="bridge", bridge_ports="eno1")
    refused(sim, "POST", N, None, "unable to find bridge port 'eno9'", iface="vmbr1", type="bridge",
            bridge_ports="eno9")
    refused(sim, "POST", N, None, "unable to find slave 'eno8'", iface="bond0", type="bond",
            slaves="eno8 eno9")
    refused(sim, "POST", N, None, "unable to find parent 'eno9'", iface="eno9.5", type="vlan")
    refused(sim, "POST", N, None, "ip address can't be set", iface="vmbr1", type="bridge",
            bridge_ports="vmbr0")
    refused(sim, "POST", N, "cidr", "CIDR", iface="vmbr1", type="bridge", cidr="192.0.2.1/33")
    refused(sim, "POST", N, None, "Open VSwitch is not installed", iface="vmbr1", type="OVSBridge")
    check(shown(sim)[1] == "", "what was refused is not staged")


def privileges(sim):
    sim.call("POST", "/access/users", userid="net@pve")
    token = sim.call("POST", "/access/users/net@pve/token/t", privsep=0)[2]["data"]
    mine = f"{token['full-tokenid']}={token['value']}"
    names = [i["iface"] for i in sim.call("GET", N, token=mine)[2]["data"]]
    check(names == ["eno1"], "bridges are hidden without a word from who may not use them", names)
    check(sim.call("GET", N + "/vmbr0", token=mine)[0] == 403 and
          sim.call("POST", N, token=mine, iface="vmbr1", type="bridge")[0] == 403 and
          sim.call("PUT", N, token=mine)[0] == 403 and sim.call("DELETE", N, token=mine)[0] == 403,
          "the rest is refused")


def sdn(sim):
    S = "/cluster/sdn"

    def listed(kind, **form):
        return sim.call("GET", f"{S}/{kind}", **form)[2]["data"]

    sim.call("POST", S + "/zones", zone="capz", type="simple")
    sim.call("POST", S + "/vnets", vnet="capv", zone="capz")
    check(listed("zones", pending=1) == [{"digest": None, "pending": {}, "state": "new", "type": "simple",
                                          "zone": "capz"}], "a new zone is pending as the captured one is",
          listed("zones", pending=1))
    check(listed("vnets", pending=1) == [{"digest": None, "pending": {"zone": "capz"}, "state": "new",
                                          "type": "vnet", "vnet": "capv"}], "and a new vnet",
          listed("vnets", pending=1))
    check(listed("vnets", running=1) == [], "neither runs")
    refused(sim, "DELETE", S + "/zones/capz", None,
            "delete sdn zone object failed: zone capz is used by vnet capv")
    task(sim, "PUT", S, "reloadnetworkall")
    check(listed("vnets", pending=1) == [{"digest": None, "type": "vnet", "vnet": "capv", "zone": "capz"}],
          "after the apply nothing is pending", listed("vnets", pending=1))
    sim.call("PUT", S + "/vnets/capv", tag=5, alias="x")
    check(listed("vnets", pending=1)[0]["pending"] == {"tag": 5, "alias": "x"}, "a change is pending")
    sim.call("POST", S + "/rollback")
    check("state" not in listed("vnets", pending=1)[0], "a rollback forgets it")
    sim.call("POST", S + "/vnets/capv/subnets", subnet="10.8.0.0/24", type="subnet", gateway="10.8.0.1")
    one = listed("vnets/capv/subnets")[0]
    check((one["subnet"], one["cidr"], one["zone"], one["mask"]) == ("capz-10.8.0.0-24", "10.8.0.0/24", "capz", "24"),
          "a subnet's id holds its zone", one)
    refused(sim, "DELETE", S + "/vnets/capv", "vnet", "Can't delete vnet if subnets exists")
    refused(sim, "PUT", S + "/vnets/capv", "vlanaware", "not compatible with subnets", vlanaware=1)
    status, reason, _ = sim.call("PUT", S + "/zones/capz", mtu=1400, digest="0" * 40)
    check(status == 500 and "detected modified configuration" in reason, "a stale digest is refused", reason)
    sim.call("POST", N, iface="vmbr5", type="bridge")
    task(sim, "PUT", S, "reloadnetworkall")
    check("active" in shown(sim)[0]["vmbr5"] and not shown(sim)[1], "an apply takes staged interfaces along")


with tempfile.TemporaryDirectory() as directory:
    sim = Sim(directory, "--task-ms", "1", "--seed", "3")
    for part in (staging, merging, applying, refusals, privileges, sdn):
        part(sim)
    check(sim.stop() == 0, "the simulator ends well")
done()
