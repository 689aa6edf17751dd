/* SPDX-License-Identifier: Apache-2.0 */
/* The picture filled from files: the same reads, answered by the tree. */
#include <errno.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/picture.h"
#include "proximo-client/pve/pvetree_int.h"

/* Whoever holds the files sees everything: no list in them is cut. */
static js *all_privileges(void) {
    static const char *const names[] = {
        "Datastore.Allocate", "Datastore.AllocateSpace",
        "Datastore.Audit",    "Group.Allocate",
        "Mapping.Audit",      "Permissions.Modify",
        "Pool.Allocate",      "Pool.Audit",
        "SDN.Audit",          "Sys.Audit",
        "User.Modify",        "VM.Audit",
        "VM.Backup",
    };
    js *o = js_object();
    js *top = js_object();

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        js_add(top, names[i], js_int(1));
    }
    js_add(o, "/", top);
    return o;
}

static void put(struct picture *p, struct pvetree *t, const char *path) {
    CLEANUP(js_freep) js *data = NULL;
    struct err e = {0};
    int r = 0;

    if (strcmp(path, "/access/permissions") == 0) {
        data = all_privileges();
    } else {
        r = pvetree_answer(t, path, &data, &e);
        if (r == 0 && !e.msg[0] && strcmp(path, "/cluster/resources?type=vm") == 0) {
            (void)snprintf(e.msg, sizeof(e.msg), "which guests run is not in the files");
        }
    }
    picture_put(p, path, data, r, &e);
}

int picture_of_pvetree(struct pvetree *t, const struct picture_ask *ask, struct picture **ret,
                       struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    const struct picture_read *want;
    size_t n;
    int r = picture_new(ask, &p, e);

    while (r == 0 && (n = picture_need(p, &want)) > 0) {
        for (size_t i = 0; i < n; i++) {
            put(p, t, want[i].path);
        }
    }
    if (r == 0) {
        *ret = TAKE(p);
    }
    return r;
}
