# SPDX-License-Identifier: Apache-2.0
"""What a case about a plan's verdict says, and how it is held against the plan that the built client
makes of the simulated cluster. Used by the blast_*.py tests.

A case is (sentence, row, arguments, wanted). wanted holds any of
  hit        [(resource, effect)] or [(resource, effect, part of why)]: each must be in affected
  not_hit    [resource] that must not be in affected
  no_effect  [effect] that nothing in affected has
  only       {resource}: affected names these and nothing else
  risk       none low medium high
  reasons    [text]: each must be part of a risk reason
  complete   default True
  unread     [text]: each must be part of what was not read
  undo       kind; default none
  watched    [beginning of a path]: must be among the preconditions
  unwatched  [beginning of a path]: must not be among them
  before     [(method, path, form)]: calls past the client that set the scene
  after      … and that clean up
  refused    the tag of the error: no plan is made at all"""


# What they make is taken away again, or moved back, unless a case says otherwise.
GO_AGAIN = ("pve_create_container", "pve_create_vm", "pve_clone", "pve_restore_ct", "pve_restore_vm",
            "pve_disk_move", "pve_ct_volume_move")


def is_hit(plan, want):
    return any(a["resource"] == want[0] and a["effect"] == want[1]
               and (len(want) < 3 or want[2] in a["why"]) for a in plan["affected"])


def differences(plan, want):
    out = []
    names = {a["resource"] for a in plan["affected"]}
    reads = [p["read"] for p in plan["preconditions"]]
    reasons = plan["risk_reasons"]
    unread = [f"{u['what']}: {u['why']}" for u in plan.get("unread", [])]
    for h in want.get("hit", []):
        out += [] if is_hit(plan, h) else [f"not hit: {h}"]
    out += [f"hit: {n}" for n in want.get("not_hit", []) if n in names]
    out += [f"has effect: {a}" for a in plan["affected"] if a["effect"] in want.get("no_effect", [])]
    if "only" in want and names != want["only"]:
        out.append(f"named: {sorted(names)}")
    if plan["risk"] != want.get("risk", plan["risk"]):
        out.append(f"risk {plan['risk']}")
    for text in want.get("reasons", []):
        out += [] if any(text in r for r in reasons) else [f"no reason: {text}"]
    if plan["complete"] != want.get("complete", True):
        out.append(f"complete {plan['complete']}")
    if not plan["complete"] and (plan["risk"] != "high" or
                                 plan["approval"]["required"] != "operator"):
        out.append("incomplete, but not high risk for an operator")
    for text in want.get("unread", []):
        out += [] if any(text in u for u in unread) else [f"not said to be unread: {text}"]
    if plan["undo"]["kind"] != want.get("undo", "inverse" if plan["tool"] in GO_AGAIN else "none"):
        out.append(f"undo {plan['undo']['kind']}")
    for path in want.get("watched", []):
        out += [] if any(r.startswith(path) for r in reads) else [f"not watched: {path}"]
    for path in want.get("unwatched", []):
        out += [f"watched: {r}" for r in reads if r.startswith(path)]
    return out


def play(t, w, cases):
    """Each case once, in order, against the world w."""
    for name, row, args, want in cases:
        for method, path, form in want.get("before", []):
            w.sim.call(method, path, **form)
        code, v, text = w.plan(row, **args)
        if "refused" in want:
            t.ok(code != 0 and v and v.get("error", {}).get("code") == want["refused"], name, text)
        else:
            bad = differences(v["plan"], want) if code == 0 else [f"exit {code}"]
            t.ok(not bad, name, "\n".join([f"{row} {args}", *bad, text]))
        for method, path, form in want.get("after", []):
            w.sim.call(method, path, **form)
