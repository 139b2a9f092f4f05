/* tests/support/fixture.h - a place for cells and the words that all tests with a real engine
 * share. SCRC_TEST_RUN_IMAGE names an image with busybox (default scrc-local/run); without an
 * engine or that image a test program exits 77, which CTest shows as skipped.
 */
#pragma once

#include "engine/cell/cell.h"
#include "schema/base/text.h"

struct CMUnitTest;

struct fixture {
    struct docker *docker;
    const char *image, *engine; /* engine: DOCKER_HOST */
    char dir[64], table[TEXT_ID_SIZE], instance[TEXT_ID_SIZE];
    struct cell_host host;
};
extern struct fixture fixture;

/* box as for struct cell_host. fixture_close() fails when anything is left: a container, or the
 * directory. 0 or -1. */
int fixture_open(const char *box);
int fixture_close(void);

/* How many containers this fixture's table has. */
size_t fixture_containers(void);

/* What main() returns, once the tests have run in either kind of box. */
int fixture_run_in_boxes(const struct CMUnitTest *tests, size_t len);

/* Behind each test: what it left is an error, and does not trouble the next one. */
int fixture_sweep(void **state);
#define FIXTURE_TEST(f) cmocka_unit_test_teardown(f, fixture_sweep)

struct cell_spec fixture_spec(void);

/* A cell of that kind; the caller owns it. */
struct cell *fixture_cell(void);

#define FIXTURE_ARGS 8

/* A request to run one line of shell; it points into itself. */
struct fixture_line {
    const char *argv[FIXTURE_ARGS];
    struct cell_request request;
};
void fixture_shell(struct fixture_line *l, const char *script);

/* Runs a line that must leave 0 and this output. */
void fixture_expect(struct cell *c, const char *script, const char *out);
