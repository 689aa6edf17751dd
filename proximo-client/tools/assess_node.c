/* SPDX-License-Identifier: Apache-2.0 */
/* Analysers for rows about nodes and about what stands for a node's devices. */
#include <string.h>

#include "proximo-client/blast/blast.h"
#include "proximo-client/blast/picture.h"
#include "proximo-client/tools/assess.h"

/* "pci-mapping" */
int assess_mapping(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    struct picture_ask ask = {.what = BLAST_MAPPING_NEEDS};
    char type[8];
    int r = assess_look(d, &ask, 0, &p, e);

    (void)snprintf(type, sizeof(type), "%.*s", (int)strcspn(a->row->send->on->kind, "-"),
                   a->row->send->on->kind);
    return r < 0
               ? r
               : assess_verdict(blast_mapping(p, type, js_str_or(a->args, "id", ""),
                                              js_get(a->before, "map"), js_get(a->after, "map"), d),
                                e);
}

int assess_node_service(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    struct picture_ask ask = {.what = BLAST_NODE_SERVICE_NEEDS};
    int r = assess_look(d, &ask, 0, &p, e);

    return r < 0 ? r
                 : assess_verdict(blast_node_service(p, js_str_or(a->args, "node", ""),
                                                     js_str_or(a->args, "service", ""),
                                                     strrchr(a->path, '/') + 1, d),
                                  e);
}
