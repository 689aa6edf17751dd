/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/tools/steps.h - for rows that make several steps of their own (steps.c). */
#pragma once

struct draft;

/* A plan is read by a person before it is approved. */
#define PLAN_MAX_STEPS 100

/* The draft's undo, from those of its steps: which are taken back, and which have no way back. */
void steps_say_undo(struct draft *d);
