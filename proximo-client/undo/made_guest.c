/* SPDX-License-Identifier: Apache-2.0 */
/* A guest that an operation made is destroyed again: only while its configuration, its snapshots
 * and whether it runs are as the operation left them, and neither another operation nor, as far as
 * the cluster's task log is to be seen, anybody else has done anything to it. A guest that somebody
 * began to use is theirs: the conflict is shown and nothing is planned. What is written inside a
 * running guest nobody can see from here, so an operator always looks at it first. */
#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/tools/assess.h"
#include "proximo-client/undo/kinds.h"

#define TASKS_MAX 50

struct made {
    struct draft *d;
    const struct undone *u;
    const js *what;
    struct guest_ref g;
    char name[24]; /* "guest 310" */
    char base[120];
    bool tried; /* an undo of this operation has begun before */
};

/* ---- whose it is ---- */

static int open_made(struct made *m, struct err *e) {
    CLEANUP(js_freep) js *args = js_object();
    struct err why = {0};
    int r;

    js_add(args, "vmid", js_copy(js_get(m->what, "vmid")));
    (void)snprintf(m->name, sizeof(m->name), "guest %lld",
                   (long long)js_int_or(m->what, "vmid", 0));
    (void)snprintf(m->base, sizeof(m->base), "/nodes/%.63s/%.5s/%lld",
                   js_str_or(m->what, "node", ""), js_str_or(m->what, "type", ""),
                   (long long)js_int_or(m->what, "vmid", 0));
    r = plan_guest(m->d, args, &m->g, NULL, &why);
    if (r < 0 && strcmp(why.tag, "no_such_guest") == 0) {
        return err_tag(e, -EALREADY, "no_change", "%s is already gone, or not to be seen", m->name);
    }
    if (r < 0) {
        if (e) {
            *e = why;
        }
        return r;
    }
    if (strcmp(m->g.kind, js_str_or(m->what, "type", "")) != 0 ||
        strcmp(m->g.node, js_str_or(m->what, "node", "")) != 0) {
        char differing[240];

        (void)snprintf(differing, sizeof(differing), "it was a %.5s at %.63s, is a %.5s at %.63s",
                       js_str_or(m->what, "type", ""), js_str_or(m->what, "node", ""), m->g.kind,
                       m->g.node);
        return undo_conflict(e, m->name, differing);
    }
    return 0;
}

static const js *left(const struct made *m, const char *tail) {
    char path[160];

    (void)snprintf(path, sizeof(path), "%s%s", m->base, tail);
    return undone_left(m->u, path);
}

/* ---- is it as it was left? ---- */

/* Snapshots and locks are looked at by themselves. */
static bool is_own_work(const char *key) {
    return draft_config_ignores(key) || config_is_secret(key);
}

static js *without_own(const js *config) {
    js *o = js_object();

    JS_FOREACH(config, key, val) {
        if (val && !is_own_work(key)) {
            js_add(o, key, js_copy(val));
        }
    }
    return o;
}

static int same_config(const struct made *m, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    CLEANUP(js_freep) js *then = without_own(left(m, "/config"));
    CLEANUP(js_freep) js *now = NULL;
    js *config = NULL;
    int r = plan_guest_read(m->d, &m->g, "/config", "config", &config, e);

    if (r < 0) {
        return r;
    }
    now = without_own(config);
    undo_differences(then, now, &b);
    return b.len ? undo_conflict(e, m->name, buf_str(&b)) : 0;
}

static js *snapshot_names(const js *list) {
    js *o = js_object();

    for (size_t i = 0; i < js_len(list); i++) {
        const char *name = js_str_or(js_at(list, i), "name", "");
        char key[80];

        if (strcmp(name, "current") != 0) {
            (void)snprintf(key, sizeof(key), "snapshot %.60s", name);
            js_add(o, key, js_str("there"));
        }
    }
    return o;
}

static int same_snapshots(const struct made *m, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    CLEANUP(js_freep) js *then = snapshot_names(left(m, "/snapshot"));
    CLEANUP(js_freep) js *now = NULL;
    js *list = NULL;
    int r = plan_guest_read(m->d, &m->g, "/snapshot", "snapshots", &list, e);

    if (r < 0) {
        return r;
    }
    now = snapshot_names(list);
    undo_differences(then, now, &b);
    return b.len ? undo_conflict(e, m->name, buf_str(&b)) : 0;
}

/* Whether the operation was asked to start it: then its way back stops it. PVE starts it by a task
 * that it does not wait for, so that it may not have run yet when the operation had ended. */
static bool was_to_run(const struct made *m) {
    return strcmp(js_str_or(undone_request(m->u, "undo", 0), "method", ""), "POST") == 0;
}

/* Our own undo may have stopped it before. */
static int same_state(const struct made *m, struct err *e) {
    const char *was = js_str_or(left(m, "/status/current"), "status", "");
    const char *is = m->g.running ? "running" : "stopped";
    char differing[80];

    if (strcmp(was, is) == 0 || (m->g.running && was_to_run(m)) ||
        (!m->g.running && (m->tried || draft_steps(m->d) > 1))) {
        return 0;
    }
    (void)snprintf(differing, sizeof(differing), "it was %.20s, is %s", was, is);
    return undo_conflict(e, m->name, differing);
}

/* ---- what was done to it since ---- */

static void find_tried(struct made *m) {
    const js *list = js_get(js_get(m->u->outcome, "since"), "operations");
    const char *op = js_str_or(m->u->outcome, "op_id", "-");

    for (size_t i = 0; i < js_len(list); i++) {
        m->tried |= strcmp(js_str_or(js_at(list, i), "undo_of", ""), op) == 0;
    }
}

static int no_operations(const struct made *m, struct err *e) {
    const js *since = js_get(m->u->outcome, "since");
    const js *list = js_get(since, "operations");
    const char *op = js_str_or(m->u->outcome, "op_id", "-");

    for (size_t i = 0; i < js_len(list); i++) {
        const js *o = js_at(list, i);
        char differing[300];

        if (undo_is_on(o, m->g.vmid) && strcmp(js_str_or(o, "undo_of", ""), op) != 0) {
            (void)snprintf(differing, sizeof(differing), "operation %.40s was done to it: %.200s",
                           js_str_or(o, "op_id", ""), js_str_or(o, "change", ""));
            return undo_conflict(e, m->name, differing);
        }
    }
    if (js_bool_or(since, "more", false)) {
        draft_unread(m->d, "operations since", "more were done than could be looked at", NULL);
    }
    return 0;
}

/* "UPID:node:pid:pstart:starttime:…", each of eight digits: when it began, in the node's ticks and
 * in seconds, as texts that sort. NULL: it is another node's. */
static const char *ticks_of(const char *upid, const char *node, const char **ret_seconds) {
    size_t n = strlen(node);

    if (!ident_is_upid(upid) || strncmp(upid + 5, node, n) != 0 || upid[5 + n] != ':') {
        return NULL;
    }
    *ret_seconds = upid + 5 + n + 1 + 18;
    return upid + 5 + n + 1 + 9;
}

/* Lists know whole seconds only, and the number may have been another guest's a moment before: what
 * began in the second of our own first task, but before it by the node's ticks, was not done to
 * this guest. */
static bool is_before(const struct made *m, const char *upid) {
    const js *list = js_get(m->u->outcome, "tasks");
    const char *s = NULL, *first_s = NULL, *one_s = NULL, *first = NULL;
    const char *ticks = ticks_of(upid, m->g.node, &s);

    for (size_t i = 0; i < js_len(list); i++) {
        const char *one = ticks_of(js_str_or(js_at(list, i), "upid", ""), m->g.node, &one_s);

        if (one && (!first || strncmp(one, first, 8) < 0)) {
            first = one;
            first_s = one_s;
        }
    }
    return ticks && first && strncmp(s, first_s, 8) == 0 && strncmp(ticks, first, 8) < 0;
}

/* "…:type:id:user:" */
static const char *who_of(const char *upid, size_t *ret_len) {
    size_t len = strlen(upid), n = 0;

    while (len > n + 1 && upid[len - n - 2] != ':') {
        n++;
    }
    *ret_len = n;
    return upid + len - n - 1;
}

/* The task by which PVE starts what the operation made, at its word: one, of the same token. */
static bool is_own_start(const struct made *m, const js *task, bool *seen) {
    const char *type = js_str_or(task, "type", "");
    const char *ours = js_str_or(js_at(js_get(m->u->outcome, "tasks"), 0), "upid", "");
    size_t a = 0, b = 0;
    const char *mine = who_of(ours, &a), *its = who_of(js_str_or(task, "upid", ""), &b);

    if (!was_to_run(m) || *seen || !a || a != b || memcmp(mine, its, a) != 0 ||
        (strcmp(type, "qmstart") != 0 && strcmp(type, "vzstart") != 0)) {
        return false;
    }
    *seen = true;
    return true;
}

static int no_tasks(const struct made *m, struct err *e) {
    int64_t then = js_int_or(js_get(m->u->outcome, "since"), "time", 0);
    char path[240], differing[300];
    bool started = false;
    js *list = NULL;
    int r;

    (void)snprintf(path, sizeof(path), "/nodes/%.64s/tasks?vmid=%u&since=%lld&source=all&limit=%d",
                   m->g.node, m->g.vmid, (long long)then, TASKS_MAX);
    r = draft_read_first(m->d, path, "whole", &list, e);
    if (r < 0) {
        return r;
    }
    for (size_t i = js_len(list); i-- > 0;) { /* the oldest is last */
        const js *t = js_at(list, i);

        if (is_own_start(m, t, &started)) {
            continue;
        }
        if (!undo_knows_task(js_get(m->u->outcome, "since"), js_str_or(t, "upid", "")) &&
            !is_before(m, js_str_or(t, "upid", ""))) {
            (void)snprintf(differing, sizeof(differing),
                           "since, %.64s%s%.32s began a task %.40s on it (%.120s)",
                           js_str_or(t, "user", "?"), js_get_str(t, "tokenid") ? "!" : "",
                           js_str_or(t, "tokenid", ""), js_str_or(t, "type", "?"),
                           js_str_or(t, "upid", ""));
            return undo_conflict(e, m->name, differing);
        }
    }
    if (js_len(list) >= TASKS_MAX) {
        draft_unread(m->d, "tasks on the guest", "there are more than were read", NULL);
    }
    if (!undo_sees_tasks(m->d, m->g.node)) {
        draft_unread(m->d, "what others did to the guest since",
                     "this token sees its own tasks only", "Sys.Audit on the guest's node");
    }
    return 0;
}

/* ---- the requests ---- */

static void tell_end(const struct made *m) {
    int64_t age = clock_unix() - js_int_or(js_get(m->u->outcome, "since"), "time", 0);
    bool ran =
        m->g.running || strcmp(js_str_or(left(m, "/status/current"), "status", ""), "running") == 0;
    char label[24], why[200];

    guest_label(&m->g, label, sizeof(label));
    if (ran) {
        (void)snprintf(
            why, sizeof(why),
            "the operation started it %lld s ago: what was written inside since is lost, "
            "and nobody can see from here what that is",
            (long long)age);
        draft_affect(m->d, &(struct affect){.resource = label,
                                            .name = m->g.name,
                                            .node = m->g.node,
                                            .effect = "loses-data",
                                            .severity = RISK_HIGH,
                                            .running = m->g.running,
                                            .why = why});
    }
    draft_risk(m->d, RISK_HIGH, "%s, which the operation made, is destroyed", m->name);
    draft_need_anew(m->d, "a guest is destroyed: a person looks at it first");
    draft_undo(m->d, "none", "what is destroyed is gone; the operation can be planned again", "");
}

/* A stop is sent to one that runs, and was shown. */
static int requests(const struct made *m, struct err *e) {
    struct assess a = {.row = row_find("pve_delete_guest"), .args = m->what, .guest = &m->g};
    const js *q;

    for (size_t i = 0; (q = undone_request(m->u, "undo", i)); i++) {
        a.method = js_str_or(q, "method", "");
        a.path = js_str_or(q, "path", "");
        a.form = js_get(q, "form");
        if (strcmp(a.method, "DELETE") == 0 || m->g.running) {
            undone_copy_request(m->d, q);
        }
    }
    return assess_destroy(m->d, &a, e);
}

int undo_made_guest(struct draft *d, const struct undone *u, struct err *e) {
    struct made m = {.d = d, .u = u, .what = js_get(js_get(u->plan, "undo"), "removes")};
    int r;

    find_tried(&m);
    r = open_made(&m, e);
    if (r == 0 &&
        (!left(&m, "/config") || !left(&m, "/snapshot") || !left(&m, "/status/current"))) {
        r = undo_unknown(e, m.name);
    }
    r = r < 0 ? r : same_config(&m, e);
    r = r < 0 ? r : same_snapshots(&m, e);
    r = r < 0 ? r : same_state(&m, e);
    r = r < 0 ? r : no_operations(&m, e);
    r = r < 0 ? r : no_tasks(&m, e);
    if (r < 0) {
        return r;
    }
    tell_end(&m);
    return requests(&m, e);
}
