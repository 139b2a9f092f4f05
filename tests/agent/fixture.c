#include "tests/agent/fixture.h"

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
} fixture;

static const char *const environment[] = { "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8",
                                           NULL };

static void skip_all(const char *why)
{
    (void)printf("1..0 # SKIP %s\n", why);
    exit(77);
}

void fixture_start(const char *box)
{
    const char *image = getenv("SCRC_TEST_RUN_IMAGE");
    json_t *found = NULL;
    struct err e;

    fixture.spec = (struct cell_spec){ .image = image ? image : "scrc-local/run",
                                       .workdir = "/work",
                                       .memory_bytes = FIXTURE_MEMORY + 2 * MIB,
                                       .pids = FIXTURE_PIDS,
                                       .tmpfs_bytes = FIXTURE_MEMORY,
                                       .tmpfs_inodes = 65536 };
    if (docker_open(getenv("DOCKER_HOST"), &fixture.docker, &e) < 0 ||
        docker_image(fixture.docker, fixture.spec.image, &found, &e) < 0)
        skip_all(e.msg);
    json_decref(found);
    (void)snprintf(fixture.dir, sizeof fixture.dir, "/tmp/scrc-agent-XXXXXX");
    if (!mkdtemp(fixture.dir))
        skip_all("no directory for cells");
    fixture.host = (struct cell_host){ .dir = fixture.dir,
                                       .host_dir = fixture.dir,
                                       .instance = "test-agent",
                                       .table = &fixture.dir[sizeof "/tmp/scrc-agent"],
                                       .box = box };
}

void fixture_stop(void)
{
    fixture.cell = cell_free(fixture.cell, fixture.docker);
    fixture.docker = docker_free(fixture.docker);
    (void)rmdir(fixture.dir);
}

struct docker *fixture_docker(void) { return fixture.docker; }

void fixture_forget(void) { fixture.cell = cell_free(fixture.cell, NULL); }

struct cell *fixture_cell(void)
{
    struct err e;

    if (fixture.cell && !cell_alive(fixture.cell))
        fixture.cell = cell_free(fixture.cell, fixture.docker);
    if (!fixture.cell &&
        cell_open(fixture.docker, &fixture.host, &fixture.spec, &fixture.cell, &e) < 0)
        fail_msg("%s", e.msg);
    return fixture.cell;
}

void fixture_prove(void)
{
    struct err e;

    if (cell_verify_clean(fixture_cell(), &e) < 0)
        fail_msg("%s", e.msg);
}

struct cell_request fixture_request(const char *const *argv, int exec_fd, int stdin_fd)
{
    return (struct cell_request){ .argv = argv,
                                  .env = environment,
                                  .exec_fd = exec_fd,
                                  .stdio = CELL_STDIO_ALONE(stdin_fd),
                                  .cpu_limit_ns = FIXTURE_TIME,
                                  .memory_limit = FIXTURE_MEMORY,
                                  .file_bytes = 1 * GIB,
                                  .out_max = 1 * MIB,
                                  .err_keep = 64 * KIB };
}

struct cell_result fixture_run(const struct cell_request *q)
{
    struct cell_result r = { .artefact_fd = -1 };
    struct err e;

    if (cell_run(fixture_cell(), fixture.docker, q, &r, &e) < 0)
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

int fixture_file(const char *path)
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

int fixture_text(const char *text) { return memfd(text, strlen(text)); }

struct cell_request fixture_shell(const char *argv[4], const char *script)
{
    argv[0] = "/bin/sh";
    argv[1] = "-c";
    argv[2] = script;
    argv[3] = NULL;
    return fixture_request(argv, -1, -1);
}

struct cell_result fixture_run_shell(const char *script)
{
    const char *argv[4];
    struct cell_request q = fixture_shell(argv, script);

    return fixture_run(&q);
}
