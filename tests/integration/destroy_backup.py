# SPDX-License-Identifier: Apache-2.0
"""A guest is destroyed after a backup of it, and comes back: state, plan, apply, undo, and the state is
equal field by field. And what may go wrong between: a backup that fails, warns, does not fit or is not
what it must be leaves the guest as it is; an archive that is gone or another one is said; a number that
is taken again is not overwritten; a process that dies leaves an operation that is resolved or open."""

import copy
import json
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fault_lib import FaultWorld, need_openssl, render  # noqa: E402
from undo_cases import VOLATILE, difference  # noqa: E402
from world import Tap, skip_all  # noqa: E402

need_openssl(skip_all)

PLACES = {104: ("pve1", "qemu"), 105: ("pve2", "qemu"), 301: ("pve3", "lxc"), 150: ("pve1", "qemu"),
          151: ("pve1", "lxc")}
# What the plan says that no restore brings back, and what the world keeps of it.
NEW = ["guests/*/config/vmgenid", "volumes/backup:backup/*", "faults"]


def path(vmid, tail=""):
    node, kind = PLACES[vmid]
    return f"/nodes/{node}/{kind}/{vmid}{tail}"


def world():
    w = FaultWorld("--task-ms", "1", "--seed", "7")
    w.operator()
    for vmid in (104, 105, 301):
        w.sim.call("POST", path(vmid, "/status/stop"))
    for vmid, name in ((105, "nightly"), (105, "before_upgrade")):
        w.sim.call("DELETE", path(vmid, f"/snapshot/{name}"))
    w.sim.call("PUT", path(105, "/config"), delete="unused0")
    w.sim.settle()
    return w


def destroy(w, vmid, **more):
    return w.plan("pve_delete_guest", vmid=vmid, backup="backup", purge=True, **more)


def lives(w, vmid):
    return vmid in [g["vmid"] for g in w.sim.call("GET", "/cluster/resources", type="vm")]


def made(w, vmid):
    """The archives of the guest that a plan made."""
    node = PLACES[vmid][0]
    return [v for v in w.sim.call("GET", f"/nodes/{node}/storage/backup/content", vmid=vmid)
            if v.get("notes", "").startswith("proximo-undo-")]


def normal(state):
    """Volumes come back under names of their own: they count by guest, storage, size and format."""
    state = copy.deepcopy(state)
    for vmid, g in state["guests"].items():
        g.pop("pending", None)
        for key, value in g["config"].items():
            if isinstance(value, str):
                g["config"][key] = re.sub(rf"(\w+-{vmid}-disk)-\d+", r"\1-N", value)
    volumes = {}
    for volid, v in state.pop("volumes").items():
        name = re.sub(r"-disk-\d+", "-disk-N", volid)
        volumes.setdefault(name, []).append(
            {k: v.get(k) for k in ("content", "format", "node", "protected", "size", "vmid")})
    state["volumes"] = {k: sorted(v, key=str) for k, v in volumes.items()}
    return state


def changed(before, after, leaves=()):
    return difference(normal(before), normal(after), VOLATILE + NEW + list(leaves))


def take_back(w, op):
    code, v, text = w.run("undo", op)
    if code == 4 and v and v.get("plan"):
        code, v, text = w.carry_out(v)
    return code, v, text


def gone(t, w, vmid, **more):
    """Destroys it; returns the operation."""
    code, plan, text = destroy(w, vmid, **more)
    t.ok(code == 0 and plan["plan"]["undo"]["kind"] == "backup", f"{vmid}: its end is planned", text)
    code, op, text = w.carry_out(plan)
    t.ok(code == 0 and op["outcome"] == "done" and not lives(w, vmid), f"{vmid}: it is destroyed", text)
    return op, plan


def round_trip(t, w, vmid, name, leaves=()):
    before = w.sim.now()
    op, plan = gone(t, w, vmid)
    archives = made(w, vmid)
    t.ok(len(archives) == 1 and archives[0]["protected"] == 1, f"{name}: one archive, protected", archives)
    code, v, text = take_back(w, op["op_id"])
    t.ok(code == 0 and v["outcome"] == "done", f"{name}: undone", text)
    w.sim.settle()
    wrong = changed(before, w.sim.now(), leaves)
    t.ok(not wrong, f"{name}: everything is as it was",
         "\n".join(f"{p}: {a!r} -> {b!r}" for p, (a, b) in wrong.items()))
    t.ok(len(made(w, vmid)) == 1, f"{name}: the archive stays")
    w.no_unrecorded(t, name)
    return plan


def test_vm(t, w):
    plan = round_trip(t, w, 104, "a VM in a pool and a backup job")
    why = [a["why"] for a in plan["plan"]["affected"] if a["effect"] == "destroyed"][0]
    t.ok("a backup of it to backup is made and verified first" in why, "the plan says that one is made first", why)
    t.ok(plan["plan"]["current"]["backup"]["disks_mib"] == 65536, "and what it may take at most",
         plan["plan"]["current"]["backup"])
    t.ok("vmgenid is a new one" in plan["plan"]["undo"]["limits"], "and what does not come back")


def name_it(w):
    """HA, a job of its own, replication, grants, firewall."""
    w.sim.call("PUT", "/access/acl", path="/vms/104", roles="PVEVMUser", users="root@pam")
    w.sim.call("POST", "/cluster/ha/resources", sid="vm:104", state="stopped", max_restart=3, comment="c")
    w.sim.call("POST", "/cluster/backup", id="own", schedule="sun 01:00", vmid="104", storage="backup",
               comment="of its own")
    w.sim.call("POST", "/cluster/replication", id="104-0", type="local", target="pve3", schedule="*/30",
               comment="r")
    w.sim.call("POST", path(104, "/firewall/rules"), type="in", action="ACCEPT", macro="SSH", enable=1)
    w.sim.call("PUT", path(104, "/firewall/options"), enable=1)


def test_named(t, w):
    name_it(w)
    round_trip(t, w, 104, "a VM that much names", leaves=["ha/status/*", "ha/manager/*"])


def test_ct(t, w):
    round_trip(t, w, 301, "a container with volumes on two storages")
    now = w.sim.call("GET", path(301, "/config"))
    t.ok(now["rootfs"].startswith("nfs-vm:") and now["mp1"].startswith("local-zfs:"),
         "each volume is on its own storage again", now)


def test_own_storage(t, w):
    """The backup goes to a storage whose content the verdict rests on: what the plan adds is known."""
    w.sim.call("PUT", "/storage/backup", content="backup,images")
    code, plan, text = destroy(w, 104)
    t.ok(any(p["read"] == "/nodes/pve1/storage/backup/content?vmid=104" for p in plan["plan"]["preconditions"]),
         "the plan rests on what lies there", text)
    code, op, text = w.carry_out(plan)
    t.ok(code == 0 and not lives(w, 104), "its own archive does not stop it", text)
    code, v, text = take_back(w, op["op_id"])
    t.ok(code == 0 and lives(w, 104), "it comes back", text)
    code, plan, text = destroy(w, 104)
    w.approve(plan["plan_id"])
    f = w.proxy.add("GET", "/log", "late", once_changed=True)
    p = w.popen("--json", "apply", plan["plan_id"])
    f.wait(p)
    ours = max(v["ctime"] for v in made(w, 104))
    while time.time() < ours + 1:  # an archive of the same second would have the same name
        time.sleep(0.05)
    w.sim.call("POST", "/nodes/pve1/vzdump", vmid=104, storage="backup")
    f.release()
    code, op, text = w.finish(p)
    t.ok(code != 0 and op["outcome"] == "not-started" and "/content?vmid=104" in op["error"] and lives(w, 104),
         "another's archive does", text)


def test_left_out(t, w):
    w.sim.call("POST", "/nodes/pve1/qemu", vmid=150, name="two-disks", memory=512, scsi0="local-zfs:8",
               scsi1="local-zfs:4,backup=0")
    w.sim.call("POST", "/nodes/pve1/lxc", vmid=151, ostemplate="local:vztmpl/x.tar.zst", hostname="two",
               rootfs="local-zfs:0.5", mp0="nfs-vm:1,mp=/scratch", mp1="local-zfs:2,mp=/data,backup=1")
    was = {vmid: w.sim.call("GET", path(vmid, "/config")) for vmid in (150, 151)}
    for vmid, lost in ((150, "scsi1 (local-zfs:vm-150-disk-1)"), (151, "mp0 (nfs-vm:151/vm-151-disk-0.raw)")):
        code, plan, text = destroy(w, vmid)
        undo = plan["plan"]["undo"]
        t.ok(f"in part: {lost} are in no backup and are lost for good" in undo["guarantee"]
             and plan["plan"]["approval"]["required"] == "operator",
             f"{lost}, which no backup holds, is named, and an operator asked", text)
        code, op, text = w.carry_out(plan)
        t.ok(code == 0 and not lives(w, vmid), f"{vmid} is destroyed", text)
        code, v, text = take_back(w, op["op_id"])
        t.ok(code == 0, f"{vmid} comes back", text)
    now = {vmid: w.sim.call("GET", path(vmid, "/config")) for vmid in (150, 151)}
    now[151] = {k: re.sub(r"disk-\d", "disk-N", v) for k, v in now[151].items()}
    t.ok("scsi1" not in now[150] and now[150]["scsi0"] == was[150]["scsi0"], "a VM without that disk", now[150])
    t.ok(now[151]["rootfs"] == "local-zfs:subvol-151-disk-N,size=512M"
         and now[151]["mp1"] == "local-zfs:subvol-151-disk-N,mp=/data,backup=1,size=2G"
         and now[151]["mp0"] == "nfs-vm:151/vm-151-disk-N.raw,mp=/scratch,size=1G",
         "a container with an empty volume there, each on its storage and in its size", now[151])
    text = undo["limits"]
    t.ok("mp0 comes back empty" in text and "Sys.Modify on /" in text, "which the plan told", text)


def refused(t, w, name, code_of_error, vmid=104, **args):
    changes = len(w.proxy.changes)
    code, v, text = w.plan("pve_delete_guest", **{"vmid": vmid, "backup": "backup", **args})
    t.ok(code == 1 and v["error"]["code"] == code_of_error and len(w.proxy.changes) == changes, name, text)


def test_impossible(t, w):
    refused(t, w, "a storage without backups is refused", "backup_impossible", backup="local-zfs")
    w.sim.call("PUT", "/storage/backup", disable=1)
    refused(t, w, "a storage that is off is refused", "backup_impossible")
    w.sim.call("PUT", "/storage/backup", delete="disable")
    w.sim.call("POST", path(104, "/status/start"))
    refused(t, w, "a guest that runs is refused", "backup_impossible")


def stays(t, w, plan, name, words, vmid=104):
    """Applied, and the guest is as it was."""
    before = w.sim.now()["guests"][str(vmid)]
    changes = len(w.proxy.changes)
    if not t.ok("plan" in plan, f"{name}: planned", plan):
        return {}
    code, op, text = w.carry_out(plan)
    sent = [c[0] for c in w.proxy.changes[changes:]]
    t.ok(code == 1 and op and op["outcome"] == "not-started" and words in op["error"] and "DELETE" not in sent
         and w.sim.now()["guests"][str(vmid)] == before, f"{name}: nothing is destroyed", text)
    w.sound(t, name)
    code, v, text = w.run("undo", op["op_id"])
    t.ok(code != 0 and v["error"]["code"] == "nothing_to_undo", f"{name}: there is nothing to undo", text)
    return op


def test_bad_backups(t, w):
    code, plan, text = destroy(w, 104)
    w.sim_fault("task-fail=job+errors POST /nodes/*/vzdump x1")
    stays(t, w, plan, "a backup that fails", "job errors")
    code, plan, text = destroy(w, 104)
    w.sim_fault("task-warn POST /nodes/*/vzdump x1")
    op = stays(t, w, plan, "a backup that warns", "WARNINGS: 1")
    t.ok(any(plan["plan"]["current"]["backup"]["mark"] in x for x in op["left_over"]),
         "what it left behind is told", op)
    code, plan, text = destroy(w, 104)
    w.sim_fault("status=500:no+such+node POST /nodes/*/vzdump x1")
    stays(t, w, plan, "a backup that is refused", "no such node")


def test_full(t):
    w = FaultWorld("--task-ms", "1", "--seed", "7")
    try:
        w.operator()
        w.sim.call("POST", path(104, "/status/stop"))
        w.sim.stop()
        with open(w.sim.state, encoding="utf-8") as f:
            state = json.load(f)
        state["usage"]["backup"]["*"]["used"] = state["usage"]["backup"]["*"]["total"] - (1 << 20)
        with open(w.sim.state, "w", encoding="utf-8") as f:
            json.dump(state, f)
        w.sim.start(w.sim.info["listen"])
        code, plan, text = destroy(w, 104)
        t.ok(code == 0 and any("may not fit: 65536 MiB of disks, 1 MiB left" in r
                               for r in plan["plan"]["risk_reasons"]), "too little room is told", text)
        stays(t, w, plan, "a backup that does not fit", "job errors")
    finally:
        w.close()


def spoil(change):
    """An answer with something else in its data."""
    def what(status, reason, body):
        v = json.loads(body)
        v["data"] = change(v["data"])
        return render(status, reason, json.dumps(v).encode())
    return what


def each(**values):
    def change(rows):
        return [{**r, **values} if r.get("notes", "").startswith("proximo-undo-") else r for r in rows]
    return change


SPOILED = [
    ("an archive that nobody sees", "/content", lambda d: [], "no archive with its mark"),
    ("an archive without its mark", "/content", each(notes="x"), "no archive with its mark"),
    ("two archives with its mark", "/content", lambda d: d + d, "two archives"),
    ("an empty archive", "/content", each(size=0), "is empty"),
    ("an archive without a size", "/content", each(size=None), "is empty"),
    ("an archive that is not protected", "/content", each(protected=0), "not protected"),
    ("an archive of another guest", "/content", each(vmid=105), "another guest"),
    ("an archive that is no list", "/content", lambda d: {"x": 1}, "no archive with its mark"),
    ("an archive that the task did not make", "/log", lambda d: [], "its task does not name"),
    ("another configuration inside", "/extractconfig", lambda d: d.replace("memory: 8192", "memory: 1"),
     "differs from the guest's in memory"),
    ("a key less inside", "/extractconfig", lambda d: d.replace("onboot: 1\n", ""), "in onboot"),
    ("a key more inside", "/extractconfig", lambda d: "hotplug: 0\n" + d, "the guest has not: hotplug"),
    ("a disk that is not inside", "/extractconfig", lambda d: d.replace("#qmdump#map:scsi0", "#x"),
     "not told that it holds scsi0"),
    ("a configuration that is none", "/extractconfig", lambda d: 7, "is not told"),
]


def test_spoiled(t, w):
    for name, where, change, words in SPOILED:
        code, plan, text = destroy(w, 104)
        w.proxy.add("GET", where, spoil(change), once_changed=True)
        stays(t, w, plan, name, words)
        w.proxy.clear()
    code, plan, text = destroy(w, 301)
    w.proxy.add("GET", "/log", spoil(lambda d: [x for x in d if "mp1" not in x["t"]]), once_changed=True)
    stays(t, w, plan, "a volume that the log does not name", "not told that it holds mp1", vmid=301)
    w.proxy.clear()
    for where in ("/content", "/log", "/extractconfig", "/config"):
        code, plan, text = destroy(w, 104)
        w.proxy.add("GET", where, "drop-before", once_changed=True, count=9)
        changes = len(w.proxy.changes)
        code, op, text = w.carry_out(plan)
        t.ok(code == 1 and op["outcome"] == "not-started" and lives(w, 104)
             and len(w.proxy.changes) == changes + 1, f"{where} cannot be read: nothing is destroyed", text)
        w.proxy.clear()


def test_meanwhile(t, w):
    """The guest is changed, or started, while it is backed up."""
    for name, method, tail, form in (("changed", "PUT", "/config", {"memory": 4096}),
                                     ("started", "POST", "/status/start", {})):
        code, plan, text = destroy(w, 104)
        w.approve(plan["plan_id"])
        f = w.proxy.add("GET", "/log", "late", once_changed=True)
        p = w.popen("--json", "apply", plan["plan_id"])
        f.wait(p)
        w.sim_call(method, path(104, tail), **form)
        f.release()
        code, op, text = w.finish(p)
        t.ok(code != 0 and op["outcome"] == "not-started" and lives(w, 104), f"{name} meanwhile: it stays", text)
        w.proxy.clear()
        w.sim.settle()
    w.sound(t, "changed meanwhile")


def test_archive(t, w):
    op, _ = gone(t, w, 104)
    mine = made(w, 104)[0]
    volume = f"/nodes/pve1/storage/backup/content/{mine['volid'].replace('/', '%2F')}"
    for name, where, change, words in (
            ("another size", "/content", each(size=5), "another archive is in its place"),
            ("another time", "/content", each(ctime=5), "another archive is in its place"),
            ("another name", "/content", each(volid="backup:backup/x"), "another archive is in its place"),
            ("another inside", "/extractconfig", lambda d: d.replace("8192", "1"), "configuration is inside")):
        w.proxy.add("GET", where, spoil(change))
        code, v, text = w.run("undo", op["op_id"])
        t.ok(code == 1 and v["error"]["code"] == "undo_gone" and words in v["error"]["message"],
             f"an archive with {name} is not restored", text)
        w.proxy.clear()
    w.sim.call("PUT", volume, protected=0)
    w.sim.call("DELETE", volume)
    code, v, text = w.run("undo", op["op_id"])
    t.ok(code == 1 and v["error"]["code"] == "undo_gone" and not lives(w, 104),
         "an archive that somebody removed is missed", text)
    w.sound(t, "no archive")


def test_taken(t, w):
    op, _ = gone(t, w, 104)
    w.sim.call("POST", "/nodes/pve2/lxc", vmid=104, ostemplate="local:vztmpl/x.tar.zst", hostname="other",
               rootfs="local-zfs:1")
    before = w.sim.now()["guests"]["104"]
    code, v, text = w.run("undo", op["op_id"])
    t.ok(code == 1 and v["error"]["code"] == "already_exists" and w.sim.now()["guests"]["104"] == before,
         "a guest that has the number by now is not overwritten", text)
    w.sim.call("DELETE", "/nodes/pve2/lxc/104")
    code, v, text = w.run("undo", op["op_id"])
    f = w.proxy.add("POST", "/nodes/pve1/qemu$", "pause")
    if code == 4:
        w.approve(v["plan_id"])
        p = w.popen("--json", "apply", v["plan_id"])
        f.wait(p)
        w.sim_call("POST", "/nodes/pve2/lxc", vmid=104, ostemplate="local:vztmpl/x.tar.zst", hostname="other",
                   rootfs="local-zfs:1")
        f.release()
        code, v, text = w.finish(p)
    t.ok(code != 0 or not f.reached.is_set(), "nor one that comes in between", text)
    t.ok(lives(w, 104), "one has the number")


def test_changed_jobs(t, w):
    """What was changed in a job since stays; what is there again is not made twice."""
    w.sim.call("POST", "/cluster/backup", id="own", schedule="sun 01:00", vmid="104", storage="backup")
    op, _ = gone(t, w, 104)
    w.sim.call("PUT", "/cluster/backup/nightly-prod", vmid="105,210", schedule="03:15")
    w.sim.call("POST", "/cluster/backup", id="own", schedule="mon 04:00", vmid="105", storage="backup")
    code, v, text = take_back(w, op["op_id"])
    jobs = {j["id"]: j for j in w.sim.call("GET", "/cluster/backup")}
    t.ok(code == 0 and jobs["nightly-prod"]["vmid"] == "105,210,104"
         and jobs["nightly-prod"]["schedule"] == "03:15", "the guest joins the job as it is now", jobs)
    t.ok(jobs["own"]["schedule"] == "mon 04:00", "a job that is there again is left as it is", jobs)


def test_undo_fails(t, w):
    """Each request of an undo fails once: what is done stays, and the ledger says how it ended."""
    op, _ = gone(t, w, 104)
    w.sim_fault("task-fail=no+space POST /nodes/pve1/qemu x1")
    code, v, text = take_back(w, op["op_id"])
    t.ok(code == 1 and v["outcome"] == "failed" and not lives(w, 104), "a restore that fails is told", text)
    w.sim_fault("status=500:no POST /nodes/pve1/qemu x1")
    code, v, text = take_back(w, op["op_id"])
    t.ok(code == 1 and not lives(w, 104), "one that is refused, too", text)
    w.sim_fault("status=500:no PUT /cluster/backup/* x1")
    code, v, text = take_back(w, op["op_id"])
    t.ok(code == 1 and v["outcome"] == "failed" and lives(w, 104), "what was restored stays", text)
    w.sound(t, "an undo that failed")


def test_undo_goes_on(t, w):
    """It is asked for again after each of its later requests failed: it goes on where it stopped."""
    name_it(w)
    before = w.sim.now()
    op, plan = gone(t, w, 104)
    back = [q for q in plan["plan"]["requests"] if q["phase"] == "undo"]
    for at in range(1, len(back) + 1):
        w.proxy.add("change", ".", "drop-before" if at % 2 else ("answer", 500, "no"), skip=1)
        code, v, text = w.run("undo", op["op_id"])
        left = [q for q in v["plan"]["requests"] if q["phase"] == "execute"]
        t.ok(code == 4 and len(left) == len(back) - at + 1, f"asked for the {at}. time: what is left is planned",
             left)
        t.ok(at == 1 or v["plan"]["change"].startswith("go on with the undo"), "and said", v["plan"]["change"])
        code, v, text = w.carry_out(v)
        w.proxy.clear()
        if len(left) > 1:
            t.ok(code == 1 and v["outcome"] in ("failed", "unknown"), f"it stops again ({v['outcome']})", text)
        else:
            t.ok(code == 0, "and is done", text)
    wrong = changed(before, w.sim.now(), ["ha/status/*", "ha/manager/*"])
    t.ok(lives(w, 104) and not wrong, "everything is as it was", wrong)
    code, v, text = w.run("undo", op["op_id"])
    t.ok(code == 5 and v["error"]["code"] == "already_undone", "then it is undone", text)
    w.sound(t, "an undo that went on")


def test_undo_finds_all(t, w):
    """All that is missing was put back by hand after the undo stopped: it says that nothing is left. And a
    guest that was changed since, or another one, is not taken for the one that was restored."""
    op, _ = gone(t, w, 104)
    w.sim_fault("status=500:no PUT /cluster/backup/* x1")
    code, v, text = take_back(w, op["op_id"])
    t.ok(code == 1 and lives(w, 104), "it stops after the restore", text)
    w.sim.call("PUT", path(104, "/config"), memory=4096)
    code, v, text = w.run("undo", op["op_id"])
    t.ok(code == 1 and v["error"]["code"] == "already_exists"
         and "memory is 8192 in the backup and 4096 there" in v["error"]["message"],
         "a guest that differs is shown with both values", text)
    w.sim.call("PUT", path(104, "/config"), memory=8192)
    w.sim.call("PUT", "/cluster/backup/nightly-prod", vmid="104,105", schedule="02:30")
    code, v, text = w.run("undo", op["op_id"])
    t.ok(code == 1 and v["error"]["code"] == "no_change" and "all that named it names it again" in text,
         "nothing is left to do, and it says so", text)


def op_of(w, plan):
    v = w.ops()
    mine = [o for o in v["operations"] if o.get("plan_id") == plan["plan_id"]]
    why = [u["why"] for u in v["unresolved"] if u["op_id"] == mine[0]["op_id"]]
    return mine[0], why


def test_killed(t, w):
    """Before the backup is in the ledger as verified nothing was executed; after that it may be."""
    for name, fault, kw in (("before it is begun", ("POST", "/vzdump", "before"), {}),
                            ("when it is begun", ("POST", "/vzdump", "after"), {}),
                            ("while it is verified", ("GET", "/extractconfig", "before"), {})):
        code, plan, text = destroy(w, 104)
        w.approve(plan["plan_id"])
        w.apply_killed(plan, *fault, **kw)
        w.sim.settle()
        op, why = op_of(w, plan)
        t.ok(op["result"] == "not-started" and not why and lives(w, 104), f"killed {name}: resolved as not "
             "started", f"{op} {why}")
    code, plan, text = destroy(w, 104)
    w.approve(plan["plan_id"])
    w.apply_killed(plan, "DELETE", "/qemu/104", "before")
    op, why = op_of(w, plan)
    t.ok(op["result"] == "open" and why and lives(w, 104), "killed at the destruction: open, not guessed",
         f"{op} {why}")
    w.sound(t, "killed")


def test_steps(t, w):
    code, plan, text = w.plan("proximo_plan_steps", steps=[
        {"row": "pve_delete_guest", "args": {"vmid": 104, "backup": "backup", "purge": True}},
        {"row": "pve_delete_guest", "args": {"vmid": 105, "backup": "backup"}}])
    t.ok(code == 0, "two ends are one plan", text)
    before = w.sim.now()
    code, op, text = w.carry_out(plan)
    t.ok(code == 0 and not lives(w, 104) and not lives(w, 105), "both are destroyed", text)
    code, v, text = take_back(w, op["op_id"])
    wrong = changed(before, w.sim.now())
    t.ok(code == 0 and not wrong, "and both come back", f"{text}\n{wrong}")


def test_later_steps(t, w):
    """All backups are made before the first step: what a step does to a guest is in none of them."""
    last = {"row": "pve_delete_guest", "args": {"vmid": 104, "backup": "backup", "purge": True}}
    w.sim.call("POST", path(104, "/status/start"))
    for first in ({"row": "pve_guest_power", "args": {"vmid": 104, "action": "stop"}},
                  {"row": "pve_guest_config_set", "args": {"vmid": 104, "set": {"memory": 4096}}}):
        code, v, text = w.plan("proximo_plan_steps", steps=[first, last])
        t.ok(code == 1 and v["error"]["code"] == "backup_impossible" and "an earlier step" in text,
             f"after {first['row']}: refused", text)
        if first["row"] == "pve_guest_power":
            w.sim.call("POST", path(104, "/status/stop"))


TESTS = [test_vm, test_named, test_ct, test_own_storage, test_left_out, test_impossible, test_bad_backups, test_spoiled,
         test_meanwhile, test_archive, test_taken, test_changed_jobs, test_undo_fails, test_undo_goes_on,
         test_undo_finds_all, test_killed,
         test_steps, test_later_steps]
only = sys.argv[1:]


def in_world(test):
    def run(t):
        w = world()
        try:
            test(t, w)
        finally:
            w.close()
    run.__name__ = test.__name__
    return run


sys.exit(Tap().run(*[in_world(x) for x in TESTS if not only or x.__name__ in only],
                   *([test_full] if not only or "test_full" in only else [])))
