/* SPDX-License-Identifier: Apache-2.0 */
/* Which node the HA manager chooses: node rules first (a rule that is not strict allows the other
 * nodes with the lowest priority), then those that must be kept apart, those that stay together,
 * the node that a maintenance drove it from, where it is, and the number of services. */
#include "proximo-client/sim/ha.h"

#include <stdlib.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/sim/routes.h"

bool service_find(struct sim *s, const char *sid, struct service *ret) {
    const js *conf = state_get(&s->st, "ha", "resources", sid, NULL);
    uint32_t vmid;

    *ret = (struct service){.sid = sid, .conf = conf, .want = js_str_or(conf, "state", "started")};
    if (strcmp(ret->want, "enabled") == 0) {
        ret->want = "started";
    }
    return strlen(sid) > 3 && ident_vmid(sid + 3, &vmid) == 0 && guest_find(s, vmid, &ret->g) &&
           conf && strcmp(ret->want, "ignored") != 0;
}

bool node_is_up(struct sim *s, const char *node) {
    const js *n = state_get(&s->st, "nodes", node, NULL);

    return n && js_bool_or(n, "online", true);
}

bool node_is_usable(struct sim *s, const char *node) {
    return node_is_up(s, node) && !state_get(&s->st, "nodes", node, "maintenance", NULL);
}

/* ---- rules ---- */

static bool applies(const js *rule, const char *type, const char *sid) {
    return strcmp(js_str_or(rule, "type", ""), type) == 0 && !js_bool_or(rule, "disable", false) &&
           list_has(js_get_str(rule, "resources"), sid);
}

js *ha_affine(struct sim *s, const char *sid, bool together) {
    js *found = js_array();

    JS_FOREACH(state_get(&s->st, "ha", "rules", NULL), id, rule) {
        char list[1024];

        (void)id;
        if (!applies(rule, "resource-affinity", sid) ||
            (strcmp(js_str_or(rule, "affinity", ""), "positive") == 0) != together) {
            continue;
        }
        (void)snprintf(list, sizeof(list), "%s", js_str_or(rule, "resources", ""));
        for (char *save = NULL, *one = strtok_r(list, ",; ", &save); one;
             one = strtok_r(NULL, ",; ", &save)) {
            if (strcmp(one, sid) != 0) {
                js_push(found, js_str(one));
            }
        }
    }
    return found;
}

static const js *node_rule(struct sim *s, const char *sid) {
    JS_FOREACH(state_get(&s->st, "ha", "rules", NULL), id, rule) {
        (void)id;
        if (applies(rule, "node-affinity", sid)) {
            return rule;
        }
    }
    return NULL;
}

/* Resources that stay together share a node rule. */
static const js *node_rule_of(struct sim *s, const char *sid) {
    CLEANUP(js_freep) js *with = ha_affine(s, sid, true);
    const js *rule = node_rule(s, sid);

    for (size_t i = 0; i < js_len(with) && !rule; i++) {
        rule = node_rule(s, json_object_get_string(js_at(with, i)));
    }
    return rule;
}

#define NOT_ALLOWED (-2)

/* "pve1:2,pve2": the priority of one node; others have -1, or are not allowed by a strict rule. */
static int64_t priority(const js *rule, const char *node) {
    size_t n = strlen(node);

    if (!rule) {
        return 0;
    }
    for (const char *at = js_str_or(rule, "nodes", ""); *at;) {
        size_t len = strcspn(at, ",; ");
        uint64_t value = 0;
        char number[16];

        if (len >= n && strncmp(at, node, n) == 0 && (len == n || at[n] == ':')) {
            (void)snprintf(number, sizeof(number), "%.*s", len > n ? (int)(len - n - 1) : 0,
                           at + n + (len > n));
            (void)ident_u64(number, &value);
            return (int64_t)value;
        }
        at += len + (at[len] != '\0');
    }
    return js_bool_or(rule, "strict", false) ? NOT_ALLOWED : -1;
}

/* The usable nodes that the rule allows, and of those the ones with the highest priority. */
static void by_rule(struct sim *s, const struct service *v, js *allowed, js *best) {
    const js *rule = node_rule_of(s, v->sid);
    int64_t top = NOT_ALLOWED;

    JS_FOREACH(state_get(&s->st, "nodes", NULL), node, n) {
        int64_t p = priority(rule, node);

        (void)n;
        if (p == NOT_ALLOWED || !node_is_usable(s, node)) {
            continue;
        }
        js_add(allowed, node, js_int(p));
        top = p > top ? p : top;
    }
    JS_FOREACH(allowed, name, value) {
        if (json_object_get_int64(value) == top) {
            js_add(best, name, js_int(1));
        }
    }
}

/* ---- others ---- */

/* Where another one is, and where it is moving to. */
static void used_nodes(struct sim *s, const char *sid, bool moved, js *count) {
    struct service o;
    const char *to = js_get_str(state_get(&s->st, "ha", "moves", sid, NULL), "target");

    if (!service_find(s, sid, &o)) {
        return;
    }
    if (node_is_usable(s, o.g.node) && !(moved && to)) {
        js_add(count, o.g.node, js_int(js_int_or(count, o.g.node, 0) + 1));
    }
    if (to && node_is_usable(s, to)) {
        js_add(count, to, js_int(js_int_or(count, to, 0) + 1));
    }
}

static js *nodes_of(struct sim *s, const char *sid, bool together) {
    CLEANUP(js_freep) js *others = ha_affine(s, sid, together);
    js *count = js_object();

    for (size_t i = 0; i < js_len(others); i++) {
        used_nodes(s, json_object_get_string(js_at(others, i)), together, count);
    }
    return count;
}

/* The node where most of those are that it stays with, of the ones that are left. */
static void keep_together(const js *with, js *nodes) {
    CLEANUP(js_freep) js *old = js_copy(nodes);
    const char *most = NULL;

    JS_FOREACH(old, node, v) {
        (void)v;
        if (js_get(with, node) &&
            (!most || js_int_or(with, node, 0) > js_int_or(with, most, 0) ||
             (js_int_or(with, node, 0) == js_int_or(with, most, 0) && strcmp(node, most) < 0))) {
            most = node;
        }
    }
    JS_FOREACH(old, name, value) {
        (void)value;
        if (most && strcmp(name, most) != 0) {
            json_object_object_del(nodes, name);
        }
    }
}

static void without(const js *gone, js *nodes) {
    JS_FOREACH(gone, node, v) {
        (void)v;
        json_object_object_del(nodes, node);
    }
}

/* ---- the choice ---- */

static int64_t services_at(struct sim *s, const char *node) {
    int64_t n = 0;

    JS_FOREACH(state_get(&s->st, "ha", "resources", NULL), sid, conf) {
        struct service o;

        (void)conf;
        n += service_find(s, sid, &o) && strcmp(o.want, "started") == 0 &&
             strcmp(o.g.node, node) == 0;
    }
    return n;
}

/* The key in the state that has this text: it outlives the lists made here. */
static const char *borrowed(struct sim *s, const char *node) {
    JS_FOREACH(state_get(&s->st, "nodes", NULL), name, n) {
        (void)n;
        if (node && strcmp(name, node) == 0) {
            return name;
        }
    }
    return NULL;
}

static const char *fewest(struct sim *s, const js *nodes) {
    const char *best = NULL;
    int64_t least = 0;

    JS_FOREACH(nodes, node, v) {
        int64_t n = services_at(s, node);

        (void)v;
        if (!best || n < least || (n == least && strcmp(node, best) < 0)) {
            best = node;
            least = n;
        }
    }
    return borrowed(s, best);
}

const char *ha_choose(struct sim *s, const struct service *v, enum prefer how) {
    CLEANUP(js_freep) js *allowed = js_object();
    CLEANUP(js_freep) js *best = js_object();
    CLEANUP(js_freep) js *with = nodes_of(s, v->sid, true);
    CLEANUP(js_freep) js *apart = nodes_of(s, v->sid, false);
    const char *here = v->g.node;
    const char *fallback = js_get_str(state_get(&s->st, "ha", "fallback", NULL), v->sid);

    by_rule(s, v, allowed, best);
    if (how == PREFER_NONE && !js_bool_or(v->conf, "failback", true) && js_get(allowed, here) &&
        (js_get(with, here) || !js_get(apart, here))) {
        return here;
    }
    if (how == PREFER_NEXT) {
        const js *failed = state_get(&s->st, "ha", "failed", v->sid, "nodes", NULL);

        without(failed, best);
    }
    without(apart, best);
    keep_together(with, best);
    if (fallback && js_get(best, fallback)) {
        return borrowed(s, fallback);
    }
    return how == PREFER_NONE && js_get(best, here) ? here : fewest(s, best);
}
