/* SPDX-License-Identifier: Apache-2.0 */
/* The HA plane's rows and their analyser. */
#include <errno.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/blast/blast.h"
#include "proximo-client/tools/assess.h"
#include "proximo-client/tools/look.h"

/* The verdict hangs on HA's lists, on storages, replicas, nodes, and where each guest is: who was
 * moved since is recovered elsewhere. A plan must not drift because some guest was started. */
static const char ha_paths[] =
    "/cluster/ha/ /cluster/replication /storage /cluster/resources?type=";

/* The guest of a resource that is to be added: HA's own list does not name it yet. */
static uint32_t guest_of(const js *form) {
    const char *sid = js_str_or(form, "sid", "");
    const char *colon = strchr(sid, ':');
    uint32_t vmid = 0;

    return ident_vmid(colon ? colon + 1 : sid, &vmid) < 0 ? 0 : vmid;
}

int assess_ha(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(look_done) struct look l = {.paths = ha_paths};
    struct blast_request req[4];
    struct picture_ask ask = {.what = BLAST_HA_NEEDS};
    size_t n = assess_requests(a, req, ARRAY_LEN(req));
    int r;

    for (size_t i = 0; i < n; i++) {
        ask.vmid = ask.vmid ? ask.vmid : guest_of(req[i].form);
    }
    if (n == 0) {
        return err_set(e, -EINVAL, "not a change of HA that can be assessed");
    }
    l.guest[0] = ask.vmid;
    r = look_open(&l, d, &ask, e);
    return r < 0 ? r : look_close(&l, blast_ha(l.p, req, n, d), e);
}
