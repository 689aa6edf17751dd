/* SPDX-License-Identifier: Apache-2.0 */
/* An MCP server with the product's protocol core and tools that exist to be tested: the conformance
 * suite's plain tools under its own names, and tools that are slow, crash, print or outlive their
 * host. Options: --idle-ms --heartbeat-ms --drain-eof-ms --drain-term-ms --workers --queue N. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <dirent.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/mcp/mcp.h"

#define PNG                                                                                        \
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg" \
    "gg=="
#define WAV "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA="

struct tool {
    const char *name;
    const char *schema; /* input */
    const char *output; /* output schema or NULL */
    bool gives_content;
    int (*run)(const struct mcp_call *c, js **ret, struct err *e);
};

static js *parsed(const char *text) {
    js *v = NULL;

    if (js_parse(text, strlen(text), &v, NULL) < 0) {
        abort();
    }
    return v;
}

/* ---- the suite's tools ------------------------------------------------------------------------*/

static int simple_text(const struct mcp_call *c, js **ret, struct err *e) {
    (void)c;
    (void)e;
    *ret = parsed("{\"content\":[{\"type\":\"text\",\"text\":"
                  "\"This is a simple text response for testing.\"}]}");
    return 0;
}

static int image_content(const struct mcp_call *c, js **ret, struct err *e) {
    (void)c;
    (void)e;
    *ret = parsed("{\"content\":[{\"type\":\"image\",\"data\":\"" PNG
                  "\",\"mimeType\":\"image/png\"}]}");
    return 0;
}

static int audio_content(const struct mcp_call *c, js **ret, struct err *e) {
    (void)c;
    (void)e;
    *ret = parsed("{\"content\":[{\"type\":\"audio\",\"data\":\"" WAV
                  "\",\"mimeType\":\"audio/wav\"}]}");
    return 0;
}

#define RESOURCE                                                                                   \
    "{\"type\":\"resource\",\"resource\":{\"uri\":\"test://embedded-resource\","                   \
    "\"mimeType\":\"text/plain\",\"text\":\"This is an embedded resource content.\"}}"

static int embedded_resource(const struct mcp_call *c, js **ret, struct err *e) {
    (void)c;
    (void)e;
    *ret = parsed("{\"content\":[" RESOURCE "]}");
    return 0;
}

static int multiple_types(const struct mcp_call *c, js **ret, struct err *e) {
    (void)c;
    (void)e;
    *ret = parsed("{\"content\":[{\"type\":\"text\",\"text\":\"Multiple content types test:\"},"
                  "{\"type\":\"image\",\"data\":\"" PNG "\",\"mimeType\":\"image/png\"}," RESOURCE
                  "]}");
    return 0;
}

static int error_handling(const struct mcp_call *c, js **ret, struct err *e) {
    (void)c;
    (void)ret;
    (void)err_tag(e, -EIO, "intended", "This tool intentionally returns an error for testing");
    return err_hint(e, "there is nothing to do");
}

static int with_progress(const struct mcp_call *c, js **ret, struct err *e) {
    (void)e;
    for (int i = 0; i <= 100; i += 50) {
        c->progress(c->cb, i, 100, NULL);
        clock_sleep_ms(50);
    }
    *ret = js_object();
    js_add(*ret, "done", js_bool(true));
    return 0;
}

static int echo(const struct mcp_call *c, js **ret, struct err *e) {
    (void)e;
    *ret = js_object();
    js_add(*ret, "arguments", js_copy(c->args));
    js_add(*ret, "actor", js_str(c->actor));
    js_add(*ret, "pid", js_int(getpid()));
    return 0;
}

/* ---- tools that misbehave ---------------------------------------------------------------------*/

/* Waits, saying so, until the time is over or nobody wants it any more. */
static int slow(const struct mcp_call *c, js **ret, struct err *e) {
    int64_t until = clock_mono_ms() + js_int_or(c->args, "ms", 1000);
    int64_t step = js_int_or(c->args, "note_ms", 0);
    bool stubborn = js_bool_or(c->args, "stubborn", false);
    int64_t n = 0;

    while (clock_mono_ms() < until) {
        if (!stubborn && c->cancelled(c->cb)) {
            const char *path = js_get_str(c->args, "cancel_file");

            if (path) {
                return file_replace(AT_FDCWD, path, "cancelled\n", 10, 0600, e);
            }
            return err_tag(e, -ECANCELED, "cancelled", "withdrawn");
        }
        if (step) {
            c->progress(c->cb, (double)++n, 0, "working\x07");
        }
        clock_sleep_ms(step ? step : 5);
    }
    *ret = js_object();
    js_add(*ret, "pid", js_int(getpid()));
    return 0;
}

static int crash(const struct mcp_call *c, js **ret, struct err *e) {
    (void)c;
    (void)ret;
    (void)e;
    _exit(9);
}

/* What a worker that was overrun may write: no message, or the answer to another call. */
static int nonsense(const struct mcp_call *c, js **ret, struct err *e) {
    static const char forged[] = "{\"t\":\"result\",\"seq\":999,\"body\":{}}";
    uint32_t len = sizeof(forged) - 1;

    (void)ret;
    (void)e;
    if (js_bool_or(c->args, "forged", false)) {
        (void)fd_write_all(3, &len, sizeof(len));
        (void)fd_write_all(3, forged, len);
    } else {
        (void)fd_write_all(3, "\xff\xff\xff\xff garbage", 12);
    }
    clock_sleep_ms(300);
    return 0;
}

static int refuse(const struct mcp_call *c, js **ret, struct err *e) {
    (void)c;
    *ret = js_object();
    js_add(*ret, "plan_id", js_str("P-new"));
    (void)err_tag(e, -ESTALE, "plan_drifted", "the world has moved");
    return err_hint(e, "look at the new plan");
}

static int prints(const struct mcp_call *c, js **ret, struct err *e) {
    (void)c;
    (void)e;
    (void)printf("this must not reach the protocol\n");
    (void)fflush(stdout);
    *ret = js_object();
    return 0;
}

static int big(const struct mcp_call *c, js **ret, struct err *e) {
    size_t n = (size_t)js_int_or(c->args, "bytes", 1000);
    CLEANUP(freep) char *text = malloc(n + 1);

    (void)e;
    memset(text, '"', n);
    *ret = js_object();
    js_add(*ret, "text", js_str_n(text, n));
    return 0;
}

/* Bytes as a log file may hold them: not UTF-8, line separators, control characters. */
static int dirty(const struct mcp_call *c, js **ret, struct err *e) {
    (void)c;
    (void)e;
    *ret = js_object();
    js_add(*ret, "text", js_str("a\xff\xfe b\xe2\x80\xa8 c\x1b[31m\n d\xc0\x80"));
    return 0;
}

static int descriptors(const struct mcp_call *c, js **ret, struct err *e) {
    DIR *d = opendir("/proc/self/fd");
    js *list = js_array();
    struct dirent *entry;

    (void)c;
    (void)e;
    while (d && (entry = readdir(d))) {
        char path[300];
        char target[256];
        ssize_t n;

        (void)snprintf(path, sizeof(path), "/proc/self/fd/%s", entry->d_name);
        n = readlink(path, target, sizeof(target) - 1);
        if (n > 0 && strcmp(entry->d_name, "0") >= 0) {
            target[n] = '\0';
            js_push(list, js_str(target));
        }
    }
    if (d) {
        (void)closedir(d);
    }
    *ret = js_object();
    js_add(*ret, "open", list);
    return 0;
}

/* What an apply does: it must come to its end although the host has gone. */
static int outlive(const struct mcp_call *c, js **ret, struct err *e) {
    const char *path = js_get_str(c->args, "path");
    char started[512];
    int r;

    (void)snprintf(started, sizeof(started), "%s.started", path);
    r = file_replace(AT_FDCWD, started, "1\n", 2, 0600, e);
    if (r < 0) {
        return r;
    }
    clock_sleep_ms(js_int_or(c->args, "ms", 300));
    *ret = js_object();
    return file_replace(AT_FDCWD, path, "outcome\n", 8, 0600, e);
}

#define NO_ARGS  "{\"type\":\"object\",\"additionalProperties\":false}"
#define ANY_ARGS "{\"type\":\"object\"}"

static const struct tool tools[] = {
    {"test_simple_text", NO_ARGS, NULL, true, simple_text},
    {"test_image_content", NO_ARGS, NULL, true, image_content},
    {"test_audio_content", NO_ARGS, NULL, true, audio_content},
    {"test_embedded_resource", NO_ARGS, NULL, true, embedded_resource},
    {"test_multiple_content_types", NO_ARGS, NULL, true, multiple_types},
    {"test_error_handling", NO_ARGS, NULL, false, error_handling},
    {"test_tool_with_progress", NO_ARGS, NULL, false, with_progress},
    {"json_schema_2020_12_tool",
     "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\","
     "\"$defs\":{\"address\":{\"type\":\"object\",\"properties\":{\"street\":{\"type\":\"string\"},"
     "\"city\":{\"type\":\"string\"}}}},\"properties\":{\"name\":{\"type\":\"string\"},"
     "\"address\":{\"$ref\":\"#/$defs/address\"}},\"additionalProperties\":false}",
     NULL, false, echo},
    {"echo", ANY_ARGS,
     "{\"type\":\"object\",\"properties\":{\"arguments\":{\"type\":\"object\"},"
     "\"actor\":{\"type\":\"string\"},\"pid\":{\"type\":\"integer\"}},\"required\":[\"pid\"]}",
     false, echo},
    {"slow", ANY_ARGS, NULL, false, slow},
    {"crash", NO_ARGS, NULL, false, crash},
    {"nonsense", ANY_ARGS, NULL, false, nonsense},
    {"refuse", NO_ARGS, NULL, false, refuse},
    {"refuse_with_schema", NO_ARGS,
     "{\"type\":\"object\",\"properties\":{\"upid\":{\"type\":\"string\"}},\"required\":[\"upid\"]"
     "}",
     false, refuse},
    {"prints", NO_ARGS, NULL, false, prints},
    {"big", ANY_ARGS, NULL, false, big},
    {"dirty", NO_ARGS, NULL, false, dirty},
    {"descriptors", NO_ARGS, NULL, false, descriptors},
    {"outlive", ANY_ARGS, NULL, false, outlive},
};

/* ---- the backend ------------------------------------------------------------------------------*/

static const struct tool *find(const char *name) {
    for (size_t i = 0; i < ARRAY_LEN(tools); i++) {
        if (strcmp(tools[i].name, name) == 0) {
            return &tools[i];
        }
    }
    return NULL;
}

static js *list(void *ctx) {
    js *all = js_array();

    (void)ctx;
    for (size_t i = 0; i < ARRAY_LEN(tools); i++) {
        js *t = js_object();

        js_add(t, "name", js_str(tools[i].name));
        js_add(t, "description", js_str("A tool of the test fixture."));
        js_add(t, "inputSchema", parsed(tools[i].schema));
        if (tools[i].output) {
            js_add(t, "outputSchema", parsed(tools[i].output));
        }
        js_push(all, t);
    }
    return all;
}

static bool has_tool(void *ctx, const char *name) {
    (void)ctx;
    return find(name) != NULL;
}

static const char *instructions(void *ctx) {
    (void)ctx;
    return "Tools for tests.";
}

static int call(void *ctx, const struct mcp_call *c, js **ret, struct err *e) {
    (void)ctx;
    return find(c->tool)->run(c, ret, e);
}

static bool gives_content(void *ctx, const char *name) {
    (void)ctx;
    return find(name)->gives_content;
}

static const struct mcp_backend backend = {
    .name = "mcp-fixture",
    .title = "Fixture",
    .version = "1.2.3",
    .tools = list,
    .has_tool = has_tool,
    .instructions = instructions,
    .call = call,
    .gives_content = gives_content,
};

static bool option(struct mcp_options *o, const char *name, uint32_t value) {
    const struct {
        const char *name;
        int64_t *field;
    } times[] = {
        {"--idle-ms", &o->idle_ms},
        {"--heartbeat-ms", &o->heartbeat_ms},
        {"--drain-eof-ms", &o->drain_eof_ms},
        {"--drain-term-ms", &o->drain_term_ms},
    };

    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        if (strcmp(name, times[i].name) == 0) {
            *times[i].field = value;
            return true;
        }
    }
    if (strcmp(name, "--workers") == 0) {
        o->workers = value;
        return true;
    }
    if (strcmp(name, "--queue") == 0) {
        o->queue = value;
        return true;
    }
    return false;
}

int main(int argc, char **argv) {
    struct mcp_options o = {0};
    struct err e = {0};

    for (int i = 1; i + 1 < argc; i += 2) {
        uint32_t value;

        if (ident_u32(argv[i + 1], &value) < 0 || !option(&o, argv[i], value)) {
            (void)fprintf(stderr, "mcp_fixture: bad option %s\n", argv[i]);
            return 2;
        }
    }
    if (mcp_run(&backend, &o, &e) < 0) {
        (void)fprintf(stderr, "mcp_fixture: %s\n", e.msg);
        return 1;
    }
    return 0;
}
