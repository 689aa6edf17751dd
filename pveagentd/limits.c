/* SPDX-License-Identifier: Apache-2.0 */
/* Network half: how many requests each client has under way. A client that fills its own places
 * takes none of anybody else's. */
#include "pveagentd/limits.h"

#include <assert.h>

static struct client_load *find(struct client_load *t, size_t n, const struct hash *spki) {
    for (size_t i = 0; i < n; i++) {
        if (t[i].busy && hash_eq(&t[i].spki, spki)) {
            return &t[i];
        }
    }
    return NULL;
}

bool load_take(struct client_load *t, size_t n, const struct hash *spki) {
    struct client_load *l = find(t, n, spki);

    for (size_t i = 0; !l && i < n; i++) {
        if (!t[i].busy) {
            l = &t[i];
            l->spki = *spki;
        }
    }
    if (!l || l->busy >= AGENT_CLIENT_BUSY) {
        return false;
    }
    l->busy++;
    return true;
}

void load_drop(struct client_load *t, size_t n, const struct hash *spki) {
    struct client_load *l = find(t, n, spki);

    assert(l);
    l->busy--;
}
