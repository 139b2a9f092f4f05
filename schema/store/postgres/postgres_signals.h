/* schema/store/postgres/postgres_signals.h - texts for the other servers, as payloads on the
 * channel of the bell: a server's own mark, a space, the text. The bell itself has no payload.
 *
 * Room     schema/store/postgres.
 * Owns     the texts that wait.
 * Threads  postgres_signals_add() any; the rest the one of the connection.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "schema/base/base.h"
#include "schema/base/text.h"

struct db;
struct err;

#define POSTGRES_SIGNALS_MAX 8 /* wait at most */

struct postgres_signals {
    char own[TEXT_ID_SIZE]; /* our mark */
    pthread_mutex_t lock;
    /* guarded by lock */
    char *waiting[POSTGRES_SIGNALS_MAX]; /* owned */
    size_t len;
};

void postgres_signals_init(struct postgres_signals *s);
void postgres_signals_clear(struct postgres_signals *s);

/* Copies the text. False: it is lost, for too many wait or there is no memory. */
bool postgres_signals_add(struct postgres_signals *s, const char *text);

/* Sends those that wait, without a flush of the database's log. */
NODISCARD int postgres_signals_send(struct postgres_signals *s, struct db *d, const char *channel,
                                    struct err *e);

/* One notification; the bell has the payload "". Its transaction does not wait for a flush, for
 * which it would hold a lock of the whole cluster. */
NODISCARD int postgres_signals_notify(struct db *d, const char *channel, const char *payload,
                                      struct err *e);

/* The text in a payload that another server has sent; NULL: it is the bell, or our own. */
const char *postgres_signals_open(const struct postgres_signals *s, const char *payload);
