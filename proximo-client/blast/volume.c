/* SPDX-License-Identifier: Apache-2.0 */
/* One value of a guest's configuration as a volume: "storage:name,opt=…", "file=…" in any place,
 * host paths, devices, empty drives. What is not understood is VOLUME_ODD and never dropped: the
 * analysers count it as unread. Pure; fuzzed. */
#include "proximo-client/blast/blast_int.h"
#include "proximo-client/blast/picture_int.h"
#include "proximo-client/blast/refs.h"

#include <stdio.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "common/volfeature.h"

static bool is_numbered(const char *key, const char *stem) {
    size_t n = strlen(stem);

    if (strncmp(key, stem, n) != 0 || !key[n]) {
        return false;
    }
    return strspn(key + n, "0123456789") == strlen(key + n);
}

bool key_holds_disk(const char *kind, const char *key) {
    static const char *const vm[] = {"scsi", "virtio", "ide", "sata", "efidisk", "tpmstate"};

    if (is_numbered(key, "unused") || strcmp(key, "hookscript") == 0) {
        return true;
    }
    if (strcmp(kind, "lxc") == 0) {
        return strcmp(key, "rootfs") == 0 || is_numbered(key, "mp");
    }
    for (size_t i = 0; i < ARRAY_LEN(vm); i++) {
        if (is_numbered(key, vm[i])) {
            return true;
        }
    }
    return strcmp(key, "vmstate") == 0;
}

/* Length of "name=" at s, 0 when the piece is no option. A path or volume never looks like one:
 * both hold a '/' or ':' before any '='. */
static size_t option_len(const char *s, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '=') {
            return i > 0 ? i + 1 : 0;
        }
        if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9') || s[i] == '_' ||
              s[i] == '-')) {
            return 0;
        }
    }
    return 0;
}

static bool piece_is(const char *s, size_t len, const char *want) {
    return strlen(want) == len && memcmp(s, want, len) == 0;
}

static void put_option(struct picture *p, struct volume *v, const char *s, size_t len,
                       const char **what, size_t *what_len) {
    size_t n = option_len(s, len);

    if (n == 0) {
        if (!*what) {
            *what = s;
            *what_len = len;
        }
    } else if (piece_is(s, n, "file=") || piece_is(s, n, "volume=")) {
        *what = s + n;
        *what_len = len - n;
    } else if (piece_is(s, n, "mp=")) {
        v->mp = picture_strn(p, s + n, len - n);
    } else if (piece_is(s, len, "media=cdrom")) {
        v->cdrom = true;
    } else if (piece_is(s, len, "replicate=0")) {
        v->replicated = false;
    }
}

/* "base-213-disk-0/vm-214-disk-0", "213/base-213-disk-0.qcow2/214/vm-214-disk-0.qcow2" */
static uint32_t base_of(const char *name) {
    const char *own = volume_name_own(name);
    char base[200];

    if (own == name) {
        return 0;
    }
    (void)snprintf(base, sizeof(base), "%.*s", (int)(own - name) - 1, name);
    return volume_owner(base);
}

static bool has_control(const char *s) {
    for (; *s; s++) {
        if ((unsigned char)*s < 0x20 || *s == 0x7f) {
            return true;
        }
    }
    return false;
}

static void classify(struct picture *p, const char *kind, struct volume *v, const char *what) {
    const char *colon = strchr(what, ':');

    v->name = what;
    if (has_control(what)) {
        v->kind = VOLUME_ODD;
    } else if (strcmp(what, "none") == 0) {
        v->kind = VOLUME_EMPTY;
    } else if (strcmp(what, "cdrom") == 0 || strncmp(what, "/dev/", 5) == 0) {
        v->kind = VOLUME_DEVICE;
    } else if (what[0] == '/') {
        v->kind = strcmp(kind, "lxc") == 0 ? VOLUME_BIND : VOLUME_DEVICE;
    } else if (colon && colon[1]) {
        v->storage = picture_strn(p, what, (size_t)(colon - what));
        v->name = colon + 1;
        v->kind = ident_is_storage(v->storage) ? VOLUME_STORAGE : VOLUME_ODD;
        v->base = base_of(v->name);
        v->cloudinit = strstr(v->name, "cloudinit") != NULL;
    }
}

bool volume_parse(struct picture *p, const char *kind, const char *key, const char *value,
                  struct volume *ret) {
    struct volume v = {.kind = VOLUME_ODD, .storage = "", .name = "", .mp = "", .replicated = true};
    const char *what = NULL;
    size_t what_len = 0;

    *ret = (struct volume){.storage = "", .name = "", .mp = ""};
    if (strlen(key) >= sizeof(v.key) || !key_holds_disk(kind, key)) {
        return false;
    }
    memcpy(v.key, key, strlen(key) + 1);
    v.unused = is_numbered(key, "unused");
    v.vmstate = strcmp(key, "vmstate") == 0;
    v.firmware = is_numbered(key, "efidisk") || is_numbered(key, "tpmstate");
    v.reference = strcmp(key, "hookscript") == 0;
    for (const char *s = value; *s;) {
        size_t len = strcspn(s, ",");

        put_option(p, &v, s, len, &what, &what_len);
        s += len + (s[len] == ',');
    }
    if (what) {
        classify(p, kind, &v, picture_strn(p, what, what_len));
    }
    *ret = v;
    return true;
}
