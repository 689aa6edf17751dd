/* SPDX-License-Identifier: Apache-2.0 */
/* What root does to a node, and what a full disk does: arming adopts the largest head of its peers,
 * an edited policy takes its place only if it parses, rights are narrowed, and with no room left at
 * any write of the journal nothing runs that is not recorded. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sys/socket.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "common/err.h"
#include "common/fd.h"
#include "common/lines.h"
#include "common/msg.h"
#include "common/own.h"
#include "common/run.h"
#include "tests/integration/priv_world.h"

#define RULE "[rule t]\nclient = laptop\nct = 101\nrun = /bin/true\n"

static const char allow[] = "[node]\nclock = any\n" RULE;

static void below(const char *dir, const char *name, char ret[static 400]) {
    (void)snprintf(ret, 400, "%s/%s", dir, name);
}

static int ctl(const struct world *w, const char *command, const char *arg) {
    char program[400];
    const char *build = getenv("top_builddir");
    const char *argv[] = {program,   "--state", w->state, "--cluster-fs", w->cluster, "--policy",
                          w->policy, "--node",  "pve1",   command,        arg,        NULL};

    below(build ? build : ".", "pveagentctl", program);
    return run_quiet(argv);
}

static bool holds(const char *path, const char *text) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);

    return file_read(AT_FDCWD, path, &b, NULL) == 0 && strstr(buf_str(&b), text);
}

static void put_head(struct world *w, const char *node, const struct buf *note) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINES);
    char path[80];

    (void)buf_adds(&b, "proximo-heads/v1\n");
    (void)lines_put(&b, "node", node);
    (void)lines_put(&b, "note", buf_str(note));
    (void)snprintf(path, sizeof(path), "pveagentd/heads/%s", node);
    world_file(w, path, buf_str(&b));
}

static void send_one(struct world *w, struct result *r) {
    struct errand o;

    errand_init(w, &o);
    errand_build(w, &o);
    errand_send(w, &o, r);
    errand_done(&o);
}

/* A node that lost its journal must not begin at nothing: it would cosign a second history. */
static void test_arm(struct world *w) {
    static const char *const nodes[] = {"pve2", "pve3", "pve4"};
    struct errand o[3];
    struct result r;
    struct priv p;
    struct err e = {0};
    uint64_t third;

    for (int i = 0; i < 3; i++) {
        errand_init(w, &o[i]);
        errand_build(w, &o[i]);
    }
    third = w->edge.size; /* the largest, but its signature is spoiled */
    o[2].checkpoint.data[o[2].checkpoint.len - 6] ^= 1;
    for (int i = 0; i < 3; i++) {
        put_head(w, nodes[i], &o[i].checkpoint);
        errand_done(&o[i]);
    }
    tap(ctl(w, "arm", NULL) == 0, "arm");
    p = world_priv(w);
    if (priv_open(&p, &e) < 0) {
        exit(99);
    }
    tap(strcmp(p.receipt.v.name, "pve1/receipt") == 0 && !vkey_eq(&p.receipt.v, &w->receipt),
        "a new receipt key");
    w->receipt = p.receipt.v;
    priv_close(&p);
    world_start(w, NULL);
    send_one(w, &r); /* proves from nothing */
    tap(strcmp(r.code, "witness_conflict") == 0 && r.size == third - 3,
        "adopted is the largest head that the log signed: %llu of %llu (%s)",
        (unsigned long long)r.size, (unsigned long long)third, r.code);
    result_done(&r);
    w->old = third - 3;
    send_one(w, &r);
    tap(strcmp(r.step, "world") == 0, "what extends it goes on: %s %s", r.step, r.code);
    result_done(&r);
    world_kill(w, SIGTERM);
    for (int i = 0; i < 3; i++) {
        char path[400];

        (void)snprintf(path, sizeof(path), "%s/pveagentd/heads/%s", w->cluster, nodes[i]);
        (void)unlink(path);
    }
}

static void editor(const struct world *w, const char *script) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
    char path[400];

    below(w->dir, "editor", path);
    (void)buf_addf(&b, "#!/bin/sh\n%s\n", script);
    if (file_replace(AT_FDCWD, path, b.data, b.len, 0700, NULL) < 0 || setenv("VISUAL", path, 1)) {
        exit(99);
    }
}

static void test_edit(struct world *w) {
    char draft[400];
    char shared[400];
    struct stat before;
    struct stat after;

    below(w->state, "policy.draft", draft);
    below(w->cluster, "pveagentd/policy.ini", shared);
    world_policy(w, allow);
    (void)stat(w->policy, &before);
    editor(w, "echo 'bogus = 1' >>\"$1\"");
    tap(ctl(w, "edit", NULL) != 0 && !holds(w->policy, "bogus"), "a text that does not parse");
    tap(stat(w->policy, &after) == 0 && after.st_ino == before.st_ino && holds(draft, "bogus"),
        "leaves the policy as it was and is kept beside it");
    editor(w, "echo '# seen' >>\"$1\"; exit 3");
    tap(ctl(w, "edit", NULL) != 0 && !holds(w->policy, "seen"), "an editor that fails");
    editor(w, "echo '# seen' >>\"$1\"");
    tap(ctl(w, "edit", NULL) == 0 && holds(w->policy, "# seen") && access(draft, F_OK) < 0,
        "one that parses takes its place");
    tap(stat(w->policy, &after) == 0 && (after.st_mode & 077) == 0, "closed to others");
    below(w->cluster, "pveagentd", draft);
    (void)rmdir(draft);
    editor(w, ":");
    tap(ctl(w, "edit", "--shared") == 0 && access(shared, F_OK) < 0,
        "an editor that was only looked into makes no empty shared policy");
    below(w->state, "policy.draft", draft);
    editor(w, "printf '[rule s]\\nclient = laptop\\nct = 101\\nrun = /bin/false\\n' >\"$1\"");
    tap(ctl(w, "edit", "--shared") == 0 && holds(shared, "/bin/false"), "the shared one");
    editor(w, "printf '[rule s]\\nclient = laptop\\n' >\"$1\"");
    tap(ctl(w, "edit", "--shared") != 0 && holds(shared, "/bin/false"), "is checked, too");
    (void)unlink(shared);
    (void)unlink(draft);
}

static unsigned int ask_witness(struct world *w, char code[static 32]) {
    CLEANUP(buf_done) struct buf m = BUF_INIT(LIM_PRIV_MSG);
    CLEANUP(buf_done) struct buf back = BUF_INIT(LIM_PRIV_MSG);
    CLEANUP(freep) char *s = NULL;
    struct msg_rd rd = {.bad = true};
    uint16_t type;
    unsigned int r;

    (void)msg_make(&m, MSG_WITNESS, "bs", w->spki.b, (size_t)HASH_LEN, "old 0\n\nnonsense\n");
    r = world_ask(w, &m, NULL, 0, &back);
    (void)msg_open(buf_str(&back), back.len, &type, &rd);
    s = r == MSG_REFUSED ? msg_str(&rd, 64) : NULL;
    (void)snprintf(code, 32, "%s", s ? s : "");
    return r;
}

static void test_rights(struct world *w) {
    char code[32];

    world_policy(w, "[node]\nclock = any\n[client laptop]\nrights = inventory\n");
    world_start(w, NULL);
    tap(ask_witness(w, code) == MSG_REFUSED && strcmp(code, "right_missing") == 0,
        "the policy narrows what join recorded (%s)", code);
    world_policy(w, allow);
    tap(ask_witness(w, code) == MSG_WITNESS_ANSWER, "without it the right holds (%s)", code);
    world_kill(w, SIGTERM);
}

/* Leaves `room` bytes on the state directory's file system. */
static void fill(const struct world *w, uint64_t room) {
    char path[400];
    struct statfs fs;
    CLEANUP(closep) int fd = -1;
    uint64_t have;

    below(w->state, "filler", path);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || fstatfs(fd, &fs) < 0) {
        exit(99);
    }
    have = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize;
    if (have > room && posix_fallocate(fd, 0, (off_t)(have - room)) != 0) {
        exit(99);
    }
}

static void empty(const struct world *w) {
    char path[400];

    below(w->state, "filler", path);
    (void)unlink(path);
}

static size_t fill_inodes(const struct world *w) {
    char path[400];
    size_t n = 0;
    int fd = 0;

    for (; fd >= 0; n++) {
        (void)snprintf(path, sizeof(path), "%s/points/filler.%zu", w->state, n);
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        closep(&fd);
        fd = access(path, F_OK);
    }
    return n;
}

static void empty_inodes(const struct world *w, size_t n) {
    char path[400];

    while (n-- > 0) {
        (void)snprintf(path, sizeof(path), "%s/points/filler.%zu", w->state, n);
        (void)unlink(path);
    }
}

struct count {
    size_t refused, done, wrong;
};

/* Refused for want of room, or done to the end with its receipt: nothing between. */
static void judge(struct world *w, struct count *c, const char *where) {
    struct result r;

    send_one(w, &r);
    if (!r.started && strcmp(r.code, "journal_full") == 0) {
        c->refused++;
    } else if (r.started && r.ended && r.receipt_ok) {
        c->done++;
    } else {
        c->wrong++;
        printf("# %s: %s %s %s receipt %d\n", where, r.started ? "started" : "refused", r.code,
               r.text, r.receipt_ok);
    }
    result_done(&r);
}

static void check_journal(const struct world *w) {
    struct priv p = world_priv(w);
    const struct origin *o = NULL;
    struct err e = {0};
    size_t open = 0;

    if (priv_open(&p, &e) == 0 && journal_replay_all(&p, &e) == 0) {
        o = origin_get(&p, w->log.v.name);
    }
    for (size_t i = 0; o && i < o->n_acts; i++) {
        open += o->act[i].seq == 0;
    }
    tap(o && !o->damaged && o->n_acts > 0 && open == 0 && o->seq == o->n_acts,
        "the journal replays, each start has its end, receipts are one chain");
    priv_close(&p);
}

/* No container is needed: without the row that looks for one, attach fails, and that is recorded as
 * any other end. */
static void test_full(struct world *w) {
    static const unsigned int pages[] = {0, 1, 2, 3, 4, 5, 6, 8, 63, 64, 65, 66, 67, 68, 70};
    struct count c = {0};
    char reserve[400];
    char where[64];
    size_t n;

    below(w->state, "reserve", reserve);
    world_start(w, "world");
    for (int with = 0; with < 2; with++) {
        for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
            if (!with) {
                (void)unlink(reserve);
            }
            fill(w, (uint64_t)pages[i] * 4096);
            (void)snprintf(where, sizeof(where), "%u pages, %s reserve", pages[i],
                           with ? "with" : "without");
            judge(w, &c, where);
            empty(w);
        }
    }
    n = fill_inodes(w);
    judge(w, &c, "no inode left");
    empty_inodes(w, n);
    tap(c.wrong == 0 && c.refused > 0 && c.done > 0,
        "a full disk at every write: %zu refused, %zu done, %zu neither", c.refused, c.done,
        c.wrong);
    c = (struct count){0};
    judge(w, &c, "room again");
    tap(c.done == 1, "with room again it goes on");
    fill(w, 0);
    tap(ctl(w, "arm", NULL) != 0, "arming needs room");
    empty(w);
    c = (struct count){0};
    judge(w, &c, "after arming that failed");
    tap(c.done == 1, "and leaves the keys as they were when it has none");
    world_kill(w, SIGTERM);
    check_journal(w);
}

/* The state directory on a file system of its own, two megabytes and few inodes. */
static bool small_disk(struct world *w) {
    char away[200];
    char from[300];
    const char *copy[] = {"cp", "-a", from, w->state, NULL};

    (void)snprintf(away, sizeof(away), "%s.away", w->state);
    (void)snprintf(from, sizeof(from), "%s/.", away);
    return rename(w->state, away) == 0 && mkdir(w->state, 0700) == 0 &&
           mount("none", w->state, "tmpfs", MS_NOSUID, "size=2m,nr_inodes=120,mode=0700") == 0 &&
           run_quiet(copy) == 0;
}

/* What a daemon is told to act with is there, or it does not start and says what to do. */
static void test_nobody_acts(const struct world *w) {
    const char *build = getenv("top_builddir");
    char line[900];
    const char *argv[] = {"/bin/sh", "-c", line, NULL};

    (void)snprintf(
        line, sizeof(line),
        "out=$(timeout 20 '%s/pveagentd-priv' --act '%s/none' --state '%s' --socket '%s' "
        "--peer-uid 0 --node pve1 2>&1); [ $? = 1 ] && case $out in *'--act PATH'*) ;; "
        "*) false;; esac",
        build ? build : ".", w->dir, w->state, w->socket);
    tap(run_quiet(argv) == 0, "without the program that acts the root half does not start");
}

/* One order to the program that acts, its descriptors cut to n_fds: true when it answers. */
static bool obeyed(const struct world *w, struct buf *b, size_t n_fds) {
    CLEANUP(buf_done) struct buf back = BUF_INIT(LIM_PRIV_MSG);
    CLEANUP(closep) int exe = open(w->act, O_PATH | O_CLOEXEC);
    CLEANUP(closep) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int fds[] = {null, null, null};
    int pair[2];
    int status = -1;
    bool answered;
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        return false;
    }
    pid = run_start_bare(exe, "pveagentd-act", pair[1], STDERR_FILENO);
    closep(&pair[1]);
    (void)msg_send(pair[0], b->data, b->len, fds, n_fds);
    answered = msg_recv(pair[0], &back, NULL, 0) == 0;
    closep(&pair[0]);
    (void)waitpid(pid, &status, 0);
    return answered || !WIFEXITED(status) || WEXITSTATUS(status) != 1;
}

static void test_orders(struct world *w) {
    struct order o = {.verb = ORDER_FACTS,
                      .text[ORDER_NODE] = "pve1",
                      .text[ORDER_CLUSTER_FS] = w->cluster,
                      .text[ORDER_LXC_PATH] = w->lxc,
                      .ct = 101};
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PRIV_MSG);
    static char big[5000];

    memset(big, 'x', sizeof(big) - 1);
    (void)order_make(&o, &b);
    tap(obeyed(w, &b, 0), "an order is obeyed");
    tap(!obeyed(w, &b, 1), "one with a descriptor too many is not");
    (void)buf_add(&b, "\0\0\0\0", 4);
    msg_end(&b);
    tap(!obeyed(w, &b, 0), "nor one with bytes left over");
    o.text[ORDER_NAME] = big;
    (void)order_make(&o, &b);
    tap(!obeyed(w, &b, 0), "nor one with a field too long");
    o.text[ORDER_NAME] = NULL;
    o.verb = ORDER_END;
    (void)order_make(&o, &b);
    tap(!obeyed(w, &b, 0), "nor one with an unknown verb");
    o.verb = ORDER_TIMER_LIST;
    (void)order_make(&o, &b);
    tap(obeyed(w, &b, 1) && !obeyed(w, &b, 0), "nor one without its directory");
    o.verb = ORDER_EXEC;
    o.request = "x";
    o.request_len = 1;
    (void)order_make(&o, &b);
    tap(!obeyed(w, &b, 3), "nor one whose request is not what was recorded");
}

int main(void) {
    struct world w;

    if (geteuid() != 0) {
        puts("1..0 # SKIP not root");
        return getenv("MUST_RUN") ? 1 : 77;
    }
    world_make(&w);
    world_policy(&w, allow);
    test_arm(&w);
    test_edit(&w);
    test_rights(&w);
    test_nobody_acts(&w);
    test_orders(&w);
    if (small_disk(&w)) {
        test_full(&w);
        (void)umount2(w.state, MNT_DETACH);
    } else if (getenv("MUST_RUN")) {
        tap(false, "no small file system can be mounted: %s", strerror(errno));
    } else {
        puts("# no small file system can be mounted: a full disk was not tested");
    }
    world_end(&w);
    return tap_end();
}
