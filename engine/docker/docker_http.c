#include "engine/docker/docker_http.h"

#include <curl/curl.h>
#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include "schema/base/buf.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"

struct docker_http {
    CURL *curl;                 /* owned */
    struct curl_slist *headers; /* owned */
    char *path;                 /* owned: the socket */
    char text[CURL_ERROR_SIZE]; /* libcurl's own words about the last failure */
    _Atomic int64_t until;      /* clock_mono_ns() */
};

/* Where the bytes of one answer go, and why the transfer was ended. */
struct sink {
    const struct docker_http_request *request;
    struct buf *answer;
    size_t seen;
    enum { SINK_OPEN, SINK_TOO_LARGE, SINK_STOPPED, SINK_NOMEM } end;
};

static size_t receive_piece(char *data, size_t size, size_t count, void *ctx)
{
    struct sink *s = ctx;
    size_t len = size * count;

    s->seen += len;
    if (s->seen > s->request->answer_max)
        s->end = SINK_TOO_LARGE;
    else if (s->request->piece && !s->request->piece(s->request->ctx, data, len))
        s->end = SINK_STOPPED;
    else if (!s->request->piece && buf_add(s->answer, data, len) < 0)
        s->end = SINK_NOMEM;
    return s->end == SINK_OPEN ? len : 0; /* anything but len ends the transfer */
}

/* Before libcurl 7.84 the global init is not thread-safe. */
static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_ready;
static void start_curl(void) { curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT); }

int docker_http_open(const char *path, struct docker_http **ret_http, struct err *e)
{
    (void)pthread_once(&curl_once, start_curl);
    CLEANUP(docker_http_freep) struct docker_http *h = calloc(1, sizeof *h);
    if (!h || curl_ready != CURLE_OK)
        return err_set(e, ERR_NOMEM, "start libcurl");
    atomic_init(&h->until, INT64_MAX);
    h->path = strdup(path);
    h->curl = curl_easy_init();
    h->headers = curl_slist_append(NULL, "Content-Type: application/json");
    /* An empty Expect: else libcurl waits a second for "100 Continue" before a large body. */
    if (!h->path || !h->curl || !h->headers || !curl_slist_append(h->headers, "Expect:"))
        return err_set(e, ERR_NOMEM, "open a handle for %s", path);
    *ret_http = TAKE(h);
    return 0;
}

struct docker_http *docker_http_free(struct docker_http *h)
{
    if (!h)
        return NULL;
    if (h->curl)
        curl_easy_cleanup(h->curl);
    curl_slist_free_all(h->headers);
    free(h->path);
    free(h);
    return NULL;
}

void docker_http_until(struct docker_http *h, int64_t deadline_ns)
{
    atomic_store(&h->until, deadline_ns);
}

/* libcurl calls this about once a second, also while no data arrives. Not 0 ends the transfer. */
static int is_call_overdue(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct docker_http *h = ctx;

    (void)a, (void)b, (void)c, (void)d;
    return clock_mono_ns() > atomic_load(&h->until);
}

/* The most common fault of a new installation: the message names the group and the command. */
static int no_permission(const char *path, struct err *e)
{
    struct stat st;
    struct group group, *found = NULL;
    char room[1024];

    if (stat(path, &st) == 0 && (st.st_mode & S_IWGRP))
        (void)getgrgid_r(st.st_gid, &group, room, sizeof room, &found);
    if (!found)
        return err_set(e, ERR_UNAVAILABLE,
                       "no permission to use the Docker socket %s: run as root, or let this user "
                       "write to it",
                       path);
    return err_set(e, ERR_UNAVAILABLE,
                   "no permission to use the Docker socket %s: it belongs to group %s; run as "
                   "root, or `usermod -aG %s USER` and log in again",
                   path, found->gr_name, found->gr_name);
}

static int no_connection(const struct docker_http *h, struct err *e)
{
    if (euidaccess(h->path, W_OK) == 0)
        return err_set(e, ERR_UNAVAILABLE, "Docker does not answer at %s", h->path);
    if (errno == EACCES || errno == EPERM)
        return no_permission(h->path, e);
    return err_errno(e, ERR_UNAVAILABLE, errno, "Docker is not there: %s", h->path);
}

static int transfer_error(const struct docker_http *h, CURLcode code, const struct sink *s,
                          struct err *e)
{
    const char *text = h->text[0] ? h->text : curl_easy_strerror(code);

    if (s->end == SINK_TOO_LARGE)
        return err_set(e, ERR_DOCKER, "Docker's answer is larger than %zu bytes",
                       s->request->answer_max);
    if (s->end == SINK_STOPPED || code == CURLE_ABORTED_BY_CALLBACK)
        return err_set(e, ERR_CANCELLED, "stopped on request");
    if (s->end == SINK_NOMEM || code == CURLE_OUT_OF_MEMORY)
        return err_set(e, ERR_NOMEM, "Docker's answer");

    switch (code) {
    case CURLE_COULDNT_CONNECT:
        return no_connection(h, e);
    case CURLE_OPERATION_TIMEDOUT:
        return err_set(e, ERR_TIMEOUT, "Docker did not answer in time: %s", text);
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
        return err_set(e, ERR_UNAVAILABLE, "Docker went away in the middle of a call: %s", text);
    default:
        return err_set(e, ERR_DOCKER, "odd answer from %s: %s", h->path, text);
    }
}

/* Sets every option on every call, so that no call inherits one from the call before. */
static CURLcode set_options(struct docker_http *h, const struct docker_http_request *q,
                            struct sink *s)
{
    CURL *c = h->curl;
    char url[2048];
    int n = snprintf(url, sizeof url, "http://docker%s", q->path);
    if (n < 0 || (size_t)n >= sizeof url)
        return CURLE_URL_MALFORMAT;

    curl_easy_reset(c); /* keeps the connection */
    h->text[0] = '\0';
    CURLcode rc = CURLE_OK;
#define SET(option, value) (rc = rc ? rc : curl_easy_setopt(c, option, value))
    SET(CURLOPT_URL, url);
    SET(CURLOPT_UNIX_SOCKET_PATH, h->path);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_HTTPHEADER, h->headers);
    SET(CURLOPT_ERRORBUFFER, h->text);
    SET(CURLOPT_WRITEFUNCTION, receive_piece);
    SET(CURLOPT_WRITEDATA, s);
    SET(CURLOPT_CONNECTTIMEOUT_MS, 5000L);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, is_call_overdue);
    SET(CURLOPT_XFERINFODATA, h);
    if (q->timeout_ms > 0) {
        SET(CURLOPT_TIMEOUT_MS, q->timeout_ms);
    } else {
        SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
        SET(CURLOPT_LOW_SPEED_TIME, DOCKER_HTTP_SILENCE_S);
    }
    if (strcmp(q->method, "POST") == 0)
        SET(CURLOPT_POSTFIELDS, q->body ? q->body : ""); /* borrowed by libcurl until it returns */
    else
        SET(CURLOPT_CUSTOMREQUEST, q->method);
#undef SET
    return rc;
}

int docker_http_send(struct docker_http *h, const struct docker_http_request *q, long *ret_status,
                     struct buf *answer, struct err *e)
{
    struct sink s = { .request = q, .answer = answer, .end = SINK_OPEN };

    answer->len = 0;
    if (is_call_overdue(h, 0, 0, 0, 0))
        return err_set(e, ERR_CANCELLED, "stopped on request");
    CURLcode rc = set_options(h, q, &s);
    if (rc == CURLE_OK)
        rc = curl_easy_perform(h->curl);
    if (rc != CURLE_OK)
        return transfer_error(h, rc, &s, e);
    long status = 0;
    if (curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK)
        return err_set(e, ERR_DOCKER, "no status from %s", h->path);
    *ret_status = status;
    return 0;
}

const char *docker_http_library(void) { return curl_version_info(CURLVERSION_NOW)->version; }
