/* SPDX-License-Identifier: Apache-2.0 */
/* pve_guest_config_set: sets and deletes keys of a guest's configuration. What was there is in the
 * plan, and the way back puts exactly that in place again: changed keys get their prior values,
 * added keys are deleted. */
#include <errno.h>
#include <string.h>

#include "common/ident.h"
#include "proximo-client/pipeline/late.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/plans.h"

struct edit {
    const struct guest_ref *g;
    const js *config; /* as it is */
    const js *set;    /* object or NULL */
    const js *del;    /* array or NULL */
    js *form, *undo_form;
    struct buf del_list, undo_del_list, words;
    bool changes, irreversible, allocates, detaches, secret;
};

static void edit_done(struct edit *c) {
    json_object_put(c->form);
    json_object_put(c->undo_form);
    buf_done(&c->del_list);
    buf_done(&c->undo_del_list);
    buf_done(&c->words);
}

static void add_word(struct buf *b, const char *sep, const char *word) {
    (void)buf_addf(b, "%s%s", b->len ? sep : "", word);
}

static int unknown_key(const struct edit *c, const char *key, struct err *e) {
    (void)err_tag(e, -EINVAL, "bad_argument",
                  "%.64s is not a configuration key of a %s guest that "
                  "can be set here",
                  key, c->g->kind);
    return err_hint(e, "pve_guest_config_get shows the guest's keys");
}

/* "storage:8": PVE makes a new volume of 8 GiB. */
static bool is_allocation(const char *value) {
    const char *colon = strchr(value, ':');
    size_t n = colon ? strcspn(colon + 1, ",") : 0;

    return n > 0 && strspn(colon + 1, "0123456789.") == n;
}

/* The way back of one key: its prior value, or its deletion. */
static void keep_prior(struct edit *c, const char *key) {
    const js *prior = js_get(c->config, key);

    if (prior && config_is_secret(key)) {
        return; /* PVE does not tell it: the limits say so */
    }
    if (prior) {
        js_add(c->undo_form, key, js_copy(prior));
    } else {
        add_word(&c->undo_del_list, ",", key);
    }
}

static int take_set(struct edit *c, struct err *e) {
    if (!c->set) {
        return 0;
    }
    JS_FOREACH(c->set, key, val) {
        if (!key_is_guest(c->g->kind, key) || key_is_unused(key)) {
            return unknown_key(c, key, e);
        }
        if (config_is_secret(key)) {
            (void)err_tag(e, -EINVAL, "bad_argument", "%s is a secret and may not stand in set",
                          key);
            return err_hint(e, "give it as the argument %s", key);
        }
        c->changes |= !value_same(js_get(c->config, key), val);
        c->allocates |= key_is_disk(c->g->kind, key) && is_allocation(value_text(val));
        c->detaches |= key_is_disk(c->g->kind, key) && js_get(c->config, key) &&
                       !value_same(js_get(c->config, key), val);
        js_add(c->form, key, js_copy(val));
        keep_prior(c, key);
        add_word(&c->words, ", ", key);
    }
    return 0;
}

static int take_del(struct edit *c, struct err *e) {
    for (size_t i = 0; i < js_len(c->del); i++) {
        const char *key = json_object_get_string(js_at(c->del, i));
        const js *prior = js_get(c->config, key);

        if (!key_is_guest(c->g->kind, key)) {
            return unknown_key(c, key, e);
        }
        if (js_get(c->form, key)) {
            return err_tag(e, -EINVAL, "bad_argument", "%s is both set and deleted", key);
        }
        c->changes |= prior != NULL;
        c->irreversible |= key_is_unused(key) && prior;
        c->detaches |= key_is_disk(c->g->kind, key) && prior;
        if (prior) {
            keep_prior(c, key);
        }
        add_word(&c->del_list, ",", key);
        (void)buf_addf(&c->words, "%sdelete %s", c->words.len ? ", " : "", key);
    }
    return 0;
}

static int take_secret(struct draft *d, struct edit *c, const js *args, struct err *e) {
    const char *value = js_get_str(args, "cipassword");

    if (!value) {
        return 0;
    }
    if (!key_is_guest(c->g->kind, "cipassword")) {
        return unknown_key(c, "cipassword", e);
    }
    c->changes = c->secret = true;
    js_add(c->form, "cipassword", draft_secret(d, "cipassword", value));
    keep_prior(c, "cipassword");
    add_word(&c->words, ", ", "cipassword");
    return 0;
}

static void describe_undo(struct draft *d, const struct edit *c) {
    CLEANUP(buf_done) struct buf limits = BUF_INIT(LIM_LINE);

    if (c->irreversible) {
        draft_undo(d, "none", "deleting an unused disk destroys its data", "");
        draft_risk(d, RISK_HIGH, "an unused disk is destroyed for good");
        return;
    }
    if (c->allocates) {
        add_word(&limits, "; ", "a new volume is detached but stays on its storage as unusedN");
    }
    if (c->detaches) {
        add_word(&limits, "; ",
                 "a detached volume is attached again as it was, if it still exists");
    }
    if (c->secret) {
        add_word(&limits, "; ", "the password before is not known and is not brought back");
    }
    draft_undo(
        d, "restore-object",
        "every key gets back the value recorded in this plan; keys that were added are deleted",
        buf_str(&limits));
}

static void show_current(struct draft *d, const struct edit *c) {
    js *now = js_object();

    JS_FOREACH(c->form, key, val) {
        const js *prior = js_get(c->config, key);

        (void)val;
        js_add(now, key, !prior ? NULL : config_is_secret(key) ? js_str("(set)") : js_copy(prior));
    }
    for (size_t i = 0; i < js_len(c->del); i++) {
        const char *name = json_object_get_string(js_at(c->del, i));
        const js *prior = js_get(c->config, name);

        js_add(now, name,
               !prior                   ? NULL
               : config_is_secret(name) ? js_str("(set)")
                                        : js_copy(prior));
    }
    draft_current(d, "config", now);
}

static int put_requests(struct draft *d, struct edit *c, struct err *e) {
    int r;

    if (c->del_list.len) {
        js_add(c->form, "delete", js_str(buf_str(&c->del_list)));
    }
    if (c->undo_del_list.len) {
        js_add(c->undo_form, "delete", js_str(buf_str(&c->undo_del_list)));
    }
    js_add(c->form, "digest", late_digest());
    r = plan_guest_request(d, PHASE_EXECUTE, c->g, "PUT", "/config", TAKE(c->form), true, e);
    if (r == 0 && !c->irreversible && js_members(c->undo_form)) {
        js_add(c->undo_form, "digest", late_digest());
        r = plan_guest_request(d, PHASE_UNDO, c->g, "PUT", "/config", TAKE(c->undo_form), true, e);
    }
    return r;
}

static int edit_plan(struct draft *d, struct edit *c, const js *args, struct err *e) {
    int r = take_set(c, e);

    if (r == 0) {
        r = take_del(c, e);
    }
    if (r == 0) {
        r = take_secret(d, c, args, e);
    }
    if (r < 0) {
        return r;
    }
    if (!c->words.len) {
        return err_tag(e, -EINVAL, "bad_argument", "nothing to set and nothing to delete");
    }
    if (!c->changes) {
        (void)err_tag(e, -EALREADY, "no_change", "guest %u is already configured so", c->g->vmid);
        return err_hint(e, "nothing has to be done");
    }
    draft_change(d, "configuration of %s %u (%s): %.400s",
                 strcmp(c->g->kind, "lxc") == 0 ? "container" : "VM", c->g->vmid, c->g->name,
                 buf_str(&c->words));
    show_current(d, c);
    describe_undo(d, c);
    return put_requests(d, c, e);
}

int plan_config_set(struct draft *d, const js *args, struct err *e) {
    struct guest_ref g;
    CLEANUP(edit_done)
    struct edit c = {
        .g = &g,
        .set = js_get(args, "set"),
        .del = js_get(args, "delete"),
        .form = js_object(),
        .undo_form = js_object(),
        .del_list = BUF_INIT(LIM_LINE),
        .undo_del_list = BUF_INIT(LIM_LINE),
        .words = BUF_INIT(LIM_LINE),
    };
    js *config = NULL;
    int r = plan_guest(d, args, &g, NULL, e);

    if (r == 0) {
        r = plan_guest_read(d, &g, "/config", "config", &config, e);
    }
    if (r == 0) {
        c.config = config;
        r = edit_plan(d, &c, args, e);
    }
    return r < 0 ? r : assess_config(d, &g, c.set, c.del, e);
}

/* PVE may complete a value (a MAC address, a volume's name): every part asked for must be there. */
static bool holds(const char *now, const char *want) {
    for (const char *p = want; *p;) {
        size_t n = strcspn(p, ",");
        bool found = false;

        for (const char *q = now; *q && !found;) {
            size_t m = strcspn(q, ",");

            found = m == n && memcmp(p, q, n) == 0;
            q += m + (q[m] == ',');
        }
        if (!found) {
            return false;
        }
        p += n + (p[n] == ',');
    }
    return true;
}

/* Notes are comment lines of the file: each comes back with the end of its line. */
static bool same_notes(const char *a, const char *b) {
    size_t n = strlen(a), m = strlen(b);

    while (n && a[n - 1] == '\n') {
        n--;
    }
    while (m && b[m - 1] == '\n') {
        m--;
    }
    return n == m && memcmp(a, b, n) == 0;
}

static bool is_set(const struct guest_ref *g, const char *key, const js *now, const js *want) {
    if (strcmp(key, "description") == 0) {
        return now && same_notes(value_text(now), value_text(want));
    }
    if (key_is_disk(g->kind, key) && is_allocation(value_text(want))) {
        return now != NULL;
    }
    return now && (value_same(now, want) || holds(value_text(now), value_text(want)));
}

int check_config_set(struct session *s, const js *args, bool *ret_ok, char **ret_text,
                     struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE), wrong = BUF_INIT(LIM_LINE);
    CLEANUP(js_freep) js *now = NULL;
    const js *set = js_get(args, "set"), *del = js_get(args, "delete");
    struct guest_ref g;
    int r = resolve_guest(s, args, &g, e);

    if (r == 0) {
        r = guest_path(&g, "/config", &path, e);
    }
    if (r == 0) {
        r = pve_get(s->pve, buf_str(&path), &now, e);
    }
    if (r < 0) {
        return r;
    }
    if (set) {
        JS_FOREACH(set, key, val) {
            if (!is_set(&g, key, js_get(now, key), val)) {
                add_word(&wrong, ", ", key);
            }
        }
    }
    for (size_t i = 0; i < js_len(del); i++) {
        if (js_get(now, json_object_get_string(js_at(del, i)))) {
            add_word(&wrong, ", ", json_object_get_string(js_at(del, i)));
        }
    }
    return wrong.len ? check_done(false, ret_ok, ret_text, "not as asked: %s", buf_str(&wrong))
                     : check_done(true, ret_ok, ret_text, "every key is as asked");
}
