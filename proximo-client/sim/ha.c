/* SPDX-License-Identifier: Apache-2.0 */
/* HA resources and rules as they are kept and shown; ha_manager.c acts by them. */
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/sim/ha.h"
#include "proximo-client/sim/routes.h"

static js *resources(struct sim *s) {
    return state_get(&s->st, "ha", "resources", NULL);
}

const char *ha_disarmed(struct sim *s) {
    return js_get_str(state_get(&s->st, "ha", "disarm", NULL), "mode");
}

/* Disarmed in this mode, guests are as if HA had none. */
static bool ha_is_ignored(struct sim *s) {
    return ha_disarmed(s) && strcmp(ha_disarmed(s), "ignore") == 0;
}

/* "ignored" is in the list but the manager leaves it alone. */
bool ha_managed(struct sim *s, const struct guest *g, const char **state) {
    char sid[32];
    js *r;

    guest_sid(g, sid, sizeof(sid));
    r = js_get(resources(s), sid);
    if (!r || ha_is_ignored(s)) {
        return false;
    }
    *state = js_str_or(r, "state", "started");
    return strcmp(*state, "ignored") != 0;
}

void ha_request(struct sim *s, const struct guest *g, const char *state) {
    char sid[32];

    guest_sid(g, sid, sizeof(sid));
    ha_changed(s);
    state_set(&s->st, js_str(state), "ha", "resources", sid, "state", NULL);
}

int route_ha_index(struct call *c) {
    static const char *const names[] = {"status", "resources", "groups", "rules"};

    c->data = index_of("id", names, ARRAY_LEN(names));
    return 0;
}

int route_ha_status_index(struct call *c) {
    static const char *const names[] = {"current", "manager_status", "disarm-ha", "arm-ha"};

    c->data = index_of("name", names, ARRAY_LEN(names));
    return 0;
}

int route_ha_groups(struct call *c) {
    return call_fail(c, 500, "cannot %s: ha groups have been migrated to rules",
                     call_str(c, "group") ? "read group" : "index groups");
}

static js *resource_out(struct sim *s, const char *sid, const js *r) {
    js *o = js_copy(r);
    char digest[41];

    cfg_digest(cfg_ha_resources, s, digest);
    js_add(o, "sid", js_str(sid));
    js_add(o, "type", js_str(strncmp(sid, "ct:", 3) == 0 ? "ct" : "vm"));
    js_add(o, "digest", js_str(digest));
    if (!js_get(o, "state")) {
        js_add(o, "state", js_str("started"));
    }
    return o;
}

int route_ha_resources(struct call *c) {
    const char *type = call_str(c, "type");

    c->data = js_array();
    if (resources(c->s)) {
        JS_FOREACH(resources(c->s), sid, r) {
            if (!type || strncmp(sid, type, 2) == 0) {
                js_push(c->data, resource_out(c->s, sid, r));
            }
        }
    }
    return 0;
}

/* "ct:301", or "301" alone; the guest has to exist. */
static int sid_of_call(struct call *c, char *sid, size_t size, struct guest *g) {
    const char *text = call_str(c, "sid");
    const char *number = strchr(text, ':') ? strchr(text, ':') + 1 : text;
    uint32_t vmid;

    if (ident_vmid(number, &vmid) < 0 ||
        (number != text && strncmp(text, "ct:", 3) != 0 && strncmp(text, "vm:", 3) != 0)) {
        return call_param_error(
            c, "sid", "invalid format - value does not look like a valid ha resource id\n");
    }
    if (guest_find(c->s, vmid, g)) {
        guest_sid(g, sid, size);
        if (number == text || strcmp(sid, text) == 0) {
            return 0;
        }
    }
    (void)snprintf(sid, size, "%s", text);
    g->obj = NULL;
    return 0;
}

int route_ha_resource(struct call *c) {
    struct guest g;
    char sid[32];
    js *r;

    if (sid_of_call(c, sid, sizeof(sid), &g) < 0) {
        return -1;
    }
    r = js_get(resources(c->s), sid);
    if (!r) {
        return call_fail(c, 500, "no such resource '%s'", sid);
    }
    c->data = resource_out(c->s, sid, r);
    return 0;
}

static void set_fields(struct call *c, const char *sid) {
    static const char *const ints[] = {"max_relocate", "max_restart", "failback"};

    for (size_t i = 0; i < ARRAY_LEN(ints); i++) {
        if (js_get(c->params, ints[i])) {
            state_set(&c->s->st, js_int(call_int(c, ints[i], 0)), "ha", "resources", sid, ints[i],
                      NULL);
        }
    }
    if (call_str(c, "comment")) {
        state_set(&c->s->st, js_str(call_str(c, "comment")), "ha", "resources", sid, "comment",
                  NULL);
    }
    ha_changed(c->s);
    if (call_str(c, "state")) {
        const char *st = call_str(c, "state");

        state_set(&c->s->st, js_str(strcmp(st, "enabled") == 0 ? "started" : st), "ha", "resources",
                  sid, "state", NULL);
    }
}

int route_ha_resource_create(struct call *c) {
    struct guest g;
    char sid[32];

    if (sid_of_call(c, sid, sizeof(sid), &g) < 0) {
        return -1;
    }
    if (!g.obj) {
        return call_fail(c, 500,
                         "create ha resource failed: unable to find configuration file for "
                         "'%s' on node",
                         sid);
    }
    if (js_get(resources(c->s), sid)) {
        return call_fail(c, 500, "create ha resource failed: resource ID '%s' already defined",
                         sid);
    }
    state_set(&c->s->st, js_object(), "ha", "resources", sid, NULL);
    set_fields(c, sid);
    sim_tick(c->s);
    return 0;
}

int route_ha_resource_update(struct call *c) {
    struct guest g;
    char sid[32], digest[41], list[256];

    if (sid_of_call(c, sid, sizeof(sid), &g) < 0) {
        return -1;
    }
    if (!js_get(resources(c->s), sid)) {
        return call_fail(c, 500, "no such resource '%s'", sid);
    }
    cfg_digest(cfg_ha_resources, c->s, digest);
    if (call_str(c, "digest") && strcmp(call_str(c, "digest"), digest) != 0) {
        return call_fail(c, 500,
                         "detected modified configuration - file changed by other user? "
                         "Try again.");
    }
    (void)snprintf(list, sizeof(list), "%s", call_str(c, "delete") ? call_str(c, "delete") : "");
    for (char *save = NULL, *name = strtok_r(list, ",; ", &save); name;
         name = strtok_r(NULL, ",; ", &save)) {
        state_del(&c->s->st, "ha", "resources", sid, name, NULL);
    }
    set_fields(c, sid);
    sim_tick(c->s);
    return 0;
}

void ha_purge(struct sim *s, const char *sid) {
    CLEANUP(js_freep)
    js *rules = js_copy(js_object_or_empty(state_get(&s->st, "ha", "rules", NULL)));

    JS_FOREACH(rules, id, rule) {
        char left[512] = "", list[512];
        bool was_in = false;

        (void)snprintf(list, sizeof(list), "%s", js_str_or(rule, "resources", ""));
        for (char *save = NULL, *one = strtok_r(list, ",; ", &save); one;
             one = strtok_r(NULL, ",; ", &save)) {
            size_t len = strlen(left);

            was_in |= strcmp(one, sid) == 0;
            if (strcmp(one, sid) != 0) {
                (void)snprintf(left + len, sizeof(left) - len, "%s%s", len ? "," : "", one);
            }
        }
        if (was_in && !left[0]) {
            state_del(&s->st, "ha", "rules", id, NULL);
        } else if (was_in) {
            state_set(&s->st, js_str(left), "ha", "rules", id, "resources", NULL);
        }
    }
}

int route_ha_resource_delete(struct call *c) {
    struct guest g;
    char sid[32];

    if (sid_of_call(c, sid, sizeof(sid), &g) < 0) {
        return -1;
    }
    if (!js_get(resources(c->s), sid)) {
        return call_fail(c, 500, "cannot delete service '%s', not HA managed!", sid);
    }
    state_del(&c->s->st, "ha", "resources", sid, NULL);
    if (call_bool(c, "purge", true)) {
        ha_purge(c->s, sid);
    }
    sim_tick(c->s);
    return 0;
}

int route_ha_move(struct call *c) {
    const char *how = strrchr(c->path, '/') + 1, *node = call_str(c, "node");
    js *with = NULL, *block = NULL;
    struct service v;
    struct guest g;
    char sid[32];

    if (sid_of_call(c, sid, sizeof(sid), &g) < 0) {
        return -1;
    }
    if (!service_find(c->s, sid, &v)) {
        return call_fail(c, 500, "service '%s' is not HA managed", sid);
    }
    if (strcmp(ha_state(c->s, &v, false), "error") == 0) {
        return call_fail(c, 500, "service '%s' in error state, must be disabled and fixed first",
                         sid);
    }
    (void)ha_move(c->s, &v, how, node, &with, &block);
    c->data = js_object();
    js_add(c->data, "sid", js_str(sid));
    js_add(c->data, "requested-node", js_str(node));
    if (js_len(with)) {
        js_add(c->data, "comigrated-resources", js_ref(with));
    }
    if (js_len(block)) {
        js_add(c->data, "blocking-resources", js_ref(block));
    }
    js_freep(&with);
    js_freep(&block);
    sim_tick(c->s);
    return 0;
}

/* ---- rules ---- */

static js *rule_out(struct sim *s, const char *id, const js *r, int order) {
    js *o = js_copy(r);
    char digest[41];

    cfg_digest(cfg_ha_rules, s, digest);
    js_add(o, "rule", js_str(id));
    js_add(o, "order", js_int(order));
    js_add(o, "digest", js_str(digest));
    return o;
}

int route_ha_rules(struct call *c) {
    js *all = state_get(&c->s->st, "ha", "rules", NULL);
    int order = 0;

    c->data = js_array();
    if (all) {
        JS_FOREACH(all, id, r) {
            const char *type = call_str(c, "type"), *res = call_str(c, "resource");

            order++;
            if ((!type || strcmp(type, js_str_or(r, "type", "")) == 0) &&
                (!res || strstr(js_str_or(r, "resources", ""), res))) {
                js_push(c->data, rule_out(c->s, id, r, order));
            }
        }
    }
    return 0;
}

int route_ha_rule(struct call *c) {
    js *all = state_get(&c->s->st, "ha", "rules", NULL);
    int order = 0;

    if (all) {
        JS_FOREACH(all, id, r) {
            order++;
            if (strcmp(id, call_str(c, "rule")) == 0) {
                c->data = rule_out(c->s, id, r, order);
                return 0;
            }
        }
    }
    return call_fail(c, 500, "no such ha rule '%s'", call_str(c, "rule"));
}

/* ---- armed or not ---- */

/* The real one files the request and answers; its next round sees it. A second one is ignored. */
int route_ha_disarm(struct call *c) {
    if (!ha_disarmed(c->s)) {
        state_set(&c->s->st, js_str(call_str(c, "resource-mode")), "ha", "disarm", "mode", NULL);
        sim_tick(c->s);
    }
    return 0;
}

int route_ha_arm(struct call *c) {
    if (ha_disarmed(c->s)) {
        state_del(&c->s->st, "ha", "disarm", NULL);
        ha_changed(c->s);
        sim_tick(c->s);
    }
    return 0;
}
