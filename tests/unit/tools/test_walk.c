/* SPDX-License-Identifier: Apache-2.0 */
/* Every row against the API's own schema: path and method exist, every parameter exists there with
 * a type that fits, required ones are given. And the invariants of rows that are data. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/tools/send.h"
#include "tests/unit/tools/api.h"
#include "tests/unit/tools/endpoints.h"
#include "tests/unit/tools/exceptions.h"

/* The API that a row is for; NULL: its description is not there. */
struct apis {
    js *pve, *pbs;
};

static void apisp(struct apis *a) {
    json_object_put(a->pve);
    json_object_put(a->pbs);
}

static const js *api_of(const struct apis *a, const struct row *r) {
    return row_target(r) == ROW_PBS ? a->pbs : a->pve;
}

static bool used[ARRAY_LEN(exceptions)];

static bool excepted(const char *row, const char *what) {
    for (size_t i = 0; i < ARRAY_LEN(exceptions); i++) {
        if (exceptions[i].row && strcmp(exceptions[i].row, row) == 0 &&
            strcmp(exceptions[i].what, what) == 0) {
            ck_assert(exceptions[i].why && *exceptions[i].why);
            used[i] = true;
            return true;
        }
    }
    return false;
}

/* A template of ours for one kind of guest: {kind} is a word of the path there. */
static void for_kind(const char *template, const char *kind, char *ret, size_t size) {
    const char *p = strstr(template, "{kind}");

    if (p) {
        (void)snprintf(ret, size, "%.*s%s%s", (int)(p - template), template, kind, p + 6);
    } else {
        (void)snprintf(ret, size, "%s", template);
    }
}

static bool type_fits(const struct field *f, const js *param) {
    const char *type = js_str_or(param, "type", "");

    if (f->type == F_VMID && strstr(js_str_or(param, "format", ""), "vmid-list")) {
        return true;
    }
    if (f->type == F_INT || f->type == F_VMID) {
        return strcmp(type, "integer") == 0 || strcmp(type, "number") == 0;
    }
    if (f->type == F_BOOL) {
        return strcmp(type, "boolean") == 0;
    }
    return strcmp(type, f->type == F_STRS && f->repeated ? "array" : "string") == 0;
}

static bool choices_fit(const struct field *f, const js *param) {
    const js *list = js_get(param, "enum");

    if (f->type != F_ENUM || !list) {
        return true;
    }
    for (const char *p = f->choices; *p;) {
        size_t n = strcspn(p, "|");
        bool found = false;

        for (size_t i = 0; i < js_len(list); i++) {
            const char *s = json_object_get_string(js_at(list, i));

            found |= strlen(s) == n && memcmp(s, p, n) == 0;
        }
        if (!found) {
            return false;
        }
        p += n + (p[n] == '|');
    }
    return true;
}

static bool is_fixed(const struct row *r, const char *param) {
    const char *fixed = r->send->fixed ? r->send->fixed : "";
    char word[64], value[128];

    while (next_word(&fixed, word, sizeof(word), value, sizeof(value))) {
        if (strcmp(word, param) == 0) {
            return true;
        }
    }
    return false;
}

static bool in_path(const struct row *r, const char *param) {
    return template_has(r->send->path, param);
}

/* What the schema requires is in the path, fixed, or a required field. */
static void required_are_given(const struct row *r, const js *m) {
    JS_FOREACH(js_get(js_get(m, "parameters"), "properties"), name, param) {
        const struct field *f = row_field_of(r, name);

        if (!js_bool_or(param, "optional", false) && !in_path(r, name) && !is_fixed(r, name)) {
            ck_assert_msg((f && (f->required || f->kept)) || excepted(r->name, name),
                          "%s: %s is required", r->name, name);
        }
    }
}

static void fixed_exist(const struct row *r, const js *m) {
    const char *fixed = r->send->fixed ? r->send->fixed : "";
    char word[64], value[128];

    while (next_word(&fixed, word, sizeof(word), value, sizeof(value))) {
        ck_assert_msg(api_param(m, word) != NULL, "%s: fixed %s", r->name, word);
    }
}

static void one_method(const js *api, const struct row *r, const char *kind) {
    char path[200];
    const js *m;

    for_kind(r->send->path, kind, path, sizeof(path));
    m = api_method(api, r->send->method, path);
    ck_assert_msg(m != NULL, "%s: no %s %s", r->name, r->send->method, path);
    for (const struct field *f = r->fields; f->name; f++) {
        const js *param = api_param(m, field_param(f));

        if (f->ours || f->type == F_MAP || (in_path(r, f->name) && strcmp(f->name, "kind") == 0)) {
            continue;
        }
        if (f->type == F_ENUM && strcmp(f->name, "kind") == 0 && sending_is_guest(r)) {
            continue; /* only checked */
        }
        if (f->kind && *kind && strcmp(f->kind, kind) != 0) {
            continue;
        }
        ck_assert_msg(param || excepted(r->name, field_param(f)), "%s: %s %s has no %s", r->name,
                      r->send->method, path, field_param(f));
        ck_assert_msg(!param || type_fits(f, param) || excepted(r->name, field_param(f)),
                      "%s.%s: is %s there", r->name, f->name, js_str_or(param, "type", "?"));
        ck_assert_msg(!param || choices_fit(f, param), "%s.%s: choices", r->name, f->name);
    }
    ck_assert_msg(r->send->digest == (api_param(m, "digest") != NULL) ||
                      excepted(r->name, "digest") || r->send->does == SEND_CREATE,
                  "%s: digest", r->name);
    fixed_exist(r, m);
    required_are_given(r, m);
}

static void path_is_read(const js *api, const struct row *r, const char *template,
                         const char *kind) {
    char path[200];

    if (template) {
        for_kind(template, kind, path, sizeof(path));
        path[strcspn(path, "?")] = '\0';
        ck_assert_msg(api_method(api, "GET", path) != NULL, "%s: no GET %s", r->name, path);
    }
}

static void one_kind(const js *api, const struct row *r, const char *kind) {
    const struct thing *t = r->send->on;
    const char *p = r->send->reads;

    one_method(api, r, kind);
    if (t) {
        path_is_read(api, r, t->read, kind);
        path_is_read(api, r, t->list, kind);
    }
    while (p && *p) {
        size_t n = strcspn(p, "|");
        char template[200];

        (void)snprintf(template, sizeof(template), "%.*s", (int)strcspn(p, " "), p);
        path_is_read(api, r, template, kind);
        p += n + (p[n] == '|');
    }
}

START_TEST(sent_is_what_the_api_takes) {
    CLEANUP(apisp) struct apis apis = {api_load(), api_pbs()};
    const struct row *r;
    unsigned int n = 0;

    for (size_t i = 0; (r = row_at(i)); i++) {
        const js *api = api_of(&apis, r);

        if (!r->send || !api) {
            continue;
        }
        n++;
        if (r->send->kind || !template_has(r->send->path, "kind")) {
            one_kind(api, r, r->send->kind ? r->send->kind : "");
        } else {
            one_kind(api, r, "lxc");
            one_kind(api, r, "qemu");
        }
    }
    for (size_t i = 0; apis.pve && i < ARRAY_LEN(exceptions); i++) {
        ck_assert_msg(!exceptions[i].row || used[i], "exception %s %s is not needed",
                      exceptions[i].row, exceptions[i].what);
    }
    printf("# %u changes that are data compared with the API\n", n);
}
END_TEST

static void read_row(const js *api, const struct row *r, const char *kind) {
    char path[200], word[64], none[2];
    const char *q = r->query ? r->query : "";
    const js *m;

    for_kind(r->path, kind, path, sizeof(path));
    m = api_method(api, "GET", path);
    ck_assert_msg(m != NULL, "%s: no GET %s", r->name, path);
    while (next_word(&q, word, sizeof(word), none, sizeof(none))) {
        ck_assert_msg(api_param(m, word) != NULL, "%s: GET %s has no %s", r->name, path, word);
    }
}

START_TEST(asked_is_what_the_api_answers) {
    CLEANUP(apisp) struct apis apis = {api_load(), api_pbs()};
    const struct row *r;

    for (size_t i = 0; (r = row_at(i)); i++) {
        const js *api = api_of(&apis, r);

        if (!r->path || !api) {
            continue;
        }
        read_row(api, r, "lxc");
        if (template_has(r->path, "kind")) {
            read_row(api, r, "qemu");
        }
    }
}
END_TEST

static bool in_endpoints(const struct row *r) {
    for (size_t k = 0; k < ARRAY_LEN(endpoints); k++) {
        if (strcmp(endpoints[k].row, r->name) == 0) {
            return true;
        }
    }
    return false;
}

START_TEST(functions_ask_what_the_api_has) {
    CLEANUP(apisp) struct apis apis = {api_load(), api_pbs()};
    const struct row *r;

    for (size_t i = 0; i < ARRAY_LEN(endpoints); i++) {
        const struct endpoint *p = &endpoints[i];
        const js *api, *m;
        const char *params = p->params;
        char name[64], none[2];

        ck_assert_msg(row_find(p->row) != NULL, "%s", p->row);
        api = api_of(&apis, row_find(p->row));
        if (!api) {
            continue;
        }
        m = api_method(api, p->method, p->path);
        ck_assert_msg(m != NULL, "%s %s", p->method, p->path);
        while (next_word(&params, name, sizeof(name), none, sizeof(none))) {
            ck_assert_msg(api_param(m, name) != NULL, "%s %s has no %s", p->method, p->path, name);
        }
    }
    for (size_t i = 0; (r = row_at(i)); i++) { /* no row may be left out of the table above */
        ck_assert_msg(r->effect == EFFECT_META || r->send || r->path || in_endpoints(r) ||
                          strcmp(r->plane, "api") == 0 || strcmp(r->plane, "core") == 0,
                      "%s is compared with nothing", r->name);
    }
}
END_TEST

static void says_what_is_there(const struct row *r) {
    for (const char *p = r->send->say; (p = strchr(p, '{')); p++) {
        char name[64];
        bool known = false;

        (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(p + 1, "}"), p + 1);
        for (const struct field *f = r->fields; f->name; f++) {
            known |= strcmp(f->name, name) == 0;
        }
        ck_assert_msg(known || strcmp(name, "node") == 0, "%s: {%s}", r->name, name);
    }
}

static void thing_is_whole(const struct row *r) {
    const struct thing *t = r->send->on;
    const struct row *maker = t->made_by ? row_find(t->made_by) : NULL;
    const struct row *unmaker = t->deleted_by ? row_find(t->deleted_by) : NULL;

    ck_assert_msg(t->kind && t->id && (t->read || (t->list && t->match)), "%s: object", r->name);
    ck_assert_msg(!t->list || t->match || t->ordered, "%s: match", r->name);
    ck_assert_msg(!t->made_by || (maker && maker->send && maker->send->does == SEND_CREATE),
                  "%s: made_by", r->name);
    ck_assert_msg(!t->deleted_by ||
                      (unmaker && unmaker->send && unmaker->send->does == SEND_DELETE),
                  "%s: deleted_by", r->name);
    if (strcmp(r->undo, "none") != 0) {
        ck_assert_msg(r->send->does != SEND_CREATE || unmaker, "%s: no way back", r->name);
        ck_assert_msg(r->send->does != SEND_DELETE || (maker && unmaker), "%s: no way back",
                      r->name);
    }
}

START_TEST(data_rows_are_whole) {
    static const char *const kinds[] = {[SEND_CREATE] = "inverse",
                                        [SEND_UPDATE] = "restore-object",
                                        [SEND_DELETE] = "restore-object",
                                        [SEND_ACTION] = "inverse"};
    const struct row *r;
    unsigned int later = 0, all = 0;

    for (size_t i = 0; (r = row_at(i)); i++) {
        const struct send *x = r->send;

        if (!x) {
            continue;
        }
        ck_assert_msg(x->method && x->path && x->say, "%s", r->name);
        ck_assert_msg(!(x->assess && x->alone), "%s: one verdict", r->name);
        ck_assert_msg((x->assess != NULL) == (r->analysers != NULL), "%s: analysers", r->name);
        ck_assert_msg((x->floor != RISK_NONE) == (x->floor_why != NULL), "%s: floor", r->name);
        ck_assert_msg(strcmp(r->undo, "none") == 0 || strcmp(r->undo, kinds[x->does]) == 0,
                      "%s: undo %s", r->name, r->undo);
        ck_assert_msg(x->on || x->does == SEND_ACTION, "%s: what does it work on?", r->name);
        ck_assert_msg(x->does != SEND_ACTION || (x->inverse && row_find(x->inverse)) || x->back ||
                          r->undo_none,
                      "%s: inverse", r->name);
        says_what_is_there(r);
        if (x->on) {
            thing_is_whole(r);
        }
        if (!x->assess && !x->alone) {
            printf("# without an analyser: %s\n", r->name);
            later++;
        }
        all++;
    }
    ck_assert_uint_eq(later, 0);
    printf("# %u changes that are data, each with a verdict\n", all);
}
END_TEST

int main(void) {
    Suite *s = suite_create("walk");
    TCase *t = tcase_create("schema");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_test(t, sent_is_what_the_api_takes);
    tcase_add_test(t, asked_is_what_the_api_answers);
    tcase_add_test(t, functions_ask_what_the_api_has);
    tcase_add_test(t, data_rows_are_whole);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
