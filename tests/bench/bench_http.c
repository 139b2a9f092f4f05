/* tests/bench/bench_http.c - the client of script/bench.
 *
 *     bench_http wait PORT BODY COUNT GAP_MS [ROOT COMMAND [ARGUMENT...]]
 *         COUNT times in turn: POST BODY to /submissions?wait=60; run COMMAND, chrooted to ROOT.
 *         Prints the medians of both in microseconds, and the 95th percentile of the first.
 *     bench_http load PORT BODY COUNT CLIENTS FIRST
 *     bench_http judge PORT BODY COUNT CLIENTS FIRST
 *         COUNT POSTs of BODY over CLIENTS keep-alive connections, to /submissions or, judge, to
 *         /submissions?wait=60; prints the seconds they took.
 *     bench_http spawn COUNT CLIENTS ROOT COMMAND [ARGUMENT...]
 *         COUNT times COMMAND, chrooted to ROOT, CLIENTS at a time; prints the seconds they took.
 *     bench_http queue PORT BODY QUEUED COUNT
 *         Keeps QUEUED submissions waiting: for each one that has its report a new one is sent.
 *         Prints the seconds in which COUNT of them got theirs.
 *     bench_http get PORT PATH COUNT
 *         COUNT times GET PATH in turn; prints the median in microseconds.
 *
 * @NUMBER in a BODY is the submission's number, from FIRST on, so that sources and ids differ.
 * Blocking sockets and one thread for each connection: at the rates of one server that costs less
 * than the server's own work. Whatever goes wrong ends it with 1.
 */
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "client.h"
#include "schema/base/base.h"

#define WARM_UPS    3
#define CLIENTS_MAX 256
#define PLACE       "@NUMBER"
#define DIGITS      ((int)sizeof PLACE - 1)

/* The file as a submission. */
static struct request read_request(const char *line, const char *file)
{
    struct stat st;
    int fd = open(file, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st) < 0)
        err(1, "%s", file);
    CLEANUP(freep) char *body = malloc((size_t)st.st_size + 1);
    if (!body || read(fd, body, (size_t)st.st_size) != st.st_size)
        err(1, "%s", file);
    close(fd);
    return make_request(line, "Content-Type: application/json\r\n", body, (size_t)st.st_size);
}

/* Of each thread its own. */
static struct request copy_request(const struct request *r)
{
    struct request copy = { .bytes = malloc(r->len + 1), .len = r->len };

    if (!copy.bytes)
        err(1, "request");
    memcpy(copy.bytes, r->bytes, r->len);
    copy.bytes[r->len] = 0;
    return copy;
}

/* Writes n to wherever `from`, of which *r is a copy, has PLACE. */
static void number_request(struct request *r, const struct request *from, int64_t n)
{
    char digits[24];
    const char *at = from->bytes, *end = from->bytes + from->len;

    snprintf(digits, sizeof digits, "%0*lld", DIGITS, (long long)n);
    while ((at = memmem(at, (size_t)(end - at), PLACE, (size_t)DIGITS))) {
        memcpy(r->bytes + (at - from->bytes), digits, (size_t)DIGITS);
        at += DIGITS;
    }
}

static void expect(int fd, const struct request *r, int status)
{
    int got = exchange(fd, r);
    if (got != status)
        errx(1, "the server answered %d", got);
}

/* ---- wait: one submission to its report, against the bare command ---- */

/* As a judge must: the output is read to its end, then the process is waited for. */
static void run_bare(const char *root, char *const argv[])
{
    char out[4096];
    int fds[2], status;

    if (pipe2(fds, O_CLOEXEC) < 0)
        err(1, "pipe");
    pid_t pid = fork();
    if (pid == 0) {
        int in = open("/dev/null", O_RDONLY);
        if (chroot(root) < 0 || chdir("/tmp") < 0 || dup2(in, 0) < 0 || dup2(fds[1], 1) < 0)
            _exit(126);
        execvp(argv[0], argv);
        _exit(127);
    }
    close(fds[1]);
    while (read(fds[0], out, sizeof out) > 0)
        ;
    close(fds[0]);
    if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
        errx(1, "%s did not run well in %s", argv[0], root);
}

static int bench_wait(char *argv[])
{
    struct request r = read_request("POST /submissions?wait=60 HTTP/1.1", argv[1]);
    int64_t count = number(argv[2]), gap = number(argv[3]) * NS_PER_MS;
    struct timespec pause = { gap / NS_PER_S, gap % NS_PER_S };
    int64_t *served = calloc((size_t)count + 1, sizeof *served);
    int64_t *bare = calloc((size_t)count + 1, sizeof *bare);
    int fd = dial((uint16_t)number(argv[0]));

    if (!served || !bare || !count)
        errx(1, "nothing to count");
    for (int64_t i = -WARM_UPS; i < count; i++) {
        int64_t begin = now_ns();
        expect(fd, &r, 200);
        int64_t middle = now_ns();
        if (argv[4])
            run_bare(argv[4], argv + 5);
        int64_t end = now_ns();
        if (i >= 0)
            served[i] = middle - begin, bare[i] = end - middle;
        nanosleep(&pause, NULL); /* the gap is what is measured, not a wait for something */
    }
    printf("%lld %lld", (long long)median(served, (size_t)count) / 1000,
           (long long)median(bare, (size_t)count) / 1000);
    printf(" %lld\n", (long long)served[(count * 95 - 1) / 100] / 1000); /* median() has sorted */
    return 0;
}

/* ---- load, judge and spawn: as many as there are to be ---- */

struct client {
    const struct request *request; /* borrowed */
    uint16_t port;
    int status;           /* of a good answer */
    char *const *command; /* in place of a request: ROOT COMMAND... */
    int64_t first, count, step;
};

static void *post_all(void *arg)
{
    const struct client *c = arg;
    struct request r = copy_request(c->request);
    int fd = dial(c->port);

    for (int64_t i = 0; i < c->count; i++) {
        number_request(&r, c->request, c->first + i * c->step);
        expect(fd, &r, c->status);
    }
    close(fd);
    free(r.bytes);
    return NULL;
}

static void *spawn_all(void *arg)
{
    const struct client *c = arg;

    for (int64_t i = 0; i < c->count; i++)
        run_bare(c->command[0], c->command + 1);
    return NULL;
}

/* Prints the seconds in which `clients` threads did `count` of what `like` says. */
static int run_clients(const struct client *like, int64_t count, int64_t clients)
{
    pthread_t threads[CLIENTS_MAX];
    struct client each[CLIENTS_MAX];
    int64_t begin = now_ns();

    if (clients < 1 || clients > CLIENTS_MAX)
        errx(1, "1 to %d clients", CLIENTS_MAX);
    for (int64_t i = 0; i < clients; i++) {
        each[i] = *like;
        each[i].first += i;
        each[i].step = clients;
        each[i].count = count / clients + (i < count % clients);
        if (pthread_create(&threads[i], NULL, like->command ? spawn_all : post_all, &each[i]) != 0)
            errx(1, "thread");
    }
    for (int64_t i = 0; i < clients; i++)
        pthread_join(threads[i], NULL);
    printf("%.3f\n", (double)(now_ns() - begin) / (double)NS_PER_S);
    return 0;
}

static int bench_load(const char *line, int status, char *argv[])
{
    struct request r = read_request(line, argv[1]);
    struct client like = {
        .request = &r, .port = (uint16_t)number(argv[0]), .status = status, .first = number(argv[4])
    };

    return run_clients(&like, number(argv[2]), number(argv[3]));
}

static int bench_spawn(char *argv[])
{
    struct client like = { .command = argv + 2 };

    return run_clients(&like, number(argv[0]), number(argv[1]));
}

/* ---- queue: a queue that stays as long as it is ---- */

#define LOADERS 4 /* connections that fill the queue */

struct queue {
    uint16_t port;
    int fd;
    const struct request *post; /* borrowed; its id is q and the number */
    struct request next;        /* a copy of it */
};

static int ask_result(struct queue *q, int64_t n, const char *query)
{
    char line[100];

    snprintf(line, sizeof line, "GET /results/q%0*lld%s HTTP/1.1", DIGITS, (long long)n, query);
    struct request r = make_request(line, "", NULL, 0);
    int status = exchange(q->fd, &r);
    free(r.bytes);
    return status;
}

static void post_next(struct queue *q, int64_t n)
{
    number_request(&q->next, q->post, n);
    expect(q->fd, &q->next, 202);
}

static void fill_queue(const struct queue *q, int64_t queued)
{
    struct client each[LOADERS];
    pthread_t threads[LOADERS];

    for (int i = 0; i < LOADERS; i++) {
        each[i] = (struct client){ .request = q->post,
                                   .port = q->port,
                                   .status = 202,
                                   .first = i,
                                   .step = LOADERS,
                                   .count = queued / LOADERS + (i < queued % LOADERS) };
        if (pthread_create(&threads[i], NULL, post_all, &each[i]) != 0)
            errx(1, "thread");
    }
    for (int i = 0; i < LOADERS; i++)
        pthread_join(threads[i], NULL);
}

static int bench_queue(char *argv[])
{
    struct request post = read_request("POST /submissions HTTP/1.1", argv[1]);
    struct queue q = { .port = (uint16_t)number(argv[0]),
                       .post = &post,
                       .next = copy_request(&post) };
    int64_t queued = number(argv[2]), count = number(argv[3]), oldest = 0;

    fill_queue(&q, queued);
    q.fd = dial(q.port);
    /* What was judged while the queue was filled is made up for. */
    for (; ask_result(&q, oldest, "") == 200; oldest++)
        post_next(&q, queued + oldest);
    int64_t begin = now_ns();
    for (int64_t end = oldest + count; oldest < end; oldest++) {
        if (ask_result(&q, oldest, "?wait=60") != 200)
            errx(1, "no report");
        post_next(&q, queued + oldest);
    }
    printf("%.3f\n", (double)(now_ns() - begin) / (double)NS_PER_S);
    return 0;
}

/* ---- get ---- */

static int bench_get(char *argv[])
{
    char line[200];
    size_t count = (size_t)number(argv[2]);
    int64_t *took = calloc(count + 1, sizeof *took);
    int fd = dial((uint16_t)number(argv[0]));

    if (!took || !count)
        errx(1, "nothing to count");
    snprintf(line, sizeof line, "GET %s HTTP/1.1", argv[1]);
    struct request r = make_request(line, "", NULL, 0);
    for (size_t i = 0; i < count; i++) {
        int64_t begin = now_ns();
        expect(fd, &r, 200);
        took[i] = now_ns() - begin;
    }
    printf("%lld\n", (long long)median(took, count) / 1000);
    return 0;
}

int main(int argc, char *argv[])
{
    const char *verb = argc > 1 ? argv[1] : "";

    if (argc >= 6 && strcmp(verb, "wait") == 0)
        return bench_wait(argv + 2);
    if (argc == 7 && strcmp(verb, "load") == 0)
        return bench_load("POST /submissions HTTP/1.1", 202, argv + 2);
    if (argc == 7 && strcmp(verb, "judge") == 0)
        return bench_load("POST /submissions?wait=60 HTTP/1.1", 200, argv + 2);
    if (argc >= 6 && strcmp(verb, "spawn") == 0)
        return bench_spawn(argv + 2);
    if (argc == 6 && strcmp(verb, "queue") == 0)
        return bench_queue(argv + 2);
    if (argc == 5 && strcmp(verb, "get") == 0)
        return bench_get(argv + 2);
    errx(2, "usage: see the top of the source");
}
