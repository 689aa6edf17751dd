/* SPDX-License-Identifier: Apache-2.0 */
/* Commands in a real container through the gate: how they end, what they say, what follows them in,
 * and that nothing of them is left. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/dir.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/own.h"
#include "common/msg.h"
#include "common/put.h"
#include "tests/integration/priv_world.h"

static const char policy[] =
    "[node]\nclock = any\nmax-running-ct = 8\n[rule any]\nclient = laptop\nct = 101\nrun = ANY\n"
    "approve = none\nstdin = yes\ntimeout = 60\noutput = 4M\nenv = HELLO\n"
    "[rule user]\nclient = laptop\nct = 101\nrun = ANY\napprove = none\nuser = 1000\ntimeout = "
    "60\n";

struct how {
    const char *script;
    const char *how;
    int value;
};

static void shell(struct errand *o, const char *script) {
    const char *argv[] = {"/bin/sh", "-c", script, NULL};

    errand_argv(o, argv);
}

static void run(struct world *w, const char *script, struct result *r) {
    struct errand o;

    errand_init(w, &o);
    shell(&o, script);
    errand_build(w, &o);
    errand_send(w, &o, r);
    errand_done(&o);
}

/* The receipt's hash is SHA-256 of salt and output. */
static bool attests(const struct result *r, int stream) {
    struct sha256 *s = sha256_new();
    struct hash h;
    uint8_t salt[16];

    (void)hex_decode(r->receipt.salt, 32, salt);
    sha256_add(s, salt, sizeof(salt));
    sha256_add(s, buf_str(&r->out[stream]), r->out[stream].len);
    sha256_end(s, &h);
    sha256_free(s);
    return hash_eq(&h, stream ? &r->receipt.err_hash : &r->receipt.out_hash);
}

static void test_ends(struct world *w) {
    static const struct how ends[] = {
        {"exit 0", "exited", 0},
        {"exit 1", "exited", 1},
        {"exit 3", "exited", 3},
        {"exec /no/such/file", "exited", 127},
        {"exec /etc/passwd", "exited", 126},
        {"kill -9 $$", "signalled", 9},
        {"kill -15 $$", "signalled", 15},
    };
    static const char *const missing[] = {"/no/such/file", NULL};
    struct errand o;
    struct result r;

    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        run(w, ends[i].script, &r);
        tap(r.ended && strcmp(r.how, ends[i].how) == 0 && r.value == ends[i].value &&
                r.receipt_ok && r.receipt.value == ends[i].value && !r.receipt.left_behind_unknown,
            "%s: %s %d (%s %d)", ends[i].script, ends[i].how, ends[i].value, r.how, r.value);
        result_done(&r);
    }
    errand_init(w, &o);
    errand_argv(&o, missing);
    errand_build(w, &o);
    errand_send(w, &o, &r);
    tap(strcmp(r.how, "exited") == 0 && r.value == 127, "a missing program: 127 (%s %d)", r.how,
        r.value);
    result_done(&r);
    errand_done(&o);
}

static void test_output(struct world *w) {
    struct result r;
    struct errand o;

    run(w, "printf out; printf err >&2", &r);
    tap(strcmp(buf_str(&r.out[0]), "out") == 0 && strcmp(buf_str(&r.out[1]), "err") == 0,
        "the two streams stay apart");
    tap(r.receipt.out_bytes == 3 && attests(&r, 0) && attests(&r, 1), "the receipt attests both");
    result_done(&r);

    errand_init(w, &o);
    shell(&o, "dd if=/dev/zero bs=1000 count=300 2>/dev/null");
    o.q.output_max = 100000;
    errand_build(w, &o);
    errand_send(w, &o, &r);
    tap(r.out[0].len == 100000 && r.total[0] == 300000 && r.receipt.out_bytes == 300000 &&
            r.value == 0,
        "output beyond the limit is counted and dropped (%zu of %llu)", r.out[0].len,
        (unsigned long long)r.total[0]);
    result_done(&r);
    errand_done(&o);

    errand_init(w, &o);
    shell(&o, "dd if=/dev/zero bs=65536 count=32 2>/dev/null");
    o.q.output_max = 4 * 1024 * 1024;
    errand_build(w, &o);
    errand_send(w, &o, &r);
    errand_done(&o);
    tap(r.out[0].len == (size_t)32 * 65536 && attests(&r, 0), "2 MiB come whole");
    result_done(&r);
}

static void test_stdin(struct world *w) {
    struct result r;
    struct errand o;
    char keyed[32 + 6];

    errand_init(w, &o);
    shell(&o, "cat");
    o.stdin_data = "secret";
    o.stdin_len = 6;
    o.q.has_stdin = true;
    o.q.stdin_bytes = 6;
    sha256("secret", 6, &o.q.stdin_hash);
    errand_build(w, &o);
    errand_send(w, &o, &r);
    tap(strcmp(buf_str(&r.out[0]), "secret") == 0, "standard input arrives");
    result_done(&r);
    errand_done(&o);

    errand_init(w, &o);
    shell(&o, "cat");
    memset(keyed, 7, 32);
    memcpy(keyed + 32, "secret", 6);
    o.stdin_data = keyed;
    o.stdin_len = sizeof(keyed);
    o.q.has_stdin = true;
    o.q.stdin_bytes = 6;
    o.q.stdin_is_hmac = true;
    hmac_sha256(keyed, 32, "secret", 6, &o.q.stdin_hash);
    errand_build(w, &o);
    errand_send(w, &o, &r);
    tap(strcmp(buf_str(&r.out[0]), "secret") == 0, "also under a keyed commitment");
    result_done(&r);
    keyed[0] ^= 1;
    errand_done(&o);

    run(w, "cat; readlink /proc/self/fd/0 || true", &r);
    tap(r.ended && r.out[0].len < 32, "without: nothing to read");
    result_done(&r);
}

static void test_nothing_follows(struct world *w) {
    static const char *const status[] = {
        "/bin/grep", "-E", "^(NoNewPrivs|Seccomp|SigIgn|SigBlk):", "/proc/self/status", NULL};
    struct result r;
    struct errand o;

    run(w, "for f in /proc/$$/fd/*; do echo ${f##*/}; done", &r);
    tap(strncmp(buf_str(&r.out[0]), "0\n1\n2\n", 6) == 0 && !strstr(buf_str(&r.out[0]), "\n4\n") &&
            !strstr(buf_str(&r.out[0]), "77") && !strstr(buf_str(&r.out[0]), "\n5\n"),
        "no descriptor follows: %.40s", buf_str(&r.out[0]));
    result_done(&r);

    errand_init(w, &o);
    shell(&o, "env");
    o.env[0] = "HELLO=world";
    o.q.env = o.env;
    o.q.n_env = 1;
    errand_build(w, &o);
    errand_send(w, &o, &r);
    tap(strstr(buf_str(&r.out[0]), "HELLO=world\n") && !strstr(buf_str(&r.out[0]), "CANARY"),
        "the planned variable follows, no other does");
    result_done(&r);
    errand_done(&o);

    errand_init(w, &o); /* not by the shell, which ignores signals of its own choice */
    errand_argv(&o, status);
    errand_build(w, &o);
    errand_send(w, &o, &r);
    errand_done(&o);
    tap(strstr(buf_str(&r.out[0]), "NoNewPrivs:\t0") && strstr(buf_str(&r.out[0]), "Seccomp:\t0") &&
            strstr(buf_str(&r.out[0]), "SigBlk:\t0000000000000000") &&
            strstr(buf_str(&r.out[0]), "SigIgn:\t0000000000000000"),
        "no privilege flag, no blocked and no ignored signal follows: %s", buf_str(&r.out[0]));
    result_done(&r);

    errand_init(w, &o);
    shell(&o, "id -u; id -g; id -G");
    o.q.uid = 1000;
    errand_build(w, &o);
    errand_send(w, &o, &r);
    tap(strcmp(buf_str(&r.out[0]), "1000\n1000\n1000\n") == 0,
        "another user has no group of root's");
    result_done(&r);
    errand_done(&o);
}

/* As many arguments and variables as a request can hold: none is lost on the way. */
static void test_many(struct world *w) {
    static const char *argv[512] = {"/bin/sh", "-c", "echo $# $V399", "sh"};
    static const char *env[400];
    static char store[400][16];
    CLEANUP(buf_done) struct buf b = BUF_INIT(16384);
    struct errand o;
    struct result r;

    (void)buf_adds(&b, "[node]\nclock = any\n[rule any]\nclient = laptop\nct = 101\nrun = ANY\n"
                       "approve = none\nenv =");
    for (int i = 0; i < 400; i++) {
        (void)snprintf(store[i], sizeof(store[i]), "V%d=v%d", i, i);
        env[i] = store[i];
        (void)buf_addf(&b, " V%d", i);
    }
    (void)buf_adds(&b, "\n");
    world_policy(w, b.data);
    for (int i = 4; i < 512; i++) {
        argv[i] = "x";
    }
    errand_init(w, &o);
    o.q.arg = argv;
    o.q.n_args = 512;
    o.q.env = env;
    o.q.n_env = 400;
    errand_build(w, &o);
    errand_send(w, &o, &r);
    errand_done(&o);
    tap(strcmp(buf_str(&r.out[0]), "508 v399\n") == 0, "400 variables and 512 arguments: %s %s",
        r.code, buf_str(&r.out[0]));
    result_done(&r);
    world_policy(w, policy);
}

/* Does a `sleep` for that long run anywhere on this machine? */
static bool alive(const char *word) {
    CLEANUP(dir_closep) DIR *d = dir_open(AT_FDCWD, "/proc");
    char want[64];
    size_t n = (size_t)snprintf(want, sizeof(want), "sleep%c%s", '\0', word) + 1;
    const char *pid;

    while ((pid = dir_next(d)) != NULL) {
        CLEANUP(buf_done) struct buf b = BUF_INIT(65536);
        char path[300];

        (void)snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
        if (*pid >= '0' && *pid <= '9' && file_read(AT_FDCWD, path, &b, NULL) == 0 && b.len == n &&
            memcmp(b.data, want, n) == 0) {
            return true;
        }
    }
    return false;
}

static void test_deadline(struct world *w) {
    struct result r;
    struct errand o;

    errand_init(w, &o);
    shell(&o, "echo begun; sleep 31415 & sleep 31415; echo never");
    o.q.timeout_s = 2;
    errand_build(w, &o);
    errand_send(w, &o, &r);
    tap(strcmp(r.how, "timed-out") == 0 && r.receipt.how == HOW_TIMED_OUT &&
            strcmp(buf_str(&r.out[0]), "begun\n") == 0 && r.receipt.left_behind_unknown,
        "at the deadline it ends: %s", r.how);
    tap(!alive("31415"), "and none of its processes is left");
    result_done(&r);
    errand_done(&o);

    run(w, "setsid sleep 27182 >/dev/null 2>&1 & exit 0", &r);
    tap(r.ended && r.value == 0, "a daemon of the container's own may stay");
    result_done(&r);
    run(w, "sleep 16180 & exit 0", &r);
    tap(r.ended && r.receipt.left_behind_unknown,
        "who keeps the pipes open is not waited for, and the receipt says it does not know");
    result_done(&r);
    run(w,
        "for p in /proc/[0-9]*; do read c < $p/comm; [ \"$c\" = sleep ] && kill -9 ${p##*/}; done",
        &r);
    result_done(&r);
}

static pid_t errand_in_background(struct world *w, struct errand *o) {
    pid_t pid = fork();

    if (pid == 0) {
        struct result r;

        errand_send(w, o, &r);
        _exit(strcmp(r.how, "cancelled") == 0 && r.receipt_ok ? 0 : 1);
    }
    return pid;
}

static void wait_for(const char *word) {
    for (int i = 0; i < 200 && !alive(word); i++) {
        clock_sleep_ms(50);
    }
}

static void test_cancel(struct world *w) {
    CLEANUP(buf_done) struct buf m = BUF_INIT(LIM_PRIV_MSG);
    CLEANUP(buf_done) struct buf back = BUF_INIT(LIM_PRIV_MSG);
    struct errand o;
    char hex[65];
    int status = -1;
    pid_t pid;

    errand_init(w, &o);
    shell(&o, "sleep 14142");
    o.q.timeout_s = 50;
    errand_build(w, &o);
    pid = errand_in_background(w, &o);
    wait_for("14142");
    hex_encode(o.h.b, HASH_LEN, hex);
    (void)msg_begin(&m, MSG_CANCEL);
    (void)msg_add(&m, w->spki.b, HASH_LEN);
    (void)msg_adds(&m, hex);
    msg_end(&m);
    tap(world_ask(w, &m, NULL, 0, &back) == MSG_OK, "cancel is taken");
    (void)waitpid(pid, &status, 0);
    tap(WIFEXITED(status) && WEXITSTATUS(status) == 0 && !alive("14142"),
        "the command is gone and its receipt says cancelled");
    tap(world_ask(w, &m, NULL, 0, &back) == MSG_REFUSED, "cancelling it again is refused");
    errand_done(&o);
    w->old = w->edge.size;
}

static pid_t first_child(pid_t of, const char *name) {
    for (int i = 0; i < 200; i++) {
        CLEANUP(buf_done) struct buf b = BUF_INIT(65536);
        char path[100];
        char *at;

        (void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)of, (int)of);
        at = file_read(AT_FDCWD, path, &b, NULL) == 0 ? b.data : NULL;
        for (char *end = at; at && *at; at = end + strspn(end, " ")) {
            CLEANUP(buf_done) struct buf comm = BUF_INIT(64);
            pid_t pid = (pid_t)strtol(at, &end, 10);

            (void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
            if (!name || (file_read(AT_FDCWD, path, &comm, NULL) == 0 &&
                          strncmp(buf_str(&comm), name, strlen(name)) == 0)) {
                return pid;
            }
        }
        clock_sleep_ms(20);
    }
    return -1;
}

static bool becomes_unknown(struct world *w, const struct hash *h) {
    for (int i = 0; i < 200; i++) {
        CLEANUP(buf_done) struct buf m = BUF_INIT(LIM_PRIV_MSG);
        CLEANUP(buf_done) struct buf back = BUF_INIT(LIM_PRIV_MSG);
        struct receipt rc;
        struct msg_rd rd;
        uint16_t type;
        size_t n = 0;
        const char *note;

        (void)msg_make(&m, MSG_OP, "bs", w->spki.b, (size_t)HASH_LEN, HEX_STR(h));
        if (world_ask(w, &m, NULL, 0, &back) != MSG_OP_ANSWER ||
            msg_open(back.data, back.len, &type, &rd) < 0) {
            return false;
        }
        (void)msg_field(&rd, 16, &n);
        note = msg_field(&rd, LIM_NOTE, &n);
        if (n && receipt_open(note, n, &w->receipt, &rc, NULL) == 0) {
            return rc.how == HOW_UNKNOWN && rc.left_behind_unknown;
        }
        clock_sleep_ms(50);
    }
    return false;
}

/* Who acts, or who waits for it, is killed while the command runs: nobody says how it ended, and
 * nothing of it is left. */
static void test_killed(struct world *w, bool actor) {
    const char *word = actor ? "11235" : "81321";
    struct errand o;
    char script[60];
    pid_t child;
    pid_t pid;

    errand_init(w, &o);
    (void)snprintf(script, sizeof(script), "sleep %s & sleep %s; true", word, word);
    shell(&o, script);
    o.q.timeout_s = 50;
    errand_build(w, &o);
    pid = errand_in_background(w, &o);
    wait_for(word);
    child = first_child(w->pid, NULL);
    (void)kill(actor ? first_child(child, "pveagentd-act") : child, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    tap(becomes_unknown(w, &o.h), "%s is killed: the receipt says unknown",
        actor ? "the program that acts" : "the child that waits for it");
    for (int i = 0; i < 100 && alive(word); i++) {
        clock_sleep_ms(50);
    }
    tap(!alive(word), "and nothing of the command is left");
    errand_done(&o);
    w->old = w->edge.size;
}

/* What reads a container's output has given up everything but the right to end what it started. */
static void test_rights(struct world *w) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(65536);
    CLEANUP(buf_done) struct buf env = BUF_INIT(65536);
    struct errand o;
    char path[100];
    pid_t actor;
    pid_t pid;

    errand_init(w, &o);
    shell(&o, "sleep 00008");
    errand_build(w, &o);
    pid = errand_in_background(w, &o);
    wait_for("00008");
    actor = first_child(first_child(w->pid, NULL), "pveagentd-act");
    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)actor);
    (void)file_read(AT_FDCWD, path, &b, NULL);
    tap(strstr(buf_str(&b), "\nCapEff:\t0000000000000020\n") &&
            strstr(buf_str(&b), "\nCapPrm:\t0000000000000020\n") &&
            strstr(buf_str(&b), "\nUid:\t2147483646\t2147483646\t2147483646\t2147483646\n") &&
            strstr(buf_str(&b), "\nGid:\t2147483646\t2147483646\t2147483646\t2147483646\n") &&
            strstr(buf_str(&b), "\nGroups:\t \n"),
        "while a command runs: no user's, no group's, CAP_KILL alone");
    (void)snprintf(path, sizeof(path), "/proc/%d/environ", (int)actor);
    tap(file_read(AT_FDCWD, path, &env, NULL) == 0 && !strstr(buf_str(&env), "CANARY"),
        "nothing of the environment reached it");
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    for (int i = 0; i < 400 && alive("00008"); i++) {
        clock_sleep_ms(50);
    }
    errand_done(&o);
    w->old = w->edge.size;
}

/* Another file under the program's name changes nothing for a daemon that runs: an upgrade does not
 * mix two versions. */
/* What acted has answered but does not go: the command's end is told all the same. */
static void test_linger(struct world *w) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(64);
    char file[300];
    char line[320];
    struct result r;
    uint32_t pid = 0;

    world_kill(w, SIGTERM);
    (void)snprintf(file, sizeof(file), "%s/lingers", w->dir);
    (void)snprintf(line, sizeof(line), "LINGER=%s", file);
    world_act(w, NULL, line, NULL);
    world_start(w, NULL);
    run(w, "exit 5", &r);
    tap(r.value == 5 && file_read(AT_FDCWD, file, &b, NULL) == 0 &&
            ident_u32(buf_str(&b), &pid) == 0 && pid > 1 && kill((pid_t)pid, SIGKILL) == 0,
        "an end does not wait for the program that acted: %s %d", r.how, r.value);
    result_done(&r);
}

static void test_upgrade(struct world *w) {
    char was[320];
    char is[320];
    struct result r;

    world_kill(w, SIGTERM);
    world_act(w, NULL, NULL);
    world_start(w, NULL);
    (void)snprintf(is, sizeof(is), "%s.env", w->act);
    (void)snprintf(was, sizeof(was), "%s.old.env",
                   w->act); /* act_with looks beside where it lies */
    (void)!symlink(is, was);
    was[strlen(was) - strlen(".env")] = '\0';
    (void)rename(w->act, was);
    (void)run_quiet((const char *const[]){"cp", "/bin/false", w->act, NULL});
    run(w, "exit 7", &r);
    tap(strcmp(r.how, "exited") == 0 && r.value == 7, "the program that acts is replaced: %s %d",
        r.how, r.value);
    result_done(&r);
}

/* The front end dies in the middle: the command belongs to the node. */
static void test_disconnect(struct world *w, bool kill_it) {
    struct errand o;
    struct stat st;
    char marker[300];
    bool gone = false;
    pid_t pid;

    (void)snprintf(marker, sizeof(marker), "%s/root/marker", w->dir);
    (void)unlink(marker);
    errand_init(w, &o);
    shell(&o, "sleep 00003; echo x >/marker"); /* a word that no other test waits for */
    o.q.kill_on_disconnect = kill_it;
    errand_build(w, &o);
    pid = errand_in_background(w, &o);
    wait_for("00003");
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    for (int i = 0; i < 100 && !gone; i++) {
        gone = !alive("00003");
        clock_sleep_ms(100);
    }
    clock_sleep_ms(300);
    tap((stat(marker, &st) == 0) != kill_it,
        kill_it ? "on-disconnect kill ends it" : "on-disconnect run lets it finish");
    errand_done(&o);
    w->old = w->edge.size;
}

static void test_stopped(struct world *w) {
    struct result r;
    struct errand o;

    errand_init(w, &o);
    errand_build(w, &o);
    errand_send(w, &o, &r);
    tap(strcmp(r.code, "ct_stopped") == 0, "a stopped container is refused");
    result_done(&r);
    errand_done(&o);
    world_kill(w, SIGTERM);
    (void)unlink(w->act);
    world_act(w, NULL, NULL);
    world_start(w, "world");
    errand_init(w, &o);
    errand_build(w, &o);
    errand_send(w, &o, &r);
    tap(r.started && strcmp(r.how, "not-started") == 0 && r.receipt.how == HOW_NOT_STARTED,
        "attach that fails is told from a command that says 1: %s %d", r.how, r.value);
    result_done(&r);
    errand_done(&o);
}

int main(void) {
    struct world w;
    char root[200];

    if (geteuid() != 0) {
        puts("1..0 # SKIP not root");
        return getenv("MUST_RUN") ? 1 : 77;
    }
    (void)setenv("CANARY", "must not follow", 1);
    world_make(&w);
    world_policy(&w, policy);
    (void)snprintf(root, sizeof(root), "%s/root", w.dir);
    if (!world_container(&w, root)) {
        world_end(&w);
        puts("1..0 # SKIP no container can run here");
        return getenv("MUST_RUN") ? 1 : 77;
    }
    world_start(&w, NULL);
    test_ends(&w);
    test_output(&w);
    test_stdin(&w);
    test_nothing_follows(&w);
    test_many(&w);
    test_deadline(&w);
    test_cancel(&w);
    test_disconnect(&w, false);
    test_disconnect(&w, true);
    test_killed(&w, true);
    test_killed(&w, false);
    test_rights(&w);
    test_linger(&w);
    test_upgrade(&w);
    world_container_end(&w);
    test_stopped(&w);
    world_end(&w);
    return tap_end();
}
