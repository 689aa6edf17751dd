#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Exec of `true` in a running container: through the daemon on a kept connection, from request sent to
end received, journal sync included; beside it lxc-attach itself and ssh localhost lxc-attach, one
after the other in turns, so that all see the same machine. Each call comes 50 ms after the one before:
entering a container moves a process between cgroups, which waits for a grace period of the kernel,
unless another has just done so; calls in a tight loop would measure that loop and nobody's use. And
what both halves weigh when idle."""
import os
import statistics
import subprocess
import sys
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
        ssh = ['ssh', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=2', 'localhost', *attach]
        has_ssh = subprocess.run(ssh, capture_output=True).returncode == 0
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
            print('# ssh to localhost is not set up here: left out')
        for what, v in (('rss', rss), ('pss', pss)):
            print(f'pveagentd_network_half_{what} {v[0]} KiB')
            print(f'pveagentd_root_half_{what} {v[1]} KiB')
        print(f'pveagentd_both_halves_pss {sum(pss) / 1024:.2f} MiB')


main()
