/* SPDX-License-Identifier: Apache-2.0 */
/* After a guest was made, copied, restored or made a template: is it so? Turning a container into a
 * template is a task that the API's answer does not name: it is looked for and followed here, or
 * "done" would be said of work that is still to fail. */
#include <errno.h>
#include <string.h>

#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/plans.h"

#define TEMPLATE_WAIT_MS (60 * 1000) /* it renames volumes: seconds */

static int read_config(struct session *s, const struct guest_ref *g, js **ret, struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    int r = guest_path(g, "/config", &path, e);

    return r < 0 ? r : pve_get(s->pve, buf_str(&path), ret, e);
}

/* What was asked for and is not so; volumes and network devices are completed by PVE. */
static void not_as_asked(const char *kind, const js *set, const js *config, struct buf *ret) {
    JS_FOREACH(set, key, val) {
        if (!key_is_disk(kind, key) && strncmp(key, "net", 3) != 0 && !config_is_secret(key) &&
            strcmp(key, "description") != 0 && strcmp(key, "tags") != 0 &&
            !value_same(val, js_get(config, key))) {
            (void)buf_addf(ret, "%s%.60s", ret->len ? ", " : "", key);
        }
    }
}

static int is_made(struct session *s, const js *vmid, const js *set, bool *ret_ok, char **ret_text,
                   struct err *e) {
    CLEANUP(buf_done) struct buf wrong = BUF_INIT(LIM_LINE);
    CLEANUP(js_freep) js *asked = js_object();
    CLEANUP(js_freep) js *config = NULL;
    struct guest_ref g;
    const char *lock;
    int r;

    js_add(asked, "vmid", js_copy(vmid));
    r = resolve_guest(s, asked, &g, e);
    if (r == 0) {
        r = read_config(s, &g, &config, e);
    }
    if (r < 0) {
        return r;
    }
    lock = js_get_str(config, "lock");
    not_as_asked(g.kind, set, config, &wrong);
    if (lock) {
        return check_done(false, ret_ok, ret_text, "guest %u is at %s, and locked (%.40s)", g.vmid,
                          g.node, lock);
    }
    return wrong.len ? check_done(false, ret_ok, ret_text, "guest %u is at %s, not as asked: %s",
                                  g.vmid, g.node, buf_str(&wrong))
                     : check_done(true, ret_ok, ret_text, "guest %u is at %s", g.vmid, g.node);
}

int check_clone(struct session *s, const js *args, bool *ret_ok, char **ret_text, struct err *e) {
    return is_made(s, js_get(args, "newid"), NULL, ret_ok, ret_text, e);
}

int check_create(struct session *s, const js *args, bool *ret_ok, char **ret_text, struct err *e) {
    return is_made(s, js_get(args, "vmid"), js_get(args, "set"), ret_ok, ret_text, e);
}

/* The newest such task of the guest, to its end. Nothing in *t when there is none. */
static int follow(struct session *s, const struct guest_ref *g, struct pve_task *t, struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    CLEANUP(js_freep) js *names = js_object();
    CLEANUP(js_freep) js *list = NULL;
    const char *upid;
    int r;

    js_add(names, "node", js_str(g->node));
    r = pve_path("/nodes/{node}/tasks", names, &path, e);
    if (r == 0 &&
        buf_addf(&path, "?source=all&typefilter=vztemplate&limit=1&vmid=%u", g->vmid) < 0) {
        r = err_set(e, -ENOMEM, "out of memory");
    }
    r = r < 0 ? r : pve_get(s->pve, buf_str(&path), &list, e);
    upid = r == 0 ? js_get_str(js_at(list, 0), "upid") : NULL;
    return upid ? pve_task_wait(s->pve, upid, TEMPLATE_WAIT_MS, NULL, NULL, t, e) : r;
}

int check_template(struct session *s, const js *args, bool *ret_ok, char **ret_text,
                   struct err *e) {
    CLEANUP(js_freep) js *config = NULL;
    struct pve_task t = {0};
    struct guest_ref g;
    int r = resolve_guest(s, args, &g, e);

    if (r == 0 && strcmp(g.kind, "lxc") == 0) {
        r = follow(s, &g, &t, e);
    }
    if (r == 0) {
        r = read_config(s, &g, &config, e);
    }
    if (r < 0) {
        return r;
    }
    if (js_bool_or(config, "template", false)) {
        return check_done(true, ret_ok, ret_text, "guest %u is a template", g.vmid);
    }
    return check_done(false, ret_ok, ret_text, "guest %u is no template%s%.160s", g.vmid,
                      t.exit[0] ? ": " : "", t.exit);
}
