/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/tools/api.h - the generic rows: any method of the API that the cluster's own
 * description knows, but for what a closed table refuses. */
#pragma once
#include "proximo-client/tools/plans.h"

/* Why the generic rows do not send it, NULL: they do. path is percent-encoded, without a query. */
const char *api_refused(const char *method, const char *path);
/* Parameters whose value is a secret, by name: never given in the clear. */
bool api_is_secret(const char *param);

/* A path and parameters against the cluster's description. *ret_path: the same path, encoded by us;
 * *ret_method: the method's description. "api_refused", "no_schema", "bad_argument". */
struct api_call {
    const char *template; /* borrowed from the schema */
    const js *schema;
    const js *method;
    struct buf path;
};
void api_call_done(struct api_call *c);
int api_check(struct session *s, const char *method, const js *args, struct api_call *ret,
              struct err *e);

int api_read(struct session *s, const js *args, js **ret, struct err *e);
int plan_api(struct draft *d, const js *args, struct err *e);
int check_api(struct session *s, const js *args, bool *ret_ok, char **ret_text, struct err *e);
