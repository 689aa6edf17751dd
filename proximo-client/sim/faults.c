/* SPDX-License-Identifier: Apache-2.0 */
/* Faults by order: which calls go wrong, how, and how often. They live in the state, so a fault
 * survives a restart, and each that is used up is gone for good.
 *
 *   latency=MS | status=CODE[:TEXT] | drop-before | drop-after | task-fail[=TEXT] | task-hang |
 *   task-warn
 *   then: [METHOD] PATHGLOB [xCOUNT]     '*' matches anything, '/' too; without xCOUNT: always */
#include <fnmatch.h>
#include <errno.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/sim/sim.h"

static const struct {
    const char *name;
    enum fault_kind kind;
} kinds[] = {
    {"latency", F_LATENCY},       {"status", F_STATUS},       {"drop-before", F_DROP_BEFORE},
    {"drop-after", F_DROP_AFTER}, {"task-fail", F_TASK_FAIL}, {"task-hang", F_TASK_HANG},
    {"task-warn", F_TASK_WARN},
};

static enum fault_kind kind_of(const char *name) {
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return kinds[i].kind;
        }
    }
    return F_NONE;
}

static bool is_method(const char *w) {
    return strcmp(w, "GET") == 0 || strcmp(w, "POST") == 0 || strcmp(w, "PUT") == 0 ||
           strcmp(w, "DELETE") == 0;
}

/* "status=500:out of cheese" - the text may hold blanks written as '+'. */
static int parse_head(js *f, char *head, struct err *e) {
    char *value = strchr(head, '=');
    char *text;
    uint32_t n = 0;
    enum fault_kind kind;

    if (value) {
        *value++ = '\0';
    }
    kind = kind_of(head);
    if (kind == F_NONE) {
        return err_set(e, -EINVAL, "unknown fault '%s'", head);
    }
    js_add(f, "kind", js_str(head));
    text = value && kind == F_STATUS ? strchr(value, ':') : kind == F_TASK_FAIL ? value : NULL;
    if (text && kind == F_STATUS) {
        *text++ = '\0';
    }
    for (char *c = text; c && *c; c++) {
        *c = *c == '+' ? ' ' : *c;
    }
    if (text) {
        js_add(f, "text", js_str(text));
    }
    if ((kind == F_LATENCY || kind == F_STATUS) && (!value || ident_u32(value, &n) < 0)) {
        return err_set(e, -EINVAL, "fault '%s' wants a number", head);
    }
    if (kind == F_STATUS && (n < 400 || n > 599)) {
        return err_set(e, -EINVAL, "a fault's status is 400 to 599");
    }
    if (kind == F_LATENCY && n > 600000) {
        return err_set(e, -EINVAL, "a fault's latency is at most 600000 ms");
    }
    js_add(f, "value", js_int(n));
    return 0;
}

int fault_add(struct sim *s, const char *spec, struct err *e) {
    CLEANUP(js_freep) js *f = js_object();
    js *old = state_get(&s->st, "faults", NULL), *list;
    char copy[512], *save = NULL, *word;
    uint32_t count;
    int r;

    if (strlen(spec) >= sizeof(copy)) {
        return err_set(e, -EINVAL, "a fault's text is too long");
    }
    (void)snprintf(copy, sizeof(copy), "%s", spec);
    word = strtok_r(copy, " ", &save);
    r = word ? parse_head(f, word, e) : err_set(e, -EINVAL, "an empty fault");
    if (r < 0) {
        return err_hint(e, "KIND[=VALUE] [METHOD] PATHGLOB [xCOUNT]; see pvesim(1)");
    }
    while ((word = strtok_r(NULL, " ", &save))) {
        if (is_method(word)) {
            js_add(f, "method", js_str(word));
        } else if (*word == '/' || *word == '*') {
            js_add(f, "path", js_str(word));
        } else if (*word == 'x' && ident_u32(word + 1, &count) == 0 && count) {
            js_add(f, "count", js_int(count));
        } else {
            return err_set(e, -EINVAL, "fault: '%s' is not a method, a path or xCOUNT", word);
        }
    }
    if (!js_get(f, "path")) {
        return err_set(e, -EINVAL, "a fault needs a path, '*' for any");
    }
    list = old ? js_copy(old) : js_array();
    js_push(list, js_ref(f));
    state_set(&s->st, list, "faults", NULL);
    return state_commit(&s->st, e);
}

struct fault fault_take(struct sim *s, enum method m, const char *path, bool for_task) {
    static const char *const verbs[] = {"GET", "POST", "PUT", "DELETE"};
    js *list = state_get(&s->st, "faults", NULL);
    struct fault ret = {F_NONE, 0, ""};

    for (size_t i = 0; i < js_len(list); i++) {
        js *f = js_at(list, i);
        enum fault_kind kind = kind_of(js_str_or(f, "kind", ""));
        bool task = kind == F_TASK_FAIL || kind == F_TASK_HANG || kind == F_TASK_WARN;
        int64_t count = js_int_or(f, "count", 0);
        js *rest;

        if (task != for_task || fnmatch(js_str_or(f, "path", ""), path, 0) != 0 ||
            (js_get(f, "method") && strcmp(js_str_or(f, "method", ""), verbs[m]) != 0)) {
            continue;
        }
        ret.kind = kind;
        ret.value = js_int_or(f, "value", 0);
        (void)snprintf(ret.text, sizeof(ret.text), "%s",
                       js_str_or(f, "text",
                                 kind == F_TASK_FAIL ? "injected failure"
                                 : ret.value == 596  ? "Broken pipe"
                                                     : "injected fault"));
        if (count) {
            rest = js_array();
            for (size_t k = 0; k < js_len(list); k++) {
                if (k != i || count > 1) {
                    js *one = js_copy(js_at(list, k));

                    if (k == i) {
                        js_add(one, "count", js_int(count - 1));
                    }
                    js_push(rest, one);
                }
            }
            state_set(&s->st, rest, "faults", NULL);
            if (!for_task) { /* a task's start commits with its own change */
                (void)state_commit(&s->st, NULL);
            }
        }
        return ret;
    }
    return ret;
}

static int admin_only(struct call *c) {
    return auth_is_admin(c) ? 0 : call_fail(c, 403, "Permission check failed (/, Sys.Modify)");
}

int route_sim_faults(struct call *c) {
    js *list = state_get(&c->s->st, "faults", NULL);

    if (admin_only(c) < 0) {
        return -1;
    }
    c->data = list ? js_copy(list) : js_array();
    return 0;
}

int route_sim_fault(struct call *c) {
    struct err e = {0};

    if (admin_only(c) < 0) {
        return -1;
    }
    return fault_add(c->s, call_str(c, "spec"), &e) < 0 ? call_fail(c, 400, "%s", e.msg) : 0;
}

int route_sim_fault_clear(struct call *c) {
    if (admin_only(c) < 0) {
        return -1;
    }
    state_set(&c->s->st, js_array(), "faults", NULL);
    return 0;
}
