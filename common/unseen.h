/* SPDX-License-Identifier: Apache-2.0 */
/* common/unseen.h - characters that steer what shows a text instead of standing in it: they move a
 * terminal's cursor, turn the order of what is read, or are not seen at all. Names of users, notes
 * and logs of a cluster can hold them. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* How many bytes of s (valid UTF-8, left bytes) form such a character, 0: none. *ret is the
 * character, NULL: not asked for. C0 with the line feed, DEL, C1, line and paragraph separators,
 * what has no width, bidirectional controls, tags. */
size_t unseen(const unsigned char *s, size_t left, uint32_t *ret);
