/* SPDX-License-Identifier: Apache-2.0 */
/* Matching argument vectors against rules, the same for a node's policy (root, request child) and
 * for the client's own. There is no shell, so there is nothing to escape. */
#include "common/argv_rule.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/ident.h"
#include "common/own.h"

#define SLOT_MAX 255

bool word_in(const char *list, char sep, const char *word, size_t n) {
    const char seps[] = {sep, '\0'};

    for (const char *s = list; *(s += strspn(s, seps)); s += strcspn(s, seps)) {
        if (strcspn(s, seps) == n && memcmp(s, word, n) == 0) {
            return true;
        }
    }
    return false;
}

static bool path_plain(const char *s) {
    if (s[0] != '/') {
        return false;
    }
    for (const char *p = s; *p;) {
        size_t n;

        p++; /* the slash */
        n = strcspn(p, "/");
        if (!n || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.')) {
            return false;
        }
        p += n;
    }
    return true;
}

static bool all_in(const char *s, const char *more) {
    for (; *s; s++) {
        bool alnum =
            (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9');

        if (!alnum && !strchr(more, *s)) {
            return false;
        }
    }
    return true;
}

/* Each slot: is what stands in it right (s NULL), and does it take this text? */
static bool fits_int(const char *range, const char *s) {
    const char *dash = strchr(range, '-');
    uint64_t lo;
    uint64_t hi;
    uint64_t v;

    return dash && ident_u64n(range, (size_t)(dash - range), &lo) == 0 &&
           ident_u64(dash + 1, &hi) == 0 && lo <= hi &&
           (!s || (ident_u64(s, &v) == 0 && v >= lo && v <= hi));
}

static bool fits_name(const char *none, const char *s) {
    (void)none;
    return !s || (*s != '.' && all_in(s, "._-"));
}

static bool fits_unit(const char *none, const char *s) {
    (void)none;
    return !s || (*s != '.' && all_in(s, "._-:@"));
}

static bool fits_path(const char *top, const char *s) {
    size_t n = strlen(top);

    return path_plain(top) &&
           (!s || (path_plain(s) && strncmp(s, top, n) == 0 && (s[n] == '\0' || s[n] == '/')));
}

static bool fits_one_of(const char *words, const char *s) {
    return !s || word_in(words, '|', s, strlen(s));
}

static const struct slot {
    const char *word;
    bool takes; /* "{int a-b}" "{path /below}" "{one-of a|b}" */
    bool (*fits)(const char *arg, const char *s);
} slots[] = {{"int", true, fits_int},
             {"name", false, fits_name},
             {"unit", false, fits_unit},
             {"path", true, fits_path},
             {"one-of", true, fits_one_of}};

/* One word of `run`, as it stands in the policy's text. */
struct word {
    const char *before, *after; /* of the slot; a literal is all before */
    size_t n_before, n_after;
    const struct slot *slot; /* NULL: a literal */
    char arg[512];           /* the slot's */
};

static bool read_slot(const char *s, size_t len, struct word *w) {
    for (size_t i = 0; i < ARRAY_LEN(slots); i++) {
        size_t n = strlen(slots[i].word);

        if (n <= len && memcmp(slots[i].word, s, n) == 0 && (n == len || s[n] == ' ')) {
            w->slot = &slots[i];
            (void)snprintf(w->arg, sizeof(w->arg), "%.*s", n < len ? (int)(len - n - 1) : 0,
                           n < len ? s + n + 1 : "");
            return slots[i].takes == (n < len && w->arg[0]) && (slots[i].takes || n == len) &&
                   w->slot->fits(w->arg, NULL);
        }
    }
    return false;
}

static bool read_word(const char *s, size_t len, struct word *w) {
    const char *open = memchr(s, '{', len);
    const char *close = open ? memchr(open, '}', len - (size_t)(open - s)) : memchr(s, '}', len);
    bool quoted = len >= 2 && s[0] == '"' && s[len - 1] == '"';

    *w = (struct word){.before = s + quoted, .n_before = len - 2 * (size_t)quoted};
    if (quoted || !open) { /* a literal; with blanks or braces it is quoted */
        return !memchr(w->before, '"', w->n_before) && (quoted || !close);
    }
    if (!close) {
        return false;
    }
    w->n_before = (size_t)(open - s);
    w->after = close + 1;
    w->n_after = len - (size_t)(close + 1 - s);
    return !memchr(w->after, '{', w->n_after) && !memchr(w->after, '}', w->n_after) &&
           (size_t)(close - open) <= sizeof(w->arg) &&
           read_slot(open + 1, (size_t)(close - open) - 1, w);
}

/* Length of the next word: to a blank that is in neither quotes nor braces. 0: not closed. */
static size_t word_len(const char *s) {
    bool quoted = false;
    bool braced = false;
    size_t i;

    for (i = 0; s[i]; i++) {
        if (s[i] == '"' && !braced) {
            quoted = !quoted;
        } else if (!quoted && s[i] == '{') {
            braced = true;
        } else if (!quoted && s[i] == '}') {
            braced = false;
        } else if (s[i] == ' ' && !quoted && !braced) {
            break;
        }
    }
    return quoted || braced ? 0 : i;
}

static int bad(struct err *e, size_t line, const char *what) {
    return err_set(e, -EBADMSG, "line %zu: run: %s", line, what);
}

int argv_rule_check(const char *run, size_t line, struct err *e) {
    const char *s = run + strspn(run, " ");
    bool first = true;
    struct word w;

    for (size_t n; *s; s += n + strspn(s + n, " ")) {
        n = word_len(s);
        if (!n) {
            return bad(e, line, "a quote or brace is not closed");
        }
        if (!read_word(s, n, &w)) {
            return bad(e, line,
                       "slots are {int a-b} {name} {unit} {path /below} {one-of a|b}, one a word");
        }
        if (first && (w.slot || !w.n_before || w.before[0] != '/')) {
            break;
        }
        first = false;
    }
    return first ? bad(e, line, "must begin with an absolute path, written out") : 0;
}

void argv_rule_program(const char *run, char *ret, size_t size) {
    struct word w;

    run += strspn(run, " ");
    (void)read_word(run, word_len(run), &w);
    (void)snprintf(ret, size, "%.*s", (int)w.n_before, w.before);
}

static bool slot_takes(const struct word *w, const char *s) {
    for (const char *c = s; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            return false;
        }
    }
    return *s && *s != '-' && w->slot->fits(w->arg, s);
}

static bool word_takes(const struct word *w, const char *arg) {
    char middle[SLOT_MAX + 1];
    size_t len = strlen(arg);
    size_t n = len - w->n_before - w->n_after;

    if (len < w->n_before + w->n_after || memcmp(arg, w->before, w->n_before) != 0) {
        return false;
    }
    if (!w->slot) {
        return n == 0;
    }
    if (n > SLOT_MAX || memcmp(arg + len - w->n_after, w->after, w->n_after) != 0) {
        return false;
    }
    memcpy(middle, arg + w->n_before, n);
    middle[n] = '\0';
    return slot_takes(w, middle);
}

bool argv_rule_matches(const char *run, const char *const *arg, size_t n_args) {
    const char *s = run + strspn(run, " ");
    size_t i = 0;
    struct word w;

    for (size_t n; *s; s += n + strspn(s + n, " ")) {
        n = word_len(s);
        if (!n || i == n_args || !read_word(s, n, &w) || !word_takes(&w, arg[i++])) {
            return false;
        }
    }
    return i && i == n_args;
}

/* A pattern is one word, so that a blank in it cannot hide a second one. */
static bool one_word(const char *pattern, struct word *w) {
    size_t n = word_len(pattern);

    return n && !pattern[n] && read_word(pattern, n, w);
}

bool argv_word_check(const char *pattern) {
    struct word w;

    return one_word(pattern, &w);
}

bool argv_word_matches(const char *pattern, const char *s) {
    struct word w;

    return one_word(pattern, &w) && word_takes(&w, s);
}
