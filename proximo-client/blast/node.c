/* SPDX-License-Identifier: Apache-2.0 */
/* A node reboots or shuts down: which of its guests stop and which come back, what HA does with
 * those it looks after, and what others lose: storages that the node or its guests serve, replicas,
 * quorum, Ceph. */
#include "proximo-client/blast/node_int.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void hit(struct away *a, const char *resource, const char *effect, enum risk risk,
                const char *via, const char *why) {
    tally_other(&a->tally, a->d, resource, effect, risk, via, why);
}

static void check_guest(struct away *a, const struct guest *g) {
    bool starts = js_bool_or(g->cfg, "onboot", false);

    if (g->template) {
        return;
    }
    if (!g->running) {
        if (!a->is_back && !is_managed(a->p, g)) {
            tally_guest(&a->tally, a->d, g, "stranded", RISK_LOW, NULL,
                        "it cannot be started while the node is off");
        } else if (a->is_back && starts && !is_managed(a->p, g)) {
            tally_guest(&a->tally, a->d, g, "started", RISK_LOW, NULL,
                        "it is off now, and onboot starts it with the node");
        }
        return;
    }
    if (is_managed(a->p, g)) {
        away_managed(a, g);
    } else if (a->is_back && starts) {
        tally_guest(&a->tally, a->d, g, "interrupted", RISK_MEDIUM, NULL,
                    "it stops with the node and starts when the node is back");
    } else {
        tally_guest(&a->tally, a->d, g, "halted", RISK_MEDIUM, NULL,
                    starts ? "it stops with the node and stays off until the node is back"
                           : "it stops with the node and nothing starts it again: onboot is not "
                             "set");
    }
    served_by(a->p, g, &a->tally, a->d);
}

void away_users(struct away *a, const struct store *s, const char *why) {
    const struct guest *g;
    size_t n = picture_guests(a->p, &g);

    for (size_t i = 0; i < n; i++) {
        for (size_t v = 0; strcmp(g[i].node, a->node) != 0 && v < g[i].vols.n; v++) {
            const struct volume *vol = &g[i].vols.v[v];

            if (vol->kind == VOLUME_STORAGE && !vol->unused && strcmp(vol->storage, s->id) == 0) {
                tally_guest(&a->tally, a->d, &g[i], "unreachable", RISK_HIGH, vol->key, why);
                break;
            }
        }
    }
}

/* "10.0.0.1", "10.0.0.1:3260", "[fd00::1]:3260" or a name, and one of the node's addresses. */
static bool is_at(const char *server, const char *address) {
    size_t n = strlen(address);

    if (*server == '[') {
        server++;
    }
    return n && strncmp(server, address, n) == 0 &&
           (!server[n] || server[n] == ':' || server[n] == ']');
}

static bool node_serves(const struct away *a, const struct store *s) {
    const js *list = picture_answer(a->p, "/cluster/config/nodes", NULL);
    const char *server = js_str_or(s->def, "server", js_str_or(s->def, "portal", ""));

    if (!*server) {
        return false;
    }
    for (size_t i = 0; i < js_len(list); i++) {
        const js *n = js_at(list, i);

        if (strcmp(js_str_or(n, "name", ""), a->node) == 0 &&
            (is_at(server, js_str_or(n, "ring0_addr", "")) ||
             is_at(server, js_str_or(n, "ring1_addr", "")))) {
            return true;
        }
    }
    return is_at(server, a->node);
}

static void check_stores(struct away *a) {
    const struct store *s;
    size_t n = picture_stores(a->p, &s);

    for (size_t i = 0; i < n; i++) {
        char label[120], why[160];

        if (s[i].disabled || !node_serves(a, &s[i])) {
            continue;
        }
        (void)snprintf(label, sizeof(label), "storage/%.100s", s[i].id);
        (void)snprintf(why, sizeof(why), "storage %.60s is served by %.60s", s[i].id, a->node);
        hit(a, label, "unreachable", RISK_HIGH, "server", "the node serves it");
        away_users(a, &s[i], why);
    }
}

static void check_replication(struct away *a) {
    const js *jobs = picture_replication_jobs(a->p);

    for (size_t i = 0; i < js_len(jobs); i++) {
        const js *job = js_at(jobs, i);
        char label[100];

        if (strcmp(js_str_or(job, "target", ""), a->node) == 0 &&
            !js_bool_or(job, "disable", false)) {
            (void)snprintf(label, sizeof(label), "job/%.80s", js_str_or(job, "id", "?"));
            hit(a, label, "degraded", RISK_LOW, "replication",
                "the guest is not replicated while its target is away");
        }
    }
}

int blast_node_power(const struct picture *p, const char *node, bool reboot, struct draft *d) {
    struct away a = {.p = p, .d = d, .node = node, .is_back = reboot, .has_quorum = true};
    bool online;
    const struct guest *g;
    size_t n = picture_guests(p, &g);
    char label[120];

    blast_unread(p, BLAST_NODE_NEEDS, 0, d);
    if (!picture_node_find(p, node, &online)) {
        draft_unread(d, "the node", "it is not in the list", "Sys.Audit on /nodes");
        return -ENOENT;
    }
    (void)snprintf(label, sizeof(label), "node/%.100s", node);
    if (!online) {
        hit(&a, label, "none", RISK_NONE, NULL, "it is offline: nothing can be asked of it");
        return 0;
    }
    hit(&a, label, reboot ? "interrupted" : "halted", RISK_MEDIUM, NULL,
        reboot ? "it is away until it has started again"
               : "it is off until somebody switches it on");
    away_quorum(&a);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(g[i].node, node) == 0) {
            check_guest(&a, &g[i]);
        }
    }
    check_stores(&a);
    check_replication(&a);
    away_ceph(&a);
    tally_risk(&a.tally, d);
    return 0;
}
