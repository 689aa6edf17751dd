/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets of plans. The commitment is an HMAC under a key of that plan alone, so equal passwords in
 * two plans do not look equal and short ones cannot be guessed from the ledger. */
#include "proximo-client/pipeline/secrets.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/digest.h"
#include "common/entry.h"
#include "common/err.h"
#include "common/form.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/ledger/ledger.h"

int secrets_save(struct ledger *l, const char *plan_id, const uint8_t key[static 32],
                 const js *values, struct err *e) {
    CLEANUP(buf_wipe) struct buf b = BUF_INIT(LIM_CONF);
    CLEANUP(js_freep) js *o = NULL;
    char hex[65];
    int r;

    if (!js_members(values)) {
        return 0;
    }
    o = js_object();
    hex_encode(key, 32, hex);
    js_add(o, "key", js_str(hex));
    js_add(o, "values", js_copy(values));
    explicit_bzero(hex, sizeof(hex));
    r = js_print(o, &b);
    return r < 0 ? err_set(e, r, "secrets too large")
                 : ledger_secret_put(l, plan_id, buf_str(&b), b.len, e);
}

static int load(struct ledger *l, const char *plan_id, js **ret, uint8_t key[static 32],
                struct err *e) {
    CLEANUP(buf_wipe) struct buf b = BUF_INIT(LIM_CONF);
    CLEANUP(js_freep) js *o = NULL;
    int r = ledger_secret_get(l, plan_id, &b, e);

    if (r < 0) {
        (void)err_tag(e, r, "secret_lost", "the plan's secret value is gone (it is used once)");
        return err_hint(e, "make the plan again");
    }
    r = js_parse(buf_str(&b), b.len, &o, e);
    if (r < 0 || strlen(js_str_or(o, "key", "")) != 64 ||
        hex_decode(js_str_or(o, "key", ""), 64, key) < 0) {
        return err_tag(e, -EBADMSG, "secret_mismatch", "the plan's secret file was changed");
    }
    *ret = TAKE(o);
    return 0;
}

static int check(const uint8_t key[static 32], const char *name, const char *value,
                 const char *commit) {
    CLEANUP(buf_wipe) struct buf b = BUF_INIT(LIM_SECRET);
    char text[13 + 2 * HASH_LEN];
    char hex[2 * HASH_LEN + 1];
    struct hash h;

    if (buf_adds(&b, name) < 0 || buf_addc(&b, '\0') < 0 || buf_adds(&b, value) < 0) {
        return -EINVAL;
    }
    hmac_sha256(key, 32, buf_str(&b), b.len, &h);
    hex_encode(h.b, HASH_LEN, hex);
    (void)snprintf(text, sizeof(text), "hmac-sha256:%s", hex);
    return strcmp(text, commit) == 0 ? 0 : -EINVAL;
}

int secrets_fill(struct ledger *l, const char *plan_id, const js *form, js **ret, struct err *e) {
    CLEANUP(js_freep) js *out = js_object();
    CLEANUP(js_freep) js *file = NULL;
    uint8_t key[32];
    int r = 0;

    JS_FOREACH(form, name, val) {
        const char *commit = js_get_str(val, "secret");
        const char *value;

        if (!commit) {
            js_add(out, name, js_ref(val));
            continue;
        }
        if (!file) {
            r = load(l, plan_id, &file, key, e);
            if (r < 0) {
                return r;
            }
        }
        value = js_get_str(js_get(file, "values"), commit);
        if (!value || check(key, name, value, commit) < 0) {
            return err_tag(e, -EBADMSG, "secret_mismatch",
                           "the secret value of \"%s\" is not the one that was planned", name);
        }
        js_add(out, name, js_str(value));
    }
    explicit_bzero(key, sizeof(key));
    *ret = TAKE(out);
    return 0;
}

/* A process that found its plan unexpired sends within the time an intent lives; a value is written
 * just before its plan is recorded. */
#define EXPIRED_S   (15 * 60)
#define UNPLANNED_S 3600

struct sweep {
    struct ledger *l;
    int64_t now;
    size_t removed;
};

static bool is_of_use(struct ledger *l, uint64_t index, int64_t now) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    CLEANUP(entry_done) struct entry en = {0};
    char op_id[IDENT_ID_LEN + 1];
    struct ledger_plan st;
    struct hash plan;
    int64_t expires;

    if (ledger_read(l, index, &b, NULL) < 0 || entry_parse(buf_str(&b), b.len, &en, NULL) < 0 ||
        en.kind != ENTRY_PLAN || hash_parse(entry_get(&en, "plan"), &plan) < 0 ||
        form_time(entry_get(&en, "expires"), &expires) < 0 ||
        ledger_plan_state(l, &plan, &st, NULL) < 0) {
        return true;
    }
    if (st.intent != UINT64_MAX) {
        ident_op_id(&st.intent_leaf, op_id);
        return st.outcome == UINT64_MAX && ledger_running_held(l, op_id);
    }
    return now <= expires + EXPIRED_S;
}

static void sweep_one(void *ctx, const char *plan_id, int64_t written) {
    struct sweep *w = ctx;
    uint64_t index;
    int r = ledger_find_plan(w->l, plan_id, &index, NULL);
    bool keep =
        r == -ENOENT ? w->now <= written + UNPLANNED_S : r < 0 || is_of_use(w->l, index, w->now);

    if (!keep && ledger_secret_drop(w->l, plan_id) == 0) {
        w->removed++;
    }
}

size_t secrets_sweep(struct ledger *l) {
    struct sweep w = {.l = l, .now = clock_unix()};

    if (!ledger_damage(l)) {
        ledger_secret_each(l, sweep_one, &w);
    }
    return w.removed;
}

/* Messages are cut to fit, so the beginning of a secret counts too; fewer bytes than this say
 * nothing and occur by chance. */
#define PIECE 4

static void hide_one(const char *value, char *text) {
    size_t len = strlen(value);

    for (char *p = text; *p; p++) {
        size_t n = 0;

        while (n < len && p[n] == value[n]) {
            n++;
        }
        if (n && (n == len || n >= PIECE)) {
            memset(p, '*', n);
        }
    }
}

void secrets_hide(const js *planned, const js *filled, char *text) {
    JS_FOREACH(planned, name, val) {
        const char *value = js_get_str(val, "secret") ? js_get_str(filled, name) : NULL;

        if (value) {
            hide_one(value, text);
        }
    }
}

static void hide_whole(const char *line, size_t len, char *text, size_t n) {
    for (char *p = text; len >= PIECE && (p = memmem(p, n - (size_t)(p - text), line, len));
         p += len) {
        memset(p, '*', len);
    }
}

void secrets_hide_lines(const js *planned, const js *filled, char *text, size_t n) {
    JS_FOREACH(planned, name, val) {
        const char *value = js_get_str(val, "secret") ? js_get_str(filled, name) : NULL;

        while (value && *value) {
            size_t len = strcspn(value, "\n");

            hide_whole(value, len, text, n);
            value += len + (value[len] == '\n');
        }
    }
}
