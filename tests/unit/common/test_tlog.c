/* SPDX-License-Identifier: Apache-2.0 */
/* Trees, notes and checkpoints against public vectors and against the end-to-end vector that an
 * independent library made; every proof of every pair of small sizes, and spoilt ones. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/b64.h"
#include "common/buf.h"
#include "common/checkpoint.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/merkle.h"
#include "common/note.h"
#include "common/own.h"

#define DASH "\xe2\x80\x94 "
#define MAX  40

struct tree { /* stored subtree hashes of a small log */
    struct hash h[8][MAX + 1];
    struct merkle_edge edge;
    struct hash root[MAX + 1];
};

static int store(void *ctx, unsigned int level, uint64_t index, const struct hash *h) {
    struct tree *t = ctx;

    t->h[level][index] = *h;
    return 0;
}

static int load(void *ctx, unsigned int level, uint64_t index, struct hash *ret) {
    struct tree *t = ctx;

    *ret = t->h[level][index];
    return 0;
}

static void grow(struct tree *t, const void *entry, size_t len) {
    struct hash leaf;

    merkle_leaf(entry, len, &leaf);
    ck_assert_int_eq(merkle_edge_add(&t->edge, &leaf, store, t), 0);
    merkle_edge_root(&t->edge, &t->root[t->edge.size]);
}

static void grow_named(struct tree *t, unsigned int n) {
    for (unsigned int i = 0; i < n; i++) {
        char entry[16];
        int len = snprintf(entry, sizeof(entry), "leaf-%u", i);

        grow(t, entry, (size_t)len);
    }
}

static void assert_hex(const struct hash *h, const char *hex) {
    char text[65];

    hex_encode(h->b, HASH_LEN, text);
    ck_assert_str_eq(text, hex);
}

static struct hash from_b64(const char *text) {
    struct hash h;

    ck_assert_int_eq(b64_decode_exact(text, strlen(text), h.b, HASH_LEN), 0);
    return h;
}

START_TEST(rfc6962_hashes) {
    static const struct {
        const char *hex, *root;
    } leaf[] = {
        {"", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
        {"00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
        {"10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
        {"2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
        {"3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
        {"40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
        {"5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
        {"606162636465666768696a6b6c6d6e6f",
         "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
    };
    struct tree t = {0};
    struct hash h;

    merkle_empty(&h);
    assert_hex(&h, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    merkle_leaf("L123456", 7, &h);
    ck_assert_int_eq(memcmp(h.b, "\x39\x5a\xa0\x64", 4), 0);
    for (size_t i = 0; i < ARRAY_LEN(leaf); i++) {
        uint8_t bytes[16];

        ck_assert_int_eq(hex_decode(leaf[i].hex, strlen(leaf[i].hex), bytes), 0);
        grow(&t, bytes, strlen(leaf[i].hex) / 2);
        assert_hex(&t.root[i + 1], leaf[i].root);
        ck_assert_int_eq(merkle_root_at(i + 1, load, &t, &h), 0);
        ck_assert(hash_eq(&h, &t.root[i + 1]));
    }
}
END_TEST

/* All proofs of all pairs hold, and none that was changed in any way. */
START_TEST(inclusion_of_every_pair) {
    struct tree t = {0};

    grow_named(&t, MAX);
    for (uint64_t n = 1; n <= MAX; n++) {
        for (uint64_t i = 0; i < n; i++) {
            struct proof p;
            struct hash bad;

            ck_assert_int_eq(merkle_prove_inclusion(i, n, load, &t, &p), 0);
            ck_assert_int_eq(merkle_check_inclusion(&t.h[0][i], i, n, p.h, p.n, &t.root[n]), 0);
            for (size_t k = 0; k < p.n; k++) {
                p.h[k].b[k % 32] ^= 1;
                ck_assert_int_lt(merkle_check_inclusion(&t.h[0][i], i, n, p.h, p.n, &t.root[n]), 0);
                p.h[k].b[k % 32] ^= 1;
            }
            if (p.n) {
                ck_assert_int_lt(merkle_check_inclusion(&t.h[0][i], i, n, p.h, p.n - 1, &t.root[n]),
                                 0);
            }
            p.h[p.n] = t.root[n];
            ck_assert_int_lt(merkle_check_inclusion(&t.h[0][i], i, n, p.h, p.n + 1, &t.root[n]), 0);
            bad = t.h[0][i];
            bad.b[0] ^= 1;
            ck_assert_int_lt(merkle_check_inclusion(&bad, i, n, p.h, p.n, &t.root[n]), 0);
            ck_assert_int_lt(merkle_check_inclusion(&t.h[0][i], n, n, p.h, p.n, &t.root[n]), 0);
            if (n > 1) {
                ck_assert_int_lt(
                    merkle_check_inclusion(&t.h[0][i], (i + 1) % n, n, p.h, p.n, &t.root[n]), 0);
            }
        }
    }
}
END_TEST

START_TEST(consistency_of_every_pair) {
    struct tree t = {0};

    grow_named(&t, MAX);
    for (uint64_t n = 1; n <= MAX; n++) {
        for (uint64_t m = 1; m <= n; m++) {
            const struct hash *old = &t.root[m];
            const struct hash *new = &t.root[n];
            struct proof p;

            ck_assert_int_eq(merkle_prove_consistency(m, n, load, &t, &p), 0);
            ck_assert_int_eq(merkle_check_consistency(m, n, p.h, p.n, old, new), 0);
            for (size_t k = 0; k < p.n; k++) {
                p.h[k].b[k % 32] ^= 1;
                ck_assert_int_lt(merkle_check_consistency(m, n, p.h, p.n, old, new), 0);
                p.h[k].b[k % 32] ^= 1;
            }
            if (p.n) {
                ck_assert_int_lt(merkle_check_consistency(m, n, p.h, p.n - 1, old, new), 0);
            }
            p.h[p.n] = *new;
            ck_assert_int_lt(merkle_check_consistency(m, n, p.h, p.n + 1, old, new), 0);
            if (m < n) {
                ck_assert_int_lt(merkle_check_consistency(m, n, p.h, p.n, new, old), 0);
                ck_assert_int_lt(merkle_check_consistency(n, m, p.h, p.n, new, old), 0);
            }
        }
        ck_assert_int_eq(merkle_check_consistency(0, n, NULL, 0, &t.root[1], &t.root[n]), 0);
        ck_assert_int_lt(merkle_check_consistency(0, n, &t.root[1], 1, &t.root[1], &t.root[n]), 0);
    }
    ck_assert_int_eq(merkle_prove_consistency(0, 3, load, &t, &(struct proof){0}), -EINVAL);
    ck_assert_int_eq(merkle_prove_inclusion(3, 3, load, &t, &(struct proof){0}), -EINVAL);
}
END_TEST

static const char neumann_key[] =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char neumann_note[] =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n" DASH "PeterNeumann "
    "x08go/ZJkuBS9UG/"
    "SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

START_TEST(signed_note_public_vectors) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(1000);
    struct err e = {0};
    struct vkey k;
    struct note n;

    ck_assert_int_eq(
        vkey_parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", &k, &e),
        0);
    ck_assert_int_eq(vkey_parse(neumann_key, &k, &e), 0);
    ck_assert_int_eq(vkey_text(&k, &b), 0);
    ck_assert_str_eq(buf_str(&b), neumann_key);
    ck_assert_int_eq(note_parse(neumann_note, strlen(neumann_note), &n, &e), 0);
    ck_assert_int_eq(note_check(&n, &k, NULL), 0);
    k.id[0] ^= 1;
    ck_assert_int_eq(note_check(&n, &k, NULL), -ENOENT);
}
END_TEST

START_TEST(vkeys_that_are_none) {
    static const char *const bad[] = {
        "",
        "a+b",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    };
    struct vkey k;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_msg(vkey_parse(bad[i], &k, NULL) < 0, "%s", bad[i]);
    }
}
END_TEST

START_TEST(any_change_of_a_note_is_seen) {
    char copy[sizeof(neumann_note)];
    struct vkey k;

    ck_assert_int_eq(vkey_parse(neumann_key, &k, NULL), 0);
    for (size_t i = 0; i + 1 < sizeof(neumann_note); i++) {
        for (int bit = 0; bit < 8; bit++) {
            struct note n;

            memcpy(copy, neumann_note, sizeof(copy));
            copy[i] ^= (char)(1 << bit);
            ck_assert_msg(note_parse(copy, sizeof(copy) - 1, &n, NULL) < 0 ||
                              note_check(&n, &k, NULL) < 0,
                          "byte %zu bit %d", i, bit);
        }
    }
    for (size_t i = 0; i + 1 < sizeof(neumann_note); i++) { /* and any that is cut */
        struct note n;

        ck_assert(note_parse(neumann_note, i, &n, NULL) < 0 || note_check(&n, &k, NULL) < 0);
    }
}
END_TEST

START_TEST(a_known_key_with_one_bad_signature_spoils_the_note) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
    uint8_t seed[NOTE_SEED_LEN] = {5};
    struct skey key;
    struct note n;
    struct err e = {0};

    ck_assert_int_eq(skey_make("a/b", NOTE_ED25519, seed, &key), 0);
    ck_assert_int_eq(note_sign("x\n\ny\n", 5, &key, &b, &e), 0);
    ck_assert_int_eq(note_parse(buf_str(&b), b.len, &n, &e), 0);
    ck_assert_uint_eq(n.text_len, 5); /* split at the last empty line */
    ck_assert_int_eq(note_check(&n, &key.v, NULL), 0);
    ck_assert_int_eq(note_sig_line("other\n", 6, &key, 0, &b, &e), 0);
    ck_assert_int_eq(note_parse(buf_str(&b), b.len, &n, &e), 0);
    ck_assert_int_eq(note_check(&n, &key.v, NULL), -EBADMSG);
    ck_assert_int_eq(note_sign("x", 1, &key, &b, &e), -EINVAL);
    skey_done(&key);
}
END_TEST

START_TEST(notes_that_are_none) {
    static const char *const bad[] = {
        "",
        "\n",
        "text\n",
        "text\n\n",
        "text\n\n- PeterNeumann x08go/Y=\n",
        "text\n\n" DASH "PeterNeumann\n",
        "text\n\n" DASH "a b x08go/Y=\n",
        "text\n\n" DASH "a AAAA\n", /* no room for a key id and a signature */
        "te\x01xt\n\n" DASH "a AAAAAAA=\n",
        "te\xff\n\n" DASH "a AAAAAAA=\n",
        "te\xed\xa0\x80\n\n" DASH "a AAAAAAA=\n",
        "te\xc0\x80\n\n" DASH "a AAAAAAA=\n",
    };
    struct note n;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_msg(note_parse(bad[i], strlen(bad[i]), &n, NULL) < 0, "%zu", i);
    }
    ck_assert_int_eq(note_parse("t\n\n" DASH "a AAAAAAA=\n", 18, &n, NULL), 0);
}
END_TEST

static const char log_vkey[] =
    "ledger.example/c1+6a205c0b+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
static const char witness_vkey[] =
    "pve1.example/pveagentd+61bec425+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X";
static const char note_3[] =
    "ledger.example/c1\n3\nz3Y6BByBzu8VeKYIP3XGG+8uABTyo+aDqX/Pylvn8Zo=\n\n" DASH
    "ledger.example/c1 "
    "aiBcC4jxGAx21qQPAi1LLzkNKGFGfxUgd96/yra+2O9m5vtWWBR88fTK3/bU5mBPknE7Eipfz3qvfE0dEKsiF9DpogI="
    "\n";
static const char cosig_3[] =
    DASH "pve1.example/pveagentd "
         "Yb7EJQAAAABlU/EAngcvGC3luTxuShuExQS1x5CU5cIFp8dRzXZlVCGVSu5U5xzbrmeLZRYQYiCkgTc9FAeygcoG0"
         "rvm9n9WJhprAw==\n";
static const char note_8[] =
    "ledger.example/c1\n8\nymt7PmdKyGwQJ7Wch8Bk/DvCezEylMdfg70F/dE/Dc8=\n\n" DASH
    "ledger.example/c1 "
    "aiBcC/Lwu3re7BS1fBMK8x18BF1Q2l1to7EidwydJIDPhQn/WTyoMMnvgdcwf9gBWZ8hXfP5xlMkYDCX8Cc6YYQzrgk="
    "\n";

static void seed_from(uint8_t first, uint8_t *seed) {
    for (unsigned int i = 0; i < NOTE_SEED_LEN; i++) {
        seed[i] = (uint8_t)(first + i);
    }
}

static void make_note(struct tree *t, uint64_t size, const struct skey *key, struct buf *ret) {
    CLEANUP(buf_done) struct buf text = BUF_INIT(1000);
    struct checkpoint c = {.origin = "ledger.example/c1", .size = size, .root = t->root[size]};

    ck_assert_int_eq(checkpoint_text(&c, &text), 0);
    buf_reset(ret);
    ck_assert_int_eq(note_sign(buf_str(&text), text.len, key, ret, NULL), 0);
}

START_TEST(end_to_end_vector) {
    CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
    static const char *const consistency[] = {"/KifV8n4yOtAR6f/nTM6z54PM4SyCyVbzqsPIW3Momc=",
                                              "92g2MlrsVpnY1x+OQunUfFwpsIBZuiljhPfKQK06QK4=",
                                              "YKU+7Q3oepDI5ZQnxZxGJTwzp2oJUCpRgBMAknt+a9w=",
                                              "9YqqtGEiEC1msAxetQsT3XY7X4ABObQk/aixysrhQIo="};
    static const char *const inclusion[] = {"6p/BobbhkbRg0NYwbj6HDBc/OTMPE82htwz8cr3DmLo=",
                                            "OY6960bhee7/rO9GNf0wQQlU4Wm4jiJ0H6ls/7ECKoU=",
                                            "vdHF/1WxnLaw58dhv5psyqJ/u/wHt08fq7bpEaC9KrM="};
    struct tree t = {0};
    uint8_t seed[NOTE_SEED_LEN];
    struct skey log;
    struct skey witness;
    struct vkey k;
    struct proof p;
    struct note n;
    uint64_t time = 0;
    size_t text;

    grow_named(&t, 8);
    ck_assert(hash_eq(
        &t.root[1], &(struct hash[]){from_b64("MF31n5WQw8msY9KydDw4jjeSRJB4zr9/s9vmRxZDsrc=")}[0]));
    seed_from(0, seed);
    ck_assert_int_eq(skey_make("ledger.example/c1", NOTE_ED25519, seed, &log), 0);
    ck_assert_int_eq(vkey_parse(log_vkey, &k, NULL), 0);
    ck_assert(vkey_eq(&k, &log.v));
    seed_from(32, seed);
    ck_assert_int_eq(skey_make("pve1.example/pveagentd", NOTE_COSIGN, seed, &witness), 0);
    ck_assert_int_eq(vkey_parse(witness_vkey, &k, NULL), 0);
    ck_assert(vkey_eq(&k, &witness.v));
    make_note(&t, 3, &log, &b);
    ck_assert_str_eq(buf_str(&b), note_3);
    ck_assert_int_eq(note_parse(note_3, strlen(note_3), &n, NULL), 0);
    text = n.text_len;
    buf_reset(&b);
    ck_assert_int_eq(note_sig_line(note_3, text, &witness, 1700000000, &b, NULL), 0);
    ck_assert_str_eq(buf_str(&b), cosig_3);
    ck_assert_int_eq(buf_addf(&b, "%s", ""), 0);
    buf_reset(&b);
    ck_assert_int_eq(buf_addf(&b, "%s%s", note_3, cosig_3), 0);
    ck_assert_int_eq(note_parse(buf_str(&b), b.len, &n, NULL), 0);
    ck_assert_int_eq(note_check(&n, &witness.v, &time), 0);
    ck_assert_uint_eq(time, 1700000000);
    make_note(&t, 8, &log, &b);
    ck_assert_str_eq(buf_str(&b), note_8);
    ck_assert_int_eq(merkle_prove_consistency(3, 8, load, &t, &p), 0);
    ck_assert_uint_eq(p.n, ARRAY_LEN(consistency));
    for (size_t i = 0; i < p.n; i++) {
        struct hash want = from_b64(consistency[i]);

        ck_assert(hash_eq(&p.h[i], &want));
    }
    ck_assert_int_eq(merkle_prove_inclusion(5, 8, load, &t, &p), 0);
    ck_assert_uint_eq(p.n, ARRAY_LEN(inclusion));
    for (size_t i = 0; i < p.n; i++) {
        struct hash want = from_b64(inclusion[i]);

        ck_assert(hash_eq(&p.h[i], &want));
    }
}
END_TEST

/* Leaf 1 is "evil": no proof leads from the signed size 3 to that tree. */
START_TEST(a_fork_cannot_be_bridged) {
    struct tree good = {0};
    struct tree evil = {0};
    struct hash want = from_b64("Yth6yoaPI58j2xglN6FtFSjlpLTz0Gd+PZmPJy5KFEE=");
    struct proof p;

    grow_named(&good, 8);
    grow_named(&evil, 1);
    grow(&evil, "evil", 4);
    for (unsigned int i = 2; i < 8; i++) {
        char entry[16];

        grow(&evil, entry, (size_t)snprintf(entry, sizeof(entry), "leaf-%u", i));
    }
    ck_assert(hash_eq(&evil.root[8], &want));
    ck_assert_int_eq(merkle_prove_consistency(3, 8, load, &evil, &p), 0);
    ck_assert_int_lt(merkle_check_consistency(3, 8, p.h, p.n, &good.root[3], &evil.root[8]), 0);
    ck_assert_int_eq(merkle_prove_consistency(3, 8, load, &good, &p), 0);
    ck_assert_int_lt(merkle_check_consistency(3, 8, p.h, p.n, &good.root[3], &evil.root[8]), 0);
}
END_TEST

START_TEST(checkpoints_that_are_none) {
#define ROOT "z3Y6BByBzu8VeKYIP3XGG+8uABTyo+aDqX/Pylvn8Zo="
    static const char *const bad[] = {
        "",
        "o\n",
        "o\n3\n",
        "\n3\n" ROOT "\n",
        "o\n03\n" ROOT "\n",
        "o\n-3\n" ROOT "\n",
        "o\n3 \n" ROOT "\n",
        "o o\n3\n" ROOT "\n",
        "o+o\n3\n" ROOT "\n",
        "o\n3\n" ROOT,
        "o\n3\nz3Y6BByBzu8VeKYIP3XGG+8uABTyo+aDqX/Pylvn8Z==\n",
        "o\n3\n" ROOT "\n\n",
        "o\n3\n" ROOT "\nextension without an end",
        "o\n18446744073709551616\n" ROOT "\n",
        "o\n9223372036854775808\n" ROOT "\n",
    };
    struct checkpoint c;
    struct vkey k;
    struct note n;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_msg(checkpoint_parse(bad[i], strlen(bad[i]), &c, NULL) < 0, "%s", bad[i]);
    }
    ck_assert_int_eq(
        checkpoint_parse("o\n3\n" ROOT "\next\n", strlen("o\n3\n" ROOT "\next\n"), &c, NULL), 0);
    ck_assert_uint_eq(c.size, 3);
    ck_assert_int_eq(vkey_parse(log_vkey, &k, NULL), 0);
    ck_assert_int_eq(checkpoint_open(note_3, strlen(note_3), &k, &n, &c, NULL), 0);
    ck_assert_int_eq(vkey_parse(neumann_key, &k, NULL), 0);
    ck_assert_int_eq(checkpoint_open(note_3, strlen(note_3), &k, &n, &c, NULL), -EBADMSG);
}
END_TEST

int main(void) {
    Suite *s = suite_create("tlog");
    TCase *c = tcase_create("tlog");
    SRunner *r;
    int failed;

    tcase_set_timeout(c, 120);
    tcase_add_test(c, rfc6962_hashes);
    tcase_add_test(c, inclusion_of_every_pair);
    tcase_add_test(c, consistency_of_every_pair);
    tcase_add_test(c, signed_note_public_vectors);
    tcase_add_test(c, vkeys_that_are_none);
    tcase_add_test(c, any_change_of_a_note_is_seen);
    tcase_add_test(c, a_known_key_with_one_bad_signature_spoils_the_note);
    tcase_add_test(c, notes_that_are_none);
    tcase_add_test(c, end_to_end_vector);
    tcase_add_test(c, a_fork_cannot_be_bridged);
    tcase_add_test(c, checkpoints_that_are_none);
    suite_add_tcase(s, c);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
