/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/taint.h - the brake after guest-controlled text (formats.md 8). A file of
 * the ledger's directory, so that it holds across processes; a brake, not a wall: whoever owns the
 * account can remove it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct err;
struct ledger;

bool taint_is_on(struct ledger *l, int64_t now);

/* Before such text is handed out. On a full disk the mark is an empty file, which counts until the
 * next one is written. "ledger_space" when not even that is possible: the text must then not be
 * handed out. */
int taint_set(struct ledger *l, int64_t until, struct err *e);
