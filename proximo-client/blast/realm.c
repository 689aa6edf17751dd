/* SPDX-License-Identifier: Apache-2.0 */
/* A realm is how people prove who they are: who logs in by it, whether an administrator is left who
 * does not, what a setting exposes, what a sync may take away. Who may do what is the analyser of
 * access; it is asked, too. Nobody can know here whether a server answers, or what it holds. */
#include <stdio.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/access.h"
#include "proximo-client/blast/after.h"
#include "proximo-client/blast/blast_int.h"

/* A wrong value of one of these keeps everybody out. */
static const char *const login_keys[] = {
    "server1",  "server2",    "port",           "mode",           "secure",    "verify",
    "capath",   "cert",       "certkey",        "sslversion",     "base_dn",   "bind_dn",
    "password", "user_attr",  "domain",         "issuer-url",     "client-id", "client-key",
    "scopes",   "acr-values", "username-claim", "case-sensitive", "prompt"};

struct people {
    size_t users, admins, other_admins;
    char names[160];
};

struct realm {
    const struct picture *p;
    struct draft *d;
    struct tally tally;
    char id[AFTER_ID];
    char resource[AFTER_ID + 8];
    struct people who;
    const char *own;
};

static void hit(struct realm *r, const char *effect, enum risk severity, const char *via,
                const char *fmt, ...) __attribute__((format(printf, 5, 6)));
static void hit(struct realm *r, const char *effect, enum risk severity, const char *via,
                const char *fmt, ...) {
    char why[500];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    tally_affect(&r->tally, r->d,
                 &(struct affect){.resource = r->resource,
                                  .effect = effect,
                                  .severity = severity,
                                  .via = via,
                                  .why = why});
}

/* ---- who ---- */

static bool is_of(const char *userid, const char *realm) {
    const char *at = strrchr(userid, '@');

    return at && strcmp(at + 1, realm) == 0;
}

static void count(struct realm *r, const struct access *a, size_t who, bool is_admin) {
    const char *name = access_name(a, who);
    size_t len = strlen(r->who.names);

    if (!is_of(name, r->id)) {
        r->who.other_admins += is_admin && strcmp(name, "root@pam") != 0;
        return;
    }
    r->who.admins += is_admin && strcmp(name, "root@pam") != 0;
    r->who.users++;
    if (r->who.users <= 4) {
        (void)snprintf(r->who.names + len, sizeof(r->who.names) - len, "%s%.32s", len ? ", " : "",
                       name);
    } else if (r->who.users == 5) {
        (void)snprintf(r->who.names + len, sizeof(r->who.names) - len, ", …");
    }
}

/* Only those who can log in today. */
static void find_people(struct realm *r, const js *world, int64_t now) {
    CLEANUP(access_freep) struct access *a = access_new(world, NULL);
    CLEANUP(access_path_freep) struct access_path *path = access_path_new(a, "/*");

    for (size_t who = 0; who < access_principals(a); who++) {
        struct privs have;

        if (!access_is_token(a, who) && access_is_usable(a, who, now)) {
            have = access_privs(a, who, path);
            count(r, a, who, privset_has(a, &have.have, "Permissions.Modify"));
        }
    }
}

static void last_administrators(const struct realm *r) {
    if (r->who.admins > 0 && r->who.other_admins == 0) {
        draft_risk(r->d, RISK_HIGH, "every administrator but root@pam logs in by realm %.60s",
                   r->id);
    }
}

/* ---- settings ---- */

static bool differs(const js *b, const js *a, const js *form, const char *key) {
    char tmp[2][24];
    const char *old = value_print(js_get(b, key), tmp[0]);
    const char *new = value_print(js_get(a, key), tmp[1]);

    if (js_is_object(js_get(form, key))) {
        return true; /* a secret: what it was is not told */
    }
    return old && new ? strcmp(old, new) != 0 : old != new;
}

static void tell_login(struct realm *r, const js *b, const js *a, const js *form) {
    char keys[200] = "";

    for (size_t i = 0; i < ARRAY_LEN(login_keys); i++) {
        size_t len = strlen(keys);

        if (differs(b, a, form, login_keys[i]) ||
            (del_has(js_get(form, "delete"), login_keys[i]) && js_get(b, login_keys[i]))) {
            (void)snprintf(keys + len, sizeof(keys) - len, "%s%s", len ? ", " : "", login_keys[i]);
        }
    }
    if (!keys[0]) {
        return;
    }
    if (r->who.users == 0) {
        hit(r, "changed", RISK_LOW, keys, "nobody who can log in today does so by it");
        return;
    }
    hit(r, "degraded", RISK_MEDIUM, keys,
        "%zu users log in by it (%s): with a wrong value none of them can; that is not tried "
        "before",
        r->who.users, r->who.names);
    last_administrators(r);
}

static bool is_encrypted(const js *o) {
    const char *mode = js_str_or(o, "mode", js_bool_or(o, "secure", false) ? "ldaps" : "ldap");

    return strcmp(mode, "ldap") != 0;
}

static void tell_exposed(struct realm *r, const js *b, const js *a) {
    const char *type = js_str_or(a, "type", "");
    bool is_ldap = strcmp(type, "ldap") == 0 || strcmp(type, "ad") == 0;
    enum risk level = b ? RISK_HIGH : RISK_MEDIUM;

    if (is_ldap && !is_encrypted(a) && (!b || is_encrypted(b))) {
        hit(r, "exposed", level, "mode", "passwords travel to the server unencrypted");
    } else if (is_ldap && is_encrypted(a) && !js_bool_or(a, "verify", false) &&
               (!b || js_bool_or(b, "verify", false))) {
        hit(r, "exposed", level, "verify",
            "the server's certificate is not checked: another one can take the passwords");
    }
    if (js_bool_or(a, "autocreate", false) && !js_bool_or(b, "autocreate", false)) {
        hit(r, "exposed", RISK_MEDIUM, "autocreate",
            "whoever the provider knows becomes a user at the first login, without privileges");
    }
    if ((js_bool_or(a, "groups-overwrite", false) && !js_bool_or(b, "groups-overwrite", false)) ||
        differs(b, a, NULL, "groups-claim")) {
        hit(r, "gains-access", RISK_HIGH, "groups",
            "the provider decides at each login in which groups a user is: who gains or loses what "
            "is not known here");
    }
}

static void tell_second_factor(struct realm *r, const js *b, const js *a) {
    if (differs(b, a, NULL, "tfa")) {
        hit(r, js_get(a, "tfa") ? "degraded" : "exposed", RISK_MEDIUM, "tfa",
            js_get(a, "tfa") ? "%zu users need this second factor from the next login on"
                             : "%zu users need no second factor of the realm any more",
            r->who.users);
    }
}

static void tell_default(struct realm *r, const js *b, const js *a) {
    const js *realms = picture_answer(r->p, "/access/domains", NULL);
    const char *other = "pve";

    if (!js_bool_or(a, "default", false) || js_bool_or(b, "default", false)) {
        return;
    }
    for (size_t i = 0; i < js_len(realms); i++) {
        if (js_bool_or(js_at(realms, i), "default", false)) {
            other = js_str_or(js_at(realms, i), "realm", "?");
        }
    }
    hit(r, "changed", RISK_LOW, "default", "it is offered first at the login instead of %.60s",
        other);
}

/* ---- sync ---- */

struct sync {
    bool users, groups;
    bool entry, acl; /* what the directory does not list loses its entry, its ACL entries */
    bool enable;
    bool whole; /* everything PVE asks for is given */
};

/* "scope=users,remove-vanished=acl;entry": the value of one option, into tmp; NULL. */
static const char *option(const char *text, const char *key, char *tmp, size_t size) {
    size_t n = strlen(key);

    for (const char *s = text; *s;) {
        size_t len = strcspn(s, ",");

        if (len > n && strncmp(s, key, n) == 0 && s[n] == '=') {
            (void)snprintf(tmp, size, "%.*s", (int)(len - n - 1), s + n + 1);
            return tmp;
        }
        s += len + (s[len] == ',');
    }
    return NULL;
}

static struct sync sync_of(const js *settings, const js *form) {
    const char *defaults = js_str_or(settings, "sync-defaults-options", "");
    char tmp[3][80], number[24];
    const char *scope = js_get_str(form, "scope");
    const char *remove = js_get_str(form, "remove-vanished");
    const char *enable = value_print(js_get(form, "enable-new"), number);
    struct sync s = {0};

    scope = scope ? scope : option(defaults, "scope", tmp[0], sizeof(tmp[0]));
    remove = remove ? remove : option(defaults, "remove-vanished", tmp[1], sizeof(tmp[1]));
    enable = enable ? enable : option(defaults, "enable-new", tmp[2], sizeof(tmp[2]));
    s.whole = scope != NULL;
    s.users = scope && strcmp(scope, "groups") != 0;
    s.groups = scope && strcmp(scope, "users") != 0;
    s.entry = remove && words_have(remove, "entry");
    s.acl = remove && words_have(remove, "acl");
    s.enable = !enable || strcmp(enable, "0") != 0;
    return s;
}

/* Groups of the realm are named "name-REALM". */
static bool is_group_of(const char *group, const char *realm) {
    size_t n = strlen(group), m = strlen(realm);

    return n > m && group[n - m - 1] == '-' && strcmp(group + n - m, realm) == 0;
}

static size_t entries_of(const struct realm *r, const struct sync *s) {
    const js *acl = picture_answer(r->p, "/access/acl", NULL);
    size_t n = 0;

    for (size_t i = 0; i < js_len(acl); i++) {
        const char *type = js_str_or(js_at(acl, i), "type", "");
        const char *ugid = js_str_or(js_at(acl, i), "ugid", "");

        n += (s->users && strcmp(type, "user") == 0 && is_of(ugid, r->id)) ||
             (s->groups && strcmp(type, "group") == 0 && is_group_of(ugid, r->id));
    }
    return n;
}

static size_t rows_of(const struct realm *r, const char *path, const char *key,
                      bool (*f)(const char *name, const char *realm)) {
    const js *list = picture_answer(r->p, path, NULL);
    size_t n = 0;

    for (size_t i = 0; i < js_len(list); i++) {
        n += f(js_str_or(js_at(list, i), key, ""), r->id);
    }
    return n;
}

/* What a sync with these options may take away, at most. */
static void tell_vanished(struct realm *r, const struct sync *s, const char *when) {
    size_t users = s->users ? rows_of(r, "/access/users?full=1", "userid", is_of) : 0;
    size_t groups = s->groups ? rows_of(r, "/access/groups", "groupid", is_group_of) : 0;
    size_t entries = s->acl ? entries_of(r, s) : 0;

    if (s->entry) {
        hit(r, "lockout", RISK_HIGH, "remove-vanished",
            "%s users and groups that the directory does not list go: up to %zu users, %zu groups",
            when, users, groups);
        if (s->users && users) {
            last_administrators(r);
        }
    }
    if (s->acl) {
        hit(r, "loses-access", RISK_HIGH, "remove-vanished",
            "%s ACL entries of what the directory does not list go: up to %zu", when, entries);
    }
    if (s->entry && s->users && r->own && strchr(r->own, '@')) {
        char user[120];

        (void)snprintf(user, sizeof(user), "%.*s", (int)strcspn(r->own, "!"), r->own);
        if (is_of(user, r->id)) {
            draft_risk(r->d, RISK_HIGH,
                       "this client's own token is of %s: it goes with the user if the directory "
                       "does not list it",
                       user);
        }
    }
}

static void tell_sync(struct realm *r, const js *settings, const js *form) {
    const char *type = js_str_or(settings, "type", "");
    struct sync s = sync_of(settings, form);

    if (settings && strcmp(type, "ldap") != 0 && strcmp(type, "ad") != 0) {
        draft_risk(r->d, RISK_HIGH, "PVE will refuse it: a realm of type %.20s cannot be synced",
                   type);
        return;
    }
    if (!s.whole) {
        draft_risk(r->d, RISK_HIGH,
                   "PVE will refuse it: neither the request nor the realm's defaults name a scope");
        return;
    }
    if (js_bool_or(form, "dry-run", false)) {
        hit(r, "none", RISK_LOW, "dry-run", "it only shows what would change");
        return;
    }
    draft_unread(r->d, "what the directory holds",
                 "only the sync itself asks it; try dry-run first", NULL);
    tell_vanished(r, &s, "now");
    hit(r, "changed", RISK_LOW, "sync", "new %s%s%s are made%s", s.users ? "users" : "",
        s.users && s.groups ? " and " : "", s.groups ? "groups" : "",
        s.users && s.enable ? " and can log in at once" : "");
}

static void tell_sync_defaults(struct realm *r, const js *b, const js *a) {
    struct sync old = sync_of(b, NULL), new = sync_of(a, NULL);

    old.users = old.groups = false;
    new.users = new.users || !new.whole; /* what a later request names is not known */
    new.groups = new.groups || !new.whole;
    new.entry = new.entry && !old.entry;
    new.acl = new.acl && !old.acl;
    tell_vanished(r, &new, "at the next sync");
}

/* ---- the request ---- */

static js *after(const js *before, const char *id, const struct blast_request *q) {
    CLEANUP(js_freep) js *list = js_array();
    CLEANUP(js_freep) js *then = NULL;
    char name[AFTER_ID];
    js *row = js_copy(js_object_or_empty(before));

    js_add(row, "realm", js_str(id));
    if (before) {
        js_push(list, row);
    } else {
        json_object_put(row);
    }
    then = sections_after(list, "realm", "/access/domains", q->method, q->path, q->form, name);
    row = list_row(then, "realm", id);
    return row ? js_ref(row) : NULL;
}

static int change(struct realm *r, const js *b, const struct blast_request *q, int64_t now) {
    bool is_delete = strcmp(q->method, "DELETE") == 0;
    CLEANUP(js_freep) js *a = is_delete ? NULL : after(b, r->id, q);
    int code;

    if (is_delete && (strcmp(r->id, "pam") == 0 || strcmp(r->id, "pve") == 0)) {
        blast_unread(r->p, BLAST_ACCESS_NEEDS, 0, r->d);
        hit(r, "changed", RISK_LOW, NULL, "PVE always has this realm: only its settings go");
        return 0;
    }
    code = blast_access(r->p, q->method, q->path, q->form, r->own, now, r->d);
    if (code < 0 || is_delete) {
        return code;
    }
    if (!a) {
        draft_unread(r->d, "the realm's settings", "they are not known",
                     "Sys.Audit on /access/realm");
        return 0;
    }
    if (b) {
        tell_login(r, b, a, q->form);
    }
    tell_exposed(r, b, a);
    tell_second_factor(r, b, a);
    tell_default(r, b, a);
    tell_sync_defaults(r, b, a);
    return 0;
}

int blast_realm(const struct picture *p, const js *before, const struct blast_request *q,
                const char *own, int64_t now, struct draft *d) {
    struct realm r = {.p = p, .d = d, .own = own};
    CLEANUP(js_freep) js *world = access_world(p);
    bool is_sync;
    char id[2][AFTER_ID];
    int code = 0;

    is_sync = path_fits("/access/domains/*/sync", q->path, id);
    if (!is_sync && !path_fits("/access/domains/*", q->path, id)) {
        (void)snprintf(id[0], AFTER_ID, "%.199s", js_str_or(q->form, "realm", ""));
    }
    (void)snprintf(r.id, sizeof(r.id), "%s", id[0]);
    (void)snprintf(r.resource, sizeof(r.resource), "realm/%s", r.id);
    if (world) {
        find_people(&r, world, now);
    }
    if (is_sync) {
        blast_unread(p, BLAST_ACCESS_NEEDS, 0, d);
        tell_sync(&r, before, q->form);
    } else {
        code = change(&r, before, q, now);
    }
    tally_risk(&r.tally, d);
    return code;
}
