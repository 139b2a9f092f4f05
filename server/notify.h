/* server/notify.h - tells a service manager how we are: datagrams to NOTIFY_SOCKET, the protocol of
 * sd_notify(3), which is too small for a library that every host would need.
 *
 * Room     server.
 * Owns     nothing.
 * Threads  any.
 * Errors   none: without a manager, or when it does not listen, nothing is sent.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Is there somebody to tell? */
bool notify_is_wanted(void);

/* How often WATCHDOG=1 has to come, in ns (WATCHDOG_USEC); 0: it is not wanted. */
int64_t notify_watchdog_ns(void);

/* text: lines NAME=VALUE. Does not block. */
void notify_send(const char *text);
