/* bridge/bridge.h - Kafka on one side, the job table on the other.
 *
 *     bridge_open() --> bridge_start() --> bridge_stop_consuming() --> bridge_stop() -->
 * bridge_free()
 *
 *     consumer thread   topic    --> job table --> offsets committed
 *     relay threads     outbox   --> results and dead-letter topics --> rows gone
 *     lag thread        ends and committed offsets --> bridge_health()
 *
 * A broker that is away is a state and not an error: they wait for it.
 *
 * Room     bridge. Knows the job table and librdkafka; has never heard of HTTP or Docker.
 * Owns     its threads and their librdkafka handles.
 * Threads  main's; any: bridge_health(), bridge_topics(), bridge_adopt(), bridge_disown().
 * Errors   0, or -1 with *e filled. ERR_SETTING names the setting, and never a secret.
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

/* The settings alone, before anything is begun. */
NODISCARD int bridge_check(const struct bridge_config *c, struct err *e);

/* Makes the handles and listens to the table; before traffic starts, as the table's listeners must
 * be. No message is read yet. Borrows jobs, which must outlive bridge_stop(). */
NODISCARD int bridge_open(const struct bridge_config *c, struct jobs *jobs,
                          const struct bridge_hooks *hooks, struct bridge **ret_bridge,
                          struct err *e);
NODISCARD int bridge_start(struct bridge *b, struct err *e);

/* Takes nothing more. commit_reported: what was not begun goes back to Kafka, and offsets go on
 * being committed as reports are acknowledged. Otherwise waits until what was read is in the table,
 * stores its offsets and leaves the group, not later than deadline_ns (clock_mono_ns). After this
 * the hook `able` is not called any more. */
void bridge_stop_consuming(struct bridge *b, int64_t deadline_ns);

/* Drains, sends what is in the outbox while the broker takes it, not later than deadline_ns, and
 * leaves the group. What is left stays in the table for the next start. */
void bridge_stop(struct bridge *b, int64_t deadline_ns);

/* After jobs_close(), whose listeners it holds. Takes NULL, returns NULL. */
struct bridge *bridge_free(struct bridge *b);

/* A second table whose outbox is sent too (DATA_SLOTS). One at a time; bridge_disown() waits until
 * nothing of it is in flight. */
NODISCARD int bridge_adopt(struct bridge *b, struct jobs *jobs, struct err *e);
void bridge_disown(struct bridge *b);

/* ---- what it looks like from outside ---- */

void bridge_health(struct bridge *b, struct bridge_health *ret_health);

/* The topics as the broker has them now; see bridge/kafka/topics.h. Blocks for some seconds at
 * most. Any thread. */
NODISCARD int bridge_topics(struct bridge *b, struct topics_view out[TOPICS_COUNT], struct err *e);
