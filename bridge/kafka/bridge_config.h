/* bridge/kafka/bridge_config.h - the bridge's settings, and the functions of the server that it
 * calls.
 *
 * Room     bridge/kafka. Plain values.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/model/submission.h"
#include "schema/model/verdict.h"

/* All borrowed until bridge_free(). */
struct bridge_config {
    const char *brokers, *topic, *group_id, *results_topic;
    const char *dead_letter_topic; /* NULL: "<topic>.dead-letter" */
    char *const *environment;      /* where KAFKA_PROP_* is looked up; NULL-terminated */
    bool commit_reported;          /* KAFKA_COMMIT=reported */
    bool ignore_done;
    int64_t expected;              /* SCRIPT_EXPECTED; 0: no end */
    enum status_set set;           /* RUNNER_STATUS_SET; BY_EDGE counts as SCRC here */
    bool test_io;                  /* REPORT_TEST_IO */
    int64_t max_body_bytes;        /* of one message */
    int64_t max_queued;            /* MAX_QUEUED of the job table */
    int64_t prefetch;              /* KAFKA_PREFETCH: how many rows may be queued */
    struct submission_rules rules; /* refuse_unknown is ignored: always false */
};

struct bridge_hooks {
    /* Called once, on the consumer's thread, after `done` or the SCRIPT_EXPECTED-th submission: no
     * more is read, and the offsets of all that was read are stored. May be NULL. */
    void (*ended)(void *ctx);
    /* Returns whether this host can judge now; if not, writes the reason to `why`. Called on the
     * consumer's thread; must not block. NULL: it always can. */
    bool (*able)(void *ctx, char *why, size_t size);
    void *ctx;
};
