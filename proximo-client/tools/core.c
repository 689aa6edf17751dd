/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that the service itself carries out: finding and describing rows, reading, planning,
 * applying and undoing. They have neither read nor plan function; the pipeline is the one that
 * executes. */
#include "proximo-client/tools/plans.h"
#include "proximo-client/tools/rows.h"

#define PLAN_ID                                                                                    \
    { "plan_id", F_PLAN_ID, NULL, true }

static const struct field find_fields[] = {
    {"query", F_STR, "words to look for", .max = 200},
    {"plane", F_STR, "guest, storage, cluster, node, access, sdn, ceph …", .max = 20},
    FIELDS_PAGE,
    {NULL},
};
static const struct field describe_fields[] = {{"row", F_ROW, NULL, true}, {NULL}};
static const struct field row_args_fields[] = {
    {"row", F_ROW, NULL, true},
    {"args", F_ANY, "the row's own arguments"},
    {NULL},
};
static const struct field steps_fields[] = {
    {"steps", F_OBJS,
     "[{row, args, select?}]; select {vmids, tag, pool, node, kind, status, name} makes one step a "
     "guest",
     true, .max = 100},
    {NULL},
};
static const struct field plan_id_fields[] = {PLAN_ID, {NULL}};
static const struct field undo_fields[] = {{"op_id", F_OP_ID, NULL, true}, {NULL}};
static const struct field ops_fields[] = {
    {"limit", F_INT, "newest operations to show", .min = 1, .max = 1000},
    {NULL},
};
static const struct field job_fields[] = {
    {"op_id", F_OP_ID, NULL, true},
    {"wait", F_INT, "seconds to wait for its end, default 0", .min = 0, .max = 45},
    {"log", F_INT, "last lines of the newest task's log, default 0", .min = 0, .max = 200},
    {NULL},
};
static const struct field none[] = {{NULL}};

const struct row core_rows[] = {
    {"proximo_find", "Find an operation",
     "Lists operations (rows) by words or plane, with what each does and whether it reads or "
     "changes. Changes nothing.",
     "core", EFFECT_META, ROW_DIRECT | ROW_NO_CLUSTER | ROW_IDEMPOTENT, find_fields},
    {"proximo_describe", "Describe an operation",
     "Shows one row: arguments as JSON Schema, privilege, undo kind, risk. Changes nothing.",
     "core", EFFECT_META, ROW_DIRECT | ROW_NO_CLUSTER | ROW_IDEMPOTENT, describe_fields},
    {"proximo_read", "Run any read",
     "Runs any row that reads, also those not listed as tools. Changes nothing.", "core",
     EFFECT_META, ROW_DIRECT | ROW_IDEMPOTENT, row_args_fields},
    {"proximo_plan", "Plan any change",
     "Makes and records a plan for any row that changes something: exact requests, blast radius, "
     "risk, undo, approval. Executes nothing.",
     "core", EFFECT_META, ROW_DIRECT, row_args_fields},
    {"proximo_plan_steps", "Plan several changes as one",
     "Plans rows in order as one plan with one approval; stops at the first failure, and one undo "
     "takes the done steps back. In args {step: N, value: vmid or archive} is what step N makes, "
     "{next: vmid} a free number. Returns a plan.",
     "core", EFFECT_CHANGE, ROW_DIRECT, steps_fields, .plan = plan_steps, .check = check_steps,
     .analysers = "each step's own", .undo = "steps", .privilege = "each step's own",
     .result = PLAN_RESULT},
    {"proximo_plan_show", "Show a plan", "Shows a recorded plan again, in full. Changes nothing.",
     "core", EFFECT_META, ROW_DIRECT | ROW_IDEMPOTENT, plan_id_fields},
    {"proximo_apply", "Apply a plan that needs no approval",
     "Carries out a recorded plan whose approval is `none`, exactly as planned; refuses if "
     "anything "
     "changed since. Changes the cluster.",
     "core", EFFECT_META, ROW_DIRECT | ROW_DESTRUCTIVE, plan_id_fields},
    {"proximo_apply_high", "Apply a plan that needs approval",
     "Carries out a recorded plan whose approval is `host` or `operator` (the operator's approval "
     "must be there already). Changes the cluster, possibly for good.",
     "core", EFFECT_META, ROW_DIRECT | ROW_DESTRUCTIVE, plan_id_fields},
    {"proximo_undo", "Undo an operation",
     "Takes one operation back by the way its plan prepared; plans, records and runs it, or "
     "returns "
     "the plan and what is missing. Changes the cluster.",
     "core", EFFECT_META, ROW_DIRECT | ROW_DESTRUCTIVE, undo_fields},
    {"proximo_confirm", "Keep what would revert by itself",
     "Ends an operation's revert timer over a new connection to the node, so that its change "
     "stays. "
     "Look first whether all is well. Changes the cluster.",
     "core", EFFECT_META, ROW_DIRECT | ROW_DESTRUCTIVE, undo_fields},
    {"proximo_ops", "Recent operations",
     "Lists what was done through this ledger: plan, outcome, undo handle. Changes nothing.",
     "core", EFFECT_META, ROW_DIRECT | ROW_IDEMPOTENT, ops_fields},
    {"proximo_job", "Where an operation stands",
     "Says whether an operation still runs, waits for its end, shows its tasks, log and output. "
     "Changes nothing.",
     "core", EFFECT_META, ROW_DIRECT | ROW_IDEMPOTENT, job_fields},
    {"proximo_job_cancel", "Stop a running operation",
     "Stops the running task or command of an operation; what it had done stays. A task is stopped "
     "by a "
     "recorded plan of its own. Changes the cluster.",
     "core", EFFECT_META, ROW_DIRECT | ROW_DESTRUCTIVE, undo_fields},
    {"proximo_doctor", "Check the set-up",
     "Checks configuration, API access, ledger, node daemons and says what to do about each "
     "finding. Changes nothing.",
     "core", EFFECT_META, ROW_DIRECT | ROW_NO_CLUSTER | ROW_IDEMPOTENT, none},
    {"proximo_nodes", "Node daemons",
     "Lists the enrolled node daemons: address, trust, whether they answer, freeze and witness "
     "state. Changes nothing.",
     "core", EFFECT_META, ROW_DIRECT | ROW_IDEMPOTENT, none},
    {NULL},
};
