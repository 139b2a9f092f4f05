/* server/preflight.h - `scrc --check`: what this host can do and how the topics are, for people.
 *
 * Room     server.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct engine_config;
struct language_table;
struct host_diagnostic;

/* Prints one finding after the other: the host's, then `more`. True when nothing stands in the way
 * of judging. */
bool preflight_print(const struct engine_config *c, const struct language_table *l,
                     const struct host_diagnostic *more, size_t more_len, FILE *out);
