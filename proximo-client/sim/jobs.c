/* SPDX-License-Identifier: Apache-2.0 */
/* Backup jobs, with what each would include, and replication jobs. */
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/routes.h"

static js *jobs(struct sim *s) {
    return state_get(&s->st, "jobs", NULL);
}

static js *job_out(struct sim *s, const char *id, const js *job, bool list) {
    js *o = js_copy(job);
    const char *prune = js_get_str(job, "prune-backups");

    js_add(o, "id", js_str(id));
    json_object_object_del(o, "next-run");
    if (prune) {
        js *p = js_object();
        char copy[256];

        (void)snprintf(copy, sizeof(copy), "%s", prune);
        for (char *save = NULL, *one = strtok_r(copy, ",", &save); one;
             one = strtok_r(NULL, ",", &save)) {
            char *eq = strchr(one, '=');

            if (eq) {
                *eq = '\0';
                js_add(p, one, js_str(eq + 1));
            }
        }
        js_add(o, "prune-backups", p);
    }
    if (list && js_get(job, "schedule")) { /* the next full day: schedules are not computed here */
        js_add(o, "next-run",
               js_get(job, "next-run") ? js_ref(js_get(job, "next-run"))
                                       : js_int((sim_now(s) / 86400 + 1) * 86400));
    }
    return o;
}

int route_backup_jobs(struct call *c) {
    c->data = js_array();
    if (jobs(c->s)) {
        JS_FOREACH(jobs(c->s), id, job) {
            js_push(c->data, job_out(c->s, id, job, true));
        }
    }
    return 0;
}

static int job_of_call(struct call *c, js **ret) {
    *ret = js_get(jobs(c->s), call_str(c, "id"));
    return *ret ? 0 : call_fail(c, 500, "No such job '%s'", call_str(c, "id"));
}

int route_backup_job(struct call *c) {
    js *job;

    if (job_of_call(c, &job) < 0) {
        return -1;
    }
    c->data = job_out(c->s, call_str(c, "id"), job, false);
    return 0;
}

static const char *const job_fields[] = {"all",
                                         "bwlimit",
                                         "comment",
                                         "compress",
                                         "dow",
                                         "dumpdir",
                                         "enabled",
                                         "exclude",
                                         "exclude-path",
                                         "fleecing",
                                         "ionice",
                                         "job-id",
                                         "lockwait",
                                         "mailnotification",
                                         "mailto",
                                         "maxfiles",
                                         "mode",
                                         "node",
                                         "notes-template",
                                         "notification-mode",
                                         "performance",
                                         "pigz",
                                         "pool",
                                         "protected",
                                         "prune-backups",
                                         "quiet",
                                         "remove",
                                         "repeat-missed",
                                         "schedule",
                                         "script",
                                         "starttime",
                                         "stdexcludes",
                                         "stop",
                                         "stopwait",
                                         "storage",
                                         "tmpdir",
                                         "vmid",
                                         "zstd",
                                         "pbs-change-detection-mode"};

static bool is_job_field(const char *name) {
    for (size_t i = 0; i < ARRAY_LEN(job_fields); i++) {
        if (strcmp(job_fields[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* Guests are taken by one choice alone. */
static int check_choice(struct call *c) {
    static const char *const others[] = {"all", "exclude", "pool"};

    for (size_t i = 0; call_str(c, "vmid") && i < ARRAY_LEN(others); i++) {
        if (i ? call_str(c, others[i]) != NULL : call_bool(c, "all", false)) {
            return call_param_error(c, others[i], "option conflicts with option 'vmid'");
        }
    }
    return 0;
}

static void forget(struct call *c, const char *id, const char *a, const char *b, const char *x) {
    state_del(&c->s->st, "jobs", id, a, NULL);
    state_del(&c->s->st, "jobs", id, b, NULL);
    if (x) {
        state_del(&c->s->st, "jobs", id, x, NULL);
    }
}

/* The new choice drops the one before. */
static int choose(struct call *c, const char *id) {
    const js *job = js_get(jobs(c->s), id);

    if (js_get(job, "exclude") && !js_get(job, "pool")) {
        state_set(&c->s->st, js_int(1), "jobs", id, "all", NULL);
    }
    if (call_str(c, "vmid")) {
        forget(c, id, "all", "exclude", "pool");
    } else if (call_bool(c, "all", false) || (call_str(c, "exclude") && !call_str(c, "pool"))) {
        forget(c, id, "vmid", "pool", NULL);
    } else if (js_get(js_get(jobs(c->s), id), "pool")) {
        forget(c, id, "vmid", "all", "exclude");
    }
    job = js_get(jobs(c->s), id);
    return js_get(job, "vmid") || js_get(job, "pool") || js_get(job, "stop") ||
                   js_bool_or(job, "all", false)
               ? 0
               : call_param_error(c, "vmid", "property is missing");
}

static int set_job(struct call *c, const char *id) {
    if (check_choice(c) < 0) {
        return -1;
    }
    JS_FOREACH(c->params, name, value) {
        const char *v = json_object_get_string(value);
        bool number = strcmp(name, "all") == 0 || strcmp(name, "enabled") == 0;

        if (strcmp(name, "id") == 0 || strcmp(name, "delete") == 0) {
            continue;
        }
        if (!is_job_field(name)) {
            (void)call_param_error(c, name,
                                   "property is not defined in schema and the schema does "
                                   "not allow additional properties");
        } else if (strpbrk(v, "\n\r\t")) {
            (void)call_param_error(c, name, "invalid format - value contains control characters\n");
        } else {
            state_set(&c->s->st, number ? js_int(strcmp(v, "1") == 0) : js_ref(value), "jobs", id,
                      name, NULL);
        }
    }
    if (c->status != 400) {
        (void)choose(c, id);
    }
    sim_tick(c->s);
    return c->status == 400 ? -1 : 0;
}

int route_backup_create(struct call *c) {
    const char *given = call_str(c, "id");
    char id[128];
    js *job = js_object();

    if (given) {
        (void)snprintf(id, sizeof(id), "%s", given);
    } else {
        sim_uuid(c->s, id);
    }
    js_add(job, "type", js_str("vzdump"));
    js_add(job, "enabled", js_int(1));
    if (js_get(jobs(c->s), id)) {
        js_freep(&job);
        return call_fail(c, 500, "Job '%s' already exists", id);
    }
    state_set(&c->s->st, job, "jobs", id, NULL);
    return set_job(c, id);
}

int route_backup_update(struct call *c) {
    char list[512];
    js *job;

    if (job_of_call(c, &job) < 0) {
        return -1;
    }
    (void)snprintf(list, sizeof(list), "%s", call_str(c, "delete") ? call_str(c, "delete") : "");
    for (char *save = NULL, *name = strtok_r(list, ",; ", &save); name;
         name = strtok_r(NULL, ",; ", &save)) {
        if (!is_job_field(name)) {
            return call_fail(c, 500, "unknown option '%.40s'", name);
        }
        state_del(&c->s->st, "jobs", call_str(c, "id"), name, NULL);
    }
    return set_job(c, call_str(c, "id"));
}

int route_backup_delete(struct call *c) {
    js *job;

    if (job_of_call(c, &job) < 0) {
        return -1;
    }
    state_del(&c->s->st, "jobs", call_str(c, "id"), NULL);
    sim_tick(c->s);
    return 0;
}

static bool job_includes(struct sim *s, const js *job, const struct guest *g) {
    const char *node = js_get_str(job, "node"), *pool = js_get_str(job, "pool");

    if (node && strcmp(node, g->node) != 0) {
        return false;
    }
    if (js_bool_or(job, "all", false)) {
        return !list_has(js_get_str(job, "exclude"), g->key);
    }
    if (pool) {
        return state_get(&s->st, "pools", pool, "vms", g->key, NULL) != NULL;
    }
    return list_has(js_get_str(job, "vmid"), g->key);
}

static js *volume_leaf(const struct guest *g, const char *key, const char *v) {
    char volume[512], opt[16] = "";
    bool has = option_get(v, "backup", opt, sizeof(opt)) == 0;
    bool in, cdrom = strstr(v, "media=cdrom") != NULL;
    const char *why;
    js *o = js_object();

    (void)snprintf(volume, sizeof(volume), "%.*s", (int)strcspn(v, ","), v);
    if (g->lxc && strcmp(key, "rootfs") == 0) {
        in = true;
        why = "rootfs";
    } else if (g->lxc && (*v == '/' || !strchr(volume, ':'))) {
        in = false;
        why = *v == '/' && strncmp(v, "/dev", 4) != 0 ? "bind mount" : "device";
    } else if (g->lxc) {
        in = has && opt[0] == '1';
        why = in ? "enabled" : "disabled";
    } else if (cdrom) {
        in = false;
        why = "CD-ROM";
    } else {
        in = !has || opt[0] == '1';
        why = in ? "backup=yes" : "backup=no";
    }
    js_addf(o, "id", "%u:%s", g->vmid, key);
    js_add(o, "included", js_int(in));
    js_add(o, "leaf", js_int(1));
    js_add(o, "name", js_str(volume));
    js_add(o, "reason", js_str(why));
    return o;
}

struct include_ctx {
    struct call *c;
    const js *job;
    js *list;
};

static void include_guest(void *ctx, const struct guest *g) {
    struct include_ctx *x = ctx;
    js *o, *leaves, *config = js_get(g->obj, "config");
    char path[40], store[32];

    (void)snprintf(path, sizeof(path), "/vms/%u", g->vmid);
    if (!job_includes(x->c->s, x->job, g) || !call_has(x->c, path, "VM.Audit")) {
        return;
    }
    leaves = js_array();
    JS_FOREACH(config, key, value) {
        if (guest_key_is_volume(g->lxc, key) && strncmp(key, "unused", 6) != 0 &&
            !strstr(json_object_get_string(value), "cloudinit")) {
            js_push(leaves, volume_leaf(g, key, json_object_get_string(value)));
        }
    }
    o = js_object();
    js_add(o, "children", leaves);
    js_add(o, "id", js_int(g->vmid));
    js_add(o, "leaf", js_int(0));
    js_add(o, "name", js_str(guest_name(g, store, sizeof(store))));
    js_add(o, "type", js_str(g->lxc ? "lxc" : "qemu"));
    js_push(x->list, o);
}

int route_backup_volumes(struct call *c) {
    struct include_ctx x = {c, NULL, NULL};
    js *job;

    if (job_of_call(c, &job) < 0) {
        return -1;
    }
    x.job = job;
    x.list = js_array();
    guest_each(c->s, include_guest, &x);
    c->data = js_object();
    js_add(c->data, "children", x.list);
    return 0;
}

int route_backup_info(struct call *c) {
    return call_fail(c, 403, "Permission check failed (user != root@pam)");
}

static void not_backed_up(void *ctx, const struct guest *g) {
    struct call *c = ctx;
    char path[40], store[32];
    js *o;

    if (jobs(c->s)) {
        JS_FOREACH(jobs(c->s), id, job) {
            (void)id;
            if (js_bool_or(job, "enabled", true) && job_includes(c->s, job, g)) {
                return;
            }
        }
    }
    (void)snprintf(path, sizeof(path), "/vms/%u", g->vmid);
    if (!call_has(c, path, "VM.Audit")) {
        return;
    }
    o = js_object();
    js_add(o, "name", js_str(guest_name(g, store, sizeof(store))));
    js_add(o, "type", js_str(g->lxc ? "lxc" : "qemu"));
    js_add(o, "vmid", js_int(g->vmid));
    js_push(c->data, o);
}

int route_not_backed_up(struct call *c) {
    c->data = js_array();
    guest_each(c->s, not_backed_up, c);
    return 0;
}

/* ---- replication ---- */

static void replication_list(struct call *c, const char *node) {
    js *all = state_get(&c->s->st, "replication", NULL);

    c->data = js_array();
    if (!all) {
        return;
    }
    JS_FOREACH(all, id, job) {
        char vmid[16], path[40];
        struct guest g;
        uint32_t n;
        js *o;

        (void)snprintf(vmid, sizeof(vmid), "%.*s", (int)strcspn(id, "-"), id);
        (void)snprintf(path, sizeof(path), "/vms/%s", vmid);
        if (!call_has(c, path, "VM.Audit") || ident_vmid(vmid, &n) < 0 ||
            (node && (!guest_find(c->s, n, &g) || strcmp(g.node, node) != 0))) {
            continue;
        }
        o = js_copy(job);
        js_add(o, "id", js_str(id));
        js_add(o, "guest", js_int(n));
        js_addf(o, "jobnum", "%s", id + strcspn(id, "-") + 1);
        js_push(c->data, o);
    }
}

int route_replication(struct call *c) {
    replication_list(c, NULL);
    return 0;
}

int route_node_replication(struct call *c) {
    js *n;

    if (node_of_call(c, &n) < 0) {
        return -1;
    }
    replication_list(c, call_str(c, "node"));
    return 0;
}
