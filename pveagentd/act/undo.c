/* SPDX-License-Identifier: Apache-2.0 */
/* Undo points (the program that acts). Invariants: a point's file is on disk before its snapshot is
 * made, so nothing of ours is ever unknown; what is rolled back to or removed was made by this node
 * for this client and still carries its creation mark; a full list refuses, it never evicts. */
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
#include "common/systemd.h"
#include "pveagentd/act/act.h"
#include "pveagentd/act/snap.h"

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
    (void)snprintf(ret, 80, "%u.%s", ct, name);
    return ret;
}

static int point_read(const struct job *j, const char *path, struct point *ret, struct err *e) {
    int r = fields_load(&form, j->o.fd[0], path, &ret->l, ret, e);

    return r == 0 && !ident_is_snapname(ret->name)
               ? err_set(e, -EBADMSG, "points/%s is damaged", path)
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

static int point_write(const struct job *j, const char *name, uint32_t ttl, const char *set,
                       const struct volumes *v, bool made, struct err *e) {
    struct point x = {.ct = j->q.ct,
                      .ttl = ttl < TTL_MIN ? TTL_MIN : ttl,
                      .name = name,
                      .client = j->o.text[ORDER_CLIENT],
                      .log = j->o.text[ORDER_LOG],
                      .driver = v->v[0].driver->name,
                      .set = set[0] ? set : "-",
                      .request = j->o.hash,
                      .intent = j->o.intent,
                      .created = clock_unix()};
    char marks[VOLUMES_MAX][MARK_TEXT];
    char path[80];
    int r = 0;

    for (size_t i = 0; made && r == 0 && i < v->n; i++) {
        r = mark_of(&v->v[i], name, marks[i], e);
        x.mark[i] = marks[i];
    }
    return r < 0 ? r : fields_save(&form, j->o.fd[0], point_path(j->q.ct, name, path), &x, e);
}

static size_t points_of(const struct job *j, uint32_t ct) {
    CLEANUP(dir_closep) DIR *d = dir_open(j->o.fd[0], ".");
    char prefix[80];
    const char *name;
    size_t n = 0;

    (void)point_path(ct, "", prefix);
    while ((name = dir_next(d)) != NULL) {
        /* half a file of whoever was killed while writing it has a dot in its name */
        n += strncmp(name, prefix, strlen(prefix)) == 0 && ident_is_snapname(name + strlen(prefix));
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

static int volumes_of(struct job *j, uint32_t ct, struct volumes *ret, struct err *e) {
    int r = err_retag(ct_load(j, ct, e), "undo_impossible", e);

    return r < 0 ? r : volumes_find(j, ct, ret, e);
}

/* The volumes behind the point that the request names, if it is this client's and still ours. */
static int own_volumes(struct job *j, struct volumes *ret, struct err *e) {
    CLEANUP(point_done) struct point x = {0};
    const char *name = j->q.undo_name;
    char path[80];
    int r;

    if (point_read(j, point_path(j->q.ct, name, path), &x, NULL) < 0) {
        return err_tag(e, -ENOENT, "undo_missing", "this node has no undo point %s of container %u",
                       name, j->q.ct);
    }
    if (strcmp(x.client, j->o.text[ORDER_CLIENT]) != 0 ||
        strcmp(x.log, j->o.text[ORDER_LOG]) != 0) {
        return err_tag(e, -EPERM, "undo_foreign", "undo point %s was made for another client",
                       name);
    }
    r = volumes_of(j, j->q.ct, ret, e);
    return r < 0 ? r : check_marks(ret, &x, e);
}

static int check_new(struct job *j, struct err *e) {
    struct volumes v;
    char path[80];
    int r = volumes_of(j, j->q.ct, &v, e);

    if (r < 0) {
        return r;
    }
    if (faccessat(j->o.fd[0], point_path(j->q.ct, j->q.undo_name, path), F_OK, 0) == 0) {
        return err_tag(e, -EEXIST, "undo_exists", "there is an undo point %s already",
                       j->q.undo_name);
    }
    if (points_of(j, j->q.ct) >= POINTS_MAX) {
        return err_tag(e, -EDQUOT, "undo_full", "container %u has %d undo points", j->q.ct,
                       POINTS_MAX);
    }
    return 0;
}

int point_check(struct job *j, struct err *e) {
    struct volumes v;

    return j->q.op == OP_ROLLBACK || j->q.op == OP_REMOVE ? own_volumes(j, &v, e) : check_new(j, e);
}

int point_take(struct job *j, struct err *e) {
    const struct node_request *q = &j->q;
    struct volumes v;
    char path[80];
    int r = volumes_of(j, j->q.ct, &v, e);

    if (r < 0) {
        return r;
    }
    r = point_write(j, q->undo_name, q->undo_ttl_s, q->undo_set, &v, false, e);
    r = r < 0 ? r : volumes_create(&v, q->undo_name, e);
    if (r == 0) {
        r = point_write(j, q->undo_name, q->undo_ttl_s, q->undo_set, &v, true, e);
        if (r < 0) {
            (void)volumes_remove(&v, q->undo_name, NULL);
        }
    }
    if (r < 0) {
        (void)unlinkat(j->o.fd[0], point_path(q->ct, q->undo_name, path), 0);
        return r;
    }
    (void)snprintf(j->a.driver, sizeof(j->a.driver), "%s", v.v[0].driver->name);
    return 0;
}

static int roll_back(const struct job *j, const struct volumes *v, struct err *e) {
    char safety[41];
    int r;

    (void)snprintf(safety, sizeof(safety), "before-%.12s", HEX_STR(&j->o.hash));
    r = volumes_rollback(v, j->q.undo_name, safety, e);
    if (r == 0 && v->v[0].driver == &snap_btrfs) {
        /* the present that was: an undo point like any other, swept when its time is up */
        (void)point_write(j, safety, TTL_MIN, "", v, true, NULL);
    }
    return r;
}

static int remove_point(const struct job *j, uint32_t ct, const char *name, const struct volumes *v,
                        struct err *e) {
    char path[80];
    int r = volumes_remove(v, name, e);

    if (r == 0 && unlinkat(j->o.fd[0], point_path(ct, name, path), 0) < 0) {
        r = err_set(e, -errno, "remove points/%s: %s", path, strerror(errno));
    }
    return r;
}

/* Proxmox starts and stops its containers itself where it is installed. */
static int power(const struct job *j, struct err *e) {
    const struct node_request *q = &j->q;
    const char *lxc_path = j->o.text[ORDER_LXC_PATH];
    bool stop = q->op == OP_STOP;
    const char *id = NUM_STR(q->ct);
    const char *with_pct[] = {PCT, stop ? "stop" : "start", id, NULL};
    const char *lxc_stop[] = {"/usr/bin/lxc-stop", "-P", lxc_path, "-n", id, "-t", "20", NULL};
    const char *lxc_start[] = {"/usr/bin/lxc-start", "-P", lxc_path, "-n", id, "-d", NULL};
    bool pct = access(PCT, X_OK) == 0;

    return run_tool(pct    ? with_pct
                    : stop ? lxc_stop
                           : lxc_start,
                    NULL, (int)q->timeout_s, "power_failed", e);
}

int point_run(struct job *j, struct err *e) {
    struct volumes v;
    int r;

    if (j->q.op == OP_SNAPSHOT) {
        return point_take(j, e);
    }
    if (j->q.op == OP_STOP || j->q.op == OP_START) {
        return power(j, e);
    }
    r = own_volumes(j, &v, e);
    if (r < 0) {
        return r;
    }
    (void)snprintf(j->a.driver, sizeof(j->a.driver), "%s", v.v[0].driver->name);
    return j->q.op == OP_ROLLBACK ? roll_back(j, &v, e)
                                  : remove_point(j, j->q.ct, j->q.undo_name, &v, e);
}

/* The volumes behind a point whose time is up, -EAGAIN while it is not. */
static int expired(struct job *j, const struct point *x, struct volumes *v, struct err *e) {
    int r = clock_unix() < x->created + x->ttl ? -EAGAIN : volumes_of(j, x->ct, v, e);

    r = r < 0 ? r : check_marks(v, x, e);
    if (r < 0 && r != -EAGAIN) {
        log_event(LOG_L_WARN, "an expired undo point stays", "VMID", NUM_STR(x->ct), "POINT",
                  x->name, "REASON", e->msg, NULL);
    }
    return r;
}

int point_expired(struct job *j, struct err *e) {
    CLEANUP(dir_closep) DIR *d = dir_open(j->o.fd[0], ".");
    const char *name;

    while ((name = dir_next(d)) != NULL) {
        CLEANUP(point_done) struct point x = {0};
        struct volumes v;

        if (point_read(j, name, &x, NULL) == 0 && expired(j, &x, &v, e) == 0 &&
            due_add(&j->a, &(struct due){.request = x.request,
                                         .intent = x.intent,
                                         .ct = x.ct,
                                         .client = x.client,
                                         .log = x.log,
                                         .name = x.name,
                                         .driver = x.driver}) < 0) {
            break; /* the rest is asked for again */
        }
    }
    return 0;
}

int point_sweep(struct job *j, struct err *e) {
    CLEANUP(point_done) struct point x = {0};
    struct volumes v;
    char path[80];
    int r = ident_is_snapname(j->o.text[ORDER_NAME])
                ? point_read(j, point_path(j->o.ct, j->o.text[ORDER_NAME], path), &x, e)
                : -EINVAL;

    r = r < 0 ? r : expired(j, &x, &v, e);
    return r < 0 ? r : remove_point(j, x.ct, x.name, &v, e);
}
