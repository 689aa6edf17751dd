/* SPDX-License-Identifier: Apache-2.0 */
/* common/js.h - json-c's trees behind a strict parser of ours, and getters that cannot be misused.
 * json-c 0.16 lets through duplicate keys, NaN, single quotes, control characters, overlong UTF-8
 * and encoded surrogates even in strict mode (facts/protocols.md 6); js_parse refuses them all. */
#pragma once
#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
typedef struct json_object js; /* the one typedef: the library's own object under our prefix */

/* Parses exactly one JSON value. -EBADMSG (with position) or -E2BIG. A key with a NUL is refused,
 * as are integers outside int64 (uint64 above INT64_MAX too); fractions are accepted (PVE sends
 * them). */
int js_parse(const char *text, size_t len, js **ret, struct err *e);

/* The same; of objects on the third level (the rows of {"data":[{…},…]}) only the members that
 * `only` names (NULL at its end; NULL: all) are in what comes out. The rest is held to the grammar
 * all the same, but a key may be there twice. */
int js_parse_rows(const char *text, size_t len, const char *const *only, js **ret, struct err *e);

/* One line without blanks; what steers a screen or is not seen on it (common/unseen.h) is escaped,
 * invalid UTF-8 replaced by U+FFFD (json-c would write both raw). */
int js_print(const js *v, struct buf *ret);
int js_print_pretty(const js *v, struct buf *ret);

static inline void js_freep(js **v) {
    json_object_put(*v);
    *v = NULL;
}
static inline js *js_ref(js *v) {
    return json_object_get(v);
}

js *js_object(void);
js *js_array(void);
js *js_str(const char *s);               /* NULL gives JSON null */
js *js_str_n(const char *s, size_t len); /* cleaned: invalid UTF-8 becomes U+FFFD */
js *js_int(int64_t v);
js *js_bool(bool v);
js *js_copy(const js *v); /* deep */

/* Always consume `value`. NULL value is stored as JSON null. The macro only tells the compiler's
 * knowledge: a key that is a literal need not be copied, and most of a hundred thousand are. */
void js_add_key(js *object, const char *key, js *value, bool is_literal);
#define js_add(object, key, value) js_add_key(object, key, value, __builtin_constant_p(key))
void js_push(js *array, js *value);
void js_addf(js *object, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Borrowed; NULL / fallback when absent, null or of another type. */
js *js_get(const js *object, const char *key);
const char *js_get_str(const js *object,
                       const char *key); /* NULL if absent or holding a NUL byte */
/* Numbers as PVE sends them: integers, and strings that are decimal integers. */
bool js_get_int(const js *object, const char *key, int64_t *ret);
int64_t js_int_or(const js *object, const char *key, int64_t fallback);
/* Booleans as PVE sends them: true/false, 1/0, "1"/"0". */
bool js_bool_or(const js *object, const char *key, bool fallback);
const char *js_str_or(const js *object, const char *key, const char *fallback);
size_t js_len(const js *array); /* 0 when not an array */
js *js_at(const js *array, size_t i);
bool js_is_str(const js *v);
bool js_is_int(const js *v);
bool js_is_object(const js *v);
bool js_is_array(const js *v);
bool js_eq(const js *a, const js *b);  /* deep, key order irrelevant */
const char *js_type_name(const js *v); /* "string", "integer", …, for messages */

/* Members of an object; 0 for anything else (the library's own length asserts). */
int js_members(const js *v);
/* The object itself, or an empty one when v is none: borrowed, never to be changed. */
js *js_object_or_empty(const js *v);

/* Over an object's members; over nothing when it is not an object. */
#define JS_FOREACH(object, k, v) json_object_object_foreach(js_object_or_empty(object), k, v)
