/* SPDX-License-Identifier: Apache-2.0 */
/* The HA manager's world out of the lists of the API: nodes with what the manager thinks of them,
 * services (managed or only named by a rule), rules, and the groups of PVE 8, which are node rules
 * of another spelling: members name their group. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/blast/ha_int.h"

static void *grow(void *list, size_t n, size_t size) {
    void *more = realloc(list, n * size);

    if (!more) {
        abort();
    }
    return more;
}

static int cmp_node(const void *a, const void *b) {
    return strcmp(((const struct ha_node *)a)->name, ((const struct ha_node *)b)->name);
}

static const js *manager_of(const js *world) {
    return js_get(js_get(world, "manager"), "manager_status");
}

static int take_nodes(struct ha *h, const js *world) {
    const js *seen = js_get(manager_of(world), "node_status");

    for (size_t i = 0; i < picture_nodes(h->p); i++) {
        bool online = false;
        const char *name = picture_node(h->p, i, &online);
        const char *state = js_str_or(seen, name, "online");

        if (h->n_node == HA_NODES) {
            return -E2BIG;
        }
        h->node[h->n_node++] =
            (struct ha_node){name, !online                             ? HA_GONE
                                   : strcmp(state, "online") == 0      ? HA_ONLINE
                                   : strcmp(state, "maintenance") == 0 ? HA_MAINTENANCE
                                                                       : HA_GONE};
    }
    if (h->n_node) {
        qsort(h->node, h->n_node, sizeof(h->node[0]), cmp_node);
    }
    return 0;
}

int ha_node_find(const struct ha *h, const char *name) {
    for (size_t i = 0; i < h->n_node; i++) {
        if (strcmp(h->node[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

const struct ha_rule *ha_rule_find(const struct ha *h, const char *id) {
    for (size_t i = 0; i < h->n_rule; i++) {
        if (strcmp(h->rule[i].id, id) == 0) {
            return &h->rule[i];
        }
    }
    return NULL;
}

static int cmp_svc(const void *a, const void *b) {
    return strcmp(((const struct ha_svc *)a)->sid, ((const struct ha_svc *)b)->sid);
}

size_t ha_find(const struct ha *h, const char *sid) {
    struct ha_svc key = {.sid = sid};
    const struct ha_svc *s =
        h->n_svc ? bsearch(&key, h->svc, h->n_svc, sizeof(key), cmp_svc) : NULL;

    return s ? (size_t)(s - h->svc) : SIZE_MAX;
}

static void take_def(struct ha *h, struct ha_svc *s, const js *def, const js *world) {
    const char *want = js_str_or(def, "state", "started");
    const js *group = list_row(js_get(world, "groups"), "group", js_str_or(def, "group", ""));
    const js *now = js_get(js_get(manager_of(world), "service_status"), s->sid);

    s->def = def;
    want = strcmp(want, "enabled") == 0 ? "started" : want;
    s->managed = strcmp(want, "ignored") != 0;
    s->want = s->managed ? want : "";
    /* a group decides for all that are in it */
    s->failback =
        group ? !js_bool_or(group, "nofailback", false) : js_bool_or(def, "failback", true);
    s->error = s->managed && strcmp(js_str_or(now, "state", ""), "error") == 0;
    s->fallback = ha_node_find(h, js_str_or(now, "maintenance_node", ""));
    s->node = ha_node_find(h, s->g ? s->g->node : js_str_or(now, "node", ""));
}

static void add_svc(struct ha *h, const char *sid) {
    const char *colon = strchr(sid, ':');
    struct ha_svc *s;
    uint32_t vmid = 0;

    h->svc = grow(h->svc, h->n_svc + 1, sizeof(*s));
    s = &h->svc[h->n_svc++];
    *s = (struct ha_svc){.sid = sid, .want = "", .node = -1, .fallback = -1, .ends = -1};
    s->is_ct = strncmp(sid, "ct:", 3) == 0;
    if (colon && ident_vmid(colon + 1, &vmid) == 0) {
        s->g = picture_guest(h->p, vmid);
        if (s->g && (strcmp(s->g->kind, "lxc") == 0) != s->is_ct) {
            s->g = NULL; /* another guest than is meant */
        }
    }
    (void)snprintf(s->resource, sizeof(s->resource), "%s/%.30s", s->is_ct ? "ct" : "vm",
                   colon ? colon + 1 : sid);
}

/* Every name once, managed or not: from the resources and from the lists of rules. */
static void take_services(struct ha *h, const js *world) {
    const js *resources = js_get(world, "resources");
    js *names = h->names;

    for (size_t i = 0; i < js_len(resources); i++) {
        js_add(names, js_str_or(js_at(resources, i), "sid", ""), js_int((int64_t)i));
    }
    JS_FOREACH(names, sid, place) {
        (void)place;
        add_svc(h, sid);
    }
    if (h->n_svc) {
        qsort(h->svc, h->n_svc, sizeof(h->svc[0]), cmp_svc);
    }
    for (size_t i = 0; i < h->n_svc; i++) {
        int64_t at = -1;

        h->svc[i].together = i;
        h->svc[i].node = h->svc[i].g ? ha_node_find(h, h->svc[i].g->node) : -1;
        if (js_get_int(names, h->svc[i].sid, &at) && at >= 0) {
            take_def(h, &h->svc[i], js_at(resources, (size_t)at), world);
        }
    }
}

static void take_rule_nodes(struct ha *h, struct ha_rule *r, const js *row) {
    CLEANUP(js_freep) js *list = form_words(row, "nodes");

    for (size_t i = 0; i < js_len(list); i++) {
        const char *word = json_object_get_string(js_at(list, i));
        uint32_t prio = 0;
        char name[80];
        int at;

        (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, ":"), word);
        at = ha_node_find(h, name);
        if (at >= 0) {
            r->nodes |= (ha_nodes)1 << at;
            (void)ident_u32(word + strcspn(word, ":") + (strchr(word, ':') != NULL), &prio);
            r->prio[at] = prio > INT32_MAX ? INT32_MAX : (int)prio;
        }
    }
}

static struct ha_rule *new_rule(struct ha *h, const char *id, enum ha_kind kind) {
    struct ha_rule *r;

    h->rule = grow(h->rule, h->n_rule + 1, sizeof(*r));
    r = &h->rule[h->n_rule++];
    *r = (struct ha_rule){.id = id, .kind = kind};
    return r;
}

static void rule_member(struct ha *h, struct ha_rule *r, const char *sid) {
    size_t at = ha_find(h, sid);

    for (size_t i = 0; i < r->n_svc; i++) {
        if (r->svc[i] == at) {
            return;
        }
    }
    if (at != SIZE_MAX) {
        r->svc = grow(r->svc, r->n_svc + 1, sizeof(size_t));
        r->svc[r->n_svc++] = at;
    }
}

static void take_rule(struct ha *h, const js *row) {
    const char *type = js_str_or(row, "type", "");
    bool is_node = strcmp(type, "node-affinity") == 0;
    bool is_positive = strcmp(js_str_or(row, "affinity", ""), "positive") == 0;
    CLEANUP(js_freep) js *list = form_words(row, "resources");
    struct ha_rule *r;

    if (js_bool_or(row, "disable", false) || (!is_node && strcmp(type, "resource-affinity") != 0)) {
        return;
    }
    r = new_rule(h, js_str_or(row, "rule", "?"),
                 is_node       ? HA_NODE_RULE
                 : is_positive ? HA_TOGETHER
                               : HA_APART);
    r->strict = js_bool_or(row, "strict", false);
    for (size_t i = 0; i < js_len(list); i++) {
        rule_member(h, r, json_object_get_string(js_at(list, i)));
    }
    take_rule_nodes(h, r, row);
}

static void take_group(struct ha *h, const js *row) {
    const char *id = js_str_or(row, "group", "?");
    struct ha_rule *r = NULL;

    for (size_t i = 0; i < h->n_svc; i++) {
        const js *def = h->svc[i].def;

        if (def && strcmp(js_str_or(def, "group", ""), id) == 0) {
            r = r ? r : new_rule(h, id, HA_NODE_RULE);
            rule_member(h, r, h->svc[i].sid);
        }
    }
    if (r) {
        r->is_group = true;
        r->strict = js_bool_or(row, "restricted", false);
        take_rule_nodes(h, r, row);
    }
}

int ha_new(const struct picture *p, const js *world, struct ha **ret) {
    CLEANUP(ha_freep) struct ha *h = calloc(1, sizeof(*h));
    const js *rules = js_get(world, "rules"), *groups = js_get(world, "groups");
    int r;

    if (!h) {
        abort();
    }
    h->p = p;
    h->names = js_object();
    h->armed = !js_get(manager_of(world), "disarm");
    r = take_nodes(h, world);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < js_len(rules); i++) {
        CLEANUP(js_freep) js *list = form_words(js_at(rules, i), "resources");

        for (size_t k = 0; k < js_len(list); k++) {
            js_add(h->names, json_object_get_string(js_at(list, k)), js_int(-1));
        }
    }
    take_services(h, world);
    for (size_t i = 0; i < js_len(rules); i++) {
        take_rule(h, js_at(rules, i));
    }
    for (size_t i = 0; i < js_len(groups); i++) {
        take_group(h, js_at(groups, i));
    }
    ha_compile(h);
    *ret = TAKE(h);
    return 0;
}

void ha_free(struct ha *h) {
    for (size_t i = 0; h && i < h->n_svc; i++) {
        free(h->svc[i].apart);
    }
    for (size_t i = 0; h && i < h->n_rule; i++) {
        free(h->rule[i].svc);
    }
    if (h) {
        json_object_put(h->names);
        free(h->svc);
        free(h->rule);
    }
    free(h);
}
