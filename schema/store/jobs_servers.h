/* schema/store/jobs_servers.h - the servers that work on one table.
 *
 * Room     schema/store.
 * Owns     nothing.
 * Threads  any.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/base/text.h"

struct err;
struct jobs;

struct jobs_server {
    char instance[TEXT_ID_SIZE]; /* random id of its start */
    char host[80], version[24];
    int64_t slots;   /* how many submissions it judges at once */
    int64_t claims;  /* rows that it runs, or has taken to run next */
    int64_t seen_ms; /* since its last sign of life, by the clock of the table */
    bool over;       /* it has ended, or others have taken over its work */
    bool own;        /* this one */
};

/* Those that are not over first; those that are go after a day. A table in a file has one. The
 * caller frees *ret_servers. */
NODISCARD int jobs_servers(struct jobs *j, struct jobs_server **ret_servers, size_t *ret_len,
                           struct err *e);
