/* SPDX-License-Identifier: Apache-2.0 */
/* The test's side of the root half: everything that a client and the network half do, over the real
 * socket, against the product's objects. */
#include "tests/integration/priv_world.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/lines.h"
#include "common/own.h"
#include "pveagentd/ctl/ctl.h"
#include "pveagentd/priv/join.h"
#include "common/msg.h"
#include "pveagentd/priv/serve.h"

static int tests;
static int failures;

void tap(bool ok, const char *fmt, ...) {
    va_list ap;

    va_start(ap, fmt);
    printf("%s %d - ", ok ? "ok" : "not ok", ++tests);
    vprintf(fmt, ap);
    printf("\n");
    va_end(ap);
    failures += !ok;
    fflush(stdout);
}

int tap_end(void) {
    printf("1..%d\n", tests);
    return failures ? 1 : 0;
}

static void must(bool ok, const char *what) {
    if (!ok) {
        printf("Bail out! %s: %s\n", what, strerror(errno));
        exit(99);
    }
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *f) {
    (void)st;
    (void)flag;
    (void)f;
    (void)remove(path);
    return 0;
}

void world_file(struct world *w, const char *path, const char *text) {
    char full[400];
    char dir[400];
    char *slash;

    snprintf(full, sizeof(full), "%s/%s", w->cluster, path);
    snprintf(dir, sizeof(dir), "%s", full);
    slash = strrchr(dir, '/');
    *slash = '\0';
    must(dir_make(AT_FDCWD, dir, 0755, NULL) == 0, dir);
    must(file_replace(AT_FDCWD, full, text, strlen(text), 0644, NULL) == 0, full);
}

void world_policy(struct world *w, const char *text) {
    must(file_replace(AT_FDCWD, w->policy, text, strlen(text), 0600, NULL) == 0, "policy");
}

struct priv world_priv(const struct world *w) {
    struct priv p = {.state_dir = w->state,
                     .cluster_fs = w->cluster,
                     .policy_file = w->policy,
                     .network_dir = w->network,
                     .lxc_path = w->lxc,
                     .act_path = w->act,
                     .socket_path = w->socket,
                     .node = "pve1",
                     .peer_uid = w->peer_uid,
                     .state_fd = -1,
                     .act_fd = -1};

    return p;
}

static void build_path(const char *name, char ret[static 300]) {
    const char *build = getenv("top_builddir");

    snprintf(ret, 300, "%s/%s", build ? build : ".", name);
}

void world_act(struct world *w, const char *name, ...) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(65536);
    char path[310];
    const char *line;
    va_list ap;

    build_path(name ? name : "pveagentd-act", path);
    (void)buf_addf(&b, "%s\n", path);
    va_start(ap, name);
    while ((line = va_arg(ap, const char *)) != NULL) {
        (void)buf_addf(&b, "%s\n", line);
    }
    va_end(ap);
    snprintf(w->act, sizeof(w->act), "%s/act", w->dir);
    if (access(w->act, F_OK) < 0) {
        char with[300];

        build_path("tests/integration/act_with", with);
        must(run_quiet((const char *const[]){"cp", with, w->act, NULL}) == 0, "cp");
    }
    snprintf(path, sizeof(path), "%s.env", w->act);
    must(file_replace(AT_FDCWD, path, buf_str(&b), b.len, 0600, NULL) == 0, path);
}

void world_make(struct world *w) {
    struct client c = {.name = "laptop", .rights = "inventory evidence witness", .joined = 1};
    struct priv p;
    struct err e = {0};
    uint8_t pub[32];

    memset(w, 0, sizeof(*w));
    w->ct = 101;
    snprintf(w->dir, sizeof(w->dir), "/tmp/px.XXXXXX");
    must(mkdtemp(w->dir) != NULL, "mkdtemp");
    (void)chmod(w->dir, 0755); /* a container's init must get through */
    snprintf(w->state, sizeof(w->state), "%s/state", w->dir);
    snprintf(w->cluster, sizeof(w->cluster), "%s/pve", w->dir);
    snprintf(w->policy, sizeof(w->policy), "%s/policy.ini", w->dir);
    snprintf(w->network, sizeof(w->network), "%s/network", w->dir);
    must(mkdir(w->network, 0755) == 0, "mkdir");
    snprintf(w->socket, sizeof(w->socket), "%s/priv.sock", w->dir);
    snprintf(w->lxc, sizeof(w->lxc), "%s/lxc", w->dir);
    must(mkdir(w->lxc, 0755) == 0, "mkdir");
    build_path("pveagentd-act", w->act);
    world_file(w, "nodes/pve1/lxc/101.conf", "arch: amd64\nhostname: a\nrootfs: /nowhere\n");
    world_policy(w, "[node]\nclock = any\n");
    random_bytes(w->seed, sizeof(w->seed));
    must(skey_make("proximo/home/0123456789abcdef", NOTE_ED25519, w->seed, &w->log) == 0, "key");
    random_bytes(w->seed, sizeof(w->seed));
    must(skey_make("alice", NOTE_ED25519, w->seed, &w->operator_key) == 0, "key");
    random_bytes(w->seed, sizeof(w->seed));
    must(ed25519_public(w->seed, pub) == 0, "key");
    enrol_spki(pub, &w->spki);
    p = world_priv(w);
    must(priv_open(&p, &e) == 0, e.msg);
    must(ctl_arm(&p, &e) == 0, e.msg);
    c.spki = w->spki;
    c.log = w->log.v;
    must(client_store(&p, &c, &e) == 0, e.msg);
    w->receipt = p.receipt.v;
    w->witness = p.witness.v;
    priv_close(&p);
}

void world_start(struct world *w, const char *without) {
    static struct gate_row rows[32];
    size_t n = 0;

    for (size_t i = 0; i < gate_rows; i++) {
        if (!without || strcmp(gate_table[i].step, without) != 0) {
            rows[n++] = gate_table[i];
        }
    }
    must(!without || n + 1 == gate_rows, "no such row");
    (void)unlink(w->socket);
    w->pid = fork();
    must(w->pid >= 0, "fork");
    if (w->pid == 0) {
        struct priv p = world_priv(w);
        struct err e = {0};
        char log[200];
        int fd;

        snprintf(log, sizeof(log), "%s/log", w->dir);
        fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        (void)dup2(fd, STDERR_FILENO);
        (void)dup2(fd, STDOUT_FILENO);
        (void)dup2(fd, WORLD_STRAY_FD); /* one that a library forgot: it must not follow either */
        (void)signal(SIGPIPE, SIG_IGN);
        if (priv_open(&p, &e) < 0 || serve(&p, rows, n, &e) < 0) {
            fprintf(stderr, "%s\n", e.msg);
            _exit(1);
        }
        _exit(0);
    }
    for (int i = 0; i < 500; i++) {
        struct stat st;

        if (stat(w->socket, &st) == 0) {
            break;
        }
        clock_sleep_ms(10);
    }
    clock_sleep_ms(20);
}

void world_kill(struct world *w, int sig) {
    if (w->pid > 0) {
        (void)kill(w->pid, sig);
        (void)waitpid(w->pid, NULL, 0);
    }
    w->pid = 0;
}

void world_end(struct world *w) {
    world_kill(w, SIGTERM);
    (void)nftw(w->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static int store_hash(void *ctx, unsigned int level, uint64_t index, const struct hash *h) {
    struct world *w = ctx;

    w->level[level][index] = *h;
    return 0;
}

static int read_hash(void *ctx, unsigned int level, uint64_t index, struct hash *ret) {
    struct world *w = ctx;

    *ret = w->level[level][index];
    return 0;
}

static uint64_t append(struct world *w, const void *data, size_t len) {
    struct hash leaf;

    must(w->edge.size < WORLD_LEAVES - 1, "the test's ledger is full");
    merkle_leaf(data, len, &leaf);
    must(merkle_edge_add(&w->edge, &leaf, store_hash, w) == 0, "append");
    return w->edge.size - 1;
}

void errand_init(struct world *w, struct errand *o) {
    static const char *const argv[] = {"/bin/true", NULL};
    CLEANUP(buf_done) struct buf conf = BUF_INIT(LIM_CONF);
    char path[400];
    uint8_t raw[16];

    memset(o, 0, sizeof(*o));
    snprintf(o->q.node, sizeof(o->q.node), "pve1");
    hex_encode(w->receipt.id, 4, o->q.key_id);
    snprintf(o->origin, sizeof(o->origin), "%s", w->log.v.name);
    o->q.log = o->origin;
    o->q.client = "laptop";
    o->q.op = OP_EXEC;
    o->q.ct = w->ct;
    o->q.timeout_s = 20;
    o->q.output_max = 1024 * 1024;
    random_bytes(raw, sizeof(raw));
    hex_encode(raw, sizeof(raw), o->q.nonce);
    random_bytes(o->plan.b, HASH_LEN);
    snprintf(path, sizeof(path), "%s/nodes/pve1/lxc/%u.conf", w->cluster, w->ct);
    if (file_read(AT_FDCWD, path, &conf, NULL) == 0) {
        o->q.has_config = true;
        guest_config_hash(conf.data, conf.len, &o->q.config);
    }
    errand_argv(o, argv);
    o->expires = 600;
    o->opened_ms = (uint64_t)clock_mono_ms();
    o->spki = w->spki;
    o->request = (struct buf)BUF_INIT(LIM_LINES);
    o->intent = (struct buf)BUF_INIT(LIM_ENTRY);
    o->checkpoint = (struct buf)BUF_INIT(LIM_NOTE);
    o->approval = (struct buf)BUF_INIT(LIM_NOTE);
}

void errand_argv(struct errand *o, const char *const *argv) {
    size_t n = 0;

    while (argv[n] && n < 15) {
        o->argv[n] = argv[n];
        n++;
    }
    o->argv[n] = NULL;
    o->q.n_args = n;
    o->q.arg = o->argv;
}

void errand_again(struct world *w, struct errand *o) {
    struct checkpoint c = {.size = w->edge.size};
    CLEANUP(buf_done) struct buf text = BUF_INIT(4096);
    struct proof p = {.n = 0};
    struct err e = {0};

    snprintf(c.origin, sizeof(c.origin), "%s", w->log.v.name);
    merkle_edge_root(&w->edge, &c.root);
    must(checkpoint_text(&c, &text) == 0, "checkpoint");
    buf_reset(&o->checkpoint);
    must(note_sign(text.data, text.len, &w->log, &o->checkpoint, &e) == 0, e.msg);
    must(merkle_prove_inclusion(o->index, w->edge.size, read_hash, w, &p) == 0, "proof");
    memcpy(o->inclusion, p.h, sizeof(p.h[0]) * p.n);
    o->n_inclusion = p.n;
    p.n = 0;
    if (w->old) {
        must(merkle_prove_consistency(w->old, w->edge.size, read_hash, w, &p) == 0, "proof");
    }
    memcpy(o->consistency, p.h, sizeof(p.h[0]) * p.n);
    o->n_consistency = p.n;
    o->old = w->old;
}

static void build_intent(struct errand *o) {
    char hash[HASH_HEX_LEN + 1];
    struct hash h = o->h;
    struct err e = {0};

    must(entry_begin(&o->intent, ENTRY_INTENT, clock_unix(), "test") == 0, "entry");
    hash_text(&o->plan, hash);
    must(lines_put(&o->intent, "plan", hash) == 0, "entry");
    must(lines_put(&o->intent, "approval", "none") == 0, "entry");
    must(lines_putf(&o->intent, "expires", "%lld", (long long)(clock_unix() + o->expires)) == 0,
         "entry");
    must(lines_put(&o->intent, "taint", "no") == 0, "entry");
    h.b[0] ^= o->name_other;
    hash_text(&h, hash);
    must(lines_putf(&o->intent, "request", "pve1 %s", hash) == 0, "entry");
    must(entry_end(&o->intent, "{}", &e) == 0, e.msg);
}

void errand_build(struct world *w, struct errand *o) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_LINES);
    struct approval_req req = {.node = "pve1"};
    struct err e = {0};

    must(request_text(&o->q, &o->request, &e) == 0, e.msg);
    sha256(o->request.data, o->request.len, &o->h);
    req.h = o->h;
    build_intent(o);
    (void)append(w, "filler", 6);
    o->index = append(w, o->intent.data, o->intent.len);
    (void)append(w, "filler", 6);
    if (o->approve) {
        must(approval_text(w->log.v.name, &o->plan, &req, 1, -1, clock_unix() + 600, &text, &e) ==
                     0 &&
                 note_sign(text.data, text.len, &w->operator_key, &o->approval, &e) == 0,
             e.msg);
    }
    errand_again(w, o);
}

static int connect_to(const struct world *w) {
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    int r = -1;

    memcpy(sa.sun_path, w->socket, strlen(w->socket) + 1);
    for (int i = 0; s >= 0 && r < 0 && i < 3000; i++) {
        r = connect(s, (struct sockaddr *)&sa, sizeof(sa));
        if (r < 0 && errno != ECONNREFUSED) {
            break;
        }
        if (r < 0) { /* the name is there before somebody listens */
            clock_sleep_ms(10);
        }
    }
    must(r == 0, "connect");
    return s;
}

static void build_act(const struct errand *o, struct buf *b) {
    must(msg_begin(b, MSG_ACT) == 0 && msg_add(b, o->spki.b, HASH_LEN) == 0 &&
             msg_add(b, o->request.data, o->request.len) == 0 &&
             msg_add(b, o->stdin_data ? o->stdin_data : "", o->stdin_len) == 0 &&
             msg_add(b, o->intent.data, o->intent.len) == 0 && msg_add_u64(b, o->index) == 0 &&
             msg_add(b, o->inclusion, o->n_inclusion * HASH_LEN) == 0 &&
             msg_add(b, o->checkpoint.data, o->checkpoint.len) == 0 &&
             msg_add_u64(b, o->old) == 0 &&
             msg_add(b, o->consistency, o->n_consistency * HASH_LEN) == 0 &&
             msg_add_u64(b, o->approval.len ? 1 : 0) == 0 &&
             (!o->approval.len || msg_add(b, o->approval.data, o->approval.len) == 0) &&
             msg_add_u64(b, o->opened_ms) == 0,
         "message");
    msg_end(b);
}

static void copy_str(struct msg_rd *rd, char *ret, size_t size) {
    CLEANUP(freep) char *s = msg_str(rd, LIM_NOTE);

    snprintf(ret, size, "%s", s ? s : "");
}

static void take_answer(struct world *w, struct result *r, const struct buf *b) {
    struct msg_rd rd;
    uint16_t type = 0;
    char x[80];
    size_t len;

    must(msg_open(b->data, b->len, &type, &rd) == 0, "answer");
    r->answered = true;
    if (type == MSG_REFUSED) {
        copy_str(&rd, r->code, sizeof(r->code));
        copy_str(&rd, r->step, sizeof(r->step));
        copy_str(&rd, r->text, sizeof(r->text));
        r->size = msg_u64(&rd);
        copy_str(&rd, r->cosig, sizeof(r->cosig));
    } else if (type == MSG_ACT_STARTED) {
        r->started = true;
        copy_str(&rd, x, sizeof(x));
        copy_str(&rd, r->cosig, sizeof(r->cosig));
        (void)msg_u64(&rd);
    } else if (type == MSG_ACT_END) {
        const char *note = msg_field(&rd, LIM_NOTE, &len);

        r->ended = true;
        (void)buf_add(&r->note, note, len);
        r->total[0] = msg_u64(&rd);
        r->total[1] = msg_u64(&rd);
        copy_str(&rd, r->how, sizeof(r->how));
        r->value = (int)msg_u64(&rd);
        r->receipt_ok = len && receipt_open(note, len, &w->receipt, &r->receipt, NULL) == 0;
    }
    must(msg_done(&rd) == 0, "answer has another form");
}

void errand_send(struct world *w, struct errand *o, struct result *r) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PRIV_MSG);
    int s = connect_to(w);
    int p[2][2];
    bool open = true;

    memset(r, 0, sizeof(*r));
    r->note = (struct buf)BUF_INIT(LIM_NOTE);
    for (int i = 0; i < 2; i++) {
        r->out[i] = (struct buf)BUF_INIT((size_t)16 * 1024 * 1024);
        must(pipe2(p[i], O_CLOEXEC) == 0, "pipe");
    }
    build_act(o, &b);
    must(msg_send(s, b.data, b.len, (int[]){p[0][1], p[1][1]}, 2) == 0, "send");
    close(p[0][1]);
    close(p[1][1]);
    while (open || p[0][0] >= 0 || p[1][0] >= 0) {
        struct pollfd f[3] = {{.fd = open ? s : -1, .events = POLLIN},
                              {.fd = p[0][0], .events = POLLIN},
                              {.fd = p[1][0], .events = POLLIN}};

        must(poll(f, 3, 120000) > 0, "no answer in two minutes");
        if (f[0].revents) {
            int x = msg_recv(s, &b, NULL, 0);

            if (x == 0) {
                take_answer(w, r, &b);
            } else {
                open = false;
            }
        }
        for (int i = 0; i < 2; i++) {
            char chunk[8192];
            ssize_t n = f[i + 1].revents ? read(p[i][0], chunk, sizeof(chunk)) : -1;

            if (f[i + 1].revents && n <= 0) {
                closep(&p[i][0]);
            } else if (n > 0) {
                (void)buf_add(&r->out[i], chunk, (size_t)n);
            }
        }
    }
    close(s);
    if (r->cosig[0]) {
        struct note n;
        struct checkpoint c;

        if (note_parse(o->checkpoint.data, o->checkpoint.len, &n, NULL) == 0 &&
            checkpoint_parse(n.text, n.text_len, &c, NULL) == 0) {
            w->old = c.size;
        }
    }
}

unsigned int world_ask(struct world *w, const struct buf *msg, const int *fds, size_t n,
                       struct buf *ret) {
    int s = connect_to(w);
    struct msg_rd rd;
    uint16_t type = 0;

    if (msg_send(s, msg->data, msg->len, fds, n) < 0 || msg_recv(s, ret, NULL, 0) < 0 ||
        msg_open(ret->data, ret->len, &type, &rd) < 0) {
        type = 0;
    }
    close(s);
    return type;
}

void errand_done(struct errand *o) {
    buf_done(&o->request);
    buf_done(&o->intent);
    buf_done(&o->checkpoint);
    buf_done(&o->approval);
}

void result_done(struct result *r) {
    buf_done(&r->out[0]);
    buf_done(&r->out[1]);
    buf_done(&r->note);
}

/* Its complaints stay visible: they say why a container could not be made. */
int run_quiet(const char *const *argv) {
    union {
        const char *const *in;
        char *const *out;
    } a = {.in = argv};
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        (void)dup2(null, 0);
        (void)dup2(null, 1);
        (void)execvp(argv[0], a.out);
        _exit(127);
    }
    (void)waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static int testbed(const char *fn, const struct world *w, const char *rootfs) {
    char script[400];
    char id[16];
    const char *src = getenv("top_srcdir");
    const char *argv[] = {"bash", script, fn, w->lxc, id, rootfs, NULL};

    snprintf(script, sizeof(script), "%s/tests/testbed/ct.sh", src ? src : ".");
    snprintf(id, sizeof(id), "%u", w->ct);
    return run_quiet(argv);
}

bool world_container(struct world *w, const char *rootfs) {
    char conf[400];
    char path[64];

    if (testbed("ct_possible", w, NULL) != 0 || testbed("ct_make", w, rootfs) != 0 ||
        testbed("ct_start", w, NULL) != 0) {
        return false;
    }
    snprintf(path, sizeof(path), "nodes/pve1/lxc/%u.conf", w->ct);
    snprintf(conf, sizeof(conf), "arch: amd64\nhostname: a\nrootfs: %s\n", rootfs);
    world_file(w, path, conf);
    return true;
}

void world_container_end(struct world *w) {
    (void)testbed("ct_remove", w, NULL);
}
