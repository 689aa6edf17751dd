# SPDX-License-Identifier: Apache-2.0
"""A small TLS server that behaves as a Proxmox API does at its worst; test_client.c's other end.

server.py CERT KEY LOG NODE CLUSTER: prints its port, then writes one JSON line to LOG for each connection, each
failed handshake and each request it read (with its Authorization header), so that the test can say
what did and did not arrive. Ends when its standard input closes. /cluster/status says that it is NODE
of CLUSTER; what is below /nodes/ tells who answered.
"""
import gzip, json, socket, ssl, sys, threading, time

cert, key, log_path, node, cluster = sys.argv[1:6]
log_file = open(log_path, "a", buffering=1)
lock = threading.Lock()
polls = {}


def log(**what):
    with lock:
        log_file.write(json.dumps(what) + "\n")


def answer(status, reason, body, headers=()):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    head = "HTTP/1.1 %d %s\r\nContent-Type: application/json;charset=UTF-8\r\n" % (status, reason)
    head += "".join("%s\r\n" % h for h in headers) + "Content-Length: %d\r\n\r\n" % len(body)
    return head.encode("utf-8") + body


def error(status, message, **more):
    body = {"data": None, "message": message + "\n"}
    body.update(more)
    return answer(status, message, body, ["Connection: close"])


DENIED = "Permission check failed (/vms/103, VM.PowerMgmt)"
FIXED = {
    "/version": answer(200, "OK", {"data": {"version": "9.1.7"}}),
    "/null": answer(200, "OK", {"data": None}),
    "/beside": answer(200, "OK", {"data": [1], "changes": "x", "total": 7}),
    "/s401": error(401, "authentication failure"),
    "/s403": error(403, DENIED),
    "/phrase-only": answer(500, "the phrase alone", b"", ["Connection: close"]),
    "/s400": error(400, "Parameter verification failed.", errors={"vmid": "type check\n", "cores": "too many"}),
    "/s501": error(501, "Method not implemented"),
    "/s595": error(595, "no route"),
    "/s596": error(596, "Broken pipe"),
    "/gone": error(500, "Configuration file 'nodes/n/lxc/9.conf' does not exist"),
    "/ugly": answer(500, "x", {"message": "a\x1b[31mred\u202eback\nline", "data": None}),
    "/html": answer(200, "OK", b"<html>hello</html>"),
    "/empty": answer(200, "OK", b""),
    "/twice": answer(200, "OK", b'{"data":1,"data":2}'),
    "/array": answer(200, "OK", b"[1]"),
    "/gzip": answer(200, "OK", gzip.compress(b'{"data":"packed"}'), ["Content-Encoding: gzip"]),
    "/bomb": answer(200, "OK", gzip.compress(b" " * (65 << 20)), ["Content-Encoding: gzip"]),
    "/redirect": answer(302, "Found", b"", ["Location: https://127.0.0.1:1/elsewhere"]),
}


def status():
    """The cluster as this node of it shows it; "NAME-minority" has no quorum, "NAME-mute" is denied."""
    name, _, how = cluster.partition("-")
    if how == "mute":
        return error(403, "Permission check failed (/, Sys.Audit)")
    rows = [{"type": "cluster", "id": "cluster", "name": name, "quorate": 0 if how == "minority" else 1}]
    rows += [{"type": "node", "id": "node/n%d" % i, "name": "n%d" % i, "nodeid": i,
              "ip": "10.%d.0.%d" % (len(name), i), "local": int(node == "n%d" % i),
              "online": int(how != "minority")} for i in (1, 2, 3)]
    return answer(200, "OK", {"data": rows})


def of_node(path):
    """A read below /nodes/: 666 kills the connection wherever it is asked, 777 on node n2 only."""
    if "/666/" in path or ("/777/" in path and node == "n2"):
        return None
    if "/401/" in path and node == "n2":
        return error(401, "authentication failure")
    time.sleep(0.002)
    return answer(200, "OK", {"data": {"by": node, "path": path}})


def task(path):
    upid = path.split("/")[4]
    polls[upid] = polls.get(upid, 0) + 1
    kind = upid.split("%3A")[5]
    if path.split("?")[0].endswith("/log"):
        start = int(path.split("start=")[1].split("&")[0])
        limit = int(path.split("limit=")[1])
        lines = [{"n": i + 1, "t": "line %d" % (i + 1)} for i in range(30)]
        return answer(200, "OK", {"data": lines[start:start + limit], "total": 30})
    if kind == "flaky" and polls[upid] == 2:
        return error(596, "Broken pipe")
    if polls[upid] < 3 or kind == "hang":
        return answer(200, "OK", {"data": {"status": "running", "type": kind}})
    end = {"ok": "OK", "flaky": "OK", "warn": "WARNINGS: 2", "bad": "snapshot feature is not available"}[kind]
    return answer(200, "OK", {"data": {"status": "stopped", "exitstatus": end, "type": kind}})


def read_request(conn, rest):
    while b"\r\n\r\n" not in rest:
        more = conn.recv(65536)
        if not more:
            return None
        rest += more
    head, rest = rest.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    headers = {k.lower(): v for k, v in (l.split(": ", 1) for l in lines[1:] if ": " in l)}
    want = int(headers.get("content-length", 0))
    while len(rest) < want:
        rest += conn.recv(65536)
    method, target, _ = lines[0].split(" ")
    return method, target, headers, rest[:want].decode(), rest[want:]


def serve(raw, number):
    log(connection=number)
    try:
        conn = context.wrap_socket(raw, server_side=True)
    except (ssl.SSLError, OSError) as e:
        log(handshake=str(e))
        return
    rest = b""
    served = 0
    with conn:
        while True:
            try:
                r = read_request(conn, rest)
            except OSError:
                return
            if r is None:
                return
            method, target, headers, body, rest = r
            log(method=method, target=target, auth=headers.get("authorization"), body=body,
                connection=number)
            served += 1
            path = target.replace("/api2/json", "", 1)
            out = FIXED.get(path.split("?")[0])
            if path.startswith("/echo"):
                out = answer(200, "OK", {"data": {"method": method, "target": target, "body": body}})
            elif "/tasks/" in path:
                out = task(path)
            elif path == "/cluster/status":
                out = status()
            elif path.startswith("/nodes/") and node:
                out = of_node(path)
                if out is None:
                    return
            elif path == "/drop":
                return
            elif path == "/fresh-only":  # dies under a request on a kept connection
                if served > 1:
                    return
                out = FIXED["/version"]
            elif path == "/half":
                conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"data\":")
                return
            elif path == "/last":  # answers, and closes without having said so
                conn.sendall(FIXED["/version"])
                return
            elif path == "/slow":
                time.sleep(3)
                out = FIXED["/version"]
            elif path.startswith("/item/"):
                time.sleep(0.02)
                out = answer(200, "OK", {"data": int(path.split("/")[2])})
            try:
                conn.sendall(out or error(501, "no such thing here"))
            except OSError:
                return
            if out is None or b"Connection: close" in out[:600]:
                return


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
listener = socket.create_server(("127.0.0.1", 0), backlog=64)
print("%d\n" % listener.getsockname()[1], end="", flush=True)


def accept():
    number = 0
    while True:
        raw, _ = listener.accept()
        number += 1
        threading.Thread(target=serve, args=(raw, number), daemon=True).start()


threading.Thread(target=accept, daemon=True).start()
sys.stdin.read()
