/* SPDX-License-Identifier: Apache-2.0 */
/* What HA has: resources, rules, groups. The lists are known; what the manager then does with
 * guests it does later and by itself, so a guest that it may start, stop or move is not computed,
 * and the cluster's list of guests is only right to plan with. */
#include <stdio.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/blast/blast.h"
#include "proximo-client/blast/then_int.h"

#define BASE "/cluster/ha"

static const struct family {
    const char *list, *key;
} families[] = {{"resources", "sid"}, {"rules", "rule"}, {"groups", "group"}};
enum { RESOURCES, RULES, GROUPS };

static size_t family_of(const struct effect *x) {
    return strncmp(x->path, BASE "/resources", 21) == 0 ? RESOURCES
           : strncmp(x->path, BASE "/rules", 17) == 0   ? RULES
                                                        : GROUPS;
}

static const char *own_id(const struct effect *x) {
    return x->id[0][0] ? x->id[0] : js_str_or(x->form, families[family_of(x)].key, "");
}

static const js *guest_row(const js *list, uint32_t vmid) {
    for (size_t i = 0; i < js_len(list); i++) {
        if (js_int_or(js_at(list, i), "vmid", 0) == (int64_t)vmid) {
            return js_at(list, i);
        }
    }
    return NULL;
}

/* ---- which guests the manager may act on ---- */

static bool names_it(const js *rule, const char *sid) {
    CLEANUP(js_freep) js *names = form_words(rule, "resources");

    for (size_t i = 0; i < js_len(names); i++) {
        if (strcmp(json_object_get_string(js_at(names, i)), sid) == 0) {
            return true;
        }
    }
    return false;
}

static bool any_names_it(const js *rules, const char *sid) {
    for (size_t i = 0; i < js_len(rules); i++) {
        if (names_it(js_at(rules, i), sid)) {
            return true;
        }
    }
    return false;
}

/* x->made is {sid: whether it may be moved} of the guests that the manager may act on; of one that
 * it only starts or stops it is false. */
static void add_names(js *set, const js *rule) {
    CLEANUP(js_freep) js *names = form_words(rule, "resources");

    for (size_t i = 0; i < js_len(names); i++) {
        js_add(set, json_object_get_string(js_at(names, i)), js_bool(true));
    }
}

/* The state that is asked for; "": none is. */
static const char *wanted(const struct effect *x) {
    const char *want = js_str_or(x->form, "state", strcmp(x->method, "POST") == 0 ? "started" : "");

    return strcmp(want, "enabled") == 0 ? "started" : want;
}

static bool has_other_state(const struct effect *x, const js *guest) {
    bool runs = strcmp(js_str_or(guest, "status", ""), "running") == 0;
    const char *want = wanted(x);

    return *want && strcmp(want, "ignored") != 0 && (strcmp(want, "started") == 0) != runs;
}

/* "104" and "vm:104" are one: in the lists it stands with its kind. */
static bool whole_sid(struct effect *x, const js *guests) {
    const char *given = own_id(x), *colon = strchr(given, ':');
    uint32_t vmid = 0;
    const js *g;
    char sid[AFTER_ID];

    if (ident_vmid(colon ? colon + 1 : given, &vmid) < 0 || !(g = guest_row(guests, vmid))) {
        return false;
    }
    (void)snprintf(sid, sizeof(sid), "%s:%u",
                   strcmp(js_str_or(g, "type", ""), "lxc") == 0 ? "ct" : "vm", vmid);
    if (colon && strcmp(given, sid) != 0) {
        return false; /* PVE refuses it */
    }
    x->vmid = vmid;
    (void)snprintf(x->id[0], AFTER_ID, "%s", sid);
    js_add(x->form, "sid", js_str(sid));
    return true;
}

static bool resource_begin(struct effect *x, then_read *read, void *ctx) {
    const js *guests = read(ctx, "/cluster/resources?type=vm"), *rules = read(ctx, BASE "/rules");

    if (!js_is_array(guests) || !whole_sid(x, guests)) {
        return false;
    }
    x->made = js_object();
    if (any_names_it(rules, own_id(x)) || js_get(x->form, "group")) {
        js_add(x->made, own_id(x), js_bool(true));
    } else if (has_other_state(x, guest_row(guests, x->vmid))) {
        js_add(x->made, own_id(x), js_bool(false));
    }
    return true;
}

static bool rule_begin(struct effect *x, then_read *read, void *ctx) {
    const js *rules = read(ctx, BASE "/rules");

    if (!js_is_array(rules)) {
        return false; /* before PVE 9 there are none */
    }
    x->made = js_object();
    add_names(x->made, list_row(rules, "rule", own_id(x)));
    add_names(x->made, x->form);
    return true;
}

static bool group_begin(struct effect *x, then_read *read, void *ctx) {
    const js *resources = read(ctx, BASE "/resources");

    if (!js_is_array(read(ctx, BASE "/groups"))) {
        return false; /* since PVE 9 there are none */
    }
    x->made = js_object();
    for (size_t i = 0; i < js_len(resources); i++) {
        if (strcmp(js_str_or(js_at(resources, i), "group", ""), own_id(x)) == 0) {
            js_add(x->made, js_str_or(js_at(resources, i), "sid", ""), js_bool(true));
        }
    }
    return true;
}

/* ---- the lists ---- */

static bool gone(const struct effect *x) {
    return strcmp(x->method, "DELETE") == 0;
}

/* As PVE shows it: what is asked for without a word is "started", "enabled" is another word for it.
 */
static void complete(const struct effect *x, js *row) {
    bool is_resource = family_of(x) == RESOURCES;

    if (!js_is_object(row)) {
        return;
    }
    json_object_object_del(row, "digest");
    json_object_object_del(row, "lock-token");
    if (is_resource && strcmp(js_str_or(row, "state", "enabled"), "enabled") == 0) {
        js_add(row, "state", js_str("started"));
    }
    if (is_resource && !js_get(row, "type")) {
        js_add(row, "type", js_str(strncmp(own_id(x), "ct:", 3) == 0 ? "ct" : "vm"));
    }
}

/* Rules stand in order: a new one is last, and one that goes leaves no gap. */
static void number(js *rules) {
    for (size_t i = 0; i < js_len(rules); i++) {
        js *row = js_at(rules, i);

        if (js_is_object(row) && js_int_or(row, "order", 0) != (int64_t)i + 1) {
            js *copy = js_copy(row);

            js_add(copy, "order", js_int((int64_t)i + 1));
            (void)json_object_array_put_idx(rules, i, copy);
        }
    }
}

static bool is_ordered(const js *rules) {
    for (size_t i = 0; i < js_len(rules); i++) {
        if (js_int_or(js_at(rules, i), "order", 0) != (int64_t)i + 1) {
            return false;
        }
    }
    return true;
}

static enum then_is of_list(const struct effect *x, js **data) {
    const struct family *f = &families[family_of(x)];
    bool ordered = family_of(x) == RULES && is_ordered(*data);
    char base[40], id[AFTER_ID];
    js *list;

    (void)snprintf(base, sizeof(base), BASE "/%s", f->list);
    if (!js_is_array(*data)) {
        return THEN_UNKNOWN;
    }
    if (gone(x) && !list_row(*data, f->key, own_id(x))) {
        return THEN_SAME; /* a rule went with its last resource: PVE says nothing */
    }
    list = sections_after(*data, f->key, base, x->method, x->path, x->form, id);
    if (!list) {
        return THEN_UNKNOWN;
    }
    if (!gone(x)) {
        complete(x, list_row(list, f->key, id));
    }
    if (ordered) {
        number(list);
    }
    (void)then_set(data, list);
    return family_of(x) == RULES && !ordered ? THEN_UNWATCHED : THEN_KNOWN;
}

/* A resource that goes is taken out of all rules, unless purge=0; a rule that names nobody goes. */
static enum then_is purged(const struct effect *x, js **data) {
    CLEANUP(js_freep) js *out = js_array();
    bool ordered = is_ordered(*data);

    if (!any_names_it(*data, own_id(x))) {
        return THEN_SAME;
    }
    for (size_t i = 0; i < js_len(*data); i++) {
        js *rule = js_at(*data, i);
        CLEANUP(js_freep) js *names = form_words(rule, "resources");
        CLEANUP(js_freep) js *left = js_array();

        for (size_t k = 0; k < js_len(names); k++) {
            if (strcmp(json_object_get_string(js_at(names, k)), own_id(x)) != 0) {
                js_push(left, js_ref(js_at(names, k)));
            }
        }
        if (js_len(left) == js_len(names)) {
            js_push(out, js_ref(rule));
        } else if (js_len(left)) {
            rule = js_copy(rule);
            js_add(rule, "resources", words_joined(left));
            js_push(out, rule);
        }
    }
    if (ordered) {
        number(out);
    }
    (void)then_set(data, TAKE(out));
    return ordered ? THEN_KNOWN : THEN_UNWATCHED;
}

/* Of a rule its place among the others is not computed from itself. */
static enum then_is of_one(const struct effect *x, js **data) {
    js *row;

    if (gone(x)) {
        return then_set(data, NULL);
    }
    if (strcmp(x->method, "PUT") == 0 && !*data) {
        return THEN_UNKNOWN;
    }
    row = form_over(strcmp(x->method, "PUT") == 0 ? *data : NULL, x->form);
    complete(x, row);
    (void)then_set(data, row);
    return family_of(x) == RULES && strcmp(x->method, "POST") == 0 ? THEN_UNWATCHED : THEN_KNOWN;
}

static bool takes_rules(const struct effect *x) {
    return family_of(x) == RESOURCES && gone(x) && js_bool_or(x->form, "purge", true);
}

static enum then_is of_lists(const struct effect *x, const char *path, js **data) {
    const struct family *f = &families[family_of(x)];
    char own[40], id[2][AFTER_ID];
    size_t n;

    (void)snprintf(own, sizeof(own), BASE "/%s", f->list);
    n = strlen(own);
    if (strncmp(path, own, n) == 0 && !path[n]) {
        return of_list(x, data);
    }
    if (strncmp(path, own, n) == 0 && path_fits("/*", path + n, id)) {
        return strcmp(id[0], own_id(x)) == 0 ? of_one(x, data)
               : family_of(x) == RULES       ? THEN_UNWATCHED /* its place */
                                             : THEN_SAME;
    }
    if (takes_rules(x) && strcmp(path, BASE "/rules") == 0) {
        return purged(x, data);
    }
    if (takes_rules(x) && strncmp(path, BASE "/rules/", 18) == 0) {
        return names_it(*data, own_id(x)) ? THEN_UNKNOWN : THEN_UNWATCHED;
    }
    if (strcmp(path, BLAST_HA_MANAGER) == 0) {
        return THEN_UNWATCHED; /* its clocks move; that it has one more changes nothing of it */
    }
    return strncmp(path, BASE "/status/", 19) == 0 ? THEN_UNKNOWN : THEN_SAME;
}

/* ---- the guests ---- */

/* As the manager leaves it once it has acted. */
static void set_managed(js *row, const struct effect *x) {
    const char *want = wanted(x);

    if (gone(x)) {
        json_object_object_del(row, "hastate");
    } else if (*want) {
        js_add(row, "hastate", js_str(want));
    }
    if (has_other_state(x, row)) {
        js_add(row, "status", js_str(strcmp(want, "started") == 0 ? "running" : "stopped"));
    }
}

static enum then_is of_guest(const struct effect *x, const struct guest_read *g, js **data) {
    char sid[24];
    js *status, *ha;

    (void)snprintf(sid, sizeof(sid), "%s:%u", strcmp(g->kind, "lxc") == 0 ? "ct" : "vm", g->vmid);
    if (strcmp(g->tail, "/status/current") != 0) { /* the same, but it may be another node's then */
        return js_bool_or(x->made, sid, false) ? THEN_UNWATCHED : THEN_SAME;
    }
    if (js_get(x->made, sid)) {
        return THEN_UNKNOWN;
    }
    if (family_of(x) != RESOURCES || strcmp(sid, own_id(x)) != 0 || !js_is_object(*data)) {
        return THEN_SAME;
    }
    status = js_copy(*data);
    ha = js_object();
    js_add(ha, "managed", js_int(!gone(x)));
    js_add(status, "ha", ha);
    (void)then_set(data, status);
    return THEN_UNWATCHED;
}

static enum then_is ha(const struct effect *x, const char *path, js **data) {
    struct guest_read g;

    if (strncmp(path, BASE "/", 12) == 0) {
        return of_lists(x, path, data);
    }
    if (is_guest_list(path)) {
        if (family_of(x) == RESOURCES) {
            (void)list_edit_guest(data, x->vmid, set_managed, x);
        }
        return THEN_UNWATCHED;
    }
    return guest_read_of(path, &g) ? of_guest(x, &g, data) : THEN_SAME;
}

const struct effect_kind then_ha_kinds[] = {
    {"POST", BASE "/resources", resource_begin, ha, NULL},
    {"PUT", BASE "/resources/*", resource_begin, ha, NULL},
    {"DELETE", BASE "/resources/*", resource_begin, ha, NULL},
    {"POST", BASE "/rules", rule_begin, ha, NULL},
    {"PUT", BASE "/rules/*", rule_begin, ha, NULL},
    {"DELETE", BASE "/rules/*", rule_begin, ha, NULL},
    {"POST", BASE "/groups", group_begin, ha, NULL},
    {"PUT", BASE "/groups/*", group_begin, ha, NULL},
    {"DELETE", BASE "/groups/*", group_begin, ha, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
