/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/secret_result.h - secrets that PVE makes. */
#pragma once
#include "common/js.h"
#include "proximo-client/pipeline/change.h"

/* Keeps the secret of an answer (data) to the request q, if it holds one, in a 0600 file of its own;
 * the path becomes part of the operation's answer. Cannot fail the operation, which has happened:
 * a secret that could not be kept is named among what is left over. */
void secret_result_keep(struct change *c, const js *q, const js *data);
