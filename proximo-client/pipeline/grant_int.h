/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/grant_int.h - making grants: approve.c alone includes this, besides the
 * owner of the type. */
#pragma once
#include "common/digest.h"
#include "proximo-client/pipeline/grant.h"

struct grant_item {
    char *node; /* NULL: an API request */
    struct hash h;
};

struct grant {
    struct grant_item *item;
    size_t n;
};

struct grant *grant_new(void);
void grant_free(struct grant *g);
static inline void grant_freep(struct grant **g) {
    grant_free(*g);
    *g = NULL;
}
void grant_add(struct grant *g, const char *node, const struct hash *h);

/* What is really sent differs from what was planned in exactly two ways: a late value became a text
 * of its type (late.h), and a commitment became its secret. Adds the filled form when the planned
 * one is covered and nothing else differs; -EPERM otherwise. */
int grant_fill(struct grant *g, const char *method, const char *path,
               const struct json_object *planned, const struct json_object *filled);
