/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/mcp/serve.h - the product's MCP server: the service's tools behind mcp.h. */
#pragma once
#include <stdbool.h>

struct app;
struct err;

/* Serves stdio until its host leaves (mcp_run). `toolsets` as service_tools takes them; `read_only`
 * leaves out every tool that is not annotated read-only, and refuses it by name. `app` is borrowed;
 * nothing of it is opened before a worker runs its first call. */
int mcp_serve(struct app *app, const char *toolsets, bool read_only, struct err *e);
