/* schema/base/quantity.h - reads numbers, sizes and durations as people write them.
 *
 * Threads  any; no state.
 * Errors   -1: the text is none; *ret_value is then unchanged.
 */
#pragma once

#include <stdint.h>

#include "schema/base/base.h"

/* "67108864": digits alone. */
NODISCARD int quantity_count(const char *text, int64_t *ret_value);

/* Bytes: "67108864", "64MiB", "64 MiB", "1.5G". */
NODISCARD int quantity_size(const char *text, int64_t *ret_value);

/* Milliseconds, in Go's format of durations, and days: "500ms", "2m30s", "1.5h", "30d", "0". */
NODISCARD int quantity_duration(const char *text, int64_t *ret_value);
