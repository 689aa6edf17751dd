/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a node's policy: it is refused, or its rules can be asked. Appending a denial of
 * everything must then refuse everything. */
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/limits.h"
#include "common/own.h"
#include "pveagentd/priv/policy.h"
#include "pveagentd/priv/priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *argv[] = {"/bin/echo", "a", NULL};
    CLEANUP(policy_done) struct policy p = {0};
    CLEANUP(policy_done) struct policy none = {0};
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);
    struct client c = {.name = "laptop"};
    struct node_request q = {.op = OP_EXEC, .ct = 101, .timeout_s = 1, .arg = argv, .n_args = 2};
    struct verdict v;

    if (policy_merge((const char *)data, size, NULL, 0, &p, NULL) < 0) {
        return 0;
    }
    policy_decide(&p, &c, &q, &v);
    if (v.allowed && (!v.rule[0] || v.timeout_s > 3600)) {
        abort();
    }
    if (buf_add(&b, data, size) == 0 && buf_adds(&b, "\n[deny fuzz-all]\n") == 0 &&
        policy_merge(buf_str(&b), b.len, NULL, 0, &none, NULL) == 0) {
        policy_decide(&none, &c, &q, &v);
        if (v.allowed) {
            abort();
        }
    }
    return 0;
}
