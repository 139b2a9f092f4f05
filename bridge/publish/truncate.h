/* bridge/publish/truncate.h - shortens a report that is too large for its topic.
 *
 * It cuts or removes, in this order, until the report fits: the texts of `produced_by`; outputs
 * (marked by *_truncated); the tests' inputs and expected outputs; the details of tests (first
 * difference, gap, error); tests, from the last one on; all members but those that the Go worker's
 * reports have, `verdict` and `language`; all members but id, status, verdict and error. From the
 * inputs on, a note in `error` says that the report was cut.
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
