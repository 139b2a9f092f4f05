/* tests/unit/test_postgres_texts.c - one server deletes the last submission that uses a text while
 * another one accepts the next with the same text: it has its text, whichever was first. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/base/text.h"
#include "schema/model/submission.h"
#include "schema/store/db.h"
#include "schema/store/jobs_retention.h"
#include "tests/support/assert_err.h"
#include "tests/support/job_table.h"
#include "tests/support/postgres.h"
#include "tests/support/row.h"
#include "tests/support/scratch.h"

#define ROUNDS     200
#define ALL_ROUNDS 10000

struct deleter {
    struct db *d;
    atomic_llong old; /* this row and those before it may go */
    atomic_bool stop;
    long long deleted, again;
    char failed[sizeof(struct err)];
};

static int delete_row(struct deleter *t, int64_t seq, struct err *e)
{
    if (db_begin(t->d, e) < 0)
        return -1;
    if (jobs_delete_contents(t->d, seq, e) == 0)
        return db_commit(t->d, e);
    db_rollback(t->d);
    return -1;
}

static void *delete_old_rows(void *arg)
{
    struct deleter *t = arg;

    while (!atomic_load(&t->stop) && !t->failed[0]) {
        struct err e = { 0 };
        if (t->deleted >= atomic_load(&t->old))
            continue; /* at once when there is one */
        if (delete_row(t, t->deleted + 1, &e) == 0)
            t->deleted++;
        else if (e.kind == ERR_AGAIN)
            t->again++;
        else
            (void)snprintf(t->failed, sizeof t->failed, "%s", e.msg);
    }
    return NULL;
}

static int64_t send_text(struct jobs *j, const char *text, int number)
{
    CLEANUP(freep) char *json = NULL;
    struct jobs_op op;

    assert_true(asprintf(&json,
                         "{\"id\":\"t%d\",\"language\":\"c\",\"source\":\"x\",\"tests\":["
                         "{\"input\":\"%s\",\"expected_output\":\"\"}]}",
                         number, text) > 0);
    assert_int_equal(row_send_json(j, json, &op), 0);
    return op.u.accept.seq;
}

static void a_text_that_is_deleted_and_sent_at_once(void **state)
{
    struct job_table t = { .dir = "/tmp/test_texts.XXXXXX", .url = postgres_url() };
    struct deleter deleter = { .d = NULL };
    int rounds = getenv("SCRC_TEST_ALL") ? ALL_ROUNDS : ROUNDS;
    char text[SUBMISSION_INLINE_MAX + 1];
    pthread_t thread;

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(text_init(), 0);
    assert_non_null(mkdtemp(t.dir));
    t.config = (struct jobs_config){ .instance = "one", .max_queued = ALL_ROUNDS };
    job_table_open(&t);
    ASSERT_OK(db_connect(t.url, DB_WRITER, &deleter.d, e));
    assert_int_equal(pthread_create(&thread, NULL, delete_old_rows, &deleter), 0);
    for (int i = 0; i < rounds; i++) {
        CLEANUP(submission_freep) struct submission *s = NULL;
        int64_t seq = send_text(t.j, text, i);
        ASSERT_OK(jobs_submission(t.j, seq, &s, e));
        assert_int_equal(s->tests[0].input.len, sizeof text - 1);
        assert_memory_equal(s->tests[0].input.data, text, sizeof text - 1);
        atomic_store(&deleter.old, seq);
    }
    atomic_store(&deleter.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_string_equal(deleter.failed, "");
    printf("%d rounds, 0 missing; %lld deleted, %lld again\n", rounds, deleter.deleted,
           deleter.again);
    assert_true(deleter.deleted > 0);
    deleter.d = db_close(deleter.d);
    t.j = jobs_close(t.j);
    scratch_remove(t.dir);
    postgres_drop(t.url);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_that_is_deleted_and_sent_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
