/* schema/base/clock.h - the monotonic clock for durations, the wall clock for timestamps.
 *
 * Threads  any.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CLOCK_MONOTONIC, nanoseconds. For all durations and deadlines. */
int64_t clock_mono_ns(void);

/* Initialises a condition whose timed waits use the monotonic clock, so that setting the wall clock
 * does not change them. */
void clock_cond_init(pthread_cond_t *c);

/* Milliseconds until clock_mono_ns() is until_ns, for poll(): rounded up, 0 when that time has
 * come, at most a minute. */
int clock_ms_until(int64_t until_ns);

/* pthread_cond_timedwait() until clock_mono_ns() is until_ns. False: that time has come. */
bool clock_cond_wait(pthread_cond_t *c, pthread_mutex_t *locked, int64_t until_ns);

/* CLOCK_REALTIME, milliseconds since 1970. For timestamps only. */
int64_t clock_wall_ms(void);

/* What servers that share a table write into it and compare with it: the wall clock of its
 * database, for theirs may differ. clock_wall_ms() until clock_shared_set() has been called, once
 * for each time that it was read there; between two of them our monotonic clock goes on. */
int64_t clock_shared_ms(void);
/* That clock showed unix_ms when clock_mono_ns() was mono_ns. */
void clock_shared_set(int64_t unix_ms, int64_t mono_ns);

#define CLOCK_RFC3339_SIZE 25 /* 2025-01-15T10:30:00.123Z and its NUL */

/* Writes unix_ms (0 .. year 9999) as RFC 3339 in UTC with milliseconds. */
void clock_rfc3339(int64_t unix_ms, char out[CLOCK_RFC3339_SIZE]);

/* Parses RFC 3339 (any offset, optional fraction) or a number of seconds since 1970 (optional
 * fraction and exponent, as JSON has them). -1: text is neither. */
int clock_parse(const char *text, int64_t *ret_unix_ms);
