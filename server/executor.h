/* server/executor.h - a few threads for work that would hold up other connections: parsing 64 MB,
 * rendering a thousand tests, listing a million rows.
 *
 * Room     server.
 * Owns     its threads. A task belongs to it from executor_submit() until its run() is called.
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

/* Tasks start in order. */
void executor_submit(struct executor *x, struct executor_task *t);

/* Runs what is left, then ends. Takes NULL, returns NULL. */
struct executor *executor_free(struct executor *x);
