#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Manual pages are well formed, every program has one, and the options a program's --help names are
# the ones its page explains.
import json
import os
import pathlib
import re
import shutil
import subprocess

from lint import ROOT, Tap, files

BUILD = pathlib.Path(os.environ.get("top_builddir", "."))
PROGRAMS = {  # program: sections its page may be in
    "proximo-client": "1", "proximo-verify": "1", "pvesim": "1",
    "pveagentd": "8", "pveagentd-priv": "8", "pveagentd-reader": "8", "pveagentctl": "8",
}
OPTION = re.compile(r"(?<![\w-])--([a-z][a-z0-9-]+)")


def page_options(text):
    """Long options of an mdoc page: `.Fl -name` and `.Fl \\-name`, also inside other macros."""
    found = set()
    for m in re.finditer(r"Fl\s+(?:\\?-)([a-z][a-z0-9-]+)", text.replace("\\-", "-")):
        found.add(m.group(1))
    return found


def difference(help_text, page_text):
    shown, explained = set(OPTION.findall(help_text)), page_options(page_text)
    return ([f"--{o} is in --help and not in the page" for o in sorted(shown - explained)] +
            [f"--{o} is in the page and not in --help" for o in sorted(explained - shown)])


def full_help(binary):
    """--help, and that of every command it lists (two spaces, a word, two or more spaces)."""
    def run(*args):
        return subprocess.run([str(binary), *args, "--help"], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=30, check=False)

    first = run()
    words = re.findall(r"^  ([a-z][a-z-]+)  +\S", first.stdout, re.M)
    return first, first.stdout + "".join(run(w).stdout for w in words)


def by_command(helps, page):
    """Commands whose own help and entries in the page name other options ({command: help text})."""
    said = {}
    for item in re.findall(r"^\.It Ic (.*)$", page.replace("\\-", "-"), re.M):
        word = item.split()[0]
        said.setdefault(word, set()).update(re.findall(r"Fl -([a-z][a-z-]*)", item))
    for word, text in helps.items():
        for o in sorted(set(OPTION.findall(text)) ^ said.get(word, set())):
            yield f"{word} --{o} is only in its {'page' if o in said.get(word, ()) else 'help'}"
    for word in sorted(said.keys() - helps.keys()):
        yield f"{word} is a command of the page only"


def usage_status(page):
    """The exit status that the page calls `usage`."""
    m = re.search(r"^\.It (\d)\nusage$", page, re.M)
    return int(m.group(1)) if m else None


def mandoc(path):
    out = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", str(path)],
                         capture_output=True, text=True, check=False)
    return [line for line in (out.stdout + out.stderr).splitlines() if line.strip()]


tap = Tap()
tap.ok(difference("--aa --bb", ".It Fl -aa\n.It Fl -cc") == [
    "--bb is in --help and not in the page", "--cc is in the page and not in --help"],
    "finds a difference in either direction")
tap.ok(list(by_command({"a": "--xx", "b": ""}, ".It Ic a Fl -yy\n.It Ic c\n")) == [
    "a --xx is only in its help", "a --yy is only in its page", "c is a command of the page only"],
    "finds an option that belongs to another command")
tap.ok(usage_status(".It 1\nfailed\n.It 2\nusage\n") == 2, "finds the status of a wrong command line")
pages = sorted(files(ROOT, "*.1", "*.5", "*.7", "*.8", below=("docs",)))
if shutil.which("mandoc"):
    bad = pathlib.Path(os.environ.get("TMPDIR", "/tmp")) / f"lint-{os.getpid()}.1"
    bad.write_text(".Dd $Mdocdate$\n.Dt X 1\n.Os\n.Sh NAME\n.Nm x\n.Xx y\n")
    tap.ok(bool(mandoc(bad)), "mandoc finds a planted mistake")
    bad.unlink()
    for page in pages:
        found = mandoc(page)
        tap.ok(not found, f"{page.name} is well formed", found)
else:
    tap.skip("manual pages are well formed", "mandoc is not installed")
for program, section in PROGRAMS.items():
    binary = next((f for f in sorted(BUILD.glob(f"**/{program}"))
                   if f.is_file() and "_inst" not in f.parts), None)
    page = ROOT / "docs" / f"{program}.{section}"
    if binary is None:
        tap.note(f"{program} is not in this tree yet")
        continue
    tap.ok(page.is_file(), f"{program} has a manual page", [f"no {page.relative_to(ROOT)}"])
    out, text = full_help(binary)
    tap.ok(out.returncode == 0 and out.stdout.strip() != "", f"{program} --help answers on stdout",
           [f"exit status {out.returncode}", *out.stderr.splitlines()[:5]])
    if page.is_file():
        found = difference(text, page.read_text())
        tap.ok(not found, f"{program}: --help and its page name the same options", found)
        wrong = subprocess.run([str(binary), "--no-such-option"], capture_output=True, text=True,
                               stdin=subprocess.DEVNULL, timeout=30, check=False)
        want = usage_status(page.read_text())
        tap.ok(wrong.returncode == want and not wrong.stdout and wrong.stderr,
               f"{program}: an unknown option ends it with the page's status, a word on stderr",
               [f"exit status {wrong.returncode}, in the page {want}", *wrong.stderr.splitlines()[:5]])


def rows_differ(tools, page):
    """What the program's own list and the manual of tools say differently, row by row."""
    names = {t["name"]: t for t in tools}
    shown = dict(re.findall(r"^\.It Ic (\S+)\n((?:(?!^\.It Ic |^\.Ss ).*\n)*)", page, re.M))
    bad = [f"{n} is not in the page" for n in names if n not in shown]
    bad += [f"{n} is in the page only" for n in shown if n not in names]
    for name in sorted(set(names) & set(shown)):
        text, fields = shown[name], names[name]["inputSchema"].get("properties", {})
        there = set(re.findall(r"^\.It Cm (\S+)$", text, re.M))
        wanted = set(fields) - {"cluster"}  # every row takes it: the page says so once
        bad += [f"{name}: {f} is only in the {'page' if f in there else 'row'}"
                for f in sorted(there ^ wanted)]
        undo = names[name].get("undo")
        if undo and f"Undo: {undo}" not in text:
            bad.append(f"{name}: undo is {undo}")
    return bad


sample = ".It Ic a\nText.\n.Bl\n.It Cm x\n.El\nUndo: none: why.\n.It Ic b\nText.\n.Ss next\n"
tap.ok(rows_differ([{"name": "a", "inputSchema": {"properties": {"y": {}}}, "undo": "inverse"},
                    {"name": "c", "inputSchema": {}}], sample) == [
    "c is not in the page", "b is in the page only", "a: x is only in the page",
    "a: y is only in the row", "a: undo is inverse"], "finds where rows and their page differ")
client = BUILD / "proximo-client" / "proximo-client"
made = BUILD / "docs" / "proximo-tools.7"
if client.is_file():
    _, whole = full_help(client)
    helps = {re.search(r"proximo-client (\S+)", t).group(1): t
             for t in re.split(r"^usage: ", whole, flags=re.M)[2:]}
    found = list(by_command(helps, (ROOT / "docs" / "proximo-client.1").read_text()))
    tap.ok(len(helps) > 15 and not found, f"{len(helps)} commands: help and page name the same options",
           found)
    tap.ok(made.is_file(), "the build makes the manual of tools")
    listed = subprocess.run([str(client), "tools", "--all", "--json"], capture_output=True, text=True,
                            check=False, env={**os.environ, "HOME": "/nonexistent"})
    rows = json.loads(listed.stdout)
    found = rows_differ(rows, made.read_text() if made.is_file() else "")
    tap.ok(len(rows) > 400 and not found, f"{len(rows)} rows are in it, with their fields and undo",
           found[:40])
    if shutil.which("mandoc") and made.is_file():
        found = mandoc(made)
        tap.ok(not found, "proximo-tools.7 is well formed", found[:20])
tap.end()
