/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment. The ledger must exist first: its key is what the node will hold us to. */
#include "proximo-client/pipeline/enrol.h"

#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/entry.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/app.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/nodes/nodes.h"

static int record(struct session *s, const char *node, const char *action, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_ENTRY);
    int r = entry_begin(&b, ENTRY_NODE, clock_unix(), s->actor);

    if (r == 0) {
        r = lines_put(&b, "name", node);
    }
    if (r == 0) {
        r = lines_put(&b, "action", action);
    }
    if (r == 0) {
        r = entry_end(&b, "{}", e);
    }
    return r < 0 ? r
                 : ledger_append(s->ledger, buf_str(&b), b.len, LEDGER_SYNC, NULL, NULL,
                                 &(struct ledger_pos){0}, e);
}

static int begin(struct app *a, const char *cluster, struct session *s, struct err *e) {
    *s = (struct session){.app = a, .actor = "cli:enrol"};
    return app_session(a, cluster, APP_LEDGER | APP_NODES, s, e);
}

int enrol_join(struct app *a, const char *cluster, const char *line, const char *name,
               char ret_node[static 64], struct err *e) {
    struct session s;
    size_t cosigned = 0;
    bool rotated = false;
    int r;

    if (!ident_is_client(name)) {
        return err_tag(e, -EINVAL, "bad_argument", "\"%.60s\" cannot name a client", name);
    }
    r = begin(a, cluster, &s, e);
    if (r == 0) {
        r = nodes_join(s.nodes, line, name, s.ledger, ret_node, &rotated, e);
    }
    if (r == 0) {
        r = record(&s, ret_node, rotated ? "rotated" : "joined", e);
    }
    if (r == 0) { /* the first checkpoint it sees is part of enrolment */
        r = nodes_witness(s.nodes, s.ledger, ret_node, &cosigned, e);
        r = r < 0 ? err_wrap(e, "enrolled, but the node did not witness the ledger") : 0;
    }
    return r;
}

int enrol_trust(struct app *a, const char *cluster, const char *node, bool on, struct err *e) {
    struct session s;
    int r = begin(a, cluster, &s, e);

    if (r == 0) {
        r = nodes_trust(s.nodes, node, on, e);
    }
    return r == 0 ? record(&s, node, on ? "trusted" : "revoked", e) : r;
}

int enrol_forget(struct app *a, const char *cluster, const char *node, struct err *e) {
    struct session s;
    int r = begin(a, cluster, &s, e);

    if (r == 0) {
        r = nodes_forget(s.nodes, node, e);
    }
    return r == 0 ? record(&s, node, "revoked", e) : r;
}
