/* SPDX-License-Identifier: Apache-2.0 */
/* common/peer.h - a program that answers one user on a Unix socket: who that is, the socket, and
 * the node's name that both ends use. The kernel tells who connects; a file mode never does. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct err;

/* A listening socket of this type (with flags) at path, in place of what a dead process left; mode
 * as given. -ENAMETOOLONG, or what the kernel says. */
int peer_listen(const char *path, int type, mode_t mode, int *ret, struct err *e);
bool peer_is(int sock, uid_t uid);
/* --peer-user or --peer-uid: by its number if there is one (by_number may be NULL), else by name.
 */
int peer_uid(const char *user, const char *by_number, uid_t *ret, struct err *e);
/* The first label of the host's name: what Proxmox calls the node. "" when there is none. */
void peer_host_name(char *ret, size_t size);
