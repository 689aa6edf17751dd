/* SPDX-License-Identifier: Apache-2.0 */
/* The strictest wins. There is no key that loosens: a source can only say less is allowed. */
#include "proximo-client/policy_rules.h"

#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/canon.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/agent_rules.h"
#include "proximo-client/config.h"

/* One item "101" or "105-109" of s[0..len). */
static int parse_range(const char *s, size_t len, uint32_t *lo, uint32_t *hi) {
    const char *dash = memchr(s, '-', len);
    size_t first = dash ? (size_t)(dash - s) : len;
    uint64_t a;
    uint64_t b;

    if (ident_u64n(s, first, &a) < 0) {
        return -EINVAL;
    }
    b = a;
    if (dash && ident_u64n(dash + 1, len - first - 1, &b) < 0) {
        return -EINVAL;
    }
    if (a < VMID_MIN || b > VMID_MAX || a > b) {
        return -EINVAL;
    }
    *lo = (uint32_t)a;
    *hi = (uint32_t)b;
    return 0;
}

/* Walks a list; 1 when vmid is in it, 0 when not, -EINVAL when the list is malformed. */
static int list_walk(const char *list, uint32_t vmid) {
    int hit = 0;

    if (strcmp(list, "*") == 0) {
        return 1;
    }
    while (*list) {
        size_t len = strcspn(list, " ,\t");
        uint32_t lo;
        uint32_t hi;

        if (len && parse_range(list, len, &lo, &hi) < 0) {
            return -EINVAL;
        }
        hit = hit || (len && vmid >= lo && vmid <= hi);
        list += len;
        list += strspn(list, " ,\t");
    }
    return hit;
}

int vmid_list_check(const char *list) {
    return list_walk(list, 0) < 0 ? -EINVAL : 0;
}

bool vmid_list_has(const char *list, uint32_t vmid) {
    return list_walk(list, vmid) == 1;
}

/* Lists are kept side by side, separated by '&': a container must be in each. */
static int merge_allow(struct policy *p, const char *value) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(65536);
    int r;

    if (vmid_list_check(value) < 0) {
        return -EINVAL;
    }
    r = p->ct_allow ? buf_addf(&b, "%s&%s", p->ct_allow, value) : buf_adds(&b, value);
    if (r < 0) {
        return r;
    }
    free(p->ct_allow);
    p->ct_allow = buf_take(&b);
    return p->ct_allow ? 0 : -ENOMEM;
}

bool config_ct_allowed(const struct config *c, uint32_t vmid) {
    const char *list = c->policy.ct_allow;

    if (!c->policy.exec || !list) {
        return false;
    }
    while (list) {
        const char *amp = strchr(list, '&');
        CLEANUP(freep) char *one = amp ? strndup(list, (size_t)(amp - list)) : strdup(list);

        if (!one || !vmid_list_has(one, vmid)) {
            return false;
        }
        list = amp ? amp + 1 : NULL;
    }
    return true;
}

static int parse_bool(const char *value, bool *ret) {
    if (strcmp(value, "yes") == 0 || strcmp(value, "no") == 0) {
        *ret = value[0] == 'y';
        return 0;
    }
    return -EINVAL;
}

static int merge_need(enum approval_need *need, const char *value) {
    for (int n = NEED_NONE; n <= NEED_OPERATOR; n++) {
        if (strcmp(value, need_name((enum approval_need)n)) == 0) {
            if ((enum approval_need)n > *need) {
                *need = (enum approval_need)n;
            }
            return 0;
        }
    }
    return -EINVAL;
}

static int merge_shrink(int64_t *seconds, const char *value, int64_t unit, bool grows) {
    uint32_t v;

    if (ident_u32(value, &v) < 0 || v == 0 || v > 100000) {
        return -EINVAL;
    }
    if (grows ? v * unit > *seconds : v * unit < *seconds) {
        *seconds = v * unit;
    }
    return 0;
}

static int merge_one(struct policy *p, const struct opinion *o, bool *no) {
    bool yes = false;
    int r;

    if (strcmp(o->key, "exec") == 0) {
        r = parse_bool(o->value, &yes);
        p->exec_opinion = true;
        p->exec = p->exec || yes;
        *no = *no || !yes;
        return r;
    }
    if (strcmp(o->key, "read-only") == 0) {
        r = parse_bool(o->value, &yes);
        p->read_only = p->read_only || yes;
        return r;
    }
    if (strcmp(o->key, "ct-allow") == 0) {
        return merge_allow(p, o->value);
    }
    if (strcmp(o->key, "taint-minutes") == 0) {
        return merge_shrink(&p->taint_s, o->value, 60, true); /* longer is stricter */
    }
    if (strcmp(o->key, "plan-minutes") == 0) {
        return merge_shrink(&p->ttl_s, o->value, 60, false);
    }
    if (strcmp(o->key, "operator-hours") == 0) {
        return merge_shrink(&p->operator_ttl_s, o->value, 3600, false);
    }
    for (int i = RISK_NONE; i <= RISK_HIGH; i++) {
        if (strncmp(o->key, "approve-", 8) == 0 &&
            strcmp(o->key + 8, risk_name((enum risk)i)) == 0) {
            return merge_need(&p->need[i], o->value);
        }
    }
    return -EINVAL;
}

int policy_merge(struct config *c, struct err *e) {
    struct policy *p = &c->policy;
    bool no = false;

    p->need[RISK_MEDIUM] = NEED_HOST;
    p->need[RISK_HIGH] = NEED_OPERATOR;
    p->taint_s = 3600;
    p->ttl_s = 900;
    p->operator_ttl_s = 86400;
    for (size_t i = 0; i < c->n_opinions; i++) {
        const struct opinion *o = &c->opinion[i];

        if (merge_one(p, o, &no) < 0) {
            (void)err_tag(e, -EINVAL, "bad_config", "%s: [policy] %s = %s cannot be read",
                          o->origin, o->key, o->value);
            return err_hint(e, "see proximo.ini(5) for the values of %s", o->key);
        }
    }
    if (no) {
        p->exec = false;
    }
    for (int i = RISK_LOW; i <= RISK_HIGH;
         i++) { /* what a lower risk needs, a higher one does too */
        if (p->need[i] < p->need[i - 1]) {
            p->need[i] = p->need[i - 1];
        }
    }
    return 0;
}

js *config_policy_json(const struct config *c) {
    const struct policy *p = &c->policy;
    js *o = js_object();

    js *agent = agent_rules_json(c);

    js_add(o, "exec", js_bool(p->exec));
    js_add(o, "ct_allow", js_str(p->ct_allow ? p->ct_allow : ""));
    js_add(o, "read_only", js_bool(p->read_only));
    for (int i = RISK_NONE; i <= RISK_HIGH; i++) {
        char key[32];

        (void)snprintf(key, sizeof(key), "approve_%s", risk_name((enum risk)i));
        js_add(o, key, js_str(need_name(p->need[i])));
    }
    if (agent) {
        js_add(o, "agent", agent);
    }
    js_add(o, "taint_s", js_int(p->taint_s));
    js_add(o, "ttl_s", js_int(p->ttl_s));
    js_add(o, "operator_ttl_s", js_int(p->operator_ttl_s));
    return o;
}

int config_policy_text(const struct config *c, struct buf *ret, struct err *e) {
    CLEANUP(js_freep) js *o = config_policy_json(c);
    js *ops = js_array();

    for (size_t i = 0; i < c->n_operators; i++) {
        CLEANUP(buf_done) struct buf b = BUF_INIT(512);

        (void)vkey_text(&c->operator[i].key, &b);
        js_push(ops, js_str(buf_str(&b)));
    }
    js_add(o, "operators", ops);
    return canon_write(o, ret, e);
}

int config_policy_digest(const struct config *c, struct hash *ret, struct err *e) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_PLAN_BODY);
    int r = config_policy_text(c, &b, e);

    if (r == 0) {
        sha256(buf_str(&b), b.len, ret);
    }
    return r;
}
