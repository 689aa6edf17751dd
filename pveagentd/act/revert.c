/* SPDX-License-Identifier: Apache-2.0 */
/* Revert timers (the program that acts). Invariants: which paths can be written is this file's
 * table and nothing that a request says; whoever orders a change of a timer holds revert/lock, and
 * we hold its descriptor; a file is put back only while it is as the watched change left it, for
 * what another hand wrote is not ours to lose; a revert that was begun is carried to its end by
 * whoever comes next, reload included. What "the change left" is the node sees for itself, every
 * second: a client that is locked out cannot say it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "common/dir.h"
#include "common/fd.h"
#include "common/form.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/put.h"
#include "common/systemd.h"
#include "pveagentd/act/act.h"
#include "pveagentd/act/snap.h"

#define TIMER_HEAD  "proximo-revert/v1"
#define ENTRIES_MAX 64 /* in revert/: timers, their copies and kept ones */
#define RELOAD_S    300
#define CLOCK_BACK  120

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

static int path_of(const struct job *j, size_t i, uint32_t ct, char ret[static 4096],
                   struct err *e) {
    const char *cluster = j->o.text[ORDER_CLUSTER_FS];
    int n;

    if (files[i].set == SET_NETWORK) {
        n = snprintf(ret, 4096, "%s/%s", j->o.text[ORDER_NETWORK_DIR],
                     i ? "interfaces.d/sdn" : "interfaces");
    } else if (files[i].set == SET_FW_NODE) {
        n = snprintf(ret, 4096, "%s/nodes/%s/host.fw", cluster, j->o.text[ORDER_NODE]);
    } else if (files[i].set == SET_FW_GUEST) {
        n = snprintf(ret, 4096, "%s/firewall/%u.fw", cluster, ct);
    } else {
        n = snprintf(ret, 4096, "%s/firewall/cluster.fw", cluster);
    }
    return n > 0 && n < 4096 ? 0 : err_set(e, -ENAMETOOLONG, "path too long");
}

static int see_now(const struct job *j, size_t i, uint32_t ct, struct seen *ret, struct err *e) {
    char path[4096];
    int r = path_of(j, i, ct, path, e);

    return r < 0 ? r : see(AT_FDCWD, path, ret, e);
}

static bool differs(const struct seen *now, bool there, const struct hash *h) {
    return now->there != there || (there && !hash_eq(&now->h, h));
}

/* The timer's file (NULL) or its copy of a file. */
static const char *name_of(const struct hash *request, const char *file, char ret[static 100]) {
    (void)snprintf(ret, 100, "%s%s%s", HEX_STR(request), file ? "." : "", file ? file : "");
    return ret;
}

static void timer_done(struct timer *t) {
    lines_done(&t->l);
}

static const char *hash_or(bool there, const struct hash *h, char ret[static HASH_HEX_LEN + 1]) {
    return there ? put_hash(h, ret) : "-";
}

static int timer_write(const struct job *j, const struct timer *t, struct err *e) {
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
    return r < 0
               ? r
               : file_replace(j->o.fd[0], name_of(&t->request, NULL, path), b.data, b.len, 0600, e);
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
static int timer_read(const struct job *j, const char *hex, struct timer *t, struct err *e) {
    char path[100];
    int r = hex_decode(hex, 64, t->request.b);

    r = r < 0 ? r
              : lines_file(j->o.fd[0], name_of(&t->request, NULL, path), TIMER_HEAD, keys,
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
    return r < 0 ? err_set(e, r, "revert/%s is damaged", path) : 0;
}

/* Every timer that can be read, until fn returns something else than 0; that is returned. */
static int each(struct job *j, int (*fn)(struct job *j, struct timer *t)) {
    CLEANUP(dir_closep) DIR *d = dir_open(j->o.fd[0], ".");
    const char *name;
    int r = 0;

    while (r == 0 && (name = dir_next(d)) != NULL) {
        CLEANUP(timer_done) struct timer t = {0};
        struct err e = {0};

        if (ident_is_hex(name, 64) && timer_read(j, name, &t, &e) == 0) {
            r = fn(j, &t);
        } else if (e.msg[0]) {
            log_event(LOG_L_ERR, "a revert timer cannot be read", "REASON", e.msg, NULL);
        }
    }
    return r;
}

static int overlaps(struct job *j, struct timer *t) {
    unsigned int both = j->q.sets & t->sets;

    return (both & ~(1u << SET_FW_GUEST)) || (both && j->q.ct == t->ct) ? -EBUSY : 0;
}

static int check_arm(struct job *j, struct err *e) {
    CLEANUP(dir_closep) DIR *d = dir_open(j->o.fd[0], ".");
    size_t n = 0;

    if (each(j, overlaps) < 0) {
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
static int arm(struct job *j, bool make, struct err *e) {
    struct timer t = {.request = j->o.hash,
                      .client = j->o.text[ORDER_CLIENT],
                      .log = j->o.text[ORDER_LOG],
                      .armed = (uint64_t)clock_unix(),
                      .mono = (uint64_t)clock_mono_ms(),
                      .ct = j->q.ct};
    int r = check_arm(j, e);

    t.deadline = t.armed + j->q.timeout_s;
    for (size_t i = 0; r == 0 && i < REVERT_FILES; i++) {
        CLEANUP(seen_done) struct seen now = {0};
        struct watched *f = &t.f[i];
        char path[100];

        f->in = j->q.sets & (1u << files[i].set);
        r = f->in ? err_retag(see_now(j, i, t.ct, &now, e), "timer_unreadable", e) : 0;
        f->was = now.there;
        f->before = now.h;
        if (r == 0 && make && f->was) {
            r = file_replace(j->o.fd[0], name_of(&t.request, files[i].name, path),
                             buf_str(&now.data), now.data.len, now.mode, e);
        }
    }
    return r < 0 || !make ? r : timer_write(j, &t, e);
}

/* The timer that confirm and cancel name. A connection that was there before the change can live on
 * while no new one gets through (an established one passes most firewalls), so it proves nothing.
 */
static int own_timer(const struct job *j, struct timer *t, struct err *e) {
    if (timer_read(j, HEX_STR(&j->q.timer), t, NULL) < 0 ||
        (j->q.op == OP_CONFIRM && (t->due || (uint64_t)clock_unix() >= t->deadline))) {
        return err_tag(e, -ENOENT, "timer_missing",
                       "there is no such timer any more: it was confirmed, or it reverts");
    }
    if (strcmp(t->client, j->o.text[ORDER_CLIENT]) != 0 ||
        strcmp(t->log, j->o.text[ORDER_LOG]) != 0) {
        return err_tag(e, -EPERM, "timer_foreign", "another client armed this timer");
    }
    if (j->q.op == OP_CONFIRM && j->o.number <= t->mono &&
        (uint64_t)clock_mono_ms() >= t->mono) { /* else the node was started anew */
        return err_tag(e, -EPERM, "timer_same_connection",
                       "this connection is older than the timer, so it does not show that a new "
                       "one gets through");
    }
    return 0;
}

int timer_check(struct job *j, struct err *e) {
    CLEANUP(timer_done) struct timer t = {0};

    return !request_is_timer(&j->q) ? err_set(e, -EINVAL, "the request is about no timer")
           : j->q.op == OP_ARM      ? arm(j, false, e)
                                    : own_timer(j, &t, e);
}

/* The first difference from the copy is what the change left. */
static void notice(const struct job *j, struct timer *t) {
    struct err e = {0};
    bool any = false;

    for (size_t i = 0; !t->due && i < REVERT_FILES; i++) {
        CLEANUP(seen_done) struct seen now = {0};
        struct watched *f = &t->f[i];

        if (f->in && !f->noticed && see_now(j, i, t->ct, &now, NULL) == 0 &&
            differs(&now, f->was, &f->before)) {
            f->noticed = any = true;
            f->left = now.there;
            f->applied = now.h;
        }
    }
    if (any && timer_write(j, t, &e) < 0) {
        log_event(LOG_L_ERR, "what a change left cannot be noted", "REASON", e.msg, NULL);
    }
}

/* 1: put back; 0: it is as it was; -ESTALE: another hand's, left alone. */
static int put_back(const struct job *j, const struct timer *t, size_t i, struct err *e) {
    CLEANUP(seen_done) struct seen now = {0};
    CLEANUP(seen_done) struct seen copy = {0};
    const struct watched *f = &t->f[i];
    char path[4096];
    char from[100];
    int r = see_now(j, i, t->ct, &now, e);

    if (r == 0 && !differs(&now, f->was, &f->before)) {
        return 0;
    }
    if (r < 0 || !f->noticed || differs(&now, f->left, &f->applied)) {
        return err_set(e, -ESTALE, "another hand changed it: it stays, and so does the copy");
    }
    r = path_of(j, i, t->ct, path, e);
    if (r < 0) {
        return r;
    }
    if (!f->was) {
        return unlink(path) < 0 ? err_set(e, -errno, "%s: %s", path, strerror(errno)) : 1;
    }
    r = see(j->o.fd[0], name_of(&t->request, files[i].name, from), &copy, e);
    if (r == 0 && differs(&copy, true, &f->before)) {
        r = err_set(e, -EBADMSG, "the copy is not what was copied");
    }
    r = r < 0 ? r : file_replace(AT_FDCWD, path, buf_str(&copy.data), copy.data.len, copy.mode, e);
    return r < 0 ? r : 1;
}

/* kept: bits of files whose copies stay. */
static int finish(const struct job *j, const struct timer *t, unsigned int kept, struct err *e) {
    char path[100];

    if (unlinkat(j->o.fd[0], name_of(&t->request, NULL, path), 0) < 0 ||
        dir_sync(j->o.fd[0], ".") < 0) {
        return err_set(e, -errno, "revert/%s: %s", path, strerror(errno));
    }
    for (size_t i = 0; i < REVERT_FILES; i++) {
        if (!(kept & (1u << i))) {
            (void)unlinkat(j->o.fd[0], name_of(&t->request, files[i].name, path), 0);
        }
    }
    return 0;
}

/* -EAGAIN: not all could be written. *ret_kept: what another hand had changed, and a
 * bit more when what was put back could not be loaded. */
static int restore(const struct job *j, struct timer *t, unsigned int *ret_kept) {
    unsigned int again = t->due ? t->sets : 0; /* whether that was loaded, nobody knows */
    struct err e = {0};
    int all = 0;

    t->due = true;
    (void)timer_write(j, t, NULL);
    for (size_t i = 0; i < REVERT_FILES; i++) {
        int r = t->f[i].in ? put_back(j, t, i, &e) : 0;

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

int timer_run(struct job *j, struct err *e) {
    CLEANUP(timer_done) struct timer t = {0};
    int r = j->q.op == OP_ARM       ? arm(j, true, e)
            : j->q.op == OP_CONFIRM ? own_timer(j, &t, e)
                                    : err_set(e, -EINVAL, "the request neither arms nor confirms");

    return r < 0 || j->q.op == OP_ARM ? r : finish(j, &t, 0, e);
}

static int list_one(struct job *j, struct timer *t) {
    char sets[80];
    struct due d = {.request = t->request,
                    .ct = t->ct,
                    .client = t->client,
                    .log = t->log,
                    .deadline = t->deadline,
                    .sets = sets};

    if (*j->o.text[ORDER_CLIENT] && strcmp(t->client, j->o.text[ORDER_CLIENT]) != 0) {
        return 0;
    }
    request_sets_text(t->sets, sets);
    for (size_t i = 0; i < REVERT_FILES; i++) {
        d.changed = d.changed || t->f[i].noticed;
    }
    return due_add(&j->a, &d);
}

int timer_list(struct job *j, struct err *e) {
    (void)e;
    return each(j, list_one);
}

/* A clock that is behind the arming is no reason to wait: it may be behind for years. */
static int tick_one(struct job *j, struct timer *t) {
    int64_t now = clock_unix();

    if (!t->due && now < (int64_t)t->deadline && now >= (int64_t)t->armed - CLOCK_BACK) {
        notice(j, t);
        return 0;
    }
    return list_one(j, t);
}

int timer_tick(struct job *j, struct err *e) {
    (void)e;
    return each(j, tick_one);
}

int timer_revert(struct job *j, struct err *e) {
    CLEANUP(timer_done) struct timer t = {0};
    unsigned int kept = 0;
    int r = timer_read(j, HEX_STR(&j->o.hash), &t, e);

    if (r < 0) {
        return r;
    }
    notice(j, &t);
    r = restore(j, &t, &kept);
    j->a.outcome.value = (int)kept;
    return r < 0 ? err_set(e, r, "not all could be put back") : 0;
}

int timer_finish(struct job *j, struct err *e) {
    return finish(j, &(struct timer){.request = j->o.hash}, (unsigned int)j->o.number, e);
}
