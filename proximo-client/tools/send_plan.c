/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of a row that is data: look at the object, say what is sent, prepare the way back from
 * the object as it is, have the consequences assessed. */
#include "proximo-client/tools/send.h"

#include <errno.h>
#include <string.h>

#include "proximo-client/pipeline/late.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/refused.h"

/* The path whose digest PVE compares: of the object, or of the list it stands in. */
static int digest_path(const struct thing *t, const js *args, struct buf *ret, struct err *e) {
    int r = pve_path(t->read ? t->read : t->list, args, ret, e);

    if (r == 0 && t->read && t->query) {
        CLEANUP(js_freep) js *q = answer_pick(args, t->query);

        r = pve_query(q, ret, e);
    }
    return r == 0 && t->beside ? buf_adds(ret, "#digest") : r;
}

int send_request(struct draft *d, enum phase phase, const struct row *r, const js *args, js *form,
                 struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE), fresh = BUF_INIT(LIM_LINE);
    CLEANUP(js_freep) js *sent = form ? form : js_object();
    bool digest = r->send->digest && r->send->on;
    int code = pve_path(r->send->path, args, &path, e);

    if (code == 0 && digest) {
        code = digest_path(r->send->on, args, &fresh, e);
    }
    if (code < 0) {
        return code;
    }
    if (digest) {
        js_add(sent, "digest", late_digest());
    }
    draft_request(d, phase, r->send->method, buf_str(&path), TAKE(sent),
                  digest ? buf_str(&fresh) : NULL);
    return 0;
}

int send_unmake(struct draft *d, enum phase phase, const struct thing *t, const js *args,
                bool fresh, struct err *e) {
    const struct row *r = row_find(t->deleted_by);
    CLEANUP(js_freep) js *names = sending_names(t, args, fresh);
    js *form = NULL;
    int code = t->listed ? t->listed(d, NULL, names, e) : 0;

    if (code == 0) {
        code = send_form(r, NULL, names, js_str_or(names, "kind", ""), &form, e);
    }
    return code < 0 ? code : send_request(d, phase, r, names, form, e);
}

int send_make(struct draft *d, enum phase phase, const struct thing *t, const js *args,
              const js *object, struct buf *limits, struct err *e) {
    const struct row *r = row_find(t->made_by), *gone = row_find(t->deleted_by);
    CLEANUP(js_freep) js *names = sending_names(t, args, false);
    CLEANUP(js_freep) js *first = sending_names(t, args, true);
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    int64_t pos = t->ordered ? js_int_or(args, "pos", 0) : 0;
    js *form;
    int code;

    if (t->made) {
        t->made(names);
    }
    code = send_request(d, phase, r, names, send_again(r, t, names, object, limits), e);
    if (code < 0 || pos == 0) {
        return code;
    }
    /* A new one lands at 0; the way the API counts, it then goes before what stands at pos + 1. */
    code = pve_path(gone->send->path, first, &path, e);
    if (code == 0) {
        form = js_object();
        js_add(form, "moveto", js_int(pos + 1));
        draft_request(d, phase, "PUT", buf_str(&path), form, NULL);
    }
    return code;
}

static int absent(const struct sending *c, struct err *e) {
    (void)err_tag(e, -ENOENT, "no_such_object", "no %s %.100s", c->row->send->on->kind, c->id);
    return err_hint(e, "proximo_find with plane %s shows the rows that list them", c->row->plane);
}

static int present(const struct sending *c, struct err *e) {
    (void)err_tag(e, -EEXIST, "already_exists", "there is a %s %.100s", c->row->send->on->kind,
                  c->id);
    return err_hint(e, "change it, or choose another name");
}

/* Whether something goes because it is not mentioned. */
static bool loses(const struct row *r, const js *now, const js *form) {
    JS_FOREACH(now, key, val) {
        if (r->send->replaces && val && !js_get(form, key)) {
            return true;
        }
    }
    return false;
}

/* Whether the form asks for anything that is not so already. */
static bool changes(const struct row *r, const js *now, const js *form) {
    CLEANUP(buf_done) struct buf store = BUF_INIT(LIM_LINE);
    const char *del = send_deletes(form, &store);
    char word[80];

    JS_FOREACH(form, key, val) {
        const struct field *f = row_field_of(r, key);
        const struct thing *t = r->send->on;
        bool names = f && (strstr(t->id, f->name) != NULL);

        if (!send_is_control(key) && !names &&
            (js_is_object(val) || !send_same(js_get(now, key), val))) {
            return true;
        }
    }
    while (next_key(&del, word, sizeof(word))) {
        if (js_get(now, word)) {
            return true;
        }
    }
    return loses(r, now, form);
}

static void sentence(const struct sending *c, const js *form) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINE), keys = BUF_INIT(LIM_LINE);
    CLEANUP(buf_done) struct buf store = BUF_INIT(LIM_LINE);

    say(c->row->send->say, c->args, &b);
    JS_FOREACH(form, key, val) {
        if (strcmp(key, "delete") == 0) {
            (void)buf_addf(&keys, "%sdelete %.200s", keys.len ? ", " : "",
                           send_deletes(form, &store));
        } else if (strcmp(key, "digest") != 0) {
            (void)buf_addf(&keys, "%s%.60s", keys.len ? ", " : "", key);
        }
    }
    if (c->row->send->does == SEND_UPDATE && keys.len) {
        draft_change(c->d, "%s: %.400s", buf_str(&b), buf_str(&keys));
    } else {
        draft_change(c->d, "%s", buf_str(&b));
    }
}

/* What is shown of the present: of an update the keys it touches, of a deletion everything. */
static void show(const struct sending *c, const js *form) {
    js *o;

    if (!c->now || c->row->send->does == SEND_CREATE) {
        return;
    }
    o = c->row->send->does == SEND_UPDATE ? send_dropped(c->row, c->now, form) : js_object();
    JS_FOREACH(c->now, key, val) {
        if (c->row->send->does != SEND_UPDATE || js_get(form, key)) {
            js_add(o, key, js_copy(val));
        }
    }
    draft_current(c->d, c->row->send->on->kind, o);
}

static int undo_action(struct sending *c, struct err *e) {
    const struct row *r = c->row->send->inverse ? row_find(c->row->send->inverse) : NULL;
    CLEANUP(js_freep) js *mine = js_object();
    CLEANUP(buf_done) struct buf back = BUF_INIT(LIM_LINE);
    js *form = NULL;
    int code;

    if (c->row->send->back) {
        struct assess a = {.row = c->row, .args = c->args, .before = c->now};

        a.guest = c->guest.vmid ? &c->guest : NULL;
        return c->row->send->back(c->d, &a, e);
    }
    if (!r) {
        draft_undo(c->d, "none", c->row->undo_none, "");
        return 0;
    }
    for (const struct field *f = r->fields; f->name; f++) {
        if (js_get(c->args, f->name)) {
            js_add(mine, f->name, js_copy(js_get(c->args, f->name)));
        }
    }
    code = send_form(r, NULL, mine, c->guest.kind, &form, e);
    if (code == 0) {
        code = send_request(c->d, PHASE_UNDO, r, c->args, form, e);
    }
    (void)buf_adds(&back, "taken back by: ");
    say(r->send->say, c->args, &back);
    draft_undo(c->d, "inverse", buf_str(&back), c->row->send->limits);
    return code;
}

static int way_back(struct sending *c, const js *form, struct err *e) {
    CLEANUP(buf_done) struct buf limits = BUF_INIT(LIM_LINE);
    const struct send *x = c->row->send;
    js *prior;
    int r = 0;

    if (x->limits) {
        add_limit(&limits, "%s", x->limits);
    }
    if (strcmp(c->row->undo, "none") == 0) {
        draft_undo(c->d, "none", c->row->undo_none, buf_str(&limits));
        return 0;
    }
    if (x->back) {
        return undo_action(c, e);
    }
    switch (x->does) {
    case SEND_CREATE:
        r = send_unmake(c->d, PHASE_UNDO, x->on, c->args, true, e);
        draft_undo(c->d, "inverse", "it is deleted again", buf_str(&limits));
        break;
    case SEND_UPDATE:
        prior = send_prior(c->row, c->now, form, &limits);
        if (prior) {
            r = send_request(c->d, PHASE_UNDO, c->row, c->args, prior, e);
            draft_undo(c->d, "restore-object",
                       "every key gets back the value recorded in this plan; keys that were added "
                       "are deleted",
                       buf_str(&limits));
        } else {
            draft_undo(c->d, "none", buf_str(&limits), "");
        }
        break;
    case SEND_DELETE:
        r = send_make(c->d, PHASE_UNDO, x->on, c->args, c->now, &limits, e);
        draft_undo(c->d, "restore-object", "it is made again from the object recorded in this plan",
                   buf_str(&limits));
        break;
    case SEND_ACTION:
    default:
        r = undo_action(c, e);
        break;
    }
    return r;
}

int send_verdict(struct draft *d, const struct assess *a, struct err *e) {
    const struct send *x = a->row->send;
    int r = 0;

    if (x->assess) {
        r = x->assess(d, a, e);
    } else if (!x->alone) {
        draft_unread(d, "consequences", "this version has no analyser for this operation", NULL);
    }
    if (r == 0 && x->floor_why) {
        draft_risk(d, x->floor, "%s", x->floor_why);
    }
    if (r == 0 && x->operator_why && !(x->timed && a->plans)) {
        draft_need(d, NEED_OPERATOR, x->operator_why);
    }
    return r;
}

/* Further reads that the row names: "TEMPLATE reducer|TEMPLATE reducer". */
static int more_reads(struct sending *c, struct err *e) {
    const char *p = c->row->send->reads;
    int r = 0;

    while (r == 0 && p && *p) {
        size_t n = strcspn(p, "|"), k = strcspn(p, " ");
        CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
        char template[200], reduce[24];

        (void)snprintf(template, sizeof(template), "%.*s", (int)k, p);
        (void)snprintf(reduce, sizeof(reduce), "%.*s", (int)(n - k - 1), p + k + 1);
        r = pve_path(template, c->args, &path, e);
        if (r == 0) {
            r = draft_read(c->d, buf_str(&path), reduce, NULL, e);
        }
        p += n + (p[n] == '|');
    }
    return r;
}

/* The one request of a plan, as an analyser is told it. */
static js *sent_of(const struct sending *c, const js *form) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    js *list = js_array(), *one = js_object();

    (void)pve_path(c->row->send->path, c->args, &path, NULL); /* has been sent already */
    js_add(one, "method", js_str(c->row->send->method));
    js_add(one, "path", js_str(buf_str(&path)));
    js_add(one, "form", form ? js_copy(form) : js_object());
    js_push(list, one);
    return list;
}

static int compose(struct sending *c, js *form, struct err *e) {
    struct assess a = {.row = c->row,
                       .args = c->args,
                       .before = c->now,
                       .method = c->row->send->method,
                       .form = form,
                       .plans = true};
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    CLEANUP(js_freep) js *after = NULL;
    CLEANUP(js_freep) js *sent = NULL;
    int r;

    sentence(c, form);
    show(c, form);
    r = send_request(c->d, PHASE_EXECUTE, c->row, c->args, js_copy(form), e);
    if (r == 0) {
        r = way_back(c, form, e);
    }
    if (r == 0) {
        r = more_reads(c, e);
    }
    if (r < 0) {
        return r;
    }
    if (c->row->send->does != SEND_DELETE) {
        a.after = after = send_after(c->row, c->now, form);
    }
    a.guest = c->guest.vmid ? &c->guest : NULL;
    a.sent = sent = sent_of(c, form);
    r = pve_path(c->row->send->path, c->args, &path, e);
    a.path = buf_str(&path);
    r = r < 0 ? r : refused_by_pve(c->d, &a, e);
    r = r < 0 ? r : send_verdict(c->d, &a, e);
    return r == 0 && c->row->send->more ? c->row->send->more(c->d, &a, e) : r;
}

/* Is the object there, or not, as the row needs it? */
static int precondition(const struct sending *c, const js *form, struct err *e) {
    const struct send *x = c->row->send;

    if (!x->on || (x->does == SEND_ACTION && !c->now && !x->on->read && !x->on->list)) {
        return 0;
    }
    if (x->does == SEND_CREATE) {
        return c->now ? present(c, e) : 0;
    }
    if (!c->now) {
        return absent(c, e);
    }
    if (x->does == SEND_UPDATE && !changes(c->row, c->now, form)) {
        (void)err_tag(e, -EALREADY, "no_change", "%s %.100s is already so", x->on->kind, c->id);
        return err_hint(e, "nothing has to be done");
    }
    return 0;
}

void send_undo_copy(struct draft *d, const js *plan) {
    const js *list = js_get(plan, "requests");

    for (size_t i = 0; i < js_len(list); i++) {
        const js *q = js_at(list, i);

        if (strcmp(js_str_or(q, "phase", ""), "undo") == 0) {
            draft_request(d, PHASE_EXECUTE, js_str_or(q, "method", ""), js_str_or(q, "path", ""),
                          js_copy(js_get(q, "form")), js_get_str(q, "fresh_of"));
        }
    }
}

int send_plan(const struct row *r, struct draft *d, const js *args, struct err *e) {
    CLEANUP(sending_done) struct sending c = {.read = BUF_INIT(LIM_LINE)};
    CLEANUP(js_freep) js *form = NULL;
    int code = sending_open(&c, r, d, NULL, args, e);

    if (code == 0) {
        code = sending_look(&c, e);
    }
    if (code == 0) {
        code = send_form(r, d, c.args,
                         c.guest.kind[0] ? c.guest.kind
                         : r->send->kind ? r->send->kind
                                         : "",
                         &form, e);
    }
    if (code == 0 && r->send->does == SEND_UPDATE) {
        send_keep(r, c.now, form);
    }
    if (code == 0) {
        code = precondition(&c, form, e);
    }
    if (code < 0) {
        return code;
    }
    if (!c.guest.vmid) { /* a guest has made itself the target */
        draft_target(d, r->send->on ? r->send->on->kind : r->plane, c.id,
                     js_get_str(c.args, "node"));
    }
    return compose(&c, form, e);
}

int row_plan(const struct row *r, struct draft *d, const js *args, struct err *e) {
    int code = row_fits(r, draft_session(d), e);

    return code < 0 ? code : r->send ? send_plan(r, d, args, e) : r->plan(d, args, e);
}
