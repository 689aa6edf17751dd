/* SPDX-License-Identifier: Apache-2.0 */
/* Guests are made: new, or from a backup (over a guest that exists, with force). Disks get volumes
 * of their own; "storage:8" asks for a new one of 8 GiB. */
#include <string.h>

#include "common/buf.h"
#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/ha.h"
#include "proximo-client/sim/newcomer.h"
#include "proximo-client/sim/volnames.h"

static js *archive_find(struct call *c, const char *volid) {
    js *v = volid ? state_get(&c->s->st, "volumes", volid, NULL) : NULL;
    char id[128];

    if (!v || strcmp(js_str_or(v, "content", ""), "backup") != 0) {
        (void)call_fail(c, 500, "volume '%s' does not exist", volid ? volid : "");
        return NULL;
    }
    volume_storage(volid, id, sizeof(id));
    if (!storage_visible(c, id)) {
        (void)call_fail(c, 403, "Permission check failed (/storage/%s, Datastore.AllocateSpace)",
                        id);
        return NULL;
    }
    if (!js_get(v, "archived")) {
        (void)call_fail(c, 500, "pvesim does not hold what is inside '%s'", volid);
        return NULL;
    }
    return v;
}

/* Of a file it is kept. */
static const char *disk_format(const char *value) {
    return strstr(value, ".qcow2") ? "qcow2" : strstr(value, ".vmdk") ? "vmdk" : "raw";
}

/* What of a VM is in the archive stands beside its configuration there. */
static void disk_map(const js *v, struct buf *text) {
    struct guest g = {.lxc = false};

    JS_FOREACH(js_get(v, "archived"), key, value) {
        const char *disk = json_object_get_string(value);

        if (backup_takes_disk(&g, key, disk)) {
            (void)buf_addf(text, "#qmdump#map:%s:drive-%s:%.*s:%s:\n", key, key,
                           (int)strcspn(disk, ":"), disk, disk_format(disk));
        }
    }
}

int route_extractconfig(struct call *c) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(1 << 20);
    CLEANUP(js_freep) js *guest = js_object();
    js *v = archive_find(c, call_str(c, "volume"));

    if (!v) {
        return -1;
    }
    js_add(guest, "config", js_copy(js_get(v, "archived")));
    if (guest_file_write(guest, &text) < 0) {
        return call_fail(c, 500, "the configuration cannot be written");
    }
    if (strcmp(js_str_or(v, "subtype", ""), "qemu") == 0) {
        disk_map(v, &text);
    }
    c->data = js_str(buf_str(&text));
    return 0;
}

/* "8" and "0.5" GiB in MiB; 0: it is no size. */
static int64_t asked_mib(const char *text) {
    char whole[16];
    const char *dot = strchr(text, '.');
    uint64_t gib = 0, part = 0, of = 1;

    (void)snprintf(whole, sizeof(whole), "%.*s", dot ? (int)(dot - text) : 15, text);
    if (ident_u64(whole, &gib) < 0 || gib > 1 << 20) {
        return 0;
    }
    for (const char *c = dot ? dot + 1 : ""; *c >= '0' && *c <= '9' && of < 1000000000000; c++) {
        part = part * 10 + (uint64_t)(*c - '0');
        of *= 10;
    }
    return (int64_t)(gib * 1024 + part * 1024 / of);
}

/* "zz:8,ssd=1": a new volume of 8 GiB. */
static void add_value(struct sim_task *t, const struct guest *g, js *cfg, const char *key,
                      const char *text) {
    char what[256];
    char id[128];
    const char *colon;
    int64_t mib = 0;
    char volid[256];

    if (guest_key_is_volume(g->lxc, key) && volume_of_value(text, what, sizeof(what)) &&
        (colon = strchr(what, ':'))) {
        mib = asked_mib(colon + 1);
    }
    if (mib > 0) {
        volume_storage(what, id, sizeof(id));
        volume_new_name(t->s, g, id, NULL, volid, sizeof(volid));
        volume_add(t->s, g, volid, g->node, mib << 20);
        js_addf(cfg, key, "%s%s,size=%lld%s", volid, strchr(text, ',') ? strchr(text, ',') : "",
                (long long)(mib % 1024 ? mib : mib / 1024), mib % 1024 ? "M" : "G");
    } else {
        js_add(cfg, key, js_str(text));
    }
}

/* A disk of a VM that is not in the archive is a line of the notes afterwards. */
static void note_disk(js *cfg, const char *key, const char *text) {
    const char *was = js_str_or(cfg, "description", "");

    js_addf(cfg, "description", "%s%s%s: %s\n", was,
            *was && was[strlen(was) - 1] != '\n' ? "\n" : "", key, text);
    json_object_object_del(cfg, key);
}

static js *without_volumes(const js *cfg) {
    js *o = js_object();

    JS_FOREACH(cfg, key, value) {
        if (!guest_key_is_volume(true, key)) {
            js_add(o, key, js_copy(value));
        }
    }
    return o;
}

/* A container's volumes as they were asked for: those that were not are not made. */
static js *asked_volumes(struct sim_task *t, const struct guest *g, const js *cfg) {
    js *o = without_volumes(cfg);

    JS_FOREACH(t->args, key, value) {
        if (guest_key_is_volume(true, key)) {
            add_value(t, g, o, key, json_object_get_string(value));
        }
    }
    return o;
}

/* Disks of the archive get volumes of their own; another storage when one was named. */
static void new_disks(struct sim_task *t, const struct guest *g, js *cfg) {
    const char *storage = js_get_str(t->args, "storage");
    CLEANUP(js_freep) js *old = js_copy(cfg);

    JS_FOREACH(old, key, value) {
        const char *text = json_object_get_string(value);
        char volid[256];
        char id[128];
        char size[32] = "";

        if (!guest_key_is_volume(g->lxc, key) || strstr(text, "media=cdrom") ||
            !volume_of_value(text, volid, sizeof(volid))) {
            continue;
        }
        if (strncmp(key, "unused", 6) == 0) {
            json_object_object_del(cfg, key);
            continue;
        }
        if (!g->lxc && !backup_takes_disk(g, key, text)) {
            note_disk(cfg, key, text);
            continue;
        }
        volume_storage(volid, id, sizeof(id));
        (void)option_get(text, "size", size, sizeof(size));
        volume_new_name(t->s, g, storage ? storage : id, disk_format(text), volid, sizeof(volid));
        volume_add(t->s, g, volid, g->node, size_bytes(size));
        js_addf(cfg, key, "%s%s", volid, strchr(text, ',') ? strchr(text, ',') : "");
    }
}

/* The present guest's own disks go, whatever their keys (of a VM, PVE keeps those that the archive
 * does not have as unused disks). */
static js *drop_disks(struct sim_task *t, const struct guest *g, const js *cfg) {
    js *kept = js_array();

    JS_FOREACH(js_get(g->obj, "config"), key, value) {
        char volid[256];

        if (!guest_key_is_volume(g->lxc, key) ||
            !volume_of_value(json_object_get_string(value), volid, sizeof(volid)) ||
            !state_get(&t->s->st, "volumes", volid, NULL) ||
            js_int_or(state_get(&t->s->st, "volumes", volid, NULL), "vmid", 0) != g->vmid) {
            continue;
        }
        if (!g->lxc && !js_get(cfg, key)) {
            js_push(kept, js_str(volid));
        } else {
            state_del(&t->s->st, "volumes", volid, NULL);
        }
    }
    return kept;
}

static void guest_make(struct sim_task *t, js *cfg, struct guest *ret) {
    newcomer_add(t->s, t->vmid, strcmp(js_str_or(t->args, "made-as", ""), "lxc") == 0,
                 js_str_or(t->args, "node", ""), cfg);
    if (js_get_str(t->args, "pool")) {
        newcomer_pool(t->s, t->vmid, js_get_str(t->args, "pool"));
    }
    (void)guest_find(t->s, t->vmid, ret);
}

/* The rules come out of the archive, too. */
static void restore_firewall(struct sim *s, const struct guest *g, const js *fw) {
    if (fw) {
        state_set(&s->st, js_copy(fw), "firewall", "guests", g->key, NULL);
    }
}

/* `start`: by a task of its own, which this one does not wait for, of whoever asked. */
static void start_it(struct sim_task *t, const struct guest *g) {
    char path[160];
    struct call c = {.s = t->s, .method = M_POST, .path = path, .auth = t->arg, .user = "root@pam"};
    struct sim_task *starts =
        js_bool_or(t->args, "start", false) ? task_new(&c, finish_start) : NULL;

    if (starts) {
        (void)snprintf(path, sizeof(path), "/nodes/%.60s/%s/%u/status/start", g->node,
                       g->lxc ? "lxc" : "qemu", g->vmid);
        starts->vmid = g->vmid;
        starts->args = js_object();
        (void)snprintf(starts->arg, sizeof(starts->arg), "start");
        (void)task_start(&c, starts, g->node, g->lxc ? "vzstart" : "qmstart", g->key);
        js_freep(&c.data);
    }
}

static const char *finish_restore(struct sim_task *t) {
    struct sim *s = t->s;
    js *v = state_get(&s->st, "volumes", js_str_or(t->args, "volid", ""), NULL);
    js *cfg = v ? js_copy(js_get(v, "archived")) : NULL;
    CLEANUP(js_freep) js *kept = NULL;
    struct guest g;

    if (!cfg) {
        return "the backup does not exist any more";
    }
    json_object_object_del(cfg, "parent");
    if (guest_find(s, t->vmid, &g)) {
        kept = drop_disks(t, &g, cfg);
    }
    guest_make(t, js_object(), &g);
    if (g.lxc && js_get(t->args, "rootfs")) {
        js *asked = asked_volumes(t, &g, cfg);

        json_object_put(cfg);
        cfg = asked;
    } else {
        new_disks(t, &g, cfg);
    }
    if (!g.lxc && js_get(cfg, "vmgenid")) {
        config_new_genid(s, cfg); /* it tells the guest that it went back in time */
    }
    restore_firewall(s, &g, js_get(v, "archived-firewall"));
    if (js_bool_or(t->args, "unique", false)) {
        config_new_macs(s, cfg);
        if (!g.lxc && js_get(cfg, "smbios1")) {
            config_new_uuid(s, cfg);
        }
    }
    state_set(&s->st, cfg, "guests", g.key, "config", NULL);
    for (size_t i = 0; i < js_len(kept); i++) {
        (void)guest_find(s, t->vmid, &g);
        guest_unused(s, &g, json_object_get_string(js_at(kept, i)));
    }
    task_log(t, "restored '%s'", js_str_or(t->args, "volid", ""));
    (void)guest_find(s, t->vmid, &g);
    start_it(t, &g);
    return NULL;
}

/* ---- new ---- */

static bool is_control(const char *key) {
    static const char control[] =
        "vmid,node,kind,made-as,volid,archive,ostemplate,restore,force,storage,unique,pool,start,"
        "password,"
        "bwlimit,"
        "ssh-public-keys,ignore-unpack-errors,live-restore,ha-managed,import-working-storage";

    return list_has(control, key);
}

static int check_keys(struct call *c, bool lxc) {
    char store[400];

    JS_FOREACH(c->params, key, value) {
        const struct guest_key *k = guest_key(lxc, key);
        const char *bad;

        if (is_control(key)) {
            continue;
        }
        if (!k) {
            (void)call_param_error(c, key,
                                   "property is not defined in schema and the schema does not "
                                   "allow additional properties");
            continue;
        }
        bad = guest_value_bad(k, json_object_get_string(value), store, sizeof(store));
        if (bad) {
            (void)call_param_error(c, key, "%s", bad);
        }
    }
    return c->status == 400 ? -1 : 0;
}

static const char *finish_create(struct sim_task *t) {
    struct guest g;
    js *cfg = js_object();

    if (guest_find(t->s, t->vmid, &g)) {
        js_freep(&cfg);
        return "the guest exists by now";
    }
    guest_make(t, js_object(), &g);
    JS_FOREACH(t->args, key, value) {
        if (!is_control(key)) {
            add_value(t, &g, cfg, key, json_object_get_string(value));
        }
    }
    state_set(&t->s->st, cfg, "guests", g.key, "config", NULL);
    (void)guest_find(t->s, t->vmid, &g);
    start_it(t, &g);
    return NULL;
}

/* What stands against taking the number; 0 when nothing does. */
static int check_over(struct call *c, const struct guest *g, bool lxc, bool restores) {
    if (!restores || !call_bool(c, "force", false) || g->lxc != lxc ||
        strcmp(g->node, call_str(c, "node")) != 0) {
        return call_fail(c, 500, "unable to %s %s %u - %s %u already exists on node '%s'",
                         restores ? "restore" : "create", lxc ? "CT" : "VM", g->vmid,
                         guest_label(g), g->vmid, g->node);
    }
    if (guest_conf(g, "protection") && strcmp(guest_conf(g, "protection"), "1") == 0) {
        return call_fail(c, 500, "unable to restore %s %u - protection mode enabled",
                         guest_label(g), g->vmid);
    }
    if (guest_running(c->s, g)) {
        return call_fail(c, 500, "unable to restore %s %u - it is running", guest_label(g),
                         g->vmid);
    }
    if (backing_name(g)) {
        return call_fail(c, 500, "CT %u has a real container behind it; pvesim does not replace it",
                         g->vmid);
    }
    return 0;
}

/* A container's volumes are made on one storage, unless the call names each: "local", unless it
 * names that. */
static int check_one_storage(struct call *c) {
    const char *id = call_str(c, "storage") ? call_str(c, "storage") : "local";
    const js *def = storage_find(c->s, id);

    if (call_str(c, "rootfs")) {
        return 0;
    }
    if (!def || !list_has(js_str_or(def, "content", "images,rootdir"), "rootdir")) {
        return call_param_error(c, "storage", "storage '%s' does not support container directories",
                                id);
    }
    js_add(c->params, "storage", js_str(id));
    return 0;
}

static int create(struct call *c, bool lxc, const char *archive) {
    struct sim_task *t;
    struct guest g;
    uint32_t vmid;
    char path[32];
    js *node;

    if (node_of_call(c, &node) < 0) {
        return -1;
    }
    if (!call_str(c, "vmid") || ident_vmid(call_str(c, "vmid"), &vmid) < 0) {
        return call_param_error(c, "vmid", "property is missing and it is not optional");
    }
    (void)snprintf(path, sizeof(path), "/vms/%u", vmid);
    if (!call_may(c, path, "VM.Allocate") || check_keys(c, lxc) < 0 ||
        (guest_find(c->s, vmid, &g) && check_over(c, &g, lxc, archive != NULL) < 0) ||
        (archive && !archive_find(c, archive)) || (archive && lxc && check_one_storage(c) < 0)) {
        return -1;
    }
    t = task_new(c, archive ? finish_restore : finish_create);
    if (!t) {
        return call_fail(c, 500, "out of memory");
    }
    t->vmid = vmid;
    (void)snprintf(t->arg, sizeof(t->arg), "%s", c->auth);
    t->args = js_copy(c->params);
    js_add(t->args, "made-as", js_str(lxc ? "lxc" : "qemu"));
    if (archive) {
        js_add(t->args, "volid", js_str(archive));
    }
    return task_start(c, t, call_str(c, "node"),
                      archive ? (lxc ? "vzrestore" : "qmrestore") : (lxc ? "vzcreate" : "qmcreate"),
                      call_str(c, "vmid"));
}

int route_create_qemu(struct call *c) {
    return create(c, false, call_str(c, "archive"));
}

int route_create_lxc(struct call *c) {
    return create(c, true, call_bool(c, "restore", false) ? call_str(c, "ostemplate") : NULL);
}
