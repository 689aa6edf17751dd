/* SPDX-License-Identifier: Apache-2.0 */
/* The lists of the cluster: nodes, storages, backup and replication jobs, HA, options. Which keys
 * are numbers is what the API's schema says of them. */
#include <stdio.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/pve/pvetree_int.h"

static js *node_list(struct ask *a) {
    const js *members = pvetree_file(a, ".members");
    js *list = js_array();

    JS_FOREACH(js_get(members, "nodelist"), name, node) {
        js *o = js_object();

        js_add(o, "node", js_str(name));
        js_addf(o, "id", "node/%s", name);
        js_add(o, "type", js_str("node"));
        js_add(o, "status", js_str(js_bool_or(node, "online", false) ? "online" : "offline"));
        js_push(list, o);
    }
    return list;
}

static const char storage_ints[] =
    "create-base-path create-subdirs disable fuse krbd max-protected-backups mkdir nocow "
    "nowritecache port saferemove saferemove-stepsize shared skip-cert-verification "
    "snapshot-as-volume-chain sparse tagged_only";

/* PVE has a storage "local" whether the file names it or not, on every node, and takes these types
 * for shared whatever the file says. Their default content differs by type and is left open: an
 * absent value is not "none". */
static js *storage_list(struct ask *a) {
    static const char shared[] =
        " nfs cifs cephfs rbd iscsi iscsidirect zfs glusterfs drbd pbs esxi ";
    js *list = pvetree_list(pvetree_file(a, "storage.cfg"), "storage", storage_ints);
    bool has_local = false;

    for (size_t i = 0; i < js_len(list); i++) {
        js *o = js_at(list, i);
        char type[64];

        (void)snprintf(type, sizeof(type), " %.60s ", js_str_or(o, "type", ""));
        if (strstr(shared, type)) {
            js_add(o, "shared", js_int(1));
        }
        if (strcmp(js_str_or(o, "storage", ""), "local") == 0) {
            has_local = true;
            json_object_object_del(o, "nodes");
            if (!js_get(o, "path")) {
                js_add(o, "path", js_str("/var/lib/vz"));
            }
        }
    }
    if (!has_local) {
        js *o = js_object();

        js_add(o, "storage", js_str("local"));
        js_add(o, "type", js_str("dir"));
        js_add(o, "path", js_str("/var/lib/vz"));
        js_add(o, "prune-backups", js_str("keep-all=1"));
        js_add(o, "content", js_str("backup,images,iso,rootdir,snippets,vztmpl"));
        js_push(list, o);
    }
    return list;
}

static const char backup_ints[] = "all bwlimit enabled ionice lockwait pigz protected quiet remove "
                                  "repeat-missed stdexcludes stop "
                                  "stopwait zstd";
static const char backup_pairs[] = "prune-backups performance fleecing";

static js *backup_list(struct ask *a) {
    js *list = js_copy(pvetree_file(a, "vzdump.cron"));
    CLEANUP(js_freep) js *jobs = pvetree_list(pvetree_file(a, "jobs.cfg"), "id", backup_ints);

    if (!js_is_array(list)) {
        js_freep(&list);
        list = js_array();
    }
    for (size_t i = 0; i < js_len(jobs); i++) {
        if (strcmp(js_str_or(js_at(jobs, i), "type", ""), "vzdump") == 0) {
            js_push(list, js_ref(js_at(jobs, i)));
        }
    }
    for (size_t i = 0; i < js_len(list); i++) {
        pvetree_ints(js_at(list, i), backup_ints);
        pvetree_pairs(js_at(list, i), backup_pairs);
    }
    return list;
}

/* Ids are "<guest>-<number>". */
static js *replication_list(struct ask *a) {
    js *list = pvetree_list(pvetree_file(a, "replication.cfg"), "id", "disable rate");

    for (size_t i = 0; i < js_len(list); i++) {
        js *o = js_at(list, i);
        const char *id = js_str_or(o, "id", "");
        const char *dash = strchr(id, '-');
        char guest[16];
        uint32_t vmid = 0;
        uint64_t number = 0;

        (void)snprintf(guest, sizeof(guest), "%.*s", dash ? (int)(dash - id) : 0, id);
        if (dash && ident_vmid(guest, &vmid) == 0 && ident_u64(dash + 1, &number) == 0 &&
            number < 1000) {
            js_add(o, "guest", js_int(vmid));
            js_add(o, "jobnum", js_int((int64_t)number));
        } else {
            (void)snprintf(a->doubt, sizeof(a->doubt), "replication.cfg: '%.60s' is no job", id);
        }
    }
    return list;
}

/* An absent state means started. */
static js *resource_list(struct ask *a) {
    js *list = pvetree_list(pvetree_file(a, "ha/resources.cfg"), "sid",
                            "failback max_relocate max_restart");

    for (size_t i = 0; i < js_len(list); i++) {
        js *o = js_at(list, i);
        char type[3];

        (void)snprintf(type, sizeof(type), "%.2s", js_str_or(o, "sid", ""));
        js_add(o, "type", js_str(type));
        if (!js_get(o, "state")) {
            js_add(o, "state", js_str("started"));
        }
    }
    return list;
}

static js *rule_list(struct ask *a) {
    js *list = pvetree_list(pvetree_file(a, "ha/rules.cfg"), "rule", "disable strict");

    for (size_t i = 0; i < js_len(list); i++) {
        js_add(js_at(list, i), "order", js_int((int64_t)i + 1));
    }
    return list;
}

static js *manager_status(struct ask *a) {
    js *o = js_object();
    js *lrm = js_object();

    js_add(o, "manager_status", js_copy(pvetree_file(a, "ha/manager_status")));
    JS_FOREACH(js_get(pvetree_file(a, ".members"), "nodelist"), name, node) {
        (void)node;
        js_add(lrm, name, js_copy(pvetree_file(a, "nodes/%s/lrm_status", name)));
    }
    js_add(o, "lrm_status", lrm);
    return o;
}

static js *options(struct ask *a) {
    js *o = js_copy(pvetree_file(a, "datacenter.cfg"));
    js *lines = js_get(o, "#");
    char text[4096] = "";

    for (size_t i = 0; i < js_len(lines); i++) {
        size_t n = strlen(text);

        (void)snprintf(text + n, sizeof(text) - n, "%s%s", i ? "\n" : "",
                       json_object_get_string(js_at(lines, i)));
    }
    js_add(o, "description", js_str_n(text, strlen(text)));
    json_object_object_del(o, "#");
    pvetree_ints(o, "max_workers migration_unsecure");
    pvetree_pairs(o, "migration ha crs notify webauthn u2f next-id tag-style user-tag-access");
    if (!js_get(o, "mac_prefix")) {
        js_add(o, "mac_prefix", js_str("BC:24:11"));
    }
    return o;
}

js *pvetree_answer_list(struct ask *a) {
    if (ASK_IS(a, "cluster", "resources") && a->query && strcmp(a->query, "type=node") == 0) {
        return node_list(a);
    }
    return ASK_IS(a, "storage")                                     ? storage_list(a)
           : ASK_IS(a, "cluster", "backup")                         ? backup_list(a)
           : ASK_IS(a, "cluster", "replication")                    ? replication_list(a)
           : ASK_IS(a, "cluster", "ha", "resources")                ? resource_list(a)
           : ASK_IS(a, "cluster", "ha", "rules")                    ? rule_list(a)
           : ASK_IS(a, "cluster", "ha", "status", "manager_status") ? manager_status(a)
           : ASK_IS(a, "cluster", "options")                        ? options(a)
           : ASK_IS(a, "cluster", "ha", "groups")
               ? pvetree_list(pvetree_file(a, "ha/groups.cfg"), "group", "restricted nofailback")
               : NULL;
}
