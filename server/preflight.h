/* server/preflight.h - `scrc --check`: prints what this host can do and how the database and the
 * topics are.
 *
 * Room     server.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct engine_config;
struct language_table;
struct host_diagnostic;

/* Checks the host and prints its diagnostics, then `more`. False when one is HOST_UNFIT: this host
 * cannot judge. */
bool preflight_print(const struct engine_config *c, const struct language_table *l,
                     const struct host_diagnostic *more, size_t more_len, FILE *out);
