/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/ask.h - a request that is answered by one answer of the root half. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct buf;
struct err;
struct msg_rd;
struct req;

/* Reads the answer and ends the request; false when the answer is malformed (the request is then
 * still to be ended, by ask.c). Not called for MSG_REFUSED. */
typedef bool ask_answer_fn(struct req *q, uint16_t type, struct msg_rd *rd);

/* Sends the message; ends the request in every case, now or later. */
void ask_root(struct req *q, const struct buf *msg, ask_answer_fn *answer);

/* Ends the request with what the root half's MSG_REFUSED says. False: malformed. */
bool ask_refused(struct req *q, struct msg_rd *rd);
/* What a root half that gave no answer means to the client; r as privcall's `end` gives it. */
void ask_no_answer(struct req *q, int r);
