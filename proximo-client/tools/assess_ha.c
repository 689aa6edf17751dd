/* SPDX-License-Identifier: Apache-2.0 */
/* The HA plane's rows and their analyser. */
#include <errno.h>
#include <string.h>

#include "common/ident.h"
#include "proximo-client/blast/blast.h"
#include "proximo-client/blast/picture.h"
#include "proximo-client/pipeline/look.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/tools/assess.h"

/* The verdict hangs on HA's lists, on storages, replicas, nodes, and where the volumes are. A plan
 * must not drift because some guest was started. */
static int remember(void *ctx, const char *path, const char *reduce, const js *data,
                    struct err *e) {
    bool matters = strncmp(path, "/cluster/resources?type=vm", 26) != 0 &&
                   strcmp(path, "/access/permissions") != 0;

    return matters ? draft_precondition(ctx, path, reduce, data, e) : 0;
}

/* The guest of a resource that is to be added: HA's own list does not name it yet. */
static uint32_t guest_of(const js *form) {
    const char *sid = js_str_or(form, "sid", "");
    const char *colon = strchr(sid, ':');
    uint32_t vmid = 0;

    return ident_vmid(colon ? colon + 1 : sid, &vmid) < 0 ? 0 : vmid;
}

int assess_ha(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
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
    session_progress(draft_session(d), 0, 0, "reading HA for the blast radius");
    r = look(d, &ask, remember, d, &p, e);
    return r < 0 ? r : assess_verdict(blast_ha(p, req, n, d), e);
}
