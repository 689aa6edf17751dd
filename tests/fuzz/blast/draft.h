/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/blast/draft.h - a draft that only looks whether what analysers say is whole. */
#pragma once

extern unsigned int draft_told; /* parts that were told as unread */
