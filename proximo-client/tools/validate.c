/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments against a row's field table, before anything else looks at them. All problems are named
 * at once, so that one round mends them. What passes here needs no further check of its form. */
#include <errno.h>
#include <string.h>

#include "common/ident.h"
#include "proximo-client/tools/rows.h"

#define MAX_STRING  1024
#define MAX_ITEMS   256
#define MAX_MEMBERS 128

struct problems {
    struct buf text;
    unsigned int n;
};

static void problem(struct problems *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void problem(struct problems *p, const char *fmt, ...) {
    va_list ap;

    if (p->n++) {
        (void)buf_adds(&p->text, "; ");
    }
    va_start(ap, fmt);
    (void)buf_vaddf(&p->text, fmt, ap);
    va_end(ap);
}

/* Names come from outside: shown only when they are harmless to show. */
static const char *shown(const char *name) {
    size_t n = strlen(name);

    for (size_t i = 0; i < n; i++) {
        if (name[i] <= 0x20 || name[i] >= 0x7f) {
            return "(a name with other than printable ASCII)";
        }
    }
    return n && n <= 40 ? name : "(an empty or long name)";
}

/* Text without control bytes (line feed and tab are text) and without NUL. */
static bool is_text(const js *v) {
    const char *s = json_object_get_string((js *)(uintptr_t)v);
    size_t n = (size_t)json_object_get_string_len(v);

    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];

        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool in_choices(const char *choices, const char *s) {
    size_t len = strlen(s);

    for (const char *p = choices; *p;) {
        size_t n = strcspn(p, "|");

        if (n == len && memcmp(p, s, n) == 0) {
            return true;
        }
        p += n + (p[n] == '|');
    }
    return false;
}

/* The identifier types: what they are called and who knows their form. */
static const struct ident_type {
    enum field_type type;
    bool (*ok)(const char *s);
    const char *what;
} ident_types[] = {
    {F_NODE, ident_is_node, "a node name"},
    {F_STORAGE, ident_is_storage, "a storage id (letter first, letters, digits, - _ .)"},
    {F_VOLID, ident_is_volid, "a volume id (storage:volume)"},
    {F_SNAP, ident_is_snapname, "a snapshot name (letter first, 2-40 of A-Z a-z 0-9 _ -)"},
    {F_UPID, ident_is_upid, "a task id (UPID:…)"},
    {F_CLUSTER, ident_is_cluster, "a cluster name"},
    {F_PLAN_ID, ident_is_plan_id, "a plan id (P- and 26 characters)"},
    {F_OP_ID, ident_is_op_id, "an operation id (O- and 26 characters)"},
    {F_ROW, ident_is_tool, "the name of a tool"},
};

static void check_ident(struct problems *p, const struct field *f, const char *s) {
    for (size_t i = 0; i < ARRAY_LEN(ident_types); i++) {
        if (ident_types[i].type == f->type && !ident_types[i].ok(s)) {
            problem(p, "%s is not %s", f->name, ident_types[i].what);
        }
    }
}

static void check_string(struct problems *p, const struct field *f, const js *v) {
    size_t len = (size_t)json_object_get_string_len(v);
    size_t max = f->max ? (size_t)f->max : MAX_STRING;
    const char *s = json_object_get_string((js *)(uintptr_t)v);

    if (!is_text(v)) {
        problem(p, "%s holds control characters", f->name);
    } else if (len > max || len < (size_t)f->min) {
        problem(p, "%s must have %lld to %zu bytes", f->name, (long long)f->min, max);
    } else if (f->type == F_ENUM && !in_choices(f->choices, s)) {
        problem(p, "%s must be one of %s", f->name, f->choices);
    } else {
        check_ident(p, f, s);
    }
}

static void check_int(struct problems *p, const struct field *f, const js *v) {
    int64_t min = f->type == F_VMID ? VMID_MIN : f->min;
    int64_t max = f->type == F_VMID ? VMID_MAX : f->max;
    int64_t n = json_object_get_int64(v);

    if (n < min || n > max) {
        problem(p, "%s must be %lld to %lld", f->name, (long long)min, (long long)max);
    }
}

static void check_strings(struct problems *p, const struct field *f, const js *v) {
    size_t max = f->max ? (size_t)f->max : MAX_ITEMS;

    if (js_len(v) > max || js_len(v) < (size_t)f->min) {
        problem(p, "%s must have %lld to %zu items", f->name, (long long)f->min, max);
        return;
    }
    for (size_t i = 0; i < js_len(v); i++) {
        const js *item = js_at(v, i);

        if (!js_is_str(item) || !is_text(item) ||
            json_object_get_string_len(item) > LIM_LINE - 64) {
            problem(p, "%s[%zu] must be a string without control characters", f->name, i);
            return;
        }
    }
}

static bool is_map_key(const char *k) {
    size_t n = strlen(k);

    for (size_t i = 0; i < n; i++) {
        char c = k[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-')) {
            return false;
        }
    }
    return n && n <= 64;
}

static void check_map(struct problems *p, const struct field *f, const js *v) {
    if (js_members(v) > (f->max ? f->max : MAX_MEMBERS)) {
        problem(p, "%s has too many members", f->name);
        return;
    }
    JS_FOREACH(v, key, val) {
        bool scalar =
            js_is_int(val) || json_object_is_type(val, json_type_boolean) ||
            (js_is_str(val) && is_text(val) && json_object_get_string_len(val) <= 8 * MAX_STRING);

        if (!is_map_key(key)) {
            problem(p, "%s has a member with a bad name: %s", f->name, shown(key));
        } else if (!scalar) {
            problem(p, "%s.%s must be a string, an integer or a boolean", f->name, key);
        }
    }
}

static void check_type(struct problems *p, const struct field *f, const js *v, const char *want) {
    problem(p, "%s must be %s, not %s", f->name, want, js_type_name(v));
}

static void check_objects(struct problems *p, const struct field *f, const js *v) {
    if (!js_len(v) || (int64_t)js_len(v) > f->max) {
        problem(p, "%s takes 1 to %lld objects", f->name, (long long)f->max);
    }
    for (size_t i = 0; i < js_len(v); i++) {
        if (!js_is_object(js_at(v, i))) {
            check_type(p, f, js_at(v, i), "a list of objects");
            return;
        }
    }
}

static void check_field(struct problems *p, const struct field *f, const js *v) {
    switch (f->type) {
    case F_INT:
    case F_VMID:
        js_is_int(v) ? check_int(p, f, v) : check_type(p, f, v, "an integer");
        break;
    case F_BOOL:
        if (!json_object_is_type(v, json_type_boolean)) {
            check_type(p, f, v, "true or false");
        }
        break;
    case F_STRS:
        js_is_array(v) ? check_strings(p, f, v) : check_type(p, f, v, "a list of strings");
        break;
    case F_MAP:
        js_is_object(v) ? check_map(p, f, v) : check_type(p, f, v, "an object");
        break;
    case F_OBJS:
        js_is_array(v) ? check_objects(p, f, v) : check_type(p, f, v, "a list of objects");
        break;
    case F_ANY:
        if (!js_is_object(v)) {
            check_type(p, f, v, "an object");
        }
        break;
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
    default:
        js_is_str(v) ? check_string(p, f, v) : check_type(p, f, v, "a string");
        break;
    }
}

static const struct field *field_of(const struct row *r, const char *name) {
    static const struct field cluster = {"cluster", F_CLUSTER, NULL};

    for (const struct field *f = r->fields; f && f->name; f++) {
        if (strcmp(f->name, name) == 0) {
            return f;
        }
    }
    return strcmp(name, "cluster") == 0 ? &cluster : NULL;
}

int row_validate(const struct row *r, const js *args, struct err *e) {
    struct problems p = {BUF_INIT(400), 0};
    int code = 0;

    if (!js_is_object(args)) {
        return err_tag(e, -EINVAL, "bad_argument", "the arguments must be an object");
    }
    for (const struct field *f = r->fields; f && f->name; f++) {
        if (f->required && !json_object_object_get_ex(args, f->name, NULL)) {
            problem(&p, "%s is missing", f->name);
        }
    }
    JS_FOREACH(args, key, val) {
        const struct field *f = field_of(r, key);

        if (f) {
            check_field(&p, f, val);
        } else {
            problem(&p, "unknown argument %s", shown(key));
        }
    }
    if (p.n) {
        code = err_tag(e, -EINVAL, "bad_argument", "%s: %s", r->name, buf_str(&p.text));
        (void)err_hint(
            e,
            "proximo_describe with row %s (in a shell: proximo-client tools %s) shows its "
            "arguments",
            r->name, r->name);
    }
    buf_done(&p.text);
    return code;
}
