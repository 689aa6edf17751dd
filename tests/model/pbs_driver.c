/* SPDX-License-Identifier: Apache-2.0 */
/* What the analysers of a backup server say: one question a line (pbs_ask.h), one answer a line
 * {affects, says, risk, r}. */
#include "tests/model/driver.h"
#include "tests/model/pbs_ask.h"

static js *answer(const js *c) {
    js *o = js_object();

    js_add(o, "r", js_int(pbs_ask(c, record_reset())));
    js_add(o, "affects", record_lines(buf_str(&record_affects)));
    js_add(o, "says", record_lines(buf_str(&record_rest)));
    js_add(o, "risk", js_int(record_risk));
    return o;
}

int main(void) {
    return driver_run(answer);
}
