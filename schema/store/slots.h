/* schema/store/slots.h - several servers share one directory: each has a job table in a slot of its
 * own, DIR/slot-0, DIR/slot-1, ...
 *
 *     a server that starts   takes a free slot with unfinished work, else the lowest free slot,
 *                            else creates the next
 *     a server that runs     adopts a free slot with unfinished work
 *
 * A slot is free when no server has its table open. If several servers want one slot, the lock in
 * jobs_open() decides.
 *
 * Room     schema/store.
 * Threads  any.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <stdbool.h>

#include "schema/base/base.h"

struct err;
struct jobs;
struct jobs_config;

struct slots_config {
    const struct jobs_config *table; /* for jobs_open(); its dir contains the slots */
    bool outbox;                     /* we publish to Kafka, so rows in an outbox are work too */
    /* NULL-terminated: only jobs in one of these are work for us. NULL: all jobs. */
    const char *const *languages;
    /* Called for each slot that cannot be used: damaged, or of a newer version. NULL: not called.
     */
    void (*skipped)(void *ctx, const char *dir, const struct err *why);
    void *ctx;
};

/* Opens the table of this server; caller owns *ret_jobs and *ret_dir. ERR_SETTING: the directory
 * itself contains a table. */
NODISCARD int slots_take(const struct slots_config *c, struct jobs **ret_jobs, char **ret_dir,
                         struct err *e);

/* Whether the slot contains unfinished work for us, open or not. */
bool slots_has_work(const struct slots_config *c, const char *dir);

/* Opens a free slot with work for us; caller owns both. *ret_jobs NULL, *ret_dir unchanged: there
 * is none. */
NODISCARD int slots_adopt(const struct slots_config *c, struct jobs **ret_jobs, char **ret_dir,
                          struct err *e);

/* Whether the directory contains slots. */
bool slots_exist(const char *dir);
