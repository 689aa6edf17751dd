/* SPDX-License-Identifier: Apache-2.0 */
/* "key=value" words of the command line into typed arguments by the row's fields:
 *   key=value          by the field's type; a list's key may be repeated
 *   key.member=value   one member of an object field
 *   key:=JSON          the value as JSON
 * Only the form is decided here; row_validate has the last word. */
#include <errno.h>
#include <string.h>

#include "common/ident.h"
#include "proximo-client/tools/rows.h"

static const struct field *field_named(const struct row *r, const char *name) {
    static const struct field cluster = {"cluster", F_CLUSTER, NULL};

    for (const struct field *f = r->fields; f && f->name; f++) {
        if (strcmp(f->name, name) == 0) {
            return f;
        }
    }
    return strcmp(name, "cluster") == 0 ? &cluster : NULL;
}

static int bad_word(struct err *e, const char *word, const char *why) {
    (void)err_tag(e, -EINVAL, "bad_argument", "%.60s: %s", word, why);
    return err_hint(e, "write key=value, key.member=value or key:=JSON");
}

static js *integer_or_string(const char *text) {
    bool negative = text[0] == '-';
    uint64_t v;

    if (ident_u64(text + negative, &v) == 0 && v <= INT64_MAX) {
        return js_int(negative ? -(int64_t)v : (int64_t)v);
    }
    return js_str(text);
}

static js *typed(const struct field *f, const char *text) {
    switch (f->type) {
    case F_INT:
    case F_VMID:
        return integer_or_string(text); /* a string is then refused by type */
    case F_BOOL:
        if (strcmp(text, "true") == 0 || strcmp(text, "yes") == 0 || strcmp(text, "1") == 0) {
            return js_bool(true);
        }
        if (strcmp(text, "false") == 0 || strcmp(text, "no") == 0 || strcmp(text, "0") == 0) {
            return js_bool(false);
        }
        return js_str(text);
    case F_STR:
    case F_ENUM:
    case F_NODE:
    case F_STORAGE:
    case F_VOLID:
    case F_SNAP:
    case F_UPID:
    case F_CLUSTER:
    case F_PLAN_ID:
    case F_OP_ID:
    case F_ROW:
    case F_STRS:
    case F_MAP:
    case F_ANY:
    case F_OBJS:
    default:
        return js_str(text);
    }
}

static int add_member(js *args, const struct field *f, const char *member, const char *text,
                      const char *word, struct err *e) {
    js *map = js_get(args, f->name);

    if (f->type != F_MAP && f->type != F_ANY) {
        return bad_word(e, word, "this argument has no members");
    }
    if (!map) {
        js_add(args, f->name, js_object());
        map = js_get(args, f->name);
    }
    if (!js_is_object(map) || json_object_object_get_ex(map, member, NULL)) {
        return bad_word(e, word, "given twice");
    }
    js_add(map, member, f->type == F_MAP ? js_str(text) : integer_or_string(text));
    return 0;
}

static int add_value(js *args, const struct field *f, const char *text, const char *word,
                     struct err *e) {
    js *old = js_get(args, f->name);

    if (f->type == F_STRS) {
        if (!old) {
            js_add(args, f->name, js_array());
            old = js_get(args, f->name);
        }
        if (!js_is_array(old)) {
            return bad_word(e, word, "given twice");
        }
        js_push(old, js_str(text));
        return 0;
    }
    if (old) {
        return bad_word(e, word, "given twice");
    }
    if (f->type == F_MAP || f->type == F_ANY) {
        return bad_word(e, word, "an object: write key.member=value or key:=JSON");
    }
    if (f->type == F_OBJS) {
        return bad_word(e, word, "a list of objects: write key:=JSON or use --args");
    }
    js_add(args, f->name, typed(f, text));
    return 0;
}

static int add_json(js *args, const struct field *f, const char *text, const char *word,
                    struct err *e) {
    js *v = NULL;
    int r;

    if (json_object_object_get_ex(args, f->name, NULL)) {
        return bad_word(e, word, "given twice");
    }
    r = js_parse(text, strlen(text), &v, e);
    if (r < 0) {
        return err_wrap(e, "%s", f->name);
    }
    js_add(args, f->name, v);
    return 0;
}

static int add_word(js *args, const struct row *r, const char *word, struct err *e) {
    const char *eq = strchr(word, '=');
    const struct field *f;
    char name[128], *dot;
    size_t n;
    bool json;

    if (!eq || eq == word || (size_t)(eq - word) >= sizeof(name)) {
        return bad_word(e, word, "not key=value");
    }
    json = eq[-1] == ':';
    n = (size_t)(eq - word) - json;
    memcpy(name, word, n);
    name[n] = '\0';
    dot = strchr(name, '.');
    if (dot) {
        *dot++ = '\0';
    }
    f = field_named(r, name);
    if (!f || (dot && (json || !*dot))) {
        (void)err_tag(e, -EINVAL, "bad_argument", "%s has no argument %.60s", r->name, name);
        return err_hint(e, "proximo-client tools %s shows what it takes", r->name);
    }
    if (dot) {
        return add_member(args, f, dot, eq + 1, word, e);
    }
    return json ? add_json(args, f, eq + 1, word, e) : add_value(args, f, eq + 1, word, e);
}

int row_args_from_words(const struct row *r, char *const *words, size_t n, js **ret,
                        struct err *e) {
    CLEANUP(js_freep) js *args = js_object();
    int code = 0;

    for (size_t i = 0; code == 0 && i < n; i++) {
        code = add_word(args, r, words[i], e);
    }
    if (code == 0) {
        *ret = TAKE(args);
    }
    return code;
}
