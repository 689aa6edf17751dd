/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/service.h - everything a face (MCP, command line, later HTTP and A2A) can
 * ask for. Faces know nothing below this header and tools/tool.h. */
#pragma once
#include <stdbool.h>

#include "common/js.h"

struct app;
struct err;

struct call {
    const char *tool; /* row name */
    const js *args;   /* object */
    const char *actor;
    bool host_asks; /* the face's host can put a question to a person before this tool runs */
    void (*progress)(void *ctx, double done, double total, const char *message);
    bool (*cancelled)(void *ctx);
    /* An answer before the end: the operation became a job (consumed; at most once). From then on
     * nothing but the call's return is of interest. NULL: wait to the end. */
    void (*hand_over)(void *ctx, js *answer);
    void *ctx;
};

/* Runs one tool. 0: *ret is the structured result (an object). Negative: *e holds the refusal or
 * failure; *ret may still hold what is known (e.g. the new plan after drift) or NULL. */
int service_call(struct app *app, const struct call *c, js **ret, struct err *e);

/* The error shape of formats.md 11: {code, message, hint, who, step?, plan,
 * http_status?}. */
js *service_error(const struct err *e);

/* The tools a model sees: array of {name, title, description, inputSchema, outputSchema?,
 * annotations}. `toolsets`: "" = default list, "all", or planes "guest,storage". */
js *service_tools(struct app *app, const char *toolsets);
/* Whether the name is in that list (unlisted tools are refused by name too). */
bool service_has_tool(struct app *app, const char *toolsets, const char *name);
const char *service_instructions(void);

/* Human rendering of a plan, an outcome, any structured result, to be printed on a terminal. */
struct buf;
int service_render(const char *tool, const js *result, struct buf *ret);
