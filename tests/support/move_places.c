#include "tests/support/move_places.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/text.h"
#include "schema/store/move/move_table.h"
#include "tests/support/assert_err.h"
#include "tests/support/postgres.h"
#include "tests/support/row.h"
#include "tests/support/scratch.h"

#define LEASE_MS 1000

int move_places_setup(void **state)
{
    struct move_places *p = calloc(1, sizeof *p);

    assert_int_equal(text_init(), 0);
    (void)snprintf(p->dir, sizeof p->dir, "/tmp/test_move.XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    (void)snprintf(p->file, sizeof p->file, "sqlite:%s/a", p->dir);
    (void)snprintf(p->other, sizeof p->other, "sqlite:%s/b", p->dir);
    p->database = postgres_url();
    *state = p;
    return 0;
}

int move_places_teardown(void **state)
{
    struct move_places *p = *state;

    postgres_drop(p->database);
    scratch_remove(p->dir);
    free(p);
    return 0;
}

static void tell(void *ctx, const char *what, int64_t rows, bool checked)
{
    struct move_places *p = ctx;

    (void)what;
    if (!checked)
        p->told += rows;
}

int move_places_run(struct move_places *p, const char *from, const char *to, struct move_result *r,
                    struct err *e)
{
    const struct move_config c = { .source = from,
                                   .target = to,
                                   .lease_timeout_ms = LEASE_MS,
                                   .progress = tell,
                                   .progress_ctx = p };
    p->told = 0;
    return move_run(&c, r, e);
}

/* ---- what is in a place ---- */

bool move_places_in_file(const char *place) { return strncmp(place, "sqlite:", 7) == 0; }

struct jobs_config move_places_config(const struct move_places *p, const char *place)
{
    struct jobs_config c = {
        .dir = p->dir, .instance = "one", .max_queued = 1000000, .lease_timeout_ms = LEASE_MS
    };

    if (move_places_in_file(place))
        c.dir = place + 7;
    else
        c.url = place;
    return c;
}

struct jobs *move_places_open(const struct move_places *p, const char *place)
{
    const struct jobs_config c = move_places_config(p, place);
    struct jobs *j = NULL;

    ASSERT_OK(jobs_open(&c, &j, e));
    return j;
}

struct db *move_places_db(const char *place)
{
    struct db *d = NULL;
    char path[200];

    if (move_places_in_file(place)) {
        (void)snprintf(path, sizeof path, "%s/scrc.db", place + 7);
        ASSERT_OK(db_open(path, DB_WRITER, &d, e));
    } else {
        ASSERT_OK(db_connect(place, DB_WRITER, &d, e));
    }
    return d;
}

void move_places_write(const char *place, const char *sql)
{
    CLEANUP(db_closep) struct db *d = move_places_db(place);
    ASSERT_OK(db_exec(d, sql, e));
}

int64_t move_places_ask(const char *place, const char *sql)
{
    CLEANUP(db_closep) struct db *d = move_places_db(place);
    int64_t n = -1;

    ASSERT_OK(db_number(d, sql, &n, e));
    return n;
}

/* A table that servers have worked on and left, with a row of every kind and every column filled in
 * some row. */
void move_places_fill(const struct move_places *p, const char *place)
{
    struct jobs *j = move_places_open(p, place);
    int64_t done = row_accept(j, "done", "c");
    (void)row_accept(j, "queued", "c");

    assert_int_equal(row_claim_c(j), done);
    row_finish_ok(j, done, "done", VERDICT_OK, 12);
    j = jobs_close(j);
    move_places_write(
        place,
        "UPDATE job SET told_id = 'told', owner = 'who', origin_stream = 3, origin_offset = 4,"
        " publish = 1, attempts = 2, restarts = 1, host_faults = 5, expired = 1,"
        " cpu_time_ms = 7, error = 'ä', labels = '{\"a\":\"ä\"}' WHERE id = 'done';"
        "INSERT INTO job_label(label, submitted, job_seq) SELECT l, submitted_ms + m, 1 FROM job,"
        " (SELECT 'a:ä' AS l, 0 AS m UNION ALL SELECT 'a:ä', 1 UNION ALL SELECT 'a:z', 0) AS x"
        " WHERE id = 'done';"
        "INSERT INTO stream(number, topic, partition) VALUES(3, 'in', 1), (9, 'in', 2);"
        "INSERT INTO intake(stream, \"offset\", seq, sent_ms, digest) VALUES(3, 4, 1, 5, -6),"
        " (3, 7, NULL, NULL, NULL), (9, 0, 2, 0, 0);"
        "INSERT INTO watermark(topic, partition, \"offset\") VALUES('out', 0, 8),"
        " ('out', 1, 9);");
    move_places_write(
        place, move_places_in_file(place)
                   ? "INSERT INTO text(number, hash, body) VALUES(5, x'00ff', x'0001'),"
                     " (6, x'01', x'');"
                     "INSERT INTO message_headers(seq, headers) VALUES(1, x'0a00');"
                     "INSERT INTO outbox(number, kind, seq, key, payload, reason, topic,"
                     " partition, offset, sent_ms, headers, digest, created_ms)"
                     " VALUES(70, 0, 1, x'00', x'ff', 'why', 't', 1, 2, 3, x'04', 5, 6),"
                     " (71, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 7),"
                     " (90, 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 7);"
                   : "INSERT INTO text(number, hash, body) VALUES(5, '\\x00ff', '\\x0001'),"
                     " (6, '\\x01', '');"
                     "INSERT INTO message_headers(seq, headers) VALUES(1, '\\x0a00');"
                     "INSERT INTO outbox(number, kind, seq, key, payload, reason, topic,"
                     " partition, \"offset\", sent_ms, headers, digest, created_ms)"
                     " VALUES(70, 0, 1, '\\x00', '\\xff', 'why', 't', 1, 2, 3, '\\x04', 5, 6),"
                     " (71, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 7),"
                     " (90, 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 7);"
                     "SELECT setval('outbox_number', 90);");
    move_places_write(place, "DELETE FROM outbox WHERE number = 90;" /* it is in Kafka */
                             "INSERT INTO text_use(seq, text) VALUES(1, 5), (2, 5), (2, 6)");
}

/* Every column of every table that is moved, in words that both kinds of database have. */
void move_places_assert_same(const char *a, const char *b)
{
    char sql[2000];

    for (size_t i = 0; i < MOVE_TABLES; i++) {
        const struct move_table *t = &move_table_all[i];
        CLEANUP(db_closep) struct db *da = move_places_db(a);
        CLEANUP(db_closep) struct db *db = move_places_db(b);
        struct err e;
        int n = 1;

        (void)snprintf(sql, sizeof sql, "SELECT %s FROM %s ORDER BY %.*s", t->columns, t->name,
                       (int)move_table_names(t, t->keys), t->columns);
        CLEANUP(db_donep) struct db_stmt *qa = db_prepare_once(da, sql, &e);
        CLEANUP(db_donep) struct db_stmt *qb = db_prepare_once(db, sql, &e);
        assert_true(qa && qb);
        while (n > 0) {
            n = db_step(qa, &e);
            assert_int_equal(db_step(qb, &e), n);
            for (int c = 0; n > 0 && c < (int)strlen(t->types); c++) {
                size_t la, lb;
                assert_int_equal(db_is_null(qa, c), db_is_null(qb, c));
                if (t->types[c] == 'i') {
                    assert_int_equal(db_int(qa, c), db_int(qb, c));
                    continue;
                }
                const void *va = db_blob(qa, c, &la), *vb = db_blob(qb, c, &lb);
                assert_int_equal(la, lb);
                assert_memory_equal(va, vb, la);
            }
        }
        assert_int_equal(n, 0);
    }
}
