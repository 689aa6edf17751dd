/* SPDX-License-Identifier: Apache-2.0 */
/* What the rows of nodes' interfaces do beyond their data: settings are told from state, the
 * analyser sees every request, and applying and forgetting are taken back by staging again. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proximo-client/blast/blast.h"
#include "proximo-client/blast/picture.h"
#include "proximo-client/pipeline/look.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/assess.h"
#include "proximo-client/tools/network_int.h"

/* Members that say how an interface is, or follow from others. */
static const char *const state_keys[] = {"active",   "exists",  "priority", "families", "method",
                                         "method6",  "address", "netmask",  "address6", "netmask6",
                                         "altnames", "digest",  "iface"};
static const char *const defaults[][2] = {
    {"bridge_stp", "off"}, {"bridge_fd", "0"}, {"bond_miimon", "100"}};

js *network_iface_shape(const js *answer, const js *args) {
    js *o = js_copy(answer);
    const char *comments = js_str_or(o, "comments", "");
    size_t n = strlen(comments);

    (void)args;
    for (size_t i = 0; i < ARRAY_LEN(state_keys); i++) {
        json_object_object_del(o, state_keys[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(defaults); i++) {
        if (strcmp(js_str_or(o, defaults[i][0], ""), defaults[i][1]) == 0) {
            json_object_object_del(o, defaults[i][0]);
        }
    }
    if (n && comments[n - 1] == '\n') { /* the last line's end is the file's */
        js_add(o, "comments", js_str_n(comments, n - 1));
    }
    return o;
}

js *network_node_shape(const js *answer, const js *args) {
    js *o = js_object();

    (void)args;
    for (size_t i = 0; i < js_len(answer); i++) {
        const js *x = js_at(answer, i);

        js_addf(o, js_str_or(x, "iface", "?"), "%s %s", js_str_or(x, "type", ""),
                js_str_or(x, "cidr", js_str_or(x, "cidr6", "")));
    }
    return o;
}

int network_remember(void *ctx, const char *path, const char *reduce, const js *data,
                     struct err *e) {
    bool matters =
        strncmp(path, "/cluster/resources", 18) != 0 && strcmp(path, "/access/permissions") != 0;

    return matters ? draft_precondition(ctx, path, reduce, data, e) : 0;
}

int assess_network(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    const struct pve *pve = draft_session(d)->pve;
    struct blast_request req[200];
    struct picture_ask ask = {0};
    const char *node = js_str_or(a->args, "node", "");
    size_t n = 0;
    int r = blast_network_ask(node, &ask);

    for (size_t i = 0; i < js_len(a->sent) && n < ARRAY_LEN(req); i++) {
        const js *q = js_at(a->sent, i);

        req[n++] = (struct blast_request){js_str_or(q, "method", ""), js_str_or(q, "path", ""),
                                          js_get(q, "form")};
        if (js_get(js_get(q, "form"), "bridge_vlan_aware") &&
            !js_bool_or(js_get(q, "form"), "bridge_vlan_aware", true)) {
            (void)err_tag(e, -EINVAL, "bad_argument",
                          "the API takes bridge_vlan_aware=false for true");
            return err_hint(e, "switch it off with delete: [\"bridge_vlan_aware\"]");
        }
    }
    if (r < 0 || n < js_len(a->sent)) {
        return err_set(e, -E2BIG, "more requests than can be assessed");
    }
    session_progress(draft_session(d), 0, 0, "reading the network for the blast radius");
    r = look(d, &ask, network_remember, d, &p, e);
    if (r == 0) {
        const struct blast_way way = {pve_local_address(pve), pve_peer_address(pve)};

        r = assess_verdict(blast_network(p, node, req, n, &way, d), e);
    }
    return r;
}

int network_both(struct draft *d, const js *args, js **ret_staged, js **ret_running,
                 struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    CLEANUP(js_freep) js *doubts = js_array();
    CLEANUP(js_freep) js *running = NULL;
    js *staged = NULL;
    js *changes = NULL;
    int r = pve_path("/nodes/{node}/network", args, &path, e);

    r = r < 0 ? r : draft_read(d, buf_str(&path), "whole", &staged, e);
    if (r == 0) {
        (void)buf_adds(&path, "#changes");
        r = draft_read(d, buf_str(&path), "whole", &changes, e);
    }
    if (r < 0) {
        return r;
    }
    running = net_running_of(staged, changes, doubts);
    if (js_len(doubts)) {
        return err_set(e, -EDOM, "%.300s", json_object_get_string(js_at(doubts, 0)));
    }
    *ret_staged = js_ref(staged);
    *ret_running = TAKE(running);
    return changes != NULL;
}

/* What is staged on a node, what runs, and how the way between them is limited. */
struct both {
    js *staged, *running;
    struct buf limits;
};

static void both_done(struct both *b) {
    js_freep(&b->staged);
    js_freep(&b->running);
    buf_done(&b->limits);
}

/* 1 when it is read; 0 when what runs is not certain, which is then the undo's reason; -EALREADY
 * "no_change" when nothing is staged. */
static int both_read(struct draft *d, const js *args, struct both *ret, struct err *e) {
    struct err why = {0};
    int r = network_both(d, args, &ret->staged, &ret->running, &why);

    if (r == -EDOM) {
        draft_undo(d, "none", why.msg, "");
        return 0;
    }
    if (r < 0 && e) {
        *e = why;
    }
    if (r == 0) {
        (void)err_tag(e, -EALREADY, "no_change", "nothing is staged on %.60s",
                      js_str_or(args, "node", ""));
        return err_hint(e, "stage changes with the pve_network_iface_ rows first");
    }
    return r;
}

/* Staged as it runs now, applied, and staged again as it is now: the node is as it was. */
int network_apply_back(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(both_done) struct both b = {NULL, NULL, BUF_INIT(LIM_LINE)};
    int r = both_read(d, a->args, &b, e);

    if (r <= 0) {
        return r;
    }
    add_limit(&b.limits, "it goes over the API: when that is cut off, only somebody at the node's "
                         "console can bring it back");
    r = network_stage(d, PHASE_UNDO, a->args, b.staged, b.running, &b.limits, e);
    r = r < 0 ? r : send_request(d, PHASE_UNDO, row_find("pve_network_apply"), a->args, NULL, e);
    r = r < 0 ? r : network_stage(d, PHASE_UNDO, a->args, b.running, b.staged, &b.limits, e);
    draft_undo(d, "inverse",
               "the interfaces run as before and what was staged is staged again, in the order of "
               "the requests below",
               buf_str(&b.limits));
    return r;
}

int network_revert_back(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(both_done) struct both b = {NULL, NULL, BUF_INIT(LIM_LINE)};
    int r = both_read(d, a->args, &b, e);

    if (r <= 0) {
        return r;
    }
    r = network_stage(d, PHASE_UNDO, a->args, b.running, b.staged, &b.limits, e);
    draft_undo(d, "inverse", "what is staged now is staged again", buf_str(&b.limits));
    return r;
}
