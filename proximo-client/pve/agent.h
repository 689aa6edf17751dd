/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pve/agent.h - the end of a command that a VM's guest agent runs. Reading only: the
 * request that began it is the pipeline's. The agent tells an end once and forgets it then, so an
 * answer that is lost on the way is lost for good ("agent_lost"). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "proximo-client/pve/pve.h"

#define PVE_EXEC_OUTPUT (16 * 1024 * 1024) /* of each stream, kept by the agent at most */

struct pve_exec {
    bool ended;
    bool signalled; /* value is the signal (on Windows an exception code), else the exit code */
    int64_t value;
    struct buf out, err;   /* as the command wrote it, byte by byte */
    bool out_cut, err_cut; /* the agent had more than it keeps */
};
void pve_exec_init(struct pve_exec *x);
void pve_exec_done(struct pve_exec *x);

/* What exec-status answers (data). Pure. "agent_lost" when it has ended nobody knows how. */
int pve_exec_read(const js *data, struct pve_exec *ret, struct err *e);
/* One look: ret->ended tells whether it has. */
int pve_exec_status(struct pve *p, const char *node, const char *vmid, int64_t pid,
                    struct pve_exec *ret, struct err *e);
/* Looks until it has ended or timeout_ms is over (0 then, with ended == false). tick (may be NULL)
 * is called about once a second. "agent_lost" when the agent knows it no more. */
int pve_exec_wait(struct pve *p, const char *node, const char *vmid, int64_t pid,
                  int64_t timeout_ms, void (*tick)(void *ctx, int64_t waited_ms), void *ctx,
                  struct pve_exec *ret, struct err *e);
/* Text that PVE made of bytes, a character for each, as those bytes; text in which that cannot be
 * (a later PVE) as it is. -E2BIG. */
int pve_agent_bytes(const char *text, size_t len, struct buf *ret);
