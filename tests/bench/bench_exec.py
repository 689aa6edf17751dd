#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Exec of `true` in a running container: through the daemon on a kept connection, from request sent to
end received, journal sync included; beside it lxc-attach itself and ssh localhost lxc-attach, one
after the other in turns, so that all see the same machine. Each call comes 50 ms after the one before:
entering a container moves a process between cgroups, which waits for a grace period of the kernel,
unless another has just done so; calls in a tight loop would measure that loop and nobody's use. And
what both halves weigh when idle."""
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 'tests/integration'))
from agent_node import Node, possible  # noqa: E402

ROUNDS, EACH, GAP_S = 10, 20, 0.05  # GAP_S: agent_client has the same
POLICY = '''[node]
clock = any

[rule true]
client = laptop
ct = 101
run = /bin/true
'''


def figures(name, us):
    us = sorted(us)
    print(f'{name}_p50 {statistics.median(us) / 1000:.2f} ms')
    print(f'{name}_p99 {us[int(len(us) * 0.99) - 1] / 1000:.2f} ms')


def timed(argv, n):
    out = []
    for _ in range(n):
        time.sleep(GAP_S)
        at = time.monotonic_ns()
        subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        out.append((time.monotonic_ns() - at) / 1000)
    return out


class Sshd:
    """A server of our own on loopback, with keys of its own; None where no sshd is installed."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix='proximo-test-sshd-')
        self.made_run = not os.path.isdir('/run/sshd')
        os.makedirs('/run/sshd', exist_ok=True)  # it wants its empty directory
        for key in ('host', 'user'):
            subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', f'{self.dir}/{key}'],
                           check=True)
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            port = probe.getsockname()[1]
        self.proc = subprocess.Popen(
            ['/usr/sbin/sshd', '-D', '-e', '-f', '/dev/null', '-h', f'{self.dir}/host',
             '-o', f'ListenAddress=127.0.0.1:{port}', '-o', f'AuthorizedKeysFile={self.dir}/user.pub',
             '-o', 'StrictModes=no', '-o', 'PidFile=none', '-o', 'PermitRootLogin=prohibit-password'],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.command = ['ssh', '-F', 'none', '-i', f'{self.dir}/user', '-p', str(port), '-o',
                        'BatchMode=yes', '-o', 'ConnectTimeout=2', '-o', 'StrictHostKeyChecking=no',
                        '-o', f'UserKnownHostsFile={self.dir}/known', '127.0.0.1']

    def close(self):
        self.proc.terminate()
        self.proc.wait(10)
        shutil.rmtree(self.dir, ignore_errors=True)
        if self.made_run:
            os.rmdir('/run/sshd')


def works(argv):
    for _ in range(50):
        if subprocess.run(argv, capture_output=True, check=False).returncode == 0:
            return True
        time.sleep(0.1)
    return False


def main():
    why = possible()
    if why:
        print(why, file=sys.stderr)
        sys.exit(77)
    with Node(POLICY) as n:
        n.ctl('arm')
        line = n.ctl('invite', 'laptop', '--address', f'127.0.0.1:{n.port}', '--rights',
                     'inventory evidence witness').stdout.strip()
        if not n.wait_open() or 'error' in n.client('join', line, 'laptop'):
            print('the client cannot join: ' + n.log()[-500:], file=sys.stderr)
            sys.exit(1)
        time.sleep(4)
        rss, pss = n.memory_kib('Rss'), n.memory_kib('Pss')
        attach = ['lxc-attach', '-P', n.lxc, '-n', n.ct, '--clear-env', '--', '/bin/true']
        sshd = Sshd() if os.path.exists('/usr/sbin/sshd') and shutil.which('ssh') else None
        ssh = [*sshd.command, *attach] if sshd else []
        has_ssh = sshd is not None and works(ssh)
        daemon, plain, far = [], [], []
        for _ in range(ROUNDS):
            r = subprocess.run(n.argv('bench', str(EACH), n.ct, '--', '/bin/true'), capture_output=True,
                               text=True)
            if r.returncode:
                print(r.stdout + r.stderr, file=sys.stderr)
                sys.exit(1)
            # The first of a process opens the connection; the figure is for one that is kept.
            daemon += [int(x) for x in r.stdout.split()][1:]
            plain += timed(attach, EACH)
            if has_ssh:
                far += timed(ssh, EACH)
        figures('exec_daemon', daemon)
        figures('exec_lxc_attach', plain)
        print(f'exec_daemon_over_attach_p50 {(statistics.median(daemon) - statistics.median(plain)) / 1000:.2f} ms')
        if has_ssh:
            figures('exec_ssh_localhost_attach', far)
        else:
            print('# no sshd is installed here: left out')
        if sshd:
            sshd.close()
        for what, v in (('rss', rss), ('pss', pss)):
            print(f'pveagentd_network_half_{what} {v[0]} KiB')
            print(f'pveagentd_root_half_{what} {v[1]} KiB')
        print(f'pveagentd_both_halves_pss {sum(pss) / 1024:.2f} MiB')


main()
