/* client/show.h - a report for people: a table of its tests, and what went wrong.
 *
 * Threads  any; no state.
 * Errors   none.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

struct term;
struct testset;

/* "12 ms", "1.5 s"; "8.0 MiB". "" for a negative number. */
#define SHOW_AMOUNT_SIZE 32
void show_ms(int64_t ms, char out[SHOW_AMOUNT_SIZE]);
void show_bytes(int64_t bytes, char out[SHOW_AMOUNT_SIZE]);

/* tests: what was sent, for their names; without any (len 0) the output of the only run is shown
 * instead of a table. */
void show_report(const struct term *t, const json_t *report, const struct testset *tests);
