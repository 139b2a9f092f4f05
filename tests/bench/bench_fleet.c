/* tests/bench/bench_fleet.c - what script/bench asks of servers that share a PostgreSQL database.
 *
 *     bench_fleet rows URL COUNT EACH
 *         The rows of COUNT submissions of 1 KB by libpq alone, EACH a transaction. Prints how many
 *         a second.
 *     bench_fleet judge URL DIR COUNT CALLERS
 *         COUNT rows that are queued there are claimed and finished through the job table, by
 *         CALLERS threads. Prints how many a second.
 *     bench_fleet post BODY COUNT CLIENTS PORT...
 *         COUNT POSTs of the file BODY over CLIENTS connections, dealt to the servers in turn.
 *         Prints the median in microseconds and how many a second.
 *
 * Whatever goes wrong ends it with 1.
 */
#include <endian.h>
#include <err.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "schema/base/base.h"
#include "schema/base/err.h"
#include "schema/base/text.h"
#include "schema/model/report.h"
#include "schema/model/verdict.h"
#include "schema/store/jobs.h"

#define CLIENTS_MAX 256
#define BODY_BYTES  1024

static void print_rate(int64_t count, int64_t began)
{
    printf("%.1f\n", (double)count * (double)NS_PER_S / (double)(now_ns() - began));
}

static int run_threads(int64_t count, void *(*main)(void *), void *each, size_t size)
{
    pthread_t threads[CLIENTS_MAX];

    if (count < 1 || count > CLIENTS_MAX)
        errx(1, "1 to %d of them", CLIENTS_MAX);
    for (int64_t i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, main, (char *)each + (size_t)i * size) != 0)
            errx(1, "thread");
    for (int64_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

/* ---- rows: what an accept stores, and nothing of how it comes to it ---- */

static const char insert_job[] =
    "INSERT INTO job(id, hash, language, submitted_ms, tests_total)"
    " VALUES($1::text, '\\x'::bytea, 'c', 1700000000000, 1) RETURNING seq";
static const char insert_body[] = "INSERT INTO body(seq, json) VALUES($1::bigint, $2::bytea)";
static const char insert_feed[] =
    "INSERT INTO feed(seq, id, was, state, returned, language, verdict, judged, total_ms,"
    " queue_ms, build_ms, run_ms, created_ms, claim) VALUES($1::bigint, $2::text,"
    " -1, 0, 0, 'c', 0, 0, 0, 0, 0, 0, 1700000000000, 0)";

static PGresult *check(PGconn *pg, PGresult *r)
{
    if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
        errx(1, "PostgreSQL: %s", PQerrorMessage(pg));
    return r;
}

static void run(PGconn *pg, const char *sql) { PQclear(check(pg, PQexec(pg, sql))); }

static int64_t run_prepared(PGconn *pg, const char *name, int len, const char *const *values,
                            const int *lengths)
{
    static const int binary[] = { 1, 1 };
    int64_t seq = 0;
    PGresult *r = check(pg, PQexecPrepared(pg, name, len, values, lengths, binary, 1));

    if (PQntuples(r) > 0)
        memcpy(&seq, PQgetvalue(r, 0, 0), sizeof seq);
    PQclear(r);
    return seq;
}

static void insert_one(PGconn *pg, const char *prefix, int64_t n)
{
    char id[60], body[BODY_BYTES];
    int id_len = snprintf(id, sizeof id, "%s-%lld", prefix, (long long)n);

    memset(body, 'x', sizeof body);
    int64_t seq = run_prepared(pg, "job", 1, (const char *const[]){ id }, &id_len);
    run_prepared(pg, "body", 2, (const char *const[]){ (const char *)&seq, body },
                 (const int[]){ sizeof seq, sizeof body });
    run_prepared(pg, "feed", 2, (const char *const[]){ (const char *)&seq, id },
                 (const int[]){ sizeof seq, id_len });
}

static int bench_rows(char *argv[])
{
    int64_t count = number(argv[1]), each = number(argv[2]);
    char prefix[TEXT_ID_SIZE];
    PGconn *pg = PQconnectdb(argv[0]);

    if (text_init() < 0)
        errx(1, "no random numbers");
    text_random_id(prefix);
    PQclear(check(pg, PQprepare(pg, "job", insert_job, 0, NULL)));
    PQclear(check(pg, PQprepare(pg, "body", insert_body, 0, NULL)));
    PQclear(check(pg, PQprepare(pg, "feed", insert_feed, 0, NULL)));
    int64_t began = now_ns();
    for (int64_t n = 0; n < count; n++) {
        if (n % each == 0)
            run(pg, "BEGIN");
        insert_one(pg, prefix, n);
        if (n % each == each - 1 || n == count - 1)
            run(pg, "COMMIT");
    }
    print_rate(count, began);
    PQfinish(pg);
    return 0;
}

/* ---- judge: claim and finish ---- */

struct judge {
    struct jobs *jobs;
    int64_t count;
};

static void do_op(struct jobs *j, struct jobs_op *op, const char *what)
{
    struct err e = { 0 };

    if (jobs_do(j, op, &e) < 0)
        errx(1, "%s: %s", what, e.msg);
}

static void *judge_some(void *arg)
{
    static const char *const languages[] = { "c", NULL };
    const struct judge *judge = arg;

    for (int64_t i = 0; i < judge->count; i++) {
        struct jobs_op claim = { .kind = JOBS_CLAIM, .u.claim.languages = languages };
        do_op(judge->jobs, &claim, "claim");
        if (claim.u.claim.seq == 0)
            errx(1, "nothing is queued");
        struct test_report test = { .number = 1, .verdict = VERDICT_OK, .ran = true };
        struct report r = { .id = claim.u.claim.id,
                            .language = (char[]){ "c" },
                            .verdict = VERDICT_OK,
                            .has_tests = true,
                            .ran = true,
                            .tests = &test,
                            .tests_len = 1,
                            .attempts = 1 };
        struct jobs_op finish = {
            .kind = JOBS_FINISH,
            .u.finish = { .seq = claim.u.claim.seq, .claim = claim.u.claim.claim, .report = &r }
        };
        do_op(judge->jobs, &finish, "finish");
    }
    return NULL;
}

static int bench_judge(char *argv[])
{
    int64_t count = number(argv[2]), callers = number(argv[3]);
    struct judge each[CLIENTS_MAX];
    char instance[TEXT_ID_SIZE] = "";
    struct jobs_config c = {
        .url = argv[0], .dir = argv[1], .instance = instance, .max_queued = 10000000, .slots = 1
    };
    struct jobs *j = NULL;
    struct err e = { 0 };

    if (text_init() < 0)
        errx(1, "no random numbers");
    text_random_id(instance);
    if (jobs_open(&c, &j, &e) < 0)
        errx(1, "open: %s", e.msg);
    for (int64_t i = 0; i < callers && i < CLIENTS_MAX; i++)
        each[i] = (struct judge){ .jobs = j, .count = count / callers + (i < count % callers) };
    int64_t began = now_ns();
    (void)run_threads(callers, judge_some, each, sizeof each[0]);
    print_rate(count, began);
    (void)jobs_close(j);
    return 0;
}

/* ---- post: to many servers ---- */

struct poster {
    struct request request;
    uint16_t port;
    int64_t count;
    int64_t *took; /* of each answer, in ns */
};

static void *post_some(void *arg)
{
    const struct poster *p = arg;
    int fd = dial(p->port);

    for (int64_t i = 0; i < p->count; i++) {
        int64_t began = now_ns();
        int status = exchange(fd, &p->request);
        if (status != 202)
            errx(1, "the server answered %d", status);
        p->took[i] = now_ns() - began;
    }
    return NULL;
}

static struct request read_request(const char *file)
{
    static char body[64 * 1024];
    FILE *f = fopen(file, "re");

    if (!f)
        err(1, "%s", file);
    size_t len = fread(body, 1, sizeof body, f);
    fclose(f);
    return make_request("POST /submissions HTTP/1.1", "Content-Type: application/json\r\n", body,
                        len);
}

static int bench_post(int ports, char *argv[])
{
    int64_t count = number(argv[1]), clients = number(argv[2]), begun = 0;
    struct poster each[CLIENTS_MAX];
    int64_t *took = calloc((size_t)count + 1, sizeof *took);

    if (!took)
        errx(1, "nothing to count");
    for (int64_t i = 0; i < clients && i < CLIENTS_MAX; i++) {
        each[i] = (struct poster){ .request = read_request(argv[0]),
                                   .port = (uint16_t)number(argv[3 + i % ports]),
                                   .count = count / clients + (i < count % clients),
                                   .took = took + begun };
        begun += each[i].count;
    }
    int64_t began = now_ns();
    (void)run_threads(clients, post_some, each, sizeof each[0]);
    int64_t end = now_ns();
    printf("%lld %.1f\n", (long long)median(took, (size_t)count) / 1000,
           (double)count * (double)NS_PER_S / (double)(end - began));
    return 0;
}

int main(int argc, char *argv[])
{
    const char *verb = argc > 1 ? argv[1] : "";

    if (argc == 5 && strcmp(verb, "rows") == 0)
        return bench_rows(argv + 2);
    if (argc == 6 && strcmp(verb, "judge") == 0)
        return bench_judge(argv + 2);
    if (argc >= 6 && strcmp(verb, "post") == 0)
        return bench_post(argc - 5, argv + 2);
    errx(2, "usage: see the top of the source");
}
