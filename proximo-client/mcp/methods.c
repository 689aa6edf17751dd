/* SPDX-License-Identifier: Apache-2.0 */
/* What each method does, in which era it exists, and what its result carries. Keeps: nothing here
 * does I/O; only tools/call leaves this process, as a call for a worker. */
#include "proximo-client/mcp/peer_int.h"

#include <stdio.h>
#include <malloc.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "proximo-client/mcp/wire.h"

/* The list is fixed at start, so hosts may keep it; but a new start may bring other flags. */
#define TTL_DISCOVER_MS (60 * 60 * 1000)
#define TTL_TOOLS_MS    (5 * 60 * 1000)

#define IN_LEGACY 1u
#define IN_MODERN 2u

static js *server_info(const struct peer *p) {
    js *info = js_object();

    js_add(info, "name", js_str(p->b->name));
    if (p->b->title) {
        js_add(info, "title", js_str(p->b->title));
    }
    js_add(info, "version", js_str(p->b->version));
    return info;
}

js *method_envelope(const struct peer *p, enum era era, js *result) {
    js *meta;

    if (era != ERA_MODERN) {
        return result;
    }
    js_add(result, "resultType", js_str("complete"));
    meta = js_get(result, "_meta");
    if (!js_is_object(meta)) {
        meta = js_object();
        js_add(result, "_meta", meta);
    }
    js_add(meta, ERA_META "serverInfo", server_info(p));
    return result;
}

static void cacheable(js *result, enum era era, int64_t ttl_ms) {
    if (era == ERA_MODERN) {
        js_add(result, "ttlMs", js_int(ttl_ms));
        js_add(result, "cacheScope", js_str("private"));
    }
}

static js *capabilities(bool with_logging) {
    js *caps = js_object();
    js *tools = js_object();

    js_add(tools, "listChanged", js_bool(false));
    js_add(caps, "tools", tools);
    if (with_logging) {
        js_add(caps, "logging", js_object());
    }
    return caps;
}

static void add_instructions(const struct peer *p, js *result) {
    const char *text = p->b->instructions ? p->b->instructions(p->b->ctx) : NULL;

    if (text) {
        js_add(result, "instructions", js_str(text));
    }
}

/* ---- methods: 0 and *ret, a code with *f filled, or METHOD_LATER for an open call
 * --------------*/

#define METHOD_LATER 1

static int do_discover(struct peer *p, const struct request *r, js **ret, struct rpc_fail *f) {
    js *result = js_object();

    (void)f;
    js_add(result, "supportedVersions", era_modern_versions());
    js_add(result, "capabilities", capabilities(false));
    add_instructions(p, result);
    cacheable(result, r->era, TTL_DISCOVER_MS);
    *ret = result;
    return 0;
}

static int do_initialize(struct peer *p, const struct request *r, js **ret, struct rpc_fail *f) {
    const char *asked = js_get_str(r->m->params, "protocolVersion");
    js *result;

    if (!asked) {
        return rpc_fail(f, RPC_BAD_PARAMS, "protocolVersion is required and must be a string");
    }
    p->era.is_shaken = true;
    p->era.version = era_negotiate(asked);
    era_actor(js_get(r->m->params, "clientInfo"), p->era.actor);
    result = js_object();
    js_add(result, "protocolVersion", js_str(p->era.version));
    js_add(result, "capabilities", capabilities(true));
    js_add(result, "serverInfo", server_info(p));
    add_instructions(p, result);
    *ret = result;
    return 0;
}

static int do_ping(struct peer *p, const struct request *r, js **ret, struct rpc_fail *f) {
    (void)p;
    (void)r;
    (void)f;
    *ret = js_object();
    return 0;
}

/* Accepted and without effect: log notes go to stderr, facts into results. */
static int do_set_level(struct peer *p, const struct request *r, js **ret, struct rpc_fail *f) {
    static const char *const levels[] = {"debug", "info",     "notice", "warning",
                                         "error", "critical", "alert",  "emergency"};
    const char *level = js_get_str(r->m->params, "level");

    (void)p;
    for (size_t i = 0; level && i < ARRAY_LEN(levels); i++) {
        if (strcmp(level, levels[i]) == 0) {
            *ret = js_object();
            return 0;
        }
    }
    return rpc_fail(f, RPC_BAD_PARAMS,
                    "level must be one of debug info notice warning error "
                    "critical alert emergency");
}

static int do_tools_list(struct peer *p, const struct request *r, js **ret, struct rpc_fail *f) {
    js *result;

    if (js_get(r->m->params, "cursor")) {
        return rpc_fail(f, RPC_BAD_PARAMS, "unknown cursor: the list is one page");
    }
    result = js_object();
    js_add(result, "tools", p->b->tools(p->b->ctx));
    cacheable(result, r->era, TTL_TOOLS_MS);
    *ret = result;
    return 0;
}

static bool has_output_schema(struct peer *p, const char *name) {
    if (!p->with_output) {
        CLEANUP(js_freep) js *list = p->b->tools(p->b->ctx);

        p->with_output = js_object();
        for (size_t i = 0; i < js_len(list); i++) {
            if (js_get(js_at(list, i), "outputSchema")) {
                js_add(p->with_output, js_str_or(js_at(list, i), "name", ""), js_int(1));
            }
        }
    }
    return js_get(p->with_output, name) != NULL;
}

/* A modern request names its client itself; a legacy one was introduced by the handshake. */
static void actor_of(const struct peer *p, const struct request *r, char ret[static 48]) {
    if (r->era == ERA_MODERN) {
        era_actor(era_meta_spec(r->m->params, "clientInfo"), ret);
    } else {
        memcpy(ret, p->era.actor, sizeof(p->era.actor));
    }
}

static int do_tools_call(struct peer *p, const struct request *r, js **ret, struct rpc_fail *f) {
    const char *name = js_get_str(r->m->params, "name");
    js *args = js_get(r->m->params, "arguments");
    struct open_call *c;
    js *call;
    struct err e = {0};
    char actor[48];
    char shown[64];

    (void)ret;
    if (!name) {
        return rpc_fail(f, RPC_BAD_PARAMS, "name is required and must be a string");
    }
    if (!p->b->has_tool(p->b->ctx, name)) {
        return rpc_fail(f, RPC_BAD_PARAMS, "Unknown tool: %s",
                        rpc_quote(name, shown, sizeof(shown)));
    }
    if (json_object_object_get_ex(r->m->params, "arguments", NULL) && !js_is_object(args)) {
        return rpc_fail(f, RPC_BAD_PARAMS, "arguments must be an object");
    }
    actor_of(p, r, actor);
    c = peer_call_add(p, r);
    if (!c) {
        return rpc_fail(f, RPC_INTERNAL, "Internal error: out of memory");
    }
    call = wire_call(c->ticket, name, args, actor, has_output_schema(p, name));
    if (p->ops->start(p->ctx, c->ticket, call, &e) < 0) {
        peer_call_drop(p, c);
        return rpc_fail(f, RPC_INTERNAL, "Internal error: %s", e.msg);
    }
    peer_call_note(p, c, 0, 0, "accepted");
    return METHOD_LATER;
}

static const struct method {
    const char *name;
    unsigned int eras;
    int (*run)(struct peer *p, const struct request *r, js **ret, struct rpc_fail *f);
} methods[] = {
    {"tools/call", IN_LEGACY | IN_MODERN, do_tools_call},
    {"tools/list", IN_LEGACY | IN_MODERN, do_tools_list},
    {"server/discover", IN_MODERN, do_discover},
    {"initialize", IN_LEGACY, do_initialize},
    {"ping", IN_LEGACY, do_ping},
    {"logging/setLevel", IN_LEGACY, do_set_level},
};

static const struct method *find(const char *name, enum era era) {
    unsigned int bit = era == ERA_MODERN ? IN_MODERN : IN_LEGACY;

    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (strcmp(methods[i].name, name) == 0 && (methods[i].eras & bit)) {
            return &methods[i];
        }
    }
    return NULL;
}

void method_request(struct peer *p, const struct request *r) {
    const struct method *m = find(r->m->method, r->era);
    struct rpc_fail f = {0};
    js *result = NULL;
    char shown[64];
    int code;

    if (!m) {
        code = rpc_fail(&f, RPC_NO_METHOD, "Method not found: %s",
                        rpc_quote(r->m->method, shown, sizeof(shown)));
    } else if (r->m->params && !js_is_object(r->m->params)) {
        code = rpc_fail(&f, RPC_BAD_PARAMS, "params must be an object");
    } else {
        code = m->run(p, r, &result, &f);
    }
    if (code == METHOD_LATER) {
        return;
    }
    peer_answer(p, r->batch,
                code < 0 ? rpc_error(r->m->id, &f)
                         : rpc_result(r->m->id, method_envelope(p, r->era, result)));
    if (m && m->run == do_tools_list) {
        (void)malloc_trim(0); /* the list's tree is many times what stays; it is rarely asked for */
    }
}

/* notifications/cancelled is the only one that means anything to us. */
void method_notification(struct peer *p, const struct rpc_msg *m) {
    const js *id;

    if (strcmp(m->method, "notifications/cancelled") != 0) {
        return;
    }
    id = js_get(m->params, "requestId");
    for (struct open_call *c = p->calls; id && c; c = c->next) {
        if (js_eq(c->id, id)) {
            int64_t ticket = c->ticket;

            peer_call_drop(p, c);
            p->ops->cancel(p->ctx, ticket);
            return;
        }
    }
}
