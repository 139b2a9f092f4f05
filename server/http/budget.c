#include "server/http/budget.h"

#include <netinet/in.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1 /* out of memory, an element is not added, and hh.tbl is NULL */
#include <uthash.h>

struct budget_record {
    struct budget_client who;
    int64_t held;
    UT_hash_handle hh;
};

void budget_init(struct budget *b, int64_t limit, int64_t share)
{
    *b = (struct budget){ .limit = limit, .share = share };
    pthread_mutex_init(&b->lock, NULL);
}

void budget_destroy(struct budget *b) { pthread_mutex_destroy(&b->lock); }

/* NULL out of memory. */
static struct budget_record *find_or_add_locked(struct budget *b, const struct budget_client *who)
{
    struct budget_record *r;

    HASH_FIND(hh, b->records, who, sizeof *who, r);
    if (r || !(r = calloc(1, sizeof *r)))
        return r;
    r->who = *who;
    HASH_ADD(hh, b->records, who, sizeof r->who, r);
    if (r->hh.tbl)
        return r;
    free(r);
    return NULL;
}

static void remove_record_locked(struct budget *b, struct budget_record *r)
{
    HASH_DEL(b->records, r);
    free(r);
}

bool budget_take(struct budget *b, const struct budget_client *who, int64_t n)
{
    pthread_mutex_lock(&b->lock);
    struct budget_record *r = find_or_add_locked(b, who);
    bool may = r && b->held + n <= b->limit && r->held + n <= b->share;
    if (may) {
        b->held += n;
        r->held += n;
    } else if (r && r->held == 0) {
        remove_record_locked(b, r);
    }
    pthread_mutex_unlock(&b->lock);
    return may;
}

void budget_return(struct budget *b, const struct budget_client *who, int64_t n)
{
    struct budget_record *r;

    if (n == 0)
        return;
    pthread_mutex_lock(&b->lock);
    HASH_FIND(hh, b->records, who, sizeof *who, r);
    b->held -= n;
    if (r && (r->held -= n) == 0)
        remove_record_locked(b, r);
    pthread_mutex_unlock(&b->lock);
}

struct budget_client budget_client_of(const struct sockaddr *address)
{
    const struct sockaddr_in *v4 = (const void *)address;
    const struct sockaddr_in6 *v6 = (const void *)address;
    struct budget_client who = { { 0 } };

    if (address && address->sa_family == AF_INET)
        memcpy(who.address + 12, &v4->sin_addr, 4);
    else if (address && address->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        memcpy(who.address + 12, v6->sin6_addr.s6_addr + 12, 4);
    else if (address && address->sa_family == AF_INET6)
        memcpy(who.address, &v6->sin6_addr, 8);
    return who;
}
