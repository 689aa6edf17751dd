/* SPDX-License-Identifier: Apache-2.0 */
/* One disk of a guest: finding it, and the room on a storage. A storage that promises more than it
 * has (thin pools, sparse files) does not refuse what does not fit: every guest on it stands still
 * when it runs full, so that counts as the worse case of the two. */
#include "proximo-client/blast/disk_int.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/ident.h"

/* "1.5G" is allowed by PVE, so there are digits after a point; all in integers. */
bool size_parse(const char *text, int64_t *ret) {
    static const char units[] = "KMGT";
    size_t whole = strspn(text, "0123456789");
    uint64_t n = 0;
    uint64_t part = 0;
    uint64_t scale = 1;
    const char *s = text + whole;
    const char *unit;
    unsigned int shift;

    if (ident_u64n(text, whole, &n) < 0) {
        return false;
    }
    if (*s == '.') {
        for (s++; *s >= '0' && *s <= '9' && scale < 1000000; s++, scale *= 10) {
            part = part * 10 + (uint64_t)(*s - '0');
        }
        s += strspn(s, "0123456789");
    }
    unit = *s ? strchr(units, *s) : NULL;
    if ((*s && !unit) || (unit && s[1])) {
        return false;
    }
    shift = unit ? 10u * (unsigned int)(unit - units + 1) : 0;
    if (n >= (uint64_t)INT64_MAX >> shift) {
        return false;
    }
    *ret = (int64_t)((n << shift) + ((part << shift) / scale));
    return true;
}

int64_t value_size(const char *value) {
    char text[32];
    int64_t n;

    return config_option(value, "size", text, sizeof(text)) && size_parse(text, &n) ? n : -1;
}

void disk_hit(struct disk *k, const char *effect, enum risk severity, const char *via,
              const char *fmt, ...) {
    va_list ap;

    va_start(ap, fmt);
    tally_guestv(&k->t, k->d, k->g, effect, severity, via, fmt, ap);
    va_end(ap);
}

void disk_refused(struct disk *k, const char *fmt, ...) {
    char why[320];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    k->refused++;
    draft_risk(k->d, RISK_HIGH, "will be refused: %s", why);
}

bool disk_find(struct disk *k, uint32_t vmid, const char *key) {
    k->g = picture_guest(k->p, vmid);
    if (!k->g || k->g->config.state != PART_READ) {
        draft_unread(k->d, k->g ? "the guest's configuration" : "the guest",
                     k->g ? k->g->config.why : "it is not among those the token may see",
                     "VM.Audit on the guest");
        return false;
    }
    k->is_ct = strcmp(k->g->kind, "lxc") == 0;
    k->value = js_str_or(k->g->cfg, key, "");
    k->size = value_size(k->value);
    for (size_t i = 0; i < k->g->vols.n; i++) {
        if (strcmp(k->g->vols.v[i].key, key) == 0) {
            k->v = &k->g->vols.v[i];
        }
    }
    if (!k->v || k->v->kind == VOLUME_EMPTY || k->v->reference ||
        (k->v->cdrom && !k->v->cloudinit)) {
        disk_refused(k, "%s has no disk %.40s", k->g->resource, key);
        return false;
    }
    if (k->v->kind != VOLUME_STORAGE) {
        disk_refused(k, "%.40s is a path of the host, not a volume", key);
        return false;
    }
    k->from = picture_store(k->p, k->v->storage);
    if (!k->from) {
        draft_unread(k->d, k->v->storage, "its definition was not read",
                     "Datastore.Audit on /storage");
    }
    return true;
}

bool store_allocates(const struct store *s, bool is_ct) {
    return strcmp(s->type, "lvm") == 0 ||
           (strcmp(s->type, "zfspool") == 0 && !is_ct && !js_bool_or(s->def, "sparse", false)) ||
           strcmp(js_str_or(s->def, "preallocation", ""), "full") == 0 ||
           strcmp(js_str_or(s->def, "preallocation", ""), "falloc") == 0;
}

static unsigned int guests_on(const struct picture *p, const char *storage) {
    const struct guest *g;
    size_t n = picture_guests(p, &g);
    unsigned int found = 0;

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < g[i].vols.n; k++) {
            if (g[i].vols.v[k].kind == VOLUME_STORAGE &&
                strcmp(g[i].vols.v[k].storage, storage) == 0) {
                found++;
                break;
            }
        }
    }
    return found;
}

/* A thin pool that has no room for its own book-keeping fails as a whole. */
static void check_metadata(struct disk *k, const struct store *to) {
    char path[120];
    const js *pools;
    struct part part;

    (void)snprintf(path, sizeof(path), "/nodes/%.60s/disks/lvmthin", k->g->node);
    pools = picture_answer(k->p, path, &part);
    for (size_t i = 0; i < js_len(pools); i++) {
        const js *pool = js_at(pools, i);
        const int64_t size = js_int_or(pool, "metadata_size", 0);
        const int64_t used = js_int_or(pool, "metadata_used", 0);

        if (strcmp(js_str_or(pool, "lv", ""), js_str_or(to->def, "thinpool", "?")) != 0 ||
            strcmp(js_str_or(pool, "vg", ""), js_str_or(to->def, "vgname", "?")) != 0) {
            continue;
        }
        if (size > 0 && used > size / 10 * 8) {
            draft_risk(k->d, RISK_HIGH,
                       "thin pool %s/%s has %" PRId64 " %% of its metadata in use: when that is "
                       "full, the whole pool fails",
                       js_str_or(pool, "vg", "?"), js_str_or(pool, "lv", "?"), used * 100 / size);
        }
        return;
    }
    draft_unread(k->d, "metadata of the thin pool",
                 part.state == PART_READ ? "the node does not list the pool" : part.why,
                 part.privilege);
}

void disk_room(struct disk *k, const struct store *to, int64_t bytes, bool allocates) {
    struct part part;
    const int64_t avail = node_space(k->p, k->g->node, to->id, &part);

    if (strcmp(to->type, "lvmthin") == 0) {
        check_metadata(k, to);
    }
    if (bytes < 0 || avail < 0) {
        draft_unread(k->d, bytes < 0 ? "the size of the disk" : "room on the storage",
                     bytes < 0 || part.state == PART_READ ? "it is not told" : part.why,
                     part.privilege);
        return;
    }
    if (bytes > avail && allocates) {
        disk_refused(k, "%" PRId64 " MiB do not fit on %.60s, where %" PRId64 " MiB are left",
                     bytes >> 20, to->id, avail >> 20);
    } else if (bytes > avail) {
        draft_risk(k->d, RISK_HIGH,
                   "%.60s has %" PRId64 " MiB left and may have to take %" PRId64 " MiB: %u guests "
                   "there stand still if it runs full",
                   to->id, avail >> 20, bytes >> 20, guests_on(k->p, to->id));
    } else if (avail - bytes < avail / 10) {
        draft_risk(k->d, RISK_MEDIUM, "%.60s will be nearly full (%" PRId64 " MiB left)", to->id,
                   (avail - bytes) >> 20);
    }
}
