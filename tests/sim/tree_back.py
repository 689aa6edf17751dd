#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The tree of a state and back: what is made through the API stands in the files that PVE keeps it in, and
# `pvesim import` of those files gives the same state, member by member. TAP.
import json, os, subprocess, sys, tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sim_client import Sim, check, done, pvesim  # noqa: E402

NOTIFY = "/cluster/notifications"
FW = "/cluster/firewall"
MADE = [
    ("/cluster/mapping/pci", dict(id="gpu", description="both cards", mdev=1, map=[
        "id=10de:1b80,node=pve1,path=0000:01:00.0", "id=10de:1b80,node=pve2,path=0000:02:00.0"])),
    ("/cluster/mapping/usb", dict(id="dongle", map=["id=1234:5678,node=pve1"])),
    ("/cluster/mapping/dir", dict(id="share", map=["node=pve1,path=/srv/share", "node=pve3,path=/srv/share"])),
    ("/cluster/metrics/server/graph", dict(type="graphite", server="192.0.2.4", port=2003, path="pve.one", disable=1)),
    ("/cluster/metrics/server/influx", dict(type="influxdb", server="192.0.2.5", port=8086, influxdbproto="https",
                                            organization="ours", bucket="pve")),
    (NOTIFY + "/endpoints/sendmail", dict(name="post", mailto=["a@example.org", "b@example.org"],
                                          comment="two of them", author="the cluster")),
    (NOTIFY + "/endpoints/smtp", {"name": "relay", "server": "mail.example.org", "port": 587, "mode": "starttls",
                                  "from-address": "pve@example.org", "mailto-user": ["root@pam"]}),
    (NOTIFY + "/endpoints/gotify", dict(name="phone", server="https://push.example.org", token="not in a file")),
    (NOTIFY + "/endpoints/webhook", dict(name="hook", url="https://hook.example.org", method="post",
                                         header=["name=X-One,value=MQ==", "name=X-Two,value=Mg=="])),
    (NOTIFY + "/matchers", {"name": "errors", "mode": "any", "match-severity": ["error", "warning"],
                            "match-field": ["exact:type=vzdump"], "target": ["post", "relay"],
                            "invert-match": 1, "comment": "what went wrong"}),
    ("/access/domains", dict(realm="corp", type="ldap", server1="192.0.2.6", base_dn="dc=example,dc=org",
                             user_attr="uid", comment="the directory", mode="ldaps", verify=0)),
    ("/cluster/jobs/realm-sync/nightly", {"realm": "corp", "schedule": "02:30", "enabled": 0, "scope": "both",
                                          "enable-new": 1}),
    ("/cluster/backup", {"id": "weekly", "schedule": "sat 03:00", "storage": "backup", "all": 1, "enabled": 1,
                         "mode": "snapshot", "notes-template": "{{guestname}} of {{node}}",
                         "prune-backups": "keep-last=3,keep-weekly=2", "repeat-missed": 1}),
    ("/cluster/ha/resources", dict(sid="vm:105", state="started", max_restart=3, failback=0, comment="kept up")),
    ("/cluster/ha/resources", dict(sid="ct:101", state="stopped")),
    ("/cluster/ha/rules", dict(rule="home", type="node-affinity", resources="vm:105", nodes="pve1:2,pve2:1", strict=1,
                               comment="near its data")),
    ("/cluster/ha/rules", dict(rule="apart", type="resource-affinity", resources="vm:105,ct:101", disable=1,
                               affinity="negative")),
    ("/cluster/sdn/zones", dict(zone="lab", type="simple", mtu=1400)),
    ("/cluster/sdn/zones", dict(zone="far", type="vxlan", peers="192.0.2.1,192.0.2.2")),
    ("/cluster/sdn/vnets", dict(vnet="vn1", zone="lab", alias="tenant one")),
    ("/cluster/sdn/vnets", dict(vnet="vn2", zone="far", tag=77)),
    ("/cluster/sdn/vnets/vn1/subnets", {"subnet": "10.77.0.0/24", "type": "subnet", "gateway": "10.77.0.1", "snat": 1,
                                        "dhcp-range": ["start-address=10.77.0.50,end-address=10.77.0.60",
                                                       "start-address=10.77.0.80,end-address=10.77.0.90"]}),
    ("/cluster/sdn/controllers", dict(controller="bgp1", type="bgp", node="pve1", asn=65000, peers="192.0.2.9")),
    ("PUT /cluster/sdn", {}),
    ("/cluster/sdn/vnets", dict(vnet="later", zone="lab")),  # made, and not applied
    ("PUT /cluster/sdn/vnets/vn1/firewall/options", dict(enable=1, policy_forward="DROP")),
    ("/cluster/sdn/vnets/vn1/firewall/rules", dict(type="forward", action="ACCEPT", enable=1, proto="tcp", dport="443",
                                                   comment="the service")),
    ("PUT " + FW + "/options", dict(enable=1, policy_in="DROP")),
    (FW + "/aliases", dict(name="office", cidr="198.51.100.0/24", comment="where we sit")),
    (FW + "/ipset", dict(name="trusted", comment="who may")),
    (FW + "/ipset/trusted", dict(cidr="203.0.113.7", comment="the bastion")),
    (FW + "/ipset/trusted", dict(cidr="203.0.113.0/25", nomatch=1)),
    (FW + "/groups", dict(group="web", comment="for servers")),
    (FW + "/groups/web", dict(type="in", action="ACCEPT", macro="HTTPS", enable=1)),
    (FW + "/rules", {"type": "in", "action": "REJECT", "proto": "icmp", "icmp-type": "echo-request", "enable": 0,
                     "source": "office", "log": "info"}),
    (FW + "/rules", dict(type="group", action="web", enable=1, iface="vmbr0")),
    ("PUT /nodes/pve1/firewall/options", dict(enable=1, nftables=1)),
    ("/nodes/pve1/firewall/rules", dict(type="out", action="DROP", dest="+trusted", enable=1)),
    ("PUT /nodes/pve1/qemu/104/firewall/options", dict(enable=1, dhcp=1, ipfilter=1)),
    ("/nodes/pve1/qemu/104/firewall/rules", dict(type="in", action="ACCEPT", source="dc/office", enable=1, sport="53",
                                                 proto="udp")),
    ("/nodes/pve1/qemu/104/firewall/aliases", dict(name="mine", cidr="192.0.2.77")),
    ("PUT /cluster/options", {"keyboard": "de", "migration": "type=secure,network=192.0.2.0/24",
                              "description": "one line\nand: another", "max_workers": 3}),
    ("PUT /nodes/pve2/config", {"description": "rack 4\nsecond shelf", "wakeonlan": "mac=02:00:00:00:00:01",
                                "startall-onboot-delay": 20}),
    ("/cluster/replication", {"id": "104-0", "type": "local", "target": "pve2", "schedule": "*/30", "comment": "half"}),
    ("/access/groups", dict(groupid="night", comment="who is called")),
    ("/access/roles", dict(roleid="Watcher", privs="VM.Audit,VM.PowerMgmt")),
    ("PUT /access/acl", dict(path="/vms/105", groups="night", roles="Watcher", propagate=0)),
    ("/pools", dict(poolid="prod2", comment="what counts")),
]
GONE = [  # and some of it again
    "/cluster/mapping/usb/dongle", NOTIFY + "/matchers/errors", "/cluster/metrics/server/graph",
    "/cluster/jobs/realm-sync/nightly", "/cluster/ha/rules/apart", "/cluster/sdn/vnets/later",
    FW + "/aliases/office", "/nodes/pve1/qemu/104/firewall/rules/0",
]
MEMBERS = ["storage", "users", "groups", "roles", "acl", "pools", "jobs", "replication", "ha", "domains",
           "mapping", "metrics", "notifications", "realm-sync", "sdn", "firewall", "options"]


def make(sim):
    for url, form in MADE:
        method, _, path = url.rpartition(" ")
        status, reason, body = sim.call(method or "POST", path, also=form)
        check(status == 200, f"{url} {', '.join(form)}", f"{status} {reason} {body}")
        if path == "/cluster/sdn":
            sim.end_of(body["data"].split(":")[1], body["data"])


def back(tree):
    r = subprocess.run([pvesim, "import", tree], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    check(r.returncode == 0, "the tree can be imported", r.stderr)
    return json.loads(r.stdout) if r.returncode == 0 else {}


def differences(was, now, at=""):
    if isinstance(was, dict) and isinstance(now, dict):
        for k in sorted({*was, *now}):
            yield from differences(was.get(k), now.get(k), f"{at}/{k}")
    elif was != now and (was or now):  # an empty list is a file without it
        yield f"{at}: {was!r} is {now!r}"


def same(was, now):
    for m in MEMBERS:
        check(bool(was.get(m)), f"there is something of {m}")
        bad = list(differences(was.get(m), now.get(m), m))
        check(not bad, f"{m}: the tree gives the same", "\n# ".join(bad))
    for node in was["nodes"]:
        bad = list(differences(was["nodes"][node].get("config"), now.get("nodes", {}).get(node, {}).get("config"), node))
        check(not bad, f"{node}: its configuration, too", bad)


def unmake(sim):
    sim.call("DELETE", FW + "/rules/1")  # which named the alias
    for path in GONE:
        status, reason, body = sim.call("DELETE", path)
        check(status == 200, f"{path} goes", f"{status} {reason} {body}")
    sim.end_of("pve1", sim.call("POST", "/nodes/pve1/qemu/104/status/stop")[2]["data"])
    status, _, body = sim.call("DELETE", "/nodes/pve1/qemu/104", purge=1)
    check(status == 200 and sim.end_of("pve1", body["data"]) == "OK", "a guest with a firewall goes", body)


with tempfile.TemporaryDirectory() as d:
    s = Sim(d, "--task-ms", "1")
    make(s)
    s.stop()
    state = json.load(open(os.path.join(d, "state.json")))
    for user in state["users"].values():
        for token in user.get("tokens", {}).values():
            token.pop("hash")  # a secret: it stands in priv/, which is no part of the tree
    same(state, back(os.path.join(d, "pve")))
    s = Sim(d, "--task-ms", "1")
    unmake(s)
    check(not os.path.exists(os.path.join(d, "pve", "firewall", "104.fw")), "and its file with it")
    s.stop()
    state = json.load(open(os.path.join(d, "state.json")))
    now = back(os.path.join(d, "pve"))
    for m in ("mapping", "metrics", "notifications", "realm-sync", "ha", "sdn", "firewall", "replication"):
        bad = list(differences(state.get(m), now.get(m), m))
        check(not bad, f"{m}: the same after some of it went", "\n# ".join(bad))
done()
