#include "tests/support/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/cell/cell_orphans.h"
#include "engine/docker/docker.h"
#include "schema/base/clock.h"
#include "tests/support/assert_err.h"

struct fixture fixture;

int fixture_open(const char *box)
{
    struct err e;
    json_auto_t *image = NULL;
    const char *name = getenv("SCRC_TEST_RUN_IMAGE");

    fixture = (struct fixture){ .image = name ? name : "scrc-local/run",
                                .engine = getenv("DOCKER_HOST") };
    if (text_init() < 0 || docker_open(fixture.engine, &fixture.docker, &e) < 0 ||
        docker_image(fixture.docker, fixture.image, &image, &e) < 0) {
        (void)fprintf(stderr, "skipped: %s\n", e.msg);
        exit(77);
    }
    (void)snprintf(fixture.dir, sizeof fixture.dir, "/var/tmp/scrc-test-XXXXXX");
    if (!mkdtemp(fixture.dir))
        return -1;
    text_random_id(fixture.table);
    text_random_id(fixture.instance);
    fixture.host = (struct cell_host){ .dir = fixture.dir,
                                       .host_dir = fixture.dir,
                                       .instance = fixture.instance,
                                       .table = fixture.table,
                                       .box = box };
    return 0;
}

size_t fixture_containers(void)
{
    char label[64];
    json_auto_t *list = NULL;
    (void)snprintf(label, sizeof label, "scrc.table=%s", fixture.table);
    ASSERT_OK(docker_list(fixture.docker, label, &list, e));
    return json_array_size(list);
}

int fixture_sweep(void **state)
{
    (void)state;
    struct cell_host next = fixture.host;
    struct err e;
    next.instance = "0123456789abcdef0123456789abcdef"; /* as after a restart */
    size_t left = fixture_containers();
    if (left > 0)
        print_error("%zu containers left\n", left);
    return cell_orphans_remove(fixture.docker, &next, &e) >= 0 && left == 0 ? 0 : -1;
}

/* Nothing may be left: no container, no directory. */
int fixture_close(void)
{
    size_t left = fixture_containers();
    fixture.docker = docker_free(fixture.docker);
    if (rmdir(fixture.dir) < 0 || left > 0) {
        (void)fprintf(stderr, "left behind: %zu containers, or something in %s\n", left,
                      fixture.dir);
        return -1;
    }
    return 0;
}

int fixture_run_in_boxes(const struct CMUnitTest *tests, size_t len)
{
    static const char *const boxes[] = { "auto", "inplace" };
    int failed = 0;

    for (size_t i = 0; i < ARRAY_LEN(boxes); i++) {
        if (fixture_open(boxes[i]) < 0)
            return 1;
        failed += _cmocka_run_group_tests(boxes[i], tests, len, NULL, NULL);
        failed += fixture_close() < 0;
    }
    return failed ? 1 : 0;
}

struct cell_spec fixture_spec(void)
{
    return (struct cell_spec){ .image = fixture.image,
                               .workdir = "/work",
                               .memory_bytes = 64 * MIB,
                               .pids = 32,
                               .tmpfs_bytes = 16 * MIB,
                               .tmpfs_inodes = 1000,
                               .nano_cpus = NS_PER_S };
}

struct cell *fixture_cell(void)
{
    struct cell_spec spec = fixture_spec();
    struct cell *c = NULL;
    ASSERT_OK(cell_open(fixture.docker, &fixture.host, &spec, &c, e));
    return c;
}

static const char *const env[] = { "PATH=/bin", NULL };

void fixture_shell(struct fixture_line *l, const char *script)
{
    *l = (struct fixture_line){ .argv = { "/bin/sh", "-c", script, NULL } };
    l->request = (struct cell_request){ .argv = l->argv,
                                        .env = env,
                                        .exec_fd = -1,
                                        .stdio = CELL_STDIO_ALONE(-1),
                                        .cpu_limit_ns = 5 * NS_PER_S,
                                        .memory_limit = 64 * MIB,
                                        .file_bytes = 16 * MIB,
                                        .out_max = MIB,
                                        .err_keep = 64 * KIB };
}

void fixture_expect(struct cell *c, const char *script, const char *out)
{
    struct fixture_line l;
    struct cell_result r;
    fixture_shell(&l, script);
    ASSERT_OK(cell_run(c, fixture.docker, &l.request, &r, e));
    if (r.agent.status != 0 || strcmp(r.out.data ? r.out.data : "", out) != 0)
        fail_msg("%s: status %x, '%s', '%s'", script, (unsigned)r.agent.status,
                 r.out.data ? r.out.data : "", r.err.data ? r.err.data : "");
    cell_result_clear(&r);
}
