/* SPDX-License-Identifier: Apache-2.0 */
/* common/err.h - what went wrong, in words an operator can act on.
 * Caller-owned and never allocated, so reporting an error cannot itself fail. */
#pragma once
#include <stdbool.h>

struct err {
    int code;          /* -errno, the value the failing call returned */
    char tag[32];      /* code of the closed list in docs (e.g. "plan_drifted"); "" = "internal" */
    char msg[480];     /* outermost first: "append ledger: fsync: No space left on device" */
    char hint[320];    /* what to do about it, or "" */
    int http_status;   /* of the PVE API or node that answered, 0 = none */
    char step[24];     /* gate step or pipeline stage, or "" */
    char by[8];        /* who answered no: "pve" (the API), "node" (a daemon); "" = this program */
    bool guest_text;   /* the message repeats what a guest said: who hands it on taints */
};

/* Fills *e (when not NULL) and returns `code`, which must be negative. tag and hint are cleared. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same with a tag of the closed list. */
int err_tag(struct err *e, int code, const char *tag, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* A failure that came from below gets this tag, whatever it had: r. */
int err_retag(int r, const char *tag, struct err *e);

/* Adds what to do. Returns e->code (or -EINVAL when e is NULL), so that it can end a function. */
int err_hint(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Says which other party answered no: "pve" or "node". e may be NULL. */
void err_by(struct err *e, const char *who);

/* Prepends context ("plan: ") to the message; code, tag and hint stay. Returns e->code. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#if (defined(__clang_analyzer__) || defined(ANALYSER)) && !defined(ERR_ITSELF)
/* Analysers look at one file at a time and would follow paths on which an error is not negative.
 * They are told what the contract above says: some negative constant. Never in a build that runs. */
#define err_set(e, code, ...)                                                                      \
    ((void)(err_set)(e, code, __VA_ARGS__), __builtin_constant_p(code) ? (code) : -1)
#define err_tag(e, code, ...)                                                                      \
    ((void)(err_tag)(e, code, __VA_ARGS__), __builtin_constant_p(code) ? (code) : -1)
#define err_hint(...) ((void)(err_hint)(__VA_ARGS__), -1)
#define err_wrap(...) ((void)(err_wrap)(__VA_ARGS__), -1)
#endif
