/* SPDX-License-Identifier: Apache-2.0 */
/* The manual of tools, proximo-tools(7), and the least role of each plane, from the rows: it cannot
 * say anything that the program does not do. */
#include "proximo-client/tools/manual.h"

#include <errno.h>
#include <string.h>

#include "proximo-client/tools/rows.h"

/* Text for mdoc: a line may not begin with a control character, and a backslash is one. */
static int add_text(struct buf *b, const char *s) {
    int r = *s == '.' || *s == '\'' ? buf_adds(b, "\\&") : 0;

    for (; r == 0 && *s; s++) {
        if (s[0] == '.' && s[1] == ' ' && s[2] >= 'A' && s[2] <= 'Z') {
            r = buf_adds(b, ".\n"); /* a sentence begins a line */
            s++;
        } else {
            r = *s == '\\' ? buf_adds(b, "\\e") : buf_addc(b, *s == '\n' ? ' ' : *s);
        }
    }
    return r;
}

static int add_line(struct buf *b, const char *macro, const char *s) {
    int r = buf_adds(b, macro);

    r = r < 0 ? r : add_text(b, s);
    return r < 0 ? r : buf_addc(b, '\n');
}

static const char *type_words(const struct field *f) {
    static const char *const names[] = {
        [F_STR] = "text",           [F_INT] = "number",      [F_BOOL] = "true or false",
        [F_ENUM] = "one of",        [F_VMID] = "vmid",       [F_NODE] = "node",
        [F_STORAGE] = "storage",    [F_VOLID] = "volume",    [F_SNAP] = "snapshot name",
        [F_UPID] = "task id",       [F_CLUSTER] = "cluster", [F_PLAN_ID] = "plan id",
        [F_OP_ID] = "operation id", [F_ROW] = "row",         [F_STRS] = "list of texts",
        [F_MAP] = "object",         [F_ANY] = "object",      [F_OBJS] = "list of objects"};

    return names[f->type];
}

static int add_field(struct buf *b, const struct field *f) {
    int r = buf_addf(b, ".It Cm %s\n%s%s", f->name, type_words(f), f->required ? ", required" : "");

    if (r == 0 && f->type == F_ENUM) {
        r = buf_addf(b, " %s", f->choices);
    }
    if (r == 0 && f->type == F_INT) {
        r = buf_addf(b, " %lld\\(en%lld", (long long)f->min, (long long)f->max);
    }
    if (r == 0 && f->secret) {
        r = buf_adds(b, "; a secret: never recorded or shown");
    }
    if (r == 0 && f->desc) {
        r = buf_adds(b, ": ");
        r = r < 0 ? r : add_text(b, f->desc);
    }
    return r < 0 ? r : buf_addc(b, '\n');
}

static int add_row(struct buf *b, const struct row *row) {
    int r = buf_addf(b, ".It Ic %s\n", row->name);

    r = r < 0 ? r : add_line(b, "", row->desc);
    if (r == 0 && row->fields->name) {
        r = buf_adds(b, ".Bl -tag -width snapname -compact\n");
        for (const struct field *f = row->fields; r == 0 && f->name; f++) {
            r = add_field(b, f);
        }
        r = r < 0 ? r : buf_adds(b, ".El\n");
    }
    if (r == 0 && row->undo) {
        r = buf_addf(b, "Undo: %s%s%s.\n", row->undo, row->undo_none ? ": " : "",
                     row->undo_none ? row->undo_none : "");
    }
    if (r == 0 && row->privilege && *row->privilege) {
        r = add_line(b, "Privilege: ", row->privilege);
    }
    return r;
}

static int add_plane(struct buf *b, const char *plane) {
    CLEANUP(buf_done) struct buf reads = BUF_INIT(LIM_LINES), changes = BUF_INIT(LIM_LINES);
    const struct row *row;
    int r = buf_addf(b, ".Ss %s\n.Bl -tag -width Ds\n", plane);

    for (size_t i = 0; r == 0 && (row = row_at(i)); i++) {
        if (strcmp(row->plane, plane) == 0) {
            r = add_row(b, row);
        }
    }
    r = r < 0 ? r : buf_adds(b, ".El\n");
    r = r < 0 ? r : tools_role(plane, false, &reads);
    r = r < 0 ? r : tools_role(plane, true, &changes);
    if (r == 0 && strcmp(plane, "pbs") == 0) { /* roles cannot be made there */
        r = buf_adds(b, ".Pp\nA backup server has fixed roles: Audit reads all but remotes "
                        "(RemoteAudit),\nDatastoreAdmin changes what is in a datastore.\n");
    }
    if (r == 0 && reads.len) {
        r = buf_addf(b, ".Pp\nLeast role to read: %s.\n", buf_str(&reads));
    }
    if (r == 0 && changes.len) {
        r = buf_addf(b, ".Pp\nLeast role to read and change: %s.\n", buf_str(&changes));
    }
    return r;
}

int tools_manual(struct buf *ret) {
    const struct row *row;
    int r =
        buf_adds(ret, ".\\\" Made from the tables of tools/ by: proximo-client tools --man\n"
                      ".Dd November 30, 2026\n.Dt PROXIMO-TOOLS 7\n.Os\n"
                      ".Sh NAME\n.Nm proximo-tools\n.Nd what proximo-client can read and change\n"
                      ".Sh DESCRIPTION\n"
                      "Each operation is a row.\nRows that read answer at once.\nRows that change\n"
                      "something return a plan and execute nothing; a plan is carried out by\n"
                      ".Ic proximo_apply\nor\n.Ic proximo_apply_high .\n"
                      "Every row also takes\n.Cm cluster ,\n"
                      "which may be left out when exactly one is configured.\n"
                      "A guest is named by its vmid alone;\n.Cm node\nand\n.Cm kind\n"
                      "may be added and are then only checked.\n.Sh TOOLS\n");

    for (size_t i = 0; r == 0 && (row = row_at(i)); i++) {
        if (row_first_of_plane(i)) {
            r = add_plane(ret, row->plane);
        }
    }
    return r < 0 ? r : buf_adds(ret, ".Sh SEE ALSO\n.Xr proximo-client 1\n");
}

static bool has_word(const struct buf *b, const char *word, size_t n) {
    for (const char *p = buf_str(b); *p;) {
        size_t m = strcspn(p, " ");

        if (m == n && memcmp(p, word, n) == 0) {
            return true;
        }
        p += m + (p[m] == ' ');
    }
    return false;
}

/* Privileges are the words with a dot that begin with a capital: "VM.Audit|VM.Snapshot". */
static int add_privileges(struct buf *b, const char *text) {
    int r = 0;

    while (r == 0 && *text) {
        size_t n = strcspn(text, " |,()");

        if (n && memchr(text, '.', n) && text[0] >= 'A' && text[0] <= 'Z' &&
            !has_word(b, text, n)) {
            r = buf_addf(b, "%s%.*s", b->len ? " " : "", (int)n, text);
        }
        text += n + (text[n] != '\0');
    }
    return r;
}

int tools_role(const char *plane, bool changes, struct buf *ret) {
    const struct row *row;
    int r = 0;

    for (size_t i = 0; r == 0 && (row = row_at(i)); i++) {
        bool wanted = row->effect == EFFECT_READ || (changes && row->effect == EFFECT_CHANGE);

        if (wanted && row->privilege && strcmp(row->plane, plane) == 0) {
            r = add_privileges(ret, row->privilege);
        }
    }
    return r;
}
