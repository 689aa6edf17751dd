/* SPDX-License-Identifier: Apache-2.0 */
/* The software-defined network: zones, vnets, subnets and controllers are configured, shown with
 * what is pending of them, applied by a task that reloads every node, or rolled back. Address
 * managers and DNS plugins take effect at once. Nothing is plugged in. */
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/network.h"

/* The place in the state, the member that names one, and PVE's word for it. */
static const struct kind {
    const char *list, *key, *word;
    bool applied; /* it waits for an apply */
} kinds[] = {
    {"zones", "zone", "zone", true},       {"vnets", "vnet", "vnet", true},
    {"subnets", "subnet", "subnet", true}, {"controllers", "controller", "controller", true},
    {"ipams", "ipam", "ipam", false},      {"dns", "dns", "dns", false},
};

/* By the path's third segment; below a vnet it is a subnet. */
static const struct kind *kind_of(const struct call *c) {
    const char *list = c->path + strlen("/cluster/sdn/");
    const char *below = strchr(list, '/');

    below = below ? strchr(below + 1, '/') : NULL;
    for (size_t i = 0; !below && i < ARRAY_LEN(kinds); i++) {
        if (strncmp(list, kinds[i].list, strcspn(list, "/")) == 0) {
            return &kinds[i];
        }
    }
    return &kinds[2];
}

static js *config(struct sim *s, const struct kind *k) {
    return state_get(&s->st, "sdn", k->list, NULL);
}

static js *running(struct sim *s, const struct kind *k) {
    return state_get(&s->st, "sdn", "running", k->list, NULL);
}

/* SHA-1 over the file of a kind. */
static void digest_of(struct sim *s, const struct kind *k, char ret[static 41]) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(16 * LIM_CONF);
    char name[64];

    (void)snprintf(name, sizeof(name), "sdn/%s.cfg", k->list);
    (void)sectfile_write(s, name, &b);
    sha1_hex(buf_str(&b), b.len, ret);
}

/* ---- shown ---- */

/* "start-address=A,end-address=B" as an object. */
static js *taken_apart(const char *text) {
    js *o = js_object();

    while (*text) {
        size_t n = strcspn(text, ","), k = strcspn(text, "=,");
        char name[40];

        if (k < n) {
            (void)snprintf(name, sizeof(name), "%.*s", (int)k, text);
            js_add(o, name, js_str_n(text + k + 1, n - k - 1));
        }
        text += n + (text[n] != '\0');
    }
    return o;
}

static js *ranges(const js *texts) {
    js *out = js_array();

    for (size_t i = 0; i < js_len(texts); i++) {
        const js *text = js_at(texts, i);

        js_push(out, js_is_str(text) ? taken_apart(json_object_get_string((js *)(uintptr_t)text))
                                     : js_copy(text));
    }
    return out;
}

/* What the API adds to a subnet: its id holds zone, network and mask. */
static void add_subnet(js *o, const char *id) {
    const char *first = strchr(id, '-');
    const char *last = strrchr(id, '-');

    if (first && last > first) {
        js_add(o, "zone", js_str_n(id, (size_t)(first - id)));
        js_add(o, "network", js_str_n(first + 1, (size_t)(last - first) - 1));
        js_add(o, "mask", js_str(last + 1));
        js_addf(o, "cidr", "%.*s/%s", (int)(last - first) - 1, first + 1, last + 1);
    }
    js_add(o, "id", js_str(id));
    js_add(o, "dhcp-range", ranges(js_get(o, "dhcp-range")));
}

static js *shown(const struct kind *k, const char *id, const js *o) {
    js *out = o ? js_copy(o) : js_object();

    js_add(out, k->key, js_str(id));
    if (strcmp(k->key, "subnet") == 0) {
        add_subnet(out, id);
    }
    return out;
}

/* What runs, and under `pending` what is configured otherwise. */
static js *with_pending(const struct kind *k, const char *id, const js *run, const js *conf) {
    js *out = shown(k, id, run);
    js *pending = js_object();
    bool differs = !run || !conf || !js_eq(run, conf);

    JS_FOREACH(conf, key, v) {
        bool kept = run && js_get(run, key) && js_eq(js_get(run, key), v);

        if (strcmp(key, "type") == 0) {
            js_add(out, key, js_ref(v));
        } else if (!kept) {
            js_add(pending, key, js_ref(v));
        }
    }
    JS_FOREACH(conf ? run : NULL, old, w) {
        (void)w;
        if (!js_get(conf, old)) {
            js_add(pending, old, js_str("deleted"));
        }
    }
    if (differs) {
        js_add(out, "state", js_str(!run ? "new" : !conf ? "deleted" : "changed"));
        js_add(out, "pending", js_ref(pending));
    }
    json_object_put(pending);
    js_add(out, "digest", NULL);
    return out;
}

/* The address manager that is in no file and always there. New reference; NULL: another one. */
static js *ipam_of_pve(const struct kind *k, const char *id) {
    js *o = NULL;

    if (strcmp(k->key, "ipam") == 0 && strcmp(id, "pve") == 0) {
        o = js_object();
        js_add(o, "type", js_str("pve"));
    }
    return o;
}

/* One object as the query wants it; NULL: it is not there. */
static js *wanted(struct call *c, const struct kind *k, const char *id) {
    const js *run = js_get(running(c->s, k), id);
    CLEANUP(js_freep) js *own = ipam_of_pve(k, id);
    const js *conf = own ? own : js_get(config(c->s, k), id);
    char digest[41];
    js *out;

    if (k->applied && call_bool(c, "pending", false)) {
        return run || conf ? with_pending(k, id, run, conf) : NULL;
    }
    if (k->applied && call_bool(c, "running", false)) {
        out = run ? shown(k, id, run) : NULL;
        if (out) {
            js_add(out, "digest", NULL);
        }
        return out;
    }
    if (!conf) {
        return NULL;
    }
    digest_of(c->s, k, digest);
    out = shown(k, id, conf);
    js_add(out, "digest", js_str(digest));
    return out;
}

/* A subnet is its vnet's; lists show what the caller may see. */
static bool is_mine(struct call *c, const struct kind *k, const js *o) {
    char path[160];
    const char *zone = js_str_or(o, "zone", js_str_or(js_get(o, "pending"), "zone", ""));

    if (strcmp(k->key, "subnet") == 0 &&
        strcmp(js_str_or(o, "vnet", js_str_or(js_get(o, "pending"), "vnet", "")),
               call_str(c, "vnet")) != 0) {
        return false;
    }
    if (strcmp(k->key, "vnet") == 0) {
        (void)snprintf(path, sizeof(path), "/sdn/zones/%.40s/%.40s", zone,
                       js_str_or(o, "vnet", ""));
    } else if (strcmp(k->key, "subnet") == 0) {
        (void)snprintf(path, sizeof(path), "/sdn/zones/%.40s/%.40s", zone, call_str(c, "vnet"));
    } else {
        (void)snprintf(path, sizeof(path), "/sdn/%s/%.60s", k->list, js_str_or(o, k->key, ""));
    }
    return call_has(c, path, "SDN.Audit|SDN.Use|SDN.Allocate");
}

int route_sdn_list(struct call *c) {
    const struct kind *k = kind_of(c);
    CLEANUP(js_freep) js *ids = js_object();
    js *conf = config(c->s, k);
    js *run = running(c->s, k);

    JS_FOREACH(conf, id, known) {
        (void)known;
        js_add(ids, id, js_int(1));
    }
    JS_FOREACH(run, old, p) {
        (void)p;
        js_add(ids, old, js_int(1));
    }
    if (strcmp(k->key, "ipam") == 0) {
        js_add(ids, "pve", js_int(1)); /* in no file, and always there */
    }
    c->data = js_array();
    JS_FOREACH(ids, name, one) {
        js *o = wanted(c, k, name);

        (void)one;
        if (o && is_mine(c, k, o)) {
            js_push(c->data, o);
        } else {
            json_object_put(o);
        }
    }
    return 0;
}

int route_sdn_get(struct call *c) {
    const struct kind *k = kind_of(c);

    c->data = wanted(c, k, call_str(c, k->key));
    return c->data ? 0
                   : call_fail(c, 500, "sdn %s '%s' does not exist", k->word, call_str(c, k->key));
}

/* ---- changed ---- */

static bool any_of(const js *all, const char *key, const char *value, const char **ret) {
    JS_FOREACH(all, id, o) {
        if (strcmp(js_str_or(o, key, ""), value) == 0) {
            *ret = id;
            return true;
        }
    }
    return false;
}

static bool is_tunnel(struct call *c, const char *zone) {
    const char *type = js_str_or(state_get(&c->s->st, "sdn", "zones", zone, NULL), "type", "");

    return strcmp(type, "vxlan") == 0 || strcmp(type, "evpn") == 0;
}

/* A zone has each tag once, and all tunnels have. Simple zones do not look. */
static int check_tag(struct call *c, const js *now) {
    const js *tag = js_get(now, "tag");
    const char *zone = js_str_or(now, "zone", "-");
    const char *type = js_str_or(state_get(&c->s->st, "sdn", "zones", zone, NULL), "type", "");

    JS_FOREACH(tag && strcmp(type, "simple") != 0 ? config(c->s, &kinds[1]) : NULL, id, o) {
        const char *other = js_str_or(o, "zone", "-");
        bool meets = is_tunnel(c, zone) ? is_tunnel(c, other) : strcmp(zone, other) == 0;

        if (meets && strcmp(id, call_str(c, "vnet")) != 0 && js_eq(js_get(o, "tag"), tag)) {
            return call_param_error(c, "tag", "tag already exist in vnet");
        }
    }
    return 0;
}

/* What PVE refuses about a vnet, most of it when it has subnets. */
static int check_vnet(struct call *c, const js *was, const js *now) {
    const js *subnets = state_get(&c->s->st, "sdn", "subnets", NULL);
    const char *id;

    if (!state_get(&c->s->st, "sdn", "zones", js_str_or(now, "zone", "-"), NULL)) {
        return call_fail(c, 500, "sdn '%s' does not exist", js_str_or(now, "zone", ""));
    }
    if (check_tag(c, now) < 0) {
        return -1;
    }
    if (!any_of(subnets, "vnet", call_str(c, "vnet"), &id)) {
        return 0;
    }
    if (was && strcmp(js_str_or(was, "zone", ""), js_str_or(now, "zone", "")) != 0) {
        return call_param_error(c, "zone", "can't change zone if subnets exist");
    }
    return js_bool_or(now, "vlanaware", false)
               ? call_param_error(c, "vlanaware", "vlanaware vnet is not compatible with subnets")
               : 0;
}

static const char sdn_numbers[] =
    "tag mtu vrf-vxlan vxlan-port asn snat ebgp ebgp-multihop vlanaware "
    "ttl section isolate-ports";

/* The parameters over the object as it was. */
static js *merged(const struct call *c, const struct kind *k, const js *was) {
    js *o = was ? js_copy(was) : js_object();
    char steers[120];

    (void)snprintf(steers, sizeof(steers), "lock-token pending running dhcp-range %s", k->key);
    call_over(c, o, steers, sdn_numbers);
    if (js_is_array(js_get(c->params, "dhcp-range"))) {
        js_add(o, "dhcp-range", js_copy(js_get(c->params, "dhcp-range")));
    } else if (js_get(c->params, "dhcp-range")) {
        js *list = js_array();

        js_push(list, js_ref(js_get(c->params, "dhcp-range")));
        js_add(o, "dhcp-range", list);
    }
    return o;
}

static int put(struct call *c, const struct kind *k, const char *id, const js *was) {
    CLEANUP(js_freep) js *now = merged(c, k, was);

    if (!js_get(now, "type") && (strcmp(k->key, "vnet") == 0 || strcmp(k->key, "subnet") == 0)) {
        js_add(now, "type", js_str(k->key));
    }
    if (strcmp(k->key, "vnet") == 0 && check_vnet(c, was, now) < 0) {
        return -1;
    }
    state_set(&c->s->st, TAKE(now), "sdn", k->list, id, NULL);
    sim_tick(c->s);
    return 0;
}

/* "10.0.0.0/24" of a vnet in zone z is "z-10.0.0.0-24". */
static int id_of(struct call *c, const struct kind *k, char *ret, size_t size) {
    const char *given = call_str(c, k->key);
    const js *vnet;
    size_t n;

    (void)snprintf(ret, size, "%s", given);
    if (strcmp(k->key, "subnet") != 0 || c->method != M_POST) {
        return 0;
    }
    vnet = state_get(&c->s->st, "sdn", "vnets", call_str(c, "vnet"), NULL);
    if (!vnet) {
        return call_fail(c, 500, "sdn '%s' does not exist", call_str(c, "vnet"));
    }
    n = strcspn(given, "/");
    if (!given[n]) {
        return call_param_error(c, "subnet", "invalid format - '%.60s' is no subnet\n", given);
    }
    (void)snprintf(ret, size, "%s-%.*s-%s", js_str_or(vnet, "zone", ""), (int)n, given,
                   given + n + 1);
    return 0;
}

int route_sdn_create(struct call *c) {
    const struct kind *k = kind_of(c);
    char id[160];

    if (id_of(c, k, id, sizeof(id)) < 0) {
        return -1;
    }
    if (js_get(config(c->s, k), id)) {
        return call_fail(c, 500,
                         "create sdn %s object failed: sdn %s object ID '%s' already defined",
                         k->word, k->word, id);
    }
    return put(c, k, id, NULL);
}

int route_sdn_update(struct call *c) {
    const struct kind *k = kind_of(c);
    const char *id = call_str(c, k->key);
    const js *was = js_get(config(c->s, k), id);
    char digest[41];

    if (!was) {
        return call_fail(c, 500, "update sdn %s object failed: sdn '%s' does not exist", k->word,
                         id);
    }
    digest_of(c->s, k, digest);
    if (call_str(c, "digest") && strcmp(call_str(c, "digest"), digest) != 0) {
        return call_fail(c, 500,
                         "update sdn %s object failed: detected modified configuration - file "
                         "changed by other user? Try again.",
                         k->word);
    }
    return put(c, k, id, was);
}

/* What is empty is no file, and no part of what runs. */
static void prune(struct sim *s, const struct kind *k) {
    if (config(s, k) && !js_members(config(s, k))) {
        state_del(&s->st, "sdn", k->list, NULL);
    }
    if (running(s, k) && !js_members(running(s, k))) {
        state_del(&s->st, "sdn", "running", k->list, NULL);
    }
    if (state_get(&s->st, "sdn", "running", NULL) &&
        !js_members(state_get(&s->st, "sdn", "running", NULL))) {
        state_del(&s->st, "sdn", "running", NULL);
    }
    if (state_get(&s->st, "sdn", NULL) && !js_members(state_get(&s->st, "sdn", NULL))) {
        state_del(&s->st, "sdn", NULL);
    }
}

static void drop(struct call *c, const struct kind *k, const char *id) {
    state_del(&c->s->st, "sdn", k->list, id, NULL);
    prune(c->s, k);
    sim_tick(c->s);
}

/* A controller's zones hold it. */
static bool is_needed(struct call *c, const struct kind *k, const char *id, const char **ret) {
    return strcmp(k->key, "controller") == 0 &&
           any_of(state_get(&c->s->st, "sdn", "zones", NULL), "controller", id, ret);
}

int route_sdn_delete(struct call *c) {
    const struct kind *k = kind_of(c);
    const char *id = call_str(c, k->key);
    const char *user = NULL;

    if (!js_get(config(c->s, k), id)) {
        return call_fail(c, 500, "delete sdn %s object failed: sdn '%s' does not exist", k->word,
                         id);
    }
    if (strcmp(k->key, "zone") == 0 &&
        any_of(state_get(&c->s->st, "sdn", "vnets", NULL), "zone", id, &user)) {
        return call_fail(c, 500, "delete sdn zone object failed: zone %s is used by vnet %s", id,
                         user);
    }
    if (strcmp(k->key, "vnet") == 0 &&
        any_of(state_get(&c->s->st, "sdn", "subnets", NULL), "vnet", id, &user)) {
        return call_param_error(c, "vnet", "Can't delete vnet if subnets exists");
    }
    if (is_needed(c, k, id, &user)) {
        return call_fail(c, 500, "delete sdn controller object failed: controller %s is used by %s",
                         id, user);
    }
    drop(c, k, id);
    return 0;
}

/* ---- applied, or forgotten ---- */

static const char *reload_all(struct sim_task *t) {
    CLEANUP(js_freep) js *nodes = js_copy(state_get(&t->s->st, "nodes", NULL));

    JS_FOREACH(nodes, name, n) {
        if (js_bool_or(n, "online", true)) {
            task_log(t, "%s: reloading network config", name);
            network_apply(t->s, name);
        }
    }
    return NULL;
}

/* The configuration counts as running at once; the nodes follow by the task. */
int route_sdn_apply(struct call *c) {
    struct sim_task *t = task_new(c, reload_all);

    if (!t) {
        return call_fail(c, 500, "out of memory");
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const js *conf = config(c->s, &kinds[i]);

        if (kinds[i].applied && (conf || running(c->s, &kinds[i]))) {
            state_set(&c->s->st, conf ? js_copy(conf) : js_object(), "sdn", "running",
                      kinds[i].list, NULL);
        }
        prune(c->s, &kinds[i]);
    }
    return task_start(c, t, js_str_or(state_get(&c->s->st, "cluster", NULL), "local", ""),
                      "reloadnetworkall", "");
}

int route_sdn_rollback(struct call *c) {
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const js *run = running(c->s, &kinds[i]);

        if (kinds[i].applied && (run || config(c->s, &kinds[i]))) {
            state_set(&c->s->st, run ? js_copy(run) : js_object(), "sdn", kinds[i].list, NULL);
        }
        prune(c->s, &kinds[i]);
    }
    sim_tick(c->s);
    return 0;
}

int route_sdn_index(struct call *c) {
    static const char *const parts[] = {"vnets", "zones", "controllers", "ipams", "dns", "fabrics"};

    c->data = index_of("id", parts, ARRAY_LEN(parts));
    return 0;
}
