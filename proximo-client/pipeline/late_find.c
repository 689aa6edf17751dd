/* SPDX-License-Identifier: Apache-2.0 */
/* What a step has left for a later one: looked up where two sources must agree (the log of the
 * step's own task, and the storage's list), held against the type that was approved, and in the
 * ledger before it is sent. */
#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/pipeline/change.h"
#include "proximo-client/pipeline/late.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"

/* The archive's name stands in the first lines of the log; progress follows. */
#define LOG_LINES 1000

static int none(const js *late, const char *why, struct err *e) {
    char what[80];

    late_say(late, what, sizeof(what));
    (void)err_tag(e, -EBADMSG, "late_value", "%s: %.200s", what, why);
    return err_hint(e, "the steps after it were not begun; look at the step's task");
}

/* The task of the step's request; NULL: it made none. */
static const js *task_of(const struct change *c, int64_t step, size_t *ret_ordinal) {
    const js *q;

    for (size_t i = 0; (q = plan_request(&c->p, "execute", i, ret_ordinal)); i++) {
        const js *t = js_int_or(q, "step", 0) == step ? change_task(c, *ret_ordinal) : NULL;

        if (t) {
            return t;
        }
    }
    return NULL;
}

static int get(struct change *c, const char *template, const js *names, const js *query, js **ret,
               struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    int r = pve_path(template, names, &path, e);

    r = r < 0 ? r : pve_query(query, &path, e);
    return r < 0 ? r : pve_get(c->s->pve, buf_str(&path), ret, e);
}

bool late_name_in_log(const js *log, char *ret, size_t size) {
    size_t found = 0;

    for (size_t i = 0; i < js_len(log); i++) {
        const char *line = js_str_or(js_at(log, i), "t", "");
        const char *at = strstr(line, "creating ");
        const char *quote = at ? strstr(at, " archive '") : NULL;
        size_t n;

        if (!quote) {
            continue;
        }
        quote += strlen(" archive '");
        n = strcspn(quote, "'");
        if (n > 0 && n < size && quote[n] == '\'') {
            (void)snprintf(ret, size, "%.*s", (int)n, quote);
            found++;
        }
    }
    return found == 1;
}

const char *late_in_list(const js *list, const char *name) {
    const char *tail = name[0] == '/' ? strrchr(name, '/') + 1 : name;
    const char *found = NULL;

    for (size_t i = 0; i < js_len(list); i++) {
        const char *volid = js_str_or(js_at(list, i), "volid", "");
        size_t len = strlen(volid), n = strlen(tail);

        if (n && (strcmp(volid, tail) == 0 || (len > n && strcmp(volid + len - n, tail) == 0 &&
                                               strchr(":/", volid[len - n - 1])))) {
            if (found) {
                return NULL;
            }
            found = volid;
        }
    }
    return found;
}

static int find_archive(struct change *c, const js *late, const js *task, char *ret, size_t size,
                        struct err *e) {
    CLEANUP(js_freep) js *names = js_object();
    CLEANUP(js_freep) js *lines = js_object();
    CLEANUP(js_freep) js *query = js_object();
    CLEANUP(js_freep) js *log = NULL;
    CLEANUP(js_freep) js *list = NULL;
    const char *upid = js_str_or(task, "upid", ""), *volid;
    char node[64], name[400];
    int r;

    (void)snprintf(node, sizeof(node), "%.*s", (int)strcspn(upid + 5, ":"), upid + 5);
    js_add(names, "node", js_str(node));
    js_add(names, "upid", js_str(upid));
    js_add(names, "storage", js_str(js_str_or(late, "storage", "")));
    js_add(lines, "start", js_int(0));
    js_add(lines, "limit", js_int(LOG_LINES));
    js_add(query, "content", js_str("backup"));
    js_add(query, "vmid", js_int(js_int_or(late, "vmid", 0)));
    r = get(c, "/nodes/{node}/tasks/{upid}/log", names, lines, &log, e);
    r = r < 0 ? r : get(c, "/nodes/{node}/storage/{storage}/content", names, query, &list, e);
    if (r < 0) {
        return r;
    }
    if (!late_name_in_log(log, name, sizeof(name))) {
        return none(late, "its task does not name one archive", e);
    }
    volid = late_in_list(list, name);
    if (!volid) {
        return none(late, "what its task names is not on the storage", e);
    }
    if (!late_fits(late, volid)) {
        return none(late, "what is there is no backup of that guest on that storage", e);
    }
    (void)snprintf(ret, size, "%.*s", (int)size - 1, volid);
    return 0;
}

/* What was found before for the same. */
static const char *found_before(const struct change *c, int64_t step, const char *type) {
    for (size_t i = 0; i < js_len(c->late); i++) {
        const js *one = js_at(c->late, i);

        if (js_int_or(one, "step", 0) == step && strcmp(js_str_or(one, "type", ""), type) == 0) {
            return js_get_str(one, "value");
        }
    }
    return NULL;
}

int change_late(struct change *c, const js *late, const char **ret, struct err *e) {
    const int64_t step = js_int_or(late, "step", 0);
    const char *type = late_type(late);
    size_t ordinal = 0;
    char value[600];
    const js *task;
    js *found;
    int r;

    *ret = found_before(c, step, type);
    if (*ret) {
        return 0;
    }
    if (strcmp(type, "archive") != 0) {
        return none(late, "this version knows no such value", e);
    }
    task = task_of(c, step, &ordinal);
    if (!task) {
        return none(late, "the step has no task", e);
    }
    r = find_archive(c, late, task, value, sizeof(value), e);
    if (r < 0) {
        return r;
    }
    found = js_object();
    js_add(found, "step", js_int(step));
    js_add(found, "type", js_str(type));
    js_add(found, "value", js_str(value));
    r = change_progress(c, ordinal, js_str_or(task, "upid", ""), "late", found, e);
    if (r < 0) {
        json_object_put(found);
        return r;
    }
    c->late = c->late ? c->late : js_array();
    js_push(c->late, found);
    *ret = js_get_str(found, "value");
    return 0;
}
