/* tests/bench/bench_http.c - the client of script/bench.
 *
 *     bench_http wait PORT BODY COUNT GAP_MS ROOT COMMAND [ARGUMENT...]
 *         COUNT times in turn: POST BODY to /submissions?wait=60; run COMMAND, chrooted to ROOT.
 *         Prints the two medians in microseconds.
 *     bench_http load PORT BODY COUNT CLIENTS
 *         COUNT POSTs of BODY over CLIENTS keep-alive connections; prints the seconds they took.
 *
 * Blocking sockets and one thread for each connection: at the rates of one server that costs less
 * than the server's own work. Whatever goes wrong ends it with 1.
 */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "schema/base.h"

#define WARM_UPS    3
#define CLIENTS_MAX 256

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static int64_t number(const char *text)
{
    char *end;
    long long n = strtoll(text, &end, 10);
    if (*end || n < 0)
        errx(1, "not a number: %s", text);
    return n;
}

/* ---- one request ---- */

struct request {
    char *bytes; /* owned */
    size_t len;
    uint16_t port;
};

static struct request make_request(const char *port, const char *path, const char *file)
{
    struct request r = { .port = (uint16_t)number(port) };
    struct stat st;
    int fd = open(file, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st) < 0)
        err(1, "%s", file);
    r.bytes = malloc((size_t)st.st_size + 300);
    if (!r.bytes)
        err(1, "request");
    int head = snprintf(r.bytes, 300,
                        "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                        "Content-Length: %lld\r\n\r\n",
                        path, (long long)st.st_size);
    r.len = (size_t)head + (size_t)st.st_size;
    if (read(fd, r.bytes + head, (size_t)st.st_size) != st.st_size)
        err(1, "%s", file);
    close(fd);
    return r;
}

static int dial(uint16_t port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        err(1, "connect to port %u", port);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static size_t receive(int fd, char *at, size_t room)
{
    ssize_t n = recv(fd, at, room, 0);
    if (n <= 0)
        errx(1, "the server closed the connection");
    return (size_t)n;
}

/* Sends r and reads the whole answer. Returns its status. */
static int exchange(int fd, const struct request *r)
{
    char in[16384];
    size_t len = 0;
    char *body, *length;

    if (send(fd, r->bytes, r->len, MSG_NOSIGNAL) != (ssize_t)r->len)
        err(1, "send");
    do {
        len += receive(fd, in + len, sizeof in - 1 - len);
        in[len] = 0;
        body = strstr(in, "\r\n\r\n");
    } while (!body && len < sizeof in - 1);
    length = strcasestr(in, "\r\nContent-Length:");
    if (!body || !length || length > body)
        errx(1, "not an answer of ours: %.200s", in);
    size_t left = strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
    for (size_t have = len - (size_t)(body + 4 - in); have < left;)
        have += receive(fd, in, sizeof in);
    return atoi(in + strlen("HTTP/1.1 "));
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

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t median(int64_t *values, int64_t len)
{
    qsort(values, (size_t)len, sizeof *values, by_size);
    return values[len / 2];
}

static int bench_wait(char *argv[])
{
    struct request r = make_request(argv[0], "/submissions?wait=60", argv[1]);
    int64_t count = number(argv[2]), gap = number(argv[3]) * NS_PER_MS;
    struct timespec pause = { gap / NS_PER_S, gap % NS_PER_S };
    int64_t *served = calloc((size_t)count + 1, sizeof *served);
    int64_t *bare = calloc((size_t)count + 1, sizeof *bare);
    int fd = dial(r.port);

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
    printf("%lld %lld\n", (long long)median(served, count) / 1000,
           (long long)median(bare, count) / 1000);
    return 0;
}

/* ---- load: as many submissions as there are to be ---- */

struct client {
    const struct request *request; /* borrowed */
    int64_t count;
};

static void *post_all(void *arg)
{
    const struct client *c = arg;
    int fd = dial(c->request->port);

    for (int64_t i = 0; i < c->count; i++)
        expect(fd, c->request, 202);
    close(fd);
    return NULL;
}

static int bench_load(char *argv[])
{
    struct request r = make_request(argv[0], "/submissions", argv[1]);
    int64_t count = number(argv[2]), clients = number(argv[3]);
    pthread_t threads[CLIENTS_MAX];
    struct client each[CLIENTS_MAX];
    int64_t begin = now_ns();

    if (clients < 1 || clients > CLIENTS_MAX)
        errx(1, "1 to %d clients", CLIENTS_MAX);
    for (int64_t i = 0; i < clients; i++) {
        each[i] = (struct client){ &r, count / clients + (i < count % clients) };
        if (pthread_create(&threads[i], NULL, post_all, &each[i]) != 0)
            errx(1, "thread");
    }
    for (int64_t i = 0; i < clients; i++)
        pthread_join(threads[i], NULL);
    printf("%.3f\n", (double)(now_ns() - begin) / (double)NS_PER_S);
    return 0;
}

int main(int argc, char *argv[])
{
    if (argc >= 8 && strcmp(argv[1], "wait") == 0)
        return bench_wait(argv + 2);
    if (argc == 6 && strcmp(argv[1], "load") == 0)
        return bench_load(argv + 2);
    errx(2, "usage: see the top of the source");
}
