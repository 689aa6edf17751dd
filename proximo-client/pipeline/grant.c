/* SPDX-License-Identifier: Apache-2.0 */
/* The grant. It lists what the recorded intent lists; the changing functions of pve/ and nodes/
 * abort when asked for anything else, so a request that is not in the ledger cannot leave this
 * program. */
#include "proximo-client/pipeline/grant.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/canon.h"
#include "common/digest.h"
#include "common/js.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/pipeline/grant_int.h"
#include "proximo-client/pipeline/late.h"

int grant_api_hash(const char *method, const char *path, const struct json_object *form,
                   struct hash *ret) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PLAN_BODY);
    int r = buf_addf(&b, "%s\n%s\n", method, path);

    if (r == 0) {
        r = form ? canon_write(form, &b, NULL) : buf_adds(&b, "{}");
    }
    if (r == 0) {
        sha256(buf_str(&b), b.len, ret);
    }
    return r;
}

struct grant *grant_new(void) {
    struct grant *g = calloc(1, sizeof(*g));

    if (!g) {
        abort();
    }
    return g;
}

void grant_free(struct grant *g) {
    if (!g) {
        return;
    }
    for (size_t i = 0; i < g->n; i++) {
        free(g->item[i].node);
    }
    free(g->item);
    free(g);
}

void grant_add(struct grant *g, const char *node, const struct hash *h) {
    struct grant_item *p = reallocarray(g->item, g->n + 1, sizeof(*p));
    char *name = node ? strdup(node) : NULL;

    if (!p || (node && !name)) {
        abort();
    }
    g->item = p;
    p[g->n++] = (struct grant_item){.node = name, .h = *h};
}

static bool covers(const struct grant *g, const char *node, const struct hash *h) {
    for (size_t i = 0; i < g->n; i++) {
        const struct grant_item *it = &g->item[i];

        if (hash_eq(&it->h, h) &&
            (node ? it->node && strcmp(it->node, node) == 0 : it->node == NULL)) {
            return true;
        }
    }
    return false;
}

bool grant_covers_api(const struct grant *g, const struct hash *request) {
    return g && covers(g, NULL, request);
}

bool grant_covers_node(const struct grant *g, const char *node, const struct hash *request) {
    return g && covers(g, node, request);
}

static bool may_differ(const js *planned, const js *now) {
    return js_is_str(now) && (js_get_str(planned, "secret") ||
                              late_fits(planned, json_object_get_string((js *)(uintptr_t)now)));
}

int grant_fill(struct grant *g, const char *method, const char *path,
               const struct json_object *planned, const struct json_object *filled) {
    struct hash h;

    if (grant_api_hash(method, path, planned, &h) < 0 || !grant_covers_api(g, &h) ||
        js_members(planned) != js_members(filled)) {
        return -EPERM;
    }
    JS_FOREACH(planned, key, val) {
        const js *now = js_get(filled, key);

        if (!js_eq(val, now) && !may_differ(val, now)) {
            return -EPERM;
        }
    }
    if (grant_api_hash(method, path, filled, &h) < 0) {
        return -EPERM;
    }
    grant_add(g, NULL, &h);
    return 0;
}
