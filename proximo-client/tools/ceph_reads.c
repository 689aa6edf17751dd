/* SPDX-License-Identifier: Apache-2.0 */
/* Reading Ceph. */
#include "proximo-client/tools/rows.h"

static const struct field no_fields[] = {{NULL}};
static const struct field page_fields[] = {FIELDS_PAGE, {NULL}};
static const struct field ceph_flag_get_fields[] = {{"flag", F_STR, NULL, true, .max = 128},
                                                    {NULL}};
static const struct field node_fields[] = {{"node", F_NODE, NULL, true}, {NULL}};
static const struct field node_page_fields[] = {{"node", F_NODE, NULL, true}, FIELDS_PAGE, {NULL}};
static const struct field ceph_osd_metadata_fields[] = {
    {"node", F_NODE, NULL, true}, {"osdid", F_INT, NULL, true, .max = 100000}, {NULL}};
static const struct field ceph_osd_lv_info_fields[] = {
    {"node", F_NODE, NULL, true},
    {"osdid", F_INT, NULL, true, .max = 100000},
    {"type", F_ENUM, NULL, .choices = "block|db|wal"},
    {NULL}};
static const struct field ceph_pool_status_fields[] = {{"node", F_NODE, NULL, true},
                                                       {"name", F_STR, NULL, true, .max = 128},
                                                       {"verbose", F_BOOL, NULL},
                                                       {NULL}};
static const struct field ceph_log_fields[] = {
    {"node", F_NODE, NULL, true}, {"limit", F_INT, "most lines", .min = 1, .max = 5000}, {NULL}};
static const struct field ceph_cmd_safety_fields[] = {
    {"node", F_NODE, NULL, true},
    {"action", F_ENUM, NULL, true, .choices = "stop|destroy"},
    {"service", F_ENUM, NULL, true, .choices = "osd|mon|mds"},
    {"id", F_STR, NULL, true, .max = 128},
    {NULL}};

const struct row ceph_read_rows[] = {
    {"pve_ceph_status", "Ceph health", "Shows Ceph's status and health. Changes nothing.", "ceph",
     EFFECT_READ, ROW_IDEMPOTENT, no_fields, .path = "/cluster/ceph/status",
     .privilege = "/ Sys.Audit", .result = ""},
    {"pve_ceph_metadata", "Ceph daemons",
     "Shows Ceph's daemons with versions and hosts. Changes nothing.", "ceph", EFFECT_READ,
     ROW_IDEMPOTENT, no_fields, .path = "/cluster/ceph/metadata", .privilege = "/ Sys.Audit",
     .result = ""},
    {"pve_ceph_flags_list", "Ceph flags", "Lists Ceph's flags, such as noout. Changes nothing.",
     "ceph", EFFECT_READ, ROW_IDEMPOTENT, page_fields, .path = "/cluster/ceph/flags",
     .privilege = "/ Sys.Audit", .result = LIST_RESULT},
    {"pve_ceph_flag_get", "Ceph flag", "Says whether one of Ceph's flags is set. Changes nothing.",
     "ceph", EFFECT_READ, ROW_IDEMPOTENT, ceph_flag_get_fields,
     .path = "/cluster/ceph/flags/{flag}", .privilege = "/ Sys.Audit", .result = "value?:string"},
    {"pve_ceph_cfg_raw", "Ceph configuration file", "Shows ceph.conf. Changes nothing.", "ceph",
     EFFECT_READ, ROW_IDEMPOTENT, node_fields, .path = "/nodes/{node}/ceph/cfg/raw",
     .privilege = "/ Sys.Audit", .result = "value?:string"},
    {"pve_ceph_cfg_db", "Ceph configuration database",
     "Lists Ceph's configuration database. Changes nothing.", "ceph", EFFECT_READ, ROW_IDEMPOTENT,
     node_page_fields, .path = "/nodes/{node}/ceph/cfg/db", .privilege = "/ Sys.Audit",
     .result = LIST_RESULT},
    {"pve_ceph_osd_tree", "OSD tree", "Shows Ceph's OSDs in their tree. Changes nothing.", "ceph",
     EFFECT_READ, ROW_IDEMPOTENT, node_fields, .path = "/nodes/{node}/ceph/osd",
     .privilege = "/ Sys.Audit", .result = ""},
    {"pve_ceph_osd_metadata", "OSD details", "Shows details of one OSD. Changes nothing.", "ceph",
     EFFECT_READ, ROW_IDEMPOTENT, ceph_osd_metadata_fields,
     .path = "/nodes/{node}/ceph/osd/{osdid}/metadata", .privilege = "/ Sys.Audit", .result = ""},
    {"pve_ceph_osd_lv_info", "OSD volume", "Shows the logical volume of one OSD. Changes nothing.",
     "ceph", EFFECT_READ, ROW_IDEMPOTENT, ceph_osd_lv_info_fields,
     .path = "/nodes/{node}/ceph/osd/{osdid}/lv-info", .query = "type", .privilege = "/ Sys.Audit",
     .result = ""},
    {"pve_ceph_mds_list", "Metadata servers", "Lists Ceph's metadata servers. Changes nothing.",
     "ceph", EFFECT_READ, ROW_IDEMPOTENT, node_page_fields, .path = "/nodes/{node}/ceph/mds",
     .privilege = "/ Sys.Audit", .result = LIST_RESULT},
    {"pve_ceph_mgr_list", "Ceph managers", "Lists Ceph's managers. Changes nothing.", "ceph",
     EFFECT_READ, ROW_IDEMPOTENT, node_page_fields, .path = "/nodes/{node}/ceph/mgr",
     .privilege = "/ Sys.Audit", .result = LIST_RESULT},
    {"pve_ceph_mon_list", "Ceph monitors", "Lists Ceph's monitors. Changes nothing.", "ceph",
     EFFECT_READ, ROW_IDEMPOTENT, node_page_fields, .path = "/nodes/{node}/ceph/mon",
     .privilege = "/ Sys.Audit", .result = LIST_RESULT},
    {"pve_ceph_fs_list", "Ceph file systems", "Lists Ceph's file systems. Changes nothing.", "ceph",
     EFFECT_READ, ROW_IDEMPOTENT, node_page_fields, .path = "/nodes/{node}/ceph/fs",
     .privilege = "/ Sys.Audit", .result = LIST_RESULT},
    {"pve_ceph_pool_list", "Ceph pools", "Lists Ceph's pools. Changes nothing.", "ceph",
     EFFECT_READ, ROW_IDEMPOTENT, node_page_fields, .path = "/nodes/{node}/ceph/pool",
     .privilege = "/ Sys.Audit", .result = LIST_RESULT},
    {"pve_ceph_pool_status", "Ceph pool", "Shows one Ceph pool. Changes nothing.", "ceph",
     EFFECT_READ, ROW_IDEMPOTENT, ceph_pool_status_fields,
     .path = "/nodes/{node}/ceph/pool/{name}/status", .query = "verbose",
     .privilege = "/ Sys.Audit", .result = ""},
    {"pve_ceph_node_status", "Ceph health as a node sees it",
     "Shows Ceph's status as asked on one node. Changes nothing.", "ceph", EFFECT_READ,
     ROW_IDEMPOTENT, node_fields, .path = "/nodes/{node}/ceph/status", .privilege = "/ Sys.Audit",
     .result = ""},
    {"pve_ceph_crush", "CRUSH map", "Shows the CRUSH map as text. Changes nothing.", "ceph",
     EFFECT_READ, ROW_IDEMPOTENT, node_fields, .path = "/nodes/{node}/ceph/crush",
     .privilege = "/ Sys.Audit", .result = "value?:string"},
    {"pve_ceph_rules", "CRUSH rules", "Lists the CRUSH rules. Changes nothing.", "ceph",
     EFFECT_READ, ROW_IDEMPOTENT, node_page_fields, .path = "/nodes/{node}/ceph/rules",
     .privilege = "/ Sys.Audit", .result = LIST_RESULT},
    {"pve_ceph_log", "Ceph log", "Lists lines of Ceph's log. Changes nothing.", "ceph", EFFECT_READ,
     ROW_IDEMPOTENT, ceph_log_fields, .path = "/nodes/{node}/ceph/log", .query = "limit",
     .privilege = "/nodes/{node} Sys.Syslog", .result = LIST_RESULT},
    {"pve_ceph_cmd_safety", "Is it safe?",
     "Asks Ceph whether a daemon may be stopped or destroyed. Changes nothing.", "ceph",
     EFFECT_READ, ROW_IDEMPOTENT, ceph_cmd_safety_fields, .path = "/nodes/{node}/ceph/cmd-safety",
     .query = "action service id", .privilege = "/ Sys.Audit", .result = ""},
    {NULL},
};
