/* SPDX-License-Identifier: Apache-2.0 */
/* A running guest that HA looks after, and its node goes: the cluster's shutdown policy says
 * whether it waits there, is started elsewhere or is moved before; elsewhere is only where its
 * volumes are and no strict rule forbids it. */
#include "proximo-client/blast/node_int.h"

#include <stdio.h>
#include <string.h>

#include "proximo-client/blast/config_int.h"

bool is_managed(const struct picture *p, const struct guest *g) {
    const char *state = js_str_or(picture_ha_of(p, g), "state", "started");

    return picture_ha_of(p, g) && (strcmp(state, "started") == 0 || strcmp(state, "enabled") == 0);
}

/* The policy is "conditional" unless the options say otherwise: taken apart, or as one text. */
static void policy_of(const struct picture *p, char *ret, size_t size) {
    const js *ha = js_get(picture_answer(p, "/cluster/options", NULL), "ha");

    if (js_is_object(ha)) {
        (void)snprintf(ret, size, "%s", js_str_or(ha, "shutdown_policy", "conditional"));
    } else if (!js_is_str(ha) || !config_option(json_object_get_string((js *)(uintptr_t)ha),
                                                "shutdown_policy", ret, size)) {
        (void)snprintf(ret, size, "conditional");
    }
}

/* Whether all that the guest needs to start is at that node. */
static bool can_start_at(const struct picture *p, const struct guest *g, const char *node) {
    const js *job = replication_of(p, g->vmid);
    bool replica = job && strcmp(js_str_or(job, "target", ""), node) == 0;

    if (!g->cfg) {
        return false; /* not read, and told so */
    }
    for (size_t i = 0; i < g->vols.n; i++) {
        const struct volume *v = &g->vols.v[i];
        const struct store *s = picture_store(p, v->storage);

        if (v->unused || v->kind == VOLUME_EMPTY) {
            continue;
        }
        if (v->kind != VOLUME_STORAGE || !store_usable(s, node) ||
            !(s->shared || (replica && v->replicated && strcmp(s->type, "zfspool") == 0))) {
            return false;
        }
    }
    return true;
}

static const char *somewhere(const struct away *a, const struct guest *g) {
    for (size_t i = 0; i < picture_nodes(a->p); i++) {
        bool online = false;
        const char *node = picture_node(a->p, i, &online);

        if (online && strcmp(node, a->node) != 0 && !ha_forbids(a->p, g, node) &&
            can_start_at(a->p, g, node)) {
            return node;
        }
    }
    return NULL;
}

void away_managed(struct away *a, const struct guest *g) {
    char policy[40];

    policy_of(a->p, policy, sizeof(policy));
    if (strcmp(policy, "conditional") == 0) {
        (void)snprintf(policy, sizeof(policy), "%s", a->is_back ? "freeze" : "failover");
    }
    if (strcmp(policy, "freeze") == 0) {
        tally_guest(&a->tally, a->d, g, a->is_back ? "interrupted" : "halted",
                    a->is_back ? RISK_MEDIUM : RISK_HIGH, "HA",
                    a->is_back ? "HA leaves it where it is: it starts when the node is back"
                               : "HA leaves it where it is (policy freeze): it stays off until the "
                                 "node is back");
    } else if (!a->has_quorum) {
        tally_guest(&a->tally, a->d, g, "halted", RISK_HIGH, "HA",
                    "without quorum HA starts it nowhere else");
    } else if (!somewhere(a, g)) {
        tally_guest(&a->tally, a->d, g, "halted", RISK_HIGH, "HA",
                    "no other node has all its volumes and is allowed by HA's rules");
    } else if (strcmp(policy, "migrate") == 0) {
        tally_guest(&a->tally, a->d, g, "moved", RISK_LOW, "HA",
                    "HA moves it to another node before (policy migrate)");
    } else {
        tally_guest(&a->tally, a->d, g, "interrupted", RISK_MEDIUM, "HA",
                    "it stops with the node and HA starts it at another one some minutes later");
    }
}
