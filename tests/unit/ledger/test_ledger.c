/* SPDX-License-Identifier: Apache-2.0 */
/* The writer: create, append, read, prove, find, the rules under the lock, bodies, secrets, running
 * locks, and what several processes may do at once. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/err.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/ledger/seg.h"
#include "proximo-client/ledger/witnessed.h"
#include "tests/unit/ledger/fixture.h"

static struct fixture fx;

static void start(void) {
    fx_start(&fx);
}

static void stop(void) {
    fx_stop(&fx);
}

START_TEST(create_makes_a_private_log_with_its_genesis) {
    struct hash policy = {{7}};
    struct checkpoint c;
    struct err e = {0};
    struct stat st;
    char path[160];

    ck_assert_int_eq(ledger_create(fx.dir, "c1", &policy, &e), -EEXIST);
    ck_assert_int_eq(ledger_create("/tmp/x", "bad name", &policy, &e), -EINVAL);
    ck_assert_uint_eq(ledger_size(fx.l), 1);
    ck_assert_int_eq(strncmp(ledger_origin(fx.l), "proximo/c1/", 11), 0);
    ck_assert_uint_eq(strlen(ledger_origin(fx.l)), 11 + 16);
    ck_assert_ptr_null(ledger_damage(fx.l));
    ck_assert_int_eq(ledger_checkpoint(fx.l, NULL, &c, &e), 0);
    ck_assert_uint_eq(c.size, 1);
    ck_assert_int_eq(stat(fx.dir, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0700);
    (void)snprintf(path, sizeof(path), "%s/key", fx.dir);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
}
END_TEST

START_TEST(open_refuses_what_others_can_read) {
    char path[160];
    char link[160];
    struct ledger *l = NULL;
    struct err e = {0};

    fx_close(&fx);
    (void)snprintf(path, sizeof(path), "%s/key", fx.dir);
    ck_assert_int_eq(chmod(path, 0640), 0);
    ck_assert_int_eq(ledger_open(fx.dir, &l, &e), -EPERM);
    ck_assert_str_eq(e.tag, "file_not_private");
    ck_assert_int_eq(chmod(path, 0600), 0);
    ck_assert_int_eq(chmod(fx.dir, 0750), 0);
    ck_assert_int_eq(ledger_open(fx.dir, &l, &e), -EPERM);
    ck_assert_int_eq(chmod(fx.dir, 0700), 0);
    (void)snprintf(link, sizeof(link), "%s/link", fx.top);
    ck_assert_int_eq(symlink(fx.dir, link), 0);
    ck_assert_int_lt(ledger_open(link, &l, &e), 0);
    ck_assert_int_eq(unlink(path), 0); /* the key may live elsewhere: readable, not appendable */
    fx_open(&fx);
    ck_assert_int_eq(ledger_append(fx.l, "", 0, 0, NULL, NULL, NULL, &e), -ENOKEY);
    ck_assert_str_eq(e.tag, "ledger_key");
}
END_TEST

START_TEST(append_read_and_prove_every_entry) {
    const uint64_t n = 70;
    struct hash roots[80];
    struct hash leaves[80];
    struct err e = {0};

    for (uint64_t i = 1; i < n; i++) {
        struct ledger_pos pos = fx_read_entry(&fx, i % 7 ? 0 : LEDGER_SYNC);

        ck_assert_uint_eq(pos.index, i);
        leaves[i] = pos.leaf;
        ck_assert_int_eq(ledger_root(fx.l, i + 1, &roots[i + 1], &e), 0);
    }
    fx_close(&fx);
    fx_open(&fx);
    ck_assert_uint_eq(ledger_size(fx.l), n);
    for (uint64_t i = 1; i < n; i++) {
        CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
        struct proof p;
        struct hash leaf;

        ck_assert_int_eq(ledger_read(fx.l, i, &b, &e), 0);
        merkle_leaf(buf_str(&b), b.len, &leaf);
        ck_assert(hash_eq(&leaf, &leaves[i]));
        ck_assert_int_eq(ledger_leaf(fx.l, i, &leaf, &e), 0);
        ck_assert(hash_eq(&leaf, &leaves[i]));
        ck_assert_int_eq(ledger_inclusion(fx.l, i, n, &p, &e), 0);
        ck_assert_int_eq(merkle_check_inclusion(&leaf, i, n, p.h, p.n, &roots[n]), 0);
        ck_assert_int_eq(ledger_consistency(fx.l, i + 1, n, &p, &e), 0);
        ck_assert_int_eq(merkle_check_consistency(i + 1, n, p.h, p.n, &roots[i + 1], &roots[n]), 0);
    }
    ck_assert_int_eq(ledger_read(fx.l, n, &(struct buf)BUF_INIT(10), &e), -ENOENT);
    ck_assert_int_eq(ledger_root(fx.l, n + 1, &roots[0], &e), -EINVAL);
}
END_TEST

START_TEST(a_malformed_entry_is_not_taken) {
    struct err e = {0};

    ck_assert_int_eq(ledger_append(fx.l, "x", 1, 0, NULL, NULL, NULL, &e), -EBADMSG);
    ck_assert_uint_eq(ledger_size(fx.l), 1);
}
END_TEST

static int refuse(struct ledger *l, void *ctx, struct err *e) {
    *(uint64_t *)ctx = ledger_size(l); /* a guard may read */
    return err_tag(e, -EPERM, "policy_denied", "no");
}

START_TEST(a_guard_can_refuse) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    struct hash plan = {{1}};
    struct err e = {0};
    uint64_t seen = 0;

    fx_plan_bytes(&plan, "none", &b);
    ck_assert_int_eq(ledger_append(fx.l, buf_str(&b), b.len, LEDGER_SYNC, refuse, &seen, NULL, &e),
                     -EPERM);
    ck_assert_str_eq(e.tag, "policy_denied");
    ck_assert_uint_eq(seen, 1);
    ck_assert_uint_eq(ledger_size(fx.l), 1);
    (void)fx_append(&fx, &b, LEDGER_SYNC); /* the lock was let go */
}
END_TEST

START_TEST(a_plan_is_used_once_and_an_intent_ends_once) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    struct hash plan = {{1}};
    struct hash other = {{2}};
    struct ledger_pos at = fx_plan(&fx, &plan, "none");
    struct ledger_pos intent;
    struct ledger_plan st;
    struct err e = {0};

    fx_intent_bytes(&other, "none", NULL, &b);
    ck_assert_int_lt(ledger_append(fx.l, buf_str(&b), b.len, 0, NULL, NULL, NULL, &e), 0);
    ck_assert_str_eq(e.tag, "not_found");
    intent = fx_intent(&fx, &plan, "none", NULL);
    fx_intent_bytes(&plan, "none", NULL, &b);
    ck_assert_int_lt(ledger_append(fx.l, buf_str(&b), b.len, 0, NULL, NULL, NULL, &e), 0);
    ck_assert_str_eq(e.tag, "plan_spent");
    ck_assert_int_eq(ledger_plan_state(fx.l, &plan, &st, &e), 0);
    ck_assert_uint_eq(st.plan, at.index);
    ck_assert_uint_eq(st.intent, intent.index);
    ck_assert(hash_eq(&st.intent_leaf, &intent.leaf));
    ck_assert_uint_eq(st.outcome, UINT64_MAX);
    ck_assert_uint_eq(st.approval, UINT64_MAX);
    at = fx_outcome(&fx, &intent.leaf, &plan, "done");
    fx_outcome_bytes(&intent.leaf, &plan, "failed", &b);
    ck_assert_int_lt(ledger_append(fx.l, buf_str(&b), b.len, 0, NULL, NULL, NULL, &e), 0);
    ck_assert_str_eq(e.tag, "outcome_recorded");
    ck_assert_int_eq(ledger_plan_state(fx.l, &plan, &st, &e), 0);
    ck_assert_uint_eq(st.outcome, at.index);
    ck_assert_int_eq(ledger_plan_state(fx.l, &other, &st, &e), 0);
    ck_assert_uint_eq(st.plan, UINT64_MAX);
}
END_TEST

/* Spans several segments, so that runs are written and merged; then without the index, with a
 * spoilt one, and through a second handle. */
START_TEST(lookups_survive_the_index) {
    enum { OPS = 40, GAP = 450 };
    struct hash plans[OPS];
    struct ledger_pos intents[OPS];
    char path[160];

    for (int i = 0; i < OPS; i++) {
        random_bytes(&plans[i], sizeof(plans[i]));
        (void)fx_plan(&fx, &plans[i], "none");
        intents[i] = fx_intent(&fx, &plans[i], "none", NULL);
        for (int k = 0; k < GAP; k++) {
            (void)fx_read_entry(&fx, 0);
        }
        if (i % 2) {
            (void)fx_outcome(&fx, &intents[i].leaf, &plans[i], "done");
        }
    }
    (void)snprintf(path, sizeof(path), "%s/index/state", fx.dir);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < OPS; i++) {
            char id[IDENT_ID_LEN + 1];
            struct err e = {0};
            uint64_t at = 0;

            ident_plan_id(&plans[i], id);
            ck_assert_msg(ledger_find_plan(fx.l, id, &at, &e) == 0, "%s", e.msg);
            ck_assert_uint_eq(at + 1, intents[i].index);
            ident_op_id(&intents[i].leaf, id);
            ck_assert_msg(ledger_find_op(fx.l, id, &at, &e) == 0, "%s", e.msg);
            ck_assert_uint_eq(at, intents[i].index);
            id[5] = id[5] == 'a' ? 'b' : 'a';
            ck_assert_int_eq(ledger_find_op(fx.l, id, &at, &e), -ENOENT);
        }
        fx_close(&fx);
        if (round == 0) {
            char dir[160];

            (void)snprintf(dir, sizeof(dir), "%s/index", fx.dir);
            fx_remove(dir);
        } else {
            int fd = open(path, O_RDWR | O_CLOEXEC);

            ck_assert_int_eq(pwrite(fd, "\xff", 1, 30), 1);
            ck_assert_int_eq(close(fd), 0);
        }
        fx_open(&fx);
    }
}
END_TEST

static void check_policy(uint8_t first, uint64_t index) {
    struct hash h;
    uint64_t at = 99;

    ck_assert_int_eq(ledger_policy(fx.l, &h, &at, NULL), 0);
    ck_assert_uint_eq(h.b[0], first);
    ck_assert_uint_eq(at, index);
}

/* The genesis says the first policy. Of many the newest counts, wherever the index has it. */
START_TEST(the_newest_policy_counts) {
    const uint64_t gap = SEG_ENTRIES + 10;
    uint64_t at = 0;
    char dir[160];

    check_policy(7, 0);
    for (uint8_t i = 1; i <= 3; i++) {
        at = fx_policy(&fx, &(struct hash){{i}}, 0).index;
        check_policy(i, at);
        for (uint64_t k = 0; k < gap; k++) {
            (void)fx_read_entry(&fx, k + 1 == gap ? LEDGER_SYNC : 0);
        }
        check_policy(i, at);
    }
    fx_close(&fx);
    fx_open(&fx); /* the runs of three segments, or nothing at all */
    check_policy(3, at);
    fx_close(&fx);
    (void)snprintf(dir, sizeof(dir), "%s/index", fx.dir);
    fx_remove(dir);
    fx_open(&fx);
    check_policy(3, at);
}
END_TEST

struct before {
    uint8_t policy;
    int asked;
};

/* What pipeline/policy_entry.c does. */
static int append_before(struct ledger *l, void *ctx, struct err *e) {
    struct before *b = ctx;

    (void)e;
    ck_assert_ptr_eq(l, fx.l);
    b->asked++;
    (void)fx_policy(&fx, &(struct hash){{b->policy}}, 0);
    return 0;
}

START_TEST(a_guard_can_put_an_entry_before) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    struct before before = {.policy = 5};
    struct ledger_pos pos;
    struct checkpoint cp;
    struct hash plan = {{1}};

    fx_plan_bytes(&plan, "none", &b);
    ck_assert_int_eq(
        ledger_append(fx.l, buf_str(&b), b.len, LEDGER_SYNC, append_before, &before, &pos, NULL),
        0);
    ck_assert_int_eq(before.asked, 1);
    ck_assert_uint_eq(pos.index, 2);
    check_policy(5, 1);
    ck_assert_int_eq(ledger_checkpoint(fx.l, NULL, &cp, NULL), 0);
    ck_assert_uint_eq(cp.size, 3);
    ck_assert(fx_is_sound(&fx, NULL));
}
END_TEST

struct asking {
    int n, answer;
    uint64_t size;
};

static int ask(struct ledger *l, void *ctx, struct err *e) {
    struct asking *a = ctx;
    int fd = open(fx.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int lock = openat(fd, "lock", O_RDWR | O_CLOEXEC);

    ck_assert_int_eq(flock(lock, LOCK_EX | LOCK_NB), 0); /* nobody waits for it meanwhile */
    ck_assert_int_eq(close(lock), 0);
    ck_assert_int_eq(close(fd), 0);
    a->n++;
    a->size = ledger_size(l);
    return a->answer ? err_tag(e, a->answer, "ledger_behind", "no") : 0;
}

static int append_read(unsigned int flags) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    struct hash plan = {{1}};

    fx_plan_bytes(&plan, "none", &b);
    return ledger_append(fx.l, buf_str(&b), b.len, flags, NULL, NULL, NULL, NULL);
}

/* What ends an operation is asked for only by a process that did not ask before: one that found it
 * open, perhaps in a copy of a week ago. */
START_TEST(nothing_is_signed_unasked) {
    struct asking a = {.answer = -EILSEQ};
    struct checkpoint cp;

    ledger_before_signing(fx.l, ask, &a);
    ck_assert_int_eq(append_read(0), 0);
    ck_assert_int_eq(a.n, 0);
    ck_assert_int_eq(append_read(LEDGER_SYNC), -EILSEQ);
    ck_assert_int_eq(append_read(LEDGER_SYNC | LEDGER_RESERVE), -EILSEQ);
    ck_assert_int_eq(a.n, 2);
    ck_assert_uint_eq(a.size, 2);
    ck_assert_int_eq(ledger_checkpoint(fx.l, NULL, &cp, NULL), 0);
    ck_assert_uint_eq(cp.size, 1);
    a.answer = 0;
    ck_assert_int_eq(append_read(LEDGER_SYNC), 0);
    ck_assert_int_eq(a.n, 3);
    a.answer = -EILSEQ;
    ck_assert_int_eq(append_read(LEDGER_SYNC), -EILSEQ);
    ck_assert_int_eq(a.n, 4);
    ck_assert_int_eq(append_read(LEDGER_SYNC | LEDGER_RESERVE), 0);
    ck_assert_int_eq(a.n, 4);
    ck_assert_int_eq(ledger_checkpoint(fx.l, NULL, &cp, NULL), 0);
    ck_assert_uint_eq(cp.size, 4);
}
END_TEST

struct seen {
    int n;
    int held;
    uint64_t last;
};

static int see_open(void *ctx, uint64_t index, const struct entry *intent, const struct hash *leaf,
                    bool held) {
    struct seen *s = ctx;

    (void)leaf;
    ck_assert_int_eq(intent->kind, ENTRY_INTENT);
    ck_assert(s->n == 0 || index > s->last);
    s->last = index;
    s->n++;
    s->held += held;
    return 0;
}

START_TEST(open_intents_are_listed_oldest_first) {
    struct hash plan[6];
    struct ledger_pos intent[6];
    char id[IDENT_ID_LEN + 1];
    struct seen s = {0};
    struct err e = {0};
    int fd = -1;

    for (int i = 0; i < 6; i++) {
        random_bytes(&plan[i], sizeof(plan[i]));
        (void)fx_plan(&fx, &plan[i], "none");
        intent[i] = fx_intent(&fx, &plan[i], "none", NULL);
        for (int k = 0; k < 1500; k++) { /* some of them end up in a closed segment */
            (void)fx_read_entry(&fx, 0);
        }
    }
    (void)fx_outcome(&fx, &intent[0].leaf, &plan[0], "done");
    (void)fx_outcome(&fx, &intent[4].leaf, &plan[4], "unknown");
    ident_op_id(&intent[3].leaf, id);
    ck_assert_int_eq(ledger_running_take(fx.l, id, &fd, &e), 0);
    ck_assert_int_eq(ledger_open_intents(fx.l, see_open, &s, &e), 0);
    ck_assert_int_eq(s.n, 4);
    ck_assert_int_eq(s.held, 1);
    ck_assert_int_eq(close(fd), 0);
    s = (struct seen){0};
    ck_assert_int_eq(ledger_open_intents(fx.l, see_open, &s, &e), 0);
    ck_assert_int_eq(s.n, 4);
    ck_assert_int_eq(s.held, 0);
}
END_TEST

START_TEST(running_is_held_by_one_and_ends_with_its_holder) {
    const char *id = "O-aaaaaaaaaaaaaaaaaaaaaaaaaa";
    struct err e = {0};
    int ready[2];
    int fd = -1;
    pid_t pid;
    char c;

    ck_assert_int_eq(pipe(ready), 0);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (!pid) {
        (void)!(ledger_running_take(fx.l, id, &fd, NULL) == 0 && write(ready[1], "x", 1));
        for (;;) {
            (void)pause();
        }
    }
    ck_assert_int_eq(read(ready[0], &c, 1), 1);
    ck_assert_int_eq(ledger_running_take(fx.l, id, &fd, &e), -EBUSY);
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    ck_assert_int_eq(ledger_running_take(fx.l, id, &fd, &e), 0);
    (void)close(fd);
    (void)close(ready[0]);
    (void)close(ready[1]);
    ck_assert_int_eq(ledger_running_take(fx.l, "O-../../x", &fd, &e), -EINVAL);
}
END_TEST

START_TEST(bodies_are_checked_against_their_names) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(1024 * 1024);
    char data[100000];
    char hex[65];
    char path[260];
    char from[260];
    struct hash h;
    struct hash none = {{1}};
    struct err e = {0};
    int fd;

    memset(data, 'a', sizeof(data));
    ck_assert_int_eq(ledger_body_put(fx.l, data, sizeof(data), &h, &e), 0);
    ck_assert_int_eq(ledger_body_put(fx.l, data, sizeof(data), &h, &e), 0); /* again: the same */
    ck_assert_int_eq(ledger_body_get(fx.l, &h, &b, &e), 0);
    ck_assert_uint_eq(b.len, sizeof(data));
    ck_assert_int_eq(memcmp(b.data, data, b.len), 0);
    ck_assert_int_eq(ledger_body_get(fx.l, &none, &b, &e), -ENOENT);
    hex_encode(h.b, HASH_LEN, hex);
    (void)snprintf(path, sizeof(path), "%s/bodies/%.2s/%s", fx.dir, hex, hex);
    fd = open(path, O_RDWR | O_CLOEXEC);
    ck_assert_int_eq(pwrite(fd, "!", 1, 40), 1);
    ck_assert_int_eq(close(fd), 0);
    buf_reset(&b);
    ck_assert_int_eq(ledger_body_get(fx.l, &h, &b, &e), -EBADMSG);
    ck_assert_int_eq(ledger_body_put(fx.l, "other", 5, &none, &e), 0);
    hex_encode(none.b, HASH_LEN, hex);
    (void)snprintf(from, sizeof(from), "%s/bodies/%.2s/%s", fx.dir, hex, hex);
    ck_assert_int_eq(rename(from, path), 0); /* whole, but of another name */
    ck_assert_int_eq(ledger_body_get(fx.l, &h, &b, &e), -EBADMSG);
    ck_assert_int_eq(ledger_body_put(fx.l, "", 0, &h, &e), 0);
    ck_assert_int_eq(ledger_body_get(fx.l, &h, &b, &e), 0);
    ck_assert_uint_eq(b.len, 0);
}
END_TEST

START_TEST(secrets_are_private_and_go) {
    const char *id = "P-aaaaaaaaaaaaaaaaaaaaaaaaaa";
    CLEANUP(buf_wipe) struct buf b = BUF_INIT(100);
    struct err e = {0};
    struct stat st;
    char path[160];

    ck_assert_int_eq(ledger_secret_put(fx.l, id, "hunter2", 7, &e), 0);
    (void)snprintf(path, sizeof(path), "%s/secrets/%s", fx.dir, id);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(ledger_secret_get(fx.l, id, &b, &e), 0);
    ck_assert_str_eq(buf_str(&b), "hunter2");
    ck_assert_int_eq(ledger_secret_drop(fx.l, id), 0);
    ck_assert_int_eq(ledger_secret_get(fx.l, id, &b, &e), -ENOENT);
    ck_assert_int_eq(ledger_secret_put(fx.l, "P-../x", "x", 1, &e), -EINVAL);
}
END_TEST

START_TEST(cosignatures_gather_on_the_checkpoint) {
    CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);
    struct err e = {0};
    struct note n;
    uint64_t time = 0;

    (void)fx_cosign(&fx, &fx.witness, 100);
    (void)fx_cosign(&fx, &fx.witness, 101); /* the second takes the first one's place */
    ck_assert_int_eq(ledger_checkpoint(fx.l, &note, NULL, &e), 0);
    ck_assert_int_eq(note_parse(buf_str(&note), note.len, &n, &e), 0);
    ck_assert_uint_eq(n.n_sigs, 2);
    ck_assert_int_eq(note_check(&n, &fx.witness.v, &time), 0);
    ck_assert_uint_eq(time, 101);
    ck_assert_int_eq(ledger_cosignature(fx.l, buf_str(&note), note.len, "rubbish\n", &e), -EBADMSG);
    ck_assert_int_lt(ledger_cosignature(fx.l, "x\n\n", 3, "rubbish\n", &e), 0);
}
END_TEST

static struct witnessed kept_now(void) {
    struct witnessed w;
    struct err e = {0};
    int dir = open(fx.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    ck_assert_msg(witnessed_read(dir, ledger_vkey(fx.l), &w, &e) == 0, "%s", e.msg);
    (void)close(dir);
    return w;
}

/* Who signed what is kept at `size`; 0: nobody. */
static unsigned int signers(const struct witnessed *w, uint64_t size, const struct skey *k,
                            size_t n_keys) {
    unsigned int found = 0;

    for (size_t i = 0; i < w->n; i++) {
        struct note n;

        ck_assert_int_eq(note_parse(w->v[i].text, strlen(w->v[i].text), &n, NULL), 0);
        for (size_t j = 0; w->v[i].c.size == size && j < n_keys; j++) {
            found += note_check(&n, &k[j].v, NULL) == 0 ? 1u << j : 0;
        }
    }
    return found;
}

START_TEST(what_witnesses_said_last_stays_when_the_log_goes_on) {
    CLEANUP(buf_done) struct buf old = BUF_INIT(LIM_NOTE);
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_NOTE);
    CLEANUP(buf_done) struct buf line = BUF_INIT(LIM_NOTE);
    CLEANUP(witnessed_done) struct witnessed w = {0};
    uint8_t seed[NOTE_SEED_LEN] = {77};
    struct skey k[2] = {fx.witness};
    struct checkpoint c;
    struct err e = {0};

    ck_assert_int_eq(skey_make("pve2/witness", NOTE_COSIGN, seed, &k[1]), 0);
    ck_assert_uint_eq(fx_cosign(&fx, &k[0], 100), 1);
    ck_assert_uint_eq(fx_cosign(&fx, &k[1], 100), 1);
    ck_assert_int_eq(ledger_checkpoint(fx.l, &old, &c, &e), 0);
    (void)fx_read_entry(&fx, LEDGER_SYNC);
    w = kept_now();
    ck_assert_uint_eq(signers(&w, 1, k, 2), 3);
    witnessed_done(&w);
    ck_assert_uint_eq(fx_cosign(&fx, &k[1], 200), 2); /* of each only the newest */
    w = kept_now();
    ck_assert_uint_eq(w.n, 2);
    ck_assert_uint_eq(w.v[0].c.size, 2);
    ck_assert_uint_eq(signers(&w, 2, k, 2), 2);
    ck_assert_uint_eq(signers(&w, 1, k, 2), 1);
    witnessed_done(&w);
    /* an answer that comes late is no step back */
    ck_assert_int_eq(checkpoint_text(&c, &text), 0);
    ck_assert_int_eq(note_sig_line(buf_str(&text), text.len, &k[1], 300, &line, &e), 0);
    ck_assert_int_eq(ledger_cosignature(fx.l, buf_str(&old), old.len, buf_str(&line), &e), 0);
    w = kept_now();
    ck_assert_uint_eq(signers(&w, 2, k, 2), 2);
    ck_assert_uint_eq(signers(&w, 1, k, 2), 1);
    witnessed_done(&w);
    ck_assert_uint_eq(fx_cosign(&fx, &k[0], 200), 2);
    w = kept_now();
    ck_assert_uint_eq(w.n, 1); /* nothing is left to say of the smaller one */
    ck_assert_uint_eq(signers(&w, 2, k, 2), 3);
}
END_TEST

static int count_entries(void *ctx, uint64_t index, const struct entry *en, const char *bytes,
                         size_t len) {
    uint64_t *n = ctx;

    (void)index;
    (void)en;
    (void)bytes;
    (void)len;
    return ++*n == 4 ? 77 : 0;
}

START_TEST(each_goes_both_ways_and_stops_when_told) {
    struct err e = {0};
    uint64_t n = 0;

    for (int i = 0; i < 9; i++) {
        (void)fx_read_entry(&fx, 0);
    }
    ck_assert_int_eq(ledger_each(fx.l, 8, count_entries, &n, &e), 0);
    ck_assert_uint_eq(n, 2);
    n = 0;
    ck_assert_int_eq(ledger_each(fx.l, 0, count_entries, &n, &e), 77);
    n = 0;
    ck_assert_int_eq(ledger_each_back(fx.l, 2, count_entries, &n, &e), 0);
    ck_assert_uint_eq(n, 3);
    n = 0;
    ck_assert_int_eq(ledger_each_back(fx.l, UINT64_MAX, count_entries, &n, &e), 77);
}
END_TEST

static void append_many(int n) {
    fx_open(&fx); /* a process of its own opens the log itself */
    for (int i = 0; i < n; i++) {
        (void)fx_read_entry(&fx, i % 500 ? 0 : LEDGER_SYNC);
    }
}

START_TEST(two_processes_append_ten_thousand_each) {
    const int n = 10000;
    pid_t pid[2];
    struct fixture mine = fx;

    for (int i = 0; i < 2; i++) {
        pid[i] = fork();
        ck_assert_int_ge(pid[i], 0);
        if (!pid[i]) {
            append_many(n);
            _exit(0);
        }
    }
    for (int i = 0; i < 2; i++) {
        int status = -1;

        ck_assert_int_eq(waitpid(pid[i], &status, 0), pid[i]);
        ck_assert_int_eq(status, 0);
    }
    fx = mine;
    ck_assert_uint_eq(ledger_size(fx.l), 1 + 2 * (uint64_t)n); /* our old handle catches up */
    (void)fx_read_entry(&fx, LEDGER_SYNC);
    ck_assert(fx_is_sound(&fx, NULL));
}
END_TEST

START_TEST(a_held_lock_is_named) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    struct hash plan = {{1}};
    struct err e = {0};
    char path[160];
    char who[32];
    int fd;

    (void)fx_read_entry(&fx, 0); /* leaves our own pid there */
    (void)snprintf(path, sizeof(path), "%s/lock", fx.dir);
    fd = open(path, O_RDWR | O_CLOEXEC);
    ck_assert_int_eq(flock(fd, LOCK_EX), 0);
    fx_plan_bytes(&plan, "none", &b);
    ck_assert_int_eq(ledger_append(fx.l, buf_str(&b), b.len, 0, NULL, NULL, NULL, &e), -EBUSY);
    ck_assert_str_eq(e.tag, "ledger_busy");
    (void)snprintf(who, sizeof(who), "%d", (int)getpid());
    ck_assert_ptr_nonnull(strstr(e.msg, who));
    ck_assert_int_eq(close(fd), 0);
}
END_TEST

int main(void) {
    Suite *s = suite_create("ledger");
    TCase *c = tcase_create("ledger");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(c, start, stop);
    tcase_set_timeout(c, 300);
    tcase_add_test(c, create_makes_a_private_log_with_its_genesis);
    tcase_add_test(c, open_refuses_what_others_can_read);
    tcase_add_test(c, append_read_and_prove_every_entry);
    tcase_add_test(c, a_malformed_entry_is_not_taken);
    tcase_add_test(c, a_guard_can_refuse);
    tcase_add_test(c, a_guard_can_put_an_entry_before);
    tcase_add_test(c, the_newest_policy_counts);
    tcase_add_test(c, nothing_is_signed_unasked);
    tcase_add_test(c, a_plan_is_used_once_and_an_intent_ends_once);
    tcase_add_test(c, lookups_survive_the_index);
    tcase_add_test(c, open_intents_are_listed_oldest_first);
    tcase_add_test(c, running_is_held_by_one_and_ends_with_its_holder);
    tcase_add_test(c, bodies_are_checked_against_their_names);
    tcase_add_test(c, secrets_are_private_and_go);
    tcase_add_test(c, cosignatures_gather_on_the_checkpoint);
    tcase_add_test(c, what_witnesses_said_last_stays_when_the_log_goes_on);
    tcase_add_test(c, each_goes_both_ways_and_stops_when_told);
    tcase_add_test(c, two_processes_append_ten_thousand_each);
    tcase_add_test(c, a_held_lock_is_named);
    suite_add_tcase(s, c);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
