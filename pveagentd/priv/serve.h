/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/priv/serve.h - the resident's loop and what a child does with its one message. */
#pragma once
#include <stddef.h>

#include "pveagentd/priv/gate.h"

/* Listens until SIGTERM. The table is passed so that a test binary can pass another. */
int serve(struct priv *p, const struct gate_row *rows, size_t n, struct err *e);
/* In the child: reads one message, answers, returns. Negative: it did not come to an end. */
int handle(struct priv *p, int sock, const struct gate_row *rows, size_t n);
/* Reads the options, opens the state, serves: the whole of main(). */
int priv_main(int argc, char **argv, const struct gate_row *rows, size_t n);
