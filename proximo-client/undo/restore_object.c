/* SPDX-License-Identifier: Apache-2.0 */
/* restore-object: puts a recorded object back. Two forms: a PUT that sets the prior values (guest
 * configuration, storage properties), and a POST that makes a deleted object again. What somebody
 * changed since is named key by key: putting the old value back would take their change away too.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/pipeline/late.h"
#include "proximo-client/tools/plans.h"
#include "proximo-client/undo/kinds.h"

static bool is_control(const char *key) {
    return strcmp(key, "delete") == 0 || strcmp(key, "digest") == 0;
}

/* Calls `each` for every key of a "a,b,c" list. */
static void each_key(const char *list, void (*each)(void *ctx, const char *key), void *ctx) {
    for (const char *p = list; *p;) {
        size_t n = strcspn(p, ",");
        char key[80];

        (void)snprintf(key, sizeof(key), "%.*s", (int)n, p);
        if (*key) {
            each(ctx, key);
        }
        p += n + (p[n] == ',');
    }
}

struct restore {
    struct draft *d;
    const js *now; /* the object as it is */
    const js *did; /* the form that the operation sent */
    js *redo;      /* the way forward again: values as they are now */
    struct buf redo_del;
    char label[160];
    const char *name;
    unsigned int conflicts;
};

static void conflict(struct restore *r, const char *key) {
    char why[200];

    (void)snprintf(why, sizeof(why), "%.80s was changed again since: that change is taken back too",
                   key);
    draft_affect(r->d, &(struct affect){.resource = r->label,
                                        .name = r->name,
                                        .effect = "loses-data",
                                        .severity = RISK_HIGH,
                                        .via = key,
                                        .why = why});
    r->conflicts++;
}

static bool was_deleted(const js *did, const char *key) {
    const char *list = js_str_or(did, "delete", "");
    size_t len = strlen(key);

    for (const char *p = list; *p;) {
        size_t n = strcspn(p, ",");

        if (n == len && memcmp(p, key, n) == 0) {
            return true;
        }
        p += n + (p[n] == ',');
    }
    return false;
}

/* Whether the value is what the operation left there. PVE may complete a value, so what begins with
 * what was asked for is taken as it. */
static bool as_left(const struct restore *r, const char *key) {
    const js *did = js_get(r->did, key), *now = js_get(r->now, key);

    if (!did) {
        return was_deleted(r->did, key) ? now == NULL : true;
    }
    if (js_is_object(did)) { /* a secret: nobody can tell */
        return true;
    }
    return now && (value_same(did, now) ||
                   strncmp(value_text(now), value_text(did), strlen(value_text(did))) == 0 ||
                   key_is_disk("qemu", key) || key_is_disk("lxc", key));
}

static void one_key(void *ctx, const char *key) {
    struct restore *r = ctx;
    const js *now = js_get(r->now, key);

    if (!as_left(r, key)) {
        conflict(r, key);
    }
    if (now && !config_is_secret(key)) {
        js_add(r->redo, key, js_copy(now));
    } else if (!now) {
        (void)buf_addf(&r->redo_del, "%s%s", r->redo_del.len ? "," : "", key);
    }
}

static void label_of(const struct undone *u, char *ret, size_t size) {
    const char *kind = js_str_or(u->target, "kind", ""), *id = js_str_or(u->target, "id", "");
    const char *guest = js_str_or(js_get(u->plan, "current"), "kind", "");

    if (strcmp(kind, "guest") == 0) {
        kind = strcmp(guest, "lxc") == 0 ? "ct" : "vm";
    }
    (void)snprintf(ret, size, "%.20s/%.100s", kind, id);
}

/* The prior values go back into an object that is still there. */
static int put_back(struct draft *d, const struct undone *u, const js *q, struct err *e) {
    const char *path = js_str_or(q, "path", ""), *of = js_str_or(q, "fresh_of", path);
    bool storage = strncmp(path, "/storage/", 9) == 0;
    const js *form = js_get(q, "form");
    struct restore r = {.d = d,
                        .did = js_get(undone_request(u, "execute", 0), "form"),
                        .name = js_get_str(js_get(u->plan, "current"), "name"),
                        .redo_del = BUF_INIT(LIM_LINE)};
    js *now = NULL;
    int code = draft_read(d, of, storage ? "storage" : "config", &now, e);

    if (code < 0) {
        if (e && e->http_status != 403) {
            (void)snprintf(e->tag, sizeof(e->tag), "undo_gone");
        }
        return err_wrap(e, "what is to be restored cannot be read");
    }
    if (!js_is_object(now) || !js_is_object(form)) {
        return bad_answer("what is to be restored", e);
    }
    r.now = now;
    r.redo = js_object();
    label_of(u, r.label, sizeof(r.label));
    JS_FOREACH(form, key, val) {
        (void)val;
        if (!is_control(key)) {
            one_key(&r, key);
        }
    }
    each_key(js_str_or(form, "delete", ""), one_key, &r);
    undone_copy_request(d, q);
    if (r.redo_del.len) {
        js_add(r.redo, "delete", js_str(buf_str(&r.redo_del)));
    }
    if (js_members(r.redo)) {
        js_add(r.redo, "digest", late_digest());
        draft_request(d, PHASE_UNDO, "PUT", path, r.redo, of);
    } else {
        json_object_put(r.redo);
    }
    if (!r.conflicts) {
        draft_affect(d, &(struct affect){.resource = r.label,
                                         .name = r.name,
                                         .effect = "reverted",
                                         .severity = RISK_LOW,
                                         .why = "the values before the operation come back"});
    }
    buf_done(&r.redo_del);
    if (strcmp(js_str_or(u->plan, "tool", ""), "pve_api_plan") == 0) {
        draft_unread(d, "consequences", "a generic call: no analyser knows what it does", NULL);
    }
    draft_undo(d, "restore-object",
               "the values of now are recorded in this plan and can be put back", "");
    return 0;
}

/* A definition that was deleted is made again, unless somebody has. */
static int make_again(struct draft *d, const struct undone *u, const js *q, struct err *e) {
    const char *id = js_str_or(js_get(q, "form"), "storage", "");
    CLEANUP(js_freep) js *grants = js_array();
    char path[160], label[160];
    js *list = NULL;
    int r = draft_read(d, "/storage", "whole", &list, e);

    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < js_len(list); i++) {
        if (strcmp(js_str_or(js_at(list, i), "storage", ""), id) == 0) {
            (void)err_tag(e, -EEXIST, "already_exists", "there is a storage %.100s again", id);
            return err_hint(e, "compare it with the recorded one: pve_storage_config_get");
        }
    }
    undone_copy_request(d, q);
    for (size_t i = 1; (q = undone_request(u, "undo", i)); i++) { /* who may use it, its pools */
        undone_copy_request(d, q);
        js_push(grants, js_copy(q));
    }
    (void)snprintf(path, sizeof(path), "/storage/%.100s", id);
    draft_request(d, PHASE_UNDO, "DELETE", path, NULL, NULL);
    draft_undo(d, "inverse", "the definition is deleted again", "");
    label_of(u, label, sizeof(label));
    draft_affect(d, &(struct affect){.resource = label,
                                     .effect = "reverted",
                                     .severity = RISK_LOW,
                                     .why = "the definition comes back as it was recorded"});
    return assess_grants_back(d, grants, e);
}

int undo_restore_object(struct draft *d, const struct undone *u, struct err *e) {
    const js *q = undone_request(u, "undo", 0);

    if (strcmp(js_str_or(q, "method", ""), "PUT") == 0) {
        return put_back(d, u, q, e);
    }
    if (strcmp(js_str_or(q, "path", ""), "/storage") == 0) {
        return make_again(d, u, q, e);
    }
    return err_tag(e, -ENOTSUP, "undo_none", "this version cannot restore what the plan recorded");
}
