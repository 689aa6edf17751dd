/* SPDX-License-Identifier: Apache-2.0 */
/* Between the picture and the plan's preconditions. What was heard is kept until the analyser has
 * said whom the change hits: the configurations of those guests count, those of ten thousand others
 * do not. */
#include "proximo-client/tools/look.h"

#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/pipeline/draft.h"
#include "proximo-client/pipeline/look.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/assess.h"

static int hear(void *ctx, const char *path, const char *reduce, const js *data, struct err *e) {
    struct look *l = ctx;
    js *one = js_array();

    (void)e;
    js_push(one, js_str(path));
    js_push(one, js_str(reduce));
    js_push(one, js_ref((js *)(uintptr_t)data)); /* only ever read again */
    js_push(l->heard, one);
    return 0;
}

int look_open(struct look *l, struct draft *d, const struct picture_ask *ask, struct err *e) {
    l->d = d;
    l->heard = js_array();
    session_progress(draft_session(d), 0, 0, "reading the cluster for the blast radius");
    return look(d, ask, hear, l, &l->p, e);
}

void look_done(struct look *l) {
    picture_freep(&l->p);
    js_freep(&l->heard);
}

/* The guest below whose path "/nodes/NODE/KIND/VMID/…" something was read; 0: none. */
static uint32_t guest_of(const char *path, char *ret_resource, size_t size) {
    char kind[8], vmid[16];
    uint32_t n = 0;

    if (!pve_path_part(path, 2, kind, sizeof(kind)) ||
        !pve_path_part(path, 3, vmid, sizeof(vmid)) ||
        (strcmp(kind, "lxc") != 0 && strcmp(kind, "qemu") != 0) || ident_vmid(vmid, &n) < 0) {
        return 0;
    }
    (void)snprintf(ret_resource, size, "%s/%u", strcmp(kind, "lxc") == 0 ? "ct" : "vm", n);
    return n;
}

static bool is_volumes_of(const char *path, uint32_t vmid) {
    char end[32];
    const char *query = strrchr(path, '?');

    (void)snprintf(end, sizeof(end), "?vmid=%u", vmid);
    return query && strcmp(query, end) == 0;
}

static bool begins_with_one(const char *path, const char *words) {
    while (words && *words) {
        size_t n = strcspn(words, " ");

        if (n > 0 && strncmp(path, words, n) == 0) {
            return true;
        }
        words += n + strspn(words + n, " ");
    }
    return false;
}

static bool counts(const struct look *l, const char *path) {
    char resource[24] = "";
    uint32_t vmid = guest_of(path, resource, sizeof(resource));

    for (size_t i = 0; i < ARRAY_LEN(l->guest); i++) {
        if (l->guest[i] && (vmid == l->guest[i] || is_volumes_of(path, l->guest[i]))) {
            return true;
        }
    }
    return vmid ? draft_affects(l->d, resource) : begins_with_one(path, l->paths);
}

int look_close(struct look *l, int verdict, struct err *e) {
    int r = assess_verdict(verdict, e);

    for (size_t i = 0; r == 0 && i < js_len(l->heard); i++) {
        const js *one = js_at(l->heard, i);
        const char *path = json_object_get_string(js_at(one, 0));
        const char *reduce = json_object_get_string(js_at(one, 1));

        if (counts(l, path)) {
            r = draft_precondition(l->d, path, strcmp(reduce, "guests") == 0 ? "places" : reduce,
                                   js_at(one, 2), e);
        }
    }
    return r;
}
