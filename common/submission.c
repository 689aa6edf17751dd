/* SPDX-License-Identifier: Apache-2.0 */
/* What a log hands to a witness. A body has one meaning: it ends where the note ends, and a line
 * that is no hash of full length is no proof. */
#include "common/submission.h"

#include <errno.h>
#include <string.h>

#include "common/b64.h"
#include "common/buf.h"
#include "common/ident.h"

int submission_parse(const char *body, size_t len, struct submission *ret) {
    const char *end = body + len;
    bool first = true;

    ret->n_proof = 0;
    for (const char *p = body;;) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t n = nl ? (size_t)(nl - p) : 0;

        if (!nl) {
            return -EBADMSG;
        }
        if (first) {
            if (n < 5 || memcmp(p, "old ", 4) != 0 || ident_u64n(p + 4, n - 4, &ret->old) < 0) {
                return -EBADMSG;
            }
            first = false;
        } else if (!n) {
            ret->note = nl + 1;
            ret->note_len = (size_t)(end - ret->note);
            return 0;
        } else if (ret->n_proof == LIM_PROOF ||
                   b64_decode_exact(p, n, ret->proof[ret->n_proof++].b, HASH_LEN) < 0) {
            return -EBADMSG;
        }
        p = nl + 1;
    }
}

int submission_text(uint64_t old, const struct hash *proof, size_t n, const char *note,
                    size_t note_len, struct buf *ret) {
    int r = buf_addf(ret, "old %llu\n", (unsigned long long)old);

    for (size_t i = 0; r == 0 && i < n; i++) {
        r = b64_encode(ret, proof[i].b, HASH_LEN);
        r = r < 0 ? r : buf_addc(ret, '\n');
    }
    r = r < 0 ? r : buf_addc(ret, '\n');
    return r < 0 ? r : buf_add(ret, note, note_len);
}
