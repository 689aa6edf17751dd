/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks: what a UPID came to. Only exitstatus "OK" is success; "WARNINGS: n" is its own outcome;
 * a status that cannot be read is not an end. */
#include "proximo-client/pve/pve.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/pve/wire.h"

#define TASK_MISSES    5    /* status reads in a row that may fail while the task goes on */
#define TASK_LOG_LINES 5000 /* at most, whatever the caller asks for */

static int task_path(const char *upid, const char *what, struct buf *ret, struct err *e) {
    CLEANUP(js_freep) js *args = js_object();
    char node[64];
    int r;

    if (!ident_is_upid(upid) || ident_upid_node(upid, node, sizeof(node)) < 0) {
        return err_tag(e, -EINVAL, "bad_argument", "not a task identifier");
    }
    js_add(args, "node", js_str(node));
    js_add(args, "upid", js_str(upid));
    r = pve_path("/nodes/{node}/tasks/{upid}", args, ret, e);
    if (r == 0 && (buf_addc(ret, '/') < 0 || buf_adds(ret, what) < 0)) {
        r = err_set(e, -E2BIG, "path too long");
    }
    return r;
}

static void copy_clean(const js *data, const char *key, char *ret, size_t size) {
    const char *s = js_str_or(data, key, "");

    answer_clean(s, strlen(s), ret, size);
}

int pve_task_status(struct pve *p, const char *upid, struct pve_task *ret, struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(1024);
    CLEANUP(js_freep) js *data = NULL;
    struct pve_task t = {0};
    const char *status;
    int r = task_path(upid, "status", &path, e);

    r = r < 0 ? r : pve_get(p, path.data, &data, e);
    if (r < 0) {
        return r;
    }
    status = js_get_str(data, "status");
    if (!status) {
        return err_tag(e, -EBADMSG, "pve_bad_answer", "task status without a status");
    }
    t.stopped = strcmp(status, "stopped") == 0;
    copy_clean(data, "exitstatus", t.exit, sizeof(t.exit));
    copy_clean(data, "type", t.type, sizeof(t.type));
    copy_clean(data, "id", t.id, sizeof(t.id));
    copy_clean(data, "node", t.node, sizeof(t.node));
    if (t.stopped && !t.exit[0]) {
        (void)snprintf(t.exit, sizeof(t.exit), "stopped without an exit status");
    }
    t.ok = t.stopped && strcmp(t.exit, "OK") == 0;
    t.warnings = t.stopped && strncmp(t.exit, "WARNINGS: ", 10) == 0;
    *ret = t;
    return 0;
}

static bool is_passing(const struct err *e) {
    return strcmp(e->tag, "pve_unreachable") == 0 || strcmp(e->tag, "pve_error") == 0;
}

int pve_pause(const struct pve *p, int64_t ms, struct err *e) {
    int64_t until = clock_mono_ms() + ms;

    for (int64_t left = ms; left > 0; left = until - clock_mono_ms()) {
        if (p->cancelled && p->cancelled(p->cancel_ctx)) {
            return err_tag(e, -ECANCELED, "cancelled", "cancelled while waiting");
        }
        clock_sleep_ms(left < 100 ? left : 100);
    }
    return 0;
}

int pve_task_wait(struct pve *p, const char *upid, int64_t timeout_ms,
                  void (*tick)(void *ctx, const struct pve_task *t, int64_t waited_ms), void *ctx,
                  struct pve_task *ret, struct err *e) {
    int64_t start = clock_mono_ms();
    int64_t told = 0;
    int64_t step = 50;
    unsigned int missed = 0;
    struct pve_task t = {0};

    for (;;) {
        struct err why = {0};
        int r = pve_task_status(p, upid, &t, &why);
        int64_t waited = clock_mono_ms() - start;

        missed = r < 0 ? missed + 1 : 0;
        if (r < 0 && (missed > TASK_MISSES || !is_passing(&why))) {
            if (e) {
                *e = why;
            }
            return r;
        }
        if ((r == 0 && t.stopped) || waited >= timeout_ms) {
            *ret = t;
            return 0;
        }
        if (tick && waited - told >= 1000) {
            told = waited;
            tick(ctx, &t, waited);
        }
        r = pve_pause(p, step < timeout_ms - waited ? step : timeout_ms - waited, e);
        if (r < 0) {
            return r;
        }
        step = step < 800 ? step * 2 : 1000;
    }
}

static int log_page(struct pve *p, const char *base, int64_t start, int64_t limit, js **ret,
                    struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(1024);

    if (buf_addf(&path, "%s?start=%lld&limit=%lld", base, (long long)start, (long long)limit) < 0) {
        return err_set(e, -E2BIG, "path too long");
    }
    return pve_get_body(p, path.data, ret, e);
}

int pve_task_log(struct pve *p, const char *upid, unsigned int limit, js **ret_lines,
                 struct err *e) {
    CLEANUP(buf_done) struct buf base = BUF_INIT(1024);
    CLEANUP(js_freep) js *head = NULL;
    CLEANUP(js_freep) js *body = NULL;
    CLEANUP(js_freep) js *lines = js_array();
    int64_t want = limit == 0 ? 1 : limit > TASK_LOG_LINES ? TASK_LOG_LINES : (int64_t)limit;
    int64_t total = 0;
    int r = task_path(upid, "log", &base, e);

    /* the log is numbered from its beginning: its length first, then its end */
    r = r < 0 ? r : log_page(p, base.data, 0, 1, &head, e);
    if (r < 0) {
        return r;
    }
    (void)js_get_int(head, "total", &total);
    /* a backup server's first line is 1, and it takes a start of 0 for the same */
    r = log_page(p, base.data, total > want ? total - want + p->pbs : 0, want, &body, e);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < js_len(js_get(body, "data")); i++) {
        js *t = js_get(js_at(js_get(body, "data"), i), "t");

        if (js_is_str(t)) {
            js_push(lines,
                    js_str_n(json_object_get_string(t), (size_t)json_object_get_string_len(t)));
        }
    }
    *ret_lines = TAKE(lines);
    return 0;
}
