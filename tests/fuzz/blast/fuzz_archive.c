/* SPDX-License-Identifier: Apache-2.0 */
/* Names of backup archives and rules of retention, as a storage lists them: a first line of rules,
 * then one volume a line. What is marked must be whole: nothing lost, nothing unmarked, nothing
 * protected taken, and rules that keep anything keep the newest of each group. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/blast/retention.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 64 };

static size_t read_list(char *text, js *rows) {
    size_t n = 0;

    for (char *save = NULL, *line = strtok_r(text, "\n", &save); line && n < MOST;
         line = strtok_r(NULL, "\n", &save), n++) {
        js *row = js_object();

        js_add(row, "content", js_str("backup"));
        js_add(row, "protected", js_bool(line[0] == '!'));
        js_add(row, "volid", js_str_n(line + (line[0] == '!'), strlen(line + (line[0] == '!'))));
        js_push(rows, row);
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(freep) char *text = strndup((const char *)data, size);
    CLEANUP(js_freep) js *rows = js_array();
    CLEANUP(js_freep) js *rules = NULL;
    struct archive v[MOST];
    struct keep k;
    char *list = text ? strchr(text, '\n') : NULL;
    size_t n;

    if (!list || !rows) {
        return 0;
    }
    *list++ = 0;
    rules = js_str_n(text, strlen(text));
    n = read_list(list, rows);
    for (size_t i = 0; i < n; i++) {
        if (!archive_of(js_at(rows, i), "s", "n", &v[i])) {
            abort();
        }
        v[i].at = i;
    }
    if (keep_parse(rules, &k) < 0) {
        return 0;
    }
    retention_mark(v, n, &k);
    for (size_t i = 0; i < n; i++) {
        bool is_first =
            i == 0 || v[i].vmid != v[i - 1].vmid || strcmp(v[i].type, v[i - 1].type) != 0;

        if (v[i].mark == MARK_NONE || (!v[i].is_grouped && v[i].mark == MARK_REMOVE) ||
            (is_first && v[i].mark == MARK_REMOVE) ||
            (keep_is_everything(&k) && v[i].mark == MARK_REMOVE)) {
            abort();
        }
    }
    return 0;
}
