/* SPDX-License-Identifier: Apache-2.0 */
/* The refusals of PVE's delete methods (its on_delete_hooks and the checks before them). A plan
 * that cannot be carried out must not read as one that affects nothing. */
#include "proximo-client/tools/refused.h"

#include <errno.h>
#include <string.h>

#include "common/ident.h"
#include "proximo-client/pve/pve.h"

static const struct holder {
    const char *row, *list; /* of a deletion; template of what may stand in its way */
    const char *by;         /* member of its items that names the object; NULL: each of them does */
    const char *id;         /* the row's field with the object's name */
    const char *what, *name; /* "vnet", the member with its name */
} holders[] = {
    {"pve_sdn_zone_delete", "/cluster/sdn/vnets", "zone", "zone", "vnet", "vnet"},
    {"pve_sdn_vnet_delete", "/cluster/sdn/vnets/{vnet}/subnets", NULL, "vnet", "subnet", "subnet"},
    {"pve_sdn_controller_delete", "/cluster/sdn/zones", "controller", "controller", "zone", "zone"},
#define MATCHER(kind)                                                                              \
    {                                                                                              \
        "pve_notification_" kind "_delete", "/cluster/notifications/matchers", "target", "name",   \
            "matcher", "name"                                                                      \
    }
    MATCHER("sendmail"),
    MATCHER("smtp"),
    MATCHER("gotify"),
    MATCHER("webhook"),
};

static bool names(const js *item, const struct holder *h, const char *id) {
    const js *v = h->by ? js_get(item, h->by) : NULL;

    for (size_t i = 0; i < js_len(v); i++) {
        const char *one = json_object_get_string(js_at(v, i));

        if (one && strcmp(one, id) == 0) {
            return true;
        }
    }
    return !h->by || strcmp(js_str_or(item, h->by, ""), id) == 0;
}

/* One that comes with PVE is not deleted but reset, whoever names it. */
static bool is_reset(const struct assess *a) {
    const char *origin = js_str_or(a->before, "origin", "");

    return strcmp(origin, "builtin") == 0 || strcmp(origin, "modified-builtin") == 0;
}

static int held(struct draft *d, const struct holder *h, const struct assess *a, struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    const char *id = js_str_or(a->args, h->id, "");
    js *list = NULL;
    struct err why = {0};
    int r = pve_path(h->list, a->args, &path, e);

    if (r < 0) {
        return r;
    }
    r = draft_read(d, buf_str(&path), "whole", &list, &why);
    if (r < 0) {
        draft_unread(d, "what still needs it", why.msg, NULL);
        return r == -ECANCELED ? r : 0;
    }
    for (size_t i = 0; i < js_len(list); i++) {
        const js *item = js_at(list, i);

        if (names(item, h, id)) {
            draft_risk(d, RISK_HIGH, "PVE will refuse it: %s %.60s still needs it", h->what,
                       js_str_or(item, h->name, "?"));
        }
    }
    return 0;
}

static int of_role(struct draft *d, const struct assess *a, struct err *e) {
    const char *id = js_str_or(a->args, "roleid", "");
    js *list = NULL;
    int r = draft_get(d, "/access/roles", &list, NULL);

    for (size_t i = 0; r == 0 && i < js_len(list); i++) {
        const js *role = js_at(list, i);

        if (strcmp(js_str_or(role, "roleid", ""), id) == 0 && js_bool_or(role, "special", false)) {
            (void)err_tag(e, -EPERM, "built_in", "PVE refuses it: %.60s is one of its own roles",
                          id);
            return err_hint(e, "make a role of your own and use that");
        }
    }
    return 0;
}

int refused_by_pve(struct draft *d, const struct assess *a, struct err *e) {
    if (strcmp(a->row->name, "pve_role_delete") == 0 ||
        strcmp(a->row->name, "pve_role_update") == 0) {
        return of_role(d, a, e);
    }
    for (size_t i = 0; i < ARRAY_LEN(holders); i++) {
        if (strcmp(holders[i].row, a->row->name) == 0 && !is_reset(a)) {
            return held(d, &holders[i], a, e);
        }
    }
    return 0;
}
