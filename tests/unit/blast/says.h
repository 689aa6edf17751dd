/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/blast/says.h - what the analysers' tests compare: the whole list of affects, one thing
 * that must be said (NULL: then nothing was unread), and the risk. */
#pragma once
#include <check.h>
#include <string.h>

#include "tests/unit/blast/world.h"

static inline void record_check(const char *name, const char *affects, const char *says, int risk) {
    ck_assert_msg(strcmp(buf_str(&record_affects), affects) == 0, "%s:\n%s%s", name,
                  buf_str(&record_affects), buf_str(&record_rest));
    ck_assert_msg(says ? strstr(buf_str(&record_rest), says) != NULL
                       : strstr(buf_str(&record_rest), "unread") == NULL,
                  "%s:\n%s", name, buf_str(&record_rest));
    ck_assert_msg(record_risk == risk, "%s: risk %d\n%s", name, record_risk, buf_str(&record_rest));
}
