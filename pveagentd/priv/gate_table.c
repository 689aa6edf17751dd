/* SPDX-License-Identifier: Apache-2.0 */
/* The gate, in its order (root, request child). Each row refuses with codes of its own; a test that
 * takes one out sees what it held back. */
#include "common/own.h"
#include "pveagentd/priv/gate.h"

const struct gate_row gate_table[] = {
    {"peer", step_peer, false, {0}},
    {"freeze", step_freeze, false, {0}},
    {"armed", step_armed, false, {0}},
    {"clock", step_clock, false, {0}},
    {"client", step_client, false, {need_client}},
    {"checkpoint", step_checkpoint, true, {need_origin}},
    {"intent", step_intent, true, {need_intent, need_checkpoint}},
    {"request", step_request, true, {need_request}},
    {"stdin", step_stdin, true, {need_request}},
    {"policy", step_policy, true, {need_request, need_client, need_policy}},
    {"approval", step_approval, true, {need_intent, need_origin}},
    {"world", step_world, true, {need_request}},
    {"unspent", step_unspent, true, {need_intent, need_origin}},
    {"room", step_room, true, {need_origin}},
    {"record", step_record, true, {need_intent, need_request}},
    {"undo", step_undo, false, {need_request}},
    {"act", step_act, false, {need_request}},
};
const size_t gate_rows = ARRAY_LEN(gate_table);
