/* SPDX-License-Identifier: Apache-2.0 */
/* A guest becomes a template, for good: its volumes are renamed to base volumes, which nothing
 * writes to any more and others can be linked to. A VM's disks on storages that know no base
 * volumes stay as they are; a container with such a volume is refused by its task. */
#include <string.h>

#include "common/own.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/volnames.h"

static void make_base(struct sim_task *t, const struct guest *g, const char *key,
                      const char *value) {
    char volid[256], base[256], text[2048];
    js *v;

    if (!volume_of_value(value, volid, sizeof(volid)) ||
        !volume_can(t->s, volid, "template", false, g->lxc)) {
        return;
    }
    volume_base_name(volid, base, sizeof(base));
    v = state_get(&t->s->st, "volumes", volid, NULL);
    if (v) {
        state_set(&t->s->st, js_copy(v), "volumes", base, NULL);
        state_del(&t->s->st, "volumes", volid, NULL);
    }
    volume_rewrite(value, base, NULL, text, sizeof(text));
    state_set(&t->s->st, js_str(text), "guests", g->key, "config", key, NULL);
}

static bool is_disk(const struct guest *g, const char *key, const char *value) {
    return guest_key_is_volume(g->lxc, key) && strncmp(key, "unused", 6) != 0 &&
           !strstr(value, "media=cdrom") && strncmp(value, "none", 4) != 0;
}

static const char *finish_template(struct sim_task *t) {
    struct guest g;
    CLEANUP(js_freep) js *old = NULL;

    if (!guest_find(t->s, t->vmid, &g)) {
        return "guest does not exist any more";
    }
    old = js_copy(js_get(g.obj, "config"));
    JS_FOREACH(old, key, value) {
        const char *text = json_object_get_string(value);
        size_t n = strcspn(text, ",");

        if (g.lxc && is_disk(&g, key, text)) {
            char volid[256];

            (void)snprintf(volid, sizeof(volid), "%.*s", (int)n, text);
            if (!volume_can(t->s, volid, "template", false, true)) {
                (void)snprintf(t->exit, sizeof(t->exit),
                               "Template feature is not available for '%.200s'", volid);
                return t->exit;
            }
        }
    }
    state_set(&t->s->st, js_str("1"), "guests", g.key, "config", "template", NULL);
    JS_FOREACH(old, name, entry) {
        const char *text = json_object_get_string(entry);

        if (is_disk(&g, name, text) && (!t->arg[0] || strcmp(t->arg, name) == 0)) {
            make_base(t, &g, name, text);
        }
    }
    return NULL;
}

int route_template(struct call *c) {
    const char *disk = call_str(c, "disk");
    struct sim_task *t;
    struct guest g;
    int r;

    if (guest_of_call(c, &g) < 0 || guest_unlocked(c, &g) < 0) {
        return -1;
    }
    if (disk && (!guest_key_is_volume(false, disk) || strncmp(disk, "unused", 6) == 0)) {
        return call_param_error(c, "disk", "value '%.40s' does not have a value in the enumeration",
                                disk);
    }
    if (js_members(js_get(g.obj, "snapshots")) > 0) {
        return call_fail(c, 500, "unable to create template, because %s contains snapshots",
                         guest_label(&g));
    }
    if (guest_conf(&g, "template") && !disk) {
        return call_fail(c, 500, "you can't convert a template to a template");
    }
    if (guest_running(c->s, &g)) {
        return g.lxc ? call_fail(c, 500, "you can't convert a CT to template if the CT is running")
                     : call_fail(c, 500, "you can't convert a VM to template if VM is running");
    }
    t = task_new(c, finish_template);
    if (!t) {
        return call_fail(c, 500, "out of memory");
    }
    t->vmid = g.vmid;
    (void)snprintf(t->arg, sizeof(t->arg), "%s", disk ? disk : "");
    r = task_start(c, t, g.node, g.lxc ? "vztemplate" : "qmtemplate", g.key);
    if (r == 0 && g.lxc) { /* as the real one: the task runs, and the answer does not name it */
        js_freep(&c->data);
    }
    return r;
}
