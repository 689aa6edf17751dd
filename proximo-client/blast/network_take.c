/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a staged difference taken back, once it is known whose each of them is. */
#include "proximo-client/blast/network_diff.h"

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/own.h"

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

static void families_of(js *o, const char *family, bool add) {
    CLEANUP(js_freep) js *old = js_ref(js_get(o, "families"));
    js *list = js_array();

    for (size_t i = 0; i < js_len(old); i++) {
        if (strcmp(family_text(old, i), family) != 0) {
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

    (void)netline_is_head(l->text, name, sizeof(name), family, sizeof(family), method,
                          sizeof(method));
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

    netline_split(l->text, key, sizeof(key), &v);
    if (strcmp(key, "auto") != 0 && strncmp(key, "allow-", 6) != 0) {
        return;
    }
    while (*v) {
        netline_split(v, name, sizeof(name), &v);
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
    if (netline_is_remark(l->text)) {
        take_comment(o, l->text, back);
        return;
    }
    netline_setting(l->text, back ? l->six_was : l->six_now, key, sizeof(key), value,
                    sizeof(value));
    if (back) {
        js_add(o, key, js_str(value));
    } else if (js_get(o, key)) {
        json_object_object_del(o, key);
    }
}

static bool is_moved(const struct line *l) {
    return l->sign == ' ' && (strcmp(l->was, l->now) != 0 || l->six_was != l->six_now);
}

/* First what came is taken away, then what went is put back: a line that only moved stays. */
void net_take_lines(struct taking *t, const struct line *l, size_t n, bool back) {
    for (size_t i = 0; i < n; i++) {
        bool mine = l[i].sign == (back ? '-' : '+');

        if (mine && netline_ends_before(l[i].text)) {
            netline_is_other_head(l[i].text) ? take_auto(t, &l[i]) : take_head(t, &l[i]);
        } else if (mine || is_moved(&l[i])) {
            take_setting(t, &l[i], back);
        }
    }
}

void net_take_tails(struct taking *t, bool back) {
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

js *net_taken(const struct taking *t) {
    js *list = js_array();

    for (size_t i = 0; i < js_len(t->staged); i++) {
        const char *name = js_str_or(js_at(t->staged, i), "iface", "");
        js *o = js_get(t->running, name);

        if (!js_is_object(js_at(t->staged, i))) {
            continue; /* no interface, whatever the API means by it */
        }
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
    complete(list);
    return list;
}
