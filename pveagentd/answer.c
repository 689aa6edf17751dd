/* SPDX-License-Identifier: Apache-2.0 */
/* Network half: line texts of the root half → JSON. A table a text says which key becomes which
 * member and of which type, so that a key that the table does not know goes nowhere. */
#include "pveagentd/answer.h"

#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/lines.h"
#include "common/own.h"

enum form { FORM_TEXT, FORM_BOOL, FORM_COUNT, FORM_WORDS, FORM_LIST };

struct member {
    const char *key;    /* of the line */
    const char *object; /* NULL, or the member object it belongs to */
    const char *name;   /* of the JSON member */
    enum form form;
};

static const struct member status_members[] = {
    {"node", NULL, "node", FORM_TEXT},
    {"receipt-key", NULL, "receipt_key", FORM_TEXT},
    {"witness-key", NULL, "witness_key", FORM_TEXT},
    {"client", NULL, "client", FORM_TEXT},
    {"rights", NULL, "rights", FORM_WORDS},
    {"armed", NULL, "armed", FORM_BOOL},
    {"frozen", NULL, "frozen", FORM_BOOL},
    {"policy", NULL, "policy", FORM_TEXT},
    {"policy-error", NULL, "policy_error", FORM_TEXT},
    {"head", NULL, "head", FORM_COUNT},
    {"clock", NULL, "clock", FORM_TEXT},
    {"running", NULL, "running", FORM_COUNT},
    {"join-open", NULL, "join_open", FORM_BOOL},
    {"timer", NULL, "timers", FORM_LIST},
};

static const struct member explain_members[] = {
    {"allowed", NULL, "allowed", FORM_BOOL},
    {"rule", NULL, "rule", FORM_TEXT},
    {"code", NULL, "code", FORM_TEXT},
    {"why", NULL, "why", FORM_TEXT},
    {"remedy", NULL, "remedy", FORM_TEXT},
    {"approval", NULL, "approval", FORM_TEXT},
    {"near-root", NULL, "near_root", FORM_BOOL},
    {"exists", NULL, "exists", FORM_BOOL},
    {"running", NULL, "running", FORM_BOOL},
    {"config", NULL, "config", FORM_TEXT},
    {"privileged", NULL, "privileged", FORM_BOOL},
    {"undo", "undo", "possible", FORM_BOOL},
    {"undo-driver", "undo", "driver", FORM_TEXT},
    {"undo-why", "undo", "why", FORM_TEXT},
    {"mount", NULL, "mounts", FORM_LIST},
};

static js *words(const char *value) {
    js *list = js_array();

    for (const char *p = value; *p;) {
        size_t n = strcspn(p, " ,");

        if (n) {
            js_push(list, js_str_n(p, n));
        }
        p += n + (p[n] != '\0');
    }
    return list;
}

static js *single(const struct member *m, const char *value, size_t len) {
    uint64_t n;

    switch (m->form) {
    case FORM_BOOL:
        return strcmp(value, "yes") == 0 || strcmp(value, "no") == 0
                   ? js_bool(strcmp(value, "yes") == 0)
                   : NULL;
    case FORM_COUNT:
        return ident_u64(value, &n) == 0 && n <= INT64_MAX ? js_int((int64_t)n) : NULL;
    case FORM_WORDS:
        return words(value);
    case FORM_TEXT:
    case FORM_LIST:
    default:
        return strcmp(value, "-") == 0 ? NULL : js_str_n(value, len);
    }
}

static js *child(js *parent, const char *name, bool is_list) {
    js *c = js_get(parent, name);

    if (!c) {
        c = is_list ? js_array() : js_object();
        js_add(parent, name, c);
    }
    return c;
}

static void put(js *o, const struct member *m, const char *value, size_t len) {
    js *into = m->object ? child(o, m->object, false) : o;
    js *v;

    if (m->form == FORM_LIST) {
        js_push(child(into, m->name, true), js_str_n(value, len));
        return;
    }
    v = single(m, value, len);
    if (v) {
        js_add(into, m->name, v);
    }
}

/* One line through the strict parser, whose texts begin with a version line; this one is ours. */
static int convert_line(js *o, const char *line, size_t len, const struct member *m,
                        struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    CLEANUP(lines_done) struct lines l = {0};
    struct line_key key = {m->key, false, true};

    if (buf_adds(&b, "answer\n") < 0 || buf_add(&b, line, len) < 0 ||
        lines_parse(b.data, b.len, "answer", &key, 1, &l, NULL) < 0 || l.n != 1) {
        return err_set(e, -EBADMSG, "the root half's text has a malformed line");
    }
    put(o, m, l.v[0].value, l.v[0].len);
    return 0;
}

static int convert(const char *text, size_t len, const struct member *m, size_t n, js **ret,
                   struct err *e) {
    CLEANUP(js_freep) js *o = js_object();

    for (const char *p = text, *end = text + len; p < end;) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        const char *sp = nl ? memchr(p, ' ', (size_t)(nl - p)) : NULL;

        if (!nl || sp == p || (!sp && p != text)) { /* only a version line has no value */
            return err_set(e, -EBADMSG, "the root half's text has a malformed line");
        }
        for (size_t i = 0; sp && i < n; i++) {
            size_t k = strlen(m[i].key);
            int r;

            if (k != (size_t)(sp - p) || memcmp(m[i].key, p, k) != 0) {
                continue;
            }
            r = convert_line(o, p, (size_t)(nl + 1 - p), &m[i], e);
            if (r < 0) {
                return r;
            }
        }
        p = nl + 1;
    }
    *ret = TAKE(o);
    return 0;
}

int answer_status(const char *text, size_t len, js **ret, struct err *e) {
    return convert(text, len, status_members, ARRAY_LEN(status_members), ret, e);
}

int answer_explain(const char *text, size_t len, js **ret, struct err *e) {
    int r = convert(text, len, explain_members, ARRAY_LEN(explain_members), ret, e);

    /* A container without mounts has no line of that name, and the list is empty, not unknown. */
    if (r == 0 && js_bool_or(*ret, "exists", false)) {
        (void)child(*ret, "mounts", true);
    }
    return r;
}
