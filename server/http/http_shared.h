/* server/http/http_shared.h - what all requests of a daemon share. For the daemon's own files.
 *
 * Room     server/http.
 * Owns     all of it; http.c makes it and takes it apart.
 * Threads  each part says.
 */
#pragma once

#include "server/http/budget.h"
#include "server/http/crowd.h"
#include "server/http/gate.h"
#include "server/http/hosts.h"
#include "server/http/http_config.h"

struct aside;
struct connections;
struct traffic;

struct http_shared {
    struct http_config config;
    struct hosts hosts;
    struct connections *connections; /* owned */
    struct traffic *traffic;         /* owned */
    struct aside *aside;             /* owned */
    struct gate gate;
    struct crowd crowd;
    struct budget bodies, answers; /* bytes */
    struct budget streams;
};
