/* SPDX-License-Identifier: Apache-2.0 */
/* What HA makes of a move: it is a wish that the manager carries out, its rules may forbid it, undo
 * it, or take other guests along. Also what becomes of replication. */
#include "proximo-client/blast/migrate_int.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/ident.h"

/* "c1:2,c2": what the rule gives a node; 0 when it gives no number, -1 to one that it does not
 * name. */
static long long priority(const char *nodes, const char *node) {
    size_t n = strlen(node);

    for (const char *s = nodes; *s; s += strcspn(s, ",") + (s[strcspn(s, ",")] == ',')) {
        if (strncmp(s, node, n) == 0 && (s[n] == 0 || s[n] == ':' || s[n] == ',')) {
            uint64_t v = 0;

            return s[n] == ':' && ident_u64n(s + n + 1, strcspn(s + n + 1, ","), &v) == 0 &&
                           v <= LLONG_MAX
                       ? (long long)v
                       : 0;
        }
    }
    return -1;
}

static bool is_named(const char *nodes, const char *node) {
    return priority(nodes, node) >= 0;
}

bool ha_forbids(const struct picture *p, const struct guest *g, const char *node) {
    const js *rules = picture_ha_rules(p);
    char sid[24];

    guest_sid(g, sid);
    for (size_t i = 0; i < js_len(rules); i++) {
        const js *r = js_at(rules, i);

        if (strcmp(js_str_or(r, "type", ""), "node-affinity") == 0 &&
            !js_bool_or(r, "disable", false) && js_bool_or(r, "strict", false) &&
            words_have(js_str_or(r, "resources", ""), sid) &&
            !is_named(js_str_or(r, "nodes", ""), node)) {
            return true;
        }
    }
    return false;
}

/* A node that is up and stands higher in the rule than the target. */
static bool prefers_another(const struct move *m, const char *nodes) {
    long long mine = priority(nodes, m->target);
    for (size_t i = 0; i < picture_nodes(m->p); i++) {
        bool online = false;
        const char *name = picture_node(m->p, i, &online);

        if (online && priority(nodes, name) > mine) {
            return true;
        }
    }
    return false;
}

static void check_node_rule(struct move *m, const js *rule) {
    const char *id = js_str_or(rule, "rule", "?"), *nodes = js_str_or(rule, "nodes", "");

    if (js_bool_or(rule, "strict", false) && !is_named(nodes, m->target)) {
        move_blocks(m, "HA", "rule %.60s keeps it away from %s", id, m->target);
    } else if (js_bool_or(picture_ha_of(m->p, m->g), "failback", true) &&
               prefers_another(m, nodes)) {
        move_hit(m, "changed", RISK_MEDIUM, "HA",
                 "rule %.60s prefers other nodes than %s: the manager moves it back", id,
                 m->target);
    }
}

struct others {
    struct move *m;
    const char *rule;
    bool together;
};

static void on_other(void *ctx, const char *sid) {
    struct others *o = ctx;
    struct move *m = o->m;
    const char *colon = strchr(sid, ':');
    const struct guest *g;
    uint32_t vmid = 0;
    char why[200];

    if (ident_vmid(colon ? colon + 1 : sid, &vmid) < 0 || vmid == m->g->vmid ||
        !(g = picture_guest(m->p, vmid))) {
        return;
    }
    if (!o->together) {
        if (strcmp(move_node_of(m, g), m->target) == 0) {
            move_blocks(m, "HA", "rule %.60s keeps it away from %s, which is at %s", o->rule,
                        g->resource, m->target);
        }
        return;
    }
    if (strcmp(move_node_of(m, g), m->target) == 0 || !m->d) {
        return;
    }
    (void)snprintf(why, sizeof(why), "HA rule %.60s keeps it with %s: it is moved to %s, too",
                   o->rule, m->g->resource, m->target);
    tally_guest(m->t, m->d, g, "changed", RISK_MEDIUM, "HA", why);
}

static void check_rules(struct move *m) {
    const js *rules = picture_ha_rules(m->p);
    char sid[24];

    guest_sid(m->g, sid);
    for (size_t i = 0; i < js_len(rules); i++) {
        const js *r = js_at(rules, i);
        const char *type = js_str_or(r, "type", "");

        if (js_bool_or(r, "disable", false) || !words_have(js_str_or(r, "resources", ""), sid)) {
            continue;
        }
        if (strcmp(type, "node-affinity") == 0) {
            check_node_rule(m, r);
        } else if (strcmp(type, "resource-affinity") == 0) {
            struct others o = {m, js_str_or(r, "rule", "?"),
                               strcmp(js_str_or(r, "affinity", ""), "positive") == 0};

            words_each(js_str_or(r, "resources", ""), on_other, &o);
        }
    }
}

static void check_replication(struct move *m) {
    const js *jobs = picture_replication_jobs(m->p);

    for (size_t i = 0; i < js_len(jobs); i++) {
        const js *j = js_at(jobs, i);
        const char *id = js_str_or(j, "id", "?");

        if (js_int_or(j, "guest", 0) != (int64_t)m->g->vmid) {
            continue;
        }
        if (strcmp(js_str_or(j, "target", ""), m->target) == 0) {
            move_hit(m, "changed", RISK_LOW, "replication", "job %.60s turns round: from %s to %s",
                     id, m->target, m->g->node);
        } else if (m->live && !m->job && !m->force) {
            move_blocks(m, "replication",
                        "it is replicated (job %.60s), and a running guest goes to its replica's "
                        "node only, unless forced",
                        id);
        } else {
            move_hit(m, "degraded", RISK_MEDIUM, "replication",
                     "job %.60s to %.60s has to start anew from %s, or fails", id,
                     js_str_or(j, "target", "?"), m->target);
        }
    }
}

void move_ha(struct move *m) {
    if (picture_ha_managed(m->p, m->g)) {
        move_hit(m, "changed", RISK_MEDIUM, "HA",
                 "managed by HA: the move is filed as a wish, and its task's OK means no more");
        check_rules(m);
    }
    check_replication(m);
}
