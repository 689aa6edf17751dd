/* SPDX-License-Identifier: Apache-2.0 */
/* Storage definitions: made, changed, deleted. What lies on a storage that is new, or is to be
 * reached in another way, is not known before. */
#include "proximo-client/blast/then_int.h"

#include <stdio.h>
#include <string.h>

#include "common/own.h"

/* A definition as PVE answers it: everything is there that it fills in. */
static void complete(const struct effect *x, js *list) {
    js *row = list_row(list, "storage", js_str_or(x->form, "storage", ""));

    if (row && !js_get(row, "content")) {
        js_add(row, "content", js_str("images,rootdir"));
    }
    JS_FOREACH(x->form, key, value) {
        if (row && js_is_object(value)) {
            json_object_object_del(row, key); /* secrets are in no answer */
        }
    }
}

/* "/nodes/N/storage/ID/…" */
static bool is_below(const struct effect *x, const char *id, const char *path) {
    const char *at = strncmp(path, "/nodes/", 7) == 0 ? strstr(path, "/storage/") : NULL;
    size_t n = strlen(id);

    (void)x;
    return at && strncmp(at + 9, id, n) == 0 && (!at[9 + n] || at[9 + n] == '/');
}

static bool is_node_list(const char *path) {
    const char *end = strncmp(path, "/nodes/", 7) == 0 ? strchr(path + 7, '/') : NULL;

    return end && (strcmp(end, "/storage") == 0 || strncmp(end, "/storage?", 9) == 0);
}

static enum then_is of_list(const struct effect *x, js **data) {
    char id[AFTER_ID];
    js *list = sections_after(*data, "storage", "/storage", x->method, x->path, x->form, id);

    if (!list) {
        return THEN_UNKNOWN;
    }
    if (strcmp(x->method, "POST") == 0) {
        complete(x, list);
    }
    return then_set(data, list);
}

static enum then_is of_one(const struct effect *x, js **data) {
    CLEANUP(js_freep) js *list = NULL;

    if (strcmp(x->method, "DELETE") == 0) {
        return then_set(data, NULL);
    }
    if (strcmp(x->method, "PUT") == 0) {
        return *data ? then_set(data, form_over(*data, x->form)) : THEN_UNKNOWN;
    }
    list = js_array();
    js_push(list, form_over(NULL, x->form));
    complete(x, list);
    return then_set(data, js_ref(js_at(list, 0)));
}

static enum then_is storage(const struct effect *x, const char *path, js **data) {
    const char *id = x->id[0][0] ? x->id[0] : js_str_or(x->form, "storage", "");
    char one[AFTER_ID + 16];

    (void)snprintf(one, sizeof(one), "/storage/%s", id);
    if (strcmp(path, "/storage") == 0) {
        return of_list(x, data);
    }
    if (strcmp(path, one) == 0) {
        return of_one(x, data);
    }
    return is_below(x, id, path) || is_node_list(path) ? THEN_UNKNOWN : THEN_SAME;
}

const struct effect_kind then_store_kinds[] = {
    {"POST", "/storage", NULL, storage, NULL},
    {"PUT", "/storage/*", NULL, storage, NULL},
    {"DELETE", "/storage/*", NULL, storage, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
