/* SPDX-License-Identifier: Apache-2.0 */
/* The names of risks, phases and approvals as they stand in plans, entries and configuration. */
#include "proximo-client/pipeline/draft.h"

const char *risk_name(enum risk r) {
    static const char *const names[] = {"none", "low", "medium", "high"};

    return names[r];
}

const char *phase_name(enum phase p) {
    static const char *const names[] = {"prepare", "execute", "undo"};

    return names[p];
}

const char *need_name(enum approval_need n) {
    static const char *const names[] = {"none", "host", "operator"};

    return names[n];
}
