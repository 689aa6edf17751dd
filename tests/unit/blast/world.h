/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/blast/world.h - a small cluster from JSON, and a draft that writes down what it is
 * told. A world is {path: answer}; {"!": 403} stands for a refusal. What it leaves out is a quiet
 * cluster of three nodes in which the token may see everything. */
#pragma once
#include "common/buf.h"
#include "proximo-client/blast/blast.h"
#include "proximo-client/blast/picture.h"

struct picture *world_picture(const char *world, const struct picture_ask *ask);

struct picture *world_picture_of(const js *world, const struct picture_ask *ask); /* parsed */

/* The same with the answers of a real cluster, as captured ({calls:[{path,status,body}]}); NULL
 * when the file is not there. */
struct picture *world_captured(const char *file, const struct picture_ask *ask);

/* Everything the analyser said since the last reset, one line each:
 * "affect RESOURCE EFFECT SEVERITY VIA[ running][ only]", "why …", "risk LEVEL …",
 * "unread WHAT | WHY | PRIVILEGE", "coverage …". */
extern struct buf record_affects, record_rest;
/* The lines of such a text as an array of strings. */
js *record_lines(const char *text);
extern int record_risk;
struct draft *record_reset(void);
