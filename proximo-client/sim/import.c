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
#include "proximo-client/sim/demo.h"
#include "proximo-client/sim/guestconf.h"
#include "proximo-client/sim/sim.h"

static void closedirp(DIR **d) {
    if (*d) {
        (void)closedir(*d);
    }
}

/* Calls fn with each line, cut and NUL-terminated in place. */
static int each_line(char *text, int (*fn)(void *ctx, char *line), void *ctx) {
    int r = 0;

    for (char *line = text; line && *line && r == 0;) {
        char *end = strchr(line, '\n');

        if (end) {
            *end++ = '\0';
        }
        r = fn(ctx, line);
        line = end;
    }
    return r;
}

static int read_lines(int dir, const char *name, int (*fn)(void *ctx, char *line), void *ctx,
                      struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);
    int r = file_read(dir, name, &b, e);

    if (r == -ENOENT) {
        return 0;
    }
    if (r == 0 && b.len) {
        r = memchr(b.data, '\0', b.len) ? -EBADMSG : each_line(b.data, fn, ctx);
    }
    return r < 0 ? err_set(e, r, "%s cannot be read as a configuration file", name) : 0;
}

/* ---- "type: id" sections with tab-indented lines ---- */

struct sections {
    js *into;      /* {id: {type, key: value}} */
    js *at;        /* the open one */
    bool with_sid; /* ids become "type:id" and the type is left out */
};

static int section_line(void *ctx, char *line) {
    struct sections *s = ctx;
    char *colon, *value;

    if (*line == '\t' || *line == ' ') {
        line += strspn(line, "\t ");
        value = line + strcspn(line, " \t");
        if (!s->at || !*line) {
            return *line ? -EBADMSG : 0;
        }
        if (*value) {
            *value++ = '\0';
            value += strspn(value, " \t");
        }
        js_add(s->at, line, js_str_n(*value ? value : "1", *value ? strlen(value) : 1));
        return 0;
    }
    if (!*line || *line == '#') {
        return 0;
    }
    colon = strchr(line, ':');
    if (!colon) {
        return -EBADMSG;
    }
    *colon = '\0';
    value = colon + 1 + strspn(colon + 1, " ");
    s->at = js_object();
    if (s->with_sid) {
        char sid[160];

        (void)snprintf(sid, sizeof(sid), "%.20s:%.100s", line, value);
        js_add(s->into, sid, s->at);
    } else {
        js_add(s->at, "type", js_str(line));
        js_add(s->into, value, s->at);
    }
    return 0;
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
    static const char *const numbers[] = {"all", "enabled", "max_restart", "max_relocate",
                                          "failback"};
    struct sections s = {.into = js_get(root, "storage")};
    int r = read_lines(dir, "storage.cfg", section_line, &s, e);

    s = (struct sections){.into = js_get(root, "jobs")};
    r = r ? r : read_lines(dir, "jobs.cfg", section_line, &s, e);
    to_int(s.into, numbers, ARRAY_LEN(numbers));
    s = (struct sections){.into = js_get(root, "replication")};
    r = r ? r : read_lines(dir, "replication.cfg", section_line, &s, e);
    s = (struct sections){.into = js_get(js_get(root, "ha"), "resources"), .with_sid = true};
    r = r ? r : read_lines(dir, "ha/resources.cfg", section_line, &s, e);
    to_int(s.into, numbers, ARRAY_LEN(numbers));
    s = (struct sections){.into = js_get(js_get(root, "ha"), "rules")};
    return r ? r : read_lines(dir, "ha/rules.cfg", section_line, &s, e);
}

/* ---- user.cfg ---- */

#define COLUMNS 12

static js *member(js *parent, const char *name) {
    js *o = js_get(parent, name);

    if (!o) {
        o = js_object();
        js_add(parent, name, o);
    }
    return o;
}

static js *set_of(char *list) {
    js *o = js_object();

    for (char *save = NULL, *one = strtok_r(list, ",; ", &save); one;
         one = strtok_r(NULL, ",; ", &save)) {
        js_add(o, one, js_int(1));
    }
    return o;
}

static void text_column(js *o, const char *key, const char *value) {
    if (*value) {
        js_add(o, key, js_str_n(value, strlen(value)));
    }
}

static int64_t number(const char *text) {
    uint64_t n;

    return ident_u64(text, &n) == 0 && n < INT64_MAX ? (int64_t)n : 0;
}

static void user_record(js *root, char *const *c) {
    static const char *const names[] = {"firstname", "lastname", "email", "comment", "keys"};
    js *u = member(member(root, "users"), c[1]);

    js_add(u, "enable", js_int(number(c[2])));
    js_add(u, "expire", js_int(number(c[3])));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        text_column(u, names[i], c[4 + i]);
    }
}

static int acl_record(js *root, char *const *c) {
    js *path = member(member(root, "acl"), c[2]);

    for (char *save = NULL, *who = strtok_r(c[3], ",; ", &save); who;
         who = strtok_r(NULL, ",; ", &save)) {
        char key[300], roles[1024], *more = NULL;
        js *entry;

        (void)snprintf(key, sizeof(key), "%s:%.200s",
                       *who == '@'        ? "group"
                       : strchr(who, '!') ? "token"
                                          : "user",
                       who + (*who == '@'));
        entry = member(path, key);
        (void)snprintf(roles, sizeof(roles), "%s", c[4]);
        for (char *role = strtok_r(roles, ",; ", &more); role;
             role = strtok_r(NULL, ",; ", &more)) {
            js_add(entry, role, js_int(number(c[1])));
        }
    }
    return 0;
}

static int user_line(void *ctx, char *line) {
    js *root = ctx;
    char *c[COLUMNS] = {NULL}, empty[1] = "";
    size_t n = 0;

    for (; n < COLUMNS && line; n++) {
        char *colon = strchr(line, ':');

        c[n] = line;
        line = colon ? colon + 1 : NULL;
        if (colon) {
            *colon = '\0';
        }
    }
    for (size_t i = n; i < COLUMNS; i++) {
        c[i] = empty;
    }
    if (!*c[0] || *c[0] == '#') {
        return 0;
    }
    if (strcmp(c[0], "user") == 0) {
        user_record(root, c);
    } else if (strcmp(c[0], "token") == 0 && strchr(c[1], '!')) {
        char *bang = strchr(c[1], '!');
        js *o = js_object();

        *bang = '\0';
        js_add(o, "expire", js_int(number(c[2])));
        js_add(o, "privsep", js_int(number(c[3])));
        text_column(o, "comment", c[4]);
        js_add(member(member(member(root, "users"), c[1]), "tokens"), bang + 1, o);
    } else if (strcmp(c[0], "group") == 0) {
        js *o = member(member(root, "groups"), c[1]);

        js_add(o, "users", set_of(c[2]));
        text_column(o, "comment", c[3]);
    } else if (strcmp(c[0], "pool") == 0) {
        js *o = member(member(root, "pools"), c[1]);

        text_column(o, "comment", c[2]);
        js_add(o, "vms", set_of(c[3]));
        js_add(o, "storage", set_of(c[4]));
    } else if (strcmp(c[0], "role") == 0) {
        js_add(member(root, "roles"), c[1], set_of(c[2]));
    } else if (strcmp(c[0], "acl") == 0) {
        return acl_record(root, c);
    } else {
        return -EBADMSG;
    }
    return 0;
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
    r = r ? r : read_lines(fd, "user.cfg", user_line, root, e);
    r = r ? r : sim_check(root, e);
    if (r < 0) {
        return r;
    }
    cluster_add_volumes(root, now - 86400);
    *ret = TAKE(root);
    return 0;
}
