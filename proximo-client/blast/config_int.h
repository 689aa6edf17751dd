/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/config_int.h - inside of the configuration analyser. */
#pragma once
#include "proximo-client/blast/blast_int.h"

struct diff {
    const struct guest *g;
    struct draft *d;
    struct tally t;
    unsigned int changes;
};
void config_hit(struct diff *c, const char *key, const char *effect, enum risk severity,
                const char *why);
/* One changed key: old or now NULL = not set. Each adds what it sees beyond the plain difference. */
void config_disk(struct diff *c, const char *key, const char *old, const char *now);
void config_net(struct diff *c, const char *key, const char *old, const char *now);
void config_host(struct diff *c, const char *key, const char *old, const char *now);

bool key_is(const char *key, const char *stem); /* stem, or stem and digits */
/* name=value among comma-separated options; false (and "") when it is not there. */
bool config_option(const char *value, const char *name, char *ret, size_t size);
