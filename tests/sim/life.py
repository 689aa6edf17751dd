#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The life of a running pvesim: what it acknowledged is there after kill -9, a task that was running
# then has ended, the tree's files carry the digests that the API returns, faults do what they say,
# errors close the connection, and a backed guest is a real container (as root with LXC).
import hashlib, json, os, shutil, signal, socket, ssl, subprocess, tempfile, time
import urllib.parse

from sim_client import Sim, check, done, pvesim, skip


def digest_of_file(sim, rest):
    with open(os.path.join(sim.directory, "pve", rest), "rb") as f:
        return hashlib.sha1(f.read()).hexdigest()


def kill_and_restart(d):
    sim = Sim(d, "--task-ms", "60000")
    secret = sim.token.split("=", 1)[1]
    check(os.stat(sim.facts["token-file"]).st_mode & 0o077 == 0, "token files are private")
    ok = all(sim.call("PUT", "/nodes/pve1/lxc/101/config", description=f"n{i}")[0] == 200
             for i in range(20))
    slow = sim.call("POST", "/nodes/pve1/lxc/101/snapshot", snapname="slow")[2]["data"]
    sim.call("DELETE", "/storage/local-zfs")
    sim.stop(signal.SIGKILL)
    again = Sim(d, "--task-ms", "1")
    conf = again.call("GET", "/nodes/pve1/lxc/101/config")[2]["data"]
    check(ok and conf["description"] == "n19\n", "the last acknowledged change survived kill -9", conf)
    check(again.call("GET", "/storage/local-zfs")[0] == 500, "so did a deleted storage")
    check(again.end_of("pve1", slow) == "unexpected status", "a task that was running has ended")
    snaps = again.call("GET", "/nodes/pve1/lxc/101/snapshot")[2]["data"]
    check("slow" not in [s["name"] for s in snaps], "and has done nothing", snaps)
    check(again.token == sim.token and again.facts["fingerprint"] == sim.facts["fingerprint"],
          "token and certificate stay")
    check(conf["digest"] == digest_of_file(again, "nodes/pve1/lxc/101.conf"),
          "the digest is SHA-1 of the guest's file")
    st = again.call("GET", "/storage")[2]["data"]
    check({s["digest"] for s in st} == {digest_of_file(again, "storage.cfg")},
          "the storage digest is SHA-1 of storage.cfg")
    again.call("PUT", "/nodes/pve1/lxc/101/config", cores="3")
    again.call("PUT", "/storage/backup", content="iso")
    conf = again.call("GET", "/nodes/pve1/lxc/101/config")[2]["data"]
    st = again.call("GET", "/storage/backup")[2]["data"]
    check(conf["digest"] == digest_of_file(again, "nodes/pve1/lxc/101.conf") and
          st["digest"] == digest_of_file(again, "storage.cfg"), "the tree follows each change")
    end = again.end_of("pve2", again.call("POST", "/nodes/pve2/qemu/210/status/start")[2]["data"])
    check(end == "storage 'local-zfs' does not exist", "a VM on a deleted storage does not boot", end)
    check(again.stop() == 0, "ends cleanly on SIGTERM")
    leaked = [f for f in ("state.json", "state.json.journal")
              if secret in open(os.path.join(d, f)).read()]
    check(not leaked, "no secret in state or journal", leaked)


def access(sim):
    audit = open(sim.facts["audit-token-file"]).read().strip()
    status, reason, body = sim.call("PUT", "/nodes/pve1/lxc/101/config", token=audit, memory="64")
    check(status == 403 and reason == "Permission check failed (/vms/101, VM.Config.Disk|VM.Config.CPU"
          "|VM.Config.Memory|VM.Config.Network|VM.Config.Options)", "the auditor changes nothing", reason)
    check(sim.call("GET", "/version", token="root@pam!proximo=wrong")[0] == 401, "a wrong secret is 401")
    check(sim.call("GET", "/version", token="rubbish")[0] == 401, "a malformed token is 401")
    made = sim.call("POST", "/access/users/auditor@pve/token/sep", privsep="1")[2]["data"]
    sep = made["full-tokenid"] + "=" + made["value"]
    seen = sim.call("GET", "/cluster/resources", token=sep, type="vm")[2]["data"]
    check(seen == [], "a separated token without grants sees nothing", seen)
    sim.call("PUT", "/access/acl", path="/vms/101", roles="PVEVMUser", tokens=made["full-tokenid"])
    seen = sim.call("GET", "/cluster/resources", token=sep, type="vm")[2]["data"]
    check([g["vmid"] for g in seen] == [101], "with a grant it sees that guest", seen)
    check(sim.call("POST", "/nodes/pve1/lxc/101/status/stop", token=sep)[0] == 403,
          "and has no more than its user")


def faults(sim):
    def fault(spec):
        return sim.call("POST", "/sim/fault", prefix="", spec=spec)[0]

    check(fault("nonsense *") == 400, "a bad fault is refused")
    fault("status=596 GET /version x1")
    check([sim.call("GET", "/version")[0] for _ in range(2)] == [596, 200], "a status, once")
    fault("drop-before PUT /storage/backup x1")
    check(sim.call("PUT", "/storage/backup", content="iso")[0] == 0 and
          sim.call("GET", "/storage/backup")[2]["data"]["content"] == "backup",
          "dropped before: no answer, no change")
    fault("drop-after PUT /storage/backup x1")
    check(sim.call("PUT", "/storage/backup", content="iso")[0] == 0 and
          sim.call("GET", "/storage/backup")[2]["data"]["content"] == "iso",
          "dropped after: no answer, but the change")
    fault("task-fail=out+of+cheese POST */snapshot x1")
    upid = sim.call("POST", "/nodes/pve1/lxc/303/snapshot", snapname="f1")[2]["data"]
    check(sim.end_of("pve1", upid) == "out of cheese", "a task that fails")
    fault("task-hang POST */status/start x1")
    upid = sim.call("POST", "/nodes/pve1/lxc/303/status/start")[2]["data"]
    time.sleep(0.3)
    path = f"/nodes/pve1/tasks/{urllib.parse.quote(upid)}"
    check(sim.call("GET", path + "/status")[2]["data"]["status"] == "running", "a task that hangs")
    check(sim.call("DELETE", path)[0] == 200 and sim.end_of("pve1", upid) == "received interrupt",
          "is ended by DELETE")
    check(sim.call("GET", "/sim/fault", prefix="")[2]["data"] == [], "used-up faults are gone")


def pending(sim):
    """What waits for a restart, as PVE keeps it."""
    path = "/nodes/pve2/qemu/105"

    def waits():
        return {p["key"]: p.get("pending", "delete" if p.get("delete") else None)
                for p in sim.call("GET", path + "/pending")[2]["data"]
                if "pending" in p or "delete" in p}

    def put(**form):
        return sim.call("PUT", path + "/config", **form)[0]

    digest = sim.call("GET", path + "/config")[2]["data"]["digest"]
    put(memory="8192")
    check(waits() == {"memory": "8192"}, "a change of a running VM waits", waits())
    put(memory="4096")
    check(waits() == {} and sim.call("GET", path + "/config")[2]["data"]["digest"] == digest,
          "set back to what it is, it waits no more, and the file is as it was", waits())
    put(memory="8192", sockets="2")
    put(delete="memory")
    check(waits() == {"memory": "delete", "sockets": 2}, "a deletion replaces a waiting value", waits())
    put(memory="6144")
    check(waits() == {"memory": "6144", "sockets": 2}, "and the other way round", waits())
    put(delete="sockets")
    check(waits() == {"memory": "6144"}, "deleting what only waits is the end of it", waits())
    put(revert="memory")
    check(waits() == {} and sim.call("GET", path + "/config")[2]["data"]["digest"] == digest,
          "revert takes it back", waits())


def feature(sim):
    def can(guest, what, **more):
        status, reason, body = sim.call("GET", f"/nodes/{guest}/feature", feature=what, **more)
        return body["data"] if status == 200 else reason

    check(can("pve1/lxc/101", "snapshot") == {"hasFeature": 1}, "a container on ZFS has snapshots")
    check(can("pve2/lxc/302", "snapshot") == {"hasFeature": 0}, "one on a raw file has not")
    check(can("pve1/lxc/303", "copy") == {"hasFeature": 0}, "nor a bind mount anything")
    check(can("pve2/qemu/105", "copy", snapname="nightly")["hasFeature"] == 1,
          "a qcow2 file can be copied as it was")
    check(can("pve2/qemu/105", "clone")["hasFeature"] == 0 and
          can("pve3/qemu/213", "clone") == {"hasFeature": 1, "nodes": ["pve1", "pve2", "pve3"]},
          "linked clones are of templates, where their storage is")
    check(can("pve1/qemu/104", "snapshot") == {"hasFeature": 1, "nodes": ["pve1"]},
          "a local volume is on its node", can("pve1/qemu/104", "snapshot"))
    check(can("pve2/qemu/105", "copy", snapname="nope") == "snapshot 'nope' does not exist",
          "a snapshot that is none")
    status, _, body = sim.call("GET", "/nodes/pve2/qemu/105/feature")
    check(status == 400 and "feature" in body["errors"], "the feature must be named", body)


def repeatable():
    seen = []
    for _ in range(2):
        with tempfile.TemporaryDirectory() as d:
            sim = Sim(d, "--clock", "1790000000", "--seed", "5", "--task-ms", "1")
            upid = sim.call("POST", "/nodes/pve1/lxc/303/status/start")[2]["data"]
            sim.end_of("pve1", upid)
            seen.append((upid, sim.call("GET", "/nodes/pve1/lxc/303/status/current")[2]))
            sim.stop()
    check(seen[0] == seen[1], "same seed and clock, same answers", seen)


def backed():
    name = f"pvesim-test-{os.getpid()}"
    if os.geteuid() != 0 or not shutil.which("lxc-start") or not shutil.which("busybox"):
        return skip("a backed guest is a real container", "needs root, LXC and busybox")
    with tempfile.TemporaryDirectory() as d:
        lxc = os.path.join(d, "lxc")
        root = os.path.join(lxc, name, "rootfs")
        for sub in ("bin", "sbin", "dev", "proc", "sys", "etc", "tmp"):
            os.makedirs(os.path.join(root, sub))
        shutil.copy(shutil.which("busybox"), os.path.join(root, "bin/busybox"))
        with open(os.path.join(root, "sbin/init"), "w") as f:
            f.write("#!/bin/busybox sh\ntrap 'exit 0' TERM PWR INT\n"
                    "while :; do /bin/busybox sleep 1; done\n")
        os.chmod(os.path.join(root, "sbin/init"), 0o755)
        with open(os.path.join(lxc, name, "config"), "w") as f:
            f.write(f"lxc.uts.name = {name}\nlxc.rootfs.path = dir:{root}\nlxc.net.0.type = empty\n"
                    "lxc.apparmor.profile = unconfined\nlxc.init.cmd = /bin/busybox sh /sbin/init\n")
        sim = Sim(d, "--task-ms", "1")
        sim.stop()
        path = os.path.join(d, "state.json")
        state = json.load(open(path))
        state["guests"]["303"]["backing"] = {"lxc": name, "lxcpath": lxc}
        json.dump(state, open(path, "w"))
        sim = Sim(d, "--task-ms", "1")

        def real():
            return subprocess.run(["lxc-info", "-n", name, "-P", lxc, "-sH"], stdout=subprocess.PIPE,
                                  text=True).stdout.strip()

        def shown():
            return sim.call("GET", "/nodes/pve1/lxc/303/status/current")[2]["data"]["status"]

        try:
            check(shown() == "stopped", "a backed guest shows its container's state")
            end = sim.end_of("pve1", sim.call("POST", "/nodes/pve1/lxc/303/status/start")[2]["data"])
            check(end == "OK" and real() == "RUNNING" and shown() == "running",
                  "its start starts the container", (end, real()))
            upid = sim.call("POST", "/nodes/pve1/lxc/303/status/stop")[2]["data"]
            end = sim.end_of("pve1", upid)
            check(end == "OK" and real() == "STOPPED" and shown() == "stopped",
                  "its stop stops the container", (end, real()))
        finally:
            subprocess.run(["lxc-stop", "-n", name, "-P", lxc, "-k"], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
            sim.stop()


with tempfile.TemporaryDirectory() as directory:
    kill_and_restart(directory)
with tempfile.TemporaryDirectory() as directory:
    simulator = Sim(directory, "--task-ms", "1")
    try:
        access(simulator)
        faults(simulator)
        pending(simulator)
        feature(simulator)
    finally:
        simulator.stop()
repeatable()
backed()
scratch = tempfile.TemporaryDirectory()
for arguments in (["--listen", "nowhere", "--dir", scratch.name], ["--task-ms", "x"], ["--nosuch"],
                  ["frobnicate"], ["--fault", "nonsense", "--dir", scratch.name],
                  ["generate", "--nodes", "0"], ["generate", "--nodes", "33"],
                  ["generate", "--every", "0"]):
    p = subprocess.run([pvesim, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                       env={**os.environ, "HOME": "/nonexistent"})
    check(p.returncode in (1, 2) and p.stderr, f"a clear error for {' '.join(arguments)}", p)
p = subprocess.run([pvesim, "--check", "--dir", scratch.name], stdout=subprocess.PIPE, text=True)
check(p.returncode == 0 and p.stdout == "nodes 3\nguests 9\n", "--check says what a state holds, and ends", p)
done()
