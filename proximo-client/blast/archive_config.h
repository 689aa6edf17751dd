/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/archive_config.h - the guest configuration that stands inside a backup, as
 * PVE's extractconfig answers it: the file's text. */
#pragma once
#include "common/js.h"

/* {key: text} of the present section; comments, snapshot sections and lines that are none are left
 * out. Never NULL. */
js *archive_config(const char *text);
