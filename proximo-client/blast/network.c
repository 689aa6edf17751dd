/* SPDX-License-Identifier: Apache-2.0 */
/* A change of a node's interfaces. What is only staged is compared with what was staged before, and
 * takes effect with the next reload or start; a reload is compared with what runs, and what runs is
 * known from the staged list and the difference beside it. */
#include "proximo-client/blast/network.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/own.h"

int blast_network_ask(const char *node, struct picture_ask *ret) {
    *ret = (struct picture_ask){.what = BLAST_NETWORK_NEEDS, .nodes = node, .guests_at = node};
    return 0;
}

/* What an interface is at all, for a change that nothing hangs on. */
static void tell_lists(struct net_case *c, const js *before, const js *after) {
    char resource[160];

    for (int way = 0; way < 2; way++) {
        const js *from = way ? after : before;
        const js *to = way ? before : after;

        for (size_t i = 0; i < js_len(from); i++) {
            const js *one = js_at(from, i);
            const char *name = js_str_or(one, "iface", "");
            const js *other = list_row(to, "iface", name);

            if ((way && other) || (other && js_eq(one, other))) {
                continue;
            }
            (void)snprintf(resource, sizeof(resource), "interface/%.60s/%.60s", c->before.node,
                           name);
            net_hit(c,
                    &(struct affect){.resource = resource,
                                     .node = c->before.node,
                                     .effect = "changed",
                                     .severity = RISK_LOW,
                                     .via = name,
                                     .why = ""},
                    "%s %s", name,
                    way     ? "is new"
                    : other ? "is set up in another way"
                            : "goes");
        }
    }
}

/* What is not said is so. */
static const char *const defaults[][2] = {
    {"bridge_stp", "off"}, {"bridge_fd", "0"}, {"bond_miimon", "100"}};

/* Members that say how it is now, not how it is to be. */
js *net_settings(const js *list) {
    static const char *const drop[] = {"active",   "exists",  "priority", "altnames",
                                       "families", "method",  "method6",  "address",
                                       "address6", "netmask", "netmask6"};
    js *out = js_copy(list);

    for (size_t i = 0; i < js_len(out); i++) {
        if (!js_is_object(js_at(out, i))) {
            continue; /* list_row() does not find it */
        }
        for (size_t k = 0; k < ARRAY_LEN(drop); k++) {
            json_object_object_del(js_at(out, i), drop[k]);
        }
        for (size_t k = 0; k < ARRAY_LEN(defaults); k++) {
            if (strcmp(js_str_or(js_at(out, i), defaults[k][0], ""), defaults[k][1]) == 0) {
                json_object_object_del(js_at(out, i), defaults[k][0]);
            }
        }
    }
    return out;
}

js *net_running_of(const js *list, const js *changes, js *doubts) {
    const js *running = js_get(changes, "running");

    if (js_is_str(changes)) {
        return net_running(list, json_object_get_string((js *)(uintptr_t)changes), doubts);
    }
    if (js_is_array(running)) {
        return js_copy(running);
    }
    if (changes) {
        js_push(doubts, js_str("the staged difference is no text"));
    }
    return js_copy(list);
}

/* Everything of one list is set up likewise in the other. */
static bool all_in(const js *list, const js *other) {
    for (size_t i = 0; i < js_len(list); i++) {
        const js *one = js_at(list, i);
        const js *same = list_row(other, "iface", js_str_or(one, "iface", ""));

        if (!same || !js_eq(one, same)) {
            return false;
        }
    }
    return true;
}

bool net_same(const js *a, const js *b) {
    CLEANUP(js_freep) js *x = net_settings(a);
    CLEANUP(js_freep) js *y = net_settings(b);

    return all_in(x, y) && all_in(y, x);
}

static void compare(struct net_case *c, const js *before, const js *after) {
    CLEANUP(js_freep) js *was = net_settings(before);
    CLEANUP(js_freep) js *now = net_settings(after);

    c->before.ifs = was;
    c->after.ifs = now;
    tell_lists(c, was, now);
    net_compare(c);
}

int net_state_of(const struct picture *p, const char *node, struct draft *d,
                 struct net_state *ret) {
    CLEANUP(js_freep) js *doubts = js_array();
    char path[120];
    const js *list;
    const js *changes;

    (void)snprintf(path, sizeof(path), "/nodes/%.63s/network", node);
    list = picture_answer(p, path, NULL);
    (void)snprintf(path, sizeof(path), "/nodes/%.63s/network#changes", node);
    changes = picture_answer(p, path, NULL);
    if (!js_is_array(list)) {
        return -ENOENT; /* told as unread */
    }
    ret->staged = js_copy(list);
    ret->running = net_running_of(list, changes, doubts);
    if (net_is_tangled(&(struct net_side){.node = node, .ifs = ret->staged}) ||
        net_is_tangled(&(struct net_side){.node = node, .ifs = ret->running})) {
        (void)snprintf(path, sizeof(path), "the interfaces of %.63s", node);
        draft_unread(d, path, "there are more of them, or more upon one another, than are followed",
                     NULL);
    }
    for (size_t i = 0; i < js_len(doubts); i++) {
        (void)snprintf(path, sizeof(path), "what runs on %.63s", node);
        draft_unread(d, path, json_object_get_string(js_at(doubts, i)), NULL);
    }
    return 0;
}

static void nothing_differs(const struct net_case *c) {
    const char *why = "nothing on this node fares otherwise by this change";

    draft_affect(c->d, &(struct affect){.resource = "network",
                                        .node = c->before.node,
                                        .effect = "none",
                                        .severity = RISK_LOW,
                                        .why = why});
    draft_risk(c->d, RISK_LOW, "%s", why);
}

int blast_network(const struct picture *p, const char *node, const struct blast_request *req,
                  size_t n, const struct blast_way *way, struct draft *d) {
    CLEANUP(net_state_done) struct net_state s = {NULL, NULL, false};
    CLEANUP(net_state_done) struct net_state was = {NULL, NULL, false};
    CLEANUP(js_freep) js *sdn = net_sdn_of(p, true);
    struct net_case c = {.p = p, .d = d, .way = way};
    int r;

    blast_unread(p, BLAST_NETWORK_NEEDS, 0, d);
    r = net_state_of(p, node, d, &was);
    if (r < 0) {
        return r;
    }
    s.running = js_copy(was.running);
    s.staged = js_copy(was.staged);
    for (size_t i = 0; i < n; i++) {
        if (!net_change(&s, node, &req[i])) {
            draft_unread(d, "what the change does", "it is not understood", NULL);
            return -ENOENT;
        }
    }
    net_side_sdn(&c.before, node, sdn);
    net_side_sdn(&c.after, node, sdn);
    if (s.applied) {
        compare(&c, was.running, s.running);
    } else {
        c.staged = true;
        compare(&c, was.staged, s.staged);
    }
    if (!c.any) {
        nothing_differs(&c);
    }
    tally_risk(&c.tally, d);
    return 0;
}
