/* SPDX-License-Identifier: Apache-2.0 */
/* Undo points on a real btrfs: snapshot before a command, stop, roll back, start, remove; and what
 * is never touched. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/msg.h"
#include "common/own.h"
#include "common/put.h"
#include "tests/integration/priv_world.h"

#define VOLUME "images/101/subvol-101-disk-0.subvol"

static const char policy[] = "[node]\nclock = any\nmax-running-ct = 8\n"
                             "[rule any]\nclient = laptop\nct = 101\nrun = ANY\napprove = none\n"
                             "undo = required\n"
                             "[rule back]\nclient = laptop\nct = 101\n"
                             "do = snapshot rollback remove\napprove = none\n";

static char root[400];

static bool in_root(const char *name) {
    char path[500];
    struct stat st;

    (void)snprintf(path, sizeof(path), "%s/%s", root, name);
    return stat(path, &st) == 0;
}

static size_t snaps(const struct world *w, const char *like) {
    char path[500];
    struct dirent *de;
    size_t n = 0;
    DIR *d;

    (void)snprintf(path, sizeof(path), "%s/mnt/images/101/.pveagentd-snap", w->dir);
    d = opendir(path);
    while (d && (de = readdir(d)) != NULL) {
        n += strstr(de->d_name, like) != NULL;
    }
    if (d) {
        closedir(d);
    }
    return n;
}

static void send_h(struct world *w, enum request_op op, const char *name, const char *script,
                   struct hash *ret_h, struct result *r) {
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    static const char *const none[] = {NULL};
    struct errand o;

    errand_init(w, &o);
    o.q.op = op;
    errand_argv(&o, script ? argv : none);
    if (name) {
        o.q.undo = true;
        o.q.undo_ttl_s = 86400;
        (void)snprintf(o.q.undo_name, sizeof(o.q.undo_name), "%s", name);
    }
    errand_build(w, &o);
    errand_send(w, &o, r);
    *ret_h = o.h;
    errand_done(&o);
}

static void send(struct world *w, enum request_op op, const char *name, const char *script,
                 struct result *r) {
    struct hash unused;

    send_h(w, op, name, script, &unused, r);
}

/* Sends, and says whether it ended as `how` (or was refused with that code). */
static void expect(struct world *w, enum request_op op, const char *name, const char *script,
                   const char *want, const char *what) {
    struct result r;

    send(w, op, name, script, &r);
    tap(strcmp(r.started ? r.how : r.code, want) == 0, "%s: %s (%s %s %s)", what, want,
        r.started ? r.how : r.code, r.text, buf_str(&r.out[1]));
    result_done(&r);
}

static void test_way(struct world *w) {
    struct result r;

    send(w, OP_EXEC, "before", "echo changed >/file", &r);
    tap(r.ended && r.value == 0 && strcmp(r.receipt.undo_driver, "btrfs") == 0 &&
            strcmp(r.receipt.undo_name, "before") == 0,
        "the receipt names the undo point (%s %s %s)", r.code, r.text, buf_str(&r.out[1]));
    result_done(&r);
    tap(in_root("file") && snaps(w, "@before") == 1, "the command ran, the snapshot is there");
    expect(w, OP_EXEC, NULL, "true", "policy_undo_required", "without an undo point");
    expect(w, OP_EXEC, "before", "true", "undo_exists", "a name that is taken");
    expect(w, OP_ROLLBACK, "before", NULL, "ct_running", "rolling back a running container");
    expect(w, OP_STOP, NULL, NULL, "exited", "stop");
    expect(w, OP_ROLLBACK, "other", NULL, "undo_missing", "a point that was never made");
    expect(w, OP_ROLLBACK, "before", NULL, "exited", "roll back");
    tap(!in_root("file") && in_root("bin/busybox"), "what the command wrote is gone");
    tap(snaps(w, "@before-") == 1 && snaps(w, "@before") == 2, "what was there is kept");
    expect(w, OP_START, NULL, NULL, "exited", "start");
    expect(w, OP_EXEC, "again", "echo x >/second", "exited", "and it works again");
    expect(w, OP_REMOVE, "again", NULL, "exited", "remove");
    tap(snaps(w, "@again") == 0, "the snapshot is removed");
    expect(w, OP_REMOVE, "again", NULL, "undo_missing", "removing it again");
}

static void point_file(const struct world *w, const char *name, char ret[static 400]) {
    (void)snprintf(ret, 400, "%s/points/101.%s", w->state, name);
}

static void swap_in(const char *path, const char *from, const char *to) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(16384);
    CLEANUP(buf_done) struct buf out = BUF_INIT(16384);
    const char *at;

    if (file_read(-100, path, &b, NULL) < 0 || !(at = strstr(b.data, from))) {
        fprintf(stderr, "%s: no %s\n", path, from);
        exit(99);
    }
    (void)buf_add(&out, b.data, (size_t)(at - b.data));
    (void)buf_adds(&out, to);
    (void)buf_adds(&out, at + strlen(from));
    (void)file_replace(-100, path, out.data, out.len, 0600, NULL);
}

static void test_foreign(struct world *w) {
    char path[400];
    char snap[500];
    const char *del[] = {"btrfs", "subvolume", "delete", snap, NULL};
    const char *make[] = {"btrfs", "subvolume", "snapshot", "-r", root, snap, NULL};

    expect(w, OP_SNAPSHOT, "mine", NULL, "exited", "a snapshot by itself");
    point_file(w, "mine", path);
    swap_in(path, "client laptop", "client desktop");
    expect(w, OP_REMOVE, "mine", NULL, "undo_foreign", "another client's point");
    swap_in(path, "client desktop", "client laptop");
    (void)snprintf(snap, sizeof(snap), "%s/mnt/images/101/.pveagentd-snap/%s@mine", w->dir,
                   strrchr(root, '/') + 1);
    tap(run_quiet(del) == 0 && run_quiet(make) == 0, "somebody puts another snapshot in its place");
    expect(w, OP_REMOVE, "mine", NULL, "undo_foreign", "a snapshot that this node did not make");
    tap(snaps(w, "@mine") == 1, "it is still there");
    (void)run_quiet(del);
    (void)unlink(path);
}

static void test_full(struct world *w) {
    char name[16];
    char what[32];

    /* the present that the roll back kept is a point, too */
    for (int i = 1; i < 7; i++) {
        struct result r;

        (void)snprintf(name, sizeof(name), "p%d", i);
        send(w, OP_SNAPSHOT, name, NULL, &r);
        result_done(&r);
    }
    (void)snprintf(what, sizeof(what), "%s", "a ninth point");
    expect(w, OP_SNAPSHOT, "p9", NULL, "undo_full", what);
    tap(snaps(w, "@p9") == 0 && snaps(w, "@p1") == 1, "none is evicted for it");
    for (int i = 1; i < 7; i++) {
        struct result r;

        (void)snprintf(name, sizeof(name), "p%d", i);
        send(w, OP_REMOVE, name, NULL, &r);
        result_done(&r);
    }
}

/* The node's newest receipt: its text is left in ret. */
static bool last_receipt(struct world *w, struct receipt *ret) {
    CLEANUP(buf_done) struct buf m = BUF_INIT(LIM_PRIV_MSG);
    CLEANUP(buf_done) struct buf back = BUF_INIT(LIM_PRIV_MSG);
    struct msg_rd rd = {.bad = true};
    bool ok = false;
    uint16_t type;
    uint64_t n;

    (void)msg_make(&m, MSG_RECEIPTS, "bu", w->spki.b, (size_t)HASH_LEN, (uint64_t)0);
    if (world_ask(w, &m, NULL, 0, &back) != MSG_RECEIPTS_ANSWER ||
        msg_open(back.data, back.len, &type, &rd) < 0) {
        return false;
    }
    for (n = msg_u64(&rd); n-- > 0;) {
        CLEANUP(freep) char *note = msg_str(&rd, LIM_NOTE);

        ok = note && receipt_open(note, strlen(note), &w->receipt, ret, NULL) == 0;
    }
    return ok;
}

static const char *how_of(struct world *w, const struct hash *h, struct receipt *rc) {
    CLEANUP(buf_done) struct buf m = BUF_INIT(LIM_PRIV_MSG);
    CLEANUP(buf_done) struct buf back = BUF_INIT(LIM_PRIV_MSG);
    CLEANUP(freep) char *state = NULL;
    CLEANUP(freep) char *note = NULL;
    struct msg_rd rd = {.bad = true};
    uint16_t type;

    (void)msg_make(&m, MSG_OP, "bs", w->spki.b, (size_t)HASH_LEN, HEX_STR(h));
    (void)world_ask(w, &m, NULL, 0, &back);
    (void)msg_open(buf_str(&back), back.len, &type, &rd);
    state = msg_str(&rd, 16);
    note = msg_str(&rd, LIM_NOTE);
    return note && receipt_open(note, strlen(note), &w->receipt, rc, NULL) == 0
               ? receipt_how_name(rc->how)
               : "none";
}

/* A point whose time is up goes, and the log it was made for can say who took it. */
static void test_swept(struct world *w) {
    struct receipt made = {0};
    struct receipt gone = {0};
    struct receipt op = {0};
    char path[400];
    char line[64];
    CLEANUP(buf_done) struct buf b = BUF_INIT(16384);
    const char *at;
    bool ok;

    expect(w, OP_SNAPSHOT, "old", NULL, "exited", "a point that will be old");
    ok = last_receipt(w, &made);
    point_file(w, "old", path);
    if (!ok || file_read(-100, path, &b, NULL) < 0 || !(at = strstr(b.data, "created "))) {
        tap(false, "the point has a file and a receipt");
        return;
    }
    (void)snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
    swap_in(path, line, "created 1000000000");
    world_kill(w, SIGTERM);
    world_start(w, NULL); /* chores come with the start, and once a minute */
    for (int i = 0; i < 600 && gone.how != HOW_SWEPT; i++) {
        clock_sleep_ms(100);
        (void)last_receipt(w, &gone);
    }
    tap(gone.how == HOW_SWEPT && gone.value == 0 && !gone.left_behind_unknown &&
            gone.seq == made.seq + 1 && hash_eq(&gone.request, &made.request) &&
            hash_eq(&gone.intent, &made.intent) && strcmp(gone.undo_name, "old") == 0 &&
            strcmp(gone.undo_driver, "btrfs") == 0,
        "its removal has a receipt: %s %s", receipt_how_name(gone.how), gone.undo_name);
    tap(snaps(w, "@old") == 0 && access(path, F_OK) < 0, "snapshot and point are gone");
    tap(strcmp(how_of(w, &made.request, &op), "exited") == 0 && op.seq == made.seq,
        "what was asked for keeps its own receipt");
}

static void test_impossible(struct world *w, const char *conf) {
    char more[600];

    (void)snprintf(more, sizeof(more), "%smp0: slow:101/x.raw,mp=/data\n", conf);
    world_file(w, "nodes/pve1/lxc/101.conf", more);
    expect(w, OP_EXEC, "mp", "true", "undo_impossible",
           "a mount point on a storage without snapshots");
    (void)snprintf(more, sizeof(more), "%smp0: /srv/data,mp=/data\n", conf);
    world_file(w, "nodes/pve1/lxc/101.conf", more);
    expect(w, OP_EXEC, "mp", "true", "undo_impossible", "a directory of the node as mount point");
    tap(snaps(w, "@mp") == 0, "and nothing was made");
    world_file(w, "nodes/pve1/lxc/101.conf", conf);
}

/* Step 11: no way back, no act; without the row it acts. The check finds nothing wrong: what stands
 * in the way is only seen when the snapshot is made. */
static void test_row(struct world *w) {
    char dir[300];
    char away[320];
    struct result r;

    (void)snprintf(dir, sizeof(dir), "%s/mnt/images/101/.pveagentd-snap", w->dir);
    (void)snprintf(away, sizeof(away), "%s.away", dir);
    if (rename(dir, away) < 0 || symlink("/nowhere", dir) < 0) {
        exit(99);
    }
    send(w, OP_EXEC, "row", "touch /row", &r);
    tap(r.started && r.receipt.how == HOW_NOT_STARTED && r.receipt.started == -1 && !in_root("row"),
        "the way back fails: receipt not-started, nothing ran (%s)", r.how);
    result_done(&r);
    world_kill(w, SIGTERM);
    world_start(w, "undo");
    send(w, OP_EXEC, "row", "touch /row", &r);
    tap(r.started && in_root("row"), "without the row it runs");
    result_done(&r);
    world_kill(w, SIGTERM);
    (void)unlink(dir);
    (void)rename(away, dir);
}

/* What a test that killed has left behind: the point and its snapshot, each of them if it is there.
 */
static void clear_point(const struct world *w, const char *name) {
    char path[500];
    const char *del[] = {"btrfs", "subvolume", "delete", path, NULL};

    (void)snprintf(path, sizeof(path),
                   "%s/mnt/images/101/.pveagentd-snap/subvol-101-disk-0.subvol@%s", w->dir, name);
    if (access(path, F_OK) == 0) {
        (void)run_quiet(del);
    }
    point_file(w, name, path);
    (void)unlink(path);
}

static bool says_unknown(struct world *w, const struct hash *h) {
    struct receipt rc = {0};

    for (int i = 0; i < 100; i++) {
        if (strcmp(how_of(w, h, &rc), "none") != 0) {
            break;
        }
        clock_sleep_ms(50);
    }
    return rc.how == HOW_UNKNOWN && rc.left_behind_unknown;
}

/* The program that acts, killed instead of its n-th call: true when it had fewer. */
static bool killed_at(struct world *w, enum request_op op, int n, bool *ret_unknown) {
    const char *build = getenv("top_builddir");
    char preload[400];
    char at[40];
    char name[32];
    char path[400];
    struct result r;
    struct hash h;
    bool done;
    bool ok;

    (void)snprintf(preload, sizeof(preload), "LD_PRELOAD=%s/tests/integration/fault_shim.so",
                   build ? build : ".");
    (void)snprintf(at, sizeof(at), "FAULT_KILL_AT=%d", n);
    (void)snprintf(name, sizeof(name), "%s-%d", request_op_name(op), n);
    point_file(w, name, path);
    if (op == OP_REMOVE) {
        expect(w, OP_SNAPSHOT, name, NULL, "exited", "a point to remove");
    }
    world_act(w, NULL, preload, at, "FAULT_TALK=1", "ASAN_OPTIONS=verify_asan_link_order=0", NULL);
    send_h(w, op, name, NULL, &h, &r);
    world_act(w, NULL, NULL);
    done = r.ended && strcmp(r.how, "exited") == 0;
    ok = done || (r.started ? !r.ended && says_unknown(w, &h) : strcmp(r.code, "internal") == 0);
    *ret_unknown = *ret_unknown || (!done && r.started);
    if (!ok || (op == OP_SNAPSHOT && snaps(w, name) && access(path, F_OK) < 0)) {
        tap(false,
            "%s killed at call %d: refused, or unknown, and no snapshot without its point (%s %s)",
            request_op_name(op), n, r.code, r.how);
    }
    clear_point(w, name);
    result_done(&r);
    return done;
}

static void test_killed(struct world *w) {
    static const enum request_op ops[] = {OP_SNAPSHOT, OP_REMOVE};

    world_act(w, NULL, NULL);
    world_start(w, NULL);
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        bool unknown = false;
        bool done = false;
        int n = 0;

        while (!done && n < 40) {
            done = killed_at(w, ops[i], ++n, &unknown);
        }
        tap(done && n > 3 && unknown,
            "the program that acts killed at each of %d calls of a %s: nothing is called done",
            n - 1, request_op_name(ops[i]));
    }
    world_kill(w, SIGTERM);
}

int main(void) {
    struct world w;
    char script[400];
    char conf[400];
    char storage[400];
    const char *src = getenv("top_srcdir");
    const char *mount[] = {"bash", script, "ct_btrfs", w.dir, NULL};
    const char *umount[] = {"bash", script, "ct_unbtrfs", w.dir, NULL};

    if (geteuid() != 0) {
        puts("1..0 # SKIP not root");
        return getenv("MUST_RUN") ? 1 : 77;
    }
    world_make(&w);
    world_policy(&w, policy);
    (void)snprintf(script, sizeof(script), "%s/tests/testbed/ct.sh", src ? src : ".");
    (void)snprintf(root, sizeof(root), "%s/mnt/" VOLUME, w.dir);
    if (run_quiet(mount) != 0 || !world_container(&w, root)) {
        (void)run_quiet(umount);
        world_end(&w);
        puts("1..0 # SKIP no container on btrfs here");
        return getenv("MUST_RUN") ? 1 : 77;
    }
    (void)snprintf(conf, sizeof(conf),
                   "arch: amd64\nhostname: a\nrootfs: fast:101/subvol-101-disk-0.subvol,size=1G\n");
    (void)snprintf(storage, sizeof(storage),
                   "dir: local\n\tpath /var/lib/vz\n\nbtrfs: fast\n\tpath %s/mnt\n\tcontent "
                   "rootdir\n\nnfs: slow\n\tpath /mnt/slow\n",
                   w.dir);
    world_file(&w, "nodes/pve1/lxc/101.conf", conf);
    world_file(&w, "storage.cfg", storage);
    world_start(&w, NULL);
    test_way(&w);
    test_foreign(&w);
    test_full(&w);
    test_swept(&w);
    test_impossible(&w, conf);
    test_row(&w);
    test_killed(&w);
    world_container_end(&w);
    (void)run_quiet(umount);
    world_end(&w);
    return tap_end();
}
