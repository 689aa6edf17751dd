/* SPDX-License-Identifier: Apache-2.0 */
/* A deleted namespace is made again with all that were below it, as long as no backup goes with
 * them: what is empty comes back whole, and of backups nothing comes back. */
#include "proximo-client/tools/pbs_back.h"

#include <errno.h>
#include <string.h>

#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/pbs.h"

int pbs_ns_listed(struct draft *d, struct session *s, js *names, struct err *e) {
    const char *name = js_get_str(names, "name"), *parent = js_str_or(names, "parent", "");

    (void)d;
    (void)s;
    (void)e;
    if (name) {
        js_addf(names, "ns", "%s%s%s", parent, *parent ? "/" : "", name);
        json_object_object_del(names, "parent");
        json_object_object_del(names, "name");
    }
    return 0;
}

void pbs_ns_made(js *names) {
    const char *ns = js_get_str(names, "ns"), *slash = ns ? strrchr(ns, '/') : NULL;

    if (!ns) {
        return;
    }
    js_add(names, "name", js_str(slash ? slash + 1 : ns));
    if (slash) {
        js_add(names, "parent", js_str_n(ns, (size_t)(slash - ns)));
    }
    json_object_object_del(names, "ns");
}

static int list_at(struct draft *d, const struct assess *a, const char *template, const char *key,
                   const char *ns, const char *reduce, js **ret, struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    CLEANUP(js_freep) js *query = js_object();
    int r;

    js_add(query, key, js_str(ns));
    r = pve_path(template, a->args, &path, e);
    r = r < 0 ? r : pve_query(query, &path, e);
    r = r < 0 ? r : draft_read(d, buf_str(&path), reduce, ret, e);
    return r == 0 && !js_is_array(*ret) ? bad_answer(template, e) : r;
}

static size_t levels(const char *ns) {
    size_t n = 0;

    for (; *ns; ns++) {
        n += *ns == '/';
    }
    return n;
}

static void make(struct draft *d, const struct assess *a, const char *ns) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    js *form = js_object();

    js_add(form, "ns", js_str(ns));
    pbs_ns_made(form);
    (void)pve_path("/admin/datastore/{store}/namespace", a->args, &path, NULL); /* was read */
    draft_request(d, PHASE_UNDO, "POST", buf_str(&path), form, NULL);
}

/* Those at the top first: a namespace is made in one that is there. */
static void make_all(struct draft *d, const struct assess *a, const js *spaces) {
    for (size_t depth = 0, left = js_len(spaces); left; depth++) {
        for (size_t i = 0; i < js_len(spaces); i++) {
            const char *ns = js_str_or(js_at(spaces, i), "ns", "");

            if (levels(ns) == depth) {
                left--;
                make(d, a, ns);
            }
        }
    }
}

int pbs_ns_delete_back(struct draft *d, const struct assess *a, struct err *e) {
    bool groups = js_bool_or(a->args, "delete-groups", false), any = false;
    js *spaces = NULL;
    int r = list_at(d, a, "/admin/datastore/{store}/namespace", "parent",
                    js_str_or(a->args, "ns", ""), "whole", &spaces, e);

    for (size_t i = 0; r == 0 && groups && i < js_len(spaces); i++) {
        js *list = NULL;

        r = list_at(d, a, "/admin/datastore/{store}/groups", "ns",
                    js_str_or(js_at(spaces, i), "ns", ""), "groups", &list, e);
        any = any || js_len(list) > 0;
    }
    if (r < 0) {
        return r;
    }
    if (any) {
        draft_undo(d, "none",
                   "its backups are gone; empty namespaces are made again by pbs_namespace_create",
                   "");
        return 0;
    }
    make_all(d, a, spaces);
    draft_undo(d, "restore-object", "each namespace is made again, empty as it was", "");
    return 0;
}
