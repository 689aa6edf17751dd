/* SPDX-License-Identifier: Apache-2.0 */
/* Steps 1-5 of the gate: who asks, whether anything may run at all, and whether what is asked is in
 * the log that this node witnesses (root, request child). For each: what a captured front end gains
 * by sending something else is written beside the check. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>

#include "common/form.h"
#include "common/merkle.h"
#include "common/own.h"
#include "common/peer.h"
#include "pveagentd/priv/gate.h"

#define INTENT_AHEAD_S (15 * 60)
#define CLOCK_BACK_S   120

/* Only our front end may ask. It gives two pipes to write to and nothing else: a file or socket of
 * its choice would make root write where it may not. */
int step_peer(struct act *a, struct err *e) {
    if (!peer_is(a->sock, a->p->peer_uid)) {
        return err_tag(e, -ECONNABORTED, "bad_peer", "the peer is not the front end");
    }
    for (int i = 0; i < 2; i++) {
        struct stat st;
        int flags = fcntl(a->out[i], F_GETFL);

        if (fstat(a->out[i], &st) < 0 || !S_ISFIFO(st.st_mode) || flags < 0 ||
            (flags & O_ACCMODE) != O_WRONLY) {
            return err_tag(e, -ECONNABORTED, "bad_peer", "a descriptor is no pipe to write to");
        }
    }
    return 0;
}

int step_freeze(struct act *a, struct err *e) {
    return priv_frozen(a->p) ? err_tag(e, -EPERM, "frozen", "this node is frozen") : 0;
}

int step_armed(struct act *a, struct err *e) {
    return priv_armed(a->p) ? 0 : err_tag(e, -EPERM, "not_armed", "this node is not armed");
}

int clock_check(const struct priv *p, int64_t now, bool any_clock, struct err *e) {
    struct timex t = {0};

    if (now < p->mark - CLOCK_BACK_S) {
        return err_tag(e, -EPERM, "clock_suspect",
                       "this node's clock is behind what it has already recorded: set it");
    }
    return !any_clock && (adjtimex(&t) == TIME_ERROR || (t.status & STA_UNSYNC))
               ? err_tag(e, -EPERM, "clock_suspect", "this node's clock is not synchronised")
               : 0;
}

int need_policy(struct act *a, struct err *e) {
    int r = a->has_policy ? 0 : policy_load(a->p, &a->policy, e);

    a->has_policy = r == 0;
    return r;
}

/* A replay needs an earlier time; an expired approval needs a later one to look later. */
int step_clock(struct act *a, struct err *e) {
    struct err unread;
    /* Without a policy nothing can run, and step 6 says why: that is the more useful refusal. */
    bool any = need_policy(a, &unread) < 0 || a->policy.any_clock;

    return clock_check(a->p, a->now, any, e);
}

/* The front end could send another client's key hash: then that client's log must hold the intent,
 * signed by a key that it does not have. */
int step_client(struct act *a, struct err *e) {
    return priv_revoked(a->p, &a->client.spki)
               ? err_tag(e, -EPERM, "client_revoked", "this client was revoked")
               : 0;
}

int step_checkpoint(struct act *a, struct err *e) {
    struct witness_in in = {.log = &a->client.log,
                            .old = a->old,
                            .proof = a->consistency,
                            .n_proof = a->n_consistency,
                            .checkpoint = a->checkpoint,
                            .len = a->checkpoint_len};
    unsigned int status = 0;
    int r = witness_check(a->o, &in, &a->cp, &status, e);

    r = r < 0 ? r : heads_check(a->p, a->o, &in, &a->cp, e);
    if (r < 0) {
        return r;
    }
    a->has_cp = true;
    return witness_cosign(a->p, &in, a->now, &a->line, &a->note, e);
}

static bool intent_names(const struct act *a) {
    size_t n = entry_count(&a->entry, "request");

    for (size_t i = 0; i < n; i++) {
        char node[FORM_NODE_MAX + 1];
        struct hash h;

        if (form_node_hash(entry_nth(&a->entry, "request", i), node, &h) == 0 &&
            strcmp(node, a->p->node) == 0 && hash_eq(&h, &a->h)) {
            return true;
        }
    }
    return false;
}

/* No entry in the log, no action; and what is in the log names this node and these bytes. */
int step_intent(struct act *a, struct err *e) {
    int64_t expires = 0;

    if (merkle_check_inclusion(&a->leaf, a->index, a->cp.size, a->inclusion, a->n_inclusion,
                               &a->cp.root) < 0) {
        return err_tag(e, -EBADMSG, "intent_not_included",
                       "the intent is not proved to be in this log");
    }
    if (!intent_names(a)) {
        return err_tag(e, -EBADMSG, "intent_mismatch",
                       "the intent does not name this request on this node");
    }
    if (form_time(entry_get(&a->entry, "expires"), &expires) < 0 || a->now > expires) {
        return err_tag(e, -EPERM, "intent_expired", "the intent has expired");
    }
    if (expires > a->now + INTENT_AHEAD_S) {
        return err_tag(e, -EPERM, "intent_invalid", "the intent lasts longer than 15 minutes");
    }
    return 0;
}

int request_is_ours(const struct priv *p, const struct client *c, const struct node_request *q,
                    struct err *e) {
    if (strcmp(q->node, p->node) != 0) {
        return err_tag(e, -EPERM, "request_mismatch", "the request is for node %s", q->node);
    }
    if (strcmp(q->key_id, p->receipt_id) != 0) {
        return err_tag(e, -EPERM, "node_key_changed",
                       "this node was armed again and has another receipt key: enrol it anew "
                       "(pveagentctl invite, proximo-client join)");
    }
    return strcmp(q->log, c->log.name) != 0 || strcmp(q->client, c->name) != 0
               ? err_tag(e, -EPERM, "request_mismatch",
                         "the request is for another log or another client")
               : 0;
}

int step_request(struct act *a, struct err *e) {
    return request_is_ours(a->p, &a->client, &a->q, e);
}

/* A commitment under a key comes with the key in front of the bytes: 32 bytes, then the value. */
int step_stdin(struct act *a, struct err *e) {
    size_t skip = a->q.stdin_is_hmac ? HASH_LEN : 0;
    struct hash h;

    if (!a->q.has_stdin) {
        return a->stdin_len ? err_tag(e, -EBADMSG, "stdin_mismatch",
                                      "standard input was sent but not asked for")
                            : 0;
    }
    if (a->stdin_len != skip + a->q.stdin_bytes) {
        return err_tag(e, -EBADMSG, "stdin_mismatch", "standard input has another length");
    }
    a->stdin_value = a->stdin_data + skip;
    a->stdin_value_len = a->q.stdin_bytes;
    if (skip) {
        hmac_sha256(a->stdin_data, skip, a->stdin_value, a->stdin_value_len, &h);
    } else {
        sha256(a->stdin_value, a->stdin_value_len, &h);
    }
    return hash_eq(&h, &a->q.stdin_hash)
               ? 0
               : err_tag(e, -EBADMSG, "stdin_mismatch", "standard input is not what was planned");
}

int step_policy(struct act *a, struct err *e) {
    policy_decide(&a->policy, &a->client, &a->q, &a->verdict);
    return a->verdict.allowed ? 0
                              : err_tag(e, -EPERM, a->verdict.code, "%s%s%s", a->verdict.why,
                                        a->verdict.rule[0] ? ", nearest: " : "", a->verdict.rule);
}
