/* SPDX-License-Identifier: Apache-2.0 */
/* `pvesim import FILE`: a cluster from what `proximo-client capture` read by the API. The file is a
 * person's and may have been edited: every shape is checked, by sim_check at the latest. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/sim/demo.h"
#include "proximo-client/sim/routes.h"

#define CAPTURE_MAX LIM_PVE_ANSWER /* what a parser of ours takes */

struct import {
    const js *reads;
    js *root;
    int64_t now;
};

static const js *answer(const struct import *m, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static const js *answer(const struct import *m, const char *fmt, ...) {
    char path[512];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(path, sizeof(path), fmt, ap);
    va_end(ap);
    return js_get(m->reads, path);
}

/* A copy without the members named in `drop`; of what is no object: an empty one. */
static js *copy_but(const js *o, const char *const *drop) {
    js *out = js_is_object(o) ? js_copy(o) : js_object();

    for (size_t i = 0; drop[i]; i++) {
        json_object_object_del(out, drop[i]);
    }
    return out;
}

static const char *const only_digest[] = {"digest", NULL};

/* Rules or entries of a set without what their place in the list tells. */
static js *without_place(const js *list) {
    static const char *const drop[] = {"digest", "pos", "ipversion", NULL};
    js *kept = js_array();

    for (size_t i = 0; i < js_len(list); i++) {
        js_push(kept, copy_but(js_at(list, i), drop));
    }
    return kept;
}

/* What the API lists becomes {id: the rest}. */
static void table(const js *list, const char *id, const char *const *drop, js *into) {
    for (size_t i = 0; i < js_len(list); i++) {
        const char *name = js_get_str(js_at(list, i), id);

        if (name && *name) {
            js *o = copy_but(js_at(list, i), drop);

            json_object_object_del(o, id);
            js_add(into, name, o);
        }
    }
}

static js *set_of_list(const js *list) {
    js *o = js_object();

    for (size_t i = 0; i < js_len(list); i++) {
        if (js_is_str(js_at(list, i))) {
            js_add(o, json_object_get_string(js_at(list, i)), js_int(1));
        }
    }
    return o;
}

/* ---- access ---- */

static void import_users(struct import *m) {
    static const char *const drop[] = {"realm-type", "tokens", "groups", "digest", NULL};
    js *users = js_get(m->root, "users");

    table(answer(m, "/access/users"), "userid", drop, users);
    JS_FOREACH(users, userid, u) {
        const js *one = answer(m, "/access/users/%s", userid), *tokens = js_get(one, "tokens");

        if (js_is_object(tokens)) {
            js_add(u, "tokens", js_copy(tokens));
        }
    }
}

static void import_acl(struct import *m) {
    const js *list = answer(m, "/access/acl");
    js *acl = js_get(m->root, "acl");

    for (size_t i = 0; i < js_len(list); i++) {
        const js *a = js_at(list, i);
        const char *path = js_str_or(a, "path", "");
        char who[300];

        (void)snprintf(who, sizeof(who), "%.20s:%.250s", js_str_or(a, "type", ""),
                       js_str_or(a, "ugid", ""));
        if (!js_get(acl, path)) {
            js_add(acl, path, js_object());
        }
        if (!js_get(js_get(acl, path), who)) {
            js_add(js_get(acl, path), who, js_object());
        }
        js_add(js_get(js_get(acl, path), who), js_str_or(a, "roleid", ""),
               js_int(js_bool_or(a, "propagate", true)));
    }
}

static void import_roles(struct import *m) {
    const js *list = answer(m, "/access/roles");

    for (size_t i = 0; i < js_len(list); i++) {
        const js *r = js_at(list, i);
        char *save = NULL, privs[4096];
        js *o;

        if (js_bool_or(r, "special", false)) {
            continue; /* built in */
        }
        o = js_object();
        (void)snprintf(privs, sizeof(privs), "%s", js_str_or(r, "privs", ""));
        for (char *p = strtok_r(privs, ", ", &save); p; p = strtok_r(NULL, ", ", &save)) {
            js_add(o, p, js_int(1));
        }
        js_add(js_get(m->root, "roles"), js_str_or(r, "roleid", ""), o);
    }
}

static void import_pools(struct import *m) {
    const js *list = answer(m, "/pools");

    for (size_t i = 0; i < js_len(list); i++) {
        const char *id = js_str_or(js_at(list, i), "poolid", "");
        const js *whole = answer(m, "/pools?poolid=%s", id), *members;
        js *o = js_object(), *vms = js_object(), *stores = js_object();

        whole = js_is_array(whole) ? js_at(whole, 0) : whole;
        members = js_get(whole, "members");
        for (size_t k = 0; k < js_len(members); k++) {
            const js *x = js_at(members, k);
            char vmid[16];

            if (strcmp(js_str_or(x, "type", ""), "storage") == 0) {
                js_add(stores, js_str_or(x, "storage", ""), js_int(1));
            } else {
                (void)snprintf(vmid, sizeof(vmid), "%lld", (long long)js_int_or(x, "vmid", 0));
                js_add(vms, vmid, js_int(1));
            }
        }
        if (js_get(whole, "comment")) {
            js_add(o, "comment", js_ref(js_get(whole, "comment")));
        }
        js_add(o, "vms", vms);
        js_add(o, "storage", stores);
        js_add(js_get(m->root, "pools"), id, o);
    }
}

static void import_access(struct import *m) {
    const js *groups = answer(m, "/access/groups");

    import_users(m);
    for (size_t i = 0; i < js_len(groups); i++) {
        const char *id = js_str_or(js_at(groups, i), "groupid", "");
        js *o = js_object();

        js_add(o, "users", set_of_list(js_get(answer(m, "/access/groups/%s", id), "members")));
        js_add(js_get(m->root, "groups"), id, o);
    }
    import_roles(m);
    import_acl(m);
    import_pools(m);
    table(answer(m, "/access/domains"), "realm", only_digest, js_get(m->root, "domains"));
    JS_FOREACH(js_get(m->root, "domains"), realm, brief) { /* its settings are not in the list */
        const js *whole = answer(m, "/access/domains/%s", realm);

        JS_FOREACH(whole, key, v) {
            if (strcmp(key, "digest") != 0 && strcmp(key, "realm") != 0) {
                js_add(brief, key, js_ref(v));
            }
        }
    }
}

/* ---- guests ---- */

/* A configuration as its file has it: every value text, no digest. Raw lines come as pairs. */
static js *config_text(const js *answer) {
    js *o = js_object();

    JS_FOREACH(answer, key, v) {
        if (strcmp(key, "digest") == 0 || strcmp(key, "snapstate") == 0) {
            continue;
        }
        if (js_is_array(v)) {
            for (size_t i = 0; i < js_len(v); i++) {
                const js *pair = js_at(v, i);

                if (js_len(pair) == 2 && js_is_str(js_at(pair, 0)) && js_is_str(js_at(pair, 1))) {
                    js_add(o, json_object_get_string(js_at(pair, 0)), js_ref(js_at(pair, 1)));
                }
            }
        } else if (js_is_str(v)) {
            js_add(o, key, js_ref(v));
        } else if (json_object_is_type(v, json_type_boolean)) {
            js_add(o, key, js_str(json_object_get_boolean(v) ? "1" : "0"));
        } else if (!js_is_object(v)) {
            js_add(o, key, js_str(json_object_to_json_string(v)));
        }
    }
    return o;
}

static js *snapshots(const struct import *m, const char *base, js *config) {
    const js *list = answer(m, "%s/snapshot", base);
    js *out = js_object();

    for (size_t i = 0; i < js_len(list); i++) {
        const js *s = js_at(list, i);
        const char *name = js_str_or(s, "name", ""), *parent = js_get_str(s, "parent");
        js *c;

        if (strcmp(name, "current") == 0) {
            if (parent) {
                js_add(config, "parent", js_str(parent));
            }
            continue;
        }
        c = config_text(answer(m, "%s/snapshot/%s/config", base, name));
        js_addf(c, "snaptime", "%lld", (long long)js_int_or(s, "snaptime", 0));
        if (parent) {
            js_add(c, "parent", js_str(parent));
        }
        js_add(out, name, c);
    }
    return out;
}

static void import_firewall_of(struct import *m, const char *base, const char *kind,
                               const char *id) {
    const js *options = answer(m, "%s/firewall/options", base);
    const js *rules = answer(m, "%s/firewall/rules", base);
    js *fw = js_object(), *list = without_place(rules);
    js *part = js_get(js_get(m->root, "firewall"), kind);

    js_add(fw, "rules", list);
    js_add(fw, "options", js_is_object(options) ? copy_but(options, only_digest) : js_object());
    if (!id) {
        js_add(js_get(m->root, "firewall"), kind, fw);
        return;
    }
    if (!part) {
        part = js_object();
        js_add(js_get(m->root, "firewall"), kind, part);
    }
    if (js_len(list) || js_members(js_get(fw, "options"))) {
        js_add(part, id, fw);
    } else {
        json_object_put(fw);
    }
}

static void import_guests(struct import *m) {
    const js *list = answer(m, "/cluster/resources");

    for (size_t i = 0; i < js_len(list); i++) {
        const js *r = js_at(list, i);
        const char *type = js_str_or(r, "type", ""), *node = js_str_or(r, "node", "");
        char base[160], key[24];
        bool running = strcmp(js_str_or(r, "status", ""), "running") == 0;
        int64_t vmid = js_int_or(r, "vmid", 0);
        js *g, *config;

        if ((strcmp(type, "lxc") != 0 && strcmp(type, "qemu") != 0) || vmid < VMID_MIN) {
            continue;
        }
        (void)snprintf(key, sizeof(key), "%lld", (long long)vmid);
        (void)snprintf(base, sizeof(base), "/nodes/%.63s/%s/%s", node, type, key);
        config = config_text(answer(m, "%s/config", base));
        g = js_object();
        js_add(g, "snapshots", snapshots(m, base, config));
        js_add(g, "config", config);
        js_add(g, "type", js_str(type));
        js_add(g, "node", js_str(node));
        js_add(g, "running", js_int(running));
        if (running) {
            js_add(g, "started", js_int(m->now - js_int_or(r, "uptime", 0)));
            js_add(g, "pid", js_int(2000 + vmid));
        }
        js_add(js_get(m->root, "guests"), key, g);
        import_firewall_of(m, base, "guests", key);
    }
}

/* ---- nodes and what lies on them ---- */

static void import_nodes(struct import *m) {
    const js *list = answer(m, "/cluster/status"), *nodes = answer(m, "/nodes");
    js *cluster = js_get(m->root, "cluster");
    int id = 0;

    for (size_t i = 0; i < js_len(nodes); i++) {
        const char *name = js_str_or(js_at(nodes, i), "node", ""), *ip = "";

        for (size_t k = 0; k < js_len(list); k++) {
            const js *s = js_at(list, k);

            if (strcmp(js_str_or(s, "type", ""), "cluster") == 0) {
                js_add(cluster, "name", js_str(js_str_or(s, "name", "captured")));
            } else if (strcmp(js_str_or(s, "name", ""), name) == 0) {
                ip = js_str_or(s, "ip", "");
                id = (int)js_int_or(s, "nodeid", id + 1);
                if (js_bool_or(s, "local", false)) {
                    js_add(cluster, "local", js_str(name));
                }
            }
        }
        if (!ident_is_node(name)) {
            continue;
        }
        cluster_add_node(m->root, name, id, ip,
                         m->now - js_int_or(js_at(nodes, i), "uptime", 864000));
        js_add(js_get(js_get(m->root, "nodes"), name), "online",
               js_int(strcmp(js_str_or(js_at(nodes, i), "status", ""), "online") == 0));
        if (!*js_str_or(cluster, "local", "")) {
            js_add(cluster, "local", js_str(name));
        }
    }
}

/* A volume of a local storage belongs to each node that shows it. */
static void add_volume(struct import *m, const js *v, const char *node, bool shared) {
    js *all = js_get(m->root, "volumes"), *o;
    const char *volid = js_str_or(v, "volid", "");
    const js *old = js_get(all, volid);

    if (!*volid) {
        return;
    }
    o = old ? js_copy(old) : js_copy(v);
    json_object_object_del(o, "volid");
    if (!shared && old) {
        js_addf(o, "node", "%s,%s", js_str_or(old, "node", ""), node);
    } else if (!shared) {
        js_add(o, "node", js_str(node));
    }
    js_add(all, volid, o);
}

static void import_storage(struct import *m) {
    js *defs = js_get(m->root, "storage");

    table(answer(m, "/storage"), "storage", only_digest, defs);
    JS_FOREACH(js_get(m->root, "nodes"), node, n) {
        const js *states = answer(m, "/nodes/%s/storage", node);

        (void)n;
        for (size_t i = 0; i < js_len(states); i++) {
            const js *s = js_at(states, i);
            const char *id = js_str_or(s, "storage", "");
            const js *content = answer(m, "/nodes/%s/storage/%s/content", node, id);
            bool shared = js_bool_or(s, "shared", false);
            js *usage = js_get(m->root, "usage"), *u = js_object();

            if (!js_get(usage, id)) {
                js_add(usage, id, js_object());
            }
            js_add(u, "total", js_int(js_int_or(s, "total", 0)));
            js_add(u, "used", js_int(js_int_or(s, "used", 0)));
            js_add(u, "avail", js_int(js_int_or(s, "avail", 0)));
            js_add(js_get(usage, id), node, u);
            for (size_t k = 0; k < js_len(content); k++) {
                add_volume(m, js_at(content, k), node, shared);
            }
        }
    }
}

static void import_jobs(struct import *m) {
    static const char *const drop[] = {"digest", "next-run", "jobnum", "guest", NULL};
    static const char *const drop_ha[] = {"digest", "type", NULL};
    js *ha = js_get(m->root, "ha");

    table(answer(m, "/cluster/backup"), "id", drop, js_get(m->root, "jobs"));
    JS_FOREACH(js_get(m->root, "jobs"), id, job) { /* listed as an object, kept as text */
        const js *keep = js_get(job, "prune-backups");
        CLEANUP(buf_done) struct buf b = BUF_INIT(1024);

        (void)id;
        if (js_is_object(keep)) {
            JS_FOREACH(keep, key, v) {
                (void)buf_addf(&b, "%s%s=%s", b.len ? "," : "", key, json_object_get_string(v));
            }
            js_add(job, "prune-backups", js_str(buf_str(&b)));
        }
    }
    table(answer(m, "/cluster/replication"), "id", drop, js_get(m->root, "replication"));
    table(answer(m, "/cluster/ha/resources"), "sid", drop_ha, js_get(ha, "resources"));
    table(answer(m, "/cluster/ha/rules"), "rule", only_digest, js_get(ha, "rules"));
}

static void import_firewall(struct import *m) {
    js *fw;

    import_firewall_of(m, "/cluster", "cluster", NULL);
    fw = js_get(js_get(m->root, "firewall"), "cluster");
    for (int ipset = 0; ipset < 2; ipset++) {
        const char *part = ipset ? "ipset" : "groups", *key = ipset ? "name" : "group";
        const char *items = ipset ? "entries" : "rules";
        js *all = js_object();

        table(answer(m, "/cluster/firewall/%s", part), key, only_digest, all);
        JS_FOREACH(all, name, o) {
            js_add(o, items, without_place(answer(m, "/cluster/firewall/%s/%s", part, name)));
        }
        js_add(fw, part, all);
    }
    js_add(fw, "aliases", js_object());
    table(answer(m, "/cluster/firewall/aliases"), "name", only_digest, js_get(fw, "aliases"));
    JS_FOREACH(js_get(m->root, "nodes"), node, n) {
        char base[80];

        (void)n;
        (void)snprintf(base, sizeof(base), "/nodes/%.63s", node);
        import_firewall_of(m, base, "nodes", node);
    }
}

int import_capture_text(const char *text, size_t len, js **ret, struct err *e) {
    CLEANUP(js_freep) js *file = NULL;
    CLEANUP(js_freep) js *root = cluster_new("captured", "");
    struct import m = {.root = root, .now = clock_unix()};
    int r = js_parse(text, len, &file, e);

    if (r < 0) {
        return err_wrap(e, "capture");
    }
    if (strcmp(js_str_or(file, "kind", ""), "proximo-capture") != 0 ||
        js_int_or(file, "v", 0) != 1 || !js_is_object(js_get(file, "reads"))) {
        return err_set(e, -EBADMSG, "this is no capture of version 1 (proximo-client capture)");
    }
    m.reads = js_get(file, "reads");
    import_nodes(&m);
    import_guests(&m);
    import_storage(&m);
    import_jobs(&m);
    import_access(&m);
    import_firewall(&m);
    capture_more(m.reads, root);
    r = sim_check(root, e);
    if (r < 0) {
        return r;
    }
    *ret = TAKE(root);
    return 0;
}

int import_capture(const char *path, js **ret, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(CAPTURE_MAX);
    int r = file_read(AT_FDCWD, path, &b, e);

    return r < 0 ? err_wrap(e, "%s", path) : import_capture_text(buf_str(&b), b.len, ret, e);
}
