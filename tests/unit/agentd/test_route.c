/* SPDX-License-Identifier: Apache-2.0 */
/* Routes and errors: the table's own rules, and that nothing of the system gets outside. */
#include "pveagentd/route.h"

#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/limits.h"
#include "common/own.h"
#include "pveagentd/agent.h"
#include "pveagentd/frame.h"
#include "tests/unit/priv/suite.h"

START_TEST(every_row_is_sound) {
    for (size_t i = 0; i < n_routes; i++) {
        const struct route *r = &routes[i];

        ck_assert_msg(strcmp(r->method, "GET") == 0 || strcmp(r->method, "POST") == 0, "%s",
                      r->path);
        ck_assert_int_eq(strncmp(r->path, "/v1/", 4), 0);
        ck_assert_uint_le(r->body_max, LIM_HTTP_BODY);
        ck_assert((strcmp(r->method, "GET") == 0) == (r->body_max == 0));
        ck_assert(r->run != NULL);
        ck_assert_ptr_nonnull(route_right_name(r->right));
        for (size_t k = 0; k < i; k++) {
            ck_assert(strcmp(r->path, routes[k].path) != 0 ||
                      strcmp(r->method, routes[k].method) != 0);
        }
    }
}
END_TEST

START_TEST(only_the_join_route_is_open_to_strangers) {
    size_t open = 0;

    for (size_t i = 0; i < n_routes; i++) {
        open += routes[i].right == RIGHT_INVITATION;
    }
    ck_assert_uint_eq(open, 1);
}
END_TEST

static const char *tag_of(const char *method, const char *path, size_t len) {
    static struct err e;

    memset(&e, 0, sizeof(e));
    return route_find(method, path, len, &e) ? "found" : e.tag;
}

START_TEST(finds_exactly_its_paths) {
    ck_assert_str_eq(tag_of("GET", "/v1/status", 0), "found");
    ck_assert_str_eq(tag_of("POST", "/v1/status", 0), "method_not_allowed");
    ck_assert_str_eq(tag_of("GET", "/v1/status/", 0), "not_found");
    ck_assert_str_eq(tag_of("GET", "/v1/Status", 0), "not_found");
    ck_assert_str_eq(tag_of("GET", "", 0), "not_found");
    ck_assert_str_eq(tag_of("GET", "/v1/op/", 0), "not_found");
    ck_assert_str_eq(tag_of("GET", "/v1/op/x", 0), "found");
    ck_assert_str_eq(tag_of("GET", "/v1/op/x/y", 0), "not_found");
    ck_assert_str_eq(tag_of("POST", "/v1/act", LIM_HTTP_BODY), "found");
    ck_assert_str_eq(tag_of("POST", "/v1/cancel", 4097), "body_too_large");
    ck_assert_str_eq(tag_of("GET", "/v1/status", 1), "body_too_large");
}
END_TEST

START_TEST(maps_codes_to_statuses) {
    ck_assert_int_eq(route_status("witness_conflict"), 409);
    ck_assert_int_eq(route_status("policy_denied"), 403);
    ck_assert_int_eq(route_status("not_in_this_version"), 501);
    ck_assert_int_eq(route_status("unheard_of"), 500);
    ck_assert_int_eq(route_status(""), 500);
    ck_assert_int_eq(route_refusal_status("unheard_of"), 403);
    ck_assert_int_eq(route_refusal_status("not_armed"), 423);
}
END_TEST

START_TEST(keeps_inner_texts_inside) {
    CLEANUP(js_freep) js *o = NULL;
    CLEANUP(js_freep) js *p = NULL;
    struct err e = {0};

    (void)err_set(&e, -ENOENT, "open /var/lib/secret: No such file");
    o = route_error_json(&e);
    ck_assert_str_eq(js_get_str(o, "code"), "internal");
    ck_assert_ptr_null(strstr(js_get_str(o, "message"), "/var"));
    (void)err_tag(&e, -EACCES, "policy_denied", "no rule");
    (void)err_hint(&e, "ask root");
    (void)snprintf(e.step, sizeof(e.step), "policy");
    p = route_error_json(&e);
    ck_assert_str_eq(js_get_str(p, "code"), "policy_denied");
    ck_assert_str_eq(js_get_str(p, "message"), "no rule");
    ck_assert_str_eq(js_get_str(p, "hint"), "ask root");
    ck_assert_str_eq(js_get_str(p, "step"), "policy");
    ck_assert_str_eq(js_get_str(p, "who"), "node");
}
END_TEST

/* The root half sends a code and a sentence; what to do about it is said here. */
START_TEST(says_what_to_do) {
    CLEANUP(js_freep) js *o = NULL;
    CLEANUP(js_freep) js *p = NULL;
    struct err e = {0};

    (void)err_tag(&e, -EPERM, "not_armed", "this node is not armed");
    o = route_error_json(&e);
    ck_assert_str_eq(js_get_str(o, "hint"), "as root on the node: pveagentctl arm");
    e = (struct err){0};
    (void)err_tag(&e, -EPERM, "intent_expired", "the intent has expired");
    p = route_error_json(&e);
    ck_assert_ptr_null(js_get_str(p, "hint"));
}
END_TEST

START_TEST(reads_listening_addresses) {
    static const char *const good[] = {"127.0.0.1:8643", "0.0.0.0:1", "[::]:8643", "[::1]:65535"};
    static const char *const bad[] = {
        "",       "127.0.0.1",    ":8643",     "127.0.0.1:", "a.b:8643", "127.0.0.1:65536",
        "::1:86", "[::1]8643",    "[::1:8643", "[]:8643",    "[",        "127.0.0.1:-1",
        "]:1",    "1.2.3.4:08643"};
    struct agent_addr a;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_msg(agent_parse_addr(good[i], &a) == 0, "%s", good[i]);
        ck_assert_uint_gt(a.len, 0);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(agent_parse_addr(bad[i], &a) < 0, "%s", bad[i]);
    }
}
END_TEST

START_TEST(counts_each_client_alone) {
    struct client_load t[2] = {{.busy = 0}};
    struct hash a = {{1}};
    struct hash b = {{2}};
    struct hash c = {{3}};

    for (size_t i = 0; i < AGENT_CLIENT_BUSY; i++) {
        ck_assert(load_take(t, 2, &a));
    }
    ck_assert(!load_take(t, 2, &a));
    ck_assert(load_take(t, 2, &b));
    ck_assert(!load_take(t, 2, &c)); /* the table is full */
    load_drop(t, 2, &a);
    ck_assert(load_take(t, 2, &a));
    load_drop(t, 2, &b);
    ck_assert(load_take(t, 2, &c));
}
END_TEST

START_TEST(chooses_the_dress_by_accept) {
    ck_assert_int_eq(frame_dress_of(NULL), FRAME_BINARY);
    ck_assert_int_eq(frame_dress_of("*/*"), FRAME_BINARY);
    ck_assert_int_eq(frame_dress_of(FRAME_TYPE), FRAME_BINARY);
    ck_assert_int_eq(frame_dress_of(NDJSON_TYPE), FRAME_NDJSON);
    ck_assert_int_eq(frame_dress_of(NDJSON_TYPE "; q=1"), FRAME_NDJSON);
    ck_assert_int_eq(frame_dress_of(NDJSON_TYPE "x"), FRAME_BINARY);
}
END_TEST

SUITE_MAIN("route", every_row_is_sound, only_the_join_route_is_open_to_strangers,
           finds_exactly_its_paths, maps_codes_to_statuses, keeps_inner_texts_inside,
           says_what_to_do, reads_listening_addresses, counts_each_client_alone,
           chooses_the_dress_by_accept)
