/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what belongs to the whole cluster: options, corosync, notifications, mappings, metrics,
 * ACME. */
#include "proximo-client/tools/rows.h"

static const struct field cluster_log_fields[] = {
    {"max", F_INT, "most lines", .min = 1, .max = 5000}, FIELDS_PAGE, {NULL}};
static const struct field no_fields[] = {{NULL}};
static const struct field cluster_nextid_fields[] = {{"vmid", F_VMID, "ask about this one"},
                                                     {NULL}};
static const struct field page_fields[] = {FIELDS_PAGE, {NULL}};
static const struct field realm_sync_job_get_fields[] = {{"id", F_STR, NULL, true, .max = 128},
                                                         {NULL}};
static const struct field schedule_analyze_fields[] = {
    {"schedule", F_STR, "e.g. sun 01:00", true, .max = 128},
    {"iterations", F_INT, "how many times", .min = 1, .max = 100},
    FIELDS_PAGE,
    {NULL}};
static const struct field notification_matcher_get_fields[] = {
    {"name", F_STR, NULL, true, .max = 128}, {NULL}};
static const struct field mapping_pci_list_fields[] = {
    {"check-node", F_NODE, "say what is wrong on this node"}, FIELDS_PAGE, {NULL}};

/* The API shows the credentials of a DNS provider here. */
static int acme_plugins_read(struct session *s, const js *args, js **ret, struct err *e) {
    CLEANUP(js_freep) js *list = NULL;
    int r = read_path(s, "/cluster/acme/plugins", args, &list, e);

    r = r < 0 ? r : need_rows("the ACME plugins", list, e);
    for (size_t i = 0; r == 0 && i < js_len(list); i++) {
        json_object_object_del(js_at(list, i), "data");
    }
    if (r == 0) {
        *ret = answer_list(list, args, NULL);
    }
    return r;
}

static int read_without(struct session *s, const char *path, const js *args, const char *key,
                        js **ret, struct err *e) {
    int r = read_path(s, path, args, ret, e);

    if (r == 0 && js_is_object(*ret)) {
        json_object_object_del(*ret, key);
    }
    return r;
}

static int acme_plugin_read(struct session *s, const js *args, js **ret, struct err *e) {
    return read_without(s, "/cluster/acme/plugins/{id}", args, "data", ret, e);
}

/* What is sent with each request of OpenTelemetry is mostly a token. */
static int metrics_server_read(struct session *s, const js *args, js **ret, struct err *e) {
    return read_without(s, "/cluster/metrics/server/{id}", args, "otel-headers", ret, e);
}

const struct row cluster_read_rows[] = {
    {"pve_cluster_log", "Cluster log",
     "Lists recent lines of the cluster's log; they may hold text from outside. Changes nothing.",
     "cluster", EFFECT_READ, ROW_IDEMPOTENT | ROW_GUEST_TEXT, cluster_log_fields,
     .path = "/cluster/log", .query = "max", .privilege = "/ Sys.Syslog", .result = LIST_RESULT},
    {"pve_cluster_options_get", "Cluster options",
     "Shows the options of the whole cluster. Changes nothing.", "cluster", EFFECT_READ,
     ROW_IDEMPOTENT, no_fields, .path = "/cluster/options", .privilege = "/ Sys.Audit",
     .result = ""},
    {"pve_cluster_nextid", "Next free vmid",
     "Says which vmid is free, or whether one is. Changes nothing.", "cluster", EFFECT_READ,
     ROW_IDEMPOTENT, cluster_nextid_fields, .path = "/cluster/nextid", .query = "vmid",
     .privilege = "", .result = "value?:string"},
    {"pve_cluster_config_nodes", "Corosync nodes",
     "Lists the nodes of the corosync configuration. Changes nothing.", "cluster", EFFECT_READ,
     ROW_IDEMPOTENT, page_fields, .path = "/cluster/config/nodes", .privilege = "/ Sys.Audit",
     .result = LIST_RESULT},
    {"pve_cluster_totem", "Corosync settings", "Shows corosync's totem section. Changes nothing.",
     "cluster", EFFECT_READ, ROW_IDEMPOTENT, no_fields, .path = "/cluster/config/totem",
     .privilege = "/ Sys.Audit", .result = ""},
    {"pve_cluster_qdevice", "Quorum device",
     "Shows the state of the quorum device. Changes nothing.", "cluster", EFFECT_READ,
     ROW_IDEMPOTENT, no_fields, .path = "/cluster/config/qdevice", .privilege = "/ Sys.Audit",
     .result = ""},
    {"pve_realm_sync_jobs_list", "Realm sync jobs",
     "Lists jobs that sync users from a realm. Changes nothing.", "cluster", EFFECT_READ,
     ROW_IDEMPOTENT, page_fields, .path = "/cluster/jobs/realm-sync", .privilege = "/ Sys.Audit",
     .result = LIST_RESULT},
    {"pve_realm_sync_job_get", "Realm sync job",
     "Shows one job that syncs users from a realm. Changes nothing.", "cluster", EFFECT_READ,
     ROW_IDEMPOTENT, realm_sync_job_get_fields, .path = "/cluster/jobs/realm-sync/{id}",
     .privilege = "/ Sys.Audit", .result = ""},
    {"pve_schedule_analyze", "Explain a schedule",
     "Says when a calendar event takes place next. Changes nothing.", "cluster", EFFECT_READ,
     ROW_IDEMPOTENT, schedule_analyze_fields, .path = "/cluster/jobs/schedule-analyze",
     .query = "schedule iterations", .privilege = "", .result = LIST_RESULT},
    {"pve_metrics_servers_list", "Metric servers",
     "Lists servers that metrics are sent to. Changes nothing.", "cluster", EFFECT_READ,
     ROW_IDEMPOTENT, page_fields, .path = "/cluster/metrics/server", .privilege = "/ Sys.Audit",
     .result = LIST_RESULT},
    {"pve_metrics_server_get", "Metric server",
     "Shows one server that metrics are sent to; headers, which hold tokens, are left out. Changes "
     "nothing.",
     "cluster", EFFECT_READ, ROW_IDEMPOTENT, realm_sync_job_get_fields, .read = metrics_server_read,
     .privilege = "/ Sys.Audit", .result = ""},
    {"pve_notification_targets_list", "Notification targets",
     "Lists where notifications can go. Changes nothing.", "cluster", EFFECT_READ, ROW_IDEMPOTENT,
     page_fields, .path = "/cluster/notifications/targets",
     .privilege = "/mapping/notifications Mapping.Audit", .result = LIST_RESULT},
    {"pve_notification_matchers_list", "Notification matchers",
     "Lists which notifications go where. Changes nothing.", "cluster", EFFECT_READ, ROW_IDEMPOTENT,
     page_fields, .path = "/cluster/notifications/matchers",
     .privilege = "/mapping/notifications Mapping.Audit", .result = LIST_RESULT},
    {"pve_notification_matcher_get", "Notification matcher",
     "Shows one rule of which notifications go where. Changes nothing.", "cluster", EFFECT_READ,
     ROW_IDEMPOTENT, notification_matcher_get_fields,
     .path = "/cluster/notifications/matchers/{name}",
     .privilege = "/mapping/notifications Mapping.Audit", .result = ""},
    {"pve_notification_sendmail_list", "Mail targets",
     "Lists notification targets of the local mailer. Changes nothing.", "cluster", EFFECT_READ,
     ROW_IDEMPOTENT, page_fields, .path = "/cluster/notifications/endpoints/sendmail",
     .privilege = "/mapping/notifications Mapping.Audit", .result = LIST_RESULT},
    {"pve_notification_smtp_list", "SMTP targets",
     "Lists notification targets of mail servers. Changes nothing.", "cluster", EFFECT_READ,
     ROW_IDEMPOTENT, page_fields, .path = "/cluster/notifications/endpoints/smtp",
     .privilege = "/mapping/notifications Mapping.Audit", .result = LIST_RESULT},
    {"pve_notification_gotify_list", "Gotify targets",
     "Lists notification targets of Gotify servers. Changes nothing.", "cluster", EFFECT_READ,
     ROW_IDEMPOTENT, page_fields, .path = "/cluster/notifications/endpoints/gotify",
     .privilege = "/mapping/notifications Mapping.Audit", .result = LIST_RESULT},
    {"pve_notification_webhook_list", "Webhook targets",
     "Lists notification targets of webhooks. Changes nothing.", "cluster", EFFECT_READ,
     ROW_IDEMPOTENT, page_fields, .path = "/cluster/notifications/endpoints/webhook",
     .privilege = "/mapping/notifications Mapping.Audit", .result = LIST_RESULT},
    {"pve_notification_sendmail_get", "Mail target",
     "Shows one notification target of the local mailer. Changes nothing.", "cluster", EFFECT_READ,
     ROW_IDEMPOTENT, notification_matcher_get_fields,
     .path = "/cluster/notifications/endpoints/sendmail/{name}",
     .privilege = "/mapping/notifications Mapping.Audit", .result = ""},
    {"pve_notification_smtp_get", "SMTP target",
     "Shows one notification target of a mail server. Changes nothing.", "cluster", EFFECT_READ,
     ROW_IDEMPOTENT, notification_matcher_get_fields,
     .path = "/cluster/notifications/endpoints/smtp/{name}",
     .privilege = "/mapping/notifications Mapping.Audit", .result = ""},
    {"pve_notification_gotify_get", "Gotify target",
     "Shows one notification target of a Gotify server. Changes nothing.", "cluster", EFFECT_READ,
     ROW_IDEMPOTENT, notification_matcher_get_fields,
     .path = "/cluster/notifications/endpoints/gotify/{name}",
     .privilege = "/mapping/notifications Mapping.Audit", .result = ""},
    {"pve_notification_webhook_get", "Webhook target",
     "Shows one notification target of a webhook. Changes nothing.", "cluster", EFFECT_READ,
     ROW_IDEMPOTENT, notification_matcher_get_fields,
     .path = "/cluster/notifications/endpoints/webhook/{name}",
     .privilege = "/mapping/notifications Mapping.Audit", .result = ""},
    {"pve_mapping_pci_list", "PCI mappings",
     "Lists cluster-wide names for PCI devices. Changes nothing.", "cluster", EFFECT_READ,
     ROW_IDEMPOTENT, mapping_pci_list_fields, .path = "/cluster/mapping/pci", .query = "check-node",
     .privilege = "/mapping/pci Mapping.Audit", .result = LIST_RESULT},
    {"pve_mapping_pci_get", "PCI mapping",
     "Shows one cluster-wide name for PCI devices. Changes nothing.", "cluster", EFFECT_READ,
     ROW_IDEMPOTENT, realm_sync_job_get_fields, .path = "/cluster/mapping/pci/{id}",
     .privilege = "/mapping/pci/{id} Mapping.Audit", .result = ""},
    {"pve_mapping_usb_list", "USB mappings",
     "Lists cluster-wide names for USB devices. Changes nothing.", "cluster", EFFECT_READ,
     ROW_IDEMPOTENT, mapping_pci_list_fields, .path = "/cluster/mapping/usb", .query = "check-node",
     .privilege = "/mapping/usb Mapping.Audit", .result = LIST_RESULT},
    {"pve_mapping_usb_get", "USB mapping",
     "Shows one cluster-wide name for USB devices. Changes nothing.", "cluster", EFFECT_READ,
     ROW_IDEMPOTENT, realm_sync_job_get_fields, .path = "/cluster/mapping/usb/{id}",
     .privilege = "/mapping/usb/{id} Mapping.Audit", .result = ""},
    {"pve_mapping_dir_list", "Directory mappings",
     "Lists cluster-wide names for directories. Changes nothing.", "cluster", EFFECT_READ,
     ROW_IDEMPOTENT, mapping_pci_list_fields, .path = "/cluster/mapping/dir", .query = "check-node",
     .privilege = "/mapping/dir Mapping.Audit", .result = LIST_RESULT},
    {"pve_mapping_dir_get", "Directory mapping",
     "Shows one cluster-wide name for directories. Changes nothing.", "cluster", EFFECT_READ,
     ROW_IDEMPOTENT, realm_sync_job_get_fields, .path = "/cluster/mapping/dir/{id}",
     .privilege = "/mapping/dir/{id} Mapping.Audit", .result = ""},
    {"pve_acme_accounts_list", "ACME accounts", "Lists ACME accounts. Changes nothing.", "cluster",
     EFFECT_READ, ROW_IDEMPOTENT, page_fields, .path = "/cluster/acme/account", .privilege = "",
     .result = LIST_RESULT},
    {"pve_acme_account_get", "ACME account", "Shows one ACME account. Changes nothing.", "cluster",
     EFFECT_READ, ROW_IDEMPOTENT, notification_matcher_get_fields,
     .path = "/cluster/acme/account/{name}", .privilege = "/ Sys.Modify", .result = ""},
    {"pve_acme_plugins_list", "ACME plugins", "Lists ACME challenge plugins. Changes nothing.",
     "cluster", EFFECT_READ, ROW_IDEMPOTENT, page_fields, .read = acme_plugins_read,
     .privilege = "/ Sys.Modify", .result = LIST_RESULT},
    {"pve_acme_plugin_get", "ACME plugin",
     "Shows one ACME challenge plugin; its API data, which hold credentials, are left out. Changes "
     "nothing.",
     "cluster", EFFECT_READ, ROW_IDEMPOTENT, realm_sync_job_get_fields, .read = acme_plugin_read,
     .privilege = "/ Sys.Modify", .result = ""},
    {"pve_acme_directories_list", "ACME servers", "Lists known ACME servers. Changes nothing.",
     "cluster", EFFECT_READ, ROW_IDEMPOTENT, page_fields, .path = "/cluster/acme/directories",
     .privilege = "", .result = LIST_RESULT},
    {NULL},
};
