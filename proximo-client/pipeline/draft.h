/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/draft.h - a plan while it is being made. Rows and analysers fill it; the
 * pipeline freezes it into canonical bytes. Every function that can fail sets *e; the ones that
 * only add text cannot. Strings are copied. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "common/js.h"

struct err;
struct session;
struct draft;

enum risk { RISK_NONE, RISK_LOW, RISK_MEDIUM, RISK_HIGH };
enum phase { PHASE_PREPARE, PHASE_EXECUTE, PHASE_UNDO };
enum approval_need { NEED_NONE, NEED_HOST, NEED_OPERATOR };

const char *risk_name(enum risk r);
const char *phase_name(enum phase p);
const char *need_name(enum approval_need n);

/* Reducers: what of an answer a verdict depends on, by name, so that the recheck can repeat it.
 *
 * - "whole": everything but a closed list of members that move by themselves (uptime, cpu, mem …)
 * - "members": of pools, [{poolid, members: [{id, storage, node}]}]
 * - "pool": the same with the comment
 * - "power": {status, lock, template, ha} of a guest's status/current
 * - "config": a guest's configuration without its digest, which is kept beside for requests
 * - "snapshots": [{name, parent, snaptime, vmstate}] sorted, without "current"
 * - "storage": one storage definition without its digest
 * - "guests": cluster/resources?type=vm as [{vmid, type, node, status, name, template}]
 * - "places": the same as [{vmid, type, node, template}]: who is there and where
 * - "nodes": cluster/resources?type=node as [{node, status}]
 * - "task": {status, exitstatus, type, id} of a task
 * - "any": only whether it is there
 * - "osd": {id, hostname} of an OSD's metadata
 * - "ceph": a node's list of Ceph's daemons, OSDs, pools or file systems without how full they are
 * - "groups": of a backup server's groups [{group: [type, id], owner}]
 * - any of them with "-then": of an answer that an earlier step of the plan changes
 * - "node-config": {config, exists, running} of a node daemon's explain answer */

/* GETs path, reduces it and records the precondition {read:"GET path", reduce, digest}. *ret (may
 * be NULL) is the whole unreduced data, owned by the draft and borrowed by the caller. The same
 * read is sent once per draft. */
int draft_read(struct draft *d, const char *path, const char *reduce, js **ret, struct err *e);
/* The same for what must hold before anything of the plan runs, and is not looked at again before
 * its steps: a list that the plan's own tasks add to. */
int draft_read_first(struct draft *d, const char *path, const char *reduce, js **ret,
                     struct err *e);
/* The same without a precondition: for names that are looked up, not for what a verdict rests on.
 */
int draft_get(struct draft *d, const char *path, js **ret, struct err *e);
/* A precondition over data that was read in another way (e.g. the picture's concurrent reads). */
int draft_precondition(struct draft *d, const char *path, const char *reduce, const js *data,
                       struct err *e);

struct session *draft_session(struct draft *d);
const js *draft_args(const struct draft *d);

/* The change in one sentence. */
void draft_change(struct draft *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* {kind,id,node?}: kind "guest", "storage", "node", "volume", …; node may be NULL. */
void draft_target(struct draft *d, const char *kind, const char *id, const char *node);
/* Live state, short: consumes value. */
void draft_current(struct draft *d, const char *key, js *value);

/* An API request. path is relative to /api2/json; form (consumed, may be NULL) is an object of
 * strings, integers and booleans. A late_digest() in it (late.h) is replaced at execution by the
 * digest of the read named in `fresh_of` (its path; NULL when there is none). Secret form
 * values must have gone through draft_secret. */
void draft_request(struct draft *d, enum phase phase, const char *method, const char *path,
                   js *form, const char *fresh_of);
/* The last added request waits for its task (UPID) to end; default yes when data is a UPID. */
/* A node request: whole text in the line grammar; its hash is H. */
int draft_node_request(struct draft *d, enum phase phase, const char *node, const char *request,
                       struct err *e);
/* What the node request added last reads from its standard input, exactly as it will be sent: it
 * stands in the plan, or, when secret, only its commitment does. len <= LIM_STDIN + HASH_LEN. */
void draft_stdin(struct draft *d, const void *data, size_t len, bool secret);
/* Replaces a secret by its commitment (an object for the form) and keeps the value aside. A value
 * is at most LIM_SECRET - 64 bytes (fields are limited far below). */
js *draft_secret(struct draft *d, const char *name, const char *value);

struct affect {
    const char *resource; /* "vm/104", "ct/301", "storage/local-zfs", "job/…" */
    const char *name;     /* guest name or NULL */
    const char *node;     /* or NULL */
    const char *effect;   /* closed list: wont-boot degraded stranded halted started interrupted
                             destroyed   loses-access gains-access unreachable lockout exposed changed
                             reverted   loses-data loses-undo loses-backup none */
    enum risk severity;
    bool running;
    bool only_copy;
    const char *via; /* "scsi0", "snapshot s1 mp0", "backup job x" or NULL */
    const char *why; /* one sentence */
};
void draft_affect(struct draft *d, const struct affect *a);
/* Whether the resource ("vm/104") is among those that were said to be hit. */
bool draft_affects(const struct draft *d, const char *resource);
/* Whether anything was said to be hit in that way ("lockout"). */
bool draft_has_effect(const struct draft *d, const char *effect);
/* All that were said to be hit, [{resource, effect, severity, via?, why …}]; borrowed. */
const js *draft_affected(const struct draft *d);
/* Only ever raises. */
void draft_risk(struct draft *d, enum risk r, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Something that matters was not read: complete becomes false, risk high. privilege may be NULL. */
void draft_unread(struct draft *d, const char *what, const char *why, const char *privilege);
/* kind of formats.md 10. For "none" guarantee is the reason. */
void draft_undo(struct draft *d, const char *kind, const char *guarantee, const char *limits);
/* Of a way back that takes away what is made: what that is, {kind "guest", vmid, type, node} or
 * {kind "volume", node, storage, volid}; consumed. After draft_undo, as the next. */
void draft_undo_removes(struct draft *d, js *what);
/* What is read when the operation has ended, reduced and kept with its outcome: the undo compares
 * it with what it finds. Said once a path. */
void draft_undo_left(struct draft *d, const char *read, const char *reduce);
/* Members of a guest's configuration that no comparison looks at: what PVE makes up anew, and what
 * snapshots and locks change. */
bool draft_config_ignores(const char *key);
/* The undo said before comes second: a node reverts by itself after so many seconds. */
void draft_undo_timer(struct draft *d, uint32_t seconds, bool staged);
/* Whether the plan's undo may interrupt or lose something: free text list shown in the plan. */
void draft_need(struct draft *d, enum approval_need n, const char *why); /* only ever raises */
/* NEED_OPERATOR, and no approval that was given for another plan stands in: an undo is approved
 * itself, not by what was said of the operation. */
void draft_need_anew(struct draft *d, const char *why);
/* Where the facts came from, in words; said once however often it is told. */
void draft_source(struct draft *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The guests read for coverage: "complete yes: 3 of 3 nodes, 41 of 41 guests read". */
void draft_coverage(struct draft *d, unsigned int nodes_read, unsigned int nodes,
                    unsigned int guests_read, unsigned int guests);

/* --- plans of several changes (draft_steps.c) ---
 *
 * Between begin and end, draft_args are the step's, and change, target and undo are kept with it;
 * all else goes into the plan as a whole, requests and affected marked with the step's number.
 * What a step reads is as the steps before leave it: what they do to it in a way that is not
 * computed refuses the step ("steps_conflict"). After the last end the draft needs its own change,
 * target and undo. */
void draft_step_begin(struct draft *d, const char *row, const js *args);
void draft_step_end(struct draft *d);
/* Takes the step that was ended last out again, when it turned out to have nothing to do. */
void draft_drop_step(struct draft *d);
size_t draft_steps(const struct draft *d);
const js *draft_step(const struct draft *d, size_t i); /* {row, args, change, target, undo} */
/* What stands for the archive that the backup of that step makes, for arguments of later steps: in
 * requests it becomes a late value. NULL: the step makes no single one. */
const char *draft_step_archive(const struct draft *d, int64_t step);
/* *data: the answer of now, owned, NULL: there is none. Replaced by what it will be when the step
 * runs that is being drafted; NULL: there will be none (then *data was NULL before, or -ENOENT).
 * "steps_conflict": what an earlier step makes of it is not computed. */
int draft_after(struct draft *d, const char *path, js **data, struct err *e);
/* Whether an earlier step changes what the step being drafted has read there. */
bool draft_is_altered(const struct draft *d, const char *path);
/* "steps_conflict" when two steps change the same object and what the first makes of it is not
 * computed (blast/then.h): the second would count on a state that the first takes away. */
int draft_steps_apart(const struct draft *d, struct err *e);
