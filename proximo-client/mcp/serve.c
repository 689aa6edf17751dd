/* SPDX-License-Identifier: Apache-2.0 */
/* Binds the protocol core to the service. Keeps: the list a host sees and the names it may call are
 * one thing; start-up asks the service for nothing but text. */
#include "proximo-client/mcp/serve.h"

#include <string.h>

#include "common/lean.h"
#include "common/own.h"
#include "proximo-client/mcp/mcp.h"
#include "proximo-client/pipeline/service.h"

struct serve {
    struct app *app;
    const char *toolsets;
    bool read_only;
};

static bool only_reads(const js *tool) {
    return js_bool_or(js_get(tool, "annotations"), "readOnlyHint", false);
}

/* Made anew for each use: a host asks once, and as a tree the list takes twenty times its text. */
static js *list(void *ctx) {
    struct serve *s = ctx;
    CLEANUP(js_freep) js *all = service_tools(s->app, s->toolsets);
    js *ret = js_array();

    for (size_t i = 0; i < js_len(all); i++) {
        if (!s->read_only || only_reads(js_at(all, i))) {
            js_push(ret, js_ref(js_at(all, i)));
        }
    }
    return ret;
}

static bool is_listed(struct serve *s, const char *name) {
    CLEANUP(js_freep) js *tools = list(s);

    for (size_t i = 0; i < js_len(tools); i++) {
        if (strcmp(js_str_or(js_at(tools, i), "name", ""), name) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_tool(void *ctx, const char *name) {
    struct serve *s = ctx;

    return service_has_tool(s->app, s->toolsets, name) && (!s->read_only || is_listed(s, name));
}

static const char *instructions(void *ctx) {
    (void)ctx;
    return service_instructions();
}

static int call(void *ctx, const struct mcp_call *c, js **ret, struct err *e) {
    struct serve *s = ctx;
    struct call sc = {
        .tool = c->tool,
        .args = c->args,
        .actor = c->actor,
        /* A host sees which tool is called before it lets the call through. Whether a person was
         * asked is the host's affair; that it could have asked is all this says. */
        .host_asks = true,
        .progress = c->progress,
        .cancelled = c->cancelled,
        .hand_over = c->hand_over,
        .ctx = c->cb,
    };

    return service_call(s->app, &sc, ret, e);
}

static js *error_shape(void *ctx, const struct err *e) {
    (void)ctx;
    return service_error(e);
}

int mcp_serve(struct app *app, const char *toolsets, bool read_only, struct err *e) {
    struct serve s = {.app = app, .toolsets = toolsets, .read_only = read_only};
    const struct mcp_backend b = {
        .name = "proximo",
        .title = "Proxmox VE",
        .version = PACKAGE_VERSION,
        .ctx = &s,
        .tools = list,
        .has_tool = has_tool,
        .instructions = instructions,
        .call = call,
        .error = error_shape,
    };

    lean_pages(); /* a host keeps this process for a day and mostly asks it nothing */
    return mcp_run(&b, NULL, e);
}
