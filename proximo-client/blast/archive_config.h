/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/archive_config.h - the guest configuration that stands inside a backup, as
 * PVE's extractconfig answers it: the file's text. */
#pragma once
#include "common/js.h"

/* {key: text} of the present section; comments, snapshot sections and lines that are none are left
 * out. Never NULL. */
js *archive_config(const char *text);
/* Whether the archive of a VM says that it holds the data of the disk at that key. The lines that
 * say it are notes of vzdump beside the configuration: "#qmdump#map:scsi0:drive-scsi0:…". */
bool archive_has_disk(const char *text, const char *key);
/* Whether vzdump takes what stands at that key of a guest's configuration: of a VM every disk but
 * backup=0, of a container rootfs and what says backup=1. Not: drives for CDs (cloud-init's too,
 * which a restore makes anew), unused disks, paths and devices of the host. */
bool backup_takes(const char *kind, const char *key, const char *value);
/* Bytes of a disk entry's size=, -1 without one. */
int64_t backup_disk_size(const char *value);
