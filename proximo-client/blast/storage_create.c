/* SPDX-License-Identifier: Apache-2.0 */
/* A new storage definition touches no data by itself; the harm is in what it points at. A place
 * that another storage has already gives the same volumes two names, and each storage deletes by
 * its own rules; a mount hides what lies below it; a storage that is not on every node, or is not
 * the same on every node, is found out when a guest does not start. */
#include <stdio.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/storage_int.h"

/* What each plugin of PVE 9 stores, and what says where; NULL: nothing of that. */
static const struct kind {
    const char *type, *content;
    const char *place[3];
    bool is_mount;    /* PVE mounts it, at /mnt/pve/ID unless path says otherwise */
    bool is_local;    /* it is another one on each node */
    bool no_shared;   /* has no such property */
    bool makes_paths; /* PVE makes the directory where there is none */
} kinds[] = {
    {"dir",
     "images rootdir vztmpl iso backup snippets import none",
     {NULL},
     false,
     true,
     false,
     true},
    {"btrfs",
     "images rootdir vztmpl iso backup snippets import none",
     {NULL},
     false,
     true,
     false,
     true},
    {"nfs",
     "images rootdir vztmpl iso backup snippets import none",
     {"server", "export"},
     true,
     false,
     false,
     false},
    {"cifs",
     "images rootdir vztmpl iso backup snippets import none",
     {"server", "share", "subdir"},
     true,
     false,
     false,
     false},
    {"cephfs",
     "vztmpl iso backup snippets import none",
     {"monhost", "fs-name", "subdir"},
     true,
     false,
     false,
     false},
    {"zfspool", "images rootdir none", {"pool"}, false, true, true, false},
    {"lvm", "images rootdir none", {"vgname"}, false, true, false, false},
    {"lvmthin", "images rootdir none", {"vgname", "thinpool"}, false, true, true, false},
    {"rbd", "images rootdir none", {"monhost", "pool", "namespace"}, false, false, false, false},
    {"iscsi", "images none", {"portal", "target"}, false, false, false, false},
    {"iscsidirect", "images none", {"portal", "target"}, false, false, false, false},
    {"pbs", "backup none", {"server", "datastore", "namespace"}, false, false, false, false},
};

struct newcomer_store {
    const struct picture *p;
    struct draft *d;
    const js *def;
    const char *id, *type;
    const struct kind *kind; /* NULL: of a type that is not known here */
    char path[400], label[120];
    struct tally t;
};

static void hit(struct newcomer_store *n, const char *resource, const char *effect,
                enum risk severity, const char *via, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
static void hit(struct newcomer_store *n, const char *resource, const char *effect,
                enum risk severity, const char *via, const char *fmt, ...) {
    va_list ap;

    va_start(ap, fmt);
    tally_otherv(&n->t, n->d, resource, effect, severity, via, fmt, ap);
    va_end(ap);
}

/* ---- where it is ---- */

static bool both_somewhere(const struct newcomer_store *n, const struct store *s) {
    for (size_t i = 0; i < picture_nodes(n->p); i++) {
        const char *node = picture_node(n->p, i, NULL);

        if (store_on_node(n->def, node) && store_on_node(s->def, node)) {
            return true;
        }
    }
    return picture_nodes(n->p) == 0; /* not read: they may */
}

static bool is_same_place(const struct newcomer_store *n, const struct store *s) {
    bool any = false;

    if (!n->kind || strcmp(s->type, n->type) != 0) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(n->kind->place) && n->kind->place[i]; i++) {
        const char *key = n->kind->place[i];

        if (strcmp(js_str_or(n->def, key, ""), js_str_or(s->def, key, "")) != 0) {
            return false;
        }
        any = any || *js_str_or(n->def, key, "");
    }
    return any;
}

static bool is_same_path(const char *a, const char *b) {
    return path_is_below(a, b) && path_is_below(b, a);
}

/* Backups are in both: each prunes, and deletes by hand, what the other one counts on. */
static bool both_hold(const struct newcomer_store *n, const struct store *s, const char *content) {
    return words_have(js_str_or(n->def, "content", ""), content) &&
           words_have(js_str_or(s->def, "content", ""), content);
}

static void say_same(struct newcomer_store *n, const struct store *s, const char *label,
                     const char *via) {
    hit(n, label, "degraded", both_hold(n, s, "backup") ? RISK_HIGH : RISK_MEDIUM, via,
        "it is the same place as %.60s: every volume has two names, and what is deleted by one is "
        "gone for the other%s",
        n->id,
        both_hold(n, s, "backup") ? "; each prunes the other's backups by its own rules" : "");
}

static void check_other(struct newcomer_store *n, const struct store *s) {
    char label[120];
    bool same = n->path[0] && s->path[0] && is_same_path(n->path, s->path);

    if (s->disabled || !both_somewhere(n, s)) {
        return;
    }
    (void)snprintf(label, sizeof(label), "storage/%.100s", s->id);
    if (n->kind && n->kind->is_mount && n->path[0] && path_is_below(s->path, n->path)) {
        hit(n, label, "unreachable", RISK_HIGH, "path",
            "its directory %.100s is hidden by what is mounted at %.100s", s->path, n->path);
    } else if (same || is_same_place(n, s)) {
        say_same(n, s, label, same ? "path" : "place");
    } else if (n->path[0] && (path_is_below(n->path, s->path) || path_is_below(s->path, n->path))) {
        hit(n, label, "degraded", RISK_MEDIUM, "path",
            "%.100s and %.100s lie in one another: both count the same room, and a file of one may "
            "be taken for one of the other",
            n->path, s->path);
    }
}

static void check_path(struct newcomer_store *n) {
    static const char *const system[] = {"/bin",
                                         "/boot",
                                         "/dev",
                                         "/etc",
                                         "/lib",
                                         "/proc",
                                         "/root",
                                         "/run",
                                         "/sbin",
                                         "/sys",
                                         "/usr",
                                         "/var/lib/pve",
                                         "/var/lib/pve-cluster",
                                         "/var/log",
                                         "/var/lib/ceph"};
    bool is_root = n->path[0] && !n->path[strspn(n->path, "/")];

    for (size_t i = 0; i < ARRAY_LEN(system); i++) {
        if (is_root || path_is_below(n->path, system[i])) {
            hit(n, n->label, "exposed", RISK_HIGH, "path",
                "%.100s belongs to the node's own system: whoever may write to the storage writes "
                "there",
                n->path);
            return;
        }
    }
}

/* ---- what it says of itself ---- */

struct known {
    struct newcomer_store *n;
    unsigned int known, unknown;
    char first[64];
};

static void one_node(void *ctx, const char *word) {
    struct known *k = ctx;

    if (picture_node_find(k->n->p, word, NULL)) {
        k->known++;
    } else if (k->unknown++ == 0) {
        (void)snprintf(k->first, sizeof(k->first), "%.60s", word);
    }
}

static void check_nodes(struct newcomer_store *n) {
    const char *nodes = js_str_or(n->def, "nodes", "");
    struct known k = {.n = n};

    words_each(nodes, one_node, &k);
    if (k.unknown && picture_nodes(n->p)) {
        hit(n, n->label, "unreachable", k.known ? RISK_MEDIUM : RISK_HIGH, "nodes",
            "%s is no node of the cluster%s", k.first,
            k.known ? "" : ": no node would have the storage");
    }
    if (!nodes[0] && picture_nodes(n->p) > 1 && n->kind && n->kind->is_local) {
        hit(n, n->label, "degraded", RISK_MEDIUM, "nodes",
            n->kind->makes_paths
                ? "it is for all %zu nodes: where nothing is mounted there, PVE makes the "
                  "directory "
                  "on the node's root file system and fills that"
                : "it is for all %zu nodes: where there is no such pool or group it stays inactive",
            picture_nodes(n->p));
    }
}

static void check_shared(struct newcomer_store *n) {
    if (!js_bool_or(n->def, "shared", false) || !n->kind || !n->kind->is_local) {
        return;
    }
    if (n->kind->no_shared) {
        draft_risk(n->d, RISK_HIGH, "PVE will refuse it: a storage of type %.20s cannot be shared",
                   n->type);
        return;
    }
    hit(n, n->label, "degraded", RISK_HIGH, "shared",
        "marked as shared, which makes nothing shared: if it is not one and the same on all nodes, "
        "guests move and are recovered without their disks");
}

static void one_content(void *ctx, const char *word) {
    struct newcomer_store *n = ctx;

    if (!words_have(n->kind->content, word)) {
        draft_risk(n->d, RISK_HIGH, "PVE will refuse it: a storage of type %.20s holds no %.20s",
                   n->type, word);
    }
}

int blast_storage_create(const struct picture *p, const js *def, struct draft *d) {
    struct newcomer_store n = {.p = p,
                               .d = d,
                               .def = def,
                               .id = js_str_or(def, "storage", "?"),
                               .type = js_str_or(def, "type", "?")};
    const struct store *s;
    size_t stores = picture_stores(p, &s);

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        n.kind = strcmp(kinds[i].type, n.type) == 0 ? &kinds[i] : n.kind;
    }
    (void)snprintf(n.label, sizeof(n.label), "storage/%.100s", n.id);
    (void)snprintf(n.path, sizeof(n.path), "%.390s", js_str_or(def, "path", ""));
    if (!n.path[0] && n.kind && n.kind->is_mount) {
        (void)snprintf(n.path, sizeof(n.path), "/mnt/pve/%.100s", n.id);
    }
    blast_unread(p, BLAST_STORAGE_CREATE_NEEDS, 0, d);
    hit(&n, n.label, "changed", RISK_LOW, NULL,
        js_bool_or(def, "disable", false) ? "it is not used until it is enabled"
                                          : "guests and backups can use a new storage");
    if (!n.kind) {
        draft_unread(d, "what the storage holds", "its type is not known here", NULL);
    } else {
        words_each(js_str_or(def, "content", ""), one_content, &n);
    }
    check_path(&n);
    check_nodes(&n);
    check_shared(&n);
    for (size_t i = 0; i < stores; i++) {
        check_other(&n, &s[i]);
    }
    tally_risk(&n.t, d);
    return 0;
}
