/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/tools/exceptions.h - where a row differs from the API's own schema on purpose. Each
 * with its reason; one that no longer applies fails the walk. `what` is "METHOD PATH" or a
 * parameter. */
#pragma once

static const struct exception {
    const char *row, *what, *why;
} exceptions[] = {
    {"pve_metrics_server_update", "digest", "one server's answer holds no digest to give"},
    {"pve_apt_repository_add", "digest", "a source is added whatever the others are"},
    {"pve_node_config_set", "digest", "a node without settings has none, as seen on 9.1"},
    {"pve_notification_webhook_create", "secret", "one secret is a list of one"},
    {"pve_notification_webhook_update", "secret", "one secret is a list of one"},
    {"pbs_acl_modify", "digest", "the entry is observed by itself; others may change beside it"},
    {NULL, NULL, NULL},
};
