/* server/live/hub.h - subscribers to events, and the texts that wait for each of them.
 *
 *     job table, workers --a small message--> inbox --the hub's thread--> subscribers --read-->
 *
 * A subscriber to one submission gets every event of it. A subscriber to everything gets pages of
 * rows that changed, read from the job table at its own pace: a slow one gets fewer pages, and a
 * row that changed twice in between comes once. At most HUB_PENDING bytes wait for one subscriber,
 * reports not counted; the texts of all reports together take at most HUB_REPORTS.
 *
 * Room     server/live: event streams, waiting requests and statistics, which follow the job table.
 *          May know schema, engine, server/{executor,config,report_view}.h; not HTTP.
 * Owns     its two threads, and all texts until they are read.
 * Threads  any. wake is called without a lock held.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "schema/base/base.h"
#include "server/live/hub_sub.h"

struct config;
struct engine_event;
struct err;
struct hub;
struct jobs;
struct jobs_change;

/* If more rows than this changed since a client's last event, it gets `reset` and must reload. */
#define HUB_REPLAY 10000

extern const struct hub_times hub_times; /* the values used outside tests */

/* Borrows j and c until hub_free(); copies *t. Starts the threads. */
NODISCARD int hub_open(struct jobs *j, const struct config *c, const struct hub_times *t,
                       struct hub **ret_hub, struct err *e);

/* ---- subscribers ---- */

/* The caller sets seq, fd and wake of a zeroed *s. id: of the submission, copied. last_event_id: as
 * the client sent it, or NULL. ERR_CANCELLED after hub_drain() for a subscriber to everything,
 * after hub_stop() for any. */
NODISCARD int hub_join(struct hub *h, struct hub_sub *s, const char *id, const char *last_event_id,
                       struct err *e);

/* Returns the bytes written to out; 0 when there are none now; -1 at the end of the stream. */
ssize_t hub_read(struct hub_sub *s, char *out, size_t size);

/* After a hub_read() of 0: wake is called once when there is more. False: there is more already,
 * or the stream has ended, and wake is not called. */
NODISCARD bool hub_sleep(struct hub_sub *s);

/* Call before the socket is closed, and not while asleep. Does nothing if s never joined. */
void hub_leave(struct hub_sub *s);

/* Subscribers of both kinds. */
size_t hub_count(struct hub *h);

/* The revision in an event's id; -1 when the id is malformed or of another job table. */
int64_t hub_event_revision(struct hub *h, const char *id);

/* ---- input ---- */

/* A jobs_listener_fn; ctx is the struct hub. */
void hub_changed(void *ctx, const struct jobs_change *changes, size_t len);
/* engine_config.on_event; ctx is the struct hub. */
void hub_engine_event(void *ctx, const struct engine_event *event);

/* ---- the end ---- */

/* Ends the streams of subscribers to everything; those to one submission go on. */
void hub_drain(struct hub *h);
/* Ends all streams and the threads. Afterwards the hub does not use the job table. */
void hub_stop(struct hub *h);
/* When no subscriber is left and the input functions are not called any more. Stops the hub if
 * hub_stop() did not. Takes NULL, returns NULL. */
struct hub *hub_free(struct hub *h);
