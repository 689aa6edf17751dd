/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about what lies on a storage: volumes, archives, images, templates. */
#include "proximo-client/tools/assess.h"
#include "proximo-client/tools/made_back.h"

static const struct thing volume = {
    .kind = "volume",
    .id = "node storage volume",
    .read = "/nodes/{node}/storage/{storage}/content/{volume}",
    .drop = "path size used format",
};

static const struct field volume_fields[] = {
    {"node", F_NODE, NULL, true},
    {"storage", F_STORAGE, NULL, true},
    {"volume", F_VOLID, "storage:name", true},
    {NULL},
};
static const struct field notes_fields[] = {
    {"node", F_NODE, NULL, true},
    {"storage", F_STORAGE, NULL, true},
    {"volume", F_VOLID, "storage:name", true},
    {"notes", F_STR, NULL, .max = 8192, .unset = ""},
    {"protected", F_BOOL, "neither pruned nor deleted", .unset = "0"},
    {NULL},
};
static const struct field alloc_fields[] = {
    {"node", F_NODE, NULL, true},
    {"storage", F_STORAGE, NULL, true},
    {"vmid", F_VMID, "owner", true},
    {"filename", F_STR, "vm-104-disk-7", true, .min = 1, .max = 200},
    {"size", F_STR, "10G", true, .min = 1, .max = 20},
    {"format", F_ENUM, NULL, .choices = "raw|qcow2|subvol|vmdk"},
    {NULL},
};
static const struct field rrd_fields[] = {
    {"node", F_NODE, NULL, true},
    {"storage", F_STORAGE, NULL, true},
    {"timeframe", F_ENUM, NULL, true, .choices = "hour|day|week|month|year"},
    {"cf", F_ENUM, NULL, .choices = "AVERAGE|MAX"},
    {NULL},
};
static const struct field restore_list_fields[] = {
    {"node", F_NODE, NULL, true},
    {"storage", F_STORAGE, NULL, true},
    {"volume", F_VOLID, "the backup", true},
    {"filepath", F_STR, "base64 of the path inside, or /", true, .min = 1, .max = 4096},
    FIELDS_PAGE,
    {NULL},
};
static const struct field oci_fields[] = {
    {"node", F_NODE, NULL, true},
    {"storage", F_STORAGE, NULL, true},
    {"reference", F_STR, "docker.io/library/x:tag", true, .min = 1, .max = 255},
    {"filename", F_STR, NULL, .min = 1, .max = 255},
    {NULL},
};
static const struct field download_fields[] = {
    {"node", F_NODE, NULL, true},
    {"storage", F_STORAGE, NULL, true},
    {"url", F_STR, "http(s), fetched by the node", true, .max = 2048, .min = 8},
    {"content", F_ENUM, NULL, true, .choices = "iso|vztmpl|import"},
    {"filename", F_STR, NULL, true, .max = 255, .min = 1},
    {"checksum", F_STR, NULL, .max = 128},
    {"checksum-algorithm", F_ENUM, NULL, .choices = "md5|sha1|sha224|sha256|sha384|sha512"},
    {"compression", F_STR, NULL, .max = 20},
    {"verify-certificates", F_BOOL, "default true"},
    {NULL},
};
static const struct field template_fields[] = {
    {"node", F_NODE, NULL, true},
    {"storage", F_STORAGE, NULL, true},
    {"template", F_STR, "as pve_appliances_list names it", true, .min = 1, .max = 255},
    {NULL},
};
static const struct field copy_fields[] = {
    {"node", F_NODE, NULL, true},
    {"storage", F_STORAGE, NULL, true},
    {"volume", F_VOLID, "storage:name", true},
    {"target", F_STR, "name of the copy", true, .min = 1, .max = 200},
    {"target_node", F_NODE, NULL},
    {NULL},
};

const struct row content_rows[] = {
    {"pve_volume_get", "One volume",
     "Shows one volume: size, format, notes, protection. Changes nothing.", "storage", EFFECT_READ,
     ROW_IDEMPOTENT | ROW_GUEST_TEXT, volume_fields,
     .path = "/nodes/{node}/storage/{storage}/content/{volume}",
     .privilege = "/storage/{storage} Datastore.Audit", .result = "format?:string size?:integer"},
    {"pve_storage_rrddata", "A storage's past fill",
     "Shows a storage's fill over an hour, day, week, month or year. Changes nothing.", "storage",
     EFFECT_READ, ROW_IDEMPOTENT, rrd_fields, .path = "/nodes/{node}/storage/{storage}/rrddata",
     .query = "timeframe cf", .privilege = "/storage/{storage} Datastore.Audit",
     .result = LIST_RESULT},
    {"pve_file_restore_list", "Files in a backup",
     "Lists files and directories inside a backup archive. Changes nothing.", "backup", EFFECT_READ,
     ROW_IDEMPOTENT | ROW_GUEST_TEXT, restore_list_fields,
     .path = "/nodes/{node}/storage/{storage}/file-restore/list", .query = "volume filepath",
     .privilege = "/storage/{storage} Datastore.Audit, /vms/{vmid} VM.Backup",
     .result = LIST_RESULT},
    {"pve_import_metadata", "Metadata of an importable guest",
     "Shows what a guest on an import storage would become. Changes nothing.", "storage",
     EFFECT_READ, ROW_IDEMPOTENT, volume_fields,
     .path = "/nodes/{node}/storage/{storage}/import-metadata", .query = "volume",
     .privilege = "/storage/{storage} Datastore.Audit",
     .result = "type?:string create-args?:object"},
    {"pve_storage_download", "Fetch an image or template",
     "Plans a node fetching an ISO image, container template or disk image from a URL." PLANS,
     "storage", EFFECT_CHANGE, 0, download_fields, .undo = "inverse",
     .privilege = "/storage/{storage} Datastore.AllocateTemplate, / Sys.Audit|Sys.Modify",
     .send =
         &(const struct send){
             .does = SEND_ACTION,
             .method = "POST",
             .path = "/nodes/{node}/storage/{storage}/download-url",
             .say = "fetch {filename} from {url} to {storage}",
             .back = back_new_volume,
             .reads = "/storage whole",
             .alone = "it adds a file; the node reaches out to the address named",
             .floor = RISK_MEDIUM,
             .floor_why = "the node fetches from an address that the caller chose",
         }},
    {"pve_template_download", "Fetch a container template",
     "Plans a node fetching one of the known container templates (pve_appliances_list)." PLANS,
     "storage", EFFECT_CHANGE, 0, template_fields, .undo = "inverse",
     .privilege = "/storage/{storage} Datastore.AllocateTemplate",
     .send =
         &(const struct send){
             .does = SEND_ACTION,
             .method = "POST",
             .path = "/nodes/{node}/aplinfo",
             .say = "fetch template {template} to {storage}",
             .back = back_new_volume,
             .reads = "/storage whole",
             .alone = "it adds a file; PVE checks it against the list's own hash",
         }},
    {"pve_oci_pull", "Fetch a container image",
     "Plans a node fetching an OCI image from a registry as a container template." PLANS, "storage",
     EFFECT_CHANGE, 0, oci_fields, .undo = "none",
     .undo_none =
         "PVE makes the file's name up from the image's: which file is new is not known for sure; "
         "pve_volume_delete deletes it",
     .privilege = "/storage/{storage} Datastore.AllocateTemplate, /nodes/{node} Sys.AccessNetwork",
     .send =
         &(const struct send){
             .does = SEND_ACTION,
             .method = "POST",
             .path = "/nodes/{node}/storage/{storage}/oci-registry-pull",
             .say = "fetch image {reference} to {storage}",
             .reads = "/storage whole",
             .alone = "it adds a file; the node reaches out to the registry named",
             .floor = RISK_MEDIUM,
             .floor_why = "the node fetches from an address that the caller chose",
         }},
    {"pve_volume_alloc", "Make a volume", "Plans a new, empty volume on a storage." PLANS,
     "storage", EFFECT_CHANGE, 0, alloc_fields, .undo = "inverse",
     .privilege = "/storage/{storage} Datastore.AllocateSpace",
     .send =
         &(const struct send){
             .does = SEND_ACTION,
             .method = "POST",
             .path = "/nodes/{node}/storage/{storage}/content",
             .say = "make volume {filename} of {size} on {storage}",
             .back = back_new_volume,
             .reads = "/storage whole",
             .alone = "no guest uses a new volume",
         }},
    {"pve_volume_update", "Notes and protection of a volume",
     "Plans other notes of a volume, or (un)protecting a backup from deletion." PLANS, "storage",
     EFFECT_CHANGE, 0, notes_fields, .undo = "restore-object",
     .privilege = "/storage/{storage} Datastore.Allocate",
     .send =
         &(const struct send){
             .does = SEND_UPDATE,
             .on = &volume,
             .method = "PUT",
             .path = "/nodes/{node}/storage/{storage}/content/{volume}",
             .say = "change {volume}",
             .alone = "notes and protection concern the archive alone",
             .floor = RISK_LOW,
             .floor_why = "an archive that is not protected can be pruned",
         }},
    {"pve_volume_delete", "Delete a volume",
     "Plans deleting a disk, backup, image or template from a storage, for good." PLANS, "storage",
     EFFECT_CHANGE, 0, volume_fields, .analysers = "volume", .undo = "none",
     .undo_none = "the data is gone", .privilege = "/storage/{storage} Datastore.Allocate",
     .send =
         &(const struct send){
             .assess = assess_volume_delete,
             .does = SEND_DELETE,
             .on = &volume,
             .method = "DELETE",
             .path = "/nodes/{node}/storage/{storage}/content/{volume}",
             .say = "delete {volume}",
             .floor = RISK_HIGH,
             .floor_why = "the data is deleted for good",
         }},
    {"pve_volume_copy", "Copy a volume",
     "Plans copying a volume to another name or node; PVE calls it experimental." PLANS, "storage",
     EFFECT_CHANGE, 0, copy_fields, .undo = "inverse",
     .privilege = "/storage/{storage} Datastore.AllocateSpace",
     .send =
         &(const struct send){
             .does = SEND_ACTION,
             .on = &volume,
             .method = "POST",
             .path = "/nodes/{node}/storage/{storage}/content/{volume}",
             .say = "copy {volume} to {target}",
             .back = back_new_volume,
             .alone = "it adds a volume",
         }},
    {NULL},
};
