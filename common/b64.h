/* SPDX-License-Identifier: Apache-2.0 */
/* common/b64.h - strict base64, base64url and base32: one value has exactly one encoding.
 * libcrypto's block decoder forgives errors and pads; this one does not. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct buf;

/* Standard alphabet with padding. */
int b64_encode(struct buf *b, const void *data, size_t len);
/* Refuses wrong length, foreign bytes, wrong padding, non-zero trailing bits (-EINVAL). */
int b64_decode(const char *text, size_t len, struct buf *ret);
/* Exactly `want` bytes or -EINVAL. */
int b64_decode_exact(const char *text, size_t len, void *ret, size_t want);

/* URL alphabet, no padding. */
int b64url_encode(struct buf *b, const void *data, size_t len);
int b64url_decode(const char *text, size_t len, struct buf *ret);

/* Lower-case RFC 4648 base32 without padding: the first `chars` characters. ret: chars + 1 bytes. */
void b32_lower(const uint8_t *data, size_t len, size_t chars, char *ret);
