/* SPDX-License-Identifier: Apache-2.0 */
/* Which generation of MCP a message belongs to. Keeps: nothing about one message but a completed
 * handshake decides about the next, so a probe cannot spend the process. */
#include "proximo-client/mcp/era.h"

#include <stdio.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/mcp/jsonrpc.h"

/* Newest first. */
static const char *const legacy_versions[] = {"2025-11-25", "2025-06-18", "2025-03-26",
                                              "2024-11-05"};

js *era_meta(const js *params, const char *key) {
    return js_get(js_get(params, "_meta"), key);
}

js *era_meta_spec(const js *params, const char *key) {
    char name[96];

    (void)snprintf(name, sizeof(name), ERA_META "%s", key);
    return era_meta(params, name);
}

js *era_modern_versions(void) {
    js *v = js_array();

    js_push(v, js_str(ERA_MODERN_VERSION));
    return v;
}

static enum era choose_modern(const js *params, const js *version, struct rpc_fail *f) {
    const char *asked = js_get_str(js_get(params, "_meta"), ERA_META "protocolVersion");
    js *data;

    if (!js_is_str(version) || !asked) {
        (void)rpc_fail(f, RPC_BAD_PARAMS, "_meta " ERA_META "protocolVersion must be a string");
        return ERA_NONE;
    }
    if (strcmp(asked, ERA_MODERN_VERSION) != 0) {
        char shown[64];

        data = js_object();
        js_add(data, "supported", era_modern_versions());
        js_add(data, "requested", js_str(rpc_quote(asked, shown, sizeof(shown))));
        f->data = data;
        (void)rpc_fail(f, RPC_BAD_VERSION, "Unsupported protocol version");
        return ERA_NONE;
    }
    if (!js_is_object(era_meta_spec(params, "clientCapabilities"))) {
        (void)rpc_fail(f, RPC_BAD_PARAMS,
                       "_meta " ERA_META "clientCapabilities is required and must be an object");
        return ERA_NONE;
    }
    return ERA_MODERN;
}

enum era era_choose(const struct era_state *s, const char *method, const js *params,
                    struct rpc_fail *f) {
    const js *version = era_meta_spec(params, "protocolVersion");

    if (version) {
        return choose_modern(params, version, f);
    }
    if (s->is_shaken || strcmp(method, "initialize") == 0 || strcmp(method, "ping") == 0) {
        return ERA_LEGACY;
    }
    (void)rpc_fail(f, RPC_BAD_PARAMS,
                   "_meta " ERA_META "protocolVersion and " ERA_META
                   "clientCapabilities are required before an initialize handshake");
    return ERA_NONE;
}

const char *era_negotiate(const char *requested) {
    for (size_t i = 0; i < ARRAY_LEN(legacy_versions); i++) {
        if (strcmp(requested, legacy_versions[i]) == 0) {
            return legacy_versions[i];
        }
    }
    return legacy_versions[0];
}

bool era_allows_batch(const struct era_state *s) {
    return s->is_shaken && strcmp(s->version, "2025-03-26") == 0;
}

void era_actor(const js *client_info, char ret[static 48]) {
    const char *name = js_str_or(client_info, "name", "");
    size_t n = 4;

    memcpy(ret, "mcp:", 4);
    if (!*name) {
        name = "unknown";
    }
    for (; *name && n < 47; name++) {
        bool plain = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
                     (*name >= '0' && *name <= '9') || *name == '.' || *name == '_' || *name == '-';

        ret[n++] = plain ? *name : '_';
    }
    ret[n] = '\0';
}
