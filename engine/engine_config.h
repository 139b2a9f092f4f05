/* engine/engine_config.h - the settings of the engine, and the callback for its events.
 *
 * Room     engine. Plain values below queue, judge, build, pool and host, which may include it.
 * Owns     nothing; its texts are borrowed from whoever starts the engine.
 * Threads  constant from engine_start() to engine_stop(). on_event is called on worker threads.
 * Errors   none.
 */
#pragma once

#include <stdint.h>

#include "schema/model/verdict.h"

/* What a worker notes of a submission at once, long before its report. Borrowed for the call, which
 * must not block. */
struct engine_event {
    int64_t seq;
    enum engine_event_kind { ENGINE_BUILDS, ENGINE_RUNS, ENGINE_TESTED } kind;
    /* ENGINE_TESTED: as in the report */
    int64_t number, duration_ms, cpu_time_ms, memory_bytes;
    enum verdict verdict;
    int exit_code;
    const char *signal; /* static; NULL: none */
};

struct engine_config {
    const char *docker_host, *cell_dir, *box; /* box: "auto", "namespaces", "inplace" */
    const char *instance;
    const char *version; /* of scrc, for produced_by */
    int64_t parallel;    /* 0: judges nothing */
    int64_t default_time_ms, max_time_ms, default_memory_bytes, max_memory_bytes;
    int64_t output_bytes, report_output_bytes, report_bytes;
    int64_t build_time_ms, build_memory_bytes, build_artefact_bytes;
    int64_t build_cache_bytes;   /* beside the job table; 0: every build is made */
    int64_t build_cache_keep_ms; /* after a build was used last; 0: for ever */
    int64_t pids, cell_uses;
    void (*on_event)(void *ctx, const struct engine_event *e); /* on worker threads; NULL: nobody */
    void *event_ctx;
};
static inline void engine_tell(const struct engine_config *c, const struct engine_event *e)
{
    if (c->on_event && e->seq > 0) /* the self-test's are nobody's */
        c->on_event(c->event_ctx, e);
}
