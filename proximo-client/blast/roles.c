/* SPDX-License-Identifier: Apache-2.0 */
/* What a volume is to its guest (does it start without?), and the small readers that the analysers
 * share. Rule of PVE: with "boot: order=…" the first disk named is booted; the older "bootdisk"
 * names it; with neither nobody can tell among several disks. */
#include "proximo-client/blast/blast_int.h"

#include <stdio.h>
#include <string.h>

#include "common/own.h"

static bool is_disk(const struct volume *v) {
    return !v->cdrom && !v->unused && !v->firmware && !v->vmstate && !v->reference;
}

static const struct volume *disk_named(const struct guest *g, const char *key, size_t len) {
    for (size_t i = 0; i < g->vols.n; i++) {
        const struct volume *v = &g->vols.v[i];

        if (is_disk(v) && strlen(v->key) == len && memcmp(v->key, key, len) == 0) {
            return v;
        }
    }
    return NULL;
}

/* The booted disk; NULL with *ret_unknown when the configuration does not say. */
static const struct volume *boot_disk(const struct guest *g, bool *ret_unknown) {
    const char *boot = js_str_or(g->cfg, "boot", "");
    const char *order = strstr(boot, "order=");
    const char *old = js_get_str(g->cfg, "bootdisk");
    const struct volume *only = NULL;
    size_t disks = 0;

    *ret_unknown = false;
    if (strcmp(g->kind, "lxc") == 0) {
        return disk_named(g, "rootfs", 6);
    }
    if (order) {
        for (const char *s = order + 6; *s && *s != ',';) {
            size_t len = strcspn(s, ";,");
            const struct volume *v = disk_named(g, s, len);

            if (v) {
                return v;
            }
            s += len + (s[len] == ';');
        }
        return NULL; /* boots from something else, by its own word */
    }
    if (old && (only = disk_named(g, old, strlen(old)))) {
        return only;
    }
    for (size_t i = 0; i < g->vols.n; i++) {
        if (is_disk(&g->vols.v[i])) {
            only = &g->vols.v[i];
            disks++;
        }
    }
    *ret_unknown = disks > 1;
    return disks == 1 ? only : NULL;
}

enum role volume_role(const struct guest *g, const struct volume *v) {
    bool is_unknown = false;
    const struct volume *boot;

    if (v->unused) {
        return ROLE_UNUSED;
    }
    if (v->reference) {
        return ROLE_REFERENCE;
    }
    if (v->vmstate) {
        return ROLE_STATE;
    }
    if (v->firmware) {
        return ROLE_FIRMWARE;
    }
    if (v->cloudinit) {
        return ROLE_CLOUDINIT;
    }
    if (v->cdrom) {
        return ROLE_MEDIA;
    }
    boot = boot_disk(g, &is_unknown);
    return boot && strcmp(boot->key, v->key) == 0 ? ROLE_BOOT
           : is_unknown                           ? ROLE_MAYBE_BOOT
                                                  : ROLE_DATA;
}

bool role_is_vital(enum role r) {
    return r == ROLE_BOOT || r == ROLE_MAYBE_BOOT || r == ROLE_FIRMWARE || r == ROLE_CLOUDINIT ||
           r == ROLE_STATE;
}

bool del_has(const js *del, const char *key) {
    if (js_is_str(del)) {
        return words_have(json_object_get_string((js *)(uintptr_t)del), key);
    }
    for (size_t i = 0; i < js_len(del); i++) {
        const js *k = js_at(del, i);

        if (js_is_str(k) && strcmp(json_object_get_string((js *)(uintptr_t)k), key) == 0) {
            return true;
        }
    }
    return false;
}

const char *value_print(const js *v, char tmp[static 24]) {
    js *m = (js *)(uintptr_t)v;

    if (!v) {
        return NULL;
    }
    if (js_is_str(v)) {
        return json_object_get_string(m);
    }
    (void)snprintf(tmp, 24, "%lld",
                   json_object_is_type(m, json_type_boolean) ? (long long)json_object_get_boolean(m)
                                                             : (long long)json_object_get_int64(m));
    return tmp;
}

static const js *replication(const struct picture *p, uint32_t vmid, const char *node,
                             bool disabled_too) {
    const js *jobs = picture_replication_jobs(p);

    for (size_t i = 0; i < js_len(jobs); i++) {
        const js *j = js_at(jobs, i);

        if (js_int_or(j, "guest", 0) == (int64_t)vmid &&
            (disabled_too || !js_bool_or(j, "disable", false)) &&
            (!node || strcmp(js_str_or(j, "target", ""), node) == 0)) {
            return j;
        }
    }
    return NULL;
}

const js *replication_to(const struct picture *p, uint32_t vmid, const char *node) {
    return replication(p, vmid, node, false);
}

const js *replication_of(const struct picture *p, uint32_t vmid) {
    return replication(p, vmid, NULL, false);
}

const js *replication_to_any(const struct picture *p, uint32_t vmid, const char *node) {
    return replication(p, vmid, node, true);
}

const js *replication_any(const struct picture *p, uint32_t vmid) {
    return replication(p, vmid, NULL, true);
}

void words_each(const char *words, void (*f)(void *ctx, const char *word), void *ctx) {
    for (const char *s = words; *s;) {
        size_t len = strcspn(s, ",; ");
        char word[128];

        if (len > 0 && len < sizeof(word)) {
            (void)snprintf(word, sizeof(word), "%.*s", (int)len, s);
            f(ctx, word);
        }
        s += len + (s[len] != 0);
    }
}

void tally_affect(struct tally *t, struct draft *d, const struct affect *a) {
    size_t i = 0;

    draft_affect(d, a);
    while (i < t->n && strcmp(t->row[i].effect, a->effect) != 0) {
        i++;
    }
    if (i == ARRAY_LEN(t->row)) {
        return; /* more effects than there are; the affect itself is in the draft */
    }
    if (i == t->n) {
        t->n++;
        t->row[i].effect = a->effect;
    }
    t->row[i].n++;
    t->row[i].running += a->running;
    if (a->severity > t->row[i].worst) {
        t->row[i].worst = a->severity;
    }
}

void tally_guest(struct tally *t, struct draft *d, const struct guest *g, const char *effect,
                 enum risk severity, const char *via, const char *why) {
    tally_affect(t, d,
                 &(struct affect){.resource = g->resource,
                                  .name = g->name,
                                  .node = g->node,
                                  .effect = effect,
                                  .severity = severity,
                                  .running = g->running,
                                  .via = via,
                                  .why = why});
}

void tally_guestv(struct tally *t, struct draft *d, const struct guest *g, const char *effect,
                  enum risk severity, const char *via, const char *fmt, va_list ap) {
    char why[320];

    (void)vsnprintf(why, sizeof(why), fmt, ap);
    tally_guest(t, d, g, effect, severity, via, why);
}

void tally_other(struct tally *t, struct draft *d, const char *resource, const char *effect,
                 enum risk severity, const char *via, const char *why) {
    tally_affect(
        t, d,
        &(struct affect){
            .resource = resource, .effect = effect, .severity = severity, .via = via, .why = why});
}

void tally_otherv(struct tally *t, struct draft *d, const char *resource, const char *effect,
                  enum risk severity, const char *via, const char *fmt, va_list ap) {
    char why[400];

    (void)vsnprintf(why, sizeof(why), fmt, ap);
    tally_other(t, d, resource, effect, severity, via, why);
}

bool volume_same(const struct volume *a, const struct volume *b) {
    return a->kind == b->kind && strcmp(a->storage, b->storage) == 0 &&
           strcmp(a->name, b->name) == 0;
}

bool volumes_have(const struct volumes *vols, const struct volume *v) {
    for (size_t i = 0; i < vols->n; i++) {
        if (volume_same(&vols->v[i], v)) {
            return true;
        }
    }
    return false;
}

bool store_usable(const struct store *s, const char *node) {
    return s && !s->disabled && store_on_node(s->def, node);
}

void tally_risk(const struct tally *t, struct draft *d) {
    for (size_t i = 0; i < t->n; i++) {
        draft_risk(d, t->row[i].worst, "%s: %u (%u running)", t->row[i].effect, t->row[i].n,
                   t->row[i].running);
    }
}

void age_text(int64_t seconds, char *ret, size_t size) {
    if (seconds < 0) {
        (void)snprintf(ret, size, "unknown time (clocks differ)");
    } else if (seconds < 7200) {
        (void)snprintf(ret, size, "%lld minutes", (long long)(seconds / 60));
    } else if (seconds < 172800) {
        (void)snprintf(ret, size, "%lld hours", (long long)(seconds / 3600));
    } else {
        (void)snprintf(ret, size, "%lld days", (long long)(seconds / 86400));
    }
}
