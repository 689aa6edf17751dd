/* SPDX-License-Identifier: Apache-2.0 */
/* The strict INI reader. What it cannot read in one way only, it refuses. */
#include "common/conf.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/argv_rule.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"

void conf_done(struct conf *c) {
    for (size_t i = 0; i < c->n; i++) {
        free(c->section[i].entry);
    }
    free(c->section);
    free(c->store);
    memset(c, 0, sizeof(*c));
}

static int line_form(const char *line, size_t len, size_t no, struct err *e) {
    if (len > LIM_LINE) {
        return err_set(e, -EBADMSG, "line %zu: longer than %d bytes", no, LIM_LINE);
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)line[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return err_set(e, -EBADMSG, "line %zu: control byte \\x%02x", no, c);
        }
    }
    if (line[0] == ' ' || line[0] == '\t') {
        if (strspn(line, " \t") == len) {
            return 0; /* nothing but blanks is an empty line */
        }
        return err_set(e, -EBADMSG, "line %zu: starts with a blank (lines are not continued)", no);
    }
    return 0;
}

static char *trim(char *s) {
    size_t len;

    s += strspn(s, " \t");
    len = strlen(s);
    while (len && (s[len - 1] == ' ' || s[len - 1] == '\t')) {
        s[--len] = '\0';
    }
    return s;
}

static bool word_ok(const char *s, bool empty_ok) {
    if (!*s) {
        return empty_ok;
    }
    return strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") ==
           strlen(s);
}

static int add_section(struct conf *c, char *line, size_t no, struct err *e) {
    size_t len = strlen(line);
    char *blank;
    struct conf_section *s;

    if (line[len - 1] != ']') {
        return err_set(e, -EBADMSG, "line %zu: section header does not end with ]", no);
    }
    line[len - 1] = '\0';
    s = reallocarray(c->section, c->n + 1, sizeof(*s));
    if (!s) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    c->section = s;
    s += c->n;
    *s = (struct conf_section){.line = no, .kind = line + 1, .name = ""};
    blank = strchr(line + 1, ' ');
    if (blank) {
        *blank = '\0';
        s->name = trim(blank + 1);
    }
    if (!word_ok(s->kind, false) || !word_ok(s->name, !blank)) {
        return err_set(e, -EBADMSG, "line %zu: section must be [kind] or [kind name]", no);
    }
    for (size_t i = 0; i < c->n; i++) {
        if (strcmp(c->section[i].kind, s->kind) == 0 && strcmp(c->section[i].name, s->name) == 0) {
            return err_set(e, -EBADMSG, "line %zu: section [%s%s%s] was opened in line %zu", no,
                           s->kind, *s->name ? " " : "", s->name, c->section[i].line);
        }
    }
    c->n++;
    return 0;
}

static int add_entry(struct conf *c, char *line, size_t no, struct err *e) {
    char *eq = strchr(line, '=');
    struct conf_section *s;
    struct conf_entry *en;

    if (!c->n) {
        return err_set(e, -EBADMSG, "line %zu: stands before the first section", no);
    }
    if (!eq) {
        return err_set(e, -EBADMSG, "line %zu: neither section, comment nor key = value", no);
    }
    s = &c->section[c->n - 1];
    *eq = '\0';
    en = reallocarray(s->entry, s->n + 1, sizeof(*en));
    if (!en) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    s->entry = en;
    en += s->n;
    *en = (struct conf_entry){.line = no, .key = trim(line), .value = trim(eq + 1)};
    if (!word_ok(en->key, false)) {
        return err_set(e, -EBADMSG, "line %zu: bad key", no);
    }
    s->n++;
    return 0;
}

int conf_parse(const char *text, size_t len, struct conf *ret, struct err *e) {
    CLEANUP(conf_done) struct conf c = {0};
    char *p;
    char *end;
    size_t no = 0;

    if (len > LIM_CONF) {
        return err_set(e, -E2BIG, "longer than %d bytes", LIM_CONF);
    }
    c.store = malloc(len + 1);
    if (!c.store) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    memcpy(c.store, text, len);
    c.store[len] = '\0';
    end = c.store + len;
    for (p = c.store; p < end;) {
        char *nl = memchr(p, '\n', (size_t)(end - p));
        char *line = p;
        size_t n = nl ? (size_t)(nl - p) : (size_t)(end - p);
        int r;

        p += n + 1;
        no++;
        r = line_form(line, n, no, e);
        if (r < 0) {
            return r;
        }
        line[n] = '\0';
        if (!*trim(line) || line[0] == '#' || line[0] == ';') {
            continue;
        }
        line = trim(line);
        r = line[0] == '[' ? add_section(&c, line, no, e) : add_entry(&c, line, no, e);
        if (r < 0) {
            return r;
        }
    }
    *ret = c;
    c = (struct conf){0};
    return 0;
}

const char *conf_get(const struct conf_section *s, const char *key) {
    for (size_t i = 0; i < s->n; i++) {
        if (strcmp(s->entry[i].key, key) == 0) {
            return s->entry[i].value;
        }
    }
    return NULL;
}

const struct conf_section *conf_find(const struct conf *c, const char *kind, const char *name) {
    for (size_t i = 0; i < c->n; i++) {
        if (strcmp(c->section[i].kind, kind) == 0 && strcmp(c->section[i].name, name) == 0) {
            return &c->section[i];
        }
    }
    return NULL;
}

static int check_entry(const struct conf_section *s, size_t at, const struct conf_rule *rules,
                       size_t n, struct err *e) {
    const struct conf_entry *en = &s->entry[at];

    for (size_t i = 0; i < n; i++) {
        if (strcmp(rules[i].kind, s->kind) != 0 || !rules[i].key ||
            !word_in(rules[i].key, ' ', en->key, strlen(en->key))) {
            continue;
        }
        for (size_t k = 0; k < at && !rules[i].repeats; k++) {
            if (strcmp(s->entry[k].key, en->key) == 0) {
                return err_set(e, -EBADMSG, "line %zu: %s was set in line %zu", en->line, en->key,
                               s->entry[k].line);
            }
        }
        return 0;
    }
    return err_set(e, -EBADMSG, "line %zu: unknown key \"%s\" in [%s]", en->line, en->key, s->kind);
}

static int check_section(const struct conf_section *s, const struct conf_rule *rules, size_t n,
                         struct err *e) {
    bool known = false;

    for (size_t i = 0; i < n; i++) {
        if (strcmp(rules[i].kind, s->kind) != 0) {
            continue;
        }
        known = true;
        if (rules[i].named != (*s->name != '\0')) {
            return err_set(e, -EBADMSG, "line %zu: section [%s] %s a name", s->line, s->kind,
                           rules[i].named ? "needs" : "takes no");
        }
        if (rules[i].required && !conf_get(s, rules[i].key)) {
            return err_set(e, -EBADMSG, "line %zu: section [%s %s] lacks %s", s->line, s->kind,
                           s->name, rules[i].key);
        }
    }
    return known ? 0 : err_set(e, -EBADMSG, "line %zu: unknown section [%s]", s->line, s->kind);
}

int conf_check(const struct conf *c, const struct conf_rule *rules, size_t n, struct err *e) {
    for (size_t i = 0; i < c->n; i++) {
        int r = check_section(&c->section[i], rules, n, e);

        for (size_t k = 0; r == 0 && k < c->section[i].n; k++) {
            r = check_entry(&c->section[i], k, rules, n, e);
        }
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

int conf_version(const struct conf *c, const char *kind, unsigned int newest, struct err *e) {
    const struct conf_section *s = conf_find(c, kind, "");
    const char *text = s ? conf_get(s, "version") : NULL;
    uint32_t v;

    if (!s) {
        return 0;
    }
    if (!text || ident_u32(text, &v) < 0 || v < 1 || v > INT_MAX) {
        return err_set(e, -EBADMSG, "line %zu: [%s] needs version = a number", s->line, kind);
    }
    if (v > newest) {
        (void)err_set(e, -ENOTSUP, "line %zu: written for a newer version (%u; this one reads %u)",
                      s->line, v, newest);
        return err_hint(e, "upgrade the program that reads it");
    }
    return (int)v;
}

int conf_whole(const char *path, const struct buf *text, struct err *e) {
    return !text->len || text->data[text->len - 1] == '\n'
               ? 1
               : err_set(e, -EBADMSG, "%s ends within a line: it was written by half", path);
}
