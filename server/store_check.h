/* server/store_check.h - checks whether the database of STORE suits the server.
 *
 * Room     server.
 * Owns     nothing.
 * Threads  store_check_rate() any; store_check_run() blocks on the database for some seconds at
 *          most.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "engine/host/host_check.h"

struct config;
struct postgres_check;

#define STORE_CHECK_MAX 16

/* Pure: one HOST_OK that says how it is, and a diagnostic for each rule that is broken. Returns how
 * many. */
size_t store_check_rate(const struct postgres_check *c,
                        struct host_diagnostic out[STORE_CHECK_MAX]);

/* Asks the database and rates what it says, for `scrc --check` (with measure: the time of commits
 * too) and the System page. Returns 0 without STORE. */
size_t store_check_run(const struct config *c, bool measure,
                       struct host_diagnostic out[STORE_CHECK_MAX]);
