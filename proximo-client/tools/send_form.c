/* SPDX-License-Identifier: Apache-2.0 */
/* Forms of rows that are data: from arguments, from an object as it was (the way back), and from an
 * object that is made again. What cannot be brought back is said, never left out in silence. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "proximo-client/tools/send.h"

const char *field_param(const struct field *f) {
    return f->param ? f->param : f->name;
}

const struct field *row_field_of(const struct row *r, const char *param) {
    for (const struct field *f = r->fields; f->name; f++) {
        if (!f->ours && strcmp(field_param(f), param) == 0) {
            return f;
        }
    }
    return NULL;
}

static bool row_deletes(const struct row *r) {
    const struct field *f = row_field_of(r, "delete");

    return f && f->type == F_STRS;
}

bool send_is_control(const char *key) {
    return strcmp(key, "delete") == 0 || strcmp(key, "digest") == 0;
}

void add_limit(struct buf *limits, const char *fmt, ...) {
    va_list ap;

    if (limits->len) {
        (void)buf_adds(limits, "; ");
    }
    va_start(ap, fmt);
    (void)buf_vaddf(limits, fmt, ap);
    va_end(ap);
}

/* PVE takes lists as one text. */
js *send_joined(const js *list) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);

    for (size_t i = 0; i < js_len(list); i++) {
        (void)buf_addf(&b, "%s%s", i ? "," : "", value_text(js_at(list, i)));
    }
    return js_str(buf_str(&b));
}

static bool all_scalars(const js *v) {
    for (size_t i = 0; i < js_len(v); i++) {
        if (js_is_object(js_at(v, i)) || js_is_array(js_at(v, i))) {
            return false;
        }
    }
    JS_FOREACH(v, key, val) {
        (void)key;
        if (js_is_object(val) || js_is_array(val)) {
            return false;
        }
    }
    return true;
}

/* What PVE shows taken apart it takes as one property string: {"keep-last": 2} is "keep-last=2". */
static js *property_string(const js *v) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);

    JS_FOREACH(v, key, val) {
        (void)buf_addf(&b, "%s%s=%s", b.len ? "," : "", key, value_text(val));
    }
    return js_str(buf_str(&b));
}

/* A setting as a form carries it; NULL for what no form can carry. */
static js *form_value(const struct field *f, const js *v) {
    if (!v || !all_scalars(v)) {
        return NULL;
    }
    if (js_is_array(v)) {
        return f && f->repeated && js_len(v) ? js_copy(v) : send_joined(v);
    }
    if (js_is_object(v)) {
        return property_string(v);
    }
    return json_object_is_type(v, json_type_double) ? js_str(value_text(v)) : js_copy(v);
}

bool send_same(const js *now, const js *want) {
    CLEANUP(js_freep) js *a = now ? form_value(NULL, now) : NULL;
    CLEANUP(js_freep) js *b = want ? form_value(NULL, want) : NULL;

    return value_same(a ? a : now, b ? b : want);
}

static int take_map(const struct row *r, const struct field *f, const js *map, const char *kind,
                    js *form, struct err *e) {
    JS_FOREACH(map, key, val) {
        if (js_get(form, key) || row_field_of(r, key) || (f->key_ok && !f->key_ok(kind, key))) {
            (void)err_tag(e, -EINVAL, "bad_argument", "%.64s may not stand in %s", key, f->name);
            return err_hint(
                e,
                "proximo_describe with row %s (in a shell: proximo-client tools %s) shows what may",
                r->name, r->name);
        }
        js_add(form, key, js_copy(val));
    }
    return 0;
}

static bool deletable(const struct row *r, const char *key, const char *kind) {
    const struct field *f = row_field_of(r, key);

    if (f) {
        return !f->required && !send_is_control(key);
    }
    for (f = r->fields; f->name; f++) {
        if (f->type == F_MAP && (!f->key_ok || f->key_ok(kind, key))) {
            return true;
        }
    }
    return false;
}

static int take_delete(const struct row *r, const js *list, const char *kind, js *form,
                       struct err *e) {
    for (size_t i = 0; i < js_len(list); i++) {
        const char *key = json_object_get_string(js_at(list, i));

        if (!deletable(r, key, kind)) {
            (void)err_tag(e, -EINVAL, "bad_argument", "%.64s is no key that can be deleted", key);
            return err_hint(
                e,
                "proximo_describe with row %s (in a shell: proximo-client tools %s) shows its keys",
                r->name, r->name);
        }
        if (js_get(form, key)) {
            return err_tag(e, -EINVAL, "bad_argument", "%.64s is both set and deleted", key);
        }
    }
    if (js_len(list)) {
        js_add(form, "delete",
               row_field_of(r, "delete")->repeated ? js_copy(list) : send_joined(list));
    }
    return 0;
}

const char *send_deletes(const js *form, struct buf *store) {
    const js *list = js_get(form, "delete");

    if (!js_is_array(list)) {
        return js_str_or(form, "delete", "");
    }
    buf_reset(store);
    for (size_t i = 0; i < js_len(list); i++) {
        (void)buf_addf(store, "%s%s", i ? "," : "", value_text(js_at(list, i)));
    }
    return buf_str(store);
}

static void add_fixed(const char *fixed, js *form) {
    char name[64], value[128];

    while (fixed && next_word(&fixed, name, sizeof(name), value, sizeof(value))) {
        js_add(form, name, js_str(value));
    }
}

static int take_field(const struct row *r, const struct field *f, struct draft *d, const js *v,
                      const char *kind, js *form, struct err *e) {
    const char *param = field_param(f);

    if (f->kind && *kind && strcmp(f->kind, kind) != 0) {
        return err_tag(e, -EINVAL, "bad_argument", "%s is for %s only", f->name,
                       strcmp(f->kind, "lxc") == 0 ? "containers" : "VMs");
    }
    if (f->secret) {
        if (d) {
            js_add(form, param, draft_secret(d, param, json_object_get_string((js *)(uintptr_t)v)));
        }
        return 0;
    }
    if (f->type == F_MAP) {
        return take_map(r, f, v, kind, form, e);
    }
    js_add(form, param, js_is_array(v) && !f->repeated ? send_joined(v) : js_copy(v));
    return 0;
}

int send_form(const struct row *r, struct draft *d, const js *args, const char *kind, js **ret,
              struct err *e) {
    CLEANUP(js_freep) js *form = js_object();
    const js *del = NULL;
    int code = 0;

    for (const struct field *f = r->fields; code == 0 && f->name; f++) {
        const js *v = js_get(args, f->name);

        if (!v || f->ours || template_has(r->send->path, f->name)) {
            continue;
        }
        if (strcmp(field_param(f), "delete") == 0 && f->type == F_STRS) {
            del = v;
            continue;
        }
        code = take_field(r, f, d, v, kind, form, e);
    }
    if (code == 0) {
        code = take_delete(r, del, kind, form, e);
    }
    if (code == 0) {
        add_fixed(r->send->fixed, form);
        *ret = TAKE(form);
    }
    return code;
}

static bool deletes(const js *form, const char *key) {
    CLEANUP(buf_done) struct buf store = BUF_INIT(LIM_LINE);
    const char *del = send_deletes(form, &store);
    char word[80];

    while (next_key(&del, word, sizeof(word))) {
        if (strcmp(word, key) == 0) {
            return true;
        }
    }
    return false;
}

void send_keep(const struct row *r, const js *now, js *form) {
    for (const struct field *f = r->fields; f->name; f++) {
        const char *param = field_param(f);
        js *v = f->kept && !js_get(form, param) && !deletes(form, param)
                    ? form_value(f, js_get(now, param))
                    : NULL;

        if (v) {
            js_add(form, param, v);
        }
    }
}

js *send_after(const struct row *r, const js *now, const js *form) {
    CLEANUP(buf_done) struct buf store = BUF_INIT(LIM_LINE);
    js *o = now && !r->send->replaces ? js_copy(now) : js_object();
    const char *del = send_deletes(form, &store);
    char word[80];

    while (next_key(&del, word, sizeof(word))) {
        json_object_object_del(o, word);
    }
    JS_FOREACH(form, key, val) {
        if (!send_is_control(key)) {
            js_add(o, key, js_copy(val));
        }
    }
    if (r->send->settle) {
        r->send->settle(o, form);
    }
    return o;
}

js *send_dropped(const struct row *r, const js *now, const js *form) {
    CLEANUP(buf_done) struct buf store = BUF_INIT(LIM_LINE);
    CLEANUP(js_freep) js *after = r->send->settle ? send_after(r, now, form) : NULL;
    js *o = js_object();
    const char *del = send_deletes(form, &store);
    char word[80];

    JS_FOREACH(now, key, val) {
        if (after && val && !js_get(after, key)) {
            js_add(o, key, js_copy(val));
        }
    }
    while (next_key(&del, word, sizeof(word))) {
        json_object_object_del(o, word);
    }
    return o;
}

struct prior {
    const struct row *r;
    const js *now;
    js *form;
    struct buf del;
    struct buf *limits;
};

/* The way back of one key: its value, its deletion, its default; or the plain truth. */
static void prior_key(struct prior *p, const char *key) {
    const struct field *f = row_field_of(p->r, key);
    const js *was = js_get(p->now, key);
    js *v = form_value(f, was);

    if (f && f->secret) {
        add_limit(p->limits, "the %s before is not known and is not brought back", key);
        json_object_put(v);
    } else if (v) {
        js_add(p->form, key, v);
    } else if (was) {
        add_limit(p->limits, "%s cannot be put back", key);
    } else if (p->r->send->replaces) {
        return; /* it is gone when it is not given */
    } else if (row_deletes(p->r)) {
        (void)buf_addf(&p->del, "%s%s", p->del.len ? "," : "", key);
    } else if (f && f->unset) {
        js_add(p->form, key, js_str(f->unset));
    } else {
        add_limit(p->limits, "%s had no value before and cannot be taken away again", key);
    }
}

static bool has_word(const char *words, const char *word) {
    char one[64], none[2];

    while (words && next_word(&words, one, sizeof(one), none, sizeof(none))) {
        if (strcmp(one, word) == 0) {
            return true;
        }
    }
    return false;
}

/* Not settings but steering: parameters that name the object, and fixed ones. */
static bool names_it(const struct row *r, const char *key) {
    const struct field *f = row_field_of(r, key);

    return has_word(r->send->fixed, key) ||
           (f && r->send->on && has_word(r->send->on->id, f->name));
}

static void add_names(const struct row *r, const js *form, js *ret) {
    JS_FOREACH(form, key, val) {
        if (names_it(r, key)) {
            js_add(ret, key, js_copy(val));
        }
    }
}

/* Where an object is written anew, what is not mentioned goes back, too. */
static void prior_whole(struct prior *p, const js *form) {
    JS_FOREACH(p->now, key, val) {
        if (p->r->send->replaces && val && !js_get(form, key)) {
            prior_key(p, key);
        }
    }
}

/* "a,b" as the row's API takes it. */
static js *deleted(const struct row *r, const char *keys) {
    char word[80];
    js *list;

    if (!row_field_of(r, "delete")->repeated) {
        return js_str(keys);
    }
    list = js_array();
    while (next_key(&keys, word, sizeof(word))) {
        js_push(list, js_str(word));
    }
    return list;
}

js *send_prior(const struct row *r, const js *now, const js *form, struct buf *limits) {
    CLEANUP(buf_done) struct buf store = BUF_INIT(LIM_LINE);
    CLEANUP(js_freep) js *dropped = send_dropped(r, now, form);
    struct prior p = {r, now, js_object(), BUF_INIT(LIM_LINE), limits};
    const char *del = send_deletes(form, &store);
    char word[80];
    bool any;

    JS_FOREACH(form, key, val) {
        (void)val;
        if (!send_is_control(key) && !names_it(r, key)) {
            prior_key(&p, key);
        }
    }
    while (next_key(&del, word, sizeof(word))) {
        if (js_get(now, word)) {
            prior_key(&p, word);
        }
    }
    JS_FOREACH(dropped, name, was) {
        (void)was;
        prior_key(&p, name);
    }
    prior_whole(&p, form);
    if (p.del.len) {
        js_add(p.form, "delete", deleted(r, buf_str(&p.del)));
    }
    any = js_members(p.form) > 0;
    buf_done(&p.del);
    if (any) {
        add_names(r, form, p.form);
    } else {
        js_freep(&p.form);
    }
    return p.form;
}

static void again_map(const struct row *maker, const struct thing *t, const js *object, js *form,
                      struct buf *limits) {
    const struct field *map = NULL;

    for (const struct field *f = maker->fields; f->name; f++) {
        map = f->type == F_MAP ? f : map;
    }
    JS_FOREACH(object, key, val) {
        js *v;

        if (js_get(form, key) || names_it(maker, key) || has_word(t->id, key) ||
            template_has(maker->send->path, key)) {
            continue;
        }
        v = map && (!map->key_ok || map->key_ok("", key)) ? form_value(map, val) : NULL;
        if (v) {
            js_add(form, key, v);
        } else {
            add_limit(limits, "%.40s is not brought back", key);
        }
    }
}

js *send_again(const struct row *maker, const struct thing *t, const js *args, const js *object,
               struct buf *limits) {
    js *form = js_object();

    for (const struct field *f = maker->fields; f->name; f++) {
        const char *param = field_param(f);
        js *v;

        if (f->ours || f->type == F_MAP || template_has(maker->send->path, f->name)) {
            continue;
        }
        v = has_word(t->id, f->name) && js_get(args, f->name)
                ? js_copy(js_get(args, f->name))
                : form_value(f, js_get(object, param));
        if (f->secret) {
            json_object_put(v);
            add_limit(limits, "a %s cannot be read from the API and must be given again", param);
        } else if (v) {
            js_add(form, param, v);
        }
    }
    again_map(maker, t, object, form, limits);
    add_fixed(maker->send->fixed, form);
    return form;
}
