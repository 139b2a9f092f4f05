/* server/live/hub.h - who listens to events, and what each of them has yet to read.
 *
 *     job table, workers --a small message--> inbox --the hub's thread--> subscribers --read-->
 *
 * A subscriber to one submission gets every event of it; a subscriber to everything gets pages of
 * what changed, read from the job table at its own pace: whoever is slow is told less often, and a
 * row that changed twice meanwhile comes once. At most HUB_PENDING bytes wait for one subscriber
 * (a report apart, of which all together keep HUB_REPORTS).
 *
 * Room     server/live: who waits for news: event streams, waiting requests, the statistics.
 *          May know schema, engine and server/{aside,config,render}.h; nothing of HTTP.
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

/* More rows than this changed meanwhile: whoever was away is told to load anew. */
#define HUB_REPLAY 10000

extern const struct hub_times hub_times; /* as they are, but for tests */

/* Borrows all three. */
NODISCARD int hub_open(struct jobs *j, const struct config *c, const struct hub_times *t,
                       struct hub **ret_hub, struct err *e);

/* ---- subscribers ---- */

/* id: of the submission, copied. last_event_id: as the client sent it, or NULL. ERR_CANCELLED after
 * hub_drain() for everything, after hub_stop() for all. */
NODISCARD int hub_join(struct hub *h, struct hub_sub *s, const char *id, const char *last_event_id,
                       struct err *e);

/* Bytes written to out; 0 when there is nothing now; -1 at the end. */
ssize_t hub_read(struct hub_sub *s, char *out, size_t size);

/* After a hub_read() of 0: wake is called once when there is more. False: there is already. */
NODISCARD bool hub_sleep(struct hub_sub *s);

/* Before its socket is closed. Not while asleep. Takes one that never joined. */
void hub_leave(struct hub_sub *s);

size_t hub_count(struct hub *h);

/* The number behind the prefix of an event's id; -1 when it is not of this table. */
int64_t hub_event_revision(struct hub *h, const char *id);

/* ---- what happens ---- */

/* A jobs_listener_fn; ctx is the struct hub. */
void hub_changed(void *ctx, const struct jobs_change *changes, size_t len);
/* engine_config.on_event; ctx is the struct hub. */
void hub_engine_event(void *ctx, const struct engine_event *event);

/* ---- the end ---- */

/* Ends the streams of everything; those of one submission go on while it is judged. */
void hub_drain(struct hub *h);
/* Ends all streams and the threads: nothing here uses the job table any more. */
void hub_stop(struct hub *h);
/* After hub_stop(), when nobody is subscribed and nothing happens any more. Takes NULL. */
struct hub *hub_free(struct hub *h);
