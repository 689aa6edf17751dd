/* SPDX-License-Identifier: Apache-2.0 */
/* Revert timers (root; arming and ending in a request child, the deadline in a child of the
 * resident). Invariants: which paths can be written is this file's table and nothing that a request
 * says; everything that changes a timer holds revert/lock; a file is put back only while it is as
 * the watched change left it, for what another hand wrote is not ours to lose; a revert that was
 * begun is carried to its end by whoever comes next, reload included. What "the change left" is the
 * node sees for itself, every second: a client that is locked out cannot say it. */
#include "pveagentd/priv/revert.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "common/dir.h"
#include "common/fd.h"
#include "common/form.h"
#include "common/ident.h"
#include "common/own.h"
#include "common/put.h"
#include "pveagentd/priv/gate.h"
#include "pveagentd/priv/snap.h"

#define TIMER_HEAD  "proximo-revert/v1"
#define ENTRIES_MAX 64 /* in revert/: timers, their copies and kept ones */
#define RELOAD_S    300
#define CLOCK_BACK  120

static const struct line_key keys[] = {
    {"client", false, true},   {"log", false, true}, {"armed", false, true}, {"mono", false, true},
    {"deadline", false, true}, {"ct", false, true},  {"due", false, true},   {"file", true, true},
};

/* SDN's generated part goes with the interfaces: an apply writes both, and half of it put back
 * would be a state that never was. */
static const struct {
    const char *name;
    enum request_set set;
} files[REVERT_FILES] = {{"interfaces", SET_NETWORK},
                         {"sdn", SET_NETWORK},
                         {"cluster", SET_FW_CLUSTER},
                         {"node", SET_FW_NODE},
                         {"guest", SET_FW_GUEST}};

/* What makes a set's files take effect. The firewall's own daemon looks at its files itself.
 * ifreload has a unit of its own (units/): what it starts, a DHCP client above all, must not live
 * under the filters and mounts of ours, nor end with it. The unit tries again while another one
 * runs: the change's own may hang on what it has cut. */
static const char *const reload[SET_COUNT][4] = {
    [SET_NETWORK] = {"/usr/bin/systemctl", "start", "pveagentd-ifreload.service"}};

struct seen {
    bool there;
    mode_t mode;
    struct hash h;
    struct buf data;
};

static void seen_done(struct seen *s) {
    buf_done(&s->data);
}

/* Absent is no error; anything but a plain file is. */
static int see(int dir, const char *path, struct seen *ret, struct err *e) {
    struct stat st = {0};
    int r;

    *ret = (struct seen){.data = BUF_INIT(LIM_CONF)};
    r = file_read(dir, path, &ret->data, e);
    if (r == 0 && fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        r = err_set(e, -errno, "%s: %s", path, strerror(errno));
    }
    ret->there = r == 0;
    ret->mode = st.st_mode & 0777;
    sha256(buf_str(&ret->data), ret->data.len, &ret->h);
    return r == -ENOENT ? 0 : r;
}

static void path_of(const struct priv *p, size_t i, uint32_t ct, char ret[static 4096]) {
    char node[80];
    char guest[24];

    (void)snprintf(node, sizeof(node), "nodes/%s", p->node);
    (void)snprintf(guest, sizeof(guest), "%u.fw", ct);
    if (files[i].set == SET_NETWORK) {
        (void)snprintf(ret, 4096, "%s/%s", p->network_dir, i ? "interfaces.d/sdn" : "interfaces");
    } else if (files[i].set == SET_FW_NODE) {
        (void)cluster_path(p, node, "host.fw", ret);
    } else {
        (void)cluster_path(p, "firewall", files[i].set == SET_FW_GUEST ? guest : "cluster.fw", ret);
    }
}

static int see_now(const struct priv *p, size_t i, uint32_t ct, struct seen *ret, struct err *e) {
    char path[4096];

    path_of(p, i, ct, path);
    return see(AT_FDCWD, path, ret, e);
}

static bool differs(const struct seen *now, bool there, const struct hash *h) {
    return now->there != there || (there && !hash_eq(&now->h, h));
}

/* The timer's file (NULL) or its copy of a file. */
static const char *name_of(const struct hash *request, const char *file, char ret[static 100]) {
    (void)snprintf(ret, 100, "revert/%s%s%s", HEX_STR(request), file ? "." : "", file ? file : "");
    return ret;
}

static void timer_done(struct timer *t) {
    lines_done(&t->l);
}

static const char *hash_or(bool there, const struct hash *h, char ret[static HASH_HEX_LEN + 1]) {
    return there ? put_hash(h, ret) : "-";
}

static int timer_write(const struct priv *p, const struct timer *t, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    char path[100];
    char h[2][HASH_HEX_LEN + 1];
    int r = buf_adds(&b, TIMER_HEAD "\n");

    r = r < 0 ? r
              : lines_puts(&b, "client", t->client, "log", t->log, "armed", NUM_STR(t->armed),
                           "mono", NUM_STR(t->mono), "deadline", NUM_STR(t->deadline), "ct",
                           NUM_STR(t->ct), "due", t->due ? "yes" : "no", NULL);
    for (size_t i = 0; r == 0 && i < REVERT_FILES; i++) {
        const struct watched *f = &t->f[i];

        r = f->in ? lines_putf(&b, "file", "%s %s %s", files[i].name,
                               hash_or(f->was, &f->before, h[0]),
                               f->noticed ? hash_or(f->left, &f->applied, h[1]) : "?")
                  : 0;
    }
    return r < 0 ? r
                 : file_replace(p->state_fd, name_of(&t->request, NULL, path), b.data, b.len, 0600,
                                e);
}

static int read_hash(const char *s, bool *there, struct hash *ret) {
    *there = strcmp(s, "-") != 0;
    return *there ? hash_parse(s, ret) : 0;
}

static int read_watched(struct timer *t, const char *s) {
    char name[16];
    char before[HASH_HEX_LEN + 1];
    struct watched f = {.in = true};
    size_t i = 0;

    if (form_word(s, name, sizeof(name), &s) < 0 || form_word(s, before, sizeof(before), &s) < 0 ||
        read_hash(before, &f.was, &f.before) < 0) {
        return -EBADMSG;
    }
    while (i < REVERT_FILES && strcmp(files[i].name, name) != 0) {
        i++;
    }
    f.noticed = strcmp(s, "?") != 0;
    if (i == REVERT_FILES || (f.noticed && read_hash(s, &f.left, &f.applied) < 0)) {
        return -EBADMSG;
    }
    t->f[i] = f;
    t->sets |= 1u << files[i].set;
    return 0;
}

/* hex: of the arming request's hash. */
static int timer_read(const struct priv *p, const char *hex, struct timer *t, struct err *e) {
    char path[100];
    int r = hex_decode(hex, 64, t->request.b);

    r = r < 0 ? r
              : lines_file(p->state_fd, name_of(&t->request, NULL, path), TIMER_HEAD, keys,
                           ARRAY_LEN(keys), &t->l, e);
    if (r < 0) {
        return r;
    }
    t->client = lines_get(&t->l, keys, "client");
    t->log = lines_get(&t->l, keys, "log");
    t->due = strcmp(lines_get(&t->l, keys, "due"), "no") != 0;
    r = ident_u64(lines_get(&t->l, keys, "armed"), &t->armed) < 0 ||
                ident_u64(lines_get(&t->l, keys, "mono"), &t->mono) < 0 ||
                ident_u64(lines_get(&t->l, keys, "deadline"), &t->deadline) < 0 ||
                ident_u32(lines_get(&t->l, keys, "ct"), &t->ct) < 0
            ? -EBADMSG
            : 0;
    for (size_t i = 0; r == 0 && i < lines_count(&t->l, keys, "file"); i++) {
        r = read_watched(t, lines_nth(&t->l, keys, "file", i));
    }
    return r < 0 ? err_set(e, r, "%s is damaged", path) : 0;
}

static int take_lock(const struct priv *p, struct err *e) {
    int fd = openat(p->state_fd, "revert/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd >= 0 && flock(fd, LOCK_EX) < 0) {
        closep(&fd);
    }
    return fd >= 0 ? fd : err_set(e, -errno, "revert/lock: %s", strerror(errno));
}

static int overlaps(void *ctx, struct priv *p, struct timer *t) {
    const struct act *a = ctx;
    unsigned int both = a->q.sets & t->sets;

    (void)p;
    return (both & ~(1u << SET_FW_GUEST)) || (both && a->q.ct == t->ct) ? -EBUSY : 0;
}

static int check_arm(struct act *a, struct err *e) {
    CLEANUP(dir_closep) DIR *d = dir_open(a->p->state_fd, "revert");
    size_t n = 0;

    if (revert_each(a->p, overlaps, a) < 0) {
        return err_tag(e, -EBUSY, "timer_armed", "a revert timer watches these files already");
    }
    for (; dir_next(d); n++) {
    }
    return n < ENTRIES_MAX
               ? 0
               : err_tag(e, -EDQUOT, "timer_full", "too many copies of earlier timers were kept");
}

/* Copies first, then the timer: a crash in between leaves copies and no deadline. Not made: only
 * looked at, whether it could be. */
static int arm(struct act *a, bool make, struct err *e) {
    struct timer t = {.request = a->h,
                      .client = a->client.name,
                      .log = a->client.log.name,
                      .armed = (uint64_t)clock_unix(),
                      .mono = (uint64_t)clock_mono_ms(),
                      .ct = a->q.ct};
    int r = check_arm(a, e);

    t.deadline = t.armed + a->q.timeout_s;
    for (size_t i = 0; r == 0 && i < REVERT_FILES; i++) {
        CLEANUP(seen_done) struct seen now = {0};
        struct watched *f = &t.f[i];
        char path[100];

        f->in = a->q.sets & (1u << files[i].set);
        r = f->in ? tagged(see_now(a->p, i, t.ct, &now, e), "timer_unreadable", e) : 0;
        f->was = now.there;
        f->before = now.h;
        if (r == 0 && make && f->was) {
            r = file_replace(a->p->state_fd, name_of(&t.request, files[i].name, path),
                             buf_str(&now.data), now.data.len, now.mode, e);
        }
    }
    return r < 0 || !make ? r : timer_write(a->p, &t, e);
}

/* The timer that confirm and cancel name. A connection that was there before the change can live on
 * while no new one gets through (an established one passes most firewalls), so it proves nothing.
 */
static int own_timer(const struct act *a, struct timer *t, struct err *e) {
    if (timer_read(a->p, HEX_STR(&a->q.timer), t, NULL) < 0 ||
        (a->q.op == OP_CONFIRM && (t->due || (uint64_t)clock_unix() >= t->deadline))) {
        return err_tag(e, -ENOENT, "timer_missing",
                       "there is no such timer any more: it was confirmed, or it reverts");
    }
    if (strcmp(t->client, a->client.name) != 0 || strcmp(t->log, a->client.log.name) != 0) {
        return err_tag(e, -EPERM, "timer_foreign", "another client armed this timer");
    }
    if (a->q.op == OP_CONFIRM && a->opened_ms <= t->mono &&
        (uint64_t)clock_mono_ms() >= t->mono) { /* else the node was started anew */
        return err_tag(e, -EPERM, "timer_same_connection",
                       "this connection is older than the timer, so it does not show that a new "
                       "one gets through");
    }
    return 0;
}

int revert_check(struct act *a, struct err *e) {
    CLEANUP(timer_done) struct timer t = {0};

    return a->q.op == OP_ARM ? arm(a, false, e) : own_timer(a, &t, e);
}

/* The first difference from the copy is what the change left. */
static void notice(const struct priv *p, struct timer *t) {
    struct err e = {0};
    bool any = false;

    for (size_t i = 0; !t->due && i < REVERT_FILES; i++) {
        CLEANUP(seen_done) struct seen now = {0};
        struct watched *f = &t->f[i];

        if (f->in && !f->noticed && see_now(p, i, t->ct, &now, NULL) == 0 &&
            differs(&now, f->was, &f->before)) {
            f->noticed = any = true;
            f->left = now.there;
            f->applied = now.h;
        }
    }
    if (any && timer_write(p, t, &e) < 0) {
        log_event(LOG_L_ERR, "what a change left cannot be noted", "REASON", e.msg, NULL);
    }
}

/* 1: put back; 0: it is as it was; -ESTALE: another hand's, left alone. */
static int put_back(const struct priv *p, const struct timer *t, size_t i, struct err *e) {
    CLEANUP(seen_done) struct seen now = {0};
    CLEANUP(seen_done) struct seen copy = {0};
    const struct watched *f = &t->f[i];
    char path[4096];
    char from[100];
    int r = see_now(p, i, t->ct, &now, e);

    if (r == 0 && !differs(&now, f->was, &f->before)) {
        return 0;
    }
    if (r < 0 || !f->noticed || differs(&now, f->left, &f->applied)) {
        return err_set(e, -ESTALE, "another hand changed it: it stays, and so does the copy");
    }
    path_of(p, i, t->ct, path);
    if (!f->was) {
        return unlink(path) < 0 ? err_set(e, -errno, "%s: %s", path, strerror(errno)) : 1;
    }
    r = see(p->state_fd, name_of(&t->request, files[i].name, from), &copy, e);
    if (r == 0 && differs(&copy, true, &f->before)) {
        r = err_set(e, -EBADMSG, "the copy is not what was copied");
    }
    r = r < 0 ? r : file_replace(AT_FDCWD, path, buf_str(&copy.data), copy.data.len, copy.mode, e);
    return r < 0 ? r : 1;
}

/* kept: bits of files whose copies stay. */
static int finish(const struct priv *p, const struct timer *t, unsigned int kept, struct err *e) {
    char path[100];

    if (unlinkat(p->state_fd, name_of(&t->request, NULL, path), 0) < 0 ||
        dir_sync(p->state_fd, "revert") < 0) {
        return err_set(e, -errno, "%s: %s", path, strerror(errno));
    }
    for (size_t i = 0; i < REVERT_FILES; i++) {
        if (!(kept & (1u << i))) {
            (void)unlinkat(p->state_fd, name_of(&t->request, files[i].name, path), 0);
        }
    }
    return 0;
}

/* -EAGAIN: not all could be written. *ret_kept: what another hand had changed, and a
 * bit more when what was put back could not be loaded. */
static int restore(const struct priv *p, struct timer *t, unsigned int *ret_kept) {
    unsigned int again = t->due ? t->sets : 0; /* whether that was loaded, nobody knows */
    struct err e = {0};
    int all = 0;

    t->due = true;
    (void)timer_write(p, t, NULL);
    for (size_t i = 0; i < REVERT_FILES; i++) {
        int r = t->f[i].in ? put_back(p, t, i, &e) : 0;

        again |= r > 0 ? 1u << files[i].set : 0;
        *ret_kept |= r == -ESTALE ? 1u << i : 0;
        all = r < 0 && r != -ESTALE ? -EAGAIN : all;
        if (r != 0) {
            log_event(r < 0 ? LOG_L_ERR : LOG_L_WARN,
                      r < 0 ? "a file was not reverted" : "a file was reverted", "REQUEST",
                      HASH_STR(&t->request), "FILE", files[i].name, "REASON", e.msg, NULL);
        }
    }
    for (unsigned int s = 0; s < SET_COUNT; s++) {
        if ((again & (1u << s)) && reload[s][0] &&
            snap_run(reload[s], NULL, RELOAD_S, "internal", &e) < 0) {
            log_event(LOG_L_ERR, "what was reverted did not load cleanly", "REASON", e.msg, NULL);
            *ret_kept |= 1u << REVERT_FILES;
        }
    }
    return all;
}

/* Like the removal of an expired undo point: an action without a plan. It names no container, which
 * tells the two apart. */
static const struct act_rec *record(struct priv *p, struct origin *o, const struct timer *t,
                                    struct err *e) {
    const struct act_rec *armed = journal_find(o, NULL, &t->request);
    struct act_rec rec = {.request = t->request, .started = clock_unix()};

    for (size_t i = 0; i < o->n_acts; i++) {
        const struct act_rec *x = &o->act[i];

        if (act_is_sweep(x) && !x->ct && !x->seq && hash_eq(&x->request, &t->request)) {
            return x; /* who began it was interrupted */
        }
    }
    if (!armed) {
        return NULL;
    }
    rec.intent = armed->intent;
    rec.head = armed->head;
    memcpy(rec.client, armed->client, sizeof(rec.client));
    return journal_start(p, o, NULL, &rec, rec.started, e) < 0 ? NULL : &o->act[o->n_acts - 1];
}

/* revert/lock is held. What is promised to somebody who is locked out does not wait for a journal
 * that cannot be written. */
static int fire(struct priv *p, struct timer *t, unsigned int *ret_kept) {
    CLEANUP(closep) int lock = -1;
    struct err e = {0};
    struct origin *o = origin_get(p, t->log);
    const struct act_rec *x = o && origin_lock(p, o, &lock, &e) == 0 ? record(p, o, t, &e) : NULL;
    struct act_rec rec = x ? *x : (struct act_rec){0};
    int r;

    if (!x) {
        log_event(LOG_L_ERR, "a revert cannot be recorded", "REASON", e.msg, NULL);
    }
    notice(p, t);
    r = restore(p, t, ret_kept);
    if (r == 0 && x) {
        (void)receipt_close(p, o, &rec, HOW_REVERTED, *ret_kept, NULL, NULL);
    }
    return r < 0 ? r : finish(p, t, *ret_kept, &e);
}

int revert_act(struct act *a, struct err *e) {
    CLEANUP(closep) int lock = take_lock(a->p, e);
    CLEANUP(timer_done) struct timer t = {0};
    unsigned int kept = 0;
    int r = lock < 0 ? lock : a->q.op == OP_ARM ? arm(a, true, e) : own_timer(a, &t, e);

    if (r < 0 || a->q.op == OP_ARM) {
        return r;
    }
    if (a->q.op == OP_CONFIRM) {
        return finish(a->p, &t, 0, e);
    }
    a->outcome.value = fire(a->p, &t, &kept) < 0 ? 2 : kept ? 1 : 0; /* 2: the tick tries on */
    return 0;
}

bool revert_waiting(const struct priv *p) {
    CLEANUP(dir_closep) DIR *d = dir_open(p->state_fd, "revert");
    const char *name;

    while ((name = dir_next(d)) != NULL && !ident_is_hex(name, 64)) {
    }
    return name;
}

bool revert_pending(const struct priv *p, const struct hash *request) {
    char path[100];

    return faccessat(p->state_fd, name_of(request, NULL, path), F_OK, 0) == 0;
}

int revert_each(struct priv *p, int (*fn)(void *ctx, struct priv *p, struct timer *t), void *ctx) {
    CLEANUP(dir_closep) DIR *d = dir_open(p->state_fd, "revert");
    const char *name;
    int r = 0;

    while (r == 0 && (name = dir_next(d)) != NULL) {
        CLEANUP(timer_done) struct timer t = {0};
        struct err e = {0};

        if (ident_is_hex(name, 64) && timer_read(p, name, &t, &e) == 0) {
            r = fn(ctx, p, &t);
        } else if (e.msg[0]) {
            log_event(LOG_L_ERR, "a revert timer cannot be read", "REASON", e.msg, NULL);
        }
    }
    return r;
}

/* A clock that is behind the arming is no reason to wait: it may be behind for years. */
static int tick_one(void *ctx, struct priv *p, struct timer *t) {
    int64_t now = clock_unix();
    unsigned int kept = 0;

    if (!t->due && now < (int64_t)t->deadline && now >= (int64_t)t->armed - CLOCK_BACK) {
        notice(p, t);
    } else if (fire(p, t, &kept) < 0) {
        *(int *)ctx = -EAGAIN;
    }
    return 0;
}

int revert_tick(struct priv *p) {
    CLEANUP(closep) int lock = take_lock(p, NULL);
    int r = lock < 0 ? lock : 0;

    (void)(r < 0 ? r : revert_each(p, tick_one, &r));
    return r;
}
