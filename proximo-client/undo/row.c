/* SPDX-License-Identifier: Apache-2.0 */
/* The way back of rows that are data (tools/send.h). What is sent is what the plan said; what is
 * looked at is the object as it is now: gone, back again, or changed by somebody else since. */
#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/assess.h"
#include "proximo-client/undo/kinds.h"
#include "proximo-client/undo/undo.h"

/* What somebody changed after the operation is taken away by the undo too: it is named. */
static void conflicts(struct sending *c, const struct row *r, const js *did) {
    CLEANUP(buf_done) struct buf keys = BUF_INIT(LIM_LINE);
    char label[260], why[200];

    send_differences(c->now, did, r, &keys);
    (void)snprintf(label, sizeof(label), "%.40s/%.200s", r->send->on->kind, c->id);
    if (keys.len) {
        (void)snprintf(why, sizeof(why), "changed again since: that change is taken back too");
        draft_affect(c->d, &(struct affect){.resource = label,
                                            .effect = "loses-data",
                                            .severity = RISK_HIGH,
                                            .via = buf_str(&keys),
                                            .why = why});
    } else {
        draft_affect(c->d, &(struct affect){.resource = label,
                                            .effect = "reverted",
                                            .severity = RISK_LOW,
                                            .why = "it is as before the operation again"});
    }
}

/* What the undo sends, as an analyser is told it. */
static js *sent_of(const struct undone *u) {
    js *list = js_array();
    const js *q;

    for (size_t i = 0; (q = undone_request(u, "undo", i)); i++) {
        js_push(list, answer_pick(q, "method path form"));
    }
    return list;
}

/* ACL entries that come back are judged one by one: each gives somebody something. */
static int assess(struct sending *c, const struct undone *u, const struct row *r, const js *before,
                  const js *after, struct err *e) {
    CLEANUP(js_freep) js *sent = sent_of(u);
    struct assess a = {.row = r,
                       .args = c->args,
                       .before = before,
                       .after = after,
                       .guest = c->guest.vmid ? &c->guest : NULL,
                       .sent = sent};
    const js *q;
    int code = 0;

    for (size_t i = 0; code == 0 && (q = undone_request(u, "undo", i)); i++) {
        a.method = js_str_or(q, "method", "");
        a.path = js_str_or(q, "path", "");
        a.form = js_get(q, "form");
        if (i == 0) {
            code = send_verdict(c->d, &a, e);
        } else if (strcmp(a.path, "/access/acl") == 0) {
            code = assess_access(c->d, &a, e);
        }
    }
    return code;
}

static int gone(const struct sending *c, struct err *e) {
    (void)err_tag(e, -ENOENT, "undo_gone", "%s %.100s is not there any more",
                  c->row->send->on->kind, c->id);
    return err_hint(e, "make a new plan for what is there now");
}

/* A new object goes again. */
static int undo_create(struct sending *c, const struct undone *u, const struct row *made,
                       struct err *e) {
    CLEANUP(buf_done) struct buf limits = BUF_INIT(LIM_LINE);
    const struct thing *t = c->row->send->on;
    int r;

    if (!c->now) {
        return err_tag(e, -EALREADY, "no_change", "%s %.100s is already gone", t->kind, c->id);
    }
    conflicts(c, made, js_get(undone_request(u, "execute", 0), "form"));
    send_undo_copy(c->d, u->plan);
    r = send_make(c->d, PHASE_UNDO, t, c->args, c->now, &limits, e);
    draft_undo(c->d, "restore-object", "it is made again from the object recorded in this plan",
               buf_str(&limits));
    return r < 0 ? r : assess(c, u, c->row, c->now, NULL, e);
}

static int undo_update(struct sending *c, const struct undone *u, struct err *e) {
    CLEANUP(buf_done) struct buf limits = BUF_INIT(LIM_LINE);
    CLEANUP(js_freep) js *after = NULL;
    const js *back = js_get(undone_request(u, "undo", 0), "form");
    js *prior;
    int r = 0;

    if (!c->now) {
        return gone(c, e);
    }
    conflicts(c, c->row, js_get(undone_request(u, "execute", 0), "form"));
    send_undo_copy(c->d, u->plan);
    prior = send_prior(c->row, c->now, back, &limits);
    if (prior) {
        r = send_request(c->d, PHASE_UNDO, c->row, c->args, prior, e);
    }
    draft_undo(c->d, prior ? "restore-object" : "none",
               prior ? "the values of now are recorded in this plan and can be put back"
                     : "nothing of it can be put forward again",
               buf_str(&limits));
    after = send_after(c->row, c->now, back);
    return r < 0 ? r : assess(c, u, c->row, c->now, after, e);
}

/* What was deleted is made again, unless somebody has. */
static int undo_delete(struct sending *c, const struct undone *u, struct err *e) {
    const struct thing *t = c->row->send->on;
    CLEANUP(js_freep) js *after = js_copy(js_get(undone_request(u, "undo", 0), "form"));
    char label[260];
    int r;

    if (c->now && !t->ordered) {
        (void)err_tag(e, -EEXIST, "already_exists", "there is a %s %.100s again", t->kind, c->id);
        return err_hint(e, "compare it with the recorded one");
    }
    send_undo_copy(c->d, u->plan);
    r = send_unmake(c->d, PHASE_UNDO, t, c->args, false, e);
    draft_undo(c->d, "inverse", "it is deleted again", "");
    (void)snprintf(label, sizeof(label), "%.40s/%.200s", t->kind, c->id);
    draft_affect(c->d, &(struct affect){.resource = label,
                                        .effect = "reverted",
                                        .severity = RISK_LOW,
                                        .why = "it comes back as it was recorded"});
    return r < 0 ? r : assess(c, u, c->row, NULL, after, e);
}

static int undo_action(struct sending *c, const struct undone *u, struct err *e) {
    const js *q;
    int r = 0;

    /* a rule that was moved stands elsewhere now: its digest is read there */
    for (size_t i = 0; r == 0 && (q = undone_request(u, "undo", i)); i++) {
        if (c->row->send->back && js_get_str(q, "fresh_of")) {
            r = draft_read(c->d, js_get_str(q, "fresh_of"), "whole", NULL, e);
        }
    }
    if (r < 0) {
        return r;
    }
    send_undo_copy(c->d, u->plan);
    draft_undo(c->d, "none", "the operation can be planned again", "");
    return assess(c, u, c->row, c->now, c->now, e);
}

/* The row through which the object is looked at now: the one that would do what the undo does. */
static const struct row *counterpart(const struct row *r) {
    const struct send *x = r->send;

    switch (x->does) {
    case SEND_CREATE:
        return row_find(x->on->deleted_by);
    case SEND_DELETE:
        return row_find(x->on->made_by);
    case SEND_ACTION:
        return x->back ? r : x->inverse ? row_find(x->inverse) : NULL;
    case SEND_UPDATE:
    default:
        return r;
    }
}

/* Where the way back expects the guest: below the path of its first request (a migration has moved
 * it), else where it was. */
static bool is_elsewhere(const struct sending *c, const struct undone *u) {
    const char *path = js_str_or(undone_request(u, "undo", 0), "path", "");
    char node[64];

    if (strncmp(path, "/nodes/", 7) != 0 || !pve_path_part(path, 1, node, sizeof(node))) {
        (void)snprintf(node, sizeof(node), "%s", js_str_or(u->target, "node", c->guest.node));
    }
    return c->guest.vmid && strcmp(c->guest.node, node) != 0;
}

int undo_row(struct draft *d, const struct undone *u, const struct row *r, struct err *e) {
    const struct row *other = counterpart(r);
    const struct thing *t = r->send->on;
    CLEANUP(sending_done) struct sending c = {.row = other, .read = BUF_INIT(LIM_LINE)};
    CLEANUP(js_freep) js *names = NULL;
    int code = 0;

    if (!other) {
        return err_tag(e, -EINVAL, "undo_none", "%s has no way back in this version", r->name);
    }
    names = t ? sending_names(t, u->args, r->send->does == SEND_CREATE) : js_copy(u->args);
    if (t && t->listed && r->send->does == SEND_CREATE) {
        code = t->listed(d, NULL, names, e);
    } else if (t && t->made && r->send->does == SEND_DELETE) {
        t->made(names);
    }
    if (r->send->back && sending_is_guest(r)) {
        json_object_object_del(names, "node"); /* only to be checked, and it may have moved */
    }
    if (code == 0) {
        code = sending_open(&c, other, d, NULL, names, e);
    }
    if (code == 0 && is_elsewhere(&c, u)) {
        (void)err_tag(e, -ESTALE, "undo_gone", "guest %u moved to node %s", c.guest.vmid,
                      c.guest.node);
        code = err_hint(e, "make a new plan for where it is now");
    }
    if (code == 0) {
        code = sending_look(&c, e);
    }
    if (code < 0) {
        return code;
    }
    switch (r->send->does) {
    case SEND_CREATE:
        return undo_create(&c, u, r, e);
    case SEND_UPDATE:
        return undo_update(&c, u, e);
    case SEND_DELETE:
        return undo_delete(&c, u, e);
    case SEND_ACTION:
    default:
        return undo_action(&c, u, e);
    }
}

static bool is_ordered(const char *name) {
    const struct row *row = row_find(name);

    return row && row->send && row->send->on && row->send->on->ordered;
}

bool undo_by_position(const js *plan) {
    const js *steps = js_get(plan, "steps");
    bool is = is_ordered(js_str_or(plan, "tool", ""));

    for (size_t i = 0; !is && i < js_len(steps); i++) {
        is = is_ordered(js_str_or(js_at(steps, i), "row", ""));
    }
    return is;
}
