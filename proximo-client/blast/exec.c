/* SPDX-License-Identifier: Apache-2.0 */
/* A command in a container, judged by what the node itself says about it (explain): which rule lets
 * it through and how narrow that is, whether the container is privileged, what of the host is
 * mounted inside, and whether a snapshot can take it back. The text of the command is not judged:
 * whoever may run one program may run it badly. */
#include "proximo-client/blast/blast_int.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct run {
    const struct guest *g; /* or NULL */
    char resource[24];
    struct draft *d;
    struct tally t;
    bool running;
};

static void hit(struct run *r, const char *effect, enum risk severity, const char *via,
                const char *why) {
    tally_affect(&r->t, r->d,
                 &(struct affect){.resource = r->resource,
                                  .name = r->g ? r->g->name : NULL,
                                  .node = r->g ? r->g->node : NULL,
                                  .effect = effect,
                                  .severity = severity,
                                  .running = r->running,
                                  .via = via,
                                  .why = why});
}

static void unread_unless(struct run *r, const js *explain, const char *key) {
    if (!js_get(explain, key)) {
        draft_unread(r->d, key, "the node's answer does not say", NULL);
    }
}

/* The container's own lines: "mp0 /srv/media,mp=/media,ro=1" is a directory (or a device) of the
 * host; "mp1 local-zfs:subvol-1,mp=/data" is a volume, which a snapshot of the container covers;
 * what lxc.mount lines bring in is the host's too. */
static void check_mounts(struct run *r, const js *mounts) {
    for (size_t i = 0; i < js_len(mounts); i++) {
        const char *line = json_object_get_string(js_at(mounts, i));
        const char *value = line ? strchr(line, ' ') : NULL;
        bool raw = line && strncmp(line, "lxc.", 4) == 0;
        bool is_ro;
        char why[300];

        if (!value || (!raw && value[1] != '/')) {
            continue;
        }
        value++;
        is_ro = !raw && strstr(value, ",ro=1");
        (void)snprintf(why, sizeof(why),
                       "%.*s of the host is mounted inside%s: no snapshot covers it",
                       (int)strcspn(value, raw ? " " : ","), value,
                       is_ro ? " (read-only)" : " and can be written");
        hit(r, "exposed", is_ro ? RISK_LOW : RISK_HIGH, "mount", why);
    }
}

static void check_rule(struct run *r, const js *explain) {
    const char *rule = js_str_or(explain, "rule", "?");
    char why[240];

    if (js_bool_or(explain, "near_root", true)) {
        (void)snprintf(why, sizeof(why), "rule %.60s lets nearly anything run there", rule);
        hit(r, "changed", RISK_HIGH, "rule", why);
    } else {
        (void)snprintf(why, sizeof(why), "rule %.60s lets exactly this form of command run", rule);
        hit(r, "changed", RISK_LOW, "rule", why);
    }
}

static void check_undo(struct run *r, const js *undo) {
    char why[240];

    if (js_bool_or(undo, "possible", false)) {
        return;
    }
    (void)snprintf(why, sizeof(why), "no snapshot can take it back: %.160s",
                   js_str_or(undo, "why", "the node does not say why"));
    hit(r, "loses-undo", RISK_MEDIUM, "undo", why);
}

int blast_exec(const struct picture *p, uint32_t vmid, const js *explain, struct draft *d) {
    struct run r = {.g = p ? picture_guest(p, vmid) : NULL, .d = d};
    char why[240];

    (void)snprintf(r.resource, sizeof(r.resource), "ct/%u", vmid);
    if (!js_is_object(explain)) {
        draft_unread(d, "what the node's policy says", "the node did not answer", NULL);
        return -ENOENT;
    }
    r.running = js_bool_or(explain, "running", false);
    if (!js_bool_or(explain, "allowed", false)) {
        (void)snprintf(why, sizeof(why), "the node refuses it: %.160s",
                       js_str_or(explain, "why", js_str_or(explain, "code", "no rule allows it")));
        hit(&r, "none", RISK_HIGH, "policy", why);
        tally_risk(&r.t, d);
        return 0;
    }
    unread_unless(&r, explain, "near_root");
    unread_unless(&r, explain, "privileged");
    unread_unless(&r, explain, "mounts");
    unread_unless(&r, explain, "running");
    check_rule(&r, explain);
    if (js_bool_or(explain, "privileged", false)) {
        hit(&r, "exposed", RISK_HIGH, "privileged",
            "the container is privileged: root inside is root on the node");
    }
    check_mounts(&r, js_get(explain, "mounts"));
    check_undo(&r, js_get(explain, "undo"));
    if (js_get(explain, "running") && !r.running) {
        draft_risk(d, RISK_LOW, "the container does not run: the command cannot start");
    }
    tally_risk(&r.t, d);
    return 0;
}
