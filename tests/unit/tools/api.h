/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/tools/api.h - the API's own schema, when the test data is there. */
#pragma once
#include "common/js.h"

/* {api: [{method, path, parameters, …}]} or NULL, which is said. Owned by the caller. */
js *api_load(void);
/* The same shape for a backup server, from our own table. Owned by the caller. */
js *api_pbs(void);
const js *api_method(const js *api, const char *method, const char *path); /* NULL: none */
/* The schema of a parameter ("net0" is found as "net[n]"), NULL: none. */
const js *api_param(const js *method, const char *key);
