/* SPDX-License-Identifier: Apache-2.0 */
/* A plan while it is being made. Nothing here decides: rows and analysers say what they found, and
 * risk, approval and incompleteness only ever rise. */
#include "proximo-client/pipeline/draft_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/blast/then.h"
#include "proximo-client/pipeline/late.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"

struct draft *draft_new(struct session *s, const char *tool, const js *args) {
    struct draft *d = calloc(1, sizeof(*d));

    if (!d) {
        abort();
    }
    d->s = s;
    d->tool = tool;
    d->args = js_copy(args);
    d->requests = js_array();
    d->preconditions = js_array();
    d->reads = js_object();
    d->current = js_object();
    d->affected = js_array();
    d->hit = js_object();
    d->unread = js_array();
    d->risk_reasons = js_array();
    d->sources = js_array();
    d->altered = js_object();
    d->kept = js_array();
    d->late = js_object();
    d->secrets = js_object();
    d->complete = true;
    random_bytes(d->secret_key, sizeof(d->secret_key));
    return d;
}

void draft_free(struct draft *d) {
    if (!d) {
        return;
    }
    free(d->change);
    free(d->need_why);
    json_object_put(d->args);
    json_object_put(d->target);
    json_object_put(d->requests);
    json_object_put(d->preconditions);
    hashmap_done(&d->observed);
    json_object_put(d->reads);
    json_object_put(d->current);
    json_object_put(d->affected);
    json_object_put(d->hit);
    json_object_put(d->unread);
    json_object_put(d->risk_reasons);
    json_object_put(d->coverage);
    json_object_put(d->sources);
    json_object_put(d->undo);
    json_object_put(d->undo_of);
    json_object_put(d->steps);
    json_object_put(d->outer_args);
    then_free(d->then);
    json_object_put(d->altered);
    json_object_put(d->kept);
    json_object_put(d->late);
    json_object_put(d->secrets);
    explicit_bzero(d->secret_key, sizeof(d->secret_key));
    free(d);
}

struct session *draft_session(struct draft *d) {
    return d->s;
}

const js *draft_args(const struct draft *d) {
    return d->args;
}

static char *text_of(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));
static char *text_of(const char *fmt, va_list ap) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    char *s;

    if (buf_vaddf(&b, fmt, ap) < 0) {
        (void)buf_adds(&b, "(text too long)");
    }
    s = buf_take(&b);
    if (!s) {
        abort();
    }
    return s;
}

/* Two reads of a path with different reducers are two observations. */
static int observation_key(const char *path, const char *reduce, int64_t then, struct hash *ret) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);

    if (buf_adds(&b, reduce) < 0 || buf_addc(&b, '\0') < 0 || buf_adds(&b, path) < 0 ||
        (then && buf_addf(&b, " %lld", (long long)then) < 0)) {
        return -E2BIG;
    }
    sha256(buf_str(&b), b.len, ret);
    return 0;
}

static void note_step(js *observation, int64_t step) {
    js *steps = js_get(observation, "steps");

    if (!steps) {
        steps = js_array();
        js_add(observation, "steps", steps);
    }
    if (!js_len(steps) || json_object_get_int64(js_at(steps, js_len(steps) - 1)) != step) {
        js_push(steps, js_int(step));
    }
}

int draft_observe(struct draft *d, const char *path, const char *reduce, const js *data,
                  int64_t step, bool then, struct err *e) {
    char text[HASH_HEX_LEN + 1];
    struct hash h, key;
    uint64_t at;
    js *p;
    int r = observation_key(path, reduce, then ? step : 0, &key);

    at = r == 0 ? hashmap_get(&d->observed, &key) : UINT64_MAX;
    if (at != UINT64_MAX) {
        if (step) {
            note_step(js_at(d->preconditions, (size_t)at), step);
        }
        return 0; /* the same observation, made once */
    }
    if (r == 0) {
        r = reduce_digest(reduce, data, &h, e);
    }
    if (r < 0) {
        return err_wrap(e, "observe %s", path);
    }
    hash_text(&h, text);
    hashmap_put(&d->observed, &key, js_len(d->preconditions));
    p = js_object();
    js_add(p, "read", js_str(path));
    js_add(p, "reduce", js_str(reduce));
    js_add(p, "digest", js_str(text));
    if (step) {
        note_step(p, step);
    }
    if (then) {
        js_add(p, "then", js_bool(true));
    }
    js_push(d->preconditions, p);
    return 0;
}

/* What is answered now, as *ret of its own; each read is sent once. */
static int answer_of_now(struct draft *d, const char *path, js **ret, struct err *e) {
    js *data = NULL;
    int r = 0;

    if (!json_object_object_get_ex(d->reads, path, &data)) {
        r = pve_get(d->s->pve, path, &data, e);
        if (r == 0) {
            js_add(d->reads, path, data);
        }
    }
    *ret = r == 0 ? js_ref(data) : NULL;
    return r;
}

int draft_get(struct draft *d, const char *path, js **ret, struct err *e) {
    CLEANUP(js_freep) js *data = NULL;
    struct err why = {0};
    int r = answer_of_now(d, path, &data, &why);
    int then = draft_after(d, path, &data, e);

    if (then < 0) {
        return then;
    }
    if (r < 0 && !data) {
        if (e) {
            *e = why;
        }
        return r;
    }
    *ret = data;
    js_push(d->kept, TAKE(data));
    return 0;
}

int draft_read(struct draft *d, const char *path, const char *reduce, js **ret, struct err *e) {
    js *data = NULL;
    int r = draft_get(d, path, &data, e);

    r = r < 0 ? r : draft_precondition(d, path, reduce, data, e);
    if (r == 0 && ret) {
        *ret = data;
    }
    return r;
}

int draft_read_first(struct draft *d, const char *path, const char *reduce, js **ret,
                     struct err *e) {
    js *data = NULL;
    int r = draft_get(d, path, &data, e);

    r = r < 0 ? r : draft_observe(d, path, reduce, data, 0, false, e);
    if (r == 0) {
        *ret = data;
    }
    return r;
}

void draft_change(struct draft *d, const char *fmt, ...) {
    va_list ap;

    free(d->change);
    va_start(ap, fmt);
    d->change = text_of(fmt, ap);
    va_end(ap);
}

void draft_target(struct draft *d, const char *kind, const char *id, const char *node) {
    json_object_put(d->target);
    d->target = js_object();
    js_add(d->target, "kind", js_str(kind));
    js_add(d->target, "id", js_str(id));
    if (node) {
        js_add(d->target, "node", js_str(node));
    }
}

void draft_current(struct draft *d, const char *key, js *value) {
    js_add(d->current, key, reduce_exact(value));
    json_object_put(value);
}

void draft_request(struct draft *d, enum phase phase, const char *method, const char *path,
                   js *form, const char *fresh_of) {
    js *r = js_object();

    js_add(r, "phase", js_str(phase_name(phase)));
    js_add(r, "via", js_str("api"));
    js_add(r, "method", js_str(method));
    js_add(r, "path", js_str(path));
    js_add(r, "form", form ? late_put(form, d->late) : js_object());
    json_object_put(form);
    if (fresh_of) {
        js_add(r, "fresh_of", js_str(fresh_of));
    }
    draft_mark_step(d, r);
    js_push(d->requests, r);
}

int draft_node_request(struct draft *d, enum phase phase, const char *node, const char *request,
                       struct err *e) {
    char text[HASH_HEX_LEN + 1];
    struct hash h;
    js *r;

    if (strlen(request) > LIM_LINES) {
        return err_tag(e, -E2BIG, "bad_argument", "node request longer than %d bytes", LIM_LINES);
    }
    sha256(request, strlen(request), &h);
    hash_text(&h, text);
    r = js_object();
    js_add(r, "phase", js_str(phase_name(phase)));
    js_add(r, "via", js_str("node"));
    js_add(r, "node", js_str(node));
    js_add(r, "request", js_str(request));
    js_add(r, "digest", js_str(text));
    draft_mark_step(d, r);
    js_push(d->requests, r);
    return 0;
}

void draft_stdin(struct draft *d, const void *data, size_t len, bool secret) {
    CLEANUP(buf_wipe) struct buf b = BUF_INIT(LIM_SECRET);
    js *last = js_at(d->requests, js_len(d->requests) - 1);

    if (b64_encode(&b, data, len) < 0) {
        abort();
    }
    js_add(last, "stdin",
           secret ? draft_secret(d, "stdin", buf_str(&b)) : js_str_n(buf_str(&b), b.len));
}

js *draft_secret(struct draft *d, const char *name, const char *value) {
    CLEANUP(buf_wipe) struct buf b = BUF_INIT(LIM_SECRET);
    char hex[2 * HASH_LEN + 1];
    char commit[13 + sizeof(hex)];
    struct hash h;
    js *out = js_object();

    /* the name is part of it: a value cannot be moved to another field */
    if (buf_adds(&b, name) < 0 || buf_addc(&b, '\0') < 0 || buf_adds(&b, value) < 0) {
        abort();
    }
    hmac_sha256(d->secret_key, sizeof(d->secret_key), buf_str(&b), b.len, &h);
    hex_encode(h.b, HASH_LEN, hex);
    (void)snprintf(commit, sizeof(commit), "hmac-sha256:%s", hex);
    js_add(out, "secret", js_str(commit));
    js_add(d->secrets, commit, js_str(value));
    return out;
}

void draft_affect(struct draft *d, const struct affect *a) {
    js *o = js_object();

    js_add(o, "resource", js_str(a->resource));
    if (a->name) {
        js_add(o, "name", js_str(a->name));
    }
    if (a->node) {
        js_add(o, "node", js_str(a->node));
    }
    js_add(o, "effect", js_str(a->effect));
    js_add(o, "severity", js_str(risk_name(a->severity)));
    js_add(o, "running", js_bool(a->running));
    js_add(o, "only_copy", js_bool(a->only_copy));
    if (a->via) {
        js_add(o, "via", js_str(a->via));
    }
    js_add(o, "why", js_str(a->why));
    draft_mark_step(d, o);
    js_push(d->affected, o);
    js_add(d->hit, a->resource, js_bool(true));
    if (a->severity > d->risk) {
        draft_risk(d, a->severity, "%s: %s", a->resource, a->why);
    }
}

bool draft_affects(const struct draft *d, const char *resource) {
    return js_get(d->hit, resource) != NULL;
}

bool draft_has_effect(const struct draft *d, const char *effect) {
    for (size_t i = 0; i < js_len(d->affected); i++) {
        if (strcmp(js_str_or(js_at(d->affected, i), "effect", ""), effect) == 0) {
            return true;
        }
    }
    return false;
}

const js *draft_affected(const struct draft *d) {
    return d->affected;
}

void draft_risk(struct draft *d, enum risk r, const char *fmt, ...) {
    CLEANUP(freep) char *why = NULL;
    va_list ap;

    va_start(ap, fmt);
    why = text_of(fmt, ap);
    va_end(ap);
    if (r > d->risk) {
        d->risk = r;
    }
    js_push(d->risk_reasons, js_str(why));
}

void draft_unread(struct draft *d, const char *what, const char *why, const char *privilege) {
    js *u = js_object();

    js_add(u, "what", js_str(what));
    js_add(u, "why", js_str(why));
    if (privilege) {
        js_add(u, "privilege", js_str(privilege));
    }
    js_push(d->unread, u);
    if (d->complete) {
        d->complete = false;
        draft_risk(d, RISK_HIGH, "the picture is incomplete: %s (%s)", what, why);
    }
}

void draft_undo(struct draft *d, const char *kind, const char *guarantee, const char *limits) {
    json_object_put(d->undo);
    d->undo = js_object();
    js_add(d->undo, "kind", js_str(kind));
    js_add(d->undo, "guarantee", js_str(guarantee));
    js_add(d->undo, "limits", js_str(limits ? limits : ""));
}

void draft_undo_removes(struct draft *d, js *what) {
    js_add(d->undo, "removes", what);
}

void draft_undo_left(struct draft *d, const char *read, const char *reduce) {
    js *list = js_get(d->undo, "left"), *one = js_object();

    if (!list) {
        list = js_array();
        js_add(d->undo, "left", list);
    }
    js_add(one, "read", js_str(read));
    js_add(one, "reduce", js_str(reduce));
    js_push(list, one);
}

void draft_undo_timer(struct draft *d, uint32_t seconds, bool staged) {
    CLEANUP(js_freep) js *was = TAKE(d->undo);
    bool none = !was || strcmp(js_str_or(was, "kind", "none"), "none") == 0;

    d->undo = js_object();
    js_add(d->undo, "kind", js_str("revert-timer"));
    js_addf(d->undo, "guarantee",
            "it reverts by itself %u s after it was begun, unless proximo_confirm says over a new "
            "connection that all is well; until then an undo reverts at once; after that %s%.300s",
            seconds, none ? "there is no way back: " : "", js_str_or(was, "guarantee", ""));
    js_addf(d->undo, "limits",
            "what somebody else changes in the same files meanwhile is left as it is%s%s%.300s",
            staged ? "; a revert does not stage again what was staged" : "",
            *js_str_or(was, "limits", "") ? "; " : "", js_str_or(was, "limits", ""));
}

void draft_need(struct draft *d, enum approval_need n, const char *why) {
    if (n <= d->need) {
        return;
    }
    d->need = n;
    free(d->need_why);
    d->need_why = strdup(why);
}

void draft_need_anew(struct draft *d, const char *why) {
    draft_need(d, NEED_OPERATOR, why);
    d->anew = true;
}

void draft_source(struct draft *d, const char *fmt, ...) {
    CLEANUP(freep) char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = text_of(fmt, ap);
    va_end(ap);
    for (size_t i = 0; i < js_len(d->sources); i++) {
        if (strcmp(json_object_get_string(js_at(d->sources, i)), text) == 0) {
            return;
        }
    }
    js_push(d->sources, js_str(text));
}

void draft_coverage(struct draft *d, unsigned int nodes_read, unsigned int nodes,
                    unsigned int guests_read, unsigned int guests) {
    json_object_put(d->coverage);
    d->coverage = js_object();
    js_add(d->coverage, "nodes_read", js_int(nodes_read));
    js_add(d->coverage, "nodes", js_int(nodes));
    js_add(d->coverage, "guests_read", js_int(guests_read));
    js_add(d->coverage, "guests", js_int(guests));
}
