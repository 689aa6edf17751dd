/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster's own description of its API: asked for once a version, kept under the state
 * directory. What is kept is only ever used to refuse, so a stale or forged file can at most refuse
 * too little of what the API then checks itself. */
#include "proximo-client/pve/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/pve/wire.h"

#define APIDOC "/pve-docs/api-viewer/apidoc.js"

/* A file that the node's web server has beside the API. */
static int get_file(struct pve *p, const char *path, struct buf *ret, struct err *e) {
    CLEANUP(token_wipe) struct token t = {0};
    CLEANUP(xfer_done) struct xfer x = {0};
    int r = token_read(p->token_path, p->pbs, &t, e);

    r = r < 0 ? r : xfer_init(&x, p, p->ep, &t, e);
    r = r < 0 ? r : xfer_start(&x, "GET", path, NULL, 0, e);
    r = r < 0 ? r : xfer_run(p, &x, 1, e);
    if (r < 0) {
        return r;
    }
    if (x.code != CURLE_OK) {
        return xfer_error(&x, APIDOC, e);
    }
    if (x.status != 200) {
        (void)err_tag(e, -ENOENT, "no_schema", "the cluster does not serve %s: %d %.100s", path,
                      x.status, x.reason);
        return err_hint(e, "install the package pve-docs on the node; typed rows work without it");
    }
    return buf_add(ret, buf_str(&x.body), x.body.len) < 0
               ? err_set(e, -E2BIG, "%s is too long", path)
               : 0;
}

/* "schema-9.1.7-abcdef.json": only characters that no file name can be bent with. */
static int cache_name(struct pve *p, struct buf *ret, struct err *e) {
    static const char *const parts[] = {"version", "repoid"};
    CLEANUP(js_freep) js *v = NULL;
    int r = pve_get(p, "/version", &v, e);

    if (r < 0 || !p->cache_dir) {
        return r;
    }
    r = buf_addf(ret, "%s/schema", p->cache_dir);
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(parts); i++) {
        const char *s = js_str_or(v, parts[i], "");

        r = buf_addc(ret, '-');
        for (; r == 0 && *s; s++) {
            bool plain = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
                         (*s >= '0' && *s <= '9') || *s == '.' || *s == '~';

            r = buf_addc(ret, plain ? *s : '_');
        }
    }
    r = r < 0 ? r : buf_adds(ret, ".json");
    return r < 0 ? err_set(e, r, "the name of the kept schema is too long") : 0;
}

static bool from_cache(const char *file, js **ret) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PVE_ANSWER);
    CLEANUP(js_freep) js *v = NULL;

    if (!*file || file_read(AT_FDCWD, file, &b, NULL) < 0 ||
        js_parse(buf_str(&b), b.len, &v, NULL) < 0 || js_int_or(v, "v", 0) != 1 ||
        !js_members(js_get(v, "paths"))) {
        return false;
    }
    *ret = js_ref(js_get(v, "paths"));
    return true;
}

/* Not being able to keep it costs a download next time, nothing else. */
static void to_cache(struct pve *p, const char *file, js *paths) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PVE_ANSWER);
    CLEANUP(js_freep) js *v = js_object();

    js_add(v, "v", js_int(1));
    js_add(v, "paths", js_ref(paths));
    if (*file && js_print(v, &b) == 0 && dir_make(AT_FDCWD, p->cache_dir, 0700, NULL) == 0) {
        (void)file_replace(AT_FDCWD, file, buf_str(&b), b.len, 0600, NULL);
    }
}

int pve_schema(struct pve *p, const js **ret, struct err *e) {
    CLEANUP(buf_done) struct buf file = BUF_INIT(LIM_LINE), text = BUF_INIT(LIM_PVE_ANSWER);
    int r = 0;

    if (!p->schema) {
        r = cache_name(p, &file, e);
        if (r == 0 && !from_cache(buf_str(&file), &p->schema)) {
            r = get_file(p, APIDOC, &text, e);
            r = r < 0 ? r : apidoc_parse(buf_str(&text), text.len, &p->schema, e);
            if (r == 0) {
                to_cache(p, buf_str(&file), p->schema);
            }
        }
    }
    if (r == 0) {
        *ret = p->schema;
    }
    return r;
}
