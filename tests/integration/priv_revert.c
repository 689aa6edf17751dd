/* SPDX-License-Identifier: Apache-2.0 */
/* Revert timers against a real root half: what is put back at a deadline and what is not, who may
 * say that all is well, and what a crash in between leaves. The program that reloads a network is a
 * recorder. No test waits for a deadline: it is moved in the timer's own file, under its lock. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/msg.h"
#include "common/own.h"
#include "common/put.h"
#include "pveagentd/priv/later.h"
#include "tests/integration/priv_world.h"

#define PATIENCE 3000 /* looks, 10 ms apart: only a failing test waits so long */

static const char policy[] = "[node]\nclock = any\n"
                             "[rule timers]\nclient = laptop\nct = 101\ndo = revert\n"
                             "set = network firewall-cluster firewall-guest\n";
static const char before[] = "auto lo\niface lo inet loopback\nauto vmbr0\n";
static const char changed[] = "auto lo\niface lo inet loopback\nauto vmbr9\n";
static const char theirs[] = "auto lo\n# somebody else was here\n";

#define LOADED "/usr/bin/systemctl start pveagentd-ifreload.service\n"

static char ran[300]; /* what was run, one command a line */
static char bad[310]; /* while this file is there, runs fail */

/* more, and_more: of its environment. */
static void world_recorder(struct world *w, const char *more, const char *and_more) {
    char to[320];
    char fails[320];

    (void)snprintf(to, sizeof(to), "RAN=%s", ran);
    (void)snprintf(fails, sizeof(fails), "BAD=%s", bad);
    world_act(w, "tests/integration/act_recorder", to, fails,
              "ASAN_OPTIONS=verify_asan_link_order=0", more, and_more, NULL);
}

static void put(const char *path, const char *text) {
    if (file_replace(AT_FDCWD, path, text, strlen(text), 0644, NULL) < 0) {
        perror(path);
        exit(99);
    }
}

static bool holds(const char *path, const char *text) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(65536);

    return file_read(AT_FDCWD, path, &b, NULL) == 0 && b.len == strlen(text) &&
           memcmp(buf_str(&b), text, b.len) == 0;
}

static bool gone(const char *path, const char *unused) {
    (void)unused;
    return access(path, F_OK) < 0;
}

static bool wait_for(bool (*is)(const char *, const char *), const char *path, const char *text) {
    for (int i = 0; i < PATIENCE; i++) {
        if (is(path, text)) {
            return true;
        }
        clock_sleep_ms(10);
    }
    return false;
}

static void interfaces(const struct world *w, char ret[static 300]) {
    (void)snprintf(ret, 300, "%s/interfaces", w->network);
}

static void timer_file(const struct world *w, const struct hash *h, const char *tail,
                       char ret[static 400]) {
    (void)snprintf(ret, 400, "%s/revert/%s%s", w->state, HEX_STR(h), tail);
}

/* One request about a timer; sets: "network firewall-cluster" of arm. Result's h into *ret. */
static void send(struct world *w, enum request_op op, const char *arg, uint32_t ct,
                 uint64_t opened_ms, struct hash *ret, struct result *r) {
    struct errand o;
    char words[200];
    const char *argv[8] = {NULL};
    size_t n = 0;

    (void)snprintf(words, sizeof(words), "%s", arg);
    for (char *p = strtok(words, " "); p && n < 7; p = strtok(NULL, " ")) {
        argv[n++] = p;
    }
    errand_init(w, &o);
    o.q.op = op;
    o.q.ct = ct;
    o.q.has_config = false;
    o.q.output_max = 0;
    o.q.timeout_s = REVERT_MAX_S;
    errand_argv(&o, argv);
    if (opened_ms) {
        o.opened_ms = opened_ms;
    }
    errand_build(w, &o);
    errand_send(w, &o, r);
    if (ret) {
        *ret = o.h;
    }
    errand_done(&o);
}

static void expect(struct world *w, enum request_op op, const char *arg, uint32_t ct,
                   const char *want, const char *what, struct hash *ret) {
    struct result r;

    send(w, op, arg, ct, 0, ret, &r);
    tap(strcmp(r.started ? r.how : r.code, want) == 0, "%s: %s (%s %s %s)", what, want,
        r.started ? r.how : r.code, r.text, buf_str(&r.out[1]));
    result_done(&r);
}

static void expect_of(struct world *w, enum request_op op, const struct hash *timer,
                      const char *want, const char *what) {
    expect(w, op, HASH_STR(timer), 0, want, what, NULL);
}

/* Replaces one header line of a timer's file, as the daemon would write it. */
static void set_line(const struct world *w, const struct hash *h, const char *key,
                     const char *value) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);
    CLEANUP(buf_done) struct buf out = BUF_INIT(1 << 20);
    CLEANUP(closep) int lock = -1;
    char path[400];
    char want[64];
    const char *at;

    (void)snprintf(path, sizeof(path), "%s/revert/lock", w->state);
    lock = open(path, O_RDWR | O_CLOEXEC);
    (void)flock(lock, LOCK_EX);
    timer_file(w, h, "", path);
    (void)snprintf(want, sizeof(want), "\n%s ", key);
    if (file_read(AT_FDCWD, path, &b, NULL) < 0 ||
        !(at = memmem(b.data, b.len, want, strlen(want)))) {
        fprintf(stderr, "%s: no %s\n", path, key);
        exit(99);
    }
    at += strlen(want);
    (void)buf_add(&out, b.data, (size_t)(at - b.data));
    (void)buf_adds(&out, value);
    at = strchr(at, '\n');
    (void)buf_add(&out, at, (size_t)(b.data + b.len - at));
    (void)file_replace(AT_FDCWD, path, out.data, out.len, 0600, NULL);
}

static void pass_deadline(const struct world *w, const struct hash *h) {
    set_line(w, h, "deadline", NUM_STR(clock_unix() - 1));
}

static int is_changed(void *ctx, const struct due *t) {
    return hash_eq(&t->request, ctx) && t->changed;
}

static bool noticed(const struct world *w, const struct hash *h) {
    for (int i = 0; i < PATIENCE; i++) {
        struct priv p = world_priv(w);
        struct err e = {0};
        bool yes = priv_open(&p, &e) == 0 && actor_open(&p, &e) == 0 &&
                   timers_each(&p, "", is_changed, (void *)(uintptr_t)h) == 1;

        priv_close(&p);
        closep(&p.act_fd);
        if (yes) {
            return true;
        }
        clock_sleep_ms(10);
    }
    return false;
}

/* How many `reverted` receipts this log has; the newest one's value. */
static size_t reverted(struct world *w, const struct hash *request, int *ret_value) {
    struct priv p = world_priv(w);
    struct err e = {0};
    struct origin *o;
    size_t n = 0;

    if (priv_open(&p, &e) < 0 || journal_replay_all(&p, &e) < 0 ||
        !(o = origin_get(&p, w->log.v.name))) {
        exit(99);
    }
    for (size_t i = 0; i < o->n_acts; i++) {
        CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);
        struct receipt rc;

        if (act_is_sweep(&o->act[i]) && hash_eq(&o->act[i].request, request) && o->act[i].seq &&
            journal_receipt(&p, o, &o->act[i], &note, NULL) == 0 &&
            receipt_open(note.data, note.len, &w->receipt, &rc, NULL) == 0 &&
            rc.how == HOW_REVERTED) {
            n++;
            *ret_value = rc.value;
        }
    }
    priv_close(&p);
    return n;
}

static void ended(struct world *w, const struct hash *h, int want, const char *what) {
    char path[400];
    int value = -1;

    timer_file(w, h, "", path);
    tap(wait_for(gone, path, NULL), "%s: the timer has ended", what);
    tap(reverted(w, h, &value) == 1 && value == want, "%s: one receipt says reverted %d", what,
        want);
}

/* Armed, then changed as the client would, and seen by the node. */
static void change_watched(struct world *w, char path[static 300], struct hash *h) {
    interfaces(w, path);
    expect(w, OP_ARM, "network", 0, "exited", "arm", h);
    put(path, changed);
    tap(noticed(w, h), "the change is noticed");
}

static void test_deadline(struct world *w) {
    struct hash h;
    char path[300];

    interfaces(w, path);
    expect(w, OP_ARM, "network", 0, "exited", "arm", &h);
    expect(w, OP_ARM, "firewall-cluster network", 0, "timer_armed", "a second over the same", NULL);
    put(path, changed);
    tap(noticed(w, &h), "the change is noticed");
    pass_deadline(w, &h);
    ended(w, &h, 0, "deadline");
    tap(holds(path, before), "the file is as it was");
    tap(holds(ran, LOADED), "and it was loaded, once");
    expect_of(w, OP_CONFIRM, &h, "timer_missing", "confirming what has reverted");
}

static void test_confirm(struct world *w) {
    struct result r;
    struct hash h;
    char path[300];
    char file[400];

    change_watched(w, path, &h);
    send(w, OP_CONFIRM, HASH_STR(&h), 0, 1, NULL, &r);
    tap(strcmp(r.code, "timer_same_connection") == 0, "a connection from before: %s %s", r.code,
        r.text);
    result_done(&r);
    set_line(w, &h, "client", "desktop");
    expect_of(w, OP_CONFIRM, &h, "timer_foreign", "another client's timer");
    expect_of(w, OP_CANCEL, &h, "timer_foreign", "another client's timer, cancelled");
    set_line(w, &h, "client", "laptop");
    expect_of(w, OP_CONFIRM, &h, "exited", "over a new connection");
    timer_file(w, &h, "", file);
    tap(access(file, F_OK) < 0 && holds(path, changed), "the change stays, the timer is gone");
    expect_of(w, OP_CANCEL, &h, "timer_missing", "cancelling what was confirmed");
    tap(gone(ran, NULL), "nothing was loaded");
}

static void test_other_hand(struct world *w) {
    struct hash h;
    char path[300];
    char file[400];

    change_watched(w, path, &h);
    put(path, theirs);
    pass_deadline(w, &h);
    ended(w, &h, 1, "another hand");
    tap(holds(path, theirs), "what the other hand wrote stays");
    timer_file(w, &h, ".interfaces", file);
    tap(holds(file, before), "the copy is kept");
    tap(gone(ran, NULL), "nothing was loaded");
    expect(w, OP_ARM, "network", 0, "exited", "a kept copy is no timer", &h);
    expect_of(w, OP_CANCEL, &h, "exited", "cancel before anything changed");
    ended(w, &h, 0, "cancel");
    tap(holds(path, theirs), "the file is as it was");
}

static void test_killed(struct world *w) {
    struct hash h;
    char path[300];

    interfaces(w, path);
    expect(w, OP_ARM, "network", 0, "exited", "arm", &h);
    world_kill(w, SIGKILL);
    put(path, changed);
    world_start(w, NULL);
    tap(noticed(w, &h), "armed again after kill -9, and what changed meanwhile is noticed");
    world_kill(w, SIGKILL);
    pass_deadline(w, &h);
    world_start(w, NULL);
    ended(w, &h, 0, "a deadline that passed while it was down");
    tap(holds(path, before), "the file is as it was");
    tap(holds(ran, LOADED), "and it was loaded");
}

/* Killed between the file and its loading: who comes next loads it, whatever the file looks like.
 */
static void test_half(struct world *w) {
    struct hash h;
    char path[300];

    change_watched(w, path, &h);
    world_kill(w, SIGKILL);
    put(path, before);
    set_line(w, &h, "due", "yes");
    world_start(w, NULL);
    ended(w, &h, 0, "half reverted");
    tap(holds(ran, LOADED), "it is loaded");
}

/* The files are back, and what they say does not run: the receipt does not call that reverted. */
static void test_load_fails(struct world *w) {
    struct hash h;
    char path[300];

    change_watched(w, path, &h);
    put(bad, "");
    pass_deadline(w, &h);
    ended(w, &h, 1, "not loaded");
    tap(holds(path, before), "the file is as it was");
    tap(holds(ran, LOADED), "and was to be loaded");
}

/* The program that acts, killed at each call that changes a file, one after the other: the next one
 * carries the revert to its end, and the file is as it was and loaded. */
static void test_actor_killed(struct world *w) {
    const char *build = getenv("top_builddir");
    char preload[400];
    size_t interrupted = 0;
    bool good = true;
    int n = 0;

    (void)snprintf(preload, sizeof(preload), "LD_PRELOAD=%s/tests/integration/fault_shim.so",
                   build ? build : ".");
    for (bool done = false; !done && n < 30;) {
        struct hash h;
        char path[300];
        char file[400];
        char at[40];
        int value = -1;

        change_watched(w, path, &h);
        timer_file(w, &h, "", file);
        (void)unlink(ran);
        (void)snprintf(at, sizeof(at), "FAULT_KILL_AT=%d", ++n);
        world_recorder(w, preload, at);
        pass_deadline(w, &h);
        for (int i = 0; i < 250 && access(file, F_OK) == 0; i++) {
            clock_sleep_ms(10);
        }
        done = access(file, F_OK) < 0 && reverted(w, &h, &value);
        interrupted += !done;
        world_kill(w, SIGTERM);
        world_recorder(w, NULL, NULL);
        world_start(w, NULL);
        good = good && wait_for(gone, file, NULL) && reverted(w, &h, &value) && value == 0 &&
               holds(path, before) && access(ran, F_OK) == 0;
        if (!good) {
            tap(false, "killed at call %d: carried to its end (value %d)", n, value);
        }
    }
    tap(good && interrupted > 5 && n < 30,
        "the program that acts killed at each of %zu calls: each revert is carried to its end",
        interrupted);
}

static void test_firewall(struct world *w) {
    struct hash h;
    char cluster[300];
    char guest[300];

    (void)snprintf(cluster, sizeof(cluster), "%s/firewall/cluster.fw", w->cluster);
    (void)snprintf(guest, sizeof(guest), "%s/firewall/101.fw", w->cluster);
    world_file(w, "firewall/cluster.fw", before);
    expect(w, OP_ARM, "firewall-cluster firewall-guest", 101, "exited", "arm two sets", &h);
    put(cluster, changed);
    put(guest, changed);
    tap(noticed(w, &h), "the change is noticed");
    expect_of(w, OP_CANCEL, &h, "exited", "cancel");
    ended(w, &h, 0, "cancel");
    tap(holds(cluster, before), "the cluster's file is as it was");
    tap(gone(guest, NULL), "a file that was not there is gone again");
    tap(gone(ran, NULL), "the firewall's daemon needs no telling");
}

static void test_refused(struct world *w) {
    char path[300];

    interfaces(w, path);
    expect(w, OP_ARM, "firewall-node", 0, "policy_denied", "a set that no rule names", NULL);
    expect(w, OP_ARM, "firewall-guest", 102, "policy_denied", "a guest that no rule names", NULL);
    (void)unlink(path);
    if (symlink("/etc/passwd", path) < 0) {
        exit(99);
    }
    expect(w, OP_ARM, "network", 0, "timer_unreadable", "a link instead of a file", NULL);
    (void)unlink(path);
    put(path, before);
    world_policy(w, "[node]\nclock = any\n[rule timers]\nclient = laptop\ndo = revert\n"
                    "set = network\n[deny all]\ndo = revert\n");
    expect(w, OP_ARM, "network", 0, "policy_denied", "a denial", NULL);
    world_policy(w, policy);
}

int main(void) {
    static void (*const tests[])(struct world *) = {
        test_refused, test_deadline, test_confirm,    test_other_hand,  test_killed,
        test_half,    test_firewall, test_load_fails, test_actor_killed};

    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        struct world w;
        char path[300];

        world_make(&w);
        (void)snprintf(ran, sizeof(ran), "%s/ran", w.dir);
        (void)snprintf(bad, sizeof(bad), "%s/bad", w.dir);
        world_recorder(&w, NULL, NULL);
        interfaces(&w, path);
        put(path, before);
        world_policy(&w, policy);
        world_start(&w, NULL);
        tests[i](&w);
        if (getenv("KEEP_LOG")) {
            char show[400];

            (void)snprintf(show, sizeof(show), "%s/log", w.dir);
            (void)run_quiet((const char *const[]){"/bin/cat", show, NULL});
        }
        world_end(&w);
    }
    return tap_end();
}
