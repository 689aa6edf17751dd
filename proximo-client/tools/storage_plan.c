/* SPDX-License-Identifier: Apache-2.0 */
/* Plans over storage definitions. PVE deletes a definition that guests still use without a word, so
 * the blast radius is the point here; the data stays where it is in every case, which is why the
 * definition alone, recorded whole, is a way back. */
#include <errno.h>
#include <string.h>

#include "common/ident.h"
#include "proximo-client/pipeline/late.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/plans.h"

static int definition_path(const js *args, struct buf *ret, struct err *e) {
    return pve_path("/storage/{storage}", args, ret, e);
}

/* The definition as it is, a precondition. "no_such_storage". */
static int read_definition(struct draft *d, const js *args, struct buf *path, js **ret,
                           struct err *e) {
    int r = definition_path(args, path, e);

    if (r == 0) {
        r = draft_read(d, buf_str(path), "storage", ret, e);
    }
    if (r < 0 && e && strcmp(e->tag, "pve_denied") != 0 && strstr(e->msg, "does not exist")) {
        (void)err_tag(e, -ENOENT, "no_such_storage", "no storage %s",
                      js_str_or(args, "storage", ""));
        return err_hint(e, "pve_storage_list shows them");
    }
    if (r == 0 && !js_is_object(*ret)) {
        r = bad_answer("a storage definition", e);
    }
    return r;
}

static const char *nodes_of(const js *definition) {
    return js_str_or(definition, "nodes", "all nodes");
}

static void target(struct draft *d, const js *args, const js *definition) {
    draft_target(d, "storage", js_str_or(args, "storage", ""), NULL);
    if (definition) {
        js *now = js_copy(definition);

        json_object_object_del(now, "digest");
        draft_current(d, "definition", now);
    }
}

/* What the API never tells of a definition: it must be given anew after a restore. */
static const char *secret_of_type(const char *type) {
    static const struct {
        const char *type, *what;
    } secrets[] = {{"cifs", "password"},
                   {"pbs", "password and encryption key"},
                   {"esxi", "password"},
                   {"rbd", "keyring (external clusters)"},
                   {"cephfs", "secret (external clusters)"},
                   {"zfs", "the SSH key on the nodes"}};

    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        if (strcmp(secrets[i].type, type) == 0) {
            return secrets[i].what;
        }
    }
    return NULL;
}

/* --- delete --- */

static js *whole_definition(const js *definition) {
    js *form = js_object();

    JS_FOREACH(definition, key, val) {
        if (strcmp(key, "digest") != 0 && !key_is_storage_secret(key)) {
            js_add(form, key, js_copy(val));
        }
    }
    return form;
}

int plan_storage_delete(struct draft *d, const js *args, struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    const char *id = js_str_or(args, "storage", ""), *secret;
    js *definition = NULL;
    char limits[200];
    int r = read_definition(d, args, &path, &definition, e);

    if (r < 0) {
        return r;
    }
    target(d, args, definition);
    draft_change(d, "delete storage %s (cluster-wide definition, %s; the data on it stays)", id,
                 nodes_of(definition));
    draft_request(d, PHASE_EXECUTE, "DELETE", buf_str(&path), NULL, NULL);
    draft_request(d, PHASE_UNDO, "POST", "/storage", whole_definition(definition), NULL);
    secret = secret_of_type(js_str_or(definition, "type", ""));
    (void)snprintf(limits, sizeof(limits), "%s%s", secret ? secret : "",
                   secret ? " cannot be read from the API and must be given again" : "");
    draft_undo(d, "restore-object",
               "the definition is made again from the recorded object, and with it its access "
               "entries and its place in pools, which go with it",
               limits);
    return assess_storage_gone(d, id, e);
}

int check_storage_delete(struct session *s, const js *args, bool *ret_ok, char **ret_text,
                         struct err *e) {
    CLEANUP(js_freep) js *list = NULL;
    const char *id = js_str_or(args, "storage", "");
    bool there = false;
    int r = pve_get(s->pve, "/storage", &list, e);

    for (size_t i = 0; i < js_len(list); i++) {
        there |= strcmp(js_str_or(js_at(list, i), "storage", ""), id) == 0;
    }
    return r < 0 ? r
                 : check_done(!there, ret_ok, ret_text, "storage %s is %s", id,
                              there ? "still defined" : "gone");
}

/* --- keys given --- */

static int bad_key(const char *key, struct err *e) {
    if (key_is_storage_secret(key)) {
        (void)err_tag(e, -EINVAL, "bad_argument", "%.64s is a secret and may not stand in set",
                      key);
        return err_hint(e, "only password can be given, as an argument of its own");
    }
    (void)err_tag(e, -EINVAL, "bad_argument",
                  "%.64s is not a storage property that can be set here", key);
    return err_hint(e, "pve_storage_config_get shows a definition's properties");
}

static int take_set(const js *set, bool create, js *form, struct err *e) {
    if (!set) {
        return 0;
    }
    JS_FOREACH(set, key, val) {
        if (!key_is_storage(key, create)) {
            return bad_key(key, e);
        }
        js_add(form, key, js_copy(val));
    }
    return 0;
}

/* --- create --- */

int plan_storage_create(struct draft *d, const js *args, struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    CLEANUP(js_freep) js *form = js_object();
    const char *id = js_str_or(args, "storage", ""), *type = js_str_or(args, "type", "");
    const char *password = js_get_str(args, "password");
    js *list = NULL;
    int r = take_set(js_get(args, "set"), true, form, e);

    if (r == 0) {
        r = draft_read(d, "/storage", "whole", &list, e);
    }
    if (r == 0) {
        r = definition_path(args, &path, e);
    }
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < js_len(list); i++) {
        if (strcmp(js_str_or(js_at(list, i), "storage", ""), id) == 0) {
            (void)err_tag(e, -EEXIST, "already_exists", "there is a storage %s", id);
            return err_hint(e, "pve_storage_update changes it");
        }
    }
    js_add(form, "storage", js_str(id));
    js_add(form, "type", js_str(type));
    if (password) {
        js_add(form, "password", draft_secret(d, "password", password));
    }
    target(d, args, NULL);
    draft_change(d, "define storage %s of type %s on %s", id, type, nodes_of(form));
    draft_request(d, PHASE_EXECUTE, "POST", "/storage", js_ref(form), NULL);
    draft_request(d, PHASE_UNDO, "DELETE", buf_str(&path), NULL, NULL);
    draft_undo(d, "inverse", "the definition is deleted again",
               "what was put on it meanwhile stays on disk, but guests that use it lose it");
    return assess_storage_create(d, form, e);
}

int check_storage_create(struct session *s, const js *args, bool *ret_ok, char **ret_text,
                         struct err *e) {
    CLEANUP(js_freep) js *now = NULL;
    int r = read_path(s, "/storage/{storage}", args, &now, e);
    bool ok = r == 0 && strcmp(js_str_or(now, "type", ""), js_str_or(args, "type", "")) == 0;

    return r < 0 ? r
                 : check_done(ok, ret_ok, ret_text, "storage %s is %s",
                              js_str_or(args, "storage", ""), ok ? "defined" : "of another type");
}

/* --- update --- */

struct update {
    const js *definition, *set, *del;
    js *form, *undo_form, *now;
    struct buf words, del_list, undo_del_list;
    bool changes;
};

static void update_done(struct update *u) {
    json_object_put(u->form);
    json_object_put(u->undo_form);
    json_object_put(u->now);
    buf_done(&u->words);
    buf_done(&u->del_list);
    buf_done(&u->undo_del_list);
}

static void add_word(struct buf *b, const char *word) {
    (void)buf_addf(b, "%s%s", b->len ? "," : "", word);
}

static int update_take(struct update *u, struct err *e) {
    int r = take_set(u->set, false, u->form, e);

    if (r < 0) {
        return r;
    }
    JS_FOREACH(u->form, key, val) {
        const js *prior = js_get(u->definition, key);

        u->changes |= !value_same(prior, val);
        if (prior) {
            js_add(u->undo_form, key, js_copy(prior));
        } else {
            add_word(&u->undo_del_list, key);
        }
        js_add(u->now, key, prior ? js_copy(prior) : NULL);
        (void)buf_addf(&u->words, "%s%s = %.80s", u->words.len ? ", " : "", key, value_text(val));
    }
    for (size_t i = 0; i < js_len(u->del); i++) {
        const char *name = json_object_get_string(js_at(u->del, i));
        const js *prior = js_get(u->definition, name);

        if (!key_is_storage(name, false)) {
            return bad_key(name, e);
        }
        if (js_get(u->form, name)) {
            return err_tag(e, -EINVAL, "bad_argument", "%s is both set and deleted", name);
        }
        if (prior) {
            u->changes = true;
            js_add(u->undo_form, name, js_copy(prior));
        }
        js_add(u->now, name, prior ? js_copy(prior) : NULL);
        add_word(&u->del_list, name);
        (void)buf_addf(&u->words, "%sdelete %s", u->words.len ? ", " : "", name);
    }
    return 0;
}

static void update_requests(struct draft *d, struct update *u, const char *path) {
    if (u->del_list.len) {
        js_add(u->form, "delete", js_str(buf_str(&u->del_list)));
    }
    if (u->undo_del_list.len) {
        js_add(u->undo_form, "delete", js_str(buf_str(&u->undo_del_list)));
    }
    js_add(u->form, "digest", late_digest());
    draft_request(d, PHASE_EXECUTE, "PUT", path, TAKE(u->form), path);
    if (js_members(u->undo_form)) {
        js_add(u->undo_form, "digest", late_digest());
        draft_request(d, PHASE_UNDO, "PUT", path, TAKE(u->undo_form), path);
    }
}

int plan_storage_update(struct draft *d, const js *args, struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    CLEANUP(update_done)
    struct update u = {
        .set = js_get(args, "set"),
        .del = js_get(args, "delete"),
        .form = js_object(),
        .undo_form = js_object(),
        .now = js_object(),
        .words = BUF_INIT(LIM_LINE),
        .del_list = BUF_INIT(LIM_LINE),
        .undo_del_list = BUF_INIT(LIM_LINE),
    };
    const char *id = js_str_or(args, "storage", ""), *password = js_get_str(args, "password");
    js *definition = NULL;
    int r = read_definition(d, args, &path, &definition, e);

    if (r == 0) {
        u.definition = definition;
        r = update_take(&u, e);
    }
    if (r < 0) {
        return r;
    }
    if (password) {
        u.changes = true;
        js_add(u.form, "password", draft_secret(d, "password", password));
        (void)buf_addf(&u.words, "%spassword", u.words.len ? ", " : "");
    }
    if (!u.words.len) {
        return err_tag(e, -EINVAL, "bad_argument", "nothing to set and nothing to delete");
    }
    if (!u.changes) {
        (void)err_tag(e, -EALREADY, "no_change", "storage %s is already defined so", id);
        return err_hint(e, "nothing has to be done");
    }
    target(d, args, definition);
    draft_change(d, "storage %s: %.400s", id, buf_str(&u.words));
    draft_undo(d, "restore-object",
               "every property gets back the value recorded in this plan; added ones are deleted",
               password ? "the password before is not known and is not brought back" : "");
    update_requests(d, &u, buf_str(&path));
    return assess_storage(d, id, u.set, u.del, false, e);
}

int check_storage_update(struct session *s, const js *args, bool *ret_ok, char **ret_text,
                         struct err *e) {
    CLEANUP(buf_done) struct buf wrong = BUF_INIT(LIM_LINE);
    CLEANUP(js_freep) js *now = NULL;
    const js *set = js_get(args, "set"), *del = js_get(args, "delete");
    int r = read_path(s, "/storage/{storage}", args, &now, e);

    if (r < 0) {
        return r;
    }
    if (set) {
        JS_FOREACH(set, key, val) {
            const js *is = js_get(now, key);
            /* PVE keeps lists in an order of its own and leaves a 0 out */
            bool same = is ? strlen(value_text(is)) == strlen(value_text(val))
                           : strcmp(value_text(val), "0") == 0;

            if (!same || (is && !strchr(value_text(val), ',') && !value_same(is, val))) {
                add_word(&wrong, key);
            }
        }
    }
    for (size_t i = 0; i < js_len(del); i++) {
        if (js_get(now, json_object_get_string(js_at(del, i)))) {
            add_word(&wrong, json_object_get_string(js_at(del, i)));
        }
    }
    return wrong.len ? check_done(false, ret_ok, ret_text, "not as asked: %s", buf_str(&wrong))
                     : check_done(true, ret_ok, ret_text, "every property is as asked");
}
