/* SPDX-License-Identifier: Apache-2.0 */
/* The log of a backup's task and the list of the storage it lies on, from a cluster that lies:
 * {log:
 * [{t: line}], list: [{volid}]}, or the lines of a log as plain text. What is taken for the
 * archive's name stands between quotes in exactly one line, whole; and what is found by it is in
 * the list, once. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/pipeline/late.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Lines that name an archive as PVE writes it, by a name that there is room for; *ret_is: one of
 * them names this one. */
static size_t lines_that_name(const js *log, const char *name, size_t room, bool *ret_is) {
    size_t n = 0;

    *ret_is = false;
    for (size_t i = 0; i < js_len(log); i++) {
        const char *line = js_str_or(js_at(log, i), "t", "");
        const char *at = strstr(line, "creating ");
        const char *from = at ? strstr(at, " archive '") : NULL;
        const char *to;

        from = from ? from + strlen(" archive '") : NULL;
        to = from ? strchr(from, '\'') : NULL;
        if (to && to > from && (size_t)(to - from) < room) {
            n++;
            *ret_is = *ret_is || (strlen(name) == (size_t)(to - from) &&
                                  strncmp(name, from, strlen(name)) == 0);
        }
    }
    return n;
}

static void one_name(const js *log, const js *list, char *name, size_t size) {
    const char *volid;
    size_t times = 0;
    bool is;

    memset(name, '#', size); /* what is not written shows */
    if (!late_name_in_log(log, name, size)) {
        return;
    }
    if (!memchr(name, '\0', size) || lines_that_name(log, name, size, &is) != 1 || !is) {
        abort();
    }
    volid = late_in_list(list, name);
    for (size_t i = 0; volid && i < js_len(list); i++) {
        times += js_get_str(js_at(list, i), "volid") == volid;
    }
    if (volid && (times != 1 || !volid[0])) {
        abort();
    }
}

/* Text as a log has it: a row for each line. */
static js *log_of(const char *text) {
    js *log = js_array();

    while (*text) {
        size_t n = strcspn(text, "\n");
        js *row = js_object();

        js_add(row, "t", js_str_n(text, n));
        js_push(log, row);
        text += n + (text[n] == '\n');
    }
    return log;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(js_freep) js *in = NULL;
    CLEANUP(js_freep) js *log = NULL;
    CLEANUP(freep) char *text = strndup((const char *)data, size);
    char name[400], little[8]; /* a name that is longer than the room for it is none */

    if (!text) {
        return 0;
    }
    if (js_parse((const char *)data, size, &in, NULL) == 0 && js_is_object(in)) {
        log = js_ref(js_get(in, "log"));
    } else {
        log = log_of(text);
    }
    one_name(log, js_get(in, "list"), name, sizeof(name));
    one_name(log, js_get(in, "list"), little, sizeof(little));
    return 0;
}
