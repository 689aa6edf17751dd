/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/mcp/worker.h - the process in which tools run. */
#pragma once
#include <sys/types.h>

struct mcp_backend;
struct err;

/* Forks a worker that serves calls of wire.h until its end of the socket is closed. *ret_fd is
 * ours, non-blocking, CLOEXEC. The caller reaps *ret_pid. The child keeps nothing of the caller's:
 * no descriptor but stderr, no signal handler, no terminal. */
int worker_start(const struct mcp_backend *b, pid_t *ret_pid, int *ret_fd, struct err *e);
