/* SPDX-License-Identifier: Apache-2.0 */
/* --tree DIR: the cluster's /etc/pve as files, kept in step with the state. Every file is replaced
 * whole; a commit rewrites only what it touched. The digests of the API are over these very texts.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/sim.h"

static int tree_dir(struct sim *s, struct err *e) {
    int fd = open(s->o.tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 ? err_set(e, -errno, "open %s: %s", s->o.tree, strerror(errno)) : fd;
}

/* Whole or not at all, but not synced: the tree is a copy and is written anew at each start. */
static int write_file(int dir, const char *name, const struct buf *b, struct err *e) {
    CLEANUP(closep) int fd = -1;
    char tmp[160];
    int r;

    (void)snprintf(tmp, sizeof(tmp), "%s.tmp", name);
    fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
    r = fd < 0 ? -errno : fd_write_all(fd, buf_str(b), b->len);
    if (r == 0 && renameat(dir, tmp, dir, name) < 0) {
        r = -errno;
    }
    return r < 0 ? err_set(e, r, "write %s: %s", name, strerror(-r)) : 0;
}

/* Unchanged files keep their time, so that a reader who watches times sees only real changes. */
static int put(int dir, const char *name, const struct buf *b, struct err *e) {
    CLEANUP(buf_done) struct buf old = BUF_INIT(32 * LIM_CONF);

    if (file_read(dir, name, &old, NULL) == 0 && old.len == b->len &&
        memcmp(buf_str(&old), buf_str(b), b->len) == 0) {
        return 0;
    }
    return write_file(dir, name, b, e);
}

static int put_guest(struct sim *s, int dir, const char *key, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);
    js *nodes = state_get(&s->st, "nodes", NULL);
    struct guest g;
    uint32_t vmid;
    char name[128];
    bool there = ident_vmid(key, &vmid) == 0 && guest_find(s, vmid, &g);

    JS_FOREACH(nodes, node, n) { /* gone from where it is not */
        static const char *const kinds[] = {"lxc", "qemu-server"};

        (void)n;
        for (size_t i = 0; i < 2; i++) {
            if (!there || strcmp(node, g.node) != 0 || g.lxc != (i == 0)) {
                (void)snprintf(name, sizeof(name), "nodes/%s/%s/%s.conf", node, kinds[i], key);
                (void)unlinkat(dir, name, 0);
            }
        }
    }
    if (!there) {
        return 0;
    }
    (void)snprintf(name, sizeof(name), "nodes/%s/%s/%s.conf", g.node, g.lxc ? "lxc" : "qemu-server",
                   key);
    return guest_file_write(g.obj, &b) < 0 ? err_set(e, -E2BIG, "%s is too large", name)
                                           : put(dir, name, &b, e);
}

static int put_datacenter(struct sim *s, struct buf *ret) {
    return cfg_options(state_get(&s->st, "options", NULL), ret);
}

static const struct file {
    const char *member; /* of the state */
    const char *name;
    int (*write)(struct sim *s, struct buf *ret);
} files[] = {
    {"storage", "storage.cfg", cfg_storage},
    {"users", "user.cfg", cfg_user},
    {"groups", "user.cfg", cfg_user},
    {"roles", "user.cfg", cfg_user},
    {"acl", "user.cfg", cfg_user},
    {"pools", "user.cfg", cfg_user},
    {"jobs", "jobs.cfg", cfg_jobs},
    {"replication", "replication.cfg", cfg_replication},
    {"ha", "ha/resources.cfg", cfg_ha_resources},
    {"ha", "ha/rules.cfg", cfg_ha_rules},
    {"realm-sync", "jobs.cfg", cfg_jobs},
    {"sdn", "sdn/.running-config", cfg_sdn_running},
    {"options", "datacenter.cfg", put_datacenter},
    {"nodes", ".members", cfg_members},
};

static int put_file(struct sim *s, int dir, const char *name,
                    int (*write)(struct sim *s, struct buf *ret), struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(32 * LIM_CONF);
    int r = write(s, &b);

    return r < 0 ? err_set(e, r, "%s is too large", name) : put(dir, name, &b, e);
}

/* Files of sections that belong to a member of the state; NULL: all of them. */
static int put_sectfiles(struct sim *s, int dir, const char *of, struct err *e) {
    const char *name, *member;
    int r = 0;

    for (size_t i = 0; r == 0 && (name = sectfile_name(i, &member)); i++) {
        CLEANUP(buf_done) struct buf b = BUF_INIT(32 * LIM_CONF);

        if (of && strcmp(of, member) != 0) {
            continue;
        }
        r = sectfile_write(s, name, &b);
        r = r < 0 ? err_set(e, r, "%s is too large", name) : put(dir, name, &b, e);
    }
    return r;
}

/* Nodes' own settings. */
static int put_nodes(struct sim *s, int dir, struct err *e) {
    js *nodes = state_get(&s->st, "nodes", NULL);
    int r = 0;

    JS_FOREACH(nodes, node, n) {
        CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);
        char name[128];

        (void)snprintf(name, sizeof(name), "nodes/%s/config", node);
        r = r ? r : cfg_options(js_get(n, "config"), &b);
        if (r == 0 && b.len == 0) {
            (void)unlinkat(dir, name, 0);
        } else {
            r = r ? r : put(dir, name, &b, e);
        }
    }
    return r;
}

/* Where the firewall of a scope lies; key: the guest, node or vnet. */
static void firewall_name(const char *scope, const char *key, char *ret, size_t size) {
    if (strcmp(scope, "cluster") == 0) {
        (void)snprintf(ret, size, "firewall/cluster.fw");
    } else if (strcmp(scope, "nodes") == 0) {
        (void)snprintf(ret, size, "nodes/%.60s/host.fw", key);
    } else {
        (void)snprintf(ret, size, "%sfirewall/%.60s.fw", strcmp(scope, "vnets") == 0 ? "sdn/" : "",
                       key);
    }
}

static int put_fw(int dir, const char *scope, const char *key, const js *fw, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);
    char name[128];
    int r = cfg_firewall(fw, &b);

    firewall_name(scope, key, name, sizeof(name));
    return r < 0 ? err_set(e, r, "%s is too large", name) : put(dir, name, &b, e);
}

static int put_firewall(struct sim *s, int dir, struct err *e) {
    js *all = state_get(&s->st, "firewall", NULL);
    int r = 0;

    JS_FOREACH(all, scope, of) {
        if (strcmp(scope, "cluster") == 0) {
            r = r ? r : put_fw(dir, scope, "", of, e);
            continue;
        }
        JS_FOREACH(of, key, fw) {
            r = r ? r : put_fw(dir, scope, key, fw, e);
        }
    }
    return r;
}

/* A guest's or vnet's that went takes its file along. path: of the operation. */
static void drop_firewall(struct sim *s, int dir, js *path) {
    const char *scope = js_len(path) > 2 ? json_object_get_string(js_at(path, 1)) : "cluster";
    const char *key = js_len(path) > 2 ? json_object_get_string(js_at(path, 2)) : "";
    char name[128];

    if (strcmp(scope, "cluster") != 0 && !state_get(&s->st, "firewall", scope, key, NULL)) {
        firewall_name(scope, key, name, sizeof(name));
        (void)unlinkat(dir, name, 0);
    }
}

static int put_version(struct sim *s, int dir, struct err *e) {
    static uint64_t version = 1; /* of this start, which `starttime` names */
    CLEANUP(buf_done) struct buf b = BUF_INIT(4096);

    (void)buf_addf(&b, "{\n\"starttime\": %lld,\n\"clinfo\": 1,\n\"vmlist\": %llu\n}\n",
                   (long long)s->started, (unsigned long long)version++);
    return put(dir, ".version", &b, e);
}

static int put_corosync(struct sim *s, int dir, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);
    js *nodes = state_get(&s->st, "nodes", NULL), *c = state_get(&s->st, "cluster", NULL);
    int r = buf_adds(&b, "logging {\n  debug: off\n  to_syslog: yes\n}\n\nnodelist {\n");

    JS_FOREACH(nodes, name, n) {
        r = r ? r
              : buf_addf(&b,
                         "  node {\n    name: %s\n    nodeid: %d\n    quorum_votes: 1\n"
                         "    ring0_addr: %s\n  }\n",
                         name, (int)js_int_or(n, "id", 0), js_str_or(n, "ip", ""));
    }
    r = r ? r
          : buf_addf(
                &b,
                "}\n\nquorum {\n  provider: corosync_votequorum\n}\n\ntotem {\n"
                "  cluster_name: %s\n  config_version: %d\n  interface {\n    linknumber: 0\n"
                "  }\n  ip_version: ipv4-6\n  link_mode: passive\n  secauth: on\n  version: 2\n"
                "}\n\n",
                js_str_or(c, "name", "sim"), (int)js_int_or(c, "config_version", 1));
    return r ? r : put(dir, "corosync.conf", &b, e);
}

static int make_dirs(struct sim *s, int dir, struct err *e) {
    js *nodes = state_get(&s->st, "nodes", NULL);
    const char *local = js_str_or(state_get(&s->st, "cluster", NULL), "local", "");
    static const char *const links[][2] = {
        {"local", "nodes/%s"}, {"lxc", "nodes/%s/lxc"}, {"qemu-server", "nodes/%s/qemu-server"}};
    static const char *const dirs[] = {"ha", "mapping", "sdn/firewall"};
    char path[128];
    int r = dir_make(dir, "firewall", 0750, e);

    for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
        r = r ? r : dir_make(dir, dirs[i], 0750, e);
    }
    JS_FOREACH(nodes, name, n) {
        (void)n;
        (void)snprintf(path, sizeof(path), "nodes/%s/lxc", name);
        r = r ? r : dir_make(dir, path, 0750, e);
        (void)snprintf(path, sizeof(path), "nodes/%s/qemu-server", name);
        r = r ? r : dir_make(dir, path, 0750, e);
    }
    for (size_t i = 0; i < ARRAY_LEN(links) && r == 0 && *local; i++) {
        (void)snprintf(path, sizeof(path),
                       i == 0   ? "nodes/%s"
                       : i == 1 ? "nodes/%s/lxc"
                                : "nodes/%s/qemu-server",
                       local);
        if (symlinkat(path, dir, links[i][0]) < 0 && errno != EEXIST) {
            r = err_set(e, -errno, "link %s: %s", links[i][0], strerror(errno));
        }
    }
    return r;
}

int tree_write(struct sim *s, struct err *e) {
    CLEANUP(closep) int dir = -1;
    js *guests = state_get(&s->st, "guests", NULL);
    int r = dir_make(AT_FDCWD, s->o.tree, 0750, e);

    dir = r < 0 ? -1 : tree_dir(s, e);
    if (dir < 0) {
        return r < 0 ? r : dir;
    }
    r = make_dirs(s, dir, e);
    for (size_t i = 0; i < ARRAY_LEN(files) && r == 0; i++) {
        r = put_file(s, dir, files[i].name, files[i].write, e);
    }
    r = r ? r : put_sectfiles(s, dir, NULL, e);
    r = r ? r : put_nodes(s, dir, e);
    JS_FOREACH(guests, key, g) {
        (void)g;
        r = r ? r : put_guest(s, dir, key, e);
    }
    r = r ? r : put_file(s, dir, ".vmlist", cfg_vmlist, e);
    r = r ? r : put_firewall(s, dir, e);
    r = r ? r : put_corosync(s, dir, e);
    return r ? r : put_version(s, dir, e);
}

void tree_touched(void *ctx, const js *ops) {
    struct sim *s = ctx;
    struct err e = {0};
    CLEANUP(closep) int dir = tree_dir(s, &e);
    CLEANUP(js_freep) js *done = js_object();
    int r = dir < 0 ? dir : 0;
    bool changed = false;

    for (size_t i = 0; i < js_len(ops) && r == 0; i++) {
        js *path = js_at(js_at(ops, i), 1);
        const char *first = json_object_get_string(js_at(path, 0));
        const char *second = js_len(path) > 1 ? json_object_get_string(js_at(path, 1)) : "";
        char once[80];

        if (strcmp(first, "firewall") == 0) {
            drop_firewall(s, dir, path);
        }
        (void)snprintf(once, sizeof(once), "%s/%s", first,
                       strcmp(first, "guests") == 0 ? second : "");
        if (js_get(done, once)) {
            continue;
        }
        js_add(done, once, js_bool(true));
        if (strcmp(first, "guests") == 0) {
            r = put_guest(s, dir, second, &e);
            changed = true;
            if (js_len(path) <= 2 && !js_get(done, "vmlist")) {
                js_add(done, "vmlist", js_bool(true));
                r = r ? r : put_file(s, dir, ".vmlist", cfg_vmlist, &e);
            }
        }
        if (strcmp(first, "firewall") == 0) {
            r = put_firewall(s, dir, &e);
            changed = true;
        }
        r = r ? r : put_sectfiles(s, dir, first, &e);
        r = r || strcmp(first, "nodes") != 0 ? r : put_nodes(s, dir, &e);
        for (size_t k = 0; k < ARRAY_LEN(files) && r == 0; k++) {
            if (strcmp(files[k].member, first) == 0) {
                r = put_file(s, dir, files[k].name, files[k].write, &e);
                changed = true;
            }
        }
    }
    if (r == 0 && changed) {
        r = put_version(s, dir, &e);
    }
    if (r < 0) { /* the API stays right; the tree is a copy */
        (void)fprintf(stderr, "pvesim: tree %s: %s\n", s->o.tree, e.msg);
    }
}
