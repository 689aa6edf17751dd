/* SPDX-License-Identifier: Apache-2.0 */
/* common/digest.h - SHA-256, HMAC, hex, random bytes (libcrypto). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HASH_LEN     32
#define HASH_HEX_LEN (7 + 64) /* "sha256:" and 64 lower-case hex digits, without the NUL */

struct hash {
    uint8_t b[HASH_LEN];
};

struct sha256; /* incremental */

void sha256(const void *data, size_t len, struct hash *ret); /* aborts only if libcrypto is broken */
struct sha256 *sha256_new(void);                              /* NULL: no memory */
void sha256_add(struct sha256 *s, const void *data, size_t len);
void sha256_end(struct sha256 *s, struct hash *ret); /* and starts anew */
void sha256_free(struct sha256 *s);
static inline void sha256_freep(struct sha256 **s) {
    sha256_free(*s);
}

void hmac_sha256(const void *key, size_t key_len, const void *data, size_t len, struct hash *ret);

bool hash_eq(const struct hash *a, const struct hash *b); /* constant time */

/* "sha256:<64 hex>" */
void hash_text(const struct hash *h, char ret[static HASH_HEX_LEN + 1]);
int hash_parse(const char *text, struct hash *ret); /* strict; -EINVAL */

void hex_encode(const void *data, size_t len, char *ret /* 2 len + 1 */);
int hex_decode(const char *text, size_t hex_len, uint8_t *ret /* hex_len / 2 */); /* lower case only */

void random_bytes(void *ret, size_t len); /* aborts if the kernel has none */
