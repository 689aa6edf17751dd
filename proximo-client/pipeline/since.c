/* SPDX-License-Identifier: Apache-2.0 */
/* Later operations, with the guests that their plans' requests name. */
#include "proximo-client/pipeline/since.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/entry.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/pipeline/ops.h"
#include "proximo-client/pipeline/plan.h"
#include "proximo-client/pipeline/session.h"

#define LOOKED_AT 1000 /* plans: what is older than that needs an operator anyway */
#define BEFORE    100  /* entries: tasks begin within one second, and lists know no less */

struct looking {
    struct ledger *l;
    js *operations, *tasks;
    uint64_t after; /* the intent's entry */
    unsigned int left;
    bool more;
};

/* The number behind /qemu/ or /lxc/ in a path, or in the line "ct N" of a node request. */
static uint32_t guest_of(const js *q) {
    static const char *const before[] = {"/qemu/", "/lxc/"};
    const char *text = js_get_str(q, "request");
    const char *p = text ? strstr(text, "\nct ") : NULL;
    uint64_t id = 0;

    if (p) {
        p += 4;
    }
    for (size_t i = 0; !text && !p && i < ARRAY_LEN(before); i++) {
        p = strstr(js_str_or(q, "path", ""), before[i]);
        p = p ? p + strlen(before[i]) : NULL;
    }
    return p && ident_u64n(p, strspn(p, "0123456789"), &id) == 0 && id <= UINT32_MAX ? (uint32_t)id
                                                                                     : 0;
}

/* Whom its requests name, but those of its way back. */
static js *guests_of(const js *plan) {
    const js *list = js_get(plan, "requests");
    js *out = js_array();

    for (size_t i = 0; i < js_len(list); i++) {
        const js *q = js_at(list, i);
        uint32_t id = strcmp(js_str_or(q, "phase", ""), "undo") == 0 ? 0 : guest_of(q);

        if (id) {
            js_push(out, js_int(id));
        }
    }
    return out;
}

static int look_at_intent(struct looking *w, const struct entry *en, const struct hash *leaf) {
    CLEANUP(plan_done) struct plan p = {0};
    char id[IDENT_ID_LEN + 1], text[HASH_HEX_LEN + 1];
    struct hash plan;
    js *o;

    if (!w->left || hash_parse(entry_get(en, "plan"), &plan) < 0 ||
        plan_load_digest(w->l, &plan, UINT64_MAX, &p, NULL) < 0) {
        w->more = true; /* what cannot be looked at may well have been on this guest */
        return 0;
    }
    w->left--;
    ident_op_id(leaf, id);
    hash_text(leaf, text);
    o = js_object();
    js_add(o, "op_id", js_str(id));
    js_add(o, "time", js_int(en->time));
    js_add(o, "change", js_str(js_str_or(p.v, "change", "")));
    js_add(o, "intent", js_str(text));
    js_add(o, "guests", guests_of(p.v));
    js_add(o, "undo_of", js_copy(js_get(js_get(p.v, "undo_of"), "op_id")));
    js_push(w->operations, o);
    return 0;
}

/* "<ordinal> <UPID>" */
static void add_task(const struct looking *w, const char *value) {
    const char *blank = value ? strchr(value, ' ') : NULL;

    if (blank) {
        js_push(w->tasks, js_str(blank + 1));
    }
}

static void never_started(const struct looking *w, const char *intent) {
    for (size_t i = 0; i < js_len(w->operations); i++) {
        if (strcmp(js_str_or(js_at(w->operations, i), "intent", ""), intent) == 0) {
            js_add(js_at(w->operations, i), "not_started", js_bool(true));
        }
    }
}

static int each(void *ctx, uint64_t index, const struct entry *en, const char *bytes, size_t len) {
    struct looking *w = ctx;
    struct hash leaf;

    if (en->kind == ENTRY_INTENT && index > w->after) {
        merkle_leaf(bytes, len, &leaf);
        return look_at_intent(w, en, &leaf);
    }
    if (en->kind == ENTRY_PROGRESS) {
        add_task(w, entry_get(en, "task"));
    }
    for (size_t i = 0; en->kind == ENTRY_OUTCOME && i < entry_count(en, "task"); i++) {
        add_task(w, entry_nth(en, "task", i));
    }
    if (en->kind == ENTRY_OUTCOME && strcmp(entry_get(en, "result"), "not-started") == 0) {
        never_started(w, entry_get(en, "intent"));
    }
    return 0;
}

int since_operations(struct session *s, const struct op *o, js **ret, struct err *e) {
    CLEANUP(js_freep) js *found = js_array();
    CLEANUP(js_freep) js *tasks = js_array();
    struct looking w = {
        .l = s->ledger, .operations = found, .tasks = tasks, .after = o->index, .left = LOOKED_AT};
    int r = ledger_each(s->ledger, o->index > BEFORE ? o->index - BEFORE : 0, each, &w, e);
    js *list;

    if (r < 0) {
        return r;
    }
    *ret = js_object();
    list = js_array();
    for (size_t i = 0; i < js_len(found); i++) {
        if (!js_get(js_at(found, i), "not_started")) {
            js_push(list, js_ref(js_at(found, i)));
        }
    }
    js_add(*ret, "time", js_int(o->time));
    js_add(*ret, "operations", list);
    js_add(*ret, "tasks", TAKE(tasks));
    js_add(*ret, "more", js_bool(w.more));
    return 0;
}
