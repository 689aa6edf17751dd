/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's heads to the nodes, in the C2SP witness protocol, and their cosignatures back. A
 * cosignature is checked against the enrolled witness key before the ledger gets it. */
#include <errno.h>
#include <string.h>

#include "common/checkpoint.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/submission.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/nodes/nodes_int.h"

#define TRIES 8

void jitter(unsigned int attempt) {
    uint8_t b;

    random_bytes(&b, sizeof(b));
    clock_sleep_ms(1 + b % (8 << (attempt < 5 ? attempt : 5)));
}

static bool is_good(const struct vkey *key, const struct note *head, const char *line, size_t len) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_NOTE);
    CLEANUP(freep) struct note *one = malloc(sizeof(*one));

    return one && buf_add(&b, head->text, head->text_len) == 0 && buf_adds(&b, "\n") == 0 &&
           buf_add(&b, line, len) == 0 && note_parse(b.data, b.len, one, NULL) == 0 &&
           note_check(one, key, NULL) == 0;
}

size_t witness_take(struct ledger *l, const struct node *node, const char *note, size_t len,
                    uint64_t size, const char *lines) {
    CLEANUP(freep) struct note *head = malloc(sizeof(*head));
    size_t good = 0;

    if (!head || note_parse(note, len, head, NULL) < 0) {
        return 0;
    }
    for (const char *p = lines; *p;) {
        const char *nl = strchr(p, '\n');
        size_t n = nl ? (size_t)(nl + 1 - p) : strlen(p);
        CLEANUP(freep) char *line = NULL;

        if (!nl) {
            break; /* a signature line ends with its newline */
        }
        line = strndup(p, n);
        if (line && is_good(&node->i.witness, head, p, n)) {
            int r = ledger_cosignature(l, size, line, NULL);

            good += r == 0 || r == -ESTALE; /* stale: a newer head is stored, and that is fine */
        }
        p += n;
    }
    return good;
}

bool node_is_ahead(const struct node *node, uint64_t size, struct err *e) {
    if (node->head <= size) {
        return false;
    }
    (void)err_tag(e, -EILSEQ, "ledger_behind",
                  "node %s has witnessed %llu entries of this ledger, which has %llu", node->name,
                  (unsigned long long)node->head, (unsigned long long)size);
    (void)err_hint(e, "the ledger was restored from an older copy: proximo-client ledger recover");
    return true;
}

static int make_body(struct ledger *l, const struct node *node, struct buf *note,
                     struct checkpoint *cp, struct buf *ret, struct err *e) {
    struct proof p = {.n = 0};
    int r = ledger_checkpoint(l, note, cp, e);

    if (r == 0 && node_is_ahead(node, cp->size, e)) {
        return -EILSEQ;
    }
    if (r == 0 && node->head) {
        r = ledger_consistency(l, node->head, cp->size, &p, e);
    }
    if (r < 0) {
        return r;
    }
    r = submission_text(node->head, p.h, p.n, note->data, note->len, ret);
    return r < 0 ? err_set(e, r, "the checkpoint is too long") : 0;
}

/* The size that stands in a 409's body. */
static int read_size(const struct buf *b, uint64_t *ret) {
    size_t n = b->len;

    if (n && b->data[n - 1] == '\n') {
        n--;
    }
    return b->data ? ident_u64n(b->data, n, ret) : -EINVAL;
}

int witness_node(struct nodes *n, struct node *node, struct ledger *l, struct err *e) {
    for (unsigned int attempt = 0; attempt < TRIES; attempt++) {
        CLEANUP(buf_done) struct buf note = BUF_INIT(LIM_NOTE);
        CLEANUP(buf_done) struct buf body = BUF_INIT(2 * LIM_NOTE);
        CLEANUP(reply_done) struct reply a = {0};
        struct call c = {
            .method = "POST", .path = "/v1/add-checkpoint", .type = "text/plain", .timeout_s = 15};
        struct checkpoint cp;
        int r = make_body(l, node, &note, &cp, &body, e);

        if (r == -EILSEQ) { /* a number proves nothing; its head does, and is kept */
            (void)nodes_meet(n, node, l, NULL);
        }

        c.body = body.data;
        c.len = body.len;
        if (r == 0) {
            r = call_run(n, node, &c, &a, e);
        }
        if (r < 0) {
            return r;
        }
        if (a.status == 409 && read_size(&a.body, &node->head) == 0) {
            jitter(attempt);
            continue;
        }
        if (a.status == 422 && nodes_meet(n, node, l, e) < 0 && e &&
            strcmp(e->tag, "ledger_behind") == 0) {
            return e->code; /* its head proves that ours is another history */
        }
        if (a.status != 200) {
            return reply_refused(node, &a, e);
        }
        node->head = cp.size;
        if (witness_take(l, node, note.data, note.len, cp.size, buf_str(&a.body)) == 0) {
            (void)err_tag(e, -EBADMSG, "node_refused",
                          "%s: a cosignature that its enrolled key did not make", node->name);
            return err_hint(e, "if its witness key was rotated: proximo-client node refresh");
        }
        return receipts_acknowledge(n, node, l, &note, cp.size, e);
    }
    return err_tag(e, -EAGAIN, "ledger_busy",
                   "%s: the ledger grows faster than it can be witnessed", node->name);
}

int nodes_witness(struct nodes *n, struct ledger *l, const char *only, size_t *ret_ok,
                  struct err *e) {
    int worst = 0;

    *ret_ok = 0;
    if (only && !node_get(n, only)) {
        return err_tag(e, -ENOENT, "node_unknown", "no enrolled node is called `%s`", only);
    }
    for (size_t i = 0; i < n->n; i++) {
        struct err why = {0};
        int r;

        if (only ? strcmp(only, n->v[i].name) != 0 : node_is_stranger(&n->v[i].i)) {
            continue;
        }
        r = witness_node(n, &n->v[i], l, &why);
        *ret_ok += r == 0;
        /* That the ledger is behind matters more than that some node is away. */
        if (r < 0 && (!worst || strcmp(why.tag, "ledger_behind") == 0)) {
            worst = r;
            if (e) {
                *e = why;
            }
        }
    }
    return worst;
}
