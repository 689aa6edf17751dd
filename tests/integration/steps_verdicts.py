# SPDX-License-Identifier: Apache-2.0
"""Random chains as one plan, against the same steps one after the other: the last step's verdict (who is
affected, the reasons, the risk) must be that of the row planned alone once the steps before it are done. A
chain that PVE refuses half way is left out; a step that cannot be computed before the ones before it are
done must say so (steps_conflict, or incomplete), and how many did is told. VERDICT_RUNS, VERDICT_SEED and
VERDICT_FIRST (the number of the first case) may be set. TAP."""
import json
import os
import random
import sys
import urllib.error

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "../model"))
from then_chains import PLANES, chain, sent  # noqa: E402
from world import Tap, World  # noqa: E402

RUNS = int(os.environ.get("VERDICT_RUNS", "40"))
FIRST = int(os.environ.get("VERDICT_FIRST", "0"))
SEED = int(os.environ.get("VERDICT_SEED", random.randrange(1 << 32)))
RISKS = ["none", "low", "medium", "high"]
# what the plan says of itself
OF_ALL = ("every step was computed on the cluster", "some steps cannot be taken back")
count = {}


def plan_steps(w, ops):
    code, v, text = w.run("plan", "proximo_plan_steps", "steps:=" + json.dumps([op.step() for op in ops]))
    return code, v, text


def plan_one(w, op):
    if not op.args:
        return w.run("plan", op.row)
    return w.plan(op.row, **op.args)


def affected(plan, step=None):
    out = []
    for a in plan["affected"]:
        if step is None or a.get("step") == step:
            out.append(json.dumps({k: x for k, x in a.items() if k != "step"}, sort_keys=True))
    return sorted(out)


def reasons(before, whole, alone):
    """What the last step adds to the reasons: (missing, too many). Each is said once in a plan: one that
    tells a consequence is only said when it raises the risk, and incompleteness for the first part."""
    said = [r for r in whole["risk_reasons"] if not r.startswith(OF_ALL)]
    for r in (r for r in before["risk_reasons"] if not r.startswith(OF_ALL)):
        if r not in said:
            return [f"the steps before lose: {r}"], []
        said.remove(r)
    consequences = {f"{a['resource']}: {a['why']}" for a in alone["affected"]}
    missing = []
    for r in alone["risk_reasons"]:
        if r in said:
            said.remove(r)
        elif r not in consequences and not r.startswith("the picture is incomplete"):
            missing.append(r)
    return missing, said


def unread(plan):
    return {(u["what"], u["why"]) for u in plan.get("unread", [])}


def compare(before, whole, alone, number):
    """None, or how the last of the steps differs from the row alone."""
    wrong = []
    mine, real = affected(whole, number), affected(alone)
    if mine != real:
        wrong.append(f"affected: in the plan {sorted(set(mine) - set(real))}, alone {sorted(set(real) - set(mine))}")
    missing, more = reasons(before, whole, alone)
    if missing or more:
        wrong.append(f"reasons: only alone {missing}, only in the plan {more}")
    worst = max(RISKS.index(p["risk"]) for p in (before, alone, {"risk": "low"}))  # low: that it is several
    if RISKS.index(whole["risk"]) != worst:
        wrong.append(f"risk {whole['risk']}, should be {RISKS[worst]}")
    lost = unread(alone) - unread(whole)
    if lost:
        wrong.append(f"alone it says it did not read {lost}")
    return "\n".join(wrong) or None


def ops_of(i):
    rng = random.Random(f"{SEED} verdicts {i}")
    length = rng.randint(2, 5)
    return chain(rng, PLANES[i % len(PLANES)], length)[1]


def one_case(ops):
    """(what became of it, how it differs)"""
    w = World("--task-ms", "1")
    try:
        code, v, text = plan_steps(w, ops)
        if code != 0:
            tag = (v or {}).get("error", {}).get("code", text)
            return (tag, None) if tag in ("no_change", "already_exists", "no_such_object", "steps_conflict") else \
                ("odd", f"{tag}: {text[:400]}")
        whole = v["plan"]
        code, v, text = plan_steps(w, ops[:-1])
        if code != 0:
            return "odd", "without its last step: " + text[:400]
        before = v["plan"]
        for q in before["requests"]:
            form = {k: sent(k, v) for k, v in q["form"].items() if not isinstance(v, dict)}  # no late digest
            try:
                if q["phase"] == "execute":
                    w.sim.call(q["method"], q["path"], **form)
            except urllib.error.HTTPError:
                return "left out", None
        w.sim.settle()
        code, v, text = plan_one(w, ops[-1])
        if code != 0:
            return "odd", f"{ops[-1]}: planned with the others, but not alone: {text[:400]}"
        alone = v["plan"]
        if not whole["complete"] and before["complete"] and alone["complete"]:
            return "incomplete", None
        return "compared", compare(before, whole, alone, len(ops))
    finally:
        w.close()


def test_chains(t):
    for i in range(FIRST, FIRST + RUNS):
        ops = ops_of(i)
        what, wrong = one_case(ops)
        of_plane = count.setdefault(PLANES[i % len(PLANES)].plane, {})
        of_plane[what] = of_plane.get(what, 0) + 1
        if wrong:
            t.ok(False, f"VERDICT_SEED={SEED} VERDICT_FIRST={i} VERDICT_RUNS=1 shows it again",
                 "\n".join(map(repr, ops)) + "\n" + wrong)
            return
    t.ok(True, f"{RUNS} random chains, VERDICT_SEED={SEED}: {json.dumps(count, sort_keys=True)}")
    if RUNS >= 40:
        for plane, became in count.items():
            t.ok(became.get("compared", 0) > 0, f"{plane}: verdicts were compared", became)


if __name__ == "__main__":
    sys.exit(Tap().run(test_chains))
