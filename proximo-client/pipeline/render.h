/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/pipeline/render.h - plans for the eyes of the one who approves. */
#pragma once

struct buf;
struct plan;

/* Appends text from outside for a terminal: bytes that are not printable ASCII as \xNN. */
void render_safe(struct buf *b, const char *s);

/* The requests first, whole and counted; then, under a line that says so, what the planner
 * computed. */
void render_for_approval(const struct plan *p, struct buf *ret);
