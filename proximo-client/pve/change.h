/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pve/change.h - the changing side of the API client. Only pipeline/ includes this
 * (tests/lint), and every call wants the grant that only the approval stage can make. */
#pragma once
#include "proximo-client/pve/pve.h"

struct grant;

struct pve_answer {
    int status;       /* HTTP */
    char reason[512]; /* the status line's phrase: PVE puts the message there */
    js *data;         /* owned */
    js *errors;       /* {param: text} with 400, or NULL; owned */
    bool sent;        /* false: nothing left this machine (connect or TLS failed before) */
};
void pve_answer_done(struct pve_answer *a);

/* Sends one planned request: POST and PUT with `form` as body, DELETE with it as query. Never
 * repeated by itself: when the connection breaks after sending, the result is unknown
 * ("pve_unknown", ret->sent true). Errors as pve_get; *ret is filled in every case. */
int pve_change(struct pve *p, const struct grant *g, const char *method, const char *path,
               const js *form, struct pve_answer *ret, struct err *e);
