/* SPDX-License-Identifier: Apache-2.0 */
/* The firewall's rules, options, security groups, IP sets and aliases, of the cluster, a node, a
 * guest or a vnet. What a request does to them is fw_apply()'s to say, carried out on the lists
 * that it looks at; rules have positions, so a new one moves all that stand behind it. */
#include <stdio.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/blast/fw.h"
#include "proximo-client/blast/then_int.h"

#define FIREWALL "/cluster/firewall"

/* How much of a path says whose firewall it is: ".../firewall"; 0: it is none. */
static size_t whose(const char *path) {
    static const char *const scopes[] = {FIREWALL, "/nodes/*/firewall", "/nodes/*/lxc/*/firewall",
                                         "/nodes/*/qemu/*/firewall",
                                         "/cluster/sdn/vnets/*/firewall"};
    char id[2][AFTER_ID], head[400];

    for (const char *at = path; (at = strstr(at, "/firewall")); at++) {
        size_t n = (size_t)(at - path) + 9;

        (void)snprintf(head, sizeof(head), "%.*s", (int)(n < 399 ? n : 399), path);
        for (size_t i = 0; i < ARRAY_LEN(scopes) && strchr("/?", path[n]); i++) {
            if (path_fits(scopes[i], head, id)) {
                return n;
            }
        }
    }
    return 0;
}

static const char *tail_of(const struct effect *x) {
    return x->path + whose(x->path);
}

/* "/groups/web/3", "/ipset/office/10.0.0.0%2F8": what has a name and items of its own. */
struct named {
    const char *part, *key; /* "groups" by "group", "ipset" by "name"; NULL: neither */
    char id[AFTER_ID], item[AFTER_ID];
};

static struct named named_of(const char *tail) {
    static const char *const parts[][2] = {{"groups", "group"}, {"ipset", "name"}};
    struct named n = {.id = "", .item = ""};
    char id[2][AFTER_ID];

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        size_t len = strlen(parts[i][0]);

        if (*tail == '/' && strncmp(tail + 1, parts[i][0], len) == 0 &&
            strchr("/?", tail[1 + len])) {
            n.part = parts[i][0];
            n.key = parts[i][1];
            if (path_fits("/*/*", tail + 1 + len, id) || path_fits("/*", tail + 1 + len, id)) {
                memcpy(n.id, id[0], sizeof(n.id));
                memcpy(n.item, id[1], sizeof(n.item));
            }
        }
    }
    return n;
}

/* ---- what it is carried out on ---- */

static js *copy_of(const struct effect *x, const char *tail, then_read *read, void *ctx) {
    char path[700];
    const js *now;

    (void)snprintf(path, sizeof(path), "%.*s%s", (int)whose(x->path), x->path, tail);
    now = read(ctx, path);
    return js_is_array(now) || js_is_object(now) ? js_copy(now) : NULL;
}

/* All names, as an object, with the items of the one that it is about. */
static bool add_named(const struct effect *x, const struct named *n, then_read *read, void *ctx,
                      js *scope) {
    const char *of = n->id[0] ? n->id : js_str_or(x->form, "rename", "");
    char tail[AFTER_ID + 20];
    CLEANUP(js_freep) js *names = NULL;
    js *all = js_object();
    js *items;

    js_add(scope, n->part, all);
    (void)snprintf(tail, sizeof(tail), "/%s", n->part);
    names = copy_of(x, tail, read, ctx);
    for (size_t i = 0; i < js_len(names); i++) {
        js_add(all, js_str_or(js_at(names, i), n->key, ""), js_array());
    }
    if (*of) {
        (void)snprintf(tail, sizeof(tail), "/%s/%s", n->part, of);
        items = copy_of(x, tail, read, ctx);
        js_add(all, of, items ? items : js_array());
        return js_is_array(names) && js_is_array(items);
    }
    return js_is_array(names);
}

static bool add_list(const struct effect *x, const char *part, then_read *read, void *ctx,
                     js *scope) {
    char tail[20];
    js *v;

    (void)snprintf(tail, sizeof(tail), "/%s", part);
    v = copy_of(x, tail, read, ctx);
    if (v) {
        js_add(scope, part, v);
    }
    return v != NULL;
}

/* A form as PVE writes it down: of an address host bits are away and a full prefix is left out, and
 * what is no exception says nothing. */
static void clean(js *form) {
    struct fw_net net;
    char text[FW_NET_TEXT];

    if (js_get_str(form, "cidr") && fw_net_parse(js_str_or(form, "cidr", ""), &net)) {
        fw_net_print(&net, text);
        js_add(form, "cidr", js_str(text));
    }
    if (!js_bool_or(form, "nomatch", false)) {
        json_object_object_del(form, "nomatch");
    }
}

static bool begin(struct effect *x, then_read *read, void *ctx) {
    CLEANUP(js_freep) js *model = js_object();
    const char *tail = tail_of(x), *why;
    struct named n = named_of(tail);
    char path[700];
    js *scope = js_object();
    bool had;

    js_add(model, "cluster", scope);
    clean(x->form);
    had = n.part                              ? add_named(x, &n, read, ctx, scope)
          : strncmp(tail, "/options", 8) == 0 ? add_list(x, "options", read, ctx, scope)
          : strncmp(tail, "/rules", 6) == 0   ? add_list(x, "rules", read, ctx, scope)
                                              : add_list(x, "aliases", read, ctx, scope);
    (void)snprintf(path, sizeof(path), FIREWALL "%s", tail);
    if (!had || fw_apply(model, x->method, path, x->form, &why) < 0) {
        return false; /* PVE would refuse it */
    }
    if (js_is_object(js_get(scope, "options"))) {
        json_object_object_del(js_get(scope, "options"), "digest");
    }
    x->made = js_ref(scope);
    return true;
}

/* ---- what is answered ---- */

static js *with_places(const js *rules) {
    js *out = js_copy(rules);

    for (size_t i = 0; i < js_len(out); i++) {
        if (js_is_object(js_at(out, i))) {
            js_add(js_at(out, i), "pos", js_int((int64_t)i));
        }
    }
    return out;
}

static enum then_is one_rule(const js *rules, const char *pos, js **data) {
    CLEANUP(js_freep) js *all = with_places(rules);
    uint32_t i = 0;
    js *rule = ident_u32(pos, &i) == 0 ? js_at(all, i) : NULL;

    return then_set(data, rule ? js_ref(rule) : NULL);
}

static enum then_is one_row(const js *list, const char *key, const char *id, js **data) {
    js *row = list_row(list, key, id);

    return then_set(data, row ? js_copy(row) : NULL);
}

/* The list of names: one more, one less, or one with another name. */
static enum then_is names(const struct effect *x, const struct named *mine, js **data) {
    const char *old = js_get_str(x->form, "rename");
    const char *name = js_str_or(x->form, mine->key, "");
    js *out, *row;

    if (mine->item[0] || (mine->id[0] && strcmp(x->method, "DELETE") != 0)) {
        return THEN_SAME; /* what is in one of them */
    }
    if (mine->id[0]) {
        return then_set(data, list_without(*data, mine->key, mine->id));
    }
    row = form_over(old ? list_row(*data, mine->key, old) : NULL, x->form);
    json_object_object_del(row, "rename");
    js_add(row, mine->key, js_str(name));
    out = list_without(*data, mine->key, old ? old : name);
    js_push(out, row);
    return then_set(data, out);
}

/* One of them, or an item of it. */
static enum then_is one_of(const struct effect *x, const struct named *mine,
                           const struct named *its, js **data) {
    const char *name = mine->id[0] ? mine->id : js_str_or(x->form, mine->key, "");
    const js *list = js_get(js_get(x->made, mine->part), its->id);
    bool rules = strcmp(mine->part, "groups") == 0;

    if (strcmp(its->id, name) != 0 && strcmp(its->id, js_str_or(x->form, "rename", "")) != 0) {
        return THEN_SAME;
    }
    if (!list) {
        return then_set(data, NULL);
    }
    if (!its->item[0]) {
        return then_set(data, rules ? with_places(list) : js_copy(list));
    }
    return rules ? one_rule(list, its->item, data) : one_row(list, "cidr", its->item, data);
}

/* A security group that gets another name takes the rules along that use it. */
static enum then_is renamed(const struct effect *x, js **data) {
    const char *old = js_str_or(x->form, "rename", ""), *now = js_str_or(x->form, "group", "");
    js *copy = js_copy(*data);
    bool any = false;

    for (size_t i = 0; i < (js_is_array(copy) ? js_len(copy) : 1U); i++) {
        js *rule = js_is_array(copy) ? js_at(copy, i) : copy;

        if (strcmp(js_str_or(rule, "type", ""), "group") == 0 &&
            strcmp(js_str_or(rule, "action", ""), old) == 0) {
            js_add(rule, "action", js_str(now));
            any = true;
        }
    }
    if (!any) {
        js_freep(&copy);
        return THEN_SAME;
    }
    return then_set(data, copy);
}

static enum then_is own(const struct effect *x, const char *tail, js **data) {
    struct named mine = named_of(tail_of(x)), its = named_of(tail);
    char id[2][AFTER_ID];

    if (mine.part) {
        return mine.part != its.part ? THEN_SAME
               : !its.id[0]          ? names(x, &mine, data)
                                     : one_of(x, &mine, &its, data);
    }
    if (strcmp(tail, "/options") == 0 && js_get(x->made, "options")) {
        return then_set(data, js_copy(js_get(x->made, "options")));
    }
    if (strcmp(tail, "/rules") == 0 && js_get(x->made, "rules")) {
        return then_set(data, with_places(js_get(x->made, "rules")));
    }
    if (path_fits("/rules/*", tail, id) && js_get(x->made, "rules")) {
        return one_rule(js_get(x->made, "rules"), id[0], data);
    }
    if (strcmp(tail, "/aliases") == 0 && js_get(x->made, "aliases")) {
        return then_set(data, js_copy(js_get(x->made, "aliases")));
    }
    if (path_fits("/aliases/*", tail, id) && js_get(x->made, "aliases")) {
        return one_row(js_get(x->made, "aliases"), "name", id[0], data);
    }
    return THEN_SAME;
}

static enum then_is firewall(const struct effect *x, const char *path, js **data) {
    size_t mine = whose(x->path), its = whose(path);
    const char *tail = path + its;

    if (!its) {
        return THEN_SAME;
    }
    if (strncmp(tail, "/refs", 5) ==
        0) { /* what rules can name: a guest's shows the cluster's, too */
        return js_get(x->made, "aliases") || js_get(x->made, "ipset") ? THEN_UNKNOWN : THEN_SAME;
    }
    if (js_get(x->form, "rename") && js_get(x->made, "groups") && strncmp(tail, "/rules", 6) == 0) {
        return renamed(x, data);
    }
    if (mine != its || strncmp(path, x->path, mine) != 0 || strchr(tail, '?')) {
        return THEN_SAME;
    }
    return own(x, tail, data);
}

#define RULES(head, ...)                                                                           \
    {"PUT", head "/options", begin, firewall, __VA_ARGS__},                                        \
        {"POST", head "/rules", begin, firewall, __VA_ARGS__},                                     \
        {"PUT", head "/rules/*", begin, firewall, __VA_ARGS__}, {                                  \
        "DELETE", head "/rules/*", begin, firewall, __VA_ARGS__                                    \
    }
#define NAMES(head, ...)                                                                           \
    {"POST", head "/aliases", begin, firewall, __VA_ARGS__},                                       \
        {"PUT", head "/aliases/*", begin, firewall, __VA_ARGS__},                                  \
        {"DELETE", head "/aliases/*", begin, firewall, __VA_ARGS__},                               \
        {"POST", head "/ipset", begin, firewall, __VA_ARGS__},                                     \
        {"POST", head "/ipset/*", begin, firewall, __VA_ARGS__},                                   \
        {"DELETE", head "/ipset/*", begin, firewall, __VA_ARGS__},                                 \
        {"PUT", head "/ipset/*/*", begin, firewall, __VA_ARGS__}, {                                \
        "DELETE", head "/ipset/*/*", begin, firewall, __VA_ARGS__                                  \
    }

const struct effect_kind then_fw_kinds[] = {
    RULES(FIREWALL, NULL),
    NAMES(FIREWALL, NULL),
    {"POST", FIREWALL "/groups", begin, firewall, NULL},
    {"DELETE", FIREWALL "/groups/*", begin, firewall, NULL},
    {"POST", FIREWALL "/groups/*", begin, firewall, NULL},
    {"PUT", FIREWALL "/groups/*/*", begin, firewall, NULL},
    {"DELETE", FIREWALL "/groups/*/*", begin, firewall, NULL},
    RULES("/nodes/*/firewall", NULL),
    RULES("/cluster/sdn/vnets/*/firewall", NULL),
    RULES("/nodes/*/lxc/*/firewall", "lxc"),
    RULES("/nodes/*/qemu/*/firewall", "qemu"),
    NAMES("/nodes/*/lxc/*/firewall", "lxc"),
    NAMES("/nodes/*/qemu/*/firewall", "qemu"),
    {NULL, NULL, NULL, NULL, NULL},
};
