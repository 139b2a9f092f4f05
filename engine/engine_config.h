/* engine/engine_config.h - the settings of the engine, and the callback for its events.
 *
 * Room     engine. Plain values that queue, judge, build, pool and host may include.
 * Owns     nothing; the texts are borrowed from the caller of engine_start().
 * Threads  constant from engine_start() to engine_stop(). on_event is called on worker threads.
 * Errors   none.
 */
#pragma once

#include <stdint.h>

#include "schema/model/verdict.h"

/* Progress of a submission, published while it is judged. Borrowed for the call, which must not
 * block. */
struct engine_event {
    int64_t seq;
    enum engine_event_kind { ENGINE_BUILDS, ENGINE_RUNS, ENGINE_TESTED } kind;
    /* only of ENGINE_TESTED; as in the report */
    int64_t number, duration_ms, cpu_time_ms, memory_bytes;
    enum verdict verdict;
    int exit_code;
    const char *signal; /* static; NULL: none */
};

struct engine_config {
    const char *docker_host, *cell_dir, *box; /* box: "auto", "namespaces", "inplace" */
    const char *runtime; /* Docker's name of the OCI runtime of cells; NULL: Docker's default */
    const char *instance;
    const char *version; /* of scrc, for produced_by */
    int64_t parallel;    /* 0: nothing is judged */
    int64_t default_time_ms, max_time_ms, default_memory_bytes, max_memory_bytes;
    int64_t output_bytes, report_output_bytes, report_bytes;
    int64_t build_time_ms, build_memory_bytes, build_artefact_bytes;
    int64_t build_cache_bytes;   /* on disk, beside the job table; 0: no cache */
    int64_t build_cache_keep_ms; /* a build is removed when unused for so long; 0: never */
    int64_t pids, cell_uses;
    /* called on worker threads; NULL: no events */
    void (*on_event)(void *ctx, const struct engine_event *event);
    void *event_ctx;
};
static inline void engine_notify(const struct engine_config *c, const struct engine_event *event)
{
    /* The self-test has a negative seq: no events of it. */
    if (c->on_event && event->seq > 0)
        c->on_event(c->event_ctx, event);
}
