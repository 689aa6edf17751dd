/* SPDX-License-Identifier: Apache-2.0 */
/* The question of an undo. What the operation's plan recorded of the world before it is the
 * measure: of each object that a request names, the observations are made again. Observations of
 * other objects (all guests, say) are left alone: what others did meanwhile is not the undo's
 * fault. */
#include "proximo-client/pipeline/undo_check.h"

#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/nodes/nodes.h"
#include "proximo-client/pipeline/draft_int.h"
#include "proximo-client/pipeline/plan.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"

#define SETTLE_TRIES 20 /* half a second each: the manager's rounds are ten seconds apart */

struct looking {
    struct session *s;
    const struct plan *was;
    bool beside;     /* nothing tells of the objects themselves */
    bool rolls_back; /* by a guest's snapshot, which the list of snapshots then holds */
    bool reverts;    /* the node does, from its copies: of files, its receipt tells */
    size_t same, other;
    struct buf differing;
};

/* Of "/nodes/N/qemu/ID/status/start" what belongs to the guest: "/nodes/N/qemu/ID"; else 0. */
static size_t guest_part(const char *path) {
    const char *p = strncmp(path, "/nodes/", 7) == 0 ? strchr(path + 7, '/') : NULL;
    size_t n;

    if (!p || (strncmp(p, "/qemu/", 6) != 0 && strncmp(p, "/lxc/", 5) != 0)) {
        return 0;
    }
    p = strchr(p + 1, '/') + 1;
    n = strspn(p, "0123456789");
    return n ? (size_t)(p + n - path) : 0;
}

/* An observation tells of an object that a request names: it is the object, something below it, or
 * the list in which it stands; of a guest, anything of that guest. */
static bool tells_of(const char *read, const char *path) {
    size_t r = strcspn(read, "?#"), p = strlen(path), g = guest_part(path);

    if (g) {
        return guest_part(read) == g && strncmp(read, path, g) == 0;
    }
    if (r >= p) {
        return strncmp(read, path, p) == 0 && (r == p || read[p] == '/');
    }
    return strncmp(read, path, r) == 0 && path[r] == '/' && !strchr(path + r + 1, '/');
}

/* For actions that name no object of a list: what stands beside the action ("…/services/x/state"
 * beside "…/services/x/stop"), and the guests' list for what a node does to all of its guests. */
static bool stands_beside(const char *read, const char *path) {
    const char *last = strrchr(path, '/');
    size_t n = (size_t)(last - path), parts = 0, len = strlen(path);

    for (const char *p = path; p < last; p++) {
        parts += *p == '/';
    }
    if (strncmp(path, "/nodes/", 7) == 0 && parts == 2) {
        return len > 3 && strcmp(path + len - 3, "all") == 0 &&
               strncmp(read, "/cluster/resources?type=vm", 26) == 0;
    }
    return parts >= 2 && strncmp(read, path, n + 1) == 0;
}

/* A guest that was destroyed comes back out of a backup, with ids and names of volumes that PVE
 * makes up anew and without its snapshots, as its plan said: of it only whether it is there, and
 * runs, can be as before. */
static bool is_made_anew(const js *q, const char *read) {
    const char *path = js_str_or(q, "path", "");
    size_t g = guest_part(path);

    return g && !path[g] && strcmp(js_str_or(q, "method", ""), "DELETE") == 0 &&
           strncmp(read, path, g) == 0 &&
           (strncmp(read + g, "/config", 7) == 0 || strncmp(read + g, "/snapshot", 9) == 0);
}

/* The API shows interfaces as they are staged; what an apply used up, no revert stages again. */
static bool is_staged(const char *read) {
    const char *rest = strncmp(read, "/nodes/", 7) == 0 ? strchr(read + 7, '/') : NULL;

    return rest && strncmp(rest, "/network", 8) == 0;
}

static bool is_about(const struct looking *w, const js *pre) {
    const js *list = js_get(w->was->v, "requests");
    const char *read = js_str_or(pre, "read", "");

    if (js_bool_or(pre, "then", false) || /* as an earlier step leaves it, not as it was */
        (w->rolls_back && strcmp(js_str_or(pre, "reduce", ""), "snapshots") == 0) ||
        (w->reverts && is_staged(read))) {
        return false;
    }
    for (size_t i = 0; i < js_len(list); i++) {
        const js *q = js_at(list, i);

        const char *path = js_get_str(q, "path");

        if (path && strcmp(js_str_or(q, "phase", ""), "execute") == 0 && !is_made_anew(q, read) &&
            (w->beside ? stands_beside(read, path) : tells_of(read, path))) {
            return true;
        }
    }
    return false;
}

static void differs(struct looking *w, const char *read) {
    w->other++;
    (void)buf_addf(&w->differing, "%s%s", w->differing.len ? ", " : "", read);
}

static int compare(struct looking *w, const js *pre, const js *data, struct err *e) {
    char text[HASH_HEX_LEN + 1];
    struct hash h;
    int r = reduce_digest(js_str_or(pre, "reduce", ""), data, &h, e);

    if (r < 0) {
        return r;
    }
    hash_text(&h, text);
    if (strcmp(text, js_str_or(pre, "digest", "")) == 0) {
        w->same++;
    } else {
        differs(w, js_str_or(pre, "read", ""));
    }
    return 0;
}

static int look_api(struct looking *w, struct err *e) {
    const js *all = js_get(w->was->v, "preconditions");

    for (size_t i = 0; i < js_len(all); i++) {
        CLEANUP(js_freep) js *data = NULL;
        const js *pre = js_at(all, i);
        const char *read = js_str_or(pre, "read", "");
        struct err why = {0};
        int r = !is_about(w, pre) ? 1 : pve_get(w->s->pve, read, &data, &why);

        if (r < 0 && strcmp(why.tag, "pve_not_found") == 0) {
            differs(w, read);
        } else if (r < 0) {
            if (e) {
                *e = why;
            }
            return err_wrap(e, "read %s again", read);
        } else if (r == 0 && compare(w, pre, data, e) < 0) {
            return -EINVAL;
        }
    }
    return 0;
}

/* What the operation made is gone. */
static int look_removed(struct looking *w, const js *undo, struct err *e) {
    CLEANUP(js_freep) js *list = NULL;
    const js *what = js_get(undo, "removes"), *left = js_at(js_get(undo, "left"), 0);
    bool guest = strcmp(js_str_or(what, "kind", ""), "guest") == 0, there = false;
    const char *path = guest ? "/cluster/resources?type=vm" : js_str_or(left, "read", "");
    int r = what ? pve_get(w->s->pve, path, &list, e) : 0;

    for (size_t i = 0; r == 0 && i < js_len(list); i++) {
        const js *v = js_at(list, i);

        there |= guest ? js_int_or(v, "vmid", 0) == js_int_or(what, "vmid", -1)
                       : strcmp(js_str_or(v, "volid", ""), js_str_or(what, "volid", "-")) == 0;
    }
    if (r == 0 && what && there) {
        differs(w, guest ? "the guest is still there" : "the volume is still there");
    } else if (r == 0 && what) {
        w->same++;
    }
    return r;
}

/* Of steps, those that the undo had to take back. */
static int look_all_removed(struct looking *w, struct err *e) {
    const js *steps = js_get(w->was->v, "steps");
    int r = look_removed(w, js_get(w->was->v, "undo"), e);

    for (size_t i = 0; r == 0 && i < js_len(steps); i++) {
        r = look_removed(w, js_get(js_at(steps, i), "undo"), e);
    }
    return r;
}

/* A node tells of a container when it is asked about a request that names it. */
static int look_node(struct looking *w, const js *q, struct err *e) {
    CLEANUP(js_freep) js *answer = NULL;
    const js *all = js_get(w->was->v, "preconditions");
    const char *node = js_str_or(q, "node", "");
    char begin[80];
    int r = node_explain(w->s->nodes, node, js_str_or(q, "request", ""), &answer, e);

    (void)snprintf(begin, sizeof(begin), "node/%.63s/", node);
    for (size_t i = 0; r == 0 && i < js_len(all); i++) {
        const js *pre = js_at(all, i);

        if (strcmp(js_str_or(pre, "reduce", ""), "node-config") == 0 &&
            strncmp(js_str_or(pre, "read", ""), begin, strlen(begin)) == 0) {
            r = compare(w, pre, answer, e);
        }
    }
    return r;
}

static int look(struct looking *w, struct err *e) {
    const js *q = plan_request(w->was, "execute", 0, NULL);
    int r = look_api(w, e);

    r = r < 0 ? r : look_all_removed(w, e);
    if (r == 0 && !w->same && !w->other) {
        w->beside = true;
        r = look_api(w, e);
    }
    return r == 0 && w->s->nodes && js_get_str(q, "request") ? look_node(w, q, e) : r;
}

/* Something differs that is a guest's state or place. */
static bool may_settle(const struct looking *w) {
    return w->other && (strstr(buf_str(&w->differing), "/status/current") ||
                        strstr(buf_str(&w->differing), "/cluster/resources"));
}

int undo_check(struct session *s, const struct plan *undo, bool *ret_ok, char **ret_text,
               struct err *e) {
    CLEANUP(plan_done) struct plan was = {0};
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_PLAN_BODY);
    struct looking w = {.s = s, .was = &was, .differing = BUF_INIT(LIM_PLAN_BODY)};
    struct hash of;
    int r = hash_parse(js_str_or(js_get(undo->v, "undo_of"), "plan", ""), &of);

    r = r < 0 ? err_set(e, r, "the plan names no operation")
              : plan_load_digest(s->ledger, &of, UINT64_MAX, &was, e);
    w.rolls_back = strcmp(js_str_or(js_get(was.v, "undo"), "kind", ""), "guest-snapshot") == 0;
    w.reverts = strcmp(js_str_or(js_get(was.v, "undo"), "kind", ""), "revert-timer") == 0 &&
                js_get_str(plan_request(undo, "execute", 0, NULL), "request");
    r = r < 0 ? r : look(&w, e);
    /* Guests under HA are started, stopped and moved by the manager, some time after its answer. */
    for (int i = 0; r == 0 && may_settle(&w) && i < SETTLE_TRIES && !session_cancelled(s); i++) {
        clock_sleep_ms(500);
        w.same = w.other = 0;
        buf_reset(&w.differing);
        r = look(&w, e);
    }
    *ret_ok = r == 0 && !w.other;
    if (r == 0 && w.other) {
        r = buf_addf(&text, "not as before the operation: %s (not put back, or changed by others)",
                     buf_str(&w.differing));
    } else if (r == 0 && w.same) {
        r = buf_addf(&text, "as before the operation: %zu observations compared", w.same);
    }
    buf_done(&w.differing);
    *ret_text = r == 0 && text.len ? buf_take(&text) : NULL;
    return r;
}
