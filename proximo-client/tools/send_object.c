/* SPDX-License-Identifier: Apache-2.0 */
/* The object that a row of data works on: found by its own GET or in its collection, and brought
 * into the shape of its settings, so that it can be compared with forms and put back by one. */
#include "common/ident.h"

#include <errno.h>
#include <string.h>

#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/send.h"

void sending_done(struct sending *c) {
    json_object_put(c->args);
    json_object_put(c->now);
    buf_done(&c->read);
    *c = (struct sending){.read = BUF_INIT(LIM_LINE)};
}

bool next_word(const char **list, char *ret_word, size_t word_size, char *ret_value,
               size_t value_size) {
    const char *p = *list + strspn(*list, " ");
    size_t n = strcspn(p, " "), k = strcspn(p, " =");

    if (!n) {
        return false;
    }
    (void)snprintf(ret_word, word_size, "%.*s", (int)k, p);
    (void)snprintf(ret_value, value_size, "%.*s", k < n ? (int)(n - k - 1) : 0, p + k + (k < n));
    *list = p + n;
    return true;
}

bool next_key(const char **list, char *ret, size_t size) {
    size_t n = strcspn(*list, ",");

    if (!**list) {
        return false;
    }
    (void)snprintf(ret, size, "%.*s", (int)n, *list);
    *list += n + ((*list)[n] == ',');
    return true;
}

bool template_has(const char *template, const char *name) {
    size_t len = strlen(name);

    for (const char *p = template; (p = strchr(p, '{')); p++) {
        if (strncmp(p + 1, name, len) == 0 && p[1 + len] == '}') {
            return true;
        }
    }
    return false;
}

static void add_said(const js *v, struct buf *ret) {
    for (size_t i = 0; i < js_len(v); i++) {
        (void)buf_addf(ret, "%s%.80s", i ? " " : "", value_text(js_at(v, i)));
    }
    if (!js_is_array(v)) {
        (void)buf_addf(ret, "%.200s", v ? value_text(v) : "-");
    }
}

void say(const char *template, const js *args, struct buf *ret) {
    for (const char *p = template; *p;) {
        size_t n = strcspn(p, "{");

        (void)buf_add(ret, p, n);
        p += n;
        if (*p == '{') {
            char name[64];

            n = strcspn(p, "}");
            (void)snprintf(name, sizeof(name), "%.*s", (int)n - 1, p + 1);
            add_said(js_get(args, name), ret);
            p += n + (p[n] == '}');
        }
    }
}

/* PVE answers most "does not exist" with a 500, so only the words can tell. Seen on 9.1. */
bool says_absent(const struct err *e) {
    static const char *const words[] = {"does not exist", "no such",        "not exist",
                                        "not found",      "unable to find", "doesn't exist",
                                        "unknown ",       "not defined",    "no rule at position"};

    if (e->http_status == 404) {
        return true;
    }
    for (size_t i = 0; (e->http_status == 500 || e->http_status == 400) && i < ARRAY_LEN(words);
         i++) {
        if (strcasestr(e->msg, words[i])) {
            return true;
        }
    }
    return false;
}

static void name_it(struct sending *c) {
    const char *id = c->row->send->on ? c->row->send->on->id : "";
    char field[64], none[2];
    size_t at = 0;

    while (next_word(&id, field, sizeof(field), none, sizeof(none)) && at < sizeof(c->id)) {
        const js *v = js_get(c->args, field);

        if (v) {
            at += (size_t)snprintf(c->id + at, sizeof(c->id) - at, "%s%.80s", at ? " " : "",
                                   value_text(v));
        }
    }
}

static int open_guest(struct sending *c, struct err *e) {
    const char *kind = c->row->send->kind;
    int r = c->d ? plan_guest(c->d, c->args, &c->guest, NULL, e)
                 : resolve_guest(c->s, c->args, &c->guest, e);

    if (r < 0) {
        return r;
    }
    if (kind && strcmp(kind, c->guest.kind) != 0) {
        (void)err_tag(e, -EINVAL, "guest_mismatch", "guest %u is %s", c->guest.vmid,
                      strcmp(kind, "qemu") == 0 ? "a container" : "a VM");
        return err_hint(e, "%s is for %s only", c->row->name,
                        strcmp(kind, "qemu") == 0 ? "VMs" : "containers");
    }
    js_add(c->args, "node", js_str(c->guest.node));
    js_add(c->args, "kind", js_str(c->guest.kind));
    return 0;
}

bool sending_is_guest(const struct row *r) {
    return r->send->guest || template_has(r->send->path, "vmid");
}

int sending_open(struct sending *c, const struct row *r, struct draft *d, struct session *s,
                 const js *args, struct err *e) {
    const char *node;
    int code = 0;

    *c = (struct sending){.d = d,
                          .s = d ? draft_session(d) : s,
                          .row = r,
                          .args = js_copy(args),
                          .read = BUF_INIT(LIM_LINE)};
    if (sending_is_guest(r)) {
        code = open_guest(c, e);
    } else if ((node = js_get_str(c->args, "node"))) {
        /* an unknown one costs PVE a name lookup of seconds */
        code = d ? draft_node(d, node, e) : check_node(c->s, node, e);
    }
    if (code == 0) {
        name_it(c);
    }
    return code;
}

static int fetch(struct sending *c, const char *template, const char *query, const char *reduce,
                 js **ret, struct err *e) {
    js *data = NULL;
    int r;

    buf_reset(&c->read);
    r = pve_path(template, c->args, &c->read, e);
    if (r == 0 && query) {
        CLEANUP(js_freep) js *q = answer_pick(c->args, query);

        r = pve_query(q, &c->read, e);
    }
    if (r < 0) {
        return r;
    }
    if (c->d) {
        r = draft_read(c->d, buf_str(&c->read), reduce ? reduce : "whole", &data, e);
        *ret = r == 0 ? js_ref(data) : NULL;
        return r;
    }
    return pve_get(c->s->pve, buf_str(&c->read), ret, e);
}

static bool is_item(const js *item, const char *match, const js *args) {
    char member[64], field[64];

    while (next_word(&match, member, sizeof(member), field, sizeof(field))) {
        if (!value_same(js_get(item, member), js_get(args, field[0] ? field : member))) {
            return false;
        }
    }
    return true;
}

static js *find_item(const js *list, const struct thing *t, const js *args) {
    for (size_t i = 0; i < js_len(list); i++) {
        if (is_item(js_at(list, i), t->match, args)) {
            return js_at(list, i);
        }
    }
    return NULL;
}

static js *settings(const struct thing *t, const js *answer, const js *args) {
    js *o;

    if (t->shape) {
        return t->shape(answer, args);
    }
    if (js_is_array(answer)) { /* "GET /pools?poolid=x" is a list of one */
        answer = js_at(answer, 0);
    }
    o = js_object();
    JS_FOREACH(answer, key, val) {
        const char *drop = t->drop ? t->drop : "";
        char word[64], none[2];
        bool dropped = strcmp(key, "digest") == 0;

        while (!dropped && next_word(&drop, word, sizeof(word), none, sizeof(none))) {
            dropped = strcmp(word, key) == 0;
        }
        if (!dropped && val) {
            js_add(o, key, js_copy(val));
        }
    }
    return o;
}

/* By the collection: it says for certain what is not there. */
static int look_in_list(struct sending *c, const struct thing *t, bool whole, struct err *e) {
    CLEANUP(js_freep) js *list = NULL;
    CLEANUP(js_freep) js *names = NULL;
    js *item;
    int r = fetch(c, t->list, t->read ? NULL : t->query, t->list_reduce, &list, e);

    if (r == 0 && t->listed && c->row->send->does == SEND_CREATE) {
        names = js_copy(c->args);
        r = t->listed(c->d, c->s, names, e);
    }

    if (r == 0 && !js_is_array(list)) {
        r = bad_answer(t->list, e);
    }
    if (r < 0) {
        return r;
    }
    item = find_item(list, t, names ? names : c->args);
    if (item) {
        c->now = whole ? settings(t, item, c->args) : js_object();
    }
    return 0;
}

int sending_look(struct sending *c, struct err *e) {
    const struct thing *t = c->row->send->on;
    CLEANUP(js_freep) js *answer = NULL;
    struct err why = {0};
    int r;

    json_object_put(c->now);
    c->now = NULL;
    if (!t) {
        return 0;
    }
    if (c->row->send->does == SEND_CREATE && c->d && t->ordered) {
        return fetch(c, t->list, NULL, t->list_reduce, &answer,
                     e); /* positions are only true for this list */
    }
    if (c->row->send->does == SEND_CREATE && c->d) {
        return t->list ? look_in_list(c, t, !t->read, e) : 0;
    }
    if (!t->read) {
        return look_in_list(c, t, true, e);
    }
    r = fetch(c, t->read, t->query, t->reduce, &answer, &why);
    if (r < 0 && says_absent(&why)) {
        return 0;
    }
    if (r < 0) {
        if (e) {
            *e = why;
        }
        return r;
    }
    if (!t->shape && !js_is_object(answer) && !js_is_array(answer)) {
        return bad_answer(t->kind, e);
    }
    if (t->beside && c->d) { /* of the whole file: only what it is when it is sent counts */
        r = buf_adds(&c->read, "#digest");
        r = r < 0 ? r : draft_read(c->d, buf_str(&c->read), "any", NULL, e);
        if (r < 0) {
            return r;
        }
    }
    if (!js_is_array(answer) || js_len(answer) || t->shape) {
        c->now = settings(t, answer, c->args);
    }
    return 0;
}

js *sending_names(const struct thing *t, const js *args, bool fresh) {
    CLEANUP(js_freep) js *place = answer_pick(args, "node kind vmid cluster");
    js *o = answer_pick(args, t->id);
    const char *id = t->id;
    char field[64] = "", none[2];

    JS_FOREACH(place, key, val) {
        js_add(o, key, js_copy(val));
    }
    while (next_word(&id, field, sizeof(field), none, sizeof(none))) {
    }
    if (t->ordered && fresh) {
        js_add(o, field, js_int(0)); /* where PVE puts a new one */
    }
    return o;
}
