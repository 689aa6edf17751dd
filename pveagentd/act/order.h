/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/act/order.h - what passes between the program that decides (pveagentd-priv) and the one
 * that acts (pveagentd-act): one order, one answer, over a SOCK_SEQPACKET pair that is the acting
 * program's standard input, in the form of common/msg.h. An order's type is its verb, and says
 * which descriptors come with it. The end of the socket tells the acting program to stop a command.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/lines.h"
#include "common/receipt.h"

#define EXEC_TAIL (48 * 1024) /* of each stream, kept for /v1/op */

/* fd: what comes with it, in this order. `points` and `revert` are the directories of these names
 * below the deciding program's state; lock: revert/lock, held, so that it stays held until both are
 * gone. Orders with a request act on its bytes. */
enum order_verb {
    ORDER_FIRST = 0x100,
    ORDER_EXEC = ORDER_FIRST, /* request salt; fd: output, errors, input */
    ORDER_FACTS, /* ct: value 1 = privileged, driver, refused = no undo, item: a mount point */
    ORDER_POINT_CHECK,   /* request: can what it wants of snapshots be had? fd: points */
    ORDER_POINT_TAKE,    /* request: the snapshot that it names; driver. fd: points */
    ORDER_POINT_RUN,     /* request: snapshot rollback remove stop start; driver. fd: points */
    ORDER_POINT_EXPIRED, /* item: a point whose time is up. fd: points */
    ORDER_POINT_SWEEP,   /* ct name: removes it if it still is. fd: points */
    ORDER_TIMER_CHECK,   /* request: arm confirm cancel. fd: revert */
    ORDER_TIMER_LIST,    /* client or "" for all; item: a timer. fd: revert */
    ORDER_TIMER_RUN,     /* request: arm confirm. fd: revert lock */
    ORDER_TIMER_TICK,    /* notices changes; item: a timer that is due. fd: revert lock */
    ORDER_TIMER_REVERT,  /* hash: value 0, or bits of what stays as it is. fd: revert lock */
    ORDER_TIMER_FINISH,  /* hash number(those bits): the timer goes. fd: revert lock */
    ORDER_END,
    ORDER_ANSWER = 0x1ff,
};

enum order_text {
    ORDER_NODE,
    ORDER_CLUSTER_FS,
    ORDER_NETWORK_DIR,
    ORDER_LXC_PATH,
    ORDER_CLIENT,
    ORDER_LOG,
    ORDER_NAME,
    ORDER_TEXTS
};
#define ORDER_FDS  3
#define ORDER_SALT 16

struct order {
    enum order_verb verb;
    const char *text[ORDER_TEXTS]; /* "" where the verb has none; of one that was read: borrowed */
    const char *request;           /* canonical bytes; borrowed */
    size_t request_len;
    struct hash hash, intent; /* of the request, of the leaf that let it in */
    uint32_t ct;
    uint64_t number; /* when the client's connection came (monotonic ms); what stays of a revert */
    uint8_t salt[ORDER_SALT];
    int fd[ORDER_FDS]; /* not the order's to close, unless it was received */
};

size_t order_fds(enum order_verb v);      /* how many descriptors belong to it */
const char *order_dir(enum order_verb v); /* the name of the directory that fd[0] is, or NULL */
bool order_has_request(enum order_verb v);
int order_make(const struct order *o, struct buf *ret);
/* Strict: -EBADMSG for whatever order_make would not have made. Points into data. */
int order_read(const void *data, size_t len, struct order *ret);
/* One order with its descriptors into ret, its bytes into b. -EBADMSG: no such order. */
int order_receive(int sock, struct buf *b, struct order *ret);

struct outcome {
    enum receipt_how how;
    int value;
    bool left_behind_unknown;
    uint64_t bytes[2];
    struct hash hash[2];
    struct buf tail[2];
};

/* result negative: not done, e says why. */
struct order_answer {
    int result;
    struct err e;
    struct outcome outcome;
    char driver[17];
    struct buf items; /* fields, one after the other */
    uint64_t n_items;
};

void answer_init(struct order_answer *a);
void answer_done(struct order_answer *a);
int answer_add(struct order_answer *a, const char *item); /* -E2BIG: it is full */
int answer_make(const struct order_answer *a, struct buf *ret);
int answer_read(const void *data, size_t len, struct order_answer *ret);
/* Each item, until fn says other than 0; that is returned. */
int answer_each(const struct order_answer *a, int (*fn)(void *ctx, const char *item), void *ctx);

/* An item: a point or a timer. Of a timer without intent, name and driver. */
struct due {
    struct lines l; /* owns what the pointers point to */
    struct hash request, intent;
    uint32_t ct;
    const char *client, *log, *name, *driver;
    uint64_t deadline; /* of a timer: Unix s */
    const char *sets;
    uint32_t changed; /* whether something was */
};
int due_add(struct order_answer *a, const struct due *d);
int due_read(const char *item, struct due *ret); /* due_done() */
void due_done(struct due *d);
/* As answer_each. What is no such item ends it: -EBADMSG. */
int due_each(const struct order_answer *a, int (*fn)(void *ctx, const struct due *d), void *ctx);
