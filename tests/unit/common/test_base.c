/* SPDX-License-Identifier: Apache-2.0 */
/* The leaf code under everything: errors, buffers, files, digests, encodings, JSON, certificates.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/b64.h"
#include "common/buf.h"
#include "common/canon.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/tls.h"

START_TEST(errors_keep_tag_and_grow_outwards) {
    struct err e;
    char longtext[1000];

    ck_assert_int_eq(err_tag(&e, -ENOENT, "not_found", "no %s", "thing"), -ENOENT);
    ck_assert_int_eq(err_hint(&e, "look %s", "there"), -ENOENT);
    ck_assert_int_eq(err_wrap(&e, "step %d", 3), -ENOENT);
    ck_assert_str_eq(e.msg, "step 3: no thing");
    ck_assert_str_eq(e.tag, "not_found");
    ck_assert_str_eq(e.hint, "look there");
    err_by(&e, "node");
    ck_assert_int_eq(err_tag(&e, -EACCES, "frozen", "outer: %s", e.msg), -EACCES);
    ck_assert_str_eq(e.msg, "outer: step 3: no thing"); /* an argument may be the old error's */
    ck_assert_str_eq(e.hint, "");
    ck_assert_str_eq(e.by, "");
    ck_assert_int_eq(err_set(NULL, -EIO, "x"), -EIO);
    memset(longtext, 'x', sizeof(longtext) - 1);
    longtext[sizeof(longtext) - 1] = '\0';
    ck_assert_int_eq(err_set(&e, -EIO, "%s", longtext), -EIO);
    ck_assert_uint_eq(strlen(e.msg), sizeof(e.msg) - 1);
    ck_assert_str_eq(e.tag, "");
}
END_TEST

START_TEST(buffers_stop_at_their_ceiling) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(10);

    ck_assert_str_eq(buf_str(&b), "");
    ck_assert_int_eq(buf_adds(&b, "12345"), 0);
    ck_assert_int_eq(buf_adds(&b, "678901"), -E2BIG);
    ck_assert_str_eq(buf_str(&b), "12345");
    ck_assert_int_eq(buf_addf(&b, "%d", 67890), 0);
    ck_assert_int_eq(buf_addc(&b, 'x'), -E2BIG);
    ck_assert_int_eq(buf_addf(&b, "%d", 1), -E2BIG);
    buf_cut(&b, 7);
    ck_assert_str_eq(buf_str(&b), "890");
    buf_reset(&b);
    ck_assert_uint_eq(b.len, 0);
    ck_assert_int_eq(buf_reserve(&b, (size_t)-1), -E2BIG);
}
END_TEST

START_TEST(a_file_is_replaced_whole_or_not) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(100);
    char dir[] = "/tmp/base-XXXXXX";
    struct err e = {0};
    struct stat st;
    int fd;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_eq(file_replace(fd, "f", "old", 3, 0600, &e), 0);
    ck_assert_int_eq(file_replace(fd, "f", "new!", 4, 0640, &e), 0);
    ck_assert_int_eq(fstatat(fd, "f", &st, 0), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0640);
    ck_assert_int_eq(file_read(fd, "f", &b, &e), 0);
    ck_assert_str_eq(buf_str(&b), "new!");
    ck_assert_int_eq(file_read_private(fd, "f", geteuid(), &b, &e), -EPERM);
    ck_assert_str_eq(e.tag, "file_not_private");
    ck_assert_int_eq(symlinkat("f", fd, "link"), 0);
    ck_assert_int_lt(file_read(fd, "link", &b, &e), 0);
    ck_assert_int_eq(mkfifoat(fd, "pipe", 0600), 0);
    ck_assert_int_lt(file_read(fd, "pipe", &b, &e), 0); /* and does not hang */
    b.max = 5;
    ck_assert_int_eq(file_read(fd, "f", &b, &e), -E2BIG);
    ck_assert_int_eq(file_replace(fd, "none/f", "x", 1, 0600, &e), -ENOENT);
    ck_assert_int_eq(dir_make(fd, "a/b/c", 0700, &e), 0);
    ck_assert_int_eq(dir_make(fd, "a/b/c", 0700, &e), 0);
    ck_assert_int_eq(unlinkat(fd, "a/b/c", AT_REMOVEDIR), 0);
    ck_assert_int_eq(unlinkat(fd, "a/b", AT_REMOVEDIR), 0);
    ck_assert_int_eq(unlinkat(fd, "a", AT_REMOVEDIR), 0);
    ck_assert_int_eq(unlinkat(fd, "f", 0) | unlinkat(fd, "link", 0) | unlinkat(fd, "pipe", 0), 0);
    (void)close(fd);
    ck_assert_int_eq(rmdir(dir), 0); /* nothing else was left there */
}
END_TEST

START_TEST(digests) {
    struct sha256 *s = sha256_new();
    struct hash h;
    struct hash h2;
    char text[HASH_HEX_LEN + 1];

    sha256("abc", 3, &h);
    hash_text(&h, text);
    ck_assert_str_eq(text,
                     "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    for (int i = 0; i < 2; i++) { /* it starts anew by itself */
        sha256_add(s, "a", 1);
        sha256_add(s, "bc", 2);
        sha256_end(s, &h2);
        ck_assert(hash_eq(&h, &h2));
    }
    sha256_free(s);
    ck_assert_int_eq(hash_parse(text, &h2), 0);
    ck_assert(hash_eq(&h, &h2));
    text[10] = 'A';
    ck_assert_int_lt(hash_parse(text, &h2), 0);
    ck_assert_int_lt(hash_parse("sha256:", &h2), 0);
    hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, &h); /* RFC 4231, case 2 */
    hash_text(&h, text);
    ck_assert_str_eq(text,
                     "sha256:5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}
END_TEST

START_TEST(base64_has_one_encoding) {
    static const char *const bad[] = {"A",    "AA",    "AAA",   "AA=",  "A===",  "====", "AB==",
                                      "AAB=", "AA==A", "AA= =", "AA-_", "AAAA=", "AA\n="};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CLEANUP(buf_done) struct buf b = BUF_INIT(100);

        ck_assert_msg(b64_decode(bad[i], strlen(bad[i]), &b) < 0, "%s", bad[i]);
    }
    for (size_t len = 0; len < 40; len++) {
        CLEANUP(buf_done) struct buf text = BUF_INIT(100);
        CLEANUP(buf_done) struct buf back = BUF_INIT(100);
        uint8_t data[40];

        random_bytes(data, sizeof(data));
        ck_assert_int_eq(b64_encode(&text, data, len), 0);
        ck_assert_int_eq(b64_decode(buf_str(&text), text.len, &back), 0);
        ck_assert_uint_eq(back.len, len);
        ck_assert_int_eq(memcmp(buf_str(&back), data, len), 0);
        ck_assert_int_lt(b64_decode_exact(buf_str(&text), text.len, data, len + 1), 0);
        buf_reset(&text);
        buf_reset(&back);
        ck_assert_int_eq(b64url_encode(&text, data, len), 0);
        ck_assert_int_eq(b64url_decode(buf_str(&text), text.len, &back), 0);
        ck_assert_uint_eq(back.len, len);
    }
}
END_TEST

START_TEST(base32_known_answer) {
    char out[27];

    b32_lower((const uint8_t *)"foobar", 6, 10, out);
    ck_assert_str_eq(out, "mzxw6ytboi");
}
END_TEST

START_TEST(json_that_is_none) {
    static const char *const bad[] = {
        "",
        "{",
        "{}x",
        "{'a':1}",
        "{a:1}",
        "{\"a\":1,}",
        "[1,]",
        "nan",
        "NaN",
        "Infinity",
        "-Infinity",
        "01",
        "+1",
        "1.",
        ".5",
        "1e",
        "1e400",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "\"\x01\"",
        "\"\xff\"",
        "\"\xc0\x80\"",
        "\"\xed\xa0\x80\"",
        "\"\\ud800\"",
        "\"\\udc00\\ud800\"",
        "\"\\x\"",
        "\"\\u12\"",
        "{\"a\":1,\"a\":2}",
        "{\"a\":{\"b\":1,\"b\":1}}",
        "{\"a\":1,\"\\u0061\":2}",
        "{\"a\\u0000b\":1}",
        "tru",
        "/**/1",
        "1 2",
        "\"a",
        "[",
        "{\"a\"}",
        "\xef\xbb\xbf{}",
    };
    char deep[200];
    js *v = NULL;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_msg(js_parse(bad[i], strlen(bad[i]), &v, NULL) < 0, "%s", bad[i]);
    }
    memset(deep, '[', 65);
    memset(deep + 65, ']', 65);
    ck_assert_int_lt(js_parse(deep, 130, &v, NULL), 0);
    ck_assert_int_eq(js_parse(deep + 1, 128, &v, NULL), 0);
    js_freep(&v);
    ck_assert_int_lt(js_parse("1\0", 2, &v, NULL), 0);
}
END_TEST

/* The tree that json-c makes of it, whatever stands in front of json-c. */
START_TEST(json_is_what_json_c_makes_of_it) {
    static const char *const good[] = {
        "null",
        "true",
        " false ",
        "0",
        "-0",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "0.5",
        "-0.0",
        "1e5",
        "1E-09",
        "1.50",
        "123456789012345678.25",
        "\"\"",
        "\"a\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"x\\u0041\\u00e9\\u07ff\\u0800\\uffff\\u0000y\"",
        "\"\\ud83d\\ude00\\uDBFF\\uDFFF\\ud800\\udc00\"",
        "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
        "[]",
        "{}",
        "[ ]",
        "{ }",
        "[null,true,[false,[]],{\"a\":{}},1.5,\"\\n\"]",
        "{\"a\":null,\"\":1,\"b\\u0063\":[\"d\"],\"\\\"\":{\"e\":-7}}",
        "\t{ \"k\" :\n[ 1 , 2 ]\r}\n",
    };

    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        CLEANUP(js_freep) js *ours = NULL;
        CLEANUP(js_freep) js *theirs = json_tokener_parse(good[i]);
        CLEANUP(freep)
        char *text = strdup(json_object_to_json_string_ext(theirs, JSON_C_TO_STRING_PLAIN));
        struct err e = {0};

        ck_assert_msg(js_parse(good[i], strlen(good[i]), &ours, &e) == 0, "%s: %s", good[i], e.msg);
        ck_assert_msg(js_eq(ours, theirs), "%s", good[i]);
        ck_assert_str_eq(json_object_to_json_string_ext(ours, JSON_C_TO_STRING_PLAIN), text);
    }
}
END_TEST

/* Members of rows that nobody looks at are held to the grammar and left out. */
START_TEST(json_rows_in_part) {
    static const char *const only[] = {"vmid", "name", NULL};
    static const struct {
        const char *text, *want;
    } c[] = {
        {"{\"data\":[{\"cpu\":0.5,\"vmid\":1,\"mem\":2,\"name\":\"a\"},{\"vmid\":2}]}",
         "{\"data\":[{\"vmid\":1,\"name\":\"a\"},{\"vmid\":2}]}"},
        {"{\"data\":[{\"vmid\":1,\"mem\":2},{\"mem\":2},{ \"mem\" : 2 , \"cpu\":[{\"vmid\":1}] "
         "},{}]}",
         "{\"data\":[{\"vmid\":1},{},{},{}]}"},
        {"{\"total\":3,\"data\":[{\"mem\":\"}],{\\\"\",\"name\":{\"mem\":1}}],\"cpu\":{\"mem\":1}}",
         "{\"total\":3,\"data\":[{\"name\":{\"mem\":1}}],\"cpu\":{\"mem\":1}}"},
        {"{\"data\":[{\"mem\":1,\"mem\":2,\"\\u006dem\":3}]}", "{\"data\":[{\"mem\":3}]}"},
    };
    static const char *const bad[] = {
        "{\"data\":[{\"mem\":01}]}",
        "{\"data\":[{\"mem\":1,}]}",
        "{\"data\":[{\"mem\":1 \"vmid\":1}]}",
        "{\"data\":[{\"mem\":\"\xff\"}]}",
        "{\"data\":[{\"mem\":1",
        "{\"data\":[{\"vmid\":1,\"mem\":1,\"vmid\":2}]}",
    };

    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        CLEANUP(js_freep) js *v = NULL;
        CLEANUP(js_freep) js *want = NULL;
        struct err e = {0};

        ck_assert_msg(js_parse_rows(c[i].text, strlen(c[i].text), only, &v, &e) == 0, "%s: %s",
                      c[i].text, e.msg);
        ck_assert_int_eq(js_parse(c[i].want, strlen(c[i].want), &want, &e), 0);
        ck_assert_msg(js_eq(v, want), "%s", json_object_to_json_string(v));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        js *v = NULL;

        ck_assert_msg(js_parse_rows(bad[i], strlen(bad[i]), only, &v, NULL) < 0, "%s", bad[i]);
    }
}
END_TEST

START_TEST(json_getters_say_no) {
    CLEANUP(js_freep) js *v = NULL;
    const char *text =
        "{\"s\":\"x\",\"n\":5,\"t\":\"7\",\"b\":1,\"z\":\"a\\u0000b\",\"m\":-9223372036854775808}";
    int64_t n = 0;

    ck_assert_int_eq(js_parse(text, strlen(text), &v, NULL), 0);
    ck_assert_str_eq(js_get_str(v, "s"), "x");
    ck_assert_ptr_null(js_get_str(v, "n"));
    ck_assert_ptr_null(js_get_str(v, "z"));
    ck_assert(js_get_int(v, "t", &n));
    ck_assert_int_eq(n, 7);
    ck_assert(js_get_int(v, "m", &n));
    ck_assert_int_eq(n, INT64_MIN);
    ck_assert(!js_get_int(v, "s", &n));
    ck_assert(js_bool_or(v, "b", false));
    ck_assert_ptr_null(js_get(v, "none"));
    ck_assert_ptr_null(js_get(NULL, "none"));
}
END_TEST

START_TEST(json_prints_one_clean_line) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(200);
    CLEANUP(js_freep) js *v = js_object();

    js_add(v, "a", js_str_n("x\ny\xff\xe2\x80\xa8", 7));
    ck_assert_int_eq(js_print(v, &b), 0);
    ck_assert_str_eq(buf_str(&b), "{\"a\":\"x\\ny\xef\xbf\xbd\\u2028\"}");
}
END_TEST

START_TEST(json_shows_nothing_that_is_not_seen) {
    static const char in[] = "\"a\x7f"
                             "b\xc2\x9b"
                             "31m\xc2\xad\xd8\x9c\xe2\x80\x8b\xe2\x80\xae\xe2\x81\xa6\xef\xbb\xbf"
                             "\xf3\xa0\x81\x81 \xc3\xbc \xe2\x82\xac \xf0\x9f\x90\xa7\"";
    CLEANUP(buf_done) struct buf b = BUF_INIT(400), pretty = BUF_INIT(400);
    CLEANUP(js_freep) js *v = NULL;
    CLEANUP(js_freep) js *again = NULL;

    ck_assert_int_eq(js_parse(in, strlen(in), &v, NULL), 0);
    ck_assert_int_eq(js_print(v, &b), 0);
    ck_assert_str_eq(
        buf_str(&b),
        "\"a\\u007fb\\u009b31m\\u00ad\\u061c\\u200b\\u202e\\u2066\\ufeff\\udb40\\udc41 "
        "\xc3\xbc \xe2\x82\xac \xf0\x9f\x90\xa7\"");
    ck_assert_int_eq(js_print_pretty(v, &pretty), 0);
    ck_assert_str_eq(buf_str(&pretty), buf_str(&b));
    ck_assert_int_eq(js_parse(buf_str(&b), b.len, &again, NULL), 0); /* and nothing is lost */
    ck_assert_str_eq(json_object_get_string(again), json_object_get_string(v));
}
END_TEST

START_TEST(canonical_json) {
    static const char in[] = " { \"b\" : [ 1 , -2 , true , null ] , \"a\" : { \"\\u00e4\" : "
                             "\"\\u0007\\/\\\"\" } , \"B\" : \"\" } ";
    static const char out[] =
        "{\"B\":\"\",\"a\":{\"\xc3\xa4\":\"\\u0007/\\\"\"},\"b\":[1,-2,true,null]}";
    CLEANUP(buf_done) struct buf b = BUF_INIT(400);
    CLEANUP(js_freep) js *v = NULL;
    js *half = NULL;
    struct err e = {0};

    ck_assert_int_eq(js_parse(in, sizeof(in) - 1, &v, &e), 0);
    ck_assert_int_eq(canon_write(v, &b, &e), 0);
    ck_assert_str_eq(buf_str(&b), out);
    ck_assert_int_eq(canon_check(out, sizeof(out) - 1, &e), 0);
    ck_assert_int_lt(canon_check(in, sizeof(in) - 1, &e), 0);
    ck_assert_int_lt(canon_check("{\"b\":1,\"a\":2}", 13, &e), 0);
    ck_assert_int_lt(canon_check("{\"a\":\"\\u0041\"}", 14, &e), 0);
    ck_assert_int_eq(js_parse("[1.5]", 5, &half, &e), 0);
    ck_assert_int_eq(canon_write(half, &b, &e), -EINVAL);
    ck_assert_str_eq(buf_str(&b), out); /* nothing half written */
    js_freep(&half);
}
END_TEST

START_TEST(keys_and_certificates) {
    CLEANUP(tls_key_freep) EVP_PKEY *key = NULL;
    CLEANUP(tls_key_freep) EVP_PKEY *again = NULL;
    CLEANUP(tls_cert_freep) X509 *cert = NULL;
    char dir[] = "/tmp/base-XXXXXX";
    char fingerprint[96];
    struct err e = {0};
    struct hash h[3];
    int fd;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_eq(tls_key_new(&key, &e), 0);
    ck_assert_int_eq(tls_self_signed(key, "pve1", "IP:127.0.0.1,DNS:localhost", 365, &cert, &e), 0);
    ck_assert_int_eq(tls_write_key(fd, "k", key, &e), 0);
    ck_assert_int_eq(tls_write_cert(fd, "c", cert, &e), 0);
    ck_assert_int_eq(tls_read_key(fd, "k", &again, &e), 0);
    ck_assert_int_eq(tls_spki_of_key(key, &h[0]), 0);
    ck_assert_int_eq(tls_spki_of_key(again, &h[1]), 0);
    ck_assert_int_eq(tls_spki_of_cert(cert, &h[2]), 0);
    ck_assert(hash_eq(&h[0], &h[1]) && hash_eq(&h[0], &h[2]));
    tls_key_freep(&again);
    tls_cert_freep(&cert);
    ck_assert_int_eq(tls_key_new_p256(&again, &e), 0);
    ck_assert_int_eq(tls_self_signed(again, "pve1", NULL, 365, &cert, &e), 0);
    ck_assert_int_eq(tls_spki_of_key(again, &h[1]), 0);
    ck_assert_int_eq(tls_spki_of_cert(cert, &h[2]), 0);
    ck_assert(!hash_eq(&h[0], &h[1]) && hash_eq(&h[1], &h[2]));
    ck_assert_int_eq(tls_fingerprint(cert, fingerprint), 0);
    ck_assert_uint_eq(strlen(fingerprint), 95);
    ck_assert_int_eq(fchmodat(fd, "k", 0644, 0), 0);
    tls_key_freep(&again);
    ck_assert_int_eq(tls_read_key(fd, "k", &again, &e), -EPERM);
    ck_assert_int_eq(unlinkat(fd, "k", 0) | unlinkat(fd, "c", 0), 0);
    (void)close(fd);
    ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

int main(void) {
    Suite *s = suite_create("base");
    TCase *c = tcase_create("base");
    SRunner *r;
    int failed;

    tcase_add_test(c, errors_keep_tag_and_grow_outwards);
    tcase_add_test(c, buffers_stop_at_their_ceiling);
    tcase_add_test(c, a_file_is_replaced_whole_or_not);
    tcase_add_test(c, digests);
    tcase_add_test(c, base64_has_one_encoding);
    tcase_add_test(c, base32_known_answer);
    tcase_add_test(c, json_that_is_none);
    tcase_add_test(c, json_is_what_json_c_makes_of_it);
    tcase_add_test(c, json_rows_in_part);
    tcase_add_test(c, json_getters_say_no);
    tcase_add_test(c, json_prints_one_clean_line);
    tcase_add_test(c, json_shows_nothing_that_is_not_seen);
    tcase_add_test(c, canonical_json);
    tcase_add_test(c, keys_and_certificates);
    suite_add_tcase(s, c);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
