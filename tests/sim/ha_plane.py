#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The HA manager of pvesim: what it starts, stops, moves and recovers, and what its rules forbid. Each
# part has a cluster of its own, and waits until the manager rests. TAP.
import os, shutil, sys, tempfile, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sim_client import Sim, check, done  # noqa: E402

REST = ("started", "stopped", "disabled", "ignored", "error", "recovery")


def services(sim):
    return {e["sid"]: e for e in sim.call("GET", "/cluster/ha/status/current")[2]["data"]
            if e["type"] == "service"}


def rest(sim):
    """Waits until the manager has nothing to do; {sid: its entry}."""
    for _ in range(2000):
        have = services(sim)
        if all(e["state"] in REST for e in have.values()):
            return have
        time.sleep(0.005)
    return have


def guest(sim, vmid):
    return next(g for g in sim.call("GET", "/cluster/resources", type="vm")[2]["data"] if g["vmid"] == vmid)


def place(sim, vmid):
    g = guest(sim, vmid)
    return g["node"], g["status"]


def tasks(sim, vmid):
    """Oldest first, of the guest on all nodes."""
    all_ = [t for n in ("pve1", "pve2", "pve3")
            for t in sim.call("GET", f"/nodes/{n}/tasks", source="all", vmid=vmid)[2].get("data") or []]
    return [t["type"] for t in sorted(all_, key=lambda t: (t["starttime"], t["upid"]))]


def node(sim, name, state):
    check(sim.call("POST", "/sim/node", node=name, state=state)[0] == 200, f"{name} is {state}")
    return rest(sim)


def rule(sim, name, **form):
    status, reason, _ = sim.call("POST", "/cluster/ha/rules", rule=name, **form)
    check(status == 200, f"rule {name}", reason)
    return rest(sim)


def states(sim):
    check(place(sim, 303) == ("pve1", "stopped"), "a stopped container")
    sim.call("POST", "/cluster/ha/resources", sid="ct:303", state="started")
    rest(sim)
    check(place(sim, 303) == ("pve1", "running") and tasks(sim, 303) == ["vzstart"], "is started",
          tasks(sim, 303))
    started = [t for t in sim.call("GET", "/nodes/pve1/tasks", source="all", vmid=303)[2]["data"]][0]
    check(started["user"] == "root@pam" and "tokenid" not in started, "by the node's own manager", started)
    upid = sim.call("POST", "/nodes/pve1/lxc/303/status/stop")[2]["data"]
    check(":hastop:" in upid and sim.end_of("pve1", upid) == "OK", "a stop is a wish")
    have = rest(sim)
    check(place(sim, 303)[1] == "stopped" and have["ct:303"]["request_state"] == "stopped" and
          "vzshutdown" in tasks(sim, 303), "that the manager carries out", have)
    sim.call("PUT", "/cluster/ha/resources/ct:303", state="ignored")
    sim.call("POST", "/nodes/pve1/lxc/303/status/start")
    rest(sim)
    check("vzstart" in tasks(sim, 303)[2:], "what is ignored is nobody's", tasks(sim, 303))


def affinity(sim):
    """Node rules, failback, motions that are asked for."""
    check(place(sim, 302) == ("pve2", "running"), "where the rule prefers it")
    upid = sim.call("POST", "/nodes/pve2/lxc/302/migrate", target="pve3", restart=1)[2]["data"]
    check(":hamigrate:" in upid and sim.end_of("pve2", upid) == "OK", "a migration is a wish, too")
    rest(sim)
    check(place(sim, 302) == ("pve2", "running"), "against the rule it comes back", tasks(sim, 302))
    check(tasks(sim, 302) == ["hamigrate", "vzshutdown", "vzmigrate", "vzstart", "vzshutdown", "vzmigrate",
                              "vzstart"] or
          tasks(sim, 302).count("vzmigrate") == 2, "by two moves", tasks(sim, 302))
    sim.call("PUT", "/cluster/ha/resources/ct:302", failback=0)
    body = sim.call("POST", "/cluster/ha/resources/ct:302/migrate", node="pve1")[2]["data"]
    check(body == {"sid": "ct:302", "requested-node": "pve1"}, "the answer of the wish", body)
    rest(sim)
    check(place(sim, 302) == ("pve1", "running"), "without failback it stays")
    sim.call("PUT", "/cluster/ha/rules/dns-near-core", type="node-affinity", nodes="pve3", strict=1)
    rest(sim)
    check(place(sim, 302) == ("pve3", "running"), "a strict rule moves it all the same")
    sim.call("POST", "/cluster/ha/resources/ct:302/relocate", node="pve1")
    rest(sim)
    check(place(sim, 302) == ("pve3", "running"), "and leaves no other place")
    sim.call("POST", "/cluster/ha/resources", sid="vm:105", state="started")
    rest(sim)
    sim.call("POST", "/cluster/ha/resources/vm:105/migrate", node="pve3")
    rest(sim)
    check(place(sim, 105) == ("pve3", "running") and tasks(sim, 105) == ["qmigrate"],
          "a VM moves while it runs", tasks(sim, 105))
    sim.call("POST", "/cluster/ha/resources/vm:105/relocate", node="pve1")
    rest(sim)
    check(place(sim, 105) == ("pve1", "running") and tasks(sim, 105)[1:] == ["qmshutdown", "qmigrate",
                                                                            "qmstart"],
          "and is stopped for a relocation", tasks(sim, 105))


def recovery(sim):
    node(sim, "pve2", "down")
    check(place(sim, 302) == ("pve1", "running"), "recovered where the rule says next", place(sim, 302))
    check(place(sim, 105) == ("pve2", "stopped") or guest(sim, 105)["status"] != "running",
          "what is not in HA stays down", place(sim, 105))
    node(sim, "pve2", "up")
    check(place(sim, 302) == ("pve2", "running"), "and back when the node is")
    sim.call("PUT", "/cluster/ha/rules/dns-near-core", type="node-affinity", nodes="pve2", strict=1)
    have = node(sim, "pve2", "down")
    check(place(sim, 302)[0] == "pve2" and have["ct:302"]["state"] == "recovery", "a strict rule: nowhere",
          have)
    node(sim, "pve2", "up")
    check(place(sim, 302) == ("pve2", "running"), "until the node is back")
    sim.call("PUT", "/cluster/ha/rules/dns-near-core", type="node-affinity", nodes="pve2", strict=0)
    node(sim, "pve1", "down")
    have = node(sim, "pve2", "down")
    check(place(sim, 302)[0] == "pve2", "without quorum nothing is recovered", have)


def broken(sim):
    """Disks of the lost node: recovered, and not to be started."""
    sim.call("POST", "/cluster/ha/resources", sid="vm:104", state="started")
    have = node(sim, "pve1", "down")
    check(guest(sim, 104)["node"] != "pve1" and have["vm:104"]["state"] == "error",
          "a guest without its disk ends in error", have)
    where = guest(sim, 104)["node"]
    ends = [t["status"] for t in sim.call("GET", f"/nodes/{where}/tasks", vmid=104, typefilter="qmstart")
            [2]["data"]]
    check(ends and all("volume 'local-zfs:vm-104-disk-0' does not exist" in e for e in ends),
          "and its tasks say why", ends)
    status, reason, _ = sim.call("POST", "/cluster/ha/resources/vm:104/migrate", node="pve3")
    check(status == 500 and "must be disabled and fixed first" in reason, "nothing else is asked of it", reason)
    sim.call("PUT", "/cluster/ha/resources/vm:104", state="disabled")
    check(rest(sim)["vm:104"]["state"] == "disabled", "disabled it is out of the error", services(sim))


def maintenance(sim):
    have = node(sim, "pve2", "maintenance")
    check(place(sim, 302) == ("pve1", "running"), "a node in maintenance is left", have)
    lrm = sim.call("GET", "/cluster/ha/status/manager_status")[2]["data"]
    check(lrm["manager_status"]["node_status"]["pve2"] == "maintenance", "and shown so", lrm)
    check(guest(sim, 105)["status"] == "running", "what is not in HA stays")
    node(sim, "pve2", "up")
    check(place(sim, 302) == ("pve2", "running"), "and is come back to")


def together(sim):
    for sid in ("vm:105", "ct:301"):
        sim.call("POST", "/cluster/ha/resources", sid=sid, state="started")
    rest(sim)
    sim.call("DELETE", "/cluster/ha/rules/dns-near-core")
    rule(sim, "pair", type="resource-affinity", affinity="positive", resources="ct:302,vm:105")
    body = sim.call("POST", "/cluster/ha/resources/vm:105/migrate", node="pve1")[2]["data"]
    check(body["comigrated-resources"] == ["ct:302"], "who goes along", body)
    rest(sim)
    check(place(sim, 105) == place(sim, 302) == ("pve1", "running"), "goes along", services(sim))
    rule(sim, "apart", type="resource-affinity", affinity="negative", resources="ct:301,vm:105")
    check(place(sim, 301)[0] != "pve1", "those that are kept apart are")
    body = sim.call("POST", "/cluster/ha/resources/vm:105/migrate", node="pve3")[2]["data"]
    check(body["blocking-resources"] == [{"sid": "ct:301", "cause": "resource-affinity"}], "who is in the way",
          body)
    rest(sim)
    check(place(sim, 105)[0] == "pve1", "is not moved to")
    upid = sim.call("POST", "/nodes/pve1/qemu/105/migrate", target="pve3", online=1)[2]["data"]
    check("exit code 255" in sim.end_of("pve1", upid), "and the task of a wish says so")


where = tempfile.mkdtemp(prefix="pvesim-ha-")
try:
    for part in (states, affinity, recovery, broken, maintenance, together):
        at = os.path.join(where, part.__name__)
        os.mkdir(at)
        one = Sim(at, "--clock", "1795500000", "--task-ms", "5")
        part(one)
        one.stop()
finally:
    shutil.rmtree(where, ignore_errors=True)
done()
