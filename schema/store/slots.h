/* schema/store/slots.h - several servers on one directory: each works on a job table in a slot of
 * its own, DIR/slot-0, DIR/slot-1, ...
 *
 *     a server that starts   takes a free slot with unfinished work, else the lowest free one,
 *                            else makes the next
 *     a server that runs     adopts a free slot with unfinished work
 *
 * A slot is free when nobody has its table open: jobs_open() decides, also between servers that
 * want the same one.
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
    const struct jobs_config *table; /* for the table; its dir is where the slots are */
    bool outbox;                     /* what waits in an outbox is work too: we reach Kafka */
    /* NULL-terminated: only what is in one of them is work for us. NULL: all. */
    const char *const *languages;
    /* Told of each slot that cannot be used, damaged or newer than we are. NULL: nobody. */
    void (*skipped)(void *ctx, const char *dir, const struct err *why);
    void *ctx;
};

/* The table to work on; caller owns both. ERR_SETTING: there is a table in the directory itself. */
NODISCARD int slots_take(const struct slots_config *c, struct jobs **ret_jobs, char **ret_dir,
                         struct err *e);

/* Whether there is work for us in that slot, whoever has it open. */
bool slots_has_work(const struct slots_config *c, const char *dir);

/* A further table; caller owns both. *ret_jobs NULL, and *ret_dir untouched: nothing lies idle. */
NODISCARD int slots_adopt(const struct slots_config *c, struct jobs **ret_jobs, char **ret_dir,
                          struct err *e);

/* True when the directory holds slots. */
bool slots_exist(const char *dir);
