/* SPDX-License-Identifier: Apache-2.0 */
/* Storage definitions, what nodes say lies on the asked storage, and archives on all the others.
 * Content is asked for once storages and nodes are both known. Pure. */
#include "proximo-client/blast/picture_int.h"

#include <stdio.h>
#include <string.h>

#include "common/ident.h"

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

static void put_archives(struct picture *p, const char *node, const char *storage,
                         const struct pic_answer *a) {
    for (size_t i = 0; i < p->n_archive; i++) {
        struct content *c = &p->archive[i];
        char path[160];

        if (strcmp(c->node, node) != 0 || strcmp(c->storage, storage) != 0) {
            continue;
        }
        if (a->result < 0) {
            part_fail(p, &c->part, a, "Datastore.Allocate on the storage");
            continue;
        }
        (void)snprintf(path, sizeof(path), "/storage/%s", c->storage);
        if (p->perms_part.state == PART_READ &&
            perms_cover(p->perms, path, "Datastore.AllocateSpace", NULL) &&
            perms_cover(p->perms, "/vms", "VM.Backup", NULL)) {
            part_read(p, &c->part);
        } else {
            part_list(p, &c->part, path, "Datastore.Allocate", "Datastore.Allocate on the storage");
        }
        c->list = a->data;
    }
}

static void put_content(struct picture *p, const char *node, const struct pic_answer *a) {
    for (size_t i = 0; i < p->n_content; i++) {
        struct content *c = &p->content[i];
        char path[160];

        if (strcmp(c->node, node) != 0) {
            continue;
        }
        if (a->result < 0) {
            part_fail(p, &c->part, a, "Datastore.Allocate on the storage");
            continue;
        }
        (void)snprintf(path, sizeof(path), "/storage/%s", c->storage);
        /* volumes of guests are listed to who may allocate on the storage or owns the guest */
        part_list(p, &c->part, path, "Datastore.Allocate", "Datastore.Allocate on the storage");
        c->list = a->data;
    }
}

static void start(struct picture *p) {
    picture_want(p, "whole", "/storage");
}

static void settle(struct picture *p) {
    want_content(p);
    want_archives(p);
}

static bool put(struct picture *p, const struct pic_answer *a) {
    if (strcmp(a->path, "/storage") == 0) {
        a->result < 0 ? part_fail(p, &p->storage_part, a, "Datastore.Audit on /storage")
                      : put_storage(p, a->data);
        return true;
    }
    if (a->n != 5 || strcmp(a->v[0], "nodes") != 0 || strcmp(a->v[2], "storage") != 0) {
        return false;
    }
    if (strcmp(a->v[4], "content?content=backup") == 0) {
        put_archives(p, a->v[1], a->v[3], a);
        return true;
    }
    if (strcmp(a->v[4], "content") == 0) {
        put_content(p, a->v[1], a);
        return true;
    }
    return false;
}

const struct pic_part part_storage = {
    .bits = PIC_STORAGE | PIC_CONTENT | PIC_BACKUPS,
    .start = start,
    .settle = settle,
    .put = put,
};
