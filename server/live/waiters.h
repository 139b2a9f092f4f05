/* server/live/waiters.h - requests that wait for a job to become final, without a thread each.
 *
 *     waiters_add() --> WAITING --+-- the job became final  --> wake(), WAITER_FINAL
 *                                 +-- its time is up        --> wake(), WAITER_TIME
 *                                 +-- the client hung up    --> wake(), WAITER_GONE
 *                                 +-- the server stops      --> wake(), WAITER_STOP
 *
 * Room     server/live. Knows nothing of HTTP: a waiter is a row, a deadline and a socket.
 * Owns     a waiter from waiters_add() until wake, which is called exactly once; one thread.
 * Threads  any. wake is called on any thread, without a lock held.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define HASH_NONFATAL_OOM 1 /* a map that cannot grow refuses the one element */
#include <uthash.h>

#include "schema/base/base.h"

#define WAITER_REPORT_MAX (64 * KIB) /* a larger report is not copied for a waiter */

struct err;
struct jobs_change;
struct waiters;
struct waiters_job;

enum waiter_why { WAITER_FINAL, WAITER_TIME, WAITER_GONE, WAITER_STOP };

struct waiter {
    int64_t seq;         /* the job's row */
    int64_t deadline_ns; /* clock_mono_ns */
    int fd;              /* socket, watched for a hang-up of the client; borrowed */
    void (*wake)(struct waiter *w);
    enum waiter_why why; /* set before wake */
    /* Set before wake, and the caller's from then on; NULL: not WAITER_FINAL, or it is to be read.
     */
    char *report; /* as stored */
    size_t report_len;

    /* the rest is private to waiters.c */
    uint64_t number;
    struct waiters_job *job;
    struct waiter *prev, *next;
    size_t heap_index;
    UT_hash_handle hh;
};

/* Starts the thread. */
NODISCARD int waiters_open(struct waiters **ret_waiters, struct err *e);

/* Afterwards the caller reads the job's state again and calls waiters_wake() if it is final,
 * because a change before waiters_add() wakes nobody. ERR_CANCELLED after waiters_stop(). */
NODISCARD int waiters_add(struct waiters *ws, struct waiter *w, struct err *e);

/* Wakes all who wait for the job. */
void waiters_wake(struct waiters *ws, int64_t seq);

/* A jobs_listener_fn; ctx is the struct waiters. */
void waiters_changed(void *ctx, const struct jobs_change *changes, size_t len);

/* Wakes all waiters; waiters_add() fails from now on. */
void waiters_stop(struct waiters *ws);

size_t waiters_count(struct waiters *ws);

/* After waiters_stop(). Takes NULL, returns NULL. */
struct waiters *waiters_free(struct waiters *ws);
