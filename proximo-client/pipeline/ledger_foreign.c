/* SPDX-License-Identifier: Apache-2.0 */
/* A token that is used outside the client leaves no entry, but most of what it does leaves a task
 * with its name in the cluster's own log. */
#include "proximo-client/pipeline/ledger_foreign.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/entry.h"
#include "common/err.h"
#include "common/own.h"
#include "proximo-client/app.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"

#define PAGE      500
#define PAGES_MAX 200 /* of one node: 100,000 tasks of one token */

struct looking {
    struct session *s;
    const char *token;
    int64_t since; /* the ledger's genesis */
    js *known;     /* set of UPIDs */
    js *foreign, *nodes;
    bool complete;
};

/* "<ordinal> <UPID>" */
static void know(struct looking *w, const char *value) {
    const char *blank = value ? strchr(value, ' ') : NULL;

    if (blank) {
        js_add(w->known, blank + 1, js_bool(true));
    }
}

static int each(void *ctx, uint64_t index, const struct entry *en, const char *bytes, size_t len) {
    struct looking *w = ctx;

    (void)bytes;
    (void)len;
    if (index == 0) {
        w->since = en->time;
    }
    if (en->kind == ENTRY_PROGRESS) {
        know(w, entry_get(en, "task"));
    }
    for (size_t i = 0; en->kind == ENTRY_OUTCOME && i < entry_count(en, "task"); i++) {
        know(w, entry_nth(en, "task", i));
    }
    return 0;
}

/* UPID:node:pid:pstart:starttime:type:id:user: - whoever it names is who did it. */
static bool is_by(const char *upid, const char *user) {
    const char *p = upid;

    for (unsigned int i = 0; p && i < 7; i++) {
        p = strchr(p, ':');
        p = p ? p + 1 : NULL;
    }
    return p && strncmp(p, user, strlen(user)) == 0 && p[strlen(user)] == ':';
}

static int64_t take_page(struct looking *w, const char *node, const js *list) {
    int64_t ours = 0;

    for (size_t i = 0; i < js_len(list); i++) {
        const js *t = js_at(list, i);
        const char *upid = js_str_or(t, "upid", "");
        js *o;

        if (!is_by(upid, w->token)) {
            continue; /* of the user, or of another token */
        }
        ours++;
        if (js_get(w->known, upid)) {
            continue;
        }
        o = js_object();
        js_add(o, "upid", js_str(upid));
        js_add(o, "node", js_str(node));
        js_add(o, "type", js_str(js_str_or(t, "type", "")));
        js_add(o, "id", js_str(js_str_or(t, "id", "")));
        js_add(o, "time", js_int(js_int_or(t, "starttime", 0)));
        js_push(w->foreign, o);
    }
    return ours;
}

static int page_path(const struct looking *w, const char *node, unsigned int page, struct buf *ret,
                     struct err *e) {
    CLEANUP(js_freep) js *args = js_object();
    CLEANUP(js_freep) js *query = js_object();
    size_t user = strcspn(w->token, "!"); /* the API's filter does not know tokens */
    int r;

    js_add(args, "node", js_str(node));
    js_add(query, "userfilter", js_str_n(w->token, user));
    js_add(query, "since", js_int(w->since));
    js_add(query, "source", js_str("all"));
    js_add(query, "limit", js_int(PAGE));
    js_add(query, "start", js_int((int64_t)page * PAGE));
    r = pve_path("/nodes/{node}/tasks", args, ret, e);
    return r < 0 ? r : pve_query(query, ret, e);
}

/* 0, or negative with *e when this list could not be read to its end. */
static int look_at(struct looking *w, const char *node, int64_t *ret_tasks, struct err *e) {
    for (unsigned int page = 0; page < PAGES_MAX; page++) {
        CLEANUP(buf_done) struct buf path = BUF_INIT(1024);
        CLEANUP(js_freep) js *list = NULL;
        int r = page_path(w, node, page, &path, e);

        r = r < 0 ? r : pve_get(w->s->pve, buf_str(&path), &list, e);
        if (r < 0) {
            return r;
        }
        *ret_tasks += take_page(w, node, list);
        if (js_len(list) < PAGE) {
            return 0;
        }
    }
    return err_set(e, -E2BIG, "more than %d tasks: only the newest were read", PAGE * PAGES_MAX);
}

static int look_at_all(struct looking *w, struct err *e) {
    CLEANUP(js_freep) js *list = NULL;
    int r = pve_get(w->s->pve, "/nodes", &list, e);

    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < js_len(list); i++) {
        const char *node = js_str_or(js_at(list, i), "node", "");
        struct err why = {0};
        int64_t tasks = 0;
        js *o;

        r = look_at(w, node, &tasks, &why);
        if (r == -ECANCELED) {
            *e = why;
            return r;
        }
        o = js_object();
        js_add(o, "node", js_str(node));
        js_add(o, "tasks", js_int(tasks));
        if (r < 0) {
            js_add(o, "why", js_str(why.msg));
            w->complete = false;
        }
        js_push(w->nodes, o);
    }
    if (!js_len(list)) {
        w->complete = false;
    }
    return 0;
}

static js *limits(void) {
    static const char *const text[] = {
        "what the API does without a task (most changes of configuration) is in no task list",
        "a node keeps its newest tasks only; what it has dropped by now cannot be found",
        "times are the cluster's: a task from before this ledger began is not looked at"};
    js *out = js_array();

    for (size_t i = 0; i < ARRAY_LEN(text); i++) {
        js_push(out, js_str(text[i]));
    }
    return out;
}

int ledger_foreign(struct app *a, const char *cluster, js **ret, struct err *e) {
    CLEANUP(js_freep) js *known = js_object();
    CLEANUP(js_freep) js *foreign = js_array();
    CLEANUP(js_freep) js *nodes = js_array();
    struct session s = {.app = a, .actor = "cli:foreign"};
    struct looking w = {
        .s = &s, .known = known, .foreign = foreign, .nodes = nodes, .complete = true};
    int r = app_session(a, cluster, APP_PVE | APP_LEDGER_READ | APP_IS_PVE, &s, e);

    if (r < 0) {
        return r;
    }
    w.token = pve_token_id(s.pve);
    r = ledger_each(s.ledger, 0, each, &w, e);
    r = r < 0 ? r : look_at_all(&w, e);
    if (r < 0) {
        return r;
    }
    *ret = js_object();
    js_add(*ret, "token", js_str(w.token));
    js_add(*ret, "since", js_int(w.since));
    js_add(*ret, "known", js_int((int64_t)js_members(known)));
    js_add(*ret, "foreign", TAKE(foreign));
    js_add(*ret, "nodes", TAKE(nodes));
    js_add(*ret, "complete", js_bool(w.complete));
    js_add(*ret, "limits", limits());
    return 0;
}
