/* SPDX-License-Identifier: Apache-2.0 */
/* `pvesim import DIR`: a cluster from a copy of its /etc/pve. Runtime facts (what runs, how full a
 * storage is) are not in the files and are made up by the server. Secrets are not read: priv/ is
 * left alone, so imported tokens exist but nobody can use them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/pvefile.h"
#include "proximo-client/sim/demo.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/sim.h"

static void closedirp(DIR **d) {
    if (*d) {
        (void)closedir(*d);
    }
}

int import_text(int dir, const char *name, struct buf *ret, struct err *e) {
    int r = file_read(dir, name, ret, e);

    return r == -ENOENT ? 0 : r < 0 ? err_wrap(e, "%s", name) : 0;
}

int import_notes(const char *name, const js *notes, struct err *e) {
    return js_len(notes) == 0
               ? 0
               : err_set(e, -EBADMSG, "%s: %s", name, json_object_get_string(js_at(notes, 0)));
}

static int read_sections(int dir, const char *name, bool with_sid, js *into, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);
    CLEANUP(js_freep) js *notes = js_array();
    int r = import_text(dir, name, &b, e);

    if (r == 0) {
        CLEANUP(js_freep) js *all = pvefile_sections(buf_str(&b), b.len, with_sid, notes);

        JS_FOREACH(all, id, section) {
            if (strcmp(js_str_or(section, "type", ""), "realm-sync") != 0) { /* sectfile.c */
                js_add(into, id, js_ref(section));
            }
        }
        r = import_notes(name, notes, e);
    }
    return r;
}

/* The API shows these as numbers. */
static void to_int(js *all, const char *const *names, size_t n) {
    JS_FOREACH(all, id, o) {
        (void)id;
        for (size_t i = 0; i < n; i++) {
            int64_t v;

            if (js_get_int(o, names[i], &v)) {
                js_add(o, names[i], js_int(v));
            }
        }
    }
}

static int import_sections(int dir, js *root, struct err *e) {
    static const char *const numbers[] = {"all",      "enabled", "max_restart", "max_relocate",
                                          "failback", "disable", "strict"};
    js *ha = js_get(root, "ha");
    int r = read_sections(dir, "storage.cfg", false, js_get(root, "storage"), e);

    r = r ? r : read_sections(dir, "jobs.cfg", false, js_get(root, "jobs"), e);
    to_int(js_get(root, "jobs"), numbers, ARRAY_LEN(numbers));
    r = r ? r : read_sections(dir, "replication.cfg", false, js_get(root, "replication"), e);
    r = r ? r : read_sections(dir, "ha/resources.cfg", true, js_get(ha, "resources"), e);
    to_int(js_get(ha, "resources"), numbers, ARRAY_LEN(numbers));
    r = r ? r : read_sections(dir, "ha/rules.cfg", false, js_get(ha, "rules"), e);
    to_int(js_get(ha, "rules"), numbers, ARRAY_LEN(numbers));
    return r;
}

static int read_sectfile(int dir, const char *name, js *root, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(16 * LIM_CONF);
    CLEANUP(js_freep) js *notes = js_array();
    int r = import_text(dir, name, &b, e);

    if (r == 0) {
        sectfile_read(name, buf_str(&b), b.len, root, notes);
        r = import_notes(name, notes, e);
    }
    return r;
}

static int import_sectfiles(int dir, js *root, struct err *e) {
    const char *name, *member;
    int r = read_sectfile(dir, "jobs.cfg", root, e);

    for (size_t i = 0; r == 0 && (name = sectfile_name(i, &member)); i++) {
        r = read_sectfile(dir, name, root, e);
    }
    return r;
}

/* sdn/.running-config: what was applied last, {zones: {ids: {}}, …}. */
static int import_running(int dir, js *root, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(16 * LIM_CONF);
    CLEANUP(js_freep) js *file = NULL;
    js *running = js_object();
    int r = import_text(dir, "sdn/.running-config", &b, e);

    if (r == 0 && b.len > 0 && (r = js_parse(buf_str(&b), b.len, &file, e)) < 0) {
        r = err_wrap(e, "sdn/.running-config");
    }
    JS_FOREACH(file, kind, o) {
        if (js_members(js_get(o, "ids")) > 0) {
            js_add(running, kind, js_copy(js_get(o, "ids")));
        }
    }
    if (js_members(running) > 0 && !js_get(root, "sdn")) {
        js_add(root, "sdn", js_object());
    }
    if (js_members(running) > 0) {
        js_add(js_get(root, "sdn"), "running", running);
    } else {
        js_freep(&running);
    }
    return r;
}

/* "key: value" lines under a description. *ret stays NULL when there are none. */
static int read_options(int dir, const char *name, js **ret, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);
    CLEANUP(buf_done) struct buf about = BUF_INIT(LIM_CONF);
    CLEANUP(js_freep) js *notes = js_array();
    CLEANUP(js_freep) js *o = NULL;
    int r = import_text(dir, name, &b, e);

    if (r < 0) {
        return r;
    }
    o = pvefile_options(buf_str(&b), b.len, notes);
    for (size_t i = 0; i < js_len(js_get(o, "#")); i++) {
        (void)buf_addf(&about, "%s%s", i ? "\n" : "",
                       json_object_get_string(js_at(js_get(o, "#"), i)));
    }
    json_object_object_del(o, "#");
    if (about.len) {
        js_add(o, "description", js_str_n(about.data, about.len));
    }
    if (js_members(o) > 0) {
        *ret = TAKE(o);
    }
    return import_notes(name, notes, e);
}

static int import_options(int dir, js *root, struct err *e) {
    js *o = NULL;
    int r = read_options(dir, "datacenter.cfg", &o, e);

    if (o) {
        js_add(root, "options", o);
    }
    JS_FOREACH(js_get(root, "nodes"), node, n) {
        char path[128];

        o = NULL;
        (void)snprintf(path, sizeof(path), "nodes/%.63s/config", node);
        r = r ? r : read_options(dir, path, &o, e);
        if (o) {
            js_add(n, "config", o);
        }
    }
    return r;
}

static int import_users(int dir, js *root, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);
    CLEANUP(js_freep) js *notes = js_array();
    int r = import_text(dir, "user.cfg", &b, e);

    if (r == 0) {
        CLEANUP(js_freep) js *all = pvefile_users(buf_str(&b), b.len, notes);

        JS_FOREACH(all, part, members) {
            JS_FOREACH(members, id, o) {
                js_add(js_get(root, part), id, js_ref(o));
            }
        }
        r = import_notes("user.cfg", notes, e);
    }
    return r;
}

/* ---- nodes and guests ---- */

static int import_guests(int dir, js *root, const char *node, bool lxc, struct err *e) {
    char path[128];
    CLEANUP(closep) int fd = -1;
    CLEANUP(closedirp) DIR *d = NULL;
    struct dirent *ent;

    (void)snprintf(path, sizeof(path), "nodes/%s/%s", node, lxc ? "lxc" : "qemu-server");
    fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d) {
        return fd < 0 && errno == ENOENT ? 0 : err_set(e, -errno, "open %s", path);
    }
    fd = -1;
    while ((ent = readdir(d))) {
        CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);
        size_t n = strlen(ent->d_name);
        char key[16];
        uint32_t vmid;
        js *g = NULL;

        if (n < 6 || n > 14 || strcmp(ent->d_name + n - 5, ".conf") != 0) {
            continue;
        }
        (void)snprintf(key, sizeof(key), "%.*s", (int)n - 5, ent->d_name);
        if (ident_vmid(key, &vmid) < 0) {
            continue;
        }
        if (file_read(dirfd(d), ent->d_name, &b, e) < 0 ||
            guest_file_read(lxc, buf_str(&b), b.len, &g, e) < 0) {
            return err_wrap(e, "%s/%s", path, ent->d_name);
        }
        js_add(g, "type", js_str(lxc ? "lxc" : "qemu"));
        js_add(g, "node", js_str(node));
        js_add(g, "running", js_int(0));
        js_add(js_get(root, "guests"), key, g);
    }
    return 0;
}

static int import_nodes(int dir, js *root, int64_t now, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);
    CLEANUP(js_freep) js *members = NULL;
    js *list, *cluster = js_get(root, "cluster");
    int r = file_read(dir, ".members", &b, e);

    if (r < 0 || (r = js_parse(buf_str(&b), b.len, &members, e)) < 0) {
        return err_wrap(e, ".members");
    }
    list = js_get(members, "nodelist");
    if (!js_is_object(list)) {
        return err_set(e, -EBADMSG, ".members has no node list");
    }
    js_add(cluster, "name", js_str(js_str_or(js_get(members, "cluster"), "name", "imported")));
    js_add(cluster, "config_version", js_int(js_int_or(js_get(members, "cluster"), "version", 1)));
    js_add(cluster, "local", js_str(js_str_or(members, "nodename", "")));
    JS_FOREACH(list, name, n) {
        if (!ident_is_node(name)) {
            return err_set(e, -EBADMSG, ".members: '%.60s' is no node name", name);
        }
        cluster_add_node(root, name, (int)js_int_or(n, "id", 0), js_str_or(n, "ip", ""),
                         now - 864000);
        r = r ? r : import_guests(dir, root, name, true, e);
        r = r ? r : import_guests(dir, root, name, false, e);
    }
    return r;
}

int import_tree(const char *dir, js **ret, struct err *e) {
    CLEANUP(js_freep) js *root = cluster_new("imported", "");
    CLEANUP(closep) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int64_t now = clock_unix();
    int r = fd < 0 ? err_set(e, -errno, "open %s: %s", dir, strerror(errno)) : 0;

    r = r ? r : import_nodes(fd, root, now, e);
    r = r ? r : import_sections(fd, root, e);
    r = r ? r : import_users(fd, root, e);
    r = r ? r : import_sectfiles(fd, root, e);
    r = r ? r : import_running(fd, root, e);
    r = r ? r : import_options(fd, root, e);
    r = r ? r : import_fw(fd, root, e);
    r = r ? r : sim_check(root, e);
    if (r < 0) {
        return r;
    }
    cluster_add_volumes(root, now - 86400);
    *ret = TAKE(root);
    return 0;
}
