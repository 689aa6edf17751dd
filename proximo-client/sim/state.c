/* SPDX-License-Identifier: Apache-2.0 */
/* The document and its open change. Invariant: between two commits the document equals the last
 * committed one with `ops` applied, and `undo` leads back. Nothing else may change the document. */
#include "proximo-client/sim/state.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"

void state_init(struct state *s, js *root) {
    *s = (struct state){.root = root ? root : js_object(), .journal = -1};
    s->ops = js_array();
    s->undo = js_array();
}

void state_done(struct state *s) {
    js_freep(&s->root);
    js_freep(&s->ops);
    js_freep(&s->undo);
    closep(&s->journal);
    freep(&s->file);
}

static js *path_of(va_list ap) {
    js *path = js_array();

    for (size_t i = 0; i < STATE_DEPTH; i++) {
        const char *name = va_arg(ap, const char *);

        if (!name) {
            break;
        }
        js_push(path, js_str(name));
    }
    return path;
}

js *state_get(const struct state *s, ...) {
    js *at = s->root;
    va_list ap;

    va_start(ap, s);
    for (size_t i = 0; at && i < STATE_DEPTH; i++) {
        const char *name = va_arg(ap, const char *);

        if (!name) {
            break;
        }
        at = js_get(at, name);
    }
    va_end(ap);
    return at;
}

/* The object that holds the path's last name; missing ones are made when `make`. */
static js *holder(js *root, const js *path, bool make) {
    js *at = root;

    for (size_t i = 0; i + 1 < js_len(path); i++) {
        const char *name = json_object_get_string(js_at(path, i));
        js *next = js_get(at, name);

        if (!next && make) {
            next = js_object();
            js_add(at, name, next);
        }
        if (!next || !js_is_object(next)) {
            return NULL;
        }
        at = next;
    }
    return at;
}

static const char *last(const js *path) {
    return json_object_get_string(js_at(path, js_len(path) - 1));
}

static bool apply(js *root, const js *path, js *value, bool del) {
    js *at = holder(root, path, !del);

    if (!at || !js_len(path)) {
        return del && js_len(path);
    }
    if (del) {
        json_object_object_del(at, last(path));
    } else {
        js_add(at, last(path), js_ref(value));
    }
    return true;
}

/* Remembers what the change replaces. The first missing object on the way is what an undo has to
 * remove, or empty objects would stay behind. */
static void remember(struct state *s, const js *path) {
    js *undo = js_object();
    js *cut = js_array();
    js *at = s->root;
    size_t i = 0;

    for (; i < js_len(path); i++) {
        const char *name = json_object_get_string(js_at(path, i));
        js *next = NULL;

        js_push(cut, js_str(name));
        if (!json_object_object_get_ex(at, name, &next)) {
            js_add(undo, "absent", js_bool(true));
            break;
        }
        at = next;
    }
    js_add(undo, "path", cut);
    if (i == js_len(path)) {
        js_add(undo, "old", js_ref(at));
    }
    js_push(s->undo, undo);
}

static void change(struct state *s, js *path, js *value, bool del) {
    js *op = js_array();

    remember(s, path);
    js_push(op, js_str(del ? "del" : "set"));
    js_push(op, js_ref(path));
    if (!del) {
        js_push(op, js_ref(value));
    }
    (void)apply(s->root, path, value, del);
    js_push(s->ops, op);
    js_freep(&path);
    js_freep(&value);
}

void state_set(struct state *s, js *value, ...) {
    va_list ap;
    js *path;

    va_start(ap, value);
    path = path_of(ap);
    va_end(ap);
    change(s, path, value, false);
}

void state_del(struct state *s, ...) {
    va_list ap;
    js *path;

    va_start(ap, s);
    path = path_of(ap);
    va_end(ap);
    change(s, path, NULL, true);
}

bool state_dirty(const struct state *s) {
    return js_len(s->ops) > 0;
}

static void forget(struct state *s) {
    js_freep(&s->ops);
    js_freep(&s->undo);
    s->ops = js_array();
    s->undo = js_array();
}

void state_rollback(struct state *s) {
    for (size_t i = js_len(s->undo); i-- > 0;) {
        js *undo = js_at(s->undo, i);
        js *path = js_get(undo, "path");
        js *old = NULL;

        if (js_bool_or(undo, "absent", false)) {
            (void)apply(s->root, path, NULL, true);
        } else {
            (void)json_object_object_get_ex(undo, "old", &old);
            (void)apply(s->root, path, old, false);
        }
    }
    forget(s);
}

int state_commit_line(struct state *s, struct err *e); /* journal.c */

int state_commit(struct state *s, struct err *e) {
    int r = 0;

    if (!state_dirty(s)) {
        return 0;
    }
    if (s->file) {
        r = state_commit_line(s, e);
    }
    if (r < 0) {
        state_rollback(s);
        return r;
    }
    if (s->touched) {
        s->touched(s->touched_ctx, s->ops);
    }
    forget(s);
    return 0;
}

static int apply_op(js *root, const js *op) {
    const char *verb =
        js_is_array(op) && js_is_str(js_at(op, 0)) ? json_object_get_string(js_at(op, 0)) : "";
    js *path = js_is_array(op) ? js_at(op, 1) : NULL;
    bool del = strcmp(verb, "del") == 0;

    if ((!del && strcmp(verb, "set") != 0) || !js_is_array(path) || !js_len(path) ||
        js_len(path) > STATE_DEPTH || js_len(op) != (del ? 2u : 3u)) {
        return -EBADMSG;
    }
    for (size_t i = 0; i < js_len(path); i++) {
        if (!js_is_str(js_at(path, i))) {
            return -EBADMSG;
        }
    }
    return apply(root, path, del ? NULL : js_at(op, 2), del) ? 0 : -EBADMSG;
}

int journal_apply(js **root, const char *text, size_t len, size_t *ret_used, struct err *e) {
    size_t used = 0;
    unsigned int line = 0;

    while (used < len) {
        const char *end = memchr(text + used, '\n', len - used);
        CLEANUP(js_freep) js *doc = NULL;
        js *ops;

        if (!end) {
            break; /* torn: never acknowledged */
        }
        line++;
        if (js_parse(text + used, (size_t)(end - text) - used, &doc, e) < 0 ||
            !js_is_array(ops = js_get(doc, "ops"))) {
            return err_set(e, -EBADMSG, "journal line %u is damaged", line);
        }
        for (size_t i = 0; i < js_len(ops); i++) {
            if (apply_op(*root, js_at(ops, i)) < 0) {
                return err_set(e, -EBADMSG, "journal line %u, change %zu: not a change", line, i);
            }
        }
        used = (size_t)(end - text) + 1;
    }
    *ret_used = used;
    return 0;
}
