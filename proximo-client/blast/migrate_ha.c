/* SPDX-License-Identifier: Apache-2.0 */
/* What HA makes of a move: it is a wish that the manager carries out, its rules may forbid it, undo
 * it, or take other guests along. Also what becomes of replication. */
#include "proximo-client/blast/migrate_int.h"

#include <stdio.h>
#include <string.h>

#include "common/own.h"

/* Whether "c1:2,c2" has the node, with a priority or without. */
static bool is_named(const char *nodes, const char *node) {
    size_t n = strlen(node);

    for (const char *s = nodes; *s; s += strcspn(s, ",") + (s[strcspn(s, ",")] == ',')) {
        if (strncmp(s, node, n) == 0 && (s[n] == 0 || s[n] == ':' || s[n] == ',')) {
            return true;
        }
    }
    return false;
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

struct ha *move_rules(const struct picture *p) {
    CLEANUP(js_freep) js *world = js_object();
    struct ha *h = NULL;

    /* what the model borrows are the lists, and those are the picture's */
    js_add(world, "resources", js_ref((js *)(uintptr_t)picture_ha_resources(p)));
    js_add(world, "rules", js_ref((js *)(uintptr_t)picture_ha_rules(p)));
    return ha_new(p, world, &h) < 0 ? NULL : h;
}

static int priority_of(const struct ha_rule *r, int node) {
    return r && node >= 0 && (r->nodes >> node & 1) ? r->prio[node] : -1;
}

/* A node that is up and stands higher in the rule than the target. */
static bool prefers_another(const struct move *m, const struct ha_rule *r) {
    for (size_t i = 0; i < m->ha->n_node; i++) {
        if (m->ha->node[i].state == HA_ONLINE && priority_of(r, (int)i) > m->priority) {
            return true;
        }
    }
    return false;
}

static void check_node_rule(struct move *m, const struct ha_svc *s) {
    const int target = ha_node_find(m->ha, m->target);
    const struct ha_rule *r = s->placed;

    if (!r) {
        return;
    }
    m->priority = priority_of(r, target);
    if (r->strict && m->priority < 0) {
        move_blocks(m, "HA", "rule %.60s keeps it away from %s", r->id, m->target);
    } else if (s->failback && prefers_another(m, r)) {
        move_hit(m, "changed", RISK_MEDIUM, "HA",
                 "rule %.60s prefers other nodes than %s: the manager moves it back", r->id,
                 m->target);
    }
}

/* The rule that a service's relation to another comes from: rules speak for whole rings. */
static const char *rule_of(const struct ha *h, size_t a, size_t b, enum ha_kind kind) {
    for (size_t i = 0; i < h->n_rule; i++) {
        const struct ha_rule *r = &h->rule[i];
        bool has_a = false, has_b = false;

        for (size_t k = 0; k < r->n_svc && r->kind == kind && !r->bad; k++) {
            has_b |= ha_in_ring(h, b, r->svc[k]) && (kind == HA_APART || r->svc[k] == b);
            has_a |= ha_in_ring(h, a, r->svc[k]);
        }
        if (has_a && has_b) {
            return r->id;
        }
    }
    return "?";
}

/* The manager drops the wish when one that is to be apart is there, whether it runs or not. */
static void check_apart(struct move *m, size_t who) {
    const struct ha_svc *s = &m->ha->svc[who];

    for (size_t i = 0; i < s->n_apart; i++) {
        const struct ha_svc *o = &m->ha->svc[s->apart[i]];

        if (o->managed && o->g && strcmp(move_node_of(m, o->g), m->target) == 0) {
            move_blocks(m, "HA", "rule %.60s keeps it away from %s, which is at %s",
                        rule_of(m->ha, who, s->apart[i], HA_APART), o->resource, m->target);
        }
    }
}

/* It takes along everybody of its ring that is not there yet. */
static void check_together(struct move *m, size_t who) {
    for (size_t k = m->ha->svc[who].together; k != who; k = m->ha->svc[k].together) {
        const struct ha_svc *o = &m->ha->svc[k];
        char why[200];

        if (!o->managed || !o->g || strcmp(move_node_of(m, o->g), m->target) == 0) {
            continue;
        }
        m->hits[RISK_MEDIUM]++;
        if (m->d) {
            (void)snprintf(why, sizeof(why),
                           "HA rule %.60s keeps it with %s: it is moved to %s, too",
                           rule_of(m->ha, who, k, HA_TOGETHER), m->g->resource, m->target);
            tally_guest(m->t, m->d, o->g, "changed", RISK_MEDIUM, "HA", why);
        }
    }
}

static void check_rules(struct move *m) {
    char sid[24];
    size_t who;

    if (!m->ha) {
        if (m->d) {
            draft_unread(m->d, "HA rules", "there are more than 64 nodes", NULL);
        }
        return;
    }
    guest_sid(m->g, sid);
    who = ha_find(m->ha, sid);
    if (who != SIZE_MAX) {
        check_node_rule(m, &m->ha->svc[who]);
        check_apart(m, who);
        check_together(m, who);
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
