/* server/kafka.h - the bridge as the settings want it.
 *
 * Room     server.
 * Owns     nothing.
 * Threads  main's.
 * Errors   none.
 */
#pragma once

#include "bridge/bridge.h"

struct config;
struct languages;

/* KAFKA_BROKERS must be set. Borrows all for as long as the bridge lives. */
struct bridge_config kafka_settings(const struct config *c, const struct languages *languages,
                                    char *const *environment);
