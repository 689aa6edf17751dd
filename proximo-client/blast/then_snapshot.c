/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots and what goes back to them; a disk that grows. */
#include "proximo-client/blast/then_int.h"

#include <stdio.h>
#include <string.h>

#include "common/own.h"

static bool is_its(const struct effect *x, const char *path, struct guest_read *g) {
    return guest_read_of(path, g) && effect_owns(x, g);
}

/* Lists of volumes show a snapshot's own (a VM's memory), and sizes. */
static enum then_is volumes(const char *path) {
    return strstr(path, "/storage/") && strstr(path, "/content") && !strstr(path, "content=backup")
               ? THEN_UNKNOWN
               : THEN_SAME;
}

static js *with_snapshot(const struct effect *x, const js *list) {
    js *out = js_array(), *row = js_object();

    for (size_t i = 0; i < js_len(list); i++) {
        js_push(out, js_ref(js_at(list, i)));
    }
    js_add(row, "name", js_str(js_str_or(x->form, "snapname", "")));
    js_add(row, "snaptime", js_int(x->now));
    js_add(row, "vmstate", js_int(js_bool_or(x->form, "vmstate", false)));
    js_push(out, row);
    return out;
}

/* The time of the snapshot is its own: not to be compared. */
static enum then_is create(const struct effect *x, const char *path, js **data) {
    const char *name = js_str_or(x->form, "snapname", "");
    struct guest_read g;
    char own[80];

    if (!is_its(x, path, &g)) {
        return volumes(path);
    }
    (void)snprintf(own, sizeof(own), "/snapshot/%.60s/config", name);
    if (strcmp(g.tail, "/snapshot") == 0) {
        (void)then_set(data, with_snapshot(x, *data));
        return THEN_UNWATCHED;
    }
    if (strcmp(g.tail, own) == 0 && x->made) {
        (void)then_set(data, js_copy(x->made));
        return THEN_UNWATCHED;
    }
    return strncmp(g.tail, "/snapshot/", 10) == 0 ? THEN_UNKNOWN : THEN_SAME;
}

static bool create_begin(struct effect *x, then_read *read, void *ctx) {
    char path[200];
    const js *config;

    (void)snprintf(path, sizeof(path), "/nodes/%.63s/%s/%u/config", x->node, x->kind->guest,
                   x->vmid);
    config = read(ctx, path);
    x->made = js_is_object(config) ? js_copy(config) : NULL;
    return x->made != NULL;
}

/* Of the snapshots after it one becomes another's parent; the guest itself stays as it is. */
static enum then_is drop(const struct effect *x, const char *path, js **data) {
    const char *name = strrchr(x->path, '/') + 1;
    struct guest_read g;

    if (!is_its(x, path, &g)) {
        return volumes(path);
    }
    if (strcmp(g.tail, "/snapshot") == 0) {
        (void)then_set(data, list_without(*data, "name", name));
        return THEN_UNWATCHED;
    }
    if (strncmp(g.tail, "/snapshot/", 10) == 0) {
        size_t n = strlen(name);

        return strncmp(g.tail + 10, name, n) == 0 && (!g.tail[10 + n] || g.tail[10 + n] == '/')
                   ? then_set(data, NULL)
                   : THEN_SAME;
    }
    return THEN_SAME;
}

static bool rollback_begin(struct effect *x, then_read *read, void *ctx) {
    char path[300];
    const js *config;
    size_t n = strlen(x->path) - strlen("/rollback");

    (void)snprintf(path, sizeof(path), "%.*s/config", (int)(n < 280 ? n : 280), x->path);
    config = read(ctx, path);
    if (!js_is_object(config)) {
        return false;
    }
    x->made = js_copy(config);
    json_object_object_del(x->made, "description");
    json_object_object_del(x->made, "snaptime");
    json_object_object_del(x->made, "vmstate");
    json_object_object_del(x->made, "snapstate");
    json_object_object_del(x->made, "runningcpu");
    json_object_object_del(x->made, "runningmachine");
    return true;
}

/* Whether it runs afterwards hangs on the snapshot's memory and on `start`. */
static enum then_is rollback(const struct effect *x, const char *path, js **data) {
    struct guest_read g;

    if (is_guest_list(path)) {
        return THEN_UNWATCHED;
    }
    if (!is_its(x, path, &g)) {
        return volumes(path);
    }
    if (strcmp(g.tail, "/config") == 0) {
        js *config = js_copy(x->made);

        if (js_get(*data, "description")) { /* notes stay: a snapshot's are its own */
            js_add(config, "description", js_ref(js_get(*data, "description")));
        }
        return then_set(data, config);
    }
    return strcmp(g.tail, "/status/current") == 0 || strcmp(g.tail, "/snapshot") == 0
               ? THEN_UNWATCHED
               : THEN_SAME;
}

/* The configuration differs in a size alone, which is not compared. */
static enum then_is resize(const struct effect *x, const char *path, js **data) {
    struct guest_read g;

    if (is_its(x, path, &g) && strcmp(g.tail, "/config") == 0 && *data) {
        return then_set(data, js_copy(*data));
    }
    return volumes(path);
}

const struct effect_kind then_snapshot_kinds[] = {
    BOTH("POST", "/snapshot", create_begin, create),
    BOTH("DELETE", "/snapshot/*", NULL, drop),
    BOTH("POST", "/snapshot/*/rollback", rollback_begin, rollback),
    BOTH("PUT", "/resize", NULL, resize),
    {NULL, NULL, NULL, NULL, NULL},
};
