/* SPDX-License-Identifier: Apache-2.0 */
/* common/volfeature.h - what a volume can, by the type of its storage and its format: the table
 * that PVE's storage plugins have. Knows nothing of guests, clusters or requests. */
#pragma once
#include <stdbool.h>

/* The name behind the storage ("vm-1-disk-0", "213/base-213-disk-0.qcow2"): is it a base volume,
 * one of a template, which others can be linked to? */
bool volume_name_is_base(const char *name);
/* What is behind the base that a linked volume's name carries in front: "vm-214-disk-0" of
 * "base-213-disk-0/vm-214-disk-0"; of one that stands on its own its whole name. */
const char *volume_name_own(const char *name);

/* feature: "snapshot", "clone" (linked), "copy" or "template"; snap: of a snapshot of the volume;
 * in_ct: the copy is a container's, which cannot be a qcow2. 1 or 0; -ENOENT: a type that the table
 * does not have. Source: the plugins of PVE's storage library (9.1). */
int volume_feature(const char *type, const char *name, const char *feature, bool snap, bool in_ct);
/* The name of a volume linked to this one carries it: it cannot go while that one is there. Where
 * it does not, the two only share blocks. */
bool volume_link_binds(const char *type, const char *name);
