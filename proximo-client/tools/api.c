/* SPDX-License-Identifier: Apache-2.0 */
/* pve_api_get and pve_api_plan: what no typed row covers, held against the description that the
 * cluster itself serves. Knows nothing of what a call means, and says so: every plan is high risk
 * and incomplete. */
#include "proximo-client/tools/api.h"

#include <errno.h>
#include <string.h>

#include "proximo-client/pipeline/late.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/pve/schema.h"
#include "proximo-client/tools/send.h"

void api_call_done(struct api_call *c) {
    buf_done(&c->path);
}

static int refuse(const char *method, const char *path, const char *why, struct err *e) {
    (void)err_tag(e, -EACCES, "api_refused", "%s %.200s: %s", method, path, why);
    return err_hint(e, "proximo_find shows the typed rows");
}

static bool has_param(const js *method, const char *name) {
    return schema_param(method, name) || js_bool_or(method, "more", false);
}

static bool value_fits(const js *param, const js *v) {
    const char *type = js_str_or(param, "type", "string");
    const js *list = js_get(param, "enum");
    bool found = !list;

    for (size_t i = 0; i < js_len(list); i++) {
        found |= value_same(js_at(list, i), v);
    }
    if (strcmp(type, "integer") == 0) {
        const char *s = value_text(v);

        return *s && strspn(s + (*s == '-'), "0123456789") == strlen(s + (*s == '-'));
    }
    if (strcmp(type, "boolean") == 0) {
        return json_object_is_type(v, json_type_boolean) || strcmp(value_text(v), "0") == 0 ||
               strcmp(value_text(v), "1") == 0;
    }
    return found;
}

static int check_params(const js *method, const js *params, const char *secret, struct err *e) {
    JS_FOREACH(params, name, v) {
        const js *param = schema_param(method, name);

        if (!has_param(method, name)) {
            (void)err_tag(e, -EINVAL, "bad_argument", "this call has no parameter %.64s", name);
            return err_hint(e, "the cluster's own description does not know it");
        }
        if (param && !value_fits(param, v)) {
            return err_tag(e, -EINVAL, "bad_argument", "%.64s must be a%s %.20s", name,
                           js_get(param, "enum") ? " listed" : "n allowed",
                           js_str_or(param, "type", "string"));
        }
        if (api_is_secret(name)) {
            (void)err_tag(e, -EINVAL, "bad_argument", "%.64s is a secret", name);
            return err_hint(e, "give it as secret, with its name as secret_param");
        }
    }
    if (secret && !has_param(method, secret)) {
        return err_tag(e, -EINVAL, "bad_argument", "this call has no parameter %.64s", secret);
    }
    return 0;
}

static int check_required(const struct api_call *c, const js *params, const js *names,
                          const char *secret, struct err *e) {
    JS_FOREACH(js_get(c->method, "params"), name, param) {
        if (!js_bool_or(param, "optional", false) && !js_get(params, name) &&
            !js_get(names, name) && !(secret && strcmp(secret, name) == 0)) {
            return err_tag(e, -EINVAL, "bad_argument", "the parameter %.64s is required", name);
        }
    }
    return 0;
}

int api_check(struct session *s, const char *method, const js *args, struct api_call *ret,
              struct err *e) {
    const char *path = js_str_or(args, "path", ""), *secret = js_get_str(args, "secret_param");
    CLEANUP(js_freep) js *names = js_object();
    const js *params = js_get(args, "params");
    const char *why;
    int r;

    *ret = (struct api_call){.path = BUF_INIT(LIM_LINE)};
    if (strpbrk(path, "?#\\ ") || path[0] != '/') {
        (void)err_tag(e, -EINVAL, "bad_argument", "path must be /… without query and blanks");
        return err_hint(e, "parameters go into params; a / inside a name is written %%2F");
    }
    why = api_refused(method, path);
    if (why) {
        return refuse(method, path, why, e);
    }
    r = pve_schema(s->pve, &ret->schema, e);
    if (r < 0) {
        return r;
    }
    ret->template = schema_match(ret->schema, path, names);
    ret->method = ret->template ? schema_method(ret->schema, ret->template, method) : NULL;
    if (!ret->method) {
        (void)err_tag(e, -EINVAL, "bad_argument", "the cluster's API has no %s %.200s", method,
                      path);
        return err_hint(e, "its description (pve-docs) lists the paths of this version");
    }
    r = pve_path(ret->template, names, &ret->path, e);
    r = r < 0 ? r : check_params(ret->method, params, secret, e);
    r = r < 0 ? r : check_required(ret, params, names, secret, e);
    if (r == 0 && js_get_str(names, "node")) {
        r = check_node(s, js_get_str(names, "node"), e);
    }
    return r;
}

/* Secrets that an answer may hold by name are not passed on. */
static js *without_secrets(const js *v) {
    js *o;

    if (js_is_array(v)) {
        o = js_array();
        for (size_t i = 0; i < js_len(v); i++) {
            js_push(o, without_secrets(js_at(v, i)));
        }
        return o;
    }
    if (!js_is_object(v)) {
        return js_copy(v);
    }
    o = js_object();
    JS_FOREACH(v, key, val) {
        bool hide = api_is_secret(key) && js_is_str(val) && strcmp(key, "data") != 0 &&
                    strcmp(key, "key") != 0;

        js_add(o, key, hide ? js_str("(set, not shown)") : without_secrets(val));
    }
    return o;
}

int api_read(struct session *s, const js *args, js **ret, struct err *e) {
    CLEANUP(api_call_done) struct api_call c = {.path = BUF_INIT(LIM_LINE)};
    CLEANUP(js_freep) js *data = NULL;
    CLEANUP(js_freep) js *shown = NULL;
    int r = api_check(s, "GET", args, &c, e);

    if (r == 0) {
        r = pve_query(js_get(args, "params"), &c.path, e);
    }
    if (r == 0) {
        r = pve_get(s->pve, buf_str(&c.path), &data, e);
    }
    if (r < 0) {
        return r;
    }
    shown = data ? without_secrets(data) : NULL;
    if (js_is_array(shown)) {
        *ret = answer_list(shown, args, NULL);
        return 0;
    }
    *ret = js_object();
    js_add(*ret, "value", TAKE(shown));
    return 0;
}

/* --- the plan --- */

/* What stands there now, when the API can tell: the same path, else the collection above. */
static int observe(struct draft *d, const struct api_call *c, js **ret_object, struct err *e) {
    CLEANUP(buf_done) struct buf up = BUF_INIT(LIM_LINE);
    const js *get = schema_method(c->schema, c->template, "GET");
    struct err why = {0};
    js *data = NULL;
    int r = -ENOENT;

    if (get && !api_refused("GET", buf_str(&c->path))) {
        r = draft_read(d, buf_str(&c->path), "whole", &data, &why);
        *ret_object = r == 0 && js_is_object(data) ? data : NULL;
    }
    if (r < 0 && strrchr(buf_str(&c->path), '/') > buf_str(&c->path)) {
        const char *t;

        (void)buf_add(&up, buf_str(&c->path),
                      (size_t)(strrchr(buf_str(&c->path), '/') - buf_str(&c->path)));
        t = schema_match(c->schema, buf_str(&up), NULL);
        if (t && schema_method(c->schema, t, "GET") && !api_refused("GET", buf_str(&up))) {
            r = draft_read(d, buf_str(&up), "whole", NULL, &why);
        }
    }
    if (r < 0) {
        draft_unread(d, buf_str(&c->path), why.msg[0] ? why.msg : "the API has no read for it",
                     NULL);
    }
    (void)e;
    return 0;
}

static js *form_of(struct draft *d, const js *args) {
    const char *name = js_get_str(args, "secret_param"), *value = js_get_str(args, "secret");
    js *form = js_get(args, "params") ? js_copy(js_get(args, "params")) : js_object();

    if (name && value) {
        js_add(form, name, draft_secret(d, name, value));
    }
    return form;
}

static void keep_prior(const js *now, const char *key, js *form, struct buf *del) {
    const js *was = js_get(now, key);

    if (was && !js_is_object(was) && !js_is_array(was)) {
        js_add(form, key, js_copy(was));
    } else if (!was) {
        (void)buf_addf(del, "%s%s", del->len ? "," : "", key);
    }
}

/* A PUT over an object that can be read: its prior values. Anything else has no known way back. */
static void way_back(struct draft *d, const struct api_call *c, const char *method, const js *now,
                     const js *form, bool fresh) {
    CLEANUP(buf_done) struct buf del = BUF_INIT(LIM_LINE);
    const char *list = js_str_or(form, "delete", "");
    char gone[80];
    js *back;

    if (strcmp(method, "PUT") != 0 || !now) {
        draft_undo(d, "none", "a generic call: what takes it back is not known", "");
        return;
    }
    back = js_object();
    JS_FOREACH(form, key, val) {
        if (!js_is_object(val) && strcmp(key, "digest") != 0 && strcmp(key, "delete") != 0) {
            keep_prior(now, key, back, &del);
        }
    }
    while (next_key(&list, gone, sizeof(gone))) {
        if (js_get(now, gone)) {
            keep_prior(now, gone, back, &del);
        }
    }
    if (del.len && has_param(c->method, "delete")) {
        js_add(back, "delete", js_str(buf_str(&del)));
    }
    if (!js_members(back)) {
        json_object_put(back);
        draft_undo(d, "none", "the API does not show what these parameters change", "");
        return;
    }
    if (fresh) {
        js_add(back, "digest", late_digest());
    }
    draft_request(d, PHASE_UNDO, "PUT", buf_str(&c->path), back, buf_str(&c->path));
    draft_undo(d, "restore-object", "the values recorded in this plan are put back",
               "a generic call: what else it changed is not known");
}

int plan_api(struct draft *d, const js *args, struct err *e) {
    CLEANUP(api_call_done) struct api_call c = {.path = BUF_INIT(LIM_LINE)};
    const char *method = js_str_or(args, "method", "");
    CLEANUP(js_freep) js *form = NULL;
    js *now = NULL;
    bool fresh;
    int r = js_get(args, "secret") && !js_get(args, "secret_param")
                ? err_tag(e, -EINVAL, "bad_argument", "secret needs secret_param")
                : api_check(draft_session(d), method, args, &c, e);

    if (r == 0) {
        r = observe(d, &c, &now, e);
    }
    if (r < 0) {
        return r;
    }
    form = form_of(d, args);
    fresh = js_get_str(now, "digest") && has_param(c.method, "digest") && !js_get(form, "digest");
    if (fresh) {
        js_add(form, "digest", late_digest());
    }
    draft_change(d, "%s %s (a call that no typed row knows)", method, buf_str(&c.path));
    draft_target(d, "api", buf_str(&c.path), NULL);
    draft_request(d, PHASE_EXECUTE, method, buf_str(&c.path), js_copy(form),
                  fresh ? buf_str(&c.path) : NULL);
    way_back(d, &c, method, now, form, fresh);
    draft_unread(d, "consequences", "a generic call: no analyser knows what it does", NULL);
    draft_risk(d, RISK_HIGH, "a generic call: only its form was checked");
    return 0;
}

int check_api(struct session *s, const js *args, bool *ret_ok, char **ret_text, struct err *e) {
    CLEANUP(api_call_done) struct api_call c = {.path = BUF_INIT(LIM_LINE)};
    CLEANUP(buf_done) struct buf wrong = BUF_INIT(LIM_LINE);
    CLEANUP(js_freep) js *now = NULL;
    const char *method = js_str_or(args, "method", "");
    int r = api_check(s, method, args, &c, e);

    *ret_text = NULL;
    if (r < 0 || strcmp(method, "PUT") != 0 || !schema_method(c.schema, c.template, "GET") ||
        api_refused("GET", buf_str(&c.path))) {
        return r; /* nothing that could be asked */
    }
    r = pve_get(s->pve, buf_str(&c.path), &now, e);
    if (r < 0 || !js_is_object(now)) {
        return r;
    }
    JS_FOREACH(js_get(args, "params"), key, val) {
        if (js_get(now, key) && !value_same(js_get(now, key), val)) {
            (void)buf_addf(&wrong, "%s%s", wrong.len ? ", " : "", key);
        }
    }
    return check_done(!wrong.len, ret_ok, ret_text, "%s%s",
                      wrong.len ? "not as asked: " : "as far as it is shown, as asked",
                      buf_str(&wrong));
}
