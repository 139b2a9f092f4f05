/* client/watch.h - follows one submission while it is judged, by its event stream: a line that is
 * written over on a terminal, or a line for each test.
 *
 * Owns     nothing.
 * Threads  one.
 * Errors   none: a stream that ends early is no fault of the submission; exchange_await() goes on.
 */
#pragma once

#include <stdbool.h>

struct exchange_result;
struct term;
struct transport;

/* Fills in r->report when the stream brings it. lines: a line for each test, also where there is no
 * terminal. */
void watch_run(struct transport *t, const struct term *term, bool lines, struct exchange_result *r);
