/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/tools/pbs_assess.h - verdicts over a backup server's backups and jobs, as rows
 * that are data name them. Not seen outside tools/. */
#pragma once
#include "proximo-client/tools/send.h"

int assess_pbs_prune(struct draft *d, const struct assess *a, struct err *e);
int assess_pbs_delete(struct draft *d, const struct assess *a, struct err *e);
int assess_pbs_job(struct draft *d, const struct assess *a, struct err *e);
int assess_pbs_run(struct draft *d, const struct assess *a, struct err *e);
int assess_pbs_access(struct draft *d, const struct assess *a, struct err *e);
int assess_pbs_remote(struct draft *d, const struct assess *a, struct err *e);
