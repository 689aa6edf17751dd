/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/sim/demo.h - building blocks of made-up clusters. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "common/js.h"

/* An empty cluster: name, domains pam and pve, user root@pam, no nodes. */
js *cluster_new(const char *name, const char *local);
void cluster_add_node(js *root, const char *name, int id, const char *ip, int64_t booted);
/* `conf` is a configuration file's text; aborts when it is none (it is ours). */
void cluster_add_guest(js *root, unsigned int vmid, bool lxc, const char *node, bool running,
                       int64_t started, const char *conf);
/* Every volume that a configuration or snapshot names gets an entry in "volumes". */
void cluster_add_volumes(js *root, int64_t ctime);
