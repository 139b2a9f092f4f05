/* server/live/hub_remote.h - progress of submissions that another server of a fleet judges.
 *
 *     a server with subscribers     says so when the first one comes, and then every 3 s
 *     a server that has heard it    sends what its workers do for 10 s, in batches of 100 ms
 *
 * A text of these is numbers only: "l" (somebody listens here), or "e" and events. It may come from
 * anybody who can use the database; one that is not exactly of this form is ignored whole, and what
 * it says is at most shown.
 *
 * Room     server/live, private to the hub.
 * Owns     nothing.
 * Threads  hub_remote_hear() and hub_remote_wanted() any; the rest the hub's thread.
 * Errors   none.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine_config.h"

struct hub;

#define HUB_REMOTE_EVENTS 256 /* in one text, at most */

/* Of "e": the events, of which there is at least one; 0 when it is anything else. */
size_t hub_remote_parse(const char *text, struct engine_event events[HUB_REMOTE_EVENTS]);

/* A jobs_signal_fn; ctx is the struct hub. */
void hub_remote_hear(void *ctx, const char *text);
/* Whether another server has subscribers. */
bool hub_remote_wanted(struct hub *h);
/* One of ours, for them. */
void hub_remote_add(struct hub *h, const struct engine_event *event);
/* Sends what is due. */
void hub_remote_tick(struct hub *h, int64_t now);
/* When hub_remote_tick() is to be called at the latest. */
int64_t hub_remote_due(const struct hub *h);
