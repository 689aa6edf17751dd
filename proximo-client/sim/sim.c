/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator's time and chance. With a fixed clock both depend only on the seed and on what was
 * asked of the cluster, so that a run can be repeated to the byte. */
#include "proximo-client/sim/pbs.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "common/clock.h"
#include "common/ident.h"
#include "common/own.h"

int64_t sim_now(struct sim *s) {
    if (!s->o.clock) {
        return clock_unix();
    }
    return s->o.clock + js_int_or(s->st.root, "ticks", 0);
}

void sim_tick(struct sim *s) {
    if (s->o.clock) {
        state_set(&s->st, js_int(js_int_or(s->st.root, "ticks", 0) + 1), "ticks", NULL);
    }
}

/* splitmix64: enough for identifiers; secrets come from the kernel. */
uint64_t sim_random(struct sim *s) {
    uint64_t z = (s->random += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void sim_uuid(struct sim *s, char ret[static 37]) {
    uint64_t a = sim_random(s), b = sim_random(s);

    (void)snprintf(ret, 37, "%08x-%04x-4%03x-%04x-%012llx", (unsigned int)(a >> 32),
                   (unsigned int)(a >> 16) & 0xffff, (unsigned int)a & 0xfff,
                   0x8000 | ((unsigned int)(b >> 48) & 0x3fff),
                   (unsigned long long)(b & UINT64_C(0xffffffffffff)));
}

void sim_open(struct sim *s, const struct sim_options *o, js *root) {
    *s = (struct sim){.o = *o, .random = o->seed};
    state_init(&s->st, root);
}

void sim_close(struct sim *s) {
    state_done(&s->st);
    freep(&s->addr);
    js_freep(&s->ha_gave_up);
    for (size_t i = 0; i < s->o.n_also; i++) {
        freep(&s->also[i]);
    }
}

static int check_guest(const char *key, js *g, js *nodes, struct err *e) {
    const char *type = js_str_or(g, "type", ""), *node = js_get_str(g, "node");
    js *config = js_get(g, "config"), *snaps = js_get(g, "snapshots");
    uint32_t vmid;

    if (ident_vmid(key, &vmid) < 0 || (strcmp(type, "lxc") != 0 && strcmp(type, "qemu") != 0)) {
        return err_set(e, -EBADMSG, "guest '%.20s': vmid or type is wrong", key);
    }
    if (!node || !js_get(nodes, node)) {
        return err_set(e, -EBADMSG, "guest %s: its node does not exist", key);
    }
    if (!js_is_object(config) || (snaps && !js_is_object(snaps)) ||
        (js_get(g, "pending") && !js_is_object(js_get(g, "pending")))) {
        return err_set(e, -EBADMSG, "guest %s: config, snapshots and pending are objects", key);
    }
    JS_FOREACH(config, name, value) {
        if (js_is_object(value) || !value || (js_is_array(value) && strcmp(name, "lxc") != 0)) {
            return err_set(e, -EBADMSG, "guest %s: '%.40s' is not a plain value", key, name);
        }
    }
    if (!snaps) {
        js_add(g, "snapshots", js_object());
        return 0;
    }
    JS_FOREACH(snaps, snap_name, snap) {
        if (!ident_is_snapname(snap_name) || !js_is_object(snap)) {
            return err_set(e, -EBADMSG, "guest %s: snapshot '%.40s' is none", key, snap_name);
        }
    }
    return 0;
}

/* Every member of an object is an object. */
static int check_objects(const js *o, const char *what, struct err *e) {
    JS_FOREACH(o, key, value) {
        if (!js_is_object(value)) {
            return err_set(e, -EBADMSG, "%s: '%.60s' is not an object", what, key);
        }
    }
    return 0;
}

static int check_cluster(js *root, struct err *e) {
    static const char *const parts[] = {"cluster", "nodes",       "guests", "storage",  "usage",
                                        "volumes", "users",       "groups", "roles",    "acl",
                                        "pools",   "replication", "tasks",  "firewall", "ha",
                                        "jobs",    "domains"};
    js *guests;
    int r;

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        js *part = js_get(root, parts[i]);

        if (part && !js_is_object(part)) {
            return err_set(e, -EBADMSG, "'%s' is not an object", parts[i]);
        }
        if (!part) {
            js_add(root, parts[i], js_object());
        } else if (strcmp(parts[i], "cluster") != 0 && (r = check_objects(part, parts[i], e)) < 0) {
            return r;
        }
    }
    if (!js_members(js_get(root, "nodes"))) {
        return err_set(e, -EBADMSG, "there are no nodes");
    }
    for (size_t i = 0; i < 2; i++) {
        const char *part = i ? "rules" : "resources";
        js *o = js_get(js_get(root, "ha"), part);

        if (!o) {
            js_add(js_get(root, "ha"), part, js_object());
        } else if ((r = check_objects(o, part, e)) < 0) {
            return r;
        }
    }
    JS_FOREACH(js_get(root, "acl"), path, entries) {
        r = check_objects(entries, path, e);
        JS_FOREACH(entries, who, roles) {
            (void)roles;
            if (!strchr(who, ':')) {
                return err_set(e, -EBADMSG, "acl %.60s: '%.60s' is no principal", path, who);
            }
        }
        if (r < 0) {
            return r;
        }
    }
    guests = js_get(root, "guests");
    JS_FOREACH(guests, key, g) {
        r = check_guest(key, g, js_get(root, "nodes"), e);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

int sim_check(js *root, struct err *e) {
    return strcmp(js_str_or(root, "product", ""), "pbs") == 0 ? pbs_check(root, e)
                                                               : check_cluster(root, e);
}

int call_fail(struct call *c, int status, const char *fmt, ...) {
    va_list ap;

    c->status = status;
    va_start(ap, fmt);
    (void)vsnprintf(c->msg, sizeof(c->msg), fmt, ap);
    va_end(ap);
    return -1;
}

int call_param_error(struct call *c, const char *param, const char *fmt, ...) {
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (!c->errors) {
        c->errors = js_object();
    }
    js_add(c->errors, param, js_str(text));
    return call_fail(c, 400, "Parameter verification failed.");
}

const char *call_str(const struct call *c, const char *param) {
    return js_get_str(c->params, param);
}

int64_t call_int(const struct call *c, const char *param, int64_t fallback) {
    return js_int_or(c->params, param, fallback);
}

bool call_bool(const struct call *c, const char *param, bool fallback) {
    return js_bool_or(c->params, param, fallback);
}

bool call_has(const struct call *c, const char *path, const char *names) {
    return c->s->o.pbs ? pbs_acl_any(&c->s->st, c->auth, path, names)
                       : acl_any(&c->s->st, c->auth, path, names);
}

bool call_may(struct call *c, const char *path, const char *names) {
    if (call_has(c, path, names)) {
        return true;
    }
    (void)(c->s->o.pbs
               ? call_fail(c, 403, "permission check failed")
               : call_fail(c, 403, "Permission check failed (%s, %s)", path, names));
    return false;
}
