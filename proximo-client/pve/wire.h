/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pve/wire.h - inside of pve/: one HTTP exchange, one answer. Nobody outside this
 * folder (and its tests) includes it. */
#pragma once
#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/js.h"
#include "proximo-client/pve/pve.h"

#define PVE_TOKEN_MAX  512 /* a whole token file */
#define PVE_REASON_MAX 512

/* One address of the API. */
struct endpoint {
    char *base; /* "https://host:8006/api2/json" */
    struct hash pin;
    bool pinned;
    char shown[96];       /* fingerprint of the last leaf that was refused */
    char node[64];        /* whose address it is, as it said itself; "" before it was asked */
    bool member;          /* it was asked and shows the same cluster as the first */
    int64_t out_until_ms; /* monotonic; left out of reading until then, for the reason in why */
    struct err why;
    size_t opened; /* connections, as far as they were worth it */
};

struct pve {
    char *name;
    bool pbs;
    struct endpoint *ep; /* the first carries changes, and all that not each may answer */
    size_t n_ep;
    size_t spreads; /* readings that went to more than the first */
    char *token_path;
    char *ca_file;
    char token_id[128];
    char local[64]; /* our own address of the first's last connection, "" before the first */
    char peer[64];  /* and the other end's */
    int64_t timeout_ms;
    unsigned int connections; /* to each */
    bool (*cancelled)(void *ctx);
    void *cancel_ctx;
    pve_meanwhile meanwhile;
    void *meanwhile_ctx;
    char *cache_dir; /* or NULL */
    js *schema;      /* the cluster's own description, once asked for */
    CURLM *multi;
    bool curl_up;
};

/* The file's content taken apart. The secret lives only in `header`. */
struct token {
    char id[128];
    char header[PVE_TOKEN_MAX + 64]; /* "Authorization: PVEAPIToken=…" */
};
/* pbs: the file and the header have ':' before the secret, where PVE has '='. */
int token_read(const char *path, bool pbs, struct token *ret, struct err *e);
int token_parse(const char *text, size_t len, bool pbs, struct token *ret, struct err *e);
void token_wipe(struct token *t); /* for CLEANUP(token_wipe) */

/* One exchange. The handle is reused for the next one; its header list holds the secret and is
 * overwritten when it goes. */
struct xfer {
    struct pve *p;
    struct endpoint *ep;
    CURL *easy;
    struct curl_slist *headers;
    struct buf body;
    char reason[PVE_REASON_MAX];
    char errbuf[CURL_ERROR_SIZE];
    int status;
    unsigned int issued; /* how often a request was about to leave on an established connection */
    unsigned int issue_max;
    bool busy;
    bool done;
    CURLcode code;
    size_t job; /* owner's number */
};
int xfer_init(struct xfer *x, struct pve *p, struct endpoint *ep, const struct token *t,
              struct err *e);
/* Another time limit than the configuration's, if it is shorter. */
int xfer_hurry(struct xfer *x, int64_t ms, struct err *e);
void xfer_done(struct xfer *x);
/* Puts the exchange on the multi handle. A path below /pve-docs/ is a file of the web server,
 * beside the API. method "GET" or a changing one with its body (borrowed until the end; NULL =
 * none). */
int xfer_start(struct xfer *x, const char *method, const char *path, const char *body, size_t len,
               struct err *e);
/* Runs until at least one of x[0..n) is done (its `done` is set, it is off the multi handle) or the
 * caller's cancellation says stop (-ECANCELED). */
int xfer_run(struct pve *p, struct xfer *x, size_t n, struct err *e);
/* Lets what was started leave, without waiting for anything. */
void xfer_push(struct pve *p);
void xfer_stop(struct xfer *x); /* takes a running one off */
/* The error of an exchange that has no complete answer (code != CURLE_OK). */
int xfer_error(const struct xfer *x, const char *what, struct err *e);

/* task.c: waits in slices so that a cancellation is seen ("cancelled"). */
int pve_pause(const struct pve *p, int64_t ms, struct err *e);

/* endpoint.c: the addresses of the configuration, "https://a:8006 https://b:8006", with one
 * fingerprint each or none at all. */
int endpoints_parse(struct pve *p, const char *urls, const char *pins, struct err *e);
void endpoints_free(struct pve *p);
/* Asks those that were not asked yet whose they are; who shows another cluster is left out. Returns
 * negative only when the first cannot say. */
int endpoints_join(struct pve *p, struct err *e);
bool endpoint_is_usable(const struct endpoint *ep);
void endpoint_leave_out(struct endpoint *ep, const struct err *why);
/* Is the answer to this path the named node's own, whoever of the cluster is asked? Then *ret_node
 * is that node. */
bool endpoint_free_to_ask(const char *path, char *ret_node, size_t size);

/* batch.c: GETs over the first endpoint, or spread. */
enum batch_how {
    BATCH_FIRST,  /* all by the first */
    BATCH_SPREAD, /* what a node answers for itself by any, the rest by the first */
    BATCH_EACH,   /* the i-th job by the i-th */
};
int batch_get(struct pve *p, enum batch_how how, struct pve_job *job, size_t n, bool whole,
              struct err *e);

/* An answer of the API. 0: *ret_body is the JSON body of a 2xx. Negative: *e filled; *ret_body is
 * the body when it was a JSON object all the same, else NULL. `what` ("GET /version") goes into the
 * message. Pure. */
int answer_read(int status, const char *reason, const char *body, size_t len, const char *what,
                js **ret_body, struct err *e);
/* The same, see js_parse_rows. */
int answer_read_rows(int status, const char *reason, const char *body, size_t len,
                     const char *const *only, const char *what, js **ret_body, struct err *e);
/* "HTTP/1.1 500 text\r\n" -> the phrase, cleaned. false when it is no status line. */
bool answer_status_line(const char *line, size_t len, char *ret, size_t size);
/* Text of somebody else for one line of ours: control bytes, line separators and bidirectional
 * overrides become a blank, invalid UTF-8 U+FFFD; cut at a character's end. */
void answer_clean(const char *text, size_t len, char *ret, size_t size);

/* A path as pve_get takes it: visible ASCII, begins with '/', no '.' or '..' segment in any
 * spelling, no fragment. */
int path_check(const char *path, struct err *e);
/* name=value&… of an object's strings, integers and booleans. */
int form_encode(const js *form, struct buf *ret, struct err *e);
