/* SPDX-License-Identifier: Apache-2.0 */
/* Closings. As with approvals the text that was signed is the text that is parsed. */
#include "proximo-client/ledger/closing.h"

#include <errno.h>
#include <string.h>

#include "common/approval.h"
#include "common/buf.h"
#include "common/checkpoint.h"
#include "common/clock.h"
#include "common/entry.h"
#include "common/err.h"
#include "common/form.h"
#include "common/limits.h"
#include "common/note.h"
#include "common/own.h"
#include "common/put.h"

#define CLOSING_HEAD "proximo-closing/v1"

static const struct line_key keys[] = {{"log", false, true},    {"intent", false, true},
                                       {"plan", false, true},   {"as", false, true},
                                       {"reason", false, true}, {"time", false, true}};

static int read_values(struct closing *c, struct err *e) {
    const char *as = lines_get(&c->l, keys, "as");

    c->log = lines_get(&c->l, keys, "log");
    c->reason = lines_get(&c->l, keys, "reason");
    c->done = strcmp(as, "done") == 0;
    if (origin_check(c->log) < 0 || hash_parse(lines_get(&c->l, keys, "intent"), &c->intent) < 0 ||
        hash_parse(lines_get(&c->l, keys, "plan"), &c->plan) < 0) {
        return err_set(e, -EBADMSG, "bad log, intent or plan");
    }
    if (!c->done && strcmp(as, "not-done") != 0) {
        return err_set(e, -EBADMSG, "as must be done or not-done");
    }
    if (!*c->reason || strlen(c->reason) > CLOSING_REASON_MAX) {
        return err_set(e, -EBADMSG, "a reason of at most %d bytes must be given",
                       CLOSING_REASON_MAX);
    }
    return form_time(lines_get(&c->l, keys, "time"), &c->time) < 0
               ? err_set(e, -EBADMSG, "bad time")
               : 0;
}

int closing_parse(const char *text, size_t len, struct closing *ret, struct err *e) {
    CLEANUP(closing_done) struct closing c = {0};
    int r = lines_parse(text, len, CLOSING_HEAD, keys, ARRAY_LEN(keys), &c.l, e);

    r = r < 0 ? r : form_no_nul(&c.l, keys, e);
    r = r < 0 ? r : read_values(&c, e);
    if (r < 0) {
        (void)err_wrap(e, "closing");
        return r == -E2BIG ? -EBADMSG : r;
    }
    *ret = c;
    c = (struct closing){0};
    return 0;
}

void closing_done(struct closing *c) {
    lines_done(&c->l);
    *c = (struct closing){0};
}

int closing_open(const char *note, size_t len, const struct vkey *key, struct closing *ret,
                 struct err *e) {
    struct err why = {0};
    struct note n;
    int r = approval_note(note, len, key, &n, e);

    if (r < 0) {
        return r;
    }
    r = closing_parse(n.text, n.text_len, ret, &why);
    return r < 0 ? err_tag(e, r, "approval_invalid", "%s", why.msg) : 0;
}

int closing_text(const struct closing *c, struct buf *ret, struct err *e) {
    CLEANUP(closing_done) struct closing again = {0};
    size_t at = ret->len;
    int r = buf_adds(ret, CLOSING_HEAD "\n");

    r = r < 0 ? r
              : lines_puts(ret, "log", c->log, "intent", HASH_STR(&c->intent), "plan",
                           HASH_STR(&c->plan), "as", c->done ? "done" : "not-done", "reason",
                           c->reason, "time", NUM_STR(c->time), NULL);
    r = r < 0 ? r : closing_parse(buf_str(ret) + at, ret->len - at, &again, e);
    return r < 0 ? -EINVAL : 0;
}

int closing_of_entry(const struct entry *en, struct vkey *ret_key, struct closing *ret,
                     struct err *e) {
    CLEANUP(closing_done) struct closing c = {0};
    const char *note = entry_get(en, "note");
    struct hash intent, plan;
    struct vkey key;
    int r = vkey_parse(entry_get(en, "key"), &key, e);

    r = r < 0 ? r : closing_open(note, strlen(note), &key, &c, e);
    r = r < 0 ? r : hash_parse(entry_get(en, "intent"), &intent);
    r = r < 0 ? r : hash_parse(entry_get(en, "plan"), &plan);
    if (r < 0) {
        return r;
    }
    if (!hash_eq(&c.intent, &intent) || !hash_eq(&c.plan, &plan)) {
        return err_tag(e, -EBADMSG, "approval_invalid",
                       "the signed note says something else than the entry");
    }
    if (ret_key) {
        *ret_key = key;
    }
    *ret = c;
    c = (struct closing){0};
    return 0;
}

int closing_entry(const struct closing *c, const struct vkey *key, const char *note,
                  const char *actor, struct buf *ret, struct err *e) {
    int r = entry_begin(ret, ENTRY_CLOSING, clock_unix(), actor);

    r = r < 0 ? r
              : lines_puts(ret, "intent", HASH_STR(&c->intent), "plan", HASH_STR(&c->plan), NULL);
    r = r < 0 ? r : lines_put_vkey(ret, "key", key);
    r = r < 0 ? r : lines_put(ret, "note", note);
    return r < 0 ? err_set(e, r, "closing entry too long") : entry_end(ret, "{}", e);
}
