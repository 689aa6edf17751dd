/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about cluster-wide names for PCI and USB devices and for directories of nodes. A guest that
 * names one does not start where the name stands for nothing. */
#include "proximo-client/tools/assess.h"

#define MAPPING(word)                                                                              \
    {                                                                                              \
        .kind = word "-mapping", .id = "id", .read = "/cluster/mapping/" word "/{id}",             \
        .list = "/cluster/mapping/" word, .match = "id", .drop = "id type",                        \
        .made_by = "pve_mapping_" word "_create", .deleted_by = "pve_mapping_" word "_delete",     \
    }

static const struct thing pci = MAPPING("pci"), usb = MAPPING("usb"), dir = MAPPING("dir");

#define ID                                                                                         \
    { "id", F_STR, "name of the mapping", true, .min = 2, .max = 128 }
#define MAP(text)                                                                                  \
    { "map", F_STRS, text, true, .repeated = true, .max = 256 }
#define DESCRIPTION                                                                                \
    { "description", F_STR, NULL, .max = 4096 }
#define KEYS                                                                                       \
    { "delete", F_STRS, "keys to delete", .max = 8 }
#define PCI_MAP MAP("one entry a device: node=N,path=0000:01:00.0,id=8086:1521")
#define USB_MAP MAP("one entry a device: node=N,id=046d:c52b or node=N,path=1-2")
#define DIR_MAP MAP("one entry a node: node=N,path=/srv/share")
#define PCI_SETTINGS                                                                               \
    {"live-migration-capable", F_BOOL, "the device can move with a running VM"}, {                 \
        "mdev", F_BOOL, "the device makes mediated devices"                                        \
    }

static const struct field id_fields[] = {ID, {NULL}};
static const struct field pci_create_fields[] = {ID, PCI_MAP, DESCRIPTION, PCI_SETTINGS, {NULL}};
static const struct field pci_update_fields[] = {ID,           PCI_MAP, DESCRIPTION,
                                                 PCI_SETTINGS, KEYS,    {NULL}};
static const struct field usb_create_fields[] = {ID, USB_MAP, DESCRIPTION, {NULL}};
static const struct field usb_update_fields[] = {ID, USB_MAP, DESCRIPTION, KEYS, {NULL}};
static const struct field dir_create_fields[] = {ID, DIR_MAP, DESCRIPTION, {NULL}};
static const struct field dir_update_fields[] = {ID, DIR_MAP, DESCRIPTION, KEYS, {NULL}};

/* Made, changed and deleted the same way, whatever is mapped. */
#define MAPPING_ROWS(on_it, word, what)                                                            \
    {"pve_mapping_" word "_create",                                                                \
     "Make a " what " mapping",                                                                    \
     "Plans a new cluster-wide name for " what "s of nodes." PLANS,                                \
     "mapping",                                                                                    \
     EFFECT_CHANGE,                                                                                \
     0,                                                                                            \
     on_it##_create_fields,                                                                        \
     .undo = "inverse",                                                                            \
     .privilege = "/mapping/" word " Mapping.Modify",                                              \
     .send =                                                                                       \
         &(const struct send){                                                                     \
             .does = SEND_CREATE,                                                                  \
             .on = &(on_it),                                                                       \
             .method = "POST",                                                                     \
             .path = "/cluster/mapping/" word,                                                     \
             .say = "make " what " mapping {id}",                                                  \
             .alone = "no guest can name it before it is there",                                   \
         }},                                                                                       \
        {"pve_mapping_" word "_update",                                                            \
         "Change a " what " mapping",                                                              \
         "Plans changing what a cluster-wide name of " what                                        \
         "s stands for: guests that name it get another one, or do not start." PLANS,              \
         "mapping",                                                                                \
         EFFECT_CHANGE,                                                                            \
         0,                                                                                        \
         on_it##_update_fields,                                                                    \
         .analysers = "mapping",                                                                   \
         .undo = "restore-object",                                                                 \
         .privilege = "/mapping/" word "/{id} Mapping.Modify",                                     \
         .send =                                                                                   \
             &(const struct send){                                                                 \
                 .does = SEND_UPDATE,                                                              \
                 .on = &(on_it),                                                                   \
                 .method = "PUT",                                                                  \
                 .path = "/cluster/mapping/" word "/{id}",                                         \
                 .say = "change " what " mapping {id}",                                            \
                 .digest = true,                                                                   \
                 .assess = assess_mapping,                                                         \
             }},                                                                                   \
    {                                                                                              \
        "pve_mapping_" word "_delete", "Delete a " what " mapping",                                \
            "Plans deleting a cluster-wide name of " what                                          \
            "s: guests that name it do not start any more." PLANS,                                 \
            "mapping", EFFECT_CHANGE, 0, id_fields,                                                \
            .analysers = "mapping", .undo = "restore-object",                                      \
            .privilege = "/mapping/" word " Mapping.Modify", .send = &(const struct send) {        \
            .does = SEND_DELETE, .on = &(on_it), .method = "DELETE",                               \
            .path = "/cluster/mapping/" word "/{id}", .say = "delete " what " mapping {id}",       \
            .assess = assess_mapping,                                                              \
        }                                                                                          \
    }

const struct row mapping_rows[] = {
    MAPPING_ROWS(pci, "pci", "PCI device"),
    MAPPING_ROWS(usb, "usb", "USB device"),
    MAPPING_ROWS(dir, "dir", "directory"),
    {NULL},
};
