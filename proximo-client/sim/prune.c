/* SPDX-License-Identifier: Apache-2.0 */
/* Backups and their retention: what a prune would take, and the prune itself. Periods are compared
 * by their names, in this process's time zone. This is written apart from the planner's own
 * simulation on purpose: each shows the other's mistakes. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/routes.h"

static const char *const rules[] = {"keep-last",   "keep-hourly",  "keep-daily",
                                    "keep-weekly", "keep-monthly", "keep-yearly"};

/* The name of the period that a rule (by its place in the list) puts a moment into. */
static void period_name(size_t rule, int64_t when, char ret[static 32]) {
    time_t t = (time_t)when;
    struct tm tm = {0};

    (void)localtime_r(&t, &tm);
    switch (rule) {
    case 0:
        (void)strftime(ret, 32, "%s", &tm);
        break;
    case 1:
        (void)strftime(ret, 32, "%Y-%m-%d %H", &tm);
        break;
    case 2:
        (void)strftime(ret, 32, "%Y-%m-%d", &tm);
        break;
    case 3:
        (void)strftime(ret, 32, "%G-%V", &tm);
        break;
    case 4:
        (void)strftime(ret, 32, "%Y-%m", &tm);
        break;
    default:
        (void)strftime(ret, 32, "%Y", &tm);
        break;
    }
}

/* Whether an archive of that period is kept: by this rule (is_fresh) or by an earlier one. */
static bool is_kept(const struct kept *v, size_t n, size_t rule, const char *period, bool is_fresh,
                    const bool *fresh) {
    for (size_t i = 0; i < n; i++) {
        char name[32];

        if (v[i].mark && strcmp(v[i].mark, "keep") == 0 && fresh[i] == is_fresh) {
            period_name(rule, v[i].ctime, name);
            if (strcmp(name, period) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* v: one group, newest first. fresh: kept by this very rule. */
static void apply_rule(struct kept *v, size_t n, size_t rule, uint64_t count, bool *fresh) {
    uint64_t taken = 0;

    memset(fresh, 0, n * sizeof(*fresh));
    for (size_t i = 0; count > 0 && i < n; i++) {
        char period[32];

        period_name(rule, v[i].ctime, period);
        if (v[i].mark || is_kept(v, n, rule, period, false, fresh)) {
            continue;
        }
        if (is_kept(v, n, rule, period, true, fresh)) {
            v[i].mark = "remove";
        } else if (taken == count) {
            return;
        } else {
            taken++;
            fresh[i] = true;
            v[i].mark = "keep";
        }
    }
}

void prune_mark(struct kept *v, size_t n, const char *keep) {
    CLEANUP(freep) bool *fresh = calloc(n, sizeof(*fresh));
    uint64_t sum = 0;

    for (size_t r = 0; fresh && r < ARRAY_LEN(rules); r++) {
        char text[32];
        uint64_t count = 0;

        if (option_get(keep, rules[r], text, sizeof(text)) == 0) {
            (void)ident_u64(text, &count);
        }
        sum += count;
        apply_rule(v, n, r, count, fresh);
    }
    for (size_t i = 0; i < n; i++) {
        v[i].mark = v[i].mark ? v[i].mark : sum == 0 ? "keep" : "remove";
    }
}

/* Newest first within a group; what has no group comes last. */
static int by_group(const void *x, const void *y) {
    const struct kept *a = x;
    const struct kept *b = y;
    int r =
        (a->mark && strcmp(a->mark, "renamed") == 0) - (b->mark && strcmp(b->mark, "renamed") == 0);

    r = r != 0 ? r : strcmp(a->type, b->type);
    r = r != 0 ? r : (a->vmid > b->vmid) - (a->vmid < b->vmid);
    return r != 0 ? r : (a->ctime < b->ctime) - (a->ctime > b->ctime);
}

/* "2026_01_31-23_59_59" and no 30th of February: of such a name PVE cannot tell the time. */
static bool is_a_time(const char *s) {
    struct tm tm = {0}, same;

    if (!strptime(s, "%Y_%m_%d-%H_%M_%S", &tm) || tm.tm_sec > 59) {
        return false;
    }
    same = tm;
    return timegm(&same) != -1 && same.tm_mon == tm.tm_mon && same.tm_mday == tm.tm_mday;
}

/* "vzdump-qemu-100-2026_01_31-23_59_59.vma.zst": d stands for a digit. */
static bool is_standard(const char *volid) {
    const char *name = strrchr(volid, '/');
    const char *at, *time;
    const char *shape = "-dddd_dd_dd-dd_dd_dd.";

    if (!name || strncmp(name, "/vzdump-", 8) != 0 || !(at = strchr(name + 8, '-'))) {
        return false;
    }
    at += 1 + strspn(at + 1, "0123456789");
    time = at + 1;
    for (; *shape; shape++, at++) {
        if (*shape == 'd' ? *at < '0' || *at > '9' : *at != *shape) {
            return false;
        }
    }
    return is_a_time(time);
}

struct which {
    const char *storage, *node, *type; /* type NULL: both kinds */
    int64_t vmid;                      /* 0: every guest */
    struct call *c;                    /* whose eyes; NULL: all is seen */
};

static struct which which_of(struct call *c) {
    return (struct which){call_str(c, "storage"), call_str(c, "node"), call_str(c, "type"),
                          call_int(c, "vmid", 0), c};
}

/* The backups on a storage as the node shows them; freed by the caller. */
static struct kept *collect(struct sim *s, const struct which *w, size_t *ret_n) {
    js *all = state_get(&s->st, "volumes", NULL);
    struct kept *v = calloc((size_t)js_members(all) + 1, sizeof(*v));
    size_t n = 0;

    JS_FOREACH(all, volid, vol) {
        const char *sub = js_str_or(vol, "subtype", "unknown");

        if (!v || !volume_here(vol, volid, w->storage, w->node) ||
            strcmp(js_str_or(vol, "content", ""), "backup") != 0 ||
            (w->c && !volume_visible(w->c, vol)) || (w->type && strcmp(w->type, sub) != 0) ||
            (w->vmid && w->vmid != js_int_or(vol, "vmid", 0))) {
            continue;
        }
        v[n++] = (struct kept){volid, js_int_or(vol, "vmid", 0), js_int_or(vol, "ctime", 0), sub,
                               js_bool_or(vol, "protected", false) ? "protected"
                               : is_standard(volid)                ? NULL
                                                                   : "renamed"};
    }
    *ret_n = n;
    return v;
}

static void mark_all(struct kept *v, size_t n, const char *keep) {
    if (n > 1) {
        qsort(v, n, sizeof(*v), by_group);
    }
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1;
             end < n && strcmp(v[end].type, v[i].type) == 0 && v[end].vmid == v[i].vmid; end++) {
        }
        prune_mark(v + i, end - i, keep);
    }
}

static int check_prune(struct call *c, const char **ret_rule) {
    const char *id = call_str(c, "storage");

    if (storage_ready(c) < 0) {
        return -1;
    }
    if (!list_has(js_str_or(storage_find(c->s, id), "content", "images,rootdir"), "backup")) {
        return call_fail(c, 500, "storage '%s' does not support backups", id);
    }
    *ret_rule = call_str(c, "prune-backups");
    *ret_rule = *ret_rule ? *ret_rule : js_get_str(storage_find(c->s, id), "prune-backups");
    return *ret_rule
               ? 0
               : call_fail(c, 500, "no prune-backups options configured for storage '%s'", id);
}

int route_prunebackups(struct call *c) {
    const struct which w = which_of(c);
    CLEANUP(freep) struct kept *v = NULL;
    const char *rule;
    size_t n;

    if (check_prune(c, &rule) < 0) {
        return -1;
    }
    c->data = js_array();
    v = collect(c->s, &w, &n);
    mark_all(v, n, rule);
    for (size_t i = 0; i < n; i++) {
        js *o = js_object();

        js_add(o, "volid", js_str(v[i].volid));
        js_add(o, "ctime", js_int(v[i].ctime));
        js_add(o, "type", js_str(v[i].type));
        js_add(o, "vmid", js_int(v[i].vmid));
        js_add(o, "mark", js_str(v[i].mark));
        js_push(c->data, o);
    }
    return 0;
}

static const char *finish_prune(struct sim_task *t) {
    const js *gone = js_get(t->args, "gone");

    for (size_t i = 0; i < js_len(gone); i++) {
        const char *volid = json_object_get_string(js_at(gone, i));

        if (state_get(&t->s->st, "volumes", volid, NULL)) {
            task_log(t, "removing backup '%s'", volid);
            state_del(&t->s->st, "volumes", volid, NULL);
        }
    }
    return NULL;
}

static js *removed(struct kept *v, size_t n, const char *rule) {
    js *gone = js_array();

    mark_all(v, n, rule);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(v[i].mark, "remove") == 0) {
            js_push(gone, js_str(v[i].volid));
        }
    }
    return gone;
}

js *prune_gone(struct sim *s, const char *storage, const char *node, const char *rule,
               uint32_t vmid, const char *type) {
    const struct which w = {storage, node, type, vmid, NULL};
    CLEANUP(freep) struct kept *v = NULL;
    size_t n;

    v = collect(s, &w, &n);
    return removed(v, n, rule);
}

int route_prune(struct call *c) {
    const struct which w = which_of(c);
    CLEANUP(freep) struct kept *v = NULL;
    const char *rule;
    struct sim_task *t;
    size_t n;
    char path[160];
    char id[160];

    if (check_prune(c, &rule) < 0) {
        return -1;
    }
    (void)snprintf(path, sizeof(path), "/storage/%s", call_str(c, "storage"));
    if (!call_may(c, path,
                  call_str(c, "vmid") ? "Datastore.AllocateSpace" : "Datastore.Allocate")) {
        return -1;
    }
    t = task_new(c, finish_prune);
    if (!t) {
        return call_fail(c, 500, "out of memory");
    }
    t->args = js_object();
    v = collect(c->s, &w, &n);
    js_add(t->args, "gone", removed(v, n, rule));
    (void)snprintf(id, sizeof(id), "%s%s%s", call_str(c, "vmid") ? call_str(c, "vmid") : "",
                   call_str(c, "vmid") ? "@" : "", call_str(c, "storage"));
    return task_start(c, t, call_str(c, "node"), "prunebackups", id);
}
