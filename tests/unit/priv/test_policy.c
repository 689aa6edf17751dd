/* SPDX-License-Identifier: Apache-2.0 */
/* The node's policy: what it lets through, what it refuses to read, and that a denial never permits
 * more. */
#include "pveagentd/priv/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/own.h"
#include "pveagentd/priv/priv.h"
#include "tests/unit/priv/suite.h"

#define OPERATOR "[operator alice]\nkey = %s\n"
#define RULE     "[rule r]\nclient = laptop\nct = 101 105-109\n"

static struct client laptop = {.name = "laptop", .rights = "inventory evidence witness"};

static int parse(const char *text, struct policy *p, struct err *e) {
    return policy_merge(text, strlen(text), NULL, 0, p, e);
}

static struct node_request request(const char *const *argv) {
    struct node_request q = {.op = OP_EXEC, .ct = 101, .timeout_s = 1, .output_max = 1};

    while (argv && argv[q.n_args]) {
        q.n_args++;
    }
    q.arg = (const char **)(uintptr_t)argv;
    return q;
}

static struct verdict decide(const char *text, const struct node_request *q) {
    CLEANUP(policy_done) struct policy p = {0};
    struct verdict v;
    struct err e = {0};

    ck_assert_msg(parse(text, &p, &e) == 0, "%s", e.msg);
    policy_decide(&p, &laptop, q, &v);
    return v;
}

/* Does `run` match the vector? */
static bool runs(const char *run, const char *const *argv) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
    struct node_request q = request(argv);

    buf_addf(&b, RULE "run = %s\n", run);
    return decide(b.data, &q).allowed;
}

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

START_TEST(nothing_is_allowed_by_default) {
    struct node_request q = request(ARGV("/bin/true"));
    struct verdict v = decide("", &q);

    ck_assert(!v.allowed);
    ck_assert_str_eq(v.code, "policy_denied");
    ck_assert(!decide("[node]\nmax-running = 4\n", &q).allowed);
}
END_TEST

START_TEST(vectors_match_whole) {
    ck_assert(runs("/bin/true", ARGV("/bin/true")));
    ck_assert(!runs("/bin/true", ARGV("/bin/true", "x")));
    ck_assert(!runs("/bin/true x", ARGV("/bin/true")));
    ck_assert(!runs("/bin/true", ARGV("/bin/tru")));
    ck_assert(!runs("/bin/echo a", ARGV("/bin/echo", "A")));
    ck_assert(runs("/bin/echo \"a b\"", ARGV("/bin/echo", "a b")));
    ck_assert(runs("/bin/echo \"{x}\"", ARGV("/bin/echo", "{x}")));
}
END_TEST

START_TEST(slots_are_narrow) {
    static const char *const never[] = {"", "-x", "a\nb", "a\x7f", NULL};
    static const char *const slots[] = {"{int 1-9}",   "{name}",       "{unit}",
                                        "{path /srv}", "{one-of a|b}", NULL};
    char run[64];
    char long_arg[300];

    ck_assert(runs("/bin/x {int 1-2000}", ARGV("/bin/x", "2000")));
    ck_assert(!runs("/bin/x {int 1-2000}", ARGV("/bin/x", "2001")));
    ck_assert(!runs("/bin/x {int 1-2000}", ARGV("/bin/x", "01")));
    ck_assert(!runs("/bin/x {int 0-9}", ARGV("/bin/x", "5 ")));
    ck_assert(runs("/bin/x {name}", ARGV("/bin/x", "a.b-c_d")));
    ck_assert(!runs("/bin/x {name}", ARGV("/bin/x", "a/b")));
    ck_assert(!runs("/bin/x {name}", ARGV("/bin/x", "..")));
    ck_assert(runs("/bin/x {unit}", ARGV("/bin/x", "getty@tty1.service")));
    ck_assert(!runs("/bin/x {unit}", ARGV("/bin/x", "a;b")));
    ck_assert(runs("/bin/x {path /srv/www}", ARGV("/bin/x", "/srv/www/a")));
    ck_assert(runs("/bin/x {path /srv/www}", ARGV("/bin/x", "/srv/www")));
    ck_assert(!runs("/bin/x {path /srv/www}", ARGV("/bin/x", "/srv/wwwx")));
    ck_assert(!runs("/bin/x {path /srv/www}", ARGV("/bin/x", "/srv/www/../x")));
    ck_assert(!runs("/bin/x {path /srv/www}", ARGV("/bin/x", "/srv/www//x")));
    ck_assert(!runs("/bin/x {path /srv/www}", ARGV("/bin/x", "/srv/www/./x")));
    ck_assert(!runs("/bin/x {path /srv/www}", ARGV("/bin/x", "/srv/www/")));
    ck_assert(runs("/bin/x {one-of start|stop}", ARGV("/bin/x", "stop")));
    ck_assert(!runs("/bin/x {one-of start|stop}", ARGV("/bin/x", "start|stop")));
    ck_assert(!runs("/bin/x {one-of start|stop}", ARGV("/bin/x", "sto")));
    ck_assert(runs("/bin/x --lines={int 1-9}", ARGV("/bin/x", "--lines=5")));
    ck_assert(!runs("/bin/x --lines={int 1-9}", ARGV("/bin/x", "--lines=")));
    ck_assert(!runs("/bin/x --lines={name}", ARGV("/bin/x", "--lines=-x")));
    memset(long_arg, 'a', sizeof(long_arg));
    long_arg[256] = '\0';
    ck_assert(!runs("/bin/x {name}", ARGV("/bin/x", long_arg)));
    long_arg[255] = '\0';
    ck_assert(runs("/bin/x {name}", ARGV("/bin/x", long_arg)));
    for (size_t s = 0; slots[s]; s++) {
        snprintf(run, sizeof(run), "/bin/x %s", slots[s]);
        for (size_t i = 0; never[i]; i++) {
            ck_assert_msg(!runs(run, ARGV("/bin/x", never[i])), "%s took %s", run, never[i]);
        }
    }
}
END_TEST

START_TEST(conditions_are_all_needed) {
    static const char text[] = RULE "run = /bin/true\nuser = 33\ncwd = /srv\nenv = LANG TERM\n"
                                    "stdin = yes\n";
    static const char *env[] = {"LANG=C", NULL};
    static const char *bad_env[] = {"LD_PRELOAD=/x", NULL};
    static const char *half_env[] = {"LAN=C", NULL};
    struct node_request q = request(ARGV("/bin/true"));
    struct client other = laptop;
    CLEANUP(policy_done) struct policy p = {0};
    struct verdict v;
    struct err e;

    q.uid = 33;
    q.cwd = "/srv";
    q.env = env;
    q.n_env = 1;
    q.has_stdin = true;
    ck_assert(decide(text, &q).allowed);
    q.uid = 0;
    ck_assert(!decide(text, &q).allowed);
    q.uid = 33;
    q.cwd = NULL;
    ck_assert(!decide(text, &q).allowed);
    q.cwd = "/srv";
    q.env = bad_env;
    ck_assert(!decide(text, &q).allowed);
    q.env = half_env;
    ck_assert(!decide(text, &q).allowed);
    q.env = env;
    q.ct = 104;
    ck_assert(!decide(text, &q).allowed);
    q.ct = 109;
    ck_assert(decide(text, &q).allowed);
    q.ct = 110;
    ck_assert(!decide(text, &q).allowed);
    q.ct = 101;
    q.op = OP_SNAPSHOT;
    ck_assert(!decide(text, &q).allowed);
    q.op = OP_EXEC;
    ck_assert_int_eq(parse(text, &p, &e), 0);
    snprintf(other.name, sizeof(other.name), "desktop");
    policy_decide(&p, &other, &q, &v);
    ck_assert(!v.allowed);
    ck_assert(!decide(RULE "run = /bin/true\nuser = 33\ncwd = /srv\nenv = LANG\n", &q).allowed);
}
END_TEST

static void operator_text(struct buf *b) {
    CLEANUP(buf_done) struct buf key = BUF_INIT(512);
    uint8_t seed[32] = {1};
    struct skey k;

    ck_assert_int_eq(skey_make("alice", NOTE_ED25519, seed, &k), 0);
    ck_assert_int_eq(vkey_text(&k.v, &key), 0);
    buf_addf(b, OPERATOR, buf_str(&key));
}

START_TEST(strictest_of_several_rules_holds) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(8192);
    struct node_request q = request(ARGV("/bin/true"));
    struct verdict v;

    operator_text(&b);
    buf_adds(&b, RULE "run = /bin/true\ntimeout = 100\noutput = 2M\n"
                      "[rule s]\nclient = laptop\nct = 101\nrun = ANY\ntimeout = 7\n"
                      "output = 3K\nundo = required\napprove = alice\n");
    q.undo = true;
    v = decide(b.data, &q);
    ck_assert(v.allowed);
    ck_assert_uint_eq(v.timeout_s, 7);
    ck_assert_uint_eq(v.output_max, 3 * 1024);
    ck_assert_ptr_nonnull(v.undo_rule);
    ck_assert(v.near_root);
    ck_assert_uint_eq(v.n_approvers, 1);
    ck_assert_str_eq(v.approver_key[0].name, "alice");
    q.undo = false;
    v = decide(b.data, &q);
    ck_assert_str_eq(v.code, "policy_undo_required");
    ck_assert_str_eq(v.rule, "s"); /* which asks for it, not the first that matches */
    q.undo = true;
    q.timeout_s = 8;
    ck_assert_str_eq(decide(b.data, &q).code, "policy_limit");
}
END_TEST

/* Timers over what belongs to no guest, and over one guest's firewall. */
START_TEST(timers_need_their_set) {
    static const char node[] = "[rule t]\nclient = laptop\ndo = revert\nset = network "
                               "firewall-cluster\n";
    static const char guest[] = RULE "do = revert\nset = firewall-guest\n";
    struct node_request q = {.op = OP_ARM, .sets = 1u << SET_NETWORK, .timeout_s = 90};
    CLEANUP(buf_done) struct buf denied = BUF_INIT(4096);

    ck_assert(decide(node, &q).allowed);
    ck_assert(!decide(guest, &q).allowed);
    ck_assert(!decide(RULE "run = /bin/true\n", &q).allowed);
    q.sets |= 1u << SET_FW_CLUSTER;
    ck_assert(decide(node, &q).allowed);
    q.sets |= 1u << SET_FW_NODE;
    ck_assert(!decide(node, &q).allowed);
    q.sets = 1u << SET_FW_GUEST;
    q.ct = 105;
    ck_assert(decide(guest, &q).allowed);
    ck_assert(!decide(node, &q).allowed);
    buf_addf(&denied, "%s[deny d]\nct = 105\n", guest);
    ck_assert(!decide(denied.data, &q).allowed);
    q.ct = 104;
    ck_assert(!decide(guest, &q).allowed);
    /* ending one: the timer itself says whose it is */
    q = (struct node_request){.op = OP_CONFIRM, .timeout_s = 1};
    ck_assert(decide(node, &q).allowed && decide(guest, &q).allowed);
    ck_assert(decide(denied.data, &q).allowed);
    ck_assert(!decide(RULE "run = /bin/true\n", &q).allowed);
    buf_addf(&denied, "[deny all]\ndo = revert\n");
    ck_assert(!decide(denied.data, &q).allowed);
}
END_TEST

/* For many rules and requests: with any denial appended, what was refused stays refused, limits do
 * not grow and approvers do not go. */
START_TEST(a_denial_never_permits_more) {
    static const char *const rules[] = {
        RULE "run = /bin/true\n",
        RULE "run = ANY\napprove = none\n",
        RULE "run = /bin/echo {name}\nuser = 5\n[rule b]\nclient = laptop\nct = 100-200\n"
             "run = /bin/true\ntimeout = 2\n",
        RULE "do = snapshot rollback\napprove = none\n",
        "",
    };
    static const char *const denies[] = {
        "[deny d]\n",
        "[deny d]\nct = 101\n",
        "[deny d]\nct = 300\n",
        "[deny d]\nclient = laptop\n",
        "[deny d]\nclient = desktop\n",
        "[deny d]\ndo = rollback\n",
        "[deny d]\nrun = /bin/true\n",
        "[deny d]\nrun = /bin/echo {name}\nct = 105\n",
    };
    static const char *const argvs[][3] = {
        {"/bin/true", NULL}, {"/bin/echo", "a", NULL}, {"/bin/sh", NULL}};
    static const enum request_op ops[] = {OP_EXEC, OP_SNAPSHOT, OP_ROLLBACK, OP_STOP, OP_REMOVE};
    static const uint32_t cts[] = {101, 105, 110, 300};
    size_t compared = 0;
    size_t denied = 0;

    for (size_t r = 0; r < ARRAY_LEN(rules); r++) {
        for (size_t d = 0; d < ARRAY_LEN(denies); d++) {
            CLEANUP(buf_done) struct buf b = BUF_INIT(8192);

            buf_addf(&b, "%s%s", rules[r], denies[d]);
            for (size_t i = 0; i < ARRAY_LEN(argvs) * ARRAY_LEN(ops) * ARRAY_LEN(cts); i++) {
                struct node_request q = request(argvs[i % ARRAY_LEN(argvs)]);
                struct verdict before;
                struct verdict after;

                q.op = ops[i / ARRAY_LEN(argvs) % ARRAY_LEN(ops)];
                q.ct = cts[i / ARRAY_LEN(argvs) / ARRAY_LEN(ops)];
                before = decide(rules[r], &q);
                after = decide(b.data, &q);
                ck_assert_msg(before.allowed || !after.allowed, "%s", b.data);
                ck_assert(!after.allowed || (after.timeout_s <= before.timeout_s &&
                                             after.n_approvers >= before.n_approvers));
                denied += before.allowed && !after.allowed;
                compared++;
            }
        }
    }
    ck_assert_uint_gt(compared, 1000);
    ck_assert_uint_gt(denied, 20); /* the denials did bite */
}
END_TEST

START_TEST(shared_rules_are_cut_by_the_local_file) {
    static const char shared[] =
        "[node]\nmax-running = 4\nmax-per-minute = 9\n" RULE "run = /bin/true\n";
    static const char local[] = "[node]\nmax-running = 2\nmax-per-minute = 20\n[rule mine]\nclient "
                                "= laptop\nct = 999\nrun = /bin/true\n"
                                "[deny x]\nct = 105\n";
    CLEANUP(policy_done) struct policy p = {0};
    struct node_request q = request(ARGV("/bin/true"));
    struct verdict v;
    struct err e;

    ck_assert_int_eq(policy_merge(shared, strlen(shared), local, strlen(local), &p, &e), 0);
    ck_assert_uint_eq(p.max_running, 2);
    ck_assert_uint_eq(p.max_per_minute, 9);
    policy_decide(&p, &laptop, &q, &v);
    ck_assert(v.allowed);
    q.ct = 105;
    policy_decide(&p, &laptop, &q, &v);
    ck_assert(!v.allowed);
    q.ct = 999; /* only the local file allows it, and there is a shared one */
    policy_decide(&p, &laptop, &q, &v);
    ck_assert(!v.allowed);
}
END_TEST

START_TEST(rights_are_narrowed) {
    CLEANUP(policy_done) struct policy p = {0};
    struct err e;

    ck_assert_int_eq(parse("[client laptop]\nrights = witness exec\n", &p, &e), 0);
    ck_assert(policy_right(&p, &laptop, "witness"));
    ck_assert(!policy_right(&p, &laptop, "inventory"));
    ck_assert(!policy_right(&p, &laptop, "exec")); /* not recorded at join */
}
END_TEST

START_TEST(refuses_what_it_cannot_read_in_one_way) {
    static const struct {
        const char *text, *line;
    } bad[] = {
        {"[node]\nbogus = 1\n", "line 2"},
        {"[rule r]\nclient = a\n", "lacks"},
        {RULE "run = bin/true\n", "line 4"},
        {RULE "run = {path /bin}\n", "line 4"},
        {RULE "run = /bin/x {nope}\n", "line 4"},
        {RULE "run = /bin/x {int 9-1}\n", "line 4"},
        {RULE "run = /bin/x {int 1-2\n", "line 4"},
        {RULE "run = /bin/x {path srv}\n", "line 4"},
        {RULE "run = /bin/x {path /srv/../etc}\n", "line 4"},
        {RULE "run = /bin/x {name}{name}\n", "line 4"},
        {RULE "run = /bin/x \"a\n", "line 4"},
        {RULE "run = ANY\n", "approve"},
        {RULE "do = rollback\n", "approve"},
        {RULE "run = ANY\napprove = bob\n", "operator"},
        {RULE "do = snapshot\nrun = /bin/true\n", "run"},
        {RULE "run = /bin/true\nuser = www-data\n", "line 5"},
        {RULE "run = /bin/true\ntimeout = 0\n", "line 5"},
        {RULE "run = /bin/true\noutput = 65M\n", "line 5"},
        {RULE "run = /bin/true\nrun = /bin/false\n", "line 5"},
        {RULE "run = /bin/true\n[rule r]\nclient = a\nct = 100\n", "line 5"},
        {"[rule r]\nclient = laptop\nct = 99\nrun = /bin/true\n", "line 3"},
        {"[rule r]\nclient = laptop\nct = a-b\nrun = /bin/true\n", "line 3"},
        {"[operator alice]\nkey = nonsense\n", "line 2"},
        {"[node]\n max-running = 1\n", "line 2"},
        {"[node]\nclock = maybe\n", "line 2"},
        {"[rule r]\nclient = laptop\ndo = revert\n", "needs set"},
        {"[rule r]\nclient = laptop\ndo = revert\nset = networks\n", "line 4"},
        {"[rule r]\nclient = laptop\ndo = revert\nset = network firewall-guest\n", "lacks ct"},
        {RULE "run = /bin/true\nset = network\n", "set without"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CLEANUP(policy_done) struct policy p = {0};
        struct err e = {0};

        ck_assert_msg(parse(bad[i].text, &p, &e) < 0, "taken: %s", bad[i].text);
        ck_assert_msg(strstr(e.msg, bad[i].line) != NULL, "%s: %s", bad[i].text, e.msg);
    }
}
END_TEST

START_TEST(file_must_be_ours_alone) {
    char dir[] = "/tmp/pxpol.XXXXXX";
    char path[64];
    CLEANUP(policy_done) struct policy p = {0};
    struct priv priv = {.cluster_fs = "/nonexistent", .policy_file = path};
    struct err e = {0};

    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/policy.ini", dir);
    ck_assert_int_eq(policy_load(&priv, &p, &e), 0); /* absent: no rules */
    policy_done(&p);
    ck_assert_int_eq(file_replace(AT_FDCWD, path, "[node]\n", 7, 0644, &e), 0);
    ck_assert_int_eq(policy_load(&priv, &p, &e), 0);
    policy_done(&p);
    ck_assert_int_eq(chmod(path, 0664), 0);
    ck_assert_int_lt(policy_load(&priv, &p, &e), 0);
    ck_assert_str_eq(e.tag, "policy_unreadable");
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(symlink("/dev/null", path), 0);
    ck_assert_int_lt(policy_load(&priv, &p, &e), 0);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

/* Every cut of a file: within a line it is refused, at the end of one it lacks whole lines. (A cut
 * that takes whole lines away cannot be told from a shorter policy: pveagentctl edit replaces the
 * file.) */
START_TEST(half_a_file_is_refused) {
    static const char whole[] = "[node]\nclock = any\n" RULE "run = /bin/rm /srv/old/cache\n";
    char dir[] = "/tmp/pxpol.XXXXXX";
    char path[64];
    struct priv priv = {.cluster_fs = "/nonexistent", .policy_file = path};
    struct err e = {0};
    size_t refused = 0;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/policy.ini", dir);
    for (size_t n = 1; n < sizeof(whole); n++) {
        CLEANUP(policy_done) struct policy p = {0};
        bool at_end = whole[n - 1] == '\n';
        int r;

        ck_assert_int_eq(file_replace(AT_FDCWD, path, whole, n, 0600, &e), 0);
        r = policy_load(&priv, &p, &e);
        ck_assert_msg(r < 0 || at_end, "%zu bytes are taken", n);
        ck_assert(r == 0 || strcmp(e.tag, "policy_unreadable") == 0);
        refused += !at_end;
    }
    ck_assert_uint_gt(refused, 60);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

/* A line that is too long is an error, not the beginning of another rule. */
START_TEST(a_long_line_is_refused) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);
    CLEANUP(policy_done) struct policy p = {0};
    struct err e = {0};

    buf_addf(&b, RULE "run = /bin/true\n# ");
    for (size_t i = 0; i < LIM_LINE; i++) {
        buf_addc(&b, 'x');
    }
    buf_addf(&b, "\n[rule s]\nclient = laptop\nct = 101\nrun = /bin/false\n");
    ck_assert_int_lt(parse(b.data, &p, &e), 0);
    ck_assert_msg(strstr(e.msg, "line 5") != NULL, "%s", e.msg);
}
END_TEST

SUITE_MAIN("policy", half_a_file_is_refused, a_long_line_is_refused, nothing_is_allowed_by_default,
           vectors_match_whole, slots_are_narrow, conditions_are_all_needed,
           strictest_of_several_rules_holds, a_denial_never_permits_more,
           shared_rules_are_cut_by_the_local_file, rights_are_narrowed,
           refuses_what_it_cannot_read_in_one_way, timers_need_their_set, file_must_be_ours_alone)
