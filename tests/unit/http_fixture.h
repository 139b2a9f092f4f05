/* tests/unit/http_fixture.h - the real HTTP edge on a free port, over a job table of its own and
 * without an engine; and a client that speaks bytes. */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <cmocka.h>
#include <jansson.h>

#include "engine/language/language.h"
#include "schema/base/buf.h"
#include "schema/base/bytes.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/base/text.h"
#include "schema/model/report.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_change.h"
#include "server/api/api.h"
#include "server/api/context.h"
#include "server/config.h"
#include "server/http/listen.h"
#include "server/live/hub.h"
#include "server/live/stats.h"
#include "server/live/waiters.h"

struct fixture {
    char dir[100];
    struct config config;
    struct language_table *languages;
    struct jobs *jobs;
    struct waiters *waiters;
    struct hub *hub;
    struct stats *stats;
    struct api *api;
    int port;
};

static inline void must(int rc, const struct err *e)
{
    if (rc < 0)
        fail_msg("%s", e->msg);
}

/* What the server is told its engine is; a test that sets it owns it. */
static struct engine *fixture_engine;
/* Who makes the requests. */
static principal_fn *fixture_identify = principal_anonymous;
/* What the kernel keeps of answers that are not read, bytes; 0: what it likes. */
static int fixture_unread;

/* settings: "NAME=value", NULL-terminated. kafka: somebody sends what is in the outbox. */
static inline void fixture_open_with(struct fixture *f, const char *const *settings,
                                     int64_t reserve, bool kafka)
{
    char *environment[12] = { (char *)(uintptr_t) "HTTP_LISTEN=127.0.0.1:0" },
         name[LISTEN_NAME_SIZE];
    struct rlimit files;
    size_t n = 1;
    struct err e;
    int fd = -1;

    for (size_t i = 0; settings && settings[i]; i++)
        environment[n++] = (char *)(uintptr_t)settings[i];
    environment[n] = (char *)(uintptr_t) "ALLOWED_HOSTS=x"; /* the first of a name counts */
    *f = (struct fixture){ .dir = "/tmp/test_http.XXXXXX" };
    (void)signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && (files.rlim_cur = files.rlim_max))
        (void)setrlimit(RLIMIT_NOFILE, &files);
    log_init(LOG_ERROR, false);
    assert_int_equal(text_init(), 0);
    assert_non_null(mkdtemp(f->dir));
    must(config_load(environment, &f->config, &e), &e);
    must(language_table_open(NULL, NULL, 0, &f->languages, &e), &e);
    struct jobs_config jc = { .dir = f->dir,
                              .instance = "one",
                              .max_queued = f->config.max_queued,
                              .reserve_bytes = reserve };
    must(jobs_open(&jc, &f->jobs, &e), &e);
    must(waiters_open(&f->waiters, &e), &e);
    jobs_listen(f->jobs, waiters_changed, f->waiters);
    must(hub_open(f->jobs, &f->config, &hub_times, &f->hub, &e), &e);
    jobs_listen(f->jobs, hub_changed, f->hub);
    must(stats_open(f->languages, &f->stats, &e), &e);
    jobs_listen(f->jobs, stats_changed, f->stats);
    must(listen_bind(f->config.http_listen, false, &fd, &e), &e);
    if (fixture_unread > 0) /* the sockets of clients have it from this one */
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &fixture_unread, sizeof fixture_unread);
    listen_name(fd, name);
    f->port = (int)strtol(strrchr(name, ':') + 1, NULL, 10);
    struct server s = { .config = &f->config,
                        .jobs = f->jobs,
                        .engine = fixture_engine,
                        .languages = f->languages,
                        .waiters = f->waiters,
                        .bridge = kafka ? (struct bridge *)(void *)f : NULL, /* is there one? */
                        .hub = f->hub,
                        .stats = f->stats,
                        .identify = fixture_identify };
    must(api_start(&s, fd, &f->api, &e), &e);
}

static inline void fixture_open(struct fixture *f, const char *const *settings, int64_t reserve)
{
    fixture_open_with(f, settings, reserve, false);
}

static inline int fixture_unlink(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static inline void fixture_close(struct fixture *f)
{
    f->api = api_stop(f->api);
    f->jobs = jobs_close(f->jobs);
    f->hub = hub_free(f->hub);
    f->stats = stats_free(f->stats);
    f->waiters = waiters_free(f->waiters);
    f->languages = language_table_free(f->languages);
    config_clear(&f->config);
    (void)nftw(f->dir, fixture_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

/* With default settings, as cmocka wants them. */
static inline int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    fixture_open(f, NULL, 0);
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state)
{
    fixture_close(*state);
    free(*state);
    return 0;
}

/* ---- a client ---- */

static inline int dial(const struct fixture *f)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)f->port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval patience = { .tv_sec = 20 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    assert_true(fd >= 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) < 0) {
        closep(&fd);
        return -1;
    }
    return fd;
}

/* False when the other side has closed. */
static inline bool push(int fd, const void *data, size_t len)
{
    const char *p = data;

    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

struct answer {
    int status;      /* 0: the connection ended without an answer */
    struct buf text; /* head and body */
    const char *body;
    bool closed; /* the connection ended behind it */
};

static inline size_t length_of(const struct answer *a)
{
    const char *at = strcasestr(a->text.data, "\r\nContent-Length:");
    return at ? (size_t)strtoul(at + 17, NULL, 10) : 0;
}

/* Reads one answer. head_only: to HEAD, whose length is of a body that does not come. */
static inline struct answer hear(int fd, bool head_only)
{
    struct answer a = { .status = 0 };
    char piece[65536];
    size_t want = SIZE_MAX;

    while (a.text.len < want) {
        const char *end = a.text.data ? strstr(a.text.data, "\r\n\r\n") : NULL;
        if (end && want == SIZE_MAX) {
            want = (size_t)(end - a.text.data) + 4 + (head_only ? 0 : length_of(&a));
            continue;
        }
        ssize_t n =
            recv(fd, piece, want - a.text.len < sizeof piece ? want - a.text.len : sizeof piece, 0);
        if (n <= 0) {
            a.closed = true;
            break;
        }
        assert_int_equal(buf_add(&a.text, piece, (size_t)n), 0);
    }
    if (a.text.data && sscanf(a.text.data, "HTTP/1.%*d %d", &a.status) == 1) {
        a.body = strstr(a.text.data, "\r\n\r\n");
        a.body = a.body ? a.body + 4 : "";
    }
    return a;
}

/* True when nothing but the end comes. */
static inline bool hears_end(int fd)
{
    char byte;
    return recv(fd, &byte, 1, 0) == 0 || errno == ECONNRESET;
}

static inline bool has_header(const struct answer *a, const char *line)
{
    return a->text.data && strcasestr(a->text.data, line);
}

/* One request on a connection of its own. */
static inline struct answer say(const struct fixture *f, const void *data, size_t len)
{
    CLEANUP(closep) int fd = dial(f);

    assert_true(fd >= 0);
    (void)push(fd, data, len);
    return hear(fd, false);
}

PRINTF(3, 4)
static inline struct answer get(const struct fixture *f, const char *method, const char *fmt, ...)
{
    char target[2000], request[2200];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(target, sizeof target, fmt, ap);
    va_end(ap);
    int n = snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: x\r\n\r\n", method, target);
    return say(f, request, (size_t)n);
}

static inline void push_post(int fd, const char *target, const char *json)
{
    char head[300];
    int n = snprintf(head, sizeof head,
                     "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                     "Content-Length: %zu\r\n\r\n",
                     target, strlen(json));
    (void)push(fd, head, (size_t)n);
    (void)push(fd, json, strlen(json));
}

static inline struct answer post(const struct fixture *f, const char *target, const char *json)
{
    CLEANUP(closep) int fd = dial(f);

    assert_true(fd >= 0);
    push_post(fd, target, json);
    return hear(fd, false);
}

/* Asserts the status, returns the body as JSON (NULL when it is none), frees the answer. */
static inline json_t *expect(struct answer a, int status)
{
    if (a.status != status)
        fail_msg("%d instead of %d: %.600s", a.status, status, a.text.data ? a.text.data : "");
    json_t *json = json_loads(a.body ? a.body : "", 0, NULL);
    buf_clear(&a.text);
    return json;
}

static inline void expect_status(struct answer a, int status) { json_decref(expect(a, status)); }

static inline const char *field(const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));
    return text ? text : "(none)";
}

/* ---- what an engine would do ---- */

/* The last claim of each row. */
static inline int64_t *claim_of(int64_t seq)
{
    static int64_t claims[4096];

    return &claims[(uint64_t)seq % ARRAY_LEN(claims)];
}

/* Claims the oldest queued row. Returns its number; id needs SUBMISSION_ID_MAX + 1 bytes. */
static inline int64_t claim(const struct fixture *f, char *id)
{
    static const char *const any[] = { "python", "c", NULL };
    struct jobs_op op = { .kind = JOBS_CLAIM, .u.claim.languages = any };
    struct err e;

    must(jobs_do(f->jobs, &op, &e), &e);
    (void)snprintf(id, SUBMISSION_ID_MAX + 1, "%s", op.u.claim.id);
    *claim_of(op.u.claim.seq) = op.u.claim.claim;
    return op.u.claim.seq;
}

static inline void finish(const struct fixture *f, int64_t seq, const char *id)
{
    CLEANUP(report_freep) struct report *r = calloc(1, sizeof *r);
    struct jobs_op op = { .kind = JOBS_FINISH,
                          .u.finish = { .seq = seq, .claim = *claim_of(seq), .report = r } };
    struct err e;

    assert_non_null(r);
    r->id = strdup(id);
    r->language = strdup("python");
    r->verdict = VERDICT_OK;
    r->ran = true;
    assert_int_equal(bytes_copy("hi\n", 3, &r->out), 0);
    assert_int_equal(bytes_copy("", 0, &r->err), 0);
    assert_int_equal(bytes_copy("", 0, &r->build_log), 0);
    must(jobs_do(f->jobs, &op, &e), &e);
}

/* Claims and finishes everything that is queued. */
static inline void finish_all(const struct fixture *f)
{
    char id[SUBMISSION_ID_MAX + 1];

    for (int64_t seq; (seq = claim(f, id)) != 0;)
        finish(f, seq, id);
}

/* Waits until so many clients wait. */
static inline void until_waiting(const struct fixture *f, size_t n)
{
    int64_t end = clock_mono_ns() + 20 * NS_PER_S;

    while (waiters_count(f->waiters) != n) {
        if (clock_mono_ns() > end)
            fail_msg("%zu clients wait, not %zu", waiters_count(f->waiters), n);
        (void)usleep(2000);
    }
}

#define HELLO "{\"language\":\"python\",\"source\":\"print('hi')\"}"
