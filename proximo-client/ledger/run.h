/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/ledger/run.h - sorted runs of index records on disk, and their merging. */
#pragma once
#include <stdint.h>

#include "proximo-client/ledger/index.h"

struct run {
    int fd; /* -1: none */
    uint64_t n;
};

#define RUN_NAME 48

void run_name(unsigned int level, uint64_t number, char ret[static RUN_NAME]);
/* Opens index/<level>-<number>; its size must be n records. */
int run_open(int dirfd, unsigned int level, uint64_t number, uint64_t n, struct run *ret);
void run_close(struct run *r);
int run_read(const struct run *r, uint64_t i, struct index_rec *ret);
/* The first record not below `from`. */
int run_lower_bound(const struct run *r, const struct index_rec *from, uint64_t *ret);
/* Merges the runs and the sorted records into a new durable run of that name. */
int run_merge(int dirfd, const struct run *in, unsigned int n_in, const struct index_rec *rec,
              uint64_t n_rec, unsigned int level, uint64_t number, uint64_t *ret_n);
