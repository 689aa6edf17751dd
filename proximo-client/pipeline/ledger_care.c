/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of the ledger, and what is done when it is not what it was. */
#include "proximo-client/pipeline/ledger_care.h"

#include <errno.h>

#include "common/err.h"
#include "common/own.h"
#include "proximo-client/app.h"
#include "proximo-client/ledger/export.h"
#include "proximo-client/ledger/ledger.h"

/* The directory named, or else the configured mirror. */
static int mirror_of(struct app *a, const char *cluster, const char *dir, const char **ret,
                     struct err *e) {
    const struct cluster_conf *c;
    const struct config *conf;
    int r = app_config(a, &conf, e);

    if (r < 0) {
        return r;
    }
    c = config_cluster(conf, cluster);
    *ret = dir ? dir : c ? c->mirror : NULL;
    if (*ret) {
        return 0;
    }
    (void)err_tag(e, -EINVAL, "bad_argument", "no directory is named and cluster %s has no mirror",
                  cluster);
    return err_hint(e, "name one, or set mirror = in [cluster %s]", cluster);
}

int ledger_care_export(struct app *a, const char *cluster, const char *dir, bool bodies, js **ret,
                       struct err *e) {
    struct session s = {.app = a, .actor = "cli:export"};
    struct export_result x = {0};
    int r = app_session(a, cluster, APP_LEDGER_READ, &s, e);

    r = r < 0 ? r : mirror_of(a, s.cluster, dir, &dir, e);
    r = r < 0 ? r : ledger_export(s.ledger, dir, bodies, &x, e);
    if (r < 0) {
        return r;
    }
    *ret = js_object();
    js_add(*ret, "directory", js_str(dir));
    js_add(*ret, "added", js_int((int64_t)(x.size - x.before)));
    js_add(*ret, "entries", js_int((int64_t)x.size));
    js_add(*ret, "bodies", js_int((int64_t)x.bodies));
    return 0;
}
