/* SPDX-License-Identifier: Apache-2.0 */
/* Guest configuration files: what was read can be written, and reading that gives the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/sim/guestconf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    for (int lxc = 0; lxc < 2; lxc++) {
        CLEANUP(js_freep) js *g = NULL;
        CLEANUP(js_freep) js *again = NULL;
        CLEANUP(buf_done) struct buf b = BUF_INIT(16 * LIM_CONF);
        CLEANUP(buf_done) struct buf second = BUF_INIT(16 * LIM_CONF);

        if (guest_file_read(lxc, (const char *)data, size, &g, NULL) < 0) {
            continue;
        }
        if (guest_file_write(g, &b) < 0 ||
            guest_file_read(lxc, buf_str(&b), b.len, &again, NULL) < 0 ||
            guest_file_write(again, &second) < 0 || strcmp(buf_str(&b), buf_str(&second)) != 0) {
            abort();
        }
    }
    return 0;
}
