/* engine/queue/selftest.h - prepares each language and tests it: hello is built, run and judged.
 *
 * In a thread of its own it looks for images, pulls missing ones, fills caches and measures the
 * memory overhead. A language that passes is made available in struct readiness; one that fails is
 * tried again, at growing intervals, and so is one that is slower than it could be, while it is
 * judged with. An image that was replaced under its name is used from the next start.
 *
 * Room     engine/queue.
 * Owns     its thread, from selftest_start() to selftest_stop().
 * Threads  any.
 */
#pragma once

#include "engine/language/language.h"
#include "schema/base/base.h"

struct cell_host;
struct engine_config;
struct err;
struct pool;
struct readiness;
struct selftest;

/* All borrowed until selftest_stop(). */
struct selftest_config {
    const struct engine_config *engine;
    const struct language_table *languages;
    const struct cell_host *host;
    struct pool *pool;
    struct readiness *readiness;
};

NODISCARD int selftest_start(const struct selftest_config *c, struct selftest **ret_selftest,
                             struct err *e);

/* To be called after readiness_stop(). Aborts what the thread is doing, also a call to Docker,
 * and joins it. Takes NULL, returns NULL. */
struct selftest *selftest_stop(struct selftest *t);
