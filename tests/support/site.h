/* tests/support/site.h - the real HTTP edge on a free port, over a job table of its own and without
 * an engine; what an engine would do is done by hand.
 *
 * Threads  the claims of rows are kept in one place: one thread claims and finishes at a time.
 */
#pragma once

#include "schema/store/jobs.h"
#include "server/api/api.h"
#include "server/config.h"
#include "server/http/principal.h"
#include "server/live/waiters.h"

struct site {
    char dir[100];
    struct config config;
    struct language_table *languages;
    struct jobs *jobs;
    struct waiters *waiters;
    struct hub *hub;
    struct stats *stats;
    struct api *api;
    int port;
};

/* What the server is told its engine is; a test that sets it owns it. */
extern struct engine *site_engine;
/* Who makes the requests. */
extern principal_fn *site_identify;
/* What the kernel keeps of answers that are not read, bytes; 0: what it likes. */
extern int site_unread;

/* settings: "NAME=value", NULL-terminated. kafka: somebody sends what is in the outbox. */
void site_open_with(struct site *f, const char *const *settings, int64_t reserve, bool kafka);
void site_open(struct site *f, const char *const *settings, int64_t reserve);
void site_close(struct site *f);

/* cmocka's set-up and tear-down, with default settings; *state is a struct site. */
int site_setup(void **state);
int site_teardown(void **state);

/* Claims the oldest queued row. Returns its number; id needs SUBMISSION_ID_MAX + 1 bytes. */
int64_t site_claim(const struct site *f, char *id);
/* The claim that is remembered for this row. */
int64_t *site_claim_of(int64_t seq);
void site_finish(const struct site *f, int64_t seq, const char *id);

/* Claims and finishes everything that is queued. */
void site_finish_all(const struct site *f);

/* Waits until so many clients wait. */
void site_await_waiting(const struct site *f, size_t n);
