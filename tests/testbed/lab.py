# SPDX-License-Identifier: Apache-2.0
"""A whole installation in one temporary directory, for the demonstration and for tests: a simulated
cluster, a configured client with an operator's key, and, as root, a real container on btrfs and
both halves of the node daemon on loopback. Everything it starts is ended by its own pid."""
import json
import os
import pathlib
import pty
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from mcp_client import Mcp  # noqa: E402
from ports import free_port  # noqa: E402


class LabError(Exception):
    pass


def lines_until(proc, last, wait=30):
    """`key value` lines of a program's output until the line `last`."""
    found, buffer, deadline = {}, b"", time.monotonic() + wait
    while True:
        while b"\n" in buffer:
            line, buffer = buffer.split(b"\n", 1)
            text = line.decode()
            if text == last:
                return found
            key, _, value = text.partition(" ")
            found[key] = value
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([proc.stdout], [], [], left)[0]:
            raise LabError(f"{proc.args[0]}: no line `{last}` within {wait} s")
        more = os.read(proc.stdout.fileno(), 65536)
        if not more:
            raise LabError(f"{proc.args[0]}: ended before `{last}`")
        buffer += more


def with_terminal(command, env, answers, wait=60):
    """Runs a command on a terminal of its own and answers its questions: [(prompt, text)]."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(command[0], command, env)
    seen, todo, deadline, asked_from = b"", list(answers), time.monotonic() + wait, 0
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise LabError(f"{command[1:3]}: no end within {wait} s; it said: {seen!r}")
        if not select.select([fd], [], [], left)[0]:
            continue
        try:
            more = os.read(fd, 65536)
        except OSError:
            more = b""
        if not more:
            break
        seen += more
        if todo and todo[0][0].encode() in seen[asked_from:]:
            asked_from = len(seen)
            os.write(fd, todo.pop(0)[1].encode() + b"\n")
    os.close(fd)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return status, seen.decode(errors="replace").replace("\r\n", "\n")


class Lab:
    PASSPHRASE = "only for the lab"
    CLUSTER = "demo"

    def __init__(self, build, keep=False):
        self.build = pathlib.Path(build).resolve()
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="proximo-lab-"))
        self.keep = keep
        self.procs = []
        self.container = None
        self.sim = None
        for d in ("config/proximo", "state", "home", "sim", "log"):
            (self.dir / d).mkdir(parents=True, mode=0o700)
        self.env = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
            "HOME": str(self.dir / "home"),
            "XDG_CONFIG_HOME": str(self.dir / "config"), "XDG_STATE_HOME": str(self.dir / "state"),
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]

    # -- programs ---------------------------------------------------------------------------

    # Where programs lie in a build directory, and below /usr. No search: another build may lie below.
    FOLDERS = ("", "proximo-client", "pveagentd", "tests/integration", "bin", "sbin", "libexec/proximo")

    def program(self, name):
        """The one program of that name that this build made."""
        found = [p for p in (self.build / folder / name for folder in self.FOLDERS)
                 if p.is_file() and os.access(p, os.X_OK)]
        if len(found) != 1:
            raise LabError(f"{name} is not built in {self.build}" if not found else
                           f"{name}: which of {', '.join(map(str, found))}?")
        return str(found[0])

    def start(self, name, *args, stdout=subprocess.PIPE, **more):
        log = open(self.dir / "log" / name, "ab")  # noqa: SIM115 - the child's
        proc = subprocess.Popen([self.program(name), *map(str, args)], env=self.env,
                                stdin=subprocess.DEVNULL, stdout=stdout, stderr=log, **more)
        log.close()
        self.procs.append(proc)
        return proc

    def stop(self, proc):
        if proc.poll() is None:
            proc.terminate()
            try:
                proc.wait(20)
            except subprocess.TimeoutExpired:
                proc.kill()
                proc.wait()
        if proc.stdout:
            proc.stdout.close()
        if proc in self.procs:
            self.procs.remove(proc)
        return proc.returncode

    def log(self, name):
        path = self.dir / "log" / name
        return path.read_text(errors="replace") if path.is_file() else ""

    # -- the simulated cluster --------------------------------------------------------------

    def start_sim(self, *options):
        """Starts pvesim on a free port; with a tree when a container lab wants one."""
        args = ["--listen", "127.0.0.1:0", "--dir", self.dir / "sim", *options]
        self.sim = self.start("pvesim", *args)
        self.sim_info = lines_until(self.sim, "ready", 300)  # a big cluster takes its time
        return self.sim_info

    def generate(self, nodes, guests, snapshots=1, every=5):
        """A big cluster as pvesim's state, before it is started."""
        with open(self.dir / "sim" / "state.json", "wb") as state:
            subprocess.run([self.program("pvesim"), "generate", "--nodes", str(nodes), "--guests",
                            str(guests), "--snapshots", str(snapshots), "--every", str(every)], stdout=state, check=True,
                           env=self.env, stdin=subprocess.DEVNULL)

    def start_sim_with_tree(self, *options):
        """The simulated cluster, and its files for a node to read."""
        self.tree = self.dir / "cluster-fs"
        self.tree.mkdir(mode=0o755, exist_ok=True)
        return self.start_sim("--tree", self.tree, *options)

    def edit_state(self, change):
        """Stops a running pvesim (which folds its journal), changes its state file."""
        path = pathlib.Path(self.sim_info["state"])
        self.stop(self.sim)
        state = json.loads(path.read_text())
        change(state)
        path.write_text(json.dumps(state))

    # -- the client -------------------------------------------------------------------------

    def configure(self, policy=(), more=""):
        """A cluster `demo` that is the simulator, and policy as (key, value) pairs."""
        conf = self.dir / "config" / "proximo"
        token = conf / f"{self.CLUSTER}.token"
        token.write_bytes(pathlib.Path(self.sim_info["token-file"]).read_bytes())
        token.chmod(0o600)
        urls = [self.sim_info["url"], *self.sim_info.get("also", "").split()]
        text = [f"[cluster {self.CLUSTER}]", f"url = {' '.join(urls)}",
                f"fingerprint = {' '.join([self.sim_info['fingerprint']] * len(urls))}", ""]
        if policy:
            text += ["[policy]", *(f"{k} = {v}" for k, v in policy), ""]
        ini = conf / "proximo.ini"
        ini.write_text("\n".join(text) + more)
        ini.chmod(0o600)

    def add_config(self, text):
        with open(self.dir / "config" / "proximo" / "proximo.ini", "a", encoding="utf-8") as f:
            f.write("\n" + text)

    def client(self, *args, wait=120):
        """The command line: (exit status, output, errors)."""
        out = subprocess.run([self.program("proximo-client"), *args], env=self.env, text=True,
                             stdin=subprocess.DEVNULL, capture_output=True, timeout=wait,
                             start_new_session=True, check=False)
        return out.returncode, out.stdout, out.stderr

    def client_json(self, *args):
        status, out, errors = self.client("--json", *args)
        try:
            return status, json.loads(out)
        except json.JSONDecodeError as e:
            raise LabError(f"{args}: exit {status}, not JSON: {out[:300]} {errors[:300]}") from e

    def terminal(self, *args, answers=()):
        return with_terminal([self.program("proximo-client"), *args], self.env, answers)

    def operator(self, name="alice"):
        """Makes an operator's key; returns the configuration section that the client prints."""
        status, text = self.terminal("operator", "new", name, answers=[
            ("passphrase", self.PASSPHRASE), ("once more", self.PASSPHRASE)])
        at = text.find(f"[operator {name}]")
        if status != 0 or at < 0:
            raise LabError(f"operator new: exit {status}: {text}")
        section = "\n".join(text[at:].splitlines()[:2]) + "\n"
        self.add_config(section)
        return section

    def approve(self, plan_id, name="alice"):
        """A person at a terminal: reads the plan, types the passphrase."""
        status, text = self.terminal("approve", plan_id, "--operator", name, answers=[
            ("passphrase", self.PASSPHRASE)])
        if status != 0:
            raise LabError(f"approve: exit {status}: {text}")
        return text

    def mcp(self, *options):
        return Mcp([self.program("proximo-client"), "mcp", *options], env=self.env)

    def ledger_dir(self):
        return self.dir / "state" / "proximo" / "ledger" / self.CLUSTER

    # -- the container ----------------------------------------------------------------------

    def ct(self, function, *args):
        out = subprocess.run(["bash", str(HERE / "ct.sh"), function, *map(str, args)], text=True,
                             capture_output=True, check=False, stdin=subprocess.DEVNULL)
        if out.returncode != 0:
            raise LabError(f"{function}: {out.stderr.strip() or out.stdout.strip()}")
        return out.stdout

    def make_container(self, vmid):
        """A running busybox container whose root is a subvolume of a fresh btrfs."""
        lxc, disk = self.dir / "lxc", self.dir / "disk"
        # Known before it exists: a step that fails half way is cleaned up too.
        self.container = (lxc, vmid, disk)
        self.ct("ct_btrfs", disk)
        root = disk / "mnt" / "images" / str(vmid) / f"vm-{vmid}-disk-0.subvol"
        self.ct("ct_make", lxc, vmid, root)
        self.ct("ct_start", lxc, vmid)
        return lxc, disk / "mnt", root

    def in_container(self, *command):
        """What the container really holds, seen without the product."""
        lxc, vmid, _ = self.container
        out = subprocess.run(["lxc-attach", "-P", str(lxc), "-n", str(vmid), "--clear-env", "--",
                              *command], capture_output=True, text=True, check=False,
                             stdin=subprocess.DEVNULL, env=self.env)
        return out.stdout

    # -- the node daemon --------------------------------------------------------------------

    def back_guest(self, vmid, name="lab", storage="lab-btrfs", node="pve1"):
        """Makes the running container a guest of the simulated cluster and restarts pvesim with
        the cluster's file tree. The guest's root is a volume of a storage on the btrfs."""
        lxc, _, disk = self.container
        tree = self.dir / "cluster-fs"

        def change(state):
            state["storage"][storage] = {"type": "btrfs", "path": str(disk / "mnt"),
                                         "content": "rootdir,images", "nodes": node}
            state["guests"][str(vmid)] = {
                "type": "lxc", "node": node, "running": 1, "snapshots": {},
                "backing": {"lxc": str(vmid), "lxcpath": str(lxc)},
                "config": {"arch": "amd64", "hostname": name, "memory": "128", "swap": "0",
                           "ostype": "unmanaged", "unprivileged": "0",
                           "rootfs": f"{storage}:{vmid}/vm-{vmid}-disk-0.subvol,size=1G"},
            }

        self.edit_state(change)
        tree.mkdir(mode=0o755)
        self.start_sim("--tree", tree)
        self.tree = tree

    NETWORK_UID = 65534  # nobody: the network half has no rights of its own
    AS_NOBODY = {"user": NETWORK_UID, "group": NETWORK_UID, "extra_groups": []}

    @property
    def act(self):
        """The program that acts for the root half."""
        with_env = self.dir / "act"
        return with_env if with_env.exists() else self.program("pveagentd-act")

    def act_with(self, program="pveagentd-act", **env):
        """That program as the one that acts, with this environment; from the next order on, when this was
        called before the root half was started."""
        lines = [self.program(program), *(f"{k}={v}" for k, v in env.items())]
        at, text = self.dir / "act", self.dir / "act.env"
        new = text.with_suffix(".new")
        new.write_text("".join(f"{x}\n" for x in lines))
        new.rename(text)
        if not at.exists():
            shutil.copy(self.program("act_with"), at)

    def start_node(self, policy, node="pve1"):
        """Both halves on loopback, and the reader of the cluster's files; armed."""
        run, agent = self.dir / "run", self.dir / "agent"
        self.dir.chmod(0o711)
        run.mkdir(mode=0o711)
        agent.mkdir(mode=0o700)
        os.chown(agent, self.NETWORK_UID, self.NETWORK_UID)
        # Run from a copy: the build may lie where another user cannot look.
        binary = run / "pveagentd"
        shutil.copy(self.program("pveagentd"), binary)
        binary.chmod(0o755)
        self.policy = self.dir / "policy.ini"
        self.policy.write_text(policy)
        self.policy.chmod(0o600)
        subprocess.run([binary, "--init", "--state", agent], check=True, env=self.env,
                       stdin=subprocess.DEVNULL, capture_output=True, **self.AS_NOBODY)
        self.node_options = ["--state", self.dir / "priv", "--cluster-fs", self.tree, "--policy",
                             self.policy, "--node", node, "--network-dir", self.dir / "network",
                             "--lxc-path",
                             self.container[0] if self.container else self.dir / "lxc",
                             "--act", self.act]
        self.start_reader(node)
        self.start_root()
        self.ctl("arm")
        self.start_front()

    def start_root(self):
        """The root half, also again after it was killed."""
        sock = self.dir / "run" / "priv.sock"
        sock.unlink(missing_ok=True)
        self.priv = self.start("pveagentd-priv", "--socket", sock, *self.node_options, "--peer-uid",
                               self.NETWORK_UID, stdout=subprocess.DEVNULL)
        self.wait_for(sock.exists, "the root half's socket", self.priv)

    def start_reader(self, node="pve1"):
        """It reads as root here: the tree belongs to whoever runs the lab."""
        run = self.dir / "run"
        interfaces = self.dir / "interfaces"
        interfaces.write_text("auto lo\niface lo inet loopback\n")
        self.reader = self.start("pveagentd-reader", "--socket", run / "reader.sock", "--cluster-fs",
                                 self.tree, "--node", node, "--interfaces", interfaces, "--peer-uid",
                                 self.NETWORK_UID, stdout=subprocess.DEVNULL)
        self.wait_for(lambda: self.answers(run / "reader.sock"), "the reader's socket", self.reader)

    @staticmethod
    def answers(path):
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(path)) == 0

    def start_front(self, address=None):
        """The network half, on a free port or where it was."""
        run = self.dir / "run"
        self.node_address = address or f"127.0.0.1:{free_port()}"
        with open(self.dir / "log" / "pveagentd", "ab") as log:
            self.front = subprocess.Popen(
                [run / "pveagentd", "--listen", self.node_address, "--priv-socket",
                 run / "priv.sock", "--reader-socket", run / "reader.sock", "--state", self.dir / "agent"], env=self.env,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, **self.AS_NOBODY)
        self.procs.append(self.front)

    def ctl(self, *args):
        out = subprocess.run([self.program("pveagentctl"), *map(str, self.node_options), "--tls-cert",
                              str(self.dir / "agent" / "tls.crt"), *args], env=self.env, text=True,
                             stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if out.returncode != 0:
            raise LabError(f"pveagentctl {args[0]}: {out.stderr.strip()}")
        return out.stdout

    def join(self, name="lab", rights="inventory evidence witness", node="pve1"):
        """Root invites, the client joins; a person says that this node counts as a witness."""
        line = self.ctl("invite", name, "--address", self.node_address, "--rights", rights)
        line = next(w for w in line.split() if w.startswith("proximo1."))
        self.wait_for(self.listening, "the network half's port", self.front)
        status, out, errors = self.client("join", line, "--name", name)
        if status != 0:
            raise LabError(f"join: exit {status}: {out} {errors}")
        return line, out

    def trust(self, node="pve1"):
        status, text = self.terminal("node", "trust", node, answers=[("[y/N]", "y")])
        if status != 0:
            raise LabError(f"node trust: exit {status}: {text}")
        return text

    def listening(self):
        host, port = self.node_address.rsplit(":", 1)
        try:
            socket.create_connection((host, int(port)), 1).close()
            return True
        except OSError:
            return False

    @staticmethod
    def wait_for(true, what, proc=None, wait=30):
        deadline = time.monotonic() + wait
        while not true():
            if proc and proc.poll() is not None:
                raise LabError(f"{what}: the program ended with {proc.returncode}")
            if time.monotonic() > deadline:
                raise LabError(f"{what}: not there after {wait} s")
            time.sleep(0.05)

    # -- end --------------------------------------------------------------------------------

    def close(self):
        for proc in reversed(list(self.procs)):
            self.stop(proc)
        if self.container:
            lxc, vmid, disk = self.container
            for step in (("ct_remove", lxc, vmid), ("ct_unbtrfs", disk)):
                try:
                    self.ct(*step)
                except LabError as e:
                    print(f"# clean up: {e}", file=sys.stderr)
        if self.keep:
            print(f"# kept: {self.dir}", file=sys.stderr)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
