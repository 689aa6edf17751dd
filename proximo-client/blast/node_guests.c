/* SPDX-License-Identifier: Apache-2.0 */
/* All guests of a node start, stop or are suspended at once, or those of a list: which ones, and
 * what HA and those that depend on them make of it. */
#include "proximo-client/blast/node_int.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Without a list PVE leaves to HA what HA manages. */
static bool is_meant(const struct away *a, const struct guest *g, const char *vms) {
    char vmid[16];

    (void)snprintf(vmid, sizeof(vmid), "%u", g->vmid);
    return strcmp(g->node, a->node) == 0 && !g->template &&
           (*vms ? words_have(vms, vmid) : !is_managed(a->p, g));
}

static void started(struct away *a, const struct guest *g, bool force) {
    if (g->running) {
        return;
    }
    if (!g->cfg || force || js_bool_or(g->cfg, "onboot", false)) {
        tally_guest(&a->tally, a->d, g, "started", RISK_LOW, NULL, "it starts");
    }
}

static void stopped(struct away *a, const struct guest *g, bool suspend) {
    if (!g->running || (suspend && strcmp(g->kind, "qemu") != 0)) {
        return;
    }
    tally_guest(&a->tally, a->d, g, "halted", RISK_MEDIUM, NULL,
                suspend ? "its memory goes to disk and it is off until it is started"
                        : "it shuts down, or is stopped after the timeout");
    if (is_managed(a->p, g)) {
        tally_guest(&a->tally, a->d, g, "changed", RISK_HIGH, "HA",
                    suspend ? "HA wants it started and may start it again"
                            : "managed by HA: its HA state becomes stopped");
    }
    served_by(a->p, g, &a->tally, a->d);
}

int blast_node_guests(const struct picture *p, const char *node, const char *action, const js *form,
                      struct draft *d) {
    struct away a = {.p = p, .d = d, .node = node};
    const char *vms = js_str_or(form, "vms", "");
    const struct guest *g;
    size_t n = picture_guests(p, &g);

    blast_unread(p, BLAST_NODE_GUESTS_NEEDS, 0, d);
    for (size_t i = 0; i < n; i++) {
        if (!is_meant(&a, &g[i], vms)) {
            continue;
        }
        if (strcmp(action, "startall") == 0) {
            started(&a, &g[i], js_bool_or(form, "force", false)); /* a list alone is not enough */
        } else {
            stopped(&a, &g[i], strcmp(action, "suspendall") == 0);
        }
    }
    if (!a.tally.n) {
        draft_risk(d, RISK_LOW, "no guest of %s is reached as it is now", node);
    }
    tally_risk(&a.tally, d);
    return 0;
}
