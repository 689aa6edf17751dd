/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of the ledger, and what is done when it is not what it was. */
#include "proximo-client/pipeline/ledger_care.h"

#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/app.h"
#include "proximo-client/ledger/care.h"
#include "proximo-client/ledger/export.h"
#include "proximo-client/ledger/ledger.h"
#include "proximo-client/nodes/nodes.h"

/* The directory named, or else the configured mirror. */
static int mirror_of(struct app *a, const char *cluster, const char *dir, const char **ret,
                     struct err *e) {
    const struct cluster_conf *c;
    const struct config *conf;
    int r = app_config(a, &conf, e);

    if (r < 0) {
        return r;
    }
    c = config_cluster(conf, cluster);
    *ret = dir ? dir : c ? c->mirror : NULL;
    if (*ret) {
        return 0;
    }
    (void)err_tag(e, -EINVAL, "bad_argument", "no directory is named and cluster %s has no mirror",
                  cluster);
    return err_hint(e, "name one, or set mirror = in [cluster %s]", cluster);
}

int ledger_care_export(struct app *a, const char *cluster, const char *dir, bool bodies, js **ret,
                       struct err *e) {
    struct session s = {.app = a, .actor = "cli:export"};
    struct export_result x = {0};
    int r = app_session(a, cluster, APP_LEDGER_READ, &s, e);

    r = r < 0 ? r : mirror_of(a, s.cluster, dir, &dir, e);
    r = r < 0 ? r : ledger_export(s.ledger, dir, bodies, &x, e);
    if (r < 0) {
        return r;
    }
    *ret = js_object();
    js_add(*ret, "directory", js_str(dir));
    js_add(*ret, "added", js_int((int64_t)(x.size - x.before)));
    js_add(*ret, "entries", js_int((int64_t)x.size));
    js_add(*ret, "bodies", js_int((int64_t)x.bodies));
    return 0;
}

/* What is known of one log from outside. */
struct known {
    struct vkey log;
    bool has_key;
    bool damaged, ahead;
    char damage[320];
    struct node_head *head;
    struct ledger_head view[LIM_NODES + 1];
    size_t n;
};

static void known_done(struct known *k) {
    node_heads_free(k->head, k->n);
}

/* The ledger is opened for its key and state only: who replaces it needs it for itself. */
static int look(const char *dir, struct known *k, struct err *e) {
    CLEANUP(ledger_closep) struct ledger *l = NULL;
    int r = ledger_open(dir, &l, e);

    if (r < 0) {
        return r;
    }
    k->log = *ledger_vkey(l);
    k->has_key = ledger_has_key(l);
    k->damaged = ledger_damage(l) != NULL;
    (void)snprintf(k->damage, sizeof(k->damage), "%s", k->damaged ? ledger_damage(l) : "");
    return 0;
}

static int ask_heads(struct session *s, struct known *k, js *result, struct err *e) {
    js *missing = js_array();
    js *heads = js_array();
    size_t enrolled = nodes_count(s->nodes);
    int r;

    js_add(result, "heads", heads);
    js_add(result, "missing", missing);
    r = enrolled ? nodes_heads(s->nodes, &k->log, &k->head, &k->n, missing, e) : 0;
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < k->n; i++) {
        js *o = js_object();

        k->view[i] = (struct ledger_head){k->head[i].note, k->head[i].who};
        js_add(o, "node", js_str(k->head[i].who));
        js_add(o, "size", js_int((int64_t)k->head[i].cp.size));
        js_push(heads, o);
    }
    if (enrolled && js_len(missing) == enrolled) {
        (void)err_tag(e, -EHOSTUNREACH, "node_unreachable",
                      "none of the %zu enrolled nodes answers, and what they have seen decides",
                      enrolled);
        return err_hint(e, "reach at least one; proximo-client node list shows them");
    }
    return 0;
}

/* Does our history lead to what the nodes have seen? */
static int meet_heads(const char *dir, struct known *k, struct err *e) {
    CLEANUP(ledger_closep) struct ledger *l = NULL;
    int r = ledger_open(dir, &l, e);

    for (size_t i = 0; r == 0 && i < k->n; i++) {
        struct err why = {0};

        if (ledger_meet(l, k->view[i].note, strlen(k->view[i].note), k->view[i].who, &why) < 0) {
            k->ahead = true;
        }
    }
    return r;
}

static int begin(struct app *a, const char *cluster, struct session *s, char **ret_dir,
                 struct err *e) {
    int r;

    *s = (struct session){.app = a, .actor = "cli:care"};
    r = app_session(a, cluster, APP_NODES, s, e);
    if (r < 0) {
        return r;
    }
    *ret_dir = app_ledger_dir(a, s->cluster);
    return *ret_dir ? 0 : err_set(e, -ENOMEM, "out of memory");
}

/* The nodes see at once what became of the log. */
static void witness_again(struct app *a, struct session *s, js *result) {
    CLEANUP(witnessing_done) struct witnessing w = {0};
    struct err why = {0};

    if (app_session(a, s->cluster, APP_LEDGER_READ | APP_NODES, s, &why) == 0 &&
        nodes_witness(s->nodes, s->ledger, NULL, WITNESS_WHOLE, &w, &why) < 0) {
        js_add(result, "not_witnessed", js_str(why.msg));
    }
    js_add(result, "witnessed", js_int((int64_t)w.cosigned));
}

int ledger_care_recover(struct app *a, const char *cluster, const char *dir, const char *reason,
                        js **ret, struct err *e) {
    CLEANUP(known_done) struct known k = {.n = 0};
    CLEANUP(js_freep) js *result = js_object();
    CLEANUP(freep) char *path = NULL;
    struct ledger_recovery in = {.head = k.view, .reason = reason};
    struct ledger_recovered out;
    struct session s;
    int r = begin(a, cluster, &s, &path, e);

    if (r == 0 && mirror_of(a, s.cluster, dir, &in.mirror, NULL) < 0) {
        in.mirror = NULL; /* damage may be mended without */
    }
    r = r < 0 ? r : look(path, &k, e);
    r = r < 0 ? r : ask_heads(&s, &k, result, e);
    in.n_heads = k.n;
    r = r < 0 ? r : ledger_recover(path, &in, &out, e);
    if (r < 0) {
        return r;
    }
    js_add(result, "before", js_int((int64_t)out.before));
    js_add(result, "entries", js_int((int64_t)out.size));
    js_add(result, "fetched", js_int((int64_t)out.fetched));
    js_add(result, "cut", js_int((int64_t)out.cut));
    if (out.kept[0]) {
        js_add(result, "kept", js_str(out.kept));
        witness_again(a, &s, result);
    }
    *ret = TAKE(result);
    return 0;
}

static int why_restart(const struct known *k, struct err *e) {
    if (k->damaged || k->ahead || !k->has_key) {
        return 0;
    }
    (void)err_tag(
        e, -EEXIST, "ledger_sound",
        "the ledger is sound and no node has seen another one: there is nothing to restart");
    return err_hint(e, "proximo-client ledger verify looks at every entry");
}

static void say_commands(struct session *s, const struct vkey *log, js *result) {
    CLEANUP(buf_done) struct buf key = BUF_INIT(LIM_LINE);
    js *commands = js_array();

    (void)vkey_text(log, &key);
    js_add(result, "origin", js_str(log->name));
    js_add(result, "vkey", js_str(buf_str(&key)));
    for (size_t i = 0; i < nodes_count(s->nodes); i++) {
        const struct node_info *info = nodes_at(s->nodes, i);
        js *o = js_object();

        js_add(o, "node", js_str(info->name));
        js_addf(o, "run", "pveagentctl continue %s %s", info->client, buf_str(&key));
        js_push(commands, o);
    }
    js_add(result, "commands", commands);
}

int ledger_care_restart(struct app *a, const char *cluster, const char *reason, bool new_key,
                        js **ret, struct err *e) {
    CLEANUP(known_done) struct known k = {.n = 0};
    CLEANUP(js_freep) js *result = js_object();
    CLEANUP(freep) char *path = NULL;
    const struct config *conf;
    struct hash policy;
    struct ledger_restart in = {.policy = &policy, .head = k.view, .reason = reason};
    struct ledger_restarted out;
    struct session s;
    int r = begin(a, cluster, &s, &path, e);

    r = r < 0 ? r : app_config(a, &conf, e);
    r = r < 0 ? r : config_policy_digest(conf, &policy, e);
    r = r < 0 ? r : look(path, &k, e);
    r = r < 0 ? r : ask_heads(&s, &k, result, e);
    r = r < 0 ? r : meet_heads(path, &k, e);
    r = r < 0 || new_key ? r : why_restart(&k, e);
    in.cluster = s.cluster;
    in.n_heads = k.n;
    r = r < 0 ? r : ledger_restart(path, &in, &out, e);
    if (r < 0) {
        return r;
    }
    js_add(result, "before", js_str(out.old_origin));
    js_add(result, "kept", js_str(out.kept));
    say_commands(&s, &out.log, result);
    *ret = TAKE(result);
    return 0;
}
