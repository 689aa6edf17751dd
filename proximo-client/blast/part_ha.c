/* SPDX-License-Identifier: Apache-2.0 */
/* What the HA manager knows beyond its lists (who is in error, which nodes are in maintenance,
 * whether it is disarmed), the groups of PVE 8, and the configurations of the guests that HA has:
 * of these only, not of ten thousand. Pure. */
#include "proximo-client/blast/picture_int.h"

#include <string.h>

#include "common/ident.h"
#include "proximo-client/blast/blast.h"

static void start(struct picture *p) {
    static const struct want_as manager = {.bits = PIC_HA_NOW,
                                           .label = "the HA manager's state",
                                           .whose = "",
                                           .privilege = "Sys.Audit on /"};
    /* PVE 9 answers 500: groups have become rules. Resources that name a group all the same are
     * looked for by the analyser. */
    static const struct want_as groups = {.bits = PIC_HA_NOW,
                                          .label = "HA groups",
                                          .whose = "",
                                          .privilege = "Sys.Audit on /",
                                          .optional = 500};

    /* it only informs: its clocks move with every look */
    picture_want_as(p, &manager, NULL, "%s", BLAST_HA_MANAGER);
    picture_want_as(p, &groups, "whole", "%s", BLAST_HA_GROUPS);
}

static void want_config(struct picture *p, uint32_t vmid) {
    const struct guest *g = picture_guest(p, vmid);

    if (g && g->config.state == PART_NOT_ASKED && !(p->ask.what & PIC_CONFIGS)) {
        picture_want(p, "config", "/nodes/%s/%s/%u/config", g->node, g->kind, vmid);
    }
}

static void settle(struct picture *p) {
    if (p->n_guest == 0 || p->ha_configs_wanted || p->ha_part.state == PART_NOT_ASKED || !p->ha) {
        return;
    }
    p->ha_configs_wanted = true;
    for (size_t i = 0; i < js_len(p->ha); i++) {
        const char *colon = strchr(js_str_or(js_at(p->ha, i), "sid", ""), ':');
        uint32_t vmid = 0;

        if (colon && ident_vmid(colon + 1, &vmid) == 0 && vmid != p->ask.vmid) {
            want_config(p, vmid);
        }
    }
    if (p->ask.vmid) {
        want_config(p, p->ask.vmid);
    }
}

const struct pic_part part_ha = {.bits = PIC_HA_NOW, .start = start, .settle = settle};
