/* server/slot_adoption.h - DATA_SLOTS: keeps an eye on the slots of servers that are gone, and has
 * one of them judged at a time, until nothing in it is unfinished that this server can judge.
 *
 *     WATCHING --a free slot with unfinished work--> ADOPTED: judged, its outbox published
 *        ^                                              |
 *        +---- nothing queued, running, to be told -----+
 *
 * Nothing new is taken into an adopted table, and GET does not read from it.
 *
 * Room     server.
 * Owns     its thread, and the adopted table from its opening to its closing.
 * Threads  all three by one thread.
 * Errors   0, or -1 with *e filled. What goes wrong later is logged and tried again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

struct slot_adoption;
struct engine;
struct err;
struct jobs;
struct jobs_config;
struct language_table;

struct slot_adoption_config {
    const struct jobs_config *table; /* for the table; its dir is where the slots are. borrowed */
    struct engine *engine;           /* borrowed until slot_adoption_halt() */
    const struct language_table *languages; /* what can be judged here. borrowed */
    int64_t interval_ms;                    /* between two looks */
    bool kafka;                             /* what waits in an outbox is work too */
    /* Before anything of the table is judged, and when nobody else uses it any more: for who
     * publishes from it. On the thread's own, or slot_adoption_close()'s. NULL: nobody. */
    void (*opened)(void *ctx, struct jobs *j);
    void (*closing)(void *ctx, struct jobs *j);
    void *ctx;
};

/* Copies *c. */
NODISCARD int slot_adoption_start(const struct slot_adoption_config *c,
                                  struct slot_adoption **ret_adoption, struct err *e);

/* Nothing is adopted or given up from here on: call it before engine_stop(). The table stays open,
 * so that the engine can finish or give back what it judges, and its outbox can be told. */
void slot_adoption_halt(struct slot_adoption *a);

/* After engine_stop(). Closes the table. Takes NULL, returns NULL. */
struct slot_adoption *slot_adoption_close(struct slot_adoption *a);
