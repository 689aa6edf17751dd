/* SPDX-License-Identifier: Apache-2.0 */
/* What a process that stays gives back: pages, and not one byte of what is in them; and that
 * libcrypto signs and hashes without its tables. */
#include <check.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/digest.h"
#include "common/lean.h"
#include "common/note.h"
#include "common/own.h"

struct seen {
    struct sha256 *all;
    size_t segments;
};

/* What nothing writes any more: read-only segments, and relocated pointers (RELRO). */
static int add_object(struct dl_phdr_info *object, size_t size, void *arg) {
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    struct seen *s = arg;

    (void)size;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *h = &object->dlpi_phdr[i];
        uintptr_t from = object->dlpi_addr + h->p_vaddr;
        uintptr_t to = from + h->p_memsz;

        if (h->p_type == PT_GNU_RELRO) {
            from &= ~(page - 1); /* as the dynamic linker protects it */
            to &= ~(page - 1);
        }
        if (h->p_type == PT_GNU_RELRO ||
            (h->p_type == PT_LOAD && (h->p_flags & PF_R) && !(h->p_flags & PF_W))) {
            sha256_add(s->all, (const void *)from, to - from);
            s->segments++;
        }
    }
    return 0;
}

static size_t constants(struct hash *ret) {
    CLEANUP(sha256_freep) struct sha256 *all = sha256_new();
    struct seen s = {.all = all};

    ck_assert_ptr_nonnull(all);
    (void)dl_iterate_phdr(add_object, &s);
    sha256_end(all, ret);
    return s.segments;
}

static size_t number(const char *text) {
    size_t n = 0;

    for (text += strspn(text, " "); *text >= '0' && *text <= '9'; text++) {
        n = 10 * n + (size_t)(*text - '0');
    }
    return n;
}

/* KiB of mappings of files that can be neither written nor executed and hold nothing of their own,
 * that is, not what was relocated. */
static size_t resident_kib(void) {
    CLEANUP(fclosep) FILE *f = fopen("/proc/self/smaps", "re");
    char line[512];
    bool is_ours = false;
    size_t total = 0;
    size_t clean = 0;

    ck_assert_ptr_nonnull(f);
    while (fgets(line, sizeof(line), f)) {
        if (strchr(line, '-') && strchr(line, ':') > strchr(line, ' ')) {
            is_ours = strstr(line, " r--p ") && strchr(line, '/');
        } else if (is_ours && strncmp(line, "Rss:", 4) == 0) {
            clean = number(line + 4);
        } else if (is_ours && strncmp(line, "Anonymous:", 10) == 0) {
            total += clean - number(line + 10);
        }
    }
    return total;
}

START_TEST(pages_go_and_every_byte_stays) {
    struct hash before;
    struct hash after;
    size_t segments = constants(&before); /* and so all of them are in memory */
    size_t resident = resident_kib();

    ck_assert_uint_gt(segments, 6);
    lean_pages();
    ck_assert_uint_lt(resident_kib(), resident / 2);
    ck_assert_uint_eq(constants(&after), segments);
    ck_assert(hash_eq(&before, &after));
}
END_TEST

START_TEST(signs_and_hashes_without_tables) {
    static const uint8_t seed[NOTE_SEED_LEN] = {7};
    uint8_t pub[NOTE_PUB_LEN];
    uint8_t sig[NOTE_SIG_LEN];
    struct hash h;

    ck_assert_int_eq(ed25519_public(seed, pub), 0);
    ck_assert_int_eq(ed25519_sign(seed, "x", 1, sig), 0);
    ck_assert_int_eq(ed25519_check(pub, "x", 1, sig), 0);
    ck_assert_int_lt(ed25519_check(pub, "y", 1, sig), 0);
    hmac_sha256("k", 1, "x", 1, &h);
    sha256("x", 1, &h);
}
END_TEST

int main(void) {
    Suite *s = suite_create("lean");
    TCase *t = tcase_create("lean");
    SRunner *r;
    int failed;

    lean_crypto();
    r = srunner_create(s);
    tcase_add_test(t, pages_go_and_every_byte_stays);
    tcase_add_test(t, signs_and_hashes_without_tables);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
