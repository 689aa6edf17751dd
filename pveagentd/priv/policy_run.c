/* SPDX-License-Identifier: Apache-2.0 */
/* `run` of a policy rule: words of literals and slots, matched against an argument vector (root,
 * request child). Every argument must match and none may be left over; there is no shell, so there
 * is nothing to escape. A slot never matches empty, a leading '-', control bytes or more than 255
 * bytes: what it lets through cannot become an option. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/ident.h"
#include "common/own.h"
#include "pveagentd/priv/policy.h"
#include "pveagentd/priv/priv.h"

#define SLOT_MAX 255

void run_done(struct rule *r) {
    for (size_t i = 0; i < r->n_run; i++) {
        free(r->run[i].prefix);
        free(r->run[i].suffix);
        free(r->run[i].text);
    }
    free(r->run);
    r->run = NULL;
    r->n_run = 0;
}

static int bad(struct err *e, size_t line, const char *what) {
    return err_set(e, -EBADMSG, "line %zu: run: %s", line, what);
}

static int parse_int(const char *s, struct pattern *p) {
    const char *dash = strchr(s, '-');

    return dash && ident_u64n(s, (size_t)(dash - s), &p->lo) == 0 &&
                   ident_u64(dash + 1, &p->hi) == 0 && p->lo <= p->hi
               ? 0
               : -EINVAL;
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

/* "int a-b", "name", "unit", "path /below", "one-of a|b" */
static int parse_slot(const char *body, struct pattern *p) {
    static const struct {
        const char *word;
        enum slot_kind kind;
        bool takes;
    } kinds[] = {{"int", SLOT_INT, true},
                 {"name", SLOT_NAME, false},
                 {"unit", SLOT_UNIT, false},
                 {"path", SLOT_PATH, true},
                 {"one-of", SLOT_ONE_OF, true}};
    size_t n = strcspn(body, " ");

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strlen(kinds[i].word) != n || memcmp(kinds[i].word, body, n) != 0) {
            continue;
        }
        if (kinds[i].takes != (body[n] == ' ' && body[n + 1] != '\0')) {
            return -EINVAL;
        }
        p->slot = kinds[i].kind;
        p->text = strdup(kinds[i].takes ? body + n + 1 : "");
        if (!p->text) {
            return -ENOMEM;
        }
        return p->slot == SLOT_INT    ? parse_int(p->text, p)
               : p->slot == SLOT_PATH ? (path_plain(p->text) ? 0 : -EINVAL)
                                      : 0;
    }
    return -EINVAL;
}

static int parse_word(const char *s, size_t len, struct pattern *p) {
    const char *open = memchr(s, '{', len);
    const char *close = open ? memchr(open, '}', len - (size_t)(open - s)) : memchr(s, '}', len);
    char body[512];
    size_t n;

    if (len >= 2 && s[0] == '"' && s[len - 1] == '"') { /* a literal with blanks or braces */
        p->prefix = strndup(s + 1, len - 2);
        return p->prefix && !strchr(p->prefix, '"') ? 0 : -EINVAL;
    }
    if (!open) {
        p->prefix = strndup(s, len);
        return p->prefix && !close && !memchr(s, '"', len) ? 0 : -EINVAL;
    }
    n = close ? (size_t)(close - open) - 1 : 0;
    if (!close || n >= sizeof(body) || memchr(close + 1, '{', len - (size_t)(close + 1 - s)) ||
        memchr(close + 1, '}', len - (size_t)(close + 1 - s))) {
        return -EINVAL;
    }
    memcpy(body, open + 1, n);
    body[n] = '\0';
    p->prefix = strndup(s, (size_t)(open - s));
    p->suffix = strndup(close + 1, len - (size_t)(close + 1 - s));
    return p->prefix && p->suffix ? parse_slot(body, p) : -ENOMEM;
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

int run_parse(const char *text, struct rule *r, size_t line, struct err *e) {
    const char *s = text;

    r->any_run = strcmp(text, "ANY") == 0;
    if (r->any_run) {
        return 0;
    }
    while (*(s += strspn(s, " "))) {
        size_t n = word_len(s);
        struct pattern *v;

        if (!n) {
            return bad(e, line, "a quote or brace is not closed");
        }
        v = reallocarray(r->run, r->n_run + 1, sizeof(*v));
        if (!v) {
            return err_set(e, -ENOMEM, "out of memory");
        }
        r->run = v;
        v += r->n_run++;
        *v = (struct pattern){0};
        if (parse_word(s, n, v) < 0) {
            return bad(e, line,
                       "slots are {int a-b} {name} {unit} {path /below} {one-of a|b}, one a word");
        }
        s += n;
    }
    if (!r->n_run || r->run[0].slot != SLOT_NONE || r->run[0].prefix[0] != '/') {
        return bad(e, line, "must begin with an absolute path, written out");
    }
    return 0;
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

static bool slot_matches(const struct pattern *p, const char *s) {
    size_t below = strlen(p->text);
    uint64_t v;

    if (!*s || *s == '-' || strlen(s) > SLOT_MAX) {
        return false;
    }
    for (const char *c = s; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            return false;
        }
    }
    switch (p->slot) {
    case SLOT_INT:
        return ident_u64(s, &v) == 0 && v >= p->lo && v <= p->hi;
    case SLOT_NAME:
        return *s != '.' && all_in(s, "._-");
    case SLOT_UNIT:
        return *s != '.' && all_in(s, "._-:@");
    case SLOT_PATH:
        return path_plain(s) && strncmp(s, p->text, below) == 0 &&
               (s[below] == '\0' || s[below] == '/');
    case SLOT_ONE_OF:
        return word_in(p->text, '|', s, strlen(s));
    case SLOT_NONE:
    default:
        return false;
    }
}

static bool word_matches(const struct pattern *p, const char *arg) {
    char middle[SLOT_MAX + 1];
    size_t pre = strlen(p->prefix);
    size_t post;
    size_t len = strlen(arg);

    if (p->slot == SLOT_NONE) {
        return strcmp(arg, p->prefix) == 0;
    }
    post = strlen(p->suffix);
    if (len <= pre + post || len - pre - post > SLOT_MAX || memcmp(arg, p->prefix, pre) != 0 ||
        memcmp(arg + len - post, p->suffix, post) != 0) {
        return false;
    }
    memcpy(middle, arg + pre, len - pre - post);
    middle[len - pre - post] = '\0';
    return slot_matches(p, middle);
}

bool run_matches(const struct rule *r, const struct node_request *q) {
    if (r->any_run) {
        return true;
    }
    if (r->n_run != q->n_args) {
        return false;
    }
    for (size_t i = 0; i < r->n_run; i++) {
        if (!word_matches(&r->run[i], q->arg[i])) {
            return false;
        }
    }
    return true;
}
