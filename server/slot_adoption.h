/* server/slot_adoption.h - DATA_SLOTS: looks for slots of servers that have ended, and has one at a
 * time judged until it has no unfinished work that this server can do.
 *
 *     WATCHING --a free slot with unfinished work--> ADOPTED: judged, its outbox published
 *        ^                                              |
 *        +---- nothing queued, running or unpublished --+
 *
 * An adopted table accepts nothing new, and GET does not read from it.
 *
 * Room     server.
 * Owns     its thread, and the adopted table from its opening to its closing.
 * Threads  one thread calls all three.
 * Errors   0, or -1 with *e filled. Later errors are logged, and the work is tried again.
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
    const struct jobs_config *table; /* to open the table; its dir holds the slots. borrowed */
    struct engine *engine;           /* borrowed until slot_adoption_halt() */
    const struct language_table *languages; /* what can be judged here. borrowed */
    int64_t interval_ms;                    /* between two checks */
    bool kafka;                             /* rows in an outbox count as unfinished work */
    /* Called before the table is judged, and before it is closed, when nothing else uses it: so
     * that its outbox is published. On slot_adoption's thread or in slot_adoption_close(). NULL:
     * none. */
    void (*opened)(void *ctx, struct jobs *j);
    void (*closing)(void *ctx, struct jobs *j);
    void *ctx;
};

/* Copies *c. */
NODISCARD int slot_adoption_start(const struct slot_adoption_config *c,
                                  struct slot_adoption **ret_adoption, struct err *e);

/* Ends the thread: nothing is adopted or closed any more. Call it before engine_stop(). The table
 * stays open, so that the engine can finish or requeue its rows, and its outbox can be published.
 */
void slot_adoption_halt(struct slot_adoption *a);

/* After engine_stop(). Closes the table. Takes NULL, returns NULL. */
struct slot_adoption *slot_adoption_close(struct slot_adoption *a);
