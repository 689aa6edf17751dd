/* SPDX-License-Identifier: Apache-2.0 */
/* Undo points (root, request child; swept by the resident's child). Invariants: a point's file is
 * on disk before its snapshot is made, so nothing of ours is ever unknown; what is rolled back to
 * or removed was made by this node for this client and still carries its creation mark; a full list
 * refuses, it never evicts. */
#include "pveagentd/priv/undo.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/dir.h"
#include "common/fd.h"
#include "common/fields.h"
#include "common/ident.h"
#include "common/own.h"
#include "common/put.h"
#include "common/run.h"
#include "pveagentd/priv/gate.h"
#include "pveagentd/priv/snap.h"

#define POINTS_MAX 8 /* a container */
#define TTL_MIN    86400
#define MARK_TEXT  96
#define PCT        "/usr/sbin/pct"

struct point {
    struct lines l; /* owns what the pointers point to */
    uint32_t ct, ttl;
    const char *name, *client, *log, *driver, *set;
    struct hash request, intent; /* that made it */
    int64_t created;
    const char *mark[VOLUMES_MAX + 1]; /* "<volume> <identity of its snapshot>" */
};

static const struct field fields[] = {
    FIELD(struct point, ct, F_U32, true),       FIELD(struct point, name, F_TEXT, true),
    FIELD(struct point, client, F_TEXT, true),  FIELD(struct point, log, F_TEXT, true),
    FIELD(struct point, request, F_HASH, true), FIELD(struct point, intent, F_HASH, true),
    FIELD(struct point, driver, F_TEXT, true),  FIELD(struct point, created, F_TIME, true),
    FIELD(struct point, ttl, F_U32, true),      FIELD(struct point, set, F_TEXT, true),
    FIELD(struct point, mark, F_LIST, false)};
static const struct form form = {"proximo-point/v1", fields, ARRAY_LEN(fields)};

static void point_done(struct point *x) {
    lines_done(&x->l);
}

static const char *point_path(uint32_t ct, const char *name, char ret[static 80]) {
    (void)snprintf(ret, 80, "points/%u.%s", ct, name);
    return ret;
}

static int point_read(const struct priv *p, const char *path, struct point *ret, struct err *e) {
    int r = fields_load(&form, p->state_fd, path, &ret->l, ret, e);

    return r == 0 && !ident_is_snapname(ret->name) ? err_set(e, -EBADMSG, "%s is damaged", path)
                                                   : r;
}

/* A volume and the identity of its snapshot. */
static int mark_of(const struct volume *v, const char *name, char ret[static MARK_TEXT],
                   struct err *e) {
    char mark[65] = "";
    int r = v->driver->mark(v, name, mark, e);

    (void)snprintf(ret, MARK_TEXT, "%s %s", v->key, mark);
    return r;
}

static int point_write(const struct act *a, const char *name, uint32_t ttl, const char *set,
                       const struct volumes *v, bool made, struct err *e) {
    struct point x = {.ct = a->q.ct,
                      .ttl = ttl < TTL_MIN ? TTL_MIN : ttl,
                      .name = name,
                      .client = a->client.name,
                      .log = a->client.log.name,
                      .driver = v->v[0].driver->name,
                      .set = set[0] ? set : "-",
                      .request = a->h,
                      .intent = a->leaf,
                      .created = clock_unix()};
    char marks[VOLUMES_MAX][MARK_TEXT];
    char path[80];
    int r = 0;

    for (size_t i = 0; made && r == 0 && i < v->n; i++) {
        r = mark_of(&v->v[i], name, marks[i], e);
        x.mark[i] = marks[i];
    }
    return r < 0 ? r : fields_save(&form, a->p->state_fd, point_path(a->q.ct, name, path), &x, e);
}

static size_t points_of(const struct priv *p, uint32_t ct) {
    CLEANUP(dir_closep) DIR *d = dir_open(p->state_fd, "points");
    char prefix[80];
    const char *name;
    size_t n = 0;

    (void)point_path(ct, "", prefix);
    while ((name = dir_next(d)) != NULL) {
        n += strncmp(name, strchr(prefix, '/') + 1, strlen(strchr(prefix, '/') + 1)) == 0;
    }
    return n;
}

/* Each volume's snapshot is the one that was made, not another of its name. */
static int check_marks(const struct volumes *v, const struct point *x, struct err *e) {
    size_t n = 0;

    while (x->mark[n]) {
        n++;
    }
    if (n != v->n) {
        return err_tag(e, -ESTALE, "undo_foreign", "the volumes are not those of the undo point");
    }
    for (size_t i = 0; i < n; i++) {
        char mark[MARK_TEXT];
        int r = mark_of(&v->v[i], x->name, mark, e);

        if (r < 0) {
            return r;
        }
        if (strcmp(mark, x->mark[i]) != 0) {
            return err_tag(e, -ESTALE, "undo_foreign",
                           "the snapshot of %s is not the one made here", v->v[i].key);
        }
    }
    return 0;
}

/* The volumes behind the point that the request names, if it is this client's and still ours. */
static int own_volumes(const struct act *a, struct volumes *ret, struct err *e) {
    CLEANUP(point_done) struct point x = {0};
    const char *name = a->q.undo_name;
    char path[80];
    int r;

    if (point_read(a->p, point_path(a->q.ct, name, path), &x, NULL) < 0) {
        return err_tag(e, -ENOENT, "undo_missing", "this node has no undo point %s of container %u",
                       name, a->q.ct);
    }
    if (strcmp(x.client, a->client.name) != 0 || strcmp(x.log, a->client.log.name) != 0) {
        return err_tag(e, -EPERM, "undo_foreign", "undo point %s was made for another client",
                       name);
    }
    r = volumes_find(a->p, &a->ct, ret, e);
    return r < 0 ? r : check_marks(ret, &x, e);
}

static int check_new(const struct act *a, struct err *e) {
    struct volumes v;
    char path[80];
    int r = volumes_find(a->p, &a->ct, &v, e);

    if (r < 0) {
        return r;
    }
    if (faccessat(a->p->state_fd, point_path(a->q.ct, a->q.undo_name, path), F_OK, 0) == 0) {
        return err_tag(e, -EEXIST, "undo_exists", "there is an undo point %s already",
                       a->q.undo_name);
    }
    if (points_of(a->p, a->q.ct) >= POINTS_MAX) {
        return err_tag(e, -EDQUOT, "undo_full", "container %u has %d undo points", a->q.ct,
                       POINTS_MAX);
    }
    return 0;
}

int undo_check(const struct act *a, bool running, struct err *e) {
    const struct node_request *q = &a->q;
    struct volumes v;

    if ((q->op == OP_ROLLBACK || q->op == OP_START) && running) {
        return err_tag(e, -EBUSY, "ct_running", "container %u runs", q->ct);
    }
    if ((q->op == OP_STOP || q->op == OP_EXEC) && !running) {
        return err_tag(e, -EPERM, "ct_stopped", "container %u does not run", q->ct);
    }
    if (q->op == OP_SNAPSHOT || (q->op == OP_EXEC && q->undo)) {
        return check_new(a, e);
    }
    return q->op == OP_ROLLBACK || q->op == OP_REMOVE ? own_volumes(a, &v, e) : 0;
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

int undo_take(struct act *a, struct err *e) {
    const struct node_request *q = &a->q;
    struct volumes v;
    char path[80];
    int r = volumes_find(a->p, &a->ct, &v, e);

    if (r < 0) {
        return r;
    }
    r = point_write(a, q->undo_name, q->undo_ttl_s, q->undo_set, &v, false, e);
    r = r < 0 ? r : volumes_create(&v, q->undo_name, e);
    if (r == 0) {
        r = point_write(a, q->undo_name, q->undo_ttl_s, q->undo_set, &v, true, e);
        if (r < 0) {
            (void)volumes_remove(&v, q->undo_name, NULL);
        }
    }
    if (r < 0) {
        (void)unlinkat(a->p->state_fd, point_path(q->ct, q->undo_name, path), 0);
        return r;
    }
    (void)snprintf(a->undo_driver, sizeof(a->undo_driver), "%s", v.v[0].driver->name);
    return 0;
}

static int roll_back(const struct act *a, const struct volumes *v, struct err *e) {
    char safety[41];
    int r;

    (void)snprintf(safety, sizeof(safety), "before-%.12s", HEX_STR(&a->h));
    r = volumes_rollback(v, a->q.undo_name, safety, e);
    if (r == 0 && v->v[0].driver == &snap_btrfs) {
        /* the present that was: an undo point like any other, swept when its time is up */
        (void)point_write(a, safety, TTL_MIN, "", v, true, NULL);
    }
    return r;
}

static int remove_point(const struct priv *p, uint32_t ct, const char *name,
                        const struct volumes *v, struct err *e) {
    char path[80];
    int r = volumes_remove(v, name, e);

    if (r == 0 && unlinkat(p->state_fd, point_path(ct, name, path), 0) < 0) {
        r = err_set(e, -errno, "remove %s: %s", path, strerror(errno));
    }
    return r;
}

/* Proxmox starts and stops its containers itself where it is installed. */
static int power(const struct priv *p, const struct node_request *q, struct err *e) {
    bool stop = q->op == OP_STOP;
    const char *id = NUM_STR(q->ct);
    const char *with_pct[] = {PCT, stop ? "stop" : "start", id, NULL};
    const char *lxc_stop[] = {
        "/usr/bin/lxc-stop", "-P", ct_lxc_path(p), "-n", id, "-t", "20", NULL};
    const char *lxc_start[] = {"/usr/bin/lxc-start", "-P", ct_lxc_path(p), "-n", id, "-d", NULL};
    bool pct = access(PCT, X_OK) == 0;

    return run_tool(pct    ? with_pct
                    : stop ? lxc_stop
                           : lxc_start,
                    NULL, (int)q->timeout_s, "power_failed", e);
}

int undo_run(struct act *a, struct err *e) {
    struct volumes v;
    int r;

    if (a->q.op == OP_SNAPSHOT) {
        return undo_take(a, e);
    }
    if (a->q.op == OP_STOP || a->q.op == OP_START) {
        return power(a->p, &a->q, e);
    }
    r = own_volumes(a, &v, e);
    if (r < 0) {
        return r;
    }
    (void)snprintf(a->undo_driver, sizeof(a->undo_driver), "%s", v.v[0].driver->name);
    return a->q.op == OP_ROLLBACK ? roll_back(a, &v, e)
                                  : remove_point(a->p, a->q.ct, a->q.undo_name, &v, e);
}

/* A removal by the node is an action of its own, without a plan: recorded before, with a receipt
 * after, in the log of the client that the point was made for. */
static int sweep_recorded(struct priv *p, const struct point *x, const struct volumes *v,
                          struct err *e) {
    CLEANUP(closep) int lock = -1;
    struct act_rec rec = {.request = x->request, .intent = x->intent, .ct = x->ct};
    struct origin *o = origin_get(p, x->log);
    int r = o ? origin_lock(p, o, &lock, e) : err_set(e, -ENOMEM, "out of memory");

    if (r < 0) {
        return r;
    }
    (void)snprintf(rec.client, sizeof(rec.client), "%s", x->client);
    rec.head = o->size;
    rec.started = clock_unix();
    r = journal_start(p, o, NULL, &rec, rec.started, e);
    if (r < 0) {
        return r;
    }
    r = remove_point(p, x->ct, x->name, v, e);
    (void)receipt_close(p, o, &rec, HOW_SWEPT, r < 0, x->driver, x->name);
    return r;
}

static void sweep_one(struct priv *p, const char *file) {
    CLEANUP(point_done) struct point x = {0};
    CLEANUP(ct_done) struct ct ct = {0};
    struct volumes v;
    char path[300];
    struct err e = {0};
    int r;

    (void)snprintf(path, sizeof(path), "points/%s", file);
    if (point_read(p, path, &x, NULL) < 0 || clock_unix() < x.created + x.ttl) {
        return;
    }
    r = ct_find(p, x.ct, &ct, &e);
    r = r < 0 ? r : volumes_find(p, &ct, &v, &e);
    r = r < 0 ? r : check_marks(&v, &x, &e);
    r = r < 0 ? r : sweep_recorded(p, &x, &v, &e);
    log_event(r < 0 ? LOG_L_WARN : LOG_L_NOTE,
              r < 0 ? "an expired undo point stays" : "an expired undo point was removed", "VMID",
              NUM_STR(x.ct), "POINT", x.name, "REASON", e.msg, NULL);
}

void undo_sweep(struct priv *p) {
    CLEANUP(dir_closep) DIR *d = dir_open(p->state_fd, "points");
    const char *name;

    while ((name = dir_next(d)) != NULL) {
        sweep_one(p, name);
    }
}
