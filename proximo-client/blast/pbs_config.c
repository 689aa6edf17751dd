/* SPDX-License-Identifier: Apache-2.0 */
/* What hangs on a backup server's remotes: the sync jobs that pull from them. */
#include "proximo-client/blast/pbs.h"

#include <stdio.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/blast_int.h"

/* What of a remote makes its jobs pull from elsewhere, or as somebody else. A password that is
 * given is an object here, and nobody can tell whether it is another one. */
static bool pulls_otherwise(const js *before, const js *after) {
    static const char *const keys[] = {"host", "port", "auth-id", "fingerprint", "password"};

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        char a[24], b[24];
        const char *was = value_print(js_get(before, keys[i]), a);
        const char *now = value_print(js_get(after, keys[i]), b);

        if (js_is_object(js_get(after, keys[i])) || strcmp(was ? was : "", now ? now : "") != 0) {
            return true;
        }
    }
    return false;
}

int blast_pbs_remote(const js *jobs, const char *remote, const js *before, const js *after,
                     struct draft *d) {
    struct tally t = {0};
    bool otherwise = after && pulls_otherwise(before, after);

    for (size_t i = 0; i < js_len(jobs); i++) {
        const js *job = js_at(jobs, i);
        char label[80], why[200];

        if (strcmp(js_str_or(job, "remote", ""), remote) != 0 || (after && !otherwise)) {
            continue;
        }
        (void)snprintf(label, sizeof(label), "job/%.60s", js_str_or(job, "id", "?"));
        (void)snprintf(
            why, sizeof(why),
            after ? "what it copies to %.40s comes from there, or as that user, from now on"
                  : "it copies to %.40s and pulls from it: the server refuses to remove it",
            js_str_or(job, "store", "?"));
        tally_other(&t, d, label, after ? "changed" : "degraded", after ? RISK_MEDIUM : RISK_HIGH,
                    "remote", why);
    }
    if (!t.n) {
        draft_risk(d, RISK_LOW, "no sync job fares otherwise by it");
    }
    tally_risk(&t, d);
    return 0;
}
