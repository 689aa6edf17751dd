/* SPDX-License-Identifier: Apache-2.0 */
/* Puts answers of the API into the picture and names the reads that follow from them: guests lead
 * to configurations and snapshot lists, those to each snapshot's own configuration, storages to
 * content lists. A read that was refused or failed stays visible as such. Pure. */
#include "proximo-client/blast/picture_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"

static void part_fail(struct picture *p, struct part *part, int result, const struct err *why,
                      const char *privilege) {
    part->state = result == -EACCES ? PART_DENIED : PART_FAILED;
    part->why = picture_str(p, why && why->msg[0] ? why->msg : "could not be read");
    part->privilege = result == -EACCES ? privilege : NULL;
}

static void part_read(struct part *part) {
    *part = (struct part){.state = PART_READ, .why = ""};
}

/* A list that PVE filters without a sign is whole only if the token may see all of it. */
static void part_list(struct picture *p, struct part *part, const char *path, const char *privs,
                      const char *privilege) {
    part_read(part);
    if (p->perms_part.state != PART_READ) {
        *part = (struct part){PART_PARTIAL, "what the token may see could not be read", privilege};
    } else if (!perms_allow(p->perms, path, privs)) {
        *part = (struct part){PART_PARTIAL, "the token may see only some of them", privilege};
    }
}

static void put_volumes(struct picture *p, const char *kind, const js *cfg, struct volumes *ret) {
    if (!js_is_object(cfg)) {
        return;
    }
    JS_FOREACH(cfg, key, value) {
        struct volume v;

        if (!js_is_str(value)) {
            continue;
        }
        if (strcmp(key, "cicustom") == 0) {
            /* "user=local:snippets/u.yaml,meta=…": each value is a file on a storage */
            const char *s = json_object_get_string(value);

            while (*s) {
                size_t len = strcspn(s, ",");
                const char *one = picture_strn(p, s, len);
                const char *eq = strchr(one, '=');

                if (volume_parse(p, kind, "hookscript", eq ? eq + 1 : one, &v)) {
                    (void)snprintf(v.key, sizeof(v.key), "cicustom");
                    *(struct volume *)picture_grow(&ret->v, &ret->n, sizeof(v)) = v;
                }
                s += len + (s[len] == ',');
            }
        } else if (volume_parse(p, kind, key, json_object_get_string(value), &v)) {
            *(struct volume *)picture_grow(&ret->v, &ret->n, sizeof(v)) = v;
        }
    }
}

static bool is_asked(const struct picture *p, const struct guest *g) {
    return p->ask.vmid == 0 || p->ask.vmid == g->vmid;
}

static int guest_order(const void *a, const void *b) {
    uint32_t x = ((const struct guest *)a)->vmid;
    uint32_t y = ((const struct guest *)b)->vmid;

    return x < y ? -1 : x > y;
}

static void put_guest(struct picture *p, const js *row) {
    const char *kind = js_str_or(row, "type", "");
    const char *node = js_str_or(row, "node", "");
    int64_t vmid = js_int_or(row, "vmid", 0);
    struct guest *g;

    if ((strcmp(kind, "lxc") != 0 && strcmp(kind, "qemu") != 0) || vmid < VMID_MIN ||
        vmid > VMID_MAX || !ident_is_node(node)) {
        /* a row we do not understand may be a guest: the list is not whole */
        p->guests_part =
            (struct part){PART_PARTIAL, "the list holds a row of an unknown kind", NULL};
        return;
    }
    g = picture_grow(&p->guest, &p->n_guest, sizeof(*g));
    g->kind = picture_str(p, kind);
    g->vmid = (uint32_t)vmid;
    g->node = picture_str(p, node);
    g->name = picture_str(p, js_str_or(row, "name", ""));
    (void)snprintf(g->resource, sizeof(g->resource), "%s/%u",
                   strcmp(kind, "lxc") == 0 ? "ct" : "vm", g->vmid);
    g->running = strcmp(js_str_or(row, "status", ""), "running") == 0;
    g->template = js_bool_or(row, "template", false);
    g->parent = "";
    g->config = (struct part){PART_NOT_ASKED, "not asked for", NULL};
    g->snapshots = g->config;
}

static void put_guests(struct picture *p, const js *list) {
    part_list(p, &p->guests_part, "/vms", "VM.Audit", "VM.Audit on /vms");
    for (size_t i = 0; i < js_len(list); i++) {
        put_guest(p, js_at(list, i));
    }
    if (p->n_guest > 1) {
        qsort(p->guest, p->n_guest, sizeof(*p->guest), guest_order);
    }
    for (size_t i = 0; i < p->n_guest; i++) {
        const struct guest *g = &p->guest[i];

        if ((p->ask.what & PIC_CONFIGS) && is_asked(p, g)) {
            picture_want(p, "config", "/nodes/%s/%s/%u/config", g->node, g->kind, g->vmid);
        }
        if ((p->ask.what & PIC_SNAPSHOTS) && is_asked(p, g)) {
            picture_want(p, "snapshots", "/nodes/%s/%s/%u/snapshot", g->node, g->kind, g->vmid);
        }
    }
}

static void put_nodes(struct picture *p, const js *list) {
    part_read(&p->nodes_part);
    for (size_t i = 0; i < js_len(list); i++) {
        const char *name = js_str_or(js_at(list, i), "node", "");

        if (ident_is_node(name)) {
            struct node *n = picture_grow(&p->node, &p->n_node, sizeof(*n));

            n->name = picture_str(p, name);
            n->online = strcmp(js_str_or(js_at(list, i), "status", ""), "online") == 0;
        }
    }
}

/* Shared by their nature, whether the definition says so or not. */
static const char shared_types[] = "nfs,cifs,cephfs,rbd,iscsi,iscsidirect,zfs,glusterfs,pbs,esxi";

static void put_storage(struct picture *p, const js *list) {
    part_list(p, &p->storage_part, "/storage", "Datastore.Audit|Datastore.AllocateSpace",
              "Datastore.Audit on /storage");
    for (size_t i = 0; i < js_len(list); i++) {
        const js *def = js_at(list, i);
        const char *id = js_str_or(def, "storage", "");
        struct store *s;

        if (!ident_is_storage(id)) {
            p->storage_part =
                (struct part){PART_PARTIAL, "the list holds a row without a name", NULL};
            continue;
        }
        s = picture_grow(&p->store, &p->n_store, sizeof(*s));
        s->id = picture_str(p, id);
        s->type = picture_str(p, js_str_or(def, "type", ""));
        s->path = picture_str(p, js_str_or(def, "path", ""));
        s->disabled = js_bool_or(def, "disable", false);
        s->shared = js_bool_or(def, "shared", words_have(shared_types, s->type));
        s->def = def;
    }
}

/* Content is asked for once nodes and storages are both known. */
static void want_content(struct picture *p) {
    const struct store *s = p->ask_storage ? picture_store(p, p->ask_storage) : NULL;

    if (!(p->ask.what & PIC_CONTENT) || !s || p->n_node == 0 || p->n_content > 0) {
        return;
    }
    for (size_t i = 0; i < p->n_node; i++) {
        struct content *c;

        if (!store_on_node(s->def, p->node[i].name) || s->disabled) {
            continue;
        }
        c = picture_grow(&p->content, &p->n_content, sizeof(*c));
        c->storage = s->id;
        c->node = p->node[i].name;
        c->part = (struct part){PART_FAILED, "the node is offline", NULL};
        if (p->node[i].online) {
            picture_want(p, "whole", "/nodes/%s/storage/%s/content", c->node, s->id);
        }
    }
}

/* Archives are read once for each storage, or once a node where they are the node's own. */
static void want_archives(struct picture *p) {
    if (!(p->ask.what & PIC_BACKUPS) || p->archives_wanted || p->n_store == 0 || p->n_node == 0) {
        return;
    }
    p->archives_wanted = true;
    for (size_t i = 0; i < p->n_store; i++) {
        const struct store *s = &p->store[i];
        bool done = false;

        if (s->disabled || !words_have(js_str_or(s->def, "content", ""), "backup") ||
            (p->ask_storage && strcmp(s->id, p->ask_storage) == 0)) {
            continue;
        }
        for (size_t k = 0; k < p->n_node && !(done && s->shared); k++) {
            struct content *c;

            if (!store_on_node(s->def, p->node[k].name) || (s->shared && !p->node[k].online)) {
                continue;
            }
            c = picture_grow(&p->archive, &p->n_archive, sizeof(*c));
            c->storage = s->id;
            c->node = p->node[k].name;
            c->part = (struct part){PART_FAILED, "the node is offline", NULL};
            done = true;
            if (p->node[k].online) {
                picture_want(p, NULL, "/nodes/%s/storage/%s/content?content=backup", c->node,
                             s->id);
            }
        }
    }
}

static void put_archives(struct picture *p, const char *node, const char *storage, const js *data,
                         int result, const struct err *why) {
    for (size_t i = 0; i < p->n_archive; i++) {
        struct content *c = &p->archive[i];
        char path[160];

        if (strcmp(c->node, node) != 0 || strcmp(c->storage, storage) != 0) {
            continue;
        }
        if (result < 0) {
            part_fail(p, &c->part, result, why, "Datastore.Allocate on the storage");
            continue;
        }
        (void)snprintf(path, sizeof(path), "/storage/%s", c->storage);
        if (p->perms_part.state == PART_READ &&
            perms_allow(p->perms, path, "Datastore.AllocateSpace") &&
            perms_allow(p->perms, "/vms", "VM.Backup")) {
            part_read(&c->part);
        } else {
            part_list(p, &c->part, path, "Datastore.Allocate", "Datastore.Allocate on the storage");
        }
        c->list = data;
    }
}

static void put_content(struct picture *p, const char *node, const js *data, int result,
                        const struct err *why) {
    for (size_t i = 0; i < p->n_content; i++) {
        struct content *c = &p->content[i];
        char path[160];

        if (strcmp(c->node, node) != 0) {
            continue;
        }
        if (result < 0) {
            part_fail(p, &c->part, result, why, "Datastore.Allocate on the storage");
            continue;
        }
        (void)snprintf(path, sizeof(path), "/storage/%s", c->storage);
        /* volumes of guests are listed to who may allocate on the storage or owns the guest */
        part_list(p, &c->part, path, "Datastore.Allocate", "Datastore.Allocate on the storage");
        c->list = data;
    }
}

static void put_config(struct picture *p, struct guest *g, const js *data, int result,
                       const struct err *why) {
    if (result == 0 && !js_is_object(data)) {
        result = -EBADMSG;
    }
    if (result < 0) {
        part_fail(p, &g->config, result, why, picture_strf(p, "VM.Audit on /vms/%u", g->vmid));
        return;
    }
    part_read(&g->config);
    g->cfg = data;
    g->parent = picture_str(p, js_str_or(data, "parent", ""));
    put_volumes(p, g->kind, data, &g->vols);
}

static void put_snapshots(struct picture *p, struct guest *g, const js *list, int result,
                          const struct err *why) {
    if (result == 0 && !js_is_array(list)) {
        result = -EBADMSG;
    }
    if (result < 0) {
        part_fail(p, &g->snapshots, result, why, picture_strf(p, "VM.Audit on /vms/%u", g->vmid));
        return;
    }
    part_read(&g->snapshots);
    for (size_t i = 0; i < js_len(list); i++) {
        const js *row = js_at(list, i);
        const char *name = js_str_or(row, "name", "");
        struct guest_snap *s;

        if (strcmp(name, "current") == 0) {
            continue; /* the pseudo entry for the present state */
        }
        if (!ident_is_snapname(name)) {
            g->snapshots = (struct part){PART_FAILED, "a snapshot has an unusual name", NULL};
            continue;
        }
        s = picture_grow(&g->snap, &g->n_snap, sizeof(*s));
        s->name = picture_str(p, name);
        s->parent = picture_str(p, js_str_or(row, "parent", ""));
        s->snaptime = js_int_or(row, "snaptime", 0);
        s->vmstate = js_bool_or(row, "vmstate", false);
        s->config = (struct part){PART_NOT_ASKED, "not asked for", NULL};
        picture_want(p, "config", "/nodes/%s/%s/%u/snapshot/%s/config", g->node, g->kind, g->vmid,
                     s->name);
    }
}

static void put_snap_config(struct picture *p, struct guest *g, const char *name, const js *data,
                            int result, const struct err *why) {
    for (size_t i = 0; i < g->n_snap; i++) {
        struct guest_snap *s = &g->snap[i];

        if (strcmp(s->name, name) != 0) {
            continue;
        }
        if (result < 0 || !js_is_object(data)) {
            part_fail(p, &s->config, result < 0 ? result : -EBADMSG, why,
                      picture_strf(p, "VM.Snapshot or VM.Audit on /vms/%u", g->vmid));
            continue;
        }
        part_read(&s->config);
        s->cfg = data;
        put_volumes(p, g->kind, data, &s->vols);
    }
}

/* The segments of a path, cut at '/' and '?'. */
struct segments {
    char text[512];
    const char *v[8];
    size_t n;
};

static void segments_of(const char *path, struct segments *ret) {
    char *s = ret->text;

    ret->n = 0;
    (void)snprintf(ret->text, sizeof(ret->text), "%s", path);
    while (*s == '/' && ret->n < ARRAY_LEN(ret->v)) {
        *s++ = 0;
        ret->v[ret->n++] = s;
        s += strcspn(s, "/");
    }
}

static void put_below_node(struct picture *p, const char *path, const js *data, int result,
                           const struct err *why) {
    struct segments s;
    struct guest *g;
    uint32_t vmid = 0;

    segments_of(path, &s);
    if (s.n == 5 && strcmp(s.v[2], "storage") == 0 && strchr(s.v[4], '?')) {
        put_archives(p, s.v[1], s.v[3], data, result, why);
        return;
    }
    if (s.n == 5 && strcmp(s.v[2], "storage") == 0) {
        put_content(p, s.v[1], data, result, why);
        return;
    }
    if (s.n < 5 || ident_vmid(s.v[3], &vmid) < 0 || !(g = picture_guest_mut(p, vmid))) {
        return;
    }
    if (s.n == 5 && strcmp(s.v[4], "config") == 0) {
        put_config(p, g, data, result, why);
    } else if (s.n == 5 && strcmp(s.v[4], "snapshot") == 0) {
        put_snapshots(p, g, data, result, why);
    } else if (s.n == 7 && strcmp(s.v[6], "config") == 0) {
        put_snap_config(p, g, s.v[5], data, result, why);
    }
}

/* The lists of the cluster: which part they fill, and what a token needs to see them. */
static void put_cluster(struct picture *p, const char *path, const js *data, int result,
                        const struct err *why) {
    bool rules = strcmp(path, "/cluster/ha/rules") == 0;

    if (strcmp(path, "/cluster/backup") == 0) {
        result < 0 ? part_fail(p, &p->backup_part, result, why, "Sys.Audit on /")
                   : part_read(&p->backup_part);
        p->backup = result < 0 ? NULL : data;
    } else if (strcmp(path, "/cluster/replication") == 0) {
        result < 0 ? part_fail(p, &p->replication_part, result, why, "VM.Audit on /vms")
                   : part_list(p, &p->replication_part, "/vms", "VM.Audit", "VM.Audit on /vms");
        p->replication = result < 0 ? NULL : data;
    } else if (rules && result < 0 && why && why->http_status >= 400 && result != -EACCES) {
        /* before PVE 9 there are groups instead of rules: without rules every node is possible */
        p->rules = NULL;
    } else if (rules || strcmp(path, "/cluster/ha/resources") == 0) {
        if (result < 0) {
            part_fail(p, &p->ha_part, result, why, "Sys.Audit on /");
        } else if (p->ha_part.state == PART_NOT_ASKED) {
            part_read(&p->ha_part);
        }
        *(rules ? &p->rules : &p->ha) = result < 0 ? NULL : data;
    }
}

void picture_put(struct picture *p, const char *path, js *data, int result, const struct err *why) {
    if (data) {
        js_push(p->keep, js_ref(data));
    }
    if (strcmp(path, "/access/permissions") == 0) {
        p->perms = result < 0 ? NULL : data;
        result < 0 ? part_fail(p, &p->perms_part, result, why, NULL) : part_read(&p->perms_part);
    } else if (strcmp(path, "/cluster/resources?type=vm") == 0) {
        result < 0 ? part_fail(p, &p->guests_part, result, why, "VM.Audit on /vms")
                   : put_guests(p, data);
    } else if (strcmp(path, "/cluster/resources?type=node") == 0) {
        result < 0 ? part_fail(p, &p->nodes_part, result, why, "Sys.Audit on /nodes")
                   : put_nodes(p, data);
        want_content(p);
        want_archives(p);
    } else if (strcmp(path, "/storage") == 0) {
        result < 0 ? part_fail(p, &p->storage_part, result, why, "Datastore.Audit on /storage")
                   : put_storage(p, data);
        want_content(p);
        want_archives(p);
    } else if (strncmp(path, "/cluster/", 9) == 0) {
        put_cluster(p, path, data, result, why);
    } else if (strncmp(path, "/nodes/", 7) == 0) {
        put_below_node(p, path, data, result, why);
    }
}
