/* SPDX-License-Identifier: Apache-2.0 */
/* mcp: the server on standard input and output. */
#include <string.h>

#include "common/err.h"
#include "proximo-client/cli/cli.h"
#include "proximo-client/mcp/serve.h"
#include "proximo-client/tools/tool.h"

/* A plane that does not exist would silently list nothing. */
static bool planes_exist(const char *list) {
    while (*list) {
        size_t n = strcspn(list, ", ");
        bool found = n == 0 || (n == 3 && memcmp(list, "all", n) == 0);

        for (size_t i = 0; row_at(i) && !found; i++) {
            found = strlen(row_at(i)->plane) == n && memcmp(row_at(i)->plane, list, n) == 0;
        }
        if (!found) {
            return false;
        }
        list += n;
        list += strspn(list, ", ");
    }
    return true;
}

static int run_mcp(struct cli *c) {
    const char *toolsets = cli_option(c, "--toolsets");
    bool read_only = cli_flag(c, "--read-only");
    struct err e = {0};

    if (!cli_words(c, &cmd_mcp, 0, 0)) {
        return EXIT_USAGE;
    }
    if (toolsets && !planes_exist(toolsets)) {
        return cli_usage(c, &cmd_mcp,
                         "--toolsets takes planes (proximo-client tools --size names them) "
                         "or all");
    }
    return mcp_serve(c->app, toolsets ? toolsets : "", read_only, &e) < 0 ? cli_fail(c, &e)
                                                                          : EXIT_DONE;
}

const struct command cmd_mcp = {
    "mcp", "[--toolsets LIST] [--read-only]", "serve MCP on standard input and output",
    "  --toolsets LIST   planes to list beside the default (guest,storage… or all)\n"
    "  --read-only       leave out the tools that execute",
    run_mcp};
