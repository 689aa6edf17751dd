/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/sim/form.h - query strings and form bodies as pveproxy reads them: pairs split at
 * '&' and ';', percent-decoded, '+' is a blank, and - a trap of the real server that clients must
 * meet here too - a value is cut at an unencoded '='. Of a repeated name the last value is kept
 * (the real server joins them with NUL bytes, which no parameter survives). */
#pragma once
#include "common/js.h"

struct err;

#define FORM_MAX_PAIRS 512

/* Adds the pairs of text[0..len) to `into` (strings). -EBADMSG: bad percent escape, NUL byte,
 * invalid UTF-8, nameless value, too many pairs. */
int form_parse(const char *text, size_t len, js *into, struct err *e);

/* Decodes one path segment or value. The result may not hold NUL. -EBADMSG. */
struct buf;
int form_decode(const char *text, size_t len, bool plus, struct buf *ret);
