/* SPDX-License-Identifier: Apache-2.0 */
/* The list of enrolled nodes: what is written is read back, two processes do not undo each other,
 * and a file that others could have changed is not believed. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/err.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/nodes/nodes_int.h"
#include "tests/unit/priv/suite.h"

static char dir[64];
static char file[96];
static char key[96];

static void begin(void) {
    (void)snprintf(dir, sizeof(dir), "/tmp/test_state.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    (void)snprintf(file, sizeof(file), "%s/below/home.ini", dir);
    (void)snprintf(key, sizeof(key), "%s/home.key", dir);
}

static void finish(void) {
    char path[128];

    (void)snprintf(path, sizeof(path), "%s.lock", file);
    (void)unlink(path);
    (void)unlink(file);
    (void)unlink(key);
    (void)snprintf(path, sizeof(path), "%s/below", dir);
    (void)rmdir(path);
    ck_assert_int_eq(rmdir(dir), 0);
}

static struct nodes *open_it(void) {
    struct nodes *n = NULL;
    struct err e = {0};

    ck_assert_msg(nodes_open(file, key, &n, &e) == 0, "%s", e.msg);
    return n;
}

static int put(struct nodes *n, void *ctx, struct err *e) {
    return state_put(n, ctx, e);
}

static int add(struct nodes *n, const char *name, const char *address, struct err *e) {
    uint8_t pub[NOTE_PUB_LEN] = {1};
    struct node_info i = {.name = name, .address = address, .client = "laptop"};

    memset(i.spki.b, 0xab, HASH_LEN);
    ck_assert_int_eq(vkey_make("pve/witness", NOTE_COSIGN, pub, &i.witness), 0);
    ck_assert_int_eq(vkey_make("pve/receipt", NOTE_ED25519, pub, &i.receipt), 0);
    return state_change(n, put, &i, e);
}

START_TEST(is_empty_without_a_file) {
    CLEANUP(nodes_closep) struct nodes *n = NULL;

    begin();
    n = open_it();
    ck_assert_uint_eq(nodes_count(n), 0);
    ck_assert_ptr_null(nodes_at(n, 0));
    ck_assert_ptr_null(nodes_find(n, "pve1"));
    finish();
}
END_TEST

START_TEST(reads_back_what_it_wrote) {
    CLEANUP(nodes_closep) struct nodes *a = NULL;
    CLEANUP(nodes_closep) struct nodes *b = NULL;
    struct err e = {0};
    struct stat st;
    const struct node_info *i;

    begin();
    a = open_it();
    ck_assert_int_eq(add(a, "pve2", "[2001:db8::1]:8643", &e), 0);
    ck_assert_int_eq(add(a, "pve1", "host.example:8643", &e), 0);
    ck_assert_int_eq(nodes_trust(a, "pve2", true, &e), 0);
    ck_assert_int_eq(stat(file, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    b = open_it();
    ck_assert_uint_eq(nodes_count(b), 2);
    ck_assert_str_eq(nodes_at(b, 0)->name, "pve1");
    i = nodes_find(b, "pve2");
    ck_assert_ptr_nonnull(i);
    ck_assert_str_eq(i->address, "[2001:db8::1]:8643");
    ck_assert_str_eq(i->client, "laptop");
    ck_assert(i->trusted);
    ck_assert(!nodes_find(b, "pve1")->trusted);
    ck_assert(hash_eq(&i->spki, &nodes_find(a, "pve2")->spki));
    ck_assert(vkey_eq(&i->witness, &nodes_find(a, "pve2")->witness));
    ck_assert(vkey_eq(&i->receipt, &nodes_find(a, "pve2")->receipt));
    ck_assert_int_eq(nodes_forget(a, nodes_find(a, "pve1")->name, &e), 0);
    ck_assert_int_eq(nodes_forget(a, "pve1", &e), -ENOENT);
    ck_assert_str_eq(e.tag, "node_unknown");
    ck_assert_uint_eq(nodes_count(a), 1);
    finish();
}
END_TEST

START_TEST(keeps_what_another_process_added) {
    CLEANUP(nodes_closep) struct nodes *a = NULL;
    CLEANUP(nodes_closep) struct nodes *b = NULL;
    struct err e = {0};

    begin();
    a = open_it();
    b = open_it();
    ck_assert_int_eq(add(a, "pve1", "a:1", &e), 0);
    ck_assert_int_eq(add(b, "pve2", "b:1", &e), 0); /* b has not seen pve1 before */
    ck_assert_uint_eq(nodes_count(b), 2);
    finish();
}
END_TEST

START_TEST(loses_nothing_to_writers_at_the_same_time) {
    CLEANUP(nodes_closep) struct nodes *n = NULL;
    pid_t pid[4];

    begin();
    for (int k = 0; k < 4; k++) {
        pid[k] = fork();
        if (pid[k] == 0) {
            struct nodes *m = open_it();
            char name[16];

            for (int i = 0; i < 8; i++) {
                (void)snprintf(name, sizeof(name), "n%d-%d", k, i);
                if (add(m, name, "a:1", NULL) < 0) {
                    _exit(1);
                }
            }
            nodes_closep(&m); /* valgrind looks at this process too */
            _exit(0);
        }
    }
    for (int k = 0; k < 4; k++) {
        int status;

        ck_assert_int_eq(waitpid(pid[k], &status, 0), pid[k]);
        ck_assert_int_eq(status, 0);
    }
    n = open_it();
    ck_assert_uint_eq(nodes_count(n), 32);
    finish();
}
END_TEST

static int open_text(const char *text, mode_t mode, struct err *e) {
    CLEANUP(nodes_closep) struct nodes *n = NULL;
    char below[96];

    (void)snprintf(below, sizeof(below), "%s/below", dir);
    ck_assert_int_eq(dir_make(AT_FDCWD, below, 0700, NULL), 0);
    ck_assert_int_eq(file_replace(AT_FDCWD, file, text, strlen(text), mode, NULL), 0);
    return nodes_open(file, key, &n, e);
}

START_TEST(refuses_a_file_that_is_not_ours_alone_or_not_understood) {
    struct err e = {0};

    begin();
    ck_assert_int_eq(open_text("[proximo-nodes]\nversion = 1\n", 0600, &e), 0);
    ck_assert_int_lt(open_text("[proximo-nodes]\nversion = 1\n", 0644, &e), 0);
    ck_assert_int_lt(open_text("[proximo-nodes]\nversion = 4\nmore = 1\n", 0600, &e), 0);
    ck_assert_ptr_nonnull(strstr(e.hint, "upgrade"));
    ck_assert_int_lt(open_text("", 0600, &e), 0);
    ck_assert_int_lt(open_text("[proximo-nodes]\nversion = 1\n[node a]\naddress = a:1\n", 0600, &e),
                     0);
    ck_assert_int_lt(open_text("[proximo-nodes]\nversion = 1\nmore = 1\n", 0600, &e), 0);
    finish();
}
END_TEST

/* A node with `n` former receipt keys, the last of them `last`. */
static int open_former(size_t n, const char *last) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_CONF);
    CLEANUP(buf_done) struct buf good = BUF_INIT(512);
    uint8_t seed[NOTE_SEED_LEN] = {1};
    struct skey k;

    ck_assert_int_eq(skey_make("pve1/receipt", NOTE_ED25519, seed, &k), 0);
    ck_assert_int_eq(vkey_text(&k.v, &good), 0);
    ck_assert_int_eq(buf_addf(&b,
                              "[proximo-nodes]\nversion = 2\n[node pve1]\naddress = a:1\nspki = "
                              "sha256:%064d\nwitness = %s\nreceipt = %s\ntrusted = yes\n"
                              "client = laptop\n",
                              0, buf_str(&good), buf_str(&good)),
                     0);
    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(buf_addf(&b, "former = %s\n", last && i + 1 == n ? last : buf_str(&good)),
                         0);
    }
    return open_text(b.data, 0600, NULL);
}

START_TEST(former_keys_are_keys_and_not_without_end) {
    begin();
    ck_assert_int_eq(open_former(0, NULL), 0);
    ck_assert_int_eq(open_former(NODE_FORMER, NULL), 0);
    ck_assert_int_lt(open_former(NODE_FORMER + 1, NULL), 0);
    ck_assert_int_lt(open_former(2, "pve1/receipt+00000000+AAAA"), 0);
    finish();
}
END_TEST

START_TEST(refuses_addresses_that_would_change_a_url) {
    CLEANUP(nodes_closep) struct nodes *n = NULL;
    static const char *const bad[] = {"", "a b:1", "a/b:1", "u@a:1", "a:1?x", "a:1#x", "a:1\n"};

    begin();
    n = open_it();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_int_lt(add(n, "pve1", bad[i], NULL), 0);
    }
    ck_assert_uint_eq(nodes_count(n), 0);
    finish();
}
END_TEST

START_TEST(says_what_to_do_before_the_first_join) {
    CLEANUP(nodes_closep) struct nodes *n = NULL;
    CLEANUP(js_freep) js *o = NULL;
    struct err e = {0};

    begin();
    n = open_it();
    ck_assert_int_lt(node_status(n, "pve1", &o, &e), 0);
    ck_assert_str_eq(e.tag, "node_unknown");
    ck_assert_int_eq(add(n, "pve1", "127.0.0.1:1", &e), 0);
    ck_assert_int_lt(node_status(n, "pve1", &o, &e), 0);
    ck_assert_str_eq(e.tag, "not_enrolled");
    ck_assert_ptr_nonnull(strstr(e.hint, "invite"));
    ck_assert_int_eq(identity_load(n, true, &e), 0);
    ck_assert_int_lt(node_status(n, "pve1", &o, &e), 0);
    ck_assert_str_eq(e.tag, "node_unreachable");
    finish();
}
END_TEST

SUITE_MAIN("state", is_empty_without_a_file, reads_back_what_it_wrote,
           keeps_what_another_process_added, loses_nothing_to_writers_at_the_same_time,
           refuses_a_file_that_is_not_ours_alone_or_not_understood,
           former_keys_are_keys_and_not_without_end, refuses_addresses_that_would_change_a_url,
           says_what_to_do_before_the_first_join)
