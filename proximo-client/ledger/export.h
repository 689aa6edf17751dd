/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/ledger/export.h - a copy of the log that anybody can hold, serve and check: static
 * tiles (C2SP tlog-tiles) and what proximo-verify needs beside them. No key, no secret. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct err;
struct ledger;

struct export_result {
    uint64_t before; /* entries that were there */
    uint64_t size;   /* entries that are there now: all under the newest signed checkpoint */
    uint64_t bodies; /* copied */
};

/* Brings DIR (made 0700 when absent) up to the newest signed checkpoint: only what is new is
 * written, the checkpoint last and at once, so that who reads it finds everything under it. Entries
 * and hashes are checked on the way: a damaged ledger is not exported over a good copy. `bodies`:
 * plans and outputs too. Tags: "mirror_bad" (DIR holds another log, or another history of this
 * one), "ledger_damaged", "ledger_space", "ledger_busy" (another export into DIR). */
int ledger_export(struct ledger *l, const char *dir, bool bodies, struct export_result *ret,
                  struct err *e);
