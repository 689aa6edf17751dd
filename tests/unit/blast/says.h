/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/blast/says.h - what the analysers' tests compare: the whole list of affects, one thing
 * that must be said (NULL: then nothing was unread), and the risk; and how they write a world. */
#pragma once
#include <check.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "tests/unit/blast/world.h"

static inline void record_check(const char *name, const char *affects, const char *says, int risk) {
    ck_assert_msg(strcmp(buf_str(&record_affects), affects) == 0, "%s:\n%s%s", name,
                  buf_str(&record_affects), buf_str(&record_rest));
    ck_assert_msg(says ? strstr(buf_str(&record_rest), says) != NULL
                       : strstr(buf_str(&record_rest), "unread") == NULL,
                  "%s:\n%s", name, buf_str(&record_rest));
    ck_assert_msg(record_risk == risk, "%s: risk %d\n%s", name, record_risk, buf_str(&record_rest));
}

/* An object of these members, in which single quotes stand for double ones. New value. */
static inline js *world_object(const char *members) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(8192);
    struct err e = {0};
    js *o = NULL;

    ck_assert_int_eq(buf_addf(&text, "{%s}", members), 0);
    for (size_t i = 0; i < text.len; i++) {
        text.data[i] = text.data[i] == '\'' ? '"' : text.data[i];
    }
    ck_assert_msg(js_parse(buf_str(&text), text.len, &o, &e) == 0, "%s", buf_str(&text));
    return o;
}
