/* SPDX-License-Identifier: Apache-2.0 */
/* Rules as the API shows them, compiled into matches on numbers. What PVE leaves out when it builds
 * its tables (a name that does not exist, ports without a protocol, mixed IP versions) is left out
 * here, too, and counted: such a rule looks effective and is not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/blast/fw.h"
#include "proximo-client/blast/picture_int.h"

void *fw_alloc(struct fw_arena *a, size_t n, size_t size) {
    void **slot = picture_grow(&a->p, &a->n, sizeof(*a->p));

    *slot = calloc(n ? n : 1, size);
    if (!*slot) {
        abort();
    }
    return *slot;
}

void fw_arena_done(struct fw_arena *a) {
    for (size_t i = 0; i < a->n; i++) {
        free(a->p[i]);
    }
    free(a->p);
    *a = (struct fw_arena){0};
}

static const char *keep(struct fw_arena *a, const char *s, size_t n) {
    char *copy = fw_alloc(a, n + 1, 1);

    memcpy(copy, s, n);
    return copy;
}

/* A rule's field as text; "" when it is absent. Some values come as numbers. */
static const char *field(struct fw_arena *a, const js *rule, const char *key) {
    const js *v = js_get(rule, key);
    char text[24];

    if (js_is_int(v)) {
        (void)snprintf(text, sizeof(text), "%lld", (long long)js_int_or(rule, key, 0));
        return keep(a, text, strlen(text));
    }
    return js_str_or(rule, key, "");
}

/* One rule on its way. */
struct making {
    struct fw_arena *a;
    const struct fw_scope *dc, *own;
    enum fw_env env;
    const char *type, *action, *macro, *proto, *dport, *sport, *icmp, *source, *dest, *iface;
    unsigned int v;
    const char *broken, *unknown; /* why */
};

static void broken(struct making *m, const char *why) {
    m->broken = m->broken ? m->broken : why;
}

static void set_version(struct making *m, unsigned int v) {
    if (m->v && v && m->v != v) {
        broken(m, "it mixes IPv4 and IPv6 addresses");
    }
    m->v = v ? v : m->v;
}

/* "guest/", "dc/", "sdn/" before a name. */
static const char *scope_cut(const char *name, char ret_scope[static 8]) {
    static const char *const scopes[] = {"guest/", "dc/", "sdn/"};

    ret_scope[0] = 0;
    for (size_t i = 0; i < ARRAY_LEN(scopes); i++) {
        if (strncmp(name, scopes[i], strlen(scopes[i])) == 0) {
            (void)snprintf(ret_scope, 8, "%s", scopes[i]);
            return name + strlen(scopes[i]);
        }
    }
    return name;
}

static const struct fw_set *set_find(struct making *m, const char *name) {
    char scope[8];
    const struct fw_set *s = NULL;
    const char *bare = scope_cut(name, scope);

    if (m->own && (!scope[0] || strcmp(scope, "guest/") == 0)) {
        s = fw_scope_set(m->own, bare);
    }
    if (!s && (!scope[0] || strcmp(scope, "dc/") == 0)) {
        s = fw_scope_set(m->dc, bare);
    }
    if (!s && (strcmp(scope, "sdn/") == 0 || strncmp(bare, "guest-ipam-", 11) == 0)) {
        m->unknown = "it uses an IP set that PVE makes of its SDN, which is not read";
    } else if (!s) {
        broken(m, "its IP set does not exist");
    }
    return s;
}

/* Aliases and set entries are prefixes; ranges are for rules only. */
static bool prefix_parse(const char *s, struct fw_net *ret) {
    return !strchr(s, '-') && fw_net_parse(s, ret);
}

static const js *alias_in(const js *aliases, const char *name) {
    for (size_t i = 0; i < js_len(aliases); i++) {
        if (strcasecmp(js_str_or(js_at(aliases, i), "name", ""), name) == 0) {
            return js_at(aliases, i);
        }
    }
    return NULL;
}

static bool alias_find(const struct fw_scope *dc, const struct fw_scope *own, const char *name,
                       struct fw_net *ret) {
    char scope[8];
    const char *bare = scope_cut(name, scope);
    const js *hit = own && strcmp(scope, "dc/") != 0 ? alias_in(own->aliases, bare) : NULL;

    if (!hit && dc && strcmp(scope, "guest/") != 0) {
        hit = alias_in(dc->aliases, bare);
    }
    return hit && prefix_parse(js_str_or(hit, "cidr", ""), ret);
}

/* Letters first and no colon: an alias and not an IPv6 address ("fe80::1" has one, "ab" may be both
 * but is no address). */
static bool looks_alias(const char *s) {
    char scope[8];
    const char *bare = scope_cut(s, scope);

    return ((bare[0] >= 'a' && bare[0] <= 'z') || (bare[0] >= 'A' && bare[0] <= 'Z')) &&
           !strchr(bare, ':') && !strchr(bare, ',');
}

static void addresses(struct making *m, const char *s, const struct fw_net **ret, size_t *ret_n,
                      const struct fw_set **ret_set) {
    struct fw_net *net = NULL;
    size_t n = 0;
    unsigned int v = 0;

    if (!s[0]) {
        return;
    }
    if (s[0] == '+') {
        *ret_set = set_find(m, s + 1);
        return;
    }
    net = fw_alloc(m->a, strlen(s) / 2 + 1, sizeof(*net));
    if (looks_alias(s)) {
        if (!alias_find(m->dc, m->own, s, &net[0])) {
            broken(m, "its alias does not exist");
        }
        set_version(m, net[0].v);
        *ret = net;
        *ret_n = 1;
        return;
    }
    while (*s) {
        size_t len = strcspn(s, ",");

        if (!fw_net_parse(keep(m->a, s, len), &net[n])) {
            broken(m, "an address in it is none");
            return;
        }
        v = v ? v : net[n].v;
        if (net[n].v != v) {
            broken(m, "it mixes IPv4 and IPv6 addresses");
        }
        n++;
        s += len + (s[len] == ',');
    }
    set_version(m, v);
    *ret = net;
    *ret_n = n;
}

static void ports(struct making *m, const char *s, const struct fw_span **ret, size_t *ret_n) {
    struct fw_span *span = fw_alloc(m->a, strlen(s) / 2 + 1, sizeof(*span));
    size_t n = 0;

    while (*s) {
        size_t len = strcspn(s, ",");
        const char *one = keep(m->a, s, len);
        const char *colon = strchr(one, ':');
        uint32_t lo = 0;
        uint32_t hi = 0;

        if (colon) {
            if (ident_u32(keep(m->a, one, (size_t)(colon - one)), &lo) < 0 ||
                ident_u32(colon + 1, &hi) < 0) {
                broken(m, "a port range in it is none");
            }
        } else if (ident_u32(one, &lo) == 0) {
            hi = lo;
        } else if (fw_port(one) >= 0) {
            lo = hi = (uint32_t)fw_port(one);
        } else {
            m->unknown = "it names a service whose port is not known here";
        }
        if (lo > hi || hi > 65535) {
            broken(m, "a port range in it is none");
        }
        span[n++] = (struct fw_span){lo, hi};
        s += len + (s[len] == ',');
    }
    *ret = span;
    *ret_n = n;
}

static bool is_icmp_name(const char *proto) {
    return strcmp(proto, "icmp") == 0 || strcmp(proto, "icmpv6") == 0 ||
           strcmp(proto, "ipv6-icmp") == 0;
}

/* The ICMP type must be this, too: a macro's line and the rule itself may each name one. */
static void icmp(struct making *m, unsigned int v, const char *name, bool numbers,
                 struct fw_match *ret) {
    struct fw_span type, code;

    if (!name[0]) {
        return;
    }
    if (!fw_icmp(v, name, numbers, &type, &code)) {
        broken(m, "its ICMP type does not exist");
        return;
    }
    if (ret->has_icmp) {
        type.lo = type.lo > ret->icmp_type.lo ? type.lo : ret->icmp_type.lo;
        type.hi = type.hi < ret->icmp_type.hi ? type.hi : ret->icmp_type.hi;
        code.lo = code.lo > ret->icmp_code.lo ? code.lo : ret->icmp_code.lo;
        code.hi = code.hi < ret->icmp_code.hi ? code.hi : ret->icmp_code.hi;
    }
    if (type.lo > type.hi || code.lo > code.hi) {
        broken(m, "it asks for two ICMP types at once");
    }
    ret->has_icmp = true;
    ret->icmp_type = type;
    ret->icmp_code = code;
}

/* Protocol, ports and ICMP type of the rule, or of one of its macro's lines. */
static void protocol(struct making *m, const char *proto, const char *dport, const char *sport,
                     struct fw_match *ret) {
    unsigned int v;

    ret->proto = -1;
    if (!proto[0]) {
        if (dport[0] || sport[0]) {
            broken(m, "it has a port and no protocol");
        }
        return;
    }
    ret->proto = fw_proto(proto);
    if (ret->proto < 0) {
        m->unknown = "it names a protocol that is not known here";
    }
    if (is_icmp_name(proto)) {
        v = strcmp(proto, "icmp") == 0 ? 4 : 6;
        set_version(m, v);
        ret->v = v;
        if (sport[0] || (dport[0] && strcmp(proto, "ipv6-icmp") == 0)) {
            broken(m, "its protocol has no ports");
        } else {
            icmp(m, v, dport, true, ret);
            icmp(m, v, m->icmp, false, ret);
        }
        return;
    }
    if ((dport[0] || sport[0]) && !fw_proto_has_ports(ret->proto)) {
        broken(m, "its protocol has no ports");
    }
    ports(m, dport, &ret->dport, &ret->n_dport);
    ports(m, sport, &ret->sport, &ret->n_sport);
}

static struct fw_rule *add(struct fw_chain *c, struct fw_rule **list, const struct fw_rule *r) {
    struct fw_rule *slot = picture_grow(list, &c->n, sizeof(*slot));

    *slot = *r;
    return slot;
}

/* A field that both the macro and the rule give must be the same. */
static bool agree(const char *macro, const char *own) {
    return !macro || !own[0] || strcmp(macro, own) == 0;
}

/* The macro's lines for each IP version that the rule is for. */
static void expand_macro(struct making *m, struct fw_chain *c, struct fw_rule **list,
                         const struct fw_rule *base) {
    for (unsigned int v = 4; v <= 6; v += 2) {
        struct fw_macro_line line[8];
        size_t n = m->v && m->v != v ? 0 : fw_macro(m->macro, v, line);
        bool ok = true;

        for (size_t i = 0; i < n; i++) {
            ok = ok && agree(line[i].proto, m->proto) && agree(line[i].dport, m->dport) &&
                 agree(line[i].sport, m->sport);
        }
        for (size_t i = 0; ok && i < n; i++) {
            struct making one = *m;
            struct fw_rule r = *base;

            one.v = v;
            r.m.v = v;
            protocol(&one, line[i].proto, line[i].dport ? line[i].dport : m->dport,
                     line[i].sport ? line[i].sport : m->sport, &r.m);
            if (!one.broken) {
                r.m.v = v;
                (void)add(c, list, &r);
            }
        }
    }
}

static void check_macro(struct making *m) {
    struct fw_macro_line line[8];
    size_t n = fw_macro(m->macro, m->v, line);
    bool exists = n > 0 || fw_macro(m->macro, 0, line) > 0;

    if (!exists) {
        broken(m, "its macro does not exist");
    }
    for (size_t i = 0; i < n; i++) {
        if (!agree(line[i].proto, m->proto) || !agree(line[i].dport, m->dport) ||
            !agree(line[i].sport, m->sport)) {
            broken(m, "it says otherwise than its macro");
        }
    }
}

static bool type_fits(enum fw_env env, const char *type) {
    bool forward = strcmp(type, "forward") == 0;
    bool group = strcmp(type, "group") == 0;
    bool inout = strcmp(type, "in") == 0 || strcmp(type, "out") == 0;

    switch (env) {
    case FW_ENV_CLUSTER:
    case FW_ENV_HOST:
        return inout || forward || group;
    case FW_ENV_GUEST:
        return inout || group;
    case FW_ENV_GROUP:
        return inout || forward;
    case FW_ENV_VNET:
        return forward || group;
    }
    return false;
}

static void check_rule(struct making *m) {
    const unsigned int v = strcmp(m->proto, "icmp") == 0 ? 4 : 6;
    const bool is_icmp = is_icmp_name(m->proto);
    struct fw_span type, code;

    if (!type_fits(m->env, m->type)) {
        broken(m, "its type is not for this list");
    }
    if (strcmp(m->type, "group") != 0 && strcmp(m->action, "ACCEPT") != 0 &&
        strcmp(m->action, "DROP") != 0 &&
        (strcmp(m->action, "REJECT") != 0 || strcmp(m->type, "forward") == 0)) {
        broken(m, "its action is not possible");
    }
    if (m->iface[0] && (m->env == FW_ENV_GROUP || m->env == FW_ENV_VNET)) {
        broken(m, "an interface is not for this list");
    }
    if (m->iface[0] && m->env == FW_ENV_GUEST &&
        (strncmp(m->iface, "net", 3) != 0 || strspn(m->iface + 3, "0123456789") == 0 ||
         m->iface[3 + strspn(m->iface + 3, "0123456789")] != 0)) {
        broken(m, "its interface is none of a guest");
    }
    if (m->icmp[0] && (!is_icmp || m->dport[0])) {
        broken(m, "it has an ICMP type and another protocol");
    } else if (m->icmp[0] && !fw_icmp(v, m->icmp, false, &type, &code)) {
        broken(m, "its ICMP type does not exist");
    }
    if (is_icmp) {
        set_version(m, v); /* decides which lines of a macro are meant */
    }
}

static void rule_one(struct making *m, const struct fw_chain *groups, size_t n_groups,
                     struct fw_chain *c, struct fw_rule **list, uint32_t pos) {
    struct fw_rule r = {.pos = pos, .m = {.proto = -1, .iface = m->iface}};

    r.dir = strcmp(m->type, "out") == 0       ? FW_OUT
            : strcmp(m->type, "forward") == 0 ? FW_FORWARD
                                              : FW_IN;
    r.verdict = strcmp(m->action, "ACCEPT") == 0 ? FW_ACCEPT
                : strcmp(m->action, "DROP") == 0 ? FW_DROP
                                                 : FW_REJECT;
    check_rule(m);
    if (strcmp(m->type, "group") == 0) {
        for (size_t i = 0; i < n_groups; i++) {
            r.group = strcmp(groups[i].name, m->action) == 0 ? &groups[i] : r.group;
        }
        if (!r.group) {
            broken(m, "its security group does not exist");
        }
    } else {
        addresses(m, m->source, &r.m.src, &r.m.n_src, &r.m.src_set);
        addresses(m, m->dest, &r.m.dst, &r.m.n_dst, &r.m.dst_set);
        if (m->macro[0]) {
            check_macro(m);
        } else {
            protocol(m, m->proto, m->dport, m->sport, &r.m);
        }
    }
    if (m->broken || m->unknown) {
        return;
    }
    r.m.v = m->v;
    if (m->macro[0] && !r.group) {
        expand_macro(m, c, list, &r);
    } else {
        (void)add(c, list, &r);
    }
}

void fw_chain_compile(struct fw_arena *a, const js *rules, enum fw_env env,
                      const struct fw_scope *dc, const struct fw_scope *own,
                      const struct fw_chain *groups, size_t n_groups, struct fw_chain *ret) {
    CLEANUP(freep) struct fw_rule *list = NULL;

    for (size_t i = 0; i < js_len(rules); i++) {
        const js *r = js_at(rules, i);
        struct making m = {.a = a, .dc = dc, .own = own, .env = env};

        if (!js_is_object(r) || !js_bool_or(r, "enable", false)) {
            continue;
        }
        m.type = field(a, r, "type");
        m.action = field(a, r, "action");
        m.macro = field(a, r, "macro");
        m.proto = field(a, r, "proto");
        m.dport = field(a, r, "dport");
        m.sport = field(a, r, "sport");
        m.icmp = field(a, r, "icmp-type");
        m.source = field(a, r, "source");
        m.dest = field(a, r, "dest");
        m.iface = field(a, r, "iface");
        rule_one(&m, groups, n_groups, ret, &list, (uint32_t)i);
        if (m.broken && ret->broken++ == 0) {
            ret->broken_why = m.broken;
            ret->broken_pos = (uint32_t)i;
        } else if (!m.broken && m.unknown && ret->unknown++ == 0) {
            ret->unknown_why = m.unknown;
        }
    }
    if (list) {
        ret->rule = fw_alloc(a, ret->n, sizeof(*ret->rule));
        memcpy(ret->rule, list, ret->n * sizeof(*list));
    }
}

/* ---- IP sets ---- */

struct fw_set *fw_scope_set(const struct fw_scope *s, const char *name) {
    for (size_t i = 0; i < s->n_set; i++) {
        if (strcmp(s->set[i].name, name) == 0) {
            return &s->set[i];
        }
    }
    return NULL;
}

void fw_scope_init(struct fw_arena *a, const js *aliases, const js *ipset,
                   const struct fw_scope *outer, struct fw_scope *ret) {
    size_t k = 0;

    ret->aliases = aliases;
    ret->n_set = (size_t)js_members(ipset);
    ret->set = fw_alloc(a, ret->n_set, sizeof(*ret->set));
    JS_FOREACH(ipset, name, entries) {
        struct fw_set *s = &ret->set[k++];

        s->name = name;
        s->is_management = !outer && strcmp(name, "management") == 0;
        s->raw = fw_alloc(a, js_len(entries), sizeof(*s->raw));
        for (size_t i = 0; i < js_len(entries); i++) {
            const js *e = js_at(entries, i);
            const char *cidr = js_str_or(e, "cidr", "");
            struct fw_net *net = &s->raw[s->n_raw];
            bool ok = looks_alias(cidr)
                          ? alias_find(outer ? outer : ret, outer ? ret : NULL, cidr, net)
                          : prefix_parse(cidr, net);

            /* a prefix of zero is not possible in a set, and PVE leaves the entry out */
            if (ok && (net->lo != 0 || net->hi != fw_addr_max(net->v))) {
                net->nomatch = js_bool_or(e, "nomatch", false);
                s->n_raw++;
            }
        }
        fw_set_finish(a, s);
    }
}
