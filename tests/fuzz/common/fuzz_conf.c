/* SPDX-License-Identifier: Apache-2.0 */
/* The INI reader. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct conf_rule rules[] = {{"s", true, "a", false, true},
                                             {"t", false, NULL, false, false}};
    CLEANUP(conf_done) struct conf c = {0};

    if (conf_parse((const char *)data, size, &c, NULL) == 0) {
        (void)conf_check(&c, rules, ARRAY_LEN(rules), NULL);
        for (size_t i = 0; i < c.n; i++) {
            for (size_t k = 0; k < c.section[i].n; k++) {
                assert(strlen(c.section[i].entry[k].key) > 0);
                assert(conf_get(&c.section[i], c.section[i].entry[k].key));
            }
        }
    }
    return 0;
}
