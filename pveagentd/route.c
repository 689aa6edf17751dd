/* SPDX-License-Identifier: Apache-2.0 */
/* Network half: the routes, and how an error looks from outside. This is the one edge: whatever
 * went wrong inside becomes a code of the closed list, its status, and a sentence of our own; texts
 * of system calls, paths and library messages stay in the log. */
#include "pveagentd/route.h"

#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"

const struct route routes[] = {
    /* method  path               right             body             ask    run */
    {"GET", "/v1/status", RIGHT_CLIENT, 0, false, op_status},
    {"POST", "/v1/explain", RIGHT_CLIENT, LIM_HTTP_BODY, false, op_explain},
    {"POST", "/v1/act", RIGHT_RULE, LIM_HTTP_BODY, false, op_act},
    {"GET", "/v1/op/", RIGHT_RULE, 0, false, op_result},
    {"POST", "/v1/cancel", RIGHT_RULE, 4096, false, op_cancel},
    {"POST", "/v1/add-checkpoint", RIGHT_WITNESS, LIM_NOTE + 8192, false, op_witness},
    {"GET", "/v1/checkpoint/", RIGHT_WITNESS, 0, true, op_checkpoint},
    {"GET", "/v1/receipts", RIGHT_CLIENT, 0, false, op_receipts},
    {"POST", "/v1/receipts", RIGHT_CLIENT, LIM_HTTP_BODY, false, op_receipts_ack},
    {"GET", "/v1/metrics", RIGHT_EVIDENCE, 0, false, op_metrics},
    {"POST", "/v1/join", RIGHT_INVITATION, 16 * 1024, false, op_join},
    {"GET", "/v1/inventory", RIGHT_INVENTORY, 0, true, op_inventory},
    {"GET", "/v1/evidence", RIGHT_EVIDENCE, 0, true, op_later},
};
const size_t n_routes = ARRAY_LEN(routes);

static bool path_fits(const char *pattern, const char *path) {
    size_t n = strlen(pattern);

    if (pattern[n - 1] != '/') {
        return strcmp(pattern, path) == 0;
    }
    return strncmp(pattern, path, n) == 0 && path[n] != '\0' && !strchr(path + n, '/');
}

const struct route *route_find(const char *method, const char *path, size_t body_len,
                               struct err *e) {
    bool other_method = false;

    for (size_t i = 0; i < n_routes; i++) {
        if (!path_fits(routes[i].path, path)) {
            continue;
        }
        if (strcmp(routes[i].method, method) != 0) {
            other_method = true;
            continue;
        }
        if (body_len > routes[i].body_max) {
            (void)err_tag(e, -E2BIG, "body_too_large", "at most %zu bytes here",
                          routes[i].body_max);
            return NULL;
        }
        return &routes[i];
    }
    if (other_method) {
        (void)err_tag(e, -EOPNOTSUPP, "method_not_allowed", "not with this method");
    } else {
        (void)err_tag(e, -ENOENT, "not_found", "there is nothing at this path");
    }
    return NULL;
}

const char *route_right_name(enum route_right r) {
    static const char *const names[] = {
        [RIGHT_CLIENT] = "client",       [RIGHT_RULE] = "rule",         [RIGHT_WITNESS] = "witness",
        [RIGHT_INVENTORY] = "inventory", [RIGHT_EVIDENCE] = "evidence", [RIGHT_INVITATION] = "-",
    };

    return names[r];
}

/* Codes of this half and of the root half's gate. What is not here is our defect: 500. */
static const struct {
    const char *code;
    int status;
} statuses[] = {
    {"bad_request", 400},
    {"no_certificate", 403},
    {"bad_peer", 403},
    {"client_unknown", 403},
    {"client_revoked", 403},
    {"right_missing", 403},
    {"policy_denied", 403},
    {"policy_unreadable", 403},
    {"approval_missing", 403},
    {"approval_needed", 403},
    {"approval_invalid", 403},
    {"approval_expired", 403},
    {"approval_spent", 403},
    {"join_refused", 403},
    {"join_closed", 403},
    {"node_key_changed", 403},
    {"not_found", 404},
    {"method_not_allowed", 405},
    {"witness_conflict", 409},
    {"request_spent", 409},
    {"plan_spent", 409},
    {"fork_suspected", 409},
    {"ct_changed", 409},
    {"ct_missing", 409},
    {"ct_running", 409},
    {"ct_stopped", 409},
    {"undo_exists", 409},
    {"body_too_large", 413},
    {"witness_bad_proof", 422},
    {"witness_bad_signature", 403},
    {"witness_inconsistent", 422},
    {"intent_invalid", 422},
    {"intent_mismatch", 422},
    {"intent_not_included", 422},
    {"intent_expired", 422},
    {"intent_too_old", 422},
    {"request_invalid", 422},
    {"request_mismatch", 422},
    {"stdin_mismatch", 422},
    {"not_armed", 423},
    {"frozen", 423},
    {"too_many_requests", 429},
    {"busy", 429},
    {"node_busy", 429},
    {"receipts_pending", 429},
    {"undo_full", 429},
    {"internal", 500},
    {"not_in_this_version", 501},
    {"clock_suspect", 503},
    {"journal_failed", 503},
    {"journal_damaged", 503},
    {"journal_full", 503},
    {"root_half_unavailable", 503},
    {"inventory_unavailable", 503},
    {"stopping", 503},
    {"root_half_timeout", 504},
};

static int status_or(const char *code, int fallback) {
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        if (strcmp(statuses[i].code, code) == 0) {
            return statuses[i].status;
        }
    }
    return fallback;
}

int route_status(const char *code) {
    return status_or(code, 500);
}

int route_refusal_status(const char *code) {
    return status_or(code, 403);
}

js *route_error_json(const struct err *e) {
    js *o = js_object();
    bool is_internal = !e->tag[0] || strcmp(e->tag, "internal") == 0;

    js_add(o, "code", js_str(is_internal ? "internal" : e->tag));
    js_add(o, "message",
           is_internal ? js_str("an error inside the node daemon; its journal says which")
                       : js_str_n(e->msg, strlen(e->msg)));
    js_add(o, "hint", js_str(e->hint[0] ? e->hint : NULL));
    js_add(o, "who", js_str("node"));
    if (e->step[0]) {
        js_add(o, "step", js_str(e->step));
    }
    return o;
}
