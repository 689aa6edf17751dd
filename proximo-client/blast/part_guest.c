/* SPDX-License-Identifier: Apache-2.0 */
/* Guests lead to configurations and snapshot lists, those to each snapshot's own configuration.
 * Pure. */
#include "proximo-client/blast/picture_int.h"

#include <stdio.h>
#include <string.h>

#include "common/ident.h"

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

static void put_config(struct picture *p, struct guest *g, const struct pic_answer *a) {
    if (a->result < 0 || !js_is_object(a->data)) {
        part_fail(p, &g->config, a, picture_strf(p, "VM.Audit on /vms/%u", g->vmid));
        return;
    }
    part_read(p, &g->config);
    g->cfg = a->data;
    g->parent = picture_str(p, js_str_or(a->data, "parent", ""));
    put_volumes(p, g->kind, a->data, &g->vols);
}

static void put_snapshots(struct picture *p, struct guest *g, const struct pic_answer *a) {
    const js *list = a->data;

    if (a->result < 0 || !js_is_array(list)) {
        part_fail(p, &g->snapshots, a, picture_strf(p, "VM.Audit on /vms/%u", g->vmid));
        return;
    }
    part_read(p, &g->snapshots);
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

static void put_snap_config(struct picture *p, struct guest *g, const char *name,
                            const struct pic_answer *a) {
    for (size_t i = 0; i < g->n_snap; i++) {
        struct guest_snap *s = &g->snap[i];

        if (strcmp(s->name, name) != 0) {
            continue;
        }
        if (a->result < 0 || !js_is_object(a->data)) {
            part_fail(p, &s->config, a,
                      picture_strf(p, "VM.Snapshot or VM.Audit on /vms/%u", g->vmid));
            continue;
        }
        part_read(p, &s->config);
        s->cfg = a->data;
        put_volumes(p, g->kind, a->data, &s->vols);
    }
}

/* The list of snapshots is asked for even where the configuration names no parent: the state may
 * descend from none of those that there are (its parent was deleted after a rollback, say), and no
 * answer of the API tells of the snapshots of more guests than one. */
static void want_guest(struct picture *p, const struct guest *g) {
    if (!picture_asks(p, g)) {
        return;
    }
    if (p->ask.what & PIC_CONFIGS) {
        picture_want(p, "config", "/nodes/%s/%s/%u/config", g->node, g->kind, g->vmid);
    }
    if (p->ask.what & PIC_SNAPSHOTS) {
        picture_want(p, "snapshots", "/nodes/%s/%s/%u/snapshot", g->node, g->kind, g->vmid);
    }
}

static bool put(struct picture *p, const struct pic_answer *a) {
    struct guest *g;
    uint32_t vmid = 0;

    if (a->n < 5 || strcmp(a->v[0], "nodes") != 0 || ident_vmid(a->v[3], &vmid) < 0 ||
        !(g = picture_guest_mut(p, vmid))) {
        return false;
    }
    if (a->n == 5 && strcmp(a->v[4], "config") == 0) {
        put_config(p, g, a);
    } else if (a->n == 5 && strcmp(a->v[4], "snapshot") == 0) {
        put_snapshots(p, g, a);
    } else if (a->n == 7 && strcmp(a->v[4], "snapshot") == 0 && strcmp(a->v[6], "config") == 0) {
        put_snap_config(p, g, a->v[5], a);
    } else {
        return false;
    }
    return true;
}

const struct pic_part part_guest = {
    .bits = PIC_CONFIGS | PIC_SNAPSHOTS,
    .guest = want_guest,
    .put = put,
};
