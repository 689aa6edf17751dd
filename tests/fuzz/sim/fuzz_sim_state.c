/* SPDX-License-Identifier: Apache-2.0 */
/* States and journals: a document that passes the check can be listed and written without harm. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/sim/sim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void get(struct sim *s, const char *path) {
    struct call c = {.s = s, .method = M_GET, .path = path, .status = 200, .auth = "root@pam"};

    c.params = js_object();
    c.in_path = js_object();
    sim_dispatch(&c);
    js_freep(&c.params);
    js_freep(&c.in_path);
    js_freep(&c.errors);
    js_freep(&c.data);
    js_freep(&c.extra);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const paths[] = {
        "/cluster/resources",         "/storage",       "/access/acl",    "/pools", "/access/users",
        "/cluster/ha/status/current", "/cluster/tasks", "/cluster/backup"};
    const uint8_t *cut = memchr(data, '\n', size);
    size_t n = cut ? (size_t)(cut - data) : size, used;
    struct sim_options o = {.clock = 1790000000};
    CLEANUP(buf_done) struct buf b = BUF_INIT(16 * LIM_CONF);
    struct sim s;
    js *root = NULL;

    if (js_parse((const char *)data, n, &root, NULL) < 0) {
        return 0;
    }
    if (!js_is_object(root) ||
        (cut && journal_apply(&root, (const char *)cut + 1, size - n - 1, &used, NULL) < 0) ||
        sim_check(root, NULL) < 0) {
        js_freep(&root);
        return 0;
    }
    sim_open(&s, &o, root);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        get(&s, paths[i]);
    }
    (void)cfg_user(&s, &b);
    (void)cfg_storage(&s, &b);
    sim_close(&s);
    return 0;
}
