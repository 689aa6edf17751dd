/* SPDX-License-Identifier: Apache-2.0 */
/* Network half: key, certificate and listening sockets. Invariants: TLS 1.3 with a client
 * certificate or no connection at all; above the ceiling of connections nothing is accepted (the
 * kernel's queue holds the rest) instead of accepted and dropped. */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/err.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/tls.h"
#include "pveagentd/agent.h"
#include "pveagentd/conn.h"

static int state_path(const char *state, const char *name, char *ret, size_t size) {
    int n = snprintf(ret, size, "%s/%s", state, name);

    return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

/* Nobody looks at its names and dates: clients pin the key, and a date would only be one more way to
 * be shut out (docs/threat-model.md). */
static int make_cert(int dirfd, const char *path, EVP_PKEY *key, struct err *e) {
    CLEANUP(tls_cert_freep) X509 *cert = NULL;
    char host[65] = "pveagentd";
    int r;

    if (gethostname(host, sizeof(host) - 1) < 0 || !host[0]) {
        (void)snprintf(host, sizeof(host), "pveagentd");
    }
    r = tls_self_signed(key, host, NULL, 3650, &cert, e);
    return r < 0 ? r : tls_write_cert(dirfd, path, cert, e);
}

/* A certificate for another key than the one that is there: a change of keys was interrupted between
 * its two files. The key is what counts. */
static int fit_cert(const char *path, EVP_PKEY *key, struct err *e) {
    CLEANUP(tls_cert_freep) X509 *cert = NULL;
    int r = tls_read_cert(AT_FDCWD, path, &cert, e);

    if (r < 0 || !X509_get0_pubkey(cert)) {
        return r < 0 ? r : err_set(e, -EBADMSG, "%s cannot be used", path);
    }
    if (X509_check_private_key(cert, key) == 1) {
        return 0;
    }
    ERR_clear_error();
    return make_cert(AT_FDCWD, path, key, e);
}

int agent_tls_load(struct agent *a, struct err *e) {
    CLEANUP(tls_key_freep) EVP_PKEY *key = NULL;
    char crt[4096];
    char pem[4096];
    SSL_CTX *fresh = NULL;
    int r;

    if (state_path(a->o.state, "tls.crt", crt, sizeof(crt)) < 0 ||
        state_path(a->o.state, "tls.key", pem, sizeof(pem)) < 0) {
        return err_set(e, -ENAMETOOLONG, "--state: the path is too long");
    }
    r = tls_read_key(AT_FDCWD, pem, &key, e); /* also refuses a key that others may read */
    if (r < 0) {
        return err_hint(e, "pveagentd --init --state %s makes key and certificate", a->o.state);
    }
    r = fit_cert(crt, key, e);
    r = r < 0 ? r : tls_server(crt, pem, true, &fresh, e);
    if (r < 0) {
        return r;
    }
    SSL_CTX_free(a->tls); /* connections under way hold their own reference */
    a->tls = fresh;
    return 0;
}

int agent_init_key(const char *state, bool next, struct err *e) {
    const char *pem = next ? "tls.key.next" : "tls.key";
    const char *crt = next ? "tls.crt.next" : "tls.crt";
    CLEANUP(closep) int dir = -1;
    CLEANUP(tls_key_freep) EVP_PKEY *key = NULL;
    int r;

    r = dir_make(AT_FDCWD, state, 0700, e);
    if (r < 0) {
        return r;
    }
    dir = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        return err_set(e, -errno, "open %s: %s", state, strerror(errno));
    }
    if (faccessat(dir, pem, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        r = tls_read_key(dir, pem, &key, e);
    } else {
        r = tls_key_new(&key, e);
        if (r == 0) {
            r = tls_write_key(dir, pem, key, e);
        }
    }
    return r < 0 || faccessat(dir, crt, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ? r
                                                                       : make_cert(dir, crt, key, e);
}

int agent_parse_addr(const char *text, struct agent_addr *ret) {
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&ret->sa;
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&ret->sa;
    const char *colon = strrchr(text, ':');
    bool is_v6 = text[0] == '[';
    char host[INET6_ADDRSTRLEN + 1];
    uint32_t port;
    size_t len;

    memset(ret, 0, sizeof(*ret));
    if (!colon || ident_u32(colon + 1, &port) < 0 || port > 65535 ||
        (is_v6 && (colon == text || colon[-1] != ']'))) {
        return -EINVAL;
    }
    len = (size_t)(colon - text) - (is_v6 ? 2 : 0);
    if (len == 0 || len >= sizeof(host)) {
        return -EINVAL;
    }
    memcpy(host, text + (is_v6 ? 1 : 0), len);
    host[len] = '\0';
    if (is_v6) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        ret->len = sizeof(*v6);
        return inet_pton(AF_INET6, host, &v6->sin6_addr) == 1 ? 0 : -EINVAL;
    }
    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)port);
    ret->len = sizeof(*v4);
    return inet_pton(AF_INET, host, &v4->sin_addr) == 1 ? 0 : -EINVAL;
}

int agent_http_start(struct agent *a, struct err *e) {
    a->http = evhttp_new(a->base);
    if (!a->http) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    evhttp_set_bevcb(a->http, conn_new, a);
    evhttp_set_gencb(a->http, http_request, a);
    evhttp_set_allowed_methods(a->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST);
    evhttp_set_max_headers_size(a->http, AGENT_HEAD_MAX);
    evhttp_set_max_body_size(a->http, LIM_HTTP_BODY);
    evhttp_set_timeout(a->http, AGENT_IDLE_S);
    return 0;
}

void agent_finish(struct agent *a) {
    agent_watch_stop(a);
    if (a->http) {
        evhttp_free(a->http);
        a->http = NULL;
        a->n_listeners = 0;
    }
    if (a->base) {
        event_base_free(a->base);
        a->base = NULL;
    }
}

static int listen_on(const struct agent_addr *addr, int *ret) {
    CLEANUP(closep)
    int fd = socket(addr->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        (addr->sa.ss_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
        bind(fd, (const struct sockaddr *)&addr->sa, addr->len) < 0 || listen(fd, 64) < 0) {
        return -errno;
    }
    *ret = TAKE_FD(fd);
    return 0;
}

int agent_adopt(struct agent *a, int fd, struct err *e) {
    struct evhttp_bound_socket *bound;
    int on = 1;

    if (a->n_listeners == AGENT_LISTEN_MAX) {
        return err_set(e, -E2BIG, "more than %d listening sockets", AGENT_LISTEN_MAX);
    }
    /* Inherited by accepted sockets: frames are small and somebody waits for each. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (fd_nonblock(fd) < 0) {
        return err_set(e, -errno, "listening socket: %s", strerror(errno));
    }
    bound = evhttp_accept_socket_with_handle(a->http, fd);
    if (!bound) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    a->bound[a->n_listeners++] = bound;
    return 0;
}

int agent_open(struct agent *a, struct err *e) {
    for (size_t i = 0; i < a->o.n_listen; i++) {
        CLEANUP(closep) int fd = -1;
        int r = listen_on(&a->o.listen[i], &fd);

        if (r == 0) {
            r = agent_adopt(a, fd, e);
            if (r == 0) {
                (void)TAKE_FD(fd);
            }
        } else {
            (void)err_set(e, r, "listen: %s", strerror(-r));
        }
        if (r < 0) {
            agent_shut(a);
            return r;
        }
    }
    a->is_open = true;
    return 0;
}

void agent_shut(struct agent *a) {
    while (a->n_listeners) {
        evhttp_del_accept_socket(a->http, a->bound[--a->n_listeners]);
    }
    a->is_open = false;
}

void agent_pause(struct agent *a) {
    bool full = a->n_conns >= AGENT_CONNS_MAX;

    if (full == a->is_full) {
        return;
    }
    a->is_full = full;
    for (size_t i = 0; i < a->n_listeners; i++) {
        struct evconnlistener *l = evhttp_bound_socket_get_listener(a->bound[i]);

        (void)(full ? evconnlistener_disable(l) : evconnlistener_enable(l));
    }
    if (full) {
        agent_log(AE_LIMIT, "all connection places are taken; new ones wait", NULL);
    }
}
