/* SPDX-License-Identifier: Apache-2.0 */
/* What a token may see, from /access/permissions: {path: {privilege: propagates}}. PVE lists there
 * only the top paths and those that carry an entry, and leaves out a path on which nothing is held,
 * so a NoAccess entry deeper down can stay unseen here; unread.c looks for guests that others name.
 */
#include "proximo-client/blast/picture.h"

#include <stdio.h>
#include <string.h>

static bool holds(const js *here, const char *privs, bool must_propagate) {
    for (const char *s = privs; *s;) {
        size_t len = strcspn(s, "|");
        char name[64];

        (void)snprintf(name, sizeof(name), "%.*s", (int)(len < 63 ? len : 63), s);
        if (must_propagate ? js_bool_or(here, name, false) : js_get(here, name) != NULL) {
            return true;
        }
        s += len + (s[len] == '|');
    }
    return false;
}

static bool is_below(const char *path, const char *top) {
    size_t n = strcmp(top, "/") == 0 ? 0 : strlen(top);

    return strncmp(path, top, n) == 0 && path[n] == '/' && path[n + 1] != 0;
}

bool perms_cover(const js *perms, const char *path, const char *privs, const char **ret_path) {
    char at[256];
    const js *here;
    const char *none = NULL;
    char *slash;

    ret_path = ret_path ? ret_path : &none;
    *ret_path = path;
    if (!js_is_object(perms) || strlen(path) >= sizeof(at)) {
        return false;
    }
    (void)snprintf(at, sizeof(at), "%s", path);
    while (!(here = js_get(perms, at)) && strcmp(at, "/") != 0 && (slash = strrchr(at, '/'))) {
        slash[slash == at ? 1 : 0] = 0;
    }
    if (!here || !holds(here, privs, true)) {
        return false;
    }
    JS_FOREACH(perms, below, there) {
        if (is_below(below, path) && !holds(there, privs, false)) {
            *ret_path = below;
            return false;
        }
    }
    return true;
}
