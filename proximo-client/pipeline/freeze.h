/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/freeze.h - the owner's brake on this workstation: while the file is
 * there, nothing is applied. Plans and reads go on. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct app;
struct err;

int freeze_check(struct app *a, struct err *e); /* "frozen" with reason and end */
int freeze_set(struct app *a, bool on, int64_t until, const char *reason, struct err *e);
