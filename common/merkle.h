/* SPDX-License-Identifier: Apache-2.0 */
/* common/merkle.h - RFC 6962 Merkle trees: hashing, the right edge, proofs.
 * Knows nothing about files; a prover reads stored subtree hashes through a callback. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "common/digest.h"
#include "common/limits.h"

void merkle_leaf(const void *entry, size_t len, struct hash *ret);
void merkle_node(const struct hash *left, const struct hash *right, struct hash *ret);
void merkle_empty(struct hash *ret); /* SHA-256 of nothing */

/* The complete subtrees on the right edge, largest first: one per set bit of size. */
struct merkle_edge {
    uint64_t size;
    struct hash h[64];
    unsigned int n;
};

/* Called for every stored subtree hash that an append completes, level 0 (the leaf) first:
 * level l, index i = the hash of leaves [i*2^l, (i+1)*2^l). A negative return stops. */
typedef int merkle_store_fn(void *ctx, unsigned int level, uint64_t index, const struct hash *h);

/* Appends a leaf hash: O(1) amortised. On failure of the callback the edge is unchanged. */
int merkle_edge_add(struct merkle_edge *edge, const struct hash *leaf, merkle_store_fn *store,
                    void *ctx);
void merkle_edge_root(const struct merkle_edge *edge, struct hash *ret);

/* Reads a stored subtree hash. 0 or -errno. */
typedef int merkle_read_fn(void *ctx, unsigned int level, uint64_t index, struct hash *ret);

/* Root of the first `size` leaves, and the right edge at that size, from stored hashes. */
int merkle_root_at(uint64_t size, merkle_read_fn *read, void *ctx, struct hash *ret);
int merkle_edge_at(uint64_t size, merkle_read_fn *read, void *ctx, struct merkle_edge *ret);

struct proof {
    struct hash h[LIM_PROOF];
    size_t n;
};

/* Proof makers; index < size, 0 < old <= size, else -EINVAL. */
int merkle_prove_inclusion(uint64_t index, uint64_t size, merkle_read_fn *read, void *ctx,
                           struct proof *ret);
int merkle_prove_consistency(uint64_t old, uint64_t size, merkle_read_fn *read, void *ctx,
                             struct proof *ret);

/* Verifiers: 0 when proved, -EBADMSG when not. Never read outside `p`. */
int merkle_check_inclusion(const struct hash *leaf, uint64_t index, uint64_t size,
                           const struct hash *p, size_t n, const struct hash *root);
/* old = 0 needs an empty proof and says nothing about the roots; old > size is -EBADMSG. */
int merkle_check_consistency(uint64_t old, uint64_t size, const struct hash *p, size_t n,
                             const struct hash *old_root, const struct hash *root);
