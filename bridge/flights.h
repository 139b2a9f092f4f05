/* bridge/flights.h - the rows of the outbox that are on their way.
 *
 *     flights_begin() --> FLYING --> flights_land(): LANDED --> flights_clear_landed(): gone
 *                            \--> flights_fail(): gone, to be read again
 *
 * Pure.
 *
 * Room     bridge.
 * Owns     its table.
 * Threads  none of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base.h"
#include "schema/outbox.h"

#define FLIGHTS_MAX 1024

enum flight_state { FLIGHT_FREE, FLIGHT_FLYING, FLIGHT_LANDED };

struct flight {
    enum flight_state state;
    int64_t number;
    enum outbox_kind kind;
    size_t topic; /* 0 results, 1 dead letters */
    size_t bytes; /* as sent */
    bool alone;   /* nothing else flew when it was sent, nor since */
    bool sent;    /* LANDED: the broker has it; false: it never will, and the row goes as well */
    int32_t partition;
    int64_t offset;
};

struct flights {
    struct flight rows[FLIGHTS_MAX];
    size_t free_hint;
    size_t flying[2], landed; /* flying: of each topic */
};

/* NULL when there is no place. */
struct flight *flights_begin(struct flights *f, int64_t number, size_t topic);
void flights_land(struct flights *f, struct flight *x);
void flights_fail(struct flights *f, struct flight *x);

bool flights_has(const struct flights *f, int64_t number);
size_t flights_count(const struct flights *f); /* flying and landed */

/* Numbers of what has landed; numbers has FLIGHTS_MAX places. */
size_t flights_landed(const struct flights *f, int64_t *numbers);
void flights_clear_landed(struct flights *f);
