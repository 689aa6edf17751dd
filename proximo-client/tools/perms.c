/* SPDX-License-Identifier: Apache-2.0 */
/* PVE filters lists by privilege without any sign. The one call that tells "none" from "not allowed
 * to see" is /access/permissions; this file reads it and says on the answer when a list may be
 * short. */
#include "proximo-client/blast/picture.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/rows.h"

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
