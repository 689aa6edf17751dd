/* SPDX-License-Identifier: Apache-2.0 */
/* What remains without a node: votes of corosync, monitors and replicas of Ceph. Without a majority
 * the cluster file system is read-only and the watchdogs of HA stop its guests everywhere. */
#include "proximo-client/blast/node_int.h"

#include <stdio.h>
#include <string.h>

#include "common/ident.h"

struct votes {
    uint32_t all, online, mine;
};

static uint32_t votes_of(const js *n) {
    const char *text = js_get_str(n, "quorum_votes");
    uint32_t v = 1;

    if (text && ident_u32(text, &v) < 0) {
        v = 1;
    }
    return text ? v : (uint32_t)js_int_or(n, "quorum_votes", 1);
}

static void count(const struct away *a, struct votes *v) {
    const js *list = picture_answer(a->p, "/cluster/config/nodes", NULL);

    for (size_t i = 0; i < js_len(list); i++) {
        const char *name = js_str_or(js_at(list, i), "name", "");
        uint32_t n = votes_of(js_at(list, i));
        bool is_online;

        (void)picture_node_find(a->p, name, &is_online);
        v->all += n;
        v->online += is_online ? n : 0;
        v->mine += strcmp(name, a->node) == 0 ? n : 0;
    }
}

static void lost(struct away *a, const char *why) {
    const struct guest *g;
    size_t n = picture_guests(a->p, &g);

    a->has_quorum = false;
    tally_affect(&a->tally, a->d,
                 &(struct affect){.resource = "cluster",
                                  .effect = "no-quorum",
                                  .severity = RISK_HIGH,
                                  .via = "quorum",
                                  .why = why});
    for (size_t i = 0; i < n; i++) {
        if (g[i].running && strcmp(g[i].node, a->node) != 0 && is_managed(a->p, &g[i])) {
            tally_guest(&a->tally, a->d, &g[i], "halted", RISK_HIGH, "quorum",
                        "its node cannot renew HA's lock and is reset by its watchdog");
        }
    }
}

void away_quorum(struct away *a) {
    const js *qdevice = picture_answer(a->p, "/cluster/config/qdevice", NULL);
    struct votes v = {0};
    uint32_t need, left;
    char why[200];

    count(a, &v);
    if (!v.all) {
        return; /* a node by itself, or not read and told so */
    }
    if (js_members(qdevice)) {
        draft_unread(a->d, "the quorum device", "how many votes it gives is not known here", NULL);
    }
    need = v.all / 2 + 1;
    left = v.online > v.mine ? v.online - v.mine : 0;
    (void)snprintf(why, sizeof(why),
                   "%u of %u votes remain and %u are needed: nothing can be started or changed",
                   left, v.all, need);
    if (left < need) {
        lost(a, why);
    } else if (left == need) {
        draft_risk(a->d, RISK_MEDIUM,
                   "%u of %u votes remain, just enough: no other node may fail meanwhile", left,
                   v.all);
    }
}

/* ---- Ceph ---- */

static const js *ceph(const struct away *a, const char *what) {
    char path[160];

    (void)snprintf(path, sizeof(path), "/nodes/%s/ceph/%s", a->node, what);
    return picture_answer(a->p, path, NULL);
}

/* Hosts of the tree with OSDs, and how many OSDs are on the node. */
static void count_osds(const js *tree, const char *node, unsigned int depth, uint32_t *hosts,
                       uint32_t *mine) {
    const js *children = js_get(tree, "children");
    bool is_host = strcmp(js_str_or(tree, "type", ""), "host") == 0;

    if (is_host && js_len(children)) {
        (*hosts)++;
        if (strcmp(js_str_or(tree, "name", ""), node) == 0) {
            *mine += (uint32_t)js_len(children);
        }
    }
    for (size_t i = 0; depth < 8 && !is_host && i < js_len(children); i++) {
        count_osds(js_at(children, i), node, depth + 1, hosts, mine);
    }
}

static void unreachable(struct away *a, const char *why) {
    const struct store *s;
    size_t n = picture_stores(a->p, &s);

    for (size_t i = 0; i < n; i++) {
        bool own = strcmp(s[i].type, "rbd") == 0 || strcmp(s[i].type, "cephfs") == 0;

        if (own && !s[i].disabled && !*js_str_or(s[i].def, "monhost", "")) {
            away_users(a, &s[i], why);
        }
    }
}

/* PVE names a monitor after its host unless told otherwise. */
static const char *host_of(const js *mon) {
    return js_str_or(mon, "host", js_str_or(mon, "name", ""));
}

static void check_monitors(struct away *a) {
    const js *list = ceph(a, "mon");
    size_t all = js_len(list), mine = 0;

    for (size_t i = 0; i < all; i++) {
        mine += strcmp(host_of(js_at(list, i)), a->node) == 0;
    }
    if (!mine) {
        return;
    }
    if (all - mine < all / 2 + 1) {
        tally_affect(&a->tally, a->d,
                     &(struct affect){.resource = "ceph",
                                      .effect = "unreachable",
                                      .severity = RISK_HIGH,
                                      .via = "mon",
                                      .why = "too few monitors remain for a majority"});
        unreachable(a, "its disk is in Ceph, which stands still without a majority of monitors");
    } else {
        tally_affect(&a->tally, a->d,
                     &(struct affect){.resource = "ceph",
                                      .effect = "degraded",
                                      .severity = RISK_MEDIUM,
                                      .via = "mon",
                                      .why = "a monitor is away"});
    }
}

static void check_pools(struct away *a, uint32_t hosts) {
    const js *list = ceph(a, "pool");

    for (size_t i = 0; i < js_len(list); i++) {
        const js *pool = js_at(list, i);
        int64_t size = js_int_or(pool, "size", 0), least = js_int_or(pool, "min_size", 0);
        const char *name = js_str_or(pool, "pool_name", js_str_or(pool, "pool", "?"));
        char label[120];

        (void)snprintf(label, sizeof(label), "ceph-pool/%.100s", name);
        if (size <= least || (int64_t)hosts - 1 < least) {
            tally_affect(&a->tally, a->d,
                         &(struct affect){.resource = label,
                                          .effect = "unreachable",
                                          .severity = RISK_HIGH,
                                          .via = "osd",
                                          .why = "fewer copies than min_size may remain of some "
                                                 "data: it is not served until the node is back"});
        }
    }
}

void away_ceph(struct away *a) {
    uint32_t hosts = 0, mine = 0;

    check_monitors(a);
    count_osds(js_get(ceph(a, "osd"), "root"), a->node, 0, &hosts, &mine);
    if (!mine) {
        return;
    }
    tally_affect(&a->tally, a->d,
                 &(struct affect){.resource = "ceph",
                                  .effect = "degraded",
                                  .severity = RISK_MEDIUM,
                                  .via = "osd",
                                  .why =
                                      "the node's OSDs are away: data have fewer copies, and are "
                                      "copied anew after a while unless noout is set"});
    check_pools(a, hosts);
}
