#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Manual pages are well formed, every program has one, and the options a program's --help names are
# the ones its page explains.
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


def mandoc(path):
    out = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", str(path)],
                         capture_output=True, text=True, check=False)
    return [line for line in (out.stdout + out.stderr).splitlines() if line.strip()]


tap = Tap()
tap.ok(difference("--aa --bb", ".It Fl -aa\n.It Fl -cc") == [
    "--bb is in --help and not in the page", "--cc is in the page and not in --help"],
    "finds a difference in either direction")
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
tap.end()
