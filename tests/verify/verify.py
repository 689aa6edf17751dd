#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An independent verifier of proximo ledgers and of their exports (C2SP tlog-tiles): written from the
format pages, sharing no code with the programs, standard library only. Slow on purpose of being easy
to read.

  verify.py DIR [--log VKEY] [--witness VKEY]... [--receipt NODE=VKEY]... [--head FILE]...

Prints `sound ENTRIES ROOT` or one line a defect (`defect ENTRY CODE: reason`); exit 0 or 7."""
import argparse
import base64
import hashlib
import json
import os
import re
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ed25519  # noqa: E402

SEGMENT = 4096
HASH = re.compile(r"sha256:[0-9a-f]{64}\Z")
COMMON = ["kind", "time", "actor", "nonce"]
KEYS = {  # a star: any number of times
    "genesis": ["origin", "vkey", "policy", "continues*"],
    "plan": ["plan", "risk", "approval", "expires", "taint"],
    "approval": ["plan", "key", "note", "not-after"],
    "refusal": ["plan", "code"],
    "intent": ["plan", "approval", "expires", "taint", "request*", "api*"],
    "progress": ["intent", "task"],
    "outcome": ["intent", "plan", "result", "task*"],
    "receipt": ["intent", "node", "seq", "note"],
    "undo": ["of", "plan"],
    "read": ["tool", "args", "outcome"],
    "node": ["name", "action"],
    "policy": ["digest"],
    "recovery": ["cut", "rehashed"],
    "alarm": ["code"],
    "closing": ["intent", "plan", "key", "note"],
}
RECEIPT = ["node", "log", "seq", "prev", "intent", "request", "head", "started", "ended", "how",
           "left-behind", "undo", "stdout", "stderr", "salt"]
APPROVAL = ["log", "plan", "request*", "undo-request*", "undo-until", "not-after", "nonce"]

CLOSING = ["log", "intent", "plan", "as", "reason", "time"]


class Bad(Exception):
    pass


def sha(data):
    return hashlib.sha256(data).digest()


def named(data):
    return "sha256:" + data.hex()


def decode(value):
    """A value of the line grammar; refuses what its writer would have written otherwise."""
    out = bytearray()
    i = 0
    total = len(value) - 2 * value.count(b"%")
    while i < len(value):
        byte = value[i]
        at_end = len(out) in (0, total - 1)
        if byte == 0x25:
            text = value[i + 1:i + 3]
            if not re.fullmatch(rb"[0-9A-F]{2}", text):
                raise Bad("bad percent encoding")
            byte = int(text, 16)
            if 0x20 < byte < 0x7F and byte != 0x25 or byte == 0x20 and not at_end:
                raise Bad("needless percent encoding")
            i += 2
        elif not 0x20 <= byte < 0x7F or byte == 0x20 and at_end:
            raise Bad("byte that must be percent-encoded")
        out.append(byte)
        i += 1
    if 0 in out:
        raise Bad("NUL byte")
    return out.decode("utf-8", "surrogateescape")


def lines(text, head, keys):
    """Parses a text in the line grammar into {key: [values]}."""
    if not text.endswith(b"\n"):
        raise Bad("no final newline")
    rows = text[:-1].split(b"\n")
    if rows[0] != head.encode():
        raise Bad("expected " + head)
    found = {key.rstrip("*"): [] for key in keys}
    at = 0
    for row in rows[1:]:
        name, blank, value = row.partition(b" ")
        name = name.decode("ascii", "replace")
        while at < len(keys) and keys[at].rstrip("*") != name:
            if not keys[at].endswith("*") and not found[keys[at]]:
                raise Bad("expected " + keys[at])
            at += 1
        if at == len(keys) or not blank or (found[name] and not keys[at].endswith("*")):
            raise Bad("unknown, repeated or misplaced key " + name)
        found[name].append(decode(value))
    for key in keys:
        if not key.endswith("*") and not found[key]:
            raise Bad(key + " is missing")
    return found


def b64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Bad("bad base64") from error
    if base64.b64encode(data) != (text if isinstance(text, bytes) else text.encode()):
        raise Bad("base64 is not canonical")
    return data


class Key:
    def __init__(self, text):
        name, ident, data = text.split("+", 2)
        raw = b64(data)
        if len(raw) != 33 or sha(name.encode() + b"\n" + raw)[:4].hex() != ident:
            raise Bad("bad verifier key")
        self.name, self.ident, self.kind, self.public = name, ident, raw[0], raw[1:]
        self.text = text


def parse_note(data):
    """A signed note: (text, [(name, key id, signature bytes)])."""
    data.decode("utf-8")
    if not data.endswith(b"\n") or any(b < 0x20 and b != 0x0A for b in data):
        raise Bad("not a note")
    split = data.rfind(b"\n\n")
    if split < 0:
        raise Bad("not a note")
    signatures = []
    for line in data[split + 2:-1].split(b"\n"):
        match = re.fullmatch("\u2014 ([!-*,-~]+) (.+)".encode(), line)
        if not match:
            raise Bad("bad signature line")
        blob = b64(match.group(2))
        if len(blob) < 5:
            raise Bad("bad signature")
        signatures.append((match.group(1).decode(), blob[:4].hex(), blob[4:]))
    return data[:split + 1], signatures


def signed_by(note, key):
    """None: not at all. Else the time of a cosignature, 0 for a plain one; raises when wrong."""
    text, signatures = note
    seen = None
    for name, ident, blob in signatures:
        if name != key.name or ident != key.ident:
            continue
        message, when = text, 0
        if key.kind == 4:
            when = struct.unpack(">Q", blob[:8])[0]
            message = b"cosignature/v1\ntime %d\n" % when + text
            blob = blob[8:]
        if not ed25519.verify(key.public, message, blob):
            raise Bad("wrong signature of " + name)
        seen = max(seen or 0, when)
    return seen


def parse_checkpoint(data, key):
    note = parse_note(data)
    rows = note[0].decode().split("\n")
    if len(rows) < 4 or rows[0] != key.name or not re.fullmatch(r"0|[1-9][0-9]*", rows[1]):
        raise Bad("bad checkpoint")
    root = b64(rows[2])
    if len(root) != 32 or signed_by(note, key) is None:
        raise Bad("checkpoint is not signed by the log")
    return int(rows[1]), root, note


def parse_entry(data):
    if len(data) > 60 * 1024:
        raise Bad("too long")
    head, empty, body = data.partition(b"\n\n")
    match = re.match(rb"proximo-entry/v1\nkind ([a-z]+)\n", head + b"\n")
    if not empty or not match or match.group(1).decode() not in KEYS:
        raise Bad("not an entry")
    found = lines(head + b"\n", "proximo-entry/v1", COMMON + KEYS[match.group(1).decode()])
    parsed = json.loads(body.decode("utf-8"))
    again = json.dumps(parsed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if not isinstance(parsed, dict) or again.encode() != body:
        raise Bad("body is not canonical")
    return found


class Verifier:
    def __init__(self, directory, args):
        self.dir = directory
        self.args = args
        self.defects = []
        self.edge = []  # (level, hash), largest first
        self.size = 0
        self.is_export = not os.path.isdir(self.path("entries"))
        self.stored = {}
        self.plans, self.intents, self.notes, self.chains = {}, {}, {}, {}
        self.policies = []  # (entry, digest)

    def defect(self, entry, code, reason):
        self.defects.append((entry, code, reason))

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def read(self, *parts):
        with open(self.path(*parts), "rb") as file:
            return file.read()

    def levels(self):
        if self.is_export:
            return self.tiles()
        names = os.listdir(self.path("level")) if os.path.isdir(self.path("level")) else []
        return {int(n): self.read("level", n) for n in names}

    def tile(self, level, number, width):
        """The bytes of tile/<level>/<number>; the full one may stand in for a partial one."""
        text = f"{number % 1000:03d}"
        while number >= 1000:
            number //= 1000
            text = f"x{number % 1000:03d}/" + text
        full = self.path("tile", str(level), *text.split("/"))
        for name in ([f"{full}.p/{width}"] if width < 256 else []) + [full]:
            if os.path.exists(name):
                with open(name, "rb") as file:
                    return file.read()
        return b""

    def tiles(self):
        """Stored hashes by level of the tree: a tile at L holds those of level 8 L."""
        out, level, count = {}, 0, self.covered
        while count:
            data = b""
            for number in range((count + 255) // 256):
                width = min(256, count - 256 * number)
                data += self.tile(level, number, width)[:32 * width].ljust(32 * width, b"\0")
            out[8 * level] = data
            level, count = level + 1, count >> 8
        return out

    def bundles(self):
        """Every entry of an export: its length in two bytes, then the entry."""
        for number in range((self.covered + 255) // 256):
            width = min(256, self.covered - 256 * number)
            data, at = self.tile("entries", number, width), 0
            for _ in range(width):
                length = struct.unpack(">H", data[at:at + 2])[0] if at + 2 <= len(data) else 0
                if not length or length > 60 * 1024 or at + 2 + length > len(data):
                    self.defect(self.size, "cut", "cut or impossible length")
                    return
                yield data[at + 2:at + 2 + length]
                at += 2 + length
            if at != len(data) and width == 256:
                self.defect(self.size, "segment", "bundle too long")
                return

    def add_leaf(self, leaf):
        """Extends the tree and compares every finished subtree with the stored hash."""
        level, index, value = 0, self.size, leaf
        while True:
            stored = self.stored.get(level, b"")[32 * index:32 * index + 32]
            kept = not self.is_export or level % 8 == 0
            if kept and self.stored and stored != value and (stored or self.size < self.covered):
                self.defect(self.size, "altered", f"stored hash at level {level} differs")
                self.stored = {}
            if not index & 1:
                break
            _, left = self.edge.pop()
            value = sha(b"\x01" + left + value)
            level, index = level + 1, index >> 1
        self.edge.append((level, value))
        self.size += 1

    def root(self):
        if not self.edge:
            return sha(b"")
        value = self.edge[-1][1]
        for _, left in reversed(self.edge[:-1]):
            value = sha(b"\x01" + left + value)
        return value

    def entries(self):
        """Every entry; a defect when a segment is cut."""
        if self.is_export:
            yield from self.bundles()
            return
        number = 0
        while os.path.exists(self.path("entries", f"{number:06d}")):
            data = self.read("entries", f"{number:06d}")
            at, count = 0, 0
            while at < len(data):
                length = struct.unpack(">I", data[at:at + 4])[0] if at + 4 <= len(data) else 0
                if not length or length > 60 * 1024 or at + 4 + length > len(data):
                    if self.size < self.covered:
                        self.defect(self.size, "cut", "cut or impossible length")
                    return
                yield data[at + 4:at + 4 + length]
                at += 4 + length
                count += 1
            if count != SEGMENT:
                if count > SEGMENT:
                    self.defect(self.size, "segment", "segment too long")
                return
            number += 1

    def run(self):
        identity = lines(self.read("origin"), "proximo-ledger/v1", ["origin", "vkey"])
        key = Key(self.args.log or identity["vkey"][0])
        self.key = key
        if identity["vkey"][0] != key.text or identity["origin"][0] != key.name:
            self.defect(None, "key", "another key than the given")
        heads, self.covered, proved = [], 0, []
        sources = [("witnessed", data) for data in self.witnessed()]
        for name in [self.path("checkpoint")] + (self.args.head or []):
            try:
                with open(name, "rb") as file:
                    sources.append((name, file.read()))
            except OSError as error:
                self.defect(None, "checkpoint", f"{name}: {error}")
        for name, data in sources:
            try:
                size, root, note = parse_checkpoint(data, key)
                heads.append((size, root, name, note))
                if name == self.path("checkpoint"):
                    self.covered = size
            except (Bad, OSError, UnicodeError, ValueError) as error:
                self.defect(None, "checkpoint", f"{name}: {error}")
        self.stored = self.levels()
        for data in self.entries():
            index = self.size
            leaf = sha(b"\x00" + data)
            self.add_leaf(leaf)
            try:
                self.take(index, parse_entry(data), leaf)
            except (Bad, UnicodeError, ValueError, KeyError) as error:
                self.defect(index, "entry", str(error))
            for size, root, name, note in heads:
                if size == self.size and root != self.root():
                    self.defect(None, "root", f"not the root that {name} signs")
                elif size == self.size:
                    proved.append((size, note))
        for size, _, name, _ in heads:
            if size > self.size:
                self.defect(self.size, "truncated", f"{name} covers {size}")
        self.witnesses(proved)
        self.finish()

    def witnessed(self):
        """Notes that were cosigned, the newest of each witness; read before the checkpoint."""
        try:
            found = lines(self.read("witnessed"), "proximo-witnessed/v1", ["note*"])
        except FileNotFoundError:
            return []
        except (Bad, UnicodeError) as error:
            self.defect(None, "witnessed", str(error))
            return []
        return [note.encode("utf-8", "surrogateescape") for note in found["note"]]

    def witnesses(self, proved):
        """Of each witness the largest checkpoint that it signed and that the entries lead to."""
        for text in self.args.witness or []:
            best = None
            for size, note in proved:
                try:
                    when = signed_by(note, Key(text))
                except Bad as error:
                    self.defect(None, "cosignature", str(error))
                    continue
                if when is not None and (best is None or (size, when) > best):
                    best = (size, when)
            print("witness", text.split("+")[0],
                  "none" if best is None else f"{best[1]} size {best[0]}")

    def take(self, index, entry, leaf):
        kind = entry["kind"][0]
        if (index == 0) != (kind == "genesis"):
            self.defect(index, "genesis", "the log must begin with its genesis, once")
        if kind == "genesis" and entry["vkey"][0] != self.key.text:
            self.defect(index, "genesis", "names another key")
        if kind == "genesis":
            self.policies.append((index, entry["policy"][0]))
        rule = getattr(self, "take_" + kind, None)
        if rule:
            rule(index, entry, leaf)

    def take_policy(self, index, entry, _):
        if not re.fullmatch("sha256:[0-9a-f]{64}", entry["digest"][0]):
            raise Bad("a policy without a digest")
        self.policies.append((index, entry["digest"][0]))

    def take_plan(self, index, entry, _):
        if entry["plan"][0] in self.plans:
            self.defect(index, "plan", "recorded twice")
        self.plans[entry["plan"][0]] = {"need": entry["approval"][0], "used": None}

    def take_approval(self, index, entry, _):
        data = entry["note"][0].encode("utf-8", "surrogateescape")
        note = parse_note(data)
        if signed_by(note, Key(entry["key"][0])) is None:
            raise Bad("approval is not signed by its key")
        said = lines(note[0], "proximo-approval/v1", APPROVAL)
        if said["plan"] != entry["plan"] or said["log"][0] != self.key.name:
            raise Bad("approval of something else")
        self.notes[named(sha(data))] = index

    def take_intent(self, index, entry, leaf):
        plan = self.plans.get(entry["plan"][0])
        order = ["none", "host", "operator"]
        given = entry["approval"][0]
        if plan is None:
            self.defect(index, "intent", "without a plan")
        elif plan["used"] is not None:
            self.defect(index, "intent", "plan used twice")
        else:
            plan["used"] = index
            level = order.index(given) if given in order else 2
            if level < order.index(plan["need"]) or level == 2 and given not in self.notes:
                self.defect(index, "intent", "approval missing")
        self.intents[named(leaf)] = {
            "index": index, "plan": entry["plan"][0], "outcome": None, "result": None,
            "closed": None, "open": list(entry["request"]),
        }

    def take_progress(self, index, entry, _):
        if entry["intent"][0] not in self.intents:
            self.defect(index, "progress", "without its intent")

    def take_closing(self, index, entry, _):
        note = parse_note(entry["note"][0].encode("utf-8", "surrogateescape"))
        if signed_by(note, Key(entry["key"][0])) is None:
            raise Bad("closing is not signed by its key")
        said = lines(note[0], "proximo-closing/v1", CLOSING)
        intent = self.intents.get(entry["intent"][0])
        if (not intent or intent["outcome"] is not None or intent["closed"] or
                said["intent"] != entry["intent"] or said["plan"] != entry["plan"] or
                said["plan"][0] != intent["plan"] or said["log"][0] != self.key.name or
                said["as"][0] not in ("done", "not-done") or
                not 0 < len(said["reason"][0].encode("utf-8", "surrogateescape")) <= 400):
            raise Bad("closing of something else, or a second one")
        intent["closed"] = "done" if said["as"][0] == "done" else "failed"

    def take_outcome(self, index, entry, _):
        intent = self.intents.get(entry["intent"][0])
        if not intent or intent["outcome"] is not None or intent["plan"] != entry["plan"][0]:
            self.defect(index, "outcome", "without its intent, or a second one")
        else:
            intent["outcome"], intent["result"] = index, entry["result"][0]
            if intent["closed"] not in (None, intent["result"]):
                self.defect(index, "outcome", "not what its closing decides")

    def take_receipt(self, index, entry, _):
        data = entry["note"][0].encode("utf-8", "surrogateescape")
        note = parse_note(data)
        said = {k: v[0] for k, v in lines(note[0], "proximo-receipt/v1", RECEIPT).items()}
        node = entry["node"][0]
        keys = [Key(t.split("=", 1)[1]) for t in self.args.receipt or []
                if t.split("=", 1)[0] == node]
        if keys and all(signed_by(note, key) is None for key in keys):
            raise Bad("receipt is not signed by the node")
        if (said["node"].split(" ")[0] != node or said["intent"] != entry["intent"][0]
                or said["seq"] != entry["seq"][0] or said["log"] != self.key.name):
            raise Bad("receipt says something else")
        intent = self.intents.get(entry["intent"][0])
        wanted = f"{node} {said['request']}"
        if not intent:
            self.defect(index, "receipt", "without its intent")
        elif wanted in intent["open"]:
            intent["open"].remove(wanted)
        elif said["how"].split(" ")[0] not in ("swept", "reverted"):
            self.defect(index, "receipt", "of a request that was not made")
        self.chains.setdefault(said["node"], []).append(
            (int(said["seq"]), said["prev"], named(sha(data)), index))

    def finish(self):
        ends = {(who.split(" ")[0], seq, own) for who, chain in self.chains.items()
                for seq, _, own, _ in chain}
        for who, chain in self.chains.items():
            first = min(chain)
            before = (who.split(" ")[0], first[0] - 1, first[1])
            # armed again: another key, and the chain goes on where the journal did
            start, last = (first[0], first[1]) if before in ends else (1, "-")
            for want, (seq, prev, own, index) in enumerate(sorted(chain), start):
                if seq != want or prev != last:
                    self.defect(index, "chain", f"receipt {seq} where {want} should be")
                    break
                last = own
        for intent in self.intents.values():
            if intent["result"] in ("done", "warnings") and intent["open"]:
                self.defect(intent["outcome"], "receipt", "missing")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dir")
    parser.add_argument("--log")
    parser.add_argument("--witness", action="append")
    parser.add_argument("--receipt", action="append")
    parser.add_argument("--head", action="append")
    args = parser.parse_args()
    verifier = Verifier(args.dir, args)
    verifier.run()
    for entry, code, reason in verifier.defects[:100]:
        print("defect", "-" if entry is None else entry, f"{code}: {reason}")
    if verifier.policies:
        print("policy", len(verifier.policies), *verifier.policies[-1])
    if not verifier.defects:
        print("sound", verifier.size, verifier.root().hex())
    return 7 if verifier.defects else 0


if __name__ == "__main__":
    sys.exit(main())
