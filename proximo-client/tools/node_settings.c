/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that change a node's own settings (name servers, hosts file, time zone, configuration) and
 * the options of the whole cluster. */
#include <string.h>

#include "proximo-client/tools/send.h"

static const struct thing dns = {.kind = "name-servers", .id = "node", .read = "/nodes/{node}/dns"};
static const struct thing zone = {.kind = "time-zone",
                                  .id = "node",
                                  .read = "/nodes/{node}/time",
                                  .reduce = "time-zone", /* the time itself always differs */
                                  .drop = "time localtime"};
static const struct thing hosts = {
    .kind = "hosts-file", .id = "node", .read = "/nodes/{node}/hosts"};
static const struct thing config = {
    .kind = "node-config", .id = "node", .read = "/nodes/{node}/config"};

/* Lists that PVE shows taken apart and takes with semicolons: "a;b". */
static js *with_semicolons(const js *list) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);

    for (size_t i = 0; i < js_len(list); i++) {
        (void)buf_addf(&b, "%s%s", i ? ";" : "", value_text(js_at(list, i)));
    }
    return js_str(buf_str(&b));
}

/* The options as they can be sent. allowed-tags is computed, and a proxy's address may hold its
 * password. */
static js *options_shape(const js *answer, const js *args) {
    js *o = js_object();

    (void)args;
    JS_FOREACH(answer, key, val) {
        if (strcmp(key, "allowed-tags") == 0 || strcmp(key, "digest") == 0 ||
            strcmp(key, "http_proxy") == 0 || !val) {
            continue;
        }
        if (js_is_object(val)) {
            js *parts = js_object();

            JS_FOREACH(val, name, part) {
                js_add(parts, name, js_is_array(part) ? with_semicolons(part) : js_copy(part));
            }
            js_add(o, key, parts);
        } else {
            js_add(o, key, js_is_array(val) ? with_semicolons(val) : js_copy(val));
        }
    }
    return o;
}

static const struct thing options = {
    .kind = "options", .id = "cluster", .read = "/cluster/options", .shape = options_shape};

static bool listed(const char *const *list, size_t n, const char *key) {
    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i], key) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_option(const char *kind, const char *key) {
    static const char *const keys[] = {
        "bwlimit",     "consent-text",    "console",        "crs",
        "description", "email_from",      "fencing",        "ha",
        "keyboard",    "language",        "mac_prefix",     "max_workers",
        "migration",   "next-id",         "notify",         "replication",
        "tag-style",   "registered-tags", "user-tag-access"};

    (void)kind;
    return listed(keys, ARRAY_LEN(keys), key);
}

static bool is_node_setting(const char *kind, const char *key) {
    static const char *const keys[] = {
        "acme",        "ballooning-target", "description", "wakeonlan",   "startall-onboot-delay",
        "acmedomain0", "acmedomain1",       "acmedomain2", "acmedomain3", "acmedomain4",
        "acmedomain5"};

    (void)kind;
    return listed(keys, ARRAY_LEN(keys), key);
}

#define NODE                                                                                       \
    { "node", F_NODE, NULL, true }

static const struct field dns_fields[] = {
    NODE,
    {"search", F_STR, "domain", true, .max = 255},
    {"dns1", F_STR, "address; servers that are left out are taken away", .max = 64},
    {"dns2", F_STR, NULL, .max = 64},
    {"dns3", F_STR, NULL, .max = 64},
    {NULL}};
static const struct field time_fields[] = {
    NODE, {"timezone", F_STR, "e.g. Europe/Vienna, or UTC", true, .max = 64}, {NULL}};
static const struct field hosts_fields[] = {
    NODE, {"data", F_STR, "the whole file", true, .max = 65536}, {NULL}};
static const struct field config_fields[] = {
    NODE,
    {"set", F_MAP, "acme, acmedomainN, description, wakeonlan, ballooning-target, …",
     .key_ok = is_node_setting},
    {"delete", F_STRS, "keys to delete", .max = 16},
    {NULL}};
static const struct field options_fields[] = {
    {"set", F_MAP, "options as PVE takes them: migration \"type=secure\", …", .key_ok = is_option},
    {"http_proxy", F_STR, "may hold a password", .secret = true, .max = 1024},
    {"delete", F_STRS, "options to delete", .max = 32},
    {NULL}};

#define ON_NODE "/nodes/{node} Sys.Modify"

const struct row node_setting_rows[] = {
    {"pve_node_dns_set", "Set name servers",
     "Plans writing a node's resolver settings; wrong ones cut it off from servers that it finds "
     "by "
     "name." PLANS,
     "node", EFFECT_CHANGE, 0, dns_fields, .undo = "restore-object", .privilege = ON_NODE,
     .send =
         &(const struct send){
             .does = SEND_UPDATE,
             .on = &dns,
             .method = "PUT",
             .path = "/nodes/{node}/dns",
             .replaces = true,
             .say = "set the name servers of {node}",
             .alone = "containers that take the node's resolver settings do so when they start",
             .floor = RISK_MEDIUM,
             .floor_why = "storages, backups and package sources are found by name",
         }},
    {"pve_node_time_set", "Set the time zone",
     "Plans another time zone of a node: schedules run by it." PLANS, "node", EFFECT_CHANGE, 0,
     time_fields, .undo = "restore-object", .privilege = ON_NODE,
     .send =
         &(const struct send){
             .does = SEND_UPDATE,
             .on = &zone,
             .method = "PUT",
             .path = "/nodes/{node}/time",
             .say = "set the time zone of {node} to {timezone}",
             .alone = "the clock itself stays; backup and replication schedules follow the zone",
             .floor = RISK_MEDIUM,
             .floor_why = "backups and replication run at other times",
         }},
    {"pve_node_hosts_set", "Write the hosts file",
     "Plans writing a node's /etc/hosts; the cluster finds its nodes by it." PLANS, "node",
     EFFECT_CHANGE, 0, hosts_fields, .undo = "restore-object", .privilege = ON_NODE,
     .send =
         &(const struct send){
             .does = SEND_UPDATE,
             .on = &hosts,
             .method = "POST",
             .path = "/nodes/{node}/hosts",
             .say = "write the hosts file of {node}",
             .digest = true,
             .alone = "what names stand for is read when they are used",
             .floor = RISK_HIGH,
             .floor_why = "a node that does not find its own name does not start its services",
         }},
    {"pve_node_config_set", "Change a node's settings",
     "Plans changing a node's own settings: description, ACME, wake on LAN." PLANS, "node",
     EFFECT_CHANGE, 0, config_fields, .undo = "restore-object", .privilege = "/ Sys.Modify",
     .send =
         &(const struct send){
             .does = SEND_UPDATE,
             .on = &config,
             .method = "PUT",
             .path = "/nodes/{node}/config",
             .say = "change the settings of {node}",
             .alone = "they are used when a certificate is ordered, a node wakes or guests start",
         }},
    {"pve_cluster_options_set", "Change cluster options",
     "Plans changing options of the whole cluster: migration, HA, limits, tags." PLANS, "cluster",
     EFFECT_CHANGE, 0, options_fields, .undo = "restore-object", .privilege = "/ Sys.Modify",
     .send =
         &(const struct send){
             .does = SEND_UPDATE,
             .on = &options,
             .method = "PUT",
             .path = "/cluster/options",
             .say = "change the cluster's options",
             .alone = "no guest stops by it; migrations, HA and new guests follow it from then on",
             .floor = RISK_HIGH,
             .floor_why = "every node follows them at once",
         }},
    {NULL},
};
