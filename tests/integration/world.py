# SPDX-License-Identifier: Apache-2.0
"""A world for integration tests: a simulated cluster of their own, a client configured for it, and
TAP output. Everything lives in one temporary directory and is gone afterwards; only processes started
here are ended, by their id."""

import json
import os
import pty
import select
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

BUILD = os.environ.get("top_builddir", ".")
CLIENT = os.path.join(BUILD, "proximo-client/proximo-client")
VERIFY = os.path.join(BUILD, "proximo-verify")
PVESIM = os.path.join(BUILD, "pvesim")


class Tap:
    """Counts and prints; a test that raises is a failed test, not the end of the file."""

    def __init__(self):
        self.n = 0
        self.failed = 0

    def ok(self, good, name, detail=""):
        self.n += 1
        print(("ok" if good else "not ok"), self.n, "-", name, flush=True)
        if not good:
            self.failed += 1
            for line in str(detail).splitlines()[:40]:
                print("#", line, flush=True)
        return good

    def run(self, *tests):
        self.run_some(*tests)
        return self.end()

    def run_some(self, *tests):
        for test in tests:
            try:
                test(self)
            except Exception as e:  # noqa: BLE001 - a test must not hide the ones after it
                import traceback
                self.ok(False, test.__name__, traceback.format_exc() or e)

    def end(self):
        print(f"1..{self.n}", flush=True)
        return 1 if self.failed else 0


def skip_all(why):
    if os.environ.get("MUST_RUN") == "1":
        print(f"not ok 1 - {why} (MUST_RUN)")
        print("1..1")
        sys.exit(1)
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


class Sim:
    def __init__(self, directory, *options, state=None):
        self.dir = directory
        self.options = list(options)
        self.scheme = "PBSAPIToken=" if "--pbs" in options else "PVEAPIToken="
        self.state = state or os.path.join(directory, "state.json")
        self.proc = None
        self.info = {}
        self.start()

    def start(self, listen="127.0.0.1:0"):
        argv = [PVESIM, "--dir", self.dir, "--state", self.state, "--listen", listen,
                "--auth-delay-ms", "0", *self.options]
        self.log = open(os.path.join(self.dir, "pvesim.log"), "ab")
        self.proc = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=self.log, text=True)
        deadline = time.time() + 20
        while time.time() < deadline:
            line = self.proc.stdout.readline()
            if not line:
                raise RuntimeError(f"pvesim ended: {open(self.log.name).read()[-2000:]}")
            if line.strip() == "ready":
                return
            key, _, value = line.strip().partition(" ")
            self.info[key] = value
        raise RuntimeError("pvesim is not ready")

    def now(self):
        """The whole state as it stands on disk, without disturbing the running simulator: the
        document and what its journal adds (pvesim(1), FILES)."""
        with open(self.state, encoding="utf-8") as f:
            root = json.load(f)
        with open(self.state + ".journal", encoding="utf-8") as f:
            for line in f:
                for verb, path, *value in json.loads(line)["ops"]:
                    at = root
                    for name in path[:-1]:
                        at = at.setdefault(name, {}) if verb == "set" else at.get(name, {})
                    if verb == "set":
                        at[path[-1]] = value[0]
                    else:
                        at.pop(path[-1], None)
        return root

    def call(self, method, path, /, **form):
        """One API call past the client, for setting a scene; its task is waited for."""
        data = self.send(method, path, **form)
        if isinstance(data, str) and data.startswith("UPID:"):
            self.end_of(data)
        return data

    def send(self, method, path, /, **form):
        """The same without waiting. What follows a # names the member of the answer that is meant."""
        path, _, member = path.partition("#")
        text = urllib.parse.urlencode(form, doseq=True)
        url = self.info["url"].rstrip("/") + "/api2/json" + path
        with open(self.info["token-file"], encoding="utf-8") as f:
            token = f.read().strip()
        by_url = method in ("GET", "DELETE")
        request = urllib.request.Request(url + ("?" + text if by_url and text else ""), method=method,
                                         data=None if by_url else text.encode(),
                                         headers={"Authorization": self.scheme + token})
        context = ssl._create_unverified_context()  # our own simulator
        with urllib.request.urlopen(request, context=context, timeout=60) as answer:
            return json.load(answer).get(member or "data")

    def end_of(self, upid):
        node = upid.split(":")[1]
        while True:
            d = self.call("GET", f"/nodes/{node}/tasks/{urllib.parse.quote(upid)}/status")
            if d["status"] == "stopped":
                if d["exitstatus"] != "OK":
                    raise RuntimeError(f"{upid}: {d['exitstatus']}")
                return
            time.sleep(0.02)

    def settle(self):
        """Waits until the HA manager rests: nothing is being started, stopped, moved or fenced."""
        while any(e["state"] not in ("started", "stopped", "disabled", "ignored", "error", "recovery")
                  for e in self.call("GET", "/cluster/ha/status/current") if e["type"] == "service"):
            time.sleep(0.02)

    def stop(self, sig=signal.SIGTERM):
        if self.proc:
            self.proc.send_signal(sig)
            self.proc.wait(20)
            self.proc.stdout.close()
            self.log.close()
            self.proc = None


def last_json(text):
    """The last line that is JSON, or None. On a terminal a progress line may have been wiped before
    it, when the machine is slow."""
    for line in reversed(text.strip().splitlines()):
        try:
            return json.loads(line.rsplit("\033[K", 1)[-1])
        except json.JSONDecodeError:
            continue
    return None


class World:
    """One simulated cluster and one client account."""

    def __init__(self, *sim_options, policy="", limits="", state_dir=None,
                 sim=True):
        self.dir = tempfile.mkdtemp(prefix="proximo-test-")
        self.config = os.path.join(self.dir, "config/proximo")
        self.state = state_dir or os.path.join(self.dir, "state")
        os.makedirs(self.config, mode=0o700)
        os.makedirs(self.state, mode=0o700, exist_ok=True)
        self.operators = ""
        self.policy = policy
        self.limits = limits
        self.kind = "pbs" if "--pbs" in sim_options else "cluster"
        self.sim = Sim(self.mkdir("sim"), *sim_options) if sim else None
        self.write_config()

    def mkdir(self, name):
        path = os.path.join(self.dir, name)
        os.makedirs(path, mode=0o700, exist_ok=True)
        return path

    def write_config(self, **override):
        conf = {"url": self.sim.info["url"], "fingerprint": self.sim.info["fingerprint"],
                "token": self.sim.info["token-file"]} if self.sim else {}
        conf.update(override)
        conf = {k: v for k, v in conf.items() if v is not None}
        text = f"[{self.kind} demo]\n" + "".join(f"{k} = {v}\n" for k, v in conf.items())
        text += f"[policy]\n{self.policy}\n" if self.policy else ""
        text += f"[limits]\n{self.limits}\n" if self.limits else ""
        path = os.path.join(self.config, "proximo.ini")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text + self.operators)
        os.chmod(path, 0o600)

    def env(self, **more):
        env = {"PATH": os.environ["PATH"], "HOME": self.dir, "LANG": "C.UTF-8",
               "XDG_CONFIG_HOME": os.path.dirname(self.config), "XDG_STATE_HOME": self.state}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                env[name] = os.environ[name]
        env.update(more)
        return env

    def popen(self, *args, prefix=(), **env):
        return subprocess.Popen([*prefix, CLIENT, *args], env=self.env(**env),
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, start_new_session=True)

    def text(self, *args, prefix=(), timeout=60, **env):
        p = self.popen(*args, prefix=prefix, **env)
        out, err = p.communicate(timeout=timeout)
        return p.returncode, out, err

    def run(self, *args, **kw):
        """(exit code, parsed JSON or None, everything printed)"""
        code, out, err = self.text("--json", *args, **kw)
        return code, last_json(out), out + err

    def on_tty(self, args, answers, timeout=60):
        """Runs the client with a terminal of its own; answers = [(text to wait for, what to type)]."""
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(CLIENT, [CLIENT, *args], self.env())
        seen = ""
        at = 0
        todo = list(answers)
        deadline = time.time() + timeout
        while time.time() < deadline:
            ready, _, _ = select.select([fd], [], [], 0.2)
            if ready:
                try:
                    data = os.read(fd, 65536)
                except OSError:
                    break
                if not data:
                    break
                seen += data.decode("utf-8", "replace")
            if todo and todo[0][0] in seen[at:]:
                at = len(seen)
                os.write(fd, (todo.pop(0)[1] + "\n").encode())
        else:
            os.kill(pid, signal.SIGKILL)  # it asks what nobody expected: what it said shows it
        _, status = os.waitpid(pid, 0)
        os.close(fd)
        return os.waitstatus_to_exitcode(status), seen

    def operator(self, name="alice", passphrase="correct horse"):
        code, seen = self.on_tty(["operator", "new", name],
                                 [("new passphrase", passphrase), ("once more", passphrase)])
        if code != 0:
            raise RuntimeError(seen)
        key = [line for line in seen.splitlines() if line.startswith("key = ")][0].strip()
        self.operators += f"[operator {name}]\n{key}\n"
        self.write_config()
        return key[len("key = "):]

    def approve(self, plan_id, name="alice", passphrase="correct horse"):
        return self.on_tty(["approve", plan_id, "--operator", name],
                           [(f"passphrase of {name}", passphrase)])

    def carry_out(self, plan):
        """Applies a plan whatever approval it needs: (exit code, answer or None, text)."""
        need = plan["plan"]["approval"]["required"]
        if need == "host":
            code, seen = self.on_tty(["--json", "apply", plan["plan_id"]], [("[y/N]", "y")])
            return code, last_json(seen), seen
        if need == "operator":
            code, seen = self.approve(plan["plan_id"])
            if code != 0:
                return code, None, seen
        return self.run("apply", plan["plan_id"])

    def done(self, row, **args):
        """Planned and carried out; the operation."""
        code, plan, text = self.plan(row, **args)
        if code == 0:
            code, op, text = self.carry_out(plan)
        if code != 0 or op["outcome"] != "done":
            raise RuntimeError(text)
        return op

    def plan(self, row, **args):
        return self.run("plan", row, *[f"{k}:={json.dumps(v)}" for k, v in args.items()])

    def read(self, row, **args):
        return self.run("read", row, *[f"{k}:={json.dumps(v)}" for k, v in args.items()])

    @property
    def ledger(self):
        return os.path.join(self.state, "proximo/ledger/demo")

    def verify(self, directory=None):
        p = subprocess.run([VERIFY, "--json", directory or self.ledger], capture_output=True,
                           text=True, timeout=120, check=False, env=self.env())
        try:
            return p.returncode, json.loads(p.stdout), p.stdout + p.stderr
        except json.JSONDecodeError:
            return p.returncode, None, p.stdout + p.stderr

    def entries(self):
        """All entries as (kind, {key: [values]})."""
        out = []
        index = 0
        while True:
            code, entry, _ = self.run("ledger", "show", str(index))
            if code != 0:
                return out
            head = {}
            for line in entry["header"][1:]:
                key, _, value = line.partition(" ")
                head.setdefault(key, []).append(value)
            out.append((entry["kind"], head))
            index += 1

    def close(self):
        if self.sim:
            self.sim.stop()
        shutil.rmtree(self.dir, ignore_errors=True)
