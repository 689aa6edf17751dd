/* SPDX-License-Identifier: Apache-2.0 */
/* The network analysers behind a pipe, for the models in Python: one case a line in, one answer a
 * line out. {"call": "network", node, requests: [{method, path, form}], client, server, world}
 * gives {affects, says, risk}; {"call": "running", staged, changes} gives {list, doubts}. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "proximo-client/blast/network.h"
#include "proximo-client/blast/sdn.h"
#include "tests/unit/blast/world.h"

static size_t requests_of(const js *c, struct blast_request *ret, size_t max) {
    const js *list = js_get(c, "requests");
    size_t n = 0;

    for (; n < js_len(list) && n < max; n++) {
        const js *q = js_at(list, n);

        ret[n] = (struct blast_request){js_str_or(q, "method", ""), js_str_or(q, "path", ""),
                                        js_get(q, "form")};
    }
    return n;
}

static js *verdict(int r) {
    js *o = js_object();

    js_add(o, "affects", record_lines(buf_str(&record_affects)));
    js_add(o, "says", record_lines(buf_str(&record_rest)));
    js_add(o, "risk", js_int(record_risk));
    js_add(o, "r", js_int(r));
    return o;
}

static js *call_network(const js *c) {
    struct blast_request req[64];
    const struct blast_way way = {js_get_str(c, "client"), js_get_str(c, "server")};
    size_t n = requests_of(c, req, 64);
    const char *node = js_str_or(c, "node", "");
    struct picture_ask ask = {0};
    CLEANUP(picture_freep) struct picture *p = NULL;

    (void)blast_network_ask(node, &ask);
    p = world_picture_of(js_get(c, "world"), &ask);
    return verdict(blast_network(p, node, req, n, &way, record_reset()));
}

static js *call_sdn(const js *c) {
    struct blast_request req[64];
    const struct blast_way way = {js_get_str(c, "client"), js_get_str(c, "server")};
    const struct picture_ask ask = {.what = BLAST_SDN_NEEDS};
    size_t n = requests_of(c, req, 64);
    CLEANUP(picture_freep)
    struct picture *p = world_picture_of(js_get(c, "world"), &ask);

    return verdict(blast_sdn(p, req, n, &way, record_reset()));
}

static js *call_running(const js *c) {
    js *o = js_object();
    js *doubts = js_array();

    js_add(o, "list", net_running(js_get(c, "staged"), js_str_or(c, "changes", ""), doubts));
    js_add(o, "doubts", doubts);
    return o;
}

int main(void) {
    CLEANUP(freep) char *line = NULL;
    size_t room = 0;
    ssize_t n;

    while ((n = getline(&line, &room, stdin)) > 0) {
        CLEANUP(buf_done) struct buf out = BUF_INIT(1 << 24);
        CLEANUP(js_freep) js *c = NULL;
        CLEANUP(js_freep) js *o = NULL;
        struct err e = {0};

        if (js_parse(line, (size_t)n, &c, &e) < 0) {
            (void)fprintf(stderr, "%s\n", e.msg);
            return 1;
        }
        o = strcmp(js_str_or(c, "call", ""), "running") == 0 ? call_running(c)
            : strcmp(js_str_or(c, "call", ""), "sdn") == 0   ? call_sdn(c)
                                                             : call_network(c);
        if (js_print(o, &out) < 0) {
            return 1;
        }
        (void)printf("%s\n", buf_str(&out));
        (void)fflush(stdout);
    }
    return 0;
}
