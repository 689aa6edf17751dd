#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cases of the SDN analyser: each is a cluster in which only one thing matters. The whole list of what
is hit is compared, so a thing too much fails as well as a thing too little. TAP."""
import guest_lib
from guest_lib import done, ok, Driver
from network_world import changes, finish, ordered

guest_lib.Driver.program = "network_driver"
driver = Driver()


def node(address):
    return ordered([finish({"iface": "eno1", "type": "eth"}), finish({"iface": "eno2", "type": "eth"}),
                    finish({"iface": "vmbr0", "type": "bridge", "bridge_ports": "eno1", "autostart": 1,
                            "cidr": address + "/24", "gateway": "10.0.0.1"}),
                    finish({"iface": "vmbr1", "type": "bridge", "bridge_ports": "eno2", "autostart": 1})])


ZONES = [{"zone": "zv", "type": "vlan", "bridge": "vmbr1"}, {"zone": "zs", "type": "simple"},
         {"zone": "zx", "type": "vxlan", "peers": "10.0.0.11,10.0.0.12"},
         {"zone": "ze", "type": "evpn", "controller": "ctl"}]
VNETS = [{"vnet": "v1", "zone": "zv", "tag": 5, "type": "vnet"}, {"vnet": "vs", "zone": "zs", "type": "vnet"},
         {"vnet": "vx", "zone": "zx", "tag": 7, "type": "vnet"}, {"vnet": "ve", "zone": "ze", "tag": 8}]
SUBNET = {"subnet": "zs-10.8.0.0-24", "cidr": "10.8.0.0/24", "vnet": "vs", "gateway": "10.8.0.1", "snat": 1}
GUESTS = [(100, "c1", "running", "v1"), (101, "c1", "stopped", "v1"), (102, "c2", "running", "v1"),
          (103, "c1", "running", "vs"), (104, "c2", "running", "vx"), (105, "c1", "running", "ve"),
          (106, "c1", "running", "vmbr0")]
V1 = ["vm/100 {} {} net0 running", "vm/101 {} {} net0", "vm/102 {} {} net0 running"]


def world(**more):
    w = {"/cluster/resources?type=node": [{"node": n, "status": "online"} for n in ("c1", "c2")],
         "/cluster/resources?type=vm": [{"type": "qemu", "vmid": v, "node": n, "status": s, "name": ""}
                                        for v, n, s, _ in GUESTS],
         "/nodes/c1/network": node("10.0.0.11"), "/nodes/c2/network": node("10.0.0.12"),
         "/cluster/status": [{"type": "node", "name": "c1", "ip": "10.0.0.11", "local": 1},
                             {"type": "node", "name": "c2", "ip": "10.0.0.12"}],
         "/cluster/options": {}, "/cluster/sdn/zones?pending=1": ZONES, "/cluster/sdn/vnets?pending=1": VNETS,
         "/cluster/sdn/controllers?pending=1": [{"controller": "ctl", "type": "evpn", "asn": 65000}],
         "/cluster/sdn/vnets/vs/subnets?pending=1": [SUBNET]}
    for n in ("c1", "c2"):
        w[f"/nodes/{n}/network#changes"] = w[f"/nodes/{n}/ceph/cfg/raw"] = None
    w.update({f"/nodes/{n}/qemu/{v}/config": {"net0": f"virtio=A,bridge={b}"} for v, n, s, b in GUESTS})
    w.update(more)
    return w


def q(method, path, **form):
    return {"method": method, "path": "/cluster/sdn" + path, "form": form}


APPLY = q("PUT", "")


def ask(name, requests, affects, says=(), risk=None, complete=True, **more):
    have = driver.ask({"call": "sdn", "requests": requests, "client": "10.0.0.99", "server": "10.0.0.11",
                       "world": world(**{k.replace("__", "/"): v for k, v in more.items()} | more.get("w", {}))})
    good = have["affects"] == list(affects)
    for s in [says] if isinstance(says, str) else says:
        good = good and any(s in line for line in have["says"])
    good = good and (risk is None or have["risk"] == risk)
    good = good and complete == (not any(s.startswith("unread") for s in have["says"]))
    ok(good, name, f"want {affects} {says} risk {risk}\n" + "\n".join(have["affects"] + have["says"]) +
       f"\nrisk {have['risk']}")


def each(lines, *values):
    return [line.format(*v) for line, v in zip(lines, values)]


GONE = each(V1, ("unreachable", 2), ("wont-boot", 2), ("unreachable", 2))
MOVED = each(V1, *[("exposed", 2)] * 3)

ask("a vnet goes", [q("DELETE", "/vnets/v1")], GONE, "once applied: its vnet goes", 2)
ask("its tag is another one", [q("PUT", "/vnets/v1", tag=6)], MOVED, "from eno2.5 to eno2.6", 2)
ask("its zone's bridge is another one", [q("PUT", "/zones/zv", bridge="vmbr0")], MOVED, "from eno2.5 to eno1.5", 2)
ask("its zone leaves a node", [q("PUT", "/zones/zv", nodes="c1")], GONE[2:], "its vnet goes", 2)
ask("smaller packets", [q("PUT", "/zones/zv", mtu=1400)], each(V1, *[("degraded", 2)] * 3), "over 1400 bytes", 2)
ask("guests kept apart", [q("PUT", "/vnets/v1", **{"isolate-ports": 1})], each(V1, *[("degraded", 2)] * 3),
    "cannot reach each other", 2)
ask("other tunnels", [q("PUT", "/zones/zx", peers="10.0.0.11")], ["vm/104 interrupted 2 net0 running"],
    "set up in another way", 2)
ask("another controller", [q("PUT", "/controllers/ctl", asn=65001)], ["vm/105 interrupted 2 net0 running"],
    "set up in another way", 2)
ask("a subnet goes", [q("DELETE", "/vnets/vs/subnets/zs-10.8.0.0-24")], ["vm/103 degraded 2 net0 running"],
    "its gateway goes", 2)
ask("no more SNAT", [q("PUT", "/vnets/vs/subnets/zs-10.8.0.0-24", delete="snat", vnet="vs")],
    ["vm/103 degraded 2 net0 running"], "by the node's address", 2)
ask("a new vnet hurts nobody", [q("POST", "/vnets", vnet="v9", zone="zv", tag=9)], ["sdn none 1 -"], (), 1)
ask("nor does an alias", [q("PUT", "/vnets/v1", alias="x")], ["sdn none 1 -"], (), 1)
ask("nothing is pending", [APPLY], ["sdn none 1 -"], (), 1)
ask("made and applied in one", [q("PUT", "/vnets/v1", tag=6), APPLY],
    each(V1, *[("exposed", 3)] * 3), "from eno2.5 to eno2.6", 3)
CHANGED = [dict(VNETS[0], state="changed", pending={"tag": 6}), *VNETS[1:]]
ask("what is pending is applied", [APPLY], each(V1, *[("exposed", 3)] * 3), "from eno2.5 to eno2.6", 3,
    w={"/cluster/sdn/vnets?pending=1": CHANGED})
ask("deleted and pending", [APPLY], each(V1, ("unreachable", 3), ("wont-boot", 3), ("unreachable", 3)),
    "its vnet goes", 3, w={"/cluster/sdn/vnets?pending=1": [dict(VNETS[0], state="deleted", pending={}), *VNETS[1:]]})
ask("a setting deleted and pending", [APPLY], ["vm/103 degraded 2 net0 running"], "by the node's address", 2,
    w={"/cluster/sdn/vnets/vs/subnets?pending=1": [dict(SUBNET, state="changed", pending={"snat": "deleted"})]})
ask("new and pending is not there before", [APPLY], ["sdn none 1 -"], (), 1,
    w={"/cluster/sdn/vnets?pending=1": [*VNETS, {"vnet": "v9", "state": "new", "pending": {"zone": "zv", "tag": 9}}]})
ask("forgetting what is pending", [q("POST", "/rollback")], MOVED, "from eno2.6 to eno2.5", 2,
    w={"/cluster/sdn/vnets?pending=1": CHANGED})
IPAM = {"/cluster/sdn/zones?pending=1": [dict(ZONES[0], ipam="nb"), *ZONES[1:]]}
DEL = q("DELETE", "/ipams/nb")
NO_IP = ["zone/zv degraded 2 ipam", *each(V1, *[("degraded", 2)] * 3)]
ask("an address manager goes", [DEL], NO_IP, "gives it no address any more", 2, w=IPAM)
ask("one that no zone names", [q("DELETE", "/ipams/other")], ["sdn none 1 -"], (), 1, w=IPAM)
ask("a zone names it from the next apply on", [DEL], NO_IP, (), 2,
    w={"/cluster/sdn/zones?pending=1": [dict(ZONES[0], state="changed", pending={"ipam": "nb"}), *ZONES[1:]]})
ask("a zone that goes has named it", [DEL], NO_IP, (), 2,
    w={"/cluster/sdn/zones?pending=1": [dict(ZONES[0], state="deleted", pending={}, ipam="nb"), *ZONES[1:]]})
ask("no node has to be online for it", [DEL], NO_IP, (), 2,
    w={**IPAM, "/cluster/resources?type=node": [{"node": "c1", "status": "online"}, {"node": "c2", "status": "offline"}]})
ask("another of them is set up otherwise", [q("PUT", "/ipams/nb", url="https://n.example.org")], ["sdn none 1 -"], (),
    1, w=IPAM)
ask("a subnet is made anew under the name it had", [q("DELETE", "/vnets/vs/subnets/zs-10.8.0.0-24"),
                                                    q("POST", "/vnets/vs/subnets", subnet="10.8.0.0/24", type="subnet",
                                                      gateway="10.8.0.1", snat=1)], ["sdn none 1 -"], (), 1)
ask("made anew without its gateway", [q("DELETE", "/vnets/vs/subnets/zs-10.8.0.0-24"),
                                      q("POST", "/vnets/vs/subnets", subnet="10.8.0.0/24", type="subnet", snat=1)],
    ["vm/103 degraded 2 net0 running"], "its gateway goes", 2)
STAGED = [i for i in node("10.0.0.12") if i["iface"] != "vmbr1"]
ask("an apply takes staged interfaces along", [APPLY],
    ["node/c2 changed 2 interfaces", "vm/102 unreachable 3 net0 running"], "staged there are applied with it", 3,
    w={"/nodes/c2/network": ordered(STAGED), "/nodes/c2/network#changes": changes(node("10.0.0.12"), ordered(STAGED))})
AT_C2 = {"/nodes/c2/network": ordered(STAGED), "/nodes/c2/network#changes": changes(node("10.0.0.12"), ordered(STAGED))}
ask("an apply after what is staged was staged back", [
    {"method": "POST", "path": "/nodes/c2/network", "form": {"iface": "vmbr1", "type": "bridge", "bridge_ports": "eno2",
                                                             "autostart": 1}}, APPLY,
    {"method": "DELETE", "path": "/nodes/c2/network/vmbr1", "form": {}}], ["sdn none 1 -"], (), 1, w=AT_C2)
ask("interfaces alone are no change of the SDN", [{"method": "PUT", "path": "/nodes/c2/network", "form": {}}], [],
    "is not understood", 3, complete=False, w=AT_C2)
ask("a node that is offline", [q("DELETE", "/vnets/v1")], GONE[:2], "the node is offline", 3, complete=False,
    w={"/cluster/resources?type=node": [{"node": "c1", "status": "online"}, {"node": "c2", "status": "offline"}]})
for path in ("/cluster/sdn/zones?pending=1", "/cluster/sdn/vnets?pending=1", "/cluster/sdn/controllers?pending=1",
             "/cluster/sdn/vnets/vs/subnets?pending=1", "/nodes/c2/network", "/nodes/c2/network#changes",
             "/nodes/c2/qemu/102/config"):
    have = driver.ask({"call": "sdn", "requests": [APPLY], "client": "10.0.0.99", "server": "10.0.0.11",
                       "world": world(**{path: {"!": 403}})})
    ok(have["risk"] == 3 and any(s.startswith("unread") for s in have["says"]), f"unread: {path}", have)
ok(driver.close(), "the analyser ended well")
done()
