/* bridge/consume/backlog.h - which rows that this server has read from Kafka still wait to be
 * judged, by whichever server of the table.
 *
 * Room     bridge/consume.
 * Owns     a set of the rows' numbers.
 * Threads  any; the table calls back on a thread of its own.
 * Errors   out of memory a row is not counted.
 */
#pragma once

#include <stdint.h>

#include "schema/base/base.h"

struct backlog;
struct err;
struct jobs;

/* Borrows jobs. */
NODISCARD int backlog_open(struct jobs *jobs, struct backlog **ret_backlog, struct err *e);
/* Nothing is heard of the table any more. To be called before it is closed, more than once too. */
void backlog_stop(struct backlog *b);
/* After backlog_stop(). Takes NULL, returns NULL. */
struct backlog *backlog_free(struct backlog *b);

/* The row, which is new, was accepted. Its claim may have been heard of already. */
void backlog_add(struct backlog *b, int64_t seq);
/* No row waits. */
void backlog_clear(struct backlog *b);
/* Rows. */
int64_t backlog_len(struct backlog *b);
