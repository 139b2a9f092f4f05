/* tests/bench/bench_events.c - subscribers to event streams, and a scraper.
 *
 *     bench_events PORT ALL [SCRAPE_MS]
 *         ALL streams of /events; for each id on standard input, a line each, one stream of that
 *         submission. With SCRAPE_MS also GET /metrics so often. Says "open N" when standard input
 *         has ended and every stream was answered. At SIGTERM it says
 *             STREAMS EVENTS BYTES METRICS_US
 *         (the last is the median of the scrapes) and ends.
 *
 * A stream that ends without its report, or an answer other than 200, ends it with 1.
 */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "client.h"
#include "schema/base/base.h"

#define SCRAPES_MAX 100000
#define LINE_ROOM   400

/* What happens on a descriptor; the first member of everything that epoll knows. */
struct source {
    void (*ready)(struct source *s);
    int fd;
};

struct stream {
    struct source source;
    bool own;       /* of one submission: ends with its report */
    bool answered;  /* its status was 200 */
    size_t matched; /* of an event's first line, across reads */
    bool reported;
};

static struct subscribers {
    int epoll;
    uint16_t port;
    bool input_ended, reported, stopped;
    long long streams, answered, events, bytes;
    int64_t *scrapes; /* owned; microseconds */
    size_t scrapes_len;
    struct request scrape;
    int scraper; /* a connection */
} subscribers;

static void watch(struct source *s)
{
    struct epoll_event want = { .events = EPOLLIN, .data.ptr = s };
    if (epoll_ctl(subscribers.epoll, EPOLL_CTL_ADD, s->fd, &want) < 0)
        err(1, "epoll_ctl");
}

static void report_when_open(void)
{
    if (subscribers.reported || !subscribers.input_ended ||
        subscribers.answered < subscribers.streams)
        return;
    subscribers.reported = true;
    printf("open %lld\n", subscribers.streams);
    fflush(stdout);
}

/* ---- streams ---- */

/* Events are counted by their first line; that of a report is noted. */
static void count_events(struct stream *s, const char *data, size_t len)
{
    static const char event[] = "\nevent: ", report[] = "report\n";
    size_t words = strlen(event);

    for (size_t i = 0; i < len; i++) {
        char want = s->matched < words ? event[s->matched] : report[s->matched - words];
        s->matched = data[i] == want ? s->matched + 1 : data[i] == '\n';
        subscribers.events += s->matched == words;
        if (s->matched == words + strlen(report)) {
            s->reported = true;
            s->matched = 1; /* the line has ended */
        }
    }
}

static void stream_ready(struct source *source)
{
    static char in[256 * KIB];
    struct stream *s = (struct stream *)source;
    ssize_t n = recv(source->fd, in, sizeof in, MSG_DONTWAIT);

    if (n > 0 && !s->answered) {
        if (n < 12 || strncmp(in, "HTTP/1.1 200", 12) != 0)
            errx(1, "not a stream: %.*s", (int)(n < 60 ? n : 60), in);
        s->answered = true;
        subscribers.answered++;
        report_when_open();
    }
    if (n > 0) {
        subscribers.bytes += n;
        count_events(s, in, (size_t)n);
        return;
    }
    if (!s->own || !s->reported)
        errx(1, "a stream has ended%s", s->own ? " without a report" : "");
    close(source->fd);
    free(s);
}

static void open_stream(const char *path, bool own)
{
    char line[LINE_ROOM + 60];
    struct stream *s = calloc(1, sizeof *s);

    if (!s)
        err(1, "stream");
    snprintf(line, sizeof line, "GET %s HTTP/1.0", path); /* so that it comes without chunks */
    struct request r = make_request(line, "", NULL, 0);
    *s = (struct stream){ { stream_ready, dial(subscribers.port) }, .own = own };
    send_request(s->source.fd, &r);
    free(r.bytes);
    subscribers.streams++;
    watch(&s->source);
}

/* ---- the ids ---- */

static void open_line(const char *id)
{
    char path[LINE_ROOM + 40];
    snprintf(path, sizeof path, "/submissions/%s/events", id);
    open_stream(path, true);
}

static void input_ready(struct source *source)
{
    static char line[LINE_ROOM];
    static size_t len;
    ssize_t n = read(source->fd, line + len, sizeof line - len);
    char *end;

    if (n < 0)
        err(1, "standard input");
    len += (size_t)n;
    while ((end = memchr(line, '\n', len)) != NULL) {
        *end = 0;
        open_line(line);
        len -= (size_t)(end + 1 - line);
        memmove(line, end + 1, len);
    }
    if (len == sizeof line)
        errx(1, "standard input: a line is too long");
    if (n == 0) {
        epoll_ctl(subscribers.epoll, EPOLL_CTL_DEL, source->fd, NULL);
        subscribers.input_ended = true;
        report_when_open();
    }
}

/* ---- the scraper, and the end ---- */

static void scrape_ready(struct source *source)
{
    uint64_t times;
    int64_t begin = now_ns();

    if (read(source->fd, &times, sizeof times) < 0)
        err(1, "timer");
    if (exchange(subscribers.scraper, &subscribers.scrape) != 200)
        errx(1, "no metrics");
    if (subscribers.scrapes_len < SCRAPES_MAX)
        subscribers.scrapes[subscribers.scrapes_len++] = (now_ns() - begin) / 1000;
}

static void scrape_every(struct source *timer, int64_t ms)
{
    struct timespec t = { ms / 1000, ms % 1000 * NS_PER_MS };

    subscribers.scrape = make_request("GET /metrics HTTP/1.1", "", NULL, 0);
    subscribers.scraper = dial(subscribers.port);
    timer->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (timer->fd < 0 || timerfd_settime(timer->fd, 0, &(struct itimerspec){ t, t }, NULL) < 0)
        err(1, "timer");
    watch(timer);
}

static void stop_ready(struct source *source)
{
    (void)source;
    subscribers.stopped = true;
}

static void watch_sigterm(struct source *stop)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    stop->fd = signalfd(-1, &set, SFD_CLOEXEC);
    watch(stop);
}

static void raise_files(void)
{
    struct rlimit files;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

int main(int argc, char *argv[])
{
    struct source input = { input_ready, STDIN_FILENO }, stop = { stop_ready, -1 };
    struct source timer = { scrape_ready, -1 };
    struct epoll_event ready[64];

    if (argc < 3 || argc > 4)
        errx(2, "usage: see the top of the source");
    raise_files();
    subscribers.port = (uint16_t)number(argv[1]);
    subscribers.epoll = epoll_create1(EPOLL_CLOEXEC);
    subscribers.scrapes = calloc(SCRAPES_MAX, sizeof *subscribers.scrapes);
    if (subscribers.epoll < 0 || !subscribers.scrapes)
        err(1, "crowd");
    watch_sigterm(&stop);
    watch(&input);
    if (argc == 4)
        scrape_every(&timer, number(argv[3]));
    for (int64_t left = number(argv[2]); left > 0; left--)
        open_stream("/events", false);
    while (!subscribers.stopped) {
        int n = epoll_wait(subscribers.epoll, ready, ARRAY_LEN(ready), -1);
        for (int i = 0; i < n; i++) {
            struct source *s = ready[i].data.ptr;
            s->ready(s);
        }
    }
    printf("%lld %lld %lld %lld\n", subscribers.streams, subscribers.events, subscribers.bytes,
           (long long)median(subscribers.scrapes, subscribers.scrapes_len));
    return 0;
}
