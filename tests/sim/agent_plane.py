#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A VM's guest agent as PVE passes it on: what it says when there is none (as captured from a real
cluster), commands and their end, files, what it refuses."""
import base64
import json
import os
import tempfile

from sim_client import Sim, check, done

VM = "/nodes/pve1/qemu/104/agent"
AGENT = {"exec": [{"argv": ["/bin/id"], "out": "Grüße\n"},
                  {"argv": ["/bin/kill", "me"], "signal": 9, "err": "ouch"},
                  {"argv": ["/bin/wait"], "after": 600000}],
         "files": {"/etc/motd": base64.b64encode("Grüße".encode()).decode()},
         "answers": {"get-users": [{"user": "web"}]}}

with tempfile.TemporaryDirectory(prefix="proximo-sim-") as d:
    s = Sim(d)
    check(s.call("GET", VM + "/info")[:2] == (500, "QEMU guest agent is not running"),
          "an agent that does not run")
    check(s.call("GET", "/nodes/pve2/qemu/105/agent/get-users")[1] == "No QEMU guest agent configured",
          "none configured")
    s.stop()
    path = s.facts["state"]
    with open(path, encoding="utf-8") as f:
        root = json.load(f)
    root["guests"]["104"]["agent"] = AGENT
    root["guests"]["210"]["config"]["agent"] = "1"
    with open(path, "w", encoding="utf-8") as f:
        json.dump(root, f)
    os.truncate(path + ".journal", 0)
    s = Sim(d)
    check(s.call("GET", "/nodes/pve2/qemu/210/agent/info")[1] == "VM 210 is not running",
          "a VM that does not run")
    names = [e["name"] for e in s.call("GET", VM)[2]["data"]]
    check(len(names) == 25 and names == sorted(names), "the index", names)
    check(s.call("GET", VM + "/get-users")[2]["data"]["result"] == [{"user": "web"}], "an answer")
    got = s.call("GET", VM + "/get-vcpus")[2]["data"]["result"]
    check(got["error"]["class"] == "CommandNotFound", "a command that it does not know", got)
    audit = open(s.facts["audit-token-file"]).read().strip()
    status, reason, _ = s.call("POST", VM + "/exec", token=audit, command="/bin/id")
    check((status, reason) == (403, "Permission check failed (/vms/104, VM.GuestAgent.Unrestricted)"),
          "commands want one privilege for all of them", reason)
    status, _, body = s.call("POST", VM + "/exec")
    check(status == 400 and "command" in body["errors"], "the parameter that is missing", body)
    status, reason, _ = s.call("POST", VM + "/exec", command="/bin/no")
    check(status == 500 and reason.startswith("Agent error: Guest agent command failed"),
          "a program that is not there", reason)

    pid = s.call("POST", VM + "/exec", command="/bin/id")[2]["data"]["pid"]
    end = s.call("GET", VM + "/exec-status", pid=pid)[2]["data"]
    check(end["exited"] == 1 and end["exitcode"] == 0 and
          end["out-data"].encode("latin-1").decode() == "Grüße\n",
          "its end, its output a character for each byte", end)
    check(s.call("GET", VM + "/exec-status", pid=pid)[1] == "Agent error: Invalid parameter 'pid'",
          "which is told once")
    pid = s.call("POST", VM + "/exec?command=/bin/kill&command=me")[2]["data"]["pid"]
    end = s.call("GET", VM + "/exec-status", pid=pid)[2]["data"]
    check(end["signal"] == 9 and "exitcode" not in end and end["err-data"] == "ouch", "a signal", end)
    pid = s.call("POST", VM + "/exec", command="/bin/wait")[2]["data"]["pid"]
    check(s.call("GET", VM + "/exec-status", pid=pid)[2]["data"] == {"exited": 0}, "one that runs")

    text = s.call("GET", VM + "/file-read", file="/etc/motd")[2]["data"]
    check(text["content"].encode("latin-1").decode() == "Grüße", "a file", text)
    text = s.call("GET", VM + "/file-read", file="/etc/motd", decode=0, count=3)[2]["data"]
    check(base64.b64decode(text["content"]) == "Grüße".encode()[:3] and text["truncated"] == 1,
          "in part, as it is", text)
    check(s.call("GET", VM + "/file-read", file="/no")[1].startswith("Agent error: failed to open"),
          "one that is not there")
    check(s.call("POST", VM + "/file-write", file="/a", content="eA==", encode=0)[0] == 200 and
          s.call("GET", VM + "/file-read", file="/a")[2]["data"]["content"] == "x", "writing")
    check(s.call("POST", VM + "/file-write", file="/a", content="?", encode=0)[0] == 500,
          "what is no base64")
    check(s.call("POST", VM + "/file-write", file="/a", content="x" * 61441)[0] == 400, "too much")

    check(s.call("POST", VM + "/fsfreeze-freeze")[2]["data"] == {"result": 1}, "freezing")
    check(s.call("POST", VM + "/fsfreeze-status")[2]["data"] == {"result": "frozen"}, "is told")
    check("frozen state" in s.call("POST", VM + "/exec", command="/bin/id")[1],
          "commands are refused meanwhile")
    check(s.call("POST", VM + "/fsfreeze-thaw")[2]["data"] == {"result": 1}, "thawing")
    check(s.call("POST", VM + "/set-user-password", username="web", password="abc")[0] == 400,
          "a short password")
    check(s.call("POST", VM + "/set-user-password", username="web", password="abcde")[0] == 200 and
          "abcde" not in open(path).read() + open(path + ".journal").read(), "is kept as a hash")
    s.stop()
done()
