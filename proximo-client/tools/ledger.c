/* SPDX-License-Identifier: Apache-2.0 */
/* Rows over the ledger; carried out by the service, which owns it. */
#include "proximo-client/tools/rows.h"

static const struct field none[] = {{NULL}};
static const struct field show_fields[] = {
    {"index", F_INT, "entry number", .min = 0, .max = INT64_MAX},
    {"plan_id", F_PLAN_ID, NULL},
    {"op_id", F_OP_ID, NULL},
    {NULL},
};
static const struct field proof_fields[] = {
    {"index", F_INT, "entry number", .required = true, .min = 0, .max = INT64_MAX},
    {NULL},
};

const struct row ledger_rows[] = {
    {"ledger_verify", "Verify the ledger",
     "Re-hashes every entry, rebuilds the tree, checks checkpoints, cosignatures and receipts; "
     "names the first defect. Changes nothing.",
     "ledger", EFFECT_META, ROW_DIRECT | ROW_IDEMPOTENT, none},
    {"ledger_show", "Show ledger entries",
     "Shows one entry by number, or all entries of a plan or operation. Changes nothing.", "ledger",
     EFFECT_META, ROW_DIRECT | ROW_IDEMPOTENT, show_fields},
    {"ledger_proof", "Prove a ledger entry",
     "Gives the inclusion proof of an entry with the signed checkpoint, for anyone to check. "
     "Changes "
     "nothing.",
     "ledger", EFFECT_META, ROW_IDEMPOTENT, proof_fields},
    {NULL},
};
