/* tests/support/fake_parts.h - what the files of the fake Docker share and no test needs.
 *
 * Threads  any; a name that ends in _locked needs fake.lock.
 */
#pragma once

#include <jansson.h>

#include "tests/support/fake_docker.h"

struct fake_answer {
    int status;   /* 0: none, the client waits in vain */
    json_t *body; /* owned; NULL: empty */
};

/* fake_docker.c. A connection that the caller reads from now on, and no longer: before it closes
 * fd. */
void fake_connected(int fd);
void fake_disconnected(int fd);

/* fake_faults.c. The answer that a rule has for this request, and one use of the rule less; a
 * status of -1 where there is no rule. */
struct fake_answer fake_fault_locked(const char *method, const char *path);

/* Counts one more, and wakes who waits for it. */
void fake_add(int64_t *number);
void fake_changed_locked(void);

/* Holds the agent whose connection fd is until fake_release(). False: the server hung up first. */
bool fake_hold(int fd);

/* fake_routes.c. What Docker would answer. */
struct fake_answer fake_route_locked(const char *method, const char *path, const char *body);

/* fake_agent.c. The thread of a container's agent; arg is its struct fake_container. */
void *fake_agent_main(void *arg);

/* fake_server.c. The thread that accepts, one more thread for each client. */
void *fake_server_main(void *arg);
