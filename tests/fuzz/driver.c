/* SPDX-License-Identifier: Apache-2.0 */
/* Replays a fuzz target's corpus with any compiler: `make check` runs every seed and every input
 * that once broke something. An empty or missing corpus is a failure, not a pass. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path) {
    FILE *f = fopen(path, "rb");
    uint8_t *data;
    long size;

    if (!f || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0) {
        perror(path);
        exit(1);
    }
    rewind(f);
    data = malloc((size_t)size + 1); /* exact size matters under ASan: reads past the end are seen */
    if (!data || fread(data, 1, (size_t)size, f) != (size_t)size) {
        perror(path);
        exit(1);
    }
    fclose(f);
    data = realloc(data, (size_t)size ? (size_t)size : 1);
    (void)LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
    return 1;
}

int main(int argc, char **argv) {
    const char *src = getenv("top_srcdir");
    const char *name = strrchr(argv[0], '/');
    char dir[2048];
    struct dirent *d;
    int n = 0;
    DIR *h;

    if (argc > 1) {
        for (int i = 1; i < argc; i++) {
            n += replay(argv[i]);
        }
        return n ? 0 : 1;
    }
    snprintf(dir, sizeof(dir), "%s/tests/fuzz/corpus/%s", src ? src : ".",
             name ? name + 1 : argv[0]);
    h = opendir(dir);
    if (!h) {
        perror(dir);
        return 1;
    }
    while ((d = readdir(h))) {
        char path[4096];

        if (d->d_name[0] != '.') {
            snprintf(path, sizeof(path), "%s/%s", dir, d->d_name);
            n += replay(path);
        }
    }
    closedir(h);
    printf("%s: %d inputs replayed\n", name ? name + 1 : argv[0], n);
    return n ? 0 : 1;
}
