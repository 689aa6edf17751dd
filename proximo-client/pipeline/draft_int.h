/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/draft_int.h - the inside of a draft, for the pipeline's own files. */
#pragma once
#include "common/digest.h"
#include "proximo-client/ledger/hashmap.h"
#include "proximo-client/pipeline/draft.h"

struct then;

struct draft {
    struct session *s;
    const char *tool;
    js *args; /* as validated; secret fields replaced */
    char *change;
    js *target;
    js *requests;      /* array, as they stand in the plan */
    js *preconditions; /* array of {read, reduce, digest} */
    /* which are there: one verdict over a big cluster depends on tens of thousands */
    struct hashmap observed;
    js *reads; /* object: path -> whole data, so that each read is sent once */
    js *current;
    js *affected;
    js *hit; /* {resource: true} of affected */
    js *unread;
    js *risk_reasons;
    js *coverage;
    js *sources; /* array of strings */
    js *undo;
    js *undo_of; /* {op_id, intent, plan} of the operation this plan undoes, or NULL */
    js *steps;   /* array of {row, args, change, target, undo} of a plan of several, or NULL */
    js *step;    /* the one being drafted: borrowed from steps */
    js *outer_args;
    struct then *then; /* what the steps before do, or NULL */
    js *altered; /* {path: {base?, watched}}: answers of this step that are not those of now */
    js *late;    /* {text that stands for it: late value}; no argument can hold the text */
    js *kept;    /* array of altered answers: borrowed by whoever read them */
    js *secrets; /* object: commitment -> value; never part of the plan */
    uint8_t secret_key[32];
    enum risk risk;
    enum approval_need need;
    char *need_why;
    bool anew; /* the approval of the operation does not cover this undo */
    bool complete;
};

struct draft *draft_new(struct session *s, const char *tool, const js *args);
void draft_free(struct draft *d);
static inline void draft_freep(struct draft **d) {
    draft_free(*d);
    *d = NULL;
}

/* draft_then.c: the number of the step being drafted, from 1; 0: none. */
int64_t draft_step_number(const struct draft *d);
void draft_then_begin(struct draft *d);
/* Takes over what the step that ends here will do. */
void draft_then_step(struct draft *d);
/* draft.c: one observation. step: it is made again before that step (0: only before anything);
 * then: it does not hold before. */
int draft_observe(struct draft *d, const char *path, const char *reduce, const js *data,
                  int64_t step, bool then, struct err *e);

/* draft_steps.c: numbers what belongs to the step being drafted (from 1). */
void draft_mark_step(const struct draft *d, js *o);

/* reduce.c: the part of `data` that a verdict depends on, as a new value without fractions.
 * -EINVAL for an unknown reducer. */
int reduce_apply(const char *reduce, const js *data, js **ret);
/* reduce_then.c: "NAME-then", for answers that were computed: values as texts; of a guest's
 * configuration without what PVE makes up. */
js *reduce_texts(const js *v);
js *reduce_config_then(const js *data);
/* "interfaces-then", "firewall-then": of a node's interfaces without what says how they are, of the
 * firewall without what PVE works out of addresses. */
js *reduce_interfaces_then(const js *data);
js *reduce_firewall_then(const js *data);
/* The name of the reducer with which a computed answer of that path is compared. */
void reduce_then_name(const char *path, const char *reduce, char *ret, size_t size);
int reduce_digest(const char *reduce, const js *data, struct hash *ret, struct err *e);
/* A copy of v in which fractions are strings (canonical JSON knows integers only). */
js *reduce_exact(const js *v);
