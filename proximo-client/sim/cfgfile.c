/* SPDX-License-Identifier: Apache-2.0 */
/* The other files of /etc/pve, written as PVE writes them: the API's digests of storage and HA
 * configuration are SHA-1 over these texts. */
#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/sim.h"

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool listed(const char *list, const char *name) {
    size_t n = strlen(name);

    for (const char *at = list; *at;) {
        size_t len = strcspn(at, ",");

        if (len == n && strncmp(at, name, n) == 0) {
            return true;
        }
        at += len + (at[len] == ',');
    }
    return false;
}

/* "k=v,k=v" of what the API took apart. */
static int option_text(struct buf *b, const js *v) {
    bool first = true;
    int r = 0;

    if (!js_is_object(v)) {
        return buf_adds(b, json_object_get_string((js *)(uintptr_t)v));
    }
    JS_FOREACH(v, k, part) {
        r = r ? r : buf_addf(b, "%s%s=%s", first ? "" : ",", k, json_object_get_string(part));
        first = false;
    }
    return r;
}

static int line(struct buf *b, const char *key, const js *v) {
    int r = js_is_array(v) ? 0 : buf_addf(b, "\t%s ", key);

    for (size_t i = 0; i < js_len(v) && r == 0; i++) {
        r = line(b, key, js_at(v, i));
    }
    if (js_is_array(v)) {
        return r;
    }
    r = r ? r : option_text(b, v);
    return r ? r : buf_addc(b, '\n');
}

int cfg_section(struct buf *b, const char *type, const char *id, const js *o, const char *need) {
    CLEANUP(freep) const char **keys = NULL;
    size_t n = 0;
    int r = *type ? buf_addf(b, "%s: %s\n", type, id) : buf_addf(b, "%s\n", id);

    keys = calloc((size_t)js_members(o) + 1, sizeof(*keys));
    if (!keys) {
        return -ENOMEM;
    }
    JS_FOREACH(o, k, v) {
        (void)v;
        if (strcmp(k, "type") != 0 && strcmp(k, "comment") != 0 && strcmp(k, "disable") != 0 &&
            strcmp(k, "next-run") != 0) {
            keys[n++] = k;
        }
    }
    qsort(keys, n, sizeof(*keys), by_name);
    if (js_get(o, "comment")) {
        r = r ? r : buf_addf(b, "\tcomment %s\n", json_object_get_string(js_get(o, "comment")));
    }
    if (js_bool_or(o, "disable", false)) {
        r = r ? r : buf_adds(b, "\tdisable\n");
    }
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < n && r == 0; i++) {
            if (listed(need, keys[i]) == (pass == 0)) {
                r = line(b, keys[i], js_get(o, keys[i]));
            }
        }
    }
    return r ? r : buf_addc(b, '\n');
}

int cfg_storage(struct sim *s, struct buf *ret) {
    static const char *const need[][2] = {{"btrfs", "path"},
                                          {"dir", "path"},
                                          {"zfspool", "pool"},
                                          {"lvm", "vgname"},
                                          {"lvmthin", "thinpool,vgname"},
                                          {"nfs", "export,server"},
                                          {"cifs", "server,share"},
                                          {"pbs", "datastore,server"},
                                          {"iscsi", "portal,target"},
                                          {"esxi", "server"}};
    js *all = state_get(&s->st, "storage", NULL);
    int r = 0;

    if (all) {
        JS_FOREACH(all, id, def) {
            const char *type = js_str_or(def, "type", "dir"), *must = "";

            for (size_t i = 0; i < ARRAY_LEN(need); i++) {
                must = strcmp(need[i][0], type) == 0 ? need[i][1] : must;
            }
            r = r ? r : cfg_section(ret, type, id, def, must);
        }
    }
    return r;
}

int cfg_jobs(struct sim *s, struct buf *ret) {
    js *all = state_get(&s->st, "jobs", NULL);
    int r = 0;

    if (all) {
        JS_FOREACH(all, id, job) {
            r = r ? r : cfg_section(ret, js_str_or(job, "type", "vzdump"), id, job, "schedule");
        }
    }
    return r ? r : sectfile_write(s, "jobs.cfg", ret);
}

int cfg_replication(struct sim *s, struct buf *ret) {
    js *all = state_get(&s->st, "replication", NULL);
    int r = 0;

    if (all) {
        JS_FOREACH(all, id, job) {
            r = r ? r : cfg_section(ret, js_str_or(job, "type", "local"), id, job, "target");
        }
    }
    return r;
}

int cfg_ha_resources(struct sim *s, struct buf *ret) {
    js *all = state_get(&s->st, "ha", "resources", NULL);
    int r = 0;

    if (!all) {
        return 0;
    }
    {
        CLEANUP(freep)
        const char **sids = calloc((size_t)js_members(all) + 1, sizeof(*sids));
        size_t n = 0;

        if (!sids) {
            return -ENOMEM;
        }
        JS_FOREACH(all, sid, res) {
            (void)res;
            sids[n++] = sid;
        }
        qsort(sids, n, sizeof(*sids), by_name);
        for (size_t i = 0; i < n && r == 0; i++) {
            char type[4];

            (void)snprintf(type, sizeof(type), "%.2s", sids[i]);
            r = cfg_section(ret, type, sids[i] + (strlen(sids[i]) > 3 ? 3 : 0),
                            js_get(all, sids[i]), "");
        }
    }
    return r;
}

int cfg_ha_rules(struct sim *s, struct buf *ret) {
    js *all = state_get(&s->st, "ha", "rules", NULL);
    int r = 0;

    if (all) {
        JS_FOREACH(all, id, rule) {
            r = r ? r : cfg_section(ret, js_str_or(rule, "type", "node-affinity"), id, rule, "");
        }
    }
    return r;
}

int cfg_options(const js *o, struct buf *ret) {
    const char *description = js_get_str(o, "description");
    int r = description ? conf_comment(ret, description) : 0;

    JS_FOREACH(o, k, v) {
        if (strcmp(k, "description") != 0 && !js_is_array(v)) { /* arrays are worked out */
            r = r ? r : buf_addf(ret, "%s: ", k);
            r = r ? r : option_text(ret, v);
            r = r ? r : buf_addc(ret, '\n');
        }
    }
    return r;
}

int cfg_sdn_running(struct sim *s, struct buf *ret) {
    const js *running = state_get(&s->st, "sdn", "running", NULL);
    CLEANUP(js_freep) js *file = js_object();

    JS_FOREACH(running, kind, ids) {
        js *o = js_object();

        js_add(o, "ids", js_ref(ids));
        js_add(file, kind, o);
    }
    return js_members(file) > 0 ? js_print(file, ret) : 0;
}

/* ---- user.cfg ---- */

/* The file escapes nothing but colons cannot stand in a column. */
static const char *column(const js *o, const char *key, struct buf *store) {
    buf_reset(store);
    for (const char *c = js_str_or(o, key, ""); *c; c++) {
        (void)(*c == ':' || *c == '%' || (unsigned char)*c < 0x20
                   ? buf_addf(store, "%%%02X", (unsigned char)*c)
                   : buf_addc(store, *c));
    }
    return buf_str(store);
}

static int sorted_members(struct buf *b, const js *set) {
    CLEANUP(freep) const char **names = NULL;
    size_t n = 0;
    int r = 0;

    if (!set) {
        return 0;
    }
    names = calloc((size_t)js_members(set) + 1, sizeof(*names));
    if (!names) {
        return -ENOMEM;
    }
    JS_FOREACH(set, k, v) {
        (void)v;
        names[n++] = k;
    }
    qsort(names, n, sizeof(*names), by_name);
    for (size_t i = 0; i < n && r == 0; i++) {
        r = buf_addf(b, "%s%s", i ? "," : "", names[i]);
    }
    return r;
}

static int user_lines(struct buf *b, const char *id, const js *u) {
    CLEANUP(buf_done) struct buf t = BUF_INIT(8192);
    static const char *const columns[] = {"firstname", "lastname", "email", "comment", "keys"};
    js *tokens = js_get(u, "tokens");
    int r = buf_addf(b, "user:%s:%d:%d:", id, js_bool_or(u, "enable", true),
                     (int)js_int_or(u, "expire", 0));

    for (size_t i = 0; i < ARRAY_LEN(columns) && r == 0; i++) {
        r = buf_addf(b, "%s:", column(u, columns[i], &t));
    }
    r = r ? r : buf_addc(b, '\n');
    if (tokens) {
        JS_FOREACH(tokens, name, info) {
            r = r ? r
                  : buf_addf(b, "token:%s!%s:%d:%d:%s:\n", id, name,
                             (int)js_int_or(info, "expire", 0), (int)js_int_or(info, "privsep", 1),
                             column(info, "comment", &t));
        }
    }
    return r;
}

/* The parts of user.cfg are sorted by name. */
static int each_sorted(struct buf *b, const js *all,
                       int (*put)(struct buf *b, const char *id, const js *o)) {
    CLEANUP(freep) const char **names = NULL;
    size_t n = 0;
    int r = 0;

    if (all) {
        names = calloc((size_t)js_members(all) + 1, sizeof(*names));
        if (!names) {
            return -ENOMEM;
        }
        JS_FOREACH(all, k, v) {
            (void)v;
            names[n++] = k;
        }
        qsort(names, n, sizeof(*names), by_name);
    }
    for (size_t i = 0; i < n && r == 0; i++) {
        r = put(b, names[i], js_get(all, names[i]));
    }
    return r ? r : buf_addc(b, '\n');
}

static int group_line(struct buf *b, const char *id, const js *g) {
    CLEANUP(buf_done) struct buf t = BUF_INIT(8192);
    int r = buf_addf(b, "group:%s:", id);

    r = r ? r : sorted_members(b, js_get(g, "users"));
    return r ? r : buf_addf(b, ":%s:\n", column(g, "comment", &t));
}

static int pool_line(struct buf *b, const char *id, const js *p) {
    CLEANUP(buf_done) struct buf t = BUF_INIT(8192);
    int r = buf_addf(b, "pool:%s:%s:", id, column(p, "comment", &t));

    r = r ? r : sorted_members(b, js_get(p, "vms"));
    r = r ? r : buf_addc(b, ':');
    r = r ? r : sorted_members(b, js_get(p, "storage"));
    return r ? r : buf_adds(b, ":\n");
}

static int role_line(struct buf *b, const char *id, const js *privs) {
    int r = buf_addf(b, "role:%s:", id);

    r = r ? r : sorted_members(b, privs);
    return r ? r : buf_adds(b, ":\n");
}

static int user_sections(struct sim *s, struct buf *b) {
    int r = each_sorted(b, state_get(&s->st, "users", NULL), user_lines);

    r = r ? r : each_sorted(b, state_get(&s->st, "groups", NULL), group_line);
    r = r ? r : each_sorted(b, state_get(&s->st, "pools", NULL), pool_line);
    return r ? r : each_sorted(b, state_get(&s->st, "roles", NULL), role_line);
}

/* One line a path and role set, as the file has them: acl:propagate:path:who:roles: */
static int acl_lines(struct buf *b, const char *path, const js *entries) {
    int r = 0;

    JS_FOREACH(entries, who, roles) {
        const char *colon = strchr(who, ':');

        JS_FOREACH(roles, role, propagate) {
            r = r ? r
                  : buf_addf(b, "acl:%d:%s:%s%s:%s:\n", json_object_get_int(propagate), path,
                             strncmp(who, "group:", 6) == 0 ? "@" : "", colon + 1, role);
        }
    }
    return r;
}

int cfg_user(struct sim *s, struct buf *ret) {
    js *acl = state_get(&s->st, "acl", NULL);
    CLEANUP(freep) const char **paths = NULL;
    size_t n = 0;
    int r = user_sections(s, ret);

    if (r < 0 || !acl) {
        return r;
    }
    paths = calloc((size_t)js_members(acl) + 1, sizeof(*paths));
    if (!paths) {
        return -ENOMEM;
    }
    JS_FOREACH(acl, path, entries) {
        (void)entries;
        paths[n++] = path;
    }
    qsort(paths, n, sizeof(*paths), by_name);
    for (size_t i = 0; i < n && r == 0; i++) {
        r = acl_lines(ret, paths[i], js_get(acl, paths[i]));
    }
    return r;
}

/* ---- what the file system itself makes ---- */

int cfg_members(struct sim *s, struct buf *ret) {
    js *c = state_get(&s->st, "cluster", NULL), *nodes = state_get(&s->st, "nodes", NULL);
    int r = buf_addf(ret, "{\n\"nodename\": \"%s\",\n\"version\": 1,\n", js_str_or(c, "local", ""));
    bool first = true;

    r = r ? r
          : buf_addf(ret,
                     "\"cluster\": { \"name\": \"%s\", \"version\": %d, \"nodes\": %d, "
                     "\"quorate\": %d },\n\"nodelist\": {\n",
                     js_str_or(c, "name", ""), (int)js_int_or(c, "config_version", 1),
                     js_members(nodes), (int)js_int_or(c, "quorate", 1));
    JS_FOREACH(nodes, name, n) {
        r = r ? r
              : buf_addf(ret, "%s  \"%s\": { \"id\": %d, \"online\": %d, \"ip\": \"%s\"}",
                         first ? "" : ",\n", name, (int)js_int_or(n, "id", 0),
                         js_bool_or(n, "online", true), js_str_or(n, "ip", ""));
        first = false;
    }
    return r ? r : buf_adds(ret, "\n  }\n}\n");
}

int cfg_vmlist(struct sim *s, struct buf *ret) {
    js *all = state_get(&s->st, "guests", NULL);
    int r = buf_addf(ret, "{\n\"version\": 1,\n\"ids\": {\n");
    bool first = true;

    if (all) {
        JS_FOREACH(all, vmid, g) {
            r = r ? r
                  : buf_addf(ret,
                             "%s\"%s\": { \"node\": \"%s\", \"type\": \"%s\", \"version\": 1 }",
                             first ? "" : ",\n", vmid, js_str_or(g, "node", ""),
                             js_str_or(g, "type", ""));
            first = false;
        }
    }
    return r ? r : buf_adds(ret, "}\n\n}\n");
}

void cfg_digest(int (*write)(struct sim *s, struct buf *ret), struct sim *s, char ret[static 41]) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(16 * LIM_CONF);

    (void)write(s, &b);
    sha1_hex(buf_str(&b), b.len, ret);
}
