/* engine/queue/readiness.h - what can be judged now, why the rest cannot, and who waits for a
 * change.
 *
 *     a language:  PENDING --self-test--> OK --an image went away--> PENDING
 *                      \--------------> FAILED --tried again--> ...
 *
 * Only languages that are OK are claimed. Work of the others waits in the queue: it is accepted,
 * and a fault of this host is nobody's verdict.
 *
 * Room     engine/queue.
 * Owns     the plans, to the end: a worker may still use one that has been replaced.
 * Threads  any. No function blocks but the *_wait ones.
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

/* Takes the plan. False out of memory: then it is the caller's still. */
NODISCARD bool readiness_available(struct readiness *r, size_t index, struct toolchain *toolchain);
/* PENDING or FAILED, and why; images: both are on this host. */
void readiness_unavailable(struct readiness *r, size_t index, enum readiness_state state,
                           bool images, const char *why);
/* PENDING, and whoever waits with readiness_wait_ms() looks again. False: this plan is not the
 * published one any more, so that what went wrong with it says nothing. */
bool readiness_retest(struct readiness *r, size_t index, const struct toolchain *toolchain,
                      bool images, const char *why);
enum readiness_state readiness_state(struct readiness *r, size_t index);
/* Borrowed until readiness_free(); NULL when it is not OK. */
const struct toolchain *readiness_toolchain(struct readiness *r, const char *language,
                                            size_t *ret_index);
bool readiness_has_images(struct readiness *r);

/* ---- the whole host: Docker away, its disk full ---- */

/* True when it was not paused before, or, to resume, when it was. */
bool readiness_pause(struct readiness *r, const char *why);
bool readiness_resume(struct readiness *r);
/* Waits until it is paused, or for this long. False: stopping. */
bool readiness_wait_paused(struct readiness *r, int64_t ms);
bool readiness_paused(struct readiness *r);

/* ---- waiting ---- */

/* There is more work, for so many workers; or something can be judged that could not be before. */
void readiness_signal(struct readiness *r, size_t workers);
/* Names of what may be claimed, NULL-terminated, borrowed from the language table; none while
 * paused or stopping. Returns a ticket for readiness_wait(). */
uint64_t readiness_claimable(struct readiness *r, const char *ret_names[LANGUAGES_MAX + 1]);
/* Waits until something has changed since the ticket. False: stopping. */
bool readiness_wait(struct readiness *r, uint64_t version);
/* Waits for this long, or until something has changed since the ticket (readiness_version()) for
 * which readiness_wake() was called, or readiness_stop(). False: stopping. */
bool readiness_wait_ms(struct readiness *r, uint64_t version, int64_t ms);
/* Take it before looking at what may change: then no change between look and wait is missed. */
uint64_t readiness_version(struct readiness *r);
void readiness_wake(struct readiness *r);
/* Everybody stops waiting, nothing is claimable. */
void readiness_stop(struct readiness *r);
bool readiness_stopping(struct readiness *r);

/* ---- telling people ---- */

/* Why this language is not judged; "" when it is. language NULL: why nothing is. */
void readiness_reason(struct readiness *r, const char *language, char *out, size_t size);
/* New reference, or NULL out of memory. */
json_t *readiness_languages(struct readiness *r);
