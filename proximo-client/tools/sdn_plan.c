/* SPDX-License-Identifier: Apache-2.0 */
/* What the rows of the software-defined network do beyond their data: the analyser sees every
 * request, a subnet is found under the name it gets from its zone, and applying and forgetting are
 * taken back by making again what was pending. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proximo-client/blast/picture.h"
#include "proximo-client/blast/sdn.h"
#include "proximo-client/pipeline/look.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/assess.h"
#include "proximo-client/tools/network_int.h"
#include "proximo-client/tools/sdn_int.h"

int assess_sdn(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    const struct pve *pve = draft_session(d)->pve;
    const struct picture_ask ask = {.what = BLAST_SDN_NEEDS};
    CLEANUP(freep) struct blast_request *req = calloc(js_len(a->sent) + 1, sizeof(*req));
    size_t n = 0;
    int r;

    for (; req && n < js_len(a->sent); n++) {
        const js *q = js_at(a->sent, n);

        req[n] = (struct blast_request){js_str_or(q, "method", ""), js_str_or(q, "path", ""),
                                        js_get(q, "form")};
    }
    if (!req) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    session_progress(draft_session(d), 0, 0, "reading the network for the blast radius");
    r = look(d, &ask, network_remember, d, &p, e);
    if (r == 0) {
        const struct blast_way way = {pve_local_address(pve), pve_peer_address(pve)};

        r = assess_verdict(blast_sdn(p, req, n, &way, d), e);
    }
    return r;
}

/* ---- a subnet's two names ---- */

static int vnets_of(struct draft *d, struct session *s, js **ret, struct err *e) {
    static const char path[] = "/cluster/sdn/vnets?pending=1";
    js *list = NULL;
    int r = d ? draft_read(d, path, "whole", &list, e) : pve_get(s->pve, path, ret, e);

    if (r == 0 && d) {
        *ret = js_ref(list);
    }
    return r;
}

int sdn_subnet_listed(struct draft *d, struct session *s, js *names, struct err *e) {
    const char *subnet = js_str_or(names, "subnet", ""), *vnet = js_str_or(names, "vnet", "");
    CLEANUP(js_freep) js *list = NULL;
    size_t n = strcspn(subnet, "/");
    int r = subnet[n] ? vnets_of(d, s, &list, e) : 0;

    for (size_t i = 0; i < js_len(list); i++) {
        CLEANUP(js_freep) js *o = net_sdn_item(js_at(list, i), false);

        if (o && strcmp(js_str_or(o, "vnet", ""), vnet) == 0) {
            js_addf(names, "subnet", "%s-%.*s-%s", js_str_or(o, "zone", ""), (int)n, subnet,
                    subnet + n + 1);
            return 0;
        }
    }
    if (r == 0 && subnet[n]) {
        (void)err_tag(e, -ENOENT, "no_such_object", "no vnet %.60s", vnet);
        r = err_hint(e, "pve_sdn_vnets_list lists them");
    }
    return r;
}

/* A zone's name has no dash; an address of IPv6 has none, either. */
void sdn_subnet_made(js *names) {
    const char *id = js_str_or(names, "subnet", "");
    const char *first = strchr(id, '-'), *last = strrchr(id, '-');

    if (!strchr(id, '/') && first && last > first) {
        js *cidr = NULL;
        char text[80];

        (void)snprintf(text, sizeof(text), "%.*s/%.8s", (int)(last - first - 1), first + 1,
                       last + 1);
        cidr = js_str(text);
        js_add(names, "subnet", cidr);
    }
}

/* PVE shows ranges taken apart, and an empty list where there are none. */
static js *ranges_of(const js *list) {
    js *out = js_array();

    for (size_t i = 0; i < js_len(list); i++) {
        const js *x = js_at(list, i);
        char text[160];

        if (js_is_object(x)) {
            (void)snprintf(text, sizeof(text), "start-address=%.60s,end-address=%.60s",
                           js_str_or(x, "start-address", ""), js_str_or(x, "end-address", ""));
            js_push(out, js_str(text));
        } else {
            js_push(out, js_copy(x));
        }
    }
    return out;
}

js *sdn_subnet_shape(const js *answer, const js *args) {
    static const char *const drop[] = {"cidr", "id",   "mask",    "network", "subnet", "type",
                                       "vnet", "zone", "pending", "state",   "digest"};
    const js *ranges = js_get(answer, "dhcp-range");
    js *o = js_copy(answer);

    (void)args;
    for (size_t i = 0; i < ARRAY_LEN(drop); i++) {
        json_object_object_del(o, drop[i]);
    }
    json_object_object_del(o, "dhcp-range");
    if (js_is_array(ranges) && js_len(ranges)) {
        js_add(o, "dhcp-range", ranges_of(ranges));
    } else if (ranges && !js_is_array(ranges)) {
        js_add(o, "dhcp-range", js_copy(ranges));
    }
    return o;
}

/* ---- the ways back of applying and of forgetting ---- */

struct sides {
    js *running, *config;
    js *nodes; /* [{node, staged, running}] of those with staged interfaces */
    struct buf limits;
};

static void sides_done(struct sides *s) {
    js_freep(&s->running);
    js_freep(&s->config);
    js_freep(&s->nodes);
    buf_done(&s->limits);
}

#define FABRICS "what is pending of fabrics is not read and does not come back"

/* One node's staged interfaces; negative only when the way back cannot be known. */
static int read_node(struct draft *d, const js *node, js *ret, struct err *e) {
    CLEANUP(js_freep) js *one = js_object();
    js *staged = NULL, *running = NULL;
    int r;

    js_add(one, "node", js_str(js_str_or(node, "node", "")));
    r = network_both(d, one, &staged, &running, e);
    if (r > 0) {
        js_add(one, "staged", js_ref(staged));
        js_add(one, "running", js_ref(running));
        js_push(ret, js_ref(one));
    }
    json_object_put(staged);
    json_object_put(running);
    return r < 0 ? r : 0;
}

static int read_nodes(struct draft *d, struct sides *s, struct err *e) {
    js *list = NULL;
    int r = draft_read(d, "/cluster/resources?type=node", "nodes", &list, e);

    s->nodes = js_array();
    for (size_t i = 0; r == 0 && i < js_len(list); i++) {
        const js *node = js_at(list, i);

        if (strcmp(js_str_or(node, "status", ""), "online") == 0) {
            r = read_node(d, node, s->nodes, e);
        } else {
            add_limit(&s->limits,
                      "%.60s is offline: it takes over what is configured when it starts",
                      js_str_or(node, "node", "a node"));
        }
    }
    return r;
}

static int stage_nodes(struct draft *d, const struct sides *s, bool back, struct buf *limits,
                       struct err *e) {
    int r = 0;

    for (size_t i = 0; r == 0 && i < js_len(s->nodes); i++) {
        const js *n = js_at(s->nodes, i);
        CLEANUP(js_freep) js *args = answer_pick(n, "node");
        const js *staged = js_get(n, "staged"), *running = js_get(n, "running");

        r = network_stage(d, PHASE_UNDO, args, back ? staged : running, back ? running : staged,
                          limits, e);
    }
    return r;
}

/* Configured as it runs now, applied, and configured again as it is now. */
static int apply_back(struct draft *d, struct sides *s, struct err *e) {
    int r = stage_nodes(d, s, true, &s->limits, e);

    r = r < 0 ? r : sdn_stage(d, PHASE_UNDO, s->config, s->running, &s->limits, e);
    if (r == 0) {
        draft_request(d, PHASE_UNDO, "PUT", "/cluster/sdn", js_object(), NULL);
        r = sdn_stage(d, PHASE_UNDO, s->running, s->config, &s->limits, e);
    }
    return r < 0 ? r : stage_nodes(d, s, false, &s->limits, e);
}

int sdn_apply_back(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(sides_done) struct sides s = {NULL, NULL, NULL, BUF_INIT(LIM_LINES)};
    struct err why = {0};
    int r = sdn_read(d, &s.running, &s.config, &why);

    (void)a;
    r = r < 0 ? r : read_nodes(d, &s, &why);
    if (r < 0) {
        char text[400];

        (void)snprintf(text, sizeof(text), "what runs now is not known: %.300s", why.msg);
        draft_undo(d, "none", text, "");
        return 0;
    }
    if (js_eq(s.running, s.config) && !js_len(s.nodes)) {
        draft_undo(d, "none", "nothing is pending that is read here: it runs as before", FABRICS);
        return 0;
    }
    add_limit(&s.limits, FABRICS);
    add_limit(&s.limits, "every node reloads its interfaces once more");
    add_limit(&s.limits, "a subnet in which addresses were given out meanwhile is not deleted: the "
                         "undo then ends there, before anything is applied");
    add_limit(&s.limits, "it goes over the API: when that is cut off, only somebody at the nodes' "
                         "consoles can bring it back");
    r = apply_back(d, &s, e);
    draft_undo(d, "inverse",
               "what runs now is configured and applied again, and what is pending now is pending "
               "again, in the order of the requests below",
               buf_str(&s.limits));
    return r;
}

int sdn_rollback_back(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(sides_done) struct sides s = {NULL, NULL, NULL, BUF_INIT(LIM_LINES)};
    int r = sdn_read(d, &s.running, &s.config, e);

    (void)a;
    if (r == 0 && js_eq(s.running, s.config)) {
        (void)err_tag(e, -EALREADY, "no_change", "nothing is pending");
        return err_hint(e, "what is pending of fabrics alone is not read here");
    }
    add_limit(&s.limits, FABRICS);
    r = r < 0 ? r : sdn_stage(d, PHASE_UNDO, s.running, s.config, &s.limits, e);
    draft_undo(d, "inverse", "what is pending now is made pending again", buf_str(&s.limits));
    return r;
}
