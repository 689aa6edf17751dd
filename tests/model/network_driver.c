/* SPDX-License-Identifier: Apache-2.0 */
/* The network analysers behind a pipe, for the models in Python: one case a line in, one answer a
 * line out. {"call": "network", node, requests: [{method, path, form}], client, server, world}
 * gives {affects, says, risk}; {"call": "running", staged, changes} gives {list, doubts}. */
#include <string.h>

#include "proximo-client/blast/network.h"
#include "proximo-client/blast/sdn.h"
#include "tests/model/driver.h"

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
    size_t n = driver_requests(c, req, 64);
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
    size_t n = driver_requests(c, req, 64);
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

static js *answer(const js *c) {
    return strcmp(js_str_or(c, "call", ""), "running") == 0 ? call_running(c)
           : strcmp(js_str_or(c, "call", ""), "sdn") == 0   ? call_sdn(c)
                                                            : call_network(c);
}

int main(void) {
    return driver_run(answer);
}
