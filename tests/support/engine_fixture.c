#include "tests/support/engine_fixture.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "engine/docker/docker.h"
#include "schema/base/clock.h"
#include "schema/store/jobs_change.h"
#include "tests/support/assert_err.h"
#include "tests/support/scratch.h"

struct engine_fixture engine_fixture = { .lock = PTHREAD_MUTEX_INITIALIZER,
                                         .changed = PTHREAD_COND_INITIALIZER };

static void changed(void *ctx, const struct jobs_change *changes, size_t len)
{
    (void)ctx;
    (void)changes;
    (void)len;
    (void)pthread_mutex_lock(&engine_fixture.lock);
    engine_fixture.changes++;
    (void)pthread_cond_broadcast(&engine_fixture.changed);
    (void)pthread_mutex_unlock(&engine_fixture.lock);
}

void engine_sleep_ms(long ms)
{
    struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
    (void)nanosleep(&t, NULL);
}

void engine_check(int rc, const struct err *e, const char *what)
{
    if (rc < 0)
        fail_msg("%s: %s: %s", what, err_kind_name(e->kind), e->msg);
}

void engine_open_table(void)
{
    struct err e = { 0 };
    engine_check(jobs_open(&engine_fixture.table, &engine_fixture.jobs, &e), &e, "open the table");
    jobs_listen(engine_fixture.jobs, changed, NULL);
}

void engine_begin(void)
{
    struct err e = { 0 };
    engine_check(engine_start(&engine_fixture.config, engine_fixture.languages, engine_fixture.jobs,
                              &engine_fixture.engine, &e),
                 &e, "start the engine");
}

void engine_await(const char *language)
{
    char why[400];
    for (int i = 0; i < ENGINE_WAIT_S * 20; i++) {
        engine_reason(engine_fixture.engine, language, why, sizeof why);
        if (!why[0])
            return;
        engine_sleep_ms(50);
    }
    fail_msg("%s is not ready: %s", language, why);
}

static void find_images(void)
{
    static const struct {
        const char *setting, *otherwise;
    } names[] = { { "PYTHON_IMAGE", "scrc-local/python" },
                  { "GO_IMAGE", "scrc-local/golang" },
                  { "C_IMAGE", "scrc-local/gcc" },
                  { "JAVA_IMAGE", "scrc-local/jdk" },
                  { "C_RUN_IMAGE", "scrc-local/run" } };
    struct docker *d = NULL;
    struct err e;
    bool here = docker_open(getenv("DOCKER_HOST"), &d, &e) == 0;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        json_auto_t *image = NULL;
        const char *set = getenv(names[i].setting);
        (void)snprintf(engine_fixture.images[i], sizeof engine_fixture.images[i], "%s",
                       set ? set : names[i].otherwise);
        here = here && docker_image(d, engine_fixture.images[i], &image, &e) == 0;
    }
    (void)docker_free(d);
    if (!here) {
        (void)fprintf(stderr, "skipped: %s\n", e.msg);
        exit(77);
    }
}

int engine_open(void (*change)(struct engine_config *c))
{
    struct err e = { 0 };

    if (text_init() < 0)
        return -1;
    find_images();
    const struct language_override overrides[] = {
        { .name = "python", .image = engine_fixture.images[0] },
        { .name = "go", .image = engine_fixture.images[1], .run_image = engine_fixture.images[4] },
        { .name = "c", .image = engine_fixture.images[2], .run_image = engine_fixture.images[4] },
        { .name = "cpp", .image = engine_fixture.images[2], .run_image = engine_fixture.images[4] },
        { .name = "java",
          .image = engine_fixture.images[3],
          .run_image = engine_fixture.images[3] },
    };
    (void)snprintf(engine_fixture.dir, sizeof engine_fixture.dir, "/var/tmp/scrc-engine-XXXXXX");
    assert_non_null(mkdtemp(engine_fixture.dir));
    (void)snprintf(engine_fixture.cells, sizeof engine_fixture.cells, "%.40s/cells",
                   engine_fixture.dir);
    text_random_id(engine_fixture.instance);
    engine_fixture.table = (struct jobs_config){ .dir = engine_fixture.dir,
                                                 .instance = engine_fixture.instance,
                                                 .max_queued = 100000 };
    engine_fixture.config = (struct engine_config){ .docker_host = getenv("DOCKER_HOST"),
                                                    .cell_dir = engine_fixture.cells,
                                                    .box = getenv("SCRC_BOX"),
                                                    .instance = engine_fixture.instance,
                                                    .version = SCRC_VERSION,
                                                    .parallel = 2,
                                                    .default_time_ms = 10000,
                                                    .max_time_ms = 300000,
                                                    .default_memory_bytes = 256 * MIB,
                                                    .max_memory_bytes = 2 * GIB,
                                                    .output_bytes = 16 * MIB,
                                                    .report_output_bytes = 64 * KIB,
                                                    .report_bytes = 16 * MIB,
                                                    .build_time_ms = 30000,
                                                    .build_memory_bytes = GIB,
                                                    .build_artefact_bytes = 64 * MIB,
                                                    .pids = 128,
                                                    .cell_uses = 1 };
    if (change)
        change(&engine_fixture.config);
    engine_check(
        language_table_open(NULL, overrides, ARRAY_LEN(overrides), &engine_fixture.languages, &e),
        &e, "languages");
    engine_open_table();
    engine_begin();
    return 0;
}

int engine_close(void)
{
    char label[64];
    struct docker *d = NULL;
    json_auto_t *list = NULL;
    struct err e;

    (void)snprintf(label, sizeof label, "scrc.table=%s", jobs_dir_id(engine_fixture.jobs));
    engine_fixture.engine = engine_stop(engine_fixture.engine, clock_mono_ns() + 5 * NS_PER_S);
    engine_fixture.jobs = jobs_close(engine_fixture.jobs);
    engine_fixture.languages = language_table_free(engine_fixture.languages);
    bool clean = docker_open(engine_fixture.config.docker_host, &d, &e) == 0 &&
                 docker_list(d, label, &list, &e) == 0 && json_array_size(list) == 0;
    (void)docker_free(d);
    scratch_remove(engine_fixture.dir);
    if (!clean)
        print_error("%zu containers left\n", json_array_size(list));
    return clean ? 0 : -1;
}
