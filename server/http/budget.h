/* server/http/budget.h - limits what all requests, and those of one client, may hold together:
 * bytes of bodies and of answers, event streams. A client is an IPv4 address or an IPv6 network of
 * 64 bits.
 *
 * Room     server/http. Knows nothing of HTTP.
 * Owns     one record for each client that holds something.
 * Threads  any.
 * Errors   out of memory is a refusal (false).
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

struct sockaddr;

struct budget_client {
    unsigned char address[16];
};

struct budget {
    pthread_mutex_t lock;
    int64_t limit, share;

    /* guarded by lock */
    int64_t held;
    struct budget_record *records; /* by client */
};

/* limit: for all clients together; share: for one client. In the unit of budget_take()'s n. */
void budget_init(struct budget *b, int64_t limit, int64_t share);
/* Only when all is returned. */
void budget_destroy(struct budget *b);

/* False, and nothing is taken, when that would exceed the limit or the share. */
NODISCARD bool budget_take(struct budget *b, const struct budget_client *who, int64_t n);
void budget_return(struct budget *b, const struct budget_client *who, int64_t n);

/* NULL and addresses that are not IP all count as one client. */
struct budget_client budget_client_of(const struct sockaddr *address);
