/* SPDX-License-Identifier: Apache-2.0 */
/* The firewall's files into a state: cluster.fw, <vmid>.fw, nodes' host.fw and vnets' files. What
 * the API works out when it keeps a rule or an alias (the version of its addresses) is worked out
 * here, too. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/pvefile.h"
#include "proximo-client/sim/firewall.h"

/* Where files lie, where the state keeps them, and which route takes their options. */
static const struct scope {
    const char *dir; /* "nodes": in each of its directories */
    const char *in;
    const char *options;
} scopes[] = {
    {"firewall", "guests", "/nodes/{node}/{kind}/{vmid}/firewall/options"},
    {"sdn/firewall", "vnets", "/cluster/sdn/vnets/{vnet}/firewall/options"},
};

static int version_of(const js *own, const js *cluster, const char *text) {
    const char *name = strncmp(text, "dc/", 3) == 0 || strncmp(text, "guest/", 6) == 0
                           ? strchr(text, '/') + 1
                           : text;
    const js *alias = js_get(own, name);
    int v = *text == '+' ? 0 : fw_ipversion(text);

    alias = alias ? alias : js_get(cluster, name);
    return v || !*text || *text == '+' ? v : fw_ipversion(js_str_or(alias, "cidr", ""));
}

static js *rules_in(const js *list, const js *own, const js *cluster) {
    js *out = js_array();

    for (size_t i = 0; i < js_len(list); i++) {
        js *r = js_copy(js_at(list, i));
        const char *proto = js_str_or(r, "proto", "");
        int v = version_of(own, cluster, js_str_or(r, "source", ""));

        v = v ? v : version_of(own, cluster, js_str_or(r, "dest", ""));
        v = strcmp(proto, "icmp") == 0                                        ? 4
            : strcmp(proto, "icmpv6") == 0 || strcmp(proto, "ipv6-icmp") == 0 ? 6
                                                                              : v;
        js_add(r, "enable", js_int(js_bool_or(r, "enable", false)));
        if (v) {
            js_add(r, "ipversion", js_int(v));
        }
        js_push(out, r);
    }
    return out;
}

static js *sets_in(const js *sets) {
    js *out = js_copy(sets);

    JS_FOREACH(out, name, set) {
        js *entries = js_get(set, "entries");

        (void)name;
        for (size_t i = 0; i < js_len(entries); i++) {
            if (js_get(js_at(entries, i), "nomatch")) {
                js_add(js_at(entries, i), "nomatch", js_int(1));
            }
        }
    }
    return out;
}

static js *aliases_in(const js *aliases) {
    js *out = js_copy(aliases);

    JS_FOREACH(out, name, a) {
        (void)name;
        json_object_object_del(a, "name");
        js_add(a, "ipversion", js_int(fw_ipversion(js_str_or(a, "cidr", ""))));
    }
    return out;
}

static js *options_in(const js *options, const char *spec) {
    js *out = js_object();

    JS_FOREACH(options, key, v) {
        js_add(out, key, spec_value(spec, key, v));
    }
    return out;
}

/* Consumes v: what is empty is not kept. */
static void add(js *to, const char *key, js *v) {
    if (js_is_array(v) ? js_len(v) > 0 : js_members(v) > 0) {
        js_add(to, key, v);
    } else {
        js_freep(&v);
    }
}

/* cluster: aliases of cluster.fw, which names of the others may mean. New reference. */
static js *file_in(const js *file, const char *options, const js *cluster) {
    js *out = js_object();
    js *groups = js_copy(js_get(file, "groups"));
    const js *own = js_get(file, "aliases");

    add(out, "options", options_in(js_get(file, "options"), route_params(M_PUT, options)));
    add(out, "rules", rules_in(js_get(file, "rules"), own, cluster));
    add(out, "aliases", aliases_in(own));
    add(out, "ipset", sets_in(js_get(file, "ipsets")));
    JS_FOREACH(groups, name, g) {
        (void)name;
        js_add(g, "rules", rules_in(js_get(g, "rules"), own, cluster));
    }
    add(out, "groups", groups ? groups : js_object());
    return out;
}

static int read_one(int dir, const char *path, const char *options, const js *cluster, js **ret,
                    struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);
    CLEANUP(js_freep) js *notes = js_array();
    CLEANUP(js_freep) js *file = NULL;
    int r = import_text(dir, path, &b, e);

    if (r < 0) {
        return r;
    }
    file = pvefile_firewall(buf_str(&b), b.len, notes);
    *ret = file_in(file, options, cluster);
    return import_notes(path, notes, e);
}

static void keep(js *root, const char *in, const char *key, js *fw) {
    js *all = js_get(root, "firewall");

    if (js_members(fw) == 0) {
        js_freep(&fw);
        return;
    }
    if (!all) {
        all = js_object();
        js_add(root, "firewall", all);
    }
    if (!key) {
        js_add(all, in, fw);
        return;
    }
    if (!js_get(all, in)) {
        js_add(all, in, js_object());
    }
    js_add(js_get(all, in), key, fw);
}

/* Every <name>.fw of a directory but cluster.fw. */
static int read_dir(int dir, const struct scope *s, js *root, const js *cluster, struct err *e) {
    int fd = openat(dir, s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *ent;

    while (d && r == 0 && (ent = readdir(d))) {
        size_t n = strlen(ent->d_name);
        char key[64], path[128];
        uint32_t vmid;
        js *fw = NULL;

        if (n < 4 || n > 60 || strcmp(ent->d_name + n - 3, ".fw") != 0 ||
            strcmp(ent->d_name, "cluster.fw") == 0) {
            continue;
        }
        (void)snprintf(key, sizeof(key), "%.*s", (int)n - 3, ent->d_name);
        if (strcmp(s->in, "guests") == 0 &&
            (ident_vmid(key, &vmid) < 0 || !js_get(js_get(root, "guests"), key))) {
            continue; /* left over from a guest that is gone */
        }
        (void)snprintf(path, sizeof(path), "%s/%.60s", s->dir, ent->d_name);
        r = read_one(dir, path, s->options, cluster, &fw, e);
        if (fw) {
            keep(root, s->in, key, fw);
        }
    }
    if (d) {
        (void)closedir(d);
    }
    return r;
}

int import_fw(int dir, js *root, struct err *e) {
    js *fw = NULL;
    const js *cluster;
    int r = read_one(dir, "firewall/cluster.fw", "/cluster/firewall/options", NULL, &fw, e);

    if (fw) {
        keep(root, "cluster", NULL, fw);
    }
    cluster = js_get(js_get(js_get(root, "firewall"), "cluster"), "aliases");
    for (size_t i = 0; i < ARRAY_LEN(scopes) && r == 0; i++) {
        r = read_dir(dir, &scopes[i], root, cluster, e);
    }
    JS_FOREACH(js_get(root, "nodes"), node, o) {
        char path[128];
        js *host = NULL;

        (void)o;
        (void)snprintf(path, sizeof(path), "nodes/%.63s/host.fw", node);
        r = r ? r : read_one(dir, path, "/nodes/{node}/firewall/options", cluster, &host, e);
        if (host) {
            keep(root, "nodes", node, host);
        }
    }
    return r;
}
