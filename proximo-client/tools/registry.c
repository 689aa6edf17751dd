/* SPDX-License-Identifier: Apache-2.0 */
/* The one list of tables. A row that is not reachable from here does not exist: no face, no plan
 * and no manual knows it. Order is what people read first. */
#include <errno.h>
#include <string.h>

#include "proximo-client/pipeline/session.h"
#include "proximo-client/tools/rows.h"

static const struct row *const tables[] = {
    core_rows,          cluster_rows,      cluster_read_rows, node_rows,
    node_read_rows,     guest_rows,        guest_life_rows,   snapshot_rows,
    storage_rows,       content_rows,      backup_rows,       backup_fresh_rows,
    replication_rows,   ha_rows,           network_rows,      sdn_read_rows,
    sdn_rows,           ceph_read_rows,    ceph_rows,         disk_rows,
    agent_rows,         pool_rows,         firewall_rows,     firewall_name_rows,
    vnet_firewall_rows, task_rows,         access_rows,       node_setting_rows,
    node_power_rows,    node_service_rows, apt_rows,          mapping_rows,
    metrics_rows,       notify_rows,       acme_rows,         access_sync_rows,
    access_user_rows,   access_realm_rows, access_acl_rows,   api_rows,
    evacuate_rows,      exec_rows,         ledger_rows,       pbs_rows,
    pbs_change_rows,    pbs_job_rows,      pbs_config_rows,
    pbs_access_rows,
};

const struct row *row_at(size_t i) {
    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        for (const struct row *r = tables[t]; r->name; r++) {
            if (i-- == 0) {
                return r;
            }
        }
    }
    return NULL;
}

const struct row *row_find(const char *name) {
    const struct row *r;

    for (size_t i = 0; (r = row_at(i)); i++) {
        if (strcmp(r->name, name) == 0) {
            return r;
        }
    }
    return NULL;
}

enum row_target row_target(const struct row *r) {
    static const char *const both[] = {"core", "ledger"};

    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        if (strcmp(r->plane, both[i]) == 0) {
            return ROW_ANY;
        }
    }
    return strcmp(r->plane, "pbs") == 0 ? ROW_PBS : ROW_PVE;
}

int row_fits(const struct row *r, const struct session *s, struct err *e) {
    enum row_target t = row_target(r);

    if (t == ROW_ANY || (r->flags & ROW_NO_CLUSTER) || (t == ROW_PBS) == s->pbs) {
        return 0;
    }
    (void)err_tag(e, -EINVAL, "wrong_target", "%s is for a %s, and %.60s is a %s", r->name,
                  t == ROW_PBS ? "backup server" : "cluster", s->cluster ? s->cluster : "this",
                  s->pbs ? "backup server" : "cluster");
    return err_hint(e, "name another one with cluster=NAME");
}

bool row_first_of_plane(size_t i) {
    for (size_t k = 0; k < i; k++) {
        if (strcmp(row_at(k)->plane, row_at(i)->plane) == 0) {
            return false;
        }
    }
    return true;
}
