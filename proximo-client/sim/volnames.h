/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/sim/volnames.h - volumes as guests name them. */
#pragma once
#include "proximo-client/sim/routes.h"

/* The volume id in a configuration's value; false: a path, an empty drive, nothing. */
bool volume_of_value(const char *value, char *ret, size_t size);
void volume_storage(const char *volid, char *ret, size_t size);
bool volume_is_shared(struct sim *s, const char *volid);
/* A name that is free on the storage; format "raw", "qcow2" or NULL. */
void volume_new_name(struct sim *s, const struct guest *g, const char *storage, const char *format,
                     char *ret, size_t size);
void volume_add(struct sim *s, const struct guest *g, const char *volid, const char *node,
                int64_t size);
bool volume_in_snapshot(const struct guest *g, const char *volid);
const char *volume_clone(struct sim *s, const char *volid); /* one that stands on it, or NULL */
/* Puts a volume into the first free unusedN. */
void guest_unused(struct sim *s, const struct guest *g, const char *volid);
