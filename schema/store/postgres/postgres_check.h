/* schema/store/postgres/postgres_check.h - what an operator should know of a database: whether it
 * lets us in, what it promises, how much room it has.
 *
 * Room     schema/store/postgres.
 * Owns     nothing.
 * Threads  any; blocks for POSTGRES_CHECK_NS, and for 10 s where nothing answers. It has
 *          connections of its own and leaves nothing behind.
 * Errors   become findings.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/clock.h"
#include "schema/base/err.h"

#define POSTGRES_CHECK_NS          (5 * NS_PER_S)
#define POSTGRES_CHECK_CONNECTIONS 8 /* that one server needs */

struct postgres_check {
    struct err failed; /* ERR_NONE; else why there is no answer, and what is below is not known, or
                          (ERR_TIMEOUT) no commit ends */
    bool read_only;    /* it answers and only reads; known of one that failed too */
    bool pooled;     /* a pooler in between gives each transaction another session; only measured */
    int64_t version; /* as 150004 */
    bool is_utf8;    /* its encoding */
    bool may_create; /* tables, in the schema where ours are or would be */
    bool may_work;   /* on our tables; true when there are none */
    int64_t schema;  /* version of our tables; 0: there are none */
    bool too_new;    /* of a newer version of ours, which this one cannot work with */
    int64_t commit_us;                    /* median of a durable commit; -1: not measured */
    int64_t ahead_ms;                     /* of its clock to ours */
    int64_t connections, max_connections; /* in use; for those without special rights */
    bool fsync, full_page_writes;
    bool synchronous_commit; /* where nobody sets it otherwise, as our own connections do */
    bool has_standbys;       /* synchronous_standby_names names some */
};

/* measure: with a second connection it looks for a pooler, and it times some tens of commits, each
 * of an empty message in the write-ahead log. */
void postgres_check(const char *url, bool measure, struct postgres_check *ret_check);

/* Connects, and fails with ERR_SETTING where a pooler is in between that does not keep sessions;
 * else as db_connect(). For the start of a server. */
NODISCARD int postgres_check_sessions(const char *url, struct err *e);
