/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about nodes. */
#include <errno.h>
#include <string.h>

#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/plans.h"

static const struct field list_fields[] = {FIELDS_PAGE, {NULL}};
static const struct field status_fields[] = {{"node", F_NODE, NULL, true}, {NULL}};

/* PVE looks an unknown node's name up for several seconds and then answers 500: ask first. */
static int find_node(const js *list, const char *node, struct err *e) {
    for (size_t i = 0; i < js_len(list); i++) {
        if (strcmp(js_str_or(js_at(list, i), "node", ""), node) == 0) {
            return 0;
        }
    }
    (void)err_tag(e, -ENOENT, "no_such_node", "no node %s in the cluster", node);
    return err_hint(e, "pve_node_list shows the names");
}

int check_node(struct session *s, const char *node, struct err *e) {
    CLEANUP(js_freep) js *list = NULL;
    int r = pve_get(s->pve, "/nodes", &list, e);

    return r < 0 ? r : find_node(list, node, e);
}

int draft_node(struct draft *d, const char *node, struct err *e) {
    js *list = NULL;
    int r = draft_get(d, "/nodes", &list, e);

    return r < 0 ? r : find_node(list, node, e);
}

static js *node_item(const js *item) {
    js *o = answer_pick(item, "node status maxcpu maxmem mem maxdisk disk uptime");
    int64_t cpu = answer_percent(item, "cpu");

    if (cpu >= 0) {
        js_add(o, "cpu_percent", js_int(cpu));
    }
    return o;
}

static int list_read(struct session *s, const js *args, js **ret, struct err *e) {
    CLEANUP(js_freep) js *list = NULL;
    int r = pve_get(s->pve, "/nodes", &list, e);

    r = r < 0 ? r : need_rows("the nodes", list, e);
    if (r == 0) {
        *ret = answer_list(list, args, node_item);
    }
    return r;
}

static int status_read(struct session *s, const js *args, js **ret, struct err *e) {
    CLEANUP(js_freep) js *d = NULL;
    const char *node = js_str_or(args, "node", "");
    const js *cpu;
    int r = check_node(s, node, e);

    if (r == 0) {
        r = read_path(s, "/nodes/{node}/status", args, &d, e);
    }
    if (r < 0) {
        return r;
    }
    *ret = answer_pick(d, "pveversion kversion loadavg memory rootfs swap uptime");
    js_add(*ret, "node", js_str(node));
    cpu = js_get(d, "cpuinfo");
    js_add(*ret, "cpu", answer_pick(cpu, "model cpus cores sockets"));
    js_add(*ret, "cpu_percent", js_int(answer_percent(d, "cpu")));
    js_add(*ret, "iowait_percent", js_int(answer_percent(d, "wait")));
    return 0;
}

const struct row node_rows[] = {
    {"pve_node_list", "List nodes", "Lists the nodes with state and load. Changes nothing.", "node",
     EFFECT_READ, ROW_DIRECT | ROW_IDEMPOTENT, list_fields, .read = list_read, .privilege = "",
     .result = LIST_RESULT},
    {"pve_node_status", "Node status",
     "Shows one node's load, memory, root disk, versions. Changes nothing.", "node", EFFECT_READ,
     ROW_DIRECT | ROW_IDEMPOTENT, status_fields, .read = status_read,
     .privilege = "/nodes/{node} Sys.Audit",
     .result = "node:string memory?:object uptime?:integer"},
    {NULL},
};
