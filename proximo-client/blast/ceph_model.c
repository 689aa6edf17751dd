/* SPDX-License-Identifier: Apache-2.0 */
/* Ceph as one node tells of it: OSDs with their hosts, pools, and what of ours lies in them. The
 * rule that places copies is not read: a copy a host is what PVE's own rule does, and of a pool
 * with another one that is said. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/ceph_int.h"

const js *ceph_list(const struct ceph *c, const char *what) {
    char path[160];

    (void)snprintf(path, sizeof(path), "/nodes/%.63s/ceph/%s", c->node, what);
    return picture_answer(c->p, path, NULL);
}

const char *pool_name(const js *pool) {
    return js_str_or(pool, "pool_name", js_str_or(pool, "pool", "?"));
}

void ceph_hit(struct ceph *c, const char *resource, const char *effect, enum risk severity,
              const char *via, const char *fmt, ...) {
    va_list ap;

    va_start(ap, fmt);
    tally_otherv(&c->tally, c->d, resource, effect, severity, via, fmt, ap);
    va_end(ap);
}

/* ---- OSDs ---- */

static size_t count_osds(const js *tree, unsigned int depth) {
    const js *children = js_get(tree, "children");
    size_t n = strcmp(js_str_or(tree, "type", ""), "osd") == 0;

    for (size_t i = 0; depth < 12 && i < js_len(children); i++) {
        n += count_osds(js_at(children, i), depth + 1);
    }
    return n;
}

static void take_osds(struct ceph *c, const js *tree, const char *host, unsigned int depth) {
    const js *children = js_get(tree, "children");
    const char *type = js_str_or(tree, "type", "");

    if (strcmp(type, "osd") == 0) {
        c->osd[c->n_osd++] = (struct osd){.id = js_int_or(tree, "id", -1),
                                          .host = host,
                                          .up = strcmp(js_str_or(tree, "status", "up"), "up") == 0,
                                          .in = js_bool_or(tree, "in", true),
                                          .total = js_int_or(tree, "total_space", 0),
                                          .used = js_int_or(tree, "bytes_used", 0)};
    }
    if (strcmp(type, "host") == 0) {
        host = js_str_or(tree, "name", "");
    }
    for (size_t i = 0; depth < 12 && i < js_len(children); i++) {
        take_osds(c, js_at(children, i), host, depth + 1);
    }
}

int ceph_open(struct ceph *c) {
    const js *root = js_get(ceph_list(c, "osd"), "root");
    const struct store *s;

    c->osd = calloc(count_osds(root, 0) + 1, sizeof(*c->osd));
    c->mark = calloc(picture_stores(c->p, &s) + 1, sizeof(*c->mark));
    if (!c->osd || !c->mark) {
        return -ENOMEM;
    }
    take_osds(c, root, "", 0);
    return 0;
}

void ceph_done(struct ceph *c) {
    free(c->osd);
    free(c->mark);
}

/* The first OSD of its host that counts stands for the host. */
static bool is_first(const struct ceph *c, size_t i, bool (*f)(const struct osd *o)) {
    for (size_t k = 0; k < i; k++) {
        if (f(&c->osd[k]) && strcmp(c->osd[k].host, c->osd[i].host) == 0) {
            return false;
        }
    }
    return f(&c->osd[i]);
}

static bool is_in(const struct osd *o) {
    return o->in;
}

static bool is_missing(const struct osd *o) {
    return o->in && (!o->up || o->goes);
}

static bool is_left(const struct osd *o) {
    return o->in && o->up && !o->goes;
}

struct hosts ceph_hosts(const struct ceph *c) {
    struct hosts h = {0};

    for (size_t i = 0; i < c->n_osd; i++) {
        h.all += is_first(c, i, is_in);
        h.missing += is_first(c, i, is_missing);
        h.left += is_first(c, i, is_left);
    }
    return h;
}

/* ---- storages and guests ---- */

static bool list_names(const js *list, const char *word) {
    for (size_t i = 0; i < js_len(list); i++) {
        if (strcmp(json_object_get_string(js_at(list, i)), word) == 0) {
            return true;
        }
    }
    return false;
}

/* A file system of a name that is not listed, or of none where there are several, may be any. */
static bool fs_has(const struct ceph *c, const char *fs, const char *pool) {
    const js *list = ceph_list(c, "fs");
    bool known = false;

    for (size_t i = 0; i < js_len(list); i++) {
        const js *row = js_at(list, i);
        bool mine = !fs || strcmp(js_str_or(row, "name", ""), fs) == 0;

        known = known || mine;
        if (mine && (strcmp(js_str_or(row, "metadata_pool", ""), pool) == 0 ||
                     strcmp(js_str_or(row, "data_pool", ""), pool) == 0 ||
                     list_names(js_get(row, "data_pools"), pool))) {
            return true;
        }
    }
    return !known && strncmp(pool, fs ? fs : "cephfs", strlen(fs ? fs : "cephfs")) == 0;
}

static bool store_in(const struct ceph *c, const struct store *s, const char *pool) {
    if (js_str_or(s->def, "monhost", "")[0]) {
        return false;
    }
    if (strcmp(s->type, "rbd") == 0) {
        return !pool || strcmp(js_str_or(s->def, "pool", "rbd"), pool) == 0 ||
               strcmp(js_str_or(s->def, "data-pool", ""), pool) == 0;
    }
    return strcmp(s->type, "cephfs") == 0 &&
           (!pool || fs_has(c, js_get_str(s->def, "fs-name"), pool));
}

size_t ceph_mark(struct ceph *c, const char *pool) {
    const struct store *s;
    size_t n = picture_stores(c->p, &s), found = 0;

    for (size_t i = 0; i < n; i++) {
        c->mark[i] = store_in(c, &s[i], pool);
        found += c->mark[i];
    }
    return found;
}

size_t ceph_mark_fs(struct ceph *c) {
    const struct store *s;
    size_t n = picture_stores(c->p, &s), found = 0;

    for (size_t i = 0; i < n; i++) {
        c->mark[i] = store_in(c, &s[i], NULL) && strcmp(s[i].type, "cephfs") == 0;
        found += c->mark[i];
    }
    return found;
}

static bool is_marked(const struct ceph *c, const struct volume *v) {
    const struct store *s;
    size_t n = picture_stores(c->p, &s);

    for (size_t i = 0; v->kind == VOLUME_STORAGE && i < n; i++) {
        if (c->mark[i] && strcmp(s[i].id, v->storage) == 0) {
            return true;
        }
    }
    return false;
}

/* The guest's first volume there. NULL: none. */
static const struct volume *volume_there(const struct ceph *c, const struct guest *g, bool all) {
    for (size_t i = 0; i < g->vols.n; i++) {
        if ((all || !g->vols.v[i].unused) && is_marked(c, &g->vols.v[i])) {
            return &g->vols.v[i];
        }
    }
    for (size_t k = 0; all && k < g->n_snap; k++) {
        for (size_t i = 0; i < g->snap[k].vols.n; i++) {
            if (is_marked(c, &g->snap[k].vols.v[i])) {
                return &g->snap[k].vols.v[i];
            }
        }
    }
    return NULL;
}

size_t ceph_guests(const struct ceph *c) {
    const struct guest *g;
    size_t n = picture_guests(c->p, &g), found = 0;

    for (size_t i = 0; i < n; i++) {
        found += volume_there(c, &g[i], false) != NULL;
    }
    return found;
}

void ceph_hit_guests(struct ceph *c, const char *effect, enum risk severity, bool only, bool all,
                     const char *why) {
    const struct guest *g;
    size_t n = picture_guests(c->p, &g);

    for (size_t i = 0; !c->is_cut && i < n; i++) {
        const struct volume *v = volume_there(c, &g[i], all);

        if (v) {
            tally_affect(&c->tally, c->d,
                         &(struct affect){.resource = g[i].resource,
                                          .name = g[i].name,
                                          .node = g[i].node,
                                          .effect = effect,
                                          .severity = severity,
                                          .running = g[i].running,
                                          .only_copy = only,
                                          .via = v->key,
                                          .why = why});
        }
    }
}
