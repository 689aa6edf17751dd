/* SPDX-License-Identifier: Apache-2.0 */
/* ct_exec and ct_logs: a command in a container, run by the node's daemon. The plan holds the whole
 * request text that the node will judge and run, and the node is asked beforehand: what it would
 * refuse is refused here, with its rule and remedy, before anybody is asked to approve anything. */
#include <errno.h>
#include <string.h>

#include "common/ident.h"
#include "common/request.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/nodes/nodes.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/tools/on_node.h"
#include "proximo-client/tools/plans.h"

#define TIMEOUT_S  30
#define OUTPUT_MAX (1024 * 1024)
#define UNDO_TTL_S (24 * 60 * 60) /* formats.md 10: at least a day of running time */
#define MAX_ARGS   128
#define MAX_ENV    64

struct command {
    const char *arg[MAX_ARGS + 1];
    size_t n_args;
    char *env[MAX_ENV + 1]; /* owned */
    size_t n_env;
    const char *cwd;
    uint32_t uid, timeout_s, output_max;
    bool want_undo;
    const char *why_no_undo; /* when none is wanted */
    const char *input;       /* standard input, or NULL */
    size_t input_len;
    bool input_secret;
    /* Its own, not the plan's: it goes to the node with the value, and a node that knew the key of
     * the plan's other commitments could guess those values. */
    uint8_t input_key[HASH_LEN];
};

static void command_done(struct command *c) {
    for (size_t i = 0; i < c->n_env; i++) {
        free(c->env[i]);
    }
    explicit_bzero(c->input_key, sizeof(c->input_key));
}

static void exec_request(struct session *s, const struct node_info *n, uint32_t vmid,
                         const struct command *c, const char *undo_name, struct node_request *q) {
    on_node_base(s, n, vmid, OP_EXEC, q);
    q->arg = (const char **)(uintptr_t)c->arg;
    q->n_args = c->n_args;
    q->env = (const char **)(uintptr_t)c->env;
    q->n_env = c->n_env;
    q->cwd = c->cwd;
    q->uid = c->uid;
    q->timeout_s = c->timeout_s;
    q->output_max = c->output_max;
    q->has_stdin = c->input != NULL;
    q->stdin_bytes = (uint32_t)c->input_len;
    q->stdin_is_hmac = c->input_secret;
    if (c->input_secret) {
        hmac_sha256(c->input_key, sizeof(c->input_key), c->input, c->input_len, &q->stdin_hash);
    } else if (c->input) {
        sha256(c->input, c->input_len, &q->stdin_hash);
    }
    q->undo = undo_name != NULL;
    if (undo_name) {
        (void)snprintf(q->undo_name, sizeof(q->undo_name), "%s", undo_name);
        q->undo_ttl_s = UNDO_TTL_S;
    }
}

static int denied(const char *node, const js *answer, struct err *e) {
    const char *rule = js_str_or(answer, "rule", ""), *code = js_str_or(answer, "code", "");

    (void)err_tag(e, -EACCES, "policy_denied", "node %s would refuse this: %.200s%s%.40s%s%s%.30s",
                  node, js_str_or(answer, "why", "its policy does not allow it"),
                  *rule ? " (rule " : "", rule, *rule ? ")" : "", *code ? ", code " : "", code);
    err_by(e, "node");
    return err_hint(
        e, "%.300s",
        js_str_or(answer, "remedy", "root on the node can allow it with pveagentctl edit"));
}

static bool can_undo(const js *answer) {
    return js_bool_or(js_get(answer, "undo"), "possible", false);
}

/* Whether the node would also let the snapshot be rolled back: a way back that policy forbids is
 * none. */
static bool may_roll_back(struct session *s, const struct node_info *n, uint32_t vmid,
                          const char *name) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_LINES);
    CLEANUP(js_freep) js *answer = NULL;
    struct node_request q;

    on_node_base(s, n, vmid, OP_ROLLBACK, &q);
    q.undo = true;
    q.undo_ttl_s = UNDO_TTL_S;
    (void)snprintf(q.undo_name, sizeof(q.undo_name), "%s", name);
    return on_node_ask(s, &q, &text, &answer, NULL) == 0 && js_bool_or(answer, "allowed", false);
}

/* stop, roll back, start: with their own nonces, reused byte for byte by the undo. They name the
 * configuration too: a node acts on no container that was changed since the plan. */
static int add_undo(struct draft *d, const struct node_info *n, uint32_t vmid, const char *name,
                    const js *answer, struct err *e) {
    static const enum request_op steps[] = {OP_STOP, OP_ROLLBACK, OP_START};
    const char *config = js_str_or(answer, "config", "");
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(steps); i++) {
        CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_LINES);
        struct node_request q;

        on_node_base(draft_session(d), n, vmid, steps[i], &q);
        q.has_config = hash_parse(config, &q.config) == 0;
        if (steps[i] == OP_ROLLBACK) {
            q.undo = true;
            q.undo_ttl_s = UNDO_TTL_S;
            (void)snprintf(q.undo_name, sizeof(q.undo_name), "%s", name);
        }
        r = request_text(&q, &text, e);
        if (r == 0) {
            r = draft_node_request(d, PHASE_UNDO, n->name, buf_str(&text), e);
        }
    }
    draft_undo(d, "node-snapshot",
               "the container's volumes go back to the snapshot taken just before the command",
               "the container is stopped and started for it (running programs end); everything "
               "written since the command is lost; the snapshot is kept for 24 h");
    return r;
}

static void no_undo(struct draft *d, const struct command *c, const js *answer, bool policy) {
    const char *why = js_str_or(js_get(answer, "undo"), "why", "");
    char text[300];

    if (!c->want_undo) {
        (void)snprintf(text, sizeof(text), "%s", c->why_no_undo);
    } else if (policy) {
        (void)snprintf(text, sizeof(text),
                       "the node's policy does not let this client roll the container back");
    } else {
        (void)snprintf(text, sizeof(text), "the node cannot take a snapshot%s%.200s",
                       *why ? ": " : "", why);
    }
    draft_undo(d, "none", text, "");
}

/* Asks first with the undo that is wanted, then with exactly what will be sent. */
static int settle(struct draft *d, const struct guest_ref *g, const struct node_info *n,
                  const struct command *c, struct buf *text, js **ret_answer, struct err *e) {
    struct session *s = draft_session(d);
    const char *config, *undo = NULL;
    bool policy = false;
    struct node_request q;
    char name[24], hex[9];
    uint8_t raw[4];
    int r;

    random_bytes(raw, sizeof(raw));
    hex_encode(raw, sizeof(raw), hex);
    (void)snprintf(name, sizeof(name), "pxundo_%s", hex);
    exec_request(s, n, g->vmid, c, c->want_undo ? name : NULL, &q);
    r = on_node_ask(s, &q, text, ret_answer, e);
    if (r < 0) {
        return r;
    }
    if (c->want_undo && can_undo(*ret_answer)) {
        policy = !may_roll_back(s, n, g->vmid, name);
        undo = policy ? NULL : name;
    }
    exec_request(s, n, g->vmid, c, undo, &q);
    config = js_get_str(*ret_answer, "config");
    q.has_config = config && hash_parse(config, &q.config) == 0;
    r = on_node_ask(s, &q, text, ret_answer, e);
    if (r < 0) {
        return r;
    }
    if (!js_bool_or(*ret_answer, "allowed", false)) {
        return denied(n->name, *ret_answer, e);
    }
    if (!js_bool_or(*ret_answer, "exists", true) || !js_bool_or(*ret_answer, "running", true)) {
        return err_tag(e, -EINVAL, "bad_state", "node %s says container %u does not run", n->name,
                       g->vmid);
    }
    if (undo) {
        return add_undo(d, n, g->vmid, undo, *ret_answer, e);
    }
    no_undo(d, c, *ret_answer, policy);
    return 0;
}

/* The command as people read it: words with anything but plain characters in quotes. */
static void words_of(const struct command *c, struct buf *b) {
    for (size_t i = 0; i < c->n_args; i++) {
        bool plain = *c->arg[i] && !c->arg[i][strcspn(c->arg[i], " \t\n\"'\\$`|&;<>()*?[]{}~#")];

        (void)buf_addf(b, plain ? "%s%s" : "%s\"%s\"", i ? " " : "", c->arg[i]);
    }
}

/* A secret goes with its key in front (formats.md 5.1), so that the root half can check it. */
static void add_input(struct draft *d, const struct command *c) {
    CLEANUP(buf_wipe) struct buf b = BUF_INIT(LIM_STDIN + HASH_LEN);

    if (!c->input_secret) {
        draft_stdin(d, c->input, c->input_len, false);
        return;
    }
    if (buf_add(&b, c->input_key, sizeof(c->input_key)) < 0 ||
        buf_add(&b, c->input, c->input_len) < 0) {
        abort();
    }
    draft_stdin(d, buf_str(&b), b.len, true);
}

static int plan_command(struct draft *d, const js *args, const struct command *c, struct err *e) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_LINES), words = BUF_INIT(400);
    CLEANUP(js_freep) js *answer = NULL;
    const struct node_info *n = NULL;
    struct guest_ref g;
    char read[128], input[64] = "";
    int r = plan_guest(d, args, &g, NULL, e);

    if (r == 0 && strcmp(g.kind, "lxc") != 0) {
        r = err_tag(e, -EINVAL, "bad_argument", "guest %u is a VM: commands run in containers only",
                    g.vmid);
    }
    if (r == 0 && !g.running) {
        (void)err_tag(e, -EINVAL, "bad_state", "container %u does not run", g.vmid);
        r = err_hint(e, "start it first: pve_guest_power");
    }
    if (r == 0) {
        r = on_node_find(draft_session(d), g.node, &n, e);
    }
    if (r == 0) {
        r = settle(d, &g, n, c, &text, &answer, e);
    }
    if (r < 0) {
        return r;
    }
    words_of(c, &words);
    if (c->input) {
        (void)snprintf(input, sizeof(input), ", with %zu bytes of %sstandard input", c->input_len,
                       c->input_secret ? "secret " : "");
    }
    draft_change(d, "in container %u (%s) on node %s run: %s%s%s", g.vmid, g.name, g.node,
                 buf_str(&words), words.len > 350 ? " …" : "", input);
    (void)snprintf(read, sizeof(read), "node/%s/ct/%u", n->name, g.vmid);
    r = draft_precondition(d, read, "node-config", answer, e);
    if (r == 0) {
        r = draft_node_request(d, PHASE_EXECUTE, n->name, buf_str(&text), e);
    }
    if (r == 0 && c->input) {
        add_input(d, c);
    }
    on_node_need(d, answer);
    return r < 0 ? r : assess_exec(d, &g, answer, e);
}

static int take_env(const js *env, struct command *c, struct err *e) {
    if (!env) {
        return 0;
    }
    JS_FOREACH(env, key, val) {
        CLEANUP(buf_done) struct buf b = BUF_INIT(LIM_LINE);

        if (c->n_env == MAX_ENV || buf_addf(&b, "%s=%s", key, value_text(val)) < 0) {
            return err_tag(e, -E2BIG, "bad_argument", "env is too large");
        }
        c->env[c->n_env] = buf_take(&b);
        if (!c->env[c->n_env]) {
            return err_set(e, -ENOMEM, "out of memory");
        }
        c->n_env++;
    }
    return 0;
}

static int take_input(const js *args, struct command *c, struct err *e) {
    const char *shown = js_get_str(args, "stdin"), *secret = js_get_str(args, "stdin_secret");

    if (shown && secret) {
        return err_tag(e, -EINVAL, "bad_argument", "stdin and stdin_secret exclude each other");
    }
    c->input = secret ? secret : shown;
    c->input_len = c->input ? strlen(c->input) : 0;
    c->input_secret = secret != NULL;
    random_bytes(c->input_key, sizeof(c->input_key));
    return 0;
}

int plan_exec(struct draft *d, const js *args, struct err *e) {
    CLEANUP(command_done)
    struct command c = {
        .cwd = js_get_str(args, "cwd"),
        .uid = (uint32_t)js_int_or(args, "uid", 0),
        .timeout_s = (uint32_t)js_int_or(args, "timeout", TIMEOUT_S),
        .output_max = (uint32_t)js_int_or(args, "output", OUTPUT_MAX),
        .want_undo = strcmp(js_str_or(args, "undo", "auto"), "none") != 0,
        .why_no_undo = "none was asked for",
    };
    const js *argv = js_get(args, "argv");
    int r;

    for (size_t i = 0; i < js_len(argv) && i < MAX_ARGS; i++) {
        c.arg[c.n_args++] = json_object_get_string(js_at(argv, i));
    }
    if (!c.n_args || c.arg[0][0] != '/') {
        (void)err_tag(e, -EINVAL, "bad_argument", "argv must begin with an absolute path");
        return err_hint(e, "e.g. /usr/bin/systemctl; no shell is used and no PATH is searched");
    }
    if (c.cwd && c.cwd[0] != '/') {
        return err_tag(e, -EINVAL, "bad_argument", "cwd must be absolute");
    }
    r = take_env(js_get(args, "env"), &c, e);
    r = r < 0 ? r : take_input(args, &c, e);
    return r < 0 ? r : plan_command(d, args, &c, e);
}

static bool is_unit(const char *s) {
    size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_.\\@");

    return n && !s[n] && s[0] != '-' && n <= 255;
}

int plan_logs(struct draft *d, const js *args, struct err *e) {
    const char *unit = js_str_or(args, "unit", "");
    char lines[16];
    struct command c = {.arg = {"/usr/bin/journalctl", "-u", unit, "-n", lines, "--no-pager"},
                        .n_args = 6,
                        .timeout_s = TIMEOUT_S,
                        .output_max = OUTPUT_MAX,
                        .why_no_undo = "reading a log changes nothing"};

    if (!is_unit(unit)) {
        return err_tag(e, -EINVAL, "bad_argument", "unit is not the name of a systemd unit");
    }
    (void)snprintf(lines, sizeof(lines), "%lld", (long long)js_int_or(args, "lines", 100));
    return plan_command(d, args, &c, e);
}
