/* SPDX-License-Identifier: Apache-2.0 */
/* The shape of answers. A list says how many there are, how many are shown and where the rest
 * begins; what is cut is never cut silently. */
#include <string.h>

#include "proximo-client/tools/rows.h"

js *answer_pick(const js *o, const char *keys) {
    js *out = js_object();

    for (const char *p = keys; *p;) {
        size_t n = strcspn(p, " ");
        char key[64];
        js *v;

        (void)snprintf(key, sizeof(key), "%.*s", (int)n, p);
        v = js_get(o, key);
        if (v) {
            js_add(out, key, js_copy(v));
        }
        p += n + (p[n] == ' ');
    }
    return out;
}

int64_t answer_percent(const js *o, const char *key) {
    const js *v = js_get(o, key);

    if (!json_object_is_type(v, json_type_double) && !js_is_int(v)) {
        return -1;
    }
    return (int64_t)(json_object_get_double(v) * 100 + 0.5);
}

js *answer_list(const js *all, const js *args, js *(*trim)(const js *item)) {
    int64_t start = js_int_or(args, "start", 0), limit = js_int_or(args, "limit", 0);
    size_t total = js_len(all), budget = limit > 0 ? ANSWER_BYTES_MAX : ANSWER_BYTES, used = 0, i;
    js *o = js_object(), *items = js_array();

    if (limit <= 0) {
        limit = INT64_MAX;
    }
    for (i = start > 0 ? (size_t)start : 0; i < total && (int64_t)js_len(items) < limit; i++) {
        CLEANUP(buf_done) struct buf b = BUF_INIT(ANSWER_BYTES_MAX);
        js *item = trim ? trim(js_at(all, i)) : js_copy(js_at(all, i));

        /* the first item is always shown: an answer that stands still helps nobody */
        if ((js_print(item, &b) < 0 || used + b.len > budget) && js_len(items)) {
            json_object_put(item);
            break;
        }
        used += b.len + 1;
        js_push(items, item);
    }
    js_add(o, "total", js_int((int64_t)total));
    js_add(o, "returned", js_int((int64_t)js_len(items)));
    js_add(o, "truncated", js_bool(i < total));
    if (i < total) {
        js_add(o, "next_start", js_int((int64_t)i));
    }
    js_add(o, "items", items);
    return o;
}

void answer_guest_text(js *list, const char *key) {
    const js *items = js_get(list, "items");

    for (size_t i = 0; i < js_len(items); i++) {
        if (*js_str_or(js_at(items, i), key, "")) {
            js_add(list, "guest_text", js_bool(true));
            return;
        }
    }
}
