/* engine/queue/selftest_language.h - prepares one language: finds its images, fills its caches,
 * builds, runs and judges hello with the plain commands, then with what makes them faster.
 *
 * Room     engine/queue.
 * Owns     nothing; the toolchain belongs to the caller, and its classes are in the pool.
 * Threads  one for each lease.
 */
#pragma once

#include <stdbool.h>

#include "schema/base/base.h"

struct err;
struct language;
struct lease;
struct toolchain;

/* Between lease_begin() and lease_end(). What would only make the language faster and does not work
 * is logged, and the toolchain is marked `incomplete`. -1: the language cannot be judged with. */
NODISCARD int selftest_language(struct lease *lease, const struct language *language,
                                struct toolchain **ret_toolchain, struct err *e);

/* False when the host failed, not the language: then all of it is tried again later. */
bool selftest_is_of_language(const struct err *e);
