/* bench_cell IMAGE PROGRAM - two medians in microseconds: one run of PROGRAM in a warm cell, from
 * the request to its checked result, and posix_spawn()+wait of the same file. They take turns.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "engine/cell/cell.h"
#include "engine/docker/docker.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/text.h"

#define ROUNDS 500
#define WARM   20

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static long median_us(int64_t *ns)
{
    qsort(ns, ROUNDS, sizeof *ns, compare);
    return (long)(ns[ROUNDS / 2] / 1000);
}

static int bare(const char *program, int64_t *ret_ns)
{
    char *const argv[] = { (char[]){ "nothing" }, NULL }, *const envp[] = { NULL };
    int64_t begun = clock_mono_ns();
    int status;
    pid_t pid;

    if (posix_spawn(&pid, program, NULL, NULL, argv, envp) != 0 || waitpid(pid, &status, 0) < 0)
        return -1;
    *ret_ns = clock_mono_ns() - begun;
    return status == 0 ? 0 : -1;
}

static int served(struct cell *c, struct docker *d, int program, int64_t *ret_ns, struct err *e)
{
    static const char *const argv[] = { "nothing", NULL }, *const env[] = { NULL };
    const struct cell_request request = { .argv = argv,
                                          .env = env,
                                          .exec_fd = program,
                                          .stdio = CELL_STDIO_ALONE(-1),
                                          .cpu_limit_ns = NS_PER_S,
                                          .memory_limit = 64 * MIB,
                                          .file_bytes = MIB,
                                          .out_max = MIB,
                                          .err_keep = KIB };
    struct cell_result r;
    int64_t begun = clock_mono_ns();

    if (cell_run(c, d, &request, &r, e) < 0)
        return -1;
    *ret_ns = clock_mono_ns() - begun;
    bool well = r.agent.status == 0 && r.agent.exec_errno == 0;
    cell_result_clear(&r);
    return well ? 0 : err_set(e, ERR_BUG, "the program failed in its cell");
}

static int measure(struct cell *c, struct docker *d, const char *program, struct err *e)
{
    static int64_t in_cell[ROUNDS], plain[ROUNDS];
    CLEANUP(closep) int fd = open(program, O_RDONLY | O_CLOEXEC);

    for (int i = -WARM; i < ROUNDS; i++) {
        int at = i < 0 ? 0 : i;
        if (served(c, d, fd, &in_cell[at], e) < 0)
            return -1;
        if (bare(program, &plain[at]) < 0)
            return err_set(e, ERR_BUG, "cannot run %s", program);
        /* A judge that is not saturated has a moment between two tests; so has the bare side. */
        (void)usleep(2000);
    }
    (void)printf("%ld %ld\n", median_us(in_cell), median_us(plain));
    return 0;
}

static int run(const char *image, const char *program, struct err *e)
{
    char dir[] = "/var/tmp/scrc-bench-XXXXXX", id[TEXT_ID_SIZE];
    CLEANUP(docker_freep) struct docker *d = NULL;
    struct cell *c = NULL;

    if (text_init() < 0 || !mkdtemp(dir))
        return err_set(e, ERR_BUG, "no directory for the cell");
    text_random_id(id);
    const struct cell_host host = {
        .dir = dir, .host_dir = dir, .instance = id, .table = id, .box = "auto"
    };
    const struct cell_spec spec = { .image = image,
                                    .workdir = "/tmp",
                                    .memory_bytes = 66 * MIB,
                                    .pids = 64,
                                    .tmpfs_bytes = 16 * MIB,
                                    .tmpfs_inodes = 1000,
                                    .nano_cpus = NS_PER_S };
    int rc = -1;
    if (docker_open(getenv("DOCKER_HOST"), &d, e) == 0 && cell_open(d, &host, &spec, &c, e) == 0)
        rc = measure(c, d, program, e);
    (void)cell_free(c, d);
    (void)rmdir(dir);
    return rc;
}

int main(int argc, char **argv)
{
    struct err e;

    if (argc == 3 && run(argv[1], argv[2], &e) == 0)
        return 0;
    (void)fprintf(stderr, "%s\n", argc == 3 ? e.msg : "usage: bench_cell IMAGE PROGRAM");
    return 1;
}
