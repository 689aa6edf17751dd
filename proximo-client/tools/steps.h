/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/tools/steps.h - for rows that make several steps of their own (steps.c). */
#pragma once

#include <stddef.h>

#include "common/js.h"

struct draft;
struct err;

/* A plan is read by a person before it is approved. */
#define PLAN_MAX_STEPS 100

/* Which step of the plan each step of the request became, from 1; 0: select made several, or none.
 */
struct step_places {
    size_t at[PLAN_MAX_STEPS];
    size_t n;
};
/* A step's arguments with what they refer to put in (step_refs.c): {"next": "vmid"} and {"step": N,
 * "value": NAME}. New value. */
int step_refs(struct draft *d, const struct step_places *places, const js *args, js **ret,
              struct err *e);

/* The draft's undo, from those of its steps: which are taken back, and which have no way back. */
void steps_say_undo(struct draft *d);
