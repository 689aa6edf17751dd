/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/ledger/audit.h - what entries say of each other: plans, approvals, intents,
 * outcomes, receipts. Knows nothing of files and trees; fed one entry after the other. */
#pragma once
#include <stdint.h>

#include "common/js.h"
#include "proximo-client/ledger/verify.h"

struct audit;
struct entry;
struct hash;

#define DEFECTS_MAX 100
#define NO_ENTRY    UINT64_MAX

/* Appends {entry, code, reason} to the report's defects (at most DEFECTS_MAX) and clears its ok. */
void defect(js *report, uint64_t entry, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* keys and report are borrowed until audit_free. NULL: no memory. */
struct audit *audit_new(const struct verify_keys *keys, const struct vkey *log, js *report);
void audit_free(struct audit *a);
static inline void audit_freep(struct audit **a) {
    audit_free(*a);
}
void audit_entry(struct audit *a, uint64_t index, const struct entry *en, const struct hash *leaf);
void audit_end(struct audit *a); /* what only the whole can show; adds the counts to the report */
