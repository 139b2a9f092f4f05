#include "tests/simulator/display.h"

#include <stdarg.h>
#include <stdio.h>

#include "schema/base/clock.h"
#include "tests/simulator/ledger.h"
#include "tests/simulator/options.h"
#include "tests/simulator/scenario.h"

#define TERMINAL_NS (200 * NS_PER_MS)
#define PLAIN_NS    (5 * NS_PER_S)

void display_begin(struct display *d)
{
    *d = (struct display){ .terminal = isatty(STDERR_FILENO) == 1, .begun_ns = clock_mono_ns() };
}

void display_end(struct display *d)
{
    if (d->torn)
        (void)fputc('\n', stderr);
    d->torn = false;
}

void display_say(struct display *d, const char *fmt, ...)
{
    va_list args;

    if (d->torn)
        (void)fputs("\r\033[K", stderr);
    d->torn = false;
    va_start(args, fmt);
    (void)vfprintf(stderr, fmt, args);
    va_end(args);
    (void)fputc('\n', stderr);
}

void display_progress(struct display *d, const struct options *o, const struct ledger *l,
                      const char *trouble)
{
    struct ledger_counts c;
    char of[32] = "";
    int64_t now = clock_mono_ns();

    if (now - d->told_ns < (d->terminal ? TERMINAL_NS : PLAIN_NS))
        return;
    ledger_counts(l, &c);
    d->told_ns = now;
    if (o->iterations > 0)
        (void)snprintf(of, sizeof of, "/%lld", (long long)o->iterations);
    (void)fprintf(stderr,
                  "%s%lld%s: %lld sent, %lld right, %lld wrong, %lld doubled, %lld foreign, "
                  "%lld out; %lld s%s%.60s%s",
                  d->torn ? "\r\033[K" : "", (long long)(c.sent / SCENARIO_COUNT), of,
                  (long long)c.sent, (long long)c.right, (long long)c.wrong, (long long)c.doubled,
                  (long long)c.foreign, (long long)c.out,
                  (long long)((now - d->begun_ns) / NS_PER_S), *trouble ? "; " : "", trouble,
                  d->terminal ? "" : "\n");
    d->torn = d->terminal;
    (void)fflush(stderr);
}

/* ---- the table ---- */

static const char *ms(double value, char out[24])
{
    if (value < 0)
        (void)snprintf(out, 24, "-");
    else
        (void)snprintf(out, 24, "%.0f", value);
    return out;
}

int display_table(const struct ledger *l, struct err *e)
{
    struct ledger_counts c;
    char p50[24], p95[24];

    printf("%-8s %-7s %7s %7s %7s %7s %7s %8s %8s\n", "language", "outcome", "sent", "right",
           "wrong", "missing", "doubled", "p50 ms", "p95 ms");
    for (unsigned i = 0; i < SCENARIO_COUNT; i++) {
        struct ledger_row r;
        if (ledger_row(l, i, &r, e) < 0)
            return -1;
        printf("%-8s %-7s %7lld %7lld %7lld %7lld %7lld %8s %8s\n", scenario_language(i),
               scenario_outcome(i), (long long)r.sent, (long long)r.right, (long long)r.wrong,
               (long long)r.missing, (long long)r.doubled, ms(r.p50_ms, p50), ms(r.p95_ms, p95));
    }
    ledger_counts(l, &c);
    printf("%-16s %7lld %7lld %7lld %7lld %7lld, and %lld not asked for\n", "all",
           (long long)c.sent, (long long)c.right, (long long)c.wrong, (long long)c.out,
           (long long)c.doubled, (long long)c.foreign);
    return 0;
}
