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
static const struct field query_fields[] = {
    {"kind", F_ENUM, "only entries of this kind",
     .choices =
         "genesis|plan|approval|refusal|intent|progress|outcome|receipt|undo|read|node|policy|"
         "recovery|alarm|closing"},
    {"plan_id", F_PLAN_ID, "only about this plan"},
    {"op_id", F_OP_ID, "only about this operation"},
    {"vmid", F_VMID, "only plans that change or hit this guest, and what became of them"},
    {"since", F_INT, "not before this time, Unix seconds", .min = 0, .max = INT64_MAX},
    {"until", F_INT, "not after this time, Unix seconds", .min = 0, .max = INT64_MAX},
    {"before", F_INT, "only entries below this number (next_before of the last answer)", .min = 0,
     .max = INT64_MAX},
    {"limit", F_INT, "most entries (50)", .min = 1, .max = 200},
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
    {"ledger_query", "Search the ledger",
     "Lists entries by kind, plan, operation, guest and time, the newest first. Changes nothing.",
     "ledger", EFFECT_META, ROW_IDEMPOTENT, query_fields},
    {"ledger_proof", "Prove a ledger entry",
     "Gives the inclusion proof of an entry with the signed checkpoint, for anyone to check. "
     "Changes "
     "nothing.",
     "ledger", EFFECT_META, ROW_IDEMPOTENT, proof_fields},
    {NULL},
};
