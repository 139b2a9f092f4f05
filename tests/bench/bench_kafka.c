/* tests/bench/bench_kafka.c - from the topic to durable rows, against SQLite alone.
 *
 *     bench_kafka rows DIR COUNT   waits for the table that a server makes in DIR, and for COUNT
 * rows in it; prints rows a second, from the first it sees to the last bench_kafka bare DIR COUNT
 * makes a table of the same kind in DIR and inserts the same rows, 1000 to a FULL commit; prints
 * rows a second
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/store/db.h"
#include "schema/store/jobs.h"

enum { PER_COMMIT = 1000, START_S = 60, PATIENCE_S = 300 };

static void die(const char *what, const struct err *e)
{
    (void)fprintf(stderr, "bench_kafka: %s: %s\n", what, e->msg);
    exit(1);
}

static void print_rate(int64_t rows, int64_t begun_ns)
{
    (void)printf("%.0f\n", (double)rows * 1e9 / (double)(clock_mono_ns() - begun_ns));
}

static void nap(void)
{
    const struct timespec pause = { .tv_nsec = 5 * NS_PER_MS };

    (void)nanosleep(&pause, NULL);
}

/* ---- a server's rows ---- */

static struct db *open_when_there(const char *path)
{
    int64_t end = clock_mono_ns() + START_S * NS_PER_S;
    struct db *d = NULL;
    struct err e = { 0 };

    while (access(path, R_OK) < 0 || db_open(path, DB_READER, &d, &e) < 0) {
        if (clock_mono_ns() > end)
            die(path, &e);
        nap();
    }
    return d;
}

/* 0 while there is no such table yet. */
static int64_t count_rows(struct db *d)
{
    int64_t n = 0;
    struct err e;

    return db_number(d, "SELECT coalesce(max(seq), 0) FROM job", &n, &e) < 0 ? 0 : n;
}

static void watch(const char *path, int64_t count)
{
    struct db *d = open_when_there(path);
    int64_t n, first = 0, begun = 0, end = clock_mono_ns() + PATIENCE_S * NS_PER_S;
    struct err e = { .msg = "the rows do not come" };

    while ((n = count_rows(d)) < count) {
        if (first == 0 && n > 0) {
            first = n;
            begun = clock_mono_ns();
        }
        if (clock_mono_ns() > end)
            die(path, &e);
        nap();
    }
    print_rate(count - first, begun);
    (void)db_close(d);
}

/* ---- SQLite alone ---- */

struct row {
    char id[40], body[1024];
    uint8_t hash[32];
};

static void insert(struct db *d, const struct row *r, int64_t i)
{
    static const char job_sql[] = "INSERT INTO job(id, hash, language, submitted_ms, tests_total,"
                                  " publish) VALUES(?1, ?2, 'python', ?3, 1, 1)";
    static const char body_sql[] = "INSERT INTO body(seq, json) VALUES(?1, ?2)";
    static const char intake_sql[] = "INSERT INTO intake(stream, offset, seq, sent_ms)"
                                     " VALUES(1, ?1, ?2, ?3)";
    struct err e;
    struct db_stmt *job = db_prepare(d, job_sql, &e), *body = db_prepare(d, body_sql, &e),
                   *intake = db_prepare(d, intake_sql, &e);

    if (!job || !body || !intake)
        die("prepare", &e);
    db_bind_text(job, 1, r->id);
    db_bind_blob(job, 2, r->hash, sizeof r->hash);
    db_bind_int(job, 3, 1700000000000 + i / 30);
    db_bind_int(body, 1, i + 1);
    db_bind_text_n(body, 2, r->body, sizeof r->body);
    db_bind_int(intake, 1, i);
    db_bind_int(intake, 2, i + 1);
    db_bind_int(intake, 3, 1700000000000);
    if (db_run(job, &e) < 0 || db_run(body, &e) < 0 || db_run(intake, &e) < 0)
        die("insert", &e);
    (void)db_done(job);
    (void)db_done(body);
    (void)db_done(intake);
}

static void make_table(const char *dir)
{
    struct jobs_config c = { .dir = dir, .max_queued = 1 };
    struct jobs *j = NULL;
    struct err e = { 0 };

    if (jobs_open(&c, &j, &e) < 0)
        die("open", &e);
    (void)jobs_close(j);
}

static void bare(const char *dir, const char *path, int64_t count)
{
    struct row r = { .hash = { 0 } };
    struct db *d = NULL;
    struct err e = { 0 };

    make_table(dir);
    if (db_open(path, DB_WRITER, &d, &e) < 0 ||
        db_exec(d, "INSERT INTO stream(topic, partition) VALUES('t', 0)", &e) < 0)
        die("open", &e);
    memset(r.body, 'x', sizeof r.body);
    int64_t begun = clock_mono_ns();
    for (int64_t i = 0; i < count; i++) {
        if (i % PER_COMMIT == 0 && db_begin(d, &e) < 0)
            die("begin", &e);
        (void)snprintf(r.id, sizeof r.id, "p%08lld", (long long)i);
        insert(d, &r, i);
        if ((i % PER_COMMIT == PER_COMMIT - 1 || i == count - 1) && db_commit(d, &e) < 0)
            die("commit", &e);
    }
    print_rate(count, begun);
    (void)db_close(d);
}

int main(int argc, char **argv)
{
    char path[350];

    if (argc != 4 || (strcmp(argv[1], "rows") != 0 && strcmp(argv[1], "bare") != 0)) {
        (void)fputs("usage: bench_kafka rows|bare DIR COUNT\n", stderr);
        return 2;
    }
    (void)snprintf(path, sizeof path, "%s/scrc.db", argv[2]);
    if (strcmp(argv[1], "rows") == 0)
        watch(path, strtoll(argv[3], NULL, 10));
    else
        bare(argv[2], path, strtoll(argv[3], NULL, 10));
    return 0;
}
