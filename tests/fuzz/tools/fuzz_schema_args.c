/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments from outside against every row's table: first line the row's name, then JSON. What is
 * accepted must have the forms that the rest of the program counts on. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/tools/tool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok) {
    if (!ok) {
        abort();
    }
}

/* The promise of row_validate, said a second time. */
static void promised(const struct field *f, const js *v) {
    const char *s = js_is_str(v) ? json_object_get_string((js *)(uintptr_t)v) : NULL;

    switch (f->type) {
    case F_VMID:
        must(js_is_int(v) && json_object_get_int64(v) >= 100 &&
             json_object_get_int64(v) <= 999999999);
        break;
    case F_INT:
        must(js_is_int(v) && json_object_get_int64(v) >= f->min &&
             json_object_get_int64(v) <= f->max);
        break;
    case F_NODE:
        must(s && ident_is_node(s) && !strchr(s, '/'));
        break;
    case F_STORAGE:
        must(s && ident_is_storage(s));
        break;
    case F_SNAP:
        must(s && ident_is_snapname(s));
        break;
    case F_UPID:
        must(s && ident_is_upid(s));
        break;
    case F_BOOL:
        must(json_object_is_type(v, json_type_boolean));
        break;
    case F_STRS:
    case F_OBJS:
        must(js_is_array(v));
        break;
    case F_MAP:
    case F_ANY:
        must(js_is_object(v));
        break;
    case F_STR:
    case F_ENUM:
    case F_VOLID:
    case F_CLUSTER:
    case F_PLAN_ID:
    case F_OP_ID:
    case F_ROW:
    default:
        must(s && strlen(s) == (size_t)json_object_get_string_len(v));
        break;
    }
}

static void as_json(const struct row *r, const char *text, size_t len) {
    CLEANUP(js_freep) js *args = NULL;
    struct err e = {0};

    if (js_parse(text, len, &args, &e) < 0) {
        return;
    }
    if (row_validate(r, args, &e) < 0) {
        must(strcmp(e.tag, "bad_argument") == 0 && e.msg[0]);
        return;
    }
    for (const struct field *f = r->fields; f->name; f++) {
        js *v = NULL;

        if (json_object_object_get_ex(args, f->name, &v)) {
            promised(f, v);
        } else {
            must(!f->required);
        }
    }
}

/* The same bytes as words of a command line, one a line. */
static void as_words(const struct row *r, char *text) {
    char *word[64];
    size_t n = 0;
    js *args = NULL;

    for (char *p = text; *p && n < ARRAY_LEN(word); n++) {
        size_t len = strcspn(p, "\n");

        word[n] = p;
        p += len;
        if (*p) {
            *p++ = '\0';
        }
    }
    if (row_args_from_words(r, word, n, &args, NULL) == 0) {
        must(js_is_object(args));
        (void)row_validate(r, args, NULL);
        json_object_put(args);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(freep) char *text = malloc(size + 1);
    const struct row *r;
    size_t n;

    if (!text) {
        return 0;
    }
    if (size) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    n = strcspn(text, "\n");
    if (n >= size) {
        return 0;
    }
    text[n] = '\0';
    r = row_find(text);
    if (!r) { /* any row will do */
        r = row_at(data[0] % 40);
    }
    if (r) {
        as_json(r, text + n + 1, size - n - 1);
        as_words(r, text + n + 1);
    }
    return 0;
}
