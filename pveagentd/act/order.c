/* SPDX-License-Identifier: Apache-2.0 */
/* Orders and answers as messages (linked by the program that decides and by the one that acts).
 * Invariant: what does not read back as it was written is nothing at all, in both directions: an
 * order is not acted on in part, an answer is not believed in part. */
#include "pveagentd/act/order.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/fields.h"
#include "common/limits.h"
#include "common/msg.h"
#include "common/own.h"

#define TEXT_MAX  4096
#define ITEMS_MAX (48 * 1024)

static const struct {
    size_t fds;
    const char *dir;
    bool request;
} verbs[ORDER_END - ORDER_FIRST] = {
    [ORDER_EXEC - ORDER_FIRST] = {3, NULL, true},
    [ORDER_FACTS - ORDER_FIRST] = {0, NULL, false},
    [ORDER_POINT_CHECK - ORDER_FIRST] = {1, "points", true},
    [ORDER_POINT_TAKE - ORDER_FIRST] = {1, "points", true},
    [ORDER_POINT_RUN - ORDER_FIRST] = {1, "points", true},
    [ORDER_POINT_EXPIRED - ORDER_FIRST] = {1, "points", false},
    [ORDER_POINT_SWEEP - ORDER_FIRST] = {1, "points", false},
    [ORDER_TIMER_CHECK - ORDER_FIRST] = {1, "revert", true},
    [ORDER_TIMER_LIST - ORDER_FIRST] = {1, "revert", false},
    [ORDER_TIMER_RUN - ORDER_FIRST] = {2, "revert", true},
    [ORDER_TIMER_TICK - ORDER_FIRST] = {2, "revert", false},
    [ORDER_TIMER_REVERT - ORDER_FIRST] = {2, "revert", false},
    [ORDER_TIMER_FINISH - ORDER_FIRST] = {2, "revert", false},
};

static bool is_verb(unsigned int v) {
    return v >= ORDER_FIRST && v < ORDER_END;
}

size_t order_fds(enum order_verb v) {
    return is_verb(v) ? verbs[v - ORDER_FIRST].fds : 0;
}

const char *order_dir(enum order_verb v) {
    return is_verb(v) ? verbs[v - ORDER_FIRST].dir : NULL;
}

bool order_has_request(enum order_verb v) {
    return is_verb(v) && verbs[v - ORDER_FIRST].request;
}

/* With its NUL, so that it can be used where it lies. */
static int add_text(struct buf *b, const char *s) {
    return msg_add(b, s ? s : "", s ? strlen(s) + 1 : 1);
}

static const char *read_text(struct msg_rd *r, size_t max) {
    size_t n = 0;
    const char *s = msg_field(r, max + 1, &n);

    if (!n || memchr(s, '\0', n) != s + n - 1) {
        r->bad = true;
        return "";
    }
    return s;
}

static uint64_t read_number(struct msg_rd *r, uint64_t max) {
    uint64_t v = msg_u64(r);

    r->bad = r->bad || v > max;
    return r->bad ? 0 : v;
}

int order_make(const struct order *o, struct buf *ret) {
    int r = msg_begin(ret, (enum msg_type)o->verb);

    for (size_t i = 0; r == 0 && i < ORDER_TEXTS; i++) {
        r = add_text(ret, o->text[i]);
    }
    r = r < 0 ? r : msg_add(ret, o->request ? o->request : "", o->request_len);
    r = r < 0 ? r : msg_add(ret, o->hash.b, HASH_LEN);
    r = r < 0 ? r : msg_add(ret, o->intent.b, HASH_LEN);
    r = r < 0 ? r : msg_add_u64(ret, o->ct);
    r = r < 0 ? r : msg_add_u64(ret, o->number);
    r = r < 0 ? r : msg_add(ret, o->salt, ORDER_SALT);
    msg_end(ret);
    return r;
}

int order_read(const void *data, size_t len, struct order *ret) {
    struct order o = {.fd = {-1, -1, -1}};
    struct msg_rd r;
    uint16_t type;

    if (msg_open(data, len, &type, &r) < 0 || !is_verb(type)) {
        return -EBADMSG;
    }
    o.verb = (enum order_verb)type;
    for (size_t i = 0; i < ORDER_TEXTS; i++) {
        o.text[i] = read_text(&r, TEXT_MAX);
    }
    o.request = msg_field(&r, LIM_LINES, &o.request_len);
    msg_exact(&r, o.hash.b, HASH_LEN);
    msg_exact(&r, o.intent.b, HASH_LEN);
    o.ct = (uint32_t)read_number(&r, UINT32_MAX);
    o.number = msg_u64(&r);
    msg_exact(&r, o.salt, ORDER_SALT);
    if (msg_done(&r) < 0 || order_has_request(o.verb) != (o.request_len > 0)) {
        return -EBADMSG;
    }
    *ret = o;
    return 0;
}

int order_receive(int sock, struct buf *b, struct order *ret) {
    uint8_t head[8];
    int fd[ORDER_FDS] = {-1, -1, -1};
    size_t n;
    int r;

    /* The verb says how many descriptors belong to the order; look before taking them. */
    if (recv(sock, head, sizeof(head), MSG_PEEK) < (ssize_t)sizeof(head)) {
        return -EBADMSG;
    }
    n = order_fds((enum order_verb)(head[2] | head[3] << 8));
    r = msg_recv(sock, b, fd, n) < 0 ? -EBADMSG : order_read(b->data, b->len, ret);
    for (size_t i = 0; i < n; i++) {
        if (r == 0) {
            ret->fd[i] = fd[i];
        } else {
            closep(&fd[i]);
        }
    }
    return r;
}

void answer_init(struct order_answer *a) {
    *a = (struct order_answer){.items = BUF_INIT(ITEMS_MAX)};
    for (size_t i = 0; i < 2; i++) {
        a->outcome.tail[i] = (struct buf)BUF_INIT((size_t)2 * EXEC_TAIL);
    }
}

void answer_done(struct order_answer *a) {
    buf_done(&a->outcome.tail[0]);
    buf_done(&a->outcome.tail[1]);
    buf_done(&a->items);
}

int answer_add(struct order_answer *a, const char *item) {
    int r = add_text(&a->items, item);

    a->n_items += r == 0;
    return r;
}

int answer_make(const struct order_answer *a, struct buf *ret) {
    const struct outcome *x = &a->outcome;
    int r = msg_begin(ret, (enum msg_type)ORDER_ANSWER);

    r = r < 0 ? r : msg_add_u64(ret, a->result < 0 ? (uint64_t)-a->result : 0);
    r = r < 0 ? r : add_text(ret, a->e.tag);
    r = r < 0 ? r : add_text(ret, a->e.msg);
    r = r < 0 ? r : add_text(ret, a->e.hint);
    r = r < 0 ? r : add_text(ret, a->driver);
    r = r < 0 ? r : msg_add_u64(ret, x->how);
    r = r < 0 ? r : msg_add_u64(ret, (uint64_t)x->value);
    r = r < 0 ? r : msg_add_u64(ret, x->left_behind_unknown);
    for (size_t i = 0; i < 2; i++) {
        r = r < 0 ? r : msg_add_u64(ret, x->bytes[i]);
        r = r < 0 ? r : msg_add(ret, x->hash[i].b, HASH_LEN);
        r = r < 0 ? r : msg_add(ret, buf_str(&x->tail[i]), x->tail[i].len);
    }
    r = r < 0 ? r : msg_add_u64(ret, a->n_items);
    r = r < 0 ? r : buf_add(ret, buf_str(&a->items), a->items.len);
    msg_end(ret);
    return r;
}

static void copy_text(struct msg_rd *r, char *ret, size_t size) {
    const char *s = read_text(r, size - 1);

    memcpy(ret, s, strlen(s) + 1);
}

static void read_outcome(struct msg_rd *r, struct outcome *x) {
    x->how = (enum receipt_how)read_number(r, HOW_COUNT - 1);
    x->value = (int)read_number(r, INT32_MAX);
    x->left_behind_unknown = read_number(r, 1);
    for (size_t i = 0; i < 2; i++) {
        size_t n = 0;
        const char *tail;

        x->bytes[i] = msg_u64(r);
        msg_exact(r, x->hash[i].b, HASH_LEN);
        tail = msg_field(r, EXEC_TAIL, &n);
        r->bad = r->bad || buf_add(&x->tail[i], tail, n) < 0;
    }
}

int answer_read(const void *data, size_t len, struct order_answer *ret) {
    struct msg_rd r;
    uint16_t type;
    uint64_t n;

    if (msg_open(data, len, &type, &r) < 0 || type != ORDER_ANSWER) {
        return -EBADMSG;
    }
    ret->result = -(int)read_number(&r, 4095);
    copy_text(&r, ret->e.tag, sizeof(ret->e.tag));
    copy_text(&r, ret->e.msg, sizeof(ret->e.msg));
    copy_text(&r, ret->e.hint, sizeof(ret->e.hint));
    copy_text(&r, ret->driver, sizeof(ret->driver));
    ret->e.code = ret->result;
    read_outcome(&r, &ret->outcome);
    n = msg_u64(&r);
    while (!r.bad && ret->n_items < n) {
        r.bad = answer_add(ret, read_text(&r, ITEMS_MAX)) < 0 || r.bad;
    }
    return msg_done(&r);
}

int answer_each(const struct order_answer *a, int (*fn)(void *ctx, const char *item), void *ctx) {
    const uint8_t *at = (const uint8_t *)buf_str(&a->items);
    struct msg_rd r = {.p = at, .end = at + a->items.len};
    int x = 0;

    while (x == 0 && r.p < r.end) {
        x = fn(ctx, read_text(&r, ITEMS_MAX));
    }
    return x;
}

static const struct field fields[] = {
    FIELD(struct due, request, F_HASH, true), FIELD(struct due, intent, F_HASH, false),
    FIELD(struct due, ct, F_U32, true),       FIELD(struct due, client, F_TEXT, true),
    FIELD(struct due, log, F_TEXT, true),     FIELD(struct due, name, F_TEXT, false),
    FIELD(struct due, driver, F_TEXT, false), FIELD(struct due, deadline, F_U64, false),
    FIELD(struct due, sets, F_TEXT, false),   FIELD(struct due, changed, F_U32, false)};
static const struct form form = {"proximo-due/v1", fields, ARRAY_LEN(fields)};

int due_add(struct order_answer *a, const struct due *d) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    int r = fields_write(&form, d, &b);

    return r < 0 ? r : answer_add(a, buf_str(&b));
}

int due_read(const char *item, struct due *ret) {
    return fields_read(&form, item, strlen(item), &ret->l, ret, NULL);
}

void due_done(struct due *d) {
    lines_done(&d->l);
}

struct dues {
    int (*fn)(void *ctx, const struct due *d);
    void *ctx;
};

static int one_due(void *ctx, const char *item) {
    CLEANUP(due_done) struct due d = {0};
    const struct dues *to = ctx;

    return due_read(item, &d) < 0 ? -EBADMSG : to->fn(to->ctx, &d);
}

int due_each(const struct order_answer *a, int (*fn)(void *ctx, const struct due *d), void *ctx) {
    return answer_each(a, one_due, &(struct dues){fn, ctx});
}
