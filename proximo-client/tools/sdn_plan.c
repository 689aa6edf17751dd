/* SPDX-License-Identifier: Apache-2.0 */
/* From a row of the software-defined network to its analyser. */
#include <errno.h>

#include "proximo-client/blast/picture.h"
#include "proximo-client/blast/sdn.h"
#include "proximo-client/pipeline/look.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/assess.h"
#include "proximo-client/tools/network_int.h"

int assess_sdn(struct draft *d, const struct assess *a, struct err *e) {
    CLEANUP(picture_freep) struct picture *p = NULL;
    const struct pve *pve = draft_session(d)->pve;
    const struct picture_ask ask = {.what = BLAST_SDN_NEEDS};
    struct blast_request req[16];
    size_t n = 0;
    int r;

    for (; n < js_len(a->sent) && n < ARRAY_LEN(req); n++) {
        const js *q = js_at(a->sent, n);

        req[n] = (struct blast_request){js_str_or(q, "method", ""), js_str_or(q, "path", ""),
                                        js_get(q, "form")};
    }
    if (n < js_len(a->sent)) {
        return err_set(e, -E2BIG, "more requests than can be assessed");
    }
    session_progress(draft_session(d), 0, 0, "reading the network for the blast radius");
    r = look(d, &ask, network_remember, d, &p, e);
    if (r == 0) {
        const struct blast_way way = {pve_local_address(pve), pve_peer_address(pve)};

        r = assess_verdict(blast_sdn(p, req, n, &way, d), e);
    }
    return r;
}
