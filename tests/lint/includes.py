#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Who may include whom. The four pillars rest on this: only the pipeline can reach the mutating
# side of pve/ and nodes/, and the root half never sees a parser of JSON, TLS or HTTP.
import re
import sys

from lint import Tap, check, code, files

C = "proximo-client/"
CHANGE = {C + "pve/change.h", C + "nodes/act.h"}
# The parts whose own files may see their own mutating header.
OWN = {C + "pve/change.h": C + "pve/", C + "nodes/act.h": C + "nodes/"}
READING = {C + "pve/pve.h", C + "pve/inventory.h", C + "pve/schema.h",
           C + "nodes/nodes.h"}
FACES = ("mcp", "a2a", "cli")
PLANNERS = ("tools", "blast", "undo", "diagnose")
FOREIGN_TO_ROOT = re.compile(
    r"^(json-c/|json\.h|openssl/(ssl|tls1|x509|x509v3|bio|pem)\.h|curl/|event2/|event\.h"
    r"|systemd/|zlib\.h|common/(js|canon|tls)\.h)"
)
ROOT_HALF = ("pveagentd/priv/", "pveagentd/act/", "pveagentd/ctl/")
ORDER = "pveagentd/act/order.h"
KEYS = ("common/note.h", "common/checkpoint.h", "common/approval.h", "common/roster.h",
        "common/enrol.h", "common/merkle.h")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', re.M)


def verdict(path, inc):
    """Why `path` may not include `inc`, or None."""
    top = path.split("/")[0]
    part = path.split("/")[1] if path.startswith(C) and path.count("/") > 1 else ""
    ours = inc.split("/")[0] in ("common", "proximo-client", "pveagentd")

    if top == "common":
        if ours and not inc.startswith("common/"):
            return "common includes only common"
        return None
    if top == "pveagentd" and inc.startswith(C):
        return "the daemon includes nothing of the client"
    if top == "proximo-client" and inc.startswith("pveagentd/"):
        return "the client includes nothing of the daemon"
    if path.startswith(ROOT_HALF) and FOREIGN_TO_ROOT.match(inc):
        return "the root half includes no JSON, TLS, HTTP, compression"
    if path.startswith("pveagentd/priv/") and inc.startswith("pveagentd/") and \
            not inc.startswith("pveagentd/priv/") and inc != ORDER:
        return "what decides includes nothing of the network half, nor of what acts but its orders"
    if path.startswith("pveagentd/act/") and inc.startswith("pveagentd/") and \
            not inc.startswith("pveagentd/act/"):
        return "what acts includes nothing of what decides, nor of the network half"
    if path.startswith("pveagentd/act/") and inc in KEYS:
        return "what acts holds no key and reads no signature"
    if top == "pveagentd" and path.count("/") == 1 and \
            inc.startswith(("pveagentd/priv/", "pveagentd/act/")):
        return "the network half sees nothing of the root half (the messages are common/msg.h)"
    if inc in CHANGE and part != "pipeline" and not path.startswith(OWN[inc]):
        return "only the pipeline includes what changes something"
    if part in PLANNERS and inc.startswith((C + "pve/", C + "nodes/")) and inc not in READING:
        return "planning sees pve/ and nodes/ through their reading headers"
    if part in FACES and inc.startswith((C + "pve/", C + "nodes/")):
        return "faces see the tools and the pipeline, never pve/ or nodes/"
    if part == "mcp" and inc.startswith((C + "ledger/", C + "blast/", C + "undo/")):
        return "MCP sees the tools and the pipeline only"
    if part == "sim" and inc.startswith(C) and not inc.startswith(C + "sim/"):
        return "the simulator shares only common/ with what it is compared with"
    if part and part != "sim" and inc.startswith(C + "sim/"):
        return "nothing of the product includes the simulator"
    if ours and inc.endswith(".c"):
        return "no .c file is included"
    return None


def lint(root):
    for path in files(root, "*.c", "*.h"):
        name = str(path.relative_to(root))
        text = code(path.read_text(errors="replace"), keep_strings=True)
        for inc in INCLUDE.findall(text):
            why = verdict(name, inc)
            if why:
                yield f"{name} includes {inc}: {why}"


def reach_lint(root):
    """The same for what the root half gets through other headers; of its .c files, what acts must not
    get at keys in this way either."""
    cache = {}

    def includes(name):
        if name not in cache:
            p = root / name
            cache[name] = INCLUDE.findall(code(p.read_text(errors="replace"), True)) \
                if p.is_file() else []
        return cache[name]

    for path in files(root, "*.c", "*.h", below=("pveagentd/priv", "pveagentd/act")):
        start = str(path.relative_to(root))
        seen, todo = set(), [(start, start)]
        while todo:
            name, via = todo.pop()
            for inc in includes(name):
                if FOREIGN_TO_ROOT.match(inc) or (start.startswith("pveagentd/act/") and
                                                  inc in KEYS):
                    yield f"{start} reaches {inc} through {via}"
                if inc not in seen:
                    seen.add(inc)
                    todo.append((inc, inc))


def inc(*names):
    return "".join(f'#include "{n}"\n' for n in names)


planted = {
    "common/a.c": inc("proximo-client/pve/pve.h"),
    "proximo-client/tools/a.c": inc("proximo-client/pve/change.h"),
    "proximo-client/blast/a.c": inc("proximo-client/nodes/act.h"),
    "proximo-client/undo/a.c": inc("proximo-client/pve/http.h"),
    "proximo-client/diagnose/a.c": "#  include <proximo-client/pve/change.h>\n",
    "proximo-client/mcp/a.c": inc("proximo-client/pve/pve.h"),
    "proximo-client/cli/a.c": inc("proximo-client/nodes/nodes.h"),
    "proximo-client/a2a/a.c": inc("proximo-client/nodes/nodes.h"),
    "proximo-client/ledger/a.c": inc("proximo-client/pve/change.h"),
    "proximo-client/app.c": inc("proximo-client/nodes/act.h"),
    "proximo-client/sim/a.c": inc("proximo-client/pve/pve.h"),
    "proximo-client/pve/a.c": inc("proximo-client/sim/sim.h"),
    "pveagentd/priv/a.c": "#include <json-c/json.h>\n",
    "pveagentd/priv/b.c": "#include <openssl/ssl.h>\n",
    "pveagentd/priv/c.h": inc("common/js.h"),
    "pveagentd/priv/d.c": inc("pveagentd/http.h"),
    "pveagentd/priv/e.c": inc("pveagentd/act/act.h"),
    "pveagentd/act/a.c": inc("pveagentd/priv/priv.h"),
    "pveagentd/act/b.c": inc("common/note.h"),
    "pveagentd/act/c.c": inc("pveagentd/privcall.h"),
    "pveagentd/act/d.c": "#include <openssl/ssl.h>\n",
    "pveagentd/route.c": inc("pveagentd/priv/journal.h"),
    "pveagentd/ask.c": inc("pveagentd/act/order.h"),
    "pveagentd/main.c": inc("proximo-client/nodes/nodes.h"),
}
tap = Tap()
for case in (("proximo-client/pipeline/x.c", C + "pve/change.h"),
             ("proximo-client/pve/change.c", C + "pve/change.h"),
             ("proximo-client/tools/guest.c", C + "pve/pve.h"),
             ("pveagentd/priv/gate.c", "openssl/evp.h"),
             ("pveagentd/priv/actor.h", "pveagentd/act/order.h")):
    tap.ok(verdict(*case) is None, f"includes: {case[0]} may include {case[1]}")
check(tap, "includes", lint, planted)
check(tap, "reach", reach_lint, {"pveagentd/priv/a.c": {
    "pveagentd/priv/a.c": inc("common/x.h"), "common/x.h": inc("common/y.h"),
    "common/y.h": "#include <openssl/ssl.h>\n"}, "pveagentd/act/a.c": {
    "pveagentd/act/a.c": inc("common/x.h"), "common/x.h": inc("common/note.h")}})
tap.end()
