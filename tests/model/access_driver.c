/* SPDX-License-Identifier: Apache-2.0 */
/* The C side of the model of access: one case a line, one verdict a line. A case is {"world": lists
 * as the API answers them, "ask": [[principal, path] …], "request": {"method", "path", "form"},
 * "own", "now"}; a verdict {"before": [{privilege: propagates} …], "after": [… or null], "usable":
 * {name: 0|1}, "affects": [line …], "says": [line …]}. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "proximo-client/blast/access.h"
#include "proximo-client/blast/blast.h"
#include "proximo-client/blast/picture.h"
#include "tests/unit/blast/world.h"

static js *privs_of(const struct access *a, const js *ask) {
    js *list = js_array();

    for (size_t i = 0; i < js_len(ask); i++) {
        const char *path = json_object_get_string(js_at(js_at(ask, i), 1));
        CLEANUP(access_path_freep) struct access_path *at = access_path_new(a, path);
        size_t who = access_find(a, json_object_get_string(js_at(js_at(ask, i), 0)));
        struct privs p = {0};

        if (who != SIZE_MAX) {
            p = access_privs(a, who, at);
        }
        js_push(list, access_object(a, &p));
    }
    return list;
}

static js *usable(const struct access *a, int64_t now) {
    js *o = js_object();

    for (size_t i = 0; i < access_principals(a); i++) {
        js_add(o, access_name(a, i), js_int(access_is_usable(a, i, now)));
    }
    return o;
}

/* The lists under their paths, as a picture is filled. */
static void analyse(const js *c, js *verdict) {
    static const char *const paths[][2] = {{"users", "/access/users?full=1"},
                                           {"groups", "/access/groups"},
                                           {"roles", "/access/roles"},
                                           {"acl", "/access/acl"},
                                           {"domains", "/access/domains"}};
    const struct picture_ask ask = {.what = BLAST_ACCESS_NEEDS};
    CLEANUP(js_freep) js *w = js_object();
    CLEANUP(buf_done) struct buf text = BUF_INIT(64U << 20);
    CLEANUP(picture_freep) struct picture *p = NULL;
    const js *world = js_get(c, "world"), *request = js_get(c, "request");
    const js *pools = js_get(world, "pools");
    js *names = js_array();

    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        js_add(w, paths[i][1], js_ref(js_get(world, paths[i][0])));
    }
    for (size_t i = 0; i < js_len(pools); i++) {
        char path[200];
        js *one = js_array();

        (void)snprintf(path, sizeof(path), "/pools?poolid=%s",
                       js_str_or(js_at(pools, i), "poolid", ""));
        js_push(one, js_ref(js_at(pools, i)));
        js_add(w, path, one);
        js_push(names, js_copy(js_at(pools, i)));
    }
    js_add(w, "/pools", names);
    (void)js_print(w, &text);
    p = world_picture(buf_str(&text), &ask);
    (void)blast_access(p, js_str_or(request, "method", ""), js_str_or(request, "path", ""),
                       js_get(request, "form"), js_get_str(c, "own"), js_int_or(c, "now", 0),
                       record_reset());
    js_add(verdict, "affects", record_lines(buf_str(&record_affects)));
    js_add(verdict, "says", record_lines(buf_str(&record_rest)));
}

static js *verdict_of(const js *c) {
    const js *world = js_get(c, "world"), *request = js_get(c, "request");
    CLEANUP(access_freep) struct access *a = access_new(world, NULL);
    CLEANUP(access_freep) struct access *b = NULL;
    CLEANUP(js_freep)
    js *then = access_after(world, js_str_or(request, "method", ""), js_str_or(request, "path", ""),
                            js_get(request, "form"));
    js *o = js_object();

    js_add(o, "before", privs_of(a, js_get(c, "ask")));
    js_add(o, "usable", usable(a, js_int_or(c, "now", 0)));
    if (then) {
        b = access_new(then, NULL);
        js_add(o, "after", privs_of(b, js_get(c, "ask")));
    }
    analyse(c, o);
    return o;
}

int main(void) {
    CLEANUP(freep) char *line = NULL;
    size_t cap = 0;
    ssize_t n;

    while ((n = getline(&line, &cap, stdin)) > 0) {
        CLEANUP(js_freep) js *c = NULL;
        CLEANUP(js_freep) js *v = NULL;
        CLEANUP(buf_done) struct buf out = BUF_INIT(64U << 20);
        struct err e = {0};

        if (js_parse(line, (size_t)n, &c, &e) < 0) {
            fprintf(stderr, "%s\n", e.msg);
            return 1;
        }
        v = verdict_of(c);
        (void)js_print(v, &out);
        printf("%s\n", buf_str(&out));
        (void)fflush(stdout);
    }
    return 0;
}
