/* SPDX-License-Identifier: Apache-2.0 */
/* Firewall objects as the API answers them, at cluster, node, guest and vnet scope. */
#include <stdio.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/pve/pvetree_int.h"

static const char option_ints[] =
    "ebtables enable log_nf_conntrack ndp nf_conntrack_allow_invalid nf_conntrack_max "
    "nf_conntrack_tcp_timeout_established nf_conntrack_tcp_timeout_syn_recv nftables nosmurfs "
    "protection_synflood protection_synflood_burst protection_synflood_rate tcpflags dhcp ipfilter "
    "macfilter radv";

/* 4, 6, or 0 when an address does not say. */
static int version_of(const char *address) {
    size_t first = strcspn(address, ",");

    if (memchr(address, ':', first)) {
        return 6;
    }
    return strspn(address, "0123456789./-") >= first && first > 0 ? 4 : 0;
}

/* Names of aliases are looked up where the rule stands, then in the cluster; "dc/" and "guest/"
 * name the place. */
static int version_of_text(const js *own, const js *cluster, const char *text) {
    char name[128];
    size_t n = 0;
    const char *slash = strncmp(text, "dc/", 3) == 0 || strncmp(text, "guest/", 6) == 0
                            ? strchr(text, '/') + 1
                            : text;
    const js *alias;
    int v = version_of(text);

    if (v || !*text || *text == '+') {
        return v;
    }
    for (; slash[n] && slash[n] != ',' && n + 1 < sizeof(name); n++) {
        name[n] = slash[n] >= 'A' && slash[n] <= 'Z' ? (char)(slash[n] | 0x20) : slash[n];
    }
    name[n] = '\0';
    alias = js_get(js_get(own, "aliases"), name);
    alias = alias ? alias : js_get(js_get(cluster, "aliases"), name);
    return version_of(js_str_or(alias, "cidr", ""));
}

static js *rule_list(const js *own, const js *cluster, const js *rules) {
    js *list = js_array();

    for (size_t i = 0; i < js_len(rules); i++) {
        js *o = js_copy(js_at(rules, i));
        const char *proto = js_str_or(o, "proto", "");
        int v = version_of_text(own, cluster, js_str_or(o, "source", ""));

        v = v ? v : version_of_text(own, cluster, js_str_or(o, "dest", ""));
        v = strcmp(proto, "icmp") == 0                                        ? 4
            : strcmp(proto, "icmpv6") == 0 || strcmp(proto, "ipv6-icmp") == 0 ? 6
                                                                              : v;
        if (v) {
            js_add(o, "ipversion", js_int(v));
        }
        js_add(o, "pos", js_int((int64_t)i));
        js_push(list, o);
    }
    return list;
}

static js *named_list(const js *objects, const char *key, const char *drop) {
    js *list = js_array();

    JS_FOREACH(objects, name, object) {
        js *o = js_copy(object);

        js_add(o, key, js_str(name));
        json_object_object_del(o, drop);
        js_push(list, o);
    }
    return list;
}

static js *alias_list(const js *aliases) {
    js *list = js_array();

    JS_FOREACH(aliases, name, alias) {
        js *o = js_copy(alias);
        int v = version_of(js_str_or(o, "cidr", ""));

        (void)name;
        if (v) {
            js_add(o, "ipversion", js_int(v));
        }
        js_push(list, o);
    }
    return list;
}

static js *option_object(const js *options) {
    js *o = js_copy(options);

    if (!o) {
        o = js_object(); /* no file at all */
    }
    pvetree_ints(o, option_ints);
    return o;
}

/* fw: a file; rest: what follows ".../firewall/". */
static js *object_of(const js *fw, const js *cluster, const char *const *rest, size_t n) {
    const js *set;

    if (n == 1 && strcmp(rest[0], "options") == 0) {
        return option_object(js_get(fw, "options"));
    }
    if (n == 1 && strcmp(rest[0], "rules") == 0) {
        return rule_list(fw, cluster, js_get(fw, "rules"));
    }
    if (n == 1 && strcmp(rest[0], "aliases") == 0) {
        return alias_list(js_get(fw, "aliases"));
    }
    if (n == 1 && strcmp(rest[0], "ipset") == 0) {
        return named_list(js_get(fw, "ipsets"), "name", "entries");
    }
    if (n == 1 && strcmp(rest[0], "groups") == 0) {
        return named_list(js_get(fw, "groups"), "group", "rules");
    }
    if (n == 2 && strcmp(rest[0], "ipset") == 0) {
        set = js_get(js_get(fw, "ipsets"), rest[1]);
        return set ? js_copy(js_get(set, "entries")) : NULL;
    }
    if (n == 2 && strcmp(rest[0], "groups") == 0) {
        set = js_get(js_get(fw, "groups"), rest[1]);
        return set ? rule_list(fw, cluster, js_get(set, "rules")) : NULL;
    }
    return NULL;
}

js *pvetree_answer_firewall(struct ask *a) {
    const js *fw = NULL;
    size_t at = 0;

    if (a->n > 2 && strcmp(a->v[0], "cluster") == 0 && strcmp(a->v[1], "firewall") == 0) {
        at = 2;
        fw = pvetree_file(a, "firewall/cluster.fw");
    } else if (a->n > 3 && strcmp(a->v[0], "nodes") == 0 && strcmp(a->v[2], "firewall") == 0) {
        at = 3;
        fw = pvetree_file(a, "nodes/%s/host.fw", a->v[1]);
    } else if (a->n > 5 && strcmp(a->v[0], "nodes") == 0 && strcmp(a->v[4], "firewall") == 0) {
        at = 5;
        fw = pvetree_file(a, "firewall/%s.fw", a->v[3]);
    } else if (a->n > 5 && strcmp(a->v[0], "cluster") == 0 && strcmp(a->v[1], "sdn") == 0 &&
               strcmp(a->v[2], "vnets") == 0 && strcmp(a->v[4], "firewall") == 0) {
        at = 5;
        fw = pvetree_file(a, "sdn/firewall/%s.fw", a->v[3]);
    }
    return fw ? object_of(fw, pvetree_file(a, "firewall/cluster.fw"), a->v + at, a->n - at) : NULL;
}
