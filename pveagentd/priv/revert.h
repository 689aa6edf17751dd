/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/priv/revert.h - revert timers: copies of a closed list of files, taken before a change
 * that can lock its maker out, and put back at a deadline unless the maker says over a new
 * connection that all is well. On disk a timer is revert/<hex of the arming request's hash>, its
 * copies are beside it with the file's word behind; a copy without a timer was kept for root. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "common/digest.h"
#include "common/lines.h"

struct act;
struct err;
struct priv;

#define REVERT_FILES 5

struct timer {
    struct lines l; /* owns what the pointers point to, when it was read */
    struct hash request;
    const char *client, *log;
    uint64_t armed, mono, deadline; /* Unix s, monotonic ms of that boot, Unix s */
    uint32_t ct;                    /* 0: none */
    unsigned int sets;              /* bits of enum request_set */
    bool due;                       /* reverting has begun: it goes on to its end */
    struct watched {
        bool in;  /* belongs to it */
        bool was; /* was there when it was copied */
        bool
            noticed; /* a difference was seen; `left` (it was there then) and `applied` say which */
        bool left;
        struct hash before, applied;
    } f[REVERT_FILES];
};

/* Before anything is recorded. Tags: timer_armed (a file is watched already), timer_full,
 * timer_unreadable; of confirm and cancel: timer_missing, timer_foreign, timer_same_connection. */
int revert_check(struct act *a, struct err *e);
/* arm, confirm, cancel. What may have changed since revert_check is looked at again. */
int revert_act(struct act *a, struct err *e);

/* Is there a timer that somebody must tick? Parses nothing: for the resident. */
bool revert_waiting(const struct priv *p);
/* Notices what the change left, and reverts what is due. Negative: something due could not be put
 * back (a cluster file system without quorum) and is to be tried again. In a child. */
int revert_tick(struct priv *p);
/* Whether the timer that this request armed is still there (its receipt is then the tick's). */
bool revert_pending(const struct priv *p, const struct hash *request);
/* Every timer that can be read, until fn returns something else than 0; that is returned. */
int revert_each(struct priv *p, int (*fn)(void *ctx, struct priv *p, struct timer *t), void *ctx);
