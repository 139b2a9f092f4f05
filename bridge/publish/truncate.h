/* bridge/publish/truncate.h - a report that is too large for its topic, made shorter.
 *
 * What goes first is what a consumer misses least: the texts of `produced_by`, outputs (marked by
 * *_truncated), the tests' inputs and expected outputs, everything but numbers and verdicts, tests
 * from the end, then all members but those that the Go worker's reports have, and `verdict` and
 * `language`; at last only id, status, verdict and error are left. `error` says so from the inputs
 * on.
 *
 * Pure.
 *
 * Room     bridge/publish.
 * Owns     nothing; the caller owns *ret_json.
 * Threads  none of its own.
 * Errors   0, or -1 with *e filled: ERR_NOMEM; ERR_INPUT when nothing of it fits.
 */
#pragma once

#include <stddef.h>

#include "schema/base/base.h"

struct err;

/* json is a rendered report. *ret_len <= max. */
NODISCARD int truncate_report(const char *json, size_t len, size_t max, char **ret_json,
                              size_t *ret_len, struct err *e);
