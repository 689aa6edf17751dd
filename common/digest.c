/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 with the algorithm fetched once; everything else is a thin layer over libcrypto. */
#include "common/digest.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct sha256 {
    EVP_MD_CTX *ctx;
};

static const EVP_MD *sha256_md(void) {
    static EVP_MD *md;

    if (!md) {
        md = EVP_MD_fetch(NULL, "SHA256", NULL);
        if (!md) {
            abort(); /* libcrypto without SHA-256 cannot be worked with */
        }
    }
    return md;
}

struct sha256 *sha256_new(void) {
    struct sha256 *s = calloc(1, sizeof(*s));

    if (!s) {
        return NULL;
    }
    s->ctx = EVP_MD_CTX_new();
    if (!s->ctx || EVP_DigestInit_ex2(s->ctx, sha256_md(), NULL) != 1) {
        sha256_free(s);
        return NULL;
    }
    return s;
}

void sha256_add(struct sha256 *s, const void *data, size_t len) {
    if (EVP_DigestUpdate(s->ctx, data, len) != 1) {
        abort();
    }
}

void sha256_end(struct sha256 *s, struct hash *ret) {
    unsigned int n = 0;

    if (EVP_DigestFinal_ex(s->ctx, ret->b, &n) != 1 || n != HASH_LEN ||
        EVP_DigestInit_ex2(s->ctx, NULL, NULL) != 1) {
        abort();
    }
}

void sha256_free(struct sha256 *s) {
    if (s) {
        EVP_MD_CTX_free(s->ctx);
        free(s);
    }
}

void sha256(const void *data, size_t len, struct hash *ret) {
    /* One context for the process: single-threaded by rule (style.md 6.9). */
    static EVP_MD_CTX *ctx;
    unsigned int n = 0;

    if (!ctx) {
        ctx = EVP_MD_CTX_new();
    }
    if (!ctx || EVP_DigestInit_ex2(ctx, sha256_md(), NULL) != 1 ||
        EVP_DigestUpdate(ctx, data, len) != 1 || EVP_DigestFinal_ex(ctx, ret->b, &n) != 1 ||
        n != HASH_LEN) {
        abort();
    }
}

void hmac_sha256(const void *key, size_t key_len, const void *data, size_t len, struct hash *ret) {
    unsigned int n = 0;

    if (!HMAC(sha256_md(), key, (int)key_len, data, len, ret->b, &n) || n != HASH_LEN) {
        abort();
    }
}

bool hash_eq(const struct hash *a, const struct hash *b) {
    return CRYPTO_memcmp(a->b, b->b, HASH_LEN) == 0;
}

void hex_encode(const void *data, size_t len, char *ret) {
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = data;

    for (size_t i = 0; i < len; i++) {
        ret[2 * i] = digits[p[i] >> 4];
        ret[2 * i + 1] = digits[p[i] & 15];
    }
    ret[2 * len] = '\0';
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return -1;
}

int hex_decode(const char *text, size_t hex_len, uint8_t *ret) {
    if (hex_len % 2) {
        return -EINVAL;
    }
    for (size_t i = 0; i < hex_len / 2; i++) {
        int hi = hex_value(text[2 * i]);
        int lo = hi < 0 ? -1 : hex_value(text[2 * i + 1]);

        if (lo < 0) {
            return -EINVAL;
        }
        ret[i] = (uint8_t)(hi << 4 | lo);
    }
    return 0;
}

void hash_text(const struct hash *h, char ret[static HASH_HEX_LEN + 1]) {
    memcpy(ret, "sha256:", 7);
    hex_encode(h->b, HASH_LEN, ret + 7);
}

int hash_parse(const char *text, struct hash *ret) {
    struct hash h;

    if (strlen(text) != HASH_HEX_LEN || strncmp(text, "sha256:", 7) != 0 ||
        hex_decode(text + 7, 64, h.b) < 0) {
        return -EINVAL;
    }
    *ret = h;
    return 0;
}

/* From the kernel itself: a child after fork() shares no state with its parent, and libcrypto's own
 * generator would look up every cipher that it has, which stay in memory. */
void random_bytes(void *ret, size_t len) {
    uint8_t *p = ret;

    while (len) {
        ssize_t n = getrandom(p, len, 0);

        if (n < 0 && errno != EINTR) {
            abort();
        }
        p += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
}
