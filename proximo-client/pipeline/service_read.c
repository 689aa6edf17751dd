/* SPDX-License-Identifier: Apache-2.0 */
/* Reads: run the row, record that it was asked, raise the taint when a guest wrote what is
 * returned. A ledger that cannot take the record does not stop a read; the answer says so. */
#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/canon.h"
#include "common/clock.h"
#include "common/entry.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/app.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/pipeline/service_int.h"
#include "proximo-client/pipeline/taint.h"
#include "proximo-client/tools/tool.h"

#define READS_A_SECOND 20    /* more are counted, not written: reads must not fill the disk */
#define ANSWER_MAX     48000 /* characters; hosts cut or refuse beyond */

/* True when this read is to be written; *ret_skipped gets how many were not since the last one. */
static bool rate_ok(unsigned int *ret_skipped) {
    static int64_t second;
    static unsigned int count;
    static unsigned int skipped;
    int64_t now = clock_mono_ms() / 1000;

    if (now != second) {
        second = now;
        count = 0;
    }
    if (count >= READS_A_SECOND) {
        skipped++;
        return false;
    }
    count++;
    *ret_skipped = skipped;
    skipped = 0;
    return true;
}

static int record(const struct session *s, const char *what, const js *args, const char *outcome) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    char text[HASH_HEX_LEN + 1];
    char body[64] = "{}";
    unsigned int skipped = 0;
    struct hash h;
    int r;

    if (!rate_ok(&skipped)) {
        return 0;
    }
    r = canon_hash(args, &h, NULL);
    if (r == 0) {
        r = entry_begin(&b, ENTRY_READ, clock_unix(), s->actor);
    }
    if (r == 0) {
        r = lines_put(&b, "tool", what);
    }
    hash_text(&h, text);
    if (r == 0) {
        r = lines_put(&b, "args", text);
    }
    if (r == 0) {
        r = lines_put(&b, "outcome", outcome);
    }
    if (skipped) {
        (void)snprintf(body, sizeof(body), "{\"unrecorded_before\":%u,\"v\":1}", skipped);
    }
    if (r == 0) {
        r = entry_end(&b, body, NULL);
    }
    return r < 0 ? r
                 : ledger_append(s->ledger, buf_str(&b), b.len, 0, NULL, NULL,
                                 &(struct ledger_pos){0}, NULL);
}

int service_record_read(const struct session *s, const char *what, const char *outcome) {
    CLEANUP(js_freep) js *args = js_object();

    return record(s, what, args, outcome);
}

static int too_large(const js *v, const struct row *row, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PVE_ANSWER);

    if (js_print(v, &b) < 0 || b.len > ANSWER_MAX) {
        (void)err_tag(e, -E2BIG, "answer_too_large",
                      "the answer of %s is longer than %d characters", row->name, ANSWER_MAX);
        return err_hint(e, "ask for less: limit, start or a filter of the row");
    }
    return 0;
}

static int run(struct session *s, const struct row *row, const js *args, js **ret, struct err *e) {
    CLEANUP(js_freep) js *v = NULL;
    int r = row_read(row, s, args, &v, e);

    if (r < 0) {
        return r;
    }
    if (!js_is_object(v)) { /* the wire wants an object at the root */
        js *o = js_object();

        js_add(o, "data", TAKE(v));
        v = o;
    }
    r = too_large(v, row, e);
    if (r == 0) {
        *ret = TAKE(v);
    }
    return r;
}

/* Also an error repeats what a guest says, when PVE passed it on (its agent's, above all). */
static bool holds_guest_text(const struct row *row, int r, const js *result, const struct err *e) {
    if (row->flags & ROW_GUEST_TEXT) {
        return r == 0 || e->http_status != 0;
    }
    return r == 0 ? js_bool_or(result, "guest_text", false) : e->guest_text;
}

/* Without the mark the text stays here. */
static int taint(const struct session *s, int r, js **ret, struct err *e) {
    struct err why = {0};
    int failed = service_taint(s, &why);

    if (failed < 0) {
        json_object_put(*ret);
        *ret = NULL;
        *e = why;
    }
    return failed < 0 ? failed : r;
}

int service_read(struct app *a, const struct call *c, const struct row *row, const js *args,
                 js **ret, struct err *e) {
    struct err ledger_err = {0};
    struct session s;
    int recorded = 0;
    int r = row_validate(row, args, e);

    if (r < 0) {
        return r;
    }
    r = service_session(a, c, args, APP_PVE | APP_LEDGER | APP_NODES | service_target(row), &s,
                        &ledger_err);
    if (r < 0) { /* once more without the ledger: reading must go on without it */
        r = service_session(a, c, args, APP_PVE | APP_NODES | service_target(row), &s, e);
        s.ledger = NULL;
        recorded = -1;
    }
    if (r < 0) {
        return r;
    }
    r = run(&s, row, args, ret, e);
    if (s.ledger) {
        recorded = record(&s, row->name, args, r < 0 ? (e->tag[0] ? e->tag : "internal") : "ok");
        if (holds_guest_text(row, r, *ret, e)) {
            r = taint(&s, r, ret, e);
        }
    }
    if (r == 0 && recorded < 0) {
        js_add(*ret, "not_recorded",
               js_str(ledger_err.msg[0] ? ledger_err.msg : "the ledger could not take this read"));
    }
    return r;
}
