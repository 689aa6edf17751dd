/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's disk moves to another storage or grows. What PVE finds at once is answered at once; the
 * rest ends the task. */
#include <stdlib.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/volnames.h"

static int start(struct call *c, const struct guest *g, const char *type,
                 const char *(*finish)(struct sim_task *t)) {
    struct sim_task *t = task_new(c, finish);

    if (!t) {
        return call_fail(c, 500, "out of memory");
    }
    t->vmid = g->vmid;
    t->args = js_copy(c->params);
    return task_start(c, t, g->node, type, g->key);
}

static const char *disk_key(const js *params) {
    return js_str_or(params, "disk", js_str_or(params, "volume", ""));
}

static const char *finish_move(struct sim_task *t) {
    const char *key = disk_key(t->args);
    struct sim *s = t->s;
    struct guest g;
    char old[256];
    char fresh[256];
    char value[2048];
    const char *now;
    js *v;

    if (!guest_find(s, t->vmid, &g) || !(now = guest_conf(&g, key)) ||
        !volume_of_value(now, old, sizeof(old))) {
        return "the disk does not exist any more";
    }
    v = state_get(&s->st, "volumes", old, NULL);
    volume_new_name(s, &g, js_str_or(t->args, "storage", ""), js_get_str(t->args, "format"), fresh,
                    sizeof(fresh));
    volume_add(s, &g, fresh, g.node, js_int_or(v, "size", 0));
    volume_rewrite(now, fresh, NULL, value, sizeof(value));
    state_set(&s->st, js_str(value), "guests", g.key, "config", key, NULL);
    if (js_bool_or(t->args, "delete", false)) {
        if (v) {
            state_del(&s->st, "volumes", old, NULL);
        }
    } else {
        guest_unused(s, &g, old);
    }
    task_log(t, "volume '%s' is '%s' now", old, fresh);
    return NULL;
}

static const char *target_key(const js *params) {
    return js_str_or(params, "target-disk", js_str_or(params, "target-volume", disk_key(params)));
}

/* The volume is renamed after its new owner; what else stands in the value goes along. */
static const char *finish_give(struct sim_task *t) {
    const char *key = disk_key(t->args), *slot = target_key(t->args);
    struct sim *s = t->s;
    char old[256], fresh[256], id[128], value[2048];
    struct guest g, to;
    const char *now;
    js *v;

    if (!guest_find(s, t->vmid, &g) ||
        !guest_find(s, (uint32_t)js_int_or(t->args, "target-vmid", 0), &to) ||
        !(now = guest_conf(&g, key)) || !volume_of_value(now, old, sizeof(old)) ||
        !(v = state_get(&s->st, "volumes", old, NULL))) {
        return "the disk does not exist any more";
    }
    if (guest_conf(&to, slot)) {
        return "Target disk key is already in use";
    }
    volume_storage(old, id, sizeof(id));
    volume_new_name(s, &to, id, js_get_str(v, "format"), fresh, sizeof(fresh));
    volume_rewrite(now, fresh, NULL, value, sizeof(value));
    v = js_copy(v);
    js_add(v, "vmid", js_int(to.vmid));
    state_set(&s->st, v, "volumes", fresh, NULL);
    state_del(&s->st, "volumes", old, NULL);
    state_set(&s->st, js_str(value), "guests", to.key, "config", slot, NULL);
    state_del(&s->st, "guests", g.key, "config", key, NULL);
    return NULL;
}

static int give(struct call *c, const struct guest *g) {
    struct guest to;

    if (!guest_find(c->s, (uint32_t)call_int(c, "target-vmid", 0), &to)) {
        return call_fail(c, 500, "guest %s does not exist", call_str(c, "target-vmid"));
    }
    if (to.lxc != g->lxc || strcmp(to.node, g->node) != 0) {
        return call_fail(c, 500, "both guests must be of one kind and on one node");
    }
    if (guest_conf(&to, target_key(c->params))) {
        return call_fail(c, 500, "Target disk key '%s' is already in use", target_key(c->params));
    }
    return start(c, g, g->lxc ? "move_volume" : "qmmove", finish_give);
}

static int check_storage(struct call *c, const struct guest *g, const char *volid) {
    const char *id = call_str(c, "storage");
    js *def = storage_find(c->s, id);
    char old[128];

    if (!def) {
        return call_fail(c, 500, "storage '%s' does not exist", id);
    }
    if (!storage_on_node(def, g->node)) {
        return call_fail(c, 500, "storage '%s' is not available on node '%s'", id, g->node);
    }
    if (!list_has(js_str_or(def, "content", "images,rootdir"), g->lxc ? "rootdir" : "images")) {
        return call_fail(c, 500, "storage '%s' does not support %s", id,
                         g->lxc ? "container directories" : "vm images");
    }
    volume_storage(volid, old, sizeof(old));
    if (strcmp(old, id) == 0 && (g->lxc || !call_str(c, "format"))) {
        return call_fail(c, 500, "you can't move to the same storage with same format");
    }
    return 0;
}

int route_disk_move(struct call *c) {
    const char *key = disk_key(c->params);
    struct guest g;
    char volid[256];
    const char *value;

    if (guest_of_call(c, &g) < 0) {
        return -1;
    }
    value = guest_conf(&g, key);
    if (!value || !guest_key_is_volume(g.lxc, key) ||
        !volume_of_value(value, volid, sizeof(volid))) {
        return call_fail(c, 500, "disk '%s' does not exist", key);
    }
    if (strstr(value, "media=cdrom") && !strstr(value, "cloudinit")) {
        return call_fail(c, 500, "you can't move a cdrom");
    }
    if (call_str(c, "target-vmid")) {
        return give(c, &g);
    }
    if (!call_str(c, "storage")) {
        return call_param_error(c, "storage", "property is missing and it is not optional");
    }
    if (check_storage(c, &g, volid) < 0) {
        return -1;
    }
    if (g.lxc && guest_running(c->s, &g)) {
        return call_fail(c, 500, "cannot move volumes of a running container");
    }
    if (call_bool(c, "delete", false) && volume_in_snapshot(&g, volid)) {
        return call_fail(c, 500, "you can't move a disk with snapshots and delete the source");
    }
    return start(c, &g, g.lxc ? "move_volume" : "qmmove", finish_move);
}

static const char *finish_resize(struct sim_task *t) {
    const char *key = disk_key(t->args);
    const char *want = js_str_or(t->args, "size", "");
    struct guest g;
    char volid[256];
    char text[32] = "";
    char value[2048];
    long long now;
    long long to;
    const char *entry;

    if (!guest_find(t->s, t->vmid, &g) || !(entry = guest_conf(&g, key)) ||
        !volume_of_value(entry, volid, sizeof(volid))) {
        return "the disk does not exist any more";
    }
    (void)option_get(entry, "size", text, sizeof(text));
    now = size_bytes(text);
    to = size_bytes(want + (*want == '+')) + (*want == '+' ? now : 0);
    if (to < now) {
        return "shrinking disks is not supported";
    }
    (void)snprintf(text, sizeof(text), to % (1LL << 30) == 0 ? "%lldG" : "%lldM",
                   to >> (to % (1LL << 30) == 0 ? 30 : 20));
    volume_rewrite(entry, volid, text, value, sizeof(value));
    state_set(&t->s->st, js_str(value), "guests", g.key, "config", key, NULL);
    if (state_get(&t->s->st, "volumes", volid, NULL)) {
        state_set(&t->s->st, js_int(to), "volumes", volid, "size", NULL);
    }
    return NULL;
}

int route_disk_resize(struct call *c) {
    const char *key = disk_key(c->params);
    const char *size = call_str(c, "size");
    struct guest g;
    char volid[256];
    const char *value;

    if (guest_of_call(c, &g) < 0) {
        return -1;
    }
    if (strlen(size) < 1 || size_bytes(size + (*size == '+')) <= 0) {
        (void)call_param_error(c, "size", "value does not match the regex pattern");
        return -1;
    }
    value = guest_conf(&g, key);
    if (!value || !guest_key_is_volume(g.lxc, key) ||
        !volume_of_value(value, volid, sizeof(volid))) {
        return call_fail(c, 500, "disk '%s' does not exist", key);
    }
    return start(c, &g, "resize", finish_resize);
}

/* It is the configuration's `delete` under another name. */
int route_disk_unlink(struct call *c) {
    js_add(c->params, "delete", js_str(call_str(c, "idlist")));
    json_object_object_del(c->params, "idlist");
    return route_guest_config_set(c);
}
