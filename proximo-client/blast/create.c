/* SPDX-License-Identifier: Apache-2.0 */
/* A guest is made: whether its number is free in the whole cluster, whether the node has what its
 * configuration names, what it opens towards the host and who gets it. */
#include "proximo-client/blast/identity.h"
#include "proximo-client/blast/newcomer.h"

#include <stdio.h>
#include <string.h>

#include "common/own.h"

unsigned int blast_create_needs(const js *form) {
    /* nobody reads ten thousand configurations for a guest that gets its addresses later */
    return BLAST_CREATE_NEEDS | (identity_given(form) ? PIC_CONFIGS : 0);
}

/* The volume that a disk's value names, into tmp: "local-zfs:8", "/srv/x", "none". */
static const char *source_of(const char *value, char *tmp, size_t size) {
    static const char *const names[] = {"file=", "volume="};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strncmp(value, names[i], strlen(names[i])) == 0) {
            value += strlen(names[i]);
        }
    }
    (void)snprintf(tmp, size, "%.*s", (int)strcspn(value, ","), value);
    return tmp;
}

static void take_existing(struct newcomer *n, const char *key, const char *volid,
                          const char *name) {
    const uint32_t owner = volume_owner(name);
    const struct guest *g = owner ? picture_guest(n->p, owner) : NULL;

    if (g && g->vmid != n->g.vmid) {
        tally_guest(&n->t, n->d, g, "exposed", RISK_HIGH, key,
                    "the new guest is given a volume that is this guest's by its name");
    } else {
        newcomer_hit(n, "changed", RISK_MEDIUM, key, "takes %.160s, which is there already", volid);
    }
}

/* "STORAGE:8" asks for 8 GiB; "STORAGE:cloudinit" for a small drive; all else is there already. */
static void check_disk(struct newcomer *n, const char *key, const char *value) {
    const char *content = strcmp(n->g.kind, "lxc") == 0 ? "rootdir" : "images";
    char what[300];
    char size[80];
    char storage[80];
    const char *colon = strchr(source_of(value, what, sizeof(what)), ':');
    int64_t bytes = 0;

    if (what[0] == '/' || strcmp(what, "none") == 0 || strcmp(what, "cdrom") == 0) {
        return; /* paths of the host are told as such */
    }
    if (!colon) {
        draft_unread(n->d, key, "its value names no storage", NULL);
        return;
    }
    (void)snprintf(storage, sizeof(storage), "%.*s", (int)(colon - what), what);
    (void)snprintf(size, sizeof(size), "%.70sG", colon + 1);
    if (strcmp(colon + 1, "cloudinit") == 0) {
        newcomer_volume(n, key, storage, content, (int64_t)4 << 20);
    } else if (strstr(value, "media=cdrom")) {
        newcomer_volume(n, key, storage, "iso", 0);
    } else if (size_parse(size, &bytes)) {
        newcomer_volume(n, key, storage, content, strstr(value, "import-from=") ? -1 : bytes);
    } else {
        newcomer_volume(n, key, storage, content, 0);
        take_existing(n, key, what, colon + 1);
    }
}

static void check_disks(struct newcomer *n, const js *form) {
    const bool is_ct = strcmp(n->g.kind, "lxc") == 0;
    const char *template = js_str_or(form, "ostemplate", "");
    char storage[80];

    JS_FOREACH(form, key, value) {
        if (key_holds_disk(n->g.kind, key) && strcmp(key, "hookscript") != 0 && js_is_str(value)) {
            check_disk(n, key, json_object_get_string(value));
        }
    }
    if (is_ct && !js_get(form, "rootfs")) { /* PVE's default */
        newcomer_volume(n, "rootfs", js_str_or(form, "storage", "local"), "rootdir",
                        (int64_t)4 << 30);
    }
    if (is_ct && strchr(template, ':')) {
        (void)snprintf(storage, sizeof(storage), "%.*s", (int)strcspn(template, ":"), template);
        newcomer_volume(n, "ostemplate", storage, "vztmpl", 0);
    }
}

static void check_identity(struct newcomer *n) {
    const struct guest *g;
    size_t count = picture_guests(n->p, &g);

    for (size_t i = 0; i < count; i++) {
        struct identity same;
        char what[60];
        char why[200];

        if (!g[i].cfg || !identity_shared(n->g.cfg, g[i].cfg, false, &same)) {
            continue;
        }
        identity_text(&same, what, sizeof(what));
        (void)snprintf(why, sizeof(why),
                       "the new guest gets the same %s: two of them in one network disturb each "
                       "other",
                       what);
        tally_guest(&n->t, n->d, &g[i], "degraded", RISK_HIGH, "identity", why);
    }
}

int blast_create(const struct picture *p, const char *kind, const char *node, const js *form,
                 struct draft *d) {
    const bool starts = js_bool_or(form, "start", false);
    CLEANUP(newcomer_done) struct newcomer n = {0};

    newcomer_init(&n, p, d, kind, js_int_or(form, "vmid", 0), node);
    n.g.cfg = form;
    n.pool = js_get_str(form, "pool");
    blast_unread(p, blast_create_needs(form), 0, d);
    newcomer_hit(&n, "changed", RISK_LOW, NULL, "a new %s is made at %s",
                 strcmp(kind, "lxc") == 0 ? "container" : "VM", node);
    newcomer_number(&n);
    check_disks(&n, form);
    newcomer_host(&n, starts);
    if (strcmp(kind, "lxc") == 0 && !js_get(form, "unprivileged")) {
        newcomer_hit(&n, "exposed", RISK_MEDIUM, "unprivileged",
                     "not said: before PVE 9 that makes it privileged, root inside is root on the "
                     "node");
    }
    check_identity(&n);
    if (starts) {
        newcomer_hit(&n, "started", RISK_LOW, "start", "it starts when it is made");
    }
    return 0;
}
