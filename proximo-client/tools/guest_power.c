/* SPDX-License-Identifier: Apache-2.0 */
/* pve_guest_power: start, stop, shutdown, reboot. A request that would change nothing is refused as
 * such: PVE itself answers it with an error only when the plan would already be spent. */
#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/plans.h"

/* A start is taken back gently first; what does not go in time is stopped. */
#define UNDO_START_TIMEOUT_S 60

static const struct action {
    const char *name;
    const char *words;  /* of the plan's sentence */
    bool wants_running; /* the state it needs before */
    bool ends_running;
    const char *inverse; /* NULL: none */
} actions[] = {
    {"start", "start", false, true, "shutdown"},
    {"stop", "stop (as by pulling the plug)", true, false, "start"},
    {"shutdown", "shut down", true, false, "start"},
    {"reboot", "reboot", true, true, NULL},
};

static const struct action *action_of(const js *args) {
    const char *name = js_str_or(args, "action", "");

    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        if (strcmp(actions[i].name, name) == 0) {
            return &actions[i];
        }
    }
    return NULL;
}

/* Refuses what cannot be or what is already so. */
static int refuse_idle(const struct action *a, const struct guest_ref *g, const js *status,
                       struct err *e) {
    const char *is = js_str_or(status, "status", "unknown");

    if (g->template) {
        return err_tag(e, -EINVAL, "bad_state", "guest %u is a template: it cannot run", g->vmid);
    }
    if (a->wants_running == g->running) {
        return 0;
    }
    if (a->wants_running && a->ends_running) { /* reboot of what does not run */
        (void)err_tag(e, -EINVAL, "bad_state", "guest %u is %.20s: nothing to reboot", g->vmid, is);
        return err_hint(e, "use action start");
    }
    (void)err_tag(e, -EALREADY, "no_change", "guest %u is already %.20s", g->vmid, is);
    return err_hint(e, "nothing has to be done");
}

static int check_options(const struct action *a, const js *args, struct err *e) {
    bool shutdown = strcmp(a->name, "shutdown") == 0;

    if (js_get(args, "timeout") && !shutdown && strcmp(a->name, "reboot") != 0) {
        return err_tag(e, -EINVAL, "bad_argument", "timeout goes with shutdown or reboot only");
    }
    if (js_get(args, "force") && !shutdown) {
        return err_tag(e, -EINVAL, "bad_argument", "force goes with shutdown only");
    }
    return 0;
}

static js *form_of(const js *args) {
    js *form = answer_pick(args, "timeout");

    if (js_bool_or(args, "force", false)) {
        js_add(form, "forceStop", js_bool(true));
    }
    return form;
}

static int add_undo(struct draft *d, const struct action *a, const struct guest_ref *g, bool ha,
                    struct err *e) {
    const char *limits = ha ? "the guest is managed by HA: the manager acts some seconds after it "
                              "was asked"
                            : "what ran inside is not brought back";
    js *form = js_object();
    char tail[40];

    if (!a->inverse) {
        json_object_put(form);
        draft_undo(d, "none", "a reboot cannot be taken back", "");
        return 0;
    }
    if (a->ends_running) {
        js_add(form, "forceStop", js_bool(true));
        js_add(form, "timeout", js_int(UNDO_START_TIMEOUT_S));
    }
    (void)snprintf(tail, sizeof(tail), "/status/%s", a->inverse);
    draft_undo(d, "inverse",
               a->ends_running ? "the guest is shut down again (stopped if it does not go in 60 s)"
                               : "the guest is started again",
               limits);
    return plan_guest_request(d, PHASE_UNDO, g, "POST", tail, form, false, e);
}

int plan_guest_power(struct draft *d, const js *args, struct err *e) {
    const struct action *a = action_of(args);
    struct guest_ref g;
    js *status = NULL;
    char tail[40];
    int r;

    if (!a) {
        return err_tag(e, -EINVAL, "bad_argument", "unknown action");
    }
    r = check_options(a, args, e);
    if (r == 0) {
        r = plan_guest(d, args, &g, &status, e);
    }
    if (r == 0) {
        r = refuse_idle(a, &g, status, e);
    }
    if (r < 0) {
        return r;
    }
    draft_change(d, "%s %s %u (%s) on node %s", a->words,
                 strcmp(g.kind, "lxc") == 0 ? "container" : "VM", g.vmid, g.name, g.node);
    (void)snprintf(tail, sizeof(tail), "/status/%s", a->name);
    r = plan_guest_request(d, PHASE_EXECUTE, &g, "POST", tail, form_of(args), false, e);
    if (r == 0) {
        r = add_undo(d, a, &g, js_bool_or(js_get(status, "ha"), "managed", false), e);
    }
    return r < 0 ? r : assess_power(d, &g, a->name, e);
}

static int look_at(struct session *s, const struct guest_ref *g, js **ret, struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    int r = guest_path(g, "/status/current", &path, e);

    return r < 0 ? r : pve_get(s->pve, buf_str(&path), ret, e);
}

/* Of a guest under HA the task ends when the wish is filed; the manager acts some rounds later. */
int check_guest_power(struct session *s, const js *args, bool *ret_ok, char **ret_text,
                      struct err *e) {
    const struct action *a = action_of(args);
    struct guest_ref g;
    int r = a ? resolve_guest(s, args, &g, e) : -EINVAL;

    for (int i = 0; r == 0; i++) {
        CLEANUP(js_freep) js *status = NULL;
        const char *is;
        bool done, ha;

        r = look_at(s, &g, &status, e);
        if (r < 0) {
            break;
        }
        is = js_str_or(status, "status", "unknown");
        done = (strcmp(is, "running") == 0) == a->ends_running;
        ha = js_bool_or(js_get(status, "ha"), "managed", false);
        if (!done && ha && i < HA_SETTLE_TRIES && !session_cancelled(s)) {
            clock_sleep_ms(HA_SETTLE_MS);
            continue;
        }
        return check_done(
            done, ret_ok, ret_text, "guest %u is %s%.20s%s", g.vmid, !done && ha ? "still " : "",
            is, !done && ha ? ": HA took the request and has not acted yet; look again" : "");
    }
    return r;
}
