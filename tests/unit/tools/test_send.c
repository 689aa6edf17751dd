/* SPDX-License-Identifier: Apache-2.0 */
/* Walks every row that is data: arguments are made from its fields, a world in which its object is
 * there (or not) from its `thing`. Every argument must be in the request, the way back must put the
 * object back key by key, and the undo's plan must send just what the plan showed. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/send.h"
#include "proximo-client/undo/undo.h"
#include "tests/unit/tools/lab.h"
#include "tests/unit/tools/samples.h"
#include "tests/unit/tools/world.h"

#define SECRET "s3cret-value"

/* --- arguments --- */

static const char *sample_of(const struct row *r, const struct field *f, bool other) {
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        const struct sample *s = &samples[i];

        if (strcmp(s->name, f->name) == 0 && (!s->row || strcmp(s->row, r->name) == 0)) {
            return other ? s->other : s->value;
        }
    }
    return NULL;
}

static js *enum_value(const char *choices, bool other) {
    size_t n = strcspn(choices, "|");

    if (other && choices[n]) {
        choices += n + 1;
        n = strcspn(choices, "|");
    }
    return js_str_n(choices, n);
}

static js *list_value(const char *a, const char *b) {
    js *l = js_array();

    js_push(l, js_str(a));
    js_push(l, js_str(b));
    return l;
}

static js *guest_number(const struct row *r, bool other) {
    bool qemu = r->send->kind && strcmp(r->send->kind, "qemu") == 0;

    return js_int(qemu ? other ? 900 : 104 : other ? 106 : 105);
}

static js *map_value(const struct row *r, const struct field *f, bool other) {
    static const char *const keys[] = {"memory",  "nodes",    "content",
                                       "comment", "priority", "description"};
    const char *kind = r->send->kind ? r->send->kind : "lxc";
    js *o = js_object();

    for (size_t i = 0; i < ARRAY_LEN(keys) && !js_members(o); i++) {
        if (!f->key_ok || f->key_ok(kind, keys[i])) {
            js_add(o, keys[i], js_str(other ? "512" : "256"));
        }
    }
    return o;
}

static js *value_of(const struct row *r, const struct field *f, bool other) {
    const char *text = sample_of(r, f, other);

    if (text) {
        return lab_json(text);
    }
    switch (f->type) {
    case F_INT:
        return js_int(other ? f->min + 1 : f->min);
    case F_VMID:
        return guest_number(r, other);
    case F_BOOL:
        return js_bool(!other);
    case F_ENUM:
        return enum_value(f->choices, other);
    case F_NODE:
        return js_str(other ? "n2" : "n1");
    case F_VOLID:
        return js_str(other ? "btr:105/b" : "btr:105/a");
    case F_STRS:
        return list_value("a1", other ? "c1" : "b1");
    case F_MAP:
        return map_value(r, f, other);
    case F_STR:
        return js_str(f->secret ? other ? SECRET "2" : SECRET : other ? "zzzz9999" : "yyyy8888");
    case F_STORAGE:
    case F_SNAP:
    case F_UPID:
    case F_CLUSTER:
    case F_PLAN_ID:
    case F_OP_ID:
    case F_ROW:
    case F_ANY:
    case F_OBJS:
    default:
        return js_str(other ? "local" : "btr");
    }
}

/* {kind} and {node} of a guest are only checked against the cluster. */
static bool only_checked(const struct row *r, const struct field *f) {
    return sending_is_guest(r) && (strcmp(f->name, "node") == 0 || strcmp(f->name, "kind") == 0);
}

static bool is_keys_to_delete(const struct field *f) {
    return strcmp(f->name, "delete") == 0 && f->type == F_STRS;
}

static bool of_other_kind(const struct row *r, const struct field *f) {
    return f->kind && strcmp(f->kind, r->send->kind ? r->send->kind : "lxc") != 0;
}

/* Seconds until a node reverts: only where the change locks out, which no sample does. */
static bool is_timer(const struct field *f) {
    return f->ours && strcmp(f->name, "revert") == 0;
}

static js *sample_args(const struct row *r) {
    js *args = js_object();

    for (const struct field *f = r->fields; f->name; f++) {
        if (!is_timer(f) && !only_checked(r, f) && !of_other_kind(r, f) && !is_keys_to_delete(f) &&
            !sample_is_left_out(r->name, f->name)) {
            js_add(args, f->name, value_of(r, f, false));
        }
    }
    return args;
}

/* --- the object --- */

static js *old_value(const struct row *r, const struct field *f) {
    return f->type == F_STRS && !f->repeated ? js_str("old1,old2") : value_of(r, f, true);
}

static bool is_id(const struct thing *t, const char *name) {
    const char *id = t->id;
    char word[64], none[2];

    while (next_word(&id, word, sizeof(word), none, sizeof(none))) {
        if (strcmp(word, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The object before: every second setting of the row that makes (or changes) it is there. */
static js *prior_object(const struct row *r, bool all) {
    const struct thing *t = r->send->on;
    const struct row *maker = t->made_by ? row_find(t->made_by) : r;
    js *o = js_object();
    unsigned int i = 0;

    if (sample_object(t->kind)) {
        json_object_put(o);
        return lab_json(sample_object(t->kind));
    }
    maker = r->send->does == SEND_UPDATE ? r : maker;
    for (const struct field *f = maker->fields; f->name; f++) {
        if (f->secret || f->ours || f->type == F_MAP || is_keys_to_delete(f) || is_id(t, f->name) ||
            template_has(maker->send->path, f->name)) {
            continue;
        }
        if (all || f->required || i++ % 2 == 0) {
            js_add(o, field_param(f), old_value(maker, f));
        }
    }
    if (!js_members(o)) {
        js_add(o, "comment", js_str("old"));
    }
    js_add(o, "digest", js_str("d1"));
    return o;
}

/* Puts the object into the world, under its own GET and into its collection. */
static void world_object(const struct row *r, const js *args, const js *object) {
    const struct thing *t = r->send->on;
    CLEANUP(js_freep) js *place = js_copy(args);
    char path[300];

    if (sending_is_guest(r)) {
        bool qemu = r->send->kind && strcmp(r->send->kind, "qemu") == 0;

        js_add(place, "node", js_str(qemu ? "n2" : "n1"));
        js_add(place, "kind", js_str(qemu ? "qemu" : "lxc"));
    }
    if (t->listed && r->send->does == SEND_CREATE) {
        struct draft *d = world_draft(args);

        ck_assert_int_eq(t->listed(d, NULL, place, NULL), 0);
        json_object_put(world_draft_take(d));
    }
    for (int both = 0; both < 2; both++) {
        const char *template = both ? t->list : t->read;
        CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINE), text = BUF_INIT(LIM_LINES);
        js *item = object ? js_copy(object) : NULL, *list = js_array();
        const char *match = t->match ? t->match : "";
        char member[64], field[64];

        /* the cluster's resources are the lab's own */
        if (!template || strchr(template, '?') || pve_path(template, place, &b, NULL) < 0) {
            json_object_put(item);
            json_object_put(list);
            continue;
        }
        if (!both && t->query) {
            CLEANUP(js_freep) js *q = answer_pick(args, t->query);

            (void)pve_query(q, &b, NULL);
        }
        while (item && both && next_word(&match, member, sizeof(member), field, sizeof(field))) {
            const js *v = js_get(place, field[0] ? field : member);

            js_add(item, member, v ? js_copy(v) : NULL);
        }
        (void)snprintf(path, sizeof(path), "%s", buf_str(&b));
        if (item && both) {
            js_push(list, item);
        }
        if (both) {
            (void)js_print(list, &text);
            world_set(path, buf_str(&text));
        } else if (item) {
            (void)js_print(item, &text);
            world_set(path, buf_str(&text));
            json_object_put(item);
        } else {
            world_fail(path, 404, "pve_not_found");
        }
        json_object_put(list);
    }
}

static void fill(const struct row *r, const js *args, const js *object) {
    const char *p = r->send->reads;

    lab_fill();
    samples_world();
    if (r->send->on) {
        world_object(r, args, object);
    }
    while (p && *p) {
        size_t n = strcspn(p, "|");
        CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINE);
        CLEANUP(js_freep) js *place = js_copy(args);
        char template[200];

        (void)snprintf(template, sizeof(template), "%.*s", (int)strcspn(p, " "), p);
        if (!js_get(place, "node")) {
            js_add(place, "node", js_str("n1"));
        }
        js_add(place, "kind", js_str(r->send->kind ? r->send->kind : "lxc"));
        if (pve_path(template, place, &b, NULL) == 0 && !world_knows(buf_str(&b))) {
            world_set(buf_str(&b), "[]");
        }
        p += n + (p[n] == '|');
    }
}

static js *object_for(const struct row *r) {
    if (!r->send->on || r->send->does == SEND_CREATE) {
        return NULL;
    }
    return prior_object(r, r->send->does != SEND_UPDATE);
}

static js *plan_of(const struct row *r, const js *args, struct err *e) {
    CLEANUP(js_freep) js *object = object_for(r);
    js *p = NULL;

    fill(r, args, object);
    if (strcmp(r->plane, "agent") == 0) {
        lab_agent();
    }
    if (world_plan(r->name, args, &p, e) < 0) {
        return NULL;
    }
    js_add(p, "args", js_copy(args));
    return p;
}

static const js *request(const js *p, const char *phase, size_t i) {
    const js *list = js_get(p, "requests");

    for (size_t k = 0; k < js_len(list); k++) {
        if (strcmp(js_str_or(js_at(list, k), "phase", ""), phase) == 0 && i-- == 0) {
            return js_at(list, k);
        }
    }
    return NULL;
}

/* --- the walk --- */

/* Rows of a backup server are walked over a simulated one, each taken back and compared field by
 * field (tests/integration/pbs.py): its lists have queries and its digests stand beside the data,
 * which this world's tables do not give. */
static bool is_walked(const struct row *r) {
    return r->send && row_target(r) != ROW_PBS;
}

static void counts(const struct row *r, const struct field *f, const js *args, const js *p) {
    CLEANUP(js_freep) js *changed = js_copy(args);
    CLEANUP(js_freep) js *q = NULL;
    struct err e = {0};

    js_add(changed, f->name, value_of(r, f, true));
    q = plan_of(r, changed, &e);
    ck_assert_msg(!q || f->ours || !js_eq(js_get(p, "requests"), js_get(q, "requests")),
                  "%s.%s does not count", r->name, f->name);
}

static void one_plan(const struct row *r) {
    CLEANUP(js_freep) js *args = sample_args(r);
    CLEANUP(js_freep) js *p = NULL;
    struct err e = {0};

    p = plan_of(r, args, &e);
    ck_assert_msg(p != NULL, "%s: %s (%s)", r->name, e.msg, e.tag);
    ck_assert_msg(js_get(p, "change") && js_get(p, "target"), "%s", r->name);
    ck_assert_msg(js_get(js_get(p, "undo"), "kind") != NULL, "%s: undo", r->name);
    ck_assert_msg(!strchr(js_str_or(p, "change", "?"), '?'), "%s: %s", r->name,
                  js_str_or(p, "change", ""));
    ck_assert_msg(r->send->assess || r->send->alone || !js_bool_or(p, "complete", true),
                  "%s: without an analyser nothing is complete", r->name);
    {
        CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PVE_ANSWER);

        js_add(p, "args", NULL);
        (void)js_print(p, &b);
        ck_assert_msg(!strstr(buf_str(&b), SECRET), "%s shows a secret", r->name);
    }
    for (const struct field *f = r->fields; f->name; f++) {
        if (js_get(args, f->name) && !f->ours && !only_checked(r, f)) {
            counts(r, f, args, p);
        }
    }
}

START_TEST(every_argument_is_sent) {
    const struct row *r;

    for (size_t i = 0; (r = row_at(i)); i++) {
        if (is_walked(r)) {
            one_plan(r);
        }
    }
}
END_TEST

/* A key of the way back of a change: what it was, or away with it, or the limits say so. */
static void goes_back(const struct row *r, const js *p, const js *prior, const char *key) {
    const js *form = js_get(request(p, "undo", 0), "form");
    const struct field *f = row_field_of(r, key);
    CLEANUP(buf_done) struct buf store = BUF_INIT(LIM_LINE);
    const char *limits = js_str_or(js_get(p, "undo"), "limits", "");
    const char *guarantee = js_str_or(js_get(p, "undo"), "guarantee", "");

    if (f && f->secret) {
        ck_assert_msg(strstr(limits, key) || strstr(guarantee, key), "%s.%s", r->name, key);
    } else if (js_get(prior, key)) {
        ck_assert_msg(send_same(js_get(prior, key), js_get(form, key)), "%s.%s: %s", r->name, key,
                      js_str_or(form, key, "nothing"));
    } else {
        ck_assert_msg(strstr(send_deletes(form, &store), key) || r->send->replaces ||
                          (f && f->unset && js_get(form, key)) || strstr(limits, key) ||
                          strstr(guarantee, key),
                      "%s.%s stays", r->name, key);
    }
}

START_TEST(changes_go_back_key_by_key) {
    const struct row *r;

    for (size_t i = 0; (r = row_at(i)); i++) {
        CLEANUP(js_freep) js *args = NULL;
        CLEANUP(js_freep) js *p = NULL;
        CLEANUP(js_freep) js *prior = NULL;
        struct err e = {0};

        if (!is_walked(r) || r->send->does != SEND_UPDATE || strcmp(r->undo, "none") == 0 ||
            sample_object(r->send->on->kind)) {
            continue;
        }
        args = sample_args(r);
        p = plan_of(r, args, &e);
        prior = object_for(r);
        ck_assert_msg(p != NULL, "%s: %s", r->name, e.msg);
        JS_FOREACH(js_get(request(p, "execute", 0), "form"), key, val) {
            const struct field *f = row_field_of(r, key);

            (void)val;
            if (!send_is_control(key) && f && !is_id(r->send->on, f->name)) {
                goes_back(r, p, prior, key);
            }
        }
    }
}
END_TEST

START_TEST(deleted_objects_come_back_whole) {
    const struct row *r;

    for (size_t i = 0; (r = row_at(i)); i++) {
        CLEANUP(js_freep) js *args = NULL;
        CLEANUP(js_freep) js *p = NULL;
        CLEANUP(js_freep) js *prior = NULL;
        struct err e = {0};

        if (!is_walked(r) || r->send->does != SEND_DELETE || strcmp(r->undo, "none") == 0 ||
            sample_object(r->send->on->kind)) {
            continue;
        }
        args = sample_args(r);
        p = plan_of(r, args, &e);
        prior = object_for(r);
        ck_assert_msg(p != NULL, "%s: %s", r->name, e.msg);
        JS_FOREACH(prior, key, val) {
            const js *back = js_get(js_get(request(p, "undo", 0), "form"), key);

            ck_assert_msg(strcmp(key, "digest") == 0 || send_same(val, back) ||
                              strstr(js_str_or(js_get(p, "undo"), "limits", ""), key),
                          "%s: %s does not come back", r->name, key);
        }
    }
}
END_TEST

/* --- undo --- */

static js *undo_of(const js *p, struct err *e) {
    CLEANUP(js_freep) js *args = js_object();
    CLEANUP(js_freep) js *outcome = lab_json("{\"result\":\"done\"}");
    struct draft *d = world_draft(args);
    int r = undo_plan(d, p, outcome, e);
    js *ret = world_draft_take(d);

    if (r < 0) {
        json_object_put(ret);
        return NULL;
    }
    return ret;
}

/* The world as the operation leaves it. */
static void carry_out(const struct row *r, const js *args, const js *p) {
    CLEANUP(js_freep) js *prior = object_for(r);
    CLEANUP(js_freep) js *after = NULL;
    CLEANUP(js_freep) js *names = NULL;

    if (!r->send->on) {
        return;
    }
    names = sending_names(r->send->on, args, r->send->does == SEND_CREATE);
    if (r->send->on->listed && r->send->does == SEND_CREATE) {
        struct draft *d = world_draft(args);

        fill(r, args, NULL);
        ck_assert_int_eq(r->send->on->listed(d, NULL, names, NULL), 0);
        json_object_put(world_draft_take(d));
    }
    switch (r->send->does) {
    case SEND_CREATE:
    case SEND_UPDATE:
        after = send_after(r, prior, js_get(request(p, "execute", 0), "form"));
        break;
    case SEND_DELETE:
        break;
    case SEND_ACTION:
    default:
        after = js_copy(prior);
        break;
    }
    fill(r, names, after);
}

static void one_undo(const struct row *r) {
    CLEANUP(js_freep) js *args = sample_args(r);
    CLEANUP(js_freep) js *p = NULL;
    CLEANUP(js_freep) js *u = NULL;
    struct err e = {0};
    size_t i = 0;

    p = plan_of(r, args, &e);
    ck_assert_msg(p != NULL, "%s: %s", r->name, e.msg);
    if (!request(p, "undo", 0)) {
        const char *kind = js_str_or(js_get(p, "undo"), "kind", "");

        /* a node that reverts by itself is asked when it is undone */
        ck_assert_msg(strcmp(kind, "none") == 0 || strcmp(kind, "revert-timer") == 0, "%s: %s",
                      r->name, kind);
        return;
    }
    if (js_get(js_get(p, "undo"), "left")) {
        /* held against how it was left, so that it takes a cluster: integration/tools_undo.py, and
         * here that it is refused when nobody knows that */
        u = undo_of(p, &e);
        ck_assert_msg(!u && e.tag[0], "%s is taken away though nobody knows how it was left",
                      r->name);
        return;
    }
    carry_out(r, args, p);
    u = undo_of(p, &e);
    ck_assert_msg(u != NULL, "%s: %s (%s)", r->name, e.msg, e.tag);
    for (; request(p, "undo", i); i++) {
        CLEANUP(js_freep) js *x = js_copy(request(p, "undo", i));

        js_add(x, "phase", js_str("execute"));
        ck_assert_msg(js_eq(x, request(u, "execute", i)), "%s: request %zu", r->name, i);
    }
    ck_assert_msg(!request(u, "execute", i), "%s: the undo sends more", r->name);
    ck_assert_msg(js_get(js_get(u, "undo"), "kind") != NULL, "%s", r->name);
}

START_TEST(undo_sends_what_was_shown) {
    const struct row *r;

    for (size_t i = 0; (r = row_at(i)); i++) {
        if (is_walked(r) && strcmp(r->undo, "none") != 0) {
            one_undo(r);
        }
    }
}
END_TEST

START_TEST(what_is_not_there_or_there_already) {
    const struct row *r;

    for (size_t i = 0; (r = row_at(i)); i++) {
        CLEANUP(js_freep) js *args = NULL;
        CLEANUP(js_freep) js *p = NULL;
        struct err e = {0};

        if (!is_walked(r) || !r->send->on || r->send->does == SEND_ACTION || r->send->on->ordered) {
            continue;
        }
        args = sample_args(r);
        if (r->send->does == SEND_CREATE) {
            CLEANUP(js_freep) js *there = prior_object(r, true);

            if (!r->send->on->list || strchr(r->send->on->list, '?')) {
                continue;
            }
            fill(r, args, there);
            ck_assert_msg(world_plan(r->name, args, &p, &e) < 0, "%s", r->name);
            ck_assert_msg(strcmp(e.tag, "already_exists") == 0, "%s: %s", r->name, e.msg);
        } else if (!r->send->on->shape) {
            fill(r, args, NULL);
            ck_assert_msg(world_plan(r->name, args, &p, &e) < 0, "%s", r->name);
            ck_assert_msg(strcmp(e.tag, "no_such_object") == 0, "%s: %s", r->name, e.msg);
        }
    }
}
END_TEST

START_TEST(somebody_else_s_change_is_named) {
    const struct row *r = row_find("pve_pool_update");
    CLEANUP(js_freep) js *args = sample_args(r);
    CLEANUP(js_freep) js *p = NULL;
    CLEANUP(js_freep) js *u = NULL;
    CLEANUP(js_freep) js *theirs = lab_json("{\"comment\":\"theirs\"}");
    struct err e = {0};

    p = plan_of(r, args, &e);
    fill(r, args, theirs);
    u = undo_of(p, &e);
    ck_assert_ptr_nonnull(u);
    ck_assert_str_eq(js_str_or(js_at(js_get(u, "affected"), 0), "effect", ""), "loses-data");
    ck_assert_str_eq(js_str_or(u, "risk", ""), "high");
}
END_TEST

int main(void) {
    Suite *s = suite_create("send");
    TCase *t = tcase_create("walk");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_set_timeout(t, 120);
    tcase_add_test(t, every_argument_is_sent);
    tcase_add_test(t, changes_go_back_key_by_key);
    tcase_add_test(t, deleted_objects_come_back_whole);
    tcase_add_test(t, undo_sends_what_was_shown);
    tcase_add_test(t, what_is_not_there_or_there_already);
    tcase_add_test(t, somebody_else_s_change_is_named);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
