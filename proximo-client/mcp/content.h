/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/mcp/content.h - the shape of a tools/call result: the same complete data as
 * structured content and as one JSON text block, because some hosts show only one of them. */
#pragma once
#include <stdbool.h>

#include "common/js.h"

struct err;

/* A success. Consumes `data`; anything but an object is wrapped as {"result": data}. */
js *content_result(js *data);

/* A failure the model can mend: isError, text "code: message" and the hint on a line of its own.
 * Consumes `shape` (NULL: built from e) and `extra` (NULL: none), which is what is known all the
 * same. `with_structured` must be false for a tool that declares an output schema: the v1
 * TypeScript SDK holds the error's structured content against it and throws the whole answer away. */
js *content_error(const struct err *e, js *shape, js *extra, bool with_structured);
