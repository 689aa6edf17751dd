/* SPDX-License-Identifier: Apache-2.0 */
/* After a row that is data: the object is asked again whether it is as it was to be. */
#include <errno.h>
#include <string.h>

#include "proximo-client/tools/send.h"

/* PVE may complete a value or keep a list in an order of its own: every part must be there. */
static bool holds(const char *now, const char *want) {
    for (const char *p = want; *p;) {
        size_t n = strcspn(p, ",; ");
        bool found = n == 0;

        for (const char *q = now; *q && !found;) {
            size_t m = strcspn(q, ",; ");

            found = m == n && memcmp(p, q, n) == 0;
            q += m + (q[m] != '\0');
        }
        if (!found) {
            return false;
        }
        p += n + (p[n] != '\0');
    }
    return true;
}

static bool is_so(const js *now, const js *want) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);

    if (!now) { /* PVE leaves out what is its default, or empty */
        return strcmp(value_text(want), "0") == 0 || strcmp(value_text(want), "1") == 0 ||
               !*value_text(want);
    }
    for (size_t i = 0; i < js_len(now); i++) {
        (void)buf_addf(&b, "%s,", value_text(js_at(now, i)));
    }
    return send_same(now, want) ||
           holds(js_is_array(now) ? buf_str(&b) : value_text(now), value_text(want));
}

/* What is dropped from the object when it is read cannot be compared. */
static bool is_dropped(const struct thing *t, const char *key) {
    char word[80], value[80];

    for (const char *p = t ? t->drop : NULL;
         p && next_word(&p, word, sizeof(word), value, sizeof(value));) {
        if (strcmp(word, key) == 0) {
            return true;
        }
    }
    return false;
}

void send_differences(const js *now, const js *form, const struct row *r, struct buf *ret) {
    CLEANUP(buf_done) struct buf store = BUF_INIT(LIM_LINE);
    const char *del = send_deletes(form, &store);
    char word[80];

    JS_FOREACH(form, key, val) {
        const struct field *f = row_field_of(r, key);
        bool known = r->send->on && f && strstr(r->send->on->id, f->name);

        /* a secret is never told, and what is no member of the object at all only steered */
        if (send_is_control(key) || known || js_is_object(val) || !f || f->secret ||
            is_dropped(r->send->on, key) || is_so(js_get(now, key), val)) {
            continue;
        }
        (void)buf_addf(ret, "%s%.60s", ret->len ? ", " : "", key);
    }
    while (next_key(&del, word, sizeof(word))) {
        if (js_get(now, word)) {
            (void)buf_addf(ret, "%s%.60s", ret->len ? ", " : "", word);
        }
    }
}

static int verdict(const struct sending *c, const js *form, bool *ret_ok, char **ret_text) {
    CLEANUP(buf_done) struct buf wrong = BUF_INIT(LIM_LINE);
    const char *kind = c->row->send->on->kind;

    if (c->row->send->does == SEND_DELETE) {
        return check_done(!c->now, ret_ok, ret_text, "%s %s is %s", kind, c->id,
                          c->now ? "still there" : "gone");
    }
    if (!c->now) {
        return check_done(false, ret_ok, ret_text, "%s %s is not there", kind, c->id);
    }
    send_differences(c->now, form, c->row, &wrong);
    return wrong.len ? check_done(false, ret_ok, ret_text, "not as asked: %s", buf_str(&wrong))
                     : check_done(true, ret_ok, ret_text, "%s %s is as asked", kind, c->id);
}

int send_check(const struct row *r, struct session *s, const js *args, bool *ret_ok,
               char **ret_text, struct err *e) {
    const struct thing *t = r->send->on;
    CLEANUP(sending_done) struct sending c = {.row = r, .read = BUF_INIT(LIM_LINE)};
    CLEANUP(js_freep) js *names = NULL;
    CLEANUP(js_freep) js *form = NULL;
    int code;

    *ret_text = NULL;
    if (!t || r->send->does == SEND_ACTION || (t->ordered && r->send->does == SEND_DELETE)) {
        return 0; /* the task's end, or the answer, is all there is to know */
    }
    names = sending_names(t, args, r->send->does == SEND_CREATE);
    code = t->listed && r->send->does == SEND_CREATE ? t->listed(NULL, s, names, e) : 0;
    if (code == 0) {
        code = sending_open(&c, r, NULL, s, names, e);
    }
    if (code < 0 && r->send->does == SEND_DELETE && sending_is_guest(r) && e &&
        strcmp(e->tag, "no_such_guest") == 0) {
        return check_done(true, ret_ok, ret_text, "guest %lld is gone",
                          (long long)js_int_or(args, "vmid", 0));
    }
    if (code == 0) {
        code = sending_look(&c, e);
    }
    if (code == 0) {
        code = send_form(r, NULL, args, c.guest.kind, &form, e);
    }
    return code < 0 ? code : verdict(&c, form, ret_ok, ret_text);
}

int row_check(const struct row *r, struct session *s, const js *args, bool *ret_ok, char **ret_text,
              struct err *e) {
    *ret_text = NULL;
    if (r->send && !r->check) {
        return send_check(r, s, args, ret_ok, ret_text, e);
    }
    return r->check ? r->check(s, args, ret_ok, ret_text, e) : 0;
}
