/* SPDX-License-Identifier: Apache-2.0 */
/* The lists of the HA plane after a request, and whether PVE would refuse it. */
#include <stdio.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/blast/ha.h"

static js *section(js *world, const char *part, const char *key, const struct blast_request *q,
                   char id[AFTER_ID]) {
    char base[60];
    js *list;

    (void)snprintf(base, sizeof(base), "/cluster/ha/%s", part);
    list = sections_after(js_get(world, part), key, base, q->method, q->path, q->form, id);
    if (list) {
        js_add(world, part, list);
    }
    return list;
}

/* A resource that goes is taken out of all rules, unless purge=0; a rule that names nobody goes. */
static void purge(js *world, const char *sid) {
    const js *rules = js_get(world, "rules");
    js *out = js_array();

    for (size_t i = 0; i < js_len(rules); i++) {
        CLEANUP(js_freep) js *names = form_words(js_at(rules, i), "resources");
        CLEANUP(js_freep) js *left = js_array();
        js *rule;

        for (size_t k = 0; k < js_len(names); k++) {
            if (strcmp(json_object_get_string(js_at(names, k)), sid) != 0) {
                js_push(left, js_ref(js_at(names, k)));
            }
        }
        if (js_len(left)) {
            rule = js_copy(js_at(rules, i));
            js_add(rule, "resources", TAKE(left));
            js_push(out, rule);
        }
    }
    js_add(world, "rules", out);
}

/* "104" is spelled with its kind in the lists. */
static js *whole_sid(const struct picture *p, const js *form) {
    js *o = js_copy(form);
    const struct guest *g;
    uint32_t vmid = 0;
    char sid[24];

    if (ident_vmid(js_str_or(form, "sid", ""), &vmid) == 0 && (g = picture_guest(p, vmid))) {
        guest_sid(g, sid);
        js_add(o, "sid", js_str(sid));
    }
    return o;
}

bool ha_after(const struct picture *p, js *world, const struct blast_request *q,
              struct ha_touch *t) {
    CLEANUP(js_freep) js *form = whole_sid(p, js_object_or_empty(q->form));
    struct blast_request mine = {q->method, q->path, form};
    bool is_delete = strcmp(q->method, "DELETE") == 0;

    if (section(world, "resources", "sid", &mine, t->id)) {
        t->part = HA_RESOURCE;
        if (is_delete && js_bool_or(q->form, "purge", true)) {
            purge(world, t->id);
        }
    } else if (section(world, "rules", "rule", &mine, t->id)) {
        t->part = HA_RULE;
    } else if (section(world, "groups", "group", &mine, t->id)) {
        t->part = HA_GROUP;
    } else {
        return false;
    }
    t->gone = is_delete;
    t->form = q->form;
    return true;
}

static void refuse_resource(const struct ha *b, const struct ha *a, const struct ha_touch *t,
                            struct draft *d) {
    size_t old = ha_find(b, t->id), new = ha_find(a, t->id);
    const char *state = js_get_str(t->form, "state");

    if (!t->gone && new != SIZE_MAX && !a->svc[new].g &&
        picture_guests_part(a->p)->state == PART_READ) {
        draft_risk(d, RISK_HIGH, "PVE will refuse it: there is no guest %s", t->id);
    }
    if (!t->gone && old != SIZE_MAX && b->svc[old].error &&
        !(state && strcmp(state, "disabled") == 0)) {
        draft_risk(d, RISK_HIGH,
                   "PVE will refuse it: %s is in error, and only state=disabled is taken then",
                   t->id);
    }
}

static void refuse_rule(const struct ha *a, const struct ha_touch *t, const js *world,
                        struct draft *d) {
    const js *row = list_row(js_get(world, "rules"), "rule", t->id);
    const struct ha_rule *r = ha_rule_find(a, t->id);
    CLEANUP(js_freep) js *names = form_words(row, "resources");
    CLEANUP(js_freep) js *nodes = form_words(row, "nodes");

    if (r && r->bad) {
        draft_risk(d, RISK_HIGH, "PVE will refuse the rule %.60s: %s", t->id, r->bad);
    }
    for (size_t i = 0; i < js_len(names) && js_get(t->form, "resources"); i++) {
        const char *sid = json_object_get_string(js_at(names, i));

        if (!list_row(js_get(world, "resources"), "sid", sid)) {
            draft_risk(d, RISK_HIGH, "PVE will refuse the rule %.60s: HA does not have %.40s",
                       t->id, sid);
        }
    }
    for (size_t i = 0; i < js_len(nodes) && js_get(t->form, "nodes"); i++) {
        const char *word = json_object_get_string(js_at(nodes, i));
        char name[80];

        (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, ":"), word);
        if (ha_node_find(a, name) < 0 && picture_nodes_part(a->p)->state == PART_READ) {
            draft_risk(d, RISK_HIGH, "PVE will refuse the rule %.60s: there is no node %.60s",
                       t->id, name);
        }
    }
}

void ha_refused(const struct ha *b, const struct ha *a, const struct ha_touch *t, const js *world,
                struct draft *d) {
    if (t->part == HA_RESOURCE) {
        refuse_resource(b, a, t, d);
    } else if (t->part == HA_RULE && !t->gone) {
        refuse_rule(a, t, world, d);
    } else if (t->part == HA_GROUP && t->gone) {
        const struct ha_rule *r = ha_rule_find(b, t->id);

        if (r && r->is_group) {
            draft_risk(d, RISK_HIGH, "PVE will refuse it: the group %.60s is used by %.40s", t->id,
                       b->svc[r->svc[0]].sid);
        }
    }
}
