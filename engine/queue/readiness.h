/* engine/queue/readiness.h - which languages can be judged now, why the others cannot, and waiting
 * for a change of that.
 *
 *     a language:  PENDING --self-test--> OK --an image is missing--> PENDING
 *                      \--------------> FAILED --tried again--> ...
 *
 * Only rows in a language that is OK are claimed. The others wait in the queue: they are accepted,
 * and a fault of this host never becomes a verdict.
 *
 * Room     engine/queue.
 * Owns     all toolchains that were ever available, until readiness_free(): a worker may still use
 *          one that was replaced.
 * Threads  any. Only the *_wait functions block.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/build/toolchain.h"
#include "engine/language/language.h"
#include "schema/base/base.h"

struct err;
struct readiness;

enum readiness_state { READINESS_PENDING, READINESS_OK, READINESS_FAILED };

NODISCARD int readiness_open(const struct language_table *l, struct readiness **ret_readiness,
                             struct err *e);
struct readiness *readiness_free(struct readiness *r);
DEFINE_CLEANUP(struct readiness, readiness_free)

/* ---- languages; index as in struct language_table ---- */

/* Makes the language OK with this toolchain, and takes it. False: out of memory, and it still
 * belongs to the caller. */
NODISCARD bool readiness_available(struct readiness *r, size_t index, struct toolchain *toolchain);
/* Makes the language PENDING or FAILED, with the reason. images: both are on this host. */
void readiness_unavailable(struct readiness *r, size_t index, enum readiness_state state,
                           bool images, const char *why);
/* Makes the language PENDING and wakes the self-test. False: the toolchain was replaced
 * meanwhile, so its fault does not count for the new one. */
bool readiness_retest(struct readiness *r, size_t index, const struct toolchain *toolchain,
                      bool images, const char *why);
enum readiness_state readiness_state(struct readiness *r, size_t index);
/* Borrowed until readiness_free(); NULL when the language is not OK. */
const struct toolchain *readiness_toolchain(struct readiness *r, const char *language,
                                            size_t *ret_index);
bool readiness_has_images(struct readiness *r);

/* ---- the whole host: no Docker, a full disk ---- */

/* True when this changed something. */
bool readiness_pause(struct readiness *r, const char *why);
bool readiness_resume(struct readiness *r);
/* Waits until judging is paused, or for this long. False: stopping. */
bool readiness_wait_paused(struct readiness *r, int64_t ms);
bool readiness_paused(struct readiness *r);

/* ---- waiting ---- */

/* Wakes so many workers: rows were queued. */
void readiness_signal(struct readiness *r, size_t workers);
/* Names of the languages that may be claimed, NULL-terminated, borrowed from the language table;
 * none while paused or stopping. Returns a version for readiness_wait(). */
uint64_t readiness_claimable(struct readiness *r, const char *ret_names[LANGUAGES_MAX + 1]);
/* Waits until something has changed since this version. False: stopping. */
bool readiness_wait(struct readiness *r, uint64_t version);
/* Waits for this long, or until readiness_retest() or readiness_stop() was called since this
 * version (readiness_version()). False: stopping. */
bool readiness_wait_ms(struct readiness *r, uint64_t version, int64_t ms);
/* To be read before the state that it belongs to: then no change in between is missed. */
uint64_t readiness_version(struct readiness *r);
/* Ends all waits; nothing can be claimed any more. */
void readiness_stop(struct readiness *r);
bool readiness_stopping(struct readiness *r);

/* ---- for clients ---- */

/* Writes to out why this language is not judged; "" when it is. language NULL: why nothing is. */
void readiness_reason(struct readiness *r, const char *language, char *out, size_t size);
/* New reference, or NULL out of memory. */
json_t *readiness_languages(struct readiness *r);
