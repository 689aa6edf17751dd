/* SPDX-License-Identifier: Apache-2.0 */
/* The gate, in its order (root, request child). Each row refuses with codes of its own; a test that
 * takes one out sees what it held back. */
#include "common/own.h"
#include "pveagentd/priv/gate.h"

const struct gate_row gate_table[] = {
    {"peer", step_peer, false},        {"freeze", step_freeze, false},
    {"armed", step_armed, false},      {"clock", step_clock, false},
    {"client", step_client, false},    {"checkpoint", step_checkpoint, true},
    {"intent", step_intent, true},     {"request", step_request, true},
    {"stdin", step_stdin, true},       {"policy", step_policy, true},
    {"approval", step_approval, true}, {"world", step_world, true},
    {"unspent", step_unspent, true},   {"room", step_room, true},
    {"record", step_record, true},     {"undo", step_undo, false},
    {"act", step_act, false},
};
const size_t gate_rows = ARRAY_LEN(gate_table);
