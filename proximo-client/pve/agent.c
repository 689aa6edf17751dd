/* SPDX-License-Identifier: Apache-2.0 */
/* Following a command in a VM. What cannot be read is not an end: a few misses in a row are waited
 * out (the VM's agent restarts, the API's node is busy), after that the end is not known. */
#include "proximo-client/pve/agent.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/js.h"
#include "common/own.h"
#include "proximo-client/pve/wire.h"

#define MISSES 5

void pve_exec_init(struct pve_exec *x) {
    *x = (struct pve_exec){.out = BUF_INIT(2 * PVE_EXEC_OUTPUT),
                           .err = BUF_INIT(2 * PVE_EXEC_OUTPUT)};
}

void pve_exec_done(struct pve_exec *x) {
    buf_wipe(&x->out); /* a command may print what it was given in secret */
    buf_wipe(&x->err);
}

/* Every character fits a byte: U+0000 to U+00FF, in UTF-8 one byte or C2/C3 and one. */
static bool fits_bytes(const unsigned char *s, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (s[i] >= 0x80 && s[i] != 0xc2 && s[i] != 0xc3) {
            return false;
        }
        i += s[i] >= 0x80;
    }
    return true;
}

static bool is_utf8(const struct buf *b) {
    CLEANUP(js_freep) js *v = js_str_n(b->len ? b->data : "", b->len); /* cleaned */

    return (size_t)json_object_get_string_len(v) == b->len &&
           memcmp(json_object_get_string(v), b->len ? b->data : "", b->len) == 0;
}

int pve_agent_bytes(const char *text, size_t len, struct buf *ret) {
    const unsigned char *s = (const unsigned char *)text;
    int r = 0;

    buf_reset(ret);
    if (fits_bytes(s, len)) {
        for (size_t i = 0; r == 0 && i < len; i++) {
            unsigned char c = s[i];

            if (c >= 0x80 && i + 1 < len) {
                c = (unsigned char)((c & 3) << 6 | (s[++i] & 0x3f));
            }
            r = buf_addc(ret, (char)c);
        }
        if (r < 0 || is_utf8(ret)) {
            return r;
        }
        buf_reset(ret);
    }
    return buf_add(ret, text, len);
}

static int take(const js *data, const char *key, struct buf *ret, struct err *e) {
    const js *v = js_get(data, key);

    if (!js_is_str(v)) {
        return 0;
    }
    return pve_agent_bytes(json_object_get_string((js *)(uintptr_t)v),
                           (size_t)json_object_get_string_len(v), ret) < 0
               ? err_tag(e, -E2BIG, "agent_lost", "the command's output is larger than %d MiB",
                         2 * PVE_EXEC_OUTPUT >> 20)
               : 0;
}

int pve_exec_read(const js *data, struct pve_exec *ret, struct err *e) {
    int64_t code = 0;
    int r;

    if (!js_get(data, "exited")) {
        return err_tag(e, -EBADMSG, "pve_bad_answer", "a command's status without `exited`");
    }
    ret->ended = js_bool_or(data, "exited", false);
    if (!ret->ended) {
        return 0;
    }
    ret->signalled = js_get_int(data, "signal", &code);
    if (!ret->signalled && !js_get_int(data, "exitcode", &code)) {
        return err_tag(e, -EBADMSG, "agent_lost",
                       "the command has ended, and the agent does not say how");
    }
    ret->value = code;
    ret->out_cut = js_bool_or(data, "out-truncated", false);
    ret->err_cut = js_bool_or(data, "err-truncated", false);
    r = take(data, "out-data", &ret->out, e);
    return r < 0 ? r : take(data, "err-data", &ret->err, e);
}

int pve_exec_status(struct pve *p, const char *node, const char *vmid, int64_t pid,
                    struct pve_exec *ret, struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(1024);
    CLEANUP(js_freep) js *args = js_object();
    CLEANUP(js_freep) js *data = NULL;
    int r;

    js_add(args, "node", js_str(node));
    js_add(args, "vmid", js_str(vmid));
    r = pve_path("/nodes/{node}/qemu/{vmid}/agent/exec-status", args, &path, e);
    if (r == 0 && buf_addf(&path, "?pid=%lld", (long long)pid) < 0) {
        r = err_set(e, -E2BIG, "path too long");
    }
    r = r < 0 ? r : pve_get(p, buf_str(&path), &data, e);
    return r < 0 ? r : pve_exec_read(data, ret, e);
}

/* The agent's own word; all else may pass. */
static bool is_final(const struct err *e) {
    return strstr(e->msg, "Agent error:") ||
           (strcmp(e->tag, "pve_unreachable") != 0 && strcmp(e->tag, "pve_error") != 0);
}

static int lost(const struct err *why, struct err *e) {
    (void)err_tag(e, -EIO, "agent_lost", "how the command ended is not known: %.300s", why->msg);
    return err_hint(e, "look into the VM; the agent tells a command's end once and forgets it when "
                       "it is restarted");
}

int pve_exec_wait(struct pve *p, const char *node, const char *vmid, int64_t pid,
                  int64_t timeout_ms, void (*tick)(void *ctx, int64_t waited_ms), void *ctx,
                  struct pve_exec *ret, struct err *e) {
    int64_t start = clock_mono_ms(), told = 0, step = 50;
    unsigned int missed = 0;

    for (;;) {
        struct err why = {0};
        int r = pve_exec_status(p, node, vmid, pid, ret, &why);
        int64_t waited = clock_mono_ms() - start;

        missed = r < 0 ? missed + 1 : 0;
        if (r < 0 && (missed > MISSES || is_final(&why))) {
            return lost(&why, e);
        }
        if ((r == 0 && ret->ended) || waited >= timeout_ms) {
            return 0;
        }
        if (tick && waited - told >= 1000) {
            told = waited;
            tick(ctx, waited);
        }
        r = pve_pause(p, step < timeout_ms - waited ? step : timeout_ms - waited, e);
        if (r < 0) {
            return r;
        }
        step = step < 800 ? step * 2 : 1000;
    }
}
