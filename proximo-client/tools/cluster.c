/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about the cluster as a whole. */
#include <string.h>

#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/rows.h"

static const struct field none[] = {{NULL}};
static const struct field resources_fields[] = {
    {"type", F_ENUM, NULL, .choices = "vm|storage|node|sdn"},
    FIELDS_PAGE,
    {NULL},
};

static js *node_state(const js *item) {
    return answer_pick(item, "name nodeid ip online local level");
}

/* Two kinds of items in one list: the cluster itself and its nodes. */
static int status_read(struct session *s, const js *args, js **ret, struct err *e) {
    CLEANUP(js_freep) js *list = NULL;
    js *o, *nodes;
    int r = pve_get(s->pve, "/cluster/status", &list, e);

    (void)args;
    r = r < 0 ? r : need_rows("the cluster's state", list, e);
    if (r < 0) {
        return r;
    }
    o = js_object();
    nodes = js_array();
    for (size_t i = 0; i < js_len(list); i++) {
        const js *item = js_at(list, i);

        if (strcmp(js_str_or(item, "type", ""), "cluster") == 0) {
            js_add(o, "name", js_str(js_str_or(item, "name", "")));
            js_add(o, "quorate", js_bool(js_bool_or(item, "quorate", false)));
        } else if (strcmp(js_str_or(item, "type", ""), "node") == 0) {
            js_push(nodes, node_state(item));
        }
    }
    if (!js_get(o, "name")) { /* one node without a cluster: nothing to be quorate with */
        js_add(o, "standalone", js_bool(true));
    }
    js_add(o, "nodes", nodes);
    *ret = o;
    return 0;
}

static js *resource_item(const js *item) {
    js *o =
        answer_pick(item, "id type vmid name node storage pool status template tags hastate lock "
                          "plugintype content shared maxcpu maxmem maxdisk mem disk uptime sdn");
    int64_t cpu = answer_percent(item, "cpu");

    if (cpu >= 0) {
        js_add(o, "cpu_percent", js_int(cpu));
    }
    return o;
}

static int resources_read(struct session *s, const js *args, js **ret, struct err *e) {
    CLEANUP(js_freep) js *list = NULL;
    CLEANUP(js_freep) js *query = answer_pick(args, "type");
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    const char *type = js_str_or(args, "type", "");
    int r = pve_path("/cluster/resources", args, &path, e);

    if (r == 0) {
        r = pve_query(query, &path, e);
    }
    if (r == 0) {
        r = pve_get(s->pve, buf_str(&path), &list, e);
    }
    r = r < 0 ? r : need_rows("the cluster's resources", list, e);
    if (r < 0) {
        return r;
    }
    *ret = answer_list(list, args, resource_item);
    if (!*type || strcmp(type, "vm") == 0) {
        answer_partial(s, *ret, "/vms", "VM.Audit");
    }
    if ((!*type || strcmp(type, "storage") == 0) && !js_get(*ret, "partial")) {
        answer_partial(s, *ret, "/storage", "Datastore.Audit|Datastore.AllocateSpace");
    }
    return 0;
}

const struct row cluster_rows[] = {
    {"pve_version", "API version",
     "Shows the version of the API the cluster answers with. Changes nothing.", "cluster",
     EFFECT_READ, ROW_IDEMPOTENT, none, .path = "/version", .privilege = "",
     .result = "version:string release:string repoid:string"},
    {"pve_cluster_status", "Cluster status",
     "Shows quorum and which nodes are online. Changes nothing.", "cluster", EFFECT_READ,
     ROW_DIRECT | ROW_IDEMPOTENT, none, .read = status_read, .privilege = "/ Sys.Audit",
     .result = "name?:string quorate?:boolean standalone?:boolean nodes:array"},
    {"pve_cluster_resources", "Cluster resources",
     "Lists guests, storages, nodes and SDN zones of the cluster with their state. Changes "
     "nothing.",
     "cluster", EFFECT_READ, ROW_IDEMPOTENT, resources_fields, .read = resources_read,
     .privilege = "/vms VM.Audit, /storage Datastore.Audit",
     .result = LIST_RESULT " partial?:object"},
    {NULL},
};
