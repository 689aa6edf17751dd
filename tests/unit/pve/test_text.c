/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of the API client: paths, forms, tokens, answers. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "common/own.h"
#include "proximo-client/pve/agent.h"
#include "proximo-client/pve/wire.h"

START_TEST(path_has_parts) {
    static const struct {
        const char *path;
        size_t i;
        const char *part; /* NULL: none */
    } row[] = {{"/nodes/pve1/lxc/101/config", 0, "nodes"},
               {"/nodes/pve1/lxc/101/config", 1, "pve1"},
               {"/nodes/pve1/lxc/101/config", 4, "config"},
               {"/nodes/pve1/lxc/101/config", 5, NULL},
               {"/cluster/resources?type=vm", 1, "resources"},
               {"/cluster/resources?a=/b", 2, NULL},
               {"/nodes//lxc", 1, NULL},
               {"/", 0, NULL},
               {"", 0, NULL},
               {"nodes", 0, NULL},
               {"/1234567", 0, "1234567"},
               {"/12345678", 0, NULL}};

    for (size_t i = 0; i < ARRAY_LEN(row); i++) {
        char part[10] = "";
        size_t size = i < 10 ? sizeof(part) : 8; /* the last two: fits, and does not */

        ck_assert_msg(pve_path_part(row[i].path, row[i].i, part, size) == (row[i].part != NULL),
                      "%s %zu", row[i].path, row[i].i);
        ck_assert_str_eq(part, row[i].part ? row[i].part : "");
    }
}
END_TEST

START_TEST(paths) {
    static const struct {
        const char *value; /* of {x} */
        const char *path;  /* NULL: refused */
    } c[] = {{"a", "/p/a/config"},
             {"10.0.0.0/8", "/p/10.0.0.0%2F8/config"},
             {"../../access", "/p/..%2F..%2Faccess/config"},
             {"a?b#c&d=e f", "/p/a%3Fb%23c%26d%3De%20f/config"},
             {"\xc3\xa4", "/p/%C3%A4/config"},
             {"", NULL},
             {".", NULL},
             {"..", NULL},
             {"a\nb", NULL}};
    struct err e;

    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        CLEANUP(js_freep) js *args = js_object();
        CLEANUP(buf_done) struct buf b = BUF_INIT(1000);

        js_add(args, "x", js_str(c[i].value));
        if (c[i].path) {
            ck_assert_int_eq(pve_path("/p/{x}/config", args, &b, &e), 0);
            ck_assert_str_eq(buf_str(&b), c[i].path);
            ck_assert_int_eq(path_check(buf_str(&b), &e), 0);
        } else {
            ck_assert_int_eq(pve_path("/p/{x}/config", args, &b, &e), -EINVAL);
        }
    }
    {
        CLEANUP(js_freep) js *args = js_object();
        CLEANUP(buf_done) struct buf b = BUF_INIT(1000);

        js_add(args, "n", js_int(104));
        ck_assert_int_eq(pve_path("/vms/{n}", args, &b, &e), 0);
        ck_assert_str_eq(buf_str(&b), "/vms/104");
        ck_assert_int_eq(pve_path("/vms/{missing}", args, &b, &e), -EINVAL);
        ck_assert_int_eq(pve_path("/vms/x{n}", args, &b, &e), -EINVAL);
        ck_assert_int_eq(pve_path("vms", args, &b, &e), -EINVAL);
    }
}
END_TEST

/* What PVE makes of a command's bytes, and what a PVE that read them as UTF-8 would make. */
START_TEST(output_of_commands_in_vms) {
    static const struct {
        const char *text, *bytes;
    } c[] = {
        {"plain\n", "plain\n"},
        {"\xc3\x83\xc2\xa9", "\xc3\xa9"}, /* two characters that are the bytes of one */
        {"\xc3\xa2\xc2\x82\xc2\xac", "\xe2\x82\xac"},
        {"\xe2\x82\xac \xc3\xa9", "\xe2\x82\xac \xc3\xa9"}, /* more than bytes */
        {"\xc3\xa9", "\xc3\xa9"},                           /* no text when taken for bytes */
        {"", ""},
    };

    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        CLEANUP(buf_done) struct buf b = BUF_INIT(64);

        ck_assert_int_eq(pve_agent_bytes(c[i].text, strlen(c[i].text), &b), 0);
        ck_assert_msg(strcmp(buf_str(&b), c[i].bytes) == 0, "%zu: %s", i, buf_str(&b));
    }
    {
        CLEANUP(buf_done) struct buf b = BUF_INIT(64);

        ck_assert_int_eq(pve_agent_bytes("a\0b", 3, &b), 0);
        ck_assert_uint_eq(b.len, 3);
    }
}
END_TEST

START_TEST(raw_paths) {
    static const char *const bad[] = {"nodes", "/a/../b", "/a/..", "/a/%2e%2E/b", "/a/.%2e?x=1",
                                      "/a//b", "/a b",    "/a#b",  "/a/./b",      "/a\x80"};
    static const char *const good[] = {"/", "/a/.b", "/a/..b", "/a?x=../y", "/a/b.c"};
    struct err e;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_msg(path_check(bad[i], &e) < 0, "%s", bad[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        ck_assert_msg(path_check(good[i], &e) == 0, "%s", good[i]);
    }
}
END_TEST

START_TEST(forms) {
    CLEANUP(js_freep) js *f = js_object();
    CLEANUP(buf_done) struct buf b = BUF_INIT(200);
    CLEANUP(js_freep) js *bad = js_object();
    struct err e;

    js_add(f, "a b", js_str("x=y&z"));
    js_add(f, "t", js_bool(true));
    js_add(f, "f", js_bool(false));
    js_add(f, "n", js_int(-3));
    js_add(f, "l", js_array());
    js_push(js_get(f, "l"), js_str("a"));
    js_push(js_get(f, "l"), js_str("b"));
    ck_assert_int_eq(pve_query(f, &b, &e), 0);
    ck_assert_str_eq(buf_str(&b), "?a%20b=x%3Dy%26z&t=1&f=0&n=-3&l=a&l=b");
    js_add(bad, "list", js_array()); /* one with items is a name that is repeated */
    ck_assert_int_eq(form_encode(bad, &b, &e), -EINVAL);
    js_add(bad, "list", NULL);
    ck_assert_int_eq(form_encode(bad, &b, &e), -EINVAL);
}
END_TEST

/* A backup server says what is wrong in plain text, and refuses with a 400 at times. */
START_TEST(backup_server_errors) {
    static const struct {
        int status;
        const char *reason, *body, *tag, *says, *hint;
    } c[] = {
        {400, "Bad Request", "no such datastore 'tank'", "pve_bad_request", "no such datastore",
         ""},
        {404, "Not Found", "job 'x' does not exist.", "pve_not_found", "job 'x'", ""},
        {403, "Forbidden",
         "permission check failed - missing Datastore.Audit|Datastore.Backup on /datastore/a/b",
         "pve_denied", "missing", "one of Datastore.Audit|Datastore.Backup on /datastore/a/b"},
        {400, "Bad Request", "missing permissions 'Datastore.Verify' on '/datastore/a'",
         "pve_denied", "missing", "needs Datastore.Verify on /datastore/a"},
        {400, "Bad Request", "<html>no message</html>", "pve_bad_request", "Bad Request", ""},
        {400, "the phrase", "", "pve_bad_request", "the phrase", ""},
    };

    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        struct err e = {0};
        js *body = NULL;

        ck_assert_int_lt(answer_read(c[i].status, c[i].reason, c[i].body, strlen(c[i].body),
                                     "GET /x", &body, &e),
                         0);
        ck_assert_str_eq(e.tag, c[i].tag);
        ck_assert_msg(strstr(e.msg, c[i].says) != NULL, "%s", e.msg);
        ck_assert_msg(strstr(e.hint, c[i].hint) != NULL, "%s", e.hint);
        ck_assert_int_eq(e.http_status, c[i].status);
        ck_assert_ptr_null(body);
    }
}
END_TEST

START_TEST(tokens) {
    static const char *const bad[] = {"",        "a",         "a@b!c",           "a@b!c=",
                                      "a@b=s",   "a@b!c=s s", "a@b!c=s\r\nX: y", "a@b!c=s\nd@e!f=t",
                                      "=secret", "a@b!c=s=t"};
    struct token t;
    struct err e;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_msg(token_parse(bad[i], strlen(bad[i]), false, &t, &e) < 0, "%s", bad[i]);
        ck_assert_str_eq(e.tag, "token_unreadable");
    }
    ck_assert_int_eq(token_parse("a@pam!c=s-1\r\n", 13, false, &t, &e), 0);
    ck_assert_str_eq(t.id, "a@pam!c");
    ck_assert_str_eq(t.header, "Authorization: PVEAPIToken=a@pam!c=s-1");
    token_wipe(&t);
    ck_assert_str_eq(t.header, "");
    ck_assert_int_eq(token_parse("a@pbs!c:s-1\n", 12, true, &t, &e), 0);
    ck_assert_str_eq(t.header, "Authorization: PBSAPIToken=a@pbs!c:s-1");
    ck_assert_int_lt(token_parse("a@pbs!c=s-1\n", 12, true, &t, &e), 0);
    ck_assert_int_lt(token_parse("a@pbs!c:s:1\n", 12, true, &t, &e), 0);
    ck_assert_int_lt(token_parse("a@pam!c:s-1\n", 12, false, &t, &e), 0);
    token_wipe(&t);
}
END_TEST

START_TEST(status_lines) {
    char s[64];

    ck_assert(answer_status_line("HTTP/1.1 500 a \x1b[1mtext\r\n", 25, s, sizeof(s)));
    ck_assert_str_eq(s, "a [1mtext");
    ck_assert(answer_status_line("HTTP/1.1 200\r\n", 14, s, sizeof(s)));
    ck_assert_str_eq(s, "");
    ck_assert(!answer_status_line("Server: HTTP/1.1 500 x\r\n", 24, s, sizeof(s)));
}
END_TEST

START_TEST(cleaned) {
    static const struct {
        const char *in, *out;
    } c[] = {{"plain", "plain"},
             {"a\r\n\tb", "a b"},
             {"\xe2\x80\xae"
              "abc",
              "abc"},
             {"a\xe2\x81\xa6"
              "b",
              "a b"},
             {"\xc2\x9b"
              "1m",
              "1m"},
             {"\xc3\xa4\xe2\x82\xac", "\xc3\xa4\xe2\x82\xac"},
             {"bad\xff", "bad\xef\xbf\xbd"}};
    char s[64];
    char small[4];

    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        answer_clean(c[i].in, strlen(c[i].in), s, sizeof(s));
        ck_assert_str_eq(s, c[i].out);
    }
    answer_clean("\xe2\x82\xac\xe2\x82\xac", 6, small, sizeof(small)); /* cut between characters */
    ck_assert_str_eq(small, "\xe2\x82\xac");
}
END_TEST

START_TEST(permission_texts) {
    char path[20], privs[20];

    ck_assert(pve_permissions_hint("Permission check failed (/vms/103, VM.Audit|VM.Backup)\n", path,
                                   sizeof(path), privs, sizeof(privs)));
    ck_assert_str_eq(path, "/vms/103");
    ck_assert_str_eq(privs, "VM.Audit|VM.Backup");
    ck_assert(
        !pve_permissions_hint("Permission check failed", path, sizeof(path), privs, sizeof(privs)));
    ck_assert(!pve_permissions_hint("Permission check failed (/a-path-that-does-not-fit, X)", path,
                                    sizeof(path), privs, sizeof(privs)));
    ck_assert_str_eq(path, "");
}
END_TEST

int main(void) {
    Suite *s = suite_create("pve text");
    TCase *t = tcase_create("all");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_test(t, path_has_parts);
    tcase_add_test(t, paths);
    tcase_add_test(t, raw_paths);
    tcase_add_test(t, output_of_commands_in_vms);
    tcase_add_test(t, forms);
    tcase_add_test(t, tokens);
    tcase_add_test(t, backup_server_errors);
    tcase_add_test(t, status_lines);
    tcase_add_test(t, cleaned);
    tcase_add_test(t, permission_texts);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
