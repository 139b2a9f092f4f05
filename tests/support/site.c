#include "tests/support/site.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/language/language.h"
#include "schema/base/bytes.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/text.h"
#include "schema/model/report.h"
#include "schema/store/jobs_change.h"
#include "server/api/context.h"
#include "server/http/listen.h"
#include "server/live/hub.h"
#include "server/live/stats.h"
#include "tests/support/assert_err.h"
#include "tests/support/scratch.h"

struct engine *site_engine;
principal_fn *site_identify = principal_anonymous;
int site_unread;

void site_open_with(struct site *f, const char *const *settings, int64_t reserve, bool kafka)
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
    *f = (struct site){ .dir = "/tmp/test_http.XXXXXX" };
    (void)signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && (files.rlim_cur = files.rlim_max))
        (void)setrlimit(RLIMIT_NOFILE, &files);
    log_init(LOG_ERROR, false);
    assert_int_equal(text_init(), 0);
    assert_non_null(mkdtemp(f->dir));
    assert_ok(config_load(environment, &f->config, &e), &e);
    assert_ok(language_table_open(NULL, NULL, 0, &f->languages, &e), &e);
    struct jobs_config jc = { .dir = f->dir,
                              .instance = "one",
                              .max_queued = f->config.max_queued,
                              .reserve_bytes = reserve };
    assert_ok(jobs_open(&jc, &f->jobs, &e), &e);
    assert_ok(waiters_open(&f->waiters, &e), &e);
    jobs_listen(f->jobs, waiters_changed, f->waiters);
    assert_ok(hub_open(f->jobs, &f->config, &hub_times, &f->hub, &e), &e);
    jobs_listen(f->jobs, hub_changed, f->hub);
    assert_ok(stats_open(f->languages, &f->stats, &e), &e);
    jobs_listen(f->jobs, stats_changed, f->stats);
    assert_ok(listen_bind(f->config.http_listen, false, &fd, &e), &e);
    if (site_unread > 0) /* the sockets of clients have it from this one */
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &site_unread, sizeof site_unread);
    listen_name(fd, name);
    f->port = (int)strtol(strrchr(name, ':') + 1, NULL, 10);
    struct server s = { .config = &f->config,
                        .jobs = f->jobs,
                        .engine = site_engine,
                        .languages = f->languages,
                        .waiters = f->waiters,
                        .bridge = kafka ? (struct bridge *)(void *)f : NULL, /* is there one? */
                        .hub = f->hub,
                        .stats = f->stats,
                        .identify = site_identify };
    assert_ok(api_start(&s, fd, &f->api, &e), &e);
}

void site_open(struct site *f, const char *const *settings, int64_t reserve)
{
    site_open_with(f, settings, reserve, false);
}

void site_close(struct site *f)
{
    f->api = api_stop(f->api);
    f->jobs = jobs_close(f->jobs);
    f->hub = hub_free(f->hub);
    f->stats = stats_free(f->stats);
    f->waiters = waiters_free(f->waiters);
    f->languages = language_table_free(f->languages);
    config_clear(&f->config);
    scratch_remove(f->dir);
}

int site_setup(void **state)
{
    struct site *f = calloc(1, sizeof *f);
    site_open(f, NULL, 0);
    *state = f;
    return 0;
}

int site_teardown(void **state)
{
    site_close(*state);
    free(*state);
    return 0;
}

/* The last claim of each row. */
int64_t *site_claim_of(int64_t seq)
{
    static int64_t claims[4096];

    return &claims[(uint64_t)seq % ARRAY_LEN(claims)];
}

int64_t site_claim(const struct site *f, char *id)
{
    static const char *const any[] = { "python", "c", NULL };
    struct jobs_op op = { .kind = JOBS_CLAIM, .u.claim.languages = any };
    struct err e;

    assert_ok(jobs_do(f->jobs, &op, &e), &e);
    (void)snprintf(id, SUBMISSION_ID_MAX + 1, "%s", op.u.claim.id);
    *site_claim_of(op.u.claim.seq) = op.u.claim.claim;
    return op.u.claim.seq;
}

void site_finish(const struct site *f, int64_t seq, const char *id)
{
    CLEANUP(report_freep) struct report *r = calloc(1, sizeof *r);
    struct jobs_op op = { .kind = JOBS_FINISH,
                          .u.finish = { .seq = seq, .claim = *site_claim_of(seq), .report = r } };
    struct err e;

    assert_non_null(r);
    r->id = strdup(id);
    r->language = strdup("python");
    r->verdict = VERDICT_OK;
    r->ran = true;
    assert_int_equal(bytes_copy("hi\n", 3, &r->out), 0);
    assert_int_equal(bytes_copy("", 0, &r->err), 0);
    assert_int_equal(bytes_copy("", 0, &r->build_log), 0);
    assert_ok(jobs_do(f->jobs, &op, &e), &e);
}

void site_finish_all(const struct site *f)
{
    char id[SUBMISSION_ID_MAX + 1];

    for (int64_t seq; (seq = site_claim(f, id)) != 0;)
        site_finish(f, seq, id);
}

void site_await_waiting(const struct site *f, size_t n)
{
    int64_t end = clock_mono_ns() + 20 * NS_PER_S;

    while (waiters_count(f->waiters) != n) {
        if (clock_mono_ns() > end)
            fail_msg("%zu clients wait, not %zu", waiters_count(f->waiters), n);
        (void)usleep(2000);
    }
}
