/* SPDX-License-Identifier: Apache-2.0 */
/* What every plan that makes a node's daemon act needs: the node, the common part of its requests,
 * and the node's own word on them before anybody is asked to approve. Asks; makes nothing act. */
#include "proximo-client/tools/on_node.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/pipeline/session.h"

int on_node_find(struct session *s, const char *node, const struct node_info **ret, struct err *e) {
    const struct node_info *n = s->nodes ? nodes_find(s->nodes, node) : NULL;

    if (!n) {
        (void)err_tag(e, -ENOENT, "node_not_enrolled", "no node daemon is enrolled on node %s",
                      node);
        return err_hint(
            e, "as root on %s: pveagentctl invite NAME; then proximo-client join --name NAME LINE",
            node);
    }
    if (!n->trusted) {
        (void)err_tag(e, -EACCES, "node_untrusted", "node %s is enrolled but not trusted", node);
        return err_hint(e, "on a terminal: proximo-client node trust %s", node);
    }
    *ret = n;
    return 0;
}

void on_node_base(struct session *s, const struct node_info *n, uint32_t vmid, enum request_op op,
                  struct node_request *q) {
    uint8_t raw[16];

    *q = (struct node_request){.op = op, .ct = vmid, .timeout_s = 120};
    (void)snprintf(q->node, sizeof(q->node), "%s", n->name);
    hex_encode(n->receipt.id, sizeof(n->receipt.id), q->key_id);
    q->log = ledger_origin(s->ledger);
    q->client = n->client;
    random_bytes(raw, sizeof(raw));
    hex_encode(raw, sizeof(raw), q->nonce);
}

int on_node_ask(struct session *s, const struct node_request *q, struct buf *text, js **ret,
                struct err *e) {
    int r;

    buf_reset(text);
    r = request_text(q, text, e);
    if (r < 0) {
        if (e) {
            (void)snprintf(e->tag, sizeof(e->tag), "bad_argument");
        }
        return r;
    }
    json_object_put(*ret);
    *ret = NULL;
    return node_explain(s->nodes, q->node, buf_str(text), ret, e);
}

void on_node_need(struct draft *d, const js *answer) {
    const char *who = js_str_or(answer, "approval", "none");
    char why[120];

    if (strcmp(who, "none") == 0) {
        return;
    }
    (void)snprintf(why, sizeof(why), "the node's rule asks for %.60s", who);
    draft_need(d, strcmp(who, "host") == 0 ? NEED_HOST : NEED_OPERATOR, why);
}
