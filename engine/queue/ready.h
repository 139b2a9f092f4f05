/* engine/queue/ready.h - what can be judged now, why the rest cannot, and who waits for a change.
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

#include "engine/build/plan.h"
#include "engine/language/language.h"
#include "schema/base/base.h"

struct err;
struct ready;

enum ready_state { READY_PENDING, READY_OK, READY_FAILED };

NODISCARD int ready_open(const struct languages *l, struct ready **ret_ready, struct err *e);
struct ready *ready_free(struct ready *r);
DEFINE_CLEANUP(struct ready, ready_free)

/* ---- languages; index as in struct languages ---- */

/* Takes the plan. False out of memory: then it is the caller's still. */
NODISCARD bool ready_publish(struct ready *r, size_t index, struct plan *p);
/* PENDING or FAILED, and why; images: both are on this host. */
void ready_withdraw(struct ready *r, size_t index, enum ready_state state, bool images,
                    const char *why);
/* PENDING, and whoever waits with ready_wait_ms() looks again. False: this plan is not the
 * published one any more, so that what went wrong with it says nothing. */
bool ready_doubt(struct ready *r, size_t index, const struct plan *p, bool images, const char *why);
enum ready_state ready_state(struct ready *r, size_t index);
/* Borrowed until ready_free(); NULL when it is not OK. */
const struct plan *ready_plan(struct ready *r, const char *language, size_t *ret_index);
bool ready_has_images(struct ready *r);

/* ---- the whole host: Docker away, its disk full ---- */

/* True when it was not paused before, or, to resume, when it was. */
bool ready_pause(struct ready *r, const char *why);
bool ready_resume(struct ready *r);
/* Waits until it is paused, or for this long. False: stopping. */
bool ready_wait_paused(struct ready *r, int64_t ms);
bool ready_paused(struct ready *r);

/* ---- waiting ---- */

/* There is more work, for so many workers; or something can be judged that could not be before. */
void ready_signal(struct ready *r, size_t workers);
/* Names of what may be claimed, NULL-terminated, borrowed from the language table; none while
 * paused or stopping. Returns a ticket for ready_wait(). */
uint64_t ready_claimable(struct ready *r, const char *ret_names[LANGUAGES_MAX + 1]);
/* Waits until something has changed since the ticket. False: stopping. */
bool ready_wait(struct ready *r, uint64_t ticket);
/* Waits for this long, or until something has changed since the ticket (ready_poked()) for which
 * ready_poke() was called, or ready_stop(). False: stopping. */
bool ready_wait_ms(struct ready *r, uint64_t ticket, int64_t ms);
/* Take it before looking at what may change: then no change between look and wait is missed. */
uint64_t ready_poked(struct ready *r);
void ready_poke(struct ready *r);
/* Everybody stops waiting, nothing is claimable. */
void ready_stop(struct ready *r);
bool ready_stopping(struct ready *r);

/* ---- telling people ---- */

/* Why this language is not judged; "" when it is. language NULL: why nothing is. */
void ready_reason(struct ready *r, const char *language, char *out, size_t size);
/* New reference, or NULL out of memory. */
json_t *ready_languages(struct ready *r);
