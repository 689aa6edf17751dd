/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 6962 section 2.1 trees. No padding, no duplication: an odd node moves up alone. */
#include "common/merkle.h"

#include <errno.h>
#include <string.h>

#include "common/own.h"

void merkle_leaf(const void *entry, size_t len, struct hash *ret) {
    static struct sha256 *s; /* single-threaded by rule */
    const uint8_t prefix = 0;

    if (!s && !(s = sha256_new())) {
        abort();
    }
    sha256_add(s, &prefix, 1);
    sha256_add(s, entry, len);
    sha256_end(s, ret);
}

void merkle_node(const struct hash *left, const struct hash *right, struct hash *ret) {
    uint8_t bytes[1 + 2 * HASH_LEN] = {1};

    memcpy(bytes + 1, left->b, HASH_LEN);
    memcpy(bytes + 1 + HASH_LEN, right->b, HASH_LEN);
    sha256(bytes, sizeof(bytes), ret);
}

void merkle_empty(struct hash *ret) {
    sha256("", 0, ret);
}

int merkle_edge_add(struct merkle_edge *edge, const struct hash *leaf, merkle_store_fn *store,
                    void *ctx) {
    unsigned int n = edge->n;
    struct hash h = *leaf;
    unsigned int level = 0;
    int r = store ? store(ctx, 0, edge->size, &h) : 0;

    if (r < 0) {
        return r;
    }
    for (uint64_t i = edge->size; i & 1; i >>= 1) {
        merkle_node(&edge->h[n - 1], &h, &h);
        n--;
        level++;
        r = store ? store(ctx, level, i >> 1, &h) : 0;
        if (r < 0) {
            return r;
        }
    }
    edge->h[n] = h;
    edge->n = n + 1;
    edge->size++;
    return 0;
}

void merkle_edge_root(const struct merkle_edge *edge, struct hash *ret) {
    if (!edge->n) {
        merkle_empty(ret);
        return;
    }
    *ret = edge->h[edge->n - 1];
    for (unsigned int i = edge->n - 1; i-- > 0;) {
        merkle_node(&edge->h[i], ret, ret);
    }
}

int merkle_edge_at(uint64_t size, merkle_read_fn *read, void *ctx, struct merkle_edge *ret) {
    struct merkle_edge edge = {.size = size};
    uint64_t start = 0;

    for (unsigned int level = 64; level-- > 0;) {
        int r;

        if (!(size >> level & 1)) {
            continue;
        }
        r = read(ctx, level, start >> level, &edge.h[edge.n]);
        if (r < 0) {
            return r;
        }
        edge.n++;
        start += (uint64_t)1 << level;
    }
    *ret = edge;
    return 0;
}

int merkle_root_at(uint64_t size, merkle_read_fn *read, void *ctx, struct hash *ret) {
    struct merkle_edge edge;
    int r = merkle_edge_at(size, read, ctx, &edge);

    if (r < 0) {
        return r;
    }
    merkle_edge_root(&edge, ret);
    return 0;
}

/* MTH of leaves [start, start+n), start a multiple of the largest power of two below or at n. */
static int range_hash(uint64_t start, uint64_t n, merkle_read_fn *read, void *ctx,
                      struct hash *ret) {
    struct merkle_edge edge = {.size = n};

    for (unsigned int level = 64; level-- > 0;) {
        int r;

        if (!(n >> level & 1)) {
            continue;
        }
        r = read(ctx, level, start >> level, &edge.h[edge.n]);
        if (r < 0) {
            return r;
        }
        edge.n++;
        start += (uint64_t)1 << level;
    }
    merkle_edge_root(&edge, ret);
    return 0;
}

/* The largest power of two strictly below n (n > 1). */
static uint64_t split(uint64_t n) {
    return (uint64_t)1 << (63 - (unsigned int)__builtin_clzll(n - 1));
}

/* Siblings are found from the root down and belong in the proof from the leaf up. */
static void reverse(struct proof *p) {
    for (size_t i = 0; i + 1 < p->n - i; i++) {
        struct hash tmp = p->h[i];

        p->h[i] = p->h[p->n - 1 - i];
        p->h[p->n - 1 - i] = tmp;
    }
}

int merkle_prove_inclusion(uint64_t index, uint64_t size, merkle_read_fn *read, void *ctx,
                           struct proof *ret) {
    struct proof p = {.n = 0};
    uint64_t start = 0;

    if (index >= size || size > (uint64_t)1 << 62) {
        return -EINVAL;
    }
    while (size > 1) {
        uint64_t k = split(size);
        int r;

        if (index < k) {
            r = range_hash(start + k, size - k, read, ctx, &p.h[p.n]);
            size = k;
        } else {
            r = range_hash(start, k, read, ctx, &p.h[p.n]);
            start += k;
            index -= k;
            size -= k;
        }
        if (r < 0) {
            return r;
        }
        p.n++;
    }
    reverse(&p);
    *ret = p;
    return 0;
}

int merkle_prove_consistency(uint64_t old, uint64_t size, merkle_read_fn *read, void *ctx,
                             struct proof *ret) {
    struct proof p = {.n = 0};
    uint64_t start = 0;
    int whole = 1;
    int r;

    if (!old || old > size || size > (uint64_t)1 << 62) {
        return -EINVAL;
    }
    while (old != size) {
        uint64_t k = split(size);

        if (old <= k) {
            r = range_hash(start + k, size - k, read, ctx, &p.h[p.n]);
            size = k;
        } else {
            r = range_hash(start, k, read, ctx, &p.h[p.n]);
            start += k;
            old -= k;
            size -= k;
            whole = 0;
        }
        if (r < 0) {
            return r;
        }
        p.n++;
    }
    if (!whole) {
        r = range_hash(start, old, read, ctx, &p.h[p.n]);
        if (r < 0) {
            return r;
        }
        p.n++;
    }
    reverse(&p);
    *ret = p;
    return 0;
}

int merkle_check_inclusion(const struct hash *leaf, uint64_t index, uint64_t size,
                           const struct hash *p, size_t n, const struct hash *root) {
    struct hash h = *leaf;
    uint64_t a = index;
    uint64_t b = size - 1;

    if (index >= size || n > LIM_PROOF) {
        return -EBADMSG;
    }
    for (size_t i = 0; i < n; i++) {
        if (!b) {
            return -EBADMSG;
        }
        if ((a & 1) || a == b) {
            merkle_node(&p[i], &h, &h);
            while (!(a & 1) && a) {
                a >>= 1;
                b >>= 1;
            }
        } else {
            merkle_node(&h, &p[i], &h);
        }
        a >>= 1;
        b >>= 1;
    }
    return b == 0 && hash_eq(&h, root) ? 0 : -EBADMSG;
}

int merkle_check_consistency(uint64_t old, uint64_t size, const struct hash *p, size_t n,
                             const struct hash *old_root, const struct hash *root) {
    struct hash x;
    struct hash y;
    uint64_t a;
    uint64_t b;
    size_t i = 0;

    if (old > size || n > LIM_PROOF) {
        return -EBADMSG;
    }
    if (old == size) {
        return n == 0 && hash_eq(old_root, root) ? 0 : -EBADMSG;
    }
    if (!old) {
        return n == 0 ? 0 : -EBADMSG;
    }
    if (!n) {
        return -EBADMSG;
    }
    a = old - 1;
    b = size - 1;
    while (a & 1) {
        a >>= 1;
        b >>= 1;
    }
    if ((old & (old - 1)) == 0) { /* a power of two: the old root is itself the first hash */
        x = *old_root;
    } else {
        x = p[i++];
    }
    y = x;
    for (; i < n; i++) {
        if (!b) {
            return -EBADMSG;
        }
        if ((a & 1) || a == b) {
            merkle_node(&p[i], &x, &x);
            merkle_node(&p[i], &y, &y);
            while (!(a & 1) && a) {
                a >>= 1;
                b >>= 1;
            }
        } else {
            merkle_node(&y, &p[i], &y);
        }
        a >>= 1;
        b >>= 1;
    }
    return b == 0 && hash_eq(&x, old_root) && hash_eq(&y, root) ? 0 : -EBADMSG;
}
