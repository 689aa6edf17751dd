/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that run a command in a container, through the node daemon. The plan is in exec_plan.c. */
#include "common/limits.h"
#include "proximo-client/tools/plans.h"
#include "proximo-client/tools/rows.h"

static const struct field exec_fields[] = {
    {"vmid", F_VMID, NULL, true},
    {"argv", F_STRS, "command and arguments; absolute path first, no shell", true, .min = 1,
     .max = 128},
    {"uid", F_INT, "numeric user inside, default 0", .min = 0, .max = 65535},
    {"cwd", F_STR, "absolute directory", .min = 1, .max = 1024},
    {"env", F_MAP, "variables", .max = 64},
    {"stdin", F_STR, "text for its standard input, shown in the plan", .min = 1, .max = LIM_STDIN},
    {"stdin_secret", F_STR, "the same, but the plan shows only a commitment", .secret = true,
     .min = 1, .max = LIM_STDIN},
    {"timeout", F_INT, "seconds, default 30", .min = 1, .max = 3600},
    {"output", F_INT, "most bytes of output kept, default 1 MiB", .min = 0, .max = 67108864},
    {"undo", F_ENUM, "auto: a snapshot before it where the node can", .choices = "auto|none"},
    {NULL},
};
static const struct field logs_fields[] = {
    {"vmid", F_VMID, NULL, true},
    {"unit", F_STR, "systemd unit", true, .min = 1, .max = 255},
    {"lines", F_INT, "last lines, default 100", .min = 1, .max = 2000},
    {NULL},
};

const struct row exec_rows[] = {
    {"ct_exec", "Run a command in a container",
     "Plans one command inside a container, by the node's daemon and its policy; the risk is what "
     "the command does. Returns a plan; nothing runs before it is applied.",
     "exec", EFFECT_CHANGE, ROW_DIRECT | ROW_GUEST_TEXT, exec_fields, .plan = plan_exec,
     .analysers = "exec", .undo = "node-snapshot", .privilege = "/vms/{vmid} VM.Audit",
     .result = PLAN_RESULT},
    {"ct_logs", "Read a unit's log in a container",
     "Plans reading the last journal lines of a unit in a container (journalctl through the node's "
     "daemon); low risk. Returns a plan; nothing runs before it is applied.",
     "exec", EFFECT_CHANGE, ROW_DIRECT | ROW_GUEST_TEXT, logs_fields, .plan = plan_logs,
     .analysers = "exec", .undo = "none", .undo_none = "reading a log changes nothing",
     .privilege = "/vms/{vmid} VM.Audit", .result = PLAN_RESULT},
    {NULL},
};
