/* SPDX-License-Identifier: Apache-2.0 */
/* Pools as the picture shows them: /pools and each one's members. */
#include "proximo-client/blast/blast_int.h"

#include <stdio.h>
#include <string.h>

const js *pool_members(const struct picture *p, const char *poolid, struct part *ret) {
    char path[160];
    const js *answer;

    (void)snprintf(path, sizeof(path), "/pools?poolid=%.120s", poolid);
    answer = picture_answer(p, path, ret);
    return js_get(js_is_array(answer) ? js_at(answer, 0) : answer, "members");
}

static bool has_member(const js *members, int64_t vmid) {
    for (size_t i = 0; i < js_len(members); i++) {
        if (js_int_or(js_at(members, i), "vmid", 0) == vmid) {
            return true;
        }
    }
    return false;
}

bool pool_has(const struct picture *p, const char *poolid, int64_t vmid) {
    return has_member(pool_members(p, poolid, NULL), vmid);
}

const char *pool_of(const struct picture *p, int64_t vmid) {
    const js *pools = picture_answer(p, "/pools", NULL);

    for (size_t i = 0; i < js_len(pools); i++) {
        const char *id = js_str_or(js_at(pools, i), "poolid", "");

        if (pool_has(p, id, vmid)) {
            return id;
        }
    }
    return NULL;
}
