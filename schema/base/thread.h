/* schema/base/thread.h - starts threads that get no signals: the main thread handles all of them.
 *
 * Threads  any.
 */
#pragma once

#include <pthread.h>

#include "schema/base/base.h"

/* As pthread_create() with default attributes: 0, or an errno value. */
NODISCARD int thread_start(pthread_t *ret_thread, void *(*fn)(void *arg), void *arg);
