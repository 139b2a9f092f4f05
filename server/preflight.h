/* server/preflight.h - `scrc --check`: what this host can do, for people.
 *
 * Room     server.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct engine_config;
struct languages;

/* Prints one finding after the other. True when nothing stands in the way of judging. */
bool preflight_print(const struct engine_config *c, const struct languages *l, FILE *out);
