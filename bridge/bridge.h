/* bridge/bridge.h - connects Kafka to the job table.
 *
 *     bridge_open() --> bridge_start() --> bridge_stop_consuming() --> bridge_stop()
 *                   --> bridge_free()
 *
 *     consumer thread   topic    --> job table --> offsets committed
 *     relay threads     outbox   --> results and dead-letter topics --> rows deleted
 *     lag thread        ends and committed offsets --> bridge_health()
 *
 * A broker that is away is not an error: all threads wait for it.
 *
 * Room     bridge: consume, publish, and what both share in kafka.
 *          May include schema; not HTTP, not Docker.
 * Owns     its threads and their librdkafka handles.
 * Threads  the main thread; any: bridge_health(), bridge_topics().
 * Errors   0, or -1 with *e filled. ERR_SETTING names the setting, and never shows a secret.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/kafka/bridge_config.h"
#include "bridge/kafka/bridge_health.h"
#include "bridge/kafka/topics.h"
#include "schema/base/base.h"

struct bridge;
struct err;
struct jobs;

/* Checks the settings; does not connect. */
NODISCARD int bridge_check(const struct bridge_config *c, struct err *e);

/* Makes the handles and adds listeners to the table, so it must be called before traffic starts.
 * Reads no message yet. Borrows jobs, which must outlive bridge_stop(). Copies *c and *hooks. */
NODISCARD int bridge_open(const struct bridge_config *c, struct jobs *jobs,
                          const struct bridge_hooks *hooks, struct bridge **ret_bridge,
                          struct err *e);
NODISCARD int bridge_start(struct bridge *b, struct err *e);

/* Takes no more messages. After it returns, hooks.able is not called any more. With commit_reported
 * it does not wait: what no worker has begun is given back to Kafka, and offsets are committed as
 * reports are acknowledged. Otherwise it waits until all that was read is in the table, stores the
 * offsets and leaves the group, not later than deadline_ns (clock_mono_ns). */
void bridge_stop_consuming(struct bridge *b, int64_t deadline_ns);

/* Stops consuming, sends the outbox while the broker takes it, not later than deadline_ns, and
 * leaves the group. Rows that were not sent stay in the table for the next start. */
void bridge_stop(struct bridge *b, int64_t deadline_ns);

/* After jobs_close(), because it frees the table's listeners. Takes NULL, returns NULL. */
struct bridge *bridge_free(struct bridge *b);

/* ---- state ---- */

void bridge_health(struct bridge *b, struct bridge_health *ret_health);

/* Queries the broker for the state of the topics; see bridge/kafka/topics.h. Blocks for some
 * seconds at most. */
NODISCARD int bridge_topics(struct bridge *b, struct topics_view out[TOPICS_COUNT], struct err *e);
