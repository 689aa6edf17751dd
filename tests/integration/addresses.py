# SPDX-License-Identifier: Apache-2.0
"""One cluster, several addresses of its API: a plan over all guests reads from all of them and says so,
names one that does not answer or shows another cluster, equals the plan over one address, and is
carried out over the first."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "../testbed"))
from lab import Lab  # noqa: E402
from world import Tap  # noqa: E402

BUILD = os.environ.get("top_builddir", ".")
NODES, GUESTS = 3, 60


def lab_with(also=(), policy=()):
    lab = Lab(BUILD)
    lab.generate(NODES, GUESTS)
    lab.start_sim(*[o for a in also for o in ("--also", a)])
    lab.configure(policy)
    return lab


def rewrite(lab, old, new):
    ini = lab.dir / "config" / "proximo" / "proximo.ini"
    text = ini.read_text()
    assert old in text
    ini.write_text(text.replace(old, new, 1))


def plan(lab):
    code, v = lab.client_json("plan", "pve_storage_delete", "storage=local-zfs")
    assert code == 0, v
    return v


def what(p):
    """Of a plan what the cluster makes of it: not its number, its time, its source."""
    p = p.get("plan", p)
    return {k: p[k] for k in ("affected", "preconditions", "complete", "risk", "coverage", "requests")}


def sources(p):
    return " ".join(p.get("plan", p)["sources"])


def checks(lab):
    _, v = lab.client_json("doctor")
    return [(c["status"], c["text"]) for c in v["clusters"][0]["checks"] if c["check"] == "address"]


def test_all_are_used(t):
    with lab_with() as one, lab_with(("n02=127.0.0.1:0", "n03=127.0.0.1:0")) as three:
        a, b = plan(one), plan(three)
        t.ok(what(a) == what(b), "the plan is the one that a single address gives")
        t.ok(sources(a) == "API", "a single address is not made much of", sources(a))
        t.ok("over 3 of 3 addresses" in sources(b), "the plan says how many it was read over", sources(b))
        got = checks(three)
        t.ok([c[0] for c in got] == ["ok", "ok"] and got[0][1].endswith("is node n02")
             and got[1][1].endswith("is node n03"), "doctor names whose addresses they are", got)


def test_one_is_away(t):
    with lab_with(("n02=127.0.0.1:0", "n03=127.0.0.1:0")) as lab:
        gone = lab.sim_info["also"].split()[1]
        rewrite(lab, gone, "https://127.0.0.1:1")
        p = plan(lab)
        t.ok("over 2 of 3 addresses (https://127.0.0.1:1 is left out:" in sources(p),
             "an address where nobody listens is named, and the plan is made", sources(p))
        t.ok(p.get("plan", p)["complete"], "and misses nothing")
        t.ok(checks(lab)[1][0] == "failed", "doctor does not call it good", checks(lab))


def test_another_cluster(t):
    with lab_with(("n02=127.0.0.1:0",)) as lab, Lab(BUILD) as other:
        other.generate(NODES + 1, GUESTS)
        other.start_sim("--also", "n02=127.0.0.1:0")
        mine, theirs = lab.sim_info["also"], other.sim_info["also"]
        token = (lab.dir / "sim" / "root.token").read_text().strip()
        rewrite(lab, mine, theirs)
        rewrite(lab, f"{lab.sim_info['fingerprint']} {lab.sim_info['fingerprint']}",
                f"{lab.sim_info['fingerprint']} {other.sim_info['fingerprint']}")
        p = plan(lab)
        t.ok("over 1 of 2 addresses" in sources(p) and "left out" in sources(p),
             "an address of another cluster is left out", sources(p))
        t.ok(token not in str(p), "the token is in no message")


def test_carried_out(t):
    with lab_with(("n02=127.0.0.1:0", "n03=127.0.0.1:0")) as lab:
        lab.operator()
        p = plan(lab)
        lab.approve(p["plan_id"])
        code, out, err = lab.client("apply", p["plan_id"])
        t.ok(code == 0, "the plan is carried out", out + err)
        code, v = lab.client_json("read", "pve_storage_config_get", "storage=local-zfs")
        t.ok(code != 0, "and the storage is gone", v)


def test_drift(t):
    """What changed after a spread reading is found over the first."""
    with lab_with(("n02=127.0.0.1:0", "n03=127.0.0.1:0"), [("approve-medium", "operator")]) as lab:
        lab.operator()
        p = plan(lab)
        vmid = p.get("plan", p)["affected"][0]["resource"].split("/")[1]
        code, v = lab.client_json("plan", "pve_guest_config_set", f"vmid={vmid}",
                                  'set:={"description":"moved on"}')
        assert code == 0, v
        t.ok(sources(v) == "API", "a plan that read little does not claim the others", sources(v))
        lab.approve(v["plan_id"])
        code, out, err = lab.client("apply", v["plan_id"])
        assert code == 0, out + err
        lab.approve(p["plan_id"])
        code, out, err = lab.client("apply", p["plan_id"])
        t.ok(code == 5 and "this changed" in out + err,
             "a plan of before is refused", f"{code} {out} {err}")


sys.exit(Tap().run(test_all_are_used, test_one_is_away, test_another_cluster, test_carried_out,
                   test_drift))
