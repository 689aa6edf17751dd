/* SPDX-License-Identifier: Apache-2.0 */
/* A way back that takes something away, or puts it elsewhere, needs proof that it is still what the
 * operation left: what the plan said would be read was read at its end (pipeline/left.h) and is
 * read again. What somebody changed since is shown and nothing is planned: it is theirs now. */
#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/tools/assess.h"
#include "proximo-client/undo/kinds.h"

#define TOLD_MAX   6 /* differences; the rest is counted */
#define VALUE_TOLD 100

const js *undone_left(const struct undone *u, const char *read) {
    return js_get(js_get(u->outcome, "left"), read);
}

int undo_conflict(struct err *e, const char *what, const char *differing) {
    (void)err_tag(e, -EBUSY, "undo_conflict",
                  "%.80s is not any more as the operation left it: %.600s", what, differing);
    return err_hint(e, "it is left alone; look at it, and plan what shall become of it");
}

int undo_unknown(struct err *e, const char *what) {
    (void)err_tag(e, -EBUSY, "undo_conflict",
                  "how the operation left %.80s is not recorded: it did not end as done, or its "
                  "outcome was found later; whether somebody uses it cannot be told",
                  what);
    return err_hint(e, "look at it, and plan what shall become of it");
}

static void value_told(const js *v, struct buf *ret) {
    if (!v) {
        (void)buf_adds(ret, "not there");
    } else if (js_is_object(v) || js_is_array(v)) {
        CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PLAN_BODY);

        (void)js_print(v, &b);
        (void)buf_addf(ret, "%.*s", VALUE_TOLD, buf_str(&b));
    } else {
        (void)buf_addf(ret, "%.*s", VALUE_TOLD, value_text(v));
    }
}

static void tell(const char *key, const js *then, const js *now, size_t n, struct buf *ret) {
    if (n < TOLD_MAX) {
        (void)buf_addf(ret, "%s%.60s was ", n ? "; " : "", key);
        value_told(then, ret);
        (void)buf_adds(ret, ", is ");
        value_told(now, ret);
    }
}

void undo_differences(const js *then, const js *now, struct buf *ret) {
    size_t n = 0;

    JS_FOREACH(then, key, val) {
        const js *other = js_get(now, key);

        if (val && !(other && (js_eq(val, other) || value_same(val, other)))) {
            tell(key, val, other, n++, ret);
        }
    }
    JS_FOREACH(now, name, fresh) {
        if (fresh && !js_get(then, name)) {
            tell(name, NULL, fresh, n++, ret);
        }
    }
    if (n > TOLD_MAX) {
        (void)buf_addf(ret, "; and %zu more", n - TOLD_MAX);
    }
}

/* ---- a disk that was moved ---- */

struct moved {
    struct draft *d;
    const js *q;             /* the way back */
    struct guest_ref g, own; /* the guest that has the disk now, and whose it was */
    const char *key;
    js *args;
};

static void moved_done(struct moved *m) {
    json_object_put(m->args);
}

static const char *form_text(const struct moved *m, const char *name, const char *of_ct) {
    const js *form = js_get(m->q, "form");

    return js_str_or(form, name, js_str_or(form, of_ct, ""));
}

static int place_is_free(const struct moved *m, struct err *e) {
    const char *key = form_text(m, "target-disk", "target-volume");
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINE);
    js *config = NULL;
    char what[40];
    int r = *key ? plan_guest_read(m->d, &m->own, "/config", "config", &config, e) : 0;

    if (r < 0 || !js_get(config, key)) {
        return r;
    }
    (void)snprintf(what, sizeof(what), "guest %u", m->own.vmid);
    tell(key, NULL, js_get(config, key), 0, &b);
    return undo_conflict(e, what, buf_str(&b));
}

static int disk_as_left(const struct moved *m, const struct undone *u, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINE);
    const char *read = js_str_or(m->q, "fresh_of", "");
    const js *then = js_get(undone_left(u, read), m->key);
    js *config = NULL;
    char what[40];
    int r = plan_guest_read(m->d, &m->g, "/config", "config", &config, e);

    (void)snprintf(what, sizeof(what), "%.20s of guest %u", m->key, m->g.vmid);
    if (r < 0) {
        return r;
    }
    if (!then) {
        return undo_unknown(e, what);
    }
    if (value_same(then, js_get(config, m->key))) {
        return 0;
    }
    tell(m->key, then, js_get(config, m->key), 0, &b);
    return undo_conflict(e, what, buf_str(&b));
}

static int open_moved(struct moved *m, const struct undone *u, struct err *e) {
    const js *other = js_get(u->args, "target-vmid");
    CLEANUP(js_freep) js *own = js_object();
    char node[80];
    int r;

    js_add(own, "vmid", js_copy(js_get(u->args, "vmid")));
    js_add(m->args, "vmid", js_copy(other ? other : js_get(u->args, "vmid")));
    r = draft_guest(m->d, own, &m->own, e);
    r = r < 0 ? r : plan_guest(m->d, m->args, &m->g, NULL, e);
    (void)snprintf(node, sizeof(node), "/nodes/%.63s/", m->g.node);
    if (r == 0 && strncmp(js_str_or(m->q, "path", ""), node, strlen(node)) != 0) {
        (void)err_tag(e, -ESTALE, "undo_gone", "guest %u moved to node %s", m->g.vmid, m->g.node);
        return err_hint(e, "make a new plan for where it is now");
    }
    return r;
}

static int undo_moved(struct draft *d, const struct undone *u, const js *q, struct err *e) {
    CLEANUP(moved_done) struct moved m = {.d = d, .q = q, .args = js_object()};
    struct assess a = {.row = row_find(js_str_or(u->plan, "tool", "")),
                       .args = m.args,
                       .method = js_str_or(q, "method", ""),
                       .path = js_str_or(q, "path", ""),
                       .form = js_get(q, "form"),
                       .guest = &m.g};
    js *config = NULL;
    int r;

    m.key = form_text(&m, "disk", "volume");
    r = open_moved(&m, u, e);
    r = r < 0 ? r : disk_as_left(&m, u, e);
    r = r < 0 ? r : place_is_free(&m, e);
    r = r < 0 ? r : plan_guest_read(d, &m.g, "/config", "config", &config, e);
    if (r < 0) {
        return r;
    }
    JS_FOREACH(js_get(q, "form"), key, val) {
        js_add(m.args, key, js_copy(val));
    }
    a.before = config;
    undone_copy_request(d, q);
    draft_undo(d, "none", "it can be moved again, by a plan of its own", "");
    return assess_disk_move(d, &a, e);
}

int undo_left(struct draft *d, const struct undone *u, struct err *e) {
    const js *what = js_get(js_get(u->plan, "undo"), "removes");
    const char *kind = js_str_or(what, "kind", "");

    if (strcmp(kind, "guest") == 0) {
        return undo_made_guest(d, u, e);
    }
    if (strcmp(kind, "volume") == 0) {
        return undo_made_volume(d, u, e);
    }
    return undo_moved(d, u, undone_request(u, "undo", 0), e);
}
