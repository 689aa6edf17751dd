/* SPDX-License-Identifier: Apache-2.0 */
/* Network half: whether to be reachable at all. A freshly installed node has nobody who could be
 * answered, so it opens no port. The root half is asked every few seconds: with a client enrolled
 * or an invitation open the listeners open, else they close. If it cannot be asked, nothing
 * changes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/own.h"
#include "pveagentd/agent.h"
#include "common/msg.h"
#include "pveagentd/privcall.h"

struct watch {
    struct agent *a;
    struct event *tick;
    struct privcall *call;
    bool is_lost;                /* the root half did not answer last time: said once */
    struct timespec certificate; /* when it last changed */
};

#define MARK "enrolled" /* in the state directory: somebody has joined here once */

static void lost(struct watch *w, int r) {
    if (!w->is_lost) {
        agent_log(AE_ROOT_HALF, "the root half does not answer", "REASON", strerror(-r), NULL);
    }
    w->is_lost = true;
}

static void apply(struct agent *a, bool wanted) {
    struct err e = {0};

    if (a->is_activated || a->is_stopping || wanted == a->is_open) {
        return;
    }
    if (!wanted) {
        agent_shut(a);
        agent_log(AE_CLOSED, "no client and no invitation: the port is closed", NULL);
        return;
    }
    if (agent_open(a, &e) < 0) {
        agent_log(AE_CLOSED, "cannot open the port", "REASON", e.msg, NULL);
        return;
    }
    agent_log(AE_OPENED, "the port is open", NULL);
}

static bool has_mark(const struct agent *a) {
    char path[4096];
    int n = snprintf(path, sizeof(path), "%s/" MARK, a->o.state);

    return n > 0 && (size_t)n < sizeof(path) && access(path, F_OK) == 0;
}

int agent_mark_enrolled(struct agent *a, struct err *e) {
    char path[4096];
    int n = snprintf(path, sizeof(path), "%s/" MARK, a->o.state);

    return n > 0 && (size_t)n < sizeof(path)
               ? file_replace(AT_FDCWD, path, "", 0, 0600, e)
               : err_set(e, -ENAMETOOLONG, "the state directory's path is too long");
}

static void on_answer(void *ctx, uint16_t type, struct msg_rd *rd) {
    struct watch *w = ctx;
    uint64_t open;

    if (type != MSG_JOIN_INFO_ANSWER) {
        lost(w, -EBADMSG);
        return;
    }
    open = msg_u64(rd);
    (void)msg_u64(rd); /* until when: the next tick sees it closed */
    if (msg_done(rd) < 0) {
        lost(w, -EBADMSG);
        return;
    }
    w->is_lost = false;
    apply(w->a, open || has_mark(w->a));
}

static void on_end(void *ctx, int r) {
    struct watch *w = ctx;

    privcall_free(w->call);
    w->call = NULL;
    if (r < 0) {
        lost(w, r);
    }
}

static const struct privcall_ops ops = {on_answer, on_end};

/* `pveagentctl rotate tls --switch` puts another key and certificate in place. */
static void reload_certificate(struct watch *w) {
    char path[4096];
    struct err e = {0};
    struct stat st;
    int n = snprintf(path, sizeof(path), "%s/tls.crt", w->a->o.state);

    if (n < 0 || (size_t)n >= sizeof(path) || stat(path, &st) < 0 ||
        (st.st_mtim.tv_sec == w->certificate.tv_sec &&
         st.st_mtim.tv_nsec == w->certificate.tv_nsec)) {
        return;
    }
    if (w->certificate.tv_sec && agent_tls_load(w->a, &e) < 0) {
        agent_log(AE_CERTIFICATE, "the new certificate cannot be used", "REASON", e.msg, NULL);
    }
    w->certificate = st.st_mtim;
}

static void ask(struct watch *w) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(64);
    int r;

    if (w->call) {
        return;
    }
    r = msg_begin(&b, MSG_JOIN_INFO);
    if (r == 0) {
        msg_end(&b);
        r = privcall_start(w->a->base, w->a->o.priv_socket, &b, NULL, 0, AGENT_ASK_S, &ops, w,
                           &w->call);
    }
    if (r < 0) {
        lost(w, r);
    }
}

static void on_tick(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    reload_certificate(arg);
    ask(arg);
}

int agent_watch_start(struct agent *a, struct err *e) {
    static const struct timeval every = {AGENT_WATCH_S, 0};
    struct watch *w = calloc(1, sizeof(*w));

    if (!w) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    a->watch = w;
    w->a = a;
    w->tick = event_new(a->base, -1, EV_PERSIST, on_tick, w);
    if (!w->tick || event_add(w->tick, &every) < 0) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    on_tick(-1, 0, w);
    return 0;
}

void agent_watch_stop(struct agent *a) {
    struct watch *w = a->watch;

    if (w) {
        if (w->tick) {
            event_free(w->tick);
        }
        privcall_free(w->call);
        free(w);
        a->watch = NULL;
    }
}
