/* SPDX-License-Identifier: Apache-2.0 */
/* common/clock.h - the time, in one place. */
#pragma once
#include <stdint.h>

int64_t clock_unix(void);    /* Unix seconds, UTC */
int64_t clock_mono_ms(void); /* monotonic milliseconds, for waits and durations */
int64_t clock_mono_us(void);
void clock_sleep_ms(int64_t ms);
