/* tests/simulator/display.h - what people see: progress while it runs, the table at the end.
 *
 * Progress goes to stderr, one line that is rewritten on a terminal and a line every few seconds
 * elsewhere; the table goes to stdout.
 *
 * Room     tests.
 * Owns     nothing but where the line stands.
 * Threads  one thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

struct err;
struct ledger;
struct ledger_result;
struct options;

struct display {
    bool terminal;
    bool torn;       /* the line of progress stands and is not ended */
    int64_t told_ns; /* when it was written last */
    int64_t begun_ns;
    int64_t told_answers;
};

void display_begin(struct display *d);

/* A line of its own, above the progress. */
PRINTF(2, 3) void display_say(struct display *d, const char *fmt, ...);

/* As often as you like; it shows what has changed. trouble may be "". */
void display_progress(struct display *d, const struct options *o, const struct ledger *l,
                      const char *trouble);
void display_end(struct display *d);

NODISCARD int display_table(const struct ledger *l, struct err *e);
