#include "schema/base/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "schema/base/base.h"

#define LAST_SECOND 253402300799LL /* 9999-12-31T23:59:59Z */

static int64_t read_ns(clockid_t id)
{
    struct timespec t;
    (void)clock_gettime(id, &t); /* does not fail for these two clocks */
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

int64_t clock_mono_ns(void) { return read_ns(CLOCK_MONOTONIC); }

void clock_cond_init(pthread_cond_t *c)
{
    pthread_condattr_t monotonic;

    (void)pthread_condattr_init(&monotonic); /* none of these fails for this clock */
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(c, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
}

bool clock_cond_wait(pthread_cond_t *c, pthread_mutex_t *locked, int64_t until_ns)
{
    struct timespec until = { .tv_sec = until_ns / NS_PER_S, .tv_nsec = until_ns % NS_PER_S };

    return pthread_cond_timedwait(c, locked, &until) == 0;
}

int64_t clock_wall_ms(void) { return read_ns(CLOCK_REALTIME) / NS_PER_MS; }

/* When the monotonic clock was 0, by the clock of the database; 0: there is none. */
static _Atomic int64_t shared_zero_ms;

int64_t clock_shared_ms(void)
{
    int64_t zero = atomic_load_explicit(&shared_zero_ms, memory_order_relaxed);

    return zero == 0 ? clock_wall_ms() : zero + clock_mono_ns() / NS_PER_MS;
}

void clock_shared_set(int64_t unix_ms, int64_t mono_ns)
{
    atomic_store_explicit(&shared_zero_ms, unix_ms - mono_ns / NS_PER_MS, memory_order_relaxed);
}

/* Date and time without the fraction. Cached, because thousands of answers have the same second,
 * and formatting it takes longer than all the rest of a small answer. */
static const char *format_to_second(time_t seconds)
{
    static _Thread_local struct {
        time_t seconds;
        char text[CLOCK_RFC3339_SIZE];
    } last;
    struct tm tm;

    if (last.text[0] == '\0' || last.seconds != seconds) {
        (void)gmtime_r(&seconds, &tm);
        (void)strftime(last.text, sizeof last.text, "%Y-%m-%dT%H:%M:%S", &tm);
        last.seconds = seconds;
    }
    return last.text;
}

void clock_rfc3339(int64_t unix_ms, char out[CLOCK_RFC3339_SIZE])
{
    if (unix_ms < 0)
        unix_ms = 0;
    if (unix_ms > LAST_SECOND * 1000 + 999)
        unix_ms = LAST_SECOND * 1000 + 999;

    int ms = (int)(unix_ms % 1000);
    memcpy(out, format_to_second(unix_ms / 1000), 19);
    const char rest[] = {
        '.', (char)('0' + ms / 100), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10), 'Z', '\0'
    };
    memcpy(out + 19, rest, sizeof rest);
}

static bool is_decimal(char c) { return c >= '0' && c <= '9'; }

/* Reads exactly n digits at *p, with a value in [least, most], and moves *p behind them. */
static bool take_digits(const char **p, int n, int least, int most, int *ret_value)
{
    int value = 0;
    for (int i = 0; i < n; i++) {
        if (!is_decimal((*p)[i]))
            return false;
        value = value * 10 + ((*p)[i] - '0');
    }
    if (value < least || value > most)
        return false;
    *p += n;
    *ret_value = value;
    return true;
}

static bool take_char(const char **p, const char *any)
{
    if (**p == '\0' || !strchr(any, **p))
        return false;
    (*p)++;
    return true;
}

/* An optional ".123456"; digits after the milliseconds are dropped. */
static bool take_fraction(const char **p, int *ret_ms)
{
    int ms = 0, weight = 100;

    if (take_char(p, ".")) {
        if (!is_decimal(**p))
            return false;
        for (; is_decimal(**p); (*p)++, weight /= 10)
            ms += (**p - '0') * weight;
    }
    *ret_ms = ms;
    return true;
}

static bool take_offset(const char **p, int *ret_minutes)
{
    int hours, minutes;
    bool minus = **p == '-';

    *ret_minutes = 0;
    if (take_char(p, "Zz"))
        return true;
    if (!take_char(p, "+-") || !take_digits(p, 2, 0, 23, &hours) || !take_char(p, ":") ||
        !take_digits(p, 2, 0, 59, &minutes))
        return false;
    *ret_minutes = (hours * 60 + minutes) * (minus ? -1 : 1);
    return true;
}

static int parse_rfc3339(const char *p, int64_t *ret_unix_ms)
{
    struct tm tm = { 0 };
    int ms, offset;

    if (!take_digits(&p, 4, 0, 9999, &tm.tm_year) || !take_char(&p, "-") ||
        !take_digits(&p, 2, 1, 12, &tm.tm_mon) || !take_char(&p, "-") ||
        !take_digits(&p, 2, 1, 31, &tm.tm_mday) || !take_char(&p, "Tt ") ||
        !take_digits(&p, 2, 0, 23, &tm.tm_hour) || !take_char(&p, ":") ||
        !take_digits(&p, 2, 0, 59, &tm.tm_min) || !take_char(&p, ":") ||
        !take_digits(&p, 2, 0, 60, &tm.tm_sec) || !take_fraction(&p, &ms) ||
        !take_offset(&p, &offset) || *p != '\0')
        return -1;

    int day = tm.tm_mday, second = tm.tm_sec;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    tm.tm_sec = 0; /* added below, so that a leap second does not change the day */
    int64_t minute = timegm(&tm);
    if (tm.tm_mday != day)
        return -1; /* 30 February */
    *ret_unix_ms = (minute - offset * 60LL + second) * 1000 + ms;
    return 0;
}

static int parse_with_exponent(const char *text, int64_t *ret_unix_ms)
{
    char *end;
    double seconds = strtod(text, &end);

    if (*end != '\0' || !(seconds <= (double)LAST_SECOND))
        return -1;
    *ret_unix_ms = (int64_t)(seconds * 1000);
    return 0;
}

int clock_parse(const char *text, int64_t *ret_unix_ms)
{
    const char *p = text;
    int64_t seconds = 0;
    int ms;

    if (!is_decimal(*p))
        return -1;
    for (; is_decimal(*p) && seconds <= LAST_SECOND; p++)
        seconds = seconds * 10 + (*p - '0');
    if (*p == '-')
        return parse_rfc3339(text, ret_unix_ms);
    if (seconds > LAST_SECOND || !take_fraction(&p, &ms))
        return -1;
    if (*p == 'e' || *p == 'E')
        return parse_with_exponent(text, ret_unix_ms);
    if (*p != '\0')
        return -1;
    *ret_unix_ms = seconds * 1000 + ms;
    return 0;
}

int clock_ms_until(int64_t until_ns)
{
    int64_t left = until_ns - clock_mono_ns();

    if (left <= 0)
        return 0;
    left = left / NS_PER_MS + 1;
    return left > 60000 ? 60000 : (int)left;
}
