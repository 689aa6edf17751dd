/* SPDX-License-Identifier: Apache-2.0 */
/* Backups: made, restored, looked into. The archive keeps the guest's configuration of that moment;
 * file systems are not simulated. A run prunes afterwards, as the real one does. */
#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/volnames.h"

struct run {
    struct sim_task *t;
    const char *storage, *rule;
    unsigned int made;
};

/* The guests that a run takes, at its node. */
static bool takes(const js *args, struct sim *s, const struct guest *g) {
    const char *pool = js_get_str(args, "pool");

    if (strcmp(g->node, js_str_or(args, "node", "")) != 0) {
        return false;
    }
    if (js_bool_or(args, "all", false)) {
        return !list_has(js_get_str(args, "exclude"), g->key);
    }
    if (pool) {
        return guest_pool(s, g) && strcmp(guest_pool(s, g), pool) == 0;
    }
    return list_has(js_get_str(args, "vmid"), g->key);
}

static void prune_after(struct run *r, const struct guest *g) {
    CLEANUP(js_freep) js *gone = NULL;

    if (!r->rule || !js_bool_or(r->t->args, "remove", true)) {
        return;
    }
    gone = prune_gone(r->t->s, r->storage, g->node, r->rule, g->vmid, g->lxc ? "lxc" : "qemu");
    for (size_t i = 0; i < js_len(gone); i++) {
        const char *volid = json_object_get_string(js_at(gone, i));

        task_log(r->t, "removing backup '%s'", volid);
        state_del(&r->t->s->st, "volumes", volid, NULL);
    }
}

static void back_up(void *ctx, const struct guest *g) {
    struct run *r = ctx;
    struct sim *s = r->t->s;
    js *v = js_object();
    time_t now = (time_t)sim_now(s);
    struct tm tm = {0};
    char when[32];
    char volid[300];

    if (!takes(r->t->args, s, g)) {
        js_freep(&v);
        return;
    }
    (void)localtime_r(&now, &tm);
    (void)strftime(when, sizeof(when), "%Y_%m_%d-%H_%M_%S", &tm);
    (void)snprintf(volid, sizeof(volid), "%s:backup/vzdump-%s-%u-%s.%s", r->storage,
                   g->lxc ? "lxc" : "qemu", g->vmid, when, g->lxc ? "tar.zst" : "vma.zst");
    js_add(v, "content", js_str("backup"));
    js_add(v, "vmid", js_int(g->vmid));
    js_add(v, "ctime", js_int((int64_t)now));
    js_add(v, "size", js_int(INT64_C(1) << 28));
    js_add(v, "format", js_str(g->lxc ? "tar.zst" : "vma.zst"));
    js_add(v, "subtype", js_str(g->lxc ? "lxc" : "qemu"));
    if (js_bool_or(r->t->args, "protected", false)) {
        js_add(v, "protected", js_int(1));
    }
    if (!storage_shared(storage_find(s, r->storage))) {
        js_add(v, "node", js_str(g->node));
    }
    js_add(v, "archived", js_copy(js_get(g->obj, "config")));
    state_set(&s->st, v, "volumes", volid, NULL);
    task_log(r->t, "creating vzdump archive '%s'", volid);
    r->made++;
    prune_after(r, g);
}

static const char *finish_vzdump(struct sim_task *t) {
    const char *id = js_str_or(t->args, "storage", "local");
    js *def = storage_find(t->s, id);
    struct run r = {.t = t, .storage = id, .rule = js_get_str(t->args, "prune-backups")};

    if (!def || !storage_on_node(def, js_str_or(t->args, "node", ""))) {
        (void)snprintf(t->exit, sizeof(t->exit),
                       "could not get storage information for '%.100s': storage is not available",
                       id);
        return t->exit;
    }
    if (!list_has(js_str_or(def, "content", ""), "backup")) {
        (void)snprintf(t->exit, sizeof(t->exit), "storage '%.100s' does not support backups", id);
        return t->exit;
    }
    r.rule = r.rule ? r.rule : js_get_str(def, "prune-backups");
    guest_each(t->s, back_up, &r);
    return r.made ? NULL : "no guest to be backed up is on this node";
}

static int may_back_up(struct call *c) {
    char list[2048];
    char path[160];

    (void)snprintf(list, sizeof(list), "%s", call_str(c, "vmid") ? call_str(c, "vmid") : "");
    for (char *save = NULL, *v = strtok_r(list, ",; ", &save); v;
         v = strtok_r(NULL, ",; ", &save)) {
        (void)snprintf(path, sizeof(path), "/vms/%.20s", v);
        if (!call_may(c, path, "VM.Backup")) {
            return -1;
        }
    }
    if (!*list && !call_may(c, "/vms", "VM.Backup")) {
        return -1;
    }
    (void)snprintf(path, sizeof(path), "/storage/%.100s",
                   call_str(c, "storage") ? call_str(c, "storage") : "local");
    return call_may(c, path, "Datastore.AllocateSpace") ? 0 : -1;
}

int route_vzdump(struct call *c) {
    struct sim_task *t;
    js *node;

    if (node_of_call(c, &node) < 0 || may_back_up(c) < 0) {
        return -1;
    }
    if (!call_str(c, "vmid") && !call_bool(c, "all", false) && !call_str(c, "pool")) {
        return call_fail(c, 500, "you have to specify at least one VM, or 'all', or a pool");
    }
    t = task_new(c, finish_vzdump);
    if (!t) {
        return call_fail(c, 500, "out of memory");
    }
    t->args = js_copy(c->params);
    return task_start(c, t, call_str(c, "node"), "vzdump",
                      call_str(c, "vmid") && !strchr(call_str(c, "vmid"), ',') ? call_str(c, "vmid")
                                                                               : "");
}
