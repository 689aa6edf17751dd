# SPDX-License-Identifier: Apache-2.0
"""What the tests of the daemon's network half share: TAP lines, the inner messages (msg.h) in their
own few lines, a root-half *peer* (it stands in for the root half, never for the part under test), and
an HTTPS client that shows a certificate."""
import array
import base64
import hashlib
import http.client
import json
import os
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../testbed'))
from ports import free_port  # noqa: E402

(ACT, STARTED, END, REFUSED, WITNESS, WITNESS_A, CHECKPOINT, CHECKPOINT_A, EXPLAIN, EXPLAIN_A, STATUS,
 STATUS_A, RECEIPTS, RECEIPTS_A, RECEIPTS_ACK, OK, OP, OP_A, CANCEL, JOIN, JOIN_A, JOIN_INFO,
 JOIN_INFO_A, METRICS, METRICS_A) = (2, 3, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                     22, 24, 25, 26, 27, 28, 29)


class Tap:
    def __init__(self):
        self.n = 0
        self.failed = 0

    def ok(self, good, name, *why):
        self.n += 1
        print(('ok' if good else 'not ok'), self.n, '-', name, flush=True)
        if not good:
            self.failed += 1
            for w in why:
                print('#', repr(w)[:2000], flush=True)
        return good

    def eq(self, have, want, name):
        return self.ok(have == want, name, have, want)

    def end(self):
        print(f'1..{self.n}', flush=True)
        sys.exit(1 if self.failed else 0)


def skip_all(why):
    if os.environ.get('MUST_RUN') == '1':
        print(f'1..1\nnot ok 1 - {why} (MUST_RUN=1)')
        sys.exit(1)
    print(f'1..0 # SKIP {why}')
    sys.exit(0)


def u64(n):
    return struct.pack('<Q', n)


def pack(kind, *fields):
    body = b''.join(struct.pack('<I', len(f)) + f
                    for f in ((x.encode() if isinstance(x, str) else x) for x in fields))
    return struct.pack('<HHI', 1, kind, len(body)) + body


def unpack(data):
    version, kind, length = struct.unpack_from('<HHI', data)
    assert version == 1 and length == len(data) - 8
    fields, at = [], 8
    while at < len(data):
        (n,) = struct.unpack_from('<I', data, at)
        fields.append(data[at + 4:at + 4 + n])
        at += 4 + n
    assert at == len(data)
    return kind, fields


class Peer:
    """Accepts the front end's connections; `on[kind]` = function(connection, fields, fds)."""

    def __init__(self, path):
        self.path = path
        self.open = 1
        self.seen = []
        self.on = {}
        self.sock = None
        self.start()

    def start(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.sock.bind(self.path)
        self.sock.listen(64)
        threading.Thread(target=self.accept, args=(self.sock,), daemon=True).start()

    def stop(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        os.unlink(self.path)

    def accept(self, sock):
        while True:
            try:
                c, _ = sock.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        with c:
            data, anc, _flags, _ = c.recvmsg(200 * 1024, socket.CMSG_SPACE(8 * 4))
            fds = array.array('i')
            for level, kind, raw in anc:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    fds.frombytes(raw[:len(raw) - len(raw) % fds.itemsize])
            kind, fields = unpack(data)
            if kind != JOIN_INFO:
                self.seen.append((kind, fields, len(fds)))
            try:
                if kind == JOIN_INFO:
                    c.send(pack(JOIN_INFO_A, u64(self.open), u64(0)))
                elif kind in self.on:
                    self.on[kind](c, fields, list(fds))
            except OSError:
                pass
            finally:
                for fd in fds:
                    try:
                        os.close(fd)
                    except OSError:
                        pass

    def last(self, kind):
        return [f for k, f, _ in self.seen if k == kind][-1]

    def count(self, kind):
        return sum(1 for k, _, _ in self.seen if k == kind)


def refused(code, step='', text='no', size=0, cosignature=''):
    return lambda c, f, fds: c.send(pack(REFUSED, code, step, text, u64(size), cosignature))


STATUS_TEXT = ('node pve1\nreceipt-key pve1+aa+bb\nwitness-key pve1+cc+dd\nclient laptop\n'
               'rights inventory evidence witness\narmed yes\nfrozen no\npolicy -\n'
               'head 7\nclock ok\nrunning 2\njoin-open no\n')


def make_cert(directory, name):
    key, crt = f'{directory}/{name}.key', f'{directory}/{name}.crt'
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ed25519', '-nodes', '-keyout', key, '-out',
                    crt, '-subj', f'/CN={name}', '-days', '2'], check=True, capture_output=True)
    der = subprocess.run(['openssl', 'pkey', '-in', key, '-pubout', '-outform', 'DER'], check=True,
                         capture_output=True).stdout
    return key, crt, hashlib.sha256(der).digest()


class Daemon:
    def __init__(self, directory, priv, *more):
        self.state = f'{directory}/state'
        self.port = free_port()
        self.binary = os.environ.get('top_builddir', '.') + '/pveagentd/pveagentd'
        self.log = open(f'{directory}/log', 'ab')
        subprocess.run([self.binary, '--init', '--state', self.state], check=True)
        self.proc = subprocess.Popen(
            [self.binary, '--state', self.state, '--priv-socket', priv, '--listen',
             f'127.0.0.1:{self.port}', *more], stderr=self.log, stdout=self.log)

    def is_open(self):
        try:
            socket.create_connection(('127.0.0.1', self.port), 1).close()
            return True
        except OSError:
            return False

    def wait_open(self, want=True):
        return wait(lambda: self.is_open() == want)

    def stop(self):
        if self.proc.poll() is None:
            self.proc.terminate()
        return self.proc.wait(30)

    def rss_kib(self):
        for line in open(f'/proc/{self.proc.pid}/status'):
            if line.startswith('VmRSS:'):
                return int(line.split()[1])
        return 0


def wait(what, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.05)
    return False


class Client:
    def __init__(self, port, cert=None):
        self.port = port
        self.ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.ctx.check_hostname = False
        self.ctx.verify_mode = ssl.CERT_NONE
        if cert:
            self.ctx.load_cert_chain(cert[1], cert[0])

    def tls(self):
        raw = socket.create_connection(('127.0.0.1', self.port), 30)
        return self.ctx.wrap_socket(raw)

    def connection(self):
        return http.client.HTTPSConnection('127.0.0.1', self.port, context=self.ctx, timeout=60)

    def call(self, method, path, body=None, headers=None, connection=None):
        c = connection or self.connection()
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        c.request(method, path, body, headers or {})
        r = c.getresponse()
        data = r.read()
        try:
            return r.status, json.loads(data)
        except ValueError:
            return r.status, data


def frames(data):
    at, out = 0, []
    while at < len(data):
        kind, n = chr(data[at]), struct.unpack_from('>I', data, at + 1)[0]
        out.append((kind, data[at + 5:at + 5 + n]))
        assert len(out[-1][1]) == n, 'a frame is cut'
        at += 5 + n
    return out


def b64(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


def act_body(**more):
    body = {'request': b64('proximo-request/v1\n'), 'intent': b64('entry'), 'index': 3,
            'inclusion': [b64(b'\1' * 32)], 'checkpoint': 'origin\n8\nroot\n', 'old': 2,
            'consistency': [b64(b'\2' * 32), b64(b'\3' * 32)], 'approvals': ['note']}
    body.update(more)
    return body


class Scratch:
    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix='pveagentd-test.')
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)
