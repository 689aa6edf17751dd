/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about who may do what. */
#include <string.h>

#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/rows.h"

static const struct field permissions_fields[] = {
    {"userid", F_STR, "user@realm or user@realm!token; default: our own token", .max = 128},
    {"path", F_STR, "one ACL path, e.g. /vms/100", .max = 128},
    FIELDS_PAGE,
    {NULL},
};

/* {path, privileges, here_only}: PVE's value is the propagate flag. */
static js *path_item(const char *path, const js *privs) {
    CLEANUP(buf_done) struct buf all = BUF_INIT(LIM_LINES), here = BUF_INIT(LIM_LINES);
    js *o = js_object();

    JS_FOREACH(privs, name, val) {
        bool propagates = js_bool_or(privs, name, false);
        struct buf *b = propagates ? &all : &here;

        (void)val;
        (void)buf_addf(b, "%s%s", b->len ? " " : "", name);
    }
    js_add(o, "path", js_str(path));
    js_add(o, "privileges", js_str(buf_str(&all)));
    if (here.len) {
        js_add(o, "here_only", js_str(buf_str(&here)));
    }
    return o;
}

static int permissions_read(struct session *s, const js *args, js **ret, struct err *e) {
    CLEANUP(js_freep) js *data = NULL;
    CLEANUP(js_freep) js *query = answer_pick(args, "userid path");
    CLEANUP(js_freep) js *list = js_array();
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    int r = pve_path("/access/permissions", args, &path, e);

    if (r == 0) {
        r = pve_query(query, &path, e);
    }
    if (r == 0) {
        r = pve_get(s->pve, buf_str(&path), &data, e);
    }
    if (r < 0) {
        return r;
    }
    if (!js_is_object(data)) {
        return bad_answer("/access/permissions", e);
    }
    JS_FOREACH(data, acl_path, privs) {
        if (js_is_object(privs)) {
            js_push(list, path_item(acl_path, privs));
        }
    }
    *ret = answer_list(list, args, NULL);
    js_add(*ret, "userid", js_str(js_str_or(args, "userid", pve_token_id(s->pve))));
    if (!js_get(args, "path")) {
        js_add(*ret, "note",
               js_str("only paths that carry an ACL are listed; name a path to have it "
                      "evaluated"));
    }
    return 0;
}

const struct row access_rows[] = {
    {"pve_permissions", "Effective permissions",
     "Shows the effective privileges of our token or another user, by ACL path. Changes nothing.",
     "access", EFFECT_READ, ROW_DIRECT | ROW_IDEMPOTENT, permissions_fields,
     .read = permissions_read, .privilege = "/access Sys.Audit (for others than ourselves)",
     .result = "userid:string " LIST_RESULT},
    {NULL},
};
