#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random chains of changes of the firewall, HA, the software-defined network, interfaces and backup jobs:
what later steps see of them, against what a simulated cluster answers when they are done. What is said to
be known must be what is answered, what is said to be untouched as it was. TAP."""
import http.client
import json
import os
import random
import ssl
import subprocess
import sys
import tempfile
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../integration"))
sys.path.insert(0, HERE)
from guest_lib import BUILD, FIRST, SEED, again, cases, done, ok  # noqa: E402
from then_chains import GUESTS, NODES, PLANES, chain  # noqa: E402
from world import Sim  # noqa: E402

seen = {}  # row: [done, refused, answers that were known, that were said to be unknown]


class Connection:
    """One that is kept: a case reads some hundred answers."""

    def __init__(self, sim):
        self.url = urllib.parse.urlsplit(sim.info["url"])
        with open(sim.info["token-file"], encoding="utf-8") as f:
            self.head = {"Authorization": sim.scheme + f.read().strip()}
        self.sim, self.c = sim, None

    def ask(self, method, path, form=None):
        """The answer's body, None when it is refused."""
        path, _, member = path.partition("#")
        if not self.c:
            self.c = http.client.HTTPSConnection(self.url.hostname, self.url.port, timeout=60,
                                                 context=ssl._create_unverified_context())
        text = urllib.parse.urlencode(form or {}, doseq=True)
        by_url = method in ("GET", "DELETE")
        self.c.request(method, "/api2/json" + path + ("?" + text if by_url and text else ""),
                       None if by_url else text,
                       {**self.head, **({} if by_url else {"Content-Type": "application/x-www-form-urlencoded"})})
        r = self.c.getresponse()
        body = r.read()
        if r.status != 200:
            self.c.close()
            self.c = None
            return False, None
        return True, json.loads(body).get(member or "data")


class Case:
    def __init__(self):
        self.p = subprocess.Popen([os.path.join(BUILD, "tests/model/then_case")], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)

    def ask(self, case):
        self.p.stdin.write(json.dumps(case) + "\n")
        self.p.stdin.flush()
        return json.loads(self.p.stdout.readline())


def common():
    """What other planes read: it must not be said to be otherwise than it is."""
    reads = {"/cluster/resources?type=vm": "guests", "/cluster/ha/resources": "whole", "/cluster/ha/rules": "whole",
             "/cluster/backup": "whole", "/cluster/firewall/rules": "whole", "/cluster/firewall/options": "whole",
             "/cluster/sdn/vnets": "whole", "/access/acl": "whole", "/storage": "whole", "/pools": "whole"}
    for node, kind, vmid in GUESTS:
        at = f"/nodes/{node}/{kind}/{vmid}"
        reads.update({at + "/config": "config", at + "/status/current": "power", at + "/firewall/rules": "whole"})
    for node in NODES:
        reads.update({f"/nodes/{node}/network": "whole", f"/nodes/{node}/network#changes": "whole"})
    return reads


def differ(mine, real):
    items = [{json.dumps(x, sort_keys=True) for x in (v if isinstance(v, list) else v.items() if v else [])}
             for v in (mine, real)]
    return f"computed {sorted(items[0] - items[1])}, answered {sorted(items[1] - items[0])}"


def carry_out(sim, c, op):
    good, data = c.ask(op.method, op.path, op.form)
    count = seen.setdefault(op.row, [0, 0, 0, 0])
    count[not good] += 1
    if good and isinstance(data, str) and data.startswith("UPID:"):
        sim.end_of(data)
    return good


def one_case(rng, i, case):
    plane = PLANES[i % len(PLANES)]
    with tempfile.TemporaryDirectory() as d:
        sim = Sim(d, "--task-ms", "1")
        try:
            c = Connection(sim)
            made, ops = chain(rng, plane, rng.randint(2, 9))
            reads = {**common(), **made.reads()}
            now = {}
            for p in reads:
                good, data = c.ask("GET", p)
                if good:
                    now[p] = data
            sent = [op for op in ops if carry_out(sim, c, op)]
            sim.settle()
            ask = []
            for p, r in reads.items():
                good, data = c.ask("GET", p)
                ask.append({"path": p, "reduce": r, **({"after": data} if good and data is not None else {})})
        finally:
            sim.stop()
    if not sent:
        return None
    # a member that an answer has not is there, and nothing
    told = {p: data for p, data in now.items() if data is not None}
    out = case.ask({"requests": [op.request() for op in sent], "now": told, "ask": ask})
    wrong = [a for a in out if a["is"] in ("same", "known") and not a["equal"]]
    for op in sent:
        seen[op.row][2] += sum(a["is"] == "known" for a in out)
        seen[op.row][3] += sum(a["is"] == "unknown" for a in out)
    return "\n".join([repr(op) for op in sent] +
                     [f"{a['path']} is {a['is']}: {differ(a['mine'], a['real'])}" for a in wrong]) if wrong else None


def main():
    case = Case()
    runs = cases(300)
    for i in runs:
        bad = one_case(random.Random(f"{SEED} planes {i}"), i, case)
        if bad:
            ok(False, f"planes: {again(i)}", bad)
            break
    else:
        ok(True, f"planes: {len(runs)} random cases, MODEL_SEED={SEED}")
    case.p.stdin.close()
    ok(case.p.wait(20) == 0, "the C side ended well")
    if len(runs) >= 300 and FIRST == 0:
        idle = [row for row, n in seen.items() if not n[0] or not n[2]]
        ok(not idle, f"{len(seen)} rows were carried out, and of each something is known", idle)
    if os.environ.get("MODEL_SHOW"):
        for row, n in sorted(seen.items()):
            print(f"# {row:32} done {n[0]}, refused {n[1]}, known {n[2]}, unknown {n[3]}")
    done()


main()
