#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cases of the network analyser: each is a cluster in which only one thing matters. The whole list of
what is hit is compared, so a thing too much fails as well as a thing too little. TAP."""
import guest_lib
from guest_lib import done, ok, Driver
from network_world import changes, finish, ordered

guest_lib.Driver.program = "network_driver"
driver = Driver()
N = "/nodes/c1/network"
US = {"client": "10.0.0.99", "server": "10.0.0.11"}


def eth(name):
    return finish({"iface": name, "type": "eth"})


def bridge(name, ports="", **more):
    return finish(dict({"iface": name, "type": "bridge", "bridge_ports": ports, "autostart": 1}, **more))


def bond(name, slaves, **more):
    return finish(dict({"iface": name, "type": "bond", "slaves": slaves, "bond_mode": "active-backup",
                        "autostart": 1}, **more))


def vlan(name, raw, tag, **more):
    return finish(dict({"iface": name, "type": "vlan", "vlan-raw-device": raw, "vlan-id": str(tag),
                        "autostart": 1}, **more))


MGMT = dict(cidr="10.0.0.11/24", gateway="10.0.0.1")
PLAIN = [eth("eno1"), eth("eno2"), bridge("vmbr0", "eno1", **MGMT), bridge("vmbr1", "eno2")]


def vm(vmid, status="running", kind="qemu", node="c1", **cfg):
    return {"row": {"type": kind, "vmid": vmid, "node": node, "status": status, "name": f"g{vmid}"},
            "cfg": cfg}


def nic(bridge, **more):
    return "virtio=BC:24:11:00:00:01,bridge=" + bridge + "".join(f",{k}={v}" for k, v in more.items())


def ct(vmid, status="running", **cfg):
    return vm(vmid, status, "lxc", **cfg)


def world(interfaces, *guests, running=None, **more):
    """running: what runs, when the interfaces are staged ones."""
    w = {N: ordered(interfaces), "/nodes/c1/ceph/cfg/raw": None, "/cluster/options": {},
         N + "#changes": changes(ordered(running), ordered(interfaces)) if running else None,
         "/cluster/resources?type=vm": [g["row"] for g in guests],
         "/cluster/status": [{"type": "node", "name": "c1", "ip": "10.0.0.11", "local": 1},
                             {"type": "node", "name": "c2", "ip": "10.0.0.12"}],
         "/cluster/config/nodes": [{"node": "c1", "ring0_addr": "10.0.0.11"},
                                   {"node": "c2", "ring0_addr": "10.0.0.12"}],
         "/cluster/sdn/zones?pending=1": [], "/cluster/sdn/vnets?pending=1": [],
         "/cluster/sdn/controllers?pending=1": []}
    for g in guests:
        r = g["row"]
        w[f"/nodes/{r['node']}/{r['type']}/{r['vmid']}/config"] = g["cfg"]
    w.update(more.pop("more", {}))
    return w


def put(iface, **form):
    return {"method": "PUT", "path": f"{N}/{iface}", "form": form}


def post(**form):
    return {"method": "POST", "path": N, "form": form}


def drop(iface):
    return {"method": "DELETE", "path": f"{N}/{iface}", "form": {}}


APPLY = {"method": "PUT", "path": N, "form": {}}
REVERT = {"method": "DELETE", "path": N, "form": {}}


def ask(name, requests, w, affects, says=(), risk=None, complete=True, way=None):
    have = driver.ask(dict({"call": "network", "node": "c1", "requests": requests, "world": w},
                           **(US if way is None else way)))
    text = "\n".join(have["affects"]) + "\n--\n" + "\n".join(have["says"])
    good = have["affects"] == list(affects)
    for s in [says] if isinstance(says, str) else says:
        good = good and any(s in line for line in have["says"])
    good = good and (risk is None or have["risk"] == risk)
    good = good and complete == (not any(s.startswith("unread") for s in have["says"]))
    ok(good, name, f"want {affects} {says} risk {risk}\n{text}\nrisk {have['risk']}")


def apply(name, before, after, guests, affects, says=(), risk=None, **more):
    """What runs is `before`, staged is `after`."""
    kw = {k: more.pop(k) for k in ("complete", "way") if k in more}
    own = [a for a in affects]
    ask(name, [APPLY], world(after, *guests, running=before, **more), own, says, risk, **kw)


def without(interfaces, *names):
    return [i for i in interfaces if i["iface"] not in names]


def other(interfaces, name, **change):
    out = []
    for i in interfaces:
        i = dict(i)
        if i["iface"] == name:
            for k, v in change.items():
                key = k.replace("__", "-")
                if v is None:
                    for x in (key, {"cidr": "address"}.get(key, key), {"cidr": "netmask"}.get(key, key)):
                        i.pop(x, None)
                else:
                    i[key] = v
            finish(i)
        out.append(i)
    return out


G = [vm(100, net0=nic("vmbr1"))]
GONE = "interface/c1/vmbr1 changed 1 vmbr1"
MG = "interface/c1/vmbr0 changed 1 vmbr0"

# ---- guests -----------------------------------------------------------------------------------------
apply("a bridge goes under a running guest", PLAIN, without(PLAIN, "vmbr1"), G,
      [GONE, "vm/100 unreachable 3 net0 running"], "vmbr1 goes", 3)
apply("and under one that is off", PLAIN, without(PLAIN, "vmbr1"), [vm(100, "stopped", net0=nic("vmbr1"))],
      [GONE, "vm/100 wont-boot 3 net0"], "no vmbr1 to plug it into", 3)
apply("a guest elsewhere does not mind", PLAIN, without(PLAIN, "vmbr1"),
      [vm(100, node="c2", net0=nic("vmbr1"))], [GONE], "vmbr1 goes", 1)
apply("a bridge that is not brought up any more", PLAIN, other(PLAIN, "vmbr1", autostart=None), G,
      [GONE, "vm/100 unreachable 3 net0 running"], "vmbr1 goes", 3)
apply("a bridge loses its only port", PLAIN, other(PLAIN, "vmbr1", bridge_ports=""), G,
      [GONE, "vm/100 unreachable 3 net0 running"], "no way out any more (was eno2)", 3)
MORE = PLAIN + [eth("eno3")]
apply("a bridge gets another port instead", MORE, other(MORE, "vmbr1", bridge_ports="eno3"), G,
      [GONE, "vm/100 exposed 3 net0 running"], "from eno2 to eno3: another network", 3)
apply("a bridge gets one more", MORE, other(MORE, "vmbr1", bridge_ports="eno2 eno3"), G,
      [GONE, "vm/100 exposed 3 net0 running"], "vmbr1 leads to eno2, eno3 then", 3)
TWO = other(MORE, "vmbr1", bridge_ports="eno2 eno3")
apply("a bridge loses one of two", TWO, other(TWO, "vmbr1", bridge_ports="eno2"), G,
      [GONE, "vm/100 degraded 2 net0 running"], "only eno2 left of eno2, eno3", 2)
BOND = [eth("eno1"), eth("eno2"), eth("eno3"), bond("bond0", "eno2 eno3"), bridge("vmbr0", "eno1", **MGMT),
        bridge("vmbr1", "bond0")]
apply("a bond loses a slave", BOND, other(BOND, "bond0", slaves="eno2"), G,
      ["interface/c1/bond0 changed 1 bond0", "vm/100 degraded 2 net0 running"], "only eno2 left", 2)
apply("a bond works in another way", BOND, other(BOND, "bond0", bond_mode="802.3ad"), G,
      ["interface/c1/bond0 changed 1 bond0", "vm/100 interrupted 2 net0 running"], "set up anew", 2)
TAGGED = [eth("eno1"), eth("eno2"), vlan("eno2.5", "eno2", 5), bridge("vmbr0", "eno1", **MGMT),
          bridge("vmbr1", "eno2.5")]
RETAG = without(TAGGED, "eno2.5", "vmbr1") + [vlan("eno2.6", "eno2", 6), bridge("vmbr1", "eno2.6")]
apply("a VLAN below the bridge is another one", TAGGED, RETAG, G,
      [GONE, "interface/c1/eno2.5 changed 1 eno2.5", "interface/c1/eno2.6 changed 1 eno2.6",
       "vm/100 exposed 3 net0 running"], "from eno2.5 to eno2.6", 3)
AWARE = other(PLAIN, "vmbr1", bridge_vlan_aware=1, bridge_vids="2-4094")
VG = [vm(100, net0=nic("vmbr1", tag=20)), vm(101, net0=nic("vmbr1"))]
apply("a bridge lets fewer VLANs through", AWARE, other(AWARE, "vmbr1", bridge_vids="2-10 30"), VG,
      [GONE, "vm/100 unreachable 3 net0 running"], "does not let VLAN 20 through", 3)
apply("a bridge stops keeping VLANs apart", AWARE, PLAIN, VG,
      [GONE, "vm/100 exposed 3 net0 running"], "go untagged", 3)
apply("trunks count as VLANs", AWARE, PLAIN, [vm(100, net0=nic("vmbr1", trunks="5;6"))],
      [GONE, "vm/100 exposed 3 net0 running"], "go untagged", 3)
apply("a bridge begins to keep VLANs apart", PLAIN, AWARE, VG,
      [GONE, "vm/100 degraded 2 net0 running"], "after it is plugged in again", 2)
apply("smaller packets", PLAIN, other(PLAIN, "vmbr1", mtu="1400"), G,
      [GONE, "vm/100 degraded 2 net0 running"], "packets over 1400 bytes", 2)
apply("smaller packets below", BOND, other(BOND, "bond0", mtu="1300"), G,
      ["interface/c1/bond0 changed 1 bond0", "vm/100 degraded 2 net0 running"], "packets over 1300 bytes", 2)
INNER = PLAIN + [bridge("vmbr2", "", cidr="10.9.0.1/24")]
apply("the gateway of a container", INNER, other(INNER, "vmbr2", cidr=None),
      [ct(300, net0="name=eth0,bridge=vmbr2,gw=10.9.0.1,ip=10.9.0.5/24")],
      ["interface/c1/vmbr2 changed 1 vmbr2", "ct/300 degraded 2 net0 running"], "gateway 10.9.0.1", 2)
apply("and of a VM's cloud-init", INNER, other(INNER, "vmbr2", cidr=None),
      [vm(100, net0=nic("vmbr2"), ipconfig0="ip=10.9.0.5/24,gw=10.9.0.1")],
      ["interface/c1/vmbr2 changed 1 vmbr2", "vm/100 degraded 2 ipconfig0 running"], "gateway 10.9.0.1", 2)
apply("two cards, two findings", PLAIN, without(PLAIN, "vmbr1"),
      [vm(100, net0=nic("vmbr1"), net1=nic("vmbr1"), net2=nic("vmbr0"))],
      [GONE, "vm/100 unreachable 3 net0 running", "vm/100 unreachable 3 net1 running"], (), 3)
apply("only a comment", PLAIN, other(PLAIN, "vmbr1", comments="x\n"), G, [GONE], "another way", 1)

# ---- vnets on the node's bridges --------------------------------------------------------------------
ZONES = [{"zone": "z1", "type": "vlan", "bridge": "vmbr1"},
         {"zone": "zx", "type": "vxlan", "peers": "10.0.0.11,10.0.0.12"},
         {"zone": "zs", "type": "simple"}, {"zone": "z2", "type": "vlan", "bridge": "vmbr1", "nodes": "c2"}]
VNETS = [{"vnet": "v1", "zone": "z1", "tag": 5}, {"vnet": "vx", "zone": "zx", "tag": 7},
         {"vnet": "vs", "zone": "zs"}, {"vnet": "v2", "zone": "z2", "tag": 6}]
SDN = {"/cluster/sdn/zones?pending=1": ZONES, "/cluster/sdn/vnets?pending=1": VNETS}
SG = [vm(100 + i, net0=nic(v)) for i, v in enumerate(("v1", "vx", "vs", "v2"))]
apply("vnets leave by their zone's bridge", PLAIN, without(PLAIN, "vmbr1"), SG,
      [GONE, "vm/100 unreachable 3 net0 running"], "v1 has no way out any more (was eno2.5)", 3, more=SDN)
apply("tunnels end at an address", PLAIN, other(PLAIN, "vmbr0", cidr="10.0.0.21/24"), SG,
      [MG, "node/c1 lockout 3 vmbr0", "node/c1 unreachable 3 vmbr0", "node/c1 unreachable 3 vmbr0",
       "vm/101 unreachable 3 net0 running"], "the tunnels of vx end at vmbr0", 3, more=SDN)

# ---- addresses --------------------------------------------------------------------------------------
apply("the address that we use goes", PLAIN, other(PLAIN, "vmbr0", cidr="10.0.0.21/24"), [],
      [MG, "node/c1 lockout 3 vmbr0", "node/c1 unreachable 3 vmbr0", "node/c1 unreachable 3 vmbr0"],
      ("our own connection", "the address that the cluster knows", "corosync's link 0"), 3)
FAR = {"client": "192.168.7.7", "server": "10.0.0.11"}
apply("the gateway to us is another one", PLAIN, other(PLAIN, "vmbr0", gateway="10.0.0.2"), [],
      [MG, "node/c1 lockout 3 vmbr0"], "by the gateway 10.0.0.2", 3, way=FAR)
apply("which is none of ours when we are near", PLAIN, other(PLAIN, "vmbr0", gateway="10.0.0.2"), [], [MG],
      (), 1)
apply("the gateway to us goes", PLAIN, other(PLAIN, "vmbr0", gateway=None), [],
      [MG, "node/c1 lockout 3 vmbr0"], "does not carry it any more", 3, way=FAR)
apply("the wire of our address", MORE, other(MORE, "vmbr0", bridge_ports="eno3"), [],
      [MG, "node/c1 lockout 3 vmbr0", "node/c1 unreachable 3 vmbr0", "node/c1 unreachable 3 vmbr0"],
      "vmbr0 leads to eno3 instead of eno1", 3)
apply("we come by a tunnel", PLAIN, other(PLAIN, "vmbr0", cidr="10.0.0.21/24"), [],
      [MG, "node/c1 lockout 3 vmbr0", "node/c1 unreachable 3 vmbr0", "node/c1 unreachable 3 vmbr0"],
      "none of the node's", 3, complete=False, way={"client": "127.0.0.1", "server": "127.0.0.1"})
LINKS = PLAIN + [bridge("vmbr2", "", cidr="10.5.0.11/24")]
TWO_LINKS = {"/cluster/config/nodes": [{"node": "c1", "ring0_addr": "10.0.0.11", "ring1_addr": "10.5.0.11"},
                                       {"node": "c2", "ring0_addr": "10.0.0.12", "ring1_addr": "10.5.0.12"}]}
apply("one corosync link of two", LINKS, without(LINKS, "vmbr2"), [],
      ["interface/c1/vmbr2 changed 1 vmbr2", "node/c1 degraded 2 vmbr2"], "corosync's link 1", 2,
      more=TWO_LINKS)
HA = {"/cluster/ha/resources": [{"sid": "vm:100", "state": "started"}, {"sid": "vm:101", "state": "ignored"}]}
apply("the last corosync link: HA fences the node",
      LINKS, without(LINKS, "vmbr2"), [vm(100), vm(101)],
      ["interface/c1/vmbr2 changed 1 vmbr2", "node/c1 unreachable 3 vmbr2", "vm/100 halted 3 HA running"],
      "fences itself", 3,
      more=dict(HA, **{"/cluster/config/nodes": [{"node": "c1", "ring0_addr": "10.5.0.11"},
                                                 {"node": "c2", "ring0_addr": "10.5.0.12"}]}))
apply("a link by a name that cannot be looked up", LINKS, without(LINKS, "vmbr2"), [],
      ["interface/c1/vmbr2 changed 1 vmbr2"], "corosync's link 0 | its address is a name", 3, complete=False,
      more={"/cluster/config/nodes": [{"node": "c1", "ring0_addr": "c1.corosync"}, {"node": "c2"}]})
CONF = "[global]\n\tauth_client_required = cephx\n\tcluster network = 10.5.0.0/24\n\tpublic_network = 10.0.0.0/24\n"
apply("Ceph's cluster network", LINKS, without(LINKS, "vmbr2"), [],
      ["interface/c1/vmbr2 changed 1 vmbr2", "node/c1 unreachable 3 vmbr2"], "Ceph's cluster network", 3,
      more={"/nodes/c1/ceph/cfg/raw": CONF})
RBD = {"/nodes/c1/ceph/cfg/raw": "public_network = 10.5.0.0/24\n",
       "/storage": [{"storage": "rb", "type": "rbd", "content": "images", "shared": 1}]}
apply("Ceph's public network carries disks", LINKS, without(LINKS, "vmbr2"), [vm(100, scsi0="rb:vm-100-disk-0")],
      ["interface/c1/vmbr2 changed 1 vmbr2", "node/c1 unreachable 3 vmbr2", "vm/100 unreachable 3 scsi0 running"],
      "behind vmbr2", 3, more=RBD)
apply("the network of migrations", LINKS, without(LINKS, "vmbr2"), [],
      ["interface/c1/vmbr2 changed 1 vmbr2", "node/c1 degraded 2 vmbr2"], "the network of migrations", 2,
      more={"/cluster/options": {"migration": {"type": "secure", "network": "10.5.0.0/24"}}})
apply("or as one text", LINKS, without(LINKS, "vmbr2"), [],
      ["interface/c1/vmbr2 changed 1 vmbr2", "node/c1 degraded 2 vmbr2"], "the network of migrations", 2,
      more={"/cluster/options": {"migration": "secure,network=10.5.0.0/24"}})


def store(**more):
    return {"/storage": [dict({"storage": "nas", "type": "nfs", "content": "images", "shared": 1}, **more)]}


DISK = [vm(100, scsi0="nas:100/vm-100-disk-0.raw"), vm(101, "stopped", scsi0="nas:101/vm-101-disk-0.raw"),
        vm(102, node="c2", scsi0="nas:102/vm-102-disk-0.raw")]
CUT_STORE = ["interface/c1/vmbr2 changed 1 vmbr2", "node/c1 unreachable 3 vmbr2",
             "vm/100 unreachable 3 scsi0 running", "vm/101 unreachable 2 scsi0"]
NO_WAY = other(PLAIN, "vmbr0", gateway=None)
LONE = NO_WAY + [bridge("vmbr2", "", cidr="10.5.0.11/24")]
apply("a storage whose subnet goes, with its guests", LONE, NO_WAY, DISK, CUT_STORE, "storage nas", 3,
      more=store(server="10.5.0.40"))
apply("an iSCSI portal", LONE, NO_WAY, DISK, CUT_STORE, "storage nas", 3,
      more=store(type="iscsi", portal="10.5.0.40:3260"))
apply("one of two monitors", LONE, NO_WAY, DISK[:1],
      ["interface/c1/vmbr2 changed 1 vmbr2", "node/c1 degraded 2 vmbr2", "vm/100 degraded 2 scsi0 running"],
      "storage nas", 2, more=store(type="rbd", monhost="10.5.0.40;10.0.0.41"))
apply("a storage elsewhere", LONE, NO_WAY, DISK, ["interface/c1/vmbr2 changed 1 vmbr2"], (), 1,
      more=store(server="10.5.0.40", nodes="c2"))
apply("a storage by the gateway from then on", LINKS, without(LINKS, "vmbr2"), DISK[:1],
      ["interface/c1/vmbr2 changed 1 vmbr2", "node/c1 degraded 2 vmbr2", "vm/100 degraded 2 scsi0 running"],
      "by the gateway 10.0.0.1 then", 2, more=store(server="10.5.0.40"))
apply("larger packets", LINKS, other(LINKS, "vmbr2", mtu="9000"), DISK[:1],
      ["interface/c1/vmbr2 changed 1 vmbr2", "node/c1 changed 1 vmbr2"], "need a network that carries them", 1,
      more=store(server="10.5.0.40"))
apply("a storage by a name", LONE, NO_WAY, DISK, ["interface/c1/vmbr2 changed 1 vmbr2"],
      "how c1 reaches storage nas", 3, complete=False, more=store(server="nas.example.org"))
apply("a name does not matter when no address does", PLAIN, without(PLAIN, "vmbr1"), DISK, [GONE], (), 1,
      more=store(server="nas.example.org"))

# ---- staging, reverting ------------------------------------------------------------------------------
ask("what is staged is no more than medium", [drop("vmbr1")], world(PLAIN, *G),
    [GONE, "vm/100 unreachable 2 net0 running"], "once applied: vmbr1 goes", 2)
ask("a staged address", [put("vmbr0", type="bridge", cidr="10.0.0.21/24")], world(PLAIN),
    [MG, "node/c1 lockout 2 vmbr0", "node/c1 unreachable 2 vmbr0", "node/c1 unreachable 2 vmbr0"],
    "once applied: our own connection", 2)
ask("a change that does not repeat the address drops it", [put("vmbr0", type="bridge", mtu=1400)], world(PLAIN),
    [MG, "node/c1 lockout 2 vmbr0", "node/c1 unreachable 2 vmbr0", "node/c1 unreachable 2 vmbr0"],
    "does not carry it any more", 2)
ask("a new bridge", [post(iface="vmbr9", type="bridge", autostart=1)], world(PLAIN, *G),
    ["interface/c1/vmbr9 changed 1 vmbr9"], "vmbr9 is new", 1)
ask("taking a new port from nobody", [put("vmbr1", type="bridge", bridge_ports="eno2,eno3")], world(MORE, *G),
    [GONE, "vm/100 exposed 2 net0 running"], "leads to", 2)
ask("reverting changes what is staged", [REVERT], world(without(PLAIN, "vmbr1"), *G, running=PLAIN),
    [GONE], "vmbr1 is new", 1)
ask("stage and apply in one", [drop("vmbr1"), APPLY], world(PLAIN, *G),
    [GONE, "vm/100 unreachable 3 net0 running"], "vmbr1 goes", 3)
ask("apply with nothing staged", [APPLY], world(PLAIN, *G), ["network none 1 -"], "nothing on this node", 1)

# ---- what could not be read ---------------------------------------------------------------------------
NO = {"!": 403}
for what, path in (("the interfaces", N), ("the staged difference", N + "#changes"), ("the zones",
                   "/cluster/sdn/zones?pending=1"), ("corosync's links", "/cluster/config/nodes"),
                   ("nodes' addresses", "/cluster/status"), ("the options", "/cluster/options"),
                   ("the guest", "/nodes/c1/qemu/100/config"), ("Ceph", "/nodes/c1/ceph/cfg/raw"),
                   ("the storages", "/storage"), ("HA", "/cluster/ha/resources")):
    w = world(PLAIN, *G, more={path: NO})
    have = driver.ask(dict(US, call="network", node="c1", requests=[APPLY], world=w))
    ok(have["risk"] == 3 and any(s.startswith("unread") for s in have["says"]), f"unread: {what}", have)
w = world(PLAIN, *G, more={"/access/permissions": {"/": {"VM.Audit": 1, "Sys.Audit": 1, "Datastore.Audit": 1}}})
have = driver.ask(dict(US, call="network", node="c1", requests=[APPLY], world=w))
ok(any("interfaces" in s and "only some" in s for s in have["says"]), "bridges may be hidden", have)
w = world(PLAIN, *G, more={"/nodes/c1/ceph/cfg/raw": {"!": 501}})
ask("a node without Ceph's interface", [drop("vmbr1")], w, [GONE, "vm/100 unreachable 2 net0 running"])
two = ordered([eth("eno1"), bridge("vmbr0", "", **dict(MGMT, comments="a\n" * 4)), bridge("vmbr1", "", comments="a\n" * 4)])
lost = changes(two, [dict(i, comments=i["comments"] + "b\n") if i["iface"] == "vmbr0" else i for i in two]) \
    .replace("+#b", "+\tmtu 1400").replace("auto vmbr1", "#").replace("iface vmbr1 inet manual", "#")
w = world(two, more={N + "#changes": lost})
have = driver.ask(dict(US, call="network", node="c1", requests=[APPLY], world=w))
ok(any("does not tell which interface" in s for s in have["says"]) and have["risk"] == 3,
   "a line that cannot be attributed is said", f"{lost} {have}")
DEEP = PLAIN + [vlan("v1", "eno1", 1)] + [vlan(f"v{i}", f"v{i - 1}", i) for i in range(2, 20)]
apply("interfaces upon interfaces, more than are followed, are said", DEEP, other(DEEP, "vmbr1", mtu="1400"), [],
      ["interface/c1/vmbr1 changed 1 vmbr1"], "than are followed", 3, complete=False)
ok(driver.close(), "the analyser ended well")
done()
