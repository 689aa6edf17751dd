/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a rule's `run` (first line) against any argument vector (the others). A vector that
 * matches must not match with an argument more or less, whatever the words are. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/argv_rule.h"
#include "common/buf.h"
#include "common/own.h"

#define MAX_ARGS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);
    const char *arg[MAX_ARGS + 1];
    char program[64];
    size_t n = 0;
    char *run;
    char *rest;

    if (size > 4096 || memchr(data, '\0', size) || buf_add(&b, data, size) < 0 || !size) {
        return 0;
    }
    rest = b.data;
    run = strsep(&rest, "\n");
    while (rest && n < MAX_ARGS) {
        arg[n++] = strsep(&rest, "\n");
    }
    (void)argv_word_check(run);
    (void)(n && argv_word_matches(run, arg[0]));
    if (argv_rule_check(run, 1, NULL) < 0) {
        return 0;
    }
    argv_rule_program(run, program, sizeof(program));
    if (program[0] != '/') {
        abort();
    }
    if (!argv_rule_matches(run, arg, n)) {
        return 0;
    }
    arg[n] = "more";
    if (argv_rule_matches(run, arg, n + 1) || argv_rule_matches(run, arg, n - 1)) {
        abort();
    }
    return 0;
}
