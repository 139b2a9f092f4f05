/* server/executor.h - a few threads for work that would delay other connections: parsing 64 MB,
 * rendering a thousand tests, listing a million rows.
 *
 * Room     server.
 * Owns     its threads, and a task from executor_submit() until its run() is called.
 * Threads  any.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include "schema/base/base.h"

struct executor;
struct err;

struct executor_task {
    void (*run)(struct executor_task *t); /* may free the task */
    struct executor_task *next;           /* private */
};

NODISCARD int executor_open(int threads, struct executor **ret_executor, struct err *e);

/* Tasks start in the order of submission. */
void executor_submit(struct executor *executor, struct executor_task *t);

/* Runs the tasks that are left, then ends the threads. Takes NULL, returns NULL. */
struct executor *executor_free(struct executor *executor);
