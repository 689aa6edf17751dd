/* SPDX-License-Identifier: Apache-2.0 */
/* What a rollback takes along: whatever was done to the guest since the snapshot. Our own
 * operations come from the ledger, those of others from the cluster's task log as far as the token
 * may read it. A node takes the undo's requests under the operation's own approval whatever
 * happened since (formats.md): that a person is asked anew is this client's rule, and this is where
 * it is made. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"
#include "proximo-client/tools/plans.h"
#include "proximo-client/undo/kinds.h"

#define FRESH_S    3600 /* formats.md 10: older needs an operator */
#define TASKS_MAX  50
#define LISTED_MAX 20 /* the rest is counted */

struct since {
    struct draft *d;
    const struct guest_ref *g;
    const js *done; /* what the ledger says was done since */
    int64_t now, then;
    char label[24];
    size_t n, left_out;
};

static void age_text(int64_t s, char ret[static 32]) {
    if (s >= 7200) {
        (void)snprintf(ret, 32, "%lld h", (long long)(s / 3600));
    } else if (s >= 120) {
        (void)snprintf(ret, 32, "%lld min", (long long)(s / 60));
    } else {
        (void)snprintf(ret, 32, "%lld s", (long long)(s < 0 ? 0 : s));
    }
}

static void lost(struct since *c, const char *via, int64_t time, const char *what) {
    char ago[32], why[320];

    if (c->n++ >= LISTED_MAX) {
        c->left_out++;
        return;
    }
    age_text(c->now - time, ago);
    (void)snprintf(why, sizeof(why),
                   "done %s ago, after the snapshot, and taken back with it: %.220s", ago, what);
    draft_affect(c->d, &(struct affect){.resource = c->label,
                                        .name = c->g->name,
                                        .node = c->g->node,
                                        .effect = "loses-data",
                                        .severity = RISK_MEDIUM,
                                        .running = c->g->running,
                                        .via = via,
                                        .why = why});
}

bool undo_knows_task(const js *since, const char *upid) {
    const js *known = js_get(since, "tasks");

    for (size_t i = 0; i < js_len(known); i++) {
        const char *k = json_object_get_string(js_at(known, i));

        if (k && strcmp(k, upid) == 0) {
            return true;
        }
    }
    return false;
}

/* Without Sys.Audit on the node PVE lists a token's own tasks only, and does not say so. */
bool undo_sees_tasks(struct draft *d, const char *node) {
    char path[160];
    js *perms = NULL;

    (void)snprintf(path, sizeof(path), "/access/permissions?path=%%2Fnodes%%2F%.64s", node);
    if (draft_get(d, path, &perms, NULL) < 0 || !js_is_object(perms)) {
        return false;
    }
    JS_FOREACH(perms, at, privs) {
        (void)at;
        if (js_get(privs, "Sys.Audit")) {
            return true;
        }
    }
    return false;
}

/* A backup changes nothing in the guest. */
static bool is_harmless(const char *type) {
    return strcmp(type, "vzdump") == 0;
}

static int others(struct since *c, struct err *e) {
    char path[240];
    js *list = NULL;
    int r;

    (void)snprintf(path, sizeof(path), "/nodes/%.64s/tasks?vmid=%u&since=%lld&source=all&limit=%d",
                   c->g->node, c->g->vmid, (long long)c->then, TASKS_MAX);
    r = draft_get(c->d, path, &list, e);
    if (r < 0) {
        draft_source(c->d,
                     "what others did to %s since could not be read from node %s's task log: "
                     "%.200s",
                     c->label, c->g->node, e ? e->msg : "");
        return r == -ECANCELED ? r : 0;
    }
    for (size_t i = 0; i < js_len(list); i++) {
        const js *t = js_at(list, i);
        const char *upid = js_str_or(t, "upid", "");
        char what[160];

        if (undo_knows_task(c->done, upid) || is_harmless(js_str_or(t, "type", ""))) {
            continue;
        }
        (void)snprintf(what, sizeof(what), "task %.40s by %.64s%s%.32s", js_str_or(t, "type", "?"),
                       js_str_or(t, "user", "?"), js_get_str(t, "tokenid") ? "!" : "",
                       js_str_or(t, "tokenid", ""));
        lost(c, upid, js_int_or(t, "starttime", c->then), what);
    }
    if (js_len(list) >= TASKS_MAX) {
        c->left_out++;
        c->n++;
    }
    if (undo_sees_tasks(c->d, c->g->node)) {
        draft_source(c->d, "task log of node %s for %s since the snapshot", c->g->node, c->label);
    } else {
        draft_source(c->d,
                     "task log of node %s for %s since the snapshot: this token's own tasks only "
                     "(Sys.Audit on /nodes/%s would show those of others)",
                     c->g->node, c->label, c->g->node);
    }
    return 0;
}

bool undo_is_on(const js *operation, uint32_t vmid) {
    const js *guests = js_get(operation, "guests");

    for (size_t i = 0; i < js_len(guests); i++) {
        if (json_object_get_int64(js_at(guests, i)) == vmid) {
            return true;
        }
    }
    return false;
}

static void ours(struct since *c, const js *list) {
    for (size_t i = 0; i < js_len(list); i++) {
        const js *o = js_at(list, i);

        if (!undo_is_on(o, c->g->vmid)) {
            continue;
        }
        lost(c, js_str_or(o, "op_id", ""), js_int_or(o, "time", c->then),
             js_str_or(o, "change", "an operation of this ledger"));
    }
}

static void decide(struct since *c, bool is_cut) {
    char ago[32], why[200];
    int64_t age = c->now - c->then;

    if (is_cut || c->left_out) {
        draft_risk(c->d, RISK_HIGH, "more was done to %s since the snapshot than is listed",
                   c->label);
    }
    if (!c->n && !is_cut && age <= FRESH_S) {
        return;
    }
    age_text(age, ago);
    if (c->n) {
        (void)snprintf(why, sizeof(why),
                       "since the snapshot, %s old, %zu other operations were done to %s", ago,
                       c->n, c->label);
    } else {
        (void)snprintf(why, sizeof(why), "the snapshot of %s is %s old", c->label, ago);
    }
    draft_need_anew(c->d, why);
}

int undo_since(struct draft *d, const struct undone *u, const struct guest_ref *g, struct err *e) {
    const js *done = js_get(u->outcome, "since");
    struct since c = {
        .d = d, .g = g, .done = done, .now = clock_unix(), .then = js_int_or(done, "time", 0)};
    char ago[32], why[160];
    int r;

    guest_label(g, c.label, sizeof(c.label));
    age_text(c.now - c.then, ago);
    (void)snprintf(why, sizeof(why), "everything written since the snapshot, %s ago, is lost", ago);
    draft_affect(d, &(struct affect){.resource = c.label,
                                     .name = g->name,
                                     .node = g->node,
                                     .effect = "reverted",
                                     .severity = RISK_MEDIUM,
                                     .running = g->running,
                                     .why = why});
    ours(&c, js_get(done, "operations"));
    r = others(&c, e);
    decide(&c, js_bool_or(done, "more", false));
    return r;
}
