/* SPDX-License-Identifier: Apache-2.0 */
/* A draft that records: everything a row says about its plan, as one JSON object, so that a test
 * can look at it and compare two of them. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/pve/pve.h"
#include "tests/unit/tools/world.h"

struct draft {
    js *args, *v, *reads;
    enum risk risk;
    js *outer_args;            /* while a step is made */
    size_t requests, affected; /* how many there were before it */
};

const char *risk_name(enum risk r) {
    static const char *const names[] = {"none", "low", "medium", "high"};

    return names[r];
}

const char *phase_name(enum phase p) {
    static const char *const names[] = {"prepare", "execute", "undo"};

    return names[p];
}

const char *need_name(enum approval_need n) {
    static const char *const names[] = {"none", "host", "operator"};

    return names[n];
}

struct draft *world_draft(const js *args) {
    static const char *const lists[] = {"requests", "preconditions", "affected", "unread",
                                        "risk_reasons"};
    struct draft *d = calloc(1, sizeof(*d));

    if (!d) {
        abort();
    }
    d->args = js_copy(args);
    d->v = js_object();
    d->reads = js_object();
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        js_add(d->v, lists[i], js_array());
    }
    js_add(d->v, "current", js_object());
    js_add(d->v, "complete", js_bool(true));
    return d;
}

js *world_draft_take(struct draft *d) {
    js *v = d->v;

    js_add(v, "risk", js_str(risk_name(d->risk)));
    json_object_put(d->args);
    json_object_put(d->reads);
    free(d);
    return v;
}

int world_plan(const char *row, const js *args, js **ret, struct err *e) {
    const struct row *r = row_find(row);
    struct draft *d;
    int code;

    if (!r || r->effect != EFFECT_CHANGE) {
        return -ENOENT;
    }
    code = row_validate(r, args, e);
    if (code < 0) {
        return code;
    }
    world_session.pbs = row_target(r) == ROW_PBS;
    d = world_draft(args);
    code = row_plan(r, d, args, e);
    world_session.pbs = false;
    if (code == 0) {
        *ret = world_draft_take(d);
        js_add(*ret, "tool", js_str(row));
    } else {
        json_object_put(world_draft_take(d));
    }
    return code;
}

struct session *draft_session(struct draft *d) {
    (void)d;
    return &world_session;
}

const js *draft_args(const struct draft *d) {
    return d->args;
}

int draft_precondition(struct draft *d, const char *path, const char *reduce, const js *data,
                       struct err *e) {
    js *list = js_get(d->v, "preconditions"), *o;

    (void)e;
    for (size_t i = 0; i < js_len(list); i++) {
        if (strcmp(js_str_or(js_at(list, i), "read", ""), path) == 0 &&
            strcmp(js_str_or(js_at(list, i), "reduce", ""), reduce) == 0) {
            return 0;
        }
    }
    o = js_object();
    js_add(o, "read", js_str(path));
    js_add(o, "reduce", js_str(reduce));
    js_add(o, "data", js_copy(data));
    js_push(list, o);
    return 0;
}

const char *draft_step_archive(const struct draft *d, int64_t step) {
    (void)d;
    (void)step;
    return NULL;
}

/* Drafts of these tests have no steps before. */
int draft_after(struct draft *d, const char *path, js **data, struct err *e) {
    (void)d;
    (void)path;
    (void)data;
    (void)e;
    return 0;
}

bool draft_is_altered(const struct draft *d, const char *path) {
    (void)d;
    (void)path;
    return false;
}

int draft_get(struct draft *d, const char *path, js **ret, struct err *e) {
    int r = 0;

    if (!json_object_object_get_ex(d->reads, path, ret)) {
        r = pve_get(world_session.pve, path, ret, e);
        if (r == 0) {
            js_add(d->reads, path, *ret);
        }
    }
    return r;
}

int draft_read(struct draft *d, const char *path, const char *reduce, js **ret, struct err *e) {
    js *data = NULL;
    int r = draft_get(d, path, &data, e);

    if (r == 0 && ret) {
        *ret = data;
    }
    return r < 0 ? r : draft_precondition(d, path, reduce, data, e);
}

int draft_read_first(struct draft *d, const char *path, const char *reduce, js **ret,
                     struct err *e) {
    return draft_read(d, path, reduce, ret, e);
}

static js *format(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

static js *format(const char *fmt, va_list ap) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);

    (void)buf_vaddf(&b, fmt, ap);
    return js_str(buf_str(&b));
}

void draft_change(struct draft *d, const char *fmt, ...) {
    va_list ap;

    va_start(ap, fmt);
    js_add(d->v, "change", format(fmt, ap));
    va_end(ap);
}

void draft_target(struct draft *d, const char *kind, const char *id, const char *node) {
    js *o = js_object();

    js_add(o, "kind", js_str(kind));
    js_add(o, "id", js_str(id));
    if (node) {
        js_add(o, "node", js_str(node));
    }
    js_add(d->v, "target", o);
}

void draft_current(struct draft *d, const char *key, js *value) {
    js_add(js_get(d->v, "current"), key, value);
}

void draft_request(struct draft *d, enum phase phase, const char *method, const char *path,
                   js *form, const char *fresh_of) {
    js *o = js_object();

    js_add(o, "phase", js_str(phase_name(phase)));
    js_add(o, "via", js_str("api"));
    js_add(o, "method", js_str(method));
    js_add(o, "path", js_str(path));
    js_add(o, "form", form ? form : js_object());
    if (fresh_of) {
        js_add(o, "fresh_of", js_str(fresh_of));
    }
    js_push(js_get(d->v, "requests"), o);
}

int draft_node_request(struct draft *d, enum phase phase, const char *node, const char *request,
                       struct err *e) {
    js *o = js_object();

    (void)e;
    js_add(o, "phase", js_str(phase_name(phase)));
    js_add(o, "via", js_str("node"));
    js_add(o, "node", js_str(node));
    js_add(o, "request", js_str(request));
    js_push(js_get(d->v, "requests"), o);
    return 0;
}

/* The commitment stands for the value; the value itself must not be found in the record. */
js *draft_secret(struct draft *d, const char *name, const char *value) {
    js *o = js_object();
    char text[HASH_HEX_LEN + 1];
    struct hash h;

    (void)d;
    hmac_sha256(name, strlen(name), value, strlen(value), &h);
    hash_text(&h, text);
    js_add(o, "secret", js_str(text));
    return o;
}

void draft_stdin(struct draft *d, const void *data, size_t len, bool secret) {
    const js *list = js_get(d->v, "requests");
    js *last = js_at(list, js_len(list) - 1);

    js_add(last, "stdin", secret ? draft_secret(d, "stdin", data) : js_str_n(data, len));
}

void draft_affect(struct draft *d, const struct affect *a) {
    js *o = js_object();

    js_add(o, "resource", js_str(a->resource));
    js_add(o, "name", js_str(a->name ? a->name : ""));
    js_add(o, "node", js_str(a->node ? a->node : ""));
    js_add(o, "effect", js_str(a->effect));
    js_add(o, "severity", js_str(risk_name(a->severity)));
    js_add(o, "running", js_bool(a->running));
    js_add(o, "only_copy", js_bool(a->only_copy));
    js_add(o, "via", js_str(a->via ? a->via : ""));
    js_add(o, "why", js_str(a->why));
    js_push(js_get(d->v, "affected"), o);
    d->risk = a->severity > d->risk ? a->severity : d->risk;
}

bool draft_affects(const struct draft *d, const char *resource) {
    const js *list = js_get(d->v, "affected");
    size_t i = 0;

    while (i < js_len(list) && strcmp(js_str_or(js_at(list, i), "resource", ""), resource) != 0) {
        i++;
    }
    return i < js_len(list);
}

bool draft_has_effect(const struct draft *d, const char *effect) {
    const js *list = js_get(d->v, "affected");
    size_t i = 0;

    while (i < js_len(list) && strcmp(js_str_or(js_at(list, i), "effect", ""), effect) != 0) {
        i++;
    }
    return i < js_len(list);
}

const js *draft_affected(const struct draft *d) {
    return js_get(d->v, "affected");
}

void draft_risk(struct draft *d, enum risk r, const char *fmt, ...) {
    va_list ap;

    va_start(ap, fmt);
    js_push(js_get(d->v, "risk_reasons"), format(fmt, ap));
    va_end(ap);
    d->risk = r > d->risk ? r : d->risk;
}

void draft_unread(struct draft *d, const char *what, const char *why, const char *privilege) {
    js *o = js_object();

    js_add(o, "what", js_str(what));
    js_add(o, "why", js_str(why));
    js_add(o, "privilege", js_str(privilege ? privilege : ""));
    js_push(js_get(d->v, "unread"), o);
    js_add(d->v, "complete", js_bool(false));
    d->risk = RISK_HIGH;
}

void draft_undo(struct draft *d, const char *kind, const char *guarantee, const char *limits) {
    js *o = js_object();

    js_add(o, "kind", js_str(kind));
    js_add(o, "guarantee", js_str(guarantee));
    js_add(o, "limits", js_str(limits ? limits : ""));
    js_add(d->v, "undo", o);
}

void draft_undo_removes(struct draft *d, js *what) {
    js_add(js_get(d->v, "undo"), "removes", what);
}

void draft_undo_left(struct draft *d, const char *read, const char *reduce) {
    js *list = js_get(js_get(d->v, "undo"), "left"), *one = js_object();

    if (!list) {
        list = js_array();
        js_add(js_get(d->v, "undo"), "left", list);
    }
    js_add(one, "read", js_str(read));
    js_add(one, "reduce", js_str(reduce));
    js_push(list, one);
}

void draft_undo_timer(struct draft *d, uint32_t seconds, bool staged) {
    js *o = js_get(d->v, "undo");

    (void)staged;
    js_add(o, "kind", js_str("revert-timer"));
    js_add(o, "seconds", js_int(seconds));
    js_add(o, "staged", js_bool(staged));
}

/* Steps, as the pipeline keeps them. That two of them are apart is not looked at here. */
void draft_step_begin(struct draft *d, const char *row, const js *args) {
    js *step = js_object();

    if (!js_get(d->v, "steps")) {
        js_add(d->v, "steps", js_array());
    }
    js_add(step, "row", js_str(row));
    js_add(step, "args", js_copy(args));
    js_push(js_get(d->v, "steps"), step);
    d->outer_args = d->args;
    d->args = js_copy(args);
    d->requests = js_len(js_get(d->v, "requests"));
    d->affected = js_len(js_get(d->v, "affected"));
}

void draft_step_end(struct draft *d) {
    static const char *const own[] = {"change", "target", "undo"};
    js *step = js_at(js_get(d->v, "steps"), draft_steps(d) - 1);

    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        if (js_get(d->v, own[i])) {
            js_add(step, own[i], js_ref(js_get(d->v, own[i])));
            json_object_object_del(d->v, own[i]);
        }
    }
    json_object_put(d->args);
    d->args = TAKE(d->outer_args);
}

static void cut(js *list, size_t n) {
    if (js_len(list) > n) {
        (void)json_object_array_del_idx(list, n, js_len(list) - n);
    }
}

void draft_drop_step(struct draft *d) {
    cut(js_get(d->v, "requests"), d->requests);
    cut(js_get(d->v, "affected"), d->affected);
    cut(js_get(d->v, "steps"), draft_steps(d) - 1);
}

size_t draft_steps(const struct draft *d) {
    return js_len(js_get(d->v, "steps"));
}

const js *draft_step(const struct draft *d, size_t i) {
    return js_at(js_get(d->v, "steps"), i);
}

int draft_steps_apart(const struct draft *d, struct err *e) {
    (void)d;
    (void)e;
    return 0;
}

void draft_need(struct draft *d, enum approval_need n, const char *why) {
    js_add(d->v, "need", js_str(need_name(n)));
    js_add(d->v, "need_why", js_str(why));
}

void draft_need_anew(struct draft *d, const char *why) {
    draft_need(d, NEED_OPERATOR, why);
}

void draft_coverage(struct draft *d, unsigned int nodes_read, unsigned int nodes,
                    unsigned int guests_read, unsigned int guests) {
    js *o = js_object();

    js_add(o, "nodes_read", js_int(nodes_read));
    js_add(o, "nodes", js_int(nodes));
    js_add(o, "guests_read", js_int(guests_read));
    js_add(o, "guests", js_int(guests));
    js_add(d->v, "coverage", o);
}

void draft_source(struct draft *d, const char *fmt, ...) {
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    js_add(d->v, "source", js_str(text));
}
