/* SPDX-License-Identifier: Apache-2.0 */
/* Firewall files of cluster, host and guest. A rule that cannot be read in full is not taken at
 * all: half a rule would match more than what was meant; PVE leaves such rules out too. */
#include <stdio.h>
#include <string.h>

#include "common/own.h"
#include "common/pvefile_int.h"

enum section { NONE, OPTIONS, ALIASES, IPSET, RULES };
struct reader {
    struct pve_text t;
    enum section in;
    js *into; /* the list or object that lines of the open section go into */
    js *root;
};

/* Cuts " # comment" off the end of a line; *ret_n: what is before it. NULL: there is none. */
static js *comment_of(const struct pve_text *t, const char *s, size_t n, size_t *ret_n) {
    const char *hash = memchr(s, '#', n);
    size_t before = hash ? (size_t)(hash - s) : n;
    size_t at = before + 1;
    js *text = NULL;

    if (hash) {
        at += pve_blanks(s + at, n - at);
        text = at < n ? pve_value(t, s + at, n - at) : NULL;
    }
    while (before && pve_is_blank(s[before - 1])) {
        before--;
    }
    *ret_n = before;
    return text;
}

static void add_comment(js *o, js *comment) {
    if (comment) {
        js_add(o, "comment", comment);
    }
}

static js *lower(const struct pve_text *t, const char *s, size_t n) {
    js *v = pve_value(t, s, n);
    char text[128];
    size_t len = 0;

    for (const char *c = json_object_get_string(v); *c && len + 1 < sizeof(text); c++) {
        text[len++] = *c >= 'A' && *c <= 'Z' ? (char)(*c | 0x20) : *c;
    }
    text[len] = '\0';
    js_freep(&v);
    return js_str_n(text, len);
}

/* "[group name] # comment": kind and name are words. */
static void open_section(struct reader *r, const char *s, size_t n) {
    size_t end = 0;
    js *comment = comment_of(&r->t, s, n, &end);
    size_t word, at;

    r->in = NONE;
    r->into = NULL;
    if (end < 3 || s[end - 1] != ']') {
        pve_note(&r->t, "is no head of a section");
        js_freep(&comment);
        return;
    }
    s++;
    end -= 2;
    word = pve_word(s, end);
    at = word + pve_blanks(s + word, end - word);
    if (pve_is(s, end, "options")) {
        r->in = OPTIONS;
        r->into = js_get(r->root, "options");
    } else if (pve_is(s, end, "aliases")) {
        r->in = ALIASES;
        r->into = js_get(r->root, "aliases");
    } else if (pve_is(s, end, "rules")) {
        r->in = RULES;
        r->into = js_get(r->root, "rules");
    } else if (at < end && pve_word(s + at, end - at) == end - at &&
               (pve_is(s, word, "group") || pve_is(s, word, "ipset"))) {
        bool is_set = pve_is(s, word, "ipset");
        js *name = lower(&r->t, s + at, end - at);
        js *o =
            pve_member(js_get(r->root, is_set ? "ipsets" : "groups"), json_object_get_string(name));

        js_freep(&name);
        add_comment(o, TAKE(comment));
        r->in = is_set ? IPSET : RULES;
        r->into = js_get(o, is_set ? "entries" : "rules");
        if (!r->into) {
            r->into = js_array();
            js_add(o, is_set ? "entries" : "rules", r->into);
        }
    } else {
        pve_note(&r->t, "is a section of a kind we do not know");
    }
    js_freep(&comment);
}

static void option_line(struct reader *r, const char *s, size_t n) {
    const char *colon = memchr(s, ':', n);
    size_t key = colon ? (size_t)(colon - s) : 0;
    size_t at = key + 1;

    while (key && pve_is_blank(s[key - 1])) {
        key--;
    }
    at += colon ? pve_blanks(s + at, n - at) : 0;
    if (!key || at >= n) {
        pve_note(&r->t, "is no option");
        return;
    }
    pve_add(r->into, s, key, pve_value(&r->t, s + at, n - at));
}

static void alias_line(struct reader *r, const char *s, size_t n) {
    size_t end = 0;
    js *comment = comment_of(&r->t, s, n, &end);
    size_t name = pve_word(s, end);
    size_t at = name + pve_blanks(s + name, end - name);
    js *o, *key;

    if (!name || at >= end || pve_word(s + at, end - at) < end - at) {
        pve_note(&r->t, "is no alias");
        js_freep(&comment);
        return;
    }
    o = js_object();
    js_add(o, "name", pve_value(&r->t, s, name));
    js_add(o, "cidr", pve_value(&r->t, s + at, end - at));
    add_comment(o, comment);
    key = lower(&r->t, s, name);
    js_add(r->into, json_object_get_string(key), o);
    js_freep(&key);
}

static void ipset_line(struct reader *r, const char *s, size_t n) {
    size_t end = 0;
    js *comment = comment_of(&r->t, s, n, &end);
    bool is_not = end > 0 && *s == '!';
    size_t at = is_not ? 1 + pve_blanks(s + 1, end - 1) : 0;
    js *o;

    if (at >= end || pve_word(s + at, end - at) < end - at) {
        pve_note(&r->t, "is no entry of an IP set");
        js_freep(&comment);
        return;
    }
    o = js_object();
    js_add(o, "cidr", pve_value(&r->t, s + at, end - at));
    if (is_not) {
        js_add(o, "nomatch", js_int(1));
    }
    add_comment(o, comment);
    js_push(r->into, o);
}

/* "-dport 22", "--proto tcp": the name in the API, or NULL. */
static const char *rule_option(const char *s, size_t n) {
    static const char *const names[][2] = {
        {"i", "iface"},       {"p", "proto"},   {"proto", "proto"},
        {"source", "source"}, {"dest", "dest"}, {"dport", "dport"},
        {"sport", "sport"},   {"log", "log"},   {"icmp-type", "icmp-type"},
    };
    size_t dashes = n > 1 && s[0] == '-' ? (n > 2 && s[1] == '-' ? 2 : 1) : 0;

    for (size_t i = 0; dashes && i < ARRAY_LEN(names); i++) {
        if (strlen(names[i][0]) == n - dashes && memcmp(names[i][0], s + dashes, n - dashes) == 0) {
            return names[i][1];
        }
    }
    return NULL;
}

/* HTTP(ACCEPT) is a macro with its action; GROUP's action is the group's name. */
static void add_action(const struct reader *r, js *rule, const char *s, size_t n) {
    const char *open = memchr(s, '(', n);

    if (open && open > s && s[n - 1] == ')' && (size_t)(open - s) + 2 < n) {
        js_add(rule, "macro", pve_value(&r->t, s, (size_t)(open - s)));
        js_add(rule, "action", pve_value(&r->t, open + 1, n - (size_t)(open - s) - 2));
    } else {
        js_add(rule, "action", pve_value(&r->t, s, n));
    }
}

static bool add_options(const struct reader *r, js *rule, const char *s, size_t n) {
    while (n) {
        size_t word = pve_word(s, n);
        size_t at = word + pve_blanks(s + word, n - word);
        size_t value = pve_word(s + at, n - at);
        const char *key = rule_option(s, word);

        if (!key || !value) {
            return false;
        }
        js_add(rule, key, pve_value(&r->t, s + at, value));
        at += value;
        at += pve_blanks(s + at, n - at);
        s += at;
        n -= at;
    }
    return true;
}

static js *read_rule(const struct reader *r, const char *s, size_t n) {
    static const char *const types[] = {"in", "out", "forward", "group"};
    CLEANUP(js_freep) js *rule = js_object();
    bool off = n > 0 && *s == '|';
    size_t type, action, at;

    s += off;
    n -= off;
    type = pve_word(s, n);
    at = type + pve_blanks(s + type, n - type);
    action = pve_word(s + at, n - at);
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (pve_is(s, type, types[i])) {
            js_add(rule, "type", js_str(types[i]));
        }
    }
    if (!js_get(rule, "type") || !action) {
        return NULL;
    }
    js_add(rule, "enable", js_int(!off));
    add_action(r, rule, s + at, action);
    at += action;
    at += pve_blanks(s + at, n - at);
    return add_options(r, rule, s + at, n - at) ? TAKE(rule) : NULL;
}

static void rule_line(struct reader *r, const char *s, size_t n) {
    size_t end = 0;
    js *comment = comment_of(&r->t, s, n, &end);
    js *rule = read_rule(r, s, end);

    if (!rule) {
        pve_note(&r->t, "is no rule that can be read");
        js_freep(&comment);
        return;
    }
    add_comment(rule, comment);
    js_push(r->into, rule);
}

js *pvefile_firewall(const char *text, size_t len, js *notes) {
    struct reader r = {.t = {.text = text, .len = len, .notes = notes}, .root = js_object()};
    const char *s;
    size_t n;

    js_add(r.root, "options", js_object());
    js_add(r.root, "aliases", js_object());
    js_add(r.root, "ipsets", js_object());
    js_add(r.root, "groups", js_object());
    js_add(r.root, "rules", js_array());
    while (pve_line(&r.t, &s, &n)) {
        size_t skip = pve_blanks(s, n);

        s += skip;
        n -= skip;
        if (*s == '#') {
            continue;
        }
        if (*s == '[') {
            open_section(&r, s, n);
        } else if (r.in == OPTIONS) {
            option_line(&r, s, n);
        } else if (r.in == ALIASES) {
            alias_line(&r, s, n);
        } else if (r.in == IPSET) {
            ipset_line(&r, s, n);
        } else if (r.in == RULES) {
            rule_line(&r, s, n);
        } else {
            pve_note(&r.t, "stands in no section that we read");
        }
    }
    return r.root;
}
