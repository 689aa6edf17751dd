/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pve/pve.h - reading from a Proxmox VE API, or from a Proxmox Backup Server's,
 * whose transport is the same but for the token and the errors' text. The changing side is
 * change.h, which only the pipeline may include. Behaviour of the real API: facts/pve.md. No
 * function here changes anything on the cluster: GET only. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/js.h"

struct buf;
struct err;
struct pve;

#define PVE_TIMEOUT_MS  30000 /* a 401 is delayed 3 s on purpose */
#define PVE_CONNECTIONS 8

struct pve_conf {
    const char *name;       /* cluster name, for messages */
    bool pbs;               /* a Proxmox Backup Server: its token differs; it has one URL */
    const char *base_url;   /* https://host:8006 (with or without /api2/json); several nodes of one
                               cluster with blanks between them, the first is the one changes go to */
    const char *token_path; /* file USER@REALM!TOKENID=SECRET (pbs: ':' for '='), 0600; read
                               at each connection */
    const char *fingerprint; /* SHA-256 of the leaf certificate "AB:CD:…", one for each URL in their
                                order, or NULL */
    const char *ca_file;     /* PEM bundle, or NULL: the system's */
    const char *cache_dir;   /* what is kept of a cluster (its API's description), or NULL */
    int64_t timeout_ms;      /* of one request; 0 = PVE_TIMEOUT_MS */
    unsigned int connections; /* at most at once to each URL; 0 = PVE_CONNECTIONS */
};

/* Checks the configuration and the token file's mode; connects to nothing. */
int pve_open(const struct pve_conf *conf, struct pve **ret, struct err *e);
void pve_close(struct pve *p);
static inline void pve_closep(struct pve **p) {
    pve_close(*p);
    *p = NULL;
}
/* user@realm!tokenid of the token file (never the secret). Borrowed. */
const char *pve_token_id(const struct pve *p);

/* The address from which we reached the API last, as this machine sees it (a NAT on the way gives
 * the cluster another one). NULL before the first answer. Borrowed until the next request. */
const char *pve_local_address(const struct pve *p);
/* The address of the API that we reached last, under the same terms. */
const char *pve_peer_address(const struct pve *p);

/* Polled during every wait, at least every 200 ms; true = stop with "cancelled". */
void pve_on_cancel(struct pve *p, bool (*cancelled)(void *ctx), void *ctx);

/* Called again and again while the API's answers are waited for, for work that can be done
 * meanwhile. Does a little of it, fills fd[0..max) with what it waits for, returns how many, and
 * lowers *wait_ms (to 0 when there is more to do). NULL: nothing. */
struct pollfd;
typedef size_t (*pve_meanwhile)(void *ctx, struct pollfd *fd, size_t max, int *wait_ms);
void pve_while_waiting(struct pve *p, pve_meanwhile turn, void *ctx);

/* "Permission check failed (/vms/103, VM.Audit|VM.Backup)", or of a backup server "permission check
 * failed - missing A|B on /datastore/x" or "missing permissions 'A|B' on '/datastore/x'", taken
 * apart: the ACL path and the privileges ('|' = any of). false when the text is not of that form or
 * does not fit; the outputs are then empty. Errors with tag "pve_denied" carry the same in their
 * hint already. */
bool pve_permissions_hint(const char *message, char *ret_path, size_t path_size, char *ret_privs,
                          size_t privs_size);

/* Builds a path from a template of ours: "/nodes/{node}/lxc/{vmid}/config" with the named members
 * of `args` (strings or integers), every segment percent-encoded; ".", "..", empty and missing
 * segments are -EINVAL. */
int pve_path(const char *template, const js *args, struct buf *ret, struct err *e);
/* The i-th segment of a path, from 0: "pve1" of "/nodes/pve1/lxc" is 1. Undecoded; without a query.
 * false: there is none, or it does not fit. */
bool pve_path_part(const char *path, size_t i, char *ret, size_t size);
/* Appends "?k=v&…" of an object's members (percent-encoded; booleans as 1/0). */
int pve_query(const js *params, struct buf *ret, struct err *e);

/* GET path (which begins with '/', relative to /api2/json). *ret is the answer's `data` (may be
 * NULL for JSON null). Errors carry http_status; tags: "pve_unauthorized" (401), "pve_denied" (403;
 * the hint names path and privilege), "pve_not_found", "pve_error" (5xx), "pve_bad_request" (400),
 * "pve_unreachable" (also 595-599: the API's own way to the node), "pve_tls", "pve_bad_answer",
 * "cancelled"; "token_unreadable" when the token file is missing, open to others or malformed.
 * Not followed: redirects. Not used: proxies of the environment, .netrc, cookies, the TLS session
 * cache. A GET is repeated once, and only when a kept connection turned out to be dead.
 * A path that ends in "#NAME" asks for that sibling of `data` instead (NULL: there is none):
 * "/nodes/c1/network#changes". What follows the # is not sent. */
int pve_get(struct pve *p, const char *path, js **ret, struct err *e);
/* As pve_get, and the whole body (PVE puts siblings beside data: "changes", "total"). */
int pve_get_body(struct pve *p, const char *path, js **ret_body, struct err *e);

struct pve_job {
    const char *path;        /* in; borrowed for the call */
    const char *const *only; /* in; of a list's rows only these members are wanted, NULL at its end;
                                NULL: all */
    js *data;                /* out; owned by the caller */
    int result;              /* out; 0 or negative */
    struct err *err;         /* in: where to put the error, or NULL */
};
/* All at once over at most `connections` connections. Returns 0 when every job was attempted (look
 * at each result), negative when cancelled. */
int pve_get_many(struct pve *p, struct pve_job *job, size_t n, struct err *e);

/* The same over all configured addresses, for reading at size. What a node answers for itself
 * whoever is asked (guests' configurations, what lies on a storage: the API passes such a read on
 * to that node) is read at that node's own address or at any that is free; the rest stays on the
 * first. So a spread reading sees no other state than one over the first alone would: which node's
 * answer it is does not depend on who passes it on, and lists that each node answers from its own
 * copy of the cluster's files all come from one. An address is used after it said that it is a node
 * of the first's cluster, with a quorum. One that fails is left out for a minute (see
 * pve_endpoint_at) and its reads go to the others. */
int pve_get_spread(struct pve *p, struct pve_job *job, size_t n, struct err *e);

struct pve_endpoint {
    char url[256];
    const char *node;      /* as it said itself, "" before it was asked; borrowed */
    const struct err *why; /* it is left out now; borrowed */
};
size_t pve_endpoints(const struct pve *p);
/* How many readings so far went to more than the first, whether the others could be used or not. */
size_t pve_spreads(const struct pve *p);
void pve_endpoint_at(const struct pve *p, size_t i, struct pve_endpoint *ret);
/* Asks all of them whose they are (the result is in pve_endpoint_at); negative: the first does not
 * say. */
int pve_endpoints_ask(struct pve *p, struct err *e);

/* The end of a task. */
struct pve_task {
    bool stopped;
    bool ok;        /* exitstatus "OK" */
    bool warnings;  /* "WARNINGS: n" */
    char exit[256]; /* exitstatus text, "" while it runs */
    char type[64], id[64], node[64];
};
int pve_task_status(struct pve *p, const char *upid, struct pve_task *ret, struct err *e);
/* Polls until stopped or timeout_ms is over (0 then, with stopped == false). `tick` (may be NULL)
 * is called about once a second. */
int pve_task_wait(struct pve *p, const char *upid, int64_t timeout_ms,
                  void (*tick)(void *ctx, const struct pve_task *t, int64_t waited_ms), void *ctx,
                  struct pve_task *ret, struct err *e);
/* The last `limit` log lines of a task as an array of strings. */
int pve_task_log(struct pve *p, const char *upid, unsigned int limit, js **ret_lines,
                 struct err *e);
