/* server/api/results_csv.h - items of GET /results as lines of a CSV (RFC 4180).
 *
 * Room     server/api.
 * Threads  any; no state.
 * Errors   -1: out of memory; the text may have a part of the line.
 */
#pragma once

#include <jansson.h>

#include "schema/base/base.h"

struct buf;

/* The names of the columns. */
NODISCARD int results_csv_head(struct buf *out);
/* One item. What is null is an empty cell; labels are one JSON object, empty without labels. A text
 * that a spreadsheet would take for a formula has an apostrophe in front. */
NODISCARD int results_csv_row(struct buf *out, const json_t *item);
