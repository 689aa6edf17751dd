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
    {"GET", "/v1/roster", RIGHT_CLIENT, 0, false, op_roster},
    {"POST", "/v1/rotate", RIGHT_CLIENT, 16 * 1024, false, op_rotate},
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

/* Codes of this half and of the root half's gate, and what to do about them. What is not here is
 * our defect: 500. */
static const struct error_row {
    const char *code;
    int status;
    const char *hint; /* the root half sends none: it would be the same text every time */
} error_rows[] = {
    {"bad_request", 400, NULL},
    {"no_certificate", 403, NULL},
    {"bad_peer", 403, NULL},
    {"client_unknown", 403, "proximo-client join, with an invitation of this node's root"},
    {"client_revoked", 403, "ask root of the node for a new invitation"},
    {"right_missing", 403, NULL},
    {"policy_denied", 403,
     "as root on the node: pveagentctl explain says why; pveagentctl edit changes it"},
    {"policy_limit", 403, "ask for less time or output, or have root raise them in the rule"},
    {"policy_undo_required", 403, "plan it with an undo snapshot"},
    {"policy_unreadable", 403, "as root on the node: pveagentctl check, then pveagentctl edit"},
    {"approval_missing", 403, NULL},
    {"approval_needed", 403, "proximo-client approve, with the key of that operator"},
    {"approval_invalid", 403, "proximo-client approve, with the key of that operator"},
    {"approval_expired", 403, NULL},
    {"approval_spent", 403, NULL},
    {"join_refused", 403, NULL},
    {"rotate_refused", 403, "is the clock right? else: pveagentctl invite NAME, and join again"},
    {"join_closed", 403, "as root on the node: pveagentctl invite NAME"},
    {"node_key_changed", 403,
     "proximo-client node refresh; when it was armed anew: pveagentctl invite NAME there, and join"},
    {"not_found", 404, NULL},
    {"method_not_allowed", 405, NULL},
    {"witness_conflict", 409, NULL},
    {"request_spent", 409, NULL},
    {"plan_spent", 409, NULL},
    {"fork_suspected", 409,
     "nothing runs for this log until root of the node has compared both notes below fork/ and "
     "removed them"},
    {"ct_changed", 409, "plan anew"},
    {"ct_missing", 409, NULL},
    {"ct_running", 409, NULL},
    {"ct_stopped", 409, NULL},
    {"undo_exists", 409, NULL},
    {"timer_armed", 409, "confirm or undo the operation that armed it, or wait for its deadline"},
    {"timer_missing", 409, NULL},
    {"timer_foreign", 409, NULL},
    {"timer_same_connection", 409, "confirm over a new connection: proximo-client confirm"},
    {"timer_unreadable", 409, NULL},
    {"body_too_large", 413, NULL},
    {"witness_bad_proof", 422, NULL},
    {"witness_bad_signature", 403, NULL},
    {"witness_inconsistent", 422, NULL},
    {"intent_invalid", 422, NULL},
    {"intent_mismatch", 422, NULL},
    {"intent_not_included", 422, NULL},
    {"intent_expired", 422, NULL},
    {"intent_too_old", 422, NULL},
    {"request_invalid", 422, NULL},
    {"request_mismatch", 422, NULL},
    {"stdin_mismatch", 422, NULL},
    {"not_armed", 423, "as root on the node: pveagentctl arm"},
    {"frozen", 423, "as root on a node: pveagentctl freeze off"},
    {"too_many_requests", 429, NULL},
    {"busy", 429, NULL},
    {"node_busy", 429, NULL},
    {"receipts_pending", 429,
     "proximo-client ledger verify: are the receipts of this node in the ledger?"},
    {"rate_limited", 429, "wait a minute, or ask root for more: max-per-minute in [node]"},
    {"undo_full", 429, "remove an undo point of this container, or wait until one expires"},
    {"timer_full", 429,
     "as root on the node: look at the copies that pveagentctl status names, and remove them"},
    {"internal", 500, NULL},
    {"not_in_this_version", 501, NULL},
    {"clock_suspect", 503,
     "run a time daemon on the node, or set clock = any in [node] of its policy"},
    {"journal_failed", 503, "on the node: look at the disk that holds /var/lib/pveagentd-priv"},
    {"journal_damaged", 503,
     "as root on the node: look into the journal that its log names, then pveagentctl arm"},
    {"journal_full", 503, "on the node: free space below /var/lib/pveagentd-priv"},
    {"root_half_unavailable", 503, "on the node: systemctl status pveagentd-priv"},
    {"inventory_unavailable", 503, NULL},
    {"stopping", 503, NULL},
    {"root_half_timeout", 504, NULL},
};

static const struct error_row *error_row(const char *code) {
    for (size_t i = 0; i < ARRAY_LEN(error_rows); i++) {
        if (strcmp(error_rows[i].code, code) == 0) {
            return &error_rows[i];
        }
    }
    return NULL;
}

static int status_or(const char *code, int fallback) {
    const struct error_row *row = error_row(code);

    return row ? row->status : fallback;
}

int route_status(const char *code) {
    return status_or(code, 500);
}

int route_refusal_status(const char *code) {
    return status_or(code, 403);
}

js *route_error_json(const struct err *e) {
    js *o = js_object();
    const struct error_row *row = error_row(e->tag);
    const char *hint = e->hint[0] ? e->hint : row ? row->hint : NULL;
    bool is_internal = !e->tag[0] || strcmp(e->tag, "internal") == 0;

    js_add(o, "code", js_str(is_internal ? "internal" : e->tag));
    js_add(o, "message",
           is_internal ? js_str("an error inside the node daemon; its journal says which")
                       : js_str_n(e->msg, strlen(e->msg)));
    js_add(o, "hint", js_str(hint));
    js_add(o, "who", js_str("node"));
    if (e->step[0]) {
        js_add(o, "step", js_str(e->step));
    }
    return o;
}
