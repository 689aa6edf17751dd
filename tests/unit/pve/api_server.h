/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/pve/api_server.h - server.py as another process: one address of an API. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

struct api_server {
    pid_t pid;
    int in; /* it ends when this closes */
    char url[64];
    char log[96]; /* what it saw, one JSON object a line */
    char pin[96];
    char cert[96], key[96];
};

/* Files are made in dir, named by `name`. node and cluster: what it says that it is, "" and "" for
 * a test that does not ask. */
void api_server_start(struct api_server *s, const char *dir, const char *name, const char *node,
                      const char *cluster);
void api_server_kill(struct api_server *s); /* its files stay */
void api_server_stop(struct api_server *s); /* and removes them */
/* How often needle stands in what it wrote down since the last forget. */
unsigned int api_server_count(const struct api_server *s, const char *needle);
void api_server_forget(const struct api_server *s);
