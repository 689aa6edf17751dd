/* SPDX-License-Identifier: Apache-2.0 */
/* mcp: the server on standard input and output. */
#include "common/err.h"
#include "proximo-client/cli/cli.h"
#include "proximo-client/mcp/serve.h"

static int run_mcp(struct cli *c) {
    const char *toolsets = cli_option(c, "--toolsets");
    bool read_only = cli_flag(c, "--read-only");
    struct err e = {0};

    if (!cli_words(c, &cmd_mcp, 0, 0)) {
        return EXIT_USAGE;
    }
    return mcp_serve(c->app, toolsets ? toolsets : "", read_only, &e) < 0 ? cli_fail(c, &e)
                                                                          : EXIT_DONE;
}

const struct command cmd_mcp = {
    "mcp", "[--toolsets LIST] [--read-only]", "serve MCP on standard input and output",
    "  --toolsets LIST   planes to list beside the default (guest,storage… or all)\n"
    "  --read-only       leave out the tools that execute",
    run_mcp};
