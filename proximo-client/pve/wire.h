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

struct pve {
    char *name;
    char *base; /* "https://host:8006/api2/json" */
    char *token_path;
    char *ca_file;
    struct hash pin;
    bool pinned;
    char shown[96]; /* fingerprint of the last leaf that was refused */
    char token_id[128];
    char local[64]; /* our own address of the last connection, "" before the first */
    char peer[64];  /* and the other end's */
    int64_t timeout_ms;
    unsigned int connections;
    size_t opened; /* of them, as far as they were worth it */
    bool (*cancelled)(void *ctx);
    void *cancel_ctx;
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
int token_read(const char *path, struct token *ret, struct err *e);
int token_parse(const char *text, size_t len, struct token *ret, struct err *e);
void token_wipe(struct token *t); /* for CLEANUP(token_wipe) */

/* One exchange. The handle is reused for the next one; its header list holds the secret and is
 * overwritten when it goes. */
struct xfer {
    struct pve *p;
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
int xfer_init(struct xfer *x, struct pve *p, const struct token *t, struct err *e);
void xfer_done(struct xfer *x);
/* Puts the exchange on the multi handle. A path below /pve-docs/ is a file of the web server,
 * beside the API. method "GET" or a changing one with its body (borrowed until the end; NULL =
 * none). */
int xfer_start(struct xfer *x, const char *method, const char *path, const char *body, size_t len,
               struct err *e);
/* Runs until at least one of x[0..n) is done (its `done` is set, it is off the multi handle) or the
 * caller's cancellation says stop (-ECANCELED). */
int xfer_run(struct pve *p, struct xfer *x, size_t n, struct err *e);
void xfer_stop(struct xfer *x); /* takes a running one off */
/* The error of an exchange that has no complete answer (code != CURLE_OK). */
int xfer_error(const struct xfer *x, const char *what, struct err *e);

/* An answer of the API. 0: *ret_body is the JSON body of a 2xx. Negative: *e filled; *ret_body is
 * the body when it was a JSON object all the same, else NULL. `what` ("GET /version") goes into the
 * message. Pure. */
int answer_read(int status, const char *reason, const char *body, size_t len, const char *what,
                js **ret_body, struct err *e);
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
