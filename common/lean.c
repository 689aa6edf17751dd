/* SPDX-License-Identifier: Apache-2.0 */
/* Less memory in processes that stay. Invariant of lean_pages: only whole pages of segments that
 * were never writable are let go, so that each is, byte for byte, in its file. */
#include "common/lean.h"

#include <link.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void lean_crypto(void) {
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS |
                                OPENSSL_INIT_NO_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ADD_ALL_DIGESTS,
                            NULL) != 1) {
        abort();
    }
}

/* Text relocations are written into segments that say they are read-only. */
static bool has_textrel(const struct dl_phdr_info *object) {
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *h = &object->dlpi_phdr[i];
        const ElfW(Dyn) *d = (const void *)(object->dlpi_addr + h->p_vaddr);

        for (; h->p_type == PT_DYNAMIC && d->d_tag != DT_NULL; d++) {
            if (d->d_tag == DT_TEXTREL || (d->d_tag == DT_FLAGS && (d->d_un.d_val & DF_TEXTREL))) {
                return true;
            }
        }
    }
    return false;
}

/* Of a segment with PF_W the front part may be read-only by now and hold relocated pointers: they
 * exist nowhere else. In one with PF_X a debugger or a probe may have put its breakpoints. */
static int let_go(struct dl_phdr_info *object, size_t size, void *arg) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

    (void)size;
    (void)arg;
    for (int i = 0; !has_textrel(object) && i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *h = &object->dlpi_phdr[i];
        uintptr_t from = object->dlpi_addr + h->p_vaddr;
        uintptr_t to = (from + h->p_memsz) & ~(page - 1);

        from = (from + page - 1) & ~(page - 1);
        if (h->p_type == PT_LOAD && !(h->p_flags & (PF_W | PF_X)) && from < to) {
            (void)madvise((void *)from, to - from, MADV_DONTNEED);
        }
    }
    return 0;
}

void lean_pages(void) {
    (void)dl_iterate_phdr(let_go, NULL);
}
