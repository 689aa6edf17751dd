/* SPDX-License-Identifier: Apache-2.0 */
/* Real containers behind simulated guests: {"backing": {"lxc": NAME, "lxcpath": DIR}}. Programs are
 * run by fixed names with argument vectors, never through a shell; the name is checked first. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/own.h"
#include "common/run.h"
#include "proximo-client/sim/sim.h"

const char *backing_name(const struct guest *g) {
    const char *name = js_get_str(js_get(g->obj, "backing"), "lxc");

    return g->lxc && name && ident_is_client(name) ? name : NULL;
}

static pid_t spawn(const struct guest *g, const char *program, const char *const *more, int out) {
    const char *path = js_get_str(js_get(g->obj, "backing"), "lxcpath");
    char full[64];
    const char *argv[16] = {full, "-n", backing_name(g)};
    size_t n = 3;

    if (!argv[2]) {
        return -1;
    }
    (void)snprintf(full, sizeof(full), "/usr/bin/%s", program);
    if (path) {
        argv[n++] = "-P";
        argv[n++] = path;
    }
    while (more && *more && n + 1 < ARRAY_LEN(argv)) {
        argv[n++] = *more++;
    }
    return run_start(argv, -1, out, -1);
}

pid_t backing_spawn(const struct guest *g, const char *program, const char *const *more) {
    return spawn(g, program, more, -1);
}

bool backing_running(const struct guest *g, pid_t *ret_pid) {
    static const char *const ask[] = {"-s", "-p", "-H", NULL};
    CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
    CLEANUP(closep) int in = -1;
    int pipefd[2], status = 0;
    uint32_t n;
    char *line;
    pid_t pid;

    if (pipe2(pipefd, O_CLOEXEC) < 0) {
        return false;
    }
    in = pipefd[0];
    pid = spawn(g, "lxc-info", ask, pipefd[1]);
    (void)close(pipefd[1]);
    if (pid < 0) {
        return false;
    }
    (void)fd_read_all(in, &b);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!strstr(buf_str(&b), "RUNNING")) {
        return false;
    }
    for (char *save = NULL, *s = strtok_r(b.data, "\n", &save); s;
         s = strtok_r(NULL, "\n", &save)) {
        line = s + strspn(s, " ");
        if (ret_pid && ident_u32(line, &n) == 0) {
            *ret_pid = (pid_t)n;
        }
    }
    return true;
}
