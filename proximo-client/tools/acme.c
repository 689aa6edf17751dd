/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about ACME challenge plugins and about the certificates that nodes serve the API with.
 * Accounts are left out: PVE lets only root@pam itself, no token, touch them. */
#include "proximo-client/tools/send.h"

static const struct thing plugin = {
    .kind = "acme-plugin",
    .id = "id",
    .read = "/cluster/acme/plugins/{id}",
    .list = "/cluster/acme/plugins",
    .match = "plugin=id",
    .drop = "plugin data", /* the API shows a DNS provider's credentials here */
    .made_by = "pve_acme_plugin_create",
    .deleted_by = "pve_acme_plugin_delete",
};

#define ID                                                                                         \
    { "id", F_STR, NULL, true, .min = 2, .max = 128 }
#define SETTINGS                                                                                   \
    {"api", F_STR, "name of the DNS provider's plugin", .max = 64},                                \
        {"data", F_STR, "base64 of KEY=VALUE lines", .secret = true, .max = 16384},                \
        {"disable", F_BOOL}, {"nodes", F_STRS, "nodes it is for", .max = 64}, {                    \
        "validation-delay", F_INT, "seconds", .max = 172800                                        \
    }

static const struct field id_fields[] = {ID, {NULL}};
static const struct field create_fields[] = {
    ID, {"type", F_ENUM, NULL, true, .choices = "dns|standalone"}, SETTINGS, {NULL}};
static const struct field update_fields[] = {
    ID, SETTINGS, {"delete", F_STRS, "keys to delete", .max = 16}, {NULL}};
static const struct field order_fields[] = {
    {"node", F_NODE, NULL, true}, {"force", F_BOOL, "although it is still valid"}, {NULL}};
static const struct field node_fields[] = {{"node", F_NODE, NULL, true}, {NULL}};
static const struct field upload_fields[] = {
    {"node", F_NODE, NULL, true},
    {"certificates", F_STR, "PEM, the node's own first", true, .max = 65536},
    {"key", F_STR, "PEM; left out: the key that is there", .secret = true, .max = 16384},
    {"force", F_BOOL, "over one that is there"},
    {"restart", F_BOOL, "restart pveproxy, so that it is used"},
    {NULL}};
static const struct field remove_fields[] = {
    {"node", F_NODE, NULL, true}, {"restart", F_BOOL, "restart pveproxy"}, {NULL}};

#define ALONE   "it is used when a certificate is ordered"
#define SERVED  "/nodes/{node}/certificates/info whole"
#define ON_NODE "/nodes/{node} Sys.Modify"
#define PINNED                                                                                     \
    "whoever pins the node's certificate, this client perhaps too, must be told the new one"
#define NO_KEY   "the key of the certificate before cannot be read from the API"
#define NO_GUEST "guests do not use the certificate; clients of the API do"

const struct row acme_rows[] = {
    {"pve_acme_plugin_create", "Make an ACME plugin",
     "Plans a new ACME challenge plugin; its API data are written, never shown." PLANS, "acme",
     EFFECT_CHANGE, 0, create_fields, .undo = "inverse", .privilege = "/ Sys.Modify",
     .send =
         &(const struct send){
             .does = SEND_CREATE,
             .on = &plugin,
             .method = "POST",
             .path = "/cluster/acme/plugins",
             .say = "make ACME plugin {id}",
             .alone = ALONE,
         }},
    {"pve_acme_plugin_update", "Change an ACME plugin",
     "Plans changing an ACME challenge plugin; its API data are written, never shown." PLANS,
     "acme", EFFECT_CHANGE, 0, update_fields, .undo = "restore-object", .privilege = "/ Sys.Modify",
     .send =
         &(const struct send){
             .does = SEND_UPDATE,
             .on = &plugin,
             .method = "PUT",
             .path = "/cluster/acme/plugins/{id}",
             .say = "change ACME plugin {id}",
             .digest = true,
             .alone = ALONE,
             .floor = RISK_MEDIUM,
             .floor_why = "a certificate may not be renewed in time",
         }},
    {"pve_acme_plugin_delete", "Delete an ACME plugin",
     "Plans deleting an ACME challenge plugin: certificates that need it are not renewed." PLANS,
     "acme", EFFECT_CHANGE, 0, id_fields, .undo = "restore-object", .privilege = "/ Sys.Modify",
     .send =
         &(const struct send){
             .does = SEND_DELETE,
             .on = &plugin,
             .method = "DELETE",
             .path = "/cluster/acme/plugins/{id}",
             .say = "delete ACME plugin {id}",
             .alone = ALONE,
             .floor = RISK_MEDIUM,
             .floor_why = "a certificate may not be renewed in time",
         }},
    {"pve_acme_cert_order", "Order a certificate",
     "Plans ordering a node's certificate by ACME and serving the API with it." PLANS, "acme",
     EFFECT_CHANGE, 0, order_fields, .undo = "none", .undo_none = NO_KEY, .privilege = ON_NODE,
     .send =
         &(const struct send){
             .does = SEND_ACTION,
             .method = "POST",
             .path = "/nodes/{node}/certificates/acme/certificate",
             .say = "order a certificate for {node}",
             .reads = SERVED,
             .alone = NO_GUEST,
             .floor = RISK_HIGH,
             .floor_why = PINNED,
         }},
    {"pve_acme_cert_renew", "Renew a certificate",
     "Plans renewing a node's ACME certificate and serving the API with it." PLANS, "acme",
     EFFECT_CHANGE, 0, order_fields, .undo = "none", .undo_none = NO_KEY, .privilege = ON_NODE,
     .send =
         &(const struct send){
             .does = SEND_ACTION,
             .method = "PUT",
             .path = "/nodes/{node}/certificates/acme/certificate",
             .say = "renew the certificate of {node}",
             .reads = SERVED,
             .alone = NO_GUEST,
             .floor = RISK_HIGH,
             .floor_why = PINNED,
         }},
    {"pve_acme_cert_revoke", "Revoke a certificate",
     "Plans revoking a node's ACME certificate: for ever; the API is served with its own "
     "again." PLANS,
     "acme", EFFECT_CHANGE, 0, node_fields, .undo = "none",
     .undo_none = "a revoked certificate stays revoked", .privilege = ON_NODE,
     .send =
         &(const struct send){
             .does = SEND_ACTION,
             .method = "DELETE",
             .path = "/nodes/{node}/certificates/acme/certificate",
             .say = "revoke the certificate of {node}",
             .reads = SERVED,
             .alone = NO_GUEST,
             .floor = RISK_HIGH,
             .floor_why = PINNED,
             .operator_why = "a revoked certificate stays revoked",
         }},
    {"pve_node_certificate_upload", "Give a node a certificate",
     "Plans serving a node's API with a certificate of one's own." PLANS, "acme", EFFECT_CHANGE, 0,
     upload_fields, .undo = "none", .undo_none = NO_KEY, .privilege = ON_NODE,
     .send =
         &(const struct send){
             .does = SEND_ACTION,
             .method = "POST",
             .path = "/nodes/{node}/certificates/custom",
             .say = "serve {node} with a certificate of one's own",
             .reads = SERVED,
             .alone = NO_GUEST,
             .floor = RISK_HIGH,
             .floor_why = PINNED,
         }},
    {"pve_node_certificate_remove", "Take a node's certificate away",
     "Plans serving a node's API with the cluster's own certificate again." PLANS, "acme",
     EFFECT_CHANGE, 0, remove_fields, .undo = "none", .undo_none = NO_KEY, .privilege = ON_NODE,
     .send =
         &(const struct send){
             .does = SEND_ACTION,
             .method = "DELETE",
             .path = "/nodes/{node}/certificates/custom",
             .say = "serve {node} with the cluster's own certificate",
             .reads = SERVED,
             .alone = NO_GUEST,
             .floor = RISK_HIGH,
             .floor_why = PINNED,
         }},
    {NULL},
};
