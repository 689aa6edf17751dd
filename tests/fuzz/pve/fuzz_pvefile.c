/* SPDX-License-Identifier: Apache-2.0 */
/* Files of /etc/pve: the first byte chooses the parser, the rest is the file. Whatever comes in,
 * the result must be printable as JSON that reads back equal, and doubts stay within their number.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/own.h"
#include "common/pvefile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static js *parse(char kind, const char *text, size_t len, js *notes) {
    switch (kind) {
    case 'q':
        return pvefile_guest(false, text, len, notes);
    case 'l':
        return pvefile_guest(true, text, len, notes);
    case 's':
        return pvefile_sections(text, len, false, notes);
    case 'h':
        return pvefile_sections(text, len, true, notes);
    case 'n':
        return pvefile_lists(text, len, true, notes);
    case 'm':
        return pvefile_lists(text, len, false, notes);
    case 'u':
        return pvefile_users(text, len, notes);
    case 'f':
        return pvefile_firewall(text, len, notes);
    case 'i':
        return pvefile_interfaces(text, len, notes);
    case 'c':
        return pvefile_corosync(text, len, notes);
    case 'o':
        return pvefile_options(text, len, notes);
    case 'v':
        return pvefile_cron(text, len, notes);
    default:
        return NULL;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(js_freep) js *notes = js_array();
    CLEANUP(js_freep) js *v = NULL;
    CLEANUP(js_freep) js *again = NULL;
    CLEANUP(buf_done) struct buf b = BUF_INIT(16U << 20);

    if (size == 0 || !(v = parse((char)data[0], (const char *)data + 1, size - 1, notes))) {
        return 0;
    }
    assert(js_len(notes) <= PVEFILE_NOTES);
    if (js_print(v, &b) < 0 || js_parse(buf_str(&b), b.len, &again, NULL) < 0 || !js_eq(v, again)) {
        abort();
    }
    return 0;
}
