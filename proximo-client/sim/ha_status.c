/* SPDX-License-Identifier: Apache-2.0 */
/* What the HA manager shows of itself: who is master, whether it is armed, what each node's own
 * manager and each service are at. ha.c keeps what it works on. */
#include <string.h>
#include <time.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/sim/ha.h"
#include "proximo-client/sim/routes.h"

static js *resources(struct sim *s) {
    return state_get(&s->st, "ha", "resources", NULL);
}

static const char *stamp(struct sim *s, char ret[static 40]) {
    time_t now = (time_t)sim_now(s);
    struct tm tm;

    (void)gmtime_r(&now, &tm);
    (void)strftime(ret, 40, "%a %b %e %H:%M:%S %Y", &tm);
    return ret;
}

static const char *master(struct sim *s) {
    js *nodes = state_get(&s->st, "nodes", NULL);
    const char *name = js_get_str(state_get(&s->st, "cluster", NULL), "ha_master");

    if (name) {
        return name;
    }
    JS_FOREACH(nodes, node, n) {
        if (js_bool_or(n, "online", true)) {
            return node;
        }
    }
    return "";
}

static js *status_entry(const char *id, const char *type, const char *node) {
    js *o = js_object();

    js_add(o, "id", js_str(id));
    js_add(o, "type", js_str(type));
    js_add(o, "node", js_str(node));
    return o;
}

static bool node_has_service(struct sim *s, const char *node) {
    JS_FOREACH(resources(s), sid, r) {
        struct guest g;
        uint32_t vmid;

        if (strcmp(js_str_or(r, "state", "started"), "ignored") != 0 && strlen(sid) > 3 &&
            ident_vmid(sid + 3, &vmid) == 0 && guest_find(s, vmid, &g) &&
            strcmp(g.node, node) == 0) {
            return true;
        }
    }
    return false;
}

static void service_entry(struct call *c, const char *sid, const js *r) {
    const char *want = js_str_or(r, "state", "started"), *is = want;
    struct service v;
    char id[64];
    js *o;
    bool managed = service_find(c->s, sid, &v);

    if (!v.g.obj) {
        return;
    }
    is = managed ? ha_state(c->s, &v, true) : want;
    (void)snprintf(id, sizeof(id), "service:%s", sid);
    o = status_entry(id, "service", v.g.node);
    js_add(o, "sid", js_str(sid));
    js_add(o, "state", js_str(is));
    js_add(o, "request_state", js_str(want));
    if (managed) {
        js_add(o, "crm_state", js_str(ha_state(c->s, &v, false)));
    }
    js_addf(o, "status", "%s (%s, %s)", sid, v.g.node, is);
    js_add(o, "failback", js_int(js_int_or(r, "failback", 1)));
    js_add(o, "max_relocate", js_int(js_int_or(r, "max_relocate", 1)));
    js_add(o, "max_restart", js_int(js_int_or(r, "max_restart", 1)));
    js_push(c->data, o);
}

int route_ha_current(struct call *c) {
    js *nodes = state_get(&c->s->st, "nodes", NULL), *o;
    const char *m = master(c->s);
    const char *local = js_str_or(state_get(&c->s->st, "cluster", NULL), "local", "");
    char when[40];

    (void)stamp(c->s, when);
    c->data = js_array();
    o = status_entry("quorum", "quorum", local);
    js_add(o, "quorate", js_int(js_int_or(state_get(&c->s->st, "cluster", NULL), "quorate", 1)));
    js_add(o, "status", js_str("OK"));
    js_push(c->data, o);
    if (!resources(c->s) || !js_members(resources(c->s))) {
        return 0;
    }
    o = status_entry("master", "master", m);
    js_addf(o, "status", "%s (active, %s)", m, when);
    js_add(o, "timestamp", js_int(sim_now(c->s)));
    js_push(c->data, o);
    o = status_entry("fencing", "fencing", m);
    if (ha_disarmed(c->s)) {
        js_add(o, "armed-state", js_str("disarmed"));
        js_add(o, "resource_mode", js_str(ha_disarmed(c->s)));
        js_addf(o, "status", "disarmed, resource mode: %s (CRM watchdog released)",
                ha_disarmed(c->s));
    } else {
        js_add(o, "armed-state", js_str("armed"));
        js_add(o, "status", js_str("armed (CRM watchdog active)"));
    }
    js_push(c->data, o);
    JS_FOREACH(nodes, node, n) {
        char id[80];

        (void)n;
        (void)snprintf(id, sizeof(id), "lrm:%s", node);
        o = status_entry(id, "lrm", node);
        js_addf(o, "status", "%s (%s, %s)", node,
                !node_is_up(c->s, node)        ? "old timestamp - dead?, watchdog standby"
                : !node_is_usable(c->s, node)  ? "maintenance mode, watchdog active"
                : node_has_service(c->s, node) ? "active, watchdog active"
                                               : "idle, watchdog standby",
                when);
        js_add(o, "timestamp", js_int(sim_now(c->s)));
        js_push(c->data, o);
    }
    JS_FOREACH(resources(c->s), sid, r) {
        service_entry(c, sid, r);
    }
    return 0;
}

int route_ha_manager(struct call *c) {
    js *nodes = state_get(&c->s->st, "nodes", NULL);
    js *lrm = js_object(), *status = js_object(), *service = js_object(), *m = js_object();
    js *quorum = js_object();

    JS_FOREACH(nodes, node, n) {
        js *o = js_object();

        bool in_maintenance = node_is_up(c->s, node) && !node_is_usable(c->s, node);

        js_add(o, "mode", js_str(in_maintenance ? "maintenance" : "active"));
        js_add(o, "results", js_object());
        js_add(o, "state",
               js_str(resources(c->s) && node_has_service(c->s, node) ? "active"
                                                                      : "wait_for_agent_lock"));
        js_add(o, "timestamp", js_int(sim_now(c->s)));
        js_add(lrm, node, o);
        js_add(status, node,
               js_str(in_maintenance                  ? "maintenance"
                      : js_bool_or(n, "online", true) ? "online"
                                                      : "unknown"));
    }
    if (resources(c->s)) {
        JS_FOREACH(resources(c->s), sid, r) {
            struct service v;

            (void)r;
            if (service_find(c->s, sid, &v)) {
                const char *to =
                    js_get_str(state_get(&c->s->st, "ha", "moves", sid, NULL), "target");
                js *o = js_object();

                js_add(o, "node", js_str(v.g.node));
                js_add(o, "state", js_str(ha_state(c->s, &v, false)));
                js_addf(o, "uid", "sim%u", v.g.vmid);
                if (to) {
                    js_add(o, "target", js_str(to));
                }
                if (guest_running(c->s, &v.g)) {
                    js_add(o, "running", js_int(1));
                }
                js_add(service, sid, o);
            }
        }
    }
    js_add(m, "master_node", js_str(master(c->s)));
    if (ha_disarmed(c->s)) {
        js *disarm = js_object();

        js_add(disarm, "mode", js_str(ha_disarmed(c->s)));
        js_add(disarm, "state", js_str("disarmed"));
        js_add(m, "disarm", disarm);
    }
    js_add(m, "node_status", status);
    js_add(m, "service_status", service);
    js_add(m, "timestamp", js_int(sim_now(c->s)));
    js_add(quorum, "node", js_str(js_str_or(state_get(&c->s->st, "cluster", NULL), "local", "")));
    js_add(quorum, "quorate", js_str("1"));
    c->data = js_object();
    js_add(c->data, "lrm_status", lrm);
    js_add(c->data, "manager_status", m);
    js_add(c->data, "quorum", quorum);
    return 0;
}
