/* SPDX-License-Identifier: Apache-2.0 */
/* What a sync of a realm makes, changes and takes away by its options, as PVE carries it out: who
 * is of the realm and not in the directory vanishes. What the directory lists only the sync itself
 * can learn; so everybody of the realm is told of as if it were not listed, never fewer. */
#include <stdio.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/access.h"
#include "proximo-client/blast/realm_int.h"

struct sync {
    bool users, groups;
    bool entry, acl; /* what the directory does not list loses its entry, its ACL entries */
    bool properties; /* what it lists keeps only what the directory says of it */
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
    s.properties = remove && words_have(remove, "properties");
    s.enable = !enable || strcmp(enable, "0") != 0;
    return s;
}

/* ---- who is of the realm ---- */

/* Groups of the realm are named "name-REALM". */
static bool is_group_of(const char *realm, const char *group) {
    size_t n = strlen(group), m = strlen(realm);

    return n > m && group[n - m - 1] == '-' && strcmp(group + n - m, realm) == 0;
}

static bool is_entry_of(const struct realm *r, const struct sync *s, const js *e) {
    const char *type = js_str_or(e, "type", "");
    const char *ugid = js_str_or(e, "ugid", "");

    return (s->users && strcmp(type, "user") == 0 && realm_has_user(r->id, ugid)) ||
           (s->groups && strcmp(type, "group") == 0 && is_group_of(r->id, ugid));
}

static bool is_user_row(const struct realm *r, const struct sync *s, const js *row) {
    return s->users && realm_has_user(r->id, js_str_or(row, "userid", ""));
}

static bool is_group_row(const struct realm *r, const struct sync *s, const js *row) {
    return s->groups && is_group_of(r->id, js_str_or(row, "groupid", ""));
}

typedef bool is_row(const struct realm *r, const struct sync *s, const js *row);

/* Counts the rows; into left (may be NULL) goes the list without them. */
static size_t rows_of(const struct realm *r, const struct sync *s, const char *path, is_row *f,
                      js *left) {
    const js *list = picture_answer(r->p, path, NULL);
    size_t n = 0;

    for (size_t i = 0; i < js_len(list); i++) {
        bool mine = f(r, s, js_at(list, i));

        n += mine;
        if (!mine && left) {
            js_push(left, js_ref(js_at(list, i)));
        }
    }
    return n;
}

/* ---- what it takes away ---- */

/* Effective privileges if nobody and nothing of the realm were listed. Expired accounts and those
 * that cannot log in lose nothing. */
static void tell_lost(struct realm *r, const struct sync *s, const char *when) {
    CLEANUP(js_freep) js *then = r->world ? js_object() : NULL;
    js *acl = js_array(), *users = js_array(), *groups = js_array();
    char words[120];

    (void)rows_of(r, s, "/access/acl", is_entry_of, acl);
    (void)rows_of(r, s, "/access/users?full=1", is_user_row, users);
    (void)rows_of(r, s, "/access/groups", is_group_row, groups);
    JS_FOREACH(r->world, key, value) {
        js_add(then, key, js_ref(value));
    }
    if (then && s->acl) {
        js_add(then, "acl", js_ref(acl));
    }
    if (then && s->entry) {
        js_add(then, "users", js_ref(users));
        js_add(then, "groups", js_ref(groups));
    }
    if (then) {
        (void)snprintf(words, sizeof(words), "%s, if the directory does not list it: ", when);
        access_compare(r->world, then, words, r->own, r->now, r->d);
    }
    js_freep(&acl);
    js_freep(&users);
    js_freep(&groups);
}

/* What a sync with these options may take away, at most. */
static void tell_vanished(struct realm *r, const struct sync *s, const char *when) {
    size_t users = rows_of(r, s, "/access/users?full=1", is_user_row, NULL);
    size_t groups = rows_of(r, s, "/access/groups", is_group_row, NULL);

    if (s->entry) {
        realm_hit(r, "lockout", RISK_HIGH, "remove-vanished",
                  "%s users and groups that the directory does not list go: up to %zu users, %zu "
                  "groups",
                  when, users, groups);
        if (s->users && users) {
            realm_last_administrators(r);
        }
    }
    if (s->acl) {
        realm_hit(r, "loses-access", RISK_HIGH, "remove-vanished",
                  "%s ACL entries of what the directory does not list go: up to %zu", when,
                  rows_of(r, s, "/access/acl", is_entry_of, NULL));
    }
    if (s->entry && s->users && r->own && strchr(r->own, '@')) {
        char user[120];

        (void)snprintf(user, sizeof(user), "%.*s", (int)strcspn(r->own, "!"), r->own);
        if (realm_has_user(r->id, user)) {
            draft_risk(r->d, RISK_HIGH,
                       "this client's own token is of %s: it goes with the user if the directory "
                       "does not list it",
                       user);
        }
    }
    if (s->entry || s->acl) {
        tell_lost(r, s, when);
    }
}

/* ---- what it changes ---- */

static bool is_expired_row(const struct realm *r, const struct sync *s, const js *row) {
    int64_t expire = js_int_or(row, "expire", 0);

    return is_user_row(r, s, row) && expire > 0 && expire <= r->now &&
           js_bool_or(row, "enable", true);
}

static void tell_changed(struct realm *r, const struct sync *s, const char *when) {
    size_t expired = rows_of(r, s, "/access/users?full=1", is_expired_row, NULL);
    size_t groups = rows_of(r, s, "/access/groups", is_group_row, NULL);

    if (s->properties && expired) {
        realm_hit(r, "gains-access", RISK_HIGH, "remove-vanished",
                  "%s users that the directory lists lose their expiry date: up to %zu that have "
                  "expired can log in again",
                  when, expired);
    }
    if (groups) {
        realm_hit(r, "changed", RISK_MEDIUM, "scope",
                  "%s the directory says who is in its groups: of %zu groups all members may be "
                  "others, and with them who has the groups' privileges",
                  when, groups);
    }
    realm_hit(r, "changed", RISK_LOW, "sync", "%s new %s%s%s are made%s", when,
              s->users ? "users" : "", s->users && s->groups ? " and " : "",
              s->groups ? "groups" : "", s->users && s->enable ? " and can log in at once" : "");
}

/* ---- the three ways to it ---- */

/* false: no sync comes of it, and it was said why. */
static bool is_possible(const struct realm *r, const js *settings, const struct sync *s) {
    const char *type = js_str_or(settings, "type", "");

    if (settings && strcmp(type, "ldap") != 0 && strcmp(type, "ad") != 0) {
        draft_risk(r->d, RISK_HIGH, "PVE will refuse it: a realm of type %.20s cannot be synced",
                   type);
        return false;
    }
    if (!s->whole) {
        draft_risk(r->d, RISK_HIGH,
                   "PVE will refuse it: neither the request nor the realm's defaults name a scope");
        return false;
    }
    return true;
}

void realm_sync(struct realm *r, const js *settings, const js *form) {
    const struct sync s = sync_of(settings, form);

    if (!is_possible(r, settings, &s)) {
        return;
    }
    if (js_bool_or(form, "dry-run", false)) {
        realm_hit(r, "none", RISK_LOW, "dry-run", "it only shows what would change");
        return;
    }
    draft_unread(r->d, "what the directory holds",
                 "only the sync itself asks it; try dry-run first", NULL);
    tell_vanished(r, &s, "now");
    tell_changed(r, &s, "now");
}

void realm_sync_defaults(struct realm *r, const js *b, const js *a) {
    struct sync old = sync_of(b, NULL), new = sync_of(a, NULL);

    new.users = new.users || !new.whole; /* what a later request names is not known */
    new.groups = new.groups || !new.whole;
    new.entry = new.entry && !old.entry;
    new.acl = new.acl && !old.acl;
    tell_vanished(r, &new, "at the next sync");
}

static bool is_same(const struct sync *x, const struct sync *y) {
    return x->whole == y->whole && x->users == y->users && x->groups == y->groups &&
           x->entry == y->entry && x->acl == y->acl && x->properties == y->properties &&
           x->enable == y->enable;
}

/* From one job to another one of the same realm. */
static void job_change(struct realm *r, const js *settings, const js *before, const js *after) {
    const struct sync was = sync_of(settings, before), s = sync_of(settings, after);
    bool ran = before && js_bool_or(before, "enabled", true);
    bool runs = js_bool_or(after, "enabled", true);
    const char *then = js_str_or(after, "schedule", "");

    if (!runs) {
        if (ran) {
            realm_hit(r, "changed", RISK_LOW, "enabled",
                      "the job does not run any more; who it made stays");
        }
        return;
    }
    if (!is_possible(r, settings, &s)) {
        return;
    }
    if (ran && strcmp(js_str_or(before, "schedule", ""), then) != 0) {
        realm_hit(r, "changed", RISK_LOW, "schedule", "it runs on %.60s, was %.60s", then,
                  js_str_or(before, "schedule", "?"));
    }
    if (ran && is_same(&was, &s)) {
        return;
    }
    draft_unread(r->d, "what the directory holds",
                 "only a sync asks it; try pve_realm_sync with dry-run first", NULL);
    tell_vanished(r, &s, "at each run");
    tell_changed(r, &s, "at each run");
}

int blast_realm_job(const struct picture *p, const js *settings, const js *before, const js *after,
                    const char *own, int64_t now, struct draft *d) {
    struct realm r = {.p = p, .d = d, .own = own, .now = now};
    CLEANUP(js_freep) js *world = access_world(p);
    const char *id = js_get_str(before, "realm"); /* it cannot be changed later */

    realm_open(&r, id ? id : js_str_or(after, "realm", ""), world);
    blast_unread(p, BLAST_ACCESS_NEEDS, 0, d);
    if (!settings) {
        draft_unread(d, "the realm's settings", "they could not be read",
                     "Realm.Allocate or Sys.Audit on /access/realm");
    }
    job_change(&r, settings, before, after);
    tally_risk(&r.tally, d);
    return 0;
}
