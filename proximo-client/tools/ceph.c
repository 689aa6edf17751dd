/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that change Ceph: flags, OSDs, daemons, pools. What the absence of one does to data is
 * counted from the lists that a node shows (blast/ceph.c); pve_ceph_cmd_safety asks Ceph itself. */
#include "proximo-client/tools/assess.h"

static const struct thing flag = {.kind = "ceph-flag",
                                  .id = "flag",
                                  .list = "/cluster/ceph/flags",
                                  .match = "name=flag",
                                  .drop = "name description"};

#define DAEMON(word, of)                                                                           \
    {                                                                                              \
        .kind = "ceph-" word, .id = "node " of, .list = "/nodes/{node}/ceph/" word,                \
        .match = "name=" of,                                                                       \
        .drop = "name addr host rank quorum service state direxists ceph_version "                 \
                "ceph_version_short standby_replay",                                               \
        .made_by = "pve_ceph_" word "_create", .deleted_by = "pve_ceph_" word "_delete",           \
    }
static const struct thing mon = DAEMON("mon", "monid"), mgr = DAEMON("mgr", "id"),
                          mds = DAEMON("mds", "name");
static const struct thing pool = {
    .kind = "ceph-pool",
    .id = "node name",
    .read = "/nodes/{node}/ceph/pool/{name}/status",
    .list = "/nodes/{node}/ceph/pool",
    .match = "pool_name=name",
    .list_reduce = "ceph",
    .drop = "id name application_list autoscale_status statistics fast_read hashpspool nodelete "
            "nodeep-scrub nopgchange noscrub nosizechange pgp_num use_gmt_hitset "
            "write_fadvise_dontneed",
    .made_by = "pve_ceph_pool_create",
    .deleted_by = "pve_ceph_pool_delete",
};

#define NODE                                                                                       \
    { "node", F_NODE, "any node with Ceph", true }
#define HOST                                                                                       \
    { "node", F_NODE, "where it runs", true }
#define OSD                                                                                        \
    { "osdid", F_INT, NULL, true, .max = 100000 }
#define POOL_SETTINGS                                                                              \
    {"size", F_INT, "copies", .min = 1, .max = 7},                                                 \
        {"min_size", F_INT, "copies below which data are not served", .min = 1, .max = 7},         \
        {"pg_num", F_INT, NULL, .min = 1, .max = 32768},                                           \
        {"pg_num_min", F_INT, NULL, .max = 32768},                                                 \
        {"pg_autoscale_mode", F_ENUM, NULL, .choices = "on|off|warn"},                             \
        {"crush_rule", F_STR, NULL, .max = 128},                                                   \
        {"application", F_ENUM, NULL, .choices = "rbd|cephfs|rgw"}, {                              \
        "target_size", F_STR, "e.g. 100G", .max = 32                                               \
    }

static const struct field flag_fields[] = {
    {"flag", F_ENUM, NULL, true,
     .choices = "nobackfill|nodeep-scrub|nodown|noin|noout|norebalance|norecover|noscrub|"
                "notieragent|noup|pause"},
    {"value", F_BOOL, "set or not", true},
    {NULL}};
static const struct field osd_fields[] = {HOST, OSD, {NULL}};
static const struct field scrub_fields[] = {HOST, OSD, {"deep", F_BOOL}, {NULL}};
static const struct field mon_fields[] = {HOST,
                                          {"monid", F_STR, NULL, true, .max = 200},
                                          {"mon-address", F_STR, NULL, .max = 255},
                                          {NULL}};
static const struct field mon_name_fields[] = {
    HOST, {"monid", F_STR, NULL, true, .max = 200}, {NULL}};
static const struct field mgr_fields[] = {HOST, {"id", F_STR, NULL, true, .max = 200}, {NULL}};
static const struct field mds_fields[] = {HOST,
                                          {"name", F_STR, NULL, true, .max = 200},
                                          {"hotstandby", F_BOOL, "follow the active one"},
                                          {NULL}};
static const struct field mds_name_fields[] = {
    HOST, {"name", F_STR, NULL, true, .max = 200}, {NULL}};
static const struct field pool_create_fields[] = {
    NODE,
    {"name", F_STR, NULL, true, .max = 128},
    POOL_SETTINGS,
    {"erasure-coding", F_STR, "k=N,m=N", .max = 255},
    {"add_storages", F_BOOL, "make storages of it, too"},
    {NULL}};
static const struct field pool_update_fields[] = {
    NODE, {"name", F_STR, NULL, true, .max = 128}, POOL_SETTINGS, {NULL}};
static const struct field pool_delete_fields[] = {
    NODE,
    {"name", F_STR, NULL, true, .max = 128},
    {"force", F_BOOL, "although storages use it"},
    {"remove_storages", F_BOOL, "take storages that use it out of the configuration"},
    {"remove_ecprofile", F_BOOL},
    {NULL}};
static const struct field fs_fields[] = {NODE,
                                         {"name", F_STR, NULL, true, .max = 128},
                                         {"pg_num", F_INT, NULL, .min = 8, .max = 32768},
                                         {"add-storage", F_BOOL, "make a storage of it, too"},
                                         {NULL}};
static const struct field init_fields[] = {NODE,
                                           {"network", F_STR, "public network, CIDR", .max = 128},
                                           {"cluster-network", F_STR, "CIDR", .max = 128},
                                           {"size", F_INT, "copies", .min = 1, .max = 7},
                                           {"min_size", F_INT, NULL, .min = 1, .max = 7},
                                           {"pg_bits", F_INT, NULL, .min = 6, .max = 14},
                                           {NULL}};
static const struct field service_fields[] = {
    HOST, {"service", F_STR, "e.g. osd.3, mon, or ceph for all", .max = 200}, {NULL}};

#define MODIFY  "/ Sys.Modify"
#define CEPH_IS "/nodes/{node}/ceph/mon whole"

#define FLAG_WHY "Ceph stops doing what the flag names, for all its data"
#define ROW(name, title, desc, fields, way, ...)                                                   \
    {                                                                                              \
        name, title, desc PLANS, "ceph", EFFECT_CHANGE, 0, (fields),                               \
            .undo = (way), .privilege = MODIFY, __VA_ARGS__                                        \
    }
#define DAEMON_ROWS(on_it, word, what, made, named, of)                                            \
    ROW("pve_ceph_" word "_create", "Make a " what, "Plans a new " what " of Ceph.", made,         \
        "inverse", .analysers = "ceph",                                                            \
        .send = &(const struct send){.assess = assess_ceph,                                        \
                                     .does = SEND_CREATE,                                          \
                                     .on = &(on_it),                                               \
                                     .method = "POST",                                             \
                                     .path = "/nodes/{node}/ceph/" word "/{" of "}",               \
                                     .say = "make " what " {" of "} on {node}"}),                  \
        ROW("pve_ceph_" word "_delete", "Destroy a " what,                                         \
            "Plans destroying a " what " of Ceph: too few of them, and its data stand still.",     \
            named, "restore-object", .analysers = "ceph",                                          \
            .send = &(const struct send){                                                          \
                .assess = assess_ceph,                                                             \
                .does = SEND_DELETE,                                                               \
                .on = &(on_it),                                                                    \
                .method = "DELETE",                                                                \
                .path = "/nodes/{node}/ceph/" word "/{" of "}",                                    \
                .say = "destroy " what " {" of "} on {node}",                                      \
                .limits = "it begins empty and fills itself from the others, if there are any"})

const struct row ceph_rows[] = {
    ROW("pve_ceph_flag_set", "Set a Ceph flag",
        "Plans setting or clearing one of Ceph's flags, such as noout.", flag_fields,
        "restore-object", .analysers = "ceph",
        .send = &(const struct send){.assess = assess_ceph,
                                     .does = SEND_UPDATE,
                                     .on = &flag,
                                     .method = "PUT",
                                     .path = "/cluster/ceph/flags/{flag}",
                                     .say = "set Ceph's flag {flag} to {value}",
                                     .floor = RISK_HIGH,
                                     .floor_why = FLAG_WHY}),
    ROW("pve_ceph_osd_out", "Take an OSD out",
        "Plans taking an OSD out: its data are copied to others.", osd_fields, "inverse",
        .analysers = "ceph",
        .send = &(const struct send){.assess = assess_ceph,
                                     .does = SEND_ACTION,
                                     .method = "POST",
                                     .path = "/nodes/{node}/ceph/osd/{osdid}/out",
                                     .say = "take OSD {osdid} out",
                                     .inverse = "pve_ceph_osd_in",
                                     .reads = "/nodes/{node}/ceph/osd/{osdid}/metadata osd"}),
    ROW("pve_ceph_osd_in", "Take an OSD in", "Plans taking an OSD in: data are copied to it.",
        osd_fields, "inverse",
        .send =
            &(const struct send){
                .alone = "data are copied to it from others, which costs speed; no copy is lost",
                .does = SEND_ACTION,
                .method = "POST",
                .path = "/nodes/{node}/ceph/osd/{osdid}/in",
                .say = "take OSD {osdid} in",
                .inverse = "pve_ceph_osd_out",
                .reads = "/nodes/{node}/ceph/osd/{osdid}/metadata osd"}),
    ROW("pve_ceph_osd_scrub", "Scrub an OSD", "Plans having an OSD compare its copies with others.",
        scrub_fields, "none", .undo_none = "a comparison changes nothing",
        .send = &(const struct send){.does = SEND_ACTION,
                                     .method = "POST",
                                     .path = "/nodes/{node}/ceph/osd/{osdid}/scrub",
                                     .say = "scrub OSD {osdid}",
                                     .reads = "/nodes/{node}/ceph/osd/{osdid}/metadata osd",
                                     .alone = "data are read and compared; it costs speed"}),
    DAEMON_ROWS(mon, "mon", "monitor", mon_fields, mon_name_fields, "monid"),
    DAEMON_ROWS(mgr, "mgr", "manager", mgr_fields, mgr_fields, "id"),
    DAEMON_ROWS(mds, "mds", "metadata server", mds_fields, mds_name_fields, "name"),
    ROW("pve_ceph_pool_create", "Make a Ceph pool", "Plans a new pool of Ceph.", pool_create_fields,
        "inverse", .analysers = "ceph",
        .send = &(const struct send){.assess = assess_ceph,
                                     .does = SEND_CREATE,
                                     .on = &pool,
                                     .method = "POST",
                                     .path = "/nodes/{node}/ceph/pool",
                                     .say = "make Ceph pool {name}",
                                     .limits = "storages that were added with it stay, and what is "
                                               "stored in it meanwhile is lost"}),
    ROW("pve_ceph_pool_update", "Change a Ceph pool",
        "Plans changing a pool of Ceph: copies, placement groups, rule; data may move.",
        pool_update_fields, "restore-object", .analysers = "ceph",
        .send = &(const struct send){.assess = assess_ceph,
                                     .does = SEND_UPDATE,
                                     .on = &pool,
                                     .method = "PUT",
                                     .path = "/nodes/{node}/ceph/pool/{name}",
                                     .say = "change Ceph pool {name}"}),
    ROW("pve_ceph_pool_delete", "Destroy a Ceph pool",
        "Plans destroying a pool of Ceph with everything in it.", pool_delete_fields, "none",
        .undo_none = "what was in it is destroyed", .analysers = "ceph",
        .send = &(const struct send){.assess = assess_ceph,
                                     .does = SEND_DELETE,
                                     .on = &pool,
                                     .method = "DELETE",
                                     .path = "/nodes/{node}/ceph/pool/{name}",
                                     .say = "destroy Ceph pool {name} with everything in it",
                                     .operator_why = "what is in it is destroyed"}),
    ROW("pve_ceph_fs_create", "Make a Ceph file system",
        "Plans a new file system of Ceph with two pools.", fs_fields, "none",
        .undo_none = "the API destroys no file system of Ceph",
        .send =
            &(const struct send){.alone = "two new pools, empty; nothing that is stored is touched",
                                 .does = SEND_ACTION,
                                 .method = "POST",
                                 .path = "/nodes/{node}/ceph/fs/{name}",
                                 .say = "make Ceph file system {name}",
                                 .reads = "/nodes/{node}/ceph/fs whole"}),
    ROW("pve_ceph_init", "Begin a Ceph configuration",
        "Plans writing Ceph's first configuration for the cluster.", init_fields, "none",
        .undo_none = "the API takes no configuration of Ceph away",
        .send =
            &(const struct send){
                .alone =
                    "before it there is no Ceph; where there is one, nothing of it is written over",
                .does = SEND_ACTION,
                .method = "POST",
                .path = "/nodes/{node}/ceph/init",
                .say = "begin a Ceph configuration",
                .reads = "/nodes nodes"}),
    ROW("pve_ceph_service_start", "Start Ceph daemons",
        "Plans starting one or all of a node's Ceph daemons.", service_fields, "inverse",
        .send = &(const struct send){.alone = "what runs again gives its copies and its vote back",
                                     .does = SEND_ACTION,
                                     .method = "POST",
                                     .path = "/nodes/{node}/ceph/start",
                                     .say = "start Ceph's {service} on {node}",
                                     .inverse = "pve_ceph_service_stop",
                                     .reads = CEPH_IS}),
    ROW("pve_ceph_service_stop", "Stop Ceph daemons",
        "Plans stopping one or all of a node's Ceph daemons: data have fewer copies, or stand "
        "still.",
        service_fields, "inverse", .analysers = "ceph",
        .send = &(const struct send){.assess = assess_ceph,
                                     .does = SEND_ACTION,
                                     .method = "POST",
                                     .path = "/nodes/{node}/ceph/stop",
                                     .say = "stop Ceph's {service} on {node}",
                                     .inverse = "pve_ceph_service_start",
                                     .reads = CEPH_IS}),
    ROW("pve_ceph_service_restart", "Restart Ceph daemons",
        "Plans restarting one or all of a node's Ceph daemons.", service_fields, "none",
        .undo_none = "a daemon that was restarted runs as before", .analysers = "ceph",
        .send = &(const struct send){.assess = assess_ceph,
                                     .does = SEND_ACTION,
                                     .method = "POST",
                                     .path = "/nodes/{node}/ceph/restart",
                                     .say = "restart Ceph's {service} on {node}",
                                     .reads = CEPH_IS}),
    {NULL},
};
