/* SPDX-License-Identifier: Apache-2.0 */
/* Walks all rows: what a row must have, the size of what a model sees, and every row against the
 * API's own schema. A row that lacks something is found here, not by a user. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/tools/manual.h"
#include "proximo-client/tools/plans.h"
#include "tests/unit/tools/api.h"
#include "tests/unit/tools/world.h"

#define LIST_BUDGET (8000 * 4) /* tokens as bytes / 4 */

START_TEST(names_are_unique_and_valid) {
    const struct row *r;
    size_t n = 0;

    for (size_t i = 0; (r = row_at(i)); i++, n++) {
        ck_assert_msg(ident_is_tool(r->name), "%s", r->name);
        ck_assert_msg(row_find(r->name) == r, "%s is there twice", r->name);
        ck_assert(r->title && *r->title && strlen(r->title) <= 60);
        ck_assert(r->plane && *r->plane);
        ck_assert_msg(r->desc && strlen(r->desc) <= 300, "%s: description", r->name);
        ck_assert_ptr_nonnull(r->fields);
    }
    ck_assert_uint_ge(n, 40);
    ck_assert_ptr_null(row_find("pve_api_exec"));
}
END_TEST

/* Commands: their exit status is the answer to what a check would ask. */
static bool tells_its_end(const struct row *r) {
    return strcmp(r->plane, "exec") == 0 || strcmp(r->name, "pve_agent_exec") == 0;
}

START_TEST(rows_have_what_their_effect_needs) {
    const struct row *r;

    for (size_t i = 0; (r = row_at(i)); i++) {
        switch (r->effect) {
        case EFFECT_READ:
            ck_assert_msg((r->path != NULL) != (r->read != NULL), "%s: path or read", r->name);
            ck_assert_msg(!r->plan && !r->send && !r->undo && !r->check, "%s reads", r->name);
            ck_assert_msg(r->privilege != NULL, "%s: privilege", r->name);
            ck_assert_msg(r->result || strcmp(r->plane, "api") == 0, "%s: result", r->name);
            break;
        case EFFECT_CHANGE:
            ck_assert_msg((r->plan != NULL) != (r->send != NULL), "%s: plan or send", r->name);
            ck_assert_msg(!r->read && !r->path, "%s: it changes", r->name);
            ck_assert_msg(r->send || (r->analysers && *r->analysers), "%s: analysers", r->name);
            ck_assert_msg(r->undo && *r->undo, "%s: undo", r->name);
            ck_assert_msg((strcmp(r->undo, "none") == 0) == (r->undo_none != NULL),
                          "%s: none needs a reason", r->name);
            ck_assert_msg(r->privilege && *r->privilege, "%s: privilege", r->name);
            ck_assert_msg(r->send || r->check || tells_its_end(r), "%s: check", r->name);
            ck_assert_msg(strstr(r->desc, "Returns a plan"), "%s says that it only plans", r->name);
            break;
        case EFFECT_META:
        default:
            ck_assert_msg(!r->plan && !r->read && !r->path && !r->undo, "%s", r->name);
            break;
        }
    }
}
END_TEST

START_TEST(undo_kinds_are_of_the_closed_list) {
    static const char *const kinds[] = {"guest-snapshot", "node-snapshot", "restore-object",
                                        "inverse",        "steps",         "none"};
    const struct row *r;

    for (size_t i = 0; (r = row_at(i)); i++) {
        bool ok = !r->undo;

        for (size_t k = 0; r->undo && k < ARRAY_LEN(kinds); k++) {
            ok |= strcmp(r->undo, kinds[k]) == 0;
        }
        ck_assert_msg(ok, "%s: %s", r->name, r->undo);
    }
}
END_TEST

START_TEST(fields_are_well_formed) {
    const struct row *r;

    for (size_t i = 0; (r = row_at(i)); i++) {
        for (const struct field *f = r->fields; f->name; f++) {
            ck_assert_msg(strlen(f->name) <= 40 && strcmp(f->name, "cluster") != 0, "%s.%s",
                          r->name, f->name);
            ck_assert_msg(strcmp(f->name, "confirm") != 0, "%s: nothing a model can set confirms",
                          r->name);
            ck_assert_msg((f->type == F_ENUM) == (f->choices != NULL), "%s.%s", r->name, f->name);
            ck_assert_msg(f->type != F_INT || f->max > f->min, "%s.%s has no range", r->name,
                          f->name);
            ck_assert_msg(!f->secret || f->type == F_STR, "%s.%s", r->name, f->name);
            ck_assert_msg(!f->desc || strlen(f->desc) <= 100, "%s.%s", r->name, f->name);
            for (const struct field *g = r->fields; g < f; g++) {
                ck_assert_msg(strcmp(f->name, g->name) != 0, "%s.%s twice", r->name, f->name);
            }
        }
    }
}
END_TEST

/* The members of a tool that a model is shown. */
static size_t tool_bytes(const struct row *r) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);
    CLEANUP(js_freep) js *o = js_object();
    js *out = row_output_schema(r), *a = js_object();

    js_add(o, "name", js_str(r->name));
    js_add(o, "title", js_str(r->title));
    js_add(o, "description", js_str(r->desc));
    js_add(o, "inputSchema", row_input_schema(r, true));
    if (out) {
        js_add(o, "outputSchema", out);
    }
    js_add(a, "title", js_str(r->title));
    js_add(a, "readOnlyHint", js_bool(false));
    js_add(a, "destructiveHint", js_bool(false));
    js_add(a, "idempotentHint", js_bool(false));
    js_add(a, "openWorldHint", js_bool(false));
    js_add(o, "annotations", a);
    ck_assert_int_eq(js_print(o, &b), 0);
    return b.len + 1;
}

START_TEST(default_list_fits_its_budget) {
    const struct row *r;
    size_t bytes = 0, tools = 0;

    for (size_t i = 0; (r = row_at(i)); i++) {
        if (r->flags & ROW_DIRECT) {
            bytes += tool_bytes(r);
            tools++;
        }
    }
    printf("# default list: %zu tools, %zu bytes, %zu tokens\n", tools, bytes, bytes / 4);
    ck_assert_uint_ge(tools, 30);
    ck_assert_uint_le(bytes, LIST_BUDGET);
}
END_TEST

static void only_portable(const js *schema) {
    static const char *const allowed[] = {
        "type",    "properties", "required",  "enum",    "items",       "minimum",
        "maximum", "minLength",  "maxLength", "default", "description", "additionalProperties"};

    JS_FOREACH(schema, key, val) {
        bool ok = false;

        for (size_t i = 0; i < ARRAY_LEN(allowed); i++) {
            ok |= strcmp(key, allowed[i]) == 0;
        }
        ck_assert_msg(ok, "keyword %s", key);
        if (strcmp(key, "type") == 0) {
            ck_assert(js_is_str(val));
        }
        if (strcmp(key, "items") == 0) {
            only_portable(val);
        }
    }
    if (js_get(schema, "properties")) {
        JS_FOREACH(js_get(schema, "properties"), name, prop) {
            ck_assert(*name);
            only_portable(prop);
        }
    }
}

START_TEST(schemas_stay_in_the_portable_subset) {
    const struct row *r;

    for (size_t i = 0; (r = row_at(i)); i++) {
        CLEANUP(js_freep) js *in = row_input_schema(r, true);
        CLEANUP(js_freep) js *out = row_output_schema(r);

        only_portable(in);
        if (out) {
            only_portable(out);
        }
    }
}
END_TEST

/* --- the API's own schema --- */

/* Parameters of the API that may not be keys here, each with its reason. */
static const struct left_out {
    const char *key, *why;
} left_out[] = {
    {"node", "addresses the request"},
    {"vmid", "addresses the request"},
    {"storage", "addresses the request"},
    {"type", "an argument of its own"},
    {"digest", "taken from the recheck"},
    {"delete", "an argument of its own"},
    {"revert", "drops pending changes: another operation"},
    {"force", "destroys what a deletion detaches"},
    {"smp", "an old name of sockets"},
    {"skiplock", "root only, goes round PVE's lock"},
    {"lock", "set by PVE's own tasks"},
    {"template", "one-way: another operation"},
    {"password", "a secret: an argument of its own"},
    {"keyring", "a secret file"},
    {"encryption-key", "a secret file"},
    {"master-pubkey", "belongs to the key file"},
};

static bool is_left_out(const char *key) {
    for (size_t i = 0; i < ARRAY_LEN(left_out); i++) {
        if (strcmp(left_out[i].key, key) == 0) {
            return true;
        }
    }
    return false;
}

static bool ours(const char *path, const char *key) {
    return strstr(path, "/lxc/")    ? key_is_guest("lxc", key)
           : strstr(path, "/qemu/") ? key_is_guest("qemu", key)
                                    : key_is_storage(key, strcmp(path, "/storage") == 0);
}

/* Both directions: every parameter is a key or left out for a reason. */
START_TEST(key_tables_are_the_api_s_own) {
    static const struct {
        const char *method, *path;
    } where[] = {{"PUT", "/nodes/{node}/lxc/{vmid}/config"},
                 {"PUT", "/nodes/{node}/qemu/{vmid}/config"},
                 {"POST", "/storage"},
                 {"PUT", "/storage/{storage}"}};
    unsigned int compared = 0;

    js *api = api_load();

    if (!api) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(where); i++) {
        const js *m = api_method(api, where[i].method, where[i].path);

        ck_assert_ptr_nonnull(m);
        JS_FOREACH(js_get(js_get(m, "parameters"), "properties"), name, prop) {
            char key[80];
            size_t n = strcspn(name, "[");

            ck_assert_ptr_nonnull(prop);
            (void)snprintf(key, sizeof(key), "%.*s%s", (int)n, name, name[n] ? "0" : "");
            ck_assert_msg(ours(where[i].path, key) != is_left_out(key), "%s of %s", key,
                          where[i].path);
            compared++;
        }
    }
    printf("# %u parameters compared\n", compared);
    ck_assert_uint_ge(compared, 200);
    js_freep(&api);
}
END_TEST

START_TEST(keys_are_closed) {
    static const char *const no[] = {"lock",    "template",     "digest", "delete", "netX",
                                     "net1000", "net-1",        "net01",  "NET0",   "",
                                     "memory ", "lxc.apparmor", "../x"};

    for (size_t i = 0; i < ARRAY_LEN(no); i++) {
        ck_assert_msg(!key_is_guest("lxc", no[i]) && !key_is_guest("qemu", no[i]), "%s", no[i]);
        ck_assert_msg(!key_is_storage(no[i], true), "%s", no[i]);
    }
    ck_assert(key_is_guest("lxc", "mp10") && !key_is_guest("qemu", "mp10"));
    ck_assert(key_is_guest("qemu", "scsi30") && !key_is_guest("lxc", "scsi30"));
    ck_assert(key_is_storage("path", true) && !key_is_storage("path", false));
}
END_TEST

START_TEST(manual_and_roles_come_from_the_rows) {
    CLEANUP(buf_done)
    struct buf man = BUF_INIT(LIM_CONF), reads = BUF_INIT(LIM_LINES), all = BUF_INIT(LIM_LINES);
    const struct row *r;

    ck_assert_int_eq(tools_manual(&man), 0);
    for (size_t i = 0; (r = row_at(i)); i++) {
        char item[80];

        (void)snprintf(item, sizeof(item), ".It Ic %s\n", r->name);
        ck_assert_msg(strstr(man.data, item), "%s is not in the manual", r->name);
    }
    ck_assert_int_eq(tools_role("storage", false, &reads), 0);
    ck_assert_int_eq(tools_role("guest", true, &all), 0);
    ck_assert(strstr(reads.data, "Datastore.Audit"));
    ck_assert(strstr(all.data, "VM.PowerMgmt") && strstr(all.data, "VM.Audit"));
    ck_assert(!strstr(reads.data, "VM."));
}
END_TEST

int main(void) {
    Suite *s = suite_create("rows");
    TCase *t = tcase_create("walk");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_test(t, names_are_unique_and_valid);
    tcase_add_test(t, rows_have_what_their_effect_needs);
    tcase_add_test(t, undo_kinds_are_of_the_closed_list);
    tcase_add_test(t, fields_are_well_formed);
    tcase_add_test(t, default_list_fits_its_budget);
    tcase_add_test(t, schemas_stay_in_the_portable_subset);
    tcase_add_test(t, key_tables_are_the_api_s_own);
    tcase_add_test(t, keys_are_closed);
    tcase_add_test(t, manual_and_roles_come_from_the_rows);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
