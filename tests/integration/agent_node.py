# SPDX-License-Identifier: Apache-2.0
"""A node for tests: a container, a tree that stands for the cluster file system, both halves of the
daemon (the network half as nobody), pveagentctl, and a client."""
import json
import os
import shutil
import subprocess
import tempfile
import time

from agent_lib import free_port, wait
import socket

SRC = os.environ.get('top_srcdir', '.')
BUILD = os.environ.get('top_builddir', '.')
TESTBED = f'{SRC}/tests/testbed/ct.sh'


def possible():
    """None, or why a container cannot run here."""
    r = subprocess.run(['bash', TESTBED, 'ct_possible'], capture_output=True, text=True)
    return None if r.returncode == 0 else r.stderr.strip() or 'no containers here'


class Node:
    ct = '101'

    def __init__(self, policy, btrfs=False):
        self.policy = policy
        self.btrfs = btrfs

    def __enter__(self):
        self.where = tempfile.mkdtemp(prefix='pveagentd-node.', dir='/tmp')
        os.chmod(self.where, 0o755)
        w = self.where
        self.cfs, self.lxc, self.client_dir = f'{w}/cfs', f'{w}/lxc', f'{w}/client'
        if self.btrfs:
            self.testbed('ct_btrfs', f'{w}/fs')
        self.root = f'{w}/fs/mnt/{self.ct}' if self.btrfs else f'{w}/rootfs/{self.ct}'
        os.makedirs(f'{self.cfs}/nodes/pve1/lxc')
        os.makedirs(self.client_dir)
        os.makedirs(f'{w}/state-front')
        os.chown(f'{w}/state-front', 65534, 65534)
        os.makedirs(f'{w}/run')
        with open(f'{w}/policy.ini', 'w') as f:
            f.write(self.policy)
        os.chmod(f'{w}/policy.ini', 0o600)
        with open(f'{self.cfs}/nodes/pve1/lxc/{self.ct}.conf', 'w') as f:
            f.write(f'arch: amd64\nhostname: ct{self.ct}\nrootfs: local:{self.ct},size=1G\n')
        self.port = free_port()
        self.front = self.priv = None
        self.logs = open(f'{w}/log', 'ab')
        self.front_logs = open(f'{w}/log-front', 'ab')
        try:
            self.testbed('ct_make', self.lxc, self.ct, self.root)
            self.start_container()
            subprocess.run([*self.as_nobody(), f'{BUILD}/pveagentd/pveagentd', '--init', '--state',
                            f'{w}/state-front'], check=True)
            self.start_root()
            self.start_front()
            subprocess.run([f'{BUILD}/tests/integration/agent_client', self.client_dir, 'init'],
                           check=True)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for p in (self.front, self.priv):
            if p and p.poll() is None:
                p.kill()
                p.wait()
        subprocess.run(['bash', TESTBED, 'ct_remove', self.lxc, self.ct], capture_output=True)
        if self.btrfs:
            subprocess.run(['bash', TESTBED, 'ct_unbtrfs', f'{self.where}/fs'], capture_output=True)
        shutil.rmtree(self.where, ignore_errors=True)

    @staticmethod
    def testbed(*words):
        subprocess.run(['bash', TESTBED, *words], check=True, stdout=subprocess.DEVNULL)

    @staticmethod
    def as_nobody():
        return ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs',
                '--inh-caps=-all', '--bounding-set=-all']

    def common(self):
        return ['--state', f'{self.where}/state-root', '--cluster-fs', self.cfs, '--policy',
                f'{self.where}/policy.ini', '--node', 'pve1', '--lxc-path', self.lxc, '--act',
                f'{BUILD}/pveagentd-act']

    def start_root(self):
        self.priv = subprocess.Popen(
            [f'{BUILD}/pveagentd-priv', '--socket', f'{self.where}/run/priv.sock', '--peer-uid', '65534',
             '--foreground', *self.common()], stdout=self.logs, stderr=self.logs)
        if not wait(lambda: os.path.exists(f'{self.where}/run/priv.sock')):
            raise RuntimeError('the root half does not start: ' + self.log()[-2000:])

    def restart_root(self):
        self.priv.terminate()
        self.priv.wait(30)
        if os.path.exists(f'{self.where}/run/priv.sock'):
            os.unlink(f'{self.where}/run/priv.sock')
        self.start_root()

    def start_front(self):
        self.front = subprocess.Popen(
            [*self.as_nobody(), f'{BUILD}/pveagentd/pveagentd', '--state', f'{self.where}/state-front',
             '--priv-socket', f'{self.where}/run/priv.sock', '--listen', f'127.0.0.1:{self.port}'],
            stdout=self.front_logs, stderr=self.front_logs)

    def stop_front(self):
        self.front.terminate()
        return self.front.wait(30)

    def front_uid(self):
        def uid():
            for line in open(f'/proc/{self.front.pid}/status'):
                if line.startswith('Uid:'):
                    return int(line.split()[1])
            return -1
        wait(lambda: uid() == 65534, 10)
        return uid()

    def is_open(self):
        try:
            socket.create_connection(('127.0.0.1', self.port), 1).close()
            return True
        except OSError:
            return False

    def wait_open(self, want=True):
        return wait(lambda: self.is_open() == want)

    def ctl(self, *words):
        return subprocess.run([f'{BUILD}/pveagentctl', *self.common(), '--tls-cert',
                               f'{self.where}/state-front/tls.crt', *words], capture_output=True,
                              text=True, timeout=60)

    def argv(self, *words):
        return [f'{BUILD}/tests/integration/agent_client', self.client_dir, *words]

    def client(self, *words):
        r = subprocess.run(self.argv(*words), capture_output=True, text=True, timeout=120)
        try:
            return json.loads(r.stdout)
        except ValueError:
            return {'error': f'exit {r.returncode}', 'message': r.stdout + r.stderr}

    def start(self, *words):
        return subprocess.Popen(self.argv(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True)

    def cert(self):
        """The enrolled client's own key with a certificate, for requests it would never make."""
        crt = f'{self.where}/client.crt'
        subprocess.run(['openssl', 'req', '-x509', '-key', f'{self.client_dir}/key', '-out', crt, '-subj',
                        '/CN=x', '-days', '2'], check=True, capture_output=True)
        return f'{self.client_dir}/key', crt

    def start_container(self):
        self.testbed('ct_start', self.lxc, self.ct)

    def stop_container(self):
        self.testbed('ct_stop', self.lxc, self.ct)

    def pids_inside(self, command):
        """Processes of the container with exactly this command line, by its root directory."""
        found = []
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                line = open(f'/proc/{pid}/cmdline', 'rb').read().rstrip(b'\0').replace(b'\0', b' ')
                if line.decode(errors='replace') == command and \
                        os.stat(f'/proc/{pid}/root/.').st_ino == os.stat(self.root).st_ino:
                    found.append(int(pid))
            except OSError:
                continue
        return found

    def inside(self, command):
        return bool(self.pids_inside(command))

    def kill_inside(self, command):
        for pid in self.pids_inside(command):
            os.kill(pid, 9)

    def children(self):
        with open(f'/proc/{self.priv.pid}/task/{self.priv.pid}/children') as f:
            return [int(x) for x in f.read().split()]

    def log(self, half=''):
        """Of the root half, or with '-front' of the network half."""
        with open(f'{self.where}/log{half}', errors='replace') as f:
            return f.read()

    def memory_kib(self, what):
        """Rss or Pss of both halves, the network half first."""
        found = []
        for p in (self.front, self.priv):
            for line in open(f'/proc/{p.pid}/smaps_rollup'):
                if line.startswith(what + ':'):
                    found.append(int(line.split()[1]))
        return found

    def secrets(self):
        """What must never be printed: seeds and key bytes."""
        found = []
        for name in ('witness.key', 'receipt.key'):
            path = f'{self.where}/state-root/{name}'
            if os.path.exists(path):
                for line in open(path):
                    if line.startswith('seed '):
                        found.append(line.split()[1])
        with open(f'{self.client_dir}/key') as f:
            found += [x.strip() for x in f if not x.startswith('-') and x.strip()]
        return found
