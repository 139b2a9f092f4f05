/* bridge/kafka/bridge_config.h - what the bridge is set to, and what it asks of the server.
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
    int64_t max_queued;            /* the job table's */
    int64_t prefetch;              /* KAFKA_PREFETCH: how many may wait in the table */
    struct submission_rules rules; /* refuse_unknown is ours: false */
};

struct bridge_hooks {
    /* `done` came, or the SCRIPT_EXPECTED-th script: nothing more is read, and the offsets of what
     * was are stored. Called once, on the consumer's thread. May be NULL. */
    void (*ended)(void *ctx);
    /* Whether this host can judge now; if not, why. Called on the consumer's thread; must not
     * block. NULL: always. */
    bool (*able)(void *ctx, char *why, size_t size);
    void *ctx;
};
