/* SPDX-License-Identifier: Apache-2.0 */
/* What a container's configuration says that a plan shows: mount points, whether it is privileged,
 * whether an undo snapshot could be made of it. */
#include "common/ctconf.h"

#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "pveagentd/act/act.h"
#include "pveagentd/act/snap.h"

int ct_load(struct job *j, uint32_t ct, struct err *e) {
    buf_reset(&j->config);
    return ctconf_read(j->o.text[ORDER_CLUSTER_FS], j->o.text[ORDER_NODE], ct, &j->config,
                       &j->config_hash, e);
}

bool line_next(const char **text, char *ret, size_t size) {
    size_t n = strcspn(*text, "\n");

    if (!**text) {
        return false;
    }
    (void)snprintf(ret, size, "%.*s", (int)n, *text);
    *text += n + ((*text)[n] == '\n');
    return true;
}

int ct_config_each(const struct job *j, int (*fn)(void *ctx, const char *key, const char *value),
                   void *ctx) {
    const char *text = buf_str(&j->config);
    char line[CT_LINE];
    int r = 0;

    while (r == 0 && line_next(&text, line, sizeof(line)) && line[0] != '[') {
        char *colon = line[0] == '#' ? NULL : strstr(line, ": ");

        if (colon) {
            *colon = '\0';
            r = fn(ctx, line, colon + 2 + strspn(colon + 2, " "));
        }
    }
    return r;
}

static int is_unprivileged(void *ctx, const char *key, const char *value) {
    (void)ctx;
    return strcmp(key, "unprivileged") == 0 && strcmp(value, "1") == 0;
}

static int add_mount(void *ctx, const char *key, const char *value) {
    char item[240];

    (void)snprintf(item, sizeof(item), "%.16s %.200s", key, value);
    return strncmp(key, "mp", 2) == 0 || strncmp(key, "lxc.mount", 9) == 0 ? answer_add(ctx, item)
                                                                           : 0;
}

int ct_facts(struct job *j, struct err *e) {
    struct volumes v;
    int r = ct_load(j, j->o.ct, e);

    if (r < 0) {
        return r;
    }
    j->a.outcome.hash[0] = j->config_hash;
    j->a.outcome.value = ct_config_each(j, is_unprivileged, NULL) == 0;
    r = ct_config_each(j, add_mount, &j->a);
    r = r < 0 ? r : volumes_find(j, j->o.ct, &v, e);
    if (r == 0) {
        (void)snprintf(j->a.driver, sizeof(j->a.driver), "%s", v.v[0].driver->name);
    }
    return r;
}
