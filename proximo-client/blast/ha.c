/* SPDX-License-Identifier: Apache-2.0 */
/* A change of HA resources, rules or groups, and the requests that move, disarm and arm: what the
 * manager will do next. It is let work to its end with the lists as they are and as they would be;
 * what differs is told: who starts, stops, moves, is no longer watched, has no node left, and who
 * could not be recovered if its node failed. */
#include "proximo-client/blast/ha.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"

struct compare {
    const struct picture *p;
    struct ha *b, *a; /* before, after */
    struct draft *d;
    struct tally tally;
};

static void compare_done(struct compare *c) {
    ha_free(c->b);
    ha_free(c->a);
}

static void hit(struct compare *c, const struct ha_svc *s, const char *effect, enum risk severity,
                const char *fmt, ...) __attribute__((format(printf, 5, 6)));
static void hit(struct compare *c, const struct ha_svc *s, const char *effect, enum risk severity,
                const char *fmt, ...) {
    char why[400];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    tally_affect(&c->tally, c->d,
                 &(struct affect){.resource = s->resource,
                                  .name = s->g ? s->g->name : NULL,
                                  .node = s->g ? s->g->node : NULL,
                                  .effect = effect,
                                  .severity = severity,
                                  .running = s->g && s->g->running,
                                  .via = "HA",
                                  .why = why});
}

static const char *node_name(const struct ha *h, int node) {
    return node < 0 ? "an unknown node" : h->node[node].name;
}

static bool wants(const struct ha_svc *s, const char *state) {
    return s && strcmp(s->want, state) == 0;
}

/* Whether the guest will run once the manager has had its way. */
static bool will_run(const struct ha *h, const struct ha_svc *s, const struct ha_svc *now) {
    bool runs = now->g && now->g->running;

    if (!s || !s->managed || !h->armed || s->error) {
        return runs;
    }
    return wants(s, "started");
}

/* ---- one service ---- */

static void tell_power(struct compare *c, const struct ha_svc *b, const struct ha_svc *s) {
    bool was = will_run(c->b, b, s);
    bool runs = will_run(c->a, s, s);

    if (!was && runs) {
        hit(c, s, "started", RISK_LOW, "the manager starts it on %s", node_name(c->a, s->ends));
    } else if (was && !runs) {
        hit(c, s, "halted", RISK_MEDIUM, "the manager stops it: its state is to be %s", s->want);
    }
}

static void tell_move(struct compare *c, const struct ha_svc *b, const struct ha_svc *s) {
    int otherwise = b && b->managed ? b->ends : s->node;
    bool live = !s->is_ct && s->g && s->g->running;
    char names[300], why[200];

    if (s->ends == otherwise || s->ends < 0) {
        return;
    }
    if (s->ends == s->node) {
        hit(c, s, "changed", RISK_LOW, "it stays on %s; without the change it would be moved to %s",
            node_name(c->a, s->ends), node_name(c->b, otherwise));
        return;
    }
    (void)ha_names(c->a, s->choice, names, sizeof(names));
    if (s->g && ha_cannot_run(c->p, s->g, node_name(c->a, s->ends), true, why, sizeof(why))) {
        hit(c, s, "stranded", RISK_HIGH, "it is to be moved to %s, but %s", names, why);
    }
    hit(c, s, live || !will_run(c->a, s, s) ? "changed" : "interrupted", RISK_MEDIUM,
        "the manager moves it from %s to %s%s%s", node_name(c->a, s->node), names,
        (s->choice & (s->choice - 1)) ? " (one of them)" : "",
        live                   ? ", while it runs"
        : will_run(c->a, s, s) ? ": it is stopped there and started here"
                               : "");
}

static void tell_place(struct compare *c, const struct ha_svc *b, const struct ha_svc *s) {
    if (s->stuck && !(b && b->stuck)) {
        hit(c, s, "stranded", RISK_HIGH,
            "no node that is online may have it by its rules: it is left on %s and not recovered",
            node_name(c->a, s->ends));
    } else if (!s->stuck && b && b->stuck) {
        hit(c, s, "changed", RISK_LOW, "there is a node again that may have it");
    }
}

static void tell_failover(struct compare *c, const struct ha_svc *b, const struct ha_svc *s) {
    ha_nodes old, new;
    bool is_new = !b || !b->managed || wants(b, "disabled");
    char names[300], before[300];

    if (wants(s, "disabled") || s->stuck || s->ends < 0) {
        return;
    }
    new = ha_failover(c->a, (size_t)(s - c->a->svc));
    old = is_new ? 0 : ha_failover(c->b, (size_t)(b - c->b->svc));
    if (!new && (old || is_new)) {
        hit(c, s, "degraded", RISK_MEDIUM,
            "if %s fails it cannot be recovered: no other node that its rules allow has its "
            "volumes",
            node_name(c->a, s->ends));
    } else if (!is_new && old != new) {
        hit(c, s, "changed", RISK_LOW, "if its node fails it is recovered on %s (before: %s)",
            ha_names(c->a, new, names, sizeof(names)),
            old ? ha_names(c->b, old, before, sizeof(before)) : "no node");
    }
}

static void tell_knob(struct compare *c, const struct ha_svc *b, const struct ha_svc *s,
                      const char *key, const char *what) {
    int64_t old = js_int_or(b->def, key, 1), new = js_int_or(s->def, key, 1);

    if (old != new) {
        hit(c, s, "changed", RISK_LOW, "%s: %lld instead of %lld", what, (long long)new,
            (long long)old);
    }
}

static void tell_kept(struct compare *c, const struct ha_svc *b, const struct ha_svc *s) {
    tell_knob(c, b, s, "max_restart", "tries to start it again on its node after a failed start");
    tell_knob(c, b, s, "max_relocate", "other nodes tried after a failed start");
    if (b->error && wants(s, "disabled")) {
        hit(c, s, "changed", RISK_LOW, "its error is cleared; the guest itself is left as it is");
    }
    if (wants(s, "disabled") && !wants(b, "disabled")) {
        hit(c, s, "degraded", RISK_MEDIUM, "it is not recovered when its node fails");
    }
}

static void tell_left(struct compare *c, const struct ha_svc *s, const struct ha_svc *b) {
    if (wants(b, "started")) {
        hit(c, s, "degraded", RISK_MEDIUM,
            "HA leaves it alone from now on: nobody restarts it, or recovers it when its node "
            "fails");
    } else {
        hit(c, s, "changed", RISK_LOW, "HA leaves it alone from now on: nobody keeps it %s",
            wants(b, "stopped") ? "stopped" : "disabled");
    }
}

/* b and s: the service before and after; either may be NULL. */
static void tell(struct compare *c, const struct ha_svc *b, const struct ha_svc *s) {
    bool was = b && b->managed, is = s && s->managed;

    if (was && !is) {
        tell_left(c, s ? s : b, b);
        return;
    }
    if (!is) {
        return;
    }
    if (!was) {
        hit(c, s, "changed", RISK_LOW, "HA manages it from now on, state %s", s->want);
    } else {
        tell_kept(c, b, s);
    }
    if (s->error) {
        return; /* nothing is done with it */
    }
    tell_power(c, b, s);
    tell_move(c, b, s);
    tell_place(c, b, s);
    tell_failover(c, b, s);
}

static void tell_rules(struct compare *c) {
    for (size_t i = 0; i < c->a->n_rule; i++) {
        const struct ha_rule *r = &c->a->rule[i];
        const struct ha_rule *old = ha_rule_find(c->b, r->id);

        if (r->bad && !(old && old->bad)) {
            draft_risk(c->d, RISK_MEDIUM, "the rule %.60s has no effect then: %s", r->id, r->bad);
        }
    }
    if (c->a->restless) {
        draft_risk(
            c->d, RISK_HIGH,
            "by its rules the manager would never stop moving guests; not all moves are told");
    }
}

static void tell_all(struct compare *c) {
    for (size_t i = 0; i < c->a->n_svc; i++) {
        size_t at = ha_find(c->b, c->a->svc[i].sid);

        tell(c, at == SIZE_MAX ? NULL : &c->b->svc[at], &c->a->svc[i]);
    }
    for (size_t i = 0; i < c->b->n_svc; i++) {
        if (ha_find(c->a, c->b->svc[i].sid) == SIZE_MAX) {
            tell(c, &c->b->svc[i], NULL);
        }
    }
    tell_rules(c);
    tally_risk(&c->tally, c->d);
}

/* ---- requests to the manager ---- */

static void disarm(struct compare *c, const js *form) {
    bool is_ignore = strcmp(js_str_or(form, "resource-mode", ""), "ignore") == 0;

    if (!c->b->armed) {
        draft_risk(c->d, RISK_LOW, "HA is disarmed already: the request is ignored");
        return;
    }
    for (size_t i = 0; i < c->b->n_svc; i++) {
        const struct ha_svc *s = &c->b->svc[i];

        if (s->managed) {
            hit(c, s, "degraded", RISK_MEDIUM, "nobody recovers it while HA is disarmed; %s",
                is_ignore ? "it can be started, stopped and moved by hand"
                          : "requests to start, stop or move it wait");
        }
    }
    tally_risk(&c->tally, c->d);
}

static void arm(struct compare *c) {
    if (c->b->armed) {
        draft_risk(c->d, RISK_LOW, "HA is not disarmed: the request is ignored");
        return;
    }
    c->a->armed = true;
    ha_rest(c->a, NULL);
    tell_all(c);
}

/* The service that stands in the way on a node; NULL. */
static const struct ha_svc *blocker(const struct ha *h, const struct ha_svc *s, int target) {
    for (size_t i = 0; i < s->n_apart; i++) {
        const struct ha_svc *o = &h->svc[s->apart[i]];

        if (o->managed && o->node == target) {
            return o;
        }
    }
    return NULL;
}

/* Puts it and its ring at the target, and tells of each. */
static void go(struct compare *c, size_t who, int target, bool live, int *at) {
    const struct ha *h = c->a;
    size_t k = who;

    do {
        const struct ha_svc *s = &h->svc[k];
        bool runs = s->g && s->g->running;
        char why[200];

        if (s->managed && s->node != target) {
            at[k] = target;
            hit(c, s, runs && (s->is_ct || !live) ? "interrupted" : "changed", RISK_MEDIUM,
                "%s from %s to %s%s", k == who ? "moved" : "kept together with it, so moved, too,",
                node_name(h, s->node), node_name(h, target),
                !runs               ? ""
                : s->is_ct || !live ? ": it is stopped there and started here"
                                    : ", while it runs");
            if (s->g && ha_cannot_run(c->p, s->g, node_name(h, target), true, why, sizeof(why))) {
                hit(c, s, "stranded", RISK_HIGH, "the move will fail: %s", why);
            }
        }
        k = s->together;
    } while (k != who);
}

static void tell_back(struct compare *c, const int *at) {
    for (size_t i = 0; i < c->a->n_svc; i++) {
        const struct ha_svc *s = &c->a->svc[i];

        if (s->ends != at[i]) {
            hit(c, s, "changed", RISK_HIGH,
                "its rules want it elsewhere: the manager moves it on to %s",
                node_name(c->a, s->ends));
        }
    }
}

static int move(struct compare *c, const char *sid, const js *form, bool live) {
    struct ha *h = c->a;
    CLEANUP(freep) int *at = calloc(h->n_svc + 1, sizeof(*at));
    int target = ha_node_find(h, js_str_or(form, "node", ""));
    size_t who = ha_find(h, sid);
    const struct ha_svc *other;

    if (!at || who == SIZE_MAX || !h->svc[who].def) {
        draft_unread(c->d, "the HA resource", "it is not in the list", "Sys.Audit on /");
        return -ENOENT;
    }
    for (size_t i = 0; i < h->n_svc; i++) {
        at[i] = h->svc[i].node;
    }
    other = blocker(h, &h->svc[who], target);
    if (h->svc[who].error) {
        draft_risk(c->d, RISK_HIGH, "PVE will refuse it: %s is in error", sid);
    } else if (!h->svc[who].managed || !h->armed) {
        draft_risk(c->d, RISK_HIGH, "the manager leaves %s alone: it is not moved", sid);
    } else if (target < 0 || h->node[target].state != HA_ONLINE) {
        draft_risk(c->d, RISK_HIGH, "the request is dropped: the node is not online");
    } else if (h->svc[who].node == target) {
        draft_risk(c->d, RISK_LOW, "the request is dropped: it is there already");
    } else if (other) {
        draft_risk(c->d, RISK_HIGH, "the request is dropped: a rule keeps it apart from %s",
                   other->resource);
    } else {
        go(c, who, target, live, at);
        ha_rest(h, at);
        tell_back(c, at);
        tally_risk(&c->tally, c->d);
    }
    return 0;
}

/* ---- from the picture ---- */

static void take(const struct picture *p, js *world, const char *name, const char *path) {
    const js *v = picture_answer(p, path, NULL);

    if (v) {
        js_add(world, name, js_ref((js *)(uintptr_t)v));
    }
}

static js *world_of(const struct picture *p, struct draft *d) {
    const js *lists[] = {picture_ha_resources(p), picture_ha_rules(p)};
    js *w = js_object();
    struct part groups = {0};

    for (size_t i = 0; i < 2; i++) {
        js_add(w, i ? "rules" : "resources",
               lists[i] ? js_ref((js *)(uintptr_t)lists[i]) : js_array());
    }
    take(p, w, "manager", BLAST_HA_MANAGER);
    take(p, w, "groups", BLAST_HA_GROUPS);
    (void)picture_answer(p, BLAST_HA_GROUPS, &groups);
    for (size_t i = 0; i < js_len(lists[0]); i++) {
        if (js_get(js_at(lists[0], i), "group") && !js_get(w, "groups")) {
            draft_unread(d, "HA groups, which resources name",
                         groups.why[0] ? groups.why : "absent", "Sys.Audit on /");
            break;
        }
    }
    if (!js_get(w, "groups")) {
        js_add(w, "groups", js_array());
    }
    return w;
}

/* Without a guest's configuration it is not known where its volumes let it run. */
static void tell_configs(const struct compare *c) {
    const struct ha_svc *first = NULL;
    size_t n = 0;

    for (size_t i = 0; i < c->a->n_svc; i++) {
        const struct ha_svc *s = &c->a->svc[i];

        if (s->managed && s->g && s->g->config.state != PART_READ) {
            first = first ? first : s;
            n++;
        }
    }
    if (n) {
        char text[120];

        (void)snprintf(text, sizeof(text), "configurations of %zu HA guests (%s%s)", n,
                       first->resource, n > 1 ? ", …" : "");
        draft_unread(c->d, text, first->g->config.why, first->g->config.privilege);
    }
}

static int change(struct compare *c, const js *world, const struct blast_request *req, size_t n) {
    CLEANUP(js_freep) js *then = js_copy(world);
    struct ha_touch touch = {0};

    for (size_t i = 0; i < n; i++) {
        if (!ha_after(c->p, then, &req[i], &touch)) {
            draft_unread(c->d, "what the request does to HA",
                         "its kind, or what it names, is not known", NULL);
            return -ENOENT;
        }
    }
    ha_free(c->a);
    c->a = NULL;
    if (ha_new(c->p, then, &c->a) < 0) {
        return -E2BIG;
    }
    ha_refused(c->b, c->a, &touch, then, c->d);
    tell_configs(c);
    ha_rest(c->a, NULL);
    if (!c->b->armed) {
        draft_risk(c->d, RISK_MEDIUM, "HA is disarmed: the manager acts on it once it is armed");
    }
    tell_all(c);
    return 0;
}

int blast_ha(const struct picture *p, const struct blast_request *req, size_t n, struct draft *d) {
    CLEANUP(js_freep) js *world = NULL;
    CLEANUP(compare_done) struct compare c = {.p = p, .d = d};
    char id[2][AFTER_ID];

    blast_unread(p, BLAST_HA_NEEDS, 0, d);
    world = world_of(p, d);
    if (ha_new(p, world, &c.b) < 0 || ha_new(p, world, &c.a) < 0) {
        draft_unread(d, "HA", "there are more than 64 nodes", NULL);
        return 0;
    }
    ha_rest(c.b, NULL);
    if (n == 1 && path_fits("/cluster/ha/resources/*/migrate", req->path, id)) {
        return move(&c, id[0], req->form, true);
    }
    if (n == 1 && path_fits("/cluster/ha/resources/*/relocate", req->path, id)) {
        return move(&c, id[0], req->form, false);
    }
    if (n == 1 && strcmp(req->path, "/cluster/ha/status/disarm-ha") == 0) {
        disarm(&c, req->form);
        return 0;
    }
    if (n == 1 && strcmp(req->path, "/cluster/ha/status/arm-ha") == 0) {
        arm(&c);
        return 0;
    }
    return change(&c, world, req, n);
}
