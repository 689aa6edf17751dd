/* SPDX-License-Identifier: Apache-2.0 */
/* The QEMU guest agent of a simulated VM, as PVE passes it on. What it has to say stands in the
 * guest's state:
 *
 *   "agent": {"exec":  [{"argv": ["/bin/x", "a"], "out": "", "err": "", "exit": 0 | "signal": 9,
 *                        "after": ms, "cat": 1, "out-truncated": 1}],
 *             "files": {"/etc/motd": base64}, "answers": {"get-users": […]}, "disabled":
 * "guest-exec"}
 *
 * A VM without it has an agent that does not run. Like the real one it forgets a process as soon as
 * its end has been told once. */
#include <string.h>

#include "common/b64.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/own.h"
#include "proximo-client/sim/routes.h"

#define READ_MAX (16 * 1024 * 1024)

static js *agent_of(const struct guest *g) {
    return js_get(g->obj, "agent");
}

/* The VM of the call, its agent answering; or a 500 in PVE's words. */
static int agent_ready(struct call *c, struct guest *g) {
    const char *conf;

    if (guest_of_call(c, g) < 0) {
        return -1;
    }
    conf = guest_conf(g, "agent");
    if (!conf || *conf == '0' || strstr(conf, "enabled=0")) {
        return call_fail(c, 500, "No QEMU guest agent configured");
    }
    if (!guest_running(c->s, g)) {
        return call_fail(c, 500, "VM %u is not running", g->vmid);
    }
    return js_is_object(agent_of(g)) ? 0 : call_fail(c, 500, "QEMU guest agent is not running");
}

static int agent_error(struct call *c, const char *why) {
    return call_fail(c, 500, "Agent error: %s", why);
}

/* While file systems are frozen, and where its owner says so, the agent refuses commands. */
static bool is_off(const struct guest *g, const char *command) {
    static const char *const frozen[] = {"guest-exec", "guest-file-open", "guest-fstrim"};
    bool off = list_has(js_str_or(agent_of(g), "disabled", NULL), command);

    for (size_t i = 0; js_bool_or(agent_of(g), "frozen", false) && i < ARRAY_LEN(frozen); i++) {
        off |= strcmp(frozen[i], command) == 0;
    }
    return off;
}

static int refuse_off(struct call *c, const struct guest *g, const char *command) {
    char why[160];

    if (!is_off(g, command)) {
        return 0;
    }
    (void)snprintf(why, sizeof(why), "Command %s has been disabled%s", command,
                   js_bool_or(agent_of(g), "frozen", false) ? ": the agent is in frozen state"
                                                            : "");
    return agent_error(c, why);
}

int route_agent_index(struct call *c) {
    static const char *const names[] = {"exec",
                                        "exec-status",
                                        "file-read",
                                        "file-write",
                                        "fsfreeze-freeze",
                                        "fsfreeze-status",
                                        "fsfreeze-thaw",
                                        "fstrim",
                                        "get-fsinfo",
                                        "get-host-name",
                                        "get-memory-block-info",
                                        "get-memory-blocks",
                                        "get-osinfo",
                                        "get-time",
                                        "get-timezone",
                                        "get-users",
                                        "get-vcpus",
                                        "info",
                                        "network-get-interfaces",
                                        "ping",
                                        "set-user-password",
                                        "shutdown",
                                        "suspend-disk",
                                        "suspend-hybrid",
                                        "suspend-ram"};
    struct guest g;

    if (guest_of_call(c, &g) < 0) {
        return -1;
    }
    c->data = index_of("name", names, ARRAY_LEN(names));
    return 0;
}

static void result(struct call *c, js *v) {
    c->data = js_object();
    js_add(c->data, "result", v);
}

static js *info_of(const struct guest *g) {
    static const char *const names[] = {"guest-exec",
                                        "guest-exec-status",
                                        "guest-file-open",
                                        "guest-file-read",
                                        "guest-file-write",
                                        "guest-file-close",
                                        "guest-fsfreeze-freeze",
                                        "guest-fsfreeze-thaw",
                                        "guest-fstrim",
                                        "guest-get-host-name",
                                        "guest-info",
                                        "guest-ping",
                                        "guest-set-user-password"};
    js *o = js_object(), *list = js_array();

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        js *one = js_object();

        js_add(one, "enabled", js_int(!is_off(g, names[i])));
        js_add(one, "name", js_str(names[i]));
        js_add(one, "success-response", js_int(1));
        js_push(list, one);
    }
    js_add(o, "supported_commands", list);
    js_add(o, "version", js_str("8.2.2"));
    return o;
}

/* Reads without parameters: the last word of the path. */
int route_agent_get(struct call *c) {
    const char *command = strrchr(c->path, '/') + 1;
    struct guest g;
    js *said, *o;
    char store[32];

    if (agent_ready(c, &g) < 0) {
        return -1;
    }
    said = js_get(js_get(agent_of(&g), "answers"), command);
    if (said) {
        result(c, js_ref(said));
    } else if (strcmp(command, "info") == 0) {
        result(c, info_of(&g));
    } else if (strcmp(command, "get-host-name") == 0) {
        o = js_object();
        js_add(o, "host-name", js_str(guest_name(&g, store, sizeof(store))));
        result(c, o);
    } else { /* PVE passes the agent's own error on as the result */
        o = js_object();
        js_add(o, "class", js_str("CommandNotFound"));
        js_addf(o, "desc", "The command guest-%s has not been found", command);
        result(c, js_object());
        js_add(js_get(c->data, "result"), "error", o);
    }
    return 0;
}

static bool same_argv(const js *want, const js *got) {
    if (js_is_str(got)) { /* one word is no list in a form */
        return js_len(want) == 1 && js_eq(js_at(want, 0), got);
    }
    return js_eq(want, got);
}

static const js *answer_to(const struct guest *g, const js *command) {
    const js *list = js_get(agent_of(g), "exec");

    for (size_t i = 0; i < js_len(list); i++) {
        if (same_argv(js_get(js_at(list, i), "argv"), command)) {
            return js_at(list, i);
        }
    }
    return NULL;
}

int route_agent_exec(struct call *c) {
    const js *command = js_get(c->params, "command"), *answer;
    const char *program =
        js_is_array(command) ? json_object_get_string(js_at(command, 0)) : call_str(c, "command");
    const char *input = call_str(c, "input-data");
    struct guest g;
    int64_t number = 1000 + (int64_t)(sim_random(c->s) % 60000);
    char pid[24], why[400];
    js *p;

    if (input && strlen(input) > 65536) {
        return call_param_error(c, "input-data", "value may only be 65536 characters long");
    }
    if (agent_ready(c, &g) < 0 || refuse_off(c, &g, "guest-exec") < 0) {
        return -1;
    }
    if (!program && !input) {
        return call_fail(c, 500, "command or input-data (or both) required");
    }
    answer = answer_to(&g, command);
    if (!answer) {
        (void)snprintf(why, sizeof(why),
                       "Guest agent command failed, error was 'Failed to execute child process "
                       "\xe2\x80\x9c%.200s\xe2\x80\x9d (No such file or directory)'",
                       program ? program : "");
        return agent_error(c, why);
    }
    (void)snprintf(pid, sizeof(pid), "%lld", (long long)number);
    p = js_copy(answer);
    js_add(p, "due", js_int(clock_mono_ms() + js_int_or(answer, "after", 0)));
    if (js_bool_or(answer, "cat", false) && input) {
        js_add(p, "out", js_str(input));
    }
    state_set(&c->s->st, p, "guests", g.key, "agent", "processes", pid, NULL);
    sim_tick(c->s);
    c->data = js_object();
    js_add(c->data, "pid", js_int(number));
    return 0;
}

/* PVE decodes the agent's base64 to bytes and sends them on as if each were a character. */
static js *as_characters(const char *bytes, size_t len) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(2 * READ_MAX + 1);

    for (size_t i = 0; i < len; i++) {
        unsigned char ch = (unsigned char)bytes[i];

        if (ch < 0x80) {
            (void)buf_addc(&b, (char)ch);
        } else {
            (void)buf_addc(&b, (char)(0xc0 | (ch >> 6)));
            (void)buf_addc(&b, (char)(0x80 | (ch & 0x3f)));
        }
    }
    return js_str_n(buf_str(&b), b.len);
}

static void add_stream(js *data, const js *p, const char *key, const char *of) {
    const char *text = js_str_or(p, of, "");

    if (*text) {
        js_add(data, key, as_characters(text, strlen(text)));
    }
}

int route_agent_exec_status(struct call *c) {
    const char *pid = call_str(c, "pid");
    struct guest g;
    const js *p;

    if (agent_ready(c, &g) < 0) {
        return -1;
    }
    p = js_get(js_get(agent_of(&g), "processes"), pid);
    if (!p) {
        return agent_error(c, "Invalid parameter 'pid'");
    }
    c->data = js_object();
    if (js_int_or(p, "due", 0) > clock_mono_ms()) {
        js_add(c->data, "exited", js_int(0));
        return 0;
    }
    js_add(c->data, "exited", js_int(1));
    if (js_get(p, "signal")) {
        js_add(c->data, "signal", js_int(js_int_or(p, "signal", 0)));
    } else {
        js_add(c->data, "exitcode", js_int(js_int_or(p, "exit", 0)));
    }
    add_stream(c->data, p, "out-data", "out");
    add_stream(c->data, p, "err-data", "err");
    if (js_bool_or(p, "out-truncated", false)) {
        js_add(c->data, "out-truncated", js_int(1));
    }
    state_del(&c->s->st, "guests", g.key, "agent", "processes", pid, NULL);
    return 0;
}

static int no_file(struct call *c, const char *path) {
    char why[600];

    (void)snprintf(why, sizeof(why),
                   "failed to open file '%.400s' (mode: 'r'): No such file or "
                   "directory",
                   path);
    return agent_error(c, why);
}

int route_agent_file_read(struct call *c) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(READ_MAX), text = BUF_INIT(2 * READ_MAX);
    const char *path = call_str(c, "file"), *kept;
    int64_t count = call_int(c, "count", READ_MAX), offset = call_int(c, "offset", 0);
    struct guest g;
    size_t n;

    if (count < 1 || count > READ_MAX) {
        return call_param_error(c, "count", "value must have a maximum value of %d", READ_MAX);
    }
    if (agent_ready(c, &g) < 0 || refuse_off(c, &g, "guest-file-open") < 0) {
        return -1;
    }
    kept = js_get_str(js_get(agent_of(&g), "files"), path);
    if (!kept) {
        return no_file(c, path);
    }
    if (b64_decode(kept, strlen(kept), &b) < 0) {
        return call_fail(c, 500, "the state holds no base64 for %.200s", path);
    }
    offset = offset < (int64_t)b.len ? offset : (int64_t)b.len;
    n = b.len - (size_t)offset < (size_t)count ? b.len - (size_t)offset : (size_t)count;
    c->data = js_object();
    if (call_bool(c, "decode", true)) {
        js_add(c->data, "content", as_characters(buf_str(&b) + offset, n));
    } else {
        (void)b64_encode(&text, buf_str(&b) + offset, n);
        js_add(c->data, "content", js_str(buf_str(&text)));
    }
    js_add(c->data, "bytes-read", js_int((int64_t)n));
    if ((size_t)offset + n < b.len) {
        js_add(c->data, "truncated", js_int(1));
    }
    return 0;
}

int route_agent_file_write(struct call *c) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(READ_MAX), text = BUF_INIT(READ_MAX);
    const char *path = call_str(c, "file"), *content = call_str(c, "content");
    bool plain = call_bool(c, "encode", true);
    struct guest g;

    if (strlen(content) > 60 * 1024) {
        return call_param_error(c, "content", "value may only be 61440 characters long");
    }
    if (agent_ready(c, &g) < 0 || refuse_off(c, &g, "guest-file-open") < 0) {
        return -1;
    }
    if (!plain && b64_decode(content, strlen(content), &b) < 0) {
        return agent_error(c, "Guest agent command failed, error was 'Invalid base64 data'");
    }
    (void)b64_encode(&text, plain ? content : buf_str(&b), plain ? strlen(content) : b.len);
    state_set(&c->s->st, js_str(buf_str(&text)), "guests", g.key, "agent", "files", path, NULL);
    c->data = NULL;
    return 0;
}

int route_agent_password(struct call *c) {
    const char *password = call_str(c, "password"), *user = call_str(c, "username");
    struct guest g;

    if (strlen(password) < 5 || strlen(password) > 1024) {
        return call_param_error(c, "password",
                                strlen(password) < 5 ? "value must be at least 5 characters long"
                                                     : "value may only be 1024 characters long");
    }
    if (agent_ready(c, &g) < 0) {
        return -1;
    }
    keep_secret(c, "agent-passwords", g.key, user, js_get(c->params, "password"));
    result(c, js_object());
    return 0;
}

/* What takes no parameters and does something: the last word of the path. */
int route_agent_post(struct call *c) {
    const char *command = strrchr(c->path, '/') + 1;
    struct guest g;
    bool frozen;

    if (agent_ready(c, &g) < 0) {
        return -1;
    }
    frozen = js_bool_or(agent_of(&g), "frozen", false);
    if (strcmp(command, "fsfreeze-status") == 0) {
        result(c, js_str(frozen ? "frozen" : "thawed"));
    } else if (strncmp(command, "fsfreeze-", 9) == 0) {
        bool freeze = strcmp(command, "fsfreeze-freeze") == 0;

        state_set(&c->s->st, js_int(freeze), "guests", g.key, "agent", "frozen", NULL);
        result(c, js_int(freeze == frozen ? 0 : 1));
    } else if (strcmp(command, "fstrim") == 0) {
        if (refuse_off(c, &g, "guest-fstrim") < 0) {
            return -1;
        }
        result(c, js_object());
        js_add(js_get(c->data, "result"), "paths", js_array());
    } else { /* ping */
        result(c, js_object());
    }
    return 0;
}
