/* SPDX-License-Identifier: Apache-2.0 */
/* The picture read over REST from the simulated cluster, and judged: the classic accident from one
 * end to the other, and what a token that may see less makes of the verdict. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "common/err.h"
#include "common/own.h"
#include "proximo-client/pve/inventory.h"
#include "proximo-client/pve/pve.h"
#include "tests/unit/blast/world.h"

static char dir[] = "/tmp/proximo-inv-XXXXXX";
static char url[80], pin[100], token[120], audit[120];
static pid_t sim;

static void put_line(const char *line) {
    static const struct {
        const char *key;
        char *to;
        size_t size;
    } keys[] = {{"url ", url, sizeof(url)},
                {"fingerprint ", pin, sizeof(pin)},
                {"token-file ", token, sizeof(token)},
                {"audit-token-file ", audit, sizeof(audit)}};

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (strncmp(line, keys[i].key, strlen(keys[i].key)) == 0) {
            snprintf(keys[i].to, keys[i].size, "%s", line + strlen(keys[i].key));
        }
    }
}

static void start_sim(void) {
    char program[512], line[300];
    int out[2];
    FILE *f;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(program, sizeof(program), "%s/pvesim",
             getenv("top_builddir") ? getenv("top_builddir") : ".");
    ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
    sim = fork();
    if (sim == 0) {
        dup2(out[1], 1);
        execl(program, "pvesim", "--dir", dir, "--listen", "127.0.0.1:0", "--auth-delay-ms", "0",
              (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    f = fdopen(out[0], "r");
    ck_assert_ptr_nonnull(f);
    line[0] = 0;
    while (strcmp(line, "ready") != 0) {
        ck_assert_msg(fgets(line, sizeof(line), f) != NULL, "%s did not get ready", program);
        line[strcspn(line, "\n")] = 0;
        put_line(line);
    }
    fclose(f);
}

static void stop_sim(void) {
    char command[] = "rm";
    pid_t child;

    kill(sim, SIGTERM);
    waitpid(sim, NULL, 0);
    child = fork();
    if (child == 0) {
        execlp(command, command, "-rf", "--", dir, (char *)NULL);
        _exit(127);
    }
    waitpid(child, NULL, 0);
}

static int count_seen(void *ctx, const char *path, const char *reduce, const js *data,
                      struct err *e) {
    (void)e;
    ck_assert_ptr_nonnull(path);
    ck_assert_ptr_nonnull(reduce);
    ck_assert_ptr_nonnull(data);
    ++*(unsigned int *)ctx;
    return 0;
}

static struct picture *look(const char *token_path, unsigned int *ret_seen) {
    struct pve_conf c = {
        .name = "sim", .base_url = url, .token_path = token_path, .fingerprint = pin};
    struct picture_ask ask = {.what = BLAST_STORAGE_NEEDS, .storage = "local-zfs"};
    CLEANUP(pve_closep) struct pve *p = NULL;
    struct picture *pic = NULL;
    struct err e = {0};

    ck_assert_msg(pve_open(&c, &p, &e) == 0, "%s", e.msg);
    ck_assert_msg(picture_read(p, &ask, count_seen, ret_seen, &pic, &e) == 0, "%s", e.msg);
    return pic;
}

START_TEST(classic) {
    unsigned int seen = 0;
    CLEANUP(picture_freep) struct picture *p = look(token, &seen);
    const struct guest *g;
    size_t n = picture_guests(p, &g);

    ck_assert_int_eq(blast_storage(p, "local-zfs", NULL, NULL, true, record_reset()), 0);
    ck_assert_str_eq(buf_str(&record_affects), "ct/101 wont-boot 3 rootfs running\n"
                                               "vm/104 wont-boot 3 scsi0 running\n"
                                               "vm/210 wont-boot 3 scsi0 only\n"
                                               "ct/301 degraded 3 mp1 running\n"
                                               "replication/101-0 degraded 2 rootfs running\n");
    ck_assert_ptr_nonnull(strstr(buf_str(&record_rest), "why vm/104 boot disk scsi0 on local-zfs"));
    ck_assert_ptr_nonnull(
        strstr(buf_str(&record_rest), "why vm/210 only copy of scsi0 on local-zfs"));
    ck_assert_ptr_nonnull(strstr(buf_str(&record_rest), "why ct/301 data volume mp1 on local-zfs"));
    ck_assert_msg(!strstr(buf_str(&record_rest), "unread"), "%s", buf_str(&record_rest));
    ck_assert_ptr_nonnull(strstr(buf_str(&record_rest), "coverage 3/3 9/9"));
    ck_assert_uint_ge(seen,
                      8 + 2 * n + 3); /* lists, configs, snapshots and their configs, content */
}
END_TEST

/* An auditor sees the guests, and not every volume: the verdict names the same guests and says what
 * it could not see. */
struct counted {
    struct pve *p;
    unsigned int rounds, of_guests;
    js *times; /* path -> how often it was read */
};

static int fetch_counting(void *ctx, struct pve_job *job, size_t n, struct err *e) {
    struct counted *c = ctx;
    int r = pve_get_spread(c->p, job, n, e);

    c->rounds++;
    for (size_t i = 0; i < n; i++) {
        bool guests = strcmp(job[i].path, "/cluster/resources?type=vm") == 0;

        js_add(c->times, job[i].path, js_int(js_int_or(c->times, job[i].path, 0) + 1));
        c->of_guests += strstr(job[i].path, "/lxc/") || strstr(job[i].path, "/qemu/");
        for (size_t k = 0; guests && k < js_len(job[i].data); k++) {
            ck_assert_ptr_nonnull(js_get(js_at(job[i].data, k), "vmid"));
            ck_assert_int_le(js_members(js_at(job[i].data, k)), 6); /* none of the counters */
        }
    }
    return r;
}

/* What takes time at size: round trips one after the other, and reads. */
START_TEST(reads_are_counted) {
    struct pve_conf conf = {
        .name = "sim", .base_url = url, .token_path = token, .fingerprint = pin};
    struct picture_ask ask = {.what = BLAST_STORAGE_NEEDS, .storage = "local-zfs"};
    CLEANUP(pve_closep) struct pve *pve = NULL;
    CLEANUP(picture_freep) struct picture *p = NULL;
    CLEANUP(js_freep) js *times = js_object();
    struct counted c = {.times = times};
    const struct guest *g;
    struct err e = {0};
    size_t n, snaps = 0;

    ck_assert_msg(pve_open(&conf, &pve, &e) == 0, "%s", e.msg);
    c.p = pve;
    ck_assert_int_eq(picture_read_by(fetch_counting, &c, &ask, NULL, NULL, &p, &e), 0);
    n = picture_guests(p, &g);
    for (size_t i = 0; i < n; i++) {
        snaps += g[i].n_snap;
    }
    ck_assert_uint_gt(n, 5);
    ck_assert_uint_gt(snaps, 0);
    ck_assert_uint_eq(c.rounds, 4); /* lists, guests, snapshots, and did it stand still? */
    ck_assert_uint_eq(c.of_guests, 2 * n + snaps);
    JS_FOREACH(times, path, count) {
        ck_assert_msg(json_object_get_int(count) ==
                          (strcmp(path, "/cluster/resources?type=vm") == 0 ? 2 : 1),
                      "%s: %d", path, json_object_get_int(count));
    }
}
END_TEST

START_TEST(auditor) {
    unsigned int seen = 0;
    CLEANUP(picture_freep) struct picture *p = look(audit, &seen);

    ck_assert_int_eq(blast_storage(p, "local-zfs", NULL, NULL, true, record_reset()), 0);
    ck_assert_ptr_nonnull(strstr(buf_str(&record_affects), "vm/210 wont-boot"));
    ck_assert_ptr_nonnull(strstr(buf_str(&record_rest), "unread volumes on local-zfs"));
    ck_assert_ptr_nonnull(strstr(buf_str(&record_rest), "Datastore.Allocate"));
    ck_assert_ptr_null(strstr(buf_str(&record_rest), "unread the list of guests"));
}
END_TEST

static bool at_once(void *ctx) {
    (void)ctx;
    return true;
}

START_TEST(no_picture) {
    struct pve_conf c = {.name = "sim", .base_url = url, .token_path = token, .fingerprint = pin};
    struct picture_ask ask = {.what = BLAST_STORAGE_NEEDS, .storage = "local-zfs"};
    CLEANUP(pve_closep) struct pve *p = NULL;
    CLEANUP(pve_closep) struct pve *nobody = NULL;
    struct picture *pic = NULL;
    struct err e = {0};

    ck_assert_int_eq(pve_open(&c, &p, &e), 0);
    pve_on_cancel(p, at_once, NULL);
    ck_assert_int_eq(picture_read(p, &ask, NULL, NULL, &pic, &e), -ECANCELED);
    c.base_url = "https://127.0.0.1:1";
    ck_assert_int_eq(pve_open(&c, &nobody, &e), 0);
    ck_assert_int_lt(picture_read(nobody, &ask, NULL, NULL, &pic, &e), 0);
    ck_assert_str_eq(e.tag, "pve_unreachable");
    ck_assert_ptr_null(pic);
}
END_TEST

/* A cluster of one guest that runs or not, by how often its list was asked for. */
struct restless {
    unsigned int asked, until; /* it stands still from then on */
};

#define ONE_GUEST(status)                                                                          \
    "[{\"type\":\"lxc\",\"vmid\":100,\"node\":\"c1\",\"status\":\"" status "\"}]"

static int fetch_restless(void *ctx, struct pve_job *job, size_t n, struct err *e) {
    struct restless *c = ctx;

    (void)e;
    for (size_t i = 0; i < n; i++) {
        const char *text = "[]";

        if (strcmp(job[i].path, "/access/permissions") == 0) {
            text = "{\"/\":{\"VM.Audit\":1}}";
        } else if (strcmp(job[i].path, "/cluster/resources?type=vm") == 0) {
            text =
                c->asked < c->until && c->asked % 2 ? ONE_GUEST("running") : ONE_GUEST("stopped");
            c->asked++;
        } else if (strstr(job[i].path, "/config")) {
            text = "{}";
        }
        ck_assert_int_eq(js_parse(text, strlen(text), &job[i].data, NULL), 0);
    }
    return 0;
}

START_TEST(a_cluster_that_changes) {
    static const struct {
        unsigned int until, asked;
        enum part_state state;
    } cases[] = {
        {0, 2, PART_READ},    /* it stands still: asked at the beginning and at the end */
        {2, 4, PART_READ},    /* it changed once: read again */
        {9, 4, PART_PARTIAL}, /* it changes all the time: said, and no third time */
    };
    struct picture_ask ask = {.what = PIC_CONFIGS};

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct restless c = {.until = cases[i].until};
        CLEANUP(picture_freep) struct picture *p = NULL;
        unsigned int seen = 0;
        struct err e = {0};

        ck_assert_int_eq(picture_read_by(fetch_restless, &c, &ask, count_seen, &seen, &p, &e), 0);
        ck_assert_uint_eq(c.asked, cases[i].asked);
        ck_assert_int_eq(picture_guests_part(p)->state, cases[i].state);
        ck_assert_uint_eq(seen, 4); /* of the pass that counts: three lists, one configuration */
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("inventory");
    TCase *t = tcase_create("pvesim");
    SRunner *r = srunner_create(s);
    int failed;

    signal(SIGPIPE, SIG_IGN);
    tcase_set_timeout(t, 60);
    tcase_add_unchecked_fixture(t, start_sim, stop_sim);
    tcase_add_test(t, classic);
    tcase_add_test(t, reads_are_counted);
    tcase_add_test(t, auditor);
    tcase_add_test(t, no_picture);
    tcase_add_test(t, a_cluster_that_changes);
    suite_add_tcase(s, t);
    srunner_set_fork_status(r, CK_NOFORK);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
