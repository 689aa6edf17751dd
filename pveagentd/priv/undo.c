/* SPDX-License-Identifier: Apache-2.0 */
/* Undo points (root, request child; swept by the resident's child). Invariants: a point's file is
 * on disk before its snapshot is made, so nothing of ours is ever unknown; what is rolled back to
 * or removed was made by this node for this client and still carries its creation mark; a full list
 * refuses, it never evicts. */
#include "pveagentd/priv/undo.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/form.h"
#include "common/ident.h"
#include "common/lines.h"
#include "common/own.h"
#include "common/request.h"
#include "pveagentd/priv/ct.h"
#include "pveagentd/priv/priv.h"
#include "pveagentd/priv/snap.h"

#define POINT_HEAD "proximo-point/v1"
#define POINTS_MAX 8 /* a container */
#define TTL_MIN    86400
#define PCT        "/usr/sbin/pct"

static const struct line_key keys[] = {
    {"ct", false, true},      {"name", false, true},    {"client", false, true},
    {"log", false, true},     {"request", false, true}, {"driver", false, true},
    {"created", false, true}, {"ttl", false, true},     {"set", false, true},
    {"mark", true, false},
};

struct point {
    struct lines l;
    uint32_t ct;
    const char *name, *client, *log, *driver;
    int64_t created;
    uint32_t ttl;
    size_t n_marks;
};

static void point_done(struct point *x) {
    lines_done(&x->l);
}

static void point_path(uint32_t ct, const char *name, char ret[static 80]) {
    (void)snprintf(ret, 80, "points/%u.%s", ct, name);
}

static int point_read(const struct priv *p, const char *path, struct point *ret, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(16384);
    CLEANUP(point_done) struct point x = {0};
    int r = file_read(p->state_fd, path, &b, e);

    r = r < 0 ? r : lines_parse(buf_str(&b), b.len, POINT_HEAD, keys, ARRAY_LEN(keys), &x.l, e);
    if (r < 0) {
        return r;
    }
    x.name = lines_get(&x.l, keys, "name");
    x.client = lines_get(&x.l, keys, "client");
    x.log = lines_get(&x.l, keys, "log");
    x.driver = lines_get(&x.l, keys, "driver");
    x.n_marks = lines_count(&x.l, keys, "mark");
    if (ident_vmid(lines_get(&x.l, keys, "ct"), &x.ct) < 0 || !ident_is_snapname(x.name) ||
        form_time(lines_get(&x.l, keys, "created"), &x.created) < 0 ||
        ident_u32(lines_get(&x.l, keys, "ttl"), &x.ttl) < 0) {
        return err_set(e, -EBADMSG, "%s is damaged", path);
    }
    *ret = x;
    x = (struct point){0};
    return 0;
}

static int point_write(const struct priv *p, const struct client *c, uint32_t ct, const char *name,
                       const char *driver, uint32_t ttl, const char *set, const struct hash *h,
                       const struct volumes *v, bool made, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(16384);
    char hash[HASH_HEX_LEN + 1];
    char path[80];
    int r = buf_adds(&b, POINT_HEAD "\n");

    hash_text(h, hash);
    r = r < 0 ? r : lines_putf(&b, "ct", "%u", ct);
    r = r < 0 ? r : lines_put(&b, "name", name);
    r = r < 0 ? r : lines_put(&b, "client", c->name);
    r = r < 0 ? r : lines_put(&b, "log", c->log.name);
    r = r < 0 ? r : lines_put(&b, "request", hash);
    r = r < 0 ? r : lines_put(&b, "driver", driver);
    r = r < 0 ? r : lines_putf(&b, "created", "%lld", (long long)clock_unix());
    r = r < 0 ? r : lines_putf(&b, "ttl", "%u", ttl < TTL_MIN ? TTL_MIN : ttl);
    r = r < 0 ? r : lines_put(&b, "set", set[0] ? set : "-");
    for (size_t i = 0; made && r == 0 && i < v->n; i++) {
        char mark[65];

        r = v->v[i].driver->mark(&v->v[i], name, mark, e);
        r = r < 0 ? r : lines_putf(&b, "mark", "%s %s", v->v[i].key, mark);
    }
    point_path(ct, name, path);
    return r < 0 ? r : file_replace(p->state_fd, path, b.data, b.len, 0600, e);
}

static size_t points_of(const struct priv *p, uint32_t ct) {
    int fd = openat(p->state_fd, "points", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    char prefix[16];
    struct dirent *de;
    size_t n = 0;

    (void)snprintf(prefix, sizeof(prefix), "%u.", ct);
    while (d && (de = readdir(d)) != NULL) {
        n += strncmp(de->d_name, prefix, strlen(prefix)) == 0;
    }
    if (d) {
        (void)closedir(d);
    }
    return n;
}

/* The point q names, if it is this client's. */
static int own_point(const struct priv *p, const struct client *c, uint32_t ct, const char *name,
                     struct point *ret, struct err *e) {
    CLEANUP(point_done) struct point x = {0};
    char path[80];

    point_path(ct, name, path);
    if (point_read(p, path, &x, NULL) < 0) {
        return err_tag(e, -ENOENT, "undo_missing", "this node has no undo point %s of container %u",
                       name, ct);
    }
    if (strcmp(x.client, c->name) != 0 || strcmp(x.log, c->log.name) != 0) {
        return err_tag(e, -EPERM, "undo_foreign", "undo point %s was made for another client",
                       name);
    }
    *ret = x;
    x = (struct point){0};
    return 0;
}

/* Each volume's snapshot is the one that was made, not another of its name. */
static int check_marks(const struct volumes *v, const struct point *x, struct err *e) {
    if (x->n_marks != v->n) {
        return err_tag(e, -ESTALE, "undo_foreign", "the volumes are not those of the undo point");
    }
    for (size_t i = 0; i < v->n; i++) {
        char want[128];
        char mark[65];
        int r = v->v[i].driver->mark(&v->v[i], x->name, mark, e);

        if (r < 0) {
            return r;
        }
        (void)snprintf(want, sizeof(want), "%s %s", v->v[i].key, mark);
        if (strcmp(want, lines_nth(&x->l, keys, "mark", i)) != 0) {
            return err_tag(e, -ESTALE, "undo_foreign",
                           "the snapshot of %s is not the one made here", v->v[i].key);
        }
    }
    return 0;
}

static int check_new(const struct priv *p, const struct node_request *q, const struct ct *ct,
                     struct err *e) {
    struct volumes v;
    char path[80];
    int r = volumes_find(p, ct, &v, e);

    if (r < 0) {
        return r;
    }
    point_path(q->ct, q->undo_name, path);
    if (faccessat(p->state_fd, path, F_OK, 0) == 0) {
        return err_tag(e, -EEXIST, "undo_exists", "there is an undo point %s already",
                       q->undo_name);
    }
    if (points_of(p, q->ct) >= POINTS_MAX) {
        (void)err_tag(e, -EDQUOT, "undo_full", "container %u has %d undo points", q->ct,
                      POINTS_MAX);
        return err_hint(e, "remove one, or wait until one expires");
    }
    return 0;
}

int undo_check(const struct priv *p, const struct client *c, const struct node_request *q,
               const struct ct *ct, bool running, struct err *e) {
    CLEANUP(point_done) struct point x = {0};
    struct volumes v;
    int r;

    if (q->op == OP_SNAPSHOT || (q->op == OP_EXEC && q->undo)) {
        return check_new(p, q, ct, e);
    }
    if ((q->op == OP_ROLLBACK || q->op == OP_START) && running) {
        return err_tag(e, -EBUSY, "ct_running", "container %u runs", q->ct);
    }
    if (q->op == OP_STOP && !running) {
        return err_tag(e, -EPERM, "ct_stopped", "container %u does not run", q->ct);
    }
    if (q->op != OP_ROLLBACK && q->op != OP_REMOVE) {
        return 0;
    }
    r = own_point(p, c, q->ct, q->undo_name, &x, e);
    r = r < 0 ? r : volumes_find(p, ct, &v, e);
    return r < 0 ? r : check_marks(&v, &x, e);
}

int undo_possible(const struct priv *p, const struct ct *ct, char ret_driver[static 17],
                  struct err *e) {
    struct volumes v;
    int r = volumes_find(p, ct, &v, e);

    if (r == 0) {
        (void)snprintf(ret_driver, 17, "%s", v.v[0].driver->name);
    }
    return r;
}

int undo_take(const struct priv *p, const struct client *c, const struct node_request *q,
              const struct ct *ct, const struct hash *h, char ret_driver[static 17],
              struct err *e) {
    struct volumes v;
    char path[80];
    int r = volumes_find(p, ct, &v, e);

    if (r < 0) {
        return r;
    }
    point_path(q->ct, q->undo_name, path);
    r = point_write(p, c, q->ct, q->undo_name, v.v[0].driver->name, q->undo_ttl_s, q->undo_set, h,
                    &v, false, e);
    r = r < 0 ? r : volumes_create(&v, q->undo_name, e);
    if (r < 0) {
        (void)unlinkat(p->state_fd, path, 0);
        return r;
    }
    r = point_write(p, c, q->ct, q->undo_name, v.v[0].driver->name, q->undo_ttl_s, q->undo_set, h,
                    &v, true, e);
    if (r < 0) {
        (void)volumes_remove(&v, q->undo_name, NULL);
        (void)unlinkat(p->state_fd, path, 0);
        return r;
    }
    (void)snprintf(ret_driver, 17, "%s", v.v[0].driver->name);
    return 0;
}

static int roll_back(const struct priv *p, const struct client *c, const struct node_request *q,
                     const struct volumes *v, const struct hash *h, struct err *e) {
    char safety[41];
    int r;

    (void)snprintf(safety, sizeof(safety), "before-%02x%02x%02x%02x%02x%02x", h->b[0], h->b[1],
                   h->b[2], h->b[3], h->b[4], h->b[5]);
    r = volumes_rollback(v, q->undo_name, safety, e);
    if (r == 0 && v->v[0].driver == &snap_btrfs) {
        /* the present that was: an undo point like any other, swept when its time is up */
        (void)point_write(p, c, q->ct, safety, v->v[0].driver->name, TTL_MIN, "", h, v, true, NULL);
    }
    return r;
}

static int remove_point(const struct priv *p, uint32_t ct, const char *name,
                        const struct volumes *v, struct err *e) {
    char path[80];
    int r = volumes_remove(v, name, e);

    point_path(ct, name, path);
    if (r == 0 && unlinkat(p->state_fd, path, 0) < 0) {
        r = err_set(e, -errno, "remove %s: %s", path, strerror(errno));
    }
    return r;
}

/* Proxmox starts and stops its containers itself where it is installed. */
static int power(const struct priv *p, const struct node_request *q, struct err *e) {
    bool stop = q->op == OP_STOP;
    bool pct = access(PCT, X_OK) == 0;
    char id[16];
    const char *with_pct[] = {PCT, stop ? "stop" : "start", id, NULL};
    const char *lxc_stop[] = {
        "/usr/bin/lxc-stop", "-P", ct_lxc_path(p), "-n", id, "-t", "20", NULL};
    const char *lxc_start[] = {"/usr/bin/lxc-start", "-P", ct_lxc_path(p), "-n", id, "-d", NULL};

    (void)snprintf(id, sizeof(id), "%u", q->ct);
    if (run_tool(pct ? with_pct : stop ? lxc_stop : lxc_start, NULL, (int)q->timeout_s, e) < 0) {
        (void)snprintf(e->tag, sizeof(e->tag), "power_failed");
        return -EREMOTEIO;
    }
    return 0;
}

int undo_run(const struct priv *p, const struct client *c, const struct node_request *q,
             const struct ct *ct, const struct hash *h, char ret_driver[static 17], struct err *e) {
    CLEANUP(point_done) struct point x = {0};
    struct volumes v;
    int r;

    if (q->op == OP_SNAPSHOT) {
        return undo_take(p, c, q, ct, h, ret_driver, e);
    }
    if (q->op == OP_STOP || q->op == OP_START) {
        return power(p, q, e);
    }
    r = own_point(p, c, q->ct, q->undo_name, &x, e);
    r = r < 0 ? r : volumes_find(p, ct, &v, e);
    r = r < 0 ? r : check_marks(&v, &x, e);
    if (r < 0) {
        return r;
    }
    (void)snprintf(ret_driver, 17, "%s", v.v[0].driver->name);
    return q->op == OP_ROLLBACK ? roll_back(p, c, q, &v, h, e)
                                : remove_point(p, q->ct, q->undo_name, &v, e);
}

static void sweep_one(const struct priv *p, const char *file) {
    CLEANUP(point_done) struct point x = {0};
    struct ct ct = {0};
    struct volumes v;
    char path[300];
    char id[16];
    struct err e = {0};
    int r;

    (void)snprintf(path, sizeof(path), "points/%s", file);
    if (point_read(p, path, &x, NULL) < 0 || clock_unix() < x.created + x.ttl) {
        return;
    }
    r = ct_find(p, x.ct, &ct, &e);
    r = r < 0 ? r : volumes_find(p, &ct, &v, &e);
    r = r < 0 ? r : check_marks(&v, &x, &e);
    r = r < 0 ? r : remove_point(p, x.ct, x.name, &v, &e);
    ct_done(&ct);
    (void)snprintf(id, sizeof(id), "%u", x.ct);
    log_event(r < 0 ? LOG_L_WARN : LOG_L_NOTE,
              r < 0 ? "an expired undo point stays" : "an expired undo point was removed", "VMID",
              id, "POINT", x.name, "REASON", e.msg, NULL);
}

void undo_sweep(const struct priv *p) {
    int fd = openat(p->state_fd, "points", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *de;

    while (d && (de = readdir(d)) != NULL) {
        if (de->d_name[0] != '.') {
            sweep_one(p, de->d_name);
        }
    }
    if (d) {
        (void)closedir(d);
    }
}
