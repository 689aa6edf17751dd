/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about a node's packages: the lists of what can be updated, and where they come from. PVE's
 * API installs nothing, so neither do these. */
#include <string.h>

#include "proximo-client/tools/send.h"

/* One package source of a file, as the one setting that the API changes. */
static js *source_shape(const js *answer, const js *args) {
    const js *files = js_get(answer, "files");

    for (size_t i = 0; i < js_len(files); i++) {
        const js *file = js_at(files, i);
        const js *source = js_at(js_get(file, "repositories"), (size_t)js_int_or(args, "index", 0));

        if (strcmp(js_str_or(file, "path", ""), js_str_or(args, "path", "")) == 0 && source) {
            js *o = js_object();

            js_add(o, "enabled", js_bool(js_bool_or(source, "Enabled", true)));
            return o;
        }
    }
    return NULL;
}

static const struct thing source = {
    .kind = "package-source",
    .id = "node path index",
    .read = "/nodes/{node}/apt/repositories",
    .shape = source_shape,
};

static const struct field update_fields[] = {
    {"node", F_NODE, NULL, true},
    {"notify", F_BOOL, "send a notification about new packages"},
    {NULL}};
static const struct field source_fields[] = {
    {"node", F_NODE, NULL, true},
    {"path", F_STR, "file, as pve_apt_repositories_get names it", true, .max = 255},
    {"index", F_INT, "which one of the file, from 0", true, .max = 1000},
    {"enabled", F_BOOL, NULL, true},
    {NULL}};
static const struct field add_fields[] = {
    {"node", F_NODE, NULL, true},
    {"handle", F_STR, "standard source, e.g. no-subscription", true, .max = 64},
    {NULL}};

#define ON_NODE "/nodes/{node} Sys.Modify"
#define SOURCES                                                                                    \
    "packages are installed from there the next time that somebody updates the node; nothing is "  \
    "installed by this"

const struct row apt_rows[] = {
    {"pve_apt_update", "Look for updates",
     "Plans looking up which packages of a node can be updated; installs nothing." PLANS, "node",
     EFFECT_CHANGE, 0, update_fields, .undo = "none",
     .undo_none = "newer package lists replace older ones", .privilege = ON_NODE,
     .send =
         &(const struct send){
             .does = SEND_ACTION,
             .method = "POST",
             .path = "/nodes/{node}/apt/update",
             .say = "look for updates of {node}",
             .reads = "/nodes/{node}/apt/repositories whole",
             .alone = "only the lists of packages change",
         }},
    {"pve_apt_repository_set", "Switch a package source",
     "Plans switching a package source of a node on or off." PLANS, "node", EFFECT_CHANGE, 0,
     source_fields, .undo = "restore-object", .privilege = ON_NODE,
     .send =
         &(const struct send){
             .does = SEND_UPDATE,
             .on = &source,
             .method = "POST",
             .path = "/nodes/{node}/apt/repositories",
             .say = "switch source {index} of {path} on {node}",
             .digest = true,
             .alone = SOURCES,
             .floor = RISK_MEDIUM,
             .floor_why = "the node's software comes from there",
         }},
    {"pve_apt_repository_add", "Add a package source",
     "Plans adding one of PVE's standard package sources to a node." PLANS, "node", EFFECT_CHANGE,
     0, add_fields, .undo = "none",
     .undo_none = "the API removes no source; pve_apt_repository_set switches it off",
     .privilege = ON_NODE,
     .send =
         &(const struct send){
             .does = SEND_ACTION,
             .method = "PUT",
             .path = "/nodes/{node}/apt/repositories",
             .say = "add package source {handle} to {node}",
             .reads = "/nodes/{node}/apt/repositories whole",
             .alone = SOURCES,
             .floor = RISK_MEDIUM,
             .floor_why = "the node's software comes from there",
         }},
    {NULL},
};
