/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment. Plain OpenSSL and not libcurl, because the proof is bound to this TLS connection by
 * its exporter, which libcurl does not give out. Invariants: nothing but the handshake is sent
 * before the node's key equals the invitation's; nothing is stored before the node proved that it
 * holds the invitation's secret too. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "common/b64.h"
#include "common/clock.h"
#include "common/enrol.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/tls.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/nodes/invite.h"
#include "proximo-client/nodes/nodes_int.h"

#define JOIN_S 15

struct join {
    struct nodes *n;
    const struct invite *v;
    const char *client;
    struct ledger *l;
    const char *address; /* the one that answered */
    EVP_PKEY *key;
    SSL_CTX *ctx;
    SSL *ssl;
    int sock;
    uint8_t exporter[ENROL_EXPORTER];
    struct hash spki; /* ours */
};

static void join_done(struct join *j) {
    SSL_free(j->ssl);
    SSL_CTX_free(j->ctx);
    EVP_PKEY_free(j->key);
    closep(&j->sock);
}

static int connect_one(const char *address, int *ret) {
    CLEANUP(freep) char *host = strdup(address);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    struct timeval tv = {JOIN_S, 0};
    char *colon = host ? strrchr(host, ':') : NULL;
    char *name = host;
    int r = -EHOSTUNREACH;

    if (!colon) {
        return -EINVAL;
    }
    *colon = '\0';
    if (name[0] == '[' && colon[-1] == ']') {
        colon[-1] = '\0';
        name++;
    }
    if (getaddrinfo(name, colon + 1, &hints, &list) != 0) {
        return r;
    }
    for (struct addrinfo *a = list; a && r < 0; a = a->ai_next) {
        CLEANUP(closep) int s = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (s >= 0 && setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == 0 &&
            setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) == 0 &&
            connect(s, a->ai_addr, a->ai_addrlen) == 0) {
            *ret = TAKE_FD(s);
            r = 0;
        } else {
            r = -errno;
        }
    }
    freeaddrinfo(list);
    return r;
}

static int connect_any(struct join *j, struct err *e) {
    int r = -EHOSTUNREACH;

    for (size_t i = 0; r < 0 && i < j->v->n_addresses; i++) {
        j->address = invite_address(j->v, i);
        r = connect_one(j->address, &j->sock);
    }
    if (r < 0) {
        (void)err_tag(e, r, "node_unreachable", "%s: %s", j->address, strerror(-r));
        return err_hint(e, "is the address of the invitation right, and the port not filtered?");
    }
    return 0;
}

/* The handshake shows our certificate; the node's own is not looked at, its key is. */
static int let_through(int ok, X509_STORE_CTX *store) {
    (void)ok;
    (void)store;
    return 1;
}

static int handshake(struct join *j, struct err *e) {
    static const char label[] = "EXPORTER-proximo-join";
    CLEANUP(tls_cert_freep) X509 *cert = NULL;
    struct hash theirs;
    int r = tls_read_key(AT_FDCWD, j->n->key_file, &j->key, e);

    if (r == 0) {
        r = tls_self_signed(j->key, "proximo-client", NULL, 3650, &cert, e);
    }
    if (r < 0) {
        return r;
    }
    j->ctx = SSL_CTX_new(TLS_client_method());
    if (!j->ctx || SSL_CTX_set_min_proto_version(j->ctx, TLS1_3_VERSION) != 1 ||
        SSL_CTX_use_certificate(j->ctx, cert) != 1 || SSL_CTX_use_PrivateKey(j->ctx, j->key) != 1) {
        return err_set(e, -EIO, "TLS cannot be set up");
    }
    SSL_CTX_set_verify(j->ctx, SSL_VERIFY_PEER, let_through);
    j->ssl = SSL_new(j->ctx);
    if (!j->ssl || SSL_set_fd(j->ssl, j->sock) != 1 || SSL_connect(j->ssl) != 1) {
        ERR_clear_error();
        return err_tag(e, -EPROTO, "node_unreachable", "%s does not complete a TLS handshake",
                       j->address);
    }
    if (tls_peer_spki(j->ssl, &theirs) < 0 || !hash_eq(&theirs, &j->v->tls)) {
        (void)err_tag(e, -EACCES, "node_untrusted_key",
                      "%s shows another key than the invitation names", j->address);
        return err_hint(e, "somebody may be in between; or the address leads to another machine");
    }
    if (SSL_export_keying_material(j->ssl, j->exporter, sizeof(j->exporter), label,
                                   sizeof(label) - 1, NULL, 0, 0) != 1 ||
        tls_spki_of_key(j->key, &j->spki) < 0) {
        return err_set(e, -EIO, "TLS exporter");
    }
    return 0;
}

static int b64_text(struct buf *b, const void *data, size_t len) {
    return b64_encode(b, data, len);
}

static int make_body(struct join *j, struct buf *ret, struct err *e) {
    CLEANUP(js_freep) js *o = js_object();
    CLEANUP(buf_done) struct buf vkey = BUF_INIT(512);
    CLEANUP(buf_done) struct buf key = BUF_INIT(128);
    CLEANUP(buf_done) struct buf mac = BUF_INIT(128);
    uint8_t raw[32];
    size_t raw_len = sizeof(raw);
    struct hash h;

    if (EVP_PKEY_get_raw_public_key(j->key, raw, &raw_len) != 1 || raw_len != sizeof(raw)) {
        return err_set(e, -EINVAL, "%s: not an Ed25519 key", j->n->key_file);
    }
    if (vkey_text(ledger_vkey(j->l), &vkey) < 0 ||
        enrol_proof(j->v->secret, j->exporter, &j->spki, buf_str(&vkey), j->client, &h) < 0 ||
        b64_text(&key, raw, sizeof(raw)) < 0 || b64_text(&mac, h.b, HASH_LEN) < 0) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    js_add(o, "name", js_str(j->client));
    js_add(o, "key", js_str(buf_str(&key)));
    js_add(o, "vkey", js_str(buf_str(&vkey)));
    js_add(o, "hmac", js_str(buf_str(&mac)));
    return js_print(o, ret);
}

/* One exchange that ends with the connection: no need for more of HTTP than a status and a body. */
static int exchange(struct join *j, const struct buf *body, struct buf *ret, struct err *e) {
    CLEANUP(buf_done) struct buf q = BUF_INIT(LIM_NOTE);
    char data[4096];
    int n;
    int r = buf_addf(&q,
                     "POST /v1/join HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
                     "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                     j->address, body->len);

    if (r == 0) {
        r = buf_add(&q, body->data, body->len);
    }
    if (r < 0 || SSL_write(j->ssl, q.data, (int)q.len) != (int)q.len) {
        return err_tag(e, -EPIPE, "node_unreachable", "%s closed the connection", j->address);
    }
    while ((n = SSL_read(j->ssl, data, sizeof(data))) > 0) {
        if (buf_add(ret, data, (size_t)n) < 0) {
            return err_tag(e, -E2BIG, "node_refused", "%s: an answer that is too long", j->address);
        }
    }
    ERR_clear_error();
    return 0;
}

static int read_answer(struct join *j, const struct buf *raw, js **ret, struct err *e) {
    const char *text = buf_str(raw);
    const char *body = strstr(text, "\r\n\r\n");
    bool ok = strncmp(text, "HTTP/1.1 200", 12) == 0;

    if (!body || js_parse(body + 4, raw->len - (size_t)(body + 4 - text), ret, NULL) < 0) {
        return err_tag(e, -EPROTO, "node_refused", "%s: no answer that can be read", j->address);
    }
    if (!ok) {
        (void)err_tag(e, -EACCES, "node_refused", "%s: %.40s: %.300s", j->v->node,
                      js_str_or(*ret, "code", "no code"), js_str_or(*ret, "message", ""));
        return err_hint(e, "an invitation works once and for ten minutes; ask for a new one");
    }
    return 0;
}

/* Only who knows the secret, and sits at the other end of this very connection, can have made it.
 */
static int check_answer(struct join *j, const js *o, struct err *e) {
    const char *text = js_get_str(o, "text");
    const char *mac = js_get_str(o, "hmac");
    struct hash want;
    struct hash have;

    if (!text || !mac || b64_decode_exact(mac, strlen(mac), have.b, HASH_LEN) < 0 ||
        enrol_answer(j->v->secret, j->exporter, text, strlen(text), &want) < 0) {
        return err_tag(e, -EBADMSG, "node_refused", "%s: a malformed answer", j->address);
    }
    return hash_eq(&want, &have)
               ? 0
               : err_tag(e, -EACCES, "node_untrusted_key",
                         "%s does not prove that it knows the invitation", j->address);
}

void keys_push(struct vkey *list, size_t *n, const struct vkey *was, const struct vkey *is) {
    if (vkey_eq(was, is)) {
        return;
    }
    if (*n == NODE_FORMER) {
        memmove(list, list + 1, --*n * sizeof(*list));
    }
    list[(*n)++] = *was;
}

/* A node that was enrolled before keeps its former receipt keys: its old receipts stay good. */
static int add_node(struct nodes *n, void *ctx, struct err *e) {
    struct node_info *i = ctx;
    const struct node *d = node_get(n, i->name);
    const struct node_info *old = d ? &d->i : NULL;

    if (old) {
        i->n_former = old->n_former;
        memcpy(i->former, old->former, sizeof(i->former));
        i->n_former_witness = old->n_former_witness;
        memcpy(i->former_witness, old->former_witness, sizeof(i->former_witness));
        i->serial = old->serial;
        keys_push(i->former, &i->n_former, &old->receipt, &i->receipt);
        keys_push(i->former_witness, &i->n_former_witness, &old->witness, &i->witness);
    }
    return state_put(n, i, e);
}

static int store(struct join *j, const char *text, char ret_name[static 64], bool *ret_rotated,
                 struct err *e) {
    static const struct line_key keys[] = {
        {"node", false, true},        {"address", true, false},     {"ca-spki", false, false},
        {"witness-key", false, true}, {"receipt-key", false, true}, {"roster", true, false},
        {"rights", false, false},
    };
    static const char head[] = "proximo-join-answer/v1";
    CLEANUP(lines_done) struct lines l = {0};
    CLEANUP(buf_done) struct buf b = BUF_INIT(2 * LIM_LINES);
    struct node_info i = {.address = j->address,
                          .spki = j->v->tls,
                          .trusted = true, /* root on that node gave the invitation to us */
                          .client = j->client};
    const struct node_info *old;
    struct vkey before = {0};
    int r;

    if (strncmp(text, head, sizeof(head) - 1) != 0 && /* the version line may be left out */
        (buf_adds(&b, head) < 0 || buf_addc(&b, '\n') < 0)) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    if (buf_adds(&b, text) < 0 ||
        lines_parse(b.data, b.len, head, keys, ARRAY_LEN(keys), &l, NULL) < 0 ||
        vkey_parse(lines_get(&l, keys, "witness-key"), &i.witness, NULL) < 0 ||
        vkey_parse(lines_get(&l, keys, "receipt-key"), &i.receipt, NULL) < 0) {
        return err_tag(e, -EBADMSG, "node_refused", "%s: a malformed answer", j->address);
    }
    i.name = lines_get(&l, keys, "node");
    if (strcmp(i.name, j->v->node) != 0) {
        return err_tag(e, -EBADMSG, "node_refused", "the invitation is for %s, but %s answers",
                       j->v->node, ident_is_node(i.name) ? i.name : "another node");
    }
    (void)snprintf(ret_name, 64, "%s", i.name);
    old = nodes_find(j->n, i.name);
    before = old ? old->receipt : i.receipt;
    r = state_change(j->n, add_node, &i, e);
    *ret_rotated = r == 0 && i.n_former && !vkey_eq(&before, &i.receipt);
    return r;
}

int nodes_join(struct nodes *n, const char *line, const char *client, struct ledger *l,
               char ret_name[static 64], bool *ret_rotated, struct err *e) {
    CLEANUP(invite_done) struct invite v = {0};
    CLEANUP(join_done) struct join j = {.n = n, .v = &v, .client = client, .l = l, .sock = -1};
    CLEANUP(buf_wipe) struct buf body = BUF_INIT(LIM_NOTE);
    CLEANUP(buf_done) struct buf raw = BUF_INIT(2 * LIM_LINES);
    CLEANUP(js_freep) js *o = NULL;
    int r = invite_parse(line, &v, e);

    if (r == 0 && !ident_is_client(client)) {
        r = err_tag(e, -EINVAL, "bad_argument", "the client's name is malformed");
    }
    if (r == 0 && v.expires < clock_unix()) {
        (void)err_tag(e, -ETIME, "invitation_expired", "the invitation's ten minutes are over");
        return err_hint(e, "on the node: pveagentctl invite %s", client);
    }
    r = r < 0 ? r : identity_load(n, true, e);
    r = r < 0 ? r : connect_any(&j, e);
    r = r < 0 ? r : handshake(&j, e);
    r = r < 0 ? r : make_body(&j, &body, e);
    r = r < 0 ? r : exchange(&j, &body, &raw, e);
    r = r < 0 ? r : read_answer(&j, &raw, &o, e);
    r = r < 0 ? r : check_answer(&j, o, e);
    return r < 0 ? r : store(&j, js_get_str(o, "text"), ret_name, ret_rotated, e);
}
