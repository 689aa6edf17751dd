/* SPDX-License-Identifier: Apache-2.0 */
/* What root reads from the process that faces the network: any packet, through the reader of `act`
 * and through plain fields. */
#include <stdlib.h>
#include <string.h>

#include "pveagentd/priv/gate.h"
#include "common/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct act a;
    struct msg_rd r;
    uint16_t type;

    memset(&a, 0, sizeof(a));
    if (act_read(&a, data, size) == 0 &&
        (a.n_inclusion > LIM_PROOF || a.n_approvals > ACT_APPROVALS || a.request_len > size)) {
        abort();
    }
    if (msg_open(data, size, &type, &r) == 0) {
        char *s = msg_str(&r, 64);
        size_t n = 0;

        if (s && strlen(s) > 64) {
            abort();
        }
        free(s);
        (void)msg_u64(&r);
        while (!r.bad && r.p < r.end) {
            (void)msg_field(&r, 4096, &n);
        }
        (void)msg_done(&r);
    }
    return 0;
}
