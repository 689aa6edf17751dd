/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/sim/volnames.h - volumes as guests name them. */
#pragma once
#include "proximo-client/sim/routes.h"

/* The volume id in a configuration's value; false: a path, an empty drive, nothing. */
bool volume_of_value(const char *value, char *ret, size_t size);
void volume_storage(const char *volid, char *ret, size_t size);
bool volume_is_shared(struct sim *s, const char *volid);
/* What is behind the base that a linked volume carries in front: "214/vm-214-disk-0.qcow2". Of one
 * that stands on its own: its whole name. Never with the storage. */
const char *volume_own(const char *volid);
/* "zz:vm-1-disk-0,size=8G" with another volume in it, and another size unless NULL. */
void volume_rewrite(const char *value, const char *volid, const char *size, char *ret, size_t room);
/* Storages that keep files name volumes by guest and format. */
bool storage_keeps_files(const js *def);
/* feature.c: can one volume do it? `snap`: of a snapshot of it. The features are those of the API,
 * and "template". A container's copy cannot be qcow2 (`lxc`). */
bool volume_can(struct sim *s, const char *volid, const char *feature, bool snap, bool lxc);
/* A name that is free on the storage; format "raw", "qcow2" or NULL. */
void volume_new_name(struct sim *s, const struct guest *g, const char *storage, const char *format,
                     char *ret, size_t size);
/* The same of a volume linked to a base, as each type of storage writes it. */
void volume_linked_name(struct sim *s, const struct guest *g, const char *base, char *ret,
                        size_t size);
/* What a volume of a guest is called once it is a base. */
void volume_base_name(const char *volid, char *ret, size_t size);
void volume_add(struct sim *s, const struct guest *g, const char *volid, const char *node,
                int64_t size);
/* The state knows it, of a storage that each node has for itself, and not at this one. */
bool volume_is_elsewhere(struct sim *s, const char *volid, const char *node);
bool volume_in_snapshot(const struct guest *g, const char *volid);
const char *volume_clone(struct sim *s, const char *volid); /* one that stands on it, or NULL */
/* Puts a volume into the first free unusedN. */
/* Whether a backup takes what stands at that key: of a container only rootfs and what asks for it.
 */
bool backup_takes_disk(const struct guest *g, const char *key, const char *value);
void guest_unused(struct sim *s, const struct guest *g, const char *volid);
/* An unused volume that a disk uses again is no unused one. */
void guest_drop_used(struct sim *s, const struct guest *g);
