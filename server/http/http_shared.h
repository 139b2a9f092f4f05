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
    struct deadlines *deadlines; /* owned */
    struct traffic *traffic;     /* owned */
    struct executor *executor;   /* owned */
    struct in_flight in_flight;
    struct resume_batch resume_batch;
    struct budget bodies, answers; /* bytes */
    struct budget streams;
};
