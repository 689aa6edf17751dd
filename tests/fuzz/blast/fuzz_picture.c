/* SPDX-License-Identifier: Apache-2.0 */
/* A whole cluster from outside: {path: answer} put into a picture, and every analyser over it. What
 * the API sends, in whatever shape, may make the verdict incomplete; it may not crash, and a guest
 * list that could not be read must be told. */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "proximo-client/blast/blast.h"
#include "proximo-client/blast/picture.h"
#include "proximo-client/pipeline/draft.h"
#include "tests/fuzz/blast/draft.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct picture *fill(const js *world, const struct picture_ask *ask) {
    const struct picture_read *want;
    struct picture *p = NULL;
    size_t n;

    if (picture_new(ask, &p, NULL) < 0) {
        return NULL;
    }
    while ((n = picture_need(p, &want)) > 0) {
        for (size_t i = 0; i < n; i++) {
            js *v = js_get(world, want[i].path);

            picture_put(p, want[i].path, v, v ? 0 : -EACCES, NULL);
        }
    }
    return p;
}

/* Votes, Ceph, disks and devices in whatever shape. */
static void nodes(const struct picture *p, const js *world) {
    (void)blast_node_power(p, "c1", true, NULL);
    (void)blast_node_power(p, "c1", false, NULL);
    (void)blast_node_guests(p, "c1", "stopall", js_get(world, "set"), NULL);
    (void)blast_node_guests(p, "c1", "startall", js_get(world, "set"), NULL);
    (void)blast_node_service(p, "c1", "corosync", "stop", NULL);
    (void)blast_node_disk(p, "c1", "/dev/sda,/dev/sdb", NULL);
    (void)blast_node_pool(p, "c1", "zfs", "tank", "", NULL);
    (void)blast_mapping(p, "pci", "gpu", js_get(world, "before"), js_get(world, "after"), NULL);
}

/* Requests to the planes of HA, replication, realms and pools, whatever the lists hold. */
static void requests(const struct picture *p, const js *world) {
    const js *list = js_get(world, "requests");
    struct blast_request req[4];
    size_t n = 0;

    for (; n < js_len(list) && n < ARRAY_LEN(req); n++) {
        const js *q = js_at(list, n);

        req[n] = (struct blast_request){js_str_or(q, "method", ""), js_str_or(q, "path", ""),
                                        js_get(q, "form")};
    }
    for (size_t i = 0; i < n; i++) {
        (void)blast_realm(p, js_get(world, "before"), &req[i], "a@pve!t", 1000, NULL);
    }
    (void)blast_ha(p, req, n, NULL);
    (void)blast_replication(p, req, n, NULL);
    (void)blast_pool(p, req, n, "a@pve!t", 1000, NULL);
}

static void lists(const struct picture *p, const js *world) {
    CLEANUP(js_freep) js *gone = blast_access_dangling(p, NULL);
    CLEANUP(js_freep) js *fresh = blast_freshness(p, 1000000, 100);
    const struct guest *g;

    (void)gone;
    (void)blast_storage_keep(p, "st", js_get(world, "set"), js_get(world, "del"), 1000, NULL);
    if (js_len(fresh) != picture_guests(p, &g)) {
        abort(); /* every guest is told of, once */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(js_freep) js *world = NULL;
    const struct picture_ask all = {.what = BLAST_STORAGE_NEEDS | BLAST_NODE_NEEDS | PIC_DISKS |
                                            BLAST_HA_NEEDS | BLAST_POOL_NEEDS | BLAST_BACKUP_NEEDS,
                                    .storage = "st",
                                    .nodes = "c1"};
    CLEANUP(picture_freep) struct picture *p = NULL;
    const js *args;

    if (js_parse((const char *)data, size, &world, NULL) < 0 || !js_is_object(world) ||
        !(p = fill(world, &all))) {
        return 0;
    }
    args = js_get(world, "set");
    draft_told = 0;
    (void)blast_storage(p, "st", args, js_get(world, "del"), false, NULL);
    if (!js_get(world, "/cluster/resources?type=vm") && draft_told == 0) {
        abort();
    }
    (void)blast_storage(p, "st", NULL, NULL, true, NULL);
    (void)blast_power(p, 100, "stop", NULL);
    (void)blast_config(p, 100, args, js_get(world, "del"), NULL);
    (void)blast_rollback(p, 100, "s1", 1000000, NULL);
    (void)blast_exec(p, 100, args, NULL);
    nodes(p, world);
    requests(p, world);
    lists(p, world);
    (void)perms_cover(js_get(world, "/access/permissions"), "/vms/100", "VM.Audit|VM.Backup", NULL);
    return 0;
}
