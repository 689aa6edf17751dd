/* SPDX-License-Identifier: Apache-2.0 */
/* The list of such characters, in one place for JSON, messages and what an API says. */
#include "common/unseen.h"

#include <stdbool.h>

#include "common/own.h"

/* Code points, both ends in; the list is sorted. */
static const struct {
    uint32_t from, to;
} ranges[] = {
    {0x00, 0x1f},       /* C0 */
    {0x7f, 0x9f},       /* DEL, C1: U+009B begins an escape sequence as ESC [ does */
    {0xad, 0xad},       /* soft hyphen */
    {0x61c, 0x61c},     /* Arabic letter mark */
    {0x200b, 0x200f},   /* no width, left and right marks */
    {0x2028, 0x202e},   /* separators, embeddings, overrides */
    {0x2060, 0x206f},   /* joiners, isolates, shaping */
    {0xfeff, 0xfeff},   /* byte order mark */
    {0xfff9, 0xfffb},   /* annotations */
    {0xe0000, 0xe007f}, /* tags: a text that only a machine sees */
};

/* Lengths are right because the text is valid. */
static uint32_t decode(const unsigned char *s, size_t n) {
    uint32_t c = n == 1 ? s[0] : s[0] & (0xffU >> (n + 1));

    for (size_t i = 1; i < n; i++) {
        c = c << 6 | (s[i] & 0x3fU);
    }
    return c;
}

size_t unseen(const unsigned char *s, size_t left, uint32_t *ret) {
    size_t n = left == 0 ? 0 : s[0] < 0xc0 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    uint32_t c;

    if (n == 0 || n > left || (n == 1 && s[0] >= 0x80)) {
        return 0;
    }
    c = decode(s, n);
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
        if (c >= ranges[i].from && c <= ranges[i].to) {
            if (ret) {
                *ret = c;
            }
            return n;
        }
    }
    return 0;
}
