# SPDX-License-Identifier: Apache-2.0
"""The README's rehearsal, as it stands there, by a user who has nothing yet: every command of the
block is run by the shell and must succeed. And the commands that the other blocks name exist."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import CLIENT, PVESIM, Tap  # noqa: E402

ROOT = os.environ.get("top_srcdir", ".")
CTL = os.path.join(os.environ.get("top_builddir", "."), "pveagentctl")
home = tempfile.mkdtemp(prefix="proximo-first-")


def block(title):
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as f:
        section = f.read().split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    return [line.split(" #")[0].rstrip() for b in re.findall(r"```sh\n(.*?)```", section, re.S)
            for line in b.splitlines()]


def env():
    bin_dir = os.path.join(home, "bin")
    os.makedirs(bin_dir, exist_ok=True)
    for program in (CLIENT, PVESIM):
        link = os.path.join(bin_dir, os.path.basename(program))
        if not os.path.islink(link):
            os.symlink(os.path.abspath(program), link)
    keep = {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}
    return {**keep, "PATH": bin_dir + ":/usr/sbin:/usr/bin:/sbin:/bin", "HOME": home, "LANG": "C.UTF-8"}


def test_rehearsal(t):
    lines = block("Rehearse")
    t.ok(len(lines) >= 8 and lines[0].startswith("pvesim"), "the README rehearses", lines)
    # its own port, so that two runs, or a person's own pvesim, are not in each other's way
    script = "set -eu\n" + lines[0].replace("pvesim ", "pvesim --listen 127.0.0.1:0 ", 1) + "\n"
    script += "echo $! > pid\n"
    for line in lines[1:]:
        script += f"echo '$ {line}'\n{line}\n"
    seen = os.path.join(home, "seen")  # a file: pvesim goes on in the background, with our stderr
    with open(seen, "wb") as f:
        code = subprocess.run(["sh", "-c", script], cwd=home, env=env(), stdout=f, stderr=f,
                              stdin=subprocess.DEVNULL, timeout=120, check=False).returncode
    with open(seen, encoding="utf-8") as f:
        text = f.read()
    t.ok(code == 0, "every command of it succeeds", text)
    t.ok("vm/104" in text and "wont-boot" in text, "the plan names a guest that would not boot", text)
    again = subprocess.run(["sh", "-c", "proximo-client --json doctor"], cwd=home, env=env(),
                           capture_output=True, text=True, timeout=60, check=False)
    t.ok(again.returncode == 0 and '"rehearsal"' in again.stdout, "doctor finds nothing wrong",
         again.stdout + again.stderr)


def test_commands_exist(t):
    for line in block("Your cluster") + block("Install"):
        word = line.split()
        if not word or word[0] not in ("proximo-client", "pveagentctl"):
            continue
        if word[0] == "pveagentctl":
            r = subprocess.run([CTL, "--help"], capture_output=True, text=True, check=False)
            t.ok(re.search(rf"^  {word[1]} ", r.stdout, re.M), f"{word[0]} {word[1]} exists", r.stdout)
        else:
            r = subprocess.run([CLIENT, word[1], "--help"], env=env(), capture_output=True, text=True,
                               check=False)
            t.ok(r.returncode == 0 and r.stdout.startswith(f"usage: proximo-client {word[1]}"),
                 f"{word[0]} {word[1]} exists", r.stdout + r.stderr)


try:
    sys.exit(Tap().run(test_rehearsal, test_commands_exist))
finally:
    pid = os.path.join(home, "pid")
    if os.path.exists(pid):
        with open(pid, encoding="utf-8") as f:
            os.kill(int(f.read()), signal.SIGTERM)
    shutil.rmtree(home, ignore_errors=True)
