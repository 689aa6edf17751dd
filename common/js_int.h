/* SPDX-License-Identifier: Apache-2.0 */
/* common/js_int.h - what js.c and js_parse.c share. */
#pragma once
#include <stddef.h>

/* Length of the well-formed UTF-8 sequence at p, 0 when there is none (overlong forms and encoded
 * surrogates are not well-formed). */
size_t js_utf8_len(const unsigned char *p, const unsigned char *end);
