/* SPDX-License-Identifier: Apache-2.0 */
/* capture FILE: a copy of the cluster to rehearse on. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/cli/cli.h"
#include "proximo-client/pipeline/capture.h"

#define CAPTURE_MAX LIM_PVE_ANSWER /* what a parser of ours takes */

static int write_file(const js *capture, const char *path, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(CAPTURE_MAX);
    int r = js_print_pretty(capture, &b);

    if (r == 0) {
        r = buf_addc(&b, '\n');
    }
    return r < 0 ? err_set(e, r, "the capture is too large")
                 : file_replace(AT_FDCWD, path, buf_str(&b), b.len, 0600, e);
}

static void report(struct cli *c, const js *capture, const char *path) {
    const js *scrubbed = js_get(capture, "scrubbed"), *unread = js_get(capture, "unread"),
             *left_out = js_get(capture, "left_out");

    if (c->json) {
        CLEANUP(js_freep) js *o = js_object();

        js_add(o, "file", js_str(path));
        js_add(o, "reads", js_int((int64_t)js_members(js_get(capture, "reads"))));
        js_add(o, "unread", js_copy(unread));
        js_add(o, "left_out", js_copy(left_out));
        js_add(o, "scrubbed", js_copy(scrubbed));
        cli_print(c, "capture", o);
        return;
    }
    printf("%s: %zu answers\n", path, (size_t)js_members(js_get(capture, "reads")));
    for (size_t i = 0; i < js_len(scrubbed); i++) {
        printf("  scrubbed  %s of %s\n", js_str_or(js_at(scrubbed, i), "key", ""),
               js_str_or(js_at(scrubbed, i), "path", ""));
    }
    for (size_t i = 0; i < js_len(unread); i++) {
        printf("  not read  %s: %s\n", js_str_or(js_at(unread, i), "path", ""),
               js_str_or(js_at(unread, i), "why", ""));
    }
    for (size_t i = 0; i < js_len(left_out); i++) {
        printf("  left out  %s: %s\n", js_str_or(js_at(left_out, i), "path", ""),
               js_str_or(js_at(left_out, i), "why", ""));
    }
    printf("rehearse on it: pvesim import %s > state.json; pvesim --dir DIR --state state.json\n",
           path);
}

static int run_capture(struct cli *c) {
    CLEANUP(js_freep) js *capture = NULL;
    struct ticker t = cli_tick_begin(c);
    struct err e = {0};
    int r;

    if (!cli_words(c, &cmd_capture, 1, 1)) {
        return EXIT_USAGE;
    }
    r = capture_run(c->app, c->cluster, cli_actor(), cli_tick, &t, &capture, &e);
    cli_tick_end(&t);
    if (r < 0 || write_file(capture, c->argv[0], &e) < 0) {
        return cli_fail(c, &e);
    }
    report(c, capture, c->argv[0]);
    return js_len(js_get(capture, "unread")) ? EXIT_INCOMPLETE : EXIT_DONE;
}

const struct command cmd_capture = {
    "capture", "FILE", "copy what the API shows of the cluster, without secrets, to rehearse on",
    NULL, run_capture};
