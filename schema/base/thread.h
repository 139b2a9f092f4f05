/* schema/base/thread.h - threads to which no signal is delivered: those are the main thread's.
 *
 * Room     schema/base.
 * Threads  any.
 */
#pragma once

#include <pthread.h>

#include "schema/base/base.h"

/* As pthread_create() with default attributes: 0, or an errno value. */
NODISCARD int thread_start(pthread_t *ret_thread, void *(*fn)(void *arg), void *arg);
