/* SPDX-License-Identifier: Apache-2.0 */
/* Segments: frames lie within the file; what follows a bad length is not given out. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/entry.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/ledger/seg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(seg_done) struct seg_reader rd = {.fd = -1};
    CLEANUP(closep) int fd = memfd_create("segment", MFD_CLOEXEC);
    const char *bytes = NULL;
    size_t total = 0;
    size_t len = 0;
    int r;

    if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
        abort();
    }
    assert(seg_start(&rd, fd, 0) == 0);
    while ((r = seg_next(&rd, &bytes, &len)) == 1) {
        CLEANUP(entry_done) struct entry en = {0};

        assert(len > 0 && len <= LIM_ENTRY);
        assert(memcmp(bytes, data + total + 4, len) == 0);
        total += 4 + len;
        assert(rd.at == total && total <= size);
        (void)entry_parse(bytes, len, &en, NULL);
    }
    assert(r == 0 ? total == size : r == -EBADMSG);
    return 0;
}
