/* SPDX-License-Identifier: Apache-2.0 */
/* The generic rows: what no typed row covers. */
#include "proximo-client/tools/api.h"

static const struct field get_fields[] = {
    {"path", F_STR, "e.g. /nodes/pve1/apt/versions; a / inside a name is %2F", true, .min = 2,
     .max = 512},
    {"params", F_MAP, "its query"},
    FIELDS_PAGE,
    {NULL},
};
static const struct field plan_fields[] = {
    {"method", F_ENUM, NULL, true, .choices = "POST|PUT|DELETE"},
    {"path", F_STR, "e.g. /cluster/options; a / inside a name is %2F", true, .min = 2, .max = 512},
    {"params", F_MAP, "its parameters, as the API names them"},
    {"secret_param", F_STR, "the parameter that takes secret", .min = 1, .max = 64},
    {"secret", F_STR, "a value that is neither recorded nor shown", .secret = true, .min = 1,
     .max = 4096},
    {NULL},
};

const struct row api_rows[] = {
    {"pve_api_get", "Read anything",
     "Reads any path of the API that the cluster's own description knows, but consoles, tickets "
     "and "
     "guest-agent calls. Changes nothing.",
     "api", EFFECT_READ, ROW_IDEMPOTENT | ROW_GUEST_TEXT, get_fields, .read = api_read,
     .privilege = "as the path asks"},
    {"pve_api_plan", "Plan any change",
     "Plans any call that no typed row has, checked against the cluster's own description; always "
     "high risk, mostly without a way back." PLANS,
     "api", EFFECT_CHANGE, 0, plan_fields, .plan = plan_api, .check = check_api,
     .analysers = "none: a generic call", .undo = "restore-object",
     .privilege = "as the path asks"},
    {NULL},
};
