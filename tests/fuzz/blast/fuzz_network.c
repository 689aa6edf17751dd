/* SPDX-License-Identifier: Apache-2.0 */
/* A node's interfaces and the difference beside them, from outside: what runs is worked out and
 * compared in whatever shape both come, and requests of any kind are carried out on them. No crash,
 * no endless walk, and a list that is none is told. */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "proximo-client/blast/network.h"
#include "tests/fuzz/blast/draft.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* {path: answer, "requests": [{method, path, form}], "server", "client"} */
static void whole(const js *world) {
    const js *list = js_get(world, "requests");
    const struct blast_way way = {js_get_str(world, "client"), js_get_str(world, "server")};
    struct blast_request req[8];
    struct picture_ask ask;
    const struct picture_read *want;
    CLEANUP(picture_freep) struct picture *p = NULL;
    size_t n = 0;

    (void)blast_network_ask("c1", &ask);
    if (picture_new(&ask, &p, NULL) < 0) {
        return;
    }
    for (size_t k; (k = picture_need(p, &want)) > 0;) {
        for (size_t i = 0; i < k; i++) {
            js *v = js_get(world, want[i].path);

            picture_put(p, want[i].path, v, v ? 0 : -EACCES, NULL);
        }
    }
    for (; n < js_len(list) && n < ARRAY_LEN(req); n++) {
        req[n] = (struct blast_request){js_str_or(js_at(list, n), "method", "PUT"),
                                        js_str_or(js_at(list, n), "path", ""),
                                        js_get(js_at(list, n), "form")};
    }
    draft_told = 0;
    if (blast_network(p, "c1", req, n, &way, NULL) < 0 && draft_told == 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP(js_freep) js *world = NULL;
    CLEANUP(js_freep) js *doubts = js_array();
    CLEANUP(js_freep) js *none = js_array();
    CLEANUP(js_freep) js *running = NULL;
    CLEANUP(freep) char *text = strndup((const char *)data, size);

    if (js_parse((const char *)data, size, &world, NULL) == 0 && js_is_object(world)) {
        whole(world);
    } else if (text) {
        running = net_running(none, text, doubts);
        if (!js_is_array(running)) {
            abort();
        }
    }
    return 0;
}
