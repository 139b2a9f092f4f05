/* tests/bench/bench_http.c - the client of script/bench.
 *
 *     bench_http wait PORT BODY COUNT GAP_MS ROOT COMMAND [ARGUMENT...]
 *         COUNT times in turn: POST BODY to /submissions?wait=60; run COMMAND, chrooted to ROOT.
 *         Prints the two medians in microseconds.
 *     bench_http load PORT BODY COUNT CLIENTS
 *         COUNT POSTs of BODY over CLIENTS keep-alive connections; prints the seconds they took.
 *     bench_http get PORT PATH COUNT
 *         COUNT times GET PATH in turn; prints the median in microseconds.
 *
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
        run_bare(argv[4], argv + 5);
        int64_t end = now_ns();
        if (i >= 0)
            served[i] = middle - begin, bare[i] = end - middle;
        nanosleep(&pause, NULL); /* the gap is what is measured, not a wait for something */
    }
    printf("%lld %lld\n", (long long)median(served, (size_t)count) / 1000,
           (long long)median(bare, (size_t)count) / 1000);
    return 0;
}

/* ---- load: as many submissions as there are to be ---- */

struct client {
    const struct request *request; /* borrowed */
    uint16_t port;
    int64_t count;
};

static void *post_all(void *arg)
{
    const struct client *c = arg;
    int fd = dial(c->port);

    for (int64_t i = 0; i < c->count; i++)
        expect(fd, c->request, 202);
    close(fd);
    return NULL;
}

static int bench_load(char *argv[])
{
    struct request r = read_request("POST /submissions HTTP/1.1", argv[1]);
    int64_t count = number(argv[2]), clients = number(argv[3]);
    pthread_t threads[CLIENTS_MAX];
    struct client each[CLIENTS_MAX];
    int64_t begin = now_ns();

    if (clients < 1 || clients > CLIENTS_MAX)
        errx(1, "1 to %d clients", CLIENTS_MAX);
    for (int64_t i = 0; i < clients; i++) {
        each[i] = (struct client){ &r, (uint16_t)number(argv[0]),
                                   count / clients + (i < count % clients) };
        if (pthread_create(&threads[i], NULL, post_all, &each[i]) != 0)
            errx(1, "thread");
    }
    for (int64_t i = 0; i < clients; i++)
        pthread_join(threads[i], NULL);
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
    if (argc >= 8 && strcmp(argv[1], "wait") == 0)
        return bench_wait(argv + 2);
    if (argc == 6 && strcmp(argv[1], "load") == 0)
        return bench_load(argv + 2);
    if (argc == 5 && strcmp(argv[1], "get") == 0)
        return bench_get(argv + 2);
    errx(2, "usage: see the top of the source");
}
