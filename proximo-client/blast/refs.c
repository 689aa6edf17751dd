/* SPDX-License-Identifier: Apache-2.0 */
/* Who refers to a volume: every guest's configuration, every snapshot's own, and linked clones,
 * whose volumes carry their base's name in front of their own. */
#include "proximo-client/blast/refs.h"

#include <stdio.h>
#include <string.h>

#include "common/ident.h"
#include "common/volfeature.h"

static bool is_on(const struct volume *v, const char *storage) {
    return v->kind == VOLUME_STORAGE && strcmp(v->storage, storage) == 0;
}

/* "213/base-213-disk-0.qcow2" is the base of "213/base-213-disk-0.qcow2/214/vm-214-disk-0.qcow2".
 * A container's file system carries "basevol-" or "base-" in the same way. A base that is linked
 * itself stands in front of its copies without its own base. */
static bool is_base_of(const char *name, const char *clone) {
    const char *own = volume_name_own(name);
    size_t n = strlen(own);

    return volume_name_is_base(name) && strncmp(clone, own, n) == 0 && clone[n] == '/';
}

/* A clone's configuration may also name only the clone's part; the storage knows it under both. */
static bool is_same(const char *name, const char *have) {
    size_t n = strlen(name);
    size_t m = strlen(have);

    if (strcmp(name, have) == 0) {
        return true;
    }
    /* base/…/clone against clone: only where a base stands in front */
    return m > n && strcmp(have + m - n, name) == 0 && have[m - n - 1] == '/' &&
           (strncmp(have, "base", 4) == 0 || strstr(have, "/base"));
}

static void refs_of(const struct volumes *vols, struct ref *r, const char *storage,
                    const char *name, void (*f)(void *ctx, const struct ref *r), void *ctx) {
    for (size_t i = 0; i < vols->n; i++) {
        if (!is_on(&vols->v[i], storage)) {
            continue;
        }
        r->v = &vols->v[i];
        r->is_clone = is_base_of(name, r->v->name);
        if (r->is_clone || is_same(name, r->v->name)) {
            f(ctx, r);
        }
    }
}

void refs_each(const struct picture *p, const char *storage, const char *name,
               void (*f)(void *ctx, const struct ref *r), void *ctx) {
    const struct guest *g;
    size_t n = picture_guests(p, &g);

    for (size_t i = 0; i < n; i++) {
        struct ref r = {.g = &g[i]};

        refs_of(&g[i].vols, &r, storage, name, f, ctx);
        for (size_t k = 0; k < g[i].n_snap; k++) {
            r.snap = &g[i].snap[k];
            refs_of(&g[i].snap[k].vols, &r, storage, name, f, ctx);
        }
    }
}

uint32_t volume_owner(const char *name) {
    static const char *const stems[] = {"vm-",      "base-",    "subvol-",
                                        "basevol-", "snap_vm-", "vm-snap-"};
    const char *last = strrchr(name, '/');
    const char *s = last ? last + 1 : name;

    for (size_t i = 0; i < sizeof(stems) / sizeof(stems[0]); i++) {
        size_t n = strlen(stems[i]);
        size_t len;
        char digits[12];
        uint32_t vmid;

        if (strncmp(s, stems[i], n) != 0) {
            continue;
        }
        len = strspn(s + n, "0123456789");
        if (len == 0 || len >= sizeof(digits) || s[n + len] != '-') {
            continue;
        }
        (void)snprintf(digits, sizeof(digits), "%.*s", (int)len, s + n);
        if (ident_vmid(digits, &vmid) == 0) {
            return vmid;
        }
    }
    return 0;
}
