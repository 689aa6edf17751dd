/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/tools/tool.h - one row per operation. Schema, validation, help, the tools' man page
 * and the tests that walk all rows come from here. A row that changes something has no execute
 * function: it fills a draft and the pipeline does the rest. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/js.h"
#include "proximo-client/pipeline/draft.h"

struct session;
struct send;
struct err;

enum field_type {
    F_STR,      /* text; max = most bytes (0 = 1024) */
    F_INT,      /* min..max */
    F_BOOL,
    F_ENUM,     /* choices: "a|b|c" */
    F_VMID,
    F_NODE,
    F_STORAGE,
    F_VOLID,
    F_SNAP,
    F_UPID,
    F_CLUSTER,
    F_PLAN_ID,
    F_OP_ID,
    F_ROW,      /* the name of a row */
    F_STRS,     /* list of strings; max = most items */
    F_MAP,      /* object: string keys of [A-Za-z0-9_-], values string, integer or boolean */
    F_ANY,      /* any JSON object (proximo_plan's args) */
    F_OBJS,     /* list of objects; max = most items */
};

struct field {
    const char *name; /* NULL ends the list */
    enum field_type type;
    const char *desc; /* short; the unit in it where there is one */
    bool required;
    bool secret;
    int64_t min, max;
    const char *choices;
    /* Rows that are data (send.h) only: */
    const char *param; /* what the API calls it; NULL: the same */
    const char *unset; /* what brings the default back where the API cannot delete the key */
    bool repeated;     /* F_STRS: an array there (the name is repeated), not one text with commas */
    const char *kind;  /* "lxc" or "qemu": of such guests only */
    bool ours;         /* never sent: it only steers or checks */
    bool kept;         /* an update repeats the present value, because the API drops what it lacks */
    /* F_MAP whose members become parameters: which. kind is the guest's, or "". */
    bool (*key_ok)(const char *kind, const char *key);
};

enum effect {
    EFFECT_READ,   /* `read`: looks, changes nothing */
    EFFECT_CHANGE, /* `plan`: fills a draft; only proximo_plan and the row's own plan tool reach it */
    EFFECT_META,   /* implemented by the service itself (proximo_*, ledger_*): no read, no plan */
};

enum row_flags {
    ROW_DIRECT = 1,     /* in the default tools/list */
    ROW_NO_CLUSTER = 2, /* works without a configured cluster */
    ROW_GUEST_TEXT = 4, /* its answer holds text a guest controls: taints (formats.md 8) */
    ROW_DESTRUCTIVE = 8, /* annotation only, for meta rows that execute */
    ROW_IDEMPOTENT = 16,
};

struct row {
    const char *name;
    const char *title;
    const char *desc; /* first sentence: what it does and its risk; <= 300 characters */
    const char *plane; /* "guest", "storage", "snapshot", "cluster", "node", "task", "access", "exec", "ledger", "core" */
    enum effect effect;
    unsigned int flags;
    const struct field *fields; /* `cluster` is added to every row by the registry */

    /* EFFECT_READ: either `path` (a GET whose {names} are fields; remaining fields in `query` go to
     * the query string) or `read`. */
    const char *path;
    const char *query; /* "limit start since" or NULL */
    int (*read)(struct session *s, const js *args, js **ret, struct err *e);

    /* EFFECT_CHANGE: either `send` (a change that is data, send.h), or `plan` and `check`. */
    const struct send *send;
    int (*plan)(struct draft *d, const js *args, struct err *e);
    /* A plan function's way back: fills a draft from the recorded plan (undo/ does it otherwise). */
    int (*unplan)(struct draft *d, const js *plan, struct err *e);
    const char *analysers; /* names of blast/ analysers it calls, for the walk test and the manual */
    const char *undo;      /* kind of formats.md 10 */
    const char *undo_none; /* the reason, when undo is "none" */
    /* After execution: did it do what it said? With `send` only where its object does not tell: an
     * action whose answer is not all there is to know. *ret_ok, and a sentence in *ret_text (malloc'ed). */
    int (*check)(struct session *s, const js *args, bool *ret_ok, char **ret_text, struct err *e);

    const char *privilege; /* "/vms/{vmid} VM.PowerMgmt", "/storage Datastore.Allocate", or "" */
    /* Output schema in short form: "upid:string status:string …" (see schema.c), or NULL: of a read
     * none, of a change the plan's. */
    const char *result;
};

/* registry.c: the one list of tables. */
const struct row *row_find(const char *name);
const struct row *row_at(size_t i); /* NULL past the end; sorted by plane order, then table order */
bool row_first_of_plane(size_t i); /* whether no row before it is of its plane */
/* schema.c */
js *row_input_schema(const struct row *r, bool with_cluster);
js *row_output_schema(const struct row *r); /* NULL when the row declares none */
/* Checks args against the fields: unknown, missing, wrong type, out of range, bad identifier. All
 * problems are named, -EINVAL "bad_argument". */
int row_validate(const struct row *r, const js *args, struct err *e);
/* Parses "key=value" words into typed args by the row's fields (command line). */
int row_args_from_words(const struct row *r, char *const *words, size_t n, js **ret, struct err *e);
/* Fills a draft for a row that changes something; args have been validated. */
int row_plan(const struct row *r, struct draft *d, const js *args, struct err *e);
/* The post-check of a row that changed something. *ret_text NULL: the row has no question. args also
 * hold `before`: what the plan showed as the state of then. */
int row_check(const struct row *r, struct session *s, const js *args, bool *ret_ok, char **ret_text,
              struct err *e);
/* Runs a read row (path or function). */
int row_read(const struct row *r, struct session *s, const js *args, js **ret, struct err *e);

/* Whether the row works on a backup server, on a cluster, or (of the planes core and ledger, and
 * the guides) on both. */
enum row_target { ROW_ANY, ROW_PVE, ROW_PBS };
enum row_target row_target(const struct row *r);
/* "wrong_target" unless the session's target is of the row's kind. */
int row_fits(const struct row *r, const struct session *s, struct err *e);

/* resolve.c: a guest named by vmid alone. */
struct guest_ref {
    uint32_t vmid;
    char kind[8]; /* "lxc" or "qemu" */
    char node[64];
    char name[128];
    bool running, template;
};
/* From /cluster/resources?type=vm; "no_such_guest" (with what the token can see in the hint). When
 * args carry kind or node they must agree ("guest_mismatch"). */
int resolve_guest(struct session *s, const js *args, struct guest_ref *ret, struct err *e);
