/* SPDX-License-Identifier: Apache-2.0 */
/* common/submission.h - the body of a C2SP add-checkpoint request (facts/tlog.md 3.6): "old
 * <size>", the consistency proof in base64, a hash a line, an empty line, the signed checkpoint.
 * Syntax only: nothing of it is believed here. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "common/digest.h"
#include "common/limits.h"

struct buf;

struct submission {
    uint64_t old;
    struct hash proof[LIM_PROOF];
    size_t n_proof;
    const char *note; /* borrowed from the body */
    size_t note_len;
};

int submission_parse(const char *body, size_t len, struct submission *ret); /* -EBADMSG */
int submission_text(uint64_t old, const struct hash *proof, size_t n, const char *note,
                    size_t note_len, struct buf *ret);
