/* SPDX-License-Identifier: Apache-2.0 */
/* Changing security groups, IP sets and aliases. A group that is renamed takes its rules along
 * everywhere, a set or an alias does not; both must be empty before they go. */
#include "proximo-client/sim/firewall.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"

static void set_comment(struct call *c, js *o) {
    const char *comment = call_str(c, "comment");

    if (comment) {
        js_add(o, "comment", js_str(comment));
    }
}

static void rename_in(struct call *c, const char *old, const char *name, const char *const at[3]) {
    const js *rules =
        state_get(&c->s->st, at[0], at[1], at[2] ? at[2] : "rules", at[2] ? "rules" : NULL, NULL);
    js *copy = js_is_array(rules) ? js_copy(rules) : NULL;

    for (size_t i = 0; i < js_len(copy); i++) {
        js *r = js_at(copy, i);

        if (strcmp(js_str_or(r, "type", ""), "group") == 0 &&
            strcmp(js_str_or(r, "action", ""), old) == 0) {
            js_add(r, "action", js_str(name));
        }
    }
    if (copy && at[2]) {
        state_set(&c->s->st, copy, at[0], at[1], at[2], "rules", NULL);
    } else if (copy) {
        state_set(&c->s->st, copy, at[0], at[1], "rules", NULL);
    }
}

static void rename_everywhere(struct call *c, const char *old, const char *name) {
    static const char *const scopes[] = {"nodes", "guests"};

    rename_in(c, old, name, (const char *const[3]){"firewall", "cluster", NULL});
    for (size_t i = 0; i < 2; i++) {
        CLEANUP(js_freep) js *all = NULL;
        const js *now = state_get(&c->s->st, "firewall", scopes[i], NULL);

        all = now ? js_copy(now) : NULL;
        JS_FOREACH(all, key, v) {
            (void)v;
            rename_in(c, old, name, (const char *const[3]){"firewall", scopes[i], key});
        }
    }
}

/* POST to a list of names: makes one, or with `rename` gives one another name or comment. */
static int make(struct call *c, const char *part, const char *key, const char *items,
                const char *word) {
    CLEANUP(js_freep) js *all = NULL;
    CLEANUP(js_freep) js *list = NULL;
    const char *name = call_str(c, key), *old = call_str(c, "rename");
    struct fw_scope f;
    js *o;

    if (fw_scope(c, &f) < 0) {
        return -1;
    }
    all = fw_part(&f, part, false);
    list = fw_named_list(all, key);
    if (old && fw_unchanged(c, list) < 0) {
        return -1;
    }
    if (old && !js_get(all, old)) {
        return call_param_error(c, key, "%s '%s' does not exist", word, old);
    }
    if (js_get(all, name) && (!old || strcmp(old, name) != 0)) {
        return call_param_error(c, key, "%s '%s' %s", word, name,
                                old ? "does already exist" : "already exists");
    }
    if (old) {
        o = js_ref(js_get(all, old));
        json_object_object_del(all, old);
    } else {
        o = js_object();
        js_add(o, items, js_array());
    }
    set_comment(c, o);
    js_add(all, name, o);
    fw_put(c, &f, part, TAKE(all));
    if (old && strcmp(old, name) != 0 && strcmp(part, "groups") == 0) {
        rename_everywhere(c, old, name);
    }
    return 0;
}

static int drop(struct call *c, const char *part, const char *key, const char *items,
                const char *word, const char *none) {
    CLEANUP(js_freep) js *all = NULL;
    const char *name = call_str(c, key);
    struct fw_scope f;

    if (fw_scope(c, &f) < 0) {
        return -1;
    }
    all = fw_part(&f, part, false);
    if (!js_get(all, name)) {
        return none ? call_fail(c, 500, "no such %s '%s'", none, name) : 0;
    }
    if (js_len(js_get(js_get(all, name), items)) && !call_bool(c, "force", false)) {
        return call_fail(c, 500, "%s '%s' is not empty", word, name);
    }
    json_object_object_del(all, name);
    fw_put(c, &f, part, TAKE(all));
    return 0;
}

int route_fw_group_create(struct call *c) {
    return make(c, "groups", "group", "rules", "Security group");
}
int route_fw_group_delete(struct call *c) {
    return drop(c, "groups", "group", "rules", "Security group", NULL);
}
int route_fw_ipset_create(struct call *c) {
    return make(c, "ipset", "name", "entries", "IPSet");
}
int route_fw_ipset_delete(struct call *c) {
    return drop(c, "ipset", "name", "entries", "IPSet", "IPSet");
}

/* Host bits away and full prefixes left out, as PVE writes them. false: it is no address. */
static bool clean_cidr(const char *text, char *ret, size_t size) {
    char addr[INET6_ADDRSTRLEN];
    unsigned char b[16];
    size_t n = strcspn(text, "/");
    bool v6 = strchr(text, ':') != NULL;
    uint32_t bits = v6 ? 128 : 32, len = bits;

    if (n >= sizeof(addr) || (text[n] && (ident_u32(text + n + 1, &len) < 0 || len > bits))) {
        return false;
    }
    (void)snprintf(addr, sizeof(addr), "%.*s", (int)n, text);
    if (inet_pton(v6 ? AF_INET6 : AF_INET, addr, b) != 1) {
        return false;
    }
    for (uint32_t i = len; i < bits; i++) {
        b[i / 8] = (unsigned char)(b[i / 8] & ~(0x80u >> (i % 8)));
    }
    if (!inet_ntop(v6 ? AF_INET6 : AF_INET, b, addr, sizeof(addr))) {
        return false;
    }
    if (len == bits) {
        (void)snprintf(ret, size, "%s", addr);
    } else {
        (void)snprintf(ret, size, "%s/%u", addr, len);
    }
    return true;
}

/* The set of the path, its entries as a copy. */
struct set {
    struct fw_scope f;
    js *all; /* owned */
    js *entries;
};

static void set_done(struct set *s) {
    js_freep(&s->all);
}

static int set_open(struct call *c, struct set *s) {
    js *set;

    if (fw_scope(c, &s->f) < 0) {
        return -1;
    }
    s->all = fw_part(&s->f, "ipset", false);
    set = js_get(s->all, call_str(c, "name"));
    if (!set) {
        return call_fail(c, 500, "no such IPSet '%s'", call_str(c, "name"));
    }
    if (!js_is_array(js_get(set, "entries"))) {
        js_add(set, "entries", js_array());
    }
    s->entries = js_get(set, "entries");
    return 0;
}

static size_t entry_at(const js *entries, const char *cidr) {
    size_t i = 0;

    while (i < js_len(entries) && strcmp(js_str_or(js_at(entries, i), "cidr", ""), cidr) != 0) {
        i++;
    }
    return i;
}

static bool alias_exists(struct call *c, const struct fw_scope *f, const char *name) {
    const char *slash = strchr(name, '/');
    const char *bare = slash ? slash + 1 : name;

    return (f->at[2] && js_get(js_get(f->now, "aliases"), bare)) ||
           state_get(&c->s->st, "firewall", "cluster", "aliases", bare, NULL);
}

int route_fw_entry_create(struct call *c) {
    CLEANUP(set_done) struct set s = {0};
    const char *cidr = call_str(c, "cidr");
    char clean[80];
    js *entry, *list;

    if (set_open(c, &s) < 0) {
        return -1;
    }
    if (clean_cidr(cidr, clean, sizeof(clean))) {
        cidr = clean;
    } else if (!alias_exists(c, &s.f, cidr)) {
        return call_fail(c, 500, "no such alias '%s'", cidr);
    }
    if (entry_at(s.entries, cidr) < js_len(s.entries)) {
        return call_param_error(c, "cidr", "address '%s' already exists", cidr);
    }
    if (strlen(cidr) > 2 && strcmp(cidr + strlen(cidr) - 2, "/0") == 0) {
        return call_param_error(c, "cidr", "a zero prefix is not allowed in ipset entries");
    }
    entry = js_object();
    js_add(entry, "cidr", js_str(cidr));
    if (call_bool(c, "nomatch", false)) {
        js_add(entry, "nomatch", js_int(1));
    }
    set_comment(c, entry);
    list = js_array();
    js_push(list, entry);
    for (size_t i = 0; i < js_len(s.entries); i++) {
        js_push(list, js_ref(js_at(s.entries, i)));
    }
    js_add(js_get(s.all, call_str(c, "name")), "entries", list);
    fw_put(c, &s.f, "ipset", TAKE(s.all));
    return 0;
}

static int entry_change(struct call *c, bool gone) {
    CLEANUP(set_done) struct set s = {0};
    js *list, *e;
    size_t at;

    if (set_open(c, &s) < 0 || fw_unchanged(c, s.entries) < 0) {
        return -1;
    }
    at = entry_at(s.entries, call_str(c, "cidr"));
    if (at >= js_len(s.entries)) {
        return call_param_error(c, "cidr", "no such IP/Network");
    }
    list = js_array();
    for (size_t i = 0; i < js_len(s.entries); i++) {
        if (i != at || !gone) {
            js_push(list, js_ref(js_at(s.entries, i)));
        }
    }
    if (!gone) { /* what an update does not name goes */
        e = js_at(list, at);
        json_object_object_del(e, "nomatch");
        json_object_object_del(e, "comment");
        if (call_bool(c, "nomatch", false)) {
            js_add(e, "nomatch", js_int(1));
        }
        set_comment(c, e);
    }
    js_add(js_get(s.all, call_str(c, "name")), "entries", list);
    fw_put(c, &s.f, "ipset", TAKE(s.all));
    return 0;
}

int route_fw_entry_update(struct call *c) {
    return entry_change(c, false);
}
int route_fw_entry_delete(struct call *c) {
    return entry_change(c, true);
}

/* ---- aliases ---- */

static int alias_value(struct call *c, js **ret) {
    const char *cidr = call_str(c, "cidr");
    char clean[80];

    if (!clean_cidr(cidr, clean, sizeof(clean))) {
        return call_param_error(c, "cidr",
                                "invalid format - value does not look like a valid IP address or "
                                "CIDR network\n");
    }
    *ret = js_object();
    js_add(*ret, "cidr", js_str(clean));
    js_add(*ret, "ipversion", js_int(strchr(clean, ':') ? 6 : 4));
    set_comment(c, *ret);
    return 0;
}

int route_fw_alias_create(struct call *c) {
    CLEANUP(js_freep) js *all = NULL;
    struct fw_scope f;
    js *o = NULL;

    if (fw_scope(c, &f) < 0) {
        return -1;
    }
    all = fw_part(&f, "aliases", false);
    if (js_get(all, call_str(c, "name"))) {
        return call_param_error(c, "name", "alias '%s' already exists", call_str(c, "name"));
    }
    if (alias_value(c, &o) < 0) {
        return -1;
    }
    js_add(all, call_str(c, "name"), o);
    fw_put(c, &f, "aliases", TAKE(all));
    return 0;
}

int route_fw_alias_update(struct call *c) {
    CLEANUP(js_freep) js *all = NULL;
    CLEANUP(js_freep) js *list = NULL;
    const char *rename = call_str(c, "rename");
    const char *name = call_str(c, "name");
    struct fw_scope f;
    js *o = NULL;

    if (fw_scope(c, &f) < 0) {
        return -1;
    }
    all = fw_part(&f, "aliases", false);
    list = fw_named_list(all, "name");
    if (fw_unchanged(c, list) < 0) {
        return -1;
    }
    if (!js_get(all, name)) {
        return call_param_error(c, "name", "no such alias");
    }
    if (rename && strcmp(rename, name) != 0 && js_get(all, rename)) {
        return call_param_error(c, "name", "alias '%s' already exists", rename);
    }
    if (alias_value(c, &o) < 0) {
        return -1;
    }
    if (rename && strcmp(rename, name) != 0) {
        json_object_object_del(all, name);
    }
    js_add(all, rename ? rename : name, o);
    fw_put(c, &f, "aliases", TAKE(all));
    return 0;
}

int route_fw_alias_delete(struct call *c) {
    CLEANUP(js_freep) js *all = NULL;
    CLEANUP(js_freep) js *list = NULL;
    struct fw_scope f;

    if (fw_scope(c, &f) < 0) {
        return -1;
    }
    all = fw_part(&f, "aliases", false);
    list = fw_named_list(all, "name");
    if (fw_unchanged(c, list) < 0) {
        return -1;
    }
    json_object_object_del(all, call_str(c, "name")); /* none of that name: no error, seen */
    fw_put(c, &f, "aliases", TAKE(all));
    return 0;
}
