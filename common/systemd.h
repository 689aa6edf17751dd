/* SPDX-License-Identifier: Apache-2.0 */
/* common/systemd.h - what the daemon's programs say to the service manager and its journal, and
 * what they are handed by it, by the documented protocols (a datagram, a few variables). systemd's
 * own library would bring six others into each process. Decides nothing; without systemd an event
 * is a line on stderr and the rest does nothing. */
#pragma once
#include <stdarg.h>
#include <stdint.h>

enum log_level { LOG_L_ERR = 3, LOG_L_WARN = 4, LOG_L_NOTE = 5, LOG_L_INFO = 6 };

/* Structured event: to the journal (native protocol) when stderr is the journal, else a line on
 * stderr. Pairs of field name and value, ended by NULL; a NULL value is written "-". Bytes outside
 * printable ASCII are escaped here, so that no caller can forget to. Never output, tokens or keys.
 */
void log_event(enum log_level level, const char *message, ...) __attribute__((sentinel));
/* The same; id (may be NULL): the MESSAGE_ID that the catalogue explains. */
void log_event_v(enum log_level level, const char *id, const char *message, va_list pairs);

/* One datagram to NOTIFY_SOCKET, if there is one. */
void notify_send(const char *text);
/* How often "WATCHDOG=1" must be sent, in milliseconds (half of what is allowed); 0: never. */
int64_t watchdog_ms(void);
/* How many descriptors were handed over; they begin at LISTEN_FDS_START and are closed on exec. */
#define LISTEN_FDS_START 3
int listen_fds(void);
