/* SPDX-License-Identifier: Apache-2.0 */
/* Commands, files and more in a VM through its guest agent. Whether this client's rules let it is
 * asked by the pipeline, of the request as it stands in the plan (pipeline/agent_gate.h); here is
 * whether it can be done at all: the VM runs, its agent is configured, answers and takes the call.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/b64.h"
#include "proximo-client/blast/blast.h"
#include "proximo-client/pipeline/session.h"
#include "proximo-client/pve/pve.h"
#include "proximo-client/tools/agent.h"
#include "proximo-client/tools/send.h"

/* "1", "enabled=1,fstrim_cloned_disks=1" */
static bool is_configured(const js *config) {
    const js *v = js_get(config, "agent");
    const char *s = v ? value_text(v) : "0";
    const char *enabled = strstr(s, "enabled=");

    return enabled ? enabled[8] == '1' : s[0] == '1';
}

/* The agent's own list of what it takes. Distributions ship agents that refuse commands. */
static bool takes(const js *info, const char *command) {
    const js *list = js_get(js_get(info, "result"), "supported_commands");

    for (size_t i = 0; i < js_len(list); i++) {
        if (strcmp(js_str_or(js_at(list, i), "name", ""), command) == 0) {
            return js_bool_or(js_at(list, i), "enabled", false);
        }
    }
    return !js_is_array(list); /* an answer of another form decides nothing */
}

static int not_answering(const struct guest_ref *g, const struct err *why, struct err *e) {
    if (why->http_status != 500) {
        if (e) {
            *e = *why;
        }
        return why->code;
    }
    (void)err_tag(e, -EINVAL, "bad_state", "the guest agent of VM %u does not answer: %.200s",
                  g->vmid, why->msg);
    if (e) {
        e->guest_text = why->guest_text;
    }
    return err_hint(e, "qemu-guest-agent must be installed and run in the VM; pve_agent_info asks "
                       "it");
}

static int ask_agent(struct draft *d, const struct guest_ref *g, const char *command,
                     struct err *e) {
    struct err why = {0};
    js *info = NULL;
    int r = plan_guest_read(d, g, "/agent/info", "any", &info, &why);

    if (r < 0 && strcmp(why.tag, "pve_denied") == 0) {
        draft_unread(d, "whether the guest agent answers", "the token may not ask it",
                     "VM.GuestAgent.Audit (PVE 8: VM.Monitor)");
        return 0;
    }
    if (r < 0) {
        return not_answering(g, &why, e);
    }
    if (!takes(info, command)) {
        (void)err_tag(e, -EINVAL, "bad_state", "the guest agent of VM %u does not take %s", g->vmid,
                      command);
        return err_hint(e, "its owner has switched it off inside the VM (the agent's allowed "
                           "commands), or the agent is too old");
    }
    return 0;
}

/* The state that every call needs, as preconditions; the VM's configuration into *ret. */
static int agent_ready(struct draft *d, const struct guest_ref *g, const char *command, js **ret,
                       struct err *e) {
    int r;

    if (strcmp(g->kind, "qemu") != 0) {
        (void)err_tag(e, -EINVAL, "bad_argument", "guest %u is a container: it has no guest agent",
                      g->vmid);
        return err_hint(e, "commands in containers: ct_exec");
    }
    if (!g->running) {
        (void)err_tag(e, -EINVAL, "bad_state", "VM %u does not run", g->vmid);
        return err_hint(e, "start it first: pve_guest_power");
    }
    r = plan_guest_read(d, g, "/config", "config", ret, e);
    if (r == 0 && !is_configured(*ret)) {
        (void)err_tag(e, -EINVAL, "bad_state", "VM %u has no guest agent configured", g->vmid);
        return err_hint(e, "set agent to 1 with pve_guest_config_set, install qemu-guest-agent in "
                           "the VM, stop and start it");
    }
    return r < 0 ? r : ask_agent(d, g, command, e);
}

static int way_back(struct draft *d, const struct guest_ref *g, const js *config,
                    const char *before, const char *want, struct err *e) {
    const char *why = "none was asked for (undo: snapshot)";
    char text[240];
    int r = 0;

    if (strcmp(want, "snapshot") == 0) {
        r = plan_snapshot_first(d, g, config, before, &why, e);
        if (r != 0) {
            return r < 0 ? r : 0;
        }
        (void)snprintf(text, sizeof(text), "no snapshot can be taken: %.200s", why);
        why = text;
    }
    draft_undo(d, "none", why, "");
    return 0;
}

static bool is_ascii(const char *s) {
    for (; *s; s++) {
        if ((unsigned char)*s >= 0x80) {
            return false;
        }
    }
    return true;
}

/* PVE encodes what it was sent character by character: beyond ASCII other bytes would arrive. */
static int add_input(struct draft *d, const js *args, js *form, size_t *ret_len, struct err *e) {
    const char *shown = js_get_str(args, "stdin"), *secret = js_get_str(args, "stdin_secret");
    const char *text = secret ? secret : shown;

    if (shown && secret) {
        return err_tag(e, -EINVAL, "bad_argument", "stdin and stdin_secret exclude each other");
    }
    if (!text) {
        return 0;
    }
    if (!is_ascii(text)) {
        (void)err_tag(e, -EINVAL, "bad_argument", "standard input is ASCII only through PVE's API");
        return err_hint(e, "write a file with pve_agent_file_write, and let the command read that");
    }
    *ret_len = strlen(text);
    js_add(form, "input-data", secret ? draft_secret(d, "input-data", text) : js_str(text));
    return 0;
}

/* The command as people read it: words with anything but plain characters in quotes. */
static void words_of(const js *argv, struct buf *b) {
    for (size_t i = 0; i < js_len(argv); i++) {
        const char *s = json_object_get_string(js_at(argv, i));
        bool plain = *s && !s[strcspn(s, " \t\n\"'\\$`|&;<>()*?[]{}~#")];

        (void)buf_addf(b, plain ? "%s%s" : "%s\"%s\"", i ? " " : "", s);
    }
}

int plan_agent_exec(struct draft *d, const js *args, struct err *e) {
    CLEANUP(buf_done) struct buf words = BUF_INIT(400);
    CLEANUP(js_freep) js *form = js_object();
    const js *argv = js_get(args, "argv");
    struct guest_ref g;
    js *config = NULL;
    char input[64] = "";
    size_t len = 0;
    int r = plan_guest(d, args, &g, NULL, e);

    r = r < 0 ? r : agent_ready(d, &g, "guest-exec", &config, e);
    js_add(form, "command", js_copy(argv));
    r = r < 0 ? r : add_input(d, args, form, &len, e);
    r = r < 0 ? r : way_back(d, &g, config, "the command", js_str_or(args, "undo", "none"), e);
    if (r < 0) {
        return r;
    }
    words_of(argv, &words);
    if (len) {
        (void)snprintf(input, sizeof(input), ", with %zu bytes of %sstandard input", len,
                       js_get(args, "stdin_secret") ? "secret " : "");
    }
    draft_change(d, "in VM %u (%s) on node %s run through the guest agent: %s%s%s", g.vmid, g.name,
                 g.node, buf_str(&words), words.len >= 400 ? " …" : "", input);
    r = plan_guest_request(d, PHASE_EXECUTE, &g, "POST", "/agent/exec", TAKE(form), false, e);
    return r < 0 ? r : blast_agent(g.vmid, g.name, g.node, "exec", d);
}

/* ASCII goes as it is, so that who approves can read it; the rest in base64, which PVE passes on
 * untouched. */
static int add_content(struct draft *d, const js *args, js *form, size_t *ret_len, struct err *e) {
    CLEANUP(buf_wipe) struct buf b = BUF_INIT(AGENT_FILE_SENT + 4);
    const char *shown = js_get_str(args, "content"), *secret = js_get_str(args, "content_secret");
    const char *text = secret ? secret : shown;

    if ((shown != NULL) == (secret != NULL)) {
        return err_tag(e, -EINVAL, "bad_argument", "give content or content_secret, and one only");
    }
    *ret_len = strlen(text);
    if (!is_ascii(text)) {
        if (b64_encode(&b, text, strlen(text)) < 0) {
            return err_tag(e, -E2BIG, "bad_argument", "content is too large");
        }
        text = buf_str(&b);
        js_add(form, "encode", js_bool(false));
    }
    js_add(form, "content", secret ? draft_secret(d, "content", text) : js_str(text));
    return 0;
}

int plan_agent_file_write(struct draft *d, const js *args, struct err *e) {
    CLEANUP(js_freep) js *form = js_object();
    const char *file = js_str_or(args, "file", "");
    struct guest_ref g;
    js *config = NULL;
    size_t len = 0;
    int r = plan_guest(d, args, &g, NULL, e);

    r = r < 0 ? r : agent_ready(d, &g, "guest-file-open", &config, e);
    js_add(form, "file", js_str(file));
    r = r < 0 ? r : add_content(d, args, form, &len, e);
    r = r < 0 ? r
              : way_back(d, &g, config, "the file is written", js_str_or(args, "undo", "none"), e);
    if (r < 0) {
        return r;
    }
    draft_change(d, "in VM %u (%s) on node %s write %zu bytes through the guest agent to %.300s%s",
                 g.vmid, g.name, g.node, len, file,
                 js_get(args, "content_secret") ? " (secret content)" : "");
    r = plan_guest_request(d, PHASE_EXECUTE, &g, "POST", "/agent/file-write", TAKE(form), false, e);
    return r < 0 ? r : blast_agent(g.vmid, g.name, g.node, "file-write", d);
}

int check_agent_file_write(struct session *s, const js *args, bool *ret_ok, char **ret_text,
                           struct err *e) {
    CLEANUP(buf_done) struct buf path = BUF_INIT(LIM_LINES), want = BUF_INIT(LIM_SECRET);
    CLEANUP(js_freep) js *query = js_object();
    CLEANUP(js_freep) js *answer = NULL;
    const char *content = js_get_str(args, "content");
    struct guest_ref g;
    bool same;
    int r;

    if (!content) {
        return 0; /* the plan knows a commitment only, and the value is gone */
    }
    r = resolve_guest(s, args, &g, e);
    r = r < 0 ? r : guest_path(&g, "/agent/file-read", &path, e);
    js_add(query, "file", js_str(js_str_or(args, "file", "")));
    js_add(query, "decode", js_bool(false));
    js_add(query, "count", js_int((int64_t)strlen(content) + 1));
    r = r < 0 ? r : pve_query(query, &path, e);
    r = r < 0 ? r : pve_get(s->pve, buf_str(&path), &answer, e);
    if (r < 0) {
        return r;
    }
    same = b64_encode(&want, content, strlen(content)) == 0 &&
           strcmp(js_str_or(answer, "content", ""), buf_str(&want)) == 0;
    return check_done(same, ret_ok, ret_text, "the file in VM %u %s", g.vmid,
                      same ? "holds what was written" : "holds something else");
}

/* The rows that are data: the last word of the path says what is asked. */
int assess_agent(struct draft *d, const struct assess *a, struct err *e) {
    const char *call = strrchr(a->path, '/') + 1;
    char command[40];
    js *config = NULL;
    int r;

    (void)snprintf(command, sizeof(command), "guest-%s", call);
    r = agent_ready(d, a->guest, command, &config, e);
    return r < 0 ? r : blast_agent(a->guest->vmid, a->guest->name, a->guest->node, call, d);
}
