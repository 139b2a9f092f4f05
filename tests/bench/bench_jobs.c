/* tests/bench/bench_jobs.c - what the job table costs, against SQLite itself in the same minute.
 *
 *     bench_jobs [DIR] [ROWS]     DIR on the disk to measure, ROWS finished rows for the full table
 *
 * Prints rows a second; a figure is for comparing two lines of one run. */
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "schema/base/clock.h"
#include "schema/base/text.h"
#include "schema/model/report.h"
#include "schema/model/submission.h"
#include "schema/store/db.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_read.h"
#include "schema/store/outbox.h"

enum { CLIENTS = 64, ACCEPTS = 60000, CLAIMS = 5000, READS = 20000 };

static char dir[300];

static void die(const char *what, const struct err *e)
{
    (void)fprintf(stderr, "bench_jobs: %s: %s\n", what, e->msg);
    exit(1);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

struct moment {
    int64_t wall_ns, cpu_ns;
};

static struct moment now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (struct moment){ clock_mono_ns(), t.tv_sec * NS_PER_S + t.tv_nsec };
}

static void print_rate(const char *what, int64_t n, struct moment start)
{
    struct moment end = now();
    double wall = (double)(end.wall_ns - start.wall_ns), cpu = (double)(end.cpu_ns - start.cpu_ns);

    (void)printf("%-48s %9.0f /s %9.1f us each, %7.1f us CPU\n", what, (double)n * 1e9 / wall,
                 wall / 1e3 / (double)n, cpu / 1e3 / (double)n);
    (void)fflush(stdout);
}

static long rss_kib(void)
{
    char line[200];
    long kib = 0;
    FILE *f = fopen("/proc/self/status", "re");

    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmRSS: %ld", &kib) == 1)
            break;
    if (f)
        (void)fclose(f);
    return kib;
}

/* ---- SQLite alone: the rows of an accept, no threads, no ids to compare ---- */

static void bare(int64_t per_commit)
{
    static const char insert_job[] =
        "INSERT INTO job(id, hash, language, submitted_ms, tests_total)"
        " VALUES(?1, ?2, 'c', ?3, 0)";
    static const char insert_body[] = "INSERT INTO body(seq, json) VALUES(?1, ?2)";
    char path[350], body[1024], id[40], what[60];
    uint8_t hash[32] = { 0 };
    struct db *d = NULL;
    struct err e = { 0 };
    struct jobs *j = NULL;
    struct jobs_config c = { .dir = dir, .max_queued = 1 };

    (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    if (jobs_open(&c, &j, &e) < 0)
        die("open", &e);
    (void)jobs_close(j); /* made the tables */
    (void)snprintf(path, sizeof path, "%s/scrc.db", dir);
    if (db_open(path, DB_WRITER, &d, &e) < 0)
        die("open", &e);
    memset(body, 'x', sizeof body);

    struct moment start = now();
    int64_t n = per_commit == 1 ? 5000 : ACCEPTS;
    for (int64_t i = 0; i < n; i++) {
        if (i % per_commit == 0 && db_begin(d, &e) < 0)
            die("begin", &e);
        struct db_stmt *job = db_prepare(d, insert_job, &e);
        struct db_stmt *text = db_prepare(d, insert_body, &e);
        if (!job || !text)
            die("prepare", &e);
        (void)snprintf(id, sizeof id, "%032lld", (long long)i);
        db_bind_text(job, 1, id);
        db_bind_blob(job, 2, hash, sizeof hash);
        db_bind_int(job, 3, 1700000000000 + i / 30);
        db_bind_int(text, 1, i + 1);
        db_bind_text_n(text, 2, body, sizeof body);
        if (db_run(job, &e) < 0 || db_run(text, &e) < 0)
            die("insert", &e);
        (void)db_done(job);
        (void)db_done(text);
        if ((i % per_commit == per_commit - 1 || i == n - 1) && db_commit(d, &e) < 0)
            die("commit", &e);
    }
    (void)snprintf(what, sizeof what, "bare SQLite, %lld rows a commit", (long long)per_commit);
    print_rate(what, n, start);
    (void)db_close(d);
}

/* ---- 64 callers who each send the next when the last is committed ---- */

struct client {
    struct jobs_op op;
    struct jobs *j;
    struct submission s;
    struct outbox_origin origin;
    char id[40];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_done = PTHREAD_COND_INITIALIZER;
static int64_t left, running;
static bool named, from_kafka;

static void next(struct client *c)
{
    static _Atomic uint32_t numbers;

    if (from_kafka) { /* six partitions, each in order, without ids */
        uint32_t number = ++numbers;
        (void)snprintf(c->id, sizeof c->id, "scripts:%u", number);
        c->origin = (struct outbox_origin){
            .topic = "scripts", .partition = (int32_t)(number % 6), .offset = number, .sent_ms = 0
        };
        c->op.u.accept.origin = &c->origin;
        c->op.u.accept.derived = c->id;
    }
    if (named) { /* ids in no order, as a client's own are */
        uint32_t number = ++numbers;
        (void)snprintf(c->id, sizeof c->id, "%08x-%u", number * 2654435761U, number);
        c->s.id = c->id;
    }
    jobs_put(c->j, &c->op);
}

static void sent(struct jobs_op *op)
{
    struct client *c = op->ctx;

    if (op->result < 0)
        die("accept", &op->err);
    (void)pthread_mutex_lock(&lock);
    bool more = left-- > 0;
    if (!more && --running == 0)
        (void)pthread_cond_signal(&all_done);
    (void)pthread_mutex_unlock(&lock);
    if (more)
        next(c);
}

static void accept_many(struct jobs *j, const char *what, int clients, int64_t n)
{
    static struct client all[CLIENTS];
    char json[1100] = "{\"language\":\"c\",\"source\":\"";
    size_t at = strlen(json);

    memset(json + at, 'x', 1024);
    memcpy(json + at + 1024, "\"}", 3);
    struct submission_packed packed = { .json = json, .json_len = strlen(json) };

    left = n - clients;
    running = clients;
    struct moment start = now();
    for (int i = 0; i < clients; i++) {
        all[i].j = j;
        all[i].s = (struct submission){ .language = (char[]){ "c" } };
        all[i].op = (struct jobs_op){ .kind = JOBS_ACCEPT,
                                      .done = sent,
                                      .ctx = &all[i],
                                      .u.accept = { .submission = &all[i].s, .packed = &packed } };
        next(&all[i]);
    }
    (void)pthread_mutex_lock(&lock);
    while (running > 0)
        (void)pthread_cond_wait(&all_done, &lock);
    (void)pthread_mutex_unlock(&lock);
    print_rate(what, n, start);
}

/* ---- claims, reads ---- */

static void claim_some(struct jobs *j, const char *what)
{
    static const char *const languages[] = { "go", "c", "java", NULL };
    struct err e = { 0 };

    struct moment start = now();
    for (int i = 0; i < CLAIMS; i++) {
        struct jobs_op op = { .kind = JOBS_CLAIM, .u.claim.languages = languages };
        if (jobs_do(j, &op, &e) < 0 || op.u.claim.seq == 0)
            die("claim", &e);
    }
    print_rate(what, CLAIMS, start);
}

static void read_some(struct jobs *j, const char *what, int64_t rows)
{
    struct err e = { 0 };
    char id[40];

    struct moment start = now();
    for (int64_t i = 0; i < READS; i++) {
        char *json = NULL;
        size_t len;
        (void)snprintf(id, sizeof id, "f%lld", (long long)((i * 7919) % rows + 1));
        if (jobs_report(j, id, NULL, &json, &len, &e) < 0)
            die(id, &e);
        free(json);
    }
    print_rate(what, READS, start);
}

static void positions(struct jobs *j, const char *id)
{
    struct job_status s = { 0 };
    struct err e = { 0 };

    struct moment start = now();
    for (int i = 0; i < READS; i++)
        if (jobs_status(j, id, &s, &e) < 0)
            die(id, &e);
    char what[80];
    (void)snprintf(what, sizeof what, "jobs_status, position %lld", (long long)s.position);
    print_rate(what, READS, start);
}

static void list_some(struct jobs *j)
{
    static const struct {
        const char *what;
        struct jobs_filter f;
    } cases[] = {
        { "list, newest 50", { .state = -1, .status = -1 } },
        { "list, slowest 50", { .state = -1, .status = -1, .sort = "-duration_ms" } },
        { "list, a status that no row has", { .state = -1, .status = -1, .status_name = "OL" } },
        { "list, one id", { .state = -1, .status = -1, .id_prefix = "f12345" } },
        { "list, common prefix", { .state = -1, .status = -1, .id_prefix = "f" } },
        { "list, queued", { .state = JOB_QUEUED, .status = -1 } },
    };
    struct err e = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct jobs_filter f = cases[i].f;
        f.limit = 50;
        json_t *page = NULL;
        struct moment start = now();
        for (int k = 0; k < 5; k++) {
            if (jobs_list(j, &f, &page, &e) < 0)
                die(cases[i].what, &e);
            json_decref(page);
        }
        print_rate(cases[i].what, 5, start);
    }
}

static void fill(int64_t rows)
{
    char path[350], sql[900];
    struct db *d = NULL;
    struct err e = { 0 };

    (void)snprintf(path, sizeof path, "%s/scrc.db", dir);
    (void)snprintf(
        sql, sizeof sql,
        "BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT %lld)"
        " INSERT INTO job(seq, id, hash, state, language, submitted_ms, tests_total,"
        " attempts, finished_ms, verdict, tests_passed, duration_ms, cpu_time_ms,"
        " memory_bytes, error) SELECT i, 'f' || i, randomblob(32), 2, 'c',"
        " 1700000000000 + i, 2, 1, 1700000000100 + i, 'OK', 2, abs(random()) %% 3000, 5,"
        " abs(random()) %% 100000000, '' FROM n;"
        "INSERT INTO report(seq, json) SELECT seq, hex(randomblob(300)) FROM job; COMMIT",
        (long long)rows);
    int64_t start = clock_mono_ns();
    if (db_open(path, DB_WRITER, &d, &e) < 0 || db_exec(d, sql, &e) < 0)
        die("fill", &e);
    (void)db_close(d);
    (void)printf("filled %lld finished rows in %.1f s\n", (long long)rows,
                 (double)(clock_mono_ns() - start) / 1e9);
}

static struct jobs *open_table(void)
{
    struct jobs_config c = { .dir = dir, .instance = "bench", .max_queued = 1000000 };
    struct jobs *j = NULL;
    struct err e = { 0 };

    int64_t start = clock_mono_ns();
    if (jobs_open(&c, &j, &e) < 0)
        die("open", &e);
    (void)printf("opened in %.1f ms, RSS %ld KiB\n", (double)(clock_mono_ns() - start) / 1e6,
                 rss_kib());
    return j;
}

static void table(const char *which, int64_t rows)
{
    char what[80];

    (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    struct jobs *j = open_table();
    j = jobs_close(j);
    fill(rows);
    j = open_table();
    (void)snprintf(what, sizeof what, "%s: accept, 1 caller", which);
    accept_many(j, what, 1, 3000);
    (void)snprintf(what, sizeof what, "%s: accept, 64 callers", which);
    accept_many(j, what, CLIENTS, ACCEPTS);
    named = true;
    (void)snprintf(what, sizeof what, "%s: accept, 64 callers, ids of their own", which);
    accept_many(j, what, CLIENTS, ACCEPTS);
    named = false;
    from_kafka = true;
    (void)snprintf(what, sizeof what, "%s: accept, 64 callers, from Kafka", which);
    accept_many(j, what, CLIENTS, ACCEPTS);
    from_kafka = false;
    (void)printf("RSS %ld KiB with %d queued\n", rss_kib(), 3 * ACCEPTS + 3000);
    (void)snprintf(what, sizeof what, "%s: claim, 1 caller", which);
    claim_some(j, what);
    (void)snprintf(what, sizeof what, "%s: report by id", which);
    read_some(j, what, rows);
    struct jobs_filter last = { .state = -1, .status = -1, .limit = 1 };
    json_t *page = NULL;
    struct err e = { 0 };
    if (jobs_list(j, &last, &page, &e) < 0)
        die("list", &e);
    positions(j, json_string_value(
                     json_object_get(json_array_get(json_object_get(page, "results"), 0), "id")));
    json_decref(page);
    list_some(j);
    (void)jobs_close(j);
}

int main(int argc, char **argv)
{
    int64_t rows = argc > 2 ? atoll(argv[2]) : 1000000;

    (void)snprintf(dir, sizeof dir, "%s/bench_jobs.%d", argc > 1 ? argv[1] : "/tmp", (int)getpid());
    if (text_init() < 0)
        return 1;
    bare(1);
    bare(CLIENTS);
    table("empty", 1000);
    table("full", rows);
    (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}
