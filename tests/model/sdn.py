#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The software-defined network: VLAN and simple zones, one change of a zone, vnet or subnet, and by
plain look-up where each guest's frames left its node before and leave it after. The seed is printed.
TAP."""
import guest_lib
from guest_lib import compare, done
from network_world import finish, ordered

guest_lib.Driver.program = "network_driver"
NODES = ["c1", "c2", "c3"]


def interfaces(i):
    return ordered([finish({"iface": "eno1", "type": "eth"}), finish({"iface": "eno2", "type": "eth"}),
                    finish({"iface": "vmbr0", "type": "bridge", "bridge_ports": "eno1", "autostart": 1,
                            "cidr": f"10.0.0.1{i}/24", "gateway": "10.0.0.1"}),
                    finish({"iface": "vmbr1", "type": "bridge", "bridge_ports": "eno2", "autostart": 1})])


def here(zones, vnets, name, node):
    v = next((v for v in vnets if v["vnet"] == name), None)
    z = v and next((z for z in zones if z["zone"] == v["zone"]), None)
    return (v, z) if z and node in z.get("nodes", ",".join(NODES)).split(",") else None


def over(rows, key, name, form, gone):
    return [{**{k: x for k, x in r.items() if k not in gone}, **form} if r[key] == name else r for r in rows]


def one_case(rng, driver):
    zones = [{"zone": "za", "type": "vlan", "bridge": rng.choice(["vmbr0", "vmbr1"])},
             {"zone": "zb", "type": "vlan", "bridge": "vmbr1", "mtu": 1450},
             {"zone": "zs", "type": "simple"}]
    for z in zones:
        if rng.random() < 0.3:
            z["nodes"] = ",".join(rng.sample(NODES, rng.randrange(1, 3)))
    vnets = [{"vnet": f"v{i}", "zone": rng.choice(["za", "za", "zb", "zs"]), "tag": 5 + i, "type": "vnet"}
             for i in range(rng.randrange(1, 5))]
    for v in vnets:
        if v["zone"] == "zs":
            del v["tag"]
    subnets = [{"subnet": f"{v['zone']}-10.{i}.0.0-24", "cidr": f"10.{i}.0.0/24", "vnet": v["vnet"], "type": "subnet",
                **({"gateway": f"10.{i}.0.1"} if rng.random() < 0.7 else {}), **({"snat": 1} if rng.random() < 0.5 else {})}
               for i, v in enumerate(vnets) if rng.random() < 0.6]
    guests = {v: {"node": rng.choice(NODES), "run": rng.random() < 0.6,
                  "net": rng.choice([x["vnet"] for x in vnets] + ["vmbr0"])} for v in range(100, 100 + rng.randrange(7))}
    what = rng.choice(["drop", "tag", "isolate", "bridge", "nodes", "mtu", "alias", "subnet"])
    vnet, zone = rng.choice(vnets), rng.choice(zones)
    z2, v2, s2, method, form = zones, vnets, subnets, "PUT", {}
    if what == "drop":
        method, path, v2 = "DELETE", "/vnets/" + vnet["vnet"], [v for v in vnets if v is not vnet]
    elif what in ("tag", "isolate", "alias"):
        form = {"tag": {"tag": rng.choice([5, 77])} if "tag" in vnet else {"alias": "y"},
                "isolate": {"isolate-ports": 1}, "alias": {"alias": "x"}}[what]
        path, v2 = "/vnets/" + vnet["vnet"], over(vnets, "vnet", vnet["vnet"], form, ())
    elif what in ("bridge", "nodes", "mtu"):
        form = {"bridge": {"bridge": rng.choice(["vmbr0", "vmbr1"])} if "bridge" in zone else {"mtu": 1400},
                "nodes": {"nodes": ",".join(rng.sample(NODES, 2))}, "mtu": {"mtu": rng.choice([1400, 1450, 1500])}}[what]
        path, z2 = "/zones/" + zone["zone"], over(zones, "zone", zone["zone"], form, ())
    else:
        if not subnets:
            return None
        s = rng.choice(subnets)
        path = f"/vnets/{s['vnet']}/subnets/{s['subnet']}"
        if rng.random() < 0.5:
            method, s2 = "DELETE", [x for x in subnets if x is not s]
        else:
            gone = rng.choice(["gateway", "snat"])
            form, s2 = {"delete": gone, "vnet": s["vnet"]}, over(subnets, "subnet", s["subnet"], {}, [gone])
    want = set()
    for vmid, g in guests.items():
        was, now = here(zones, vnets, g["net"], g["node"]), here(z2, v2, g["net"], g["node"])
        r = f"vm/{vmid}"
        if not was:
            continue
        if not now:
            want.add((r, "unreachable" if g["run"] else "wont-boot", 2))
            continue
        wire = [(s[1].get("bridge"), s[0].get("tag")) for s in (was, now)]
        mtu = [s[1].get("mtu", 1500) for s in (was, now)]
        if wire[0] != wire[1]:
            want.add((r, "exposed", 2))
        elif mtu[1] < mtu[0]:
            want.add((r, "degraded", 2))
        if now[0].get("isolate-ports") and not was[0].get("isolate-ports"):
            want.add((r, "degraded", 2))
        for x in subnets:
            y = next((y for y in s2 if y["subnet"] == x["subnet"]), {})
            if x["vnet"] == g["net"] and any(x.get(k) and x.get(k) != y.get(k) for k in ("gateway", "snat")):
                want.add((r, "degraded", 2))
    w = {"/cluster/resources?type=node": [{"node": n, "status": "online"} for n in NODES],
         "/cluster/resources?type=vm": [{"type": "qemu", "vmid": v, "node": g["node"], "name": "",
                                         "status": "running" if g["run"] else "stopped"} for v, g in guests.items()],
         "/cluster/status": [{"type": "node", "name": n, "ip": f"10.0.0.1{i}", "local": int(i == 0)}
                             for i, n in enumerate(NODES)],
         "/cluster/options": {}, "/cluster/sdn/zones?pending=1": zones, "/cluster/sdn/vnets?pending=1": vnets,
         "/cluster/sdn/controllers?pending=1": []}
    for v in vnets:
        w[f"/cluster/sdn/vnets/{v['vnet']}/subnets?pending=1"] = [s for s in subnets if s["vnet"] == v["vnet"]]
    for i, n in enumerate(NODES):
        w[f"/nodes/{n}/network"] = interfaces(i)
        w[f"/nodes/{n}/network#changes"] = w[f"/nodes/{n}/ceph/cfg/raw"] = None
    w.update({f"/nodes/{g['node']}/qemu/{v}/config": {"net0": f"virtio=A,bridge={g['net']}"} for v, g in guests.items()})
    answer = driver.ask({"call": "sdn", "client": "10.0.0.99", "server": "10.0.0.10", "world": w, "requests": [
        {"method": method, "path": "/cluster/sdn" + path, "form": form}]})
    got = {(a[0], a[1], int(a[2])) for a in (line.split(" ") for line in answer["affects"]) if a[1] != "none" and
           a[1] != "changed"}
    if want != got or any(s.startswith("unread") for s in answer["says"]):
        return f"{what} {method} {path} {form}\nmissing {want - got}\ntoo much {got - want}\n{zones}\n{vnets}\n{subnets}\n{guests}\n{answer}"
    return None


compare("zones, vnets and subnets", one_case)
done()
