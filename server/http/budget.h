/* server/http/budget.h - something that requests hold and there is only so much of: bytes of bodies
 * and answers, places for streams. Of each a client may have a share, so that one cannot take what
 * all need. A client is an address; of IPv6 its network of 64 bits.
 *
 * Room     server/http. Has never heard of HTTP.
 * Owns     one record for each client that holds something.
 * Threads  any.
 * Errors   out of memory is a refusal.
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

/* limit: for all together; share: for one client. In whatever unit is taken. */
void budget_init(struct budget *b, int64_t limit, int64_t share);
/* When all is returned. */
void budget_destroy(struct budget *b);

/* False: nothing is taken, because it would be more than the limit or the share. */
NODISCARD bool budget_take(struct budget *b, const struct budget_client *who, int64_t n);
void budget_return(struct budget *b, const struct budget_client *who, int64_t n);

/* NULL, or of a family that is not IP: all such are one client. */
struct budget_client budget_client_of(const struct sockaddr *address);
