/* engine/queue/job_source.h - the job tables that are judged from: the server's own, and at most
 * one more that it has adopted from a server that is gone.
 *
 *     job_source_adopt() --> adopted: job_source_hold() ... job_source_drop() by who judges a row
 * of it job_source_disown() -> waits until nobody holds it
 *
 * Room     engine/queue.
 * Owns     neither table.
 * Threads  any. Never blocks, but for job_source_disown().
 */
#pragma once

#include <stdbool.h>

#include "schema/base/base.h"
#include "schema/base/text.h"

struct err;
struct jobs;
struct job_source;

/* Borrows own. */
NODISCARD int job_source_open(struct jobs *own, struct job_source **ret_source, struct err *e);
/* Takes NULL, returns NULL. */
struct job_source *job_source_free(struct job_source *source);

struct jobs *job_source_own(const struct job_source *source);

/* Borrows j until job_source_disown(). ERR_BUG when there is one already. */
NODISCARD int job_source_adopt(struct job_source *source, struct jobs *j, struct err *e);
/* Nobody gets it any more; returns when those who hold it have dropped it. */
void job_source_disown(struct job_source *source);

/* The adopted table, or NULL. Each one needs a job_source_drop(). */
struct jobs *job_source_hold(struct job_source *source);
void job_source_release(struct job_source *source);

/* The adopted table's jobs_table_id(). False: there is none. */
bool job_source_adopted_id(struct job_source *source, char ret_id[TEXT_ID_SIZE]);
/* True the first time after it was adopted: a fault of it is said once. */
bool job_source_first_fault(struct job_source *source);
