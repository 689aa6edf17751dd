/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that write over disks of a node, and that destroy what was made of them. Wiping a disk and
 * making or destroying an OSD are left out: PVE lets only root@pam itself, no token, do that. */
#include <string.h>

#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/assess.h"

#define NODE                                                                                       \
    { "node", F_NODE, NULL, true }
#define NAME                                                                                       \
    { "name", F_STORAGE, "also of the storage, if one is added", true }
#define DEVICE                                                                                     \
    { "device", F_STR, "e.g. /dev/sdb; everything on it goes", true, .max = 255 }
#define ADD                                                                                        \
    { "add_storage", F_BOOL, "make a storage of it, too" }
#define CLEANUP_FIELDS                                                                             \
    {"cleanup-config", F_BOOL, "take storages that stand on it out of the configuration"}, {       \
        "cleanup-disks", F_BOOL, "wipe the disks, so that they can be used again"                  \
    }

static const struct field gpt_fields[] = {NODE,
                                          {"disk", F_STR, "e.g. /dev/sdb", true, .max = 255},
                                          {"uuid", F_STR, NULL, .max = 36},
                                          {NULL}};
static const struct field lvm_fields[] = {NODE, NAME, DEVICE, ADD, {NULL}};
static const struct field directory_fields[] = {
    NODE, NAME, DEVICE, {"filesystem", F_ENUM, NULL, .choices = "ext4|xfs"}, ADD, {NULL}};
static const struct field zfs_fields[] = {
    NODE,
    NAME,
    {"devices", F_STRS, "everything on them goes", true, .max = 64},
    {"raidlevel", F_ENUM, NULL, true,
     .choices = "single|mirror|raid10|raidz|raidz2|raidz3|draid|draid2|draid3"},
    {"draid-config", F_STR, "data=N,spares=N", .max = 64},
    {"ashift", F_INT, "log2 of the sector size", .min = 9, .max = 16},
    {"compression", F_ENUM, NULL, .choices = "on|off|gzip|lz4|lzjb|zle|zstd"},
    ADD,
    {NULL}};
static const struct field gone_fields[] = {
    NODE, {"name", F_STORAGE, NULL, true}, CLEANUP_FIELDS, {NULL}};
static const struct field thin_gone_fields[] = {NODE,
                                                {"name", F_STORAGE, NULL, true},
                                                {"volume-group", F_STORAGE, NULL, true},
                                                CLEANUP_FIELDS,
                                                {NULL}};

/* What was made goes again, with the storage that was added. */
static int made_back(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINE);
    const char *name = js_str_or(a->args, "name", "");
    js *form;
    int r = pve_path(a->row->send->path, a->args, &path, e);

    if (r < 0) {
        return r;
    }
    (void)buf_addf(&path, "/%s", name);
    form = js_object();
    js_add(form, "cleanup-disks", js_int(1));
    if (js_bool_or(a->args, "add_storage", false)) {
        js_add(form, "cleanup-config", js_int(1));
    }
    if (strstr(a->row->send->path, "lvmthin")) { /* PVE names group and pool alike */
        js_add(form, "volume-group", js_str(name));
    }
    draft_undo(d, "inverse", "it is destroyed again and its disks are wiped",
               "what the disks held before does not come back, and what is stored there meanwhile "
               "is lost");
    draft_request(d, PHASE_UNDO, "DELETE", buf_str(&path), form, NULL);
    return 0;
}

#define MODIFY "/ Sys.Modify"
#define NO_WAY "what was on it is destroyed"

#define MAKE_ROW(word, what, field_list)                                                           \
    {                                                                                              \
        "pve_disk_" word "_create", "Make a " what,                                                \
            "Plans making a " what " of disks: what is on them goes. PVE refuses disks in "        \
            "use." PLANS,                                                                          \
            "disk", EFFECT_CHANGE, 0, (field_list), .analysers = "node-disk", .undo = "inverse",   \
                                                    .privilege = MODIFY,                           \
                                                    .send = &(const struct send) {                 \
            .does = SEND_ACTION, .method = "POST", .path = "/nodes/{node}/disks/" word,            \
            .say = "make " what " {name} on {node}", .back = made_back,                            \
            .assess = assess_node_disk, .operator_why = "disks are written over"                   \
        }                                                                                          \
    }
#define DESTROY_ROW(word, what, field_list)                                                        \
    {                                                                                              \
        "pve_disk_" word "_destroy", "Destroy a " what,                                            \
            "Plans destroying a " what " of a node with everything on it." PLANS, "disk",          \
            EFFECT_CHANGE, 0, (field_list), .analysers = "node-disk", .undo = "none",              \
                                            .undo_none = NO_WAY, .privilege = MODIFY,              \
                                            .send = &(const struct send) {                         \
            .does = SEND_ACTION, .method = "DELETE",                                               \
            .path = "/nodes/{node}/disks/" word "/{name}",                                         \
            .say = "destroy " what " {name} on {node}", .assess = assess_node_disk,                \
            .operator_why = NO_WAY                                                                 \
        }                                                                                          \
    }

const struct row disk_rows[] = {
    {"pve_disk_init_gpt", "Make a partition table",
     "Plans writing a new, empty partition table on a disk: what is on it goes." PLANS, "disk",
     EFFECT_CHANGE, 0, gpt_fields, .analysers = "node-disk", .undo = "none", .undo_none = NO_WAY,
     .privilege = MODIFY,
     .send =
         &(const struct send){
             .does = SEND_ACTION,
             .method = "POST",
             .path = "/nodes/{node}/disks/initgpt",
             .say = "make a new partition table on {disk} of {node}",
             .assess = assess_node_disk,
             .operator_why = "a disk is written over",
         }},
    MAKE_ROW("lvm", "volume group", lvm_fields),
    MAKE_ROW("lvmthin", "thin pool", lvm_fields),
    MAKE_ROW("zfs", "ZFS pool", zfs_fields),
    MAKE_ROW("directory", "directory", directory_fields),
    DESTROY_ROW("lvm", "volume group", gone_fields),
    DESTROY_ROW("lvmthin", "thin pool", thin_gone_fields),
    DESTROY_ROW("zfs", "ZFS pool", gone_fields),
    DESTROY_ROW("directory", "directory", gone_fields),
    {NULL},
};
