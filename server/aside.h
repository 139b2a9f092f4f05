/* server/aside.h - a few threads for work that would hold up other connections: parsing 64 MB,
 * rendering a thousand tests, listing a million rows.
 *
 * Room     server.
 * Owns     its threads. A task belongs to it from aside_put() until its run() is called.
 * Threads  any.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include "schema/base/base.h"

struct aside;
struct err;

struct aside_task {
    void (*run)(struct aside_task *t); /* may free the task */
    struct aside_task *next;           /* private */
};

NODISCARD int aside_open(int threads, struct aside **ret_aside, struct err *e);

/* Tasks start in order. */
void aside_put(struct aside *a, struct aside_task *t);

/* Runs what is left, then ends. Takes NULL, returns NULL. */
struct aside *aside_free(struct aside *a);
