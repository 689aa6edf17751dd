/* SPDX-License-Identifier: Apache-2.0 */
/* A guest is copied: linked to a template (which is then bound to the copy), or in full; or it
 * becomes a template itself and never starts again. */
#include "proximo-client/blast/identity.h"
#include "proximo-client/blast/newcomer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/own.h"
#include "common/volfeature.h"

struct clone {
    struct newcomer n; /* the copy */
    const struct guest *from;
    const struct guest_snap *snap; /* NULL: as it is now */
    const js *form;
    const char *storage; /* or NULL: each volume where it is */
    bool is_ct, linked;
    bool binds; /* the source cannot go while the copy is there */
};

static bool is_copied(const struct volume *v) {
    return v->kind == VOLUME_STORAGE && !v->unused && !v->vmstate && !v->reference &&
           (!v->cdrom || v->cloudinit);
}

/* Of a linked copy the cloud-init drive and the TPM state are copied all the same. */
static bool is_linked(const struct clone *c, const struct volume *v) {
    return c->linked && !v->cloudinit && strcmp(v->key, "tpmstate0") != 0;
}

/* Of a container a copy in full is made file by file, whatever its storage can. */
static void check_feature(struct clone *c, const struct volume *v, const struct store *s) {
    bool linked = is_linked(c, v);

    if (!s || (c->is_ct && !linked)) {
        return;
    }
    if (volume_feature(s->type, v->name, linked ? "clone" : "copy", c->snap != NULL, c->is_ct) ==
        0) {
        newcomer_refused(&c->n, "%s is on %.60s, which knows no %s copies of %s", v->key, s->id,
                         linked ? "linked" : "full",
                         c->snap                        ? "a snapshot"
                         : linked && !c->from->template ? "what is no template"
                         : c->is_ct                     ? "containers"
                                                        : "it");
        return;
    }
    c->binds |= linked && volume_link_binds(s->type, v->name);
}

static void clone_volume(struct clone *c, const struct volume *v) {
    const char *value = js_str_or(c->snap ? c->snap->cfg : c->from->cfg, v->key, "");
    const struct store *s = picture_store(c->n.p, v->storage);
    const char *to = c->storage && !c->linked ? c->storage : v->storage;

    if (c->is_ct && (v->kind == VOLUME_BIND || v->kind == VOLUME_DEVICE)) {
        newcomer_refused(&c->n, "%s is a path of the host, which a copy cannot have", v->key);
    }
    if (!is_copied(v)) {
        return;
    }
    if (strcmp(c->from->node, c->n.g.node) != 0 && s && !s->shared) {
        newcomer_refused(&c->n, "%s is on local storage %.60s: the copy cannot be made at %s",
                         v->key, v->storage, c->n.g.node);
        return;
    }
    check_feature(c, v, s);
    newcomer_volume(&c->n, v->key, to, c->is_ct ? "rootdir" : "images",
                    is_linked(c, v) ? 0
                    : v->cloudinit  ? (int64_t)4 << 20
                                    : value_size(value));
}

static void clone_volumes(struct clone *c) {
    const struct volumes *vols = c->snap ? &c->snap->vols : &c->from->vols;

    for (size_t i = 0; i < vols->n; i++) {
        clone_volume(c, &vols->v[i]);
    }
}

/* What kind of copy it becomes, and what forbids it. */
static void check_kind(struct clone *c) {
    const char *name = js_get_str(c->form, "snapname");

    c->linked = !js_bool_or(c->form, "full", !c->from->template);
    if (c->linked && c->storage) {
        newcomer_refused(&c->n, "a linked copy stays on the storage of its template");
    }
    if (name && !c->snap && c->from->snapshots.state == PART_READ) {
        newcomer_refused(&c->n, "%s has no snapshot %.60s", c->from->resource, name);
    }
    if (c->is_ct && c->from->running && !name) {
        newcomer_refused(&c->n, "a running container is only copied from a snapshot");
    }
}

/* The copy gets MAC addresses and a UUID of its own; addresses that are written down stay. */
static void check_doubles(struct clone *c) {
    struct identity same;

    if (c->binds) {
        tally_guest(&c->n.t, c->n.d, c->from, "changed", RISK_LOW, "linked",
                    "the copy lives on its volumes: it cannot be destroyed while the copy is "
                    "there");
    } else if (c->from->running && !c->linked) {
        tally_guest(&c->n.t, c->n.d, c->from, "none", RISK_LOW, "full", "it is read while it runs");
    }
    if (identity_shared(c->n.g.cfg, c->n.g.cfg, true, &same) && same.ip) {
        tally_guest(&c->n.t, c->n.d, c->from, "degraded", RISK_MEDIUM, "identity",
                    "the copy has the same IP address: two of them in one network disturb each "
                    "other once both run");
    }
}

static void clone_done(struct clone *c) {
    newcomer_done(&c->n);
}

static int not_seen(struct draft *d) {
    draft_unread(d, "the guest", "it is not among those the token may see",
                 "VM.Audit on the guest");
    return -ENOENT;
}

int blast_clone(const struct picture *p, uint32_t vmid, const js *form, struct draft *d) {
    CLEANUP(clone_done)
    struct clone c = {
        .from = picture_guest(p, vmid), .form = form, .storage = js_get_str(form, "storage")};
    const char *name = js_get_str(form, "snapname");

    blast_unread(p, 0, 0, d); /* the number may be a guest's that is not to be seen */
    blast_unread(p, BLAST_CLONE_NEEDS, vmid, d);
    if (!c.from) {
        return not_seen(d);
    }
    newcomer_init(&c.n, p, d, c.from->kind, js_int_or(form, "newid", 0),
                  js_str_or(form, "target", c.from->node));
    c.is_ct = strcmp(c.from->kind, "lxc") == 0;
    c.snap = name ? guest_snap_find(c.from, name) : NULL;
    c.n.g.cfg = c.snap ? c.snap->cfg : c.from->cfg;
    c.n.pool = js_get_str(form, "pool");
    check_kind(&c);
    newcomer_hit(&c.n, "changed", RISK_LOW, NULL,
                 "a %s copy of %s is made at %s, with its host name, keys and services inside",
                 c.linked ? "linked" : "full", c.from->resource, c.n.g.node);
    newcomer_number(&c.n);
    clone_volumes(&c);
    newcomer_host(&c.n, false);
    check_doubles(&c);
    return 0;
}

/* ---- templates ---- */

/* A VM's disk that cannot be a base stays what it is; a container is refused for one. */
static void template_volume(const struct guest *g, const struct volume *v, const struct store *s,
                            struct draft *d, struct tally *t) {
    bool is_ct = strcmp(g->kind, "lxc") == 0;

    if (is_ct && (v->kind == VOLUME_BIND || v->kind == VOLUME_DEVICE)) {
        draft_risk(d, RISK_HIGH, "will be refused: %s is a path of the host", v->key);
    } else if (s && is_ct && volume_feature(s->type, v->name, "template", false, true) == 0) {
        draft_risk(d, RISK_HIGH, "will be refused: %s is on %.60s, which knows no base volumes",
                   v->key, s->id);
    } else if (s && volume_feature(s->type, v->name, "template", false, false) == 0 &&
               !volume_name_is_base(v->name)) {
        tally_guest(t, d, g, "degraded", RISK_MEDIUM, v->key,
                    "the disk is on a storage that knows no base volumes: it stays writable, and "
                    "linked copies of the template are refused");
    }
}

static void template_volumes(const struct picture *p, const struct guest *g, const char *disk,
                             struct draft *d, struct tally *t) {
    for (size_t i = 0; i < g->vols.n; i++) {
        const struct volume *v = &g->vols.v[i];

        if (!v->unused && !v->vmstate && !v->reference && !v->cdrom && !v->cloudinit &&
            (!disk || strcmp(v->key, disk) == 0)) {
            template_volume(g, v, picture_store(p, v->storage), d, t);
        }
    }
}

static void template_refusals(const struct guest *g, const char *disk, struct draft *d) {
    if (g->template && !disk) {
        draft_risk(d, RISK_HIGH, "will be refused: %s is a template already", g->resource);
    }
    if (g->running) {
        draft_risk(d, RISK_HIGH, "will be refused: %s runs", g->resource);
    }
    if (g->n_snap > 0) {
        draft_risk(d, RISK_HIGH, "will be refused: %s has %zu snapshot%s", g->resource, g->n_snap,
                   g->n_snap == 1 ? "" : "s");
    }
}

int blast_template(const struct picture *p, uint32_t vmid, const js *form, struct draft *d) {
    const struct guest *g = picture_guest(p, vmid);
    const char *disk = js_get_str(form, "disk");
    struct tally t = {0};

    blast_unread(p, BLAST_TEMPLATE_NEEDS, vmid, d);
    if (!g) {
        return not_seen(d);
    }
    template_refusals(g, disk, d);
    tally_guest(
        &t, d, g, "wont-boot", RISK_HIGH, disk,
        disk ? "it becomes a template, which can never be started again, with this disk alone "
               "as a base volume"
             : "it becomes a template: it can never be started again");
    template_volumes(p, g, disk, d, &t);
    if (picture_ha_managed(p, g)) {
        tally_guest(&t, d, g, "degraded", RISK_HIGH, "HA",
                    "the HA manager looks after it and will fail to start it: take it out first");
    }
    if (replication_any(p, vmid)) {
        tally_guest(&t, d, g, "degraded", RISK_MEDIUM, "replication",
                    "its volumes get other names: replication starts from nothing");
    }
    tally_risk(&t, d);
    return 0;
}
