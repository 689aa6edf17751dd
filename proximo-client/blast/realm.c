/* SPDX-License-Identifier: Apache-2.0 */
/* A realm is how people prove who they are: who logs in by it, whether an administrator is left who
 * does not, what a setting exposes, what a sync may take away. Who may do what is the analyser of
 * access; it is asked, too. Nobody can know here whether a server answers, or what it holds. */
#include <stdio.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/access.h"
#include "proximo-client/blast/realm_int.h"

/* A wrong value of one of these keeps everybody out. */
static const char *const login_keys[] = {
    "server1",  "server2",    "port",           "mode",           "secure",    "verify",
    "capath",   "cert",       "certkey",        "sslversion",     "base_dn",   "bind_dn",
    "password", "user_attr",  "domain",         "issuer-url",     "client-id", "client-key",
    "scopes",   "acr-values", "username-claim", "case-sensitive", "prompt"};

void realm_hit(struct realm *r, const char *effect, enum risk severity, const char *via,
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

bool realm_has_user(const char *realm, const char *userid) {
    const char *at = strrchr(userid, '@');

    return at && strcmp(at + 1, realm) == 0;
}

static void count(struct realm *r, const struct access *a, size_t who, bool is_admin) {
    const char *name = access_name(a, who);
    size_t len = strlen(r->who.names);

    if (!realm_has_user(r->id, name)) {
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

void realm_last_administrators(const struct realm *r) {
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
        realm_hit(r, "changed", RISK_LOW, keys, "nobody who can log in today does so by it");
        return;
    }
    realm_hit(r, "degraded", RISK_MEDIUM, keys,
              "%zu users log in by it (%s): with a wrong value none of them can; that is not tried "
              "before",
              r->who.users, r->who.names);
    realm_last_administrators(r);
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
        realm_hit(r, "exposed", level, "mode", "passwords travel to the server unencrypted");
    } else if (is_ldap && is_encrypted(a) && !js_bool_or(a, "verify", false) &&
               (!b || js_bool_or(b, "verify", false))) {
        realm_hit(r, "exposed", level, "verify",
                  "the server's certificate is not checked: another one can take the passwords");
    }
    if (js_bool_or(a, "autocreate", false) && !js_bool_or(b, "autocreate", false)) {
        realm_hit(
            r, "exposed", RISK_MEDIUM, "autocreate",
            "whoever the provider knows becomes a user at the first login, without privileges");
    }
    if ((js_bool_or(a, "groups-overwrite", false) && !js_bool_or(b, "groups-overwrite", false)) ||
        differs(b, a, NULL, "groups-claim")) {
        realm_hit(
            r, "gains-access", RISK_HIGH, "groups",
            "the provider decides at each login in which groups a user is: who gains or loses what "
            "is not known here");
    }
}

static void tell_second_factor(struct realm *r, const js *b, const js *a) {
    if (differs(b, a, NULL, "tfa")) {
        realm_hit(r, js_get(a, "tfa") ? "degraded" : "exposed", RISK_MEDIUM, "tfa",
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
    realm_hit(r, "changed", RISK_LOW, "default",
              "it is offered first at the login instead of %.60s", other);
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
        realm_hit(r, "changed", RISK_LOW, NULL, "PVE always has this realm: only its settings go");
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
    realm_sync_defaults(r, b, a);
    return 0;
}

void realm_open(struct realm *r, const char *id, const js *world) {
    (void)snprintf(r->id, sizeof(r->id), "%s", id);
    (void)snprintf(r->resource, sizeof(r->resource), "realm/%s", r->id);
    r->world = world;
    if (world) {
        find_people(r, world, r->now);
    }
}

int blast_realm(const struct picture *p, const js *before, const struct blast_request *q,
                const char *own, int64_t now, struct draft *d) {
    struct realm r = {.p = p, .d = d, .own = own, .now = now};
    CLEANUP(js_freep) js *world = access_world(p);
    bool is_sync;
    char id[2][AFTER_ID];
    int code = 0;

    is_sync = path_fits("/access/domains/*/sync", q->path, id);
    if (!is_sync && !path_fits("/access/domains/*", q->path, id)) {
        (void)snprintf(id[0], AFTER_ID, "%.199s", js_str_or(q->form, "realm", ""));
    }
    realm_open(&r, id[0], world);
    if (is_sync) {
        blast_unread(p, BLAST_ACCESS_NEEDS, 0, d);
        realm_sync(&r, before, q->form);
    } else {
        code = change(&r, before, q, now);
    }
    tally_risk(&r.tally, d);
    return code;
}
