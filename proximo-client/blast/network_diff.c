/* SPDX-License-Identifier: Apache-2.0 */
/* What runs on a node while changes of its interfaces are staged. The API shows the staged ones,
 * and beside them only the unified difference of the two files; so the lines of the difference are
 * taken back, interface by interface. A line that stands too far from the head of its interface is
 * attributed by what else the difference shows of it; where that is not certain it is said. */
#include "proximo-client/blast/network.h"

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/own.h"
#include "common/pvefile.h"

/* A line, and whose it is in the file as it runs and in the staged one: a line that both have may
 * belong to another interface in each, when the difference is cut where two are alike. */
struct line {
    char sign; /* ' ', '-', '+' */
    char text[400];
    const char *was, *now; /* interfaces; "" = nobody's, or not known. Borrowed */
    bool six_was, six_now;
};

struct taking {
    const js *staged;
    js *running; /* {name: settings} */
    js *heads;   /* {name: {"-": n, "+": n}}: how many of its head lines went and came */
    js *names;   /* keeps the names */
    js *tails;   /* [{was, now, key, value}]: settings past the ends of hunks that moved */
    js *doubts;
};

/* The interface whose lines follow, at some point of one of the files. */
struct open {
    const char *name; /* "" = none */
    bool six;
    bool seen; /* its head is in the hunk */
};

static void split(const char *text, char *key, size_t size, const char **ret_value) {
    const char *s = text + strspn(text, " \t");
    size_t n = strcspn(s, " \t");

    (void)snprintf(key, size, "%.*s", (int)n, s);
    *ret_value = s + n + strspn(s + n, " \t");
}

/* Nothing that counts stands there. */
static bool is_remark(const char *text) {
    return text[0] == '#' || !text[strspn(text, " \t")];
}

/* A setting in the API's shape. */
static void setting(const char *text, bool six, char *key, size_t size, char *value,
                    size_t value_size) {
    char word[80];
    const char *v;

    split(text, word, sizeof(word), &v);
    if (strcmp(word, "address") == 0 || strcmp(word, "gateway") == 0 ||
        strcmp(word, "netmask") == 0) {
        (void)snprintf(key, size, "%.60s%s", strcmp(word, "address") == 0 ? "cidr" : word,
                       six || strchr(v, ':') ? "6" : "");
    } else {
        (void)snprintf(key, size, "%s", pvefile_net_key(word));
    }
    v = strcmp(key, "bridge_ports") == 0 && strcmp(v, "none") == 0 ? "" : v;
    v = strcmp(key, "bridge_vlan_aware") == 0 ? "1" : v;
    (void)snprintf(value, value_size, "%s", v);
}

/* "iface NAME inet static": where the lines of an interface begin. */
static bool is_head(const char *text, char *name, size_t size, char *family, size_t family_size,
                    char *method, size_t method_size) {
    char key[16];
    const char *v;

    split(text, key, sizeof(key), &v);
    if (strcmp(key, "iface") != 0) {
        return false;
    }
    split(v, name, size, &v);
    split(v, family, family_size, &v);
    split(v, method, method_size, &v);
    return true;
}

static bool is_other_head(const char *text) {
    static const char *const words[] = {"auto", "source", "mapping", "source-directory",
                                        "allow-auto"};
    char key[40];
    const char *v;

    split(text, key, sizeof(key), &v);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(words[i], key) == 0) {
            return true;
        }
    }
    return strncmp(key, "allow-", 6) == 0;
}

static const char *keep_name(struct taking *t, const char *name) {
    js *s = js_str(name);

    js_push(t->names, s);
    return json_object_get_string(s);
}

static js *settings_of(struct taking *t, const char *name) {
    const js *staged;
    js *o = js_get(t->running, name);

    if (o) {
        return o;
    }
    staged = list_row(t->staged, "iface", name);
    o = staged ? js_copy(staged) : js_object();
    js_add(o, "iface", js_str(name));
    js_add(t->running, name, o);
    return o;
}

static void count_head(struct taking *t, const char *name, char sign) {
    const char key[2] = {sign, '\0'};
    js *o = js_get(t->heads, name);

    if (!o) {
        o = js_object();
        js_add(t->heads, name, o);
    }
    js_add(o, key, js_int(js_int_or(o, key, 0) + 1));
}

/* ---- whose lines are they? ---- */

/* A line with another sign than '-' stands in the staged file. */
static bool fits(const js *iface, const struct line *l) {
    char key[80];
    char value[400];
    char tmp[24];
    const char *have;

    if (l->sign == '-' || is_remark(l->text)) {
        return true;
    }
    setting(l->text, false, key, sizeof(key), value, sizeof(value));
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

        split(l[i].text, family, sizeof(family), &names);
        if (l[i].sign != '-' && strcmp(family, "auto") == 0) {
            split(names, name, sizeof(name), &names);
            *ret_next = list_row(t->staged, "iface", name);
            return strcmp(name, "lo") != 0;
        }
        if (l[i].sign == '-' || !is_head(l[i].text, name, sizeof(name), family, sizeof(family),
                                         method, sizeof(method))) {
            continue;
        }
        *ret_next = list_row(t->staged, "iface", name);
        families = js_get(*ret_next, "families");
        *ret_same =
            js_len(families) > 1 && strcmp(json_object_get_string(js_at(families, 1)), family) == 0;
        return strcmp(name, "lo") != 0;
    }
    return true;
}

static bool ends_before(const struct line *l) {
    char word[64];

    return is_head(l->text, word, sizeof(word), word, sizeof(word), word, sizeof(word)) ||
           is_other_head(l->text);
}

/* To whom the lines before the hunk's first head belong. */
static void attribute(struct taking *t, const struct line *l, size_t n, struct open *ret) {
    size_t first = 0;
    bool counts = false; /* remarks are not worth a doubt */
    bool is_same = false;
    const js *next = NULL;
    const js *mine = NULL;

    for (; first < n && !ends_before(&l[first]); first++) {
        counts = counts || (l[first].sign != ' ' && !is_remark(l[first].text));
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

/* ---- taking back ---- */

static void families_of(js *o, const char *family, bool add) {
    CLEANUP(js_freep) js *old = js_ref(js_get(o, "families"));
    js *list = js_array();

    for (size_t i = 0; i < js_len(old); i++) {
        if (strcmp(json_object_get_string(js_at(old, i)), family) != 0) {
            js_push(list, js_ref(js_at(old, i)));
        }
    }
    if (add) {
        js_push(list, js_str(family));
    }
    js_add(o, "families", list);
}

static void take_head(struct taking *t, const struct line *l) {
    char name[64];
    char family[16];
    char method[24];
    bool six;

    (void)is_head(l->text, name, sizeof(name), family, sizeof(family), method, sizeof(method));
    six = strcmp(family, "inet6") == 0;
    count_head(t, name, l->sign);
    families_of(settings_of(t, name), six ? "inet6" : "inet", l->sign == '-');
    js_add(settings_of(t, name), six ? "method6" : "method",
           js_str(l->sign == '-' ? method : "manual"));
}

static void take_auto(struct taking *t, const struct line *l) {
    char key[40];
    char name[64];
    const char *v;

    split(l->text, key, sizeof(key), &v);
    if (strcmp(key, "auto") != 0 && strncmp(key, "allow-", 6) != 0) {
        return;
    }
    while (*v) {
        split(v, name, sizeof(name), &v);
        if (l->sign == '-') {
            js_add(settings_of(t, name), "autostart", js_int(1));
        } else {
            json_object_object_del(settings_of(t, name), "autostart");
        }
    }
}

static void take_comment(js *o, const char *text, bool back) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 16);
    const char *have = js_str_or(o, "comments", "");
    char want[402];
    const char *at;

    if (text[0] != '#') {
        return;
    }
    (void)snprintf(want, sizeof(want), "%s\n", text + 1);
    if (back) {
        js_addf(o, "comments", "%s%s", have, want);
        return;
    }
    at = strstr(have, want);
    (void)buf_add(&b, have, at ? (size_t)(at - have) : strlen(have));
    (void)buf_adds(&b, at ? at + strlen(want) : "");
    js_add(o, "comments", b.len ? js_str(buf_str(&b)) : NULL);
}

/* Puts a line's setting back into the interface that had it, or takes it from the one that has it.
 */
static void take_setting(struct taking *t, const struct line *l, bool back) {
    const char *name = back ? l->was : l->now;
    char key[80];
    char value[400];
    js *o;

    if (!name[0]) {
        return; /* told, when it counts */
    }
    o = settings_of(t, name);
    if (is_remark(l->text)) {
        take_comment(o, l->text, back);
        return;
    }
    setting(l->text, back ? l->six_was : l->six_now, key, sizeof(key), value, sizeof(value));
    if (back) {
        js_add(o, key, js_str(value));
    } else if (js_get(o, key)) {
        json_object_object_del(o, key);
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
        if (is_head(l[i].text, name, sizeof(name), family, sizeof(family), method,
                    sizeof(method))) {
            at = (struct open){keep_name(t, name), strcmp(family, "inet6") == 0, true};
        } else if (is_other_head(l[i].text) || !l[i].text[strspn(l[i].text, " \t")]) {
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

static bool is_moved(const struct line *l) {
    return l->sign == ' ' && (strcmp(l->was, l->now) != 0 || l->six_was != l->six_now);
}

/* First what came is taken away, then what went is put back: a line that only moved stays. */
static void take_lines(struct taking *t, const struct line *l, size_t n, bool back) {
    for (size_t i = 0; i < n; i++) {
        bool mine = l[i].sign == (back ? '-' : '+');

        if (mine && ends_before(&l[i])) {
            is_other_head(l[i].text) ? take_auto(t, &l[i]) : take_head(t, &l[i]);
        } else if (mine || is_moved(&l[i])) {
            take_setting(t, &l[i], back);
        }
    }
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

        if (l[i].sign != '-' && strcmp(l[i].now, now->name) == 0 && !ends_before(&l[i])) {
            setting(l[i].text, now->six, key, sizeof(key), value, sizeof(value));
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

static void take_tails(struct taking *t, bool back) {
    for (size_t i = 0; i < js_len(t->tails); i++) {
        const js *tail = js_at(t->tails, i);
        js *o = settings_of(t, js_str_or(tail, back ? "was" : "now", ""));
        const char *key = js_str_or(tail, "key", "");

        if (back) {
            js_add(o, key, js_copy(js_get(tail, "value")));
        } else {
            json_object_object_del(o, key);
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

static const char *type_of(const char *name, const js *o) {
    return js_get(o, "bridge_ports")      ? "bridge"
           : js_get(o, "slaves")          ? "bond"
           : js_get(o, "ovs_type")        ? js_str_or(o, "ovs_type", "")
           : js_get(o, "vlan-raw-device") ? "vlan"
           : strchr(name, ':')            ? "alias"
           : strchr(name, '.')            ? "vlan"
                                          : "eth";
}

/* Whether it was there at all before: with all of its heads new it was not. */
static bool was_there(const struct taking *t, const char *name) {
    const js *heads = js_get(t->heads, name);
    const js *staged = list_row(t->staged, "iface", name);
    int64_t gone = js_int_or(heads, "-", 0);
    int64_t came = js_int_or(heads, "+", 0);
    int64_t now = staged ? (int64_t)js_len(js_get(staged, "families")) : 0;

    return now - came + gone > 0 || !heads;
}

static js *finish(const struct taking *t) {
    js *list = js_array();

    for (size_t i = 0; i < js_len(t->staged); i++) {
        const char *name = js_str_or(js_at(t->staged, i), "iface", "");
        js *o = js_get(t->running, name);

        if (!o) {
            js_push(list, js_copy(js_at(t->staged, i)));
        } else if (was_there(t, name)) {
            js_push(list, js_ref(o));
        }
    }
    JS_FOREACH(t->running, name, o) {
        if (!list_row(t->staged, "iface", name) && was_there(t, name) && strcmp(name, "lo") != 0) {
            js_add(o, "type", js_str(type_of(name, o)));
            js_push(list, js_ref(o));
        }
    }
    return list;
}

/* ovs_options hold a tag, and a VLAN's name what else says where it belongs. */
static void complete(js *list) {
    for (size_t i = 0; i < js_len(list); i++) {
        js *o = js_at(list, i);
        const char *tag = strstr(js_str_or(o, "ovs_options", ""), "tag=");

        if (tag && !js_get(o, "ovs_tag")) {
            js_add(o, "ovs_tag", js_str_n(tag + 4, strspn(tag + 4, "0123456789")));
        }
        if (!js_get(o, "families")) {
            js_add(o, "families", js_array());
        }
    }
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
    take_lines(t, l, n, false);
    take_tails(t, false);
    take_lines(t, l, n, true);
    take_tails(t, true);
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
    list = finish(&t);
    complete(list);
    json_object_put(t.running);
    json_object_put(t.heads);
    json_object_put(t.names);
    json_object_put(t.tails);
    return list;
}
