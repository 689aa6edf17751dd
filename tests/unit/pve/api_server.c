/* SPDX-License-Identifier: Apache-2.0 */
/* Starts server.py with a certificate of its own and reads what it wrote down. */
#include "tests/unit/pve/api_server.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/own.h"
#include "common/tls.h"

static void make_certificate(struct api_server *s) {
    CLEANUP(tls_key_freep) EVP_PKEY *key = NULL;
    CLEANUP(tls_cert_freep) X509 *cert = NULL;
    struct err e;

    ck_assert_int_eq(tls_key_new_p256(&key, &e), 0);
    ck_assert_int_eq(tls_self_signed(key, "pve-test", "IP:127.0.0.1", 2, &cert, &e), 0);
    ck_assert_int_eq(tls_write_key(AT_FDCWD, s->key, key, &e), 0);
    ck_assert_int_eq(tls_write_cert(AT_FDCWD, s->cert, cert, &e), 0);
    ck_assert_int_eq(tls_fingerprint(cert, s->pin), 0);
}

void api_server_start(struct api_server *s, const char *dir, const char *name, const char *node,
                      const char *cluster) {
    char script[512], port[16] = "";
    int in[2], out[2];

    *s = (struct api_server){.pid = -1};
    (void)snprintf(s->log, sizeof(s->log), "%s/%s.log", dir, name);
    (void)snprintf(s->cert, sizeof(s->cert), "%s/%s.cert.pem", dir, name);
    (void)snprintf(s->key, sizeof(s->key), "%s/%s.key.pem", dir, name);
    (void)snprintf(script, sizeof(script), "%s/tests/unit/pve/server.py",
                   getenv("top_srcdir") ? getenv("top_srcdir") : ".");
    make_certificate(s);
    ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
    ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
    s->pid = fork();
    if (s->pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        execlp("python3", "python3", script, s->cert, s->key, s->log, node, cluster, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    s->in = in[1];
    for (size_t n = 0; n + 1 < sizeof(port) && !strchr(port, '\n'); n++) {
        ck_assert_int_eq(read(out[0], port + n, 1), 1);
    }
    close(out[0]);
    port[strcspn(port, "\n")] = 0;
    (void)snprintf(s->url, sizeof(s->url), "https://127.0.0.1:%s", port);
}

void api_server_kill(struct api_server *s) {
    if (s->pid > 0) {
        close(s->in);
        kill(s->pid, SIGTERM);
        waitpid(s->pid, NULL, 0);
        s->pid = -1;
    }
}

void api_server_stop(struct api_server *s) {
    api_server_kill(s);
    (void)unlink(s->log);
    (void)unlink(s->cert);
    (void)unlink(s->key);
}

void api_server_forget(const struct api_server *s) {
    ck_assert_int_eq(truncate(s->log, 0), 0);
}

unsigned int api_server_count(const struct api_server *s, const char *needle) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);
    struct err e;
    unsigned int n = 0;

    ck_assert_int_eq(file_read(AT_FDCWD, s->log, &b, &e), 0);
    for (const char *p = buf_str(&b); (p = strstr(p, needle)); p++) {
        n++;
    }
    return n;
}
