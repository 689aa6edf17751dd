/* SPDX-License-Identifier: Apache-2.0 */
/* A node is emptied: one plan that moves each of its guests, one approval, one undo. Where each
 * goes is worked out when the plan is made and stands in it; a guest that can go nowhere refuses
 * the plan until it is left out by name. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/blast/blast.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/assess.h"
#include "proximo-client/tools/look.h"
#include "proximo-client/tools/rows.h"
#include "proximo-client/tools/steps.h"

static const struct field evacuate_fields[] = {
    {"node", F_NODE, "the node to be emptied", true},
    {"targets", F_STRS, "nodes they may go to; default: every other one that is up", .max = 64},
    {"exclude", F_STRS, "vmids that stay", .max = 500},
    {"restart", F_BOOL, "running containers: stop, move, start"},
    {"with-local-disks", F_BOOL, "running VMs: copy local disks, too"},
    {NULL},
};

/* What is asked of every move; each kind of guest takes what is its own. */
static js *wishes(const js *args) {
    js *form = js_object();

    js_add(form, "online", js_bool(true));
    js_add(form, "restart", js_bool(js_bool_or(args, "restart", false)));
    js_add(form, "with-local-disks", js_bool(js_bool_or(args, "with-local-disks", false)));
    return form;
}

static int excluded(const js *args, js **ret, struct err *e) {
    const js *list = js_get(args, "exclude");
    CLEANUP(js_freep) js *o = js_object();

    for (size_t i = 0; i < js_len(list); i++) {
        const char *text = value_text(js_at(list, i));
        uint32_t vmid = 0;

        if (ident_vmid(text, &vmid) < 0) {
            return err_tag(e, -EINVAL, "bad_argument", "exclude: \"%.40s\" is no vmid", text);
        }
        js_add(o, text, js_bool(true));
    }
    *ret = TAKE(o);
    return 0;
}

static int check_targets(struct session *s, const js *args, struct err *e) {
    const js *list = js_get(args, "targets");
    int r = check_node(s, js_str_or(args, "node", ""), e);

    for (size_t i = 0; r == 0 && i < js_len(list); i++) {
        r = check_node(s, value_text(js_at(list, i)), e);
    }
    return r;
}

static int refuse_stuck(const js *stuck, struct err *e) {
    CLEANUP(buf_done) struct buf who = BUF_INIT(LIM_LINE), why = BUF_INIT(LIM_LINE);
    const int n = json_object_object_length(stuck);

    if (n == 0) {
        return 0;
    }
    JS_FOREACH(stuck, vmid, reason) { /* what no longer fits is counted */
        (void)buf_addf(&who, "%s%s", who.len ? ", " : "", vmid);
        (void)buf_addf(&why, "%s%s: %.90s", why.len ? "; " : "", vmid, value_text(reason));
    }
    (void)err_tag(e, -EBUSY, "cannot_move", "%d guest%s can go nowhere: %.180s", n,
                  n == 1 ? "" : "s", buf_str(&who));
    return err_hint(e,
                    "mend it, allow more (restart, with-local-disks, targets), or exclude them. "
                    "%.140s",
                    buf_str(&why));
}

static js *args_of(const struct guest *g, const char *target, const js *form) {
    js *args = js_object();

    js_add(args, "vmid", js_int(g->vmid));
    js_add(args, "target", js_str(target));
    if (g->running && strcmp(g->kind, "lxc") == 0) {
        js_add(args, "restart", js_bool(true));
    } else if (g->running) {
        js_add(args, "online", js_bool(true));
        if (js_bool_or(form, "with-local-disks", false)) {
            js_add(args, "with-local-disks", js_bool(true));
        }
    }
    return args;
}

/* The verdict is over all moves together, and has been given. */
static int told(struct draft *d, const struct assess *a, struct err *e) {
    (void)d;
    (void)a;
    (void)e;
    return 0;
}

/* Each move as its own row plans it, request and way back; none for whom HA takes along. */
static int add_steps(struct draft *d, const struct picture *p, const struct blast_places *to,
                     const js *form, struct err *e) {
    const struct row *row = row_find("pve_guest_migrate");
    struct send quiet = *row->send;
    struct row move = *row;

    quiet.assess = told;
    move.send = &quiet;
    JS_FOREACH(to->moves, key, target) {
        CLEANUP(js_freep) js *args = NULL;
        uint32_t vmid = 0;
        int r = ident_vmid(key, &vmid);

        if (js_get(to->with, key)) {
            continue;
        }
        args = args_of(picture_guest(p, vmid), json_object_get_string(target), form);
        draft_step_begin(d, row->name, args);
        r = r < 0 ? r : send_plan(&move, d, args, e);
        draft_step_end(d);
        if (r < 0) {
            return err_wrap(e, "guest %s", key);
        }
    }
    return 0;
}

static int check_number(const js *moves, const char *node, struct err *e) {
    const int n = json_object_object_length(moves);

    if (n == 0) {
        (void)err_tag(e, -EALREADY, "no_change", "no guest of %s is left to be moved", node);
        return err_hint(e, "pve_list_guests with node shows who is there");
    }
    if (n > PLAN_MAX_STEPS) {
        (void)err_tag(e, -E2BIG, "bad_argument", "%d guests: more than %d are no single plan", n,
                      PLAN_MAX_STEPS);
        return err_hint(e, "exclude some of them, and evacuate the rest with a second plan");
    }
    return 0;
}

static void say_all(struct draft *d, const char *node, const struct blast_places *to,
                    const js *exclude) {
    const int with = json_object_object_length(to->with);
    char along[60] = "";

    if (with > 0) {
        (void)snprintf(along, sizeof(along), ", %d of them taken along by HA", with);
    }
    draft_target(d, "node", node, NULL);
    draft_change(d, "evacuate node %s: %d guests move, one after the other%s; %d excluded stay",
                 node, json_object_object_length(to->moves), along,
                 json_object_object_length(exclude));
    steps_say_undo(d);
    draft_risk(d, RISK_LOW,
               "where each guest goes was worked out on the cluster as it is now; a "
               "failure stops the rest");
}

/* A guest that comes to the node, and every answer that decided where somebody goes. */
static int watched(const js *moves, struct buf *ret, struct err *e) {
    int r = buf_adds(ret, "/storage /cluster/ha/ /cluster/replication /cluster/mapping/ "
                          "/cluster/sdn/ /cluster/resources");

    JS_FOREACH(moves, vmid, target) {
        (void)vmid;
        r = r < 0 ? r : buf_addf(ret, " /nodes/%.63s/network", value_text(target));
    }
    return r < 0 ? err_set(e, r, "the plan is too large") : 0;
}

static int plan_evacuate(struct draft *d, const js *args, struct err *e) {
    const char *node = js_str_or(args, "node", "");
    const struct picture_ask ask = {.what = BLAST_MIGRATE_NEEDS};
    CLEANUP(look_done) struct look l = {0};
    CLEANUP(buf_done) struct buf paths = BUF_INIT(LIM_LINES);
    CLEANUP(js_freep) js *form = wishes(args);
    CLEANUP(js_freep) js *exclude = NULL;
    CLEANUP(blast_places_done) struct blast_places to = {0};
    int r = excluded(args, &exclude, e);

    r = r < 0 ? r : check_targets(draft_session(d), args, e);
    r = r < 0 ? r : look_open(&l, d, &ask, e);
    if (r < 0) {
        return r;
    }
    blast_place(l.p, node, js_get(args, "targets"), exclude, form, &to);
    r = refuse_stuck(to.stuck, e);
    r = r < 0 ? r : check_number(to.moves, node, e);
    r = r < 0 ? r : watched(to.moves, &paths, e);
    l.paths = buf_str(&paths);
    r = r < 0 ? r : look_close(&l, blast_evacuate(l.p, node, to.moves, form, d), e);
    r = r < 0 ? r : add_steps(d, l.p, &to, form, e);
    r = r < 0 ? r : draft_steps_apart(d, e);
    if (r == 0) {
        say_all(d, node, &to, exclude);
    }
    return r;
}

static bool ha_moves(const char *state) {
    return strcmp(state, "migrate") == 0 || strcmp(state, "relocate") == 0;
}

/* ret_ha: those left of which HA's manager may yet do something else, and whoever it is moving just
 * now, wherever it is: it may be on its way back. */
static int count_left(struct session *s, const char *node, const js *exclude, unsigned int *ret,
                      unsigned int *ret_ha, struct err *e) {
    CLEANUP(js_freep) js *all = NULL;
    int r = pve_get(s->pve, "/cluster/resources?type=vm", &all, e);

    *ret = *ret_ha = 0;
    for (size_t i = 0; r == 0 && i < js_len(all); i++) {
        const js *one = js_at(all, i);
        const char *state = js_str_or(one, "hastate", "");
        bool left;
        char key[24];

        (void)snprintf(key, sizeof(key), "%lld", (long long)js_int_or(one, "vmid", 0));
        left = strcmp(js_str_or(one, "node", ""), node) == 0 && !js_get(exclude, key);
        *ret += left;
        *ret_ha += left ? *state != 0 : ha_moves(state);
    }
    return r;
}

/* Who is still there that was to go? HA's manager is given time to move its own. */
static int check_evacuate(struct session *s, const js *args, bool *ret_ok, char **ret_text,
                          struct err *e) {
    const char *node = js_str_or(args, "node", "");
    CLEANUP(js_freep) js *exclude = NULL;
    unsigned int left = 0, ha = 0;
    int r = excluded(args, &exclude, e);

    r = r < 0 ? r : count_left(s, node, exclude, &left, &ha, e);
    for (int i = 0; r == 0 && ha && i < HA_SETTLE_TRIES && !session_cancelled(s); i++) {
        clock_sleep_ms(HA_SETTLE_MS);
        r = count_left(s, node, exclude, &left, &ha, e);
    }
    if (r < 0) {
        return r;
    }
    return check_done(left == 0, ret_ok, ret_text, "%u guests that were to go are still on %s",
                      left, node);
}

const struct row evacuate_rows[] = {
    {"pve_node_evacuate", "Move all guests off a node",
     "Plans moving every guest of a node elsewhere, as one plan of ordered steps with one approval "
     "and one undo; guests that cannot go are named and refuse it." PLANS,
     "node", EFFECT_CHANGE, 0, evacuate_fields, .plan = plan_evacuate, .check = check_evacuate,
     .analysers = "evacuate", .undo = "steps", .privilege = "/vms/{vmid} VM.Migrate",
     .result = PLAN_RESULT},
    {NULL},
};
