/* SPDX-License-Identifier: Apache-2.0 */
/* An inventory's stream: byte by byte and in one piece it must give the same, names must be those
 * of the list, and what is masked stays masked when it is masked again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/inventory.h"
#include "common/limits.h"
#include "common/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sum {
    uint64_t h;
    size_t again;
};

static void mix(struct sum *s, const char *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        s->h = (s->h ^ (uint8_t)p[i]) * 1099511628211u;
    }
}

/* "10..conf" is a name like another; ".." as a whole piece of the path is the way out. */
static bool climbs(const char *path) {
    for (const char *p = path; p; p = strchr(p, '/')) {
        p += *p == '/';
        if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || !p[2])) {
            return true;
        }
    }
    return false;
}

static int on_file(void *ctx, const char *path, const char *text, size_t len) {
    const struct pvepath *kind = pvepath_find(path);
    CLEANUP(buf_done) struct buf once = BUF_INIT(2 * LIM_CONF);
    CLEANUP(buf_done) struct buf twice = BUF_INIT(2 * LIM_CONF);
    size_t n;

    if (!kind || climbs(path) || text[len] != '\0' ||
        (pvepath_mask(kind, text, len, &once, &n) == 0 &&
         (pvepath_mask(kind, buf_str(&once), once.len, &twice, &n) < 0 || once.len != twice.len ||
          memcmp(buf_str(&once), buf_str(&twice), once.len) != 0))) {
        abort();
    }
    mix(ctx, path, strlen(path) + 1);
    mix(ctx, text, len);
    return 0;
}

static int on_unread(void *ctx, const char *path, const char *why) {
    mix(ctx, path, strlen(path) + 1);
    mix(ctx, why, strlen(why) + 1);
    return 0;
}

static int on_again(void *ctx) {
    struct sum *s = ctx;

    s->again++;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct inventory_ops ops = {on_file, on_unread, on_again};
    struct sum a = {1, 0}, b = {1, 0};
    CLEANUP(inventory_done) struct inventory_rd whole;
    CLEANUP(inventory_done) struct inventory_rd single;
    int ra = inventory_init(&whole, &ops, &a, NULL);
    int rb = inventory_init(&single, &ops, &b, NULL);

    ra = ra < 0 ? ra : inventory_feed(&whole, data, size, NULL);
    for (size_t i = 0; i < size && rb == 0; i++) {
        rb = inventory_feed(&single, data + i, 1, NULL);
    }
    if (ra != rb || a.h != b.h || a.again != b.again ||
        (ra == 0 && inventory_end(&whole, NULL) != inventory_end(&single, NULL))) {
        abort();
    }
    return 0;
}
