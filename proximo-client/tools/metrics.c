/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about servers that the cluster sends its metrics to. PVE tries the connection before it
 * keeps one. The API never shows the token; headers of OpenTelemetry often carry one, too. */
#include "proximo-client/tools/send.h"

static const struct thing server = {
    .kind = "metric-server",
    .id = "id",
    .read = "/cluster/metrics/server/{id}",
    .list = "/cluster/metrics/server",
    .match = "id",
    .drop = "id otel-headers",
    .made_by = "pve_metrics_server_create",
    .deleted_by = "pve_metrics_server_delete",
};

#define ID                                                                                         \
    { "id", F_STR, NULL, true, .min = 2, .max = 128 }
#define TYPE                                                                                       \
    { "type", F_ENUM, NULL, true, .choices = "graphite|influxdb|opentelemetry" }
#define SETTINGS                                                                                   \
    {"server", F_STR, "name or address", true, .max = 255},                                        \
        {"port", F_INT, NULL, true, .min = 1, .max = 65536}, {"disable", F_BOOL},                  \
        {"mtu", F_INT, "bytes of a UDP packet", .min = 512, .max = 65536},                         \
        {"timeout", F_INT, "seconds", .max = 3600},                                                \
        {"path", F_STR, "graphite: first part of each name", .max = 255},                          \
        {"proto", F_ENUM, "graphite", .choices = "udp|tcp"},                                       \
        {"influxdbproto", F_ENUM, NULL, .choices = "udp|http|https"},                              \
        {"organization", F_STR, "influxdb", .max = 255},                                           \
        {"bucket", F_STR, "influxdb", .max = 255},                                                 \
        {"api-path-prefix", F_STR, "influxdb", .max = 255},                                        \
        {"max-body-size", F_INT, "influxdb: bytes", .min = 1, .max = 1000000000},                  \
        {"verify-certificate", F_BOOL, "influxdb"},                                                \
        {"token", F_STR, "influxdb: token, or user:password", .secret = true, .max = 4096},        \
        {"otel-protocol", F_ENUM, NULL, .choices = "http|https"},                                  \
        {"otel-path", F_STR, NULL, .max = 255},                                                    \
        {"otel-timeout", F_INT, "seconds", .min = 1, .max = 10}, {"otel-verify-ssl", F_BOOL},      \
        {"otel-compression", F_ENUM, NULL, .choices = "none|gzip"},                                \
        {"otel-max-body-size", F_INT, "bytes", .min = 1024, .max = 1000000000},                    \
        {"otel-resource-attributes", F_STR, NULL, .max = 4096}, {                                  \
        "otel-headers", F_STR, "base64 of JSON", .secret = true, .max = 4096                       \
    }

static const struct field id_fields[] = {ID, {NULL}};
static const struct field create_fields[] = {ID, TYPE, SETTINGS, {NULL}};
static const struct field update_fields[] = {
    ID, SETTINGS, {"delete", F_STRS, "keys to delete", .max = 32}, {NULL}};

#define ALONE "the nodes send figures there; no guest depends on it"

const struct row metrics_rows[] = {
    {"pve_metrics_server_create", "Make a metric server",
     "Plans sending the cluster's metrics to one more server; PVE connects to it at once." PLANS,
     "metrics", EFFECT_CHANGE, 0, create_fields, .undo = "inverse", .privilege = "/ Sys.Modify",
     .send =
         &(const struct send){
             .does = SEND_CREATE,
             .on = &server,
             .method = "POST",
             .path = "/cluster/metrics/server/{id}",
             .say = "send metrics to {server} as {id}",
             .alone = ALONE,
             .floor = RISK_MEDIUM,
             .floor_why = "names and loads of all guests go to that server",
         }},
    {"pve_metrics_server_update", "Change a metric server",
     "Plans changing where metrics are sent; PVE connects to it at once." PLANS, "metrics",
     EFFECT_CHANGE, 0, update_fields, .undo = "restore-object", .privilege = "/ Sys.Modify",
     .send =
         &(const struct send){
             .does = SEND_UPDATE,
             .on = &server,
             .method = "PUT",
             .path = "/cluster/metrics/server/{id}",
             .say = "change metric server {id}",
             .alone = ALONE,
             .floor = RISK_MEDIUM,
             .floor_why = "names and loads of all guests go to that server",
         }},
    {"pve_metrics_server_delete", "Delete a metric server",
     "Plans sending no more metrics to a server." PLANS, "metrics", EFFECT_CHANGE, 0, id_fields,
     .undo = "restore-object", .privilege = "/ Sys.Modify",
     .send =
         &(const struct send){
             .does = SEND_DELETE,
             .on = &server,
             .method = "DELETE",
             .path = "/cluster/metrics/server/{id}",
             .say = "send no more metrics to {id}",
             .alone = ALONE,
         }},
    {NULL},
};
