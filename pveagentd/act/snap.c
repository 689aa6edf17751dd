/* SPDX-License-Identifier: Apache-2.0 */
/* Which volumes a container has, which driver each, and all-or-none over them (the program
 * that acts). The guest's configuration and storage.cfg say where a volume lies; each driver then
 * looks at what is really there before it touches anything. */
#include "pveagentd/act/snap.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/run.h"
#include "pveagentd/act/act.h"

snap_runner *snap_run = run_tool;

/* One storage definition: "type: id", then indented "key value" lines. */
struct storage {
    char type[32];
    char path[1024], pool[512], vgname[128];
};

static bool line_value(const char *line, const char *key, char *ret, size_t size) {
    size_t n = strlen(key);

    if (strncmp(line, key, n) != 0 || (line[n] != ' ' && line[n] != '\t')) {
        return false;
    }
    (void)snprintf(ret, size, "%s", line + n + strspn(line + n, " \t"));
    return true;
}

static int storage_find(const struct job *j, const char *id, struct storage *ret, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);
    char path[4096];
    char line[CT_LINE];
    bool in = false;
    int n = snprintf(path, sizeof(path), "%s/storage.cfg", j->o.text[ORDER_CLUSTER_FS]);
    int r = n > 0 && (size_t)n < sizeof(path) ? file_read(AT_FDCWD, path, &b, e) : -ENAMETOOLONG;
    const char *text = buf_str(&b);

    *ret = (struct storage){0};
    while (r == 0 && line_next(&text, line, sizeof(line))) {
        const char *kv = line + strspn(line, " \t");
        const char *colon = strstr(line, ": ");

        if (kv == line) {
            in = colon && strcmp(colon + 2, id) == 0;
            if (in) {
                (void)snprintf(ret->type, sizeof(ret->type), "%.*s", (int)(colon - line), line);
            }
        } else if (in) {
            (void)(line_value(kv, "path", ret->path, sizeof(ret->path)) ||
                   line_value(kv, "pool", ret->pool, sizeof(ret->pool)) ||
                   line_value(kv, "vgname", ret->vgname, sizeof(ret->vgname)));
        }
    }
    return r == 0 && ret->type[0]
               ? 0
               : err_tag(e, -ENOENT, "undo_impossible", "storage %s is not in storage.cfg", id);
}

/* Without Proxmox's storage layer the container's own configuration says where its root lies. */
static int rootfs_from_lxc(const struct job *j, uint32_t id, struct volume *v) {
    static const char key[] = "lxc.rootfs.path";
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);
    char path[4096];
    char line[CT_LINE];
    const char *text;
    int n = snprintf(path, sizeof(path), "%s/%u/config", j->o.text[ORDER_LXC_PATH], id);

    if (n < 0 || (size_t)n >= sizeof(path) || file_read(AT_FDCWD, path, &b, NULL) < 0) {
        return -ENOENT;
    }
    text = buf_str(&b);
    while (line_next(&text, line, sizeof(line))) {
        const char *at = line + strlen(key);

        if (strncmp(line, key, strlen(key)) != 0) {
            continue;
        }
        at += strspn(at, " \t=");
        at += strncmp(at, "dir:", 4) == 0 ? 4 : strncmp(at, "btrfs:", 6) == 0 ? 6 : 0;
        if (at[0] == '/' && strlen(at) < sizeof(v->at)) {
            (void)snprintf(v->at, sizeof(v->at), "%s", at);
            v->driver = &snap_btrfs;
            return 0;
        }
    }
    return -ENOENT;
}

static int locate(const struct storage *st, const char *volume, struct volume *v) {
    int n = -1;

    if (strcmp(st->type, "btrfs") == 0 || strcmp(st->type, "dir") == 0) {
        v->driver = &snap_btrfs; /* a dir storage may lie on btrfs: the driver looks */
        n = snprintf(v->at, sizeof(v->at), "%s/images/%s", st->path, volume);
    } else if (strcmp(st->type, "zfspool") == 0) {
        v->driver = &snap_zfs;
        n = snprintf(v->at, sizeof(v->at), "%s/%s", st->pool, volume);
    } else if (strcmp(st->type, "lvmthin") == 0) {
        v->driver = &snap_lvmthin;
        n = snprintf(v->at, sizeof(v->at), "%s/%s", st->vgname, volume);
    }
    return n > 0 && (size_t)n < sizeof(v->at) ? 0 : -ENOTSUP;
}

struct finder {
    const struct job *j;
    uint32_t id;
    struct volumes *ret;
    struct err *e;
};

static bool is_volume_key(const char *key) {
    uint32_t n;

    return strcmp(key, "rootfs") == 0 ||
           (strncmp(key, "mp", 2) == 0 && ident_u32(key + 2, &n) == 0);
}

static int find_one(const struct finder *f, struct volume *v, const char *value) {
    char volid[600];
    char *colon;
    struct storage st;
    struct stat sb;
    bool root = strcmp(v->key, "rootfs") == 0;
    int r;

    (void)snprintf(volid, sizeof(volid), "%.*s", (int)strcspn(value, ","), value);
    colon = strchr(volid, ':');
    if (volid[0] == '/' || !ident_is_volid(volid) || !colon) {
        return root && rootfs_from_lxc(f->j, f->id, v) == 0
                   ? 0
                   : err_tag(f->e, -ENOTSUP, "undo_impossible",
                             "%s is a directory or device of the node, not a volume", v->key);
    }
    *colon = '\0';
    r = storage_find(f->j, volid, &st, f->e);
    r = r < 0 ? r : locate(&st, colon + 1, v);
    if (root && (r < 0 || (v->driver == &snap_btrfs && stat(v->at, &sb) < 0)) &&
        rootfs_from_lxc(f->j, f->id, v) == 0) {
        return 0;
    }
    return r < 0 ? err_tag(f->e, r, "undo_impossible",
                           "%s lies on a storage without snapshots here", v->key)
                 : 0;
}

static int on_key(void *ctx, const char *key, const char *value) {
    const struct finder *f = ctx;
    struct volume *v;

    if (!is_volume_key(key)) {
        return 0;
    }
    if (f->ret->n == VOLUMES_MAX) {
        return err_tag(f->e, -E2BIG, "undo_impossible", "more than %d volumes", VOLUMES_MAX);
    }
    v = &f->ret->v[f->ret->n++];
    *v = (struct volume){0};
    (void)snprintf(v->key, sizeof(v->key), "%s", key);
    return find_one(f, v, value);
}

int volumes_find(const struct job *j, uint32_t ct, struct volumes *ret, struct err *e) {
    struct finder f = {.j = j, .id = ct, .ret = ret, .e = e};
    int r;

    ret->n = 0;
    r = ct_config_each(j, on_key, &f);
    if (r == 0 && !ret->n) {
        r = err_tag(e, -ENOENT, "undo_impossible", "the container has no volume");
    }
    for (size_t i = 1; r == 0 && i < ret->n; i++) {
        if (ret->v[i].driver != ret->v[0].driver) {
            r = err_tag(e, -ENOTSUP, "undo_impossible", "%s lies on another kind of storage",
                        ret->v[i].key);
        }
    }
    for (size_t i = 0; r == 0 && i < ret->n; i++) {
        r = ret->v[i].driver->possible(&ret->v[i], e);
    }
    return r;
}

int volumes_create(const struct volumes *v, const char *name, struct err *e) {
    size_t i = 0;
    int r = 0;

    for (; r == 0 && i < v->n; i++) {
        r = v->v[i].driver->create(&v->v[i], name, e);
    }
    if (r < 0) { /* the failed one is not there; those before it are taken away again */
        for (i--; i-- > 0;) {
            (void)v->v[i].driver->remove(&v->v[i], name, NULL);
        }
    }
    return r;
}

int volumes_rollback(const struct volumes *v, const char *name, const char *safety, struct err *e) {
    size_t i = 0;
    int r = 0;

    for (; r == 0 && i < v->n; i++) {
        r = v->v[i].driver->rollback(&v->v[i], name, safety, e);
    }
    if (r < 0) {
        for (i--; i-- > 0;) { /* back to the present that was kept */
            (void)v->v[i].driver->rollback(&v->v[i], safety, "back", NULL);
        }
    }
    return r;
}

int volumes_remove(const struct volumes *v, const char *name, struct err *e) {
    int r = 0;

    for (size_t i = 0; i < v->n; i++) {
        int x = v->v[i].driver->remove(&v->v[i], name, e);

        r = r < 0 ? r : x;
    }
    return r;
}
