/* tests/docker/test_engine_life.c - what happens to submissions when something ends: cancelled,
 * restarted, a cell lost. */
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/docker/docker.h"
#include "engine/engine.h"
#include "schema/base/clock.h"
#include "schema/store/jobs_read.h"
#include "tests/support/assert_err.h"
#include "tests/support/engine_fixture.h"
#include "tests/support/order.h"
#include "tests/support/report_json.h"

#define C_MAIN(body)                                                                               \
    "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"                               \
    "#include <signal.h>\n#include <unistd.h>\nint main(void) {" body "}"

static void await_running(const struct submitted *t)
{
    struct job_status s = { .state = JOB_QUEUED };
    struct err e;

    while (s.state == JOB_QUEUED) {
        engine_sleep_ms(5);
        assert_int_equal(jobs_status(engine_fixture.jobs, t->id, &s, &e), 0);
    }
}

static void test_cancel(void **state)
{
    (void)state;
    struct order o = { .language = "c", .source = C_MAIN("for (;;) ;"), .time_ms = 60000 };
    struct submitted t = order_put(&o);
    struct engine_health h;
    struct err e;

    await_running(&t);
    engine_sleep_ms(500);
    struct jobs_op op = { .kind = JOBS_CANCEL, .u.cancel.id = t.id };
    assert_int_equal(jobs_do(engine_fixture.jobs, &op, &e), 0);
    assert_true(op.u.cancel.claim != 0);
    int64_t start = clock_mono_ns();
    do {
        engine_sleep_ms(2);
        engine_health(engine_fixture.engine, &h);
    } while (h.running > 0);
    print_message("cancelled in %ld ms\n", (long)((clock_mono_ns() - start) / NS_PER_MS));
    assert_true(clock_mono_ns() - start < 20 * NS_PER_S);
    json_auto_t *r = order_report(&t);
    report_expect(r, "-", "cancelled");
}

/* A stop in the middle gives back; the next engine on the table judges it. */
static void test_restart(void **state)
{
    (void)state;
    struct order o = { .language = "c",
                       .source = C_MAIN("sleep(2); puts(\"6\"); return 0;"),
                       .time_ms = 5000,
                       .tests = { { "", "6" } } };
    struct submitted t = order_put(&o);
    struct job_status s;
    struct err e;

    await_running(&t);
    engine_sleep_ms(800);
    int64_t start = clock_mono_ns();
    engine_fixture.engine = engine_stop(engine_fixture.engine, clock_mono_ns() + 100 * NS_PER_MS);
    print_message("stopped in %ld ms\n", (long)((clock_mono_ns() - start) / NS_PER_MS));
    assert_int_equal(jobs_status(engine_fixture.jobs, t.id, &s, &e), 0);
    assert_int_equal(s.state, JOB_QUEUED);
    engine_fixture.jobs = jobs_close(engine_fixture.jobs);
    engine_open_table();
    engine_begin();
    json_auto_t *r = order_report(&t);
    report_expect(r, "OK", "judged by the next engine");
    assert_int_equal(report_int(r, "attempts"), 1);
}

/* The container of the process that has named itself so; "" when there is none. */
static void find_container(const char *comm, char ret_id[65])
{
    DIR *proc = opendir("/proc");
    assert_non_null(proc);
    ret_id[0] = '\0';
    for (const struct dirent *d; !ret_id[0] && (d = readdir(proc));) {
        char path[300], line[300] = "";
        (void)snprintf(path, sizeof path, "/proc/%.20s/comm", d->d_name);
        FILE *f = fopen(path, "re");
        bool is_it = f && fgets(line, sizeof line, f) && strncmp(line, comm, strlen(comm)) == 0;
        if (f)
            (void)fclose(f);
        (void)snprintf(path, sizeof path, "/proc/%.20s/cgroup", d->d_name);
        f = is_it ? fopen(path, "re") : NULL;
        while (f && fgets(line, sizeof line, f) && !ret_id[0])
            for (const char *p = line; *p && !ret_id[0]; p++)
                if (strspn(p, "0123456789abcdef") >= 64)
                    (void)snprintf(ret_id, 65, "%.64s", p);
        if (f)
            (void)fclose(f);
    }
    (void)closedir(proc);
}

/* Not the one that was killed last: its processes take a moment to go. */
static void kill_cell_of(const char *comm)
{
    static char last[65];
    char id[65] = "";
    struct docker *d = NULL;
    struct err e;

    for (int i = 0; i < 2000 && (!id[0] || strcmp(id, last) == 0); i++) {
        engine_sleep_ms(10);
        find_container(comm, id);
    }
    assert_int_equal(strlen(id), 64);
    (void)snprintf(last, sizeof last, "%s", id);
    assert_int_equal(docker_open(engine_fixture.config.docker_host, &d, &e), 0);
    assert_int_equal(docker_kill(d, id, &e), 0);
    (void)docker_free(d);
}

/* Cells that die under a submission cost attempts, and never give a verdict. */
static void test_lost_cells(void **state)
{
    (void)state;
    char comm[16], source[200];
    struct order o = { .language = "python", .source = source, .tests = { { "", "6" } } };

    for (int64_t lost = 1; lost <= JOB_ATTEMPTS_MAX; lost++) {
        (void)snprintf(comm, sizeof comm, "lost-%d-%ld", (int)getpid(), (long)lost);
        (void)snprintf(source, sizeof source,
                       "import time\nopen('/proc/self/comm', 'w').write('%s')\n"
                       "time.sleep(1)\nprint(6)\n",
                       comm);
        struct submitted t = order_put(&o);
        for (int64_t i = 0; i < lost; i++)
            kill_cell_of(comm);
        json_auto_t *r = order_report(&t);
        bool last = lost == JOB_ATTEMPTS_MAX;
        report_expect(r, last ? "-" : "OK", "cells lost");
        assert_int_equal(report_int(r, "attempts"), last ? lost : lost + 1);
        assert_int_equal(strstr(report_text(r, "error"), "3 attempts") != NULL, last);
        print_message("lost %ld: %s\n", (long)lost, report_text(r, "error"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_lost_cells),
    };
    if (engine_open(NULL) < 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return engine_close() < 0 || failed ? 1 : 0;
}
