/* SPDX-License-Identifier: Apache-2.0 */
/* Strict base64/base64url/base32. */
#include "common/b64.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/buf.h"
#include "common/own.h"

static const char alphabet_std[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet_url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static int encode(struct buf *b, const uint8_t *p, size_t len, const char *alphabet, bool pad) {
    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t v = (uint32_t)p[i] << 16;
        char out[4] = "====";
        int r;

        v |= n > 1 ? (uint32_t)p[i + 1] << 8 : 0;
        v |= n > 2 ? (uint32_t)p[i + 2] : 0;
        for (size_t k = 0; k <= n; k++) {
            out[k] = alphabet[v >> (18 - 6 * k) & 63];
        }
        r = buf_add(b, out, pad ? 4 : n + 1);
        if (r < 0) {
            return r;
        }
    }
    return buf_add(b, "", 0);
}

static int value_of(char c, const char *alphabet) {
    const char *at = c ? strchr(alphabet, c) : NULL;

    return at ? (int)(at - alphabet) : -1;
}

static int decode(const char *text, size_t len, const char *alphabet, struct buf *ret) {
    CLEANUP(buf_done) struct buf out = BUF_INIT(ret->max);

    for (size_t i = 0; i < len; i += 4) {
        size_t n = len - i < 4 ? len - i : 4;
        uint32_t v = 0;
        char bytes[3];
        int r;

        if (n == 1) {
            return -EINVAL;
        }
        for (size_t k = 0; k < n; k++) {
            int d = value_of(text[i + k], alphabet);

            if (d < 0) {
                return -EINVAL;
            }
            v |= (uint32_t)d << (18 - 6 * k);
        }
        if ((n == 2 && (v & 0xffff)) || (n == 3 && (v & 0xff))) {
            return -EINVAL; /* trailing bits: a second encoding of the same value */
        }
        bytes[0] = (char)(v >> 16);
        bytes[1] = (char)(v >> 8);
        bytes[2] = (char)v;
        r = buf_add(&out, bytes, n - 1);
        if (r < 0) {
            return r;
        }
    }
    return buf_add(ret, buf_str(&out), out.len);
}

int b64_encode(struct buf *b, const void *data, size_t len) {
    return encode(b, data, len, alphabet_std, true);
}

int b64_decode(const char *text, size_t len, struct buf *ret) {
    if (len % 4) {
        return -EINVAL;
    }
    if (len && text[len - 1] == '=') {
        len--;
        if (text[len - 1] == '=') {
            len--;
        }
    }
    return decode(text, len, alphabet_std, ret);
}

int b64_decode_exact(const char *text, size_t len, void *ret, size_t want) {
    CLEANUP(buf_wipe) struct buf b = BUF_INIT(want);
    int r = b64_decode(text, len, &b);

    if (r < 0 || b.len != want) {
        return -EINVAL;
    }
    memcpy(ret, buf_str(&b), want);
    return 0;
}

int b64url_encode(struct buf *b, const void *data, size_t len) {
    return encode(b, data, len, alphabet_url, false);
}

int b64url_decode(const char *text, size_t len, struct buf *ret) {
    return decode(text, len, alphabet_url, ret);
}

void b32_lower(const uint8_t *data, size_t len, size_t chars, char *ret) {
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

    for (size_t i = 0; i < chars; i++) {
        size_t bit = 5 * i;
        size_t byte = bit / 8;
        unsigned int v = byte < len ? (unsigned int)data[byte] << 8 : 0;

        v |= byte + 1 < len ? data[byte + 1] : 0;
        ret[i] = alphabet[v >> (11 - bit % 8) & 31];
    }
    ret[chars] = '\0';
}
