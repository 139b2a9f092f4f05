/* tests/unit/test_slots.c - which slot a server gets, and which it adopts; real tables, real locks.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/base/text.h"
#include "schema/store/outbox.h"
#include "schema/store/slots.h"
#include "tests/support/assert_err.h"
#include "tests/support/job_table.h"
#include "tests/support/row.h"
#include "tests/support/scratch.h"

/* A directory for slots, and those that are open. */
struct volume {
    struct job_table t; /* only its directory */
    struct slots_config config;
    struct {
        struct jobs *j;
        char *dir; /* NULL: free */
    } open[10];
    int skipped;
    char why[500];
};

static void count_skipped(void *ctx, const char *dir, const struct err *why)
{
    struct volume *v = ctx;

    v->skipped++;
    (void)snprintf(v->why, sizeof v->why, "%s: %s", strrchr(dir, '/') + 1, why->msg);
}

static int setup(void **state)
{
    struct volume *v = calloc(1, sizeof *v);

    assert_int_equal(text_init(), 0);
    (void)snprintf(v->t.dir, sizeof v->t.dir, "/tmp/test_slots.XXXXXX");
    assert_non_null(mkdtemp(v->t.dir));
    v->t.config = (struct jobs_config){ .dir = v->t.dir,
                                        .instance = "one",
                                        .max_queued = 100000,
                                        .lock_wait_ms = 3600000 /* of a plain table */ };
    v->config = (struct slots_config){ .table = &v->t.config, .skipped = count_skipped, .ctx = v };
    *state = v;
    return 0;
}

static int index_of(const char *dir) { return atoi(strrchr(dir, '-') + 1); }

static void release_slot(struct volume *v, int i)
{
    v->open[i].j = jobs_close(v->open[i].j);
    free(v->open[i].dir);
    v->open[i].dir = NULL;
}

static int teardown(void **state)
{
    struct volume *v = *state;

    for (int i = 0; i < (int)ARRAY_LEN(v->open); i++)
        release_slot(v, i);
    scratch_remove(v->t.dir);
    free(v);
    return 0;
}

/* The number of the slot that is now open. */
static int store_slot(struct volume *v, struct jobs *j, char *dir)
{
    int i = index_of(dir);

    assert_memory_equal(dir, v->t.dir, strlen(v->t.dir));
    assert_null(v->open[i].dir);
    v->open[i].j = j;
    v->open[i].dir = dir;
    return i;
}

static int take(struct volume *v)
{
    struct jobs *j = NULL;
    char *dir = NULL;
    struct err e = { 0 };

    if (slots_take(&v->config, &j, &dir, &e) < 0)
        fail_msg("%s", e.msg);
    return store_slot(v, j, dir);
}

/* -1: there is no slot to adopt. */
static int adopt(struct volume *v)
{
    struct jobs *j = NULL;
    char *dir = NULL;
    struct err e = { 0 };

    if (slots_adopt(&v->config, &j, &dir, &e) < 0)
        fail_msg("%s", e.msg);
    return j ? store_slot(v, j, dir) : -1;
}

static void in_dir(struct volume *v, const char *command)
{
    char line[600];

    (void)snprintf(line, sizeof line, "cd '%s' && %s", v->t.dir, command);
    assert_int_equal(system(line), 0); /* NOLINT(cert-env33-c): fixed texts */
}

/* Slots 0 to n - 1, all free. */
static void make_slots(struct volume *v, int n)
{
    for (int i = 0; i < n; i++)
        assert_int_equal(take(v), i);
    for (int i = 0; i < n; i++)
        release_slot(v, i);
}

/* ---- start ---- */

static void each_server_has_its_own(void **state)
{
    struct volume *v = *state;

    assert_false(slots_exist(v->t.dir));
    make_slots(v, 3);
    assert_true(slots_exist(v->t.dir));
    assert_int_equal(take(v), 0); /* the lowest free one */
    assert_int_equal(take(v), 1);
    release_slot(v, 0);
    assert_int_equal(take(v), 0);
    assert_int_equal(v->skipped, 0);
}

static void unfinished_work_goes_first(void **state)
{
    struct volume *v = *state;

    make_slots(v, 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(take(v), i);
    (void)row_accept(v->open[2].j, "queued", "c");
    (void)row_accept(v->open[3].j, "running", "c");
    (void)row_claim_c(v->open[3].j);
    (void)row_accept(v->open[1].j, "final", "c");
    row_finish_ok(v->open[1].j, row_claim_c(v->open[1].j), "final", VERDICT_OK, 1);
    for (int i = 0; i < 4; i++)
        release_slot(v, i);
    assert_int_equal(take(v), 2);
    assert_int_equal(take(v), 3);
    assert_int_equal(row_status(v->open[3].j, "running").state, JOB_QUEUED);
    assert_int_equal(take(v), 0);
    assert_int_equal(take(v), 1);
}

static void an_outbox_is_work_if_we_publish(void **state)
{
    struct volume *v = *state;
    struct jobs_op op = { .kind = JOBS_PUBLISH, .u.publish.id = "a" };
    struct err e = { 0 };

    make_slots(v, 2);
    assert_int_equal(take(v), 0);
    assert_int_equal(take(v), 1);
    (void)row_accept(v->open[1].j, "a", "c");
    row_finish_ok(v->open[1].j, row_claim_c(v->open[1].j), "a", VERDICT_OK, 1);
    assert_int_equal(jobs_do(v->open[1].j, &op, &e), 0);
    release_slot(v, 1);
    assert_int_equal(adopt(v), -1);
    v->config.outbox = true;
    assert_int_equal(adopt(v), 1);
    release_slot(v, 0);
    release_slot(v, 1);
    assert_int_equal(take(v), 1);
}

struct taker {
    struct volume *v;
    struct jobs *j;
    char *dir;
    int rc;
};

static void *take_at_once(void *arg)
{
    struct taker *x = arg;
    struct err e;

    x->rc = slots_take(&x->v->config, &x->j, &x->dir, &e);
    return NULL;
}

static void servers_that_start_together_share_no_slot(void **state)
{
    struct volume *v = *state;
    struct taker takers[8];
    pthread_t threads[ARRAY_LEN(takers)];

    for (size_t i = 0; i < ARRAY_LEN(takers); i++) {
        takers[i] = (struct taker){ .v = v };
        assert_int_equal(pthread_create(&threads[i], NULL, take_at_once, &takers[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(takers); i++)
        (void)pthread_join(threads[i], NULL);
    for (size_t i = 0; i < ARRAY_LEN(takers); i++) {
        assert_int_equal(takers[i].rc, 0);
        (void)store_slot(v, takers[i].j, takers[i].dir); /* fails for one that is open already */
    }
    assert_int_equal(v->skipped, 0);
}

/* ---- adopting ---- */

static void idle_slots_are_adopted(void **state)
{
    struct volume *v = *state;

    assert_int_equal(adopt(v), -1); /* no directory */
    make_slots(v, 3);
    assert_int_equal(take(v), 0);
    assert_int_equal(take(v), 1);
    assert_int_equal(take(v), 2);
    for (int i = 0; i < 3; i++)
        (void)row_accept(v->open[i].j, "a", "c");
    assert_int_equal(adopt(v), -1); /* all have a server */
    release_slot(v, 1);
    release_slot(v, 2);
    assert_int_equal(adopt(v), 1);
    assert_int_equal(adopt(v), 2);
    row_finish_ok(v->open[1].j, row_claim_c(v->open[1].j), "a", VERDICT_OK, 1);
    release_slot(v, 1);
    assert_int_equal(adopt(v), -1); /* finished */
}

static void work_for_others_is_not_adopted(void **state)
{
    static const char *const java[] = { "java", NULL }, *const both[] = { "java", "c", NULL };
    struct volume *v = *state;

    assert_int_equal(take(v), 0);
    (void)row_accept(v->open[0].j, "a", "c");
    release_slot(v, 0);
    v->config.languages = java;
    assert_int_equal(adopt(v), -1);
    v->config.languages = both;
    assert_int_equal(adopt(v), 0);
    assert_int_equal(row_claim_c(v->open[0].j), 1); /* and while it runs, too */
    release_slot(v, 0);
    v->config.languages = java;
    assert_int_equal(adopt(v), -1);
    v->config.languages = NULL;
    assert_int_equal(adopt(v), 0);
}

/* A server that takes a slot, accepts one row, and dies. */
struct child_server {
    pid_t pid;
    int to_child, from_child; /* pipes to it and from it */
};

/* Forks before there are threads: in the child nobody would release the
 * lock of another thread. */
static struct child_server start_child(struct volume *v)
{
    struct child_server m;
    int to_child[2], from_child[2];
    char byte;

    assert_int_equal(pipe(to_child), 0);
    assert_int_equal(pipe(from_child), 0);
    m = (struct child_server){ .pid = fork(),
                               .to_child = to_child[1],
                               .from_child = from_child[0] };
    assert_true(m.pid >= 0);
    if (m.pid == 0) {
        if (read(to_child[0], &byte, 1) == 1)
            (void)row_accept(v->open[take(v)].j, "promised", "c");
        _exit(write(from_child[1], "x", 1) == 1 && pause() ? 1 : 2);
    }
    (void)close(to_child[0]);
    (void)close(from_child[1]);
    return m;
}

static void promise_and_die(const struct child_server *m)
{
    char byte;

    assert_int_equal(write(m->to_child, "x", 1), 1);
    assert_int_equal(read(m->from_child, &byte, 1), 1);
    (void)kill(m->pid, SIGKILL);
    assert_int_equal(waitpid(m->pid, NULL, 0), m->pid);
    (void)close(m->to_child);
    (void)close(m->from_child);
}

static void accepted_rows_of_a_killed_server_are_found(void **state)
{
    struct volume *v = *state;
    struct child_server m = start_child(v);

    assert_int_equal(take(v), 0);
    promise_and_die(&m);
    assert_int_equal(adopt(v), 1);
    assert_int_equal(row_status(v->open[1].j, "promised").state, JOB_QUEUED);
}

/* ---- odd directories ---- */

static void only_slots_are_slots(void **state)
{
    struct volume *v = *state;

    in_dir(v,
           "mkdir slot- slot-00 slot-01 slot-x slot-1x slot--1 slot-1000 slot-99999 'slot- 1' x");
    assert_false(slots_exist(v->t.dir));
    assert_int_equal(take(v), 0);
    in_dir(v, "mkdir slot-2 slot-5"); /* empty: a server died before it created its table */
    assert_int_equal(take(v), 2);
    in_dir(v, ": > slot-5/scrc.db");
    assert_int_equal(adopt(v), -1);
    assert_int_equal(take(v), 5);
    assert_int_equal(take(v), 1);
    assert_int_equal(v->skipped, 0);
}

static void a_plain_table_is_refused(void **state)
{
    struct volume *v = *state;
    struct jobs *j = NULL;
    char *dir = NULL;
    struct err e = { 0 };

    assert_int_equal(jobs_open(&v->t.config, &j, &e), 0);
    (void)row_accept(j, "a", "c");
    j = jobs_close(j);
    assert_int_equal(slots_take(&v->config, &j, &dir, &e), -1);
    assert_int_equal(e.kind, ERR_SETTING);
    print_message("    %s\n", e.msg);
    in_dir(v, "mkdir slot-0 && mv scrc.db* slot-0"); /* as the message says */
    assert_int_equal(take(v), 0);
    assert_int_equal(row_status(v->open[0].j, "a").state, JOB_QUEUED);
}

static void a_damaged_slot_is_skipped_and_reported(void **state)
{
    static const struct {
        const char *harm, *why;
    } cases[] = {
        { "seq 5000 > slot-0/scrc.db && rm -f slot-0/scrc.db-*", "not a database" },
        { "rm slot-0/scrc.db && mkdir slot-0/scrc.db", "slot-0" },
        { "rm -r slot-0 && : > slot-0", "slot-0" },
    };
    struct volume *v = *state;

    make_slots(v, 1);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        in_dir(v, cases[i].harm);
        v->skipped = 0;
        assert_int_equal(take(v), 1);
        print_message("    %s\n", v->why);
        assert_true(v->skipped > 0);
        assert_non_null(strstr(v->why, cases[i].why));
        v->skipped = 0;
        assert_int_equal(adopt(v), -1);
        assert_int_equal(v->skipped, i < 2); /* the last one is no directory */
        release_slot(v, 1);
    }
}

static void a_newer_slot_is_skipped_and_reported(void **state)
{
    struct volume *v = *state;
    struct job_table slot = { .dir = "" };

    make_slots(v, 1);
    (void)snprintf(slot.dir, sizeof slot.dir, "%.100s/slot-0", v->t.dir);
    job_table_write(&slot, "PRAGMA user_version = 99");
    assert_int_equal(take(v), 1);
    assert_int_equal(v->skipped, 1);
    assert_non_null(strstr(v->why, "newer scrc"));
}

static void a_slot_that_cannot_be_created_is_an_error(void **state)
{
    struct volume *v = *state;
    struct jobs *j = NULL;
    char *dir = NULL;
    struct err e = { 0 };

    v->t.config.dir = "/proc/nowhere";
    assert_int_equal(slots_take(&v->config, &j, &dir, &e), -1);
    assert_int_equal(e.kind, ERR_DISK);
    print_message("    %s\n", e.msg);
    assert_non_null(strstr(e.msg, "/proc/nowhere"));
    v->t.config.dir = "/proc/self/status"; /* not a directory */
    assert_int_equal(slots_take(&v->config, &j, &dir, &e), -1);
    assert_int_equal(e.kind, ERR_DISK);
    assert_int_equal(slots_adopt(&v->config, &j, &dir, &e), -1);
    assert_null(j);
    v->t.config.dir = v->t.dir;
}

#define ON_VOLUME(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_VOLUME(each_server_has_its_own),
        ON_VOLUME(unfinished_work_goes_first),
        ON_VOLUME(an_outbox_is_work_if_we_publish),
        ON_VOLUME(servers_that_start_together_share_no_slot),
        ON_VOLUME(idle_slots_are_adopted),
        ON_VOLUME(work_for_others_is_not_adopted),
        ON_VOLUME(accepted_rows_of_a_killed_server_are_found),
        ON_VOLUME(only_slots_are_slots),
        ON_VOLUME(a_plain_table_is_refused),
        ON_VOLUME(a_damaged_slot_is_skipped_and_reported),
        ON_VOLUME(a_newer_slot_is_skipped_and_reported),
        ON_VOLUME(a_slot_that_cannot_be_created_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
