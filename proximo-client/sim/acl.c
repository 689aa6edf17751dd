/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what. A privilege is a bit, a role a mask; NoAccess is a role that empties what the
 * same level grants. The walk goes from "/" to the path; each level that says anything about the
 * principal replaces what the levels above said. */
#include "proximo-client/sim/acl.h"

#include <string.h>

#include "common/buf.h"
#include "common/own.h"
#include "proximo-client/sim/state.h"

static const char *const names[] = {
    "Datastore.Allocate",
    "Datastore.AllocateSpace",
    "Datastore.AllocateTemplate",
    "Datastore.Audit",
    "Group.Allocate",
    "Mapping.Audit",
    "Mapping.Modify",
    "Mapping.Use",
    "Permissions.Modify",
    "Pool.Allocate",
    "Pool.Audit",
    "Realm.Allocate",
    "Realm.AllocateUser",
    "SDN.Allocate",
    "SDN.Audit",
    "SDN.Use",
    "Sys.AccessNetwork",
    "Sys.Audit",
    "Sys.Console",
    "Sys.Incoming",
    "Sys.Modify",
    "Sys.PowerMgmt",
    "Sys.Syslog",
    "User.Modify",
    "VM.Allocate",
    "VM.Audit",
    "VM.Backup",
    "VM.Clone",
    "VM.Config.CDROM",
    "VM.Config.CPU",
    "VM.Config.Cloudinit",
    "VM.Config.Disk",
    "VM.Config.HWType",
    "VM.Config.Memory",
    "VM.Config.Network",
    "VM.Config.Options",
    "VM.Console",
    "VM.GuestAgent.Audit",
    "VM.GuestAgent.FileRead",
    "VM.GuestAgent.FileSystemMgmt",
    "VM.GuestAgent.FileWrite",
    "VM.GuestAgent.Unrestricted",
    "VM.Migrate",
    "VM.PowerMgmt",
    "VM.Replicate",
    "VM.Snapshot",
    "VM.Snapshot.Rollback",
};
#define N_PRIVS   (sizeof(names) / sizeof(names[0]))
#define ALL_PRIVS ((UINT64_C(1) << N_PRIVS) - 1)

/* "VM.*" stands for the whole group. */
static const struct role {
    const char *name, *privs;
} roles[] = {
    {"Administrator", "*"},
    {"NoAccess", ""},
    {"PVEAdmin", "Datastore.*,Group.*,Mapping.Audit,Mapping.Use,Pool.*,Realm.AllocateUser,SDN.*,"
                 "Sys.Audit,Sys.Console,Sys.Syslog,User.Modify,VM.*"},
    {"PVEAuditor", "Datastore.Audit,Mapping.Audit,Pool.Audit,SDN.Audit,Sys.Audit,VM.Audit,"
                   "VM.GuestAgent.Audit"},
    {"PVEDatastoreAdmin", "Datastore.*"},
    {"PVEDatastoreUser", "Datastore.AllocateSpace,Datastore.Audit"},
    {"PVEMappingAdmin", "Mapping.*"},
    {"PVEMappingUser", "Mapping.Audit,Mapping.Use"},
    {"PVEPoolAdmin", "Pool.*"},
    {"PVEPoolUser", "Pool.Audit"},
    {"PVESDNAdmin", "SDN.*"},
    {"PVESDNUser", "SDN.Audit,SDN.Use"},
    {"PVESysAdmin", "Sys.Audit,Sys.Console,Sys.Syslog"},
    {"PVETemplateUser", "VM.Audit,VM.Clone"},
    {"PVEUserAdmin", "Group.Allocate,Realm.AllocateUser,User.Modify"},
    {"PVEVMAdmin", "VM.*"},
    {"PVEVMUser", "VM.Audit,VM.Backup,VM.Config.CDROM,VM.Config.Cloudinit,VM.Console,"
                  "VM.GuestAgent.Audit,VM.GuestAgent.FileRead,VM.GuestAgent.FileSystemMgmt,"
                  "VM.GuestAgent.FileWrite,VM.PowerMgmt"},
};

static uint64_t one(const char *name, size_t len) {
    uint64_t bits = 0;
    size_t match = len && name[len - 1] == '*' ? len - 1 : len;

    for (size_t i = 0; i < N_PRIVS; i++) {
        if (strncmp(names[i], name, match) == 0 && (match < len || !names[i][match])) {
            bits |= UINT64_C(1) << i;
        }
    }
    return bits;
}

uint64_t acl_bits(const char *list) {
    uint64_t bits = 0;

    while (*list) {
        size_t n = strcspn(list, ",|; ");

        if (n) {
            bits |= one(list, n);
        }
        list += n + (list[n] != 0);
    }
    return bits;
}

bool acl_is_priv(const char *name) {
    return !strchr(name, '*') && one(name, strlen(name)) != 0;
}

bool acl_role_builtin(const char *role) {
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        if (strcmp(roles[i].name, role) == 0) {
            return true;
        }
    }
    return false;
}

bool acl_role(const struct state *s, const char *role, uint64_t *ret) {
    js *own = state_get(s, "roles", role, NULL);

    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        if (strcmp(roles[i].name, role) == 0) {
            *ret = acl_bits(roles[i].privs);
            return true;
        }
    }
    *ret = 0;
    if (!own) {
        return false;
    }
    JS_FOREACH(own, priv, on) {
        (void)on;
        *ret |= one(priv, strlen(priv));
    }
    return true;
}

void acl_each_role(const struct state *s,
                   void (*fn)(void *ctx, const char *role, uint64_t privs, bool builtin),
                   void *ctx) {
    js *own = state_get(s, "roles", NULL);

    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        fn(ctx, roles[i].name, acl_bits(roles[i].privs), true);
    }
    if (own) {
        JS_FOREACH(own, role, privs) {
            uint64_t bits = 0;

            (void)privs;
            (void)acl_role(s, role, &bits);
            fn(ctx, role, bits, false);
        }
    }
}

js *acl_priv_list(uint64_t privs) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(4096);

    for (size_t i = 0; i < N_PRIVS; i++) {
        if (privs & (UINT64_C(1) << i)) {
            (void)buf_addf(&b, "%s%s", b.len ? "," : "", names[i]);
        }
    }
    return js_str(buf_str(&b));
}

js *acl_object(struct privs p) {
    js *o = js_object();

    for (size_t i = 0; i < N_PRIVS; i++) {
        if (p.have & (UINT64_C(1) << i)) {
            js_add(o, names[i], js_int((p.prop >> i) & 1));
        }
    }
    return o;
}

struct grants {
    struct privs p;
    bool any, none; /* said anything; said NoAccess */
};

static void add_roles(const struct state *s, const js *set, bool final, struct grants *g) {
    if (!set) {
        return;
    }
    JS_FOREACH(set, role, flag) {
        bool propagate = json_object_get_int(flag) != 0;
        uint64_t bits = 0;

        if (!final && !propagate) {
            continue;
        }
        g->any = true;
        if (strcmp(role, "NoAccess") == 0) {
            g->none = true;
        } else if (acl_role(s, role, &bits)) {
            g->p.have |= bits;
            g->p.prop |= propagate ? bits : 0;
        }
    }
}

/* What one path's own entries say about the principal. */
static struct grants level(const struct state *s, const char *auth, const char *path, bool final) {
    js *here = state_get(s, "acl", path, NULL);
    struct grants g = {0};
    char key[160];

    if (!here) {
        return g;
    }
    (void)snprintf(key, sizeof(key), "%s:%s", strchr(auth, '!') ? "token" : "user", auth);
    add_roles(s, js_get(here, key), final, &g);
    if (g.any) {
        return g;
    }
    JS_FOREACH(here, who, set) {
        if (strncmp(who, "group:", 6) == 0 &&
            state_get(s, "groups", who + 6, "users", auth, NULL)) {
            add_roles(s, set, final, &g);
        }
    }
    return g;
}

/* Without pools. `auth` is a user or a separated token. */
static struct grants walk(const struct state *s, const char *auth, const char *path) {
    struct grants got = level(s, auth, "/", path[1] == '\0');
    char prefix[512];
    size_t n = strlen(path);

    for (size_t i = 1; n > 1 && n < sizeof(prefix) && i <= n; i++) {
        struct grants here;

        if (i < n && path[i] != '/') {
            continue;
        }
        memcpy(prefix, path, i);
        prefix[i] = '\0';
        here = level(s, auth, prefix, i == n);
        if (here.any) {
            got = here;
        }
    }
    return got;
}

static bool in_pool(const js *pool, const char *path) {
    if (strncmp(path, "/vms/", 5) == 0) {
        return js_get(js_get(pool, "vms"), path + 5) != NULL;
    }
    if (strncmp(path, "/storage/", 9) == 0) {
        return js_get(js_get(pool, "storage"), path + 9) != NULL;
    }
    return false;
}

static struct privs own_privs(const struct state *s, const char *auth, const char *path) {
    struct grants got = walk(s, auth, path);
    js *pools = state_get(s, "pools", NULL);
    struct grants pool = {0};

    if (pools) {
        JS_FOREACH(pools, id, p) {
            char at[160];
            struct grants g;

            if (!in_pool(p, path)) {
                continue;
            }
            (void)snprintf(at, sizeof(at), "/pool/%s", id);
            g = walk(s, auth, at);
            pool.none |= g.none;
            pool.p.have |= g.p.have;
        }
    }
    if (got.none || pool.none) { /* each trumps the other's grants */
        return (struct privs){0};
    }
    got.p.have |= pool.p.have; /* a pool's grant never propagates */
    return got.p;
}

struct privs acl_privs(const struct state *s, const char *auth, const char *path) {
    const char *bang = strchr(auth, '!');
    struct privs user, token;
    char name[128];
    js *info;

    if (!bang) {
        return strcmp(auth, "root@pam") == 0 ? (struct privs){ALL_PRIVS, ALL_PRIVS}
                                             : own_privs(s, auth, path);
    }
    if ((size_t)(bang - auth) >= sizeof(name)) {
        return (struct privs){0};
    }
    memcpy(name, auth, (size_t)(bang - auth));
    name[bang - auth] = '\0';
    info = state_get(s, "users", name, "tokens", bang + 1, NULL);
    if (!info) {
        return (struct privs){0};
    }
    user = acl_privs(s, name, path);
    if (!js_bool_or(info, "privsep", true)) {
        return user;
    }
    token = own_privs(s, auth, path);
    token.have &= user.have;
    token.prop &= user.prop & token.have;
    return token;
}

bool acl_any(const struct state *s, const char *auth, const char *path, const char *list) {
    return (acl_privs(s, auth, path).have & acl_bits(list)) != 0;
}

js *acl_paths(const struct state *s) {
    static const char *const top[] = {"/",     "/access", "/access/groups", "/nodes",
                                      "/pool", "/sdn",    "/storage",       "/vms"};
    js *set = js_object();
    js *acl = state_get(s, "acl", NULL), *pools = state_get(s, "pools", NULL);

    for (size_t i = 0; i < ARRAY_LEN(top); i++) {
        js_add(set, top[i], js_bool(true));
    }
    if (acl) {
        JS_FOREACH(acl, path, entries) {
            (void)entries;
            js_add(set, path, js_bool(true));
        }
    }
    if (pools) {
        JS_FOREACH(pools, id, pool) {
            static const char *const kind[][2] = {{"vms", "/vms/"}, {"storage", "/storage/"}};
            char path[256];

            (void)snprintf(path, sizeof(path), "/pool/%s", id);
            js_add(set, path, js_bool(true));
            for (size_t k = 0; k < 2; k++) {
                js *members = js_get(pool, kind[k][0]);

                if (members) {
                    JS_FOREACH(members, member, on) {
                        (void)on;
                        (void)snprintf(path, sizeof(path), "%s%s", kind[k][1], member);
                        js_add(set, path, js_bool(true));
                    }
                }
            }
        }
    }
    return set;
}

bool acl_path_valid(const char *path) {
    static const char *const open[] = {"/access/groups/", "/access/realm/", "/mapping/", "/nodes/",
                                       "/pool/",          "/sdn/",          "/storage/", "/vms/"};
    static const char *const exact[] = {"/",
                                        "/access",
                                        "/access/groups",
                                        "/access/realm",
                                        "/mapping",
                                        "/nodes",
                                        "/pool",
                                        "/sdn",
                                        "/storage",
                                        "/vms",
                                        "/mapping/dir",
                                        "/mapping/notifications",
                                        "/mapping/pci",
                                        "/mapping/usb"};
    size_t n = strlen(path);

    if (n > 200 || strstr(path, "//") || strstr(path, "..") || (n > 1 && path[n - 1] == '/')) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(exact); i++) {
        if (strcmp(path, exact[i]) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(open); i++) {
        if (strncmp(path, open[i], strlen(open[i])) == 0) {
            for (const char *c = path + strlen(open[i]); *c; c++) {
                if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@/",
                            *c)) {
                    return false;
                }
            }
            return strncmp(path, "/vms/", 5) != 0 || strspn(path + 5, "0123456789") == n - 5;
        }
    }
    return false;
}
