/* SPDX-License-Identifier: Apache-2.0 */
/* The volumes of one guest on every storage of its node, whether its configuration names them or
 * not: what PVE takes with "destroy-unreferenced-disks". Also the configuration inside one backup.
 * Kept under their paths. Pure. */
#include "proximo-client/blast/picture_int.h"

#include <string.h>

static bool may_hold_disks(const struct store *s) {
    const char *content = js_str_or(s->def, "content", "images");

    return !s->disabled && (words_have(content, "images") || words_have(content, "rootdir"));
}

static void want_volumes(struct picture *p, const struct guest *g) {
    for (size_t i = 0; i < p->n_store; i++) {
        const struct store *s = &p->store[i];
        struct want_as as = {.bits = PIC_OWNED,
                             .label = "volumes of the guest",
                             .privilege = "Datastore.Allocate on the storage",
                             .seen_with = "Datastore.Allocate"};
        const char *path =
            picture_strf(p, "/nodes/%s/storage/%s/content?vmid=%u", g->node, s->id, g->vmid);

        if (!may_hold_disks(s) || !store_on_node(s->def, g->node) || picture_wants(p, path)) {
            continue;
        }
        as.whose = s->id;
        as.seen_on = picture_strf(p, "/storage/%s", s->id);
        picture_want_as(p, &as, "whole", "%s", path);
    }
}

static void settle(struct picture *p) {
    const struct guest *g = p->ask.owner ? picture_guest(p, p->ask.owner) : NULL;

    if ((p->ask.what & PIC_OWNED) && g) {
        want_volumes(p, g);
    }
}

static void start(struct picture *p) {
    const struct want_as as = {.bits = PIC_ARCHIVE,
                               .label = "the configuration inside the backup",
                               .whose = "",
                               .privilege = "VM.Backup on the guest"};

    if ((p->ask.what & PIC_ARCHIVE) && p->ask_archive && p->ask_nodes) {
        picture_want_as(p, &as, NULL, "/nodes/%s/vzdump/extractconfig?volume=%s", p->ask_nodes,
                        p->ask_archive);
    }
}

const struct pic_part part_owned = {
    .bits = PIC_OWNED | PIC_ARCHIVE,
    .start = start,
    .settle = settle,
};
