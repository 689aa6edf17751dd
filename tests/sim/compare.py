#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Holds pvesim's answers against the captured answers of a real PVE 9.1 cluster (SHARED_DATA), both
# directions: nothing missing, nothing invented, same types, same error form. The cluster is imported
# from the same capture's /etc/pve tree and completed with its runtime facts. What is allowed to
# differ stands, with its reason, in exceptions.json and nowhere else; an exception that no call
# needs any more fails the test too.
import atexit, hashlib, http.client, json, os, re, signal, ssl, subprocess, sys, tempfile, time, urllib.parse

top = os.environ.get("top_srcdir", ".")
build = os.environ.get("top_builddir", ".")
data_dir = os.path.join(os.environ.get("SHARED_DATA", ""), "pve-9.1-cluster")
here = os.path.join(top, "tests", "sim")
MINIMUM = 700  # calls: fewer means that the test stopped testing

tests = failed = 0


def check(ok, name, why=""):
    global tests, failed
    tests += 1
    print(("ok" if ok else "not ok"), tests, "-", name)
    if not ok:
        failed += 1
        for line in str(why).splitlines()[:int(os.environ.get("SHOW", "40"))]:
            print("#", line)


def done():
    print(f"1..{tests}")
    sys.exit(1 if failed else 0)


if not os.path.isdir(data_dir):
    if os.environ.get("MUST_RUN") == "1":
        print("1..1\nnot ok 1 - captured data is missing and MUST_RUN=1")
        sys.exit(1)
    print("1..0 # SKIP no captured data (set SHARED_DATA)")
    sys.exit(0)

single = json.load(open(os.path.join(os.environ["SHARED_DATA"], "pve-9.1-reads.json")))["calls"]
single_changes = json.load(open(os.path.join(os.environ["SHARED_DATA"], "pve-9.1-changes.json")))["calls"]
reads = json.load(open(os.path.join(data_dir, "reads.json")))["calls"]
changes = json.load(open(os.path.join(data_dir, "changes.json")))["calls"]
spec = json.load(open(os.path.join(here, "exceptions.json")))
by_path = {c["path"]: c for c in reads}


def data(path):
    return by_path[path]["body"]["data"]


def make_state(into):
    """The imported tree plus what only a running cluster knows."""
    text = subprocess.run([os.path.join(build, "pvesim"), "import", os.path.join(data_dir, "tree")],
                          check=True, stdout=subprocess.PIPE).stdout
    state = json.loads(text)
    now = int(time.time())
    for res in data("/cluster/resources"):
        if res["type"] in ("qemu", "lxc") and res["status"] == "running":
            g = state["guests"][str(res["vmid"])]
            g["running"] = 1
            g["started"] = now - res["uptime"]
            g["rt"] = {k: res[k] for k in ("mem", "disk", "maxdisk", "cpu", "netin", "netout")}
        elif res["type"] == "node":
            n = state["nodes"][res["node"]]
            for k in ("cpu", "disk", "maxcpu", "maxdisk", "maxmem", "mem"):
                n[k] = res[k]
            n["cgroup_mode"] = res["cgroup-mode"]
            n["booted"] = now - res["uptime"]
            n["boot_mode"] = "legacy-bios"
    for node in data("/nodes"):
        state["nodes"][node["node"]]["fingerprint"] = node["ssl_fingerprint"]
    for name in state["nodes"]:
        body = by_path[f"/nodes/{name}/network"]["body"]
        state["nodes"][name]["network"] = body["data"]
        if "changes" in body:
            state["nodes"][name]["network_changes"] = body["changes"]
        dns = data(f"/nodes/{name}/dns")
        state["nodes"][name].update(dns=dns["dns1"], search=dns["search"])
        for st in data(f"/nodes/{name}/storage"):
            state["usage"].setdefault(st["storage"], {})[name] = {
                k: st[k] for k in ("total", "used", "avail")}
        for t in reversed(data(f"/nodes/{name}/tasks")):
            log = by_path.get(f"/nodes/{name}/tasks/{t['upid']}/log")
            entry = {k: t[k] for k in t if k not in ("upid", "status")}
            entry["exitstatus"] = t["status"]
            entry["log"] = [x["t"] for x in log["body"]["data"]] if log else ["TASK OK"]
            state["tasks"][t["upid"]] = entry
    state["tasks"] = dict(sorted(state["tasks"].items(), key=lambda kv: kv[1]["endtime"]))
    state["volumes"] = {}
    for call in reads:
        m = re.fullmatch(r"/nodes/(\w+)/storage/([\w-]+)/content", call["path"])
        if m and call["status"] == 200:
            for v in call["body"]["data"]:
                entry = {k: v[k] for k in v if k != "volid"}
                if not int(state["storage"][m[2]].get("shared", "0")):
                    known = state["volumes"].get(v["volid"], {}).get("node")
                    entry["node"] = known + "," + m[1] if known else m[1]
                state["volumes"][v["volid"]] = entry
    state["options"] = {"allowed-tags": data("/cluster/options")["allowed-tags"]}
    state["cluster"].update(ha_master="c2", release="9.1", version_text="9.1.7", repoid="0307225d4bc8b3ed")
    json.dump(state, open(into, "w"))


def make_single(into):
    """The capture of one node: its state is put together from the answers alone."""
    now = int(time.time())

    def get(path):
        return next(c["root"]["body"]["data"] for c in single if c["path"] == path)

    state = {"cluster": {"local": "pve1", "release": "9.1", "version_text": "9.1.7",
                         "repoid": "0307225d4bc8b3ed"},
             "guests": {}, "storage": {}, "usage": {}, "volumes": {}, "users": {}, "groups": {},
             "roles": {}, "acl": {}, "pools": {}, "jobs": {}, "tasks": {},
             "domains": {d["realm"]: {k: d[k] for k in ("type", "comment")} for d in get("/access/domains")},
             "ha": {"resources": {}, "rules": {}}}
    node = get("/nodes")[0]
    state["nodes"] = {"pve1": {"id": 0, "ip": "10.99.77.11", "booted": now - node["uptime"],
                               "boot_mode": "legacy-bios", "fingerprint": node["ssl_fingerprint"],
                               "cgroup_mode": 1, "network": get("/nodes/pve1/network"),
                               "dns": get("/nodes/pve1/dns")["dns1"],
                               "search": get("/nodes/pve1/dns")["search"],
                               **{k: node[k] for k in ("cpu", "disk", "maxcpu", "maxdisk", "maxmem", "mem")}}}

    sdn = state["sdn"] = {}
    for kind, one in (("zones", "zone"), ("vnets", "vnet")):
        sdn[kind] = {o[one]: {k: o[k] for k in o if k not in (one, "digest")} for o in get(f"/cluster/sdn/{kind}")}

    def section(data):
        return {k: str(v).rstrip("\n") if k == "description" else str(v)
                for k, v in data.items() if k != "digest"}

    for kind_ in ("lxc", "qemu"):
        for g in get(f"/nodes/pve1/{kind_}"):
            base = f"/nodes/pve1/{kind_}/{g['vmid']}"
            known = {c["path"] for c in single}
            if base + "/config" in known:
                config, snaps = get(base + "/config"), get(base + "/snapshot")
            else:  # read only once, among the changes
                config, snaps = next(c["body"]["data"] for c in single_changes
                                     if c["path"] == base + "/config" and c["method"] == "GET"), []
            guest = {"type": kind_, "node": "pve1", "config": section(config), "snapshots": {}}
            for snap in snaps:
                path = f"{base}/snapshot/{snap['name']}/config"
                if snap["name"] != "current":
                    found = get(path) if path in known else {**get(base + "/config"), "parent": None}
                    guest["snapshots"][snap["name"]] = {
                        **{k: v for k, v in section(found).items() if v != "None"},
                        "description": snap["description"].rstrip("\n"),
                        "snaptime": str(snap["snaptime"])}
            if g["status"] == "running":
                guest.update(pid=g["pid"], running=1, started=now - g["uptime"],
                             rt={k: g[k] for k in ("mem", "disk", "maxdisk", "cpu", "netin", "netout")})
            state["guests"][str(g["vmid"])] = guest
    for st in sorted(get("/storage"), key=lambda x: x["storage"] != "local"):
        state["storage"][st["storage"]] = {k: str(v) for k, v in st.items() if k not in ("storage", "digest")}
    for st in get("/nodes/pve1/storage"):
        state["usage"][st["storage"]] = {"*": {k: st[k] for k in ("total", "used", "avail")}}
    state["volumes"] = {v["volid"]: {k: v[k] for k in v if k != "volid"}
                        for v in get("/nodes/pve1/storage/btr/content")}
    for u in get("/access/users"):
        state["users"][u["userid"]] = {k: u[k] for k in u if k not in ("userid", "realm-type")}
    for user, name, privsep in (("audit@pve", "ro", 0), ("op@pve", "sep", 1), ("root@pam", "lab", 0)):
        state["users"][user].setdefault("tokens", {})[name] = {
            "privsep": privsep, "expire": 0,
            "hash": "sha256:" + hashlib.sha256(b"test").hexdigest()}
    for g in get("/access/groups"):
        state["groups"][g["groupid"]] = {"users": {u: 1 for u in g["users"].split(",") if u},
                                         **({"comment": g["comment"]} if "comment" in g else {})}
    for a in get("/access/acl"):
        entry = state["acl"].setdefault(a["path"], {}).setdefault(f"{a['type']}:{a['ugid']}", {})
        entry[a["roleid"]] = a["propagate"]
    for r in get("/access/roles"):
        if not r["special"]:
            state["roles"][r["roleid"]] = {p: 1 for p in r["privs"].split(",")}
    state["options"] = {"allowed-tags": get("/cluster/options")["allowed-tags"]}
    for p in get("/pools"):
        members = get(f"/pools/{p['poolid']}")["members"]
        state["pools"][p["poolid"]] = {"comment": p.get("comment", ""), "storage": {},
                                       "vms": {str(m["vmid"]): 1 for m in members}}
    for r in get("/cluster/ha/resources"):
        state["ha"]["resources"][r["sid"]] = {"state": r["state"]}
    for r in get("/cluster/ha/rules"):
        state["ha"]["rules"][r["rule"]] = {k: r[k] for k in ("nodes", "resources", "type")}
    for j in get("/cluster/backup"):
        state["jobs"][j["id"]] = {k: j[k] for k in j if k not in ("id", "next-run")}
    for t in reversed(get("/nodes/pve1/tasks")):
        log = next((c["root"]["body"]["data"] for c in single
                    if c["path"] == f"/nodes/pve1/tasks/{t['upid']}/log"), [{"t": "TASK OK"}])
        state["tasks"][t["upid"]] = {**{k: t[k] for k in t if k not in ("upid", "status")},
                                     "exitstatus": t["status"], "log": [x["t"] for x in log]}
    json.dump(state, open(into, "w"))


class Sim:
    def __init__(self, directory, make):
        pvesim = os.path.join(build, "pvesim")
        state = os.path.join(directory, "state.json")
        make(state)
        self.process = subprocess.Popen(
            [pvesim, "--listen", "127.0.0.1:0", "--dir", directory, "--state", state, "--task-ms", "1"],
            stdout=subprocess.PIPE, text=True)
        atexit.register(self.process.kill)  # of one that is gone: does nothing
        facts = {}
        for line in self.process.stdout:
            if line.strip() == "ready":
                break
            key, value = line.strip().split(" ", 1)
            facts[key] = value
        self.address = facts["listen"]
        self.token = open(facts["token-file"]).read().strip()
        self.context = ssl._create_unverified_context()
        self.connection = None

    def call(self, method, path, form=None, token=None):
        headers = {"Authorization": "PVEAPIToken=" + (token or self.token)}
        body = None
        if form and method in ("GET",):
            path += ("&" if "?" in path else "?") + urllib.parse.urlencode(form)
        elif form:
            body = urllib.parse.urlencode(form)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if not self.connection:
            self.connection = http.client.HTTPSConnection(self.address, context=self.context, timeout=60)
        self.connection.request(method, "/api2/json" + urllib.parse.quote(path, safe="/:?&=!@%,.-_"),
                                body, headers)
        answer = self.connection.getresponse()
        raw = answer.read()
        closes = answer.getheader("Connection") == "close"
        reason = answer.reason
        if closes:
            self.connection.close()
            self.connection = None
        try:
            parsed = json.loads(raw)
        except ValueError:
            parsed = {"_raw": raw.decode()}
        return answer.status, reason, parsed, closes

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


def kind(v):
    if v is None:
        return "null"
    if isinstance(v, bool):
        return "boolean"
    if isinstance(v, (int, float)):
        return "number"
    return {str: "string", list: "array", dict: "object"}[type(v)]


used = set()


def excused(template, where, what):
    for i, x in enumerate(spec["exceptions"]):
        if re.fullmatch(x["template"], template) and re.fullmatch(x["where"], where) and \
                x["what"] in (what, "any"):
            used.add(i)
            return True
    return False


IDENTITY = ("volid", "upid", "id", "vmid", "sid", "rule", "storage", "userid", "roleid", "realm",
            "poolid", "name", "key", "iface", "subdir", "cmd", "pos", "n", "groupid", "cidr", "group",
            "tokenid", "node")


def index(items):
    """Lists of objects are compared by the members' own names, in any order."""
    if items and all(isinstance(x, str) for x in items):
        return {x: x for x in items}
    if items and all(isinstance(x, dict) and "ugid" in x for x in items):
        return {f"{x['path']} {x['ugid']} {x['roleid']}": x for x in items}
    for key in IDENTITY:
        if items and all(isinstance(x, dict) and key in x for x in items):
            names = [str(x[key]) for x in items]
            if len(set(names)) == len(names):
                return dict(zip(names, items))
    return None


def compare(template, real, sim, where, out):
    if kind(real) != kind(sim):
        if not excused(template, where, "type"):
            out.append(f"{where}: {kind(real)} is {kind(sim)} ({real!r:.80} / {sim!r:.80})")
        return
    if isinstance(real, dict):
        for k in sorted(set(real) | set(sim)):
            at = f"{where}.{k}"
            if k not in sim:
                if not excused(template, at, "missing"):
                    out.append(f"{at}: missing (real: {real[k]!r:.80})")
            elif k not in real:
                if not excused(template, at, "invented"):
                    out.append(f"{at}: invented ({sim[k]!r:.80})")
            else:
                compare(template, real[k], sim[k], at, out)
    elif isinstance(real, list):
        a, b = index(real), index(sim)
        if a is None or b is None:
            if len(real) != len(sim) and not excused(template, where + "[]", "length"):
                out.append(f"{where}: {len(real)} entries are {len(sim)}")
            for x, y in zip(real, sim):
                compare(template, x, y, where + "[]", out)
            return
        for k in sorted(set(a) | set(b)):
            if k not in b:
                if not excused(template, f"{where}[{k}]", "missing"):
                    out.append(f"{where}[{k}]: missing")
            elif k not in a:
                if not excused(template, f"{where}[{k}]", "invented"):
                    out.append(f"{where}[{k}]: invented")
            else:
                compare(template, a[k], b[k], where + "[]", out)
    elif real != sim:
        leaf = where.rsplit(".", 1)[-1]
        if leaf == "content" and sorted(real.split(",")) == sorted(sim.split(",")):
            return  # PVE prints a set in any order
        if not excused(template, where, "value"):
            out.append(f"{where}: {real!r:.120} is {sim!r:.120}")


def served(template):
    return any(re.fullmatch(p, template) for p in spec["served"])


def cut(real, body):
    """The capture of one node shortened long lists: what is left of them has to be there."""
    n = real.pop("_cut_from", None)
    if n is not None and isinstance(body.get("data"), list):
        names, have = index(real["data"]), index(body["data"])
        if names and have:
            body["data"] = [v for k, v in have.items() if k in names]


def one(sim, call, token=None):
    template = call["template"]
    status, reason, body, closes = sim.call("GET", call["path"], None, token)
    call["body"].pop("_gzip", None)
    cut(call["body"], body)
    out = []
    if status != call["status"]:
        if not excused(template, "status", "value"):
            out.append(f"status {call['status']} is {status}: {body!r:.200}")
        return out
    compare(template, call["body"], body, "body", out)
    if status != 200:
        if not closes:
            out.append("an error has to close the connection")
        if "message" in body and body["message"].split("\n")[0] != reason:
            out.append(f"reason phrase is {reason!r}")
    return out


def run_reads(sim):
    compared, bad = 0, []
    for call in reads:
        if not served(call["template"]):
            continue
        compared += 1
        try:
            out = one(sim, call)
        except (http.client.HTTPException, OSError) as e:
            out, sim.connection = [f"no answer: {e!r}"], None
        if out:
            bad.append(call["path"] + "\n" + "\n".join("    " + x for x in out))
    return compared, bad


TOKENS = {"root": "root@pam!lab=test", "audit": "audit@pve!ro=test", "op": "op@pve!sep=test"}


def run_single(sim):
    """As root and as an auditor."""
    compared, bad = 0, []
    for call in single:
        if not served(call["template"]):
            continue
        for who in ("root", "audit"):
            answer = call["root"] if call[who] == "same" else call[who]
            compared += 1
            try:
                out = one(sim, {**answer, "body": json.loads(json.dumps(answer["body"])),
                                "path": call["path"], "template": call["template"]}, TOKENS[who])
            except (http.client.HTTPException, OSError) as e:
                out, sim.connection = [f"no answer: {e!r}"], None
            if out:
                bad.append(f"{call['path']} as {who}\n" + "\n".join("    " + x for x in out))
    return compared, bad


# The captured changes, in order, on the same state. A task's UPID is the simulator's own; whatever
# refers to it is asked for by that one.
def wait(sim, upid):
    """Every change's task has ended before the next call, as it had in the capture."""
    for _ in range(1000):
        body = sim.call("GET", f"/nodes/{upid.split(':')[1]}/tasks/{upid}/status")[2]
        if body["data"]["status"] == "stopped":
            return
        time.sleep(0.01)


def run_changes(sim, calls):
    compared, bad, upids = 0, [], {}
    for call in calls:
        path = re.sub(r"\?.*", "", call["path"])
        if not any(re.fullmatch(p, call["method"] + " " + path) for p in spec["served_changes"]):
            continue
        m = re.search(r"UPID:[^/]*:", call["path"])
        real_path = call["path"]
        if m:
            if m[0] not in upids:
                continue  # of a call that is not served
            real_path = real_path.replace(m[0], upids[m[0]])
        template = call["method"] + " " + re.sub(r"UPID:[^/]*:", "{upid}", path)
        status, reason, body, closes = sim.call(call["method"], real_path, call["form"],
                                                TOKENS.get(call.get("as")))
        call["body"].pop("_cut_from", None)
        if str(body.get("data")).startswith("UPID:"):
            wait(sim, body["data"])
        compared += 1
        out = []
        if status != call["status"]:
            if not excused(template, "status", "value"):
                out.append(f"status {call['status']} is {status}: {body!r:.200}")
        else:
            real = call["body"]
            if isinstance(real.get("data"), str) and real["data"].startswith("UPID:"):
                upid = body.get("data") or ""
                upids[real["data"]] = upid
                a, b = real["data"].split(":"), upid.split(":")
                if len(a) != len(b) or a[1] != b[1] or a[5:7] != b[5:7]:
                    out.append(f"{real['data']} is {upid}")
            else:
                compare(template, real, body, "body", out)
            if status != 200 and not closes:
                out.append("an error has to close the connection")
        if out:
            bad.append(f"{call['method']} {call['path']} ({call['note']})\n" +
                       "\n".join("    " + x for x in out))
    return compared, bad


total = 0
for make, phases in (
        (make_state, ((run_reads, "reads of three nodes"),
                      (lambda sim: run_changes(sim, changes), "changes on three nodes"))),
        (make_single, ((run_single, "reads of one node, as root and as an auditor"),
                       (lambda sim: run_changes(sim, single_changes), "changes on one node")))):
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o700)
        sim = Sim(directory, make)
        try:
            for phase, name in phases:
                n, bad = phase(sim)
                total += n
                check(not bad, f"{n} captured {name} answered alike", "\n".join(bad))
        finally:
            code = sim.stop()
        check(code == 0, "pvesim ends cleanly", code)
print(f"# {total} calls compared")
check(total >= MINIMUM, f"at least {MINIMUM} calls compared", total)
idle = [x for i, x in enumerate(spec["exceptions"]) if i not in used]
check(not idle, "every exception is needed", json.dumps(idle, indent=1))
check(all(len(x.get("reason", "")) > 15 for x in spec["exceptions"]), "every exception has a reason")
done()
