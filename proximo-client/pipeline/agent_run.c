/* SPDX-License-Identifier: Apache-2.0 */
/* Commands in VMs. Nothing signs what comes back: it is the guest's word, passed on by PVE. The
 * agent tells it once, so it is kept in the ledger before the outcome that names it. */
#include "proximo-client/pipeline/agent_run.h"

#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "proximo-client/pipeline/output.h"
#include "proximo-client/pipeline/secrets.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/agent.h"
#include "proximo-client/pve/schema.h"

#define FOLLOW_MS ((int64_t)24 * 3600 * 1000)
#define KEPT      (256 * 1024) /* of each stream, as of commands in containers */

bool agent_run_began(const js *q, const js *data, int64_t *ret_pid) {
    return segments_match("/nodes/*/qemu/*/agent/exec", js_str_or(q, "path", ""), NULL) &&
           js_get_int(data, "pid", ret_pid);
}

static void tick(void *ctx, int64_t waited_ms) {
    const struct change *c = ctx;

    session_progress(c->s, (double)waited_ms / 1000, 0, "the command in the VM runs (%lld s)",
                     (long long)(waited_ms / 1000));
}

/* Secrets go before it is cut: a cut through the middle of one would leave its beginning. */
static js *text_of(struct buf *b, const js *q, const js *form) {
    if (b->len) {
        secrets_hide_lines(js_get(q, "form"), form, b->data, b->len);
    }
    return js_str_n(buf_str(b), b->len < KEPT ? b->len : KEPT);
}

static void keep(struct change *c, const js *q, const js *form, struct pve_exec *x) {
    js *o = js_object();

    js_add(o, "how", js_str(x->signalled ? "signalled" : "exited"));
    js_add(o, "value", js_int(x->value));
    js_add(o, "stdout", text_of(&x->out, q, form));
    js_add(o, "stderr", text_of(&x->err, q, form));
    js_add(o, "stdout_bytes", js_int((int64_t)x->out.len));
    js_add(o, "stderr_bytes", js_int((int64_t)x->err.len));
    js_add(o, "attested", js_bool(false));
    js_add(o, "truncated",
           js_bool(x->out_cut || x->err_cut || x->out.len > KEPT || x->err.len > KEPT));
    output_take(c, q, o, true);
}

static void execp(struct pve_exec *x) {
    pve_exec_done(x);
}

int agent_run_follow(struct change *c, const js *q, const js *form, int64_t pid, struct err *e) {
    CLEANUP(js_freep) js *at = js_object();
    CLEANUP(execp) struct pve_exec x;
    const char *vmid;
    int r;

    pve_exec_init(&x);
    (void)segments_match("/nodes/{node}/qemu/{vmid}/agent/exec", js_str_or(q, "path", ""), at);
    vmid = js_str_or(at, "vmid", "");
    r = pve_exec_wait(c->s->pve, js_str_or(at, "node", ""), vmid, pid, FOLLOW_MS, tick, c, &x, e);
    if (r == 0 && !x.ended) {
        (void)err_tag(e, -ETIMEDOUT, "agent_lost",
                      "the command in VM %.15s still runs after a day; it is followed no longer",
                      vmid);
        r = err_hint(e, "PVE cannot stop it: look into the VM");
    }
    if (r < 0) {
        c->out = OUT_UNKNOWN;
        c->guest_text = true; /* the agent's error text may be the guest's */
        return r;
    }
    keep(c, q, form, &x);
    if (!x.signalled && x.value == 0) {
        return 0;
    }
    c->out = OUT_FAILED;
    return err_tag(e, -EIO, "command_failed", "the command in VM %.15s %s %lld", vmid,
                   x.signalled ? "was ended by signal" : "exited with", (long long)x.value);
}
