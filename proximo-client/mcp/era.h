/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/mcp/era.h - the two generations of MCP that one process serves: "legacy" opens
 * with an `initialize` handshake (2024-11-05 to 2025-11-25), "modern" carries everything in each
 * request (2026-07-28). Which one a message belongs to is decided per message. */
#pragma once
#include <stdbool.h>

#include "common/js.h"

struct rpc_fail;

#define ERA_MODERN_VERSION "2026-07-28"
#define ERA_META           "io.modelcontextprotocol/"

enum era {
    ERA_NONE, /* undecidable: *f says why */
    ERA_LEGACY,
    ERA_MODERN,
};

/* What the handshake left behind. Modern requests neither need nor touch it. */
struct era_state {
    bool is_shaken;
    const char *version; /* negotiated, a constant */
    char actor[48];      /* "mcp:<client name>" */
};

/* The rule of docs/mcp.md "Choosing the era". ERA_NONE fills *f. */
enum era era_choose(const struct era_state *s, const char *method, const js *params,
                    struct rpc_fail *f);

/* The version to answer a handshake with: the one asked for if known, else our newest legacy one.
 * Never the modern one. */
const char *era_negotiate(const char *requested);
bool era_allows_batch(const struct era_state *s);

/* "mcp:" and the name with everything outside [A-Za-z0-9._-] replaced; "mcp:unknown" without one.
 */
void era_actor(const js *client_info, char ret[static 48]);
/* Member of a request's _meta, without and with the spec's prefix. Borrowed, NULL if absent. */
js *era_meta(const js *params, const char *key);
js *era_meta_spec(const js *params, const char *key);

js *era_modern_versions(void);
