/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes of a guest that moves: shared ones stay where they are, local ones are copied - if the
 * target has a storage for them that takes their format, if there is room, and if they are ones
 * that PVE can copy: not an ISO, not a clone, not somebody else's, not with snapshots that cannot
 * be sent. */
#include "proximo-client/blast/migrate_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"

const char *map_storage(const char *map, const char *from, char *tmp, size_t size) {
    const char *fallback = from;
    size_t n = strlen(from);

    for (const char *s = map; *s;) {
        size_t len = strcspn(s, ",");
        const char *colon = memchr(s, ':', len);

        if (colon && (size_t)(colon - s) == n && strncmp(s, from, n) == 0) {
            (void)snprintf(tmp, size, "%.*s", (int)(len - n - 1), colon + 1);
            return tmp;
        }
        if (!colon && !(len == 1 && *s == '1')) { /* "1": each to the one of its own name */
            (void)snprintf(tmp, size, "%.*s", (int)len, s);
            fallback = tmp;
        }
        s += len + (s[len] == ',');
    }
    return fallback;
}

int64_t room_take(struct rooms *r, const char *node, const char *storage, int64_t bytes) {
    struct room *more;

    for (size_t i = 0; i < r->n; i++) {
        const bool is_same =
            storage ? r->v[i].storage && strcmp(r->v[i].storage, storage) == 0 : !r->v[i].storage;

        if (is_same && strcmp(r->v[i].node, node) == 0) {
            return r->v[i].used += bytes;
        }
    }
    more = reallocarray(r->v, r->n + 1, sizeof(*more));
    if (!more) {
        abort();
    }
    r->v = more;
    r->v[r->n++] = (struct room){node, storage, bytes};
    return bytes;
}

/* How a volume's bytes travel: only like to like, with or without snapshots inside. */
enum stream { STREAM_ZFS, STREAM_FILE, STREAM_RAW };

static bool ends_with(const char *s, const char *end) {
    size_t n = strlen(s);
    size_t m = strlen(end);

    return n >= m && strcmp(s + n - m, end) == 0;
}

static bool is_qcow2(const struct volume *v) {
    return ends_with(v->name, ".qcow2") || ends_with(v->name, ".vmdk");
}

static enum stream stream_of(const struct store *s, const struct volume *v) {
    return strcmp(s->type, "zfspool") == 0 ? STREAM_ZFS : is_qcow2(v) ? STREAM_FILE : STREAM_RAW;
}

static bool takes_stream(const struct store *s, enum stream stream) {
    static const char files[] = "dir,nfs,cifs,cephfs,glusterfs";
    static const char raw[] = "dir,nfs,cifs,cephfs,glusterfs,btrfs,lvm,lvmthin,rbd";

    return stream == STREAM_ZFS ? strcmp(s->type, "zfspool") == 0
                                : words_have(stream == STREAM_FILE ? files : raw, s->type);
}

/* Where the volume goes; NULL when something is in the way (and was said). */
static const struct store *target_of(struct move *m, const struct volume *v, const char *via,
                                     const struct store *from) {
    const char *content = m->is_ct ? "rootdir" : v->cdrom && !v->cloudinit ? "iso" : "images";
    char tmp[128];
    const char *id = from->shared ? from->id : map_storage(m->map, from->id, tmp, sizeof(tmp));
    const struct store *to = picture_store(m->p, id);

    if (!store_usable(to, m->target)) {
        move_blocks(m, via, "its storage %.60s is not available at %s", id, m->target);
        return NULL;
    }
    if (!words_have(js_str_or(to->def, "content", content), content)) {
        move_blocks(m, via, "storage %.60s does not take %s", id, content);
        return NULL;
    }
    return to;
}

static bool snapshots_travel(const struct store *s, const struct volume *v, bool is_ct) {
    const bool is_zfs_or_btrfs =
        strcmp(s->type, "zfspool") == 0 || (strcmp(s->type, "btrfs") == 0 && !is_qcow2(v));

    return is_zfs_or_btrfs || (!is_ct && ends_with(v->name, ".qcow2") &&
                               !js_bool_or(s->def, "snapshot-as-volume-chain", false));
}

static void on_clone(void *ctx, const struct ref *r) {
    *(bool *)ctx = *(bool *)ctx || r->is_clone;
}

static const char *value_of(const struct move *m, const struct volume *v,
                            const struct guest_snap *snap) {
    return js_str_or(snap ? snap->cfg : m->g->cfg, v->key, "");
}

int64_t node_space(const struct picture *p, const char *node, const char *storage,
                   struct part *ret) {
    char path[120];
    const js *list;

    (void)snprintf(path, sizeof(path), "/nodes/%.60s/storage", node);
    list = picture_answer(p, path, ret);
    for (size_t i = 0; i < js_len(list); i++) {
        if (strcmp(js_str_or(js_at(list, i), "storage", ""), storage) == 0) {
            return js_int_or(js_at(list, i), "avail", -1);
        }
    }
    return -1;
}

/* A copy of known size onto a storage of known room. */
static void check_room(struct move *m, const struct volume *v, const struct store *to,
                       int64_t bytes) {
    struct part part;
    int64_t avail = node_space(m->p, m->target, to->id, &part);
    int64_t sum;

    if ((bytes < 0 || avail < 0) && !m->d) {
        return; /* a trial: the move itself says that it is not known */
    }
    if (bytes < 0 || avail < 0) {
        draft_unread(m->d, bytes < 0 ? "the size of a volume" : "room on the target's storage",
                     part.state == PART_READ ? "it is not told" : part.why, part.privilege);
        return;
    }
    sum = room_take(m->rooms, m->target, to->id, bytes);
    if (sum > avail) {
        move_blocks(m, v->key,
                    "does not fit: %" PRId64 " MiB go to %.60s at %s, %" PRId64 " MiB are left",
                    sum >> 20, to->id, m->target, avail >> 20);
    } else if (avail - sum < avail / 10 && m->d) {
        draft_risk(m->d, RISK_MEDIUM, "%.60s at %s will be nearly full", to->id, m->target);
    }
}

static void check_copy(struct move *m, const struct volume *v, const struct guest_snap *snap,
                       const struct store *from, const struct store *to, const char *via) {
    const bool is_attached =
        !snap && !v->unused && !v->cloudinit && !v->vmstate && strncmp(v->key, "tpmstate", 8) != 0;
    const bool is_replicated =
        m->job && v->replicated && !v->cdrom && !v->vmstate && strcmp(from->type, "zfspool") == 0;

    if (m->live && is_attached && !m->with_disks) {
        move_blocks(m, via,
                    "is on local storage %.60s: a running guest goes only with "
                    "with-local-disks",
                    from->id);
    }
    if (!words_have("dir,btrfs,zfspool,lvmthin,lvm", from->type)) {
        move_blocks(m, via, "storage type %.40s cannot be copied", from->type);
        return;
    }
    if (v->base) {
        move_blocks(m, via, "is a linked clone of %u on local storage", v->base);
        return;
    }
    if (!(m->live && is_attached) && to != from && !takes_stream(to, stream_of(from, v))) {
        move_blocks(m, via, "cannot be copied from %.40s to %.40s", from->type, to->type);
        return;
    }
    if (is_replicated) {
        move_hit(m, "changed", RISK_LOW, via, "is replicated there: only the difference is sent");
        return;
    }
    move_hit(m, "changed", RISK_LOW, via, "is copied from %s to %.60s at %s", m->g->node, to->id,
             m->target);
    check_room(m, v, to, v->vmstate || v->cloudinit ? 0 : value_size(value_of(m, v, snap)));
}

static bool is_in_snapshot(const struct guest *g, const struct volume *v) {
    for (size_t s = 0; s < g->n_snap; s++) {
        if (volumes_have(&g->snap[s].vols, v)) {
            return true;
        }
    }
    return false;
}

static void check_local(struct move *m, const struct volume *v, const struct guest_snap *snap,
                        const struct store *from, const struct store *to, const char *via) {
    const bool is_replicated = m->job && v->replicated && strcmp(from->type, "zfspool") == 0;
    bool has_clone = false;

    if (v->cloudinit) {
        check_copy(m, v, snap, from, to, via);
        return;
    }
    if (v->cdrom) {
        move_blocks(m, via, "is a medium on local storage %.60s: take it out first", from->id);
        return;
    }
    if (volume_owner(v->name) != m->g->vmid) {
        move_blocks(m, via, "belongs by its name to guest %u", volume_owner(v->name));
        return;
    }
    if (!v->vmstate && (snap || is_in_snapshot(m->g, v))) {
        if (m->live && !is_replicated) {
            move_blocks(m, via, "has snapshots on local storage: cannot be copied while running");
            return;
        }
        if (!snapshots_travel(from, v, m->is_ct)) {
            move_blocks(m, via, "has snapshots that %.40s storage cannot send", from->type);
            return;
        }
    }
    if (m->g->template) {
        refs_each(m->p, v->storage, v->name, on_clone, &has_clone);
    }
    if (has_clone) {
        move_blocks(m, via, "is the base of linked clones on local storage");
        return;
    }
    check_copy(m, v, snap, from, to, via);
}

static bool is_shared_path(const struct move *m, const struct volume *v,
                           const struct guest_snap *snap) {
    char text[8];

    return config_option(value_of(m, v, snap), "shared", text, sizeof(text)) &&
           strcmp(text, "1") == 0;
}

static void check_volume(struct move *m, const struct volume *v, const struct guest_snap *snap,
                         const char *via) {
    const struct store *from;
    const struct store *to;

    if (v->kind == VOLUME_EMPTY || v->reference) {
        return;
    }
    if (v->kind == VOLUME_BIND || v->kind == VOLUME_DEVICE) {
        if (strcmp(v->name, "cdrom") == 0) {
            move_blocks(m, via, "is the CD drive of %s", m->g->node);
        } else if (!is_shared_path(m, v, snap)) {
            move_blocks(m, via, "is the path %.100s of %s, not said to be shared", v->name,
                        m->g->node);
        }
        return;
    }
    from = v->kind == VOLUME_STORAGE ? picture_store(m->p, v->storage) : NULL;
    if (!from) {
        move_blocks(m, via, "its storage is not known");
        return;
    }
    if (!store_usable(from, m->g->node)) {
        move_blocks(m, via, "its storage %.60s is not available at %s, where it is", from->id,
                    m->g->node);
        return;
    }
    to = target_of(m, v, via, from);
    if (to && !from->shared) {
        check_local(m, v, snap, from, to, via);
    }
}

void move_disks(struct move *m) {
    for (size_t i = 0; i < m->g->vols.n; i++) {
        check_volume(m, &m->g->vols.v[i], NULL, m->g->vols.v[i].key);
    }
    for (size_t s = 0; s < m->g->n_snap; s++) {
        const struct guest_snap *snap = &m->g->snap[s];

        for (size_t i = 0; i < snap->vols.n; i++) {
            char via[100];

            if (volumes_have(&m->g->vols, &snap->vols.v[i])) {
                continue;
            }
            (void)snprintf(via, sizeof(via), "snapshot %.60s %s", snap->name, snap->vols.v[i].key);
            check_volume(m, &snap->vols.v[i], snap, via);
        }
    }
}
