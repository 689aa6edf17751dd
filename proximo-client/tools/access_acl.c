/* SPDX-License-Identifier: Apache-2.0 */
/* ACL entries: the row that changes them, and their way back. An entry is (path, principal, role)
 * with a propagate flag; setting one that is there changes the flag only. */
#include <errno.h>
#include <string.h>

#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/access.h"
#include "proximo-client/tools/assess.h"

#define ACL "/access/acl"

static int read_acl(struct draft *d, js **ret, struct err *e) {
    int r = draft_read(d, ACL, "whole", ret, e);

    return r == 0 && !js_is_array(*ret) ? bad_answer("the ACL", e) : r;
}

/* "user" -> "users": how PUT /access/acl names the principals of a kind. */
static const char *param_of(const char *type) {
    return strcmp(type, "group") == 0 ? "groups" : strcmp(type, "token") == 0 ? "tokens" : "users";
}

js *acl_form(const js *entry, bool gone) {
    js *form = js_object();

    js_add(form, "path", js_str(js_str_or(entry, "path", "")));
    js_add(form, "roles", js_str(js_str_or(entry, "roleid", "")));
    js_add(form, param_of(js_str_or(entry, "type", "")), js_str(js_str_or(entry, "ugid", "")));
    if (gone) {
        js_add(form, "delete", js_bool(true));
    } else {
        js_add(form, "propagate", js_bool(js_bool_or(entry, "propagate", true)));
    }
    return form;
}

/* The entries for which `goes` is true are made again by the undo. */
static int bring_back(struct draft *d, bool (*goes)(const js *entry, const char *what),
                      const char *what, struct err *e) {
    js *acl = NULL;
    int r = read_acl(d, &acl, e);

    for (size_t i = 0; r == 0 && i < js_len(acl); i++) {
        const js *entry = js_at(acl, i);

        if (goes(entry, what)) {
            draft_request(d, PHASE_UNDO, "PUT", ACL, acl_form(entry, false), NULL);
        }
    }
    return r;
}

static bool of_user(const js *entry, const char *user) {
    return strcmp(js_str_or(entry, "type", ""), "user") == 0 &&
           strcmp(js_str_or(entry, "ugid", ""), user) == 0;
}

static bool of_group(const js *entry, const char *group) {
    return strcmp(js_str_or(entry, "type", ""), "group") == 0 &&
           strcmp(js_str_or(entry, "ugid", ""), group) == 0;
}

static bool of_role(const js *entry, const char *role) {
    return strcmp(js_str_or(entry, "roleid", ""), role) == 0;
}

static bool of_pool(const js *entry, const char *pool) {
    const char *path = js_str_or(entry, "path", "");

    return strncmp(path, "/pool/", 6) == 0 && strcmp(path + 6, pool) == 0;
}

int acl_of_user(struct draft *d, const struct assess *a, struct err *e) {
    return bring_back(d, of_user, js_str_or(a->args, "userid", ""), e);
}

int acl_of_group(struct draft *d, const struct assess *a, struct err *e) {
    return bring_back(d, of_group, js_str_or(a->args, "groupid", ""), e);
}

int acl_of_role(struct draft *d, const struct assess *a, struct err *e) {
    return bring_back(d, of_role, js_str_or(a->args, "roleid", ""), e);
}

int acl_of_pool(struct draft *d, const struct assess *a, struct err *e) {
    return bring_back(d, of_pool, js_str_or(a->args, "poolid", ""), e);
}

/* --- pve_acl_modify --- */

static const js *find_entry(const js *acl, const char *path, const char *type, const char *ugid,
                            const char *role) {
    for (size_t i = 0; i < js_len(acl); i++) {
        const js *entry = js_at(acl, i);

        if (strcmp(js_str_or(entry, "path", ""), path) == 0 &&
            strcmp(js_str_or(entry, "type", ""), type) == 0 &&
            strcmp(js_str_or(entry, "ugid", ""), ugid) == 0 &&
            strcmp(js_str_or(entry, "roleid", ""), role) == 0) {
            return entry;
        }
    }
    return NULL;
}

static const char *const kinds[] = {"user", "group", "token"};

struct each {
    const js *acl, *args;
    const char *path;
    bool gone, propagate;
    /* one wanted entry; now: as it is, or NULL */
    void (*run)(struct each *x, const char *type, const char *ugid, const char *role,
                const js *now);
    struct draft *d;
    unsigned int n, differ;
};

static void each_entry(struct each *x) {
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        const js *who = js_get(x->args, param_of(kinds[k])), *roles = js_get(x->args, "roles");

        for (size_t i = 0; i < js_len(who); i++) {
            for (size_t j = 0; j < js_len(roles); j++) {
                const char *ugid = value_text(js_at(who, i)), *role = value_text(js_at(roles, j));

                x->run(x, kinds[k], ugid, role, find_entry(x->acl, x->path, kinds[k], ugid, role));
            }
        }
    }
}

static bool is_so(const struct each *x, const js *now) {
    return x->gone ? !now : now && js_bool_or(now, "propagate", true) == x->propagate;
}

static void entry_back(struct each *x, const char *type, const char *ugid, const char *role,
                       const js *now) {
    CLEANUP(js_freep) js *entry = js_object();

    x->n++;
    if (is_so(x, now)) {
        return;
    }
    x->differ++;
    js_add(entry, "path", js_str(x->path));
    js_add(entry, "type", js_str(type));
    js_add(entry, "ugid", js_str(ugid));
    js_add(entry, "roleid", js_str(role));
    js_add(entry, "propagate", js_bool(js_bool_or(now, "propagate", true)));
    draft_request(x->d, PHASE_UNDO, "PUT", ACL, acl_form(entry, !now), NULL);
}

static void entry_check(struct each *x, const char *type, const char *ugid, const char *role,
                        const js *now) {
    (void)type;
    (void)ugid;
    (void)role;
    x->differ += !is_so(x, now);
}

static js *form_of(const js *args) {
    static const char *const lists[] = {"roles", "users", "groups", "tokens"};
    js *form = js_object();

    js_add(form, "path", js_str(js_str_or(args, "path", "")));
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        if (js_len(js_get(args, lists[i]))) {
            js_add(form, lists[i], send_joined(js_get(args, lists[i])));
        }
    }
    if (js_bool_or(args, "delete", false)) {
        js_add(form, "delete", js_bool(true));
    } else {
        js_add(form, "propagate", js_bool(js_bool_or(args, "propagate", true)));
    }
    return form;
}

static void describe(struct draft *d, const js *form, bool gone) {
    const char *path = js_str_or(form, "path", "");

    draft_change(d, "%s ACL entries on %s: roles %.200s for %s%.200s%s%.200s%s%.200s",
                 gone ? "delete" : "set", path, js_str_or(form, "roles", ""),
                 js_get(form, "users") ? "users " : "", js_str_or(form, "users", ""),
                 js_get(form, "groups") ? " groups " : "", js_str_or(form, "groups", ""),
                 js_get(form, "tokens") ? " tokens " : "", js_str_or(form, "tokens", ""));
    draft_target(d, "acl", path, NULL);
}

int plan_acl(struct draft *d, const js *args, struct err *e) {
    CLEANUP(js_freep) js *form = form_of(args);
    struct each x = {.args = args,
                     .path = js_str_or(args, "path", ""),
                     .gone = js_bool_or(args, "delete", false),
                     .propagate = js_bool_or(args, "propagate", true),
                     .run = entry_back,
                     .d = d};
    struct assess a = {.args = args, .method = "PUT", .path = ACL};
    js *acl = NULL;
    int r = read_acl(d, &acl, e);

    if (r < 0) {
        return r;
    }
    draft_request(d, PHASE_EXECUTE, "PUT", ACL, js_copy(form), NULL);
    x.acl = acl;
    each_entry(&x);
    if (!x.n) {
        (void)err_tag(e, -EINVAL, "bad_argument", "nobody is named");
        return err_hint(e, "give users, groups or tokens, and roles");
    }
    if (!x.differ) {
        (void)err_tag(e, -EALREADY, "no_change", "these entries on %s are already so", x.path);
        return err_hint(e, "nothing has to be done");
    }
    describe(d, form, x.gone);
    draft_undo(d, "restore-object", "each entry is as it was: its flag, or not there", "");
    draft_risk(d, RISK_HIGH, "it changes who may do what");
    draft_need(d, NEED_OPERATOR, "who may do what is decided by the operator");
    a.form = form;
    return assess_access(d, &a, e);
}

int unplan_acl(struct draft *d, const js *plan, struct err *e) {
    const js *list = js_get(plan, "requests");
    struct assess a = {.args = js_get(plan, "args"), .method = "PUT", .path = ACL};
    js *acl = NULL;
    int r = read_acl(d, &acl, e);

    if (r < 0) {
        return r;
    }
    send_undo_copy(d, plan);
    draft_request(d, PHASE_UNDO, "PUT", ACL, form_of(js_get(plan, "args")), NULL);
    draft_undo(d, "restore-object", "the entries are set again as the operation set them", "");
    draft_risk(d, RISK_HIGH, "it changes who may do what");
    draft_need(d, NEED_OPERATOR, "who may do what is decided by the operator");
    for (size_t i = 0; r == 0 && i < js_len(list); i++) {
        a.form = js_get(js_at(list, i), "form");
        if (strcmp(js_str_or(js_at(list, i), "phase", ""), "undo") == 0) {
            r = assess_access(d, &a, e);
        }
    }
    return r;
}

int check_acl(struct session *s, const js *args, bool *ret_ok, char **ret_text, struct err *e) {
    CLEANUP(js_freep) js *acl = NULL;
    struct each x = {.args = args,
                     .path = js_str_or(args, "path", ""),
                     .gone = js_bool_or(args, "delete", false),
                     .propagate = js_bool_or(args, "propagate", true),
                     .run = entry_check};
    int r = pve_get(s->pve, ACL, &acl, e);

    if (r < 0) {
        return r;
    }
    x.acl = acl;
    each_entry(&x);
    return x.differ ? check_done(false, ret_ok, ret_text, "%u entries on %s are not as asked",
                                 x.differ, x.path)
                    : check_done(true, ret_ok, ret_text, "the entries on %s are as asked", x.path);
}

static const struct field acl_fields[] = {
    {"path", F_STR, "/, /vms/100, /pool/x, /storage/y …", true, .min = 1, .max = 256},
    {"roles", F_STRS, NULL, true, .min = 1, .max = 20},
    {"users", F_STRS, "user@realm", .max = 50},
    {"groups", F_STRS, NULL, .max = 50},
    {"tokens", F_STRS, "user@realm!token", .max = 50},
    {"propagate", F_BOOL, "also for what is below; default true"},
    {"delete", F_BOOL, "take these entries away"},
    {NULL},
};
static const struct field list_fields[] = {FIELDS_PAGE, {NULL}};
static const struct field prune_fields[] = {{NULL}};

/* Grants that are wider than a person should get without a thought. */
static int overbroad_read(struct session *s, const js *args, js **ret, struct err *e) {
    CLEANUP(js_freep) js *acl = NULL;
    CLEANUP(js_freep) js *wide = js_array();
    int r = pve_get(s->pve, ACL, &acl, e);

    r = r < 0 ? r : need_rows("the access entries", acl, e);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < js_len(acl); i++) {
        js *entry = js_at(acl, i);
        const char *role = js_str_or(entry, "roleid", "");
        bool root = strcmp(js_str_or(entry, "path", ""), "/") == 0;

        if (strcmp(role, "Administrator") == 0 ||
            (root && js_bool_or(entry, "propagate", true) && strcmp(role, "PVEAuditor") != 0 &&
             strcmp(role, "NoAccess") != 0)) {
            js_push(wide, js_ref(entry));
        }
    }
    *ret = answer_list(wide, args, NULL);
    answer_partial(s, *ret, "/", "Permissions.Modify|Sys.Audit");
    return 0;
}

const struct row access_acl_rows[] = {
    {"pve_acl_list", "List ACL entries", "Lists who has which role on which path. Changes nothing.",
     "access", EFFECT_READ, ROW_IDEMPOTENT, list_fields, .path = ACL,
     .privilege = "/access Sys.Audit", .result = LIST_RESULT},
    {"pve_overbroad_grants", "Wide grants",
     "Lists ACL entries that give Administrator, or anything but auditing on the whole cluster. "
     "Changes nothing.",
     "access", EFFECT_READ, ROW_IDEMPOTENT, list_fields, .read = overbroad_read,
     .privilege = "/access Sys.Audit", .result = LIST_RESULT " partial?:object"},
    {"pve_acl_modify", "Change ACL entries",
     "Plans setting or deleting ACL entries: who may do what on a path." PLANS, "access",
     EFFECT_CHANGE, 0, acl_fields, .plan = plan_acl, .unplan = unplan_acl, .check = check_acl,
     .analysers = "access", .undo = "restore-object", .privilege = "{path} Permissions.Modify"},
    {"pve_acl_prune", "Remove ACL entries of what is gone",
     "Plans removing the ACL entries whose user, group, token, role or object is not there any "
     "more; "
     "each one is listed." PLANS,
     "access", EFFECT_CHANGE, 0, prune_fields, .plan = plan_acl_prune, .unplan = unplan_acl_prune,
     .check = check_acl_prune, .analysers = "access", .undo = "restore-object",
     .privilege = "{path} Permissions.Modify"},
    {NULL},
};
