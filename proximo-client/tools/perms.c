/* SPDX-License-Identifier: Apache-2.0 */
/* PVE filters lists by privilege without any sign. The one call that tells "none" from "not allowed
 * to see" is /access/permissions; this file reads it and says on the answer when a list may be
 * short. */
#include <string.h>

#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/rows.h"

static bool has_any(const js *privs_here, const char *privs, bool propagated) {
    for (const char *p = privs; *p;) {
        size_t n = strcspn(p, "|");
        char name[64];

        (void)snprintf(name, sizeof(name), "%.*s", (int)n, p);
        /* the value is the propagate flag; a member that is there with 0 holds on this path only */
        if (propagated ? js_bool_or(privs_here, name, false) : js_get(privs_here, name) != NULL) {
            return true;
        }
        p += n + (p[n] == '|');
    }
    return false;
}

static bool is_below(const char *path, const char *top) {
    size_t n = strlen(top);

    return strncmp(path, top, n) == 0 && path[n] == '/';
}

bool perms_cover(const js *perms, const char *path, const char *privs, const char **ret_path) {
    char at[256];
    const js *here = NULL;

    *ret_path = path;
    (void)snprintf(at, sizeof(at), "%s", path);
    for (;;) { /* the nearest path that is listed decides */
        char *slash = strrchr(at, '/');

        here = js_get(perms, at);
        if (here || strcmp(at, "/") == 0 || !slash) {
            break;
        }
        slash[slash == at ? 1 : 0] = '\0';
    }
    if (!has_any(here, privs, true)) {
        return false;
    }
    JS_FOREACH(perms, below, privs_there) { /* and nothing below takes it away */
        if (is_below(below, path) && !has_any(privs_there, privs, false)) {
            *ret_path = below;
            return false;
        }
    }
    return true;
}

void answer_partial(struct session *s, js *answer, const char *path, const char *privs) {
    CLEANUP(js_freep) js *perms = NULL;
    const char *at = path;
    struct err e = {0};
    js *o;

    if (pve_get(s->pve, "/access/permissions", &perms, &e) == 0 && js_is_object(perms) &&
        perms_cover(perms, path, privs, &at)) {
        return;
    }
    o = js_object();
    js_add(o, "privilege", js_str(privs));
    js_add(o, "path", js_str(at));
    if (perms) {
        js_add(o, "why",
               js_str("the token may not see everything here: this list holds only what it "
                      "may see"));
    } else {
        js_addf(o, "why", "what the token may see could not be read: %.200s", e.msg);
    }
    js_add(answer, "partial", o);
}
