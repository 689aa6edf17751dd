/* SPDX-License-Identifier: Apache-2.0 */
/* The world and the recording draft of the analysers' tests. */
#include "tests/unit/blast/world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/own.h"
#include "proximo-client/pipeline/draft.h"

struct buf record_affects = BUF_INIT(1 << 20), record_rest = BUF_INIT(1 << 20);
int record_risk;

static const char quiet[] =
    "{\"/access/permissions\":{\"/"
    "\":{\"VM.Audit\":1,\"Datastore.Audit\":1,\"Datastore.Allocate\":1,"
    "\"Sys.Audit\":1,\"Pool.Audit\":1,\"Mapping.Audit\":1,\"SDN.Audit\":1}},"
    "\"/cluster/resources?type=node\":[{\"node\":\"c1\",\"status\":\"online\"},"
    "{\"node\":\"c2\",\"status\":\"online\"},{\"node\":\"c3\",\"status\":\"online\"}],"
    "\"/cluster/resources?type=vm\":[],\"/storage\":[],\"/cluster/backup\":[],"
    "\"/cluster/replication\":[],\"/cluster/ha/resources\":[],\"/cluster/ha/rules\":[]}";

/* Not check's own assertions: the models' driver uses this world, too, outside of any test. */
static void must(bool is_good, const char *what) {
    if (!is_good) {
        (void)fprintf(stderr, "%s\n", what);
        abort();
    }
}

struct draft *record_reset(void) {
    buf_reset(&record_affects);
    buf_reset(&record_rest);
    (void)buf_adds(&record_affects, "");
    record_risk = RISK_NONE;
    return (struct draft *)&record_risk; /* opaque to the analysers */
}

static bool ends_with(const char *s, const char *end) {
    size_t n = strlen(s), m = strlen(end);

    return n >= m && strcmp(s + n - m, end) == 0;
}

/* q: what is there unless w says otherwise; NULL: what w leaves out could not be read. */
static struct picture *fill(const js *w, const js *q, const struct picture_ask *ask) {
    CLEANUP(js_freep) js *empty_list = js_array();
    CLEANUP(js_freep) js *empty_object = js_object();
    CLEANUP(js_freep) js *failed = js_object();
    const struct picture_read *want;
    struct picture *p = NULL;
    struct err e = {0};
    size_t n;

    js_add(failed, "!", js_int(500));
    must(picture_new(ask, &p, &e) == 0, "no picture");
    while ((n = picture_need(p, &want)) > 0) {
        for (size_t i = 0; i < n; i++) {
            js *v = js_get(w, want[i].path);
            int64_t status = 0;

            v = v ? v : js_get(q, want[i].path);
            v = v                                     ? v
                : !q                                  ? failed
                : ends_with(want[i].path, "#changes") ? NULL /* nothing is staged */
                : ends_with(want[i].path, "/config")  ? empty_object
                                                      : empty_list;
            if (js_is_object(v) && js_get_int(v, "!", &status)) {
                int r = err_set(&e, status == 403 ? -EACCES : -EREMOTEIO, "refused by the test");

                e.http_status = (int)status;
                picture_put(p, want[i].path, NULL, r, &e);
            } else {
                picture_put(p, want[i].path, v, 0, NULL);
            }
        }
    }
    return p;
}

struct picture *world_picture(const char *world, const struct picture_ask *ask) {
    CLEANUP(js_freep) js *w = NULL;
    struct err e = {0};

    must(js_parse(world, strlen(world), &w, &e) == 0, world);
    return world_picture_of(w, ask);
}

struct picture *world_picture_of(const js *world, const struct picture_ask *ask) {
    CLEANUP(js_freep) js *q = NULL;
    struct err e = {0};

    must(js_parse(quiet, strlen(quiet), &q, &e) == 0, quiet);
    return fill(world, q, ask);
}

/* The filter that ?type= is at a real node. */
static void put_resources(js *w, js *all, const char *path, const char *types) {
    js *some = js_array();

    for (size_t i = 0; i < js_len(all); i++) {
        if (words_have(types, js_str_or(js_at(all, i), "type", ""))) {
            js_push(some, js_ref(js_at(all, i)));
        }
    }
    js_add(w, path, some);
}

struct picture *world_captured(const char *file, const struct picture_ask *ask) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(LIM_PVE_ANSWER);
    CLEANUP(js_freep) js *whole = NULL;
    CLEANUP(js_freep) js *w = js_object();
    struct err e = {0};
    js *calls;

    if (file_read(AT_FDCWD, file, &text, &e) < 0) {
        return NULL;
    }
    must(js_parse(buf_str(&text), text.len, &whole, &e) == 0, e.msg);
    calls = js_get(whole, "calls");
    for (size_t i = 0; i < js_len(calls); i++) {
        const js *c = js_at(calls, i);
        const char *path = js_str_or(c, "path", "");
        js *data = js_get(js_get(c, "body"), "data");

        if (js_int_or(c, "status", 0) != 200) {
            data = js_object();
            js_add(data, "!", js_int(js_int_or(c, "status", 0)));
            js_add(w, path, data);
        } else if (strcmp(path, "/cluster/resources") == 0) {
            put_resources(w, data, "/cluster/resources?type=vm", "qemu,lxc");
            put_resources(w, data, "/cluster/resources?type=node", "node");
        } else {
            js_add(w, path, js_ref(data));
        }
    }
    return fill(w, NULL, ask);
}

void draft_affect(struct draft *d, const struct affect *a) {
    (void)d;
    must(a->why != NULL, "an affect without a reason");
    (void)buf_addf(&record_affects, "%s %s %d %s%s%s\n", a->resource, a->effect, (int)a->severity,
                   a->via ? a->via : "-", a->running ? " running" : "",
                   a->only_copy ? " only" : "");
    (void)buf_addf(&record_rest, "why %s %s\n", a->resource, a->why);
    record_risk = (int)a->severity > record_risk ? (int)a->severity : record_risk;
}

void draft_risk(struct draft *d, enum risk r, const char *fmt, ...) {
    va_list ap;

    (void)d;
    va_start(ap, fmt);
    (void)buf_addf(&record_rest, "risk %d ", (int)r);
    (void)buf_vaddf(&record_rest, fmt, ap);
    (void)buf_addc(&record_rest, '\n');
    va_end(ap);
    record_risk = (int)r > record_risk ? (int)r : record_risk;
}

void draft_unread(struct draft *d, const char *what, const char *why, const char *privilege) {
    (void)d;
    (void)buf_addf(&record_rest, "unread %s | %s | %s\n", what, why, privilege ? privilege : "-");
    record_risk = RISK_HIGH;
}

void draft_coverage(struct draft *d, unsigned int nodes_read, unsigned int nodes,
                    unsigned int guests_read, unsigned int guests) {
    (void)d;
    (void)buf_addf(&record_rest, "coverage %u/%u %u/%u\n", nodes_read, nodes, guests_read, guests);
}

js *record_lines(const char *text) {
    js *list = js_array();

    for (const char *s = text; *s;) {
        size_t len = strcspn(s, "\n");

        js_push(list, js_str_n(s, len));
        s += len + (s[len] == '\n');
    }
    return list;
}
