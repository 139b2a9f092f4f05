/* engine/queue/job_source.h - the job tables that rows are claimed from: the server's own, and at
 * most one that it has adopted from a server that is gone.
 *
 *     job_source_adopt() --> adopted: job_source_hold() ... job_source_release() for each row
 * claimed job_source_disown() -> waits until no thread holds it
 *
 * Room     engine/queue.
 * Owns     neither table.
 * Threads  any. Only job_source_disown() blocks.
 */
#pragma once

#include <stdbool.h>

#include "schema/base/base.h"
#include "schema/base/text.h"

struct err;
struct jobs;
struct job_source;

/* Borrows own until job_source_free(). */
NODISCARD int job_source_open(struct jobs *own, struct job_source **ret_source, struct err *e);
/* Takes NULL, returns NULL. */
struct job_source *job_source_free(struct job_source *source);

struct jobs *job_source_own(const struct job_source *source);

/* Borrows j until job_source_disown(). ERR_BUG when there is an adopted table already. */
NODISCARD int job_source_adopt(struct job_source *source, struct jobs *j, struct err *e);
/* Ends the adoption; returns when every thread that holds the table has released it. */
void job_source_disown(struct job_source *source);

/* The adopted table, or NULL. A table must be released with job_source_release(). */
struct jobs *job_source_hold(struct job_source *source);
void job_source_release(struct job_source *source);

/* Copies jobs_table_id() of the adopted table. False: there is none. */
bool job_source_adopted_id(struct job_source *source, char ret_id[TEXT_ID_SIZE]);
/* True only the first time after job_source_adopt(): a fault of the adopted table is logged
 * once. */
bool job_source_first_fault(struct job_source *source);
