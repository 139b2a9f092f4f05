#include "tests/support/agent_cell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <fcntl.h>

#include "engine/cell/cell_memfd.h"
#include "engine/docker/docker.h"

static struct {
    struct docker *docker;
    struct cell *cell;
    char dir[64];
    struct cell_host host;
    struct cell_spec spec;
} own;

static const char *const environment[] = { "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8",
                                           NULL };

static void skip_all(const char *why)
{
    (void)printf("1..0 # SKIP %s\n", why);
    exit(77);
}

void agent_cell_start(const char *box)
{
    const char *image = getenv("SCRC_TEST_RUN_IMAGE");
    json_t *found = NULL;
    struct err e;

    own.spec = (struct cell_spec){ .image = image ? image : "scrc-local/run",
                                   .workdir = "/work",
                                   .memory_bytes = AGENT_CELL_MEMORY + 2 * MIB,
                                   .pids = AGENT_CELL_PIDS,
                                   .tmpfs_bytes = AGENT_CELL_MEMORY,
                                   .tmpfs_inodes = 65536 };
    if (docker_open(getenv("DOCKER_HOST"), &own.docker, &e) < 0 ||
        docker_image(own.docker, own.spec.image, &found, &e) < 0)
        skip_all(e.msg);
    json_decref(found);
    (void)snprintf(own.dir, sizeof own.dir, "/tmp/scrc-agent-XXXXXX");
    if (!mkdtemp(own.dir))
        skip_all("no directory for cells");
    own.host = (struct cell_host){ .dir = own.dir,
                                   .host_dir = own.dir,
                                   .instance = "test-agent",
                                   .table = &own.dir[sizeof "/tmp/scrc-agent"],
                                   .box = box };
}

void agent_cell_stop(void)
{
    own.cell = cell_free(own.cell, own.docker);
    own.docker = docker_free(own.docker);
    (void)rmdir(own.dir);
}

struct docker *agent_cell_docker(void) { return own.docker; }

void agent_cell_forget(void) { own.cell = cell_free(own.cell, NULL); }

struct cell *agent_cell(void)
{
    struct err e;

    if (own.cell && !cell_alive(own.cell))
        own.cell = cell_free(own.cell, own.docker);
    if (!own.cell && cell_open(own.docker, &own.host, &own.spec, &own.cell, &e) < 0)
        fail_msg("%s", e.msg);
    return own.cell;
}

void agent_cell_prove(void)
{
    struct err e;

    if (cell_verify_clean(agent_cell(), &e) < 0)
        fail_msg("%s", e.msg);
}

struct cell_request agent_cell_request(const char *const *argv, int exec_fd, int stdin_fd)
{
    return (struct cell_request){ .argv = argv,
                                  .env = environment,
                                  .exec_fd = exec_fd,
                                  .stdio = CELL_STDIO_ALONE(stdin_fd),
                                  .cpu_limit_ns = AGENT_CELL_TIME,
                                  .memory_limit = AGENT_CELL_MEMORY,
                                  .file_bytes = 1 * GIB,
                                  .out_max = 1 * MIB,
                                  .err_keep = 64 * KIB };
}

struct cell_result agent_cell_run(const struct cell_request *q)
{
    struct cell_result r = { .artefact_fd = -1 };
    struct err e;

    if (cell_run(agent_cell(), own.docker, q, &r, &e) < 0)
        fail_msg("%s", e.msg);
    return r;
}

static int memfd(const void *data, size_t len)
{
    struct err e;
    int fd = cell_memfd("test", data, len, &e);

    if (fd < 0)
        fail_msg("%s", e.msg);
    return fd;
}

int agent_cell_file(const char *path)
{
    CLEANUP(closep) int from = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    struct err e;

    if (from < 0 || fstat(from, &st) < 0)
        fail_msg("%s: cannot be opened", path);
    int fd = cell_memfd_copy("test", from, 0, (uint64_t)st.st_size, &e);
    if (fd < 0)
        fail_msg("%s", e.msg);
    return fd;
}

int agent_cell_text(const char *text) { return memfd(text, strlen(text)); }

struct cell_request agent_cell_shell(const char *argv[4], const char *script)
{
    argv[0] = "/bin/sh";
    argv[1] = "-c";
    argv[2] = script;
    argv[3] = NULL;
    return agent_cell_request(argv, -1, -1);
}

struct cell_result agent_cell_run_shell(const char *script)
{
    const char *argv[4];
    struct cell_request q = agent_cell_shell(argv, script);

    return agent_cell_run(&q);
}
