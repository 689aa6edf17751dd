/* SPDX-License-Identifier: Apache-2.0 */
/* common/run.h - other programs, from nothing: fixed environment, own session, default signals, "/"
 * as directory, and no descriptor but the three that are given. No shell, no PATH search. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

struct buf;
struct err;

/* Starts argv[0] (an absolute path). A descriptor of -1 is /dev/null; the others stay the caller's.
 * The child's id, or -errno. What cannot be executed ends with 127. */
pid_t run_start(const char *const *argv, int in, int out, int err);
/* The same for the program that the descriptor `exe` is (O_PATH will do), whatever lies at its path
 * meanwhile: `name` is its only argument, its environment is empty, its output nowhere. */
pid_t run_start_bare(int exe, const char *name, int in, int err);
/* Starts it, waits at most timeout_s seconds (then kills it); its output into ret (may be NULL), at
 * most ret's ceiling. 0: exit status 0. -EREMOTEIO: anything else, with the first line of its
 * stderr in e, and this tag. */
int run_tool(const char *const *argv, struct buf *ret, int timeout_s, const char *tag,
             struct err *e);

/* reap.c: kills every descendant of this process that is still ours, deepest first, until none is
 * left or it gives up (false). Of a child subreaper these are all that were ever started. */
bool reap_all(void);
