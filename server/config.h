/* server/config.h - all settings: name, type, bounds, default, help.
 *
 * The parser, `scrc --help` and the tests use the one table in config.c.
 *
 * Room     server.
 * Owns     the strings of a struct config, until config_clear().
 * Threads  filled at the start, and does not change afterwards.
 * Errors   0, or -1 with *e filled (ERR_SETTING).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "schema/base/base.h"

struct err;

struct config {
    /* strings are owned; NULL when not set and without a default */
    char *http_listen, *allowed_hosts, *data_dir, *store, *docker_host, *cell_dir, *languages_dir,
        *languages;
    char *runner_runtime;
    char *isolation; /* SCRC_BOX, for tests: the isolation mode */
    int64_t runner_max_parallel, runner_time_limit_ms, runner_memory_limit;
    int64_t max_time_limit_ms, max_memory_limit, max_tests, max_source_bytes, max_body_bytes;
    int64_t max_output_bytes, report_output_bytes, report_bytes, max_queued, retention_ms;
    int64_t runner_cell_uses, runner_pids_limit;
    int64_t build_time_limit_ms, build_memory_limit, build_artefact_bytes, build_cache_bytes;
    int64_t lease_timeout_ms;
    int64_t max_header_bytes, max_json_depth, max_connections, max_connections_per_address;
    int64_t request_timeout_ms, shutdown_timeout_ms;
    int64_t runner_status_set; /* enum status_set */
    int64_t default_checker;   /* enum checker_kind */
    int64_t log_level;         /* enum log_level */
    bool log_json, report_test_io, allow_anonymous;
    /* Kafka is on when kafka_brokers is set */
    char *kafka_brokers, *kafka_topic, *kafka_group_id, *kafka_results_topic;
    char *kafka_dead_letter_topic; /* NULL: named after kafka_topic */
    int64_t script_expected;
    int64_t kafka_prefetch;
    bool kafka_publish_http, kafka_commit_reported, kafka_ignore_done;
    struct {
        char *image, *run_image, *workdir;
    } language[5]; /* in the order of config_languages */
};
extern const char *const config_languages[5]; /* "python" "go" "c" "cpp" "java" */

/* Reads the environment; a variable that is set but empty counts as not set. ERR_SETTING names the
 * setting, its value and what would be legal. Release with config_clear(). */
NODISCARD int config_load(char *const *environment, struct config *ret_config, struct err *e);
void config_clear(struct config *c);

/* Calls report() for each variable whose name differs little from one of ours, `meant`. */
typedef void config_near_miss_fn(void *ctx, const char *name, const char *meant);
void config_near_misses(char *const *environment, config_near_miss_fn *report, void *ctx);

/* scrc --help: the table of settings. */
void config_print_help(FILE *f);

/* The i-th setting, for people. False after the last. */
struct config_described {
    const char *name, *normal, *help; /* static; normal: the default, or NULL */
    char legal[120];                  /* "a number, 1 to 1000" */
};
bool config_describe(size_t i, struct config_described *ret_described);

/* The i-th setting and its value. False after the last. Clients may read all values, so a secret
 * must be in a file, and the setting is its path; STORE is shown without its password. */
struct config_shown {
    const char *name, *normal, *help; /* static; normal: the default, or NULL */
    bool has_value, is_set;           /* is_set: it differs from the default */
    char value[1024];
};
bool config_show(const struct config *c, size_t i, struct config_shown *ret_shown);

/* The name of the i-th setting; NULL after the last. For tests and documents. */
const char *config_name(size_t i);
