/* engine/queue/selftest.h - makes languages ready and proves it: hello is built, run and judged.
 *
 * A thread of its own: images are looked for and, where they are missing, pulled; caches are made;
 * memory allowances are measured. What is OK is published in struct readiness; what is not is tried
 * again, ever more seldom. An image that changes under its name is seen at the next start.
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

/* All borrowed. */
struct selftest_config {
    const struct engine_config *engine;
    const struct language_table *languages;
    const struct cell_host *host;
    struct pool *pool;
    struct readiness *readiness;
};

NODISCARD int selftest_start(const struct selftest_config *c, struct selftest **ret_selftest,
                             struct err *e);

/* Ends what it is doing, also a call to Docker, and waits; after readiness_stop(). Takes NULL,
 * returns NULL. */
struct selftest *selftest_stop(struct selftest *t);
