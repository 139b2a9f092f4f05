/* schema/store/postgres/postgres_lease.h - the thread that says that this server lives, sees which
 * others do not, and releases what a dead one had claimed.
 *
 *     every timeout / 5   raises our beat
 *     every timeout / 10  reads the beats of the others; one that is dead is marked as over
 *                         (postgres_watch); the claims of all that are over are released
 *                         (postgres_release), by whoever sees them
 *                         one of the servers that publish takes the outbox, when nobody has it
 *     every timeout * 6   old rows go (postgres_tidy)
 *
 * A server that finds itself over was stopped, or away from the database, for longer than the
 * timeout, and others do its work: it goes on as a new instance. What it was doing then ends
 * because its rows are released.
 *
 * When a newer version has made a schema on which this one cannot work, the lease ends: our row is
 * over, and the table is told.
 *
 * Room     schema/store/postgres.
 * Owns     its thread and connection.
 * Threads  one opens and closes.
 * Errors   0, or -1 with *e filled; while the database is away the thread tries again, and logs
 *          lease_failed once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

struct err;
struct jobs;
struct jobs_config;
struct postgres_lease;

/* Begins the lease of j->instance; before the first claim. Borrows j until the end. */
NODISCARD int postgres_lease_open(struct jobs *j, const char *url, const struct jobs_config *c,
                                  struct postgres_lease **ret_lease, struct err *e);

/* Marks our row as over. After the last claim has ended, for what is left is released as that of a
 * dead server. Takes NULL, returns NULL. */
struct postgres_lease *postgres_lease_close(struct postgres_lease *l);
DEFINE_CLEANUP(struct postgres_lease, postgres_lease_close)

/* ---- without a job table ---- */

#define POSTGRES_LEASE_TIMEOUT_MS 10000

struct postgres_lease_config {
    const char *url, *instance, *directory; /* borrowed for the call */
    int64_t slots;                          /* how many it judges at once, for people */
    int64_t timeout_ms;                     /* 0: POSTGRES_LEASE_TIMEOUT_MS */
    /* On the lease's thread. Whether this server wants to publish the outbox, and whether it is the
     * one that does. NULL: it never wants. */
    bool (*wants_outbox)(void *ctx);
    void (*has_outbox)(void *ctx, bool ours);
    /* On the lease's thread, or in the start when the name is taken: from now on we claim as this
     * instance. Borrowed for the call. */
    void (*lost)(void *ctx, const char *instance);
    /* On the lease's thread: the lease has ended, for the schema is too new. why is borrowed for
     * the call. NULL: not called. */
    void (*outdated)(void *ctx, const char *why);
    /* On the lease's thread, or in the start. released: rows were queued again. snapshot: when
     * old rows go, the age of the oldest transaction that may still see some. NULL: not called. */
    void (*released)(void *ctx);
    void (*snapshot)(void *ctx, int64_t age_ms);
    /* On the lease's thread, after each read: how many servers there are that are not over. NULL:
     * not called. */
    void (*seen)(void *ctx, size_t servers);
    void *ctx;
};
/* As postgres_lease_open(). */
NODISCARD int postgres_lease_start(const struct postgres_lease_config *c,
                                   struct postgres_lease **ret_lease, struct err *e);
