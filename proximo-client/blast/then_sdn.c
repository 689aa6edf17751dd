/* SPDX-License-Identifier: Apache-2.0 */
/* The software-defined network: zones, vnets, subnets and controllers as they are configured, as
 * they run, and the lists that show both (`pending`); an apply lets run what is configured and
 * reloads every node's interfaces, a rollback forgets it. Address managers and DNS servers wait for
 * nothing. Fabrics are not computed. */
#include <stdio.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/sdn.h"
#include "proximo-client/blast/then_int.h"

#define BASE "/cluster/sdn"

static const struct family {
    const char *list, *key;
    bool applied; /* it waits for an apply */
} families[] = {
    {"zones", "zone", true},  {"vnets", "vnet", true}, {"controllers", "controller", true},
    {"ipams", "ipam", false}, {"dns", "dns", false},   {"subnets", "subnet", true}};
enum { VNETS = 1, SUBNETS = 5 };

enum side { CONFIGURED, RUNNING, PENDING, OTHER };

/* A path below BASE: a family's list or one of it, and what of it is asked for. */
struct place {
    const struct family *f; /* NULL: none that is known */
    char vnet[AFTER_ID], id[AFTER_ID];
    enum side side;
};

static struct place place_of(const char *path) {
    struct place p = {.f = NULL, .side = OTHER};
    const char *query = strchr(path, '?'), *tail = path + sizeof(BASE) - 1;
    char id[2][AFTER_ID], pattern[40];

    p.side = !query                             ? CONFIGURED
             : strcmp(query, "?pending=1") == 0 ? PENDING
             : strcmp(query, "?running=1") == 0 ? RUNNING
                                                : OTHER;
    if (path_fits("/vnets/*/subnets/*", tail, id) || path_fits("/vnets/*/subnets", tail, id)) {
        p.f = &families[SUBNETS];
        memcpy(p.vnet, id[0], AFTER_ID);
        memcpy(p.id, id[1], AFTER_ID);
        return p;
    }
    for (size_t i = 0; i < SUBNETS; i++) {
        (void)snprintf(pattern, sizeof(pattern), "/%s/*", families[i].list);
        if (path_fits(pattern, tail, id)) {
            p.f = &families[i];
            memcpy(p.id, id[0], AFTER_ID);
            return p;
        }
        pattern[strlen(pattern) - 2] = '\0';
        if (path_fits(pattern, tail, id)) {
            p.f = &families[i];
            return p;
        }
    }
    return p;
}

/* ---- one object: what is written, and what is shown of it ---- */

/* Ranges are written as texts and shown taken apart. */
static js *range_text(const js *range) {
    char text[200];

    if (!js_is_object(range)) {
        return js_copy(range);
    }
    (void)snprintf(text, sizeof(text), "start-address=%.80s,end-address=%.80s",
                   js_str_or(range, "start-address", ""), js_str_or(range, "end-address", ""));
    return js_str(text);
}

static void set_ranges(js *o, bool shown) {
    CLEANUP(js_freep) js *was = js_ref(js_get(o, "dhcp-range"));
    js *list = js_array();

    for (size_t i = 0; i < (js_is_array(was) ? js_len(was) : was != NULL); i++) {
        const js *one = js_is_array(was) ? js_at(was, i) : was;

        js_push(list, shown && js_is_str(one)
                          ? options_apart(json_object_get_string((js *)(uintptr_t)one))
                          : range_text(one));
    }
    json_object_object_del(o, "dhcp-range");
    if (shown || js_len(list)) {
        js_add(o, "dhcp-range", js_ref(list));
    }
    json_object_put(list);
}

/* What is written in the file: nothing that is only shown. Consumes. */
static js *written(const struct family *f, js *o) {
    static const char *const drop[] = {"zone", "network", "mask", "cidr", "id"};

    if (!o) {
        return NULL;
    }
    json_object_object_del(o, f->key);
    json_object_object_del(o, "digest");
    for (size_t i = 0; f == &families[SUBNETS] && i < ARRAY_LEN(drop); i++) {
        json_object_object_del(o, drop[i]);
    }
    if (f == &families[SUBNETS]) {
        set_ranges(o, false);
    }
    return o;
}

/* A subnet's id holds zone, network and mask. */
static void add_subnet(js *o, const char *id) {
    const char *first = strchr(id, '-'), *last = strrchr(id, '-');

    if (first && last > first) {
        js_add(o, "zone", js_str_n(id, (size_t)(first - id)));
        js_add(o, "network", js_str_n(first + 1, (size_t)(last - first) - 1));
        js_add(o, "mask", js_str(last + 1));
        js_addf(o, "cidr", "%.*s/%s", (int)(last - first) - 1, first + 1, last + 1);
    }
    js_add(o, "id", js_str(id));
    set_ranges(o, true);
}

static js *shown(const struct family *f, const char *id, const js *o) {
    js *out = o ? js_copy(o) : js_object();

    js_add(out, f->key, js_str(id));
    if (f == &families[SUBNETS]) {
        add_subnet(out, id);
    }
    return out;
}

static bool same_value(const js *a, const js *b) {
    return a && b &&
           (js_is_array(a) || js_is_array(b)
                ? js_eq(a, b)
                : strcmp(json_object_get_string((js *)(uintptr_t)a),
                         json_object_get_string((js *)(uintptr_t)b)) == 0);
}

/* One setting that is configured otherwise than it runs; the sort of object is shown at once.
 * Whether it is. */
static bool pend(const char *key, const js *run, const js *conf, js *out, js *pending) {
    const js *was = js_get(run, key), *now = js_get(conf, key);

    if (now && strcmp(key, "type") == 0) {
        js_add(out, key, js_copy(now));
    } else if (now && !same_value(was, now)) {
        js_add(pending, key, js_copy(now));
    } else if (was && !now) {
        js_add(pending, key, js_str("deleted"));
    }
    return !same_value(was, now);
}

/* What runs, and under `pending` what is configured otherwise. NULL: neither is there. */
static js *with_pending(const struct family *f, const char *id, const js *run, const js *conf) {
    CLEANUP(js_freep) js *pending = js_object();
    js *out = run || conf ? shown(f, id, run) : NULL;
    bool differs = !run || !conf;

    JS_FOREACH(conf, key, value) {
        (void)value;
        differs |= pend(key, run, conf, out, pending);
    }
    JS_FOREACH(conf ? run : NULL, old, was) {
        (void)was;
        differs |= pend(old, run, conf, out, pending);
    }
    if (out && differs) {
        js_add(out, "state", js_str(!run ? "new" : !conf ? "deleted" : "changed"));
        js_add(out, "pending", TAKE(pending));
    }
    return out;
}

/* ---- a request about one object ---- */

static const struct family *family_of(const struct effect *x) {
    return place_of(x->path).f;
}

static const char *own_id(const struct effect *x) {
    return js_str_or(x->made, "id", "");
}

/* The object as it is written after the request; NULL: it is gone. was: before, NULL: a new one. */
static js *after(const struct effect *x, const js *was) {
    const struct family *f = family_of(x);
    js *o;

    if (strcmp(x->method, "DELETE") == 0) {
        return NULL;
    }
    o = written(f, form_over(was, x->form));
    json_object_object_del(o, "lock-token");
    if ((f == &families[VNETS] || f == &families[SUBNETS]) && !js_get(o, "type")) {
        js_add(o, "type", js_str(f == &families[VNETS] ? "vnet" : "subnet"));
    }
    if (f == &families[SUBNETS]) {
        js_add(o, "vnet", js_str(place_of(x->path).vnet));
    }
    return o;
}

/* A row of a list, or one object, as that side shows it after the request. New value or NULL. */
static js *changed(const struct effect *x, enum side side, const js *row) {
    const struct family *f = family_of(x);
    CLEANUP(js_freep) js *run = NULL;
    CLEANUP(js_freep) js *was = NULL;
    CLEANUP(js_freep) js *now = NULL;

    if (side == PENDING) {
        run = js_is_object(row) ? written(f, net_sdn_item(row, true)) : NULL;
        was = js_is_object(row) ? written(f, net_sdn_item(row, false)) : NULL;
    } else {
        was = js_is_object(row) ? written(f, js_copy(row)) : NULL;
    }
    now = after(x, was);
    return side == PENDING ? with_pending(f, own_id(x), run, now)
           : now           ? shown(f, own_id(x), now)
                           : NULL;
}

static enum then_is of_list(const struct effect *x, enum side side, js **data) {
    const char *key = family_of(x)->key;
    js *out, *row;

    if (!js_is_array(*data)) {
        return THEN_UNKNOWN;
    }
    out = list_without(*data, key, own_id(x));
    row = changed(x, side, list_row(*data, key, own_id(x)));
    if (row) {
        js_push(out, row);
    }
    return then_set(data, out);
}

/* "10.0.0.0/24" of a vnet in zone z is "z-10.0.0.0-24". */
static bool subnet_id(const struct effect *x, const js *vnets, char *ret, size_t size) {
    const char *given = js_str_or(x->form, "subnet", "");
    const js *row = list_row(vnets, "vnet", place_of(x->path).vnet);
    CLEANUP(js_freep) js *vnet = js_is_object(row) ? net_sdn_item(row, false) : NULL;
    size_t n = strcspn(given, "/");

    (void)snprintf(ret, size, "%s-%.*s-%s", js_str_or(vnet, "zone", ""), (int)n, given,
                   given + n + (given[n] != '\0'));
    return vnet && given[n];
}

static bool item_begin(struct effect *x, then_read *read, void *ctx) {
    struct place p = place_of(x->path);
    char id[400];

    (void)snprintf(id, sizeof(id), "%s", p.id[0] ? p.id : js_str_or(x->form, p.f->key, ""));
    if (p.f == &families[SUBNETS] && !p.id[0] &&
        !subnet_id(x, read(ctx, BASE "/vnets?pending=1"), id, sizeof(id))) {
        return false;
    }
    x->made = js_object();
    js_add(x->made, "id", js_str(id));
    return id[0] && strlen(id) < AFTER_ID;
}

static enum then_is item(const struct effect *x, const char *path, js **data) {
    struct place mine = place_of(x->path), its;

    if (strncmp(path, BASE "/", sizeof(BASE)) != 0) {
        return THEN_SAME;
    }
    its = place_of(path);
    if (mine.f == &families[VNETS] && strcmp(x->method, "POST") == 0 &&
        its.f == &families[SUBNETS] && strcmp(its.vnet, own_id(x)) == 0 && !its.id[0]) {
        return then_set(data, js_array()); /* a new vnet has none yet */
    }
    if (its.f != mine.f || strcmp(its.vnet, mine.vnet) != 0 ||
        (its.id[0] && strcmp(its.id, own_id(x)) != 0)) {
        return THEN_SAME;
    }
    if (its.side == OTHER) {
        return THEN_UNKNOWN;
    }
    if (its.side == RUNNING && mine.f->applied) {
        return THEN_SAME;
    }
    its.side = mine.f->applied ? its.side : CONFIGURED;
    return its.id[0] ? then_set(data, changed(x, its.side, *data)) : of_list(x, its.side, data);
}

/* ---- applied, or forgotten ---- */

static bool is_apply(const struct effect *x) {
    return strcmp(x->method, "PUT") == 0;
}

/* What is the same on both sides afterwards: of an apply what is configured, of a rollback what
 * runs. {path: list} */
static bool keep_list(struct effect *x, const struct family *f, const char *path, then_read *read,
                      void *ctx) {
    char full[AFTER_ID + 60];
    const js *list;
    js *kept = js_array();

    (void)snprintf(full, sizeof(full), "%s?pending=1", path);
    list = read(ctx, full);
    js_add(x->made, path, kept);
    for (size_t i = 0; i < js_len(list); i++) {
        const js *row = js_at(list, i);
        js *o = js_is_object(row) ? written(f, net_sdn_item(row, !is_apply(x))) : NULL;

        if (o) {
            js_push(kept, shown(f, js_str_or(row, f->key, ""), o));
        }
        json_object_put(o);
    }
    return js_is_array(list);
}

static bool whole_begin(struct effect *x, then_read *read, void *ctx) {
    char path[AFTER_ID + 60];
    const js *vnets;

    x->made = js_object();
    for (size_t i = 0; i < ARRAY_LEN(families) && i != SUBNETS; i++) {
        (void)snprintf(path, sizeof(path), BASE "/%s", families[i].list);
        if (families[i].applied && !keep_list(x, &families[i], path, read, ctx)) {
            return false;
        }
    }
    vnets = read(ctx, BASE "/vnets?pending=1");
    for (size_t i = 0; i < js_len(vnets); i++) {
        (void)snprintf(path, sizeof(path), BASE "/vnets/%.*s/subnets", AFTER_ID - 1,
                       js_str_or(js_at(vnets, i), "vnet", ""));
        if (!keep_list(x, &families[SUBNETS], path, read, ctx)) {
            return false;
        }
    }
    return true;
}

static enum then_is of_side(const struct effect *x, const char *path, js **data) {
    struct place p = place_of(path);
    char list[AFTER_ID + 60];
    const js *kept;
    js *row;

    if (!p.f || p.side == OTHER) {
        return THEN_UNKNOWN; /* fabrics, and what else there may be */
    }
    if (!p.f->applied || p.side == (is_apply(x) ? CONFIGURED : RUNNING)) {
        return THEN_SAME;
    }
    if (p.f == &families[SUBNETS]) {
        (void)snprintf(list, sizeof(list), BASE "/vnets/%s/subnets", p.vnet);
    } else {
        (void)snprintf(list, sizeof(list), BASE "/%s", p.f->list);
    }
    kept = js_get(x->made, list);
    if (!p.id[0]) {
        return then_set(data, kept ? js_copy(kept) : js_array());
    }
    row = list_row(kept, p.f->key, p.id);
    return then_set(data, row ? js_copy(row) : NULL);
}

/* A vnet has a firewall from when it runs; of one that goes it is not computed. */
static enum then_is vnet_firewall(const struct effect *x, const char *vnet, const char *path,
                                  js **data) {
    bool runs = list_row(js_get(x->made, BASE "/vnets"), "vnet", vnet) != NULL;
    const char *end = strrchr(path, '/');

    if (runs == (*data != NULL)) {
        return THEN_SAME;
    }
    return !runs                          ? THEN_UNKNOWN
           : strcmp(end, "/options") == 0 ? then_set(data, js_object())
           : strcmp(end, "/rules") == 0   ? then_set(data, js_array())
                                          : THEN_UNKNOWN;
}

/* An apply reloads the nodes: what was staged there runs. */
static enum then_is interfaces(const char *path, js **data) {
    char id[2][AFTER_ID];

    if (path_fits("/nodes/*/network#changes", path, id)) {
        return then_set(data, NULL);
    }
    if (!path_fits("/nodes/*/network", path, id)) {
        return THEN_SAME;
    }
    return strchr(path, '?') ? THEN_UNKNOWN : then_set(data, *data ? js_copy(*data) : NULL);
}

static enum then_is whole(const struct effect *x, const char *path, js **data) {
    char id[2][AFTER_ID];

    if (strncmp(path, "/nodes/", 7) == 0) {
        return is_apply(x) ? interfaces(path, data) : THEN_SAME;
    }
    if (strncmp(path, BASE, sizeof(BASE) - 1) != 0) {
        return THEN_SAME;
    }
    if (path_fits(BASE "/vnets/*/firewall/*", path, id)) {
        return is_apply(x) ? vnet_firewall(x, id[0], path, data) : THEN_SAME;
    }
    return of_side(x, path, data);
}

#define ITEMS(list)                                                                                \
    {"POST", BASE list, item_begin, item, NULL}, {"PUT", BASE list "/*", item_begin, item, NULL},  \
    {                                                                                              \
        "DELETE", BASE list "/*", item_begin, item, NULL                                           \
    }

const struct effect_kind then_sdn_kinds[] = {
    ITEMS("/zones"),
    ITEMS("/vnets"),
    ITEMS("/controllers"),
    ITEMS("/ipams"),
    ITEMS("/dns"),
    ITEMS("/vnets/*/subnets"),
    {"PUT", BASE, whole_begin, whole, NULL},
    {"POST", BASE "/rollback", whole_begin, whole, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
