#include "engine/host/host_trial.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/cell/cell.h"
#include "engine/cell/cell_memfd.h"
#include "engine/engine_config.h"
#include "engine/host/host_dir.h"
#include "engine/language/language.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"

#define RUNS        5
#define PATH_NORMAL "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* A program to run: hello of an interpreted language, or else the agent, which every cell has and
 * which ends at once without arguments. */
struct trial_program {
    char **argv, **env; /* owned; NULL: the agent */
    int source;         /* owned; -1: the agent */
    struct cell_file file;
};

static void unfit(struct host_diagnostic *f, const struct err *e, const char *remedy)
{
    host_diagnostic_add(f, HOST_UNFIT, "%.190s", e->msg);
    host_diagnostic_advise(f, "no cell can be made", remedy);
}

static int make_program(const struct language *l, struct trial_program *p, struct err *e)
{
    struct language_variables v = { .memory_mib = 64, .stack_mib = 64 };
    const char *why = NULL;

    if (!l)
        return 0;
    if (language_name_source(l, l->hello, strlen(l->hello), &v, &why, e) < 0 ||
        language_expand(l->run, &v, &p->argv, e) < 0 ||
        language_environment(l->run_env, PATH_NORMAL, &p->env, e) < 0 ||
        (p->source = cell_memfd("hello", l->hello, strlen(l->hello), e)) < 0)
        return -1;
    p->file =
        (struct cell_file){ .name = l->source_name, .fd = p->source, .kind = AGENT_FILE_PLAIN };
    return 0;
}

/* CLOCK_MONOTONIC of one run and the check after it; -1: it cannot be run. */
static int64_t time_run(const struct host_trial *t, struct cell *cell,
                        const struct trial_program *p, struct err *e)
{
    static const char *const agent[] = { AGENT_PATH, NULL }, *const nothing[] = { NULL };
    struct cell_request request = { .argv = p->argv ? (const char *const *)p->argv : agent,
                                    .env = p->env ? (const char *const *)p->env : nothing,
                                    .exec_fd = -1,
                                    .stdio = CELL_STDIO_ALONE(-1),
                                    .files = &p->file,
                                    .files_len = p->source >= 0,
                                    .cpu_limit_ns = 10 * NS_PER_S,
                                    .memory_limit = 64 * MIB,
                                    .file_bytes = MIB,
                                    .out_max = 4 * KIB,
                                    .err_keep = 4 * KIB,
                                    .last = true };
    struct cell_result result;
    int64_t began = clock_mono_ns();

    if (cell_run(cell, t->docker, &request, &result, e) < 0)
        return -1;
    bool ran = result.agent.exec_errno == 0 && (p->source < 0 || result.agent.status == 0);
    cell_result_clear(&result);
    return ran && cell_verify_clean(cell, e) == 0 ? clock_mono_ns() - began : -1;
}

/* The shortest of some runs. *ret_all_ns: what all of them took. */
static void time_runs(const struct host_trial *t, struct cell *cell, struct host_capacity *c,
                      int64_t *ret_all_ns)
{
    struct trial_program p = { .source = -1 };
    int64_t began = clock_mono_ns(), least = INT64_MAX, took = 0;
    struct err e;

    if (make_program(t->interpreted, &p, &e) < 0)
        took = -1;
    for (int i = 0; i < RUNS && took >= 0; i++)
        if ((took = time_run(t, cell, &p, &e)) >= 0 && took < least)
            least = took;
    if (took >= 0)
        c->run_ns = least;
    free(p.argv);
    free(p.env);
    closep(&p.source);
    *ret_all_ns = clock_mono_ns() - began;
}

static void say_isolation(const struct cell *cell, struct host_diagnostic *f)
{
    if (cell_isolation(cell) == AGENT_BOX_NAMESPACES) {
        host_diagnostic_add(f, HOST_OK, "namespaces");
        host_diagnostic_advise(f, "each run gets fresh user, pid, ipc and mount namespaces", "");
    } else {
        host_diagnostic_add(f, HOST_OK, "in place, because %.160s", cell_isolation_why(cell));
        host_diagnostic_advise(f, "each run is followed by killing, wiping and checking", "");
    }
}

static void try_cell(const struct host_trial *t, struct host_diagnostic *f,
                     const struct cell_host *host, struct host_capacity *c)
{
    const struct cell_spec spec = { .image = t->image,
                                    .workdir = t->interpreted ? t->interpreted->workdir : "/work",
                                    .memory_bytes = 64 * MIB,
                                    .pids = 16,
                                    .tmpfs_bytes = MIB,
                                    .tmpfs_inodes = 64 };
    const struct host_capacity_moment begin = host_capacity_now();
    int64_t cores = sysconf(_SC_NPROCESSORS_ONLN), runs_ns = 0;
    struct cell *cell = NULL;
    struct err e;

    if (cell_open(t->docker, host, &spec, &cell, &e) < 0) {
        unfit(f, &e, "see what Docker says");
        return;
    }
    say_isolation(cell, f);
    time_runs(t, cell, c, &runs_ns);
    (void)cell_free(cell, t->docker);
    const struct host_capacity_moment end = host_capacity_now();
    /* A run keeps one core busy. */
    int64_t cpu = host_capacity_cpu(&begin, &end, cores);
    c->life_ns = cpu > runs_ns ? cpu - runs_ns : 0;
    c->busy = begin.running > 1;
    if (t->interpreted)
        (void)snprintf(c->program, sizeof c->program, "small %.20s programs", t->interpreted->name);
    else
        (void)snprintf(c->program, sizeof c->program, "programs that do nothing");
}

void host_trial_cell(const struct host_trial *t, struct host_diagnostic *f,
                     struct host_capacity *ret_capacity)
{
    CLEANUP(freep) char *dir = NULL, *host_dir = NULL;
    struct err e;
    bool was_there = access(t->config->cell_dir, F_OK) == 0;

    *ret_capacity = (struct host_capacity){ 0 };
    if (host_dir_cells(t->config->cell_dir, &dir, &e) < 0 ||
        host_dir_docker(t->docker, dir, &host_dir, &e) < 0) {
        unfit(f, &e, "a CELL_DIR that this server and Docker both see");
        return;
    }
    if (!t->image) {
        host_diagnostic_add(f, HOST_WARNING, "not tried: no image is there yet");
        return;
    }
    const struct cell_host host = { .dir = dir,
                                    .host_dir = host_dir,
                                    .instance = t->config->instance,
                                    .table = "check",
                                    .box = t->config->box,
                                    .runtime = t->config->runtime };
    try_cell(t, f, &host, ret_capacity);
    if (!was_there)
        (void)rmdir(dir); /* a check leaves nothing behind */
}
