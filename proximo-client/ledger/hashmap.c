/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing over keys that are hashes already; grows at three quarters. The place comes from
 * the middle of the key: whoever makes up colliding plan digests slows his own audit only. */
#include "proximo-client/ledger/hashmap.h"

#include <stdlib.h>
#include <string.h>

static struct hashmap_slot *place(const struct hashmap *m, const struct hash *key) {
    uint64_t at;

    memcpy(&at, key->b + 8, sizeof(at));
    for (size_t i = at & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
        if (m->slot[i].value == UINT64_MAX || memcmp(&m->slot[i].key, key, HASH_LEN) == 0) {
            return &m->slot[i];
        }
    }
}

static void grow(struct hashmap *m) {
    struct hashmap old = *m;

    m->cap = old.cap ? 2 * old.cap : 64;
    m->slot = calloc(m->cap, sizeof(*m->slot));
    if (!m->slot) {
        abort();
    }
    for (size_t i = 0; i < m->cap; i++) {
        m->slot[i].value = UINT64_MAX;
    }
    for (size_t i = 0; i < old.cap; i++) {
        if (old.slot[i].value != UINT64_MAX) {
            *place(m, &old.slot[i].key) = old.slot[i];
        }
    }
    free(old.slot);
}

void hashmap_put(struct hashmap *m, const struct hash *key, uint64_t value) {
    struct hashmap_slot *s;

    if (4 * (m->n + 1) > 3 * m->cap) {
        grow(m);
    }
    s = place(m, key);
    m->n += s->value == UINT64_MAX;
    s->key = *key;
    s->value = value;
}

uint64_t hashmap_get(const struct hashmap *m, const struct hash *key) {
    return m->cap ? place(m, key)->value : UINT64_MAX;
}

void hashmap_done(struct hashmap *m) {
    free(m->slot);
    *m = (struct hashmap){0};
}
