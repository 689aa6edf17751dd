/* SPDX-License-Identifier: Apache-2.0 */
/* What an append costs in a short and in a long log (it must be the same), what the disk adds, and
 * how fast the auditor is. Prints `name value unit`. The directory is $TMPDIR or /tmp. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/ledger/verify.h"

#define SAMPLE 1000

static void must(int r, const struct err *e) {
    if (r < 0) {
        (void)fprintf(stderr, "bench_ledger: %s\n", e->msg);
        exit(1);
    }
}

static void append(struct ledger *l, unsigned int flags) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    char args[HASH_HEX_LEN + 1];
    struct hash h = {{5}};
    struct err e = {0};
    int r = entry_begin(&b, ENTRY_READ, clock_unix(), "mcp:bench");

    hash_text(&h, args);
    r = r < 0 ? r : lines_put(&b, "tool", "pve_version");
    r = r < 0 ? r : lines_put(&b, "args", args);
    r = r < 0 ? r : lines_put(&b, "outcome", "ok");
    r = r < 0 ? r : entry_end(&b, "{}", &e);
    must(r < 0 ? r : ledger_append(l, buf_str(&b), b.len, flags, NULL, NULL, NULL, &e), &e);
}

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* The median of n appends, each sample a run of `run`. */
static double median_us(struct ledger *l, unsigned int flags, size_t n, size_t run) {
    static int64_t v[SAMPLE];

    for (size_t i = 0; i < n; i++) {
        int64_t from = clock_mono_us();

        for (size_t k = 0; k < run; k++) {
            append(l, flags);
        }
        v[i] = clock_mono_us() - from;
    }
    qsort(v, n, sizeof(v[0]), by_value);
    return (double)v[n / 2] / (double)run;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static int64_t cpu_us(void) {
    struct timespec ts;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* On a machine that others use as well, the processor's time is the figure that means something. */
static void verify(const char *dir, uint64_t entries) {
    struct verify_keys keys = {0};
    double best = 0;
    double best_cpu = 0;

    for (int i = 0; i < 3; i++) {
        CLEANUP(js_freep) js *report = NULL;
        struct err e = {0};
        int64_t from = clock_mono_us();
        int64_t from_cpu = cpu_us();
        double rate;

        must(verify_dir(dir, &keys, clock_unix(), &report, &e), &e);
        rate = (double)entries * 1e6 / (double)(clock_mono_us() - from);
        best = rate > best ? rate : best;
        rate = (double)entries * 1e6 / (double)(cpu_us() - from_cpu);
        best_cpu = rate > best_cpu ? rate : best_cpu;
        if (!js_bool_or(report, "ok", false)) {
            (void)fprintf(stderr, "bench_ledger: the ledger is not sound\n");
            exit(1);
        }
    }
    (void)printf("ledger_verify %.0f entries/s\n", best);
    (void)printf("ledger_verify_cpu %.0f entries/s\n", best_cpu);
}

int main(void) {
    const char *tmp = getenv("TMPDIR");
    struct hash policy = {{1}};
    struct ledger *l = NULL;
    struct err e = {0};
    char top[256];
    char dir[300];
    double small;
    double large;

    (void)snprintf(top, sizeof(top), "%s/bench-ledger-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(top)) {
        perror(top);
        return 1;
    }
    (void)snprintf(dir, sizeof(dir), "%s/log", top);
    must(ledger_create(dir, "bench", &policy, &e), &e);
    must(ledger_open(dir, &l, &e), &e);
    while (ledger_size(l) < 1000) {
        append(l, 0);
    }
    small = median_us(l, 0, 100, 10);
    (void)printf("ledger_append_at_1000 %.2f us\n", small);
    (void)printf("ledger_append_sync %.0f us\n", median_us(l, LEDGER_SYNC, 50, 1));
    while (ledger_size(l) < 100000) {
        append(l, 0);
    }
    large = median_us(l, 0, 100, 10);
    (void)printf("ledger_append_at_100000 %.2f us\n", large);
    (void)printf("ledger_append_ratio %.3f x\n", large / small);
    append(l, LEDGER_SYNC);
    verify(dir, ledger_size(l));
    ledger_close(l);
    (void)nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}
