/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a read row. A row is either a GET template of ours filled with checked arguments, or a
 * function; neither can reach anything that changes (this folder sees the reading headers only). */
#include <errno.h>
#include <string.h>

#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/rows.h"

int bad_answer(const char *what, struct err *e) {
    return err_tag(e, -EBADMSG, "pve_bad_answer", "the API answered %s in another shape", what);
}

int need_rows(const char *what, const js *list, struct err *e) {
    bool good = !list || js_is_array(list);

    for (size_t i = 0; good && i < js_len(list); i++) {
        good = js_is_object(js_at(list, i));
    }
    return good ? 0 : bad_answer(what, e);
}

int read_path(struct session *s, const char *template, const js *args, js **ret, struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    int r = pve_path(template, args, &path, e);

    return r < 0 ? r : pve_get(s->pve, buf_str(&path), ret, e);
}

/* The arguments with node and kind of the guest that the path is about; node names are checked,
 * because an unknown one costs PVE a name lookup of seconds. */
static int place(const struct row *r, struct session *s, const js *args, js **ret, struct err *e) {
    const char *node = js_get_str(args, "node");
    struct guest_ref g;
    int code = 0;

    *ret = js_copy(args);
    if (!strstr(r->path, "/{vmid}")) {
        return node && strstr(r->path, "{node}") ? check_node(s, node, e) : 0;
    }
    code = resolve_guest(s, args, &g, e);
    if (code == 0 && !strstr(r->path, "{kind}") && !strstr(r->path, g.kind)) {
        (void)err_tag(e, -EINVAL, "guest_mismatch", "guest %u is %s", g.vmid,
                      strcmp(g.kind, "lxc") == 0 ? "a container" : "a VM");
        code = err_hint(e, "%s is for the other kind", r->name);
    }
    if (code == 0) {
        js_add(*ret, "node", js_str(g.node));
        js_add(*ret, "kind", js_str(g.kind));
    }
    return code;
}

static int row_get(const struct row *r, struct session *s, const js *given, js **ret,
                   struct err *e) {
    CLEANUP(js_freep) js *args = NULL;
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    CLEANUP(js_freep) js *data = NULL;
    int code = place(r, s, given, &args, e);

    if (code == 0) {
        code = pve_path(r->path, args, &path, e);
    }
    if (code == 0 && r->query) {
        CLEANUP(js_freep) js *query = answer_pick(args, r->query);

        code = pve_query(query, &path, e);
    }
    if (code == 0) {
        code = pve_get(s->pve, buf_str(&path), &data, e);
    }
    if (code < 0) {
        return code;
    }
    if (js_is_object(data)) {
        *ret = TAKE(data);
    } else if (js_is_array(data)) {
        *ret = answer_list(data, args, NULL);
    } else { /* a scalar or null */
        *ret = js_object();
        js_add(*ret, "value", TAKE(data));
    }
    return 0;
}

int row_read(const struct row *r, struct session *s, const js *args, js **ret, struct err *e) {
    int code = row_validate(r, args, e);

    if (code < 0) {
        return code;
    }
    if (r->effect != EFFECT_READ) {
        (void)err_tag(e, -EINVAL, "bad_argument", "%s does not read", r->name);
        return err_hint(e, r->effect == EFFECT_CHANGE ? "it makes a plan: use proximo_plan"
                                                      : "call it by its own name");
    }
    if (!s->pve && !(r->flags & ROW_NO_CLUSTER)) {
        (void)err_tag(e, -ENOENT, "not_configured", "%s needs a cluster and none is configured",
                      r->name);
        return err_hint(e, "proximo-client doctor says what is missing");
    }
    code = row_fits(r, s, e);
    if (code < 0) {
        return code;
    }
    return r->read ? r->read(s, args, ret, e) : row_get(r, s, args, ret, e);
}
