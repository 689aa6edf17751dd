/* SPDX-License-Identifier: Apache-2.0 */
/* What runs on a node while changes of its interfaces are staged. The API shows the staged ones,
 * and beside them only the unified difference of the two files; so the lines of the difference are
 * taken back, interface by interface. A line that stands too far from the head of its interface is
 * attributed by what else the difference shows of it; where that is not certain it is said. */
#include "proximo-client/blast/network_diff.h"

#include <stdio.h>
#include <string.h>

#include "common/own.h"

/* The interface whose lines follow, at some point of one of the files. */
struct open {
    const char *name; /* "" = none */
    bool six;
    bool seen; /* its head is in the hunk */
};

static const char *keep_name(struct taking *t, const char *name) {
    js *s = js_str(name);

    js_push(t->names, s);
    return json_object_get_string(s);
}

/* ---- whose lines are they? ---- */

/* A line with another sign than '-' stands in the staged file. */
static bool fits(const js *iface, const struct line *l) {
    char key[80];
    char value[400];
    char tmp[24];
    const char *have;

    if (l->sign == '-' || netline_is_remark(l->text)) {
        return true;
    }
    netline_setting(l->text, false, key, sizeof(key), value, sizeof(value));
    if (strncmp(key, "cidr", 4) == 0 && !strchr(value, '/')) { /* the prefix stands apart */
        return strncmp(js_str_or(iface, key, ""), value, strlen(value)) == 0;
    }
    if (strncmp(key, "netmask", 7) == 0) {
        return true;
    }
    have = value_print(js_get(iface, key), tmp);
    return have ? strcmp(have, value) == 0
                : js_get(iface, "options") != NULL || js_get(iface, "options6") != NULL;
}

static int64_t place(const js *iface) {
    return js_int_or(iface, "priority", 0);
}

/* The interface that fits all lines [0, n) and, where the next one is known, stands right before
 * it. NULL: none, or more than one; of what hardly counts the last will do. */
static const js *owner(const struct taking *t, const struct line *l, size_t n, const js *next,
                       bool counts) {
    const js *found = NULL;
    unsigned int many = 0;

    for (size_t i = 0; i < js_len(t->staged); i++) {
        const js *iface = js_at(t->staged, i);
        bool good = !next || place(iface) < place(next);

        for (size_t k = 0; k < n && good; k++) {
            good = fits(iface, &l[k]);
        }
        if (good && (!found || place(iface) > place(found))) {
            found = iface;
        }
        many += good;
    }
    return many > 1 && !next && counts ? NULL : found;
}

/* The first head of the staged file in a hunk: of an interface (*ret_next), of the loopback, which
 * means that what is before it is the file's own head (false), or none. An interface's second
 * family follows its own first one. */
static bool first_head(const struct taking *t, const struct line *l, size_t n, const js **ret_next,
                       bool *ret_same) {
    char name[64];
    char family[16];
    char method[24];

    for (size_t i = 0; i < n; i++) {
        const js *families;
        const char *names;

        netline_split(l[i].text, family, sizeof(family), &names);
        if (l[i].sign != '-' && strcmp(family, "auto") == 0) {
            netline_split(names, name, sizeof(name), &names);
            *ret_next = list_row(t->staged, "iface", name);
            return strcmp(name, "lo") != 0;
        }
        if (l[i].sign == '-' || !netline_is_head(l[i].text, name, sizeof(name), family,
                                                 sizeof(family), method, sizeof(method))) {
            continue;
        }
        *ret_next = list_row(t->staged, "iface", name);
        families = js_get(*ret_next, "families");
        *ret_same = js_len(families) > 1 && strcmp(family_text(families, 1), family) == 0;
        return strcmp(name, "lo") != 0;
    }
    return true;
}

/* To whom the lines before the hunk's first head belong. */
static void attribute(struct taking *t, const struct line *l, size_t n, struct open *ret) {
    size_t first = 0;
    bool counts = false; /* remarks are not worth a doubt */
    bool is_same = false;
    const js *next = NULL;
    const js *mine = NULL;

    for (; first < n && !netline_ends_before(l[first].text); first++) {
        counts = counts || (l[first].sign != ' ' && !netline_is_remark(l[first].text));
    }
    if (first_head(t, l + first, n - first, &next, &is_same)) {
        mine = is_same ? next : owner(t, l, first, next, counts);
    }
    *ret = (struct open){mine ? js_str_or(mine, "iface", "") : "", is_same, false};
    if (counts && !mine) {
        js_push(t->doubts, js_str("the staged difference does not tell which interface some of its "
                                  "lines belong to"));
    }
}

/* Writes down whose each line of one of the files is. Returns whose lines follow the hunk. */
static struct open walk(struct taking *t, struct line *l, size_t n, char other, struct open at) {
    char name[64];
    char family[16];
    char method[24];

    for (size_t i = 0; i < n; i++) {
        if (l[i].sign == other) {
            continue;
        }
        if (netline_is_head(l[i].text, name, sizeof(name), family, sizeof(family), method,
                            sizeof(method))) {
            at = (struct open){keep_name(t, name), strcmp(family, "inet6") == 0, true};
        } else if (netline_is_other_head(l[i].text) || !l[i].text[strspn(l[i].text, " \t")]) {
            at = (struct open){"", false, true};
        }
        if (other == '+') {
            l[i].was = at.name;
            l[i].six_was = at.six;
        } else {
            l[i].now = at.name;
            l[i].six_now = at.six;
        }
    }
    return at;
}

/* What stands in the file below the head, as the API names it. */
static const char *const in_file[] = {"cidr",
                                      "cidr6",
                                      "gateway",
                                      "gateway6",
                                      "bridge_ports",
                                      "bridge_stp",
                                      "bridge_fd",
                                      "bridge_vlan_aware",
                                      "bridge_vids",
                                      "slaves",
                                      "bond_miimon",
                                      "bond_mode",
                                      "bond_xmit_hash_policy",
                                      "bond-primary",
                                      "mtu",
                                      "vlan-id",
                                      "vlan-raw-device",
                                      "ovs_bridge",
                                      "ovs_ports",
                                      "ovs_bonds",
                                      "comments"};

/* Past the end of a hunk the files are alike, but the lines there belong to `was` in the one and to
 * `now` in the other: they are what the staged interface has beyond what the hunk shows of it. */
static void note_tail(struct taking *t, const struct line *l, size_t n, const struct open *was,
                      const struct open *now) {
    const js *staged = list_row(t->staged, "iface", now->name);
    CLEANUP(js_freep) js *shown = js_object();

    if (strcmp(was->name, now->name) == 0) {
        return;
    }
    if (!now->seen || !staged || js_len(js_get(staged, "families")) != 1 ||
        js_get(staged, "options") || js_get(staged, "options6")) {
        js_push(t->doubts, js_str("the staged difference shows too little of the interfaces that "
                                  "it changes"));
        return;
    }
    for (size_t i = 0; i < n; i++) {
        char key[80];
        char value[400];

        if (l[i].sign != '-' && strcmp(l[i].now, now->name) == 0 &&
            !netline_ends_before(l[i].text)) {
            netline_setting(l[i].text, now->six, key, sizeof(key), value, sizeof(value));
            js_add(shown, l[i].text[0] == '#' ? "comments" : key, js_int(1));
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(in_file); i++) {
        const js *v = js_get(staged, in_file[i]);

        if (v && !js_get(shown, in_file[i])) {
            js *tail = js_object();

            js_add(tail, "was", js_str(was->name));
            js_add(tail, "now", js_str(now->name));
            js_add(tail, "key", js_str(in_file[i]));
            js_add(tail, "value", js_copy(v));
            js_push(t->tails, tail);
        }
    }
}

/* Whose the lines of a hunk are, and what follows it unseen. */
static void read_owners(struct taking *t, struct line *l, size_t n) {
    struct open first = {"", false, false};
    struct open was;
    struct open now;

    attribute(t, l, n, &first);
    was = walk(t, l, n, '+', first);
    now = walk(t, l, n, '-', first);
    note_tail(t, l, n, &was, &now);
}

#define LINES 8000

/* The lines of one hunk. */
static size_t read_hunk(const char **text, struct line *ret, size_t max) {
    size_t n = 0;
    const char *s = *text;

    while (*s == ' ' || *s == '-' || *s == '+' || *s == '\\') {
        size_t len = strcspn(s, "\n");

        if (*s != '\\' && n < max) {
            ret[n] = (struct line){.sign = *s, .was = "", .now = ""};
            (void)snprintf(ret[n].text, sizeof(ret[n].text), "%.*s", (int)len - 1, s + 1);
            n++;
        }
        s += len + (s[len] == '\n');
    }
    *text = s;
    return n;
}

/* All hunks first lose what came, then get back what went: lines move from one to another. */
static void take_back(struct taking *t, const char *changes) {
    CLEANUP(freep) struct line *l = calloc(LINES, sizeof(*l));
    size_t n = 0;

    for (const char *s = changes; l && *s;) {
        size_t len = strcspn(s, "\n");
        bool is_hunk = strncmp(s, "@@", 2) == 0;
        size_t from = n;

        s += len + (s[len] == '\n');
        if (is_hunk) {
            n += read_hunk(&s, l + n, LINES - n);
            read_owners(t, l + from, n - from);
        }
    }
    if (!l || n == LINES) {
        js_push(t->doubts, js_str("the staged difference is too long to read"));
        return;
    }
    net_take_lines(t, l, n, false);
    net_take_tails(t, false);
    net_take_lines(t, l, n, true);
    net_take_tails(t, true);
}

js *net_running(const js *staged, const char *changes, js *doubts) {
    struct taking t = {.staged = staged,
                       .running = js_object(),
                       .heads = js_object(),
                       .names = js_array(),
                       .tails = js_array(),
                       .doubts = doubts};
    js *list;

    take_back(&t, changes);
    list = net_taken(&t);
    json_object_put(t.running);
    json_object_put(t.heads);
    json_object_put(t.names);
    json_object_put(t.tails);
    return list;
}
