/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/tools/look.h - one look at the cluster for an analyser: the picture is read, the
 * analyser speaks, and what its verdict rests on becomes preconditions of the plan. That is less
 * than what was read: a plan over one guest must not drift because another one was changed that the
 * verdict does not name, and more than the guest: whoever is named as hit is watched, too. */
#pragma once
#include "proximo-client/blast/picture.h"

struct draft;

struct look {
    struct picture *p; /* set by look_open */
    /* Filled by the caller: */
    uint32_t guest[2]; /* everything below these guests' paths; 0 = none */
    /* Paths that count whoever is named, with blanks between: each a beginning. Of the list of
     * guests only who is there and where counts, not who runs. */
    const char *paths;
    /* Inside: */
    struct draft *d;
    js *heard; /* [[path, reducer, data]] */
};

/* Reads the picture. Must be ended by look_done (CLEANUP), also when it failed. */
int look_open(struct look *l, struct draft *d, const struct picture_ask *ask, struct err *e);
/* After the analyser: its result (-ENOENT is a finding that it has put into the draft), and the
 * preconditions, of those guests too that the draft names as hit. */
int look_close(struct look *l, int verdict, struct err *e);
void look_done(struct look *l);
