/* SPDX-License-Identifier: Apache-2.0 */
/* Does to a firewall model what PVE does to its files when the API is asked for a change: a new
 * rule goes to the top and is disabled unless it says otherwise; `moveto` names a position of the
 * list as it was, so that moving down by one changes nothing. What PVE would refuse is refused. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/blast/fw.h"

/* One change on its way through the path. */
struct applying {
    js *model;
    const char *method;
    const js *form;
    char text[600];
    const char *seg[10];
    size_t n;
    const char *why;
};

static int refuse(struct applying *a, const char *why) {
    a->why = why;
    return -EINVAL;
}

static int hex(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Segments with their percent escapes undone. */
static bool split(struct applying *a, const char *path) {
    size_t out = 0;

    for (const char *s = path; *s; s++) {
        if (out + 2 >= sizeof(a->text)) {
            return false;
        }
        if (*s == '/') {
            if (a->n == ARRAY_LEN(a->seg)) {
                return false;
            }
            a->text[out++] = 0;
            a->seg[a->n++] = &a->text[out];
        } else if (*s == '%' && hex(s[1]) >= 0 && hex(s[2]) >= 0) {
            a->text[out++] = (char)(hex(s[1]) << 4 | hex(s[2]));
            s += 2;
        } else {
            a->text[out++] = *s;
        }
    }
    a->text[out] = 0;
    return path[0] == '/';
}

/* The member, of the type that `make` makes: what the API answered may be of another shape. */
static js *child(js *parent, const char *key, js *(*make)(void)) {
    js *have = js_get(parent, key);

    if (!have || js_is_array(have) != (make == js_array) ||
        js_is_object(have) != (make == js_object)) {
        have = make();
        js_add(parent, key, have);
    }
    return have;
}

/* The scope's object in the model; *ret_rest is the first segment after "firewall". */
static js *scope_of(js *model, struct applying *a, size_t *ret_rest) {
    const char *const *s = a->seg;

    if (a->n >= 3 && strcmp(s[0], "cluster") == 0 && strcmp(s[1], "firewall") == 0) {
        *ret_rest = 2;
        return child(model, "cluster", js_object);
    }
    if (a->n >= 4 && strcmp(s[0], "nodes") == 0 && strcmp(s[2], "firewall") == 0) {
        *ret_rest = 3;
        return child(child(model, "nodes", js_object), s[1], js_object);
    }
    if (a->n >= 6 && strcmp(s[0], "nodes") == 0 && strcmp(s[4], "firewall") == 0) {
        *ret_rest = 5;
        return child(child(model, "guests", js_object), s[3], js_object);
    }
    if (a->n >= 6 && strcmp(s[0], "cluster") == 0 && strcmp(s[2], "vnets") == 0 &&
        strcmp(s[4], "firewall") == 0) {
        *ret_rest = 5;
        return child(child(model, "vnets", js_object), s[3], js_object);
    }
    return NULL;
}

/* What steers a request and is no property of the object. */
static bool is_steering(const char *key) {
    static const char *const keys[] = {"digest", "delete", "moveto", "pos", "rename", "force"};

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (strcmp(keys[i], key) == 0) {
            return true;
        }
    }
    return false;
}

/* Properties of the form onto the object, then `delete`. */
static void merge(js *object, const js *form) {
    const char *del = js_str_or(form, "delete", "");

    if (!js_is_object(object)) {
        return;
    }
    JS_FOREACH(form, key, value) {
        const char *text = js_is_str(value) ? json_object_get_string(value) : "x";

        if (is_steering(key)) {
            continue;
        }
        if (!text[0] || strcmp(text, "-") == 0) {
            json_object_object_del(object, key); /* an empty value takes the property away */
        } else {
            js_add(object, key, js_copy(value));
        }
    }
    while (*del) {
        size_t len = strcspn(del, ",; ");
        char gone[64];

        if (len > 0 && len < sizeof(gone)) {
            memcpy(gone, del, len);
            gone[len] = 0;
            json_object_object_del(object, gone);
        }
        del += len + (del[len] != 0);
    }
}

static bool is(const struct applying *a, const char *method) {
    return strcmp(a->method, method) == 0;
}

/* Copies of the references of `list`, without position `skip`, with `extra` before position `at`.
 */
static js *rebuilt(const js *list, size_t skip, size_t at, js *extra) {
    js *out = js_array();

    for (size_t i = 0; i < js_len(list); i++) {
        if (i == at && extra && i != skip) {
            js_push(out, js_ref(extra));
        }
        if (i != skip) {
            js_push(out, js_ref(js_at(list, i)));
        }
    }
    if (extra && at >= js_len(list)) {
        js_push(out, js_ref(extra));
    }
    return out;
}

#define NO_POS ((size_t)-1)

/* A list of rules below parent[key]; rest = the position or NULL. */
static int apply_rules(struct applying *a, js *parent, const char *key, const char *position) {
    js *list = child(parent, key, js_array);
    uint32_t pos = 0;
    int64_t moveto = 0;

    if (!position) {
        CLEANUP(js_freep) js *rule = js_object();

        if (!is(a, "POST")) {
            return -ENOENT;
        }
        merge(rule, a->form);
        if (!js_get(rule, "enable")) {
            js_add(rule, "enable", js_int(0));
        }
        js_add(parent, key, rebuilt(list, NO_POS, 0, rule));
        return 0;
    }
    if (ident_u32(position, &pos) < 0 || pos >= js_len(list)) {
        return refuse(a, "there is no rule at this position");
    }
    if (is(a, "DELETE")) {
        js_add(parent, key, rebuilt(list, pos, NO_POS, NULL));
        return 0;
    }
    if (!is(a, "PUT")) {
        return -ENOENT;
    }
    if (js_get_int(a->form, "moveto", &moveto) && moveto >= 0 && moveto != (int64_t)pos) {
        js_add(parent, key, rebuilt(list, pos, (size_t)moveto, js_at(list, pos)));
    } else {
        merge(js_at(list, pos), a->form);
    }
    return 0;
}

static void rename_refs(js *rules, const char *from, const char *to) {
    for (size_t i = 0; i < js_len(rules); i++) {
        js *r = js_at(rules, i);

        if (strcmp(js_str_or(r, "type", ""), "group") == 0 &&
            strcmp(js_str_or(r, "action", ""), from) == 0) {
            js_add(r, "action", js_str(to));
        }
    }
}

/* PVE takes the rules along when a security group is renamed; it does not for IP sets and aliases,
 * whose rules then name nothing. */
static void rename_group(js *model, const char *from, const char *to) {
    static const char *const scopes[] = {"nodes", "guests"};

    rename_refs(js_get(js_get(model, "cluster"), "rules"), from, to);
    for (size_t i = 0; i < ARRAY_LEN(scopes); i++) {
        JS_FOREACH(js_get(model, scopes[i]), name, scope) {
            (void)name;
            rename_refs(js_get(scope, "rules"), from, to);
        }
    }
}

/* {name: list} with creation, renaming (POST with `rename`) and removal. */
static int apply_named(struct applying *a, js *all, const char *field) {
    const char *name = js_str_or(a->form, field, "");
    const char *rename = js_get_str(a->form, "rename");
    js *old;

    if (!is(a, "POST") || !name[0]) {
        return -ENOENT;
    }
    if (!rename) {
        if (js_get(all, name)) {
            return refuse(a, "it exists already");
        }
        js_add(all, name, js_array());
        return 0;
    }
    old = js_get(all, rename);
    if (!old) {
        return refuse(a, "what is to be renamed does not exist");
    }
    if (strcmp(rename, name) == 0) {
        return 0; /* only its comment */
    }
    if (js_get(all, name)) {
        return refuse(a, "the new name exists already");
    }
    js_add(all, name, js_ref(old));
    json_object_object_del(all, rename);
    if (strcmp(field, "group") == 0) {
        rename_group(a->model, rename, name);
    }
    return 0;
}

static int apply_group(struct applying *a, js *scope, size_t rest) {
    js *all = child(scope, "groups", js_object);

    if (rest >= a->n) {
        return apply_named(a, all, "group");
    }
    if (!js_get(all, a->seg[rest])) {
        return refuse(a, "there is no such security group");
    }
    if (rest + 1 == a->n && is(a, "DELETE")) {
        if (js_len(js_get(all, a->seg[rest])) > 0) {
            return refuse(a, "the security group is not empty");
        }
        json_object_object_del(all, a->seg[rest]);
        return 0;
    }
    return apply_rules(a, all, a->seg[rest], rest + 1 < a->n ? a->seg[rest + 1] : NULL);
}

static size_t entry_of(const js *list, const char *key, const char *value) {
    for (size_t i = 0; i < js_len(list); i++) {
        if (strcasecmp(js_str_or(js_at(list, i), key, ""), value) == 0) {
            return i;
        }
    }
    return NO_POS;
}

static int apply_entry(struct applying *a, js *all, const char *set, const char *cidr) {
    js *list = js_get(all, set);
    size_t i = entry_of(list, "cidr", cidr);

    if (is(a, "POST")) {
        CLEANUP(js_freep) js *entry = js_object();

        if (i != NO_POS) {
            return refuse(a, "the address is in the set already");
        }
        merge(entry, a->form);
        js_add(all, set, rebuilt(list, NO_POS, 0, entry));
        return 0;
    }
    if (i == NO_POS) {
        return refuse(a, "there is no such address in the set");
    }
    if (is(a, "DELETE")) {
        js_add(all, set, rebuilt(list, i, NO_POS, NULL));
        return 0;
    }
    if (!js_is_object(js_at(list, i))) {
        return refuse(a, "the entry is not understood");
    }
    /* an update without nomatch takes it away */
    json_object_object_del(js_at(list, i), "nomatch");
    json_object_object_del(js_at(list, i), "comment");
    merge(js_at(list, i), a->form);
    return 0;
}

static int apply_ipset(struct applying *a, js *scope, size_t rest) {
    js *all = child(scope, "ipset", js_object);

    if (rest >= a->n) {
        return apply_named(a, all, "name");
    }
    if (!js_get(all, a->seg[rest])) {
        return refuse(a, "there is no such IP set");
    }
    if (rest + 1 < a->n) {
        return apply_entry(a, all, a->seg[rest], a->seg[rest + 1]);
    }
    if (is(a, "POST")) {
        return apply_entry(a, all, a->seg[rest], js_str_or(a->form, "cidr", ""));
    }
    if (!is(a, "DELETE")) {
        return -ENOENT;
    }
    if (js_len(js_get(all, a->seg[rest])) > 0 && !js_bool_or(a->form, "force", false)) {
        return refuse(a, "the IP set is not empty");
    }
    json_object_object_del(all, a->seg[rest]);
    return 0;
}

static int apply_alias(struct applying *a, js *scope, size_t rest) {
    js *all = child(scope, "aliases", js_array);
    const char *rename = js_get_str(a->form, "rename");
    size_t i;

    if (rest >= a->n) {
        CLEANUP(js_freep) js *alias = js_object();

        if (!is(a, "POST")) {
            return -ENOENT;
        }
        if (entry_of(all, "name", js_str_or(a->form, "name", "")) != NO_POS) {
            return refuse(a, "the alias exists already");
        }
        merge(alias, a->form);
        js_push(all, js_ref(alias));
        return 0;
    }
    i = entry_of(all, "name", a->seg[rest]);
    if (is(a, "DELETE")) {
        js_add(scope, "aliases", rebuilt(all, i, NO_POS, NULL));
        return 0; /* PVE says nothing when there was none */
    }
    if (i == NO_POS) {
        return refuse(a, "there is no such alias");
    }
    json_object_object_del(js_at(all, i), "comment");
    merge(js_at(all, i), a->form);
    if (rename) {
        js_add(js_at(all, i), "name", js_str(rename));
    }
    return 0;
}

static int apply_part(struct applying *a, js *scope, size_t rest) {
    const char *part = a->seg[rest];

    if (strcmp(part, "options") == 0 && is(a, "PUT")) {
        merge(child(scope, "options", js_object), a->form);
        return 0;
    }
    if (strcmp(part, "rules") == 0) {
        return apply_rules(a, scope, "rules", rest + 1 < a->n ? a->seg[rest + 1] : NULL);
    }
    if (strcmp(part, "groups") == 0) {
        return apply_group(a, scope, rest + 1);
    }
    if (strcmp(part, "ipset") == 0) {
        return apply_ipset(a, scope, rest + 1);
    }
    return strcmp(part, "aliases") == 0 ? apply_alias(a, scope, rest + 1) : -ENOENT;
}

int fw_apply(js *model, const char *method, const char *path, const js *form,
             const char **ret_why) {
    struct applying a = {.model = model, .method = method, .form = form};
    size_t rest = 0;
    js *scope;
    int r;

    *ret_why = "";
    if (!split(&a, path) || !(scope = scope_of(model, &a, &rest))) {
        return -ENOENT;
    }
    r = apply_part(&a, scope, rest);
    *ret_why = a.why ? a.why : "";
    return r;
}
