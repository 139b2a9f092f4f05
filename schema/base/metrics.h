/* schema/base/metrics.h - what the rooms count for GET /metrics: counters, and times in buckets.
 *
 * One table for the process: to add a metric, add its row here and count where it happens;
 * server/api/metrics_api.c writes all rows.
 *
 * Threads  any, without locks. Each number is read atomically, but not all at one moment.
 * Errors   none.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Rows with the same name must be adjacent; the first of them has the help text.
 *     enum                      name                        labels              help */
#define METRICS_COUNTERS(X)                                                                        \
    X(METRICS_FAULT_CELL, "scrc_faults_total", "kind=\"cell\"",                                    \
      "Attempts that a fault of ours ended, by what was at fault.")                                \
    X(METRICS_FAULT_HOST, "scrc_faults_total", "kind=\"host\"", "")                                \
    X(METRICS_FAULT_LANGUAGE, "scrc_faults_total", "kind=\"language\"", "")                        \
    X(METRICS_RETRIES, "scrc_retries_total", "",                                                   \
      "Attempts that went back to the queue after a fault of ours.")                               \
    X(METRICS_GIVEN_UP, "scrc_given_up_total", "",                                                 \
      "Submissions without a verdict after all attempts.")                                         \
    X(METRICS_RELEASED_BACK, "scrc_claims_released_total", "kind=\"given_back\"",                  \
      "Claims that ended without a report: given back, a fault of the cell or of the host, or "    \
      "their server died and this one has queued them again.")                                     \
    X(METRICS_RELEASED_CELL, "scrc_claims_released_total", "kind=\"cell\"", "")                    \
    X(METRICS_RELEASED_HOST, "scrc_claims_released_total", "kind=\"host\"", "")                    \
    X(METRICS_RELEASED_DIED, "scrc_claims_released_total", "kind=\"died\"", "")                    \
    X(METRICS_SERVERS_DIED, "scrc_servers_died_total", "",                                         \
      "Servers on the same table that this one has found dead.")                                   \
    X(METRICS_LEASES_LOST, "scrc_leases_lost_total", "",                                           \
      "Times that this server found itself taken for dead, and went on under another name.")       \
    X(METRICS_DOCKER_FAILED, "scrc_docker_failures_total", "",                                     \
      "Calls to Docker that got no answer.")                                                       \
    X(METRICS_CELLS_REMOVED, "scrc_cells_removed_total", "", "Containers removed.")                \
    X(METRICS_EVENTS_DROPPED, "scrc_event_streams_dropped_total", "",                              \
      "Event streams ended because their client did not read.")

/* Durations in seconds. */
#define METRICS_TIMERS(X)                                                                          \
    X(METRICS_QUEUE, "scrc_stage_duration_seconds", "stage=\"queue\"",                             \
      "Where the time of a submission goes; check is of each test.")                               \
    X(METRICS_BUILD, "scrc_stage_duration_seconds", "stage=\"build\"", "")                         \
    X(METRICS_RUN, "scrc_stage_duration_seconds", "stage=\"run\"", "")                             \
    X(METRICS_CHECK, "scrc_stage_duration_seconds", "stage=\"check\"", "")                         \
    X(METRICS_TOTAL, "scrc_submission_duration_seconds", "",                                       \
      "From accepted to final, of those that got a report.")                                       \
    X(METRICS_DOCKER_OTHER, "scrc_docker_call_duration_seconds", "call=\"other\"",                 \
      "Calls to Docker that were answered.")                                                       \
    X(METRICS_DOCKER_CREATE, "scrc_docker_call_duration_seconds", "call=\"create\"", "")           \
    X(METRICS_DOCKER_START, "scrc_docker_call_duration_seconds", "call=\"start\"", "")             \
    X(METRICS_DOCKER_UPDATE, "scrc_docker_call_duration_seconds", "call=\"update\"", "")           \
    X(METRICS_DOCKER_REMOVE, "scrc_docker_call_duration_seconds", "call=\"remove\"", "")           \
    X(METRICS_COMMIT, "scrc_table_commit_duration_seconds", "",                                    \
      "Transactions of the job table, from begin to durable.")

#define METRICS_ENUM(number, name, labels, help) number,
enum metrics_counter { METRICS_COUNTERS(METRICS_ENUM) METRICS_COUNTER_COUNT };
enum metrics_timer { METRICS_TIMERS(METRICS_ENUM) METRICS_TIMER_COUNT };
#undef METRICS_ENUM

struct metrics_row {
    const char *name, *labels; /* labels: "" or name="value" */
    const char *help;          /* of the first row of a name */
};
extern const struct metrics_row metrics_counters[METRICS_COUNTER_COUNT];
extern const struct metrics_row metrics_timers[METRICS_TIMER_COUNT];

/* ---- a histogram ---- */

#define METRICS_BUCKETS 20
/* Upper bounds in seconds, rising; there is one more bucket for larger values. */
extern const double metrics_bounds[METRICS_BUCKETS];

struct metrics_histogram {
    _Atomic int64_t buckets[METRICS_BUCKETS + 1], sum_ns;
};
/* Counts one duration. */
void metrics_take(struct metrics_histogram *h, int64_t ns);

/* ---- those of the process ---- */

void metrics_count(enum metrics_counter c);
void metrics_add(enum metrics_counter c, int64_t n);
int64_t metrics_counted(enum metrics_counter c);
void metrics_time(enum metrics_timer t, int64_t ns);
/* Borrowed, static. */
struct metrics_histogram *metrics_timed(enum metrics_timer t);
