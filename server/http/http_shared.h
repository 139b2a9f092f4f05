/* server/http/http_shared.h - what all requests of a daemon share. Private to server/http.
 *
 * Room     server/http.
 * Owns     its parts; daemon.c makes and frees them.
 * Threads  as in the header of each part; config and hosts do not change.
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
