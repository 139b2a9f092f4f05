/* server/api/results_export.h - GET /results.csv and GET /results.ndjson: all rows of a filter, as
 * a stream.
 *
 * The rows are read page by page, each on the thread of the lists once the one before has been
 * sent: so the memory is that of one page, and an export takes turns with those who list. Rows that
 * are submitted after it has begun are left out, so it comes to an end.
 *
 * Room     server/api.
 * Owns     call.own: the filter, and the page that is being sent.
 * Threads  as request.h; while a page is read, the thread of the lists has it.
 * Errors   of the first page become replies; a later one breaks the stream, which then has no last
 *          chunk.
 */
#pragma once

#include "server/http/request.h"

enum next results_csv(struct request *r);
enum next results_ndjson(struct request *r);
