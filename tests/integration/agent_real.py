#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The whole node daemon, both halves, with a real client and a real container: enrolment, policy,
exec in all its ends, broken streams, cancelling, replay, revocation, kill -9 on either side."""
import json
import os
import signal
import socket
import subprocess
import time

from agent_lib import *  # pylint: disable=wildcard-import,unused-wildcard-import
from agent_node import Node, possible

t = Tap()

POLICY = '''[node]
clock = any
max-running = 8

[rule any]
client = laptop
ct = 101
do = exec
run = ANY
approve = none
user = root
timeout = 60
output = 1M
stdin = yes

[rule narrow]
client = laptop
ct = 102
run = /bin/true {int 1-9}

[rule taken-back]
client = laptop
ct = 110
run = /bin/true

[deny db]
ct = 110
'''


def enrol(n):
    out = n.ctl('invite', 'laptop', '--address', f'127.0.0.1:{n.port}', '--rights',
                'inventory evidence witness')
    t.ok(out.returncode != 0 and 'arm' in out.stderr, 'no invitation before the node is armed', out)
    t.eq(n.ctl('arm').returncode, 0, 'arm')
    t.ok(not n.is_open(), 'no port is open yet')
    line = n.ctl('invite', 'laptop', '--address', f'127.0.0.1:{n.port}', '--rights',
                 'inventory evidence witness').stdout.strip()
    t.ok(line.startswith('proximo1.'), 'an invitation is one line', line)
    t.ok(n.wait_open(), 'the invitation opens the port')
    raw = bytearray(base64.urlsafe_b64decode(line[9:] + '=' * (-len(line[9:]) % 4)))
    text = raw.decode()
    secret = text.split('secret ')[1][:32]

    def other(old, new):
        return 'proximo1.' + base64.urlsafe_b64encode(text.replace(old, new).encode()).decode().rstrip('=')
    flipped = ('0' if secret[0] != '0' else '1') + secret[1:]
    o = n.client('join', other(secret, flipped), 'laptop')
    t.ok(o['error'] == 'node_refused' and 'join_refused' in o['message'], 'a wrong secret is refused', o)
    t.ok(secret not in json.dumps(o) and flipped not in json.dumps(o), 'and not repeated')
    tls = text.split('tls sha256:')[1][:64]
    o = n.client('join', other(tls, ('0' if tls[0] != '0' else '1') + tls[1:]), 'laptop')
    t.eq(o['error'], 'node_untrusted_key', 'another TLS key than the invitation names')
    o = n.client('join', other('expires 1', 'expires 0'), 'laptop')
    t.ok(o['error'] in ('invitation_bad', 'invitation_expired'), 'an expired invitation', o)
    o = n.client('join', line, 'desktop')
    t.eq(o.get('error'), 'node_refused', 'the invitation is for one name')
    o = n.client('join', line, 'laptop')
    t.eq(o, {'node': 'pve1', 'witnessed': 1}, 'join, and the first checkpoint is cosigned')
    o = n.client('join', line, 'laptop')
    t.eq(o.get('error'), 'node_refused', 'an invitation works once')
    o = n.client('status')
    t.eq((o['node'], o['client'], o['armed'], o['frozen'], sorted(o['rights'])),
         ('pve1', 'laptop', True, False, ['evidence', 'inventory', 'witness']), 'status')


def sh(n, script, *options, **more):
    return n.client('exec', '101', *options, '--', '/bin/sh', '-c', script, **more)


def commands(n):
    o = sh(n, 'echo out; echo err >&2; exit 3')
    t.eq((o['started'], o['ended'], o['refused'], o['how'], o['value'], o['out'], o['err']),
         (True, True, '', 'exited', 3, 'out\n', 'err\n'), 'a command in the container')
    t.ok(o['receipt'] and o['attested'], 'its receipt attests exactly these bytes', o)
    o = sh(n, 'kill -9 $$')
    t.eq((o['how'], o['value']), ('signalled', 9), 'ended by a signal')
    o = sh(n, 'cat', '--stdin', 'handed in\n')
    t.eq((o['out'], o['value']), ('handed in\n', 0), 'stdin')
    o = sh(n, 'head -c 3000000 /dev/zero', '--output', '65536')
    t.eq((len(o['out']), o['out_total'], o['how']), (65536, 3000000, 'exited'),
         'output over the limit is counted and dropped')
    o = sh(n, 'sleep 300', '--timeout', '1')
    t.eq((o['ended'], o['how']), (True, 'timed-out'), 'the deadline')
    t.ok(wait(lambda: not n.inside('sleep 300')), 'leaves no process')
    o = sh(n, 'echo first; sleep 300', '--cancel')
    t.eq((o['ended'], o['how'], o['out']), (True, 'cancelled', 'first\n'), 'cancel, with its receipt')
    t.ok(wait(lambda: not n.inside('sleep 300')), 'leaves no process')


def refusals(n):
    for args in (('/bin/true', '10'), ('/bin/true',), ('/bin/true', '1', '2'), ('/bin/false', '1'),
                 ('/bin/true', '1; reboot')):
        o = n.client('exec', '102', '--', *args)
        t.eq((o.get('refused'), o.get('step'), o.get('started')), ('policy_denied', 'policy', False),
             f'not allowed: {args}')
    o = n.client('exec', '101', '--uid', '5', '--', '/bin/true')
    t.eq(o.get('refused'), 'policy_denied', 'nor as another user')
    o = n.client('exec', '110', '--', '/bin/true')
    t.eq(o['refused'], 'policy_denied', 'denied container')
    o = sh(n, 'id -u', '--other-intent')
    t.eq((o['started'], o['step']), (False, 'intent'), 'an intent that names another request')
    o = sh(n, 'id -u', '--twice')
    t.eq((o['refused'], o['ended'], o['value']), ('', True, 0),
         'the same request twice: the second call finds what the first did')
    h = o['request']
    t.eq(n.client('op', h)['state'], 'ended', 'the node knows the operation')
    t.eq(n.client('op', 'ab' * 32)['state'], 'unknown', 'and not one that never was')
    n.ctl('freeze', 'on')
    o = n.client('exec', '101', '--', '/bin/true')
    t.eq(o['refused'], 'frozen', 'frozen')
    n.ctl('freeze', 'off')
    o = n.client('exec', '101', '--', '/bin/true')
    t.eq(o['ended'], True, 'thawed')
    n.stop_container()
    o = n.client('exec', '101', '--', '/bin/true')
    t.eq((o['refused'], o['step']), ('ct_stopped', 'world'), 'a container that does not run')
    n.start_container()


def strangers(n):
    other = make_cert(n.where, 'other')
    for path in ('/v1/status', '/v1/receipts', '/v1/nothing', '/v1/checkpoint/' + 'a' * 64):
        code, o = Client(n.port, other).call('GET', path)
        t.eq((code, o.get('code')), (403, 'client_unknown'), f'a key that is not enrolled: {path}')
    code, o = Client(n.port, other).call('POST', '/v1/act', act_body())
    t.eq(code, 403, 'and no act')
    code, o = Client(n.port, other).call('POST', '/v1/join', {
        'name': 'x', 'key': b64(b'k' * 32), 'vkey': 'v', 'hmac': b64(b'h' * 32)})
    t.eq((code, o['code']), (403, 'join_closed'), 'no invitation is open any more')
    try:
        s = Client(n.port).tls()
        s.sendall(b'GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n')
        got = s.recv(1)
    except OSError:
        got = b''
    t.eq(got, b'', 'without a certificate nothing is answered')


def broken(n):
    p = n.start('exec', '101', '--', '/bin/sh', '-c', 'echo on; sleep 3; echo off > /tmp/done')
    t.ok(wait(lambda: n.inside('sleep 3')), 'a command runs')
    p.kill()
    p.wait()
    t.ok(wait(lambda: os.path.exists(f'{n.root}/tmp/done')), 'it goes on without its client')
    t.ok(wait(lambda: len(n.client('receipts')) > 0), 'and the node keeps its receipt')
    p = n.start('exec', '101', '--kill', '--', '/bin/sh', '-c', 'sleep 300')
    t.ok(wait(lambda: n.inside('sleep 300')), 'a command that asked to end with its client')
    p.kill()
    p.wait()
    t.ok(wait(lambda: not n.inside('sleep 300')), 'does so')
    p = n.start('exec', '101', '--', '/bin/sh', '-c', 'echo on; sleep 3; echo off > /tmp/done')
    os.unlink(f'{n.root}/tmp/done')
    t.ok(wait(lambda: n.inside('sleep 3')), 'a command runs')
    n.front.kill()
    n.front.wait()
    o = json.loads(p.communicate(timeout=60)[0])
    t.eq((o['started'], o['ended'], o['refused']), (True, False, ''),
         'kill -9 of the network half: the client knows that it does not know')
    n.start_front()
    t.ok(n.wait_open(), 'after a restart the port opens by itself')
    t.ok(wait(lambda: n.client('op', o['request'])['state'] == 'ended'), 'and the end is there to ask for')
    t.ok(wait(lambda: os.path.exists(f'{n.root}/tmp/done')), 'the command had gone on')
    p = n.start('exec', '101', '--', '/bin/sh', '-c', 'sleep 300')
    t.ok(wait(lambda: n.inside('sleep 300')), 'a command runs')
    for pid in n.children():
        os.kill(pid, signal.SIGKILL)
    o = json.loads(p.communicate(timeout=60)[0])
    t.eq((o['started'], o['ended']), (True, False), 'kill -9 of the root child: no end, no receipt')
    n.kill_inside('sleep 300')
    n.restart_root()
    t.ok(wait(lambda: 'how unknown' in n.client('op', o['request']).get('receipt', '')),
         'after a restart its receipt says unknown')


def receipts(n):
    o = n.client('exec', '101', '--', '/bin/true')
    notes = n.client('receipts')
    t.ok(len(notes) > 3 and notes[-1] == o['receipt'], 'receipts wait to be proved, newest last')
    t.eq(n.client('witness'), 1, 'the newest head is cosigned')


def rude(n):
    code, o = Client(n.port, n.cert()).call('POST', '/v1/act', act_body())
    t.ok(400 <= code < 500, 'an act whose fields are nonsense is refused', code, o)
    t.eq(n.client('status')['node'], 'pve1', 'both halves go on')


def revoke(n):
    c = Client(n.port, n.cert())
    k = c.connection()
    t.eq(c.call('GET', '/v1/status', connection=k)[0], 200, 'a connection of an enrolled client')
    p = n.start('exec', '101', '--', '/bin/sh', '-c', 'sleep 300')
    t.ok(wait(lambda: n.inside('sleep 300')), 'with a command under way')
    t.eq(n.ctl('revoke', 'laptop').returncode, 0, 'revoke')
    code, o = c.call('GET', '/v1/status', connection=k)
    t.ok(code == 403 and o['code'] in ('client_revoked', 'client_unknown'),
         'bites on the open connection', o)
    t.ok(wait(lambda: not n.inside('sleep 300')), 'and ends what runs')
    p.communicate(timeout=60)
    o = n.client('exec', '101', '--', '/bin/true')
    t.eq(o.get('error'), 'node_refused', 'nothing more is done for it')


def main():
    why = possible()
    if why:
        skip_all(why)
    with Node(POLICY) as n:
        t.eq(n.front_uid(), 65534, 'the network half runs without root')
        enrol(n)
        commands(n)
        refusals(n)
        strangers(n)
        broken(n)
        receipts(n)
        rude(n)
        revoke(n)
        t.eq(n.stop_front(), 0, 'the network half ends in order')
        front = n.log('-front')
        log = n.log() + front
        t.ok('ERROR: ' not in front and 'runtime error' not in log, 'no sanitizer spoke', front[-3000:])
        secrets = n.secrets()
        t.ok(not [s for s in secrets if s in log], 'no key is in the log')
    t.end()


main()
