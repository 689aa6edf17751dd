# SPDX-License-Identifier: Apache-2.0
"""A copy of a cluster to rehearse on: no secret leaves, and the same plan comes out on the copy."""

import json
import os
import re
import subprocess
import sys
import urllib.error

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import PVESIM, Sim, Tap, World  # noqa: E402

CANARY = "CANARY-must-not-leave"


def disk(dev, **more):
    return {"devpath": dev, "gpt": 0, "mounted": 0, "osdid": -1, "size": 1 << 38, "type": "ssd", "model": "EVO",
            "vendor": "ATA", "serial": f"{CANARY}-40", "wwn": f"0x{CANARY}-41", "health": "PASSED",
            "by_id_link": f"/dev/disk/by-id/ata-EVO_{CANARY}-42", **more}


HARDWARE = {
    "list": [disk("/dev/nvme0n1", used="partitions"),
             {"devpath": "/dev/nvme0n1p2", "parent": "/dev/nvme0n1", "used": "EFI", "size": 1 << 29, "gpt": 1, "mounted": 1},
             disk("/dev/sda", used="LVM"), disk("/dev/sdb", used="ZFS"), disk("/dev/sdc", serial="unknown"),
             disk("/dev/sdd", used="ZFS", by_id_link=f"/dev/disk/by-id/ata-EVO_{CANARY}-45"),
             disk("/dev/sde", used="ZFS", by_id_link="unknown", wwn=f"0x{CANARY}-46")],
    "lvm": {"leaf": 0, "children": [{"name": "pve", "leaf": 0, "size": 1 << 38, "free": 0,
                                     "children": [{"name": "/dev/sda", "leaf": 1, "size": 1 << 38, "free": 0}]}]},
    "zfs": [{"name": "tank", "health": "ONLINE", "size": 1 << 38, "free": 1 << 37}],
    "pools": {"tank": {"name": "tank", "state": "ONLINE", "errors": "No known data errors", "children": [
        {"name": "tank", "children": [{"name": f"ata-EVO_{CANARY}-43-part1", "state": "ONLINE"},
                                      {"name": f"ata-EVO_{CANARY}-45-part1", "state": "ONLINE"},
                                      {"name": f"/dev/disk/by-id/wwn-0x{CANARY}-46-part1", "state": "ONLINE"}]}]}},
    "pci": [{"id": "0000:01:00.0", "class": "0x030000", "vendor": "0x10de", "device": "0x1b80", "iommugroup": 1}],
    "usb": [{"busnum": 1, "devnum": 4, "class": 0, "level": 1, "port": 2, "speed": "480", "vendid": "046d",
             "prodid": "c52b", "product": "Receiver", "manufacturer": "Logitech", "serial": f"{CANARY}-44"}],
}


def with_secrets():
    """The demonstration cluster, in which people kept secrets in all the usual places."""
    w = World()
    w.sim.stop()
    with open(w.sim.state, encoding="utf-8") as f:
        s = json.load(f)
    s["guests"]["101"]["config"]["description"] = f"root password {CANARY}-1"
    s["guests"]["101"]["config"]["lxc.environment"] = f"DB_PASSWORD={CANARY}-2"
    s["guests"]["101"]["snapshots"]["before-tls"]["description"] = f"{CANARY}-3"
    s["guests"]["105"]["config"]["cipassword"] = f"{CANARY}-4"
    s["guests"]["105"]["config"]["ciuser"] = "admin"
    s["guests"]["105"]["config"].update({"usb0": "mapping=stick", "usb1": "host=046d:c52b", "hostpci0": "mapping=gpu"})
    s["storage"]["cifs1"] = {"type": "cifs", "server": "192.0.2.9", "share": "x", "content": "backup",
                             "username": f"{CANARY}-5", "password": f"{CANARY}-6"}
    s["users"]["auditor@pve"]["comment"] = f"{CANARY}-7"
    s["users"]["auditor@pve"]["email"] = f"{CANARY}-8@example.org"
    s["users"]["auditor@pve"]["tokens"]["ro"]["comment"] = f"{CANARY}-9"
    s["pools"]["prod"]["comment"] = f"{CANARY}-10"
    s["firewall"]["cluster"]["rules"] = [
        {"type": "in", "action": "ACCEPT", "enable": 1, "dport": "22", "proto": "tcp",
         "comment": f"{CANARY}-11"}]
    s["nodes"]["pve1"]["hardware"] = HARDWARE
    with open(w.sim.state, "w", encoding="utf-8") as f:
        json.dump(s, f)
    w.sim.start()
    w.write_config()
    with_sections(w.sim)
    return w


def with_sections(sim):
    """One of everything that is kept as a section, and a network that is half applied."""
    def post(path, **form):
        sim.call("POST", path, **form)

    at = "/cluster/notifications"
    post("/cluster/mapping/pci", id="gpu", map="node=pve1,path=0000:01:00.0,id=8086:1521")
    post("/cluster/mapping/usb", id="stick", map="node=pve1,id=046d:c52b")
    post("/cluster/mapping/dir", id="media", map="node=pve1,path=/srv/media")
    post("/cluster/metrics/server/influx", type="influxdb", server="m.example.org", port=8086, token=f"{CANARY}-20")
    post(f"{at}/endpoints/gotify", name="phone", server="https://g.example.org", token=f"{CANARY}-21")
    post(f"{at}/endpoints/smtp", name="mail", server="s.example.org", mailto="ops@example.org",
         username=f"{CANARY}-22", password=f"{CANARY}-23", **{"from-address": "pve@example.org"})
    post(f"{at}/endpoints/webhook", name="hook", method="post", url=f"https://h.example.org/{CANARY}-24",
         header=f"name=Authorization,value={CANARY}-25", body=f"{CANARY}-26")
    post(f"{at}/matchers", name="mine", target="phone", mode="all")
    post("/cluster/acme/plugins", id="dnsmine", type="dns", api="cf", data=f"{CANARY}-27")
    post("/access/domains", realm="corp", type="ldap", server1="a.example.org", base_dn="dc=x",
         user_attr="uid", mode="ldaps", verify=1, password=f"{CANARY}-28")
    post("/cluster/jobs/realm-sync/corp-sync", realm="corp", schedule="daily", scope="users")
    sim.call("POST", "/nodes/pve1/hosts", data="127.0.0.1 localhost\n192.0.2.11 pve1\n")
    sim.call("PUT", "/nodes/pve1/dns", search="example.org", dns1="192.0.2.7")
    sim.call("PUT", "/nodes/pve1/config", wakeonlan="02:00:00:00:00:77")
    post("/cluster/sdn/zones", zone="lab", type="vlan", bridge="vmbr0")
    post("/cluster/sdn/vnets", vnet="vn1", zone="lab", tag=7)
    post("/cluster/sdn/vnets/vn1/subnets", subnet="10.77.0.0/24", type="subnet", gateway="10.77.0.1")
    sim.call("PUT", "/cluster/sdn")
    post("/cluster/sdn/vnets", vnet="vn2", zone="lab", tag=8)
    post("/cluster/sdn/ipams", ipam="nb", type="netbox", url="https://n.example.org",
         token=f"{CANARY}-29")
    post("/cluster/sdn/dns", dns="pdns", type="powerdns", url="https://d.example.org", key=f"{CANARY}-30")


# What both clusters answer the same to; the second has what was scrubbed as "(scrubbed)".
ANSWERS = ["/cluster/mapping/pci", "/cluster/mapping/usb", "/cluster/mapping/dir",
           "/cluster/metrics/server", "/cluster/metrics/server/influx",
           *(f"/cluster/notifications/endpoints/{k}" for k in ("sendmail", "gotify", "smtp", "webhook")),
           "/cluster/notifications/matchers", "/cluster/acme/plugins", "/cluster/jobs/realm-sync",
           "/access/domains", "/access/domains/corp", "/nodes/pve1/hosts", "/nodes/pve1/dns",
           "/nodes/pve1/config", "/cluster/sdn/zones", "/cluster/sdn/vnets", "/cluster/sdn/vnets?pending=1",
           "/cluster/sdn/vnets?running=1", "/cluster/sdn/vnets/vn1/subnets",
           "/cluster/sdn/vnets/vn1/subnets?running=1", "/cluster/sdn/ipams", "/cluster/sdn/dns",
           "/cluster/ha/resources", "/cluster/ha/rules", "/cluster/backup", "/cluster/replication",
           "/cluster/options", "/nodes/pve1/disks/list", "/nodes/pve1/disks/list?include-partitions=1",
           "/nodes/pve1/disks/lvm", "/nodes/pve1/disks/zfs", "/nodes/pve1/disks/zfs/tank", "/nodes/pve1/hardware/pci",
           "/nodes/pve1/hardware/usb", "/nodes/pve2/qemu/105/config"]


def scrubbed(value, key=""):
    """An answer as it is on the copy: digests aside, for they cover what was scrubbed."""
    if isinstance(value, dict):
        return {k: scrubbed(v, k) for k, v in value.items() if k not in ("digest", "next-run")}
    if isinstance(value, list):
        return [scrubbed(v, key) for v in value]
    return "(scrubbed)" if isinstance(value, str) and value and (
        CANARY in value or key == "comment" or re.search("scrubbed[0-9a-f]{12}", value)) else value


a = with_secrets()
FILE = os.path.join(a.dir, "capture.json")
b = World(sim=False)


def test_capture(t):
    code, v, text = a.run("capture", FILE)
    t.ok(code == 0 and not v["unread"] and v["reads"] > 50, "the cluster is captured", text)
    t.ok(os.stat(FILE).st_mode & 0o777 == 0o600, "into a private file")
    raw = open(FILE, encoding="utf-8").read()
    t.ok(CANARY not in raw and CANARY not in text, "no secret is in it",
         [raw[max(0, i - 80):i + 40] for i in range(len(raw)) if raw.startswith(CANARY, i)])
    said = {(s["key"], s["path"]) for s in v["scrubbed"]}
    want = {("description", "/nodes/pve1/lxc/101/config"),
            ("lxc.environment", "/nodes/pve1/lxc/101/config"),
            ("cipassword", "/nodes/pve2/qemu/105/config"), ("username", "/storage"),
            ("email", "/access/users"), ("comment", "/access/users"),
            ("comment", "/cluster/firewall/rules"),
            ("username", "/cluster/notifications/endpoints/smtp"),
            ("header", "/cluster/notifications/endpoints/webhook"),
            ("url", "/cluster/notifications/endpoints/webhook"),
            ("data", "/cluster/acme/plugins"), ("token", "/cluster/sdn/ipams"),
            ("key", "/cluster/sdn/dns"),
            *((k, "/nodes/pve1/disks/list?include-partitions=1") for k in ("serial", "wwn", "by_id_link")),
            ("serial", "/nodes/pve1/hardware/usb"), ("name", "/nodes/pve1/disks/zfs/tank")}
    t.ok(want <= said, "what was taken out is listed", want - said)
    code, out, err = a.text("capture", FILE)
    t.ok("scrubbed  cipassword of /nodes/pve2/qemu/105/config" in out, "and printed", out + err)
    entries = [e for e in a.entries() if "capture" in json.dumps(e)]
    t.ok(entries, "the read is in the ledger")


def test_import(t):
    state = os.path.join(b.dir, "state.json")
    with open(state, "wb") as f:
        r = subprocess.run([PVESIM, "import", FILE], stdout=f, stderr=subprocess.PIPE, check=False)
    t.ok(r.returncode == 0, "the capture becomes a simulated cluster", r.stderr)
    b.sim = Sim(b.mkdir("sim"), state=state)
    b.write_config()
    for row, args in (("pve_list_guests", {"limit": 1000}), ("pve_storage_list", {}),
                      ("pve_permissions", {"userid": "auditor@pve"})):
        one, two = (w.read(row, **args) for w in (a, b))
        drop = ("password", "uptime", "uptime_s", "cpu", "mem", "maxmem", "disk", "cpu_percent")
        clean = [json.dumps([{k: x for k, x in i.items() if k not in drop}
                             for i in v[1].get("items", [v[1]])], sort_keys=True)
                 for v in (one, two)]
        if "scrubbed" in clean[1]:
            clean[0] = clean[0].replace(f"{CANARY}-5", "(scrubbed)")
        t.ok(clean[0] == clean[1], f"{row} answers the same on both", "\n".join(clean))


def test_devices_of_guests(t):
    """What a guest has of its node's devices stands in the way of it on the copy as well."""
    plans = [json.dumps([w.plan("pve_guest_migrate", vmid=105, target="pve1", online=True)[1].get("plan", {}).get(k)
                         for k in SAME]) for w in (a, b)]
    t.ok(plans[0] == plans[1] and all(k in plans[0] for k in ("usb0", "usb1", "hostpci0")),
         "the same plan on the copy, which names USB and PCI devices", "\n".join(plans))


def test_auditor(t):
    """PVE shows some things to who may change the cluster only; a capture is not incomplete for that."""
    token = os.path.join(a.dir, "look.token")
    a.sim.call("POST", "/access/users", userid="look@pve")
    secret = a.sim.call("POST", "/access/users/look@pve/token/t", privsep=0)["value"]
    a.sim.call("PUT", "/access/acl", path="/", users="look@pve", roles="PVEAuditor")
    with open(os.open(token, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as f:
        f.write(f"look@pve!t={secret}\n")
    a.write_config(token=token)
    code, v, text = a.run("capture", os.path.join(a.dir, "look.json"))
    a.write_config()
    nodes = sorted(n["node"] for n in a.sim.call("GET", "/nodes"))
    t.ok(code == 0 and v["unread"] == [] and [x["path"] for x in v["left_out"]] ==
         ["/cluster/acme/plugins", *(f"/nodes/{n}/hardware/usb" for n in nodes)] and "Sys.Modify" in text,
         "what only an administrator is shown is left out and named", text)


def test_answers(t):
    for path in ANSWERS:
        one, two = scrubbed(a.sim.call("GET", path)), scrubbed(b.sim.call("GET", path))
        t.ok(one == two and one, f"{path} answers the same", f"{one}\n{two}")


def test_disks(t):
    """On the copy something is made of the disks that were there, as far as they are free."""
    for dev, why in (("/dev/sdb", "already in use"), ("/dev/nvme0n1", "already in use"), ("/dev/sdz", "unable to find")):
        try:
            said = str(b.sim.call("POST", "/nodes/pve1/disks/zfs", name="fresh", raidlevel="single", devices=dev))
        except urllib.error.HTTPError as e:
            said = f"{e.reason} {e.read().decode()}"
        t.ok(why in said, f"{dev}: {why}", said)
    for dev in ("/dev/sda", "/dev/sdb", "/dev/sdd", "/dev/sde"):
        plans = [json.dumps([w.plan("pve_disk_zfs_create", node="pve1", name="more", raidlevel="single",
                                    devices=[dev])[1]["plan"].get(k) for k in SAME]) for w in (a, b)]
        t.ok(plans[0] == plans[1] and dev in plans[0], f"{dev}: the same plan on the copy", "\n".join(plans))
    b.sim.call("POST", "/nodes/pve1/disks/zfs", name="fresh", raidlevel="single", devices="/dev/sdc")
    used = {d["devpath"]: d.get("used") for d in b.sim.call("GET", "/nodes/pve1/disks/list")}
    pools = [p["name"] for p in b.sim.call("GET", "/nodes/pve1/disks/zfs")]
    t.ok(used == {"/dev/nvme0n1": "partitions", "/dev/sda": "LVM", "/dev/sdb": "ZFS", "/dev/sdc": "ZFS",
                  "/dev/sdd": "ZFS", "/dev/sde": "ZFS"}
         and pools == ["tank", "fresh"], "a free one is used afterwards", f"{used} {pools}")


CHANGES = [
    ("pve_storage_delete", {"storage": "local-zfs"}),
    ("pve_storage_update", {"storage": "nfs-vm", "set": {"nodes": "pve1"}}),
    ("pve_guest_power", {"vmid": 301, "action": "stop"}),
    ("pve_guest_power", {"vmid": 302, "action": "stop"}),
    ("pve_guest_config_set", {"vmid": 104, "set": {"memory": "4096"}}),
    ("pve_rollback", {"vmid": 101, "snapname": "before-tls"}),
]
SAME = ("affected", "risk", "risk_reasons", "undo", "requests", "complete", "unread", "approval")


def test_same_plans(t):
    for row, args in CHANGES:
        plans = []
        for w in (a, b):
            code, p, text = w.plan(row, **args)
            if code != 0:
                plans.append(json.dumps(p["error"]["code"]))
                continue
            plans.append(json.dumps({k: p["plan"].get(k) for k in SAME}, sort_keys=True, indent=1))
        t.ok(plans[0] == plans[1], f"{row} {args}: the same plan on the copy",
             "\n".join(x for x in set(plans[0].splitlines()) ^ set(plans[1].splitlines())))


def test_progress(t):
    a.sim.stop()
    a.sim.options += ["--latency-ms", "250"]
    a.sim.start()
    a.write_config()
    code, seen = a.on_tty(["capture", FILE], [])
    t.ok(code in (0, 6) and "answers read" in seen, "a capture that takes a while says how far it is",
         seen[-2000:])
    code, seen = a.on_tty(["--quiet", "capture", FILE], [])
    t.ok(code in (0, 6) and "answers read" not in seen, "not with --quiet", seen[-2000:])


def test_bad(t):
    for name, text in (("empty", ""), ("a list", "[]"), ("another kind", '{"kind": "x", "v": 1}'),
                       ("a newer version", '{"kind": "proximo-capture", "v": 2, "reads": {}}'),
                       ("cut", open(FILE, encoding="utf-8").read()[:5000])):
        path = os.path.join(a.dir, "bad.json")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        r = subprocess.run([PVESIM, "import", path], capture_output=True, text=True, check=False)
        t.ok(r.returncode == 1 and r.stderr and not r.stdout, f"{name}: refused", r.stderr)
    t.ok(a.run("capture")[0] == 2, "no file named")
    t.ok(a.run("capture", "/nonexistent/x")[0] != 0, "a file that cannot be written")


try:
    sys.exit(Tap().run(test_capture, test_import, test_answers, test_devices_of_guests, test_auditor, test_disks, test_same_plans, test_progress, test_bad))
finally:
    a.close()
    b.close()
