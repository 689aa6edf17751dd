/* SPDX-License-Identifier: Apache-2.0 */
/* Paths taken apart again. */
#include "proximo-client/pve/pve.h"

#include <string.h>

bool pve_path_part(const char *path, size_t i, char *ret, size_t size) {
    size_t n;

    while (*path == '/' && i-- > 0) {
        path += 1 + strcspn(path + 1, "/?");
    }
    n = *path == '/' ? strcspn(path + 1, "/?") : 0;
    if (n == 0 || n >= size) {
        return false;
    }
    memcpy(ret, path + 1, n);
    ret[n] = '\0';
    return true;
}
