/* bench_cell IMAGE PROGRAM [BYTES] - two medians in microseconds: one run of PROGRAM in a warm
 * cell, from the request to its checked result, and posix_spawn()+wait of the same file. They take
 * turns. With BYTES both read so much input: the one as the judge gives it, which makes a file of
 * it for each run, the other from `cat` through a pipe.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "engine/cell/cell.h"
#include "engine/cell/cell_memfd.h"
#include "engine/docker/docker.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/text.h"

#define ROUNDS       500
#define ROUNDS_INPUT 100
#define WARM         20

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static long median_us(int64_t *ns, size_t len)
{
    qsort(ns, len, sizeof *ns, compare);
    return (long)(ns[len / 2] / 1000);
}

struct work {
    const char *program;
    int program_fd;
    size_t rounds;
    char *input; /* owned; NULL: no input */
    size_t len;
    char file[40]; /* with the input, for cat */
};

static int bare(const struct work *w, int64_t *ret_ns)
{
    char *const argv[] = { (char[]){ "nothing" }, NULL }, *const envp[] = { NULL };
    int64_t begun = clock_mono_ns();
    int status;
    pid_t pid;

    if (posix_spawn(&pid, w->program, NULL, NULL, argv, envp) != 0 || waitpid(pid, &status, 0) < 0)
        return -1;
    *ret_ns = clock_mono_ns() - begun;
    return status == 0 ? 0 : -1;
}

/* Starts path with these as stdin and stdout, where they are >= 0. */
static int start(const char *path, char *const argv[], int in, int out, pid_t *ret_pid)
{
    char *const envp[] = { NULL };
    posix_spawn_file_actions_t files;

    posix_spawn_file_actions_init(&files);
    if (in >= 0)
        posix_spawn_file_actions_adddup2(&files, in, 0);
    if (out >= 0)
        posix_spawn_file_actions_adddup2(&files, out, 1);
    int rc = posix_spawn(ret_pid, path, &files, NULL, argv, envp);
    posix_spawn_file_actions_destroy(&files);
    return rc == 0 ? 0 : -1;
}

static int bare_with_input(const struct work *w, int64_t *ret_ns)
{
    char file[sizeof w->file];
    char *const cat[] = { (char[]){ "cat" }, memcpy(file, w->file, sizeof file), NULL };
    char *const program[] = { (char[]){ "drink" }, NULL };
    int64_t begun = clock_mono_ns();
    int fds[2], status[2];
    pid_t pids[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return -1;
    int rc = start("/bin/cat", cat, -1, fds[1], &pids[0]);
    if (rc == 0)
        rc = start(w->program, program, fds[0], -1, &pids[1]);
    closep(&fds[0]);
    closep(&fds[1]);
    if (rc < 0 || waitpid(pids[0], &status[0], 0) < 0 || waitpid(pids[1], &status[1], 0) < 0)
        return -1;
    *ret_ns = clock_mono_ns() - begun;
    return status[0] == 0 && status[1] == 0 ? 0 : -1;
}

static int served(struct cell *c, struct docker *d, const struct work *w, int64_t *ret_ns,
                  struct err *e)
{
    int64_t begun = clock_mono_ns();
    CLEANUP(closep) int in = w->input ? cell_memfd("stdin", w->input, w->len, e) : -1;
    static const char *const argv[] = { "nothing", NULL }, *const env[] = { NULL };
    const struct cell_request request = { .argv = argv,
                                          .env = env,
                                          .exec_fd = w->program_fd,
                                          .stdio = CELL_STDIO_ALONE(in),
                                          .cpu_limit_ns = NS_PER_S,
                                          .memory_limit = 64 * MIB,
                                          .file_bytes = MIB,
                                          .out_max = MIB,
                                          .err_keep = KIB };
    struct cell_result r;

    if (w->input && in < 0)
        return -1;
    if (cell_run(c, d, &request, &r, e) < 0)
        return -1;
    *ret_ns = clock_mono_ns() - begun;
    bool well = r.agent.status == 0 && r.agent.exec_errno == 0;
    cell_result_clear(&r);
    return well ? 0 : err_set(e, ERR_BUG, "the program failed in its cell");
}

static int measure(struct cell *c, struct docker *d, const struct work *w, struct err *e)
{
    static int64_t in_cell[ROUNDS], plain[ROUNDS];

    for (int i = -WARM; i < (int)w->rounds; i++) {
        int at = i < 0 ? 0 : i;
        if (served(c, d, w, &in_cell[at], e) < 0)
            return -1;
        if ((w->input ? bare_with_input : bare)(w, &plain[at]) < 0)
            return err_set(e, ERR_BUG, "cannot run %s", w->program);
        /* A judge that is not saturated has a moment between two tests; so has the bare side. */
        (void)usleep(2000);
    }
    (void)printf("%ld %ld\n", median_us(in_cell, w->rounds), median_us(plain, w->rounds));
    return 0;
}

static int prepare(struct work *w, const char *program, const char *bytes, struct err *e)
{
    *w = (struct work){ .program = program, .rounds = bytes ? ROUNDS_INPUT : ROUNDS };
    w->program_fd = open(program, O_RDONLY | O_CLOEXEC);
    if (!bytes)
        return 0;
    w->len = strtoul(bytes, NULL, 10);
    w->input = malloc(w->len + 1);
    if (!w->input)
        return err_set(e, ERR_NOMEM, "%s bytes", bytes);
    memset(w->input, '7', w->len);
    strcpy(w->file, "/tmp/scrc-bench-XXXXXX");
    CLEANUP(closep) int fd = mkstemp(w->file);
    if (fd < 0 || write(fd, w->input, w->len) != (ssize_t)w->len)
        return err_set(e, ERR_DISK, "%s", w->file);
    return 0;
}

static void dispose(struct work *w)
{
    closep(&w->program_fd);
    free(w->input);
    if (w->file[0])
        (void)unlink(w->file);
}

static int run(const char *image, const struct work *w, struct err *e)
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
        rc = measure(c, d, w, e);
    (void)cell_free(c, d);
    (void)rmdir(dir);
    return rc;
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    struct work w;

    if (argc != 3 && argc != 4) {
        (void)fprintf(stderr, "usage: bench_cell IMAGE PROGRAM [BYTES]\n");
        return 2;
    }
    int rc = prepare(&w, argv[2], argv[3], &e);
    if (rc == 0)
        rc = run(argv[1], &w, &e);
    dispose(&w);
    if (rc < 0)
        (void)fprintf(stderr, "%s\n", e.msg);
    return rc == 0 ? 0 : 1;
}
