/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Schema from the field table, in the subset that every host accepts: one string as `type`,
 * properties, required, enum, items, minimum/maximum, minLength/maxLength, additionalProperties.
 * What the schema says is what validate.c checks; a test walks both. */
#include <string.h>

#include "common/ident.h"
#include "proximo-client/tools/plans.h"

static js *enum_of(const char *choices) {
    js *list = js_array();

    for (const char *p = choices; *p;) {
        size_t n = strcspn(p, "|");

        js_push(list, js_str_n(p, n));
        p += n + (p[n] == '|');
    }
    return list;
}

static void add_range(js *o, int64_t min, int64_t max) {
    js_add(o, "minimum", js_int(min));
    js_add(o, "maximum", js_int(max));
}

static const char *schema_type(enum field_type t) {
    switch (t) {
    case F_INT:
    case F_VMID:
        return "integer";
    case F_BOOL:
        return "boolean";
    case F_STRS:
    case F_OBJS:
        return "array";
    case F_MAP:
    case F_ANY:
        return "object";
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
        return "string";
    }
}

static js *field_schema(const struct field *f) {
    js *o = js_object();

    js_add(o, "type", js_str(schema_type(f->type)));
    if (f->desc) {
        js_add(o, "description", js_str(f->desc));
    }
    switch (f->type) {
    case F_INT:
        add_range(o, f->min, f->max);
        break;
    case F_VMID:
        add_range(o, VMID_MIN, VMID_MAX);
        break;
    case F_ENUM:
        js_add(o, "enum", enum_of(f->choices));
        break;
    case F_STRS:
    case F_OBJS: {
        js *item = js_object();

        js_add(item, "type", js_str(f->type == F_STRS ? "string" : "object"));
        js_add(o, "items", item);
        break;
    }
    case F_STR:
        if (f->max) {
            js_add(o, "maxLength", js_int(f->max));
        }
        break;
    case F_BOOL:
    case F_NODE:
    case F_STORAGE:
    case F_VOLID:
    case F_SNAP:
    case F_UPID:
    case F_CLUSTER:
    case F_PLAN_ID:
    case F_OP_ID:
    case F_ROW:
    case F_MAP:
    case F_ANY:
    default:
        break;
    }
    return o;
}

js *row_input_schema(const struct row *r, bool with_cluster) {
    js *o = js_object(), *props = js_object(), *required = js_array();

    for (const struct field *f = r->fields; f && f->name; f++) {
        js_add(props, f->name, field_schema(f));
        if (f->required) {
            js_push(required, js_str(f->name));
        }
    }
    if (with_cluster) {
        static const struct field cluster = {"cluster", F_CLUSTER, NULL};

        js_add(props, "cluster", field_schema(&cluster));
    }
    js_add(o, "type", js_str("object"));
    js_add(o, "properties", props);
    if (js_len(required)) {
        js_add(o, "required", required);
    } else {
        json_object_put(required);
    }
    js_add(o, "additionalProperties", js_bool(false));
    return o;
}

/* "name:type name?:type …": a question mark makes it optional. */
js *row_output_schema(const struct row *r) {
    const char *result = r->result ? r->result : r->effect == EFFECT_CHANGE ? PLAN_RESULT : NULL;
    js *o, *props, *required;

    if (!result) {
        return NULL;
    }
    o = js_object();
    props = js_object();
    required = js_array();
    for (const char *p = result; *p;) {
        size_t n = strcspn(p, ":"), t = strcspn(p + n + 1, " ");
        bool optional = n && p[n - 1] == '?';
        char name[64];
        js *prop = js_object();

        (void)snprintf(name, sizeof(name), "%.*s", (int)(n - optional), p);
        js_add(prop, "type", js_str_n(p + n + 1, t));
        js_add(props, name, prop);
        if (!optional) {
            js_push(required, js_str(name));
        }
        p += n + 1 + t;
        p += *p == ' ';
    }
    js_add(o, "type", js_str("object"));
    js_add(o, "properties", props);
    js_add(o, "required", required);
    return o;
}
