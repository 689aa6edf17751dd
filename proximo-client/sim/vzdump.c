/* SPDX-License-Identifier: Apache-2.0 */
/* Backups are made. The archive keeps the guest's configuration of that moment without snapshots,
 * pending changes and unused disks, and its firewall; file systems are not simulated. A run prunes
 * afterwards, as the real one does. */
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

/* What every archive takes at least: less room is none. */
#define ARCHIVE_SIZE (INT64_C(1) << 28)

/* "{{vmid}}" and its like, as the real one knows them. */
static js *notes_of(struct sim *s, const struct guest *g, const char *template) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(4096);

    while (*template) {
        const char *end = strncmp(template, "{{", 2) == 0 ? strstr(template, "}}") : NULL;

        if (!end) {
            (void)buf_addc(&b, *template ++);
            continue;
        }
        if (strncmp(template, "{{vmid", 6) == 0) {
            (void)buf_adds(&b, g->key);
        } else if (strncmp(template, "{{guestname", 11) == 0) {
            (void)buf_adds(&b, guest_conf(g, g->lxc ? "hostname" : "name")
                                   ? guest_conf(g, g->lxc ? "hostname" : "name")
                                   : g->key);
        } else if (strncmp(template, "{{node", 6) == 0) {
            (void)buf_adds(&b, g->node);
        } else if (strncmp(template, "{{cluster", 9) == 0) {
            (void)buf_adds(&b, js_str_or(state_get(&s->st, "cluster", NULL), "name", ""));
        }
        template = end + 2;
    }
    return js_str(buf_str(&b));
}

bool backup_takes_disk(const struct guest *g, const char *key, const char *value) {
    char says[8] = "";

    (void)option_get(value, "backup", says, sizeof(says));
    if (!guest_key_is_volume(g->lxc, key) || strncmp(key, "unused", 6) == 0 ||
        strstr(value, "media=cdrom") || value[0] == '/') {
        return false;
    }
    return g->lxc ? strcmp(key, "rootfs") == 0 || strcmp(says, "1") == 0 : strcmp(says, "0") != 0;
}

/* The log names what is taken and what is not. */
static js *archived(struct run *r, const struct guest *g) {
    js *cfg = js_object();

    JS_FOREACH(js_get(g->obj, "config"), key, value) {
        const char *text = json_object_get_string(value);
        bool disk = guest_key_is_volume(g->lxc, key);

        if (strncmp(key, "unused", 6) == 0 || strcmp(key, "parent") == 0 ||
            strcmp(key, "lock") == 0) {
            continue;
        }
        js_add(cfg, key, js_copy(value));
        if (disk && g->lxc) {
            task_log(r->t, "INFO: %s mount point %s ('/') %s backup",
                     backup_takes_disk(g, key, text) ? "including" : "excluding volume", key,
                     backup_takes_disk(g, key, text) ? "in" : "from");
        } else if (disk && !strstr(text, "media=cdrom")) {
            task_log(r->t, "INFO: %s disk '%s' '%.*s'",
                     backup_takes_disk(g, key, text) ? "include" : "exclude", key,
                     (int)strcspn(text, ","), text);
        }
    }
    return cfg;
}

static void back_up(void *ctx, const struct guest *g) {
    struct run *r = ctx;
    struct sim *s = r->t->s;
    js *v = js_object();
    time_t now = (time_t)sim_now(s);
    struct tm tm = {0};
    char when[32];
    char volid[300];
    js *fw;

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
    js_add(v, "size", js_int(ARCHIVE_SIZE));
    js_add(v, "format", js_str(g->lxc ? "tar.zst" : "vma.zst"));
    js_add(v, "subtype", js_str(g->lxc ? "lxc" : "qemu"));
    if (js_bool_or(r->t->args, "protected", false)) {
        js_add(v, "protected", js_int(1));
    }
    if (!storage_shared(storage_find(s, r->storage))) {
        js_add(v, "node", js_str(g->node));
    }
    if (js_get_str(r->t->args, "notes-template")) {
        js_add(v, "notes", notes_of(s, g, js_get_str(r->t->args, "notes-template")));
    }
    js_add(v, "archived", archived(r, g));
    fw = state_get(&s->st, "firewall", "guests", g->key, NULL);
    if (fw) {
        js_add(v, "archived-firewall", js_copy(fw));
    }
    state_set(&s->st, v, "volumes", volid, NULL);
    task_log(r->t, "creating vzdump archive '%s'", volid);
    r->made++;
    prune_after(r, g);
}

static const char *finish_vzdump(struct sim_task *t) {
    const char *id = js_str_or(t->args, "storage", "local");
    js *def = storage_find(t->s, id);
    struct run r = {.t = t, .storage = id, .rule = js_get_str(t->args, "prune-backups")};
    CLEANUP(js_freep) js *room = NULL;

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
    room = storage_status(t->s, id, js_str_or(t->args, "node", ""), false);
    if (js_int_or(room, "avail", 0) < ARCHIVE_SIZE) {
        task_log(t, "ERROR: vma_queue_write: write error - No space left on device");
        return "job errors";
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
