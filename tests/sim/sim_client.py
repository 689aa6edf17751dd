# SPDX-License-Identifier: Apache-2.0
"""A running pvesim and TAP, for the tests of this folder."""
import atexit, http.client, json, os, signal, ssl, subprocess, sys, time
import urllib.parse

build = os.environ.get("top_builddir", ".")
pvesim = os.path.join(build, "pvesim")
tests = failed = 0


def check(ok, name, why=""):
    global tests, failed
    tests += 1
    print(("ok" if ok else "not ok"), tests, "-", name)
    if not ok:
        failed += 1
        print("#", why)


def skip(name, why):
    global tests, failed
    tests += 1
    if os.environ.get("MUST_RUN") == "1":
        failed += 1
        print("not ok", tests, "-", name, "- MUST_RUN=1 and", why)
    else:
        print("ok", tests, "-", name, "# SKIP", why)


class Sim:
    def __init__(self, directory, *more):
        self.directory = directory
        self.process = subprocess.Popen(
            [pvesim, "--listen", "127.0.0.1:0", "--dir", directory, "--auth-delay-ms", "0",
             "--tree", os.path.join(directory, "pve"), *more], stdout=subprocess.PIPE, text=True)
        atexit.register(self.process.kill)  # of one that is gone: does nothing
        self.facts = {}
        for line in self.process.stdout:
            if line.strip() == "ready":
                break
            key, value = line.strip().split(" ", 1)
            self.facts[key] = value
        self.token = open(self.facts["token-file"]).read().strip()
        self.context = ssl._create_unverified_context()

    def call(self, method, url, token=None, prefix="/api2/json", also=None, **form):
        path = url
        c = http.client.HTTPSConnection(self.facts["listen"], context=self.context, timeout=30)
        text = urllib.parse.urlencode({**form, **(also or {})}, doseq=True)  # also: names that are ours here
        body, headers = None, {"Authorization": "PVEAPIToken=" + (token or self.token)}
        if method in ("GET", "DELETE") and text:
            path += "?" + text
        elif text:
            body = text
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            c.request(method, prefix + path, body, headers)
            r = c.getresponse()
            raw = r.read()
        except (http.client.HTTPException, OSError):
            return 0, "dropped", None
        finally:
            c.close()
        return r.status, r.reason, json.loads(raw) if raw.startswith(b"{") else raw.decode()

    def end_of(self, node, upid):
        for _ in range(600):
            d = self.call("GET", f"/nodes/{node}/tasks/{urllib.parse.quote(upid)}/status")[2]["data"]
            if d["status"] == "stopped":
                return d["exitstatus"]
            time.sleep(0.05)
        return "no end"

    def stop(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        return self.process.wait(timeout=60)


def done():
    print(f"1..{tests}")
    sys.exit(failed > 0)
