/* SPDX-License-Identifier: Apache-2.0 */
/* External witnesses. To the rest of this folder one is a node that is asked nothing but to cosign:
 * it has an address and a key, no pin and no client of ours. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/limits.h"
#include "proximo-client/nodes/nodes_int.h"

#define SCHEME "https://"

void outside_done(struct nodes *n) {
    for (size_t i = 0; i < n->n_outside; i++) {
        if (n->outside[i].curl) {
            curl_easy_cleanup(n->outside[i].curl);
        }
        free(n->outside[i].ca);
    }
    free(n->outside);
    n->outside = NULL;
    n->n_outside = 0;
}

int nodes_may_add_witness(size_t have, const char *name, const char *url, struct err *e) {
    size_t max = sizeof(((struct node *)0)->address) + strlen(SCHEME) - 1;

    if (have >= LIM_NODES) {
        return err_tag(e, -E2BIG, "bad_config", "more than %d external witnesses", LIM_NODES);
    }
    if (strncmp(url, SCHEME, strlen(SCHEME)) != 0 || strpbrk(url, " \t")) {
        return err_tag(e, -EINVAL, "bad_config",
                       "[witness %.60s] url must be one address that begins with " SCHEME, name);
    }
    return strlen(url) > max
               ? err_tag(e, -E2BIG, "bad_config",
                         "[witness %.60s] url is longer than %zu characters", name, max)
               : 0;
}

int nodes_add_witness(struct nodes *n, const char *name, const char *url, const char *ca,
                      const struct vkey *key, struct err *e) {
    struct node *o;
    int r = nodes_may_add_witness(n->n_outside, name, url, e);

    if (r < 0) {
        return r;
    }
    o = reallocarray(n->outside, n->n_outside + 1, sizeof(*o));
    if (!o) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    n->outside = o;
    o += n->n_outside;
    *o = (struct node){.is_outside = true, .i = {.trusted = true, .from = "", .witness = *key}};
    (void)snprintf(o->name, sizeof(o->name), "%s", name);
    (void)snprintf(o->address, sizeof(o->address), "%s", url + strlen(SCHEME));
    while (*o->address && o->address[strlen(o->address) - 1] == '/') {
        o->address[strlen(o->address) - 1] = '\0';
    }
    o->ca = ca ? strdup(ca) : NULL;
    n->n_outside++;
    return ca && !o->ca ? err_set(e, -ENOMEM, "out of memory") : 0;
}
