/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/tools/endpoints.h - for rows that are functions and not data: what they send or ask.
 */
#pragma once

/* What each row sends or asks, for the comparison: the row's fields that become parameters must be
 * parameters there. `own` are fields that are ours alone (resolved, checked, or split up here). */
struct endpoint {
    const char *row, *method, *path, *params;
};
static const struct endpoint endpoints[] = {
    {"pve_version", "GET", "/version", ""},
    {"pve_cluster_status", "GET", "/cluster/status", ""},
    {"pve_cluster_resources", "GET", "/cluster/resources", "type"},
    {"pve_node_list", "GET", "/nodes", ""},
    {"pve_node_status", "GET", "/nodes/{node}/status", "node"},
    {"pve_list_guests", "GET", "/cluster/resources", "type"},
    {"pve_guest_status", "GET", "/nodes/{node}/lxc/{vmid}/status/current", "vmid node"},
    {"pve_guest_status", "GET", "/nodes/{node}/qemu/{vmid}/status/current", "vmid node"},
    {"pve_guest_config_get", "GET", "/nodes/{node}/lxc/{vmid}/config", "vmid node snapshot"},
    {"pve_guest_config_get", "GET", "/nodes/{node}/qemu/{vmid}/config", "vmid node snapshot"},
    {"pve_guest_notes", "GET", "/nodes/{node}/qemu/{vmid}/config", "vmid node"},
    {"pve_guest_power", "POST", "/nodes/{node}/lxc/{vmid}/status/start", ""},
    {"pve_guest_power", "POST", "/nodes/{node}/lxc/{vmid}/status/stop", ""},
    {"pve_guest_power", "POST", "/nodes/{node}/lxc/{vmid}/status/shutdown", "timeout forceStop"},
    {"pve_guest_power", "POST", "/nodes/{node}/lxc/{vmid}/status/reboot", "timeout"},
    {"pve_guest_power", "POST", "/nodes/{node}/qemu/{vmid}/status/start", ""},
    {"pve_guest_power", "POST", "/nodes/{node}/qemu/{vmid}/status/stop", ""},
    {"pve_guest_power", "POST", "/nodes/{node}/qemu/{vmid}/status/shutdown", "timeout forceStop"},
    {"pve_guest_power", "POST", "/nodes/{node}/qemu/{vmid}/status/reboot", "timeout"},
    {"pve_guest_config_set", "PUT", "/nodes/{node}/lxc/{vmid}/config", "delete digest"},
    {"pve_guest_config_set", "PUT", "/nodes/{node}/qemu/{vmid}/config", "delete digest cipassword"},
    {"pve_snapshot_list", "GET", "/nodes/{node}/lxc/{vmid}/snapshot", ""},
    {"pve_snapshot_list", "GET", "/nodes/{node}/qemu/{vmid}/snapshot", ""},
    {"pve_snapshot_create", "POST", "/nodes/{node}/lxc/{vmid}/snapshot", "snapname description"},
    {"pve_snapshot_create", "POST", "/nodes/{node}/qemu/{vmid}/snapshot",
     "snapname description vmstate"},
    {"pve_snapshot_create", "GET", "/nodes/{node}/lxc/{vmid}/feature", "feature"},
    {"pve_snapshot_delete", "DELETE", "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}", "force"},
    {"pve_snapshot_delete", "DELETE", "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}", "force"},
    {"pve_rollback", "POST", "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}/rollback", "start"},
    {"pve_rollback", "POST", "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}/rollback", "start"},
    {"pve_storage_list", "GET", "/storage", ""},
    {"pve_storage_list", "GET", "/nodes/{node}/storage", "node"},
    {"pve_storage_status", "GET", "/nodes/{node}/storage/{storage}/status", "node storage"},
    {"pve_storage_content", "GET", "/nodes/{node}/storage/{storage}/content",
     "node storage content vmid"},
    {"pve_storage_config_get", "GET", "/storage/{storage}", "storage"},
    {"pve_storage_create", "POST", "/storage", "storage type password"},
    {"pve_storage_update", "PUT", "/storage/{storage}", "delete digest password"},
    {"pve_storage_delete", "DELETE", "/storage/{storage}", "storage"},
    {"pve_tasks_list", "GET", "/cluster/tasks", ""},
    {"pve_tasks_list", "GET", "/nodes/{node}/tasks",
     "node vmid errors since until typefilter limit start source"},
    {"pve_task_status", "GET", "/nodes/{node}/tasks/{upid}/status", "upid"},
    {"pve_task_log", "GET", "/nodes/{node}/tasks/{upid}/log", "upid limit"},
    {"pve_task_wait", "GET", "/nodes/{node}/tasks/{upid}/status", "upid"},
    {"pve_task_stop", "DELETE", "/nodes/{node}/tasks/{upid}", "node upid"},
    {"pve_overbroad_grants", "GET", "/access/acl", ""},
    {"pve_acl_modify", "PUT", "/access/acl", "path roles users groups tokens propagate delete"},
    {"pve_permissions", "GET", "/access/permissions", "userid path"},
    {"ct_exec", "GET", "/nodes/{node}/lxc/{vmid}/status/current", ""},
    {"ct_logs", "GET", "/nodes/{node}/lxc/{vmid}/status/current", ""},
};
