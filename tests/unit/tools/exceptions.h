/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/tools/exceptions.h - where a row differs from the API's own schema on purpose. Each
 * with its reason; one that no longer applies fails the walk. `what` is "METHOD PATH" or a
 * parameter. */
#pragma once

static const struct exception {
    const char *row, *what, *why;
} exceptions[] = {
    {NULL, NULL, NULL},
};
