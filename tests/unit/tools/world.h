/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/tools/world.h - what rows are tested against: an API that answers from a table of JSON
 * texts (pve.h), a draft that records what it is told (draft.h), node daemons that answer from a
 * table (nodes.h). None of them is the part under test. */
#pragma once
#include "common/err.h"
#include "common/js.h"
#include "proximo-client/pipeline/draft.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/tools/tool.h"

extern struct session world_session;

void world_reset(void);
/* What a GET of path answers: `data` as JSON text. */
void world_set(const char *path, const char *data);
/* A GET of path fails: HTTP status and tag. */
bool world_knows(const char *path); /* whether there is an answer */
/* The description of its API that the cluster serves; NULL: none. */
void world_schema(const char *text, size_t len);
void world_fail(const char *path, int http_status, const char *tag);
/* Adds every answer of a capture file ({calls:[{path, status, body}]}); false when it is not there.
 */
bool world_load(const char *file);
/* How many GETs were sent, and how many of path. */
unsigned int world_gets(const char *path);
/* How the wait for a task ends: its exit status, NULL = it still runs. */
void world_task(const char *exit);
/* What node_explain answers on a node; NULL = the node is not enrolled. */
void world_node(const char *node, const char *explain);
/* The last request text that a node was asked about, or NULL. */
const char *world_asked(void);

/* Plans a row: 0, *ret = the record {change, target, requests, preconditions, affected, risk, …}.
 * Owned by the caller. */
int world_plan(const char *row, const js *args, js **ret, struct err *e);
/* A fresh recording draft. */
struct draft *world_draft(const js *args);
js *world_draft_take(struct draft *d); /* the record; the draft is gone */
