#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Functions that lose errors, write past ends, start shells or leak descriptors into a container.
import re

from lint import Tap, calls, check, code, files

BANNED = {
    "strtol": "ident_/js_ parsers are bounded and strict", "strtoul": "", "strtoll": "",
    "strtoull": "", "strtod": "", "atoi": "", "atol": "", "atoll": "", "atof": "", "sscanf": "",
    "vsscanf": "", "scanf": "", "fscanf": "", "strcpy": "", "strncpy": "", "stpcpy": "",
    "strcat": "", "strncat": "", "sprintf": "", "vsprintf": "", "gets": "", "strtok": "",
    "system": "no shell", "popen": "no shell", "execlp": "no PATH search", "execvp": "no PATH search",
    "execvpe": "no PATH search", "alloca": "", "tmpnam": "", "tempnam": "", "mktemp": "",
    "mkstemp": "mkostemp with O_CLOEXEC", "asctime": "", "ctime": "", "gmtime": "gmtime_r",
    "localtime": "localtime_r", "rand": "", "srand": "", "random": "", "signal": "sigaction",
    "vfork": "", "pthread_create": "no threads", "thrd_create": "no threads",
    "accept": "accept4 with SOCK_CLOEXEC", "pipe": "pipe2 with O_CLOEXEC",
    "dup": "fcntl F_DUPFD_CLOEXEC", "epoll_create": "epoll_create1", "creat": "open",
}
NEEDS = {
    "open": "O_CLOEXEC", "openat": "O_CLOEXEC", "open64": "O_CLOEXEC", "mkostemp": "O_CLOEXEC",
    "pipe2": "O_CLOEXEC", "accept4": "SOCK_CLOEXEC", "socket": "SOCK_CLOEXEC",
    "socketpair": "SOCK_CLOEXEC", "memfd_create": "MFD_CLOEXEC", "epoll_create1": "EPOLL_CLOEXEC",
    "eventfd": "EFD_CLOEXEC", "timerfd_create": "TFD_CLOEXEC", "signalfd": "SFD_CLOEXEC",
    "inotify_init1": "IN_CLOEXEC", "dup3": "O_CLOEXEC", "recvmsg": "MSG_CMSG_CLOEXEC",
}
# Where a banned function is right, with the reason.
ALLOWED = {
    ("common/run.c", "vfork"): "the child only asks the kernel, all signals blocked, until it execs",
    ("proximo-client/sim/backing.c", "execvp"): "the simulator starts the user's own lxc-start",
    ("proximo-client/mcp/wire.c", "strtod"): "reads back a number that peer.c wrote, end checked",
    ("proximo-client/mcp/peer.c", "strtod"): "reads back what %.9g has just written",
}


def lint(root):
    for path in files(root, "*.c", "*.h"):
        name = path.relative_to(root)
        raw = path.read_text(errors="replace")
        text = code(raw)
        if "goto " in text and any(w.startswith("goto ") for w in
                                   (line.strip() for line in text.splitlines())):
            yield f"{name}: goto: cleanup belongs to the scope (CLEANUP)"
        for fn, args, line in calls(text, BANNED):
            if (str(name), fn) in ALLOWED:
                continue
            # Setting a signal to ignored or default is all that signal() does portably.
            if fn == "signal" and re.search(r"\bSIG_(IGN|DFL)\s*$", args):
                continue
            yield f"{name}:{line}: {fn} is banned. {BANNED[fn]}"
        for fn, args, line in calls(text, NEEDS):
            # Descriptors received are marked by the kernel; without ancillary data none come.
            if fn == "recvmsg" and "MSG_ERRQUEUE" in args:
                continue
            if NEEDS[fn] not in args and "flags" not in args:
                yield f"{name}:{line}: {fn} without {NEEDS[fn]}"
        for fn, args, line in calls(code(raw, keep_strings=True), ("fopen",)):
            if '"' in args and "e" not in args.rsplit('"', 2)[-2]:
                yield f"{name}:{line}: fopen without 'e' in its mode"


planted = {f"common/{fn}.c": f"void f(void) {{ {fn}(a, b); }}\n" for fn in BANNED}
planted |= {f"pveagentd/{fn}.c": f"int f(void) {{ return {fn}(a,\n b); }}\n" for fn in NEEDS}
planted["proximo-client/x.c"] = 'void f(void) { fopen("a", "r"); }\n'
planted["proximo-client/g.c"] = "int f(void) {\n    goto out;\nout:\n    return 0;\n}\n"
tap = Tap()
fine = list(calls(code('/* strcpy(a) */ "system(x)" ck_open(1) p->open(x) s.signal(2)'),
                  list(BANNED) + list(NEEDS)))
tap.ok(not fine, "comments, strings, members and longer names are not calls", map(str, fine))
check(tap, "banned", lint, planted)
tap.end()
