/* SPDX-License-Identifier: Apache-2.0 */
/* A whole tree of files, and everything that can be asked of it. A file begins with a line
 * "@@ path"; "@! path" is one that could not be read. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "proximo-client/blast/blast.h"
#include "proximo-client/blast/picture.h"
#include "proximo-client/pve/pvetree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const paths[] = {
    "/cluster/resources?type=node",
    "/cluster/ha/status/manager_status",
    "/cluster/ha/groups",
    "/cluster/options",
    "/cluster/config/nodes",
    "/cluster/config/totem",
    "/cluster/sdn/zones",
    "/cluster/sdn/vnets",
    "/cluster/sdn/vnets/v/subnets",
    "/cluster/sdn/vnets/v/firewall/rules",
    "/cluster/firewall/rules",
    "/cluster/firewall/options",
    "/cluster/firewall/aliases",
    "/cluster/firewall/ipset",
    "/cluster/firewall/ipset/s",
    "/cluster/firewall/groups",
    "/cluster/firewall/groups/g",
    "/nodes/n/firewall/rules",
    "/nodes/n/qemu/100/config",
    "/nodes/n/qemu/100/pending",
    "/nodes/n/lxc/101/config",
    "/nodes/n/lxc/101/firewall/rules",
    "/nodes/n/network",
    "/pools?poolid=p",
};

static void put_files(struct pvetree *t, const char *s, size_t n) {
    while (n) {
        const char *next = n > 3 ? memmem(s + 1, n - 1, "\n@", 2) : NULL;
        size_t len = next ? (size_t)(next - s) + 1 : n;
        const char *end = memchr(s, '\n', len);
        char path[128] = "";

        if (end && end - s > 3 && s[0] == '@' && end - s - 3 < (long)sizeof(path)) {
            size_t head = (size_t)(end - s) + 1;

            memcpy(path, s + 3, (size_t)(end - s) - 3);
            if (!memchr(path, '\0', (size_t)(end - s) - 3)) {
                s[1] == '!' ? pvetree_unread(t, path, "refused")
                            : pvetree_put(t, path, s + head, len - head);
            }
        }
        s += len;
        n -= len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct picture_ask ask = {.what = BLAST_STORAGE_NEEDS | PIC_ACCESS | PIC_POOLS,
                                    .storage = "st"};
    CLEANUP(pvetree_freep) struct pvetree *t = NULL;
    CLEANUP(picture_freep) struct picture *p = NULL;

    if (pvetree_new(&t, NULL) < 0) {
        return 0;
    }
    put_files(t, (const char *)data, size);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        CLEANUP(js_freep) js *v = NULL;
        struct err e = {0};
        int r = pvetree_answer(t, paths[i], &v, &e);

        assert((r == 0) == (v != NULL));
        assert(r == 0 || e.msg[0]);
    }
    if (picture_of_pvetree(t, &ask, &p, NULL) < 0) {
        abort();
    }
    /* nobody may take "not in the files" for "none" */
    assert(picture_guests_part(p)->state != PART_READ);
    return 0;
}
