/* SPDX-License-Identifier: Apache-2.0 */
/* A guest named by its number alone. Kind and node come from the cluster on every call, because a
 * guest may have moved since anybody last looked. */
#include "common/ident.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/plans.h"

static const char guests_path[] = "/cluster/resources?type=vm";

static int no_such_guest(int64_t vmid, size_t visible, struct err *e) {
    (void)err_tag(e, -ENOENT, "no_such_guest", "no guest %" PRId64 " in the cluster", vmid);
    return err_hint(e,
                    "this token sees %zu guests; a guest without VM.Audit on /vms/%" PRId64
                    " is hidden from it",
                    visible, vmid);
}

static int fill(const js *item, struct guest_ref *ret, struct err *e) {
    const char *kind = js_str_or(item, "type", ""), *node = js_str_or(item, "node", "");
    struct guest_ref g = {.vmid = (uint32_t)js_int_or(item, "vmid", 0)};

    if ((strcmp(kind, "lxc") != 0 && strcmp(kind, "qemu") != 0) || !ident_is_node(node)) {
        return err_tag(e, -EBADMSG, "pve_bad_answer", "guest %u has no usable kind or node",
                       g.vmid);
    }
    (void)snprintf(g.kind, sizeof(g.kind), "%.7s", kind);
    (void)snprintf(g.node, sizeof(g.node), "%.63s", node);
    (void)snprintf(g.name, sizeof(g.name), "%.127s", js_str_or(item, "name", ""));
    g.running = strcmp(js_str_or(item, "status", ""), "running") == 0;
    g.template = js_bool_or(item, "template", false);
    *ret = g;
    return 0;
}

static int mismatch(const struct guest_ref *g, const char *what, const char *given,
                    const char *real, struct err *e) {
    (void)err_tag(e, -EINVAL, "guest_mismatch", "guest %u: %s is %s, not %s", g->vmid, what, real,
                  given);
    return err_hint(e, "leave %s out, or look at the guest again: it may be another one", what);
}

static int find_guest(const js *list, const js *args, struct guest_ref *ret, struct err *e) {
    const char *kind = js_get_str(args, "kind"), *node = js_get_str(args, "node");
    int64_t vmid = js_int_or(args, "vmid", 0);
    struct guest_ref g = {0};
    int r = -ENOENT;

    for (size_t i = 0; r == -ENOENT && i < js_len(list); i++) {
        if (js_int_or(js_at(list, i), "vmid", 0) == vmid) {
            r = fill(js_at(list, i), &g, e);
            if (r < 0) {
                return r;
            }
        }
    }
    if (r < 0) {
        return no_such_guest(vmid, js_len(list), e);
    }
    if (kind && strcmp(kind, g.kind) != 0) {
        return mismatch(&g, "kind", kind, g.kind, e);
    }
    if (node && strcmp(node, g.node) != 0) {
        return mismatch(&g, "node", node, g.node, e);
    }
    *ret = g;
    return 0;
}

static int check_vmid(const js *args, struct err *e) {
    int64_t vmid = js_int_or(args, "vmid", 0);

    return vmid < VMID_MIN || vmid > VMID_MAX
               ? err_tag(e, -EINVAL, "bad_argument", "vmid must be %u to %u", VMID_MIN, VMID_MAX)
               : 0;
}

int resolve_guest(struct session *s, const js *args, struct guest_ref *ret, struct err *e) {
    CLEANUP(js_freep) js *list = NULL;
    int r = check_vmid(args, e);

    r = r < 0 ? r : pve_get(s->pve, guests_path, &list, e);
    return r < 0 ? r : find_guest(list, args, ret, e);
}

int draft_guest(struct draft *d, const js *args, struct guest_ref *ret, struct err *e) {
    js *list = NULL;
    int r = check_vmid(args, e);

    r = r < 0 ? r : draft_get(d, guests_path, &list, e);
    return r < 0 ? r : find_guest(list, args, ret, e);
}

int guest_path(const struct guest_ref *g, const char *tail, struct buf *ret, struct err *e) {
    int r = buf_addf(ret, "/nodes/%s/%s/%u%s", g->node, g->kind, g->vmid, tail);

    return r < 0 ? err_set(e, r, "path too long") : 0;
}

void guest_label(const struct guest_ref *g, char *ret, size_t size) {
    (void)snprintf(ret, size, "%s/%u", strcmp(g->kind, "lxc") == 0 ? "ct" : "vm", g->vmid);
}
