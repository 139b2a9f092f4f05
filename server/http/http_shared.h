/* server/http/http_shared.h - what all requests of a daemon share. For the daemon's own files.
 *
 * Room     server/http.
 * Owns     all of it; http.c makes it and takes it apart.
 * Threads  each part says.
 */
#pragma once

#include "server/http/budget.h"
#include "server/http/hosts.h"
#include "server/http/http_config.h"
#include "server/http/in_flight.h"
#include "server/http/resume_batch.h"

struct executor;
struct deadlines;
struct traffic;

struct http_shared {
    struct http_config config;
    struct hosts hosts;
    struct deadlines *connections; /* owned */
    struct traffic *traffic;       /* owned */
    struct executor *aside;        /* owned */
    struct in_flight gate;
    struct resume_batch crowd;
    struct budget bodies, answers; /* bytes */
    struct budget streams;
};
