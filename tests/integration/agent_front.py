#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pveagentd, the network half, with a root-half peer of the test's own behind it: what is let in, what
each route sends on and gives back, streams, and what slow, rude and vanished clients cause."""
import gzip
import json
import os
import signal
import socket
import threading
import time

from agent_lib import *  # pylint: disable=wildcard-import,unused-wildcard-import

t = Tap()


def status_ok(c, f, fds):
    c.send(pack(STATUS_A, STATUS_TEXT))


def act_with(out=b'', err=b'', how='exited', value=0, receipt='receipt note\n'):
    def run(c, f, fds):
        c.send(pack(STARTED, 'ab' * 32, 'cosig line\n', u64(9)))
        for fd, data in ((fds[0], out), (fds[1], err)):
            while data:
                data = data[os.write(fd, data):]
        c.send(pack(END, receipt, u64(len(out)), u64(len(err)), how, u64(value)))
    return run


def test_admission(d, peer, me, stranger):
    t.ok(not d.is_open(), 'no port is open while nobody is enrolled or invited')
    peer.open = 1
    t.ok(d.wait_open(), 'an open invitation opens it')
    try:
        s = Client(d.port).tls()
        s.sendall(b'GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n')
        answer = s.recv(1)
    except OSError:
        answer = b''
    t.eq(answer, b'', 'without a certificate there is no answer')
    peer.on[STATUS] = status_ok
    code, o = Client(d.port, me).call('GET', '/v1/status')
    t.eq(code, 200, 'status answers')
    t.eq((o['node'], o['client'], o['rights'], o['armed'], o['frozen'], o['head'], o['running'],
          o.get('policy')),
         ('pve1', 'laptop', ['inventory', 'evidence', 'witness'], True, False, 7, 2, None),
         'the status text became JSON by its table')
    t.eq(peer.last(STATUS), [me[2]], 'the root half got the hash of the client\'s own key')
    peer.on[STATUS] = refused('client_unknown', 'client')
    for path in ('/v1/status', '/v1/inventory', '/v1/nothing', '/v1/checkpoint/' + 'a' * 64):
        code, o = Client(d.port, stranger).call('GET', path)
        t.eq((code, o['code']), (403, 'client_unknown'), f'a stranger learns nothing of {path}')
    t.eq(peer.count(CHECKPOINT), 0, 'and the root half was not asked for the checkpoint')


def test_routes(d, peer, me):
    c = Client(d.port, me)
    peer.on[STATUS] = status_ok
    for method, path, body, want in (
            ('GET', '/v1/nothing', None, (404, 'not_found')),
            ('GET', '/v1/status/x', None, (404, 'not_found')),
            ('GET', '/v1/act', None, (405, 'method_not_allowed')),
            ('GET', '/v1/inventory', None, (503, 'inventory_unavailable')),
            ('GET', '/v1/evidence?check=x', None, (501, 'not_in_this_version')),
            ('POST', '/v1/cancel', '{"request":"' + 'a' * 5000 + '"}', (413, 'body_too_large')),
            ('POST', '/v1/act', '{"request":1}', (400, 'bad_request')),
            ('POST', '/v1/act', '[]', (400, 'bad_request')),
            ('POST', '/v1/act', json.dumps(act_body(extra=1)), (400, 'bad_request')),
            ('POST', '/v1/act', json.dumps(act_body(index=-1)), (400, 'bad_request')),
            ('POST', '/v1/act', json.dumps(act_body(index='3')), (400, 'bad_request')),
            ('POST', '/v1/act', json.dumps(act_body(request='a===')), (400, 'bad_request')),
            ('POST', '/v1/act', json.dumps(act_body(inclusion=[b64(b'x' * 31)])), (400, 'bad_request')),
            ('POST', '/v1/act', json.dumps(act_body(inclusion=[b64(b'x' * 32)] * 64)),
             (400, 'bad_request')),
            ('POST', '/v1/act', '{"request":"YQ==","request":"YQ=="}', (400, 'bad_request')),
            ('POST', '/v1/act', json.dumps(act_body(stdin=b64(b'x' * 60000), intent=b64(b'y' * 60000),
                                                    request=b64(b'z' * 60000))),
             (413, 'body_too_large')),
            ('POST', '/v1/cancel', '{"request":"sha256:XY"}', (400, 'bad_request')),
            ('GET', '/v1/op/' + 'A' * 64, None, (400, 'bad_request')),
            ('GET', '/v1/receipts?after=x', None, (400, 'bad_request'))):
        code, o = c.call(method, path, body)
        t.eq((code, o.get('code')), want, f'{method} {path[:30]} {str(body)[:40]} -> {want}')
        if not t.ok(set(o) <= {'code', 'message', 'hint', 'who', 'step', 'plan'} and o['who'] == 'node',
                    'in the one error shape'):
            print('#', o)
    t.eq(peer.count(ACT), 0, 'no malformed act reached the root half')
    peer.on[EXPLAIN] = lambda k, f, fds: k.send(pack(
        EXPLAIN_A, 'allowed no\nrule -\ncode policy_denied\nwhy no rule\nremedy a%25b\napproval none\n'
        'near-root no\nexists yes\nrunning yes\nconfig sha256:ab\nprivileged no\nundo yes\n'
        'undo-driver btrfs\nmount mp0 /x\nmount mp1 /y\n'))
    code, o = c.call('POST', '/v1/explain', {'request': b64('text')})
    t.eq((code, o), (200, {'allowed': False, 'code': 'policy_denied', 'why': 'no rule', 'remedy': 'a%b',
                           'approval': 'none', 'near_root': False, 'exists': True, 'running': True,
                           'config': 'sha256:ab', 'privileged': False,
                           'undo': {'possible': True, 'driver': 'btrfs'},
                           'mounts': ['mp0 /x', 'mp1 /y']}), 'explain')
    t.eq(peer.last(EXPLAIN), [me[2], b'text'], 'explain sends peer and request')
    peer.on[OP] = lambda k, f, fds: k.send(pack(OP_A, 'ended', 'note\n', b'\0out', b''))
    t.eq(c.call('GET', '/v1/op/' + 'ab' * 32),
         (200, {'state': 'ended', 'receipt': 'note\n', 'stdout': b64(b'\0out'), 'stderr': ''}), 'op')
    peer.on[CANCEL] = lambda k, f, fds: k.send(pack(OK))
    t.eq(c.call('POST', '/v1/cancel', {'request': 'sha256:' + 'ab' * 32}), (200, {'ok': True}), 'cancel')
    t.eq(peer.last(CANCEL), [me[2], b'ab' * 32], 'cancel sends H')
    peer.on[RECEIPTS] = lambda k, f, fds: k.send(pack(RECEIPTS_A, u64(2), 'a\n', 'b\n'))
    t.eq(c.call('GET', '/v1/receipts?after=5'), (200, {'receipts': ['a\n', 'b\n']}), 'receipts')
    t.eq(peer.last(RECEIPTS), [me[2], u64(5)], 'receipts sends its number')
    peer.on[RECEIPTS_ACK] = lambda k, f, fds: k.send(pack(OK))
    t.eq(c.call('POST', '/v1/receipts', {'upto': 4, 'entry': b64('e'), 'index': 1, 'inclusion': [],
                                         'checkpoint': 'x'}), (200, {'ok': True}), 'acknowledged')
    t.eq(peer.last(RECEIPTS_ACK), [me[2], u64(4), b'e', u64(1), b'', b'x'], 'with its proof')
    peer.on[WITNESS] = lambda k, f, fds: k.send(pack(WITNESS_A, u64(409), '17\n'))
    t.eq(c.call('POST', '/v1/add-checkpoint', b'old 0\n\nnote'), (409, 17), 'witness conflict')
    t.eq(peer.last(WITNESS), [me[2], b'old 0\n\nnote'], 'the witness got the body as it came')
    peer.on[CHECKPOINT] = lambda k, f, fds: k.send(pack(CHECKPOINT_A, u64(200), 'head\n'))
    t.eq(c.call('GET', '/v1/checkpoint/' + 'cd' * 32), (200, b'head\n'), 'checkpoint')
    peer.on[METRICS] = lambda k, f, fds: k.send(pack(METRICS_A, *map(u64, (1, 0, 2, 3, 400))))
    code, o = c.call('GET', '/v1/metrics')
    t.ok(code == 200 and o.count(b'# EOF') == 1 and o.endswith(b'# EOF\n') and
         [v.split()[-1] for v in o.decode().splitlines() if v[0] != '#'][:5] == ['1', '0', '2', '3', '400'] and
         b'# TYPE pveagentd_armed gauge\npveagentd_armed 1\n' in o and
         b'# TYPE pveagentd_actions counter\npveagentd_actions_total 400\n' in o, 'metrics', o)
    peer.on[METRICS] = lambda k, f, fds: k.send(pack(METRICS_A, *map(u64, (1, 0, 2, 3))))
    t.ok(c.call('GET', '/v1/metrics')[0] >= 500, 'metrics that lack a number are none')
    peer.on[EXPLAIN] = lambda k, f, fds: None
    t.eq(c.call('POST', '/v1/explain', {'request': 'YQ=='})[1]['code'], 'bad_request',
         'a root child that leaves without a word means a malformed message')
    peer.on[EXPLAIN] = lambda k, f, fds: k.send(pack(OK, 'left over'))
    code, o = c.call('POST', '/v1/explain', {'request': 'YQ=='})
    t.eq((code, o['code']), (503, 'root_half_unavailable'), 'an answer of another kind is none')


def test_act(d, peer, me):
    c = Client(d.port, me)
    out, err = os.urandom(3 * 1024 * 1024), b'e' * 100000
    peer.on[ACT] = act_with(out, err, 'exited', 3)
    code, data = c.call('POST', '/v1/act', act_body(stdin=b64('in')))
    f = frames(data)
    t.eq(code, 200, 'act answers')
    sent = peer.last(ACT)
    t.eq(sent[:-1], [me[2], b'proximo-request/v1\n', b'in', b'entry', u64(3), b'\1' * 32,
                     b'origin\n8\nroot\n', u64(2), b'\2' * 32 + b'\3' * 32, u64(1), b'note'],
         'every field of the body is where msg.h wants it')
    now = time.monotonic_ns() // 1000000
    t.ok(0 <= now - int.from_bytes(sent[-1], 'little') < 600000, 'and when the connection came')
    t.eq([n for k, _, n in peer.seen if k == ACT], [2], 'with exactly two descriptors')
    t.eq(b''.join(x for k, x in f if k == 'o'), out, 'stdout came whole and unchanged')
    t.eq(b''.join(x for k, x in f if k == 'e'), err, 'stderr too')
    t.eq(f[0][0] + f[-2][0] + f[-1][0], 'sxr', 'first started, last end and receipt')
    t.eq(json.loads(f[0][1]), {'request': 'sha256:' + 'ab' * 32, 'seq': 9, 'cosignature': 'cosig line\n'},
         'started frame')
    t.eq(json.loads(f[-2][1]), {'how': 'exited', 'value': 3, 'stdout_bytes': len(out),
                                'stderr_bytes': len(err)}, 'end frame')
    t.eq(json.loads(f[-1][1]), {'receipt': 'receipt note\n'}, 'receipt frame')
    t.ok(max(len(x) for _, x in f) <= 65536, 'no frame above 64 KiB')
    peer.on[ACT] = act_with(b'\xff\0', b'')
    code, data = c.call('POST', '/v1/act', act_body(), {'Accept': 'application/x-ndjson'})
    lines = [json.loads(x) for x in data.splitlines()]
    t.eq([list(x)[0] for x in lines], ['started', 'out', 'end', 'receipt'], 'NDJSON when asked')
    t.eq(lines[1], {'out': b64(b'\xff\0')}, 'with base64')
    peer.on[ACT] = refused('witness_conflict', 'checkpoint', 'another size', 41, 'sig\n')
    code, o = c.call('POST', '/v1/act', act_body())
    t.eq((code, o['code'], o['step'], o['size'], o['plan'], o['cosignature']),
         (409, 'witness_conflict', 'checkpoint', 41, 'kept', 'sig\n'), 'a conflict tells the size')
    peer.on[ACT] = refused('some_new_code', 'policy', 'no')
    t.eq(c.call('POST', '/v1/act', act_body())[0], 403, 'a refusal with an unknown code is a refusal')
    peer.on[ACT] = lambda k, f, fds: k.send(pack(END, 'rn\n', u64(0), u64(0), 'not-started', u64(0)))
    code, data = c.call('POST', '/v1/act', act_body())
    t.eq((code, [k for k, _ in frames(data)]), (200, ['x', 'r']), 'ended before it began')


def test_broken(d, peer, me):
    c = Client(d.port, me)

    def dies(k, f, fds):
        k.send(pack(STARTED, 'ab' * 32, '', u64(1)))
        os.write(fds[0], b'partial')
    peer.on[ACT] = dies
    try:
        k = c.connection()
        k.request('POST', '/v1/act', json.dumps(act_body()))
        data = k.getresponse().read()
        whole = True
    except TimeoutError:
        data, whole = b'', True  # left hanging is not broken
    except (http.client.IncompleteRead, OSError) as e:
        data, whole = getattr(e, 'partial', b''), False
    t.ok(not whole and b'x' not in [k.encode() for k, _ in frames(data)],
         'a root child that dies breaks the stream: no end frame, no clean end', data)
    gone = threading.Event()

    def silent(k, started):
        if started:
            k.send(pack(STARTED, 'ab' * 32, '', u64(1)))
        k.settimeout(60)
        if k.recv(1) == b'':
            gone.set()
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    body = json.dumps(act_body())
    for started in (False, True):
        closed = threading.Event()
        gone.clear()

        def run(k, f, fds, started=started, closed=closed):
            silent(k, started)
            try:
                os.write(fds[0], b'x')
            except BrokenPipeError:
                closed.set()
        peer.on[ACT] = run
        n = peer.count(ACT)
        s = c.tls()
        s.sendall(f'POST /v1/act HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}'
                  .encode())
        wait(lambda: peer.count(ACT) > n)  # pylint: disable=cell-var-from-loop
        if started:
            s.recv(10)
        s.close()
        t.ok(gone.wait(60), f'a client that leaves in silence is noticed (started: {started})')
        t.ok(closed.wait(60), 'and pipes and socket to the root half are closed')


def test_backpressure(d, peer, me):
    c = Client(d.port, me)
    total, written, done = 48 * 1024 * 1024, [0], threading.Event()

    def floods(k, f, fds):
        k.send(pack(STARTED, 'ab' * 32, '', u64(1)))
        block = b'z' * 65536
        while written[0] < total:
            written[0] += os.write(fds[0], block[:total - written[0]])
        k.send(pack(END, 'r\n', u64(total), u64(0), 'exited', u64(0)))
        done.set()
    peer.on[ACT] = floods
    before = d.rss_kib()
    k = c.connection()
    k.request('POST', '/v1/act', json.dumps(act_body()))
    last = -1
    while last != written[0] or last <= 0:  # until nothing moves any more
        last = written[0]
        time.sleep(1)
    t.ok(not done.is_set() and written[0] < total / 2, 'the command waits for a client that does not read',
         written[0])
    grown = d.rss_kib() - before
    t.ok(grown < 8 * 1024, 'and the daemon holds next to nothing meanwhile', grown)
    f = frames(k.getresponse().read())
    t.eq((sum(len(x) for q, x in f if q == 'o'), f[-1][0]), (total, 'r'), 'then all of it comes')


def test_rude(d, peer, me):
    c = Client(d.port, me)
    peer.on[STATUS] = status_ok
    release = threading.Event()

    def late(k, f, fds):
        release.wait(60)
        k.send(pack(EXPLAIN_A, 'allowed yes\n'))
    peer.on[EXPLAIN] = late
    s = c.tls()
    body = '{"request":"YQ=="}'
    n = peer.count(EXPLAIN)
    s.sendall(f'POST /v1/explain HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}'.encode())
    wait(lambda: peer.count(EXPLAIN) > n)
    s.sendall(b'GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    time.sleep(0.3)
    release.set()
    data = b''
    while True:
        got = s.recv(65536)
        if not got:
            break
        data += got
    t.eq(data.count(b'HTTP/1.1 200'), 2, 'bytes that come while an answer is due wait for their turn')
    t.ok(d.proc.poll() is None, 'and do not end the daemon')
    release.clear()
    threads, codes = [], []
    n = peer.count(EXPLAIN)

    def one():
        codes.append(c.call('POST', '/v1/explain', body)[0])
    for _ in range(16):
        threads.append(threading.Thread(target=one))
        threads[-1].start()
    wait(lambda: peer.count(EXPLAIN) == n + 16)
    code, o = c.call('GET', '/v1/status')
    t.eq((code, o['code']), (429, 'too_many_requests'), 'the 17th request of one client is refused')
    other = make_cert(os.path.dirname(me[0]), 'other')
    t.eq(Client(d.port, other).call('GET', '/v1/status')[0], 200, 'another client is not affected')
    release.set()
    for x in threads:
        x.join()
    t.eq(codes, [200] * 16, 'the sixteen are answered')
    t.ok(wait(lambda: c.call('GET', '/v1/status')[0] == 200), 'and their places free again')
    for raw in (b'GARBAGE\r\n\r\n', b'GET /v1/status HTTP/1.1\r\n' + b'A: b\r\n' * 5000 + b'\r\n',
                b'POST /v1/act HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n',
                b'POST /v1/act HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
                b'POST /v1/act HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n',
                b'PUT /v1/act HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n',
                b'GET http://[::1/ HTTP/1.1\r\n\r\n', b'\0\0\0'):
        s = c.tls()
        s.sendall(raw)
        s.settimeout(40)
        try:
            got = s.recv(4096)
        except OSError:
            got = b''
        s.close()
        t.ok(not got.startswith(b'HTTP/1.1 2') and d.proc.poll() is None, f'{raw[:30]!r} is refused', got)
    t.eq(c.call('GET', '/v1/status')[0], 200, 'after all of it the daemon answers')
    k = c.connection()
    first = c.call('GET', '/v1/status', connection=k)[0]
    peer.on[STATUS] = refused('client_revoked', 'client')
    t.eq((first, c.call('GET', '/v1/status', connection=k)[0]), (200, 403),
         'a revocation bites on a connection that is open')
    peer.on[STATUS] = status_ok


def test_places(d, me):
    c = Client(d.port, me)
    held = [socket.create_connection(('127.0.0.1', d.port)) for _ in range(300)]
    time.sleep(1)
    n = len(os.listdir(f'/proc/{d.proc.pid}/fd'))
    t.ok(n < 256 + 40, 'above the ceiling connections wait in the kernel', n)
    for s in held:
        s.close()
    t.eq(c.call('GET', '/v1/status')[0], 200, 'and come in when others leave')


def test_inventory(d, peer, me, where):
    """The reader's part is played here; what leads to the client is the network half's."""
    peer.on[STATUS] = status_ok
    body = b'proximo-inventory/v1\n' + os.urandom(70000) + b'y' * 300000
    version = 'sha256:' + 'ab' * 32
    asked, hold = [], threading.Event()
    answers = {'plain': [b'ok ', f'{version}\n'.encode() + body[:100], body[100:]],
               'same': [f'same {version}\n'.encode()], 'busy': [b'error busy\n'],
               'silent': [], 'odd': [b'GET / HTTP/1.1\r\n'], 'long': [b'x' * 4096],
               'error': [b'error no tree here\n'], 'empty': [f'ok {version}\n'.encode()]}
    mode = ['plain']
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(f'{where}/reader.sock')
    sock.listen(8)

    def one(c, kind):
        with c:
            asked.append(c.recv(200))
            for piece in answers[kind] if kind != 'hold' else []:
                c.sendall(piece)
                time.sleep(0.01)
            if kind == 'hold':
                hold.wait(60)
                try:
                    c.sendall(b''.join(answers['plain']))
                except BrokenPipeError:
                    pass  # of the client that went away

    def serve():
        while True:
            try:
                c, _ = sock.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(c, mode[0]), daemon=True).start()
    threading.Thread(target=serve, daemon=True).start()

    def get(headers=None):
        c = Client(d.port, me).connection()
        c.request('GET', '/v1/inventory', headers=headers or {})
        r = c.getresponse()
        return r, r.read()
    r, data = get()
    t.eq((r.status, r.getheader('Content-Encoding'), r.getheader('ETag'), data == body),
         (200, None, f'"{version}"', True), 'the inventory goes through as it is')
    t.eq(asked[-1], b'inventory -\n', 'the reader was asked for any version')
    r, data = get({'Accept-Encoding': 'br, gzip;q=0.5'})
    t.eq((r.status, r.getheader('Content-Encoding'), gzip.decompress(data) == body, len(data) < 100000),
         (200, 'gzip', True, True), 'packed where it was asked for')
    r, data = get({'If-None-Match': f'"{version}"'})
    t.eq(asked[-1], f'inventory {version}\n'.encode(), 'the version that the client has goes along')
    for tag in ('*', f'W/"{version}"', f'"{version}\tx"', '"sha256:' + 'AB' * 32 + '"'):
        get({'If-None-Match': tag})
        t.eq(asked[-1], b'inventory -\n', f'but nothing that is no version: {tag}')
    mode[0] = 'same'
    r, data = get({'If-None-Match': f'"{version}"'})
    t.eq((r.status, data), (304, b''), 'not modified')
    for mode[0], want in (('busy', (429, 'busy')), ('silent', (503, 'inventory_unavailable')),
                          ('odd', (503, 'inventory_unavailable')),
                          ('long', (503, 'inventory_unavailable')),
                          ('error', (503, 'inventory_unavailable')),
                          ('empty', (503, 'inventory_unavailable'))):
        code, o = Client(d.port, me).call('GET', '/v1/inventory')
        t.eq((code, o.get('code')), want, f'a reader that is {mode[0]}')
    mode[0] = 'hold'
    before = len(asked)
    waiting = [Client(d.port, me).connection() for _ in range(2)]
    for c in waiting:
        c.request('GET', '/v1/inventory')
    t.ok(wait(lambda: len(asked) == before + 2), 'two inventories are under way')
    code, o = Client(d.port, me).call('GET', '/v1/inventory')
    t.eq((code, o.get('code')), (429, 'busy'), 'a third is refused')
    waiting[0].close()
    mode[0] = 'plain'
    t.ok(wait(lambda: Client(d.port, me).call('GET', '/v1/inventory')[0] == 200),
         'who goes away makes room')
    hold.set()
    t.eq(waiting[1].getresponse().read() == body, True, 'and the other gets all of it')
    peer.on[STATUS] = lambda c, f, fds: c.send(pack(STATUS_A, STATUS_TEXT.replace('inventory ', '')))
    before = len(asked)
    code, o = Client(d.port, me).call('GET', '/v1/inventory')
    t.eq((code, o['code'], len(asked)), (403, 'right_missing', before),
         'without the right the reader is not even asked')
    peer.on[STATUS] = status_ok
    sock.close()
    os.unlink(f'{where}/reader.sock')


def main():
    with Scratch() as where:
        me, stranger = make_cert(where, 'me'), make_cert(where, 'stranger')
        peer = Peer(f'{where}/priv.sock')
        peer.open = 0
        d = Daemon(where, f'{where}/priv.sock', '--reader-socket', f'{where}/reader.sock')
        try:
            wait(lambda: b'started' in open(f'{where}/log', 'rb').read())
            test_admission(d, peer, me, stranger)
            slow = Client(d.port, me).tls()
            slow.sendall(b'GET /v1/status HTTP/1.1\r\nHost')
            mute = socket.create_connection(('127.0.0.1', d.port))
            test_routes(d, peer, me)
            test_act(d, peer, me)
            test_broken(d, peer, me)
            test_backpressure(d, peer, me)
            test_inventory(d, peer, me, where)
            test_rude(d, peer, me)
            test_places(d, me)
            slow.settimeout(60)
            mute.settimeout(60)
            t.eq((slow.recv(1), mute.recv(1)), (b'', b''), 'half a request, or no handshake, is cut in time')
            peer.stop()
            code, o = Client(d.port, me).call('GET', '/v1/status')
            t.eq((code, o['code']), (503, 'root_half_unavailable'), 'without a root half: 503')
            t.ok(where not in json.dumps(o) and 'No such' not in json.dumps(o),
                 'no path and no system text goes outside', o)
            peer.start()
            peer.open = 0
            t.ok(d.wait_open(False), 'nobody enrolled or invited any more: the port closes')
            t.eq(d.stop(), 0, 'SIGTERM ends it in order')
        finally:
            if d.proc.poll() is None:
                d.proc.kill()
        log = open(f'{where}/log', 'rb').read()
        t.ok(b'ERROR' not in log and b'runtime error' not in log, 'nothing was reported by a sanitizer',
             log[-3000:])
    t.end()


main()
