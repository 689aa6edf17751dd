/* SPDX-License-Identifier: Apache-2.0 */
/* The API client against a real TLS server on loopback (server.py), which writes down what arrives:
 * what must not be sent is looked for there, not in the client. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/tls.h"
#include "proximo-client/pipeline/grant.h"
#include "proximo-client/pipeline/grant_int.h"
#include "proximo-client/pve/change.h"
#include "tests/unit/pve/api_server.h"

#define SECRET "11111111-2222-canary-4444-555555555555"

static char dir[] = "/tmp/proximo-pve-XXXXXX";
static char path_token[64];
static struct api_server server;
static const char *url, *pin, *path_cert;

static void start_server(void) {
    struct err e;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path_token, sizeof(path_token), "%s/token", dir);
    ck_assert_int_eq(file_replace(AT_FDCWD, path_token, "me@pve!t=" SECRET "\n",
                                  strlen("me@pve!t=" SECRET "\n"), 0600, &e),
                     0);
    api_server_start(&server, dir, "server", "", "");
    url = server.url;
    pin = server.pin;
    path_cert = server.cert;
}

static void stop_server(void) {
    api_server_stop(&server);
    unlink(path_token);
    rmdir(dir);
}

/* What the server has written down since the last call of forget(). */
static void forget(void) {
    api_server_forget(&server);
}

static unsigned int count(const char *needle) {
    return api_server_count(&server, needle);
}

static struct pve *open_with(struct pve_conf c) {
    struct pve *p = NULL;
    struct err e = {0};

    c.name = "test";
    c.base_url = c.base_url ? c.base_url : url;
    c.token_path = c.token_path ? c.token_path : path_token;
    ck_assert_msg(pve_open(&c, &p, &e) == 0, "%s", e.msg);
    forget();
    return p;
}

static struct pve *open_pinned(void) {
    return open_with((struct pve_conf){.fingerprint = pin, .timeout_ms = 10000});
}

static void expect(struct pve *p, const char *path, const char *tag, int http, const char *text,
                   const char *hint) {
    CLEANUP(js_freep) js *data = NULL;
    struct err e = {0};

    ck_assert_int_lt(pve_get(p, path, &data, &e), 0);
    ck_assert_str_eq(e.tag, tag);
    ck_assert_int_eq(e.http_status, http);
    ck_assert_msg(strstr(e.msg, text), "%s: %s", path, e.msg);
    ck_assert_msg(strstr(e.hint, hint), "%s: hint %s", path, e.hint);
    ck_assert_ptr_null(strstr(e.msg, "canary"));
    ck_assert_ptr_null(data);
}

static struct grant *grant_for(const char *method, const char *path, const js *form) {
    struct grant *g = grant_new();
    struct hash h;

    ck_assert_int_eq(grant_api_hash(method, path, form, &h), 0);
    grant_add(g, NULL, &h);
    return g;
}

static int change(struct pve *p, const char *method, const char *path, const js *form,
                  struct pve_answer *a, struct err *e) {
    struct grant *g = grant_for(method, path, form);
    int r = pve_change(p, g, method, path, form, a, e);

    grant_free(g);
    return r;
}

START_TEST(reads) {
    CLEANUP(pve_closep) struct pve *p = open_pinned();
    CLEANUP(js_freep) js *data = NULL;
    CLEANUP(js_freep) js *body = NULL;
    CLEANUP(js_freep) js *packed = NULL;
    CLEANUP(js_freep) js *beside = NULL;
    js *none = NULL;
    struct err e = {0};

    ck_assert_msg(pve_get(p, "/version", &data, &e) == 0, "%s", e.msg);
    ck_assert_str_eq(js_get_str(data, "version"), "9.1.7");
    ck_assert_int_eq(pve_get(p, "/null", &none, &e), 0);
    ck_assert_ptr_null(none);
    ck_assert_int_eq(pve_get_body(p, "/beside", &body, &e), 0);
    ck_assert_int_eq(js_int_or(body, "total", 0), 7);
    ck_assert_int_eq(pve_get(p, "/gzip", &packed, &e), 0);
    ck_assert_str_eq(json_object_get_string(packed), "packed");
    ck_assert_int_eq(pve_get(p, "/beside#changes", &beside, &e), 0);
    ck_assert_str_eq(json_object_get_string(beside), "x");
    ck_assert_int_eq(pve_get(p, "/beside#missing", &none, &e), 0);
    ck_assert_ptr_null(none);
    ck_assert_uint_eq(count("#"), 0); /* it says which part is meant, here */
    ck_assert_str_eq(pve_peer_address(p), "127.0.0.1");
    /* six requests, one connection, the token on each */
    ck_assert_uint_eq(count("PVEAPIToken=me@pve!t=" SECRET), 6);
    ck_assert_uint_eq(count("{\"connection\""), 1);
    ck_assert_str_eq(pve_token_id(p), "me@pve!t");
}
END_TEST

START_TEST(wrong_pin_sends_nothing) {
    char wrong[96];
    struct err e = {0};
    js *data = NULL;

    snprintf(wrong, sizeof(wrong), "%s", pin);
    wrong[0] = wrong[0] == 'A' ? 'B' : 'A';
    {
        CLEANUP(pve_closep)
        struct pve *p = open_with((struct pve_conf){.fingerprint = wrong, .ca_file = path_cert});

        ck_assert_int_lt(pve_get(p, "/version", &data, &e), 0);
    }
    ck_assert_str_eq(e.tag, "pve_tls");
    ck_assert_ptr_nonnull(strstr(e.hint, pin)); /* what it shows, to be compared by a person */
    /* the server saw a connection, and no request at all: no token, no path */
    for (int i = 0; i < 50 && count("handshake") == 0; i++) {
        usleep(20000);
    }
    ck_assert_uint_ge(count("{\"connection\""), 1);
    ck_assert_uint_eq(count("method"), 0);
    ck_assert_uint_eq(count("canary"), 0);
}
END_TEST

START_TEST(ca) {
    CLEANUP(js_freep) js *data = NULL;
    struct err e = {0};
    char other[80];

    {
        CLEANUP(pve_closep) struct pve *p = open_with((struct pve_conf){.ca_file = path_cert});

        ck_assert_msg(pve_get(p, "/version", &data, &e) == 0, "%s", e.msg);
    }
    { /* the system's CAs do not know it */
        CLEANUP(pve_closep) struct pve *p = open_with((struct pve_conf){0});

        expect(p, "/version", "pve_tls", 0, "TLS", "fingerprint");
        ck_assert_uint_eq(count("method"), 0);
    }
    /* a good CA does not make up for a wrong name */
    snprintf(other, sizeof(other), "https://localhost%s", strrchr(url, ':'));
    {
        CLEANUP(pve_closep)
        struct pve *p = open_with((struct pve_conf){.ca_file = path_cert, .base_url = other});

        expect(p, "/null", "pve_tls", 0, "TLS", "");
        ck_assert_uint_eq(count("method"), 0);
    }
}
END_TEST

START_TEST(errors) {
    CLEANUP(pve_closep) struct pve *p = open_pinned();

    expect(p, "/s403", "pve_denied", 403, "Permission check failed", "VM.PowerMgmt on /vms/103");
    expect(p, "/s400", "pve_bad_request", 400, "vmid: type check; cores: too many", "");
    expect(p, "/phrase-only", "pve_error", 500, "the phrase alone", "");
    expect(p, "/s501", "pve_error", 501, "not implemented", "");
    expect(p, "/s596", "pve_unreachable", 596, "Broken pipe", "could not reach the node");
    expect(p, "/gone", "pve_not_found", 500, "does not exist", "");
    expect(p, "/ugly", "pve_error", 500, "a [31mred back line", "");
    expect(p, "/html", "pve_bad_answer", 200, "no API answer", "base-url");
    expect(p, "/empty", "pve_bad_answer", 200, "empty", "");
    expect(p, "/twice", "pve_bad_answer", 200, "no API answer", "");
    expect(p, "/array", "pve_bad_answer", 200, "not an object", "");
    expect(p, "/redirect", "pve_bad_answer", 302, "302", "not followed");
    expect(p, "/bomb", "pve_bad_answer", 0, "larger than 64 MiB", "");
    expect(p, "/half", "pve_unreachable", 0, "", "");
    forget();
    expect(p, "/drop", "pve_unreachable", 0, "", "");
    ck_assert_uint_le(count("method"), 2);
}
END_TEST

START_TEST(unauthorized_is_asked_once) {
    CLEANUP(pve_closep)
    struct pve *p = open_with((struct pve_conf){.fingerprint = pin, .connections = 1});
    struct pve_job j[5] = {0};
    struct err why[5] = {0};
    struct err e = {0};

    for (size_t i = 0; i < 5; i++) {
        j[i].path = "/s401";
        j[i].err = &why[i];
    }
    ck_assert_int_eq(pve_get_many(p, j, 5, &e), 0);
    for (size_t i = 0; i < 5; i++) {
        ck_assert_int_lt(j[i].result, 0);
        ck_assert_str_eq(why[i].tag, "pve_unauthorized");
    }
    ck_assert_uint_eq(count("method"), 1);
}
END_TEST

START_TEST(dead_kept_connection) {
    CLEANUP(pve_closep) struct pve *p = open_pinned();
    CLEANUP(js_freep) js *a = NULL;
    CLEANUP(js_freep) js *b = NULL;
    struct err e = {0};

    ck_assert_int_eq(pve_get(p, "/last", &a, &e), 0);
    usleep(100000); /* the other side has closed by now; nobody told the client in HTTP */
    ck_assert_msg(pve_get(p, "/version", &b, &e) == 0, "%s", e.msg);
    ck_assert_uint_eq(count("{\"connection\""), 2);
}
END_TEST

/* The other side dies under a request on a kept connection: a read is asked once more, a change has
 * a connection of its own and is asked once. */
START_TEST(kept_connection_dies_under_it) {
    CLEANUP(pve_closep) struct pve *p = open_pinned();
    CLEANUP(js_freep) js *a = NULL;
    CLEANUP(js_freep) js *b = NULL;
    CLEANUP(js_freep) js *c = NULL;
    struct pve_answer changed = {0};
    struct err e = {0};

    ck_assert_int_eq(pve_get(p, "/version", &a, &e), 0);
    ck_assert_msg(pve_get(p, "/fresh-only", &b, &e) == 0, "%s", e.msg);
    ck_assert_uint_eq(count("/fresh-only"), 2);
    ck_assert_int_eq(pve_get(p, "/version", &c, &e), 0);
    forget();
    ck_assert_msg(change(p, "POST", "/fresh-only", NULL, &changed, &e) == 0, "%s", e.msg);
    ck_assert_uint_eq(count("/fresh-only"), 1);
    pve_answer_done(&changed);
}
END_TEST

START_TEST(many) {
    CLEANUP(pve_closep)
    struct pve *p = open_with((struct pve_conf){.fingerprint = pin, .connections = 4});
    enum { N = 200 };
    static struct pve_job j[N];
    static char path[N][16];
    struct err e = {0};
    unsigned int connections;

    for (size_t i = 0; i < 4; i++) {
        j[i] = (struct pve_job){.path = "/item/1"};
    }
    ck_assert_int_eq(pve_get_many(p, j, 4, &e), 0);
    for (size_t i = 0; i < 4; i++) {
        js_freep(&j[i].data);
    }
    ck_assert_uint_eq(count("{\"connection\""), 1); /* four reads are not worth another one */
    for (size_t i = 0; i < N; i++) {
        snprintf(path[i], sizeof(path[i]), "/item/%zu", i);
        j[i] = (struct pve_job){.path = path[i]};
    }
    j[7].path = "/s403"; /* one refusal does not disturb the others */
    ck_assert_int_eq(pve_get_many(p, j, N, &e), 0);
    for (size_t i = 0; i < N; i++) {
        if (i == 7) {
            ck_assert_int_eq(j[i].result, -EACCES);
            continue;
        }
        ck_assert_int_eq(j[i].result, 0);
        ck_assert_int_eq(json_object_get_int(j[i].data), (int)i);
        js_freep(&j[i].data);
    }
    connections = count("{\"connection\"");
    ck_assert_uint_ge(connections, 4); /* at once, and kept: 5 with the one that the 403 closed */
    ck_assert_uint_le(connections, 6);
}
END_TEST

static bool stop_now(void *ctx) {
    return ++*(int *)ctx > 2;
}

START_TEST(cancel_and_timeout) {
    struct err e = {0};
    js *data = NULL;
    int asked = 0;

    {
        CLEANUP(pve_closep) struct pve *p = open_pinned();

        pve_on_cancel(p, stop_now, &asked);
        ck_assert_int_eq(pve_get(p, "/slow", &data, &e), -ECANCELED);
        ck_assert_str_eq(e.tag, "cancelled");
        ck_assert_int_eq(asked, 3);
    }
    {
        CLEANUP(pve_closep)
        struct pve *p = open_with((struct pve_conf){.fingerprint = pin, .timeout_ms = 300});

        expect(p, "/slow", "pve_unreachable", 0, "no answer within 300 ms", "");
    }
}
END_TEST

struct meanwhile {
    int fd, wait_ms; /* what is waited for beside the API, and for how long; -1: neither */
    unsigned int turns;
};

static size_t turn(void *ctx, struct pollfd *fd, size_t max, int *wait_ms) {
    struct meanwhile *m = ctx;

    ck_assert_uint_ge(max, 1);
    m->turns++;
    *wait_ms = m->wait_ms >= 0 ? m->wait_ms : *wait_ms;
    fd[0] = (struct pollfd){.fd = m->fd, .events = POLLIN};
    return m->fd >= 0;
}

static unsigned int turns_of(struct meanwhile m) {
    CLEANUP(pve_closep)
    struct pve *p = open_with((struct pve_conf){.fingerprint = pin, .timeout_ms = 500});
    unsigned int turns;

    pve_while_waiting(p, turn, &m);
    expect(p, "/slow", "pve_unreachable", 0, "no answer within 500 ms", "");
    turns = m.turns;
    pve_while_waiting(p, NULL, NULL);
    expect(p, "/slow", "pve_unreachable", 0, "no answer within 500 ms", "");
    ck_assert_uint_eq(m.turns, turns);
    return turns;
}

/* A slice of waiting is a tenth of a second: more turns than slices came from something else. */
START_TEST(work_meanwhile) {
    int fd[2];

    ck_assert_int_eq(pipe2(fd, O_CLOEXEC), 0);
    ck_assert_uint_ge(turns_of((struct meanwhile){.fd = -1, .wait_ms = -1}), 2);
    ck_assert_uint_le(turns_of((struct meanwhile){.fd = -1, .wait_ms = -1}), 25);
    ck_assert_uint_gt(turns_of((struct meanwhile){.fd = -1, .wait_ms = 0}), 50);
    ck_assert_uint_le(turns_of((struct meanwhile){.fd = fd[0], .wait_ms = -1}), 25);
    ck_assert_int_eq(write(fd[1], "x", 1), 1);
    ck_assert_uint_gt(turns_of((struct meanwhile){.fd = fd[0], .wait_ms = -1}), 50);
    (void)close(fd[0]);
    (void)close(fd[1]);
}
END_TEST

START_TEST(change_goes_out_once) {
    CLEANUP(pve_closep) struct pve *p = open_pinned();
    CLEANUP(js_freep) js *form = js_object();
    CLEANUP(js_freep) js *warm = NULL;
    struct pve_answer a = {0};
    struct err e = {0};

    js_add(form, "net0", js_str("name=eth0,ip=10.0.0.1/24"));
    js_add(form, "onboot", js_bool(true));
    js_add(form, "cores", js_int(4));
    ck_assert_int_eq(pve_get(p, "/version", &warm, &e), 0); /* a kept connection is there */
    ck_assert_msg(change(p, "PUT", "/echo", form, &a, &e) == 0, "%s", e.msg);
    ck_assert_str_eq(js_get_str(a.data, "body"),
                     "net0=name%3Deth0%2Cip%3D10.0.0.1%2F24&onboot=1&cores=4");
    ck_assert(a.sent);
    pve_answer_done(&a);
    /* DELETE: parameters in the query, no body */
    ck_assert_int_eq(change(p, "DELETE", "/echo", form, &a, &e), 0);
    ck_assert_ptr_nonnull(strstr(js_get_str(a.data, "target"), "?net0=name%3Deth0"));
    ck_assert_str_eq(js_get_str(a.data, "body"), "");
    pve_answer_done(&a);
    ck_assert_int_eq(change(p, "POST", "/echo", NULL, &a, &e), 0);
    ck_assert_str_eq(js_get_str(a.data, "method"), "POST");
    pve_answer_done(&a);
    /* dropped after it was read: unknown, and never again */
    forget();
    ck_assert_int_lt(change(p, "POST", "/drop", form, &a, &e), 0);
    ck_assert_str_eq(e.tag, "pve_unknown");
    ck_assert(a.sent);
    ck_assert_uint_eq(count("\"POST\""), 1);
    pve_answer_done(&a);
    ck_assert_int_lt(change(p, "POST", "/half", form, &a, &e), 0);
    ck_assert_str_eq(e.tag, "pve_unknown");
    pve_answer_done(&a);
    ck_assert_int_lt(change(p, "POST", "/s596", form, &a, &e), 0);
    ck_assert_str_eq(e.tag, "pve_unknown");
    pve_answer_done(&a);
    ck_assert_int_lt(change(p, "POST", "/s595", form, &a, &e), 0);
    ck_assert_str_eq(e.tag, "pve_unreachable");
    pve_answer_done(&a);
    ck_assert_int_lt(change(p, "POST", "/html", form, &a, &e), 0);
    ck_assert_str_eq(e.tag, "pve_unknown");
    pve_answer_done(&a);
    ck_assert_int_eq(change(p, "POST", "/s400", form, &a, &e), -EINVAL);
    ck_assert_str_eq(js_get_str(a.errors, "cores"), "too many");
    ck_assert_str_eq(a.reason, "Parameter verification failed.");
    ck_assert_int_eq(a.status, 400);
    pve_answer_done(&a);
}
END_TEST

START_TEST(change_not_sent) {
    struct pve_answer a = {0};
    struct err e = {0};
    char wrong[96];

    snprintf(wrong, sizeof(wrong), "%s", pin);
    wrong[0] = wrong[0] == 'A' ? 'B' : 'A';
    {
        CLEANUP(pve_closep) struct pve *p = open_with((struct pve_conf){.fingerprint = wrong});

        ck_assert_int_lt(change(p, "POST", "/echo", NULL, &a, &e), 0);
        ck_assert_str_eq(e.tag, "pve_tls");
        ck_assert(!a.sent);
        ck_assert_uint_eq(count("method"), 0);
    }
    { /* nobody listens on port 1 */
        CLEANUP(pve_closep)
        struct pve *p =
            open_with((struct pve_conf){.fingerprint = pin, .base_url = "https://127.0.0.1:1"});

        ck_assert_int_lt(change(p, "POST", "/echo", NULL, &a, &e), 0);
        ck_assert_str_eq(e.tag, "pve_unreachable");
        ck_assert(!a.sent);
    }
    {
        CLEANUP(pve_closep) struct pve *p = open_pinned();
        int asked = 0;

        pve_on_cancel(p, stop_now, &asked);
        ck_assert_int_lt(change(p, "POST", "/slow", NULL, &a, &e), 0);
        ck_assert_str_eq(e.tag, "pve_unknown"); /* cancelling does not call it back */
        ck_assert(a.sent);
        ck_assert_int_eq(change(p, "GET", "/echo", NULL, &a, &e), -EINVAL);
    }
}
END_TEST

/* A request outside the grant ends the program before anything is sent. */
START_TEST(change_outside_grant) {
    CLEANUP(pve_closep) struct pve *p = open_pinned();
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        struct grant *g = grant_for("POST", "/echo", NULL);
        struct pve_answer a;
        struct err e;

        (void)!freopen("/dev/null", "w", stderr);
        (void)pve_change(p, g, "POST", "/echo2", NULL, &a, &e);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    ck_assert_uint_eq(count("echo2"), 0);
}
END_TEST

#define UPID(kind) "UPID:n1:00000ABC:00001234:65000000:" kind ":101:me@pve!t:"

START_TEST(tasks) {
    static const struct {
        const char *upid;
        bool ok, warnings;
        const char *exit;
    } ends[] = {{UPID("ok"), true, false, "OK"},
                {UPID("flaky"), true, false, "OK"},
                {UPID("warn"), false, true, "WARNINGS: 2"},
                {UPID("bad"), false, false, "snapshot feature is not available"}};
    CLEANUP(pve_closep) struct pve *p = open_pinned();
    CLEANUP(js_freep) js *lines = NULL;
    struct pve_task t;
    struct err e = {0};

    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        ck_assert_msg(pve_task_wait(p, ends[i].upid, 10000, NULL, NULL, &t, &e) == 0, "%s", e.msg);
        ck_assert(t.stopped);
        ck_assert(t.ok == ends[i].ok && t.warnings == ends[i].warnings);
        ck_assert_str_eq(t.exit, ends[i].exit);
    }
    ck_assert_int_eq(pve_task_wait(p, UPID("hang"), 300, NULL, NULL, &t, &e), 0);
    ck_assert(!t.stopped && !t.ok);
    ck_assert_int_eq(pve_task_log(p, UPID("ok"), 3, &lines, &e), 0);
    ck_assert_uint_eq(js_len(lines), 3);
    ck_assert_str_eq(json_object_get_string(js_at(lines, 2)), "line 30");
    ck_assert_int_lt(pve_task_status(p, "UPID:../x", &t, &e), 0);
}
END_TEST

START_TEST(token_file) {
    CLEANUP(pve_closep) struct pve *p = open_pinned();
    CLEANUP(js_freep) js *data = NULL;
    struct err e = {0};
    js *none = NULL;

    /* rotated: the next call uses the new one */
    ck_assert_int_eq(
        file_replace(AT_FDCWD, path_token, "me@pve!n=newer", strlen("me@pve!n=newer"), 0600, &e),
        0);
    ck_assert_int_eq(pve_get(p, "/version", &data, &e), 0);
    ck_assert_uint_eq(count("PVEAPIToken=me@pve!n=newer"), 1);
    /* open to others: refused, before any connection */
    ck_assert_int_eq(chmod(path_token, 0640), 0);
    forget();
    ck_assert_int_lt(pve_get(p, "/version", &none, &e), 0);
    ck_assert_str_eq(e.tag, "token_unreadable");
    ck_assert_uint_eq(count("connection"), 0);
    ck_assert_int_eq(file_replace(AT_FDCWD, path_token, "me@pve!t=" SECRET "\n",
                                  strlen("me@pve!t=" SECRET "\n"), 0600, &e),
                     0);
}
END_TEST

/* No proxy of the environment sees anything. */
START_TEST(no_proxy) {
    CLEANUP(js_freep) js *data = NULL;
    struct err e = {0};

    setenv("https_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    {
        CLEANUP(pve_closep) struct pve *p = open_pinned();

        ck_assert_msg(pve_get(p, "/version", &data, &e) == 0, "%s", e.msg);
    }
    unsetenv("https_proxy");
    unsetenv("ALL_PROXY");
}
END_TEST

START_TEST(configuration) {
    static const char *const bad[] = {"http://a:8006",      "a:8006",
                                      "https://u:p@a:8006", "https://a:8006/other",
                                      "https://a/?x=1",     "file:///etc/passwd"};
    struct pve *p = NULL;
    struct err e = {0};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct pve_conf c = {.base_url = bad[i], .token_path = path_token};

        ck_assert_msg(pve_open(&c, &p, &e) < 0, "%s", bad[i]);
        ck_assert_str_eq(e.tag, "config_invalid");
    }
    {
        struct pve_conf c = {.base_url = url, .token_path = path_token, .fingerprint = "AB:CD"};

        ck_assert_int_lt(pve_open(&c, &p, &e), 0);
    }
    ck_assert_ptr_null(p);
}
END_TEST

int main(void) {
    Suite *s = suite_create("pve client");
    TCase *t = tcase_create("loopback");
    SRunner *r = srunner_create(s);
    int failed;

    signal(SIGPIPE, SIG_IGN);
    tcase_set_timeout(t, 120);
    tcase_add_unchecked_fixture(t, start_server, stop_server);
    tcase_add_test(t, reads);
    tcase_add_test(t, wrong_pin_sends_nothing);
    tcase_add_test(t, ca);
    tcase_add_test(t, errors);
    tcase_add_test(t, unauthorized_is_asked_once);
    tcase_add_test(t, dead_kept_connection);
    tcase_add_test(t, kept_connection_dies_under_it);
    tcase_add_test(t, many);
    tcase_add_test(t, cancel_and_timeout);
    tcase_add_test(t, work_meanwhile);
    tcase_add_test(t, change_goes_out_once);
    tcase_add_test(t, change_not_sent);
    tcase_add_test(t, change_outside_grant);
    tcase_add_test(t, tasks);
    tcase_add_test(t, token_file);
    tcase_add_test(t, no_proxy);
    tcase_add_test(t, configuration);
    suite_add_tcase(s, t);
    srunner_set_fork_status(r, CK_NOFORK);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
