/* SPDX-License-Identifier: Apache-2.0 */
/* PVE takes a storage's access entries and its place in pools with its definition
 * (PVE::AccessControl::remove_storage_access), and making the definition again brings none back. */
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/access.h"
#include "proximo-client/blast/blast.h"

static bool has_member(const js *pool, const char *storage) {
    const js *members = js_get(pool, "members");

    for (size_t i = 0; i < js_len(members); i++) {
        const js *m = js_at(members, i);

        if (strcmp(js_str_or(m, "type", ""), "storage") == 0 &&
            strcmp(js_str_or(m, "storage", ""), storage) == 0) {
            return true;
        }
    }
    return false;
}

bool blast_storage_grants(const struct picture *p, const char *storage, js *ret_acl,
                          js *ret_pools) {
    CLEANUP(js_freep) js *world = access_world(p);
    const js *acl = js_get(world, "acl"), *pools = js_get(world, "pools");

    for (size_t i = 0; i < js_len(acl); i++) {
        js *entry = js_at(acl, i);
        const char *path = js_str_or(entry, "path", "");

        if (strncmp(path, "/storage/", 9) == 0 && strcmp(path + 9, storage) == 0) {
            js_push(ret_acl, js_ref(entry));
        }
    }
    for (size_t i = 0; i < js_len(pools); i++) {
        if (has_member(js_at(pools, i), storage)) {
            js_push(ret_pools, js_str(js_str_or(js_at(pools, i), "poolid", "")));
        }
    }
    return world != NULL;
}
