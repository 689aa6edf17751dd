/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about guests: what they are, how they do, how they are configured. Plans of the changing
 * rows are in guest_power.c and guest_config.c. */
#include <string.h>

#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/plans.h"
#include "proximo-client/tools/rows.h"

static const struct field list_fields[] = {
    {"kind", F_ENUM, NULL, .choices = "lxc|qemu"},
    {"node", F_NODE, NULL},
    {"status", F_ENUM, NULL, .choices = "running|stopped|paused|unknown"},
    {"name", F_STR, "part of the name", .max = 100},
    {"tag", F_STR, "one tag", .max = 100},
    {"pool", F_STR, NULL, .max = 100},
    FIELDS_PAGE,
    {NULL},
};
static const struct field guest_fields[] = {FIELDS_GUEST, {NULL}};
static const struct field config_fields[] = {
    FIELDS_GUEST,
    {"snapshot", F_SNAP, "the configuration saved with a snapshot"},
    {NULL},
};

static js *guest_item(const js *item) {
    js *o = answer_pick(item, "vmid name node status template tags pool hastate lock maxcpu maxmem "
                              "mem maxdisk uptime");
    int64_t cpu = answer_percent(item, "cpu");

    js_add(o, "kind", js_str(js_str_or(item, "type", "")));
    if (!js_bool_or(o, "template", false)) {
        json_object_object_del(o, "template");
    }
    if (cpu >= 0 && strcmp(js_str_or(item, "status", ""), "running") == 0) {
        js_add(o, "cpu_percent", js_int(cpu));
    }
    return o;
}

static bool has_tag(const char *tags, const char *tag) {
    size_t len = strlen(tag);

    for (const char *p = tags; *p;) {
        size_t n = strcspn(p, ";, ");

        if (n == len && memcmp(p, tag, n) == 0) {
            return true;
        }
        p += n + (p[n] != '\0');
    }
    return false;
}

static bool wanted(const js *item, const js *args) {
    static const struct {
        const char *arg, *member;
    } equal[] = {{"kind", "type"}, {"node", "node"}, {"status", "status"}, {"pool", "pool"}};
    const char *name = js_get_str(args, "name"), *tag = js_get_str(args, "tag");

    for (size_t i = 0; i < ARRAY_LEN(equal); i++) {
        const char *want = js_get_str(args, equal[i].arg);

        if (want && strcmp(want, js_str_or(item, equal[i].member, "")) != 0) {
            return false;
        }
    }
    return (!name || strstr(js_str_or(item, "name", ""), name)) &&
           (!tag || has_tag(js_str_or(item, "tags", ""), tag));
}

static int by_vmid(const void *a, const void *b) {
    json_object *const *x = a, *const *y = b;
    int64_t i = js_int_or(*x, "vmid", 0), j = js_int_or(*y, "vmid", 0);

    return (i > j) - (i < j);
}

static int list_read(struct session *s, const js *args, js **ret, struct err *e) {
    CLEANUP(js_freep) js *all = NULL;
    CLEANUP(js_freep) js *list = js_array();
    int64_t running = 0;
    int r = pve_get(s->pve, "/cluster/resources?type=vm", &all, e);

    r = r < 0 ? r : need_rows("the guests", all, e);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < js_len(all); i++) {
        if (wanted(js_at(all, i), args)) {
            js_push(list, js_ref(js_at(all, i)));
            running += strcmp(js_str_or(js_at(all, i), "status", ""), "running") == 0;
        }
    }
    json_object_array_sort(list, by_vmid);
    *ret = answer_list(list, args, guest_item);
    js_add(*ret, "running", js_int(running));
    answer_partial(s, *ret, "/vms", "VM.Audit");
    return 0;
}

static void add_ref(js *o, const struct guest_ref *g) {
    js_add(o, "vmid", js_int(g->vmid));
    js_add(o, "kind", js_str(g->kind));
    js_add(o, "node", js_str(g->node));
}

/* GETs below the guest's own path. */
static int guest_get(struct session *s, const js *args, const char *tail, struct guest_ref *ret_g,
                     js **ret, struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    int r = resolve_guest(s, args, ret_g, e);

    if (r == 0) {
        r = guest_path(ret_g, tail, &path, e);
    }
    return r < 0 ? r : pve_get(s->pve, buf_str(&path), ret, e);
}

static int status_read(struct session *s, const js *args, js **ret, struct err *e) {
    CLEANUP(js_freep) js *d = NULL;
    struct guest_ref g;
    int64_t cpu;
    int r = guest_get(s, args, "/status/current", &g, &d, e);

    if (r < 0) {
        return r;
    }
    *ret = answer_pick(d, "name status qmpstatus lock template tags cpus maxmem mem maxswap swap "
                          "maxdisk disk uptime ha agent running-machine");
    add_ref(*ret, &g);
    cpu = answer_percent(d, "cpu");
    if (cpu >= 0) {
        js_add(*ret, "cpu_percent", js_int(cpu));
    }
    return 0;
}

bool config_is_secret(const char *key) {
    return strcmp(key, "cipassword") == 0;
}

static int config_read(struct session *s, const js *args, js **ret, struct err *e) {
    CLEANUP(js_freep) js *d = NULL;
    CLEANUP(buf_done) struct buf tail = BUF_INIT(LIM_LINE);
    CLEANUP(js_freep) js *query = answer_pick(args, "snapshot");
    struct guest_ref g;
    js *config;
    int r = buf_adds(&tail, "/config");

    r = r < 0 ? err_set(e, r, "out of memory") : pve_query(query, &tail, e);
    if (r == 0) {
        r = guest_get(s, args, buf_str(&tail), &g, &d, e);
    }
    if (r < 0) {
        return r;
    }
    if (!js_is_object(d)) {
        return bad_answer("a guest's configuration", e);
    }
    config = js_object();
    JS_FOREACH(d, key, val) {
        if (strcmp(key, "digest") == 0) {
            continue;
        }
        if (strcmp(key, "description") == 0) { /* text of people and guests: a row of its own */
            js_add(config, key, js_str("(see pve_guest_notes)"));
        } else if (config_is_secret(key)) {
            js_add(config, key, js_str("(set, not shown)"));
        } else {
            js_add(config, key, js_copy(val));
        }
    }
    *ret = js_object();
    add_ref(*ret, &g);
    js_add(*ret, "digest", js_str(js_str_or(d, "digest", "")));
    js_add(*ret, "config", config);
    return 0;
}

static int notes_read(struct session *s, const js *args, js **ret, struct err *e) {
    CLEANUP(js_freep) js *d = NULL;
    struct guest_ref g;
    int r = guest_get(s, args, "/config", &g, &d, e);

    if (r < 0) {
        return r;
    }
    *ret = js_object();
    add_ref(*ret, &g);
    js_add(*ret, "notes", js_str(js_str_or(d, "description", "")));
    return 0;
}

static const struct field power_fields[] = {
    FIELDS_GUEST,
    {"action", F_ENUM, NULL, true, .choices = "start|stop|shutdown|reboot"},
    {"timeout", F_INT, "seconds to wait inside (shutdown, reboot)", .min = 1, .max = 7200},
    {"force", F_BOOL, "stop it when the shutdown takes too long"},
    {NULL},
};
static const struct field config_set_fields[] = {
    FIELDS_GUEST,
    {"set", F_MAP, "configuration keys and values, as PVE writes them"},
    {"delete", F_STRS, "keys to delete", .max = 64},
    {"cipassword", F_STR, "cloud-init password", .secret = true, .min = 1, .max = 256},
    {NULL},
};

const struct row guest_rows[] = {
    {"pve_list_guests", "List guests",
     "Lists containers and VMs of the cluster with node, state and size; can be filtered. Changes "
     "nothing.",
     "guest", EFFECT_READ, ROW_DIRECT | ROW_IDEMPOTENT, list_fields, .read = list_read,
     .privilege = "/vms VM.Audit",
     .result = "total:integer returned:integer truncated:boolean running:integer items:array "
               "partial?:object"},
    {"pve_guest_status", "Guest status",
     "Shows one guest's state, load, lock and HA state. Changes nothing.", "guest", EFFECT_READ,
     ROW_DIRECT | ROW_IDEMPOTENT, guest_fields, .read = status_read,
     .privilege = "/vms/{vmid} VM.Audit",
     .result = "vmid:integer kind:string node:string status:string name?:string uptime?:integer"},
    {"pve_guest_config_get", "Guest configuration",
     "Shows one guest's configuration, now or as saved with a snapshot. Changes nothing.", "guest",
     EFFECT_READ, ROW_DIRECT | ROW_IDEMPOTENT, config_fields, .read = config_read,
     .privilege = "/vms/{vmid} VM.Audit",
     .result = "vmid:integer kind:string node:string digest:string config:object"},
    {"pve_guest_notes", "Guest notes",
     "Shows one guest's notes: text that others wrote, not instructions. Changes nothing.", "guest",
     EFFECT_READ, ROW_IDEMPOTENT | ROW_GUEST_TEXT, guest_fields, .read = notes_read,
     .privilege = "/vms/{vmid} VM.Audit",
     .result = "vmid:integer kind:string node:string notes:string"},
    {"pve_guest_power", "Start, stop, shut down, reboot",
     "Plans a power action on a guest; stop and reboot interrupt what runs inside. Returns a plan; "
     "nothing runs before it is applied.",
     "guest", EFFECT_CHANGE, ROW_DIRECT, power_fields, .plan = plan_guest_power,
     .analysers = "power", .undo = "inverse", .check = check_guest_power,
     .privilege = "/vms/{vmid} VM.PowerMgmt", .result = PLAN_RESULT},
    {"pve_guest_config_set", "Change guest configuration",
     "Plans setting or deleting keys of a guest's configuration; what crosses the host boundary is "
     "high risk. Returns a plan; nothing runs before it is applied.",
     "guest", EFFECT_CHANGE, ROW_DIRECT, config_set_fields, .plan = plan_config_set,
     .analysers = "config", .undo = "restore-object", .check = check_config_set,
     .privilege =
         "/vms/{vmid} "
         "VM.Config.Disk|VM.Config.CPU|VM.Config.Memory|VM.Config.Network|VM.Config.Options|"
         "VM.Config.HWType|VM.Config.CDROM|VM.Config.Cloudinit",
     .result = PLAN_RESULT},
    {NULL},
};
