/* tests/bench/bench_outbox.c - from the outbox to its topic, against librdkafka alone.
 *
 *     bench_outbox make DIR COUNT            a table whose outbox holds COUNT reports
 *     bench_outbox sent DIR COUNT            waits for the server that is started on it; prints
 *                                            rows a second, from the first that went to the last
 *     bench_outbox bare BROKERS TOPIC COUNT BYTES
 *                                            the same by an idempotent producer that has sent one
 *                                            message before; prints messages a second, to the last
 *                                            acknowledgement
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/model/report.h"
#include "schema/store/db.h"
#include "schema/store/jobs.h"

enum { PATIENCE_S = 120 };

static void die(const char *what, const char *why)
{
    (void)fprintf(stderr, "bench_outbox: %s: %s\n", what, why);
    exit(1);
}

static void print_rate(int64_t n, int64_t begun_ns)
{
    (void)printf("%.0f\n", (double)n * 1e9 / (double)(clock_mono_ns() - begun_ns));
}

static struct db *open_db(const char *dir, enum db_mode mode)
{
    struct db *d = NULL;
    char path[350];
    struct err e;

    (void)snprintf(path, sizeof path, "%s/scrc.db", dir);
    if (db_open(path, mode, &d, &e) < 0)
        die(path, e.msg);
    return d;
}

/* ---- a table ---- */

/* What a judged program of one test leaves: all others are its copies. */
static void judge_one(struct jobs *j)
{
    static const char *const languages[] = { "python", NULL };
    static char json[] = "{\"language\":\"python\",\"source\":\"print(1)\",\"tests\":[{"
                         "\"number\":1,\"input\":\"\",\"expected_output\":\"1\"}]}";
    struct submission s = { .id = (char[]){ "p0" }, .language = (char[]){ "python" } };
    struct submission_packed packed = { .json = json, .json_len = sizeof json - 1 };
    struct test_report test = { .number = 1, .verdict = VERDICT_OK, .ran = true };
    struct report r = { .id = s.id,
                        .language = s.language,
                        .verdict = VERDICT_OK,
                        .has_tests = true,
                        .ran = true,
                        .tests = &test,
                        .tests_len = 1 };
    struct jobs_op accept = { .kind = JOBS_ACCEPT,
                              .u.accept = { .submission = &s, .packed = &packed } };
    struct jobs_op claim = { .kind = JOBS_CLAIM, .u.claim.languages = languages };
    struct jobs_op finish = { .kind = JOBS_FINISH };
    struct err e;

    r.out = test.out = (struct bytes){ .data = (char[]){ "1\n" }, .len = 2 };
    if (jobs_do(j, &accept, &e) < 0 || jobs_do(j, &claim, &e) < 0)
        die("accept", e.msg);
    finish.u.finish.seq = claim.u.claim.seq;
    finish.u.finish.claim = claim.u.claim.claim;
    finish.u.finish.report = &r;
    if (jobs_do(j, &finish, &e) < 0)
        die("finish", e.msg);
}

static void make(const char *dir, int64_t count)
{
    struct jobs_config c = {
        .dir = dir, .instance = "bench", .max_queued = 1, .publish_all = true
    };
    struct jobs *j = NULL;
    char sql[1600];
    struct err e;

    if (jobs_open(&c, &j, &e) < 0)
        die("open", e.msg);
    judge_one(j);
    (void)jobs_close(j);
    struct db *d = open_db(dir, DB_WRITER);
    (void)snprintf(
        sql, sizeof sql,
        "BEGIN; CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1"
        " FROM n LIMIT %lld) SELECT i FROM n;"
        "INSERT INTO job(id, hash, state, language, submitted_ms, tests_total, attempts,"
        " finished_ms, verdict, tests_passed, duration_ms, cpu_time_ms, memory_bytes, error,"
        " publish) SELECT 'p' || i, hash, state, language, submitted_ms, tests_total, attempts,"
        " finished_ms, verdict, tests_passed, duration_ms, cpu_time_ms, memory_bytes, error, 1"
        " FROM job, n WHERE seq = 1;"
        "INSERT INTO body(seq, json) SELECT 1 + i, json FROM body, n WHERE seq = 1;"
        "INSERT INTO report(seq, json) SELECT 1 + i, replace(json, '\"p0\"', '\"p' || i || '\"')"
        " FROM report, n WHERE seq = 1;"
        "INSERT INTO outbox(kind, seq, created_ms) SELECT 0, seq, finished_ms FROM job"
        " WHERE seq > 1; DELETE FROM outbox WHERE seq = 1; COMMIT",
        (long long)count);
    if (db_exec(d, sql, &e) < 0)
        die("fill", e.msg);
    (void)db_close(d);
}

static void watch(const char *dir, int64_t count)
{
    const struct timespec pause = { .tv_nsec = 2 * NS_PER_MS };
    struct db *d = open_db(dir, DB_READER);
    int64_t n = count, first = count, begun = 0, end = clock_mono_ns() + PATIENCE_S * NS_PER_S;
    struct err e;

    while (n > 0) {
        if (db_number(d, "SELECT count(*) FROM outbox", &n, &e) < 0)
            die("count", e.msg);
        if (begun == 0 && n < count) {
            first = n;
            begun = clock_mono_ns();
        }
        if (clock_mono_ns() > end)
            die(dir, "its outbox does not go");
        (void)nanosleep(&pause, NULL);
    }
    print_rate(first, begun);
    (void)db_close(d);
}

/* ---- librdkafka alone ---- */

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *ctx)
{
    int64_t *acknowledged = ctx;

    (void)rk;
    if (m->err)
        die("delivery", rd_kafka_err2str(m->err));
    ++*acknowledged;
}

static void produce(rd_kafka_t *rk, const char *topic, char *body, size_t bytes, int64_t count)
{
    char key[24];

    for (int64_t i = 0; i < count; i++) {
        int n = snprintf(key, sizeof key, "p%lld", (long long)i);
        rd_kafka_resp_err_t code = rd_kafka_producev(
            rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(key, (size_t)n),
            RD_KAFKA_V_VALUE(body, bytes),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_BLOCK), RD_KAFKA_V_END);
        if (code)
            die("produce", rd_kafka_err2str(code));
        (void)rd_kafka_poll(rk, 0);
    }
    (void)rd_kafka_flush(rk, PATIENCE_S * 1000);
}

static void bare(const char *brokers, const char *topic, int64_t count, size_t bytes)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    int64_t acknowledged = 0;
    char why[300];
    char *body = malloc(bytes);

    if (!body)
        die("body", "out of memory");
    memset(body, 'x', bytes);
    if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof why) ||
        rd_kafka_conf_set(conf, "enable.idempotence", "true", why, sizeof why))
        die("settings", why);
    rd_kafka_conf_set_opaque(conf, &acknowledged);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!rk)
        die("producer", why);
    produce(rk, topic, body, bytes, 1);
    int64_t begun = clock_mono_ns();
    produce(rk, topic, body, bytes, count);
    if (acknowledged < count + 1)
        die(topic, "not everything was acknowledged");
    print_rate(count, begun);
    rd_kafka_destroy(rk);
    free(body);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "make") == 0)
        make(argv[2], strtoll(argv[3], NULL, 10));
    else if (argc == 4 && strcmp(argv[1], "sent") == 0)
        watch(argv[2], strtoll(argv[3], NULL, 10));
    else if (argc == 6 && strcmp(argv[1], "bare") == 0)
        bare(argv[2], argv[3], strtoll(argv[4], NULL, 10), (size_t)strtoll(argv[5], NULL, 10));
    else
        return (void)fputs("usage: bench_outbox make|sent DIR COUNT\n"
                           "       bench_outbox bare BROKERS TOPIC COUNT BYTES\n",
                           stderr),
               2;
    return 0;
}
