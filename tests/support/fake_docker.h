/* tests/support/fake_docker.h - a Docker engine of the test's own, so that all of engine/ runs
 * without a container: a real HTTP server on a unix socket, which keeps what it was asked to
 * create, and for each started "container" a thread that is its agent on the cell's real socket.
 *
 *     fake_open() ... fake_refuse(), fake.on_run ... fake_close()
 *
 * What a "program" does is decided by fake.on_run, which sees its source. The build leaves the
 * source itself as the artefact, behind a line that makes it a program, so that the run sees it
 * too.
 *
 * Threads  the callbacks run in threads of the fake; they, and the test, call what is below.
 */
#pragma once

#include <jansson.h>
#include <poll.h>
#include <pthread.h>

#include "engine/agent/protocol.h"
#include "engine/cell/cell.h"
#include "engine/engine_config.h"
#include "schema/base/clock.h"
#include "tests/support/assert_err.h"

#define FAKE_WAIT_NS    (60 * NS_PER_S)
#define FAKE_RULES      8
#define FAKE_CONTAINERS 256

/* One command as its agent sees it, and what the agent is to answer. */
struct fake_run {
    const struct agent_run *order;
    const char *argv0, *name; /* name: the container's */
    char source[4096], input[4096];
    /* The answer; as it is given to on_run, the program prints what every hello does. */
    const char *out, *err;
    int status; /* as of wait() */
    int exec_errno;
    uint32_t limit, oom_kills, pids_hits;
    int64_t cpu_ns, memory_bytes;
    enum agent_collected collected; /* of a build that exits 0 */
    enum fake_way {
        FAKE_ANSWERS,
        FAKE_HANGS_UP, /* the agent dies */
        FAKE_FAULT,    /* it says that it is of no more use */
        FAKE_SILENT,   /* it never answers */
        FAKE_HOLDS     /* it answers after fake_release() */
    } way;
};

struct fake_rule {
    const char *method, *part; /* of the path */
    int status;                /* 0: no answer until the client has gone */
    int times;                 /* how often, -1: always */
    const char *message;
};

struct fake_container {
    char name[80];
    json_t *body; /* owned */
    bool removed, running;
    pthread_t agent;
    bool has_agent;
};

struct fake {
    char dir[64], path[96], host[112], cells[96];
    int listener;
    pthread_t thread;
    struct cell_host cell_host;
    struct engine_config config;
    void (*on_run)(struct fake_run *run);                     /* NULL: hello */
    bool (*on_prove)(const char *name);                       /* NULL: clean */
    void (*on_request)(const char *method, const char *path); /* before it is answered */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* guarded by lock */
    struct fake_rule rules[FAKE_RULES];
    struct fake_container containers[FAKE_CONTAINERS];
    size_t containers_len;
    pthread_t clients[FAKE_CONTAINERS * 4];
    size_t clients_len;
    /* of clients and agents, as long as somebody reads them */
    int connections[FAKE_CONTAINERS * 5];
    size_t connections_len;
    int64_t created, removed, updated, pinged, inspected, runs, held, proved;
    int released;
    const char *image_id; /* what every image is; NULL: by its name */
};

extern struct fake fake;

/* cmocka's set-up and tear-down. fake_close() is called after everything of ours has let go of the
 * fake: every connection has ended. It fails when one is left, as by a test that failed before it
 * could end what it began, or a container. */
int fake_open(void **state);
int fake_close(void **state);
#define ON_FAKE(test) cmocka_unit_test_setup_teardown(test, fake_open, fake_close)

/* A request whose path has this part is answered so. times 0 takes the rule away. */
void fake_refuse(const char *method, const char *part, int status, int times, const char *message);

/* What every image's id is from now on; NULL: each its own. */
void fake_image(const char *id);

/* Everything that is held answers, now and later. */
void fake_release(void);
/* From now on what is to be held is held. */
void fake_hold_again(void);

/* One of the fake's counters, read with its lock held. */
int64_t fake_count(const int64_t *number);

/* Waits until the condition holds, which is looked at with the lock held. */
#define FAKE_AWAIT(condition)                                                                      \
    do {                                                                                           \
        int64_t until_ = clock_mono_ns() + FAKE_WAIT_NS;                                           \
        (void)pthread_mutex_lock(&fake.lock);                                                      \
        while (!(condition) && clock_cond_wait(&fake.changed, &fake.lock, until_))                 \
            ;                                                                                      \
        bool held_ = (condition);                                                                  \
        (void)pthread_mutex_unlock(&fake.lock);                                                    \
        if (!held_)                                                                                \
            fail_msg("not in time: %s", #condition);                                               \
    } while (0)

/* The same for what is not guarded by the fake's lock. */
#define FAKE_UNTIL(condition)                                                                      \
    do {                                                                                           \
        int64_t until_ = clock_mono_ns() + FAKE_WAIT_NS;                                           \
        while (!(condition) && clock_mono_ns() < until_)                                           \
            (void)poll(NULL, 0, 2);                                                                \
        if (!(condition))                                                                          \
            fail_msg("not in time: %s", #condition);                                               \
    } while (0)
