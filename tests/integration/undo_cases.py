# SPDX-License-Identifier: Apache-2.0
"""The cases of tools_undo.py: for each row that changes something over the API, what is asked for,
and what the world is made to be before. One line or a small block a case; a row without a case fails
the test, unless its undo is `none` with a reason.

A case is (row, arguments, more). more may have
  before   calls that set the scene, past the client: [(method, path, form)]
  undo     the kind the plan must name, when it is not the row's own
  after    calls that clean up behind it
  check    what the undo's own check says, when it is not "ok"
  same     True: it leaves nothing different in the state (a reboot)
  leaves   paths (fnmatch) that the undo leaves behind by design: its own undo points
The guests and storages are those of `pvesim`'s built-in cluster."""

import fnmatch

# Rows that do not go over the API alone, and where their undo is tested.
ELSEWHERE = {
    "ct_exec": "exec_changes.py",
    "ct_logs": "exec_changes.py",
    # they want an agent in the VM and rules of the client
    "pve_agent_exec": "agent_exec.py",
    "pve_agent_file_write": "agent_exec.py",
    "pve_agent_freeze": "agent_exec.py",
    # a backup server is another world
    **{name: "pbs.py" for name in (
        "pbs_group_notes_set", "pbs_snapshot_notes_set", "pbs_snapshot_protect",
        "pbs_group_change_owner", "pbs_datastore_create", "pbs_datastore_update", "pbs_namespace_create",
        "pbs_namespace_delete", "pbs_remote_create", "pbs_remote_update", "pbs_user_create", "pbs_user_update", "pbs_user_delete",
        "pbs_token_create", "pbs_token_update", "pbs_acl_modify",
        *(f"pbs_traffic_control_{verb}" for verb in ("create", "update", "delete")),
        *(f"pbs_{kind}_job_{verb}" for kind in ("prune", "verify", "sync")
          for verb in ("create", "update", "delete")))},
    # not served by pvesim: the first three are of PVE 8, the others not yet; their way back is
    # compared key by key over a table of answers
    **{name: "../unit/tools/test_send.c" for name in (
        "pve_ha_group_create", "pve_ha_group_update", "pve_ha_group_delete",
        "pve_volume_update",
        # no cluster of pvesim has Ceph
        "pve_ceph_flag_set", "pve_ceph_osd_out", "pve_ceph_osd_in", "pve_ceph_mon_create",
        "pve_ceph_mon_delete", "pve_ceph_mgr_create", "pve_ceph_mgr_delete", "pve_ceph_mds_create",
        "pve_ceph_mds_delete", "pve_ceph_pool_create", "pve_ceph_pool_update",
        "pve_ceph_service_start", "pve_ceph_service_stop")},
}

# Their plans read nothing of what they change, so that their undo's check has nothing to compare.
UNREAD = ("pve_ha_arm", "pve_ha_disarm", "pve_disk_directory_create", "pve_disk_lvm_create",
          "pve_disk_lvmthin_create", "pve_disk_zfs_create")

# What changes by itself or by any change at all: no undo brings it back, and none should.
VOLATILE = [
    "tasks", "tasks/*",              # the log of what was done
    "next_*", "serial", "upid_*",    # counters
    "guests/*/started",              # when it was last started
    "guests/*/pid",
]


def flat(value, path=""):
    """{path: leaf}; an empty object or list is a leaf too."""
    if isinstance(value, dict) and value:
        out = {}
        for key, v in value.items():
            out.update(flat(v, f"{path}/{key}" if path else key))
        return out
    if isinstance(value, list) and value:
        out = {}
        for i, v in enumerate(value):
            out.update(flat(v, f"{path}/{i}"))
        return out
    return {path: value}


def left_out(path, patterns):
    """A pattern names a place and everything below it."""
    parts = path.split("/")
    return any(fnmatch.fnmatchcase("/".join(parts[:n]), p)
               for p in patterns for n in range(1, len(parts) + 1))


def difference(before, after, patterns):
    a, b = flat(before), flat(after)
    return {p: (a.get(p, "(none)"), b.get(p, "(none)")) for p in sorted({*a, *b})
            if a.get(p, "(none)") != b.get(p, "(none)") and not left_out(p, patterns)}


def clean_up(sim, calls):
    """The calls of a case's `after`; ("SDN", "", {}) takes away all there is of SDN, and applies;
    ("DESTROY", VMID, {}) a guest wherever it is."""
    for method, path, form in calls:
        if method == "DESTROY":
            g = next(g for g in sim.call("GET", "/cluster/resources", type="vm") if str(g["vmid"]) == path)
            sim.call("DELETE", f"/nodes/{g['node']}/{g['type']}/{path}")
            continue
        if method != "SDN":
            sim.call(method, path, **form)
            continue
        sdn = sim.now().get("sdn", {})
        for subnet, o in sdn.get("subnets", {}).items():
            sim.call("DELETE", f"/cluster/sdn/vnets/{o['vnet']}/subnets/{subnet}")
        for kind in ("vnets", "zones", "controllers"):
            for name in sdn.get(kind, {}):
                sim.call("DELETE", f"/cluster/sdn/{kind}/{name}")
        sim.call("PUT", "/cluster/sdn")


SAFETY = ["guests/{vmid}/snapshots/pxundo_*", "guests/{vmid}/config/parent", "guests/{vmid}/parent"]

F = "/cluster/firewall"
G = "/nodes/pve1/lxc/101/firewall"
N = "/nodes/pve1/firewall"


def rule(**form):
    return dict(type="in", action="ACCEPT", enable=1, **form)


def three(path):
    """Three rules, so that a position in the middle means something."""
    return [("POST", path, rule(macro=m, comment=m)) for m in ("SSH", "HTTP", "DNS")]


def rule_cases(name, path, names):
    full = {"before": three(path)}
    return [
        (f"{name}_rule_add", dict(names, type="in", action="DROP", proto="tcp", dport="9999",
                                  source="10.9.0.0/16", enable=1), full),
        (f"{name}_rule_update", dict(names, pos=1, comment="x", macro="HTTPS"), full),
        (f"{name}_rule_update", dict(names, pos=1, enable=0, delete=["comment"]), full),
        (f"{name}_rule_move", dict(names, pos=2, moveto=0), full),
        (f"{name}_rule_move", dict(names, pos=0, moveto=3), full),
        (f"{name}_rule_remove", dict(names, pos=1), full),
        (f"{name}_rule_remove", dict(names, pos=0), full),
    ]


def named_cases(prefix, path, names):
    adm = [("POST", f"{path}/ipset", {"name": "keep", "comment": "x"}),
           ("POST", f"{path}/ipset/keep", {"cidr": "10.0.0.0/24", "comment": "y"})]
    empty = [("POST", f"{path}/ipset", {"name": "void", "comment": "x"})]
    office = [("POST", f"{path}/aliases", {"name": "keep", "cidr": "10.0.0.7", "comment": "x"})]
    gone = {"after": [("DELETE", f"{path}/ipset/keep", {"force": 1})]}
    return [
        (f"{prefix}ipset_create", dict(names, name="fresh", comment="x"),
         {"before": adm, **gone}),
        (f"{prefix}ipset_rename", dict(names, name="other", rename="keep"),
         {"before": adm, **gone}),
        (f"{prefix}ipset_delete", dict(names, name="void"),
         {"before": adm + empty, "after": [*gone["after"], ("DELETE", f"{path}/ipset/void", {})]}),
        (f"{prefix}ipset_entry_add", dict(names, name="keep", cidr="10.1.0.0/16", nomatch=True),
         {"before": adm, **gone}),
        (f"{prefix}ipset_entry_update",
         dict(names, name="keep", cidr="10.0.0.0/24", nomatch=True, comment=""),
         {"before": adm, **gone}),
        (f"{prefix}ipset_entry_remove", dict(names, name="keep", cidr="10.0.0.0/24"),
         {"before": adm, **gone}),
        (f"{prefix}alias_create", dict(names, name="fresh", cidr="10.0.0.9"),
         {"before": office, "after": [("DELETE", f"{path}/aliases/keep", {})]}),
        (f"{prefix}alias_update", dict(names, name="keep", cidr="10.0.0.8", comment=""),
         {"before": office, "after": [("DELETE", f"{path}/aliases/keep", {})]}),
        (f"{prefix}alias_delete", dict(names, name="keep"),
         {"before": office, "after": [("DELETE", f"{path}/aliases/keep", {})]}),
    ]


FIREWALL = [
    *rule_cases("pve_firewall", f"{F}/rules", {}),
    *rule_cases("pve_node_firewall", f"{N}/rules", {"node": "pve1"}),
    *rule_cases("pve_guest_firewall", f"{G}/rules", {"vmid": 101}),
    ("pve_security_group_create", {"group": "fresh", "comment": "x"},
     {"before": [("POST", f"{F}/groups", {"group": "undoable", "comment": "x"})]}),
    ("pve_security_group_rename", {"group": "other", "rename": "undoable"},
     {"before": [("POST", f"{F}/rules", {"type": "group", "action": "undoable", "enable": 1}),
                 ("POST", f"{N}/rules", {"type": "group", "action": "undoable", "enable": 1})]}),
    *rule_cases("pve_security_group", f"{F}/groups/undoable", {"group": "undoable"}),
    ("pve_security_group_delete", {"group": "empty"},
     {"before": [("POST", f"{F}/groups", {"group": "empty", "comment": "for a while"})]}),
    *named_cases("pve_", F, {}),
    *named_cases("pve_guest_", G, {"vmid": 101}),
    ("pve_firewall_options_set", {"policy_in": "REJECT", "log_ratelimit": "enable=0"}, {}),
    ("pve_firewall_options_set", {"enable": 1, "delete": ["policy_out"]},
     {"before": [("PUT", f"{F}/options", {"enable": 0, "policy_out": "ACCEPT"})]}),
    ("pve_node_firewall_options_set", {"node": "pve1", "ndp": False}, {}),
    ("pve_guest_firewall_options_set", {"vmid": 101, "policy_in": "ACCEPT", "delete": ["dhcp"]},
     {"before": [("PUT", f"{G}/options", {"enable": 1, "dhcp": 0})]}),
]

def section_cases(prefix, path, name, make, set_, delete=None, **kept):
    """Made, changed (set and delete), deleted; `kept` is what its undo leaves behind."""
    there = [("POST", path, {**make, name: "keep"})]
    gone = [("DELETE", f"{path}/keep", {})]
    first = dict(make)
    return [
        (f"{prefix}_create", {**first, name: "fresh"}, {}),
        (f"{prefix}_update", {**set_, name: "keep", **({"delete": delete} if delete else {})},
         {"before": there, "after": gone}),
        (f"{prefix}_delete", {name: "keep"}, {"before": there, "after": gone, **kept}),
    ]


M = "/cluster/mapping"
E = "/cluster/notifications/endpoints"
PCI = ["node=pve1,path=0000:01:00.0,id=8086:1521", "node=pve2,path=0000:02:00.0,id=8086:1521"]
SECRETS = {"leaves": ["secrets"]}  # what cannot be read cannot come back

CLUSTER = [
    *section_cases("pve_mapping_pci", f"{M}/pci", "id", {"map": PCI, "description": "x"},
                   {"map": PCI[:1], "mdev": True}, ["description"]),
    *section_cases("pve_mapping_usb", f"{M}/usb", "id", {"map": ["node=pve1,id=046d:c52b"]},
                   {"map": ["node=pve2,path=1-2"], "description": "y"}),
    *section_cases("pve_mapping_dir", f"{M}/dir", "id", {"map": ["node=pve1,path=/srv/a"]},
                   {"map": ["node=pve1,path=/srv/b", "node=pve2,path=/srv/b"]}),
    ("pve_metrics_server_create", {"id": "fresh", "type": "influxdb", "server": "m.example.org",
                                   "port": 8086, "token": "s3cret-20931"}, {}),
    ("pve_metrics_server_update", {"id": "keep", "server": "n.example.org", "port": 2003,
                                   "proto": "tcp", "delete": ["path"]},
     {"before": [("POST", "/cluster/metrics/server/keep",
                  {"type": "graphite", "server": "m.example.org", "port": 2003, "path": "pve"})]}),
    ("pve_metrics_server_delete", {"id": "keep"},
     {"after": [("DELETE", "/cluster/metrics/server/keep", {})]}),
    *section_cases("pve_notification_sendmail", f"{E}/sendmail", "name",
                   {"mailto": ["a@example.org", "b@example.org"], "comment": "x"},
                   {"mailto-user": ["root@pam"], "disable": True}, ["comment"]),
    ("pve_notification_sendmail_update", {"name": "mail-to-root", "comment": "other"}, {}),
    *section_cases("pve_notification_smtp", f"{E}/smtp", "name",
                   {"server": "mx.example.org", "from-address": "pve@example.org", "port": 587,
                    "mailto": ["a@example.org"], "username": "u", "password": "s3cret-83713"},
                   {"mode": "starttls", "port": 25}, ["username"], **SECRETS),
    ("pve_notification_gotify_create", {"name": "fresh", "server": "https://g.example.org",
                                        "token": "s3cret-11087"}, {}),
    ("pve_notification_gotify_update", {"name": "keep", "server": "https://h.example.org"},
     {"before": [("POST", f"{E}/gotify", {"name": "keep", "server": "https://g.example.org",
                                          "token": "t"})]}),
    ("pve_notification_gotify_delete", {"name": "keep"}, {}),
    *section_cases("pve_notification_webhook", f"{E}/webhook", "name",
                   {"url": "https://w.example.org/{{ secrets.k }}", "method": "post",
                    "header": ["name=A,value=Yg=="], "secret": "name=k,value=czNjcmV0"},
                   {"method": "put", "body": "eHk=", "delete": ["header"]}, **SECRETS),
    *section_cases("pve_notification_matcher", "/cluster/notifications/matchers", "name",
                   {"target": ["mail-to-root"], "match-severity": ["error"], "comment": "x"},
                   {"match-field": ["exact:type=vzdump", "exact:hostname=pve1"], "mode": "any"},
                   ["match-severity", "comment"]),
    ("pve_notification_matcher_update", {"name": "default-matcher", "disable": True}, {}),
    ("pve_acme_plugin_create", {"id": "fresh", "type": "dns", "api": "cf",
                                "data": "Q0ZfVG9rZW49czNjcmV0LTM3"}, {}),
    ("pve_acme_plugin_update", {"id": "keep", "nodes": ["pve1"], "delete": ["validation-delay"]},
     {"before": [("POST", "/cluster/acme/plugins", {"id": "keep", "type": "dns", "api": "cf",
                                                    "validation-delay": 60})]}),
    ("pve_acme_plugin_delete", {"id": "keep"},
     {"after": [("DELETE", "/cluster/acme/plugins/keep", {})]}),
    ("pve_realm_sync_job_create", {"id": "fresh", "realm": "pve", "schedule": "daily"}, {}),
    ("pve_realm_sync_job_update", {"id": "keep", "schedule": "weekly", "scope": "users",
                                   "delete": ["comment"]},
     {"before": [("POST", "/cluster/jobs/realm-sync/keep",
                  {"realm": "pve", "schedule": "daily", "comment": "x"})]}),
    ("pve_realm_sync_job_delete", {"id": "keep"},
     {"after": [("DELETE", "/cluster/jobs/realm-sync/keep", {})]}),
    # nodes' own settings, and the cluster's
    ("pve_node_dns_set", {"node": "pve1", "search": "b.invalid", "dns1": "192.0.2.9"},
     {"before": [("PUT", "/nodes/pve1/dns", {"search": "a.invalid", "dns1": "192.0.2.7",
                                             "dns2": "192.0.2.8"})]}),
    ("pve_node_time_set", {"node": "pve1", "timezone": "Europe/Vienna"},
     {"before": [("PUT", "/nodes/pve1/time", {"timezone": "UTC"})]}),
    ("pve_node_hosts_set", {"node": "pve1", "data": "127.0.0.1 localhost\n192.0.2.11 pve1\n"},
     {"before": [("POST", "/nodes/pve1/hosts", {"data": "127.0.0.1 localhost\n"})]}),
    ("pve_node_config_set", {"node": "pve1", "set": {"description": "two\nlines"}}, {}),
    ("pve_node_config_set", {"node": "pve2", "set": {"wakeonlan": "02:00:00:00:00:01"},
                             "delete": ["startall-onboot-delay"]},
     {"before": [("PUT", "/nodes/pve2/config", {"startall-onboot-delay": 5})]}),
    ("pve_cluster_options_set", {"set": {"migration": "type=insecure,network=192.0.2.0/24",
                                         "description": "x", "keyboard": "de"}}, {}),
    ("pve_cluster_options_set", {"set": {"migration": "type=secure"}, "delete": ["max_workers"]},
     {"before": [("PUT", "/cluster/options", {"max_workers": 7, "migration": "type=insecure"})]}),
    # services, package sources
    ("pve_node_service_stop", {"node": "pve1", "service": "pvescheduler"}, {}),
    ("pve_node_service_start", {"node": "pve1", "service": "postfix"},
     {"before": [("POST", "/nodes/pve1/services/postfix/stop", {})],
      "after": [("POST", "/nodes/pve1/services/postfix/start", {})]}),
    ("pve_node_service_restart", {"node": "pve1", "service": "pvestatd"}, {"same": True}),
    ("pve_apt_repository_set", {"node": "pve1", "index": 0, "enabled": True,
                                "path": "/etc/apt/sources.list.d/proxmox.sources"}, {}),
    ("pve_apt_update", {"node": "pve1"}, {"same": True}),
    # disks
    ("pve_disk_lvm_create", {"node": "pve1", "name": "vg1", "device": "/dev/sdb"}, {}),
    ("pve_disk_lvmthin_create", {"node": "pve1", "name": "thin1", "device": "/dev/sdb",
                                 "add_storage": True}, {}),
    ("pve_disk_zfs_create", {"node": "pve2", "name": "tank", "devices": ["/dev/sdb", "/dev/sdc"],
                             "raidlevel": "mirror", "add_storage": True}, {}),
    ("pve_disk_directory_create", {"node": "pve1", "name": "more1", "device": "/dev/sdc"}, {}),
    ("pve_disk_zfs_destroy", {"node": "pve1", "name": "tank"},
     {"before": [("POST", "/nodes/pve1/disks/zfs", {"name": "tank", "devices": "/dev/sdd",
                                                    "raidlevel": "single"})]}),
]

NET = "/nodes/pve1/network"
BRIDGE = ("POST", NET, {"iface": "vmbr9", "type": "bridge", "autostart": 1, "bridge_ports": "",
                        "cidr": "198.51.100.1/26", "comments": "for a while"})
FORGET = {"after": [("DELETE", NET, {})]}
SMALLER = ("PUT", NET + "/vmbr0", {"type": "bridge", "cidr": "192.0.2.11/24", "mtu": 1400})
VLAN = ("POST", NET, {"iface": "eno1.7", "type": "vlan", "autostart": 1})

NETWORK = [
    ("pve_network_iface_create", {"node": "pve1", "iface": "vmbr9", "type": "bridge", "autostart": True,
                                  "cidr": "198.51.100.1/26", "bridge_ports": []}, {}),
    ("pve_network_iface_create", {"node": "pve1", "iface": "bond0", "type": "bond", "slaves": ["vlan0"]},
     {"before": [("POST", NET, {"iface": "vlan0", "type": "eth"})], **FORGET}),
    ("pve_network_iface_update", {"node": "pve1", "iface": "vmbr0", "mtu": 1400, "comments": "x"}, {}),
    ("pve_network_iface_update", {"node": "pve1", "iface": "vmbr9", "delete": ["cidr", "comments"],
                                  "bridge_vlan_aware": True, "bridge_vids": "2-20"},
     {"before": [BRIDGE], **FORGET}),
    ("pve_network_iface_update", {"node": "pve1", "iface": "vmbr9", "delete": ["bridge_vlan_aware"]},
     {"before": [BRIDGE, ("PUT", NET + "/vmbr9", {"type": "bridge", "bridge_vlan_aware": 1,
                                                  "bridge_vids": "5 6", "cidr6": "fd00::1/64"})],
      **FORGET}),
    ("pve_network_iface_delete", {"node": "pve1", "iface": "vmbr9"}, {"before": [BRIDGE], **FORGET}),
    ("pve_network_iface_delete", {"node": "pve1", "iface": "vmbr0"}, {}),
    ("pve_network_revert", {"node": "pve1"}, {"before": [BRIDGE, SMALLER, VLAN], **FORGET}),
    ("pve_network_apply", {"node": "pve1"}, {"before": [BRIDGE, SMALLER, VLAN], **FORGET}),
    # ports change hands, both ways, and the gateway with them
    ("pve_network_apply", {"node": "pve1"},
     {"before": [("POST", NET, {"iface": "eno2", "type": "eth"}), BRIDGE,
                 ("PUT", NET + "/vmbr0", {"type": "bridge", "bridge_ports": "eno2", "delete": "gateway",
                                          "cidr": "192.0.2.11/24"}),
                 ("PUT", NET + "/vmbr9", {"type": "bridge", "bridge_ports": "eno1", "mtu": 1500,
                                          "cidr": "192.0.2.111/24", "gateway": "192.0.2.1"})],
      **FORGET}),
    ("pve_network_apply", {"node": "pve1"},
     {"before": [("DELETE", NET + "/vmbr0", {}), ("POST", NET, {"iface": "bond0", "type": "bond",
                                                                "slaves": "eno1"}),
                 ("POST", NET, {"iface": "vmbr1", "type": "bridge", "bridge_ports": "bond0.5"})],
      **FORGET}),
]

S = "/cluster/sdn"
ZONE = ("POST", S + "/zones", {"zone": "z1", "type": "vlan", "bridge": "vmbr0", "nodes": "pve1,pve2"})
VNET = ("POST", S + "/vnets", {"vnet": "v1", "zone": "z1", "tag": 5, "alias": "tenant"})
SUBNET = ("POST", S + "/vnets/v1/subnets", {"subnet": "10.8.0.0/24", "type": "subnet",
                                            "gateway": "10.8.0.1", "snat": 1})
NO_ZONE = ("DELETE", S + "/zones/z1", {})
NO_VNET = ("DELETE", S + "/vnets/v1", {})
NO_SUBNET = ("DELETE", S + "/vnets/v1/subnets/z1-10.8.0.0-24", {})

# A vnet that runs, with three rules: the firewall of one that is only configured is refused.
VNET_FW = S + "/vnets/v1/firewall"
RUNS = {"before": [ZONE, VNET, ("PUT", S, {}),
                   *[("POST", f"{VNET_FW}/rules", dict(type="forward", action="ACCEPT", enable=1, macro=m,
                                                       comment=m)) for m in ("SSH", "HTTP", "DNS")],
                   ("PUT", f"{VNET_FW}/options", {"enable": 1, "policy_forward": "DROP"})],
        "after": [*[("DELETE", f"{VNET_FW}/rules/0", {})] * 3,
                  ("PUT", f"{VNET_FW}/options", {"delete": "enable,policy_forward"}),
                  NO_VNET, NO_ZONE, ("PUT", S, {})]}
VNETS = [
    ("pve_vnet_firewall_rule_add", {"vnet": "v1", "type": "forward", "action": "DROP", "proto": "tcp",
                                    "dport": "9999", "enable": 1}, RUNS),
    ("pve_vnet_firewall_rule_update", {"vnet": "v1", "pos": 1, "comment": "x", "macro": "HTTPS"}, RUNS),
    ("pve_vnet_firewall_rule_move", {"vnet": "v1", "pos": 2, "moveto": 0}, RUNS),
    ("pve_vnet_firewall_rule_remove", {"vnet": "v1", "pos": 1}, RUNS),
    ("pve_vnet_firewall_options_set", {"vnet": "v1", "policy_forward": "ACCEPT", "delete": ["enable"]},
     RUNS),
]

# Something runs, and something of every kind is pending: changed, new and gone; a tag wanders.
PENDING = [
    ("POST", S + "/controllers", {"controller": "ctl5", "type": "evpn", "asn": 65000, "peers": "10.0.0.1"}),
    ZONE, VNET, SUBNET, ("POST", S + "/zones", {"zone": "z2", "type": "simple"}),
    ("POST", S + "/vnets", {"vnet": "v2", "zone": "z2"}),
    ("POST", S + "/vnets", {"vnet": "v3", "zone": "z1", "tag": 7}),
    ("POST", S + "/vnets/v2/subnets", {"subnet": "10.7.0.0/24", "type": "subnet", "gateway": "10.7.0.1",
                                       "dhcp-range": "start-address=10.7.0.9,end-address=10.7.0.99"}),
    ("PUT", S, {}),
    ("PUT", S + "/controllers/ctl5", {"asn": 65001, "delete": "peers"}),
    ("POST", S + "/zones", {"zone": "z3", "type": "evpn", "controller": "ctl5", "vrf-vxlan": 9}),
    ("PUT", S + "/vnets/v3", {"tag": 8}), ("PUT", S + "/vnets/v1", {"tag": 7, "delete": "alias"}),
    ("PUT", S + "/vnets/v1/subnets/z1-10.8.0.0-24", {"gateway": "10.8.0.2", "delete": "snat"}),
    ("POST", S + "/vnets", {"vnet": "v4", "zone": "z3", "tag": 99}),
    ("POST", S + "/vnets/v4/subnets", {"subnet": "10.6.0.0/24", "type": "subnet"}),
    ("DELETE", S + "/vnets/v2/subnets/z2-10.7.0.0-24", {}), ("DELETE", S + "/vnets/v2", {}),
    ("DELETE", S + "/zones/z2", {}),
]
# A zone of another type under the same name, with what is in it; a vnet that moves to another zone.
ANEW = [
    ZONE, VNET, ("POST", S + "/zones", {"zone": "z2", "type": "simple"}),
    ("POST", S + "/vnets", {"vnet": "v2", "zone": "z2"}),
    ("POST", S + "/vnets/v2/subnets", {"subnet": "10.7.0.0/24", "type": "subnet"}),
    ("PUT", S, {}),
    ("DELETE", S + "/vnets/v2/subnets/z2-10.7.0.0-24", {}), ("DELETE", S + "/vnets/v2", {}),
    ("DELETE", S + "/zones/z2", {}), ("POST", S + "/zones", {"zone": "z2", "type": "vxlan", "peers": "10.0.0.1"}),
    ("POST", S + "/vnets", {"vnet": "v2", "zone": "z2", "tag": 70}),
    ("PUT", S + "/vnets/v1", {"zone": "z2", "tag": 71}),
    ("POST", S + "/vnets/v1/subnets", {"subnet": "10.7.0.0/24", "type": "subnet"}),
]
# Nothing is left of either, pending or running.
APPLIED = [("SDN", "", {})]

SDN = [
    *VNETS,
    ("pve_sdn_zone_create", {"zone": "z9", "type": "vxlan", "peers": ["10.0.0.1", "10.0.0.2"], "mtu": 1450}, {}),
    ("pve_sdn_zone_update", {"zone": "z1", "bridge": "vmbr1", "delete": ["nodes"]},
     {"before": [ZONE], "after": [NO_ZONE]}),
    ("pve_sdn_zone_delete", {"zone": "z1"}, {"before": [ZONE], "after": [NO_ZONE]}),
    ("pve_sdn_vnet_create", {"vnet": "v9", "zone": "z1", "tag": 9, "vlanaware": True},
     {"before": [ZONE], "after": [NO_ZONE]}),
    ("pve_sdn_vnet_update", {"vnet": "v1", "tag": 6, "isolate-ports": True, "delete": ["alias"]},
     {"before": [ZONE, VNET], "after": [NO_VNET, NO_ZONE]}),
    ("pve_sdn_vnet_delete", {"vnet": "v1"}, {"before": [ZONE, VNET], "after": [NO_VNET, NO_ZONE]}),
    ("pve_sdn_subnet_create", {"vnet": "v1", "subnet": "10.9.0.0/24", "gateway": "10.9.0.1", "snat": True,
                               "dhcp-range": ["start-address=10.9.0.10,end-address=10.9.0.20",
                                              "start-address=10.9.0.30,end-address=10.9.0.40"]},
     {"before": [ZONE, VNET], "after": [NO_VNET, NO_ZONE]}),
    ("pve_sdn_subnet_delete", {"vnet": "v1", "subnet": "z1-10.8.0.0-24"},
     {"before": [ZONE, VNET, SUBNET], "after": [NO_SUBNET, NO_VNET, NO_ZONE]}),
    ("pve_sdn_subnet_delete", {"vnet": "v1", "subnet": "z1-fd00::-64"},
     {"before": [ZONE, VNET, ("POST", S + "/vnets/v1/subnets", {
         "subnet": "fd00::/64", "type": "subnet", "gateway": "fd00::1", "dhcp-dns-server": "fd00::53",
         "dhcp-range": ["start-address=fd00::10,end-address=fd00::20"]})],
      "after": [("DELETE", S + "/vnets/v1/subnets/z1-fd00::-64", {}), NO_VNET, NO_ZONE]}),
    ("pve_sdn_subnet_update", {"vnet": "v1", "subnet": "z1-10.8.0.0-24", "gateway": "10.8.0.2",
                               "delete": ["snat"]},
     {"before": [ZONE, VNET, SUBNET], "after": [NO_SUBNET, NO_VNET, NO_ZONE]}),
    ("pve_sdn_controller_create", {"controller": "ctl9", "type": "evpn", "asn": 65000,
                                   "peers": ["10.0.0.1"]}, {}),
    ("pve_sdn_controller_update", {"controller": "ctl1", "asn": 65001, "delete": ["peers"]},
     {"before": [("POST", S + "/controllers", {"controller": "ctl1", "type": "evpn", "asn": 65000,
                                               "peers": "10.0.0.1,10.0.0.2"})]}),
    ("pve_sdn_controller_delete", {"controller": "ctl1"},
     {"after": [("DELETE", S + "/controllers/ctl1", {})]}),
    ("pve_sdn_ipam_create", {"ipam": "nb9", "type": "netbox", "url": "https://n.example.org"}, {}),
    ("pve_sdn_ipam_update", {"ipam": "nb1", "url": "https://m.example.org"},
     {"before": [("POST", S + "/ipams", {"ipam": "nb1", "type": "netbox", "url": "https://n.example.org"})]}),
    ("pve_sdn_ipam_delete", {"ipam": "nb1"}, {"after": [("DELETE", S + "/ipams/nb1", {})]}),
    ("pve_sdn_dns_create", {"dns": "pd9", "type": "powerdns", "url": "http://d.example.org", "key": "s3cret-55"},
     {}),
    ("pve_sdn_dns_update", {"dns": "pd1", "ttl": 300},
     {"before": [("POST", S + "/dns", {"dns": "pd1", "type": "powerdns", "url": "http://d.example.org",
                                       "key": "k"})], "after": [("DELETE", S + "/dns/pd1", {})]}),
    # what is new, changed and gone is all pending: an apply and what it takes along, and forgetting
    ("pve_sdn_apply", {}, {"before": PENDING, "after": APPLIED}),
    ("pve_sdn_apply", {}, {"before": [*PENDING, BRIDGE, SMALLER], "after": [*APPLIED, *FORGET["after"]]}),
    ("pve_sdn_apply", {}, {"before": ANEW, "after": APPLIED}),
    ("pve_sdn_rollback", {}, {"before": PENDING, "after": APPLIED}),
    ("pve_sdn_rollback", {}, {"before": ANEW, "after": APPLIED}),
    ("pve_sdn_apply", {}, {"before": [("POST", S + "/zones", {"zone": "z7", "type": "simple"}),
                                      ("POST", S + "/vnets", {"vnet": "v7", "zone": "z7"})],
                           "after": [("POST", S + "/rollback", {})]}),
    # without a way back: what it leaves is named apart
    ("pve_sdn_dns_delete", {"dns": "pd2"},
     {"before": [("POST", S + "/dns", {"dns": "pd2", "type": "powerdns", "url": "http://d.example.org",
                                       "key": "k"})]}),
]

# pve1 as preferred as pve2, or HA's manager brings 302 back at once, and the undo finds it gone.
ANYWHERE = {"before": [("PUT", "/cluster/ha/rules/dns-near-core",
                        {"type": "node-affinity", "nodes": "pve1,pve2"})],
            "after": [("PUT", "/cluster/ha/rules/dns-near-core",
                       {"type": "node-affinity", "nodes": "pve1:1,pve2:2"})]}

def archive(kind, vmid):
    end = "vma.zst" if kind == "qemu" else "tar.zst"
    return f"backup:backup/vzdump-{kind}-{vmid}-2026_11_20-02_30_05.{end}"


def again(volid):
    """A volume that comes back is a copy: made now, and not known how much of it is used."""
    return {"leaves": [f"volumes/{volid}/{key}" for key in ("ctime", "used", "parent")]}


MORE_ZFS = {"storage": "more-zfs", "type": "zfspool", "pool": "rpool/more", "content": "images,rootdir",
            "sparse": 1}

# What is made, and goes again as long as it is what was made; its conflicts are in undo_conflicts.py.
NEW_CT = {"node": "pve1", "vmid": 310, "ostemplate": "local:vztmpl/x.tar.zst",
          "set": {"hostname": "new", "memory": 256, "rootfs": "local-zfs:1"}}
NEW_VM = {"node": "pve2", "vmid": 311, "set": {"name": "new", "memory": 512, "scsi0": "local-zfs:4"}}
MADE = [
    ("pve_create_container", NEW_CT, {}),
    ("pve_create_container", {**NEW_CT, "start": True, "pool": "prod"}, {}),
    ("pve_create_vm", NEW_VM, {}),
    ("pve_create_vm", {**NEW_VM, "start": True}, {}),
    ("pve_clone", {"vmid": 213, "newid": 312}, {}),  # linked to its template
    ("pve_clone", {"vmid": 214, "newid": 312, "full": True, "storage": "local-zfs"}, {}),
    ("pve_clone", {"vmid": 301, "newid": 313, "full": True, "storage": "nfs-vm"},
     {"before": [("POST", "/nodes/pve3/lxc/301/status/stop", {})],
      "after": [("POST", "/nodes/pve3/lxc/301/status/start", {})]}),
    ("pve_restore_ct", {"node": "pve2", "vmid": 314, "archive": archive("lxc", 101), "storage": "nfs-vm",
                        "unique": True}, {}),
    ("pve_restore_vm", {"node": "pve2", "vmid": 315, "archive": archive("qemu", 104), "unique": True,
                        "start": True}, {}),
    # a whole chain: what the later steps did to the new guest goes with it, the rest is taken back
    ("proximo_plan_steps", {"steps": [
        {"row": "pve_create_vm", "args": NEW_VM},
        {"row": "pve_guest_config_set", "args": {"vmid": 311, "set": {"memory": 1024, "tags": "x"}}},
        {"row": "pve_disk_resize", "args": {"vmid": 311, "disk": "scsi0", "size": "6G"}},
        {"row": "pve_pool_members_add", "args": {"poolid": "prod", "vms": ["311"]}},
        {"row": "pve_guest_power", "args": {"vmid": 311, "action": "start"}}]}, {}),
    # disks: the original is deleted, or kept and left behind; from one guest to another
    ("pve_disk_move", {"vmid": 210, "disk": "scsi0", "storage": "nfs-vm", "format": "qcow2",
                       "delete": True}, again("local-zfs:vm-210-disk-0")),
    ("pve_disk_move", {"vmid": 104, "disk": "scsi0", "storage": "nfs-vm"},
     {"leaves": ["guests/104/config/scsi0", "guests/104/config/unused0", "volumes/local-zfs:vm-104-disk-1"],
      "check": "finding",
      "after": [("PUT", "/nodes/pve1/qemu/104/config", {"scsi0": "local-zfs:vm-104-disk-0,size=64G"})]}),
    ("pve_disk_move", {"vmid": 320, "disk": "scsi1", "target-vmid": 321, "target-disk": "scsi3"},
     {"before": [("POST", "/nodes/pve1/qemu", {"vmid": 320, "scsi1": "local-zfs:1,ssd=1"}),
                 ("POST", "/nodes/pve1/qemu", {"vmid": 321})],
      "after": [("DELETE", "/nodes/pve1/qemu/320", {}), ("DELETE", "/nodes/pve1/qemu/321", {})]}),
    ("pve_ct_volume_move", {"vmid": 303, "volume": "rootfs", "storage": "local-zfs", "delete": True},
     again("nfs-vm:303/vm-303-disk-0.raw")),
    # volumes and files
    ("pve_volume_alloc", {"node": "pve1", "storage": "local-zfs", "vmid": 104, "filename": "vm-104-disk-7",
                          "size": "2G"}, {}),
    ("pve_volume_alloc", {"node": "pve1", "storage": "nfs-vm", "vmid": 104,
                          "filename": "vm-104-disk-7.qcow2", "size": "2G", "format": "qcow2"}, {}),
    ("pve_storage_download", {"node": "pve1", "storage": "local", "content": "iso", "filename": "a.iso",
                              "url": "https://example.org/a.iso"}, {}),
    ("pve_template_download", {"node": "pve1", "storage": "local", "template": "debian-13.tar.zst"}, {}),
    ("pve_template_download", {"node": "pve1", "storage": "local", "template": "there.tar.zst"},
     {"before": [("POST", "/nodes/pve1/aplinfo", {"storage": "local", "template": "there.tar.zst"})],
      "undo": "none", "same": True}),
    ("pve_volume_copy", {"node": "pve2", "storage": "local-zfs", "volume": "local-zfs:vm-210-disk-0",
                         "target": "vm-210-disk-5"}, {}),
    # over a guest that is there: what it held is gone
    ("pve_restore_ct", {"node": "pve1", "vmid": 330, "archive": archive("lxc", 101), "storage": "nfs-vm",
                        "force": True},
     {"before": [("POST", "/nodes/pve1/lxc", {"vmid": 330, "ostemplate": "local:vztmpl/x.tar.zst",
                                              "rootfs": "local-zfs:1"})], "undo": "none",
      "after": [("DELETE", "/nodes/pve1/lxc/330", {})]}),
]

CASES = [
    *MADE,
    *NETWORK,
    *SDN,
    # power: both kinds, each way; a guest that the HA manager looks after
    ("pve_guest_power", {"vmid": 303, "action": "start"}, {}),
    ("pve_guest_power", {"vmid": 214, "action": "start"}, {}),
    ("pve_guest_power", {"vmid": 101, "action": "stop"}, {}),
    ("pve_guest_power", {"vmid": 101, "action": "shutdown"}, {}),
    ("pve_guest_power", {"vmid": 105, "action": "stop"}, {}),
    ("pve_guest_power", {"vmid": 302, "action": "shutdown"}, {}),
    ("pve_guest_power", {"vmid": 105, "action": "reboot"}, {"undo": "none", "same": True}),
    # configuration: set, add, delete; stopped, running (it waits as pending), hot-plugged
    ("pve_guest_config_set", {"vmid": 303, "set": {"memory": 777}}, {}),
    ("pve_guest_config_set", {"vmid": 303, "set": {"tags": "a;b", "onboot": 1}}, {}),
    ("pve_guest_config_set", {"vmid": 303, "delete": ["swap"]}, {}),
    ("pve_guest_config_set", {"vmid": 303, "set": {"description": "two\nlines"}}, {}),
    ("pve_guest_config_set", {"vmid": 214, "set": {"cores": 3}, "delete": ["ide2"]}, {}),
    ("pve_guest_config_set", {"vmid": 214, "set": {"ciuser": "ops"}, "cipassword": "s3cret-93812"}, {}),
    ("pve_guest_config_set", {"vmid": 101, "set": {"memory": 640}}, {}),
    ("pve_guest_config_set", {"vmid": 101, "set": {"hostname": "web-02"}}, {}),
    ("pve_guest_config_set", {"vmid": 105, "set": {"memory": 8192}}, {}),
    ("pve_guest_config_set", {"vmid": 105, "set": {"sockets": 2}}, {}),
    ("pve_guest_config_set", {"vmid": 105, "delete": ["bootdisk", "cores"]}, {}),
    ("pve_guest_config_set", {"vmid": 105, "set": {"memory": 6144}},
     {"before": [("PUT", "/nodes/pve2/qemu/105/config", {"memory": 5120})],
      "after": [("PUT", "/nodes/pve2/qemu/105/config", {"revert": "memory"})]}),
    # disks that are taken out and attached again: the boot disk of a VM that is off, one of a running VM
    ("pve_disk_unlink", {"vmid": 214, "idlist": ["scsi0"]}, {}),
    ("pve_disk_unlink", {"vmid": 105, "idlist": ["scsi0"]}, {}),
    ("pve_disk_unlink", {"vmid": 105, "idlist": ["scsi1"]},
     {"before": [("PUT", "/nodes/pve2/qemu/105/config",
                  {"scsi1": "nfs-vm:105/vm-105-disk-1.qcow2,size=10G"})],
      "after": [("PUT", "/nodes/pve2/qemu/105/config", {"delete": "scsi1"})]}),
    # snapshots
    ("pve_snapshot_create", {"vmid": 105, "snapname": "s1", "description": "x"}, {}),
    ("pve_snapshot_create", {"vmid": 101, "snapname": "s1"}, {}),
    ("pve_snapshot_delete", {"vmid": 105, "snapname": "before_upgrade"}, {}),
    ("pve_rollback", {"vmid": 105, "snapname": "nightly"}, {"leaves": [*SAFETY, "guests/105/config/vmgenid"]}),
    # storage definitions
    ("pve_storage_create", {"storage": "more", "type": "dir",
                            "set": {"path": "/srv/more", "content": "images,iso"}}, {}),
    ("pve_storage_update", {"storage": "backup", "set": {"disable": 1}}, {}),
    ("pve_storage_update", {"storage": "nfs-vm",
                            "set": {"nodes": "pve1,pve2", "content": "images"}}, {}),
    ("pve_storage_update", {"storage": "backup", "delete": ["prune-backups"]}, {}),
    ("pve_storage_delete", {"storage": "nfs-vm"}, {}),
    ("pve_storage_delete", {"storage": "local-zfs"}, {}),
    # PVE takes its access entries and its place in pools along
    ("pve_storage_delete", {"storage": "local-zfs"}, {"before": [
        ("PUT", "/access/acl", {"path": "/storage/local-zfs", "roles": "PVEDatastoreUser", "users": "auditor@pve"}),
        ("PUT", "/pools", {"poolid": "prod", "storage": "local-zfs"})]}),
    # pools
    ("pve_pool_create", {"poolid": "extra", "comment": "x"}, {}),
    ("pve_pool_update", {"poolid": "prod", "comment": "other"}, {}),
    ("pve_pool_update", {"poolid": "prod", "comment": ""}, {}),
    ("pve_pool_members_add", {"poolid": "prod", "vms": ["302"], "storage": ["backup"]}, {}),
    ("pve_pool_members_remove", {"poolid": "prod", "vms": ["101", "301"]}, {}),
    ("pve_pool_delete", {"poolid": "empty"},
     {"before": [("POST", "/pools", {"poolid": "empty", "comment": "for a while"})]}),
    # access: what goes takes its ACL entries along, and they come back with it
    ("pve_user_create", {"userid": "new@pve", "comment": "x", "email": "a@example.org"}, {}),
    ("pve_user_update", {"userid": "gone@pve", "comment": "other", "enable": False},
     {"before": [("POST", "/access/users", {"userid": "gone@pve", "comment": "c"})]}),
    ("pve_user_delete", {"userid": "gone@pve"},
     {"before": [("PUT", "/access/acl", {"path": "/vms/101", "roles": "PVEVMUser",
                                         "users": "gone@pve", "propagate": "0"})]}),
    ("pve_group_create", {"groupid": "ops", "comment": "x"}, {}),
    ("pve_group_update", {"groupid": "ops", "comment": "y"},
     {"before": [("POST", "/access/groups", {"groupid": "ops", "comment": "x"})]}),
    ("pve_group_delete", {"groupid": "ops"},
     {"before": [("PUT", "/access/acl", {"path": "/storage", "roles": "PVEDatastoreUser",
                                         "groups": "ops"})]}),
    ("pve_role_create", {"roleid": "Mine", "privs": ["VM.Audit", "VM.Console"]}, {}),
    ("pve_role_update", {"roleid": "Mine", "privs": ["VM.Audit"]},
     {"before": [("POST", "/access/roles", {"roleid": "Mine", "privs": "VM.Audit,VM.PowerMgmt"})]}),
    ("pve_role_delete", {"roleid": "Mine"}, {}),
    ("pve_token_update", {"userid": "gone@pve", "tokenid": "t2", "comment": "y"},
     {"before": [("POST", "/access/users/gone@pve/token/t2", {"comment": "x"})]}),
    ("pve_token_create", {"userid": "gone@pve", "tokenid": "t1", "comment": "x"}, {}),
    ("pve_acl_modify", {"path": "/vms/101", "roles": ["PVEAuditor"], "users": ["gone@pve"],
                        "propagate": False}, {}),
    ("pve_acl_modify", {"path": "/vms/101", "roles": ["PVEVMUser"], "users": ["gone@pve"],
                        "delete": True}, again("local-zfs:vm-210-disk-0")),
    ("pve_acl_prune", {}, {"before": [("PUT", "/access/acl", {
        "path": "/storage/gone", "roles": "PVEAuditor", "users": "gone@pve", "propagate": 0})]}),
    ("pve_realm_create", {"realm": "corp", "type": "ldap", "server1": "ldap.example.org",
                          "base_dn": "dc=example", "user_attr": "uid", "mode": "ldaps",
                          "verify": True}, {}),
    ("pve_realm_update", {"realm": "corp2", "server1": "b.example.org", "port": 636,
                          "delete": ["comment"]},
     {"before": [("POST", "/access/domains", {"realm": "corp2", "type": "ldap", "comment": "c",
                                              "server1": "a.example.org", "base_dn": "dc=example",
                                              "user_attr": "uid"})]}),
    ("pve_realm_delete", {"realm": "corp2"},
     {"after": [("DELETE", "/access/domains/corp2", {})]}),
    # backup jobs, HA
    ("pve_backup_job_create", {"id": "extra", "schedule": "sun 03:00", "storage": "backup",
                               "vmid": ["101"], "mode": "snapshot",
                               "prune-backups": "keep-last=2"}, {}),
    ("pve_backup_job_update", {"id": "extra2", "schedule": "mon 03:00", "delete": ["comment"]},
     {"before": [("POST", "/cluster/backup", {"id": "extra2", "schedule": "sun 03:00",
                                              "storage": "backup", "vmid": "101",
                                              "comment": "c", "prune-backups": "keep-last=3"})]}),
    ("pve_backup_job_update", {"id": "extra2", "all": True, "exclude": ["104"]}, {}),
    ("pve_backup_job_update", {"id": "extra3", "vmid": ["101"]},
     {"before": [("POST", "/cluster/backup", {"id": "extra3", "schedule": "sun 03:00",
                                              "storage": "backup", "all": 1,
                                              "exclude": "104,303"})]}),
    ("pve_backup_job_delete", {"id": "extra2"}, {}),
    ("pve_ha_resource_add", {"sid": "ct:303", "state": "stopped", "comment": "x"}, {}),
    ("pve_ha_resource_update", {"sid": "ct:303", "comment": "y", "max_restart": 3},
     {"before": [("POST", "/cluster/ha/resources", {"sid": "ct:303", "state": "stopped"})]}),
    ("pve_ha_resource_remove", {"sid": "ct:303"},
     {"after": [("DELETE", "/cluster/ha/resources/ct:303", {})]}),
    ("pve_ha_resource_migrate", {"sid": "ct:302", "node": "pve1"}, ANYWHERE),
    ("pve_ha_resource_relocate", {"sid": "ct:302", "node": "pve1"}, ANYWHERE),
    ("pve_ha_disarm", {"resource-mode": "freeze"}, {}),
    ("pve_ha_arm", {}, {"before": [("POST", "/cluster/ha/status/disarm-ha", {"resource-mode": "ignore"})],
                        "after": [("POST", "/cluster/ha/status/arm-ha", {})]}),
    # moves between nodes: live, and stopped with its disks
    ("pve_guest_migrate", {"vmid": 105, "target": "pve1", "online": True}, {}),
    ("pve_guest_migrate", {"vmid": 214, "target": "pve2"}, {}),
    # its disks change storage on the way, and back; two storages' disks that end on one cannot
    ("pve_guest_migrate", {"vmid": 210, "target": "pve1", "targetstorage": ["local-zfs:more-zfs"]},
     {"before": [("POST", "/storage", MORE_ZFS), ("PUT", "/nodes/pve2/qemu/210/config", {"protection": 0})],
      "after": [("DELETE", "/storage/more-zfs", {})], **again("local-zfs:vm-210-disk-0")}),
    ("pve_guest_migrate", {"vmid": 322, "target": "pve1", "targetstorage": ["more-zfs"]},
     {"before": [("POST", "/storage", MORE_ZFS),
                 ("POST", "/nodes/pve2/qemu", {"vmid": 322, "scsi0": "local-zfs:1", "scsi1": "more-zfs:1"})],
      "undo": "none", "after": [("DESTROY", "322", {}), ("DELETE", "/storage/more-zfs", {})]}),
    ("pve_node_evacuate", {"node": "pve2", "restart": True}, ANYWHERE),
    ("pve_vm_suspend", {"vmid": 105}, {}),
    ("pve_vm_resume", {"vmid": 105},
     {"before": [("POST", "/nodes/pve2/qemu/105/status/suspend", {})],
      "after": [("POST", "/nodes/pve2/qemu/105/status/resume", {})]}),
    ("pve_ha_rule_create", {"rule": "keep", "type": "node-affinity", "resources": ["ct:303"],
                            "nodes": ["pve1:2", "pve2"], "strict": True},
     {"before": [("POST", "/cluster/ha/resources", {"sid": "ct:303", "state": "stopped"})]}),
    ("pve_ha_rule_update", {"rule": "keep2", "type": "node-affinity", "nodes": ["pve2"],
                            "delete": ["comment"], "disable": True},
     {"before": [("POST", "/cluster/ha/rules", {"rule": "keep2", "type": "node-affinity",
                                                "resources": "ct:303", "nodes": "pve1",
                                                "comment": "c"})]}),
    ("pve_ha_rule_delete", {"rule": "keep2"},
     {"after": [("DELETE", "/cluster/ha/rules/keep2", {}),
                ("DELETE", "/cluster/ha/resources/ct:303", {})]}),
    ("pve_replication_create", {"id": "303-1", "target": "pve2", "schedule": "*/15",
                                "comment": "x"}, {}),
    ("pve_replication_update", {"id": "303-2", "schedule": "*/30", "delete": ["comment"]},
     {"before": [("POST", "/cluster/replication", {"id": "303-2", "target": "pve2",
                                                   "type": "local", "comment": "c"})]}),
    ("pve_replication_delete", {"id": "303-2"}, {}),
    ("pve_ct_suspend", {"vmid": 101}, {}),
    ("pve_ct_resume", {"vmid": 101},
     {"before": [("POST", "/nodes/pve1/lxc/101/status/suspend", {})],
      "after": [("POST", "/nodes/pve1/lxc/101/status/resume", {})]}),
    # all guests of a node: of some that run and some that do not, only those that changed go back
    ("pve_node_stopall", {"node": "pve1"}, {}),
    ("pve_node_stopall", {"node": "pve2", "vms": ["105", "302"]}, ANYWHERE),
    ("pve_node_startall", {"node": "pve1", "force": True}, {}),
    ("pve_node_startall", {"node": "pve1", "vms": ["303", "101"], "force": True}, {}),
    ("pve_node_startall", {"node": "pve3"}, {"undo": "none", "same": True}),
    ("pve_node_suspendall", {"node": "pve2"}, {}),
    ("pve_node_migrateall", {"node": "pve2", "target": "pve1", "max-workers": 1}, ANYWHERE),
    # anything else
    ("pve_api_plan", {"method": "PUT", "path": "/storage/backup", "params": {"nodes": "pve1"}}, {}),
    # the firewall: rules keep their order and positions, at every scope
    *FIREWALL,
    # what the cluster keeps as named sections, and settings of nodes
    *CLUSTER,
    # several as one
    ("proximo_plan_steps", {"steps": [
        {"row": "pve_guest_config_set", "args": {"vmid": 303, "set": {"memory": 700}}},
        {"row": "pve_guest_power", "args": {"vmid": 303, "action": "start"}},
        {"row": "pve_storage_update", "args": {"storage": "backup", "set": {"disable": 1}}},
    ]}, {}),
    # what has no way back is carried out, too; last, because nothing puts its guests back
    ("pve_node_reboot", {"node": "pve3"}, {}),
    ("pve_node_shutdown", {"node": "pve3"}, {}),
    ("pve_node_wakeonlan", {"node": "pve3"}, {}),
]
