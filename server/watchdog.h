/* server/watchdog.h - tells the service manager that the server is ready, alive, and stopping.
 *
 *     READY=1                 it listens and has its table: what it accepts from now on is kept
 *     STATUS=...              whether it judges, and why not; `systemctl status` shows it
 *     WATCHDOG=1              the table's writer and the engine's supervisor have come round since
 *                             the last one: a manager that misses it starts us anew
 *     STOPPING=1
 *
 * A Docker or a database that is away stops no beat, as a new start would not bring it back.
 *
 * Room     server.
 * Owns     its thread, from watchdog_start() to watchdog_free().
 * Threads  the main thread.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include "schema/base/base.h"

struct engine;
struct err;
struct jobs;
struct watchdog;

/* Sends READY=1 and begins to beat. Borrows both until watchdog_stopping(). NULL in *ret_watchdog:
 * there is no manager to tell. */
NODISCARD int watchdog_start(struct jobs *j, struct engine *g, struct watchdog **ret_watchdog,
                             struct err *e);

/* Sends STOPPING=1. From now on it beats whatever happens: how long an end may take is another
 * limit of the manager's. Takes NULL. */
void watchdog_stopping(struct watchdog *w);

/* Takes NULL, returns NULL. */
struct watchdog *watchdog_free(struct watchdog *w);
