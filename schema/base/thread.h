/* schema/base/thread.h - starts threads that get no signals, for the main thread handles all of
 * them; and names threads, for whoever looks at the process from outside.
 *
 * Threads  any.
 */
#pragma once

#include <pthread.h>

#include "schema/base/base.h"

/* As pthread_create() with default attributes: 0, or an errno value. */
NODISCARD int thread_start(pthread_t *ret_thread, void *(*fn)(void *arg), void *arg);

/* Names the calling thread, in at most 15 bytes. */
void thread_name(const char *name);
