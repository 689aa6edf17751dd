/* SPDX-License-Identifier: Apache-2.0 */
/* Network half: the events an administrator is told of, each with a priority and a MESSAGE_ID that
 * units/pveagentd.catalog explains. */
#include <stdarg.h>

#include "common/systemd.h"
#include "pveagentd/agent.h"

static const struct {
    enum log_level level;
    const char *id; /* units/pveagentd.catalog has one text for each */
} events[AE_COUNT] = {
    [AE_STARTED] = {LOG_L_INFO, "f5a0b2c41d9e4c5f8a6e0b7d3c2e9101"},
    [AE_OPENED] = {LOG_L_NOTE, "f5a0b2c41d9e4c5f8a6e0b7d3c2e9102"},
    [AE_CLOSED] = {LOG_L_NOTE, "f5a0b2c41d9e4c5f8a6e0b7d3c2e9103"},
    [AE_REFUSED] = {LOG_L_WARN, "f5a0b2c41d9e4c5f8a6e0b7d3c2e9104"},
    [AE_ACT] = {LOG_L_INFO, "f5a0b2c41d9e4c5f8a6e0b7d3c2e9105"},
    [AE_STREAM_LOST] = {LOG_L_WARN, "f5a0b2c41d9e4c5f8a6e0b7d3c2e9106"},
    [AE_ROOT_HALF] = {LOG_L_ERR, "f5a0b2c41d9e4c5f8a6e0b7d3c2e9107"},
    [AE_JOINED] = {LOG_L_NOTE, "f5a0b2c41d9e4c5f8a6e0b7d3c2e9108"},
    [AE_LIMIT] = {LOG_L_WARN, "f5a0b2c41d9e4c5f8a6e0b7d3c2e9109"},
    [AE_READER] = {LOG_L_WARN, "f5a0b2c41d9e4c5f8a6e0b7d3c2e910b"},
    [AE_CERTIFICATE] = {LOG_L_ERR, "f5a0b2c41d9e4c5f8a6e0b7d3c2e910a"},
};

void agent_log(enum agent_event event, const char *text, ...) {
    va_list ap;

    va_start(ap, text);
    log_event_v(events[event].level, events[event].id, text, ap);
    va_end(ap);
}
